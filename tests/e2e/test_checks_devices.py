"""Device health in a browser (ux.md 9.5): one device in full; what nobody said stands there as not known."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from playwright.sync_api import Page, expect

from care.messages import DeviceHealth, Firmware, encode
from care.site import ORDERS
from care.stream import HEALTH, REGISTRY
from tests.e2e.axe import axe
from tests.e2e.conftest import Sit, picture
from tests.e2e.room import Room
from tests.e2e.test_checks_mend import fits

pytestmark = [pytest.mark.browser, pytest.mark.own_room]


def smoke_of(room: Room) -> str:
    return next(d.id for d in room.registry.homes["h0317"].devices if d.kind.value == "smoke")


def cell(page: Page, name: str):  # type: ignore[no-untyped-def]  # a locator
    return page.locator(f'[data-cell="{name}"]')


def test_one_device_tells_what_is_known_and_what_is_not(room: Room, sit: Sit) -> None:
    """A forecast with two days and its doubt, a fading signal; no test, no clock, no firmware: said as not known, then known."""
    smoke = smoke_of(room)
    page = sit(f"/devices?home=h0317&device={smoke}")
    expect(cell(page, "battery")).to_contain_text(re.compile(r"43% · 在下降|42% · 在下降"))
    expect(cell(page, "battery")).to_contain_text(re.compile(r"约 .* 月 .* 日 至 .* 月 .* 日 降到 10%"))
    expect(cell(page, "battery")).to_contain_text("实际可能更早")
    expect(cell(page, "signal")).to_contain_text("在变弱")
    for name in ("clock", "test", "firmware"):
        expect(cell(page, name)).to_have_attribute("data-known", "false")
    expect(cell(page, "firmware")).to_contain_text("不知道")
    assert axe(page) == []
    picture(page, "device")
    told = Firmware(device=smoke, build="3.0.2", installed="16777241", latest="16777472", pending=True, source="zigbee2mqtt",
                    at=room.clock.now())  # fmt: skip
    room.do(room.stream.put(HEALTH, f"firmware.{smoke}", encode(told)))
    room.reads(smoke, home="h0317", kind="smoke", battery=42)
    page.reload()
    expect(cell(page, "firmware")).to_contain_text("3.0.2")
    expect(cell(page, "firmware")).to_contain_text("有新固件")
    expect(cell(page, "clock")).not_to_contain_text("没有听到它")


def test_a_device_leads_to_its_test_and_to_its_maintenance_order(room: Room, sit: Sit) -> None:
    """9.5: from the device itself; home and device are filled in."""
    smoke = smoke_of(room)
    page = sit(f"/devices?home=h0317&device={smoke}")
    page.get_by_role("link", name="测试这户的设备").click()
    page.wait_for_url("**/tasks?tab=tests**")
    page.locator("main input").first.wait_for(state="attached")
    assert "h0317" in page.locator("main input").evaluate_all("all => all.map((one) => one.value)")
    page.go_back()
    page.get_by_role("link", name="开维修单").click()
    page.wait_for_url("**/tasks?tab=repairs**")
    expect(page.locator("#repair-device")).to_have_value(smoke)
    expect(page.locator("main form").filter(has=page.locator("#repair-device"))).to_contain_text(
        room.registry.homes["h0317"].address
    )


def test_a_device_on_a_phone_in_english(room: Room, sit: Sit) -> None:
    """390 px: nothing runs out of the side, and the words are English."""
    home = room.registry.homes["h0317"]
    room.protection("h0317", "partly", *[DeviceHealth(device=d.id, kind=d.kind.value, battery=42, reason="battery" if n == 0 else "") for n, d in enumerate(home.devices)])  # fmt: skip
    try:
        page = sit(f"/devices?home=h0317&device={smoke_of(room)}", width=390, height=844,
                   script="localStorage.setItem('anxin.language', 'en')")  # fmt: skip
        expect(cell(page, "battery")).to_contain_text("Reaches 10% between")
        expect(page.locator(f'[data-battery="{smoke_of(room)}"]')).to_contain_text("Reaches 10% between")
        expect(page.locator(f'[data-battery="{smoke_of(room)}"]')).to_contain_text(home.address)
        fits(page)
        assert axe(page) == []
        picture(page, "device-phone-en")
    finally:
        room.all_protected()


def test_a_device_goes_out_of_service_with_a_reason_an_end_and_a_second_look(room: Room, sit: Sit) -> None:
    """9.5: what the home loses is said first; then it is out until its end, renewed or put back; the hand-over lists it."""
    smoke = smoke_of(room)
    page = sit(f"/devices?home=h0317&device={smoke}")
    card = page.get_by_role("region", name="停用")
    expect(card).to_have_attribute("data-out", "false")
    card.get_by_role("button", name="停用").click()
    send = card.get_by_role("button", name="停用", exact=True)
    expect(send).to_be_disabled()
    card.get_by_label("原因").fill("等配件")
    send.click()
    expect(card.get_by_role("status").filter(has_text="没有别的设备看护火情")).to_be_visible()
    assert axe(page) == []
    picture(page, "device-out-asked")
    assert room.do(room.stream.get(REGISTRY, f"{ORDERS}h0317")) is None, "nothing is done by the first press"
    card.get_by_role("button", name="我知道，仍要停用").click()
    expect(card).to_have_attribute("data-out", "true")
    expect(card).to_contain_text("等配件 · 陈敏芝")
    end = room.clock.now() + timedelta(days=1)
    home = room.registry.homes["h0317"]
    room.protection("h0317", "partly", *[DeviceHealth(device=d.id, kind=d.kind.value, reason="out_of_service" if d.id == smoke else "",
                    out_until=end if d.id == smoke else None, out_by="s01" if d.id == smoke else "") for d in home.devices])  # fmt: skip
    try:
        page.reload()
        expect(page.locator('[data-home="h0317"]')).to_contain_text("停用至")
        expect(page.locator(f'[data-device="{smoke}"]')).to_contain_text("停用至")
        picture(page, "device-out")
        expect(page.locator('[data-home="h0317"]')).to_contain_text("火情无设备看护")
        other = sit("/handover")
        expect(other.locator("[data-outs]")).to_contain_text("停用至")
        duty = sit("/duty", width=1440, height=900)
        expect(duty.locator(f'[data-out="{smoke}"]')).to_contain_text("火情无设备看护")
        expect(duty.locator(f'[data-out="{smoke}"]')).to_contain_text("陈敏芝")
        assert axe(duty) == []
        picture(duty, "duty-out")
        desk = sit(f"/desk?at={room.raised()}")
        expect(desk.locator("[data-outs]")).to_contain_text("停用至")
        fits(desk)
        picture(desk, "desk-out")
        room.empty()
        card.get_by_role("button", name="恢复使用").click()
        expect(card).to_have_attribute("data-out", "false")
        expect(card).to_contain_text("等配件")
    finally:
        room.all_protected()


def last_month(room: Room) -> tuple[date, date]:
    """First and last day of the last month that is over, by the community's calendar."""
    last = room.clock.now().astimezone(room.registry.zone).date().replace(day=1) - timedelta(days=1)
    return last.replace(day=1), last


def exported(page: Page, purpose: str) -> list[str]:
    """The lines of the file that the dialog gives for a purpose."""
    dialog = page.get_by_role("dialog", name="导出 CSV")
    save = dialog.get_by_role("button", name="导出", exact=True)
    expect(save).to_be_disabled()
    dialog.get_by_label("导出用途").fill(purpose)
    with page.expect_download() as saved:
        save.click()
    expect(dialog).to_have_count(0)
    return saved.value.path().read_text(encoding="utf-8-sig").splitlines()


@pytest.mark.own_room
def test_a_file_leaves_with_what_it_is_for_and_without_a_single_case(room: Room, sit: Sit) -> None:
    """P-16: no purpose, no file; whoever reviews sees who took it; whatever the page shows, it is the last whole month."""
    for home in list(room.registry.homes)[20:23]:
        room.raised("smoke", home)
    page = sit("/kpi?period=today", user="admin")
    page.locator(".bar").get_by_role("button", name="导出 CSV").click()
    dialog = page.get_by_role("dialog", name="导出 CSV")
    dialog.get_by_label("导出用途").wait_for()
    assert axe(page) == []
    picture(page, "export")
    room.stop()
    dialog.get_by_label("导出用途").fill("街道检查")
    dialog.get_by_role("button", name="导出", exact=True).click()
    expect(dialog.get_by_role("status")).to_contain_text("没有导出")
    room.start()
    page.reload()
    page.locator(".bar").get_by_role("button", name="导出 CSV").click()
    lines = exported(page, "街道检查")
    assert lines[1] == "# 用途 purpose: 街道检查"
    rows = [line.split(",") for line in lines if not line.startswith("#")]
    first, last = last_month(room)
    assert rows[1][:2] == ["period", f"{first}/{last}"]
    assert {row[2] for row in rows[1:]} <= {"0", ""}, "the three of today are not in it"
    assert "SM1" not in "".join(lines)
    page.locator(".bar").get_by_role("button", name="导出 CSV").click()
    expect(page.locator("[data-export]")).to_contain_text("街道检查")
    phone = sit("/kpi", width=320, height=568, script="localStorage.setItem('anxin.language', 'en')")
    phone.locator(".bar").get_by_role("button", name="CSV").click()
    phone.get_by_role("dialog").get_by_label("What it is for").wait_for()
    fits(phone)


def test_protected_home_hours_with_what_took_them(room: Room, sit: Sit) -> None:
    """9.7: the share of all hours, the unknown beside it, what took the rest; one home's line; said when the past is away."""
    homes = len(room.registry.homes)
    page = sit("/kpi")
    panel = page.locator("[data-protection-time]")
    expect(panel).to_contain_text("95.83%")
    expect(panel).to_contain_text("未达标")
    answer = page.request.get(f"{room.url}/api/v1/protection").json()
    assert round(sum(c["home_hours"] for c in answer["causes"]), 1) == round(
        answer["hours"]["partly"] + answer["hours"]["unknown"], 1
    )
    expect(panel.locator('[data-state="unknown"]')).to_contain_text(
        f"{homes * 0.5 * len(answer['by_day']):.1f}"
    )
    expect(panel.locator('[data-cause^="silent:"]')).to_contain_text("失联")
    expect(panel.locator('[data-cause="service"]')).to_contain_text("服务没有在判断")
    expect(panel.locator("[data-day-hours]")).to_have_count(len(answer["by_day"]))
    panel.scroll_into_view_if_needed()
    assert axe(page) == []
    picture(page, "protection-time")
    panel.get_by_role("button", name="导出 CSV").click()
    lines = exported(page, "月度报表")
    about = [line for line in lines if line.startswith("#")]
    assert any("home-hours" in line for line in about)
    assert any("Asia/Shanghai" in line for line in about)
    assert any("/api/v1/protection" in line for line in about), "where it comes from"
    rows = [line.split(",") for line in lines if not line.startswith("#")]
    assert rows[0][:4] == ["kind", "of", "share_percent", "protected"]
    first, last = last_month(room)
    days = [row[1] for row in rows if row[0] == "day"]
    assert days[-1] == str(last)
    assert all(str(first) <= day <= str(last) for day in days)
    assert any("月度报表" in line for line in about), "what it is for"
    secrets = {*room.registry.devices, *(home.address for home in room.registry.homes.values())}
    assert not any(secret in line for secret in secrets for line in lines), "a device is somebody's"
    devices = sit("/devices?home=h0317")
    expect(devices.locator("[data-home-hours]")).to_contain_text("本月完好 95.8%")
    phone = sit("/kpi", width=390, height=844, script="localStorage.setItem('anxin.language', 'en')")
    expect(phone.locator("[data-protection-time]")).to_contain_text("the service was not judging")
    fits(phone)
    assert axe(phone) == []
    room.history.away = True
    try:
        page.reload()
        expect(panel).to_contain_text("现在说不准")
    finally:
        room.history.away = False


def test_what_is_open_is_part_of_the_address(room: Room, sit: Sit) -> None:
    """ux 9, every list a URL: an opened home and device, and a chosen figure, are there again after a reload."""
    smoke = smoke_of(room)
    page = sit("/devices?show=all")
    home, device = page.locator('[data-home="h0317"] .fold'), page.locator(f'[data-device="{smoke}"]')
    home.click()
    device.click()
    page.wait_for_url(re.compile(rf"home=h0317&device={smoke}"))
    page.reload()
    expect(device).to_have_attribute("aria-expanded", "true")
    home.click()
    page.wait_for_url(re.compile(r"/devices\?show=all$"))
    page.goto(f"{room.url}/kpi")
    page.locator(".tile button").nth(3).click()
    page.wait_for_url(re.compile(r"figure=arrive10"))
    page.reload()
    expect(page.locator(".tile button").nth(3)).to_have_attribute("aria-pressed", "true")
