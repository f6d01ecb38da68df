"""The engine: reports of devices in, findings out; pure, with `now` as an argument. Start at `Engine.feed`.

State is keyed by home and lies in `rules.memory`; everything else here can be rebuilt from the registry and the
rule book. A rule and a subject (a device, a bed, a home) make an `Instance`; `_step_state`, `_step_absence` and
`_press` move its episode on:

    idle ──when──► pending ──after──► active ──clear, held──► idle
                                        unknown lies over it: nothing rises, nothing clears

An evaluation looks at one moment and says what is true then; whatever in it moves with time alone leaves the
moment at which to look again (`wake`). Timers are that moment and nothing else, so they survive with the state.

Three laws. What is older than our record never moves a state back. The same input again changes nothing: every
finding and every message about it is named by its content. What we do not know is neither true nor false.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from heapq import heappop, heappush
from typing import Any, Final

import msgspec

from care.ids import content_id, epoch_ms
from care.messages import URGENT, Evidence, Finding, Refusal, Report, Value
from care.site import Registry
from care.words import Condition, Kind, Phase
from devices.kinds import KINDS
from devices.quantities import HAZARDS, PRESSES, QUANTITIES
from rules.areas import Areas
from rules.catalog import Rule, RuleBook, RuleGrade, Shape, Subject
from rules.clocks import WRONG, learn, offset_at, offset_of
from rules.conditions import Compiled
from rules.findings import Particulars, evidence_of, finding_of, reading
from rules.health import ProvenHealth, health_of
from rules.limits import as_limits, in_force
from rules.memory import (
    ACTIVE,
    IDLE,
    PENDING,
    SCHEMA,
    STRETCH_GAP,
    TIES,
    Dark,
    DeviceMemory,
    Episode,
    Field,
    HomeMemory,
    Incident,
    PackedHome,
    Press,
    Snapshot,
    moment,
    pack,
    pack_home,
    unpack,
    unpack_home,
)
from rules.memory import PRESSES as REMEMBERED
from rules.outage import SHOWN, gateways, is_over, loss_of, silence_of, silent_devices
from rules.view import (
    NEVER,
    ON_CHANGE_GAP,
    EngineView,
    Instance,
    LiveDevice,
    LiveHome,
    Trigger,
    hours_of,
    silent_since,
)
from rules.words import room_kind

REPEAT_SURE = 2 * 60_000
"""The same `seq` heard again so soon is a device that waits for its answer."""
REPEAT = 10 * 60_000
"""The same `seq` heard again within this is a repeat unless the counter was set back in between; later it is a
counter that began anew. In doubt people are told."""
REST = 10 * 60_000
"""A rule that failed on a home's data is tried again after this."""
TEST_LASTS = 5 * 60_000
"""A declared test is over so long after its last message."""
SPACING_LIFE, SPACING = 5_000, 60_000
"""Least time between two occurrences of one episode that are told: a flickering detector is one alarm."""

UNREADABLE: Final = "TE10"
"""The notice for an alarm device whose message could not be read."""
FAILED: Final = "TE7_rule"
"""The notice for a rule that failed on a home's data."""
VIRTUAL: Final = "TE6_virtual"
"""The notice for a detector whose alarms were probably none."""
NO_LEVEL: Final = "no_local_level"
"""The tag of an alarm without a measured level: the message may be the whole of it (domain 2.3)."""
ENDED_BY_TEST = 60_000
"""A test so near the end of an alarm ended it: the way people silence a virtual one."""
DOUBTS = 2
"""Such alarms of one device make a ticket."""
CLOCK: Final = "TE11"
"""The notice for a device whose clock is wrong."""
FLOOD: Final = "TE12"
"""The notice for a device that says too much."""
A_SECOND, A_SECOND_QUEUED = 50, 1_000
"""Reports of one device in a second that are taken in one by one; queued ones are a line that is back."""
QUEUED = 2 * 60_000
EACH_TOLD = 50
"""Presses of one episode told one by one; beyond it once a second."""
CALM = 5 * 60_000
"""So long after the last of it a flood or a chatter is over."""
CHATTERS: Final = "TE6_bed"
"""The notice for a bed sensor that changes its mind too often."""
CHATTER, CHATTER_WITHIN = 20, 60_000
"""Changes within a minute after which a bed sensor is not believed: nobody gets in and out ten times."""
BURST, WEAK = 2_000, 30
"""Motion shorter than this with a link quality below that is no person (domain 2.3)."""
RELEASE: Final = "release "
AREA: Final = "TE5"
"""The outage of a building or of the community."""

_NOTED: Final = frozenset({"motion", "presence", "sos", "fall"})
"""Where saying `true` again is news: somebody moved again, or pressed again."""
_HEALTH: Final = frozenset({"battery", "battery_low", "tamper", "fault"})
_ALWAYS_WANTED: Final = _HEALTH | URGENT | frozenset(q.name for q in QUANTITIES.values() if not q.numeric)


class Engine:
    """Owner of what is remembered of every home; turns reports and time into findings.

    Call `tick(now)` at `next_due()` and before `feed(report, now)`; order is then the order of time. Both return
    findings in the order in which they came about. `feed` never lets a report overtake a timer of its own subject.
    """

    def __init__(self, registry: Registry, rulebook: RuleBook) -> None:
        self.registry = registry
        self.rulebook = rulebook
        self.started_at = 0
        self.health_changed: set[str] = set()
        """Homes whose health may have changed; whoever publishes it empties this."""
        self._homes: dict[str, LiveHome] = {}
        self._unborn: list[str] = sorted(registry.homes)
        self._heaps: tuple[list[tuple[int, str, int, str]], ...] = ([], [])
        self._packed: dict[str, PackedHome] = {}
        self._asleep: set[str] = set()
        """Homes of a restored snapshot that nothing has happened to yet: their memory is in `_packed`."""
        self._dirty: set[str] = set()
        self._changed: set[str] = set()
        self._view = EngineView(registry)
        self._shared: dict[tuple[Any, ...], tuple[dict[str, Any], dict[str, Any]]] = {}
        self._areas = Areas(registry)
        self._area_limits: dict[str, Any] | None = None
        self._news: list[tuple[int, str, str]] = []
        """Homes that went dark or came back, to be settled once the step that found it is over."""
        self._now = 0

    # ------------------------------------------------------------------------------ input and time

    def feed(self, report: Report, now: datetime) -> list[Finding]:
        """Take in what one device said. Never raises on what it says."""
        out: list[Finding] = []
        self._begin(now)
        home = self._homes.get(report.home)
        if home is None:
            home = self._home(report.home) or self._adopt(report.home, self._now)
        device = home.devices.get(report.device)
        if device is None:
            device = self._meet(home, report.device, report.kind)
        self._dirty.add(home.name)
        # A time costs as much as a lookup of three: those that are the same are converted once.
        received = self._now if report.received_at == now else epoch_ms(report.received_at)
        said_at = received if report.at == report.received_at else epoch_ms(report.at)
        at = min(said_at, received)
        memory = device.memory
        live = not report.retained
        current = True
        if memory.clock is not None or received - said_at > WRONG or report.repaired is not None:
            at = self._by_its_clock(home, device, report, at, received, out)
        if at > memory.at:
            if memory.at and at - memory.at > memory.longest and not _is_cut_off(home):
                memory.longest = at - memory.at
            memory.at = at
            memory.ids = [report.report_id]
        elif at == memory.at:
            if report.report_id in memory.ids:
                if live and received > memory.heard_at and report.state is None:
                    memory.heard_at = received
                return out
            memory.ids.append(report.report_id)
        else:
            current = False
        trigger = Trigger(report, device, at, received)
        if report.state is not None:
            self._declared(home, device, trigger, out)
            if not report.values and not report.unknown:
                return out
        second, times = received // 1000, received ^ at << 1
        if memory.second != second:
            memory.second, memory.in_second = second, 1
        elif memory.counted != times:
            memory.in_second += 1
        memory.counted = times
        if memory.in_second > A_SECOND and self._is_too_much(home, device, trigger, out):
            return out
        first = live and not memory.heard_at
        if first:
            memory.first_at = received
        if live:
            if received > memory.heard_at:
                if not memory.heard_at or received - memory.heard_at > device.silence:
                    self.health_changed.add(home.name)
                memory.heard_at = received
        elif not memory.heard_at and report.device_at is not None:
            memory.heard_at = at
        try:
            self._take_in(home, device, trigger, current, out)
        except Exception as error:  # noqa: BLE001  # one home's data must not stop the others
            self._failed(home, None, at, error, out)
            self._raise_anyway(home, device, trigger, out)
        if report.seq is not None and current:
            memory.seq = report.seq
        if report.device_at is not None and current:
            memory.device_at = said_at if report.device_at == report.at else epoch_ms(report.device_at)
        if live and current:
            for instance in device.listen:
                episode = instance.episode
                if episode.phase == ACTIVE:
                    episode.heard += 1
                    self._evaluate(instance, max(episode.seen, received), trigger, out)
        if first:
            for instance in home.instances.values():
                if instance.device is device and instance.rule.ages:
                    self._evaluate(instance, max(instance.episode.seen, received), trigger, out)
        if live and (first or home.memory.dark is not None):
            self._look_at_home(home, received, out)
        if self._news:
            self._settle(out)
        return out

    def _by_its_clock(
        self, home: LiveHome, device: LiveDevice, report: Report, at: int, received: int, out: list[Finding]
    ) -> int:
        """When it happened, by what we believe of the device's clock; a clock that is far off is told."""
        memory = device.memory
        if report.device_at is None:
            return at
        stamp = epoch_ms(report.device_at)
        if not report.retained and learn(memory, stamp, received):
            off = offset_of(memory)
            notice = self._notice(home, CLOCK, device)
            if notice is not None and abs(off) > round(notice.limits["wrong_minutes"] * 1000):
                told = Evidence(device=device.name, quantity="clock", value=-off / 1000, at=moment(received))
                self._note(notice, received, told, out)
        offset = offset_at(memory, stamp)
        return min(stamp + offset, received) if offset else at

    def _is_too_much(self, home: LiveHome, device: LiveDevice, trigger: Trigger, out: list[Finding]) -> bool:
        """Whether this is beyond what one device may say in a second. The newest of it is kept for the next second.

        Alarms are never held back, and what was queued while a line was down has a wider limit.
        """
        report, memory = trigger.report, device.memory
        queued = trigger.received - trigger.at > QUEUED
        if report.urgent or report.retained or (queued and memory.in_second <= A_SECOND_QUEUED):
            return False
        memory.heard_at = max(memory.heard_at, trigger.received)
        memory.flooded_at = max(memory.flooded_at, trigger.received)
        said = msgspec.structs.replace(report, at=moment(trigger.at))
        held = memory.held
        if held is not None:
            old, new = (held, said) if held.at <= said.at else (said, held)
            values = {**old.values, **new.values}
            unknown = [q for q in dict.fromkeys((*old.unknown, *new.unknown)) if q not in new.values]
            for quantity in new.unknown:
                values.pop(quantity, None)
            memory.held = msgspec.structs.replace(new, values=values, unknown=unknown)
            return True
        memory.held = said
        notice = self._notice(home, FLOOD, device)
        if notice is not None:
            told = Evidence(
                device=device.name, quantity="reports", value=memory.in_second, at=moment(trigger.received)
            )
            self._note(notice, trigger.received, told, out)
            notice.episode.wake = (memory.second + 1) * 1000
            self._arm(notice)
        return True

    def _release(self, home: LiveHome, device: LiveDevice, out: list[Finding]) -> None:
        """Take in what was held back."""
        held, device.memory.held = device.memory.held, None
        if held is not None:
            trigger = Trigger(held, device, epoch_ms(held.at), epoch_ms(held.received_at))
            try:
                self._take_in(home, device, trigger, True, out)
            except Exception as error:  # noqa: BLE001  # as in `feed`
                self._failed(home, None, trigger.at, error, out)

    def _chatters(self, home: LiveHome, device: LiveDevice, f: Field, at: int, out: list[Finding]) -> None:
        """Count a change of a bed sensor; one that changes too often tells nothing for a while, and that is said."""
        if at - f.flips_at > CHATTER_WITHIN:
            f.flips_at, f.flips = at, 0
        f.flips += 1
        if f.flips < CHATTER:
            return
        if f.noisy_until < at:
            told = Evidence(device=device.name, quantity="in_bed", value=f.value, at=moment(at))
            notice = self._notice(home, CHATTERS, device)
            if notice is not None:
                self._note(notice, at, told, out)
                due = at + CALM
                notice.episode.wake = min(notice.episode.wake, due) if notice.episode.wake else due
                self._arm(notice)
        f.noisy_until = at + CHATTER_WITHIN
        device.memory.noisy_at = max(device.memory.noisy_at, at)

    def _take_in(
        self, home: LiveHome, device: LiveDevice, trigger: Trigger, current: bool, out: list[Finding]
    ) -> None:
        report, at = trigger.report, trigger.at
        fields = device.fields
        report_id, received = report.report_id, trigger.received
        noted: list[str] | None = None
        news: list[tuple[str, Value | None]] | None = None
        motion = fields.get("motion") if "motion" in report.values else None
        run = (motion.value, motion.since, motion.true_at) if motion is not None else None
        if report.test:
            self._declared_test(home, device, trigger, out)
        wanted = device.wanted
        for quantity, value in report.values.items():
            f = fields.get(quantity)
            if f is not None and at > f.at:
                same = f.value == value
                # The two ways of most readings: said again, or a number no rule asks for.
                if (same and not (report.test and quantity in URGENT)) or (
                    not same and quantity not in wanted
                ):
                    if not same:
                        f.value = value
                        f.since = at
                    f.at = at
                    f.received_at = received
                    f.report_id = report_id
                    if f.tied:
                        f.tied = []
                    if value:
                        f.true_at = at
                        if quantity in _NOTED:
                            noted = noted or []
                            noted.append(quantity)
                    continue
            news = news or []
            news.append((quantity, value))
        if report.unknown:
            news = news or []
            news.extend((quantity, None) for quantity in report.unknown)
        memory = device.memory
        if current:
            memory.reports += 1
            if memory.reports > 512:  # the recent past counts, not the first week
                memory.reports >>= 1
                memory.changes >>= 1
        if news is None and noted is None:
            if home.attentive:
                self._look_again(home, device, trigger, out)
            return
        quantities = [q for q, _ in news] if news else []
        quantities += noted or []
        self._catch_up(home, device, quantities, at, out)
        changed = trigger.changed
        fresh = False
        presses: list[tuple[str, Value]] = []
        ghosts: list[str] = []
        state_changed = False
        for quantity, word in news or ():
            if report.test and (quantity in URGENT or quantity == "self_test"):
                continue
            if quantity in PRESSES and word is not None:
                presses.append((quantity, word))
            f = fields.get(quantity)
            if f is None:
                fresh = fresh or quantity in self.rulebook.founding
                fields[quantity] = Field(
                    word,
                    at,
                    received,
                    at,
                    report_id,
                    true_at=at if word else 0,
                    false_at=at if word is False else 0,
                )
                changed.add(quantity)
                state_changed = state_changed or isinstance(word, bool)
            elif _move(f, word, trigger):
                changed.add(quantity)
                if quantity == "in_bed":
                    self._chatters(home, device, f, at, out)
                state_changed = state_changed or isinstance(word, bool)
            elif word and quantity in HAZARDS and _is_ghost(f, trigger):
                ghosts.append(quantity)
        for quantity in noted or ():
            if quantity in PRESSES:
                presses.append((quantity, report.values[quantity]))
            else:
                changed.add(quantity)
        if "motion" in report.values:
            _weigh_motion(fields["motion"], run, trigger)
        if state_changed and current:
            memory.changes += 1
        if fresh:
            self._plan(home)
        if changed & _HEALTH:
            self.health_changed.add(home.name)
        for quantity, value in presses:
            if self._is_new_press(device, quantity, value, trigger):
                for instance in device.presses.get(quantity, ()):
                    self._guarded(instance, at, out, self._press, trigger, value)
        for quantity in ghosts:
            for instance in device.own.get(quantity, ()):
                if instance.rule.doc.on.quantity == quantity and instance.rule.doc.shape is Shape.state:
                    self._guarded(instance, at, out, self._ghost, trigger, quantity)
        for instance in self._touched(home, device, changed):
            self._evaluate(instance, max(instance.episode.seen, at), trigger, out)
        if home.attentive:
            self._look_again(home, device, trigger, out)

    def _touched(self, home: LiveHome, device: LiveDevice, quantities: Iterable[str]) -> list[Instance]:
        found: dict[str, Instance] = {}
        for quantity in quantities:
            for instance in device.own.get(quantity, ()):
                if instance.rule.doc.shape is not Shape.press:
                    found[instance.key] = instance
            for instance in home.wide.get(quantity, ()):
                if instance.episode.phase != IDLE or quantity in instance.rule.when.wide:
                    found[instance.key] = instance
        if len(found) > 1:
            return sorted(found.values(), key=lambda i: (i.rule.order, i.key))
        return list(found.values())

    def _catch_up(
        self, home: LiveHome, device: LiveDevice, quantities: list[str], at: int, out: list[Finding]
    ) -> None:
        """Timers of the subjects this report is about, due before it: they speak first."""
        until = min(at, self._now)
        for instance in self._touched(home, device, quantities):
            while 0 < instance.episode.wake <= until:
                due = instance.episode.wake
                instance.episode.wake = 0
                self._evaluate(instance, due, None, out)

    def _look_again(self, home: LiveHome, device: LiveDevice, trigger: Trigger, out: list[Finding]) -> None:
        """Whatever could not tell, or waits to be told once more, looks again at each report of its devices."""
        for key in sorted(home.attentive):
            instance = home.instances.get(key)
            if instance is not None and device in instance.group:
                self._evaluate(instance, max(instance.episode.seen, trigger.at), trigger, out)

    def tick(self, now: datetime, normal_until: datetime | None = None) -> list[Finding]:
        """Fire every timer due by now, in order of due time; each finding's `at` is when it was due.

        `normal_until`: how far the lane of ordinary readings has been worked off, when that is behind. Timers of
        rules that hear ordinary readings wait for it, those of urgent ones do not.
        """
        self._begin(now)
        out: list[Finding] = []
        until = (self._now, self._now if normal_until is None else min(self._now, epoch_ms(normal_until)))
        heaps = self._heaps
        while True:
            best = None
            for lane in (0, 1):
                heap = heaps[lane]
                if heap and heap[0][0] <= until[lane] and (best is None or heap[0] < heaps[best][0]):
                    best = lane
            if best is None:
                return out
            due, name, _, key = heappop(heaps[best])
            instance = self._timer(due, name, key)
            if instance is not None:
                instance.episode.wake = 0
                self._dirty.add(name)
                self._evaluate(instance, due, None, out)
                if self._news:
                    self._settle(out)

    def _timer(self, due: int, name: str, key: str) -> Instance | None:
        """The instance of a popped timer, if that is still its time; a later one is set again."""
        home = self._home(name)
        instance = home.instances.get(key) if home is not None else None
        if instance is None:
            return None
        if instance.armed == due:
            instance.armed = 0
        wake = instance.episode.wake
        if wake == due:
            return instance
        if wake:
            self._arm(instance)
        return None

    def next_due(self) -> datetime | None:
        """When `tick` next has something to do."""
        dues: list[int] = []
        for heap in self._heaps:
            while heap:
                due, name, _, key = heap[0]
                if not key and name in self._asleep:
                    dues.append(due)
                    break
                home = self._homes.get(name)
                instance = home.instances.get(key) if home is not None else None
                if instance is not None and instance.episode.wake == due:
                    dues.append(due)
                    break
                heappop(heap)
                if instance is not None:
                    if instance.armed == due:
                        instance.armed = 0
                    if instance.episode.wake:
                        self._arm(instance)
        return moment(min(dues)) if dues else None

    def refused(self, refusal: Refusal, now: datetime) -> list[Finding]:
        """An alarm device sent something unreadable: people are told (rule TE10). Others are ignored."""
        self._begin(now)
        out: list[Finding] = []
        if not refusal.alarm or refusal.home is None or refusal.device is None:
            return out
        home = self._home(refusal.home) or self._adopt(refusal.home, self._now)
        device = home.devices.get(refusal.device)
        if device is None:
            device = self._meet(home, refusal.device, "")
        self._dirty.add(home.name)
        at = epoch_ms(refusal.received_at)
        evidence = Evidence(
            device=device.name,
            quantity=refusal.quantity or "payload",
            value=f"{refusal.reason}: {refusal.detail}"[:200],
            at=refusal.received_at,
            received_at=refusal.received_at,
            report_id=refusal.refusal_id,
        )
        instance = self._notice(home, UNREADABLE, device)
        if instance is not None and not any(
            e.report_id == refusal.refusal_id for e in instance.episode.evidence
        ):
            self._note(instance, at, evidence, out)
        return out

    # --------------------------------------------------------------------------- registry and rules

    def reload(self, registry: Registry, rulebook: RuleBook, now: datetime) -> list[Finding]:
        """Work by another site or other rules from now on; what is remembered stays.

        An open episode whose device or rule is gone is cleared when technical; otherwise it is said to be unknown
        and left to people.
        """
        self._begin(now)
        out: list[Finding] = []
        before, old_rules = self.registry, self.rulebook
        self.registry, self.rulebook = registry, rulebook
        self._view = EngineView(registry)
        self._shared = {}
        self._area_limits = None
        self._areas.reload(registry)
        all_changed = (
            old_rules.version != rulebook.version
            or before.site.policy.rules != registry.site.policy.rules
            or before.zone.key != registry.zone.key
        )
        for name in self.homes():
            if not all_changed and before.homes.get(name) == registry.homes.get(name):
                continue
            home = self._home(name, greet=False)
            if home is None:
                self._adopt(name, self._now)
            else:
                self._rebuild(name, home, out)
        if self._news:
            self._settle(out)
        return out

    def _rebuild(self, name: str, old: LiveHome, out: list[Finding]) -> None:
        memory = old.memory
        listed = {d.id for d in self.registry.homes[name].devices} if name in self.registry.homes else set()
        for device, remembered in list(memory.devices.items()):
            if device not in listed and not remembered.kind:
                del memory.devices[device]
        for device_id in listed:
            memory.devices.setdefault(device_id, DeviceMemory(known_at=self._now))
        home = self._build(name, memory)
        for key, instance in old.instances.items():
            if (
                key in home.instances
                or instance.episode.phase != ACTIVE
                or instance.rule.doc.shape is Shape.press
            ):
                continue
            if instance.rule.doc.class_ == "technical" or instance.test:
                self._emit(
                    instance, Phase.cleared, self._now, "removed", None, out, condition=Condition.cleared
                )
            else:
                self._emit(
                    instance, Phase.changed, self._now, "unknown", None, out, condition=Condition.unknown
                )
        memory.episodes = {k: e for k, e in memory.episodes.items() if k in home.instances}
        if memory.dark is not None and home.outage is None:
            self._end_dark(home, self._now)
        if memory.incident is not None and f"{AREA}|{name}" not in home.instances:
            self._end_incident(home)
        self._dirty.add(name)
        self.health_changed.add(name)
        for instance in sorted(home.instances.values(), key=lambda i: (i.rule.order, i.key)):
            if instance.rule.doc.shape is Shape.press or instance.test:
                continue
            waiting = instance.episode.phase != IDLE or instance.episode.wake
            if waiting or instance.rule.doc.shape is Shape.absence or instance is home.outage:
                self._evaluate(instance, max(instance.episode.seen, self._now), None, out)

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
            for instance in home.instances.values():
                # A rule that came with a new version of the book has no timer yet.
                if instance.episode == _EMPTY and self._lacks_timer(home, instance):
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
        return silent_since(instance.device) is not None and not (dark is not None and dark.lost)

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
        for device_id, device_memory in memory.devices.items():
            device = LiveDevice(device_id, device_memory)
            self._describe(home, device)
            home.devices[device_id] = device
        self._homes[name] = home
        self._areas.remember(name, memory.dark, memory.incident)
        self._plan(home)
        for instance in home.instances.values():
            if _is_attentive(instance):
                home.attentive.add(instance.key)
        return home

    def _describe(self, home: LiveHome, device: LiveDevice) -> None:
        found = self.registry.devices.get(device.name)
        if found is None or found[0].id != home.name:
            device.kind = device.memory.kind
            known = KINDS.get(device.kind)  # type: ignore[call-overload]  # Kind is a str
            device.silence = round((known.blue_after if known else UNLISTED_SILENCE).total_seconds() * 1000)
            return
        device.site = found[1]
        device.kind = found[1].kind.value
        device.room = found[1].room
        device.resident = self.registry.resident_of(found[0], found[1])
        expect = found[1].expect_seconds
        blue, _ = KINDS[found[1].kind].silence(timedelta(seconds=expect) if expect else None)
        device.silence = round(blue.total_seconds() * 1000)

    def _plan(self, home: LiveHome) -> None:
        """Which rules look at which subjects here, and who listens to which quantity."""
        old = home.instances
        made: dict[str, Instance] = {}
        devices = list(home.devices.values())
        for rule in self.rulebook.rules.values():
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
        home.outage = next((i for i in made.values() if _is_home_outage(i)), None)
        own: dict[str, dict[str, list[Instance]]] = {d.name: {} for d in devices}
        wide: dict[str, list[Instance]] = {}
        for instance in made.values():
            if instance.test:
                continue
            rule = instance.rule
            for device in instance.group:
                for quantity in rule.own:
                    own[device.name].setdefault(quantity, []).append(instance)
            for quantity in rule.wide:
                wide.setdefault(quantity, []).append(instance)
        home.wide = {q: tuple(v) for q, v in wide.items()}
        for device in devices:
            device.own = {q: tuple(v) for q, v in own[device.name].items()}
            device.presses = {
                q: tuple(i for i in found if i.rule.doc.shape is Shape.press and i.rule.doc.on.quantity == q)
                for q, found in device.own.items()
                if q in PRESSES
            }
            device.wanted = frozenset(device.own) | frozenset(wide) | _ALWAYS_WANTED
            device.listen = tuple(
                i
                for i in made.values()
                if i.device is device and (i.rule.listens or i.rule.doc.shape is Shape.absence)
            )

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
        instance.parameters, instance.limits = self._in_force(rule, home, instance, first)

        def span(part: Compiled | None) -> int:
            return 0 if part is None else round(part.value(instance) * 1000)

        instance.settle, instance.gap = span(rule.settle), span(rule.max_gap)
        instance.clear_hold, instance.merge = span(rule.clear_hold), span(rule.merge)
        expect = max((d.site.expect_seconds or 0 for d in group if d.site), default=0)
        if instance.gap and expect:
            instance.gap = max(instance.gap, round(expect * 3000))
        if rule.hours is not None:
            opens, closes = rule.hours[0].value(instance), rule.hours[1].value(instance)
            instance.hours = hours_of(opens, closes, self.registry.zone)
        episode = home.memory.episodes.get(instance.key)
        if episode is None and old is not None:
            episode = old.episode
        if episode is None:
            episode = Episode()
        home.memory.episodes[instance.key] = episode
        instance.episode = episode
        self._arm(instance)
        return instance

    def _in_force(
        self, rule: Rule, home: LiveHome, instance: Instance, first: LiveDevice | None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Parameters and limits; people without limits of their own share them with everybody like them."""
        site = first.site if first is not None else None
        person = instance.resident
        people = [person] if person is not None else home.site.residents if home.site is not None else []
        key = None
        if not any(p.limits for p in people):
            alike = tuple((p.tier.value, *p.conditions, "|", *p.flags) for p in people)
            key = (rule.id, instance.kind, site.expect_seconds if site is not None else None, alike)
            found = self._shared.get(key)
            if found is not None:
                return found
        parameters = in_force(
            rule, self.registry, home=home.site, resident=person, device=site, kind=instance.kind
        )
        made = (parameters, as_limits(rule, parameters))
        if key is not None:
            self._shared[key] = made
        return made

    # -------------------------------------------------------------------------------- one evaluation

    def _arm(self, instance: Instance) -> None:
        wake = instance.episode.wake
        if wake and (not instance.armed or wake < instance.armed):
            instance.armed = wake
            heappush(
                self._heaps[instance.lane], (wake, instance.home.name, instance.rule.order, instance.key)
            )

    def _evaluate(self, instance: Instance, at: int, trigger: Trigger | None, out: list[Finding]) -> None:
        shape = instance.rule.doc.shape
        if instance.test or shape is Shape.notice:
            step: Callable[..., None] = self._step_notice
        elif shape is Shape.state:
            step = self._step_state
        elif shape is Shape.absence:
            step = self._step_absence
        elif shape is Shape.outage:
            step = self._step_area if instance.rule.doc.on.subject is Subject.area else self._step_outage
        else:
            return
        self._guarded(instance, at, out, step, trigger)

    def _guarded(
        self, instance: Instance, at: int, out: list[Finding], step: Callable[..., None], trigger: Trigger | None,
        *args: Any,
    ) -> None:  # fmt: skip
        """Run one step. When it fails, only this rule in this home rests, and that is said."""
        home = instance.home
        rest = home.memory.suspended.get(instance.rule.id)
        if rest is not None and at < rest and not instance.rule.life and instance.rule.id != FAILED:
            instance.episode.wake = rest
            self._arm(instance)
            return
        view = self._view
        view.look(instance, at, trigger.changed if trigger is not None else _NOTHING)
        episode = instance.episode
        said = len(out)
        try:
            step(instance, at, trigger, out, *args)
        except Exception as error:  # noqa: BLE001  # see the docstring
            view.spoken = None
            del out[said:]
            self._failed(home, instance, at, error, out)
            if trigger is not None and instance.rule.life:
                self._raise_anyway(home, trigger.device, trigger, out, only=instance.rule)
            # An old report must not make it fail again and again through the years since.
            episode.wake = max(at, self._now) + REST
            self._arm(instance)
            return
        episode.wake = 0 if view.next == NEVER else view.next
        self._arm(instance)
        if _is_attentive(instance):
            home.attentive.add(instance.key)
        elif home.attentive:
            home.attentive.discard(instance.key)

    def _step_state(self, instance: Instance, at: int, trigger: Trigger | None, out: list[Finding]) -> None:
        view, rule, episode = self._view, instance.rule, instance.episode
        value = rule.when.value(view)
        is_open, edge = True, 0
        if instance.hours is not None:
            is_open, edge = instance.hours.state(at)
        if episode.phase == IDLE:
            self._begin_waiting(instance, at, trigger, value, is_open, edge)
            if episode.phase == IDLE:
                return
        if edge:
            view.wake(edge)
        episode.seen = max(episode.seen, at)
        if episode.phase == PENDING:
            self._wait(instance, at, trigger, value, is_open, out)
        else:
            self._watch(instance, at, trigger, value, out)

    def _begin_waiting(
        self, instance: Instance, at: int, trigger: Trigger | None, value: Any, is_open: bool, edge: int
    ) -> None:
        view, rule, episode = self._view, instance.rule, instance.episode
        view_next, view.next = view.next, NEVER
        if not value:
            if value is not None:
                episode.spent = False
            if rule.doc.by_time:
                view.next = view_next
            return
        if episode.spent:
            return
        edges_only = rule.doc.hours is not None and rule.doc.hours.at_open == "ignore"
        if edges_only and trigger is not None and trigger.report.retained:
            episode.spent = True  # a remembered state is not something that happens now
            return
        if not is_open:
            if edges_only:
                episode.spent = True
            else:
                view.wake(edge)
            return
        if rule.require is not None:
            fit = rule.require.value(view)
            if not fit:
                episode.spent = fit is False
                return
        view.next = min(view.next, view_next)
        episode.phase = PENDING
        episode.onset = at
        episode.true = True

    def _wait(
        self,
        instance: Instance,
        at: int,
        trigger: Trigger | None,
        value: Any,
        is_open: bool,
        out: list[Finding],
    ) -> None:
        view, rule, episode = self._view, instance.rule, instance.episode
        if value is None and rule.doc.on_gap == "assume":
            value = True
        if value is None:
            episode.gap = episode.blind = True
            return
        episode.blind = False
        if not is_open:
            _forget(episode)
            episode.spent = bool(value)
            view.next = NEVER
            return
        if not value:
            episode.gap = False
            if not episode.relief_at:
                episode.relief_at = at
            left = instance.settle - episode.relief - (at - episode.relief_at)
            if left <= 0:
                _forget(episode)
                view.next = NEVER
            else:
                view.wake(at + left)
            return
        if episode.gap:
            episode.gap = False
            episode.onset = at
            episode.relief = episode.relief_at = 0
            episode.extended = 0
        if episode.relief_at:
            episode.relief += at - episode.relief_at
            episode.relief_at = 0
            if episode.relief >= instance.settle:
                _forget(episode)
                return
        self._rise(instance, at, episode.onset, trigger, out)

    def _watch(
        self, instance: Instance, at: int, trigger: Trigger | None, value: Any, out: list[Finding]
    ) -> None:
        view, rule, episode = self._view, instance.rule, instance.episode
        if rule.clear is not None:
            clear = rule.clear.value(view)
        else:
            clear = None if value is None else not value
        again = bool(value) and not episode.true
        if value is not None:
            episode.true = bool(value)
        if clear:
            if not episode.clear_at:
                episode.clear_at = at
            due = episode.clear_at + instance.clear_hold
            if at >= due:
                self._clear(instance, max(due, episode.onset), trigger, out)
                episode.spent = bool(value)
                view.next = NEVER
                return
            view.wake(due)
        else:
            episode.clear_at = 0
        blind = value is None and clear is None
        if blind != episode.blind:
            episode.blind = blind
            condition = Condition.unknown if blind else Condition.active
            self._emit(
                instance,
                Phase.changed,
                at,
                "unknown" if blind else "known",
                trigger,
                out,
                condition=condition,
            )
        if again:
            spacing = SPACING_LIFE if rule.life else SPACING
            if at - episode.last_at >= spacing:
                episode.occurrences += 1
                episode.last_at = at
                self._gather(instance, trigger)
                self._emit(instance, Phase.changed, at, "occurrence", trigger, out)
        if not clear and not blind:
            self._rise(instance, at, episode.onset, trigger, out)

    def _rise(
        self, instance: Instance, at: int, since: int, trigger: Trigger | None, out: list[Finding]
    ) -> None:
        """Reach the grades that are due; the first one opens the finding, a worse one changes it."""
        view, episode = self._view, instance.episode
        grades = instance.rule.grades
        best = -1
        rank = grades[episode.grade].level.rank if episode.grade >= 0 else 0
        for i, grade in enumerate(grades):
            if episode.reached >> i & 1 or grade.level.rank <= rank:
                continue
            due = since + round(grade.after.value(view) * 1000)
            if episode.extended >> i & 1 and grade.extend_by is not None:
                due += round(grade.extend_by.value(view) * 1000)
            if at < due:
                view.wake(due)
                continue
            if (
                grade.extend_when is not None
                and grade.extend_by is not None
                and not episode.extended >> i & 1
                and grade.extend_when.value(view)
            ):
                episode.extended |= 1 << i
                due += round(grade.extend_by.value(view) * 1000)
                if at < due:
                    view.wake(due)
                    continue
            if grade.when is not None and not grade.when.value(view):
                continue
            episode.reached |= 1 << i
            if best < 0 or grade.level.rank > grades[best].level.rank:
                best = i
        if best < 0:
            return
        opened = episode.grade < 0
        episode.grade = best
        episode.minutes = round((at - since) / 60_000)
        if opened:
            self._open(instance, at, trigger, out)
        else:
            self._gather(instance, trigger, grades[best])
            self._emit(instance, Phase.changed, at, "level", trigger, out)
        # The grades below the one just reached need no timer any more, but worse ones may.
        for i, grade in enumerate(grades):
            if not episode.reached >> i & 1 and grade.level.rank > grades[best].level.rank:
                view.wake(since + round(grade.after.value(view) * 1000))

    def _open(self, instance: Instance, at: int, trigger: Trigger | None, out: list[Finding]) -> None:
        episode, rule = instance.episode, instance.rule
        episode.seen = max(episode.seen, at)
        episode.occurrences = 1
        episode.last_at = at
        episode.heard = 0
        episode.finding = content_id(rule.id, instance.subject, episode.onset)
        episode.tags = [name for name, tag in rule.tags.items() if tag.value(self._view)]
        episode.seq = trigger.report.seq if trigger is not None else None
        self._gather(instance, trigger, rule.grades[episode.grade])
        episode.phase = ACTIVE
        self._emit(instance, Phase.opened, at, "", trigger, out)
        if NO_LEVEL in episode.tags:
            self._doubt(instance, at, out)

    def _doubt(self, instance: Instance, at: int, out: list[Finding]) -> None:
        """Count an alarm that was probably none. It stays what it is; the second one opens a ticket for the device."""
        device, episode = instance.device, instance.episode
        if device is None or instance.test or device.memory.doubted == episode.finding:
            return
        device.memory.doubted = episode.finding
        device.memory.doubtful += 1
        notice = self._notice(instance.home, VIRTUAL, device) if device.memory.doubtful >= DOUBTS else None
        if notice is not None:
            kept = list(episode.evidence)
            quantity = instance.rule.doc.on.quantity or ""
            told = (
                kept[-1]
                if kept
                else Evidence(device=device.name, quantity=quantity, value=True, at=moment(at))
            )
            self._note(notice, at, told, out)

    def _clear(
        self, instance: Instance, at: int, trigger: Trigger | None, out: list[Finding], reason: str = ""
    ) -> None:
        tested = instance.device.fields.get("self_test") if instance.device is not None else None
        if instance.rule.doc.on.quantity == "smoke" and tested is not None:
            f = instance.device.fields["smoke"] if instance.device is not None else None
            if f is not None and f.since - ENDED_BY_TEST <= tested.true_at <= f.since + ENDED_BY_TEST:
                self._doubt(instance, at, out)
        self._emit(instance, Phase.cleared, at, reason, trigger, out, condition=Condition.cleared)
        _forget(instance.episode)

    def _step_absence(self, instance: Instance, at: int, trigger: Trigger | None, out: list[Finding]) -> None:
        view, rule, episode = self._view, instance.rule, instance.episode
        device = instance.device
        assert device is not None
        since = silent_since(device)
        memory = instance.home.memory
        if memory.dark is not None and memory.dark.lost:
            # The home is not heard: that is said once, not for each of its devices. They are looked at when it is back.
            if episode.phase == ACTIVE:
                episode.seen = max(episode.seen, at)
                self._clear(instance, at, trigger, out, "covered")
                self.health_changed.add(instance.home.name)
            return
        if since is not None and since < memory.back_at and device.memory.heard_at:
            since = memory.back_at
        if episode.phase == ACTIVE:
            episode.seen = max(episode.seen, at)
            if since is not None and not (rule.clear is not None and rule.clear.value(view)):
                self._rise(instance, at, since, trigger, out)
                return
            self._clear(instance, at, trigger, out)
            self.health_changed.add(instance.home.name)
        if since is None:
            return
        if device.on_change and at < since + ON_CHANGE_GAP:
            view.wake(since + ON_CHANGE_GAP)
            return
        episode.onset = since
        self._rise(instance, at, since, trigger, out)
        if episode.phase == IDLE:
            episode.onset = 0
        else:
            self.health_changed.add(instance.home.name)

    # ------------------------------------------------------------------------- presses, tests, notices

    def _is_new_press(self, device: LiveDevice, quantity: str, value: Value, trigger: Trigger) -> bool:
        """Whether this press has not been handled: told by report, counter or device time (domain 2.3)."""
        report, memory = trigger.report, device.memory
        stamp = epoch_ms(report.device_at) if report.device_at is not None else None
        if quantity == "fall" and not self._is_fall(device, value, trigger):
            return False
        for known in memory.presses:
            if known.quantity != quantity:
                continue
            if known.report_id == report.report_id and (stamp is not None or report.seq is None):
                return False  # without a time the name of a report is little more than its counter
            if (
                stamp is not None
                and known.device_at == stamp
                and (report.seq is None or known.seq is None or report.seq == known.seq)
            ):
                known.heard_at = max(known.heard_at, trigger.received)
                return False
            if report.seq is not None and known.seq == report.seq:
                pause = trigger.received - known.heard_at
                restarted = (
                    memory.seq is not None
                    and report.seq < memory.seq
                    and (stamp is None or memory.device_at is None or stamp > memory.device_at)
                )
                if pause <= REPEAT_SURE or (pause <= REPEAT and not restarted):
                    known.heard_at = max(known.heard_at, trigger.received)
                    return False
            if report.retained and report.seq is None and stamp is None and known.value == value:
                return False  # a remembered press without a time: the one we have handled
        if trigger.at <= memory.forgotten_at:
            return False
        memory.presses.append(
            Press(quantity, trigger.at, trigger.received, report.report_id, value, report.seq, stamp)
        )
        if len(memory.presses) > REMEMBERED:
            oldest = min(memory.presses, key=lambda p: p.at)
            memory.presses.remove(oldest)
            memory.forgotten_at = max(memory.forgotten_at, oldest.at)
        return True

    @staticmethod
    def _is_fall(device: LiveDevice, value: Value, trigger: Trigger) -> bool:
        """A fall detector that also says `false` reports a state: only its beginning is a fall."""
        if value is False:
            return False
        f = device.fields.get("fall")
        if f is None or not f.false_at or "fall" in trigger.changed:
            return True
        return trigger.at < f.at and not f.value and trigger.at > f.true_at

    def _press(self, instance: Instance, at: int, trigger: Trigger, out: list[Finding], value: Value) -> None:
        view, rule, episode = self._view, instance.rule, instance.episode
        quantity = rule.doc.on.quantity
        assert quantity is not None
        view.spoken = {quantity: value}
        fits = rule.when.value(view)
        view.spoken = None
        if not fits:
            return
        evidence = reading(trigger, quantity, value)
        if episode.phase == ACTIVE and abs(at - episode.last_at) <= instance.merge:
            episode.occurrences += 1
            episode.last_at = max(episode.last_at, at)
            episode.evidence = [*episode.evidence[-7:], evidence]
            episode.seq = trigger.report.seq
            if episode.occurrences > EACH_TOLD and 0 <= at - episode.seen < 1000:
                return  # counted; the next one in a second tells the sum
            episode.seen = max(episode.seen, at)
            self._emit(instance, Phase.changed, max(at, episode.onset), "occurrence", trigger, out)
            return
        current = episode
        if episode.phase == ACTIVE and at < episode.onset:
            # Older than the episode we are in: its own finding, which does not replace the newer one.
            instance.episode = Episode()
        episode = instance.episode
        _forget(episode)
        episode.phase = ACTIVE
        episode.onset = episode.last_at = episode.seen = at
        episode.grade = 0
        episode.occurrences = 1
        episode.finding = content_id(rule.id, instance.subject, at)
        episode.tags = [name for name, tag in rule.tags.items() if tag.value(view)]
        episode.evidence = [evidence]
        episode.seq = trigger.report.seq
        view.next = NEVER
        self._emit(instance, Phase.opened, at, "", trigger, out)
        instance.episode = current

    def _ghost(
        self, instance: Instance, at: int, trigger: Trigger, out: list[Finding], quantity: str
    ) -> None:
        """A hazard that was over before we heard of it: raised late, without moving the state back."""
        view, rule, episode = self._view, instance.rule, instance.episode
        f = trigger.device.fields[quantity]
        if episode.phase != IDLE:
            return
        view.spoken = {quantity: True}
        fits = rule.when.value(view)
        view.spoken = None
        first = min(rule.grades, key=lambda g: g.after.value(view))
        lasted = (f.since if at < f.since else f.at) - at
        after = round(first.after.value(view) * 1000)
        f.true_at = max(f.true_at, at)
        if not fits or lasted < after:
            return
        episode.phase = PENDING
        episode.onset = at
        episode.true = False
        episode.grade = rule.grades.index(first)
        episode.reached = 1 << episode.grade
        episode.clear_at = at + lasted
        self._open(instance, at + after, trigger, out)
        episode.evidence = [reading(trigger, quantity, True)]
        out[-1] = msgspec.structs.replace(out[-1], evidence=episode.evidence)
        view.next = NEVER
        view.wake(max(at + 1, f.at))

    def _declared_test(
        self, home: LiveHome, device: LiveDevice, trigger: Trigger, out: list[Finding]
    ) -> None:
        """A declared test of an alarm: said in blue, marked, and it moves nothing that is believed of the home."""
        report = trigger.report
        urgent = [q for q in report.values if q in URGENT]
        if not urgent:
            return
        missing = [q for q in urgent if q not in device.fields]
        for quantity in missing:  # so that rules about it are there
            device.fields[quantity] = Field(None, 0, 0, 0, "")
        if missing:
            self._plan(home)
        for quantity in urgent:
            value = report.values[quantity]
            if (quantity not in PRESSES and not value) or not self._is_new_press(
                device, f"test {quantity}", value, trigger
            ):
                continue
            for instance in device.own.get(quantity, ()):
                if instance.rule.doc.on.quantity != quantity or instance.rule.doc.shape not in (
                    Shape.state,
                    Shape.press,
                ):
                    continue
                test = self._test_instance(home, instance, device)
                self._guarded(test, trigger.at, out, self._test, trigger, quantity, value)

    def _test_instance(self, home: LiveHome, instance: Instance, device: LiveDevice) -> Instance:
        key = f"{instance.rule.id}|{instance.subject}|test"
        test = home.instances.get(key)
        if test is None:
            test = self._instance(instance.rule, home, instance.subject, [device], None, test=True)
            home.instances[key] = test
        return test

    def _test(
        self, test: Instance, at: int, trigger: Trigger, out: list[Finding], quantity: str, value: Value
    ) -> None:
        view, episode = self._view, test.episode
        view.spoken = dict(trigger.report.values)
        fits = test.rule.when.value(view)
        view.spoken = None
        view.next = NEVER
        evidence = reading(trigger, quantity, value)
        if fits:
            if episode.phase == ACTIVE:
                if at - episode.last_at >= SPACING_LIFE:
                    episode.occurrences += 1
                    episode.last_at = at
                    episode.evidence = [*episode.evidence[-7:], evidence]
                    self._emit(test, Phase.changed, at, "occurrence", trigger, out)
            else:
                _forget(episode)
                episode.phase = ACTIVE
                episode.onset = episode.last_at = at
                episode.grade = 0
                episode.occurrences = 1
                episode.finding = content_id(test.rule.id, test.subject, at, "test")
                episode.evidence = [evidence]
                episode.seq = trigger.report.seq
                self._emit(test, Phase.opened, at, "", trigger, out)
        if episode.phase == ACTIVE:
            view.wake(max(episode.last_at + TEST_LASTS, view.now + 1))

    def _notice(self, home: LiveHome, rule_id: str, device: LiveDevice | None) -> Instance | None:
        rule = self.rulebook.rules.get(rule_id)
        if rule is None:
            return None
        subject = device.name if device is not None else home.name
        key = f"{rule_id}|{subject}"
        instance = home.instances.get(key)
        if instance is None:
            instance = self._instance(rule, home, subject, [device] if device is not None else [], None)
            home.instances[key] = instance
            if device is not None and rule.listens:
                device.listen = (*device.listen, instance)
        return instance

    def _note(self, instance: Instance, at: int, evidence: Evidence, out: list[Finding]) -> None:
        """Say a notice, or that it happened again."""
        episode = instance.episode
        if episode.phase == ACTIVE:
            episode.heard = 0
            if at - episode.last_at >= SPACING:
                episode.occurrences += 1
                episode.last_at = at
                episode.evidence = [*episode.evidence[-7:], evidence]
                self._emit(instance, Phase.changed, at, "occurrence", None, out)
            return
        _forget(episode)
        episode.phase = ACTIVE
        episode.onset = episode.last_at = episode.seen = at
        episode.grade = 0
        episode.occurrences = 1
        episode.finding = content_id(instance.rule.id, instance.subject, at)
        episode.evidence = [evidence]
        self._emit(instance, Phase.opened, at, "", None, out)

    def _step_notice(self, instance: Instance, at: int, trigger: Trigger | None, out: list[Finding]) -> None:
        view, rule, episode = self._view, instance.rule, instance.episode
        if episode.phase != ACTIVE:
            return
        if instance.test:
            due = episode.last_at + TEST_LASTS
            if at < due:
                view.wake(due)
                return
        elif rule.id == FAILED:
            resting = [r for r, until in instance.home.memory.suspended.items() if until > at]
            if resting:
                view.wake(min(instance.home.memory.suspended[r] for r in resting))
                return
            instance.home.memory.suspended.clear()
        elif rule.id in (FLOOD, CHATTERS) and instance.device is not None:
            memory = instance.device.memory
            if memory.held is not None:
                self._news.append((at, instance.home.name, RELEASE + instance.device.name))
            due = (memory.flooded_at if rule.id == FLOOD else memory.noisy_at) + CALM
            if at < due:
                view.wake(due)
                return
        elif rule.clear is None or not rule.clear.value(view):
            return
        self._clear(instance, at, trigger, out)
        view.next = NEVER

    def _failed(
        self, home: LiveHome, instance: Instance | None, at: int, error: Exception, out: list[Finding]
    ) -> None:
        """A rule failed on this home's data: it rests, and a technical finding says which and why."""
        rule_id = instance.rule.id if instance is not None else "engine"
        rest = home.memory.suspended[rule_id] = max(at, self._now) + REST
        self._dirty.add(home.name)
        notice = self._notice(home, FAILED, None)
        if notice is None:
            return
        self._note(
            notice,
            at,
            Evidence(
                device="", quantity=rule_id, value=f"{type(error).__name__}: {error}"[:200], at=moment(at)
            ),
            out,
        )
        wake = notice.episode.wake
        notice.episode.wake = min(wake, rest) if wake else rest
        self._arm(notice)

    def _raise_anyway(
        self,
        home: LiveHome,
        device: LiveDevice,
        trigger: Trigger,
        out: list[Finding],
        only: Rule | None = None,
    ) -> None:
        """Life safety when our own code fails: the bare hazard of a report becomes a bare finding."""
        for quantity, value in trigger.report.values.items():
            if quantity not in URGENT or (not value and quantity != "sos") or trigger.report.test:
                continue
            for rule in self.rulebook.rules.values():
                if (
                    not rule.life
                    or rule.doc.on.quantity != quantity
                    or (only is not None and rule is not only)
                ):
                    continue
                bare = Instance(rule, home, device.name, [device])
                episode = bare.episode
                episode.onset = trigger.at
                episode.grade = 0
                episode.occurrences = 1
                episode.finding = content_id(rule.id, device.name, trigger.at)
                episode.evidence = [reading(trigger, quantity, value)]
                episode.seq = trigger.report.seq
                episode.tags = ["unchecked"]
                self._emit(bare, Phase.opened, trigger.at, "", trigger, out)

    def _declared(self, home: LiveHome, device: LiveDevice, trigger: Trigger, out: list[Finding]) -> None:
        """`online` / `offline` of a gateway or an availability topic. Only a gateway's is believed by itself."""
        memory = device.memory
        at = trigger.at
        if trigger.report.state == "offline":
            if memory.offline_at > memory.online_at or at < memory.online_at:
                return
            memory.offline_at = at
        else:
            if memory.online_at > memory.offline_at or at < memory.offline_at:
                return
            memory.online_at = at
        self.health_changed.add(home.name)
        if device.kind == Kind.gateway:
            for instance in device.listen:
                if instance.rule.doc.shape is Shape.absence:
                    self._evaluate(instance, max(instance.episode.seen, at), trigger, out)
            self._look_at_home(home, trigger.received, out)

    # ------------------------------------------------------------------------------ homes and areas not heard

    def _look_at_home(self, home: LiveHome, at: int, out: list[Finding]) -> None:
        if home.outage is not None:
            self._evaluate(home.outage, max(home.outage.episode.seen, at), None, out)
        if self._news:
            self._settle(out)

    def _step_outage(self, instance: Instance, at: int, trigger: Trigger | None, out: list[Finding]) -> None:
        """Whether a home is heard. Told once it is lost; its part in an area's outage is told there instead."""
        view, episode, home = self._view, instance.episode, instance.home
        memory = home.memory
        loss, next_look = loss_of(home, at, instance.limits)
        if memory.dark is not None and is_over(home, memory.dark, loss):
            if episode.phase == ACTIVE:
                self._clear(instance, at, trigger, out)
            self._end_dark(home, at)
            loss, next_look = loss_of(home, at, instance.limits)
        dark = memory.dark
        if dark is None:
            if loss is None:
                view.wake(next_look)
                return
            dark = memory.dark = Dark(loss.since, loss.gateway)
            self._areas.remember(home.name, dark, memory.incident)
            self._tell_area(home, at, "dark")
        elif loss is not None and loss.gateway and not dark.gateway:
            dark.gateway = True
        episode.seen = max(episode.seen, at)
        counts_at = dark.since + self._settling
        if not dark.counted and at >= counts_at:
            dark.counted = True
            self._tell_area(home, at, "dark")
        elif not dark.counted:
            view.wake(counts_at)
        due = loss.due if loss is not None else dark.since
        if at < due and not dark.lost:
            view.wake(due)
            return
        if not dark.lost:
            dark.lost = True
            self._tell_area(home, at, "lost")
        if self._areas.incident_of(home.name) is not None:
            if episode.phase == ACTIVE:
                self._clear(instance, at, trigger, out, "covered")
            return
        if episode.phase == IDLE:
            episode.onset = dark.since
        self._rise(instance, at, episode.onset, trigger, out)

    @property
    def _settling(self) -> int:
        """How long a home must be dark before it counts for its area (ms)."""
        return int(self._limits_of_areas().get("settle_seconds", 60) * 1000)

    def _limits_of_areas(self) -> dict[str, Any]:
        if self._area_limits is None:
            rule = self.rulebook.rules.get(AREA)
            self._area_limits = {}
            if rule is not None:
                given = in_force(rule, self.registry, home=None, resident=None, device=None, kind="")
                self._area_limits = as_limits(rule, given)
        return self._area_limits

    def _tell_area(self, home: LiveHome, at: int, what: str) -> None:
        self._dirty.add(home.name)
        self.health_changed.add(home.name)
        self._news.append((at, home.name, what))

    def _end_dark(self, home: LiveHome, at: int) -> None:
        memory = home.memory
        if memory.dark is not None and memory.dark.lost:
            memory.back_at = at
        memory.dark = None
        self._areas.remember(home.name, None, memory.incident)
        self._tell_area(home, at, "back")

    def _settle(self, out: list[Finding]) -> None:
        """What a home that went dark or came back means for its area and for its own devices, in order."""
        while self._news:
            at, name, what = self._news.pop(0)
            home = self._home(name)
            if home is None:
                continue
            if what.startswith(RELEASE):
                self._release(home, home.devices[what[len(RELEASE) :]], out)
                continue
            if what == "back":
                for anchor in sorted(self._areas.incidents):
                    if name in self._areas.incidents[anchor].members:
                        self._check_incident(anchor, at, out)
            elif home.memory.dark is not None and self._areas.incident_of(name) is None:
                self._judge_area(name, at, out)
            if what != "dark":
                for instance in sorted(home.instances.values(), key=lambda i: (i.rule.order, i.key)):
                    if instance.rule.doc.shape is Shape.absence:
                        self._evaluate(instance, max(instance.episode.seen, at), None, out)

    def _judge_area(self, name: str, at: int, out: list[Finding]) -> None:
        """Join, widen or begin an incident for a home that is dark; nothing when it is this home alone."""
        limits = self._limits_of_areas()
        verdict = self._areas.verdict(name, limits) if limits else None
        if verdict is None:
            return
        taken = self._areas.incidents
        anchor = verdict.anchor or next(
            (h for h in self._areas.welfare_list(verdict.homes) if h not in taken), None
        )
        holder = self._home(anchor) if anchor is not None else None
        if holder is None or anchor is None:
            return
        incident = holder.memory.incident
        if incident is None:
            incident = holder.memory.incident = Incident(verdict.building)
        incident.building = verdict.building
        self._areas.remember(anchor, holder.memory.dark, incident)
        for member in verdict.homes:
            self._enter(anchor, incident, member, at)
        self._dirty.add(anchor)
        instance = self._notice(holder, AREA, None)
        if instance is not None:
            self._evaluate(instance, max(instance.episode.seen, at), None, out)
        for member in verdict.homes:
            home = self._home(member)
            if home is not None and home.outage is not None:
                self._evaluate(home.outage, max(home.outage.episode.seen, at), None, out)

    def _enter(self, anchor: str, incident: Incident, member: str, at: int) -> None:
        home = self._home(member)
        if home is None or home.memory.dark is None:
            return
        dark = home.memory.dark
        dark.area = anchor
        incident.members.setdefault(member, dark.since)
        self._areas.remember(member, dark, home.memory.incident)
        self._dirty.add(member)
        if not dark.lost:
            dark.lost = True
            self._tell_area(home, at, "lost")

    def _step_area(self, instance: Instance, at: int, trigger: Trigger | None, out: list[Finding]) -> None:
        """The finding of an incident: opened with what is known, changed at most once a minute as it grows."""
        view, episode = self._view, instance.episode
        incident = instance.home.memory.incident
        if incident is None:
            return
        if episode.phase == IDLE:
            episode.onset = min(incident.members.values(), default=at)
            incident.told = len(incident.members)
            self._rise(instance, at, at, trigger, out)
        elif len(incident.members) > incident.told:
            due = episode.last_at + SPACING
            if at < due:
                view.wake(due)
                return
            episode.last_at = at
            incident.told = len(incident.members)
            self._emit(instance, Phase.changed, at, "evidence", trigger, out)

    def _check_incident(self, anchor: str, at: int, out: list[Finding]) -> None:
        """End an incident when enough of its homes are back; the others are told by themselves again."""
        holder = self._home(anchor)
        incident = self._areas.incidents[anchor]
        if holder is None or not self._areas.is_over(incident, anchor, self._limits_of_areas()):
            return
        instance = holder.instances.get(f"{AREA}|{anchor}")
        if instance is not None and instance.episode.phase == ACTIVE:
            self._clear(instance, at, None, out)
        for name in self._end_incident(holder):
            home = self._home(name)
            if home is not None and home.outage is not None:
                self._evaluate(home.outage, max(home.outage.episode.seen, at), None, out)

    def _end_incident(self, holder: LiveHome) -> list[str]:
        """Forget an incident; gives the homes that are still dark."""
        incident, holder.memory.incident = holder.memory.incident, None
        self._areas.remember(holder.name, holder.memory.dark, None)
        self._dirty.add(holder.name)
        dark: list[str] = []
        for name in sorted(incident.members) if incident is not None else ():
            home = self._home(name)
            if home is not None and home.memory.dark is not None and home.memory.dark.area == holder.name:
                home.memory.dark.area = ""
                home.memory.dark.lost = False  # it is looked at again by itself
                self._dirty.add(name)
                dark.append(name)
        return dark

    def _particulars(self, instance: Instance, at: int) -> Particulars:
        """Whom an outage takes: the devices of a home, the homes of an area."""
        home = instance.home
        if instance.rule.doc.on.subject is not Subject.area:
            lost = next((g for g in gateways(home) if silent_since(g) is not None), None)
            by_gateway = home.memory.dark is not None and home.memory.dark.gateway
            silent = silent_devices(home, at)
            return Particulars(
                device=lost.name if lost is not None and by_gateway else None,
                words={"area": "", "homes": 1},
                parameters={"devices": [d.name for d in silent]},
                evidence=[silence_of(d, silent_since(d) or at) for d in silent[:SHOWN]],
            )
        incident = home.memory.incident or Incident("")
        members = self._areas.welfare_list(incident.members)
        evidence: list[Evidence] = []
        for name in members[:SHOWN]:
            site = self.registry.homes.get(name)
            gateway = next((d.id for d in site.devices if d.kind is Kind.gateway), None) if site else None
            evidence.append(
                Evidence(
                    device=gateway or name, quantity="silence", value=None, at=moment(incident.members[name])
                )
            )
        return Particulars(
            device=None,
            words={"area": incident.building or self.registry.site.community.name, "homes": len(members)},
            parameters={
                "area": incident.building or self.registry.site.community.id,
                "homes": members,
                "back": sorted(h for h in members if self._areas.incident_of(h) != home.name),
            },
            evidence=evidence,
        )

    def _gather(self, instance: Instance, trigger: Trigger | None, grade: RuleGrade | None = None) -> None:
        """Evidence: the few readings the condition rests on just now."""
        instance.episode.evidence = evidence_of(instance, self._view, trigger, grade)

    def _emit(
        self,
        instance: Instance,
        phase: Phase,
        at: int,
        reason: str,
        trigger: Trigger | None,
        out: list[Finding],
        *,
        condition: Condition = Condition.active,
    ) -> None:
        more = self._particulars(instance, at) if instance.rule.doc.shape is Shape.outage else None
        out.append(
            finding_of(instance, phase, at, reason, trigger, now=self._now, condition=condition, more=more)
        )

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
            kept = {k: e for k, e in memory.episodes.items() if e != _EMPTY}
            data = pack_home(msgspec.structs.replace(memory, episodes=kept))
            known = self._packed.get(name)
            if known is None or known.data != data:
                wakes: tuple[list[int], list[int]] = ([], [])
                for instance in home.instances.values():
                    if instance.episode.wake:
                        wakes[instance.lane].append(instance.episode.wake)
                self._packed[name] = PackedHome(min(wakes[0], default=0), min(wakes[1], default=0), data)
                self._changed.add(name)
        self._dirty.clear()

    def snapshot(self, homes: Iterable[str] | None = None) -> bytes:
        """Everything remembered (of these homes, or of all) as bytes; the same memory gives the same bytes."""
        self._repack()
        wanted = self._packed if homes is None else {h: self._packed[h] for h in homes if h in self._packed}
        return pack(Snapshot(SCHEMA, self.started_at, wanted))

    @classmethod
    def restore(cls, registry: Registry, rulebook: RuleBook, *data: bytes) -> Engine:
        """An engine that goes on exactly where the one of the snapshot stopped; several parts may be given.

        Raises ValueError when a part is not a snapshot of this schema.
        """
        engine = cls(registry, rulebook)
        for part in data:
            try:
                snapshot = unpack(part)
                if snapshot.schema != SCHEMA:
                    raise ValueError(f"snapshot of schema {snapshot.schema}, this is {SCHEMA}")
                for name, packed in snapshot.homes.items():
                    memory = unpack_home(packed.data)  # damage is found now, not when the home wakes
                    engine._areas.remember(name, memory.dark, memory.incident)
            except msgspec.MsgspecError as error:
                raise ValueError(f"not a snapshot: {error}") from None
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

    def health(self, home: str, now: datetime) -> ProvenHealth:
        """Which devices of a home may be believed just now, and so whether it is protected. Changes nothing."""
        return health_of(self.registry, home, self._home(home, greet=False), now)


UNLISTED_SILENCE = timedelta(hours=3)
"""For a device of no known kind: three missed hourly heartbeats."""

_EMPTY = Episode()
_NOTHING: set[str] = set()
_DEFAULTS = {name: getattr(_EMPTY, name) for name in Episode.__struct_fields__}


def _forget(episode: Episode) -> None:
    """Back to idle, in place."""
    for name, value in _DEFAULTS.items():
        setattr(episode, name, [] if isinstance(value, list) else value)


def _is_home_outage(instance: Instance) -> bool:
    return instance.rule.doc.shape is Shape.outage and instance.rule.doc.on.subject is Subject.home


def _is_cut_off(home: LiveHome) -> bool:
    """Its silence is not its devices' habit."""
    dark = home.memory.dark
    return dark is not None and (dark.gateway or bool(dark.area))


def _is_attentive(instance: Instance) -> bool:
    episode = instance.episode
    return episode.blind or episode.gap or (episode.phase != IDLE and instance.rule.confirms)


def _subjects(rule: Rule, home: LiveHome, devices: list[LiveDevice]) -> list[tuple[str, list[LiveDevice]]]:
    """The subjects a rule looks at in a home: name and devices."""
    on = rule.doc.on
    if rule.doc.shape is Shape.notice:
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
                beds.setdefault(f"bed:{d.resident.id if d.resident else ''}:{room_kind(d.room)}", []).append(
                    d
                )
            return list(beds.items())


def _move(f: Field, value: Value | None, trigger: Trigger) -> bool:
    """Take over a word that is not older than the last; True when the value is another one."""
    at, report = trigger.at, trigger.report
    if at < f.at:
        return False
    if at == f.at:
        if (
            f.value == value
            or report.report_id in f.tied
            or report.report_id == f.report_id
            or report.retained
        ):
            return False
        f.tied = [*f.tied[1 - TIES :], f.report_id]
    elif f.tied:
        f.tied = []
    changed: bool = f.value != value
    if changed:
        if f.value and not value:
            end = at if value is not None else f.at
            f.stay += max(0, end - f.since)
            f.stay_end = end
        elif value and not f.value and f.stay_end and at - f.stay_end >= STRETCH_GAP:
            f.stay = 0
        f.before_at = f.at
        f.since = at
        f.changes = min(f.changes + 1, 1_000_000)
    f.value = value
    f.at = at
    f.received_at = trigger.received
    f.report_id = report.report_id
    if value:
        f.true_at = at
    elif value is False:
        f.false_at = at
    return changed


def _weigh_motion(f: Field, run: tuple[Any, int, int] | None, trigger: Trigger) -> None:
    """Motion heard over a weak link is a person only when it lasts: bursts true, false, true are the radio's."""
    was, since, true_at = run if run is not None else (None, 0, 0)
    quality = trigger.report.values.get("link_quality", 255)
    weak = isinstance(quality, int | float) and quality < WEAK
    if f.at != trigger.at:
        return
    if f.value and weak and trigger.at - f.since < BURST:
        f.true_at = true_at
    elif f.value is False and was is True and true_at < since and trigger.at - since >= BURST:
        f.true_at = trigger.at


def _is_ghost(f: Field, trigger: Trigger) -> bool:
    """A hazard never heard of, older than our last word, which says it is over. A cached one is not that."""
    report = trigger.report
    return (
        not report.retained
        and report.device_at is not None
        and report.repaired is None
        and f.value is False
        and f.true_at < trigger.at < f.at
    )
