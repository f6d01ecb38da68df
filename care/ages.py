"""How long history is kept, by how fine it is (domain P-07), for who drops it and for who is asked about it. Start at `kept_from`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta


@dataclass(frozen=True, slots=True)
class Ages:
    """How long each class of data is kept; set by `history.…_days` (anxin.settings has the bounds and why)."""

    readings: timedelta = timedelta(days=30)
    """Readings as they came, and what was refused: its samples are raw data of somebody's home."""
    minutes: timedelta = timedelta(days=180)
    """Least, mean, greatest and count of each minute."""
    hours: timedelta = timedelta(days=730)
    """The same of hours and days."""
    cases: timedelta = timedelta(days=3 * 365)
    """Findings, and closed cases with their logs. A case that is open stays."""


USUAL = Ages()


def kept_from(now: datetime, step: timedelta | None, kept: Ages = USUAL) -> datetime:
    """The moment before which nothing is kept as fine as `step` (None: single readings). Whole days of UTC are dropped.

    A step that is no whole number of minutes or hours can only be made from something finer.
    """
    if step is None or step % timedelta(minutes=1):
        age = kept.readings
    elif step % timedelta(hours=1):
        age = kept.minutes
    else:
        age = kept.hours
    return datetime.combine(now.astimezone(UTC).date() - age, time(), UTC)


def coarser(now: datetime, from_at: datetime, kept: Ages = USUAL) -> str | None:
    """The finest `step` whose figures reach back to `from_at`; None when nothing does."""
    for step, given in ((timedelta(minutes=1), "1m"), (timedelta(hours=1), "1h")):
        if kept_from(now, step, kept) <= from_at:
            return given
    return None
