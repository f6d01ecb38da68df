"""What the API asks of the database: history only. Everything else is answered from the stream.

`History` is the shape that `anxin.database` offers. Each call raises care.errors.Temporary when PostgreSQL
is away, within two seconds; the API then answers 503 `history_unavailable` and goes on with everything else.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Protocol

from care.messages import Value

Point = tuple[datetime, Value | None]
"""When it happened, and the value in the unit of its quantity; None = the device said that it does not know."""

Bucket = tuple[datetime, float, float, float, int]
"""Start of the bucket, then min, mean, max and count of the numbers in it (bool counts as 0 and 1)."""


class History(Protocol):
    """Readings of the past."""

    async def ready(self) -> bool:
        """Whether the database answers now."""
        ...

    async def readings(
        self,
        *,
        home: str,
        quantity: str,
        from_at: datetime,
        to_at: datetime,
        device: str | None,
        limit: int,
        cursor: str | None,
    ) -> tuple[list[Point], str | None]:
        """Every reading with from_at <= at < to_at in order of time; the second part continues, None at the end.

        Where nothing was heard there is nothing: a gap stays a gap. A cursor that is not ours is a ValueError.
        """
        ...

    async def buckets(
        self,
        *,
        home: str,
        quantity: str,
        from_at: datetime,
        to_at: datetime,
        device: str | None,
        step: timedelta,
    ) -> list[Bucket]:
        """Buckets of `step`, aligned to the epoch, in order of time; a bucket without readings is left out."""
        ...

    async def protected_days(
        self, *, homes: Sequence[str], from_day: date, to_day: date
    ) -> list[tuple[date, str, float]]:
        """Seconds by day and state (protected, partly, not, unknown) of these homes, both days included."""
        ...

    async def protected_causes(
        self, *, homes: Sequence[str], from_day: date, to_day: date, limit: int
    ) -> list[tuple[str, str, float, int]]:
        """State and cause of the hours that were not fully protected: seconds and homes, the longest first."""
        ...

    async def protected_homes(
        self, *, homes: Sequence[str], from_day: date, to_day: date, limit: int
    ) -> list[tuple[str, float, float, float, float]]:
        """The homes that lost most: seconds protected, partly, not, unknown."""
        ...

    async def protected_known(self, *, from_day: date, to_day: date) -> tuple[date | None, datetime | None]:
        """The first day of these of which anything is known, and up to when they were added up."""
        ...
