"""The personal clock: what is usual for the people of one home, learnt from what is heard. Start at `hear`.

`rules.nights` learns from beds, `rules.baselines` has the statistics, `rules.detectors` answers what rules ask.
All that is learnt lies in `HomeMemory.clock`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from care.words import Kind
from rules import nights
from rules.memory import BedClock, HomeClock

if TYPE_CHECKING:
    from rules.live import Instance, LiveDevice, LiveHome, Trigger

LEARNS_FROM: Final = frozenset({"in_bed", "bed_state", "respiration_rate"})
"""Quantities whose every change is taken in; others are looked at when a sample is due."""
_NEVER: Final = 1 << 62


def hear(home: LiveHome, device: LiveDevice, trigger: Trigger, zone: ZoneInfo) -> tuple[Instance, ...]:
    """Take in a report; gives those who ask for what may now have another answer."""
    report, at, changed = trigger.report, trigger.at, trigger.changed
    if device.bed is None or (not device.bed and "in_bed" in changed):
        is_bed = device.kind == Kind.bed_belt or "in_bed" in device.fields
        device.bed = nights.bed_of(device) if is_bed else ""
        device.due = 0 if is_bed else _NEVER
    if report.retained or report.test or not device.bed or "in_bed" not in device.fields:
        return ()
    clock = home.memory.clock
    if clock is None:
        clock = home.memory.clock = HomeClock()
    bed = clock.beds.get(device.bed)
    if bed is None:
        bed = clock.beds[device.bed] = BedClock()
    if (
        at < device.due
        and not bed.zero_at
        and changed.isdisjoint(("in_bed", "bed_state"))
        and device.fields["respiration_rate"].value
    ):
        return ()
    closed = nights.advance(bed, at, zone, home)
    sampled = nights.hear(bed, home, device, at, changed, zone, disturbance(home))
    device.due = at + nights.SAMPLE_EVERY
    if closed:
        return home.personal
    if sampled and any(bed.norms):
        return tuple(i for i in home.personal if "deviation" in i.rule.personal)
    return ()


def disturbance(home: LiveHome) -> str:
    """Why what happens here just now teaches nothing; empty when it does (a name of `nights.FLAWS`)."""
    return "offline" if home.memory.dark is not None else ""
