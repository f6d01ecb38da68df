"""One-time links of messages: what a link is for, and doing it, for programs and for any phone's browser."""

from __future__ import annotations

import html
from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from alerts import links, texts
from alerts.events import Purpose
from alerts.orders import No, Order
from alerts.tried import confirm
from care.errors import Conflict
from care.stream import PEOPLE
from care.words import Command, Level
from dashboard_api import access, redact, shapes
from dashboard_api.campaigns import confirmed
from dashboard_api.casework import Casework
from dashboard_api.house import House
from dashboard_api.picture import Case
from dashboard_api.problems import Problem, Why
from dashboard_api.redact import Json, Viewer

V = access.V
Reply = Literal["with_me", "decline"]
"""What somebody who is asked to go may answer instead of accepting."""


def routes(house: House) -> APIRouter:
    """All of them, on one house."""
    router = APIRouter()
    casework = Casework(house)

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
        if claim.purpose is Purpose.accept and not desk["at_centre"]:
            # Who was asked to go reads what the message said; the rest comes with the acceptance.
            page["title"] = texts.public_title(case.alert.level, case.alert.pictogram)
        if claim.purpose is Purpose.accept:
            page["mine"] = next((r.state for r in case.alert.responders if r.id == claim.person), None)
        if claim.purpose is Purpose.with_me:
            # A relative reads no more than the message said: nothing that happened, no place (P-05).
            page["title"], page["building"] = "家中有提醒", ""
            page["done"] = page["done"] or any(v.who == claim.person for v in case.alert.vouched)
        if desk.get("simulated"):
            page["title"] = f"【模拟】{page['title']}"
        if act and claim.purpose is Purpose.accept:
            page["alert"] = redact.for_view(desk, Viewer("responder", claim.person))
        return page

    async def follow_link(token: str, reply: Reply | None = None) -> tuple[links.Claim, Case]:
        """Do what a link is for, once. The mark is set first: of two taps one acts, and a lost answer is repaired by
        the idempotency key of the order.
        """
        claim, case, used = await claimed(token)
        if used:
            raise Problem(409, Why.link_used, "链接已经用过了")
        word = Command.accept if claim.purpose is Purpose.accept else Command.acknowledge
        if reply == "decline" and claim.purpose is not Purpose.accept:
            raise Problem(409, Why.refused, "这个链接不能用来回复去不了")
        if reply and claim.purpose is Purpose.acknowledge:
            raise Problem(409, Why.refused, "这个链接只能用来接警")
        if reply == "with_me" or claim.purpose is Purpose.with_me:
            word = Command.with_me
        elif reply == "decline":
            word = Command.decline
        mark = links.mark(token)
        order = Order(command=word, actor=claim.person, key=f"link:{mark}")
        done = await casework.carry_out(case, lambda: order, None, by=claim.person)
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
        dependencies=[Depends(casework.ready)],
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
        dependencies=[Depends(casework.ready)],
        response_model=shapes.LinkPage,
        response_model_exclude_unset=True,
        responses={409: {"model": shapes.ProblemBody}, 410: {"model": shapes.ProblemBody}},
        tags=["links"],
    )
    async def use_link(token: str, reply: Annotated[Reply | None, Query()] = None) -> Json:
        """Take the case, accept to go, say that the person is with one and fine or that one cannot go (of a link to
        accept: `reply=with_me`, `reply=decline`), that an alarm was one's test, or that a test message was read.
        """
        claim = await read_claim(token)
        if claim.purpose is Purpose.confirm:
            await confirm(house.stream, claim.person, claim.delivery, house.clock.now())
            return _confirm_page(done=True)
        if claim.purpose is Purpose.test:
            return link_page(claim, await tested(token), done=True)
        claim, case = await follow_link(token, reply)
        return link_page(claim, case, done=True, act=reply is None)

    paper = partial(_page, simulated=house.simulator is not None)

    @router.get("/go/{token}", include_in_schema=False)
    async def link_in_browser(token: str, request: Request, done: str | None = None) -> Response:
        """The page behind a link in a message: a plain form, for any phone."""
        if not house.caught_up.is_set():
            return paper("请稍候", f'<p style="{_DIM}">服务正在启动，请稍后再试。</p>', 503)
        try:
            claim = await read_claim(token)
            if claim.purpose is Purpose.confirm:
                return paper(*_link_form(_confirm_page(done=done is not None), request.url.path))
            claim, case, used = await claimed(token)
        except Problem as problem:
            return paper(*_bad_link(problem), problem.status)
        desk = house.picture.registry.site.community.phone
        return paper(*_link_form(link_page(claim, case, done=used), request.url.path, desk=desk))

    @router.post("/go/{token}", include_in_schema=False)
    async def link_pressed(
        token: str, request: Request, reply: Annotated[Reply | None, Query()] = None
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
                await follow_link(token, reply)
        except Problem as problem:
            if problem.reason != Why.link_used:
                words = _REFUSED.get(problem.reason, problem.detail)
                if problem.status in (404, 410):
                    return paper(*_bad_link(problem), problem.status)
                return paper(
                    "没有完成", f'<p style="{_DIM}">{html.escape(words)}</p>{_SIGN_IN}', problem.status
                )
        return RedirectResponse(request.url.path, status_code=303)

    return router


_REFUSED = {
    No.already_acknowledged.value: "已有人接警，谢谢。",
    No.not_allowed.value: "现在不需要此操作，谢谢。",
}
_ACTS = {
    "acknowledge": "接警",
    "accept": "接受，我去",
    "inform": "",
    "confirm": "我收到了",
    "test": "是我在测试",
    "with_me": "人在我这，平安",
    "decline": "去不了",
}


_DONE = {
    "with_me": "已告诉值班席，谢谢。",
    "confirm": "已确认，谢谢。",
    "test": "测试已记录，或已按真实告警处理。",
}


_GOING = ("accepted", "departed", "arrived")


def _after(page: Json, desk: str) -> str:
    """What stands there once somebody who was asked to go has answered: what comes next, truly, also after a reload.

    Room, person and key stay behind the sign-in: a message is read by whoever holds the phone, and forwarded.
    """
    ring = (
        f'<p style="{_FORM}"><a href="tel:{html.escape(desk)}" style="{_TEL}">值班席 {html.escape(desk)}</a></p>'
        if desk
        else ""
    )
    mine, over = page.get("mine"), page["state"] == "closed"
    if over:
        return f'<p role="status" style="{_WHERE}">已结束，不用再去了，谢谢。</p>'
    if mine in _GOING:
        next_ = "已记下您到场。" if mine == "arrived" else "已接受，请出发。"
        more = "门牌、钥匙和老人的情况登录后能看到，到场也在那里报。登录不了，请打值班席。"
        return f'<p role="status" style="{_WHERE}">{next_}</p><p style="{_DIM}">{more}</p>{_GO}{ring}'
    if mine == "declined":
        return f'<p role="status" style="{_WHERE}">已告诉值班席您去不了。</p><p style="{_DIM}">又能去了，请打值班席。</p>{ring}'
    return f'<p role="status" style="{_WHERE}">已告诉值班席，谢谢。</p>{ring}'


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


_TAPE = (
    "margin:0 0 1em;padding:.3em;text-align:center;font-weight:700;background:#dfe6ec;color:#10151a;border:8px solid;"
    "border-image:repeating-linear-gradient(-45deg,#dfe6ec 0 8px,#10151a 8px 16px) 8"
)
"""The frame of the screens (web/src/tokens.css), for a page that has no style sheet."""


_BODY = (
    "margin:0;min-height:100vh;background:#0d1116;color:#eef2f5;font:17px/1.5 'Noto Sans SC','PingFang SC','HarmonyOS Sans SC',"
    "'Microsoft YaHei',sans-serif"
)
_MAIN = "max-width:30rem;margin:0 auto;padding:24px 16px"
_MARK = "margin:0 0 40px;color:#b3bfca;font-weight:600"
_TITLE = "margin:0 0 12px;font-size:30px;line-height:1.3;text-wrap:balance"
_FORM = "margin:16px 0 0"
_BUTTON = (
    "display:block;width:100%;min-height:64px;border:1px solid #f7f9fa;border-radius:6px;background:#f7f9fa;color:#10151a;"
    "font-size:22px;font-weight:700;line-height:1.3;font-family:inherit;cursor:pointer"
)
_OTHER = _BUTTON.replace("background:#f7f9fa;color:#10151a", "background:#222c37;color:#eef2f5").replace(
    "1px solid #f7f9fa", "1px solid #6b7a88"
)
_WHERE = "margin:0 0 4px;font-size:22px;font-weight:600"
_DIM = "margin:0 0 16px;color:#b3bfca"
_SIGN_IN = (
    '<p style="margin:32px 0 0"><a href="/" style="display:flex;align-items:center;justify-content:center;min-height:52px;'
    'border:1px solid #6b7a88;border-radius:6px;color:#eef2f5;text-decoration:none;font-weight:600">登录安心</a></p>'
)
_GO = (
    _SIGN_IN.replace('href="/"', 'href="/go"')
    .replace("登录安心", "登录看门牌和路线")
    .replace("margin:32px", "margin:16px")
)
_TEL = (
    "display:flex;align-items:center;justify-content:center;min-height:52px;border:1px solid #6b7a88;border-radius:6px;"
    "color:#eef2f5;text-decoration:none;font-weight:600"
)
"""The look of the phones (web/src/tokens.css) in attributes: the page's policy lets nothing else in, and a message's link
must open on any phone, without a script."""


def _page(title: str, body: str, status: int = 200, *, simulated: bool) -> HTMLResponse:
    """A page that any phone can show; where a simulator feeds the service, it says so before anything else."""
    tape = f'<p style="{_TAPE}">模拟环境</p>' if simulated else ""
    return HTMLResponse(
        '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">'
        '<meta name="theme-color" content="#0d1116">'
        f'<title>安心 · {html.escape(title)}</title></head><body style="{_BODY}"><main style="{_MAIN}">{tape}'
        f'<p style="{_MARK}">安心</p><h1 style="{_TITLE}">{html.escape(title)}</h1>{body}</main></body></html>',
        status_code=status,
        headers={"Cache-Control": "no-store"},
    )


def _bad_link(problem: Problem) -> tuple[str, str]:
    """What to do with a link that does nothing any more; the way in by one's own sign-in stays."""
    if problem.reason == Why.link_expired:
        title, words = (
            "链接已过期",
            "这条消息里的链接时间太久，不能再用。事情可能已经有人处理，登录后能看到。",
        )
    elif problem.reason == Why.unknown_alert:
        title, words = "没有这个告警", "它已经不在记录里了。"
    else:
        title, words = "链接无效", "请从消息里直接点开，或登录后处理。"
    return title, f'<p style="{_DIM}">{words}</p>{_SIGN_IN}'


def _link_form(page: Json, path: str, *, desk: str = "") -> tuple[str, str]:
    """Title and body of a link's page."""
    where = f'<p style="{_WHERE}">{html.escape(page["building"])}</p>' if page["building"] else ""
    number = f"{page['number']} 号 · " if page["number"] else ""
    state = f'<p style="{_DIM}">{number}{html.escape(page["state_words"])}</p>'
    act = _ACTS[page["act"]]
    if page["done"] or not act:
        done = _DONE.get(page["act"], "已处理，谢谢。")
        button = f'<p role="status" style="{_WHERE}">{done}</p>' if page["done"] else ""
        if page["done"] and page["act"] == Purpose.accept.value:
            button = _after(page, desk)
    else:
        path = html.escape(path)
        button = f'<form method="post" action="{path}" style="{_FORM}"><button type="submit" style="{_BUTTON}">{act}</button></form>'
        if page["act"] == Purpose.accept.value:
            for reply in ("with_me", "decline"):
                button += f'<form method="post" action="{path}?reply={reply}" style="{_FORM}"><button style="{_OTHER}">{_ACTS[reply]}</button></form>'
    return page["title"], where + state + button
