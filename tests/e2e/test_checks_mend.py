"""Phones of those who mend and test devices, and the word of somebody on the telephone: each done once in a browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from care.messages import DeviceHealth
from care.words import Level
from tests.e2e.axe import axe
from tests.e2e.conftest import Sit, picture, wait_for
from tests.e2e.room import Room

pytestmark = [pytest.mark.browser, pytest.mark.own_room]


def fits(page: Page) -> None:
    """Nothing runs out of a phone's side."""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_who_mends_devices_takes_an_order_and_waits_for_the_device(room: Room, sit: Sit) -> None:
    """Where, what, since when, last heard; taken, reported with cause and action; the device's own report is waited for."""
    alert = room.raised("battery", "h0317", cause="device:door-0317", device="door-0317")
    sit(f"/tasks?tab=repairs&alert={alert}").locator("[data-repair]").wait_for()
    page = sit("/", user="technician", width=390, height=844, wait=False)
    page.wait_for_url("**/mend")
    order = page.locator("[data-repair]")
    expect(order).to_have_count(1)
    expect(order).to_contain_text(room.registry.homes["h0317"].address)
    expect(order).to_contain_text("门磁电量低")
    expect(order).to_contain_text("最近上报")
    for word in ("周阿婆", "失智", "心率"):
        assert word not in page.content()
    picture(page, "mend-free")
    fits(page)
    assert axe(page) == []
    order.get_by_role("button", name="接单").click()
    order.get_by_role("button", name="填写结果").click()
    send = order.get_by_role("button", name="提交结果")
    expect(send).to_be_disabled()
    order.get_by_label("电池没电").check()
    order.get_by_label("换电池").check()
    order.get_by_label("备注（可不填）").fill("用了新电池")
    picture(page, "mend-report")
    fits(page)
    assert axe(page) == []
    send.click()
    expect(order).to_have_attribute("data-state", "done")
    expect(order).to_contain_text("等设备重新上报")
    picture(page, "mend-waits")
    room.protection("h0317", "protected", DeviceHealth(device="door-0317", kind="door"))
    room.reads("door-0317", home="h0317", kind="door", battery=100)
    repair = order.get_attribute("data-repair")
    wait_for(
        lambda: room.house.upkeep.repairs[repair].heard_at is not None, what="the first report after the work"
    )


def test_the_page_of_who_mends_devices_speaks_english(room: Room, sit: Sit) -> None:
    """The same at 360 px, in English: what the rules say comes in English too."""
    alert = room.raised("battery", "h0317", cause="device:door-0317", device="door-0317")
    sit(f"/tasks?tab=repairs&alert={alert}").locator("[data-repair]").wait_for()
    page = sit("/mend", user="technician", width=360, height=780, wait=False,
               script="localStorage.setItem('anxin.language', 'en')")  # fmt: skip
    order = page.locator("[data-repair]")
    order.get_by_role("button", name="Take it").click()
    order.get_by_role("button", name="Report the outcome").click()
    expect(order).to_contain_text("Problem")
    expect(order.locator("h3")).to_contain_text("door")
    expect(order.locator("h3")).not_to_contain_text("门磁")
    picture(page, "mend-report-en")
    fits(page)


def test_a_tester_presses_sees_it_arrive_and_confirms(room: Room, sit: Sit) -> None:
    """Today's devices on the phone; the alarm arrives with its seconds; one large button, and the device has passed."""
    room.tested()
    tester = next(s for s in room.registry.site.staff if s.role == "grid_worker" and s.notify)
    desk = sit("/tasks?tab=tests")
    desk.get_by_label("测试员").select_option(tester.id)
    desk.get_by_label("测哪几户").fill("h0317")
    desk.get_by_role("button", name="开始").click()
    desk.locator("[data-campaign]").wait_for()
    page = sit("/go", user="responder", width=390, height=844)
    card = page.locator("[data-campaign]")
    expect(card).to_have_attribute("data-state", "running", timeout=25_000)
    device = next(d.id for d in room.registry.homes["h0317"].devices if d.kind == "smoke")
    expect(card.locator(f'[data-device="{device}"]')).to_contain_text("还没测")
    room.raised("smoke", "h0317", device=device)
    button = card.locator(f'[data-waiting="{device}"]')
    expect(button).to_contain_text("还有")
    picture(page, "go-tests")
    fits(page)
    assert axe(page) == []
    button.click()
    expect(card.locator(f'[data-device="{device}"]')).to_contain_text("已通过")
    picture(page, "go-tested")


@pytest.mark.parametrize("way", ["call", "key", "drawer"])
def test_the_desk_writes_down_that_the_person_is_with_somebody(room: Room, sit: Sit, way: str) -> None:
    """Said by a relative who was rung, or by somebody who rang: the case becomes yellow, and says whose word it was."""
    home = room.registry.homes["h0317"]
    alert = room.raised("bed", "h0317", level=Level.red, code="AC1", cause="activity", pictogram="other", life=False,
                        title={"zh": "很久没有动静", "en": "no movement"})  # fmt: skip
    page = sit(f"/desk?case={alert}&at={alert}&tab=resident")
    drawer = page.get_by_role("dialog")
    relative = home.contacts[0]
    line = drawer.get_by_role("listitem").filter(has_text=relative.name)
    if way == "drawer":
        picture(page, "with-them-drawer")
        line.get_by_role("button", name="说人在身边").click()
    else:
        line.get_by_role("button", name="拨打").click()
        button = page.get_by_role("button", name="说人在身边，平安")
        expect(button).to_be_visible()
        picture(page, "with-them-call")
        page.keyboard.press("n") if way == "key" else button.click()

    def words() -> list[str]:
        return [v.who for v in room.house.picture.cases[alert].alert.vouched]

    wait_for(lambda: words() == [relative.id], what="the word of the relative")
    case = room.house.picture.cases[alert].alert
    assert case.open
    assert case.level == "yellow"
    assert [c.to for c in case.calls] == ([] if way == "drawer" else [relative.id])
    expect(page.get_by_text(f"{relative.name}说人在身边").first).to_be_visible()


def test_a_responder_asks_to_be_away_from_the_phone_and_the_desk_decides(room: Room, sit: Sit) -> None:
    """Shift, stand-in and reason on the phone; nothing changes before the desk has read what would be empty and said yes."""
    phone = sit("/go", user="responder", width=390, height=844, wait=False)
    phone.get_by_text("我的班次、请假、换班").click()
    send = phone.get_by_role("button", name="提交申请")
    expect(send).to_be_disabled()
    phone.get_by_label("原因").fill("发烧")
    picture(phone, "go-rota")
    fits(phone)
    assert axe(phone) == []
    send.click()
    mine = phone.locator("[data-ask]")
    expect(mine).to_have_attribute("data-state", "open")
    desk = sit("/duty")
    asked = desk.locator("[data-ask]")
    expect(asked).to_contain_text("不在岗", timeout=20_000)
    expect(asked).to_contain_text("发烧")
    assert axe(desk) == []
    asked.get_by_role("button", name="同意", exact=True).click()
    sure = asked.get_by_role("button", name="知道有空当，仍要登记")
    expect(
        desk.locator("[data-ask] [role=status]:not(:empty)").or_(desk.locator("[data-change]")).first
    ).to_be_visible()
    if sure.count():
        picture(desk, "duty-ask")
        sure.click()
    expect(desk.locator("[data-change]")).to_have_count(1)
    expect(asked).to_have_count(0, timeout=20_000)
    expect(mine).to_have_attribute("data-state", "confirmed", timeout=30_000)
