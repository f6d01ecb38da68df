"""The streams -> PostgreSQL: history follows, and nothing waits for it.

Start at `Recorder.run`. Each stream has a follower with a connection of its own; a batch of messages and the
stream's new position are one transaction, so that after any death of either side no row is missing and none is
double. While PostgreSQL is away the followers wait and try again every second at most; the streams keep what
is not written. Statements are in queries.sql; what the tables look like is in anxin/migrations.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import psycopg
from prometheus_client import Counter, Gauge
from psycopg import AsyncConnection, sql
from structlog import get_logger

from care.ages import USUAL, Ages
from care.clock import Clock
from care.errors import Temporary
from care.ids import content_id
from care.messages import Beat, Finding, Guarded, Judged, Refusal, Report, Unclaimed, decode, encode
from care.site import Registry
from care.stream import ALERTS, FINDINGS, HEALTH, PROTECTION, QUARANTINE, READINGS, Stored, Stream
from devices.consent import withheld
from devices.quantities import QUANTITIES
from ingest.protection import LONGEST_GAP, Change, Spent, Watched, day_of, spent, watched
from ingest.registry import registries
from ingest.statements import load

log = get_logger("recorder")

QUERIES = load(Path(__file__).with_name("queries.sql"))

CONNECT_SECONDS = 2
STATEMENT_SECONDS = 30
"""A batch that takes longer is given up and tried again; nobody waits for it."""
PAUSES = (0.1, 1.0)
"""Seconds between tries, at first and at most."""
DAYS_AHEAD = 3
FORGET_ROWS = 5_000
"""Rows forgotten with one statement: the recorder has readings to write."""
HOUSEKEEPING = timedelta(hours=1)
ADD_UP_SECONDS = 120.0
ADD_UP_BEHIND = 1.0
ADD_UP_AGAIN = 10.0
SETTLED = timedelta(minutes=10)
"""A day of protection is final so long after its end."""
BATCH = 2000
"""Messages in one transaction at most."""
BEAT_SECONDS = 2.0

ALIVE = "alive"
"""Recorded for a report without any value: the device was heard, which absence rules live on."""
ONLINE = "online"
"""Recorded for what a gateway or an availability topic says: 1 or 0."""

_rows = Counter("anxin_recorder_rows", "Rows handed to the database", ["stream"])
_batches = Counter("anxin_recorder_batches", "Transactions committed", ["stream"])
_failures = Counter("anxin_recorder_failures", "Transactions and connections that failed", ["stream"])
_unreadable = Counter(
    "anxin_recorder_unreadable", "Messages that could not be read and were put aside", ["stream"]
)
_dropped = Counter(
    "anxin_recorder_withheld", "Readings not kept for want of consent, given before", ["consent"]
)
_position = Gauge("anxin_recorder_position", "Position written", ["stream"])

Connection = AsyncConnection[tuple[Any, ...]]
Prepare = Callable[[Connection], Awaitable[str]]
"""Brings the database to the present shape and says which variant runs: plain, timescale or timescale_apache."""


class _Moved(Exception):
    """Another recorder has moved the position on: read it again."""


class _Follower:
    """Writes one stream."""

    def __init__(self, recorder: Recorder, name: str) -> None:
        self._recorder = recorder
        self._name = name
        self.position = 0
        self.behind_since: datetime | None = None
        self.away = False

    async def run(self) -> None:
        pause = PAUSES[0]
        while True:
            try:
                async with self._recorder.connection() as connection:
                    self.position = await self._begin(connection)
                    if self.away:
                        log.info("history_resumed", stream=self._name, position=self.position)
                    self.away = False
                    pause = PAUSES[0]
                    await self._follow(connection)
            except (psycopg.Error, OSError, TimeoutError, Temporary) as error:
                _failures.labels(self._name).inc()
                if not self.away:
                    log.warning("history_waits", stream=self._name, error=type(error).__name__)
                self.away = True
            except _Moved:
                log.warning("history_moved_by_another", stream=self._name)
            await asyncio.sleep(pause)
            pause = min(PAUSES[1], pause * 2)

    async def _begin(self, connection: Connection) -> int:
        now = self._recorder.clock.now()
        async with connection.transaction():
            await connection.execute(QUERIES["begin_position"], {"stream": self._name, "now": now})
            row = await (await connection.execute(QUERIES["position"], {"stream": self._name})).fetchone()
            assert row is not None
            position: int = row[0]
            head = await self._recorder.stream.head(self._name)
            if head < position:
                # The stream was made anew. What it holds is recognised by its keys.
                log.error("stream_began_again", stream=self._name, position=position, head=head)
                await connection.execute(QUERIES["reset_position"], {"stream": self._name, "now": now})
                position = 0
        if self._name == READINGS:
            await self._recorder.housekeeping(connection)
        _position.labels(self._name).set(position)
        return position

    async def _follow(self, connection: Connection) -> None:
        batches = self._recorder.stream.follow(self._name, after=self.position)
        async with contextlib.aclosing(batches) as follow:  # type: ignore[type-var]
            async for batch in follow:
                for start in range(0, len(batch), BATCH):
                    part = batch[start : start + BATCH]
                    self.behind_since = self.behind_since or part[0].stored_at
                    await self._write(connection, part)
                    self.behind_since = None
                if not batch and self._name == READINGS:
                    await self._recorder.housekeeping(connection)

    async def _write(self, connection: Connection, batch: Sequence[Stored]) -> None:
        now = self._recorder.clock.now()
        to = batch[-1].seq
        async with connection.transaction():
            rows = await _WRITERS[self._name](self._recorder, connection, batch, now)
            moved = await connection.execute(
                QUERIES["move_position"], {"stream": self._name, "from": self.position, "to": to, "now": now}
            )
            if moved.rowcount != 1:
                raise _Moved
        self.position = to
        _rows.labels(self._name).inc(rows)
        _batches.labels(self._name).inc()
        _position.labels(self._name).set(to)


class Recorder:
    """Owns the followers and the days of the readings table."""

    def __init__(
        self, *, stream: Stream, clock: Clock, database_url: str, prepare: Prepare, kept: Ages = USUAL
    ) -> None:
        self.stream = stream
        self.clock = clock
        self._url = database_url
        self._prepare = prepare
        self._variant = ""
        self._prepared = asyncio.Lock()
        self._days: dict[str, set[date]] = {}
        """Days that have a partition, by table."""
        self._kept_house_at: datetime | None = None
        self._kept = {"readings": kept.readings, "readings_1m": kept.minutes}
        """Tables whose days are dropped whole, and after how long."""
        self._rolled = {"forget_hours": kept.hours, "forget_days": kept.hours}
        """With TimescaleDB policies of the database see to these and those above."""
        self._forget = {
            "forget_refusals": kept.readings,
            "forget_unclaimed": kept.readings,
            "forget_findings": kept.cases,
            "forget_alert_events": kept.cases,
            "forget_alerts": kept.cases,
            "forget_guards": kept.minutes,
            "forget_watched": kept.minutes,
            "forget_protection_days": kept.hours,
        }
        self._policies = False
        """TimescaleDB's own policies have these ages."""
        self._registry: Registry | None = None
        self._known = asyncio.Event()
        self._withheld: dict[str, frozenset[str]] = {}
        """What people keep from us of each device that was heard, by the site in force."""
        self._started_at = clock.now()
        self._followers = [
            _Follower(self, name) for name in (READINGS, FINDINGS, ALERTS, QUARANTINE, PROTECTION)
        ]
        self._written = {f._name: f for f in self._followers}  # noqa: SLF001  same module

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for follower in self._followers:
                tasks.create_task(follower.run(), name=f"record-{follower._name}")  # noqa: SLF001  same module
            tasks.create_task(self._follow_registry(), name="registry")
            tasks.create_task(self._beat(), name="beat")
            tasks.create_task(self._add_up(), name="protection")

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A new connection to a database that has the present shape."""
        connection = await AsyncConnection.connect(
            self._url,
            autocommit=True,
            connect_timeout=CONNECT_SECONDS,
            options=f"-c statement_timeout={STATEMENT_SECONDS * 1000} -c idle_in_transaction_session_timeout=60000",
            application_name="anxin-recorder",
            prepare_threshold=1,
        )
        try:
            await connection.execute(QUERIES["make_arriving"])
            async with self._prepared:
                variant = await self._prepare(connection)
                if variant != self._variant:
                    log.info("history_variant", variant=variant)
                self._variant = variant
            yield connection
        finally:
            with contextlib.suppress(Exception):
                async with asyncio.timeout(1):
                    await connection.close()

    # -- readings

    @property
    def add_readings(self) -> str:
        """The statement for readings: where the database does not roll them up by itself, that is done with them."""
        return QUERIES["add_readings" if self._variant == "timescale" else "add_readings_with_rollups"]

    @property
    def _by_day(self) -> tuple[str, ...]:
        """Tables whose days are partitions that we make and drop."""
        if self._variant == "timescale":
            return ()
        return ("readings", "readings_1m") if self._variant == "plain" else ("readings_1m",)

    async def housekeeping(self, connection: Connection) -> None:
        """Once an hour: what is too old is forgotten, and the coming days get their partitions."""
        now = self.clock.now()
        if self._kept_house_at is not None and now - self._kept_house_at < HOUSEKEEPING:
            return
        await self._keep_days(connection, now)
        if self._variant == "timescale_apache":
            await connection.execute(QUERIES["drop_chunks"], {"before": now - self._kept["readings"]})
        if self._variant == "timescale" and not self._policies:
            await self._set_policies(connection)
        rolled = self._rolled if self._variant != "timescale" else {}
        for statement, age in {**self._forget, **rolled}.items():
            gone = FORGET_ROWS
            while gone == FORGET_ROWS:
                done = await connection.execute(
                    QUERIES[statement], {"before": now - age, "limit": FORGET_ROWS}
                )
                gone = done.rowcount
                if gone:
                    log.info("history_forgotten", what=statement.removeprefix("forget_"), rows=gone)
        self._kept_house_at = now

    async def _set_policies(self, connection: Connection) -> None:
        """Once a start: TimescaleDB drops chunks by policies of its own, and they were made with the usual ages."""
        rolled = self._rolled["forget_hours"]
        async with connection.transaction():
            for table, age in {**self._kept, "readings_1h": rolled, "readings_1d": rolled}.items():
                given = {"table": table, "age": age}
                await connection.execute(QUERIES["end_retention"], given)
                await connection.execute(QUERIES["begin_retention"], given)
        self._policies = True

    async def _keep_days(self, connection: Connection, now: datetime) -> None:
        tables = self._by_day
        if not tables:
            return
        rows = await (await connection.execute(QUERIES["partitions"], {"tables": list(tables)})).fetchall()
        self._days = {table: set() for table in tables}
        for table, name in rows:
            day = _day_of(table, name)
            if day is not None:
                self._days[table].add(day)
        today = now.astimezone(UTC).date()
        await self.make_days(connection, (today + timedelta(days=n) for n in range(-1, DAYS_AHEAD + 1)))
        for table, days in self._days.items():
            for day in sorted(days):
                if day < today - self._kept[table]:
                    await connection.execute(
                        sql.SQL("drop table if exists {}").format(sql.Identifier(_partition(table, day)))
                    )
                    days.discard(day)
                    log.info("day_dropped", table=table, day=day.isoformat())

    async def make_days(self, connection: Connection, days: Iterable[date]) -> None:
        """Partitions for these days, where they are missing."""
        wanted = set(days)
        for table in self._by_day:
            for day in sorted(wanted - self._days.setdefault(table, set())):
                await connection.execute(
                    sql.SQL(
                        "create table if not exists {} partition of {} for values from ({}) to ({})"
                    ).format(
                        sql.Identifier(_partition(table, day)),
                        sql.Identifier(table),
                        sql.Literal(_midnight(day)),
                        sql.Literal(_midnight(day + timedelta(days=1))),
                    )
                )

    async def add_reports(self, connection: Connection, batch: Sequence[Stored], now: datetime) -> int:
        rows: list[tuple[Any, ...]] = []
        days: set[date] = set()
        put_aside: list[Refusal] = []
        await self._known.wait()  # before, nobody could say what may be kept
        for stored in batch:
            try:
                report = decode(stored.data, Report)
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                put_aside.append(_put_aside(stored, now, error, READINGS))
                continue
            report = self._agreed(report)
            days.add(report.at.astimezone(UTC).date())
            seq = report.seq if report.seq is not None and abs(report.seq) < 1 << 63 else None
            rows += (
                (report.home, name, report.at, report.device, report.report_id, report.received_at, number, word,
                 report.test, stored.seq, report.device_at, seq, report.retained, report.repaired)
                for name, number, word in _values(report)
            )  # fmt: skip
        if rows:
            await self.make_days(connection, days)
            async with connection.cursor() as cursor, cursor.copy(QUERIES["copy_arriving"]) as copy:
                for row in rows:
                    await copy.write_row(row)
            await connection.execute(self.add_readings)
            for table in self._by_day:
                self._days[table] |= days
        if put_aside:
            await _add_refusals(connection, put_aside)
        return len(rows)

    # -- consent

    async def _follow_registry(self) -> None:
        async for registry in registries(self.stream):
            self._registry, self._withheld = registry, {}
            self._known.set()

    def _agreed(self, report: Report) -> Report:
        """Without what its people have kept from us since it set out; that is counted."""
        kept_back = self._withheld.get(report.device)
        if kept_back is None:
            found = self._registry.devices.get(report.device) if self._registry is not None else None
            kept_back = withheld(self._registry, *found) if found and self._registry else frozenset()
            self._withheld[report.device] = kept_back
        if not kept_back or kept_back.isdisjoint((*report.values, *report.unknown)):
            return report
        for quantity in (*report.values, *report.unknown):
            if quantity in kept_back:
                _dropped.labels(QUANTITIES[quantity].consent or "").inc()
        return msgspec.structs.replace(
            report,
            values={q: v for q, v in report.values.items() if q not in kept_back},
            unknown=[q for q in report.unknown if q not in kept_back],
        )

    # -- protection over time

    async def _add_up(self) -> None:
        """Every few minutes: what became of the homes' hours today, and on days that were not added up yet."""
        while True:
            try:
                async with self.connection() as connection:
                    while True:
                        # While what was said is still being written here nothing could be added up that stays.
                        behind = self._written[PROTECTION].position < await self.stream.head(PROTECTION)
                        if not behind:
                            await self.add_up(connection)
                        await asyncio.sleep(ADD_UP_BEHIND if behind else ADD_UP_SECONDS)
            except (psycopg.Error, OSError, TimeoutError, Temporary) as error:
                log.info("protection_waits", error=type(error).__name__)
            await asyncio.sleep(ADD_UP_AGAIN)

    async def add_up(self, connection: Connection) -> None:
        """Add up every day of the community that is not over or was not added up when it was, the oldest first.

        Made from what was said alone, so a day that is deleted from `protection_known` is made again.
        """
        if self._registry is None:
            return  # nobody knows yet when the days of the community begin
        zone, now = self._registry.zone, self.clock.now()
        row = await (await connection.execute(QUERIES["protection_todo"])).fetchone()
        if row is None or row[0] is None:
            return
        done = set(row[1])
        first = max(row[0], now - self._forget["forget_guards"]).astimezone(zone).date()
        today = now.astimezone(zone).date()
        day = first
        while day <= today:
            if day not in done:
                await self._add_up_day(connection, day, zone, now)
            day += timedelta(days=1)

    async def _add_up_day(self, connection: Connection, day: date, zone: ZoneInfo, now: datetime) -> None:
        begin, ends = day_of(day, zone)
        # A day is final once it is over and everything that was said of it has been written here.
        written = self._written[PROTECTION].position >= await self.stream.head(PROTECTION)
        end = min(ends, now)
        between = {"begin": begin, "end": end}
        rows = await (await connection.execute(QUERIES["guards_between"], between)).fetchall()
        whiles = await (await connection.execute(QUERIES["watched_between"], between)).fetchall()
        newest = max((w[3] for w in whiles), default=begin)
        if end == now and now - newest < LONGEST_GAP:
            end = newest  # the next confirmation is on its way
        found: list[Spent] = await asyncio.to_thread(
            spent, [Change(*r) for r in rows], [Watched(*w) for w in whiles], begin, end
        )
        async with connection.transaction():
            await connection.execute(QUERIES["clear_protection_day"], {"day": day})
            await connection.execute(
                QUERIES["add_protection_day"],
                {
                    "day": day,
                    "home": [s.home for s in found],
                    "state": [s.state for s in found],
                    "cause": [s.cause for s in found],
                    "seconds": [s.seconds for s in found],
                },
            )
            over = written and now >= ends + SETTLED
            await connection.execute(QUERIES["know_protection_day"], {"day": day, "as_of": end, "done": over})

    # -- sign of life

    async def _beat(self) -> None:
        readings = self._followers[0]
        while True:
            now = self.clock.now()
            lag = max(
                ((now - f.behind_since).total_seconds() for f in self._followers if f.behind_since),
                default=0.0,
            )
            beat = Beat(
                role="recorder",
                at=now,
                started_at=self._started_at,
                position=readings.position,
                lag_seconds=round(max(0.0, lag), 3),
                detail="database away" if any(f.away for f in self._followers) else self._variant,
            )
            with contextlib.suppress(Temporary, TimeoutError):
                async with asyncio.timeout(BEAT_SECONDS):
                    await self.stream.put(HEALTH, "beat.recorder", encode(beat))
            await asyncio.sleep(BEAT_SECONDS)


def _values(report: Report) -> Iterable[tuple[str, float | None, str | None]]:
    """The rows of a report: quantity, number, word."""
    some = False
    for name, value in report.values.items():
        some = True
        if isinstance(value, str):
            yield name, None, _clean(value)
        else:
            yield name, float(value), None
    for name in report.unknown:
        if name not in report.values:
            some = True
            yield name, None, None
    if report.state is not None:
        yield ONLINE, 1.0 if report.state == "online" else 0.0, None
    elif not some:
        yield ALIVE, 1.0, None


def _partition(table: str, day: date) -> str:
    return f"{table}_{day:%Y%m%d}"


def _day_of(table: str, partition: str) -> date | None:
    try:
        return datetime.strptime(partition, f"{table}_%Y%m%d").replace(tzinfo=UTC).date()
    except ValueError:
        return None


def _midnight(day: date) -> str:
    return f"{day.isoformat()} 00:00:00+00"


def _clean(text: str | None) -> str | None:
    """PostgreSQL's text holds no NUL."""
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}") if text is not None else None


def _json(data: bytes) -> str:
    return data.decode("utf-8").replace("\\u0000", "\\ufffd")


def _put_aside(stored: Stored, now: datetime, error: Exception, stream: str) -> Refusal:
    _unreadable.labels(stream).inc()
    log.error("message_unreadable", stream=stream, position=stored.seq, error=type(error).__name__)
    return Refusal(
        refusal_id=content_id(stream, stored.seq, stored.data),
        topic=stored.subject,
        reason="failed",
        received_at=stored.stored_at or now,
        detail=f"{stream} {stored.seq}: {type(error).__name__}",
        sample=stored.data[:512].decode("utf-8", "backslashreplace"),
    )


async def _add_refusals(connection: Connection, refusals: Sequence[Refusal]) -> None:
    await connection.execute(
        QUERIES["add_refusals"],
        {
            "refusal_id": [r.refusal_id for r in refusals],
            "received_at": [r.received_at for r in refusals],
            "topic": [_clean(r.topic) for r in refusals],
            "home": [r.home for r in refusals],
            "device": [r.device for r in refusals],
            "reason": [r.reason for r in refusals],
            "quantity": [r.quantity for r in refusals],
            "detail": [_clean(r.detail) for r in refusals],
            "alarm": [r.alarm for r in refusals],
            "sample": [_clean(r.sample) for r in refusals],
        },
    )


async def _write_readings(
    recorder: Recorder, connection: Connection, batch: Sequence[Stored], now: datetime
) -> int:
    return await recorder.add_reports(connection, batch, now)


async def _write_findings(
    _recorder: Recorder, connection: Connection, batch: Sequence[Stored], now: datetime
) -> int:
    findings: list[tuple[Finding, bytes]] = []
    put_aside: list[Refusal] = []
    for stored in batch:
        try:
            findings.append((decode(stored.data, Finding), stored.data))
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            put_aside.append(_put_aside(stored, now, error, FINDINGS))
    if findings:
        await connection.execute(
            QUERIES["add_findings"],
            {
                "event_id": [f.event_id for f, _ in findings],
                "finding": [f.finding for f, _ in findings],
                "at": [f.at for f, _ in findings],
                "phase": [f.phase.value for f, _ in findings],
                "home": [f.home for f, _ in findings],
                "resident": [f.resident for f, _ in findings],
                "device": [f.device for f, _ in findings],
                "rule": [f.rule for f, _ in findings],
                "rule_version": [f.rule_version for f, _ in findings],
                "code": [f.code for f, _ in findings],
                "level": [f.level.value for f, _ in findings],
                "body": [_json(data) for _, data in findings],
            },
        )
    if put_aside:
        await _add_refusals(connection, put_aside)
    return len(findings)


class _Decision(msgspec.Struct, frozen=True):
    """What is read of a transition of an alert: its shape belongs to `alerts.events`, which we do not import."""

    alert: str
    number: int
    home: str
    version: int
    at: datetime
    events: list[dict[str, Any]]


_STEPS = {
    "raised": "raise_alert",
    "level_raised": "relevel_alert",
    "level_lowered": "relevel_alert",
    "acknowledged": "acknowledge_alert",
    "dispatched": "send_alert",
    "accepted": "send_alert",
    "departed": "send_alert",
    "arrived": "attend_alert",
    "closed": "close_alert",
    "reopened": "reopen_alert",
    "undone": "undo_alert",
}
"""Event type -> the statement that moves the row of the alert; all others only touch it."""


async def _write_alerts(
    _recorder: Recorder, connection: Connection, batch: Sequence[Stored], now: datetime
) -> int:
    decisions: list[tuple[_Decision, bytes]] = []
    put_aside: list[Refusal] = []
    for stored in batch:
        try:
            decisions.append((decode(stored.data, _Decision), stored.data))
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            put_aside.append(_put_aside(stored, now, error, ALERTS))
    if put_aside:
        await _add_refusals(connection, put_aside)
    if not decisions:
        return 0
    await connection.execute(
        QUERIES["add_alert_events"],
        {
            "alert": [d.alert for d, _ in decisions],
            "version": [d.version for d, _ in decisions],
            "number": [d.number for d, _ in decisions],
            "home": [d.home for d, _ in decisions],
            "at": [d.at for d, _ in decisions],
            "body": [_json(data) for _, data in decisions],
        },
    )
    for decision, _ in decisions:
        for event in decision.events:
            step = _STEPS.get(str(event.get("type")), "touch_alert")
            await connection.execute(QUERIES[step], _alert_row(decision, event))
    return len(decisions)


def _alert_row(decision: _Decision, event: dict[str, Any]) -> dict[str, Any]:
    outcome = event.get("outcome")
    return {
        "alert": decision.alert,
        "version": decision.version,
        "number": decision.number,
        "home": decision.home,
        "at": event.get("at") or decision.at,
        "by": event.get("who") or event.get("by"),
        "resident": event.get("resident"),
        "room": event.get("room"),
        "micro_grid": event.get("micro_grid"),
        "cause": event.get("cause") or "",
        "code": event.get("code") or "",
        "level": event.get("level") or "",
        "test": bool(event.get("test", False)),
        "onset_at": event.get("onset_at") or event.get("at") or decision.at,
        "arrive_by": event.get("arrive_by"),
        "outcome": _json(encode(outcome)) if outcome is not None else None,
    }


async def _write_quarantine(
    _recorder: Recorder, connection: Connection, batch: Sequence[Stored], now: datetime
) -> int:
    refusals: list[Refusal] = []
    rows = 0
    for stored in batch:
        try:
            if stored.subject == "unclaimed":
                heard = decode(stored.data, Unclaimed)
                await connection.execute(
                    QUERIES["see_unclaimed"],
                    {
                        "topic": _clean(heard.topic),
                        "dialect": heard.dialect,
                        "at": heard.received_at,
                        "kind": heard.suggested_kind,
                        "home": heard.suggested_home,
                        "payload": _clean(heard.payload),
                    },
                )
                rows += 1
            else:
                refusals.append(decode(stored.data, Refusal))
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            refusals.append(_put_aside(stored, now, error, QUARANTINE))
    if refusals:
        await _add_refusals(connection, refusals)
    return rows + len(refusals)


async def _write_protection(
    _recorder: Recorder, connection: Connection, batch: Sequence[Stored], now: datetime
) -> int:
    guards: dict[tuple[str, datetime], Guarded] = {}
    put_aside: list[Refusal] = []
    rows = 0
    for stored in batch:
        try:
            if stored.subject.startswith("judged."):
                rows += await _keep_watched(connection, decode(stored.data, Judged))
            else:
                guard = decode(stored.data, Guarded)
                guards[guard.home, guard.at] = guard
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            put_aside.append(_put_aside(stored, now, error, PROTECTION))
    if guards:
        said = list(guards.values())
        await connection.execute(
            QUERIES["add_guards"],
            {
                "home": [g.home for g in said],
                "at": [g.at for g in said],
                "state": [g.state for g in said],
                "cause": [g.cause for g in said],
                "role": [g.role for g in said],
            },
        )
    if put_aside:
        await _add_refusals(connection, put_aside)
    return rows + len(guards)


async def _keep_watched(connection: Connection, judged: Judged) -> int:
    row = await (await connection.execute(QUERIES["last_watched"], {"role": judged.role})).fetchone()
    found = watched(Watched(*row) if row is not None else None, judged)
    if found is None:
        return 0
    await connection.execute(
        QUERIES["keep_watched"],
        {"role": found.role, "run": found.run, "begin": found.begin, "end": found.end},
    )
    return 1


_WRITERS: dict[str, Callable[[Recorder, Connection, Sequence[Stored], datetime], Awaitable[int]]] = {
    READINGS: _write_readings,
    FINDINGS: _write_findings,
    ALERTS: _write_alerts,
    QUARANTINE: _write_quarantine,
    PROTECTION: _write_protection,
}


async def run(
    *, stream: Stream, clock: Clock, database_url: str, prepare: Prepare, kept: Ages = USUAL
) -> None:
    """The role `recorder`, until cancelled. `prepare` is `anxin.database.migrate`; `kept` is how long things are kept."""
    await Recorder(stream=stream, clock=clock, database_url=database_url, prepare=prepare, kept=kept).run()


__all__ = ["ALIVE", "ONLINE", "QUERIES", "Recorder", "run"]
