"""C-LAYOUT: nothing moves under the hand while a page fills: what is still being read has its place already."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Sit, comes_to
from tests.e2e.room import Room

pytestmark = pytest.mark.browser

SECONDS = 6
"""From opening; by then everything that a page asks for at once has come."""
MOST = 0.05
"""The sum of what moved, as browsers weigh it (part of the window times distance). web.dev calls up to 0.1 good."""
WATCH = f"""{{
  Object.defineProperty(navigator, 'userActivation', {{ value: {{ hasBeenActive: false, isActive: false }} }}) // the driver asks; nobody touches
  const ask = fetch
  let asked = 0
  globalThis.fetch = async (...all) => {{
    await new Promise((done) => setTimeout(done, 200 + 150 * (asked++ % 5)))
    return ask(...all)
  }}
  let sum = 0
  const moved = []
  const name = (one) => one?.nodeType === 1 ? `${{one.tagName.toLowerCase()}}.${{[...one.classList].join('.')}}` : one?.parentElement?.className ?? '?'
  new PerformanceObserver((list) => {{
    for (const shift of list.getEntries()) {{
      sum += shift.value
      moved.push(`${{Math.round(shift.startTime)}} ms ${{shift.value.toFixed(3)}} ${{shift.sources.map((one) => `${{name(one.node)}} ${{Math.round(one.previousRect.x)}},${{Math.round(one.previousRect.y)}},${{Math.round(one.previousRect.width)}},${{Math.round(one.previousRect.height)}}>${{Math.round(one.currentRect.x)}},${{Math.round(one.currentRect.y)}},${{Math.round(one.currentRect.width)}},${{Math.round(one.currentRect.height)}}`).join(' | ')}}`)
    }}
  }}).observe({{ type: 'layout-shift', buffered: true }})
  setTimeout(() => {{
    const root = document.documentElement
    root.dataset.moved = sum <= {MOST} ? 'little' : `${{sum.toFixed(3)}}: ${{moved.join('; ')}}`
  }}, {SECONDS * 1000})
}}"""

PAGES = [
    ("/desk", "operator", 1920, 1080), ("/desk", "supervisor", 1366, 768), ("/wall", "operator", 1920, 1080), ("/residents", "operator", 1920, 1080),
    ("/residents/RESIDENT", "operator", 1920, 1080), ("/devices", "operator", 1920, 1080),
    ("/tasks", "operator", 1920, 1080), ("/duty", "operator", 1920, 1080), ("/kpi", "operator", 1920, 1080),
    ("/handover", "operator", 1920, 1080), ("/calls", "social", 390, 844), ("/calls", "operator", 1920, 1080),
    ("/go", "responder", 390, 844), ("/family", "family", 390, 844), ("/mend", "technician", 390, 844),
]  # fmt: skip


KEYS = """() => Object.fromEntries([...document.querySelectorAll('.header :is(a, button), .hero button, .people button, .find, .map')].map((one, n) => {
  const { x, y, width, height } = one.getBoundingClientRect()
  return [`${n} ${one.className} ${one.textContent.trim().slice(0, 12)}`, [x, y, width, height].map(Math.round).join(' ')]
}))"""
"""Where each thing stands that a hand may be on its way to."""


@pytest.mark.own_room
@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (1366, 768)])
def test_c_layout_2_a_banner_that_comes_later_moves_no_key(
    room: Room, sit: Sit, width: int, height: int
) -> None:
    """C-LAYOUT-2: with a red in the centre a flood begins, then the line is lost: every key stays where it was, and the banner
    covers none of the first screen's."""
    red = room.raised("smoke")
    page = sit(f"/desk?at={red}", width=width, height=height)
    page.locator(".hero .take:not(.arming)").wait_for()
    page.locator(".banner.blocked").wait_for(state="detached")
    comes_to(
        lambda: page.evaluate("document.querySelectorAll('.people .report').length > 0"),
        True,
        "people who were told",
    )
    before = page.evaluate(KEYS)
    room.filled(12, ("bed", "vitals"))
    banner = page.get_by_text("告警洪峰")
    expect(banner).to_be_visible()
    comes_to(lambda: page.evaluate(KEYS), before, "keys that stay when a flood begins")
    covered = """() => [...document.querySelectorAll('.hero button, .find')].filter((one) => {
      const { x, y, width, height } = one.getBoundingClientRect()
      return !one.contains(document.elementFromPoint(x + width / 2, y + height / 2))
    }).map((one) => one.textContent)"""
    assert page.evaluate(covered) == []
    assert page.evaluate(
        "document.querySelector('.banner.flood').getBoundingClientRect().bottom <= innerHeight"
    )
    with room.silenced():
        page.locator('html[data-link="down"]').wait_for(state="attached")
        comes_to(lambda: page.evaluate(KEYS), before, "keys that stay when the line is lost")


@pytest.mark.own_room
@pytest.mark.parametrize(("path", "user", "width", "height"), PAGES)
def test_c_layout_1_nothing_moves_while_a_page_fills(
    room: Room, sit: Sit, path: str, user: str, width: int, height: int
) -> None:
    """C-LAYOUT-1: within six seconds from opening, with cases open, what moves weighs no more than 0.05."""
    first, second, *_ = sorted(room.registry.homes)
    room.raised("smoke")
    room.raised("bed", first)
    room.raised("battery", second)
    path = path.replace("RESIDENT", room.registry.homes[first].residents[0].id)
    page = sit(path, user=user, width=width, height=height, script=WATCH, wait=False)
    expect(page.locator("html")).to_have_attribute("data-moved", "little")
