"""Laws of the API's pure parts."""

import itertools
import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from care.messages import Report
from care.site import Device, Home, Resident
from care.words import Kind, Role
from dashboard_api import access, redact
from dashboard_api.live import Hub, Key
from dashboard_api.strip import Recent, strip

NOON = datetime(2026, 5, 23, 4, 6, 24, tzinfo=UTC)
SECRET = "机密"
texts = st.just(SECRET)
PEOPLE = st.lists(st.fixed_dictionaries({"id": texts, "name": st.just("周" + SECRET), "age": st.just(82), "tier": texts,
                                         "tags": st.just([{"word": SECRET}])}), max_size=2)  # fmt: skip
ALERTS = st.fixed_dictionaries(
    {
        "id": st.just("a1"),
        "number": st.integers(1, 9999),
        "code": texts,
        "level": st.sampled_from(["red", "yellow", "blue"]),
        "title": texts,
        "home": st.just("h1"),
        "resident": texts,
        "room": texts,
        "micro_grid": st.just("g"),
        "onset_at": texts,
        "raised_at": st.just("t"),
        "late_seconds": st.just(0),
        "condition": st.sampled_from(["active", "cleared", "unknown"]),
        "state": st.sampled_from(["new", "acknowledged", "dispatched", "attended", "closed"]),
        "owner": st.none() | st.just({"id": "s1", "name": "陈" + SECRET}),
        "responders": st.lists(
            st.fixed_dictionaries(
                {"id": st.sampled_from(["s7", "s8"]), "name": st.just("林" + SECRET), "role": texts, "role_words": st.just("网格员"),
                 "state": st.sampled_from(["offered", "accepted", "declined", "departed", "arrived"]), "at": st.just("t"), "lead": st.booleans(),
                 "walk_minutes": st.none() | st.just(4.0), "way": st.just({"from": SECRET})}
            ), max_size=2, unique_by=lambda r: r["id"],
        ),
        "step": st.just(1),
        "occurrences": st.just(1),
        "findings": st.just([{"finding": SECRET}]),
        "deliveries": st.just([{"person": SECRET}]),
        "outcome": st.none() | st.just({"outcome": "O1", "note": SECRET}),
        "version": st.just(3),
        "kind": st.sampled_from(["vitals", "bed", "fall", "activity", "door"]),
        "cause": texts,
        "state_words": st.just("未接警"),
        "acknowledged_at": st.none(),
        "closed_at": st.none(),
        "called": st.just([{"to": SECRET, "result": "answered", "at": "t"}]),
        "ladder": st.just([{"step": 0, "at_seconds": 0, "due_at": "t", "label": "席", "state": "done", "to": ["陈" + SECRET], "late_seconds": 0}]),
        "place": st.just({"estate_building": "银杏小区 3 幢", "unit_room": SECRET, "address": SECRET, "floor": 4, "lift": True, "micro_grid": "5-2",
                          "grid": "5", "location": [1, 2], "distance_m": 3, "key": SECRET, "door_code": True, "phone": SECRET}),
        "people": PEOPLE,
        "contacts": st.just([{"id": "c", "name": SECRET, "phone": SECRET}]),
        "script": st.just({"say": SECRET, "steps": [{"n": 1, "when": SECRET, "do": SECRET, "detail": SECRET}]}),
        "hint_of_next_year": texts,
    }
)  # fmt: skip


@given(ALERTS)
def test_nothing_personal_passes_to_a_wall_whatever_the_case(alert):
    """Allow-list: a field that is added next year does not reach the wall by itself."""
    assert SECRET not in json.dumps(redact.for_view(alert, redact.Viewer("wall")), ensure_ascii=False)


@given(ALERTS)
def test_a_relative_never_reads_a_field_of_the_desk(alert):
    """Status in words only, with the name of who took it (ux.md 9.8) and no other, and only about somebody who agreed."""
    if alert["owner"] is not None:
        alert = alert | {"owner": {"id": SECRET, "name": "陈敏芝", "phone": SECRET}}
    seen = redact.for_view(alert, redact.Viewer("family", "c1", frozenset({"h1"}), frozenset({SECRET})))
    assert SECRET not in json.dumps(seen, ensure_ascii=False)
    assert (
        redact.for_view(alert, redact.Viewer("family", "c1", frozenset({"h2"}), frozenset({SECRET}))) is None
    )
    assert redact.for_view(alert, redact.Viewer("family", "c1", frozenset({"h1"}), frozenset())) is None


@given(ALERTS)
def test_only_those_who_go_learn_the_door(alert):
    """Room and key after acceptance and before the end; nothing when it was never offered."""
    seen = redact.for_view(alert, redact.Viewer("responder", "s7"))
    own = next((r for r in alert["responders"] if r["id"] == "s7"), None)
    if own is None or own["state"] == "declined":
        assert seen is None
    elif own["state"] == "offered" or alert["state"] == "closed":
        for part in ("room", "home", "people", "contacts", "script"):
            assert part not in seen
        assert not {"key", "phone", "unit_room", "address"} & set(seen["place"])
    else:
        assert seen["place"]["key"] == SECRET


@given(
    st.lists(st.tuples(st.integers(0, 4000), st.sampled_from([True, False, None])), max_size=40),
    st.integers(1, 60),
)
def test_spans_always_cover_the_window_end_to_end(said, minutes):
    """Whatever was said, in whatever order: no gap, no overlap, no two equal neighbours."""
    recent = Recent()
    for n, (seconds, value) in enumerate(said):
        at = NOON - timedelta(seconds=seconds)
        recent.feed(
            Report(report_id=str(n), home="h", device="d", kind="smoke", at=at, received_at=NOON,
                   values={} if value is None else {"smoke": value}, unknown=["smoke"] if value is None else [])
        )  # fmt: skip
    home = Home(id="h", residents=[Resident(id="r", name="x")], devices=[Device(id="d", kind=Kind.smoke)])
    drawn = strip(home, recent, None, NOON, minutes=minutes, zone=ZoneInfo("Asia/Shanghai"))
    spans = drawn["rows"][0]["spans"]
    assert (spans[0]["from"], spans[-1]["to"]) == (drawn["from"], drawn["to"])
    for a, b in itertools.pairwise(spans):
        assert a["to"] == b["from"]
        assert a["value"] is not b["value"]


@given(st.lists(st.integers(0, 30), max_size=30), st.integers(1, 20), st.integers(0, 40))
def test_resuming_gives_exactly_the_rest_or_a_snapshot(bursts, ring, seen):
    """For any history and any last id: what is told after it makes the numbers whole, or everything is told anew."""
    hub = Hub("e", ring=ring, queue=100_000)
    channel = hub.channel(Key("desk"))
    for n in bursts:
        channel.publish("alert", str(n))
    listener = hub.open(Key("desk"), "s", f"e.{seen}", lambda _c: "all")
    told = list(listener._waiting)
    if told and told[0].name == "snapshot":
        assert seen > channel.head or channel.head - seen > ring
        assert told[0].id == channel.id
    else:
        assert [e.id for e in told] == [f"e.{n}" for n in range(seen + 1, channel.head + 1)]


@given(st.text(max_size=60), st.sampled_from(["GET", "POST", "PUT", "DELETE", "TRACE", ""]))
def test_any_path_is_found_or_denied_but_never_breaks(path, method):
    """The table answers for every text."""
    found = access.find(method, "/" + path)
    assert found is None or found.path in {p for _, p in access.ROUTES}
    access.other_methods("/" + path)


@given(
    st.sampled_from(list(Role)),
    st.sampled_from(sorted(access.CLASSES)),
    st.lists(st.sampled_from(["centre", "doctor", "grid"])),
)
def test_consent_is_never_overruled(role, quantity, given_to):
    """Nobody reads what the resident gave to others only."""
    resident = Resident(id="r", name="x", consent={access.CLASSES[quantity]: given_to})
    allowed = access.may_read(role, quantity, resident)
    assert not allowed or ("doctor" if role is Role.doctor else "centre") in given_to
