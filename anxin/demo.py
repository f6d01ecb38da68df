"""`anxin demo`: broker, stream, database, service and a simulated community, with a progress display.

Start at `run`. The demo is the service itself (`service.serve`) with a generated site, demo sign-ins, simulated
phones for the pushes, and the simulator as one more child. Nothing in the service knows that it is a demo but
the words on the screens, and the panel `/sim` that asks the simulator over its control socket.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from anxin import embedded, service
from anxin import settings as anxin_settings
from anxin.embedded.postgres import SOCKET_PATH_BYTES
from anxin.settings import Address, Settings, inherited_environment
from anxin.supervisor import Child, Report, State, stop_signals
from care.clock import SystemClock
from care.errors import Misconfigured
from care.site import Device, Registry, Site, Visits
from care.sitefile import SiteFaults, read_site
from care.words import Exit

PHONES_PORT = 9900
"""Where the site file's `json://127.0.0.1:9900/…` addresses point; another free port is taken when it is not free."""
FIRST_SCENARIO = "cooking_smoke@h0317"
"""The smoke alarm of 23 May. The cooking begins when everything is up; the detector sounds 45 s later: time to sign in."""

_PARTS = {
    "postgres": "database (PostgreSQL)",
    "nats": "broker and stream (NATS)",
    "ingest": "way in",
    "doorman": "doorman (devices' MQTT)",
    "rules": "rules",
    "alerts": "alerts",
    "notify": "notifications",
    "recorder": "history",
    "api": "screens",
    "phones": "simulated phones",
    "community": "simulated community",
}


async def run(
    *, homes: int, port: int, data_dir: Path | None, scenarios: list[str] | None, fresh: bool
) -> int:
    """Run the demo until Ctrl-C."""
    with embedded.Ports() as ports:
        return await _run(ports, homes, port, data_dir, scenarios, fresh=fresh)


async def _run(
    ports: embedded.Ports,
    homes: int,
    port: int,
    data_dir: Path | None,
    scenarios: list[str] | None,
    *,
    fresh: bool,
) -> int:
    console = Console(stderr=True)
    folder = (data_dir or Path(".anxin") / "demo").absolute()
    if fresh and folder.exists():
        _forget(folder)
    settings = anxin_settings.load(
        overrides={"data_dir": folder, "api.listen": f"127.0.0.1:{port}"},
    )
    if not ports.take(settings.api.listen):
        raise Misconfigured(
            f"api.listen: {settings.api.listen} is in use, or another demo that is just starting has chosen it;"
            " stop that or give another --port"
        )
    settings = _free_mqtt(settings, ports)
    from simulators.cli import rehearse
    from simulators.community import generate
    from simulators.scenarios import parse

    wanted = [FIRST_SCENARIO] if scenarios is None else [s for s in scenarios if s != "none"]
    site = generate(homes=homes)
    wanted = _fitting(wanted, site)
    try:
        rehearse(site, tuple(parse(text) for text in wanted), seed=1)
    except ValueError as error:
        raise Misconfigured(str(error)) from None
    phones_port = PHONES_PORT if ports.take(Address("127.0.0.1", PHONES_PORT)) else embedded.free_port()
    site = _with_visits(_with_phones(site, phones_port), SystemClock().now())
    folder.mkdir(parents=True, exist_ok=True)
    invented, site = site, _with_claims(site, folder / "site.yaml")
    settings = replace(settings, site=folder / "site.yaml")
    settings = replace(settings, demo=replace(settings.demo, password=_password(folder)))

    stop = asyncio.Event()
    with _control_socket(folder) as control, stop_signals(stop), _progress(console) as progress:
        settings = replace(settings, demo=replace(settings.demo, simulator=control))
        ending = asyncio.create_task(stop.wait())
        lines = _Lines(progress)
        async with contextlib.AsyncExitStack() as stack:
            starting = asyncio.create_task(
                stack.enter_async_context(
                    service.serve(settings, site=site, what="anxin demo", on_change=lines.heard)
                )
            )
            await asyncio.wait({ending, starting}, return_when=asyncio.FIRST_COMPLETED)
            if not starting.done():
                starting.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await starting
                return int(Exit.good)
            serving = starting.result()
            await serving.running.supervisor.start(
                *_world(serving.settings, invented, folder, wanted, phones_port, control), wait=True
            )
            lines.done()
            _welcome(console, serving.settings, site, phones_port, wanted)
            await ending
            console.print("\nStopping …", style="dim")
    console.print("Everything is stopped. The data stays in", str(folder), style="dim")
    return int(Exit.good)


def _with_claims(site: Site, file: Path) -> Site:
    """The invented community with the devices that were claimed into it before; written down, so that more can be."""
    from simulators.community import to_yaml

    claimed: dict[str, list[Device]] = {}
    known = Registry(site)
    with contextlib.suppress(OSError, UnicodeDecodeError, SiteFaults):
        for home in read_site(file.read_text(encoding="utf-8")).homes:
            more = [
                d
                for d in home.devices
                if d.id not in known.devices and (d.address is None or known.by_topic(d.address) is None)
            ]
            people = known.homes[home.id].residents if home.id in known.homes else []
            claimed[home.id] = [d for d in more if d.resident in (None, *(p.id for p in people))]
    site = msgspec.structs.replace(
        site,
        homes=[msgspec.structs.replace(h, devices=[*h.devices, *claimed.get(h.id, [])]) for h in site.homes],
    )
    file.write_text(to_yaml(site), encoding="utf-8")
    return site


@contextlib.contextmanager
def _control_socket(folder: Path) -> Iterator[Path]:
    """Where the simulator is told what to do: in the demo's folder, or in a short one of its own when its path is too long."""
    path = folder / "simulator.sock"
    if len(os.fsencode(path)) <= SOCKET_PATH_BYTES:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="anxin-") as short:  # its owner's alone
        yield Path(short) / "simulator.sock"


def _forget(folder: Path) -> None:
    if not (folder / "lock").exists() and any(folder.iterdir()):
        raise Misconfigured(f"{folder} does not look like a demo's folder; nothing was deleted")
    if embedded.service(anxin_settings.load(overrides={"data_dir": folder})) is not None:
        raise Misconfigured(f"a service is running on {folder}; stop it first")
    shutil.rmtree(folder)


def _free_mqtt(settings: Settings, ports: embedded.Ports) -> Settings:
    """The demo takes another port when 1883 is somebody else's: it is shown on the screen anyway."""
    if (
        settings.mqtt.url is None
        and "mqtt.listen" not in settings.origins
        and not ports.take(settings.mqtt.listen)
    ):
        listen = Address("127.0.0.1", embedded.free_port())
        return replace(settings, mqtt=replace(settings.mqtt, listen=listen))
    return settings


def _fitting(wanted: list[str], site: Site) -> list[str]:
    """The first scenario's home when there are too few homes for the reference home to be among them."""
    known = {home.id for home in site.homes}
    return [
        s.replace("@h0317", f"@{site.homes[0].id}") if "@h0317" in s and "h0317" not in known else s
        for s in wanted
    ]


def _with_phones(site: Site, port: int) -> Site:
    """The same site with its notification addresses on the port where the simulated phones listen."""

    def moved(urls: list[str]) -> list[str]:
        return [u.replace(f"127.0.0.1:{PHONES_PORT}", f"127.0.0.1:{port}") for u in urls]

    return msgspec.structs.replace(
        site,
        staff=[msgspec.structs.replace(s, notify=moved(s.notify)) for s in site.staff],
        homes=[
            msgspec.structs.replace(
                h, contacts=[msgspec.structs.replace(c, notify=moved(c.notify)) for c in h.contacts]
            )
            for h in site.homes
        ],
    )


def _with_visits(site: Site, now: datetime) -> Site:
    """The same site with visits planned from today on: a date that no invented community can know."""
    today = now.astimezone(ZoneInfo(site.community.timezone)).date()
    policy = msgspec.structs.replace(site.policy, visits=Visits(from_=today))
    return msgspec.structs.replace(site, policy=policy)


def _password(folder: Path) -> str:
    """The demo users' password: made once for a data folder, kept readable for its owner only."""
    file = folder / "demo-password"
    if file.exists():
        return file.read_text().strip()
    password = secrets.token_urlsafe(9)
    file.touch(mode=0o600)
    file.write_text(password + "\n")
    return password


def _world(
    settings: Settings, site: Site, folder: Path, scenarios: list[str], phones_port: int, control: Path
) -> list[Child]:
    """The simulated phones and the simulated community as children."""
    from care.messages import encode

    site_file = folder / "community.json"
    site_file.write_bytes(encode(site))
    logs = folder / "log"
    environment = inherited_environment()
    encrypted = settings.mqtt.certificate is not None
    device_url = f"{'mqtts' if encrypted else 'mqtt'}://{settings.mqtt.listen.reachable}"
    trusted = ("--ca", str(settings.mqtt.ca)) if encrypted and settings.mqtt.ca is not None else ()
    return [
        Child(
            name="phones",
            argv=(sys.executable, "-m", "simulators.phones", "--port", str(phones_port)),
            env=environment,
            output=logs / "phones.log",
        ),
        Child(
            name="community",
            argv=(
                *(sys.executable, "-m", "anxin", "simulate", "--site", str(site_file), "--mqtt", device_url),
                *("--truth", str(folder / "truth.jsonl")),
                *("--control", str(control)),
                *("--phones", f"http://127.0.0.1:{phones_port}"),
                *trusted,
                *(part for s in scenarios for part in ("--scenario", s)),
            ),
            env=environment,
            output=logs / "community.log",
        ),
    ]


class _Lines:
    """A line of the progress display for each part."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks = {
            name: progress.add_task(words, total=1, start=False, state="waits")
            for name, words in _PARTS.items()
        }
        self._finished = False

    def heard(self, report: Report) -> None:
        """A part changed its state."""
        task = self._tasks.get(report.name)
        if task is None or self._finished:
            if self._finished and report.state is State.restarting:
                self._progress.console.print(
                    f"{report.name} ended and is started again: {report.detail}", style="yellow"
                )
            return
        if report.state is State.starting:
            self._progress.start_task(task)
        if report.state is State.ready:
            self._progress.start_task(task)
            self._progress.update(task, completed=1)
            self._progress.stop_task(task)
        self._progress.update(
            task, state=report.state.value + (f" ({report.detail})" if report.detail else "")
        )

    def done(self) -> None:
        """Everything is up; from now on only what goes wrong is told."""
        self._finished = True
        self._progress.stop()


def _progress(console: Console) -> Progress:
    return Progress(
        SpinnerColumn(finished_text="✓"),
        TextColumn("{task.description:<28}"),
        TextColumn("{task.fields[state]}"),
        TimeElapsedColumn(),
        console=console,
        transient=False,
    )


def _welcome(
    console: Console, settings: Settings, site: Site, phones_port: int, scenarios: list[str]
) -> None:
    base = settings.api.public_url
    table = Table(
        title=f"安心 · {site.community.name} · {len(site.homes)} homes",
        title_justify="left",
        show_header=False,
    )
    table.add_column(style="bold")
    table.add_column()
    table.add_row("operator's desk", f"{base}/desk")
    table.add_row("wall screen", f"{base}/wall")
    table.add_row("simulator (admin)", f"{base}/sim")
    table.add_row("simulated phones", f"http://127.0.0.1:{phones_port}/")
    scheme = "mqtts" if settings.mqtt.certificate is not None else "mqtt"
    table.add_row("devices (MQTT)", f"{scheme}://{settings.mqtt.listen.reachable}")
    table.add_row("API", f"{base}/openapi.json")
    table.add_row(
        "sign in as",
        "operator · supervisor · responder · social · family · doctor · technician · admin · auditor",
    )
    table.add_row("password", settings.demo.password or "")
    if scenarios:
        table.add_row("what will happen", ", ".join(scenarios))
        if FIRST_SCENARIO in scenarios:
            table.add_row("", "someone cooks without the range hood: the smoke detector sounds in 45 s")
    table.add_row("another scenario", f"{base}/sim, or anxin simulate --help")
    table.add_row("stop", "Ctrl-C")
    console.print(table)
