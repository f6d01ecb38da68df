"""A person's day: when somebody sleeps, cooks, goes to market, naps, watches television and gets up at night.

Start at `day_plan(habits, day, …)`: the stays of one day, from getting up to getting up the next morning. A day
depends on the person, the seed and the date only, so a world may begin at any minute and be the same world.

The shape of the day (lunch cooked from 10:30, supper eaten by 18:00, in bed by 21:30) is that of retired people in a
Ningbo community; the numbers are ours.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from care.site import Home, Resident
from care.words import Tier

YEAR = 2026
OUT = "out"
"""The room of somebody who is not at home."""


class Stay(NamedTuple):
    """One stretch of a day: a person is in a room, doing something."""

    start: int
    """Milliseconds since 1970 UTC. The stay ends where the next one begins."""
    room: str
    doing: str
    motions_per_hour: float
    """How often an infrared sensor in the room would see the person."""
    in_bed: bool = False
    asleep: bool = False


@dataclass(frozen=True)
class Habits:
    """What does not change from day to day. Minutes are counted from midnight, wall clock."""

    words: tuple[int, ...]
    """The seed of this person's choices."""
    up: float
    to_bed: float
    regular: float
    """How much the hour of rising varies; 1 is usual."""
    market: float
    """Chance of going to market in the morning."""
    afternoon_out: float
    nap: float
    cooks: float
    """Chance of cooking a meal at home; else it is delivered or a spouse cooks."""
    toilet_at_night: float
    """Mean number of visits."""
    pace: float
    """How much a person moves about; 1 is usual."""
    heart_rate: float
    respiration_rate: float


def habits_of(home: Home, resident: Resident, *, seed: int) -> Habits:
    """The habits of a resident, from age, tier and conditions, and chance."""
    at = home.residents.index(resident)
    words = (seed, zlib.crc32(home.id.encode()), at)
    rng = np.random.default_rng((*words, 0))
    age = YEAR - (resident.born or 1945)
    frail = age >= 86 or "dementia" in resident.conditions or resident.tier is Tier.key
    spouse_cooks = at > 0 and len(home.residents) > 1
    return Habits(
        words=words,
        # The frail are helped up by a carer after six; the others rise with the sun.
        up=float(np.clip(rng.normal(380, 6), 371, 390) if frail else np.clip(rng.normal(345, 16), 310, 378)),
        to_bed=float(np.clip(rng.normal(1272, 12), 1262 if frail else 1246, 1300)),
        regular=0.35 if frail else 1.0,
        market=0.22 if frail else 0.72,
        afternoon_out=0.12 if frail else 0.45,
        nap=0.9 if frail else 0.65,
        cooks=0.15 if spouse_cooks else (0.6 if frail else 0.93),
        toilet_at_night=float(rng.uniform(1.0, 2.2) if age >= 78 else rng.uniform(0.2, 1.1)),
        pace=float(rng.uniform(0.65, 0.95) if frail else rng.uniform(0.9, 1.3)),
        heart_rate=float(np.clip(rng.normal(67, 5), 58, 78)),
        respiration_rate=float(np.clip(rng.normal(15.2, 1.0), 13.2, 17.4)),
    )


def _up(habits: Habits, day: date) -> tuple[float, np.random.Generator]:
    """When somebody gets up on a day (minutes from midnight), and the choices of the rest of it."""
    rng = np.random.default_rng((*habits.words, 1, day.toordinal()))
    return habits.up + habits.regular * float(np.clip(rng.normal(0, 11), -28, 28)), rng


def midnight(day: date, zone: ZoneInfo) -> int:
    """The beginning of a day in milliseconds since 1970 UTC."""
    return int(datetime.combine(day, time(), tzinfo=zone).timestamp() * 1000)


def day_plan(habits: Habits, day: date, *, zone: ZoneInfo) -> list[Stay]:
    """The stays from getting up on `day` until getting up the next morning, in order, without a gap."""
    up, rng = _up(habits, day)
    tomorrow = day + timedelta(days=1)
    next_up = _up(habits, tomorrow)[0]
    zero, next_zero = midnight(day, zone), midnight(tomorrow, zone)
    dice: list[float] = rng.random(192).tolist()
    out: list[Stay] = []
    clock = up

    def u(low: float = 0.0, high: float = 1.0) -> float:
        return low + (high - low) * (dice.pop() if dice else float(rng.random()))

    def stay(
        room: str, doing: str, minutes: float, motions: float, *, in_bed: bool = False, asleep: bool = False
    ) -> None:
        nonlocal clock
        out.append(Stay(zero + int(clock * 60_000), room, doing, motions * habits.pace, in_bed, asleep))
        clock += minutes

    def at_home(until: float) -> None:
        """Living room, with a visit to the bathroom or a cup of tea now and then."""
        while clock < until - 1:
            stay("living", "sitting", min(u(28, 85), until - clock), 14)
            if clock < until - 12:
                if u() < 0.6:
                    stay("bathroom", "toilet", u(3, 8), 40)
                else:
                    stay("kitchen", "tea", u(2, 6), 45)

    stay("bathroom", "washing", u(8, 16), 40)
    stay("kitchen", "breakfast", u(18, 32), 50)
    if u() < habits.market:
        at_home(u(435, 480))
        stay(OUT, "market", u(28, 75), 0)
    at_home(u(632, 672))  # 10:32 … 11:12
    cooks = u() < habits.cooks
    if cooks:
        stay("kitchen", "cooking", u(28, 52), 55)
    else:
        stay("living", "meal comes", u(6, 14), 20)
    stay("living", "lunch", u(18, 30), 12)
    if u() < habits.nap:
        at_home(u(745, 775))
        stay("bedroom", "nap", u(40, 88), 0, in_bed=True, asleep=True)
    if u() < habits.afternoon_out:
        at_home(u(855, 900))
        stay(OUT, "friends", u(60, 125), 0)
    at_home(u(985, 1022))  # 16:25 … 17:02
    if u() < habits.cooks:
        stay("kitchen", "cooking", u(24, 42), 55)
    stay("living", "supper", u(18, 30), 12)
    at_home(habits.to_bed + u(-14, 14))
    stay("bathroom", "washing", u(6, 13), 40)
    morning = (next_zero - zero) / 60_000 + next_up
    visits = sorted(u(clock + 70, morning - 50) for _ in range(int(rng.poisson(habits.toilet_at_night))))
    stay("bedroom", "sleep", 0, 0, in_bed=True, asleep=True)
    for at in visits[:4]:
        if at > clock + 35:
            clock = at
            stay("bathroom", "toilet at night", u(3.5, 8.5), 40)
            stay("bedroom", "sleep", 0, 0, in_bed=True, asleep=True)
    return out
