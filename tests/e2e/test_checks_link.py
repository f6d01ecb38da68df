"""C-LINK: a screen that has lost its source never looks calm, and one that has it back misses and doubles nothing."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Sit, comes_to, live, open_screen, seat, wait_for
from tests.e2e.room import Room

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser


def rows(page: Page) -> list[str]:
    """Alerts in the queue, in order, each as often as it is drawn."""
    return page.locator("[data-alert]").evaluate_all("rows => rows.map(row => row.dataset.alert)")


def link(page: Page, state: str) -> None:
    page.wait_for_selector(f'html[data-link="{state}"]', state="attached")


def test_c_link_1_and_2_a_silent_stream_is_seen_and_healed(room: Room, sit: Sit) -> None:
    """C-LINK-1, C-LINK-2: silent for 6 s: stale, 12 s: down, said in words, values greyed; back: live, every row once."""
    desk = sit()
    before = room.raised("smoke")
    desk.wait_for_selector(f'[data-alert="{before}"]')
    with room.silenced():
        meanwhile = [
            room.raised("bed", f"h{n:04d}")
            for n in sorted(map(int, (h[1:] for h in room.registry.homes)))[:3]
        ]
        link(desk, "stale")
        expect(desk.get_by_text("数据延迟").first).to_be_visible()
        link(desk, "down")
        expect(desk.get_by_text("连接中断").first).to_be_visible()

        def greyed() -> bool:
            filters = desk.locator(".value").evaluate_all(
                "all => all.map(one => getComputedStyle(one).filter)"
            )
            return len(filters) > 0 and all("grayscale(1)" in one for one in filters)

        wait_for(greyed, what="the values' loss of their colour")
        # What was known stays in sight.
        expect(desk.locator(f'[data-alert="{before}"]')).to_be_visible()
    link(desk, "live")
    comes_to(lambda: sorted(rows(desk)), sorted([before, *meanwhile]), "every row, once")


def test_c_link_3_events_lost_on_the_way_are_noticed(room: Room, sit: Sit) -> None:
    """C-LINK-3: three events lost: within one heartbeat the screen knows, asks anew and shows what the server has."""
    desk = sit()
    with room.losing():
        for home in list(room.registry.homes)[:3]:
            room.raised("bed", home)
    assert rows(desk) == []
    comes_to(lambda: sorted(rows(desk)), sorted(room.open_ids), "the resync")
    link(desk, "live")


def test_c_link_4_a_frozen_page_catches_up_without_ghosts(room: Room, sit: Sit) -> None:
    """C-LINK-4: a page that slept 8 s catches up at once; a case that ended meanwhile leaves no ghost."""
    desk = sit()
    ghost = room.raised("smoke")
    desk.wait_for_selector(f'[data-alert="{ghost}"]')
    session = desk.context.new_cdp_session(desk)
    session.send("Page.setWebLifecycleState", {"state": "frozen"})
    room.empty()
    new = room.raised("sos")
    time.sleep(8)  # the freeze itself is the time that must pass
    session.send("Page.setWebLifecycleState", {"state": "active"})
    comes_to(lambda: rows(desk), [new], "the catching up")
    link(desk, "live")


def test_c_link_5_fourteen_tabs_of_one_browser_all_live(room: Room, browser: Browser) -> None:
    """C-LINK-5: fourteen tabs, more than a browser's six connections to a host, all show a new alarm."""
    context = open_screen(browser, 1366, 768)
    seat(context, room)
    pages = [context.new_page() for _ in range(14)]
    for page in pages:
        page.goto(f"{room.url}/wall")
    for page in pages:
        live(page)
    alert = room.raised("smoke")
    for page in pages:
        page.wait_for_selector(f'[data-alert="{alert}"]')
    wait_for(lambda: len(room.house.hub.listeners()) == 1, what="the sharing of one stream")
    context.close()


def test_c_link_6_a_restarted_server_and_its_screens_agree(room: Room, sit: Sit) -> None:
    """C-LINK-6: server gone: stale; back with another epoch: live, and the rows are exactly the server's list."""
    desk, wall = sit("/desk"), sit("/wall")
    kept = room.raised("smoke")
    desk.wait_for_selector(f'[data-alert="{kept}"]')
    room.stop()
    link(desk, "stale")
    link(wall, "stale")
    room.start()
    added = room.raised("sos", list(room.registry.homes)[2])
    for page in (desk, wall):
        link(page, "live")
        comes_to(lambda page=page: sorted(rows(page)), sorted([kept, added]), "the server's list")


def test_a_screen_opened_anew_without_its_server_is_white_and_says_so(room: Room, sit: Sit) -> None:
    """A desk that is reloaded while the server is gone never stands there dark and calm; when the server is back it opens by itself."""
    page = sit("/desk")
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    wait_for(lambda: page.evaluate("caches.keys().then((all) => all.length)") > 0, what="the kept shell")
    room.stop()
    try:
        page.reload()
        page.get_by_text("连接中断").first.wait_for()
        link(page, "down")
    finally:
        room.start()
    link(page, "live")


def test_a_server_that_hears_no_device_is_not_believed(room: Room, sit: Sit) -> None:
    """A live link to a server that hears no device: 「设备数据中断」, and no word of calm."""
    desk = sit()
    room.devices = False
    try:
        wait_for(
            lambda: not room.passes(70) and desk.locator("html").get_attribute("data-devices") == "silent",
            what="the doubt",
        )
        expect(desk.get_by_text("设备数据中断").first).to_be_visible()
        expect(desk.get_by_text("当前无红色告警")).to_have_count(0)
    finally:
        room.devices = True
