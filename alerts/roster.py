"""Who is on duty: shifts on the wall clock of the community, across midnight and changes of the clock.

`Roster(registry)` answers for an instant. A shift belongs to the day on which it starts. A wall-clock time that
does not exist (the clock jumps over it) is the moment of the jump; one that exists twice is its first time; both
ends of a shift are read the same way, so that at a hand-over exactly the right people are on duty.

Fail open: whoever has no shift at all is taken as always on duty. A community that writes no rota is still told.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from care.site import Registry, Shift, Staff
from care.words import Role

DESK_ROLES = frozenset({Role.operator})
RESPONDER_ROLES = frozenset({Role.social_worker, Role.volunteer, Role.grid_worker, Role.neighbour})
"""Who goes to a home: the pair of a shift, grid workers, neighbours and staircase wardens."""

_WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def instant(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """The UTC instant of a wall-clock time: the first of two, or the jump if it does not exist."""
    wall = datetime.combine(day, clock)
    first = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if first.astimezone(zone).replace(tzinfo=None) == wall:
        return first
    # Jumped over: the offset changes somewhere between the two readings of it.
    low = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    high = first
    before = low.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        if middle.astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high.replace(microsecond=0)


def starts_on(shift: Shift, day: date) -> bool:
    """Whether a shift starts on a day of the community."""
    if shift.valid_from is not None and day < shift.valid_from:
        return False
    if shift.valid_until is not None and day > shift.valid_until:
        return False
    days = [shift.days] if isinstance(shift.days, str) else shift.days
    weekday = day.weekday()
    for word in days:
        match word:
            case "daily":
                return True
            case "weekdays":
                if weekday < 5:
                    return True
            case "weekends":
                if weekday >= 5:
                    return True
            case _:
                if word in (_WEEK[weekday], day.isoformat()):
                    return True
    return False


def stretch(shift: Shift, day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """From when to when a shift that starts on `day` lasts (UTC); its end is not part of it."""
    start = instant(day, shift.starts, zone)
    end_day = day if shift.ends > shift.starts else day + timedelta(days=1)
    return start, instant(end_day, shift.ends, zone)


class Roster:
    """Who is on duty and who answers for where, by the registry as it is."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self._shifts: dict[str, list[Shift]] = {}
        for shift in registry.site.shifts:
            self._shifts.setdefault(shift.staff, []).append(shift)

    def is_on_duty(self, person: str, now: datetime) -> bool:
        """Whether a member of staff is on duty. Without any shift in the rota: always."""
        shifts = self._shifts.get(person)
        if not shifts:
            return person in self.registry.staff
        zone = self.registry.zone
        today = now.astimezone(zone).date()
        for shift in shifts:
            # A shift of up to 24 h that started yesterday may still last.
            for day in (today - timedelta(days=1), today):
                if starts_on(shift, day):
                    start, end = stretch(shift, day, zone)
                    if start <= now < end:
                        return True
        return False

    def of_role(self, roles: Iterable[Role]) -> list[Staff]:
        """Everybody with one of these roles, in the order of the site file."""
        wanted = frozenset(roles)
        return [s for s in self.registry.site.staff if s.role in wanted]

    def on_duty(self, now: datetime, roles: Iterable[Role] | None = None) -> list[Staff]:
        """Who is on duty now, of these roles or of all, in the order of the site file."""
        people = self.registry.site.staff if roles is None else self.of_role(roles)
        return [s for s in people if self.is_on_duty(s.id, now)]

    def nobody_on_duty(self, now: datetime) -> bool:
        """Whether no operator is at the desk."""
        return not self.on_duty(now, DESK_ROLES)

    def responders(self, micro_grid: str | None, now: datetime) -> list[Staff]:
        """Responders of one micro-grid who are on duty. A home without micro-grid has none of its own."""
        if micro_grid is None:
            return []
        return [s for s in self.on_duty(now, RESPONDER_ROLES) if micro_grid in s.micro_grids]

    def responders_of_grid(self, micro_grid: str | None, now: datetime) -> list[Staff]:
        """Responders of the whole grid around a micro-grid who are on duty; of everywhere when there is no grid."""
        found = self.registry.micro_grids.get(micro_grid) if micro_grid else None
        if found is None:
            return self.on_duty(now, RESPONDER_ROLES)
        around = {m.id for m in found[0].micro_grids}
        return [s for s in self.on_duty(now, RESPONDER_ROLES) if around.intersection(s.micro_grids)]


def on_duty(registry: Registry, now: datetime) -> list[Staff]:
    """Everybody on duty at an instant."""
    return Roster(registry).on_duty(now)
