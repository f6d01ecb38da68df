"""The personal clock: what is usual for the people of one home, learnt from what is heard. Start at `hear`.

`rules.nights` learns from beds, `rules.routine` from motion and doors, `rules.baselines` has the statistics, `rules.detectors` answers what rules ask.
All that is learnt lies in `HomeMemory.clock`.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from care.ids import epoch_ms
from care.site import moment_of
from care.words import Kind, Level
from rules import nights, routine
from rules.detectors import LIVE
from rules.live import bed_of
from rules.memory import BedClock, HomeClock, Whereabouts

if TYPE_CHECKING:
    from rules.live import Instance, LiveDevice, LiveHome, Trigger

LEARNS_FROM: Final = frozenset({"in_bed", "bed_state", "water_total"}) | routine.LEARNS_FROM
"""Quantities whose every change is taken in; others are looked at when a sample is due."""
_NEVER: Final = 1 << 62
ABOUT_PEOPLE: Final = frozenset({"vitals", "bed", "fall", "sos", "wandering", "activity"})
"""Causes whose alarms say that a night or day was none like the others; a door left open or an empty battery is."""


def attach(device: LiveDevice) -> None:
    """Whether a device belongs to a bed, and so how often it is listened to; the same before and after a restart."""
    is_bed = device.kind == Kind.bed_belt or "in_bed" in device.fields
    device.bed = bed_of(device) if is_bed else ""
    device.due = device.memory.due if is_bed else _NEVER


def hear(home: LiveHome, device: LiveDevice, trigger: Trigger, zone: ZoneInfo) -> tuple[Instance, ...]:
    """Take in a report; gives those who ask for what may now have another answer."""
    report, at, changed = trigger.report, trigger.at, trigger.changed
    if not device.bed and "in_bed" in changed:
        attach(device)
    if report.retained or report.test:
        return ()
    clock = home.memory.clock
    if clock is None:
        clock = home.memory.clock = HomeClock()
    closed = at >= clock.day_ends and routine.advance(clock, home, at, zone)
    if not changed.isdisjoint(routine.LEARNS_FROM):
        routine.hear(clock, home, device, at, changed, zone, disturbance(home, at, zone))
    elif "water_total" in changed and not clock.day.flaw:
        clock.day.flaw = disturbance(home, at, zone)
    sampled = False
    if device.bed and "in_bed" in device.fields:
        bed = clock.beds.get(device.bed)
        if bed is None:
            bed, closed = BedClock(), True
            clock.beds[device.bed] = bed
        if "in_bed" in changed and device.fields["in_bed"].value is False:
            routine.sign(clock, at, zone)
        breath = report.values.get("respiration_rate")
        closed = nights.advance(bed, at, zone, home) or closed
        sampled = nights.hear(bed, home, device, at, changed, breath, zone, disturbance(home, at, zone))
        sampled = sampled and any(bed.norms)
        device.due = device.memory.due = 0 if bed.zero_at else at + nights.SAMPLE_EVERY
    if closed:
        return home.personal
    return tuple(i for i in home.personal if not LIVE.isdisjoint(i.rule.personal)) if sampled else ()


def forget(home: LiveHome, device: LiveDevice, quantities: AbstractSet[str]) -> None:
    """Forget what was learnt from quantities that the people of this device keep from us from now on.

    What several devices taught together is forgotten together: nobody can tell any more which of them taught it. The
    others begin anew.
    """
    moved = not quantities.isdisjoint(("motion", "presence", "vibration"))
    if moved or not quantities.isdisjoint(("door_open", "in_bed")):
        home.memory.where = Whereabouts()
    clock = home.memory.clock
    if clock is None:
        return
    bed = bed_of(device)
    if "in_bed" in quantities:
        clock.beds.pop(bed, None)
        routine.forget_mornings(clock)
    elif bed in clock.beds and not quantities.isdisjoint(("heart_rate", "respiration_rate")):
        nights.forget_vitals(clock.beds[bed])
    if moved:
        routine.forget_motion(clock)
    if "door_open" in quantities:
        routine.forget_door(clock)
    if "water_total" in quantities:
        clock.flows = []


def disturbance(home: LiveHome, at: int, zone: ZoneInfo) -> str:
    """Why what happens here just now teaches nothing; empty when it does (a name of `nights.FLAWS`)."""
    if home.memory.dark is not None:
        return "offline"
    if not home.modes:
        return ""
    modes = list(home.site.modes) if home.site is not None else []
    if home.memory.orders is not None:
        modes += home.memory.orders.modes
    for mode in modes:
        if (
            epoch_ms(moment_of(mode.from_, zone)) <= at < epoch_ms(moment_of(mode.until, zone))
            and not mode.ended
        ):
            return mode.mode.value
    return ""


def alarmed(instance: Instance, at: int, level: Level, *, opened: bool) -> None:
    """People were alarmed about somebody: this night and this day do not teach what is usual; in red, also when it grew
    to that, nor does the pause of the front door in which it was.
    """
    if instance.rule.doc.cause not in ABOUT_PEOPLE or instance.test or level is Level.blue:
        return
    clock = instance.home.memory.clock
    if clock is None:
        clock = instance.home.memory.clock = HomeClock()
    if opened:
        clock.alarm_at = max(clock.alarm_at, at)
    if level is Level.red:
        clock.red_at = max(clock.red_at, at)
