"""A device out of service: nothing technical is said of it, its home is not protected by it, an alarm stays one, and it ends."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from care.messages import Finding
from care.site import HomeOrders, OutOfService, Registry
from rules.catalog import load
from rules.engine import Engine
from rules.memory import check
from tests.unit.test_liveness import NOON, a_town, report

HOME = "h01"
DAY = timedelta(days=1)


def out(device: str, begin: timedelta, end: timedelta, **more: Any) -> OutOfService:
    return OutOfService(
        device=device, from_=NOON + begin, until=NOON + end, by="s01", reason="换电池", **more
    )


def an_engine(*ordered: OutOfService) -> Engine:
    engine = Engine(Registry(a_town(1)), load())
    for name, values in (
        ("gw", {"fault": False}),
        ("belt", {"in_bed": False}),
        ("smoke", {"smoke": False}),
        ("sos", {"battery": 90}),
    ):
        engine.feed(report(f"{name}-01", 0, **values), NOON)
    if ordered:
        engine.order(HomeOrders(home=HOME, out=list(ordered)), NOON)
    return engine


def lives(
    engine: Engine, hours: float, *, but: str = "", first: float = 0.0
) -> list[tuple[str, str, str | None, datetime]]:
    """Every device but one speaks for so many hours, every two minutes; gives what was found."""
    found: list[Finding] = []
    for n in range(int(first * 30) + 1, int(hours * 30) + 1):
        at = NOON + timedelta(minutes=2 * n)
        found += engine.tick(at)
        for name, values in (
            ("gw", {"fault": False}),
            ("belt", {"in_bed": False}),
            ("smoke", {"smoke": False}),
            ("sos", {"battery": 90}),
        ):
            if f"{name}-01" != but:
                found += engine.feed(report(f"{name}-01", 120 * n, **values), at)
    return [(f.code, f.phase.value, f.device, f.at) for f in found if f.code.startswith("TE")]


def test_its_silence_is_not_told_meanwhile_and_is_told_at_the_end() -> None:
    """Silent for a day: TE3 as ever without, nothing with; when the time is over the same silence is found at once."""
    assert ("TE3", "opened", "smoke-01") in [f[:3] for f in lives(an_engine(), 8, but="smoke-01")]
    engine = an_engine(out("smoke-01", timedelta(0), timedelta(hours=20)))
    assert lives(engine, 19.9, but="smoke-01") == []
    told = lives(engine, 20.5, but="smoke-01", first=19.9)
    assert [f[:3] for f in told] == [("TE3", "opened", "smoke-01")]
    assert told[0][3] <= NOON + timedelta(hours=20, minutes=2)


def test_a_finding_that_was_open_is_cleared_and_comes_back_when_the_cause_stays() -> None:
    """Its battery was low: cleared when it goes out of service; low still when it comes back, and told again."""
    engine = an_engine()
    at = NOON + timedelta(minutes=1)
    found = engine.feed(report("smoke-01", 60, battery=5, battery_low=True), at)
    assert [(f.code, f.phase.value) for f in found] == [("TE1", "opened")]
    cleared = engine.order(
        HomeOrders(home=HOME, out=[out("smoke-01", timedelta(minutes=2), timedelta(hours=2))]),
        at + timedelta(minutes=1),
    )
    cleared += engine.tick(at + timedelta(minutes=2))
    assert [(f.code, f.phase.value, f.reason) for f in cleared] == [("TE1", "cleared", "out_of_service")]
    assert lives(engine, 1, but="smoke-01", first=0.04) == []
    engine.feed(report("smoke-01", 3600, battery=5, battery_low=True), NOON + timedelta(hours=1))
    told = lives(engine, 2.1, but="smoke-01", first=1)
    assert [f[:3] for f in told] == [("TE1", "opened", "smoke-01")]
    assert told[0][3] >= NOON + timedelta(hours=2)


@pytest.mark.parametrize(
    ("device", "values", "code"), [("smoke-01", {"smoke": True}, "SM1"), ("sos-01", {"sos": True}, "SOS1")]
)
def test_an_alarm_of_it_is_an_alarm(device: str, values: dict[str, Any], code: str) -> None:
    """Somebody may press the button that is being mended: that is believed as ever."""
    engine = an_engine(out(device, timedelta(0), DAY))
    found = engine.feed(report(device, 600, **values), NOON + timedelta(minutes=10))
    assert code in [f.code for f in found if f.level.value == "red" and f.phase.value == "opened"]


def test_the_home_is_not_protected_by_it_until_the_end() -> None:
    """A detector: partly, with the path and the end; the only button: not at all. Other devices are as they were."""
    end = NOON + DAY
    health = an_engine(out("smoke-01", timedelta(0), DAY)).health(HOME, NOON + timedelta(minutes=1))
    assert (health.protection, health.paths["fire"], health.paths["call"]) == (
        "partly",
        "out_of_service:smoke-01",
        "",
    )
    assert [(d.device, d.out_until, d.out_by) for d in health.devices if d.reason] == [
        ("smoke-01", end, "s01")
    ]
    health = an_engine(out("sos-01", timedelta(0), DAY)).health(HOME, NOON + timedelta(minutes=1))
    assert (health.protection, health.reason) == ("not", "no_call")
    engine = an_engine(out("smoke-01", timedelta(0), timedelta(hours=1)))
    lives(engine, 1.2)
    engine.health_changed.clear()
    assert engine.health(HOME, NOON + timedelta(hours=1, minutes=12)).protection == "protected"


def test_the_end_is_noticed_without_a_report() -> None:
    """The end is a timer of the engine: the home's health is looked at then, whoever is silent."""
    engine = an_engine(out("smoke-01", timedelta(0), timedelta(hours=1)))
    engine.health_changed.clear()
    engine.tick(NOON + timedelta(hours=1, seconds=1))
    assert HOME in engine.health_changed


def test_it_outlives_a_restart() -> None:
    """Orders are part of the memory."""
    engine = an_engine(out("smoke-01", timedelta(0), timedelta(hours=20)))
    lives(engine, 2, but="smoke-01")
    again = Engine.restore(engine.registry, load(), check(engine.snapshot()))
    assert lives(again, 19.9, but="smoke-01", first=2) == []
    assert [f[:3] for f in lives(again, 20.5, but="smoke-01", first=19.9)] == [("TE3", "opened", "smoke-01")]


def test_one_that_was_ended_early_counts_again() -> None:
    """What was withdrawn is over; of two the later end holds."""
    early = out("smoke-01", timedelta(0), timedelta(hours=4), ended_by="s02")
    engine = an_engine(early)
    assert "TE3" in [f[0] for f in lives(engine, 8, but="smoke-01")]
    engine = an_engine(early, out("smoke-01", timedelta(hours=4), timedelta(hours=9)))
    assert lives(engine, 8.9, but="smoke-01") == []


def test_devices_that_are_out_of_service_make_no_outage_of_the_home() -> None:
    """Two of three taken out and silent: that is no lost home; the third is judged by itself."""
    engine = an_engine(out("smoke-01", timedelta(0), DAY), out("sos-01", timedelta(0), DAY))
    found: list[Finding] = []
    for n in range(1, 12 * 30):
        at = NOON + timedelta(minutes=2 * n)
        found += engine.tick(at)
        found += engine.feed(report("gw-01", 120 * n, fault=False), at)
        found += engine.feed(report("belt-01", 120 * n, in_bed=False), at)
    assert [f.code for f in found] == []
