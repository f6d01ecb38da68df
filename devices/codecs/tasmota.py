"""Tasmota: `tele/NAME/SENSOR`, `tele/NAME/STATE`, `tele/NAME/LWT`, `stat/NAME/POWER`, `stat/NAME/RESULT`.

Start at `Tasmota.hear`. A box is claimed by any of its topics or by `tele/NAME`; both orders of prefix and name are
known. Sensors speak by the names of their fields. A switch input is what the kind of the claimed device says it is
(ON at a door is open). The relay (`POWER`) is that too, except at a detector of a hazard, where it drives a siren or a
valve: there only the exact POWER topic in the site file makes it the alarm. A Zigbee bridge's devices are `…/SENSOR/NAME`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import Any

from care.errors import Reason, Refused
from care.words import Kind
from devices.actions import calls
from devices.codecs import Said, read_json, read_time
from devices.codecs.exposes import version
from devices.codecs.utterance import STATE_OF, Claim, Heard, Utterance, identity, nothing, read_text, take
from devices.codecs.zigbee2mqtt import availability
from devices.expressions import number
from devices.names import exact, guess

_PREFIXES = ("tele", "stat", "cmnd")
_SWITCH = re.compile(r"^(?:POWER|SWITCH|BUTTON)\d{0,2}$")
_NOT_SENSORS = frozenset({"ENERGY", "ESP32", "ESP8266", "WIFI", "POWERFACTOR", "BERRY", "HEAP"})
"""Objects in SENSOR and STATE that are about mains power or the box itself."""
_RELAY_IS_ANOTHER = frozenset({Kind.smoke, Kind.gas, Kind.co, Kind.water_leak, Kind.fall, Kind.sos})


@dataclass(frozen=True, slots=True)
class _Place:
    prefix: str
    box: str
    word: str
    first: bool
    """The prefix stands before the name."""

    def topic(self, prefix: str, word: str = "") -> str:
        head = f"{prefix}/{self.box}" if self.first else f"{self.box}/{prefix}"
        return f"{head}/{word}" if word else head


def _locate(topic: str) -> _Place | None:
    levels = topic.split("/")
    if len(levels) >= 3:
        if levels[0] in _PREFIXES:
            return _Place(levels[0], "/".join(levels[1:-1]), levels[-1].upper(), first=True)
        if levels[-2] in _PREFIXES:
            return _Place(levels[-2], "/".join(levels[:-2]), levels[-1].upper(), first=False)
    return None


@dataclass(frozen=True, slots=True)
class Tasmota:
    """The dialect."""

    name: str = "tasmota"
    learnt: int = 0

    def addresses(self, topic: str) -> tuple[str, ...]:
        place = _locate(topic)
        if place is None:
            return (topic,)
        known = [("tele", "SENSOR"), ("tele", ""), ("tele", "STATE"), ("stat", ""), ("stat", "POWER"), ("stat", "POWER1"),
                 ("stat", "RESULT"), ("stat", "STATUS8"), ("stat", "STATUS10"), ("tele", "LWT")]  # fmt: skip
        return tuple(dict.fromkeys([topic, *(place.topic(*k) for k in known), place.box]))

    def hear(self, heard: Heard) -> list[Utterance | Refused]:
        place = _locate(heard.topic)
        addresses = self.addresses(heard.topic)
        if place is None:
            return [Utterance(addresses, nothing)]
        if place.prefix == "cmnd":
            return []  # somebody talks to a device
        listed = place.topic("tele", "SENSOR")
        ends = (place.box.rpartition("/")[2],)
        if place.word == "LWT":
            state = availability(heard.payload)
            return [Utterance(addresses, nothing, listed, names=ends, state=state)]
        if _SWITCH.match(place.word):
            raw: Any = read_text(heard.payload)
            if raw[:1] in ("{", '"'):
                raw = read_json(heard.payload)
            fields = {place.word: raw}
            return [Utterance(addresses, partial(_say, fields, heard), listed, names=ends)]
        if place.word in ("INFO1", "STATUS2"):
            return [Utterance(addresses, nothing, listed, names=ends, firmware=_version(heard))]
        if place.word not in ("SENSOR", "STATE", "RESULT", "STATUS8", "STATUS10", "STATUS"):
            return [Utterance(addresses, nothing, listed, names=ends)]
        value = read_json(heard.payload)
        if not isinstance(value, dict):
            raise Refused(Reason.not_json, "an object with sensors is wanted")
        if not value:
            raise Refused(Reason.empty, "an object without any field")
        for inner in ("StatusSNS", "StatusSTS"):
            if isinstance(value.get(inner), dict):
                value = value[inner]
        zigbee = value.get("ZbReceived")
        if not isinstance(zigbee, dict) and all(_is_zigbee(v) for v in value.values()):
            zigbee = value  # SetOption100: without the word around it
        if isinstance(zigbee, dict):
            return [*self._zigbee(heard, place, zigbee)]
        return [Utterance(addresses, partial(_say, value, heard), listed, names=ends)]

    def _zigbee(self, heard: Heard, place: _Place, received: dict[str, Any]) -> list[Utterance | Refused]:
        """Messages of a Zigbee bridge: one device under its short address or the name it was given."""
        out: list[Utterance | Refused] = []
        for short, fields in received.items():
            if not isinstance(fields, dict):
                out.append(Refused(Reason.not_json, "ZbReceived: an object for each device is wanted"))
                continue
            names = [
                n
                for n in (identity(fields.get("Name")), identity(fields.get("Device")), identity(short))
                if n
            ]
            if not names:
                out.append(Refused(Reason.bad_value, "ZbReceived: a device without a name"))
                continue
            sensor = place.topic("tele", "SENSOR")
            addresses = tuple(dict.fromkeys([*(f"{sensor}/{n}" for n in names), heard.topic]))
            out.append(Utterance(addresses, partial(_say_zigbee, fields), names=tuple(dict.fromkeys(names))))
        return out


def _is_zigbee(fields: Any) -> bool:
    return (
        isinstance(fields, dict) and "Device" in fields and ("LinkQuality" in fields or "Endpoint" in fields)
    )


def _version(heard: Heard) -> str:
    """`{"Info1": {"Version": …}}` at each start of the box, `{"StatusFWR": {"Version": …}}` when it is asked."""
    try:
        value = read_json(heard.payload)
    except Refused:
        return ""
    if not isinstance(value, dict):
        return ""
    told = next((value[k] for k in ("Info1", "StatusFWR") if isinstance(value.get(k), dict)), value)
    return version(told.get("Version"))


def _say(fields: dict[str, Any], heard: Heard, claim: Claim) -> Said:
    said = Said()
    celsius = fields.get("TempUnit") != "F"
    for key, value in fields.items():
        if key == "Time":
            try:
                said.device_at = read_time(value, zone=heard.zone, received_at=heard.received_at)
            except Refused as fault:
                said.faults.append(fault)
        elif _SWITCH.match(key.upper()):
            _switch(said, key.upper(), value, claim)
        elif key == "Vcc":
            take(said, "voltage", value, claim)
        elif key == "Wifi" and isinstance(value, dict):
            quality = number(value.get("RSSI"))  # percent
            if quality is not None and 0 <= quality <= 100:
                take(said, "link_quality", round(quality * 2.55), claim)
        elif key.upper() in _NOT_SENSORS:
            continue
        elif isinstance(value, dict):
            for name, raw in value.items():
                _field(
                    said,
                    guess(name) or (guess(key) if name in ("State", "Value", "Alarm") else None),
                    raw,
                    claim,
                    celsius=celsius,
                )
        elif not isinstance(value, list):
            _field(said, guess(key), value, claim, celsius=celsius)
    return said


def _field(said: Said, quantity: str | None, raw: Any, claim: Claim, *, celsius: bool) -> None:
    if quantity is None or isinstance(raw, dict | list):
        return
    unit = "°F" if quantity == "temperature" and not celsius else ""
    take(said, quantity, raw, claim, unit=unit)


def _switch(said: Said, name: str, value: Any, claim: Claim) -> None:
    if isinstance(value, dict):
        value = value.get("Action", value.get("State"))
    if not isinstance(value, str):
        return
    word = value.strip().upper()
    if word in ("ON", "OFF"):
        quantity = STATE_OF.get(claim.kind) if claim.kind is not None else None
        relay = name.startswith("POWER")
        if (
            relay
            and claim.kind in _RELAY_IS_ANOTHER
            and not claim.address.upper().rpartition("/")[2].startswith("POWER")
        ):
            return
        if quantity == "fall" and word == "OFF":
            said.values["fall"] = False
        elif quantity is not None:
            take(said, quantity, word, claim)
        elif name.startswith("BUTTON") or claim.kind is Kind.button:
            take(said, "action", word.lower(), claim)
        return
    take(said, "action", word.lower(), claim)
    if claim.kind is Kind.sos and not calls(word, claim.calls_on) and word in ("TOGGLE", "PRESS", "1"):
        said.values["sos"] = True


_ZONE = ("ZoneStatusChange", "ZoneStatus")
_ALARM_BITS, _TAMPER_BIT, _BATTERY_BIT, _TEST_BIT = 0x03, 0x04, 0x08, 0x100
"""Of an IAS zone (Zigbee Cluster Library, 8.2.2.2.1.3)."""
_ZONE_STATES = frozenset({Kind.smoke, Kind.gas, Kind.co, Kind.water_leak, Kind.sos, Kind.door, Kind.motion})
_ACE_CALLS = frozenset({"0501!02", "0501!03", "0501!04"})
"""Emergency, fire and panic of a keypad or key fob (Zigbee Cluster Library, 8.3.2.3), as Tasmota writes commands."""
_STATES = {
    "Contact": "door_open", "Occupancy": "motion", "Motion": "motion", "Fire": "smoke", "Smoke": "smoke",
    "Water": "water_leak", "Leak": "water_leak", "CO": "co", "Gas": "gas", "Emergency": "sos", "PanicButton": "sos",
    "Panic": "sos", "Tamper": "tamper", "BatteryLow": "battery_low", "LowBattery": "battery_low",
}  # fmt: skip
"""1 is the alarm of the zone: open, wet, pressed."""


def _say_zigbee(fields: dict[str, Any], claim: Claim) -> Said:
    said = Said()
    for name, raw in fields.items():
        if isinstance(raw, dict | list):
            continue
        if name in (
            "BatteryPercentage",
            "BatteryVoltage",
            "LinkQuality",
            "Temperature",
            "Humidity",
            "Illuminance",
        ):
            take(said, exact(name) or guess(name) or "link_quality", raw, claim)
        elif name in _STATES and raw in (0, 1):
            take(said, _STATES[name], raw, claim)
        elif name in _ACE_CALLS:
            said.values["sos"] = True
        elif name in ("click", "action", "Action") and isinstance(raw, str):
            take(said, "action", raw.lower(), claim)
    _zone(said, fields, claim)
    return said


def _zone(said: Said, fields: dict[str, Any], claim: Claim) -> None:
    """The bits of an IAS zone, where Tasmota does not know its type and so has no name for the alarm."""
    raw = next((fields[name] for name in _ZONE if name in fields), None)
    bits = number(raw) if not isinstance(raw, str) else None
    if bits is None or not bits.is_integer() or bits < 0:
        return
    status = int(bits)
    quantity = STATE_OF.get(claim.kind) if claim.kind in _ZONE_STATES and claim.kind is not None else None
    named = {_STATES[name] for name in fields if name in _STATES}
    if quantity is not None and quantity not in named:
        take(said, quantity, bool(status & _ALARM_BITS), claim)
    for other, bit in (("tamper", _TAMPER_BIT), ("battery_low", _BATTERY_BIT), ("self_test", _TEST_BIT)):
        if other not in named:
            take(said, other, bool(status & bit), claim)


__all__ = ["Tasmota"]
