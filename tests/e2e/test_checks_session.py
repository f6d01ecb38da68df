"""A session that ends under an open page: nothing typed is lost, nothing of the page is in sight, and it goes on as it was."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec
import pytest
from playwright.sync_api import expect

from tests.e2e.axe import axe
from tests.e2e.conftest import ROOM_PASSWORD, Sit, comes_to, live, picture
from tests.e2e.room import Room

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.own_room]

WRITTEN = "在楼下等了三分钟，邻居说上午见过她"


def signs_in(page: Page, user: str | None = None, password: str = ROOM_PASSWORD) -> None:
    dialog = page.get_by_role("dialog", name="登录已过期")
    if user is not None:
        dialog.get_by_label("用户名").fill(user)
    dialog.get_by_label("密码").fill(password)
    dialog.get_by_role("button", name="登录").click()


def covers(page: Page) -> bool:
    """Whether the backdrop of the sign-in has the page's own, opaque colour."""
    behind = page.evaluate(
        "getComputedStyle(document.querySelector('dialog[aria-labelledby=\"ended\"]'), '::backdrop').backgroundColor"
    )
    return bool(behind == page.evaluate("getComputedStyle(document.documentElement).backgroundColor"))


def test_a_session_that_ends_while_somebody_writes_loses_no_word(room: Room, sit: Sit) -> None:
    """WCAG 2.2.1: the sign-in stands over the page, the wrong password is told, and afterwards the words can be sent."""
    alert = room.raised("smoke", "h0317")
    room.command(alert, "acknowledge", actor="s01")
    page = sit(f"/desk?case={alert}", width=1920)
    page.get_by_role("button", name="放回待接").first.click()
    page.locator("#release-reason").fill(WRITTEN)
    submit = page.get_by_role("button", name="放回待接").last
    page.context.clear_cookies()
    submit.dispatch_event(
        "click"
    )  # a beat of the screen may have noticed first: then the dialog lies over the key
    dialog = page.get_by_role("dialog", name="登录已过期")
    expect(dialog.get_by_label("密码")).to_be_focused()
    expect(dialog.get_by_label("用户名")).to_have_value("operator")
    assert covers(page), "opaque"
    assert axe(page) == []
    page.keyboard.press("Escape")
    expect(dialog).to_be_visible()
    signs_in(page, password="falsch")
    expect(dialog.get_by_role("status")).to_contain_text("不对")
    signs_in(page)
    expect(dialog).to_have_count(0)
    live(page)
    expect(page.locator("#release-reason")).to_have_value(WRITTEN)
    page.get_by_role("button", name="放回待接").last.click()
    comes_to(lambda: room.house.picture.cases[alert].alert.owner, None, "the case given back")


@pytest.mark.parametrize("width", [1366, 1920, 3840])
def test_a_wall_says_a_day_ahead_that_its_sign_in_ends(room: Room, sit: Sit, width: int) -> None:
    """Nobody touches it: else it would ask for a password at some hour of the night. Long before, and at a desk, no word of it."""
    people = room.house.people
    for hours, said in ((25, False), (20, True)):
        wall = sit("/wall", width=width, height=width * 9 // 16)
        until = room.clock.now() + timedelta(hours=hours)
        for digest, session in list(people._sessions.items()):
            people._sessions[digest] = msgspec.structs.replace(session, expires_at=until)
        wall.reload()
        live(wall)
        words = wall.locator("header").get_by_text(re.compile(r"^登录 .+ 到期"))
        expect(words).to_have_count(1 if said else 0)
    assert axe(wall) == []
    cut = "() => { const header = document.querySelector('header'); return header.scrollWidth > header.clientWidth + 1 }"
    assert not wall.evaluate(cut), "the header with everything in it"
    picture(wall, f"wall-sign-in-{width}")
    assert people.until("nobody") is None
    desk = sit("/desk")
    for digest, session in list(people._sessions.items()):
        people._sessions[digest] = msgspec.structs.replace(session, expires_at=until)
    desk.reload()
    live(desk)
    expect(desk.locator("header")).not_to_contain_text("到期")


def test_somebody_else_who_signs_in_gets_a_page_of_their_own(room: Room, sit: Sit) -> None:
    """A desk is left open, its session ends, a responder signs in: nothing of the desk is shown to them, and they are told before."""
    page = sit("/residents")
    page.context.clear_cookies()
    page.reload(wait_until="commit")
    page.get_by_label("密码").wait_for()  # opened anew without a session: the page of its own
    page = sit("/devices")
    page.context.clear_cookies()
    page.get_by_role("link", name="日常", exact=True).dispatch_event("click")  # as above
    dialog = page.get_by_role("dialog", name="登录已过期")
    dialog.get_by_label("用户名").fill("responder")
    expect(dialog.get_by_role("status")).to_contain_text("换人登录")
    signs_in(page, "responder")
    page.wait_for_url("**/go")
    expect(page.get_by_role("heading", name="设备")).to_have_count(0)


@pytest.mark.parametrize(
    ("user", "path"), [("responder", "/go"), ("family", "/family"), ("operator", "/wall")]
)
def test_every_page_that_stays_open_asks_in_place(room: Room, sit: Sit, user: str, path: str) -> None:
    """A phone and the wall notice by themselves that the session has ended, and go on after the sign-in without a reload."""
    page = sit(path, user=user)
    page.evaluate("window.stays = true")
    page.context.clear_cookies()
    room.stop()  # the line is cut; whoever comes back is not signed in
    room.start()
    expect(page.get_by_role("dialog", name="登录已过期")).to_be_visible()
    signs_in(page)
    expect(page.get_by_role("dialog", name="登录已过期")).to_have_count(0)
    live(page)
    assert page.evaluate("window.stays")


def test_the_sign_in_that_does_not_come_is_asked_for_again(room: Room, sit: Sit) -> None:
    """What ends the session may cut the line as well: the sign-in comes with its looks as soon as it can be had, and nothing else is offered meanwhile."""
    page = sit("/go", user="responder", width=390, height=844, service_workers="block")
    page.evaluate("window.stays = true")
    page.context.route("**/assets/SignInAgain*", lambda route: route.abort())
    page.context.clear_cookies()
    room.stop()
    room.start()
    for _ in range(2):
        page.wait_for_event("requestfailed", lambda request: "SignInAgain" in request.url)
    expect(page.locator(".unloaded")).to_have_count(0)
    page.context.unroute("**/assets/SignInAgain*")
    dialog = page.get_by_role("dialog", name="登录已过期")
    expect(dialog).to_be_visible()
    assert covers(page), "opaque"
    signs_in(page)
    live(page)
    assert page.evaluate("window.stays")


def test_a_page_that_is_not_for_this_account_says_so(room: Room, sit: Sit) -> None:
    """A responder who follows a link to the desk is told, and led home by a link; what somebody else left in the sign-in leads home at once."""
    page = sit("/go", user="responder", width=390, height=844)
    page.goto(f"{room.url}/residents/r0317")
    expect(page.get_by_role("heading", name="您的账号不能打开这个页面")).to_be_visible()
    assert axe(page) == []
    page.get_by_role("link", name="去我的页面").click()
    page.wait_for_url("**/go")
    page.context.clear_cookies()
    page.goto(f"{room.url}/desk")
    page.get_by_label("用户名").fill("responder")
    page.get_by_label("密码").fill(ROOM_PASSWORD)
    page.get_by_role("button", name="登录").click()
    page.wait_for_url("**/go")
