"""C-I18N-1: whoever switches to English reads English, on every page, in every role, with cases open and closed.

What stays Chinese is data (names, addresses, what people wrote) or marked as Chinese (`lang="zh-CN"`: words to be
said to the resident). Everything else that holds a Chinese character is a remnant, be it a text, a label or a title.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Route, expect

from care.schematic import building_of
from dashboard_api.people import add_user
from dashboard_api.redact import surname
from tests.e2e.axe import axe
from tests.e2e.conftest import Sit, comes_to
from tests.e2e.room import PASSWORD, Room

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

CJK = re.compile(r"[一-鿿]")
PART = re.compile(r"\d+ [幢单元号室]")
"""What is left of an address that is told in parts."""
ENGLISH = "localStorage.setItem('anxin.language', 'en')"
WORDS = """() => { const out = []
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT)
  while (walk.nextNode()) { const node = walk.currentNode
    const element = node.nodeType === 3 ? node.parentElement : node
    if (element.closest('[lang="zh-CN"], script, style, noscript')) continue
    if (node.nodeType === 3) { out.push(node.textContent.trim()); continue }
    for (const name of ['aria-label', 'title', 'placeholder', 'alt']) out.push(element.getAttribute(name) ?? '') }
  return [document.title, ...out].filter(Boolean) }"""

PAGES = {
    "operator": [
        "/desk",
        "/wall",
        "/residents",
        "/residents/r0317",
        "/residents/r0317?view=table",
        "/residents/r0317?view=limits",
        "/devices",
        "/duty",
        "/kpi",
        "/handover",
        "/tasks?tab=rounds",
        "/tasks?tab=repairs",
        "/tasks?tab=tests",
        "/tasks?tab=proposals",
        "/nowhere",
    ],
    "admin": ["/desk", "/tasks?tab=integrations", "/residents/r0317", "/kpi"],
    "doctor": ["/desk", "/residents/r0317"],
    "auditor": [
        "/desk",
        "/kpi",
        "/duty",
        "/tasks?tab=repairs",
        "/tasks?tab=integrations",
        "/records",
        "/records?period=all",
    ],
    "technician": ["/mend"],
    "social": ["/go", "/calls"],
    "responder": ["/go"],
    "family": ["/family"],
    "carer": ["/go"],
}


def data_of(room: Room) -> list[str]:
    """What of this community is a name, an address or something a person wrote: the longest first."""
    site = room.registry.site
    found: set[str] = set()
    for home in site.homes:
        found.add(building_of(home))
        found |= {surname(one.name) for one in (*home.residents, *home.contacts)}
        found |= {home.address, home.address.replace("单元 ", "") + " 室", home.building}
        found |= {one.name for one in (*home.residents, *home.contacts)}
        for word in re.findall(r"\S+ \d+ 幢|\S+ \d+ 号|\d+ 单元|\d+ 室", home.address):
            found.add(word)
    found |= (
        {surname(s.name) for s in site.staff}
        | {s.name for s in site.staff}
        | {site.community.name, site.community.street, site.community.centre_name}
    )
    found |= {m.name for g in site.grids for m in g.micro_grids} | {g.name for g in site.grids}
    found |= {u.display for u in room.house.people.users.values()}
    return sorted((one for one in found if one), key=len, reverse=True)


PATIENCE = 8.0
"""Seconds in which the English words of a page have to be there: they load when they are asked for."""


def remnants(page: Page, data: list[str]) -> list[str]:
    """Chinese that is left, and stays, when all data is taken away."""
    until = time.monotonic() + PATIENCE
    while (left := _left(page, data)) and time.monotonic() < until:
        page.wait_for_timeout(300)
    return left


def _left(page: Page, data: list[str]) -> list[str]:
    left = []
    for text in page.evaluate(WORDS):
        rest = text
        for word in data:
            rest = rest.replace(word, "")
        if CJK.search(PART.sub("", rest)):
            left.append(f"{text[:60]} → {''.join(CJK.findall(rest))}")
    return sorted(set(left))


def a_day(room: Room) -> dict[str, str]:
    """Something of everything: taken, on the way, closed, opened again, merged, cleared by itself."""
    homes = list(room.registry.homes)
    red = room.raised("smoke", "h0317")
    room.raised("gas", homes[2])
    sent = room.raised("sos", homes[4])
    who = str(room.house.people.users["responder"].staff)
    room.command(sent, "acknowledge", actor="s01")
    room.command(sent, "call", actor="s01", to="home", result="no_answer")
    room.command(sent, "dispatch", actor="s01", responders=[who])
    closed = room.raised("fall", homes[5])
    room.command(closed, "acknowledge", actor="s01")
    outcome = {"cause": "C02", "verification": "V1", "actions": ["A1"], "outcome": "O1", "truth": "real"}
    room.command(closed, "close", actor="s01", **outcome)
    room.raised("bed", homes[6])
    room.raised("water", homes[7])
    for home in homes[8:12]:
        room.raised("offline", home)
    return {"red": red, "sent": sent, "closed": closed}


@pytest.fixture(scope="module")
def open_room() -> Iterator[Room]:
    """A room with somebody of every role."""
    room = Room().open()
    room.all_protected()
    room.do(add_user(room.stream, "auditor", "auditor", PASSWORD))
    room.do(add_user(room.stream, "carer", "social_worker", PASSWORD, "s09"))
    yield room
    room.close()


@pytest.mark.parametrize("user", list(PAGES))
def test_c_i18n_1_and_a11y_1_every_page_speaks_english_to_everybody(room: Room, sit: Sit, user: str) -> None:
    """C-I18N-1, C-A11Y-1: every page of a role, in English: no Chinese but data, no key as it stands, nothing that axe finds."""
    a_day(room)
    data = data_of(room)
    wrong: dict[str, list[str]] = {}
    phone = user in ("family", "responder", "carer", "technician", "social")
    size = {"width": 390, "height": 844} if phone else {"width": 1440, "height": 900}
    page = sit(PAGES[user][0], user=user, script=ENGLISH, wait=False, **size)
    for path in PAGES[user]:
        page.goto(f"{room.url}{path}")
        expect(page.locator("html")).to_have_attribute("lang", "en-GB")
        page.locator("main").first.wait_for()
        page.wait_for_timeout(700)  # what it asks the service for must be there too
        keys = [t for t in page.evaluate(WORDS) if re.fullmatch(r"[a-z]+(\.[a-zA-Z]+)+", t)]
        if found := [*remnants(page, data), *keys, *axe(page)]:
            wrong[path] = found
    assert wrong == {}, "\n".join(f"{where}: {words}" for where, words in wrong.items())


@pytest.mark.parametrize("user", ["operator", "admin"])
def test_the_header_is_one_line_on_a_small_office_screen(room: Room, sit: Sit, user: str) -> None:
    """1366 wide: pages, line, sound, who is on duty and the time stand side by side, and none of them is cut."""
    page = sit("/devices", user=user, width=1366, height=768, script=ENGLISH)
    one_line = """() => {
      const header = document.querySelector('.header'), middle = (one) => one.getBoundingClientRect().y + one.getBoundingClientRect().height / 2
      const parts = [...header.querySelectorAll('.brand, nav, nav a, .state, .menu, .clock')]
      return [...parts.filter((one) => Math.abs(middle(one) - middle(parts[0])) > 6 || one.scrollWidth > one.clientWidth + 1 || one.getBoundingClientRect().right > innerWidth).map((one) => one.textContent), ...(parts.length > 10 ? [] : ['no header'])]
    }"""
    comes_to(lambda: page.evaluate(one_line), [], "a header of one line")
    expect(page.locator(".state.sound")).to_have_accessible_name(re.compile("^Sound"))
    expect(page.locator(".staff [title]")).to_have_attribute("title", re.compile("^On duty "))


PAINTED = """
  window.painted = ''
  new MutationObserver(() => { window.painted += document.body?.innerText ?? '' }).observe(document, { childList: true, subtree: true, characterData: true })
"""


def test_c_i18n_1_the_phone_shows_nothing_before_its_english_words_are_there(room: Room, sit: Sit) -> None:
    """On a slow line too: the first picture of `/go` is English, and no Chinese word of the page was there before it."""
    page = sit("/sign-in", user="responder", script=ENGLISH + PAINTED, wait=False, service_workers="block")
    slow: list[str] = []

    def later(route: Route) -> None:
        slow.append(route.request.url)
        time.sleep(0.6)
        route.continue_()

    page.route(re.compile(r"/assets/words\.en-.*\.js"), later)
    page.goto(f"{room.url}/go")
    expect(page.get_by_role("heading", name="No task for you now")).to_be_visible()
    assert slow, "its words did not come by themselves: this test has seen nothing"
    painted = page.evaluate("window.painted")
    assert "现在没有" not in painted
    assert "您现在不值班" not in painted


def test_c_i18n_1_a_case_speaks_english_on_every_tab_open_and_closed(room: Room, sit: Sit) -> None:
    """C-I18N-1: the drawer with its script, evidence, history, outcome; the sign-in; the list of keys."""
    cases = a_day(room)
    data = data_of(room)
    page = sit("/desk", script=ENGLISH)
    wrong: dict[str, list[str]] = {}

    def look(name: str) -> None:
        page.wait_for_timeout(500)
        if found := remnants(page, data):
            wrong[name] = found

    for name, alert in cases.items():
        for tab in ("script", "evidence", "history", "resident"):
            page.goto(f"{room.url}/desk?case={alert}&at={alert}&tab={tab}")
            page.get_by_role("dialog").wait_for()
            look(f"{name} {tab}")
    page.goto(f"{room.url}/desk")
    page.locator(".queue [data-alert]").first.wait_for()
    page.keyboard.press("?")
    page.get_by_role("dialog").wait_for()
    look("keys")
    page.context.clear_cookies()
    page.goto(f"{room.url}/sign-in")
    page.get_by_label("Password").wait_for()
    look("sign-in")
    assert wrong == {}, "\n".join(f"{where}: {words}" for where, words in wrong.items())
