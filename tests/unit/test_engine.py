"""The engine tells edges from repeats, keeps time, isolates faults and says what it stands on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from care.ids import content_id, epoch_ms
from care.messages import Finding, Refusal, Report
from care.site import Community, Device, Home, Policy, Registry, Resident, Site
from care.words import Condition, Kind, Level, Phase
from rules.catalog import RuleBook, Shape, read_rules
from rules.engine import Engine
from rules.episodes import FAILED
from tests.told import BOOK

NOON = datetime(2026, 5, 23, 4, 0, tzinfo=UTC)

KIT = {
    "belt": (Kind.bed_belt, "bedroom"),
    "smoke": (Kind.smoke, "kitchen"),
    "gas": (Kind.gas, "kitchen"),
    "sos": (Kind.sos, "bedroom"),
    "door": (Kind.door, "entrance"),
    "pir": (Kind.motion, "living"),
}


def a_site(homes: int = 1, *, devices: list[str] | None = None, limits: dict[str, Any] | None = None) -> Site:
    names = list(KIT) if devices is None else devices

    def named(name: str, home: int) -> str:
        return name if home == 1 else f"{name}-{home}"

    return Site(
        community=Community(id="c", name="c"),
        homes=[
            Home(
                id=f"h{i}",
                residents=[Resident(id=f"r{i}", name="甲", limits=limits or {})],
                devices=[Device(id=named(n, i), kind=KIT[n][0], room=KIT[n][1]) for n in names],
            )
            for i in range(1, homes + 1)
        ],
    )


def an_engine(site: Site | None = None, book: RuleBook = BOOK) -> Engine:
    engine = Engine(Registry(site or a_site()), book)
    engine.tick(NOON)
    return engine


def said(
    device: str,
    after: float,
    *,
    late: float = 0,
    home: str = "h1",
    dated: bool = True,
    seq: int | None = None,
    name: str | None = None,
    retained: bool = False,
    test: bool = False,
    **values: Any,
) -> Report:
    """A report of a device, `after` seconds past noon, heard `late` seconds later."""
    at = NOON + timedelta(seconds=after)
    heard = at + timedelta(seconds=late)
    return Report(
        report_id=name or content_id(device, after, late, seq, repr(sorted(values.items()))),
        home=home,
        device=device,
        kind=KIT[device.split("-", maxsplit=1)[0]][0].value
        if device.split("-", maxsplit=1)[0] in KIT
        else "other",
        at=at if dated else heard,
        received_at=heard,
        device_at=at if dated else None,
        seq=seq,
        values={k: v for k, v in values.items() if v is not None},
        unknown=[k for k, v in values.items() if v is None],
        retained=retained,
        test=test,
    )


def feed(engine: Engine, *reports: Report) -> list[Finding]:
    out: list[Finding] = []
    for report in reports:
        out += engine.tick(report.received_at)
        out += engine.feed(report, report.received_at)
    return out


def short(findings: list[Finding]) -> list[tuple[str, str, str]]:
    return [(f.rule, f.phase.value, f.reason or f.level.value) for f in findings]


def test_a_finding_says_everything_about_itself() -> None:
    """Rule, version, level, place, person, cause, words, evidence, parameters in force: nothing is left to guess."""
    engine = an_engine()
    (finding,) = feed(engine, said("smoke", 30, late=0.4, seq=7, name="the-report", smoke=True))
    at = NOON + timedelta(seconds=30)
    assert finding.finding == content_id("SM1", "smoke", round(at.timestamp() * 1000))
    assert (finding.phase, finding.at, finding.onset_at) == (Phase.opened, at, at)
    assert (finding.rule, finding.code, finding.rule_version) == ("SM1", "SM1", 2)
    assert (finding.level, finding.cause, finding.pictogram) == (Level.red, "fire", "smoke")
    assert (finding.home, finding.resident, finding.device, finding.room) == ("h1", "r1", "smoke", "kitchen")
    assert finding.title == {"zh": "厨房烟感报警", "en": "Smoke alarm in the kitchen"}
    assert (finding.condition, finding.life, finding.auto_close) == (Condition.active, True, False)
    assert (finding.reopen_minutes, finding.seq, finding.late_seconds) == (60, 7, 0.0)
    assert finding.parameters["clear_minutes"] == 5
    (evidence,) = finding.evidence
    assert (evidence.device, evidence.quantity, evidence.value) == ("smoke", "smoke", True)
    assert (evidence.at, evidence.received_at, evidence.report_id) == (
        at,
        at + timedelta(seconds=0.4),
        "the-report",
    )


@pytest.mark.parametrize(("late", "label"), [(0.0, 0.0), (5.0, 0.0), (5.1, 5.1), (3600.0, 3600.0)])
def test_news_older_than_five_seconds_is_labelled_late(late: float, label: float) -> None:
    """Never dropped, never silently late."""
    (finding,) = feed(an_engine(), said("smoke", 1, late=late, smoke=True))
    assert finding.late_seconds == pytest.approx(label)


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        # The same report again, by whatever way.
        (said("smoke", 60, smoke=True, name="A"), []),
        # The same state said again later, with and without other values, live and retained.
        (said("smoke", 90, smoke=True), []),
        (said("smoke", 90, smoke=True, battery=80), []),
        (said("smoke", 90, smoke=True, retained=True), []),
        (said("smoke", 60, late=600, smoke=True, retained=True), []),
        # An older word never moves the state back.
        (said("smoke", 30, late=60, smoke=False), []),
        (said("smoke", 60, late=60, smoke=False, retained=True), []),
        # Unknown is neither.
        (said("smoke", 90, smoke=None), [("SM1", "changed", "unknown")]),
    ],
)
def test_after_the_alarm_only_news_is_news(second: Report, expected: list[tuple[str, str, str]]) -> None:
    """Repeats, copies and late words about the past change nothing; and the alarm stays open for an hour."""
    engine = an_engine()
    first = feed(engine, said("smoke", 0, smoke=False), said("smoke", 60, smoke=True, name="A"))
    assert short(first) == [("SM1", "opened", "red")]
    assert short(feed(engine, second)) == expected
    assert short(engine.tick(NOON + timedelta(hours=1))) == []


def test_two_words_of_the_same_moment_are_taken_in_order_of_arrival() -> None:
    """Equal times are no reason to lose the second; and neither of them again moves anything."""
    engine = an_engine(a_site(devices=["pir", "belt"]))
    on, off = said("pir", 10, motion=True, name="on"), said("pir", 10, motion=False, name="off")
    feed(engine, on, off)
    before = engine.snapshot()
    feed(engine, on, off, on)
    assert engine.snapshot() == before


@pytest.mark.parametrize(
    ("presses", "opened", "occurrences"),
    [
        ([said("sos", 0, seq=1, sos=True), said("sos", 5, seq=1, sos=True)], 1, 1),
        ([said("sos", 0, seq=1, sos=True), said("sos", 5, seq=2, sos=True)], 1, 2),
        ([said("sos", 0, sos=True), said("sos", 0, late=5, sos=True, battery=9)], 1, 1),
        ([said("sos", 0, sos=True), said("sos", 61, sos=True)], 2, 1),
        ([said("sos", 0, dated=False, sos=True), said("sos", 5, dated=False, sos=True)], 1, 2),
        # Older than one that is open: its own call, and the newer one still counts its repeats.
        ([said("sos", 600, seq=9, sos=True), said("sos", 0, late=700, seq=1, sos=True)], 2, 1),
        # The counter is the same after a change of battery, the time is not.
        ([said("sos", 0, seq=1, sos=True), said("sos", 3600, seq=1, sos=True)], 2, 1),
    ],
)
def test_every_press_is_raised_exactly_once(presses: list[Report], opened: int, occurrences: int) -> None:
    """By counter or device time; in doubt it is a new one."""
    found = [f for f in feed(an_engine(), *presses) if f.rule == "SOS1"]
    assert sum(f.phase is Phase.opened for f in found) == opened
    assert max(f.occurrences for f in found) == occurrences
    assert all(f.level is Level.red for f in found)


def test_a_timer_fires_with_the_time_it_was_due_however_late_it_is_noticed() -> None:
    """A power cut of ours does not change when something happened, and it says how late we are."""
    engine = an_engine()
    feed(engine, said("gas", 0, gas=True))
    found = [f for f in engine.tick(NOON + timedelta(minutes=7)) if f.rule == "GS1"]
    assert [f.at - NOON for f in found] == [timedelta(seconds=5)]
    assert found[0].late_seconds == 415


def test_next_due_is_the_next_moment_to_look() -> None:
    """Whoever drives the engine need not poll."""
    engine = an_engine(a_site(devices=["gas"]))
    feed(engine, said("gas", 0, gas=True))
    assert engine.next_due() == NOON + timedelta(seconds=5)
    engine.tick(NOON + timedelta(seconds=5))
    after = engine.next_due()
    assert after is not None
    assert after > NOON + timedelta(seconds=5)
    assert an_engine(Site(community=Community(id="c", name="c"))).next_due() is None


def test_a_report_does_not_overtake_a_timer_of_its_own_subject() -> None:
    """Gas that held for five seconds has alarmed even when `false` comes before anybody looked at the clock."""
    engine = an_engine()
    engine.feed(said("gas", 0, gas=True), NOON)
    found = engine.feed(said("gas", 8, gas=False), NOON + timedelta(seconds=8))
    assert [(f.rule, f.phase, f.at - NOON) for f in found] == [("GS1", Phase.opened, timedelta(seconds=5))]


def test_timers_come_in_order_of_time_across_homes() -> None:
    """One clock for everybody."""
    engine = an_engine(a_site(3))
    for home, after in ((1, 2), (2, 0), (3, 1)):
        name = "gas" if home == 1 else f"gas-{home}"
        engine.feed(said(name, after, home=f"h{home}", gas=True), NOON + timedelta(seconds=after))
    found = [f for f in engine.tick(NOON + timedelta(minutes=1)) if f.rule == "GS1"]
    assert [f.home for f in found] == ["h2", "h3", "h1"]
    assert [f.at for f in found] == sorted(f.at for f in found)


def test_while_ordinary_readings_are_behind_only_urgent_timers_go_on() -> None:
    """Gas need not wait for a backlog of telemetry; a belt is not called silent because we have not read it yet."""
    engine = an_engine(a_site(devices=["gas", "belt"]))
    feed(engine, said("belt", 0, in_bed=True), said("gas", 0, gas=True))
    late = engine.tick(NOON + timedelta(hours=1), normal_until=NOON + timedelta(minutes=1))
    assert {f.rule for f in late} == {"GS1"}
    assert "TE3" in {f.rule for f in engine.tick(NOON + timedelta(hours=1))}


@pytest.mark.parametrize("test", [True, False])
def test_a_declared_test_moves_nothing_that_is_believed(test: bool) -> None:
    """A test is blue, marked, never life; the same words without the mark are a fire."""
    engine = an_engine()
    found = feed(engine, said("smoke", 0, smoke=True, test=test))
    assert [(f.level, f.test, f.life, f.auto_close) for f in found] == [
        (Level.blue, True, False, True) if test else (Level.red, False, True, False)
    ]
    after = feed(engine, said("smoke", 10, smoke=True))
    assert [f.level for f in after] == ([Level.red] if test else [])


def test_a_rule_that_fails_rests_in_that_home_only_and_says_so() -> None:
    """Poisoned data of one home: its neighbours, and its own SOS, go on. After ten minutes the rule is tried again."""
    engine = an_engine(a_site(2))
    poison = said("smoke", 10, battery="flat")  # a text that no decoder would let through
    found = feed(engine, poison)
    assert short(found) == [(FAILED, "opened", "yellow")]
    assert found[0].code == "TE7"
    assert "TypeError" in str(found[0].evidence[0].value)
    assert found[0].evidence[0].quantity == "TE1"
    # The rule rests here …
    assert short(feed(engine, said("smoke", 20, battery=5))) == []
    # … works next door …
    assert short(feed(engine, said("smoke-2", 30, home="h2", battery=5))) == [("TE1", "opened", "yellow")]
    # … and life safety does not care.
    assert short(feed(engine, said("sos", 40, sos=True))) == [("SOS1", "opened", "red")]
    assert short(feed(engine, said("smoke", 50, smoke=True))) == [("SM1", "opened", "red")]
    later = [f for f in engine.tick(NOON + timedelta(minutes=10, seconds=10)) if f.rule in (FAILED, "TE1")]
    assert sorted(short(later)) == [("TE1", "opened", "yellow"), (FAILED, "cleared", "yellow")]


def test_a_life_rule_that_fails_raises_the_bare_hazard(monkeypatch: pytest.MonkeyPatch) -> None:
    """When our own code is at fault, smoke is still red: unchecked, and it says so."""
    engine = an_engine()

    def fails(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(engine, "_step_state", fails)
    monkeypatch.setattr(engine, "_press", fails)
    found = feed(engine, said("smoke", 10, smoke=True), said("sos", 20, sos=True))
    raised = [(f.rule, f.level, f.tags) for f in found if f.rule in ("SM1", "SOS1")]
    assert raised == [("SM1", Level.red, ["unchecked"]), ("SOS1", Level.red, ["unchecked"])]
    assert FAILED in {f.rule for f in found}


def test_an_unreadable_alarm_tells_people_and_other_refusals_do_not() -> None:
    """It may have been the alarm."""
    engine = an_engine()
    refusal = Refusal(
        refusal_id="x", topic="t", reason="not_json", received_at=NOON, home="h1", device="smoke", alarm=True
    )
    found = engine.refused(refusal, NOON)
    assert [(f.rule, f.level, f.device, f.cause) for f in found] == [
        ("TE10", Level.yellow, "smoke", "device:smoke")
    ]
    assert engine.refused(refusal, NOON) == []
    harmless = Refusal(
        refusal_id="y", topic="t", reason="not_json", received_at=NOON, home="h1", device="belt"
    )
    assert engine.refused(harmless, NOON) == []
    nobody = Refusal(refusal_id="z", topic="t", reason="not_json", received_at=NOON, alarm=True)
    assert engine.refused(nobody, NOON) == []


def test_what_was_left_out_at_the_door_is_told_of_its_device() -> None:
    """A flood that the doorman cut may reach the rules at a rate that looks ordinary; five calm minutes end it."""
    engine = an_engine()

    def cut(seconds: float) -> list[Finding]:
        at = NOON + timedelta(seconds=seconds)
        return engine.refused(
            Refusal(
                refusal_id=str(seconds), topic="t", reason="flood", received_at=at, home="h1", device="belt", times=900
            ),
            at,
        )  # fmt: skip

    [told] = cut(0)
    assert (told.rule, told.level, told.device, told.evidence[0].value) == ("TE12", Level.blue, "belt", 900)
    assert cut(1) == []
    assert engine.tick(NOON + timedelta(seconds=299)) == []
    cut(299)
    assert engine.tick(NOON + timedelta(seconds=590)) == []
    assert [(f.rule, f.phase) for f in engine.tick(NOON + timedelta(seconds=600))] == [
        ("TE12", Phase.cleared)
    ]


def test_a_changed_limit_counts_at_once_and_forgets_nothing() -> None:
    """Somebody has been out of bed for 15 minutes when the limit falls from 20 to 10: it is yellow now."""
    night = NOON.replace(hour=17)
    engine = Engine(Registry(a_site(devices=["belt"])), BOOK)
    engine.tick(night)
    step = timedelta(seconds=30)
    for i in range(60):
        at = night + i * step
        engine.feed(said("belt", (at - NOON).total_seconds(), in_bed=i < 30), at)
    now = night + 60 * step
    assert engine.tick(now) == []
    stricter = Registry(a_site(devices=["belt"], limits={"bed_exit_yellow_minutes": 10}))
    found = engine.reload(stricter, BOOK, now)
    assert [(f.rule, f.phase, f.level) for f in found] == [("BD1", Phase.opened, Level.yellow)]
    assert found[0].onset_at == night + 30 * step
    assert found[0].parameters["yellow_minutes"] == 10


def test_a_reload_of_the_same_site_changes_nothing() -> None:
    """Not a byte."""
    engine = an_engine()
    feed(engine, said("smoke", 0, smoke=True), said("belt", 1, in_bed=True))
    before = engine.snapshot()
    assert engine.reload(Registry(a_site()), BOOK, NOON + timedelta(seconds=2)) == []
    assert engine.snapshot() == before


def test_a_device_that_is_taken_away_leaves_no_silent_alarm() -> None:
    """Its technical finding clears; an alarm becomes unknown and is left to people."""
    engine = an_engine(a_site(devices=["smoke", "gas", "sos"]))
    feed(engine, said("smoke", 0, smoke=True), said("gas", 0, tamper=True))
    found = engine.reload(Registry(a_site(devices=["sos"])), BOOK, NOON + timedelta(minutes=1))
    assert sorted(short(found)) == [("SM1", "changed", "unknown"), ("TE2", "cleared", "removed")]
    assert [f.condition for f in found if f.rule == "SM1"] == [Condition.unknown]


def test_a_device_or_home_that_is_new_is_watched_from_then_on() -> None:
    """Its silence counts from when we knew of it."""
    engine = an_engine(a_site(devices=["sos"]))
    day = NOON + timedelta(days=1)
    engine.tick(day - timedelta(seconds=1))
    engine.reload(Registry(a_site(2, devices=["sos", "smoke"])), BOOK, day - timedelta(seconds=1))
    found = engine.tick(day + timedelta(hours=1))
    assert [(f.rule, f.home, f.device) for f in found] == [("TE3_home", "h1", None)]
    later = engine.tick(day + timedelta(hours=24))
    assert [(f.rule, f.home) for f in later if f.phase is Phase.opened] == [("TE3_home", "h2")]


def test_a_device_nobody_listed_is_heard_all_the_same() -> None:
    """The registry may lag behind the installer; smoke does not wait for it."""
    engine = an_engine(a_site(devices=["sos"]))
    found = feed(engine, said("smoke", 0, smoke=True), said("smoke-9", 0, home="h9", smoke=True))
    assert [(f.rule, f.home, f.device) for f in found] == [("SM1", "h1", "smoke"), ("SM1", "h9", "smoke-9")]


@pytest.mark.parametrize(
    ("reports", "after", "expected", "reasons"),
    [
        ([], 1, "not", {"smoke": "never_reported", "sos": "never_reported"}),
        ([said("smoke", 0, smoke=False)], 1, "not", {"smoke": "", "sos": "never_reported"}),
        (
            [said("smoke", 0, smoke=False), said("sos", 0, battery=90)],
            1,
            "protected",
            {"smoke": "", "sos": ""},
        ),
        (
            [said("smoke", 0, smoke=False), said("sos", 0, battery=9)],
            1,
            "partly",
            {"smoke": "", "sos": "battery"},
        ),
        (
            [said("smoke", 0, tamper=True), said("sos", 0, fault="E1")],
            1,
            "not",
            {"smoke": "tamper", "sos": "fault"},
        ),
        (
            [said("smoke", 0, smoke=False), said("sos", 7200, battery=90)],
            3.5,
            "partly",
            {"smoke": "silent", "sos": ""},
        ),
        (
            [said("smoke", 0, smoke=False), said("sos", 0, battery=90)],
            9,
            "not",
            {"smoke": "silent", "sos": "silent"},
        ),
    ],
)
def test_a_home_is_protected_partly_or_not_and_says_why(
    reports: list[Report], after: float, expected: str, reasons: dict[str, str]
) -> None:
    """Unknown is never fine: what has not proved itself does not protect."""
    engine = an_engine(a_site(devices=["smoke", "sos"]))
    feed(engine, *reports)
    now = NOON + timedelta(hours=after)
    health = engine.health("h1", now)
    assert health.protection == expected
    assert {d.device: d.reason for d in health.devices} == reasons
    before = engine.snapshot()
    engine.health("h1", now)
    assert engine.snapshot() == before


def test_a_home_of_nothing_is_not_protected() -> None:
    """No devices, no protection."""
    engine = an_engine(a_site(devices=[]))
    assert engine.health("h1", NOON).protection == "not"


def test_only_homes_that_changed_are_packed_again() -> None:
    """A snapshot every five seconds must not cost the whole district."""
    engine = an_engine(a_site(3))
    assert engine.changed_homes() == {"h1", "h2", "h3"}
    assert engine.changed_homes() == set()
    feed(engine, said("belt-2", 0, home="h2", in_bed=True))
    assert engine.changed_homes() == {"h2"}
    one = engine.snapshot(["h2"])
    assert len(one) < len(engine.snapshot())


@pytest.mark.parametrize("data", [b"", b"nonsense", b"\x93\x63\x00\x80"])
def test_what_is_no_snapshot_is_refused(data: bytes) -> None:
    """Damaged, or of another version: better the log again than a memory that is not ours."""
    with pytest.raises(ValueError, match="snapshot"):
        Engine.restore(Registry(a_site()), BOOK, data)


def test_parts_of_a_snapshot_make_the_whole() -> None:
    """Partitions are saved one by one."""
    site = a_site(2)
    engine = an_engine(site)
    feed(engine, said("smoke", 0, smoke=True), said("smoke-2", 0, home="h2", smoke=True))
    whole = Engine.restore(Registry(site), BOOK, engine.snapshot(["h1"]), engine.snapshot(["h2"]))
    assert whole.snapshot() == engine.snapshot()


def test_a_mat_that_speaks_only_on_change_is_not_silent() -> None:
    """Some mats say nothing while nothing changes; once they have shown it, their silence is no loss of data."""
    night = NOON.replace(hour=16)
    engine = Engine(Registry(a_site(devices=["belt"])), BOOK)
    engine.tick(night - timedelta(days=2))
    script = [
        (-30, True),
        (-29.5, False),
        (-29, True),
        (-22, False),
        (-6, True),
        (-5.5, False),
        (-1, True),
        (0, False),
    ]
    out: list[Finding] = []
    for hours, in_bed in script:
        at = night + timedelta(hours=hours)
        out += engine.tick(at)
        out += engine.feed(said("belt", (at - NOON).total_seconds(), in_bed=in_bed), at)
    out = engine.tick(night + timedelta(hours=1))
    assert [(f.rule, f.level) for f in out] == [("BD1", Level.yellow), ("BD1", Level.red)]


def test_a_personal_rule_book_speaks_with_the_same_names() -> None:
    """The name of a finding does not depend on the other rules in the book."""
    text = (
        "version: 1\nrules:\n"
        "  - {rule: SM1, version: 9, class: life, on: {quantity: smoke}, cause: fire, pictogram: smoke,\n"
        "     title: {zh: 烟, en: smoke}, about: {zh: 烟, en: smoke}, source: test, when: smoke, grades: [{level: red}]}\n"
    )
    (one,) = feed(an_engine(book=read_rules({"x": text})), said("smoke", 0, smoke=True))
    (other,) = feed(an_engine(), said("smoke", 0, smoke=True))
    assert one.finding == other.finding
    assert (one.rule_version, other.rule_version) == (9, 2)


def test_the_community_sets_limits_for_everybody() -> None:
    """`policy.rules` of the site file."""
    site = a_site(devices=["gas"])
    site = Site(community=site.community, homes=site.homes, policy=Policy(rules={"GS1": {"hold_seconds": 0}}))
    found = feed(an_engine(site), said("gas", 0, gas=True))
    assert [(f.rule, f.parameters["hold_seconds"]) for f in found] == [("GS1", 0)]


def test_a_rule_that_rests_sets_itself_no_timer_by_being_asked_why() -> None:
    """What it rests on is found by asking its parts again; when to look next was settled before: not in the years since."""
    engine = an_engine()
    long_ago = said("belt", -40 * 365 * 86_400, in_bed=True)
    feed(engine, msgspec.structs.replace(long_ago, received_at=NOON))
    now = epoch_ms(NOON)
    resting = [
        i
        for i in engine._homes["h1"].instances.values()
        if i.rule.doc.shape is Shape.state and not i.episode.phase and i.episode.wake
    ]
    assert resting
    assert [i.key for i in resting if i.episode.wake < now] == []
