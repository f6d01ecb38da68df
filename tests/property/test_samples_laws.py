"""Laws of a belt's samples: the short way of an ordinary report ends where the long one does, whatever came before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules import samples
from rules.memory import Field, Samples
from rules.samples import Band, Filter, take

Said = tuple[int, dict[str, Any], list[str]]

ORDINARY: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "in_bed": st.just(True),
        "heart_rate": st.integers(55, 70),
        "respiration_rate": st.integers(12, 16),
        "signal_quality": st.sampled_from([88, 90.5]),
        "movement": st.integers(0, 9),
    }
)
STRANGE: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "in_bed": st.sampled_from([True, True, False, "yes"]),
        "heart_rate": st.sampled_from([0, 15, 62, 62.5, 140, 300, 5000, True, "60"]),
        "respiration_rate": st.sampled_from([0, 1, 4, 13.5, 14, 40, 90, False]),
        "signal_quality": st.sampled_from([0, 20, 30, 95, 2000, "good"]),
        "movement": st.sampled_from([0, 3, 60, -1, True]),
        "bed_state": st.sampled_from(["in_bed", "weak_breathing", "heavy_object", "no_signal", "movement"]),
    },
)
REPORT: st.SearchStrategy[Said] = st.tuples(
    st.sampled_from(
        [10_000, 10_000, 10_000, 1_000, 400, 0, -15_000, 61_000, 400_000]
    ),  # ms since the one before
    st.one_of(ORDINARY, ORDINARY, ORDINARY, STRANGE),
    st.sampled_from([[], [], [], ["respiration_rate"], ["in_bed"]]),
)
ORIGINAL = samples._take_ordinary
BANDS = st.sampled_from([Band(), Band((50, 65), (10, 15))])


def after(reports: list[Said], band: Band, *, ordinary: Callable[..., bool | None]) -> tuple[Any, list[bool]]:
    """Everything remembered, and what was answered, when ordinary reports are taken in like this."""
    s, fields, at = Samples(), dict[str, Field](), 1_000_000
    told = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(samples, "_take_ordinary", ordinary)
        for step, values, unknown in reports:
            at += step
            for quantity, value in values.items():
                fields[quantity] = Field(value, at, at, at, "r")
            told.append(
                take(
                    s, values, unknown, fields, lambda: True, at,
                    keep=300_000, band=band, sieve=Filter(),
                )
            )  # fmt: skip
    return msgspec.to_builtins(s), told


@given(st.lists(REPORT, max_size=60), BANDS)
def test_the_short_way_ends_where_the_long_one_does(reports: list[Said], band: Band) -> None:
    """An ordinary report is taken in by a shorter way; memory and answer are those of the long one."""
    short = after(reports, band, ordinary=ORIGINAL)
    long = after(reports, band, ordinary=lambda *_: None)
    assert short == long


def test_the_short_way_is_taken() -> None:
    """A law about two ways proves nothing if one of them is never gone."""
    gone = 0

    def counted(*given: Any) -> bool | None:
        nonlocal gone
        found = ORIGINAL(*given)
        gone += found is not None
        return found

    quiet = {"in_bed": True, "heart_rate": 60, "respiration_rate": 14, "signal_quality": 88, "movement": 3}
    after([(10_000, quiet, [])] * 30, Band(), ordinary=counted)
    assert gone >= 25
