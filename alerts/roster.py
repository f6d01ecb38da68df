"""Who is on duty: shifts on the wall clock of the community, across midnight and changes of the clock.

What was changed while the service runs (`alerts.rota`) comes with the registry, besides the site file's absences.

`Roster(registry)` answers for an instant, and with `gaps` for weeks ahead. A shift belongs to the day on which it
starts. A wall-clock time that does not exist (the clock jumps over it) is the moment of the jump; one that exists twice is its first time; both
ends of a shift are read the same way, so that at a hand-over exactly the right people are on duty.

Fail open: whoever has no shift at all is taken as always on duty. A community that writes no rota is still told.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from care.site import Registry, Shift, Staff, falls_on
from care.words import Role

DESK_ROLES = frozenset({Role.operator})
RESPONDER_ROLES = frozenset({Role.social_worker, Role.volunteer, Role.grid_worker, Role.neighbour})
"""Who goes to a home: the pair of a shift, grid workers, neighbours and staircase wardens."""

LOOK_AHEAD = timedelta(hours=36)
"""How far ahead the end of a shift or the beginning of the next one is looked for at a time."""


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


def stretch(shift: Shift, day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """From when to when a shift that starts on `day` lasts (UTC); its end is not part of it."""
    start = instant(day, shift.starts, zone)
    end_day = day if shift.ends > shift.starts else day + timedelta(days=1)
    return start, instant(end_day, shift.ends, zone)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Somebody is on duty from `start` until `end`, which is not part of it; for whom, when standing in."""

    start: datetime
    end: datetime
    covers: str | None = None


@dataclass(frozen=True, slots=True)
class Missing:
    """Somebody is away from `start` until `end`, which is not part of it; and who stands in."""

    start: datetime
    end: datetime
    cover: str | None = None


@dataclass(frozen=True, slots=True)
class Gap:
    """Nobody is on duty where somebody ought to be."""

    place: str
    """A micro-grid, or `DESK`."""
    start: datetime
    end: datetime
    """Its end; as far as was looked, when it lasts longer."""
    people: tuple[str, ...]
    """Who answers for the place, none of whom is on duty."""


DESK = "desk"
"""The place of the operators, among the micro-grids."""
SUPERVISORS = "supervisors"
"""The place of the supervisors: a step of the ladder, of which only a change of the rota is asked."""


class Roster:
    """Who is on duty and who answers for where, by the registry as it is."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self._shifts: dict[str, list[Shift]] = {}
        for shift in registry.site.shifts:
            for person in shift.people:
                self._shifts.setdefault(person, []).append(shift)
        self._known: dict[str, tuple[datetime, datetime, bool]] = {}
        self._absences: dict[str, list[tuple[datetime, datetime]]] = {}
        self._covers: dict[str, list[tuple[datetime, datetime, str]]] = {}
        """Who stands in → from when to when, for whom."""
        for absence in registry.site.absences:
            start, end = (
                instant(at.date(), at.time(), registry.zone) for at in (absence.starts, absence.ends)
            )
            self._absences.setdefault(absence.staff, []).append((start, end))
            if absence.cover is not None:
                self._covers.setdefault(absence.cover, []).append((start, end, absence.staff))
        self._besides: dict[str, list[tuple[datetime, datetime]]] = {}
        for change in registry.rota:
            for away in change.away:
                self._absences.setdefault(away.staff, []).append((away.from_, away.until))
                if away.cover is not None:
                    self._covers.setdefault(away.cover, []).append((away.from_, away.until, away.staff))
            for more in change.besides:
                self._besides.setdefault(more.staff, []).append((more.from_, more.until))

    # -- at an instant --

    def has_shifts(self, person: str) -> bool:
        """Whether the rota says anything about somebody's times."""
        return person in self._shifts or person in self._absences

    def _away(self, person: str, now: datetime) -> bool:
        return any(start <= now < end for start, end in self._absences.get(person, ()))

    def is_away(self, person: str, start: datetime, end: datetime) -> bool:
        """Whether somebody is away at any moment between two instants."""
        return any(a < end and start < b for a, b in self._absences.get(person, ()))

    def _on_shift(self, person: str, now: datetime) -> bool:
        """By the shifts alone, whether absent or not. Without any shift in the rota: always."""
        if person not in self._shifts:
            return person in self.registry.staff
        known = self._known.get(person)
        if known is None or not known[0] <= now < known[1]:
            known = self._known[person] = self._until_change(person, now)
        return known[2]

    def _until_change(self, person: str, now: datetime) -> tuple[datetime, datetime, bool]:
        """From when to when it stays as it is now, and how it is: asked hundreds of times in a flood."""
        ahead = self._shift_stretches(person, now, now + LOOK_AHEAD)
        ends = [end for start, end in ahead if start <= now]
        if ends:
            return now, max(ends), True
        return now, min((start for start, _ in ahead), default=now + LOOK_AHEAD), False

    def covering(self, person: str, now: datetime) -> list[str]:
        """For whom somebody stands in at this moment: who is away and would be on duty."""
        if self._away(person, now):
            return []
        return [
            absent
            for start, end, absent in self._covers.get(person, ())
            if start <= now < end and self._on_shift(absent, now)
        ]

    def is_on_duty(self, person: str, now: datetime) -> bool:
        """Whether a member of staff is on duty: by their own shifts or in somebody's place, and not away."""
        if person not in self.registry.staff or self._away(person, now):
            return False
        return self._on_shift(person, now) or bool(self.covering(person, now))

    def of_role(self, roles: Iterable[Role]) -> list[Staff]:
        """Everybody with one of these roles, in the order of the site file."""
        wanted = frozenset(roles)
        return [s for s in self.registry.site.staff if s.role in wanted]

    def not_away(self, roles: Iterable[Role], now: datetime) -> list[Staff]:
        """Everybody with one of these roles, on duty or off, but for who is entered as away."""
        return [s for s in self.of_role(roles) if not self._away(s.id, now)]

    def on_duty(self, now: datetime, roles: Iterable[Role] | None = None) -> list[Staff]:
        """Who is on duty now, of these roles or of all, in the order of the site file."""
        wanted = None if roles is None else frozenset(roles)
        return [
            s
            for s in self.registry.site.staff
            if (wanted is None or s.role in wanted or s.id in self._covers)
            and self.is_on_duty(s.id, now)
            and (wanted is None or wanted.intersection(self.roles(s, now)))
        ]

    def roles(self, staff: Staff, now: datetime) -> list[Role]:
        """What somebody is at this moment: their own role when their own shift runs, and those of whom they cover."""
        own = [staff.role] if self._on_shift(staff.id, now) else []
        return own + [self.registry.staff[a].role for a in self.covering(staff.id, now)]

    def micro_grids(self, staff: Staff, now: datetime) -> set[str]:
        """Where somebody answers at this moment: their own micro-grids, and those of whom they cover."""
        own = set(staff.micro_grids) if self._on_shift(staff.id, now) else set()
        return own.union(*(self.registry.staff[a].micro_grids for a in self.covering(staff.id, now)))

    def nobody_on_duty(self, now: datetime) -> bool:
        """Whether no operator is at the desk."""
        return not self.on_duty(now, DESK_ROLES)

    def responders(self, micro_grid: str | None, now: datetime) -> list[Staff]:
        """Responders of one micro-grid who are on duty. A home without micro-grid has none of its own."""
        if micro_grid is None:
            return []
        return [s for s in self.on_duty(now, RESPONDER_ROLES) if micro_grid in self.micro_grids(s, now)]

    def responders_of_grid(self, micro_grid: str | None, now: datetime) -> list[Staff]:
        """Responders of the whole grid around a micro-grid who are on duty; of everywhere when there is no grid."""
        found = self.registry.micro_grids.get(micro_grid) if micro_grid else None
        if found is None:
            return self.on_duty(now, RESPONDER_ROLES)
        around = {m.id for m in found[0].micro_grids}
        return [
            s for s in self.on_duty(now, RESPONDER_ROLES) if around.intersection(self.micro_grids(s, now))
        ]

    def called_in(self, micro_grid: str | None, now: datetime) -> list[Staff]:
        """Responders of the grid who are off duty and not away: whoever is asked when none of them is on duty.

        Of everywhere when the grid has none at all, or there is no grid.
        """
        off = [
            s
            for s in self.of_role(RESPONDER_ROLES)
            if not self._away(s.id, now) and not self.is_on_duty(s.id, now)
        ]
        found = self.registry.micro_grids.get(micro_grid) if micro_grid else None
        around = {m.id for m in found[0].micro_grids} if found is not None else set()
        return [s for s in off if around.intersection(s.micro_grids)] or off

    def can_be_told(self, person: str) -> bool:
        """Whether a message can reach somebody at all; else only a telephone does."""
        return bool(self.registry.channels(person))

    # -- over time --

    def stretches(self, person: str, start: datetime, end: datetime) -> list[Stretch]:
        """When somebody is on duty between two instants, own shifts and those stood in for, in order."""
        out = [Stretch(a, b) for a, b in self._shift_stretches(person, start, end)]
        for begin, until, absent in self._covers.get(person, ()):
            out += [
                Stretch(max(a, begin), min(b, until), absent)
                for a, b in self._shift_stretches(absent, start, end)
                if a < until and begin < b
            ]
        for away_from, away_to in self._absences.get(person, ()):
            out = [
                piece
                for s in out
                for piece in (
                    Stretch(s.start, min(s.end, away_from), s.covers),
                    Stretch(max(s.start, away_to), s.end, s.covers),
                )
                if piece.start < piece.end
            ]
        return sorted(out, key=lambda s: (s.start, s.end, s.covers or ""))

    def missing(self, person: str, start: datetime, end: datetime) -> list[Missing]:
        """When somebody is away who would be on duty by their shifts, between two instants, in order."""
        covers = [
            (a, b, cover) for cover, all_ in self._covers.items() for a, b, who in all_ if who == person
        ]
        out = []
        for away_from, away_to in self._absences.get(person, ()):
            cover = next((c for a, b, c in covers if (a, b) == (away_from, away_to)), None)
            for a, b in self._shift_stretches(person, max(start, away_from), min(end, away_to)):
                out.append(Missing(a, b, cover))
        return sorted(set(out), key=lambda m: (m.start, m.end))

    def _shift_stretches(
        self, person: str, start: datetime, end: datetime
    ) -> list[tuple[datetime, datetime]]:
        if person not in self.registry.staff:
            return []
        shifts = self._shifts.get(person)
        if not shifts:
            return [(start, end)]
        zone = self.registry.zone
        out = [
            (max(a, start), min(b, end))
            for a, b in self._besides.get(person, ())
            if max(a, start) < min(b, end)
        ]
        day = start.astimezone(zone).date() - timedelta(days=1)
        while day <= end.astimezone(zone).date():
            for shift in shifts:
                if falls_on(shift, day):
                    a, b = stretch(shift, day, zone)
                    if max(a, start) < min(b, end):
                        out.append((max(a, start), min(b, end)))
            day += timedelta(days=1)
        return out

    def gaps(self, start: datetime, end: datetime, *, supervisors: bool = False) -> list[Gap]:
        """When nobody is on duty where somebody ought to be, between two instants: the desk, and each micro-grid.

        With `supervisors` also when none of them is: nobody watches over that, those off duty are told instead.
        Only where the rota has people: a micro-grid to which nobody belongs is a hole in the circle, not in the rota.
        """
        lived_in = {h.micro_grid for h in self.registry.site.homes if h.micro_grid is not None}
        places: dict[str, list[str]] = {DESK: [s.id for s in self.of_role(DESK_ROLES)]}
        if supervisors:
            places[SUPERVISORS] = [s.id for s in self.of_role([Role.supervisor])]
        for staff in self.of_role(RESPONDER_ROLES):
            for micro in staff.micro_grids:
                if micro in lived_in:
                    places.setdefault(micro, []).append(staff.id)
        there: dict[str, list[tuple[datetime, datetime]]] = {place: [] for place in places}
        role_of = {s.id: s.role for s in self.registry.site.staff}
        for staff in self.registry.site.staff:
            for s in self.stretches(staff.id, start, end):
                stands = self.registry.staff[s.covers] if s.covers is not None else staff
                if role_of[stands.id] in DESK_ROLES:
                    there[DESK].append((s.start, s.end))
                elif role_of[stands.id] is Role.supervisor and supervisors:
                    there[SUPERVISORS].append((s.start, s.end))
                elif role_of[stands.id] in RESPONDER_ROLES:
                    for micro in stands.micro_grids:
                        if micro in there:
                            there[micro].append((s.start, s.end))
        out: list[Gap] = []
        for place, people in sorted(places.items()):
            if not people:
                continue
            at = start
            for a, b in sorted(there[place]):
                if a > at:
                    out.append(Gap(place, at, a, tuple(people)))
                at = max(at, b)
            if at < end:
                out.append(Gap(place, at, end, tuple(people)))
        return sorted(out, key=lambda g: (g.start, g.place))

    def unassigned(self) -> list[str]:
        """Micro-grids in which people live and to which no responder belongs."""
        lived_in = {h.micro_grid for h in self.registry.site.homes if h.micro_grid is not None}
        served = {m for s in self.of_role(RESPONDER_ROLES) for m in s.micro_grids}
        return sorted(lived_in - served)


@lru_cache(maxsize=4)
def roster_of(registry: Registry) -> Roster:
    """The roster of a registry: made once, so that what it has worked out stays known."""
    return Roster(registry)


def on_duty(registry: Registry, now: datetime) -> list[Staff]:
    """Everybody on duty at an instant."""
    return roster_of(registry).on_duty(now)
