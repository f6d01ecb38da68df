"""What each kind of device is: what it reports, how it is powered, when its silence means something.

`KINDS` has one entry for every `care.words.Kind`. Silence limits are rule TE3/TE4 of the catalogue
(mains 10 and 30 minutes; battery with an hourly heartbeat 3 hours, then 6 hours for life safety and 25 for others).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from care.words import Kind


class Power(StrEnum):
    """Where a device takes its power from. Mains devices fall silent in a power cut."""

    mains = "mains"
    battery = "battery"


@dataclass(frozen=True, slots=True)
class DeviceKind:
    """One kind of device."""

    kind: Kind
    zh: str
    en: str
    pictogram: str
    """Of care.messages.Finding.pictogram."""
    quantities: tuple[str, ...]
    """What it reports, the one it is there for first."""
    power: Power
    every: timedelta
    """How often it speaks when all is well."""
    blue_after: timedelta
    """Silent so long: look into it in working hours."""
    yellow_after: timedelta
    """Silent so long: look into it this shift."""
    life_safety: bool = False
    """Its unreadable messages still tell people."""

    def silence(self, expect: timedelta | None = None) -> tuple[timedelta, timedelta]:
        """Silence limits (blue, yellow), stretched when this model speaks more seldom than its kind.

        Three heartbeats missed is blue and six yellow up to hourly ones; NB-IoT devices that speak every few hours
        or once a day get 1.5 and 2 of theirs (rule TE3).
        """
        if expect is None or expect <= self.every:
            return self.blue_after, self.yellow_after
        blue, yellow = (3, 6) if expect <= timedelta(hours=2) else (1.5, 2)
        return max(self.blue_after, expect * blue), max(self.yellow_after, expect * yellow)


_SIGNAL = ("battery", "battery_low", "voltage", "tamper", "fault", "link_quality")
_WIRED = ("fault", "tamper", "link_quality")
_DETECTOR = ("self_test", "muted", "preheat", "end_of_life")


def _minutes(n: float) -> timedelta:
    return timedelta(minutes=n)


def _mains(
    kind: Kind,
    zh: str,
    en: str,
    pictogram: str,
    own: tuple[str, ...],
    every: timedelta,
    *,
    life_safety: bool = False,
) -> DeviceKind:
    return DeviceKind(
        kind, zh, en, pictogram, (*own, *_WIRED), Power.mains, every, _minutes(10), _minutes(30), life_safety
    )


def _battery(
    kind: Kind, zh: str, en: str, pictogram: str, own: tuple[str, ...], *, life_safety: bool = False
) -> DeviceKind:
    yellow = timedelta(hours=6) if life_safety else timedelta(hours=25)
    return DeviceKind(
        kind,
        zh,
        en,
        pictogram,
        (*own, *_SIGNAL),
        Power.battery,
        timedelta(hours=1),
        timedelta(hours=3),
        yellow,
        life_safety,
    )


_BED = ("in_bed", "heart_rate", "respiration_rate", "movement", "signal_quality", "bed_state")

_TABLE = (
    _mains(Kind.bed_belt, "智能床带", "bed belt", "bed", _BED, timedelta(seconds=10)),
    _battery(Kind.smoke, "烟感", "smoke detector", "smoke",
             ("smoke", "smoke_level", "heat", "temperature", "contamination", *_DETECTOR), life_safety=True),
    _mains(Kind.gas, "燃气报警器", "gas alarm", "gas", ("gas", "gas_level", *_DETECTOR), _minutes(5), life_safety=True),
    _battery(Kind.co, "一氧化碳报警器", "CO alarm", "co", ("co", "co_level", *_DETECTOR), life_safety=True),
    _battery(Kind.sos, "紧急呼叫按钮", "SOS button", "sos", ("sos", "action"), life_safety=True),
    _battery(Kind.door, "门磁", "door contact", "door", ("door_open", "vibration")),
    _battery(Kind.motion, "人体感应器", "motion sensor", "activity", ("motion", "presence", "illuminance")),
    _mains(Kind.presence, "人体存在雷达", "presence radar", "activity", ("presence", "motion", "illuminance"), _minutes(5)),
    _battery(Kind.water_leak, "水浸传感器", "leak sensor", "water", ("water_leak",), life_safety=True),
    _battery(Kind.water_meter, "水表", "water meter", "water", ("water_total",)),
    _mains(Kind.fall, "跌倒雷达", "fall detector", "fall", ("fall", "presence", "motion"), _minutes(5), life_safety=True),
    _battery(Kind.climate, "温湿度计", "climate sensor", "other", ("temperature", "humidity")),
    _battery(Kind.button, "按键", "button", "other", ("action",)),
    _battery(Kind.vibration, "震动传感器", "vibration sensor", "other", ("vibration",)),
    DeviceKind(Kind.gateway, "网关", "gateway", "device", _WIRED, Power.mains, _minutes(1), _minutes(5), _minutes(10)),
)  # fmt: skip

KINDS: dict[Kind, DeviceKind] = {k.kind: k for k in _TABLE}

ALARM_KINDS = frozenset(k.kind for k in _TABLE if k.life_safety)
"""Kinds whose unreadable messages are told to people (reliability section 10)."""

STATE_OF: dict[Kind, str] = {
    Kind.bed_belt: "in_bed",
    Kind.smoke: "smoke",
    Kind.gas: "gas",
    Kind.co: "co",
    Kind.sos: "sos",
    Kind.door: "door_open",
    Kind.motion: "motion",
    Kind.presence: "presence",
    Kind.water_leak: "water_leak",
    Kind.fall: "fall",
    Kind.vibration: "vibration",
}
"""What a bare ON says when only the kind of the device is known."""

_TELLING = (
    ("sos", Kind.sos),
    ("fall", Kind.fall),
    ("smoke", Kind.smoke),
    ("co", Kind.co),
    ("gas", Kind.gas),
    ("gas_level", Kind.gas),
    ("co_level", Kind.co),
    ("smoke_level", Kind.smoke),
    ("water_leak", Kind.water_leak),
    ("heart_rate", Kind.bed_belt),
    ("in_bed", Kind.bed_belt),
    ("door_open", Kind.door),
    ("presence", Kind.presence),
    ("motion", Kind.motion),
    ("water_total", Kind.water_meter),
    ("action", Kind.button),
    ("vibration", Kind.vibration),
    ("temperature", Kind.climate),
    ("humidity", Kind.climate),
)


def suggest(quantities: Iterable[str]) -> Kind | None:
    """The kind a device that reports these quantities probably is; None when nothing tells."""
    heard = set(quantities)
    return next((kind for quantity, kind in _TELLING if quantity in heard), None)
