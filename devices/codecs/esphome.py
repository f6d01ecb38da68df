"""ESPHome over MQTT: `PREFIX/component/object/state` with a bare value, `PREFIX/status` with online or offline.

Start at `ESPHome.hear`. A node is claimed by its PREFIX and all its entities are one device's, told apart by their
names; or one entity is claimed by its own state topic, and may then have any name: what it says is told by the kind.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial

import msgspec

from care.errors import Reason, Refused
from care.words import Kind
from devices.codecs import Said
from devices.codecs.exposes import version
from devices.codecs.utterance import STATE_OF, Claim, Heard, Utterance, nothing, read_text, take
from devices.codecs.zigbee2mqtt import availability
from devices.kinds import KINDS
from devices.names import guess
from devices.quantities import QUANTITIES, Nature

_COMPONENTS = frozenset(
    [
        "binary_sensor",
        "sensor",
        "text_sensor",
        "switch",
        "event",
        "number",
        "select",
        "light",
        "fan",
        "cover",
        "button",
        "climate",
        "update",
        "lock",
        "valve",
        "text",
        "alarm_control_panel",
        "media_player",
        "datetime",
    ]
)
_READ = frozenset({"binary_sensor", "sensor", "text_sensor", "event"})
_PRESSED = re.compile(r"(?:^|_)(?:button|btn|key|pull|cord|pendant)(?:_|\d|$)")
_VERSIONS = frozenset({"esphome_version", "firmware_version", "firmware", "project_version"})
"""What a node calls the text sensor of its version."""


@dataclass(frozen=True, slots=True)
class _Place:
    prefix: str
    component: str
    entity: str
    last: str


def _locate(topic: str) -> _Place | None:
    levels = topic.split("/")
    if len(levels) >= 4 and levels[-3] in _COMPONENTS:
        return _Place("/".join(levels[:-3]), levels[-3], levels[-2], levels[-1])
    if len(levels) >= 2 and levels[-1] in ("status", "debug"):
        return _Place("/".join(levels[:-1]), "", "", levels[-1])
    return None


@dataclass(frozen=True, slots=True)
class ESPHome:
    """The dialect."""

    name: str = "esphome"
    learnt: int = 0

    def addresses(self, topic: str) -> tuple[str, ...]:
        place = _locate(topic)
        if place is None:
            return (topic,)
        own = (topic, topic.removesuffix("/state")) if place.component else (topic,)
        return tuple(dict.fromkeys([*own, place.prefix, f"{place.prefix}/status"]))

    def hear(self, heard: Heard) -> list[Utterance | Refused]:
        place = _locate(heard.topic)
        addresses = self.addresses(heard.topic)
        if place is None:
            return [Utterance(addresses, nothing)]
        names = (place.prefix.rpartition("/")[2],)
        if place.last == "status":
            state = availability(heard.payload)
            return [Utterance(addresses, nothing, place.prefix, names=names, state=state)]
        if place.last != "state":
            return []  # commands to it and its log
        if place.component not in _READ:
            return [Utterance(addresses, nothing, place.prefix, names=names)]
        text = read_text(heard.payload)
        told = place.component == "text_sensor" and place.entity in _VERSIONS
        say = partial(_say, place, heard.topic, text)
        firmware = version(text) if told else ""
        return [Utterance(addresses, say, place.prefix, names=names, firmware=firmware)]


def _say(place: _Place, topic: str, text: str, claim: Claim) -> Said:
    said = Said()
    quantity = guess(place.entity)
    alone = claim.address in (topic, topic.removesuffix("/state"))
    match place.component:
        case "binary_sensor":
            if quantity is not None and QUANTITIES[quantity].numeric:
                quantity = {"battery": "battery_low"}.get(quantity)
            if (
                alone
                and claim.kind is not None
                and (quantity is None or quantity not in KINDS[claim.kind].quantities)
            ):
                quantity = STATE_OF.get(claim.kind)
            if quantity is None and claim.kind is Kind.sos and _PRESSED.search(place.entity):
                quantity = "sos"  # what else would the button of an SOS button be
            if quantity is not None and QUANTITIES[quantity].nature is not Nature.text:
                take(said, quantity, text, claim)
        case "sensor":
            if quantity is None and alone and claim.kind is not None:
                measured = [q for q in KINDS[claim.kind].quantities[:1] if QUANTITIES[q].numeric]
                quantity = measured[0] if measured else None
            if quantity is not None:
                take(said, quantity, text, claim, measured=True)
        case "event":
            take(said, "action", _event(text), claim)
        case _:
            if quantity is not None and not QUANTITIES[quantity].numeric:
                take(said, quantity, text, claim)
    return said


def _event(text: str) -> str:
    """What an event entity says: the word itself, or `{"event_type": "press"}` as ESPHome publishes it."""
    if not text.lstrip().startswith("{"):
        return text
    try:
        told = msgspec.json.decode(text.encode())
    except msgspec.DecodeError as fault:
        raise Refused(Reason.not_json, str(fault)[:80]) from None
    kind = told.get("event_type")
    if not isinstance(kind, str):
        raise Refused(Reason.bad_value, "an event without its event_type", quantity="action")
    return kind


__all__ = ["ESPHome"]
