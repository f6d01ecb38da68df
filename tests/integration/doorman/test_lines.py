"""The lines themselves: who is slow slows itself, what was acknowledged survives a death, TLS."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import struct
import subprocess
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from anxin import doorman
from anxin.embedded import free_port
from anxin.settings import Address
from care import topics
from care.errors import Misconfigured
from tests.conftest import NatsForTests
from tests.integration.doorman_house import (
    SHARED,
    Device,
    Front,
    Refused,
    connect_packet,
    front,
    process_arguments,
    publish_packet,
    until_open,
)

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
