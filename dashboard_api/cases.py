"""Routes about cases: lists, one case, its timeline, what a person does to it, one-time links, the live channel."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.responses import HTMLResponse, RedirectResponse, Response
from structlog import get_logger

from alerts import codes, links, texts
from alerts.events import Purpose
from alerts.orders import No, NotAllowed, Order, read_order
from alerts.tried import confirm
from care.errors import Conflict
from care.ids import epoch_ms
from care.stream import PEOPLE
from care.words import Command, Level
from dashboard_api import access, present, redact, shapes
from dashboard_api.asking import moment, signed_in
from dashboard_api.campaigns import confirmed
from dashboard_api.figures import CaseRow
from dashboard_api.house import House
from dashboard_api.live import Key, Listener
from dashboard_api.people import Who
from dashboard_api.picture import Case
from dashboard_api.problems import Problem, Why
from dashboard_api.redact import Json, Viewer

log = get_logger("api")

V = access.V
PAGE = 50
PAGE_LIMIT = 500
READY_SECONDS = 5.0
"""How long a request waits for the log to be read after a start; then 503."""
_CURSOR = re.compile(r"^(\d{1,15})_([A-Za-z0-9_.-]{1,64})$")
_KEY = re.compile(r"^[\x21-\x7e]{1,128}$")


def routes(house: House) -> APIRouter:
    """All of them, on one house."""
    router = APIRouter()

    async def ready() -> None:
        try:
            async with asyncio.timeout(READY_SECONDS):
                await house.caught_up.wait()
                await house.registered.wait()
        except TimeoutError:
            raise Problem(
                503, Why.not_ready, "正在读取告警记录，请稍候", headers={"Retry-After": "1"}
            ) from None

    def viewer_of(who: Who) -> Viewer:
        view = access.view_of(who.role)
        if view is None:
            raise Problem(403, Why.forbidden, "您的角色不能查看告警")
        return house.viewer(who.user, view)

    async def visible(name: str, who: Who) -> tuple[Case, Json]:
        """A case somebody may see. One that is none of theirs does not exist for them."""
        case = await house.find(name)
        seen = house.alert_for(case, viewer_of(who)) if case is not None else None
        if case is None or seen is None:
            raise Problem(404, Why.unknown_alert, "没有这个告警")
        return case, seen

    @router.get(
        f"{V}/alerts",
        dependencies=[Depends(ready)],
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
        viewer = viewer_of(who)
        since_at = moment("since", since)
        after = _read_cursor(cursor)
        wanted = [
            row
            for row in house.picture.rows.values()
            if (state == "all" or row.open == (state == "open"))
            and (level is None or row.level is level)
            and (home is None or row.home == home)
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
        dependencies=[Depends(ready)],
        response_model=shapes.Alert,
        response_model_exclude_unset=True,
        tags=["alerts"],
    )
    async def one_alert(alert: str, who: Annotated[Who, Depends(signed_in)]) -> Json:
        """One case with findings and evidence."""
        case, seen = await visible(alert, who)
        log.info("case_read", by=who.by, role=who.role.value, alert=case.alert.id)
        return seen

    @router.get(
        f"{V}/alerts/{{alert}}/events",
        dependencies=[Depends(ready)],
        response_model=shapes.Timeline,
        response_model_exclude_unset=True,
        tags=["alerts"],
    )
    async def timeline(alert: str, who: Annotated[Who, Depends(signed_in)]) -> Json:
        """The whole timeline of a case, oldest first."""
        case, _ = await visible(alert, who)
        if who.role in access.STAFF:
            own = case.alert.responder(who.user.staff or "")
            if own is None or own.state not in ("accepted", "departed", "arrived"):
                raise Problem(403, Why.forbidden, "接受任务后才能查看经过")
        log.info("timeline_read", by=who.by, role=who.role.value, alert=case.alert.id)
        return {"items": present.events_json(case.log, house.name_of)}

    @router.post(
        f"{V}/alerts/{{alert}}/door",
        dependencies=[Depends(ready)],
        response_model=shapes.DoorCode,
        tags=["alerts"],
    )
    async def door(alert: str, who: Annotated[Who, Depends(signed_in)]) -> Json:
        """The door's code, on demand and logged: inside an open case only, and to whoever is going only."""
        case, _ = await visible(alert, who)
        if who.role in access.STAFF:
            own = case.alert.responder(who.user.staff or "")
            if own is None or own.state not in ("accepted", "departed", "arrived"):
                raise Problem(403, Why.forbidden, "接受任务后才能查看门禁密码")
        if not case.alert.open:
            raise Problem(409, Why.not_open, "案件已结束")
        home = house.picture.registry.homes.get(case.alert.home)
        log.info("door_code_read", by=who.by, role=who.role.value, alert=case.alert.id)
        return {"door_code": home.access.door_code if home is not None else ""}

    @router.post(
        f"{V}/alerts/{{alert}}/{{command}}",
        dependencies=[Depends(ready)],
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
        case, _ = await visible(alert, who)
        given = body.model_dump(exclude_none=True)
        if who.role in access.STAFF:
            if command.value not in access.RESPONDER_COMMANDS:
                raise Problem(403, Why.forbidden, "此操作由监控席完成")
            given.pop("by", None)
            if who.user.staff is None:
                raise Problem(403, Why.forbidden, "此登录未对应工作人员")
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
        case = await ordered(case, lambda: read_order(command.value, actor=who.by, body=given, key=key), who)
        return house.alert_for(case, viewer_of(who)) or redact.gone(house.desk_json(case))

    async def ordered(case: Case, order: Any, who: Who | None, *, by: str = "") -> Case:
        """Carry an order out, or say why not with the case as it stands."""
        made: Order | None = None
        try:
            made = order()
            assert made is not None
            done = await house.carry_out(case, made)
        except NotAllowed as no:
            present_case = house.picture.cases.get(case.alert.id, case)
            viewer = viewer_of(who) if who is not None else Viewer("none")
            seen = house.alert_for(present_case, viewer)
            result = no.reason
            house.metrics.commands.labels(made.command.value if made else "unreadable", result).inc()
            log.info(
                "order_refused",
                command=made.command.value if made else "",
                reason=no.reason,
                by=who.by if who else by,
                alert=case.alert.id,
            )
            more: Json = {"alert": seen} if seen is not None else {}
            if no.fields:
                more["fields"] = list(no.fields)
            raise Problem(no.status, no.reason, no.detail, **more) from None
        house.metrics.commands.labels(made.command.value, "done").inc()
        log.info(
            "order_carried_out",
            command=made.command.value,
            by=made.actor,
            for_whom=made.by,
            alert=case.alert.id,
            number=case.alert.number,
            version=done.alert.version,
        )
        return done

    @router.get(f"{V}/codes", response_model=shapes.Codes, tags=["alerts"])
    def outcome_codes() -> Json:
        """How a case can end, in codes and words."""
        return dict(codes.as_lists())

    # -- one-time links -----------------------------------------------------------------------------------------

    async def read_claim(token: str) -> links.Claim:
        """What a link is for."""
        entry = await house.stream.get(PEOPLE, "link_secret")
        if entry is None or entry.data is None or len(token) > 1000:
            raise Problem(404, Why.not_found, "链接无效")
        try:
            claim: links.Claim = links.read(token, entry.data, house.clock.now())
        except links.BadLink as bad:
            if bad.reason == "link_expired":
                raise Problem(410, Why.link_expired, "链接已过期，请登录处理") from None
            raise Problem(404, Why.not_found, "链接无效") from None
        return claim

    async def claimed(token: str) -> tuple[links.Claim, Case, bool]:
        """What a link is for, the case, and whether it was used."""
        claim = await read_claim(token)
        registry = house.picture.registry
        if claim.purpose is Purpose.with_me:
            # A relative of that home still, and still allowed to know by the elder.
            there = registry.homes.get(claim.home)
            if there is None or claim.person not in {c.id for c in there.contacts}:
                raise Problem(404, Why.not_found, "链接无效")
        elif claim.person not in registry.staff:
            raise Problem(404, Why.not_found, "链接无效")  # somebody who has left
        case = await house.find(claim.alert)
        if case is None:
            case = await house.read_case(claim.home, claim.alert)
        if case is None:
            raise Problem(404, Why.unknown_alert, "没有这个告警")
        used = await house.stream.get(PEOPLE, f"used.{links.mark(token)}") is not None
        return claim, case, used

    def link_page(claim: links.Claim, case: Case, *, done: bool, act: bool = False) -> Json:
        desk = house.desk_json(case)
        page: Json = {
            "number": case.alert.number,
            "level": case.alert.level.value,
            "title": case.alert.title.get("zh", case.alert.code),
            "building": redact.building(desk["place"]),
            "act": claim.purpose.value,
            "state": case.alert.state.value,
            "state_words": texts.state_words(case.alert),
            "done": done
            or not case.alert.open
            # Too late to say that it was the test: it is real.
            or (claim.purpose is Purpose.test and case.alert.level is Level.red),
        }
        if claim.purpose is Purpose.accept:
            # Who was asked to go reads what the message said; the rest comes with the acceptance.
            page["title"] = texts.public_title(case.alert.level, case.alert.pictogram)
        if claim.purpose is Purpose.with_me:
            # A relative reads no more than the message said: nothing that happened, no place (P-05).
            page["title"], page["building"] = "家中有提醒", ""
            page["done"] = page["done"] or any(v.who == claim.person for v in case.alert.vouched)
        if act and claim.purpose is Purpose.accept:
            page["alert"] = redact.for_view(desk, Viewer("responder", claim.person))
        return page

    async def follow_link(token: str, *, with_me: bool = False) -> tuple[links.Claim, Case]:
        """Do what a link is for, once. The mark is set first: of two taps one acts, and a lost answer is repaired by
        the idempotency key of the order.
        """
        claim, case, used = await claimed(token)
        if used:
            raise Problem(409, Why.link_used, "链接已使用")
        word = Command.accept if claim.purpose is Purpose.accept else Command.acknowledge
        if with_me and claim.purpose is Purpose.acknowledge:
            raise Problem(409, Why.refused, "此链接只能用来接警")
        if with_me or claim.purpose is Purpose.with_me:
            word = Command.with_me
        mark = links.mark(token)
        order = Order(command=word, actor=claim.person, key=f"link:{mark}")
        done = await ordered(case, lambda: order, None, by=claim.person)
        try:
            await house.stream.put(PEOPLE, f"used.{mark}", b"1", expect=0)
        except Conflict:
            pass  # the other tap of the same finger
        return claim, done

    async def tested(token: str) -> Case:
        """The tester says that the alarm was the test. Saying so again changes nothing; too late it is a problem."""
        claim, case, _used = await claimed(token)
        return await confirmed(house, case, by=claim.person, tester=claim.person)

    @router.get(
        f"{V}/go/{{token}}",
        dependencies=[Depends(ready)],
        response_model=shapes.LinkPage,
        response_model_exclude_unset=True,
        tags=["links"],
    )
    async def see_link(token: str) -> Json:
        """What a link is for. Changes nothing: programs that preview messages open links too."""
        claim = await read_claim(token)
        if claim.purpose is Purpose.confirm:
            return _confirm_page(done=False)
        claim, case, used = await claimed(token)
        return link_page(claim, case, done=used)

    @router.post(
        f"{V}/go/{{token}}",
        dependencies=[Depends(ready)],
        response_model=shapes.LinkPage,
        response_model_exclude_unset=True,
        responses={409: {"model": shapes.ProblemBody}, 410: {"model": shapes.ProblemBody}},
        tags=["links"],
    )
    async def use_link(token: str, reply: Annotated[Literal["with_me"] | None, Query()] = None) -> Json:
        """Take the case, accept to go, say that the person is with one and fine (of a link to accept: `reply=with_me`),
        that an alarm was one's test, or that a test message was read.
        """
        claim = await read_claim(token)
        if claim.purpose is Purpose.confirm:
            await confirm(house.stream, claim.person, claim.delivery, house.clock.now())
            return _confirm_page(done=True)
        if claim.purpose is Purpose.test:
            return link_page(claim, await tested(token), done=True)
        claim, case = await follow_link(token, with_me=reply is not None)
        return link_page(claim, case, done=True, act=reply is None)

    paper = partial(_page, simulated=house.simulator is not None)

    @router.get("/go/{token}", include_in_schema=False)
    async def link_in_browser(token: str, request: Request, done: str | None = None) -> Response:
        """The page behind a link in a message: a plain form, for any phone."""
        if not house.caught_up.is_set():
            return paper("请稍候", "<p>服务正在启动，请稍后再试。</p>", 503)
        try:
            claim = await read_claim(token)
            if claim.purpose is Purpose.confirm:
                return paper(*_link_form(_confirm_page(done=done is not None), request.url.path))
            claim, case, used = await claimed(token)
        except Problem as problem:
            return paper("链接无效", f"<p>{html.escape(problem.detail)}</p>", problem.status)
        return paper(*_link_form(link_page(claim, case, done=used), request.url.path))

    @router.post("/go/{token}", include_in_schema=False)
    async def link_pressed(
        token: str, request: Request, reply: Annotated[Literal["with_me"] | None, Query()] = None
    ) -> Response:
        """The button of that page."""
        try:
            claim = await read_claim(token)
            if claim.purpose is Purpose.confirm:
                await confirm(house.stream, claim.person, claim.delivery, house.clock.now())
                return RedirectResponse(f"{request.url.path}?done", status_code=303)
            if claim.purpose is Purpose.test:
                await tested(token)
            else:
                await follow_link(token, with_me=reply is not None)
        except Problem as problem:
            if problem.reason != Why.link_used:
                words = _REFUSED.get(problem.reason, problem.detail)
                return paper("未完成", f"<p>{html.escape(words)}</p>", problem.status)
        return RedirectResponse(request.url.path, status_code=303)

    # -- the live channel -----------------------------------------------------------------------------------------

    async def listening(
        who: Annotated[Who, Depends(signed_in)],
        view: Annotated[Literal["desk", "wall", "responder", "family"], Query()] = "desk",
        last_event_id: Annotated[str | None, Header(max_length=100)] = None,
        last: Annotated[
            str | None, Query(max_length=100, description="as Last-Event-ID, for clients that cannot set it")
        ] = None,
    ) -> AsyncIterator[Listener]:
        await ready()
        if who.role not in access.VIEWS[view]:
            raise Problem(403, Why.forbidden, "您的角色不能打开此视图")
        person = ""
        if view in ("responder", "family"):
            viewer = house.viewer(who.user, view)
            if viewer.person is None:
                raise Problem(403, Why.forbidden, "此登录未对应人员")
            person = viewer.person
        listener = house.hub.open(
            Key(view, person),
            who.session,
            last_event_id or last,
            lambda channel: house.snapshot(channel, who),
        )
        log.info("screen_opened", view=view, by=who.by)
        try:
            yield listener
        finally:
            house.hub.leave(listener)
            house.metrics.live_ended.labels(view, listener.ended or "left").inc()
            log.info("screen_left", view=view, by=who.by, why=listener.ended or "left")

    @router.get(
        f"{V}/live",
        response_class=EventSourceResponse,
        responses={
            200: {
                "description": "Server-sent events; each is a LiveEvent (see webhooks.live)",
                "content": {"text/event-stream": {}},
            }
        },
        tags=["live"],
    )
    async def live(listener: Listener = Depends(listening)) -> AsyncIterator[ServerSentEvent]:
        """The live channel: `snapshot`, then numbered events; `hb` every 5 s. Honours Last-Event-ID."""
        async for event in listener.events():
            yield ServerSentEvent(event=event.name, id=event.id, raw_data=event.data)

    return router


_REFUSED = {
    No.already_acknowledged.value: "已由他人接警，谢谢。",
    No.not_allowed.value: "现在不需要此操作，谢谢。",
}
_ACTS = {
    "acknowledge": "接警",
    "accept": "接受，我去",
    "inform": "",
    "confirm": "我收到了",
    "test": "是我在测试",
    "with_me": "人在我这，平安",
}


_DONE = {
    "with_me": "已告诉监控席，谢谢。",
    "confirm": "已确认，谢谢。",
    "test": "测试已记录，或已按真实告警处理。",
}


def _confirm_page(*, done: bool) -> Json:
    return {
        "number": 0,
        "level": "blue",
        "title": "联系方式确认",
        "building": "",
        "act": Purpose.confirm.value,
        "state": None,
        "state_words": "没有发生任何事情，只是确认能联系到您",
        "done": done,
    }


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


_TAPE = (
    "margin:0 0 1em;padding:.3em;text-align:center;font-weight:700;background:#dfe6ec;color:#10151a;border:8px solid;"
    "border-image:repeating-linear-gradient(-45deg,#dfe6ec 0 8px,#10151a 8px 16px) 8"
)
"""The frame of the screens (web/src/tokens.css), for a page that has no style sheet."""


def _page(title: str, body: str, status: int = 200, *, simulated: bool) -> HTMLResponse:
    """A page that any phone can show; where a simulator feeds the service, it says so before anything else."""
    tape = f'<p style="{_TAPE}">模拟环境</p>' if simulated else ""
    return HTMLResponse(
        '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">'
        f"<title>安心 · {html.escape(title)}</title></head><body><main>{tape}<h1>{html.escape(title)}</h1>{body}</main></body></html>",
        status_code=status,
        headers={"Cache-Control": "no-store"},
    )


def _link_form(page: Json, path: str) -> tuple[str, str]:
    """Title and body of a link's page."""
    where = f"<p>{html.escape(page['building'])}</p>" if page["building"] else ""
    state = f"<p>#{page['number']} · {html.escape(page['state_words'])}</p>"
    act = _ACTS[page["act"]]
    if page["done"] or not act:
        button = f"<p>{_DONE.get(page['act'], '已处理，谢谢。')}</p>" if page["done"] else ""
    else:
        path = html.escape(path)
        button = f'<form method="post" action="{path}"><button type="submit">{act}</button></form>'
        if page["act"] == Purpose.accept.value:
            other = _ACTS[Purpose.with_me.value]
            button += f'<form method="post" action="{path}?reply=with_me"><button>{other}</button></form>'
    return page["title"], where + state + button
