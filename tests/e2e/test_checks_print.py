"""What is printed of a case: all of it, whichever tab is open, black on white, and that it is simulated where it is."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Sit
from tests.e2e.room import Room

pytestmark = pytest.mark.browser


def test_a_case_is_printed_whole_and_without_controls(room: Room, sit: Sit) -> None:
    """Script, evidence, history and person on paper; no button, no form; afterwards the open tab alone stands again."""
    alert = room.raised("smoke", "h0317")
    room.command(alert, "acknowledge", actor="s01")
    page = sit(f"/desk?case={alert}", script="window.print = () => { window.printed = true }")
    drawer = page.locator("dialog.drawer")
    drawer.get_by_role("button", name="打印").click()
    page.wait_for_function("window.printed === true")
    page.emulate_media(media="print")
    for words in ("处置脚本", "依据", "经过", "联系人"):
        expect(drawer.get_by_role("heading", name=words, exact=False).first).to_be_visible()
    expect(drawer.locator("button:visible, input:visible, textarea:visible")).to_have_count(0)
    expect(page.locator("main")).to_be_hidden()
    assert (
        page.evaluate("getComputedStyle(document.querySelector('dialog.drawer')).backgroundColor")
        == "rgb(255, 255, 255)"
    )
    page.emulate_media(media="screen")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    expect(drawer.get_by_role("heading", name="经过")).to_have_count(0)
