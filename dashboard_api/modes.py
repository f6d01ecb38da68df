"""Routes of the modes of a home (外出, 住院, 访客, 保洁, 装修): set with an end, ended early, listed with who and why.

What is set here lies in the registry bucket under `orders.HOME`; the rules role hears of it at once. Nothing is
deleted: a mode that was ended keeps who ended it and when, so the record is its own audit trail.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends
from structlog import get_logger

from care.errors import Conflict, Temporary
from care.ids import iso
from care.messages import decode, encode
from care.site import LONGEST_MODE, ORDERS, HomeMode, HomeOrders, moment_of
from care.stream import REGISTRY, Stream
from care.words import Mode
from dashboard_api import access, shapes
from dashboard_api.asking import moment, signed_in
from dashboard_api.house import House
from dashboard_api.people import Who
from dashboard_api.problems import Problem, Why
from dashboard_api.redact import Json

log = get_logger("api")

V = access.V
TRIES = 5
KEPT = 200
"""Modes of one home that are remembered."""


async def orders_of(stream: Stream, home: str) -> tuple[HomeOrders, int]:
    """What was set for a home, and the revision to write against."""
    entry = await stream.get(REGISTRY, f"{ORDERS}{home}")
    if entry is None or entry.data is None:
        return HomeOrders(home=home), 0
    return decode(entry.data, HomeOrders), entry.revision


async def change(stream: Stream, home: str, make: Callable[[HomeOrders], HomeOrders]) -> HomeOrders:
    """Change what was set for a home with a compare-and-set. Raises Temporary when others are always faster."""
    for _ in range(TRIES):
        orders, revision = await orders_of(stream, home)
        changed = make(orders)
        try:
            await stream.put(REGISTRY, f"{ORDERS}{home}", encode(changed), expect=revision)
        except Conflict:
            continue
        return changed
    raise Temporary("too many at once on this home; try again")


def with_modes(make: Callable[[list[HomeMode]], list[HomeMode]]) -> Callable[[HomeOrders], HomeOrders]:
    """A change of the modes alone."""
    return lambda orders: msgspec.structs.replace(orders, modes=make(orders.modes)[-KEPT:])


def routes(house: House) -> APIRouter:
    """All of them, on one house."""
    router = APIRouter()

    def shown(mode: HomeMode, now: datetime, *, site: bool) -> Json:
        zone = house.picture.registry.zone
        begins, ends = moment_of(mode.from_, zone), moment_of(mode.until, zone)
        return {
            "mode": mode.mode.value,
            "from": iso(begins),
            "until": iso(ends),
            "by": house.name_of(mode.by),
            "reason": mode.reason,
            "active": begins <= now < ends,
            "ended_by": house.name_of(mode.ended_by) if mode.ended_by else None,
            "source": "site" if site else "desk",
        }

    def known(home: str) -> Any:
        found = house.picture.registry.homes.get(home)
        if found is None:
            raise Problem(404, Why.unknown_home, "没有这户人家")
        return found

    async def listed(home: str) -> Json:
        site, now = known(home), house.clock.now()
        orders, _ = await orders_of(house.stream, home)
        items = [shown(m, now, site=True) for m in site.modes] + [
            shown(m, now, site=False) for m in orders.modes
        ]
        return {"items": sorted(items, key=lambda m: m["from"], reverse=True)}

    @router.get(f"{V}/homes/{{home}}/modes", response_model=shapes.ModeList, tags=["homes"])
    async def modes(home: str, who: Annotated[Who, Depends(signed_in)]) -> Json:
        """Modes of a home, the last first: those of the site file and those set here, with who and why.

        A reason may tell of an illness: whoever only goes there when sent has no use for it.
        """
        items = await listed(home)
        log.info("modes_read", by=who.by, role=who.role.value, home=home)
        return items

    @router.post(f"{V}/homes/{{home}}/modes", status_code=201, response_model=shapes.ModeList, tags=["homes"])
    async def begin(home: str, body: shapes.ModeSet, who: Annotated[Who, Depends(signed_in)]) -> Json:
        """Set a mode: it ends within 14 days. Absence rules keep quiet meanwhile, smoke, gas, SOS and falls never do."""
        known(home)
        now = house.clock.now()
        begins, ends = moment("from", body.from_) or now, moment("until", body.until)
        if ends is None or ends <= max(begins, now):
            raise Problem(422, Why.invalid, "until: 结束时间须在开始之后", fields=["until"])
        if ends - begins > LONGEST_MODE:
            raise Problem(
                422, Why.invalid, f"until: 最长 {LONGEST_MODE.days} 天，到期可再登记", fields=["until"]
            )
        made = HomeMode(
            mode=Mode(body.mode), from_=begins, until=ends, by=who.by, reason=body.reason, set_at=now
        )
        await change(house.stream, home, with_modes(lambda modes: [*modes, made]))
        log.info("mode_set", home=home, mode=body.mode, by=who.by, until=iso(ends))
        return await listed(home)

    @router.post(f"{V}/homes/{{home}}/modes/end", response_model=shapes.ModeList, tags=["homes"])
    async def end(home: str, body: shapes.ModeEnd, who: Annotated[Who, Depends(signed_in)]) -> Json:
        """End a mode now. What stands in the site file ends there."""
        known(home)
        now = house.clock.now()

        def ended(modes: list[HomeMode]) -> list[HomeMode]:
            return [
                msgspec.structs.replace(
                    m, until=max(now, m.from_ + timedelta(milliseconds=1)), ended=True, ended_by=who.by
                )
                if m.mode.value == body.mode and now < m.until
                else m
                for m in modes
            ]

        orders, _ = await orders_of(house.stream, home)
        if not any(m.mode.value == body.mode and now < m.until for m in orders.modes):
            raise Problem(409, Why.refused, "这户没有此项登记，或登记在住户档案中")
        await change(house.stream, home, with_modes(ended))
        log.info("mode_ended", home=home, mode=body.mode, by=who.by)
        return await listed(home)

    return router
