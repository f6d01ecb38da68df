"""What the recorder stores suffices to hear the past again: on a real PostgreSQL, in order of arrival."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from anxin.backtest import Stored
from anxin.trials import Trials
from care.clock import ManualClock
from care.errors import Misconfigured
from care.messages import Refusal, Report, Value, encode
from care.site import Community, Device, Home, Registry, Resident, Site
from care.stream import QUARANTINE, READINGS, MemoryStream
from care.words import Kind
from rules.catalog import load
from rules.trial import listen
from tests.integration.test_recorder import publish, recording, until, written

NIGHT = datetime(2026, 3, 1, 17, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SITE = Site(
    community=Community(id="c", name="c"),
    homes=[
        Home(
            id="h0",
            residents=[Resident(id="r0", name="老人")],
            devices=[
                Device(id="belt", kind=Kind.bed_belt, room="bedroom"),
                Device(id="smoke", kind=Kind.smoke, room="kitchen"),
                Device(id="sos", kind=Kind.sos, room="bedroom"),
                Device(id="gw", kind=Kind.gateway),
            ],
        )
    ],
)
KINDS = {d.id: d.kind.value for d in SITE.homes[0].devices}


def said(n: int, minute: float, device: str, *, late: float = 0, **more: object) -> Report:
    at = NIGHT + minute * MINUTE
    values: dict[str, Value] = {
        k: v for k, v in more.items() if k in ("in_bed", "heart_rate", "smoke", "sos", "fault", "temperature")
    }  # type: ignore[misc]
    rest = {k: v for k, v in more.items() if k not in values}
    given = {
        "report_id": f"{n:04}", "home": "h0", "device": device, "kind": KINDS[device], "at": at,
        "received_at": at + late * MINUTE, "device_at": at, "values": values, **rest,
    }  # fmt: skip
    return msgspec.convert(given, Report)


def a_night() -> list[Report]:
    """Everything a report can be, in order of arrival: null, retained, test, late, repaired, a state, a bare sign of life."""
    found = [said(n, n, "belt", in_bed=n < 60, heart_rate=60 + n % 7, seq=n) for n in range(100)]
    found += [
        said(200, 0.5, "gw", state="online", device_at=None),
        said(201, 3.5, "smoke", smoke=False, temperature=21.5, retained=True, device_at=None),
        said(202, 5.5, "smoke", unknown=["smoke"], fault="chamber dirty"),
        said(203, 8.5, "smoke", late=30, smoke=True),
        said(204, 9.5, "sos", sos="single", test=True, seq=2**40),
        said(205, 10.5, "sos", sos=True, repaired="none_given", device_at=None),
        said(206, 11.5, "smoke"),
    ]
    return sorted(found, key=lambda r: r.received_at)


async def test_days_of_which_nothing_is_left_do_not_count(database: str) -> None:
    """Asked for sixty days of which the readings begin in the last night, it answers for that night."""
    stream = MemoryStream()
    publish(stream, *a_night())
    async with recording(stream, database, ManualClock(NIGHT + 200 * MINUTE)):
        await until(lambda: written(database, READINGS, len(a_night())))
    past, end = Stored(database, SITE), NIGHT + 200 * MINUTE
    assert past.reaching(["h0"], NIGHT - timedelta(days=60), end) == NIGHT
    assert past.reaching(["h0"], NIGHT + MINUTE, end) == NIGHT + MINUTE
    assert past.reaching(["elsewhere"], NIGHT, end) == NIGHT


async def test_the_past_is_heard_again_as_it_was_heard(database: str) -> None:
    """Reports come back equal (but for the topic), in order; the engine says the same of them."""
    stream = MemoryStream()
    told = a_night()
    publish(stream, *told)
    refusal = Refusal(
        refusal_id="x", topic="t", reason="not_json", received_at=NIGHT + 7 * MINUTE, home="h0", device="smoke",
        alarm=True, detail="?",
    )  # fmt: skip
    stream.append(refusal.subject, encode(refusal))
    # By the real clock it is so old that it may be forgotten before it is asked for.
    async with recording(stream, database, ManualClock(NIGHT + timedelta(days=1))):
        await until(lambda: written(database, READINGS, len(told)))
        await until(lambda: written(database, QUARANTINE, 1))
    past = Stored(database, SITE)
    heard = await asyncio.to_thread(past.inputs, ["h0"], NIGHT, NIGHT + 200 * MINUTE)
    reports = [r for r in heard if isinstance(r, Report)]
    assert [msgspec.structs.replace(r, unknown=sorted(r.unknown)) for r in reports] == told
    assert [r.received_at for r in heard if isinstance(r, Refusal)] == [refusal.received_at]
    registry, end = Registry(SITE), NIGHT + 200 * MINUTE
    live = sorted([*told, refusal], key=lambda r: r.received_at)
    assert listen(registry, load(), heard, end) == listen(registry, load(), live, end)
    assert past.holds_more_than(50, ["h0"], NIGHT, end)
    assert not past.holds_more_than(500, ["h0"], NIGHT, end)

    trials = Trials(database, [dict(texts) for texts in load().layers])

    async def ask(limits: dict[str, bool | int | float | str]) -> dict[str, object]:
        return await trials(site=SITE, begin=NIGHT, end=end, limits=limits, resident="r0", rules=None)

    answer = await ask({"bed_exit_yellow_minutes": 60, "bed_exit_red_minutes": 60})
    assert (answer["lost"], answer["gained"]) == (1, 0)
    with pytest.raises(Misconfigured, match="hard bound"):
        await ask({"bed_exit_yellow_minutes": 900})
    with pytest.raises(Misconfigured, match="line 1"):
        await trials(site=SITE, begin=NIGHT, end=end, limits={}, resident=None, rules="rules: nonsense")
