"""MQTT topics: names that our broker cannot carry are written so that it can, and read back; what a filter covers.

Start at `escape`. nats-server closes the connection of a client whose topic holds a space, a tab, CR, LF, FF, DEL or
NUL, and takes `*` and `>` for wildcards of its own: a subscription to `a/>` hears everything below `a`, a retained
message on `a/>` is acknowledged and lost (all tried with 2.15.1; `.`, `//`, `/` at either end, Chinese, direction
marks and 65,535 bytes pass unchanged and match as MQTT says). Zigbee2MQTT's friendly names hold spaces, so the doorman
before the broker writes every C0 control, space, DEL, `*` and `>` as U+F0000 + code (a Supplementary Private Use
character); ingest, which sits behind the doorman, does the same. The mapping is kept in sessions and retained messages:
it must never change.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from unicodedata import category

BLOCK = 0xF0000
"""First of the 256 code points that are ours inside the broker."""
QUOTE = "\U000f00ff"
"""Before a character of the block that really was in the topic."""
TOPIC_BYTES = 65_535
"""Two bytes of length (MQTT 3.1.1, 1.5.3)."""

_NOT_CARRIED = [*range(0x21), 0x7F, ord("*"), ord(">")]
_TO_BROKER: dict[int, str] = {code: chr(BLOCK + code) for code in _NOT_CARRIED} | {
    BLOCK + code: QUOTE + chr(BLOCK + code) for code in range(0x100)
}
_FROM_BROKER = {BLOCK + code: code for code in _NOT_CARRIED}
_QUOTED = re.compile("\U000f00ff([\U000f0000-\U000f00ff])|([\U000f0000-\U000f00fe])")


def legible(text: str) -> bool:
    """Whether a person could read it back: no control, direction, zero-width or unassigned character.

    Every space is fine, the wide one of Chinese keyboards (U+3000) too, with which `str.isprintable` is not content.
    """
    return text.isprintable() or all(c.isprintable() or category(c) == "Zs" for c in text)


def shown(text: str) -> str:
    r"""Foreign text for a person's eyes: what could hide or turn something is written out (`\x1b`)."""
    return "".join(c if c.isprintable() or c == "\u3000" else f"\\x{ord(c):02x}" for c in text)


def escape(topic: str) -> str:
    """A topic name or filter as our broker carries it. `/`, `+` and `#` stay, so levels and wildcards stay too."""
    return topic.translate(_TO_BROKER)


def unescape(topic: str) -> str:
    """What `escape` was given; a text that `escape` never gives is left as it is."""
    return _QUOTED.sub(_original, topic)


def _original(found: re.Match[str]) -> str:
    quoted, written = found.groups()
    if quoted is not None:
        return str(quoted)
    return chr(_FROM_BROKER.get(ord(written), ord(written)))


def is_name(topic: str) -> bool:
    """Whether one may publish on it by the rules of MQTT 3.1.1 (4.7): not empty, no wildcards, no NUL, not too long."""
    return bool(topic) and not set("+#\0") & set(topic) and len(topic.encode()) <= TOPIC_BYTES


def is_filter(topic_filter: str) -> bool:
    """Whether one may subscribe to it: `+` is a whole level, `#` the whole last one."""
    if not topic_filter or "\0" in topic_filter or len(topic_filter.encode()) > TOPIC_BYTES:
        return False
    *upper, last = topic_filter.split("/")
    return all(level == "+" or not set("+#") & set(level) for level in upper) and (
        last in ("+", "#") or not set("+#") & set(last)
    )


def covers(allowed: str, wanted: str) -> bool:
    """Whether everything that `wanted` (a filter or a name) can match is also matched by the filter `allowed`."""
    have, want = allowed.split("/"), wanted.split("/")
    for i, level in enumerate(have):
        if level == "#":
            return True
        if i >= len(want):
            return False
        if want[i] == "#" or (level != want[i] and level != "+"):
            return False
        if i + 2 == len(have) and have[-1] == "#" and len(want) == i + 1:
            return True  # `a/#` matches `a` too
    return len(have) == len(want)


def below(topic: str, roots: Iterable[str]) -> bool:
    """Whether a topic is one of the roots or below one."""
    return any(topic == root or topic.startswith(f"{root}/") for root in roots)


__all__ = ["TOPIC_BYTES", "below", "covers", "escape", "is_filter", "is_name", "unescape"]
