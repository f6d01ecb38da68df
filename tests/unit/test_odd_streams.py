"""Forms of the dialects that real makers send and no fixture holds: every alarm is seen, and what cannot be read has a reason."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from care.messages import Refusal, Report
from care.site import Community, Device, Home, Registry, Site
from care.words import Kind
from devices.actions import calls
from ingest.normalize import Message, Normalizer, Subscription

NOON = datetime(2026, 5, 23, 4, 0, tzinfo=UTC)
SUBSCRIPTIONS = [
    Subscription("esphome/#", "esphome"),
    Subscription("tuya/#", "mapped:tuya"),
    Subscription("aqara/#", "mapped:aqara"),
]


def heard(topic: str, payload: Any, kind: Kind, **more: Any) -> tuple[dict[str, Any], list[Refusal]]:
    """What is read of one message of the only device, and what is refused of it."""
    address = f"{topic}/{payload['sid']}" if topic.startswith("aqara") else topic
    site = Site(
        community=Community(id="c", name="c"),
        homes=[Home(id="h1", devices=[Device(id="d", kind=kind, address=address, **more)])],
    )
    raw = payload if isinstance(payload, str) else json.dumps(payload)
    found = Normalizer(Registry(site), SUBSCRIPTIONS).normalize(Message(topic, raw.encode(), NOON))
    values: dict[str, Any] = {}
    for one in found:
        if isinstance(one, Report):
            values |= one.values
    return values, [one for one in found if isinstance(one, Refusal)]


@pytest.mark.parametrize(
    ("payload", "sos"), [('{"event_type": "emergency"}', True), ("emergency", True), ('{"event_type":"press"}', False)]
)  # fmt: skip
def test_an_event_of_esphome_is_json_or_a_word(payload: str, sos: bool) -> None:
    """ESPHome publishes events as JSON; the word in it is what counts."""
    values, refused = heard("esphome/bed/event/button/state", payload, Kind.sos)
    assert not refused
    assert values["action"] in ("emergency", "press")
    assert values.get("sos", False) is sos


@pytest.mark.parametrize("payload", ["{broken", '{"event_type": 5}', "{}"])
def test_an_event_that_cannot_be_read_may_have_been_the_call(payload: str) -> None:
    """Of an SOS button it tells people."""
    values, refused = heard("esphome/bed/event/button/state", payload, Kind.sos)
    assert "sos" not in values
    assert [r.alarm for r in refused] == [True]


@pytest.mark.parametrize(
    ("kind", "first", "quantity", "value"),
    [
        (Kind.smoke, "alarm", "smoke", True), (Kind.smoke, "normal", "smoke", False), (Kind.smoke, "1", "smoke", True),
        (Kind.smoke, "2", "smoke", False), (Kind.gas, "alarm", "gas", True), (Kind.co, "alarm", "co", True),
        (Kind.water_leak, "alarm", "water_leak", True), (Kind.water_leak, "normal", "water_leak", False),
        (Kind.door, True, "door_open", True), (Kind.door, False, "door_open", False), (Kind.motion, "pir", "motion", True),
    ],
)  # fmt: skip
def test_local_data_points_of_tuya_go_by_number(kind: Kind, first: Any, quantity: str, value: bool) -> None:
    """`{"dps": {"1": …}}` was silently nothing: the first point is the state of these kinds."""
    values, refused = heard("tuya/h1/d", {"dps": {"1": first, "15": 80}}, kind)
    assert (values[quantity], refused) == (value, [])


def test_a_first_data_point_that_is_not_known_is_told() -> None:
    """Another order of points: a person looks, and writes a mapping."""
    _, refused = heard("tuya/h1/d", {"dps": {"1": "weird"}}, Kind.smoke)
    assert [(r.quantity, r.alarm) for r in refused] == [("smoke", True)]
    assert heard("tuya/h1/d", {"dps": {"15": 80}}, Kind.smoke) == ({}, [])


@pytest.mark.parametrize(
    ("action", "calls_on", "expected"),
    [
        ("click", ["single"], True), ("press", ["single"], True), ("single", ["click"], True), ("Click", ["Single"], True),
        ("double_click", ["double"], True), ("long_click_press", ["hold"], True), ("button_long_press", ["hold"], True),
        ("double_click", ["single"], False), ("click", ["hold"], False), ("click", [], False), ("hold_left", ["hold"], False),
        ("hold_left", ["hold_left"], True), ("release", ["hold"], False), ("off", ["off"], False),
    ],
)  # fmt: skip
def test_presses_have_several_names(action: str, calls_on: list[str], expected: bool) -> None:
    """`calls_on: [single]` means the press, whatever its maker calls it."""
    assert calls(action, calls_on) is expected


def test_a_click_of_an_aqara_button_calls_as_its_site_file_says() -> None:
    """Its gateway says `click` where Zigbee2MQTT says `single`."""
    said = {"cmd": "report", "model": "switch", "sid": "158d3", "data": '{"status":"click"}'}
    assert heard("aqara/h1/gw", said, Kind.sos, calls_on=["single"])[0].get("sos") is True
    assert "sos" not in heard("aqara/h1/gw", said, Kind.sos)[0]


MS = int(NOON.timestamp() * 1000)
PUSHED = [
    # Tuya: the cloud's newer message, and devices that are linked without it.
    ("tuya/h1/d", Kind.smoke, {"bizCode": "devicePropertyMessage", "ts": MS, "bizData": {"devId": "d", "properties": [
        {"code": "smoke_sensor_status", "dpId": 1, "time": MS, "value": "alarm"}]}}, {"smoke": True}),
    ("tuya/h1/d", Kind.sos, {"msgId": "1", "time": MS, "data": {"sos_state": {"value": True, "time": MS}}}, {"sos": True}),
    # NB-IoT: events of CTWing, properties of OneNET and of IoTDA.
    ("nbiot/h1/d", Kind.smoke, {"messageType": "eventReport", "timestamp": MS, "eventContent": {"smoke_state": 1}}, {"smoke": True}),
    ("nbiot/h1/d", Kind.smoke, {"messageType": "dataReport", "timestamp": MS, "payload": '{"smoke_state": 0, "battery_value": 90}'},
     {"smoke": False, "battery": 90}),
    ("nbiot/h1/d", Kind.smoke, {"id": "1", "params": {"smoke_state": {"value": 1, "time": MS}}}, {"smoke": True}),
    ("nbiot/h1/d", Kind.smoke, {"resource": "device.property", "notify_data": {"body": {"services": [
        {"service_id": "S", "properties": {"smoke_state": 1}, "event_time": "20260523T040000Z"}]}}}, {"smoke": True}),
]  # fmt: skip


@pytest.mark.parametrize(("topic", "kind", "payload", "wanted"), PUSHED)
def test_platforms_push_the_same_in_several_shapes(
    topic: str, kind: Kind, payload: Any, wanted: dict[str, Any]
) -> None:
    """With the time of the point; before, these were heard and said nothing."""
    home = Home(id="h1", devices=[Device(id="d", kind=kind, address=topic)])
    site = Site(community=Community(id="c", name="c"), homes=[home])
    [report] = Normalizer(
        Registry(site), [*SUBSCRIPTIONS, Subscription("nbiot/#", "mapped:nbiot_smoke")]
    ).normalize(Message(topic, json.dumps(payload).encode(), NOON))
    assert isinstance(report, Report)
    assert (report.values, report.device_at) == (wanted, NOON)


@pytest.mark.parametrize(
    ("kind", "params", "wanted"),
    [
        (Kind.door, [{"window_status": "open"}, {"battery_voltage": 3000}], {"door_open": True, "voltage": 3000}),
        (Kind.motion, [{"motion_status": "motion"}], {"motion": True}), (Kind.smoke, [{"alarm": "1"}], {"smoke": True, "self_test": False}),
        (Kind.water_leak, [{"wleak_status": "leak"}], {"water_leak": True}), (Kind.water_leak, [{"wleak_status": "normal"}], {"water_leak": False}),
        (Kind.sos, [{"button_0": "click"}], {"action": "click", "sos": True}),
    ],
)  # fmt: skip
def test_an_aqara_gateway_of_version_2_lists_its_values(
    kind: Kind, params: Any, wanted: dict[str, Any]
) -> None:
    """A list of objects with one key each, under other names than version 1."""
    more = {"calls_on": ["single"]} if kind is Kind.sos else {}
    said = {"cmd": "report", "model": "x", "sid": "158d3", "params": params}
    values, refused = heard("aqara/h1/gw", said, kind, **more)
    assert not refused
    assert {q: v for q, v in values.items() if q in wanted} == wanted
    assert values.keys() <= wanted.keys() | {"fault"}


def test_a_tuya_device_that_is_gone_says_so() -> None:
    """The cloud tells when it has lost a device."""
    device = Device(id="d", kind=Kind.smoke, address="tuya/h1/d")
    site = Site(community=Community(id="c", name="c"), homes=[Home(id="h1", devices=[device])])
    gone = {"bizCode": "deviceOffline", "bizData": {"devId": "d", "time": MS}, "ts": MS}
    [report] = Normalizer(Registry(site), SUBSCRIPTIONS).normalize(
        Message("tuya/h1/d", json.dumps(gone).encode(), NOON)
    )
    assert isinstance(report, Report)
    assert report.state == "offline"
