"""PostgreSQL: its shape (migrations, forward only) and the questions about the past.

`migrate` brings a database to the present shape and says which variant runs. `HistoryStore` answers the API
(`dashboard_api.history.History`). Every call ends within a second or raises Temporary, whatever the server does:
down, hanging, or busy with a lock. `Connections` is the pool: it has no back-off of its own, so the first call
after PostgreSQL is back already works (psycopg_pool took ten seconds after an outage of twenty, measured).
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec
import psycopg
from psycopg import AsyncConnection
from structlog import get_logger

from care.errors import Misconfigured, Temporary
from care.messages import Value
from devices.quantities import QUANTITIES, Nature
from ingest.statements import load

log = get_logger("database")

QUERIES = load(Path(__file__).with_name("queries.sql"))
MIGRATIONS = Path(__file__).with_name("migrations")

CALL_SECONDS = 1.0
"""No caller waits longer (reliability F16)."""
CONNECTIONS = 4
LEAST_VERSION = 150000
"""PostgreSQL 15 (contract section 2)."""

Connection = AsyncConnection[tuple[Any, ...]]
T = TypeVar("T")

# -- shape ------------------------------------------------------------------------------------------------------

PLAIN, TIMESCALE, APACHE = "plain", "timescale", "timescale_apache"
_LOCK = 0x616E78696E  # "anxin"
_FILE = re.compile(r"^(?P<version>\d{4})_(?P<what>[a-z0-9_]+)\.sql$")


def migrations(folder: Path = MIGRATIONS) -> list[tuple[int, str]]:
    """(version, name) in order. `0001_history.sql` may have parts beside it: `0001_history.plain.sql` and so on."""
    found = sorted((int(m["version"]), m["what"]) for f in folder.iterdir() if (m := _FILE.match(f.name)))
    if [v for v, _ in found] != list(range(1, len(found) + 1)):
        raise Misconfigured(
            f"migrations must be numbered 0001, 0002 … without gaps, not {[v for v, _ in found]}"
        )
    return found


async def migrate(connection: Connection) -> str:
    """Bring the database to the present shape; returns its variant: `plain`, `timescale` or `timescale_apache`.

    Any number of processes may call it at once; it does nothing where nothing is to be done. The variant is chosen
    once, when the database is made. Raises Misconfigured for a server too old or a database newer than we are.
    """
    if connection.info.server_version < LEAST_VERSION:
        raise Misconfigured(
            f"database: PostgreSQL 15 or newer is needed, this is {connection.info.server_version // 10000}"
        )
    wanted = migrations()
    if await _version(connection) == wanted[-1][0]:
        return await _variant(connection)
    async with connection.transaction():
        await connection.execute("select pg_advisory_xact_lock(%s)", [_LOCK])
        await connection.execute(
            "create table if not exists migrations (version integer primary key, name text not null, "
            "variant text not null, at timestamptz not null default now())"
        )
        have = await _version(connection)
        if have > wanted[-1][0]:
            raise Misconfigured(
                f"database: its shape is version {have}, this program knows {wanted[-1][0]}; run the newer program"
            )
        variant = await _variant(connection) if have else await _choose(connection)
        for version, name in wanted[have:]:
            variant = await _apply(connection, version, name, variant)
            await connection.execute(
                "insert into migrations (version, name, variant) values (%s, %s, %s)",
                [version, name, variant],
            )
            log.info("database_migrated", version=version, migration=name, variant=variant)
    return variant


async def _version(connection: Connection) -> int:
    row = await (await connection.execute("select to_regclass('migrations') is not null")).fetchone()
    if row is None or not row[0]:
        return 0
    row = await (await connection.execute("select coalesce(max(version), 0) from migrations")).fetchone()
    return int(row[0]) if row else 0


async def _variant(connection: Connection) -> str:
    row = await (
        await connection.execute("select variant from migrations order by version limit 1")
    ).fetchone()
    return str(row[0]) if row else PLAIN


async def _choose(connection: Connection) -> str:
    """TimescaleDB when the server offers it and lets us have it."""
    offered = await (
        await connection.execute("select 1 from pg_available_extensions where name = 'timescaledb'")
    ).fetchone()
    if offered is None:
        return PLAIN
    try:
        async with connection.transaction():
            await connection.execute("create extension if not exists timescaledb")
        return TIMESCALE
    except psycopg.Error as error:
        log.warning("timescaledb_refused", error=type(error).__name__)
        return PLAIN


async def _apply(connection: Connection, version: int, name: str, variant: str) -> str:
    """Run a migration: what is common, then the part of the variant. Returns the variant that came of it."""
    await _script(connection, version, name, "")
    if variant == PLAIN:
        await _script(connection, version, name, ".plain")
        await _script(connection, version, name, ".rollup")
        return PLAIN
    await _script(connection, version, name, ".timescale")
    if variant == TIMESCALE and version > 1:
        # The licence was there when the database was made, and what was made with it is what this builds on.
        await _script(connection, version, name, ".continuous")
        return TIMESCALE
    if variant == TIMESCALE:
        try:
            async with connection.transaction():
                await _script(connection, version, name, ".continuous")
            return TIMESCALE
        except (
            psycopg.errors.FeatureNotSupported,
            psycopg.errors.UndefinedFunction,
            psycopg.errors.SyntaxError,
        ) as error:
            log.warning("timescale_licence_missing", error=type(error).__name__)
    await _script(connection, version, name, ".rollup")
    return APACHE


async def _script(connection: Connection, version: int, name: str, part: str) -> None:
    file = MIGRATIONS / f"{version:04d}_{name}{part}.sql"
    if file.exists():
        await connection.execute(file.read_bytes())


# -- connections --------------------------------------------------------------------------------------------------


class Connections:
    """A few connections, made when they are asked for. Close it when done."""

    def __init__(self, url: str, *, limit: int = CONNECTIONS) -> None:
        self._url = url
        self._idle: list[Connection] = []
        self._turn = asyncio.Semaphore(limit)
        self._left: set[asyncio.Task[Any]] = set()

    async def close(self) -> None:
        """Close what is idle; calls that hang are left to die."""
        while self._idle:
            await _shut(self._idle.pop())
        for task in self._left:
            task.cancel()

    async def call(self, ask: Callable[[Connection], Awaitable[T]], *, seconds: float = CALL_SECONDS) -> T:
        """Run `ask` with a connection. Raises Temporary when there is no answer within `seconds`."""
        task = asyncio.ensure_future(self._ask(ask))
        done, _ = await asyncio.wait({task}, timeout=seconds)
        if not done:
            # A server that hangs also hangs the cancelling of its query: do not wait for that either.
            self._left.add(task)
            task.add_done_callback(self._forget)
            task.cancel()
            raise Temporary("the database does not answer")
        return task.result()

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._left.discard(task)
        if not task.cancelled():
            task.exception()

    async def _ask(self, ask: Callable[[Connection], Awaitable[T]]) -> T:
        async with self._turn:
            while True:
                fresh = not self._idle
                try:
                    connection = self._idle.pop() if self._idle else await self._connect()
                except (psycopg.Error, OSError) as error:
                    raise Temporary(f"the database is away ({type(error).__name__})") from None
                whole = False
                try:
                    answer = await ask(connection)
                    whole = True
                    return answer
                except (psycopg.OperationalError, psycopg.InterfaceError, OSError) as error:
                    if fresh:
                        raise Temporary(f"the database is away ({type(error).__name__})") from None
                except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
                    whole = True
                    raise Temporary("the database has not been prepared yet") from None
                except (ValueError, psycopg.DataError):
                    whole = True
                    raise
                finally:
                    if whole and not connection.closed:
                        self._idle.append(connection)
                    else:
                        await _shut(connection)

    async def _connect(self) -> Connection:
        return await AsyncConnection.connect(
            self._url,
            autocommit=True,
            connect_timeout=2,
            options=f"-c statement_timeout={int(CALL_SECONDS * 1000)}",
            application_name="anxin",
        )


async def _shut(connection: Connection) -> None:
    with contextlib.suppress(Exception):
        await connection.close()


@contextlib.asynccontextmanager
async def connections(url: str, *, limit: int = CONNECTIONS) -> AsyncIterator[Connections]:
    """A pool for the time of a `with`."""
    pool = Connections(url, limit=limit)
    try:
        yield pool
    finally:
        await pool.close()


# -- the past -----------------------------------------------------------------------------------------------------

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
ROLLED_AFTER = {HOUR: timedelta(days=2), MINUTE: timedelta(hours=6)}
"""Stretches longer than this are answered from the hours, or the minutes: those outlive the readings."""


class RefusedTopic(NamedTuple):
    """One line of the quarantine: what one topic was refused for."""

    topic: str
    device: str | None
    reason: str
    times: int
    last_at: datetime
    sample: str
    alarm: bool


class UnclaimedTopic(NamedTuple):
    """A device in nobody's home."""

    topic: str
    dialect: str
    first_at: datetime
    last_at: datetime
    heard: int
    suggested_kind: str | None
    suggested_home: str | None
    payload: str


class HistoryStore:
    """Readings of the past. Every call raises Temporary when there is no answer within a second."""

    def __init__(self, pool: Connections) -> None:
        self._pool = pool

    async def ready(self) -> bool:
        """Whether the database answers now."""
        try:
            await self._rows("select 1", {})
        except Temporary:
            return False
        return True

    async def readings(
        self,
        *,
        home: str,
        quantity: str,
        from_at: datetime,
        to_at: datetime,
        device: str | None = None,
        limit: int = 10_000,
        cursor: str | None = None,
    ) -> tuple[list[tuple[datetime, Value | None]], str | None]:
        """Every reading with from_at <= at < to_at in order of time; the second part continues, None at the end.

        The value is None where the device said that it does not know. A cursor that is not ours is a ValueError.
        """
        after = _open(cursor) if cursor is not None else ("-infinity", "", "")
        rows = await self._rows(
            QUERIES["readings"],
            {
                "home": home,
                "quantity": quantity,
                "from_at": from_at,
                "to_at": to_at,
                "device": device,
                "after_at": after[0],
                "after_device": after[1],
                "after_report": after[2],
                "limit": limit + 1,
            },
        )
        more = None
        if len(rows) > limit:
            rows = rows[:limit]
            last = rows[-1]
            more = _seal(last[0].astimezone(UTC).isoformat(), last[1], last[2])
        return [(at.astimezone(UTC), _value(quantity, value, text)) for at, _, _, value, text in rows], more

    async def buckets(
        self,
        *,
        home: str,
        quantity: str,
        from_at: datetime,
        to_at: datetime,
        device: str | None = None,
        step: timedelta,
    ) -> list[tuple[datetime, float, float, float, int]]:
        """Buckets of `step` aligned to the epoch: start, min, mean, max, count. A bucket without readings is left out."""
        if step <= timedelta(0):
            raise ValueError("a step is longer than nothing")
        values: dict[str, Any] = {
            "home": home,
            "quantity": quantity,
            "from_at": from_at,
            "to_at": to_at,
            "device": device,
            "step": step,
        }
        statement = "buckets"
        for unit, longer in ROLLED_AFTER.items():
            if step % unit == timedelta(0) and to_at - from_at > longer:
                statement = "buckets_by_hour" if unit == HOUR else "buckets_by_minute"
                break
        if statement != "buckets":
            # Whole minutes from the roll-ups, what is left at the ends from the readings.
            values["first_minute"], values["end_minute"] = _up(from_at, MINUTE), _down(to_at, MINUTE)
            values["first_hour"], values["end_hour"] = _up(from_at, HOUR), _down(to_at, HOUR)
        rows = await self._rows(QUERIES[statement], values)
        return [(at.astimezone(UTC), low, mean, high, count) for at, low, mean, high, count in rows]

    async def protected_days(
        self, *, homes: Sequence[str], from_day: date, to_day: date
    ) -> list[tuple[date, str, float]]:
        """Seconds by day and state (protected, partly, not, unknown) of these homes, both days included."""
        found = await self._rows(QUERIES["protected_days"], _between(homes, from_day, to_day))
        return [(day, state, seconds) for day, state, seconds in found]

    async def protected_causes(
        self, *, homes: Sequence[str], from_day: date, to_day: date, limit: int
    ) -> list[tuple[str, str, float, int]]:
        """State and cause of the hours that were not fully protected: seconds and homes, the longest first."""
        values = {**_between(homes, from_day, to_day), "limit": limit}
        found = await self._rows(QUERIES["protected_causes"], values)
        return [(state, cause, seconds, count) for state, cause, seconds, count in found]

    async def protected_homes(
        self, *, homes: Sequence[str], from_day: date, to_day: date, limit: int
    ) -> list[tuple[str, float, float, float, float]]:
        """The homes that lost most: seconds protected, partly, not, unknown."""
        values = {**_between(homes, from_day, to_day), "limit": limit}
        found = await self._rows(QUERIES["protected_homes"], values)
        return [(home, full, partly, none, unknown) for home, full, partly, none, unknown in found]

    async def protected_known(self, *, from_day: date, to_day: date) -> tuple[date | None, datetime | None]:
        """The first day of these of which anything is known, and up to when they were added up."""
        ((first, as_of),) = await self._rows(
            QUERIES["protected_known"], {"from_day": from_day, "to_day": to_day}
        )
        return first, as_of.astimezone(UTC) if as_of is not None else None

    async def refusals(self, *, since: datetime, limit: int = 200) -> list[RefusedTopic]:
        """What was refused since then, by topic and reason, the latest first."""
        rows = await self._rows(QUERIES["refusals"], {"since": since, "limit": limit})
        return [RefusedTopic(*row) for row in rows]

    async def unclaimed(self, *, limit: int = 200) -> list[UnclaimedTopic]:
        """Devices that publish and are in nobody's home, the latest first."""
        return [UnclaimedTopic(*row) for row in await self._rows(QUERIES["unclaimed"], {"limit": limit})]

    async def _rows(self, statement: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        async def ask(connection: Connection) -> list[tuple[Any, ...]]:
            return await (await connection.execute(statement, values)).fetchall()

        return await self._pool.call(ask)


def _between(homes: Sequence[str], from_day: date, to_day: date) -> dict[str, Any]:
    return {"homes": list(homes), "from_day": from_day, "to_day": to_day}


def _down(at: datetime, unit: timedelta) -> datetime:
    """The whole minute or hour (of UTC) that has begun."""
    return at - (at - EPOCH) % unit


def _up(at: datetime, unit: timedelta) -> datetime:
    """The next whole minute or hour that begins, or this one."""
    return at + (EPOCH - at) % unit


def _value(quantity: str, value: float | None, text: str | None) -> Value | None:
    if text is not None:
        return text
    if value is None:
        return None
    known = QUANTITIES.get(quantity)
    if known is not None and known.nature in (Nature.state, Nature.press):
        return value != 0
    return value


def _seal(*parts: str) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(parts)).decode().rstrip("=")


def _open(cursor: str) -> tuple[str, str, str]:
    try:
        data = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        at, device, report = msgspec.json.decode(data, type=tuple[datetime, str, str])
    except (ValueError, msgspec.MsgspecError):
        raise ValueError("not a cursor of ours") from None
    if at.tzinfo is None or "\x00" in device + report:
        raise ValueError("not a cursor of ours")
    return at.isoformat(), device, report


__all__ = ["Connections", "HistoryStore", "connections", "migrate", "migrations"]
