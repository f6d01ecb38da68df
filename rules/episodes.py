"""Episodes: how a rule moves from idle to pending to active and back, and what is said about it. Start at `_evaluate`.

idle ──when──► pending ──after──► active ──clear, held──► idle
unknown lies over it: nothing rises, nothing clears
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from care.ids import content_id
from care.messages import URGENT, Evidence, Finding
from care.words import Condition, Phase
from rules import personal
from rules.catalog import Rule, RuleGrade, Shape, Subject
from rules.findings import CANNOT_TELL, Particulars, evidence_of, finding_of, reading
from rules.homes import Homes, forget, is_attentive
from rules.live import (
    NEVER,
    NONE,
    ON_CHANGE_GAP,
    Instance,
    LiveDevice,
    LiveHome,
    Trigger,
    has_reported,
    hours_of,
    silent_since,
)
from rules.memory import (
    ACTIVE,
    IDLE,
    PENDING,
    moment,
)
from rules.modes import next_edge, next_quiet, out_until, quiet_before, quiet_until
from rules.outage import never_heard
from rules.signs import alive_share, bearers, last_sign, slow_beat
from rules.windows import instant

REST = 10 * 60_000
"""A rule that failed on a home's data is tried again after this."""
SPACING_LIFE, SPACING = 5_000, 60_000
"""Least time between two occurrences of one episode that are told: a flickering detector is one alarm."""
FAILED: Final = "TE7_rule"
"""The notice for a rule that failed on a home's data."""
VIRTUAL: Final = "TE6_virtual"
"""The notice for a detector whose alarms were probably none."""
CONTRADICTED: Final = "contradicted"
"""The tag of a finding that something else speaks against; the alerts lower its case by a step."""
NO_LEVEL: Final = "no_local_level"
"""The tag of an alarm without a measured level: the message may be the whole of it (domain 2.3)."""
ENDED_BY_TEST = 60_000
"""A test so near the end of an alarm ended it: the way people silence a virtual one."""
DOUBTS = 2
"""Such alarms of one device make a ticket."""
FLOOD: Final = "TE12"
"""The notice for a device that says too much."""
CALM = 5 * 60_000
"""So long after the last of it a flood or a chatter is over."""
CHATTERS: Final = "TE6_bed"
"""The notice for a bed sensor that changes its mind too often."""
IDLE_PRESS: Final = "TE16"
"""The notice for an SOS button that was pressed in a way that calls nobody."""
RELEASE: Final = "release "
SILENT: Final = "TE3"
"""A device that is not heard."""
NEVER_HEARD: Final = "TE3_home"
"""The notice for a home of which nothing was ever heard."""
TEST_LASTS = 5 * 60_000
"""A declared test is over so long after its last message."""


LONG_AGO: Final = 2 * 24 * 3600_000
LOOK: Final = 60 * 60_000
"""A lack that may not speak now (in bed, away, sensors dead) is looked at again so often."""


Step = Callable[..., None]
"""Moves an episode on: what it looks at, when, by which report, and where findings go."""


def _may_rest(instance: Instance) -> bool:
    """Whether this rule speaks of a device's own state and of nothing that happens to a person."""
    doc = instance.rule.doc
    return (
        instance.device is not None
        and doc.class_ == "technical"
        and not instance.rule.life
        and not instance.test
        and doc.shape in (Shape.state, Shape.absence)
    )


class Episodes(Homes):
    """Moves the episodes of rules on."""

    def _evaluate(self, instance: Instance, at: int, trigger: Trigger | None, out: list[Finding]) -> None:
        shape = Shape.notice if instance.test else instance.rule.doc.shape
        step: Step
        if shape is Shape.state:
            step = self._step_state
        elif shape is Shape.absence:
            step = self._step_absence
        elif shape is Shape.notice:
            step = self._step_notice
        elif shape is Shape.lack:
            step = self._step_lack
        elif shape is Shape.outage:
            step = self._step_area if instance.rule.doc.on.subject is Subject.area else self._step_outage
        else:
            return
        orders = instance.home.memory.orders
        if orders is not None and orders.out and _may_rest(instance):
            self.health_changed.add(instance.home.name)
            assert instance.device is not None
            if out_until(orders, instance.device.name, at):
                step = self._step_out
        self._guarded(instance, at, out, step, trigger)

    def _guarded(
        self, instance: Instance, at: int, out: list[Finding], step: Step, trigger: Trigger | None,
        *args: Any,
    ) -> None:  # fmt: skip
        """Run one step. When it fails, only this rule in this home rests, and that is said."""
        home = instance.home
        if home.memory.suspended and self._rests(instance, at):
            return
        if home.limits_until and at >= home.limits_until:
            self._refresh(home, at)
        view = self._view
        view.look(instance, at, trigger.changed if trigger is not None else NONE)
        episode = instance.episode
        phase = episode.phase
        instance.rests = None
        said = len(out)
        try:
            step(instance, at, trigger, out, *args)
        except Exception as error:  # noqa: BLE001  # see the docstring
            view.spoken = None
            del out[said:]
            self._failed(home, instance, at, error, out)
            if trigger is not None and instance.rule.life:
                self._raise_anyway(home, trigger.device, trigger, out, only=instance.rule)
            self._heed(home)
            # An old report must not make it fail again and again through the years since.
            episode.wake = max(at, self._now) + REST
            self._arm(instance)
            return
        if episode.phase != phase:
            self._heed(home)
        wake = view.next
        if at < home.limits_until < wake and (wake != NEVER or episode.phase == PENDING):
            wake = home.limits_until  # what it waits for is another time from then on
        if wake == NEVER:
            episode.wake = 0
        else:
            episode.wake = wake
            if wake < instance.armed or not instance.armed:
                self._arm(instance)
        if view.closed:
            view.closed = False
            self._ask_again(instance, at)
        if is_attentive(instance):
            home.attentive.add(instance.key)
        elif home.attentive:
            home.attentive.discard(instance.key)

    def _rests(self, instance: Instance, at: int) -> bool:
        """Whether its rule failed here a short while ago."""
        rest = instance.home.memory.suspended.get(instance.rule.id)
        if rest is None or at >= rest or instance.rule.life or instance.rule.id == FAILED:
            return False
        instance.episode.wake = rest
        self._arm(instance)
        return True

    def _step_state(self, instance: Instance, at: int, trigger: Trigger | None, out: list[Finding]) -> None:
        view, rule, episode = self._view, instance.rule, instance.episode
        doc = rule.doc
        if doc.quiet_in and instance.home.modes and self._is_quiet(instance, at, trigger, out):
            return
        rests: frozenset[str] | None = None
        if episode.phase == IDLE:
            value, rests = rule.judge(view)
        else:
            value = rule.when.value(view)
        view.blinded = bool(doc.cannot_tell_while) and self._is_blinded(instance)
        if view.blinded:
            value = None
        is_open, edge = True, 0
        if instance.hours is not None:
            is_open, edge = instance.hours.state(at)
        if episode.phase == IDLE:
            if not value:
                self._stay_idle(instance, value, rests)
                return
            self._begin_waiting(instance, at, trigger, is_open, edge)
            if episode.phase == IDLE:
                return
        if edge:
            view.wake(edge)
        episode.seen = max(episode.seen, at)
        if episode.phase == PENDING:
            self._wait(instance, at, trigger, value, is_open, out)
        else:
            self._watch(instance, at, trigger, value, out)

    def _stay_idle(self, instance: Instance, value: Any, rests: frozenset[str] | None) -> None:
        view, doc, wake = self._view, instance.rule.doc, instance.episode.wake
        if value is not None:
            instance.episode.spent = False
            instance.rests = rests
        if not doc.by_time:
            view.next = NEVER
        elif view.next <= self._now - LONG_AGO:
            # After a report from long ago the hours between are not gone through one by one.
            view.next = self._now
        elif instance.rests and instance.gap and view.now < wake < view.next:
            # How long a word is believed moves with each repetition of it, and those are not looked at. The timer stays
            # where it is, looked at meanwhile or not.
            view.next = wake

    def _is_blinded(self, instance: Instance) -> bool:
        """Whether a rule speaks of this subject that makes this one unable to tell."""
        instances = instance.home.instances
        for rule in instance.rule.doc.cannot_tell_while:
            other = instances.get(f"{rule}|{instance.subject}")
            if other is not None and other.episode.phase == ACTIVE:
                return True
        return False

    def _blind(self, instance: Instance, at: int) -> None:
        """Rules that this one makes unable to tell, or lets see again, look at once."""
        self.health_changed.add(instance.home.name)
        for rule in sorted(self.rulebook.blinding[instance.rule.id]):
            other = instance.home.instances.get(f"{rule}|{instance.subject}")
            if other is not None:
                wake = other.episode.wake
                other.episode.wake = min(wake or at + 1, at + 1)
                self._arm(other)

    def _ask_again(self, asker: Instance, at: int) -> None:
        """Whoever asks what is usual here looks at once: one of them found that a day was over before a report did."""
        if at < self._now - LONG_AGO:
            return  # by the clock of a device that lives years ago: nobody is asked about each of the days between
        for other in asker.home.personal:
            if other is not asker:
                wake = other.episode.wake
                other.episode.wake = min(wake or at + 1, at + 1)
                self._arm(other)

    def _begin_waiting(
        self, instance: Instance, at: int, trigger: Trigger | None, is_open: bool, edge: int
    ) -> None:
        view, rule, episode = self._view, instance.rule, instance.episode
        view_next, view.next = view.next, NEVER
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
        if rule.unless is not None and rule.unless.value(view):
            view.next = NEVER
            view.wake(self._next_look(at))
            return
        began = rule.began.value(view) if rule.began is not None else None
        view.next = min(view.next, view_next)
        episode.phase = PENDING
        episode.onset = min(at, view.began or at, at - max(0, round((began or 0) * 1000)))
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
            forget(episode)
            episode.spent = bool(value)
            view.next = NEVER
            return
        if not value:
            episode.gap = False
            if not episode.relief_at:
                episode.relief_at = at
            left = instance.settle - episode.relief - (at - episode.relief_at)
            if left <= 0:
                forget(episode)
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
            if rule.doc.settle_each and episode.relief < instance.settle:
                episode.relief = 0
            if episode.relief >= instance.settle:
                forget(episode)
                return
        self._rise(instance, at, episode.onset, trigger, out)

    def _watch(
        self, instance: Instance, at: int, trigger: Trigger | None, value: Any, out: list[Finding]
    ) -> None:
        view, rule, episode = self._view, instance.rule, instance.episode
        if view.blinded:
            clear = None
        elif rule.clear is not None:
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
        if rule.lower is not None and not blind:
            self._lower(instance, at, trigger, out)
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
            due = self._due(instance, since, grade.after.value(view))
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
        opened = episode.phase != ACTIVE
        episode.grade = best
        episode.minutes = self._passed(instance, since, at)
        if opened:
            self._open(instance, at, trigger, out)
        else:
            self._gather(instance, trigger, grades[best])
            self._emit(instance, Phase.changed, at, "level", trigger, out)
        # The grades below the one just reached need no timer any more, but worse ones may.
        for i, grade in enumerate(grades):
            if not episode.reached >> i & 1 and grade.level.rank > grades[best].level.rank:
                view.wake(self._due(instance, since, grade.after.value(view)))

    def _lower(self, instance: Instance, at: int, trigger: Trigger | None, out: list[Finding]) -> None:
        """Contradicted soon after it was told: what stands is the last grade."""
        view, rule, episode = self._view, instance.rule, instance.episode
        last = len(rule.grades) - 1
        if rule.lower is None or episode.grade == last:
            return
        if at - episode.told_at > round(rule.lower[1].value(view) * 1000) or not rule.lower[0].value(view):
            return
        episode.grade = last
        episode.reached = (1 << len(rule.grades)) - 1  # it does not rise again
        episode.tags = [*dict.fromkeys((*episode.tags, CONTRADICTED))]
        self._gather(instance, trigger, rule.grades[last])
        self._emit(instance, Phase.changed, at, "level", trigger, out)

    def _open(
        self, instance: Instance, at: int, trigger: Trigger | None, out: list[Finding], *tags: str
    ) -> None:
        episode, rule = instance.episode, instance.rule
        episode.seen = max(episode.seen, at)
        episode.occurrences = 1
        episode.last_at = episode.told_at = at
        episode.heard = 0
        episode.finding = content_id(rule.id, instance.subject, episode.onset)
        episode.tags = [name for name, tag in rule.tags.items() if tag.value(self._view)]
        episode.tags += tags
        episode.seq = trigger.report.seq if trigger is not None else None
        self._gather(instance, trigger, rule.grades[episode.grade] if episode.grade >= 0 else None)
        episode.phase = ACTIVE
        self._emit(instance, Phase.opened, at, "", trigger, out)
        if NO_LEVEL in episode.tags:
            self._doubt(instance, at, out)
        if rule.id in self.rulebook.blinding:
            self._blind(instance, at)

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
        forget(instance.episode)
        if instance.rule.id in self.rulebook.blinding:
            self._blind(instance, at)

    def _is_quiet(self, instance: Instance, at: int, trigger: Trigger | None, out: list[Finding]) -> bool:
        """Whether a mode of the home keeps this rule quiet now. What was open is cleared; the mode's end is waited for."""
        view, episode, modes = self._view, instance.episode, instance.rule.doc.quiet_in
        if not instance.home.modes:
            return False
        until = quiet_until(instance.home, modes, at)
        if not until:
            if begins := next_quiet(instance.home, modes, at):
                view.wake(begins)
            return False
        if episode.phase == ACTIVE:
            episode.seen = max(episode.seen, at)
            self._clear(instance, at, trigger, out, "mode")
        else:
            forget(episode)
        view.next = NEVER
        view.wake(until)
        return True

    def _step_out(self, instance: Instance, at: int, trigger: Trigger | None, out: list[Finding]) -> None:
        """The device is out of service: nothing technical is said of it, and at the end it is looked at again."""
        view, episode = self._view, instance.episode
        assert instance.device is not None
        if episode.phase == ACTIVE:
            episode.seen = max(episode.seen, at)
            self._clear(instance, at, trigger, out, "out_of_service")
        else:
            forget(episode)
        view.next = NEVER
        view.wake(out_until(instance.home.memory.orders, instance.device.name, at))

    def _step_lack(self, instance: Instance, at: int, trigger: Trigger | None, out: list[Finding]) -> None:
        """No sign of a person since …: told when it has lasted, with proof that it would have been seen."""
        view, rule, episode, home = self._view, instance.rule, instance.episode, instance.home
        if rule.doc.quiet_in and self._is_quiet(instance, at, trigger, out):
            return
        today = self._learn_hours(instance, at) if rule.learns_hours else 0
        sign = last_sign(home, rule.doc.signs, at)
        if episode.phase == ACTIVE:
            episode.seen = max(episode.seen, at)
            if sign.at > episode.onset:
                self._clear(instance, at, trigger, out)
        dark = home.memory.dark
        if dark is not None and dark.covers(at):
            view.wake(self._next_look(at))  # the home is not heard, and that is told by itself
            return
        witnesses = bearers(home, rule.doc.signs)
        known = min((d.memory.first_at or d.memory.known_at for d in witnesses), default=at)
        since = max(sign.at, quiet_before(home, rule.doc.quiet_in, at), known, today)
        if episode.phase == ACTIVE:
            since = episode.onset
        due = min(self._due(instance, since, g.after.value(view)) for g in rule.grades)
        if episode.phase != ACTIVE:
            episode.onset = 0
            if at < due:
                # What still moves now may have ended long before then: look when its last word has grown old enough.
                said = max(last_sign(home, rule.doc.signs, at, said=True).at, since if since > sign.at else 0)
                earliest = (
                    min(self._due(instance, said, g.after.value(view)) for g in rule.grades) if said else due
                )
                view.wake(earliest if earliest > at else min(due, self._next_look(at)))
                return
            if rule.unless is not None and rule.unless.value(view):
                view.next = NEVER
                view.wake(self._next_look(at))
                return
            episode.onset = since
        proven = alive_share(witnesses, since, at) * 100 >= view.limits[rule.doc.proof or ""]
        if proven:
            episode.tags = [t for t in episode.tags if t != CANNOT_TELL]
            if episode.blind:
                episode.blind = False
                self._emit(instance, Phase.changed, at, "known", trigger, out)
            self._rise(instance, at, since, trigger, out)
            if episode.phase == IDLE:
                episode.onset = 0
            return
        view.next = NEVER
        view.wake(self._next_look(at))
        if episode.phase != ACTIVE:
            episode.blind = True
            episode.minutes = self._passed(instance, since, at)
            self._open(instance, at, trigger, out, CANNOT_TELL)
        elif not episode.blind:
            episode.blind = True
            self._emit(instance, Phase.changed, at, "unknown", trigger, out, condition=Condition.unknown)

    def _next_look(self, at: int) -> int:
        """In an hour. After a report from long ago (a clock of 1985) the hours of the years between are passed over."""
        behind = self._now - LONG_AGO - at
        return at + LOOK * (1 + max(0, behind) // LOOK)

    def _learn_hours(self, instance: Instance, at: int) -> int:
        """Set the hours of a lack as they are learned for this day; gives when the day began, and waits for the next."""
        view, rule, clock = self._view, instance.rule, instance.home.memory.clock
        today = instance.today
        if today is None or clock is None or today[2] != clock.day_ends or not today[0] <= at < today[1]:
            assert rule.hours is not None
            opens, closes = rule.hours[0].value(view), rule.hours[1].value(view)
            instance.hours = hours_of(opens, closes, view.zone)
            day = datetime.fromtimestamp(at / 1000, view.zone).date()
            begins, ends = (instant(day + timedelta(days=n), 0, view.zone) for n in (0, 1))
            clock = instance.home.memory.clock
            today = instance.today = begins, ends, clock.day_ends if clock is not None else 0
        view.wake(max(today[1], self._now - LONG_AGO))  # nor each midnight of the years (`_next_look`)
        return today[0]

    @staticmethod
    def _due(instance: Instance, since: int, seconds: float) -> int:
        """When so long has passed; of a lack with hours, only time inside them counts."""
        span = round(seconds * 1000)
        if instance.hours is not None and instance.rule.doc.shape is Shape.lack:
            return instance.hours.after(since, span)
        return since + span

    @staticmethod
    def _passed(instance: Instance, since: int, at: int) -> int:
        """Minutes that have passed, counted alike."""
        if instance.hours is not None and instance.rule.doc.shape is Shape.lack:
            return round(instance.hours.inside(since, at) / 60_000)
        return round((at - since) / 60_000)

    def _refresh(self, home: LiveHome, at: int) -> None:
        """A temporary limit has begun or ended: what is in force is found anew, and who waits looks again."""
        home.limits_until = next_edge(home.site, home.memory.orders, self.registry.zone, at)
        self._set_ways(home, at)
        for instance in list(home.instances.values()):
            self._set_limits(instance, instance.group[0] if instance.group else None, at)
            if instance.episode.phase == PENDING or (instance.episode.wake and not instance.test):
                instance.episode.wake = max(at, self._now) + 1
                self._arm(instance)

    def _step_absence(self, instance: Instance, at: int, trigger: Trigger | None, out: list[Finding]) -> None:
        view, rule, episode = self._view, instance.rule, instance.episode
        device = instance.device
        assert device is not None
        since = silent_since(device)
        memory = instance.home.memory
        if memory.dark is not None and memory.dark.covers(at):
            # The home is not heard: that is said once, not for each of its devices. They are looked at when it is back.
            if episode.phase == ACTIVE:
                episode.seen = max(episode.seen, at)
                self._clear(instance, at, trigger, out, "covered")
                self.health_changed.add(instance.home.name)
            return
        if memory.dark is not None and memory.dark.gateway and episode.phase != ACTIVE:
            return  # its gateway is away: a few minutes tell whether that is one loss or a blip, and we look again then
        if rule.id == SILENT and not has_reported(device) and never_heard(instance.home):
            # One cause, one finding: it is told of the home.
            if episode.phase == ACTIVE:
                self._clear(instance, at, trigger, out, "covered")
            due = since + round(instance.limits["never_hours"] * 1000) if since is not None else NEVER
            if at < due:
                view.wake(due)
            else:
                self._news.append((at, instance.home.name, NEVER_HEARD))
            return
        if since is not None and since < memory.back_at and device.memory.heard_at:
            since = memory.back_at
        if episode.phase == ACTIVE:
            episode.seen = max(episode.seen, at)
            if since is not None and not (rule.clear is not None and rule.clear.value(view)):
                self._rise(instance, at, since, trigger, out)
                return
            gaps = device.memory.gaps
            back = gaps[-1][1] + instance.clear_hold if gaps and instance.clear_hold else 0
            if at < back or device.memory.heard_at < back - instance.clear_hold // 2:
                view.wake(back)  # heard again, but not for long enough
                return
            self._clear(instance, at, trigger, out)
            self.health_changed.add(instance.home.name)
        if since is None:
            return
        if device.on_change and at < since + ON_CHANGE_GAP:
            view.wake(since + ON_CHANGE_GAP)
            return
        if since == device.memory.heard_at and at < since + (slow := slow_beat(device)):
            view.wake(since + slow)
            return
        if at < since + instance.patience:
            view.wake(since + instance.patience)
            return
        episode.onset = since
        self._rise(instance, at, since, trigger, out)
        if episode.phase == IDLE:
            episode.onset = 0
        else:
            self.health_changed.add(instance.home.name)

    # -------------------------------------------------------------------------------------- notices

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

    def _note(
        self, instance: Instance, at: int, evidence: Evidence, out: list[Finding], *, onset: int | None = None
    ) -> None:
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
        forget(episode)
        episode.phase = ACTIVE
        episode.last_at = episode.seen = at
        episode.onset = at if onset is None else onset
        episode.grade = 0
        episode.occurrences = 1
        episode.finding = content_id(instance.rule.id, instance.subject, at)
        episode.evidence = [evidence]
        self._heed(instance.home)
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
        elif rule.id == NEVER_HEARD:
            if never_heard(instance.home):
                return
        elif rule.id == IDLE_PRESS:
            if at < episode.last_at + CALM:
                view.wake(episode.last_at + CALM)
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
        covers_others = instance.rule.doc.shape is Shape.outage or instance.rule.id == NEVER_HEARD
        more = self._particulars(instance, at) if covers_others else None
        if phase is Phase.opened or reason == "level":
            level = instance.rule.grades[max(instance.episode.grade, 0)].level
            personal.alarmed(instance, at, level, opened=phase is Phase.opened)
        out.append(
            finding_of(instance, phase, at, reason, trigger, now=self._now, condition=condition, more=more)
        )

    # What subclasses know: outages of homes and areas.

    @abstractmethod
    def _step_outage(self, instance: Instance, at: int, trigger: Trigger | None, out: list[Finding]) -> None:
        """Whether a home is heard."""

    @abstractmethod
    def _step_area(self, instance: Instance, at: int, trigger: Trigger | None, out: list[Finding]) -> None:
        """The finding of an area's incident."""

    @abstractmethod
    def _particulars(self, instance: Instance, at: int) -> Particulars:
        """Whom an outage takes."""
