"""Tasmota and ESPHome: several topics are one device, and bare words get their meaning from its kind."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from care.messages import Refusal, Report, Unclaimed
from care.site import Community, Device, Home, Registry, Site
from care.words import Kind
from ingest.normalize import Message, Normalizer, Subscription

NOON = datetime(2026, 5, 23, 4, 0, tzinfo=UTC)


def heard(dialect: str, topic: str, payload: Any, *devices: Device) -> list[Any]:
    registry = Registry(
        Site(community=Community(id="c", name="c"), homes=[Home(id="h1", devices=list(devices))])
    )
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return list(Normalizer(registry, [Subscription("#", dialect)]).normalize(Message(topic, data, NOON)))


def values(dialect: str, topic: str, payload: Any, *devices: Device) -> dict[str, Any]:
    [r] = heard(dialect, topic, payload, *devices)
    assert isinstance(r, Report), r
    return dict(r.values)


# -- Tasmota


def box(kind: Kind, address: str = "tele/h1/box/SENSOR", **more: Any) -> Device:
    return Device(id="box", kind=kind, address=address, **more)


def test_tasmota_sensors_by_the_names_of_their_fields() -> None:
    """Objects of any sensor; local time; Fahrenheit where the box says so; mains and the chip are not the room."""
    payload = {
        "Time": "2026-05-23T11:59:00",
        "AM2301": {"Temperature": 25.5, "Humidity": 48, "DewPoint": 13.7},
        "ESP32": {"Temperature": 53.3},
        "ENERGY": {"Voltage": 230, "Power": 12},
        "TempUnit": "C",
    }
    [r] = heard("tasmota", "tele/h1/box/SENSOR", payload, box(Kind.climate))
    assert r.values == {"temperature": 25.5, "humidity": 48}
    assert r.at == datetime(2026, 5, 23, 3, 59, tzinfo=UTC)
    assert values("tasmota", "tele/h1/box/SENSOR", {"DS18B20": {"Id": "x", "Temperature": 212}, "TempUnit": "F"},
                  box(Kind.climate)) == {"temperature": 100}  # fmt: skip


@pytest.mark.parametrize(
    "address", ["tele/h1/box/SENSOR", "tele/h1/box", "stat/h1/box/POWER", "h1/box", "tele/h1/box/STATE"]
)
def test_a_tasmota_box_is_claimed_by_any_of_its_topics(address: str) -> None:
    """SENSOR, STATE, LWT, POWER, RESULT: all are its own."""
    d = box(Kind.motion, address)
    assert values("tasmota", "stat/h1/box/POWER", b"ON", d) == {"motion": True}
    assert values("tasmota", "tele/h1/box/SENSOR", {"Switch1": "OFF"}, d) == {"motion": False}
    assert values("tasmota", "stat/h1/box/RESULT", {"Switch1": {"Action": "ON"}}, d) == {"motion": True}
    assert values("tasmota", "tele/h1/box/STATE", {"Vcc": 3.1, "POWER": "ON", "Wifi": {"RSSI": 100, "Signal": -40}}, d) == {
        "voltage": 3100, "motion": True, "link_quality": 255}  # fmt: skip
    for word, state in ((b"Online", "online"), (b"Offline", "offline")):
        [r] = heard("tasmota", "tele/h1/box/LWT", word, d)
        assert (r.device, r.state, r.values) == ("box", state, {})


def test_the_other_order_of_a_tasmota_topic() -> None:
    """`%topic%/%prefix%` is known too, and commands are nobody's readings."""
    d = box(Kind.door, "h1/box/tele/SENSOR")
    assert values("tasmota", "h1/box/stat/POWER1", b"ON", d) == {"door_open": True}
    assert heard("tasmota", "cmnd/h1/box/POWER", b"ON", d) == []


@pytest.mark.parametrize(
    ("kind", "word", "wanted"),
    [
        (Kind.door, "ON", {"door_open": True}),
        (Kind.bed_belt, "OFF", {"in_bed": False}),
        (Kind.smoke, "ON", {"smoke": True}),
        (Kind.water_leak, "OFF", {"water_leak": False}),
        (Kind.sos, "ON", {"sos": True}),
        (Kind.sos, "OFF", {}),
        (Kind.button, "ON", {"action": "on"}),
    ],
)
def test_a_switch_input_is_what_the_device_is(kind: Kind, word: str, wanted: dict[str, Any]) -> None:
    """ON at a door is open, at a bed somebody in it, at a button a press."""
    assert values("tasmota", "stat/h1/box/SWITCH1", word.encode(), box(kind)) == wanted


def test_a_relay_beside_a_detector_is_no_alarm() -> None:
    """POWER of a gas detector drives a valve, unless the site file names that very topic as the detector."""
    assert values("tasmota", "stat/h1/box/POWER", b"ON", box(Kind.gas)) == {}
    assert values("tasmota", "stat/h1/box/POWER", b"ON", box(Kind.gas, "stat/h1/box/POWER")) == {"gas": True}


def test_a_tasmota_button_calls_by_configuration() -> None:
    """SINGLE and HOLD as they are written; only configured ones call."""
    payload = {"Button1": {"Action": "HOLD"}}
    assert values("tasmota", "stat/h1/box/RESULT", payload, box(Kind.sos)) == {"action": "hold"}
    assert values("tasmota", "stat/h1/box/RESULT", payload, box(Kind.sos, calls_on=["hold"])) == {
        "action": "hold",
        "sos": True,
    }


def test_a_zigbee_bridge_of_tasmota_carries_many_devices() -> None:
    """Each is `…/SENSOR/NAME` or its short address."""
    payload = {
        "ZbReceived": {"0x7869": {"Device": "0x7869", "Name": "front", "Contact": 1, "LinkQuality": 36}}
    }
    for address in ("tele/h1/zb/SENSOR/front", "tele/h1/zb/SENSOR/0x7869"):
        door = Device(id="d", kind=Kind.door, address=address)
        assert values("tasmota", "tele/h1/zb/SENSOR", payload, door) == {
            "door_open": True,
            "link_quality": 36,
        }
    [new] = heard("tasmota", "tele/h1/zb/SENSOR", payload)
    assert isinstance(new, Unclaimed)
    assert (new.topic, new.suggested_kind) == ("tele/h1/zb/SENSOR/front", "door")


def test_an_unreadable_word_of_an_alarm_device_is_told() -> None:
    """A cut SENSOR message of a smoke detector."""
    [out] = heard("tasmota", "tele/h1/box/SENSOR", b'{"Switch1":', box(Kind.smoke))
    assert isinstance(out, Refusal)
    assert out.alarm
    assert out.device == "box"


# -- ESPHome


@pytest.mark.parametrize(
    ("topic", "payload", "kind", "wanted"),
    [
        ("node/sensor/mr60_heart_rate/state", b"72.0", Kind.bed_belt, {"heart_rate": 72}),
        ("node/sensor/mr60_respiratory_rate/state", b"15.5", Kind.bed_belt, {"respiration_rate": 15.5}),
        ("node/binary_sensor/person_present/state", b"ON", Kind.bed_belt, {"in_bed": True}),
        ("node/binary_sensor/kitchen_smoke/state", b"ON", Kind.smoke, {"smoke": True}),
        ("node/binary_sensor/pir/state", b"OFF", Kind.motion, {"motion": False}),
        ("node/binary_sensor/front_door/state", b"ON", Kind.door, {"door_open": True}),
        ("node/sensor/room_temperature/state", b"21.4", Kind.climate, {"temperature": 21.4}),
        ("node/sensor/gas/state", b"1", Kind.gas, {"gas_level": 1}),
        ("node/sensor/battery_voltage/state", b"2.95", Kind.door, {"voltage": 2950}),
        ("node/binary_sensor/low_battery/state", b"ON", Kind.door, {"battery_low": True}),
        ("node/text_sensor/firmware_version/state", b"2026.5", Kind.door, {}),
        ("node/sensor/uptime/state", b"4711", Kind.door, {}),
        ("node/sensor/esp32_temperature/state", b"61", Kind.climate, {}),
        ("node/switch/siren/state", b"ON", Kind.smoke, {}),
        ("node/event/call_button/state", b"emergency", Kind.sos, {"action": "emergency", "sos": True}),
    ],
)
def test_esphome_entities_by_their_names(
    topic: str, payload: bytes, kind: Kind, wanted: dict[str, Any]
) -> None:
    """A node claimed by its prefix: each entity says what its name says, and settings say nothing."""
    assert values("esphome", topic, payload, Device(id="n", kind=kind, address="node")) == wanted


def test_nothing_measured_is_unknown() -> None:
    """`nan` is neither a number nor zero."""
    [r] = heard(
        "esphome", "node/sensor/heart_rate/state", b"nan", Device(id="n", kind=Kind.bed_belt, address="node")
    )
    assert (r.values, r.unknown) == ({}, ["heart_rate"])


def test_an_entity_may_have_any_name_when_it_is_claimed_itself() -> None:
    """`gpio_4` claimed as a door is the door; as part of a whole node it is nobody knows what."""
    topic = "node/binary_sensor/gpio_4/state"
    assert values("esphome", topic, b"ON", Device(id="d", kind=Kind.door, address=topic)) == {
        "door_open": True
    }
    assert values("esphome", topic, b"ON", Device(id="d", kind=Kind.door, address="node")) == {}


def test_esphome_status_is_the_last_will() -> None:
    """online and offline; commands and logs are not ours; a new node is listed by its prefix."""
    node = Device(id="n", kind=Kind.presence, address="node")
    assert [heard("esphome", "node/status", w, node)[0].state for w in (b"online", b"offline")] == [
        "online",
        "offline",
    ]
    assert heard("esphome", "node/switch/x/command", b"ON", node) == []
    assert heard("esphome", "node/debug", b"[I] x", node) == []
    [new] = heard("esphome", "h1-bed/sensor/heart_rate/state", b"70")
    assert (new.topic, new.suggested_kind, new.suggested_home) == ("h1-bed", "bed_belt", "h1")
