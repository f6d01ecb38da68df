"""The pages beyond the desk: ux.md 9.4 to 9.9, each with its own checks."""

from __future__ import annotations

import contextlib
import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import TimeoutError as Late
from playwright.sync_api import expect

from alerts.roster import DESK_ROLES, RESPONDER_ROLES, roster_of
from alerts.rota import remember
from anxin.claiming import Claims
from care.messages import DeviceHealth, Unclaimed, encode
from care.site import Away
from care.words import Role
from simulators.community import to_yaml
from tests.e2e.axe import axe
from tests.e2e.conftest import Sit, comes_to, picture, wait_for
from tests.e2e.room import Room
from tests.private import tells

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

WIDE = "document.documentElement.scrollWidth > innerWidth"


def with_reason(page: Page) -> None:
    page.get_by_label(re.compile("写明理由")).fill("电话回访")
    page.get_by_role("button", name="查看", exact=True).click()
    page.locator("[data-line]").first.wait_for(state="attached")


def test_a_resident_without_an_open_case_asks_for_a_reason_and_gaps_are_gaps(room: Room, sit: Sit) -> None:
    """9.4: health wants a reason; the hole in the belt makes pieces of line, said as 「无数据」; table and chart agree."""
    page = sit("/residents/r0317")
    page.get_by_label(re.compile("写明理由")).wait_for()
    expect(page.locator("[data-line]")).to_have_count(0)
    with_reason(page)
    answer = page.request.get(f"{room.url}/api/v1/residents/r0317/days?days=1&reason=follow-up").json()
    pulse = answer["vitals"][0]
    assert len(pulse["pieces"]) > 1

    def pieces() -> int:
        return (page.locator("[data-line]").first.get_attribute("d") or "").count("M")

    wait_for(lambda: pieces() == len(pulse["pieces"]), what="a piece of line for each stretch")
    hole = page.locator(".plot .none", has_text="无数据").first
    hole.evaluate("one => { one.style.width = '1.2rem' }")
    expect(hole.get_by_text("无数据")).to_be_visible()
    hole.evaluate("one => { one.style.width = '0.3rem' }")  # no letter a line where the words have no room
    expect(hole.get_by_text("无数据")).not_to_be_visible()
    expect(page.locator("[data-night]")).to_have_count(14)
    page.get_by_role("button", name="看表格").click()
    rows = page.locator('.days [data-row="value"]')
    values = sum(len(piece) for vital in answer["vitals"] for piece in vital["pieces"])
    wait_for(lambda: abs(rows.count() - values) <= 4, what="a row for every value")
    expect(rows.first.locator("td").nth(2)).to_have_text(re.compile(r"^\d+\.\d 次/分$"))
    told = [sum(span["value"] is not False for span in lane["spans"]) for lane in answer["ribbon"]]
    spans = sum(max(1, n) for n in told)  # a lane that was a no all the time has its row too
    lived = page.locator('.days [data-row="span"]')
    wait_for(lambda: abs(lived.count() - spans) <= 4, what="a row for every stretch of the ribbon")
    expect(lived.filter(has_text="厨房").first).to_contain_text("有活动")


def test_the_charts_fill_their_panel_and_the_lines_of_time_end_at_their_words(room: Room, sit: Sit) -> None:
    """9.4: no empty half below the charts of a tall screen; a line of time is not drawn past the hour that it stands for."""
    room.raised("smoke", "h0317")
    page = sit("/residents/r0317")
    page.locator("[data-line]").first.wait_for(state="attached")
    ends = """() => ['.charts', '.marks', '.axis-box'].map((one) => document.querySelector(one).getBoundingClientRect().bottom)"""
    panel, marks, lines = page.evaluate(ends)
    assert panel - 30 <= marks <= panel
    assert lines <= marks - 15


def test_the_ladder_says_whom_a_red_of_one_home_reaches(room: Room, sit: Sit) -> None:
    """9.6: at once the desk and the responders of that home's place, not those of the whole community; every step is in sight below a red."""
    room.raised("smoke", "h0317")
    page = sit("/duty")
    roster, now = roster_of(room.registry), room.clock.now()
    # by who they are: two people of this community have one name
    here = [{one.id for one in roster.responders(place, now)} for place in room.registry.micro_grids]
    everywhere = set.intersection(*here)
    on_duty = roster.on_duty(now)
    always = [one.name for one in on_duty if one.role is Role.operator or one.id in everywhere]
    others = [len(place - everywhere) for place in here]
    least, most = min(others), max(others)
    words = f"住户所在网格的响应人员 {most if least == most else f'{least}–{most}'} 人"
    assert most > 0
    assert len(always) + most < len(roster.on_duty(now, RESPONDER_ROLES))
    steps = page.locator(".steps li")
    expect(steps.first.locator("p").first).to_contain_text(words)
    for name in always:
        expect(steps.first).to_contain_text(name)
    page.get_by_role("link", name=re.compile("红色告警等人处理")).wait_for()
    below = "one => one.lastElementChild.getBoundingClientRect().bottom - one.getBoundingClientRect().bottom"
    comes_to(lambda: max(0, page.locator(".steps").evaluate(below) - 1), 0, "the last step in sight")


def test_the_week_and_the_role_of_the_rota_are_part_of_its_address(room: Room, sit: Sit) -> None:
    """ux.md 9: every list has an address and survives a reload."""
    page = sit("/duty")
    this_week = page.locator(".rota thead").inner_text()
    page.get_by_role("button", name="志愿者").click()
    page.get_by_role("button", name="下一周").click()
    comes_to(lambda: page.locator(".rota thead").inner_text() != this_week, True, "the next week")
    days = page.locator(".rota thead").inner_text()
    page.reload()
    expect(page.get_by_role("button", name="志愿者")).to_have_attribute("aria-pressed", "true")
    comes_to(lambda: page.locator(".rota thead").inner_text(), days, "the same week")
    people = page.locator("[data-staff] small:first-of-type")
    comes_to(lambda: set(people.all_inner_texts()), {"志愿者"}, "volunteers only")
    page.get_by_role("button", name="本周").click()
    page.get_by_role("button", name="全部").click()
    comes_to(lambda: page.evaluate("location.search"), "", "the plain address")


def test_with_an_open_case_no_reason_is_asked(room: Room, sit: Sit) -> None:
    """9.4: while a case is open the operator sees at once."""
    room.raised("smoke", "h0317")
    page = sit("/residents/r0317")
    page.locator("[data-line]").first.wait_for(state="attached")


def test_a_silent_device_takes_its_home_out_of_the_protected(room: Room, sit: Sit) -> None:
    """9.5: the worst homes first, with the reason; the header counts what the rows show."""
    page = sit("/devices")
    home = room.registry.homes["h0317"]
    silent = [
        DeviceHealth(
            device=d.id, kind=d.kind.value, room=d.room, silent=n == 0, reason="silent" if n == 0 else ""
        )
        for n, d in enumerate(home.devices)
    ]
    room.protection("h0317", "partly", *silent)
    try:
        page.reload()
        row = page.locator('[data-home="h0317"]')
        expect(row).to_have_attribute("data-protection", "partly")
        expect(row).to_contain_text("失联")
        expect(page.locator("[data-home]").first).to_have_attribute("data-home", "h0317")
        page.get_by_role("button", name=re.compile("^部分")).click()
        expect(page.locator("[data-home]")).to_have_count(1)
    finally:
        room.all_protected()


@pytest.mark.own_room
def test_an_unclaimed_device_is_claimed_on_the_page(room: Room, sit: Sit, tmp_path: Path) -> None:
    """9.5: what it seems to be is chosen already; one press makes it a line of the site file, and it is a stranger no more."""
    file = tmp_path / "site.yaml"
    file.write_text(to_yaml(room.registry.site), encoding="utf-8")
    room.house.claim = Claims(file, room.stream).claim
    topic = "zigbee2mqtt/h0317/厨房 烟感"
    told = Unclaimed(
        topic=topic,
        dialect="zigbee2mqtt",
        received_at=room.clock.now(),
        suggested_kind="smoke",
        suggested_home="h0317",
        payload='{"smoke":false}',
    )
    room.do(room.stream.publish(told.subject, encode(told), message_id="stranger"))
    page = sit("/devices")
    page.locator(f'[data-claim="{topic}"]').click()
    card = page.get_by_role("form", name="登记这台设备")
    expect(card.get_by_label("住户")).to_have_value("h0317")
    expect(card.get_by_label("种类")).to_have_value("smoke")
    assert axe(page) == []
    card.get_by_role("button", name="登记").click()
    expect(page.locator(f'[data-claim="{topic}"]')).to_have_count(0)
    wait_for(lambda: topic in file.read_text(encoding="utf-8"), what="the line in the site file")
    wait_for(lambda: room.house.picture.registry.by_topic(topic) is not None, what="the site in force")


@pytest.mark.own_room
def test_a_swap_by_keyboard_alone(room: Room, sit: Sit) -> None:
    """9.6: from a shift to the saved swap without a mouse; both then stand in for each other, and the focus comes back."""
    page = sit("/duty")
    mine = page.locator('[data-staff="s01"]')
    page.get_by_role("button", name="下一周").click()  # on a Sunday evening nothing of this one is left
    page.get_by_role("button", name="本周").and_(page.locator(":enabled")).wait_for()
    shift = mine.locator("button.shift").last
    expect(shift).to_be_visible()
    shift.focus()
    page.keyboard.press("Enter")
    dialog = page.locator("dialog[open]")
    expect(dialog.get_by_role("button", name="不能到岗")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("button", name="换班")).to_have_attribute("aria-pressed", "true")
    dialog.get_by_label("与谁换").focus()
    page.keyboard.press("ArrowDown")
    other = dialog.get_by_label("与谁换")
    expect(other).not_to_have_value("")
    swapped = other.input_value()
    assert room.registry.staff[swapped].role == "operator", "the same role comes first"
    expect(dialog.get_by_label("哪一班").last).to_be_enabled()
    expect(dialog.get_by_label("哪一班")).to_have_count(2)
    assert axe(page) == []
    dialog.get_by_label("原因").focus()
    page.keyboard.insert_text("家里有事")
    # Both work every day at the same hours: no shift is offered, and the one that is chosen is asked about.
    expect(dialog.get_by_role("button", name="登记", exact=True)).to_be_disabled()
    dialog.get_by_label("哪一班").last.focus()
    page.keyboard.press("ArrowDown")
    dialog.get_by_label("原因").focus()
    expect(dialog.get_by_role("button", name="登记", exact=True)).to_be_enabled()
    page.keyboard.press("Enter")
    expect(dialog.get_by_text("会同时上两班").first).to_be_visible()
    dialog.get_by_role("button", name="仍要登记").focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-change]")).to_have_count(1)
    expect(page.locator("[data-change]")).to_contain_text("家里有事")
    expect(dialog).to_have_count(0)
    changes = list(room.house.rota.values())
    assert [(a.staff, a.cover) for a in changes[0].away] == [("s01", swapped), (swapped, "s01")]


@pytest.mark.own_room
def test_a_week_with_who_stands_in_fits_its_panel(room: Room, sit: Sit) -> None:
    """9.6: Sunday stays in sight when shifts say for whom they are, and on the one that runs the words can be read."""
    now = room.clock.now()
    there = [one.id for one in roster_of(room.registry).on_duty(now, [Role.operator])]
    others = [
        one.id for one in room.registry.staff.values() if one.role == "operator" and one.id not in there
    ]
    away = Away(
        staff=there[0], from_=now - timedelta(hours=1), until=now + timedelta(days=6), cover=others[0]
    )
    room.do(remember(room.stream, [away], [], reason="发烧", by="s05", now=now))
    wait_for(lambda: room.house.rota, what="the change")
    page = sit("/duty")
    covers = page.locator(".shift small", has_text="替")
    expect(covers.first).to_be_visible()
    expect(page.locator(".shift.now small")).to_be_visible()
    assert page.locator(".rota .scroll").evaluate("one => one.scrollWidth - one.clientWidth") <= 0
    assert axe(page) == []  # contrast, too


def test_short_cells_of_a_list_stay_in_one_line_and_panels_keep_their_first(room: Room, sit: Sit) -> None:
    """9.5, 9.7 at 1920: a case takes one line; of a home the reason has the room; no panel shrinks to half a heading."""
    room.command(room.raised("smoke", "h0317"), "acknowledge", actor="s01")
    page = sit("/kpi?period=today")
    row = page.locator(".cases tbody tr").first
    assert row.evaluate("one => one.getBoundingClientRect().height") < 45
    page.goto(f"{room.url}/devices")
    why = page.locator(".homes tbody tr").first.locator(".why")
    assert why.evaluate("one => one.offsetWidth / one.closest('table').offsetWidth") > 0.35
    for name in ("未登记的设备", "拒收的消息"):
        panel = page.get_by_role("region", name=name)
        panel.locator("li").first.scroll_into_view_if_needed()
        assert panel.evaluate("one => one.getBoundingClientRect().height") >= 100


@pytest.mark.own_room
def test_the_last_one_at_the_desk_leaves_a_hole_that_is_named_before_and_after(room: Room, sit: Sit) -> None:
    """9.6: what would be empty is said before anything is saved; saved, the page says it at once; withdrawn, it is gone."""
    page = sit("/duty")
    roster = roster_of(room.registry)
    there = [s.id for s in roster.on_duty(room.clock.now(), DESK_ROLES)]
    for n, person in enumerate(there):
        page.locator(f'[data-staff="{person}"] button.shift.now').click()
        dialog = page.locator("dialog[open]")
        dialog.get_by_label("原因").fill("发烧")
        dialog.get_by_role("button", name="登记", exact=True).click()
        if n == len(there) - 1:
            dialog.get_by_text("这样排会留下空当").wait_for()
            expect(dialog).to_contain_text("值班席没有人")
            assert axe(page) == []
            assert len(room.house.rota) == n, "nothing is kept before it was confirmed"
            dialog.get_by_role("button", name="返回修改").click()
            expect(dialog.get_by_label("原因")).to_be_enabled()
            dialog.get_by_role("button", name="登记", exact=True).click()
            dialog.get_by_role("button", name="仍要登记").click()
        expect(page.locator("[data-change]")).to_have_count(n + 1)
    expect(page.get_by_text("起值班席没有人")).to_be_visible()
    page.locator("[data-change]").first.get_by_role("button", name="撤销").click()
    page.locator("dialog[open]").get_by_role("button", name="撤销").click()
    expect(page.get_by_text("起值班席没有人")).to_have_count(0)
    expect(page.locator("[data-change]").first).to_contain_text("已撤销")


UNASKED = "const every = setInterval; window.setInterval = (work, ms) => every(work, ms >= 10000 ? 1e8 : ms)"
"""A page that asks for nothing by itself any more: what it learns, it was told."""


@pytest.mark.own_room
def test_what_a_colleague_changes_in_the_rota_stands_on_every_page_that_is_open(room: Room, sit: Sit) -> None:
    """9.6: a hole of tonight or of next week is listed at once where somebody else has made it, and what responders ask."""
    page = sit("/duty", script=UNASKED)
    expect(page.locator("[data-staff]").first).to_be_visible()
    page.wait_for_timeout(1_500)  # until what the first picture made it ask is answered
    now = room.clock.now()
    there = [one.id for one in roster_of(room.registry).on_duty(now, DESK_ROLES)]
    week = timedelta(days=7)
    later = [Away(staff=there[0], from_=now + week, until=now + week + timedelta(hours=1), cover=None)]
    room.do(remember(room.stream, later, [], reason="体检", by="s05", now=now))
    expect(page.locator("[data-change]")).to_have_count(1)
    gone = [Away(staff=one, from_=now, until=now + timedelta(hours=2), cover=None) for one in there]
    room.do(remember(room.stream, gone, [], reason="发烧", by="s05", now=now))
    expect(page.get_by_text("起值班席没有人")).to_be_visible()
    expect(page.locator("[data-change]")).to_have_count(2)


@pytest.mark.own_room
def test_a_figure_can_be_counted_again_from_its_cases(room: Room, sit: Sit) -> None:
    """9.7: without cases 「无样本」; with them, the figure is what the listed cases say."""
    page = sit("/kpi?period=today")
    homes = list(room.registry.homes)
    for n, seconds in enumerate((10, 30, 90)):
        alert = room.raised("smoke", homes[20 + n])
        room.passes(seconds)
        room.command(alert, "acknowledge", actor="s01")
    page.reload()
    expect(page.locator("[data-case]")).to_have_count(3)
    kept = page.locator('[data-case][data-kept="true"]').count()
    expect(page.locator(".tile.on .value b")).to_have_text(f"{100 * kept / 3:.1f}")
    # Each desk's load, counted from the same cases; no flood among them.
    desk = page.locator('[data-desk="s01"]')
    expect(desk).to_contain_text(room.house.name_of("s01"))
    expect(desk.locator("td").first).to_have_text("3")
    expect(desk.locator("td:not(.paper)").last).to_have_text("—")
    page.get_by_role("button", name=re.compile("接警后 60 秒内告知家属")).wait_for()
    # Nobody was sent: no figure for arrivals.
    expect(page.get_by_text("无样本").first).to_be_visible()
    # What happened on a day opens the very cases; a narrower question is part of the address and holds after a reload.
    page.locator("[data-day]").last.click()
    expect(page.locator("[data-listed]")).to_have_count(3)
    page.get_by_role("button", name="回到指标").click()
    page.get_by_label("规则", exact=True).select_option("SM1")
    page.wait_for_url("**/kpi?*code=SM1*")
    expect(page.locator("[data-case]")).to_have_count(3)
    grid = next(g for g, micro in [room.registry.grid_of(room.registry.homes[homes[20]])] if micro)
    page.get_by_label("网格", exact=True).select_option(grid.id)
    there = [h for h in homes[20:23] if room.registry.grid_of(room.registry.homes[h])[0].id == grid.id]
    expect(page.locator("[data-case]")).to_have_count(len(there))
    page.reload()
    expect(page.locator("[data-case]")).to_have_count(len(there))
    assert axe(page) == []


@pytest.mark.own_room
@pytest.mark.parametrize("red", [False, True])
def test_the_hours_of_protection_stand_on_the_first_screen_of_the_figures(
    room: Room, sit: Sit, red: bool
) -> None:
    """9.7 at 1920 x 1080: the last panel is whole, above the lower edge of its page, under the bar of a red too."""
    if red:
        room.raised("smoke", "h0317")
    taken = room.raised("fall", next(iter(room.registry.homes)))
    room.command(taken, "acknowledge", actor="s01")
    page = sit("/kpi")
    hours = page.locator("[data-protection-time]")
    expect(hours.locator(".figure")).to_be_visible()
    expect(page.locator(".red-bar")).to_have_count(int(red))
    whole = """one => {
      const page = one.closest('.page'), edge = page.getBoundingClientRect().bottom + 1
      const inside = [...one.querySelectorAll('.whole, .whole *, .byday, .days small')].every((part) => part.getBoundingClientRect().bottom <= one.getBoundingClientRect().bottom + 1)
      return inside && one.getBoundingClientRect().bottom <= edge && page.scrollHeight <= page.clientHeight + 1
    }"""
    comes_to(lambda: hours.evaluate(whole), True, "the whole panel within its page")
    sideways = "() => [...document.querySelectorAll('.page > .panel')].filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.className)"
    comes_to(lambda: page.evaluate(sideways), [], "panels that hold what is in them")
    onto = """() => [...document.querySelectorAll('.columns .words')].filter((one, n, all) => n > 0 && one.getBoundingClientRect().left < all[n - 1].getBoundingClientRect().right).map((one) => one.textContent)"""
    expect(page.locator(".columns .words")).not_to_have_count(0)
    comes_to(lambda: page.evaluate(onto), [], "words of the distribution beside each other")
    picture(page, f"kpi-{'red' if red else 'calm'}")


def test_a_red_is_seen_on_every_page(room: Room, sit: Sit) -> None:
    """A waiting red stands in a bar on every page, and G leads to it."""
    page = sit("/duty")
    alert = room.raised("smoke")
    page.locator("a.red").wait_for()
    page.keyboard.press("g")
    page.wait_for_url(f"**/desk?at={alert}*")


def test_the_family_hears_one_sentence_and_nothing_of_health(room: Room, sit: Sit) -> None:
    """9.8: first a sentence; with a case the service's steps; never a health word; offline: the last words, and that they are old."""
    page = sit("/family", user="family", width=320, height=640)
    alert = room.raised("smoke", "h0317")
    page.get_by_text("社区正在核实一条提醒").first.wait_for()
    # What comes next is waited for; of the steps after it only the names are seen, and heard that they are not yet.
    expect(page.locator(".steps li")).to_contain_text(["等待中", "已通话", "已上门", "平安"])
    expect(page.get_by_text("等待中")).to_have_count(1)
    expect(page.locator(".steps .sr")).to_have_text(["还没到这一步"] * 3)
    room.command(alert, "acknowledge", actor="s01")
    page.get_by_text("已接警").first.wait_for()
    expect(page.locator(".steps li").nth(1)).to_contain_text("等待中")
    expect(page.get_by_text("等待中")).to_have_count(1)
    body = page.content() + page.request.get(f"{room.url}/api/v1/family").text()
    for secret in ("烟", "失智", "心率", "402", "银杏", "听力", "2580"):
        assert not tells(secret, body), secret
    comes_to(lambda: page.evaluate(WIDE), False, "the fitting of the page")
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    wait_for(lambda: page.evaluate("caches.keys().then((all) => all.length)") > 0, what="the kept shell")
    page.reload()  # the first page was not yet in the worker's hands
    page.get_by_text("已接警").first.wait_for()
    assert not any("/api/" in url for url in cached(page)), "no answer is ever kept"
    room.stop()
    try:
        page.reload()
        page.get_by_text("离线，信息可能过时").wait_for()
        expect(page.get_by_text("已接警").first).to_be_visible()
        expect(page.locator(".at b")).to_be_visible()
    finally:
        room.start()


def cached(page: Page) -> list[str]:
    urls: list[str] = page.evaluate(
        """async () => { const out = []; for (const name of await caches.keys()) for (const one of await (await caches.open(name)).keys()) out.push(one.url); return out }"""
    )
    return urls


@pytest.mark.parametrize(("width", "height"), [(360, 740), (320, 568)])
def test_the_responder_taps_once_at_a_time_and_buttons_are_large(
    room: Room, sit: Sit, width: int, height: int
) -> None:
    """9.9: offered without the room; accepted: room, key, code on demand; each step one button of at least 48 px."""
    page = sit("/go", user="responder", width=width, height=height)
    me = str(room.house.people.users["responder"].staff)
    alert = room.raised("smoke")
    room.command(alert, "dispatch", actor="s01", responders=[me])
    page.locator('[data-step="accept"]').wait_for()
    assert not tells("402", page.content())
    sizes(page)
    page.locator('[data-step="accept"]').dblclick()
    page.locator('[data-step="depart"]').wait_for()
    wait_for(lambda: state_of(room, alert, me) == "accepted", what="one step, not two")
    page.get_by_text("402").first.wait_for()
    sizes(page)
    page.get_by_role("button", name=re.compile("查看密码")).click()
    page.get_by_text(room.registry.homes["h0317"].access.door_code).wait_for()
    tap(page, "depart")
    tap(page, "arrive")
    page.get_by_text("已到场，等待值班席结案").wait_for()
    wait_for(lambda: steps_of(room, alert)[2:], what="the arrival")
    assert steps_of(room, alert) == ["Accepted", "Departed", "Arrived"]


def steps_of(room: Room, alert: str) -> list[str]:
    """What the responders did, as it stands in the log."""
    log = room.house.picture.cases[alert].log
    kinds = [type(event).__name__ for change in log for event in change.events]
    return [kind for kind in kinds if kind in ("Accepted", "Departed", "Arrived")]


def state_of(room: Room, alert: str, who: str) -> str | None:
    own = room.house.picture.cases[alert].alert.responder(who)
    return own.state if own is not None else None


def tap(page: Page, step: str) -> None:
    """Tap until it is taken: for 0.8 s after a step the next one is dead, so that a double tap counts once."""
    button = page.locator(f'[data-step="{step}"]')
    button.wait_for()

    def taken() -> bool:
        # It may go between the look and the finger.
        with contextlib.suppress(Late):
            if button.count() > 0:
                button.click(timeout=1_000)
        return button.count() == 0

    wait_for(taken, what=step)


def sizes(page: Page) -> None:
    """Every button is at least 48 px high and 8 px from the next."""
    boxes = page.locator("footer button:visible").evaluate_all(
        "all => all.map((one) => one.getBoundingClientRect().toJSON())"
    )
    assert boxes
    assert all(box["height"] >= 48 for box in boxes), boxes
    for one in boxes:
        for other in boxes:
            if one is other:
                continue
            apart_x = max(other["left"] - one["right"], one["left"] - other["right"])
            apart_y = max(other["top"] - one["bottom"], one["top"] - other["bottom"])
            assert max(apart_x, apart_y) >= 8, (one, other)
    comes_to(lambda: page.evaluate(WIDE), False, "the fitting of the page")


def test_steps_tapped_without_a_network_arrive_in_order_with_their_times(room: Room, sit: Sit) -> None:
    """9.9: the network is gone; three taps wait, said as 「3 步待上传」; it is back: all three, in order, each with its time."""
    page = sit("/go", user="responder", width=360, height=740)
    me = str(room.house.people.users["responder"].staff)
    alert = room.raised("smoke")
    room.command(alert, "dispatch", actor="s01", responders=[me])
    page.locator('[data-step="accept"]').wait_for()
    room.stop()  # not `page.route`: once the service worker is in charge, it does not see every request
    for step in ("accept", "depart", "arrive"):
        tap(page, step)
    page.get_by_text("3 步待上传").wait_for()
    assert steps_of(room, alert) == []
    tapped = room.clock.now()
    room.clock.advance(420)
    room.start()
    wait_for(lambda: steps_of(room, alert)[2:], what="the three steps")
    own = room.house.picture.cases[alert].alert.responder(me)
    assert own is not None
    assert own.accepted_at
    assert own.departed_at
    assert own.arrived_at
    assert own.accepted_at < own.departed_at < own.arrived_at <= tapped + timedelta(seconds=2)
    items = page.request.get(f"{room.url}/api/v1/alerts/{alert}/events").json()["items"]
    said = [item for item in items if item["type"] in ("accepted", "departed", "arrived")]
    assert [item["words"].split("（")[0].split()[-1] for item in said] == ["接受", "出发", "到场"]
    at, told = (
        datetime.fromisoformat(said[2][one]).astimezone(room.registry.zone) for one in ("at", "told_at")
    )
    assert f"（{told:%H:%M} 收到）" in said[2]["words"]
    assert timedelta(seconds=415) < told - at < timedelta(seconds=480)
    expect(page.get_by_text("步待上传")).to_have_count(0)
    # All was sent and answered: nothing may come twice.
    assert steps_of(room, alert) == ["Accepted", "Departed", "Arrived"]


def test_handing_over_names_both_in_every_open_case(room: Room, sit: Sit) -> None:
    """交班: the next person signs in on the page; both names stand in the log of each open case; the sound check follows."""
    alert = room.raised("bed")
    mine = room.raised("water", "h0318")
    room.command(mine, "acknowledge", actor="s01")
    page = sit("/handover")
    page.locator(f'[data-alert="{alert}"]').wait_for()
    # That nobody has it is said once.
    expect(page.locator(f'[data-alert="{alert}"]')).to_contain_text("未接警")
    expect(page.locator(f'[data-alert="{alert}"]')).not_to_contain_text("待接")
    expect(page.locator("dl > div", has_text="测试中的设备").locator("dd")).to_have_text("没有")
    page.get_by_label("用户名").fill("second")
    page.get_by_label("密码").fill("eine lange demo")
    page.get_by_role("button", name="我已看过，接班").click()
    page.wait_for_url("**/desk*")

    def notes() -> list[str]:
        log = room.house.picture.cases[alert].log
        return [e.note for change in log for e in change.events if type(e).__name__ == "Noted"]

    wait_for(lambda: any(note.startswith("交班：") for note in notes()), what="the note of the hand-over")
    wait_for(
        lambda: room.house.picture.cases[mine].alert.owner == "s02",
        what="the case in the hands of who took over",
    )
    page.get_by_role("button", name="播放红色告警声").wait_for()


def test_a_hand_over_misses_no_case_in_silence(room: Room, sit: Sit) -> None:
    """交班 before the page has heard what is open: it does not say that nothing is, the service's own list is worked off, and what
    could not be noted is named to whoever takes over."""
    alert, lost = room.raised("bed"), room.raised("water", "h0318")
    with room.silenced():
        page = sit("/handover", wait=False)
        page.get_by_role("heading", name="未结的告警").wait_for()
        expect(page.locator(".cases")).to_contain_text("正在连接")
        page.route(f"**/api/v1/alerts/{lost}/note", lambda route: route.abort())
        page.get_by_label("用户名").fill("second")
        page.get_by_label("密码").fill("eine lange demo")
        page.get_by_role("button", name="我已看过，接班").click()
        number = room.house.picture.cases[lost].alert.number
        expect(page.get_by_role("status").filter(has_text=f"{number} 号没有记上交班")).to_be_visible()
    log = room.house.picture.cases[alert].log
    assert any(type(e).__name__ == "Noted" and e.note.startswith("交班：") for c in log for e in c.events)
    page.get_by_role("button", name="去值班席").click()
    page.wait_for_url("**/desk*")


@pytest.mark.parametrize(
    ("path", "asked", "nothing"),
    [
        ("/devices", "**/api/v1/devices*", "没有成片的故障"),
        ("/kpi", "**/api/v1/kpis*", "无样本"),
        ("/duty", "**/api/v1/duty/*", "无人"),
        ("/tasks?tab=repairs", "**/api/v1/repairs*", "没有未完成的维修单"),
        ("/tasks?tab=rounds", "**/api/v1/rounds*", "没有进行中的电话关怀"),
    ],
)
def test_what_is_not_known_yet_is_not_none(room: Room, sit: Sit, path: str, asked: str, nothing: str) -> None:
    """While the service has not answered, a list says that it is being read; when it cannot be read, that; never that there is nothing."""
    page = sit("/handover")
    held: list[Any] = []

    def hold(route: Any) -> None:
        held.append(route)

    page.route(asked, hold)
    page.goto(f"{room.url}{path}")
    main = page.get_by_role("main")
    expect(main.get_by_text("正在读取").first).to_be_visible()
    wait_for(lambda: page.wait_for_timeout(20) or held, what="the question")
    expect(main).not_to_contain_text(nothing)
    page.route(asked, lambda route: route.abort())
    for route in held:
        route.abort()
    expect(main.get_by_text("连不上服务").first).to_be_visible()
    expect(main).not_to_contain_text(nothing)
