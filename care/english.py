"""What a site file says in Chinese of relations and keys, in English where it is one of the usual words. Pure.

Both are data, typed by whoever keeps the site file. The usual ones are known here; whatever else somebody wrote has no
English (an empty word), and a screen shows it as it stands and says that it is Chinese.
"""

from __future__ import annotations

import re

RELATIONS: dict[str, str] = {
    "女儿": "daughter", "儿子": "son", "女婿": "son-in-law", "儿媳": "daughter-in-law", "媳妇": "daughter-in-law",
    "孙子": "grandson", "孙女": "granddaughter", "外孙": "grandson", "外孙女": "granddaughter",
    "侄子": "nephew", "侄女": "niece", "外甥": "nephew", "外甥女": "niece",
    "老伴": "spouse", "配偶": "spouse", "丈夫": "husband", "妻子": "wife",
    "哥哥": "brother", "弟弟": "brother", "姐姐": "sister", "妹妹": "sister",
    "亲戚": "relative", "家属": "family", "邻居": "neighbour", "对门邻居": "neighbour opposite", "朋友": "friend",
    "保姆": "live-in carer", "护工": "carer", "监护人": "guardian",
}  # fmt: skip
"""How a contact stands to the resident."""

KEY_PLACES: dict[str, str] = {
    "邻里中心": "neighbourhood centre", "门卫": "gatehouse", "门卫室": "gatehouse", "保安室": "gatehouse", "物业": "property office",
    "物业办公室": "property office", "居委会": "residents' committee", "社区": "community office", "社区服务中心": "community centre",
    "楼道长": "staircase warden", "网格员": "grid worker",
} | {who: f"with the {english}" for who, english in RELATIONS.items()}  # fmt: skip
"""Where a spare key lies, or with whom."""

_LOCKER = re.compile(r"^(.*?)\s*(\d+)\s*号(?:柜|箱|钥匙柜)$")


def relation(word: str) -> str:
    """`daughter` of 女儿; empty where it is none of the usual words."""
    return RELATIONS.get(word.strip(), "")


def key_place(words: str) -> str:
    """`neighbourhood centre, locker 07` of 邻里中心 07 号柜; empty where it is none of the usual places."""
    found = _LOCKER.match(words.strip())
    if found is None:
        return KEY_PLACES.get(words.strip(), "")
    place = KEY_PLACES.get(found[1], "")
    return f"{place}, locker {found[2]}" if place else ""
