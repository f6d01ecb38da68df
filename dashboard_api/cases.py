"""Routes about cases: lists, one case, its timeline, and what a person does to it."""

from __future__ import annotations

import re
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Depends, Header, Query
from structlog import get_logger

from alerts import codes
from alerts.orders import Order, read_order
from care.ids import epoch_ms
from care.words import Command, Level, Role
from dashboard_api import access, redact, shapes
from dashboard_api.asking import moment, signed_in
from dashboard_api.casework import Casework
from dashboard_api.doorcards import Cards
from dashboard_api.figures import CaseRow
from dashboard_api.house import House
from dashboard_api.people import Who
from dashboard_api.problems import Problem, Why
from dashboard_api.redact import Json
from dashboard_api.timeline import events_json

log = get_logger("api")

V = access.V
PAGE = 50
PAGE_LIMIT = 500
_CURSOR = re.compile(r"^(\d{1,15})_([A-Za-z0-9_.-]{1,64})$")
_KEY = re.compile(r"^[\x21-\x7e]{1,128}$")


def routes(house: House, cards: Cards) -> APIRouter:
    """All of them, on one house."""
    router = APIRouter()
    casework = Casework(house)

    @router.get(
        f"{V}/alerts",
        dependencies=[Depends(casework.ready)],
        response_model=shapes.AlertPage,
        response_model_exclude_unset=True,
        tags=["alerts"],
    )
    async def list_alerts(
        who: Annotated[Who, Depends(signed_in)],
        state: Literal["open", "closed", "all"] = "all",
        level: Level | None = None,
        home: Annotated[str | None, Query(max_length=64)] = None,
        code: Annotated[str | None, Query(max_length=64)] = None,
        since: Annotated[str | None, Query(max_length=40, description="raised at or after; RFC 3339")] = None,
        limit: Annotated[
            int, Query(ge=1, le=1_000_000, description=f"at most {PAGE_LIMIT} are given")
        ] = PAGE,
        cursor: Annotated[str | None, Query(max_length=100)] = None,
    ) -> Json:
        """Cases, newest first. Those closed more than two months ago are reached by their id only."""
        viewer = casework.viewer_of(who)
        since_at = moment("since", since)
        after = _read_cursor(cursor)
        wanted = [
            row
            for row in house.picture.rows.values()
            if (state == "all" or row.open == (state == "open"))
            and (level is None or row.level is level)
            and (home is None or home in row.homes)
            and (code is None or row.code == code)
            and (since_at is None or row.raised_at >= since_at)
            and (viewer.view == "desk" or row.id in house.picture.cases)
            and (after is None or _order(row) > after)
        ]
        wanted.sort(key=_order)
        items: list[Json] = []
        last: CaseRow | None = None
        for row in wanted:
            if len(items) >= min(limit, PAGE_LIMIT):
                break
            last = row
            case = await house.find(row.id)
            seen = house.alert_for(case, viewer) if case is not None else None
            if seen is not None:
                items.append(seen)
        more = last is not None and wanted[-1] is not last
        log.info("cases_listed", by=who.by, role=who.role.value, count=len(items))
        return {"items": items, "next": _cursor(last) if more and last is not None else None}

    @router.get(
        f"{V}/alerts/{{alert}}",
        dependencies=[Depends(casework.ready)],
        response_model=shapes.Alert,
        response_model_exclude_unset=True,
        tags=["alerts"],
    )
    async def one_alert(alert: str, who: Annotated[Who, Depends(signed_in)]) -> Json:
        """One case with findings and evidence."""
        case, seen = await casework.visible(alert, who)
        log.info("case_read", by=who.by, role=who.role.value, alert=case.alert.id)
        return seen

    @router.get(
        f"{V}/alerts/{{alert}}/events",
        dependencies=[Depends(casework.ready)],
        response_model=shapes.Timeline,
        response_model_exclude_unset=True,
        tags=["alerts"],
    )
    async def timeline(alert: str, who: Annotated[Who, Depends(signed_in)]) -> Json:
        """The whole timeline of a case, oldest first."""
        case, _ = await casework.visible(alert, who)
        if who.role in access.STAFF:
            own = case.alert.responder(who.user.staff or "")
            if own is None or own.state not in ("accepted", "departed", "arrived"):
                raise Problem(403, Why.forbidden, "接受任务后才能查看经过")
        log.info("timeline_read", by=who.by, role=who.role.value, alert=case.alert.id)
        registry = house.picture.registry

        def called(one: str) -> str:
            """A home of an area by its address, where it may be read; people by their names."""
            home = registry.homes.get(one)
            return home.address if home is not None and home.address else house.name_of(one)

        record = who.role is Role.auditor
        items = events_json(case.log, house.name_of if record else called, registry.zone)
        return {"items": [redact.recorded(i) for i in items] if record else items}

    @router.post(
        f"{V}/alerts/{{alert}}/door",
        dependencies=[Depends(casework.ready)],
        response_model=shapes.DoorCode,
        tags=["alerts"],
    )
    async def door(
        alert: str,
        who: Annotated[Who, Depends(signed_in)],
        home: Annotated[str | None, Query(max_length=64)] = None,
    ) -> Json:
        """The door's code, on demand and logged: inside an open case only, and to whoever is going only.

        Of a case of many homes `home` says which of them; without it, the home of the case.
        """
        case, _ = await casework.visible(alert, who)
        if who.role in access.STAFF:
            own = case.alert.responder(who.user.staff or "")
            if own is None or own.state not in ("accepted", "departed", "arrived"):
                raise Problem(403, Why.forbidden, "接受任务后才能看门禁密码")
        if not case.alert.open:
            raise Problem(409, Why.not_open, "这条告警已结案")
        which = home or case.alert.home
        if which not in case.alert.homes:
            raise Problem(404, Why.unknown_home, "这条告警里没有这一户", fields=["home"])
        there = house.picture.registry.homes.get(which)
        log.info("door_code_read", by=who.by, role=who.role.value, alert=case.alert.id, home=which)
        return {"door_code": there.access.door_code if there is not None else ""}

    @router.post(
        f"{V}/alerts/{{alert}}/{{command}}",
        dependencies=[Depends(casework.ready)],
        response_model=shapes.Alert,
        response_model_exclude_unset=True,
        responses={
            409: {
                "model": shapes.ProblemBody,
                "description": "somebody was faster, or not now; `alert` is the present one",
            },
            422: {
                "model": shapes.ProblemBody,
                "description": "something is missing or unknown; `fields` names it",
            },
        },
        tags=["alerts"],
    )
    async def act(
        alert: str,
        command: Command,
        body: shapes.CommandBody,
        who: Annotated[Who, Depends(signed_in)],
        idempotency_key: Annotated[
            str | None,
            Header(
                max_length=128,
                description="names this order: sent again it is done once; with another content it is refused "
                "(422 `key_reused`) and what it did first stands",
            ),
        ] = None,
    ) -> Json:
        """A person does something about a case."""
        case, _ = await casework.visible(alert, who)
        given = body.model_dump(exclude_none=True)
        if who.role in access.STAFF:
            if command.value not in access.RESPONDER_COMMANDS:
                raise Problem(403, Why.forbidden, "这一步由值班席来做，请打电话给值班席")
            given.pop("by", None)
            if who.user.staff is None:
                raise Problem(403, Why.forbidden, "这个账号没有对应到工作人员，请联系管理员")
        staff = house.picture.registry.staff
        home = house.picture.registry.homes.get(case.alert.home)
        # The desk may write down what a relative says on the phone.
        relatives = (
            {c.id for c in home.contacts} if home is not None and command is Command.with_me else set()
        )
        unknown = [n for n in ("by",) if n in given and given[n] not in staff and given[n] not in relatives]
        unknown += ["to"] if command is Command.hand_over and given.get("to") not in staff else []
        unknown += ["responders"] if any(r not in staff for r in given.get("responders", [])) else []
        if unknown:
            raise Problem(422, Why.unknown_responder, "没有这个人员", fields=unknown)
        if idempotency_key is not None and not _KEY.match(idempotency_key):
            raise Problem(422, Why.invalid, "Idempotency-Key", fields=["idempotency-key"])
        # With the command: a sender that gives two commands one key must not be told that both were carried out.
        key = f"{who.by}:{command.value}:{idempotency_key}" if idempotency_key else None
        proved = command is Command.arrive and body.code is not None
        if proved:
            await cards.check(case.alert, body.code or "", who)

        def order() -> Order:
            made = read_order(command.value, actor=who.by, body=given, key=key)
            return msgspec.structs.replace(made, card=True) if proved else made

        case = await casework.carry_out(case, order, who)
        return house.alert_for(case, casework.viewer_of(who)) or redact.gone(house.desk_json(case))

    @router.get(f"{V}/codes", response_model=shapes.Codes, tags=["alerts"])
    def outcome_codes() -> Json:
        """How a case can end, in codes and words."""
        return dict(codes.as_lists())

    return router


def _order(row: CaseRow) -> tuple[int, str]:
    return (-epoch_ms(row.raised_at), row.id)


def _cursor(row: CaseRow) -> str:
    return f"{epoch_ms(row.raised_at)}_{row.id}"


def _read_cursor(cursor: str | None) -> tuple[int, str] | None:
    if cursor is None:
        return None
    match = _CURSOR.match(cursor)
    if match is None:
        raise Problem(422, Why.bad_cursor, "not a cursor of ours", fields=["cursor"])
    return (-int(match[1]), match[2])
