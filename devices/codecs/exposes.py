"""What a Zigbee model tells: from the property it publishes to a quantity, by name and by what it exposes.

Start at `PROPERTIES`, the table; the names are those of the 4,516 models of zigbee-herdsman-converters 26. `read_devices`
learns from `bridge/devices` what each model exposes (units, and which published value means "on"), which settles what
names alone leave open: contacts with reversed sense, gas that is a meter, volts and millivolts, litres and cubic metres.
Where nothing was learnt, `devices/codecs/models.py` knows the models whose names mislead.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import msgspec

from devices.names import exact
from devices.quantities import QUANTITIES


@dataclass(frozen=True, slots=True)
class Expose:
    """One published property as the model describes it."""

    property: str
    name: str
    type: str = ""
    unit: str = ""
    value_on: object = None
    value_off: object = None
    values: tuple[str, ...] = ()
    """Words it may have."""
    settable: bool = False
    """Somebody may write it: then it is a setting or a siren that is switched on, and no word of the sensor."""


@dataclass(frozen=True, slots=True)
class Definition:
    """A device as the bridge knows it: its model and those of its properties that have a meaning for us."""

    model: str = ""
    exposes: Mapping[str, Expose] = field(default_factory=dict)

    acts: bool = False
    """Its presses come as `action`, whatever states it publishes beside them."""
    actions: tuple[str, ...] = ()

    @classmethod
    def of(cls, model: str, exposes: Iterable[Expose]) -> Definition:
        """Keep what is in the table."""
        known = {e.property: e for e in exposes}
        if (alarm := _lone_alarm(model, known)) is not None:
            known["alarm"] = alarm
        kept = {p: e for p, e in known.items() if rules_of(p, e) is not None}
        action = known.get("action")
        return cls(model, kept, acts=action is not None, actions=action.values if action is not None else ())


class _Feature(msgspec.Struct):
    name: Any = None
    property: Any = None
    type: Any = None
    unit: Any = None
    value_on: Any = None
    value_off: Any = None
    values: Any = None
    access: Any = None
    features: list[_Feature] | None = None


class _Model(msgspec.Struct):
    model: Any = None
    exposes: list[_Feature] | None = None


class _Device(msgspec.Struct):
    friendly_name: Any = None
    ieee_address: Any = None
    software_build_id: Any = None
    date_code: Any = None
    definition: _Model | None = None


_devices = msgspec.json.Decoder(list[_Device])
_raws = msgspec.json.Decoder(list[msgspec.Raw])
_one_device = msgspec.json.Decoder(_Device)
_one_feature = msgspec.json.Decoder(_Feature)


class _OddModel(msgspec.Struct):
    model: Any = None
    exposes: list[msgspec.Raw] = []


class _OddDevice(_Device):
    definition: _OddModel | None = None  # type: ignore[assignment]  # what stands there is read one by one


_odd_device = msgspec.json.Decoder(_OddDevice)


def _listed(payload: bytes) -> list[_Device]:
    """The devices of `bridge/devices`. One that somebody's own converter describes oddly does not hide the others."""
    try:
        return _devices.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass
    try:
        raws = _raws.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return []
    found: list[_Device] = []
    for raw in raws:
        with suppress(msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            found.append(_oddly(raw))
    return found


def _oddly(raw: msgspec.Raw) -> _Device:
    """One device, and of what it exposes whatever can be read. Raises MsgspecError when it is none."""
    try:
        return _one_device.decode(raw)
    except msgspec.ValidationError:
        odd: Any = _odd_device.decode(raw)
    features: list[_Feature] = []
    for feature in odd.definition.exposes if odd.definition is not None else []:
        with suppress(msgspec.MsgspecError, RecursionError):
            features.append(_one_feature.decode(feature))
    model = _Model(odd.definition.model, features) if odd.definition is not None else None
    return _Device(odd.friendly_name, odd.ieee_address, odd.software_build_id, odd.date_code, model)


def read_devices(payload: bytes) -> dict[str, Definition]:
    """Definitions by friendly name and by address, from `bridge/devices`; empty when it cannot be read."""
    out: dict[str, Definition] = {}
    for device in _listed(payload):
        if device.definition is None:
            continue
        found = Definition.of(_word(device.definition.model), _flat(device.definition.exposes or []))
        for name in (device.ieee_address, device.friendly_name):
            if isinstance(name, str) and name:
                out[name] = found
    return out


def read_builds(payload: bytes) -> dict[str, str]:
    """Software build (or, where a model has none, its date code) by friendly name, from `bridge/devices`."""
    out: dict[str, str] = {}
    for device in _listed(payload):
        build = version(device.software_build_id) or version(device.date_code)
        if build and isinstance(device.friendly_name, str) and device.friendly_name:
            out[device.friendly_name] = build
    return out


class _Info(msgspec.Struct):
    version: Any = None


_info = msgspec.json.Decoder(_Info)


def read_bridge_version(payload: bytes) -> str:
    """The version of Zigbee2MQTT itself, from `bridge/info`; empty when it cannot be read."""
    try:
        return version(_info.decode(payload).version)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""


class _Update(msgspec.Struct):
    state: Any = None
    installed_version: Any = None
    latest_version: Any = None


class _Updated(msgspec.Struct):
    update: _Update | None = None
    update_available: Any = None


_updates = msgspec.json.Decoder(_Updated)


def read_update(payload: bytes) -> tuple[str, str, bool] | None:
    """What a device's state says of its firmware: installed, latest, whether an update waits; None when nothing."""
    if b'"update' not in payload:
        return None
    try:
        told = _updates.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    update = told.update or _Update()
    installed, latest = version(update.installed_version), version(update.latest_version)
    pending = update.state in ("available", "updating", "scheduled") or told.update_available is True
    return (installed, latest, pending) if installed or latest or pending else None


def version(value: object) -> str:
    """A version as it was said, if it can be shown: a short printable text, or a number."""
    if isinstance(value, bool):
        return ""
    if isinstance(value, int) and 0 <= value < 2**63:
        return str(value)
    if isinstance(value, str):
        text = value.strip()
        return text[:VERSION_LIMIT] if text.isprintable() else ""
    return ""


VERSION_LIMIT = 60


class _Group(msgspec.Struct):
    friendly_name: Any = None


_groups = msgspec.json.Decoder(list[_Group])


def read_groups(payload: bytes) -> frozenset[str]:
    """Names of groups, from `bridge/groups`: they publish like devices and are none."""
    try:
        listed = _groups.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return frozenset()
    return frozenset(g.friendly_name for g in listed if isinstance(g.friendly_name, str) and g.friendly_name)


def read_exposes(exposes: object) -> list[Expose]:
    """The `exposes` of a definition (decoded JSON), flattened."""
    try:
        return list(_flat(msgspec.convert(exposes, list[_Feature])))
    except msgspec.ValidationError:
        return []


_SET = 0b010
"""The bit of `access` that says so; 1 is published, 4 can be asked for."""


def _flat(features: list[_Feature], depth: int = 0) -> Iterable[Expose]:
    for f in features:
        if isinstance(f.property, str) and f.property and not (f.features and f.type != "composite"):
            words = f.values if isinstance(f.values, list) else []
            yield Expose(
                f.property,
                _word(f.name) or f.property,
                _word(f.type),
                _word(f.unit),
                f.value_on,
                f.value_off,
                tuple(w for w in words if isinstance(w, str)),
                isinstance(f.access, int) and bool(f.access & _SET),
            )
        if f.features and f.type != "composite" and depth < 4:
            yield from _flat(f.features, depth + 1)


def _word(value: object) -> str:
    return value if isinstance(value, str) else ""


# -- from a published property to a quantity --

SKIP = object()
"""The value says nothing about this quantity."""

Read = Callable[[Any, "Expose | None"], Any]
"""(published value, what the model exposes) -> the value for the quantity, None for unknown, or SKIP."""


@dataclass(frozen=True, slots=True)
class Property:
    """What one published property means. `main` properties outrank the others that tell of the same quantity."""

    quantity: str
    read: Read
    main: bool = True


def _as_is(raw: Any, _expose: Expose | None) -> Any:
    return raw


def _binary(raw: Any, expose: Expose | None) -> Any:
    """True for the published value that means "on" for this model; other values by the policy of the quantity."""
    if expose is not None and expose.value_on is not None and not isinstance(raw, list | dict):
        if type(raw) is type(expose.value_on) and raw == expose.value_on:
            return True
        if type(raw) is type(expose.value_off) and raw == expose.value_off:
            return False
    return raw


def _contact(raw: Any, expose: Expose | None) -> Any:
    """Zigbee2MQTT's contact: "on" is open. Nearly everywhere `false` is on; where not, the model exposes it."""
    if expose is not None and expose.value_on is not None:
        return _binary(raw, expose)
    if isinstance(raw, str):
        word = raw.strip().lower()
        return {"true": False, "false": True, "contact_closed": False, "contact_open": True}.get(word, raw)
    return not raw if isinstance(raw, bool) or raw in (0, 1) else raw


def _closed(raw: Any, _expose: Expose | None) -> Any:
    """A contact whose models expose "on" at random: Zigbee2MQTT itself takes false for open."""
    return _contact(raw, None)


def _shaken(raw: Any, expose: Expose | None) -> Any:
    """Vibration noticed; massage beds and buttons publish their setting by the same name, as a word or a number."""
    if isinstance(raw, str) and expose is not None and expose.type == "binary":
        raw = _binary(raw, expose)
    return raw if isinstance(raw, bool) else SKIP


def _words(**meanings: Any) -> Read:
    """A word each; words not listed say nothing, `unknown` is unknown."""
    table = {"unknown": None, "undefined": None, **meanings}

    def read(raw: Any, _expose: Expose | None) -> Any:
        if not isinstance(raw, str):
            return SKIP
        return table.get(raw.strip().lower().replace(" ", "_"), SKIP)

    return read


_FALLEN = _words(
    fall=True, fallen=True, falling=True, suspected="suspected", none=False, normal=False, no_fall=False
)


def _fall(raw: Any, expose: Expose | None) -> Any:
    """A fall as a state or in a word of its own."""
    said = _FALLEN(raw, expose)
    return _flag(raw, expose) if said is SKIP else said


def _of_type(*types: type) -> Read:
    """Only values of these JSON types; others belong to another quantity (gas that is a meter, text that is a count)."""

    def read(raw: Any, expose: Expose | None) -> Any:
        if type(raw) is str and bool in types:
            return _binary(raw, expose)
        return _binary(raw, expose) if type(raw) in types else SKIP

    return read


def _alarmed(raw: Any, expose: Expose | None) -> Any:
    """A hazard that no model measures under this name: whatever else is a number is refused, not passed over."""
    return SKIP if expose is not None and expose.type == "numeric" else _binary(raw, expose)


def _gas_level(raw: Any, expose: Expose | None) -> Any:
    """%LEL only: a model that counts m³ or measures ppm is none; beyond 100 it cannot be %LEL."""
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return SKIP
    if expose is not None and expose.unit:
        return raw if "lel" in expose.unit.lower() else SKIP
    return raw if raw <= 100 else SKIP


def _gas_number(raw: Any, expose: Expose | None) -> Any:
    """`gas` as a number is a level only where the model says %LEL: elsewhere it is a meter."""
    return _gas_level(raw, expose) if expose is not None and "lel" in expose.unit.lower() else SKIP


def _millivolts(raw: Any, expose: Expose | None) -> Any:
    """Volts where the model says so; without that, what is below 400 must be volts: no battery has 400 mV left."""
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return raw
    unit = expose.unit if expose is not None else ""
    # What is far beyond any voltage goes on as it is and is refused by its range.
    if abs(raw) < 1e6 and (unit == "V" or (unit != "mV" and raw < 400)):
        return round(raw * 1000)
    return raw


_LITRES = {"L": 1.0, "l": 1.0, "m³": 1000.0, "m3": 1000.0, "gal": 3.785411784}


def _litres(raw: Any, expose: Expose | None) -> Any:
    """Litres or cubic metres as the model says; a count without a unit is kept out: a thousandfold is too far off."""
    factor = _LITRES.get(expose.unit) if expose is not None else None
    if factor is None or isinstance(raw, bool) or not isinstance(raw, int | float):
        return SKIP
    return round(raw * factor, 3)


def _celsius(raw: Any, expose: Expose | None) -> Any:
    if (
        expose is not None
        and "F" in expose.unit.upper()
        and isinstance(raw, int | float)
        and not isinstance(raw, bool)
    ):
        return round((raw - 32) / 1.8, 2)
    return raw


def _flag(raw: Any, expose: Expose | None) -> Any:
    """A state; a word that is a command or a setting of the property says nothing."""
    value = _binary(raw, expose)
    if isinstance(value, str) and value.strip().lower() not in _PLAIN:
        return SKIP
    return value


_PLAIN = frozenset(["true", "false", "on", "off", "yes", "no", "0", "1"])

_MAIN: dict[str, tuple[str, Read]] = {
    # Life safety.
    "smoke": ("smoke", _alarmed),
    "gas": ("gas", _of_type(bool)),
    "carbon_monoxide": ("co", _alarmed),
    "water_leak": ("water_leak", _binary),
    "sos": ("sos", _binary),
    "heat": ("heat", _flag),
    # Rooms.
    "contact": ("door_open", _contact),
    "occupancy": ("motion", _binary),
    "presence": ("presence", _binary),
    "vibration": ("vibration", _shaken),
    "temperature": ("temperature", _celsius),
    "humidity": ("humidity", _as_is),
    "illuminance": ("illuminance", _as_is),
    # Bed and body, where a model publishes them under our own names.
    "in_bed": ("in_bed", _binary),
    "heart_rate": ("heart_rate", _as_is),
    "respiration_rate": ("respiration_rate", _as_is),
    # Technique.
    "battery": ("battery", _as_is),
    "battery_low": ("battery_low", _binary),
    "voltage": ("voltage", _millivolts),
    "tamper": ("tamper", _binary),
    "fault": ("fault", _binary),
    "test": ("self_test", _flag),
    "self_test": ("self_test", _flag),
    "linkquality": ("link_quality", _as_is),
    "smoke_level": ("smoke_level", _as_is),
    "gas_value": ("gas_level", _gas_level),
    "co": ("co_level", _of_type(int, float)),
    "water_consumed": ("water_total", _litres),
}
"""Property -> the quantity it is the chief witness of."""

THE_ALARM = "@alarm"
"""Stands for the state a device of its kind is there for: IAS zones of no named type publish `alarm_1` and no more."""

_ALARM_STATE = _words(
    normal=False,
    no_alarm=False,
    prealarm=SKIP,
    alarm=True,
    alarmed=True,
    warning_alarm=True,
    critical_alarm=True,
)

_CHECKED: tuple[tuple[str, Read], ...] = (
    ("self_test", _words(checking=True, check_success=False, check_failure=False)),
    ("fault", _words(check_failure="self_test_failed")),
)

_ALSO: dict[str, tuple[tuple[str, Read], ...]] = {
    # Alarm states under other names: one `alarm` among them is an alarm.
    "smoke_alarm": (("smoke", _flag),),
    "smoke_state": (("smoke", _words(alarm=True, normal=False, none=False)),),
    "carbon_monoxide_alarm": (("co", _flag),),
    "co": (("co", _of_type(bool)),),
    "co_state": (("co", _words(alarm=True, normal=False)),),
    "gas": (("gas_level", _gas_number),),
    "gas_alarm": (("gas", _flag),),
    "gas_sensor_state": (("gas", _words(alarm=True, normal=False)),),
    "gas_state": (("gas", _words(alarm=True, normal=False)),),
    "water_leak_alarm": (("water_leak", _flag),),
    "active_water_leak": (("water_leak", _flag),),
    "water_condition_alarm": (("water_leak", _flag),),
    "water_sensor": (("water_leak", _of_type(bool)),),
    "alarm_1": ((THE_ALARM, _flag),),
    "alarm_2": ((THE_ALARM, _flag),),
    "alarm_status": ((THE_ALARM, _ALARM_STATE),),
    "alarm_state": ((THE_ALARM, _ALARM_STATE),),
    "leak_detect": (("water_leak", _words(leak=True, dry=False)),),
    "water_leakage_state": (("water_leak", _words(water_leakage_yes=True, water_leakage_no=False)),),
    "halo_alert_state": (
        ("smoke", _words(smoke=True, interconnect_smoke=True, safe=False)),
        ("co", _words(carbon_monoxide=True, interconnect_carbon_monoxide=True, safe=False)),
        ("self_test", _words(smoke_test=True, co_test=True, safe=False)),
        ("fault", _words(failed_battery="failed_battery", safe=False)),
        ("end_of_life", _words(end_of_life=True, safe=False)),
    ),
    "sos_alarm": (("sos", _flag),),
    "fall_down_status": (("fall", _words(fall=True, maybe_fall="suspected", none=False)),),
    "fall_status": (("fall", _words(fall_alarm=True, fall_warning="suspected", normal=False)),),
    # No model of the table publishes these; whoever writes a converter of their own would choose them.
    "smoke_detected": (("smoke", _flag),),
    "gas_detected": (("gas", _flag),),
    "gas_leak": (("gas", _flag),),
    "co_alarm": (("co", _flag),),
    "co_detected": (("co", _flag),),
    "heat_alarm": (("heat", _flag),),
    "leak": (("water_leak", _flag),),
    "leak_detected": (("water_leak", _flag),),
    "water_leak_detected": (("water_leak", _flag),),
    "fall": (("fall", _fall),),
    "fall_detected": (("fall", _flag),),
    "fall_alarm": (("fall", _flag),),
    "motion": (("motion", _of_type(bool)),),
    "motion_detected": (("motion", _flag),),
    "door_open": (("door_open", _of_type(bool)),),
    # Levels.
    "smoke_value": (("smoke_level", _as_is),),
    "smoke_density": (("smoke_level", _as_is),),
    "smoke_density_dbm": (("smoke_level", _as_is),),
    "smoke_concentration": (("smoke_level", _as_is),),
    "gas_density": (("gas_level", _gas_level),),
    "carbon_monoxide_value": (("co_level", _as_is),),
    "co_ppm": (("co_level", _as_is),),
    # Doors and people.
    "contact_alarm": (("door_open", _flag),),
    "dry_contact": (("door_open", _words(contact_closed=False, contact_open=True)),),
    "door_state": (("door_open", _words(open=True, closed=False, error_forced_open=True, error_jammed=None)),),
    "opening_state": (("door_open", _words(open=True, tilted=True, closed=False)),),
    "garage_door_contact": (("door_open", _closed),),
    "occupancy_alarm": (("motion", _flag),),
    "occupancy_or": (("motion", _flag),),
    "occupancy_status": (("motion", _flag),),
    "pir_detection": (("motion", _flag),),
    "movement": (
        ("motion", _words(no_presence=False, no_movement=False, movement=True)),
        ("presence", _words(no_presence=False, no_movement=True, movement=True)),
    ),
    "status": (
        ("fall", _words(falling=True, unoccupied=False, occupied=False, sitting=False, on_the_bed=False, low_posture=False)),
        ("presence", _words(falling=True, unoccupied=False, occupied=True, sitting=True, on_the_bed=True, low_posture=True)),
    ),
    "presence_state": (
        ("presence", _words(none=False, presence=True, peaceful=True, small_movement=True, large_movement=True,
                            motion=True, stationary=True)),
    ),
    "motion_state": (
        ("motion", _words(none=False, static=False, small=True, medium=True, large=True, far=True, near=True)),
        ("presence", _words(none=False, static=True, small=True, medium=True, large=True, far=True, near=True)),
    ),
    "human_motion_state": (
        ("motion", _words(none=False, static=False, peaceful=False, small=True, large=True, active=True, motion=True)),
        ("presence", _words(none=False, static=True, peaceful=True, small=True, large=True, active=True, motion=True)),
    ),
    "presence_event": (("presence", _words(enter=True, approach=True, left_enter=True, right_enter=True)),),
    # Bed and body.
    "heartrate": (("heart_rate", _as_is),),
    "breathing_rate": (("respiration_rate", _as_is),),
    "breath_rate": (("respiration_rate", _as_is),),
    "respiratory_rate": (("respiration_rate", _as_is),),
    "body_motion": (("movement", _as_is),),
    "pressure_state": (("in_bed", _words(none=False, sit=True, sedentary=True)),),
    "pressure": (("presence", _of_type(bool)),),
    # Technique.
    "battery_state": (("battery_low", _words(low=True, medium=False, middle=False, high=False, usb=False)),),
    "battery_level": (("battery_low", _words(low=True, medium=False, middle=False, high=False)),),
    "battery_value": (("battery", _as_is),),
    "battpercentage": (("battery", _as_is),),
    "battery_voltage": (("voltage", _millivolts),),
    "battery_defect": (("fault", _flag),),
    "fault_alarm": (("fault", _binary),),
    "fault_state": (("fault", _binary),),
    "device_fault": (("fault", _binary),),
    "trouble": (("fault", _flag),),
    "error": (("fault", _of_type(bool)),),
    "malfunction": (("fault", _binary),),
    "reliability": (("fault", _as_is),),
    "end_of_life": (("end_of_life", _flag),),
    "endoflife": (("end_of_life", _words(normal=False, expires_soon=True, expired=True)),),
    "chamber_contamination": (
        ("fault", _words(critical_contamination="critical_contamination")),
        (
            "contamination",
            _words(
                normal="normal", light_contamination="light", medium_contamination="medium",
                critical_contamination="critical", light="light", medium="medium", critical="critical",
            ),
        ),
    ),
    "halo_test_result": (
        ("self_test", _words(idle=False, success=False, running=True)),
        ("fault", _words(**{f"fail_{part}": f"fail_{part}" for part in ("ion", "photo", "co", "temperature", "weather", "other")})),
    ),
    "state": (("preheat", _words(preparation=True, work=False)),),
    "preheat": (("preheat", _binary),),
    "preheating": (("preheat", _words(normal=False, preheating=True)),),
    "warming_up": (("preheat", _flag),),
    "testing": (("self_test", _flag),),
    "test_in_progress": (("self_test", _flag),),
    "test_alarm": (("self_test", _flag),),
    "test_mode": (("self_test", _flag),),
    "button_pushed": (("self_test", _flag),),
    "self_checking": (("self_test", _flag),),
    "self_test": (
        ("self_test", _words(checking=True, test=True, clear=False, check_success=False, check_failure=False)),
        ("fault", _words(check_failure="self_test_failed", comm_fault="comm_fault", radar_fault="radar_fault")),
    ),
    "self_test_result": (
        ("self_test", _words(checking=True, success=False, failure=False)),
        ("fault", _words(failure="self_test_failed", comm_fault="comm_fault")),
    ),
    "checking_result": _CHECKED,
    "test_alarm_result": _CHECKED,
    "silence": (("muted", _flag),),
    "silence_siren": (("muted", _flag),),
    "mute": (("muted", _flag),),
    "muted": (("muted", lambda raw, expose: _mute_text(_binary(raw, expose))),),
    "temporary_mute": (("muted", _flag),),
    "muffling": (("muted", _flag),),
    "hush": (("muted", _flag),),
    "hush_active": (("muted", _flag),),
    "buzzer_manual_mute": (("muted", _flag),),
    "smoke_alarm_silenced": (("muted", _flag),),
    "water_leak_alarm_control": (("muted", _words(muted=True, unmuted=False)),),
    # Water.
    "water_consumed_total": (("water_total", _litres),),
    "water_total": (("water_total", _litres),),
}  # fmt: skip


def _mute_text(value: Any) -> Any:
    """`muted` is true or false, or a text that is `normal` or names who muted."""
    if isinstance(value, str):
        return value.strip().lower() not in ("", "normal", "none", "unmuted", "off", "false", "no", "0")
    return value


PROPERTIES: dict[str, tuple[Property, ...]] = {
    name: (
        *([Property(*_MAIN[name])] if name in _MAIN else []),
        *(Property(quantity, read, main=False) for quantity, read in _ALSO.get(name, ())),
    )
    for name in (*_MAIN, *(n for n in _ALSO if n not in _MAIN))
}
"""Published property -> what it tells. Whatever is not here is a setting, a diagnosis or another trade."""

_ENDPOINT = re.compile(
    r"^(?:(?:input|channel|zone)_\d+_)?(?P<base>[a-z][a-z_]*?)(?:_(?:l?\d{1,3}|zone_\d+|wire_\d+|both_zones))+$"
)
"""Several sensors in one device: `water_leak_zone_2`, `smoke_alarm_1`, `channel_3_leak_detect_19`, `temperature_38`."""

_COUNTED = {"volume": Property("water_total", _litres, main=False)}
"""Meters with a counter for each pipe; only where the model says litres (a siren has a volume too)."""

_SEVERAL = frozenset(
    [
        "heat",
        "smoke",
        "smoke_alarm",
        "gas",
        "gas_alarm",
        "carbon_monoxide",
        "carbon_monoxide_alarm",
        "water_leak",
        "water_leak_alarm",
        "leak_detect",
        "contact",
        "contact_alarm",
        "occupancy",
        "occupancy_alarm",
        "presence",
        "temperature",
        "humidity",
        "tamper",
        "battery_low",
    ]
)

_found: dict[str, tuple[Property, ...] | None] = {}
_FOUND_LIMIT = 4096


def rules_of(name: str, expose: Expose | None) -> tuple[Property, ...] | None:
    """What a property tells: by its own name, by the name the model exposes, or as one of several."""
    direct = PROPERTIES.get(name)
    if direct is not None:
        return direct
    if expose is not None and expose.name in _SEVERAL:
        return PROPERTIES[expose.name]
    if expose is not None and expose.name in _COUNTED and expose.unit in _LITRES:
        return (_COUNTED[expose.name],)
    if expose is not None and expose.name == THE_ALARM:
        return _LONE
    if name in _found:
        return _found[name] or _by_name(name, expose)
    match = _ENDPOINT.match(name)
    found = None
    if match and match["base"] in _SEVERAL:
        found = tuple(Property(p.quantity, p.read, main=False) for p in PROPERTIES[match["base"]])
    if len(_found) < _FOUND_LIMIT:
        _found[name] = found
    return found or _by_name(name, expose)


# -- models of nobody's table: a converter of somebody's own --

_LONE = (Property(THE_ALARM, _flag, main=False),)
_SIREN = frozenset({"warning", "squawk", "volume", "duration", "melody"})
_ALARM_OF = {"hm-5ha-e": "heat"}
"""Models whose `alarm` tells of something else than the kind they are entered as: a heat alarm is entered as smoke."""


def _lone_alarm(model: str, known: Mapping[str, Expose]) -> Expose | None:
    """`alarm` of a model that has no other word for what it is there for. Sirens publish it too: that they sound."""
    found = known.get("alarm")
    if found is None or found.type != "binary" or found.settable or known.keys() & _SIREN:
        return None
    chief = {
        rule.quantity for p, e in known.items() for rule in PROPERTIES.get(p, ()) if rule.main or p != e.name
    }
    if chief & {"smoke", "gas", "co", "water_leak", "heat", "door_open", "motion", "presence", "vibration"}:
        return None
    return Expose(
        "alarm", _ALARM_OF.get(model.lower(), THE_ALARM), "binary", "", found.value_on, found.value_off
    )


_HAZARD_NAMES = frozenset({"smoke", "gas", "co", "water_leak", "heat", "sos", "fall"})
_CALLED = frozenset(
    {
        "pressed",
        "press",
        "alarm",
        "sos",
        "emergency",
        "help",
        "calling",
        "active",
        "triggered",
        "detected",
        "fall",
        "fallen",
    }
)
_STILL = frozenset(
    {
        "normal",
        "none",
        "idle",
        "clear",
        "cleared",
        "ok",
        "safe",
        "no_alarm",
        "inactive",
        "standby",
        "dry",
        "released",
    }
)


def _plainly(raw: Any, expose: Expose | None) -> Any:
    """Yes or no under a name that only sounds like an alarm: a word of another sense says nothing."""
    value = _binary(raw, expose)
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        word = value.strip().lower()
        if word in _CALLED or word in ("true", "on", "yes", "1"):
            return True
        return False if word in _STILL or word in ("false", "off", "no", "0") else SKIP
    return SKIP


_ENUM_WORDS: dict[str, frozenset[str]] = {
    "smoke": frozenset({"smoke", "smoke_alarm", "fire", "fire_alarm"}),
    "gas": frozenset({"gas", "gas_alarm", "gas_leak"}),
    "co": frozenset({"co", "co_alarm", "carbon_monoxide"}),
    "water_leak": frozenset({"water_leak", "leak", "leak_alarm", "flood", "water_alarm"}),
    "sos": frozenset({"sos", "sos_alarm", "panic", "emergency"}),
    "fall": frozenset({"fall_alarm", "fall_detected", "fallen"}),  # `fall` and `falling` are of pressure, too
    "self_test": frozenset({"test", "self_test", "selftest", "testing"}),
}


def _by_name(name: str, expose: Expose | None) -> tuple[Property, ...] | None:
    """An alarm under a name that no known model has, or in a word of an enum; None for everything else.

    What can be set is no alarm, what is measured neither. A fall is believed only of a property that is described:
    `fall_detection` is a switch on some.
    """
    if expose is not None and (expose.settable or expose.type in ("numeric", "composite", "list", "text")):
        return None
    if name == "action" or name.startswith("action_") or name == "click":
        return None
    named = _hazard(name)
    if named is not None and not (expose is None and named == "fall"):
        return (Property(named, _plainly, main=False),)
    if expose is None or expose.type != "enum":
        return None
    words = {w.strip().lower() for w in expose.values}
    told = [q for q, own in _ENUM_WORDS.items() if q != "self_test" and own & words]
    return tuple(Property(q, _enum_word(q), main=False) for q in (*told, "self_test")) if told else None


@lru_cache(maxsize=_FOUND_LIMIT)
def _hazard(name: str) -> str | None:
    found = "smoke" if name == "fire" else exact(name)
    return found if found in _HAZARD_NAMES else None


def _enum_word(quantity: str) -> Read:
    def read(raw: Any, _expose: Expose | None) -> Any:
        word = raw.strip().lower() if isinstance(raw, str) else None
        return True if word in _ENUM_WORDS[quantity] else False if word in _STILL else SKIP

    return read


def _check_table() -> None:
    for name, rules in PROPERTIES.items():
        for rule in rules:
            assert rule.quantity in QUANTITIES or rule.quantity == THE_ALARM, f"{name} -> {rule.quantity}"


_check_table()

__all__ = [
    "PROPERTIES",
    "SKIP",
    "THE_ALARM",
    "Definition",
    "Expose",
    "Property",
    "read_devices",
    "read_exposes",
    "read_groups",
    "rules_of",
]
