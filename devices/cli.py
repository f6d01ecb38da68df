"""`anxin devices`: draft, check and list mapping files. The roof mounts `app` and adds what changes the site file.

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
from care.words import Exit
from devices import learn as drafting
from devices.codecs.mapped import Mapped
from devices.codecs.utterance import NOBODY, Heard
from devices.mapping import MappingFaults, load, read_mapping, shipped

app = typer.Typer(
    no_args_is_help=True,
    help="Devices: mapping files for new vendors, tables of devices, claims.",
    epilog="Example: anxin devices learn capture.jsonl --name acme > acme.yaml",
    rich_markup_mode=None,
)


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
