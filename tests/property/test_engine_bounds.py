"""No report whatever makes the engine raise, and what one device may cost is bounded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from care.messages import Report
from care.site import Community, Device, Home, Registry, Resident, Site
from care.words import Kind
from devices.quantities import QUANTITIES
from rules.engine import Engine
from tests.told import BOOK

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)

REGISTRY = Registry(
    Site(
        community=Community(id="c", name="c"),
        homes=[
            Home(
                id="h1",
                residents=[Resident(id="r1", name="甲", conditions=["dementia"])],
                devices=[Device(id=k.value, kind=k, room="bedroom") for k in Kind],
            )
        ],
    )
)
# Lists and objects cannot come: the stream decodes reports by `care.messages.Value`.
ODD: st.SearchStrategy[Any] = st.one_of(
    st.booleans(), st.none(), st.integers(-(2**63), 2**63), st.floats(), st.text(max_size=9),
    st.sampled_from([0, 1, -1, 2**63, 1e308, -1e308, 1e-320, "", "on", "suspected", "98"]),
)  # fmt: skip
TIMES = st.one_of(
    st.integers(0, 7_258_118_400).map(lambda s: datetime.fromtimestamp(s, UTC)),  # 1970 to 2200
    st.integers(-90_000, 90_000).map(lambda s: NOON + timedelta(seconds=s)),
)
REPORTS = st.builds(
    Report,
    report_id=st.text(max_size=3),
    home=st.sampled_from(["h1", "h1", "h1", "elsewhere", "家"]),
    device=st.sampled_from([*(k.value for k in Kind), "stranger", "陌生"]),
    kind=st.sampled_from([*(k.value for k in Kind), "", "nonsense"]),
    at=TIMES,
    received_at=TIMES,
    device_at=st.none() | TIMES,
    seq=st.none() | st.integers(-5, 2**63),
    values=st.dictionaries(st.sampled_from([*QUANTITIES, "nonsense"]), ODD, max_size=6),
    unknown=st.lists(st.sampled_from([*QUANTITIES, "nonsense"]), max_size=3),
    retained=st.booleans(),
    test=st.booleans(),
    repaired=st.sampled_from([None, "future", "too_old", "none_given"]),
    state=st.sampled_from([None, None, None, "online", "offline", "asleep"]),
)


@given(st.lists(REPORTS, min_size=1, max_size=25))
@settings(max_examples=150, deadline=None)
def test_no_report_makes_the_engine_raise(reports: list[Report]) -> None:
    """Odd values, odd times, strangers: findings come or not, memory can be saved and restored, health be asked."""
    engine = Engine(REGISTRY, BOOK)
    now = NOON
    engine.tick(now)
    for report in reports:
        now = max(now, min(report.received_at, now + timedelta(hours=1)))
        engine.tick(now)
        engine.feed(report, now)
    engine.tick(now + timedelta(hours=2))
    for home in engine.homes():
        engine.health(home, now)
    engine.next_due()
    data = engine.snapshot()
    assert Engine.restore(REGISTRY, BOOK, data).snapshot() == data


@pytest.mark.parametrize("year", [1970, 1985, 2003])
def test_a_clock_that_is_years_behind_costs_no_walk_through_the_years(
    year: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looks are counted, not seconds: with each midnight of those years looked at they were twenty thousand."""
    looks = 0
    guarded = Engine._guarded

    def counted(self: Engine, *args: Any, **more: Any) -> Any:
        nonlocal looks
        looks += 1
        return guarded(self, *args, **more)

    monkeypatch.setattr(Engine, "_guarded", counted)
    engine = Engine(REGISTRY, BOOK)
    engine.tick(NOON)
    then = datetime(year, 3, 2, 4, 0, tzinfo=UTC)
    for n, kind in enumerate(Kind):
        for values in ({"motion": True}, {"door_open": False, "in_bed": False}, {"water_total": 7.0}):
            report = Report(
                report_id=f"{n}{min(values)}", home="h1", device=kind.value, kind=kind.value,
                at=then + timedelta(seconds=n), received_at=NOON, values=values,
            )  # fmt: skip
            engine.feed(report, NOON)
    engine.tick(NOON + timedelta(hours=2))
    assert looks < 5000
