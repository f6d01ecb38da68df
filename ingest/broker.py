"""Our connection to the MQTT broker: paho in a thread of its own, which only hands things over. Start at `Broker`.

A message is acknowledged to the broker (PUBACK) when whoever took it says so, and never by a number of an older
connection. What keeps the broker away is said in one sentence, and it is tried again for ever.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, LogLevel, MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from prometheus_client import Counter

from care import tls, topics
from care.clock import Clock
from care.errors import Misconfigured
from ingest.normalize import Message

KEEPALIVE = 10
"""Seconds; a broker that hangs is noticed within 15."""
RECONNECT = (0.1, 5.0)
"""Seconds between tries, at first and at most. It never gives up."""
QOS0_WAITING = 20_000
"""QoS 0 messages that may wait; more are dropped and counted. QoS 1 is bounded by not acknowledging."""
ACK_TIMEOUT = 3.0
ANSWERS_AT_ONCE = 512
"""Answers to devices that wait for the broker's word."""

_dropped = Counter("anxin_ingest_dropped", "QoS 0 messages dropped because too many waited")


@dataclass(slots=True)
class Arrived:
    """A message as the broker handed it over, with what acknowledging it takes."""

    message: Message
    raw_topic: str
    """As the broker writes it."""
    mid: int
    epoch: int
    clock_seconds: float
    left: int = 0
    """Outcomes that are not durable yet."""
    press: bool = False
    alarm_seq: tuple[str, int] | None = None


class Taker(Protocol):
    """Who is told what the broker says, in the event loop."""

    clock: Clock

    def connected(self, session_present: bool) -> None: ...

    def not_connected(self, why: str) -> None: ...

    def subscribed(self, refused: Sequence[str]) -> None: ...

    def arrived(self, arrived: Arrived) -> None: ...


class _Client(mqtt.Client):
    """Paho's, which says why a connection could not be made."""

    def __init__(self, failed: Callable[[OSError], None], *args: Any, **given: Any) -> None:
        super().__init__(*args, **given)
        self._failed = failed

    def reconnect(self) -> MQTTErrorCode:
        try:
            return super().reconnect()
        except OSError as error:
            self._failed(error)
            raise


class Broker:
    """Paho in its own thread. Everything it calls on our side runs in the event loop."""

    def __init__(
        self,
        taker: Taker,
        *,
        url: str,
        client_id: str,
        filters: Sequence[str],
        escaped: bool,
        loop: asyncio.AbstractEventLoop,
        authority: Path | None = None,
    ) -> None:
        """`authority`: with mqtts://, who may have made the broker's certificate, instead of those the system trusts.

        Raises Misconfigured when the address or that file cannot be used.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
            raise Misconfigured("mqtt.url: mqtt://user:password@host:1883 or mqtts://… is wanted")
        port = parts.port or (8883 if parts.scheme == "mqtts" else 1883)
        self._address = f"{parts.scheme}://{parts.hostname}:{port}"
        self._tls = parts.scheme == "mqtts"
        self._said = ""
        """Why the present connection comes to nothing, as far as it is known."""
        self._taker = taker
        self._loop = loop
        self._escaped = escaped
        self._filters = [(topics.escape(f) if escaped else f, 1) for f in filters]
        self._epoch = 0
        self._lock = threading.Lock()
        self._inbox: deque[Arrived] = deque()
        self._told = False
        self._sent: dict[int, asyncio.Future[None]] = {}
        self._client = client = _Client(
            self._failed,
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=False,
            protocol=mqtt.MQTTv311,
            manual_ack=True,
        )
        if parts.username is not None:
            client.username_pw_set(unquote(parts.username), unquote(parts.password or ""))
        if self._tls:
            try:
                client.tls_set_context(tls.context(authority))
            except ValueError as fault:
                raise Misconfigured(f"mqtt.ca: {fault}") from None
        client.max_inflight_messages_set(
            ANSWERS_AT_ONCE
        )  # paho's own limit of 20 made answers wait in a flood
        client.connect_timeout = 2.0
        client.reconnect_delay_set(*RECONNECT)  # type: ignore[arg-type]  # paho adds and compares, fractions work
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        client.on_log = self._on_log
        client.connect_async(parts.hostname, port, KEEPALIVE)

    def start(self) -> None:
        self._client.loop_start()

    def stop(self) -> None:
        """Leave; the session stays and the broker keeps what arrives. Blocks for up to a second."""
        self._client.disconnect()
        self._client.loop_stop()

    # In paho's thread.

    def _on_connect(
        self,
        client: mqtt.Client,
        _userdata: object,
        flags: mqtt.ConnectFlags,
        reason: ReasonCode,
        _p: Properties | None,
    ) -> None:
        if reason.is_failure:
            self._said = f"it refuses the sign-in: {str(reason).lower()}"
            self._tell(self._taker.not_connected, self._why())
            return
        self._said = ""
        client.subscribe(self._filters)
        self._tell(self._taker.connected, flags.session_present)

    def _on_disconnect(
        self, _c: mqtt.Client, _u: object, _f: mqtt.DisconnectFlags, reason: ReasonCode, _p: Properties | None
    ) -> None:
        # Message numbers of the old connection mean other messages in the next one: never acknowledge by them.
        with self._lock:
            self._epoch += 1
        self._said = self._said or str(reason).lower()
        self._tell(self._taker.not_connected, self._why())

    def _failed(self, error: OSError) -> None:
        """No connection could be made; paho tries again by itself."""
        self._said = tls.sentence(error, tls=self._tls, hints=tls.SETTINGS)
        self._tell(self._taker.not_connected, self._why())

    def _on_log(self, _c: mqtt.Client, _u: object, level: int, text: str) -> None:
        # What goes wrong after the handshake (TLS 1.3 asks for our certificate that late) is only logged.
        if level == LogLevel.MQTT_LOG_ERR and "[SSL" in text:
            self._said = tls.sentence(ssl.SSLError(text), tls=True, hints=tls.SETTINGS)

    def _why(self) -> str:
        """What keeps the broker away; an address without its name and password."""
        return f"{self._address}: {self._said}"

    def _on_subscribe(
        self, _c: mqtt.Client, _u: object, _mid: int, reasons: list[ReasonCode], _p: Properties | None
    ) -> None:
        refused = [f for (f, _), reason in zip(self._filters, reasons, strict=False) if reason.is_failure]
        self._tell(self._taker.subscribed, refused)

    def _on_message(self, _c: mqtt.Client, _u: object, m: mqtt.MQTTMessage) -> None:
        try:
            topic = m.topic
        except UnicodeDecodeError:
            topic = m._topic.decode("utf-8", "replace")  # noqa: SLF001  paho has no other way to name it
        if m.qos == 0 and len(self._inbox) >= QOS0_WAITING:
            _dropped.inc()
            return
        now = self._taker.clock.now()
        plain = topics.unescape(topic) if self._escaped else topic
        message = Message(plain, bytes(m.payload), now, m.retain, m.qos)
        self._inbox.append(Arrived(message, topic, m.mid, self._epoch, self._taker.clock.monotonic()))
        if not self._told:
            self._told = True
            self._tell(self._hand_over)

    def _on_publish(
        self, _c: mqtt.Client, _u: object, mid: int, _r: ReasonCode, _p: Properties | None
    ) -> None:
        self._tell(self._published, mid)

    def _tell(self, call: Callable[..., None], *args: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: we are leaving
            self._loop.call_soon_threadsafe(call, *args)

    # In the event loop.

    def _hand_over(self) -> None:
        self._told = False
        inbox = self._inbox
        while True:
            try:
                arrived = inbox.popleft()
            except IndexError:
                return
            self._taker.arrived(arrived)

    def ack(self, arrived: Arrived) -> None:
        """PUBACK, unless the connection it came by is gone: then the broker sends the message again."""
        if arrived.message.qos == 0:
            return
        with self._lock:
            if arrived.epoch == self._epoch:
                self._client.ack(arrived.mid, arrived.message.qos)

    def send(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Publish with QoS 1 and do not wait."""
        self._client.publish(topic, payload, qos=1, retain=retain)

    async def deliver(self, topic: str, payload: bytes) -> bool:
        """Publish with QoS 1; True when the broker has it within ACK_TIMEOUT.

        While disconnected paho keeps it and sends it later; saying it twice is better than not at all.
        """
        future: asyncio.Future[None] = self._loop.create_future()
        info = self._client.publish(topic, payload, qos=1)
        self._sent[info.mid] = future
        try:
            async with asyncio.timeout(ACK_TIMEOUT):
                await future
            return True
        except TimeoutError:
            return False
        finally:
            self._sent.pop(info.mid, None)

    def _published(self, mid: int) -> None:
        future = self._sent.pop(mid, None)
        if future is not None and not future.done():
            future.set_result(None)
