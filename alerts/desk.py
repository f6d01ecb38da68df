"""The desk: owner of all open alerts. Pure and synchronous; proposes transitions, never changes by itself.

`on_finding`, `command` and `tick` propose; `apply` folds a transition that has become durable. Between the two
the caller makes it durable, so what the desk believes is what the log says. Several proposals of one `tick`
build on each other: make them durable in order, and drop the rest of an alert's when one does not hold.

One home and one cause is one open case. A test is a case of its own, so that a real call is never swallowed
by it. Deterministic: the alert's id comes from home, cause and first finding, numbers from the given sequence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

import msgspec

from alerts.alert import ADVICE_WORKS, Alert, next_due, timers
from alerts.campaigns import CONFIRM_WITHIN, SAME_PRESS, Campaign, awaited
from alerts.cases import STORM, a_storm, case_rules
from alerts.events import (
    Closed,
    DeliveryState,
    Event,
    FindingChanged,
    FindingCleared,
    FindingUnknown,
    FindingView,
    Joined,
    LevelLowered,
    LevelRaised,
    Outcome,
    Raised,
    Reopened,
    Resumed,
    Transition,
)
from alerts.ladder import Plan, plan_for
from alerts.lifecycle import evolve, fold
from alerts.orders import REOPEN_WITHIN, No, NotAllowed, Order
from alerts.proposing import (
    answer_to,
    assemble,
    fire,
    ladder_of,
    level_of,
    may_wait,
    propose,
    report,
    tiers_of,
    view_of,
)
from alerts.roster import roster_of
from alerts.telling import is_later
from care.ids import content_id
from care.messages import Finding
from care.site import Registry
from care.words import AlertState, Condition, Level, Phase

Key = tuple[str, str, bool]
"""Home, cause, test: what makes findings one case."""

CONTRADICTED = "contradicted"
"""What the rules call a finding that something else speaks against (`lower` of a rule)."""
MAYBE_TEST = {"zh": "测试待确认：", "en": "Test? "}
MAX_CHAIN = 64
"""Steps one alert may take in one tick; more would be a fault in the ladder, not a late clock."""


class Desk:
    """All open alerts, and those closed within the last 24 hours."""

    def __init__(self, registry: Registry, *, numbers: Callable[[], int]) -> None:
        """`numbers` gives the next short number each time it is called."""
        self._numbers = numbers
        self.alerts: dict[str, Alert] = {}
        self._open: dict[Key, str] = {}
        self._closed: dict[Key, str] = {}
        self._findings: dict[tuple[str, bool], str] = {}
        """Which alert holds a finding; an episode that began as a test and goes on in earnest is held by two."""
        self._heard: dict[str, str] = {}
        self._at_home: dict[str, set[str]] = {}
        """Open cases of a home."""
        self._due: dict[str, datetime] = {}
        self.campaigns: Mapping[str, Campaign] = {}
        """Test campaigns; none when in doubt."""
        self.source = 0
        """The position on FINDINGS up to which the log is known to have answered."""
        self.registry = registry

    @property
    def registry(self) -> Registry:
        """Places and people; may be replaced at any time."""
        return self._registry

    @registry.setter
    def registry(self, registry: Registry) -> None:
        self._registry = registry
        self.roster = roster_of(registry)

    @classmethod
    def restore(
        cls, registry: Registry, transitions: Iterable[Transition], *, numbers: Callable[[], int]
    ) -> Desk:
        """A desk from its durable state: the log in order."""
        desk = cls(registry, numbers=numbers)
        for transition in transitions:
            desk.apply(transition)
        return desk

    # -- looking --

    def get(self, alert_id: str) -> Alert | None:
        """An alert that is open or was closed within the last 24 hours."""
        return self.alerts.get(alert_id)

    def open(self) -> list[Alert]:
        """Every open alert, most urgent first, then the longest waiting."""
        return sorted(
            (a for a in self.alerts.values() if a.open),
            key=lambda a: (-a.level.rank, not a.unanswered, a.opened_at, a.number),
        )

    def closed(self) -> list[Alert]:
        """Recently closed ones, the last first."""
        done = [a for a in self.alerts.values() if not a.open]
        return sorted(done, key=lambda a: (a.closed_at or a.raised_at, a.number), reverse=True)

    def next_due(self) -> datetime | None:
        """When `tick` next has something to do."""
        return min(self._due.values(), default=None)

    # -- folding --

    def apply(self, transition: Transition) -> Alert:
        """Fold a durable transition; gives the alert after it."""
        alert = fold(self.alerts.get(transition.alert), transition)
        self.source = max(self.source, transition.source)
        self.put(alert)
        return alert

    def put(self, alert: Alert) -> None:
        """Take an alert as it is (from a snapshot or a fresh reading of its log)."""
        self.alerts[alert.id] = alert
        at_home = self._at_home.setdefault(alert.home, set())
        if alert.open:
            at_home.add(alert.id)
        else:
            at_home.discard(alert.id)
        key = (alert.home, alert.cause, alert.test)
        here, there = (self._open, self._closed) if alert.open else (self._closed, self._open)
        if there.get(key) == alert.id:
            del there[key]
        rival = self.alerts.get(here.get(key, ""))
        if rival is None or rival.id == alert.id or rival.number < alert.number:
            here[key] = alert.id
        for finding in alert.findings:
            if finding.of:
                continue
            name = (finding.finding, alert.test)
            holder = self.alerts.get(self._findings.get(name, ""))
            if holder is None or holder.number <= alert.number:
                self._findings[name] = alert.id
            for event_id in finding.seen:
                self._heard[event_id] = alert.id
        due = next_due(alert)
        if due is None:
            self._due.pop(alert.id, None)
        else:
            self._due[alert.id] = due

    def forget(self, now: datetime) -> list[str]:
        """Let go of alerts closed more than 24 hours ago; gives their ids."""
        gone = [
            a
            for a in self.alerts.values()
            if a.closed_at is not None and not a.open and now - a.closed_at > REOPEN_WITHIN
        ]
        for alert in gone:
            del self.alerts[alert.id]
            key = (alert.home, alert.cause, alert.test)
            if self._closed.get(key) == alert.id:
                del self._closed[key]
            for finding in alert.findings:
                if self._findings.get((finding.finding, alert.test)) == alert.id:
                    del self._findings[finding.finding, alert.test]
                for event_id in finding.seen:
                    if self._heard.get(event_id) == alert.id:
                        del self._heard[event_id]
        return [a.id for a in gone]

    # -- proposing --

    def will_raise(self, finding: Finding, now: datetime) -> bool:
        """Whether this finding would begin a new case, its own or a roll-up: that takes a number from the sequence."""
        return self._target(finding, now)[1] in ("raise", "storm")

    def apart(self, finding: Finding) -> bool:
        """Whether what becomes of a finding depends on its own home only, not on what else happens at the time."""
        level = level_of(finding)
        return not case_rules().technical(finding.cause, level, life=finding.life, test=finding.test)

    def _holder(self, name: str, test: bool) -> Alert | None:
        return self.alerts.get(self._findings.get((name, test), ""))

    def _target(self, finding: Finding, now: datetime) -> tuple[Alert | None, str]:
        """Where a finding belongs and how: nothing, note, hear, reopen, storm or raise."""
        holder = self._holder(finding.finding, finding.test)
        if holder is None and finding.phase is Phase.cleared:
            holder = self._holder(finding.finding, not finding.test)
        view = holder.finding(finding.finding) if holder is not None else None
        if finding.event_id in self._heard:
            return holder, "nothing"
        key = (finding.home, finding.cause, finding.test)
        if finding.phase is Phase.cleared:
            return (holder, "note") if holder is not None else (None, "nothing")
        level = level_of(finding)
        if holder is not None and view is not None:
            if holder.open and (holder.cause != STORM or (level is not Level.red and not finding.life)):
                worse = holder.cause != STORM and level.rank > holder.level.rank
                return (self._storm(finding, level, now) if worse else None) or (holder, "hear")
            news = (
                finding.phase is Phase.opened
                or finding.reason == "occurrence"
                or level_of(finding).rank > view.level.rank
            )
            if not news and not holder.open:
                return holder, "note"
        current = self.alerts.get(self._open.get(key, ""))
        if current is not None:
            return current, "hear"
        last = self.alerts.get(self._closed.get(key, ""))
        if last is not None and last.closed_at is not None and finding.reopen_minutes > 0:
            again = min(now, finding.at) - last.closed_at
            if again <= timedelta(minutes=finding.reopen_minutes):
                return last, "reopen"
        return self._storm(finding, level, now) or (None, "raise")

    def _storm(self, finding: Finding, level: Level, now: datetime) -> tuple[Alert | None, str] | None:
        """The roll-up a technical finding belongs to, when there are too many to be told one by one."""
        rules = case_rules()
        if finding.home == self._registry.site.community.id or not rules.technical(
            finding.cause, level, life=finding.life, test=finding.test
        ):
            return None
        since = now - timedelta(seconds=rules.roll_up.within_seconds)
        current = self.alerts.get(self._open.get((self._registry.site.community.id, STORM, False), ""))
        if current is not None and current.touched_at is not None and current.touched_at >= since:
            return current, "hear"
        recent = sum(
            1
            for a in self.alerts.values()
            if a.opened_at >= since
            and a.level is level
            and rules.technical(a.cause, a.level, life=a.life, test=a.test)
        )
        return (current, "hear" if current else "storm") if recent >= rules.storm_limit(level) else None

    def on_finding(self, finding: Finding, now: datetime, *, source: int = 0) -> list[Transition]:
        """What a finding does to the cases; empty when it changes nothing (heard before, or nothing to clear)."""
        alert, how = self._target(finding, now)
        if how == "nothing":
            return []
        if how in ("raise", "storm"):
            campaign = self._tested(finding, now) if how == "raise" else None
            made = self._raise(finding, now, source, storm=how == "storm", campaign=campaign)
            return [*self._borne_out(finding, made.number, now, source), made]
        assert alert is not None
        view = view_of(finding)
        if self._still_tested(alert, finding):
            view = msgspec.structs.replace(view, level=Level.yellow)
        if alert.cause == STORM:
            view = _rolled(view, finding.home)
        answer = answer_to(finding, alert.number, now)
        known = alert.finding(finding.finding)
        events: list[Event] = []
        if how == "reopen":
            plan = self._plan(alert, view.level)
            events.append(
                Reopened(
                    at=now,
                    by=None,
                    reason="again",
                    level=view.level,
                    code=view.code,
                    title=view.title,
                    pictogram=view.pictogram,
                    **ladder_of(plan, now),
                )
            )
        if finding.phase is Phase.cleared:
            events.append(FindingCleared(at=finding.at, finding=view))
        elif view.condition is Condition.unknown and known is not None:
            events.append(FindingUnknown(at=finding.at, finding=view))
        elif known is None:
            events.append(Joined(at=now, finding=view, answer=answer))
        else:
            events.append(FindingChanged(at=finding.at, finding=view, reason=finding.reason, answer=answer))
        if how == "hear" and self._alarms_anew(alert, view, finding, now, joins=known is None):
            events.insert(0, Resumed(at=now, reason="again"))
        # What somebody has answered for already is no news when it merely goes on; another press, a graver level is.
        answered = bool(alert.vouched) and known is not None and finding.reason in SAME_PRESS
        worse = view.level.rank > alert.level.rank and not (answered and view.level.rank <= known.level.rank)  # type: ignore[union-attr]
        waits = known is not None and may_wait(alert, view)
        if how == "hear" and worse and not waits and finding.phase is not Phase.cleared:
            plan = self._plan(alert, view.level)
            # Before the finding itself, so that the new ladder's first page is the one page of it.
            events.insert(
                0,
                LevelRaised(
                    at=now,
                    level=view.level,
                    code=view.code,
                    title=view.title,
                    pictogram=view.pictogram,
                    **ladder_of(plan, now),
                ),
            )
        if how == "hear" and known is not None and _contradicted(alert, view):
            # After the finding, whose evidence now holds what speaks against it.
            events.append(
                LevelLowered(
                    at=now,
                    level=view.level,
                    code=view.code,
                    title=view.title,
                    pictogram=view.pictogram,
                    finding=view.finding,
                    **ladder_of(self._plan(alert, view.level), now),
                )
            )
        after: Alert = alert
        for event in events:
            after = evolve(after, event)
        if _ends_by_itself(after):
            events.append(Closed(at=now, by=None, auto=True, outcome=Outcome(by=None, at=now)))
        joins = known is None and finding.phase is not Phase.cleared
        return [
            *(self._borne_out(finding, alert.number, now, source) if joins else ()),
            self._assemble(alert, events, now, source=source),
        ]

    @staticmethod
    def _alarms_anew(
        alert: Alert, view: FindingView, finding: Finding, now: datetime, *, joins: bool
    ) -> bool:
        """A danger again in a case that somebody has taken and nobody goes to: loud again. It counts long after the last
        one; and after advice at once, since the advice did not help: even where it is loud for another reason.
        """
        if not (
            view.life
            and view.level is Level.red
            and view.condition is Condition.active
            and alert.state is AlertState.acknowledged
            and (not alert.resumed or alert.advised_at is not None)
            and not alert.going
        ):
            return False
        if joins:
            return alert.advised_at is not None or is_later(alert, view)
        advised = alert.advised_at is not None and now - alert.advised_at > ADVICE_WORKS
        return advised and finding.phase is Phase.changed and finding.reason == "occurrence"

    def _tested(self, finding: Finding, now: datetime) -> Campaign | None:
        """The campaign whose tester is to say whether this was the test; None when anything else is the matter there."""
        campaign = awaited(self.campaigns.values(), self._registry, finding, now)
        rules = case_rules()
        here = (self.alerts[name] for name in self._at_home.get(finding.home, ()))
        if campaign is None or any(
            a.level is not Level.blue
            and not a.test
            and not rules.technical(a.cause, a.level, life=a.life, test=a.test)
            for a in here
        ):
            return None
        return campaign

    @staticmethod
    def _still_tested(alert: Alert, finding: Finding) -> bool:
        """Whether a change of a finding is still the one alarm that the tester is asked about; another press is not."""
        return (
            alert.open
            and alert.confirm_by is not None
            and alert.level is Level.yellow
            and alert.finding(finding.finding) is not None
            and finding.phase is Phase.changed
            and finding.reason in SAME_PRESS
        )

    def _plan(self, alert: Alert, level: Level) -> Plan:
        return plan_for(
            level,
            self._registry.site.policy,
            cause=alert.cause,
            tiers=tiers_of(self._registry, alert.home),
            test=alert.test,
        )

    def _borne_out(self, finding: Finding, number: int, now: datetime, source: int) -> list[Transition]:
        """Other causes in the same home that this finding bears out: it joins them as evidence, and raises them a step.

        Each stays a case of its own, so that several causes in one home can be told apart.
        """
        if finding.test or finding.condition is not Condition.active or finding.phase is not Phase.opened:
            return []
        rules = case_rules()
        out: list[Transition] = []
        here = (self.alerts[name] for name in self._at_home.get(finding.home, ()))
        for alert in sorted(here, key=lambda a: a.number):
            if alert.test or alert.cause == finding.cause:
                continue
            if alert.finding(finding.finding) is not None:
                continue
            window = rules.window(alert.cause, finding.cause)
            near = [f for f in alert.findings if not f.of and abs(finding.onset_at - f.onset_at) <= window]
            if not near or not rules.corroborates(alert.cause, finding.cause):
                continue
            surer = any(not rules.same(f.code, finding.code) for f in near)
            view = msgspec.structs.replace(view_of(finding), of=number, seen=())
            events: list[Event] = [Joined(at=now, finding=view)]
            if surer and alert.level is Level.yellow and view.level is Level.yellow:
                # Two that ask for a look together ask for somebody now; a red one brings somebody anyway.
                plan = self._plan(alert, Level.red)
                events.insert(
                    0,
                    LevelRaised(
                        at=now,
                        reason="corroborated",
                        level=Level.red,
                        code=alert.code,
                        title=alert.title,
                        pictogram=alert.pictogram,
                        **ladder_of(plan, now),
                    ),
                )
            out.append(self._assemble(alert, events, now, source=source))
        return out

    def _raise(
        self,
        finding: Finding,
        now: datetime,
        source: int,
        *,
        storm: bool = False,
        campaign: Campaign | None = None,
    ) -> Transition:
        further: list[Event] = []
        if storm:
            rolled = _rolled(view_of(finding), finding.home)
            further = [Joined(at=now, finding=rolled, answer=None)]
            finding = a_storm(self._registry, rolled.level, now)
        view = view_of(finding)
        home = self._registry.homes.get(finding.home)
        number = self._numbers()
        first = finding.finding
        if finding.phase is not Phase.opened or any((first, t) in self._findings for t in (False, True)):
            # An episode that outlived its case begins another: it needs a name of its own.
            first = finding.event_id
        if campaign is not None:
            view = msgspec.structs.replace(view, level=Level.yellow)
        if storm:
            # It says what the case is; its condition is that of the findings in it.
            view = msgspec.structs.replace(view, of=number)
        plan = plan_for(
            view.level,
            self._registry.site.policy,
            cause=finding.cause,
            tiers=tiers_of(self._registry, finding.home),
            test=finding.test,
        )
        place = finding.parameters.get("place")
        raised = Raised(
            at=now,
            alert=content_id(finding.home, finding.cause, first),
            number=number,
            home=finding.home,
            cause=finding.cause,
            code=finding.code,
            level=view.level,
            title=finding.title if campaign is None else _asked(finding.title),
            tester=campaign.tester if campaign is not None else None,
            campaign=campaign.id if campaign is not None else None,
            confirm_by=now + CONFIRM_WITHIN if campaign is not None else None,
            pictogram=finding.pictogram,
            onset_at=finding.onset_at,
            late_seconds=finding.late_seconds,
            resident=finding.resident,
            room=finding.room,
            micro_grid=home.micro_grid
            if home is not None
            else place
            if place in self._registry.micro_grids
            else None,
            test=finding.test,
            finding=view,
            answer=answer_to(finding, number, now),
            **ladder_of(plan, now),
        )
        return self._assemble(None, [raised, *further], now, source=source)

    def command(self, alert_id: str, order: Order, now: datetime) -> Transition:
        """What a person's order does. Raises NotAllowed with a reason and the alert as it stands.

        An order that was carried out before (same key) gives a transition without events.
        """
        alert = self.alerts.get(alert_id)
        if alert is None:
            raise NotAllowed(No.unknown_alert, alert_id)
        return propose(alert, order, self.roster, now)

    def report(
        self,
        alert_id: str,
        delivery: str,
        state: DeliveryState,
        now: datetime,
        *,
        detail: str = "",
        attempts: int = 0,
        onward: bool = False,
    ) -> Transition | None:
        """What became of a message; `onward` makes it out again for the person's next channel. None: no news."""
        alert = self.alerts.get(alert_id)
        return (
            None
            if alert is None
            else report(
                alert,
                delivery,
                state,
                self.roster,
                now,
                detail=detail,
                attempts=attempts,
                onward=onward,
            )
        )

    def tick(self, now: datetime) -> list[Transition]:
        """Everything that is due by now, in the order in which it was due."""
        out: list[tuple[datetime, int, int, Transition]] = []
        for alert_id, due in list(self._due.items()):
            if due > now:
                continue
            alert = self.alerts[alert_id]
            for n in range(MAX_CHAIN):
                timer = next((t for t in timers(alert) if t.at <= now), None)
                if timer is None:
                    break
                events = fire(alert, timer, roster=self.roster, now=now, alerts=self.alerts.values())
                transition = self._assemble(alert, events, now)
                out.append((timer.at, alert.number, n, transition))
                alert = fold(alert, transition)
        return [t for *_, t in sorted(out, key=lambda item: item[:3])]

    def _assemble(
        self, alert: Alert | None, events: Iterable[Event], now: datetime, *, source: int = 0
    ) -> Transition:
        return assemble(alert, events, roster=self.roster, now=now, source=source)


def _contradicted(alert: Alert, view: FindingView) -> bool:
    """Whether a finding that is milder than it was makes its case so: red becomes yellow, never more, never less.

    Nothing else in the case may be as grave, cleared or not: what was is not undone by what speaks against another.
    """
    known = alert.finding(view.finding)
    return (
        known is not None
        and not known.of
        and CONTRADICTED in view.tags
        and view.condition is Condition.active
        and (alert.level, known.level, view.level) == (Level.red, Level.red, Level.yellow)
        and not alert.test
        and case_rules().may_lower(alert.cause)
        and not any(f.of or f.level is Level.red for f in alert.findings if f.finding != view.finding)
    )


def _ends_by_itself(alert: Alert) -> bool:
    """Only technical blue cases whose findings have all cleared, and never one of the life-safety floor."""
    return (
        alert.open
        and alert.level is Level.blue
        and not alert.life
        and all(f.auto_close and f.condition is Condition.cleared for f in alert.findings if not f.of)
        and any(not f.of for f in alert.findings)
    )


def _asked(title: dict[str, str]) -> dict[str, str]:
    """The title while a tester is asked."""
    return {
        lang: f"{MAYBE_TEST[lang]}{words}" if lang in MAYBE_TEST else words for lang, words in title.items()
    }


def _rolled(view: FindingView, home: str) -> FindingView:
    """A finding as a roll-up keeps it: whose it is, without its proof, which the stream of findings keeps."""
    return msgspec.structs.replace(view, home=home, evidence=(), parameters={}, sources={})
