"""Planned visits of carers: when the front door may open at night, and when it ought to have opened. Start at `due`.

Times are wall clock of the community, by the site file (`carers:` of a home). Pure functions of a home and a moment (ms).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from care.site import Home, falls_on
from rules.conditions import clock_minutes
from rules.live import LiveHome
from rules.signs import front_doors
from rules.windows import instant

ASKED_FOR = 12 * 3600_000
"""A visit that did not come about is a note for so long: until then somebody has looked, or the next one is due."""
DAYS = 3
"""So many days around a moment are looked at; nobody plans a visit longer than a day."""


class Visit(NamedTuple):
    """One planned visit: from and to (ms), and how it was written."""

    begins: int
    ends: int
    words: str


def visits(site: Home | None, at: int, zone: ZoneInfo) -> Iterator[Visit]:
    """The planned visits of the days around a moment, in no order."""
    if site is None or not site.carers:
        return
    today = datetime.fromtimestamp(at / 1000, zone).date()
    for planned in site.carers:
        opens, closes = clock_minutes(planned.from_[:5]), clock_minutes(planned.to[:5])
        for n in range(-DAYS + 1, DAYS):
            day = today + timedelta(days=n)
            if falls_on(planned, day):
                end = day if closes > opens else day + timedelta(days=1)
                yield Visit(
                    instant(day, opens, zone), instant(end, closes, zone), f"{planned.from_}–{planned.to}"
                )


def due(home: LiveHome, at: int, zone: ZoneInfo, slack: int) -> tuple[bool, int]:
    """Whether a carer is expected now, come or gone up to `slack` (ms) early or late; and when that changes next (0: never)."""
    found = [(v.begins - slack, v.ends + slack) for v in visits(home.site, at, zone)]
    now = any(a <= at < b for a, b in found)
    return now, min((t for span in found for t in span if t > at), default=0)


def missed(home: LiveHome, at: int, zone: ZoneInfo, slack: int) -> tuple[Visit | None, int]:
    """The last visit that is over and in which no front door opened; and when that changes next (0: never).

    A door that opens later ends it: somebody came, or went to see. Without a front door nobody can say.
    """
    planned = list(visits(home.site, at, zone))
    edges = [t for v in planned for t in (v.ends + slack, v.ends + slack + ASKED_FOR) if t > at]
    over = [v for v in planned if v.ends + slack <= at < v.ends + slack + ASKED_FOR]
    doors = front_doors(home)
    if not over or not doors:
        return None, min(edges, default=0)
    last = max(over, key=lambda v: v.ends)
    opened = max(max(d.memory.turns, default=0) for d, _ in doors)
    standing = any(f.value for _, f in doors)
    return (None if standing or opened >= last.begins - slack else last), min(edges, default=0)
