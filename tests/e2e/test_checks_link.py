"""C-LINK: a screen that has lost its source never looks calm, and one that has it back misses and doubles nothing."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from dashboard_api.folds import HEARTBEAT_SECONDS
from tests.e2e.conftest import Sit, comes_to, live, open_screen, seat, wait_for
from tests.e2e.room import Room

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser


def rows(page: Page) -> list[str]:
    """Alerts in the queue, in order, each as often as it is drawn."""
    return page.locator("[data-alert]").evaluate_all("rows => rows.map(row => row.dataset.alert)")


def link(page: Page, state: str) -> None:
    page.wait_for_selector(f'html[data-link="{state}"]', state="attached")


WATCHED = """
const inbox = Object.getOwnPropertyDescriptor(MessagePort.prototype, 'onmessage')
let last = 0
window.heard = []
window.turns = []
window.drawn = []
Object.defineProperty(MessagePort.prototype, 'onmessage', { ...inbox, set(hear) {
  inbox.set.call(this, (message) => {
    if (message.data.kind === 'event') heard.push([message.data.event.name, (last = performance.now())])
    hear.call(this, message)
  })
} })
addEventListener('DOMContentLoaded', () => {
  const root = document.documentElement
  new MutationObserver(() => { // told anew each second; a turn is another word
    if (turns.at(-1)?.[0] !== root.dataset.link) turns.push([root.dataset.link, (performance.now() - last) / 1000])
  }).observe(root, { attributeFilter: ['data-link'] })
  new MutationObserver(() => drawn.push([document.querySelectorAll('[data-alert]').length, performance.now()])).observe(root, { childList: true, subtree: true })
})"""
"""By the page's own clock: each event that reaches it, how long it had heard nothing when its link turned, how many rows it drew."""


@pytest.mark.own_room
def test_c_link_1_and_2_a_silent_stream_is_seen_and_healed(room: Room, sit: Sit) -> None:
    """C-LINK-1, C-LINK-2: silent for 6 s: stale, 12 s: down, said in words, values greyed; back: live, every row once."""
    desk = sit(script=WATCHED)
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
        silent = dict(desk.evaluate("turns.slice(-2)"))
        assert 5.5 <= silent["stale"] <= 9, silent
        assert 11.5 <= silent["down"] <= 16, silent
        # What was known stays in sight.
        expect(desk.locator(f'[data-alert="{before}"]')).to_be_visible()
    link(desk, "live")
    comes_to(lambda: sorted(rows(desk)), sorted([before, *meanwhile]), "every row, once")


@pytest.mark.own_room
def test_c_link_3_events_lost_on_the_way_are_noticed(room: Room, sit: Sit) -> None:
    """C-LINK-3: three events lost and nothing said after them: the next heartbeat alone tells the screen, which asks anew
    and shows what the server has."""
    desk = sit(script=WATCHED)
    before = desk.evaluate("performance.now()")
    with room.losing():
        for home in list(room.registry.homes)[:3]:
            room.raised("bed", home)
        comes_to(lambda: sorted(rows(desk)), sorted(room.open_ids), "the resync")
    link(desk, "live")
    names = [name for name, at in desk.evaluate("heard") if at > before]
    assert set(names[: names.index("snapshot")]) == {"hb"}, "something else told of it"
    whole = next(at for count, at in desk.evaluate("drawn") if at > before and count == 3)
    assert (whole - before) / 1000 <= 2 * HEARTBEAT_SECONDS, "two heartbeats"


@pytest.mark.own_room
def test_c_link_3_a_gap_is_noticed_by_the_event_behind_it(room: Room, sit: Sit) -> None:
    """C-LINK-3: three events lost, the heartbeats too: the fourth alone tells the screen, which asks anew at once."""
    desk = sit(script=WATCHED)
    homes = list(room.registry.homes)
    before = desk.evaluate("performance.now()")
    with room.losing(events=False, heartbeats=True):
        with room.losing():
            for home in homes[:3]:
                room.raised("bed", home)
        room.raised("bed", homes[3])
        comes_to(lambda: sorted(rows(desk)), sorted(room.open_ids), "the resync")
    heard = [(name, at) for name, at in desk.evaluate("heard") if at > before]
    assert "hb" not in [name for name, _ in heard]
    told = next(at for name, at in heard if name != "snapshot")
    asked = next(at for name, at in heard if name == "snapshot")
    # Not the long silence, after which a stream is opened anew all the same (24 s).
    assert (asked - told) / 1000 <= 12, "at once"


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


@pytest.mark.parametrize(
    ("role", "path", "words"),
    [("responder", "/go", "任务请打电话问值班席"), ("family", "/family", "有事请直接打家里电话"), ("operator", "/desk", "请改用值班手机")],
)  # fmt: skip
def test_who_cannot_reach_the_service_is_told_what_they_can_do(
    room: Room, browser: Browser, role: str, path: str, words: str
) -> None:
    """A responder and a relative have no duty phone: the sign-in page without a service tells each their own way out."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, locale="zh-CN")
    try:
        page = context.new_page()
        page.route("**/api/v1/session", lambda route: route.abort())
        page.goto(f"{room.url}{path}")
        expect(page.get_by_text("连不上服务，正在重试")).to_be_visible()
        expect(page.get_by_text(words)).to_be_visible()
    finally:
        context.close()


def test_a_part_that_does_not_come_says_so(room: Room, sit: Sit) -> None:
    """A panel or page that is fetched when it is asked for, and cannot be: a bar says it and offers to load again, once."""
    page = sit("/desk")
    page.context.route("**/assets/*Page-*.js", lambda route: route.abort())
    page.get_by_role("link", name="排班", exact=True).click()
    bar = page.get_by_role("alert").filter(has_text="没有加载出来")
    expect(bar).to_be_visible()
    page.get_by_role("link", name="指标", exact=True).click()
    expect(bar).to_have_count(1)
    page.context.unroute("**/assets/*Page-*.js")
    bar.get_by_role("button", name="现在刷新").click()
    link(page, "live")
    expect(bar).to_have_count(0)


STYLED = """[...document.styleSheets].some((one) => {
  try { return one.href?.includes('DutyPage-') && one.cssRules.length > 0 } catch { return false }  // lost on the way
})"""


def test_a_part_that_came_without_its_styles_gets_them(room: Room, sit: Sit) -> None:
    """The styles of a page are lost on the way, once: it is refused, and opened again it does not stay without them."""
    page = sit("/desk")
    page.context.route("**/assets/DutyPage-*.css", lambda route: route.abort())
    page.get_by_role("link", name="排班", exact=True).click()
    expect(page.get_by_role("alert").filter(has_text="没有加载出来")).to_be_visible()
    page.context.unroute("**/assets/DutyPage-*.css")
    page.get_by_role("link", name="排班", exact=True).click()
    page.wait_for_url("**/duty")
    wait_for(lambda: page.evaluate(STYLED), what="the styles of the page")


def test_a_phone_that_has_not_heard_yet_does_not_say_that_there_is_nothing_to_do(
    room: Room, browser: Browser
) -> None:
    """/go before the stream has spoken: 「正在连接」, and not 「现在没有派给您的任务」; then the task, or the calm words."""
    context = open_screen(browser, 390, 844)
    seat(context, room, "responder")
    try:
        page = context.new_page()
        with room.silenced():
            page.goto(f"{room.url}/go")
            expect(page.get_by_role("heading", name="正在连接")).to_be_visible()
            expect(page.get_by_text("现在没有派给您的任务")).to_have_count(0)
        expect(page.get_by_role("heading", name="现在没有派给您的任务")).to_be_visible()
    finally:
        context.close()


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


UNTOUCHED = """sessionStorage.loads = 1 + Number(sessionStorage.loads ?? 0)
addEventListener('DOMContentLoaded', () => (document.documentElement.dataset.loads = sessionStorage.loads))
Object.defineProperty(navigator, 'userActivation', { value: { hasBeenActive: false, isActive: false } })"""
"""A page that says how often it was loaded, and that does not take the driver's questions for a person's touch."""


def loaded(page: Page, times: int) -> None:
    expect(page.locator(f'html[data-loads="{times}"]')).to_be_attached()


@pytest.fixture
def newer(room: Room) -> Iterator[Callable[[str], None]]:
    """`newer("b2")`: from now on the service is of another build."""
    was = room.house.build

    def told(build: str = "b2") -> None:
        room.house.build = build

    yield told
    room.house.build = was


@pytest.mark.parametrize(
    ("path", "user"),
    [("/wall", "operator"), ("/desk", "operator"), ("/residents", "operator"), ("/calls", "social"), ("/family", "family")],
)  # fmt: skip
def test_a_new_build_reaches_a_page_that_stays_open(
    sit: Sit, newer: Callable[..., None], path: str, user: str
) -> None:
    """ux.md 6.2: no red open, nobody there and no sound to lose: the page is loaded anew by itself, and for each build once."""
    page = sit(path, user=user, script=UNTOUCHED)
    newer()
    loaded(page, 2)
    live(page)
    newer("b3")
    loaded(page, 3)


def test_a_new_build_waits_for_reds_and_is_offered_on_every_page(
    room: Room, sit: Sit, newer: Callable[..., None]
) -> None:
    """ux.md 6.2: with a red open nothing is loaded anew; 「有新版本」 stands there, on the desk as on the office's pages."""
    room.raised("smoke")
    desk = sit("/desk", script=UNTOUCHED)
    expect(desk.locator("[data-alert]")).to_have_count(1)
    newer()
    row = desk.get_by_role("status").filter(has_text="有新版本")
    expect(row).to_be_visible()
    # another page of the same document is no newer
    desk.get_by_role("link", name="老人", exact=True).click()
    expect(desk).to_have_url(f"{room.url}/residents")
    expect(row).to_be_visible()
    loaded(desk, 1)
    row.get_by_role("button", name="现在刷新").click()
    loaded(desk, 2)
    expect(desk).to_have_url(f"{room.url}/residents")
    live(desk)
    expect(row).to_have_count(0)


def test_a_new_build_is_offered_to_a_phone_that_rings(sit: Sit, newer: Callable[..., None]) -> None:
    """A phone that was touched rings, and would not after a reload by itself: 「有新版本」 stands there to be pressed."""
    page = sit("/go", user="responder", width=390, height=844, script=UNTOUCHED)
    page.get_by_role("heading", name="现在没有派给您的任务").click()
    newer()
    offer = page.get_by_role("button", name="有新版本")
    offer.click()
    loaded(page, 2)
    live(page)
    expect(offer).to_have_count(0)


def test_a_new_build_reaches_who_mends_devices(sit: Sit, newer: Callable[..., None]) -> None:
    """No stream stands behind /mend: it asks every five minutes."""
    page = sit("/mend", user="technician", width=390, height=844, wait=False, script=UNTOUCHED)
    page.clock.install()
    page.reload()
    loaded(page, 2)
    expect(page.get_by_role("heading", name="维修单")).to_be_visible()
    newer()
    page.clock.fast_forward(300_000)
    loaded(page, 3)


NEW_MS = 250
"""A stream that is younger is not opened anew when the network is back (web/src/live/stream.ts)."""


def streams(room: Room) -> dict[int, Any]:
    """The streams that are open now; held, so that the number of one that ended is given to no other."""
    return {id(one): one for channel in room.house.hub.channels.values() for one in channel.listeners}


def test_a_browser_that_says_offline_is_believed_at_once(room: Room, sit: Sit) -> None:
    """ux.md 6.2: no network is doubt at once and not after 6 s; back, the stream is opened anew at once."""
    desk = sit()
    heard = room.raised("smoke")
    expect(desk.locator(f'[data-alert="{heard}"]')).to_be_visible()
    desk.wait_for_timeout(NEW_MS)
    before = streams(room)
    with room.silenced():
        desk.context.set_offline(True)
        expect(desk.locator("html")).to_have_attribute("data-link", "stale", timeout=4_000)
        expect(desk.get_by_text("数据延迟").first).to_be_visible()
    desk.context.set_offline(False)
    wait_for(lambda: streams(room).keys() - before.keys(), what="a stream of its own")
    link(desk, "live")
    comes_to(lambda: rows(desk), [heard], "the row, once")


GREY = """(words) => words.map((one) => {
  let up = document.querySelector(one)
  while (up !== null && !getComputedStyle(up).filter.includes('grayscale(1)')) up = up.parentElement
  return up !== null
})"""
"""Whether each of these has lost its colour and its light, by itself or with what it stands in."""


def test_figures_beside_the_desk_are_grey_while_they_cannot_be_believed(room: Room, sit: Sit) -> None:
    """ux.md 9: a figure that is too old, or whose link is down, turns grey; what says so, and what is still read, does not."""
    page = sit("/duty")
    page.route("**/api/v1/map", lambda route: route.abort())
    page.reload()
    figures = [".verdict b", ".rota tbody td", ".hours li", ".steps li"]
    for one in figures:
        page.locator(one).first.wait_for()
    assert page.evaluate(GREY, figures) == [False] * 4
    page.route("**/api/v1/duty/coverage*", lambda route: route.abort())
    expect(page.get_by_role("region", name="十分钟覆盖").get_by_text("连不上服务")).to_be_visible()
    comes_to(
        lambda: page.evaluate(GREY, [*figures, ".middle .age"]), [True, *[False] * 4], "only what is old"
    )
    page.unroute("**/api/v1/duty/coverage*")
    comes_to(lambda: page.evaluate(GREY, figures), [False] * 4, "light")
    expect(page.locator("p.cover")).to_have_text("连不上服务")
    page.unroute("**/api/v1/map")
    with room.silenced():
        link(page, "down")
        comes_to(lambda: page.evaluate(GREY, figures), [True] * 4, "the loss of light")
    link(page, "live")
    comes_to(lambda: page.evaluate(GREY, figures), [False] * 4, "light")
    expect(page.locator("svg.cover")).to_be_visible()
