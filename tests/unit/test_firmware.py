"""What runs on a device is known from what it and its bridge say, and is not known otherwise."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from care.clock import ManualClock
from care.errors import Temporary
from care.messages import Firmware, Report, decode
from care.site import Community, Device, Home, Registry, Site
from care.stream import HEALTH, MemoryStream
from care.words import Kind
from ingest.gateway import Gateway
from ingest.normalize import Message, Normalizer, Subscription

NOON = datetime(2026, 5, 23, 4, 0, tzinfo=UTC)


def a_normalizer(dialect: str, topic_filter: str, *devices: Device) -> Normalizer:
    home = Home(id="h1", devices=list(devices))
    registry = Registry(Site(community=Community(id="c", name="c"), homes=[home]))
    return Normalizer(registry, [Subscription(topic_filter, dialect)])


def says(n: Normalizer, topic: str, payload: Any) -> list[Any]:
    data = payload if isinstance(payload, bytes) else json.dumps(payload, ensure_ascii=False).encode()
    return list(n.normalize(Message(topic, data, NOON)))


SMOKE = Device(id="smoke", kind=Kind.smoke, address="zigbee2mqtt/厨房 烟感")
GATEWAY = Device(id="gw", kind=Kind.gateway, address="zigbee2mqtt/gw")


def test_zigbee2mqtt_tells_build_update_and_its_own_version() -> None:
    """The list of devices has the build, a device's state what it would be given, `bridge/info` the bridge."""
    n = a_normalizer("zigbee2mqtt", "zigbee2mqtt/#", SMOKE, GATEWAY)
    listed = [
        {"friendly_name": "厨房 烟感", "ieee_address": "0x1", "software_build_id": "3.0.2"},
        {"friendly_name": "x"},
    ]
    says(n, "zigbee2mqtt/bridge/devices", listed)
    assert n.firmware["smoke"].build == "3.0.2"
    assert n.firmware["smoke"].pending is None, "nobody said whether there is a newer one"
    state = {
        "smoke": False,
        "update": {"state": "available", "installed_version": 16777241, "latest_version": 16777472},
    }
    (report,) = says(n, "zigbee2mqtt/厨房 烟感", state)
    assert isinstance(report, Report)
    told = n.firmware["smoke"]
    assert (told.build, told.installed, told.latest, told.pending) == ("3.0.2", "16777241", "16777472", True)
    says(n, "zigbee2mqtt/bridge/info", {"version": "2.6.0", "coordinator": {"type": "zStack"}})
    assert n.firmware["gw"].build == "Zigbee2MQTT 2.6.0"
    assert set(n.firmware_news) == {"smoke", "gw"}


def test_the_same_again_is_no_news_and_what_was_kept_is_known() -> None:
    """Devices repeat themselves with every message; only a change is written down."""
    n = a_normalizer("zigbee2mqtt", "zigbee2mqtt/#", SMOKE)
    state = {"smoke": False, "update": {"state": "idle", "installed_version": 7, "latest_version": 7}}
    says(n, "zigbee2mqtt/厨房 烟感", state)
    n.firmware_news.clear()
    says(n, "zigbee2mqtt/厨房 烟感", state)
    assert n.firmware_news == {}
    state["update"] = {"state": "idle", "installed_version": 8, "latest_version": 8}
    says(n, "zigbee2mqtt/厨房 烟感", state)
    assert n.firmware_news["smoke"].installed == "8"


@pytest.mark.parametrize(
    "payload",
    [
        {"smoke": False},
        {"smoke": False, "update": None},
        {"smoke": False, "update": {"state": "idle"}},
        {"smoke": False, "update": {"installed_version": [1], "latest_version": {}}},
        {"smoke": False, "update_available": None},
        b'{"smoke": false, "update": "x"}',
    ],
)
def test_what_says_nothing_leaves_it_unknown(payload: Any) -> None:
    """No entry is no version, and the reading beside it is heard all the same."""
    n = a_normalizer("zigbee2mqtt", "zigbee2mqtt/#", SMOKE)
    (report,) = says(n, "zigbee2mqtt/厨房 烟感", payload)
    assert report.values["smoke"] is False
    assert n.firmware == {}


def test_tasmota_tells_at_its_start_and_when_asked() -> None:
    """`INFO1` and `STATUS2`; the message stays a sign of life."""
    n = a_normalizer("tasmota", "tele/#", Device(id="door", kind=Kind.door, address="tele/box/SENSOR"))
    info = {"Info1": {"Module": "Generic", "Version": "14.1.0(tasmota)", "FallbackTopic": "cmnd/x/"}}
    (report,) = says(n, "tele/box/INFO1", info)
    assert report.device == "door"
    assert n.firmware["door"].build == "14.1.0(tasmota)"
    says(n, "tele/box/STATUS2", {"StatusFWR": {"Version": "14.2.0(tasmota)"}})
    assert n.firmware["door"].build == "14.2.0(tasmota)"
    says(n, "tele/box/INFO1", b"not json")
    assert n.firmware["door"].build == "14.2.0(tasmota)"


def test_esphome_tells_by_a_text_sensor() -> None:
    """A node that has one; other texts are no version."""
    n = a_normalizer("esphome", "node/#", Device(id="door", kind=Kind.door, address="node"))
    says(n, "node/text_sensor/wifi_info/state", b"2026.5.0")
    assert n.firmware == {}
    says(n, "node/text_sensor/esphome_version/state", b"2026.5.0")
    assert n.firmware["door"].build == "2026.5.0"


def test_home_assistants_discovery_tells_the_version_of_its_device() -> None:
    """`sw_version`, long or short, with the device or with the entity that speaks."""
    n = a_normalizer("homeassistant", "#", Device(id="door", kind=Kind.door, address="x/door"))
    config = {"stat_t": "x/door", "dev_cla": "door", "dev": {"ids": ["a"], "mdl": "M", "sw": "1.4.2"}}
    says(n, "homeassistant/binary_sensor/a/door/config", config)
    assert n.firmware["door"].build == "1.4.2"
    config["dev"]["sw"] = "1.5.0"  # type: ignore[index]
    says(n, "homeassistant/binary_sensor/a/door/config", config)
    assert n.firmware["door"].build == "1.5.0"
    (report,) = says(n, "x/door", b"ON")
    assert report.values == {"door_open": True}


# -- kept in the bucket ---------------------------------------------------------------------------------------------


class Shaky(MemoryStream):
    """A stream that can be away for writing."""

    away = False

    async def put(self, bucket: str, key: str, data: bytes, *, expect: int | None = None) -> int:
        if self.away:
            raise Temporary("away")
        return await super().put(bucket, key, data, expect=expect)


@contextlib.asynccontextmanager
async def keeping(stream: MemoryStream, n: Normalizer) -> AsyncIterator[None]:
    """The gateway's own task that writes down what runs on devices, without a broker."""

    async def nothing() -> AsyncIterator[Registry]:
        return
        yield

    gateway = Gateway(
        stream=stream,
        clock=ManualClock(NOON),
        registry_source=nothing(),
        mqtt_url="mqtt://127.0.0.1:9",
        client_id="t",
    )
    gateway._normalizer = n
    gateway._known.set()
    task = asyncio.create_task(gateway._keep_firmware())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def kept(stream: MemoryStream, device: str, version: str) -> Firmware:
    """What the bucket says of a device, once it says this version."""
    async with asyncio.timeout(10):
        while True:
            entry = await stream.get(HEALTH, f"firmware.{device}")
            if entry is not None and entry.data is not None:
                told = decode(entry.data, Firmware)
                if told.installed == version:
                    return told
            await asyncio.sleep(0.005)


def runs(version: int) -> dict[str, Any]:
    return {
        "smoke": False,
        "update": {"state": "idle", "installed_version": version, "latest_version": version},
    }


async def test_what_runs_is_written_into_the_bucket_and_waits_while_the_stream_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Written once it is told; a stream that is away loses no news, and what came meanwhile is the one that is written."""
    monkeypatch.setattr("ingest.gateway.FIRMWARE_SECONDS", 0.01)
    stream = Shaky()
    n = a_normalizer("zigbee2mqtt", "zigbee2mqtt/#", SMOKE)
    async with keeping(stream, n):
        says(n, "zigbee2mqtt/厨房 烟感", runs(7))
        assert (await kept(stream, "smoke", "7")).device == "smoke"
        assert n.firmware_news == {}, "what is written is no news"
        stream.away = True
        says(n, "zigbee2mqtt/厨房 烟感", runs(8))
        await asyncio.sleep(0.05)
        assert set(n.firmware_news) == {"smoke"}, "kept until it is written"
        says(n, "zigbee2mqtt/厨房 烟感", runs(9))
        stream.away = False
        await kept(stream, "smoke", "9")


async def test_what_was_kept_is_no_news_after_a_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """A restart reads the bucket first: the same said again is not written again; an unreadable entry hurts nobody."""
    monkeypatch.setattr("ingest.gateway.FIRMWARE_SECONDS", 0.01)
    stream = MemoryStream()
    first = a_normalizer("zigbee2mqtt", "zigbee2mqtt/#", SMOKE)
    async with keeping(stream, first):
        says(first, "zigbee2mqtt/厨房 烟感", runs(7))
        await kept(stream, "smoke", "7")
    await stream.put(HEALTH, "firmware.broken", b"{")
    before = await stream.get(HEALTH, "firmware.smoke")
    again = a_normalizer("zigbee2mqtt", "zigbee2mqtt/#", SMOKE)
    async with keeping(stream, again):
        async with asyncio.timeout(10):
            while "smoke" not in again.firmware:
                await asyncio.sleep(0.005)
        says(again, "zigbee2mqtt/厨房 烟感", runs(7))
        await asyncio.sleep(0.05)
    after = await stream.get(HEALTH, "firmware.smoke")
    assert before is not None
    assert after is not None
    assert before.revision == after.revision
