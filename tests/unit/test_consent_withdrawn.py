"""Consent that is withdrawn: what is on the way is dropped and counted, what was learnt of it is forgotten, also by the copies.

With `vitals` goes pulse and breath, with `bed` the nights, with `motion` the days, with `door` the outings; what else was
learnt stays. Whoever agrees again is learnt anew.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from care.clock import ManualClock
from care.ids import partition_of
from care.messages import HomeHabits, Report, decode, encode
from care.site import Device, Registry, Site
from care.stream import HEALTH, REGISTRY, SNAPSHOTS
from care.words import Kind
from rules.engine import Engine
from rules.memory import DeviceMemory, HomeClock, forget_values
from rules.nights import nights
from rules.routine import days
from tests.unit.test_engine import BOOK, NOON, a_site, said
from tests.unit.test_personal_clock import told
from tests.unit.test_rules_worker import Stage
from tests.unit.test_site_changes import resident

pytest_plugins = ["tests.unit.test_rules_worker"]


def keeping(site: Site, *classes: str) -> Site:
    """The first resident of the first home keeps these from the centre."""
    return resident(site, consent={c: ["doctor"] for c in classes})


@pytest.fixture(scope="module")
def learnt() -> tuple[Engine, Site, bytes, Any]:
    """A home whose nights and days are known, its site, its memory as it is saved, and the time."""
    engine, story = told("one night with a fast pulse")
    memory = engine._homes["home"].memory
    clock = memory.clock or HomeClock()
    # Of the door and the bathroom, which that story does not have.
    clock.aways, clock.gaps, clock.stays = [60] * 20, [20 * 60] * 20, [10] * 20
    past = days(clock).copy()
    past["morning"] = 6 * 60
    clock.days = past.tobytes()
    now = story.start + timedelta(days=25)
    site = story.registry.site
    home = site.homes[0]
    more = [
        Device(id="pir", kind=Kind.motion),
        Device(id="front", kind=Kind.door),
        Device(id="meter", kind=Kind.water_meter),
    ]
    site = replace(site, homes=[replace(home, devices=[*home.devices, *more])])
    engine.reload(Registry(site), BOOK, now)
    words: dict[str, dict[str, Any]] = {
        "pir": {"motion": False},
        "front": {"door_open": False},
        "meter": {"water_total": 7.0},
    }
    for name, values in words.items():
        report = Report(
            report_id=name, home="home", device=name, kind="", at=now, received_at=now, values=values
        )
        engine.feed(report, now)
    return engine, site, engine.snapshot(), now


def again(learnt: Any) -> Engine:
    _, site, data, _ = learnt
    return Engine.restore(Registry(site), BOOK, data)


KNOWN: dict[str, Callable[[HomeClock], bool]] = {
    "pulse": lambda c: any(nights(b)["pulse"].any() or b.latest or b.norms for b in c.beds.values()),
    "breath": lambda c: any(nights(b)["breath"].any() or b.latest_breaths for b in c.beds.values()),
    "nights": lambda c: any(nights(b)["lain"].any() for b in c.beds.values()),
    "mornings": lambda c: bool((days(c)["morning"] != 65535).any()),
    "days": lambda c: bool(days(c).size),
    "aways": lambda c: bool(c.aways),
    "gaps": lambda c: bool(c.gaps),
    "stays": lambda c: bool(c.stays),
}


@pytest.mark.parametrize(
    ("data", "lost"),
    [
        ("vitals", {"pulse", "breath"}),
        ("bed", {"pulse", "breath", "nights", "mornings"}),
        ("motion", {"days", "mornings", "aways", "stays"}),
        ("door", {"aways", "gaps", "mornings"}),
        ("water", set()),
    ],
)
def test_what_was_learnt_of_it_is_forgotten_and_nothing_else(learnt: Any, data: str, lost: set[str]) -> None:
    """In the engine, in what is shown, and in what is saved; agreeing again brings nothing back."""
    _, site, _, now = learnt
    engine = again(learnt)
    clock = engine._home("home").memory.clock  # type: ignore[union-attr]
    assert clock is not None
    before = {name for name, known in KNOWN.items() if known(clock)}
    assert lost <= before
    engine.reload(Registry(keeping(site, data)), BOOK, now)
    saved = Engine.restore(Registry(site), BOOK, engine.snapshot())
    for one in (engine, saved):
        clock = one._home("home").memory.clock  # type: ignore[union-attr]
        assert clock is not None
        assert {name for name, known in KNOWN.items() if known(clock)} == before - lost
    values = {h.name: h.value for h in saved.usual("home", now).habits}
    assert (values.get("pulse") is None) is ("pulse" in lost)
    assert (values.get("get_up") is None) is ("nights" in lost)
    assert engine.forgotten == {"home"}


def test_it_is_forgotten_once(learnt: Any) -> None:
    """Another change of the site, a restart, somebody else's sensor: what was learnt since stays."""
    _, site, _, now = learnt
    engine = again(learnt)
    private = keeping(site, "vitals")
    engine.reload(Registry(private), BOOK, now)
    engine.forgotten.clear()
    engine = Engine.restore(Registry(private), BOOK, engine.snapshot())
    engine.reload(Registry(resident(private, name="乙")), BOOK, now)
    assert not engine.forgotten
    assert engine.usual("home", now).habits[0].name == "pulse"
    assert {h.name: h.value for h in engine.usual("home", now).habits}["get_up"] == "06:10"


def test_a_service_that_was_down_forgets_when_it_is_back(learnt: Any) -> None:
    """The consent changed while nobody was there to hear it."""
    _, site, data, now = learnt
    engine = Engine.restore(Registry(keeping(site, "vitals")), BOOK, data)
    values = {h.name: h.value for h in engine.usual("home", now).habits}
    assert values["pulse"] is None
    assert values["get_up"] == "06:10"


@pytest.mark.parametrize("restart", [False, True])
def test_what_was_on_the_way_is_dropped_and_counted(restart: bool) -> None:
    """A report of before is no more judged than one of after; what needs no consent in it is."""
    site = a_site(1, devices=["belt", "sos"])
    engine = Engine(Registry(site), BOOK)
    engine.tick(NOON)
    for n in range(10):
        engine.feed(
            said("belt", 10 * n, in_bed=True, heart_rate=62, respiration_rate=14),
            NOON + timedelta(seconds=10 * n),
        )
    engine.reload(Registry(keeping(site, "vitals")), BOOK, NOON + timedelta(seconds=100))
    if restart:
        engine = Engine.restore(engine.registry, BOOK, engine.snapshot())
    found: list[Any] = []
    for n in range(10, 60):
        at = NOON + timedelta(seconds=10 * n)
        found += engine.tick(at)
        report = said("belt", 10 * n, in_bed=True, heart_rate=180, sos=n == 59)
        found += engine.feed(replace(report, unknown=["respiration_rate"]), at)
    assert engine.dropped == {"vitals": 100}
    assert {f.code for f in found if f.phase.value == "opened"} == {"SOS1"}
    memory = engine._home("h1").memory.devices["belt"]  # type: ignore[union-attr]
    assert set(memory.fields) == {"in_bed", "sos"}
    assert b"\xcc\xb4" not in engine.snapshot()  # 180, as it would be packed


def test_a_meter_and_what_was_held_back_are_forgotten() -> None:
    """Litres of the last day, and a value waiting for the next second."""
    memory = DeviceMemory(meter=[(1, 5.0)], flow_since=3)
    memory.held = Report(report_id="x", home="h", device="d", kind="water_meter", at=NOON, received_at=NOON,
                         values={"water_total": 7, "battery": 9}, unknown=["water_total"])  # fmt: skip
    forget_values(memory, {"water_total"})
    assert (memory.meter, memory.flow_since) == ([], 0)
    assert (memory.held.values, memory.held.unknown) == ({"battery": 9}, [])


async def test_neither_the_saved_memory_nor_what_is_shown_keeps_it(stage: Stage, learnt: Any) -> None:
    """The whole snapshot is written anew, the part beside it goes, and what is usual is told again; also after a kill."""
    _, site, data, now = learnt
    stage.site = site
    stage.clock = ManualClock(now)
    key = f"rules.{partition_of('home')}"
    worker = await stage.start()
    worker.engine = Engine.restore(Registry(site), BOOK, data)
    worker.engine._home("home")
    worker.engine._dirty.add("home")
    worker.engine._packed.clear()
    await worker.save()

    async def shown() -> dict[str, Any]:
        entry = await stage.stream.get(HEALTH, "usual.home")
        assert entry is not None
        assert entry.data is not None
        return {h.name: h.value for h in decode(entry.data, HomeHabits).habits}

    await worker.beat()
    assert (await shown())["pulse"] == 61
    private = keeping(site, "vitals")
    stage.site = private
    await stage.stream.put(REGISTRY, "site", encode(private))
    await stage.until(lambda: worker.engine.registry.site == private)
    await worker.beat()
    assert (await shown())["pulse"] is None
    await worker.save()
    later = await stage.stream.get(SNAPSHOTS, f"{key}.later")
    assert later is None or later.data is None
    await stage.kill()
    worker = await stage.start()
    clock = worker.engine._home("home").memory.clock  # type: ignore[union-attr]
    assert clock is not None
    assert not KNOWN["pulse"](clock)
    assert KNOWN["nights"](clock)
