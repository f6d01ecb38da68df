"""Battery forecasts and signal trends: honest about what cannot be told, robust against wild days."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard_api.wear import Fading, Wear, battery, signal, slope

TODAY = date(2026, 5, 23)


def days(values, *, every=1, end=TODAY):
    """These values, one for every so many days, the last one today."""
    first = end - timedelta(days=every * (len(values) - 1))
    return [(first + timedelta(days=every * i), float(v)) for i, v in enumerate(values)]


def test_a_straight_fall_is_told_with_its_days():
    """80 % to 40 % within 40 days is one percent a day: 31 more to the ten percent at which it may stop, a quarter sooner or later."""
    found = battery(days([80 - i for i in range(41)]), TODAY)
    assert (found.state, found.percent) == (Wear.falling, 40)
    assert found.a_day == -1
    assert found.earliest == TODAY + timedelta(days=23), "a quarter sooner than the line"
    assert found.latest == TODAY + timedelta(days=39), "and a quarter later"


def test_wild_days_and_cold_nights_do_not_move_the_date_much():
    """A third of the days wrong by ten percent, up or down: the date stays within the interval."""
    values = [80 - i + (10 if i % 6 == 1 else -10 if i % 6 == 4 else 0) for i in range(41)]
    found = battery(days(values), TODAY)
    assert found.state is Wear.falling
    assert found.a_day == pytest.approx(-1, abs=0.15)
    assert found.earliest is not None
    assert TODAY + timedelta(days=12) <= found.earliest <= TODAY + timedelta(days=28)


@pytest.mark.parametrize(
    ("values", "state", "why"),
    [
        ([], Wear.unknown, "none"),
        ([80] * 5, Wear.unknown, "few_days"),
        ([80 - i for i in range(20)], Wear.unknown, "few_days"),  # nineteen days are no three weeks
        ([20] * 30 + [100] * 10, Wear.unknown, "new_battery"),
        ([100 - i / 8 for i in range(60)], Wear.unknown, "flat"),  # 93 %: the flat part of the curve
        ([70] * 60, Wear.steady, ""),
        ([70, 71, 69] * 20, Wear.steady, ""),
        ([60 + i / 3 for i in range(60)], Wear.steady, ""),  # it rises: warmer days
        ([70 - i / 40 for i in range(60)], Wear.steady, ""),  # a percent and a half in two months is rounding
        ([12] * 30 + [9, 9, 9], Wear.empty, ""),
        ([8], Wear.empty, ""),
        (
            [80 - i / 10 for i in range(60)],
            Wear.far,
            "",
        ),  # 64 points at 0.1 a day: two years are not foreseen
    ],
)
def test_what_cannot_be_told_has_no_date(values, state, why):
    """Too short, new, flat, steady, empty or too far: said as that, and never with a last day."""
    found = battery(days(values), TODAY)
    assert (found.state, found.why) == (state, why)
    assert found.latest is None
    assert (found.earliest is None) == (state is not Wear.far)


@pytest.mark.parametrize(
    ("last", "state", "why"),
    [(8.0, Wear.empty, ""), (10.0, Wear.empty, ""), (11.0, Wear.unknown, "fell"), (38.0, Wear.falling, "")],
)
def test_what_it_says_now_is_what_is_told_and_no_days_before_make_up_for_it(last, state, why):
    """Days at 46 to 41 %: a last reading that is low, or far under them, has no date; a little under them keeps the line."""
    found = battery(days([80 - i for i in range(40)]), TODAY, last)
    assert (found.state, found.why, found.percent) == (state, why, last)
    assert (found.earliest is not None) is (state is Wear.falling)
    assert battery([], TODAY, 8.0).state is Wear.empty


def test_a_battery_that_falls_faster_at_last_is_told_earlier():
    """The knee of the curve: two months of almost nothing, then two percent a day."""
    slow = battery(days([70 - i / 4 for i in range(80)]), TODAY)
    knee = battery(days([70 - i / 4 for i in range(60)] + [55 - 1.0 * i for i in range(20)]), TODAY)
    assert slow.earliest is not None
    assert knee.earliest is not None
    assert knee.state is Wear.falling
    assert knee.earliest <= TODAY + timedelta(days=28)
    assert knee.earliest < slow.earliest


def test_only_the_battery_that_is_in_it_counts():
    """The fall of the one before says nothing of the new one."""
    values = [60 - i for i in range(40)] + [88 - i / 2 for i in range(40)]
    found = battery(days(values), TODAY)
    assert found.since == TODAY - timedelta(days=39)
    assert found.a_day == pytest.approx(-0.5)


@given(st.lists(st.floats(0, 100), max_size=130))
def test_no_series_gives_a_date_in_the_past_or_beyond_half_a_year(values):
    """Whatever a device says."""
    found = battery(days(values), TODAY)
    for day in (found.earliest, found.latest):
        assert day is None or TODAY <= day <= TODAY + timedelta(days=180)
    if found.earliest and found.latest:
        assert found.earliest <= found.latest


@given(st.lists(st.floats(-50, 50), min_size=5, max_size=40), st.floats(-2, 2))
def test_the_slope_moves_with_the_data(noise, tilt):
    """Sen's estimator: tilting every value by so much a day tilts slope and interval by just that."""
    flat = slope(days(noise))
    tilted = slope(days([v + tilt * i for i, v in enumerate(noise)]))
    assert flat is not None
    assert tilted is not None
    for a, b in ((flat.a_day, tilted.a_day), (flat.low, tilted.low), (flat.high, tilted.high)):
        assert b == pytest.approx(a + tilt, abs=1e-6)
    assert flat.low <= flat.a_day <= flat.high


@pytest.mark.parametrize(
    ("values", "state"),
    [
        ([], Fading.unknown),
        ([120] * 5, Fading.unknown),
        ([15] * 5, Fading.weak),
        ([120, 110, 130] * 8, Fading.steady),
        ([120 - 2 * i for i in range(28)], Fading.falling),
        ([120 - i / 10 for i in range(28)], Fading.steady),
    ],
)
def test_a_signal_is_weak_fading_steady_or_not_known(values, state):
    """Weak is below 20 of 255, whatever the trend."""
    assert signal(days(values)).state is state
