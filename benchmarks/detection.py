"""How well is what happens found? Missed, false and how long it takes, for each scenario, over many seeds.

    .venv/bin/python benchmarks/detection.py [--seeds 40] [--scenario NAME]… [--days 200] [--fixtures DIR] [--out FILE]

Each run is a simulated home (a building for power cuts) with its own seed, people, devices and hour: some ordinary
hours first (a fortnight where a rule asks what is usual), then the scenario, through decode and rules in virtual time. The simulator knows what is true and when it
ought to be said (`Truth`); what is judged knows nothing of that. Counted are findings that reach people:

- missed: an expectation without a finding of its code (or one that would be right as well), at its level or worse, in
  its home, by the time it ought to be there;
- false: a red or yellow that no expectation explains, for each home and day;
- time to detect: from the truth to the finding.

Intervals are 95 %: Wilson for missed, bootstrap for the median time, Poisson (exact) for the false ones. Ordinary days
(nothing staged) are a line of their own. With the folder of recordings that may not be shipped, the false pages
of these for each resident and day are measured too.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import math
import os
import platform
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import numpy as np

from care.messages import Finding, Refusal, Report, Value
from care.site import Community, Device, Home, Registry, Resident, Site
from care.words import Kind, Level, Phase
from ingest.normalize import DEFAULT_SUBSCRIPTIONS, Message, Normalizer
from rules.catalog import RuleBook, load
from rules.engine import Engine
from simulators.community import generate
from simulators.scenarios import SCENARIOS, Truth, Wish
from simulators.world import World

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
BEFORE = 3 * HOUR
"""Ordinary life before a scenario, so that it is known who is in bed and who lives how."""
LIVED = {"not_up": 15 * DAY}
"""Longer ordinary life, where a rule asks what is usual: a fortnight and a day, in which it ought to be learned."""
STRANGERS = {"not_up_new_home": "not_up"}
"""The same in a home of which nothing has been learned yet."""
AFTER = HOUR
"""Ordinary life after the last truth of it."""
EARLY = MINUTE
"""So much before its truth a finding may come (a sensor that was a little ahead)."""
EXPLAINED = 4 * HOUR
"""So long after it had to be told a finding of its codes is about it (it grows, comes again, or is looked at longer)."""
MANY = {"power_cut": 14, "storm": 42}
"""Homes of a community in which it can happen; one otherwise."""
ZONE = ZoneInfo("Asia/Shanghai")


class Run(msgspec.Struct, kw_only=True):
    """What came of one seed."""

    expected: int = 0
    missed: list[str] = []
    seconds: list[float] = []
    false: list[str] = []
    """`code level` of each red or yellow that nothing explains."""
    home_days: float = 0.0


@dataclass
class Film:
    """Decode and rules over what a world publishes, in virtual time."""

    site: Site
    book: RuleBook
    findings: list[Finding] = field(default_factory=list)

    def __post_init__(self) -> None:
        registry = Registry(self.site)
        self.engine = Engine(registry, self.book)
        self.normalizer = Normalizer(registry, DEFAULT_SUBSCRIPTIONS)

    def hear(self, at: datetime, topic: str, payload: bytes) -> None:
        out = self.findings
        out += self.engine.tick(at)
        # A retained message is delivered live to whoever is listening already.
        message = Message(topic, payload, at, retained=False, qos=1)
        for given in self.normalizer.normalize(message):
            if isinstance(given, Report):
                out += self.engine.feed(given, at)
            elif isinstance(given, Refusal) and given.alarm:
                out += self.engine.refused(given, at)


def play(name: str, seed: int) -> Run:
    """One scenario with one seed."""
    begun_after = LIVED.get(name, BEFORE)
    name = STRANGERS.get(name, name)
    rng = np.random.default_rng([seed, len(name), *name.encode()[:8]])
    book = load()
    homes = MANY.get(name, 1)
    site = _a_site(name, homes, seed)
    start = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(
        days=int(rng.integers(0, 60)), minutes=int(rng.integers(0, 1440))
    )
    world, film = World(site, seed=seed, start=start), Film(site, book)
    if name == "ordinary":
        end = start + 3 * DAY
        truths: list[Truth] = []
        begin = start
    else:
        begin = start + begun_after
        _follow(world, film, begin)
        truths = world.stage(Wish(name, site.homes[0].id))
        end = max(t.expect.by if t.expect is not None else t.at for t in truths) + AFTER
    _follow(world, film, end)
    film.findings += film.engine.tick(end)
    return judge(truths, film.findings, begin, end, site)


def _a_site(name: str, homes: int, seed: int) -> Site:
    """A community whose first home has what the scenario needs."""
    # Ordinary days are lived where there is most to say: with a belt, as in the scenario that happens at night.
    lacks = SCENARIOS[name if name in SCENARIOS else "night_toilet"].lacks
    large = generate(max(homes, 60), seed=seed)
    fitting = [h for h in large.homes if not lacks(h.devices) and h.residents]
    first = fitting[seed % len(fitting)]
    near = [h for h in large.homes if h.id != first.id]
    near.sort(key=lambda h: (h.micro_grid != first.micro_grid, h.id))
    return msgspec.structs.replace(large, homes=[first, *near[: homes - 1]])


def _follow(world: World, film: Film, until: datetime) -> None:
    for sent in world.events(until):
        film.hear(sent.at, sent.topic, sent.payload)


def judge(
    truths: Iterable[Truth], findings: list[Finding], begin: datetime, end: datetime, site: Site
) -> Run:
    """Hold what was said against what was true."""
    run = Run(home_days=len(site.homes) * ((end - begin) / DAY))
    said = [f for f in findings if not f.test and f.phase is not Phase.cleared]
    wanted = [t for t in truths if t.expect is not None]
    for truth in wanted:
        e = truth.expect
        assert e is not None
        run.expected += 1
        codes, level = {e.code, *e.also}, Level(e.level)
        # An outage of an area is told in one of its homes.
        hits = [
            f
            for f in said
            if f.code in codes
            and f.level.rank >= level.rank
            and (f.home == truth.home or f.code == "TE5")
            and truth.at - EARLY <= f.at <= e.by
        ]
        if hits:
            run.seconds.append(max(0.0, (min(f.at for f in hits) - truth.at).total_seconds()))
        else:
            lower = [
                f
                for f in said
                if f.code in codes and f.home == truth.home and truth.at - EARLY <= f.at <= e.by
            ]
            told = f" (in time, but {max(lower, key=lambda f: f.level.rank).level.value})" if lower else ""
            run.missed.append(f"{e.code} {truth.what}{told}")
    for f in said:
        if f.phase is not Phase.opened and f.reason != "level":
            continue
        if f.level is Level.blue or not begin <= f.at <= end:
            continue
        if not any(_explains(t, f) for t in wanted):
            run.false.append(f"{f.code} {f.level.value}")
    return run


def _explains(truth: Truth, finding: Finding) -> bool:
    e = truth.expect
    assert e is not None
    near = truth.at - EARLY <= finding.at <= e.by + EXPLAINED
    return (
        near
        and finding.code in {e.code, *e.also}
        and (finding.home == truth.home or finding.code in ("TE4", "TE5"))
    )


# --------------------------------------------------------------------------------------------- intervals


def wilson(hits: int, of: int) -> tuple[float, float]:
    """95 % interval of a share."""
    if not of:
        return 0.0, 1.0
    z, p = 1.959964, hits / of
    middle = (p + z * z / (2 * of)) / (1 + z * z / of)
    half = z * math.sqrt(p * (1 - p) / of + z * z / (4 * of * of)) / (1 + z * z / of)
    return max(0.0, middle - half), min(1.0, middle + half)


def poisson(count: int) -> tuple[float, float]:
    """95 % interval of a count (exact): where its own probability falls to 2.5 % on either side."""

    def least(mean: float) -> float:
        """P(X <= count - 1)."""
        return (
            sum(math.exp(-mean + k * math.log(mean) - math.lgamma(k + 1)) for k in range(count))
            if mean
            else 1.0
        )

    def most(mean: float) -> float:
        return (
            sum(math.exp(-mean + k * math.log(mean) - math.lgamma(k + 1)) for k in range(count + 1))
            if mean
            else 1.0
        )

    low = 0.0 if count == 0 else _root(lambda m: least(m) - 0.975, 1e-9, count + 1.0)
    return low, _root(lambda m: most(m) - 0.025, count + 1e-9, 4 * count + 20.0)


def _root(f: Any, low: float, high: float) -> float:
    for _ in range(200):
        middle = (low + high) / 2
        if (f(low) > 0) == (f(middle) > 0):
            low = middle
        else:
            high = middle
    return (low + high) / 2


def median_interval(values: list[float], seed: int = 1) -> tuple[float, float, float] | None:
    """Median with a 95 % bootstrap interval."""
    if not values:
        return None
    rng = np.random.default_rng(seed)
    sample = np.asarray(values)
    medians = np.median(rng.choice(sample, size=(2000, len(sample))), axis=1)
    low, high = np.quantile(medians, [0.025, 0.975])
    return round(float(np.median(sample)), 1), round(float(low), 1), round(float(high), 1)


def summed(name: str, runs: list[Run]) -> dict[str, Any]:
    """One line of the table."""
    expected = sum(r.expected for r in runs)
    missed = [m for r in runs for m in r.missed]
    false = [f for r in runs for f in r.false]
    days = sum(r.home_days for r in runs)
    seconds = [s for r in runs for s in r.seconds]
    low, high = wilson(len(missed), expected)
    least, most = poisson(len(false))
    red = sum(f.endswith("red") for f in false)
    return {
        "scenario": name,
        "runs": len(runs),
        "expected": expected,
        "missed": len(missed),
        "missed_share": [round(len(missed) / expected, 4), round(low, 4), round(high, 4)]
        if expected
        else None,
        "missed_what": _counted(missed),
        "home_days": round(days, 2),
        "false": len(false),
        "false_red": red,
        "false_per_home_day": [round(len(false) / days, 4), round(least / days, 4), round(most / days, 4)],
        "false_what": _counted(false),
        "seconds_to_detect": median_interval(seconds),
        "seconds_p95": round(float(np.quantile(seconds, 0.95)), 1) if seconds else None,
        "seconds_longest": round(max(seconds), 1) if seconds else None,
    }


def _counted(words: list[str]) -> dict[str, int]:
    return {w: words.count(w) for w in sorted(set(words))}


# -------------------------------------------------------------------------------------------- recordings


Word = tuple[datetime, str, dict[str, Value]]


def recordings(folder: Path) -> dict[str, tuple[list[Device], list[Word], float]]:
    """Name -> devices, what they said, days; used in place, never copied."""
    found: dict[str, tuple[list[Device], list[Word], float]] = {}
    week: list[Word] = []
    with (folder / "home_week" / "homeB_week1_transitions.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            place, item, sort = row["sensor"].split("/")
            at = datetime.fromisoformat(row["ts"]).replace(tzinfo=ZONE)
            if sort == "PIR":
                week.append((at, f"pir-{place.lower()}", {"motion": row["value"] == "1"}))
            elif item == "Bed":
                week.append((at, "bed", {"in_bed": row["value"] == "1"}))
            elif item == "Maindoor":
                week.append((at, "door", {"door_open": row["value"] == "1"}))
    rooms = ("bedroom", "kitchen", "living", "bathroom")
    devices = [
        Device(id="bed", kind=Kind.bed_belt, room="bedroom"),
        Device(id="door", kind=Kind.door, room="entrance"),
        *(Device(id=f"pir-{room}", kind=Kind.motion, room=room) for room in rooms),
    ]
    found["a week at home (one real night exit)"] = devices, week, 7.0
    belt = [Device(id="belt", kind=Kind.bed_belt, room="bedroom")]
    start = datetime(2026, 3, 1, 23, 0, tzinfo=ZONE)
    night: list[Word] = []
    with (folder / "belt" / "m8701w_348min.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            at = start + timedelta(minutes=int(row["minute"]))
            night.append(
                (at, "belt", {"in_bed": row["status"] != "0", "heart_rate": int(row["heart_rate"]), "respiration_rate": int(row["breath_rate"])})
            )  # fmt: skip
    found["a night on a belt (one real apnoea)"] = belt, night, (night[-1][0] - night[0][0]) / DAY
    beats: list[Word] = []
    with gzip.open(folder / "vitals" / "12_20231117_RR.csv.gz", "rt", encoding="utf-8") as file:
        last: datetime | None = None
        for row in csv.DictReader(file):
            at = _beat_at(row)
            if at is None or (last is not None and at - last < timedelta(seconds=5)):
                continue
            last = at
            beats.append((at, "belt", {"in_bed": True, "heart_rate": round(float(row["heart_rate_bpm"]))}))
    if beats:
        found["a healthy night's pulse"] = belt, beats, (beats[-1][0] - beats[0][0]) / DAY
    return found


def _beat_at(row: dict[str, str]) -> datetime | None:
    text = row["local_time"]
    for form in ("%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%dT%H:%M:%S"):
        try:
            return datetime.strptime(text, form).replace(tzinfo=ZONE)
        except ValueError:
            continue
    try:
        return datetime.fromisoformat(text).replace(tzinfo=ZONE)
    except ValueError:
        return None


def heard(devices: list[Device], words: list[Word], days: float) -> dict[str, Any]:
    """Pages (red and yellow) of a recording, by code."""
    home = Home(id="h", residents=[Resident(id="r", name="r")], devices=devices)
    engine = Engine(Registry(Site(community=Community(id="c", name="c"), homes=[home])), load())
    words = sorted(words, key=lambda w: w[0])
    out = engine.tick(words[0][0])
    for n, (at, device, values) in enumerate(words):
        out += engine.tick(at)
        out += engine.feed(
            Report(report_id=str(n), home="h", device=device, kind="x", at=at, received_at=at, device_at=at, values=values), at
        )  # fmt: skip
    pages = [f for f in out if f.phase is Phase.opened and f.level is not Level.blue]
    return {
        "days": round(days, 2),
        "pages": len(pages),
        "red": sum(f.level is Level.red for f in pages),
        "pages_per_resident_day": round(len(pages) / days, 3),
        "what": _counted([f"{f.code} {f.level.value}" for f in pages]),
    }


# ------------------------------------------------------------------------------------------------ running


def machine() -> dict[str, Any]:
    """What it ran on: the kind, no names."""
    return {
        "cpu": platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": platform.system(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--scenario", action="append", choices=[*SCENARIOS, *STRANGERS, "ordinary"])
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--fixtures", type=Path, help="the folder of recordings that may not be shipped")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    names = given.scenario or [*SCENARIOS, *STRANGERS, "ordinary"]
    began = time.monotonic()
    jobs = [
        (name, seed)
        for name in names
        for seed in range(1, (given.seeds if name not in MANY else max(3, given.seeds // 5)) + 1)
    ]
    lines: dict[str, list[Run]] = {name: [] for name in names}
    with ProcessPoolExecutor(given.processes) as pool:
        for n, ((name, _), run) in enumerate(
            zip(jobs, pool.map(play, *zip(*jobs, strict=True)), strict=True), 1
        ):
            lines[name].append(run)
            if sys.stderr.isatty():
                print(f"\r{n}/{len(jobs)} {name:<20}", end="", file=sys.stderr, flush=True)
    result = {
        "benchmark": "detection",
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": machine(),
        "rules": load().version,
        "rule_count": len(load().rules),
        "minutes": round((time.monotonic() - began) / 60, 1),
        "scenarios": [summed(name, runs) for name, runs in lines.items()],
        "recordings": [
            {"recording": name, **heard(*found)} for name, found in recordings(given.fixtures).items()
        ]
        if given.fixtures is not None
        else [],
    }
    text = json.dumps(result, ensure_ascii=False, indent=2) + "\n"
    if given.out is not None:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.write_text(text, encoding="utf-8")
    for line in result["scenarios"]:
        print(
            f"{line['scenario']:<16} runs {line['runs']:>3}  missed {line['missed']}/{line['expected']}  "
            f"false {line['false']} in {line['home_days']} home-days  "
            f"seconds {line['seconds_to_detect']}  {line['missed_what'] or ''} {line['false_what'] or ''}"
        )
    for line in result["recordings"]:
        print(line)


if __name__ == "__main__":
    main()
