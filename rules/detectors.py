"""What an expression cannot say about a resident: named detectors, and what conditions may ask of the personal clock.

A rule names a detector and what it is given; its condition asks it:

    detector: {use: night_exits, with: {least: exits, nights: 2, of: 3}}
    when: detected()

A detector looks at what was learnt (rules.nights, rules.routine) and says yes, no or "I do not know", with the nights
and days it rests on. It keeps nothing of its own and sets the moment at which to ask again, so a restart changes
nothing. Start at `DETECTORS`; `LEARNT` are the functions of the language that ask what is usual here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from care.messages import Evidence, Value
from rules import nights
from rules.baselines import below
from rules.memory import BedClock, moment
from rules.nights import MINUTE, NOON, UNKNOWN_16
from rules.windows import instant

if TYPE_CHECKING:
    from rules.view import EngineView

FRESH: Final = 5 * MINUTE
"""A deviation older than this says nothing about now."""
EVENING: Final = 20 * 60
"""Whoever has not got up by then is another rule's business."""
MORNING: Final = 6 * 60


SPANS: Final[dict[str, tuple[float, int]]] = {
    "away": (0.95, 19),
    "door_gap": (0.99, 99),
    "bathroom_stay": (0.95, 19),
}
"""Which share of them is no longer than the usual long one (domain.md 3.5 DR1, DR5), and how many it takes to say so."""


class Verdict(NamedTuple):
    """What a detector says: yes, no, or None for not knowing; and what that rests on."""

    value: bool | None
    told: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Detector:
    """A detector as rules know it."""

    name: str
    about: str
    takes: Mapping[str, str]
    """What it is given, and of which type (rules.conditions.Type)."""
    subjects: tuple[str, ...]
    ask: Callable[[EngineView, Mapping[str, Any]], Verdict]


# ----------------------------------------------------------------------------------------- the beds


def bed_clock(view: EngineView) -> BedClock | None:
    """What is known of the nights of the subject's bed, brought up to now; None when there is none, or no single one."""
    clock = view.home.memory.clock
    if clock is None:
        return None
    name = nights.bed_of(view.device) if view.device is not None else view.instance.subject
    bed = clock.beds.get(name)
    if bed is None and view.instance.subject == view.home.name and len(clock.beds) == 1:
        bed = next(iter(clock.beds.values()))
    if bed is not None:
        nights.advance(bed, view.now, view.zone, view.home)
    return bed


def _day(at: int, view: EngineView) -> date:
    return datetime.fromtimestamp(at / 1000, view.zone).date()


def _tell(view: EngineView, quantity: str, value: Value) -> None:
    if view.told is not None:
        group = view.instance.group
        view.told.append(
            Evidence(
                device=group[0].name if group else "", quantity=quantity, value=value, at=moment(view.now)
            )
        )


def _baseline(view: EngineView, vital: str) -> float | None:
    bed = bed_clock(view)
    place = 0 if vital == "heart_rate" else 2
    if bed is None or bed.hour_ends <= view.now or len(bed.norms) != 4 or not bed.norms[place + 1]:
        return None
    value = bed.norms[place] if place == 0 else bed.norms[place] / 4
    _tell(view, f"usual_{vital}", value)
    return value


def _deviation(view: EngineView) -> float | None:
    bed = bed_clock(view)
    if bed is None or not bed.in_bed or not any(bed.norms) or len(bed.latest) + len(bed.latest_breaths) < 3:
        return None
    end = bed.sampled_at + FRESH
    if end < view.now:
        return None
    view.wake(end + 1)
    _tell(view, "deviation", bed.deviation)
    return abs(bed.deviation)


def usual_minute(past: NDArray[Any], name: str, day: date) -> float | None:
    """The usual minute of `up` or `to_bed`: of this day of the week where these differ, otherwise of all days."""
    minutes = nights.known(past[name], UNKNOWN_16)
    seen = ~np.isnan(minutes)
    if int(seen.sum()) < nights.LEAST:
        return None
    minutes, weekdays = minutes[seen], (past["day"][seen].astype(np.int64) - 1) % 7
    middle = float(np.median(minutes))
    own = {int(d): float(np.median(minutes[weekdays == d])) for d in np.unique(weekdays)}
    left = np.abs(minutes - np.array([own[int(d)] for d in weekdays]))
    mine = weekdays == day.weekday()
    if int(mine.sum()) >= 3 and float(np.median(np.abs(minutes - middle))) > 1.5 * max(
        5.0, float(np.median(left))
    ):
        return own[day.weekday()]
    return middle


def _late(view: EngineView, what: str, slack: float) -> bool | None:
    bed = bed_clock(view)
    if bed is None or bed.in_bed is None:
        return None
    today = _day(view.now, view)
    if what == "get_up":
        day, from_, to = today, 0, EVENING
    elif what == "to_bed":
        day = (
            today
            if datetime.fromtimestamp(view.now / 1000, view.zone).time() >= time(12)
            else today - timedelta(1)
        )
        from_, to = NOON, NOON
    else:
        return None
    past = nights.teachers(nights.nights(bed), (day + timedelta(1) if what == "to_bed" else day).toordinal())
    minute = usual_minute(
        past, "up" if what == "get_up" else "to_bed", day + timedelta(1) if what == "to_bed" else day
    )
    if minute is None or bed.night.flaw:
        return None
    due = instant(day, 0, view.zone) + round((minute + from_) * MINUTE + slack * 1000)
    end = instant(day, to, view.zone) if what == "get_up" else instant(day + timedelta(1), MORNING, view.zone)
    shown = round(minute + from_) % 1440
    _tell(view, f"usual_{what}", f"{shown // 60:02}:{shown % 60:02}")
    if view.now < due:
        view.wake(due)
        return False
    if view.now >= end:
        return False
    view.wake(end)
    if what == "to_bed":
        return not bed.in_bed and not bed.night.to_bed_at
    since = instant(day, nights.UP_FROM, view.zone)
    past_night = nights.nights(bed)[-1:]
    up = bed.night.up_at >= since or (
        past_night.size and past_night["day"][0] == day.toordinal() and past_night["up"][0] != UNKNOWN_16
    )
    return bool(bed.in_bed) and not up


def _usual(view: EngineView, span: str) -> float | None:
    share, least = SPANS[span]
    clock = view.home.memory.clock
    seen = {"away": clock.aways, "door_gap": clock.gaps, "bathroom_stay": clock.stays}[span] if clock else []
    minutes = below(seen, share, least=least)
    if minutes is None:
        return None
    _tell(view, f"usual_{span}", minutes)
    return minutes * 60


def _learned(view: EngineView, what: str) -> bool:
    if what in ("heart_rate", "respiration_rate"):
        return _baseline(view, what) is not None
    if what in ("get_up", "to_bed"):
        bed = bed_clock(view)
        if bed is None:
            return False
        today = _day(view.now, view)
        past = nights.teachers(nights.nights(bed), today.toordinal())
        return usual_minute(past, "up" if what == "get_up" else "to_bed", today) is not None
    return _usual(view, what) is not None


def _detected(view: EngineView) -> bool | None:
    asked = view.instance.rule.detector
    if asked is None:
        return None
    verdict = asked.detector.ask(view, asked.arguments(view.instance))
    if view.told is not None:
        view.told += verdict.told
    return verdict.value


LEARNT: Final[dict[str, Callable[..., Any]]] = {
    "baseline": _baseline,
    "deviation": _deviation,
    "usual": _usual,
    "late": _late,
    "learned": _learned,
    "detected": _detected,
}
"""Functions of the language that are answered here."""


# ------------------------------------------------------------------------------------- the detectors


def _recent(past: NDArray[Any], last: int, of: int) -> NDArray[Any]:
    """The last nights that are the resident's own, of so many calendar nights."""
    counted = np.isin(past["flaw"], [nights.FLAWS.index(f) for f in nights.COUNTS])
    return past[counted & (past["day"] > last - of)]


def _night_exits(view: EngineView, given: Mapping[str, Any]) -> Verdict:
    """Out of bed `least` times a night, or `above` more often than usual, in `nights` of the last `of`."""
    bed = bed_clock(view)
    if bed is None or not bed.ends:
        return Verdict(None)
    view.wake(bed.ends)
    past = nights.nights(bed)
    last = _day(bed.ends - 30 * nights.HOUR, view).toordinal()
    recent = _recent(past, last, int(given["of"]))
    if not recent.size:
        return Verdict(None)
    teaching = nights.teachers(past, last - int(given["of"]) + 1)
    usual = float(np.median(teaching["exits"])) if teaching.size >= nights.LEAST else None
    limit = float(given["least"]) if usual is None else usual + float(given["above"])
    if usual is not None and usual + 2 <= given["least"]:
        limit = min(limit, float(given["least"]))
    many = recent[recent["exits"] >= limit]
    told = [_of_night(view, "bed_exits", int(n["exits"]), int(n["day"])) for n in many]
    if usual is not None:
        told.append(_of_night(view, "usual_bed_exits", usual, last))
    return Verdict(many.size >= given["nights"], tuple(told))


def _of_night(view: EngineView, quantity: str, value: float, day: int) -> Evidence:
    """A night's figure as evidence, at the noon that ended the night."""
    group = view.instance.group
    at = moment(instant(date.fromordinal(day), NOON, view.zone))
    return Evidence(device=group[0].name if group else "", quantity=quantity, value=value, at=at)


DETECTORS: Final[dict[str, Detector]] = {
    d.name: d
    for d in (
        Detector(
            "night_exits",
            "out of bed `least` times a night, or `above` more often than usual, in `nights` of the last `of`",
            {"least": "number", "above": "number", "nights": "number", "of": "number"},
            ("bed",),
            _night_exits,
        ),
    )
}
"""Everything `detector.use` may name."""
