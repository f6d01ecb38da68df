"""Routes by which a responder asks to be away or to swap, from the phone, and the desk confirms or declines.

A request changes nothing by itself. Confirmed it is a change of the rota like any other, with the same question about what
would be empty; whoever it concerns is told (`alerts.rotanews`), and `told` says what became of that.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends
from structlog import get_logger

from alerts import rota, rotaasks
from alerts.roster import RESPONDER_ROLES, roster_of
from alerts.rotaasks import RotaAsk
from alerts.watch import AHEAD
from care.ids import iso
from care.words import Role
from dashboard_api import access, redact, shapes
from dashboard_api.asking import signed_in
from dashboard_api.house import House
from dashboard_api.people import Who
from dashboard_api.problems import Problem, Why
from dashboard_api.redact import Json
from dashboard_api.rota import ask_first, keep, moment, told_json

log = get_logger("api")

V = access.V
SHOWN_AFTER = timedelta(days=14)
"""How long a settled request is listed."""
NO_SUCH = Problem(404, Why.not_found, "没有这项申请")


def routes(house: House) -> APIRouter:
    """All of them, on one house."""
    router = APIRouter()

    def own(who: Who) -> str:
        person = who.user.staff
        if person is None or person not in house.picture.registry.staff:
            raise Problem(403, Why.no_person, "这个账号没有对应到工作人员，请联系管理员")
        return person

    def shown(ask: RotaAsk) -> Json:
        name = house.name_of
        return {
            "id": ask.id, "staff": ask.staff, "name": name(ask.staff), "from": iso(ask.from_), "until": iso(ask.until),
            "cover": ask.cover, "cover_name": name(ask.cover) if ask.cover else None,
            "back_from": iso(ask.back_from) if ask.back_from else None,
            "back_until": iso(ask.back_until) if ask.back_until else None,
            "reason": ask.reason, "at": iso(ask.at), "state": ask.state,
            "decided_by": name(ask.decided_by) if ask.decided_by else None,
            "decided_at": iso(ask.decided_at) if ask.decided_at else None,
            "note": ask.note, "told": told_json(house, ask.id) + (told_json(house, ask.change) if ask.change else []),
        }  # fmt: skip

    def shifts(person: str, now: datetime) -> list[Json]:
        roster = roster_of(house.picture.registry)
        found = (
            roster.stretches(person, now - timedelta(days=1), now + AHEAD)
            if roster.has_shifts(person)
            else []
        )
        return [{"from": iso(s.start), "to": iso(s.end)} for s in found if s.covers is None and s.end > now]  # fmt: skip

    def listed(who: Who, now: datetime) -> Json:
        """Whoever goes there sees their own; the desk sees all."""
        mine = who.user.staff if who.role in access.STAFF else None
        items = [
            a
            for a in house.rota_asks.values()
            if mine in (None, a.staff)
            and ((a.state == "open" and a.until > now) or now - (a.decided_at or a.at) <= SHOWN_AFTER)
        ]
        items.sort(key=lambda a: (a.state != "open", a.from_, a.id))
        roster = roster_of(house.picture.registry)
        colleagues = [
            {"id": s.id, "name": s.name, "shifts": shifts(s.id, now)}
            for s in (roster.of_role(RESPONDER_ROLES) if mine is not None else [])
            if s.id != mine
        ]
        return {
            "at": iso(now),
            "items": [shown(a) for a in items],
            "shifts": shifts(mine, now) if mine is not None else [],
            "colleagues": colleagues,
        }

    def known(name: str) -> RotaAsk:
        ask = house.rota_asks.get(name)
        if ask is None:
            raise NO_SUCH
        return ask

    def settled(ask: RotaAsk | None) -> RotaAsk:
        if ask is None:
            raise NO_SUCH
        house.rota_asks = {**house.rota_asks, ask.id: ask}
        return ask

    @router.get(f"{V}/duty/asks", response_model=shapes.RotaAsks, tags=["duty"])
    def asked(who: Annotated[Who, Depends(signed_in)]) -> Json:
        """Requests to be away or to swap: one's own with one's shifts, and all of them for the desk."""
        if who.role in access.STAFF:
            own(who)
        found = listed(who, house.clock.now())
        return redact.without(found, "phone", "reason", "note") if who.role is Role.auditor else found

    @router.post(f"{V}/duty/asks", status_code=201, response_model=shapes.RotaAsks, tags=["duty"])
    async def ask(body: shapes.RotaAskSaid, who: Annotated[Who, Depends(signed_in)]) -> Json:
        """Ask to be away, with whoever might stand in, or to swap with them. Nothing changes before the desk confirms."""
        now = house.clock.now()
        person = own(who)
        if (body.back_from is None) != (body.back_until is None) or (body.back_from and not body.cover):
            raise Problem(422, Why.invalid, "换班要写明与谁换、换哪一班", fields=["cover", "back_from", "back_until"])  # fmt: skip
        waiting = [
            a for a in house.rota_asks.values() if a.staff == person and a.state == "open" and a.until > now
        ]
        if len(waiting) >= rotaasks.OPEN_AT_MOST:
            raise Problem(409, Why.refused, "待确认的申请太多，请先等值班席处理")
        from_, until = moment(house, "from", body.from_, now), moment(house, "until", body.until, now)
        back = [
            moment(house, field, value, now) if value is not None else None
            for field, value in (("back_from", body.back_from), ("back_until", body.back_until))
        ]

        def make(earlier: int) -> RotaAsk:
            return rotaasks.ask_of(
                person, from_=from_, until=until, cover=body.cover, back_from=back[0], back_until=back[1],
                reason=body.reason, now=now, earlier=earlier,
            )  # fmt: skip

        change = rota.change_of(make(0).away, [], reason=body.reason, by=who.by, now=now)
        said = rota.refusal(house.picture.registry, change, now)
        if said:
            raise Problem(422, Why.invalid, said, fields=["from", "until", "cover"])
        made = settled(await rotaasks.remember(house.stream, make))
        log.info("rota_asked", ask=made.id, by=who.by, cover=made.cover)
        return listed(who, now)

    @router.post(f"{V}/duty/asks/{{ask}}/withdraw", response_model=shapes.RotaAsks, tags=["duty"])
    async def take_back(ask: str, who: Annotated[Who, Depends(signed_in)]) -> Json:
        """Whoever asked takes it back while it waits."""
        now = house.clock.now()
        if known(ask).staff != own(who):
            raise NO_SUCH
        done = settled(await rotaasks.settle(house.stream, ask, "withdrawn", by=who.by, now=now))
        if done.state != "withdrawn":
            raise Problem(409, Why.refused, "值班席已处理，请打电话")
        log.info("rota_ask_withdrawn", ask=ask, by=who.by)
        return listed(who, now)

    @router.post(f"{V}/duty/asks/{{ask}}/confirm", response_model=shapes.RotaAsks, tags=["duty"])
    async def confirm(
        ask: str, body: shapes.RotaAskConfirmed, who: Annotated[Who, Depends(signed_in)]
    ) -> Json:
        """Make the change that was asked for. 409 `opens_hole` with what would be empty or done twice, until it is confirmed."""
        now = house.clock.now()
        wanted = known(ask)
        if wanted.state != "open" or wanted.until <= now:
            raise Problem(409, Why.refused, "这项申请已处理或已过期")
        away = wanted.away
        change = rota.change_of(away, [], reason=wanted.reason, by=who.by, now=now)
        said = rota.refusal(house.picture.registry, change, now)
        if said:
            raise Problem(409, Why.refused, said)
        if not body.confirm:
            ask_first(house, house.picture.registry.with_rota([*house.rota.values(), change]), change, now)
        # First the change, then the request: after a crash between them it is confirmed once more, and the change is the same.
        made = await rota.remember(house.stream, away, [], reason=wanted.reason, by=who.by, now=now)
        keep(house, made)
        settled(await rotaasks.settle(house.stream, ask, "confirmed", by=who.by, now=now, change=made.id))
        log.info("rota_ask_confirmed", ask=ask, change=made.id, by=who.by, confirmed=body.confirm)
        return listed(who, now)

    @router.post(f"{V}/duty/asks/{{ask}}/decline", response_model=shapes.RotaAsks, tags=["duty"])
    async def decline(
        ask: str, body: shapes.RotaAskDeclined, who: Annotated[Who, Depends(signed_in)]
    ) -> Json:
        """It stays as planned; whoever asked is told so."""
        now = house.clock.now()
        known(ask)
        done = settled(
            await rotaasks.settle(house.stream, ask, "declined", by=who.by, now=now, note=body.note)
        )
        if done.state != "declined":
            raise Problem(409, Why.refused, "这项申请已处理")
        log.info("rota_ask_declined", ask=ask, by=who.by)
        return listed(who, now)

    return router
