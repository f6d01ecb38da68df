"""Route of protection over time: home-hours protected, partly, not, and not known, with what took them.

The hours were added up by the recorder (`ingest.protection`) from what the rules said; here they are summed for a period
and put into words. A share is of all hours, so that those of which nobody knows lower it: unknown is never protected.
"""

from __future__ import annotations

import asyncio
from datetime import date, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from structlog import get_logger

from care import schematic
from care.errors import Temporary
from care.ids import iso
from care.site import Home
from dashboard_api import access, figures, shapes, wording
from dashboard_api.asking import moment, signed_in
from dashboard_api.house import House
from dashboard_api.people import Who
from dashboard_api.problems import Problem, Why
from dashboard_api.redact import Json

log = get_logger("api")

V = access.V
SECONDS = 5.0
TARGET = 99.5
"""Percent of home-hours protected in full (domain section 8, the figures on the board)."""
MOST_DAYS = 92
MOST_HOMES = 30
MOST_CAUSES = 200
SHOWN_CAUSES = 20
STATES = ("protected", "partly", "not", "unknown")


def routes(house: House) -> APIRouter:
    """All of them, on one house."""
    router = APIRouter()

    @router.get(
        f"{V}/protection",
        response_model=shapes.ProtectionOverTime,
        responses={503: {"model": shapes.ProblemBody, "description": "the database is away"}},
        tags=["service"],
    )
    async def protection(
        who: Annotated[Who, Depends(signed_in)],
        from_: Annotated[str | None, Query(alias="from", max_length=40)] = None,
        to: Annotated[str | None, Query(max_length=40)] = None,
        grid: Annotated[
            str | None, Query(max_length=64, description="of a grid or a micro-grid, its id")
        ] = None,
        home: Annotated[str | None, Query(max_length=64)] = None,
    ) -> Json:
        """Home-hours of this month, or of the whole days a period touches, of the community, a grid or one home."""
        found, causes, worst = await gathered(house, who, from_, to, grid, home)
        registry = house.picture.registry
        return {
            **found,
            "causes": _causes(house, causes),
            "worst": [
                {"home": name, "address": registry.homes[name].address,
                 **_hours(dict(zip(STATES, spent, strict=True)))}
                for name, *spent in worst
                if name in registry.homes
            ],
        }  # fmt: skip

    return router


Causes = list[tuple[str, str, float, int]]
"""State, cause, seconds, homes."""
Worst = list[tuple[str, float, float, float, float]]


async def gathered(
    house: House, who: Who, from_: str | None, to: str | None, grid: str | None, home: str | None
) -> tuple[Json, Causes, Worst]:
    """Home-hours of a period and its days; what took them, and the homes that lost most, as the past tells them."""
    registry = house.picture.registry
    now = house.clock.now()
    month, _ = figures.month(now, registry.zone)
    from_at, to_at = moment("from", from_) or month, moment("to", to) or now
    if from_at > to_at:
        raise Problem(422, Why.invalid, "from <= to", fields=["from", "to"])
    # A period ends before the day that begins at its end.
    last = max(from_at, to_at - timedelta(microseconds=1))
    from_day, to_day = (t.astimezone(registry.zone).date() for t in (from_at, last))
    if (to_day - from_day).days >= MOST_DAYS:
        raise Problem(422, Why.invalid, f"at most {MOST_DAYS} days", fields=["from", "to"])
    if home is not None and home not in registry.homes:
        raise Problem(404, Why.unknown_home, "没有这户人家")
    if home is not None:
        homes = [home]
    else:
        homes = [h.id for h in registry.site.homes if grid is None or _is_in(house, h, grid)]
    log.info("protection_read", by=who.by, homes=len(homes))
    days, causes, worst, (first, as_of) = await _asked(house, homes, from_day, to_day)
    by_day: dict[date, dict[str, float]] = {}
    for day, state, seconds in days:
        by_day.setdefault(day, dict.fromkeys(STATES, 0.0))[state] += seconds
    total = {state: sum(day[state] for day in by_day.values()) for state in STATES}
    return (
        {
            "from": str(from_day),
            "to": str(to_day),
            "since": str(first) if first is not None else None,
            "as_of": iso(as_of) if as_of is not None else None,
            "homes": len(homes),
            "target": TARGET,
            **_hours(total),
            "by_day": [{"day": str(day), **_hours(spent)} for day, spent in sorted(by_day.items())],
        },
        causes,
        worst,
    )


async def _asked(
    house: House, homes: list[str], from_day: date, to_day: date
) -> tuple[
    list[tuple[date, str, float]],
    list[tuple[str, str, float, int]],
    list[tuple[str, float, float, float, float]],
    tuple[date | None, datetime | None],
]:
    """What the database says; 503 when it does not."""
    away = Problem(
        503, Why.history_unavailable, "历史暂不可用，实时告警不受影响", headers={"Retry-After": "5"}
    )
    past = house.history
    if past is None:
        raise away
    try:
        async with asyncio.timeout(SECONDS):
            return (
                await past.protected_days(homes=homes, from_day=from_day, to_day=to_day),
                await past.protected_causes(homes=homes, from_day=from_day, to_day=to_day, limit=MOST_CAUSES),
                await past.protected_homes(homes=homes, from_day=from_day, to_day=to_day, limit=MOST_HOMES),
                await past.protected_known(from_day=from_day, to_day=to_day),
            )
    except (Temporary, TimeoutError):
        house.history_ok = False
        raise away from None


def _is_in(house: House, home: Home, grid: str) -> bool:
    found = house.picture.registry.grid_of(home)
    return found is not None and grid in (found[0].id, found[1].id)


def _hours(seconds: dict[str, float]) -> Json:
    """Hours by state, and the share that was protected of all hours there were; None of none."""
    whole = sum(seconds.values())
    return {
        "share": round(100 * seconds["protected"] / whole, 2) if whole > 0 else None,
        "hours": {state: round(seconds[state] / 3600, 2) for state in STATES},
    }


def _causes(house: House, found: list[tuple[str, str, float, int]]) -> list[Json]:
    """What took the hours: one line for each gateway, device or reason; states of one cause are added up."""
    merged: dict[str, dict[str, float]] = {}
    homes: dict[str, int] = {}
    for state, cause, seconds, count in found:
        merged.setdefault(cause, dict.fromkeys(STATES, 0.0))[state] += seconds
        homes[cause] = max(homes.get(cause, 0), count)
    lines: list[Json] = []
    for cause, spent in merged.items():
        reason, _, device = cause.partition(":")
        known = house.picture.registry.devices.get(device)
        label, label_en = wording.device_labels(known[1]) if known is not None else (device, device)
        lines.append(
            {
                "cause": cause,
                "reason": reason,
                "words": wording.TOOK.get(reason, reason),
                "words_en": wording.TOOK_EN.get(reason, reason),
                "device": device or None,
                "label": label,
                "label_en": label_en,
                "home": known[0].id if known is not None else None,
                "address": known[0].address if known is not None else None,
                "building": schematic.building_of(known[0]) if known is not None else None,
                "homes": homes[cause],
                "home_hours": round(sum(spent.values()) / 3600, 2),
                "hours": {state: round(spent[state] / 3600, 2) for state in STATES},
            }
        )
    lines.sort(key=lambda line: (-line["home_hours"], line["cause"]))
    return lines[:SHOWN_CAUSES]
