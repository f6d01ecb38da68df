"""A resident's days from recorded readings: vitals with their gaps, nights, and a ribbon of where somebody was. Pure.

Everything starts from history's buckets (start, least, mean, greatest, count). What was not heard is a gap and stays
one: it is never filled in, neither as calm nor as absence. `out` is the only thing inferred, and is called so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from alerts.roster import instant
from care.ids import iso
from dashboard_api.history import Bucket

BAND_SAMPLES = 48
"""A personal range needs so many buckets (half a day of quarter hours), else we do not know one."""
BAND = (0.05, 0.95)
BEYOND = 0.25
"""One value in ten lies outside the range by its making; marked is what lies a quarter of its width further out."""
NIGHT_FROM = time(20)
NIGHT_UNTIL = time(10)
"""A night is drawn from 20:00 to 10:00; sleep outside of it shows in the ribbon."""
NIGHT_KNOWN = 0.5
"""A night of which less than half was heard has no figures: they would say too little, and look like sleep."""
OUT_AFTER = timedelta(minutes=20)
"""The door moved and nothing inside for so long: probably out (as the strip's inference)."""

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A state from one moment to another; None is not known."""

    start: datetime
    end: datetime
    value: bool | None

    def json(self) -> Json:
        return {"from": iso(self.start), "to": iso(self.end), "value": self.value}


def _share(values: Sequence[float], part: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def band(buckets: Iterable[Bucket]) -> tuple[float, float] | None:
    """The range that holds 90 % of somebody's own values; None when there are too few to say."""
    means = [mean for _, _, mean, _, _ in buckets]
    if len(means) < BAND_SAMPLES:
        return None
    return round(_share(means, BAND[0]), 1), round(_share(means, BAND[1]), 1)


def of_somebody(values: Sequence[Bucket], bed: Sequence[Bucket]) -> list[Bucket]:
    """Vital signs of a person: a nought is kept only while somebody lies there, where it means something (VT7).

    A bucket in which the bed was left holds noughts of nobody among the values: its mean and least are nobody's either, and it
    is left out.
    """
    whole = {at: low >= 0.5 for at, low, _, _, _ in bed}
    lain = {at: high >= 0.5 for at, _, _, high, _ in bed}
    return [b for b in values if b[1] > 0 or whole.get(b[0], False) or (b[3] <= 0 and lain.get(b[0], False))]


def coarser(buckets: Iterable[Bucket], step: timedelta) -> list[Bucket]:
    """The same values in buckets of `step`, aligned to the epoch."""
    seconds = step.total_seconds()
    out: list[Bucket] = []
    for at, low, mean, high, count in buckets:
        begin = datetime.fromtimestamp(at.timestamp() // seconds * seconds, UTC)
        if out and out[-1][0] == begin:
            _, low_, mean_, high_, count_ = out[-1]
            n = count_ + count
            out[-1] = (begin, min(low, low_), (mean * count + mean_ * count_) / n, max(high, high_), n)
        else:
            out.append((begin, low, mean, high, count))
    return out


def curve(
    buckets: Sequence[Bucket],
    *,
    step: timedelta,
    start: datetime,
    end: datetime,
    usual: tuple[float, float] | None,
) -> Json:
    """A quantity over time as pieces of a line: a missing bucket ends one piece, the next begins another."""
    pieces: list[list[list[Any]]] = []
    gaps: list[Json] = []
    previous = start - step
    for at, low, mean, high, _ in buckets:
        if at - previous > step or not pieces:
            if at - previous > step:
                gaps.append({"from": iso(max(start, previous + step)), "to": iso(at)})
            pieces.append([])
        pieces[-1].append([iso(at), round(mean, 1), round(low, 1), round(high, 1)])
        previous = at
    if previous + step < end:
        gaps.append({"from": iso(max(start, previous + step)), "to": iso(end)})
    beyond = []
    if usual is not None:
        spare = max(1.0, (usual[1] - usual[0]) * BEYOND)
        low_end, high_end = usual[0] - spare, usual[1] + spare
        beyond = [
            [iso(at), round(mean, 1)] for at, _, mean, _, _ in buckets if not low_end <= mean <= high_end
        ]
    last = buckets[-1] if buckets else None
    return {
        "band": list(usual) if usual is not None else None,
        "pieces": pieces,
        "gaps": gaps,
        "beyond": beyond,
        "last_at": iso(last[0]) if last is not None else None,
        "last_value": round(last[2], 1) if last is not None else None,
    }


def stretches(
    buckets: Iterable[Bucket], *, step: timedelta, start: datetime, end: datetime, silent: timedelta
) -> list[Stretch]:
    """A yes or no over time. A state stands until the next word of the device, but no longer than `silent`."""
    out: list[Stretch] = []

    def put(a: datetime, b: datetime, value: bool | None) -> None:
        if b <= a:
            return
        if out and out[-1].value is value and out[-1].end >= a:
            out[-1] = Stretch(out[-1].start, b, value)
        else:
            out.append(Stretch(a, b, value))

    at_edge, value = start, None
    for at, _, mean, _, _ in buckets:
        if at > at_edge:
            known = min(at, at_edge + silent) if value is not None else at_edge
            put(at_edge, known, value)
            put(known, at, None)
        begin = max(at, start)
        value = mean >= 0.5
        put(begin, min(end, at + step), value)
        at_edge = min(end, at + step)
    known = min(end, at_edge + silent) if value is not None else at_edge
    put(at_edge, known, value)
    put(known, end, None)
    return out


def merged(several: Sequence[list[Stretch]]) -> list[Stretch]:
    """Two belts on one bed are one bed: yes if any says so, no if all do, else not known."""
    if len(several) == 1:
        return several[0]
    edges = sorted({edge for one in several for s in one for edge in (s.start, s.end)})
    out: list[Stretch] = []
    for a, b in pairwise(edges):
        said = [_at(one, a) for one in several]
        value = True if True in said else False if all(v is False for v in said) else None
        if out and out[-1].value is value:
            out[-1] = Stretch(out[-1].start, b, value)
        else:
            out.append(Stretch(a, b, value))
    return out


def _at(stretches_: Sequence[Stretch], moment: datetime) -> bool | None:
    return next((s.value for s in stretches_ if s.start <= moment < s.end), None)


def nights(
    bed: list[Stretch], exits: Sequence[datetime], *, zone: ZoneInfo, last: date, count: int
) -> list[Json]:
    """One line for each night, named by the day it ends: hours in bed, how often up, how much is not known."""
    out = []
    for back in range(count - 1, -1, -1):
        day = last - timedelta(days=back)
        start = instant(day - timedelta(days=1), NIGHT_FROM, zone)
        end = instant(day, NIGHT_UNTIL, zone)
        parts = [
            Stretch(max(s.start, start), min(s.end, end), s.value)
            for s in bed
            if s.end > start and s.start < end
        ]
        whole = (end - start).total_seconds()
        inside = [s for s in parts if s.value is True]
        hours = sum((s.end - s.start).total_seconds() for s in inside) / 3600
        known = sum((s.end - s.start).total_seconds() for s in parts if s.value is not None)
        enough = known >= whole * NIGHT_KNOWN
        first, final = (inside[0].start, inside[-1].end) if inside else (None, None)
        ups = sum(1 for at in exits if first is not None and final is not None and first < at < final)
        out.append(
            {
                "day": day.isoformat(),
                "from": iso(start),
                "to": iso(end),
                "in_bed_hours": round(hours, 1) if enough else None,
                "exits": ups if enough else None,
                "unknown_hours": round((whole - known) / 3600, 1),
                "bed_at": iso(first) if first else None,
                "up_at": iso(final) if final else None,
                "spans": [s.json() for s in parts],
            }
        )
    return out


def got_up(buckets: Iterable[Bucket]) -> list[datetime]:
    """When somebody got out of bed: a bucket with a no in it after one that was all yes."""
    out: list[datetime] = []
    inside = False
    for at, low, _, _, _ in buckets:
        if low >= 0.5:
            inside = True
            continue
        if inside:
            out.append(at)
        inside = False
    return out


def active(buckets: Iterable[Bucket], *, step: timedelta) -> list[Stretch]:
    """Where something moved, one step at a time, neighbours joined."""
    out: list[Stretch] = []
    for at, _, _, high, _ in buckets:
        if high < 0.5:
            continue
        if out and at - out[-1].end <= timedelta(0):
            out[-1] = Stretch(out[-1].start, at + step, True)
        else:
            out.append(Stretch(at, at + step, True))
    return out


def watched(
    moved: Sequence[Stretch],
    heard: Sequence[datetime],
    *,
    step: timedelta,
    start: datetime,
    end: datetime,
    silent: timedelta,
) -> list[Stretch]:
    """What a device that speaks up when something moves knew: yes, quiet, or nothing at all.

    `heard` are the buckets in which it said anything, moved or not. Quiet stands between two words that are no
    further apart than `silent`, its own limit of silence; before the first word and in a longer gap it is not known.
    """
    out: list[Stretch] = []

    def put(a: datetime, b: datetime, value: bool | None) -> None:
        a, b = max(a, start), min(b, end)
        if b <= a:
            return
        if out and out[-1].value is value:
            out[-1] = Stretch(out[-1].start, b, value)
        else:
            out.append(Stretch(a, b, value))

    yes = {at for s in moved for at in _steps(s, step)}
    last, known = min([start, *heard]), False
    for at in sorted({*heard, *yes}):
        put(last, at, False if known and at - last <= silent else None)
        put(at, at + step, at in yes)
        last, known = max(last, at + step), True
    put(last, end, False if known and end - last <= silent else None)
    return out


def _steps(stretch: Stretch, step: timedelta) -> list[datetime]:
    count = round((stretch.end - stretch.start) / step)
    return [stretch.start + n * step for n in range(count)]


def sure(inferred: Sequence[Stretch], known: Sequence[Stretch]) -> list[Stretch]:
    """What was inferred from quiet, where the quiet was heard: elsewhere it is not known."""
    out: list[Stretch] = []
    for s in inferred:
        for k in known:
            a, b = max(s.start, k.start), min(s.end, k.end)
            if b <= a:
                continue
            value = True if k.value is False else None
            if out and out[-1].value is value and out[-1].end == a:
                out[-1] = Stretch(out[-1].start, b, value)
            else:
                out.append(Stretch(a, b, value))
    return out


def outings(doors: Sequence[Stretch], inside: Sequence[Stretch], *, end: datetime) -> list[Stretch]:
    """Probably out: the door moved, and inside nothing for 20 minutes until the next sign of life."""
    life = sorted(s.start for s in inside)
    out: list[Stretch] = []
    for index, door in enumerate(doors):
        following = next((d.start for d in doors[index + 1 :]), None)
        back = next((at for at in life if at >= door.end), None)
        until = min((m for m in (back, following) if m is not None), default=end)
        if until - door.end >= OUT_AFTER:
            out.append(Stretch(door.end, until, True))
    return out


def outside(
    away: Sequence[Stretch],
    life: Sequence[Stretch],
    door: Sequence[Stretch],
    *,
    start: datetime,
    end: datetime,
) -> list[Stretch]:
    """The whole window as out, not out, or not known.

    Not out is who was seen inside, until the door is no longer heard, or goes and no sign of life has come since.
    Before the first sign of life they may be anywhere: an empty line would say that they were at home.
    """
    edges = sorted(
        {start, end, *(edge for one in (away, life, door) for s in one for edge in (s.start, s.end))}
    )
    seen_last = max((s.end for s in life), default=start)
    out: list[Stretch] = []
    home = False
    for a, b in pairwise(edges):
        if a >= end:
            break
        value: bool | None = None
        if _at(life, a):
            home, value = True, False
        elif any(s.start <= a < s.end for s in away):
            home, value = False, _at(away, a)
        elif a >= start and (_at(door, a) is None or (_at(door, a) and a >= seen_last)):
            home = False
        elif home:
            value = False
        if a < start:
            continue
        if out and out[-1].value is value:
            out[-1] = Stretch(out[-1].start, b, value)
        else:
            out.append(Stretch(a, b, value))
    return out


def day_start(now: datetime, zone: ZoneInfo, back: int = 0) -> datetime:
    """Midnight of the community, so many days ago."""
    return instant(now.astimezone(zone).date() - timedelta(days=back), time(0), zone).astimezone(UTC)
