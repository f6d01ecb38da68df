"""What an action of a button means: whether it calls for help. Words as Zigbee2MQTT publishes them."""

from __future__ import annotations

import re
from collections.abc import Iterable

CALLS = frozenset({"emergency", "panic", "sos"})
"""Actions that call for help, always (contract section 3)."""

_NEVER = re.compile(r"^(?:arm(?:_|$)|disarm|off$)")
"""Actions that never do, whatever the configuration says."""

_TAKEN_BACK = frozenset(
    {"cancel", "cancelled", "clear", "cleared", "release", "released", "end", "stop", "off", "no"}
)


_SAME = {
    "click": "single", "single_click": "single", "press": "single", "short_press": "single", "button_short_press": "single",
    "double_click": "double", "double_press": "double", "button_double_press": "double",
    "long_click": "hold", "long_click_press": "hold", "long_press": "hold", "long": "hold", "button_long_press": "hold",
}  # fmt: skip
"""What other makes call the presses that `calls_on` names (Aqara's gateway, ESPHome, Home Assistant)."""


def calls(action: str, calls_on: Iterable[str] = ()) -> bool:
    """Whether an action of a button calls for help: by its own word, or because the site file names it."""
    word = _plain(action)
    if _NEVER.match(word):
        return False
    tokens = _tokens(word)
    if tokens & CALLS and not tokens & _TAKEN_BACK:
        return True
    return any(_SAME.get(word, word) == _SAME.get(wanted, wanted) for wanted in map(_plain, calls_on))


def may_be_a_call(action: str) -> bool:
    """Whether an action that calls nobody is a press all the same: not arming, and not the end of another one."""
    word = action.strip().lower()
    return bool(word) and not _NEVER.match(word) and not _tokens(word) & _TAKEN_BACK


def _plain(word: str) -> str:
    return word.strip().lower()


def _tokens(word: str) -> set[str]:
    return set(re.split(r"[^a-z0-9]+", word))
