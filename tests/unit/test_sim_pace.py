"""The world runs faster or slower while it runs, and time for whoever listens never jumps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.pace import Pace

START = 1_779_508_800_000


def test_at_normal_speed_a_moment_is_itself() -> None:
    """Nothing is shifted, to the millisecond, before and after."""
    pace = Pace(START)
    for ms in (START - 5, START, START + 1, START + 86_400_001):
        assert pace.heard_ms(ms) == ms


def test_another_speed_counts_from_where_it_was_set() -> None:
    """An hour at 60 is a minute; what was heard before stays where it was."""
    pace = Pace(START)
    pace.change(START + 60_000, 60)
    assert pace.heard_ms(START + 30_000) == START + 30_000
    assert pace.heard_ms(START + 60_000) == START + 60_000
    assert pace.heard_ms(START + 60_000 + 3_600_000) == START + 120_000
    pace.change(START + 60_000 + 3_600_000, 1)
    assert pace.heard_ms(START + 60_000 + 3_600_000 + 500) == START + 120_500
    assert pace.speed == 1


@pytest.mark.parametrize("speed", [0, -1, float("nan")])
def test_a_speed_that_is_none_is_refused(speed: float) -> None:
    """The world neither stands still nor runs backwards."""
    with pytest.raises(ValueError, match="above 0"):
        Pace(START).change(START, speed)


@given(
    st.lists(
        st.tuples(st.integers(0, 3_600_000), st.sampled_from([0.1, 1.0, 7.0, 60.0, 3600.0])), max_size=8
    ),
    st.lists(st.integers(0, 40_000_000), min_size=2, max_size=20),
)
def test_time_for_the_listener_runs_on_without_a_jump(
    changes: list[tuple[int, float]], moments: list[int]
) -> None:
    """Whatever is set when: later in the world is not earlier for the listener, and a change moves nothing that was said."""
    pace = Pace(START)
    at = START
    for after, speed in changes:
        at += after
        before = pace.heard_ms(at)
        pace.change(at, speed)
        assert pace.heard_ms(at) == before
    heard = [pace.heard_ms(START + one) for one in sorted(moments)]
    assert heard == sorted(heard)
