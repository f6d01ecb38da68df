"""C-ACK, C-OUT: no accident takes a case, every act can be taken back, and none ends without an outcome."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from care.words import Level
from tests.e2e.axe import axe
from tests.e2e.conftest import Sit, comes_to, orders, picture, wait_for
from tests.e2e.room import Room
from tests.e2e.test_checks_look import CLIPPED

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


def state(room: Room, alert: str) -> str:
    return room.house.picture.cases[alert].alert.state.value


def hero(page: Page, alert: str) -> None:
    """The case stands in the centre and its keys are armed."""
    page.wait_for_selector(f'[data-hero~="{alert}"]')
    page.wait_for_selector(".take:not(.arming)")


def happened(room: Room, alert: str) -> list[str]:
    """What stands in the case's log."""
    return [type(event).__name__ for change in room.house.picture.cases[alert].log for event in change.events]


def test_c_ack_1_space_is_dead_just_after_the_centre_changed(room: Room, sit: Sit) -> None:
    """C-ACK-1: within 0.8 s of a case appearing Space does nothing; after that it takes the case."""
    page = sit()
    page.clock.install()
    page.reload()
    page.wait_for_selector('html[data-link="live"]', state="attached")
    page.clock.pause_at(datetime.now(UTC) + timedelta(seconds=2))
    alert = room.raised("smoke")

    def shown() -> bool:
        page.clock.run_for(20)
        return page.locator(f'[data-hero~="{alert}"]').count() > 0

    wait_for(shown, what="the case in the centre")
    sent = orders(page)
    page.clock.run_for(500)
    page.keyboard.press("Space")
    page.clock.run_for(100)
    expect(page.locator(".take.arming")).to_have_count(1)
    assert sent() == []
    assert state(room, alert) == "new"
    page.clock.run_for(400)
    page.keyboard.press("Space")
    wait_for(lambda: state(room, alert) == "acknowledged", what="the taking")
    assert sent() == ["acknowledge"]


def test_c_ack_2_space_in_a_field_is_a_space(room: Room, sit: Sit) -> None:
    """C-ACK-2: while somebody types, Space types a space and takes nothing; so do the other keys."""
    page = sit()
    alert = room.raised("smoke")
    hero(page, alert)
    sent = orders(page)
    page.keyboard.press("/")
    field = page.get_by_role("searchbox")
    field.press_sequentially("a b d9")
    expect(field).to_have_value("a b d9")
    # A search hides no red.
    expect(page.locator('[data-alert][data-level="red"]')).to_have_count(1)
    assert sent() == []
    assert state(room, alert) == "new"


def test_c_ack_3_taking_can_be_taken_back(room: Room, sit: Sit) -> None:
    """C-ACK-3: 「撤回」 within 10 s gives the case back to everybody; both acts stay in its history."""
    page = sit()
    alert = room.raised("smoke")
    hero(page, alert)
    page.keyboard.press("Space")
    page.get_by_role("button", name="撤回").click()
    wait_for(lambda: happened(room, alert).count("Undone") == 1, what="the undo")
    assert state(room, alert) == "new"
    kinds = happened(room, alert)
    assert kinds.index("Acknowledged") < kinds.index("Undone")
    page.wait_for_selector(f'[data-alert="{alert}"][data-state="new"]')


def test_c_ack_4_of_two_desks_one_takes_it(room: Room, sit: Sit) -> None:
    """C-ACK-4: two desks take it, neither having heard of the other: one owner, and the other reads who that is."""
    one, two = sit(), sit(user="second")
    alert = room.raised("smoke")
    for page in (one, two):
        hero(page, alert)
    with room.silenced():
        for page in (one, two):
            with page.expect_response(lambda answer: answer.url.endswith("/acknowledge")):
                page.evaluate("document.querySelector('.take').click()")
        owner = room.house.name_of(str(room.house.picture.cases[alert].alert.owner))
        # The word to the slower one: it stands for some seconds only.
        expect(two.get_by_text(f"已由{owner}接警").first).to_be_visible()
    assert state(room, alert) == "acknowledged"
    assert happened(room, alert).count("Acknowledged") == 1
    expect(one.get_by_text(f"已由{owner}接警")).to_have_count(0)


@pytest.mark.own_room
def test_the_wall_shows_what_a_desk_has_chosen_until_a_newer_red(room: Room, sit: Sit) -> None:
    """9.1: chosen at the desk, it stands large on the wall, and how many reds wait besides; a red nobody had seen takes the centre."""
    homes = [home for home in room.registry.homes if home != "h0317"]
    smoke, _sos = room.raised("smoke"), room.raised("sos", homes[4])
    yellow = room.raised("bed", homes[6])
    desk, wall = sit(), sit("/wall")
    wall.locator(f'[data-tile="{smoke}"]').wait_for()
    desk.locator(f'[data-tile="{smoke}"]').get_by_role("button", name="看详情").click()
    wall.wait_for_selector(f'[data-hero="{smoke}"]')
    expect(wall.get_by_text("另有 1 个红色待接")).to_be_visible()
    comes_to(lambda: wall.evaluate(CLIPPED), [], "a wall with nothing cut")
    gas = room.raised("gas", homes[8])
    wall.locator(f'[data-tile="{gas}"]').wait_for()
    desk.locator(f'[data-alert="{yellow}"]').first.click()
    wall.wait_for_selector(f'[data-hero="{yellow}"]')
    expect(wall.get_by_text("另有 3 个红色待接")).to_be_visible()


def test_c_ack_5_nothing_takes_two_reds(room: Room, sit: Sit) -> None:
    """C-ACK-5: four reds in the centre: every control that takes, and the key, takes exactly one."""
    page = sit()
    alerts = [room.raised("smoke", home) for home in list(room.registry.homes)[:4]]
    expect(page.get_by_role("button", name="接警")).to_have_count(4)  # one control for each
    sent = orders(page)
    for taken in (1, 2, 3, 4):
        # The centre shows what is left and its keys are armed again.
        page.locator('.grid-hero[data-armed="true"], .take:not(.arming)').wait_for()
        page.keyboard.press("Space")
        page.get_by_role("button", name="没有拨打").first.click()
        page.keyboard.press("Escape")
        page.locator(f'html[data-red="{4 - taken}"]').wait_for(state="attached")
        assert sent() == ["acknowledge"] * taken
        assert sum(state(room, alert) == "new" for alert in alerts) == 4 - taken


def test_c_ack_6_taken_and_left_it_comes_back(room: Room, sit: Sit) -> None:
    """C-ACK-6: taken, and 60 s later nobody phoned or went: it is back in the red lane and waits again."""
    page = sit()
    alert = room.raised("smoke")
    hero(page, alert)
    page.keyboard.press("Space")
    page.wait_for_selector('html[data-red="0"]', state="attached")
    room.passes(61)
    page.wait_for_selector('html[data-red="1"]', state="attached")
    expect(page.locator(f'.lane [data-alert="{alert}"].waiting')).to_have_count(1)
    expect(page.get_by_text("接警后").first).to_be_visible()


def test_a_case_that_comes_back_says_why(room: Room, sit: Sit) -> None:
    """Phoned in vain, sent in vain, given back: queue, centre and the case's own history say which, in both languages."""
    page = sit()
    alert = room.raised("smoke")
    hero(page, alert)
    row, centre = page.locator(f'.lane [data-alert="{alert}"]'), page.locator(f'[data-hero="{alert}"] .timer')
    room.command(alert, "acknowledge", actor="s01")
    room.command(alert, "call", actor="s01", to="home", result="answered")
    room.command(alert, "dispatch", actor="s01", responders=["s07"])
    room.command(alert, "decline", actor="s07")
    expect(row).to_contain_text("派的人去不了")
    expect(centre).to_contain_text("派的人去不了")
    expect(page.locator("main")).not_to_contain_text("接警后")
    picture(page, "loud-again")
    room.command(alert, "acknowledge", actor="s02")
    room.command(alert, "undo", actor="s01", reason="席位没人")
    expect(centre).to_contain_text("已放回待接")
    page.goto(f"{room.url}/desk?case={alert}&tab=history")
    expect(page.locator(".history")).to_contain_text("重新响铃：派的人去不了")
    told = page.locator("dialog .right table")
    expect(told).to_contain_text("接口")
    expect(told).not_to_contain_text("json")
    page.evaluate("localStorage.setItem('anxin.language', 'en')")
    page.reload()
    expect(page.locator("dialog .state")).to_contain_text("Given back")
    expect(page.locator(".history")).to_contain_text("Loud again: whoever was sent cannot go")


def test_advice_is_looked_after(room: Room, sit: Sit) -> None:
    """「在烧菜」: the case counts down ten minutes, then it is loud again and says what for; an alarm after it sends somebody."""
    page = sit()
    home = "h0317"
    alert = room.raised("smoke", home, cause="fire")
    hero(page, alert)
    room.command(alert, "acknowledge", actor="s01")
    room.command(alert, "call", actor="s01", to="home", result="answered")
    progress = page.locator(f'[data-hero="{alert}"] .progress')
    expect(progress).not_to_contain_text("复查")
    page.goto(f"{room.url}/desk?case={alert}&tab=script")
    page.locator(".question").nth(0).get_by_role("button", name="否").click()
    expect(page.locator(".question")).to_have_count(2)
    expect(page.locator("dialog .recheck")).to_have_count(0)
    page.locator(".question").nth(1).get_by_role("button", name="是", exact=True).click()
    expect(page.locator("dialog .recheck")).to_contain_text(
        re.compile(r"复查倒计时 (10:00|09:5\d)，到时请再打电话")
    )
    assert axe(page) == []
    picture(page, "recheck-case")
    page.locator(".question").nth(1).get_by_role("button", name="否").click()
    expect(page.locator("dialog .recheck")).to_have_count(0)
    page.locator(".question").nth(1).get_by_role("button", name="是", exact=True).click()
    expect(page.locator("dialog .recheck")).to_contain_text(re.compile(r"复查倒计时 (10:00|09:5\d)"))
    page.keyboard.press("Escape")
    expect(progress).to_contain_text(re.compile(r"接通.*09:\d\d 后复查"))
    expect(page.locator(f'.queue .scroll [data-alert="{alert}"]')).to_be_visible()
    assert axe(page) == []
    picture(page, "recheck")
    room.passes(600)
    expect(page.locator(f'.lane [data-alert="{alert}"].waiting')).to_contain_text("复查到时，请再打电话")
    expect(page.locator(f'[data-hero="{alert}"] .timer')).to_contain_text("复查到时")
    assert axe(page) == []
    picture(page, "recheck-due")
    page.evaluate("localStorage.setItem('anxin.language', 'en')")
    page.reload()
    expect(page.locator(f'.lane [data-alert="{alert}"]')).to_contain_text("Re-check due, ring again")
    room.command(alert, "acknowledge", actor="s01")
    room.command(alert, "call", actor="s01", to="home", result="answered")
    room.command(alert, "note", actor="s01", note="刚才是不是在烧菜？是")
    expect(progress).to_contain_text(re.compile(r"Re-check in 09:\d\d"))
    room.passes(200)
    room.raised("smoke", home, cause="fire")
    expect(page.locator(f'.lane [data-alert="{alert}"].waiting')).to_contain_text("Another alarm")
    expect(page.locator(f'[data-hero="{alert}"] .script li').first).to_contain_text(
        "Send the nearest person first"
    )
    picture(page, "recheck-again")
    page.evaluate("localStorage.setItem('anxin.language', 'zh')")
    page.reload()
    sent = orders(page)
    keys = page.locator(".acts", has=page.locator(".take"))
    expect(keys).to_contain_text("接警并派人")
    expect(keys.get_by_role("button", name="拨打家中电话")).to_be_visible()
    assert axe(page) == []
    picture(page, "again-keys")
    page.locator(".take:not(.arming)").wait_for()
    page.keyboard.press("Space")
    people = page.locator(".dispatch")
    expect(people.locator('[aria-pressed="true"]')).to_have_count(1)
    assert sent() == ["acknowledge"]
    assert axe(page) == []
    picture(page, "again-people")
    people.get_by_role("button", name="拨打家中电话").click()
    page.keyboard.press("Z")
    expect(people).to_be_visible()
    page.keyboard.press("D")
    expect(keys).to_contain_text("照着话术问")
    assert sent() == ["acknowledge", "call", "dispatch"]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_recheck_counts_down_among_several_reds(room: Room, sit: Sit, language: str) -> None:
    """Given back while it counts: whoever takes it of two reads in how long it is to be rung again, on desk and wall."""
    words = re.compile(r"09:\d\d 后复查" if language == "zh" else r"Re-check in 09:\d\d")
    script = f"localStorage.setItem('anxin.language', '{language}')"
    desk, wall = sit(script=script), sit("/wall", script=script)
    alert = room.raised("smoke", "h0317", cause="fire")
    room.command(alert, "acknowledge", actor="s01")
    room.command(alert, "call", actor="s01", to="home", result="answered")
    room.command(alert, "note", actor="s01", note="刚才是不是在烧菜？是")
    room.command(alert, "undo", actor="s02", reason="席位没人")
    for screen in (desk, wall):
        expect(screen.locator(f'[data-hero="{alert}"] .band')).to_contain_text(words)
    other = next(h for h in room.registry.homes if h != "h0317")
    second = room.raised("smoke", other)
    for screen in (desk, wall):
        expect(screen.locator(f'[data-tile="{alert}"] .recheck')).to_have_text(words)
        expect(screen.locator(f'[data-tile="{second}"] .recheck')).to_have_count(0)
        assert axe(screen) == []
    picture(desk, f"recheck-several-{language}")
    picture(wall, f"recheck-several-wall-{language}")


@pytest.mark.parametrize("kind", ["smoke", "bed"])
def test_c_out_1_no_case_ends_without_its_outcome(room: Room, sit: Sit, kind: str) -> None:
    """C-OUT-1: a red or yellow closes only with cause, verification, action and outcome; 「未联系上」 never."""
    page = sit()
    alert = room.raised(kind)
    page.locator(f'[data-alert="{alert}"] a').click()
    hero(page, alert)
    page.keyboard.press("r")
    form = page.get_by_role("form", name="处置结果")
    form.wait_for()
    sent = orders(page)
    page.get_by_label("不明", exact=True).check(force=True)
    for field in ("核实", "结果", "原因"):
        page.get_by_role("group", name=field).get_by_role("radio").first.check(force=True)
    for box in page.get_by_role("group", name="处置", exact=True).get_by_role("checkbox").all():
        if box.is_checked():
            box.uncheck(force=True)
    submit = form.get_by_role("button", name="结案")
    submit.click()
    expect(form.get_by_role("status").get_by_text("还缺")).to_be_visible()
    assert sent() == []
    page.get_by_role("checkbox", name="A1 安抚").check(force=True)
    page.get_by_label("O5").check(force=True)
    submit.click()
    expect(form.get_by_text("未联系上不能结案")).to_be_visible()
    assert axe(page) == []
    assert sent() == []
    assert state(room, alert) != "closed"
    page.get_by_label("O1").check(force=True)
    submit.click()
    wait_for(lambda: state(room, alert) == "closed", what="the end")
    page.get_by_role("button", name="撤回").click()
    wait_for(lambda: state(room, alert) != "closed", what="the end taken back")
    assert sent().count("close") == 1


def test_answers_are_kept_and_seen_by_the_second_operator(room: Room, sit: Sit) -> None:
    """Every answer to the script is a note of the case: it leads on, survives a reload, and a second desk sees it."""
    one = sit()
    alert = room.raised("smoke")
    hero(one, alert)
    one.keyboard.press("Enter")
    one.get_by_role("group", name="看到火或者浓烟了吗？").get_by_role("button", name="否").click()
    two = sit(f"/desk?case={alert}&at={alert}", user="second")
    pressed = two.get_by_role("group", name="看到火或者浓烟了吗？").get_by_role("button", name="否")
    expect(pressed).to_have_attribute("aria-pressed", "true")
    # Whoever has the case writes; the other only reads, and is told who it is.
    expect(pressed).to_be_enabled()
    room.command(alert, "acknowledge", actor="s01")
    expect(pressed).to_be_disabled()
    expect(two.get_by_text(f"由{room.house.name_of('s01')}记录")).to_be_visible()
    one.get_by_role("group", name="刚才是不是在烧菜？").get_by_role("button", name="是").click()
    two.get_by_text("多半是油烟").wait_for()
    one.reload()
    one.get_by_text("多半是油烟").wait_for()


def test_a_filter_is_part_of_the_address_and_hides_no_red(room: Room, sit: Sit) -> None:
    """9.2: grid, kind and one's own in a bar that one press takes away; it survives a reload, and a new red shows whatever it says."""
    homes = [home for home in room.registry.homes if home != "h0317"]
    bed, vitals = room.raised("bed", homes[6]), room.raised("vitals", homes[7])
    page = sit()
    page.get_by_role("button", name="筛选").click()
    page.get_by_role("combobox", name="类型").select_option("vitals")
    expect(page.locator(f'[data-alert="{bed}"]')).to_have_count(0)
    expect(page.locator(f'.queue [data-alert="{vitals}"]')).to_have_count(1)
    assert "kind=vitals" in page.url
    page.reload()
    expect(page.get_by_role("combobox", name="类型")).to_have_value("vitals")
    expect(page.locator(f'[data-alert="{bed}"]')).to_have_count(0)
    expect(page.locator(".queue .foot")).to_contain_text("另有 1 条")
    smoke = room.raised("smoke", "h0317")
    expect(page.locator(f'.lane [data-alert="{smoke}"]')).to_have_count(1)
    assert axe(page) == []
    picture(page, "desk-filter")
    page.get_by_role("button", name="清除").click()
    expect(page.locator(f'.queue [data-alert="{bed}"]')).to_have_count(1)
    wait_for(lambda: "kind" not in page.url, what="the address without it")


def test_a_reload_keeps_what_was_chosen_beside_waiting_reds(room: Room, sit: Sit) -> None:
    """9.2: reload keeps selection, with the reds that wait in their bar; a red that comes later takes the centre."""
    homes = [home for home in room.registry.homes if home != "h0317"]
    for n in (2, 3):
        room.raised("smoke", homes[n])
    yellow = room.raised("bed", homes[6])
    page = sit()
    page.locator(f'.queue [data-alert="{yellow}"]').click()
    page.wait_for_selector(f'[data-hero="{yellow}"]')
    page.reload()
    page.wait_for_selector(f'[data-hero="{yellow}"]')
    expect(page.get_by_role("button", name="新红色 2")).to_be_visible()
    sos = room.raised("sos", homes[8])
    page.wait_for_selector(f'[data-tile="{sos}"]')


def test_another_desk_gives_a_case_back_with_a_reason(room: Room, sit: Sit) -> None:
    """3: un-ack by anybody with a reason: it waits again in the red lane, and whoever had it reads who did it and why."""
    alert = room.raised("smoke", "h0317")
    one, two = sit(f"/desk?at={alert}"), sit(f"/desk?case={alert}", user="second")
    room.command(alert, "acknowledge", actor="s01")
    two.get_by_label("放回待接的理由").fill("隔壁席没有人")
    two.get_by_role("button", name="放回待接").click()
    wait_for(lambda: room.house.picture.cases[alert].alert.unanswered, what="the case waiting again")
    expect(one.get_by_text("放回待接：隔壁席没有人").first).to_contain_text(room.house.name_of("s02"))
    expect(one.locator(f'.lane [data-alert="{alert}"]')).to_have_count(1)


def test_a_short_press_offers_both_emergency_services(room: Room, sit: Sit) -> None:
    """9.2, 10: holding is not asked of everybody: a press, also of the keyboard, opens both numbers; Esc gives the focus back."""
    alert = room.raised("sos", "h0317")
    page = sit()
    hero(page, alert)
    key = page.get_by_role("button", name="转 120")
    key.focus()
    page.keyboard.press("Enter")
    services = page.get_by_role("group", name="急救、消防")
    expect(services.get_by_role("button", name="120 急救")).to_be_focused()
    assert axe(page) == []
    picture(page, "desk-services")
    page.keyboard.press("Escape")
    expect(services).to_have_count(0)
    expect(key).to_be_focused()
    key.click()
    services.get_by_role("button", name="119 消防").click()
    page.get_by_text("正在拨打 119").first.wait_for()
    page.keyboard.press("z")
    wait_for(lambda: "Called" in happened(room, alert), what="the call")


def test_a_red_that_waits_is_taken_where_its_script_is_read(room: Room, sit: Sit) -> None:
    """9.2, 9.3: the drawer of a case that nobody took has the key for it; the call that begins stands in the centre."""
    alert = room.raised("smoke", "h0317")
    page = sit(f"/desk?case={alert}")
    key = page.locator("dialog.drawer [data-take]")
    expect(key).to_contain_text("接警")
    page.wait_for_timeout(1_000)  # no key takes anything in the first 0.8 s after the centre changed
    key.click()
    wait_for(lambda: state(room, alert) == "acknowledged", what="the taking")
    expect(page.locator("dialog.drawer")).to_have_count(0)
    expect(page.locator(f'[data-hero~="{alert}"]').get_by_role("button", name="接通")).to_be_visible()
    page.goto(f"{room.url}/desk?case={alert}")
    page.locator("dialog.drawer").get_by_role("tab").first.wait_for()
    expect(key).to_have_count(0)


def test_the_key_of_the_outcome_puts_the_hand_on_its_form(room: Room, sit: Sit) -> None:
    """9.2, 9.3: R opens the outcome; what is typed next goes into it, and Enter presses no key that lies there by chance."""
    alert = room.raised("smoke", "h0317")
    room.command(alert, "acknowledge", actor="s01")
    page = sit(script="window.print = () => { window.printed = true }")
    hero(page, alert)
    page.keyboard.press("r")
    within = "document.activeElement.closest('form')?.classList.contains('outcome') ?? false"
    wait_for(lambda: page.evaluate(within), what="the focus in the form")
    page.keyboard.press("Enter")
    assert page.evaluate("window.printed") is None


def test_nobody_answers_and_the_people_stand_ready_with_the_family_beside_them(room: Room, sit: Sit) -> None:
    """9.3: no answer: the list opens with the nearest chosen, though messages are out already, and the family is one press away."""
    alert = room.raised("smoke", "h0317")
    page = sit()
    hero(page, alert)
    page.keyboard.press("Space")
    page.get_by_role("button", name="没有拨打").wait_for()
    expect(page.get_by_role("button", name="撤回")).to_be_visible()
    assert axe(page) == []
    page.keyboard.press("x")
    people = page.get_by_role("group", name="派谁去")
    expect(people.locator('[aria-pressed="true"]')).to_have_count(1)
    assert axe(page) == []
    picture(page, "desk-no-answer")
    people.get_by_role("button", name=re.compile("^打给女儿")).click()
    page.get_by_text("正在拨打 女儿").first.wait_for()


def test_an_answer_of_fire_opens_what_119_asks(room: Room, sit: Sit) -> None:
    """9.3: fire: address, floor and lift, spare key, who is inside and whom we know of in the building; 119 from there; keys do nothing behind it."""
    alert = room.raised("smoke", "h0317")
    beside = [
        h for h in room.registry.homes.values() if h.address.startswith("银杏小区 3 幢") and h.id != "h0317"
    ]
    page = sit(f"/desk?case={alert}")
    page.get_by_role("group", name="看到火或者浓烟了吗？").get_by_role("button", name="是").click()
    card = page.get_by_role("region", name="报给 119 / 120")
    for words in ("银杏小区 3 幢 2 单元 402", "4 楼", "邻里中心 07 号柜", "周阿婆"):
        expect(card).to_contain_text(words)
    assert beside, "somebody lives beside the reference home"
    for home in beside:
        expect(card).to_contain_text(home.residents[0].name)
    assert axe(page) == []
    picture(page, "drawer-fire")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.down("9")
    page.wait_for_timeout(1200)
    page.keyboard.up("9")
    expect(page.get_by_text("正在拨打 119")).to_have_count(0)
    page.get_by_role("button", name="转 119").last.click()
    page.get_by_text("正在拨打 119").first.wait_for()
    expect(page.get_by_role("region", name="报给 119 / 120")).to_be_visible()
    picture(page, "desk-119")


def test_a_red_is_in_sight_on_a_low_window_that_is_scrolled(room: Room, sit: Sit) -> None:
    """10: at 200 % the page scrolls: it opens at its top, and a new red stands on the window wherever one has scrolled to."""
    homes = [home for home in room.registry.homes if home != "h0317"]
    for n in range(6):
        room.raised("bed", homes[n])
    page = sit(f"/desk?at={room.open_ids[-1]}", width=960, height=540)
    page.locator(".queue [data-alert]").first.wait_for()
    assert page.evaluate("scrollY") == 0
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    room.raised("sos", "h0317")
    above = page.locator(".red-above")
    expect(above).to_contain_text("SOS 呼叫")
    assert axe(page) == []
    above.get_by_role("link").click()
    expect(above).to_have_count(0)


def test_the_homes_of_an_outage_are_ticked_off_on_the_screen(room: Room, sit: Sit) -> None:
    """A whole area is dark: the case lists its homes, each with its phone; what one desk ticks off the other sees.

    The other open cases of the same home stand in the head and are one press away; axe finds nothing wrong with it.
    """
    homes = ["h0317", *list(room.registry.homes)[:3]]
    other = room.raised("smoke", "h0317")
    alert = room.raised(
        "offline", "h0317", code="TE5", cause="area", level=Level.yellow, title={"zh": "整片失联", "en": "Area dark"},
        device=None, resident=None, parameters={"area": "银杏小区 3 幢", "homes": homes, "back": homes[1:2]},
    )  # fmt: skip
    one, two = (
        sit(f"/desk?case={alert}&at={alert}", user=user, script=script)
        for user, script in (("operator", ""), ("second", "localStorage.setItem('anxin.language', 'en')"))
    )
    row = one.locator('[data-welfare="h0317"]')
    expect(one.locator("[data-welfare]")).to_have_count(len(homes))
    expect(row).to_contain_text(room.registry.homes["h0317"].phone)
    assert axe(one) == []
    picture(one, "welfare")
    row.get_by_role("button", name="平安").click()
    one.locator('[data-welfare="h0317"][data-result="safe"]').wait_for()
    two.locator('[data-welfare="h0317"][data-result="safe"]').wait_for()
    expect(two.get_by_text("1 of 4 known to be safe")).to_be_visible()
    expect(one.get_by_text("已确认平安 1 / 4 户")).to_be_visible()
    picture(two, "welfare-en")
    one.locator(".related button").click()
    one.wait_for_url(f"**case={other}*")


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1366, 768), (1280, 720), (900, 700)])
def test_what_to_do_stays_in_sight_on_a_small_screen(room: Room, sit: Sit, width: int, height: int) -> None:
    """A card longer than the window: taking, sending and the outcome are in the window without scrolling."""
    page = sit(width=width, height=height)
    alert = room.raised("smoke")
    hero(page, alert)
    for button in (page.locator(".take"), page.get_by_role("button", name="处置结果")):
        expect(button).to_be_in_viewport(ratio=1)


def test_the_drawer_is_worked_by_keyboard_alone(room: Room, sit: Sit) -> None:
    """Opened by Enter, the drawer takes the focus, keeps it, answers and tabs by keys, and gives the focus back."""
    page = sit()
    alert = room.raised("smoke")
    hero(page, alert)
    page.keyboard.press("Enter")
    page.get_by_role("dialog").wait_for()
    inside = "document.activeElement.closest('dialog') !== null"
    wait_for(lambda: page.evaluate(inside), what="the focus in the drawer")
    for tab in ("佐证", "经过", "老人"):
        page.keyboard.press("ArrowRight")
        expect(page.get_by_role("tab", name=tab)).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowRight")
    for _ in range(60):
        page.keyboard.press("Tab")
        # beyond the last control the browser's own frame may have the focus, never the page behind
        assert page.evaluate(f"document.activeElement === document.body || {inside}")
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")
