"""Days unlike others: modes of the home that end, guests, words out of order, and the floor that nothing lowers."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from care.messages import Finding, Report
from care.site import HomeMode, HomeOrders, Registry
from care.words import Level, Mode
from rules.engine import Engine
from tests.unit.test_engine import BOOK, NOON, a_site, an_engine, feed, said, short

HOUR = timedelta(hours=1)


def a_mode(mode: Mode) -> HomeMode:
    return HomeMode(mode=mode, from_=NOON, until=NOON + 6 * HOUR, by="s01", reason="家人来电")


def an_engine_in(mode: HomeMode, devices: list[str], limits: dict[str, Any] | None = None) -> Engine:
    site = a_site(devices=devices, limits=limits)
    return an_engine(
        msgspec.structs.replace(site, homes=[msgspec.structs.replace(site.homes[0], modes=[mode])])
    )


def lying(engine: Engine, after: float, seconds: int, **vitals: Any) -> list[Finding]:
    found: list[Finding] = []
    for s in range(0, seconds, 5):
        found += feed(engine, said("belt", after + s, in_bed=True, signal_quality=90, movement=0, **vitals))
    return found


@pytest.mark.parametrize("mode", list(Mode))
def test_no_mode_mutes_or_lowers_the_floor(mode: Mode) -> None:
    """Smoke, gas, a press and lost breath are red in each of the five, as on any other day."""
    engine = an_engine_in(a_mode(mode), ["smoke", "gas", "sos", "belt"])
    found = feed(engine, said("smoke", 60, smoke=True), said("gas", 61, gas=True), said("sos", 62, sos=True))
    found += lying(engine, 70, 300, heart_rate=64, respiration_rate=15)
    found += lying(engine, 370, 90, heart_rate=0, respiration_rate=0)
    opened = {f.rule: f.level for f in found if f.phase.value == "opened"}
    assert {r: opened.get(r) for r in ("SM1", "GS1", "SOS1", "VT7")} == dict.fromkeys(
        ("SM1", "GS1", "SOS1", "VT7"), Level.red
    )
    smoke = next(f for f in found if f.rule == "SM1")
    assert ("works" in smoke.tags) is (mode is Mode.works)


def test_no_life_safety_rule_can_be_quiet() -> None:
    """The catalogue has none, and another one with it would not be loaded (test_rule_catalog)."""
    assert [r.id for r in BOOK.rules.values() if r.life and r.doc.quiet_in] == []


@pytest.mark.parametrize("mode", list(Mode))
def test_every_mode_ends_by_itself_with_a_question_and_time_counts_anew(mode: Mode) -> None:
    """Nobody wrote anything down: at its end it is asked about, and eight waking hours later nobody has moved."""
    engine = an_engine_in(
        a_mode(mode), ["pir"], {"awake_from": "00:00", "awake_to": "24:00", "inactivity_yellow_hours": 8}
    )
    found: list[Finding] = []
    for minutes in range(0, 15 * 60, 30):
        found += feed(engine, said("pir", minutes * 60, motion=False))
    about = [(f.rule, (f.at - NOON) / HOUR) for f in found if f.phase.value == "opened"]
    assert about == [("MO1", 6), ("AC1", 14)]


def test_cleaning_that_is_ended_early_ends_then() -> None:
    """The cleaner leaves after an hour and says so: the hours of silence count from there, and nobody is asked."""
    limits = {"awake_from": "00:00", "awake_to": "24:00", "inactivity_yellow_hours": 8}
    engine = an_engine(a_site(devices=["pir"], limits=limits))
    cleaning = a_mode(Mode.cleaning)
    engine.order(HomeOrders(home="h1", modes=[cleaning]), NOON)
    found: list[Finding] = []
    for minutes in range(0, 12 * 60, 30):
        at = NOON + timedelta(minutes=minutes)
        if at == NOON + HOUR:
            found += engine.tick(at)
            done = msgspec.structs.replace(cleaning, until=at, ended=True, ended_by="s01")
            found += engine.order(HomeOrders(home="h1", modes=[done]), at)
        found += feed(engine, said("pir", minutes * 60, motion=False))
    about = [(f.rule, (f.at - NOON) / HOUR) for f in found if f.phase.value == "opened"]
    assert about == [("AC1", 9)]


def _nights_words() -> list[Report]:
    """In bed from ten, out at a quarter past eleven, nothing more; the word of getting out has a neighbour before it."""
    in_bed = [said("belt", s, in_bed=True) for s in range(10 * 3600, 11 * 3600 + 900, 60)]
    out = [said("belt", s, in_bed=False) for s in range(11 * 3600 + 900, 12 * 3600 + 300, 60)]
    return in_bed + out


def test_words_out_of_order_end_no_night_and_begin_none() -> None:
    """The last word in bed comes twenty seconds after the first word out of it, across midnight: the same seconds."""
    straight = _nights_words()
    first_out = next(i for i, r in enumerate(straight) if r.values["in_bed"] is False)
    late = msgspec.structs.replace(
        straight[first_out - 1], received_at=straight[first_out].received_at + timedelta(seconds=20)
    )
    crooked = [*straight[: first_out - 1], straight[first_out], late, *straight[first_out + 1 :]]
    said_in_order = [
        (f.rule, f.phase, f.level, f.at, f.onset_at)
        for f in feed(an_engine(a_site(devices=["belt"])), *straight)
        if f.rule == "BD1"
    ]
    assert len(said_in_order) == 2, "yellow after 20 minutes, red after 45"
    assert said_in_order == [
        (f.rule, f.phase, f.level, f.at, f.onset_at)
        for f in feed(an_engine(a_site(devices=["belt"])), *crooked)
        if f.rule == "BD1"
    ]


def test_a_restart_in_the_middle_of_a_wait_changes_no_second() -> None:
    """Dropped and restored between every two words, the same findings at the same moments."""
    reports = _nights_words()
    whole = feed(an_engine(a_site(devices=["belt"])), *reports)
    engine, found = an_engine(a_site(devices=["belt"])), []
    for report in reports:
        found += engine.tick(report.received_at)
        engine = Engine.restore(Registry(a_site(devices=["belt"])), BOOK, engine.snapshot())
        found += engine.feed(report, report.received_at)
    assert [msgspec.json.encode(f) for f in found] == [msgspec.json.encode(f) for f in whole]
    assert short(found)


def test_guests_who_were_not_announced_are_seen_as_several_and_nobody_is_searched_for() -> None:
    """Two rooms move within seconds, to and fro: a stay in the bathroom is marked, as it may be anybody's."""
    site = a_site(devices=["pir"])
    home = site.homes[0]
    rooms = ["living", "bathroom", "bedroom"]
    devices = [msgspec.structs.replace(home.devices[0], id=f"pir-{r}", room=r) for r in rooms]
    engine = an_engine(msgspec.structs.replace(site, homes=[msgspec.structs.replace(home, devices=devices)]))
    found: list[Finding] = []
    for room in rooms:
        found += feed(engine, said(f"pir-{room}", 0, motion=False))
    for n in range(8):
        found += feed(engine, said(f"pir-{('living', 'bathroom')[n % 2]}", 60 + 5 * n, motion=True, seq=n))
        found += feed(engine, said(f"pir-{('living', 'bathroom')[n % 2]}", 62 + 5 * n, motion=False, seq=n))
    for minutes in range(5, 45, 5):
        found += feed(engine, said("pir-bathroom", minutes * 60, motion=minutes % 10 == 0, seq=minutes))
    stay = [f for f in found if f.rule == "AC2"]
    assert [(f.level, "several_people" in f.tags) for f in stay] == [(Level.yellow, True)]
    assert not [f for f in found if f.rule in ("AC1", "AC5")]
