"""`anxin devices`: draft and check mapping files, import a table of devices, claim one. The roof mounts `app`.

Exit status 0 good, 1 a fault was found, 2 wrong usage. Results go to standard output, faults to standard error.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NoReturn

import msgspec
import typer

from care.errors import Misconfigured, Refused
from care.site import Registry
from care.sitefile import SiteFaults, read_site
from care.words import Exit, Kind
from devices import entries as table
from devices import learn as drafting
from devices.codecs.mapped import Mapped
from devices.codecs.utterance import NOBODY, Heard
from devices.mapping import MappingFaults, load, read_mapping, shipped

app = typer.Typer(
    no_args_is_help=True,
    help="Devices: mapping files for new vendors, tables of devices, claims.",
    rich_markup_mode=None,
)

Site = Annotated[
    Path | None, typer.Option("--site", help="The site file to check against.", show_default=False)
]


def _stop(faults: list[str], status: Exit = Exit.fault) -> NoReturn:
    for fault in faults:
        typer.echo(fault, err=True)
    raise typer.Exit(int(status))


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        _stop([f"{file} cannot be read: {error.strerror}"])


def _capture(file: Path) -> list[drafting.Captured]:
    text = _bytes(file).decode("utf-8", "replace")
    messages, faults = drafting.read_capture(text.splitlines())
    for fault in faults:
        typer.echo(f"{file}: {fault}", err=True)
    if not messages:
        _stop([f"{file} holds no message"])
    return messages


def _registry(site: Path | None) -> Registry | None:
    if site is None:
        return None
    try:
        return Registry(read_site(_bytes(site).decode("utf-8")))
    except UnicodeDecodeError:
        _stop([f"{site} is not UTF-8 text"])
    except SiteFaults as faults:
        _stop([f"{site}:{f.line}: {f.text}" for f in faults.faults])


@app.command(epilog="Example: anxin devices learn capture.jsonl --name acme > acme.yaml")
def learn(
    capture: Annotated[Path, typer.Argument(help='Captured messages, {"topic": …, "payload": …} a line.')],
    name: Annotated[str, typer.Option(help="Name of the mapping: small letters, digits, - and _.")] = "draft",
    out: Annotated[
        Path | None, typer.Option(help="Where the draft goes; standard output if not given.")
    ] = None,
) -> None:
    """Draft a mapping file from captured messages, and say what could not be told."""
    messages = _capture(capture)
    draft = drafting.draft(messages, name)
    try:
        mapping = Mapped(read_mapping(draft.text, "draft"))
    except MappingFaults as faults:
        _stop(faults.faults)
    if out is None:
        typer.echo(draft.text, nl=False)
    else:
        out.write_text(draft.text, encoding="utf-8")
    _say_tried(mapping, messages)
    for question in draft.open_questions:
        typer.echo(f"could not tell: {question}", err=True)


@app.command(epilog="Example: anxin devices check acme.yaml --try capture.jsonl")
def check(
    files: Annotated[list[Path], typer.Argument(help="Mapping files (YAML).", show_default=False)],
    attempt: Annotated[
        Path | None, typer.Option("--try", help="Captured messages to decode with each.", show_default=False)
    ] = None,
) -> None:
    """Check mapping files: every fault with file, line and reason; with --try, what they make of real messages."""
    faults: list[str] = []
    good: list[Mapped] = []
    for file in files:
        try:
            good.append(Mapped(load(str(file) if file.suffix in (".yaml", ".yml") else file.name)))
        except MappingFaults as error:
            faults += error.faults
        except Misconfigured as error:
            faults.append(str(error))
    if faults:
        _stop(faults)
    for mapping in good:
        readings = len(mapping.mapping.readings)
        typer.echo(
            f"mapping `{mapping.mapping.name}` is good: {readings} readings; use it as dialect {mapping.name}",
            err=True,
        )
        if attempt is not None:
            _say_tried(mapping, _capture(attempt))


def _say_tried(mapping: Mapped, messages: list[drafting.Captured]) -> None:
    """How many messages, which quantities, which refusals."""
    at = datetime(2026, 1, 1, tzinfo=UTC)  # only its shape matters: nothing is stored
    heard: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    spoke = 0
    for m in messages:
        said_something = False
        try:
            for part in mapping.hear(Heard(m.topic, m.payload, at, UTC)):
                if isinstance(part, Refused):
                    refused[str(part)] += 1
                    continue
                said = part.say(NOBODY)
                said_something |= bool(said.values)
                heard.update(said.values.keys())
                refused.update(str(f) for f in said.faults)
        except Refused as fault:
            refused[str(fault)] += 1
        spoke += said_something
    typer.echo(f"{spoke} of {len(messages)} messages say something: "
               f"{', '.join(f'{q} {n}' for q, n in heard.most_common()) or 'nothing'}", err=True)  # fmt: skip
    for reason, n in refused.most_common(20):
        typer.echo(f"refused {n} times: {reason}", err=True)


@app.command(name="import", epilog="Example: anxin devices import 设备清单.csv --site site.yaml")
def import_(
    file: Annotated[
        Path, typer.Argument(help="CSV with home, device, kind, room, address … (Chinese headings too).")
    ],
    site: Site = None,
) -> None:
    """Turn a table of devices into lines for the site file: all of it or, with row numbers, nothing."""
    registry = _registry(site)
    try:
        rows, encoding = table.read_table(_bytes(file))
        found = table.entries(rows, registry)
    except table.RowFaults as faults:
        count = len(faults.faults)
        shown = [f"{file}: {f}" for f in faults.faults[:200]]
        _stop([*shown, f"{file} has {count} fault{'s' if count > 1 else ''}; nothing was taken"])
    typer.echo(table.as_yaml(found), nl=False)
    homes = len({home for home, _ in found})
    typer.echo(f"{file}: {len(found)} devices in {homes} homes, read as {encoding}", err=True)


@app.command(
    epilog='Example: anxin devices claim "zigbee2mqtt/h0317/kitchen smoke" --home h0317 --kind smoke --room kitchen'
)
def claim(
    topic: Annotated[str, typer.Argument(help="The topic under which the device is listed as unclaimed.")],
    home: Annotated[str, typer.Option(help="Id of the home.")],
    kind: Annotated[str, typer.Option(help=f"One of {', '.join(k.value for k in Kind)}.")],
    room: Annotated[str, typer.Option(help="Where it stands.")] = "",
    device: Annotated[
        str | None, typer.Option("--id", help="Id of the device; one is made if not given.")
    ] = None,
    resident: Annotated[str | None, typer.Option(help="Whom it is about.")] = None,
    site: Site = None,
) -> None:
    """Print the line that claims an unclaimed device: paste it below `devices:` of its home."""
    registry = _registry(site)
    if kind not in set(Kind):
        _stop([f"kind `{kind}` is none of {', '.join(k.value for k in Kind)}"], Exit.usage)
    name = device or table.proposed_id(Kind(kind), home, registry.devices if registry else ())
    cells = {
        "home": home,
        "id": name,
        "kind": kind,
        "room": room,
        "address": topic,
        "resident": resident or "",
    }
    row = table.Row(1, {k: v for k, v in cells.items() if v})
    try:
        [(_, made)] = table.entries([row], registry)
    except table.RowFaults as faults:
        _stop([f.removeprefix("row 1: ") for f in faults.faults])
    typer.echo(table.as_yaml([(home, made)]), nl=False)


@app.command(name="list", epilog="Example: anxin devices list --json")
def list_(as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """Show the mappings that ship."""
    found = [load(name) for name in shipped()]
    if as_json:
        rows = [
            {
                "dialect": f"mapped:{m.name}",
                "about": m.doc.about,
                "source": m.doc.source,
                "topics": m.doc.topics,
            }
            for m in found
        ]
        typer.echo(msgspec.json.format(msgspec.json.encode(rows), indent=2).decode())
        return
    for m in found:
        typer.echo(f"mapped:{m.name:<12} {m.doc.about}")
