"""Routes of maintenance orders: listed, opened from a case by one click, taken, done, withdrawn. Closed by proof alone.

An order said to be done stays until the device proves it: `hear` notes the first report after the work, and
`alerts.repairs.judge`, in the alerts role, closes the order or gives it back.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from structlog import get_logger

from alerts.kept import keep_repair
from alerts.repairs import (
    Did,
    Found,
    Repair,
    assign,
    by_hand,
    done,
    needs,
    opened,
    release,
    reported,
    withdraw,
)
from care.ids import iso
from care.words import Kind, Role
from dashboard_api import access, redact, shapes, wording
from dashboard_api.asking import moment, signed_in
from dashboard_api.house import House
from dashboard_api.people import Who
from dashboard_api.problems import Problem, Why
from dashboard_api.redact import Json

log = get_logger("api")

V = access.V
CLOSED_SHOWN = timedelta(days=30)
WORKERS = frozenset({Role.maintenance, Role.grid_worker, Role.social_worker, Role.volunteer, Role.admin})
"""Who may be given an order."""
HEARD_SECONDS = 5.0
"""How often the reports are looked through for one that an order waits for."""
NO_SUCH = Problem(404, Why.not_found, "没有这张维修单")


def last_heard(house: House, order: Repair) -> datetime | None:
    """When the device of an order was last heard; of a gateway or a whole home, anything in it."""
    newest = house.picture.recent.newest
    if order.device is not None:
        names = [order.device]
    else:
        home = house.picture.registry.homes.get(order.home)
        names = [d.id for d in home.devices] if home is not None else []
    return max((newest[name] for name in names if name in newest), default=None)


async def hear(house: House) -> None:
    """Note on each order that waits for its proof the first report after the work."""
    for order in list(house.upkeep.repairs.values()):
        at = last_heard(house, order)
        if at is not None and reported(order, at) != order:
            await keep_repair(
                house.stream,
                order.id,
                lambda known, o=order, t=at: o if known is None else reported(known, t),  # type: ignore[misc]
            )


def routes(house: House) -> APIRouter:
    """All of them, on one house."""
    router = APIRouter()

    def shown(order: Repair, now: datetime) -> Json:
        registry = house.picture.registry
        home, device = registry.homes.get(order.home), registry.devices.get(order.device or "")
        label = "网关" if order.device is None else order.device
        health = house.picture.health.get(order.home)
        told = [
            d.last_at
            for d in (health.devices if health is not None else ())
            if d.last_at is not None and order.device in (None, d.device)
        ]
        out = next(
            (d for d in (health.devices if health is not None else ()) if d.device == order.device), None
        )
        heard = max((t for t in (last_heard(house, order), *told) if t is not None), default=None)
        return {
            "id": order.id,
            "home": order.home,
            "address": home.address if home is not None else order.home,
            "device": order.device,
            "label": wording.device_label(device[1]) if device is not None else label,
            "label_en": wording.device_name_en(device[1])
            if device is not None
            else order.device or "gateway",
            "kind": (device[1].kind if device is not None else Kind.gateway).value,
            "room": wording.room(device[1].room) if device is not None else "",
            "codes": list(order.codes),
            "titles": list(order.titles.values()),
            "cases": list(order.cases),
            "why": order.why,
            "since": iso(order.since or order.opened_at),
            "last_report_at": iso(heard) if heard is not None else None,
            "out_until": iso(out.out_until) if out is not None and out.out_until is not None else None,
            "out_by": house.name_of(out.out_by) if out is not None and out.out_by else None,
            "state": order.state,
            "opened_at": iso(order.opened_at),
            "opened_by": house.name_of(order.opened_by),
            "due": iso(order.due),
            "overdue": order.state in ("open", "assigned") and order.due < now,
            "assigned": {"id": order.assigned, "name": house.name_of(order.assigned)}
            if order.assigned
            else None,
            "found": order.found.value if order.found is not None else None,
            "did": order.did.value if order.did is not None else None,
            "did_at": iso(order.did_at) if order.did_at is not None else None,
            "did_by": house.name_of(order.did_by) if order.did_by else None,
            "again": order.again,
            "closed_at": iso(order.closed_at) if order.closed_at is not None else None,
            "closed": order.closed,
            "steps": [
                {
                    "at": iso(s.at),
                    "what": s.what,
                    "by": house.name_of(s.by),
                    "note": house.name_of(s.note) if s.what == "assigned" else s.note,
                }
                for s in order.steps
            ],
        }

    def listed(state: str, now: datetime) -> Json:
        found = [
            o
            for o in house.upkeep.repairs.values()
            if (state in ("all", "closed") if o.state == "closed" else state in ("all", "open"))
            and (o.closed_at is None or now - o.closed_at <= CLOSED_SHOWN)
        ]
        found.sort(key=lambda o: (o.state == "closed", o.state == "done", o.due, o.id))
        people = [s for s in house.picture.registry.site.staff if s.role in WORKERS]
        return {
            "items": [shown(o, now) for o in found],
            "people": [{"id": s.id, "name": s.name} for s in people],
        }

    @router.get(f"{V}/repairs", response_model=shapes.RepairList, tags=["devices"])
    def repairs(
        who: Annotated[Who, Depends(signed_in)],
        state: Annotated[Literal["open", "closed", "all"], Query()] = "open",
    ) -> Json:
        """Maintenance orders, what is due soonest first, those that wait for their proof behind; closed ones of 30 days."""
        found = listed(state, house.clock.now())
        if who.role is Role.auditor:
            found["items"] = [redact.repair(o) for o in found["items"]]
        return found

    @router.post(f"{V}/repairs", status_code=201, response_model=shapes.RepairList, tags=["devices"])
    async def open_(body: shapes.RepairWanted, who: Annotated[Who, Depends(signed_in)]) -> Json:
        """Open the orders of a case's devices, or one by hand. One for each device: what has one already stays as it is."""
        now, registry = house.clock.now(), house.picture.registry
        busy = {o.subject: o for o in house.upkeep.repairs.values() if o.state != "closed"}
        made: list[Repair] = []
        if body.alert is not None:
            case = await house.find(body.alert)
            if case is None:
                raise Problem(404, Why.unknown_alert, "没有这个告警")
            found = needs(registry, [case.alert], now)
            if not found:
                raise Problem(409, Why.refused, "这条告警里没有需要维修的设备，或者已经恢复")
            made = [busy.get(key) or opened(need, now, by=who.by) for key, need in found.items()]
        else:
            if body.home is None or body.home not in registry.homes:
                raise Problem(404, Why.unknown_home, "没有这户人家")
            if body.device is not None and (
                body.device not in registry.devices or registry.devices[body.device][0].id != body.home
            ):
                raise Problem(404, Why.unknown_device, "这户没有这台设备")
            if not body.why.strip():
                raise Problem(422, Why.reason_needed, "why: 请写明要做什么", fields=["why"])
            known = busy.get((body.home, body.device))
            made = [known or by_hand(body.home, body.device, body.why.strip(), now, by=who.by)]
        items = []
        for order in made:
            kept = await keep_repair(house.stream, order.id, lambda known, o=order: known or o)  # type: ignore[misc]
            items.append(shown(kept, now))
            log.info("repair_opened", repair=kept.id, home=kept.home, by=who.by)
        return {**listed("open", now), "items": items}

    @router.post(
        f"{V}/repairs/{{repair}}/{{step}}",
        response_model=shapes.RepairBody,
        responses={code: {"model": shapes.ProblemBody} for code in (404, 409)},
        tags=["devices"],
    )
    async def step_(
        repair: str,
        step: Literal["assign", "release", "done", "withdraw"],
        body: shapes.RepairWord,
        who: Annotated[Who, Depends(signed_in)],
    ) -> Json:
        """Take it or give it to somebody, give it back, say what was done, or withdraw it. Proof closes it, not `done`."""
        now = house.clock.now()
        due = moment("due", body.due)
        technician = who.role is Role.maintenance
        to = body.to or who.user.staff
        if step == "assign":
            if to is None:
                raise Problem(422, Why.invalid, "to: 请选择派给谁", fields=["to"])
            if technician and to != who.user.staff:
                raise Problem(403, Why.forbidden, "维修员只能自己接单；派给别人请找值班员")
            staff = house.picture.registry.staff.get(to)
            if staff is None or staff.role not in WORKERS:
                raise Problem(422, Why.invalid, "to: 没有这位维修人员", fields=["to"])
            if due is not None and due <= now:
                raise Problem(422, Why.invalid, "due: 期限须在将来", fields=["due"])
        if step == "done" and body.did is None:
            raise Problem(422, Why.invalid, "did: 请写明做了什么", fields=["did"])
        if step == "withdraw" and technician:
            raise Problem(403, Why.forbidden, "维修员不能撤销维修单；设备重新上报后自动结束")
        if step == "withdraw" and not body.note.strip():
            raise Problem(422, Why.reason_needed, "note: 请写明撤销的理由", fields=["note"])

        def say_done(known: Repair) -> Repair:
            assert body.did is not None
            found = Found(body.found) if body.found is not None else None
            return done(known, Did(body.did), body.note.strip(), now, by=who.by, found=found)

        def change(known: Repair | None) -> Repair:
            if known is None:
                raise NO_SUCH
            if (
                step == "done"
                and known.closed == "proved"
                and (known.did is None or say_done(known) == known)
            ):
                # The device was quicker than the one who mended it: what was done is written down all the same.
                return say_done(known)
            if known.state == "closed":
                if step == "withdraw" and known.closed == "withdrawn":
                    return known
                raise Problem(409, Why.not_open, "这张维修单已结束", current=shown(known, now))
            if technician and known.assigned not in (None, who.user.staff):
                raise Problem(409, Why.refused, "这张维修单已由别人接下", current=shown(known, now))
            if step == "assign":
                assert to is not None
                return assign(known, to, due, now, by=who.by)
            if step == "release":
                return release(known, body.note.strip(), now, by=who.by)
            if step == "done":
                return say_done(known)
            return withdraw(known, body.note.strip(), now, by=who.by)

        kept = await keep_repair(house.stream, repair, change)
        log.info("repair_stepped", repair=repair, step=step, by=who.by)
        return shown(kept, now)

    return router
