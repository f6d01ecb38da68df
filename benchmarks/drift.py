"""How early does the personal clock notice that somebody's health drifts, and how often does it speak for nothing?

    .venv/bin/python benchmarks/drift.py [--seeds 30] [--out FILE]

Residents are synthetic, each with habits and chance of their own (pulse and breath by hour of night, exits, getting up,
activity, kitchen, outings, weekdays that differ, nights that differ); the generator knows nothing of the rules. After
five ordinary weeks a drift grows linearly for two weeks. Noticed in time is a note three days before its end. False
notes are counted on residents that do not drift, in weeks three to ten. Intervals are 95 %.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from care.messages import Report
from care.site import Community, Device, Home, Registry, Resident, Site
from care.words import Kind, Phase
from rules.catalog import CATALOG, RuleBook, read_rules
from rules.engine import Engine

START = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)  # noon in Shanghai
QUIET_DAYS, RAMP_DAYS, NULL_DAYS, LEARN_DAYS = 35, 14, 70, 14
DRIFTS: dict[str, tuple[str, float]] = {
    "exits": ("nocturia: five more exits a night", 5.0),
    "pulse": ("resting pulse 8 higher", 8.0),
    "activity": ("activity 40 % lower", 0.4),
    "bed": ("five more hours in bed by day", 5.0),
}


@dataclass(frozen=True)
class Person:
    """What does not change from day to day."""

    pulse: float
    breath: float
    nightly: float
    """How much the level of pulse differs between nights (standard deviation)."""
    hourly: float
    exits: float
    up: float
    to_bed: float
    regular: float
    motions: float
    """Minutes with motion in an hour at home."""
    daily: float
    """How much activity differs between days (share)."""
    cooks: float
    out: float
    nap: float

    @classmethod
    def of(cls, rng: np.random.Generator) -> Person:
        return cls(
            pulse=float(np.clip(rng.normal(64, 6), 50, 82)),
            breath=float(np.clip(rng.normal(15, 1.5), 11, 20)),
            nightly=float(rng.uniform(1.0, 2.4)),
            hourly=float(rng.uniform(0.8, 2.0)),
            exits=float(rng.uniform(0.2, 2.2)),
            up=float(rng.normal(370, 25)),
            to_bed=float(rng.normal(1275, 25)),
            regular=float(rng.uniform(6, 25)),
            motions=float(rng.uniform(9, 22)),
            daily=float(rng.uniform(0.05, 0.14)),
            cooks=float(rng.uniform(0.85, 1.0)),
            out=float(rng.uniform(0.2, 0.9)),
            nap=float(rng.uniform(0.2, 0.9)),
        )


def a_life(
    person: Person, days: int, rng: np.random.Generator, drift: str = "", size: float = 0.0
) -> Iterator[Report]:
    """What the devices of one home say, from noon on, in order."""
    said: list[tuple[float, str, dict[str, float | bool]]] = []

    def say(minute: float, device: str, **values: float | bool) -> None:
        said.append((minute, device, values))

    ups = [person.up + rng.normal(0, person.regular) for _ in range(days + 1)]
    level = 0.0
    for n in range(days):
        grown = size * min(1.0, max(0.0, (n - QUIET_DAYS) / RAMP_DAYS)) if drift else 0.0
        zero = n * 1440.0
        weekend = (START + timedelta(days=n, hours=8)).weekday() >= 5
        # the afternoon and evening of day n, the night, the morning of day n + 1
        bed_at = zero + person.to_bed + rng.normal(0, person.regular)
        up_at = zero + 1440 + ups[n + 1]
        lively = person.motions * float(np.exp(rng.normal(0, person.daily))) * (0.92 if weekend else 1.0)
        lively *= 1 - (grown if drift == "activity" else 0.0)
        outs: list[tuple[float, float]] = []
        for first, last in ((870.0, 960.0), (1440 + 540.0, 1440 + 600.0)):
            if rng.random() < person.out:
                leaves = zero + rng.uniform(first, last)
                outs.append((leaves, leaves + rng.gamma(4, 16)))
        naps: list[tuple[float, float]] = []
        if rng.random() < person.nap:
            lies = zero + rng.normal(770, 12)
            naps.append((lies, lies + rng.uniform(35, 85)))
        if drift == "bed" and grown > 0.2:
            lies = zero + 1440 + 560
            outs = [o for o in outs if o[0] < zero + 1440]
            naps = [(lies, lies + 60 * grown / 2), (zero + 860, zero + 860 + 60 * grown / 2), *naps]
        for leaves, comes in outs:
            for at, is_open in ((leaves, True), (leaves + 0.2, False), (comes, True), (comes + 0.2, False)):
                say(at, "door", door_open=is_open)
        away = [*outs, *naps]
        for minute in np.flatnonzero(rng.random(1440) < lively / 60):
            at = zero + 720 + float(minute) + rng.uniform(0, 0.4)
            if bed_at < at < up_at or any(a - 1 < at < b + 0.3 for a, b in away):
                continue
            say(at, "living", motion=True)
        for meal in (645.0, 1020.0, 1440 + 395.0):
            if rng.random() < person.cooks:
                begin = zero + meal + rng.normal(0, 9)
                for k in range(0, 26, 2):
                    if rng.random() < lively / person.motions * 0.75 and begin > zero + 720:
                        say(begin + k, "kitchen", motion=True)
        for beat in range(0, 1440, 55):
            say(zero + 720 + beat, "living", motion=False)
            say(zero + 720 + beat + 1, "kitchen", motion=False)
            say(zero + 720 + beat + 2, "bath", motion=False)
            say(zero + 720 + beat + 3, "door", battery=80)
        level = 0.35 * level + float(rng.normal(0, person.nightly))
        breaths = float(rng.normal(0, 0.45))
        visits = sorted(
            float(v)
            for v in rng.uniform(
                bed_at + 40, up_at - 40, int(rng.poisson(person.exits + (grown if drift == "exits" else 0)))
            )
        )
        lying = [(bed_at, up_at, True), *((a, b, False) for a, b in naps)]
        for lies, rises, is_night in lying:
            at, gone = lies, 0.0
            hour = 0.0
            next_hour = lies
            while at < rises:
                if is_night and visits and at >= visits[0]:
                    gone = at + rng.uniform(3.5, 9)
                    visits = [v for v in visits if v > gone + 15]
                    say(at, "belt", in_bed=False)
                    say(at + 1.2, "bath", motion=True)
                    say(gone - 1, "bath", motion=True)
                    at = gone
                if at >= next_hour:
                    hour = 1.8 * math.cos((at - lies) / (rises - lies) * math.pi) + float(
                        rng.normal(0, person.hourly)
                    )
                    next_hour += 60
                heart = (
                    person.pulse
                    + level
                    + hour
                    + float(rng.normal(0, 1.8))
                    + (grown if drift == "pulse" else 0)
                )
                say(at, "belt", in_bed=True, heart_rate=round(heart), respiration_rate=round(person.breath + breaths + float(rng.normal(0, 0.8))), signal_quality=85, movement=int(rng.integers(0, 12)))  # fmt: skip
                at += 2.8
            say(rises, "belt", in_bed=False)
        for at in np.arange(720.0, 2160.0, 12.0):
            here = zero + float(at)
            if not any(a <= here <= b for a, b, _ in lying):
                say(here, "belt", in_bed=False)
    said.sort(key=lambda s: s[0])
    origin = START - timedelta(hours=12)
    for i, (minute, device, values) in enumerate(said):
        at = origin + timedelta(milliseconds=round(minute * 60_000))
        if at >= START:
            yield Report(report_id=f"{i}", home="h", device=device, kind=KIT[device][0].value, at=at, received_at=at, device_at=at, values=values)  # fmt: skip


KIT = {
    "belt": (Kind.bed_belt, "bedroom"), "living": (Kind.motion, "living"), "kitchen": (Kind.motion, "kitchen"),
    "bath": (Kind.motion, "bathroom"), "door": (Kind.door, "entrance"),
}  # fmt: skip


def a_book() -> RuleBook:
    """The rules of the personal clock alone: the others take their time and change nothing here."""
    return read_rules({n: (CATALOG / n).read_text(encoding="utf-8") for n in ("own.yaml", "drift.yaml")})


def notes(
    book: RuleBook, days: int, seed: int, drift: str = "", size: float = 0.0
) -> list[tuple[str, float]]:
    """(rule, days since the start) of everything that was opened."""
    rng = np.random.default_rng((seed, 0))
    person = Person.of(rng)
    home = Home(
        id="h",
        residents=[Resident(id="r", name="老人")],
        devices=[Device(id=n, kind=kind, room=room) for n, (kind, room) in KIT.items()],
    )
    site = Site(community=Community(id="c", name="c", timezone="Asia/Shanghai"), homes=[home])
    engine = Engine(Registry(site), book)
    engine.tick(START)
    found: list[tuple[str, float]] = []
    for report in a_life(person, days, rng, drift, size):
        due = engine.next_due()
        said = engine.tick(report.at) if due is not None and due <= report.at else []
        said += engine.feed(report, report.at)
        found += [(f.rule, (f.at - START) / timedelta(days=1)) for f in said if f.phase is Phase.opened]
    return found


def share(hits: int, of: int) -> tuple[float, float]:
    """Wilson's interval of a share."""
    z, p = 1.96, hits / of
    middle, half = p + z * z / (2 * of), z * math.sqrt(p * (1 - p) / of + z * z / (4 * of * of))
    return round((middle - half) / (1 + z * z / of), 3), round((middle + half) / (1 + z * z / of), 3)


def rate(events: int, months: float) -> tuple[float, float]:
    """Interval of a rate: exact enough for small counts (square roots of a Poisson count)."""
    low, high = max(0.0, math.sqrt(events) - 0.98), math.sqrt(events + 1) + 0.98
    return round(low * low / months, 3), round(high * high / months, 3)


ANSWERS = {"exits": ("BD5",), "pulse": ("VT10_drift", "VT10"), "activity": ("AC4",), "bed": ("BD6",)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    book, began = a_book(), time.perf_counter()
    result: dict[str, object] = {
        "benchmark": "drift", "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "seeds": given.seeds,
        "rulebook": book.version,
    }  # fmt: skip
    for drift, (words, size) in DRIFTS.items():
        seen: list[float] = []
        for seed in range(given.seeds):
            days = [
                d
                for r, d in notes(book, QUIET_DAYS + RAMP_DAYS + 1, seed, drift, size)
                if r in ANSWERS[drift] and d >= QUIET_DAYS
            ]
            seen.append(days[0] - QUIET_DAYS if days else math.inf)
        timely = sum(d <= RAMP_DAYS - 3 for d in seen)
        lead = [RAMP_DAYS - d for d in seen if d < math.inf]
        result[drift] = {
            "what": words, "noticed": sum(d < math.inf for d in seen), "three_days_ahead": timely, "of": given.seeds,
            "share": timely / given.seeds, "interval": share(timely, given.seeds),
            "median_lead_days": round(float(np.median(lead)), 1) if lead else None,
        }  # fmt: skip
        print(drift, result[drift], flush=True)
    false: dict[str, int] = {}
    for seed in range(1000, 1000 + given.seeds):
        for rule, day in notes(book, NULL_DAYS, seed):
            if day >= LEARN_DAYS:
                false[rule] = false.get(rule, 0) + 1
    months = given.seeds * (NULL_DAYS - LEARN_DAYS) / 30
    blue = sum(n for r, n in false.items() if r not in ("VT10", "VT4_own"))
    result["false_notes"] = {
        "by_rule": false, "resident_months": round(months, 1), "notes_per_month": round(blue / months, 3),
        "interval": rate(blue, months), "yellow_per_month": round((sum(false.values()) - blue) / months, 3),
        "yellow_interval": rate(sum(false.values()) - blue, months),
    }  # fmt: skip
    result["seconds"] = round(time.perf_counter() - began)
    print(json.dumps(result, ensure_ascii=False))
    if given.out:
        given.out.write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
