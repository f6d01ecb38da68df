"""The days of one home: when it wakes, how much is moved, cooked and gone out, how long the bathroom takes. Start at `hear`.

A day runs from midnight to midnight in the community's zone; one record of fixed size stays of each (`DAY`). Motion is
counted by the minute, so that a sensor that speaks more often shows no more life. An outing is what lies between the
front door closing behind somebody and its next opening, with nobody seen inside; a visit to the bathroom ends with the
first motion elsewhere. What a day adds to the long ones (outings, pauses between uses of the door, visits) is learnt
only when the day was good.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from care.words import Kind
from rules import signs
from rules.memory import DayNow, HomeClock
from rules.nights import ENOUGH_HEARD, FLAWS, HOUR, KEPT, MINUTE, UNKNOWN_16, minute_of_day
from rules.windows import instant
from rules.words import room_kind

if TYPE_CHECKING:
    from rules.live import LiveDevice, LiveHome

LEARNS_FROM: Final = frozenset({"motion", "presence", "door_open"})
DAY: Final = np.dtype(
    [
        ("day", "<u4"),  # ordinal of the date
        ("flaw", "u1"),
        ("active", "<u2"),  # minutes in which somebody moved
        ("kitchen", "<u2"),  # the same in the kitchen, UNKNOWN_16 without a sensor that lived
        ("visits", "u1"),
        ("visits_at_night", "u1"),
        ("stayed", "<u2"),  # minutes in the bathroom
        ("outings", "u1"),
        ("out", "<u2"),  # minutes
        ("morning", "<u2"),  # minute of the day, UNKNOWN_16
    ]
)
"""A day that is over."""

SLOT: Final = 10 * MINUTE
MORNING_FROM: Final = 4 * 60
MORNING_SLOTS, MORNING_WITHIN = 3, 6 * SLOT
"""The morning begins with the first ten minutes of motion that are followed by two more within the hour; a walk to the
bathroom at half past four is not."""
SAME_USE: Final = 5 * MINUTE
"""Openings closer together are one use of the door."""
LONG_PAUSE: Final = 12 * 60
"""Minutes: a shorter pause of the door lies between leaving and coming back the same day, and says nothing of staying in."""
SAME_VISIT: Final = 10 * MINUTE
NIGHT_FROM, NIGHT_TO = 22 * 60, 6 * 60
GONE: Final = 12 * 60
"""A day with so many minutes out says nothing about the days at home."""
LAST: Final = {"aways": 60, "gaps": 120, "stays": 120, "flows": 200}
"""How many of the long ones are remembered."""


_WATER_TEACHES: Final = frozenset({"", "alarm", "away", "data"})
"""How long water runs is usual water on days on which motion was not heard; not with guests, cleaners or builders."""


def days(clock: HomeClock) -> NDArray[Any]:
    """The days that are over, oldest first."""
    found: NDArray[Any] = np.frombuffer(clock.days, dtype=DAY)
    return found


def forget_motion(clock: HomeClock) -> None:
    """Forget all that motion had a part in: the days, outings and visits. How often the front door is used stays."""
    clock.days, clock.aways, clock.stays = b"", [], []
    clock.day = DayNow(flaw=clock.day.flaw, gaps=clock.day.gaps)
    clock.moved_at = clock.cooked_at = clock.inside_at = clock.bath_since = clock.bath_at = 0


def forget_door(clock: HomeClock) -> None:
    """Forget outings and how often the front door is used."""
    past = days(clock).copy()
    past["outings"] = past["out"] = 0
    clock.days = past.tobytes()
    clock.aways, clock.gaps = [], []
    clock.day.outings = clock.day.out = 0
    clock.day.aways, clock.day.gaps = [], []
    clock.used_at = clock.closed_at = clock.inside_at = 0
    forget_mornings(clock)


def forget_mornings(clock: HomeClock) -> None:
    """Forget when the days began: motion, the door and the bed all have a part in that."""
    past = days(clock).copy()
    past["morning"] = UNKNOWN_16
    clock.days = past.tobytes()
    clock.day.morning_at, clock.day.early = 0, []


def date_of(at: int, zone: ZoneInfo) -> date:
    """The date on the community's wall clock."""
    return datetime.fromtimestamp(at / 1000, zone).date()


def hear(
    clock: HomeClock,
    home: LiveHome,
    device: LiveDevice,
    at: int,
    changed: AbstractSet[str],
    zone: ZoneInfo,
    flaw: str,
) -> None:
    """Take in motion or a door. The day under way is that of `at` (`advance`)."""
    if flaw and not clock.day.flaw:
        clock.day.flaw = flaw
    room = room_kind(device.room)
    if "door_open" in changed:
        _door(clock, home, device, at, zone, room)
    for quantity in ("motion", "presence"):
        if quantity in changed and device.fields[quantity].value:
            _moved(clock, at, zone, room)
            return


def advance(clock: HomeClock, home: LiveHome, at: int, zone: ZoneInfo) -> bool:
    """Close the day that is over by now; True when one was."""
    if at < clock.day_ends:
        return False
    closed = bool(clock.day_ends)
    if closed:
        _close(clock, home, zone)
    clock.day_ends = instant(date_of(at, zone) + timedelta(days=1), 0, zone)
    return closed


def _door(clock: HomeClock, home: LiveHome, device: LiveDevice, at: int, zone: ZoneInfo, room: str) -> None:
    if device.kind != Kind.door or room in signs.INNER:
        clock.inside_at = at
        return
    f = device.fields["door_open"]
    if f.value is False:
        clock.closed_at = at
        return
    if not f.value:
        return
    sign(clock, at, zone)
    was_out = is_out(clock, at, home.empty_after) and not signs.lying(home, at)
    if was_out:
        clock.day.outings += 1
        clock.day.out += at - max(clock.closed_at, _begun(clock, zone))
        clock.day.aways.append((at - clock.closed_at) // MINUTE)
    clock.closed_at = 0
    if clock.used_at and at - clock.used_at < SAME_USE:
        return
    long = clock.used_at and at - clock.used_at >= LONG_PAUSE * MINUTE
    if long and not was_out and _stayed_in(clock, home, clock.used_at, at):
        clock.day.gaps.append((at - clock.used_at) // MINUTE)
    clock.used_at = at


def _stayed_in(clock: HomeClock, home: LiveHome, since: int, at: int) -> bool:
    """A pause of the front door that says how long somebody stays in by habit: its contact would have told of a use,
    nobody was in hospital or had guests, and no emergency was alarmed, in which nobody could go out.
    """
    contacts = [door for door, _ in signs.front_doors(home)]
    return (
        signs.alive_share(contacts, since, at) >= ENOUGH_HEARD
        and not any(mode.begins < at and mode.ends > since for mode in home.modes)
        and clock.red_at < since
    )


def is_out(clock: HomeClock, at: int, after: int) -> bool:
    """Nobody has been seen inside since the door closed, `after` (ms) ago or more (DR4)."""
    return (
        clock.closed_at > 0
        and at - clock.closed_at >= after
        and clock.inside_at <= clock.closed_at + signs.LEAVING
    )


def _begun(clock: HomeClock, zone: ZoneInfo) -> int:
    return instant(date_of(clock.day_ends - HOUR, zone), 0, zone)


def _moved(clock: HomeClock, at: int, zone: ZoneInfo, room: str) -> None:
    day = clock.day
    clock.inside_at = max(clock.inside_at, at)
    if at - clock.moved_at >= MINUTE:
        clock.moved_at = at // MINUTE * MINUTE
        day.active += 1
    if room == "kitchen" and at - clock.cooked_at >= MINUTE:
        clock.cooked_at = at // MINUTE * MINUTE
        day.kitchen += 1
    sign(clock, at, zone)
    if room == "bathroom":
        if clock.bath_since and at - clock.bath_at > SAME_VISIT:
            _leave(clock, clock.bath_at + MINUTE, zone)
        clock.bath_since = clock.bath_since or at
        clock.bath_at = at
    elif clock.bath_since:
        _leave(clock, at if at - clock.bath_at <= SAME_VISIT else clock.bath_at + MINUTE, zone)


def _leave(clock: HomeClock, at: int, zone: ZoneInfo) -> None:
    """The visit to the bathroom is over."""
    day, stayed = clock.day, at - clock.bath_since
    minute = minute_of_day(clock.bath_since, zone)
    day.visits += 1
    day.visits_at_night += minute >= NIGHT_FROM or minute < NIGHT_TO
    day.stayed += stayed
    day.stays.append(max(1, round(stayed / MINUTE)))
    clock.bath_since = 0


def sign(clock: HomeClock, at: int, zone: ZoneInfo) -> None:
    """Somebody showed signs of life: the morning may have begun."""
    day, slot = clock.day, at // SLOT * SLOT
    if day.morning_at or (day.early and day.early[-1] == slot):
        return
    if minute_of_day(slot, zone) < MORNING_FROM:
        return
    day.early = [*(s for s in day.early if slot - s < MORNING_WITHIN), slot]
    if len(day.early) >= MORNING_SLOTS:
        day.morning_at = day.early[0]
        day.early = []


def _close(clock: HomeClock, home: LiveHome, zone: ZoneInfo) -> None:
    day, end = clock.day, clock.day_ends
    start = _begun(clock, zone)
    if is_out(clock, end, home.empty_after):
        day.out += end - max(clock.closed_at, start)
    movers = [d for d in home.devices.values() if "motion" in d.fields or "presence" in d.fields]
    cooks = [d for d in movers if room_kind(d.room) == "kitchen"]
    flaw = day.flaw
    if not flaw and (not movers or signs.alive_share(movers, start, end) < ENOUGH_HEARD):
        flaw = "data"
    if not flaw and day.out >= GONE * MINUTE:
        flaw = "away"
    if not flaw and clock.alarm_at >= start:
        flaw = "alarm"
    record = np.zeros(1, dtype=DAY)
    row = record[0]
    row["day"] = date_of(start + HOUR, zone).toordinal()
    row["flaw"] = FLAWS.index(flaw)
    row["active"] = min(day.active, 1440)
    seen = cooks and signs.alive_share(cooks, start, end) >= ENOUGH_HEARD
    row["kitchen"] = min(day.kitchen, 1440) if seen else UNKNOWN_16
    row["visits"], row["visits_at_night"] = min(day.visits, 255), min(day.visits_at_night, 255)
    row["stayed"] = min(day.stayed // MINUTE, 1440)
    row["outings"], row["out"] = min(day.outings, 255), min(day.out // MINUTE, 1500)
    row["morning"] = minute_of_day(day.morning_at, zone) if day.morning_at else UNKNOWN_16
    clock.days = (clock.days + record.tobytes())[-KEPT * DAY.itemsize :]
    if flaw in ("", "alarm"):
        # The long ones are what people are asked about: left out for that, they would be asked about for ever.
        # Of a day's outings the longest counts: how often the dog is walked says nothing of a day with the family.
        clock.aways = [*clock.aways, *([max(day.aways)] if day.aways else [])][-LAST["aways"] :]
        clock.gaps = [*clock.gaps, *day.gaps][-LAST["gaps"] :]
    if not flaw:
        clock.stays = [*clock.stays, *day.stays][-LAST["stays"] :]
    for device in home.devices.values():
        if device.memory.flows:
            if flaw in _WATER_TEACHES:
                clock.flows = [*clock.flows, *device.memory.flows][-LAST["flows"] :]
            device.memory.flows = []
    clock.day = DayNow()
