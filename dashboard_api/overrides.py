"""Routes of the limits of a resident: what is in force and from where, and temporary limits set, approved and withdrawn.

What is set here lies beside the home's modes under `orders.HOME` in the registry bucket, and the rules role hears of
it at once. Nothing is deleted: who set it, why, who approved it, who withdrew it and when stay, and are the audit trail.
What may be set by whom is asked of `house.limits`; screens do not judge.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Response
from structlog import get_logger

from care.ids import iso
from care.site import Home, HomeOrders, Override, Resident, moment_of
from care.words import Role
from dashboard_api import access, shapes
from dashboard_api.asking import moment, signed_in
from dashboard_api.house import House, LimitsOfResidents
from dashboard_api.modes import change, orders_of
from dashboard_api.people import Who
from dashboard_api.problems import Problem, Why
from dashboard_api.redact import Json
from dashboard_api.trying import attempt, remembered

log = get_logger("api")

V = access.V
KEPT = 400
"""Temporary limits of one home that are remembered."""
USUAL_DAYS = 30
"""Days of the past a limit is tried on when nobody says how many."""


def routes(house: House) -> APIRouter:
    """All of them, on one house."""
    router = APIRouter()

    def known(name: str) -> tuple[Home, Resident]:
        found = house.picture.registry.residents.get(name)
        if found is None:
            raise Problem(404, Why.unknown_resident, "没有这位老人")
        return found

    def limits() -> LimitsOfResidents:
        if house.limits is None:
            raise Problem(503, Why.unavailable, "规则清单不可用")
        return house.limits

    def shown(o: Override, now: datetime, *, site: bool, home: Home, resident: Resident) -> Json:
        zone = house.picture.registry.zone
        begins, ends = moment_of(o.from_, zone), moment_of(o.until, zone)
        verdict = limits().check(house.picture.registry, home, resident, o, Role.admin)
        waits = verdict.second and (not o.approved_by or o.approved_by == o.by)
        return {
            "limit": o.limit,
            "value": o.value,
            "over": o.over,
            "replay": msgspec.to_builtins(o.replay) if o.replay is not None else None,
            "from": iso(begins),
            "until": iso(ends),
            "by": house.name_of(o.by),
            "reason": o.reason,
            "approved_by": house.name_of(o.approved_by) if o.approved_by else None,
            "waits_for_approval": waits and now < ends,
            "active": begins <= now < ends and not waits and not verdict.refused,
            "ended_by": house.name_of(o.ended_by) if o.ended_by else None,
            "source": "site" if site else "desk",
        }

    async def listed(name: str) -> Json:
        home, resident = known(name)
        now = house.clock.now()
        orders, _ = await orders_of(house.stream, home.id)
        items = [shown(o, now, site=True, home=home, resident=resident) for o in resident.overrides] + [
            shown(o, now, site=False, home=home, resident=resident)
            for o in orders.overrides
            if o.resident in (None, name)
        ]
        # Of several of one limit the one that was set last counts: the others are not in force beside it.
        counting: set[str] = set()
        for item in reversed(items):
            item["active"] = item["active"] and item["limit"] not in counting
            if item["active"]:
                counting.add(item["limit"])
        return {"items": sorted(items, key=lambda o: o["from"], reverse=True)}

    def later(make: Callable[[list[Override]], list[Override]]) -> Callable[[HomeOrders], HomeOrders]:
        return lambda orders: msgspec.structs.replace(orders, overrides=make(orders.overrides)[-KEPT:])

    @router.get(f"{V}/residents/{{resident}}/rules", response_model=shapes.ResidentRules, tags=["residents"])
    async def rules(resident: str, _who: Annotated[Who, Depends(signed_in)]) -> Json:
        """Every limit of this resident with its value now, its bounds, who may change it, and who set it so and why."""
        home, person = known(resident)
        now = house.clock.now()
        orders, _ = await orders_of(house.stream, home.id)
        items = limits().now(house.picture.registry, home, person, orders, now)
        for rule in items:
            for line in rule["parameters"]:
                for step in (line["source"], *line["chain"]):
                    for who in ("by", "approved_by"):
                        if who in step:
                            step[who] = house.name_of(step[who])
        return {"resident": resident, "home": home.id, "at": iso(now), "items": items}

    @router.get(
        f"{V}/residents/{{resident}}/overrides", response_model=shapes.OverrideList, tags=["residents"]
    )
    async def overrides(resident: str, _who: Annotated[Who, Depends(signed_in)]) -> Json:
        """Temporary limits of a resident, the last first: those of the site file and those set here."""
        return await listed(resident)

    @router.post(
        f"{V}/residents/{{resident}}/overrides",
        status_code=201,
        response_model=shapes.OverrideAnswer,
        responses={200: {"model": shapes.OverrideAnswer, "description": "a preview: nothing was set"}},
        tags=["residents"],
    )
    async def begin(
        resident: str, body: shapes.OverrideSet, who: Annotated[Who, Depends(signed_in)], response: Response
    ) -> Json:
        """Set a limit otherwise for a while, within its hard bounds, and with `days` try it first; with `preview` only try
        it. To loosen a life-safety rule takes a second person (`/overrides/approve`), without whom it does not count, and
        lapses in 24 hours.
        """
        home, person = known(resident)
        now = house.clock.now()
        begins, ends = moment("from", body.from_) or now, moment("until", body.until)
        if ends is None or ends <= max(begins, now):
            raise Problem(422, Why.invalid, "until: 结束时间须在开始之后", fields=["until"])
        made = Override(
            limit=body.limit, value=body.value, from_=begins, until=ends, by=who.by, reason=body.reason,
            resident=resident, set_at=now,
        )  # fmt: skip
        verdict = limits().check(house.picture.registry, home, person, made, who.role)
        if verdict.refused:
            raise Problem(
                422,
                Why.invalid,
                verdict.refused.zh,
                fields=["limit", "value", "until"],
                why=verdict.refused.said(),
            )
        if verdict.forbidden:
            raise Problem(403, Why.forbidden, "您的角色不能这样调整这项参数")
        trial, untried = await tried(resident, body, now)
        if body.preview:
            response.status_code = 200
        else:
            orders, _ = await orders_of(house.stream, home.id)
            in_force = (
                line["value"]
                for rule in limits().now(house.picture.registry, home, person, orders, begins)
                for line in rule["parameters"]
                if line["limit"] == body.limit
            )
            made = msgspec.structs.replace(
                made, over=next(in_force, None), replay=remembered(house, resident, body.limit, body.value)
            )
            await change(house.stream, home.id, later(lambda all_: [*all_, made]))
            log.info(
                "override_set",
                home=home.id,
                limit=body.limit,
                by=who.by,
                until=iso(ends),
                second=verdict.second,
            )
        return {
            **await listed(resident),
            "is_set": not body.preview,
            "second": verdict.second,
            "trial": trial,
            "untried": untried,
        }

    async def tried(resident: str, body: shapes.OverrideSet, now: datetime) -> tuple[Json | None, str | None]:
        """What the past says of the wish. A limit that is to be set is set without it too; a preview has nothing else."""
        if body.days is None and not body.preview:
            return None, None
        begins = now - timedelta(days=body.days or USUAL_DAYS)
        try:
            answer = await attempt(
                house, begin=begins, end=now, limits={body.limit: body.value}, resident=resident
            )
        except Problem as problem:
            if body.preview:
                raise
            return None, problem.detail
        return answer, None

    async def touch(
        resident: str, limit: str, what: Callable[[Override, datetime], Override | None], refusal: str
    ) -> Json:
        """Change the temporary limits of this name that have not ended; 409 when there is none."""
        home, _ = known(resident)
        now = house.clock.now()
        found = False

        def make(all_: list[Override]) -> list[Override]:
            nonlocal found
            out, found = [], False
            for o in all_:
                here = o.limit == limit and o.resident in (None, resident) and now < o.until
                changed = what(o, now) if here else None
                found = found or changed is not None
                out.append(changed or o)
            if not found:
                raise Problem(409, Why.refused, refusal)
            return out

        await change(house.stream, home.id, later(make))
        return await listed(resident)

    @router.post(
        f"{V}/residents/{{resident}}/overrides/end", response_model=shapes.OverrideList, tags=["residents"]
    )
    async def end(resident: str, body: shapes.OverrideNamed, who: Annotated[Who, Depends(signed_in)]) -> Json:
        """Withdraw a temporary limit now. What stands in the site file ends there."""

        def ended(o: Override, now: datetime) -> Override:
            until = max(now, o.from_ + timedelta(milliseconds=1))
            return msgspec.structs.replace(o, until=until, ended_by=who.by)

        answer = await touch(resident, body.limit, ended, "没有此项临时限值，或登记在住户档案中")
        log.info("override_ended", resident=resident, limit=body.limit, by=who.by)
        return answer

    @router.post(
        f"{V}/residents/{{resident}}/overrides/approve",
        response_model=shapes.OverrideList,
        tags=["residents"],
    )
    async def approve(
        resident: str, body: shapes.OverrideNamed, who: Annotated[Who, Depends(signed_in)]
    ) -> Json:
        """The second person for what loosens a life-safety rule; never the one who set it."""

        def approved(o: Override, now: datetime) -> Override | None:
            if o.by == who.by or o.approved_by:
                return None
            return msgspec.structs.replace(o, approved_by=who.by, approved_at=now)

        answer = await touch(
            resident, body.limit, approved, "没有等待您复核的临时限值（本人设置的须由他人复核）"
        )
        log.info("override_approved", resident=resident, limit=body.limit, by=who.by)
        return answer

    return router
