"""What Zigbee2MQTT publishes: any model works by the names of its published properties and what it exposes.

`decode` reads a device's state, `decode_attribute` one attribute on a topic of its own, `availability` the two forms
of that, `locate` says what a topic is. What a property means is in `devices.codecs.exposes`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from enum import StrEnum
from typing import Any

from care.errors import Reason, Refused
from care.words import Kind
from devices import models
from devices.actions import calls
from devices.codecs import Said, Twice, read_json, read_time
from devices.codecs.exposes import PROPERTIES, SKIP, THE_ALARM, Definition, Expose, Property, rules_of
from devices.kinds import STATE_OF
from devices.quantities import HAZARDS

# -- topics ---------------------------------------------------------------------------------------------------


class Part(StrEnum):
    """What a topic below a base is about."""

    device = "device"
    availability = "availability"
    bridge = "bridge"
    command = "command"
    """`…/set`, `…/get`: somebody talks to a device; not ours."""


@dataclass(frozen=True, slots=True)
class Place:
    """A topic taken apart: `base/name`, or `base/bridge/name`."""

    part: Part
    base: str
    name: str


BRIDGE_WORDS = frozenset(
    ["state", "devices", "groups", "info", "logging", "log", "event", "health", "extensions", "converters", "definitions",
     "config", "request", "response"]
)  # fmt: skip
"""What stands behind `bridge/` in a topic of Zigbee2MQTT 1 and 2."""


def deeper_bridge(topic: str, base: tuple[str, ...]) -> tuple[str, ...] | None:
    """The base of a bridge that lies below the one a filter names: `zigbee2mqtt/h0317` under `zigbee2mqtt/#`."""
    levels = topic.split("/")
    for i in range(len(base) + 1, len(levels) - 1):
        if levels[i] == "bridge" and levels[i + 1] in BRIDGE_WORDS:
            return tuple(levels[:i])
    return None


def base_of(topic_filter: str) -> tuple[str, ...]:
    """The levels of a filter that are the base of Zigbee2MQTT: `a/b/#` -> (a, b), `+/z2m/#` -> (+, z2m)."""
    levels = topic_filter.split("/")
    if not set(levels) & {"+", "#"}:
        return tuple(levels[:-1])
    while levels and levels[-1] in ("+", "#", "availability", "bridge"):
        levels.pop()
    return tuple(levels)


def locate(topic: str, base: tuple[str, ...]) -> Place:
    """What a topic is about. Names may contain `/`, so the last levels decide only by their fixed words."""
    levels = topic.split("/")
    skip = len(base)
    if skip == 0 and "bridge" in levels[1:]:
        skip = levels.index("bridge", 1)
    head, rest = "/".join(levels[:skip]), levels[skip:]
    if rest and rest[0] == "bridge":
        return Place(Part.bridge, head, "/".join(rest[1:]))
    if len(rest) > 1 and rest[-1] == "availability":
        return Place(Part.availability, head, "/".join(rest[:-1]))
    if len(rest) > 1 and (rest[-1] in ("set", "get") or (len(rest) > 2 and rest[-2] in ("set", "get"))):
        return Place(Part.command, head, "/".join(rest))
    return Place(Part.device, head, "/".join(rest))


def availability(payload: bytes) -> str:
    """`online` or `offline`, from text or from {"state": …}. Raises Refused."""
    text = payload.strip()
    if text[:1] in (b"{", b'"'):
        value = read_json(payload)
        word = value.get("state") if isinstance(value, dict) else value
    else:
        word = text.decode("ascii", "replace")
    if isinstance(word, str) and word.strip().lower() in ("online", "offline"):
        return word.strip().lower()
    raise Refused(Reason.bad_value if text else Reason.empty, "availability: online or offline is wanted")


_OR = HAZARDS | {
    "sos",
    "fall",
    "tamper",
    "fault",
    "self_test",
    "muted",
    "battery_low",
    "preheat",
    "end_of_life",
}
"""Where several properties speak of one quantity, one that says yes is believed."""

_CHANNELS = _OR | {"motion", "presence", "door_open"}
"""The same among properties of equal rank: the zones of a radar, the two contacts of a window. A chief witness
outranks them, for what a device shows beside its verdict may be cached."""

_COMMON = frozenset(
    {"status", "state", "pressure", "movement", "alarm_1", "alarm_2", "alarm_status", "alarm_state"}
)
"""Names that mean something else on most models: null there says nothing."""

_PEOPLE = frozenset({"motion", "presence"})
_RADARS = frozenset({None, Kind.presence, Kind.fall})
_AS_PRESENCE = frozenset({Kind.presence, Kind.fall})
"""A radar that publishes `occupancy` alone means that somebody is there; a motion detector means movement."""

# -- decoding -------------------------------------------------------------------------------------------------


def decode(
    payload: bytes,
    *,
    zone: tzinfo,
    kind: Kind | None = None,
    calls_on: Iterable[str] = (),
    definition: Definition | None = None,
    received_at: datetime | None = None,
) -> Said:
    """What a device's state message says. Raises Refused when it is no JSON object."""
    value = read_json(payload)
    if not isinstance(value, dict):
        raise Refused(Reason.not_json, "a state object is wanted")
    if not value:
        raise Refused(Reason.empty, "an object without any property")
    return _said(value, zone, kind, calls_on, definition, received_at, whole=True)


def decode_attribute(
    name: str,
    payload: bytes,
    *,
    zone: tzinfo,
    kind: Kind | None = None,
    calls_on: Iterable[str] = (),
    definition: Definition | None = None,
    received_at: datetime | None = None,
) -> Said:
    """What one attribute says that is published on a topic of its own (`output: attribute`): JSON or a bare word."""
    text = payload.strip()
    value: Any
    try:
        value = read_json(payload) if text else None
    except Refused as fault:
        if fault.reason is not Reason.not_json:
            raise
        value = payload.decode("utf-8")
    return _said({name: value}, zone, kind, calls_on, definition, received_at, whole=False)


def _said(
    state: dict[str, Any],
    zone: tzinfo,
    kind: Kind | None,
    calls_on: Iterable[str],
    definition: Definition | None,
    received_at: datetime | None,
    *,
    whole: bool,
) -> Said:
    said = Said()
    if definition is None and isinstance(about := state.get("device"), dict):
        definition = models.definition(str(about.get("model") or ""))
    exposes = definition.exposes if definition is not None else {}
    if definition is not None:
        said.model = definition.model
    heard = _Heard(kind)
    redundant = {"sos_alarm"} if "action" in state or (definition is not None and definition.acts) else set()
    for name, raw in state.items():
        if name == "device":
            if isinstance(raw, dict):
                said.model = str(raw.get("model") or "")[:64] or said.model
            continue
        expose = exposes.get(name)
        rules = rules_of(name, expose)
        if rules is not None and name not in redundant:
            for rule in rules:
                quantity = heard.quantity(rule, name, alone="presence" not in state)
                if quantity is None or (raw is None and name in _COMMON):
                    continue
                if isinstance(raw, Twice):
                    why = f"{name}: given twice with different values"
                    said.faults.append(Refused(Reason.bad_value, why, quantity=quantity))
                    continue
                value = _read(rule, name, raw, expose, whole=whole)
                if value is SKIP or (
                    value is False and not whole and _has_chief(rule, name, quantity, definition)
                ):
                    continue
                heard.take(rule, quantity, value)
        elif name in ("action", "click") or (name.startswith("action_l") and name[8:].isdigit()):
            _press(said, raw, kind, calls_on)
        elif name == "last_seen" and not isinstance(raw, Twice):
            try:
                said.device_at = read_time(raw, zone=zone, received_at=received_at)
            except Refused:
                said.device_at = None  # a display setting of the bridge, not a word of the device
    for quantity, value in heard.merged().items():
        if quantity == "sos" and _denies(value):
            continue  # "not pressed" is no press, and only people end a call
        said.take(quantity, value)
    return said


def _read(rule: Property, name: str, raw: Any, expose: Expose | None, *, whole: bool) -> Any:
    """What a published value says about the rule's quantity; None for unknown, SKIP for nothing."""
    if raw is None:
        return None
    if isinstance(raw, dict | list):
        return raw if rule.main else SKIP  # no chief witness has parts: it is refused by its name
    value = rule.read(raw, expose)
    if not whole and name not in PROPERTIES and (value is False or rule.quantity == "water_total"):
        return SKIP  # one of several channels does not speak for the others
    return value


_ALONE = frozenset(
    {
        "gas_sensor_state",
        "gas_state",
        "co_state",
        "water_leakage_state",
        "leak_detect",
        "alarm_status",
        "alarm_state",
        "alarm_1",
    }
)
"""Witnesses of a hazard that no model publishes beside a chief one."""


def _has_chief(rule: Property, name: str, quantity: str, definition: Definition | None) -> bool:
    """Whether a property on a topic of its own leaves it to another one to say that all is well.

    In one message the stronger word is believed; on topics of their own they come one after the other, and a
    bystander's "no" would end the alarm that the chief witness raised a moment before.
    """
    if rule.main or quantity not in _OR:
        return False
    if definition is None or not definition.exposes:
        return quantity in HAZARDS and name not in _ALONE
    return any(
        r.main and r.quantity == quantity and e.property != name
        for e in definition.exposes.values()
        for r in rules_of(e.property, e) or ()
    )


class _Heard:
    """What the properties of one message say, quantity by quantity."""

    def __init__(self, kind: Kind | None) -> None:
        self._kind = kind
        self._chief: dict[str, Any] = {}
        self._other: dict[str, Any] = {}

    def quantity(self, rule: Property, name: str, *, alone: bool) -> str | None:
        """The quantity for a device of this kind: on a bed, whatever notices a person is the bed's occupancy."""
        kind, quantity = self._kind, rule.quantity
        if name == "status" and kind not in _RADARS:
            return None
        if quantity == THE_ALARM:
            return STATE_OF.get(kind) if kind is not None else None
        if kind is Kind.bed_belt and (quantity in _PEOPLE or quantity == "door_open"):
            return "in_bed"
        if kind in _AS_PRESENCE and name == "occupancy" and alone:
            return "presence"
        return quantity

    def take(self, rule: Property, quantity: str, value: Any) -> None:
        if quantity == "in_bed" and rule.quantity == "door_open" and isinstance(value, bool):
            value = not value  # a pressed mat is a closed contact
        into, stronger = (self._chief, _OR) if rule.main else (self._other, _CHANNELS)
        _collect(into, quantity, value, stronger)

    def merged(self) -> dict[str, Any]:
        out = dict(self._chief)
        for quantity, value in self._other.items():
            _collect(out, quantity, value, _OR)
        return out


def _collect(into: dict[str, Any], quantity: str, value: Any, stronger: Iterable[str]) -> None:
    if quantity not in into:
        into[quantity] = value
    elif quantity == "water_total":
        both = (into[quantity], value)  # the pipes of a flat; the sum is only known when all of them are
        into[quantity] = None if None in both else round(sum(both), 3)
    elif quantity in stronger:
        into[quantity] = _either(into[quantity], value)
    elif into[quantity] is None:
        into[quantity] = value


def _denies(value: Any) -> bool:
    return value is False or value == 0 or (isinstance(value, str) and value.strip().lower() in _NOT_PRESSED)


_NOT_PRESSED = frozenset({"", "false", "off", "no", "0", "none", "normal"})


def _either(one: Any, two: Any) -> Any:
    """The stronger of two statements on one quantity: yes, a word, an unreadable one, no, unknown."""

    def strength(value: Any) -> int:
        if value is None:
            return 0
        if value is False or value == 0:
            return 1
        if isinstance(value, str):
            return 1 if value.strip().lower() in ("", "none", "normal", "false", "off") else 3
        return 4 if value is True or value == 1 else 2

    return one if strength(one) >= strength(two) else two


def _press(said: Said, raw: Any, kind: Kind | None, calls_on: Iterable[str]) -> None:
    words = [w for w in (raw.values if isinstance(raw, Twice) else [raw]) if isinstance(w, str) and w.strip()]
    for word in words:  # an empty action only takes the last one off a display
        said.take("action", word)
        if calls(word, calls_on):
            said.values["sos"] = True
        elif kind is Kind.fall and word.strip().lower() in ("fall", "falling"):
            said.values["fall"] = True
