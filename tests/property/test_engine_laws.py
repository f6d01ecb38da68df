"""Laws of the engine, for any input: twice is once, a restart is never noticed, unknown is never an end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from care.ids import content_id
from care.messages import URGENT, Finding, Report
from care.site import Community, Device, Home, Registry, Resident, Site
from care.words import Condition, Kind, Phase
from rules.engine import Engine
from tests.told import BOOK

NIGHT = datetime(2026, 3, 1, 17, 0, tzinfo=UTC)  # 01:00 in Shanghai

SITE = Site(
    community=Community(id="c", name="c"),
    homes=[
        Home(
            id="h1",
            residents=[Resident(id="r1", name="甲", conditions=["dementia"])],
            devices=[
                Device(id="belt", kind=Kind.bed_belt, room="bedroom"),
                Device(id="mat", kind=Kind.bed_belt, room="bedroom"),
                Device(id="smoke", kind=Kind.smoke, room="kitchen"),
                Device(id="gas", kind=Kind.gas, room="kitchen"),
                Device(id="sos", kind=Kind.sos),
                Device(id="door", kind=Kind.door, room="entrance"),
                Device(id="pir", kind=Kind.motion, room="living"),
                Device(id="leak", kind=Kind.water_leak, room="bathroom"),
                Device(id="radar", kind=Kind.fall, room="bathroom"),
            ],
        )
    ],
)
REGISTRY = Registry(SITE)
SAYS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "belt": {
        "in_bed": st.sampled_from([True, True, False, None]),
        "respiration_rate": st.sampled_from([0, 0, 13, 14, None]),
        "signal_quality": st.sampled_from([0, 80]),
    },
    "mat": {"in_bed": st.sampled_from([True, False, None])},
    "smoke": {"smoke": st.sampled_from([True, False, None]), "battery": st.integers(0, 100)},
    "gas": {"gas": st.sampled_from([True, False, None]), "preheat": st.sampled_from([False, None])},
    "sos": {"sos": st.just(True), "battery_low": st.booleans()},
    "door": {"door_open": st.sampled_from([True, False, None]), "tamper": st.booleans()},
    "pir": {"motion": st.sampled_from([True, False, None])},
    "leak": {"water_leak": st.sampled_from([True, False, None])},
    "radar": {"fall": st.sampled_from([True, False, "suspected"])},
}


WORDS = {device: st.fixed_dictionaries({}, optional=says).filter(bool) for device, says in SAYS.items()}
SKELETON = st.sampled_from(sorted(SAYS)).flatmap(
    lambda device: st.tuples(
        st.just(device),
        WORDS[device],
        st.sampled_from([0, 1, 5, 10, 30, 60, 130, 600, 1300, 4000]),  # seconds since the one before
        st.sampled_from([0, 0, 0, 0, 1, 7, 90, 1800]),  # seconds late
        st.sampled_from(["dated", "dated", "dated", "undated"]),
        st.sampled_from([None, None, 1, 2, 3]),
        st.sampled_from(["live", "live", "live", "retained", "test"]),
        st.sampled_from([1, 1, 1, 4, 40, 80]),  # said so many times, twenty seconds apart
    )
)


A_WALK: list[tuple[Any, ...]] = [
    ("belt", {"in_bed": True}, 10, 0, "dated", None, "live", 40),
    ("belt", {"in_bed": False}, 20, 0, "dated", None, "live", 80),
]
"""In bed for a quarter of an hour, then out for half of one: rare by chance."""


def an_evening(most: int = 12) -> st.SearchStrategy[list[Report]]:
    """Reports in order of receipt, with pauses from nothing to hours."""
    one = SKELETON.map(lambda skeleton: [skeleton])
    return st.lists(st.one_of(one, one, one, st.just(A_WALK)), min_size=1, max_size=most).map(
        lambda parts: told([skeleton for part in parts for skeleton in part])
    )


def told(skeletons: list[tuple[Any, ...]]) -> list[Report]:
    heard = NIGHT
    out: list[Report] = []
    for device, words, pause, late, dated, seq, how, times in skeletons:
        heard += timedelta(seconds=pause)
        for again in range(times):
            received_at = heard + timedelta(seconds=20 * again)
            at = received_at - timedelta(seconds=late) if dated == "dated" else received_at
            values = {k: v for k, v in words.items() if v is not None}
            number = seq if again == 0 else None
            # Named as ingest names them: by content, and by receipt when nothing else tells them apart.
            told_at = str(at) if dated == "dated" else None
            heard_at = str(received_at) if dated != "dated" and number is None else None
            out.append(
                Report(
                    report_id=content_id(device, number, told_at, repr(words), heard_at, how),
                    home="h1",
                    device=device,
                    kind=REGISTRY.devices[device][1].kind.value,
                    at=at,
                    received_at=received_at,
                    device_at=at if dated == "dated" else None,
                    seq=number,
                    values=values,
                    unknown=[k for k, v in words.items() if v is None],
                    retained=how == "retained",
                    test=how == "test",
                )
            )
        heard = out[-1].received_at
    return out


def play(
    reports: list[Report],
    *,
    until: timedelta = timedelta(hours=3),
    before: Callable[[Engine, int], Engine] = lambda engine, _: engine,
) -> tuple[list[Finding], Engine]:
    """Feed reports with timers in between, in order of time; `before` may exchange the engine at every step."""
    engine = Engine(REGISTRY, BOOK)
    out = engine.tick(NIGHT)
    step = 0

    def run_to(at: datetime) -> None:
        nonlocal engine, step, out
        while (due := engine.next_due()) is not None and due <= at:
            engine = before(engine, step)
            step += 1
            out += engine.tick(due)

    for report in reports:
        run_to(report.received_at)
        engine = before(engine, step)
        step += 1
        out += engine.feed(report, report.received_at)
    run_to((reports[-1].received_at if reports else NIGHT) + until)
    return out, engine


def names(findings: list[Finding]) -> list[str]:
    return [f.event_id for f in findings]


def plain(findings: list[Finding]) -> list[Finding]:
    return [msgspec.structs.replace(f, late_seconds=0.0) for f in findings]


@given(an_evening())
@settings(max_examples=40, deadline=None)
def test_everything_heard_twice_is_heard_once(reports: list[Report]) -> None:
    """Each report fed twice in a row says the same, and leaves the same memory."""
    once, engine = play(reports)
    twice, other = play([r for report in reports for r in (report, report)])
    assert twice == once
    assert other.snapshot() == engine.snapshot()


@given(an_evening(), st.data())
@settings(max_examples=40, deadline=None)
def test_exact_duplicates_at_any_later_place_change_nothing(
    reports: list[Report], data: st.DataObject
) -> None:
    """A broker may deliver again whenever it likes: the same report, received at the same time, is known."""
    once, _ = play(reports)
    mixed = list(reports)
    for _ in range(data.draw(st.integers(1, 8))):
        first = data.draw(st.integers(0, len(reports) - 1))
        known = reports[first]
        place = data.draw(st.integers(mixed.index(known) + 1, len(mixed)))
        mixed.insert(place, known)

    engine = Engine(REGISTRY, BOOK)
    out = engine.tick(NIGHT)
    now = NIGHT
    for report in mixed:
        now = max(now, report.received_at)
        while (due := engine.next_due()) is not None and due <= now:
            out += engine.tick(due)
        out += engine.feed(report, now)
    end = now + timedelta(hours=3)
    while (due := engine.next_due()) is not None and due <= end:
        out += engine.tick(due)
    assert plain(out) == plain(once)


@given(an_evening())
@example(
    told([("belt", {"respiration_rate": 0}, 0, 0, "dated", None, "live", 1)])
)  # whole numbers stay whole
@settings(max_examples=40, deadline=None)
def test_an_engine_restored_before_every_step_never_stopped(reports: list[Report]) -> None:
    """Snapshot and restore at every input and timer: the same findings, the same bytes."""
    once, engine = play(reports)

    def restored(engine: Engine, _: int) -> Engine:
        data = engine.snapshot()
        again = Engine.restore(REGISTRY, BOOK, data)
        assert again.snapshot() == data
        return again

    crashed, other = play(reports, before=restored)
    assert crashed == once
    assert other.snapshot() == engine.snapshot()


@given(an_evening())
@settings(max_examples=40, deadline=None)
def test_whoever_was_not_asked_had_nothing_to_say(reports: list[Report]) -> None:
    """Rules that rest (`Instance.rests`) are not asked at every report; asked all the same, they change nothing."""
    once, engine = play(reports)

    def awake(engine: Engine, _: int) -> Engine:
        for home in engine._homes.values():
            for instance in home.instances.values():
                instance.rests, instance.calm = None, False
        return engine

    asked, other = play(reports, before=awake)
    assert asked == once
    assert other.snapshot() == engine.snapshot()


@given(an_evening(), st.data())
@settings(max_examples=40, deadline=None)
def test_an_engine_that_hears_the_log_again_says_the_same(reports: list[Report], data: st.DataObject) -> None:
    """Killed after any message and restarted from an older snapshot: every event under the same name, none more."""
    once, _ = play(reports)
    saved = data.draw(st.integers(0, len(reports)))
    killed = data.draw(st.integers(saved, len(reports)))

    def to(engine: Engine, part: list[Report]) -> list[Finding]:
        out: list[Finding] = []
        for report in part:
            while (due := engine.next_due()) is not None and due <= report.received_at:
                out += engine.tick(due)
            out += engine.feed(report, report.received_at)
        return out

    engine = Engine(REGISTRY, BOOK)
    out = engine.tick(NIGHT) + to(engine, reports[:saved])
    snapshot = engine.snapshot()
    out += to(engine, reports[saved:killed])
    engine = Engine.restore(REGISTRY, BOOK, snapshot)
    out += to(engine, reports[saved:])
    end = reports[-1].received_at + timedelta(hours=3)
    while (due := engine.next_due()) is not None and due <= end:
        out += engine.tick(due)
    assert list(dict.fromkeys(names(out))) == names(once)


@given(an_evening())
@settings(max_examples=40, deadline=None)
def test_every_event_has_its_own_name_and_every_story_its_order(reports: list[Report]) -> None:
    """Opened once, then changed, then at most cleared; onset before the beginning; times never before the onset."""
    out, _ = play(reports)
    assert len(set(names(out))) == len(out)
    phases: dict[str, list[Phase]] = {}
    for finding in out:
        phases.setdefault(finding.finding, []).append(finding.phase)
        assert finding.onset_at <= finding.at
    for told in phases.values():
        assert told[0] is Phase.opened
        assert told.count(Phase.opened) == 1
        assert Phase.cleared not in told[:-1]


@given(an_evening())
@settings(max_examples=40, deadline=None)
def test_what_is_unknown_is_never_over(reports: list[Report]) -> None:
    """Between `unknown` and `known` nothing clears and no level rises."""
    out, _ = play(reports, until=timedelta(hours=12))
    blind: set[str] = set()
    for finding in out:
        if finding.reason == "unknown":
            blind.add(finding.finding)
            assert finding.condition is Condition.unknown
        elif finding.reason == "known":
            blind.discard(finding.finding)
        elif finding.finding in blind:
            # Clearing says by itself that we know again; nothing else may come.
            assert finding.phase is Phase.cleared or finding.reason == "occurrence"
            assert finding.evidence
            blind.discard(finding.finding)


@given(an_evening())
@settings(max_examples=50, deadline=None)
def test_a_hazard_is_always_found(reports: list[Report]) -> None:
    """Smoke that is newer than our last word on it lies inside an open finding; every press is in one."""
    out, _ = play(reports)
    spans: dict[str, list[tuple[datetime, datetime]]] = {}
    for finding in out:
        if finding.rule == "SM1" and not finding.test:
            if finding.phase is Phase.opened:
                spans.setdefault("smoke", []).append((finding.onset_at, datetime.max.replace(tzinfo=UTC)))
            elif finding.phase is Phase.cleared:
                spans["smoke"][-1] = (spans["smoke"][-1][0], finding.at)
    last: datetime | None = None
    for report in reports:
        if report.test or "smoke" not in {*report.values, *report.unknown}:
            continue
        if last is None or report.at > last:
            if report.values.get("smoke"):
                assert any(a <= report.at <= b for a, b in spans.get("smoke", []))
            last = report.at
    pressed = [r for r in reports if "sos" in r.values and not r.test and not r.retained and r.seq is None]
    told = {e.at for f in out if f.rule == "SOS1" and not f.test for e in f.evidence}
    opened = [f for f in out if f.rule == "SOS1" and not f.test]
    for report in pressed:
        assert any(abs((f.at - report.at).total_seconds()) <= 60 for f in opened) or report.at in told


@given(
    st.integers(0, 600).map(lambda tenths: tenths / 10),
    st.lists(st.integers(1, 1500), max_size=4),
    st.integers(0, 1),
)
@settings(max_examples=50, deadline=None)
def test_a_hold_is_right_to_the_second_across_restarts(offset: float, crashes: list[int], kind: int) -> None:
    """Twenty minutes out of bed are twenty minutes, five seconds of gas are five, wherever the engine is restarted."""
    device, quantity, hold, rule = [("belt", "in_bed", 1200, "BD1"), ("gas", "gas", 5, "GS1")][kind]
    start = NIGHT + timedelta(minutes=30)
    bad = start + timedelta(seconds=offset)
    engine = Engine(REGISTRY, BOOK)
    out = engine.tick(NIGHT)
    stops = sorted({start + timedelta(seconds=s) for s in crashes})
    moments = [NIGHT + timedelta(seconds=30 * i) for i in range(60)]
    moments += [bad + timedelta(seconds=30 * i) for i in range(45)]

    def word(at: datetime) -> Report:
        return Report(
            report_id=str(at), home="h1", device=device, kind="x", at=at, received_at=at, device_at=at,
            values={quantity: (at >= bad) is (kind == 1)},
        )  # fmt: skip

    for at in sorted([*moments, *stops]):
        while (due := engine.next_due()) is not None and due <= at:
            out += engine.tick(due)
        if at in stops:
            engine = Engine.restore(REGISTRY, BOOK, engine.snapshot())
        if at in moments:
            out += engine.feed(word(at), at)
    opened = [f for f in out if f.rule == rule]
    assert [f.at for f in opened][:1] == [bad + timedelta(seconds=hold)]
    assert opened[0].onset_at == bad


def test_the_evening_can_say_something() -> None:
    """The laws above are about findings, so there must be some."""
    heard: set[str] = set()

    @given(an_evening())
    @settings(max_examples=40, deadline=None, derandomize=True)
    def collect(reports: list[Report]) -> None:
        heard.update(f"{f.rule} {f.phase.value} {f.reason}" for f in play(reports)[0])

    collect()
    assert {"SM1 opened ", "SM1 cleared ", "SOS1 changed occurrence", "GS1 opened ", "BD1 opened "} <= heard
    assert any("unknown" in h for h in heard)
    assert set(URGENT) >= {"smoke", "gas", "sos"}
