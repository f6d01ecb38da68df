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
from rules import nights, routine
from rules.baselines import below, level, moved, norm, reach
from rules.beds import about
from rules.live import bed_of
from rules.memory import BedClock, HomeClock, moment
from rules.modes import is_written
from rules.nights import MINUTE, NOON, UNKNOWN_16
from rules.windows import instant

if TYPE_CHECKING:
    from rules.view import EngineView

FRESH: Final = 5 * MINUTE
"""A deviation older than this says nothing about now."""
WEEK: Final = 7
DAYS: Final = 5
"""So many of the last nights or days make the level of now."""
LEVEL_FLOOR, BREATH_LEVEL_FLOOR = 1.5, 2.0
"""Least spread of a night's level: pulse, and breath in quarters. Less than of an hour, whose median is of fewer samples."""
REVIEW: Final = 8 * 60
"""Days are looked at in the morning of the next one: a note is a task for working hours."""
KITCHEN_LEAST: Final = 10
"""Minutes a day below which a kitchen is hardly used, and its silence no sign."""
SELDOM: Final = 0.1
"""Share of days without the kitchen up to which two in a row are remarkable (one pair in a hundred)."""
EXITS_FLOOR: Final = 1.0
"""Least spread of the number of exits: it is counted in whole ones."""
EVENING: Final = 20 * 60
"""Whoever has not got up by then is another rule's business."""
MORNING: Final = 6 * 60
REMEMBERED: Final = 8
"""Usual times remembered of a home: three of today, and of the days beside it."""
NOT_KNOWN: Final = 24 * 60
"""As a time of day: none."""


SPANS: Final[dict[str, tuple[float, int]]] = {
    "away": (0.95, 19),
    "door_gap": (0.99, nights.LEAST),
    "bathroom_stay": (0.95, 19),
    "flow": (0.95, 19),
}
"""Which share of them is no longer than the usual long one (domain.md 3.5 DR1, DR5), and how many it takes to say so."""
TIMES: Final = {"flow": 3.0}
"""A limit made of it is so many times as long (domain.md 3.4 WT3), else just as long."""


class Verdict(NamedTuple):
    """What a detector says: yes, no, or None for not knowing; and what that rests on."""

    value: bool | None
    told: tuple[Evidence, ...] = ()
    until: int = 0
    """It stands until then: nothing it rests on changes before."""


@dataclass(frozen=True, slots=True)
class Detector:
    """A detector as rules know it."""

    name: str
    about: str
    takes: Mapping[str, str]
    """What it is given, and of which type (rules.vocabulary.Type)."""
    subjects: tuple[str, ...]
    ask: Callable[[EngineView, Mapping[str, Any]], Verdict]


# ----------------------------------------------------------------------------------------- the beds


def bed_clock(view: EngineView) -> BedClock | None:
    """What is known of the nights of the subject's bed, brought up to now; None when there is none, or no single one."""
    clock = view.home.memory.clock
    if clock is None:
        return None
    name = bed_of(view.device) if view.device is not None else view.instance.subject
    bed = clock.beds.get(name)
    if bed is None and view.instance.subject == view.home.name and len(clock.beds) == 1:
        bed = next(iter(clock.beds.values()))
    if bed is not None:
        view.closed |= nights.advance(bed, view.now, view.zone, view.home)
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


def _under_usual(view: EngineView, vital: str) -> float | None:
    usual, bed = _baseline(view, vital), bed_clock(view)
    if usual is None or bed is None:
        return None
    samples = bed.latest if vital == "heart_rate" else bed.latest_breaths
    end = bed.sampled_at + FRESH
    if not bed.in_bed or len(samples) < 3 or end < view.now:
        return None
    view.wake(end + 1)
    now = sorted(samples)[len(samples) // 2] / (1 if vital == "heart_rate" else 4)
    _tell(view, vital, now)
    return usual - now


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


def _usual_minute(view: EngineView, history: bytes, name: str, day: date) -> float | None:
    """`usual_minute` by the nights or days that teach for this day, which change only when another one is over."""
    known, key = view.home.usual, (name, day, view.home.window, history)
    if key not in known:
        if len(known) >= REMEMBERED:
            known.clear()
        past = np.frombuffer(history, dtype=routine.DAY if name == "morning" else nights.NIGHT)
        known[key] = usual_minute(nights.teachers(past, day.toordinal(), view.home.window), name, day)
    return known[key]


def home_clock(view: EngineView) -> HomeClock | None:
    """What is known of the days of the home, brought up to now."""
    clock = view.home.memory.clock
    if clock is not None:
        view.closed |= routine.advance(clock, view.home, view.now, view.zone)
    return clock


def _late_morning(view: EngineView, slack: float) -> bool | None:
    clock, today = home_clock(view), _day(view.now, view)
    if clock is None or clock.day.flaw or routine.is_out(clock, view.now, view.home.empty_after):
        return None
    minute = _usual_minute(view, clock.days, "morning", today)
    if minute is None:
        return None
    due = instant(today, 0, view.zone) + round(minute * MINUTE + slack * 1000)
    end = instant(today, EVENING, view.zone)
    _tell(view, "usual_morning", _clock(minute))
    if view.now < due:
        view.wake(due)
        return False
    if view.now >= end:
        return False
    view.wake(end)
    return not clock.day.morning_at


def _clock(minute: float) -> str:
    shown = round(minute) % 1440
    return f"{shown // 60:02}:{shown % 60:02}"


def _late(view: EngineView, what: str, slack: float) -> bool | None:
    if what == "morning":
        return _late_morning(view, slack)
    bed = bed_clock(view)
    if bed is None or bed.in_bed is None:
        return None
    today = _day(view.now, view)
    day, from_, to = today, 0, EVENING
    if what == "to_bed":
        day = (
            today
            if datetime.fromtimestamp(view.now / 1000, view.zone).time() >= time(12)
            else today - timedelta(1)
        )
        from_, to = NOON, NOON
    if what == "get_up":
        minute = _usual_minute(view, bed.history, "up", day)
    else:
        minute = _usual_minute(view, bed.history, "to_bed", day + timedelta(1))
    if minute is None or bed.night.flaw:
        return None
    due = instant(day, 0, view.zone) + round((minute + from_) * MINUTE + slack * 1000)
    end = instant(day, to, view.zone) if what == "get_up" else instant(day + timedelta(1), MORNING, view.zone)
    _tell(view, f"usual_{what}", _clock(minute + from_))
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


def spans(clock: HomeClock | None, span: str) -> list[int]:
    """What was seen of one of `SPANS`, in minutes."""
    if clock is None:
        return []
    if span == "door_gap":
        return [gap for gap in clock.gaps if gap >= routine.LONG_PAUSE]
    return {"away": clock.aways, "bathroom_stay": clock.stays, "flow": clock.flows}[span]


def long_one(clock: HomeClock | None, span: str) -> float | None:
    """The resident's own long one of these, in minutes; None while too few were seen."""
    share, least = SPANS[span]
    found = spans(clock, span)
    return reach(found, share, least=least) if span == "door_gap" else below(found, share, least=least)


def _own(view: EngineView, limit: str, span: str, more: float, least: float, most: float) -> float:
    """The limit as it was written down for this resident, else the own long one and `more`, else the limit of all."""
    written: float = view.limits[limit]
    if is_written(view.instance, limit, view.now, view.zone):
        return written
    usual = _usual(view, span)
    return written if usual is None else min(max(TIMES.get(span, 1.0) * usual + more, least), most)


def _usual(view: EngineView, span: str) -> float | None:
    minutes = _own_night(view) if span == "night" else long_one(home_clock(view), span)
    if minutes is None:
        return None
    _tell(view, f"usual_{span}", round(minutes))
    return minutes * 60


def _own_night(view: EngineView) -> float | None:
    """Minutes from the usual time of going to bed to that of getting up; None while one of them is not known."""
    bed = bed_clock(view)
    if bed is None:
        return None
    today = _day(view.now, view)
    up, to_bed = (_usual_minute(view, bed.history, name, today) for name in ("up", "to_bed"))
    return None if up is None or to_bed is None else up + 24 * 60 - (to_bed + NOON)


def _usual_hour(view: EngineView, what: str) -> float | None:
    """Minute of this day at which something usually happens; None while it is not known."""
    today = _day(view.now, view)
    if what == "morning":
        clock = home_clock(view)
        return None if clock is None else _usual_minute(view, clock.days, "morning", today)
    bed = bed_clock(view)
    if bed is None:
        return None
    if what == "get_up":
        return _usual_minute(view, bed.history, "up", today)
    minute = _usual_minute(view, bed.history, "to_bed", today)
    return None if minute is None else (minute + NOON) % (24 * 60)


def _about_usual(view: EngineView, what: str, early: float, seconds: float, *rooms: str) -> bool:
    minute = _usual_hour(view, what)
    if minute is None:
        return False
    morning = instant(_day(view.now, view), 0, view.zone) + round(minute * MINUTE - early * 1000)
    found = about(view, morning, seconds, rooms)
    if found:
        _tell(view, f"usual_{what}", _clock(minute))
    return found


def _usual_time(view: EngineView, written: int, what: str) -> int:
    if written < NOT_KNOWN:
        return written
    minute = _usual_hour(view, what)
    if minute is None:
        return NOT_KNOWN
    _tell(view, f"usual_{what}", _clock(minute))
    return round(minute)


def _learned(view: EngineView, what: str) -> bool:
    if what in ("heart_rate", "respiration_rate"):
        return _baseline(view, what) is not None
    if what in ("get_up", "to_bed", "morning"):
        return _usual_hour(view, what) is not None
    return _usual(view, what) is not None


def _detected(view: EngineView) -> bool | None:
    asked = view.instance.rule.detector
    if asked is None:
        return None
    verdict = view.instance.verdict
    if verdict is None or view.now >= verdict.until:
        verdict = view.instance.verdict = asked.detector.ask(view, asked.arguments(view.instance))
    if verdict.until:
        view.wake(verdict.until)
    if view.told is not None:
        view.told += verdict.told
    return verdict.value


LEARNT: Final[dict[str, Callable[..., Any]]] = {
    "baseline": _baseline,
    "deviation": _deviation,
    "under_usual": _under_usual,
    "usual": _usual,
    "own": _own,
    "usual_time": _usual_time,
    "late": _late,
    "about_usual": _about_usual,
    "learned": _learned,
    "detected": _detected,
}
"""Functions of the language that are answered here."""
WHILE_WAITING: Final = frozenset({"about_usual"})
"""Those that only a wait that is under way asks: that something was learnt begins none."""
LIVE: Final = frozenset({"deviation", "under_usual"})
"""Those whose answer may change with every sample."""


# ------------------------------------------------------------------------------------- the detectors


def _night_exits(view: EngineView, given: Mapping[str, Any]) -> Verdict:
    """Out of bed `least` times, or `above` more often than usual, in `nights` of the last `of`; or slowly more."""
    bed = bed_clock(view)
    if bed is None or not bed.ends:
        return Verdict(None)
    past = nights.nights(bed)
    last = _last_night(bed, view)
    recent = nights.counted(past, last, int(given["of"]))
    if not recent.size:
        return Verdict(None, (), bed.ends)
    teaching = nights.teachers(past, last - int(given["of"]) + 1, view.home.window)
    usual = float(np.median(teaching["exits"])) if teaching.size >= nights.LEAST else None
    limit = float(given["least"]) if usual is None else usual + float(given["above"])
    if usual is not None and usual + 2 <= given["least"]:
        limit = min(limit, float(given["least"]))
    many = recent[recent["exits"] >= limit]
    told = [_of_night(view, "bed_exits", int(n["exits"]), int(n["day"])) for n in many]
    older = norm(
        nights.teachers(past, last + 1, view.home.window, lagged=True)["exits"],
        least=nights.LEAST,
        floor=EXITS_FLOOR,
    )
    week = nights.counted(past, last, nights.LAG)[-DAYS:]
    far = moved(week["exits"], older, least=DAYS - 1)
    if far is not None and far >= given["moved"]:
        told = [_of_night(view, "bed_exits", int(n["exits"]), int(n["day"])) for n in week]
    if usual is not None:
        told.append(_of_night(view, "usual_bed_exits", usual, last))
    many_now = many.size >= given["nights"] or (far is not None and far >= given["moved"])
    return Verdict(many_now, tuple(told), bed.ends)


def _last_night(bed: BedClock, view: EngineView) -> int:
    """The date (ordinal) of the last night that is over."""
    return nights.under_way(bed, view.zone).toordinal() - 1


def _pauses(view: EngineView, given: Mapping[str, Any]) -> Verdict:
    """Pauses of breathing an hour: `note` in one night of the last week, or `many` in `nights` of it."""
    bed = bed_clock(view)
    if bed is None or not bed.ends:
        return Verdict(None)
    past = nights.counted(nights.nights(bed), _last_night(bed, view), WEEK)
    past = past[past["breathing"] >= given["hours"] * 60]
    if not past.size:
        return Verdict(None, (), bed.ends)
    index = past["pauses"] / (past["breathing"] / 60)
    some, many = past[index >= given["note"]], past[index >= given["many"]]
    enough = some.size >= given["note_nights"]
    told = tuple(
        _of_night(
            view,
            "breathing_pauses",
            round(float(n["pauses"]) / (float(n["breathing"]) / 60), 1),
            int(n["day"]),
        )
        for n in (some if enough else many)
    )
    return Verdict(enough or many.size >= given["nights"], told, bed.ends)


def _strange_nights(view: EngineView, given: Mapping[str, Any]) -> Verdict:
    """Pulse or breath unlike the resident's own: `strange` on average over a night, `nights` in a row; or moved by
    `moved` spreads over the last days.
    """
    bed = bed_clock(view)
    if bed is None or not bed.ends:
        return Verdict(None)
    past, last, count = nights.nights(bed), _last_night(bed, view), int(given["nights"])
    recent = nights.counted(past, last, nights.LAG)
    newest = nights.counted(past, last, count)
    judged = newest[newest["strange"] != nights.UNKNOWN]
    strange = judged[judged["strange"] >= 20 * given["strange"]]
    told = [_of_night(view, "deviation", float(n["strange"]) / 20, int(n["day"])) for n in strange]
    value: bool | None = None
    if judged.size == count:
        value = strange.size == count
    teaching = nights.teachers(past, last + 1, view.home.window, lagged=True)
    for name, vital, scale, floor in (
        ("pulse", "heart_rate", 1, LEVEL_FLOOR), ("breath", "respiration_rate", 4, BREATH_LEVEL_FLOOR),
    ):  # fmt: skip
        usual = norm(nights.levels(teaching, name), least=nights.LEAST, floor=floor)
        by_night = nights.levels(recent, name)[-DAYS:]
        far = moved(by_night, usual, least=DAYS - 1)
        if far is None or usual is None:
            continue
        value = bool(value)
        if abs(far) >= given["moved"]:
            value = True
            told.append(_of_night(view, vital, round(level(by_night) / scale, 1), last))
            told.append(_of_night(view, f"usual_{vital}", round(usual.middle / scale, 1), last))
    return Verdict(value, tuple(told), bed.ends)


def _by_day(view: EngineView, given: Mapping[str, Any]) -> Verdict:
    """In bed by day `more` longer than usual, on `days` days in a row."""
    bed = bed_clock(view)
    if bed is None or not bed.ends:
        return Verdict(None)
    past, last, count = nights.nights(bed), _last_night(bed, view), int(given["days"])
    usual = norm(
        nights.teachers(past, last - count + 1, view.home.window)["lain_by_day"],
        least=nights.LEAST,
        floor=1.0,
    )
    recent = nights.counted(past, last, count)
    if usual is None or recent.size < count:
        return Verdict(None, (), bed.ends)
    long = recent[recent["lain_by_day"] >= usual.middle + given["more"] / 60]
    told = [_of_night(view, "bed_minutes_by_day", int(n["lain_by_day"]), int(n["day"]) - 1) for n in long]
    told.append(_of_night(view, "usual_bed_minutes_by_day", usual.middle, last - 1))
    return Verdict(long.size == count, tuple(told), bed.ends)


def _activity_drop(view: EngineView, given: Mapping[str, Any]) -> Verdict:
    """Less moved than `percent` of usual on `days` days, nothing in the kitchen on `kitchen_days`, or slowly less."""
    clock = home_clock(view)
    if clock is None:
        return Verdict(None)
    today = _day(view.now - REVIEW * MINUTE, view)
    until = instant(today + timedelta(1), REVIEW, view.zone)
    last, past = today.toordinal() - 1, routine.days(clock)
    teaching = nights.teachers(past, last + 1, view.home.window)
    pace = _pace(teaching)
    usual = norm(pace, least=nights.LEAST, floor=0.08 * float(np.median(pace)) if pace.size else 1.0)
    if usual is None:
        return Verdict(None, (), until)
    told: list[Evidence] = []
    value: bool | None = None
    few = nights.counted(past, last, int(given["days"]))
    if few.size == given["days"]:
        value = bool((_pace(few) < usual.middle * given["percent"] / 100).all())
    recent = nights.counted(past, last, nights.LAG)[-DAYS:]
    older = norm(
        _pace(nights.teachers(past, last + 1, view.home.window, lagged=True)),
        least=nights.LEAST,
        floor=0.08 * usual.middle,
    )
    far = moved(_pace(recent), older, least=DAYS - 1)
    if far is not None and older is not None:
        less = float(np.median(_pace(recent))) <= older.middle * (1 - given["least_percent"] / 100)
        value = bool(value) or (far <= -given["moved"] and less)
    if value:
        told += [_of_day(view, "active_minutes", int(d["active"]), int(d["day"])) for d in recent]
        told.append(_of_day(view, "usual_active_minutes", float(np.median(teaching["active"])), last))
    none = nights.counted(past, last, int(given["kitchen_days"]))
    kitchen = nights.known(
        nights.teachers(past, last - int(given["kitchen_days"]) + 1, view.home.window)["kitchen"], UNKNOWN_16
    )
    cooks = norm(kitchen, least=nights.LEAST, floor=1.0)
    if cooks is not None and none.size == given["kitchen_days"]:
        value = bool(value)
        seldom = float(np.mean(kitchen[~np.isnan(kitchen)] == 0)) <= SELDOM
        if cooks.middle >= KITCHEN_LEAST and seldom and not none["kitchen"].any():
            value = True
            told += [_of_day(view, "kitchen_minutes", 0, int(d["day"])) for d in none]
            told.append(_of_day(view, "usual_kitchen_minutes", cooks.middle, last))
    return Verdict(value, tuple(told), until)


def _pace(days: NDArray[Any]) -> NDArray[np.float64]:
    """Minutes of motion in a day, as if all of it had been spent at home."""
    found: NDArray[np.float64] = days["active"] * 960.0 / np.maximum(960.0 - days["out"], 240.0)
    return found


def _of_day(view: EngineView, quantity: str, value: float, day: int) -> Evidence:
    """A day's figure as evidence, at the midnight that ended the day."""
    group = view.instance.group
    at = moment(instant(date.fromordinal(day + 1), 0, view.zone))
    return Evidence(device=group[0].name if group else "", quantity=quantity, value=value, at=at)


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
            "out of bed `least` times a night, or `above` more often than usual, in `nights` of the last `of`, or over "
            "the last nights more by `moved` spreads",
            {"least": "number", "above": "number", "nights": "number", "of": "number", "moved": "number"},
            ("bed",),
            _night_exits,
        ),
        Detector(
            "breathing_pauses",
            "pauses of breathing an hour: `note` in `note_nights` of a week, or `many` in `nights` of it; nights of `hours`",
            {
                "note": "number",
                "many": "number",
                "nights": "number",
                "note_nights": "number",
                "hours": "number",
            },
            ("bed",),
            _pauses,
        ),
        Detector(
            "strange_nights",
            "pulse or breath unlike the resident's own: mean |z| of `strange`, `nights` in a row, or moved by `moved`",
            {"strange": "number", "nights": "number", "moved": "number"},
            ("bed",),
            _strange_nights,
        ),
        Detector(
            "bed_by_day",
            "in bed between 09:00 and 18:00 `more` longer than usual, on `days` days in a row",
            {"more": "duration", "days": "number"},
            ("bed",),
            _by_day,
        ),
        Detector(
            "activity_drop",
            "moved less than `percent` of usual on `days` days, nothing in the kitchen on `kitchen_days`, or over the "
            "last days less by `moved` spreads and `least_percent`",
            {
                "percent": "number",
                "days": "number",
                "kitchen_days": "number",
                "moved": "number",
                "least_percent": "number",
            },
            ("home",),
            _activity_drop,
        ),
    )
}
"""Everything `detector.use` may name."""
