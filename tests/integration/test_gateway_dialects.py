"""Every dialect through the real gateway and a real broker, and a site that changes while it runs."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from care import topics
from care.clock import SystemClock
from care.messages import Report, decode
from care.site import Community, Device, Home, Registry, Site
from care.stream import HEALTH, QUARANTINE, READINGS, MemoryStream
from care.words import Kind
from ingest import gateway
from ingest.normalize import DEFAULT_SUBSCRIPTIONS, Subscription

DEVICES = [
    Device(id="native", kind=Kind.smoke),
    Device(id="zigbee", kind=Kind.smoke, address="site/3/z2m/王奶奶/厨房 烟感"),
    Device(id="tasmota", kind=Kind.door, address="tele/door/SENSOR"),
    Device(id="esphome", kind=Kind.motion, address="flat-3"),
    Device(id="senml", kind=Kind.climate, address="field/h1/air"),
    Device(id="tuya", kind=Kind.smoke, address="tuya/h1/bf12"),
    Device(id="aqara", kind=Kind.door, address="aqara/h1/gw/158d"),
]
SAID: list[tuple[str, Any, str, dict[str, Any]]] = [
    # topic, payload, device, what it must say
    ("anxin/v1/h1/native", {"smoke": True}, "native", {"smoke": True}),
    ("site/3/z2m/王奶奶/厨房 烟感", {"smoke": True}, "zigbee", {"smoke": True}),
    ("site/3/z2m/王奶奶/厨房 烟感/battery", "97", "zigbee", {"battery": 97}),
    ("tele/door/SENSOR", {"Time": "2026-05-23T04:00:00", "Switch1": "ON"}, "tasmota", {"door_open": True}),
    ("flat-3/binary_sensor/hall_motion/state", "ON", "esphome", {"motion": True}),
    ("field/h1/air", [{"n": "temperature", "u": "Cel", "v": 21.5}], "senml", {"temperature": 21.5}),
    ("tuya/h1/bf12", {"status": [{"code": "smoke_sensor_status", "value": "alarm"}]}, "tuya", {"smoke": True}),
    ("aqara/h1/gw", {"cmd": "report", "sid": "158d", "data": '{"status":"open"}'}, "aqara", {"door_open": True}),
]  # fmt: skip
ALL = [
    *DEFAULT_SUBSCRIPTIONS,
    Subscription("site/+/z2m/#", "zigbee2mqtt"),
    Subscription("tele/#", "tasmota"),
    Subscription("flat-3/#", "esphome"),
    Subscription("field/#", "senml"),
    Subscription("tuya/#", "mapped:tuya"),
    Subscription("aqara/#", "mapped:aqara"),
]


def a_registry(devices: list[Device]) -> Registry:
    return Registry(Site(community=Community(id="c", name="c"), homes=[Home(id="h1", devices=devices)]))


@contextlib.asynccontextmanager
async def running(
    stream: MemoryStream, server: Any, registries: AsyncIterator[Registry], subscriptions: list[Subscription]
) -> AsyncIterator[mqtt.Client]:
    task = asyncio.create_task(
        gateway.run(
            stream=stream, clock=SystemClock(), mqtt_url=server.ingest_url, client_id=server.client_id,
            registry_source=registries, subscriptions=subscriptions,
        )
    )  # fmt: skip
    parts = urlsplit(server.device_url)
    device = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311, clean_session=True)
    device.connect(parts.hostname or "", parts.port or 1883, 10)
    device.loop_start()
    try:
        while not (gateway._connected._value.get() == 1 and await stream.get(HEALTH, "beat.ingest")):
            assert not task.done(), task.result()
            await asyncio.sleep(0.02)
        yield device
    finally:
        device.disconnect()
        device.loop_stop()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def say(device: mqtt.Client, topic: str, payload: Any) -> None:
    data = payload if isinstance(payload, str) else json.dumps(payload, ensure_ascii=False)
    device.publish(topics.escape(topic), data.encode(), qos=1)  # as the doorman before our broker writes it


def heard(stream: MemoryStream) -> dict[str, list[dict[str, Any]]]:
    out: dict[str, list[dict[str, Any]]] = {}
    for message in stream.messages(READINGS):
        report = decode(message.data, Report)
        out.setdefault(report.device, []).append(report.values)
    return out


async def fixed(registry: Registry) -> AsyncIterator[Registry]:
    yield registry
    await asyncio.Event().wait()


async def told_until_heard(device: mqtt.Client, stream: MemoryStream) -> None:
    """Says everything, again and again until it is heard: a subscription takes a moment to stand."""
    for topic, payload, name, values in SAID:
        deadline = time.monotonic() + 20
        while values not in heard(stream).get(name, []):
            assert time.monotonic() < deadline, (topic, heard(stream).get(name))
            say(device, topic, payload)
            await asyncio.sleep(0.1)


async def test_every_dialect_comes_through_by_its_subscription(fresh_nats: Any) -> None:
    """As `mqtt.subscriptions` lists them, spaces and Chinese in names included; nothing is quarantined."""
    stream = MemoryStream()
    async with running(stream, fresh_nats, fixed(a_registry(DEVICES)), ALL) as device:
        await told_until_heard(device, stream)
    assert not stream.messages(QUARANTINE)
