"""A resident in the course of days: `Person.stay` is what is true of them now, `instead` what a scenario makes them live."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from simulators.days import Sort, day_plan, midnight, sort_of
from simulators.resident import Habits, Stay
from simulators.sensors import Dice


class Person:
    """A resident in the course of days; `stay` is what is true of them now."""

    def __init__(self, habits: Habits, resident: str, zone: ZoneInfo, start: int) -> None:
        self.habits = habits
        self.resident = resident
        self.zone = zone
        self.dice = Dice(*habits.words, 4)
        """Chance of the person's own: when a sensor happens to see them."""
        self._sort: tuple[date, Sort] | None = None
        self.day: date = datetime.fromtimestamp(start / 1000, zone).date()
        if midnight(self.day, zone) + sort_of(habits, self.day).up * 60_000 > start:
            self.day -= timedelta(days=1)  # not up yet
        self.plan = day_plan(habits, self.day, zone=zone)
        self.turn = 0
        """Counts changes of the plan: what was queued for an older turn is void."""
        self.index = -1
        while self.index < 0 or self.plan[self.index + 1].start <= start:
            self.index += 1
            if self.index + 2 >= len(self.plan):
                self._more()

    def _more(self) -> None:
        self.day += timedelta(days=1)
        self.plan += day_plan(self.habits, self.day, zone=self.zone)

    def sort(self, ms: int) -> Sort:
        """What sort of day it is at a moment (a night after midnight is of the day it leads to)."""
        on = datetime.fromtimestamp(ms / 1000, self.zone).date()
        if self._sort is None or self._sort[0] != on:
            self._sort = on, sort_of(self.habits, on)
        return self._sort[1]

    @property
    def stay(self) -> Stay:
        return self.plan[self.index]

    @property
    def next_at(self) -> int:
        """When the present stay ends."""
        return self.plan[self.index + 1].start

    def move_on(self) -> tuple[Stay, Stay]:
        """The stay that ends and the one that begins."""
        old = self.plan[self.index]
        self.index += 1
        if self.index + 2 >= len(self.plan):
            self.plan = self.plan[self.index :]
            self.index = 0
            self._more()
        return old, self.plan[self.index]

    def instead(self, stays: list[Stay], until: int) -> None:
        """Live these stays instead of what was planned; from `until` on the day goes on as it would have.

        The first of them begins no earlier than the present stay.
        """
        while self.plan[-1].start <= until:
            self._more()
        start = stays[0].start
        before = [s for s in self.plan[: self.index + 1] if s.start < start] or [self.plan[self.index]]
        resumed = [s for s in self.plan if s.start <= until][-1]
        after = [s for s in self.plan if s.start > until]
        self.plan = before + stays + [resumed._replace(start=until)] + after
        self.index = len(before) - 1
        self.turn += 1
