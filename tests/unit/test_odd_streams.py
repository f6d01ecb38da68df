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
