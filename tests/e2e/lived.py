"""A history that was lived: ordinary days by the clock, the same for every home, with one hole of two hours in it.

Offers what `dashboard_api.history.History` asks for. In bed from 21:40 to 06:20 and once up at 02:00; in the kitchen at
meals; out from 09:10 to 10:30; smoke detectors lose half a percent of battery a day; the belt unheard from 13:00 to 15:00 on the day of `hole`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from care.site import Registry
from care.words import Kind
from dashboard_api.history import Bucket, Point

ZONE = ZoneInfo("Asia/Shanghai")
HOLE = (13 * 60, 15 * 60)
FINE = timedelta(minutes=5)


def _minute(at: datetime) -> int:
    local = at.astimezone(ZONE)
    return local.hour * 60 + local.minute


def _in_bed(minute: int) -> bool:
    return not (120 <= minute < 130) and (
        minute >= 21 * 60 + 40 or minute < 6 * 60 + 20 or 780 <= minute < 930
    )


class LivedHistory:
    """See the module's docstring."""

    def __init__(self, registry: Registry, now: datetime) -> None:
        self._devices = registry.devices
        self._hole = (now - timedelta(hours=12)).astimezone(ZONE).date()
        self._now = now
        self.away = False

    async def ready(self) -> bool:
        return not self.away

    def _value(self, quantity: str, device: str, at: datetime) -> float | None:
        from care.errors import Temporary

        if self.away:
            raise Temporary("the database is away")
        known = self._devices.get(device)
        if known is None:
            return None
        kind, room = known[1].kind, known[1].room
        minute = _minute(at)
        if kind is Kind.bed_belt:
            if at.astimezone(ZONE).date() == self._hole and HOLE[0] <= minute < HOLE[1]:
                return None
            wave = math.sin(at.timestamp() / 5400) + 0.4 * math.sin(at.timestamp() / 700)
            match quantity:
                case "in_bed":
                    return float(_in_bed(minute))
                case "heart_rate":
                    return (
                        round(61 + 4 * wave + (26 if 215 <= minute < 225 else 0), 1)
                        if _in_bed(minute)
                        else None
                    )
                case "respiration_rate":
                    return round(15 + 1.6 * wave, 1) if _in_bed(minute) else None
            return None
        if kind is Kind.door and quantity == "door_open":
            return 1.0 if 550 <= minute < 555 or 628 <= minute < 633 else 0.0
        if kind in (Kind.motion, Kind.presence) and quantity in ("motion", "presence"):
            if 555 <= minute < 630 or _in_bed(minute):
                return 0.0
            meals = any(start <= minute < start + 50 for start in (400, 680, 1020))
            if room == "kitchen":
                return float(meals)
            if room in ("bathroom", "toilet"):
                return float(minute % 190 < 10 or 120 <= minute < 130)
            return float(not meals and minute % 40 < 15)
        return None

    def _worn(self, quantity: str, device: str, from_at: datetime, to_at: datetime) -> list[Bucket]:
        """A smoke detector in its last third: half a percent a day, and a signal that fades. Others never said."""
        known = self._devices.get(device)
        if self.away or known is None or known[1].kind is not Kind.smoke:
            return []
        today = datetime.combine(to_at.astimezone(UTC).date(), datetime.min.time(), UTC)
        out: list[Bucket] = []
        for ago in range(60, 0, -1):
            value = 42 + ago / 2 if quantity == "battery" else 80 + ago
            if from_at <= (at := today - timedelta(days=ago)) < to_at:
                out.append((at, value, value, value, 24))
        return out

    # Protection: on the last three days of whatever is asked, 23 hours a day in full; the first smoke detector took half an hour of every
    # home's day, and for half an hour nobody judged.

    def _days(self, from_day: date, to_day: date) -> list[date]:
        if self.away:
            from care.errors import Temporary

            raise Temporary("the database is away")
        return [to_day - timedelta(days=n) for n in range(min(3, (to_day - from_day).days + 1))][::-1]

    async def protected_days(
        self, *, homes: Sequence[str], from_day: date, to_day: date
    ) -> list[tuple[date, str, float]]:
        spent = (("partly", 1800.0), ("protected", 23 * 3600.0), ("unknown", 1800.0))
        return [(day, state, len(homes) * s) for day in self._days(from_day, to_day) for state, s in spent]

    async def protected_causes(
        self, *, homes: Sequence[str], from_day: date, to_day: date, limit: int
    ) -> list[tuple[str, str, float, int]]:
        total = 1800.0 * len(homes) * len(self._days(from_day, to_day))
        smoke = next(name for name, (_, d) in self._devices.items() if d.kind is Kind.smoke)
        return [("partly", f"silent:{smoke}", total, len(homes)), ("unknown", "service", total, len(homes))]

    async def protected_homes(
        self, *, homes: Sequence[str], from_day: date, to_day: date, limit: int
    ) -> list[tuple[str, float, float, float, float]]:
        n = len(self._days(from_day, to_day))
        return [(home, 23 * 3600.0 * n, 1800.0 * n, 0.0, 1800.0 * n) for home in homes[:limit]]

    async def protected_known(self, *, from_day: date, to_day: date) -> tuple[date | None, datetime | None]:
        return self._days(from_day, to_day)[0], self._now

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
        buckets = await self.buckets(
            home=home, quantity=quantity, from_at=from_at, to_at=to_at, device=device, step=FINE
        )
        return [(at, mean) for at, _, mean, _, _ in buckets][:limit], None

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
        if quantity in ("battery", "link_quality"):
            return self._worn(quantity, device or "", from_at, to_at)
        out: list[Bucket] = []
        seconds = step.total_seconds()
        at = datetime.fromtimestamp(from_at.timestamp() // seconds * seconds, UTC)
        while at < to_at:
            inside = [
                value
                for n in range(max(1, int(step / FINE)))
                if (value := self._value(quantity, device or "", at + n * FINE)) is not None
            ]
            if inside:
                out.append((at, min(inside), sum(inside) / len(inside), max(inside), len(inside)))
            at += step
        return out
