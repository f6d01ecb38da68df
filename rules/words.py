"""Rooms and devices as people call them, for titles. Start at `room_words`."""

from __future__ import annotations

import re
from functools import lru_cache

from care.words import Kind

_ROOMS: dict[str, tuple[str, str]] = {
    "kitchen": ("厨房", "kitchen"),
    "bedroom": ("卧室", "bedroom"),
    "living": ("客厅", "living room"),
    "bathroom": ("卫生间", "bathroom"),
    "entrance": ("入户门", "front door"),
    "dining": ("餐厅", "dining room"),
    "study": ("书房", "study"),
    "hall": ("过道", "hall"),
    "balcony": ("阳台", "balcony"),
    "storage": ("储藏室", "store room"),
}

_ALSO: dict[str, str] = {
    "living_room": "living", "livingroom": "living", "lounge": "living", "sitting_room": "living", "客厅": "living",
    "起居室": "living", "厨房": "kitchen", "卧室": "bedroom", "主卧": "bedroom", "次卧": "bedroom",
    "卫生间": "bathroom", "浴室": "bathroom", "厕所": "bathroom", "洗手间": "bathroom", "toilet": "bathroom",
    "bath": "bathroom", "restroom": "bathroom", "wc": "bathroom", "washroom": "bathroom",
    "入户门": "entrance", "大门": "entrance", "门口": "entrance", "玄关": "entrance", "door": "entrance",
    "front_door": "entrance", "frontdoor": "entrance", "餐厅": "dining", "dining_room": "dining", "书房": "study",
    "过道": "hall", "走廊": "hall", "hallway": "hall", "corridor": "hall", "阳台": "balcony", "储藏室": "storage",
    "store_room": "storage",
}  # fmt: skip

_KINDS: dict[Kind, tuple[str, str]] = {
    Kind.bed_belt: ("床带", "bed belt"),
    Kind.smoke: ("烟感", "smoke detector"),
    Kind.gas: ("燃气报警器", "gas alarm"),
    Kind.co: ("一氧化碳报警器", "CO alarm"),
    Kind.sos: ("求助按钮", "SOS button"),
    Kind.door: ("门磁", "door contact"),
    Kind.motion: ("人体感应", "motion sensor"),
    Kind.presence: ("存在感应", "presence sensor"),
    Kind.water_leak: ("水浸感应", "leak sensor"),
    Kind.water_meter: ("水表", "water meter"),
    Kind.fall: ("跌倒感应", "fall detector"),
    Kind.climate: ("温湿度计", "climate sensor"),
    Kind.button: ("按钮", "button"),
    Kind.vibration: ("震动感应", "vibration sensor"),
    Kind.gateway: ("网关", "gateway"),
}

_NUMBERED = re.compile(r"^(.*?)[\s_-]*(\d+)$")


@lru_cache(maxsize=4096)
def room_kind(room: str) -> str:
    """The room's plain name for conditions: `厨房` and `Kitchen 2` are `kitchen`; unknown rooms stay as they are."""
    name = room.strip().lower().replace(" ", "_").replace("-", "_")
    match = _NUMBERED.match(name)
    if match and match[1]:
        name = match[1].strip("_")
    return _ALSO.get(name, name)


@lru_cache(maxsize=4096)
def room_words(room: str) -> tuple[str, str]:
    """A room in Chinese and English; a room we have no word for is called what the site file calls it."""
    text = room.strip()
    if not text:
        return "家中", "home"
    kind = room_kind(text)
    if kind not in _ROOMS:
        return text, text
    zh, en = _ROOMS[kind]
    if not text.isascii():
        return text, en  # 主卧 says more than 卧室
    match = _NUMBERED.match(text)
    return (f"{zh}{match[2]}", f"{en} {match[2]}") if match and match[1] else (zh, en)


def device_words(kind: str, label: str = "") -> tuple[str, str]:
    """A device in Chinese and English; its label in the site file if it has one."""
    if label:
        return label, label
    try:
        return _KINDS[Kind(kind)]
    except ValueError:
        return "设备", "device"
