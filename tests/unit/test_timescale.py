"""What would be said to TimescaleDB, held against its documentation: no such server is at hand in every test run.

Sources: "Data retention with continuous aggregates" (a refresh over dropped readings drops their roll-ups),
`add_continuous_aggregate_policy` (a window holds at least two buckets), `add_retention_policy` (one for each table),
`add_columnstore_policy`, `create_hypertable` (the time is in every unique key), all on tigerdata.com/docs.
"""

import contextlib
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, ClassVar, Self

import pytest

import anxin.database
from anxin.database import MIGRATIONS, TIMESCALE, _apply, migrations

TABLES = {"readings": None, "readings_1m": "1 minute", "readings_1h": "1 hour", "readings_1d": "1 day"}
UNITS = {"minute": "minutes", "hour": "hours", "day": "days"}


class Listening:
    """Hears what is executed, as a database of the full edition would."""

    def __init__(self) -> None:
        self.said: list[str] = []

    async def execute(self, statement: bytes | str) -> None:
        text = statement.decode() if isinstance(statement, bytes) else statement
        text = re.sub(r"--[^\n]*", "", text)
        self.said += [" ".join(s.split()) for s in text.split(";") if s.strip()]

    def transaction(self) -> Self:
        return self

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None


@pytest.fixture
async def said() -> list[str]:
    """Every statement of every migration, in order."""
    listening = Listening()
    for version, name in migrations():
        assert await _apply(listening, version, name, TIMESCALE) == TIMESCALE  # type: ignore[arg-type]
    return listening.said


def span(text: str) -> timedelta:
    """An interval as it is written in a statement."""
    number, unit = text.split()
    return timedelta(**{UNITS[unit.removesuffix("s")]: int(number)})


def in_force(said: list[str], add: str, remove: str) -> dict[str, tuple[timedelta, ...]]:
    """The policies that are left: for each table the intervals it was given, in order."""
    found: dict[str, tuple[timedelta, ...]] = {}
    for statement in said:
        if match := re.match(rf"(?:select|call) {remove}\('(\w+)'\)", statement):
            assert match[1] in found, f"there is no policy to remove: {statement}"
            del found[match[1]]
        elif match := re.match(rf"(?:select|call) {add}\('(\w+)'", statement):
            assert match[1] not in found, f"a second policy is refused by the server: {statement}"
            found[match[1]] = tuple(span(i) for i in re.findall(r"interval '([^']+)'", statement))
    return found


async def test_no_refresh_looks_back_as_far_as_readings_are_dropped(said: list[str]) -> None:
    """Otherwise the roll-ups would go with the readings; and it looks back over whatever can still come in late."""
    kept = in_force(said, "add_retention_policy", "remove_retention_policy")
    refreshed = in_force(said, "add_continuous_aggregate_policy", "remove_continuous_aggregate_policy")
    assert set(refreshed) == {"readings_1m", "readings_1h", "readings_1d"}
    for table, (start, end, _) in refreshed.items():
        width = span(TABLES[table] or "")
        assert start + timedelta(days=1) < kept["readings"][0], table
        assert start >= timedelta(days=4), f"{table}: three days in the stream, one in the device"
        assert start - end >= 2 * width, f"{table}: a window holds two buckets"


async def test_the_ages_are_those_of_plain_postgresql(said: list[str]) -> None:
    """One promise, whatever database: raw 30 days, minutes 180, hours and days two years."""
    from care.ages import USUAL

    kept = in_force(said, "add_retention_policy", "remove_retention_policy")
    assert kept == {
        "readings": (USUAL.readings,),
        "readings_1m": (USUAL.minutes,),
        "readings_1h": (USUAL.hours,),
        "readings_1d": (USUAL.hours,),
    }


async def test_other_ages_are_other_policies() -> None:
    """`history.…_days`: the recorder replaces each policy once, with ages that no refresh looks behind."""
    from care.ages import Ages
    from care.clock import SystemClock
    from care.stream import MemoryStream
    from ingest.recorder import Recorder

    class Database:
        """Notes what is said to it."""

        said: ClassVar[list[tuple[str, str]]] = []

        @contextlib.asynccontextmanager
        async def transaction(self) -> AsyncIterator[None]:
            yield

        async def execute(self, statement: str, given: dict[str, Any]) -> Any:
            name = "end" if "remove_retention_policy" in statement else "begin"
            if "retention_policy" in statement:
                self.said.append((f"{name} {given['table']}", str(given.get("age", ""))))
            return SimpleNamespace(rowcount=0)

    days = [timedelta(days=n) for n in (14, 60, 90, 400)]
    recorder = Recorder(
        stream=MemoryStream(),
        clock=SystemClock(),
        database_url="",
        prepare=None,  # type: ignore[arg-type]
        kept=Ages(*days),
    )
    recorder._variant = "timescale"
    database = Database()
    for _ in range(2):
        recorder._kept_house_at = None
        await recorder.housekeeping(database)  # type: ignore[arg-type]
    wanted = {"readings": days[0], "readings_1m": days[1], "readings_1h": days[2], "readings_1d": days[2]}
    assert database.said == [
        (f"{what} {table}", str(age)) for table, age in wanted.items() for what, age in (("end", age), ("begin", age))
    ]  # fmt: skip


async def test_readings_are_written_before_they_are_packed(said: list[str]) -> None:
    """The columnstore takes days that nothing late is expected for, and is left before they are dropped."""
    packed = in_force(said, "add_columnstore_policy", "remove_columnstore_policy")
    kept = in_force(said, "add_retention_policy", "remove_retention_policy")
    assert timedelta(days=4) <= packed["readings"][0] < kept["readings"][0]
    (altered,) = (s for s in said if s.startswith("alter table readings set ("))
    assert "timescaledb.segmentby = 'home, quantity'" in altered
    assert "timescaledb.orderby = 'at desc'" in altered


async def test_a_hypertable_has_its_time_in_its_key(said: list[str]) -> None:
    """A unique key without the partitioning column is refused."""
    (made,) = (s for s in said if s.startswith("create table readings "))
    key = re.search(r"primary key \(([^)]+)\)", made)
    assert key is not None
    assert "at" in key[1].split(", ")
    assert said.index("select create_hypertable('readings', by_range('at', interval '1 day'))") > said.index(
        made
    )


async def test_roll_ups_have_the_columns_of_plain_postgresql(said: list[str]) -> None:
    """The same questions fit both: buckets of the right width, with the readings of the present moment in them."""
    for table, width in TABLES.items():
        if width is None:
            continue
        (view,) = (s for s in said if s.startswith(f"create materialized view {table} "))
        assert "timescaledb.materialized_only = false" in view
        assert f"time_bucket(interval '{width}', at) as bucket" in view
        assert re.findall(r" as (\w+)", view.partition(" select ")[2]) == [
            "bucket",
            "low",
            "total",
            "high",
            "n",
        ]
        assert view.endswith("with no data")


async def test_a_later_migration_never_falls_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """A database made with the licence builds on it: a refusal ends the migration instead of mixing two variants."""
    listening, scripts = Listening(), []

    async def script(_: object, version: int, name: str, part: str) -> None:
        scripts.append(part)

    monkeypatch.setattr(anxin.database, "_script", script)
    assert await _apply(listening, 3, "ages", TIMESCALE) == TIMESCALE  # type: ignore[arg-type]
    assert ".rollup" not in scripts


def test_every_part_belongs_to_a_migration() -> None:
    """A misspelt name would silently never run."""
    known = {f"{version:04d}_{name}" for version, name in migrations()}
    parts = {"", ".plain", ".rollup", ".timescale", ".continuous"}
    for file in MIGRATIONS.glob("*.sql"):
        name, dot, part = file.name.removesuffix(".sql").partition(".")
        assert name in known, file.name
        assert dot + part in parts, file.name
