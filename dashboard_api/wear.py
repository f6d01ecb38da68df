"""How long a battery may still last and whether a device's signal fades, from one figure a day. Pure.

Start at `battery`. The slope is Theil and Sen's: the median of the slopes between all pairs of days, which a third of
wild values does not move; its interval of 95 % is Sen's, by the ranks that Kendall's score allows (P. K. Sen, "Estimates of
the regression coefficient based on Kendall's tau", J. Am. Stat. Assoc. 63 (1968) 1379-1389, section 3; Hollander, Wolfe,
Chicken, "Nonparametric Statistical Methods", 3rd ed., section 9.3). No date is given unless the whole interval falls.

What a date can be worth: makers compute the percentage from the voltage, and that of lithium and alkaline cells is flat for
most of their life and then falls fast. So a straight line errs on the late side. Therefore the first day of a forecast is
the earlier of what the whole time and what the last three weeks say, no forecast reaches further than twice the time that was
seen or half a year, and of a battery above `FLAT_PERCENT` nothing is said but how it has fallen. Those limits are design.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from math import sqrt
from statistics import median

Point = tuple[date, float]

EMPTY_PERCENT = 10.0
"""From here on a battery device may stop at any time (rule TE1, yellow)."""
FLAT_PERCENT = 90.0
"""Above it the curve of a primary cell is flat: it may have been there for a year or a week."""
FELL = 10.0
"""Percent under the last three days: no cold night but a cell that gives way, and its line says nothing any more (design)."""
LEAST_DAYS, LEAST_SPAN = 14, timedelta(days=21)
"""So many days with a figure, over so long, before anything is said."""
LEAST_FALL = 3.0
"""Percent over the whole time; less is rounding, or a cold week."""
NEW_BATTERY = 20.0
"""A rise of so much from one day to the next, that lasts, is a new battery."""
LATELY = timedelta(days=21)
HORIZON = timedelta(days=180)
MARGIN = 0.25
"""Of the time that is left, taken off the first day and added to the last: the interval of the slope knows the noise of the
days, not that the curve bends (design)."""
MOST_POINTS = 60
"""More are thinned out: 1,770 pairs are enough."""
WEAK_SIGNAL = 20.0
"""Of 255; below it Zigbee devices drop off (domain section 2.1, [D12])."""
SIGNAL_FALL = 15.0
"""Of 255 over the whole time; less is furniture and weather (design)."""
SIGNAL_DAYS, SIGNAL_SPAN = 7, timedelta(days=10)


class Wear(StrEnum):
    """What can be said of a battery."""

    unknown = "unknown"
    """Cannot tell yet; `why` says what is missing."""
    empty = "empty"
    """At or under `EMPTY_PERCENT`: it may stop at any time."""
    falling = "falling"
    """It falls, and `earliest` to `latest` is when it may be empty; `latest` None: no end of that can be told."""
    far = "far"
    """It falls so slowly that the day lies beyond what can be told; not before `earliest`."""
    steady = "steady"
    """No fall can be told from noise. No promise: the curve is flat before it drops."""


class Fading(StrEnum):
    """What can be said of a signal."""

    unknown = "unknown"
    weak = "weak"
    falling = "falling"
    steady = "steady"


@dataclass(frozen=True, slots=True)
class Slope:
    """Change a day: the median of all pairs, and the interval that holds the true one in 95 of 100 cases."""

    a_day: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Battery:
    """The forecast of one battery."""

    state: Wear
    why: str = ""
    """Of `unknown`: none (it never said), few_days, new_battery, flat, fell (suddenly far under its last days)."""
    percent: float | None = None
    """The last reading."""
    a_day: float | None = None
    """Percent a day, negative when it falls."""
    earliest: date | None = None
    latest: date | None = None
    since: date | None = None
    """First day of this battery, as far as is known."""
    days: int = 0
    """Days with a figure since then."""


@dataclass(frozen=True, slots=True)
class Signal:
    """The trend of one device's signal."""

    state: Fading
    now: float | None = None
    """Median of the last seven days with a figure; 0 to 255."""
    before: float | None = None
    """The same of the first seven."""
    since: date | None = None
    days: int = 0


def slope(points: Sequence[Point]) -> Slope | None:
    """The slope of some days and its interval; None for fewer than five."""
    if len(points) > MOST_POINTS:
        step = len(points) / MOST_POINTS
        points = [points[int(i * step)] for i in range(MOST_POINTS - 1)] + [points[-1]]
    n = len(points)
    if n < 5:
        return None
    slopes = sorted(
        (b[1] - a[1]) / (b[0] - a[0]).days
        for i, a in enumerate(points)
        for b in points[i + 1 :]
        if b[0] != a[0]
    )
    reach = 1.96 * sqrt(n * (n - 1) * (2 * n + 5) / 18)
    count = len(slopes)
    low = max(0, int((count - reach) // 2))
    high = min(count - 1, int((count + reach) // 2))
    return Slope(median(slopes), slopes[low], slopes[high])


def battery(points: Sequence[Point], today: date, last: float | None = None) -> Battery:
    """The forecast, from the highest percentage of each day in order (a cold night only lowers it) and the last reading.

    The line is that of the days; how full it is now is the last reading, and what is low now is not made up for by the days before.
    """
    if not points:
        state = Wear.empty if last is not None and last <= EMPTY_PERCENT else Wear.unknown
        return Battery(state, "none", last)
    swapped = _swapped(points)
    points = points[swapped:]
    since, days = points[0][0], len(points)
    percent = median(v for _, v in points[-3:])
    known = Battery(Wear.unknown, "", points[-1][1] if last is None else last, None, None, None, since, days)
    now = percent if last is None else last  # one wild day of the past is no reading of now
    if min(percent, now) <= EMPTY_PERCENT:
        return _with(known, Wear.empty)
    if percent - now >= FELL:
        return _with(known, Wear.unknown, "fell")
    span = points[-1][0] - since
    if days < LEAST_DAYS or span < LEAST_SPAN:
        return _with(known, Wear.unknown, "new_battery" if swapped else "few_days")
    found = slope(points)
    assert found is not None, "there are fourteen days and more"
    if percent > FLAT_PERCENT:
        return _with(known, Wear.unknown, "flat", found.a_day)
    if found.high >= 0 or -found.a_day * span.days < LEAST_FALL:
        return _with(known, Wear.steady, "", found.a_day)
    left = percent - EMPTY_PERCENT
    steepest = found.low
    lately = slope([p for p in points if p[0] >= points[-1][0] - LATELY])
    if lately is not None and lately.high < 0:
        steepest = min(steepest, lately.a_day)
    reach = min(HORIZON, 2 * span).days
    first, last = left / -steepest * (1 - MARGIN), left / -found.high * (1 + MARGIN)
    if first > reach:
        return _with(known, Wear.far, "", found.a_day, today + timedelta(days=reach))
    return _with(
        known,
        Wear.falling,
        "",
        found.a_day,
        today + timedelta(days=int(first)),
        today + timedelta(days=round(last)) if last <= reach else None,
    )


def _with(
    known: Battery,
    state: Wear,
    why: str = "",
    a_day: float | None = None,
    earliest: date | None = None,
    latest: date | None = None,
) -> Battery:
    return Battery(state, why, known.percent, a_day, earliest, latest, known.since, known.days)


def _swapped(points: Sequence[Point]) -> int:
    """Where the battery that is in it now begins."""
    for i in range(len(points) - 1, 0, -1):
        before = median(v for _, v in points[max(0, i - 3) : i])
        after = median(v for _, v in points[i : i + 3])
        if after - before >= NEW_BATTERY and points[i][1] - points[i - 1][1] >= NEW_BATTERY:
            return i
    return 0


def signal(points: Sequence[Point]) -> Signal:
    """The trend, from the mean link quality (0 to 255) of each day in order."""
    if not points:
        return Signal(Fading.unknown)
    now, before = median(v for _, v in points[-7:]), median(v for _, v in points[:7])
    since, days = points[0][0], len(points)
    if now < WEAK_SIGNAL:
        state = Fading.weak
    elif days < SIGNAL_DAYS or points[-1][0] - since < SIGNAL_SPAN:
        state = Fading.unknown
    else:
        found = slope(points)
        assert found is not None, "there are seven days and more"
        falls = found.high < 0 and -found.a_day * (points[-1][0] - since).days >= SIGNAL_FALL
        state = Fading.falling if falls else Fading.steady
    return Signal(state, now, before, since, days)
