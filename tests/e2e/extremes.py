"""The words that a community really has, at their longest and at their shortest: names, addresses, devices, notes.

`extreme()` is the simulated community of sixty homes with the same ids, so that a room's history and scenarios fit it.
"""

from __future__ import annotations

from itertools import cycle
from typing import Any

from msgspec.structs import replace

from care.site import Access, Contact, Device, Home, Resident, Site
from care.words import Kind, Tier
from simulators.community import generate

LONG = "招宝山街道总浦桥社区胜利路二百二十一弄银杏小区甲区 13 幢 2 单元 1204 室（北门进，过自行车棚左转）"
ENGLISH = "Flat 1204, Staircase 2, Block 13, Ginkgo Garden East, 221 Shengli Road"
TURNED = "مريم\u202eآباد 7 号"
"""Letters that are read from right to left, and a mark that would turn the rest of the line around."""
HTML = "<b onclick=x>王&amp;</b>"
UNBROKEN = "银杏小区甲区十三幢二单元一千二百零四室北门进过自行车棚左转上坡到底右手边蓝色铁门"
NAME, DOUBLE, LATIN = "阿卜杜热合曼·买买提明", "欧阳司马震华", "Maria-Magdalena Wolfeschlegelsteinhausen"
NAMES = (NAME, DOUBLE, LATIN, "古丽巴哈尔·阿不都热西提", HTML, TURNED)
RELATION = "已故二女儿的丈夫（同住隔壁单元，晚间在家）"
KEY = "邻里中心一楼值班室 07 号柜（左起第三排最下一格，钥匙扣为蓝色塑料牌）"
STAFF = "尼格买提·热合曼江"
GRID = "第五网格（银杏小区甲区及沿河一带）"
DEVICE = "kitchen-smoke-detector-heiman-hs1sa-e-0x00158d0001a2b3c4d5e6f7-x"
ZIGBEE = "zigbee2mqtt/h0317/厨房灶台上方靠近窗户的烟雾探测器（二〇二五年社区统一安装）"
CONDITIONS = ["dementia", "hypertension", "diabetes", "heart_disease", "copd", "stroke", "parkinson"]
FLAGS = ["hard_of_hearing", "lives_alone", "walker", "low_vision", "fall_risk", "dialect"]
NOTE = ("老人耳背，电话里要慢慢说、多说几遍；家里养了一条大黄狗，开门先喊一声。" * 20)[:500]

HOMES = ("h0317", "h0301", "h0302", "h0303", "h0304", "h0305", "h0306", "h0307")
"""The homes that are changed: long, English, turned around, HTML, unbroken; one character, nothing at all, nobody."""


def _contacts(home: str, number: int) -> list[Contact]:
    names = cycle(NAMES)
    return [
        Contact(id=f"c{home[1:]}{'abcdefgh'[n]}", name=next(names), relation=RELATION, phone=f"138{n:08d}")
        for n in range(number)
    ]


def _devices(home: Home) -> list[Device]:
    """Twenty in one home, the smoke detector with the longest id and address there may be."""
    kept = [one for one in home.devices if one.kind is not Kind.smoke]
    first = Device(id=DEVICE, kind=Kind.smoke, room="kitchen", address=ZIGBEE, model="Heiman HS1SA-E " * 3, label=ZIGBEE[18:])  # fmt: skip
    more = [
        Device(id=f"door-{n:02d}-{home.id}", kind=Kind.door, room="bedroom", label=f"北卧室朝南的第 {n} 扇窗")
        for n in range(20 - 1 - len(kept))
    ]
    return [first, *kept, *more]


def _told(home: Home, at: int) -> Home:
    names = cycle(NAMES[at % len(NAMES) :] + NAMES[: at % len(NAMES)])
    residents = [replace(one, name=next(names)) for one in home.residents]
    address = (LONG, ENGLISH, TURNED, HTML, UNBROKEN, "甲", "", LONG)[at]
    if home.id == "h0317":
        first = replace(residents[0], tier=Tier.key, conditions=CONDITIONS, flags=FLAGS)
        more = [
            Resident(id=f"r0317{'bcde'[n]}", name=next(names), born=1930 + n, doctor=first.doctor)
            for n in range(4)
        ]
        residents = [first, *more]
        return replace(home, address=address, residents=residents, contacts=_contacts(home.id, 8),
                       devices=_devices(home), access=Access(key=KEY, door_code="北门 2580#，单元门 13579*"))  # fmt: skip
    bare: dict[str, Any] = {"phone": "", "contacts": [], "access": Access(), "floor": None}
    if at == 6:
        return replace(home, address=address, residents=[], micro_grid=None, location=None, **bare)
    if at == 5:
        return replace(home, address=address, residents=residents, **bare)
    return replace(home, address=address, residents=residents, contacts=_contacts(home.id, 2))


def extreme() -> Site:
    """The community, with these words in it."""
    site = generate(homes=60)
    homes = [_told(one, HOMES.index(one.id)) if one.id in HOMES else one for one in site.homes]
    staff = [
        replace(one, name=STAFF if n % 3 == 0 else f"{DOUBLE}（{n}）" if n % 3 == 1 else one.name)
        for n, one in enumerate(site.staff)
    ]
    grids = [
        replace(one, name=GRID, micro_grids=[replace(m, name=f"{GRID}{m.id}") for m in one.micro_grids])
        if one.id in ("g05", "g01")
        else one
        for one in site.grids
    ]
    return replace(site, homes=homes, staff=staff, grids=grids)
