"""What is printed of a case: all of it, whichever tab is open, black on white, and that it is simulated where it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.e2e.axe import axe
from tests.e2e.conftest import ARTEFACTS, Sit, comes_to, picture, wait_for
from tests.e2e.room import Room

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

ON_ONE_LINE = """cell => { const words = document.createRange(); words.selectNodeContents(cell)
  return words.getClientRects().length === 1 && cell.getBoundingClientRect().right <= cell.closest('section').getBoundingClientRect().right }"""


@pytest.mark.own_room
def test_the_figures_are_printed_without_anybodys_name(room: Room, sit: Sit) -> None:
    """9.7: a sheet that leaves the house names the community, the days and the figures; no desk, no home, no device."""
    homes = list(room.registry.homes)
    for n in range(3):
        alert = room.raised("smoke", homes[20 + n])
        room.passes(10)
        room.command(alert, "acknowledge", actor="s01")
        outcome = {
            "cause": "C02",
            "verification": "V1",
            "actions": ["A1"],
            "outcome": "O1",
            "truth": "avoidable",
        }
        room.command(alert, "close", actor="s01", **outcome)
    for language, words, desk in (("zh", "响应指标", "第 1 席"), ("en", "Response figures", "Desk 1")):
        page = sit(
            "/kpi",
            script=f"localStorage.setItem('anxin.language', '{language}'); window.print = () => {{ window.printed = true }}",
        )
        name = room.house.name_of("s01")
        expect(page.locator('[data-desk="s01"]')).to_contain_text(name)
        page.locator(".shares .choice button").last.click()
        told = page.locator(f'[data-share="{homes[20]}"]')
        expect(told).to_contain_text(room.registry.homes[homes[20]].address)
        for width in (1920, 1440, 390):  # the third number is not squeezed away by an address
            page.set_viewport_size({"width": width, "height": 900})
            comes_to(lambda row=told: row.locator("td").last.evaluate(ON_ONE_LINE), True, f"1 / 1 at {width}")
        page.get_by_role("button", name="打印" if language == "zh" else "Print").click()
        page.wait_for_function("window.printed === true")
        page.emulate_media(media="print")
        assert axe(page) == []
        sheet = page.locator("body").inner_text()
        assert words in sheet
        assert desk in sheet
        assert room.registry.site.community.name in sheet
        people = {s.name for s in room.registry.site.staff} | {name}
        private = [*people, *homes, *(r.name for h in room.registry.homes.values() for r in h.residents)]
        assert [one for one in private if one in sheet] == []
        # Who prints with the browser's own key has no other sheet.
        page.emulate_media(media="screen")
        page.locator(".shares .choice button").last.click()
        page.emulate_media(media="print")
        expect(page.locator(".shares")).to_be_hidden()
        page.emulate_media(media="screen")
        page.locator(".shares .choice button").first.click()
        ARTEFACTS.mkdir(parents=True, exist_ok=True)
        page.pdf(path=ARTEFACTS / f"kpi-{language}.pdf", format="A4")


@pytest.mark.own_room
def test_the_printed_figures_tell_no_group_of_fewer_than_five_homes(room: Room, sit: Sit) -> None:
    """P-16 on paper, as in the file: three homes are told of in no figure, bar, rule or desk; seven are; the screen tells all."""
    homes = list(room.registry.homes)

    def burns(some: list[str]) -> None:
        for home in some:
            alert = room.raised("smoke", home)
            room.passes(10)
            room.command(alert, "acknowledge", actor="s01")
            outcome = {"cause": "C02", "verification": "V1", "actions": ["A1"], "outcome": "O1", "truth": "avoidable"}  # fmt: skip
            room.command(alert, "close", actor="s01", **outcome)

    burns(homes[20:23])
    hours = {"protected": 700.0, "partly": 10.0, "not": 8.0, "unknown": 2.0}
    day = room.clock.now().astimezone(room.registry.zone).date().isoformat()
    where = room.registry.homes["h0317"].address
    over = {
        "from": day, "to": day, "share": 97.2, "target": 99, "homes": 3, "hours": hours, "as_of": None, "since": None,
        "by_day": [{"day": day, "share": 97.2, "hours": hours}],
        "causes": [{"cause": "silent:smoke-0317", "reason": "silent", "words": "没有上报", "words_en": "silent", "label": "烟感", "label_en": "smoke",
                    "device": "smoke-0317", "home": "h0317", "address": where, "homes": 1, "home_hours": 8.0, "hours": hours}],
    }  # fmt: skip
    page = sit("/kpi", wait=False)
    page.route("**/api/v1/protection?*", lambda route: route.fulfill(json=over))
    page.reload()
    tile, withheld = page.locator(".tile").first, page.get_by_text("少于 5 户，不单列")
    rows = page.locator('[data-share="SM1"], [data-desk="s01"] td:not(.withheld)')
    bars = page.locator(f'[data-day="{day}"] .red')
    expect(tile).to_contain_text("100.0")
    expect(page.locator("[data-protection-time]")).to_contain_text(where)
    expect(rows.first).to_be_visible()
    expect(withheld.locator("visible=true")).to_have_count(0)
    page.emulate_media(media="print")
    expect(tile).to_contain_text("少于 5 户，不单列")
    expect(tile.get_by_text("100.0")).to_be_hidden()
    expect(page.locator(".columns")).to_be_hidden()
    for one in (*rows.all(), *bars.all()):
        expect(one).to_be_hidden()
    expect(page.get_by_text(where)).to_be_hidden()
    expect(page.locator("[data-protection-time]").get_by_text("97.20", exact=True)).to_be_hidden()
    expect(withheld.locator("visible=true")).not_to_have_count(0)
    assert on_paper(page) == []
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=ARTEFACTS / "kpi-paper-few.png", full_page=True)
    page.emulate_media(media="screen")
    burns(homes[23:27])
    over["homes"] = 40
    page.reload()
    expect(tile).to_contain_text("7 / 7")
    page.emulate_media(media="print")
    expect(tile).to_contain_text("100.0")
    expect(page.locator(".spread .columns")).to_be_visible()
    for one in (*rows.all(), *bars.all()):
        expect(one).to_be_visible()
    expect(page.locator("[data-protection-time]")).to_contain_text("97.20")
    expect(page.get_by_text(where)).to_be_hidden()
    page.screenshot(path=ARTEFACTS / "kpi-paper-seven.png", full_page=True)
    # narrowed to a place where only one of them is: on the screen it is told, on paper it is not
    page.emulate_media(media="screen")
    grid = next(g.id for g in room.registry.site.grids if any(m.id == room.registry.homes[homes[20]].micro_grid for m in g.micro_grids))  # fmt: skip
    page.goto(f"{room.url}/kpi?grid={grid}")
    expect(tile).to_contain_text("100.0")
    page.emulate_media(media="print")
    expect(tile.get_by_text("100.0")).to_be_hidden()
    expect(tile).to_contain_text("少于 5 户，不单列")


def test_a_case_is_printed_whole_and_without_controls(room: Room, sit: Sit) -> None:
    """Script, evidence, history and person on paper; no button, no form, and what else is open there as words; afterwards the open tab alone stands again."""
    alert = room.raised("smoke", "h0317")
    room.raised("gas", "h0317")
    room.command(alert, "acknowledge", actor="s01")
    page = sit(f"/desk?case={alert}", script="window.print = () => { window.printed = true }")
    drawer = page.locator("dialog.drawer")
    drawer.get_by_role("button", name="打印").click()
    page.wait_for_function("window.printed === true")
    page.emulate_media(media="print")
    for words in ("处置脚本", "依据", "经过", "联系人"):
        expect(drawer.get_by_role("heading", name=words, exact=False).first).to_be_visible()
    expect(drawer.locator("button:visible, input:visible, textarea:visible")).to_have_count(0)
    expect(drawer.locator(".related .paper:visible")).to_contain_text("燃气")
    expect(page.locator("main")).to_be_hidden()
    assert (
        page.evaluate("getComputedStyle(document.querySelector('dialog.drawer')).backgroundColor")
        == "rgb(255, 255, 255)"
    )
    page.emulate_media(media="screen")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    expect(drawer.get_by_role("heading", name="经过")).to_have_count(0)


def test_the_browsers_own_key_prints_the_whole_case_too(room: Room, sit: Sit) -> None:
    """Ctrl+P with the script open: evidence, history and person are on the sheet as well."""
    alert = room.raised("smoke", "h0317")
    page = sit(f"/desk?case={alert}")
    drawer = page.locator("dialog.drawer")
    expect(drawer.get_by_role("heading", name="经过")).to_have_count(0)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    expect(drawer.get_by_role("heading", name="经过")).to_have_count(1)
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    expect(drawer.get_by_role("heading", name="经过")).to_have_count(0)


def on_paper(page: Page) -> list[str]:
    """What axe finds on the sheet, and what is pale on it: ink that a laser printer loses."""
    page.emulate_media(media="print")
    comes_to(
        lambda: page.evaluate("getComputedStyle(document.body).backgroundColor"),
        "rgb(255, 255, 255)",
        "white paper",
    )
    pale: list[str] = page.evaluate(PALE)
    return [*axe(page), *pale]


PALE = """() => {
  const light = (colour) => { const [r, g, b, a = 1] = colour.match(/[\\d.]+/g).map(Number); return a === 0 ? null : (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255 }
  const bad = []
  let read = 0
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (walk.nextNode()) {
    const one = walk.currentNode.parentElement
    if (!one || !walk.currentNode.textContent.trim() || !one.checkVisibility({ visibilityProperty: true, opacityProperty: true }) || one.closest('.sr, script, style, svg, option')) continue
    const box = one.getBoundingClientRect()
    if (box.width < 2 || box.height < 2) continue
    read += 1
    let ground = null
    for (let at = one; at && ground === null; at = at.parentElement) ground = light(getComputedStyle(at).backgroundColor)
    const ink = light(getComputedStyle(one).color)
    if (Math.abs(ink - (ground ?? 1)) < 0.35) bad.push(`pale: ${one.tagName} ${walk.currentNode.textContent.trim().slice(0, 30)}`)
  }
  return read >= 10 ? bad : [`only ${read} words on the sheet`]
}"""


@pytest.mark.parametrize("language", ["zh", "en"])
def test_axe_finds_nothing_on_the_sheet_of_a_case(room: Room, sit: Sit, language: str) -> None:
    """C-A11Y-1 on paper: a case as it is printed, with every tab, open and closed."""
    alert = room.raised("smoke", "h0317")
    room.command(alert, "acknowledge", actor="s01")
    page = sit(
        f"/desk?case={alert}",
        script=f"localStorage.setItem('anxin.language', '{language}'); window.print = () => {{ window.printed = true }}",
    )
    for closed in (False, True):
        if closed:
            page.emulate_media(media="screen")
            page.evaluate("dispatchEvent(new Event('afterprint'))")
            outcome = {
                "cause": "C02",
                "verification": "V1",
                "actions": ["A1"],
                "outcome": "O1",
                "truth": "avoidable",
            }
            room.command(alert, "close", actor="s01", **outcome)
            page.goto(f"{room.url}/desk?case={alert}")
        drawer = page.locator("dialog.drawer")
        drawer.get_by_role("button", name="打印" if language == "zh" else "Print").click()
        wait_for(lambda: page.evaluate("window.printed === true"), what="the printing")
        assert on_paper(page) == []
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    page.pdf(path=ARTEFACTS / f"case-{language}.pdf", format="A4")


OFF_PAPER = """() => {
  const bad = []
  for (const one of document.querySelectorAll('main *')) {
    if (!one.checkVisibility() || one.closest('.sr, svg')) continue
    const style = getComputedStyle(one)
    if (style.overflowY !== 'visible' && one.scrollHeight > one.clientHeight + 1) bad.push(`cut: ${one.className || one.tagName}`)
    if (one.matches('button:not(.tile button, .shift, .bars button, .fold, .row, th button), form, select, input')) bad.push(`for fingers: ${one.textContent.trim().slice(0, 20)}`)
    if (style.printColorAdjust !== 'exact') bad.push(`ground left to the browser: ${one.className || one.tagName}`)
  }
  const dark = (colour) => { const [r, g, b, a = 1] = (colour.match(/[\\d.]+/g) ?? [0, 0, 0, 0]).map(Number); return a > 0 && r + g + b < 240 }
  for (const one of document.querySelectorAll('main svg')) {
    if (dark(getComputedStyle(one).backgroundColor)) bad.push('a chart on black')
    for (const shape of one.querySelectorAll('.band, .cell, .nil')) if (dark(getComputedStyle(shape).fill)) bad.push(`black: ${shape.getAttribute('class')}`)
  }
  return [...new Set(bad)]
}"""
"""What does not belong on a sheet: lists cut where the screen would scroll, what only a finger needs, grounds that cost a cartridge."""


def test_the_door_card_of_a_home_is_one_press_from_its_residents_page(room: Room, sit: Sit) -> None:
    """9.9: flat, code and square on paper, nobody's name; only for whoever keeps the cards."""
    operator = sit("/residents/r0317")
    operator.get_by_role("button", name="打印").wait_for()
    expect(operator.locator("[data-door-card]")).to_have_count(0)
    page = sit("/residents/r0317", user="admin", permissions=[])
    with page.context.expect_page() as opened:
        page.locator("[data-door-card]").click()
    card = opened.value
    expect(card.locator('[data-card="h0317"]')).to_contain_text("安心门卡")
    assert axe(card) == []
    card.emulate_media(media="print")
    box = card.locator('[data-card="h0317"]').bounding_box()
    assert box is not None
    assert abs(box["width"] / box["height"] - 92 / 54) < 0.02, "the size of a card, whatever stands in it"
    for resident in room.registry.homes["h0317"].residents:
        assert resident.name not in card.content()
    picture(card, "door-card")
    sheet = card.context.new_page()
    sheet.goto(f"{room.url}/api/v1/door-cards")
    expect(sheet.locator("[data-card]")).to_have_count(len(room.registry.homes))
    picture(sheet, "door-cards")


@pytest.mark.parametrize("path", ["/duty", "/devices", "/residents", "/residents/r0317", "/kpi", "/handover"])
def test_axe_finds_nothing_on_the_sheets_of_the_other_pages(room: Room, sit: Sit, path: str) -> None:
    """C-A11Y-1 on paper: readable, nothing pale, nothing cut, nothing black, no bars and keys of the screen; when and by whom."""
    room.raised("bed", "h0317")
    page = sit(path)
    page.locator("main :is(h1, h2):visible").first.wait_for()
    page.wait_for_timeout(500)  # what it asks the service for is there too
    page.set_viewport_size({"width": 720, "height": 1020})  # A4 within its margins
    assert on_paper(page) == []
    assert page.evaluate(OFF_PAPER) == []
    expect(page.get_by_role("banner")).to_be_hidden()
    if path != "/kpi":
        expect(page.locator("h1.paper")).to_contain_text("打印")
    if path == "/devices":  # a row a home, under the words that say what a column is
        expect(page.locator("thead")).to_be_visible()
        assert (
            page.locator("tr[data-home]").first.evaluate("one => getComputedStyle(one).display")
            == "table-row"
        )
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    page.pdf(path=ARTEFACTS / f"print{path.replace('/', '-')}.pdf", format="A4")
