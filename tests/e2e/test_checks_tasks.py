"""The page of everyday work: call rounds, maintenance, device tests, proposals, integrations, each done once in a browser."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from care.words import Level
from dashboard_api.integrations import make_integration
from dashboard_api.people import add_user
from dashboard_api.wording import device_label
from tests.e2e.axe import axe
from tests.e2e.conftest import ARTEFACTS, Sit, picture, wait_for
from tests.e2e.room import PASSWORD, Room
from tests.integration.test_api_proposals import closed

pytestmark = [pytest.mark.browser, pytest.mark.own_room]


def test_an_order_is_opened_from_a_case_and_waits_for_its_proof(room: Room, sit: Sit) -> None:
    """One click in the case; assigned; done is not closed; a second visit of the link opens no second order."""
    alert = room.raised("battery", "h0317", cause="device:door-0317", device="door-0317")
    page = sit(f"/tasks?tab=repairs&alert={alert}")
    order = page.locator("[data-repair]")
    expect(order).to_have_count(1)
    expect(order).to_have_attribute("data-state", "open")
    picked = order.get_by_label("派给", exact=True)
    picked.select_option(index=1)
    order.get_by_role("button", name="派给").click()
    expect(order).to_have_attribute("data-state", "assigned")
    order.get_by_role("button", name="记为已做").click()
    expect(order).to_have_attribute("data-state", "done")
    expect(order.get_by_text("等设备证实")).to_be_visible()
    picture(page, "tasks-repairs")
    page.goto(f"{room.url}/tasks?tab=repairs&alert={alert}")
    expect(page.locator("[data-repair]")).to_have_count(1)


def test_an_order_by_hand_is_for_a_home_and_a_device_that_were_found(room: Room, sit: Sit) -> None:
    """By keyboard alone: a word nobody has is told in a sentence, a telephone finds the home, its devices are there to choose."""
    page = sit("/tasks?tab=repairs")
    side = page.get_by_role("region", name="手工开单")
    home = side.get_by_label("哪一户")
    home.focus()
    page.keyboard.type("没有这个人")
    expect(side.get_by_role("status")).to_have_text("没有找到这样的住户，请换个姓名、地址、电话或编号")
    side.get_by_label("理由").fill("听见滴滴声")
    side.get_by_role("button", name="开单").click()
    expect(home).to_be_focused()
    expect(page.locator("[data-repair]")).to_have_count(0)
    assert axe(page) == []
    # an address that several have: Enter takes none of them, down goes into what was found
    home.fill(room.registry.homes["h0317"].address.split(" ")[0])
    found = side.locator("[data-found] button")
    expect(found).to_have_count(6)
    page.keyboard.press("Enter")
    expect(side.get_by_role("status")).to_have_text("请从找到的住户里选一户")
    home.fill(room.registry.homes["h0317"].phone)
    expect(found).to_have_count(1)
    expect(side.get_by_role("status")).to_have_text("")
    page.keyboard.press("ArrowDown")
    expect(found).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(home).to_be_focused()
    assert axe(page) == []
    page.keyboard.press("Enter")
    expect(side.locator("[data-chosen]")).to_contain_text(room.registry.homes["h0317"].address)
    device = side.get_by_label("哪台设备")
    expect(device).to_be_focused()
    expect(device).to_have_value("")
    expect(device.locator("option")).to_have_count(1 + len(room.registry.homes["h0317"].devices))
    first = room.registry.homes["h0317"].devices[0]
    page.keyboard.press("ArrowDown")
    expect(device).to_have_value(first.id)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    order = page.locator("[data-repair]")
    expect(order).to_have_count(1)
    expect(order).to_contain_text("听见滴滴声")
    expect(order.locator("b").first).to_have_text(device_label(first))
    expect(side.locator("[data-chosen]")).to_have_count(0)
    # whoever reads the label of a device has its home and the device with it; of nothing in particular is one more
    home.fill("smoke-0317")
    expect(found).to_have_count(1)
    page.keyboard.press("Enter")
    expect(device).to_have_value("smoke-0317")
    assert axe(page) == []
    picture(page, "tasks-repairs-hand")
    side.get_by_role("button", name="换一户").click()
    expect(home).to_be_focused()
    # from the card of a device: both are there already
    page.goto(f"{room.url}/tasks?tab=repairs&home=h0317&device=smoke-0317")
    expect(side.get_by_label("哪台设备")).to_have_value("smoke-0317")


def test_an_auditor_reads_the_orders_and_is_told_that_the_words_are_not_shown(room: Room, sit: Sit) -> None:
    """Who opened it for which device; not why, nothing to open one with, and no room left empty for it."""
    room.do(add_user(room.stream, "checker", "auditor", PASSWORD))
    wait_for(lambda: "checker" in room.house.people.users, what="the account")
    asked = {"home": "h0317", "device": "door-0317", "why": "老人糖尿病，夜里要接线"}
    made = sit().request.post(f"{room.url}/api/v1/repairs", data=asked, headers={"origin": room.url})
    assert made.status == 201
    page = sit("/tasks?tab=repairs", user="checker")
    order = page.locator("[data-repair]")
    order.get_by_role("button", name="经过").click()
    expect(order.locator(".history")).to_contain_text("陈敏芝 开单")
    expect(page.get_by_text("理由和备注不向您显示")).to_be_visible()
    expect(page.get_by_text("糖尿病")).to_have_count(0)
    expect(page.get_by_text("手工开单")).to_have_count(0)
    picture(page, "tasks-repairs-auditor")
    assert overflows(page) == []
    assert axe(page) == []


def test_a_round_is_rung_through(room: Room, sit: Sit) -> None:
    """Begun by tier; who did not answer is to be rung again, who is well is done, who asks for something has it noted."""
    page = sit("/tasks?tab=rounds")
    page.get_by_label("名称").fill("降温提醒")
    page.get_by_role("button", name="开始").click()
    people = page.locator("[data-resident]")
    expect(people.first).to_be_visible()
    first = people.first.get_attribute("data-resident")
    mine = page.locator(f'[data-resident="{first}"]')
    mine.get_by_role("button", name="没打通").click()
    expect(mine).to_have_attribute("data-state", "again")
    picture(page, "tasks-rounds")
    mine.get_by_role("button", name="有需要").click()
    mine.get_by_label("备注").fill("想配药")
    mine.get_by_role("button", name="保存").click()
    expect(mine).to_have_attribute("data-state", "request")
    page.reload()
    expect(page.locator(f'[data-resident="{first}"]')).to_have_attribute("data-state", "request")


def test_an_alarm_of_a_test_is_confirmed_with_a_reason(room: Room, sit: Sit) -> None:
    """The alarm in the window waits with its seconds; the desk says how it knows, and the device has passed."""
    room.tested()
    page = sit("/tasks?tab=tests")
    tester = next(s.id for s in room.registry.site.staff if s.role == "grid_worker" and s.notify)
    page.get_by_label("测试员").select_option(tester)
    homes = page.get_by_label("测哪几户")
    homes.fill("没有这个地址")
    page.get_by_role("button", name="开始").click()
    expect(page.locator(".fault").and_(page.get_by_role("status"))).not_to_be_empty()
    assert axe(page) == []
    # by the address as one reads it, of which the community has several, and out again; a number still does
    homes.fill(room.registry.homes["h0318"].address)
    page.locator("[data-found]").get_by_role("button", name="h0318").click()
    expect(page.locator("[data-chosen]")).to_contain_text(room.registry.homes["h0318"].address)
    expect(homes).to_have_value("")
    assert axe(page) == []
    page.get_by_role("button", name="去掉").click()
    expect(page.locator("[data-chosen]")).to_have_count(0)
    homes.fill(room.registry.homes["h0317"].residents[0].name)
    page.locator("[data-found]").get_by_role("button", name="h0317").click()
    homes.fill(list(room.registry.homes)[5])
    page.get_by_role("button", name="开始").click()
    campaign = page.locator("[data-campaign]")
    expect(campaign).to_have_attribute("data-state", "running")
    device = next(d.id for d in room.registry.homes["h0317"].devices if d.kind == "smoke")
    room.raised("smoke", "h0317", device=device)
    waiting = page.locator("[data-waiting]")
    expect(waiting).to_be_visible()
    picture(page, "tasks-tests")
    waiting.get_by_label("怎样核实的").fill("电话里测试员确认")
    waiting.get_by_role("button", name="是测试").click()
    expect(waiting).to_have_count(0)
    expect(campaign.get_by_text("已通过")).to_be_visible()


def test_a_secret_is_shown_once(room: Room, sit: Sit) -> None:
    """Made by an admin, hidden for good, revoked only when pressed twice; an operator does not see the list."""
    begun = room.clock.now() - timedelta(days=2)
    room.do(make_integration(room.stream, "cards", events=[], by="s01", now=begun, promised_hours=24))
    page = sit("/tasks?tab=integrations", user="admin")
    page.get_by_label("名称").fill("canteen")
    page.get_by_label("送餐").check()
    page.get_by_label("承诺多久上报一次").select_option("24")
    page.get_by_role("button", name="生成密钥").click()
    secret = page.locator("[data-secret]")
    expect(secret).to_contain_text("whsec_")
    shown = secret.inner_text()
    line = page.locator('[data-integration="canteen"]')
    expect(line).to_contain_text("送餐")
    expect(line).to_contain_text("至少每 24 小时上报")
    expect(line.locator("[data-silent]")).to_have_count(0)
    expect(page.locator('[data-integration="cards"] [data-silent]')).to_be_visible()
    page.get_by_role("button", name="已保存").click()
    expect(secret).to_have_count(0)
    picture(page, "tasks-integrations")
    assert shown not in page.content()
    line.get_by_role("button", name="停用").click()
    line.get_by_role("button", name="确认停用").click()
    expect(line).to_have_count(0)
    other = sit("/tasks?tab=integrations")
    expect(other.get_by_role("link", name="电话关怀")).to_be_visible()
    expect(other.get_by_role("link", name="接入系统")).to_have_count(0)


def overflows(page: Page) -> list[str]:
    """What runs out of the screen's side: the page as a whole, or letters out of their own box."""
    found: list[str] = page.evaluate(
        """() => {
          const wide = [...document.querySelectorAll('header *, main *')].filter(
            (one) => one.getClientRects().length > 0 && one.getBoundingClientRect().right > innerWidth + 1)
          const cut = [...document.querySelectorAll('main button, main a, main b, main label')].filter(
            (one) => one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).display !== 'inline')
          return [...wide, ...cut].map((one) => one.outerHTML.slice(0, 120))
        }"""
    )
    return found


def everyday(room: Room, sit: Sit) -> None:
    """A day's work on every tab: a round half rung, an order, a test that waits for a word, a proposal, a system."""
    now = room.clock.now()
    rows = [
        closed(
            900 + n, code="SM1", level=Level.red, device="smoke-0317", outcome_cause="C02",
            raised_at=now - timedelta(days=n + 1), closed_at=now - timedelta(days=n),
        )
        for n in range(3)
    ]  # fmt: skip
    room.house.picture.rows.update({row.id: row for row in rows})
    room.tested()
    alert = room.raised("battery", "h0317", cause="device:door-0317", device="door-0317")
    tester = next(s.id for s in room.registry.site.staff if s.role == "grid_worker" and s.notify)
    ask = sit(user="admin").request
    for path, body in (
        ("rounds", {"title": "降温提醒", "tiers": ["key"]}),
        ("repairs", {"alert": alert}),
        ("campaigns", {"tester": tester, "homes": ["h0317"], "minutes": 30}),
        ("integrations", {"name": "canteen", "events": ["meal.delivered", "meal.not_collected"]}),
    ):
        made = ask.post(f"{room.url}/api/v1/{path}", data=body, headers={"origin": room.url})
        assert made.status == 201, made.text()
    wait_for(lambda: len(room.house.upkeep.campaigns) > 0, what="the test")
    room.raised(
        "smoke", "h0317", device=next(d.id for d in room.registry.homes["h0317"].devices if d.kind == "smoke")
    )
    room.raised("gas", "h0317")


@pytest.mark.parametrize(
    ("language", "width", "height"), [("zh", 390, 844), ("en", 360, 780), ("en", 1366, 768)]
)
def test_everyday_work_fits_the_screen_it_is_read_on(
    room: Room, sit: Sit, language: str, width: int, height: int
) -> None:
    """Each tab with work in it, in both languages, on a phone and on a laptop: nothing is cut, axe finds nothing."""
    everyday(room, sit)
    script = f"localStorage.setItem('anxin.language', '{language}')"
    page = sit("/tasks", user="admin", width=width, height=height, script=script)
    for tab in ("rounds", "repairs", "tests", "proposals", "integrations"):
        page.goto(f"{room.url}/tasks?tab={tab}")
        page.locator("main .panel li:not(.none)").first.wait_for()
        for more in page.locator("[data-repair] [aria-expanded], [data-round] [aria-expanded]").all():
            more.click()
        ARTEFACTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=ARTEFACTS / f"tasks-{tab}-{language}-{width}.png", full_page=True)
        assert overflows(page) == [], tab
        assert axe(page) == [], tab


def test_a_proposal_is_decided_with_its_reason(room: Room, sit: Sit) -> None:
    """What the past says of it stands beside it; declined with a reason it is no longer open, and the reason is kept."""
    now = room.clock.now()
    rows = [
        closed(
            900 + n, code="SM1", level=Level.red, device="smoke-0317", outcome_cause="C02",
            raised_at=now - timedelta(days=n + 1), closed_at=now - timedelta(days=n),
        )
        for n in range(3)
    ]  # fmt: skip
    room.house.picture.rows.update({row.id: row for row in rows})
    page = sit("/tasks?tab=proposals", user="admin")
    proposal = page.locator("[data-proposal]")
    expect(proposal).to_have_count(1)
    expect(proposal).to_contain_text("移位")
    expect(proposal).to_contain_text("本可避免 3")
    expect(proposal).to_contain_text("烟感 厨房 · 银杏小区 3 幢 2 单元 402")
    picture(page, "tasks-proposals")
    proposal.get_by_label("采纳或不采纳的理由").fill("已在装修时移过")
    proposal.get_by_role("button", name="不采纳").click()
    expect(proposal).to_have_count(0)
    page.get_by_role("button", name="含已定的").click()
    expect(proposal).to_contain_text("已在装修时移过")
