"""The screens under the words of a real community: the longest and the shortest names, addresses, devices and notes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Sit, comes_to
from tests.e2e.extremes import NOTE, extreme
from tests.e2e.room import Room

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

LAYOUT = """() => {
  const bad = document.querySelector('main') ? [] : ['no page']
  const root = document.documentElement
  if (root.scrollWidth > innerWidth + 1) bad.push(`page ${root.scrollWidth} > ${innerWidth}`)
  const top = document.querySelector('dialog[open]') ?? document.body
  const named = (one) => `${one.tagName.toLowerCase()}.${one.className} ${one.textContent.trim().slice(0, 30)}`
  const seen = (one) => one.checkVisibility({ visibilityProperty: true }) && !one.closest('svg, .sr, .skip, [aria-hidden="true"]')
  for (const one of top.querySelectorAll('*')) {
    if (!seen(one)) continue
    const style = getComputedStyle(one)
    if (['hidden', 'clip'].includes(style.overflowX) && one.scrollWidth > one.clientWidth + 2 && one.clientWidth > 0 && !one.closest('[title]')) bad.push(`cut: ${named(one)}`)
    const scrolls = (at) => at !== null && (['auto', 'scroll', 'hidden', 'clip'].includes(getComputedStyle(at).overflowX) || scrolls(at.parentElement))
    for (const node of one.childNodes) {
      if (node.nodeType !== 3 || !node.textContent.trim()) continue
      const range = document.createRange(); range.selectNodeContents(node)
      const boxes = [...range.getClientRects()].filter((box) => box.width > 3)
      if (boxes.some((box) => box.right > innerWidth + 1 || box.left < -1) && !scrolls(one)) bad.push(`out of sight: ${named(one)}`)
      const lines = new Set(boxes.map((box) => Math.round(box.top))).size
      if (lines > 2 && node.textContent.trim().length / lines < 2.4) bad.push(`a letter a line: ${named(one)}`)
      for (const word of node.textContent.matchAll(/\\b[A-Za-z]{4,18}\\b/g)) {
        range.setStart(node, word.index); range.setEnd(node, word.index + word[0].length)
        const parts = [...range.getClientRects()].filter((box) => box.width > 0)
        if (new Set(parts.map((box) => Math.round(box.top))).size > 1) { bad.push(`broken word: ${word[0]} in ${named(one)}`); break }
      }
    }
  }
  return [...new Set(bad)]
}"""
"""What of a page is cut without a title that tells it whole, lies out of sight, stands in columns of one letter, or breaks a word in two."""

OFFICE = {"width": 1366, "height": 768}
PHONE = {"width": 360, "height": 740}
PAGES = {
    "operator": [
        "/wall",
        "/desk",
        "/desk?case={case}&at={case}&tab=script",
        "/desk?case={case}&at={case}&tab=evidence",
        "/desk?case={case}&at={case}&tab=history",
        "/desk?case={case}&at={case}&tab=resident",
        "/residents",
        "/residents/r0317",
        "/residents/r0317?view=table",
        "/residents/r0317?view=limits",
        "/devices",
        "/duty",
        "/kpi",
        "/handover",
        "/tasks?tab=rounds",
    ],
    "responder": ["/go"],
    "family": ["/family"],
    "social": ["/calls"],
    "technician": ["/mend"],
}


@pytest.fixture(scope="module")
def open_room() -> Iterator[Room]:
    """The room of a community with such words."""
    room = Room(site=extreme()).open()
    room.all_protected()
    yield room
    room.close()


def a_hard_night(room: Room) -> str:
    """Four reds that wait, one on the way with a note of 500 letters, one closed, yellows of every home, a merged case."""
    who = str(room.house.people.users["responder"].staff)
    closed = room.raised("fall", "h0302")
    room.command(closed, "acknowledge", actor="s01")
    outcome = {"cause": "C02", "verification": "V1", "actions": ["A1"], "outcome": "O1", "truth": "real"}
    room.command(closed, "close", actor="s01", **outcome)
    case = room.raised("smoke", "h0317")
    room.command(case, "acknowledge", actor="s01")
    room.command(case, "note", actor="s01", note=NOTE)
    room.command(case, "dispatch", actor="s01", responders=[who])
    room.command(case, "accept", actor=who)
    for kind, home in (("sos", "h0301"), ("gas", "h0304"), ("fall", "h0303"), ("smoke", "h0305")):
        room.raised(kind, home)
    for home in ("h0301", "h0304", "h0306", "h0307"):
        room.raised("water", home)
        room.raised("offline", home)
    return case


def bad_on(page: Page, size: dict[str, int]) -> list[str]:
    """What is wrong with the layout of a page when it has come to rest."""
    page.set_viewport_size({"width": size["width"], "height": size["height"]})
    left: list[str] = page.evaluate(LAYOUT)
    for _ in range(12):
        if not left:
            break
        page.wait_for_timeout(150)
        left = page.evaluate(LAYOUT)
    return left


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_words_of_a_real_community_fit_every_page(room: Room, sit: Sit, language: str) -> None:
    """Every page, phones at 360 and offices at 360 and 1366: nothing is cut without a title, nothing leaves the screen or stands a letter a line."""
    case = a_hard_night(room)
    wrong: dict[str, list[str]] = {}
    for user, paths in PAGES.items():
        page = sit(
            paths[0],
            user=user,
            script=f"localStorage.setItem('anxin.language', '{language}')",
            wait=False,
            **PHONE,
        )
        for path in paths:
            page.goto(room.url + path.format(case=case))
            expect(page.locator("html")).to_have_attribute(
                "lang", re.compile("^zh" if language == "zh" else "^en")
            )
            page.locator("main").first.wait_for()
            if path not in ("/calls", "/mend"):  # they ask, and have no line
                page.locator('html[data-link="live"]').wait_for(state="attached")
            sizes = [PHONE] if user != "operator" else [OFFICE] if path == "/wall" else [PHONE, OFFICE]
            for size in sizes:
                if found := bad_on(page, size):
                    wrong[f"{path.split('&at')[0]} at {size['width']}"] = found
    assert wrong == {}, "\n".join(f"{where}: {what}" for where, what in wrong.items())


@pytest.mark.parametrize("language", ["zh", "en"])
def test_why_a_home_is_not_watched_in_full_stays_in_sight(room: Room, sit: Sit, language: str) -> None:
    """9.5: however long addresses and names are, no column of the homes is pushed out of a small office screen; what is short stays in a line."""
    script = f"localStorage.setItem('anxin.language', '{language}')"
    page = sit("/devices?home=h0317", width=1366, height=768, script=script)
    page.locator(".inner .row").first.wait_for()
    over = "one => one.scrollWidth - one.clientWidth"
    comes_to(lambda: page.locator(".homes .scroll").evaluate(over), 0, "every column in the panel")
    lines = "one => { const words = document.createRange(); words.selectNodeContents(one); return words.getClientRects().length }"
    for short in ('[data-home="h0306"] .fold b', ".homes thead th:nth-child(3)"):
        assert page.locator(short).evaluate(lines) == 1, short


def test_where_a_red_is_can_be_read_whole(room: Room, sit: Sit) -> None:
    """On the desk the address of the red stands whole, and the steps and keys below it are in sight; HTML is shown as it is written."""
    room.raised("smoke", "h0317")
    page = sit("/desk", width=1366, height=768)
    address = page.locator(".hero .address")
    expect(address).to_contain_text("13 幢 1204 室（北门进，过自行车棚左转）")
    whole = "one => one.scrollWidth <= one.clientWidth && one.scrollHeight <= one.clientHeight + 1 && one.getBoundingClientRect().bottom < innerHeight"
    comes_to(lambda: address.evaluate(whole), True, "the whole address")
    room.raised("gas", "h0303")
    expect(page.locator(".queue").get_by_text("<b onclick=x>王&amp;</b>").first).to_be_visible()


def test_a_home_without_an_address_or_a_resident_is_told_apart(room: Room, sit: Sit) -> None:
    """Nobody and nothing is written down: its id stands in the queue, for whoever has to find out which home it is."""
    alert = room.raised("water", "h0306")
    page = sit("/desk")
    expect(page.locator(f'.queue [data-alert="{alert}"]')).to_contain_text("h0306")
