"""Dialects: the bytes of one message -> what a device said. Pure; the only error is care.errors.Refused.

`native` is our own dialect, `zigbee2mqtt` that of thousands of Zigbee models. Both give `Said`, one for each
object in the message. This module holds what they share: bounded JSON, times, and the collecting of values.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import msgspec

from care.errors import Reason, Refused
from care.messages import Value
from devices.quantities import QUANTITIES, coerce

DEPTH_LIMIT = 16
"""Levels of nesting that are read; the deepest real device message has four."""
ITEMS_LIMIT = 400
"""Objects in one message: what fits in 16 KB of real readings, and what is decoded within 5 ms."""


@dataclass(slots=True)
class Said:
    """What a device said in one object of a message, before anybody asks whose device it is."""

    values: dict[str, Value] = field(default_factory=dict)
    """Quantity to value in the unit of the table."""
    unknown: list[str] = field(default_factory=list)
    """Quantities named without a value (null)."""
    faults: list[Refused] = field(default_factory=list)
    """One for each quantity that cannot be taken; the others still count."""
    device_at: datetime | None = None
    seq: int | None = None
    test: bool = False
    model: str = ""

    def take(self, quantity: str, raw: object) -> None:
        """Take one value of a quantity by the policy of the table; what is wrong with it is kept in `faults`."""
        if raw is None:
            self.unknown.append(quantity)
            return
        try:
            self.values[quantity] = coerce(QUANTITIES[quantity], raw)
        except Refused as fault:
            self.faults.append(fault)


class Twice:
    """Stands for a key that was given twice with different values."""

    def __init__(self, values: list[Any]) -> None:
        self.values = values


class Wrong:
    """Stands for a number that no machine can hold: NaN, Infinity, 300 digits."""

    def __init__(self, text: str) -> None:
        self.text = text


_decode = msgspec.json.Decoder().decode
_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"?', re.DOTALL)


def read_json(payload: bytes, *, limit_depth: bool = True) -> Any:
    """One JSON value. Raises Refused: empty, not_text, not_json, too_deep.

    A key given twice with different values, and a number that is none (NaN, 1e999), become marks that only their
    own quantity is refused for. Time and memory are bounded by the length of the payload.
    """
    if not payload.strip():
        raise Refused(Reason.empty, "nothing in it")
    if (
        limit_depth
        and payload.count(b"{") + payload.count(b"[") > DEPTH_LIMIT
        and _depth(payload) > DEPTH_LIMIT
    ):
        raise Refused(Reason.too_deep, f"nested deeper than {DEPTH_LIMIT}")
    try:
        value = _decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError):
        return _read_slowly(payload)
    if b"\\" in payload or _colons(value) != payload.count(b":"):
        # More colons than keys and texts hold: perhaps a key stands twice.
        return _read_slowly(payload)
    return value


def _read_slowly(payload: bytes) -> Any:
    try:
        text = payload.decode("utf-8").removeprefix(
            "\ufeff"
        )  # some begin their UTF-8 with a mark of byte order
    except UnicodeDecodeError as error:
        raise Refused(Reason.not_text, f"byte {error.start} is not UTF-8") from None
    try:
        return json.loads(
            text, object_pairs_hook=_pairs, parse_constant=Wrong, parse_int=_integer, parse_float=_real
        )
    except (ValueError, RecursionError) as error:
        detail = getattr(error, "msg", "") or type(error).__name__
        raise Refused(Reason.not_json, f"{detail} at {getattr(error, 'pos', 0)}") from None


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in pairs:
        old = out.setdefault(key, value)
        if old is value:
            continue
        if isinstance(old, Twice):
            old.values.append(value)
        elif type(old) is not type(value) or old != value:
            out[key] = Twice([old, value])
    return out


def _integer(text: str) -> Any:
    return int(text) if len(text) <= 20 else Wrong(text[:40])


def _real(text: str) -> Any:
    value = float(text)
    return value if math.isfinite(value) else Wrong(text[:40])


def _colons(value: Any) -> int:
    """Colons a JSON text of this value must have: one for each key, and those inside texts."""
    kind = type(value)
    if kind is dict:
        n = len(value)
        for key, item in value.items():
            if ":" in key:
                n += key.count(":")
            item_kind = type(item)
            if item_kind is str:
                n += item.count(":")
            elif item_kind is dict or item_kind is list:
                n += _colons(item)
        return n
    if kind is list:
        return sum(_colons(item) for item in value)
    return value.count(":") if kind is str else 0


def _depth(payload: bytes) -> int:
    depth = deepest = 0
    for byte in _STRINGS.sub(b"", payload):
        if byte in b"{[":
            depth += 1
            if depth > deepest:
                deepest = depth
                if deepest > DEPTH_LIMIT:
                    break
        elif byte in b"}]":
            depth -= 1
    return deepest


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RELATIVE = re.compile(
    r"^\s*(?P<n>\d{1,9}(?:\.\d+)?)\s*(?P<unit>ms|s|sec|secs|seconds?|秒|m|min|mins|minutes?|分钟?|h|hours?|小时|d|days?|天)"
    r"\s*(?:ago|前|之前)\s*$",
    re.IGNORECASE,
)
_UNIT_SECONDS = {
    "ms": 0.001,
    "s": 1,
    "秒": 1,
    "m": 60,
    "分": 60,
    "h": 3600,
    "小": 3600,
    "d": 86400,
    "天": 86400,
}
_LEAP = re.compile(r":60(?=[.,Zz+\-]|$)")
_EPOCH_TEXT = re.compile(r"^[0-9]{9,17}(\.[0-9]{1,9})?$")
_NOW = frozenset({"now", "just now", "刚刚"})


def read_time(raw: object, *, zone: tzinfo, received_at: datetime | None = None) -> datetime | None:
    """A device's time as aware UTC, or None when it says nothing usable.

    Takes RFC 3339 with or without zone (`zone` then), epoch seconds, milliseconds and microseconds as number or
    text, and "5 minutes ago" (from `received_at`). Raises Refused(bad_value) for anything else but null.
    """
    if raw is None or raw == "" or raw is False:
        return None
    if isinstance(raw, str):
        text = raw.strip()
        if _EPOCH_TEXT.match(text):
            return read_time(float(text), zone=zone)
        match = _RELATIVE.match(text)
        if match or text.lower() in _NOW:
            if received_at is None:
                return None
            if match is None:
                return received_at
            unit = match["unit"].lower()
            seconds = float(match["n"]) * _UNIT_SECONDS[unit if unit == "ms" else unit[0]]
            return received_at - timedelta(seconds=min(seconds, 3e9))
        try:
            at = datetime.fromisoformat(_LEAP.sub(":59", text))
            return (at if at.tzinfo is not None else at.replace(tzinfo=zone)).astimezone(UTC)
        except (ValueError, OverflowError):
            raise Refused(Reason.bad_value, "time: not RFC 3339 or epoch", quantity="time") from None
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        # A count of seconds has 10 digits until 2286, of milliseconds 13, of microseconds 16.
        scale = 1 if abs(raw) < 1e11 else 1e3 if abs(raw) < 1e14 else 1e6
        try:
            return _EPOCH + timedelta(seconds=raw / scale)
        except (OverflowError, ValueError):
            pass
    raise Refused(Reason.bad_value, "time: not RFC 3339 or epoch", quantity="time")
