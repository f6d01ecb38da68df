"""`anxin backtest`: a change of rules or limits over the past; alerts gained and lost. Start at `run`.

The heart is `rules.trial`; here the past is read (the history in PostgreSQL, or a recorded file in the form of
`anxin replay`), divided by homes among processes, and the answer printed. The same input gives the same bytes, however
many processes there are: every home is run by itself. Only when a rule about outages is tried, which is about many
homes at once, everything runs in one engine and one process.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from operator import attrgetter
from pathlib import Path
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import msgspec
import psycopg

from anxin import embedded, wiring
from anxin.database import QUERIES
from anxin.replay import read_lines
from anxin.settings import Mqtt, Settings
from care.errors import Misconfigured
from care.ids import iso
from care.messages import Refusal, Report, Unclaimed, Value
from care.site import Registry, Site
from care.words import Exit
from devices.quantities import QUANTITIES, Nature
from ingest.normalize import Message, Normalizer, Subscription
from ingest.recorder import ALIVE, ONLINE
from rules.catalog import RuleBook, load, load_folder
from rules.trial import Change, HomeTrial, Input, Judged, Runner, weigh, with_limit, with_override
from rules.worker import kept_book

WARM_UP = timedelta(days=1)
"""What is heard before `from` so that the engine knows who is in bed when it begins."""
LATE = timedelta(days=1)
"""A reading is at most so much older than its receipt (ingest repairs what is older)."""


class Past(Protocol):
    """Where recorded reports come from. Picklable: it is handed to other processes."""

    def homes(self) -> list[str]:
        """Homes there is anything of."""
        ...

    def inputs(self, homes: Sequence[str] | None, begin: datetime, end: datetime) -> list[Input]:
        """Reports and refusals of these homes (all with None) in order of arrival, begin <= received < end."""
        ...

    def judged(self, begin: datetime, end: datetime) -> list[Judged]:
        """How the cases of that time were closed, where it is known."""
        ...


# ------------------------------------------------------------------------------------------- a recorded file


@dataclass(frozen=True)
class Recording:
    """A file in the form of `anxin replay`, decoded."""

    by_home: dict[str, list[Input]]

    @classmethod
    def read(cls, file: Path, site: Site, heard: Callable[[int], None] = lambda _: None) -> Recording:
        """Read and decode a file. Commands, crashes and advances are passed over. Raises Unreadable, Misconfigured."""
        registry = Registry(site)
        normalizer = Normalizer(registry, [Subscription(s.filter, s.dialect) for s in Mqtt().subscriptions])
        found: dict[str, list[Input]] = {}
        last: datetime | None = None
        try:
            with file.open("rb") as lines:
                for number, line in read_lines(lines):
                    if "topic" not in line:
                        continue
                    at = datetime.fromisoformat(line["at"])
                    at = (at if at.tzinfo else at.replace(tzinfo=registry.zone)).astimezone(UTC)
                    last = at if last is None else max(at, last)
                    payload = line.get("payload")
                    data = payload.encode() if isinstance(payload, str) else msgspec.json.encode(payload)
                    message = Message(
                        topic=str(line["topic"]),
                        payload=b"" if payload is None else data,
                        received_at=last,
                        retained=bool(line.get("retain", False)),
                        qos=1,
                    )
                    for out in normalizer.normalize(message):
                        if isinstance(out, Unclaimed) or out.home is None:
                            continue
                        if isinstance(out, Report) or out.alarm:
                            found.setdefault(out.home, []).append(out)
                    heard(number)
        except OSError as error:
            raise Misconfigured(f"{file} cannot be read: {error.strerror}") from None
        except (KeyError, TypeError, ValueError) as error:
            raise Misconfigured(f"{file} is not a recording that `anxin replay` reads: {error}") from None
        return cls(found)

    def span(self) -> tuple[datetime, datetime]:
        """From the first to just after the last message."""
        times = [i.received_at for inputs in self.by_home.values() for i in (inputs[0], inputs[-1])]
        if not times:
            raise Misconfigured("there is no message of this site's devices in the recording")
        return min(times), max(times) + timedelta(seconds=1)

    def homes(self) -> list[str]:
        return sorted(self.by_home)

    def inputs(self, homes: Sequence[str] | None, begin: datetime, end: datetime) -> list[Input]:
        wanted = self.homes() if homes is None else homes
        found = [i for h in wanted for i in self.by_home.get(h, []) if begin <= i.received_at < end]
        return found if len(wanted) == 1 else sorted(found, key=attrgetter("received_at"))

    def judged(self, begin: datetime, end: datetime) -> list[Judged]:  # noqa: ARG002  # a recording has none
        return []


# ---------------------------------------------------------------------------------------------- the history


@dataclass(frozen=True)
class Stored:
    """The history that the recorder writes."""

    url: str
    site: Site

    @contextlib.contextmanager
    def _connection(self) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
        try:
            with psycopg.connect(
                self.url,
                connect_timeout=5,
                application_name="anxin-backtest",
                options="-c statement_timeout=0 -c timezone=UTC",
            ) as connection:
                connection.read_only = True
                yield connection
        except psycopg.OperationalError as error:
            raise Misconfigured(f"the history cannot be read: {str(error).strip().splitlines()[0]}") from None

    def homes(self) -> list[str]:
        return sorted(h.id for h in self.site.homes)

    def inputs(self, homes: Sequence[str] | None, begin: datetime, end: datetime) -> list[Input]:
        wanted = list(self.homes() if homes is None else homes)
        given = {"homes": wanted, "begin": begin, "end": end, "oldest": begin - LATE}
        kinds = {d.id: d.kind.value for h in self.site.homes for d in h.devices}
        found: list[Input] = []
        with self._connection() as connection:
            with (
                connection.cursor(name="arrivals", binary=True)
                if len(wanted) > 1
                else connection.cursor(binary=True) as cursor
            ):
                cursor.execute(QUERIES["arrivals"], given)
                found += _reports(cursor, kinds)
            refusals = connection.execute(QUERIES["arrived_refusals"], given).fetchall()
        if refusals:
            found += [
                Refusal(
                    refusal_id=r[0], topic=r[2], home=r[3], device=r[4], reason=r[5], quantity=r[6],
                    detail=r[7], received_at=r[1].astimezone(UTC), alarm=True,
                )
                for r in refusals
            ]  # fmt: skip
            found.sort(key=attrgetter("received_at"))
        return found

    def reaching(self, homes: Sequence[str], begin: datetime, end: datetime) -> datetime:
        """`begin`, or where the readings of these homes begin when that is a day later or more.

        Readings are kept for 30 days: days of which nothing is left must not count as days without an alert.
        """
        given = {"homes": list(homes), "oldest": begin - LATE, "end": end}
        with self._connection() as connection:
            row = connection.execute(QUERIES["first_reading"], given).fetchone()
        first = row[0].astimezone(UTC) if row is not None else begin
        return max(begin, first) if first - begin >= timedelta(days=1) else begin

    def holds_more_than(self, limit: int, homes: Sequence[str], begin: datetime, end: datetime) -> bool:
        """Whether there are more readings of these homes than that; for callers who may not wait."""
        given = {"homes": list(homes), "begin": begin, "end": end, "oldest": begin - LATE, "limit": limit + 1}
        with self._connection() as connection:
            row = connection.execute(QUERIES["count_arrivals"], given).fetchone()
        return row is not None and row[0] > limit

    def judged(self, begin: datetime, end: datetime) -> list[Judged]:
        with self._connection() as connection:
            rows = connection.execute(QUERIES["judged"], {"begin": begin, "end": end}).fetchall()
        return [
            Judged(
                home=home,
                cause=cause,
                raised_at=raised.astimezone(UTC),
                closed_at=closed.astimezone(UTC) if closed is not None else None,
                truth=truth or "",
            )
            for home, cause, raised, closed, truth in rows
        ]


def _reports(rows: Iterable[tuple[Any, ...]], kinds: dict[str, str]) -> Iterator[Report]:
    """Rows of one report follow each other; rows from before `position` was kept are told apart by their names."""
    last: tuple[str, str] | None = None
    fields: dict[str, Any] = {}
    values: dict[str, Value] = {}
    unknown: list[str] = []
    for (
        home, device, report_id, quantity, at, received_at, number, text, test, device_at, seq, retained, repaired,
    ) in rows:  # fmt: skip
        if (device, report_id) != last:
            if last is not None:
                yield Report(**fields, values=values, unknown=unknown)
            last = device, report_id
            values, unknown = {}, []
            fields = {
                "report_id": report_id,
                "home": home,
                "device": device,
                "kind": kinds.get(device, ""),
                "at": at.astimezone(UTC),
                "received_at": received_at.astimezone(UTC),
                "device_at": device_at.astimezone(UTC) if device_at is not None else None,
                "seq": seq,
                "retained": bool(retained),
                "test": test,
                "repaired": repaired,
            }
        if quantity == ONLINE:
            fields["state"] = "online" if number else "offline"
        elif quantity == ALIVE:
            pass
        elif text is not None:
            values[quantity] = text
        elif number is None:
            unknown.append(quantity)
        else:
            values[quantity] = _value(quantity, number)
    if last is not None:
        yield Report(**fields, values=values, unknown=unknown)


def _value(quantity: str, number: float) -> Value:
    known = QUANTITIES.get(quantity)
    if known is not None and known.nature in (Nature.state, Nature.press):
        return number != 0
    return int(number) if number.is_integer() else number


# --------------------------------------------------------------------------------------------------- running

Progress = Callable[[int, int], None]
"""Homes done, readings heard so far."""

_runner: Runner | None = None
_past: Past | None = None


def _prepare(runner: Runner, past: Past) -> None:
    global _runner, _past  # one runner for the life of a worker process
    _runner, _past = runner, past


def _one(homes: list[str], begin: datetime) -> list[HomeTrial]:
    assert _runner is not None
    assert _past is not None
    return [_runner.run(h, _past.inputs([h], begin, _runner.end)) for h in homes]


def compare(
    change: Change,
    past: Past,
    begin: datetime,
    end: datetime,
    *,
    warm_up: timedelta = WARM_UP,
    processes: int | None = None,
    progress: Progress = lambda _homes, _readings: None,
) -> dict[str, Any]:
    """Run a change over the past; the answer as plain data (`rules.trial.weigh`)."""
    runner = Runner(change, begin, end)
    early = begin - warm_up
    homes = sorted(set(change.homes()) & set(past.homes()))
    trials: list[HomeTrial] = []
    readings = 0
    if change.whole:
        trials.append(runner.run(None, past.inputs(None, early, end)))
        progress(len(homes), trials[0].readings)
    elif processes == 1 or len(homes) == 1:
        for home in homes:
            trials.append(runner.run(home, past.inputs([home], early, end)))
            readings += trials[-1].readings
            progress(len(trials), readings)
    else:
        # fork: the recording is there already and need not be sent; nothing else runs in this process.
        with ProcessPoolExecutor(
            processes or os.cpu_count(),
            mp_context=get_context("fork"),
            initializer=_prepare,
            initargs=(runner, past),
        ) as pool:
            waiting = [pool.submit(_one, homes[i : i + 4], early) for i in range(0, len(homes), 4)]
            for done in as_completed(waiting):
                trials += done.result()
                readings = sum(t.readings for t in trials)
                progress(len(trials), readings)
    return weigh(change, trials, begin, end, past.judged(begin, end))


# -------------------------------------------------------------------------------------------------- printing


@contextlib.contextmanager
def shown(homes: int) -> Iterator[Progress]:
    """A bar on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda _homes, _readings: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bar

    with Bar(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("homes"),
        TextColumn("{task.fields[readings]:,} readings"), TimeElapsedColumn(), TimeRemainingColumn(),
        console=Console(stderr=True), transient=True,
    ) as bar:  # fmt: skip
        task = bar.add_task("trying", total=homes, readings=0)
        yield lambda done, readings: bar.update(task, completed=done, readings=readings)


def table(answer: dict[str, Any], *, most: int = 20) -> str:
    """The answer for a person."""
    rules = answer["rules"]
    head = f"{answer['from'][:10]} … {answer['to'][:10]}: {answer['homes']:,} homes, {answer['residents']:,} residents"
    versions = f"rules {rules['in_force']} against {rules['tried']}"
    lines = [
        f"{head}, {answer['readings']:,} readings; {versions}",
        "",
        f"{'':<16}{'red':>9}{'yellow':>9}{'blue':>9}",
    ]
    for name, key in (("in force", "before"), ("tried", "after")):
        lines.append(f"{name:<16}" + "".join(f"{answer[key][k]:>9,}" for k in ("red", "yellow", "blue")))
    lines.append("per 1,000 resident-days")
    for name, key in (("  in force", "before"), ("  tried", "after")):
        rates = answer["per_1000_resident_days"][key]
        lines.append(
            f"{name:<16}"
            + "".join(
                f"{'–' if rates[k] is None else f'{rates[k]:.2f}':>9}" for k in ("red", "yellow", "blue")
            )
        )
    lines.append("red and yellow in one shift")
    lines += [
        f"  {shift['from']}–{shift['to']}   {shift['before']:>8.3f} → {shift['after']:.3f}"
        for shift in answer["per_shift"]
    ]
    lines.append("")
    for rule in answer["by_rule"]:
        was, now = sum(rule["before"].values()), sum(rule["after"].values())
        lines.append(
            f"  {rule['rule']:<14}{was:>7,} → {now:<7,} gained {rule['gained']:,}, lost {rule['lost']:,}"
        )
    shown_ = answer["items"][:most]
    if shown_:
        lines.append("")
    for item in shown_:
        was = f"{item['before']['level']} {item['before']['at'][:16]}" if item["before"] else "–"
        now = f"{item['after']['level']} {item['after']['at'][:16]}" if item["after"] else "–"
        truth = f" ({item['truth']})" if item["truth"] else ""
        lines.append(f"  {item['what']:<8}{item['rule']:<10}{item['home']:<10}{was:<24}→ {now}{truth}")
    if len(answer["items"]) > most:
        lines.append(f"  … {len(answer['items']) - most} more with --json")
    lines += ["", answer["words"]["zh"], answer["words"]["en"]]
    return "\n".join(lines)


# ------------------------------------------------------------------------------------------------ the command


@dataclass(frozen=True)
class Wish:
    """What somebody asked for on the command line."""

    begin: str | None
    end: str | None
    rules: tuple[Path, ...] = ()
    limits: tuple[str, ...] = ()
    against: str | None = None
    source: Path | None = None
    site: Site | None = None
    warm_up_days: float = 1.0
    processes: int | None = None
    as_json: bool = False


def run(wish: Wish, settings: Callable[[], Settings], say: Callable[[str], None]) -> Exit:
    """The command; returns the exit status."""
    if wish.source is None and (wish.begin is None or wish.end is None):
        say("anxin: give --from and --to, or a recorded file with --source")
        return Exit.usage
    if wish.source is not None and wish.site is None:
        say("anxin: a recorded file needs its site file: --site")
        return Exit.usage
    for option, text in (("--from", wish.begin), ("--to", wish.end)):
        _time(option, text, ZoneInfo("UTC"))  # a slip of the pen is told before anything is opened
    past: Recording | Stored
    if wish.source is not None and wish.site is not None:
        site = wish.site
        past = Recording.read(wish.source, site)
    else:
        site, past = _history(settings(), wish.site)
    zone = Registry(site).zone
    begin, end = _time("--from", wish.begin, zone), _time("--to", wish.end, zone)
    if isinstance(past, Recording):
        first, last = past.span()
        begin, end = begin or first, end or last
    assert begin is not None
    assert end is not None
    if begin >= end:
        say("anxin: --from must be before --to")
        return Exit.usage
    old = _against(wish.against, settings) if wish.against is not None else load()
    new = load(wish.rules) if wish.rules or wish.against is not None else old
    changed = site
    for text in wish.limits:
        resident, name, value = _limit(text)
        if resident is None:
            changed = with_limit(changed, new, name, value)
        else:
            early = begin - timedelta(days=wish.warm_up_days)
            changed = with_override(changed, new, name, value, resident, early, end)
    change = Change(site, old, changed, new)
    if isinstance(past, Stored):
        reached = past.reaching(change.homes(), begin, end)
        if reached > begin:
            say(f"anxin: readings of these homes begin at {iso(reached)}; the days before are left out")
            begin = reached
    with shown(len(set(change.homes()) & set(past.homes()))) as progress:
        answer = compare(
            change,
            past,
            begin,
            end,
            warm_up=timedelta(days=wish.warm_up_days),
            processes=wish.processes,
            progress=progress,
        )
    if wish.as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(answer), indent=2).decode() + "\n")
    else:
        sys.stdout.write(table(answer) + "\n")
    return Exit.good


def _history(settings: Settings, site: Site | None) -> tuple[Site, Stored]:
    """The site that is loaded and the history of the service, or of the embedded one's data folder when it is up."""

    async def now() -> Site:
        async with wiring.brief_stream(settings) as stream:
            registry = await wiring.registry_now(stream)
        if registry is None:
            raise Misconfigured("no site is loaded yet; load one with `anxin site load FILE`, or give --site")
        return registry.site

    up = embedded.service(settings)
    url = settings.database.url or (up.database.url if up is not None else None)
    if url is None:
        raise Misconfigured(
            f"no history: database.url is not set and no service runs on {settings.data_dir}; start `anxin up`"
        )
    found = site or asyncio.run(now())
    return found, Stored(url, found)


def _against(name: str, settings: Callable[[], Settings]) -> RuleBook:
    """The rules of a folder, or a version that ran here."""
    folder = Path(name)
    if folder.is_dir():
        return load_folder(folder)

    async def ask() -> RuleBook | None:
        async with wiring.brief_stream(settings()) as stream:
            return await kept_book(stream, name)

    current = load()
    if name == current.version:
        return current
    book = asyncio.run(ask())
    if book is None:
        raise Misconfigured(f"there is no version `{name}` of the rules here, and no folder of that name")
    return book


def _time(option: str, text: str | None, zone: ZoneInfo) -> datetime | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Misconfigured(
            f"{option} {text}: write a day or a time like 2026-03-01 or 2026-03-01T07:00"
        ) from None
    return (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)


def _limit(text: str) -> tuple[str | None, str, Any]:
    left, equals, right = text.partition("=")
    resident, colon, name = left.rpartition(":")
    if not equals or not name:
        raise Misconfigured(f"--limit {text}: write RESIDENT:NAME=VALUE or NAME=VALUE")
    return (resident if colon else None), name, limit_value(right)


def limit_value(text: str) -> Any:
    """`25` is a number, `true` a yes, `22:00` a time of day."""
    if text in ("true", "false"):
        return text == "true"
    try:
        number = float(text)
    except ValueError:
        return text
    return int(number) if number.is_integer() else number
