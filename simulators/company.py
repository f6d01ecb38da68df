"""Who else is in a home: the family, a home help, the cleaner, the neighbour; a cat or a dog.

Start at `comings(…)`: everybody who comes to a home, in order of time, from a moment on. A sensor cannot tell them from
the resident, so the truth does: each line of theirs is labelled `visitor` or `pet`. The numbers are ours: how often a
family comes differs more between families than anything else here, and no source we know gives it for one community.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from care.site import Home
from care.words import Tier
from simulators.chance import between, share, spread
from simulators.days import midnight
from simulators.resident import has_pet

VISITOR, PET = "visitor", "pet"
_FAMILY, _HELP, _CLEANER, _NEIGHBOUR, _PET = range(40, 45)


class Coming(NamedTuple):
    """Somebody comes, stays, and goes; or a pet is about for a while."""

    start: int
    """Milliseconds since 1970 UTC."""
    end: int
    who: str
    """`visitor` or `pet`."""
    what: str
    zh: str
    rooms: tuple[str, ...]
    motions_per_hour: float
    key: bool = False
    """Comes in although nobody is at home."""


class Company:
    """Who comes to a home, by its own chance: nothing else in the home changes it."""

    def __init__(self, home: Home, *, seed: int, zone: ZoneInfo) -> None:
        self.words = (seed, zlib.crc32(home.id.encode()), 77)
        self.zone = zone
        self.pet = has_pet(home)
        self.lived_in = bool(home.residents)
        alone = len(home.residents) == 1
        frail = any(r.tier is Tier.key for r in home.residents)
        self.family = spread(1.0, 2.4, *self.words, _FAMILY)
        """Visits a week."""
        # A home help comes to two in three of the frail who live alone, some mornings of the week.
        self.help = frail and share(*self.words, _HELP) < (0.67 if alone else 0.3)
        self.help_days = between(2, 5, *self.words, _HELP, 1)
        self.help_at = between(390, 560, *self.words, _HELP, 2)
        self.cleaner = not self.help and share(*self.words, _CLEANER) < 0.15
        self.cleaner_day = int(between(0, 5, *self.words, _CLEANER, 1))
        self.neighbour = spread(0.8, 2.2, *self.words, _NEIGHBOUR)

    def of_day(self, on: date) -> list[Coming]:
        """Everybody who comes on a day, in order."""
        if not self.lived_in:
            return []
        day, zero = on.toordinal(), midnight(on, self.zone)
        out: list[Coming] = []

        def comes(
            at: float,
            minutes: float,
            what: str,
            zh: str,
            rooms: tuple[str, ...],
            motions: float,
            *,
            key: bool = False,
        ) -> None:
            start = zero + int(at * 60_000)
            out.append(Coming(start, start + int(minutes * 60_000), VISITOR, what, zh, rooms, motions, key))

        def u(low: float, high: float, topic: int, n: int) -> float:
            return between(low, high, *self.words, topic, day, n)

        # Half of the family's visits are at the week-end.
        chance = self.family * (0.25 if on.weekday() >= 5 else 0.1)
        if share(*self.words, _FAMILY, day) < chance:
            at = u(590, 1110, _FAMILY, 1)
            minutes = min(300.0, 1245 - at, spread(90, 1.8, *self.words, _FAMILY, day, 2))
            comes(
                at,
                max(10.0, minutes),
                "the family visits",
                "子女来访",
                ("living", "living", "kitchen", "bathroom"),
                45,
            )
        if self.help and share(*self.words, _HELP, day) < self.help_days / (6 if on.weekday() < 6 else 40):
            at = self.help_at + u(-20, 25, _HELP, 3)
            comes(
                at,
                u(45, 110, _HELP, 4),
                "the home help comes",
                "护理员上门",
                ("kitchen", "bedroom", "bathroom", "living"),
                50,
                key=True,
            )
        if self.cleaner and on.weekday() == self.cleaner_day and share(*self.words, _CLEANER, day) < 0.9:
            at = u(500, 570, _CLEANER, 2)
            comes(
                at,
                u(80, 150, _CLEANER, 3),
                "the cleaner comes",
                "保洁员上门",
                ("living", "kitchen", "bedroom", "bathroom"),
                70,
            )
        if share(*self.words, _NEIGHBOUR, day) < self.neighbour / 7:
            comes(
                u(500, 1130, _NEIGHBOUR, 1),
                u(6, 55, _NEIGHBOUR, 2),
                "a neighbour looks in",
                "邻居串门",
                ("living",),
                25,
            )
        if self.pet:
            out += self._pets(day, zero)
        return sorted(out)

    def _pets(self, day: int, zero: int) -> list[Coming]:
        """A cat is about by night too, most at dusk and dawn; a dog lies down when people do."""
        cat = self.pet == "cat"
        what, zh = ("the cat is about", "猫在活动") if cat else ("the dog is about", "狗在活动")
        out = []
        for n in range(
            int(between(9, 19, *self.words, _PET, day))
            if cat
            else int(between(6, 12, *self.words, _PET, day))
        ):
            hour = share(*self.words, _PET, day, n, 1)
            at = (
                1440 * hour
                if cat and n % 2
                else 330 + 960 * hour
                if not cat
                else (300, 1080)[n // 2 % 2] + 120 * hour
            )
            start = zero + int(at * 60_000)
            rooms = ("living", "kitchen", "bedroom", "living")
            room = rooms[int(4 * share(*self.words, _PET, day, n, 2))]
            minutes = between(1, 9, *self.words, _PET, day, n, 3)
            # Half of what a cat does is below what an infrared sensor at breast height looks at.
            out.append(
                Coming(start, start + int(minutes * 60_000), PET, what, zh, (room,), 40 if cat else 60)
            )
        return out


def comings(company: Company, start: int) -> Iterator[Coming]:
    """Everybody who comes after a moment, for ever."""
    day = datetime.fromtimestamp(start / 1000, company.zone).date()
    while company.lived_in:
        for one in company.of_day(day):
            if one.start > start:
                yield one
        day += timedelta(days=1)
