"""C-WALL-1, 7.1: what gives way where the height is short: rows of the strip, then the steps; never a key, never a name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from care.messages import Evidence
from care.words import Kind, Level
from tests.e2e.conftest import Sit, comes_to, picture
from tests.e2e.extremes import extreme
from tests.e2e.room import Room
from tests.e2e.test_checks_look import CLIPPED

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

DESKS = [(1920, 1080), (1600, 900), (1366, 768)]
ENGLISH = "localStorage.setItem('anxin.language', 'en')"
DARK = """() => [...document.querySelectorAll('.hero .bottom button')].filter((one) => {
  const { x, y, width, height } = one.getBoundingClientRect()
  return [y + 3, y + height - 3].some((at) => !one.contains(document.elementFromPoint(x + width / 2, at)))
}).map((one) => one.textContent.trim())"""
"""Keys of the card that a pointer cannot reach, at their upper or their lower edge."""
HALF = """() => {
  const hero = document.querySelector('.hero'), script = hero.querySelector('.script'), below = hero.querySelector('.bottom').getBoundingClientRect()
  const rows = hero.querySelectorAll('.strip .line:not(.marks)').length, hours = hero.querySelectorAll('.strip .marks').length, bad = []
  const scrolls = hero.scrollHeight > hero.clientHeight + 1
  if (scrolls && getComputedStyle(hero).overflowY !== 'auto') bad.push(`cut: ${hero.scrollHeight} in ${hero.clientHeight}`)
  if (script.scrollHeight > script.clientHeight + 1) bad.push('steps are cut')
  const blank = below.top - (script.checkVisibility() ? script : hero.querySelector('.strip')).getBoundingClientRect().bottom
  if (innerHeight > 860 && !scrolls && rows < 5 && blank > (hours ? 29 : 26)) bad.push(`${rows} rows over ${Math.round(blank)} px`)
  return bad
}"""
"""What is wrong with how the card's height is shared out: something is cut, or a row is missing over blank space."""


def rows_of(page: Page) -> list[str]:
    found: list[str] = page.locator(".hero .strip .line:not(.marks) dt").all_inner_texts()
    return found


def fits(page: Page, *first: str) -> None:
    """Every key is in reach, nothing is cut, no row is missing over blank space, and these rows stand first."""
    comes_to(lambda: page.evaluate(HALF), [], "a card that is shared out well")
    comes_to(lambda: page.evaluate(DARK), [], "keys in reach")
    comes_to(lambda: rows_of(page)[: len(first)], list(first), "the rows that tell of the case")


@pytest.mark.own_room(site=extreme())
@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("home", ["h0317", "h0310"])
def test_the_keys_of_a_call_to_119_are_in_reach(room: Room, sit: Sit, home: str, language: str) -> None:
    """9.2: while 119 is on the line, what they ask takes the strip's and the steps' height; the results stay, for the longest words too."""
    alert = room.raised("smoke", home)
    room.raised("sos", "h0320")
    page = sit(f"/desk?at={alert}", script=ENGLISH if language == "en" else "")
    page.locator(".hero .take:not(.arming)").wait_for()
    fits(page)
    page.keyboard.down("9")
    results = page.locator(".hero .results button")
    expect(results).to_have_count(6)
    page.keyboard.up("9")
    for width, height in DESKS:
        page.set_viewport_size({"width": width, "height": height})
        comes_to(lambda: page.evaluate(DARK), [], f"keys in reach at {width}")
    page.set_viewport_size({"width": 1920, "height": 1080})
    fits(page)
    picture(page, f"call-119-{home}-{language}")
    page.locator(".hero .results .quiet").click()
    page.locator(".hero .take").wait_for()
    fits(page)


def label(page: Page, room: Room, home: str, kind: Kind) -> str:
    """How the strip calls a device of a home."""
    device = next(d.id for d in room.registry.homes[home].devices if d.kind is kind)
    rows: list[dict[str, Any]] = page.request.get(f"{room.url}/api/v1/homes/{home}/strip").json()["rows"]
    return str(next(row["label"] for row in rows if row["device"] == device))


@pytest.mark.parametrize("others", [0, 1])
def test_what_rang_stands_in_the_strip_whatever_is_open(room: Room, sit: Sit, others: int) -> None:
    """9.2: the row of the device that alarms is among those shown, with the call and the people open; rows come back with the room."""
    alert = room.raised("gas", "h0317")
    for _ in range(others):
        room.raised("sos", "h0320")
    page = sit(f"/desk?at={alert}")
    page.locator(".hero .take:not(.arming)").wait_for()
    gas = label(page, room, "h0317", Kind.gas)
    fits(page, gas)
    before = rows_of(page)
    page.keyboard.press("Space")
    page.locator(".hero .results").wait_for()
    fits(page, gas)
    page.keyboard.press("x")
    page.locator(".hero .dispatch .person").first.wait_for()
    fits(page, gas)
    page.keyboard.press("8")
    expect(page.locator('.hero .person[aria-pressed="true"]')).to_have_count(2)
    fits(page, gas)
    picture(page, f"strip-{others}")
    page.keyboard.press("8")
    page.keyboard.press("Escape")
    page.locator(".hero .take").wait_for()
    fits(page, gas)
    assert len(rows_of(page)) >= len(before) - 1


def test_what_bore_it_out_stands_in_the_strip(room: Room, sit: Sit) -> None:
    """9.2: a heart rate rings with the longest of titles, and something else bore it out: both rows are there."""
    home = room.registry.homes["h0317"]
    now = room.clock.now()
    belt, door = (next(d.id for d in home.devices if d.kind is kind) for kind in (Kind.bed_belt, Kind.smoke))
    alert = room.raised(
        "vitals",
        "h0317",
        level=Level.red,
        title={"zh": "卧室在床心率过快", "en": "Heart rate in bed is too high"},
        evidence=[Evidence(device=one, quantity="heart_rate", value=140, at=now) for one in (belt, door)],
    )
    room.raised("sos", "h0320")
    page = sit(f"/desk?at={alert}")
    page.locator(".hero .take:not(.arming)").wait_for()
    fits(page, label(page, room, "h0317", Kind.bed_belt), label(page, room, "h0317", Kind.smoke))


@pytest.mark.parametrize("language", ["zh", "en"])
def test_119_is_a_key_beside_the_people_too(room: Room, sit: Sit, language: str) -> None:
    """9.2: step 1 of a fire that is borne out says 119 as well: its key stands beside whom to send, held like the other one."""
    alert = room.raised("smoke", "h0317", code="SM2")
    page = sit(f"/desk?at={alert}", script=ENGLISH if language == "en" else "")
    page.locator(".hero .take:not(.arming)").wait_for()
    page.keyboard.press("d")
    page.locator(".hero .dispatch .person").first.wait_for()
    fits(page)
    one_line = "all => new Set(all.map((one) => Math.round(one.getBoundingClientRect().bottom))).size"
    assert page.locator(".dispatch .line > * button, .dispatch .line > button").evaluate_all(one_line) == 1
    key = page.locator(".dispatch .hold")
    key.click()
    page.locator(".dispatch .menu").wait_for()
    fits(page)
    page.keyboard.press("Escape")
    key.click(delay=1_200)
    expect(page.locator(".hero .call")).to_contain_text("119")
    fits(page)


TILES = """() => {
  const bad = [], box = document.querySelector('.grid-hero').getBoundingClientRect()
  for (const tile of document.querySelectorAll('[data-tile]')) {
    const edge = tile.getBoundingClientRect()
    if (edge.bottom > box.bottom - 4) bad.push(`tile ${Math.round(edge.bottom)} > ${Math.round(box.bottom)}`)
    if (tile.scrollHeight > tile.clientHeight + 1 || tile.querySelector('.now').getBoundingClientRect().bottom > edge.bottom - 4) bad.push(`cut: ${tile.textContent}`)
    const [left, right] = [...tile.querySelectorAll('.now > div')]
    for (const word of left.querySelectorAll('span, small')) if (word.getBoundingClientRect().right > right.getBoundingClientRect().left - 6) bad.push(`touches: ${word.textContent}`)
  }
  return bad
}"""
"""Of several reds on a wall: a tile that leaves the centre, words that leave their tile or touch the next column."""


@pytest.mark.own_room(site=extreme())
@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(
    "homes", [("h0301", "h0302", "h0304", "h0307"), ("h0317", "h0320", "h0325", "h0330")]
)
def test_four_reds_on_a_wall_stand_whole(room: Room, sit: Sit, homes: tuple[str, ...], language: str) -> None:
    """C-WALL-1: every step is past, three were asked for each, the longest addresses: no tile is cut, no words touch others."""
    for kind, home in zip(("gas", "sos", "smoke", "fall"), homes, strict=True):
        room.raised(kind, home)
    room.passes(620)
    wall = sit("/wall", script=ENGLISH if language == "en" else "")
    expect(wall.locator(".tile .now dd")).to_have_count(16)
    for width, height in ((1920, 1080), (3840, 1080), (1366, 768), (1080, 1920)):
        wall.set_viewport_size({"width": width, "height": height})
        comes_to(lambda: wall.evaluate(TILES), [], f"whole tiles at {width}")
        comes_to(lambda: wall.evaluate(CLIPPED), [], f"nothing cut at {width}")
    picture(wall, f"wall-4-{homes[0]}-{language}")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_steps_stand_on_a_wall_under_the_bar_of_other_reds(room: Room, sit: Sit, language: str) -> None:
    """7.1, wall: that other reds wait takes height, and so do the last steps of the ladder and three who were asked: the steps become denser."""
    alert = room.raised("gas", "h0317")
    room.raised("sos", "h0320")
    sit(f"/desk?at={alert}")
    wall = sit("/wall", script=f"localStorage.setItem('anxin.language', '{language}')")
    expect(wall.locator(".more-reds")).to_be_visible()
    steps = wall.locator(".hero .script li")
    for seconds in (0, 61, 60, 500):
        room.passes(seconds)
        for width, height in ((1920, 1080), (3840, 1080)):
            wall.set_viewport_size({"width": width, "height": height})
            expect(steps).to_have_count(3)
            comes_to(lambda: wall.evaluate(CLIPPED), [], f"nothing cut at {width} after {seconds} s")
    picture(wall, f"wall-steps-{language}")
