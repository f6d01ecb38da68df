"""The page of records: who looked at whose health data and why, which files left and what for; for whoever checks that, and nobody else."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from dashboard_api.people import add_user
from tests.e2e.axe import axe
from tests.e2e.conftest import Sit, picture, wait_for
from tests.e2e.room import PASSWORD, Room

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = [pytest.mark.browser, pytest.mark.own_room]


def somebody(room: Room, name: str, role: str) -> str:
    """An account of this role."""
    if name not in room.house.people.users:
        room.do(add_user(room.stream, name, role, PASSWORD))
        wait_for(lambda: name in room.house.people.users, what="the account")
    return name


def section(page: Page, which: str) -> tuple[Locator, Locator]:
    """A table of the page and its rows."""
    box = page.locator(f'[data-records="{which}"]')
    return box, box.locator("tbody tr")


def test_looks_and_exports_are_read_page_by_page_and_printed(room: Room, sit: Sit) -> None:
    """Empty, filled, narrowed by time, leafed through, on paper and on a phone; in both languages, with nothing that axe finds."""
    checker = somebody(room, "checker", "auditor")
    desk = sit("/residents/r0317")
    for n in range(53):
        answer = desk.request.get(f"{room.url}/api/v1/homes/h0317/strip?reason=回访 {n:02d}")
        assert answer.status == 200
    took = desk.request.post(
        f"{room.url}/api/v1/kpis/export", data={"purpose": "街道例会"}, headers={"origin": room.url}
    )
    assert took.status == 200
    page = sit("/records", user=checker)
    looks, rows = section(page, "looks")
    expect(rows).to_have_count(50)
    expect(looks.locator("[data-span]")).to_have_text("第 1–50 条，共 53 条")
    expect(rows.first).to_contain_text("陈敏芝")
    expect(rows.first).to_contain_text(room.registry.homes["h0317"].address)
    expect(rows.first).to_contain_text("近一小时")
    expect(rows.first).to_contain_text(re.compile(r"回访 \d\d"))
    files, taken = section(page, "exports")
    expect(taken).to_have_count(1)
    expect(taken.first).to_contain_text("街道例会")
    expect(taken.first).to_contain_text("响应指标")
    assert axe(page) == []
    picture(page, "records")
    page.get_by_role("button", name="健康数据查阅：下一页").focus()
    page.keyboard.press("Enter")
    expect(rows).to_have_count(3)
    expect(looks.locator("[data-span]")).to_have_text("第 51–53 条，共 53 条")
    page.get_by_role("button", name="上月").click()
    expect(looks).to_contain_text("这段时间没有需要写理由的查阅")
    expect(files).to_contain_text("这段时间没有导出")
    assert "period=last" in page.url
    page.get_by_role("button", name="今天").click()
    expect(rows).to_have_count(50)
    page.evaluate("window.print = () => { window.printed = true }")
    page.get_by_role("button", name="打印").click()
    page.wait_for_function("window.printed === true")
    page.emulate_media(media="print")
    expect(page.get_by_role("button", name="今天")).to_be_hidden()
    expect(rows.last).to_be_visible()
    assert axe(page) == []
    page.emulate_media(media="screen")
    small = sit("/records", user=checker, width=390, height=844)
    expect(section(small, "looks")[1]).to_have_count(50)
    assert small.evaluate("document.documentElement.scrollWidth") <= 390
    assert axe(small) == []
    picture(small, "records-390")


def test_records_that_cannot_be_read_say_so(room: Room, sit: Sit) -> None:
    """No answer is not an empty table: why, and a button that asks again."""
    page = sit("/desk", user=somebody(room, "checker", "auditor"))
    page.route("**/api/v1/looks**", lambda route: route.abort())
    page.goto(f"{room.url}/records")
    looks, _rows = section(page, "looks")
    expect(looks).not_to_contain_text("这段时间没有需要写理由的查阅")
    expect(looks.get_by_role("button", name="再试")).to_be_visible()
    expect(section(page, "exports")[0]).to_contain_text("这段时间没有导出")
    page.unroute("**/api/v1/looks**")
    looks.get_by_role("button", name="再试").click()
    expect(looks).to_contain_text("这段时间没有需要写理由的查阅")


def test_only_who_checks_has_the_page(room: Room, sit: Sit) -> None:
    """A supervisor and an auditor have it in their menu; everybody else is told that it is not theirs."""
    for name, role in (("checker", "auditor"), ("leader", "supervisor")):
        page = sit("/desk", user=somebody(room, name, role))
        page.get_by_role("navigation", name="主导航").get_by_role("link", name="记录").click()
        expect(page.get_by_role("heading", name="查阅与导出记录", level=2)).to_be_visible()
    for user in ("operator", "admin", "doctor"):
        page = sit("/records", user=user, wait=False)
        expect(page.get_by_text("您的账号不能打开这个页面")).to_be_visible()
    page = sit("/desk")
    menu = page.get_by_role("navigation", name="主导航")
    expect(menu.get_by_role("link", name="指标")).to_be_visible()
    expect(menu.get_by_role("link", name="记录")).to_have_count(0)


def test_door_cards_of_a_micro_grid_are_a_press_away(room: Room, sit: Sit) -> None:
    """On the page of residents, for those who may print them; the sheet holds the homes of that micro-grid and no others."""
    page = sit("/residents", user=somebody(room, "leader", "supervisor"))
    here = room.registry.site.grids[0].micro_grids[0]
    page.get_by_label("打印哪个微网格的门卡").select_option(here.id)
    with page.context.expect_page() as opened:
        page.locator("[data-door-cards]").click()
    sheet = opened.value
    homes = [h.id for h in room.registry.site.homes if h.micro_grid == here.id]
    expect(sheet.locator("[data-card]")).to_have_count(len(homes))
    assert axe(page) == []
    other = sit("/residents")
    expect(other.locator("table tbody tr").first).to_be_visible()
    expect(other.locator("[data-door-cards]")).to_have_count(0)
