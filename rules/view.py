"""The parts of a home at work, and what a condition sees of them. Start at `EngineView`.

A `LiveHome` is built around its memory from the registry and the rules and can be thrown away at any time.
`EngineView` answers the language of `rules.conditions` for one `Instance` at one moment, and collects the next
moment at which an answer may change by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from care.messages import Report, Value
from care.site import Device, Home, Registry, Resident
from care.words import Kind
from rules.catalog import Rule, Subject
from rules.clocks import offset_of
from rules.memory import DeviceMemory, Episode, Field, HomeMemory
from rules.windows import Hours
from rules.words import room_kind

SEEN_MOVING = 5 * 60_000
"""A motion sensor that still says true is believed so long; real ones clear in one or two minutes (domain 2.2)."""
ON_CHANGE_GAP = 25 * 3600_000
"""Silence of a mat that speaks only on change: a day and an hour, as for other sensors without an alarm."""
NEVER: Final = 1 << 62
LOOK_AGAIN = 6 * 3600_000
"""A silent device is asked again so late whether it is stuck: days are at stake, not hours."""


class LiveDevice:
    """A device at work: its memory, what the site file says of it, and who listens to which quantity."""

    __slots__ = (
        "fields",
        "kind",
        "listen",
        "memory",
        "name",
        "own",
        "presses",
        "resident",
        "room",
        "silence",
        "site",
        "wanted",
    )

    def __init__(self, name: str, memory: DeviceMemory) -> None:
        self.name = name
        self.memory = memory
        self.fields = memory.fields
        self.site: Device | None = None
        self.kind = ""
        self.room = ""
        self.resident: Resident | None = None
        self.silence = 0
        self.own: dict[str, tuple[Instance, ...]] = {}
        self.presses: dict[str, tuple[Instance, ...]] = {}
        self.listen: tuple[Instance, ...] = ()
        self.wanted: frozenset[str] = frozenset()
        """Quantities whose change somebody wants to hear of."""

    @property
    def on_change(self) -> bool:
        """A mat or belt that says nothing while nothing changes."""
        return self.kind == Kind.bed_belt and self.memory.speaks_on_change


class LiveHome:
    """A home at work."""

    __slots__ = ("attentive", "devices", "instances", "memory", "name", "outage", "site", "wide")

    def __init__(self, name: str, memory: HomeMemory) -> None:
        self.name = name
        self.memory = memory
        self.site: Home | None = None
        self.devices: dict[str, LiveDevice] = {}
        self.instances: dict[str, Instance] = {}
        self.wide: dict[str, tuple[Instance, ...]] = {}
        self.outage: Instance | None = None
        """The rule that watches whether this home is heard at all."""
        self.attentive: set[str] = set()
        """Instances that look again at every report of their devices: they could not tell, or wait for confirmation."""


class Instance:
    """One rule with one subject."""

    __slots__ = (
        "armed", "clear_hold", "device", "episode", "gap", "group", "home", "hours", "key", "kind", "lane",
        "limits", "merge", "parameters", "resident", "room", "rule", "settle", "subject", "test",
    )  # fmt: skip

    def __init__(
        self, rule: Rule, home: LiveHome, subject: str, group: list[LiveDevice], *, test: bool = False
    ) -> None:
        self.rule = rule
        self.home = home
        self.subject = subject
        self.key = f"{rule.id}|{subject}|test" if test else f"{rule.id}|{subject}"
        self.test = test
        self.group = group
        self.device: LiveDevice | None = group[0] if rule.doc.on.subject is Subject.device and group else None
        first = group[0] if group else None
        self.kind = first.kind if first else ""
        self.room = first.room if first and rule.doc.on.subject is not Subject.home else ""
        self.resident = first.resident if first else None
        if rule.doc.on.subject is Subject.home:
            people = home.site.residents if home.site is not None else []
            self.resident = people[0] if len(people) == 1 else None
        self.lane = 0 if rule.urgent else 1
        self.episode = Episode()
        self.armed = 0
        self.parameters: dict[str, Any] = {}
        self.limits: dict[str, Any] = {}
        self.hours: Hours | None = None
        self.settle = self.gap = self.clear_hold = self.merge = 0


class Trigger:
    """The report behind an evaluation."""

    __slots__ = ("at", "changed", "device", "received", "report")

    def __init__(self, report: Report, device: LiveDevice, at: int, received: int) -> None:
        self.report = report
        self.device = device
        self.at = at
        self.received = received
        self.changed: set[str] = set()


class EngineView:
    """What conditions see: one instance at one moment (rules.conditions.View)."""

    __slots__ = ("calls", "changed", "device", "home", "instance", "limits", "next", "now", "spoken", "zone")

    def __init__(self, registry: Registry) -> None:
        self.zone = registry.zone
        self.now = 0
        self.next = NEVER
        self.limits: dict[str, Any] = {}
        self.instance: Instance
        self.home: LiveHome
        self.device: LiveDevice | None = None
        self.changed: set[str] = set()
        self.spoken: dict[str, Value] | None = None
        self.calls: dict[str, Callable[..., Any]] = {
            name: getattr(self, f"_{name}")
            for name in (
                "age", "held", "shown", "stay", "missing", "changed_now", "recent", "moved", "moved_since", "moved_after",
                "alive", "count", "silence", "reported", "heard", "between", "gateway_lost",
                "confirmed", "triggered", "speaking", "known", "clock_off",
            )
        }  # fmt: skip
        self.calls["changed"] = self.calls.pop("changed_now")

    def look(self, instance: Instance, now: int, changed: set[str]) -> None:
        self.instance = instance
        self.home = instance.home
        self.device = instance.device
        self.limits = instance.limits
        self.now = now
        self.next = NEVER
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


_HOURS: dict[tuple[int, int, str], Hours] = {}


def hours_of(opens: int, closes: int, zone: Any) -> Hours:
    key = (opens, closes, zone.key)
    found = _HOURS.get(key)
    if found is None:
        found = _HOURS[key] = Hours(opens, closes, zone)
    return found


def silent_since(device: LiveDevice) -> int | None:
    """Since when (ms) a device has been silent, counted from its last live word; None when it cannot be silent.

    A gateway that declares itself is silent from its last will on, and not before: the broker tells.
    """
    m = device.memory
    if device.kind == Kind.gateway:
        if m.offline_at > m.online_at and m.heard_at <= m.offline_at:
            return m.offline_at
        if m.online_at:
            return None
    return m.heard_at or m.known_at or None
