"""How often are people asked about the front door when nothing happens? DR1 and DR5 over many homes and half a year.

    .venv/bin/python benchmarks/doors.py [--homes 80] [--weeks 26] [--seeds 11 12 13] [--out FILE]

`ordinary_month.py` lives a few homes message by message, and two rules make most of what it counts: nobody through the
door for 48 hours (DR1), and away for too long (DR5). Both rest on when the door is used, and that is known from the plans of
the people and their visitors without a sensor. So here are many homes for long, hence narrow intervals, with the own limit
as the rules learn it (`rules.detectors.long_one`) and their bounds from the catalogue; with the fixed limit beside it, for
what the learning is worth. What it leaves out: pets and visitors who hide that everybody is out, radios that lose a
report, the hour in which a lack is looked at again. A month is 30 days; intervals are 95 %, exact for a Poisson count.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from detection import ZONE, machine, poisson

from care.site import Home
from care.words import Kind
from rules.catalog import load
from rules.detectors import long_one
from rules.memory import HomeClock
from rules.routine import LAST, LONG_PAUSE, SAME_USE
from simulators.community import generate
from simulators.company import VISITOR, Company
from simulators.days import day_plan
from simulators.resident import OUT, habits_of

START = date(2026, 3, 1)
OF_A_SITE = 240
MONTH = 30.0
HOUR, DAY = 3_600_000, 86_400_000
AWAY = 15 * 60_000
"""Out for so long before it counts as away (DR4)."""
BOOK = load()


class Days(NamedTuple):
    """A home's front door for some weeks; milliseconds since 1970."""

    uses: list[int]
    away: list[tuple[int, int]]
    """When everybody is out."""
    with_dementia: bool


class Asked(NamedTuple):
    """One alarm."""

    rule: str
    day: float
    limit_hours: float


def plans(home: Home, seed: int, days: int) -> Days:
    """When the door of a home is used, from the plans of everybody who goes through it."""
    uses: list[int] = []
    out: list[list[tuple[int, int]]] = []
    for resident in home.residents:
        habits, mine, left = habits_of(home, resident, seed=seed), [], 0
        stays = [s for n in range(days) for s in day_plan(habits, START + timedelta(days=n), zone=ZONE)]
        for old, new in pairwise(stays):
            if new.room == OUT and old.room != OUT:
                left = new.start
                uses.append(left)
            elif old.room == OUT and new.room != OUT:
                uses.append(new.start)
                mine.append((left, new.start))
            if new.doing == "meal comes":
                uses.append(new.start)
        out.append(mine)
    away = out[0]
    for other in out[1:]:
        away = [(max(a, c), min(b, d)) for a, b in away for c, d in other if min(b, d) > max(a, c)]
    company = Company(home, seed=seed, zone=ZONE)
    for n in range(days):
        for one in company.of_day(START + timedelta(days=n)):
            somebody = not any(a <= one.start < b for a, b in away)
            if one.who == VISITOR and (one.key or somebody):
                uses += [one.start, one.end]
    return Days(sorted(uses), away, any("dementia" in r.conditions for r in home.residents))


def unused(door: Days, begin: int, *, learns: bool) -> list[Asked]:
    """DR1 in yellow: no use for longer than the limit, which the pauses before it taught."""
    limits = BOOK.rules["DR1"].doc.parameters
    fixed, most = limits["yellow_hours"].default, limits["own_most_hours"].default
    clock, asked = HomeClock(), []
    for last, now in pairwise([u for u in door.uses if u >= begin]):
        if now - last < SAME_USE:
            continue
        pause = (now - last) / HOUR
        own = long_one(clock, "door_gap") if learns else None
        limit = fixed if own is None else min(max(own / 60, fixed), most)
        if pause >= limit:
            asked.append(Asked("DR1", (last + limit * HOUR - begin) / DAY, limit))
        if pause * 60 >= LONG_PAUSE and not any(a <= last and now <= b for a, b in door.away):
            clock.gaps = [*clock.gaps, round(pause * 60)][-LAST["gaps"] :]
    return asked


def late(door: Days, begin: int, *, learns: bool) -> list[Asked]:
    """DR5: everybody out for longer than the limit, which the longest outing of each day taught, or still at ten."""
    limits = BOOK.rules["DR5"].doc.parameters
    fixed = limits["away_hours"].templates["dementia"] if door.with_dementia else limits["away_hours"].default
    more, least, most = (limits[n].default for n in ("more_hours", "own_least_hours", "own_most_hours"))
    clock, asked, longest = HomeClock(), [], Counter[int]()
    for left, back in door.away:
        if left < begin or back - left < AWAY:
            continue
        day = (left - begin) // DAY
        clock.aways = [longest[d] for d in sorted(longest) if d < day][-LAST["aways"] :]
        own = long_one(clock, "away") if learns and not door.with_dementia else None
        limit = fixed if own is None else min(max(own / 60 + more, least), most)
        out, home_at = (back - left) / HOUR, datetime.fromtimestamp(back / 1000, ZONE)
        if out >= limit or (home_at.hour >= 22 and out >= limits["least_hours"].default):
            asked.append(Asked("DR5", (left - begin) / DAY, limit))
        longest[day] = max(longest[day], round(out * 60))
    return asked


def summed(alarms: list[Asked], homes: int, first: int, last: int) -> dict[str, Any]:
    """The load of the days from `first` until before `last`."""
    here = [a for a in alarms if first <= a.day < last]
    months = homes * (last - first) / MONTH
    low, high = poisson(len(here))
    return {"home_months": round(months, 1), "alarms": len(here), "per_home_month": [round(x / months, 3) for x in (len(here), low, high)]}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--homes", type=int, default=80, help="for each seed")
    parser.add_argument("--weeks", type=int, default=26)
    parser.add_argument("--seeds", type=int, nargs="+", default=[11, 12, 13])
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    began, days = time.monotonic(), 7 * given.weeks
    begin = int(datetime(START.year, START.month, START.day, 12, tzinfo=ZONE).timestamp() * 1000)
    doors = []
    for seed in given.seeds:
        homes = [h for h in generate(OF_A_SITE, seed=seed).homes if h.residents]
        doors += [
            plans(h, seed, days)
            for h in (homes[(n * 7 + seed) % len(homes)] for n in range(given.homes))
            if any(d.kind is Kind.door for d in h.devices)
        ]
    weeks = {"weeks 1-4": (0, 28), "weeks 5-8": (28, 56), "after these": (56, days)}
    found: dict[str, Any] = {}
    for name, rule in (("DR1", unused), ("DR5", late)):
        for learns in (True, False):
            alarms = [a for d in doors for a in rule(d, begin, learns=learns)]
            found[f"{name} {'as it learns' if learns else 'with the fixed limit'}"] = {
                word: summed(alarms, len(doors), *span) for word, span in weeks.items()
            }
    result = {
        "benchmark": "doors",
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": machine(),
        "rules": BOOK.version,
        "homes": len(doors),
        "weeks": given.weeks,
        "seeds": given.seeds,
        "found": found,
        "minutes": round((time.monotonic() - began) / 60, 1),
    }
    if given.out is not None:
        given.out.write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    for line, spans in found.items():
        print(line, *(f"{w}: {s['alarms']} in {s['home_months']}, {s['per_home_month']}" for w, s in spans.items()), sep="\n  ")  # fmt: skip


if __name__ == "__main__":
    main()
