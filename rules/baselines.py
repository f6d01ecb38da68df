"""Robust statistics of small samples: what is usual, how far something is from it, whether it has moved. Pure numpy.

Medians throughout: one odd night must not change what is usual. A spread is 1.4826 times the median deviation, which
for a bell curve is its standard deviation, and never less than a floor that the sensor's own error sets. Percentiles
are order statistics of the n values seen, k = ceil((n + 1) * share): the next value lies below that one with at least
that probability, whatever the distribution, as long as days are alike. Start at `norm`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

TO_SIGMA = 1.4826
"""A median deviation times this is a standard deviation, for a bell curve (domain.md 3.2 VT10)."""


class Norm(NamedTuple):
    """What is usual, and its spread."""

    middle: float
    spread: float
    seen: int


def numbers(values: Sequence[float] | NDArray[Any]) -> Numbers:
    """The values as floats, without those that are unknown (NaN)."""
    found: Numbers = np.asarray(values, dtype=np.float64)
    return found[~np.isnan(found)]


def norm(values: Sequence[float] | NDArray[Any], *, least: int, floor: float) -> Norm | None:
    """Median and spread of the values; None when there are fewer than `least`."""
    known = numbers(values)
    if known.size < least:
        return None
    middle = float(np.median(known))
    spread = TO_SIGMA * float(np.median(np.abs(known - middle)))
    return Norm(middle, max(spread, floor), int(known.size))


def below(values: Sequence[float] | NDArray[Any], share: float, *, least: int) -> float | None:
    """The value below which the next one lies with at least this probability; None when too few were seen to say.

    With n values nothing beyond n / (n + 1) can be promised.
    """
    known = np.sort(numbers(values))
    rank = math.ceil((known.size + 1) * share)
    if known.size < least or rank > known.size or rank < 1:
        return None
    return float(known[rank - 1])


def reach(values: Sequence[float] | NDArray[Any], share: float, *, least: int) -> float | None:
    """As `below`, also where too few were seen for that share; None with fewer than `least`.

    The upper half of what was seen is then taken to grow rarer by the same part with each hour (an exponential tail),
    so that a few weeks say something about one in a hundred. How fast it does is known from those few only, so the limit
    is the next value's, not the fitted curve's: of n values the m longest begin after the one before them, which the
    next one passes with probability (m + 1) / (n + 1), and then by more than x with (1 + x / S)^-m, where S is the sum
    of their excesses. That is exact where the tail is exponential; where it is not, what came once in n is no rarer than
    one in n + 1, and the limit lies nowhere below the longest seen.
    """
    known = np.sort(numbers(values))
    n = known.size
    if n < max(least, 2):
        return None
    seen = below(known, share, least=least)
    if seen is not None:
        return seen
    m = n // 2
    start = float(known[n - m - 1])
    rarer = (m + 1) / (n + 1) / (1 - share)
    excess = float(np.sum(known[n - m :] - start)) * (math.pow(rarer, 1 / m) - 1)
    return max(start + excess, float(known[-1]))


def level(recent: Sequence[float] | NDArray[Any]) -> float:
    """The level of a few values: their mean without the least and the greatest."""
    kept = np.sort(numbers(recent))
    return float(np.mean(kept[1:-1] if kept.size > 3 else kept))


def moved(recent: Sequence[float] | NDArray[Any], before: Norm | None, *, least: int) -> float | None:
    """How far the level of the recent values lies from what was usual, in spreads; None when that cannot be said."""
    if before is None or numbers(recent).size < least:
        return None
    return (level(recent) - before.middle) / before.spread
