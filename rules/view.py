"""What a condition sees of a home. Start at `EngineView`.

`EngineView` answers the language of `rules.conditions` for one `Instance` at one moment, and collects the next
moment at which an answer may change by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from care.messages import Evidence, Value
from care.site import Registry
from rules.beds import FUNCTIONS as BED_FUNCTIONS
from rules.clocks import offset_of
from rules.detectors import LEARNT
from rules.live import (
    LOOK_AGAIN,
    NEVER,
    ON_CHANGE_GAP,
    SEEN_MOVING,
    Instance,
    LiveDevice,
    LiveHome,
    hours_of,
    silent_since,
)
from rules.memory import Field
from rules.words import room_kind


class EngineView:
    """What conditions see: one instance at one moment (rules.conditions.View)."""

    __slots__ = (
        "began", "blinded", "calls", "changed", "device", "home", "instance", "limits", "next", "now", "spoken", "told",
        "zone",
    )  # fmt: skip

    def __init__(self, registry: Registry) -> None:
        self.zone = registry.zone
        self.now = 0
        self.next = NEVER
        self.began = 0
        """Since when (ms) what was just found true has been so, where that is before now."""
        self.blinded = False
        """Another rule makes this one unable to tell."""
        self.limits: dict[str, Any] = {}
        self.instance: Instance
        self.home: LiveHome
        self.device: LiveDevice | None = None
        self.changed: set[str] = set()
        self.spoken: dict[str, Value] | None = None
        self.told: list[Evidence] | None = None
        """Where learned values that a condition asks for are noted, while evidence is gathered."""
        self.calls: dict[str, Callable[..., Any]] = {
            name: getattr(self, f"_{name}")
            for name in (
                "age", "held", "shown", "stay", "missing", "changed_now", "recent", "moved", "moved_since", "moved_after",
                "alive", "count", "silence", "reported", "heard", "between", "gateway_lost",
                "confirmed", "triggered", "speaking", "known", "clock_off",
            )
        }  # fmt: skip
        self.calls["changed"] = self.calls.pop("changed_now")
        self.calls |= {name: partial(ask, self) for name, ask in LEARNT.items()}
        self.calls |= {name: partial(function, self) for name, function in BED_FUNCTIONS.items()}

    def look(self, instance: Instance, now: int, changed: set[str]) -> None:
        self.instance = instance
        self.home = instance.home
        self.device = instance.device
        self.limits = instance.limits
        self.now = now
        self.next = NEVER
        self.began = 0
        self.changed = changed

    def wake(self, at: int) -> None:
        if self.now < at < self.next:
            self.next = at

    def _fresh(self, device: LiveDevice, f: Field) -> Any:
        value = f.value
        if f.noisy_until > self.now:
            self.wake(f.noisy_until)
            return None
        gap = self.instance.gap
        if gap and value is not None:
            end = f.at + gap
            if end < self.now and device.on_change:
                end = f.at + ON_CHANGE_GAP
            if end < self.now:
                return None
            self.wake(end + 1)
        return value

    def get(self, quantity: str) -> Any:
        if self.spoken is not None and quantity in self.spoken:
            return self.spoken[quantity]
        device = self.device
        if device is not None:
            f = device.fields.get(quantity)
            return None if f is None else self._fresh(device, f)
        found: Any = None
        unknown = False
        for member in self.instance.group:
            f = member.fields.get(quantity)
            if f is None:
                continue
            value = self._fresh(member, f)
            if value:
                return value
            if value is not None:
                found = value
            elif f.value is not False:
                unknown = True  # its last word was yes, or it named the quantity without a value
        return None if unknown else found

    def word(self, name: str) -> str:
        return room_kind(self.instance.room) if name == "room" else self.instance.kind

    def call(self, name: str, args: tuple[Any, ...]) -> Any:
        return self.calls[name](*args)

    def _fields(self, quantity: str) -> list[Field]:
        return [f for member in self.instance.group if (f := member.fields.get(quantity)) is not None]

    def _age(self, quantity: str) -> float | None:
        fields = self._fields(quantity)
        return (self.now - max(f.at for f in fields)) / 1000 if fields else None

    def _held(self, quantity: str) -> float | None:
        value = self.get(quantity)
        if value is None:
            return None
        since = [
            f.since for f in self._fields(quantity) if bool(f.value) is bool(value) and f.value is not None
        ]
        if not since:
            return None
        return (self.now - (min(since) if value else max(since))) / 1000

    def _shown(self, quantity: str) -> float | None:
        fields = [f for f in self._fields(quantity) if f.value is not None]
        return max((f.at - f.since) / 1000 for f in fields) if fields else None

    def _stay(self, quantity: str) -> float | None:
        best: float | None = None
        for f in self._fields(quantity):
            stay = f.stay + (max(0, self.now - f.since) if f.value else 0)
            best = max(best or 0.0, stay / 1000)
        return best

    def _missing(self, quantity: str) -> bool:
        return all(f.value is None for f in self._fields(quantity))

    def _changed_now(self, quantity: str) -> bool:
        return quantity in self.changed

    def _recent(self, quantity: str, seconds: float) -> bool | None:
        fields = self._fields(quantity)
        if not fields:
            return None
        if self.get(quantity):
            return True
        last = max(f.true_at for f in fields)
        return self._within(last, seconds)

    def _within(self, last: int, seconds: float) -> bool:
        if not last:
            return False
        end = last + round(seconds * 1000)
        if end < self.now:
            return False
        self.wake(end + 1)
        return True

    def _moved(self, seconds: float, *rooms: str) -> bool:
        last = 0
        for device in self.home.devices.values():
            if rooms and room_kind(device.room) not in rooms:
                continue
            f = device.fields.get("motion")
            if f is not None:
                last = max(last, min(self.now, f.true_at + SEEN_MOVING) if f.value else f.true_at)
            f = device.fields.get("presence")
            if f is not None and f.true_at:
                last = max(last, self.now if f.value and self._still_heard(device) else f.true_at)
        return self._within(last, seconds)

    def _motion_after(self, since: int, rooms: tuple[str, ...]) -> bool:
        own = self.instance.room
        for device in self.home.devices.values():
            if rooms and room_kind(device.room) not in rooms:
                continue
            f = device.fields.get("motion")
            if f is not None and f.true_at > since:
                return True
            # Presence in the subject's own room says that somebody is there, not that they got up again.
            f = device.fields.get("presence")
            if f is not None and f.true_at > since and device.room != own:
                return True
        return False

    def _moved_since(self, *rooms: str) -> bool:
        return self._motion_after(self.instance.episode.onset, rooms)

    def _moved_after(self, quantity: str) -> bool | None:
        fields = self._fields(quantity)
        return self._motion_after(max(f.since for f in fields), ()) if fields else None

    def _still_heard(self, device: LiveDevice) -> bool:
        end = device.memory.heard_at + device.silence
        if end < self.now:
            return False
        self.wake(end + 1)
        return True

    def _alive(self, quantity: str) -> bool:
        sensors = [d for d in self.home.devices.values() if quantity in d.fields]
        heard = [self._still_heard(d) for d in sensors]  # all are asked: each sets the moment it falls silent
        return bool(heard) and all(heard)

    def _count(self, quantity: str) -> int:
        return sum(
            1
            for d in self.home.devices.values()
            if (f := d.fields.get(quantity)) is not None and self._fresh(d, f)
        )

    def _silence(self) -> float | None:
        since = silent_since(self.device) if self.device is not None else None
        return None if since is None else (self.now - since) / 1000

    def _confirmed(self, quantity: str, seconds: float) -> bool | None:
        if self.spoken is not None and quantity in self.spoken:
            return True
        newest = max((f.at for f in self._fields(quantity)), default=0)
        end = newest + round(seconds * 1000)
        if self.now < end:
            self.wake(end)
            return True
        return None if any(d.memory.at > newest for d in self.instance.group) else True

    def _triggered(self, quantity: str) -> bool:
        return any(f.changes > 0 or f.true_at for f in self._fields(quantity))

    def _speaking(self) -> bool:
        device = self.device
        if device is None:
            return False
        if self._still_heard(device):
            return True
        self.wake(self.now + LOOK_AGAIN)
        return False

    def _known(self) -> float | None:
        memory = self.device.memory if self.device is not None else None
        return (self.now - memory.first_at) / 1000 if memory is not None and memory.first_at else None

    def _clock_off(self) -> float:
        return abs(offset_of(self.device.memory)) / 1000 if self.device is not None else 0.0

    def _gateway_lost(self) -> bool:
        dark = self.home.memory.dark
        return dark is not None and dark.gateway

    def _reported(self) -> bool:
        memory = self.device.memory if self.device is not None else None
        return memory is not None and bool(memory.heard_at or memory.online_at or memory.offline_at)

    def _heard(self) -> int:
        return self.instance.episode.heard

    def _between(self, opens: int, closes: int) -> bool:
        open_now, edge = hours_of(opens, closes, self.zone).state(self.now)
        self.wake(edge)
        return open_now
