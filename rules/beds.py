"""What conditions may ask about a bed: its belts' samples, and breath that was there and is not. Start at `FUNCTIONS`.

A bed may have several belts. One that says so is enough for a limit that is passed; one that still hears breath is
enough for breath that is not lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

from care.words import Kind
from rules.memory import Samples
from rules.samples import PLACES, Ask, known_until, lost, middle, most

if TYPE_CHECKING:
    from rules.live import Instance
    from rules.view import EngineView


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
            found, since = most(s, place, op, limit, window, now, ask)
            if found:
                view.began = min(view.began or since, since)
            elif found is False:
                instance.not_before[key] = since
        if found is None:
            continue
        if found is not by_all:
            return found
        answer = found
    return answer


def _disputed(view: EngineView, quantity: str, seconds: float, apart: float) -> bool:
    ask, place = ask_of(view.instance), PLACES[quantity]
    found = [middle(s, place, round(seconds * 1000), view.now, ask) for s in _samples(view)]
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


def _elsewhere(view: EngineView) -> bool:
    """Of a home with one resident only: with two, somebody is active, and that may not be the one in bed."""
    home, since = view.home, view.instance.episode.onset
    if home.site is not None and len(home.site.residents) > 1:
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
}
"""Their meaning stands in rules.conditions."""
