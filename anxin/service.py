"""`anxin up`: the service for real. Starts the embedded parts, loads what the settings name, starts every role.

Start at `up`. `serve` is shared with the demo: it yields once everything answers, and stops all of it when the
block ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import structlog

from anxin import embedded, wiring
from anxin.embedded import Running
from anxin.settings import Address, Settings, target
from anxin.supervisor import Report, State, stop_signals
from care.clock import Clock, SystemClock
from care.errors import Misconfigured, Temporary
from care.messages import Beat, decode
from care.site import Registry, Site
from care.stream import HEALTH, Stream
from care.words import Exit

log = structlog.get_logger(__name__)

SILENT = timedelta(seconds=10)
"""A role beats every 2 s; silent for this long, and for the supervisor's four questions (20 s) more, it hangs."""


@dataclass(frozen=True)
class Serving:
    """A service that answers."""

    running: Running
    settings: Settings


def _port_is_free(address: Address) -> None:
    """Refuse in one sentence when somebody else listens there already."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address.host, address.port))
        except OSError as error:
            raise Misconfigured(
                f"api.listen: {address} cannot be used ({error.strerror}); stop what listens there or choose another port"
            ) from None


def _nothing_real(settings: Settings) -> None:
    """A simulated community never gets into a broker, stream or database that was there before it."""
    own = [
        name
        for name, url in (
            ("mqtt.url", settings.mqtt.url),
            ("stream.url", settings.stream.url),
            ("database.url", settings.database.url),
        )
        if url is not None
    ]
    if settings.demo.simulator is not None and own:
        where = settings.origins.get(own[0])
        raise Misconfigured(
            f"{' and '.join(own)} {'is' if len(own) == 1 else 'are'} set{f' by {where}' if where else ''}, and a simulated "
            "community may only use parts of its own; leave that out, or start without a simulator"
        )


@contextlib.asynccontextmanager
async def serve(
    settings: Settings,
    *,
    site: Site | None = None,
    what: str = "anxin up",
    on_change: Callable[[Report], None] | None = None,
) -> AsyncIterator[Serving]:
    """Run all parts and roles; `site` is loaded before the first device is heard (else `settings.site`, else what is there)."""
    if site is None and settings.site is not None:
        site = wiring.read_site_file(settings.site)
    _nothing_real(settings)
    _port_is_free(settings.api.listen)
    # Our own broker is behind the doorman; somebody else's has its own rules.
    doorman = settings.mqtt.url is None and "doorman" in wiring.ROLES
    async with (
        embedded.running(settings, what=what, on_change=on_change, doorman=doorman) as running,
        contextlib.AsyncExitStack() as stack,
    ):
        filled = running.settings
        async with wiring.open_stream(filled) as stream:
            if site is not None:
                await wiring.load_site(stream, site)
            registry = Registry(site) if site is not None else await wiring.registry_now(stream)
            if filled.demo.password is not None and registry is not None:
                await wiring.make_demo_users(stream, registry, filled.demo.password)
            if registry is None:
                log.warning("no_site_loaded", remedy="anxin site load FILE")
        beats = await stack.enter_async_context(wiring.open_stream(filled, name="anxin-beats"))
        logs = filled.data_dir / "log"
        ready = f"http://{filled.api.listen.reachable}/healthz"
        children = [
            embedded.role(name, filled, output=_log(logs, name), ready=ready)
            if name == "api"  # a browser asks it by HTTP, and so do we
            else replace(
                embedded.role(name, filled, output=_log(logs, name)),
                alive=partial(still_beating, beats, SystemClock(), name),
            )
            for name in wiring.ROLES
            if name != "doorman"
        ]
        # The way in comes last: nobody is heard before there is somebody to act on it.
        await running.supervisor.start(*(c for c in children if c.name != "ingest"))
        await running.supervisor.start(*(c for c in children if c.name == "ingest"))
        if doorman:
            await running.supervisor.start(embedded.doorman(filled, output=_log(logs, "doorman")))
        yield Serving(running, filled)


async def still_beating(stream: Stream, clock: Clock, role: str, started: datetime) -> None:
    """Raise Temporary when a role that has spoken since `started` has said nothing for `SILENT`.

    A process can live and be deaf: a loop that hangs, a task that ate its cancellation. What cannot be asked is no
    proof of a hang: while the stream does not answer, and until the first beat (a long log is being read), nothing is
    done; `/readyz` says that it is not known.
    """
    try:
        entry = await stream.get(HEALTH, f"beat.{role}")
    except Temporary:
        return
    beat = None if entry is None or entry.data is None else decode(entry.data, Beat)
    if beat is None or beat.at < started:
        return
    silent = clock.now() - beat.at
    if silent > SILENT:
        raise Temporary(f"no beat for {silent.total_seconds():.0f} s")


def _log(folder: Path, name: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{name}.log"


def report_line(report: Report) -> None:
    """A change of a child's state as a log line."""
    if report.state is State.restarting:
        log.warning("part_restarting", part=report.name, starts=report.starts, detail=report.detail)
    else:
        log.info("part_changed", part=report.name, state=report.state.value, pid=report.pid)


async def up(settings: Settings) -> int:
    """Run until SIGINT or SIGTERM."""
    stop = asyncio.Event()
    with stop_signals(stop):
        ending = asyncio.create_task(stop.wait())
        async with contextlib.AsyncExitStack() as stack:
            starting = asyncio.create_task(stack.enter_async_context(serve(settings, on_change=report_line)))
            await asyncio.wait({ending, starting}, return_when=asyncio.FIRST_COMPLETED)
            if not starting.done():
                starting.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await starting
                return int(Exit.good)
            serving = starting.result()
            # Where devices publish: a configured broker (without its credentials), else our own door.
            broker = target(settings.mqtt.url) if settings.mqtt.url else None
            log.info(
                "service_ready",
                screens=serving.settings.api.public_url,
                mqtt=f"{broker.host}:{broker.port}" if broker else str(serving.settings.mqtt.listen),
            )
            await ending
            log.info("service_stopping")
    return int(Exit.good)
