"""Zigbee2MQTT as a bridge really talks: bases, groups, attribute topics, renamings, models learnt, devices nobody entered."""

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
BASES = ("zigbee2mqtt", "site/3/z2m")


def a_site(base: str, **model: str) -> Site:
    return Site(
        community=Community(id="c", name="c"),
        homes=[
            Home(
                id="h1",
                devices=[
                    Device(id="smoke", kind=Kind.smoke, address=f"{base}/王奶奶/厨房 烟感"),
                    Device(id="door", kind=Kind.door, address=f"{base}/h1/door", model=model.get("door", "")),
                    Device(id="sos", kind=Kind.sos, address=f"{base}/h1/sos"),
                    Device(id="gw", kind=Kind.gateway, address=f"{base}/h1/gw"),
                ],
            )
        ],
    )


class Bridge:
    """A normalizer behind one filter, told messages of one base."""

    def __init__(self, base: str = "zigbee2mqtt", topic_filter: str | None = None, **model: str) -> None:
        self.base = base
        self.n = Normalizer(
            Registry(a_site(base, **model)), [Subscription(topic_filter or f"{base}/#", "zigbee2mqtt")]
        )

    def says(self, topic: str, payload: Any, **more: Any) -> list[Any]:
        data = payload if isinstance(payload, bytes) else json.dumps(payload, ensure_ascii=False).encode()
        return list(self.n.normalize(Message(f"{self.base}/{topic}", data, NOON, **more)))

    def lists(self, name: str, model: str, *exposes: dict[str, Any]) -> None:
        definition = {"model": model, "vendor": "v", "exposes": list(exposes)}
        assert (
            self.says(
                "bridge/devices", [{"ieee_address": "0x1", "friendly_name": name, "definition": definition}]
            )
            == []
        )


def binary(name: str, on: Any, off: Any) -> dict[str, Any]:
    return {"type": "binary", "name": name, "property": name, "value_on": on, "value_off": off, "access": 1}


@pytest.mark.parametrize(
    ("base", "topic_filter"),
    [
        ("zigbee2mqtt", None),
        ("site/3/z2m", None),
        ("site/3/z2m", "site/+/z2m/#"),
        ("zigbee2mqtt", "#"),
        ("site/3/z2m", "#"),
    ],
)
def test_what_a_model_exposes_is_learnt_on_every_base(base: str, topic_filter: str | None) -> None:
    """Whatever filter brings the messages, `bridge/devices` tells what the devices below its own base mean."""
    b = Bridge(base, topic_filter)
    [before] = b.says("h1/door", {"contact": True})
    b.lists("h1/door", "X", binary("contact", True, False))
    [after] = b.says("h1/door", {"contact": True})
    [alone] = b.says("h1/door/contact", b"true")
    assert (before.values, after.values, alone.values) == (
        {"door_open": False},
        {"door_open": True},
        {"door_open": True},
    )


def test_the_site_file_may_name_the_model() -> None:
    """A bridge that keeps its list to itself: `model` in the site file stands in for it."""
    assert Bridge(door="terncy-dc01").says("h1/door", {"contact": True})[0].values == {"door_open": True}
    assert Bridge(door="MCCGQ11LM").says("h1/door", {"contact": True})[0].values == {"door_open": False}


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("bridge/info", {"version": "2.14.1", "config": {"mqtt": {"base_topic": "x"}}}),
        ("bridge/devices", b"not json at all"),
        ("bridge/devices", [1, None, {"definition": 7}]),
        ("bridge/groups", b"\xff\xfe"),
        ("bridge/definitions", {"clusters": {"x": list(range(50_000))}}),
        ("bridge/extensions", []),
        ("bridge/converters", []),
        ("bridge/logging", {"level": "error", "message": "z2m: Failed to ping"}),
        ("bridge/log", b"legacy words"),
        ("bridge/event", {"type": "device_leave", "data": {"ieee_address": "0x1"}}),
        ("bridge/health", {"os": {"load_average": [0.1]}, "devices": {}}),
        ("bridge/response/device/rename", {"status": "error", "error": "no"}),
        ("bridge/request/permit_join", {"time": 254}),
        ("bridge/config/devices", [{"friendly_name": "x"}]),
        ("bridge/state", b""),
        ("bridge/state", b"perhaps"),
        ("h1/door/set", {"state": "ON"}),
        ("h1/door/set/led", b"ON"),
        ("h1/door/get", {"contact": ""}),
        ("h1/door/left/set", b"{"),
        ("王奶奶/厨房 烟感/set", b"\xff"),
        ("h1/sos/availability", b""),
        ("nobody/availability", b"online"),
    ],
)
def test_what_is_not_about_a_reading_is_no_error(topic: str, payload: Any) -> None:
    """The bridge's own talk, commands to devices, a retained word taken back: nothing comes of them, least of all an alarm."""
    assert Bridge().says(topic, payload) == []


@pytest.mark.parametrize("payload", [b"online", {"state": "online"}, b'"online"'])
def test_availability_may_come_first_and_retained(payload: Any) -> None:
    """Before any state, in both forms: it tells that the device is there and nothing else."""
    [report] = Bridge().says("王奶奶/厨房 烟感/availability", payload, retained=True)
    assert isinstance(report, Report)
    assert (report.device, report.state, report.values) == ("smoke", "online", {})


def test_an_availability_nobody_can_read_is_no_alarm() -> None:
    """It is refused and kept, but nobody is woken for it, though the device is a smoke detector."""
    [refusal] = Bridge().says("王奶奶/厨房 烟感/availability", b"perhaps")
    assert isinstance(refusal, Refusal)
    assert not refusal.alarm


def test_the_state_of_the_bridge_is_that_of_the_gateway() -> None:
    """In both forms, on a base of several levels too."""
    for base in BASES:
        for payload in (b"offline", {"state": "offline"}):
            [report] = Bridge(base).says("bridge/state", payload, retained=True)
            assert (report.device, report.state) == ("gw", "offline")


def test_a_bridge_of_a_staircase_speaks_for_every_home_that_hangs_on_it_alone() -> None:
    """With its gateway in the site file or without; not for a home whose gateway or sensors speak elsewhere too."""

    def home(name: str, **devices: tuple[Kind, str]) -> Home:
        return Home(
            id=name, devices=[Device(id=f"{d}-{name}", kind=k, address=a) for d, (k, a) in devices.items()]
        )

    site = Site(
        community=Community(id="c", name="c"),
        homes=[
            home("h1", sos=(Kind.sos, "z/h1/sos"), gw=(Kind.gateway, "z/h1/gw")),
            home("h2", sos=(Kind.sos, "z/h2/sos"), door=(Kind.door, "z/h2/door")),
            home("h3", sos=(Kind.sos, "z/h3/sos"), gw=(Kind.gateway, "")),
            home("h4", sos=(Kind.sos, "z/h4/sos"), belt=(Kind.bed_belt, "")),
            home("h5", sos=(Kind.sos, "other/h5/sos")),
        ],
    )
    n = Normalizer(Registry(site), [Subscription("z/#", "zigbee2mqtt")])
    told = n.normalize(Message("z/bridge/state", b'{"state":"offline"}', NOON))
    assert [(r.home, r.device, r.kind, r.state) for r in told if isinstance(r, Report)] == [
        ("h1", "gw-h1", "gateway", "offline"),
        ("h2", "gateway", "gateway", "offline"),
    ]
    assert len(told) == 2


def test_groups_are_no_devices() -> None:
    """What `bridge/groups` names publishes like a device and is never listed as one."""
    b = Bridge()
    assert isinstance(b.says("客厅灯组", {"state": "ON"})[0], Unclaimed)
    assert b.says("bridge/groups", [{"id": 1, "friendly_name": "客厅灯组", "members": []}]) == []
    assert b.says("客厅灯组", {"state": "ON"}) == []


def test_an_unclaimed_device_on_attribute_topics_is_one_device() -> None:
    """Its topics are listed under its own name, with what it seems to be; a name with a slash stays whole."""
    b = Bridge()
    for attribute, payload, kind in (
        ("smoke", b"true", "smoke"),
        ("battery", b"97", None),
        ("last_seen", b"1779508740000", None),
    ):
        [listed] = b.says(f"李爷爷/走廊 烟感/{attribute}", payload)
        assert isinstance(listed, Unclaimed)
        assert (listed.topic, listed.suggested_kind) == ("zigbee2mqtt/李爷爷/走廊 烟感", kind)
    [whole] = b.says("李爷爷/走廊 烟感", {"battery": 97})
    assert whole.topic == "zigbee2mqtt/李爷爷/走廊 烟感"


def test_an_unclaimed_device_is_suggested_by_what_it_exposes() -> None:
    """Its first word may be its battery; a button that can call for help is an SOS button."""
    b = Bridge()
    b.lists(
        "new",
        "X",
        {
            "type": "enum",
            "name": "action",
            "property": "action",
            "values": ["emergency", "disarm"],
            "access": 1,
        },
    )
    assert b.says("new", {"battery": 100})[0].suggested_kind == "sos"
    b.lists(
        "new",
        "X",
        {"type": "enum", "name": "action", "property": "action", "values": ["single"], "access": 1},
    )
    assert b.says("new", {"battery": 100})[0].suggested_kind == "button"
    b.lists("new", "X", binary("smoke", True, False))
    assert b.says("new", {"battery": 100})[0].suggested_kind == "smoke"


def test_a_device_whose_name_begins_with_another_one_is_its_own() -> None:
    """An object below a claimed device is no attribute of it."""
    [listed] = Bridge().says("h1/door/new sensor", {"smoke": True})
    assert isinstance(listed, Unclaimed)
    assert (listed.topic, listed.suggested_kind) == ("zigbee2mqtt/h1/door/new sensor", "smoke")


def test_a_button_that_says_it_is_not_pressed_has_not_called() -> None:
    """Panic buttons publish `sos` as a state: false, in every battery report, is no press; true is one."""
    b = Bridge()
    [quiet] = b.says("h1/sos", {"sos": False, "battery": 97})
    [pressed] = b.says("h1/sos", {"sos": True, "battery": 97})
    [single] = b.says("h1/sos/sos", b"false")
    assert (quiet.values, single.values) == ({"battery": 97}, {})
    assert pressed.values["sos"] is True
    assert pressed.urgent
    assert not quiet.urgent


def test_a_bridge_below_the_base_of_a_filter_is_a_bridge() -> None:
    """`zigbee2mqtt/h1` under `zigbee2mqtt/#`: its models, groups and end are learnt, and its papers are no devices."""
    b = Bridge("zigbee2mqtt/h1", "zigbee2mqtt/#")
    b.lists("h1/door", "M", binary("contact", True, False))
    assert b.says("h1/door", {"contact": True})[0].values == {"door_open": True}
    assert b.says("bridge/groups", [{"friendly_name": "all lamps"}]) == []
    assert b.says("all lamps", {"state": "ON"}) == []
    [report] = b.says("bridge/state", {"state": "offline"})
    assert (report.device, report.state) == ("gw", "offline")
    for paper in ("info", "logging", "event", "response/device/rename", "extensions", "health"):
        assert b.says(f"bridge/{paper}", {"x": "y" * 20_000}) == []


def test_a_device_that_is_called_bridge_stays_a_device() -> None:
    """With each attribute on a topic of its own, one of them may be named like a bridge's."""
    device = Device(id="d", kind=Kind.smoke, address="zigbee2mqtt/hall/bridge")
    site = Site(community=Community(id="c", name="c"), homes=[Home(id="h1", devices=[device])])
    n = Normalizer(Registry(site))
    [report] = n.normalize(Message("zigbee2mqtt/hall/bridge", b'{"smoke": true}', NOON))
    assert isinstance(report, Report)
    assert report.values == {"smoke": True}
    [report] = n.normalize(Message("zigbee2mqtt/hall/bridge/smoke", b"true", NOON))
    assert isinstance(report, Report)
    [report] = n.normalize(Message("zigbee2mqtt/hall/bridge/state", b"ON", NOON))
    assert isinstance(report, Report)
    assert (report.device, report.values) == ("d", {})
