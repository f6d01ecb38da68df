"""Invents a community: 总浦桥 with its 14 grids and 27 micro-grids, and as many homes as wanted.

Start at `generate(homes, seed=…) -> Site`; `to_yaml(site)` writes the site file. Every home depends on its own
number and the seed only, so home h0317 (the reference home, 周阿婆) is the same in a community of one and of ten
thousand. `site/zongpuqiao.yaml` is the output for 40 homes; a test keeps it current.

People, addresses and numbers are invented. Phone numbers are of ranges that no network assigns (mobiles 100…,
landlines 0574-000…), except the two that the contract prints for the reference home.
"""

from __future__ import annotations

import json
import math
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from care.site import (
    Access,
    Community,
    Contact,
    Device,
    Grid,
    Home,
    Location,
    MicroGrid,
    Policy,
    Resident,
    Shift,
    Site,
    Staff,
)
from care.words import Kind, Role, Tier

MOST_HOMES = 10_000
REFERENCE = 317
"""The number of the reference home."""
YEAR = 2026
"""The year in which ages are reckoned."""
CENTRE: Location = (29.95132, 121.71073)
"""The service centre, between grids 9 and 10."""

_MIDDLE = (29.952292, 121.710978)
"""So that micro-grid 5-2 is where the contract has it."""
_METRES_PER_UNIT = 2.0

# Middles of the 14 grids on a plan of 500 x 392 units of 2 m, as they lie on the community's wall map.
_GRID_MIDDLES = (
    (68, 56), (188, 59), (316, 57),
    (64, 152), (184, 149), (311, 156), (434, 152),
    (66, 247), (188, 241), (313, 245), (431, 250),
    (184, 334), (309, 338), (432, 334),
)  # fmt: skip


@dataclass(frozen=True)
class _Estate:
    """Buildings of a micro-grid: how they are called and how high they are."""

    name: str
    style: str
    """幢, 弄 or 号: how an address is written here."""
    first: int
    """The lowest building number here; several micro-grids may share an estate."""
    floors: int = 6
    lift: bool = False


# One entry for each micro-grid: (grid, micro-grid, estate).
_MICRO_GRIDS: tuple[tuple[int, int, _Estate], ...] = (
    (1, 1, _Estate("胜利路", "号", 21)), (1, 2, _Estate("胜利新村", "幢", 1)),
    (2, 1, _Estate("车站路小区", "幢", 1)), (2, 2, _Estate("车站路小区", "幢", 31)),
    (3, 1, _Estate("沿江新村", "幢", 1)), (3, 2, _Estate("沿江新村", "幢", 27)),
    (4, 1, _Estate("南大街", "弄", 8)), (4, 2, _Estate("南大街", "弄", 43)),
    (5, 1, _Estate("银杏小区", "幢", 9)), (5, 2, _Estate("银杏小区", "幢", 3, lift=True)),
    (6, 1, _Estate("总浦桥弄", "号", 5, floors=5)), (6, 2, _Estate("总浦桥弄", "号", 47, floors=5)),
    (7, 1, _Estate("海棠苑", "幢", 1)), (7, 2, _Estate("海棠苑", "幢", 25)),
    (8, 1, _Estate("西门新村", "幢", 2)), (8, 2, _Estate("西门新村", "幢", 29)),
    (9, 1, _Estate("聚兴巷", "弄", 3, floors=5)), (9, 2, _Estate("桂花小区", "幢", 1)),
    (10, 1, _Estate("总浦桥新村", "幢", 1)),
    (11, 1, _Estate("河滨苑", "幢", 1, floors=11, lift=True)), (11, 2, _Estate("河滨苑", "幢", 26, floors=11, lift=True)),
    (12, 1, _Estate("后大街", "弄", 11)), (12, 2, _Estate("后大街", "弄", 52)),
    (13, 1, _Estate("文昌里", "幢", 1)), (13, 2, _Estate("文昌里", "幢", 28)),
    (14, 1, _Estate("城东新村", "幢", 4)), (14, 2, _Estate("城东新村", "幢", 33)),
)  # fmt: skip

# Where the homes with numbers 301, 302 … stand (index into _MICRO_GRIDS), again from the start after 40. Number 317
# is in 5-2; four homes of 5-2 share a building, so that a power cut has a building to go dark.
_PLACES = (
    0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15, 16, 9, 9, 9, 9,
    17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 2, 2, 13, 13, 18, 6, 0, 25, 20, 10,
)  # fmt: skip

_SURNAMES = tuple("陈王张李周吴徐郑孙胡朱林钱沈何俞叶方刘邵金董施贺虞乐屠傅鲍戴")
_MEN_OF_STAFF = ("国平", "建国", "海峰", "志强", "立新", "永康", "伟民", "家明", "裕民", "晓东")
_WOMEN_OF_STAFF = ("敏芝", "红霞", "静", "雅琴", "春燕", "月芬", "丽君", "佩华", "秀娟", "亚萍")


@dataclass(frozen=True)
class _Known:
    """A home somebody has written about: what it must look like."""

    address: str
    surname: str
    woman: bool
    born: int
    tier: Tier
    conditions: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    floor: int = 2


# The homes of the mock alert screen, moved to numbers of the right micro-grid.
_KNOWN: dict[int, _Known] = {
    301: _Known(
        "胜利路 21 号 301", "陈", False, 1938, Tier.important, ("hypertension",), ("lives_alone",), 3
    ),
    307: _Known("南大街 8 弄 102", "孙", False, 1942, Tier.important, (), ("lives_alone",), 1),
    308: _Known("南大街 43 弄 201", "钱", False, 1949, Tier.general, ("copd",), (), 2),
    309: _Known(
        "银杏小区 9 幢 1 单元 201",
        "吴",
        True,
        1947,
        Tier.important,
        ("heart",),
        ("lives_alone", "dialect"),
        2,
    ),
    320: _Known("银杏小区 3 幢 1 单元 503", "郑", True, 1945, Tier.important, ("hypertension",), (), 5),
}


def place(x: float, y: float) -> Location:
    """The place of a point of the 500 x 392 plan, 2 m a unit, north up."""
    lat = _MIDDLE[0] + (196 - y) * _METRES_PER_UNIT / 111_320
    lon = _MIDDLE[1] + (x - 250) * _METRES_PER_UNIT / (111_320 * math.cos(math.radians(_MIDDLE[0])))
    return round(lat, 6), round(lon, 6)


def _plan_of(micro: int) -> tuple[float, float]:
    """Where a micro-grid's middle is on the plan: the left or right half of its grid."""
    grid, number, _ = _MICRO_GRIDS[micro]
    x, y = _GRID_MIDDLES[grid - 1]
    if grid == 10:
        return float(x), float(y)
    side = -1 if number == 1 else 1
    return x + side * 28.5, y + side * (1 + grid % 3)


def _micro_id(micro: int) -> str:
    grid, number, _ = _MICRO_GRIDS[micro]
    return f"g{grid:02d}-{number}"


def grids() -> list[Grid]:
    """The 14 grids and 27 micro-grids."""
    out = []
    for n in range(1, 15):
        micro = [
            MicroGrid(id=_micro_id(i), name=f"{g}-{m} 微网格", location=place(*_plan_of(i)))
            for i, (g, m, _) in enumerate(_MICRO_GRIDS)
            if g == n
        ]
        out.append(Grid(id=f"g{n:02d}", name=f"第{n}网格", micro_grids=micro))
    return out


def numbers(homes: int) -> list[int]:
    """The home numbers of a community of so many homes: from 301 on, and always with the reference home."""
    first = 301 if homes >= REFERENCE - 300 else REFERENCE
    return list(range(first, first + homes))


class _Dice:
    """Choices of one home or person: seeded by the community's seed and a number."""

    def __init__(self, *words: int) -> None:
        self._rng = np.random.default_rng(words)

    def chance(self, p: float) -> bool:
        return bool(self._rng.random() < p)

    def between(self, low: float, high: float) -> float:
        return float(self._rng.uniform(low, high))

    def whole(self, low: int, high: int) -> int:
        """An integer from low to high, both possible."""
        return int(self._rng.integers(low, high + 1))

    def pick(self, choices: tuple[str, ...]) -> str:
        return choices[int(self._rng.integers(len(choices)))]


def title(born: int, *, woman: bool) -> str:
    """How a neighbour would address a person of this year."""
    old = YEAR - born >= 75
    return ("阿婆" if old else "阿姨") if woman else ("爷爷" if old else "伯伯")


def _address(estate: _Estate, building: int, slot: int, floor: int) -> str:
    number = estate.first + building
    door = slot % 4 + 1
    if estate.style == "幢":
        return f"{estate.name} {number} 幢 {slot // 4 % 4 + 1} 单元 {floor}{door:02d}"
    if estate.style == "弄":
        return f"{estate.name} {number} 弄 {floor}{door:02d}"
    return f"{estate.name} {number} 号 {floor}{door:02d}"


# What the devices of a home are called in Zigbee2MQTT, as different installers do it. The wide space (U+3000) is what a
# Chinese keyboard types; an ASCII space is left to brokers that carry it (`spaces=True`): nats-server closes the connection.
_NAMES: dict[str, tuple[str, str]] = {
    "smoke": ("厨房", "烟感"),
    "gas": ("厨房", "燃气"),
    "sos": ("卧室", "紧急按钮"),
    "door": ("入户门", "门磁"),
    "leak": ("厨房", "水浸"),
    "pir-living": ("客厅", "人体"),
    "pir-kitchen": ("厨房", "人体"),
    "pir-bathroom": ("卫生间", "人体"),
    "pir-bedroom": ("卧室", "人体"),
}
_STYLES = ("{r}{d}", "{r}/{d}", "{r}　{d}", "{r}-{d}")

# (suffix of the id, kind, room, Zigbee model, native model, share of homes where it speaks Zigbee2MQTT)
_KIT: tuple[tuple[str, Kind, str, str, str, float], ...] = (
    ("smoke", Kind.smoke, "kitchen", "Heiman HS1SA-E", "AX-S2", 0.7),
    ("gas", Kind.gas, "kitchen", "Heiman HS1CG", "AX-G1", 0.3),
    ("sos", Kind.sos, "bedroom", "Tuya TS0215A_sos", "AX-B1", 0.35),
    ("door", Kind.door, "entrance", "Aqara MCCGQ11LM", "AX-D1", 0.8),
    ("pir-living", Kind.motion, "living", "Aqara RTCGQ11LM", "AX-M1", 0.85),
    ("pir-kitchen", Kind.motion, "kitchen", "Aqara RTCGQ11LM", "AX-M1", 0.85),
    ("leak", Kind.water_leak, "kitchen", "Aqara SJCGQ11LM", "AX-W1", 0.7),
)
_KIT_OF_THE_VERY_OLD: tuple[tuple[str, Kind, str, str, str, float], ...] = (
    ("pir-bathroom", Kind.motion, "bathroom", "Aqara RTCGQ11LM", "AX-M1", 1.0),
    ("pir-bedroom", Kind.motion, "bedroom", "Aqara RTCGQ11LM", "AX-M1", 1.0),
)
_KITCHEN_SMOKE = "zigbee2mqtt/h{n:04d}/kitchen smoke"


def _devices(n: int, dice: _Dice, residents: list[Resident], *, spaces: bool) -> list[Device]:
    very_old = [r for r in residents if r.tier is Tier.key]
    style = dice.pick(_STYLES)
    zigbee_only = dice.chance(0.12)
    out = []
    for r, resident in enumerate(very_old):
        suffix = "" if r == 0 else "b"
        out.append(
            Device(
                id=f"belt-{n:04d}{suffix}",
                kind=Kind.bed_belt,
                resident=resident.id,
                room="bedroom",
                model="AX-BELT-2",
            )
        )
    for suffix, kind, room, zigbee, native, share in _KIT + (_KIT_OF_THE_VERY_OLD if very_old else ()):
        speaks_zigbee = dice.chance(share) or (zigbee_only and kind is not Kind.gas)
        if n == REFERENCE:
            speaks_zigbee = kind not in (Kind.gas, Kind.sos)
        name = suffix if suffix.startswith("pir") else {"leak": "leak"}.get(suffix, suffix)
        address = None
        if speaks_zigbee:
            words = style.format(r=_NAMES[name][0], d=_NAMES[name][1])
            address = f"zigbee2mqtt/h{n:04d}/{words}"
            if spaces:
                address = _KITCHEN_SMOKE.format(n=n) if kind is Kind.smoke else address.replace("　", " ")
        out.append(
            Device(
                id=f"{suffix.split('-')[0]}-{n:04d}" + (f"-{room}" if suffix.startswith("pir") else ""),
                kind=kind,
                room=room,
                address=address,
                model=zigbee if speaks_zigbee else native,
            )
        )
    if very_old:
        out.append(Device(id=f"meter-{n:04d}", kind=Kind.water_meter, room="kitchen", model="AX-WM1"))
    out.append(Device(id=f"gw-{n:04d}", kind=Kind.gateway, room="living", model="AX-GW3"))
    return out


def _residents(n: int, dice: _Dice, seed: int) -> list[Resident]:
    if n == REFERENCE:
        return [
            Resident(
                id="r0317",
                name="周阿婆",
                born=1944,
                tier=Tier.key,
                conditions=["dementia", "hypertension"],
                flags=["hard_of_hearing", "lives_alone"],
                limits={"bed_exit_yellow_minutes": 25},
                consent={
                    "vitals": ["centre", "doctor"],
                    "bed": ["centre"],
                    "family": ["status"],
                    "photo": ["centre", "doctor"],
                },
            )
        ]
    known = _KNOWN.get(n)
    if known is not None:
        return [
            Resident(
                id=f"r{n:04d}",
                name=known.surname + title(known.born, woman=known.woman),
                born=known.born,
                tier=known.tier,
                conditions=list(known.conditions),
                flags=list(known.flags),
            )
        ]
    couple = dice.chance(0.33)
    woman = dice.chance(0.62) and not couple
    born = YEAR - round(dice.between(66, 93) if not couple else dice.between(66, 86))
    out = [_person(f"r{n:04d}", dice, born, seed=seed, woman=woman, alone=not couple)]
    if couple:
        wife = _person(f"r{n:04d}b", dice, born + dice.whole(-1, 5), seed=seed, woman=True, alone=False)
        out.append(wife)
    return out


def _person(name: str, dice: _Dice, born: int, *, seed: int, woman: bool, alone: bool) -> Resident:
    age = YEAR - born
    conditions = [
        c
        for c, p in (("dementia", 0.18 if age >= 82 else 0.02), ("hypertension", 0.5), ("heart", 0.14), ("copd", 0.08),
                     ("diabetes", 0.17))
        if dice.chance(p)
    ]  # fmt: skip
    # Known fibrillation: 9 % from 80 years on, about half of it ten years earlier (Go et al., JAMA 2001). By dice of its own.
    if _Dice(seed, zlib.crc32(name.encode()), 7).chance(0.075 if age >= 80 else 0.035):
        conditions.append("af")
    flags = ["lives_alone"] if alone else ["lives_with_spouse"]
    flags += [
        f
        for f, p in (
            ("hard_of_hearing", 0.35 if age >= 80 else 0.08),
            ("dialect", 0.3),
            ("pet", 0.06),
            ("walker", 0.1),
        )
        if dice.chance(p)
    ]
    tier = Tier.general
    if age >= 75:
        tier = Tier.important
    if age >= 87 or "dementia" in conditions:
        tier = Tier.key
    surname = dice.pick(_SURNAMES)
    return Resident(
        id=name,
        name=surname + title(born, woman=woman),
        born=born,
        tier=tier,
        conditions=conditions,
        flags=flags,
    )


def _contacts(n: int, dice: _Dice, residents: list[Resident]) -> list[Contact]:
    if n == REFERENCE:
        return [
            Contact(
                id="c0317a",
                name="周女士",
                relation="女儿",
                phone="13800000921",
                notify=["json://127.0.0.1:9900/family"],
                for_=["red"],
            )
        ]
    surname = residents[0].name[0]
    first, word = [("女儿", "女士"), ("儿子", "先生")][dice.whole(0, 1)]
    out = [
        Contact(
            id=f"c{n:04d}a",
            name=surname + word,
            relation=first,
            phone=f"100{n * 10 + 1:08d}",
            notify=["json://127.0.0.1:9900/family"],
            for_=["red", "yellow"] if dice.chance(0.3) else ["red"],
        )
    ]
    if dice.chance(0.35):
        relation, word = [("外甥女", "女士"), ("侄子", "先生"), ("邻居", "师傅")][dice.whole(0, 2)]
        name = dice.pick(_SURNAMES) + word
        out.append(Contact(id=f"c{n:04d}b", name=name, relation=relation, phone=f"100{n * 10 + 2:08d}"))
    return out


def home(number: int, *, seed: int = 1, spaces: bool = False) -> Home:
    """The home of a number: the same in every community made with this seed."""
    dice = _Dice(seed, number)
    turn, at = divmod(number - 301, len(_PLACES))
    micro = _PLACES[at]
    estate = _MICRO_GRIDS[micro][2]
    slot = turn * _PLACES.count(micro) + _PLACES[:at].count(micro)
    # The first four homes of a micro-grid share a building, later ones fill houses of a dozen.
    building = 0 if slot < 4 else (1 + (slot - 4) // 12) % 24
    floor = dice.whole(1, estate.floors)
    address = _address(estate, building, slot, floor)
    if number in _KNOWN:
        address, floor = _KNOWN[number].address, _KNOWN[number].floor
    if number == REFERENCE:
        address, floor = "银杏小区 3 幢 2 单元 402", 4
    x, y = _plan_of(micro)
    half_x, half_y = 21.0, 33.0
    if building:
        row, column = divmod(building * 5 % 24, 4)
        x += (column - 1.5) / 1.5 * half_x * 0.8
        y += (row - 2.5) / 2.5 * half_y * 0.8
    else:
        y -= 7
    x += (slot % 3 - 1) * 1.2
    residents = _residents(number, dice, seed)
    reference = number == REFERENCE
    return Home(
        id=f"h{number:04d}",
        micro_grid=_micro_id(micro),
        address=address,
        location=(29.9532, 121.7104) if reference else place(x, y),
        floor=floor,
        lift=estate.lift,
        phone="0574-86293712" if reference else f"0574-000{number:05d}",
        access=Access(key="邻里中心 07 号柜", door_code="2580#")
        if reference
        else Access(
            key=f"邻里中心 {dice.whole(1, 60):02d} 号柜" if dice.chance(0.7) else "",
            door_code=f"{dice.whole(1000, 9999)}#" if dice.chance(0.5) else "",
        ),
        residents=residents,
        contacts=_contacts(number, dice, residents),
        devices=_devices(number, dice, residents, spaces=spaces),
    )


def _notify(name: str) -> list[str]:
    return [f"json://127.0.0.1:9900/{name}"]


def _staff(seed: int) -> tuple[list[Staff], list[Shift]]:
    """Who answers and who goes: desks, pairs of social worker and volunteer, grid workers, staircase wardens."""
    dice = _Dice(seed, 0)
    staff: list[Staff] = []
    shifts: list[Shift] = []

    def add(
        name: str,
        role: Role,
        spans: tuple[tuple[str, str], ...],
        *,
        micro: list[str] | None = None,
        at: Location | None = None,
        notify: str | None = None,
        days: str = "daily",
    ) -> None:
        ident = f"s{len(staff) + 1:02d}"
        staff.append(
            Staff(
                id=ident,
                name=name,
                role=role,
                phone=f"1009{len(staff) + 1:07d}",
                notify=_notify(notify or ident),
                micro_grids=micro or [],
                location=at,
            )
        )
        shifts.extend(Shift(staff=ident, days=days, from_=start, to=end) for start, end in spans)

    def someone(names: tuple[str, ...]) -> str:
        return dice.pick(_SURNAMES) + dice.pick(names)

    day, night = (("07:00", "19:00"),), (("19:00", "07:00"),)
    every = [_micro_id(i) for i in range(len(_MICRO_GRIDS))]
    add("陈敏芝", Role.operator, day, at=CENTRE, notify="desk")
    add("方静", Role.operator, day, at=CENTRE, notify="desk")
    add("贺晓东", Role.operator, night, at=CENTRE, notify="desk")
    add("沈佩华", Role.operator, night, at=CENTRE, notify="desk")
    add("俞永康", Role.supervisor, (("08:00", "20:00"),), at=CENTRE)
    add("傅丽君", Role.supervisor, (("20:00", "08:00"),), at=CENTRE)
    # s07 and s08 are the grid workers of the contract and the mock; the other grids follow below.
    in_grid = {g: [_micro_id(i) for i, m in enumerate(_MICRO_GRIDS) if m[0] == g] for g in range(1, 15)}
    long_day = (("07:30", "20:30"),)
    add("林国平", Role.grid_worker, long_day, micro=in_grid[5], at=(29.9535, 121.7099))
    add("汤红霞", Role.grid_worker, long_day, micro=in_grid[10], at=place(*_GRID_MIDDLES[9]))
    # A shift is a pair: one social worker and one volunteer, at every hour, based at the centre and west of the river.
    for start, end, social, volunteer in (
        ("06:00", "14:00", "陆海峰", "许建国"),
        ("14:00", "22:00", "邵雅琴", "朱裕民"),
        ("22:00", "06:00", "董家明", "虞志强"),
    ):
        add(social, Role.social_worker, ((start, end),), micro=every, at=CENTRE)
        add(volunteer, Role.volunteer, ((start, end),), micro=every, at=place(262 + dice.whole(-20, 20), 214))
    for start, end in (("06:00", "18:00"), ("18:00", "06:00")):
        base = place(372 + dice.whole(-8, 8), 206)
        add(someone(_WOMEN_OF_STAFF), Role.social_worker, ((start, end),), micro=every, at=base)
        add(someone(_MEN_OF_STAFF), Role.volunteer, ((start, end),), micro=every, at=base)
    for g, micro in in_grid.items():
        if g not in (5, 10):
            x, y = _GRID_MIDDLES[g - 1]
            names = _MEN_OF_STAFF if dice.chance(0.4) else _WOMEN_OF_STAFF
            at = place(x + dice.whole(-15, 15), y + dice.whole(-12, 12))
            add(someone(names), Role.grid_worker, long_day, micro=micro, at=at)
    # Staircase wardens live there; one of each micro-grid can be rung at any hour.
    for i in range(len(_MICRO_GRIDS)):
        east, south = _plan_of(i)
        names = _MEN_OF_STAFF if dice.chance(0.45) else _WOMEN_OF_STAFF
        at = place(east + dice.whole(-9, 9), south + dice.whole(-14, 14))
        add(someone(names), Role.neighbour, (("00:00", "24:00"),), micro=[_micro_id(i)], at=at)
    add("徐文清", Role.doctor, (("08:00", "17:00"),), days="weekdays")
    add("金立新", Role.maintenance, (("08:30", "17:30"),), days="weekdays")
    add("乐春燕", Role.admin, (("08:30", "17:30"),), days="weekdays")
    return staff, shifts


def generate(homes: int = 40, *, seed: int = 1, spaces: bool = False) -> Site:
    """A community of so many homes (1 … 10,000); the same arguments give the same site.

    `spaces` gives Zigbee2MQTT names with ASCII spaces (`kitchen smoke`): legal MQTT, but nats-server refuses
    such a topic by closing the connection. Raises ValueError for a number of homes outside the range.
    """
    if not 1 <= homes <= MOST_HOMES:
        raise ValueError(f"a community has 1 to {MOST_HOMES} homes, not {homes}")
    staff, shifts = _staff(seed)
    doctor = next(s.id for s in staff if s.role is Role.doctor)
    return Site(
        community=Community(
            id="zpq",
            name="总浦桥社区",
            timezone="Asia/Shanghai",
            centre=CENTRE,
            street="招宝山街道",
            phone="0574-10090000",
        ),
        grids=grids(),
        homes=[_cared_for(home(n, seed=seed, spaces=spaces), doctor) for n in numbers(homes)],
        staff=staff,
        shifts=shifts,
        policy=Policy(acknowledge_seconds=60, arrive_minutes=10),
    )


def _cared_for(home: Home, doctor: str) -> Home:
    """The community has one doctor, who is everybody's."""
    return msgspec.structs.replace(
        home, residents=[msgspec.structs.replace(r, doctor=doctor) for r in home.residents]
    )


# ------------------------------------------------------------------------------------------------ YAML

_PLAIN = re.compile(r"^[A-Za-z一-龥][A-Za-z0-9一-龥 _./-]*[A-Za-z0-9一-龥]$|^[A-Za-z一-龥]$")
_WORDS_OF_YAML = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        if _PLAIN.match(value) and value.lower() not in _WORDS_OF_YAML:
            return value
        return json.dumps(value, ensure_ascii=False)
    return json.dumps(value)


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {_flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_flow(v) for v in value) + "]"
    return _scalar(value)


def _plain(struct: msgspec.Struct) -> dict[str, Any]:
    """The fields of a struct that differ from their defaults, under their names in the file."""
    out: dict[str, Any] = {}
    for field in msgspec.structs.fields(struct):
        value = getattr(struct, field.name)
        default = field.default_factory() if field.default_factory is not msgspec.NODEFAULT else field.default
        if value is None or (value == default and field.encode_name != "for"):
            continue
        if isinstance(value, msgspec.Struct):
            value = _plain(value)
        elif isinstance(value, list):
            value = [_plain(v) if isinstance(v, msgspec.Struct) else v for v in value]
        out[field.encode_name] = value
    return out


def _lines(site: Site) -> Iterator[str]:
    yield f"# {site.community.name}: an invented community, written by `simulators.community`. Do not edit: generate it anew."
    community = _plain(site.community) | {"timezone": site.community.timezone}
    yield f"community: {_flow(community)}"
    yield "grids:"
    for grid in site.grids:
        yield f"  - {_flow(_plain(grid))}"
    yield "homes:"
    for one in site.homes:
        start = "  - "
        for key, value in _plain(one).items():
            if key in {"residents", "contacts", "devices"}:
                yield f"    {key}:"
                for item in value:
                    yield f"      - {_flow(item)}"
            else:
                yield f"{start}{key}: {_flow(value)}"
            start = "    "
    yield "staff:"
    for person in site.staff:
        yield f"  - {_flow(_plain(person))}"
    yield "shifts:"
    for shift in site.shifts:
        yield f"  - {_flow(_plain(shift))}"
    yield f"policy: {_flow({'acknowledge_seconds': site.policy.acknowledge_seconds, 'arrive_minutes': site.policy.arrive_minutes})}"


def to_yaml(site: Site) -> str:
    """The site file: `care.sitefile.read_site(to_yaml(site)) == site`."""
    return "\n".join(_lines(site)) + "\n"
