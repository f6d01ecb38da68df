"""How regular are the simulated people, beside recorded ones? Spread of rising and of going to bed, nights, pulse, breath, movement.

    .venv/bin/python benchmarks/people.py [--homes 30] [--days 28] [--seed 1] [--fixtures DIR] [--out FILE]

Everything is read from what the devices say, in the same way for both: a night is what a bed says between 20:00 and
noon, a night exit is a bed left for one minute to two hours with the person back in it, rising is the last time it is left,
and movement is counted at most once a minute for each sensor, as infrared sensors report it. Simulated figures are the
median over homes and the tenth and ninetieth percentile. With the folder of recordings that may not be shipped the same
is measured there: figures only.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import itertools
import json
import os
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from detection import ZONE, machine

from care.words import Kind
from simulators.community import generate
from simulators.world import World

START = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)
"""Noon in Shanghai."""
HOUR = timedelta(hours=1)
SHORT, LONG = timedelta(minutes=1), timedelta(hours=2)


@dataclass
class Heard:
    """What the devices of one home have said."""

    bed: list[tuple[datetime, bool]] = field(default_factory=list)
    """Changes of occupancy, local time."""
    moved: list[datetime] = field(default_factory=list)
    doors: Counter[Any] = field(default_factory=Counter)
    pulse: list[tuple[datetime, float]] = field(default_factory=list)
    breath: list[tuple[datetime, float]] = field(default_factory=list)
    turns: list[datetime] = field(default_factory=list)
    """Minutes in bed with much movement."""
    in_bed: set[datetime] = field(default_factory=set)
    """Minutes in bed."""
    open: bool = False
    """The front door stands open."""
    _last: dict[str, datetime] = field(default_factory=dict)

    def occupied(self, at: datetime, yes: bool) -> None:
        if not self.bed or self.bed[-1][1] is not yes:
            self.bed.append((at, yes))

    def moves(self, sensor: str, at: datetime) -> None:
        if sensor not in self._last or at - self._last[sensor] >= timedelta(seconds=59):
            self._last[sensor] = at
            self.moved.append(at)


def measured(heard: Heard, days: int) -> dict[str, float]:
    """The figures of one home."""
    out: dict[str, float] = {}
    nights = _nights(heard.bed)
    if len(nights) >= 5:
        rises = np.array([_minutes(n[-1][1]) for n in nights])
        beds = np.array([_minutes(n[0][0]) for n in nights])
        exits = [len(n) - 1 for n in nights]
        out |= {
            "rises_deviation_minutes": float(rises.std(ddof=1)),
            "to_bed_deviation_minutes": float(((beds - 720) % 1440).std(ddof=1)),
            "night_exits": float(np.mean(exits)),
            "nights_with_two_and_more": float(np.mean([e >= 2 for e in exits])),
        }
    if heard.moved:
        per_hour = Counter((t.date(), t.hour) for t in heard.moved)
        by_day = Counter(t.date() for t in heard.moved)
        full = sorted(by_day)[1:-1] or sorted(by_day)
        out |= {
            "movements_a_day": float(np.mean([by_day[d] for d in full])),
            "movements_a_day_deviation": float(np.std([by_day[d] for d in full])),
            "movements_an_hour_with_any": float(np.mean(list(per_hour.values()))),
            "movements_an_hour_deviation": float(np.std(list(per_hour.values()))),
        }
    if heard.doors:
        out["door_openings_a_day"] = sum(heard.doors.values()) / days
    for name, said in (("pulse", heard.pulse), ("breath", heard.breath)):
        by_minute = _by_minute(said)
        if len(by_minute) > 60:
            values = np.array([v for _, v in by_minute])
            steps = [b - a for (s, a), (t, b) in itertools.pairwise(by_minute) if t - s == SHORT]
            by_night = defaultdict(list)
            for at, value in by_minute:
                by_night[(at - 12 * HOUR).date()].append(value)
            long = [float(np.std(v)) for v in by_night.values() if len(v) > 60]
            out |= {
                f"{name}_mean": float(values.mean()),
                f"{name}_deviation_in_a_night": float(np.median(long)) if long else float(values.std()),
                f"{name}_step_from_minute_to_minute": float(np.std(steps)),
            }
    if heard.in_bed:
        out["minutes_with_turning"] = len(set(heard.turns)) / len(heard.in_bed)
    return out


def _minutes(at: datetime) -> float:
    return at.hour * 60 + at.minute + at.second / 60


def _by_minute(said: Iterable[tuple[datetime, float]]) -> list[tuple[datetime, float]]:
    minutes: dict[datetime, list[float]] = defaultdict(list)
    for at, value in said:
        minutes[at.replace(second=0, microsecond=0)].append(value)
    return [(m, float(np.mean(v))) for m, v in sorted(minutes.items())]


def _nights(bed: list[tuple[datetime, bool]]) -> list[list[tuple[datetime, datetime]]]:
    """Stretches in bed of each night, those closer than a minute joined; nights of less than four hours are left out."""
    stretches: list[tuple[datetime, datetime]] = []
    for (start, yes), (end, _) in itertools.pairwise(bed):
        if not yes:
            continue
        if stretches and start - stretches[-1][1] < SHORT:
            stretches[-1] = (stretches[-1][0], end)
        else:
            stretches.append((start, end))
    nights: dict[Any, list[tuple[datetime, datetime]]] = defaultdict(list)
    for start, end in stretches:
        if start.hour >= 20 or start.hour < 10:
            night = nights[(start - 12 * HOUR).date()]
            if not night or start - night[-1][1] < LONG:
                night.append((start, end))
    return [n for n in nights.values() if n[-1][1] - n[0][0] > 4 * HOUR and n[-1][1].hour < 13]


def simulated(seed: int, nth: int, days: int) -> dict[str, float]:
    """One home with a belt for so many days."""
    site = generate(240, seed=seed)
    fitting = [h for h in site.homes if any(d.kind is Kind.bed_belt for d in h.devices)]
    home = fitting[nth % len(fitting)]
    world, heard = World(msgspec.structs.replace(site, homes=[home]), seed=seed, start=START), Heard()
    belt = next(d.id for d in home.devices if d.kind is Kind.bed_belt)
    for sent in world.events(START + timedelta(days=days)):
        if sent.retain:
            continue
        at = sent.at.astimezone(ZONE).replace(tzinfo=None)
        if sent.device == belt:
            _belt(heard, at, msgspec.json.decode(sent.payload))
        elif sent.kind in (Kind.motion, Kind.door):
            body = msgspec.json.decode(sent.payload)
            if sent.kind is Kind.motion and (body.get("occupancy") or body.get("motion")):
                heard.moves(sent.device, at)
            elif sent.kind is Kind.door:
                _door(heard, at, body.get("door_open", body.get("contact") is False))
    return measured(heard, days)


def _belt(heard: Heard, at: datetime, body: dict[str, Any]) -> None:
    heard.occupied(at, body["in_bed"])
    if not body["in_bed"]:
        return
    minute = at.replace(second=0, microsecond=0)
    heard.in_bed.add(minute)
    if body["movement"] >= 20:
        heard.turns.append(minute)
    # The night, as recorded belts have it: a nap is not compared.
    if body.get("heart_rate") and (at.hour >= 22 or at.hour < 6):
        heard.pulse.append((at, body["heart_rate"]))
        if body["respiration_rate"]:
            heard.breath.append((at, body["respiration_rate"]))


def _door(heard: Heard, at: datetime, is_open: bool) -> None:
    if is_open and not heard.open:
        heard.doors[at.date()] += 1
    heard.open = is_open


def recorded(folder: Path) -> dict[str, dict[str, float]]:
    """The same of the recordings."""
    week = Heard()
    with (folder / "home_week" / "homeB_week1_transitions.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            at, on = datetime.fromisoformat(row["ts"]), row["value"] == "1"
            _, item, sort = row["sensor"].split("/")
            if sort == "PIR" and on:
                week.moves(row["sensor"], at)
            elif item == "Bed":
                week.occupied(at, on)
            elif item == "Maindoor" and on:
                week.doors[at.date()] += 1
    night = Heard()
    start = datetime(2026, 3, 1, 23, 0)  # noqa: DTZ001  (local time, as the recording has it)
    with (folder / "belt" / "m8701w_348min.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            at = start + timedelta(minutes=int(row["minute"]))
            if row["status"] == "0":
                continue
            night.in_bed.add(at)
            if row["status"] in ("34", "35"):
                night.turns.append(at)
            for said, value in (
                (night.pulse, int(row["heart_rate"])),
                (night.breath, int(row["breath_rate"])),
            ):
                if 0 < value < 255:
                    said.append((at, value))
    beats = Heard()
    with gzip.open(folder / "vitals" / "12_20231117_RR.csv.gz", "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            at = datetime.fromisoformat(row["local_time"])
            if 20 < float(row["heart_rate_bpm"]) < 220 and (at.hour >= 22 or at.hour < 6):
                beats.pulse.append((at, float(row["heart_rate_bpm"])))
    return {
        "a week at home": measured(week, 7),
        "a night on a belt": measured(night, 1),
        "a healthy night's pulse": measured(beats, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--homes", type=int, default=30)
    parser.add_argument("--days", type=int, default=28)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--fixtures", type=Path, help="the folder of recordings that may not be shipped")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    with ProcessPoolExecutor(given.processes) as pool:
        found = list(
            pool.map(simulated, *zip(*((given.seed, n, given.days) for n in range(given.homes)), strict=True))
        )
    names = list(dict.fromkeys(name for one in found for name in one))
    homes = {
        name: [
            round(float(np.quantile([one[name] for one in found if name in one], q)), 2)
            for q in (0.1, 0.5, 0.9)
        ]
        for name in names
    }
    result = {
        "benchmark": "people",
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": machine(),
        "homes": given.homes,
        "days": given.days,
        "seed": given.seed,
        "simulated": homes,
        "recorded": {
            name: {k: round(v, 2) for k, v in one.items()} for name, one in recorded(given.fixtures).items()
        }
        if given.fixtures is not None
        else {},
    }
    text = json.dumps(result, ensure_ascii=False, indent=2) + "\n"
    if given.out is not None:
        given.out.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
