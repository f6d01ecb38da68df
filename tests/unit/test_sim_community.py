"""The invented community: valid, stable, and staffed at every hour."""

import re
from pathlib import Path

import pytest

import simulators
from care.schematic import HEIGHT, WIDTH, building_of, schematic
from care.site import Community, Grid, Home, MicroGrid, Registry, Site
from care.sitefile import read_site
from care.words import Kind, Role
from simulators.community import generate, to_yaml


@pytest.mark.parametrize("homes", [1, 40, 500])
def test_a_generated_site_is_a_valid_site_file(homes):
    """What the generator writes, the reader reads back unchanged, for any number of homes."""
    site = generate(homes)
    assert read_site(to_yaml(site)) == site
    assert len(site.homes) == homes
    assert len(site.grids) == 14
    assert sum(len(g.micro_grids) for g in site.grids) == 27


def test_the_committed_site_is_what_the_generator_writes():
    """simulators/site/zongpuqiao.yaml is current; `anxin simulate --write-site` makes it anew."""
    committed = Path(simulators.__file__).parent / "site" / "zongpuqiao.yaml"
    assert committed.read_text(encoding="utf-8") == to_yaml(generate(40))


def test_ten_thousand_homes_have_ids_and_topics_of_their_own():
    """The largest community has no id, phone or topic twice."""
    site = generate(10_000)
    registry = Registry(site)
    assert len(registry.homes) == 10_000
    assert len(registry.devices) == sum(len(h.devices) for h in site.homes) == len(registry.topics())
    assert len({h.phone for h in site.homes}) == 10_000


def test_a_home_is_the_same_in_every_community():
    """h0317 and its neighbours do not depend on how many others there are."""
    small, large = Registry(generate(20)), Registry(generate(300))
    for home in small.homes:
        assert small.homes[home] == large.homes[home]
    assert generate(40, seed=2) != generate(40, seed=1)


def test_the_reference_home_is_the_one_of_the_contract():
    """周阿婆, 银杏小区 3 幢 2 单元 402, with all six devices and a belt."""
    home = Registry(generate(1)).homes["h0317"]
    resident = home.residents[0]
    assert (resident.id, resident.name, resident.born, resident.tier) == ("r0317", "周阿婆", 1944, "key")
    assert home.micro_grid == "g05-2"
    assert home.address == "银杏小区 3 幢 2 单元 402"
    assert building_of(home) == "银杏小区 3 幢"
    assert {"belt-0317", "smoke-0317"} <= {d.id for d in home.devices}


def test_every_home_has_the_six_and_a_gateway():
    """SOS, door, gas, smoke, motion, leak and a gateway everywhere; a belt for residents of the first tier."""
    six = {Kind.sos, Kind.door, Kind.gas, Kind.smoke, Kind.motion, Kind.water_leak, Kind.gateway}
    for home in generate(200).homes:
        assert six <= {d.kind for d in home.devices}
        belts = {d.resident for d in home.devices if d.kind is Kind.bed_belt}
        assert belts == {r.id for r in home.residents if r.tier == "key"}


def test_no_address_needs_an_ascii_space_unless_asked_for():
    """nats-server closes the connection on a space in a topic, so the demo's names have none."""
    assert not any(" " in (d.address or "") for h in generate(200).homes for d in h.devices)
    assert any(
        d.address == "zigbee2mqtt/h0317/kitchen smoke"
        for h in generate(1, spaces=True).homes
        for d in h.devices
    )


def test_names_and_numbers_are_nobodys():
    """Phone numbers lie in ranges that no network assigns, save the two the contract prints."""
    site = generate(300)
    phones = [h.phone for h in site.homes] + [c.phone for h in site.homes for c in h.contacts]
    phones += [s.phone for s in site.staff]
    real = [p for p in phones if not re.fullmatch(r"0574-000\d{5}|100\d{8}", p)]
    assert sorted(real) == ["0574-86293712", "13800000921"]


@pytest.mark.parametrize("minute", range(0, 24 * 60, 30))
def test_somebody_is_at_the_desk_and_near_every_home_at_every_hour(minute):
    """At any minute: an operator, a social worker, a volunteer, and a responder for each micro-grid."""
    site = generate(1)
    staff = {s.id: s for s in site.staff}

    def on(shift):
        start, end = (t.hour * 60 + t.minute for t in (shift.starts, shift.ends))
        return start <= minute < end if start < end else minute >= start or minute < end

    duty = [staff[s.staff] for s in site.shifts if s.days == "daily" and on(s)]
    assert {Role.operator, Role.supervisor, Role.social_worker, Role.volunteer} <= {p.role for p in duty}
    responders = {m for p in duty if p.role is Role.neighbour for m in p.micro_grids}
    assert responders == {m.id for g in site.grids for m in g.micro_grids}


# ------------------------------------------------------------------------------------------- schematic


def test_the_map_has_every_grid_and_every_home_once():
    """14 cells, 13 dividing lines (one grid has a single micro-grid), every home in one building of its own grid."""
    registry = Registry(generate(300))
    plan = schematic(registry)
    assert [g["number"] for g in plan["grids"]] == list(range(1, 15))
    assert sum(len(g["micro"]) for g in plan["grids"]) == 13
    shown = [(b["grid"], h) for b in plan["buildings"] for h in b["homes"]]
    assert sorted(h for _, h in shown) == sorted(registry.homes)
    assert all(registry.grid_of(registry.homes[h])[0].id == g for g, h in shown)
    assert plan["river"]
    assert plan["centre"]


def test_the_map_is_the_same_every_time_and_inside_its_box():
    """Same site, same bytes; nothing outside 500 x 392; no two buildings on each other."""
    plan = schematic(Registry(generate(40)))
    assert plan == schematic(Registry(generate(40)))
    for x, y in (p for g in plan["grids"] for p in g["polygon"]):
        assert 0 <= x <= WIDTH
        assert 0 <= y <= HEIGHT
    boxes = [b["box"] for b in plan["buildings"]]
    for i, (x, y, w, h) in enumerate(boxes):
        for x2, y2, w2, h2 in boxes[i + 1 :]:
            assert x + w <= x2 or x2 + w2 <= x or y + h <= y2 or y2 + h2 <= y


def test_the_map_scale_is_true():
    """A place drawn with `origin` lands where the micro-grid is drawn; a unit is a little over two metres."""
    registry = Registry(generate(1))
    plan = schematic(registry)
    origin = plan["origin"]
    for grid in plan["grids"]:
        for micro in grid["micro_grids"]:
            lat, lon = registry.micro_grids[micro["id"]][1].location
            x = origin["x"] + (lon - origin["lon"]) * origin["units_per_degree"][1]
            y = origin["y"] + (lat - origin["lat"]) * origin["units_per_degree"][0]
            assert (x, y) == pytest.approx(micro["at"], abs=0.2)
    assert 1.5 < plan["metres_per_unit"] < 3


@pytest.mark.parametrize("grids", [0, 1, 2, 5, 30])
def test_a_site_without_places_still_has_a_map(grids):
    """A site file may have no locations at all; every grid then has a cell all the same."""
    site = Site(
        community=Community(id="x", name="x"),
        grids=[
            Grid(id=f"g{i}", name=f"g{i}", micro_grids=[MicroGrid(id=f"g{i}-1", name="m")])
            for i in range(grids)
        ],
        homes=[Home(id=f"h{i}", micro_grid=f"g{i}-1") for i in range(grids)],
    )
    plan = schematic(Registry(site))
    assert len(plan["grids"]) == grids
    assert all(len(g["polygon"]) >= 3 for g in plan["grids"])
    assert sum(len(b["homes"]) for b in plan["buildings"]) == grids
    assert plan["river"] is None


def test_every_address_is_written_in_one_way():
    """Estate, building, staircase where there is one, and the room's number, as the contract writes it; screens add 室."""
    written = re.compile(r"\S+ \d+ (幢 \d+ 单元|弄|号) \d{3,4}")
    odd = [h.address for h in generate(400).homes if not written.fullmatch(h.address)]
    assert odd == []


@pytest.mark.parametrize(
    ("address", "building"),
    [
        ("银杏小区 3 幢 2 单元 402", "银杏小区 3 幢"),
        ("胜利路 21 号 301", "胜利路 21 号"),
        ("南大街 8 弄 102 室", "南大街 8 弄"),
        ("总浦桥弄 5 号 201 室", "总浦桥弄 5 号"),
        ("海棠苑 12 号楼 301", "海棠苑 12 号楼"),
        ("胜利路 21 弄 5 号 301", "胜利路 21 弄 5 号"),
        ("胜利路二百二十一弄银杏小区 13 幢 2 单元 1204 室", "胜利路二百二十一弄银杏小区 13 幢"),
        ("胜利路 21 弄 5 号 301 室（近 3 幢）", "胜利路 21 弄 5 号"),
        ("敬老院", "敬老院"),
    ],
)
def test_a_building_is_read_from_an_address(address, building):
    """A wall screen shows estate and building, never staircase or door."""
    assert building_of(Home(id="h", address=address)) == building
