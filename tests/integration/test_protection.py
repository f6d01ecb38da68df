"""Protection over time from the stream to the answer, on a real PostgreSQL: durable, the same when made again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from anxin.database import HistoryStore, connections
from care.clock import ManualClock
from care.messages import Guarded, Judged, encode
from care.site import Community, Home, Site
from care.stream import PROTECTION, REGISTRY, MemoryStream
from tests.integration.test_recorder import ask, recording, until, written

NOON = datetime(2026, 5, 23, 4, 0, tzinfo=UTC)
"""Noon in the community."""
RUN = NOON - timedelta(days=3)
H = timedelta(hours=1)


class Community_:  # noqa: N801  the site's own Community is beside it
    """A stream in which rules told how two homes were protected."""

    def __init__(self) -> None:
        self.stream = MemoryStream()

    async def loaded(self) -> MemoryStream:
        site = Site(community=Community(id="zpq", name="总浦桥社区"), homes=[Home(id="h1"), Home(id="h2")])
        await self.stream.put(REGISTRY, "site", encode(site))
        return self.stream

    def says(self, home: str, hours: float, state: str, cause: str = "") -> None:
        told = Guarded(home=home, at=NOON + hours * H, state=state, cause=cause)
        self.stream.append(told.subject, encode(told))

    def judges(self, begin: float, end: float, run: datetime = RUN) -> None:
        at = NOON + begin * H
        while at <= NOON + end * H:
            told = Judged(role="rules", at=at, run=run, sure=True)
            self.stream.append(told.subject, encode(told))
            at += timedelta(minutes=1)


def days(url: str) -> list[tuple[Any, ...]]:
    return [
        (str(day), home, state, cause, round(seconds / 3600, 2))
        for day, home, state, cause, seconds in ask(
            url, "select day, home, state, cause, seconds from protection_days order by 1, 2, 3, 4"
        )
    ]


async def test_hours_are_added_up_by_the_communitys_day_and_again_the_same(database: str) -> None:
    """Two days, a lost gateway, two hours in which no worker judged; a restart and a second adding up change nothing."""
    told = Community_()
    stream = await told.loaded()
    told.judges(-30, -8)
    told.says("h1", -30, "protected")
    told.says("h2", -30, "partly", "silent:smoke-2")
    told.says("h1", -20, "not", "gateway:gw-1")
    told.says("h1", -19, "protected")
    told.judges(-6, 0, NOON - 6 * H)
    clock = ManualClock(NOON + timedelta(seconds=30))
    expected = [
        ("2026-05-22", "h1", "not", "gateway:gw-1", 1.0),
        ("2026-05-22", "h1", "protected", "", 17.0),
        ("2026-05-22", "h2", "partly", "silent:smoke-2", 18.0),
        ("2026-05-23", "h1", "protected", "", 10.0),
        ("2026-05-23", "h1", "unknown", "service", 2.0),
        ("2026-05-23", "h2", "partly", "silent:smoke-2", 10.0),
        ("2026-05-23", "h2", "unknown", "service", 2.0),
    ]
    head = len(stream.messages(PROTECTION))
    async with recording(stream, database, clock):
        await until(lambda: written(database, PROTECTION, head) and len(days(database)) == 7)
    assert days(database) == expected
    with psycopg.connect(database) as connection:
        connection.execute("delete from protection_known")
        connection.execute("delete from protection_days")
    async with recording(stream, database, clock):
        await until(lambda: days(database) == expected)
    async with recording(stream, database, clock):
        await until(lambda: ask(database, "select day::text, done from protection_known order by 1") == [("2026-05-22", True), ("2026-05-23", False)])  # fmt: skip
    async with connections(database) as pool:
        store = HistoryStore(pool)
        both = {"from_day": NOON.date() - timedelta(days=1), "to_day": NOON.date()}
        causes = await store.protected_causes(homes=["h1", "h2"], **both, limit=9)
        assert [(s, c, round(t / 3600, 2), n) for s, c, t, n in causes] == [
            ("partly", "silent:smoke-2", 28.0, 1),
            ("unknown", "service", 4.0, 2),
            ("not", "gateway:gw-1", 1.0, 1),
        ]
        worst = await store.protected_homes(homes=["h1", "h2"], **both, limit=9)
        assert [(h, *(round(t / 3600, 2) for t in rest)) for h, *rest in worst] == [
            ("h1", 27.0, 0.0, 1.0, 2.0),
            ("h2", 0.0, 28.0, 0.0, 2.0),
        ]
        assert sum(t for _, _, t in await store.protected_days(homes=["h1"], **both)) == 30 * 3600
        first, as_of = await store.protected_known(**both)
        assert (str(first), as_of) == ("2026-05-22", NOON)
