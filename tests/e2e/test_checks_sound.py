"""C-SND: an alarm is heard, or the screen says that it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.e2e.axe import axe
from tests.e2e.conftest import Sit, comes_to, live, open_screen, picture, seat, wait_for
from tests.e2e.room import Room

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

BURSTS = """
window.bursts = []
let burst = null
const begin = OscillatorNode.prototype.start
OscillatorNode.prototype.start = function (...at) {
  if (burst === null) {
    burst = { at: performance.now(), notes: 0 }
    window.bursts.push(burst)
    queueMicrotask(() => (burst = null))
  }
  burst.notes += 1
  return begin.apply(this, at)
}
"""
"""Keeps what is scheduled on the loudspeaker: what is scheduled at one go is one burst."""
RED, YELLOW, BLUE, TECHNICAL = 10, 3, 1, 2
"""Notes of a burst."""
EVERY_MS = 5_000
"""A red is repeated after so long."""


def bursts(page: Page) -> list[int]:
    """The notes of each burst so far."""
    found: list[int] = page.evaluate("window.bursts.map((one) => one.notes)")
    return found


def reds(page: Page) -> list[float]:
    """The moments of the red bursts, in ms of the page's own time."""
    found: list[Any] = page.evaluate("window.bursts")
    return [one["at"] for one in found if one["notes"] == RED]


def next_red(page: Page, before: int, what: str) -> float:
    """The ms between the last red burst known and the next one."""
    wait_for(lambda: len(reds(page)) > before, what=what)
    heard = reds(page)
    return heard[before] - heard[before - 1]


UNTOUCHED = """
addEventListener('load', () => setTimeout(() => {
  const offered = document.body.innerText.includes('点此启用声音')
  console.log(`untouched ${document.documentElement.dataset.audio} ${offered}`)
}, 1500))
"""
"""The page's own record: whatever the driver evaluates in a page counts as a gesture."""


METER = """
window.loudest = 0
setInterval(() => {
  const bar = document.querySelector('.check .meter i')
  if (bar) window.loudest = Math.max(window.loudest, new DOMMatrix(getComputedStyle(bar).transform).a)
}, 30)
"""
"""The meter's greatest deflection: the sound lasts less than three seconds, and whoever asks may be late."""


def test_c_snd_1_and_2_mute_until_the_check_at_the_start_of_a_shift(room: Room, browser: Browser) -> None:
    """C-SND-1, C-SND-2: untouched: blocked, 「点此启用声音」 in sight; after the check: running, the meter above 0.2."""
    context = open_screen(browser)
    seat(context, room)
    context.add_init_script(UNTOUCHED)
    page = context.new_page()
    with page.expect_console_message(lambda message: message.text.startswith("untouched")) as said:
        page.goto(f"{room.url}/desk")
    assert said.value.text == "untouched blocked true"
    page.evaluate(METER)
    page.get_by_role("button", name="播放红色告警声").click()
    page.wait_for_selector('html[data-audio="running"]', state="attached")
    wait_for(lambda: page.evaluate("window.loudest") > 0.2, what="a deflection")
    page.get_by_role("button", name="听到了").wait_for()
    assert axe(page) == []
    page.get_by_role("button", name="听到了").click()
    expect(page.get_by_role("banner").get_by_text("已验证")).to_be_visible()
    page.keyboard.press("m")
    page.wait_for_selector('html[data-audio="muted"]', state="attached")
    assert axe(page) == []
    context.close()


def test_c_snd_3_a_kiosk_sounds_without_a_gesture(room: Room, kiosk: Browser) -> None:
    """C-SND-3: a browser that is allowed to: `data-audio` is running, nobody having touched it."""
    context = open_screen(kiosk)
    seat(context, room)
    wall = context.new_page()
    wall.goto(f"{room.url}/wall")
    live(wall)
    wall.wait_for_selector('html[data-audio="running"]', state="attached")
    context.close()


def test_c_snd_4_each_level_has_its_own_sound_and_red_goes_on(room: Room, kiosk: Browser) -> None:
    """C-SND-4: blue 1 note, yellow 3, red 10 every 5 s until taken, a second red at once, a broken line 2."""
    context = open_screen(kiosk)
    seat(context, room)
    context.add_init_script(BURSTS)
    page = context.new_page()
    page.goto(f"{room.url}/desk")
    live(page)
    page.wait_for_selector('html[data-audio="running"]', state="attached")
    assert bursts(page) == []
    homes = iter(room.registry.homes)
    room.raised("battery", next(homes))
    comes_to(lambda: bursts(page), [BLUE], "blue")
    room.raised("bed", next(homes))
    comes_to(lambda: bursts(page), [BLUE, YELLOW], "yellow")
    alerts = [room.raised("smoke", next(homes))]
    comes_to(lambda: bursts(page)[:3], [BLUE, YELLOW, RED], "red")
    assert next_red(page, 1, "red again") > 0.9 * EVERY_MS, "every 5 s, not all the time"

    def restarts() -> bool:
        """A new red sounds at once, that is before the last one's turn; asked again if the machine was so slow as that."""
        before = len(reds(page))
        alerts.append(room.raised("sos", next(homes)))
        return next_red(page, before, "a new red") < 0.9 * EVERY_MS

    wait_for(restarts, what="a new red that restarts at once")
    for alert in alerts:
        room.command(alert, "acknowledge", actor="s01")
    page.wait_for_selector('html[data-red="0"]', state="attached")
    before = len(reds(page))
    assert TECHNICAL not in bursts(page)
    with room.silenced():
        wait_for(lambda: TECHNICAL in bursts(page), what="the broken line")
    assert len(reds(page)) == before, "no red any more"
    context.close()


def test_nobody_came_in_time_is_heard_and_stands_in_the_lane(room: Room, kiosk: Browser) -> None:
    """A red that somebody has and that nobody came to within the promise: three notes, back in the lane, until somebody is there."""
    context = open_screen(kiosk)
    seat(context, room)
    context.add_init_script(BURSTS)
    page = context.new_page()
    page.goto(f"{room.url}/desk")
    live(page)
    page.wait_for_selector('html[data-audio="running"]', state="attached")
    alert = room.raised("smoke", next(iter(room.registry.homes)))
    room.command(alert, "acknowledge", actor="s01")
    room.command(alert, "dispatch", actor="s01", responders=["s07"])
    room.command(alert, "accept", actor="s07")
    row = page.locator(f'.queue [data-alert="{alert}"]')
    expect(page.locator(f'.queue .scroll [data-alert="{alert}"]')).to_be_visible()
    before = bursts(page)
    assert YELLOW not in before
    room.passes(601)
    expect(page.locator(f'.lane [data-alert="{alert}"]')).to_contain_text("超时未到场")
    wait_for(lambda: YELLOW in bursts(page)[len(before) :], what="three notes")
    picture(page, "overdue")
    room.command(alert, "arrive", actor="s07")
    expect(row).not_to_contain_text("超时未到场")
    expect(page.locator(f'.queue .scroll [data-alert="{alert}"]')).to_be_visible()
    context.close()


def test_c_ack_6_taken_and_left_it_sounds_again(room: Room, kiosk: Browser) -> None:
    """C-ACK-6: taking a red ends its sound; 60 s without a call or anybody sent, and it sounds again."""
    context = open_screen(kiosk)
    seat(context, room)
    context.add_init_script(BURSTS)
    page = context.new_page()
    page.goto(f"{room.url}/desk")
    live(page)
    page.wait_for_selector('html[data-audio="running"]', state="attached")
    alert = room.raised("smoke")
    wait_for(lambda: reds(page), what="the red")
    room.command(alert, "acknowledge", actor="s01")
    page.wait_for_selector('html[data-red="0"]', state="attached")
    page.wait_for_timeout(EVERY_MS + 1_000)  # that it is silent can only be seen by waiting
    before = len(reds(page))
    assert before <= 2
    page.wait_for_timeout(EVERY_MS)
    assert len(reds(page)) == before, "what is taken is silent"
    room.passes(61)
    wait_for(lambda: len(reds(page)) > before, what="the sound of what came back")
    context.close()


BLOCKED = """
let touched = false
addEventListener('pointerdown', () => (touched = true), true)
const resume = AudioContext.prototype.resume
AudioContext.prototype.resume = function () { return touched ? resume.call(this) : new Promise(() => undefined) }
const state = Object.getOwnPropertyDescriptor(BaseAudioContext.prototype, 'state').get
Object.defineProperty(AudioContext.prototype, 'state', { get() { return touched ? state.call(this) : 'suspended' } })
"""
"""A browser that allows sound only once it was touched; what the driver asks of a page counts as a touch otherwise."""


def test_the_first_press_of_a_shift_is_not_lost(room: Room, sit: Sit) -> None:
    """The first touch turns the sound on and its banner goes: not before the press is over, or it would hit what moved."""
    alert = room.raised("bed")
    page = sit(script=BLOCKED)
    page.locator(".banner.blocked").wait_for()
    row = page.locator(f'[data-alert="{alert}"] a')
    row.hover()
    page.mouse.down()
    page.wait_for_timeout(1_000)  # a slow hand; the sound comes on meanwhile
    expect(page.locator(".banner.blocked")).to_be_visible()
    page.mouse.up()
    page.locator(f'[data-hero~="{alert}"]').wait_for()
    expect(page.locator(".banner.blocked")).to_have_count(0)
