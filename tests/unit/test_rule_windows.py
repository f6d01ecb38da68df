"""Hours of the day are wall clock, across midnight and clock changes."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from rules.windows import Hours, instant

SHANGHAI, NEW_YORK, LONDON = (
    ZoneInfo("Asia/Shanghai"),
    ZoneInfo("America/New_York"),
    ZoneInfo("Europe/London"),
)
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")  # half an hour of summer time


def ms(text: str, zone: ZoneInfo, fold: int = 0) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).timestamp() * 1000)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-03-01T21:59:59", False),
        ("2026-03-01T22:00:00", True),
        ("2026-03-02T00:00:00", True),
        ("2026-03-02T05:59:59", True),
        ("2026-03-02T06:00:00", False),
        ("2026-03-02T12:00:00", False),
    ],
)
def test_a_night_goes_over_midnight(at: str, expected: bool) -> None:
    """The end is not part of it; a Friday night ends on Saturday morning."""
    assert Hours(22 * 60, 6 * 60, SHANGHAI).state(ms(at, SHANGHAI))[0] is expected


def test_the_next_edge_is_told() -> None:
    """Whoever waits for a window knows when to look."""
    night = Hours(22 * 60, 6 * 60, SHANGHAI)
    assert night.state(ms("2026-03-01T12:00:00", SHANGHAI)) == (False, ms("2026-03-01T22:00:00", SHANGHAI))
    assert night.state(ms("2026-03-01T23:00:00", SHANGHAI)) == (True, ms("2026-03-02T06:00:00", SHANGHAI))
    # Asked about the past again: an evaluation may be late.
    assert night.state(ms("2026-02-01T03:00:00", SHANGHAI)) == (True, ms("2026-02-01T06:00:00", SHANGHAI))


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        (SHANGHAI, date(2026, 3, 7), 8),
        (NEW_YORK, date(2026, 3, 7), 7),  # 8 March 2026, 02:00 -> 03:00
        (NEW_YORK, date(2026, 10, 31), 9),  # 1 November 2026, 02:00 -> 01:00
        (LONDON, date(2026, 3, 28), 7),
        (LORD_HOWE, date(2026, 10, 3), 7.5),
        (LORD_HOWE, date(2026, 4, 4), 8.5),
    ],
)
def test_a_night_with_a_clock_change_is_as_long_as_it_is(zone: ZoneInfo, day: date, hours: float) -> None:
    """From ten to six on the wall; the hours in between are counted, not assumed."""
    night = Hours(22 * 60, 6 * 60, zone)
    opens = instant(day, 22 * 60, zone)
    is_open, closes = night.state(opens)
    assert is_open
    assert (closes - opens) / 3_600_000 == hours


def test_a_start_that_the_clock_skips_opens_at_the_jump() -> None:
    """02:30 does not exist on 8 March 2026 in New York: the window opens when the clock shows three."""
    assert instant(date(2026, 3, 8), 150, NEW_YORK) == ms("2026-03-08T03:00:00", NEW_YORK)
    window = Hours(150, 4 * 60, NEW_YORK)
    jump = round(datetime(2026, 3, 8, 7, 0, tzinfo=UTC).timestamp() * 1000)
    assert window.state(jump)[0]
    assert not window.state(jump - 1)[0]


def test_an_hour_that_comes_twice_is_entered_once() -> None:
    """01:30 to 05:00 on 1 November 2026 in New York begins at the first 01:30 and ends once."""
    window = Hours(90, 5 * 60, NEW_YORK)
    assert window.state(ms("2026-11-01T01:30:00", NEW_YORK))[0]
    assert window.state(ms("2026-11-01T01:15:00", NEW_YORK, fold=1))[0]
    assert window.state(ms("2026-11-01T05:00:00", NEW_YORK)) == (False, ms("2026-11-02T01:30:00", NEW_YORK))


def test_the_whole_day_is_always_open() -> None:
    """From and to the same is all day; the edge at midnight closes nothing."""
    day = Hours(0, 1440, SHANGHAI)
    for hour in range(24):
        assert day.state(ms(f"2026-03-01T{hour:02}:00:00", SHANGHAI))[0]


@pytest.mark.parametrize("zone", [SHANGHAI, NEW_YORK, LORD_HOWE])
@pytest.mark.parametrize("window", [(22 * 60, 6 * 60), (7 * 60, 22 * 60), (0, 0)])
def test_a_long_time_is_counted_by_whole_days_and_within_the_hour(
    zone: ZoneInfo, window: tuple[int, int]
) -> None:
    """A clock of 1970 costs no walk over twenty thousand days; what is counted is what a walk would count."""
    hours = Hours(*window, zone)
    until = ms("2026-07-05T03:21:07", zone)
    for since in ("2026-05-01T05:00:00", "2026-04-30T23:10:00", "2025-12-24T23:30:01", "2019-02-03T12:00:00"):
        walked, at = 0, ms(since, zone)
        while at < until:
            is_open, edge = hours.state(at)
            walked += min(edge, until) - at if is_open else 0
            at = min(edge, until)
        assert abs(hours.inside(ms(since, zone), until) - walked) <= 3_600_000
    instant.cache_clear()
    hours.inside(0, until)
    assert instant.cache_info().misses < 400  # two for each of the 62 days at the ends, and some
