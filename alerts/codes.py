"""How a case ended, in codes: cause, verification, action, outcome, and what is learnt from it (domain 4.5).

Start at `LISTS`; `as_lists` is what `GET /codes` answers. The codes never change their meaning; new ones are
added at the end.
"""

from __future__ import annotations

from typing import NamedTuple


class Code(NamedTuple):
    """A code with its words."""

    code: str
    zh: str
    en: str


CAUSE = (
    Code("C01", "真实火情", "Real fire"),
    Code("C02", "烹饪油烟", "Cooking fumes"),
    Code("C03", "香烛、吸烟", "Incense or smoking"),
    Code("C04", "水汽、灰尘", "Steam or dust"),
    Code("C05", "燃气泄漏", "Gas leak"),
    Code("C06", "酒精、杀虫剂等干扰", "Alcohol, insecticide or the like"),
    Code("C07", "跌倒，有伤", "Fall with injury"),
    Code("C08", "跌倒，无伤", "Fall without injury"),
    Code("C09", "突发疾病", "Sudden illness"),
    Code("C10", "情绪、陪伴需要", "Distress or company wanted"),
    Code("C11", "生活求助", "Help with daily life"),
    Code("C12", "误碰", "Pressed by mistake"),
    Code("C13", "测试", "Test"),
    Code("C14", "走失、夜间外出", "Wandering or out at night"),
    Code("C15", "外出未告知", "Out without telling"),
    Code("C16", "住院", "In hospital"),
    Code("C17", "访客、保洁、装修", "Visitors, cleaning or works"),
    Code("C18", "漏水", "Water leak"),
    Code("C19", "设备误报", "False alarm of the device"),
    Code("C20", "设备故障、移位", "Device broken or moved"),
    Code("C21", "电量低", "Battery low"),
    Code("C22", "断网、断电", "Network or power down"),
    Code("C23", "去世", "Death"),
    Code("C24", "无法判明", "Cannot be told"),
)

VERIFICATION = (
    Code("V1", "电话联系本人", "Phoned the resident"),
    Code("V2", "电话联系家属", "Phoned the family"),
    Code("V3", "邻居确认", "A neighbour looked"),
    Code("V4", "上门查看", "Went there"),
    Code("V5", "视频（经本人同意）", "Video, with consent"),
    Code("V6", "其他传感器佐证", "Other sensors"),
)

ACTION = (
    Code("A1", "安抚、安全教育", "Reassured, gave safety advice"),
    Code("A2", "上门处置", "Went there"),
    Code("A3", "拨打 120", "Called an ambulance"),
    Code("A4", "拨打 119", "Called the fire brigade"),
    Code("A5", "拨打 110", "Called the police"),
    Code("A6", "通知燃气公司", "Called the gas company"),
    Code("A7", "家属到场", "Family came"),
    Code("A8", "换电池、重装设备", "New battery or refitted"),
    Code("A9", "转社区医院", "Referred to the community clinic"),
    Code("A10", "调整参数", "Changed a limit"),
)

OUTCOME = (
    Code("O1", "平安", "Safe and well"),
    Code("O2", "送医", "Taken to hospital"),
    Code("O3", "险情排除", "Danger removed"),
    Code("O4", "持续跟进", "Followed up"),
    Code("O5", "未联系上（不得结案）", "Not reached (cannot close)"),
)

TRUTH = (
    Code("real", "真实", "Real"),
    Code("avoidable", "误报，可避免", "False, avoidable"),
    Code("unavoidable", "误报，难避免", "False, unavoidable"),
    Code("test", "测试", "Test"),
    Code("unknown", "不明", "Unknown"),
)

NOT_REACHED = "O5"
SAFE = "O1"
"""A person who has not been reached is not a closed case."""

LISTS: dict[str, tuple[Code, ...]] = {
    "cause": CAUSE,
    "verification": VERIFICATION,
    "action": ACTION,
    "outcome": OUTCOME,
    "truth": TRUTH,
}

_KNOWN = {name: {c.code: c for c in codes} for name, codes in LISTS.items()}


def known(kind: str, code: str) -> bool:
    """Whether a list (cause, verification, action, outcome, truth) has this code."""
    return code in _KNOWN[kind]


def word(kind: str, code: str, language: str = "zh") -> str:
    """The words of a code in `zh` or `en`; the code itself when it is unknown."""
    found = _KNOWN[kind].get(code)
    if found is None:
        return code
    return found.en if language == "en" else found.zh


def as_lists() -> dict[str, list[dict[str, str]]]:
    """All lists: {"cause": [{"code", "zh", "en"}, …], …}."""
    return {name: [c._asdict() for c in codes] for name, codes in LISTS.items()}
