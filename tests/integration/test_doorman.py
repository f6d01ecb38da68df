"""The doorman before a real broker: names survive, poison does not block, and nobody is let in as somebody else."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import struct
import subprocess
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import paho.mqtt.client as mqtt
import pytest
import structlog
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from paho.mqtt.enums import CallbackAPIVersion

from anxin import doorman
from anxin.doorman import add_gateway, gateways, remove_gateway
from anxin.embedded import free_port
from anxin.settings import Address
from care import topics
from care.errors import Conflict, Misconfigured, Temporary
from care.messages import Beat, decode, encode
from care.site import Community, Home, Site
from care.site import Device as SiteDevice
from care.stream import HEALTH, PEOPLE, REGISTRY, MemoryStream
from care.words import Kind
from tests.conftest import NatsForTests
from tests.integration.doorman_house import (
    SHARED,
    Device,
    Front,
    Refused,
    connect_packet,
    front,
    packet,
    private_broker,
    process_arguments,
    publish_packet,
    text,
    until_open,
)

NOON = datetime(2026, 5, 23, 4, tzinfo=UTC)
SITE = Site(
    community=Community(id="c", name="c"),
    homes=[
        Home(
            id=home,
            devices=[
                SiteDevice(id=f"sos-{home}", kind=Kind.sos),
                SiteDevice(id=f"smoke-{home}", kind=Kind.smoke, address=f"zigbee2mqtt/{home}/kitchen smoke"),
            ],
        )
        for home in ("h1", "h2")
    ],
)


@pytest.fixture(scope="module")
def server() -> Iterator[NatsForTests]:
    """One broker for most tests."""
    with private_broker() as found:
        yield found


@pytest.fixture
def own_server() -> Iterator[NatsForTests]:
    """A broker that may be killed, or whose quarantine is counted."""
    with private_broker() as found:
        yield found


@pytest.fixture
async def house(server: NatsForTests) -> AsyncIterator[Front]:
    """A doorman that lets in anybody."""
    async with front(server) as found:
        yield found


async def known(found: Front, *gateways: str) -> None:
    """The doorman has read the site and has heard of these gateways."""
    async with asyncio.timeout(20):
        while found.door.registry is None or not found.door._accounts.keys() >= set(gateways):
            await asyncio.sleep(0.01)


async def gateway_house(found: Front) -> tuple[str, str]:
    """Load the site and make a gateway for each home; their secrets."""
    await found.stream.put(REGISTRY, "site", encode(SITE))
    secrets = [
        await add_gateway(
            found.stream, f"gw-{home}", homes=[home], bases=[f"zigbee2mqtt/{home}"], now=NOON, replace=True
        )
        for home in ("h1", "h2")
    ]
    await known(found, "gw-h1", "gw-h2")
    return secrets[0], secrets[1]


# -- names


def test_paho_publishes_and_hears_any_name(server: NatsForTests):
    """Spaces, Chinese, dots, a leading slash: paho through the doorman is understood, and hears what was said."""
    names = [
        "zigbee2mqtt/h0317/kitchen smoke",
        "zigbee2mqtt/厨房 烟感",
        "zigbee2mqtt//a.b/",
        "zigbee2mqtt/tab\there",
        "zigbee2mqtt/>/*",
        "zigbee2mqtt/\U000f0020",
    ]
    heard: list[str] = []
    done = threading.Event()

    async def go() -> None:
        async with front(server) as house:

            def talk() -> None:
                listener = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="listener")
                subscribed = threading.Event()

                def on_message(_c: Any, _u: Any, message: mqtt.MQTTMessage) -> None:
                    heard.append(message.topic)
                    if len(heard) == len(names):
                        done.set()

                listener.on_message = on_message
                listener.on_subscribe = lambda *_: subscribed.set()
                listener.connect("127.0.0.1", house.port)
                listener.subscribe([("zigbee2mqtt/#", 1)])
                listener.loop_start()
                speaker = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="speaker")
                speaker.connect("127.0.0.1", house.port)
                speaker.loop_start()
                assert subscribed.wait(5)
                for name in names:
                    speaker.publish(name, b"{}", qos=1).wait_for_publish(5)
                assert done.wait(5)
                for client in (speaker, listener):
                    client.disconnect()
                    client.loop_stop()

            await asyncio.to_thread(talk)

    asyncio.run(go())
    assert heard == names


async def test_ingest_reads_the_names_back(house: Front):
    """Behind the doorman `unescape` gives the device's own topic, also with a slash in front."""
    ingest, device = await house.ingest(), await house.device()
    for topic in ("zigbee2mqtt/h0317/kitchen smoke", "/leading", "a.b", "anxin/v1/h.1/d 1"):
        await device.publish(topic, b"x")
        written, _ = await ingest.message()
        assert topics.unescape(written) == topic


async def test_the_broker_carries_whatever_is_written(house: Front):
    """300 topics of all sorts of characters, long ones too: each is acknowledged, and arrives as it was said."""
    numbers = np.random.default_rng(7)
    alphabet = [chr(c) for c in range(1, 0x180) if chr(c) not in "+#"] + list(
        "/厨烟\u200b\u202e\ufeff\U000f0020\U0001f6a8"
    )
    ingest, device = await house.ingest(), await house.device()
    said = [
        "x/" + "".join(alphabet[i] for i in numbers.integers(0, len(alphabet), n))
        for n in numbers.integers(1, 30, 300)
    ]
    said += ["x/" + " " * 16_000, "x/" * 2_000, "x/" + "长" * 21_000]
    for topic in said:
        await device.publish(topic)
        written, _ = await ingest.message()
        assert topics.unescape(written) == topic


async def test_filters_are_written_too(house: Front):
    """A gateway that listens to a name with a space is heard, and may stop listening; `>` is no wildcard."""
    gateway, other = await house.device(), await house.device()
    assert await gateway.subscribe("zigbee2mqtt/a b/set", "zigbee2mqtt/+/c d", "zigbee2mqtt/>") == [1, 1, 1]
    for topic in ("zigbee2mqtt/x/y", "zigbee2mqtt/a b/set", "zigbee2mqtt/ü ü/c d", "zigbee2mqtt/>"):
        await other.publish(topic)
    heard = {(await gateway.message())[0] for _ in range(3)}
    assert heard == {"zigbee2mqtt/a b/set", "zigbee2mqtt/ü ü/c d", "zigbee2mqtt/>"}
    gateway.writer.write(packet(0xA2, b"\0\7" + text("zigbee2mqtt/a b/set")))
    assert await gateway.receive() == (0xB0, b"\0\7")
    await other.publish("zigbee2mqtt/a b/set")
    await other.publish("zigbee2mqtt/>")
    assert (await gateway.message())[0] == "zigbee2mqtt/>"


async def test_a_base_may_hold_a_space(server: NatsForTests, house: Front):
    """`mqtt.subscriptions` with `my home/#`: bridges listen below it, and ingest's session hears it from the start."""
    device = await house.device()
    assert await device.subscribe("my home/+/set", "my other/+/set") == [1, 128]
    await device.publish("my home/kitchen", b"first")
    ingest = await Device.connect(
        server.part.mqtt.port,
        server.client_id,
        user="ingest",
        password=server.part.kept.passwords["ingest"],
        clean=False,
    )
    while (heard := await ingest.message())[1] != b"first":
        pass
    assert topics.unescape(heard[0]) == "my home/kitchen"


async def test_retained_messages_and_wills_keep_their_names(house: Front):
    """The retained state of `a b` is told to a late listener; the will on `c d` is said when the power is cut."""
    device = await house.device("dying", will=("zigbee2mqtt/c d", b"gone"))
    await device.publish("zigbee2mqtt/a b", b"kept", flags=0x03)
    late = await house.device()
    await late.subscribe("zigbee2mqtt/a b", "zigbee2mqtt/c d")
    assert await late.message() == ("zigbee2mqtt/a b", b"kept")
    device.close()
    assert await late.message() == ("zigbee2mqtt/c d", b"gone")
    await late.publish("zigbee2mqtt/a b", b"", flags=0x03)


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


# -- who is who


async def test_client_ids_are_apart(own_server: NatsForTests):
    """S02: with another one's client id a device neither disturbs it nor gets its messages; ingest's is out of reach."""
    async with front(own_server, sign_in=SHARED) as house:
        first, _ = await gateway_house(house)
        bridge = await house.device("same", user=SHARED[0], password=SHARED[1], clean=False)
        await bridge.subscribe("zigbee2mqtt/h1/#")
        gateway = await house.device("same", user="gw-h1", password=first, clean=False)
        assert not gateway.session_present
        await bridge.publish("zigbee2mqtt/h1/x", b"1")
        assert await bridge.message() == ("zigbee2mqtt/h1/x", b"1")
        thief = await house.device(
            own_server.client_id, user=SHARED[0], password=SHARED[1], clean=True
        )  # would erase our session if it were the same
        thief.close()
        ingest = await Device.connect(
            own_server.part.mqtt.port,
            own_server.client_id,
            user="ingest",
            password=own_server.part.kept.passwords["ingest"],
            clean=False,
        )
        assert ingest.session_present
        assert await ingest.message() == ("zigbee2mqtt/h1/x", b"1")


async def test_a_session_is_kept_for_its_owner(house: Front):
    """What came while a persistent device was away is delivered when it is back, through the doorman."""
    name = "sleeper"
    device = await house.device(name, clean=False)
    await device.subscribe("zigbee2mqtt/sleeper/set")
    device.close()
    await asyncio.sleep(0.1)
    other = await house.device()
    for n in range(3):
        await other.publish("zigbee2mqtt/sleeper/set", b"%d" % n)
    device = await house.device(name, clean=False)
    assert device.session_present
    assert [(await device.message())[1] for _ in range(3)] == [b"0", b"1", b"2"]
    device = await house.device(name, clean=True)
    assert not device.session_present


async def test_nobody_passes_by_the_doorman(own_server: NatsForTests):
    """S04: the broker's own listener asks for a secret only the doorman has, and no device speaks NATS."""
    async with front(own_server, sign_in=SHARED) as house:
        secret, _ = await gateway_house(house)
        for user, password in ((None, None), SHARED, ("gw-h1", secret), ("device", "device")):
            with pytest.raises(Refused):
                await Device.connect(own_server.part.mqtt.port, "x", user=user, password=password)
        for user, password in (SHARED, ("gw-h1", secret), own_server_device(own_server)):
            reader, writer = await asyncio.open_connection("127.0.0.1", own_server.part.client.port)
            await reader.readline()
            writer.write(
                f'CONNECT {{"user": "{user}", "pass": "{password}", "verbose": true}}\r\nPING\r\n'.encode()
            )
            async with asyncio.timeout(20):
                assert b"Authorization Violation" in await reader.read()
            writer.close()


def own_server_device(server: NatsForTests) -> tuple[str, str]:
    return "device", server.part.kept.passwords["device"]


async def test_the_shared_sign_in_works_as_before(server: NatsForTests, monkeypatch: pytest.MonkeyPatch):
    """Right: in. Wrong or none: refused with 5, late, and no secret is in any log line."""
    monkeypatch.setattr(doorman, "WRONG_SECONDS", (0.05, 0.1))
    with structlog.testing.capture_logs() as lines:
        async with front(server, sign_in=SHARED) as house:
            device = await house.device("x", user=SHARED[0], password=SHARED[1])
            await device.publish("anxin/v1/h/d")
            for user, password in (
                (SHARED[0], "wrong-password"),
                ("nobody", SHARED[1]),
                (None, None),
                (SHARED[0], None),
            ):
                with pytest.raises(Refused, match="5"):
                    await house.device("x", user=user, password=password)
    told = str(lines)
    assert "client_closed" in told
    assert SHARED[1] not in told
    assert "wrong-password" not in told


async def test_guessing_is_slow_and_locks_nobody_out(server: NatsForTests, monkeypatch: pytest.MonkeyPatch):
    """S09: 300 guesses at once get a few late answers; meanwhile a device of the same address is let in at once."""
    monkeypatch.setattr(doorman, "WRONG_SECONDS", (2.0, 3.0))
    async with front(server, sign_in=SHARED) as house:
        answered: list[int] = []

        async def guess(n: int) -> None:
            reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
            writer.write(connect_packet("x", SHARED[0], f"guess-number-{n}"))
            with contextlib.suppress(ConnectionError):
                if await reader.read():
                    answered.append(n)
            writer.close()

        guesses = [asyncio.create_task(guess(n)) for n in range(300)]
        await asyncio.sleep(0.1)
        device = await house.device("y", user=SHARED[0], password=SHARED[1])
        await device.publish("anxin/v1/h/sos")
        assert not answered, "it was let in before the first guess was answered"
        await asyncio.gather(*guesses)
        assert len(answered) <= doorman.WRONG_WAITING
        async with asyncio.timeout(10):  # whoever keeps the service is told in the doorman's sign of life
            while True:
                entry = await house.stream.get(HEALTH, "beat.doorman")
                told = decode(entry.data, Beat).detail if entry is not None and entry.data is not None else ""
                if told.endswith("300 sign-ins refused within an hour (loopback 300)"):
                    break
                await asyncio.sleep(0.05)


# -- rights


async def test_a_gateway_speaks_for_its_homes_only(server: NatsForTests):
    """S01: on another home's topic it is acknowledged, not delivered, and recorded without what it said."""
    async with front(server, sign_in=SHARED) as house:
        secret, _ = await gateway_house(house)
        ingest = await house.ingest()
        gateway = await house.device("z2m", user="gw-h1", password=secret)
        for topic in ("anxin/v1/h2/sos-h2", "zigbee2mqtt/h2/kitchen smoke", "zigbee2mqtt/bridge/state", "x"):
            await gateway.publish(topic, b"private")
        mine = [
            "anxin/v1/h1/sos-h1",
            "zigbee2mqtt/h1/kitchen smoke",
            "zigbee2mqtt/h1/bridge/state",
            "anxin/v1/h1/status",
        ]
        for topic in mine:
            await gateway.publish(topic)
        heard = [topics.unescape((await ingest.message())[0]) for _ in mine]
        found = await house.refusals(4)
    assert heard == mine
    assert {r.topic for r in found} == {
        "anxin/v1/h2/sos-h2",
        "zigbee2mqtt/h2/kitchen smoke",
        "zigbee2mqtt/bridge/state",
        "x",
    }
    assert {(r.home, r.alarm, r.sample) for r in found} == {(None, False, "")}
    assert all("gw-h1" in r.detail for r in found)


@pytest.mark.parametrize(
    "name", ["gateway.h0317", "王奶奶 网关", "a b", ".", "*", ">", "a>b", "50%", "a/b", "$x"]
)
async def test_any_client_id_that_mqtt_allows_is_let_in(house: Front, name: str):
    """Dots and spaces are usual in them, nats-server refuses both; each keeps a session of its own."""
    other = name.replace(".", "%2E").replace(" ", "%20").replace("*", "%2A").replace(">", "%3E")
    device = await house.device(name, clean=False)
    await device.subscribe("zigbee2mqtt/sleeper/set")
    device.close()
    again = await comes_in(house, name, clean=False)
    assert again.session_present
    if other != name:
        neighbour = await house.device(other, clean=False)
        assert not neighbour.session_present
        neighbour.close()
    again.close()
    await (await comes_in(house, name, clean=True)).publish("anxin/v1/h1/sos-h1")


async def comes_in(house: Front, name: str, *, clean: bool) -> Device:
    """As a device does: again when it was closed. The broker keeps out for a second who takes its own place twice."""
    async with asyncio.timeout(20):
        while True:
            with contextlib.suppress(EOFError, ConnectionError):
                device = await house.device(name, clean=clean)
                await device.publish("anxin/v1/h1/sos-h1")
                return device
            await asyncio.sleep(0.2)


HOSTILE = ("anxin/v1/h2/sos-h2", "anxin/v1/h2/status", "zigbee2mqtt/h2/kitchen smoke", "zigbee2mqtt/bridge/devices",
           "$SYS/broker/uptime", "$MQTT/sess/x", "$JS/API/STREAM/DELETE/READINGS", "$share/g/anxin/v1/h2/x",
           "anxin/v1/+/sos-h2", "#")  # fmt: skip


async def test_a_hostile_gateway_gets_nowhere_and_the_log_tells_without_its_secrets(own_server: NatsForTests):
    """Retained poison on another's topic, `$` topics, wildcards, others' names, an endless client id: refused and said."""
    with structlog.testing.capture_logs() as logs:
        async with front(own_server, sign_in=SHARED) as house:
            mine, theirs = await gateway_house(house)
            gateway = await house.device("z2m", user="gw-h1", password=mine)
            for topic in HOSTILE:
                await gateway.publish(topic, b"poison", flags=1)
            for user, password in (("gw-h2", mine), ("gw-h1", theirs), ("gw-h9", mine), ("gw-h1", "")):
                with pytest.raises(Refused):
                    await house.device("z2m", user=user, password=password)
            with pytest.raises(Refused):
                await house.device("x" * 65_000, user="gw-h1", password=mine)
            await gateway.publish("anxin/v1/h1/sos-h1", b"help", flags=1)  # it is still there, and heard
            late = await house.ingest()
            heard = {(await late.message())[0]}
            with contextlib.suppress(TimeoutError):
                while True:
                    heard.add((await late.message(0.5))[0])
            found = await house.refusals(len(HOSTILE))
    assert "anxin/v1/h1/sos-h1" in heard
    assert not heard & {topics.escape(topic) for topic in HOSTILE if "+" not in topic and "#" not in topic}
    assert [r.topic for r in found] == list(HOSTILE)
    assert {(r.home, r.alarm, r.sample) for r in found} == {(None, False, "")}
    told = [entry for entry in logs if entry["event"] == "message_refused"]
    assert {entry["topic"] for entry in told} <= set(HOSTILE)
    assert told
    assert all(entry["user"] == "gw-h1" for entry in told)
    assert {"its client id cannot be used", "wrong name or password"} <= {e.get("why") for e in logs}
    for secret in (mine, theirs, SHARED[1], "poison"):
        assert secret not in repr(logs)


async def test_a_gateway_hears_its_own_only(server: NatsForTests):
    """S03: each filter has its own answer; its acknowledgements and commands come."""
    async with front(server, sign_in=SHARED) as house:
        secret, _ = await gateway_house(house)
        gateway = await house.device("z2m", user="gw-h1", password=secret)
        wanted = {
            "anxin/v1/h1/+/ack": 1,
            "zigbee2mqtt/h1/+/set": 1,
            "#": 128,
            "$SYS/#": 128,
            "$MQTT/#": 128,
            "anxin/v1/+/+/ack": 128,
            "zigbee2mqtt/#": 128,
            "a/b#": 128,
            "zigbee2mqtt/h1/bridge/request/#": 1,
        }
        assert await gateway.subscribe(*wanted) == list(wanted.values())
        ingest = await house.ingest()
        for topic in (
            "anxin/v1/h2/sos-h2/ack",
            "zigbee2mqtt/h2/x/set",
            "anxin/v1/h1/sos-h1/ack",
            "zigbee2mqtt/h1/x/set",
        ):
            await ingest.publish(topic)
        heard = {(await gateway.message())[0] for _ in range(2)}
    assert heard == {"anxin/v1/h1/sos-h1/ack", "zigbee2mqtt/h1/x/set"}


async def test_the_shared_sign_in_may_not_listen_to_everything(house: Front):
    """S03 for devices without a credential of their own: the broker's own list holds."""
    device = await house.device()
    assert (
        await device.subscribe(
            "#", "$SYS/#", "$MQTT/#", "$JS/#", "_INBOX/#", "$share/g/zigbee2mqtt/#", b"\xff"
        )
        == [128] * 7
    )


async def test_a_will_that_may_not_be_said_is_left_out(server: NatsForTests):
    """The gateway is let in, because its alarms count; the will is recorded and never said."""
    async with front(server, sign_in=SHARED) as house:
        secret, _ = await gateway_house(house)
        ingest = await house.ingest()
        gateway = await house.device(
            "z", user="gw-h1", password=secret, will=("anxin/v1/h2/status", b"offline")
        )
        await gateway.publish("anxin/v1/h1/sos-h1")
        gateway.close()
        assert (await ingest.message())[0] == "anxin/v1/h1/sos-h1"
        with pytest.raises(TimeoutError):
            await ingest.message(0.5)
        assert [r.topic for r in await house.refusals(1)] == ["anxin/v1/h2/status"]


async def test_a_revoked_gateway_is_out_within_seconds(server: NatsForTests):
    """S07: its connection is closed, it is not let in again, and the other gateway notices nothing."""
    loop = asyncio.get_running_loop()
    async with front(server, sign_in=SHARED) as house:
        first, second = await gateway_house(house)
        gone = await house.device("a", user="gw-h1", password=first)
        stays = await house.device("b", user="gw-h2", password=second)
        assert set(await gateways(house.stream)) == {"gw-h1", "gw-h2"}
        began = loop.time()
        assert await remove_gateway(house.stream, "gw-h1")
        assert await gone.closed(5)
        assert loop.time() - began < 1
        with pytest.raises(Refused):
            await house.device("a", user="gw-h1", password=first)
        await stays.publish("anxin/v1/h2/sos-h2")
        assert not await remove_gateway(house.stream, "gw-h1")


async def test_a_new_secret_ends_the_old_one(server: NatsForTests):
    """Replacing a credential closes who used the old one; the new one works."""
    async with front(server, sign_in=SHARED) as house:
        old, _ = await gateway_house(house)
        device = await house.device("a", user="gw-h1", password=old)
        with pytest.raises(Conflict):
            await add_gateway(house.stream, "gw-h1", homes=["h1"], now=NOON)
        new = await add_gateway(house.stream, "gw-h1", homes=["h1"], now=NOON, replace=True)
        assert await device.closed(5)
        with pytest.raises(Refused):
            await house.device("a", user="gw-h1", password=old)
        device = await house.device("a", user="gw-h1", password=new)
        await device.publish("anxin/v1/h1/sos-h1")


async def test_a_revocation_while_the_broker_was_restarting_holds(own_server: NatsForTests):
    """Credentials taken away right after a restart of the stream end too."""
    async with front(own_server, sign_in=SHARED) as house:
        secret, _ = await gateway_house(house)
        await asyncio.to_thread(own_server.kill)
        await asyncio.to_thread(own_server.start)
        device = await house.device("a", user="gw-h1", password=secret)
        assert await remove_gateway(house.stream, "gw-h1")
        assert await device.closed(5)


class _Broken(MemoryStream):
    """A stream whose first watch breaks off."""

    watches = 0

    async def watch(self, bucket: str, pattern: str = ">") -> AsyncIterator[Any]:
        self.watches += bucket == PEOPLE
        first = self.watches == 1
        async for entry in super().watch(bucket, pattern):
            yield entry
            if bucket == PEOPLE and first and entry is None:
                await self.delete(PEOPLE, "gateway.gw")
                raise Temporary


async def test_a_revocation_while_nobody_watched_holds(server: NatsForTests):
    """A credential that is gone when the watch begins anew is gone for the doorman."""
    stream = _Broken()
    await add_gateway(stream, "gw", homes=["h1"], now=NOON)
    async with front(server, sign_in=SHARED) as house:
        house.door.stream = stream
        following = asyncio.create_task(house.door._follow_gateways())
        async with asyncio.timeout(20):
            while stream.watches < 1 or "gw" not in house.door._accounts:
                await asyncio.sleep(0)
            while "gw" in house.door._accounts:
                await asyncio.sleep(0.01)
        following.cancel()


@pytest.mark.parametrize(
    ("name", "homes", "bases"),
    [
        ("device", ["h1"], []),
        ("ingest", ["h1"], []),
        ("bridge", ["h1"], []),
        ("a:b", ["h1"], []),
        ("a..b", ["h1"], []),
        ("a.", ["h1"], []),
        ("gw", ["+"], []),
        ("gw", ["h1/+"], []),
        ("gw", ["h1\n"], []),
        ("", ["h1"], []),
        ("gw", [], []),
        ("gw", [], ["anxin/v1"]),
        ("gw", [], ["anxin"]),
        ("gw", [], ["anxin/v1/h2"]),
        ("gw", [], ["$SYS"]),
        ("gw", [], ["zigbee2mqtt/#"]),
        ("gw", [], ["/x"]),
        ("gw", [], [""]),
    ],
)
async def test_what_cannot_be_a_gateway_is_refused(name: str, homes: list[str], bases: list[str]):
    """Nobody gets a name or a topic that is the service's, the shared sign-in's or another home's."""
    with pytest.raises(Misconfigured):
        await add_gateway(MemoryStream(), name, homes=homes, bases=bases, now=NOON, taken={"bridge"})


async def test_a_secret_is_kept_as_a_hash_only():
    """128 random bits, told once."""
    stream = MemoryStream()
    secret = await add_gateway(stream, "gw", homes=["h1"], now=NOON)
    entry = await stream.get(PEOPLE, "gateway.gw")
    assert entry is not None
    assert entry.data is not None
    assert secret.encode() not in entry.data
    assert len(secret) == 22


# -- flow


@contextlib.asynccontextmanager
async def slow_broker(
    server: NatsForTests,
) -> AsyncIterator[tuple[Front, list[asyncio.StreamWriter], asyncio.Event]]:
    """A doorman before a broker that answers CONNECT and then reads only when told to."""
    writers: list[asyncio.StreamWriter] = []
    go_on = asyncio.Event()

    async def broker(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await reader.read(65536)
        writer.write(b"\x20\x02\0\0")
        await go_on.wait()
        while await reader.read(1 << 20):
            pass
        writer.close()

    listening = await asyncio.start_server(broker, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    async with front(server) as house:
        house.door.upstream = Address("127.0.0.1", port)
        yield house, writers, go_on
        for writer in writers:
            writer.close()
    listening.close()


async def test_a_slow_broker_slows_the_device(server: NatsForTests):
    """64 MB for a broker that does not read: the device is made to wait, and little is kept."""
    async with slow_broker(server) as (house, _, go_on):
        device = await house.device()
        block = publish_packet("zigbee2mqtt/x y", b"x" * 1_000_000)
        sent = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                for _ in range(64):
                    device.writer.write(block)
                    await device.writer.drain()
                    sent += len(block)
        assert sent < 24_000_000  # what the kernel's four buffers hold on loopback
        door = next(iter(house.door._shared.doors))
        assert door.inside is not None
        assert door.inside.transport.get_write_buffer_size() + len(door.rest) < 1_000_000  # type: ignore[union-attr]
        go_on.set()
        async with asyncio.timeout(20):
            await device.writer.drain()


async def test_a_slow_device_slows_the_broker(server: NatsForTests):
    """64 MB for a device that does not read: the broker is made to wait."""
    async with slow_broker(server) as (house, writers, go_on):
        device = await house.device()
        device.reader._limit = 1024
        device.writer.transport.pause_reading()
        block = publish_packet(topics.escape("zigbee2mqtt/x y"), b"x" * 1_000_000)
        sent = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                for _ in range(64):
                    writers[0].write(block)
                    await writers[0].drain()
                    sent += len(block)
        assert sent < 24_000_000
        door = next(iter(house.door._shared.doors))
        assert door.transport.get_write_buffer_size() < 1_000_000  # type: ignore[union-attr]
        device.close()
        go_on.set()


async def test_who_hangs_up_after_speaking_is_still_answered(house: Front):
    """A device that closes its half after PUBLISH gets its PUBACK."""
    ingest = await house.ingest()
    reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
    writer.write(connect_packet("brief") + publish_packet("anxin/v1/h/brief", b"x", 5))
    async with asyncio.timeout(20):
        assert await reader.readexactly(4) == b"\x20\x02\0\0"
    writer.write_eof()
    assert await ingest.message() == ("anxin/v1/h/brief", b"x")
    async with asyncio.timeout(20):
        said = await reader.read()
    assert said in (b"\x40\x02\0\5", b"")  # the broker may close as soon as it has read the end
    writer.close()


async def test_a_farewell_spares_the_will(house: Front):
    """DISCONNECT reaches the broker: no will; and what comes after it is not heard."""
    ingest = await house.ingest()
    device = await house.device("leaving", will=("anxin/v1/h/status", b"offline"))
    device.writer.write(
        publish_packet("anxin/v1/h/a", b"1") + b"\xe0\x00" + publish_packet("anxin/v1/h/b", b"2")
    )
    assert await device.closed()
    assert await ingest.message() == ("anxin/v1/h/a", b"1")
    with pytest.raises(TimeoutError):
        await ingest.message(0.5)


# -- restarts


async def test_the_broker_may_die(own_server: NatsForTests):
    """Devices are closed, turned away without a word while it is gone, and let in as soon as it is back."""
    async with front(own_server) as house:
        device = await house.device("d", clean=False)
        await asyncio.to_thread(own_server.kill)
        assert await device.closed()
        reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
        writer.write(connect_packet("d"))
        async with asyncio.timeout(20):
            assert await reader.read() == b""
        writer.close()
        await asyncio.to_thread(own_server.start)
        device = await house.device("d", clean=False)
        await device.publish("anxin/v1/h/d")


async def test_what_was_acknowledged_survives_the_death_of_the_doorman(own_server: NatsForTests):
    """kill -9 four times in a flood of a resending device: each message with a PUBACK is at the broker for ingest."""
    port = free_port()
    acked: set[int] = set()
    ended = False
    number = 0

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(process_arguments(own_server, port), stdout=subprocess.DEVNULL)

    async def flood() -> None:
        """One device with a window of 50 that says again what was not acknowledged, on a session of its own."""
        nonlocal number
        waiting: dict[int, int] = {}  # packet id -> message
        while not ended or waiting:
            device = None
            try:
                device = await Device.connect(port, "flooder", clean=False)
                for packet_id, n in waiting.items():
                    device.writer.write(publish_packet("anxin/v1/h/a b", b"%d" % n, packet_id, flags=0x0A))
                while not ended or waiting:
                    while not ended and len(waiting) < 50:
                        number += 1
                        waiting[number % 0xFFFF + 1] = number
                        device.writer.write(
                            publish_packet("anxin/v1/h/a b", b"%d" % number, number % 0xFFFF + 1)
                        )
                    head, body = await device.receive(2)
                    if head == 0x40:
                        n = waiting.pop(struct.unpack(">H", body)[0], None)
                        if n is not None:
                            acked.add(n)
            except (OSError, EOFError, TimeoutError):
                await asyncio.sleep(0.02)
            finally:
                if device is not None:
                    device.close()

    process = start()
    try:
        await until_open(port)
        flooding = asyncio.create_task(flood())
        for _ in range(4):
            before = len(acked)
            async with asyncio.timeout(30):
                while len(acked) < before + 150:
                    await asyncio.sleep(0.01)
            process.kill()
            await asyncio.to_thread(process.wait)
            process = start()
            await until_open(port)
        ended = True
        async with asyncio.timeout(30):
            await flooding
    finally:
        process.kill()
        process.wait()
    assert len(acked) > 500
    ingest = await Device.connect(
        own_server.part.mqtt.port,
        own_server.client_id,
        user="ingest",
        password=own_server.part.kept.passwords["ingest"],
        clean=False,
    )
    heard: set[int] = set()
    with contextlib.suppress(TimeoutError):
        while not acked <= heard:
            topic, payload = await ingest.message(10)
            assert topics.unescape(topic) == "anxin/v1/h/a b"
            heard.add(int(payload))
    ingest.close()
    assert acked <= heard


# -- TLS


def certificate(folder: Path, name: str = "mqtt.example") -> doorman.Tls:
    """A self-signed certificate in two files."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    files = doorman.Tls(folder / "certificate.pem", folder / "key.pem")
    files.certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return files


def trusting(version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if version is not None:
        context.maximum_version = version
    return context


async def test_devices_may_come_by_tls(server: NatsForTests, tmp_path: Path):
    """S06: TLS 1.2 and newer are let in; TLS 1.1 and plain text are not."""
    async with front(server, tls=certificate(tmp_path), sign_in=SHARED) as house:
        ingest = await house.ingest()
        for context in (trusting(), trusting(ssl.TLSVersion.TLSv1_2)):
            device = await house.device("tls", user=SHARED[0], password=SHARED[1], ssl=context)
            await device.publish("anxin/v1/h/kitchen smoke", b"x" * 10_000)
            assert (await ingest.message())[1] == b"x" * 10_000
            device.writer.close()
            await asyncio.sleep(0.05)
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            old = trusting(ssl.TLSVersion.TLSv1_1)
        with pytest.raises((OSError, ssl.SSLError, EOFError)):
            await house.device("old", ssl=old)
        with pytest.raises(EOFError):
            await house.device("plain", user=SHARED[0], password=SHARED[1])


async def test_a_renewed_certificate_is_used(server: NatsForTests, tmp_path: Path):
    """New files in the same place are read into the same listener."""
    files = certificate(tmp_path)
    context = files.context()
    before = files.stamp()
    certificate(tmp_path, "renewed.example")
    assert files.stamp() != before
    files.load(context)
    with pytest.raises(Misconfigured, match=r"mqtt\.certificate"):
        replace(files, key=tmp_path / "none.pem").context()


async def test_an_open_listener_without_tls_says_so(server: NatsForTests):
    """Passwords in the clear between machines are a warning at every start."""
    with structlog.testing.capture_logs() as lines:
        async with front(server, listen=Address("0.0.0.0", free_port()), sign_in=SHARED):
            pass
        async with front(server):
            pass
    warned = [line for line in lines if line["event"] == "passwords_and_readings_travel_in_the_clear"]
    assert len(warned) == 1


async def test_an_open_listener_lets_nobody_in_unnamed(server: NatsForTests):
    """Without a shared sign-in only gateways with a credential come in from other machines."""
    async with front(server, listen=Address("0.0.0.0", free_port())) as house:
        with pytest.raises(Refused, match="5"):
            await house.device("x")
