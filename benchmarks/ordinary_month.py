"""How often are people alarmed when nothing happens? Alarms for each home and month, by rule and level.

    .venv/bin/python benchmarks/ordinary_month.py [--homes 10] [--weeks 8] [--seeds 1 2] [--list] [--out FILE]

Simulated homes with their own people, devices and habits live ordinary weeks, through decode and rules in virtual
time: nobody falls, nothing burns, no device fails. Whoever lives there knows nothing of the rules. So whatever is said
is said for nothing, as far as the world knows, except what is true of an ordinary week as well (a night in which
somebody was out of bed for long), and each one is listed with its evidence, for a person to judge. What the world knows
of the day is counted beside it (`meanwhile`): that somebody was ill, sat up at night, had visitors, a pet, a day with the
family, a door left ajar. That does not make an alarm right, but says what a person would find.

An alarm is one episode that reached yellow or red; a blue note is a task for working hours and counted apart. Asked is
at most 0.5 yellow and red for each home and month once the personal clock has had four weeks (domain.md section 8), and
red at most one in twenty. The first four weeks, in which everything is new, are a figure of their own. A month is 30
days. Intervals are 95 %, exact for a Poisson count.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from detection import ZONE, Film, machine, poisson

from care.messages import Finding
from care.words import Level, Phase
from rules.catalog import load
from simulators.community import generate
from simulators.truths import Truth
from simulators.world import World

DAY = timedelta(days=1)
START = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)
"""Noon in Shanghai, so that the first night is a whole one."""
MONTH = 30.0
OF_A_SITE = 240
"""Homes of the community that the homes of a seed are drawn from."""
LEARN = 28
"""Days that the personal clock is given (domain.md section 8)."""
ASKED = 0.5
BOOK = load()


class Alarm(msgspec.Struct, kw_only=True):
    """One episode, at the worst it reached."""

    seed: int
    home: str
    rule: str
    code: str
    level: str
    at: datetime
    """When it reached that level, in the community's time."""
    title: str
    meanwhile: list[str]
    """What was true of that day, as far as it is not like others."""
    evidence: list[str]
    who: str


def live(seed: int, nth: int, days: int) -> list[Alarm]:
    """One home for so many days."""
    site = generate(OF_A_SITE, seed=seed)
    homes = [h for h in site.homes if h.residents]
    home = homes[(nth * 7 + seed) % len(homes)]
    film = Film(msgspec.structs.replace(site, homes=[home]), BOOK)
    world = World(film.site, seed=seed, start=START)
    worst: dict[str, Finding] = {}
    lived: list[Truth] = []
    for n in range(days):
        for sent in world.events(START + (n + 1) * DAY):
            film.hear(sent.at, sent.topic, sent.payload)
        lived += world.lived()
        film.findings += film.engine.tick(START + (n + 1) * DAY)
        for said in film.findings:
            known = worst.get(said.finding)
            if said.phase is not Phase.cleared and (known is None or said.level.rank > known.level.rank):
                worst[said.finding] = said
        film.findings.clear()
    who = "/".join(f"{r.tier.value},{'+'.join(r.conditions)}" for r in home.residents)
    return [
        Alarm(
            seed=seed, home=home.id, rule=f.rule, code=f.code, level=f.level.value, at=f.at.astimezone(ZONE), title=f.title["en"], who=who,
            meanwhile=sorted({TRUE[t.what] for t in lived if t.what in TRUE and _in_force(t, f.at)}),
            evidence=[f"{e.device} {e.quantity}={e.value} {e.at.astimezone(ZONE):%d. %H:%M:%S}" for e in f.evidence],
        )
        for f in worst.values()
        if not f.test
    ]  # fmt: skip


TRUE = {
    "feels ill today": "ill",
    "feels ill and lies down": "ill",
    "cannot sleep and sits up": "sits up at night",
    "has had a restless night": "restless night",
    "the family visits": "visitor",
    "the home help comes": "visitor",
    "the cleaner comes": "visitor",
    "a neighbour looks in": "visitor",
    "the cat is about": "pet",
    "the dog is about": "pet",
    "goes to see the family": "with the family",
    "goes to the doctor": "at the doctor's",
    "falls asleep in the chair": "asleep in the chair",
    "has no breakfast today": "no breakfast",
    "has no lunch today": "no lunch",
    "comes home and leaves the door ajar": "door ajar",
}
"""What may be found behind an alarm, from the words of the ground truth."""


def _in_force(truth: Truth, at: datetime) -> bool:
    """True of that time: until it is over and an hour more; what is true of a day, for that day; a night, for twelve hours before it is told."""
    if truth.what == "has had a restless night":
        return truth.at - DAY / 2 <= at <= truth.at
    return truth.at <= at <= (truth.until + DAY / 24 if truth.until is not None else truth.at + DAY)


def summed(alarms: list[Alarm], months: float) -> dict[str, Any]:
    """Loads with their intervals, by rule and level."""
    pages = [a for a in alarms if a.level != Level.blue.value]
    reds = [a for a in pages if a.level == Level.red.value]
    low, high = poisson(len(pages))
    red_low, red_high = poisson(len(reds))
    by_rule = Counter(f"{a.rule} {a.level}" for a in alarms)
    return {
        "home_months": round(months, 1),
        "yellow_and_red": len(pages),
        "per_home_month": [round(x / months, 3) for x in (len(pages), low, high)],
        "red": len(reds),
        "red_per_home_month": [round(x / months, 4) for x in (len(reds), red_low, red_high)],
        "blue_per_home_month": round((len(alarms) - len(pages)) / months, 3),
        "homes_alarmed": len({(a.seed, a.home) for a in pages}),
        "by_rule": dict(by_rule.most_common()),
        "meanwhile": dict(
            Counter(word for a in pages for word in (a.meanwhile or ["an ordinary day"])).most_common()
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--homes", type=int, default=10, help="for each seed")
    parser.add_argument("--weeks", type=int, default=8)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--list", action="store_true", help="print every yellow and red with its evidence")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    began = time.monotonic()
    jobs = [(seed, n) for n in range(given.homes) for seed in given.seeds]
    alarms: list[Alarm] = []
    with ProcessPoolExecutor(given.processes) as pool:
        lives = {pool.submit(live, seed, n, 7 * given.weeks): seed for seed, n in jobs}
        for done, life in enumerate(as_completed(lives), 1):
            alarms += life.result()
            if sys.stderr.isatty() or done % 10 == 0:
                left = (time.monotonic() - began) / done * (len(jobs) - done) / 60
                end = "" if sys.stderr.isatty() else "\n"
                print(
                    f"\r{done}/{len(jobs)} homes, {left:.0f} min left ", end=end, file=sys.stderr, flush=True
                )
    alarms.sort(key=lambda a: (a.rule, a.seed, a.home, a.at))
    learned_at = START + LEARN * DAY
    first = [a for a in alarms if a.at < learned_at]
    later = [a for a in alarms if a.at >= learned_at]
    known = min(LEARN, 7 * given.weeks)
    found = {"first_four_weeks": summed(first, len(jobs) * known / MONTH)}
    if later_days := 7 * given.weeks - known:
        found["after_four_weeks"] = summed(later, len(jobs) * later_days / MONTH)
    listed = [a for a in alarms if a.level == Level.red.value or (given.list and a.level != Level.blue.value)]
    result = {
        "benchmark": "ordinary_month",
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": machine(),
        "rules": BOOK.version,
        "rule_count": len(BOOK.rules),
        "homes": len(jobs),
        "weeks": given.weeks,
        "seeds": given.seeds,
        "asked": {"per_home_month": ASKED, "red_share": 0.05},
        **found,
        "reds": [msgspec.to_builtins(a) for a in alarms if a.level == Level.red.value],
        "minutes": round((time.monotonic() - began) / 60, 1),
    }
    if given.out is not None:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    for alarm in listed:
        print(f"{alarm.rule} {alarm.level} {alarm.at:%d.%m. %H:%M} seed {alarm.seed} {alarm.home} [{alarm.who}] {alarm.title}: {'; '.join(alarm.evidence)} ({', '.join(alarm.meanwhile)})")  # fmt: skip
    print(json.dumps(found, ensure_ascii=False, indent=2))


if __name__ == "__main__":
    main()
