"""C-SND: an alarm is heard, or the screen says that it is not."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import live, open_screen, seat, wait_for
from tests.e2e.room import Room

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

NOTES = """
window.notes = 0
const begin = OscillatorNode.prototype.start
OscillatorNode.prototype.start = function (...at) { window.notes += 1; return begin.apply(this, at) }
"""
"""Counts what is scheduled on the loudspeaker."""
RED, YELLOW, BLUE, TECHNICAL = 10, 3, 1, 2


def notes(page: Page) -> int:
    count: int = page.evaluate("window.notes")
    return count


def hears(page: Page, more: int, before: int, seconds: float, what: str) -> int:
    """Wait for so many more notes; gives how many there are now."""
    wait_for(lambda: notes(page) >= before + more, seconds, what)
    assert notes(page) == before + more, what
    return before + more


UNTOUCHED = """
addEventListener('load', () => setTimeout(() => {
  const offered = document.body.innerText.includes('点此启用声音')
  console.log(`untouched ${document.documentElement.dataset.audio} ${offered}`)
}, 1500))
"""
"""The page's own record: whatever the driver evaluates in a page counts as a gesture."""


def test_c_snd_1_and_2_mute_until_the_check_at_the_start_of_a_shift(room: Room, browser: Browser) -> None:
    """C-SND-1, C-SND-2: untouched: blocked, 「点此启用声音」 in sight; after the check: running, the meter above 0.2."""
    context = open_screen(browser)
    seat(context, room)
    context.add_init_script(UNTOUCHED)
    page = context.new_page()
    with page.expect_console_message(lambda message: message.text.startswith("untouched")) as said:
        page.goto(f"{room.url}/desk")
    assert said.value.text == "untouched blocked true"
    page.get_by_role("button", name="播放红色告警声").click()
    page.wait_for_selector('html[data-audio="running"]', state="attached")
    meter = page.locator(".check .meter i")
    wait_for(
        lambda: meter.evaluate("bar => new DOMMatrix(getComputedStyle(bar).transform).a") > 0.2,
        5,
        "a deflection",
    )
    page.get_by_role("button", name="听到了").click()
    expect(page.get_by_role("banner").get_by_text("已验证")).to_be_visible()
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
    context.add_init_script(NOTES)
    page = context.new_page()
    page.goto(f"{room.url}/desk")
    live(page)
    page.wait_for_selector('html[data-audio="running"]', state="attached")
    assert notes(page) == 0
    homes = iter(room.registry.homes)
    room.raised("battery", next(homes))
    heard = hears(page, BLUE, 0, 3, "blue")
    room.raised("bed", next(homes))
    heard = hears(page, YELLOW, heard, 3, "yellow")
    first = room.raised("smoke", next(homes))
    heard = hears(page, RED, heard, 3, "red")
    began = time.monotonic()
    heard = hears(page, RED, heard, 7, "red again")
    assert time.monotonic() - began > 3, "every 5 s, not all the time"
    second = room.raised("sos", next(homes))
    heard = hears(page, RED, heard, 2, "a new red restarts at once")
    for alert in (first, second):
        room.command(alert, "acknowledge", actor="s01")
    page.wait_for_selector('html[data-red="0"]', state="attached")
    heard = notes(page)
    with room.silenced():
        heard = hears(page, TECHNICAL, heard, 9, "the broken line, and no red any more")
    context.close()
