"""One connection to a broker, and the messages that wait for it: made again for ever, and what is wrong is said in one sentence.

Start at `Line`. What was not acknowledged is sent again. A broker may refuse a topic by closing the connection (nats-server
does so for an ASCII space, see reliability.md 2.3); messages with such topics have a connection of their own and are given
up after three refusals, so that nobody waits behind them.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, LogLevel

from care.tls import PERHAPS_TLS, context, perhaps_papers, sentence
from simulators.sensors import Publish

WINDOW = 200
"""Messages under way on one connection; the broker's acknowledgements make room."""
MOST_WAITING = 20_000
"""Beyond this the oldest telemetry of a connection is dropped, as a gateway's small memory does. Alarms never are."""
REFUSALS = 3
ACKS = "anxin/v1/+/+/ack"
ANSWER_WITHIN = 10.0
"""Seconds a broker has to answer a CONNECT."""


@dataclass(frozen=True)
class Broker:
    """Where to publish."""

    host: str
    port: int
    username: str | None = None
    password: str | None = None
    tls: ssl.SSLContext | None = None

    def __str__(self) -> str:
        return f"{'mqtts' if self.tls is not None else 'mqtt'}://{self.host}:{self.port}"


def broker(
    url: str, *, authority: Path | None = None, certificate: Path | None = None, key: Path | None = None
) -> Broker:
    """Read `mqtt://user:pass@host:1883` or `mqtts://…`; raises ValueError with a sentence.

    `authority`: a PEM file that the broker's certificate is checked against instead of the system's. `certificate` and
    `key`: PEM files shown to a broker that asks for a certificate.
    """
    parts = urlsplit(url if "://" in url else f"mqtt://{url}")
    try:
        port = parts.port
    except ValueError:
        port = -1
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname or port == -1:
        raise ValueError(
            f"`{url}` is not a broker; write it like mqtt://user:pass@host:1883 or mqtts://host:8883"
        )
    tls = context(authority, certificate, key) if parts.scheme == "mqtts" else None
    if tls is None and (authority or certificate or key):
        raise ValueError(f"--ca, --cert and --key are for TLS: write mqtts:// instead of `{parts.scheme}://`")
    return Broker(
        parts.hostname,
        port or (8883 if tls is not None else 1883),
        unquote(parts.username) if parts.username else None,
        unquote(parts.password) if parts.password else None,
        tls,
    )


@dataclass
class Tally:
    """What a run has done so far."""

    generated: int = 0
    published: int = 0
    """Acknowledged by the broker, or written to the socket at QoS 0."""
    alarms: int = 0
    """Of these, messages that raise, repeat or end an alarm."""
    acknowledged: int = 0
    """Application acknowledgements that ended a device's repeating."""
    dropped: int = 0
    """Telemetry given up because the broker was away for too long."""
    refused: int = 0
    """Messages with a topic the broker does not take."""
    connects: int = 0
    trouble: str = ""
    """Why there is no connection to the broker, in words; empty when there is one."""
    behind_seconds: float = 0.0
    """How far the world is behind where it should be; 0 when the machine keeps up."""
    refused_topics: set[str] = field(default_factory=set)


UnderWay = tuple[int, paho.MQTTMessageInfo, Publish]
"""Its number among those handed over, what paho knows of it, and the message."""


class Line:
    """One connection and the messages that wait for it."""

    def __init__(
        self, name: str, broker: Broker, tally: Tally, *, window: int = WINDOW, alarms: bool = False,
        on_ack: Callable[[str, bytes], None] | None = None,
    ) -> None:  # fmt: skip
        self.name = name
        self.alarms = alarms
        self.connected = False
        self._broker = broker
        self._tally = tally
        self._window = window
        self._on_ack = on_ack
        self._waiting: deque[Publish] = deque()
        self._written: deque[UnderWay] = deque()
        """At QoS 0: with paho, until it has written them to the socket."""
        self._unanswered: deque[UnderWay] = deque()
        """At QoS 1: until the broker has acknowledged them, which it does in their order."""
        self._wake = asyncio.Event()
        self._lost = False
        self._open = asyncio.Event()
        self._open.set()
        self._handed = 0
        self._tries: dict[str, int] = {}
        self._taken = 0
        self._said = ""
        self._hopeless = False
        """The broker has refused several topics and taken none: it takes no such topics at all."""

    @property
    def pending(self) -> int:
        """Messages not yet with the broker."""
        return len(self._waiting) + self._under_way

    @property
    def _under_way(self) -> int:
        return len(self._written) + len(self._unanswered)

    def hold(self, held: bool) -> None:
        """Cut the connection and make none until it is let go again; what is put meanwhile waits, as at a gateway."""
        if not held:
            self._open.set()
            return
        self._open.clear()
        self._lost = True
        self._wake.set()

    def put(self, message: Publish) -> None:
        if self._hopeless or message.topic in self._tally.refused_topics:
            self._tally.refused += 1
            self._tally.refused_topics.add(message.topic)
            return
        if len(self._waiting) >= MOST_WAITING and not self.alarms:
            self._waiting.popleft()
            self._tally.dropped += 1
        self._waiting.append(message)
        self._wake.set()

    async def run(self) -> None:
        """Connect, publish, and connect again, until cancelled."""
        wait = 0.1
        for n in itertools.count():
            await self._open.wait()
            client = self._client(n)
            ended = PERHAPS_TLS if self._broker.tls is None else perhaps_papers()
            self._lost = False
            try:
                await asyncio.to_thread(client.connect, self._broker.host, self._broker.port, 30)
                self._attend(client)
                await self._until(lambda: self.connected or self._lost, seconds=ANSWER_WITHIN)
                if self.connected and self._open.is_set():
                    self._tally.connects += 1
                    self._tally.trouble = ""
                    wait = 0.1
                    await self._publish(client)
                    self._said, ended = "", "it has ended the connection"
                elif not self._lost:
                    self._said = "it does not answer as an MQTT broker"
                self._tally.trouble = f"{self._broker}: {self._said or ended}"
            except OSError as error:  # the broker is away: try again
                self._tally.trouble = f"{self._broker}: {sentence(error, tls=self._broker.tls is not None)}"
            finally:
                self.connected = False
                client.on_message = client.on_disconnect = client.on_connect = client.on_log = None
                with contextlib.suppress(OSError, ValueError):
                    client.disconnect()
                    client.loop_write()
                self._collect()
                self._leave(client)
                self._blame()
            if not self._open.is_set():
                continue
            await asyncio.sleep(wait)
            wait = min(5.0, wait * 1.7)

    def _client(self, n: int) -> paho.Client:
        ident = f"anxin-sim-{self.name}-{id(self) & 0xFFFFFF:06x}-{n}"
        client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=ident, clean_session=True, protocol=paho.MQTTv311
        )
        client.max_inflight_messages_set(self._window)
        if self._broker.username is not None:
            client.username_pw_set(self._broker.username, self._broker.password)
        if self._broker.tls is not None:
            client.tls_set_context(self._broker.tls)

        def connected(_c: Any, _u: Any, _f: Any, reason: Any, _p: Any = None) -> None:
            if reason.is_failure:
                self._said = f"it refuses the sign-in: {str(reason).lower()}"
                self._lost = True
            else:
                if self._on_ack is not None:
                    client.subscribe(ACKS, qos=1)
                self.connected = True
                client.on_log = None  # from here on it would be a line for each message
            self._wake.set()

        def lost(*_: Any) -> None:
            self._lost = True
            self._wake.set()

        def heard(_c: Any, _u: Any, message: paho.MQTTMessage) -> None:
            if self._on_ack is not None:
                self._on_ack(message.topic, bytes(message.payload))

        def logged(_c: Any, _u: Any, level: int, text: str) -> None:
            # What goes wrong after the handshake (TLS 1.3 asks for our certificate that late) is only logged.
            if level == LogLevel.MQTT_LOG_ERR and "[SSL" in text:
                self._said = sentence(ssl.SSLError(text), tls=True)

        client.on_connect, client.on_disconnect, client.on_log = connected, lost, logged
        client.on_message = heard
        # No on_publish: paho would make two objects for each message of QoS 0 only to say that it is written.
        return client

    def _attend(self, client: paho.Client) -> None:
        """Let the event loop read and write for this client, once its socket is open; no thread of paho's runs.

        A thread for each connection takes three times the time for a message: it is woken by a byte on a socket for each one,
        and contends with the world for the interpreter (benchmarks/simulator.py).
        """
        loop = asyncio.get_running_loop()

        def read() -> None:
            client.loop_read()
            # TLS may hold whole packets that the socket no longer shows as waiting.
            while isinstance(sock := client.socket(), ssl.SSLSocket) and sock.pending():
                client.loop_read()
            self._wake.set()

        def write() -> None:
            client.loop_write()
            self._wake.set()

        def register(_c: Any, _u: Any, sock: Any) -> None:
            loop.add_writer(sock, write)

        def unregister(_c: Any, _u: Any, sock: Any) -> None:
            loop.remove_writer(sock)

        def close(_c: Any, _u: Any, sock: Any) -> None:
            loop.remove_reader(sock)
            loop.remove_writer(sock)

        client.on_socket_register_write, client.on_socket_unregister_write = register, unregister
        client.on_socket_close = close
        sock = client.socket()
        if sock is None:  # the broker closed it while the thread was coming back
            self._lost = True
            return
        loop.add_reader(sock, read)

    def _leave(self, client: paho.Client) -> None:
        """Close what a broker that no longer reads has kept open."""
        sock = client.socket()
        if sock is None:
            return
        loop = asyncio.get_running_loop()
        loop.remove_reader(sock)
        loop.remove_writer(sock)
        with contextlib.suppress(OSError):
            sock.close()

    async def _until(self, done: Callable[[], bool], seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not done():
                    self._wake.clear()
                    if not done():
                        await self._wake.wait()

    async def _publish(self, client: paho.Client) -> None:
        while not self._lost:
            self._wake.clear()
            self._collect()
            while self._waiting and self._under_way < self._window and not self._lost:
                message = self._waiting.popleft()
                if message.topic in self._tally.refused_topics:
                    self._tally.refused += 1
                    continue
                qos = 1 if self._window == 1 else message.qos
                try:
                    info = client.publish(message.topic, message.payload, qos, message.retain)
                except ValueError:  # no broker would take this topic
                    self._tally.refused += 1
                    self._tally.refused_topics.add(message.topic)
                    continue
                if info.rc != paho.MQTT_ERR_SUCCESS:
                    self._waiting.appendleft(message)
                    break
                self._handed += 1
                (self._unanswered if qos else self._written).append((self._handed, info, message))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self._wake.wait()
            client.loop_misc()

    def _collect(self) -> None:
        """Take note of what is written and of what the broker has acknowledged."""
        for way in (self._written, self._unanswered):
            while way and way[0][1].is_published():
                *_, message = way.popleft()
                self._tally.published += 1
                self._taken += 1
                self._tally.alarms += message.alarm

    def _blame(self) -> None:
        """After a lost connection: what was under way goes again, except what the broker will never take."""
        # In the order in which they came: of two readings of one device the later one is heard last.
        back = [m for *_, m in heapq.merge(self._unanswered, self._written, key=itemgetter(0))]
        self._unanswered.clear()
        self._written.clear()
        if self._window == 1 and back:
            topic = back[0].topic
            self._tries[topic] = self._tries.get(topic, 0) + 1
            if self._tries[topic] >= REFUSALS:
                self._tally.refused += len(back)
                self._tally.refused_topics.add(topic)
                back = []
                refused = sum(1 for tries in self._tries.values() if tries >= REFUSALS)
                if refused >= REFUSALS and not self._taken:
                    self._hopeless = True
                    self._tally.refused += len(self._waiting)
                    self._tally.refused_topics.update(m.topic for m in self._waiting)
                    self._waiting.clear()
        self._waiting.extendleft(reversed(back))
