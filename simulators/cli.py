"""`anxin simulate`: the options of contract section 8. Start at `app`, a typer app that the main program takes in."""

from __future__ import annotations

import contextlib
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn

import msgspec
import typer

from care.site import Site
from care.sitefile import SiteFaults, read_site
from care.words import Exit
from simulators import faults as fault_specs
from simulators.community import MOST_HOMES, generate, to_yaml
from simulators.control import WrongControl
from simulators.lines import Tally, broker
from simulators.phones import misbehaving
from simulators.radios import Radios
from simulators.recorded import record as write_down
from simulators.run import play
from simulators.scenarios import SCENARIOS, Wish, parse, span, unknown_home
from simulators.world import World

FASTEST = 100_000
"""A day in a second: faster than any machine can make the messages of one home."""
MOST_OFTEN = 1_000
"""A belt every 5 ms."""

MANY = 1_000
"""So many homes take seconds before anything is seen."""

app = typer.Typer(add_completion=False, rich_markup_mode=None)


def _wrong(sentence: str) -> NoReturn:
    """One sentence on stderr, exit status 2."""
    typer.echo(sentence, err=True)
    raise typer.Exit(Exit.usage)


def _site(file: Path | None, homes: int | None, seed: int) -> Site:
    if file is not None and homes is not None:
        _wrong("Give --site FILE or --homes N, not both.")
    if file is None:
        wanted = 40 if homes is None else homes
        if not 1 <= wanted <= MOST_HOMES:
            _wrong(f"--homes must be between 1 and {MOST_HOMES}, not {wanted}.")
        return generate(wanted, seed=seed)
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a text file"
        _wrong(f"The site file {file} cannot be read: {reason}.")
    try:
        site = read_site(text)
    except SiteFaults as error:
        for fault in error.faults:
            typer.echo(f"{file}: {fault}", err=True)
        raise typer.Exit(Exit.fault) from None
    if not site.homes:
        _wrong(f"The site file {file} has no homes to simulate.")
    practice = [home for home in site.homes if home.simulated]
    if practice and len(practice) < len(site.homes):
        # Beside real homes: those that are marked, and no message ever in another's name.
        typer.echo(
            f"{len(practice)} of {len(site.homes)} homes are marked `simulated`; only those are played.",
            err=True,
        )
        return msgspec.structs.replace(site, homes=practice)
    return site


_EXAMPLE = """Example: forty homes, lunch is burnt after half a minute, on the embedded broker

    anxin simulate --homes 40 --scenario cooking_smoke@h0317+30s --mqtt mqtt://127.0.0.1:1883
"""
_SCENARIOS = "\b\nScenarios:\n" + "\n".join(f"  {name:<16} {s.words}" for name, s in SCENARIOS.items())


@app.callback(
    invoke_without_command=True,
    help=f"Simulate a community of homes against any MQTT broker.\n\n\b\n{_EXAMPLE}\n\n{_SCENARIOS}",
)
def simulate(
    site: Annotated[Path | None, typer.Option("--site", metavar="FILE", help="The site file to simulate.")] = None,
    homes: Annotated[int | None, typer.Option("--homes", metavar="N", help="Invent a community of N homes (40 when no --site is given).")] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="S", min=0, help="The same seed gives the same world.")] = 1,
    speed: Annotated[float, typer.Option("--speed", metavar="X", help="The world's seconds in a second.")] = 1.0,
    rate_scale: Annotated[float, typer.Option("--rate-scale", metavar="R", help="Belts and heartbeats speak R times as often.")] = 1.0,
    duration: Annotated[str | None, typer.Option("--duration", metavar="T", help="Stop after so much of the world's time: 90s, 10m, 2h, 1d.")] = None,
    mqtt: Annotated[str, typer.Option("--mqtt", metavar="URL", help="mqtt://user:pass@host:1883 or mqtts://…")] = "mqtt://127.0.0.1:1883",
    scenario: Annotated[list[str] | None, typer.Option("--scenario", metavar="NAME[@HOME][+OFFSET]", help="What goes wrong; may be given many times.")] = None,
    faults: Annotated[str, typer.Option("--faults", metavar="SPEC", help="loss=0.01,duplicate=0.02,reorder=0.01,delay=2s,drift=90s,stuck=0.01")] = "",
    radios: Annotated[Radios, typer.Option("--radios", help="Late, weak and broken links as radios have them, or ideal ones.")] = Radios.lifelike,
    ca: Annotated[Path | None, typer.Option("--ca", metavar="FILE", help="With mqtts://: who may have made the broker's certificate (PEM); else those the system trusts.")] = None,
    cert: Annotated[Path | None, typer.Option("--cert", metavar="FILE", help="With mqtts://: our certificate, for a broker that asks for one (PEM).")] = None,
    key: Annotated[Path | None, typer.Option("--key", metavar="FILE", help="Its private key (PEM), when it is not in the same file.")] = None,
    truth: Annotated[Path | None, typer.Option("--truth", metavar="FILE", help="Where the ground truth goes as JSON lines; else to standard output.")] = None,
    start: Annotated[str | None, typer.Option("--start", metavar="TIME", help="When the world begins (RFC 3339), the clocks of the devices too; else now.")] = None,
    record: Annotated[Path | None, typer.Option("--record", metavar="FILE", help="Write the messages as `anxin replay` reads them, at once and without a broker. Wants --start and --duration.")] = None,
    control: Annotated[Path | None, typer.Option("--control", metavar="PATH", help="A Unix socket over which scenarios and faults are started while it runs.")] = None,
    phones: Annotated[str | None, typer.Option("--phones", metavar="URL", help="Where simulated phones listen (python -m simulators.phones): over --control they can be made to fail.")] = None,
    write_site: Annotated[Path | None, typer.Option("--write-site", metavar="FILE", help="Write the invented community as a site file and end.")] = None,
) -> None:  # fmt: skip
    """Simulate a community (the help text is above)."""
    community = _site(site, homes, seed)
    if write_site is not None:
        try:
            write_site.write_text(to_yaml(community), encoding="utf-8")
        except OSError as error:
            _wrong(f"{write_site} cannot be written: {error.strerror}.")
        return
    for option, value, most in (("--speed", speed, FASTEST), ("--rate-scale", rate_scale, MOST_OFTEN)):
        if not 0 < value <= most:  # not a number is neither
            _wrong(f"{option} must be more than 0 and at most {most:,}, not {value:g}.")
    try:
        length = span(duration) if duration is not None else None
        begin = _moment(start) if start is not None else None
        spec = fault_specs.parse(faults)
        wishes = tuple(parse(text) for text in scenario or [])
        where = broker(mqtt, authority=ca, certificate=cert, key=key)
        rehearse(community, wishes, seed)
    except ValueError as error:
        _wrong(f"{str(error)[:1].upper()}{str(error)[1:]}.")
    if record is not None and (length is None or begin is None):
        _wrong("--record wants --start and --duration: the same arguments give the same file.")
    with contextlib.ExitStack() as stack:
        out = sys.stdout
        if truth is not None:
            try:
                out = stack.enter_context(truth.open("w", encoding="utf-8"))
            except OSError as error:
                _wrong(f"{truth} cannot be written: {error.strerror}.")
        if record is not None:
            assert begin is not None
            assert length is not None
            try:
                into = stack.enter_context(record.open("w", encoding="utf-8"))
            except OSError as error:
                _wrong(f"{record} cannot be written: {error.strerror}.")
            world = World(
                community, seed=seed, start=begin, rate_scale=rate_scale, speed=speed, radios=radios
            )
            for wish in wishes:
                world.stage(wish)
            count = write_down(
                world, fault_specs.FaultLine(spec, seed=seed), begin + length, out=into, truth=out,
                heard=lambda at: begin + (at - begin) / speed,
            )  # fmt: skip
            typer.echo(f"{count:,} messages written to {record}.", err=True)
            return
        if len(community.homes) >= MANY and sys.stderr.isatty():
            typer.echo(f"Inventing the days of {len(community.homes):,} homes …", err=True)
        settings: dict[str, Any] = {
            "mqtt_url": where, "seed": seed, "speed": speed, "rate_scale": rate_scale, "scenarios": wishes,
            "faults": spec, "truth": out, "control": control, "start": begin,
            "radios": radios, "push": misbehaving(phones) if phones is not None else None,
        }  # fmt: skip
        try:
            tally = play(community, duration=length, say=lambda text: typer.echo(text, err=True), **settings)
        except WrongControl as error:
            _wrong(f"{str(error)[:1].upper()}{str(error)[1:]}.")
    if tally.connects == 0 and tally.generated:
        typer.echo(f"Nothing was published. No connection to {tally.trouble or where}.", err=True)
        raise typer.Exit(Exit.fault)
    _say(tally)


def _moment(text: str) -> datetime:
    """A time with its zone; raises ValueError."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None or not 2000 <= at.year < 2100:
        raise ValueError(f"`{text}` is not a time with its zone; write it like 2026-03-01T22:00:00+08:00")
    return at.astimezone(UTC)


def rehearse(community: Site, wishes: tuple[Wish, ...], seed: int) -> None:
    """Find out before anything is published whether every scenario can be played; raises WrongScenario."""
    if not wishes:
        return
    named = {w.home for w in wishes if w.home is not None}
    unknown = named - {h.id for h in community.homes}
    if unknown:
        raise ValueError(unknown_home(min(unknown), [h.id for h in community.homes]))
    some = [h for h in community.homes if h.id in named or h.id == "h0317"] or community.homes[:1]
    if any(w.home is None for w in wishes):
        some = some + [h for h in community.homes if h not in some][:60]
    world = World(
        msgspec.structs.replace(community, homes=some), seed=seed, start=datetime(2026, 5, 23, tzinfo=UTC)
    )
    for wish in wishes:
        world.stage(wish)


def _say(tally: Tally) -> None:
    typer.echo(
        f"{tally.published:,} messages published, {tally.alarms:,} of them alarms; {tally.acknowledged} alarms acknowledged"
        + (f"; {tally.dropped:,} dropped while the broker was away" if tally.dropped else "")
        + (
            f"; {tally.refused:,} on {len(tally.refused_topics)} topics the broker refuses"
            if tally.refused
            else ""
        )
        + ".",
        err=True,
    )
