"""Why somebody looked at a home's health data while no case about somebody there was open: asked for, kept, told to those who check (ux.md 9.4).

Each reason is durable before anything is shown, under `look.ID` in the people bucket; nothing of it is ever deleted. It is
never logged: it may name a person.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Annotated, TypeVar

import msgspec
from fastapi import APIRouter, Depends, Query

from care.ids import content_id, iso
from care.messages import decode, encode
from care.stream import PEOPLE
from care.words import Level
from dashboard_api import access, shapes
from dashboard_api.asking import LEAST_REASON, moment, signed_in
from dashboard_api.house import House
from dashboard_api.people import Who
from dashboard_api.problems import Problem, Why
from dashboard_api.redact import Json
from dashboard_api.sheets import one_line

V = access.V
T = TypeVar("T")
LISTED = 200
Since = Annotated[str | None, Query(alias="from", max_length=40, description="RFC 3339")]
Until = Annotated[str | None, Query(max_length=40, description="RFC 3339; not itself in the period")]
Offset = Annotated[int, Query(ge=0, le=1_000_000)]


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """One person's look at the health data of one home for one reason, within an hour."""

    id: str
    at: datetime
    """The last time in that hour."""
    first_at: datetime | None = None
    """The first; None of what was kept before this was."""
    by: str
    role: str
    home: str
    what: str
    """days, history, usual, strip."""
    reason: str


async def health_opened(house: House, who: Who, home: str, what: str, reason: str) -> bool:
    """Whether a reason was given to look at health data of a home; 403 `reason_needed` when one is needed and there is none.

    While a case about somebody there is open nobody asks; a reason given all the same is kept as well.
    """
    if await _explained(house, who, home, what, reason):
        return True
    if home not in house.about_people():
        raise Problem(403, Why.reason_needed, "此户没有涉及老人安危的未结告警，查看健康数据请填写理由")
    return False


async def hour_opened(house: House, who: Who, home: str, reason: str) -> tuple[bool, bool]:
    """Whether a look at the last hour of a home may show pulse, breath and bed, and whether a reason was given for it.

    Any open case there opens the hour: it is its evidence. 403 `reason_needed` without a case and without a reason.
    What tells of a body comes with red and yellow, a device's too, for somebody judges now whether the device is at
    fault or the person; a task for working hours does without.
    """
    if await _explained(house, who, home, "strip", reason):
        return True, True
    cases = [a for a in house.open_alerts() if a.home == home]
    if not cases:
        raise Problem(403, Why.reason_needed, "此户没有未结的告警，查看近一小时请填写理由")
    return any(a.level is not Level.blue and not a.test for a in cases), False


async def _explained(house: House, who: Who, home: str, what: str, reason: str) -> bool:
    """Whether there is a reason; it is durable then."""
    reason = one_line(reason)
    if len(reason) < LEAST_REASON:
        return False
    now = house.clock.now()
    # Charts ask again and again, and a history comes in pages: within an hour it is one look.
    number = f"{now:%Y%m%d-%H}-{content_id(who.by, home, what, reason)[:10]}"
    key = f"look.{number}"
    earlier = await read_kept(house, key, Look)
    first = now if earlier is None else earlier.first_at or earlier.at
    kept = Look(
        id=number, at=now, first_at=first, by=who.by, role=who.role.value, home=home, what=what, reason=reason
    )
    await house.stream.put(PEOPLE, key, encode(kept))
    return True


def routes(house: House) -> APIRouter:
    """All of them, on one house."""
    router = APIRouter()

    @router.get(f"{V}/looks", response_model=shapes.LookList, tags=["residents"])
    async def looks(
        _who: Annotated[Who, Depends(signed_in)],
        home: Annotated[str | None, Query(max_length=64)] = None,
        from_: Since = None,
        to: Until = None,
        limit: Annotated[int, Query(ge=1, le=LISTED)] = 50,
        offset: Offset = 0,
    ) -> Json:
        """Who looked at health data that nothing opened, when, and why: of all homes or one, in a period. The last hour first."""
        keys = within(await house.stream.keys(PEOPLE, "look."), "look.", "%Y%m%d-%H", from_, to)
        total = len(keys)
        if home is None:
            keys = keys[offset : offset + limit]
        found = [one for key in keys if (one := await read_kept(house, key, Look)) is not None]
        if home is not None:
            found = [one for one in found if one.home == home]
            total, found = len(found), found[offset : offset + limit]
        items = [
            {
                "id": one.id, "at": iso(one.at), "first_at": iso(one.first_at or one.at), "by": one.by, "name": house.name_of(one.by), "role": one.role,
                "home": one.home, "address": place.address if (place := house.picture.registry.homes.get(one.home)) else "",
                "what": one.what, "reason": one.reason,
            }
            for one in sorted(found, key=lambda one: one.at, reverse=True)
        ]  # fmt: skip
        return {"items": items, "total": total}

    return router


def within(keys: Iterable[str], prefix: str, form: str, from_: str | None, to: str | None) -> list[str]:
    """Keys that begin with their time, of a period, the last first. As exact as the time in them: hours, or seconds."""
    since, until = moment("from", from_), moment("to", to)
    least = f"{prefix}{since:{form}}" if since is not None else ""
    # What is not over when its hour begins is in it: a period ends at a whole hour, or now.
    most = f"{prefix}{until - timedelta(milliseconds=1):{form}}~" if until is not None else "~"
    return [key for key in sorted(keys, reverse=True) if least <= key <= most]


async def read_kept(house: House, key: str, shape: type[T]) -> T | None:
    """One of what is kept in the people bucket."""
    entry = await house.stream.get(PEOPLE, key)
    return decode(entry.data, shape) if entry is not None and entry.data is not None else None
