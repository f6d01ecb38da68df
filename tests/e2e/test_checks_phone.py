"""The phones in every state: ux.md 9.8 and 9.9. What stands there, that it fits, and that axe finds nothing."""

from __future__ import annotations

import io
import itertools
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import expect

from alerts import doorcards, links
from alerts.commands import link_secret
from alerts.events import Purpose
from care.messages import HomeHealth, Report, encode
from care.site import Site
from care.stream import HEALTH, REGISTRY
from care.words import Level
from tests.e2e.axe import axe
from tests.e2e.conftest import Sit, comes_to, picture, wait_for
from tests.e2e.room import Room
from tests.e2e.test_checks_pages import WIDE, cached, steps_of, tap
from tests.private import tells

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

HOME = "h0317"
CLOSING = {"cause": "C02", "verification": "V1", "actions": ["A1"], "outcome": "O1", "truth": "avoidable"}
SMALL, USUAL = (360, 740), (390, 844)


@pytest.fixture
def pan(tmp_path: Path) -> Path:
    """A burnt pan as a camera writes it: large, and with where and by whose telephone it was taken."""
    image = Image.new("RGB", (2600, 1900), (150, 140, 120))
    ImageDraw.Draw(image).ellipse(
        (700, 400, 1900, 1500), fill=(50, 45, 40), outline=(190, 190, 195), width=60
    )
    exif = Image.Exif()
    exif[0x010F] = "13800000921"
    exif.get_ifd(0x8825)[1] = "N"
    file = tmp_path / "pan.jpg"
    image.save(file, "JPEG", exif=exif, comment=b"29.9532 121.7104")
    return file


NEAR = """() => {
  const bar = (one) => { for (let at = one; at; at = at.parentElement) if (['fixed', 'sticky'].includes(getComputedStyle(at).position)) return at; return null }
  const keys = [...document.querySelectorAll('main button, main a, main summary')].filter((one) => one.checkVisibility()).map((one) => ({ one, bar: bar(one), box: one.getBoundingClientRect() }))
  const near = []
  keys.forEach((a, n) => keys.slice(n + 1).forEach((b) => {
    if (a.bar !== b.bar || a.one.contains(b.one) || b.one.contains(a.one)) return
    const gap = (low, high) => Math.max(b.box[low] - a.box[high], a.box[low] - b.box[high])
    if (Math.max(gap('left', 'right'), gap('top', 'bottom')) < 7.9) near.push(`${a.one.textContent.trim()} | ${b.one.textContent.trim()}`)
  }))
  return near
}"""
"""Keys closer to each other than a thumb can tell apart (ux 9.9: 8 px); what lies in a bar of its own is not measured against the page below it."""


def good(page: Page, name: str) -> None:
    """It fits sideways, every control can be hit, axe finds nothing; a picture is kept for the eye."""
    comes_to(lambda: page.evaluate(WIDE), False, "the fitting of the page")
    low = page.evaluate(
        """() => [...document.querySelectorAll('main button, main a, main label.take, main summary')].filter((one) => one.checkVisibility() && one.getBoundingClientRect().height < 47.5 && !one.closest('p') && !one.querySelector('img')).map((one) => one.textContent.trim())"""
    )
    assert low == [], "lower than 48 px"
    comes_to(lambda: page.evaluate(NEAR), [], "keys 8 px apart")
    # At its end nothing lies below the bar with the next step.
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    assert axe(page) == []
    page.evaluate("scrollTo(0, 0)")
    picture(page, name)


def me(room: Room) -> str:
    return str(room.house.people.users["responder"].staff)


def offered(room: Room, kind: str = "smoke", home: str = HOME) -> str:
    alert = room.raised(kind, home)
    room.command(alert, "dispatch", actor="s01", responders=[me(room)])
    return alert


def there(room: Room, alert: str) -> None:
    for step in ("accept", "depart", "arrive"):
        room.command(alert, step, actor=me(room))


def shelled(page: Page) -> None:
    """The phone has the page and its parts, so that it opens without a network."""
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    wait_for(
        lambda: page.evaluate("navigator.serviceWorker.controller !== null"), what="the worker in charge"
    )
    page.reload()
    page.locator('html[data-link="live"]').wait_for(state="attached")
    if page.url.endswith("/go"):
        wait_for(
            lambda: any("SceneCard" in url for url in cached(page)), what="the kept part for photographs"
        )


BUZZES = """window.buzzes = []; Navigator.prototype.vibrate = (how) => { window.buzzes.push(Array.isArray(how) ? how.length : how); return true }
const now = Date.now; Date.now = () => now() + (window.ahead ?? 0)"""
"""Keeps how the phone shook: 5 for a red, 1 for others, 0 when it is to be still. `ahead`: its clock, on by so many milliseconds."""


def test_a_second_task_rings_and_can_be_opened_refused_and_left_again(room: Room, sit: Sit) -> None:
    """9.9: whoever is under way to one home and is asked for another sees what it is and where, and answers with one press."""
    page = sit("/go", user="responder", width=360, height=740, script=BUZZES)
    first = offered(room)
    page.locator('[data-step="accept"]').click()
    page.locator('[data-step="depart"]').wait_for()
    other = next(h for h in room.registry.homes if h != HOME)
    second = offered(room, "sos", other)
    comes_to(lambda: page.evaluate("window.buzzes.at(-1)"), 5, "the ringing for the second")
    row = page.locator(f'[data-other="{second}"]')
    expect(row).to_contain_text("等您答复")
    good(page, "go-two")
    row.click()
    expect(page.locator('[data-step="accept"]')).to_be_visible()
    expect(page.locator(f'[data-other="{first}"]')).to_contain_text("已接单")
    page.locator('[data-step="decline"]').click()
    expect(page.locator('[data-step="depart"]')).to_be_visible()
    expect(page.locator("[data-other]")).to_have_count(0)
    states = {one.id: one.state for one in room.house.picture.cases[second].alert.responders}
    assert states[me(room)] == "declined"


def test_an_offered_red_shakes_the_phone_for_a_minute_or_until_it_is_taken(room: Room, sit: Sit) -> None:
    """9.9: again and again, not once; taking it makes it still, and so does the end of the minute: then the ladder goes on."""
    page = sit("/go", user="responder", width=390, height=844, script=BUZZES)
    offered(room)
    comes_to(
        lambda: page.evaluate("window.buzzes.filter((one) => one === 5).length >= 2"), True, "two bursts"
    )
    page.locator('[data-step="accept"]').click()
    comes_to(lambda: page.evaluate("window.buzzes.includes(0)"), True, "a phone that is stilled")
    page.evaluate("window.buzzes.length = 0")
    page.wait_for_timeout(6_000)
    assert 5 not in page.evaluate("window.buzzes"), (
        "it is taken, and a red would have shaken the phone again by now"
    )
    room.empty()
    offered(room, "gas", sorted(room.registry.homes)[1])
    comes_to(lambda: page.evaluate("window.buzzes.at(-1)"), 5, "the next red")
    page.evaluate("window.ahead = 61_000")
    comes_to(lambda: page.evaluate("window.buzzes.at(-1)"), 0, "a phone that is still after a minute")


@pytest.mark.parametrize(("width", "height"), [(360, 740), (320, 568)])
def test_of_an_area_the_phone_names_the_doors_and_each_is_ticked_off(
    room: Room, sit: Sit, width: int, height: int
) -> None:
    """9.9: offered, where; accepted, the homes with their telephones, and nobody of the one the case is kept under. Without a network the ticks wait, in order."""
    homes = [HOME, *[h for h in room.registry.homes if h != HOME][:4]]
    alert = room.raised(
        "offline", HOME, code="TE5", cause="area", level=Level.red, life=False, resident=None, device=None,
        evidence=(), title={"zh": "大面积断线：5 户失联", "en": "5 homes not heard"}, parameters={"homes": homes},
    )  # fmt: skip
    room.command(alert, "dispatch", actor="s01", responders=[me(room)])
    page = sit("/go", user="responder", width=width, height=height)
    expect(page.locator('[data-step="accept"]')).to_be_visible()
    expect(page.locator("[data-welfare]")).to_have_count(0)
    page.locator('[data-step="accept"]').click()
    expect(page.locator("[data-welfare]")).to_have_count(len(homes))
    for home in homes[:2]:
        row = page.locator(f'[data-welfare="{home}"]')
        expect(row).to_contain_text(room.registry.homes[home].address)
        expect(row.get_by_role("link")).to_have_attribute("href", f"tel:{room.registry.homes[home].phone}")
    expect(page.locator("[data-who], [data-route], .walk")).to_have_count(0)
    good(page, f"go-area-{width}")
    code = page.locator(f'[data-welfare="{HOME}"] [data-door]')
    page.context.set_offline(True)
    code.get_by_role("button").click()
    expect(code).to_contain_text("没有拿到密码")
    page.context.set_offline(False)
    code.get_by_role("button").click()
    expect(code).to_contain_text(room.registry.homes[HOME].access.door_code)
    expect(code.get_by_role("button")).to_have_count(0)
    page.context.set_offline(True)
    page.locator(f'[data-welfare="{homes[1]}"]').get_by_role("button", name="未联系上").click()
    page.locator(f'[data-welfare="{homes[1]}"]').get_by_role("button", name="平安").click()
    page.locator(f'[data-welfare="{homes[2]}"]').get_by_role("button", name="要上门").click()
    expect(page.get_by_text("3 步待上传")).to_be_visible()
    expect(page.locator(f'[data-welfare="{homes[1]}"][data-result="safe"]')).to_be_visible()
    page.context.set_offline(False)
    expect(page.get_by_text("待上传")).to_have_count(0, timeout=30_000)
    comes_to(
        lambda: {c.home: c.result for c in room.house.picture.cases[alert].alert.checks},
        {homes[1]: "safe", homes[2]: "visit"},
        "the last word on each home",
    )


@pytest.mark.parametrize(("width", "height"), [(390, 844), (320, 568)])
def test_a_relative_sees_every_open_case_with_its_steps(
    room: Room, sit: Sit, width: int, height: int
) -> None:
    """9.8: the sentence is about the smoke, though a power cut came later; both have their steps, and the second its own sentence."""
    room.raised("smoke", HOME)
    cut = room.raised(
        "offline", HOME, code="TE5", cause="area", level=Level.red, life=False, resident=None, device=None,
        evidence=(), parameters={"homes": [HOME]},
    )  # fmt: skip
    page = sit("/family", user="family", width=width, height=height)
    cards = page.locator("[data-case]")
    expect(cards).to_have_count(2)
    expect(page.get_by_role("heading", level=1)).to_contain_text("社区正在核实")
    expect(cards.nth(1)).to_contain_text(str(room.house.picture.cases[cut].alert.number))
    expect(cards.nth(1)).to_contain_text("断线")
    good(page, f"family-two-{width}")


# -- /go: a photograph of the scene, and the way --------------------------------------------------------------------


LEAVES = "const send = fetch; window.fetch = (to, how) => { if (how?.body instanceof Blob) window.left = how.body; return send(to, how) }"
"""Keeps what leaves the phone."""


def test_a_photograph_of_the_scene_is_taken_made_small_and_seen_by_the_desk(
    room: Room, sit: Sit, pan: Path
) -> None:
    """9.9: one press; small and without what the camera wrote; sent; the desk sees it with who and when and can delete it."""
    others = set(room.house_photos().rglob("*.jpg"))
    page = sit("/go", user="responder", width=SMALL[0], height=SMALL[1], script=LEAVES)
    alert = offered(room)
    there(room, alert)
    card = page.locator("[data-scene]")
    card.locator('input[type="file"]').set_input_files(pan)
    wait_for(lambda: page.evaluate("window.left !== undefined"), what="the photograph on its way")
    body = bytes(page.evaluate("window.left.arrayBuffer().then((all) => [...new Uint8Array(all)])"))
    assert len(body) <= 400_000
    assert b"13800000921" not in body
    assert b"29.9532" not in body
    with Image.open(io.BytesIO(body)) as small:
        assert (small.format, small.size) == ("JPEG", (1600, 1169))
    card.locator('[data-photo="sent"]').wait_for()
    expect(card.locator("input")).to_have_attribute("capture", "environment")
    good(page, "go-photo")
    desk = sit(f"/desk?case={alert}&tab=history")
    shown = desk.locator("[data-photo]")
    expect(shown).to_contain_text("林国平")
    wait_for(lambda: shown.locator("img").evaluate("one => one.naturalWidth") == 1600, what="the picture")
    assert axe(desk) == []
    picture(desk, "desk-photo")
    shown.get_by_role("button").click()
    shown.get_by_role("button", name="确定删除").click()
    expect(shown).to_have_count(0)
    expect(card.locator("[data-photo]")).to_have_count(0)
    assert set(room.house_photos().rglob("*.jpg")) == others


def test_a_photograph_without_a_network_waits_on_the_phone_and_comes_after_the_steps(
    room: Room, sit: Sit, pan: Path
) -> None:
    """9.9: taken in a cellar: 「1 张待上传」, still there after the page was opened anew; back online it is sent once."""
    page = sit("/go", user="responder", width=SMALL[0], height=SMALL[1])
    alert = offered(room)
    there(room, alert)
    page.locator("[data-scene]").wait_for()
    shelled(page)
    room.stop()
    page.locator("[data-scene] input").set_input_files(pan)
    page.get_by_text("1 张待上传").wait_for()
    page.reload()
    page.get_by_text("1 张待上传").wait_for()
    expect(page.locator('[data-photo="waiting"] img')).to_be_visible()
    good(page, "go-photo-offline")
    room.start()
    wait_for(lambda: len(room.house.photos_of(alert, HOME)["photos"]) == 1, what="the photograph")
    page.locator('[data-photo="sent"]').wait_for()
    expect(page.get_by_text("张待上传")).to_have_count(0)
    assert len(room.house.photos_of(alert, HOME)["photos"]) == 1


def changed(
    room: Room, consent: dict[str, list[str]] | None, *, drop: str = "photo", home: str = HOME
) -> None:
    """The site file is loaded anew with another consent of this home's residents."""
    raw = msgspec.json.decode(msgspec.json.encode(room.registry.site))
    for one in raw["homes"]:
        for resident in one.get("residents", []) if one["id"] == home else []:
            kept = {k: v for k, v in (resident.get("consent") or {}).items() if k != drop}
            resident["consent"] = {**kept, **(consent or {})}
    loaded(room, raw)


def loaded(room: Room, raw: Any) -> None:
    """Another site file is in force."""
    before = room.house.picture.registry
    room.do(
        room.stream.put(REGISTRY, "site", encode(msgspec.json.decode(msgspec.json.encode(raw), type=Site)))
    )
    wait_for(lambda: room.house.picture.registry is not before, what="the other site file")


@pytest.fixture
def own_site(room: Room) -> Iterator[None]:
    """Puts the room's own site file back."""
    yield
    before = room.house.picture.registry
    room.do(room.stream.put(REGISTRY, "site", encode(room.registry.site)))
    wait_for(lambda: room.house.picture.registry is not before, what="the site file of the room")


def test_who_needs_an_ambulance_is_heard_by_the_desk(room: Room, sit: Sit) -> None:
    """「需要 120」 held for a second: the case is loud again and says it; a touch does nothing."""
    alert = offered(room)
    there(room, alert)
    desk = sit("/desk")
    row = desk.locator(f'[data-alert="{alert}"]').first
    expect(row).to_contain_text("已到场")
    page = sit("/go", user="responder", width=SMALL[0], height=SMALL[1])
    page.get_by_role("button", name="需要 120").click()
    page.get_by_role("button", name="需要 120").click(delay=1_300)
    expect(row).to_contain_text("现场需要 120")
    expect(desk.locator('html[data-red="1"]')).to_be_attached()
    assert told_in(room, alert, "Noted") == 1


@pytest.mark.usefixtures("own_site")
def test_where_nobody_agreed_no_photograph_can_be_taken_and_the_page_says_so(room: Room, sit: Sit) -> None:
    """9.9, photo with consent: no camera is offered where somebody who lives there did not agree."""
    changed(room, None)
    page = sit("/go", user="responder", width=SMALL[0], height=SMALL[1])
    there(room, offered(room))
    card = page.locator("[data-scene]")
    expect(card).to_contain_text("老人没有同意拍照")
    expect(card.locator("input")).to_have_count(0)
    good(page, "go-photo-no-consent")


def test_the_way_is_told_in_words_after_acceptance_and_handed_to_the_phones_map(room: Room, sit: Sit) -> None:
    """9.9, route in words: from one's post, key, entrance, code, floor, room, as the site file has them; nothing before acceptance."""
    page = sit("/go", user="responder", width=SMALL[0], height=SMALL[1])
    alert = offered(room)
    page.locator('[data-step="accept"]').wait_for()
    expect(page.locator("[data-route]")).to_have_count(0)
    tap(page, "accept")
    way = page.locator("[data-route] li")
    home = room.registry.homes[HOME]
    expect(way.first).to_contain_text(re.compile(r"从您登记的位置往[东南西北]+，直线约 \d+ 米"))
    expect(way).to_contain_text(
        [f"先取钥匙：{home.access.key}", "到银杏小区 3 幢，进 2 单元", "单元门要密码", "4 楼", "敲 402 室"]
    )
    assert home.access.door_code not in page.content(), "the code itself only on demand"
    assert home.location is not None
    lat, lon = home.location
    expect(page.locator("[data-map]")).to_have_attribute(
        "href", f"geo:{lat:.6f},{lon:.6f}?q={lat:.6f},{lon:.6f}"
    )
    good(page, "go-way")
    # From where somebody sets out is nobody else's business.
    seen = page.request.get(f"{room.url}/api/v1/alerts/{alert}").json()
    assert [one["id"] for one in seen["responders"] if "way" in one] == [me(room)]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_words_of_the_door_code_are_not_cut_into_letters(room: Room, sit: Sit, language: str) -> None:
    """9.9: on the smallest phone 「查看密码」 and 「查看会留记录」 stand in one line each."""
    there(room, offered(room))
    script = f"localStorage.setItem('anxin.language', '{language}')"
    page = sit("/go", user="responder", width=320, height=568, script=script)
    page.locator("button.small").wait_for()
    lines = """one => [...one.childNodes].flatMap((node) => { const words = document.createRange(); words.selectNodeContents(node); return words.getClientRects().length })"""
    comes_to(lambda: page.locator("button.small").evaluate(lines), [1, 1], "a line each")
    comes_to(lambda: page.evaluate(WIDE), False, "the fitting of the page")


def test_what_is_not_registered_is_named_and_nothing_is_invented(room: Room, sit: Sit) -> None:
    """A home without key and code: the page says that they are not registered."""
    bare = next(
        h
        for h in room.registry.homes.values()
        if not h.access.key and not h.access.door_code and h.micro_grid
    )
    page = sit("/go", user="responder", width=SMALL[0], height=SMALL[1])
    room.command(offered(room, "smoke", bare.id), "accept", actor=me(room))
    expect(page.locator("[data-route] li").last).to_contain_text("没有登记：钥匙、单元门密码")
    expect(page.locator("[data-route]")).not_to_contain_text("先取钥匙")


def test_whoever_has_no_key_is_not_told_to_use_one(room: Room, sit: Sit) -> None:
    """9.9, script for the door: with a key 「用钥匙」; in a home of which none is registered the desk is to be rung."""
    homes = room.registry.homes
    bare = next(h.id for h in homes.values() if not h.access.key and h.micro_grid)
    page = sit("/go", user="responder", width=SMALL[0], height=SMALL[1])
    door = page.locator("[data-door]")
    for home, told, other in ((HOME, "没应答就用钥匙", "值班席"), (bare, "没应答就打给值班席", "就用钥匙")):
        alert = offered(room, "sos", home)
        room.command(alert, "accept", actor=me(room))
        expect(door).to_contain_text(told)
        expect(door).not_to_contain_text(other)
        room.command(alert, "close", actor="s01", **CLOSING)
        expect(door).to_have_count(0)


def test_of_two_who_live_there_one_reads_which_is_which(room: Room, sit: Sit) -> None:
    """9.9, name and flags: what must be known of each stands with their own name, not with all of the home in one row."""
    two = next(
        h for h in room.registry.homes.values()
        if len(h.residents) == 2 and all(r.flags or r.conditions for r in h.residents) and h.micro_grid
    )  # fmt: skip
    page = sit("/go", user="responder", width=SMALL[0], height=SMALL[1])
    alert = offered(room, "sos", two.id)
    room.command(alert, "accept", actor=me(room))
    for resident in two.residents:
        person = page.locator(f'[data-who="{resident.id}"]')
        expect(person).to_contain_text(resident.name)
        expect(person.locator(".tags li")).not_to_have_count(0)
    tags = page.locator(".tags")
    expect(tags).to_have_count(2)
    good(page, "go-two")


GROUND = "getComputedStyle(document.documentElement).backgroundColor"


def test_in_the_sun_the_phones_are_light(room: Room, sit: Sit) -> None:
    """7.2: a phone that asks for light gets white ground and dark letters, at each level and step; a dark one, and a desk, stay dark."""
    page = sit("/go", user="responder", width=SMALL[0], height=SMALL[1], color_scheme="light")
    comes_to(lambda: page.evaluate(GROUND), "rgb(255, 255, 255)", "white ground")
    good(page, "light-go-calm")
    for kind in ("sos", "bed", "battery"):
        alert = offered(room, kind)
        page.locator('[data-step="accept"]').wait_for()
        good(page, f"light-go-{kind}")
        room.command(alert, "accept", actor=me(room))
        page.locator('[data-step="depart"]').wait_for()
        good(page, f"light-go-{kind}-accepted")
        if kind == "sos":
            there(room, alert)
            page.locator("[data-scene]").wait_for()
            good(page, "light-go-there")
        room.command(alert, "close", actor="s01", **CLOSING)
        expect(page.locator("[data-step]")).to_have_count(0)
    page.emulate_media(color_scheme="dark")
    comes_to(lambda: page.evaluate(GROUND), "rgb(13, 17, 22)", "dark ground")
    room.raised("smoke", HOME)
    family = sit("/family", user="family", width=SMALL[0], height=SMALL[1], color_scheme="light")
    comes_to(lambda: sentence(family), "社区正在核实一条提醒", "the sentence")
    comes_to(lambda: family.evaluate(GROUND), "rgb(255, 255, 255)", "white ground")
    good(family, "light-family")
    desk = sit("/desk", color_scheme="light")
    comes_to(lambda: desk.evaluate(GROUND), "rgb(13, 17, 22)", "a desk that is dark")


# -- /go: the code of the door card ---------------------------------------------------------------------------------


def on_the_way(room: Room, kind: str = "smoke") -> tuple[str, str]:
    """A case whose responder has set out, and the code that hangs at its home."""
    alert = offered(room, kind)
    for step in ("accept", "depart"):
        room.command(alert, step, actor=me(room))
    return alert, doorcards.code(HOME, 1, room.do(link_secret(room.stream)))


def known_by(room: Room, alert: str) -> str | None:
    own = room.house.picture.cases[alert].alert.responder(me(room))
    return own.arrived_by if own is not None else None


def test_an_arrival_is_proved_by_the_code_of_the_door_card(room: Room, sit: Sit) -> None:
    """9.9: a wrong code is one sentence and the step stays; the right one is the arrival, and the desk reads how it is known."""
    alert, code = on_the_way(room)
    page = sit("/go", user="responder", width=SMALL[0], height=SMALL[1])
    field = page.get_by_label(re.compile("输入门卡编码"))
    send = page.locator("[data-door-card]").get_by_role("button", name="确认")
    told = page.locator("[data-door-card]").get_by_role("status")
    # there before its words, or nobody hears them; until then it takes no room
    expect(told).to_be_empty()
    expect(told).to_have_css("position", "absolute")
    field.fill(f"{(int(code) + 1) % 10**6:06}")
    send.click()
    told = told.filter(has_text="门卡编码不对")  # beside it may stand that the code waits to be sent
    expect(told).to_be_visible()
    expect(told).to_have_css("position", "static")
    expect(page.locator('[data-step="arrive"]')).to_be_visible()
    good(page, "go-door-card")
    field.scroll_into_view_if_needed()
    picture(page, "go-door-card-field")
    field.fill(f"{code[:3]} {code[3:]}")
    send.click()
    expect(page.locator("[data-door-card]")).to_contain_text("已凭门卡确认到场")
    wait_for(lambda: known_by(room, alert) == "code", what="the proof")
    assert steps_of(room, alert).count("Arrived") == 1
    desk = sit(f"/desk?case={alert}&tab=history")
    expect(desk.get_by_text("凭门卡确认到场").first).to_be_visible()


def test_the_square_on_the_card_brings_the_code_along(room: Room, sit: Sit) -> None:
    """`/go?door=…`: one press is left, also for somebody who forgot to say that they set out."""
    alert, code = on_the_way(room)
    page = sit(f"/go?door={code}", user="responder", width=SMALL[0], height=SMALL[1])
    expect(page.get_by_label(re.compile("输入门卡编码"))).to_have_value(code)
    page.locator("[data-door-card]").get_by_role("button", name="确认").click()
    wait_for(lambda: known_by(room, alert) == "code", what="the proof")


def test_a_code_waits_for_the_network_and_a_wrong_one_is_still_the_arrival(room: Room, sit: Sit) -> None:
    """Told without a network it is sent later with its own time; found wrong then, the arrival counts as pressed at that time."""
    alert, code = on_the_way(room)
    page = sit("/go", user="responder", width=SMALL[0], height=SMALL[1])
    page.get_by_label(re.compile("输入门卡编码")).fill(code)
    page.context.set_offline(True)
    page.locator("[data-door-card]").get_by_role("button", name="确认").click()
    expect(page.locator("[data-door-card]")).to_contain_text("门卡编码待上传")
    page.context.set_offline(False)
    wait_for(lambda: known_by(room, alert) == "code", what="the proof")
    room.command(alert, "close", actor="s01", **CLOSING)
    page.close()
    alert, code = on_the_way(room, "sos")
    room.passes(90)
    at = room.clock.now() - timedelta(seconds=60)
    wrong = {
        "key": "k1",
        "alert": alert,
        "command": "arrive",
        "at": at.isoformat(),
        "code": f"{(int(code) + 1) % 10**6:06}",
    }
    later = sit("/go", user="responder", width=SMALL[0], height=SMALL[1],
                script=f"if (!sessionStorage.was) {{ sessionStorage.was = 1; localStorage.setItem('anxin.out.responder', JSON.stringify([{json.dumps(wrong)}])) }}")  # fmt: skip
    wait_for(lambda: known_by(room, alert) == "press", what="the arrival")
    expect(later.locator("[data-door-card]")).to_contain_text("已按您当时的时间记为到场")
    own = room.house.picture.cases[alert].alert.responder(me(room))
    assert own is not None
    assert own.arrived_at is not None
    assert abs((own.arrived_at - at).total_seconds()) < 1


# -- /go: its other states ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("width", "height"), [SMALL, USUAL])
def test_a_task_that_is_gone_says_why(room: Room, sit: Sit, width: int, height: int) -> None:
    """Closed by the desk, or given to somebody else: a sentence says so, so that nobody goes for nothing or wonders."""
    page = sit("/go", user="responder", width=width, height=height)
    alert = offered(room)
    there(room, alert)
    page.get_by_text("已到场").first.wait_for()
    number = room.house.picture.cases[alert].alert.number
    room.command(alert, "close", actor="s01", **CLOSING)
    expect(page.locator(".ended")).to_contain_text(re.compile(rf"{number} 号在 \d\d:\d\d 已结案"))
    good(page, f"go-closed-{width}")
    other = offered(room, "sos")
    page.locator('[data-step="accept"]').wait_for()
    expect(page.locator(".ended")).to_have_count(0)
    number = room.house.picture.cases[other].alert.number
    somebody = next(
        s.id for s in room.registry.site.staff if s.role.value == "grid_worker" and s.id != me(room)
    )
    room.command(other, "accept", actor=me(room))
    room.command(other, "hand_over", actor=me(room), to=somebody)
    expect(page.locator(".ended")).to_contain_text(f"{number} 号已有别人去办，您不用去了")
    good(page, f"go-taken-{width}")


def test_who_declines_is_not_told_that_somebody_else_goes(room: Room, sit: Sit) -> None:
    """They know; and the next task comes as before."""
    page = sit("/go", user="responder", width=SMALL[0], height=SMALL[1])
    alert = offered(room)
    page.locator('[data-step="decline"]').click()
    page.get_by_text("现在没有派给您的任务").wait_for()
    wait_for(
        lambda: room.house.picture.cases[alert].alert.responder(me(room)).state == "declined", what="the no"
    )
    expect(page.locator(".ended")).to_have_count(0)


def told_in(room: Room, alert: str, kind: str) -> int:
    """How often something of this kind stands in the log."""
    log = room.house.picture.cases[alert].log
    return sum(type(event).__name__ == kind for change in log for event in change.events)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_who_is_there_hands_over_to_somebody_who_goes_too(room: Room, sit: Sit, language: str) -> None:
    """9.9: 处理 → 交接: two presses, offline as well; a double press counts once, and the other has the task then."""
    alert = offered(room)
    there(room, alert)
    other = next(
        s for s in room.registry.site.staff if s.role.value == "grid_worker" and s.id != me(room)
    )  # fmt: skip
    room.command(alert, "dispatch", actor="s01", responders=[other.id])
    for step in ("accept", "depart"):
        room.command(alert, step, actor=other.id)
    script = f"localStorage.setItem('anxin.language', '{language}')"
    page = sit("/go", user="responder", width=320, height=568, script=script)
    card = page.locator("[data-leave]")
    card.get_by_role("button").first.click()
    expect(card.locator(f'[data-to="{other.id}"]')).to_contain_text(other.name)
    expect(card).to_contain_text("请等他到了再走" if language == "zh" else "please wait until they are")
    good(page, f"go-hand-over-{language}")
    card.scroll_into_view_if_needed()
    picture(page, f"go-hand-over-card-{language}")
    page.context.set_offline(True)
    card.locator(f'[data-to="{other.id}"]').dblclick()
    expect(card.get_by_role("status")).to_contain_text("待上传" if language == "zh" else "Waits to be sent")
    page.context.set_offline(False)
    wait_for(lambda: told_in(room, alert, "HandedOver") > 0, what="the hand-over")
    expect(page.locator("[data-leave]")).to_have_count(0)
    expect(page.locator(".ended")).to_have_count(0)
    assert told_in(room, alert, "HandedOver") == 1
    states = {r.id: r.state for r in room.house.picture.cases[alert].alert.responders}
    assert (states[me(room)], states[other.id]) == ("left", "departed")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_until_whoever_takes_over_is_there_nobody_is_said_to_be(room: Room, sit: Sit, language: str) -> None:
    """Desk, wall and the phone of whoever comes say so; what is left of the ten minutes runs on, until they arrive."""
    words = "现场没有人，等接手的人到" if language == "zh" else "Nobody there until the next arrives"
    left = re.compile("到场还剩|On site.*left")
    script = f"localStorage.setItem('anxin.language', '{language}')"
    alert = offered(room)
    other = next(
        s for s in room.registry.site.staff if s.role.value == "grid_worker" and s.id != me(room)
    )  # fmt: skip
    room.command(alert, "dispatch", actor="s01", responders=[other.id])
    room.command(alert, "accept", actor=me(room))
    for step in ("accept", "depart", "arrive"):
        room.command(alert, step, actor=other.id)
    page = sit("/go", user="responder", width=320, height=568, script=script)
    desk, wall = sit(f"/desk?at={alert}", script=script), sit("/wall", script=script)
    for screen in (desk, wall):
        expect(screen.locator(".progress")).not_to_contain_text(left)
    room.command(alert, "hand_over", actor=other.id, to=me(room))
    for screen, where in (
        (desk, f'[data-hero="{alert}"]'),
        (wall, f'[data-hero="{alert}"]'),
        (page, ".what"),
    ):
        expect(screen.locator(where)).to_contain_text(words)
    for screen in (desk, wall):
        expect(screen.locator(".progress")).to_contain_text(left)
    good(page, f"go-nobody-there-{language}")
    picture(desk, f"desk-nobody-there-{language}")
    picture(wall, f"wall-nobody-there-{language}")
    assert axe(desk) == []
    room.command(alert, "arrive", actor=me(room))
    for screen, where in (
        (desk, f'[data-hero="{alert}"]'),
        (wall, f'[data-hero="{alert}"]'),
        (page, ".what"),
    ):
        expect(screen.locator(where)).not_to_contain_text(words)


def test_who_must_leave_is_heard_by_the_desk(room: Room, sit: Sit) -> None:
    """Nobody takes over: the case is loud again and says that nobody is there; one slip of the thumb does nothing."""
    alert = offered(room)
    there(room, alert)
    page = sit("/go", user="responder", width=SMALL[0], height=SMALL[1])
    card = page.locator("[data-leave]")
    card.get_by_role("button", name="交接、离开").click()
    expect(card).to_contain_text("现在没有别人过来")
    good(page, "go-leave")
    assert told_in(room, alert, "Declined") == 0
    card.get_by_role("button", name="没人接，我要离开").dblclick()
    expect(page.get_by_text("现在没有派给您的任务")).to_be_visible()
    desk = sit("/desk")
    expect(desk.locator(f'[data-alert="{alert}"]').first).to_contain_text("现场没有人")
    assert told_in(room, alert, "Declined") == 1


@pytest.mark.usefixtures("own_site")
@pytest.mark.parametrize("on", [True, False])
def test_without_a_task_one_reads_whether_one_is_on_duty(room: Room, sit: Sit, on: bool) -> None:
    """On duty: the phone will ring; not on duty: one may be told all the same, and nobody thinks that they are forgotten."""
    raw = msgspec.json.decode(msgspec.json.encode(room.registry.site))
    now = room.clock.now().astimezone(room.registry.zone)
    begins = now + timedelta(hours=-1 if on else 6)
    mine = {"staff": me(room), "from": f"{begins:%H:%M}", "to": f"{begins + timedelta(hours=3):%H:%M}"}
    raw["shifts"] = [
        s
        for s in raw["shifts"]
        if me(room) not in ([s["staff"]] if isinstance(s["staff"], str) else s["staff"])
    ]
    loaded(room, {**raw, "shifts": [*raw["shifts"], mine]})
    page = sit("/go", user="responder", width=SMALL[0], height=SMALL[1])
    expect(page.locator("[data-duty]")).to_have_attribute("data-duty", "on" if on else "off")
    expect(page.locator(".calm")).to_contain_text("有任务时手机会响" if on else "仍可能通知您")
    line = "one => parseFloat(getComputedStyle(one).borderTopWidth)"
    parts = [page.locator("[data-push]"), page.locator("[data-push]").locator("xpath=..")]
    assert sum(part.evaluate(line) for part in parts) == 1, "one line above the messages"
    good(page, f"go-duty-{'on' if on else 'off'}")


def test_offline_the_task_stays_and_says_how_old_it_is(room: Room, sit: Sit) -> None:
    """Opened anew without a network: the task as it was, 「离线」, and since when nothing was heard."""
    page = sit("/go", user="responder", width=USUAL[0], height=USUAL[1])
    room.command(offered(room), "accept", actor=me(room))
    page.locator('[data-step="depart"]').wait_for()
    shelled(page)
    page.locator('[data-step="depart"]').wait_for()
    room.stop()
    page.reload()
    page.get_by_text("离线", exact=True).wait_for()
    expect(page.get_by_text("连接中断")).to_be_visible()
    expect(page.locator("[data-route] li").last).to_contain_text("敲 402 室")
    good(page, "go-offline")
    room.start()


def test_what_the_service_has_not_told_yet_is_to_come_and_never_missing(room: Room, sit: Sit) -> None:
    """Accepted without a network: room, key, code and consent are 「联网后显示」, not 「没有登记」; back online they stand there."""
    page = sit("/go", user="responder", width=USUAL[0], height=USUAL[1])
    offered(room)
    page.locator('[data-step="accept"]').wait_for()
    shelled(page)
    room.stop()
    for step in ("accept", "depart", "arrive"):
        tap(page, step)
    way, scene = page.locator("[data-route]"), page.locator("[data-scene]")
    expect(way).to_contain_text("房号、钥匙、单元门密码：联网后显示")
    expect(way).not_to_contain_text("没有登记")
    expect(scene).to_contain_text("老人是否同意拍照：联网后显示")
    expect(scene).not_to_contain_text("没有同意")
    good(page, "go-not-told")
    room.start()
    expect(way.locator("li").last).to_contain_text("敲 402 室")
    expect(page.locator(".phone")).not_to_contain_text("联网后显示")


# -- one-time links -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", ["good", "used", "expired", "wrong"])
def test_a_link_of_a_message_opens_on_any_phone_and_says_what_to_do(
    room: Room, browser: Browser, which: str
) -> None:
    """Without sign-in and without a script: one large button; used, expired or wrong: a sentence and the way to sign in."""
    alert = offered(room)
    token = "nothing"
    if which != "wrong":
        until = room.clock.now() + timedelta(minutes=-1 if which == "expired" else 10)
        claim = links.Claim(alert, HOME, me(room), Purpose.accept, "d1", int(until.timestamp()))
        token = links.make(claim, room.do(link_secret(room.stream)))
    context = browser.new_context(viewport={"width": 360, "height": 740})
    page = context.new_page()
    try:
        page.goto(f"{room.url}/go/{token}")
        if which in ("good", "used"):
            expect(page.get_by_role("heading", level=1)).to_contain_text("烟感报警")
            assert not tells("402", page.content())
            letters = page.get_by_role("button").evaluate_all(
                "all => all.map((one) => getComputedStyle(one).fontSize)"
            )
            assert letters == ["22px", "22px", "22px"]
            good(page, "link-good")
            if which == "used":
                page.get_by_role("button", name="接受，我去").click()
                expect(page.get_by_role("status")).to_contain_text("已接受，请出发。")
                expect(page.get_by_role("link", name="登录看门牌和路线")).to_be_visible()
                if desk := room.registry.site.community.phone:
                    expect(page.get_by_role("link", name=f"值班席 {desk}")).to_be_visible()
                wait_for(lambda: "Accepted" in steps_of(room, alert), what="the acceptance")
                good(page, "link-used")
        else:
            title = "链接已过期" if which == "expired" else "链接无效"
            expect(page.get_by_role("heading", name=title)).to_be_visible()
            expect(page.get_by_role("link", name="登录安心")).to_be_visible()
            good(page, f"link-{which}")
    finally:
        context.close()


# -- /family --------------------------------------------------------------------------------------------------------


def lives(room: Room, protection: str = "protected") -> None:
    """The home's devices are heard, and the home is as protected as it is said."""

    async def work() -> None:
        now = room.clock.now()
        health = HomeHealth(
            home=HOME,
            at=now,
            protection=protection,
            reason="" if protection == "protected" else "no_call",
            devices=[],
            paths={},
        )
        await room.stream.put(HEALTH, f"home.{HOME}", encode(health))
        device = room.registry.homes[HOME].devices[0]
        report = Report(
            report_id=f"r-{now.timestamp()}", home=HOME, device=device.id, kind=device.kind.value, at=now,
            received_at=now, values={"motion": True},
        )  # fmt: skip
        await room.stream.publish(report.subject, encode(report))

    room.do(work())
    wait_for(lambda: HOME in room.house.picture.health, what="the home's health")


BROKEN = """(words) => {
  const nodes = []
  const walk = document.createTreeWalker(document.querySelector('h1'), NodeFilter.SHOW_TEXT)
  while (walk.nextNode()) nodes.push(...[...walk.currentNode.data].map((_, n) => [walk.currentNode, n]))
  const text = nodes.map(([node, n]) => node.data[n]).join('')
  const top = ([node, n]) => { const letter = document.createRange(); letter.setStart(node, n); letter.setEnd(node, n + 1); return letter.getBoundingClientRect().top }
  return words.filter((word) => { const at = text.indexOf(word); return at < 0 || top(nodes[at]) !== top(nodes[at + word.length - 1]) })
}"""
"""Which words of the sentence are broken over two lines, or are not there."""


def sentence(page: Page) -> str:
    return page.get_by_role("heading", level=1).inner_text().replace("\n", "")


@pytest.mark.own_room
@pytest.mark.parametrize(("width", "height"), [SMALL, USUAL])
def test_the_family_page_in_each_state_of_a_case(room: Room, sit: Sit, width: int, height: int) -> None:
    """9.8: calm; a reminder; who took it; at the home; how it has just ended, with the steps; later calm again."""
    lives(room)
    page = sit("/family", user="family", width=width, height=height)
    comes_to(lambda: sentence(page).startswith("今天没有异常"), True, "the calm sentence")
    good(page, f"family-calm-{width}")
    alert = room.raised("smoke", HOME)
    comes_to(lambda: sentence(page), "社区正在核实一条提醒", "the reminder")
    steps = page.locator(".steps li")
    expect(steps).to_contain_text(["接警", "已通话", "已上门", "平安"])
    expect(page.locator(".steps .done")).to_have_count(0)
    comes_to(lambda: page.evaluate(BROKEN, ["核实", "提醒"]), [], "words in one line each")
    good(page, f"family-new-{width}")
    room.command(alert, "acknowledge", actor="s01")
    comes_to(
        lambda: sentence(page), f"社区正在核实一条提醒，{room.house.name_of('s01')}已接警", "who took it"
    )
    room.command(alert, "call", actor="s01", to="home", result="answered")
    room.command(alert, "dispatch", actor="s01", responders=[me(room)])
    comes_to(lambda: sentence(page), "已通知工作人员上门", "who was asked")
    room.command(alert, "accept", actor=me(room))
    comes_to(lambda: sentence(page), "工作人员正在上门", "who goes")
    there(room, alert)
    comes_to(lambda: sentence(page), "工作人员已到家中", "who is there")
    expect(page.locator(".steps .done")).to_have_count(3)
    good(page, f"family-there-{width}")
    room.command(alert, "close", actor="s01", **CLOSING)
    comes_to(lambda: sentence(page), "刚才的提醒已处理完毕：平安", "how it ended")
    expect(page.locator(".steps li")).to_contain_text(["接警", "已通话", "已上门", "平安"])
    expect(page.get_by_text("等待中")).to_have_count(0)
    good(page, f"family-ended-{width}")


@pytest.mark.own_room
def test_what_ended_two_hours_ago_is_no_longer_the_first_thing_said(room: Room, sit: Sit) -> None:
    """And a home that cannot be seen is never said to be well because a case ended well."""
    lives(room)
    alert = room.raised("smoke", HOME)
    room.command(alert, "acknowledge", actor="s01")
    room.command(alert, "close", actor="s01", **CLOSING)
    page = sit("/family", user="family", width=SMALL[0], height=SMALL[1])
    comes_to(lambda: sentence(page), "刚才的提醒已处理完毕：平安", "how it ended")
    lives(room, "not")
    page.reload()
    comes_to(
        lambda: sentence(page), "刚才的提醒已处理完毕：平安。现在看不全家里的情况，社区正在检查设备", "both"
    )
    room.clock.advance(2 * 3600 + 60)
    lives(room)
    page.reload()
    comes_to(lambda: sentence(page).startswith("今天没有异常"), True, "the calm sentence")
    expect(page.locator(".steps")).to_have_count(0)


@pytest.mark.usefixtures("own_site")
@pytest.mark.parametrize(("width", "height"), [SMALL, USUAL])
def test_without_agreement_the_family_page_tells_nothing_and_says_so(
    room: Room, sit: Sit, width: int, height: int
) -> None:
    """9.8: no name, no state, no time; the centre's telephone, and a sentence why."""
    changed(room, None, drop="family")
    room.raised("smoke", HOME)
    page = sit("/family", user="family", width=width, height=height)
    comes_to(lambda: sentence(page), "老人还没有同意向家属显示情况", "the sentence")
    body = page.locator("main").inner_text()
    assert room.registry.homes[HOME].residents[0].name not in body
    assert not re.search(r"\d\d:\d\d", body), "nothing is told, so nothing has a time"
    expect(page.locator(".steps, .push")).to_have_count(0)
    expect(page.get_by_role("link", name="打电话给家里")).to_have_count(0)
    good(page, f"family-no-consent-{width}")


@pytest.mark.own_room
def test_a_practice_home_beside_real_ones_says_so_on_every_screen(room: Room, sit: Sit) -> None:
    """【模拟】 on the wall, the desk, the way there and the relatives' page; the real case beside it has no such word."""
    raw = msgspec.json.decode(msgspec.json.encode(room.registry.site))
    for home in raw["homes"]:
        home["simulated"] = home["id"] == HOME
    loaded(room, raw)
    room.raised("smoke", next(home for home in room.registry.homes if home != HOME))
    offered(room)
    for path, user in (("/wall", "operator"), ("/desk", "operator")):
        page = sit(path, user=user)
        expect(page.get_by_text(re.compile("【模拟】.*烟感报警")).first).to_be_visible()
        shown = page.locator("body").inner_text()
        assert re.search("^(?!.*【模拟】).*烟感报警", shown, re.MULTILINE), (
            f"{path}: the real case has no mark"
        )
    page = sit("/go", user="responder", width=SMALL[0], height=SMALL[1])
    expect(page.get_by_role("heading", level=1)).to_contain_text("【模拟】")
    page = sit("/family", user="family", width=SMALL[0], height=SMALL[1])
    expect(page.locator("[data-practice]")).to_contain_text("【模拟】")
    good(page, "family-practice")
    loaded(room, msgspec.json.decode(msgspec.json.encode(room.registry.site)))
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator("[data-practice]")).to_have_count(0)


CUT = """
const send = fetch; window.cut = sessionStorage.getItem('cut') === '1'
window.fetch = (to, how) => window.cut && String(to.url ?? to).includes('/api/v1/family') ? Promise.reject(new TypeError('cut')) : send(to, how)
"""
"""A gap that cuts the page off and not the stream, which lives in a worker of its own."""


def test_the_family_page_is_back_as_soon_as_the_stream_is_heard(room: Room, sit: Sit) -> None:
    """9.8: what a short gap hid is read again with the next heartbeat, not a minute later."""
    lives(room)
    page = sit("/family", user="family", width=SMALL[0], height=SMALL[1], script=CUT)
    expect(page.locator("h1:not(.none)")).to_have_count(1)
    page.evaluate("sessionStorage.setItem('cut', '1')")
    page.reload()
    page.get_by_text("离线，信息可能过时").wait_for()
    page.locator('html[data-link="live"]').wait_for(state="attached")
    page.evaluate("window.cut = false; sessionStorage.removeItem('cut')")
    expect(page.get_by_text("离线，信息可能过时")).to_have_count(0, timeout=9_000)


def test_the_family_page_offline_shows_the_last_sentence_with_its_time_in_bold(room: Room, sit: Sit) -> None:
    """9.8: the last known sentence, grey, its time in bold, and that it may be old; twice the size of letters loses nothing."""
    lives(room)
    page = sit("/family", user="family", width=SMALL[0], height=SMALL[1])
    expect(page.locator("h1:not(.none)")).to_have_count(1)
    known = sentence(page)
    shelled(page)
    comes_to(lambda: sentence(page), known, "the same sentence")
    room.stop()
    page.reload()
    page.get_by_text("离线，信息可能过时").wait_for()
    assert sentence(page) == known
    assert int(page.locator(".at b").evaluate("one => getComputedStyle(one).fontWeight")) >= 600
    good(page, "family-offline")
    yesterday = (room.clock.now() - timedelta(days=1)).astimezone(ZoneInfo("Asia/Shanghai"))
    page.evaluate(
        "at => { const key = Object.keys(localStorage).find((one) => one.startsWith('anxin.family.')); "
        "localStorage[key] = JSON.stringify({ ...JSON.parse(localStorage[key]), at }) }",
        yesterday.isoformat(),
    )
    page.reload()
    expect(page.locator(".at b")).to_have_text(f"{yesterday:%-m 月 %-d 日 %H:%M} 的情况")
    room.start()
    page.evaluate("document.documentElement.style.fontSize = '1250%'")
    comes_to(lambda: page.evaluate(WIDE), False, "letters of twice the size in the page")
    lines = "one => { const words = document.createRange(); words.selectNodeContents(one); return words.getClientRects().length }"
    comes_to(lambda: page.locator("header summary").evaluate(lines), 1, "a name in one line")


def test_every_state_of_the_phones_speaks_english(room: Room, sit: Sit) -> None:
    """C-I18N-1: the way, the photographs, the family's sentence: no Chinese but names and addresses."""
    english = "localStorage.setItem('anxin.language', 'en')"
    page = sit("/go", user="responder", width=SMALL[0], height=SMALL[1], script=english)
    alert = offered(room)
    there(room, alert)
    page.locator("[data-scene]").wait_for()
    page.locator("details.way summary").click()
    home = room.registry.homes[HOME]
    known = [
        home.address,
        home.access.key,
        "银杏小区 3 幢",
        "2 单元",
        "402 室",
        *(s.name for s in room.registry.site.staff),
        *(r.name for r in home.residents),
        *(c.name for c in home.contacts),
        "5-2 微网格",
        "微网格",
        "网格",
        "中文",
        "安心",
    ]
    for screen in (page, sit("/family", user="family", width=SMALL[0], height=SMALL[1], script=english)):
        text = screen.locator("main").inner_text()
        for name in itertools.chain(sorted(known, key=len, reverse=True)):
            text = text.replace(name, "")
        assert re.findall(r"[\u4e00-\u9fff、，。：（）]+", text) == []


def test_letters_of_twice_the_size_stay_on_a_responders_phone(room: Room, sit: Sit) -> None:
    """WCAG 1.4.4: whoever set their phone to large letters reads all of a task, asked and at the door, without scrolling sideways."""
    page = sit("/go", user="responder", width=SMALL[0], height=SMALL[1])
    alert = offered(room)
    page.locator('[data-step="accept"]').wait_for()
    large = "document.documentElement.style.fontSize = '1250%'"
    page.evaluate(large)
    comes_to(lambda: page.evaluate(WIDE), False, "the fitting of what is asked")
    there(room, alert)
    page.locator("[data-scene]").wait_for()
    comes_to(lambda: page.evaluate(WIDE), False, "the fitting of the task at the door")
    timer = page.locator(".time b").bounding_box()
    assert timer is not None
    assert timer["height"] > 80


def test_a_photograph_that_waits_stays_when_its_responder_signs_out(room: Room, sit: Sit) -> None:
    """What the desk does not have yet is asked about and kept; only an empty store goes with its name."""
    page = sit("/go", user="responder", width=SMALL[0], height=SMALL[1])
    user = page.evaluate("JSON.parse(localStorage['anxin.me']).user")
    page.evaluate(
        """user => new Promise((done) => {
          const open = indexedDB.open(`anxin.photos.${user}`, 1)
          open.onupgradeneeded = () => open.result.createObjectStore('photos', { keyPath: 'id' })
          open.onsuccess = () => {
            const change = open.result.transaction('photos', 'readwrite')
            change.objectStore('photos').put({ id: 'p1', alert: 'a1', at: '2026-05-23T04:00:00Z', picture: new Blob(['x']) })
            change.oncomplete = () => (open.result.close(), done())
          }
        })""",
        user,
    )
    page.locator("header summary").click()
    page.locator("[data-sign-out]").click()
    expect(page.get_by_text("1 张照片")).to_be_visible()
    page.locator("[data-anyway]").click()
    page.wait_for_url("**/sign-in**")
    names = "indexedDB.databases().then((all) => all.map((one) => one.name))"
    assert page.evaluate(names) == [f"anxin.photos.{user}"]
