"""One message of the broker -> what it means: whose, when, what is left out, what is refused."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from care.errors import Misconfigured
from care.messages import Refusal, Report, Unclaimed, decode, encode
from care.site import Community, Device, Home, Registry, Resident, Site
from care.words import Kind
from ingest.normalize import DEFAULT_SUBSCRIPTIONS, Message, Normalizer, Subscription

NOON = datetime(2026, 5, 23, 4, 0, tzinfo=UTC)


def a_site(consent: dict[str, list[str]] | None = None, *more: Resident) -> Site:
    return Site(
        community=Community(id="zpq", name="总浦桥社区"),
        homes=[
            Home(
                id="h1",
                residents=[Resident(id="r1", name="周阿婆", consent=consent), *more],
                devices=[
                    Device(id="belt", kind=Kind.bed_belt, resident="r1"),
                    Device(id="smoke", kind=Kind.smoke, address="zigbee2mqtt/h1/kitchen smoke"),
                    Device(
                        id="button", kind=Kind.sos, address="zigbee2mqtt/王奶奶/按钮", calls_on=["single"]
                    ),
                    Device(id="pir", kind=Kind.motion, address="zigbee2mqtt/h1/pir"),
                    Device(id="sos", kind=Kind.sos),
                    Device(id="door", kind=Kind.door, address="site/3/z2m/h1/door"),
                    Device(id="gw", kind=Kind.gateway, address="h1/gw"),
                ],
            ),
            Home(id="h2"),
        ],
    )


def normalizer(site: Site | None = None, *more: Subscription) -> Normalizer:
    subscriptions = (*DEFAULT_SUBSCRIPTIONS, Subscription("site/+/z2m/#", "zigbee2mqtt"), *more)
    return Normalizer(Registry(site or a_site()), subscriptions)


def message(topic: str, payload: Any, **more: Any) -> Message:
    data = payload if isinstance(payload, bytes) else json.dumps(payload, ensure_ascii=False).encode()
    return Message(topic, data, **{"received_at": NOON, **more})


def heard(topic: str, payload: Any, n: Normalizer | None = None, **more: Any) -> list[Any]:
    return list((n or normalizer()).normalize(message(topic, payload, **more)))


def report(topic: str, payload: Any, n: Normalizer | None = None, **more: Any) -> Report:
    [out] = heard(topic, payload, n, **more)
    assert isinstance(out, Report)
    return out


def test_a_native_reading_belongs_to_its_home() -> None:
    """By the default topic; everything of the message is in the report, and it survives the stream."""
    r = report(
        "anxin/v1/h1/belt",
        {"time": "2026-05-23T03:59:59Z", "seq": 7, "heart_rate": 71, "in_bed": None},
        qos=1,
    )
    assert (r.home, r.device, r.kind, r.seq, r.values, r.unknown) == (
        "h1",
        "belt",
        "bed_belt",
        7,
        {"heart_rate": 71},
        ["in_bed"],
    )
    assert (r.at, r.received_at, r.repaired) == (NOON - timedelta(seconds=1), NOON, None)
    assert r.subject.startswith("readings.normal.")
    assert decode(encode(r), Report) == r


def test_names_with_slashes_spaces_and_chinese() -> None:
    """The registry's address is exact, the base may have several levels."""
    assert report("zigbee2mqtt/h1/kitchen smoke", {"smoke": True}).subject.startswith("readings.urgent.")
    assert report("zigbee2mqtt/王奶奶/按钮", {"action": "single"}).values == {"action": "single", "sos": True}
    assert report("site/3/z2m/h1/door", {"contact": False}).values == {"door_open": True}


@pytest.mark.parametrize(
    ("given", "at", "why"),
    [
        (timedelta(seconds=4), timedelta(seconds=4), None),
        (timedelta(seconds=6), timedelta(0), "future"),
        (timedelta(hours=8), timedelta(0), "future"),
        (timedelta(hours=-23), timedelta(hours=-23), None),
        (timedelta(hours=-25), timedelta(0), "too_old"),
        (timedelta(days=-20000), timedelta(0), "too_old"),
    ],
)
def test_times_that_cannot_be_believed_are_repaired(given: timedelta, at: timedelta, why: str | None) -> None:
    """More than 5 s ahead or a day old becomes the time of receipt, says so, and keeps what the device said."""
    r = report("anxin/v1/h1/belt", {"time": (NOON + given).isoformat(), "in_bed": True})
    assert (r.at, r.repaired, r.device_at) == (NOON + at, why, NOON + given)


def test_no_time_is_the_time_of_receipt() -> None:
    """And says that none was given."""
    r = report("anxin/v1/h1/belt", {"in_bed": True})
    assert (r.at, r.repaired, r.device_at) == (NOON, "none_given", None)


def test_the_same_reading_has_the_same_name_by_mqtt_and_by_http() -> None:
    """With a counter or a time of its own, whenever it arrives and however its JSON is written."""
    n, later = normalizer(), NOON + timedelta(seconds=3)
    for payload in ({"seq": 5, "sos": 1}, {"time": "2026-05-23T03:59:59Z", "sos": 1}):
        first = report("anxin/v1/h1/sos", payload, n)
        spaced = json.dumps(dict(reversed(payload.items())), indent=2).encode()
        [second] = n.readings("sos", spaced, later)
        assert isinstance(second, Report)
        assert first.report_id == second.report_id
    one = report("anxin/v1/h1/sos", {"sos": 1}, n)
    two = report("anxin/v1/h1/sos", {"sos": 1}, n, received_at=later)
    assert one.report_id != two.report_id, "without either a repeat cannot be told from a new press"
    others = [{"seq": 5, "sos": 1, "battery": 3}, {"seq": 6, "sos": 1}, {"seq": 5, "time": 1, "sos": 1}]
    assert len({report("anxin/v1/h1/sos", p, n).report_id for p in others}) == 3
    assert n.readings("nobody", b"{}", NOON) == []
    [refused] = n.readings("sos", b"{", NOON)
    assert isinstance(refused, Refusal)
    assert refused.alarm


def test_what_the_resident_withholds_is_left_out_and_counted() -> None:
    """Classes the centre may not use are gone from report and quarantine; life safety never is."""
    n = normalizer(a_site({"vitals": ["doctor"], "bed": [], "motion": ["centre"]}))
    out = heard(
        "anxin/v1/h1/belt",
        {"seq": 1, "heart_rate": 71, "in_bed": True, "respiration_rate": None, "smoke": True, "battery": 50},
        n,
    )
    assert isinstance(out[0], Report)
    assert (out[0].values, out[0].unknown) == ({"smoke": True, "battery": 50}, [])
    assert {(r.reason, r.detail, r.sample, r.alarm) for r in out[1:]} == {
        ("no_consent", "vitals", "", False), ("no_consent", "bed", "", False),
    }  # fmt: skip
    assert n.withheld == {"vitals": 1, "bed": 1}
    assert report("zigbee2mqtt/h1/pir", {"occupancy": True}, n).values == {"motion": True}
    assert n.with_registry(Registry(a_site())).withheld == {"vitals": 1, "bed": 1}


def test_a_shared_sensor_obeys_the_strictest_of_a_couple() -> None:
    """A door is about both who live behind it."""
    n = normalizer(a_site(None, Resident(id="r2", name="周阿公", consent={"door": []})))
    assert heard("site/3/z2m/h1/door", {"contact": False, "battery": 9}, n)[0].values == {"battery": 9}


def test_an_unreadable_alarm_device_still_tells_people() -> None:
    """Whole payloads and alarm quantities; a bad battery value of the same device does not."""
    for payload in (b"", b"\xff", b"{", b"[1", b"x" * 20_000, {"smoke": "perhaps"}):
        [out] = [o for o in heard("zigbee2mqtt/h1/kitchen smoke", payload) if isinstance(o, Refusal)]
        assert out.alarm, payload
        assert (out.home, out.device) == ("h1", "smoke")
    for topic, payload in (
        ("zigbee2mqtt/h1/kitchen smoke", {"battery": 300}),
        ("anxin/v1/h1/belt", b"{"),
        ("zigbee2mqtt/h1/kitchen smoke", {}),
    ):
        assert not heard(topic, payload)[-1].alarm, payload
    assert heard("anxin/v1/h1/belt", {"fall": []})[-1].alarm


def test_one_bad_quantity_is_refused_and_the_rest_is_heard() -> None:
    """With the name of the quantity and a sample to look at."""
    good, bad = heard("anxin/v1/h1/belt", b'{"heart_rate": 999, "in_bed": true}')
    assert (good.values, bad.reason, bad.quantity, bad.sample) == (
        {"in_bed": True}, "out_of_range", "heart_rate", '{"heart_rate": 999, "in_bed": true}',
    )  # fmt: skip


def test_a_payload_over_16_kb_is_refused_unless_it_is_the_bridges() -> None:
    """A device list may be megabytes."""
    [out] = heard("anxin/v1/h1/belt", b'{"in_bed": true, "x": "' + b"y" * 16384 + b'"}')
    assert (out.reason, out.alarm, len(out.sample)) == ("too_large", False, 512)
    devices = [
        {"friendly_name": f"d{n}", "definition": {"model": "M" * 100, "exposes": []}} for n in range(10_000)
    ]
    assert heard("zigbee2mqtt/bridge/devices", devices) == []


def test_models_are_learnt_from_the_bridge_and_survive_a_reload() -> None:
    """A contact with reversed sense is understood once its definition was heard, and after the site changed."""
    n = normalizer()
    exposed = {
        "type": "binary",
        "name": "contact",
        "property": "contact",
        "value_on": True,
        "value_off": False,
    }
    listed = [{"friendly_name": "h1/door", "definition": {"model": "X", "exposes": [exposed]}}]
    assert report("site/3/z2m/h1/door", {"contact": True}, n).values == {"door_open": False}
    assert heard("site/3/z2m/bridge/devices", listed, n) == []
    assert report("site/3/z2m/h1/door", {"contact": True}, n).values == {"door_open": True}
    assert report("site/3/z2m/h1/door", {"contact": True}, n.with_registry(Registry(a_site()))).values == {
        "door_open": True
    }
    assert report("site/3/z2m/h1/door/contact", b"true", n).values == {"door_open": True}


def test_availability_and_status_say_online_or_offline() -> None:
    """Of a device in both forms, of a home's gateway natively, and of the one home behind a bridge."""
    for payload in (b"offline", {"state": "offline"}):
        r = report("zigbee2mqtt/h1/kitchen smoke/availability", payload, retained=True)
        assert (r.device, r.state, r.values, r.retained) == ("smoke", "offline", {}, True)
    r = report("anxin/v1/h1/status", {"state": "online"})
    assert (r.home, r.device, r.kind, r.state) == ("h1", "gw", "gateway", "online")
    assert report("anxin/v1/h2/status", {"state": "offline"}).device == "gateway"
    assert report("site/3/z2m/bridge/state", {"state": "offline"}).device == "gw"
    assert isinstance(heard("anxin/v1/h9/status", {"state": "online"})[0], Unclaimed)


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("zigbee2mqtt/bridge/info", {"version": "2.14"}), ("zigbee2mqtt/bridge/logging", b"text"),
        ("zigbee2mqtt/bridge/state", b"\xff"), ("zigbee2mqtt/bridge/devices", b"{"), ("zigbee2mqtt/bridge/event", b""),
        ("zigbee2mqtt/h1/pir/set", {"x": 1}), ("zigbee2mqtt/nobody/availability", b"online"),
        ("anxin/v1/h1/sos/ack", {"seq": 1}),
    ],
)  # fmt: skip
def test_what_is_not_about_a_device_is_nothing(topic: str, payload: Any) -> None:
    """Bridge topics, commands, our own acknowledgements: no error, no reading."""
    assert heard(topic, payload) == []


@pytest.mark.parametrize(
    ("topic", "payload", "kind", "home"),
    [
        ("zigbee2mqtt/h2/卧室/门磁", {"contact": True, "battery": 90}, "door", "h2"),
        ("zigbee2mqtt/h2-kitchen", {"smoke": None}, "smoke", "h2"),
        ("anxin/v1/h2/belt-9", {"heart_rate": 60}, "bed_belt", "h2"),
        ("anxin/v1/h7/belt", {"heart_rate": 60}, "bed_belt", None),
        ("zigbee2mqtt/x", b"\xff", None, None),
    ],
)
def test_a_device_in_nobodys_home_is_listed(
    topic: str, payload: Any, kind: str | None, home: str | None
) -> None:
    """With its last payload, what it seems to be, and where its name says it is: never an error, never lost."""
    [out] = heard(topic, payload)
    assert isinstance(out, Unclaimed)
    assert (out.topic, out.suggested_kind, out.suggested_home) == (topic, kind, home)
    assert out.payload


@pytest.mark.parametrize("topic", ["anxin/v1//x", "/zigbee2mqtt/x", "zigbee2mqtt/x/", "zigbee2mqtt/a\x07b", "zigbee2mqtt/+", "zigbee2mqtt/#", "zigbee2mqtt/" + "x" * 600, "zigbee2mqtt/\u202egnp"])  # fmt: skip
def test_topics_that_are_none_are_refused(topic: str) -> None:
    """Empty levels, wildcards, control and direction characters, endless ones."""
    [out] = heard(topic, {"smoke": True})
    assert (out.reason, out.subject) == ("bad_topic", "quarantine._")


@pytest.mark.parametrize("space", [" ", "\u3000", "\u00a0"])
def test_every_space_a_keyboard_makes_is_part_of_a_name(space: str) -> None:
    """The wide one of Chinese keyboards too: its state, its attributes, a stranger's name, and nothing is written out."""
    address = f"zigbee2mqtt/厨房{space}烟感"
    n = normalizer(Site(community=Community(id="zpq", name="总浦桥社区"), homes=[Home(id="h1", devices=[Device(id="smoke", kind=Kind.smoke, address=address)])]))  # fmt: skip
    assert report(address, {"smoke": True}, n).values["smoke"] is True
    assert report(f"{address}/availability", {"state": "offline"}, n).state == "offline"
    assert report(f"{address}/smoke", b"true", n).values["smoke"] is True
    [stranger] = heard(f"zigbee2mqtt/客厅{space}人体", {"occupancy": True}, n)
    assert isinstance(stranger, Unclaimed)
    assert stranger.topic == f"zigbee2mqtt/客厅{space}人体"
    [refusal] = heard("zigbee2mqtt/厨房\u3000\x1b烟感", {"smoke": True}, n)
    assert refusal.topic == "zigbee2mqtt/厨房\u3000\\x1b烟感", (
        "read by a person: only what hides is written out"
    )


def test_a_topic_nobody_subscribed_to() -> None:
    """In a replay any topic may come."""
    assert heard("home/1", {"smoke": True})[0].reason == "unknown_dialect"
    assert heard("h1/gw", {"x": 1})[0].home == "h1"


def test_a_dialect_nobody_speaks_is_misconfigured() -> None:
    """It is said at start, not at the first message."""
    with pytest.raises(Misconfigured, match="klingon"):
        Normalizer(Registry(a_site()), [Subscription("#", "klingon")])


def test_a_bug_of_ours_refuses_the_message_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever trips us, the message is kept for a person to look at, as an alarm when it may be one."""
    n = normalizer()
    monkeypatch.setattr(n, "_zigbee", lambda *_: 1 / 0)
    [out] = heard("zigbee2mqtt/h1/kitchen smoke", {"smoke": True}, n)
    assert (out.reason, out.detail, out.alarm) == ("failed", "ZeroDivisionError", True)


def test_many_faults_of_one_message_are_counted_not_listed() -> None:
    """A hostile array does not become a thousand refusals, and does not hold up the lane (this only catches a hang)."""
    payload = b"[" + b",".join([b'{"heart_rate":-1}'] * 390) + b"]"
    n = normalizer()
    started = time.perf_counter()
    out = heard("anxin/v1/h1/belt", payload, n)
    assert time.perf_counter() - started < 2
    refusals = [o for o in out if isinstance(o, Refusal)]
    assert len(refusals) == 16
    assert refusals[-1].detail == "and 375 more"
