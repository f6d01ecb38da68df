"""The doorman: the only way for devices to our own broker. It keeps poison out, names apart and rights in force.

Start at `run`, the role; `Doorman` listens; each device has a `Door` (its side) and an `Inside` (the broker's).
It reads MQTT 3.1.1 packets as they pass and changes four things only: topics our broker cannot carry are written so
that it can (`care.topics`), the client id is put under the name of who signed in, the credentials become our own, and
a filter that may not be heard becomes one that the broker refuses. Everything else passes byte for byte, in order, and
never waits for a whole packet, unless somebody says too much (`flow`). It acknowledges nothing itself, except a message
that could never be accepted (too large, a topic that is none, not this sender's, or of a flood without end): that one
is in quarantine before its PUBACK goes out, so that the device forgets it and the SOS behind it comes through.
See docs/adr/0007-a-doorman-before-the-broker.md.

`rights` says who may do what, `packets` reads MQTT, `connection` and `inside` are the two sides, `flow` is what passes
in a flood, `quarantine` takes what is refused.
`add_gateway`, `remove_gateway` and `gateways` are for whoever gives out credentials; they need the stream only.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import resource
import ssl
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec
from prometheus_client import Counter, Gauge
from structlog import get_logger

from anxin.doorman.connection import HELLO_SECONDS, Door, sign_ins
from anxin.doorman.flow import EACH, Flow
from anxin.doorman.packets import NOT_AUTHORISED, Broken, Hello, NotWelcome, readable
from anxin.doorman.quarantine import Quarantine, Waiting
from anxin.doorman.rights import (
    ANONYMOUS,
    NAME,
    PREFIX,
    RESERVED,
    Account,
    Gateway,
    Verdict,
    add_gateway,
    gateways,
    remove_gateway,
    secret_hash,
)
from anxin.settings import Address
from care.clock import Clock
from care.errors import Misconfigured, Reason, Temporary
from care.guessing import Guesses, origin_of
from care.ids import content_id, epoch_ms
from care.messages import Beat, Refusal, decode, encode
from care.site import Registry, Site
from care.stream import HEALTH, PEOPLE, REGISTRY, Stream
from care.words import Kind

__all__ = [
    "NAME",
    "RESERVED",
    "Doorman",
    "Gateway",
    "Tls",
    "add_gateway",
    "gateways",
    "remove_gateway",
    "run",
]

log = get_logger("doorman")

RIGHTS_SECONDS = 2.0
"""Right after a start the credentials are being read; whoever signs in waits so long for them."""
STRANGERS = 1_000
"""Connections that have not signed in yet; the oldest goes when more come."""
CONNECTIONS = 20_000
WRONG_SECONDS = (0.5, 5.0)
"""A wrong password is answered late: so much later with each one from the same address, at most so late."""
WRONG_WAITING = 32
"""Wrong ones of one address that may wait for their answer; more are closed without one."""
RECORDS, RECORDS_PER_SECOND = 30.0, 0.5
"""Refusals of one sender recorded one by one: so many at once, then so many a second; the rest as a sum."""
BEAT_SECONDS = 2.0
_connections = Gauge("anxin_doorman_connections", "Devices that are signed in")
_guesses = Counter("anxin_doorman_guesses", "Sign-ins refused for a wrong name or password", ["origin"])
_refused = Counter("anxin_doorman_refused", "Messages refused into quarantine", ["why"])


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
        pace: tuple[float, float] | None = EACH,
    ) -> None:
        self.stream = stream
        self.clock = clock
        self.flow = Flow(clock, each=pace)
        self.listen = listen
        self.upstream = upstream
        self.credentials = upstream_credentials
        self.registry: Registry | None = None
        self.count = 0
        self._sign_in = sign_in
        self._tls = tls
        self._shared = Account(sign_in[0] if sign_in is not None else ANONYMOUS)
        self._shared_hash = secret_hash(sign_in[1]) if sign_in is not None else ""
        self._accounts: dict[str, Account] = {}
        self._gateways_known = asyncio.Event()
        self._site_known = asyncio.Event()
        self._strangers: OrderedDict[Door, None] = OrderedDict()
        self._connected = 0
        self._open = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._quarantine = Quarantine(stream)
        self.guesses = Guesses()
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
                lambda: Door(self),
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

    def admit(self, door: Door) -> bool:
        """A new connection: False when there are too many. The oldest one that has not signed in makes room."""
        self._open += 1
        self._strangers[door] = None
        if len(self._strangers) > STRANGERS:
            oldest = next(iter(self._strangers))
            del self._strangers[oldest]
            oldest.end("too many have not signed in")
        return self._open <= CONNECTIONS

    def let_in(self, door: Door) -> None:
        """It has signed in."""
        self._strangers.pop(door, None)
        self._connected += 1
        sign_ins.labels("accepted").inc()

    def gone(self, door: Door) -> None:
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

    def still(self, account: Account) -> bool:
        """Whether an account found a moment ago is still in force."""
        return account is self._shared or self._accounts.get(account.name) is account

    async def sign_in(self, hello: Hello, host: str) -> Account | None:
        """Who this is; None when that cannot be known now. Raises `NotWelcome` after a while when it is nobody."""
        if hello.username is None:
            if self._sign_in is None and self.listen.loopback:
                return self._shared
            await self._answer_late(host)
            raise NotWelcome(NOT_AUTHORISED, "it did not sign in")
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
        raise NotWelcome(NOT_AUTHORISED, "wrong name or password")

    async def _answer_late(self, host: str) -> None:
        """Make guessing slow. A right password is never made to wait: who guesses must not lock an alarm out."""
        now = self.clock.monotonic()
        self.guesses.note(host, self.clock.now())
        _guesses.labels(origin_of(host)).inc()
        record = self._wrong.setdefault(host, [0.0, 0.0, now])
        self._wrong.move_to_end(host)
        if len(self._wrong) > 10_000:
            self._wrong.popitem(last=False)
        record[0] = max(0.0, record[0] - (now - record[2]) / 10) + 1
        record[2] = now
        if record[1] >= WRONG_WAITING:
            raise Broken("too many wrong passwords")
        record[1] += 1
        try:
            await asyncio.sleep(min(WRONG_SECONDS[0] * record[0], WRONG_SECONDS[1]))
        finally:
            record[1] -= 1

    # -- what is refused

    def refuse(
        self,
        account: Account,
        verdict: Verdict,
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
        refusal = None
        if account.may_record(now, 4 * RECORDS if verdict.alarm else RECORDS, RECORDS_PER_SECOND):
            shown = readable(topic)
            refusal = Refusal(
                refusal_id=content_id("doorman", account.name, name, topic, size, sample),
                topic=shown,
                reason=reason.value,
                received_at=at,
                detail=f"{detail} (sent by {account.name})",
                home=verdict.home,
                device=verdict.device,
                # What somebody says on a topic that is not his own is not kept: it may be about anybody.
                sample=readable(sample) if too_large else "",
                alarm=verdict.alarm,
            )
            log.warning(
                "message_refused", user=account.name, topic=shown[:200], reason=reason.value, detail=detail
            )
        self._quarantine.put(Waiting(refusal, account.name, reason, at, done))

    def left_out(
        self,
        account: Account,
        verdict: Verdict | None,
        topic: bytes,
        times: int,
        size: int,
        done: Callable[[], None],
    ) -> None:
        """Record that so many messages of a flood were left out; `done` is called when that is durable.

        `verdict` None: of more topics than are named.
        """
        now, at = self.clock.monotonic(), self.clock.now()
        _refused.labels(Reason.flood.value).inc(times)
        home, device = (verdict.home, verdict.device) if verdict is not None else (None, None)
        if home is None and account.gateway is not None and len(account.gateway.homes) == 1:
            home = account.gateway.homes[0]
            device = self._gateway_of(home)
        refusal = None
        if account.may_record(now, RECORDS, RECORDS_PER_SECOND):
            refusal = Refusal(
                refusal_id=content_id("doorman", account.name, "flood", topic, epoch_ms(at), times),
                topic=readable(topic),
                reason=Reason.flood.value,
                received_at=at,
                detail=f"{times} messages of about {size} bytes were left out (sent by {account.name})",
                home=home,
                device=device,
                times=times,
            )
            log.warning("flood_cut", user=account.name, topic=readable(topic)[:200], times=times)
        self._quarantine.put(Waiting(refusal, account.name, Reason.flood, at, done, times))

    def _gateway_of(self, home: str) -> str | None:
        found = self.registry.homes.get(home) if self.registry is not None else None
        return next((d.id for d in found.devices if d.kind is Kind.gateway), None) if found else None

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
            self._accounts[name] = Account(name, gateway)

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
            for told in self.guesses.take(now):
                log.warning(
                    "sign_ins_refused", origin=told.origin, count=told.count, addresses=told.addresses
                )
            guessed = self.guesses.sentence(now)
            beat = Beat(
                role="doorman",
                at=now,
                started_at=self._started_at,
                position=self.count,
                last_input_at=self._last_input_at,
                detail=f"{self._connected} devices{'; ' if guessed else ''}{guessed}",
            )
            with contextlib.suppress(Temporary, TimeoutError, msgspec.MsgspecError):
                async with asyncio.timeout(BEAT_SECONDS):
                    await self.stream.put(HEALTH, "beat.doorman", encode(beat))
                    ingest = await self.stream.get(HEALTH, "beat.ingest")
                    if ingest is not None and ingest.data is not None:
                        self.flow.heed(decode(ingest.data, Beat).lag_seconds)
            await asyncio.sleep(BEAT_SECONDS)


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
    pace: tuple[float, float] | None = EACH,
) -> None:
    """The role `doorman`, until cancelled.

    `listen` is where devices come (`mqtt.listen`), `upstream` the broker's private listener and
    `upstream_credentials` its user for devices. `sign_in` is the name and password all devices share
    (`mqtt.username`, `mqtt.password`); without it anybody is let in who can reach a loopback address, and nobody but
    gateways on any other. `pace`: messages of one connection that pass at once, and then a second; None for no limit
    at all.
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
