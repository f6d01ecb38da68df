"""Traps of the wider Zigbee family: reversed contacts, meters called gas, volts, attribute topics, availability."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from care.errors import Reason, Refused
from care.words import Kind
from devices.codecs.exposes import Definition, Expose, read_devices
from devices.codecs.zigbee2mqtt import (
    Part,
    availability,
    base_of,
    calls,
    decode,
    decode_attribute,
    locate,
)

ZONE = ZoneInfo("Asia/Shanghai")


def values(state: dict[str, Any], kind: Kind | None = None, *exposes: Expose, **more: Any) -> dict[str, Any]:
    definition = Definition.of("X", exposes) if exposes else None
    return decode(json.dumps(state).encode(), zone=ZONE, kind=kind, definition=definition, **more).values


def binary(name: str, on: Any, off: Any) -> Expose:
    return Expose(name, name, "binary", "", on, off)


def numeric(name: str, unit: str) -> Expose:
    return Expose(name, name, "numeric", unit)


def test_contacts_open_and_closed() -> None:
    """true is closed; a model that exposes it the other way round, or as words, is understood as it says."""
    assert values({"contact": True}) == {"door_open": False}
    assert values({"contact": False}) == {"door_open": True}
    assert values({"contact": "open"}) == {"door_open": True}
    assert values({"contact": "ON"}, None, binary("contact", "ON", "OFF")) == {"door_open": True}
    assert values({"contact": "OFF"}, None, binary("contact", "ON", "OFF")) == {"door_open": False}
    assert values({"contact": True}, None, binary("contact", True, False)) == {"door_open": True}
    assert values({"contact": True}, None, binary("contact", False, True)) == {"door_open": False}
    assert values({"opening_state": "tilted"}) == {"door_open": True}


def test_a_bed_is_whatever_notices_the_person_in_it() -> None:
    """Mats publish contact (pressed = closed), occupancy, presence or a pressure word."""
    bed = Kind.bed_belt
    assert values({"contact": True}, bed) == {"in_bed": True}
    assert values({"contact": False}, bed) == {"in_bed": False}
    assert values({"occupancy": True}, bed) == {"in_bed": True}
    assert values({"pressure_state": "none"}, bed) == {"in_bed": False}
    assert values({"presence": False, "heart_rate": 61, "breathing_rate": 14}, bed) == {
        "in_bed": False, "heart_rate": 61, "respiration_rate": 14,
    }  # fmt: skip


def test_gas_may_be_an_alarm_a_level_or_a_meter() -> None:
    """Only true is an alarm, only %LEL is a level, and cubic metres are neither."""
    assert values({"gas": True, "gas_value": 12.5}, Kind.gas) == {"gas": True, "gas_level": 12.5}
    assert values({"gas": 1234.567}, None, numeric("gas", "m³")) == {}
    assert values({"gas": 3.1}) == {}, "nobody said what it is"
    assert values({"gas": 12, "gas_sensor_state": "alarm"}, Kind.gas, numeric("gas", "%LEL")) == {
        "gas_level": 12,
        "gas": True,
    }
    assert values({"gas_value": 300}, Kind.gas, numeric("gas_value", "ppm")) == {}
    assert values({"gas_value": 300}, Kind.gas) == {}


def test_carbon_monoxide_as_state_and_as_number() -> None:
    """`co` is ppm as a number and an alarm as a state."""
    assert values({"carbon_monoxide": False, "co": 12}) == {"co": False, "co_level": 12}
    assert values({"carbon_monoxide": "ON"}, Kind.co, binary("carbon_monoxide", "ON", "OFF")) == {"co": True}
    assert values({"co_state": "alarm", "co": 90}) == {"co": True, "co_level": 90}


def test_volts_and_millivolts() -> None:
    """As the model exposes it; without that, no battery has 400 mV left."""
    assert values({"voltage": 3.005})["voltage"] == 3005
    assert values({"voltage": 2900})["voltage"] == 2900
    assert values({"voltage": 230}, None, numeric("voltage", "V"))["voltage"] == 230_000
    assert values({"voltage": 300}, None, numeric("voltage", "mV"))["voltage"] == 300


def test_litres_and_cubic_metres() -> None:
    """Without a unit a count of water is not taken: it would be a thousandfold wrong."""
    assert values({"water_consumed": 12.345}, None, numeric("water_consumed", "m³")) == {"water_total": 12345}
    assert values({"water_consumed": 7}, None, numeric("water_consumed", "L")) == {"water_total": 7}
    assert values({"water_consumed": 7}) == {}


def test_one_channel_of_several_that_alarms_is_an_alarm() -> None:
    """Zones, wires and contacts of one device; and another property never talks an alarm away."""
    assert values({"water_leak_zone_1": False, "water_leak_zone_2": True}) == {"water_leak": True}
    assert values({"smoke": False, "smoke_state": "alarm"}) == {"smoke": True}
    assert values({"smoke_state": "alarm", "smoke": False}) == {"smoke": True}
    assert values({"input_1_leak_detect_7": "Dry", "input_2_leak_detect_8": "Leak"}) == {"water_leak": True}
    assert values({"temperature_38": 24.5}) == {"temperature": 24.5}
    assert values({"battery_low": False, "battery_state": "low"}) == {"battery_low": True}


def test_tests_silences_and_sirens_are_no_fire() -> None:
    """A test is a test, a silenced alarm is muted, a siren that sounds is not smoke."""
    for test in ({"test": True}, {"self_test": True}, {"self_test": "checking"}, {"testing": True},
                 {"button_pushed": True}, {"self_test_result": "checking"}):  # fmt: skip
        assert values({"smoke": False, **test}, Kind.smoke) == {"smoke": False, "self_test": True}
    for mute in ({"silence": True}, {"silence": "ON"}, {"muted": "local"}, {"temporary_mute": True},
                 {"smoke_alarm_silenced": True}, {"muffling": "ON"}, {"water_leak_alarm_control": "MUTED"}):  # fmt: skip
        assert values({"smoke": False, **mute}, Kind.smoke) == {"smoke": False, "muted": True}
    for other in ({"alarm": True}, {"alarm": "ON"}, {"alarm_switch": "ON"}, {"siren_state": "fire"}, {"selftest": "selftest"},
                  {"buzzer_manual_alarm": True}, {"linkage_alarm_state": True}, {"mode": "fire"}, {"warning": None},
                  {"test": "test"}, {"silence": "whatever"}, {"pre_alarm": "ON"}):  # fmt: skip
        assert values({"smoke": False, **other}, Kind.smoke) == {"smoke": False}


def test_faults_have_many_names() -> None:
    """true, or a word that is not "normal"."""
    for fault, value in (({"fault": True}, True), ({"fault_alarm": True}, True), ({"trouble": True}, True),
                         ({"fault_state": "chamber"}, "chamber"), ({"fault": "sensor_fault"}, "sensor_fault"),
                         ({"self_test_result": "failure"}, "self_test_failed"), ({"reliability": "process_error"}, "process_error"),
                         ({"fault": "none"}, False), ({"fault_state": "normal"}, False), ({"reliability": "no_fault_detected"}, False)):  # fmt: skip
        assert values(fault)["fault"] == value
    assert values({"end_of_life": True}) == {"end_of_life": True}
    assert values({"preheat": True, "gas": False}) == {"preheat": True, "gas": False}


@pytest.mark.parametrize(
    ("name", "quantity"),
    [("smoke_detected", "smoke"), ("gas_leak", "gas"), ("co_alarm", "co"), ("leak_detected", "water_leak"),
     ("heat_alarm", "heat"), ("fall_detected", "fall"), ("motion_detected", "motion"), ("door_open", "door_open")],
)  # fmt: skip
def test_plain_names_of_a_converter_of_ones_own(name: str, quantity: str) -> None:
    """No model publishes them today; a home-made one may, and an alarm that nobody understood is a missed one."""
    assert values({name: True})[quantity] is True
    assert values({name: False})[quantity] is False
    assert quantity not in values({name: None}) or values({name: None})[quantity] is None


def test_falls() -> None:
    """Certain, suspected, and over; in the words of three makers."""
    assert [
        values({"fall_down_status": w}, Kind.fall).get("fall") for w in ("fall", "maybe_fall", "none")
    ] == [True, "suspected", False]
    assert [values({"fall_status": w}, Kind.fall).get("fall") for w in ("fall_alarm", "fall_warning", "normal", "unknown")] == [
        True, "suspected", False, None,
    ]  # fmt: skip
    assert [values({"fall": w}, Kind.fall).get("fall") for w in (True, False, "suspected", "ON", "lamp")] == [
        True, False, "suspected", True, None,
    ]  # fmt: skip
    assert values({"status": "falling"}, Kind.fall) == {"fall": True, "presence": True}
    assert values({"status": "on_the_bed"}, Kind.fall) == {"fall": False, "presence": True}
    assert values({"status": "falling"}, Kind.door) == {}
    assert values({"action": "fall"}, Kind.door) == {"action": "fall"}, "a sensor fell off its door"


@pytest.mark.parametrize(
    ("action", "calling"),
    [
        ("emergency", True), ("panic", True), ("sos", True), ("SOS", True), ("emergency_1", True), ("fire_panic", True),
        ("single", False), ("hold", True), ("HOLD", True), ("off", False), ("arm_day_zones", False), ("disarm", False),
        ("sos_cancel", False), ("emergency_cleared", False), ("", False), ("brightness_step_up", False),
    ],
)  # fmt: skip
def test_which_actions_call_for_help(action: str, calling: bool) -> None:
    """emergency, panic, sos always; configured ones; arm, disarm, off never, whatever is configured."""
    assert calls(action, ["hold", "off", "disarm", "arm_day_zones"]) is calling


def test_presses_that_are_states() -> None:
    """Some panic buttons publish sos true and false: false is no press, and an empty action is none."""
    assert values({"sos": True}) == {"sos": True}
    assert values({"sos": False, "battery_low": False}) == {"battery_low": False}
    assert values({"action": ""}) == values({"action": None}) == {}
    assert values({"action": "emergency"}, Kind.button) == {"action": "emergency", "sos": True}


def test_last_seen_in_every_form() -> None:
    """ISO with zones, epoch milliseconds, relative; something odd is no error: it is a setting of the bridge."""
    now = datetime(2026, 5, 23, 4, 0, tzinfo=UTC)
    for form, meant in (("2026-05-23T03:59:00.000Z", 59), ("2026-05-23T11:59:00+08:00", 59), (1779508740000, 59),
                        ("1 minute ago", 59), ("disabled", None), (None, None)):  # fmt: skip
        said = decode(json.dumps({"last_seen": form}).encode(), zone=ZONE, received_at=now)
        assert said.device_at == (datetime(2026, 5, 23, 3, meant, tzinfo=UTC) if meant else None)
        assert said.faults == []


def test_attribute_topics() -> None:
    """Bare words and numbers, each on a topic of its own; null and empty are unknown."""

    def attribute(name: str, payload: str, kind: Kind | None = None) -> Any:
        return decode_attribute(name, payload.encode(), zone=ZONE, kind=kind)

    assert attribute("smoke", "true").values == {"smoke": True}
    assert attribute("contact", "false").values == {"door_open": True}
    assert attribute("action", "emergency").values == {"action": "emergency", "sos": True}
    assert attribute("battery", "97").values == {"battery": 97}
    assert attribute("temperature", '"21.5"').values == {"temperature": 21.5}
    assert attribute("last_seen", "1779508740000").device_at == datetime(2026, 5, 23, 3, 59, tzinfo=UTC)
    assert attribute("smoke", "null").unknown == attribute("smoke", "").unknown == ["smoke"]
    assert attribute("led_switch", "ON").values == {}
    assert attribute("water_leak_zone_1", "false").values == {}, (
        "one quiet zone does not speak for the others"
    )
    assert [f.quantity for f in attribute("smoke", "perhaps").faults] == ["smoke"]


def test_topics_are_taken_apart_by_their_base() -> None:
    """Bases of several levels, names with slashes, spaces and Chinese."""
    base = base_of("zigbee2mqtt/#")
    assert base == ("zigbee2mqtt",)
    assert base_of("site/3/zigbee2mqtt/#") == ("site", "3", "zigbee2mqtt")
    assert base_of("+/z2m/#") == ("+", "z2m")
    assert base_of("site/+/z2m/#") == ("site", "+", "z2m")
    assert base_of("zigbee2mqtt/bridge/#") == base_of("zigbee2mqtt/one") == ("zigbee2mqtt",)
    assert locate("anything/zigbee2mqtt/bridge/state", base_of("#")).part is Part.bridge
    assert base_of("zigbee2mqtt/+/availability") == ("zigbee2mqtt",)
    assert locate("zigbee2mqtt/王奶奶/厨房 烟感", base).name == "王奶奶/厨房 烟感"
    assert locate("zigbee2mqtt/a/b/availability", base).name == "a/b"
    assert [locate(f"zigbee2mqtt/{t}", base).part for t in ("x", "x/availability", "bridge/devices", "x/set", "x/set/state", "set")] == [
        Part.device, Part.availability, Part.bridge, Part.command, Part.command, Part.device,
    ]  # fmt: skip
    deep = locate("site/3/zigbee2mqtt/bridge/state", base_of("site/3/zigbee2mqtt/#"))
    assert (deep.part, deep.base, deep.name) == (Part.bridge, "site/3/zigbee2mqtt", "state")


@pytest.mark.parametrize(
    ("payload", "state"),
    [
        (b"online", "online"),
        (b"offline\n", "offline"),
        (b'{"state":"online"}', "online"),
        (b'"offline"', "offline"),
    ],
)
def test_availability_has_two_forms(payload: bytes, state: str) -> None:
    """Text, and {"state": …}."""
    assert availability(payload) == state


@pytest.mark.parametrize("payload", [b"", b"maybe", b"{}", b'{"state": 1}', b"\xff", b"{"])
def test_availability_that_is_none_is_refused(payload: bytes) -> None:
    """Unknown is never online."""
    with pytest.raises(Refused):
        availability(payload)


def test_definitions_are_learnt_from_the_bridge() -> None:
    """Nested features, several names of a device; a list that cannot be read teaches nothing and breaks nothing."""
    listed = [
        {"ieee_address": "0x0", "friendly_name": "Coordinator", "definition": None},
        {
            "ieee_address": "0x1",
            "friendly_name": "王奶奶/入户门",
            "definition": {
                "model": "TERNCY-DC01",
                "exposes": [
                    {
                        "type": "binary",
                        "name": "contact",
                        "property": "contact",
                        "value_on": True,
                        "value_off": False,
                    },
                    {
                        "type": "switch",
                        "features": [{"type": "binary", "name": "state", "property": "state"}],
                    },
                    {
                        "type": "specific",
                        "features": [
                            {"type": "numeric", "name": "voltage", "property": "voltage", "unit": "V"}
                        ],
                    },
                ],
            },
        },
    ]
    found = read_devices(json.dumps(listed).encode())
    assert set(found) == {"0x1", "王奶奶/入户门"}
    assert set(found["0x1"].exposes) >= {"contact", "voltage"}
    said = decode(b'{"contact": true, "voltage": 3}', zone=ZONE, definition=found["王奶奶/入户门"])
    assert said.values == {"door_open": True, "voltage": 3000}
    for bad in (b"", b"{}", b"[1]", b"[" * 5000, b"\xff", b'[{"definition": {"exposes": 7}}]'):
        assert read_devices(bad) == {}


@pytest.mark.parametrize(
    "odd",
    [
        None,
        3,
        {"friendly_name": "b", "definition": "x"},
        {"friendly_name": "b", "definition": {"exposes": {"a": 1}}},
        {"friendly_name": "b", "definition": {"exposes": [{"features": "x"}]}},
        {
            "friendly_name": "b",
            "definition": {"exposes": [None, 7, {"name": "contact", "property": "contact"}]},
        },
    ],
)
def test_one_odd_device_does_not_hide_the_others(odd: Any) -> None:
    """Somebody's own converter describes its device oddly: what the others expose is known all the same."""
    contact = {
        "type": "binary",
        "name": "contact",
        "property": "contact",
        "value_on": True,
        "value_off": False,
    }
    door = {"friendly_name": "door", "definition": {"model": "M", "exposes": [contact]}}
    found = read_devices(json.dumps([odd, door]).encode())
    assert found["door"].exposes["contact"].value_on is True
    if isinstance(odd, dict) and "contact" in json.dumps(odd):
        assert set(found["b"].exposes) == {"contact"}


def test_a_state_is_an_object() -> None:
    """Anything else on a device topic is refused."""
    for payload, reason in (
        (b"online", Reason.not_json),
        (b"[]", Reason.not_json),
        (b"7", Reason.not_json),
        (b"{}", Reason.empty),
    ):
        with pytest.raises(Refused) as refused:
            decode(payload, zone=ZONE)
        assert refused.value.reason is reason


def test_a_voltage_beyond_all_numbers_is_refused_alone() -> None:
    """-1.8e305 V times a thousand is no number: it is out of range, and its neighbour counts."""
    said = decode(b'{"battery_voltage": -1.797693134862316e+305, "battery": 50}', zone=UTC)
    assert said.values == {"battery": 50}
    assert [f.reason for f in said.faults] == [Reason.out_of_range]


def test_an_alarm_without_a_name_is_that_of_its_kind() -> None:
    """IAS zones of no named type publish `alarm_1`, others `alarm_status`: what it means is what the device is there for."""
    assert values({"alarm_1": True, "alarm_2": False}, Kind.smoke) == {"smoke": True}
    assert values({"alarm_1": False, "alarm_2": False}, Kind.smoke) == {"smoke": False}
    assert values({"alarm_1": True}, Kind.door) == {"door_open": True}
    assert values({"alarm_status": "alarm"}, Kind.water_leak) == {"water_leak": True}
    assert values({"alarm_state": "critical_alarm", "carbon_monoxide": False}, Kind.co) == {"co": True}
    assert values({"alarm_state": "prealarm", "carbon_monoxide": False}, Kind.co) == {"co": False}
    assert values({"alarm_state": "alarm_sound"}, Kind.smoke) == {}, "a siren that sounds"
    for kind in (None, Kind.climate, Kind.water_meter):
        assert values({"alarm_1": True, "alarm_status": "alarm"}, kind) == {}


def test_one_zone_of_a_radar_in_which_somebody_is_counts() -> None:
    """Motion in the second zone is motion, a window with one open contact is open; the verdict outranks the details."""
    assert values({"occupancy_1": False, "occupancy_2": True}) == {"motion": True}
    assert values({"contact_alarm_1": False, "contact_alarm_2": True}) == {"door_open": True}
    assert values({"presence": False, "presence_state": "presence"}) == {"presence": False}
    assert values({"pir_detection": True, "presence": True}) == {"motion": True, "presence": True}
    assert values({"movement": "no_movement"}) == {"motion": False, "presence": True}


def test_a_pad_somebody_sits_on_is_presence_and_on_a_bed_occupancy() -> None:
    """`pressure` as a state; as a number it is the weather."""
    assert values({"pressure": True}) == {"presence": True}
    assert values({"pressure": True}, Kind.bed_belt) == {"in_bed": True}
    assert values({"pressure": 1013.2}) == values({"pressure": None, "state": None, "status": None}) == {}


def test_a_keypad_that_stays_in_alarm_calls_by_its_action_only() -> None:
    """`sos_alarm` stays true until disarmed, and every later message repeats it; where presses are actions it is no press."""
    assert values({"sos_alarm": True}) == {"sos": True}
    assert values({"sos_alarm": True, "action": "sos"}) == {"sos": True, "action": "sos"}
    assert values({"sos_alarm": True, "action": "arm_away"}) == {"action": "arm_away"}
    exposed = (binary("sos_alarm", True, False), Expose("action", "action", "enum", values=("sos", "disarm")))
    assert values({"sos_alarm": True, "battery": 80}, None, *exposed) == {"battery": 80}


def test_a_sensor_that_warms_up_says_so_in_several_ways() -> None:
    """`preheat`, `preheating`, `warming_up`, and the state "preparation"."""
    for said in (
        {"preheat": True},
        {"preheating": "preheating"},
        {"warming_up": True},
        {"state": "preparation"},
    ):
        assert values(said, Kind.gas) == {"preheat": True}
    assert values({"state": "work"}, Kind.gas) == {"preheat": False}
    assert values({"state": "ON"}, Kind.gas) == {}


def test_vibration_is_noticed_and_never_a_setting() -> None:
    """A massage bed's `vibration: low` says nothing about a shaken window."""
    assert values({"vibration": True}) == {"vibration": True}
    for setting in ("low", "off", 3, "ON"):
        assert decode(json.dumps({"vibration": setting}).encode(), zone=ZONE).values == {}
    assert values({"vibration": "ON"}, None, binary("vibration", "ON", "OFF")) == {"vibration": True}


def test_contacts_whose_models_expose_on_at_random() -> None:
    """Garage doors and dry contacts go by the words and by what Zigbee2MQTT itself takes them for."""
    assert values({"garage_door_contact": True}, None, binary("garage_door_contact", True, False)) == {
        "door_open": False
    }
    dry = binary("dry_contact", "contact_closed", "contact_open")
    assert values({"dry_contact": "contact_closed"}, None, dry) == {"door_open": False}


def test_two_pipes_are_one_total() -> None:
    """Hot and cold water of one meter are added when both are known; one alone is no total, and gallons are litres."""
    pipes = [Expose(f"volume_{n}", "volume", "numeric", "L") for n in (1, 2)]
    assert values({"volume_1": 100, "volume_2": 250.5}, None, *pipes) == {"water_total": 350.5}
    assert values({"volume_1": 100, "volume_2": None}, None, *pipes) == {}
    assert values({"volume_1": 100, "volume_2": 250.5}) == {}, "a siren has a volume too"
    assert values({"water_total": 10}, None, numeric("water_total", "gal")) == {"water_total": 37.854}


def test_a_state_with_parts_is_refused_by_its_name() -> None:
    """`smoke: {…}` is no state: its quantity is refused, its neighbours count."""
    said = decode(
        b'{"smoke": {"alarm": true}, "battery": [1], "update": {"state": "idle"}, "battery_low": false}',
        zone=ZONE,
    )
    assert said.values == {"battery_low": False}
    assert sorted(f.quantity or "" for f in said.faults) == ["battery", "smoke"]


def test_a_worn_out_chamber_and_a_failed_test_are_faults() -> None:
    """What makes a detector useless is known to those who mend it."""
    assert (
        values({"chamber_contamination": "critical_contamination", "fault_state": "normal"})["fault"]
        == "critical_contamination"
    )
    assert "fault" not in values({"chamber_contamination": "light_contamination"})
    assert values({"self_test": "radar_fault"}) == {"fault": "radar_fault"}
    assert values({"halo_test_result": "fail_co"}) == {"fault": "fail_co"}
    assert values({"fault": "NOT_DETECTED"}) == {"fault": False}


def test_models_whose_names_mislead_are_known_without_their_bridge() -> None:
    """By the model that the message itself carries: reversed contacts, ppm, litres, gallons."""

    def of(model: str, **state: Any) -> dict[str, Any]:
        return values({**state, "device": {"model": model, "friendlyName": "x"}})

    assert of("TERNCY-DC01", contact=True) == {"door_open": True}
    assert of("ZG-225Z", gas=False, gas_value=60) == {"gas": False}
    assert of("E04CF-Z10T", gas=12) == {"gas_level": 12}
    assert of("TS0601_water_meter", water_consumed=1.5) == {"water_total": 1500}
    assert of("NAS-WV03B", water_total=1) == {"water_total": 3.785}
    assert of("WKE502Z", sos_alarm=True) == {}
    assert of("MCCGQ11LM", contact=True) == {"door_open": False}


def test_on_topics_of_their_own_a_bystander_does_not_end_an_alarm() -> None:
    """`water_leak: true`, then `active_water_leak: false` a millisecond later: only the chief witness says that it is over."""

    def said(name: str, payload: bytes, *exposes: Expose) -> dict[str, Any]:
        known = Definition.of("X", exposes) if exposes else None
        return decode_attribute(name, payload, zone=ZONE, kind=Kind.water_leak, definition=known).values

    both = [binary("water_leak", True, False), binary("active_water_leak", True, False)]
    for known in (both, []):
        assert said("active_water_leak", b"true", *known) == {"water_leak": True}
        assert said("active_water_leak", b"false", *known) == {}
        assert said("water_leak", b"false", *known) == {"water_leak": False}
    assert said("active_water_leak", b"false", both[1]) == {"water_leak": False}, "the only one there is"
    assert said("alarm_status", b"normal") == {"water_leak": False}
    low = [binary("battery_low", True, False), Expose("battery_state", "battery_state", "enum")]
    assert said("battery_state", b"high", *low) == {}


@pytest.mark.parametrize(
    ("expose", "no", "yes", "kind", "quantity"),
    [
        (binary("smoke", 1, 0), 0, 1, Kind.smoke, "smoke"),
        (binary("carbon_monoxide", 1, 0), 0, 1, Kind.co, "co"),
        (binary("fire", True, False), False, True, Kind.smoke, "smoke"),
        (binary("flood", "ON", "OFF"), "OFF", "ON", Kind.water_leak, "water_leak"),
        (binary("emergency", True, False), False, True, Kind.sos, "sos"),
        (binary("fall_detection", True, False), False, True, Kind.fall, "fall"),
        (Expose("smoke_sensor_status", "", "enum", values=("alarm", "normal")), "normal", "alarm", Kind.smoke, "smoke"),
        (Expose("watersensor_state", "", "enum", values=("alarm", "normal")), "normal", "alarm", Kind.water_leak, "water_leak"),
        (Expose("sos_button", "", "enum", values=("idle", "pressed")), "idle", "pressed", Kind.sos, "sos"),
        (Expose("alarm", "", "enum", values=("normal", "smoke", "test")), "normal", "smoke", Kind.smoke, "smoke"),
        (Expose("alarm_type", "", "enum", values=("none", "co", "gas")), "none", "co", Kind.gas, "co"),
    ],
)  # fmt: skip
def test_an_alarm_that_no_known_model_writes_so_is_still_one(
    expose: Expose, no: Any, yes: Any, kind: Kind, quantity: str
) -> None:
    """Somebody's own converter: the name, or a word of the enum, says what it is. No press is denied."""
    assert values({expose.property: yes}, kind, expose)[quantity] is True
    denied = values({expose.property: no}, kind, expose)
    assert denied.get(quantity, False) is False
    assert values({expose.property: None}, kind, expose) == {}


@pytest.mark.parametrize(
    ("expose", "value"),
    [
        (Expose("fall_detection", "", "binary", "", True, False, settable=True), True),
        (Expose("alarm", "", "enum", values=("normal", "smoke"), settable=True), "smoke"),
        (Expose("pressure_tend", "", "enum", values=("fall", "rise", "normal")), "fall"),
        (numeric("moisture", "%"), 1),
        (numeric("smoke", ""), 312),
    ],
)
def test_what_can_be_set_or_is_measured_is_no_alarm(expose: Expose, value: Any) -> None:
    """A switch, a siren's setting, a trend, a level."""
    assert not values({expose.property: value}, Kind.smoke, expose).keys() & {
        "smoke",
        "water_leak",
        "fall",
        "gas",
    }


def test_a_hazard_in_numbers_of_no_meaning_is_told() -> None:
    """Nothing measures smoke under that name; 2 is neither yes nor no, and an alarm detector must not be passed over."""
    said = decode(b'{"smoke": 2}', zone=ZONE, kind=Kind.smoke)
    assert [f.quantity for f in said.faults] == ["smoke"]


def test_a_lone_alarm_is_that_of_its_kind_and_never_a_siren() -> None:
    """Where `alarm` is all that a detector says; sirens say by it that they sound, and others have a better word."""
    alarm, siren = binary("alarm", True, False), Expose("volume", "volume", "numeric")
    assert values({"alarm": True}, Kind.smoke, alarm) == {"smoke": True}
    assert values({"alarm": True}, Kind.door, alarm) == {"door_open": True}
    assert values({"alarm": True}, Kind.smoke, alarm, siren) == {}
    assert values({"alarm": True}, Kind.smoke, alarm, binary("smoke", True, False)) == {}
    assert (
        values({"alarm": True}, Kind.smoke, Expose("alarm", "", "binary", "", True, False, settable=True))
        == {}
    )
    heat = Definition.of("HM-5HA-E", [alarm])
    assert decode(b'{"alarm": true}', zone=ZONE, kind=Kind.smoke, definition=heat).values == {"heat": True}
