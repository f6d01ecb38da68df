"""Every quantity a device can report: unit, hard range, nature, consent class, words.

`QUANTITIES` is the table (contract section 4, plus what field devices add). `coerce` is the one policy that
turns whatever a device wrote into a value of the quantity, or says why it cannot.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import StrEnum

from care.errors import Reason, Refused
from care.messages import URGENT, Value


class Nature(StrEnum):
    """How a quantity behaves, and so which values it may have."""

    measurement = "measurement"
    """A number that goes up and down."""
    total = "total"
    """A number that only grows (a meter)."""
    state = "state"
    """True or false, until said otherwise."""
    press = "press"
    """Something that happened in a moment: pressed, fallen."""
    text = "text"
    """A word of the device."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """One row of the table. Ranges are inclusive and in `unit`; None where there is no number."""

    name: str
    nature: Nature
    zh: str
    en: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    """Hard range: a value outside is not physically possible and is refused."""
    usual: tuple[float, float] | None = None
    """Soft range: outside it a single value is doubtful and is never averaged."""
    consent: str | None = None
    """Consent class the resident must allow the centre; None for life safety and technique."""
    texts: bool = False
    """A state that may also be a word of the device (a fault code); it then counts as true."""

    @property
    def numeric(self) -> bool:
        """True when its values are numbers."""
        return self.nature in (Nature.measurement, Nature.total)


_M, _T, _S, _P, _X = Nature.measurement, Nature.total, Nature.state, Nature.press, Nature.text

_TABLE = (
    # Bed belt. 0 is possible and means something (domain section 3.2, reliability B05); 300 is past any heart.
    Quantity("heart_rate", _M, "心率", "heart rate", "1/min", 0, 300, (30, 200), "vitals"),
    Quantity("respiration_rate", _M, "呼吸率", "respiration rate", "1/min", 0, 120, (4, 60), "vitals"),
    Quantity("signal_quality", _M, "信号质量", "signal quality", "", 0, 100, None, "vitals"),
    Quantity("movement", _M, "体动", "movement", "", 0, 100, None, "bed"),
    Quantity("in_bed", _S, "在床", "in bed", consent="bed"),
    Quantity("bed_state", _X, "床上状态", "bed state", consent="bed"),
    # Fire and gas.
    Quantity("smoke", _S, "烟雾报警", "smoke"),
    Quantity("smoke_level", _M, "烟雾浓度", "smoke level", "", 0, 100_000),
    Quantity("heat", _S, "高温报警", "heat alarm"),
    Quantity("gas", _S, "燃气报警", "combustible gas"),
    Quantity("gas_level", _M, "燃气浓度", "gas level", "%LEL", 0, 100),
    Quantity("co", _S, "一氧化碳报警", "carbon monoxide"),
    Quantity("co_level", _M, "一氧化碳浓度", "CO level", "ppm", 0, 10_000),
    # Calls for help.
    Quantity("sos", _P, "紧急呼叫", "SOS"),
    Quantity("fall", _P, "跌倒", "fall", texts=True),
    Quantity("action", _X, "按键动作", "button action"),
    # Said of a person by another system (a meal handed over, a card swiped), not measured in the home. Where somebody
    # was seen is as personal as where they moved.
    Quantity("life_sign", _S, "生命迹象", "sign of life", consent="motion"),
    # Whoever told it was wrong (a call noted as answered that was not): the name of the report that is taken back.
    Quantity("life_sign_withdrawn", _X, "撤回的生命迹象", "sign of life taken back", consent="motion"),
    # Rooms.
    Quantity("temperature", _M, "温度", "temperature", "°C", -50, 125, (-10, 60)),
    Quantity("humidity", _M, "湿度", "humidity", "%", 0, 100),
    Quantity("illuminance", _M, "照度", "illuminance", "lx", 0, 250_000),
    Quantity("door_open", _S, "门已打开", "door open", consent="door"),
    Quantity("motion", _S, "有人活动", "motion", consent="motion"),
    Quantity("presence", _S, "有人", "presence", consent="motion"),
    Quantity("vibration", _S, "震动", "vibration", consent="motion"),
    # Water.
    Quantity("water_leak", _S, "漏水", "water leak"),
    Quantity("water_total", _T, "累计用水量", "water total", "L", 0, 1e9, None, "water"),
    # Technique.
    Quantity("battery", _M, "电量", "battery", "%", 0, 100),
    Quantity("battery_low", _S, "电量低", "battery low"),
    Quantity("voltage", _M, "电压", "voltage", "mV", 0, 500_000),
    Quantity("tamper", _S, "被拆动", "tamper"),
    Quantity("fault", _S, "故障", "fault", texts=True),
    Quantity("muted", _S, "已静音", "muted"),
    Quantity("self_test", _S, "自检", "self test"),
    Quantity("preheat", _S, "预热中", "warming up"),
    Quantity("contamination", _X, "探测腔污染", "chamber contamination"),
    Quantity("end_of_life", _S, "寿命到期", "end of life"),
    Quantity("link_quality", _M, "信号强度", "link quality", "", 0, 255),
)

QUANTITIES: dict[str, Quantity] = {q.name: q for q in _TABLE}

CONSENT_CLASSES = frozenset({"vitals", "bed", "door", "motion", "water"})
"""Classes of data that a resident may withhold (contract section 3); smoke, gas, CO, SOS, fall need none."""

HAZARDS = frozenset({"smoke", "gas", "co", "water_leak", "heat"})
"""States where one `true` among several channels of a device is the truth about all of it."""

PRESSES = frozenset(q.name for q in _TABLE if q.nature is Nature.press)

TEXT_LIMIT = 128
"""Characters of a text value that are kept: no word of a device is longer."""

_TRUE = frozenset({"true", "on", "yes", "1"})
_FALSE = frozenset({"false", "off", "no", "0"})

_HAZARD = (
    frozenset(["alarm", "alarmed", "active", "detected", "triggered", "wet", "leak", "leaking", "yes"]),
    frozenset(["normal", "clear", "cleared", "none", "ok", "inactive", "idle", "dry", "undetected", "safe"]),
)
_PERSON = (
    frozenset(
        ["present", "presence", "occupied", "motion", "movement", "move", "moving", "active", "detected"]
    ),
    frozenset(
        [
            "none",
            "absent",
            "vacant",
            "unoccupied",
            "clear",
            "inactive",
            "idle",
            "undetected",
            "no_motion",
            "no_presence",
        ]
    ),
)
_MORE: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "smoke": _HAZARD,
    "gas": _HAZARD,
    "co": _HAZARD,
    "water_leak": _HAZARD,
    "heat": _HAZARD,
    "vibration": _HAZARD,
    "motion": _PERSON,
    "presence": _PERSON,
    "in_bed": (_PERSON[0] | {"in"}, _PERSON[1] | {"out"}),
    "door_open": (frozenset({"open", "opened"}), frozenset({"close", "closed"})),
    "battery_low": (
        frozenset({"low"}),
        frozenset(["normal", "ok", "high", "medium", "middle", "full", "usb"]),
    ),
    "tamper": (frozenset(["tamper", "tampered", "alarm"]), frozenset(["normal", "none", "ok", "clear"])),
    "muted": (frozenset(["muted", "mute", "silenced"]), frozenset(["unmuted", "normal", "none"])),
    "self_test": (
        frozenset(["test", "testing", "checking", "selftest"]),
        frozenset(["normal", "none", "idle", "clear", "success", "check_success"]),
    ),
    "preheat": (frozenset(["preheating", "preparation"]), frozenset(["normal", "none", "work", "ready"])),
    "end_of_life": (frozenset({"expired", "expires_soon"}), frozenset(["normal", "none", "ok"])),
    "fault": (
        frozenset(),
        frozenset(("", *["normal", "none", "ok", "clear", "no_fault_detected", "no_fault", "not_detected"])),
    ),
    "fall": (
        frozenset({"fall", "falling", "fallen", "fall_alarm"}),
        frozenset(("", *["none", "normal", "clear"])),
    ),
}
"""Words that field devices use for a state, by quantity. What is on no list is refused, never guessed."""

_NUMBER = re.compile(r"^[+-]?(\d{1,15}(\.\d{0,17})?|\.\d{1,17})([eE][+-]?\d{1,3})?$", re.ASCII)
_OF_HUNDRED = re.compile(r"^(\d{1,3}(?:\.\d{1,6})?)\s*(?:/\s*100|%|％)$", re.ASCII)


def coerce(quantity: Quantity, raw: object) -> Value:
    """The value that `raw` (a decoded JSON value, never null) means for this quantity.

    Policy by nature. Numbers: a finite number, or a string that is one ("98"; for percentages also "64/100", "64%");
    true and false are not numbers. States: true, false, 0, 1, or a known word. Presses: anything that is not
    a denial is pressed. Texts: a string or number, cut to 128 characters. Raises Refused (bad_value, out_of_range).
    """
    nature = quantity.nature
    if nature is Nature.state:
        return _state(quantity, raw)
    if nature is Nature.press:
        return _press(quantity, raw)
    if nature is Nature.text:
        return _text(quantity, raw)
    number = _number(quantity, raw)
    low, high = quantity.low, quantity.high
    if low is not None and high is not None and not low <= number <= high:
        detail = f"{quantity.name} {number:g} is outside {low:g}…{high:g} {quantity.unit}".rstrip()
        raise Refused(Reason.out_of_range, detail, quantity=quantity.name)
    return number


def _number(quantity: Quantity, raw: object) -> int | float:
    if isinstance(raw, bool):
        raise _bad(quantity, "a number is wanted, not true or false")
    if isinstance(raw, int):
        if abs(raw) <= 2**53:  # beyond that a float is another number
            return raw
        raise _bad(quantity, "the number is too long")
    if isinstance(raw, float):
        if math.isfinite(raw):
            return raw or 0.0  # -0.0 is no other value
        raise _bad(quantity, "not a finite number")
    if isinstance(raw, str):
        text = raw.strip()
        if _NUMBER.match(text):
            value = float(text)
            if math.isfinite(value):
                return int(value) if value.is_integer() and abs(value) <= 2**53 else value
            raise _bad(quantity, "not a finite number")
        match = _OF_HUNDRED.match(text)
        if match and quantity.low == 0 and quantity.high == 100:
            return float(match[1])
        raise _bad(quantity, "a text that is not a number")
    raise _bad(quantity, f"a number is wanted, not {_named(raw)}")


def _state(quantity: Quantity, raw: object) -> Value:
    if raw is True or raw is False:
        return raw
    if isinstance(raw, int | float):
        if raw in (0, 1):
            return raw == 1
        if quantity.texts and math.isfinite(raw) and abs(raw) <= 2**53:
            return f"{raw:g}"
        raise _bad(quantity, "a state is true or false")
    if isinstance(raw, str):
        word = raw.strip().lower()
        yes, no = _MORE.get(quantity.name, (_TRUE, _FALSE))
        if word in _FALSE or word in no:
            return False
        if word in _TRUE or word in yes:
            return True
        if quantity.texts:
            return _text(quantity, raw)
        raise _bad(quantity, "an unknown word for a state")
    raise _bad(quantity, f"a state is true or false, not {_named(raw)}")


def _press(quantity: Quantity, raw: object) -> Value:
    if quantity.name == "sos":
        return True  # contract section 4: any value is a press
    if isinstance(raw, str):
        word = raw.strip().lower()
        if word in SUSPECTED:
            return "suspected"
        return not (word in _FALSE or word in _MORE[quantity.name][1])
    if isinstance(raw, bool | int | float):
        return bool(raw)
    raise _bad(quantity, f"a press is true, a number or a word, not {_named(raw)}")


SUSPECTED = frozenset({"suspected", "maybe_fall", "maybe", "fall_warning", "possible", "warning"})
"""Words of fall detectors that are not sure; the value is then the text `suspected` (contract section 10, FL2)."""


_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


def _text(quantity: Quantity, raw: object) -> str:
    if isinstance(raw, str):
        return _CONTROL.sub("", raw[:TEXT_LIMIT])
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, int | float) and math.isfinite(raw) and abs(raw) <= 2**53:
        return f"{raw:g}"
    raise _bad(quantity, f"a word is wanted, not {_named(raw)}")


def _named(raw: object) -> str:
    if isinstance(text := getattr(raw, "text", None), str):
        return text  # a number that is none, as it was written (devices.codecs.Wrong)
    return {bool: "true or false", dict: "an object", list: "a list"}.get(type(raw), type(raw).__name__)


def _bad(quantity: Quantity, why: str) -> Refused:
    return Refused(Reason.bad_value, f"{quantity.name}: {why}", quantity=quantity.name)


def is_urgent(quantity: str) -> bool:
    """Alarm-class: has its own lane and is answered on the device's ack topic."""
    return quantity in URGENT
