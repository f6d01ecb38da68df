"""What is told as true is what the wire says, and when: each line of each scenario's truth beside the message that shows it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import msgspec
import pytest

from care.words import Kind
from simulators.community import generate
from simulators.faults import FaultLine, parse
from simulators.radios import NbIot, Radio, Radios, radio_of
from simulators.scenarios import SCENARIOS, Truth
from simulators.scenarios import parse as wish
from simulators.sensors import Publish
from simulators.switches import Switches
from simulators.world import World

AFTERNOON = datetime(2026, 5, 23, 7, 0, tzinfo=UTC)  # 15:00 in Ningbo
NIGHT = datetime(2026, 5, 22, 17, 0, tzinfo=UTC)  # 01:00
SITE = generate(40)
HOME = "h0317"
OWN_WAY = {d.id for h in SITE.homes for d in h.devices if radio_of(d) is Radio.nb_iot}
BACK = 45.0
"""So many seconds before a truth its sign is looked for already: one that comes too early is found, and is wrong."""


class Said(msgspec.Struct, frozen=True):
    """A message as it left: when (seconds since the scenario began), from where, and what."""

    t: float
    message: Publish
    body: dict[str, Any]


Sign = Callable[[list[Said], str], list[float]]
"""The times at which messages show that it is so, in a home."""


def says(kind: Kind, **wanted: Any) -> Sign:
    """A device of a kind says these values (or, for a function, values that it takes)."""

    def fits(body: dict[str, Any]) -> bool:
        return all(
            name in body and (value(body[name]) if callable(value) else body[name] is value)
            for name, value in wanted.items()
        )

    return lambda log, home: [
        s.t for s in log if s.message.kind is kind and s.message.home == home and fits(s.body)
    ]


def moves(room: str) -> Sign:
    """The infrared sensor of a room says that something moves."""
    return lambda log, home: [
        s.t
        for s in log
        if s.message.home == home and s.message.device.endswith(f"-{room}")
        and (s.body.get("occupancy") or s.body.get("motion"))
    ]  # fmt: skip


def door(log: list[Said], home: str) -> list[float]:
    """The front door is opened."""
    found = [
        s for s in log if s.message.home == home and s.message.kind is Kind.door and not s.message.retain
    ]
    opened = [(s.t, not s.body["contact"] if "contact" in s.body else s.body["door_open"]) for s in found]
    return [t for t, is_open in opened if is_open]


def still(log: list[Said], home: str) -> list[float]:
    """The last movement in the flat before half an hour without any."""
    moved = [t for room in ("living", "kitchen", "bathroom", "bedroom") for t in moves(room)(log, home)]
    return [a for a, b in itertools.pairwise(sorted(moved)) if b - a > 1800]


def silent(log: list[Said], home: str) -> list[float]:
    """The last word of a home before at least a minute and a half of silence; who has a radio of its own may speak on."""
    times = [s.t for s in log if s.message.home == home and s.message.device not in OWN_WAY]
    return [a for a, b in itertools.pairwise(times) if b - a > 80]


def returns(log: list[Said], home: str) -> list[float]:
    """The gateway announces itself (again)."""
    return [s.t for s in log if s.message.home == home and s.body == {"state": "online"}]


def flows(yes: bool) -> Sign:
    """The meter has (not) counted a litre since its last word."""

    def times(log: list[Said], home: str) -> list[float]:
        read = [
            (s.t, s.body["water_total"]) for s in log if s.message.home == home and "water_total" in s.body
        ]
        return [b[0] for a, b in itertools.pairwise(read) if (b[1] > a[1]) is yes]

    return times


@dataclass(frozen=True)
class Line:
    """A line of truth, how it shows, and how many seconds after the truth: from … to."""

    what: str
    sign: Sign
    low: float = 0.0
    high: float = 1.0


@dataclass(frozen=True)
class Play:
    """How a scenario is played to be looked at."""

    lines: tuple[Line, ...]
    start: datetime = AFTERNOON
    lead: float = 60.0
    """Seconds of the world before it begins."""
    rate: float = 1.0
    hours: float = 1.0
    alone: bool = False
    """Without the other homes."""


WAITS = {
    d.id: NbIot.worst_ms / 1000
    for h in SITE.homes
    for d in h.devices
    if radio_of(d) is Radio.nb_iot and d.kind is not Kind.water_meter
}
"""Seconds that a detector's radio may need."""
BELT = 5.1  # a belt speaks every 5 s
PLAYS: dict[str, Play] = {
    "cooking_smoke": Play((
        Line("cooks", moves("kitchen"), high=3),
        Line("the smoke detector sounds", says(Kind.smoke, smoke=True)),
        Line("the smoke has cleared", says(Kind.smoke, smoke=False)),
    )),
    "kitchen_fire": Play((
        Line("oil in a pan", says(Kind.smoke, smoke_level=lambda x: x > 0.1), high=6),
        Line("the smoke detector sounds", says(Kind.smoke, smoke=True)),
        Line("smoke and heat", says(Kind.smoke, smoke=True, temperature=lambda x: x > 32)),
        Line("the fire is out", says(Kind.smoke, smoke=False)),
    )),
    "gas_leak": Play((
        Line("the flame is out", says(Kind.gas, gas_level=lambda x: x > 0.5), high=21),
        Line("the gas detector sounds", says(Kind.gas, gas=True)),
        Line("past a quarter", says(Kind.gas, gas_level=lambda x: x >= 25)),
        Line("the valve is closed", says(Kind.gas, gas_level=lambda x: x < 20)),
    )),
    "night_fall": Play((
        Line("gets out of bed", says(Kind.bed_belt, in_bed=False), high=3),
        Line("falls beside the bed", still, low=-8, high=0),
        Line("somebody comes in", door),
        Line("is found and helped up", moves("bedroom")),
    ), NIGHT, lead=1800),
    "night_toilet": Play((Line("goes to the bathroom", says(Kind.bed_belt, in_bed=False), high=3),), NIGHT, lead=1800),
    "wandering": Play((
        Line("gets out of bed", says(Kind.bed_belt, in_bed=False), high=3),
        Line("leaves the flat", door, low=-7, high=0),
        Line("is brought back", door),
    ), NIGHT, lead=5400),
    "not_up": Play((Line("is too weak", says(Kind.bed_belt, in_bed=True), high=3),)),
    "cardiac": Play((
        Line("the heart races", says(Kind.bed_belt, heart_rate=lambda x: x > 110), high=BELT),
        Line("the pulse calms down", says(Kind.bed_belt, heart_rate=lambda x: 0 < x < 131), high=BELT),
    ), lead=1200),
    "breathing_stops": Play((
        Line("stops breathing", says(Kind.bed_belt, in_bed=True, respiration_rate=lambda x: x == 0), high=BELT),
        Line("breathes again", says(Kind.bed_belt, in_bed=True, respiration_rate=lambda x: x > 0), high=BELT),
    ), lead=1200),
    "belt_slips": Play((
        Line("gets up", says(Kind.bed_belt, in_bed=True, signal_quality=lambda x: x == 12), high=BELT),
        Line("the belt is put right", says(Kind.bed_belt, in_bed=False), high=BELT),
    ), lead=120),
    "sos": Play((Line("feels dizzy", says(Kind.sos, sos=True)),)),
    "sos_pocket": Play((Line("presses the SOS button", says(Kind.sos, sos=True)),)),
    "leak": Play((
        Line("water under the sink", says(Kind.water_leak, water_leak=True), high=3),
        Line("dry again", says(Kind.water_leak, water_leak=False)),
    )),
    "tap_left_on": Play((
        Line("leaves a tap running", flows(True), high=31), Line("the tap is closed", flows(False), high=31),
    ), NIGHT, lead=600, rate=60, hours=2.2, alone=True),
    "away": Play((Line("goes out", door, high=10),)),
    "guests": Play((Line("guests come", door),)),
    "gateway_down": Play((
        Line("the gateway loses", silent, low=-5, high=0), Line("the gateway is back", returns),
    )),
    "power_cut": Play((
        Line("power cut", silent, low=-4, high=0), Line("dark in the same", silent, low=-4, high=5), Line("power is back", returns),
    ), rate=20),
    "battery_low": Play((Line("the smoke detector's battery", says(Kind.smoke, battery_low=True), high=2),)),
    "virtual_smoke": Play((Line("a false message", says(Kind.smoke, smoke=True), high=2),)),
    "storm": Play((
        Line("power cut", silent, low=-4, high=1), Line("dark in the same", silent, low=-4, high=3),
        Line("power is back", returns, high=2),
        Line("presses SOS in the dark", says(Kind.sos, sos=True)), Line("presses SOS again", says(Kind.sos, sos=True)),
    ), rate=20),
    "bathroom_fall": Play((
        Line("falls in the bathroom", still, high=0),
        Line("still lies on", lambda log, home: [t + 1800 for t in still(log, home)], high=0),
        Line("somebody comes in", door),
        Line("is found and helped up", moves("bathroom")),
    ), hours=1.4),
}  # fmt: skip


@cache
def played(name: str, faults: str = "") -> tuple[list[Truth], list[Said], datetime]:
    """The truths of a scenario, all that was sent, and when it began. Faults are looked at without what radios do."""
    play = PLAYS[name]
    kind = Radios.ideal if faults else Radios.lifelike
    world = World(generate(1) if play.alone else SITE, start=play.start, rate_scale=play.rate, radios=kind)
    truths = world.stage(wish(f"{name}@{HOME}+{play.lead:.0f}s"))
    began = play.start + timedelta(seconds=play.lead)
    end = began + timedelta(hours=play.hours)
    at_work = {t.home for t in truths}
    sent = FaultLine(parse(faults)).through(world.events(end), end)
    log = [Said((m.at - began).total_seconds(), m, json.loads(m.payload)) for m in sent if m.home in at_work]
    return truths, log, began


def wrong(name: str, truths: list[Truth]) -> list[str]:
    """Sentences about truths that the wire does not bear out."""
    play = PLAYS[name]
    _, log, began = played(name)
    homes: dict[str, list[Said]] = {}
    for said in log:
        homes.setdefault(said.message.home, []).append(said)
    out = []
    for truth in truths:
        t = (truth.at - began).total_seconds()
        found = [line for line in play.lines if truth.what.startswith(line.what)]
        if len(found) != 1:
            out.append(f"{truth.what}: {len(found)} signs are known")
            continue
        (line,) = found
        times = [x - t for x in line.sign(homes[truth.home], truth.home) if x >= t - BACK]
        if not times or not line.low - 0.01 <= times[0] <= line.high + WAITS.get(truth.device, 0.0):
            out.append(f"{truth.what} in {truth.home}: at {t:g} s, seen {times[:1]} s later")
    return out


def test_every_scenario_is_looked_at():
    """Each of the contract's names has its signs here."""
    assert list(PLAYS) == list(SCENARIOS)


@pytest.mark.parametrize("name", PLAYS)
def test_the_wire_shows_what_is_told_as_true_when_it_is_told(name):
    """Bed empty when somebody gets up, smoke true when the detector sounds, silence when the power goes."""
    truths, _, _ = played(name)
    assert wrong(name, truths) == []


@pytest.mark.parametrize("name", PLAYS)
def test_a_truth_that_is_a_minute_off_is_found(name):
    """The test above can fail: each line of truth, a minute too early or too late, is called wrong."""
    truths, _, _ = played(name)
    for minutes in (-1, 1):
        moved = [msgspec.structs.replace(t, at=t.at + timedelta(minutes=minutes)) for t in truths]
        assert len(wrong(name, moved)) == len(truths)


@pytest.mark.parametrize(
    ("name", "presses"), [("sos", [3]), ("sos_pocket", [5, 12, 21]), ("storm", [120, 302])]
)
def test_presses_are_as_many_as_are_told(name, presses):
    """One press is one seq, however often it is repeated; nothing else is pressed."""
    _, log, _ = played(name)
    first: dict[int, float] = {}
    for said in log:
        if said.message.home == HOME and "sos" in said.body:
            first.setdefault(said.body["seq"], said.t)
    assert list(first.values()) == presses


def test_who_went_to_the_bathroom_is_back_after_seven_minutes():
    """The end of what the truth says, too."""
    _, log, _ = played("night_toilet")
    bed = [(s.t, s.body["in_bed"]) for s in log if s.message.device == "belt-0317" and -60 < s.t < 600]
    changes = [t for (_, was), (t, now) in itertools.pairwise(bed) if was is not now]
    assert len(changes) == 2
    assert 0 <= changes[0] <= 3
    assert 430 <= changes[1] <= 433


def test_who_is_not_up_lies_there_until_it_ought_to_be_told():
    """In bed without a break from the truth to the time by which an alert ought to have come; a belt loses somebody for seconds."""
    world = World(generate(1), start=NIGHT, rate_scale=0.2)
    (truth,) = world.stage(wish("not_up"))
    assert truth.expect is not None
    bed = [
        json.loads(m.payload)["in_bed"]
        for m in world.events(truth.expect.by)
        if m.kind is Kind.bed_belt and m.at > truth.at
    ]
    assert len(bed) > 500
    assert sum(bed) > 0.99 * len(bed)
    assert not any(a is b is False for a, b in itertools.pairwise(bed)), "twice in a row is no flicker"


# -- what the radio and the clocks do to it


def alarm(faults: str) -> list[tuple[float, float]]:
    """Of each message in which the smoke detector says smoke: seconds it came after the truth, and that its own clock says."""
    truths, log, began = played("virtual_smoke", faults)
    t = (truths[0].at - began).total_seconds() + 1  # the detector needs a second
    smoke = [s for s in log if s.message.kind is Kind.smoke and s.body.get("smoke") is True]
    return [
        (s.t - t, (datetime.fromisoformat(s.body["last_seen"]) - began).total_seconds() - t) for s in smoke
    ]


def lags(faults: str) -> list[float]:
    """How much later than it was said each reading came."""
    _, log, began = played("virtual_smoke", faults)
    clocks = [s.body.get("time") or s.body.get("last_seen") for s in log if not s.message.retain]
    sent = [s.t for s in log if not s.message.retain]
    return [
        t - (datetime.fromisoformat(c) - began).total_seconds()
        for t, c in zip(sent, clocks, strict=True)
        if c
    ]


def test_a_delay_moves_the_wire_and_not_the_truth():
    """Every message is late by up to as much as told, evenly; its own time stays that of the truth."""
    ((came, clock),) = alarm("delay=30s")
    assert 0 < came <= 30
    assert clock == 0
    late = lags("delay=30s")
    assert 0 <= min(late) < 1
    assert 29 < max(late) <= 30
    assert sum(late) / len(late) == pytest.approx(15, abs=1.5)


def test_a_reordered_message_comes_one_to_ten_seconds_late():
    """And with its own time, so that whoever listens can put it in its place."""
    ((came, clock),) = alarm("reorder=1")
    assert 1 <= came <= 10
    assert clock == 0
    late = lags("reorder=1")
    assert 1 <= min(late) < 1.5
    assert 9.5 < max(late) <= 10
    _, log, _ = played("virtual_smoke", "reorder=0.2")
    seqs = [s.body["seq"] for s in log if s.message.kind is Kind.bed_belt]
    assert sum(a > b for a, b in itertools.pairwise(seqs)) > 50


def test_a_drifting_clock_moves_the_stamp_and_not_the_wire():
    """It comes in time, with a time that is wrong by what the clock of this home is wrong by: up to as much as told."""
    ((came, clock),) = alarm("drift=90s")
    assert came == 0
    assert 1 < abs(clock) <= 90
    assert all(abs(-lag - clock) < 1 for lag in lags("drift=90s"))
    others = {round(alarm(f"drift={n}s")[0][1] / n, 2) for n in (60, 600)}
    assert len(others) == 1, "twice the fault is twice as wrong, the same way"


def test_a_duplicate_is_the_same_message_within_four_seconds():
    """Same bytes, same own time."""
    (first, again) = alarm("duplicate=1")
    assert first == (0, 0)
    assert 0.2 <= again[0] <= 3.2
    assert again[1] == 0


def test_lost_is_lost():
    """With loss=1 nothing but retained states is heard; the truth stands."""
    truths, log, _ = played("virtual_smoke", "loss=1")
    assert truths[0].expect is not None
    assert log
    assert all(s.message.retain for s in log)


@pytest.mark.parametrize(("fault", "homes"), [("gateway_cut", 1), ("power_cut", 4)])
def test_a_cut_is_silence_from_the_truth_to_the_truth(fault, homes):
    """From when it is told until it is told to be over, nothing but last wills leaves these homes, and what has NB-IoT."""
    world = World(SITE, start=AFTERNOON, rate_scale=20)
    switches = Switches(world, FaultLine(parse("")))
    list(world.events(AFTERNOON + timedelta(minutes=5)))
    one, cut = switches.start(fault, None, HOME)
    assert cut is not None
    heard = [m for m in world.events(AFTERNOON + timedelta(minutes=15)) if m.home in one.homes]
    during = [m for m in heard if m.device not in OWN_WAY]
    assert len(heard) - len(during) > 0
    assert all(name in cut.what for name in {m.device for m in heard if m.home == HOME} & OWN_WAY)
    _, over = switches.stop(one.id)
    after = [m for m in world.events(AFTERNOON + timedelta(minutes=16)) if m.home in one.homes]
    assert over is not None
    assert (cut.at, over.at) == (AFTERNOON + timedelta(minutes=5), AFTERNOON + timedelta(minutes=15))
    assert len(one.homes) == homes
    wills = [m for m in during if m.payload == b'{"state":"offline"}']
    assert wills == during
    assert {m.home for m in wills} == set(one.homes)
    assert all(m.at == cut.at + timedelta(seconds=90) for m in wills)
    assert {m.home for m in after if m.at - over.at < timedelta(seconds=1)} == set(one.homes)
