"""The desk without a mouse and without eyes: a new alert from the first word that is heard to its end, by keys alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Sit, picture, wait_for
from tests.e2e.room import Room
from tests.e2e.test_checks_acts import happened, hero, state

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.browser

WATCH = """
window.heard = []
window.pointed = 0
addEventListener('pointerdown', () => window.pointed += 1, true)
new MutationObserver((all) => {
  for (const one of all) {
    const at = one.target instanceof Element ? one.target : one.target.parentElement
    const region = at?.closest('[role="alert"], [role="status"]')
    const words = region?.textContent.trim()
    if (words) window.heard.push([region.getAttribute('role'), words])
    for (const added of one.addedNodes) {
      if (!(added instanceof Element)) continue
      for (const inner of [added, ...added.querySelectorAll('*')]) if (inner.matches('[role="alert"], [role="status"]') && inner.textContent.trim()) window.heard.push([inner.getAttribute('role'), inner.textContent.trim()])
    }
  }
}).observe(document, { subtree: true, childList: true, characterData: true })
"""
"""What assistive technology is told: every change of a live region; and whether a finger or a mouse was there."""

FOCUS = """() => {
  const at = document.activeElement
  if (!at || at === document.body || at === document.documentElement) return null
  const box = at.getBoundingClientRect()
  const style = getComputedStyle(at)
  const ring = at.matches(':focus-visible') ? Number.parseFloat(style.outlineWidth) : 0
  // a hidden field of a row shows its ring on the label, which is what one sees
  const shown = at.closest('label, .take, li, [role="tabpanel"]')
  const outer = shown ? [...shown.querySelectorAll('*'), shown].some((one) => Number.parseFloat(getComputedStyle(one).outlineWidth) >= 2 && getComputedStyle(one).outlineStyle !== 'none') : false
  const middle = [Math.min(Math.max(box.left + box.width / 2, 1), innerWidth - 1), Math.min(Math.max(box.top + box.height / 2, 1), innerHeight - 1)]
  const top = document.elementFromPoint(...middle)
  return {
    what: `${at.tagName.toLowerCase()} ${(at.getAttribute('aria-label') ?? at.textContent ?? '').trim().slice(0, 40)}`,
    ring: (ring >= 2 && style.outlineStyle !== 'none') || outer,
    inside: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
    covered: box.width > 4 && top !== null && !(at.contains(top) || top.contains(at)),
  }
}"""


def focus_shows(page: Page) -> str:
    """Something has the focus, it is in the window, nothing lies over it, and it has a ring; says what it is."""
    at = page.evaluate(FOCUS)
    assert at is not None, "the focus is lost"
    assert at["inside"], at
    assert at["ring"], at
    assert not at["covered"], at
    return str(at["what"])


def tab_to(page: Page, name: str, *, back: bool = False, most: int = 80) -> None:
    """Tab until the control of that name has the focus; on the way the focus is never invisible."""
    for _ in range(most):
        page.keyboard.press("Shift+Tab" if back else "Tab")
        if page.evaluate("document.activeElement === document.body"):
            continue  # once round: the browser's own frame had it
        if name in focus_shows(page):
            return
    raise AssertionError(f"no key leads to {name!r}")


def heard(page: Page) -> list[list[str]]:
    found: list[list[str]] = page.evaluate("window.heard")
    return found


def test_c_a11y_5_a_new_alert_is_heard_taken_worked_and_closed_by_keys_alone(room: Room, sit: Sit) -> None:
    """C-A11Y-5: heard with level, type, name and address; taken, rung, answered, its outcome given, closed; no mouse, the focus always seen."""
    page = sit(script=WATCH)
    tab_to(page, "老人")
    before = page.evaluate("document.activeElement.textContent")
    alert = room.raised("smoke", "h0317")
    hero(page, alert)
    # Heard, and the focus did not jump.
    wait_for(
        lambda: [w for how, w in heard(page) if how == "alert" and "厨房烟感报警" in w],
        what="the word of the new red",
    )
    said = next(w for how, w in heard(page) if how == "alert" and "厨房烟感报警" in w)
    order = [
        said.index(part) for part in ("红色", "厨房烟感报警", "周阿婆", "银杏小区 3 幢 402 室", "未接警")
    ]
    assert order == sorted(order), said
    assert page.evaluate("document.activeElement.textContent") == before
    # Taken from where one is: on a link Space is free.
    page.keyboard.press("Space")
    wait_for(lambda: state(room, alert) == "acknowledged", what="the taking")
    # What came of the call, by its letter.
    page.get_by_role("button", name="没有拨打").wait_for()
    page.keyboard.press("z")
    wait_for(lambda: "Called" in happened(room, alert), what="the call")
    wait_for(lambda: [w for how, w in heard(page) if how == "status"], what="a word about what was done")
    # The script: R opens the drawer at the outcome, which takes the focus; above it the questions, whose advice is heard.
    page.keyboard.press("r")
    page.get_by_role("dialog").wait_for()
    inside = "document.activeElement.closest('dialog') !== null"
    wait_for(lambda: page.evaluate(inside), what="the focus in the drawer")
    question = page.locator(".question").first
    tab_to(page, "是", back=True)
    page.keyboard.press("Enter")
    expect(question.locator('button[aria-pressed="true"]')).to_have_count(1)
    wait_for(lambda: "Noted" in happened(room, alert), what="the answer")
    picture(page, "desk-keys-drawer")
    # The outcome: radio groups by arrows, boxes by Space, sent by Enter.
    form = page.get_by_role("form", name="处置结果")
    for field in ("原因", "核实", "处置", "结果", "真假"):
        group = form.get_by_role("group", name=field, exact=True)
        reach(page, group)
        focus_shows(page)
        # What is chosen stays so after a step there and back; where nothing is chosen Space chooses.
        if group.locator("input:checked").count() > 0:
            for key in ("Space", "Space") if field == "处置" else ("ArrowDown", "ArrowUp"):
                page.keyboard.press(key)
        else:
            page.keyboard.press("Space")
            while group.locator("input:checked").input_value() == "O5":  # nobody reached: that ends nothing
                page.keyboard.press("ArrowDown")
        expect(group.locator("input:checked")).not_to_have_count(0)
    tab_to(page, "结案")
    page.keyboard.press("Enter")
    wait_for(lambda: state(room, alert) == "closed", what="the end")
    page.get_by_role("dialog").wait_for(state="detached")
    wait_for(
        lambda: [w for how, w in heard(page) if how == "status" and "结案" in w],
        what="a word that it is closed",
    )
    # Still somewhere to go on from: the next Tab shows where one is, and no finger was needed.
    page.keyboard.press("Tab")
    focus_shows(page)
    assert page.evaluate("window.pointed") == 0


def reach(page: Page, group: Locator) -> None:
    """Tab into a group of the form."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if group.evaluate("one => one.contains(document.activeElement)"):
            return
    raise AssertionError("no key leads into the group")


def test_in_a_storm_one_sentence_in_five_seconds_is_heard(room: Room, sit: Sit) -> None:
    """10: ten reds at once: the first at once, then one sentence that names the oldest of the others and how many more."""
    page = sit(script=WATCH)
    for home in list(room.registry.homes)[:10]:
        room.raised("smoke", home)
    page.locator('html[data-red="10"]').wait_for(state="attached")
    news = '[data-spoken="alert"]'
    wait_for(lambda: "另有" in page.locator(news).inner_text(), what="the sentence about the others")
    reds = [words for how, words in heard(page) if how == "alert" and "厨房烟感报警" in words]
    assert 1 <= len(dict.fromkeys(reds)) <= 3, reds


def test_single_keys_switched_off_leave_no_hint_of_them(room: Room, sit: Sit) -> None:
    """9, WCAG 2.1.4: a key that does nothing stands nowhere on the desk; with keys it does."""
    room.raised("smoke", "h0317")
    hints = "() => [...document.querySelectorAll('main kbd')].filter((one) => one.checkVisibility()).length"
    page = sit()
    page.locator("[data-hero]").first.wait_for()
    wait_for(lambda: page.evaluate(hints) > 2, what="the keys")
    page.evaluate("localStorage.setItem('anxin.shortcuts', 'false')")
    page.reload()
    page.locator("[data-hero]").first.wait_for()
    page.locator("[data-keys=false]").wait_for()
    assert page.evaluate(hints) == 0


def test_a_row_of_the_queue_has_the_ring_of_everything_else(room: Room, sit: Sit) -> None:
    """10: 3 px of white and 2 px of dark round it, inside the list that would cut them off."""
    room.raised("smoke", "h0317")
    page = sit()
    row = page.locator(".queue [data-alert] a").first
    row.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    ring = row.evaluate(
        "one => { const s = getComputedStyle(one); return [s.outlineWidth, s.outlineOffset, s.boxShadow.includes('inset') && s.boxShadow.includes('0px 0px 0px 5px')] }"
    )
    assert ring == ["3px", "-5px", True]
