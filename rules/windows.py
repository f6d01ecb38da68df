"""Hours of the day on the community's wall clock, right across midnight and clock changes.

A window belongs to the day on which it starts. A start that the clock skips opens at the jump; an hour that
comes twice is entered the first time. Start at `Hours`.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)
_EDGE_DAYS = 31
"""So many days at either end of a long span are counted to the millisecond (`Hours.inside`)."""


@lru_cache(maxsize=8192)
def instant(day: date, minutes: int, zone: ZoneInfo) -> int:
    """Milliseconds of a wall-clock time; one that does not exist that day is the jump over it."""
    if minutes >= 1440:
        day, minutes = day + _DAY, minutes - 1440
    wall = datetime(day.year, day.month, day.day, minutes // 60, minutes % 60, tzinfo=zone)
    at = wall.astimezone(UTC)
    if at.astimezone(zone).replace(tzinfo=None) == wall.replace(tzinfo=None):
        return round(at.timestamp() * 1000)
    # The clock jumps over it: find the jump between the two readings of the skipped time.
    low, high = sorted((at, wall.replace(fold=1).astimezone(UTC)))
    after = high.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        if middle.astimezone(zone).utcoffset() == after:
            high = middle
        else:
            low = middle
    return round(high.replace(microsecond=0).timestamp() * 1000)


class Hours:
    """A daily window in a zone: minutes of the day from and to; `to` not after `from` is the next day."""

    __slots__ = ("_close", "_edge", "_open", "close", "open", "zone")

    def __init__(self, opens: int, closes: int, zone: ZoneInfo) -> None:
        self.open = opens
        self.close = closes if closes > opens else closes + 1440
        self.zone = zone
        self._open = self._close = 0
        self._edge = 0
        """Outside: valid from `_close` to `_edge`; inside: from `_open` to `_close`."""

    def _find(self, at: int) -> None:
        day = self._day(at) - _DAY
        previous = 0
        for _ in range(5):
            opens, closes = instant(day, self.open, self.zone), self._end(day)
            if at < opens:
                self._open, self._close, self._edge = 0, previous, opens
                return
            if at < closes:
                self._open, self._close, self._edge = opens, closes, 0
                return
            previous = closes
            day += _DAY
        raise AssertionError("a day has an edge")  # pragma: no cover

    def _end(self, day: date) -> int:
        if self.close >= 1440:
            return instant(day + _DAY, self.close - 1440, self.zone)
        return instant(day, self.close, self.zone)

    def state(self, at: int) -> tuple[bool, int]:
        """Whether the window is open at this moment (ms), and when that changes next."""
        if self._edge:
            if self._close <= at < self._edge:
                return False, self._edge
        elif self._open <= at < self._close:
            return True, self._close
        self._find(at)
        return (False, self._edge) if self._edge else (True, self._close)

    def inside(self, since: int, until: int) -> int:
        """Milliseconds of the window between two moments.

        Of a span beyond two months the whole days in the middle count by the window's own length: clock changes cancel
        over a year, and a device whose clock says 1970 must not cost a walk over every day since.
        """
        if until - since <= 2 * _EDGE_DAYS * 86_400_000:
            return self._walk(since, until)
        first = self._day(since) + timedelta(days=_EDGE_DAYS)
        last = self._day(until) - timedelta(days=_EDGE_DAYS)
        middle = max(0, (last - first).days)
        begin = instant(first, self.open, self.zone)
        end = instant(last, self.open, self.zone) if middle else begin
        return self._walk(since, begin) + middle * (self.close - self.open) * 60_000 + self._walk(end, until)

    def _day(self, at: int) -> date:
        return datetime.fromtimestamp(at / 1000, self.zone).date()

    def _walk(self, since: int, until: int) -> int:
        total, at = 0, since
        while at < until:
            is_open, edge = self.state(at)
            end = min(edge, until)
            total += end - at if is_open else 0
            at = end
        return total

    def after(self, since: int, span: int) -> int:
        """When so many milliseconds of the window have passed since a moment."""
        at = since
        while True:
            is_open, edge = self.state(at)
            if is_open:
                if at + span <= edge:
                    return at + span
                span -= edge - at
            at = edge
