"""What conditions may ask about a bed: its belts' samples, and breath that was there and is not. Start at `FUNCTIONS`.

A bed may have several belts. One that says so is enough for a limit that is passed; one that still hears breath is
enough for breath that is not lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from care.words import Kind
from rules.live import SEEN_MOVING
from rules.memory import IDLE, Field, Samples
from rules.samples import (
    FLICKS,
    FLICKS_WITHIN,
    NO_VALUE,
    PLACES,
    Ask,
    known_until,
    lost,
    middle,
    most,
    two_hearts,
)
from rules.signs import allowed, front_doors, is_stuck, last_sign, left_at
from rules.windows import instant
from rules.words import room_kind

if TYPE_CHECKING:
    from rules.live import Instance, LiveDevice, LiveHome
    from rules.view import EngineView

STEPPING_OUT = 30_000
"""Motion that begins so soon after the door turned is the one who goes out by it."""
AT_THE_BED = 60_000
ASLEEP = 3 * 3600_000
"""Who lay down less than this before the usual time of getting up has been up already."""
STIRRING = ("motion", "door", "bed", "water", "press")
NOT_SET = 1440
"""The clock 24:00 of a parameter that is not set."""
UNSEEN_LEAST = 2 * 60_000
"""A shorter absence is counted as a flick (rules.samples.FLICKS); BD1 itself calls nobody back before (`back_minutes`)."""
UNSEEN, UNSEEN_WITHIN = 3, 24 * 3600_000
"""Three in a day, in a week where a sensor sees the bedroom itself, and it is the mat: nobody gets up, and back into bed,
past a living sensor at the bed or in the bathroom without one of them seeing it."""
NOON = 12 * 60
LOOK_AT_MUTE = 30 * 60_000
NOT_MUTE: Final = -1e16
"""Seconds since something that is not so (as `rules.view.NOT_SO`)."""
COMPANY_FOR = 3600_000
"""Two people, once told apart, are believed to be there so long (as `several`)."""
LEARNT_FOR = 7 * 24 * 3600_000
LONGER = 1.5
"""So much longer than ever before must a mat that loses its sleeper say that the bed is empty (design)."""


def ask_of(instance: Instance) -> Ask:
    """Which samples count for a rule here."""
    if instance.ask is None:
        limits = instance.limits
        instance.ask = Ask(
            share=limits.get("share_percent", 100),
            quality=limits.get("quality_min", 0),
            movement=limits.get("movement_max", 100),
            fresh=round(limits.get("fresh_minutes", 0) * 1000),
        )
    return instance.ask


def _samples(view: EngineView) -> Iterator[Samples]:
    for member in view.instance.group:
        if member.memory.samples is not None:
            yield member.memory.samples


def _mostly(view: EngineView, quantity: str, op: str, limit: float, seconds: float) -> bool | None:
    return _told(view, quantity, op, limit, seconds, by_all=False)


def _throughout(view: EngineView, quantity: str, op: str, limit: float, seconds: float) -> bool | None:
    return _told(view, quantity, op, limit, seconds, by_all=True)


def _told(
    view: EngineView, quantity: str, op: str, limit: float, seconds: float, *, by_all: bool
) -> bool | None:
    instance, place, window, now = view.instance, PLACES[quantity], round(seconds * 1000), view.now
    ask = ask_of(instance)
    answer: bool | None = None
    for member in instance.group:
        s = member.memory.samples
        if s is None:
            continue
        until = known_until(s, place, ask, now)
        if until < now:
            continue
        view.wake(until + 1)
        # Between two samples nothing is newly passed, and before the window is full nothing can be.
        key = (member.name, quantity, op, limit, window)
        found: bool | None = False
        if now >= instance.not_before.get(key, 0):
            # By its own last word, as `disputed`: another belt's report in between is no news of this one.
            found, since = most(s, place, op, limit, window, min(s.at, now), ask)
            if found:
                view.began = min(view.began or since, since)
            elif found is False:
                instance.not_before[key] = since
        if found is None:
            continue
        if found is not by_all:
            view.by[quantity] = member
            return found
        answer = found
    return answer


def _disputed(view: EngineView, quantity: str, seconds: float, apart: float) -> bool:
    ask, place, window = ask_of(view.instance), PLACES[quantity], round(seconds * 1000)
    # Each by its own last word: between two reports of a belt that speaks once a minute its last window holds one sample
    # less, and too few would end a contradiction that nobody has resolved.
    found = [
        middle(s, place, window, min(s.at, view.now), ask)
        for s in _samples(view)
        if view.now - s.at <= window
    ]
    told = [value for value in found if value is not None]
    return len(told) > 1 and max(told) - min(told) > apart


def _lost_run(view: EngineView) -> tuple[Samples, int, bool] | None:
    breath_at = max((s.breath_at for s in _samples(view)), default=0)
    for s in _samples(view):
        run = lost(s, view.now)
        if run is not None and breath_at < run[0]:
            return s, *run
    return None


def _lost(view: EngineView) -> float | None:
    newest = max((s.at for s in _samples(view)), default=0)
    gap = view.instance.gap
    if gap:
        if newest + gap < view.now:
            return None
        view.wake(newest + gap + 1)
    run = _lost_run(view)
    if run is None:
        return 0.0
    view.began = run[1]
    return (run[0].lost_at - run[1]) / 1000


def _pulse_shown(view: EngineView) -> bool:
    run = _lost_run(view)
    return run is not None and run[2]


def _breathing(view: EngineView) -> float:
    return max(((s.breath_at - s.breath_since) / 1000 for s in _samples(view) if s.breath_since), default=0.0)


def _unheard(view: EngineView) -> float:
    """Of the bed: the shortest of its belts, as one that hears is enough."""
    spans = [(s.mute_at - s.mute_since) / 1000 if s.mute_since else 0.0 for s in _samples(view)]
    return min(spans, default=0.0)


def mute_since(device: LiveDevice) -> int:
    """Since when (ms) what a belt says has been of no use; 0 while it is of use, or another rule tells that it is not.

    Without a word whether somebody is in bed nothing of it is judged. A belt that never names the bed is judged by heart
    and breath; that it is deaf then is what `unheard` finds, but for one that says it is not connected.
    """
    fields = device.fields
    told = fields.get("in_bed")
    if told is not None:
        return 0 if told.value is not None else told.since
    if "heart_rate" in device.withheld:
        return 0  # what its people keep from us is nothing that it lacks
    state = fields.get("bed_state")
    if state is not None and state.value in NO_VALUE:
        return state.since
    if "heart_rate" in fields:
        return 0
    breath = fields.get("respiration_rate")
    if breath is not None:
        return breath.at if breath.value is not None else breath.since
    return device.memory.first_at


def never_told(device: LiveDevice) -> bool:
    """Whether a belt that is heard has yet to say its first word of use: until then it has not proved itself."""
    return mute_since(device) > 0 and not any(
        f.value is not None or f.before_at
        for quantity in ("in_bed", "respiration_rate")
        if (f := device.fields.get(quantity)) is not None
    )


def _mute(view: EngineView) -> float:
    since = [mute_since(device) for device in view.instance.group]
    if not all(since):
        view.wake(view.now + LOOK_AT_MUTE)
        return NOT_MUTE
    return (view.now - max(since, default=view.now)) / 1000


def _pulseless(view: EngineView) -> float:
    spans = [(s.measured_at - s.pulseless_since) / 1000 if s.pulseless_since else 0.0 for s in _samples(view)]
    return min(spans, default=0.0)


def _poor(view: EngineView) -> float:
    spans = [(s.poor_at - s.poor_since) / 1000 if s.poor_since else 0.0 for s in _samples(view)]
    return min(spans, default=0.0)


def _sound(view: EngineView) -> float:
    return max(((s.sound_at - s.sound_since) / 1000 for s in _samples(view) if s.sound_since), default=0.0)


def _two_hearts(view: EngineView, seconds: float, apart: float) -> bool | None:
    """Asked of whole minutes, and so once a minute."""
    instance, ask, window = view.instance, ask_of(view.instance), round(seconds * 1000)
    minute = view.now - view.now % 60_000
    answer: bool | None = None
    for member in instance.group:
        s = member.memory.samples
        if s is None:
            continue
        known = instance.minutes.get(member.name)
        if known is None or known[0] != minute:
            known = instance.minutes[member.name] = minute, two_hearts(s, window, minute, ask, apart)
        if known[1]:
            return True
        answer = known[1] if answer is None else answer
    return answer


def _gone(view: EngineView) -> float:
    """Whatever the sensors still show of the person who leaves does not count."""
    turned = max((f.since for _, f in front_doors(view.home) if f.changes), default=0)
    if not turned or turned > view.now:
        return 0.0
    for device in view.home.devices.values():
        for quantity in ("motion", "presence"):
            f = device.fields.get(quantity)
            if f is not None and _moves_after(f, turned):
                return 0.0
    return (view.now - turned) / 1000


def _moves_after(f: Field, turned: int) -> bool:
    if not f.rose_at or not f.false_at:
        return f.true_at > turned + STEPPING_OUT
    return f.rose_at > turned + STEPPING_OUT or f.true_at > max(f.rose_at, turned) + SEEN_MOVING


def _left_home(view: EngineView) -> bool:
    return bool(left_at(view.home, view.now))


def note_return(home: LiveHome, bed: LiveDevice, f: Field, at: int) -> None:
    """A bed sensor feels somebody again: if nothing in the home showed that they had been up, the sensor had lost them.

    That takes a living sensor where whoever gets up comes by: at the bed itself, or in the bathroom. One that sees the
    living room alone sees nobody who goes to the bathroom next door, and three such visits a night are an ordinary night.
    """
    gone = at - f.false_at
    if not f.false_at or gone < UNSEEN_LEAST:
        return
    left, watched = f.false_at - AT_THE_BED, False
    for device in home.devices.values():
        for quantity in ("motion", "presence"):
            word = device.fields.get(quantity)
            if word is None:
                continue
            if word.value or word.true_at >= left:
                return
            on_the_way = device.room in (bed.room, "bathroom")
            watched = watched or (on_the_way and device.memory.heard_at + allowed(device) >= at)
        word = device.fields.get("door_open")
        if word is not None and word.changes and word.since >= left:
            return
    if watched:
        latest = [*f.unseen, (at, gone)]
        longest = max((u for u in latest if at - u[0] <= LEARNT_FOR), key=lambda u: u[1])
        f.unseen = [*([] if longest in latest[-UNSEEN:] else [longest]), *latest[-UNSEEN:]]


def _flickers(view: EngineView, quantity: str) -> bool:
    room = view.instance.room
    at_the_bed = any("motion" in d.fields and d.room == room for d in view.home.devices.values())
    for member in view.instance.group:
        f = member.fields.get(quantity)
        if f is None:
            continue
        for last, count, within in (
            (f.flicks, FLICKS, FLICKS_WITHIN),
            ([at for at, _ in f.unseen], UNSEEN, LEARNT_FOR if at_the_bed else UNSEEN_WITHIN),
        ):
            if len(last) >= count and view.now - last[-count] <= within:
                view.wake(last[-count] + within + 1)
                return True
    return False


def _surely_empty(view: EngineView, quantity: str, least: float, most: float) -> bool | None:
    held = view.call("held", (quantity,))
    if view.get(quantity) is not False or held is None:
        return None if held is None else False
    lost = [
        gone
        for member in view.instance.group
        if (f := member.fields.get(quantity)) is not None
        for at, gone in f.unseen
        if view.now - at <= LEARNT_FOR
    ]
    needed = min(most, max(least, LONGER * max(lost, default=0) / 1000))
    if held < needed:
        view.wake(view.now + round((needed - held) * 1000))
        return False
    return True


def _walked(view: EngineView) -> bool:
    """The sensor at the bed sees the getting up itself, and the fall: that is no walk."""
    onset, own = view.instance.episode.onset, view.instance.room
    for device in view.home.devices.values():
        since = onset + AT_THE_BED if device.room == own else onset
        f = device.fields.get("motion")
        if f is not None and (
            _moves_after(f, since - STEPPING_OUT) if device.room == own else f.true_at > since
        ):
            return True
        f = device.fields.get("presence")
        if f is not None and f.true_at > since and device.room != own:
            return True
    return False


def about(view: EngineView, morning: int, seconds: float, rooms: tuple[str, ...]) -> bool:
    """Whether somebody moved in these rooms in the morning that began then (ms), so long after the episode did or later.

    On the way to the bathroom one passes through other rooms too: only who is still about after a while is up.
    """
    today = datetime.fromtimestamp(view.now / 1000, view.zone).date()
    if view.now < morning:
        view.wake(morning)
        return False
    if view.now >= instant(today, NOON, view.zone):
        return False
    since = max(view.instance.episode.onset + round(seconds * 1000), morning)
    return any(
        f.true_at > since and not is_stuck(f, view.now)
        for device in view.home.devices.values()
        if room_kind(device.room) in rooms
        for quantity in ("motion", "presence")
        if (f := device.fields.get(quantity)) is not None
    )


def _about(view: EngineView, clock: int, seconds: float, *rooms: str) -> bool:
    today = datetime.fromtimestamp(view.now / 1000, view.zone).date()
    return about(view, instant(today, clock, view.zone), seconds, rooms)


def _stirred(view: EngineView, seconds: float) -> bool:
    at = last_sign(view.home, STIRRING, view.now).at
    end = at + round(seconds * 1000)
    if not at or end < view.now:
        return False
    view.wake(end + 1)
    return True


def _watched(view: EngineView) -> bool:
    lives = [
        d.memory.heard_at + allowed(d)
        for d in view.home.devices.values()
        if "motion" in d.fields or "presence" in d.fields
    ]
    if not lives or max(lives) < view.now:
        return False
    view.wake(max(lives) + 1)
    return True


def _overdue(view: EngineView, clock: int) -> float | None:
    episode = view.instance.episode
    if clock >= NOT_SET or episode.phase == IDLE:
        return None
    day = datetime.fromtimestamp((episode.onset + ASLEEP) / 1000, view.zone).date()
    due = instant(day, clock, view.zone)
    if due < episode.onset + ASLEEP:
        due = instant(day + timedelta(1), clock, view.zone)
    return (view.now - due) / 1000


def _another(view: EngineView, since: int) -> bool:
    """Whether somebody besides the one in bed is there as far as is known: a second resident, registered visitors, or
    two people told apart within the hour before, while the bed still had its sleeper (domain 3.6).
    """
    home, several_at = view.home, view.home.memory.where.several_at
    if home.site is not None and len(home.site.residents) > 1:
        return True
    if any(m.mode == "visitors" and m.begins <= view.now < m.ends for m in home.modes):
        return True
    return bool(several_at) and since - COMPANY_FOR <= several_at < max(
        (s.breath_at for s in _samples(view)), default=0
    )


def _elsewhere(view: EngineView) -> bool:
    """Only of somebody who is alone: else somebody is active, and that may not be the one in bed."""
    home, since = view.home, view.instance.episode.onset
    if _another(view, since):
        return False
    for device in home.devices.values():
        if device in view.instance.group:
            continue
        for quantity in ("motion", "presence"):
            f = device.fields.get(quantity)
            if f is not None and f.true_at > since and device.room != view.instance.room:
                return True
        f = device.fields.get("door_open")
        if f is not None and device.kind == Kind.door and max(f.true_at, f.false_at) > since and f.changes:
            return True
        f = device.fields.get("water_total")
        if f is not None and f.since > since and f.changes:
            return True
    return False


FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {
    "mostly": _mostly,
    "throughout": _throughout,
    "disputed": _disputed,
    "lost": _lost,
    "pulse_shown": _pulse_shown,
    "breathing": _breathing,
    "elsewhere": _elsewhere,
    "unheard": _unheard,
    "mute": _mute,
    "pulseless": _pulseless,
    "poor": _poor,
    "sound": _sound,
    "two_hearts": _two_hearts,
    "gone": _gone,
    "left_home": _left_home,
    "flickers": _flickers,
    "surely_empty": _surely_empty,
    "walked": _walked,
    "about": _about,
    "stirred": _stirred,
    "watched": _watched,
    "overdue": _overdue,
}
"""Their meaning stands in rules.vocabulary."""
