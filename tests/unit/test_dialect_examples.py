"""Words of makes that are not among the fixtures: each was once silence, or half understood.

The rows are what these programs publish by themselves (Home Assistant's template words, Tasmota's Zigbee bridge and its options, the
names that ESPHome's kits come with, Tuya's data points), or what a device may write by the contract.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from care.messages import Refusal, Report
from care.site import Community, Device, Home, Registry, Site
from care.words import Kind
from ingest.normalize import Message, Normalizer, Subscription

NOON = datetime(2026, 5, 23, 4, 0, tzinfo=UTC)


def a_normalizer(dialect: str, kind: Kind, address: str, calls_on: list[str] | None = None) -> Normalizer:
    device = Device(id="d", kind=kind, address=address, calls_on=calls_on or [])
    site = Site(community=Community(id="c", name="c"), homes=[Home(id="h1", devices=[device])])
    filters = {"homeassistant": ["homeassistant/#", "flat/#"], "native": ["anxin/v1/+/+"]}.get(dialect, ["#"])
    return Normalizer(Registry(site), [Subscription(f, dialect) for f in filters])


def values(normalizer: Normalizer, topic: str, payload: Any) -> dict[str, Any]:
    data = payload if isinstance(payload, bytes) else payload.encode() if isinstance(payload, str) else json.dumps(payload).encode()  # fmt: skip
    [report] = normalizer.normalize(Message(topic, data, NOON))
    assert isinstance(report, Report), report
    return report.values


# -- Home Assistant

CONFIG = "homeassistant/binary_sensor/node/smoke/config"
SMOKE: dict[str, Any] = {"dev_cla": "smoke", "uniq_id": "u1", "dev": {"ids": "x1"}, "stat_t": "flat/smoke"}


@pytest.mark.parametrize(
    "template",
    [
        "{{ value_json.smoke }}",
        "{{ value_json.get('smoke') }}",
        '{{ value_json.get("smoke", false) }}',
        "{{ iif(value_json.smoke, 'ON', 'OFF') }}",
        "{{ value_json.smoke | bool | iif('ON', 'OFF') }}",
        "{{ 'ON' if value_json.smoke is true else 'OFF' }}",
        "{{ 'OFF' if value_json.smoke is not true else 'ON' }}",
        "{{ 'ON' if value_json.smoke | int == 1 else 'OFF' }}",
        "{{ 'ON' if value_json.smoke | int > 0 else 'OFF' }}",
        "{{ value_json.smoke is true }}",
        "{% if value_json.smoke == true %}ON{% elif value_json.smoke == false %}OFF{% endif %}",
        "{%- if value_json.level > 9 -%}ON{%- elif value_json.smoke -%}ON{%- else -%}OFF{%- endif -%}",
    ],
)
def test_a_template_of_home_assistant_is_read(template: str) -> None:
    """Smoke is smoke, no smoke is none, and null is neither."""
    n = a_normalizer("homeassistant", Kind.smoke, "flat/smoke")
    n.normalize(Message(CONFIG, json.dumps({**SMOKE, "val_tpl": template}).encode(), NOON, retained=True))
    assert values(n, "flat/smoke", {"smoke": True, "level": 1}) == {"smoke": True}
    assert values(n, "flat/smoke", {"smoke": False, "level": 1}) == {"smoke": False}
    if "level" not in template:
        assert values(n, "flat/smoke", {"smoke": None}) == {}


@pytest.mark.parametrize(
    "template",
    [
        "{{ states('x') }}",
        "{% if value_json.smoke %}ON",
        "{% for x in value_json.smoke %}ON{% endfor %}",
        "{% if value_json.smoke %}ON{% else %}OFF{% elif value_json.smoke %}ON{% endif %}",
        "{{ value_json.smoke | regex_match('(t+)+$') }}",
        "{{ value_json.smoke * 10 ** 9 }}",
    ],
)
def test_a_template_that_could_run_away_is_no_silence(template: str) -> None:
    """What is not read is told for an alarm, each time."""
    n = a_normalizer("homeassistant", Kind.smoke, "flat/smoke")
    n.normalize(Message(CONFIG, json.dumps({**SMOKE, "val_tpl": template}).encode(), NOON, retained=True))
    out = n.normalize(Message("flat/smoke", b'{"smoke": true}', NOON))
    assert any(isinstance(o, Refusal) and o.alarm for o in out)


def test_a_trigger_of_home_assistant_is_the_press_it_names() -> None:
    """`button_short_press` by the payload ON of its own topic; OFF is another trigger's."""
    n = a_normalizer("homeassistant", Kind.sos, "flat/b", ["single"])
    trigger = {"automation_type": "trigger", "topic": "flat/b", "type": "button_short_press", "subtype": "button_1",
               "payload": "ON", "device": {"ids": "e"}}  # fmt: skip
    n.normalize(Message("homeassistant/device_automation/e/one/config", json.dumps(trigger).encode(), NOON))
    assert values(n, "flat/b", "ON") == {"action": "button_short_press", "sos": True}
    assert values(n, "flat/b", "OFF") == {}


# -- the others

NATIVE = "anxin/v1/h1/d"
ZIGBEE, STATUS = "tele/z/SENSOR", "status"
FLAT = {"tamper": False, "battery_low": False, "self_test": False}


def points(**codes: Any) -> dict[str, Any]:
    return {"devId": "d", "status": [{"code": c, "value": v, "t": 1779508800000} for c, v in codes.items()]}


ROWS: list[tuple[str, Kind, str, str, Any, dict[str, Any]]] = [
    ("native", Kind.sos, NATIVE, NATIVE, {"action": "SOS"}, {"action": "SOS", "sos": True}),
    ("native", Kind.button, NATIVE, NATIVE, {"action": "emergency"}, {"action": "emergency", "sos": True}),
    ("native", Kind.sos, NATIVE, NATIVE, {"action": "disarm"}, {"action": "disarm"}),
    ("native", Kind.bed_belt, NATIVE, NATIVE, '{"heart_rate": -0.0}', {"heart_rate": 0}),
    ("tasmota", Kind.smoke, f"{ZIGBEE}/s", ZIGBEE, {"ZbReceived": {"0x1": {"Name": "s", "ZoneStatusChange": 1}}}, {"smoke": True, **FLAT}),
    ("tasmota", Kind.smoke, f"{ZIGBEE}/s", ZIGBEE, {"ZbReceived": {"0x1": {"Name": "s", "ZoneStatusChange": 0}}}, {"smoke": False, **FLAT}),
    ("tasmota", Kind.water_leak, f"{ZIGBEE}/s", ZIGBEE, {"ZbReceived": {"0x1": {"Name": "s", "ZoneStatus": 0x0D}}}, {"water_leak": True, **FLAT, "tamper": True, "battery_low": True}),
    ("tasmota", Kind.door, f"{ZIGBEE}/s", ZIGBEE, {"ZbReceived": {"0x1": {"Name": "s", "ZoneStatusChange": 1, "Contact": 0}}}, {"door_open": False, **FLAT}),
    ("tasmota", Kind.sos, f"{ZIGBEE}/s", ZIGBEE, {"ZbReceived": {"0x1": {"Name": "s", "ZoneStatusChange": 2}}}, {"sos": True, **FLAT}),
    ("tasmota", Kind.sos, f"{ZIGBEE}/s", ZIGBEE, {"ZbReceived": {"0x1": {"Name": "s", "0501!02": ""}}}, {"sos": True}),
    ("tasmota", Kind.sos, f"{ZIGBEE}/s", ZIGBEE, {"ZbReceived": {"0x1": {"Name": "s", "0501!00": "01"}}}, {}),
    ("tasmota", Kind.sos, f"{ZIGBEE}/s", ZIGBEE, {"ZbReceived": {"0x1": {"Name": "s", "click": "single"}}}, {"action": "single"}),
    ("tasmota", Kind.smoke, f"{ZIGBEE}/s", ZIGBEE, {"0x1": {"Device": "0x1", "Name": "s", "Fire": 1, "Endpoint": 1}}, {"smoke": True}),
    ("esphome", Kind.bed_belt, "esp/bed", "esp/bed/sensor/real_time_heart_rate/state", "62", {"heart_rate": 62}),
    ("esphome", Kind.bed_belt, "esp/bed", "esp/bed/sensor/real_time_respiratory_rate/state", "14", {"respiration_rate": 14}),
    ("esphome", Kind.fall, "esp/r", "esp/r/binary_sensor/falling_information/state", "ON", {"fall": True}),
    ("esphome", Kind.presence, "esp/r", "esp/r/binary_sensor/person_information/state", "ON", {"presence": True}),
    ("esphome", Kind.sos, "esp/s", "esp/s/binary_sensor/help/state", "ON", {"sos": True}),
    ("esphome", Kind.sos, "esp/s", "esp/s/binary_sensor/big_button/state", "ON", {"sos": True}),
    ("esphome", Kind.sos, "esp/s", "esp/s/binary_sensor/big_button/state", "OFF", {}),
    ("esphome", Kind.sos, "esp/s", "esp/s/binary_sensor/wifi_connected/state", "ON", {}),
    ("esphome", Kind.smoke, "esp/s", "esp/s/binary_sensor/smoke/state", b"\xef\xbb\xbfON", {"smoke": True}),
    ("senml", Kind.smoke, "senml/x", "senml/x", [{"n": "urn:dev:mac:1:alarm", "vb": True}], {"smoke": True}),
    ("senml", Kind.smoke, "senml/x", "senml/x", [{"n": "alarm", "vb": False}], {"smoke": False}),
    ("senml", Kind.door, "senml/x", "senml/x", [{"n": "alarm", "vb": True}], {}),
    ("mapped:tuya", Kind.smoke, "tuya/d", "tuya/d", points(smoke_sensor_status="1"), {"smoke": True}),
    ("mapped:tuya", Kind.smoke, "tuya/d", "tuya/d", points(smoke_sensor_status=True), {"smoke": True}),
    ("mapped:tuya", Kind.gas, "tuya/d", "tuya/d", points(ch4_sensor_state="alarm"), {"gas": True}),
    ("mapped:tuya", Kind.sos, "tuya/d", "tuya/d", points(switch1_value="single_click"), {"action": "single_click"}),
    ("mapped:tuya", Kind.sos, "tuya/d", "tuya/d", {"dps": {"1": True}}, {"sos": True}),
    ("mapped:tuya", Kind.sos, "tuya/d", "tuya/d", {"dps": {"1": False}}, {}),
    ("mapped:tuya", Kind.button, "tuya/d", "tuya/d", {"dps": {"1": "long_press"}}, {"action": "long_press"}),
]  # fmt: skip


@pytest.mark.parametrize(("dialect", "kind", "address", "topic", "payload", "wanted"), ROWS)
def test_it_says_what_it_says(
    dialect: str, kind: Kind, address: str, topic: str, payload: Any, wanted: dict[str, Any]
) -> None:
    """An alarm is heard, and nothing else is one."""
    assert values(a_normalizer(dialect, kind, address), topic, payload) == wanted


def test_a_number_that_is_none_is_refused_by_what_was_written() -> None:
    """A person who looks into quarantine reads NaN, not a name from our program."""
    n = a_normalizer("native", Kind.bed_belt, NATIVE)
    out = n.normalize(Message(NATIVE, b'{"heart_rate": NaN}', NOON))
    assert [o.detail for o in out if isinstance(o, Refusal)] == ["heart_rate: a number is wanted, not NaN"]
