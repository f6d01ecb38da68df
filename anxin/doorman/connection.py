"""The two sides of a connection: the device's and the broker's. Bytes pass in order; nothing waits for a whole packet."""

from __future__ import annotations

import asyncio
import secrets
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

from prometheus_client import Counter
from structlog import get_logger

from anxin.doorman.packets import (
    ACCEPTED,
    EMPTY,
    NOT_AUTHORISED,
    NUMBERED,
    REQUESTS,
    SAMPLE,
    Broken,
    Hello,
    NotWelcome,
    framed,
    length,
    measure,
    readable,
    written,
)
from anxin.doorman.rights import Account, Verdict, may_hear
from care import topics

if TYPE_CHECKING:
    from anxin.doorman import Doorman

log = get_logger("doorman")

HELLO_BYTES = 80 * 1024
"""A CONNECT: a will of up to 64 KB, and names."""
REQUEST_BYTES = 256 * 1024
"""A SUBSCRIBE or UNSUBSCRIBE: thousands of filters."""
HELLO_SECONDS = 10.0
"""From the connection to a whole CONNECT."""
UPSTREAM_SECONDS = 3.0
FAREWELL_SECONDS = 10.0
"""What is on its way when one side has gone may take so long."""
UNSETTLED = 256
"""Refused messages of one connection that are not in quarantine yet; then it is not read for a while."""
PACE = (2_000.0, 1_000.0)
"""Messages of one connection that pass at once, then so many a second; above that it is not read for a while. What
waits there waits in its sender; behind the door it would stand in the one queue before ingest, and an SOS of another
home behind it. A whole community at once is 500 a second, a gateway that sends again what it kept some hundreds."""
DENIED = b"\x00\x01 "
"""A filter our broker refuses to everybody (it holds a space), with its length: it answers 0x80 for it."""
_published = Counter("anxin_doorman_messages", "Messages of devices passed on to the broker")
_escaped = Counter("anxin_doorman_escaped", "Messages whose topic was rewritten for the broker")
_paced = Counter(
    "anxin_doorman_paced", "Times a connection was not read for a while because it sent too much"
)
_denied = Counter("anxin_doorman_denied_filters", "Subscriptions that were refused")
_closed = Counter("anxin_doorman_closed", "Connections closed for what the client did", ["why"])
sign_ins = Counter("anxin_doorman_sign_ins", "Sign-ins", ["outcome"])


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


class Door(asyncio.Protocol):
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
        self.inside: Inside | None = None
        self.account: Account | None = None
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
        except Broken as fault:
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
            raise Broken("the first packet is not CONNECT")
        size, at = measure(data, 0)
        if size > HELLO_BYTES:
            raise Broken("CONNECT is too long")
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
        except Broken as fault:
            self.end(str(fault))
            return
        except NotWelcome as fault:
            sign_ins.labels("refused").inc()
            self._answer(bytes((0x20, 2, 0, fault.code)))
            self.end(str(fault))
            return
        if account is None:
            # Closed without a word: a CONNACK that says "unavailable" makes some clients give up (mqtt.js).
            self.end("nobody can be let in now")
            return
        self._check_will(hello, account)
        name = hello.client_id or secrets.token_hex(12).encode()
        self.client_id = account.prefix + written(name)
        inside = Inside(self)
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

    def _check_will(self, hello: Hello, account: Account) -> None:
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
                    size, body = measure(data, at)
                    if size < 0:
                        self.need = size_here - at + 1
                        break
                end = body + size
                if head & 0xF0 != 0x30:
                    if end > size_here:
                        if size > REQUEST_BYTES:
                            raise Broken("a packet is too long")
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
                    raise Broken("QoS 3")
                if size < 2:
                    raise Broken("PUBLISH is shorter than it says")
                if body + 2 > size_here:
                    self.need = body + 2 - at
                    break
                after = body + 2 + (data[body] << 8 | data[body + 1])
                payload = after + 2 if qos else after
                if payload > end:
                    raise Broken("PUBLISH is shorter than it says")
                if payload > size_here:
                    self.need = payload - at
                    break
                if qos and not (data[after] or data[after + 1]):
                    raise Broken("packet id 0")
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
                        length(size + len(verdict.framed) - (after - body)),
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
        if head in REQUESTS:
            if size < 5 - (head == 0xA2):
                raise Broken("a request without a filter")
        elif head in NUMBERED:
            if size != 2:
                raise Broken("an acknowledgement of a wrong length")
        elif head in EMPTY:
            if size:
                raise Broken("a body where there is none")
        else:
            raise Broken("a second CONNECT" if head >> 4 == 1 else "a packet or flags that no client sends")

    def _other(self, head: int, data: bytes, body: int, end: int) -> bytes | None:
        """Look at a packet that is no PUBLISH; returns it anew when it must be changed."""
        self._check(head, end - body)
        if head in EMPTY:
            if head == 0xE0:
                assert self.inside is not None
                self.ended = True  # the broker closes, and then so do we
                self.farewell()
            return None
        if not (data[body] or data[body + 1]):
            raise Broken("packet id 0")
        if head in NUMBERED:
            return None
        return self._request(head, data[body:end])

    def _request(self, head: int, body: bytes) -> bytes | None:
        """A SUBSCRIBE or UNSUBSCRIBE with filters as the broker carries them, those that may not be heard denied."""
        account, extra = self.account, REQUESTS[head]
        assert account is not None
        parts, at, changed = [body[:2]], 2, False
        while at < len(body):
            after = at + 2 + int.from_bytes(body[at : at + 2], "big")
            if after + extra > len(body):
                raise Broken("a filter is shorter than it says")
            if extra and body[after] > 2:
                raise Broken("QoS 3")
            raw = body[at + 2 : after]
            written = self._written(raw, account)
            if written is None:
                _denied.inc()
                self.doorman.say(
                    "subscription_denied",
                    self.host,
                    user=account.name,
                    filter=readable(raw[:200]),
                )
                parts.append(DENIED)
            else:
                parts += (len(written).to_bytes(2, "big"), written)
            changed = changed or written != raw
            parts.append(body[after : after + extra])
            at = after + extra
        return framed(head, b"".join(parts)) if changed else None

    def _written(self, raw: bytes, account: Account) -> bytes | None:
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

    verdict: Verdict
    topic: bytes
    qos: int
    number: bytes
    """Its packet id; empty for QoS 0."""
    size: int
    sample: bytes = b""

    def take(self, part: bytes) -> None:
        if len(self.sample) < SAMPLE:
            self.sample += part[: SAMPLE - len(self.sample)]


class Inside(asyncio.Protocol):
    """The broker's side: passes its packets to the device with topics as devices know them."""

    __slots__ = ("answers", "door", "is_let_in", "left", "need", "rest", "timer", "transport")

    def __init__(self, door: Door) -> None:
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
                size, body = measure(data, at)
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
                        length(size + len(plain) - len(topic)),
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
