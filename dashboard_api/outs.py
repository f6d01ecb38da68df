"""Routes of devices out of service: with a reason and an end, ended early, renewed by a new act; listed with who and why.

What is set here lies beside the home's modes under `orders.HOME` in the registry bucket; the rules role hears of it at once
(`rules.modes.out_until`). Nothing is deleted: the record is its own audit trail. Of an alarm device the answer says first
what the home loses by it, and only the same again with `confirm` does it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends
from structlog import get_logger

from alerts.upkeep import TESTED
from care.ids import iso
from care.messages import HomeHealth
from care.site import LONGEST_OUT, Device, Home, HomeOrders, OutOfService
from care.words import Kind, Role
from dashboard_api import access, redact, shapes, wording
from dashboard_api.asking import moment, signed_in
from dashboard_api.house import House
from dashboard_api.modes import change, orders_of
from dashboard_api.people import Who
from dashboard_api.problems import Problem, Why
from dashboard_api.redact import Json

log = get_logger("api")

V = access.V
KEPT = 60
"""Acts of one home that are remembered."""
LEAST_REASON = 2
"""Characters: a dot is no reason."""


def shown(out: OutOfService, house: House, now: datetime) -> Json:
    """One act, with who and why."""
    return {
        "device": out.device,
        "from": iso(out.from_),
        "until": iso(out.until),
        "by": house.name_of(out.by),
        "reason": out.reason,
        "active": out.from_ <= now < out.until,
        "ended_by": house.name_of(out.ended_by) if out.ended_by else None,
    }


def alarms(device: Device) -> bool:
    """Whether a life may hang on it: it is not taken out without a second look."""
    return device.kind in TESTED or (device.kind is Kind.button and bool(device.calls_on))


def loses(home: Home, device: Device, health: HomeHealth | None) -> tuple[str, str]:
    """What a home is without while this device is out of service, in both languages."""
    path = "call" if device.kind is Kind.button else wording.PATH_OF.get(device.kind, "")
    good = {d.device for d in health.devices if not d.reason} if health is not None else set()
    others = [
        d for d in home.devices if d is not device and wording.PATH_OF.get(d.kind) == path and d.id in good
    ]
    zh, en = wording.device_labels(device)
    what, what_en = wording.PATHS.get(path, path), wording.PATHS_EN.get(path, path)
    if others:
        return (
            f"{zh}停用期间，此户{what}只靠另外 {len(others)} 台设备",
            f"While the {en} is out of service, {what_en} rests on {len(others)} other device(s) of this home",
        )
    alone = "没有别的设备可以呼救" if path == "call" else f"没有别的设备看护{what}"
    return (
        f"{zh}停用期间，此户{alone}",
        f"While the {en} is out of service, nothing protects this home for {what_en}"
        if path != "call"
        else f"While the {en} is out of service, nobody can call for help from this home",
    )


def routes(house: House) -> APIRouter:
    """All of them, on one house."""
    router = APIRouter()

    def known(name: str) -> tuple[Home, Device]:
        found = house.picture.registry.devices.get(name)
        if found is None:
            raise Problem(404, Why.unknown_device, "没有这台设备")
        return found

    def later(
        make: Callable[[list[OutOfService]], list[OutOfService]],
    ) -> Callable[[HomeOrders], HomeOrders]:
        return lambda orders: msgspec.structs.replace(orders, out=make(orders.out)[-KEPT:])

    async def listed(home: Home, device: Device) -> Json:
        now = house.clock.now()
        orders, _ = await orders_of(house.stream, home.id)
        items = [shown(o, house, now) for o in orders.out if o.device == device.id]
        return {"device": device.id, "items": sorted(items, key=lambda o: o["from"], reverse=True)}

    def ended(out: OutOfService, device: Device, now: datetime, by: str) -> OutOfService:
        if out.device != device.id or not now < out.until:
            return out
        return msgspec.structs.replace(
            out, until=max(now, out.from_ + timedelta(milliseconds=1)), ended_by=by
        )

    @router.get(f"{V}/devices/{{device}}/out", response_model=shapes.OutList, tags=["devices"])
    async def outs(device: str, who: Annotated[Who, Depends(signed_in)]) -> Json:
        """When this device was, or is, out of service: by whom, why, until when. The last first."""
        found = await listed(*known(device))
        return redact.without(found, "reason") if who.role is Role.auditor else found

    @router.post(
        f"{V}/devices/{{device}}/out",
        status_code=201,
        response_model=shapes.OutList,
        responses={409: {"model": shapes.ProblemBody}, 422: {"model": shapes.ProblemBody}},
        tags=["devices"],
    )
    async def begin(device: str, body: shapes.OutSet, who: Annotated[Who, Depends(signed_in)]) -> Json:
        """Take a device out of service until a time within seven days; while one is, this is its renewal.

        Its technical findings are quiet meanwhile, its alarms are not, and its home is not protected by it. An alarm
        device wants `confirm`: without it the answer is 409 `needs_confirmation` and says what the home loses.
        """
        home, one = known(device)
        now = house.clock.now()
        until = moment("until", body.until)
        if until is None or until <= now:
            raise Problem(422, Why.invalid, "until: 结束时间须在现在之后", fields=["until"])
        if until - now > LONGEST_OUT:
            raise Problem(
                422, Why.invalid, f"until: 最长 {LONGEST_OUT.days} 天，到期可再登记", fields=["until"]
            )
        reason = body.reason.strip()
        if len(reason) < LEAST_REASON:
            raise Problem(422, Why.invalid, "reason: 请写明停用原因", fields=["reason"])
        if one.kind is Kind.gateway:
            raise Problem(
                422, Why.invalid, "网关不能停用：它一停，全户都听不到，须一直报出来", fields=["device"]
            )
        if alarms(one) and not body.confirm:
            zh, en = loses(home, one, house.picture.health.get(home.id))
            raise Problem(409, Why.needs_confirmation, zh, loses=zh, loses_en=en)
        made = OutOfService(device=device, from_=now, until=until, by=who.by, reason=reason)
        await change(
            house.stream, home.id, later(lambda all_: [*(ended(o, one, now, who.by) for o in all_), made])
        )
        log.info("device_out", device=device, home=home.id, by=who.by, until=iso(until))
        return await listed(home, one)

    @router.post(
        f"{V}/devices/{{device}}/out/end",
        response_model=shapes.OutList,
        responses={409: {"model": shapes.ProblemBody}},
        tags=["devices"],
    )
    async def end(device: str, who: Annotated[Who, Depends(signed_in)]) -> Json:
        """Put it back into service now."""
        home, one = known(device)
        now = house.clock.now()
        orders, _ = await orders_of(house.stream, home.id)
        if not any(o.device == device and now < o.until for o in orders.out):
            raise Problem(409, Why.refused, "这台设备没有停用")
        await change(house.stream, home.id, later(lambda all_: [ended(o, one, now, who.by) for o in all_]))
        log.info("device_back", device=device, home=home.id, by=who.by)
        return await listed(home, one)

    return router
