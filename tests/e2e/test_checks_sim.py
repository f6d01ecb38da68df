"""The simulator's panel in a real Chromium: the frame on every screen, scenarios and faults, truth beside alerts (ux 9.10)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from care.words import Level
from tests.e2e.axe import axe
from tests.e2e.conftest import Sit, comes_to, open_screen, picture, wait_for
from tests.e2e.room import Room
from tests.e2e.test_checks_look import CLIPPED

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def open_room() -> Iterator[Room]:
    """A room that a simulator feeds, in place of the ordinary one."""
    room = Room(homes=24, simulated=True).open()
    room.all_protected()
    yield room
    room.close()


@pytest.fixture
def panel(sit: Sit) -> Page:
    """The panel, with its list of scenarios there."""
    page = sit("/sim", user="admin", width=1440, height=900)
    page.locator('[data-scenario="sos"]').wait_for()
    return page


FRAMED = """words => {
  const tape = getComputedStyle(document.documentElement, '::after')
  const around = tape.backgroundImage.includes('repeating-linear-gradient') && tape.position === 'fixed' && tape.inset === '0px'
  const apart = Number(tape.zIndex) > 20 && tape.pointerEvents === 'none'
  const strip = getComputedStyle(document.body, '::before').content
  const chip = document.querySelector('header .demo')
  const said = (chip && chip.getClientRects().length > 0 ? chip.textContent : '') + (strip === 'none' ? '' : strip)
  return around && apart && said.includes(words)
}"""


def framed(page: Page, words: str = "模拟环境") -> None:
    """The tape is around everything, in nobody's way, and the words are there to be read."""
    page.wait_for_function(FRAMED, arg=words, timeout=15_000)


@pytest.mark.parametrize(
    ("user", "path", "width", "height"),
    [
        ("operator", "/desk", 1920, 1080), ("operator", "/desk", 1280, 720), ("operator", "/wall", 1920, 1080),
        ("operator", "/wall", 1366, 768), ("operator", "/residents/r0317", 1440, 900), ("operator", "/duty", 1440, 900),
        ("responder", "/go", 360, 740), ("family", "/family", 390, 844), ("admin", "/sim", 1440, 900),
    ],
)  # fmt: skip
def test_every_screen_that_a_simulator_feeds_bears_the_frame(
    room: Room, sit: Sit, user: str, path: str, width: int, height: int
) -> None:
    """Tape around it and the words 模拟环境, with a red open too; it stands in nobody's way, and axe finds nothing."""
    page = sit(path, user=user, width=width, height=height)
    framed(page)
    if path == "/sim":
        page.locator('[data-scenario="sos"]').wait_for()
    alert = room.raised("smoke", "h0317")
    if user == "responder":
        room.command(alert, "dispatch", actor="s01", responders=[_responder(room)])
    expect(page.locator("html")).to_have_attribute(
        "data-red", "1" if user != "responder" else "0", timeout=15_000
    )
    framed(page)
    # The wall's words are looked at one by one, of the other pages only that they are as wide as the screen.
    wide = "document.documentElement.scrollWidth > innerWidth ? ['wider than the screen'] : []"
    wait_for(lambda: page.evaluate(CLIPPED if path == "/wall" else wide) == [], 20, "nothing cut")
    assert axe(page) == []
    page.emulate_media(media="print")
    on_paper = "() => getComputedStyle(document.body, '::before').content"
    wait_for(lambda: "模拟环境" in page.evaluate(on_paper), 20, "the words on paper")
    page.emulate_media(media="screen")
    picture(page, f"framed-{path.strip('/').replace('/', '-')}-{width}")


def _responder(room: Room) -> str:
    user = room.house.people.users["responder"]
    assert user.staff is not None
    return user.staff


def test_the_sign_in_page_bears_it_before_anybody_is_known(room: Room, browser: Browser) -> None:
    """The service puts it into the page itself; in English it says so in English."""
    context = open_screen(browser, 1280, 720)
    try:
        page = context.new_page()
        page.goto(f"{room.url}/sign-in")
        page.get_by_label("用户名").wait_for()
        framed(page)
        assert axe(page) == []
        page.get_by_role("button", name="English").click()
        expect(page.locator("html")).to_have_attribute("lang", "en-GB")
        framed(page, "Simulated")
    finally:
        context.close()


def test_only_an_admin_finds_the_panel(room: Room, sit: Sit) -> None:
    """The words in the header lead there for an admin, and are only words for an operator, for whom there is no such page."""
    desk = sit("/desk", user="operator")
    desk.goto(f"{room.url}/sim")
    expect(desk.get_by_role("heading", name="没有这个页面")).to_be_visible()
    expect(desk).to_have_url(f"{room.url}/sim")
    assert desk.request.get(f"{room.url}/api/v1/simulator").status == 404
    desk.get_by_role("link", name="去我的页面").click()
    expect(desk).to_have_url(f"{room.url}/desk")
    expect(desk.locator("header a.demo")).to_have_count(0)
    admin = sit("/desk", user="admin")
    admin.get_by_role("link", name="模拟环境").click()
    expect(admin.locator('[data-scenario="sos"]')).to_be_visible()


def reach(page: Page, wanted: Locator, keys: int = 80) -> None:
    """Come to something by Tab alone."""
    for _ in range(keys):
        if wanted.evaluate("one => one === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError("not reached by Tab")


def test_a_scenario_is_started_by_keyboard_and_found(room: Room, panel: Page) -> None:
    """A home is searched for and chosen, a scenario started: what was true stands beside what was raised, with its seconds."""
    panel.keyboard.press("/")  # as on every page: to the search
    expect(panel.locator("#sim-home")).to_be_focused()
    panel.keyboard.type("h0309")
    home = panel.locator('[data-home="h0309"]')
    expect(panel.locator(".home")).to_have_count(2)  # and the one that a seed chooses
    reach(panel, home)
    panel.keyboard.press("Enter")
    expect(home).to_have_attribute("aria-pressed", "true")
    start = panel.get_by_role("button", name="开始：烟感误报")
    reach(panel, start)
    panel.keyboard.press("Enter")
    expect(
        panel.get_by_role("status").filter(has_text="已开始：烟感误报，银杏小区 9 幢 1 单元 201")
    ).to_be_visible()
    expect(panel.locator("code")).to_have_text(
        "anxin simulate --site SITE --seed 1 --scenario virtual_smoke@h0309"
    )
    truth = panel.locator("[data-truth]").filter(has_text="银杏小区 9 幢 1 单元 201").first
    expect(truth).to_have_attribute("data-judged", "waiting", timeout=10_000)
    expect(truth).to_contain_text("还剩")
    alert = room.raised("smoke", "h0309")
    expect(truth).to_have_attribute("data-judged", "found", timeout=10_000)
    expect(truth.locator(".verdict")).to_have_text(re.compile(r"^发现 \d+(\.\d+)? 秒$"))
    expect(truth.get_by_role("link")).to_have_attribute("href", f"/desk?case={alert}")
    assert axe(panel) == []
    # The case came while the panel looked: how long it took to this very screen is measured.
    expect(panel.locator("[data-latency]").get_by_text("1 次").last).to_be_visible()
    # The message that said so, as it was sent, beside its case.
    panel.get_by_role("button", name="消息", exact=True).click()
    sent = panel.locator('[data-message="smoke-0309"]').filter(has=panel.get_by_role("link"))
    expect(sent.get_by_role("link")).to_have_attribute("href", f"/desk?case={alert}")
    expect(sent.locator("code")).to_contain_text("smoke")
    assert axe(panel) == []


def test_what_is_missed_and_what_is_raised_for_nothing_is_seen(room: Room, panel: Page) -> None:
    """The deadline passes and nothing came; something came that nothing explains."""
    panel.locator('[data-home="h0302"]').click()
    panel.get_by_role("button", name="马上").click()
    panel.get_by_role("button", name="开始：紧急呼叫").click()
    truth = panel.locator("[data-truth]").filter(has_text="头晕，按下紧急按钮").first
    expect(truth).to_be_visible(timeout=15_000)
    room.passes(30)
    expect(truth).to_have_attribute("data-judged", "missed", timeout=10_000)
    expect(truth.locator(".verdict")).to_have_text("漏报")
    alert = room.raised("gas", "h0305")
    nothing = panel.locator(f'[data-nothing="{alert}"]')
    expect(nothing).to_contain_text("误报", timeout=10_000)
    expect(panel.locator('[data-count="missed"]')).to_have_class("wrong")
    assert axe(panel) == []
    picture(panel, "sim-missed")


def test_messages_break_between_words(room: Room, panel: Page) -> None:
    """What a device sent is read word by word; only what is longer than a line is broken anywhere."""
    panel.locator('[data-home="h0302"]').click()
    panel.get_by_role("button", name="马上").click()
    panel.get_by_role("button", name="开始：紧急呼叫").click()
    panel.get_by_role("button", name="消息").click()
    sent = panel.locator(".messages code").first
    expect(sent).to_be_visible(timeout=15_000)
    assert sent.evaluate("one => [getComputedStyle(one).wordBreak, getComputedStyle(one).overflowWrap]") == [
        "normal",
        "anywhere",
    ]


def test_a_fault_is_put_in_force_and_ended(room: Room, panel: Page) -> None:
    """A cut needs a home; what is raised meanwhile may come of it; ended it is gone."""
    faults = panel.get_by_role("region", name="故障")
    add = faults.get_by_role("button", name="加上故障")
    faults.get_by_label("种类").select_option("gateway_cut")
    expect(add).to_be_disabled()
    expect(faults).to_contain_text("断网和停电要先选一户")
    panel.locator('[data-home="h0306"]').click()
    add.click()
    row = faults.locator('[data-fault="gateway_cut"]')
    expect(row).to_contain_text("h0306")
    alert = room.raised("battery", "h0306", level=Level.yellow)
    expect(panel.locator(f'[data-nothing="{alert}"]')).to_contain_text("可能由故障引起", timeout=10_000)
    # Not the newest row: what another test began may happen a moment later.
    truth = panel.locator("[data-truth]").filter(has_text="网关断网").first
    expect(truth).to_be_visible()
    row.get_by_role("button", name="结束：网关断网").click()
    expect(row).to_have_count(0)
    expect(truth).to_contain_text("网络恢复，未到应报时间", timeout=10_000)


# Half an hour after a cut what is raised anywhere may come of it: not what the other tests raise.
@pytest.mark.own_room(homes=24, simulated=True)
def test_the_push_service_and_the_broker_are_cut_and_restored(room: Room, panel: Page) -> None:
    """ux 9.10: neither wants a home; the panel turns to what the service makes of it: whom it hears, each message's fate."""
    faults = panel.get_by_role("region", name="故障")
    add = faults.get_by_role("button", name="加上故障")
    room.raised("smoke", "h0311")
    for kind, words in (("push_busy", "429"), ("broker_cut", "消息入口断开")):
        faults.get_by_label("种类").select_option(kind)
        expect(faults.get_by_label("范围")).to_have_count(0)
        add.click()
        expect(faults.locator(f'[data-fault="{kind}"]')).to_contain_text(words)
    made = panel.locator("[data-made]")
    expect(made.locator("[data-heard]")).to_be_visible()
    expect(made.locator("[data-sent]").first).to_be_visible()
    expect(made.locator("[data-part]")).to_have_count(4)
    assert room.push_answers[-1] == (429, 0.0, True)
    assert axe(panel) == []
    picture(panel, "sim-push")
    faults.locator('[data-fault="push_busy"]').get_by_role("button").click()
    faults.locator('[data-fault="broker_cut"]').get_by_role("button").click()
    expect(faults.locator("[data-fault]")).to_have_count(0)
    assert room.push_answers[-1] == (429, 0.0, False)


def test_a_simulated_screen_says_so_when_its_line_is_down_too(room: Room, sit: Sit) -> None:
    """9.10: permanent: in doubt the tape stands inside the white frame, and the banner has the word that the header had."""
    page = sit("/desk", width=1440, height=900)
    with room.silenced():
        page.wait_for_selector('html[data-link="down"]', state="attached", timeout=30_000)
        word = """getComputedStyle(document.querySelector('.over .banner > b'), '::after').content"""
        assert "模拟环境" in page.evaluate(word)
        tape = page.evaluate(
            """() => { const one = getComputedStyle(document.documentElement, '::after'); return [one.position, Number(one.zIndex), one.backgroundImage.includes('gradient')] }"""
        )
        frame = page.evaluate("Number(getComputedStyle(document.querySelector('.frame')).zIndex)")
        assert tape == ["fixed", frame + 1, True]
        picture(page, "sim-down")


def test_the_sound_check_covers_no_timer(room: Room, sit: Sit) -> None:
    """C-SND-2, 9.2: while nobody has done it yet, who, where and how long stay in sight at each width of a desk."""
    room.raised("smoke", "h0311")
    covers = """() => { const check = document.querySelector('.check').getBoundingClientRect()
      return [...document.querySelectorAll('.hero .band *, .hero .acts button, .hero .address, .map .tag')].filter((one) => { const box = one.getBoundingClientRect()
        return box.width > 0 && box.left < check.right && box.right > check.left && box.top < check.bottom && box.bottom > check.top }).map((one) => one.className) }"""
    for width, height in ((1920, 1080), (1440, 900), (1366, 768)):
        page = sit("/desk", width=width, height=height)
        page.locator(".hero").wait_for()
        page.locator(".check").wait_for()
        assert page.evaluate(covers) == [], width
    # On a phone there is no room beside the case: it comes when none is in the centre.
    phone = sit("/desk", width=390, height=844)
    phone.locator(".check").wait_for(state="attached")
    phone.locator(".acts .take").wait_for()
    comes_to(lambda: phone.evaluate(covers), [], "keys that nothing lies on")
    room.empty()
    expect(phone.locator(".check")).to_be_visible()


def test_a_simulator_that_is_away_is_said_and_one_that_comes_back_is_found(room: Room, panel: Page) -> None:
    """Nothing can be started meanwhile, and nothing that was true is forgotten by the page."""
    room.simulator_stops()
    expect(panel.get_by_role("alert").filter(has_text="模拟器没有应答")).to_be_visible(timeout=15_000)
    expect(panel.get_by_role("button", name="开始：紧急呼叫")).to_be_disabled()
    expect(panel.get_by_role("button", name="加上故障")).to_be_disabled()
    assert axe(panel) == []
    room.simulator_starts()
    expect(panel.get_by_role("button", name="开始：紧急呼叫")).to_be_enabled(timeout=15_000)


def test_the_panel_speaks_english(room: Room, sit: Sit) -> None:
    """No Chinese is left but names and addresses, which say that they are Chinese."""
    page = sit("/sim", user="admin", script="localStorage.setItem('anxin.language', 'en')")
    page.get_by_role("button", name="Start: SOS", exact=True).wait_for()
    left = """() => [...document.querySelectorAll('main *')].flatMap((one) => [...one.childNodes])
          .filter((node) => node.nodeType === 3 && /[\\u4e00-\\u9fff]/.test(node.textContent) && !node.parentElement.closest('[lang="zh-CN"]:not(html)'))
          .map((node) => node.textContent.trim())"""
    wait_for(lambda: page.evaluate(left) == [], 20, "English words")
    assert axe(page) == []


def test_the_pace_is_switched_live(room: Room, panel: Page) -> None:
    """x60 while it runs: the world's clock runs ahead, the panel says what cannot keep up, and x1 is normal again."""
    pace = panel.get_by_role("group", name="快慢")
    pace.get_by_role("button", name="×60", exact=True).click()
    expect(pace.get_by_role("button", name="×60", exact=True)).to_have_attribute("aria-pressed", "true")
    expect(panel.get_by_text("快进：")).to_be_visible()
    assert axe(panel) == []
    picture(panel, "sim-fast")
    pace.get_by_role("button", name="×1", exact=True).click()
    expect(panel.get_by_text("快进：")).to_have_count(0)


def test_a_line_is_silenced_and_every_screen_notices(room: Room, panel: Page, sit: Sit) -> None:
    """ux 9.10: the link tests are switches; a wall beside the panel goes stale, and then is right again."""
    wall = sit("/wall")
    faults = panel.get_by_role("region", name="故障")
    faults.get_by_label("种类").select_option("silent")
    faults.get_by_label("程度").select_option("10")
    faults.get_by_role("button", name="加上故障").click()
    expect(faults.locator('[data-fault="silent"]')).to_contain_text("还有")
    wall.wait_for_selector('html[data-link="stale"]', state="attached", timeout=20_000)
    alert = room.raised("sos", "h0305")
    wall.wait_for_selector('html[data-link="live"]', state="attached", timeout=30_000)
    wall.locator(f'[data-alert="{alert}"]').first.wait_for(state="attached")
    expect(faults.locator('[data-fault="silent"]')).to_have_count(0)


@pytest.mark.parametrize("test", ["drop", "lie", "restart"])
def test_a_line_that_loses_lies_or_begins_anew_leaves_no_screen_wrong(
    room: Room, panel: Page, sit: Sit, test: str
) -> None:
    """Each is noticed, and every screen then shows what there is."""
    wall = sit("/wall")
    faults = panel.get_by_role("region", name="故障")
    faults.get_by_label("种类").select_option(test)
    faults.get_by_role("button", name="加上故障").click()
    panel.get_by_role("status").filter(has_text="看各个屏幕怎样发现").wait_for()
    alerts = [room.raised("sos", home) for home in ("h0306", "h0307")]
    for page in (wall, panel):
        for alert in alerts if page is wall else ():
            page.locator(f'[data-alert="{alert}"]').first.wait_for(state="attached", timeout=30_000)
        page.wait_for_selector('html[data-link="live"]', state="attached", timeout=30_000)
