"""Families of invented belts: nobody healthy is paged red, and what happens is found in the table's time.

Every belt is noisy in its own way: how often it speaks, reports that get lost, glitches, turning over, a signal that
comes and goes, a flutter, a slow drift. The recordings (test_rule_recordings) are single nights; these are the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from care.messages import Finding, Report, Value
from care.site import Community, Device, Home, Override, Registry, Resident, Site
from care.words import Kind, Level, Phase
from rules.engine import Engine
from tests.told import BOOK

START = datetime(2026, 3, 1, 17, 0, tzinfo=UTC)  # 01:00 in Shanghai

EVERY = [1, 5, 10, 60]


@dataclass
class Belt:
    """A night on one belt, sample by sample; the body is `pulse` and `breath`, the rest is the belt."""

    every: int
    minutes: int
    seed: int = 1
    pulse: float = 62
    breath: float = 14
    drift: float = 0
    """Beats a minute that the pulse rises over the night."""
    flutter: float = 1.5
    lost: float = 0
    """Share of reports that never come."""
    glitches: float = 0
    turns: float = 0
    """Turnings in bed an hour, each half a minute of nonsense."""
    contact: float = 0
    """Losses of contact an hour, each two minutes of zeros with no signal."""
    nulls: float = 0
    unpunctual: float = 0.02

    def says(
        self, event: dict[str, float] | None = None, at: float = 1e9
    ) -> Iterator[tuple[float, dict[str, Any]]]:
        """(second, values); from second `at` on the body shows `event`."""
        rng = np.random.default_rng(self.seed)
        n = self.minutes * 60 // self.every
        wave = np.sin(np.arange(n) * self.every / 900)
        noise = rng.normal(0, self.flutter, n)
        busy = np.zeros(n, int)
        for kind, rate, seconds in ((1, self.turns, 30), (2, self.contact, 120)):
            for begin in rng.integers(0, n, rng.poisson(rate * self.minutes / 60)):
                busy[begin : begin + max(1, seconds // self.every)] = kind
        for i in range(n):
            second = i * self.every + float(rng.uniform(0, self.unpunctual)) * self.every
            if rng.random() < self.lost:
                continue
            now = event if event is not None and i * self.every >= at else {}
            pulse = now.get("pulse", self.pulse + self.drift * i / n + 3 * wave[i]) + noise[i]
            breath = now.get("breath", self.breath + wave[i])
            breath = breath + rng.normal(0, 0.6) if breath else 0
            values: dict[str, Any] = {
                "in_bed": True,
                "heart_rate": max(0, round(float(pulse))) if pulse > 20 else 0,
                "respiration_rate": max(0, round(float(breath))),
                "movement": int(rng.integers(0, 6)),
                "signal_quality": int(rng.integers(74, 98)),
            }
            if not now and busy[i] == 1:
                values |= {"movement": int(rng.integers(30, 90)), "signal_quality": int(rng.integers(25, 60)),
                           "heart_rate": int(rng.choice([0, 31, 140, 155, 190])), "respiration_rate": int(rng.choice([0, 4, 30, 44]))}  # fmt: skip
            elif not now and busy[i] == 2:
                values |= {"heart_rate": 0, "respiration_rate": 0, "signal_quality": 0, "movement": 0}
            elif not now and rng.random() < self.glitches:
                values["heart_rate"] = int(rng.choice([12, 29, 128, 150, 235]))
            elif not now and rng.random() < self.nulls:
                values["heart_rate"] = values["respiration_rate"] = None
            yield second, values


def heard(belt: Belt, *, resident: Resident | None = None, **given: Any) -> list[Finding]:
    home = Home(
        id="h",
        residents=[resident or Resident(id="r", name="r")],
        devices=[Device(id="belt", kind=Kind.bed_belt, room="bedroom", expect_seconds=float(belt.every))],
    )
    engine = Engine(Registry(Site(community=Community(id="c", name="c"), homes=[home])), BOOK)
    out = engine.tick(START)
    for n, (second, says) in enumerate(belt.says(**given)):
        at = START + timedelta(seconds=second)
        while (due := engine.next_due()) is not None and due <= at:
            out += engine.tick(due)
        values: dict[str, Value] = {k: v for k, v in says.items() if v is not None}
        out += engine.feed(
            Report(
                report_id=str(n), home="h", device="belt", kind="bed_belt", at=at, received_at=at, device_at=at,
                values=values, unknown=[k for k, v in says.items() if v is None],
            ),
            at,
        )  # fmt: skip
    return [f for f in out if f.rule != "TE3"]


HEALTHY = {
    "quiet": Belt(10, 240),
    "noisy": Belt(10, 240, flutter=4, lost=0.15, glitches=0.05, nulls=0.05),
    "restless": Belt(10, 240, turns=12, glitches=0.02),
    "a bad contact": Belt(10, 240, contact=6, lost=0.1),
    "all of it": Belt(
        10, 240, flutter=5, turns=8, contact=4, glitches=0.1, lost=0.2, nulls=0.1, unpunctual=0.4
    ),
    "drifting up": Belt(10, 240, drift=22, flutter=3),
    "drifting down": Belt(10, 240, pulse=70, drift=-18, flutter=3),
    "fluttering": Belt(10, 240, pulse=84, flutter=13),
    "sleeping slowly": Belt(10, 240, pulse=50, breath=11, flutter=2),
    "a child's pulse": Belt(10, 240, pulse=92, breath=19, flutter=4),
}


@pytest.mark.parametrize("every", EVERY)
@pytest.mark.parametrize("name", HEALTHY)
def test_nobody_healthy_is_paged(name: str, every: int) -> None:
    """No red and no yellow on an ordinary night, however bad the belt is."""
    belt = HEALTHY[name]
    minutes = {1: 20, 5: 45, 10: 120, 60: 240}[every]
    night = Belt(**{**vars(belt), "every": every, "minutes": minutes, "seed": 7 + every})
    assert [(f.rule, f.level.value, f.at) for f in heard(night) if f.level is not Level.blue] == []


EVENTS: dict[str, tuple[str, int, dict[str, float]]] = {
    "a racing heart": ("VT1", 180, {"pulse": 143}),
    "a very slow heart": ("VT3", 180, {"pulse": 36}),
    "very fast breathing": ("VT5", 180, {"breath": 34}),
    "fast breathing and heart": ("VT5", 180, {"breath": 27.5, "pulse": 119}),
    "slow breathing": ("VT6", 120, {"breath": 5.5}),
    "no breathing": ("VT7", 60, {"breath": 0}),
    "no breathing and no pulse": ("VT7", 60, {"breath": 0, "pulse": 0}),
}


@pytest.mark.parametrize("every", EVERY)
@pytest.mark.parametrize("name", EVENTS)
def test_what_happens_is_found_in_its_time(name: str, every: int) -> None:
    """Red within the table's time and one sample interval, not before that time, by a punctual belt."""
    rule, seconds, event = EVENTS[name]
    begins = 20 * 60
    found = heard(Belt(every, 28, flutter=0.8, seed=every), event=event, at=begins)
    red = [f for f in found if f.level is Level.red]
    assert {f.rule for f in red} == {rule}
    after = (red[0].at - START).total_seconds() - begins
    assert seconds <= after + 0.05 * every, (rule, after)
    assert after <= seconds + every * 1.05, (rule, after)


@pytest.mark.parametrize("every", EVERY)
@pytest.mark.parametrize("name", EVENTS)
@pytest.mark.parametrize("seed", range(2))
def test_what_happens_is_found_through_noise_and_losses(name: str, every: int, seed: int) -> None:
    """A fifth of the reports missing and a fluttering value: found all the same, a few samples later at most.

    A belt that speaks once a minute and loses a fifth of that has three samples in three minutes: there it may take
    some minutes more, as nobody is called red on two samples.
    """
    rule, seconds, event = EVENTS[name]
    begins = 20 * 60
    belt = Belt(every, 32, flutter=3 if "heart" not in name else 2, lost=0.2, seed=100 + seed, unpunctual=0.3)
    red = [f for f in heard(belt, event=event, at=begins) if f.level is Level.red]
    assert red
    assert red[0].rule == rule
    late = 3.5 * every + 10 if every < 60 else 420
    assert (red[0].at - START).total_seconds() - begins <= seconds + late


@pytest.mark.parametrize("every", EVERY)
def test_a_little_less_than_the_table_is_nothing(every: int) -> None:
    """Two minutes of a racing heart, forty seconds without breath: nobody is called."""
    for event, lasts in (({"pulse": 143.0}, 115), ({"breath": 0.0}, 45), ({"breath": 5.5}, 60)):
        belt = Belt(every, 30, seed=3)
        says = list(belt.says(event=event, at=20 * 60))
        calm = list(belt.says())
        mixed = [b if 1200 <= a[0] < 1200 + lasts else c for a, b, c in zip(says, says, calm, strict=True)]
        found = heard(Told(belt.every, belt.minutes, told=mixed))
        assert [f.rule for f in found if f.level is Level.red] == []


@dataclass
class Told(Belt):
    """A belt whose words are given."""

    told: list[tuple[float, dict[str, Any]]] | None = None

    def says(
        self, event: dict[str, float] | None = None, at: float = 1e9
    ) -> Iterator[tuple[float, dict[str, Any]]]:
        """As given."""
        yield from self.told or []


@pytest.mark.parametrize("every", EVERY)
def test_atrial_fibrillation_has_its_own_limits(every: int) -> None:
    """A pulse of 105 that flutters by ten is no news with 房颤, whose limits are fifteen higher."""
    resident = Resident(id="r", name="r", conditions=["af"])
    belt = Belt(every, 30 if every == 1 else 120, pulse=104, flutter=9, seed=5)
    assert [f.rule for f in heard(belt, resident=resident) if f.level is not Level.blue] == []


def mat(on: float, off: float, *, seed: int, watched: bool, walk_at: float = 0) -> list[Finding]:
    """What is said of the bed in a night on a mat that loses the sleeper again and again; from `walk_at` he is up."""
    rng = np.random.default_rng(seed)
    rooms = {"pir": "living", "pir2": "bathroom"} if watched else {}
    home = Home(
        id="h",
        residents=[Resident(id="r", name="r")],
        devices=[
            Device(id="mat", kind=Kind.bed_belt, room="bedroom"),
            *(Device(id=d, kind=Kind.motion, room=room) for d, room in rooms.items()),
        ],
    )
    engine = Engine(Registry(Site(community=Community(id="c", name="c"), homes=[home])), BOOK)
    out = engine.tick(START)
    words: list[tuple[float, str, dict[str, Value]]] = []
    second, said, end = 0.0, True, 4.5 * 3600  # until half past five
    while second < end:
        lasts = float(rng.exponential(on if said else off))
        for at in np.arange(second, second + lasts, 30):
            up = walk_at and walk_at <= at < walk_at + 4260  # seventy-one minutes
            words.append((float(at), "mat", {"in_bed": said and not up}))
        second, said = second + lasts, not said
    for device in rooms:
        words += [(s, device, {"motion": False}) for s in range(30, int(end), 3000)]
    if walk_at and watched:
        words += [
            (walk_at + s, "pir2", {"motion": v})
            for s, v in ((40, True), (130, False), (900, True), (990, False))
        ]
    for n, (s, device, values) in enumerate(sorted(words, key=lambda w: w[:2])):
        at = START + timedelta(seconds=s)
        while (due := engine.next_due()) is not None and due <= at:
            out += engine.tick(due)
        out += engine.feed(
            Report(
                report_id=str(n), home="h", device=device, kind="x", at=at, received_at=at, device_at=at, values=values
            ),
            at,
        )  # fmt: skip
    return [f for f in out if f.code.startswith("BD")]


MATS = [(600, 20), (120, 60), (60, 120), (30, 90)]
"""Mean seconds that the mat feels the sleeper and that it does not: 110 to 600 changes a night."""


@pytest.mark.parametrize("watched", [False, True])
@pytest.mark.parametrize(("on", "off"), MATS)
def test_a_mat_that_flickers_makes_no_exits(on: float, off: float, watched: bool) -> None:
    """The sleeper never left, and nothing moves in the home: no exit, and above all no fall at the bedside."""
    for seed in range(3):
        assert [(f.rule, f.level.value) for f in mat(on, off, seed=seed, watched=watched)] == []


@pytest.mark.parametrize("watched", [False, True])
@pytest.mark.parametrize(("on", "off"), MATS)
def test_a_walk_is_found_on_a_mat_that_flickers(on: float, off: float, watched: bool) -> None:
    """An exit of seventy-one minutes: yellow after twenty (thirty with the bathroom's ten), red after forty-five."""
    for seed in range(2):
        found = [f for f in mat(on, off, seed=seed, watched=watched, walk_at=7200) if f.rule == "BD1"]
        first = (found[0].at - START).total_seconds() - 7200
        assert -600 <= first - 1200 <= 660, first
        red = [f for f in found if f.level is Level.red]
        assert red
        assert (red[0].at - START).total_seconds() - 7200 <= 2760


def flickering(
    every: int, *, seed: int, event: dict[str, float] | None, leaves: bool = False
) -> list[Finding]:
    """A belt that loses its sleeper in every third report, and an event after half an hour; or he leaves, and the
    belt feels somebody in every fourth report of an empty bed."""
    rng = np.random.default_rng(seed)
    told: list[tuple[float, dict[str, Any]]] = []
    for second, says in Belt(every, 60, seed=seed).says(event=event, at=1800):
        gone = leaves and second >= 1800
        felt = rng.random() < 0.25 if gone else rng.random() > 0.33
        told.append(
            (
                second,
                says | {"in_bed": bool(felt)} | ({"heart_rate": 0, "respiration_rate": 0} if gone else {}),
            )
        )
    return heard(Told(every, 60, told=told))


@pytest.mark.parametrize("every", [5, 10])
@pytest.mark.parametrize("event", ["no breathing", "no breathing and no pulse"])
def test_breath_is_lost_on_a_mat_that_flickers(every: int, event: str) -> None:
    """A mat that loses the sleeper for one report has not seen anybody get up: whose breath is gone still lies there."""
    for seed in range(3):
        red = [f for f in flickering(every, seed=seed, event=EVENTS[event][2]) if f.level is Level.red]
        assert red
        assert red[0].rule == "VT7"
        assert 60 <= (red[0].at - START).total_seconds() - 1800 <= 60 + 12 * every


@pytest.mark.parametrize("every", [5, 10])
def test_who_left_a_mat_that_flickers_has_not_stopped_breathing(every: int) -> None:
    """And an empty bed that feels somebody now and then has nobody in it whose breath could be lost."""
    for seed in range(3):
        assert "VT7" not in {f.rule for f in flickering(every, seed=seed, event=None, leaves=True)}


def lossy(nights: int, *, fall: bool, sees: str = "bedroom", thrice: bool = False) -> list[Finding]:
    """A mat that twice (or `thrice`) a night loses its sleeper for fifteen minutes; with `fall`, somebody falls after the last night.

    A fall at a bed is seen by the bedroom's sensor, for once, and then nothing moves.
    """
    site = Site(
        community=Community(id="c", name="c", timezone="Asia/Shanghai"),
        homes=[
            Home(
                id="h",
                residents=[Resident(id="r", name="甲")],
                devices=[
                    Device(id="mat", kind=Kind.bed_belt, room="bedroom", resident="r"),
                    Device(id="pir", kind=Kind.motion, room=sees),
                    Device(id="pir2", kind=Kind.motion, room="living"),
                ],
            )
        ],
    )
    engine = Engine(Registry(site), BOOK)
    out: list[Finding] = []
    words: list[tuple[float, str, dict[str, Any]]] = []
    for n in range(nights):
        day = n * 86400
        for s, v in ((0, True), (7200, False), (8100, True), (14400, False), (15300, True), (25200, False)):
            words.append((day + s, "mat", {"in_bed": v}))
        words += [(day + s, "mat", {"in_bed": True}) for s in range(60, 7200, 300)]
        words += [
            (day + s, "mat", {"in_bed": True}) for s in (*range(8160, 14400, 300), *range(15360, 25200, 300))
        ]
        if thrice:
            begin, end = day + 19800, day + 20700
            words = [w for w in words if not begin <= w[0] < end]
            words += [(begin, "mat", {"in_bed": False}), (end, "mat", {"in_bed": True})]
        for s in (*range(-3600, 0, 1200), 3600, 10800, 18000, *range(25230, 30000, 1200)):
            busy = s < 0 or s > 25000
            words += [(day + s, p, {"motion": busy}) for p in ("pir", "pir2")]
            words += [(day + s + 90, p, {"motion": False}) for p in ("pir", "pir2")]
    if fall:
        day = (nights - 1) * 86400
        words = [w for w in words if w[0] < day + 12000]
        words += [(day + 12000, "mat", {"in_bed": False})]
        if sees == "bedroom":
            words += [(day + 12005, "pir", {"motion": True}), (day + 12095, "pir", {"motion": False})]
        words += [(day + 12000 + s, "mat", {"in_bed": False}) for s in range(300, 4000, 300)]
    for n, (s, device, values) in enumerate(sorted(words, key=lambda w: w[:2])):
        at = START + timedelta(seconds=s)
        while (due := engine.next_due()) is not None and due <= at:
            out += engine.tick(due)
        out += engine.feed(
            Report(
                report_id=str(n), home="h", device=device, kind="x", at=at, received_at=at, device_at=at, values=values
            ),
            at,
        )  # fmt: skip
    return [f for f in out if f.rule == "BD1" and f.phase is Phase.opened]


def test_a_mat_that_loses_its_sleeper_past_a_sensor_that_would_have_seen_it_is_soon_known_for_it() -> None:
    """Three alarms are given away, then a quarter of an hour without anybody proves nothing; who falls is found all the same."""
    quiet = lossy(6, fall=False)
    assert [f.at for f in quiet if f.at > START + timedelta(days=2)] == []
    assert len(quiet) == 3
    fallen = START + timedelta(days=5, seconds=12000)
    found = [f for f in lossy(6, fall=True) if f.at > fallen]
    assert [(f.level, (f.at - fallen).total_seconds()) for f in found] == [(Level.yellow, 1350)]


def test_who_gets_up_where_no_sensor_could_see_it_has_not_been_lost_by_the_mat() -> None:
    """Sensors in kitchen and living room see nobody on the way to the bathroom: three such visits a night say nothing of the
    mat, and who falls afterwards is found as fast as ever.
    """
    fallen = START + timedelta(days=5, seconds=12000)
    found = [f for f in lossy(6, fall=True, sees="kitchen", thrice=True) if f.at > fallen]
    assert [f.level for f in found] == [Level.red]
    assert (found[0].at - fallen).total_seconds() <= 900


@pytest.mark.parametrize(
    ("minutes", "span", "told_after"),
    [(60, (0, 60), 30), (60, (0, 45), 20), (10, (37, 120), 10), (10, (43, 120), 13)],
    ids=["ends while it waits", "ends before", "begins before", "begins while it waits"],
)
def test_a_temporary_limit_begins_and_ends_on_time(
    minutes: int, span: tuple[int, int], told_after: int
) -> None:
    """Of whoever is out of bed by then: at that moment, and not at the next one that something else is due."""
    begins, ends = (START + timedelta(minutes=m) for m in span)
    own = Override(
        limit="bed_exit_yellow_minutes", value=minutes, from_=begins, until=ends, by="s1", reason="x"
    )
    told = [
        (float(s), {"in_bed": s < 1800, "heart_rate": 60 * (s < 1800), "respiration_rate": 14 * (s < 1800)})
        for s in range(0, 4200 + 1800, 10)
    ]
    found = heard(Told(10, 100, told=told), resident=Resident(id="r", name="r", overrides=[own]))
    yellow = next(f for f in found if f.rule == "BD1")
    assert yellow.level is Level.yellow
    after = (yellow.at - START).total_seconds() / 60 - 30
    assert told_after <= after < told_after + 0.01, after


@pytest.mark.parametrize("newest_first", [False, True])
def test_a_belt_that_sends_ten_minutes_at_once_is_no_flood(newest_first: bool) -> None:
    """Sixty reports in one message, each of its own second: all are taken in, and nobody is told of a flood."""
    belt = Belt(10, 60, seed=2)
    home = Home(
        id="h", residents=[Resident(id="r", name="r")], devices=[Device(id="belt", kind=Kind.bed_belt)]
    )
    engine = Engine(Registry(Site(community=Community(id="c", name="c"), homes=[home])), BOOK)
    out = engine.tick(START)
    said = list(belt.says(event={"pulse": 143}, at=2100))
    for batch in range(0, len(said), 60):
        part = said[batch : batch + 60]
        sent = START + timedelta(seconds=part[-1][0] + 1)
        out += engine.tick(sent)
        for n, (second, values) in enumerate(reversed(part) if newest_first else part):
            at = START + timedelta(seconds=second)
            report = Report(
                report_id=f"{batch}-{n}", home="h", device="belt", kind="bed_belt", at=at, received_at=sent, device_at=at,
                values=values,
            )  # fmt: skip
            out += engine.feed(report, sent)
    assert "TE12" not in {f.rule for f in out}
    if not newest_first:
        assert "VT1" in {f.rule for f in out if f.level is Level.red}
    for n in range(60):
        out += engine.feed(
            Report(
                report_id=f"f{n}", home="h", device="belt", kind="bed_belt", at=sent, received_at=sent, device_at=None,
                values={"in_bed": True, "heart_rate": 60 + n % 3},
            ),
            sent,
        )  # fmt: skip
    assert "TE12" not in {f.rule for f in out}, "the same second again counts once"
    for n in range(60):
        at = sent + timedelta(seconds=5, milliseconds=n)
        out += engine.feed(
            Report(
                report_id=f"g{n}", home="h", device="belt", kind="bed_belt", at=at, received_at=at, device_at=at,
                values={"in_bed": True, "heart_rate": 60 + n % 3},
            ),
            at,
        )  # fmt: skip
    assert "TE12" in {f.rule for f in out}, "sixty of one second are"
