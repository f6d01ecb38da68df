"""A person's day: when somebody sleeps, cooks, goes to market, naps, watches television and gets up at night.

Start at `day_plan(habits, day, …)`: the stays of one day, from getting up to getting up the next morning. A day depends on
the person, the seed and the date only, so a world may begin at any minute and be the same world. What sort of day it is
(`sort_of`: ill, restless, raining, with the family) is asked by name (`chance.share`), so that one question more changes
no other day; what is left is drawn from a stream of the day, one for the daylight and one for the night.

The shape of the day (lunch cooked from 10:30, supper eaten by 18:00, in bed by 21:30) is that of retired people in a
Ningbo community. Where its numbers come from is written in `resident`; the others are ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np

from simulators.chance import between, normal, share, spread
from simulators.resident import OUT, Habits, Stay

# What a share is about; a new topic takes a new number and changes nothing that there was.
_UP, _BED, _RESTLESS, _ILL, _ILL_DAYS, _RAIN, _FAMILY, _WITH, _ACTIVE, _LATE, _FORGOT, _OUT = range(10, 22)
_NAP, _CHAIR, _AJAR, _WASH = range(22, 26)
MARKET_DAY = 2
"""Wednesday: the weekly fair."""
RAINS = 0.42
"""Share of days with rain in Ningbo (about 155 a year)."""
_ILL_LONGEST = 5


def midnight(day: date, zone: ZoneInfo) -> int:
    """The beginning of a day in milliseconds since 1970 UTC."""
    return int(datetime.combine(day, time(), tzinfo=zone).timestamp() * 1000)


@lru_cache(maxsize=64)
def rains(seed: int, day: date) -> bool:
    """Whether it rains: on everybody of a community at once."""
    return share(seed, _RAIN, day.toordinal()) < RAINS


@dataclass(frozen=True)
class Sort:
    """What sort of day it is for a person."""

    up: float
    """Minutes from midnight."""
    to_bed: float
    ill: bool
    restless: bool
    """The night before was (it belongs to the day on whose morning it ends)."""
    rain: bool
    family: bool
    """Goes to see the family."""
    active: float
    """How much a person moves about today; 1 is usual."""
    forgot: str
    """What was left out: `breakfast`, `lunch`, or nothing."""


def _is_ill(habits: Habits, day: int) -> bool:
    return any(
        share(*habits.words, _ILL, day - n) < habits.falls_ill
        and share(*habits.words, _ILL_DAYS, day - n) * _ILL_LONGEST >= n
        for n in range(_ILL_LONGEST)
    )


def _with_family(habits: Habits, on: date) -> bool:
    """All who live there go together, on Saturdays and Sundays four times as often."""
    chance = habits.family * (2.2 if on.weekday() >= 5 else 0.55)
    return share(*habits.home, _FAMILY, on.toordinal()) < chance


def is_ajar(habits: Habits, ms: int) -> float:
    """Minutes that the front door stays open behind somebody who comes home at a moment; mostly none."""
    if share(*habits.words, _AJAR, ms) >= habits.forgets * 0.35:
        return 0.0
    return min(50.0, spread(11, 2.0, *habits.words, _AJAR, ms, 1))


@lru_cache(maxsize=1024)  # a day is looked at when it is planned, and by the night before it
def sort_of(habits: Habits, on: date) -> Sort:
    """What sort of day it is: by the person's words and the date alone."""
    day, words = on.toordinal(), habits.words
    ill = _is_ill(habits, day)
    restless = share(*words, _RESTLESS, day) < habits.restless * (2.5 if ill else 1.0)

    def drift(topic: int, at: int) -> float:
        # Who lives together gets up and goes to bed together, more or less.
        return 0.6 * normal(*habits.home, topic, at) + 0.8 * normal(*words, topic, at)

    late = drift(_BED, day)
    up = habits.up + habits.up_deviation * (0.95 * drift(_UP, day) + 0.3 * drift(_BED, day - 1))
    if on.weekday() == 6:
        up += habits.sunday
    if restless:
        up += between(-35, 45, *words, _LATE, day)
    if ill:
        up += between(20, 110, *words, _LATE, day)
    to_bed = (
        habits.to_bed + habits.bed_deviation * late - (between(0, 70, *words, _LATE, day, 1) if ill else 0)
    )
    forgot = share(*words, _FORGOT, day)
    return Sort(
        up=float(np.clip(up, 255, 560)),
        to_bed=float(np.clip(to_bed, 1170, 1430)),
        ill=ill,
        restless=restless,
        rain=rains(words[0], on),
        family=not ill and _with_family(habits, on),
        active=spread(1.0, 1.25, *words, _ACTIVE, day) * (0.5 if ill else 1.0),
        forgot="breakfast" if forgot < habits.forgets else "lunch" if forgot < 1.6 * habits.forgets else "",
    )


def day_plan(habits: Habits, day: date, *, zone: ZoneInfo) -> list[Stay]:
    """The stays from getting up on `day` until getting up the next morning, in order, without a gap."""
    sort, tomorrow = sort_of(habits, day), sort_of(habits, day + timedelta(days=1))
    zero, next_zero = midnight(day, zone), midnight(day + timedelta(days=1), zone)
    plan = _Plan(habits, sort, day, zero)
    if sort.ill:
        _ill_day(plan)
    else:
        _day(plan)
    _night(plan, tomorrow, (next_zero - zero) / 60_000 + tomorrow.up)
    return plan.stays


class _Plan:
    """Stays put one behind the other; `clock` is minutes from midnight."""

    def __init__(self, habits: Habits, sort: Sort, day: date, zero: int) -> None:
        self.habits = habits
        self.sort = sort
        self.day = day
        self.zero = zero
        self.clock = sort.up
        self.stays: list[Stay] = []
        self._dice: list[float] = (
            np.random.default_rng((*habits.words, 1, day.toordinal())).random(160).tolist()
        )
        self._pace = habits.pace * sort.active

    def u(self, low: float = 0.0, high: float = 1.0) -> float:
        if not self._dice:
            self._dice = (
                np.random.default_rng((*self.habits.words, 2, self.day.toordinal())).random(400).tolist()
            )
        return low + (high - low) * self._dice.pop()

    def chance(self, topic: int, n: int = 0) -> float:
        """A share of this day about a topic."""
        return share(*self.habits.words, topic, self.day.toordinal(), n)

    def stay(
        self,
        room: str,
        doing: str,
        minutes: float,
        motions: float,
        *,
        in_bed: bool = False,
        asleep: bool = False,
    ) -> None:
        self.stays.append(
            Stay(self.zero + int(self.clock * 60_000), room, doing, motions * self._pace, in_bed, asleep)
        )
        self.clock += minutes

    def at_home(self, until: float) -> None:
        """Living room, with a visit to the bathroom, a cup of tea, some work or a doze in the chair now and then."""
        while self.clock < until - 1:
            left = until - self.clock
            if left > 25 and self.u() < self.habits.chair * 0.22:
                self.stay("living", "dozes in the chair", min(self.u(15, 75), left), 0.8)
            else:
                # Who reads or watches television moves little; who tidies up a great deal.
                self.stay("living", "sitting", min(self.u(22, 85), left), 2 + 18 * self.u() ** 2)
            if self.clock < until - 12:
                if self.u() < 0.6:
                    self.stay("bathroom", "toilet", 3 + 7 * self.u() ** 2, 40)
                else:
                    self.stay("kitchen", "tea", self.u(2, 9), 45)

    def goes(self, chance: float, n: int, *, wet: float = 0.5) -> bool:
        """Whether somebody goes out for one of the day's outings; in the rain less often. Couples mostly go together."""
        day = self.day.toordinal()
        together = self.chance(_WITH, n) < 0.55
        words = self.habits.home if together else self.habits.words
        return share(*words, _OUT, day, n) < chance * (wet if self.sort.rain else 1.0)


def _day(p: _Plan) -> None:
    """The daylight of somebody who is well: until supper is eaten."""
    habits, sort = p.habits, p.sort
    p.stay("bathroom", "washing", min(28.0, spread(9, 1.35, *habits.words, _WASH, p.day.toordinal())), 40)
    if habits.walks_dog:
        p.stay(OUT, "walks the dog", p.u(15, 35), 0)
    elif p.clock < 420 and p.goes(habits.exercise, 0, wet=0.25):
        p.stay(OUT, "morning exercise", p.u(30, 75), 0)
    if sort.forgot != "breakfast":
        p.stay("kitchen", "breakfast", p.u(14, 34), 50)
    home_again = _morning(p)
    if not home_again:
        return
    p.at_home(max(p.clock + 8, p.u(624, 680)))  # 10:24 … 11:20
    if sort.forgot != "lunch":
        _meal(p, p.u(24, 54))
    if p.chance(_NAP) < habits.nap * (1.1 if sort.rain else 1.0):
        p.at_home(max(p.clock + 4, p.u(735, 790)))
        minutes = min(150.0, spread(habits.nap_minutes, 1.45, *habits.words, _NAP, p.day.toordinal(), 1))
        p.stay("bedroom", "nap", minutes, 0, in_bed=True, asleep=True)
    elif p.chance(_CHAIR) < habits.chair:
        p.stay("living", "dozes in the chair", p.u(25, 90), 0.8)
    if p.goes(habits.afternoon_out, 2):
        p.at_home(p.u(845, 915))
        p.stay(OUT, "friends", p.u(40, 140), 0)
    p.at_home(p.u(975, 1035))  # 16:15 … 17:15
    if habits.walks_dog:
        p.stay(OUT, "walks the dog", p.u(15, 35), 0)
    _meal(p, p.u(18, 42))
    if p.clock < 1150 and p.goes(habits.dances, 3, wet=0.2):
        p.at_home(max(p.clock + 5, p.u(1110, 1140)))
        p.stay(OUT, "dancing in the square", p.u(40, 90), 0)


def _morning(p: _Plan) -> bool:
    """What the morning is for; False when the day is over with it (supper with the family)."""
    habits, sort = p.habits, p.sort
    if sort.family:
        p.at_home(max(p.clock + 15, 600 + 70 * share(*habits.home, _FAMILY, p.day.toordinal(), 1)))
        until = 840 + 420 * share(*habits.home, _FAMILY, p.day.toordinal(), 2)  # back between 14:00 and 21:00
        p.stay(OUT, "with the family", max(150.0, until - p.clock), 0)
        if p.clock < 1000:
            p.at_home(1000)
        if p.clock < 1080:
            _meal(p, p.u(14, 30))
        return False
    if p.goes(habits.doctor, 4, wet=0.9):
        p.at_home(max(p.clock + 5, p.u(420, 510)))
        p.stay(OUT, "to the doctor", p.u(80, 190), 0)
        return True
    fair = p.day.weekday() == MARKET_DAY
    if p.goes(min(0.97, habits.market * (1.25 if fair else 1.0)), 1, wet=0.75):
        p.at_home(max(p.clock + 5, p.u(410, 440) if fair else p.u(430, 530)))
        p.stay(OUT, "market", p.u(45, 120) if fair else p.u(22, 85), 0)
    return True


def _meal(p: _Plan, minutes: float) -> None:
    """Cooked, delivered, or what was left of yesterday."""
    if p.u() < p.habits.cooks:
        p.stay("kitchen", "cooking", minutes, 55)
    elif p.u() < 0.35:
        p.stay("kitchen", "warms up what was left", p.u(5, 13), 50)
    else:
        p.stay("living", "meal comes", p.u(6, 14), 20)
    p.stay("living", "meal", p.u(14, 32), 12)


def _ill_day(p: _Plan) -> None:
    """Up late, back to bed twice, no outings, little in the kitchen."""
    p.stay("bathroom", "washing", p.u(6, 14), 35)
    if p.u() < 0.7:
        p.stay("kitchen", "breakfast", p.u(8, 20), 40)
    p.at_home(max(p.clock + 10, p.u(540, 620)))
    p.stay("bedroom", "lies ill in bed", p.u(50, 150), 0, in_bed=True, asleep=p.u() < 0.6)
    p.at_home(max(p.clock + 8, p.u(690, 730)))
    if p.u() < 0.75:
        _meal(p, p.u(12, 28))
    p.at_home(max(p.clock + 8, p.u(770, 810)))
    p.stay("bedroom", "lies ill in bed", p.u(70, 190), 0, in_bed=True, asleep=True)
    p.at_home(max(p.clock + 20, p.u(1010, 1060)))
    _meal(p, p.u(8, 20))


def _night(p: _Plan, tomorrow: Sort, morning: float) -> None:
    """The evening, and the night until `morning` (minutes from midnight): to bed, up to the toilet, awake, asleep."""
    habits, sort = p.habits, p.sort
    rng = np.random.default_rng((*habits.words, 3, p.day.toordinal()))
    p.at_home(max(p.clock + 5, sort.to_bed))
    p.stay("bathroom", "washing", p.u(5, 15), 40)
    wakes = habits.toilet_at_night * float(rng.lognormal(0, 0.3)) * (1.5 if tomorrow.restless else 1.0)
    gets_up = [(float(rng.uniform(p.clock + 60, morning - 45)), "") for _ in range(int(rng.poisson(wakes)))]
    if tomorrow.restless and rng.random() < 0.6:
        gets_up.append((float(rng.uniform(p.clock + 90, morning - 70)), "cannot sleep"))
    p.stay("bedroom", "in bed", min(60.0, float(rng.lognormal(2.5, 0.6))), 0, in_bed=True)
    p.stay("bedroom", "sleep", 0, 0, in_bed=True, asleep=True)
    for at, why in sorted(gets_up)[:6]:
        # Somebody lies awake for a while before and after.
        before = 0.5 + min(25.0, float(rng.exponential(12.0 if tomorrow.restless else 4.0)))
        toilet, up = min(25.0, float(rng.lognormal(1.6, 0.4))), min(75.0, float(rng.lognormal(2.8, 0.55)))
        after = 0.5 + min(30.0, float(rng.exponential(8.0)))
        if at - before < p.clock + 20 or at + toilet + (up if why else 0) + after > morning - 12:
            continue
        p.clock = at - before
        p.stay("bedroom", "lies awake", before, 0, in_bed=True)
        p.stay("bathroom", "toilet at night", toilet, 40)
        if why:
            p.stay("living", why, up, 10)
        p.stay("bedroom", "lies awake", after, 0, in_bed=True)
        p.stay("bedroom", "sleep", 0, 0, in_bed=True, asleep=True)
