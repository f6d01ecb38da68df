"""`anxin devices unclaimed`, `claim`, `import`: from a device that publishes to one that is in the site file and watched.

The site file stays the truth: a claim is a line in it, put in where a person would have written it, and then the file is
loaded as `anxin site load` loads it. All or nothing: a line that would make the file faulty is not written.
"""

from __future__ import annotations

import asyncio
import contextlib
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import msgspec
import typer

from anxin import claiming
from care import siteedit
from care.errors import CareError
from care.ids import iso
from care.messages import Unclaimed, decode
from care.site import Device, Registry
from care.sitefile import SiteFaults, read_site
from care.stream import QUARANTINE, Stream
from care.words import Exit, Kind
from devices import entries as table

if TYPE_CHECKING:
    from anxin.settings import Settings

Config = Annotated[
    Path | None, typer.Option("--config", "-c", help="Settings file; ./anxin.toml is read when it is there.")
]
SiteFile = Annotated[
    Path | None,
    typer.Option("--site", help="The site file; the setting `site` if not given.", show_default=False),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check, print the lines, and change nothing.")]
KINDS = ", ".join(kind.value for kind in Kind)


def register(app: typer.Typer) -> None:
    """Put the commands below `anxin devices`."""
    app.command(
        epilog='Example: anxin devices claim "zigbee2mqtt/h0317/kitchen smoke" --home h0317 --kind smoke --room kitchen'
    )(claim)
    app.command(
        name="import", epilog="Example: anxin devices import 设备清单.csv --site site.yaml --dry-run"
    )(import_)
    app.command(epilog="Example: anxin devices unclaimed --json")(unclaimed)


def _say(text: str) -> None:
    typer.echo(text, err=True)


def _stop(lines: Sequence[str], status: Exit = Exit.fault) -> NoReturn:
    for line in lines:
        _say(line)
    raise typer.Exit(int(status))


# -- the file -----------------------------------------------------------------------------------------------------


def _site_file(named: Path | None, settings: Settings) -> Path:
    file = named or settings.site
    if file is None:
        _stop(["anxin: name the site file with --site, or set `site` in anxin.toml"], Exit.usage)
    return file


def _text(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        _stop([f"anxin: {file} cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8 text'}"])


def _registry(file: Path, text: str) -> Registry:
    try:
        return Registry(read_site(text))
    except SiteFaults as faults:
        _stop([*(f"{file}:{f.line}: {f.text}" for f in faults.faults), "anxin: mend the site file first"])


def _add(
    found: list[tuple[str, Device]], file: Path, text: str, settings: Settings, *, dry_run: bool, load: bool
) -> None:
    """Write devices into the site file and load it."""
    try:
        added = siteedit.add_devices(text, found, write=lambda d: table.as_line(d).removeprefix("- "))
    except SiteFaults as faults:
        _stop([*(f"{file}:{f.line}: {f.text}" for f in faults.faults), "anxin: nothing was written"])
    if dry_run:
        typer.echo(table.as_yaml(found), nl=False)
        _say(f"{file}: {len(found)} devices could be added; nothing was written")
        return
    claiming.replace_text(file, text, added.text)
    for (_, device), line in list(zip(found, added.lines, strict=True))[:20]:
        _say(f"{file}:{line}: {table.as_line(device).removeprefix('- ')}")
    if len(found) > 20:
        _say(f"{file}: and {len(found) - 20} more")
    if not load:
        return

    async def work() -> None:
        from anxin import wiring

        async with wiring.brief_stream(settings) as stream:
            await wiring.load_site(stream, added.site)

    try:
        asyncio.run(work())
    except CareError as error:
        _stop(
            [
                f"anxin: {file} was changed but could not be loaded: {error}; then: anxin site load {shlex.quote(str(file))}"
            ]
        )
    _say(
        f"{file}: loaded: {len(added.site.homes)} homes, {sum(len(h.devices) for h in added.site.homes)} devices"
    )


NoLoad = Annotated[bool, typer.Option("--no-load", help="Write the site file, but do not load it.")]


def claim(
    device: Annotated[
        str,
        typer.Argument(help="What it is listed under as unclaimed: its topic, or its id on our own topics."),
    ],
    home: Annotated[str, typer.Option(help="Id of the home.")],
    kind: Annotated[str, typer.Option(help=f"One of {KINDS}.")],
    room: Annotated[str, typer.Option(help="Where it stands.")] = "",
    name: Annotated[
        str | None, typer.Option("--id", help="Id of the device; one is made if not given.")
    ] = None,
    resident: Annotated[str | None, typer.Option(help="Whom it is about.")] = None,
    model: Annotated[str, typer.Option(help="Its model, as Zigbee2MQTT or its maker names it.")] = "",
    site: SiteFile = None,
    config: Config = None,
    dry_run: DryRun = False,
    no_load: NoLoad = False,
) -> None:
    """Claim a device that publishes: one line in the site file, which is then loaded. The service need not be restarted."""
    from anxin import settings as known

    if kind not in set(Kind):
        _stop([f"anxin: kind `{kind}` is none of {KINDS}"], Exit.usage)
    settings = known.load(config)
    file = _site_file(site, settings)
    text = _text(file)
    registry = _registry(file, text)
    try:
        found = claiming.entry(
            registry,
            device,
            home=home,
            kind=Kind(kind),
            room=room,
            name=name or "",
            resident=resident or "",
            model=model,
        )
    except table.RowFaults as faults:
        _stop([f"anxin: {fault.removeprefix('row 1: ')}" for fault in faults.faults])
    _add(found, file, text, settings, dry_run=dry_run, load=not no_load)


def import_(
    file: Annotated[
        Path, typer.Argument(help="CSV with home, device, kind, room, address … (Chinese headings too).")
    ],
    site: SiteFile = None,
    config: Config = None,
    dry_run: DryRun = False,
    no_load: NoLoad = False,
) -> None:
    """Add a table of devices to the site file and load it: all of it or, with row numbers, nothing."""
    from anxin import settings as known

    settings = known.load(config)
    target = _site_file(site, settings)
    text = _text(target)
    registry = _registry(target, text)
    try:
        data = file.read_bytes()
    except OSError as error:
        _stop([f"anxin: {file} cannot be read: {error.strerror}"])
    try:
        rows, encoding = table.read_table(data)
        found = table.entries(rows, registry)
    except table.RowFaults as faults:
        count = len(faults.faults)
        shown = [f"{file}: {f}" for f in faults.faults[:200]]
        _stop([*shown, f"anxin: {file} has {count} fault{'s' if count > 1 else ''}; nothing was taken"])
    homes = len({home for home, _ in found})
    _say(f"{file}: {len(found)} devices in {homes} homes, read as {encoding}")
    if found:
        _add(found, target, text, settings, dry_run=dry_run, load=not no_load)


# -- who is unclaimed ---------------------------------------------------------------------------------------------


async def strangers(stream: Stream, registry: Registry | None) -> list[tuple[Unclaimed, int]]:
    """Devices that publish and are not in the site that is in force: the last word and how often it was noted, newest first."""
    head = await stream.head(QUARANTINE)
    found: dict[str, tuple[Unclaimed, int]] = {}
    if head:
        async with contextlib.aclosing(stream.follow(QUARANTINE)) as batches:  # type: ignore[type-var]
            async for batch in batches:
                for message in batch:
                    if message.subject == "unclaimed":
                        with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError):
                            one = decode(message.data, Unclaimed)
                            found[one.topic] = (one, found.get(one.topic, (one, 0))[1] + 1)
                if batch and batch[-1].seq >= head:
                    break
    out = [pair for topic, pair in found.items() if registry is None or registry.by_topic(topic) is None]
    return sorted(out, key=lambda pair: pair[0].received_at, reverse=True)


def suggestion(one: Unclaimed) -> str:
    """The command that claims it, with what is only guessed in capitals."""
    home, kind = one.suggested_home or "HOME", one.suggested_kind or "KIND"
    return f"anxin devices claim {shlex.quote(one.topic)} --home {home} --kind {kind} --room ROOM"


def unclaimed(
    config: Config = None, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
) -> None:
    """List devices that publish but are not in the site file, each with its last payload and the command that claims it."""
    from anxin import settings as known

    settings = known.load(config)

    async def work() -> list[tuple[Unclaimed, int]]:
        from anxin import wiring

        async with wiring.brief_stream(settings) as stream:
            return await strangers(stream, await wiring.registry_now(stream))

    found = asyncio.run(work())
    if as_json:
        rows: list[dict[str, Any]] = [
            {
                "topic": one.topic,
                "dialect": one.dialect,
                "last_at": iso(one.received_at),
                "noted": count,
                "suggested_kind": one.suggested_kind,
                "suggested_home": one.suggested_home,
                "payload": one.payload,
                "claim": suggestion(one),
            }
            for one, count in found
        ]
        typer.echo(msgspec.json.format(msgspec.json.encode(rows), indent=2).decode())
        return
    for one, _ in found:
        typer.echo(f"{iso(one.received_at)}  {one.topic}\n    {one.payload}\n    {suggestion(one)}")
    if not found:
        _say("every device that publishes is in the site file")
