"""The way in on a real broker and a real stream: what the broker was told is ours, is ours."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from anxin.jetstream import JetStream
from care import topics
from care.clock import SystemClock
from care.errors import Temporary
from care.messages import Beat, DeviceAck, Refusal, Report, Unclaimed, decode, encode
from care.site import Community, Device, Home, Registry, Site
from care.stream import DELIVERIES, HEALTH, QUARANTINE, READINGS, REGISTRY, MemoryStream, Outgoing, Stream
from care.words import Kind
from ingest import gateway

ROOT = Path(__file__).resolve().parent.parent.parent


def a_site(homes: int = 4) -> Site:
    return Site(
        community=Community(id="zpq", name="总浦桥社区"),
        homes=[
            Home(
                id=f"h{n}",
                devices=[
                    Device(id=f"belt-{n}", kind=Kind.bed_belt),
                    Device(id=f"sos-{n}", kind=Kind.sos),
                    Device(id=f"smoke-{n}", kind=Kind.smoke, address=f"zigbee2mqtt/h{n}/厨房/烟感"),
                    Device(id=f"button-{n}", kind=Kind.sos, address=f"zigbee2mqtt/h{n}/button"),
                ],
            )
            for n in range(homes)
        ],
    )


async def the_registry(site: Site | None = None) -> AsyncIterator[Registry]:
    yield Registry(site or a_site())


def client(url: str, name: str = "") -> mqtt.Client:
    parts = urlsplit(url)
    c = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=mqtt.MQTTv311, clean_session=True)
    if parts.username:
        c.username_pw_set(parts.username, parts.password)
    c.max_queued_messages_set(0)
    c.max_inflight_messages_set(400)
    c.reconnect_delay_set(1, 1)
    c.connect(parts.hostname or "", parts.port or 1883, 10)
    c.loop_start()
    return c


@contextlib.contextmanager
def device_on(url: str) -> Any:
    """A device; `taken` are the messages that the broker has acknowledged."""
    c = client(url)
    c.taken = set()  # type: ignore[attr-defined]
    c.on_publish = lambda _c, _u, mid, _r, _p: c.taken.add(mid)  # type: ignore[attr-defined]
    try:
        yield c
    finally:
        c.disconnect()
        c.loop_stop()


def say(
    c: mqtt.Client, topic: str, payload: Any, *, qos: int = 1, retain: bool = False
) -> mqtt.MQTTMessageInfo:
    data = payload if isinstance(payload, bytes) else json.dumps(payload, ensure_ascii=False).encode()
    return c.publish(topic, data, qos=qos, retain=retain)


@contextlib.asynccontextmanager
async def running(
    stream: Stream, server: Any, *, site: Site | None = None, source: Any = None, name: str = ""
) -> AsyncIterator[None]:
    task = asyncio.create_task(
        gateway.run(
            stream=stream,
            clock=SystemClock(),
            registry_source=source if source is not None else the_registry(site),
            mqtt_url=server.ingest_url,
            client_id=name or server.client_id,
        )
    )
    try:
        deadline = time.monotonic() + 30
        while True:
            entry = await stream.get(HEALTH, "beat.ingest")
            if task.done():
                task.result()
            if entry is not None and gateway._connected._value.get() == 1:
                break
            assert time.monotonic() < deadline, "the gateway does not connect"
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.1)
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def until(true: Callable[[], Any], *, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come true in time"
        await asyncio.sleep(0.02)


async def the_beat(stream: Stream) -> Beat:
    entry = await stream.get(HEALTH, "beat.ingest")
    assert entry is not None
    assert entry.data is not None
    return decode(entry.data, Beat)


async def until_working(stream: Stream, wanted: bool) -> None:
    """Ingest says whether it has its session at the broker."""
    deadline = time.monotonic() + 30
    while (beat := await the_beat(stream)).working is not wanted:
        assert time.monotonic() < deadline, beat.detail
        await asyncio.sleep(0.02)


async def retained(server: Any, topic_filter: str) -> list[str]:
    """The topics of which the broker keeps a message now."""
    found: list[str] = []
    granted: list[int] = []
    c = client(server.ingest_url)
    c.on_message = lambda _c, _u, m: found.append(m.topic)
    c.on_subscribe = lambda _c, _u, mid, _codes, _p: granted.append(mid)
    c.subscribe(topic_filter, 1)
    await until(lambda: granted)
    await asyncio.sleep(0.2)
    c.disconnect()
    c.loop_stop()
    return found


async def until_not_retained(server: Any, topic: str) -> None:
    deadline = time.monotonic() + 30
    while topic in await retained(server, topic):
        assert time.monotonic() < deadline, "it is still retained"


async def everything(stream: Stream, name: str) -> list[bytes]:
    """All messages of a stream; it is at its head when nothing more comes."""
    head = await stream.head(name)
    out: list[bytes] = []
    if head == 0:
        return out
    async with contextlib.aclosing(stream.follow(name)) as batches:  # type: ignore[type-var]
        async for batch in batches:
            out += [m.data for m in batch]
            if batch and batch[-1].seq >= head:
                return out
    return out


def reports(stream: MemoryStream) -> list[Report]:
    return [decode(m.data, Report) for m in stream.messages(READINGS)]


class Fickle(MemoryStream):
    """A stream that is away while told so, and that cannot bear some messages."""

    def __init__(self) -> None:
        super().__init__()
        self.away = False
        self.tried = 0
        self.poison: bytes | None = None
        self.slow_batches = 0.0
        self.ids: list[str | None] = []

    def _check(self, messages: Sequence[Outgoing]) -> None:
        self.tried += 1
        self.ids += [m.message_id for m in messages]
        if self.away:
            raise Temporary("away")
        if self.poison is not None and any(
            self.poison in m.data and m.subject.startswith("readings") for m in messages
        ):
            raise ValueError("cannot be stored")

    async def publish(
        self, subject: str, data: bytes, *, message_id: str | None = None, expect_last: int | None = None
    ) -> int:
        self._check([Outgoing(subject, data, message_id)])
        return await super().publish(subject, data, message_id=message_id, expect_last=expect_last)

    async def publish_batch(self, messages: Sequence[Outgoing]) -> None:
        await asyncio.sleep(self.slow_batches)
        self._check(messages)
        await super().publish_batch(messages)


async def test_readings_of_both_dialects_reach_the_stream(fresh_nats: Any) -> None:
    """Native and Zigbee2MQTT, Chinese names of several levels: each on its lane, with a beat that says when."""
    stream = MemoryStream()
    async with running(stream, fresh_nats):
        with device_on(fresh_nats.device_url) as device:
            say(device, "anxin/v1/h1/belt-1", {"seq": 1, "heart_rate": 70})
            say(
                device,
                "zigbee2mqtt/h2/厨房/烟感",
                {"smoke": True, "battery": 90, "last_seen": "2020-01-01T00:00:00Z"},
            )
            say(device, "zigbee2mqtt/h2/button", {"action": "emergency"})
            await until(lambda: len(reports(stream)) == 3)
        subjects = {m.subject.split(".")[1]: 0 for m in stream.messages(READINGS)}
        assert set(subjects) == {"urgent", "normal"}
        smoke = next(r for r in reports(stream) if r.device == "smoke-2")
        assert smoke.values == {"smoke": True, "battery": 90}
        assert smoke.repaired == "too_old"
        deadline = time.monotonic() + 30
        while (beat := await the_beat(stream)).position != 3:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
        assert beat.last_input_at is not None


async def test_names_with_spaces_come_through_our_own_broker(fresh_nats: Any) -> None:
    """The doorman writes what nats-server cannot carry; ingest reads it back, and clears a retained press under that name."""
    button = Device(id="button", kind=Kind.sos, address="zigbee2mqtt/h1/bed room > button")
    site = Site(community=Community(id="c", name="c"), homes=[Home(id="h1", devices=[button])])
    written = topics.escape("zigbee2mqtt/h1/bed room > button")
    assert " " not in written
    with device_on(fresh_nats.device_url) as device:
        say(device, written, {"action": "emergency"}, retain=True).wait_for_publish(5)
        stream = MemoryStream()
        async with running(stream, fresh_nats, site=site, name="a-session-for-names"):
            await until(lambda: [r.topic for r in reports(stream)] == ["zigbee2mqtt/h1/bed room > button"])
            await until_not_retained(fresh_nats, written)
        second = MemoryStream()
        async with running(second, fresh_nats, site=site, name="another-session-for-names"):
            await asyncio.sleep(0.3)
            assert not reports(second)
            assert not second.messages(QUARANTINE)


async def test_nothing_is_acknowledged_before_it_is_durable(fresh_nats: Any) -> None:
    """While the stream is away the broker is told nothing; it is tried again under the same ids and kept across a death."""
    first = Fickle()
    first.away = True
    with device_on(fresh_nats.device_url) as device:
        async with running(first, fresh_nats):
            for seq in range(5):
                say(device, "anxin/v1/h1/belt-1", {"seq": seq, "heart_rate": 70})
            say(device, "anxin/v1/h1/sos-1", {"seq": 9, "sos": 1})
            await until(lambda: first.tried >= 6)
            assert not first.messages(READINGS)
            assert len(set(first.ids)) == 6, "the same ids again and again"
        # This gateway died without an acknowledgement: the next one hears all of it again.
        second = Fickle()
        async with running(second, fresh_nats):
            await until(lambda: len(reports(second)) == 6)
            assert {r.report_id for r in reports(second)} == set(first.ids)
        # And what was acknowledged is not heard a third time.
        third = MemoryStream()
        async with running(third, fresh_nats):
            await asyncio.sleep(0.5)
            assert not reports(third)


async def test_it_goes_on_by_itself_when_the_stream_is_back(fresh_nats: Any) -> None:
    """An outage of the stream delays and loses nothing."""
    stream = Fickle()
    async with running(stream, fresh_nats):
        stream.away = True
        with device_on(fresh_nats.device_url) as device:
            for seq in range(200):
                say(device, f"anxin/v1/h{seq % 4}/belt-{seq % 4}", {"seq": seq, "heart_rate": 70})
            await asyncio.sleep(0.7)
            assert not reports(stream)
            stream.away = False
            await until(lambda: len(reports(stream)) == 200)


async def test_a_long_outage_does_not_pile_up_repeats(fresh_nats: Any) -> None:
    """The broker sends what is not acknowledged again and again; it is in work once."""
    stream = Fickle()
    async with running(stream, fresh_nats):
        stream.away = True
        before = gateway._messages.labels(1)._value.get()
        with device_on(fresh_nats.device_url) as device:
            for seq in range(100):
                say(device, "anxin/v1/h1/belt-1", {"seq": seq, "heart_rate": 70})
            await asyncio.sleep(7)  # the embedded broker's ack_wait is 5 s
            assert gateway._messages.labels(1)._value.get() - before == 100
            stream.away = False
            await until(lambda: len(reports(stream)) == 100)


async def test_an_sos_does_not_wait_behind_telemetry(fresh_nats: Any) -> None:
    """A flood whose batches take a second each: the SOS is durable at once."""
    stream = Fickle()
    stream.slow_batches = 1.0
    async with running(stream, fresh_nats):
        with device_on(fresh_nats.device_url) as device:
            for seq in range(2000):
                say(device, "anxin/v1/h1/belt-1", {"seq": seq, "heart_rate": 70}, qos=0)
            say(device, "anxin/v1/h2/sos-2", {"seq": 1, "sos": True})
            await until(lambda: any(r.device == "sos-2" for r in reports(stream)))
            assert len(reports(stream)) < 1501, "it came while most of the flood still waited"


async def test_a_message_the_stream_cannot_take_goes_to_quarantine(fresh_nats: Any) -> None:
    """Poison is tried five times, put aside and acknowledged; its neighbours are not held up."""
    stream = Fickle()
    stream.poison = b'"seq":13'
    async with running(stream, fresh_nats):
        with device_on(fresh_nats.device_url) as device:
            for seq in range(10, 20):
                say(device, "anxin/v1/h1/belt-1", {"seq": seq, "heart_rate": 70})
            await until(lambda: len(reports(stream)) == 9 and len(stream.messages(QUARANTINE)) == 1)
    refusal = decode(stream.messages(QUARANTINE)[0].data, Refusal)
    assert (refusal.reason, refusal.alarm) == ("failed", True)
    again = MemoryStream()
    async with running(again, fresh_nats):
        await asyncio.sleep(0.4)
        assert not reports(again)


async def test_what_yields_nothing_is_decided_too(fresh_nats: Any) -> None:
    """Bridge topics, commands to devices, unknown devices and rubbish are acknowledged and do not come back."""
    stream = MemoryStream()
    async with running(stream, fresh_nats):
        with device_on(fresh_nats.device_url) as device:
            say(device, "zigbee2mqtt/bridge/devices", [{"friendly_name": "x" * 50}] * 3000)
            say(device, "zigbee2mqtt/bridge/logging", {"level": "info"})
            say(device, "zigbee2mqtt/h1/button/set", {"x": 1})
            for _ in range(3):
                say(device, "zigbee2mqtt/未登记/烟感", {"smoke": False})
            say(device, "anxin/v1/h1/sos-1", b"\xff\xfe")
            await until(lambda: len(stream.messages(QUARANTINE)) == 2)
    unclaimed = [decode(m.data, Unclaimed) for m in stream.messages(QUARANTINE, "unclaimed")]
    assert [(u.topic, u.suggested_kind) for u in unclaimed] == [("zigbee2mqtt/未登记/烟感", "smoke")]
    refused = [decode(m.data, Refusal) for m in stream.messages(QUARANTINE, "quarantine.>")]
    assert [(r.reason, r.alarm, r.device) for r in refused] == [("not_text", True, "sos-1")]
    again = MemoryStream()
    async with running(again, fresh_nats):
        await asyncio.sleep(0.5)
        assert not again.messages(QUARANTINE)


async def test_a_retained_press_is_read_once_and_cleared(fresh_nats: Any) -> None:
    """An SOS kept by the broker is heard at start, and the broker keeps it no longer (P-10)."""
    with device_on(fresh_nats.device_url) as device:
        say(device, "zigbee2mqtt/h1/button", {"action": "emergency"}, retain=True).wait_for_publish(5)
        say(device, "zigbee2mqtt/h1/厨房/烟感", {"smoke": False}, retain=True).wait_for_publish(5)
        stream = MemoryStream()
        async with running(stream, fresh_nats, name="first-of-two-sessions"):
            await until(lambda: sum(r.retained for r in reports(stream)) == 2)
            await until_not_retained(fresh_nats, "zigbee2mqtt/h1/button")
            assert not stream.messages(QUARANTINE), "our own clearing is no unreadable alarm"
        second = MemoryStream()
        async with running(second, fresh_nats, name="second-of-two-sessions"):
            await until(lambda: len(reports(second)) == 1)
            await asyncio.sleep(0.2)
        assert [r.device for r in reports(second)] == ["smoke-1"], "states stay, presses do not"


async def test_devices_are_answered(fresh_nats: Any) -> None:
    """The acknowledgement is published for the device, and again when it repeats because it did not hear us."""
    stream = MemoryStream()
    heard: list[dict[str, Any]] = []
    async with running(stream, fresh_nats):
        with device_on(fresh_nats.device_url) as device:
            device.on_message = lambda _c, _u, m: heard.append(json.loads(m.payload))
            granted: list[int] = []
            device.on_subscribe = lambda _c, _u, mid, _codes, _p: granted.append(mid)
            device.subscribe("anxin/v1/h1/sos-1/ack", 1)
            await until(lambda: granted)
            say(device, "anxin/v1/h1/sos-1", {"seq": 7, "sos": True})
            await until(lambda: len(reports(stream)) == 1)
            at = datetime(2026, 5, 23, 4, 0, 1, tzinfo=UTC)
            ack = DeviceAck(home="h1", device="sos-1", alert=317, at=at, seq=7)
            stream.append("deliveries.device.h1", b"not an ack")
            stream.append(ack.subject, encode(ack))
            expected = {"seq": 7, "alert": 317, "at": "2026-05-23T04:00:01.000Z"}
            await until(lambda: heard == [expected])
            say(device, "anxin/v1/h1/sos-1", {"seq": 7, "sos": True})
            await until(lambda: heard == [expected, expected])
    assert len(stream.messages(DELIVERIES)) == 2


async def test_a_changed_registry_counts_from_the_next_message(fresh_nats: Any) -> None:
    """A device that was unclaimed belongs to its home as soon as the site says so, without a restart."""
    stream = MemoryStream()
    await stream.put(REGISTRY, "site", encode(a_site(1)))
    async with running(stream, fresh_nats, source=gateway.registries(stream)):
        with device_on(fresh_nats.device_url) as device:
            say(device, "anxin/v1/h3/belt-3", {"heart_rate": 70})
            await until(lambda: len(stream.messages(QUARANTINE, "unclaimed")) == 1)
            await stream.put(REGISTRY, "site", encode(a_site(4)))
            deadline = time.monotonic() + 30
            while not reports(stream):
                assert time.monotonic() < deadline
                say(device, "anxin/v1/h3/belt-3", {"heart_rate": 71})
                await asyncio.sleep(0.1)
            assert {r.home for r in reports(stream)} == {"h3"}


async def test_a_broker_restart_keeps_the_session(fresh_nats: Any) -> None:
    """The broker is killed and comes back: the gateway is there by itself, and what was published before is heard."""
    stream = MemoryStream()
    async with running(stream, fresh_nats):
        with device_on(fresh_nats.device_url) as device:
            say(device, "anxin/v1/h1/belt-1", {"seq": 1, "heart_rate": 70}).wait_for_publish(5)
            await asyncio.to_thread(fresh_nats.kill)
            await until(lambda: gateway._connected._value.get() == 0)
            await until_working(stream, False)
            await asyncio.to_thread(fresh_nats.start)
            info = say(device, "anxin/v1/h1/belt-1", {"seq": 2, "heart_rate": 71})
            await until(lambda: info.mid in device.taken)
            await until(lambda: {r.seq for r in reports(stream)} == {1, 2})
            await until_working(stream, True)


PROGRAM = """
import asyncio, sys
from anxin.jetstream import JetStream
from care.clock import SystemClock
from ingest import gateway

async def main(stream_url, mqtt_url, client_id):
    stream = await JetStream.open(stream_url)
    await gateway.run(stream=stream, clock=SystemClock(), mqtt_url=mqtt_url, client_id=client_id)

asyncio.run(main(*sys.argv[1:]))
"""


def a_gateway_process(server: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, server.stream_url, server.ingest_url, server.client_id],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
    )


@pytest.mark.slow
async def test_a_gateway_killed_in_a_flood_loses_nothing(fresh_nats: Any) -> None:
    """kill -9 again and again in the middle of a QoS 1 flood: every message the broker took is in the stream."""
    stream = await JetStream.open(fresh_nats.stream_url)
    await stream.put(REGISTRY, "site", encode(a_site()))
    process = a_gateway_process(fresh_nats)
    total, taken = 6000, set()
    try:
        with device_on(fresh_nats.device_url) as device:

            def flood() -> None:
                for seq in range(total):
                    home = seq % 4
                    if seq % 50 == 0:
                        info = say(device, f"anxin/v1/h{home}/sos-{home}", {"seq": seq, "sos": True})
                    else:
                        info = say(device, f"anxin/v1/h{home}/belt-{home}", {"seq": seq, "heart_rate": 70})
                    infos.append((seq, info))
                    if seq % 20 == 0:
                        time.sleep(0.01)

            infos: list[tuple[int, mqtt.MQTTMessageInfo]] = []
            flooding = asyncio.create_task(asyncio.to_thread(flood))
            kills, head = 0, 0
            while kills < 6:
                # In the middle of its work: some of this life's messages are stored, more are on the way.
                head, before = await stream.head(READINGS), head
                if head < before + 300:
                    assert process.poll() is None
                    head = before
                    await asyncio.sleep(0.01)
                    continue
                process.send_signal(signal.SIGKILL)
                process.wait()
                kills += 1
                head = await stream.head(READINGS)
                process = a_gateway_process(fresh_nats)
            await flooding
            for _ in range(1200):
                taken = {seq for seq, info in infos if info.mid in device.taken}
                if len(taken) == total:
                    break
                await asyncio.sleep(0.05)
        assert len(taken) == total
        deadline = time.monotonic() + 60
        while True:
            stored = [decode(d, Report) for d in await everything(stream, READINGS)]
            if taken <= {r.seq for r in stored} or time.monotonic() > deadline:
                break
            await asyncio.sleep(0.2)
        assert not taken - {r.seq for r in stored}
        # With a device's own counter the stream recognises what it had before the kill.
        assert len(stored) == len({r.report_id for r in stored}) == total
    finally:
        process.kill()
        process.wait()
        await stream.close()


@pytest.mark.slow
async def test_a_broker_killed_in_a_flood_loses_nothing(fresh_nats: Any) -> None:
    """kill -9 of broker and stream at once: every message it took before is in the stream after it is back."""
    stream = await JetStream.open(fresh_nats.stream_url)
    await stream.put(REGISTRY, "site", encode(a_site()))
    process = a_gateway_process(fresh_nats)
    try:
        await asyncio.sleep(1)
        infos: list[tuple[int, mqtt.MQTTMessageInfo]] = []
        with device_on(fresh_nats.device_url) as device:

            def flood() -> None:
                for seq in range(3000):
                    infos.append(
                        (
                            seq,
                            say(
                                device, f"anxin/v1/h{seq % 4}/belt-{seq % 4}", {"seq": seq, "heart_rate": 70}
                            ),
                        )
                    )
                    if seq % 10 == 0:
                        time.sleep(0.01)

            flooding = asyncio.create_task(asyncio.to_thread(flood))
            for _ in range(2):
                await asyncio.sleep(1)
                await asyncio.to_thread(fresh_nats.kill)
                await asyncio.to_thread(fresh_nats.start)
            await flooding
            await until(lambda: all(info.mid in device.taken for _, info in infos), seconds=60)
        deadline = time.monotonic() + 30
        missing = {0}
        while missing and time.monotonic() < deadline:
            missing = {seq for seq, _ in infos} - {
                decode(d, Report).seq for d in await everything(stream, READINGS)
            }
            await asyncio.sleep(0.2)
        assert not missing
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()
        await stream.close()
