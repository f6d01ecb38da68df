"""What a condition sees of a home. Start at `EngineView`.

`EngineView` answers the language of `rules.conditions` for one `Instance` at one moment, and collects the next
moment at which an answer may change by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from datetime import datetime
from functools import partial
from typing import Any, Final

from care.messages import Evidence, Value
from care.site import Registry
from care.words import Kind
from devices.quantities import PRESSES
from rules import carers
from rules.beds import FUNCTIONS as BED_FUNCTIONS
from rules.clocks import offset_of
from rules.detectors import LEARNT
from rules.live import (
    LOOK_AGAIN,
    NEVER,
    NONE,
    ON_CHANGE_GAP,
    SEEN_MOVING,
    Instance,
    LiveDevice,
    LiveHome,
    has_reported,
    hours_of,
    silent_since,
)
from rules.memory import ACTIVE, Field
from rules.proof import of_field, prove
from rules.signs import (
    allowed,
    flow_until,
    heating,
    is_stuck,
    last_said,
    last_sign,
    left_at,
    lying,
    patience,
    said_until,
    used,
)
from rules.vocabulary import FUNCTIONS
from rules.windows import instant
from rules.words import room_kind

DAY_SIGNS: Final = ("up", "door", "bed", "water", "press", "told")
NOT_SO: Final = -1e16
"""Seconds since something that is not so: it grows as well, but reaches no limit ever."""
SEVERAL_FOR: Final = 60 * 60
"""Seconds for which two people, once told apart, are believed to be there."""
ASKED_FOR: Final = 24 * 3600
"""Seconds for which a mode that ran out is asked about."""
WARMING: Final = 4.0
"""°C a minute: half of what counts as fire (domain 3.4 SM2); a kettle does not warm a room so fast."""
METER_LOOK: Final = 30 * 60_000
VITALS_LOOK: Final = 30_000
LEAST_QUALITY: Final = 50


class EngineView:
    """What conditions see: one instance at one moment (rules.conditions.View)."""

    __slots__ = (
        "began", "blinded", "by", "calls", "changed", "closed", "device", "home", "instance", "limits", "neighbours", "next", "now",
        "spoken", "told", "zone",
    )  # fmt: skip

    def __init__(self, registry: Registry) -> None:
        self.zone = registry.zone
        self.neighbours: Callable[[str], list[LiveHome]] = lambda _name: []
        """The flats directly above and below a home; the engine knows them."""
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
        self.changed: AbstractSet[str] = NONE
        self.spoken: dict[str, Value] | None = None
        self.closed = False
        """A night or a day of the personal clock was found to be over while this was looked at."""
        self.by: dict[str, LiveDevice] = {}
        """Of several belts of one bed the one whose samples answered, by quantity."""
        self.told: list[Evidence] | None = None
        """Where learned values that a condition asks for are noted, while evidence is gathered."""
        self.calls: dict[str, Callable[..., Any]] = {
            name: getattr(self, f"_{name}")
            for name in FUNCTIONS
            if name not in LEARNT and name not in BED_FUNCTIONS
        }
        self.calls |= {name: partial(ask, self) for name, ask in LEARNT.items()}
        self.calls |= {name: partial(function, self) for name, function in BED_FUNCTIONS.items()}

    def look(self, instance: Instance, now: int, changed: AbstractSet[str]) -> None:
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

    def prove(self, name: str, args: tuple[Any, ...]) -> tuple[Evidence, ...]:
        return prove(self, name, args)

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

    def _changed(self, quantity: str) -> bool:
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
        end = device.memory.heard_at + patience(device)
        if end < self.now:
            return False
        self.wake(end + 1)
        return True

    def _alive(self, quantity: str) -> bool:
        sensors = [d for d in self.home.devices.values() if quantity in d.fields]
        heard = [self._still_heard(d) for d in sensors]  # all are asked: each sets the moment it falls silent
        if quantity == "motion" and any(is_stuck(d.fields[quantity], self.now) for d in sensors):
            return False
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
        return self.device is not None and has_reported(self.device)

    def _heard(self) -> int:
        return self.instance.episode.heard

    def _between(self, opens: int, closes: int) -> bool:
        open_now, edge = hours_of(opens, closes, self.zone).state(self.now)
        self.wake(edge)
        return open_now

    # -- signs of a person (rules.signs) --

    def _away(self) -> bool | None:
        since = self._gone()
        return None if since is None else since > 0

    def _away_for(self) -> float | None:
        since = self._gone()
        return None if since is None else (self.now - since) / 1000 if since else NOT_SO

    def _gone(self) -> int | None:
        """Since when everybody is away; 0 when somebody is there, or has just closed the door."""
        since = left_at(self.home, self.now)
        if not since:
            return since
        sure_at = since + self.home.empty_after
        if self.now < sure_at:
            self.wake(sure_at)
            return 0
        return since

    def _lying(self) -> bool:
        return lying(self.home, self.now)

    def _several(self) -> bool:
        return self._within(self.home.memory.where.several_at, SEVERAL_FOR)

    def _carer_due(self, slack: float) -> bool:
        found, edge = carers.due(self.home, self.now, self.zone, round(slack * 1000))
        self.wake(edge)
        return found

    def _carer_missed(self, slack: float) -> bool:
        found, edge = carers.missed(self.home, self.now, self.zone, round(slack * 1000))
        self.wake(edge)
        return found is not None

    def _mode(self, name: str) -> bool:
        for span in self.home.modes:
            if span.mode == name and span.begins <= self.now < span.ends:
                self.wake(span.ends)
                return True
            if span.mode == name:
                self.wake(span.begins)
        return False

    def _mode_over(self) -> bool:
        found = False
        for span in self.home.modes:
            self.wake(span.begins)
            self.wake(span.ends)
            if not span.ended and span.ends <= self.now:
                found = self._within(span.ends, ASKED_FOR) or found
        return found

    def _said(self, quantity: str, seconds: float) -> int:
        return sum(
            1
            for d in self.home.devices.values()
            if (f := d.fields.get(quantity)) is not None and self.has_said(f, quantity, seconds)
        )

    def has_said(self, f: Field, quantity: str, seconds: float) -> bool:
        """Whether a device says it, or did within that time."""
        return (f.value is True and quantity not in PRESSES) or self._within(said_until(f, quantity), seconds)

    def _near(self, quantity: str, seconds: float) -> int:
        last = [
            at for home in self.neighbours(self.home.name) if (at := last_said(home, quantity)) <= self.now
        ]
        return sum(1 for at in last if self._within(at, seconds))

    def _staying(self, room: str) -> float:
        where = self.home.memory.where
        return (self.now - where.since) / 1000 if where.room == room else NOT_SO

    def _covers(self, room: str) -> bool:
        return any(
            room_kind(d.room) == room
            and (d.kind in (Kind.motion, Kind.presence, Kind.bed_belt) or "motion" in d.fields)
            and d.memory.heard_at
            and self.now - d.memory.heard_at <= allowed(d)
            for d in self.home.devices.values()
        )

    def _highest(self, quantity: str) -> float | None:
        found: float | None = None
        for device in self.home.devices.values():
            f = device.fields.get(quantity)
            if f is not None and isinstance(f.value, int | float) and self._within(f.at, 600):
                found = f.value if found is None else max(found, f.value)
        return found

    def _heating(self) -> float:
        return max(
            (
                heating(f)
                for d in self.home.devices.values()
                if (f := d.fields.get("temperature")) is not None and self._within(f.at, 300)
            ),
            default=0.0,
        )

    def _warming(self) -> bool:
        return self._heating() >= WARMING

    def _openings(self, seconds: float) -> int:
        return sum(self._within(at, seconds) for d in self.instance.group for at in d.memory.turns)

    def _used(self, seconds: float) -> float | None:
        self.wake(self.now + METER_LOOK)
        return used(self.home, self.now - round(seconds * 1000), self.now)

    def _flowing(self) -> float:
        best = NOT_SO
        for device in self.home.devices.values():
            memory = device.memory
            if memory.flow_since and (end := flow_until(memory)) >= self.now:
                self.wake(end + 1)
                best = max(best, (self.now - memory.flow_since) / 1000)
        return best

    def _unwell(self, seconds: float) -> bool:
        """Far from normal by NEWS2's urgent band (domain 3.2), or a finding about vital signs is open."""
        self.wake(self.now + VITALS_LOOK)
        return bool(self.what_is_unwell(seconds))

    def what_is_unwell(self, seconds: float) -> list[Evidence]:
        """What shows it, one thing of it: what an open finding rests on, else a reading outside the band."""
        for instance in self.home.instances.values():
            if instance.episode.phase == ACTIVE and instance.rule.doc.cause == "vitals":
                return list(instance.episode.evidence)
        for device in self.home.devices.values():
            fields = device.fields
            quality = fields.get("signal_quality")
            if (
                quality is not None
                and isinstance(quality.value, int | float)
                and quality.value < LEAST_QUALITY
            ):
                continue
            for quantity, low, high in (("heart_rate", 40, 131), ("respiration_rate", 8, 25)):
                f = fields.get(quantity)
                if (
                    f is not None
                    and isinstance(f.value, int | float)
                    and f.value > 0
                    and not low < f.value < high
                    and self._within(f.at, seconds)
                ):
                    return [of_field(device, quantity, f)]
        return []

    def _arriving(self) -> bool:
        """The door opened on a home where nobody had been since it last closed."""
        opened_at = self.home.memory.where.entered_at
        return bool(opened_at) and any(f.rose_at == opened_at for f in self._fields("door_open"))

    def _returned(self, seconds: float) -> bool:
        return self._within(self.home.memory.where.entered_at, seconds)

    def _begun(self, since: int) -> bool:
        """Whether the day has begun for somebody: any sign since that time of today."""
        day = datetime.fromtimestamp(self.now / 1000, self.zone).date()
        return last_sign(self.home, DAY_SIGNS, self.now).at >= instant(day, since, self.zone)

    def _active(self, *codes: str) -> bool:
        return any(
            i.episode.phase == ACTIVE and i.rule.code in codes and not i.test
            for i in self.home.instances.values()
        )
