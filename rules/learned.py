"""What the personal clock knows of a home, and what it does not, for people: value, from how many nights, since when.

Start at `learned`. Every line names the quantity it was learnt from, so that whoever shows it can ask for consent.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
from numpy.typing import NDArray

from care.ids import epoch_ms
from care.messages import Habit, HomeHabits
from rules import nights, routine
from rules.baselines import norm
from rules.detectors import DAYS, SPANS, long_one, spans, usual_minute
from rules.live import LiveHome
from rules.memory import BedClock, HomeClock
from rules.nights import UNKNOWN_16

QUANTITIES = {"away": "door_open", "door_gap": "door_open", "bathroom_stay": "motion", "flow": "water_total"}


def learned(name: str, home: LiveHome | None, now: datetime, zone: ZoneInfo) -> HomeHabits:
    """Everything known just now. Changes nothing."""
    clock = home.memory.clock if home is not None else None
    if home is None or clock is None:
        return HomeHabits(home=name, at=now)
    today = routine.date_of(epoch_ms(now), zone)
    habits: list[Habit] = []
    disturbed: dict[str, int] = {}
    for bed, known in sorted(clock.beds.items()):
        habits += _of_bed(bed, known, today, home.window)
        _count(disturbed, nights.nights(known))
    habits += _of_days(clock, today, home.window)
    _count(disturbed, routine.days(clock))
    return HomeHabits(home=name, at=now, habits=habits, disturbed=disturbed)


def _count(found: dict[str, int], past: NDArray[Any]) -> None:
    for flaw in past["flaw"]:
        if flaw:
            word = nights.FLAWS[int(flaw)]
            found[word] = found.get(word, 0) + 1


def _of_bed(bed: str, clock: BedClock, today: date, window: int) -> list[Habit]:
    past = nights.teachers(nights.nights(clock), today.toordinal() + 1, window)
    resident = bed.split(":")[1] or None
    made = [
        _level("pulse", "heart_rate", nights.levels(past, "pulse"), past, 1, nights.PULSE_FLOOR),
        _level("breath", "respiration_rate", nights.levels(past, "breath"), past, 4, nights.BREATH_FLOOR),
        _level("bed_exits", "in_bed", past["exits"].astype(np.float64), past, 1, 1.0),
        _level("bed_minutes_by_day", "in_bed", past["lain_by_day"].astype(np.float64), past, 1, 1.0),
        _time("get_up", "in_bed", past, "up", today, 0),
        _time("to_bed", "in_bed", past, "to_bed", today, 720),
    ]
    return [_with(h, resident) for h in made]


def _of_days(clock: HomeClock, today: date, window: int) -> list[Habit]:
    past = nights.teachers(routine.days(clock), today.toordinal(), window)
    made = [
        _time("morning", "motion", past, "morning", today, 0),
        _level("active_minutes", "motion", past["active"].astype(np.float64), past, 1, 1.0),
        _level("kitchen_minutes", "motion", nights.known(past["kitchen"], UNKNOWN_16), past, 1, 1.0),
        _level("bathroom_visits", "motion", past["visits"].astype(np.float64), past, 1, 1.0),
        _level(
            "bathroom_visits_at_night", "motion", past["visits_at_night"].astype(np.float64), past, 1, 1.0
        ),
    ]
    for name, (share, least) in SPANS.items():
        seen, long = spans(clock, name), long_one(clock, name)
        made.append(
            Habit(
                name=name,
                quantity=QUANTITIES[name],
                unit="min",
                seen=len(seen),
                needed=least,
                share=share,
                value=None if long is None else round(long),
            )
        )
    return made


def _with(habit: Habit, resident: str | None) -> Habit:
    return msgspec.structs.replace(habit, resident=resident)


def _since(past: NDArray[Any]) -> date | None:
    return date.fromordinal(int(past["day"][0])) if past.size else None


def _level(
    name: str, quantity: str, values: NDArray[np.float64], past: NDArray[Any], scale: float, floor: float
) -> Habit:
    usual = norm(values, least=nights.LEAST, floor=floor)
    seen = int((~np.isnan(values)).sum())
    habit = Habit(name=name, quantity=quantity, seen=seen, needed=nights.LEAST, since=_since(past))
    if usual is None:
        return habit
    return Habit(
        name=name, quantity=quantity, seen=seen, needed=nights.LEAST, since=_since(past),
        value=round(usual.middle / scale, 1), spread=round(usual.spread / scale, 2),
    )  # fmt: skip


def _time(name: str, quantity: str, past: NDArray[Any], field: str, today: date, shift: int) -> Habit:
    minutes = nights.known(past[field], UNKNOWN_16)
    seen = int((~np.isnan(minutes)).sum())
    usual = usual_minute(past, field, today)
    shown = spread = None
    if usual is not None:
        minute = round(usual + shift) % 1440
        shown = f"{minute // 60:02}:{minute % 60:02}"
        found = norm(minutes, least=nights.LEAST, floor=float(DAYS))
        spread = round(found.spread, 1) if found is not None else None
    return Habit(
        name=name,
        quantity=quantity,
        unit="",
        seen=seen,
        needed=nights.LEAST,
        since=_since(past),
        value=shown,
        spread=spread,
    )
