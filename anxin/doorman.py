"""The doorman: the only way for devices to our own broker. It keeps poison out, names apart and rights in force.

Start at `run`, the role; `Doorman` listens; each device has a `_Door` (its side) and an `_Inside` (the broker's).
It reads MQTT 3.1.1 packets as they pass and changes four things only: topics our broker cannot carry are written so
that it can (`care.topics`), the client id is put under the name of who signed in, the credentials become our own, and
a filter that may not be heard becomes one that the broker refuses. Everything else passes byte for byte, in order, and
never waits for a whole packet. It acknowledges nothing itself, except a message that could never be accepted (too
large, a topic that is none, or not this sender's): that one is in quarantine before its PUBACK goes out, so that
the device forgets it and the SOS behind it comes through. See docs/adr/0007-a-doorman-before-the-broker.md.

`add_gateway`, `remove_gateway` and `gateways` are for whoever gives out credentials; they need the stream only.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import re
import resource
import secrets
import socket
import ssl
from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol, cast

import msgspec
from prometheus_client import Counter, Gauge
from structlog import get_logger

from anxin.settings import Address
from care import topics
from care.clock import Clock
from care.errors import Conflict, Misconfigured, Reason, Temporary
from care.ids import content_id
from care.messages import Beat, Refusal, decode, encode
from care.site import Registry, Site
from care.stream import HEALTH, PEOPLE, REGISTRY, Outgoing, Stream
from devices.kinds import ALARM_KINDS

log = get_logger("doorman")

DEVICE_BYTES = 16 * 1024
"""One message of a device (contract section 4)."""
LARGEST_BYTES = 8 * 1024 * 1024 - 256 * 1024
"""Any other message: the broker takes 8 MB (anxin.embedded) with its own headers, which repeat the topic."""
HELLO_BYTES = 80 * 1024
"""A CONNECT: a will of up to 64 KB, and names."""
REQUEST_BYTES = 256 * 1024
"""A SUBSCRIBE or UNSUBSCRIBE: thousands of filters."""
CLIENT_ID_BYTES = 1024
HELLO_SECONDS = 10.0
"""From the connection to a whole CONNECT."""
UPSTREAM_SECONDS = 3.0
FAREWELL_SECONDS = 10.0
"""What is on its way when one side has gone may take so long."""
RIGHTS_SECONDS = 2.0
"""Right after a start the credentials are being read; whoever signs in waits so long for them."""
STRANGERS = 1_000
"""Connections that have not signed in yet; the oldest goes when more come."""
CONNECTIONS = 20_000
WRONG_SECONDS = (0.5, 5.0)
"""A wrong password is answered late: so much later with each one from the same address, at most so late."""
WRONG_WAITING = 32
"""Wrong ones of one address that may wait for their answer; more are closed without one."""
UNSETTLED = 256
"""Refused messages of one connection that are not in quarantine yet; then it is not read for a while."""
PACE = (2_000.0, 1_000.0)
"""Messages of one connection that pass at once, then so many a second; above that it is not read for a while. What
waits there waits in its sender; behind the door it would stand in the one queue before ingest, and an SOS of another
home behind it. A whole community at once is 500 a second, a gateway that sends again what it kept some hundreds."""
RECORDS, RECORDS_PER_SECOND = 30.0, 0.5
"""Refusals of one sender recorded one by one: so many at once, then so many a second; the rest as a sum."""
VERDICTS = 20_000
BEAT_SECONDS = 2.0
RETRY_SECONDS = (0.05, 1.0)
SAMPLE = 512
"""Bytes of a refused payload that are kept."""
DENIED = b"\x00\x01 "
"""A filter our broker refuses to everybody (it holds a space), with its length: it answers 0x80 for it."""
HOME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?=[A-Za-z0-9_-])){0,63}")
"""Of a gateway. It is part of a key of the stream: a dot neither ends it nor follows another."""
ANONYMOUS = "device"
RESERVED = frozenset({ANONYMOUS, "ingest", "service", "system"})
PREFIX = "gateway."
"""Keys of the credentials in the bucket `people`."""
ACCEPTED, BAD_VERSION, BAD_ID, NOT_AUTHORISED = 0, 1, 2, 5
"""Return codes of a CONNACK (MQTT 3.1.1, 3.2.2.3)."""

_connections = Gauge("anxin_doorman_connections", "Devices that are signed in")
_published = Counter("anxin_doorman_messages", "Messages of devices passed on to the broker")
_escaped = Counter("anxin_doorman_escaped", "Messages whose topic was rewritten for the broker")
_refused = Counter("anxin_doorman_refused", "Messages refused into quarantine", ["why"])
_paced = Counter(
    "anxin_doorman_paced", "Times a connection was not read for a while because it sent too much"
)
_denied = Counter("anxin_doorman_denied_filters", "Subscriptions that were refused")
_closed = Counter("anxin_doorman_closed", "Connections closed for what the client did", ["why"])
_sign_ins = Counter("anxin_doorman_sign_ins", "Sign-ins", ["outcome"])


# -- who may do what --------------------------------------------------------------------------------------------


class Gateway(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A gateway's credential, stored under `gateway.NAME`; it may speak for its homes and below its topics."""

    hash: str
    """SHA-256 (hex) of its secret, which is 128 random bits: a slow hash would only slow a storm of reconnects."""
    issued_at: datetime
    homes: list[str] = []
    topics: list[str] = []
    """Topics it may publish on and below, and listen below: the base of its Zigbee2MQTT."""


def secret_hash(secret: str | bytes) -> str:
    """How a secret is kept."""
    return hashlib.sha256(secret.encode() if isinstance(secret, str) else secret).hexdigest()


async def add_gateway(
    stream: Stream,
    name: str,
    *,
    homes: Collection[str],
    bases: Collection[str] = (),
    now: datetime,
    taken: Collection[str] = (),
    replace: bool = False,
) -> str:
    """Make a gateway's credential; returns its secret, which is told this once and never kept.

    `bases` are topics it owns (`zigbee2mqtt/h0317`). `taken` are names in use for something else (`mqtt.username`).
    With `replace` an older secret ends at once, and so do the connections that were made with it. Raises
    `Misconfigured` for a name or base that cannot be, `Conflict("exists")` when there is one and `replace` is not set.
    """
    if not NAME.fullmatch(name) or name in RESERVED or name in taken:
        raise Misconfigured(
            f"{name!r} cannot name a gateway: take up to 64 letters, digits, `_`, `.` and `-`"
        )
    for home in homes:
        if not HOME.fullmatch(home):
            raise Misconfigured(f"{home!r} is not the id of a home")
    for base in bases:
        if (
            not topics.is_name(base)
            or base.startswith("$")
            or not all(base.split("/"))
            or topics.below("anxin/v1", [base])
            or topics.below(base, ["anxin/v1"])
        ):
            raise Misconfigured(
                f"{base!r} cannot be a gateway's own topic: give one like zigbee2mqtt/h0317; "
                f"anxin/v1/HOME comes with the home"
            )
    if not homes and not bases:
        raise Misconfigured(f"gateway {name} would be allowed nothing: give it a home or a topic of its own")
    secret = secrets.token_urlsafe(16)
    made = Gateway(hash=secret_hash(secret), issued_at=now, homes=sorted(homes), topics=sorted(bases))
    try:
        await stream.put(PEOPLE, PREFIX + name, encode(made), expect=None if replace else 0)
    except Conflict:
        raise Conflict("exists", f"gateway {name}") from None
    return secret


async def remove_gateway(stream: Stream, name: str) -> bool:
    """End a gateway's credential and, within moments, its connections; False when there was none."""
    if await stream.get(PEOPLE, PREFIX + name) is None:
        return False
    await stream.delete(PEOPLE, PREFIX + name)
    return True


async def gateways(stream: Stream) -> dict[str, Gateway]:
    """Every credential by its gateway's name."""
    found = {}
    for key in await stream.keys(PEOPLE, PREFIX):
        entry = await stream.get(PEOPLE, key)
        if entry is not None and entry.data is not None:
            found[key.removeprefix(PREFIX)] = decode(entry.data, Gateway)
    return found


def why_not(topic: str, gateway: Gateway | None, registry: Registry | None) -> str:
    """Why this sender may not publish on a topic; empty when it may. `gateway` None: the sign-in all devices share.

    A gateway speaks for the registered addresses of its homes (and below them: availability, attributes), for
    `anxin/v1/HOME/…` and below its own topics. A registered address always belongs to its own home.
    """
    levels = topic.split("/")
    if topic.startswith("$") or levels[0] in ("_INBOX", "_R_", "_GR_"):
        return "this topic belongs to the broker"
    if len(levels) == 5 and levels[:2] == ["anxin", "v1"] and levels[4] == "ack":
        return "only the service says that an alarm was heard"
    if gateway is None:
        return ""
    for length in range(len(levels), 0, -1):
        found = registry.by_topic("/".join(levels[:length])) if registry is not None else None
        if found is not None:
            return "" if found[0].id in gateway.homes else "the device belongs to another home"
    if len(levels) > 3 and levels[:2] == ["anxin", "v1"]:
        return "" if levels[2] in gateway.homes else "it is not this gateway's home"
    return "" if topics.below(topic, gateway.topics) else "it is not this gateway's topic"


def may_hear(topic_filter: str, gateway: Gateway | None, registry: Registry | None) -> bool:
    """Whether a filter may be subscribed to. What all devices share is judged by the broker's own list."""
    if topic_filter.startswith("$"):
        return False  # also `$share/…`: our broker takes it for a plain topic, so nothing would ever arrive
    if gateway is None:
        return True
    allowed = [f"anxin/v1/{home}/+/ack" for home in gateway.homes]
    allowed += [f"{base}/#" for base in gateway.topics]
    for name in gateway.homes if registry is not None else ():
        home = registry.homes.get(name) if registry is not None else None
        allowed += [
            f"{device.address}/#" for device in (home.devices if home is not None else ()) if device.address
        ]
    return any(topics.covers(one, topic_filter) for one in allowed)


@dataclass(slots=True)
class _Verdict:
    """What is done with messages on a topic."""

    limit: int
    """Payload bytes that pass; -1: none at all."""
    framed: bytes | None = None
    """The topic for the broker with its length, when it differs."""
    why: str = ""
    home: str | None = None
    device: str | None = None
    alarm: bool = False


class _Account:
    """One sign-in: the name its client ids are put under, its rights, its connections."""

    __slots__ = ("doors", "gateway", "name", "prefix", "spent", "spent_at", "verdicts")

    def __init__(self, name: str, gateway: Gateway | None = None) -> None:
        self.name = name
        self.gateway = gateway
        self.prefix = f"{name}:".encode()
        self.doors: set[_Door] = set()
        self.verdicts: dict[bytes, _Verdict] = {}
        self.spent = 0.0
        self.spent_at = 0.0

    def judge(self, topic: bytes, registry: Registry | None) -> _Verdict:
        """The verdict on a topic, remembered."""
        verdict = self._judged(topic, registry)
        if len(topic) <= 1024:  # more are rare, and must not fill the memory
            if len(self.verdicts) >= VERDICTS:
                self.verdicts.clear()
            self.verdicts[topic] = verdict
        return verdict

    def _judged(self, raw: bytes, registry: Registry | None) -> _Verdict:
        try:
            topic = raw.decode()
        except UnicodeDecodeError:
            return _Verdict(-1, why="the topic is not UTF-8")
        if not topics.is_name(topic):
            return _Verdict(-1, why="the topic is empty, or holds a wildcard or NUL")
        why = why_not(topic, self.gateway, registry)
        if why:
            return _Verdict(-1, why=why)
        written = topics.escape(topic).encode()
        if len(written) > topics.TOPIC_BYTES:
            return _Verdict(-1, why="the topic is too long")
        verdict = _Verdict(LARGEST_BYTES)
        if written != raw:
            verdict.framed = len(written).to_bytes(2, "big") + written
        found = registry.by_topic(topic) if registry is not None else None
        if found is not None:
            home, device = found
            verdict.home, verdict.device, verdict.alarm = home.id, device.id, device.kind in ALARM_KINDS
        if found is not None or topic.startswith("anxin/v1/"):
            verdict.limit = DEVICE_BYTES
        return verdict


# -- packets ----------------------------------------------------------------------------------------------------


class _Broken(Exception):
    """The client does not speak MQTT 3.1.1."""


class _NotWelcome(Exception):
    """A CONNECT that is answered with a return code."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(why)
        self.code = code


def framed(head: int, body: bytes) -> bytes:
    """A packet: first byte, remaining length, body."""
    return bytes((head,)) + _length(len(body)) + body


def _length(size: int) -> bytes:
    """A remaining length (MQTT 3.1.1, 2.2.3)."""
    if size < 128:
        return bytes((size,))
    found = bytearray()
    while True:
        size, low = size >> 7, size & 0x7F
        found.append(low | 0x80 if size else low)
        if not size:
            return bytes(found)


def _measure(data: bytes, start: int) -> tuple[int, int]:
    """Remaining length of the packet at `start`, and where its body begins; (-1, -1) when that is not all here."""
    size, shift = 0, 0
    for at in range(start + 1, min(start + 5, len(data))):
        byte = data[at]
        size |= (byte & 0x7F) << shift
        if byte < 0x80:
            return size, at + 1
        shift += 7
    if len(data) >= start + 5:
        raise _Broken("remaining length of more than four bytes")
    return -1, -1


@dataclass(slots=True)
class Hello:
    """A CONNECT, taken apart."""

    flags: int
    keep_alive: bytes
    client_id: bytes
    will_topic: bytes = b""
    will: bytes = b""
    username: bytes | None = None
    password: bytes | None = field(default=None, repr=False)

    @property
    def clean(self) -> bool:
        return bool(self.flags & 0x02)

    @property
    def has_will(self) -> bool:
        return bool(self.flags & 0x04)

    @classmethod
    def read(cls, body: bytes) -> Hello:
        """Read the body of a CONNECT; raises `_Broken` or `_NotWelcome`."""
        at = 0

        def text() -> bytes:
            nonlocal at
            end = at + 2 + int.from_bytes(body[at : at + 2], "big")
            if len(body) < at + 2 or end > len(body):
                raise _Broken("CONNECT is shorter than it says")
            found = body[at + 2 : end]
            at = end
            return found

        protocol = text()
        if len(body) < at + 4:
            raise _Broken("CONNECT is shorter than it says")
        if (protocol, body[at]) != (b"MQTT", 4):
            if protocol in (b"MQTT", b"MQIsdp"):
                raise _NotWelcome(BAD_VERSION, "it does not speak MQTT 3.1.1")
            raise _Broken("CONNECT of another protocol")
        flags, keep_alive = body[at + 1], body[at + 2 : at + 4]
        at += 4
        if flags & 0x01 or flags & 0x18 == 0x18:
            raise _Broken("reserved flags in CONNECT")
        if (not flags & 0x04 and flags & 0x38) or (not flags & 0x80 and flags & 0x40):
            raise _Broken("contradicting flags in CONNECT")
        hello = cls(flags, keep_alive, text())
        if hello.has_will:
            hello.will_topic, hello.will = text(), text()
        if flags & 0x80:
            hello.username = text()
        if flags & 0x40:
            hello.password = text()
        if at != len(body):
            raise _Broken("CONNECT is longer than it says")
        hello.check_client_id()
        return hello

    def check_client_id(self) -> None:
        """Raise `_NotWelcome` for one that cannot be used; an empty one needs a clean session (3.1.3-8)."""
        try:
            usable = "\0" not in self.client_id.decode() and len(self.client_id) <= CLIENT_ID_BYTES
        except UnicodeDecodeError:
            usable = False
        if not usable or not (self.client_id or self.clean):
            raise _NotWelcome(BAD_ID, "its client id cannot be used")

    def write(self, client_id: bytes, credentials: tuple[str, str]) -> bytes:
        """The packet for the broker."""
        flags = (self.flags & 0x3F if self.has_will else self.flags & 0x02) | 0xC0
        fields = [client_id]
        if self.has_will:
            fields += [self.will_topic, self.will]
        fields += [part.encode() for part in credentials]
        return framed(
            0x10,
            b"\x00\x04MQTT\x04"
            + bytes((flags,))
            + self.keep_alive
            + b"".join(len(part).to_bytes(2, "big") + part for part in fields),
        )


# First bytes of the packets a client may send besides PUBLISH, CONNECT, SUBSCRIBE, UNSUBSCRIBE: with a packet id, and empty.
_NUMBERED = frozenset({0x40, 0x50, 0x62, 0x70})
_EMPTY = frozenset({0xC0, 0xE0})
_REQUESTS = {0x82: 1, 0xA2: 0}
"""SUBSCRIBE and UNSUBSCRIBE, with the bytes that follow each filter."""


# -- the two sides of a connection ------------------------------------------------------------------------------


class _Pausing(Protocol):
    """What a transport can do that we use."""

    def write(self, data: bytes) -> None: ...
    def write_eof(self) -> None: ...
    def can_write_eof(self) -> bool: ...
    def close(self) -> None: ...
    def abort(self) -> None: ...
    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...
    def get_extra_info(self, name: str) -> object: ...


class _Door(asyncio.Protocol):
    """A device's side: reads its packets, passes them to the broker, refuses what can never be accepted."""

    __slots__ = (
        "account",
        "broker_is_slow",
        "busy",
        "client_id",
        "discarded",
        "doorman",
        "ended",
        "host",
        "inside",
        "left",
        "need",
        "paced",
        "passed",
        "passed_at",
        "rest",
        "task",
        "timer",
        "transport",
        "unsettled",
    )

    def __init__(self, doorman: Doorman) -> None:
        self.doorman = doorman
        self.transport: _Pausing | None = None
        self.inside: _Inside | None = None
        self.account: _Account | None = None
        self.client_id = b""
        self.host = ""
        self.rest = bytearray()
        """The beginning of a packet that is not all here."""
        self.need = 2
        """So many bytes of `rest` are wanted before it is looked at again."""
        self.left = 0
        """Bytes of the payload in hand that are still to come."""
        self.discarded: _Discarded | None = None
        """Set while that payload is not passed on."""
        self.busy = False
        """Its CONNECT is being worked on."""
        self.ended = False
        self.unsettled = 0
        self.broker_is_slow = False
        self.passed = 0.0
        """Messages passed on of late, as `PACE` forgets them."""
        self.passed_at = 0.0
        self.paced: asyncio.TimerHandle | None = None
        """Set while it is not read because it sent too much."""
        self.timer: asyncio.TimerHandle | None = None
        self.task: asyncio.Task[None] | None = None

    # -- from asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("_Pausing", transport)
        peer = transport.get_extra_info("peername")
        self.host = str(peer[0]) if isinstance(peer, tuple) else ""
        connection = transport.get_extra_info("socket")
        # A device that lost its power says nothing; without a keep-alive of its own nobody else would notice.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60)
        if not self.doorman.admit(self):
            self.end("too many connections")
            return
        self.timer = asyncio.get_running_loop().call_later(HELLO_SECONDS, self.end, "no CONNECT in time")

    def data_received(self, data: bytes) -> None:
        if self.ended:
            return
        if self.rest:
            self.rest += data
            if len(self.rest) < self.need:
                return
            data = bytes(self.rest)
            self.rest.clear()
        try:
            if self.inside is None:
                self._greet(data)
            else:
                self._pass_on(data)
        except _Broken as fault:
            self.end(str(fault))

    def eof_received(self) -> bool:
        """It has said all it wants to say; what it asked for is still answered."""
        if self.inside is None or self.ended:
            return False
        assert self.transport is not None
        if self.transport.get_extra_info("sslcontext") is not None:
            return False  # TLS ends both ways at once
        self.inside.no_more()
        self.farewell()
        return True

    def connection_lost(self, _exc: Exception | None) -> None:
        self.ended = True
        self.transport = None
        self._stop_timer()
        if self.paced is not None:
            self.paced.cancel()
        if self.task is not None:
            self.task.cancel()
        self.doorman.gone(self)
        if self.inside is not None:
            self.inside.no_more(close=True)

    def pause_writing(self) -> None:
        if self.inside is not None:
            self.inside.hold(True)

    def resume_writing(self) -> None:
        if self.inside is not None:
            self.inside.hold(False)

    # -- signing in

    def _greet(self, data: bytes) -> None:
        if self.busy:
            self.rest += data  # sent before it was let in; reading is paused, so it is one read at most
            self.need = 0
            return
        if data[0] != 0x10:
            raise _Broken("the first packet is not CONNECT")
        size, at = _measure(data, 0)
        if size > HELLO_BYTES:
            raise _Broken("CONNECT is too long")
        if size < 0 or len(data) < at + size:
            self.rest += data
            self.need = at + size if size >= 0 else len(data) + 1
            return
        self.busy = True
        assert self.transport is not None
        self.transport.pause_reading()
        self.rest += data[at + size :]
        self.task = self.doorman.spawn(self._let_in(data[at : at + size]))

    async def _let_in(self, body: bytes) -> None:
        doorman = self.doorman
        try:
            hello = Hello.read(body)
            account = await doorman.sign_in(hello, self.host)
        except _Broken as fault:
            self.end(str(fault))
            return
        except _NotWelcome as fault:
            _sign_ins.labels("refused").inc()
            self._answer(bytes((0x20, 2, 0, fault.code)))
            self.end(str(fault))
            return
        if account is None:
            # Closed without a word: a CONNACK that says "unavailable" makes some clients give up (mqtt.js).
            self.end("nobody can be let in now")
            return
        self._check_will(hello, account)
        name = hello.client_id or secrets.token_hex(12).encode()
        self.client_id = account.prefix + name
        inside = _Inside(self)
        try:
            async with asyncio.timeout(UPSTREAM_SECONDS):
                await asyncio.get_running_loop().create_connection(
                    lambda: inside, doorman.upstream.host, doorman.upstream.port
                )
        except (OSError, TimeoutError):
            self.end("the broker is away")
            return
        if self.transport is None or self.ended or not doorman.still(account):
            inside.no_more(close=True)
            self.end("it went away, or its rights did")
            return
        self._stop_timer()
        self.account = account
        account.doors.add(self)
        doorman.let_in(self)
        inside.write(hello.write(self.client_id, doorman.credentials))
        self.inside = inside
        early = bytes(self.rest)
        self.rest.clear()
        self.need = 2
        self.task = None
        self._read_or_not()
        if early:
            self.data_received(early)

    def _check_will(self, hello: Hello, account: _Account) -> None:
        """A will that may not be said is left out and recorded: the alarms of this device still count."""
        if not hello.has_will:
            return
        verdict = account.verdicts.get(hello.will_topic) or account.judge(
            hello.will_topic, self.doorman.registry
        )
        if len(hello.will) > verdict.limit:
            self.doorman.refuse(
                account,
                verdict,
                hello.will_topic,
                len(hello.will),
                hello.will,
                f"will {hello.client_id.hex()}",
                None,
            )
            hello.flags &= ~0x3C
        elif verdict.framed is not None:
            hello.will_topic = verdict.framed[2:]

    # -- packets to the broker

    def _pass_on(self, data: bytes) -> None:
        """Pass the packets in `data` on. The commonest case is one look at a topic for each PUBLISH and one write."""
        inside, account = self.inside, self.account
        assert inside is not None
        assert account is not None
        verdicts = account.verdicts
        size_here = len(data)
        pieces: list[bytes] = []
        start = at = count = 0  # from `start` to `at`: looked at, to be passed on as it is
        try:
            if self.left:
                at = min(self.left, size_here)
                self.left -= at
                if self.discarded is not None:
                    start = at
                    self._discard(data[:at])
            while size_here - at >= 2:
                head, size, body = data[at], data[at + 1], at + 2
                if size >= 0x80:
                    size, body = _measure(data, at)
                    if size < 0:
                        self.need = size_here - at + 1
                        break
                end = body + size
                if head & 0xF0 != 0x30:
                    if end > size_here:
                        if size > REQUEST_BYTES:
                            raise _Broken("a packet is too long")
                        self.need = end - at
                        self._check(head, size)
                        break
                    changed = self._other(head, data, body, end)
                    if self.ended:  # what follows a DISCONNECT is not heard
                        data, size_here = data[:end], end
                    if changed is not None:
                        pieces += (data[start:at], changed)
                        start = end
                    at = end
                    continue
                # PUBLISH: flags, then the topic with its length, then a packet id unless QoS 0, then the payload.
                qos = head & 0x06
                if qos == 0x06:
                    raise _Broken("QoS 3")
                if size < 2:
                    raise _Broken("PUBLISH is shorter than it says")
                if body + 2 > size_here:
                    self.need = body + 2 - at
                    break
                after = body + 2 + (data[body] << 8 | data[body + 1])
                payload = after + 2 if qos else after
                if payload > end:
                    raise _Broken("PUBLISH is shorter than it says")
                if payload > size_here:
                    self.need = payload - at
                    break
                if qos and not (data[after] or data[after + 1]):
                    raise _Broken("packet id 0")
                topic = data[body + 2 : after]
                verdict = verdicts.get(topic) or account.judge(topic, self.doorman.registry)
                if end - payload > verdict.limit:
                    pieces.append(data[start:at])
                    number = data[after:payload] if qos else b""
                    self.discarded = _Discarded(verdict, topic, qos, number, end - payload)
                    at = start = min(end, size_here)
                    self.left = end - at
                    self._discard(data[payload:at])
                    continue
                count += 1
                if verdict.framed is not None:
                    _escaped.inc()
                    pieces += (
                        data[start:at],
                        bytes((head,)),
                        _length(size + len(verdict.framed) - (after - body)),
                        verdict.framed,
                    )
                    start = after
                at = end
                if end > size_here:
                    at, self.left = size_here, end - size_here
                    break
        finally:
            if count:
                _published.inc(count)
                self.doorman.count += count
                self._pace(count)
            if pieces:
                pieces.append(data[start:at])
                inside.write(b"".join(pieces))
            elif start < at:
                inside.write(data if at - start == size_here else data[start:at])
        if at < size_here:
            self.rest += data[at:]
            if size_here - at < 2:
                self.need = 2

    def _check(self, head: int, size: int) -> None:
        """Is this a packet a client may send now? By its first bytes, so that nothing is kept for one that is not."""
        if head in _REQUESTS:
            if size < 5 - (head == 0xA2):
                raise _Broken("a request without a filter")
        elif head in _NUMBERED:
            if size != 2:
                raise _Broken("an acknowledgement of a wrong length")
        elif head in _EMPTY:
            if size:
                raise _Broken("a body where there is none")
        else:
            raise _Broken("a second CONNECT" if head >> 4 == 1 else "a packet or flags that no client sends")

    def _other(self, head: int, data: bytes, body: int, end: int) -> bytes | None:
        """Look at a packet that is no PUBLISH; returns it anew when it must be changed."""
        self._check(head, end - body)
        if head in _EMPTY:
            if head == 0xE0:
                assert self.inside is not None
                self.ended = True  # the broker closes, and then so do we
                self.farewell()
            return None
        if not (data[body] or data[body + 1]):
            raise _Broken("packet id 0")
        if head in _NUMBERED:
            return None
        return self._request(head, data[body:end])

    def _request(self, head: int, body: bytes) -> bytes | None:
        """A SUBSCRIBE or UNSUBSCRIBE with filters as the broker carries them, those that may not be heard denied."""
        account, extra = self.account, _REQUESTS[head]
        assert account is not None
        parts, at, changed = [body[:2]], 2, False
        while at < len(body):
            after = at + 2 + int.from_bytes(body[at : at + 2], "big")
            if after + extra > len(body):
                raise _Broken("a filter is shorter than it says")
            if extra and body[after] > 2:
                raise _Broken("QoS 3")
            raw = body[at + 2 : after]
            written = self._written(raw, account)
            if written is None:
                _denied.inc()
                self.doorman.say(
                    "subscription_denied",
                    self.host,
                    user=account.name,
                    filter=_shown(raw[:200]),
                )
                parts.append(DENIED)
            else:
                parts += (len(written).to_bytes(2, "big"), written)
            changed = changed or written != raw
            parts.append(body[after : after + extra])
            at = after + extra
        return framed(head, b"".join(parts)) if changed else None

    def _written(self, raw: bytes, account: _Account) -> bytes | None:
        try:
            topic_filter = raw.decode()
        except UnicodeDecodeError:
            return None
        if not topics.is_filter(topic_filter) or not may_hear(
            topic_filter, account.gateway, self.doorman.registry
        ):
            return None
        written = topics.escape(topic_filter).encode()
        return written if len(written) <= topics.TOPIC_BYTES else None

    # -- what is not passed on

    def _discard(self, part: bytes) -> None:
        """Drop a part of a payload; after the last one the message goes to quarantine, and then is acknowledged."""
        refused = self.discarded
        assert refused is not None
        refused.take(part)
        if self.left:
            return
        self.discarded = None
        assert self.account is not None
        packet = b""
        if refused.number:
            packet = bytes((0x40 if refused.qos == 0x02 else 0x50, 2)) + refused.number

        def settled() -> None:
            self.unsettled -= 1
            self._read_or_not()
            if packet and self.inside is not None:
                self.inside.answer(packet)

        self.unsettled += 1
        self._read_or_not()
        self.doorman.refuse(
            self.account,
            refused.verdict,
            refused.topic,
            refused.size,
            refused.sample,
            f"{self.client_id.hex()} {refused.number.hex()}",
            settled,
        )

    # -- flow and end

    def _pace(self, count: int) -> None:
        """Take note of messages passed on; too many and it is not read until its sender has slowed down to `PACE`."""
        if self.doorman.pace is None:
            return
        burst, per_second = self.doorman.pace
        now = self.doorman.clock.monotonic()
        self.passed = max(0.0, self.passed - (now - self.passed_at) * per_second) + count
        self.passed_at = now
        if self.passed > burst and self.paced is None and not self.ended:
            _paced.inc()
            self.doorman.say("client_slowed", self.host, user=self.account.name if self.account else None)
            wait = (self.passed - burst) / per_second
            self.paced = asyncio.get_running_loop().call_later(wait, self._go_on)
            self._read_or_not()

    def _go_on(self) -> None:
        self.paced = None
        self._read_or_not()

    def slow(self, slow: bool) -> None:
        """The broker takes nothing more, or again."""
        self.broker_is_slow = slow
        self._read_or_not()

    def _read_or_not(self) -> None:
        if self.transport is None:
            return
        if self.broker_is_slow or self.paced is not None or self.unsettled >= UNSETTLED:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()

    def write(self, data: bytes) -> None:
        """To the device."""
        if self.transport is not None:
            self.transport.write(data)

    _answer = write

    def end(self, why: str) -> None:
        """Close; what the broker has been given stays given, and as there was no DISCONNECT it says the will."""
        if not self.ended:
            self.ended = True
            _closed.labels(why).inc()
            self.doorman.say(
                "client_closed", self.host, user=self.account.name if self.account else None, why=why
            )
        self._stop_timer()
        if self.inside is not None:
            self.inside.no_more(close=True)
        if self.transport is not None:
            self.transport.close()
            self.farewell()

    def farewell(self) -> None:
        """Give what is on its way some time, then cut."""
        self._stop_timer()
        self.timer = asyncio.get_running_loop().call_later(FAREWELL_SECONDS, self._cut)

    def _cut(self) -> None:
        if self.transport is not None:
            self.transport.abort()

    def _stop_timer(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


@dataclass(slots=True)
class _Discarded:
    """A PUBLISH that is not passed on, while its payload goes by."""

    verdict: _Verdict
    topic: bytes
    qos: int
    number: bytes
    """Its packet id; empty for QoS 0."""
    size: int
    sample: bytes = b""

    def take(self, part: bytes) -> None:
        if len(self.sample) < SAMPLE:
            self.sample += part[: SAMPLE - len(self.sample)]


class _Inside(asyncio.Protocol):
    """The broker's side: passes its packets to the device with topics as devices know them."""

    __slots__ = ("answers", "door", "is_let_in", "left", "need", "rest", "timer", "transport")

    def __init__(self, door: _Door) -> None:
        self.door = door
        self.transport: _Pausing | None = None
        self.rest = bytearray()
        self.need = 2
        self.left = 0
        self.is_let_in = False
        self.answers: list[bytes] = []
        """Acknowledgements of ours that wait for the end of the packet in hand."""
        self.timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("_Pausing", transport)

    def connection_lost(self, _exc: Exception | None) -> None:
        self.transport = None
        if self.timer is not None:
            self.timer.cancel()
        door = self.door
        if door.transport is not None:
            door.ended = True
            door.transport.close()
            door.farewell()

    def pause_writing(self) -> None:
        self.door.slow(True)

    def resume_writing(self) -> None:
        self.door.slow(False)

    def hold(self, hold: bool) -> None:
        """The device takes nothing more, or again."""
        if self.transport is not None:
            if hold:
                self.transport.pause_reading()
            else:
                self.transport.resume_reading()

    def write(self, data: bytes) -> None:
        """To the broker."""
        if self.transport is not None:
            self.transport.write(data)

    def no_more(self, *, close: bool = False) -> None:
        """Nothing more will be written; with `close` nothing more is read either."""
        if self.transport is None:
            return
        if close:
            self.transport.close()
        else:
            self.transport.write_eof()
        if self.timer is None:
            self.timer = asyncio.get_running_loop().call_later(FAREWELL_SECONDS, self.transport.abort)

    def answer(self, packet: bytes) -> None:
        """An acknowledgement of ours, between two packets of the broker."""
        if self.is_let_in and not self.left:
            self.door.write(packet)
        else:
            self.answers.append(packet)

    def data_received(self, data: bytes) -> None:
        if self.rest:
            self.rest += data
            if len(self.rest) < self.need:
                return
            data = bytes(self.rest)
            self.rest.clear()
        size_here = len(data)
        pieces: list[bytes] = []
        start, at = 0, min(self.left, size_here)
        self.left -= at
        while size_here - at >= 2:
            head, size, body = data[at], data[at + 1], at + 2
            if size >= 0x80:
                size, body = _measure(data, at)
                if size < 0:
                    self.need = size_here - at + 1
                    break
            end = body + size
            if head & 0xF0 == 0x30:
                if body + 2 > size_here:
                    self.need = body + 2 - at
                    break
                after = body + 2 + (data[body] << 8 | data[body + 1])
                if after > size_here:
                    self.need = after - at
                    break
                topic = data[body + 2 : after]
                if b"\xf3\xb0" in topic:
                    plain = topics.unescape(topic.decode()).encode()
                    pieces += (
                        data[start:at],
                        bytes((head,)),
                        _length(size + len(plain) - len(topic)),
                        len(plain).to_bytes(2, "big"),
                        plain,
                    )
                    start = after
            elif not self.is_let_in:
                if end > size_here:
                    self.need = end - at
                    break
                self._let_in(data[at:end])
            at = end
            if end > size_here:
                at, self.left = size_here, end - size_here
                break
        if pieces:
            pieces.append(data[start:at])
            self.door.write(b"".join(pieces))
        elif start < at:
            self.door.write(data if at - start == size_here else data[start:at])
        if at < size_here:
            self.rest += data[at:]
            if size_here - at < 2:
                self.need = 2
        if self.answers and self.is_let_in and not self.left:
            self.door.write(b"".join(self.answers))
            self.answers.clear()

    def _let_in(self, packet: bytes) -> None:
        code = packet[3] if packet[0] == 0x20 and len(packet) == 4 else NOT_AUTHORISED
        self.is_let_in = code == ACCEPTED
        if not self.is_let_in:
            # Our own fault, so the device is not told that its password is wrong: it would give up.
            log.error("broker_refused_the_doorman", code=code)
            self.door.end("the broker refused the doorman")


# -- quarantine -------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Waiting:
    refusal: Refusal | None
    """None: over its sender's budget, only counted."""
    sender: str
    reason: Reason
    at: datetime
    done: Callable[[], None] | None


class _Quarantine:
    """Makes refusals durable, then says so. While the stream is away it keeps trying, and nothing is acknowledged."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._waiting: deque[_Waiting] = deque()
        self._some = asyncio.Event()

    def put(self, waiting: _Waiting) -> None:
        self._waiting.append(waiting)
        self._some.set()

    async def run(self) -> None:
        while True:
            await self._some.wait()
            if not any(w.refusal for w in self._waiting):
                await asyncio.sleep(0.25)  # a flood: one record for a quarter of a second of it
            taken = list(self._waiting)
            self._waiting.clear()
            self._some.clear()
            await self._store(taken)
            for waiting in taken:
                if waiting.done is not None:
                    waiting.done()

    async def _store(self, taken: Sequence[_Waiting]) -> None:
        refusals = {w.refusal.refusal_id: w.refusal for w in taken if w.refusal is not None}
        counted: dict[tuple[str, Reason], int] = {}
        last: dict[tuple[str, Reason], datetime] = {}
        for w in taken:
            if w.refusal is None:
                key = (w.sender, w.reason)
                counted[key] = counted.get(key, 0) + 1
                last[key] = w.at
        for (sender, reason), count in counted.items():
            name = content_id("doorman", sender, reason.value, secrets.token_hex(8))
            refusals[name] = Refusal(
                refusal_id=name,
                topic="",
                reason=reason.value,
                received_at=last[sender, reason],
                detail=f"{count} more of {sender}, not recorded one by one",
                times=count,
            )
        messages = [Outgoing(r.subject, encode(r), r.refusal_id) for r in refusals.values()]
        pause = RETRY_SECONDS[0]
        while True:
            try:
                await self._stream.publish_batch(messages)
                return
            except Temporary:
                await asyncio.sleep(pause)
                pause = min(RETRY_SECONDS[1], pause * 2)


# -- the doorman ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tls:
    """PEM files of the listener's certificate (with its chain) and key. Read again when they change."""

    certificate: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        """TLS 1.2 or newer; Misconfigured when the files do not fit."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.load(context)
        return context

    def load(self, context: ssl.SSLContext) -> None:
        """Read the files into a context; connections made from now on use them."""
        try:
            context.load_cert_chain(self.certificate, self.key)
        except (OSError, ssl.SSLError) as fault:
            reason = getattr(fault, "reason", None) or fault.strerror
            raise Misconfigured(
                f"mqtt.certificate {self.certificate} and mqtt.key {self.key} cannot be used: {reason}"
            ) from None

    def stamp(self) -> tuple[int, ...]:
        """Changes when a file does."""
        try:
            return tuple(file.stat().st_mtime_ns for file in (self.certificate, self.key))
        except OSError:
            return ()


class Doorman:
    """Listens for devices and knows who may do what."""

    def __init__(
        self,
        *,
        stream: Stream,
        clock: Clock,
        listen: Address,
        upstream: Address,
        upstream_credentials: tuple[str, str],
        sign_in: tuple[str, str] | None = None,
        tls: Tls | None = None,
        pace: tuple[float, float] | None = PACE,
    ) -> None:
        self.stream = stream
        self.pace = pace
        self.clock = clock
        self.listen = listen
        self.upstream = upstream
        self.credentials = upstream_credentials
        self.registry: Registry | None = None
        self.count = 0
        self._sign_in = sign_in
        self._tls = tls
        self._shared = _Account(sign_in[0] if sign_in is not None else ANONYMOUS)
        self._shared_hash = secret_hash(sign_in[1]) if sign_in is not None else ""
        self._accounts: dict[str, _Account] = {}
        self._gateways_known = asyncio.Event()
        self._site_known = asyncio.Event()
        self._strangers: OrderedDict[_Door, None] = OrderedDict()
        self._connected = 0
        self._open = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._quarantine = _Quarantine(stream)
        self._wrong: OrderedDict[str, list[float]] = OrderedDict()
        """By address: wrong passwords of late, those that wait for their answer, and when the last one came."""
        self._said: OrderedDict[tuple[str, ...], float] = OrderedDict()
        self._started_at = clock.now()
        self._last_input = 0
        self._last_input_at: datetime | None = None

    async def run(self) -> None:
        """Until cancelled. Listens at once; rights are read beside it."""
        _raise_file_limit()
        context = self._tls.context() if self._tls is not None else None
        loop = asyncio.get_running_loop()
        try:
            server = await loop.create_server(
                lambda: _Door(self),
                self.listen.host,
                self.listen.port,
                backlog=1024,
                ssl=context,
                ssl_handshake_timeout=HELLO_SECONDS if context is not None else None,
                ssl_shutdown_timeout=1.0 if context is not None else None,
            )
        except OSError as fault:
            raise Misconfigured(f"mqtt.listen: {self.listen} cannot be used ({fault.strerror})") from None
        log.info("doorman_listening", listen=str(self.listen), tls=context is not None)
        if context is None and not self.listen.loopback:
            log.warning(
                "passwords_and_readings_travel_in_the_clear",
                listen=str(self.listen),
                remedy="set mqtt.certificate and mqtt.key",
            )
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._quarantine.run(), name="quarantine")
                tasks.create_task(self._follow_gateways(), name="gateways")
                tasks.create_task(self._follow_registry(), name="registry")
                tasks.create_task(self._beat(), name="beat")
                if context is not None:
                    tasks.create_task(self._renew(context), name="certificate")
        finally:
            server.close()
            for account in (self._shared, *self._accounts.values()):
                for door in tuple(account.doors):
                    door.end("we are stopping")

    # -- connections

    def admit(self, door: _Door) -> bool:
        """A new connection: False when there are too many. The oldest one that has not signed in makes room."""
        self._open += 1
        self._strangers[door] = None
        if len(self._strangers) > STRANGERS:
            oldest = next(iter(self._strangers))
            del self._strangers[oldest]
            oldest.end("too many have not signed in")
        return self._open <= CONNECTIONS

    def let_in(self, door: _Door) -> None:
        """It has signed in."""
        self._strangers.pop(door, None)
        self._connected += 1
        _sign_ins.labels("accepted").inc()

    def gone(self, door: _Door) -> None:
        """It is closed."""
        self._open -= 1
        self._strangers.pop(door, None)
        if door.account is not None:
            self._connected -= 1
            door.account.doors.discard(door)

    def spawn(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        """Start a task and keep it."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def say(self, event: str, host: str, **facts: str | None) -> None:
        """Log what a client did, the same of one address at most every ten seconds. Never payloads, never secrets."""
        key = (event, host, *(str(value) for value in facts.values()))
        now = self.clock.monotonic()
        if now - self._said.get(key, -10.0) < 10.0:
            return
        self._said[key] = now
        self._said.move_to_end(key)
        if len(self._said) > 5_000:
            self._said.popitem(last=False)
        log.warning(event, peer=host, **{name: value for name, value in facts.items() if value is not None})

    # -- who comes in

    def still(self, account: _Account) -> bool:
        """Whether an account found a moment ago is still in force."""
        return account is self._shared or self._accounts.get(account.name) is account

    async def sign_in(self, hello: Hello, host: str) -> _Account | None:
        """Who this is; None when that cannot be known now. Raises `_NotWelcome` after a while when it is nobody."""
        if hello.username is None:
            if self._sign_in is None and self.listen.loopback:
                return self._shared
            await self._answer_late(host)
            raise _NotWelcome(NOT_AUTHORISED, "it did not sign in")
        name = hello.username.decode("utf-8", "replace")
        given = secret_hash(hello.password or b"")
        if self._sign_in is not None and name == self._sign_in[0]:
            if hmac.compare_digest(given, self._shared_hash):
                return self._shared
        else:
            try:
                async with asyncio.timeout(RIGHTS_SECONDS):
                    await self._gateways_known.wait()
                    await self._site_known.wait()  # without it an alarm would be taken for somebody else's
            except TimeoutError:
                return None
            account = self._accounts.get(name)
            wanted = account.gateway.hash if account is not None and account.gateway is not None else "0" * 64
            if hmac.compare_digest(given, wanted) and account is not None:
                return account
        await self._answer_late(host)
        raise _NotWelcome(NOT_AUTHORISED, "wrong name or password")

    async def _answer_late(self, host: str) -> None:
        """Make guessing slow. A right password is never made to wait: who guesses must not lock an alarm out."""
        now = self.clock.monotonic()
        record = self._wrong.setdefault(host, [0.0, 0.0, now])
        self._wrong.move_to_end(host)
        if len(self._wrong) > 10_000:
            self._wrong.popitem(last=False)
        record[0] = max(0.0, record[0] - (now - record[2]) / 10) + 1
        record[2] = now
        if record[1] >= WRONG_WAITING:
            raise _Broken("too many wrong passwords")
        record[1] += 1
        try:
            await asyncio.sleep(min(WRONG_SECONDS[0] * record[0], WRONG_SECONDS[1]))
        finally:
            record[1] -= 1

    # -- what is refused

    def refuse(
        self,
        account: _Account,
        verdict: _Verdict,
        topic: bytes,
        size: int,
        sample: bytes,
        name: str,
        done: Callable[[], None] | None,
    ) -> None:
        """Record a message that can never be accepted; `done` is called when it is durable.

        `name` tells one message from the next: with the same one a repeat is recorded once.
        """
        now, at = self.clock.monotonic(), self.clock.now()
        too_large = verdict.limit >= 0
        reason = Reason.too_large if too_large else Reason.bad_topic
        _refused.labels(reason.value).inc()
        detail = f"{size} bytes" if too_large else verdict.why
        account.spent = max(0.0, account.spent - (now - account.spent_at) * RECORDS_PER_SECOND)
        account.spent_at = now
        refusal = None
        if account.spent < (4 * RECORDS if verdict.alarm else RECORDS):
            account.spent += 1
            shown = _shown(topic)
            refusal = Refusal(
                refusal_id=content_id("doorman", account.name, name, topic, size, sample),
                topic=shown,
                reason=reason.value,
                received_at=at,
                detail=f"{detail} (sent by {account.name})",
                home=verdict.home,
                device=verdict.device,
                # What somebody says on a topic that is not his own is not kept: it may be about anybody.
                sample=_shown(sample) if too_large else "",
                alarm=verdict.alarm,
            )
            log.warning(
                "message_refused", user=account.name, topic=shown[:200], reason=reason.value, detail=detail
            )
        self._quarantine.put(_Waiting(refusal, account.name, reason, at, done))

    # -- what changes

    async def _follow_gateways(self) -> None:
        """Credentials as they are; whoever lost one is closed."""
        while True:
            seen: set[str] = set()
            caught_up = False
            try:
                async with contextlib.aclosing(self.stream.watch(PEOPLE, f"{PREFIX}>")) as entries:  # type: ignore[type-var]
                    async for entry in entries:
                        if entry is None:
                            caught_up = True
                            for name in self._accounts.keys() - seen:  # taken away while we were not watching
                                self._set(name, None)
                            self._gateways_known.set()
                            continue
                        name = entry.key.removeprefix(PREFIX)
                        if not caught_up:
                            seen.add(name)
                        self._set(name, entry.data)
            except Temporary:
                await asyncio.sleep(0.2)

    def _set(self, name: str, data: bytes | None) -> None:
        gateway = None
        if data is not None:
            try:
                gateway = decode(data, Gateway)
            except msgspec.MsgspecError:
                log.warning("gateway_unreadable", gateway=name)
        old = self._accounts.get(name)
        if old is not None:
            if old.gateway == gateway:
                return
            del self._accounts[name]
            for door in tuple(old.doors):
                door.end("its credential was taken away or changed")
            log.info(
                "gateway_changed" if gateway is not None else "gateway_removed",
                gateway=name,
                closed=len(old.doors),
            )
        if gateway is not None:
            if name == self._shared.name:
                log.warning("gateway_has_the_shared_name", gateway=name)
            self._accounts[name] = _Account(name, gateway)

    async def _follow_registry(self) -> None:
        while True:
            try:
                async with contextlib.aclosing(self.stream.watch(REGISTRY, "site")) as entries:  # type: ignore[type-var]
                    async for entry in entries:
                        if entry is None:
                            self._site_known.set()
                        if entry is None or entry.data is None:
                            continue
                        try:
                            self.registry = Registry(decode(entry.data, Site))
                        except msgspec.MsgspecError:
                            log.warning("registry_unreadable", revision=entry.revision)
                            continue
                        for account in (self._shared, *self._accounts.values()):
                            account.verdicts.clear()
            except Temporary:
                await asyncio.sleep(0.2)

    async def _renew(self, context: ssl.SSLContext) -> None:
        """Use a renewed certificate without a restart."""
        assert self._tls is not None
        used = self._tls.stamp()
        while True:
            await asyncio.sleep(30)
            found = self._tls.stamp()
            if not found or found == used:
                continue
            try:
                self._tls.load(context)
            except Misconfigured as fault:
                log.warning("certificate_not_renewed", detail=str(fault))  # perhaps only one file is new yet
                continue
            used = found
            log.info("certificate_renewed")

    async def _beat(self) -> None:
        while True:
            now = self.clock.now()
            _connections.set(self._connected)
            if self.count != self._last_input:
                self._last_input, self._last_input_at = self.count, now
            beat = Beat(
                role="doorman",
                at=now,
                started_at=self._started_at,
                position=self.count,
                last_input_at=self._last_input_at,
                detail=f"{self._connected} devices",
            )
            with contextlib.suppress(Temporary, TimeoutError):
                async with asyncio.timeout(BEAT_SECONDS):
                    await self.stream.put(HEALTH, "beat.doorman", encode(beat))
            await asyncio.sleep(BEAT_SECONDS)


def _shown(raw: bytes) -> str:
    return topics.shown(raw[:SAMPLE].decode("utf-8", "backslashreplace"))[:SAMPLE]


def _raise_file_limit() -> None:
    """Two sockets for each device."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * CONNECTIONS + 256
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def run(
    *,
    stream: Stream,
    clock: Clock,
    listen: Address,
    upstream: Address,
    upstream_credentials: tuple[str, str],
    sign_in: tuple[str, str] | None = None,
    tls: Tls | None = None,
    pace: tuple[float, float] | None = PACE,
) -> None:
    """The role `doorman`, until cancelled.

    `listen` is where devices come (`mqtt.listen`), `upstream` the broker's private listener and
    `upstream_credentials` its user for devices. `sign_in` is the name and password all devices share
    (`mqtt.username`, `mqtt.password`); without it anybody is let in who can reach a loopback address, and nobody but
    gateways on any other. `pace`: messages of one connection that pass at once, and then a second; None for no limit.
    Raises `Misconfigured` when it cannot listen there.
    """
    await Doorman(
        stream=stream,
        clock=clock,
        listen=listen,
        upstream=upstream,
        upstream_credentials=upstream_credentials,
        sign_in=sign_in,
        tls=tls,
        pace=pace,
    ).run()


__all__ = ["Doorman", "Gateway", "Tls", "add_gateway", "gateways", "remove_gateway", "run"]
