"""The engine: reports of devices in, findings out; pure, with `now` as an argument. Start at `Engine.feed`.

State is keyed by home and lies in `rules.memory`; everything else here can be rebuilt from the registry and the
rule book (`rules.homes`). A rule and a subject (a device, a bed, a home) make an `Instance`; `rules.episodes`,
`rules.presses` and `rules.dark` (homes and areas not heard) move its episode on:

    idle ──when──► pending ──after──► active ──clear, held──► idle
                                        unknown lies over it: nothing rises, nothing clears

An evaluation looks at one moment and says what is true then; whatever in it moves with time alone leaves the
moment at which to look again (`wake`). Timers are that moment and nothing else, so they survive with the state.

Three laws. What is older than our record never moves a state back. The same input again changes nothing: every
finding and every message about it is named by its content. What we do not know is neither true nor false.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from heapq import heappop
from operator import attrgetter
from typing import Any, Final

import msgspec

from care.errors import Reason
from care.ids import epoch_ms
from care.messages import URGENT, Evidence, Finding, Refusal, Report, Value
from care.site import HomeOrders, Registry, Resident
from care.words import Condition, Kind, Phase
from devices.quantities import HAZARDS, PRESSES, QUANTITIES
from rules import personal
from rules.beds import note_return
from rules.catalog import RuleBook, Shape
from rules.clocks import WRONG, learn, offset_at, offset_of
from rules.dark import AREA, NEAR, Outages
from rules.episodes import CALM, CHATTERS, FLOOD, NEVER_HEARD, SILENT
from rules.homes import HEALTH, limits_of, sieve_of
from rules.live import Instance, LiveDevice, LiveHome, Trigger, bed_of
from rules.memory import (
    ACTIVE,
    IDLE,
    SPEAKS_PAUSE,
    STRETCH_GAP,
    TIES,
    DeviceMemory,
    Field,
    moment,
    without,
)
from rules.personal import LEARNS_FROM
from rules.samples import BREATH, FLICKS, HEART, is_marked, take
from rules.signs import HEARTBEAT, OBSERVED, STUCK, TOLD, WITHDRAWN, note_gap, note_told, observe, withdraw
from rules.view import EngineView
from rules.vocabulary import ELSEWHERE

UNREADABLE: Final = "TE10"
"""The notice for an alarm device whose message could not be read."""
CLOCK: Final = "TE11"
"""The notice for a device whose clock is wrong."""
A_SECOND, A_SECOND_QUEUED = 50, 1_000
"""Reports of one device in a second that are taken in one by one; queued ones are a line that is back, or a belt that
sends what it kept."""
QUEUED = 2 * 60_000
CHATTER, CHATTER_WITHIN = 20, 60_000
"""Changes within a minute after which a bed sensor is not believed: nobody gets in and out ten times."""
BURST, WEAK = 2_000, 30
"""Motion shorter than this with a link quality below that is no person (domain 2.3)."""
_NOTED: Final = frozenset({"motion", "presence", "life_sign", "sos", "fall", "water_total", "temperature"})
"""Where saying the same again is news: somebody moved, was seen or pressed again; no water was used since, and it did not
grow warmer."""
_TURN: Final = attrgetter("turn")


class Engine(Outages):
    """Owner of what is remembered of every home; turns reports and time into findings.

    Call `tick(now)` at `next_due()` and before `feed(report, now)`; order is then the order of time. Both return
    findings in the order in which they came about. `feed` never lets a report overtake a timer of its own subject.
    """

    # ------------------------------------------------------------------------------ input and time

    def feed(self, report: Report, now: datetime) -> list[Finding]:
        """Take in what one device said. Never raises on what it says."""
        out: list[Finding] = []
        if self._unborn or not self.started_at:
            self._begin(now)
        else:
            self._now = epoch_ms(now)
        home = self._homes.get(report.home)
        if home is None:
            home = self._home(report.home) or self._adopt(report.home, self._now)
        device = home.devices.get(report.device)
        if device is None:
            device = self._meet(home, report.device, report.kind)
        self._dirty.add(home.name)
        if device.withheld:
            report = self._agreed(device, report)
        # A time costs as much as a lookup of three: those that are the same are converted once.
        received = self._now if report.received_at == now else epoch_ms(report.received_at)
        said_at = received if report.at == report.received_at else epoch_ms(report.at)
        at = min(said_at, received)
        memory = device.memory
        live = not report.retained
        current = True
        by_habit = memory.longest > SPEAKS_PAUSE and device.on_change
        if memory.clock is not None or received - said_at > WRONG or report.repaired is not None:
            at = self._by_its_clock(home, device, report, at, received, out)
        if at > memory.at:
            if memory.at and at - memory.at > memory.longest and not _is_cut_off(home):
                memory.longest = at - memory.at
            memory.at = at
            if len(memory.ids) == 1:
                memory.ids[0] = report.report_id
            else:
                memory.ids = [report.report_id]
        elif at == memory.at:
            if report.report_id in memory.ids:
                late = bool(memory.offline_at) and _is_from_before_its_will(device, report, at)
                if live and received > memory.heard_at and report.state is None and not late:
                    note_gap(device, received)  # it lives again; that it lived meanwhile nobody can say
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
            memory.second, memory.in_second, memory.crowd = second, 1, 1
            memory.told_low = memory.told_high = at // 1000
        elif memory.counted != times:
            _count(memory, at // 1000)
        memory.counted = times
        if memory.in_second > A_SECOND and self._is_too_much(home, device, trigger, out):
            return out
        was_heard = memory.heard_at != 0
        first = live and not was_heard
        if first:
            memory.first_at = received
        if live:
            heard = received
            if memory.offline_at and _is_from_before_its_will(device, report, at):
                heard = at
            if heard > memory.heard_at:
                if not memory.heard_at or heard - memory.heard_at >= device.silence:
                    self.health_changed.add(home.name)
                    note_gap(device, heard)
                memory.heard_at = heard
        elif not memory.heard_at and report.device_at is not None:
            memory.heard_at = at
        appeared = not was_heard and memory.heard_at != 0
        try:
            self._take_in(home, device, trigger, current, out)
        except Exception as error:  # noqa: BLE001  # one home's data must not stop the others
            self._failed(home, None, at, error, out)
            self._raise_anyway(home, device, trigger, out)
        if current and (
            at >= device.due
            or (trigger.changed and not LEARNS_FROM.isdisjoint(trigger.changed))
            or report.values.get("respiration_rate") == 0
        ):
            self._learn(home, device, trigger, out)
        if report.seq is not None and current:
            memory.seq = report.seq
        if report.device_at is not None and current:
            memory.device_at = said_at if report.device_at == report.at else epoch_ms(report.device_at)
        if device.counted and live and current:
            for instance in device.listen:
                episode = instance.episode
                if episode.phase == ACTIVE:
                    episode.heard += 1
                    self._evaluate(instance, max(episode.seen, received), trigger, out)
        if appeared:
            self._appeared(home, device, max(at, received), out)
        if first:
            for instance in list(home.instances.values()):
                by_it = instance.device is not None and device in instance.device.beside
                if (instance.device is device and instance.rule.ages) or (
                    by_it and instance.rule.doc.shape is Shape.absence
                ):
                    self._evaluate(instance, max(instance.episode.seen, received), trigger, out)
        # Whether its silence counts for the home's is a habit that this report may have shown or broken.
        if live and (
            first
            or home.memory.dark is not None
            or (memory.longest > SPEAKS_PAUSE and device.on_change) is not by_habit
        ):
            self._look_at_home(home, received, out)
        if self._news:
            self._settle(out)
        return out

    def _agreed(self, device: LiveDevice, report: Report) -> Report:
        """What may still be used of a report that set out while it was agreed to; the rest is dropped and counted."""
        kept_back = [q for q in (*report.values, *report.unknown) if q in device.withheld]
        if not kept_back:
            return report
        for quantity in kept_back:
            self.dropped[QUANTITIES[quantity].consent or ""] += 1
        return without(report, device.withheld)

    def _appeared(self, home: LiveHome, device: LiveDevice, at: int, out: list[Finding]) -> None:
        """The first word of a device: a home of which nothing was ever heard is one no more, and the others look for themselves."""
        notice = home.instances.get(f"{NEVER_HEARD}|{home.name}")
        looking = [] if notice is None else [notice]
        looking += [
            i
            for i in home.instances.values()
            if i.rule.id == SILENT
            and i.device is not None
            and (i.device is device or not i.device.memory.heard_at)
        ]
        for instance in looking:
            self._evaluate(instance, max(instance.episode.seen, at), None, out)

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

        Alarms are never held back. What was queued while a line was down has a wider limit, and so has a belt that keeps
        what it measures and sends minutes of it at once: each report tells of a second of its own.
        """
        report, memory = trigger.report, device.memory
        queued = trigger.received - trigger.at > QUEUED or memory.crowd <= A_SECOND
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
        f.flicks = [*f.flicks[1 - FLICKS :], at]
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
        values, test = report.values, report.test
        motion = fields.get("motion") if "motion" in values else None
        run = (motion.value, motion.since, motion.true_at, motion.at) if motion is not None else None
        if test:
            self._declared_test(home, device, trigger, out)
        elif "action" in values:
            self._idle_press(home, device, trigger, out)
        elif WITHDRAWN in values:
            noted = [WITHDRAWN]  # whatever it names
        wanted, asked = device.wanted, home.asked
        for quantity, value in values.items():
            f = fields.get(quantity)
            if f is not None and at > f.at:
                # The two ways of most readings: said again, or a number nobody waits for just now.
                if f.value == value:
                    quick = not (test and quantity in URGENT)
                elif quantity in wanted or quantity in asked:
                    quick = False
                else:
                    quick = True
                    f.value = value
                    f.since = at
                if quick:
                    f.at = at
                    f.received_at = received
                    f.report_id = report_id
                    if f.tied:
                        f.tied = []
                    if value:
                        f.true_at = at
                    if quantity in _NOTED and value is not False:  # a meter at 0 is a word as well
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
        telling = bool(device.sampled) and self._take_sample(device, trigger)
        if news is None and noted is None:
            if home.attentive:
                self._look_again(home, device, trigger, out)
            if telling:
                self._look_at_samples(device, trigger, out)
            return
        quantities = [q for q, _ in news] if news else []
        quantities += noted or []
        self._catch_up(home, device, quantities, at, out)
        changed = trigger.changed = set()
        fresh = False
        presses: list[tuple[str, Value]] = []
        ghosts: list[str] = []
        seen: list[str] = []
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
                    rose_at=at if word else 0,
                )
                changed.add(quantity)
                if quantity in OBSERVED and quantity not in ("door_open", "in_bed"):
                    seen.append(quantity)
                state_changed = state_changed or isinstance(word, bool)
            elif _move(f, word, trigger, hazard=quantity in HAZARDS):
                changed.add(quantity)
                if quantity in OBSERVED:
                    seen.append(quantity)
                if quantity == "in_bed":
                    if word:
                        note_return(home, device, f, at)
                    self._chatters(home, device, f, at, out)
                state_changed = state_changed or isinstance(word, bool)
            elif word and quantity in HAZARDS and _is_ghost(f, trigger):
                ghosts.append(quantity)
        if TOLD in quantities and values.get(TOLD):
            note_told(device, report_id, at)
        missed = WITHDRAWN in values and withdraw(device, str(values[WITHDRAWN]))
        for quantity in noted or ():
            if quantity in PRESSES:
                presses.append((quantity, report.values[quantity]))
            else:
                changed.add(quantity)
                if quantity in OBSERVED:
                    seen.append(quantity)
        for quantity in seen:
            if observe(home, device, quantity, fields[quantity].value, at):
                changed.add(ELSEWHERE)
        if "motion" in report.values:
            _weigh_motion(fields["motion"], run, trigger)
        if state_changed and current:
            memory.changes += 1
        if fresh:
            known = device.sampled
            self._plan(home)
            if device.sampled and not known:
                telling = self._take_sample(device, trigger)
        if changed & HEALTH:
            self.health_changed.add(home.name)
        for quantity, value in presses:
            if self._is_new_press(device, quantity, value, trigger):
                for instance in device.presses.get(quantity, ()):
                    self._guarded(instance, at, out, self._press, trigger, value)
        for quantity in ghosts:
            for instance in device.own.get(quantity, ()):
                if instance.rule.doc.on.quantity == quantity and instance.rule.doc.shape is Shape.state:
                    self._guarded(instance, at, out, self._ghost, trigger, quantity)
        looking = self._touched(home, device, changed)
        if missed:  # a sign only puts a lack off; without it one may be due that nobody would wake
            lacks = (i for i in home.instances.values() if "told" in i.rule.doc.signs)
            looking = sorted({*looking, *lacks}, key=_TURN)
        for instance in looking:
            self._evaluate(instance, max(instance.episode.seen, at), trigger, out)
        if "smoke" in changed and fields["smoke"].value:
            self._news.append((at, home.name, NEAR))
        if home.attentive:
            self._look_again(home, device, trigger, out)
        if telling:
            self._look_at_samples(device, trigger, out)

    def _take_sample(self, device: LiveDevice, trigger: Trigger) -> bool:
        """Take in what a belt measured; True when a rule may have something to say. Old and declared tests are none."""
        report, samples = trigger.report, device.memory.samples
        if samples is None or report.retained or report.test:
            return False
        return take(
            samples, report.values, report.unknown, device.fields, device.bed_says, trigger.at,
            keep=device.keep, band=device.band, sieve=self._sieve,
        )  # fmt: skip

    def _look_at_samples(self, device: LiveDevice, trigger: Trigger, out: list[Finding]) -> None:
        """Rules about samples that have nothing to say yet look; those that have are attentive anyway."""
        samples = device.memory.samples
        newest = samples.taken[-1] if samples is not None and samples.taken else (0, 0, 0, 0, 0)
        late = trigger.at < newest[0]
        marked = samples is not None and (is_marked(samples) or any(map(_is_marked, device.bedfellows)))
        ordinary = not late and device.band.holds(newest[HEART], newest[BREATH])
        for instance in device.unlimited if ordinary else device.sampled:
            episode = instance.episode
            if episode.phase != IDLE:
                continue
            if late:
                instance.not_before.clear()
            elif _has_nothing_to_say(instance, newest, marked=marked):
                continue
            self._evaluate(instance, max(episode.seen, trigger.at), trigger, out)
            rests = instance.rests
            instance.calm = instance.rule.marked and not marked and rests is not None and not rests

    def _learn(self, home: LiveHome, device: LiveDevice, trigger: Trigger, out: list[Finding]) -> None:
        """The personal clock takes it in; whoever asks it looks again when it has learnt something."""
        try:
            stirred = personal.hear(home, device, trigger, self._view.zone)
        except Exception as error:  # noqa: BLE001  # what is usual here must not stop what is dangerous
            self._failed(home, None, trigger.at, error, out)
            return
        for instance in stirred:
            self._evaluate(instance, max(instance.episode.seen, trigger.at), trigger, out)

    def _touched(self, home: LiveHome, device: LiveDevice, quantities: Iterable[str]) -> list[Instance]:
        """Who looks at news of these quantities of a device, in their order."""
        found: set[Instance] = set()
        for quantity in quantities:
            for instance in device.own.get(quantity, ()):
                rests = instance.rests
                if (rests is None or quantity in rests) and instance.rule.doc.shape is not Shape.press:
                    found.add(instance)
            for instance in home.woken.get(quantity, ()):
                rests = instance.rests
                if rests is None or quantity in rests:
                    found.add(instance)
            if quantity in home.asked:
                found.update(i for i in home.wide.get(quantity, ()) if i.episode.phase != IDLE)
        return sorted(found, key=_TURN) if len(found) > 1 else list(found)

    def _catch_up(
        self, home: LiveHome, device: LiveDevice, quantities: list[str], at: int, out: list[Finding]
    ) -> None:
        """Timers of the subjects this report is about, due before it: they speak first."""
        until = min(at, self._now)
        if not any(heap and heap[0][0] <= until for heap in self._heaps):
            return
        if not (_is_due(device.own, quantities, until) or _is_due(home.wide, quantities, until)):
            return  # nearly always: `tick` was here
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
        """An alarm device sent something unreadable (rule TE10), or so much was said that some was left out at the door
        (TE12): people are told. Other refusals are ignored.
        """
        self._begin(now)
        out: list[Finding] = []
        flood = refusal.reason == Reason.flood
        if not (refusal.alarm or flood) or refusal.home is None or refusal.device is None:
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
        if flood:
            device.memory.flooded_at = max(device.memory.flooded_at, at)
            notice = self._notice(home, FLOOD, device)
            if notice is not None:
                self._note(notice, at, msgspec.structs.replace(evidence, value=refusal.times), out)
                due = device.memory.flooded_at + CALM
                notice.episode.wake = min(notice.episode.wake, due) if notice.episode.wake else due
                self._arm(notice)
            return out
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
        self._view.neighbours = self._neighbours
        self._shared = limits_of(registry, rulebook)
        self._sieve = sieve_of(rulebook)
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

    def order(self, orders: HomeOrders, now: datetime) -> list[Finding]:
        """Modes and temporary limits of a home as they were set at run time; the same again changes nothing."""
        self._begin(now)
        out: list[Finding] = []
        home = self._home(orders.home) or self._adopt(orders.home, self._now)
        if (home.memory.orders or HomeOrders(home=orders.home)) == orders:
            return out
        home.memory.orders = orders
        self._rebuild(home.name, home, out)
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
        self._move_beds(name, old)
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
            self._end_incident(home, self._now)
        self._dirty.add(name)
        self.health_changed.add(name)
        for instance in sorted(home.instances.values(), key=lambda i: (i.rule.order, i.key)):
            if instance.rule.doc.shape is Shape.press or instance.test:
                continue
            waiting = instance.episode.phase != IDLE or instance.episode.wake
            if waiting or instance.rule.doc.shape is Shape.absence or instance is home.outage:
                self._evaluate(instance, max(instance.episode.seen, self._now), None, out)

    def _move_beds(self, name: str, old: LiveHome) -> None:
        """A bed is named by its resident and room. When the site file says those otherwise, what was waiting for it and
        what was learnt of it go along; not when the bed is somebody else's now, and not while a device stays behind.
        """
        memory = old.memory
        before = {d.name: (bed_of(d), d.resident) for d in old.devices.values() if d.bed}
        after: dict[str, tuple[str, Resident | None]] = {}
        home = LiveHome(name, memory)
        for device in before:
            now = LiveDevice(device, memory.devices[device]) if device in memory.devices else None
            if now is not None:
                self._describe(home, now)
                after[device] = bed_of(now), now.resident
        taken = {bed for bed, _ in after.values()}
        for device, (bed, whose) in before.items():
            to, theirs = after.get(device, (bed, None))
            another = whose is not None and theirs is not None and whose.id != theirs.id
            if to == bed or bed in taken or another:
                continue
            for key in list(memory.episodes):
                rule, _, subject = key.partition("|")
                if subject == bed:
                    memory.episodes.setdefault(f"{rule}|{to}", memory.episodes.pop(key))
            for instance in list(old.instances.values()):
                if instance.subject == bed:
                    del old.instances[instance.key]
            if memory.clock is not None and bed in memory.clock.beds:
                memory.clock.beds.setdefault(to, memory.clock.beds.pop(bed))

    def _declared(self, home: LiveHome, device: LiveDevice, trigger: Trigger, out: list[Finding]) -> None:
        """`online` / `offline` of a gateway or an availability topic. Only a gateway's is believed by itself."""
        memory = device.memory
        at = trigger.at
        if trigger.report.state == "offline":
            # A gateway that spoke after its last will, without saying that it is there, may be lost once more.
            again = memory.offline_at < memory.heard_at <= at and not trigger.report.retained
            if (memory.offline_at > memory.online_at and not again) or at < memory.online_at:
                return
            memory.offline_at = at
        else:
            kept = trigger.report.retained
            again = memory.online_at > memory.offline_at and (kept or not memory.online_kept)
            if again or at < memory.offline_at:
                return
            memory.online_at, memory.online_kept = at, kept
        self.health_changed.add(home.name)
        if device.kind == Kind.gateway:
            for instance in device.listen:
                if instance.rule.doc.shape is Shape.absence:
                    self._evaluate(instance, max(instance.episode.seen, at), trigger, out)
            self._look_at_home(home, trigger.received, out)


def _is_from_before_its_will(device: LiveDevice, report: Report, at: int) -> bool:
    """Whether a gateway said this before its last will, though it comes after: on a slow line, or sent once more.

    It shows nothing of what came after the will. Without a time of its own nobody can tell, and it counts as a sign of
    life.
    """
    memory = device.memory
    stands = memory.offline_at > memory.online_at and device.kind == Kind.gateway
    return stands and report.device_at is not None and at <= memory.offline_at


def _count(memory: DeviceMemory, told: int) -> None:
    """One more report in the same second of arrival; `told` is the second it tells of."""
    memory.in_second += 1
    if told > memory.told_high:
        memory.told_high = told
    elif told < memory.told_low:
        memory.told_low = told
    else:
        memory.crowd += 1


def _is_due(asking: dict[str, tuple[Instance, ...]], quantities: Iterable[str], until: int) -> bool:
    """Whether a timer of these is due."""
    for quantity in quantities:
        for instance in asking.get(quantity, ()):
            if 0 < instance.episode.wake <= until:
                return True
    return False


def _has_nothing_to_say(instance: Instance, newest: tuple[float, ...], *, marked: bool) -> bool:
    """Whether a rule about samples that is idle would find what it found when it last looked."""
    if instance.looks:
        return not any(
            newest[place] >= limit if above else 0 < newest[place] <= limit
            for place, above, limit in instance.looks
        )
    if marked or not instance.calm:
        return False
    episode, home = instance.episode, instance.home
    busy = home.memory.orders is not None or home.modes or home.limits_until or home.memory.suspended
    return not (busy or episode.wake or episode.spent)


def _is_marked(device: LiveDevice) -> bool:
    samples = device.memory.samples
    return samples is not None and is_marked(samples)


def _is_cut_off(home: LiveHome) -> bool:
    """Its silence is not its devices' habit."""
    dark = home.memory.dark
    return dark is not None and (dark.gateway or bool(dark.area))


def _move(f: Field, value: Value | None, trigger: Trigger, *, hazard: bool = False) -> bool:
    """Take over a word that is not older than the last; True when the value is another one.

    A last report that knew nothing (null) is no word about a hazard: what is newer than all that was known still counts.
    """
    at, report = trigger.at, trigger.report
    if at < f.at and not (hazard and _is_first_word(f, value, at)):
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
        if value:
            f.rose_at = at
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


def _is_first_word(f: Field, value: Value | None, at: int) -> bool:
    """An older word than the last report's, which knew nothing, and newer than all that was ever known."""
    return f.value is None and value is not None and max(f.true_at, f.false_at) < at


def _weigh_motion(f: Field, run: tuple[Any, int, int, int] | None, trigger: Trigger) -> None:
    """Motion heard over a weak link is a person only when it lasts: bursts true, false, true are the radio's. Motion that
    is said again and again for hours without an end is a sensor that is stuck (TE6), and nobody.
    """
    was, since, true_at, said = run if run is not None else (None, 0, 0, 0)
    quality = trigger.report.values.get("link_quality", 255)
    weak = isinstance(quality, int | float) and quality < WEAK
    if f.at != trigger.at:
        return
    if f.value and weak and trigger.at - f.since < BURST:
        f.true_at = true_at
    elif was is True and f.value and f.false_at and trigger.at - f.since >= STUCK:
        f.true_at = true_at if trigger.at - said <= HEARTBEAT else trigger.at
    elif f.value is False and was is True and true_at < since and trigger.at - since >= BURST:
        f.true_at = trigger.at


def _is_ghost(f: Field, trigger: Trigger) -> bool:
    """A hazard never heard of, older than our last word, which says it is over.

    It is one only between two words that deny it, or before all that was ever known. A retained copy is a cache; so is
    a "yes" dated between the last we heard and the end of it: a bridge that fell over and tells an old state anew.
    """
    report = trigger.report
    return (
        not report.retained
        and report.device_at is not None
        and report.repaired is None
        and f.value is False
        and f.true_at < trigger.at < f.at
        and (trigger.at >= f.since or not f.true_at)
    )
