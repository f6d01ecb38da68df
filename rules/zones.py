"""A rule story moved to the days on which clocks change, in several zones. Start at `placements`.

A story is told in time that passes: its readings and expectations keep their distances. Moved to another zone it
keeps the wall clock it began with (or the one it ended with), so that a night stays a night. It must say the same
there, as long as every time of day its rules look at comes at the same place of the story: where the change itself
moves 06:00 nearer, a person would have to write another story, and the placement is left out. What is left of every
story is at least the day before, the day of and the day after a change, and most stories are told right across it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import TypeVar
from zoneinfo import ZoneInfo

import msgspec

from care.site import Home, HomeMode, Override, Registry, falls_on, value_of
from rules.catalog import Rule, RuleBook, Unit
from rules.conditions import clock_minutes
from rules.stories import Input, Story
from rules.windows import instant

Spell = TypeVar("Spell", HomeMode, Override)

DAY = timedelta(days=1)
ZONES: dict[str, int] = {
    "Asia/Shanghai": 1991,
    "Europe/Berlin": 2026,
    "America/New_York": 2026,
    "Australia/Lord_Howe": 2026,
    "Africa/Casablanca": 2026,
    "Pacific/Apia": 2011,
}
"""Zones and a year with changes in it. Shanghai's last summer time; Lord Howe changes by half an hour; Casablanca
goes back for the fasting month; Apia left out a whole day (30 December 2011)."""
_CLOCK = re.compile(r"\b\d{1,2}:\d{2}\b")


@lru_cache
def edges(zone: str, year: int) -> tuple[datetime, ...]:
    """The moments (UTC) of a year at which the zone's clocks change."""
    place = ZoneInfo(zone)
    found: list[datetime] = []
    at = datetime(year, 1, 1, tzinfo=UTC)
    while at.year == year:
        after = at + DAY
        if at.astimezone(place).utcoffset() != after.astimezone(place).utcoffset():
            low, high = at, after
            while high - low > timedelta(seconds=1):
                middle = low + (high - low) / 2
                same = middle.astimezone(place).utcoffset() == at.astimezone(place).utcoffset()
                low, high = (middle, high) if same else (low, middle)
            found.append(high.replace(microsecond=0))
        at = after
    return tuple(found)


@dataclass(frozen=True)
class Placement:
    """A story at another place and time."""

    story: Story
    zone: str
    edge: datetime
    across: bool
    """The clocks change while it is told."""

    @property
    def words(self) -> str:
        """For people: where and when."""
        place = ZoneInfo(self.zone)
        begins = self.story.start.astimezone(place)
        how = "across" if self.across else "beside"
        return f"{self.zone}, from {begins:%Y-%m-%d %H:%M} {how} the change of {self.edge.astimezone(place):%d %B %H:%M}"


def placements(story: Story, book: RuleBook) -> Iterator[Placement]:
    """The story on the days around every change of every zone, where it must say the same."""
    length = story.expect[-1][0]
    home = story.registry.zone
    times = times_of_day(story, book)
    wanted = _offsets(story.start, length, home, times)
    begins = story.start.astimezone(home)
    ends = (story.start + length).astimezone(home)
    for zone, year in ZONES.items():
        place = ZoneInfo(zone)
        for edge in edges(zone, year):
            local = edge.astimezone(place).date()
            told: set[str] = set()
            for n in range(-1, 2 + length.days):
                first = _moment(local - n * DAY, begins.time(), place)
                last = _moment(local + (n - length.days) * DAY, ends.time(), place)
                for start in (first, None if last is None else last - length):
                    if start is None:
                        continue
                    where = "before" if start + length < edge else "after" if start >= edge else "across"
                    if where in told or _offsets(start, length, place, times) != wanted:
                        continue
                    if times and not _same_part_of_day(story.start, home, start, place, times):
                        continue
                    told.add(where)
                    yield Placement(_move(story, start, zone), zone, edge, where == "across")


def times_of_day(story: Story, book: RuleBook) -> frozenset[int]:
    """The minutes of the day that the story's rules look at."""
    found: set[int] = set()
    for name in story.rules:
        rule = book.rules[name]
        texts = msgspec.json.encode(rule.doc).decode()
        found |= {clock_minutes(word) for word in _CLOCK.findall(texts) if word < "24:01"}
        for resident in (r for h in story.registry.site.homes for r in h.residents):
            found |= _own_times(rule, resident.limits)
        for given in story.registry.site.policy.rules.values():
            found |= _own_times(rule, given)
    found |= {
        clock_minutes(t[:5]) for h in story.registry.site.homes for v in h.carers for t in (v.from_, v.to)
    }
    return frozenset(m % 1440 for m in found)


def _own_times(rule: Rule, given: Mapping[str, object]) -> set[int]:
    clocks = {n for n, p in rule.doc.parameters.items() if p.unit is Unit.clock}
    clocks |= {p.limit for p in rule.doc.parameters.values() if p.unit is Unit.clock and p.limit}
    return {clock_minutes(str(value_of(v))) for k, v in given.items() if k in clocks}


def _offsets(
    start: datetime, length: timedelta, zone: ZoneInfo, times: frozenset[int]
) -> list[tuple[int, int]]:
    """(seconds into the story, minute of the day) for each time of day that comes while it is told."""
    found: list[tuple[int, int]] = []
    first = round(start.timestamp() * 1000)
    last = first + round(length.total_seconds() * 1000)
    day = start.astimezone(zone).date() - DAY
    until = (start + length).astimezone(zone).date() + DAY
    while day <= until:
        for minute in times:
            at = instant(day, minute, zone)
            if first <= at <= last:
                found.append(((at - first) // 1000, minute))
        day += DAY
    return sorted(found)


def _same_part_of_day(
    one: datetime, home: ZoneInfo, other: datetime, place: ZoneInfo, times: frozenset[int]
) -> bool:
    """Whether both begin between the same two of these times."""

    def last(at: datetime, zone: ZoneInfo) -> int:
        local = at.astimezone(zone)
        minute = local.hour * 60 + local.minute
        return max((t for t in times if t <= minute), default=max(times))

    return last(one, home) == last(other, place)


def _moment(day: date, wall: time, zone: ZoneInfo) -> datetime | None:
    """A wall-clock time as a moment; None where the clock skips it."""
    at = datetime.combine(day, wall, zone).astimezone(UTC)
    return at if at.astimezone(zone).replace(tzinfo=None) == datetime.combine(day, wall) else None


def _move(story: Story, start: datetime, zone: str) -> Story:
    by = start - story.start
    site = story.registry.site
    community = msgspec.structs.replace(site.community, timezone=zone)
    return replace(
        story,
        start=start,
        registry=Registry(
            msgspec.structs.replace(
                site,
                community=community,
                homes=[
                    _home_later(h, by, story, start.astimezone(ZoneInfo(zone)).date()) for h in site.homes
                ],
            )
        ),
        inputs=tuple(_later(given, by) for given in story.inputs),
    )


def _home_later(home: Home, by: timedelta, story: Story, begins: date) -> Home:
    """A home whose modes and temporary limits begin and end so much later; what was planned for days of the week is
    planned for the same days of the story.
    """
    first = story.start.astimezone(story.registry.zone).date()
    days = [first + timedelta(days=n) for n in range(-3, story.expect[-1][0].days + 4)]
    return msgspec.structs.replace(
        home,
        carers=[
            msgspec.structs.replace(
                v, days=[(begins + (day - first)).isoformat() for day in days if falls_on(v, day)]
            )
            for v in home.carers
        ],
        modes=[_spell_later(m, by) for m in home.modes],
        residents=[
            msgspec.structs.replace(r, overrides=[_spell_later(o, by) for o in r.overrides])
            for r in home.residents
        ],
    )


def _spell_later(spell: Spell, by: timedelta) -> Spell:
    return msgspec.structs.replace(spell, from_=spell.from_ + by, until=spell.until + by)


def _later(given: Input, by: timedelta) -> Input:
    report, refusal = given.report, given.refusal
    if report is not None:
        report = msgspec.structs.replace(
            report,
            at=report.at + by,
            received_at=report.received_at + by,
            device_at=report.device_at + by if report.device_at is not None else None,
        )
    if refusal is not None:
        refusal = msgspec.structs.replace(refusal, received_at=refusal.received_at + by)
    return replace(given, at=given.at + by, report=report, refusal=refusal)
