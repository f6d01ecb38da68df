"""For the doorman's tests: a broker that keeps to itself, a doorman before it, and a device that speaks raw MQTT.

`process_arguments` is the doorman as a process, which may be killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import struct
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from anxin import doorman, embedded
from anxin.doorman import add_gateway
from anxin.jetstream import JetStream
from anxin.settings import Address, Mqtt, Settings, Subscription
from care.clock import SystemClock
from care.messages import Refusal, decode, encode
from care.site import Community, Home, Site
from care.site import Device as SiteDevice
from care.stream import QUARANTINE, REGISTRY
from care.words import Kind
from tests.conftest import NatsForTests, open_folder

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
SHARED = ("bridge", "twelve-letters")
_open: list[Device] = []
"""Closed with the doorman, so that a test need not."""


@contextlib.contextmanager
def private_broker() -> Iterator[NatsForTests]:
    """A nats-server as it runs behind a doorman."""
    with open_folder("anxin-door-") as folder:
        settings = Settings(
            data_dir=folder,
            mqtt=Mqtt(
                listen=Address("127.0.0.1", 0),
                subscriptions=(
                    Subscription("anxin/v1/+/+", "native"),
                    Subscription("zigbee2mqtt/#", "zigbee2mqtt"),
                    Subscription("my home/#", "zigbee2mqtt"),
                ),
            ),
        )
        part = embedded.Nats.below(settings, embedded.Kept.of(folder), doorman=True)
        asyncio.run(part.prepare())
        server = NatsForTests(part.child(), part=part)
        server.start()
        try:
            yield server
        finally:
            server.stop()


def arguments(server: NatsForTests, **more: Any) -> dict[str, Any]:
    """What `doorman.run` is given."""
    return {
        "clock": SystemClock(),
        "listen": Address("127.0.0.1", embedded.free_port()),
        "upstream": server.part.mqtt,
        "upstream_credentials": embedded.doorman_credentials(server.part.folder),
        **more,
    }


@dataclass
class Front:
    """A doorman in this process."""

    door: doorman.Doorman
    stream: JetStream
    server: NatsForTests
    after: int
    """Where the quarantine ended when it began."""

    @property
    def port(self) -> int:
        return self.door.listen.port

    async def refusals(self, count: int) -> list[Refusal]:
        """The first refusals since it began."""
        found: list[Refusal] = []
        async with asyncio.timeout(20):
            async for batch in self.stream.follow(QUARANTINE, after=self.after):
                found += [decode(m.data, Refusal) for m in batch if m.subject.startswith("quarantine.")]
                if len(found) >= count:
                    break
        return found

    async def device(self, name: str = "", **options: Any) -> Device:
        return await Device.connect(self.port, name, **options)

    async def ingest(self) -> Device:
        """Somebody who hears everything, at the broker itself, as ingest does."""
        found = await Device.connect(
            self.server.part.mqtt.port, "", user="ingest", password=self.server.part.kept.passwords["ingest"]
        )
        await found.subscribe("#")
        return found


@contextlib.asynccontextmanager
async def front(server: NatsForTests, **more: Any) -> AsyncIterator[Front]:
    """A doorman before this broker."""
    stream = await JetStream.open(server.stream_url, wait=5)
    door = doorman.Doorman(stream=stream, **arguments(server, **more))
    task = asyncio.create_task(door.run())
    try:
        await until_open(door.listen.port, task)
        yield Front(door, stream, server, await stream.head(QUARANTINE))
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        while _open:
            _open[-1].close()
        await asyncio.sleep(0.05)  # every side has heard of the end of the other
        await stream.close()


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


async def until_open(port: int, task: asyncio.Task[None] | None = None) -> None:
    async with asyncio.timeout(30):
        while True:
            if task is not None and task.done():
                task.result()
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.005)
                continue
            writer.close()
            return


def text(value: str | bytes) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return struct.pack(">H", len(raw)) + raw


def packet(head: int, body: bytes) -> bytes:
    length, size = b"", len(body)
    while True:
        length += bytes([size % 128 | (0x80 if size > 127 else 0)])
        size //= 128
        if not size:
            return bytes([head]) + length + body


def connect_packet(
    name: str,
    user: str | None = None,
    password: str | None = None,
    *,
    clean: bool = True,
    will: tuple[str, bytes] | None = None,
    protocol: bytes = b"MQTT",
    level: int = 4,
    flags: int = 0,
    keep_alive: int = 60,
) -> bytes:
    flags |= 0x02 if clean else 0
    fields = text(name)
    if will is not None:
        flags |= 0x0C
        fields += text(will[0]) + text(will[1])
    if user is not None:
        flags |= 0x80
        fields += text(user)
    if password is not None:
        flags |= 0x40
        fields += text(password)
    return packet(0x10, text(protocol) + bytes([level, flags]) + struct.pack(">H", keep_alive) + fields)


def publish_packet(topic: str | bytes, payload: bytes, number: int = 0, *, flags: int = 0) -> bytes:
    """QoS 1 with a number (unless the flags say otherwise), else QoS 0."""
    head = 0x30 | flags | (0x02 if number and not flags & 0x06 else 0)
    return packet(head, text(topic) + (struct.pack(">H", number) if head & 0x06 else b"") + payload)


class Refused(Exception):
    """The CONNACK's return code."""


@dataclass(eq=False)
class Device:
    """An MQTT 3.1.1 client without any help, so that it can do everything wrong."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    number: int = 0
    session_present: bool = False

    @classmethod
    async def connect(
        cls,
        port: int,
        name: str = "",
        *,
        user: str | None = None,
        password: str | None = None,
        ssl: Any = None,
        **more: Any,
    ) -> Device:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=ssl)
        found = cls(reader, writer)
        _open.append(found)
        writer.write(connect_packet(name, user, password, **more))
        head, body = await found.receive()
        assert head == 0x20
        if body[1]:
            found.close()
            raise Refused(body[1])
        found.session_present = bool(body[0])
        return found

    async def receive(self, seconds: float = 20.0) -> tuple[int, bytes]:
        """The next packet: first byte and body. `EOFError` when closed."""
        async with asyncio.timeout(seconds):
            try:
                head, size, shift = (await self.reader.readexactly(1))[0], 0, 0
                while True:
                    byte = (await self.reader.readexactly(1))[0]
                    size |= (byte & 0x7F) << shift
                    shift += 7
                    if byte < 0x80:
                        return head, await self.reader.readexactly(size)
            except (asyncio.IncompleteReadError, ConnectionError):
                raise EOFError from None

    async def message(self, seconds: float = 20.0) -> tuple[str, bytes]:
        """The next PUBLISH, acknowledged: topic and payload."""
        while True:
            head, body = await self.receive(seconds)
            if head & 0xF0 != 0x30:
                continue
            size = struct.unpack(">H", body[:2])[0]
            at = 2 + size
            if head & 0x06:
                self.writer.write(b"\x40\x02" + body[at : at + 2])
                at += 2
            return body[2 : 2 + size].decode(), body[at:]

    async def publish(self, topic: str | bytes, payload: bytes = b"{}", *, flags: int = 0) -> None:
        """QoS 1; returns when it is acknowledged."""
        self.number = self.number % 0xFFFF + 1
        self.writer.write(publish_packet(topic, payload, self.number, flags=flags))
        while True:
            head, body = await self.receive()
            if head == 0x40:
                assert body == struct.pack(">H", self.number)
                return

    async def subscribe(self, *filters: str | bytes, qos: int = 1) -> list[int]:
        """The return codes."""
        self.number = self.number % 0xFFFF + 1
        body = struct.pack(">H", self.number) + b"".join(text(f) + bytes([qos]) for f in filters)
        self.writer.write(packet(0x82, body))
        while True:
            head, answer = await self.receive()
            if head == 0x90:
                return list(answer[2:])

    async def closed(self, seconds: float = 20.0) -> bool:
        """Whether the other side closes, whatever it says before."""
        try:
            async with asyncio.timeout(seconds):
                while await self.reader.read(65536):
                    pass
        except TimeoutError:
            return False
        except ConnectionError:
            pass
        return True

    def close(self) -> None:
        """As if the power were cut."""
        if self in _open:
            _open.remove(self)
        self.writer.transport.abort()


ALONE = """
import asyncio, json, sys
from anxin import doorman
from anxin.jetstream import JetStream
from anxin.settings import Address
from care.clock import SystemClock

async def main():
    given = json.loads(sys.argv[1])
    await doorman.run(
        stream=await JetStream.open(given["stream"], wait=10),
        clock=SystemClock(),
        listen=Address("127.0.0.1", given["port"]),
        upstream=Address("127.0.0.1", given["upstream"]),
        upstream_credentials=tuple(given["credentials"]),
        **given["more"],
    )

asyncio.run(main())
"""
"""A doorman as a process, without anything of the tests."""


def process_arguments(server: NatsForTests, port: int, **more: Any) -> list[str]:
    """How to run a doorman that may be killed; `more` goes to `doorman.run`."""
    given = {
        "stream": server.stream_url,
        "port": port,
        "upstream": server.part.mqtt.port,
        "credentials": embedded.doorman_credentials(server.part.folder),
        "more": more,
    }
    root = Path(__file__).resolve().parents[2]
    return [
        sys.executable,
        "-c",
        f"import sys; sys.path.insert(0, {str(root)!r})\n{ALONE}",
        json.dumps(given),
    ]
