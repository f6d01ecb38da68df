"""The day's calls: on a phone and at the desk, by one press and by keyboard, in both languages; who may see them."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.axe import axe
from tests.e2e.conftest import Sit, picture
from tests.e2e.room import Room
from tests.e2e.test_checks_mend import fits

pytestmark = [pytest.mark.browser, pytest.mark.own_room]

ENGLISH = "localStorage.setItem('anxin.language', 'en')"


def row(page: Page, resident: str) -> Locator:
    """The line of one resident; two may have the same name."""
    return page.locator(f'[data-row="{resident}"]')


def test_a_social_worker_rings_through_the_list_on_a_phone(room: Room, sit: Sit) -> None:
    """Who and why, the number to press, the outcome by one press; the next one opens by itself; a request says its task."""
    desk = sit("/tasks?tab=rounds")
    desk.get_by_label("名称").fill("降温提醒")
    desk.get_by_label("重点", exact=True).check()
    desk.get_by_role("button", name="开始").click()
    expect(desk.locator("[data-resident]").first).to_be_visible()
    page = sit("/calls", user="social", width=390, height=844, wait=False)
    first = page.locator("[data-row]").first
    expect(first).to_contain_text("降温提醒")
    expect(first).to_contain_text("重点")
    fits(page)
    assert axe(page) == []
    picture(page, "calls-phone")
    first.locator(".row").click()
    card = page.locator("[data-card]")
    expect(card.locator("[data-dial]")).to_have_attribute("href", re.compile(r"^tel:\d"))
    expect(card.locator("[data-next]")).to_contain_text("现在打")
    boxes = [
        card.locator(f'[data-outcome="{one}"]').bounding_box() for one in ("well", "request", "not_reached")
    ]
    assert all(box is not None and box["height"] >= 48 for box in boxes), "fit for a thumb"
    fits(page)
    assert axe(page) == []
    picture(page, "calls-phone-card")
    name = first.locator(".row b").inner_text()
    one = first.get_attribute("data-row") or ""
    card.get_by_label("记一笔").fill("说晚饭后再打")
    card.get_by_role("button", name="没打通").click()
    expect(row(page, one)).to_have_attribute("data-state", "again")
    expect(page.get_by_text(f"{name}：没打通，已记下")).to_be_visible()
    expect(card).not_to_contain_text("说晚饭后再打")  # the next one is open
    row(page, one).locator(".row").click()
    expect(card).to_contain_text("说晚饭后再打")
    expect(card.locator("[data-next]")).to_contain_text("后再打，还可以打 2 次")
    card.get_by_role("button", name="有需要").click()
    card.get_by_label("送餐").check()
    card.get_by_role("button", name="记下").click()
    expect(row(page, one)).to_have_attribute("data-state", "request")
    expect(card.locator("[data-next]")).to_contain_text(re.compile("任务"))
    card.get_by_role("button", name="改正").click()
    expect(card.locator("[data-takes-back]")).to_have_count(2)
    expect(card.locator("[data-takes-back]").first).to_contain_text("一并撤回")
    expect(card.locator("[data-takes-back]").last).to_contain_text("任务还在")
    card.get_by_role("button", name="没打通").click()
    expect(row(page, one)).to_have_attribute("data-state", "again")
    row(page, one).locator(".row").click()
    expect(card).to_contain_text("有需要（记错了，已改正）")
    other = sit("/calls", user="social", width=320, height=568, script=ENGLISH, wait=False)
    expect(other.locator("[data-row]").first).to_be_visible()
    other.locator("[data-row]").first.locator(".row").click()
    expect(other.locator("[data-card]")).to_contain_text("What comes next")
    fits(other)
    assert axe(other) == []
    picture(other, "calls-phone-en")


def test_the_desk_rings_by_keyboard_alone(room: Room, sit: Sit) -> None:
    """J and K move, 1 and 3 note the outcome, N goes to the note, where keys are letters; off, they are letters everywhere."""
    desk = sit("/tasks?tab=rounds")
    desk.get_by_label("名称").fill("配药提醒")
    for tier in ("重点", "重要"):
        desk.get_by_label(tier, exact=True).check()
    desk.get_by_role("button", name="开始").click()
    expect(desk.locator("[data-resident]").first).to_be_visible()
    page = sit("/calls", width=1440, height=900)
    expect(page.locator("[data-card]")).to_be_visible()
    rows = page.locator("[data-row]")
    expect(rows.nth(1)).to_be_visible()
    page.keyboard.press("j")
    expect(rows.nth(1)).to_have_class(re.compile("here"))
    page.keyboard.press("k")
    expect(rows.nth(0)).to_have_class(re.compile("here"))
    name = rows.nth(0).get_attribute("data-row") or ""
    page.keyboard.press("n")
    page.keyboard.type("13 点再聊")
    expect(page.get_by_label("记一笔")).to_have_value("13 点再聊")
    page.get_by_label("记一笔").blur()
    page.keyboard.press("1")
    expect(row(page, name)).to_have_attribute("data-state", "well")
    page.keyboard.press("3")
    expect(page.locator('[data-count="again"] dd')).not_to_have_text("0")
    assert axe(page) == []
    fits(page)
    picture(page, "calls-desk")
    page.locator("header summary").click()
    page.get_by_role("button", name="快捷键：开").click()
    again = page.locator('[data-count="again"] dd')
    before = again.text_content() or ""
    page.locator("h1").click()
    page.keyboard.press("1")
    page.wait_for_timeout(500)  # long enough for a press that counted to be seen
    expect(again).to_have_text(before)
    english = sit("/calls", width=1440, height=900, script=ENGLISH)
    expect(english.locator("[data-card]")).to_contain_text("Why")
    assert axe(english) == []
    picture(english, "calls-desk-en")


@pytest.mark.parametrize(
    ("user", "where"), [("responder", "/go"), ("family", "/family"), ("technician", "/mend")]
)
def test_others_are_told_and_led_home(sit: Sit, user: str, where: str) -> None:
    """The page is for social workers and the desk; whoever else asks for it reads so, and comes to their own."""
    page = sit("/calls", user=user, width=390, height=844, wait=False)
    expect(page.get_by_role("heading", name="您的账号不能打开这个页面")).to_be_visible()
    page.get_by_role("link", name="去我的页面").click()
    page.wait_for_url(f"**{where}")
