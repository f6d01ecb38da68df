"""`anxin rules`: check rule files, run rule stories, show what is in force. The roof mounts `app`.

Exit status 0 good, 1 a fault was found, 2 wrong usage. Results go to standard output, faults to standard error.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, NoReturn

import msgspec
import typer

from care.errors import CareError
from care.words import Exit
from rules.catalog import Rule, RuleBook, RuleFaults, load, read_rules
from rules.stories import (
    Story,
    StoryFaults,
    block,
    read_paths,
    run,
    uncovered,
    without_lateness,
)
from rules.zones import placements

app = typer.Typer(
    no_args_is_help=True,
    help="Rules: check files, run stories, show what is in force.",
    epilog="Example: anxin rules test tests/stories",
)

Files = Annotated[list[Path], typer.Argument(help="YAML files.", show_default=False)]
StoryFiles = Annotated[
    list[Path], typer.Argument(help="Story files (YAML) or folders of them.", show_default=False, exists=True)
]
Over = Annotated[
    list[Path], typer.Option("--rules", help="Rule files read over the ones that ship.", show_default=False)
]


def _stop(error: CareError) -> NoReturn:
    faults = error.faults if isinstance(error, RuleFaults | StoryFaults) else [str(error)]
    for fault in faults:
        typer.echo(fault, err=True)
    raise typer.Exit(Exit.fault)


def _book(paths: list[Path]) -> RuleBook:
    try:
        return load(paths)
    except CareError as error:
        _stop(error)


@app.command(
    epilog="Examples: `anxin rules check rules/catalog/bed.yaml` · `anxin rules check my/*.yaml` · "
    "`anxin rules check rules/catalog/*.yaml --stories tests/stories`",
)
def check(
    files: Files,
    stories: Annotated[
        list[Path] | None,
        typer.Option(
            exists=True,
            help="Story files or folders: every rule must have a story in which it speaks and one in which it is quiet.",
        ),
    ] = None,
) -> None:
    """Check rule files: every fault with file, line and reason. Nothing is loaded into a running service."""
    faults: list[str] = []
    count = 0
    for path in files:
        try:
            count += len(read_rules({str(path): path.read_text(encoding="utf-8")}).rules)
        except RuleFaults as error:
            faults += error.faults
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            faults.append(f"rule file `{path}` cannot be read: {reason}")
    if not faults and (len(files) > 1 or stories):
        book = _book(files)  # names that clash between files
        if stories:
            faults += _uncovered(files, stories, book)
    for fault in faults:
        typer.echo(fault, err=True)
    if faults:
        raise typer.Exit(Exit.fault)
    typer.echo(f"{count} rules in {len(files)} files are good.")


def _uncovered(files: list[Path], stories: list[Path], book: RuleBook) -> list[str]:
    """Rules of these files that no story proves."""
    own = {rule for path in files for rule in read_rules({str(path): path.read_text(encoding="utf-8")}).rules}
    try:
        told = read_paths(stories, book)
    except CareError as error:
        _stop(error)
    return [
        f"{sentence}: `anxin rules test --help` shows how to write one"
        for rule, sentence in uncovered(told, book).items()
        if rule in own
    ]


EXAMPLE = """\b
A story file, my_story.yaml:

\b
    stories:
      - story: out of bed for twenty minutes is yellow
        rule: BD1                     # or a list of rules
        shows: speaks                 # or quiet: every time expects []
        devices: {belt: {kind: bed_belt, room: bedroom}}
        resident: {tier: key, conditions: [dementia], limits: {}}
        from: 2026-03-02T01:00:00+08:00
        every: 30s
        readings:
          in_bed@belt: "1x60 0x60"    # VxN is N times V, (0 1)xN a group, _ no reading, ? a null
        feed:                         # single messages; late, seq, retain, test, undated may be given
          - {at: 44m, device: belt, in_bed: true, late: 2m}
        expect:                       # all that the rule says between one time and the next
          49m59s: []
          50m: [{phase: opened, level: yellow, onset: 30m}]

\b
Examples:
    anxin rules test my_story.yaml
    anxin rules test tests/stories --crash-everywhere --zones
    anxin rules test my_story.yaml --rules my_rules.yaml

Exit status: 0 all went as written, 1 a story did not or cannot be read, 2 wrong usage."""


@app.command(name="test", epilog=EXAMPLE)
def prove(
    files: StoryFiles,
    crash_everywhere: Annotated[
        bool,
        typer.Option(
            "--crash-everywhere",
            help="Also with the engine dropped and restored from its durable state before every input, timer and commit.",
        ),
    ] = False,
    zones: Annotated[
        bool,
        typer.Option(
            "--zones",
            help="Also on the days on which clocks change, in several zones, at the same wall-clock time.",
        ),
    ] = False,
    rules: Over = [],  # noqa: B006  # typer copies it
) -> None:
    """Run rule stories (files or folders) and show where a rule spoke or kept quiet against what was written."""
    book = _book(rules)
    try:
        stories = read_paths(files, book)
    except CareError as error:
        _stop(error)
    bad = moved = 0
    with _progress(stories) as told:
        for story in told:
            blocks = [block(outcome)] if not (outcome := run(story, book)).good else []
            if crash_everywhere and not blocks:
                again = run(story, book, crash_everywhere=True)
                if not again.good:
                    blocks.append(block(again, ", with a crash before every step"))
                elif without_lateness(again.findings) != without_lateness(outcome.findings):
                    blocks.append(block(again, ", says something else after crashes"))
            for placed in placements(story, book) if zones and not blocks else ():
                moved += 1
                there = run(placed.story, book)
                if not there.good:
                    blocks.append(block(there, f", in {placed.words}"))
                    break
            bad += bool(blocks)
            for text in blocks:
                typer.echo(text + "\n", err=True)
    if zones:
        typer.echo(f"Told at {moved} places and times where clocks change.", err=True)
    typer.echo(f"{len(stories) - bad} of {len(stories)} stories went as written.")
    if bad:
        raise typer.Exit(Exit.fault)


@contextlib.contextmanager
def _progress(stories: list[Story]) -> Iterator[Iterable[Story]]:
    """A bar on a terminal when there is something to wait for; nothing elsewhere."""
    if not sys.stderr.isatty() or len(stories) < 20:
        yield stories
        return
    from rich.console import Console  # noqa: PLC0415  # only where it is shown
    from rich.progress import Progress  # noqa: PLC0415

    with Progress(console=Console(stderr=True), transient=True) as bar:
        yield bar.track(stories, description="stories")


@app.command(
    name="list", epilog="Examples: `anxin rules list` · `anxin rules list --json | jq '.rules[].rule'`"
)
def list_(
    as_json: Annotated[
        bool, typer.Option("--json", help="As JSON, with every parameter and its bounds.")
    ] = False,
    rules: Over = [],  # noqa: B006  # typer copies it
) -> None:
    """Show the rules in force: code, levels, what they watch, and the limits that may be set per resident."""
    book = _book(rules)
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(described(book)), indent=2).decode())
        return
    for rule in book.rules.values():
        levels = "/".join(dict.fromkeys(g.level.value for g in rule.grades))
        typer.echo(f"{rule.id:<14} {rule.code:<6} v{rule.doc.version:<3} {levels:<12} {rule.doc.title.zh}")
        for name, p in rule.doc.parameters.items():
            bounds = f" ({p.min:g} … {p.max:g})" if p.min is not None and p.max is not None else ""
            limit = f", limit `{p.limit}`" if p.limit else ""
            typer.echo(f"    {name} = {p.default} {p.unit}{bounds}, {p.who}{limit}")


def described(book: RuleBook) -> dict[str, Any]:
    """The rule book as plain data: for `--json`, and for `GET /rules`."""
    return {"version": book.version, "rules": [_described(rule) for rule in book.rules.values()]}


def _described(rule: Rule) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(rule.doc)
    plain["code"] = rule.code
    plain["life"] = rule.life
    return plain
