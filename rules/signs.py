"""Signs of a person: who moved where and when, whether the home is empty, and whether its sensors could have told.

Pure functions on a `LiveHome` and a moment (ms), and `observe`, which notes what single values cannot tell later.
Nothing here is a finding. A sign is something only a person does: motion, a door, the bed, water, a press. Start at
`last_sign`; `away` is the home state of the catalogue (DR4), `alive_share` the proof behind every absence.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from care.messages import Value
from care.words import Kind
from devices.quantities import PRESSES
from rules.live import ON_CHANGE_GAP, SEEN_MOVING, LiveDevice, LiveHome
from rules.memory import DeviceMemory, Field
from rules.vocabulary import SIGNS
from rules.words import room_kind

INNER: Final = frozenset({"kitchen", "bathroom", "bedroom", "storage", "balcony", "study"})
"""Rooms whose doors do not lead out of the home (a cupboard, the fridge)."""
LEAVING: Final = 60_000
"""Motion that began so soon after the door closed is the person who left it behind them: sensors are slow."""
GAPS: Final = 12
"""Silences remembered of each device one by one."""
OLDER_TOGETHER, OLDER_FOR = 6 * 3600_000, 8 * 24 * 3600_000
"""Those before them are told together, and forgotten after this: the windows of the catalogue are six days at most."""
SLOW_BEATS: Final = 3
SLOW_ALIKE, SLOW_APART, SLOW_MOST = 1.5, 3, 8
"""The longest of them is at most half as long again as the shortest, no more than three times its length lies between
two, and it is no more than eight times the silence of its kind (design): a mains detector has one of 80 minutes."""
JUST_ABOVE, JUST_ABOVE_APART = 1.25, 24 * 3600_000
"""A heartbeat of about the limit passes it now and then only."""
BEAT_TOGETHER: Final = 60_000
"""What a device says so soon after a beat belongs to it (battery, state, signal in messages of their own)."""
BOUNCE: Final = 2_000
"""A contact that opens again sooner than that after it closed has bounced: nobody works a door so fast."""
PAIRED: Final = 10_000
"""Two rooms that move within this are not one person, when it happens again and again (domain section 3.6)."""
PAIRS, PAIRS_WITHIN = 5, 5 * 60_000
"""So often within so long: one person walks from room to room as well, but not to and fro within seconds."""
HOLDS: Final = 2 * 60_000
"""A motion sensor goes on saying true for so long after the last movement (domain section 2.2)."""
STUCK: Final = 2 * 3600_000
"""Motion for so long without a pause is the sensor's (domain 3.5 TE6), of one that ever said that motion ended."""
HEARTBEAT: Final = 90 * 60_000
"""Its words are no farther apart; after a longer silence its next word is news again, and what lay between was lost."""
SETTLED: Final = 2 * 60_000
"""In bed for so long while somebody is in the kitchen: two people."""
USE: Final = 5.0
"""Litres that are a use of water and no dripping tap (domain section 3.4, WT2)."""
HOURLY: Final = 70 * 60_000
"""A meter must speak so often to tell hours apart."""
RUNNING: Final = 10 * 60_000
"""Two readings of a meter farther apart than this say nothing of a flow without pause."""
QUARTERLY: Final = 20 * 60_000
STEADY: Final = 3.0
"""A meter that speaks every quarter of an hour tells of a flow too when it is so many litres a minute on average: a
household uses that for a quarter of an hour, and not for four in a row."""
FLOWS: Final = 100
"""So many of one day are remembered."""
METER_DAY: Final = 26 * 3_600_000
METER_STEP: Final = 10 * 60_000
HEATING, COOLING = 2 * 60_000, 5 * 60_000
"""A rise is measured from the lowest reading of so long, or from the last one of a thermometer that speaks seldom."""
TURNS: Final = 16
TOLD, WITHDRAWN = "life_sign", "life_sign_withdrawn"
"""A sign that somebody told (an answered call, a meal), and the name of one that was wrong."""
TOLD_KEPT: Final = 32
"""So many of them are remembered one by one: rather more than are told of one home in the hour in which one can be
taken back."""


@dataclass(frozen=True, slots=True)
class Sign:
    """The last sign of a person: when, and what it rests on."""

    at: int
    device: LiveDevice | None = None
    quantity: str = ""


ONGOING: Final = frozenset({"motion", "presence"})
NO_SIGN: Final = Sign(0)


def _of(device: LiveDevice, quantity: str, f: Field, now: int) -> int:
    """When this field last showed a person; 0 for never."""
    match quantity:
        case "motion":
            return min(now, f.true_at + SEEN_MOVING) if f.value else f.true_at
        case "presence":
            if f.value and now - device.memory.heard_at <= allowed(device):
                return now
            return f.true_at
        case "in_bed" | "door_open":
            return f.since if f.changes else 0
        case "water_total":
            return used_at(device)
    return f.true_at


def last_sign(home: LiveHome, signs: Iterable[str], now: int, *, said: bool = False) -> Sign:
    """The latest sign of these sorts in the home; with `said`, by the last word alone: what goes on is not counted."""
    best = NO_SIGN
    for sort in signs:
        apart = sort == "up" and _seen_outside_bedroom(home)
        for quantity in SIGNS[sort]:
            for device in home.devices.values():
                if apart and room_kind(device.room) == "bedroom":
                    continue
                f = device.fields.get(quantity)
                if (
                    f is not None
                    and (
                        at := min(
                            now, f.true_at if said and quantity in ONGOING else _of(device, quantity, f, now)
                        )
                    )
                    > best.at
                ):
                    best = Sign(at, device, quantity)
    return best


def _seen_outside_bedroom(home: LiveHome) -> bool:
    """Whether another room than the bedroom has a sensor that could see somebody who is up."""
    return any(
        device.kind in _KINDS["motion"] and room_kind(device.room) != "bedroom"
        for device in home.devices.values()
    )


UNASKED: Final = frozenset({"press", "told"})
"""Signs that come when somebody gives one: not giving one proves nothing about who ought to carry them."""


def bearers(home: LiveHome, signs: Iterable[str]) -> list[LiveDevice]:
    """The devices whose silence would hide such signs: those that ever showed one, and those fitted for it."""
    wanted = {q for sort in signs if sort not in UNASKED for q in SIGNS[sort]}
    kinds = {kind for sort in signs for kind in _KINDS.get(sort, ())}
    return [d for d in home.devices.values() if d.kind in kinds or not wanted.isdisjoint(d.fields)]


_KINDS: Final[dict[str, tuple[Kind, ...]]] = {
    "motion": (Kind.motion, Kind.presence),
    "up": (Kind.motion, Kind.presence),
    "door": (Kind.door,),
    "bed": (Kind.bed_belt,),
    "water": (Kind.water_meter,),
    "vitals": (Kind.bed_belt,),
}


# ------------------------------------------------------------------------------ proof that sensors lived


def allowed(device: LiveDevice) -> int:
    """How long (ms) a device may say nothing while it lives: the silence of its model and kind, more for one that speaks
    on change only, or that has shown a slow steady heartbeat.
    """
    return max(patience(device), ON_CHANGE_GAP) if device.on_change else patience(device)


def patience(device: LiveDevice) -> int:
    """The same without the habit of speaking on change only: so long after its last word (ms) it still tells of now."""
    return (
        max(device.silence, steady_beat(device)) if len(device.memory.gaps) >= SLOW_BEATS else device.silence
    )


def steady_beat(device: LiveDevice) -> int:
    """How long (ms) it may be silent by its own slow heartbeat; 0 for one that has shown none.

    Stricter than `slow_beat`: nothing came between three silences in a row that were alike, so that they were the time
    from one beat to the next. A device that speaks for a while between its silences comes and goes, however regularly.
    It gets half as much again as the longest of them.
    """
    gaps, run, best = device.memory.gaps, 1, 0
    for i in range(1, len(gaps)):
        run = run + 1 if gaps[i][0] - gaps[i - 1][1] <= BEAT_TOGETHER else 1
        if run < SLOW_BEATS:
            continue
        lengths = [end - begin for begin, end in gaps[i + 1 - SLOW_BEATS : i + 1]]
        if max(lengths) <= min(SLOW_MOST * device.silence, SLOW_ALIKE * min(lengths)):
            best = max(lengths)
    return best * 3 // 2


def note_gap(device: LiveDevice, received: int) -> None:
    """It is heard again after a silence; remembered when that was longer than its kind may be silent."""
    memory = device.memory
    if memory.heard_at and received - memory.heard_at >= device.silence:
        memory.gaps = [*memory.gaps, (memory.heard_at, received)]
        if len(memory.gaps) > GAPS:
            begin, end = memory.gaps.pop(0)
            if end - begin > allowed(device):
                _note_older(memory, begin, end)


def _note_older(memory: DeviceMemory, begin: int, end: int) -> None:
    """A device that comes and goes all day has more silences than are kept: forgotten, they would pass for life."""
    dead, older = end - begin, [g for g in memory.older if end - g[1] <= OLDER_FOR]
    if older and end - older[-1][0] <= OLDER_TOGETHER:
        first, _, before = older.pop()
        begin, dead = first, before + dead
    memory.older = [*older, (begin, end, dead)]


def slow_beat(device: LiveDevice) -> int:
    """How long (ms) a device may be silent that has shown to speak more seldom than its kind; 0 when it has not.

    Its last three silences were alike and followed each other closely: that is its heartbeat, and it gets half as much
    again, as a declared one does (domain section 3.5, TE3). What is alike and rare are outages.
    """
    last = device.memory.gaps[-SLOW_BEATS:]
    lengths = [end - begin for begin, end in last]
    if len(last) < SLOW_BEATS or max(lengths) > min(SLOW_MOST * device.silence, SLOW_ALIKE * min(lengths)):
        return 0
    apart = JUST_ABOVE_APART if max(lengths) <= JUST_ABOVE * device.silence else SLOW_APART * max(lengths)
    if any(later[0] - earlier[1] > apart for earlier, later in pairwise(last)):
        return 0
    return max(lengths) * 3 // 2


def is_stuck(f: Field, now: int) -> bool:
    """Whether a motion sensor goes on saying true for so long that it is not believed any more."""
    return f.value is True and f.at > f.true_at and now - f.since >= STUCK


def alive_share(devices: Iterable[LiveDevice], since: int, now: int) -> float:
    """Share of the window in which these devices lived, all taken together: 0 when there are none, at most 1."""
    total = dead = 0
    for device in devices:
        total += now - since
        dead += _dead(device, since, now)
    return 1 - dead / total if total > 0 else 0.0


def _dead(device: LiveDevice, since: int, now: int) -> int:
    memory, limit = device.memory, allowed(device)
    if not memory.heard_at:
        return now - since
    spans = [(a, b) for a, b in memory.gaps if b - a > limit]
    if now - memory.heard_at > limit:
        spans.append((memory.heard_at, now))
    if memory.first_at > since:
        spans.append((since, memory.first_at))
    if (f := device.fields.get("motion")) is not None and is_stuck(f, now):
        spans.append((f.true_at, min(now, memory.heard_at + limit)))
    dead = sum(max(0, min(b, now) - max(a, since)) for a, b in spans)
    for a, b, of_it in memory.older:
        inside = min(b, now) - max(a, since)
        if inside > 0:
            dead += of_it * inside // (b - a)  # which part of it lies in the window is not known
    return min(now - since, dead)


# ------------------------------------------------------------------------------------ the home's state


def front_doors(home: LiveHome) -> list[tuple[LiveDevice, Field]]:
    """Doors that lead out."""
    return [
        (d, f)
        for d in home.devices.values()
        if d.kind == Kind.door
        and (f := d.fields.get("door_open")) is not None
        and room_kind(d.room) not in INNER
    ]


def lying(home: LiveHome, now: int) -> bool:
    """Somebody is in bed, as far as we know: the belt says so and lives."""
    return any(feels_somebody(d, now) for d in home.devices.values())


def feels_somebody(device: LiveDevice, now: int) -> bool:
    """Whether this is a belt that lives, does not flicker, and says that somebody lies on it."""
    f = device.fields.get("in_bed")
    return (
        f is not None
        and f.value is True
        and f.noisy_until <= now
        and now - device.memory.heard_at <= allowed(device)
    )


def left_at(home: LiveHome, now: int) -> int | None:
    """When everybody left, if nothing has been seen inside since the door last closed; 0 when somebody has.

    None when we cannot tell: no front door that ever moved, or nothing alive inside that could have seen somebody.
    """
    doors = front_doors(home)
    if not doors:
        return None
    if any(f.value for _, f in doors):
        return 0
    closed_at = max((f.since for _, f in doors if f.changes), default=0)
    if not closed_at or any(f.value is None for _, f in doors):
        return None
    empty = _empty_since(home, closed_at, now)
    return None if empty is None else closed_at if empty else 0


def _empty_since(home: LiveHome, closed_at: int, now: int) -> bool | None:
    """Whether nobody was seen inside after a front door closed; None when nothing alive could have seen them."""
    if lying(home, now):
        return False
    watching = False
    leaving = 0 if _has_entered(home, closed_at) else LEAVING
    for device in home.devices.values():
        if device.site is not None and not device.site.inside:
            continue
        for quantity in ("motion", "presence", "in_bed", "door_open", "vibration"):
            f = device.fields.get(quantity)
            if f is None or (quantity == "door_open" and room_kind(device.room) not in INNER):
                continue
            if quantity in ("motion", "presence"):
                watching = watching or now - device.memory.heard_at <= allowed(device)
            if _seen_after(device, quantity, f, closed_at, now, leaving):
                return False
    return True if watching else None


def _has_entered(home: LiveHome, closed_at: int) -> bool:
    """Whether the door that closed then was last opened from outside, on an empty home: who moves after it stays."""
    entered = home.memory.where.entered_at
    return 0 < entered <= closed_at and all(d.memory.turns[-1:] <= [entered] for d, _ in front_doors(home))


def _seen_after(device: LiveDevice, quantity: str, f: Field, closed_at: int, now: int, leaving: int) -> bool:
    """Whether this shows somebody inside after the door closed; what still runs from before, or begins within `leaving`
    of it, does not. A bed in which somebody lay after it shows them also when its belt has fallen silent since.
    """
    match quantity:
        case "motion" | "vibration":
            if not f.rose_at or not f.false_at:
                return f.true_at > closed_at + leaving
            return f.rose_at > closed_at + leaving or f.true_at > max(f.rose_at, closed_at) + SEEN_MOVING
        case "presence":
            if f.value and now - device.memory.heard_at <= allowed(device):
                return True
            return f.true_at > closed_at + leaving
        case "in_bed" if f.true_at > closed_at and f.noisy_until <= f.true_at:
            return True
    return bool(f.changes) and f.since > closed_at


# ----------------------------------------------------------------------------- what is noted as it comes

OBSERVED: Final = frozenset({"motion", "presence", "door_open", "in_bed", "water_total", "temperature"})


def observe(home: LiveHome, device: LiveDevice, quantity: str, value: Value, at: int) -> bool:
    """Note what later cannot be told from the last values. True when somebody is in another room than before."""
    match quantity:
        case "motion" | "presence" if value:
            f = device.fields[quantity]
            if quantity == "motion" and f.false_at and at - f.since >= STUCK:
                return False
            return _in_room(home, device, at, rose_at=f.rose_at)
        case "in_bed":
            return _in_room(home, device, at)
        case "door_open":
            if value and not (device.memory.turns and at - device.fields[quantity].false_at < BOUNCE):
                device.memory.turns = [*device.memory.turns, at][-TURNS:]
            if device.kind == Kind.door and room_kind(device.room) not in INNER:
                _through(home, at, opens=bool(value))
            return _in_room(home, device, at)
        case "water_total" if isinstance(value, int | float):
            _metered(device.memory, at, float(value))
        case "temperature" if isinstance(value, int | float):
            _warmed(device.fields["temperature"], at, float(value))
    return False


def note_told(device: LiveDevice, report: str, at: int) -> None:
    """Remember a sign that was told by its report, so that it can be taken back; one that was already stays so."""
    device.memory.told.setdefault(report, at)
    _tell(device)


def withdraw(device: LiveDevice, report: str) -> bool:
    """Take back a sign that was told: the one before it is the last again. False when nothing is believed of it."""
    told = device.memory.told
    believed = told.get(report, 0) != 0
    told[report] = 0  # also when it is still to come
    _tell(device)
    return believed


def _tell(device: LiveDevice) -> None:
    """The last sign that is believed, of those told one by one and of older ones."""
    told = device.memory.told
    while len(told) > TOLD_KEPT:
        oldest = next(name for name in told if name)
        told[""] = max(told.get("", 0), told.pop(oldest))
    if (f := device.fields.get(TOLD)) is not None:
        f.true_at = max(told.values())


def _through(home: LiveHome, at: int, *, opens: bool) -> None:
    """Note a front door that closes, and one that opens on an empty home: somebody comes in (domain 3.5 DR3)."""
    where = home.memory.where
    if not opens:
        where.closed_at = at
    elif (
        where.closed_at
        and at - where.closed_at >= home.empty_after
        and _empty_since(home, where.closed_at, at)
    ):
        where.entered_at = at


def _in_room(home: LiveHome, device: LiveDevice, at: int, *, rose_at: int = 0) -> bool:
    """`rose_at` is when a motion sensor that speaks began to say so; 0 for what says so once."""
    where, room = home.memory.where, room_kind(device.room)
    if at < where.at:
        return False
    if room == where.room:
        where.at = at
        return False
    if where.at and at - where.at <= PAIRED and room == where.before:
        where.pairs = [*(t for t in where.pairs[1 - PAIRS :] if at - t <= PAIRS_WITHIN), at]
        if len(where.pairs) >= PAIRS:
            where.several_at = at
    if rose_at and rose_at < where.since and at - where.since <= HOLDS:
        return False  # it still shows whoever has just left: a heartbeat repeats that
    if room == "kitchen" and any(
        (f := d.fields.get("in_bed")) is not None
        and f.value is True
        and at - f.since >= SETTLED
        and room_kind(d.room) != "kitchen"
        and at - d.memory.heard_at <= allowed(d)
        for d in home.devices.values()
    ):
        where.several_at = at
    where.before, where.room, where.since, where.at, where.by = where.room, room, at, at, device.name
    return True


def _metered(memory: DeviceMemory, at: int, total: float) -> None:
    if memory.meter:
        last_at, last = memory.meter[-1]
        if at <= last_at:
            return
        if total < last:  # another meter, or it began anew
            memory.meter, memory.flow_since = [], 0
        elif total == last or not _runs(at - last_at, total - last):
            if (
                memory.flow_since and at - last_at <= QUARTERLY
            ):  # after a gap nobody knows how long it went on
                memory.flows = [*memory.flows, (last_at - memory.flow_since) // 60_000][-FLOWS:]
            memory.flow_since = 0
        elif not memory.flow_since:
            # Between readings that are far apart the flow may have begun at any time: the later one is sure.
            memory.flow_since = last_at if at - last_at <= RUNNING else at
    kept = [m for m in memory.meter if at - m[0] <= METER_DAY]
    if len(kept) > 2 and kept[-1][0] - kept[-2][0] < METER_STEP:
        del kept[-1]  # the last one only carries the flow; ten minutes are fine enough for hours
    memory.meter = [*kept, (at, total)]


def _runs(span: int, litres: float) -> bool:
    """Whether so many litres between two readings are a flow without pause."""
    return span <= RUNNING or (span <= QUARTERLY and litres * 60_000 >= STEADY * span)


def flow_until(memory: DeviceMemory) -> int:
    """Until when the last reading of a meter that tells of a flow is believed."""
    last = memory.meter[-1][0]
    seldom = len(memory.meter) > 1 and last - memory.meter[-2][0] > RUNNING
    return last + (QUARTERLY if seldom else RUNNING)


def used_at(device: LiveDevice) -> int:
    """When water was last used: five litres within an hour of readings."""
    meter = device.memory.meter
    for i in range(len(meter) - 1, 0, -1):
        at, total = meter[i]
        if total == meter[i - 1][1]:
            continue
        for before_at, before in reversed(meter[:i]):
            if at - before_at > HOURLY:
                break
            if total - before >= USE:
                return at
    return 0


def used(home: LiveHome, since: int, now: int) -> float | None:
    """Litres used since then; None when no meter covers the time with readings at least every hour or so."""
    best: float | None = None
    for device in home.devices.values():
        meter = device.memory.meter
        if not meter or now - meter[-1][0] > HOURLY:
            continue
        first = max((i for i, m in enumerate(meter) if m[0] <= since), default=None)
        inside = meter[first:] if first is not None else []
        if (
            not inside
            or since - inside[0][0] > HOURLY
            or any(b[0] - a[0] > 2 * HOURLY for a, b in pairwise(inside))
        ):
            continue
        best = (best or 0.0) + inside[-1][1] - inside[0][1]
    return best


def _warmed(f: Field, at: int, value: float) -> None:
    if f.low_at and at - f.low_at > HEATING and at - f.last_at <= COOLING:
        f.low, f.low_at = f.last, f.last_at
    if not f.low_at or at - f.low_at > COOLING or value <= f.low:
        f.low, f.low_at = value, at
    f.last, f.last_at = value, at


def heating(f: Field) -> float:
    """°C a minute by which a temperature rises, measured over a minute at least."""
    if not isinstance(f.value, int | float) or not f.low_at or f.at <= f.low_at:
        return 0.0
    return (f.value - f.low) / max(1.0, (f.at - f.low_at) / 60_000)


def said_until(f: Field, quantity: str) -> int:
    """Until when this was so: a state until it was said to be over."""
    return f.since if f.value is False and f.rose_at and quantity not in PRESSES else f.true_at


def last_said(home: LiveHome, quantity: str) -> int:
    """Until when any device of a home last said it; 0 for never."""
    found = (f for d in home.devices.values() if (f := d.fields.get(quantity)) is not None)
    return max((said_until(f, quantity) for f in found), default=0)
