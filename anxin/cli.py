"""The `anxin` command. Start at `main`; each command imports what it needs only when it runs.

Exit status: 0 good, 1 found a fault, 2 wrong usage. Human words go to standard error, data to standard output.
An error that a person can cause is one sentence.
"""

from __future__ import annotations

import asyncio
import contextlib
import difflib
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from care.errors import CareError, Conflict, Misconfigured
from care.words import Exit

if TYPE_CHECKING:
    from anxin.settings import Settings
    from care.site import Site

app = typer.Typer(
    name="anxin",
    help="安心: watches over elders who live alone. Start with `anxin demo`.",
    epilog="Example: anxin demo --homes 40",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _group(about: str, example: str) -> typer.Typer:
    return typer.Typer(help=about, epilog=f"Example: {example}", no_args_is_help=True, rich_markup_mode=None)


site_app = _group("Check or load the site file.", "anxin site check site.yaml")
user_app = _group("Staff sign-ins.", "anxin user add chen --role operator")
device_app = _group("Tokens of devices.", "anxin device token sos-0317")
app.add_typer(site_app, name="site")
app.add_typer(user_app, name="user")
app.add_typer(device_app, name="device")
gateway_app = _group("Credentials of gateways at the broker.", "anxin gateway add gw-0317 --home h0317")
app.add_typer(gateway_app, name="gateway")
integration_app = _group("Other systems that may report.", "anxin integration list")
app.add_typer(integration_app, name="integration")

Config = Annotated[
    Path | None, typer.Option("--config", "-c", help="Settings file; ./anxin.toml is read when it is there.")
]


def say(text: str) -> None:
    """A line for the person at the terminal."""
    print(text, file=sys.stderr, flush=True)


def fail(text: str, status: Exit = Exit.fault) -> NoReturn:
    """One sentence, then the end."""
    say(f"anxin: {text}")
    raise typer.Exit(int(status))


def _settings(config: Path | None, **overrides: Any) -> Settings:
    from anxin import settings

    return settings.load(config, overrides=overrides)


def _run(work: Callable[[], Coroutine[Any, Any, int | None]]) -> None:
    status = asyncio.run(work())
    if status:
        raise typer.Exit(int(status))


# -- running ----------------------------------------------------------------------------------------------------


@app.command(epilog="Example: anxin up --config anxin.toml")
def up(config: Config = None) -> None:
    """Run the service: every role, with its own broker, stream and database unless they are configured."""
    from anxin import observe, service

    observe.configure(role="up")
    settings = _settings(config)
    _run(lambda: service.up(settings))


@app.command(epilog="Example: anxin run alerts --config anxin.toml")
def run(
    role: Annotated[str, typer.Argument(help="ingest, rules, alerts, notify, recorder, api or doorman")],
    config: Config = None,
) -> None:
    """Run one role as its own process, against the stream, broker and database that are configured."""
    from anxin import observe, wiring

    if role not in wiring.ROLES:
        fail(f"there is no role {role!r}; roles are {', '.join(wiring.ROLES)}", Exit.usage)
    observe.configure(role=role)
    settings = _settings(config)
    _run(lambda: wiring.run_role(role, settings))


@app.command(epilog="Example: anxin demo --homes 40 --scenario cooking_smoke@h0317")
def demo(
    homes: Annotated[int, typer.Option(min=1, max=10_000, help="How many simulated homes.")] = 40,
    port: Annotated[
        int, typer.Option(min=1, max=65535, help="Port of the screens, on this machine only.")
    ] = 8000,
    data: Annotated[Path | None, typer.Option(help="Where the demo keeps its data. [.anxin/demo]")] = None,
    scenario: Annotated[
        list[str] | None,
        typer.Option(
            help="What happens: NAME[@HOME][+OFFSET]; `none` for ordinary days. May be given again."
        ),
    ] = None,
    fresh: Annotated[bool, typer.Option(help="Forget what an earlier demo left.")] = False,
) -> None:
    """Run everything with a simulated community and print the addresses and sign-ins. Ctrl-C stops all of it."""
    from anxin import demo as show
    from anxin import observe

    observe.configure(quiet=True, pretty=True)
    _run(lambda: show.run(homes=homes, port=port, data_dir=data, scenarios=scenario, fresh=fresh))


@app.command(epilog="Example: anxin doctor --json")
def doctor(
    config: Config = None, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
) -> None:
    """Check broker, stream, database, TimescaleDB, clock, disk, certificates and channels; exit 1 on a fault."""
    from anxin import doctor as examine

    settings = _settings(config)
    _run(lambda: examine.run(settings, as_json=as_json))


# -- site, users, devices ---------------------------------------------------------------------------------------


def _read_site(file: Path, *, limits: bool = False) -> Site:
    """A checked site; with `limits` also its limits, by the rules of this version."""
    from care.sitefile import SiteFaults, read_site
    from rules.catalog import load
    from rules.limits import impossible

    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{file} cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8 text'}")
    try:
        return read_site(text, judge=(lambda site: impossible(site, load())) if limits else None)
    except SiteFaults as faults:
        for fault in faults.faults:
            say(f"{file}:{fault.line}: {fault.text}")
        if faults.more:
            say(f"{file}: and {faults.more} more")
        count = faults.count
        fail(f"{file} has {count} fault{'s' if count > 1 else ''}; nothing was loaded")


def _counts(site: Site) -> str:
    devices = sum(len(h.devices) for h in site.homes)
    residents = sum(len(h.residents) for h in site.homes)
    return f"{len(site.homes)} homes, {residents} residents, {devices} devices, {len(site.staff)} staff"


def _say_unheard(file: Path, site: Site, settings: Settings) -> None:
    """Devices that the broker would never tell us of: no fault of the file, but nobody should believe they are heard."""
    from care.site import Registry
    from ingest.normalize import Normalizer, Subscription

    subscriptions = [Subscription(s.filter, s.dialect) for s in settings.mqtt.subscriptions]
    for device, address in Normalizer(Registry(site), subscriptions).uncovered():
        say(
            f"{file}: note: device `{device.id}` is not heard: no filter of mqtt.subscriptions covers `{address}`"
        )


def _say_idle(file: Path, site: Site) -> None:
    """What the file says and nothing follows: a word with a typing error would quietly change neither rule nor script."""
    from alerts.channels import AppriseChannels
    from alerts.scripts import flag_word
    from dashboard_api.wording import TAGS
    from rules.catalog import load

    known = {w for rule in load().rules.values() for p in rule.doc.parameters.values() for w in p.templates}
    known |= TAGS.keys()
    for resident in (r for home in site.homes for r in home.residents):
        for word in dict.fromkeys((*resident.conditions, *resident.flags)):
            if word not in known and flag_word(word) is None:
                near = difflib.get_close_matches(word, known, 1)
                hint = f"; did you mean `{near[0]}`?" if near else ""
                say(
                    f"{file}: note: resident `{resident.id}`: no rule, script or screen knows `{word}`, "
                    f"so it changes nothing{hint}"
                )
        for data, viewers in (resident.consent or {}).items():
            for viewer in viewers if data not in ("family", "call_recording") else ():
                if viewer not in ("centre", "doctor"):
                    say(
                        f"{file}: note: resident `{resident.id}`: consent.{data} names `{viewer}`, who sees nothing by it; "
                        "whom it can name are centre and doctor"
                    )
    channels = AppriseChannels()
    told = [(s.id, s.notify) for s in site.staff]
    told += [(c.id, c.notify) for home in site.homes for c in home.contacts]
    for person, urls in told:
        # Never the address itself: it may hold a key or a number.
        if bad := sum(not channels.understands(url) for url in urls):
            count = f"{bad} of {len(urls)} addresses" if len(urls) > 1 else "the address"
            say(
                f"{file}: note: `{person}`: no channel understands {count} in `notify`; nothing can be sent there"
            )
    channels.close()


@site_app.command("check", epilog="Example: anxin site check site.yaml")
def site_check(file: Annotated[Path, typer.Argument(help="The site file (YAML).")]) -> None:
    """Say what is wrong with a site file, line by line; load nothing."""
    from rules.catalog import load
    from rules.limits import check_site, unsigned

    site = _read_site(file, limits=True)
    with contextlib.suppress(Misconfigured):  # settings with a fault are no fault of the site file
        _say_unheard(file, site, _settings(None))
    _say_idle(file, site)
    # No fault: a site file may carry limits of rules that this version does not have. But nobody should believe
    # that a limit is in force when it is not.
    for sentence in check_site(site, load()):
        say(f"{file}: note: {sentence}")
    if count := unsigned(site):
        say(
            f"{file}: note: {count} limit{'s say' if count > 1 else ' says'} neither who set it nor why; "
            "write `{value: 25, by: …, reason: …}`"
        )
    say(f"{file}: good: {_counts(site)}")


@site_app.command("load", epilog="Example: anxin site load site.yaml --config anxin.toml")
def site_load(
    file: Annotated[Path, typer.Argument(help="The site file (YAML).")], config: Config = None
) -> None:
    """Load a site file, whole or not at all; with the service up or down. Loading it again changes nothing."""
    site = _read_site(file, limits=True)
    settings = _settings(config)

    async def work() -> None:
        from anxin import wiring

        async with wiring.brief_stream(settings) as stream:
            changed = await wiring.load_site(stream, site)
        _say_unheard(file, site, settings)
        _say_idle(file, site)
        say(f"{file}: {'loaded' if changed else 'nothing new'}: {_counts(site)}")

    _run(work)


@user_app.command(
    "add", epilog='Example: printf %s "$PASSWORD" | anxin user add chen --role operator --password-stdin'
)
def user_add(
    name: Annotated[str, typer.Argument(help="The name to sign in with.")],
    role: Annotated[str, typer.Option(help="operator, supervisor, responder, family, doctor, admin …")],
    password_stdin: Annotated[bool, typer.Option(help="Read the password from standard input.")] = False,
    staff: Annotated[str | None, typer.Option(help="Id of the member of staff who signs in.")] = None,
    contact: Annotated[str | None, typer.Option(help="Id of the relative who signs in.")] = None,
    config: Config = None,
) -> None:
    """Make a sign-in or change its password; with the service up or down."""
    from care.words import Role

    if role not in set(Role):
        fail(f"there is no role {role!r}; one of: {', '.join(Role)}", Exit.usage)
    settings = _settings(config)
    if password_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    elif sys.stdin.isatty():
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        fail("give the password on standard input with --password-stdin", Exit.usage)

    async def work() -> None:
        from anxin import wiring
        from care.clock import SystemClock
        from dashboard_api import people

        async with wiring.brief_stream(settings) as stream:
            registry = await wiring.registry_now(stream)
            if staff is not None and (registry is None or staff not in registry.staff):
                raise Misconfigured(f"there is no member of staff {staff!r} in the site that is loaded")
            if contact is not None and (registry is None or contact not in registry.contacts):
                raise Misconfigured(f"there is no contact {contact!r} in the site that is loaded")
            display = ""
            if registry is not None:
                person = registry.staff.get(staff or "")
                relative = registry.contacts.get(contact or "")
                display = person.name if person else relative[1].name if relative else ""
            await people.add_user(
                stream, name, role, password, staff, display=display, contact=contact, now=SystemClock().now()
            )
        say(f"{name} can sign in as {role}")

    _run(work)


@device_app.command("token", epilog="Example: anxin device token sos-0317")
def device_token(
    device: Annotated[str, typer.Argument(help="Id of the device.")], config: Config = None
) -> None:
    """Make a device's token for the second way in; shown once, an older one ends."""
    settings = _settings(config)

    async def work() -> None:
        from anxin import wiring
        from care.clock import SystemClock
        from dashboard_api import people

        async with wiring.brief_stream(settings) as stream:
            registry = await wiring.registry_now(stream)
            if registry is None:
                raise Misconfigured("no site is loaded yet; load one with `anxin site load FILE`")
            if device not in registry.devices:
                raise Misconfigured(f"there is no device {device!r} in the site that is loaded")
            token = await people.issue_device_token(stream, device, SystemClock().now())
        print(token)

    _run(work)


@gateway_app.command("add", epilog="Example: anxin gateway add gw-0317 --home h0317 --base zigbee2mqtt")
def gateway_add(
    name: Annotated[str, typer.Argument(help="The name the gateway signs in with.")],
    home: Annotated[list[str], typer.Option(help="A home whose devices it speaks for; may be given again.")],
    base: Annotated[
        list[str] | None, typer.Option(help="Its Zigbee2MQTT base topic; may be given again.")
    ] = None,
    replace: Annotated[
        bool, typer.Option(help="Give it a new secret; the old one ends within seconds.")
    ] = False,
    config: Config = None,
) -> None:
    """Make a gateway's credential: it may publish its own homes' topics only. The secret is shown this once."""
    settings = _settings(config)

    async def work() -> None:
        from anxin import doorman, wiring
        from care.clock import SystemClock

        async with wiring.brief_stream(settings) as stream:
            registry = await wiring.registry_now(stream)
            unknown = [h for h in home if registry is None or h not in registry.homes]
            if unknown:
                raise Misconfigured(f"there is no home {unknown[0]!r} in the site that is loaded")
            taken = [settings.mqtt.username] if settings.mqtt.username else []
            try:
                secret = await doorman.add_gateway(
                    stream,
                    name,
                    homes=home,
                    bases=base or [],
                    now=SystemClock().now(),
                    taken=taken,
                    replace=replace,
                )
            except Conflict:
                raise Misconfigured(
                    f"there is a gateway {name!r} already; --replace gives it a new secret"
                ) from None
        print(secret)

    _run(work)


@gateway_app.command("remove", epilog="Example: anxin gateway remove gw-0317")
def gateway_remove(
    name: Annotated[str, typer.Argument(help="The gateway's name.")], config: Config = None
) -> None:
    """End a gateway's credential; its connection is closed within seconds."""
    settings = _settings(config)

    async def work() -> int:
        from anxin import doorman, wiring

        async with wiring.brief_stream(settings) as stream:
            if await doorman.remove_gateway(stream, name):
                say(f"{name} may no longer connect")
                return 0
        say(f"anxin: there is no gateway {name!r}")
        return int(Exit.fault)

    _run(work)


@integration_app.command("add", epilog="Example: anxin integration add meals --event meal.delivered")
def integration_add(
    name: Annotated[str, typer.Argument(help="Its name: small letters, digits, _ and -.")],
    event: Annotated[
        list[str] | None,
        typer.Option(help="What it may report (docs/integrations.md); may be given again. All."),
    ] = None,
    promised_hours: Annotated[
        int | None, typer.Option(help="It reports at least once in so many hours; its silence is then told.")
    ] = None,
    config: Config = None,
) -> None:
    """Let another system report over HTTP. Its secret is shown this once; one of that name before ends."""
    settings = _settings(config)

    async def work() -> None:
        from anxin import wiring
        from care.clock import SystemClock
        from dashboard_api import integrations

        async with wiring.brief_stream(settings) as stream:
            secret = await integrations.make_integration(
                stream,
                name,
                events=event or [],
                by="user:anxin",
                now=SystemClock().now(),
                promised_hours=promised_hours,
            )
        say(f"{name} reports to {settings.api.public_url}/api/v1/integrations/{name}/events")
        print(secret)

    _run(work)


@integration_app.command("list", epilog="Example: anxin integration list")
def integration_list(config: Config = None) -> None:
    """The systems that may report, and what; never their secrets."""
    settings = _settings(config)

    async def work() -> None:
        from anxin import wiring
        from dashboard_api import integrations

        async with wiring.brief_stream(settings) as stream:
            for one in await integrations.list_integrations(stream):
                print(f"{one.name}\t{one.made_at:%Y-%m-%d}\t{' '.join(one.events) or 'everything'}")

    _run(work)


@integration_app.command("remove", epilog="Example: anxin integration remove meals")
def integration_remove(
    name: Annotated[str, typer.Argument(help="The integration's name.")], config: Config = None
) -> None:
    """Revoke it: what it signs is refused from now on."""
    settings = _settings(config)

    async def work() -> int:
        from anxin import wiring
        from dashboard_api import integrations

        async with wiring.brief_stream(settings) as stream:
            if await integrations.remove_integration(stream, name):
                say(f"{name} may no longer report")
                return 0
        say(f"anxin: there is no integration {name!r}")
        return int(Exit.fault)

    _run(work)


# -- proving ----------------------------------------------------------------------------------------------------


@app.command(epilog="Example: anxin replay messages.jsonl --site site.yaml --out result.jsonl")
def replay(
    messages: Annotated[
        Path, typer.Argument(help="Recorded messages, one JSON object a line; - for standard input.")
    ],
    site: Annotated[Path, typer.Option(help="The site file.")],
    rules: Annotated[list[Path] | None, typer.Option(help="Rule files instead of the catalogue.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Where the result goes; standard output if not given.")
    ] = None,
    config: Config = None,
) -> None:
    """Run recorded messages through decode, rules and alerts in virtual time. Nothing is sent.

    Topics are read as `mqtt.subscriptions` says; what the site file names is heard even when no subscription covers it.
    """
    from anxin import replay as film

    loaded = _read_site(site)
    subscriptions = _settings(config).mqtt.subscriptions
    status = film.run(messages, loaded, rules=rules or [], out=out, say=say, subscriptions=subscriptions)
    raise typer.Exit(int(status))


@app.command(
    epilog="Examples: anxin backtest --from 2026-03-01 --to 2026-03-31 --rules changed.yaml · "
    "anxin backtest --from 2026-03-01 --to 2026-05-01 --limit r0317:bed_exit_yellow_minutes=30 · "
    "anxin backtest --source messages.jsonl --site site.yaml --limit bed_exit_yellow_minutes=30 --json"
)
def backtest(
    from_: Annotated[
        str | None, typer.Option("--from", help="Day or time it begins; needed unless --source is given.")
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", help="Day or time it ends (a day is not part of it).")
    ] = None,
    rules: Annotated[
        list[Path] | None, typer.Option(help="Changed rule files, read over the rules in force.")
    ] = None,
    limit: Annotated[
        list[str] | None,
        typer.Option(
            help="A changed limit: RESIDENT:NAME=VALUE, or NAME=VALUE for everybody. May be given again."
        ),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            help="What to compare with: a version that ran here, or a folder of rule files. [rules in force]"
        ),
    ] = None,
    source: Annotated[
        Path | None, typer.Option(help="A recorded file as for `anxin replay` instead of the history.")
    ] = None,
    site: Annotated[
        Path | None, typer.Option(help="The site file; the one that is loaded if not given.")
    ] = None,
    warm_up: Annotated[
        float,
        typer.Option(min=0, max=60, help="Days heard before --from, so that the engine knows the homes."),
    ] = 1.0,
    processes: Annotated[
        int | None, typer.Option(min=1, max=256, help="Processes to use. [one for each processor]")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole answer as JSON.")] = False,
    config: Config = None,
) -> None:
    """Try changed rules or limits over the past, and show which alerts would be gained and lost. Changes nothing."""
    from anxin import backtest as trial

    loaded = _read_site(site) if site is not None else None
    status = trial.run(
        trial.Wish(
            begin=from_,
            end=to,
            rules=tuple(rules or ()),
            limits=tuple(limit or ()),
            against=against,
            source=source,
            site=loaded,
            warm_up_days=warm_up,
            processes=processes,
            as_json=as_json,
        ),
        (lambda: _settings(config)),
        say,
    )
    raise typer.Exit(int(status))


def _others() -> None:
    """Commands that other packages bring."""
    from anxin import claims
    from anxin.deploy import app as deploy_app
    from devices.cli import app as devices_app
    from rules.cli import app as rules_app
    from simulators.cli import app as simulate_app

    app.add_typer(deploy_app, name="deploy")
    claims.register(devices_app)
    app.add_typer(devices_app, name="devices")
    app.add_typer(rules_app, name="rules")
    app.add_typer(simulate_app, name="simulate")


def main() -> None:
    """Run the command line; an expected error is one sentence."""
    _others()
    try:
        app()
    except CareError as error:
        say(f"anxin: {error}")
        sys.exit(int(Exit.fault))
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(int(Exit.fault))
