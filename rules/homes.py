"""The homes of a worker: what is remembered of each, its rules and subjects, its timers, its snapshot. Start at `Homes`.

Everything here but the memory is built from the registry and the rule book, and can be built again at any time.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from heapq import heappush
from typing import Any, Final, Self
from weakref import WeakKeyDictionary

import msgspec

from care.ids import epoch_ms
from care.messages import URGENT, Finding, HomeHabits, HomeHealth
from care.site import Registry
from care.words import Kind
from devices.consent import withheld
from devices.kinds import KINDS
from devices.models import expected, silence
from devices.quantities import PRESSES, QUANTITIES
from rules import personal
from rules.areas import Areas
from rules.catalog import Rule, RuleBook, Shape, Subject
from rules.conditions import Compiled
from rules.health import health_of
from rules.learned import learned
from rules.limits import as_limits, traced
from rules.live import NEVER, Instance, LiveDevice, LiveHome, Trigger, bed_of, hours_of, silent_since
from rules.memory import (
    ACTIVE,
    IDLE,
    SCHEMA,
    Checked,
    DeviceMemory,
    Episode,
    HomeMemory,
    PackedHome,
    Samples,
    Snapshot,
    check,
    forget_values,
    pack,
    pack_home,
    unpack_home,
)
from rules.modes import next_edge, spans
from rules.outage import loss_of
from rules.samples import PLACES, TELLING, Band, Filter
from rules.view import EngineView

HEALTH: Final = frozenset({"battery", "battery_low", "tamper", "fault", "in_bed"})
ALWAYS_WANTED: Final = HEALTH | URGENT | frozenset(q.name for q in QUANTITIES.values() if not q.numeric)
"""Quantities whose change is always looked at."""


class Homes(ABC):
    """Owner of what is remembered of every home."""

    def __init__(self, registry: Registry, rulebook: RuleBook) -> None:
        self.registry = registry
        self.rulebook = rulebook
        self.started_at = 0
        self.health_changed: set[str] = set()
        """Homes whose health may have changed; whoever publishes it empties this."""
        self.forgotten: set[str] = set()
        """Homes of which something learnt was forgotten; whoever keeps or shows what was learnt empties this."""
        self.dropped: Counter[str] = Counter()
        """Readings that came in after their people kept them from us, by class of data."""
        self._homes: dict[str, LiveHome] = {}
        self._unborn: list[str] = sorted(registry.homes)
        self._heaps: tuple[list[tuple[int, str, int, str]], ...] = ([], [])
        self._packed: dict[str, PackedHome] = {}
        self._asleep: set[str] = set()
        """Homes of a restored snapshot that nothing has happened to yet: their memory is in `_packed`."""
        self._dirty: set[str] = set()
        self._changed: set[str] = set()
        self._view = EngineView(registry)
        self._view.neighbours = self._neighbours
        self._shared = limits_of(registry, rulebook)
        self._sieve = sieve_of(rulebook)
        self._areas = Areas(registry)
        self._area_limits: dict[str, Any] | None = None
        self._news: list[tuple[int, str, str]] = []
        """Homes that went dark or came back, to be settled once the step that found it is over."""
        self._now = 0

    def _neighbours(self, name: str) -> list[LiveHome]:
        found = (self._home(other, greet=False) for other in self._areas.above_and_below(name))
        return [home for home in found if home is not None]

    def _begin(self, now: datetime) -> None:
        at = epoch_ms(now)
        self._now = at
        if not self.started_at:
            self.started_at = at
        if self._unborn:
            unborn, self._unborn = self._unborn, []
            for name in unborn:
                if name not in self._homes and name not in self._asleep:
                    self._adopt(name, at)

    def _home(self, name: str, *, greet: bool = True) -> LiveHome | None:
        """A home we remember, woken if it slept since the restart; None for one we have never heard of."""
        home = self._homes.get(name)
        if home is None and name in self._asleep:
            self._asleep.discard(name)
            home = self._build(name, unpack_home(self._packed[name].data))
            if self._packed[name].book != self.rulebook.version:
                # A rule that came with a new version of the book has no timer yet.
                self._dirty.add(name)
                for instance in home.instances.values():
                    if instance.episode == EMPTY and self._lacks_timer(home, instance):
                        instance.episode.wake = self._now + 1
                        self._arm(instance)
            site = self.registry.homes.get(name)
            if greet and site is not None and any(d.id not in home.memory.devices for d in site.devices):
                self._greet(home, self._now)
                home = self._homes[name]
        return home

    def _lacks_timer(self, home: LiveHome, instance: Instance) -> bool:
        """Whether an instance that knows nothing ought to be waiting for a silence."""
        if instance is home.outage:
            loss, next_look = loss_of(home, self._now, instance.limits)
            return loss is not None or next_look != NEVER
        if instance.rule.doc.shape is not Shape.absence or instance.device is None:
            return False
        dark = home.memory.dark
        return silent_since(instance.device) is not None and not (dark is not None and dark.covers(self._now))

    def _adopt(self, name: str, now: int) -> LiveHome:
        self._greet(self._build(name, HomeMemory()), now)
        return self._homes[name]

    def _greet(self, home: LiveHome, now: int) -> None:
        """Count silence of devices we have not met from now on, and set the first timers."""
        site = self.registry.homes.get(home.name)
        new = [d.id for d in site.devices if d.id not in home.memory.devices] if site else []
        for device_id in new:
            home.memory.devices[device_id] = DeviceMemory(known_at=now)
        if new:
            home = self._build(home.name, home.memory)
        out: list[Finding] = []
        for instance in home.instances.values():
            if instance.rule.doc.shape is Shape.absence and instance.episode.phase == IDLE:
                self._evaluate(instance, now, None, out)
        self._dirty.add(home.name)
        self.health_changed.add(home.name)

    def _meet(self, home: LiveHome, name: str, kind: str) -> LiveDevice:
        """A device the registry does not know (yet): it is heard all the same."""
        home.memory.devices[name] = DeviceMemory(known_at=self._now, kind=kind)
        device = LiveDevice(name, home.memory.devices[name])
        self._describe(home, device)
        home.devices[name] = device
        self._plan(home)
        return device

    def _build(self, name: str, memory: HomeMemory) -> LiveHome:
        """The working parts of a home around its memory; timers are set from the episodes."""
        home = LiveHome(name, memory)
        home.site = self.registry.homes.get(name)
        home.modes = spans(home.site, memory.orders, self.registry.zone)
        home.limits_until = next_edge(home.site, memory.orders, self.registry.zone, self._now)
        self._set_ways(home, self._now)
        for device_id, device_memory in memory.devices.items():
            device = LiveDevice(device_id, device_memory)
            self._describe(home, device)
            home.devices[device_id] = device
        self._forget_withheld(home)
        self._homes[name] = home
        self._areas.remember(name, memory.dark, memory.incident)
        self._plan(home)
        for instance in home.instances.values():
            if is_attentive(instance):
                home.attentive.add(instance.key)
        return home

    def _forget_withheld(self, home: LiveHome) -> None:
        """Forget what devices said of what their people keep from us, and, once, what was learnt of it."""
        for device in home.devices.values():
            before, now = device.memory.withheld, sorted(device.withheld)
            if now == before:
                continue
            device.memory.withheld = now
            self._dirty.add(home.name)
            said = device.withheld.intersection(device.fields)
            forget_values(device.memory, device.withheld)
            personal.attach(device)
            if said:
                personal.forget(home, device, said)
                self.forgotten.add(home.name)

    def _describe(self, home: LiveHome, device: LiveDevice) -> None:
        found = self.registry.devices.get(device.name)
        if found is None or found[0].id != home.name:
            device.kind = device.memory.kind
            known = KINDS.get(device.kind)  # type: ignore[call-overload]  # Kind is a str
            device.silence = round((known.blue_after if known else UNLISTED_SILENCE).total_seconds() * 1000)
            personal.attach(device)
            return
        device.site = found[1]
        device.kind = found[1].kind.value
        device.room = found[1].room
        device.resident = self.registry.resident_of(found[0], found[1])
        device.withheld = withheld(self.registry, found[0], found[1])
        blue, _ = silence(found[1])
        device.silence = round(blue.total_seconds() * 1000)
        personal.attach(device)

    def _plan(self, home: LiveHome) -> None:
        """Which rules look at which subjects here, and who listens to which quantity."""
        old = home.instances
        made: dict[str, Instance] = {}
        # By name, as memory is packed: who was met first must not matter after a restart.
        home.devices = dict(sorted(home.devices.items()))
        devices = list(home.devices.values())
        for gateway in devices:
            if gateway.kind == Kind.gateway:
                gateway.beside = tuple(d for d in devices if d.kind != Kind.gateway)
        heard = {q for d in devices for q in d.fields}
        kinds = {d.kind for d in devices}
        for rule in self.rulebook.rules.values():
            on = rule.doc.on
            if (on.quantity is not None and on.quantity not in heard) or (
                on.kinds and kinds.isdisjoint(on.kinds)
            ):
                continue  # most of the catalogue, in most homes
            for subject, group in _subjects(rule, home, devices):
                key = f"{rule.id}|{subject}"
                instance = old.get(key)
                if instance is None or [d.name for d in instance.group] != [d.name for d in group]:
                    instance = self._instance(rule, home, subject, group, old.get(key))
                made[key] = instance
        for key in [*old, *home.memory.episodes]:
            if key not in made and (instance := self._kept(home, key)) is not None:
                made[key] = instance
        home.instances = made
        home.outage = next((i for i in made.values() if is_home_outage(i)), None)
        self._connect(home, devices)

    def _connect(self, home: LiveHome, devices: list[LiveDevice]) -> None:
        """Who listens to which quantity of which device."""
        own: dict[str, dict[str, list[Instance]]] = {d.name: {} for d in devices}
        listen: dict[str, list[Instance]] = {d.name: [] for d in devices}
        sampled: dict[str, list[Instance]] = {d.name: [] for d in devices}
        wide: dict[str, list[Instance]] = {}
        for instance in home.instances.values():
            rule, device = instance.rule, instance.device
            if device is not None and (rule.listens or rule.doc.shape is Shape.absence):
                listen[device.name].append(instance)
            if rule.sampled:
                for member in instance.group:
                    sampled[member.name].append(instance)
            if instance.test:
                continue
            for member in instance.group:
                found = own[member.name]
                for quantity in rule.own:
                    found.setdefault(quantity, []).append(instance)
            for quantity in rule.wide:
                wide.setdefault(quantity, []).append(instance)
        home.wide = {q: tuple(v) for q, v in wide.items()}
        home.woken = {
            q: woken for q, v in wide.items() if (woken := tuple(i for i in v if q in i.rule.when.wide))
        }
        home.personal = tuple(i for i in home.instances.values() if i.rule.personal and not i.test)
        # How fast it grows warm is measured from before anybody asks (SM2).
        awaited = ALWAYS_WANTED.union(home.woken, {"temperature"} & wide.keys())
        for device in devices:
            device.own = {q: tuple(v) for q, v in own[device.name].items()}
            device.presses = {
                q: tuple(
                    i
                    for i in device.own[q]
                    if i.rule.doc.shape is Shape.press and i.rule.doc.on.quantity == q
                )
                for q in PRESSES
                if q in device.own
            }
            _sample(device, sampled[device.name])
            device.wanted = awaited.union(device.own)
            device.listen = tuple(listen[device.name])
        self._heed(home)

    def _heed(self, home: LiveHome) -> None:
        """Who is under way: only then a rule asks for what others than its subject say, or counts what its device says."""
        under_way = [i for i in home.instances.values() if i.episode.phase != IDLE]
        home.asked = frozenset(q for i in under_way if not i.test for q in i.rule.wide)
        for device in home.devices.values():
            device.counted = any(i.episode.phase == ACTIVE for i in device.listen)

    def _kept(self, home: LiveHome, key: str) -> Instance | None:
        """Notices and declared tests come about at run time; they are found again by their name."""
        rule_id, _, rest = key.partition("|")
        rule = self.rulebook.rules.get(rule_id)
        subject, _, mark = rest.partition("|")
        at_run_time = rule is not None and (
            rule.doc.shape is Shape.notice or rule.doc.on.subject is Subject.area or mark == "test"
        )
        if rule is None or not at_run_time:
            return None
        known = home.instances.get(key)
        if known is not None and known.rule is rule:
            return known
        device = home.devices.get(subject)
        if device is None and rule.doc.on.subject not in (Subject.home, Subject.area):
            return None
        group = [device] if device is not None else []
        return self._instance(rule, home, subject, group, known, test=mark == "test")

    def _instance(
        self,
        rule: Rule,
        home: LiveHome,
        subject: str,
        group: list[LiveDevice],
        old: Instance | None,
        *,
        test: bool = False,
    ) -> Instance:
        instance = Instance(rule, home, subject, group, test=test)
        first = group[0] if group else None
        self._set_limits(instance, first, self._now)
        episode = home.memory.episodes.get(instance.key)
        if episode is None and old is not None:
            episode = old.episode
        if episode is None:
            episode = Episode()
        home.memory.episodes[instance.key] = episode
        instance.episode = episode
        if episode.phase == IDLE and not episode.wake and not test and _begins_by_time(rule, home):
            episode.wake = self._now + 1
        self._arm(instance)
        return instance

    def _set_limits(self, instance: Instance, first: LiveDevice | None, at: int) -> None:
        """The parameters in force from this moment on, and the times made of them."""
        rule = instance.rule
        instance.rests, instance.calm = None, False
        instance.parameters, instance.limits, instance.sources = self._in_force(
            rule, instance.home, instance, first, at
        )

        def span(part: Compiled | None) -> int:
            return 0 if part is None else round(part.value(instance) * 1000)

        instance.settle, instance.gap = span(rule.settle), span(rule.max_gap)
        instance.clear_hold, instance.merge = span(rule.clear_hold), span(rule.merge)
        if rule.doc.shape is Shape.absence and not any(grade.after.functions for grade in rule.grades):
            instance.patience = min(span(grade.after) for grade in rule.grades)
        if instance.gap:
            paces = (expected(d.site) for d in instance.group if d.site)
            instance.gap = max(instance.gap, *(round(3000 * p.total_seconds()) for p in paces if p), 0)
        instance.today = None
        if rule.hours is not None and not rule.learns_hours:
            opens, closes = rule.hours[0].value(instance), rule.hours[1].value(instance)
            instance.hours = hours_of(opens, closes, self.registry.zone)

    def _set_ways(self, home: LiveHome, at: int) -> None:
        """What is set for the home as a whole, and asked by many rules: when it is empty, how far back usual reaches."""
        for rule_id, name in (("DR4", "away_minutes"), ("VT10_usual", "usual_nights")):
            rule = self.rulebook.rules.get(rule_id)
            if rule is None or name not in rule.doc.parameters:
                continue
            _, limits, _ = self._in_force(rule, home, Instance(rule, home, home.name, []), None, at)
            if rule_id == "DR4":
                home.empty_after = round(limits[name] * 1000)
            else:
                home.window = round(limits[name])

    def _in_force(
        self, rule: Rule, home: LiveHome, instance: Instance, first: LiveDevice | None, at: int
    ) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        """Parameters, limits, and where those come from that are no defaults; people without temporary limits share them with everybody like them."""
        site = first.site if first is not None else None
        person = instance.resident
        people = [person] if person is not None else home.site.residents if home.site is not None else []
        key = None
        orders = home.memory.orders
        own = any(p.overrides for p in people) or (orders is not None and orders.overrides)
        if not own:
            alike = tuple((p.tier.value, *p.conditions, "|", *p.flags, repr(p.limits)) for p in people)
            key = (rule.id, instance.kind, expected(site) if site is not None else None, alike)
            found = self._shared.get(key)
            if found is not None:
                return found
        given = traced(
            rule,
            self.registry,
            home=home.site,
            resident=person,
            device=site,
            kind=instance.kind,
            orders=orders,
            at=at,
        )
        parameters = {name: inherited.value for name, inherited in given.items()}
        sources = {name: told for name, inherited in given.items() if (told := inherited.said()) is not None}
        made = (parameters, as_limits(rule, parameters), sources)
        if key is not None:
            self._shared[key] = made
        return made

    def _arm(self, instance: Instance) -> None:
        wake = instance.episode.wake
        if wake and (not instance.armed or wake < instance.armed):
            instance.armed = wake
            heappush(
                self._heaps[instance.lane], (wake, instance.home.name, instance.rule.order, instance.key)
            )

    @abstractmethod
    def _evaluate(self, instance: Instance, at: int, trigger: Trigger | None, out: list[Finding]) -> None:
        """Look at an instance at this moment: its condition, its timers, what it says."""

    # ------------------------------------------------------------------------------ memory and health

    def changed_homes(self) -> set[str]:
        """Homes whose memory changed since this was last asked."""
        self._repack()
        changed, self._changed = self._changed, set()
        return changed

    def _repack(self) -> None:
        for name in self._dirty:
            home = self._homes.get(name)
            if home is None:
                continue
            memory = home.memory
            kept = {k: e for k, e in memory.episodes.items() if e != EMPTY}
            data = pack_home(msgspec.structs.replace(memory, episodes=kept))
            known = self._packed.get(name)
            if known is None or known.data != data or known.book != self.rulebook.version:
                wakes: tuple[list[int], list[int]] = ([], [])
                for instance in home.instances.values():
                    if instance.episode.wake:
                        wakes[instance.lane].append(instance.episode.wake)
                self._packed[name] = PackedHome(
                    min(wakes[0], default=0), min(wakes[1], default=0), data, self.rulebook.version
                )
                self._changed.add(name)
        self._dirty.clear()

    def snapshot(self, homes: Iterable[str] | None = None) -> bytes:
        """Everything remembered (of these homes, or of all) as bytes; the same memory gives the same bytes."""
        self._repack()
        wanted = self._packed if homes is None else {h: self._packed[h] for h in homes if h in self._packed}
        return pack(Snapshot(SCHEMA, self.started_at, wanted))

    @classmethod
    def restore(cls, registry: Registry, rulebook: RuleBook, *data: bytes | Checked) -> Self:
        """An engine that goes on exactly where the one of the snapshot stopped; several parts may be given.

        Of several parts with the same home the last one counts. What was looked through already (`rules.memory.check`)
        is not decoded again. Raises ValueError when a part is not a snapshot of this schema.
        """
        engine = cls(registry, rulebook)
        for part in data:
            checked = part if isinstance(part, Checked) else check(part)
            snapshot = checked.snapshot
            known_outages = {name: (dark, incident) for name, dark, incident in checked.outages}
            for name in snapshot.homes:
                engine._areas.remember(name, *known_outages.get(name, (None, None)))
            if snapshot.started_at:
                known = engine.started_at
                engine.started_at = min(known, snapshot.started_at) if known else snapshot.started_at
            for name, packed in snapshot.homes.items():
                engine._packed[name] = packed
                engine._asleep.add(name)
                for lane, wake in enumerate((packed.urgent, packed.normal)):
                    if wake:
                        heappush(engine._heaps[lane], (wake, name, -1, ""))
        engine._unborn = [name for name in sorted(registry.homes) if name not in engine._asleep]
        return engine

    def homes(self) -> list[str]:
        """Every home with a memory or in the registry."""
        return sorted({*self._homes, *self._asleep, *self.registry.homes})

    def health(self, home: str, now: datetime) -> HomeHealth:
        """Which devices of a home may be believed just now, and so whether it is protected. Changes nothing."""
        return health_of(self.registry, home, self._home(home, greet=False), now)

    def usual(self, home: str, now: datetime) -> HomeHabits:
        """What is usual in a home, as far as it is known. Changes nothing."""
        return learned(home, self._home(home, greet=False), now, self.registry.zone)

    def lessons(self, home: str) -> int:
        """Another number whenever what is usual there may have changed; 0 while nothing was learnt."""
        known = self._homes.get(home)
        clock = known.memory.clock if known is not None else None
        return clock.day_ends + sum(bed.ends for bed in clock.beds.values()) if clock is not None else 0


UNLISTED_SILENCE = timedelta(hours=3)
"""For a device of no known kind: three missed hourly heartbeats."""

EMPTY: Final = Episode()
_DEFAULTS = {name: getattr(EMPTY, name) for name in Episode.__struct_fields__}


def forget(episode: Episode) -> None:
    """Back to idle, in place."""
    for name, value in _DEFAULTS.items():
        setattr(episode, name, [] if isinstance(value, list) else value)


def is_home_outage(instance: Instance) -> bool:
    return instance.rule.doc.shape is Shape.outage and instance.rule.doc.on.subject is Subject.home


def is_attentive(instance: Instance) -> bool:
    episode = instance.episode
    return episode.blind or episode.gap or (episode.phase != IDLE and instance.rule.confirms)


Limits = dict[tuple[Any, ...], tuple[dict[str, Any], dict[str, Any], dict[str, Any]]]
_LIMITS: WeakKeyDictionary[Registry, WeakKeyDictionary[RuleBook, Limits]] = WeakKeyDictionary()


def limits_of(registry: Registry, rulebook: RuleBook) -> Limits:
    """What is in force for people who are alike. Both arguments never change, so every engine of the two shares it."""
    return _LIMITS.setdefault(registry, WeakKeyDictionary()).setdefault(rulebook, {})


LEAST_KEPT: Final = 10 * 60_000
"""Samples are kept so long at least (ms), however short the windows of the rules."""


def sieve_of(rulebook: RuleBook) -> Filter:
    """The glitch filter: rule VT9, which nobody may change."""
    rule = rulebook.rules.get("VT9")
    return Filter.of({n: p.default for n, p in rule.doc.parameters.items()}) if rule is not None else Filter()


def _sample(device: LiveDevice, instances: list[Instance]) -> None:
    """Which rules look at the samples of a device, how far back, and where none of them has anything to say."""
    device.sampled = tuple(sorted(instances, key=lambda i: (i.rule.order, i.key)))
    fellows = {id(d): d for i in instances for d in i.group if d is not device}
    device.bedfellows = tuple(fellows.values())
    device.keep, device.band = LEAST_KEPT if instances else 0, Band()
    for instance in instances:
        for m in instance.rule.mosts:
            device.keep = max(device.keep, round(m.window(instance) * 1000))
        instance.looks = tuple(
            (PLACES[m.quantity], m.op in (">", ">="), m.limit(instance)) for m in instance.rule.when.mosts
        )
        for look in instance.looks:
            device.band = device.band.without(*look)
    device.unlimited = tuple(i for i in device.sampled if not i.looks)
    if instances and device.memory.samples is None:
        device.memory.samples = Samples()
        told = device.fields.get("in_bed")
        if told is not None and told.changes and told.value is True:
            # It said that the bed was empty before it ever measured.
            device.memory.samples.entered_at = told.since
        elif told is not None and told.value is False:
            device.memory.samples.out_since = told.since


def _subjects(rule: Rule, home: LiveHome, devices: list[LiveDevice]) -> list[tuple[str, list[LiveDevice]]]:
    """The subjects a rule looks at in a home: name and devices."""
    on = rule.doc.on
    if rule.doc.shape in (Shape.notice, Shape.filter):
        return []
    fitting = [
        d
        for d in devices
        if (on.quantity is None or on.quantity in d.fields) and (not on.kinds or d.kind in on.kinds)
    ]
    match on.subject:
        case Subject.device:
            return [(d.name, [d]) for d in fitting]
        case Subject.home:
            return [(home.name, fitting)] if fitting else []
        case Subject.area:
            return []
        case Subject.bed:
            beds: dict[str, list[LiveDevice]] = {}
            for d in fitting:
                beds.setdefault(bed_of(d), [])
            for d in devices:
                bed = beds.get(bed_of(d))
                if bed is not None and not TELLING.isdisjoint(d.fields):
                    bed.append(d)
            return list(beds.items())


def _begins_by_time(rule: Rule, home: LiveHome) -> bool:
    """Rules for which nothing need be heard: they look for themselves from the beginning."""
    asks = rule.when.functions
    planned = home.site is not None and bool(home.site.carers) and "carer_missed" in asks
    return rule.doc.shape is Shape.lack or planned or (bool(home.modes) and "mode_over" in asks)
