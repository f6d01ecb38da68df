"""One device: what it says, in its dialect, when and how often; and the moments and messages all of the world is made of.

Start at `Sensor`. How devices behave follows domain.md 2.2 and 2.3: an infrared sensor speaks at most once a minute while
something moves and says false 90 s after the last movement; `contact` true means closed; an SOS button has a press and
no release; mains gas detectors and gateways speak every few minutes, battery devices once an hour; a belt every 5 s.
Times are integers: milliseconds since 1970 UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import numpy as np

from care.messages import Value
from care.site import Device, Home, native_topic
from care.words import Kind
from simulators.radios import Link, Radio, radio_of

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

ALARM_KINDS = frozenset({Kind.smoke, Kind.gas, Kind.co, Kind.sos, Kind.fall, Kind.water_leak})
"""Devices that raise alarms: QoS 1, and repeated until acknowledged when they speak the native dialect."""

BELT_EVERY = 5 * SECOND
GATEWAY_EVERY = 60 * SECOND
MAINS_EVERY = 4 * MINUTE  # a mains gas detector is missed after 10 min (domain.md, GS4)
BATTERY_EVERY = 50 * MINUTE  # Aqara: a heartbeat about every 60 min [D11]
METER_EVERY = 15 * MINUTE
PIR_AGAIN = 60 * SECOND
PIR_HOLD = 90 * SECOND  # Zigbee2MQTT says occupancy false 90 s after the last report of these models
REPEAT_EVERY = 2 * SECOND  # contract section 4: the same seq until the acknowledgement
REPEATS = 30
WILL_AFTER = 90 * SECOND  # a broker gives up on a silent client after 1.5 times the usual keep-alive of 60 s


class Publish(msgspec.Struct, frozen=True, gc=False):
    """One MQTT message of the world."""

    at: datetime
    """When it is sent, in the time of the world."""
    topic: str
    payload: bytes
    qos: int
    retain: bool
    home: str
    device: str
    """Id of the device, or of the home's gateway for status and bridge topics."""
    kind: Kind = Kind.gateway
    """Kind of the device."""
    alarm: bool = False
    """True when it raises, repeats or ends an alarm: it belongs on the alarm connection."""


_seconds: dict[int, str] = {}


def iso_ms(ms: int) -> str:
    """RFC 3339 UTC with milliseconds of a count of milliseconds since 1970."""
    second, rest = divmod(ms, 1000)
    text = _seconds.get(second)
    if text is None:
        if len(_seconds) > 512:
            _seconds.clear()
        text = _seconds[second] = (EPOCH + timedelta(seconds=second)).isoformat()[:19]
    return f"{text}.{rest:03d}Z"


def at_ms(ms: int) -> datetime:
    """An aware UTC datetime of a count of milliseconds since 1970."""
    return EPOCH + timedelta(milliseconds=ms)


def to_ms(at: datetime) -> int:
    """Milliseconds since 1970 UTC."""
    return (at - EPOCH) // timedelta(milliseconds=1)


# What Zigbee2MQTT calls a quantity; `contact` has the opposite sense.
_ZIGBEE_NAMES = {
    "door_open": "contact",
    "motion": "occupancy",
    "gas_level": "gas_value",
    "link_quality": "linkquality",
}

# What a device says besides its readings, as Zigbee2MQTT 2 publishes these models.
_ZIGBEE_FIRST: dict[Kind, dict[str, Any]] = {
    Kind.smoke: {
        "battery_low": False, "chamber_contamination": "normal", "muted": False, "smoke": False, "smoke_level": 0,
        "smoke_unit": "dB/m", "temperature": 22, "test": False,
    },
    Kind.gas: {"gas": False, "gas_value": 0, "preheat": False},
    Kind.sos: {"voltage": 3000},
    Kind.door: {"contact": True, "device_temperature": 23, "power_outage_count": 2, "voltage": 3005},
    Kind.motion: {"device_temperature": 24, "illuminance": 120, "occupancy": False, "power_outage_count": 1, "voltage": 3015},
    Kind.water_leak: {
        "battery_low": False, "device_temperature": 23, "power_outage_count": 0, "tamper": False, "voltage": 3025,
        "water_leak": False,
    },
    Kind.co: {"co": False},
    Kind.climate: {"humidity": 58, "temperature": 22},
    Kind.presence: {"presence": False},
    Kind.vibration: {"vibration": False},
}  # fmt: skip
_NATIVE_FIRST: dict[Kind, dict[str, Any]] = {
    Kind.smoke: {"smoke": False, "smoke_level": 0, "temperature": 22, "battery_low": False, "muted": False},
    Kind.gas: {"gas": False, "gas_level": 0, "fault": False},
    Kind.co: {"co": False, "co_level": 0, "fault": False},
    Kind.sos: {"battery_low": False},
    Kind.fall: {"presence": False},
    Kind.door: {"door_open": False},
    Kind.motion: {"motion": False},
    Kind.presence: {"presence": False},
    Kind.water_leak: {"water_leak": False, "battery_low": False},
    Kind.climate: {"temperature": 22, "humidity": 58},
    Kind.vibration: {"tamper": False},
    Kind.button: {"battery_low": False},
    Kind.gateway: {},
}
MAINS = frozenset({Kind.gas, Kind.co, Kind.gateway, Kind.bed_belt, Kind.presence, Kind.fall})


class Dice:
    """Cheap chance: uniform numbers drawn by the hundred from a seeded generator."""

    __slots__ = ("_box", "rng")

    def __init__(self, *words: int) -> None:
        self.rng = np.random.default_rng(words)
        self._box: list[float] = []

    def u(self) -> float:
        """Uniform in [0, 1)."""
        if not self._box:
            self._box = self.rng.random(64).tolist()
        return self._box.pop()

    def ms(self, low: float, high: float) -> int:
        """Whole milliseconds between two numbers of milliseconds."""
        return int(low + (high - low) * self.u())


class Sensor:
    """One device of a home: its dialect, what it would say now, and its counters."""

    def __init__(
        self, home: Home, device: Device, *, dice: Dice, first_seq: int, radio: Link | None = None
    ) -> None:
        """`radio` None: every word arrives at once."""
        self.id = device.id
        self.radio = radio
        self.kind = device.kind
        self.room = device.room
        self.resident = device.resident
        self.topic = device.address or native_topic(home.id, device.id)
        self.zigbee = radio_of(device) is Radio.zigbee
        self.own_way = radio_of(device) is Radio.nb_iot
        """It speaks to the mobile network itself, whatever becomes of the gateway."""
        self.battery = device.kind not in MAINS
        self.seq = first_seq
        self.alarm = device.kind in ALARM_KINDS
        self.raised = False
        """Its alarm stands."""
        # Zigbee2MQTT publishes telemetry at QoS 0 unless told otherwise; a belt and a gateway's pulse are the bulk.
        self.qos = 1 if self.alarm or not (self.zigbee or device.kind in (Kind.bed_belt, Kind.gateway)) else 0
        self.every = _every(device.kind)
        self.link = 60 + int(dice.u() * 150)
        first = _ZIGBEE_FIRST if self.zigbee else _NATIVE_FIRST
        self.state: dict[str, Any] = {}
        if device.kind not in MAINS and device.kind is not Kind.water_meter:
            self.state["battery"] = 46 + int(dice.u() * 55)
        self.state |= first.get(device.kind, {})
        if device.kind is Kind.water_meter:
            self.state["water_total"] = 40_000 + int(dice.u() * 400_000)
        self.mute_until = 0
        """Sends nothing before this time."""
        self.last_true = 0
        self.last_motion = 0
        self.off_pending = False
        self.repeating: tuple[int, bytes, int] | None = None
        """seq, payload and tries left of an alarm that nobody has acknowledged."""

    def set(self, quantity: str, value: Value) -> None:
        """Change what the device says about a quantity, in its own words."""
        if self.zigbee:
            if quantity == "door_open":
                value = not value
            quantity = _ZIGBEE_NAMES.get(quantity, quantity)
        self.state[quantity] = value

    def says(self, stamp: str, extra: dict[str, Any] | None = None) -> bytes:
        """The payload of now: everything the device knows of itself, as its dialect has it."""
        body = self.state if extra is None else self.state | extra
        if self.zigbee:
            return msgspec.json.encode({**body, "last_seen": stamp, "linkquality": self.link})
        self.seq += 1
        return msgspec.json.encode({"time": stamp, "seq": self.seq, **body})


def _every(kind: Kind) -> int:
    if kind is Kind.bed_belt:
        return BELT_EVERY
    if kind is Kind.gateway:
        return GATEWAY_EVERY
    if kind is Kind.water_meter:
        return METER_EVERY
    return MAINS_EVERY if kind in MAINS else BATTERY_EVERY
