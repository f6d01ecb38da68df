"""`anxin rules`: check rule files, run rule stories, show what is in force. The roof mounts `app`.

Exit status 0 good, 1 a fault was found, 2 wrong usage. Results go to standard output, faults to standard error.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, NoReturn

import msgspec
import typer

from care.errors import CareError
from care.words import Exit
from rules.catalog import Rule, RuleBook, RuleFaults, load, read_rules
from rules.stories import StoryFaults, read_paths, run, without_lateness

app = typer.Typer(no_args_is_help=True, help="Rules: check files, run stories, show what is in force.")

Files = Annotated[list[Path], typer.Argument(help="YAML files.", show_default=False)]
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
    epilog="Examples: `anxin rules check rules/catalog/bed.yaml` · `anxin rules check my/*.yaml`",
)
def check(files: Files) -> None:
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
    if not faults and len(files) > 1:
        _book(files)  # names that clash between files
    for fault in faults:
        typer.echo(fault, err=True)
    if faults:
        raise typer.Exit(Exit.fault)
    typer.echo(f"{count} rules in {len(files)} files are good.")


@app.command(
    name="test",
    epilog="Examples: `anxin rules test tests/stories` · `anxin rules test my_story.yaml --crash-everywhere`",
)
def prove(
    files: Files,
    crash_everywhere: Annotated[
        bool,
        typer.Option(
            "--crash-everywhere", help="Drop and restore the engine before every input and timer as well."
        ),
    ] = False,
    rules: Over = [],  # noqa: B006  # typer copies it
) -> None:
    """Run rule stories (files or folders) and say where a rule spoke or kept quiet against what was written."""
    book = _book(rules)
    try:
        stories = read_paths(files, book)
    except CareError as error:
        _stop(error)
    bad = 0
    for story in stories:
        outcome = run(story, book)
        faults = list(outcome.faults)
        if crash_everywhere:
            again = run(story, book, crash_everywhere=True)
            faults += [f"{fault} (with a crash before every step)" for fault in again.faults]
            if without_lateness(again.findings) != without_lateness(outcome.findings):
                faults.append(
                    f"{story.file}: line {story.line}: {story.name}: says something else after crashes"
                )
        bad += bool(faults)
        for fault in faults:
            typer.echo(fault, err=True)
    typer.echo(f"{len(stories) - bad} of {len(stories)} stories went as written.")
    if bad:
        raise typer.Exit(Exit.fault)


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
