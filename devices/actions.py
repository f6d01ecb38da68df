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


def calls(action: str, calls_on: Iterable[str] = ()) -> bool:
    """Whether an action of a button calls for help: by its own word, or because the site file names it."""
    word = action.strip().lower()
    if _NEVER.match(word):
        return False
    tokens = _tokens(word)
    if tokens & CALLS and not tokens & _TAKEN_BACK:
        return True
    return any(word == wanted.strip().lower() for wanted in calls_on)


def may_be_a_call(action: str) -> bool:
    """Whether an action that calls nobody is a press all the same: not arming, and not the end of another one."""
    word = action.strip().lower()
    return bool(word) and not _NEVER.match(word) and not _tokens(word) & _TAKEN_BACK


def _tokens(word: str) -> set[str]:
    return set(re.split(r"[^a-z0-9]+", word))
