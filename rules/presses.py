"""Presses (SOS, fall), hazards heard of too late, and declared tests. Start at `_press`."""

from __future__ import annotations

import msgspec

from care.ids import content_id, epoch_ms
from care.messages import URGENT, Finding, Value
from care.words import Kind, Phase
from devices.actions import may_be_a_call
from devices.quantities import PRESSES
from rules.catalog import Shape
from rules.episodes import CALM, IDLE_PRESS, SPACING_LIFE, TEST_LASTS, Episodes
from rules.findings import reading
from rules.homes import forget
from rules.live import NEVER, Instance, LiveDevice, LiveHome, Trigger
from rules.memory import (
    ACTIVE,
    IDLE,
    PENDING,
    Episode,
    Field,
    Press,
)
from rules.memory import PRESSES as REMEMBERED

REPEAT_SURE = 2 * 60_000
"""The same `seq` heard again so soon is a device that waits for its answer."""
REPEAT = 10 * 60_000
"""The same `seq` heard again within this is a repeat unless the counter was set back in between; later it is a
counter that began anew. In doubt people are told."""
EACH_TOLD = 50
"""Presses of one episode told one by one; beyond it once a second."""


class Presses(Episodes):
    """What happens in a moment."""

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
        forget(episode)
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
        # A grade that asks for more (heat beside the smoke, a second detector) is no more true for being late.
        reached = rule.when.value(view) and [g for g in rule.grades if g.when is None or g.when.value(view)]
        view.spoken = None
        f.true_at = max(f.true_at, at)
        if not reached:
            return
        first = min(reached, key=lambda g: g.after.value(view))
        lasted = (f.since if at < f.since else f.at) - at
        after = round(first.after.value(view) * 1000)
        if lasted < after:
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

    def _idle_press(self, home: LiveHome, device: LiveDevice, trigger: Trigger, out: list[Finding]) -> None:
        """An SOS button is pressed in a way that calls nobody (`calls_on` of the site file): people are told, TE16."""
        if device.kind != Kind.sos or "sos" in trigger.report.values:
            return
        word = str(trigger.report.values["action"])
        if not may_be_a_call(word) or not self._is_new_press(device, "action", word, trigger):
            return
        notice = self._notice(home, IDLE_PRESS, device)
        if notice is not None:
            self._note(notice, trigger.at, reading(trigger, "action", word), out)
            notice.episode.wake = max(notice.episode.last_at + CALM, self._now + 1)
            self._arm(notice)

    def _declared_test(
        self, home: LiveHome, device: LiveDevice, trigger: Trigger, out: list[Finding]
    ) -> None:
        """A declared test of an alarm: said in blue, marked, and it moves nothing that is believed of the home."""
        report = trigger.report
        urgent = [q for q in report.values if q in URGENT]
        if not urgent:
            return
        if not report.retained:
            device.memory.tested_at = trigger.at
            self.health_changed.add(home.name)  # its alarm is understood: that may be all that was missing
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
                forget(episode)
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
