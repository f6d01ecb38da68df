"""The parts of a home at work: its devices, and each rule with each subject. Start at `LiveHome`.

A `LiveHome` is built around its memory from the registry and the rules and can be thrown away at any time.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final

import msgspec

from care.messages import Report
from care.site import Device, Home, Resident
from care.words import Kind
from rules.memory import DeviceMemory, Episode, HomeMemory
from rules.samples import Ask, Band
from rules.windows import Hours
from rules.words import room_kind

if TYPE_CHECKING:  # the catalogue names detectors, and those look at live homes
    from rules.catalog import Rule
    from rules.detectors import Verdict

SEEN_MOVING = 5 * 60_000
"""A motion sensor that still says true is believed so long; real ones clear in one or two minutes (domain 2.2)."""
ON_CHANGE_GAP = 25 * 3600_000
"""Silence of a mat that speaks only on change: a day and an hour, as for other sensors without an alarm."""
NEVER: Final = 1 << 62
EMPTY: Final = 15 * 60_000
"""Nothing seen for so long after the door closed: nobody is in (domain 3.5 DR4), unless somebody set it otherwise."""
WINDOW: Final = 28
"""Nights that teach what is usual (domain 3.2 VT10), unless somebody set it otherwise."""
LOOK_AGAIN = 6 * 3600_000
"""A silent device is asked again so late whether it is stuck: days are at stake, not hours."""


NONE: Final[frozenset[str]] = frozenset()
NO_ALARM: Final = frozenset({Kind.door, Kind.motion, Kind.presence, Kind.vibration})
HABIT: Final = 3


class LiveDevice:
    """A device at work: its memory, what the site file says of it, and who listens to which quantity."""

    __slots__ = (
        "band",
        "bed",
        "bedfellows",
        "beside",
        "counted",
        "due",
        "fields",
        "keep",
        "kind",
        "listen",
        "memory",
        "name",
        "own",
        "presses",
        "resident",
        "room",
        "sampled",
        "silence",
        "site",
        "unlimited",
        "wanted",
        "withheld",
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
        self.withheld: frozenset[str] = NONE
        """Quantities that its people keep from us."""
        self.own: dict[str, tuple[Instance, ...]] = {}
        self.presses: dict[str, tuple[Instance, ...]] = {}
        self.listen: tuple[Instance, ...] = ()
        self.counted = False
        """One of those has something open, and counts what it says."""
        self.wanted: frozenset[str] = frozenset()
        """Quantities whose change somebody wants to hear of."""
        self.due = memory.due
        """When the personal clock wants to hear of it again, whatever it says (rules.personal)."""
        self.bed: str | None = None
        """The bed it belongs to, once that was asked; empty when to none."""
        self.sampled: tuple[Instance, ...] = ()
        """Rules that look at its samples; `keep` is how far back (ms), `band` where none of them has anything to say."""
        self.unlimited: tuple[Instance, ...] = ()
        """Those of them without limits that make the band."""
        self.keep = 0
        self.band = Band()
        self.bedfellows: tuple[LiveDevice, ...] = ()
        """Other devices of the same bed."""
        self.beside: tuple[LiveDevice, ...] = ()
        """Of a gateway: the other devices of its home. What is heard of them comes by way of it."""

    def bed_says(self) -> Any:
        """Whether somebody is in bed by the other devices of the bed; without any, a pulse is proof enough."""
        told = [f.value for d in self.bedfellows if (f := d.fields.get("in_bed")) is not None]
        return True if not told or any(told) else None if None in told else False

    @property
    def on_change(self) -> bool:
        """It says nothing while nothing changes: a mat; or a sensor without a heartbeat, by its habit.

        A habit is coming back by itself, again and again, from pauses longer than its kind may be silent.
        """
        memory = self.memory
        if not memory.speaks_on_change:
            return False
        if self.kind == Kind.bed_belt:
            return True
        return (
            self.kind in NO_ALARM and sum(end - since > self.silence for since, end in memory.gaps) >= HABIT
        )


@dataclass(frozen=True, slots=True)
class Span:
    """A mode of a home with its times (ms)."""

    mode: str
    begins: int
    ends: int
    ended: bool


class LiveHome:
    """A home at work."""

    __slots__ = (
        "asked", "attentive", "devices", "empty_after", "instances", "limits_until", "memory", "modes", "name", "outage",
        "personal", "site", "usual", "wide", "window", "woken",
    )  # fmt: skip

    def __init__(self, name: str, memory: HomeMemory) -> None:
        self.name = name
        self.memory = memory
        self.site: Home | None = None
        self.devices: dict[str, LiveDevice] = {}
        self.instances: dict[str, Instance] = {}
        self.wide: dict[str, tuple[Instance, ...]] = {}
        """Who asks for a quantity of anybody here, were it only while it is under way."""
        self.woken: dict[str, tuple[Instance, ...]] = {}
        """Those of them that may begin by it."""
        self.asked: frozenset[str] = NONE
        """Quantities, besides those that are always wanted, that a rule asks for just now because it is under way."""
        self.personal: tuple[Instance, ...] = ()
        """Those that ask what is usual here."""
        self.modes: list[Span] = []
        """Modes of the site file and those set at run time, in order of their beginning."""
        self.limits_until = 0
        """When limits change next because a temporary one begins or ends; 0 for never."""
        self.empty_after = EMPTY
        """Nothing seen for so long (ms) after the front door closed: nobody is in (rule DR4)."""
        self.window = WINDOW
        """So many nights and days teach what is usual here (`usual_nights` of VT10)."""
        self.outage: Instance | None = None
        """The rule that watches whether this home is heard at all."""
        self.usual: dict[tuple[str, date, int, bytes], float | None] = {}
        """Minutes at which something usually happens, by the day, the nights that teach and the record they were reckoned for; forgotten without harm."""
        self.attentive: set[str] = set()
        """Instances that look again at every report of their devices: they could not tell, or wait for confirmation."""


class Instance:
    """One rule with one subject."""

    __slots__ = (
        "armed", "ask", "calm", "clear_hold", "device", "episode", "gap", "group", "home", "hours", "key", "kind", "lane",
        "limits", "looks", "merge", "minutes", "not_before", "parameters", "patience", "resident", "rests", "room", "rule", "settle", "sources", "subject", "test", "today",
        "turn", "verdict",
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
        self.device: LiveDevice | None = group[0] if rule.doc.on.subject == "device" and group else None
        first = group[0] if group else None
        self.kind = first.kind if first else ""
        self.room = first.room if first and rule.doc.on.subject != "home" else ""
        self.resident = first.resident if first else None
        if rule.doc.on.subject == "home":
            people = home.site.residents if home.site is not None else []
            self.resident = people[0] if len(people) == 1 else None
        self.lane = 0 if rule.urgent else 1
        self.turn = (rule.order, self.key)
        """Its place among those that look at the same report."""
        self.rests: frozenset[str] | None = None
        """While it is idle: only news of these quantities, or its own time, can make it anything else; None when that
        is not known. Forgotten without harm."""
        self.episode = Episode()
        self.armed = 0
        self.parameters: dict[str, Any] = {}
        self.limits: dict[str, Any] = {}
        self.sources: dict[str, Any] = {}
        """Where parameters come from that are no defaults (rules.limits.Source)."""
        self.hours: Hours | None = None
        self.today: tuple[int, int, int] | None = None
        """The day for which hours were learned: its beginning, its end, and the end of the day the clock was in."""
        self.verdict: Verdict | None = None
        """What its detector said last, while that stands."""
        self.settle = self.gap = self.clear_hold = self.merge = 0
        self.patience = 0
        """Of an absence: how long (ms) it says nothing at least."""
        self.ask: Ask | None = None
        self.not_before: dict[tuple[str, str, str, float, int], int] = {}
        """Until when (ms) a question about samples cannot be answered yes; forgotten without harm."""
        self.minutes: dict[str, tuple[int, bool | None]] = {}
        """What was found of a belt's samples up to this minute; forgotten without harm."""
        self.looks: tuple[tuple[int, bool, float], ...] = ()
        """Limits of samples beyond which it has something to say: place, above, limit."""
        self.calm = False
        """Nothing but a mark in its belts' samples can make it anything else, and they had none when it was looked at."""


class Trigger(msgspec.Struct):
    """The report behind an evaluation. A struct, because one is made for every report."""

    report: Report
    device: LiveDevice
    at: int
    received: int
    changed: AbstractSet[str] = NONE


_HOURS: dict[tuple[int, int, str], Hours] = {}


def hours_of(opens: int, closes: int, zone: Any) -> Hours:
    key = (opens, closes, zone.key)
    found = _HOURS.get(key)
    if found is None:
        found = _HOURS[key] = Hours(opens, closes, zone)
    return found


ALREADY = 60_000
"""A device heard so shortly before its gateway is counted as heard with it: their messages overtake each other."""


def is_online(gateway: LiveDevice) -> bool:
    """Whether a gateway's `online` is believed. A retained copy of it is no sign of life: the gateway was there when it
    said so, which may be days ago. It counts as soon as a device of the home is heard, after the last will if there was one.
    """
    m = gateway.memory
    if m.online_at <= m.offline_at or not m.online_kept:
        return m.online_at > m.offline_at
    since = max(m.offline_at, m.online_at - ALREADY) if m.offline_at else 0
    return any(d.memory.heard_at > since for d in gateway.beside)


def is_declared_lost(gateway: LiveDevice) -> bool:
    """Whether a gateway's last will stands: nothing that is believed came after it."""
    m = gateway.memory
    return bool(m.offline_at) and m.heard_at <= m.offline_at and not is_online(gateway)


def has_reported(device: LiveDevice) -> bool:
    """Whether anything that is believed was ever heard of it, were it only its end."""
    m = device.memory
    return bool(m.heard_at or m.offline_at or (m.online_at and (not m.online_kept or is_online(device))))


def silent_since(device: LiveDevice) -> int | None:
    """Since when (ms) a device has been silent, counted from its last live word; None when it cannot be silent.

    A gateway that declares itself is silent from its last will on, and not before: the broker tells.
    """
    m = device.memory
    if device.kind == Kind.gateway:
        if is_declared_lost(device):
            return m.offline_at
        if m.online_at and is_online(device):
            return None
    return m.heard_at or m.known_at or None


def bed_of(device: LiveDevice) -> str:
    """The bed of a device, by name: belts and mats of the same resident and room are one bed (contract section 3)."""
    return f"bed:{device.resident.id if device.resident else ''}:{room_kind(device.room)}"
