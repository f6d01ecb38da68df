"""Who somebody is: what does not change from day to day, and how much everything else does.

Start at `habits_of`. The days are made in `days`, the visitors and pets of a home in `company`.

Where the numbers come from (elsewhere they are ours, for retired people in a Ningbo community):

- hour of rising and of going to bed, day to day: a deviation of 30 to 45 min is usual in actigraphs of people of that age,
  and it is a trait: some have 15, some 90 (sleep onset in MESA, mean age 69: Huang et al., J Am Coll Cardiol 2020, groups from
  under 30 to over 90 min);
- at night: 7.2 h asleep and 39 min awake after first falling asleep (NSHAP, 62 to 90 years: Kurina et al., Sleep Health 2015); 1.6 (men) and
  1.3 (women) visits to the toilet a night at 70 to 79 (UrEpik, Auxerre: Fourcade et al., Prog Urol 2001), two or more in 56 % of
  men of 65 and more (KLoSHA: Lee et al., Korean J Urol 2012);
- a nap after lunch: 58 % of those of 65 and more, 63 min on average (CHARLS: Li et al., J Am Geriatr Soc 2017);
- a heart that fibrillates: 9 % from 80 years on, half of that ten years earlier (ATRIA: Go et al., JAMA 2001; it doubles
  with each decade: Kannel and Benjamin, Med Clin North Am 2008).
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from care.site import Home, Resident
from care.words import Tier
from simulators.chance import between, normal, share, spread

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
    """What does not change from day to day. Minutes are counted from midnight, wall clock; chances are of a day."""

    words: tuple[int, ...]
    """The seed of this person's choices."""
    home: tuple[int, ...]
    """The seed of what is common to all who live there."""
    up: float
    up_deviation: float
    """Minutes by which rising varies from day to day."""
    to_bed: float
    bed_deviation: float
    sunday: float
    """Minutes later on Sundays."""
    market: float
    exercise: float
    """Out in the early morning."""
    afternoon_out: float
    dances: float
    """Out after supper."""
    family: float
    """Goes to see the family for the day, mostly at the week-end."""
    doctor: float
    nap: float
    nap_minutes: float
    chair: float
    """Falls asleep before the television."""
    cooks: float
    """Chance of cooking a meal at home; else it is delivered, left over, or a spouse cooks."""
    forgets: float
    """Leaves out what is usual: no breakfast, no lunch, the door ajar."""
    toilet_at_night: float
    """Mean number of visits."""
    restless: float
    """A night of lying awake and of getting up."""
    falls_ill: float
    """Begins a spell of one to five days of feeling ill."""
    walks_dog: bool
    pace: float
    """How much a person moves about; 1 is usual."""
    heart_rate: float
    respiration_rate: float
    irregular: bool
    """The heart fibrillates, at a controlled rate."""
    pauses: float
    """Short pauses in breathing for each hour asleep."""
    turns: float
    """How often somebody turns over; 1 is usual."""
    unsteady: float
    """How much pulse and breath vary from minute to minute; 1 is usual."""


def habits_of(home: Home, resident: Resident, *, seed: int) -> Habits:
    """The habits of a resident, from age, tier and conditions, and chance."""
    at = home.residents.index(resident)
    household = (seed, zlib.crc32(home.id.encode()))
    words = (*household, at)
    rng = np.random.default_rng((*words, 0))
    age = YEAR - (resident.born or 1945)
    confused = "dementia" in resident.conditions
    frail = age >= 86 or confused or resident.tier is Tier.key
    spouse_cooks = at > 0 and len(home.residents) > 1

    def trait(n: int) -> tuple[int, ...]:
        return (*words, 1, n)

    # The frail are helped up by a carer after six; the others rise with the sun.
    up = float(np.clip(rng.normal(372, 14), 345, 410) if frail else np.clip(rng.normal(347, 24), 295, 420))
    to_bed = float(np.clip(rng.normal(1275 if frail else 1286, 22), 1225 if frail else 1235, 1340))
    pace = float(rng.uniform(0.65, 0.95) if frail else rng.uniform(0.9, 1.3))
    heart = float(np.clip(rng.normal(67, 6), 56, 82))
    breath = float(np.clip(rng.normal(15.8, 1.4), 13.4, 18.5))
    naps = share(*trait(0))
    return Habits(
        words=words,
        home=household,
        up=up,
        up_deviation=min(75.0, spread(29 if frail else 36, 1.5, *trait(1))),
        to_bed=to_bed,
        bed_deviation=min(70.0, spread(30 if frail else 36, 1.5, *trait(2))),
        sunday=0.0 if frail else max(0.0, between(-20, 35, *trait(3))),
        market=(0.22 if frail else 0.72) * between(0.6, 1.2, *trait(4)),
        exercise=0.0 if frail else max(0.0, between(-0.7, 0.8, *trait(5))),
        afternoon_out=(0.12 if frail else 0.45) * between(0.3, 1.7, *trait(6)),
        dances=0.0 if frail else max(0.0, between(-0.6, 0.6, *trait(7))),
        family=(0.02 if frail else 0.06) * between(0.0, 2.0, *household, 1, 8),
        doctor=between(0.02, 0.07, *trait(9)),
        # One in four never naps, as many always do.
        nap=min(0.95, max(0.04, (naps - 0.1) * 1.3 if not frail else naps * 0.9 + 0.15)),
        nap_minutes=min(110.0, spread(58, 1.4, *trait(10))),
        chair=max(0.0, between(-0.2, 0.7 if frail else 0.5, *trait(11))),
        cooks=0.15 if spouse_cooks else (0.6 if frail else 0.93),
        forgets=between(0.05, 0.15, *trait(12)) if confused else between(0.002, 0.03, *trait(12)),
        toilet_at_night=min(4.0, spread(1.6 if age >= 78 else 1.1, 1.6, *trait(13))),
        restless=min(0.3, spread(0.05, 2.2, *trait(14))),
        falls_ill=between(3.0, 6.0, *trait(15)) / 365 if frail else between(1.0, 3.0, *trait(15)) / 365,
        walks_dog=at == 0 and not frail and has_pet(home) == "dog",
        pace=pace,
        heart_rate=heart,
        respiration_rate=breath,
        # Of those who have it, some do not know.
        irregular="af" in resident.conditions or share(*trait(16)) < (0.025 if age >= 80 else 0.01),
        pauses=min(45.0, spread(2.5, 2.6, *trait(17))),
        turns=float(np.clip(1 + 0.35 * normal(*trait(18)), 0.4, 2.2)),
        unsteady=min(2.0, spread(1.0, 1.35, *trait(19))),
    )


def has_pet(home: Home) -> str:
    """What moves about in a home and is nobody: `cat`, `dog`, or nothing. Of pets the site file says only that there is one."""
    if not any("pet" in r.flags for r in home.residents):
        return ""
    return "cat" if zlib.crc32(f"{home.id}/pet".encode()) % 5 < 3 else "dog"
