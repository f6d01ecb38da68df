"""The nights of one bed: pulse and breath by hour, exits, getting up, pauses of breathing. Start at `hear`.

A night runs from noon to noon in the community's zone and bears the date of its morning. While it goes on one sample
a minute is taken of somebody who has lain quietly for ten minutes; when an hour ends its medians stay, when the night
ends one record of fixed size stays (`NIGHT`), and only the last few weeks of those. A night that something disturbed
(`FLAWS`) is remembered and does not teach.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime, timedelta
from statistics import median
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from rules.baselines import Norm, norm
from rules.live import WINDOW, bed_of
from rules.memory import BedClock, NightNow
from rules.samples import POOR
from rules.windows import instant
from rules.words import room_kind

if TYPE_CHECKING:
    from rules.live import LiveDevice, LiveHome

MINUTE: Final = 60_000
SAMPLE_EVERY: Final = 55_000
"""About once a minute, also of a belt that speaks once a minute and not quite to the second."""
HOUR: Final = 60 * MINUTE
NOON: Final = 720

FLAWS: Final = (
    "", "data", "flicker", "alarm", "offline", "away", "hospital", "visitors", "cleaning", "works", "two",
)  # fmt: skip
"""Why a night or day does not teach; a record keeps the place in this list, so new ones go to the end."""
COUNTS: Final = ("", "alarm")
"""Nights with these flaws are the resident's own all the same: they are judged, though they do not teach."""

FIRST_HOUR, HOURS = 18, 16
"""Hours of the night that are kept: 18:00 to 10:00."""
NIGHT: Final = np.dtype(
    [
        ("day", "<u4"),  # ordinal of the date of its morning
        ("flaw", "u1"),
        ("pulse", "u1", (HOURS,)),  # medians by hour, 0 unknown
        ("breath", "u1", (HOURS,)),  # in quarters
        ("pulse_swing", "u1"),  # median deviation within the hours, in eighths
        ("breath_swing", "u1"),
        ("strange", "u1"),  # mean |z| of the hours, in twentieths; UNKNOWN
        ("exits", "u1"),
        ("up", "<u2"),  # minute of the day, UNKNOWN_16
        ("to_bed", "<u2"),  # minutes after noon, UNKNOWN_16
        ("lain", "<u2"),  # minutes in bed
        ("lain_by_day", "<u2"),  # minutes in bed 09:00 to 18:00 of the day before
        ("pauses", "<u2"),
        ("breathing", "<u2"),  # minutes with breathing measured
    ]
)
"""A night that is over."""
UNKNOWN, UNKNOWN_16 = 255, 65535
KEPT: Final = 35
"""Nights remembered: 28 that teach, and a week that is compared with them."""
LAG: Final = 7
"""The last so many nights do not teach while there are enough older ones: a slow change must not teach itself away."""
LEAST: Final = 10
"""Nights needed to know anything (domain.md 3.2 VT10)."""

SETTLED = 10 * MINUTE
"""Somebody who has just lain down still has the pulse of getting there (domain.md 3.2 VT2)."""
SAMPLES_LEAST = 20
"""Samples of an hour that make a median."""
QUALITY_LEAST, MOVEMENT_MOST = 60, 30
PULSE_RANGE, BREATH_RANGE = (20, 220), (2, 60)
"""What is outside is a glitch (domain.md 3.2 VT9)."""
PULSE_FLOOR, BREATH_FLOOR = 2.0, 4.0
"""Least spread: the error of a bed sensor at its best is 1.76 beats (domain.md D32); one breath, in quarters."""
LATEST = 5
"""Samples whose median is the pulse of now."""
SILENT = 15 * MINUTE
"""Beyond this a belt that was not heard has told nothing in between."""
EXIT = 2 * MINUTE
"""Shorter interruptions of lying are a mat that lost the sleeper (fixtures/README.md)."""
PROOF = 10 * MINUTE
"""Whoever leaves the bed has lain there so long."""
EXITS_FROM, EXITS_TO = 21 * 60, 7 * 60
UP_FROM, UP_FOR = 3 * 60, 30 * MINUTE
"""Getting up is the first time out for half an hour after three in the morning."""
TO_BED_FROM, TO_BED_TO, TO_BED_AFTER = 18 * 60, 4 * 60, 60 * MINUTE
"""Going to bed is lying down in the evening after an hour out of bed; the last time counts."""
FLICKERS = 60
"""Changes of a mat in one night that no person makes."""
DAY_FROM, DAY_TO = 9 * 60, 18 * 60
PAUSE, PAUSE_MOST = 10_000, 600_000
"""A pause of breathing lasts ten seconds (domain.md 3.2 VT8)."""
ENOUGH_LAIN = 3 * HOUR
ENOUGH_HEARD = 0.8
"""Share of a night that must have been heard (domain.md 3.1)."""


def nights(bed: BedClock) -> NDArray[Any]:
    """The nights that are over, oldest first."""
    found: NDArray[Any] = np.frombuffer(bed.history, dtype=NIGHT)
    return found


def teachers(past: NDArray[Any], day: int, window: int, *, lagged: bool = False) -> NDArray[Any]:
    """The nights that teach what is usual for the night of this day, of the last `window`; `lagged`: never those of the
    last week.

    Nights with an alarm do not, unless alarms are what most nights have: somebody who rises at five and is asked
    about it every morning has ordinary nights all the same.
    """
    lately = past[own(past) & (past["day"] < day) & (past["day"] >= day - LAG - window)]
    good: NDArray[Any] = lately[lately["flaw"] == 0]
    if good.size < LEAST and 2 * good.size < lately.size:
        good = lately
    older: NDArray[Any] = good[good["day"] < day - LAG]
    return older if lagged or older.size >= LEAST else good[good["day"] >= day - window]


def known(values: NDArray[Any], unknown: int) -> NDArray[np.float64]:
    """The values as floats; what is unknown is NaN."""
    return np.where(values == unknown, np.nan, values.astype(np.float64))


def levels(past: NDArray[Any], name: str) -> NDArray[np.float64]:
    """The level of each night: the median of its hours, unknown with fewer than three."""
    by_hour = known(past[name], 0)
    few = (~np.isnan(by_hour)).sum(axis=1) < 3
    by_hour[few] = 0.0
    found: NDArray[np.float64] = np.nanmedian(by_hour, axis=1) if past.size else np.zeros(0)
    found[few] = np.nan
    return found


def hour_norm(past: NDArray[Any], name: str, hour: int) -> Norm | None:
    """What is usual for `pulse` or `breath` in an hour of the night, between nights."""
    floor = PULSE_FLOOR if name == "pulse" else BREATH_FLOOR
    return norm(known(past[name][:, hour], 0), least=LEAST, floor=floor)


def own(past: NDArray[Any]) -> NDArray[np.bool_]:
    """Which nights or days are the resident's own."""
    found: NDArray[np.bool_] = np.zeros(past.size, dtype=np.bool_)
    for flaw in COUNTS:
        found |= past["flaw"] == FLAWS.index(flaw)
    return found


def counted(past: NDArray[Any], last: int, of: int) -> NDArray[Any]:
    """The nights among the last `of` calendar nights that are the resident's own: these are judged."""
    found: NDArray[Any] = past[own(past) & (past["day"] > last - of) & (past["day"] <= last)]
    return found


def minute_of_day(at: int, zone: ZoneInfo) -> int:
    """Minutes since midnight on the community's wall clock."""
    wall = datetime.fromtimestamp(at / 1000, zone)
    return wall.hour * 60 + wall.minute


def night_of(at: int, zone: ZoneInfo) -> date:
    """The date of the morning of the night a moment belongs to."""
    wall = datetime.fromtimestamp(at / 1000, zone)
    return wall.date() + timedelta(days=1) if wall.hour >= 12 else wall.date()


def under_way(bed: BedClock, zone: ZoneInfo) -> date:
    """The date of the morning of the night under way; of a morning that the calendar left out (Samoa, 2011) as well."""
    return night_of(bed.ends - 1, zone)


def hour_index(at: int, zone: ZoneInfo) -> int:
    """Place of the hour in a night's record; beyond `HOURS` it is not kept."""
    return (datetime.fromtimestamp(at / 1000, zone).hour - FIRST_HOUR) % 24


def forget_vitals(bed: BedClock) -> None:
    """Forget pulse and breath of this bed; when somebody lies down and gets up stays."""
    past = nights(bed).copy()
    for name in ("pulse", "breath", "pulse_swing", "breath_swing", "pauses", "breathing"):
        past[name] = 0
    past["strange"] = UNKNOWN
    bed.history = past.tobytes()
    night = bed.night
    night.pulses, night.breaths, night.by_pulse, night.by_breath, night.swings = [], [], [], [], []
    night.breathing = night.pauses = 0
    bed.latest, bed.latest_breaths, bed.norms, bed.deviation = [], [], [], 0.0
    bed.zero_at = bed.zero_last = bed.pause_at = 0


def hear(
    bed: BedClock,
    home: LiveHome,
    device: LiveDevice,
    at: int,
    changed: AbstractSet[str],
    breath: Any,
    zone: ZoneInfo,
    flaw: str,
) -> bool:
    """Take in a report of one of the bed's devices: it changed something, or a sample is due. True when one was taken.

    `breath` is the breathing the report names.
    """
    if not bed.ends:
        bed.ends = instant(night_of(at, zone), NOON, zone)
    if not bed.hour_ends:
        _enter_hour(bed, at, zone, home.window)
    night = bed.night
    if flaw and not night.flaw:
        night.flaw = flaw
    name = device.bed
    group = [d for d in home.devices.values() if "in_bed" in d.fields and (d.bed or bed_of(d)) == name]
    if bed.heard_at and at - bed.heard_at > SILENT and not all(d.on_change for d in group):
        _turn(bed, None, bed.heard_at, home, zone)
        bed.zero_at = 0
    bed.heard_at = max(bed.heard_at, at)
    if "in_bed" in changed:
        night.flips += 1
    _turn(bed, _lies(group, at), at, home, zone)
    _breathe(bed, device, at, changed, breath)
    if not bed.in_bed or at < bed.sampled_at + SAMPLE_EVERY:
        return False
    _sample(bed, device, at)
    return True


def advance(bed: BedClock, at: int, zone: ZoneInfo, home: LiveHome | None) -> bool:
    """Close the hours and nights that are over by now; True when a night was closed."""
    if not bed.ends:
        return False
    if bed.hour_ends and at >= bed.hour_ends:
        _close_hour(bed, zone)
        bed.hour_ends = 0
        if at < bed.ends:
            _enter_hour(bed, at, zone, home.window if home is not None else WINDOW)
    if at < bed.ends:
        return False
    _close_night(bed, zone, home)
    bed.ends = instant(night_of(at, zone), NOON, zone)
    _enter_hour(bed, at, zone, home.window if home is not None else WINDOW)
    return True


def _lies(group: Sequence[LiveDevice], at: int) -> bool | None:
    value: bool | None = None
    for member in group:
        f = member.fields["in_bed"]
        if f.value is None or f.noisy_until > at:
            continue
        if f.value:
            return True
        value = False
    return value


def _turn(bed: BedClock, value: bool | None, at: int, home: LiveHome, zone: ZoneInfo) -> None:
    """The bed's state is now this."""
    was = bed.in_bed
    if value is was:
        return
    if was:
        _lay(bed, bed.since, at, zone)
    bed.in_bed, bed.since = value, at
    if value is None:
        bed.left_at = bed.lies_since = 0
        bed.latest, bed.latest_breaths = [], []
        return
    if not value:
        if was:
            bed.left_at = at
        return
    out = at - bed.left_at if bed.left_at else 0
    if bed.lies_since and out and out < EXIT:
        return
    night = bed.night
    minute = minute_of_day(at, zone)
    if bed.left_at > bed.ends - 24 * HOUR:
        left = minute_of_day(bed.left_at, zone)
        lay = bed.lies_since and bed.left_at - bed.lies_since >= PROOF
        at_night = left >= EXITS_FROM or left < EXITS_TO
        if lay and at_night and not night.up_at and _seen_out(home, bed.left_at):
            night.exits += 1
        if out >= UP_FOR and UP_FROM <= left < NOON and not night.up_at:
            night.up_at = bed.left_at
    if (not bed.left_at or out >= TO_BED_AFTER) and (minute >= TO_BED_FROM or minute < TO_BED_TO):
        night.to_bed_at = at if bed.left_at else 0
    bed.lies_since = at
    bed.latest, bed.latest_breaths = [], []


def _seen_out(home: LiveHome, since: int) -> bool:
    """Whether somebody was seen after leaving the bed; without a sensor on the way the bed alone is believed."""
    found = False
    for device in home.devices.values():
        if room_kind(device.room) not in ("bathroom", "bedroom", "hall"):
            continue
        f = device.fields.get("motion") or device.fields.get("presence")
        if f is not None and f.at >= since - device.silence:
            found = True
            if f.true_at >= since:
                return True
    return not found


def _lay(bed: BedClock, start: int, end: int, zone: ZoneInfo) -> None:
    """Count a stretch in bed of the night under way."""
    night = bed.night
    night.lain += max(0, end - start)
    morning = under_way(bed, zone)
    eve = morning - timedelta(days=1)
    night.lain_by_day += _overlap(start, end, instant(eve, NOON, zone), instant(eve, DAY_TO, zone))
    bed.morning += _overlap(start, end, instant(morning, DAY_FROM, zone), bed.ends)


def _overlap(start: int, end: int, low: int, high: int) -> int:
    return max(0, min(end, high) - max(start, low))


def _breathe(bed: BedClock, device: LiveDevice, at: int, changed: AbstractSet[str], breath: Any) -> None:
    """Count pauses of breathing: the belt's own word, or breathing measured as nothing for ten seconds."""
    state = device.fields.get("bed_state")
    if "bed_state" in changed and state is not None and state.value == "apnoea" and bed.in_bed:
        bed.night.pauses += 1
        bed.pause_at = at
    if breath is None or isinstance(breath, str):
        return
    if not breath:
        quality = _number(device, "signal_quality", at)
        if not bed.in_bed or (quality is not None and quality < POOR):
            bed.zero_at = 0
            return
        bed.zero_at = bed.zero_at or at
        bed.zero_last = at
    elif bed.zero_at:
        lasted = bed.zero_last - bed.zero_at
        if PAUSE <= lasted <= PAUSE_MOST and bed.in_bed and bed.pause_at < bed.zero_at - MINUTE:
            bed.night.pauses += 1
        bed.zero_at = 0


_NUMBERS: Final = (int, float)


def _number(device: LiveDevice, quantity: str, at: int) -> float | None:
    f = device.fields.get(quantity)
    if f is None or f.at < at - MINUTE or type(f.value) not in _NUMBERS:
        return None
    return float(f.value)


def _sample(bed: BedClock, device: LiveDevice, at: int) -> None:
    """One sample a minute of somebody who lies quietly and is measured well."""
    night = bed.night
    passed = at - max(bed.sampled_at, bed.since)
    passed = passed if passed <= SILENT else 0
    bed.sampled_at = at
    night.watched += passed
    pulse, breath = _number(device, "heart_rate", at), _number(device, "respiration_rate", at)
    if breath is not None:
        night.breathing += passed
    quality, movement = _number(device, "signal_quality", at), _number(device, "movement", at)
    if (
        at - bed.lies_since < SETTLED
        or (quality is not None and quality < QUALITY_LEAST)
        or (movement is not None and movement > MOVEMENT_MOST)
    ):
        return
    if pulse is not None and PULSE_RANGE[0] <= pulse <= PULSE_RANGE[1]:
        night.pulses.append(round(pulse))
        bed.latest = [*bed.latest[1 - LATEST :], round(pulse)]
    if breath is not None and BREATH_RANGE[0] <= breath <= BREATH_RANGE[1]:
        night.breaths.append(round(breath * 4))
        bed.latest_breaths = [*bed.latest_breaths[1 - LATEST :], round(breath * 4)]
    bed.deviation = _deviation(bed)


def _deviation(bed: BedClock) -> float:
    found = 0.0
    if not bed.norms:
        return found
    for place, samples in ((0, bed.latest), (2, bed.latest_breaths)):
        if len(bed.norms) == 4 and bed.norms[place + 1] and len(samples) >= 3:
            z = (sorted(samples)[len(samples) // 2] - bed.norms[place]) / bed.norms[place + 1]
            if abs(z) > abs(found):
                found = z
    return round(found, 3)


def _enter_hour(bed: BedClock, at: int, zone: ZoneInfo, window: int) -> None:
    """What is usual in the hour that begins."""
    bed.hour_ends = min(bed.ends, (at // HOUR + 1) * HOUR)  # zones with half hours shift the hour by the half
    bed.norms = []
    hour = hour_index(at, zone)
    if hour >= HOURS or not bed.history:
        return
    past = teachers(nights(bed), night_of(at, zone).toordinal(), window)
    norms: list[float] = []
    for name, swing in (("pulse", "pulse_swing"), ("breath", "breath_swing")):
        found = hour_norm(past, name, hour)
        if found is None:
            norms += [0.0, 0.0]
            continue
        # A moment varies within its night as well as between nights.
        within = 1.4826 * float(np.median(past[swing])) / 8
        norms += [found.middle, round(float(np.hypot(found.spread, within)), 3)]
    bed.norms = norms


def _close_hour(bed: BedClock, zone: ZoneInfo) -> None:
    night, hour = bed.night, hour_index(bed.hour_ends - 1, zone)
    if hour < HOURS:
        if not night.by_pulse:
            night.by_pulse, night.by_breath = [0] * HOURS, [0] * HOURS
        swing: list[int] = []
        for samples, by_hour in ((night.pulses, night.by_pulse), (night.breaths, night.by_breath)):
            if len(samples) >= SAMPLES_LEAST:
                middle = median(samples)
                by_hour[hour] = min(255, round(middle))
                swing.append(min(254, round(8 * median(abs(sample - middle) for sample in samples))))
            else:
                swing.append(UNKNOWN)
        if swing != [UNKNOWN, UNKNOWN]:
            night.swings.append((swing[0], swing[1]))
    night.pulses, night.breaths = [], []


def _close_night(bed: BedClock, zone: ZoneInfo, home: LiveHome | None) -> None:
    night, end = bed.night, bed.ends
    if home is not None and end - bed.heard_at > SILENT and not _speaks_on_change(home):
        _turn(bed, None, bed.heard_at, home, zone)
    if bed.in_bed:
        _lay(bed, bed.since, end, zone)
        bed.since = end
    day = under_way(bed, zone)
    record = np.zeros(1, dtype=NIGHT)
    row = record[0]
    row["day"] = day.toordinal()
    if night.by_pulse:
        row["pulse"], row["breath"] = night.by_pulse, night.by_breath
    for place, name in enumerate(("pulse_swing", "breath_swing")):
        swings = [s[place] for s in night.swings if s[place] != UNKNOWN]
        row[name] = round(float(np.median(swings))) if swings else 0
    past = nights(bed)
    row["strange"] = _strangeness(
        row, teachers(past, day.toordinal(), home.window if home is not None else WINDOW)
    )
    row["exits"] = min(night.exits, 254)
    up = night.up_at
    if not up and bed.in_bed is False and bed.left_at and end - bed.left_at >= UP_FOR:
        left = minute_of_day(bed.left_at, zone)
        up = bed.left_at if UP_FROM <= left < NOON else 0
    row["up"] = minute_of_day(up, zone) if up else UNKNOWN_16
    row["to_bed"] = (minute_of_day(night.to_bed_at, zone) - NOON) % 1440 if night.to_bed_at else UNKNOWN_16
    row["lain"] = night.lain // MINUTE
    row["lain_by_day"] = night.lain_by_day // MINUTE
    row["pauses"] = min(night.pauses, UNKNOWN_16)
    row["breathing"] = min(night.breathing // MINUTE, UNKNOWN_16)
    row["flaw"] = FLAWS.index(_flaw(bed, home))
    bed.history = (past.tobytes() + record.tobytes())[-KEPT * NIGHT.itemsize :]
    bed.night = NightNow(lain_by_day=bed.morning)
    bed.morning = 0


def _flaw(bed: BedClock, home: LiveHome | None) -> str:
    night = bed.night
    if night.flaw:
        return night.flaw
    if night.flips >= FLICKERS:
        return "flicker"
    speaks_on_change = home is not None and all(
        d.on_change for d in home.devices.values() if "in_bed" in d.fields
    )
    if night.lain < ENOUGH_LAIN or (night.watched < ENOUGH_HEARD * night.lain and not speaks_on_change):
        return "data"
    clock = home.memory.clock if home is not None else None
    if clock is not None and clock.alarm_at >= bed.ends - 24 * HOUR:
        return "alarm"
    return ""


def _speaks_on_change(home: LiveHome) -> bool:
    """Mats that say nothing while nothing changes: their silence is no loss of data."""
    return all(d.on_change for d in home.devices.values() if "in_bed" in d.fields)


def _strangeness(row: Any, past: NDArray[Any]) -> int:
    """Mean |z| of the night's hours against what is usual, of pulse or breath, whichever is stranger."""
    found: list[float] = []
    for name in ("pulse", "breath"):
        z = [
            abs(float(row[name][hour]) - usual.middle) / usual.spread
            for hour in range(HOURS)
            if row[name][hour] and (usual := hour_norm(past, name, hour)) is not None
        ]
        if len(z) >= 4:
            found.append(float(np.mean(z)))
    return min(254, round(20 * max(found))) if found else UNKNOWN
