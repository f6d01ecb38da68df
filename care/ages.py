"""How long history is kept, by how fine it is (domain P-07), for who drops it and for who is asked about it. Start at `kept_from`."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

READINGS = timedelta(days=30)
"""Readings as they came."""
MINUTES = timedelta(days=180)
"""Least, mean, greatest and count of each minute."""
HOURS = timedelta(days=730)
"""The same of hours and days."""


def kept_from(now: datetime, step: timedelta | None) -> datetime:
    """The moment before which nothing is kept as fine as `step` (None: single readings). Whole days of UTC are dropped.

    A step that is no whole number of minutes or hours can only be made from something finer.
    """
    if step is None or step % timedelta(minutes=1):
        age = READINGS
    elif step % timedelta(hours=1):
        age = MINUTES
    else:
        age = HOURS
    return datetime.combine(now.astimezone(UTC).date() - age, time(), UTC)


def coarser(now: datetime, from_at: datetime) -> str | None:
    """The finest `step` whose figures reach back to `from_at`; None when nothing does."""
    for step, given in ((timedelta(minutes=1), "1m"), (timedelta(hours=1), "1h")):
        if kept_from(now, step) <= from_at:
            return given
    return None
