"""Whether a part answers: a real round trip over its own protocol, never only an open port."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets as entropy
import ssl
import struct
from collections.abc import AsyncIterator, Iterable

from anxin.settings import (
    Target,
    target,
)


@contextlib.asynccontextmanager
async def _connection(place: Target) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    context = None
    if place.tls:
        # Whether it answers is asked, on this machine; its certificate names what others call it.
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    reader, writer = await asyncio.open_connection(place.host, place.port, ssl=context)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def stream_round_trip(place: Target) -> None:
    """Ask JetStream for its account's state; raises OSError when it does not answer properly.

    Spoken by hand (protocol of NATS, text lines), so that watching the stream does not need its client.
    """
    async with _connection(place) as (reader, writer):
        await reader.readline()  # INFO
        hello = {
            "verbose": False,
            "user": place.username,
            "pass": place.password,
            "name": "anxin-ready",
            "lang": "raw",
        }
        writer.write(
            b"CONNECT "
            + json.dumps(hello).encode()
            + b"\r\nSUB _INBOX.ready 1\r\nPUB $JS.API.INFO _INBOX.ready 0\r\n\r\n"
        )
        line = b""
        while not line.startswith((b"MSG", b"-ERR")):
            line = await reader.readline()
            if line.startswith(b"PING"):
                writer.write(b"PONG\r\n")
            if not line:
                raise ConnectionError("the stream closed the connection")
        answer = await reader.readline() if line.startswith(b"MSG") else line
        if b'"error"' in answer or line.startswith(b"-ERR"):
            raise ConnectionError(answer.decode("utf-8", "replace").strip())


async def mqtt_round_trip(
    place: Target, *, client_id: str | None = None, subscribe: Iterable[str] = ()
) -> None:
    """Sign in over MQTT 3.1.1 and out again; raises OSError when refused.

    With a `client_id` the session is a persistent one, and it subscribes (QoS 1) to the filters.
    """

    def text(value: str) -> bytes:
        return struct.pack(">H", len(value.encode())) + value.encode()

    def packet(kind: int, body: bytes) -> bytes:
        length, size = b"", len(body)
        while True:
            length += bytes([size % 128 | (0x80 if size > 127 else 0)])
            size //= 128
            if not size:
                return bytes([kind]) + length + body

    async def answer(kind: int) -> bytes:
        head = await reader.readexactly(2)
        body = await reader.readexactly(head[1])  # every answer we wait for is short
        if head[0] != kind:
            raise ConnectionError(f"the broker answered with packet {head[0]:#x}")
        return body

    flags = 0x00 if client_id else 0x02  # clean session
    credentials = b""
    if place.username is not None:
        flags |= 0xC0
        credentials = text(place.username) + text(place.password or "")
    name = client_id or f"anxin-ready-{entropy.token_hex(6)}"
    async with _connection(place) as (reader, writer):
        writer.write(
            packet(0x10, text("MQTT") + bytes([4, flags]) + struct.pack(">H", 30) + text(name) + credentials)
        )
        if (code := (await answer(0x20))[1]) != 0:
            raise ConnectionError(f"the broker refused the connection (code {code})")
        filters = b"".join(text(topic) + b"\x01" for topic in subscribe)
        if filters:
            writer.write(packet(0x82, struct.pack(">H", 1) + filters))
            if any(code > 1 for code in (await answer(0x90))[2:]):
                raise ConnectionError("the broker refused a subscription")
        writer.write(packet(0xE0, b""))
        await writer.drain()
        await reader.read()  # until the broker has closed: only then is the session kept


async def http_ok(url: str) -> None:
    """GET; raises OSError unless the answer is 200."""
    place = target(url)
    path = url.split("://", 1)[1].partition("/")[2]
    async with _connection(place) as (reader, writer):
        writer.write(f"GET /{path} HTTP/1.0\r\nHost: {place.host}\r\n\r\n".encode())
        status = (await reader.readline()).decode("latin-1").split(" ", 2)
        if len(status) < 2 or status[1] != "200":
            raise ConnectionError(f"{url} answered {' '.join(status).strip() or 'nothing'}")
