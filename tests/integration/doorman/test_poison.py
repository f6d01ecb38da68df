"""What no broker should see, and what is no MQTT: it is refused with a reason, and does not block what comes behind it."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from anxin import doorman
from care.errors import Temporary
from care.messages import encode
from care.stream import REGISTRY, MemoryStream
from tests.conftest import NatsForTests
from tests.integration.doorman_house import (
    SITE,
    Front,
    connect_packet,
    front,
    known,
    packet,
    publish_packet,
)

# -- poison

POISON = {
    "9 MB": ("zigbee2mqtt/x", b"x" * 9_000_000, "too_large"),
    "20 KB from a device": ("anxin/v1/h1/d1", b"x" * 20_000, "too_large"),
    "plus": ("zigbee2mqtt/a+b", b"{}", "bad_topic"),
    "hash": ("zigbee2mqtt/#", b"{}", "bad_topic"),
    "empty": ("", b"{}", "bad_topic"),
    "NUL": ("zigbee2mqtt/a\0b", b"{}", "bad_topic"),
    "GBK": ("zigbee2mqtt/厨房".encode("gbk"), b"{}", "bad_topic"),
    "half a surrogate": (b"zigbee2mqtt/\xed\xa0\x80", b"{}", "bad_topic"),
    "too long when written": ("zigbee2mqtt/" + " " * 60_000, b"{}", "bad_topic"),
    "the broker's own": ("$SYS/x", b"{}", "bad_topic"),
    "its inboxes": ("_INBOX/x", b"{}", "bad_topic"),
    "our own word": ("anxin/v1/h1/sos-h1/ack", b"{}", "bad_topic"),
}


@pytest.mark.parametrize("kind", POISON)
async def test_poison_does_not_block_the_sos_behind_it(server: NatsForTests, kind: str):
    """It is in quarantine when it is acknowledged; the next message of the same connection comes through."""
    topic, payload, reason = POISON[kind]
    async with front(server) as house:
        ingest, device = await house.ingest(), await house.device()
        await device.publish(topic, payload)
        found = await house.refusals(1)
        assert [(r.reason, r.home) for r in found] == [(reason, None)]
        await device.publish("anxin/v1/h1/sos-h1", b'{"sos": true}')
        assert await ingest.message() == ("anxin/v1/h1/sos-h1", b'{"sos": true}')


async def test_poison_at_every_quality_of_service(server: NatsForTests):
    """QoS 0 is dropped, QoS 2 is released and completed, and both are recorded; a repeat is recorded once."""
    async with front(server) as house:
        device = await house.device()
        device.writer.write(publish_packet("a+b", b"0"))
        device.writer.write(publish_packet("a+b", b"2", 9, flags=0x04))
        assert await device.receive() == (0x50, b"\0\x09")
        device.writer.write(publish_packet("a+b", b"2", 9, flags=0x0C))
        assert await device.receive() == (0x50, b"\0\x09")
        device.writer.write(b"\x62\x02\0\x09")
        assert await device.receive() == (0x70, b"\0\x09")
        assert len(await house.refusals(2)) == 2


async def test_a_resending_client_gets_past_its_poison(house: Front):
    """Paho with a queue (9 MB, a wrong topic, then an SOS) delivers the SOS on its first connection."""
    ingest = await house.ingest()
    closed: list[int] = []

    def talk() -> None:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="poisoned", clean_session=False)
        client.on_disconnect = lambda *_: closed.append(1)
        client.publish("zigbee2mqtt/bridge/devices", b"x" * 9_000_000, qos=1)
        client.publish("$SYS/mine", b"{}", qos=1)
        sos = client.publish("anxin/v1/h1/sos-h1", b"help", qos=1).mid
        published = threading.Event()
        client.on_publish = lambda _c, _u, mid, *_: published.set() if mid == sos else None
        client.connect("127.0.0.1", house.port)
        client.loop_start()
        assert published.wait(10)
        assert not closed
        client.disconnect()
        client.loop_stop()

    await asyncio.to_thread(talk)
    assert await ingest.message() == ("anxin/v1/h1/sos-h1", b"help")


async def test_an_alarm_device_that_says_too_much_still_tells_people(server: NatsForTests):
    """The refusal names home and device and is marked as an alarm's."""
    async with front(server) as house:
        await house.stream.put(REGISTRY, "site", encode(SITE))
        await known(house)
        device = await house.device()
        await device.publish("zigbee2mqtt/h1/kitchen smoke", b"x" * 17_000)
        refusal = (await house.refusals(1))[0]
    assert (refusal.home, refusal.device, refusal.alarm, refusal.reason) == (
        "h1",
        "smoke-h1",
        True,
        "too_large",
    )
    assert refusal.topic == "zigbee2mqtt/h1/kitchen smoke"
    assert refusal.sample == "x" * 512


async def test_a_flood_of_refusals_is_recorded_as_a_sum(server: NatsForTests):
    """2,000 wrong messages are all acknowledged, and leave some dozens of records that add up."""
    async with front(server) as house:
        device = await house.device()
        device.writer.write(b"".join(publish_packet("a+b", b"%d" % n, n) for n in range(1, 2_001)))
        for _ in range(2_000):
            head, _ = await device.receive()
            assert head == 0x40
        found = await house.refusals(31)
    assert len(found) < 60
    counted = [int(r.detail.split()[0]) if " more of " in r.detail else 1 for r in found]
    assert sum(counted) == 2_000


class _Away(MemoryStream):
    """A stream that is away for the first tries."""

    tries = 0

    async def publish_batch(self, messages: Any) -> None:
        self.tries += 1
        if self.tries <= 3:
            raise Temporary
        await super().publish_batch(messages)


async def test_nothing_is_acknowledged_before_it_is_durable(server: NatsForTests):
    """While the stream is away a refused message is not acknowledged; other messages pass."""
    async with front(server) as house:
        away = _Away()
        house.door._quarantine._stream = away
        ingest, device = await house.ingest(), await house.device()
        device.writer.write(publish_packet("a+b", b"{}", 1) + publish_packet("anxin/v1/h/d", b"x", 2))
        assert await device.receive() == (0x40, b"\0\2")
        assert await ingest.message() == ("anxin/v1/h/d", b"x")
        assert not away.messages("QUARANTINE")
        assert await device.receive() == (0x40, b"\0\1")
        assert len(away.messages("QUARANTINE")) == 1


# -- not MQTT 3.1.1

SIGNED_IN = {
    "QoS 3": b"\x36\x05\0\1a\0\1",
    "packet id 0": b"\x32\x05\0\1a\0\0",
    "PUBLISH without a topic": b"\x30\x00",
    "PUBLISH shorter than its topic": b"\x30\x03\0\x09a",
    "CONNECT twice": connect_packet("again"),
    "reserved flags in SUBSCRIBE": b"\x80\x06\0\1\0\1a\0",
    "reserved flags in PUBREL": b"\x60\x02\0\1",
    "reserved flags in PINGREQ": b"\xc1\x00",
    "PINGREQ with a body": b"\xc0\x01a",
    "PUBACK of packet id 0": b"\x40\x02\0\0",
    "PUBACK of three bytes": b"\x40\x03\0\1\1",
    "SUBSCRIBE without a filter": b"\x82\x02\0\1",
    "SUBSCRIBE with QoS 3": b"\x82\x06\0\1\0\1a\3",
    "SUBSCRIBE cut short": b"\x82\x06\0\1\0\x09ab",
    "packet type 0": b"\x00\x00",
    "packet type 15": b"\xf0\x00",
    "a packet of a server": b"\x20\x02\0\0",
    "remaining length of five bytes": b"\x30\xff\xff\xff\xff\x7f",
    "a SUBSCRIBE of 256 MB": b"\x82\xff\xff\xff\x7f",
    "a PINGREQ of 256 MB": b"\xc0\xff\xff\xff\x7f",
}


@pytest.mark.parametrize("fault", SIGNED_IN)
async def test_a_violation_closes_its_own_connection_only(house: Front, fault: str):
    """B21: the sender is closed; what it said before is delivered, and others are not disturbed."""
    ingest, good, bad = await house.ingest(), await house.device(), await house.device()
    bad.writer.write(publish_packet("anxin/v1/h/before", b"1") + SIGNED_IN[fault])
    assert await bad.closed()
    assert (await ingest.message())[0] == "anxin/v1/h/before"
    await good.publish("anxin/v1/h/d")
    assert (await ingest.message())[0] == "anxin/v1/h/d"


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (connect_packet("x", protocol=b"MQTT", level=5), b"\x20\x02\0\1"),  # MQTT 5
        (connect_packet("x", protocol=b"MQIsdp", level=3), b"\x20\x02\0\1"),  # MQTT 3.1
        (connect_packet("x", level=0x84), b"\x20\x02\0\1"),  # Mosquitto's bridge tries this first
        (connect_packet("", clean=False), b"\x20\x02\0\2"),
        (connect_packet("a\0b"), b"\x20\x02\0\2"),
        (connect_packet("x" * 2000), b"\x20\x02\0\2"),
        (connect_packet("x", flags=0x01), b""),  # reserved flag
        (connect_packet("x", flags=0x40), b""),  # password without a name
        (connect_packet("x", flags=0x20), b""),  # retain without a will
        (connect_packet("x", will=("a", b""), flags=0x18), b""),  # will of QoS 3
        (connect_packet("x", protocol=b"HTTP"), b""),
        (b"GET / HTTP/1.1\r\n\r\n", b""),
        (packet(0x10, b"\0\x04MQTT\4\2\0\x3c\0\x09x"), b""),  # shorter than it says
        (packet(0x10, connect_packet("x")[2:] + b"more"), b""),
        (b"\x10\xff\xff\xff\x7f", b""),  # a CONNECT of 256 MB
        (b"\x10\x80\x80\x80\x80\x01", b""),
        (publish_packet("a", b"x"), b""),  # before CONNECT
    ],
)
async def test_who_does_not_speak_mqtt_311_is_turned_away(house: Front, said: bytes, answer: bytes):
    """With the return code of the standard where it names one, else without a word."""
    reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
    writer.write(said)
    async with asyncio.timeout(20):
        assert await reader.read() == answer
    writer.close()


async def test_a_slow_connect_is_closed(server: NatsForTests, monkeypatch: pytest.MonkeyPatch):
    """One byte at a time is not for ever."""
    monkeypatch.setattr(doorman, "HELLO_SECONDS", 0.3)
    async with front(server) as house:
        reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
        for byte in connect_packet("slow")[:10]:
            writer.write(bytes([byte]))
            await asyncio.sleep(0.02)
        async with asyncio.timeout(20):
            assert await reader.read() == b""
        writer.close()


async def test_strangers_make_room(server: NatsForTests, monkeypatch: pytest.MonkeyPatch):
    """Connections that never sign in cannot use up the places: the oldest goes, and a device gets in."""
    monkeypatch.setattr(doorman, "STRANGERS", 5)
    async with front(server) as house:
        idle = [await asyncio.open_connection("127.0.0.1", house.port) for _ in range(6)]
        device = await house.device()
        await device.publish("anxin/v1/h/d")
        async with asyncio.timeout(20):
            assert await idle[0][0].read() == b""
        for _, writer in idle:
            writer.close()
