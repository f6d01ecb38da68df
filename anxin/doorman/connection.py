"""A device's side of a connection: its packets pass to the broker. In a calm, in order and without waiting for a whole packet."""

from __future__ import annotations

import asyncio
import secrets
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from prometheus_client import Counter
from structlog import get_logger

from anxin.doorman.flow import HELD, marks
from anxin.doorman.inside import FAREWELL_SECONDS, Inside, Pausing
from anxin.doorman.packets import (
    EMPTY,
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
from anxin.doorman.rights import DEVICE_BYTES, Account, Verdict, may_hear
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
UNSETTLED = 256
"""Refused messages of one connection that are not in quarantine yet; then it is not read for a while."""
TELL_SECONDS = 0.25
"""What was cut of a flood is recorded, and then acknowledged, so often."""
CUT = 20_000
"""Acknowledgements of one connection that wait for the record of what was cut; then it is not read for a while."""
CUT_TOPICS = 50
"""Devices named in such a record; the others are one sum."""
DENIED = b"\x00\x01 "
"""A filter our broker refuses to everybody (it holds a space), with its length: it answers 0x80 for it."""
_published = Counter("anxin_doorman_messages", "Messages of devices passed on to the broker")
_escaped = Counter("anxin_doorman_escaped", "Messages whose topic was rewritten for the broker")
_paced = Counter("anxin_doorman_paced", "Times a connection began to wait its turn because it sent too much")
_denied = Counter("anxin_doorman_denied_filters", "Subscriptions that were refused")
_closed = Counter("anxin_doorman_closed", "Connections closed for what the client did", ["why"])
sign_ins = Counter("anxin_doorman_sign_ins", "Sign-ins", ["outcome"])


class Door(asyncio.Protocol):
    """A device's side: reads its packets, passes them to the broker, refuses what can never be accepted."""

    __slots__ = (
        "account",
        "broker_is_slow",
        "busy",
        "client_id",
        "cut",
        "cut_answers",
        "cut_timer",
        "cut_waiting",
        "discarded",
        "doorman",
        "ended",
        "held",
        "host",
        "inside",
        "left",
        "need",
        "parting",
        "rest",
        "stalled",
        "task",
        "timer",
        "transport",
        "unanswered",
        "unsettled",
    )

    def __init__(self, doorman: Doorman) -> None:
        self.doorman = doorman
        self.transport: Pausing | None = None
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
        self.held = doorman.flow.opened()
        """What waits because it sent too much."""
        self.unanswered = 0
        self.stalled = False
        """Even an alarm has no room: it is not read until there is some."""
        self.parting: bytes | None = None
        """It has said all, but something of it waits; this is the last word for the broker then."""
        self.cut: dict[bytes, list[int]] = {}
        """By topic: messages that were left out and are not recorded yet; how many, and the bytes of one."""
        self.cut_answers = bytearray()
        self.cut_waiting = 0
        """Acknowledgements that wait for such a record to be durable."""
        self.cut_timer: asyncio.TimerHandle | None = None
        self.timer: asyncio.TimerHandle | None = None
        self.task: asyncio.Task[None] | None = None

    # -- from asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("Pausing", transport)
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
            if self.held.count:
                self.parting = b""
            return False  # TLS ends both ways at once
        self._part(b"")
        return True

    def connection_lost(self, _exc: Exception | None) -> None:
        self.ended = True
        self.transport = None
        self._stop_timer()
        self._tell_cut()
        if self.task is not None:
            self.task.cancel()
        self.doorman.gone(self)
        if self.parting is not None and self.inside is not None and self.inside.transport is not None:
            # It took its leave: what waits of it is still passed on.
            self.timer = asyncio.get_running_loop().call_later(self._patience, self.forget)
        else:
            self.forget()

    def forget(self) -> None:
        """Nothing more of it is passed on. What has no acknowledgement is said again by whoever wants it heard."""
        self._stop_timer()
        self.parting = None
        self.doorman.flow.closed(self, self.held, self.unanswered)
        self.unanswered = 0
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
        self.task = None
        self._read_or_not()
        self._read_on()

    def _read_on(self) -> None:
        """Look again at what was read and not looked at."""
        early = bytes(self.rest)
        self.rest.clear()
        self.need = 2
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
        room = self.doorman.flow.room(self.held)
        start = at = count = numbered = 0  # from `start` to `at`: looked at, to be passed on as it is
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
                if count >= room and size <= DEVICE_BYTES + topics.TOPIC_BYTES:
                    if end > size_here:
                        self.need = end - at
                        break
                    wording = marks(data[payload:end])
                    is_grave = verdict.grave or bool(wording)
                    if not is_grave or not self.doorman.flow.lets_past(self.held, topic, wording):
                        if not self._hold(verdict, topic, data[at:end], payload - at, qos, is_grave):
                            break
                        pieces.append(data[start:at])
                        at = start = end
                        continue
                count += 1
                numbered += qos != 0
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
                self._passed(count, numbered)
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
                self.ended = True  # the broker closes, and then so do we
                return self._part(bytes((head, 0)))
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

    def _passed(self, count: int, numbered: int) -> None:
        """Take note of messages passed on; too many, and what follows waits its turn."""
        _published.inc(count)
        doorman, held = self.doorman, self.held
        doorman.count += count
        self.unanswered += numbered
        doorman.flow.passed(held, count, numbered)

    def _hold(
        self, verdict: Verdict, topic: bytes, packet: bytes, payload: int, qos: int, is_grave: bool
    ) -> bool:
        """Let a message wait its turn, or cut it when there is no room; False when it can be neither: nothing more is read then."""
        doorman, account = self.doorman, self.account
        flow = doorman.flow
        if flow.has_room(self.held):
            if not self.held.count:
                _paced.inc()
                doorman.say("client_slowed", self.host, user=account.name if account else None)
            if verdict.framed is not None:
                _escaped.inc()
                number = packet[payload - 2 : payload] if qos else b""
                rest = verdict.framed + number + packet[payload:]
                packet = framed(packet[0], rest)
            flow.hold(self, self.held, topic, packet, qos != 0)
            return True
        if is_grave or self.cut_waiting >= CUT:
            self.stalled = True
            self._read_or_not()
            return False
        key = topic if topic in self.cut or len(self.cut) < CUT_TOPICS else b""
        told = self.cut.setdefault(key, [0, len(packet) - payload])
        told[0] += 1
        if qos:
            self.cut_waiting += 1
            self.cut_answers += bytes((0x40 if qos == 0x02 else 0x50, 2)) + packet[payload - 2 : payload]
        if self.cut_timer is None:
            self.cut_timer = asyncio.get_running_loop().call_later(TELL_SECONDS, self._tell_cut)
        return True

    def _tell_cut(self) -> None:
        """Record what was cut; whoever waits for an acknowledgement of it gets that when the record is durable."""
        if self.cut_timer is not None:
            self.cut_timer.cancel()
            self.cut_timer = None
        if not self.cut or self.account is None:
            return
        cut, answers = self.cut, bytes(self.cut_answers)
        self.cut, self.cut_answers = {}, bytearray()
        left = len(cut)
        self.doorman.flow.cut(sum(times for times, _ in cut.values()))

        def settled() -> None:
            nonlocal left
            left -= 1
            if not left:
                self.cut_waiting -= len(answers) // 4
                if answers and self.inside is not None:
                    self.inside.answer(answers)
                self.relieved()

        for topic, (times, size) in cut.items():
            verdict = self.account.verdicts.get(topic) or self.account.judge(topic, self.doorman.registry)
            self.doorman.left_out(self.account, verdict if topic else None, topic, times, size, settled)

    def release(self, packets: bytes) -> None:
        """What waited passes on to the broker."""
        if self.inside is not None:
            self.inside.write(packets)

    def relieved(self) -> None:
        """There is room again, or nothing waits any more."""
        if self.parting is not None and not self.held.count:
            last, self.parting = self.parting, None
            if self.inside is not None:
                if last:
                    self.inside.write(last)
                self.inside.no_more()
        if self.stalled and not self.ended and self.cut_waiting < CUT and self.held.count <= HELD // 2:
            self.stalled = False
            self._read_or_not()
            self._read_on()

    def _part(self, last: bytes) -> bytes | None:
        """It has said all: pass on its last word, after what waits. Nothing (None) to change when nothing does."""
        self.farewell()
        if self.held.count:
            self.parting = last
            return b""
        if not last and self.inside is not None:
            self.inside.no_more()
        return None

    def slow(self, slow: bool) -> None:
        """The broker takes nothing more, or again."""
        self.broker_is_slow = slow
        self._read_or_not()

    def _read_or_not(self) -> None:
        if self.transport is None:
            return
        if self.broker_is_slow or self.stalled or self.unsettled >= UNSETTLED:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()

    def answered(self, count: int) -> None:
        """The broker has answered so many messages."""
        self.unanswered = max(0, self.unanswered - count)
        self.doorman.flow.answered(count)

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

    @property
    def _patience(self) -> float:
        return FAREWELL_SECONDS + self.held.count / self.doorman.flow.slowest

    def farewell(self) -> None:
        """Give what is on its way some time, then cut."""
        self._stop_timer()
        self.timer = asyncio.get_running_loop().call_later(self._patience, self._cut)

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
