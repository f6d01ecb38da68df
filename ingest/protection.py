"""How long each home was protected, partly, not, or nobody knows, from what the rules said of it. Pure. Start at `spent`.

A state holds from the moment it was said until the next one is said, as far as the worker that said it has confirmed
(`care.messages.Judged`, once a minute) that it still holds. What lies between two runs of a worker, while it was behind, or
while ingest heard nobody, is unknown, and unknown is never counted as protected.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from itertools import groupby
from typing import NamedTuple
from zoneinfo import ZoneInfo

from care.messages import Judged

GONE = "gone"
UNKNOWN = "unknown"
LONGEST_GAP = timedelta(seconds=150)
"""Two confirmations of one run further apart than this leave the time between them unknown: two and a half minutes."""


class Change(NamedTuple):
    """From `at` on a home is in this state."""

    home: str
    at: datetime
    state: str
    cause: str
    role: str


class Watched(NamedTuple):
    """A while in which a worker knew what it said."""

    role: str
    run: datetime
    begin: datetime
    end: datetime


class Spent(NamedTuple):
    """So many seconds of a home in one state by one cause."""

    home: str
    state: str
    cause: str
    seconds: float


def watched(known: Watched | None, judged: Judged) -> Watched | None:
    """The while that this confirmation begins or makes longer; None when the worker is not sure."""
    if not judged.sure:
        return None
    if known is not None and known.run == judged.run and known.end <= judged.at <= known.end + LONGEST_GAP:
        return known._replace(end=judged.at)
    if known is not None and known.begin <= judged.at <= known.end:
        return known  # heard before
    return Watched(judged.role, judged.run, judged.at, judged.at)


def spent(
    changes: Iterable[Change], whiles: Iterable[Watched], begin: datetime, end: datetime
) -> list[Spent]:
    """What became of every home's time between two moments.

    `changes` are in order of home and time, and hold the last one before `begin` of each home. A home's time before it
    was first spoken of, and after it left, is nobody's and counted nowhere.
    """
    known: dict[str, list[tuple[datetime, datetime]]] = defaultdict(list)
    for one in sorted(whiles, key=lambda w: w.begin):
        known[one.role].append((one.begin, one.end))
    out: list[Spent] = []
    for home, own in groupby(changes, key=lambda c: c.home):
        out += _of_home(home, list(own), known, begin, end)
    return out


def _of_home(
    home: str,
    changes: Sequence[Change],
    known: Mapping[str, Sequence[tuple[datetime, datetime]]],
    begin: datetime,
    end: datetime,
) -> list[Spent]:
    seconds: dict[tuple[str, str], float] = defaultdict(float)
    for i, change in enumerate(changes):
        until = changes[i + 1].at if i + 1 < len(changes) else end
        since, until = max(change.at, begin), min(until, end)
        if change.state == GONE or since >= until:
            continue
        whole = (until - since).total_seconds()
        sure = min(whole, _overlap(known.get(change.role, ()), since, until))
        if sure > 0:
            seconds[change.state, change.cause] += sure
        if whole > sure:
            seconds[UNKNOWN, "service"] += whole - sure
    return [Spent(home, state, cause, round(total, 3)) for (state, cause), total in sorted(seconds.items())]


def _overlap(whiles: Iterable[tuple[datetime, datetime]], since: datetime, until: datetime) -> float:
    return sum(
        max(0.0, (min(end, until) - max(begin, since)).total_seconds())
        for begin, end in whiles
        if begin < until and end > since
    )


def day_of(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """When a day of the community begins and ends."""
    begin = datetime.combine(day, time(), zone)
    return begin, datetime.combine(day + timedelta(days=1), time(), zone)
