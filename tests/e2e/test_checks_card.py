"""A resident's card: what they look like, their doctor, the next visit; and that what is kept from a reader is said so."""

from __future__ import annotations

import base64
import re
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
from playwright.sync_api import expect

from care.messages import encode
from care.site import Registry, Visits
from care.stream import REGISTRY
from dashboard_api.people import add_user
from tests.e2e.axe import axe
from tests.e2e.conftest import Sit, picture, wait_for
from tests.e2e.room import PASSWORD, Room

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

DRAWN = """() => { const canvas = document.createElement('canvas'); canvas.width = 1200; canvas.height = 1600
  const draw = canvas.getContext('2d'); draw.fillStyle = '#c9b18f'; draw.fillRect(0, 0, 1200, 1600)
  draw.fillStyle = '#5c4632'; draw.beginPath(); draw.arc(600, 620, 300, 0, 7); draw.fill()
  return canvas.toDataURL('image/png') }"""


def a_picture(page: Page, folder: Path) -> Path:
    """A large upright picture, as a phone takes them."""
    file = folder / "photo.png"
    file.write_bytes(base64.b64decode(page.evaluate(DRAWN).partition(",")[2]))
    return file


@pytest.mark.own_room
def test_a_photograph_is_chosen_made_small_shown_and_removed(room: Room, sit: Sit, tmp_path: Path) -> None:
    """9.4: optional and by consent; a figure stands where there is none. What is kept is small and square."""
    page = sit("/residents/r0317")
    box = page.locator("[data-photo]")
    expect(box).to_have_attribute("data-photo", "none")
    expect(box.get_by_role("img", name="没有照片")).to_be_visible()
    box.get_by_label("加照片").set_input_files(a_picture(page, tmp_path))
    shown = box.get_by_role("img", name="周阿婆的照片")
    expect(shown).to_be_visible()
    wait_for(
        lambda: shown.evaluate("one => one.naturalWidth === 320 && one.naturalHeight === 320"), what="it"
    )
    kept = (Path(room.photos.name) / "r0317.jpg").read_bytes()
    assert len(kept) <= 60_000
    assert axe(page) == []
    picture(page, "resident-photo")
    box.get_by_label("换照片").set_input_files({"name": "x.txt", "mimeType": "text/plain", "buffer": b"no"})
    expect(box.get_by_role("status")).to_have_text("打不开这个文件，请选一张照片")
    box.get_by_role("button", name="删除").click()
    expect(box).to_have_attribute("data-photo", "none")
    assert not (Path(room.photos.name) / "r0317.jpg").exists()
    # Somebody who was not asked: no way to add one, and why.
    other = next(r.id for h in room.registry.site.homes for r in h.residents if not r.consent)
    page.goto(f"{room.url}/residents/{other}")
    expect(page.locator("[data-photo]")).to_have_attribute("data-photo", "no_consent")
    expect(page.locator("[data-photo]")).to_contain_text("未同意用照片")
    expect(page.locator("[data-photo] input")).to_have_count(0)


@pytest.mark.own_room
def test_the_card_says_who_the_doctor_is_and_when_somebody_comes(room: Room, sit: Sit) -> None:
    """9.4: the doctor with a number to ring; the next visit with its day, and that it is late when it is."""
    page = sit("/residents/r0317")
    doctor = next(s for s in room.registry.site.staff if s.role == "doctor")
    line = page.locator("[data-doctor]")
    expect(line).to_contain_text(doctor.name)
    expect(line.get_by_role("link")).to_have_attribute("href", f"tel:{doctor.phone}")
    visit = page.locator("[data-visit]")
    expect(visit).to_contain_text("社区没有制定探访计划")
    begun = (room.clock.now() + timedelta(hours=8)).date() - timedelta(days=10)
    site = room.registry.site
    policy = msgspec.structs.replace(site.policy, visits=Visits(from_=begun))
    room.registry = Registry(msgspec.structs.replace(site, policy=policy))
    room.do(room.stream.put(REGISTRY, "site", encode(room.registry.site)))
    wait_for(lambda: room.house.picture.registry.site.policy.visits is not None, what="the plan")
    page.reload()
    due: date = begun + timedelta(days=7)
    expect(visit).to_contain_text(f"{due.month} 月 {due.day} 日")
    expect(visit).to_contain_text("已逾期")
    page.request.post(
        f"{room.url}/api/v1/residents/r0317/visits", data={"how": "door"}, headers={"origin": room.url}
    )
    wait_for(lambda: "r0317" in room.house.upkeep.upkeep.visits, what="the visit")
    page.reload()
    expect(visit).not_to_contain_text("已逾期")
    expect(visit).to_contain_text(re.compile("上次 .*上门 陈敏芝"))


def test_what_is_not_for_a_role_is_said_and_not_told_as_unknown(room: Room, sit: Sit) -> None:
    """An admin sees nobody's movement: the card says that it is theirs not to see, and nothing is drawn as 「无数据」."""
    room.raised("smoke", "h0317")
    page = sit("/residents/r0317", user="admin")
    sign = page.locator(".sign").first
    expect(sign).to_contain_text("活动数据不对您的角色开放")
    hidden = page.locator("[data-hidden]")
    expect(hidden).to_contain_text("心率、呼吸、在床、入户门、活动")
    expect(hidden).to_contain_text("不对您的角色开放")
    expect(page.locator("[data-line]")).to_have_count(0)
    expect(page.locator('[data-lane="out"]')).to_have_count(0)
    expect(page.locator("main").get_by_text("无数据")).to_have_count(0)
    expect(page.locator("main").get_by_text("无法判断")).to_have_count(0)
    expect(page.locator("[data-photo]")).to_have_attribute("data-photo", "not_yours")
    assert axe(page) == []


def test_a_case_that_is_over_shows_no_hour_of_the_home(room: Room, sit: Sit) -> None:
    """The last hour is evidence while a case is open; once it is closed nobody looks into the home any more."""
    alert = room.raised("smoke")
    page = sit(f"/desk?case={alert}&at={alert}&tab=evidence")
    drawer = page.get_by_role("dialog")
    hour = drawer.get_by_role("region", name="同户佐证")
    expect(hour).to_be_visible()
    asked: list[str] = []
    room.command(alert, "acknowledge", actor="s01")
    page.on("request", lambda request: asked.append(request.url) if "/strip" in request.url else None)
    room.command(alert, "close", actor="s01", cause="C02", verification="V1", actions=["A1"], outcome="O1", truth="avoidable")  # fmt: skip
    expect(drawer.get_by_text("已结案").first).to_be_visible()
    expect(hour).to_have_count(0)
    asked.clear()
    page.reload()
    expect(drawer.get_by_text("已结案").first).to_be_visible()
    expect(hour).to_have_count(0)
    assert asked == []


def test_an_auditor_sees_the_case_and_not_the_person(room: Room, sit: Sit) -> None:
    """What happened stands at their desk; no telephone, key, health word, hour of the home, and no page of residents or devices."""
    if "auditor" not in room.house.people.users:
        room.do(add_user(room.stream, "auditor", "auditor", PASSWORD))
        wait_for(lambda: "auditor" in room.house.people.users, what="the account")
    alert = room.raised("smoke")
    page = sit(f"/desk?case={alert}&at={alert}&tab=resident", user="auditor")
    drawer = page.get_by_role("dialog")
    expect(drawer).to_contain_text("健康信息不向您显示")
    page.goto(f"{room.url}/desk?at={alert}")
    expect(page.locator(f'[data-hero="{alert}"]')).to_contain_text("电话、健康信息和佐证不向您显示")
    for tab in ("resident", "evidence", "script", "history"):
        page.goto(f"{room.url}/desk?case={alert}&at={alert}&tab={tab}")
        expect(drawer.get_by_role("tab", selected=True)).to_be_visible()
        for secret in ("0574-", "1000", "07 号柜", "失智", "听力", "同户佐证", "暂时读不到"):
            expect(page.locator("body")).not_to_contain_text(secret)
        picture(page, f"auditor-{tab}")
        assert axe(page) == []
    menu = page.get_by_role("navigation", name="主导航")
    expect(menu.get_by_role("link", name="日常")).to_be_visible()
    for away in ("老人", "设备"):
        expect(menu.get_by_role("link", name=away)).to_have_count(0)
    for path in ("/residents", "/residents/r0317", "/devices"):
        page.goto(room.url + path)
        expect(page.get_by_text("您的账号不能打开这个页面")).to_be_visible()
