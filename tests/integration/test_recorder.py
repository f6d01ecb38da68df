"""History follows the streams, whatever dies: on a real PostgreSQL."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

import anxin.database
import ingest.recorder
from alerts.events import Acknowledged, Arrived, Closed, FindingView, Outcome, Raised, Reopened, Transition
from anxin import doctor, embedded
from anxin.database import Connections, HistoryStore, connections, migrate, migrations
from anxin.settings import Database, Settings
from care.ages import USUAL, Ages
from care.clock import Clock, ManualClock, SystemClock
from care.errors import Misconfigured, Temporary
from care.messages import Finding, Refusal, Report, Unclaimed, encode
from care.site import Community, Device, Home, Resident, Site
from care.stream import ALERTS, FINDINGS, QUARANTINE, READINGS, REGISTRY, MemoryStream
from care.words import Condition, Kind, Level, Phase

NOON = datetime(2026, 5, 23, 4, 0, tzinfo=UTC)


def a_report(n: int, **more: Any) -> Report:
    at = NOON + timedelta(seconds=n)
    given: dict[str, Any] = {
        "report_id": f"r{n:06d}",
        "home": f"h{n % 5}",
        "device": f"belt-{n % 5}",
        "kind": "bed_belt",
        "at": at,
        "received_at": at,
        "values": {"heart_rate": 60 + n % 30, "in_bed": True},
    }
    return Report(**{**given, **more})


def publish(stream: MemoryStream, *reports: Report) -> None:
    for report in reports:
        stream.append(report.subject, encode(report), message_id=report.report_id)


@contextlib.asynccontextmanager
async def recording(
    stream: Any, url: str, clock: Clock | None = None, kept: Ages = USUAL
) -> AsyncIterator[asyncio.Task[None]]:
    # By the real clock the readings of these tests are older than they are kept.
    clock = clock or ManualClock(NOON + timedelta(hours=1))
    task = asyncio.create_task(
        ingest.recorder.run(stream=stream, clock=clock, database_url=url, prepare=migrate, kept=kept)
    )
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def until(true: Callable[[], Any], *, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(psycopg.Error):
            if await asyncio.to_thread(true):
                return
        assert time.monotonic() < deadline, "it did not come true in time"
        await asyncio.sleep(0.05)


def ask(url: str, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url, connect_timeout=2) as connection:
        return connection.execute(statement).fetchall()


def written(url: str, stream: str, position: int) -> bool:
    try:
        return ask(url, f"select position from positions where stream = '{stream}'") == [(position,)]
    except psycopg.OperationalError:
        return False  # a server that was just killed: asked again


async def test_a_reading_is_recorded_once_with_its_time_and_unit(database: str) -> None:
    """Numbers, states, words, unknowns and mere signs of life each have their row; twice is once."""
    stream = MemoryStream()
    publish(
        stream,
        a_report(1, values={"temperature": 21.5, "in_bed": True, "fault": "E1"}, unknown=["heart_rate"]),
        a_report(2, values={}),
        a_report(3, values={}, state="offline"),
    )
    stream.append(
        "readings.normal.1.h1",
        encode(a_report(1, values={"temperature": 21.5, "in_bed": True, "fault": "E1"})),
    )
    async with recording(stream, database):
        await until(lambda: written(database, READINGS, 4))
    rows = ask(database, "select quantity, value, text, device from readings order by at, quantity")
    assert rows == [
        ("fault", None, "E1", "belt-1"),
        ("heart_rate", None, None, "belt-1"),
        ("in_bed", 1.0, None, "belt-1"),
        ("temperature", 21.5, None, "belt-1"),
        ("alive", 1.0, None, "belt-2"),
        ("online", 0.0, None, "belt-3"),
    ]
    assert ask(database, "select n, total from readings_1h where quantity = 'temperature'") == [(1, 21.5)]


async def test_what_was_on_the_way_when_consent_was_withdrawn_is_not_kept(database: str) -> None:
    """Not its value, not that it was null; what else the report says is, and a device of which all goes was still heard."""
    stream = MemoryStream()
    private = Resident(id="r1", name="某", consent={"vitals": ["doctor"]})
    belts = [Device(id=f"belt-{n}", kind=Kind.bed_belt, resident="r1") for n in (1, 2)]
    site = Site(
        community=Community(id="c", name="c"), homes=[Home(id="h1", residents=[private], devices=belts)]
    )
    await stream.put(REGISTRY, "site", encode(site))
    before = ingest.recorder._dropped.labels("vitals")._value.get()
    publish(
        stream,
        a_report(1, values={"heart_rate": 61.5, "in_bed": True}, unknown=["respiration_rate"]),
        a_report(2, values={"heart_rate": 62.5}),
        a_report(3, values={"heart_rate": 63.5}),
    )
    async with recording(stream, database):
        await until(lambda: written(database, READINGS, 3))
    rows = ask(database, "select quantity, value, device from readings order by at, quantity")
    assert rows == [("in_bed", 1.0, "belt-1"), ("alive", 1.0, "belt-2"), ("heart_rate", 63.5, "belt-3")]
    assert ingest.recorder._dropped.labels("vitals")._value.get() - before == 3


async def test_a_message_that_cannot_be_read_does_not_stop_history(database: str) -> None:
    """It is put aside with its position; the next one is recorded."""
    stream = MemoryStream()
    stream.append("readings.normal.1.h1", b'{"broken":')
    publish(stream, a_report(1, values={"action": "a\x00b"}))
    stream.append("findings.1.h1", b"[]")
    stream.append("alerts.h1.a1", b"\xff")
    stream.append("unclaimed", b"nonsense")
    async with recording(stream, database):
        for name, position in ((READINGS, 2), (FINDINGS, 1), (ALERTS, 1), (QUARANTINE, 1)):
            await until(lambda name=name, position=position: written(database, name, position))
    assert ask(database, "select text from readings") == [("a\N{REPLACEMENT CHARACTER}b",)]
    assert ask(database, "select count(*) from quarantine where reason = 'failed'") == [(4,)]


async def test_findings_refusals_and_unclaimed_devices_have_their_tables(database: str) -> None:
    """What else the streams carry can be asked for later."""
    stream = MemoryStream()
    finding = Finding(
        event_id="e1", finding="f1", phase=Phase.opened, at=NOON, onset_at=NOON, rule="SM1", rule_version=1, code="SM1",
        level=Level.red, home="h1", cause="fire", pictogram="smoke", title={"zh": "厨房烟感报警", "en": "Smoke"},
    )  # fmt: skip
    stream.append(finding.subject, encode(finding))
    refusal = Refusal(
        refusal_id="x1",
        topic="anxin/v1/h1/b1",
        reason="not_json",
        received_at=NOON,
        home="h1",
        device="b1",
        sample="{",
    )
    stream.append(refusal.subject, encode(refusal))
    for minute in range(3):
        heard = Unclaimed(
            topic="zigbee2mqtt/new",
            dialect="zigbee2mqtt",
            received_at=NOON + timedelta(minutes=minute),
            payload=str(minute),
        )
        stream.append(heard.subject, encode(heard))
    async with recording(stream, database), connections(database) as pool:
        await until(lambda: written(database, QUARANTINE, 4) and written(database, FINDINGS, 1))
        store = HistoryStore(pool)
        assert [(r.topic, r.reason, r.times) for r in await store.refusals(since=NOON)] == [
            ("anxin/v1/h1/b1", "not_json", 1)
        ]
        [new] = await store.unclaimed()
        assert (new.topic, new.heard, new.payload, new.last_at) == (
            "zigbee2mqtt/new",
            3,
            "2",
            NOON + timedelta(minutes=2),
        )
    assert ask(database, "select code, level, body->'title'->>'zh' from findings") == [
        ("SM1", "red", "厨房烟感报警")
    ]


async def test_the_row_of_an_alert_follows_its_log(database: str) -> None:
    """Raised, taken, attended, closed, opened again: the times that figures need are kept."""
    view = FindingView(
        finding="f1", rule="SM1", rule_version=1, code="SM1", level=Level.red, phase="opened",
        condition=Condition.active, onset_at=NOON, title={"zh": "烟感", "en": "Smoke"}, pictogram="smoke",
    )  # fmt: skip

    def at(minutes: float) -> datetime:
        return NOON + timedelta(minutes=minutes)

    raised = Raised(
        at=NOON, alert="a1", number=317, home="h1", cause="fire", code="SM1", level=Level.red, pictogram="smoke",
        title={"zh": "烟感", "en": "Smoke"}, onset_at=NOON, resident="r1", room="kitchen", finding=view,
    )  # fmt: skip
    steps = [
        raised,
        Acknowledged(at=at(0.5), by="s01"),
        Arrived(at=at(8), who="s07", by="s07"),
        Closed(at=at(20), by="s01", outcome=Outcome(by="s01", at=at(20), cause="C02", outcome="O1")),
        Reopened(
            at=at(25),
            by=None,
            reason="smoke",
            level=Level.red,
            code="SM1",
            title={"zh": "", "en": ""},
            pictogram="smoke",
        ),
    ]
    stream = MemoryStream()

    def add(step: Any, version: int) -> None:
        t = Transition(alert="a1", number=317, home="h1", version=version, at=step.at, events=(step,))
        stream.append(t.subject, encode(t))

    columns = "state, acknowledged_at, arrived_by, closed_at, outcome->>'cause', version"
    async with recording(stream, database):
        for version, step in enumerate(steps[:4], 1):
            add(step, version)
        await until(lambda: written(database, ALERTS, 4))
        assert ask(database, f"select {columns} from alerts") == [
            ("closed", at(0.5), "s07", at(20), "C02", 4)
        ]
        add(steps[4], 5)
        await until(lambda: written(database, ALERTS, 5))
    assert ask(database, f"select {columns} from alerts") == [("new", at(0.5), "s07", None, None, 5)]
    assert ask(database, "select count(*) from alert_events") == [(5,)]


async def test_two_recorders_write_nothing_twice(database: str) -> None:
    """The position is a fence: whoever comes second reads it again."""
    stream = MemoryStream()
    async with recording(stream, database), recording(stream, database):
        for start in range(0, 1000, 100):
            publish(stream, *(a_report(n) for n in range(start, start + 100)))
            await asyncio.sleep(0.02)
        await until(lambda: written(database, READINGS, 1000))
    assert ask(database, "select count(*) from readings") == [(2000,)]
    assert ask(database, "select sum(n) from readings_1h") == [(2000,)]


async def test_a_stream_that_began_again_is_followed_from_its_start(database: str) -> None:
    """A new stream counts from one; its readings are recorded, those known already are recognised."""
    first, second = MemoryStream(), MemoryStream()
    publish(first, *(a_report(n) for n in range(10)))
    async with recording(first, database):
        await until(lambda: written(database, READINGS, 10))
    publish(second, a_report(3), a_report(100))
    async with recording(second, database):
        await until(lambda: written(database, READINGS, 2))
    assert ask(database, "select count(*) from readings") == [(22,)]


# -- faults -----------------------------------------------------------------------------------------------------


@pytest.fixture
def mortal(postgres: Any) -> Iterator[Any]:
    """A PostgreSQL of this test alone, which may be killed."""
    import shutil
    import tempfile

    folder = Path(tempfile.mkdtemp(prefix="anxin-pg-"))
    folder.chmod(0o711)
    part = embedded.Postgres.below(folder, embedded.Kept.of(folder))
    server = type(postgres)(part.child(), part=part)
    server.start()
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


def url_of(server: Any) -> str:
    return (
        str(server.part.address("anxin", "anxin"))
        if hasattr(server.part, "address")
        else str(server.part.url)
    )


async def test_postgresql_killed_in_a_transaction_loses_and_doubles_nothing(mortal: Any) -> None:
    """kill -9 of the server again and again under load: every reading has one row, every hour its exact count."""
    stream, url, total = MemoryStream(), url_of(mortal), 30_000

    async def flood() -> None:
        for start in range(0, total, 200):
            publish(stream, *(a_report(n) for n in range(start, start + 200)))
            await asyncio.sleep(0.02)

    async with recording(stream, url):
        flooding = asyncio.create_task(flood())
        for _ in range(4):
            await asyncio.sleep(0.6)
            await asyncio.to_thread(mortal.kill)
            await asyncio.sleep(0.2)
            await asyncio.to_thread(mortal.start)
        await flooding
        await until(lambda: written(url, READINGS, total))
    assert ask(url, "select count(*), count(distinct report_id) from readings") == [(2 * total, total)]
    assert ask(url, "select sum(n) from readings_1h") == [(2 * total,)]


async def test_a_database_that_is_down_at_first_is_caught_up_with(mortal: Any) -> None:
    """The recorder starts without it, waits, and writes everything within seconds of its coming."""
    stream, url = MemoryStream(), url_of(mortal)
    await asyncio.to_thread(mortal.kill)
    publish(stream, *(a_report(n) for n in range(5000)))
    async with recording(stream, url) as task:
        await asyncio.sleep(0.5)
        assert not task.done()
        await asyncio.to_thread(mortal.start)
        back = time.monotonic()
        await until(lambda: written(url, READINGS, 5000))
        assert time.monotonic() - back < 8  # a pool left to itself takes ten seconds after a longer outage00


async def test_no_question_about_the_past_takes_longer_than_a_second(mortal: Any) -> None:
    """A server that hangs, dies and comes back: Temporary in time, and an answer soon after its return."""
    url = url_of(mortal)
    async with connections(url) as pool:
        store = HistoryStore(pool)
        with psycopg.connect(url) as c:
            c.execute("select 1")

        async def question() -> Any:
            return await store.unclaimed()

        with pytest.raises(Temporary):
            await question()  # not migrated yet
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            await migrate(connection)
        assert await question() == []

        pids = [p for (p,) in ask(url, "select pid from pg_stat_activity where application_name = 'anxin'")]
        import os

        for pid in (mortal.process.pid, *pids):
            os.kill(pid, signal.SIGSTOP)
        try:
            for _ in range(6):
                started = time.monotonic()
                with pytest.raises(Temporary):
                    await question()
                assert time.monotonic() - started < 3  # a second is meant; the rest is for a busy machine
        finally:
            for pid in (mortal.process.pid, *pids):
                os.kill(pid, signal.SIGCONT)
        back = time.monotonic()
        while not await store.ready():
            assert (
                time.monotonic() - back < 8
            )  # a pool left to itself takes ten seconds after a longer outage0
            await asyncio.sleep(0.05)

        await asyncio.to_thread(mortal.kill)
        started = time.monotonic()
        with pytest.raises(Temporary):
            await question()
        assert time.monotonic() - started < 3  # a second is meant; the rest is for a busy machine
        await asyncio.sleep(3)
        await asyncio.to_thread(mortal.start)
        back = time.monotonic()
        while not await store.ready():
            assert (
                time.monotonic() - back < 8
            )  # a pool left to itself takes ten seconds after a longer outage
            await asyncio.sleep(0.05)


# -- shape and statements -----------------------------------------------------------------------------------------


async def test_migrations_run_once_whoever_calls(database: str) -> None:
    """Several processes at once, and again later: the same shape, and it is said which variant runs."""

    async def one() -> str:
        async with await psycopg.AsyncConnection.connect(database, autocommit=True) as connection:
            return await migrate(connection)

    assert set(await asyncio.gather(*(one() for _ in range(4)))) == {"plain"}
    assert await one() == "plain"
    assert ask(database, "select version, variant from migrations order by 1") == [
        (version, "plain") for version, _ in migrations()
    ]


async def test_doctor_names_the_history_in_force(database: str) -> None:
    """Before the first start and after it."""
    settings = Settings(database=Database(url=database))
    assert "no history yet" in (await doctor._database(settings)).detail
    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as connection:
        await migrate(connection)
    line = await doctor._database(settings)
    assert line.state == "good"
    assert f"history in plain partitioned tables, shape {migrations()[-1][0]}" in line.detail


async def test_an_older_program_refuses_a_newer_database(database: str) -> None:
    """Forward only: it says so instead of writing into a shape it does not know."""
    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as connection:
        await migrate(connection)
        await connection.execute(
            "insert into migrations (version, name, variant) values (99, 'later', 'plain')"
        )
        with pytest.raises(Misconfigured, match="newer program"):
            await migrate(connection)


@pytest.mark.parametrize(
    "queries", [ingest.recorder.QUERIES, anxin.database.QUERIES], ids=["ingest", "anxin"]
)
async def test_every_named_statement_is_valid(database: str, queries: dict[str, str]) -> None:
    """PostgreSQL prepares each against the migrated database, so a typo is found without calling it."""
    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as connection:
        await migrate(connection)
        for name, statement in queries.items():
            names: list[str] = []

            def number(m: re.Match[str], names: list[str] = names) -> str:
                if m[1] not in names:
                    names.append(m[1])
                return f"${names.index(m[1]) + 1}"

            text = re.sub(r"%\((\w+)\)s", number, statement)
            if name == "make_arriving":
                await connection.execute(text)
            elif name == "copy_arriving":
                async with connection.cursor() as cursor, cursor.copy(text):
                    pass
            elif name in ("drop_chunks", "end_retention", "begin_retention"):
                with pytest.raises(psycopg.errors.UndefinedFunction):  # TimescaleDB's
                    await connection.execute(f"prepare {name} as {text}")
            else:
                await connection.execute(f"prepare {name} as {text}")


async def test_history_answers_with_gaps_as_gaps(database: str) -> None:
    """Every reading page by page, and buckets from readings and from hours alike."""
    stream = MemoryStream()
    start = datetime(2026, 5, 20, 0, 30, tzinfo=UTC)
    reports = []
    for n in range(0, 4 * 24 * 60, 10):
        if 600 <= n < 1200:
            continue  # ten hours of silence
        at = start + timedelta(minutes=n)
        reports.append(
            a_report(
                n,
                report_id=f"x{n}",
                home="h1",
                device="belt-1",
                at=at,
                received_at=at,
                values={"heart_rate": n % 90},
            )
        )
    reports.append(
        a_report(
            9,
            report_id="y",
            home="h1",
            device="belt-1",
            at=start,
            received_at=start,
            values={"in_bed": True},
            unknown=["heart_rate"],
        )
    )
    publish(stream, *reports)
    async with recording(stream, database), connections(database) as pool:
        await until(lambda: written(database, READINGS, len(reports)))
        store = HistoryStore(pool)
        asked: dict[str, Any] = {
            "home": "h1",
            "quantity": "heart_rate",
            "from_at": start,
            "to_at": start + timedelta(days=4),
        }
        everything, none = await store.readings(**asked)
        assert none is None
        assert len(everything) == len(reports)
        assert (start, None) in everything
        pages, cursor = [], None
        while True:
            page, cursor = await store.readings(**asked, limit=100, cursor=cursor)
            pages += page
            if cursor is None:
                break
        assert pages == everything
        with pytest.raises(ValueError, match="cursor"):
            await store.readings(**asked, cursor="' or 1=1")
        in_bed, _ = await store.readings(**{**asked, "quantity": "in_bed"})
        assert in_bed == [(start, True)]

        numbers = [(at, float(v)) for at, v in everything if v is not None]
        for step, from_at, to_at in (
            (timedelta(minutes=30), start, start + timedelta(hours=8)),
            (timedelta(hours=1), start, start + timedelta(days=4)),
            (timedelta(hours=6), start + timedelta(minutes=17), start + timedelta(days=3, minutes=13)),
        ):
            expected: dict[datetime, list[float]] = {}
            for at, v in numbers:
                if from_at <= at < to_at:
                    bucket = datetime.fromtimestamp(
                        at.timestamp() // step.total_seconds() * step.total_seconds(), UTC
                    )
                    expected.setdefault(bucket, []).append(v)
            found = await store.buckets(**{**asked, "from_at": from_at, "to_at": to_at}, step=step)
            assert [(b[0], b[1], b[3], b[4]) for b in found] == [
                (at, min(v), max(v), len(v)) for at, v in sorted(expected.items())
            ]
            assert [b[2] for b in found] == pytest.approx(
                [sum(v) / len(v) for _, v in sorted(expected.items())]
            )


async def test_roll_ups_outlive_the_readings(database: str) -> None:
    """Readings 30 days, minutes 180, hours and days two years: a long view answers the same from what is left."""
    stream = MemoryStream()
    start = NOON.replace(hour=0)
    for n in range(0, 3 * 24 * 3600, 1800):
        at = start + timedelta(seconds=n + 7)
        publish(stream, a_report(n, home="h1", device="belt-1", at=at, received_at=at,
                                 values={"heart_rate": 50 + n // 1800 % 40}))  # fmt: skip
    asked: dict[str, Any] = {
        "home": "h1",
        "quantity": "heart_rate",
        "from_at": start,
        "to_at": start + timedelta(days=3),
    }
    hours, minutes = timedelta(hours=1), timedelta(minutes=5)

    async def after(days: int, *, gone: str) -> tuple[Any, Any]:
        clock = ManualClock(start + timedelta(days=days))
        async with recording(stream, database, clock), connections(database) as pool:
            await until(lambda: written(database, READINGS, 144))
            if gone:
                await until(lambda: not ask(database, f"select 1 from {gone} limit 1"))
            store = HistoryStore(pool)
            return await store.buckets(**asked, step=hours), await store.buckets(**asked, step=minutes)

    by_hour, by_minute = await after(4, gone="")
    assert (len(by_hour), len(by_minute)) == (72, 144)
    assert await after(40, gone="readings") == (by_hour, by_minute)
    assert await after(190, gone="readings_1m") == (by_hour, [])
    assert ask(database, "select count(*), sum(n) from readings_1d") == [(3, 144)]
    assert await after(740, gone="readings_1h") == ([], [])
    await until(lambda: ask(database, "select count(*) from readings_1d") == [(0,)])


def shape(url: str) -> list[tuple[Any, ...]]:
    """Columns and keys of everything, but for the days of partitioned tables."""
    return ask(
        url,
        "select table_name::text, column_name::text, data_type::text, is_nullable::text from information_schema.columns "
        "where table_schema = 'public' and table_name !~ '_[0-9]{8}$' "
        "union all select tablename::text, indexdef, '', '' from pg_indexes "
        "where schemaname = 'public' and tablename !~ '_[0-9]{8}$' order by 1, 2",
    )


@pytest.mark.parametrize("version", [v for v, _ in migrations()][:-1])
async def test_a_database_of_any_earlier_version_comes_to_the_present_shape(
    database: str, version: int
) -> None:
    """Forward from each version, with what was in it: nothing is lost, roll-ups hold what readings and hours held."""
    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as connection:
        await connection.execute(
            "create table migrations (version integer primary key, name text not null, "
            "variant text not null, at timestamptz not null default now())"
        )
        for number, name in migrations()[:version]:
            await anxin.database._apply(connection, number, name, "plain")
            await connection.execute(
                "insert into migrations (version, name, variant) values (%s, %s, 'plain')", [number, name]
            )
        await connection.execute(
            "create table readings_20260522 partition of readings for values "
            "from ('2026-05-22 00:00:00+00') to ('2026-05-23 00:00:00+00')"
        )
        await connection.execute(
            "insert into readings (home, quantity, at, device, report_id, received_at, value, test) select 'h1', 'heart_rate', "
            "at, 'belt-1', 'r' || at, at, 60, false from generate_series(timestamptz '2026-05-22 00:00:10+00', "
            "'2026-05-22 02:59:50+00', interval '20 seconds') as at"
        )
        hours = "insert into readings_1h select home, quantity, date_bin('1 hour', at, 'epoch'), device, "
        await connection.execute(
            hours + "min(value), sum(value), max(value), count(value) from readings group by 1, 2, 3, 4"
        )
        assert await migrate(connection) == "plain"
        if (
            version < 3
        ):  # from then on the recorder fills minutes and days itself, and nothing is made from the rest
            assert ask(database, "select count(*), sum(n), sum(total) from readings_1m") == [
                (180, 540, 540 * 60.0)
            ]
            assert ask(database, "select bucket, n, low, high from readings_1d") == [
                (datetime(2026, 5, 22, tzinfo=UTC), 540, 60.0, 60.0)
            ]
        assert ask(database, "select count(*), sum(n), sum(total) from readings_1h") == [(3, 540, 540 * 60.0)]
        assert ask(database, "select count(*) from readings") == [(540,)]
        found = shape(database)
        await connection.execute("drop schema public cascade")
        await connection.execute("create schema public")
        await migrate(connection)
    assert found == shape(database)
    stream = MemoryStream()
    publish(stream, a_report(1))
    async with recording(stream, database):
        await until(lambda: written(database, READINGS, 1))


async def test_days_are_made_ahead_and_old_ones_dropped(database: str) -> None:
    """The partitions of the coming days exist before their first reading; a day past keeping goes as a whole."""
    stream = MemoryStream()
    now = datetime.now(UTC)
    old = now - timedelta(days=500)
    publish(stream, a_report(1, at=old, received_at=old))
    async with recording(stream, database, SystemClock()):
        await until(lambda: written(database, READINGS, 1))
    days = {r for (r,) in ask(database, "select relname from pg_class where relname ~ '^readings_[0-9]{8}$'")}
    assert f"readings_{now + timedelta(days=3):%Y%m%d}" in days
    assert f"readings_{old:%Y%m%d}" in days
    async with recording(stream, database, SystemClock()):
        await until(
            lambda: not ask(database, f"select 1 from pg_class where relname = 'readings_{old:%Y%m%d}'")
        )


async def test_a_community_may_keep_less(database: str) -> None:
    """`history.readings_days = 14`: a day three weeks back goes, which is kept usually."""
    stream = MemoryStream()
    old = datetime.now(UTC) - timedelta(days=20)
    publish(stream, a_report(1, at=old, received_at=old))
    there = f"select 1 from pg_class where relname = 'readings_{old:%Y%m%d}'"
    async with recording(stream, database, SystemClock()):
        await until(lambda: written(database, READINGS, 1))
    async with recording(stream, database, SystemClock()):
        await until(
            lambda: ask(database, "select 1 from pg_class where relname ~ '^readings_[0-9]{8}$'") != []
        )
    assert ask(database, there) == [(1,)]
    async with recording(stream, database, SystemClock(), Ages(readings=timedelta(days=14))):
        await until(lambda: not ask(database, there))


async def test_what_is_too_old_is_forgotten_and_open_cases_stay(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused payloads and unclaimed devices after 30 days, cases three years after their end, in pieces; the rest is kept."""
    monkeypatch.setattr(ingest.recorder, "FORGET_ROWS", 2)
    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as connection:
        await migrate(connection)
    with psycopg.connect(database) as c:
        for name, days in [(f"old-{n}", 31) for n in range(5)] + [("new", 29)]:
            c.execute(
                "insert into quarantine (refusal_id, received_at, topic, reason, detail, alarm, sample) "
                "values (%s, now() - %s * interval '1 day', 't', 'not_json', '', false, '')",
                [name, days],
            )
            c.execute(
                "insert into unclaimed (topic, dialect, first_at, last_at, heard, payload) values "
                "(%s, 'native', now() - interval '1 year', now() - %s * interval '1 day', 1, '')",
                [name, days],
            )
        for name, closed in (("ended", 1096), ("recent", 1000), ("open", None)):
            c.execute(
                "insert into alerts (alert, number, home, cause, code, level, state, test, onset_at, raised_at, closed_at, "
                "version) values (%s, 1, 'h1', 'fire', 'SM1', 'red', 'new', false, now() - interval '4 years', "
                "now() - interval '4 years', now() - %s::int * interval '1 day', 2)",
                [name, closed],
            )
            for version in (1, 2):
                c.execute(
                    "insert into alert_events (alert, version, number, home, at, body) values "
                    "(%s, %s, 1, 'h1', now() - interval '4 years', '{}')",
                    [name, version],
                )
    async with recording(MemoryStream(), database, SystemClock()):
        await until(lambda: ask(database, "select alert from alerts order by 1") == [("open",), ("recent",)])
    assert ask(database, "select refusal_id from quarantine") == [("new",)]
    assert ask(database, "select topic from unclaimed") == [("new",)]
    assert ask(database, "select distinct alert from alert_events order by 1") == [("open",), ("recent",)]


async def test_the_pool_serves_many_at_once(database: str) -> None:
    """More callers than connections wait their turn."""
    async with connections(database, limit=2) as pool:
        assert isinstance(pool, Connections)
        store = HistoryStore(pool)
        assert await asyncio.gather(*(store.ready() for _ in range(50))) == [True] * 50
