"""Cases of the service centre itself: a silent desk, a hole in the rota. Nobody lives there, and no screen says otherwise."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from care.schematic import building_of
from care.words import Level
from tests.e2e.axe import axe
from tests.e2e.conftest import Sit, comes_to, picture
from tests.e2e.room import Room

pytestmark = pytest.mark.browser

SILENT = ("TE14", "screens", "监控席无声或无人值守")
OF_A_HOME = ("家中", "钥匙", "120", "119", "老人", "同户", "门牌", "楼层")


@pytest.mark.own_room
def test_a_silent_desk_is_rung_and_no_home_is_named(room: Room, sit: Sit) -> None:
    """Its script is what a colleague does; no address, key, evidence of a home or ambulance; the first key rings the desk."""
    phone = room.registry.site.community.phone
    assert phone, "the demo community has a number"
    case = room.raised_at_centre(*SILENT)
    page = sit(f"/desk?at={case}")
    hero = page.locator(f'[data-hero="{case}"]')
    expect(hero).to_contain_text("居家养老服务中心")
    expect(hero.locator(".script")).to_contain_text("给值班席打电话，请人看屏幕、听声音")
    expect(hero.locator(".script")).to_contain_text(phone)
    for word in OF_A_HOME:
        expect(hero).not_to_contain_text(word)
    picture(page, "centre-desk")
    # Held as long as it takes: there is no ambulance to call to a screen.
    page.keyboard.down("0")
    page.wait_for_timeout(1_300)
    page.keyboard.up("0")
    expect(page.locator(".call")).to_have_count(0)
    page.locator(".take").click()
    expect(page.locator(".call")).to_contain_text("正在拨打 值班席")
    expect(page.locator(".call")).to_contain_text(phone)
    page.keyboard.press("Z")
    page.keyboard.press("Enter")
    drawer = page.locator("dialog.drawer")
    expect(drawer.get_by_role("tab")).to_have_text(["脚本", "佐证", "经过"])
    expect(drawer.locator("blockquote")).to_contain_text("值班席已经超过一分钟没有声音了")
    drawer.get_by_role("button", name="是").first.click()
    expect(drawer).to_contain_text("好，请先看屏幕。")
    assert axe(page) == []
    picture(page, "centre-drawer")
    drawer.get_by_role("tab", name="经过").click()
    expect(drawer).to_contain_text("拨打值班席：接通")
    drawer.get_by_role("tab", name="佐证").click()
    expect(drawer).not_to_contain_text("同户佐证")


@pytest.mark.own_room
def test_on_the_wall_and_on_a_phone_it_is_the_centre(room: Room, sit: Sit) -> None:
    """The wall names what it is, of nobody; whoever is sent there reads the centre, and no door, key or home number."""
    case = room.raised_at_centre(*SILENT)
    wall = sit("/wall")
    row = wall.locator(f'[data-alert="{case}"]')
    expect(row).to_contain_text("监控席无声或无人值守")
    expect(row).to_contain_text("居家养老服务中心")
    picture(wall, "centre-wall")
    room.command(case, "dispatch", actor="s01", responders=["s07"])
    phone = sit("/go", user="responder", width=360, height=740)
    expect(phone.locator("main")).to_contain_text("监控席无声或无人值守")
    expect(phone.locator("h2")).to_contain_text("居家养老服务中心")
    phone.locator('[data-step="accept"]').click()
    expect(phone.locator('[data-step="depart"]')).to_be_visible()
    for word in ("没有登记", "门牌", "打给家里"):
        expect(phone.locator("main")).not_to_contain_text(word)
    expect(phone.locator("[data-door]")).to_have_count(0)
    picture(phone, "centre-phone")


@pytest.mark.own_room
@pytest.mark.parametrize(
    ("code", "cause", "title", "do"),
    [
        ("TE8", "duty:desk", "值班席无人值班", "请人顶班"),
        ("ST1", "storm", "设备告警集中出现，已合并", "是不是同一幢"),
        ("TE15", "integration:meals", "外部系统没有上报", "对方系统的联系人"),
    ],
)
def test_other_cases_of_the_centre_ring_nobody(
    room: Room, sit: Sit, code: str, cause: str, title: str, do: str
) -> None:
    """A hole in the rota, a storm, a silent partner: the case is taken, and no telephone at a home is dialled."""
    case = room.raised_at_centre(code, cause, title)
    page = sit(f"/desk?at={case}")
    hero = page.locator(f'[data-hero="{case}"]')
    expect(hero.locator(".script")).to_contain_text(do)
    expect(hero.locator(".take")).to_contain_text("接警")
    for word in ("拨打", "120", "119", "钥匙", "同户"):
        expect(hero).not_to_contain_text(word)


@pytest.mark.own_room
def test_a_cut_of_an_area_is_about_its_homes(room: Room, sit: Sit) -> None:
    """Desk, wall and case name the area and how many homes, with steps of its own that are read whole, and nobody of the home it is kept under."""
    homes = list(room.registry.homes)[4:10]
    case = room.raised(
        "offline", homes[0], code="TE5", cause="area", level=Level.red, life=False, resident=None, device=None,
        evidence=(), title={"zh": "沿江新村大面积断线：6 户失联", "en": "沿江新村: 6 homes not heard"}, parameters={"homes": homes},
    )  # fmt: skip
    name = room.registry.homes[homes[0]].residents[0].name
    desk = sit(f"/desk?at={case}")
    hero = desk.locator(f'[data-hero="{case}"]')
    expect(hero.locator(".script")).to_contain_text("95598")
    expect(hero.locator(".person")).to_have_text("6 户")
    expect(hero).not_to_contain_text(name)
    expect(desk.locator(f'.queue [data-alert="{case}"]')).to_contain_text("6 户")
    # In several buildings: the address says in how many, the map colours all of them and marks none as the place.
    places = len({building_of(room.registry.homes[home]) for home in homes})
    assert places > 1
    expect(hero.locator(".address")).to_contain_text(f"等 {places} 处")
    expect(desk.locator(".map .tag, .map [data-ring], .map .route")).to_have_count(0)
    expect(desk.locator(".map rect.building.red")).to_have_count(places)
    # Of the ladder, whose words are longer here, nothing is cut.
    expect(hero.locator(".ladder li").first).to_contain_text("大屏值班席、运维")
    cut = "() => [...document.querySelectorAll('.ladder li:not(.bar)')].filter((one) => one.scrollWidth > one.clientWidth || one.offsetHeight > 48).map((one) => one.textContent)"
    comes_to(lambda: desk.evaluate(cut), [], "a ladder of which nothing is cut, in one line")
    whole = "one => { const box = one.getBoundingClientRect(), room = one.closest('.script').getBoundingClientRect(); return box.height > 0 && box.bottom <= room.bottom + 1 }"
    comes_to(lambda: hero.locator(".script .detail").first.evaluate(whole), True, "since when, read whole")
    wall = sit("/wall")
    expect(wall.locator(f'[data-hero="{case}"]')).to_be_visible()
    expect(wall.locator(f'[data-hero="{case}"]')).not_to_contain_text("**")
    expect(wall.locator(f'[data-hero="{case}"] h2')).to_have_text("大面积断线")
    expect(wall.locator(f'[data-hero="{case}"] .person')).to_have_text("6 户")
    expect(wall.locator(f'[data-hero="{case}"] .address')).to_contain_text(f"等 {places} 处")
    expect(wall.locator(".map rect.building.red")).to_have_count(places)
    desk.goto(f"{room.url}/desk?at={case}&case={case}")
    drawer = desk.get_by_role("dialog")
    expect(drawer.locator("[data-welfare]")).to_have_count(6)
    expect(drawer.get_by_role("tab")).to_have_count(3)
    first = drawer.locator(".options.cause label").first
    expect(first).to_contain_text("断网、断电")


def test_of_many_homes_the_first_key_opens_the_list(room: Room, sit: Sit) -> None:
    """Nobody is to be rung: the space bar takes the case and opens whom to look after, and opens it again; in the case the list stays."""
    homes = list(room.registry.homes)[4:7]

    def dark(at: str) -> str:
        return room.raised(
            "offline", at, code="TE5", cause="area", level=Level.red, life=False, resident=None, device=None,
            evidence=(), title={"zh": "3 户失联", "en": "3 homes not heard"}, parameters={"homes": homes},
        )  # fmt: skip

    case = dark(homes[0])
    desk = sit("/desk")
    hero = desk.locator(f'[data-hero="{case}"]')
    expect(hero.locator(".take")).to_contain_text("接警并逐户关照")
    desk.locator("main [data-hero] .take:not(.arming)").wait_for()
    desk.keyboard.press("Space")
    drawer = desk.get_by_role("dialog")
    expect(drawer.locator("[data-welfare]")).to_have_count(len(homes))
    comes_to(lambda: room.house.picture.cases[case].alert.state.value, "acknowledged", "the taking")
    desk.keyboard.press("Escape")
    expect(drawer).to_have_count(0)
    key = hero.locator(".take")
    expect(key).to_contain_text("逐户关照")
    key.click()
    expect(drawer.locator("[data-welfare]")).to_have_count(len(homes))
    desk.keyboard.press("Escape")
    second = dark(homes[1])
    desk.goto(f"{room.url}/desk?at={second}&case={second}")
    drawer.locator("[data-take]").click()
    expect(drawer.locator("[data-take]")).to_have_count(0)
    expect(drawer.locator("[data-welfare]")).to_have_count(len(homes))
    comes_to(lambda: room.house.picture.cases[second].alert.state.value, "acknowledged", "the taking")


def test_whatever_flashes_does_so_together(room: Room, sit: Sit) -> None:
    """One signal, not several out of step, however long ago each began (and in all under three flashes a second, WCAG 2.3.1)."""
    homes = list(room.registry.homes)
    begun = "() => document.getAnimations().filter((one) => one.animationName === 'flash').map((one) => one.startTime)"
    for path in ("/desk", "/wall"):
        room.raised("smoke", homes[2])
        page = sit(path)
        page.wait_for_timeout(400)
        room.raised("gas", homes[3])
        page.locator(".tile").nth(1).wait_for()
        comes_to(lambda page=page: page.evaluate(begun), [0, 0, 0, 0], "one beat of both tiles and both rows")  # type: ignore[misc]
        room.empty()
