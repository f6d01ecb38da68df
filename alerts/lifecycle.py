"""What an alert is, what happens to it, and when it wants attention. Pure: nothing is stored or sent here.

`evolve(alert, event)` applies one event, `fold(alert, transition)` one stream message; `deciding` says which events
a person's order makes. `timers(alert)` are the absolute times at which the alert wants attention, derived from its
state, so that a restart forgets none.

Two axes that never touch: `condition` is what is true at the home, `state` is what people have done about it.
Acknowledging stops the noise, not the clock: without a call, a dispatch or an acceptance the alert is `resumed`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, assert_never

import msgspec

from alerts.events import (
    Accepted,
    Acknowledged,
    Arrived,
    Called,
    Checked,
    Closed,
    Declined,
    Delivery,
    DeliveryReported,
    DeliveryState,
    Departed,
    Dispatched,
    Escalated,
    Event,
    FindingChanged,
    FindingCleared,
    FindingUnknown,
    FindingView,
    HandedOver,
    Held,
    HoldEnded,
    Joined,
    LevelLowered,
    LevelRaised,
    NobodyThere,
    Noted,
    Outcome,
    Raised,
    Reminded,
    Reopened,
    Resumed,
    Rung,
    Told,
    Transition,
    Undone,
    Vouched,
    subject_of,
)
from care.words import AlertState, Command, Condition, Level

KEPT_DELIVERIES = 400
"""Messages kept in the folded state: hours of reminders must not make an alert grow for ever."""
KEPT_EVIDENCE = 40
OFTEN = 15
"""Reminders before they come five times more rarely: half an hour for a red case."""
KEPT_SEEN = 64
KEPT_KEYS = 64
KEPT_DONE = 256
"""Commands remembered by what they said: more than the people of a community can give at once."""
HOME_WORDS = frozenset({"home", "resident"})
"""How a call names the home's own phone."""

ResponderState = Literal["offered", "accepted", "declined", "departed", "arrived", "left"]
Promise = Literal["none", "pending", "kept", "broken"]
GOING = frozenset({"accepted", "departed", "arrived"})


class ResponderView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a responder stands."""

    id: str
    state: ResponderState
    at: datetime
    asked: bool = False
    """Asked by name, not only paged with the circle."""
    lead: bool = False
    """The first who accepted; the others go along."""
    by: str | None = None
    """Who said so, when it was somebody else."""
    accepted_at: datetime | None = None
    promised_at: datetime | None = None
    """When the responder ought to be there by our reckoning of the way."""
    departed_at: datetime | None = None
    arrived_at: datetime | None = None


class CheckView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How it went at one home of the welfare list."""

    home: str
    result: str
    by: str
    at: datetime
    note: str = ""


class VouchView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who said that the person is with them and fine."""

    who: str
    by: str
    at: datetime


class Done(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A command that was carried out: what it said, the version its giver saw, and when."""

    same: str
    at: datetime
    version: int | None = None


class DeliveryView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A message and its fate so far."""

    delivery: Delivery
    state: DeliveryState = DeliveryState.queued
    at: datetime
    detail: str = ""
    attempts: int = 0

    @property
    def pending(self) -> bool:
        """Still to be sent."""
        return self.state is DeliveryState.queued


class CallView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A phone call and how it went."""

    to: str
    result: str
    by: str
    at: datetime
    note: str = ""


class NoteView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What somebody wrote down."""

    by: str
    at: datetime
    note: str


class StepView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A step of the ladder that was taken."""

    step: int
    at: datetime
    late_seconds: float = 0.0
    nobody: bool = False
    promise_broken: bool = False


class Undoable(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the last acknowledgement or closing changed, kept while it can be taken back."""

    command: str
    by: str
    at: datetime
    state: AlertState
    owner: str | None = None
    acknowledged_at: datetime | None = None
    resumed: bool = False
    worked: bool = False


class Alert(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One case: one home, one cause, from the first finding to a human outcome."""

    id: str
    number: int
    home: str
    cause: str
    code: str
    level: Level
    title: dict[str, str]
    pictogram: str
    onset_at: datetime
    raised_at: datetime
    late_seconds: float = 0.0
    resident: str | None = None
    room: str | None = None
    micro_grid: str | None = None
    test: bool = False

    condition: Condition = Condition.active
    state: AlertState = AlertState.new
    owner: str | None = None
    acknowledged_at: datetime | None = None
    closed_at: datetime | None = None
    responders: tuple[ResponderView, ...] = ()
    calls: tuple[CallView, ...] = ()
    notes: tuple[NoteView, ...] = ()
    checks: tuple[CheckView, ...] = ()
    """The last word on each home of the welfare list that was looked after."""
    outcome: Outcome | None = None

    opened_at: datetime
    """From when the ladder counts: the raising, the reopening or the rise of the level."""
    generation: int = 1
    """Which run of the ladder this is; messages of an older one are out of date."""
    plan: tuple[Rung, ...] = ()
    rung: int = 0
    """The last ordinary step taken."""
    hurry: bool = False
    """The last step had nobody in it: the next comes at once."""
    last_step_at: datetime
    not_before: datetime | None = None
    """Steps missed while somebody had the case come when it is given back, not earlier."""
    reminders: int = 0
    steps: tuple[StepView, ...] = ()
    """Steps taken in this generation."""
    work_seconds: float | None = None
    accept_seconds: float | None = None
    repeat_seconds: float | None = None
    acknowledge_by: datetime | None = None
    arrive_by: datetime | None = None
    promise: Promise = "none"
    work_due: datetime | None = None
    """Taken, but by then somebody must have been called or sent."""
    work_why: str = ""
    unanswered_seconds: float | None = None
    unanswered_due: datetime | None = None
    """The home does not answer: by then the service itself sends somebody."""
    answered_keeps: bool = False
    resumed: bool = False
    """Taken, then left: loud again, the ladder goes on."""
    hold_until: datetime | None = None
    vouched: tuple[VouchView, ...] = ()
    tester: str | None = None
    campaign: str | None = None
    confirm_by: datetime | None = None
    """It may be a test: by then the tester has said so, or it is red. Kept once it was closed, so that who takes that
    back has a real alarm."""

    findings: tuple[FindingView, ...] = ()
    touched_at: datetime | None = None
    """When a finding last joined or changed."""
    deliveries: tuple[DeliveryView, ...] = ()
    version: int = 0
    decided_version: int = 0
    """The version at which a person last decided, or the level or generation last changed."""
    evidence_version: int = 0
    """The version at which a finding last joined or changed: nobody closes a case without having seen it."""
    undoable: Undoable | None = None
    keys: tuple[str, ...] = ()
    """Idempotency keys of the last commands."""
    done: tuple[Done, ...] = ()
    """The last commands by what they said."""

    @property
    def subject(self) -> str:
        """Its subject on the stream."""
        return subject_of(self.home, self.id)

    @property
    def open(self) -> bool:
        """Not closed."""
        return self.state is not AlertState.closed

    @property
    def unanswered(self) -> bool:
        """Nobody has it, or who had it did nothing: it is loud and the ladder goes on."""
        return self.open and (self.state is AlertState.new or self.resumed)

    @property
    def occurrences(self) -> int:
        """How often the findings of this case happened."""
        return sum(f.occurrences for f in self.findings if not f.of)

    @property
    def welfare(self) -> tuple[str, ...]:
        """Homes to be looked after, in the order of the findings: an area's, or those rolled up into it."""
        named = (h for f in self.findings for h in (*f.parameters.get("homes", ()), f.home) if h)
        return tuple(dict.fromkeys(h for h in named if isinstance(h, str)))

    @property
    def step(self) -> int:
        """The last step of the ladder taken, the promise included."""
        return max((s.step for s in self.steps), default=0)

    @property
    def next_step_at(self) -> datetime | None:
        """When the ladder next does something by itself."""
        return next_due(self)

    @property
    def life(self) -> bool:
        """Whether a finding of the life-safety floor is in it."""
        return any(f.life for f in self.findings if not f.of)

    @property
    def going(self) -> tuple[ResponderView, ...]:
        """Responders who accepted, are on the way or there."""
        return tuple(r for r in self.responders if r.state in GOING)

    @property
    def lead(self) -> str | None:
        """The responder who answers for it."""
        return next((r.id for r in self.responders if r.lead and r.state in GOING), None)

    def finding(self, name: str) -> FindingView | None:
        """One of its findings by name."""
        return next((f for f in self.findings if f.finding == name), None)

    def responder(self, who: str) -> ResponderView | None:
        """Where one responder stands."""
        return next((r for r in self.responders if r.id == who), None)

    def delivery(self, name: str) -> DeliveryView | None:
        """One of its messages by name."""
        return next((d for d in self.deliveries if d.delivery.id == name), None)


# -- times ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Timer:
    """When an alert wants attention, and what for."""

    at: datetime
    kind: Literal["confirm", "hold", "send", "resume", "step", "promise", "remind"]
    rung: Rung | None = None


_ORDER = {"confirm": -1, "hold": 0, "send": 1, "resume": 2, "step": 3, "promise": 4, "remind": 5}


def next_rung(alert: Alert) -> Rung | None:
    """The next ordinary step of the ladder, whatever the time."""
    return next((r for r in alert.plan if not r.promise and r.step > alert.rung), None)


def promise_rung(alert: Alert) -> Rung | None:
    """The step at which somebody ought to be there."""
    return next((r for r in alert.plan if r.promise), None)


def timers(alert: Alert) -> list[Timer]:
    """All times at which the alert wants attention, soonest first. Empty once it is closed."""
    if not alert.open:
        return []
    out: list[Timer] = []
    if alert.confirm_by is not None and alert.level is not Level.red:
        out.append(Timer(max(alert.confirm_by, alert.opened_at), "confirm"))
    if alert.hold_until is not None:
        out.append(Timer(alert.hold_until, "hold"))
    elif alert.work_due is not None and not alert.resumed:
        out.append(Timer(alert.work_due, "resume"))
    if alert.unanswered_due is not None:
        out.append(Timer(alert.unanswered_due, "send"))
    promise = promise_rung(alert)
    if promise is not None and alert.promise == "pending" and alert.arrive_by is not None:
        out.append(Timer(alert.arrive_by, "promise", promise))
    if alert.unanswered and alert.plan:
        floor = alert.not_before or alert.opened_at
        rung = next_rung(alert)
        if rung is not None:
            due = alert.opened_at + timedelta(seconds=rung.after_seconds)
            if alert.hurry:
                due = min(due, alert.last_step_at)
            out.append(Timer(max(due, floor), "step", rung))
        elif alert.repeat_seconds is not None:
            due = alert.last_step_at + timedelta(seconds=repeat_seconds(alert))
            if alert.not_before is not None and alert.not_before > alert.last_step_at:
                due = alert.not_before
            out.append(Timer(due, "remind"))
    return sorted(out, key=lambda t: (t.at, _ORDER[t.kind]))


def repeat_seconds(alert: Alert) -> float:
    """How long after the last reminder the next one comes: rarer after a while, but never silent."""
    assert alert.repeat_seconds is not None
    return alert.repeat_seconds * (1 if alert.reminders < OFTEN else 5)


def next_due(alert: Alert) -> datetime | None:
    """The soonest of its timers."""
    found = timers(alert)
    return found[0].at if found else None


# -- folding --------------------------------------------------------------------------------------------------

_replace = msgspec.structs.replace


def _condition(findings: tuple[FindingView, ...]) -> Condition:
    """Active if anything is; unknown if anything cannot be told; cleared only when all of it is."""
    seen = {f.condition for f in findings if not f.of}
    for word in (Condition.active, Condition.unknown):
        if word in seen:
            return word
    return Condition.cleared if seen else Condition.unknown


def _with_finding(alert: Alert, view: FindingView) -> Alert:
    old = alert.finding(view.finding)
    if old is None:
        findings = (*alert.findings, view)
    else:
        known = {(e.device, e.quantity, e.at) for e in old.evidence}
        fresh = tuple(e for e in view.evidence if (e.device, e.quantity, e.at) not in known)
        evidence = old.evidence + fresh
        if len(evidence) > KEPT_EVIDENCE:
            # What began it, and what came last.
            evidence = evidence[: KEPT_EVIDENCE // 2] + evidence[-KEPT_EVIDENCE // 2 :]
        view = _replace(
            view,
            evidence=evidence,
            tags=tuple(dict.fromkeys(old.tags + view.tags)),
            seen=(old.seen + view.seen)[-KEPT_SEEN:],
            life=old.life or view.life,
        )
        findings = tuple(view if f.finding == view.finding else f for f in alert.findings)
    return _replace(alert, findings=findings, condition=_condition(findings))


def _with_responder(alert: Alert, view: ResponderView) -> Alert:
    old = alert.responder(view.id)
    if old is None:
        responders = (*alert.responders, view)
    else:
        view = _replace(
            view,
            asked=view.asked or old.asked,
            accepted_at=view.accepted_at or old.accepted_at,
            promised_at=view.promised_at or old.promised_at,
            departed_at=view.departed_at or old.departed_at,
            arrived_at=view.arrived_at or old.arrived_at,
        )
        responders = tuple(view if r.id == view.id else r for r in alert.responders)
    if not any(r.lead and r.state in GOING for r in responders):
        # The first who goes leads; when the lead drops out, the next one does.
        first = next((r.id for r in responders if r.state in GOING), None)
        responders = tuple(
            _replace(r, lead=r.id == first) if r.lead != (r.id == first) else r for r in responders
        )
    return _replace(alert, responders=responders)


def _offer(alert: Alert, who: str, at: datetime, *, asked: bool) -> Alert:
    old = alert.responder(who)
    if old is not None and (old.state in GOING or (old.state == "offered" and (old.asked or not asked))):
        return alert
    if old is not None and old.state in ("declined", "left") and not asked:
        return alert
    return _with_responder(alert, ResponderView(id=who, state="offered", at=at, asked=asked))


def _work_by(alert: Alert, at: datetime, seconds: float | None, why: str) -> Alert:
    """Set the time by which something must have been done; nothing to wait for once somebody goes."""
    if alert.going or seconds is None or alert.state is AlertState.attended:
        return _replace(alert, work_due=None, work_why="")
    return _replace(alert, work_due=at + timedelta(seconds=seconds), work_why=why)


def _forward(alert: Alert, state: AlertState) -> AlertState:
    """An alert only moves forward: the later of two states."""
    order = list(AlertState)
    return max(alert.state, state, key=order.index)


def _undoable(alert: Alert, command: Command, by: str, at: datetime) -> Undoable:
    return Undoable(
        command=command.value,
        by=by,
        at=at,
        state=alert.state,
        owner=alert.owner,
        acknowledged_at=alert.acknowledged_at,
        resumed=alert.resumed,
        worked=alert.work_due is None,
    )


def _begin(event: Raised) -> Alert:
    return Alert(
        id=event.alert,
        number=event.number,
        home=event.home,
        cause=event.cause,
        code=event.code,
        level=event.level,
        title=event.title,
        pictogram=event.pictogram,
        onset_at=event.onset_at,
        raised_at=event.at,
        late_seconds=event.late_seconds,
        resident=event.resident,
        room=event.room,
        micro_grid=event.micro_grid,
        test=event.test,
        opened_at=event.at,
        last_step_at=event.at,
        plan=event.plan,
        work_seconds=event.work_seconds,
        accept_seconds=event.accept_seconds,
        repeat_seconds=event.repeat_seconds,
        unanswered_seconds=event.unanswered_seconds,
        arrive_by=event.arrive_by,
        answered_keeps=event.answered_keeps,
        acknowledge_by=event.acknowledge_by,
        promise="none" if event.arrive_by is None else "pending",
        steps=(StepView(step=0, at=event.at),) if event.plan else (),
        tester=event.tester,
        campaign=event.campaign,
        confirm_by=event.confirm_by,
        findings=(event.finding,),
        touched_at=event.at,
        condition=_condition((event.finding,)),
    )


def _restart(alert: Alert, event: LevelRaised | LevelLowered | Reopened) -> Alert:
    """A new run of the ladder."""
    there = not isinstance(event, Reopened) and any(r.state == "arrived" for r in alert.responders)
    return _replace(
        alert,
        level=event.level,
        code=event.code,
        title=event.title,
        pictogram=event.pictogram,
        generation=alert.generation + 1,
        opened_at=event.at,
        last_step_at=event.at,
        confirm_by=alert.confirm_by if isinstance(event, Reopened) else None,
        not_before=None,
        rung=0,
        hurry=False,
        reminders=0,
        plan=event.plan,
        work_seconds=event.work_seconds,
        accept_seconds=event.accept_seconds,
        repeat_seconds=event.repeat_seconds,
        unanswered_seconds=event.unanswered_seconds,
        unanswered_due=None,
        arrive_by=event.arrive_by,
        answered_keeps=event.answered_keeps,
        acknowledge_by=event.acknowledge_by,
        promise="none" if event.arrive_by is None else "kept" if there else "pending",
        steps=(StepView(step=0, at=event.at),) if event.plan else (),
    )


def evolve(alert: Alert | None, event: Event) -> Alert:
    """The alert after one event. A `Raised` begins it; every other event needs one that has begun."""
    if isinstance(event, Raised):
        return _begin(event)
    assert alert is not None, "an alert begins with `raised`"
    match event:
        case Joined() | FindingChanged() | FindingCleared() | FindingUnknown():
            alert = _with_finding(alert, event.finding)
            return alert if isinstance(event, FindingCleared) else _replace(alert, touched_at=event.at)
        case LevelRaised():
            alert = _restart(alert, event)
            if alert.state is AlertState.acknowledged:
                # Whoever took it took something milder: it is loud again until it is taken as what it is.
                return _replace(alert, resumed=True, work_due=None, work_why="", not_before=None)
            return alert
        case LevelLowered():
            # Who has it keeps it, and a home that did not answer the phone is gone to all the same.
            return _replace(_restart(alert, event), unanswered_due=alert.unanswered_due)
        case Reopened():
            alert = _restart(alert, event)
            return _replace(
                alert,
                state=AlertState.new,
                owner=None,
                acknowledged_at=None,
                closed_at=None,
                outcome=None,
                responders=(),
                checks=(),
                work_due=None,
                work_why="",
                resumed=False,
                hold_until=None,
                undoable=None,
            )
        case Escalated():
            view = StepView(
                step=event.step,
                at=event.at,
                late_seconds=event.late_seconds,
                promise_broken=event.promise_broken,
            )
            alert = _replace(alert, steps=(*alert.steps, view))
            if event.promise_broken:
                return _replace(alert, promise="broken")
            return _replace(alert, rung=event.step, last_step_at=event.at, hurry=False)
        case Reminded():
            return _replace(alert, reminders=event.nth, last_step_at=event.at)
        case NobodyThere():
            steps = tuple(_replace(s, nobody=True) if s.step == event.step else s for s in alert.steps)
            return _replace(alert, steps=steps, hurry=alert.hurry or event.step == alert.rung)
        case Told():
            views = tuple(DeliveryView(delivery=d, at=d.due_at) for d in event.deliveries)
            alert = _replace(alert, deliveries=_bounded(alert.deliveries + views))
            for d in event.deliveries:
                if d.purpose == "accept":
                    alert = _offer(alert, d.person, d.due_at, asked=d.reason == "dispatched")
            return alert
        case Resumed():
            return _replace(
                alert,
                resumed=True,
                not_before=event.at,
                work_due=None,
                work_why="",
                unanswered_due=None,
                undoable=None,
            )
        case Acknowledged():
            undoable = None if event.implied else _undoable(alert, Command.acknowledge, event.by, event.at)
            alert = _replace(
                alert,
                state=_forward(alert, AlertState.acknowledged),
                owner=event.by,
                acknowledged_at=alert.acknowledged_at or event.at,
                resumed=False,
                undoable=undoable,
            )
            return _noted(
                _work_by(alert, event.at, alert.work_seconds, "idle"), event.by, event.at, event.note
            )
        case Called():
            call = CallView(to=event.to, result=event.result, by=event.by, at=event.at, note=event.note)
            alert = _replace(alert, calls=(*alert.calls, call), resumed=False, hold_until=None, undoable=None)
            if event.to in alert.welfare and event.result == "answered":
                alert = _with_check(alert, CheckView(home=event.to, result="safe", by=event.by, at=event.at))
            if event.result == "answered":
                if of_home(alert, event.to):
                    promise = "none" if alert.answered_keeps else alert.promise
                    alert = _replace(alert, unanswered_due=None, promise=promise)
                return _replace(alert, work_due=None, work_why="")
            alert = _unanswered(alert, event)
            return _work_by(alert, event.at, alert.work_seconds, "no_answer")
        case Dispatched():
            for who in event.responders:
                alert = _offer(alert, who, event.at, asked=True)
            alert = _replace(
                alert,
                state=_forward(alert, AlertState.dispatched),
                resumed=False,
                hold_until=None,
                unanswered_due=None,
                undoable=None,
            )
            alert = _work_by(alert, event.at, alert.accept_seconds, "not_accepted")
            return _noted(alert, event.by, event.at, event.note)
        case Accepted() | Departed() | Arrived():
            alert = _with_responder(alert, _responder(event))
            there = isinstance(event, Arrived)
            alert = _replace(
                alert,
                state=_forward(alert, AlertState.attended if there else AlertState.dispatched),
                resumed=False,
                work_due=None,
                work_why="",
                hold_until=None,
                unanswered_due=None,
                undoable=None,
            )
            if there and alert.promise == "pending":
                assert alert.arrive_by is not None
                alert = _replace(alert, promise="kept" if event.at <= alert.arrive_by else "broken")
            return _noted(alert, event.by, event.at, event.note)
        case Declined():
            went = alert.going
            alert = _with_responder(alert, _responder(event))
            if alert.state is AlertState.dispatched and not alert.going:
                waiting = any(r.asked and r.state == "offered" for r in alert.responders)
                if went or not waiting:
                    # Who was to go does not: at once, not after another minute.
                    alert = _replace(alert, work_due=event.at, work_why="nobody_going")
            return _noted(alert, event.by, event.at, event.note)
        case HandedOver():
            alert = _hand_over(alert, event)
            return _noted(_replace(alert, undoable=None), event.by, event.at, event.note)
        case Checked():
            return _with_check(
                alert,
                CheckView(home=event.home, result=event.result, by=event.by, at=event.at, note=event.note),
            )
        case Vouched():
            said = VouchView(who=event.who, by=event.by, at=event.at)
            alert = _replace(alert, vouched=(*(v for v in alert.vouched if v.who != event.who), said))
            return _noted(alert, event.by, event.at, event.note)
        case Noted():
            return _noted(alert, event.by, event.at, event.note)
        case Held():
            alert = _replace(alert, hold_until=event.until, resumed=False, undoable=None)
            return _noted(alert, event.by, event.at, event.note)
        case HoldEnded():
            return _replace(alert, hold_until=None)
        case Undone(command="release"):
            # What was done stays done; but nobody has it now, and that is loud.
            return _replace(
                alert,
                owner=None,
                resumed=not alert.going,
                not_before=event.at,
                work_due=None,
                work_why="",
                hold_until=None,
                undoable=None,
            )
        case Undone():
            before = alert.undoable
            assert before is not None, "there is something to undo"
            alert = _replace(
                alert,
                state=before.state,
                owner=before.owner,
                acknowledged_at=before.acknowledged_at,
                resumed=before.resumed,
                not_before=event.at,
                outcome=None,
                closed_at=None,
                undoable=None,
                work_due=None,
                work_why="",
            )
            if before.state in (AlertState.acknowledged, AlertState.dispatched) and not (
                before.resumed or before.worked
            ):
                return _work_by(alert, event.at, alert.work_seconds, "idle")
            return alert
        case Closed():
            return _replace(
                alert,
                undoable=None if event.by is None else _undoable(alert, Command.close, event.by, event.at),
                state=AlertState.closed,
                owner=alert.owner or event.by,
                closed_at=event.at,
                outcome=event.outcome,
                resumed=False,
                work_due=None,
                work_why="",
                unanswered_due=None,
                hold_until=None,
            )
        case DeliveryReported():
            deliveries = tuple(
                _replace(d, state=event.state, at=event.at, detail=event.detail, attempts=event.attempts)
                if d.delivery.id == event.delivery and d.pending
                else d
                for d in alert.deliveries
            )
            return _replace(alert, deliveries=deliveries)
        case _:
            assert_never(event)


def _responder(event: Accepted | Departed | Arrived | Declined) -> ResponderView:
    states: dict[type, ResponderState] = {
        Accepted: "accepted",
        Departed: "departed",
        Arrived: "arrived",
        Declined: "declined",
    }
    by = event.by if event.by != event.who else None
    minutes = event.arrive_minutes if isinstance(event, Accepted) else None
    return ResponderView(
        id=event.who,
        state=states[type(event)],
        at=event.at,
        by=by,
        lead=isinstance(event, Accepted) and not event.companion,
        accepted_at=event.at if isinstance(event, Accepted) else None,
        promised_at=None if minutes is None else event.at + timedelta(minutes=minutes),
        departed_at=event.at if isinstance(event, Departed) else None,
        arrived_at=event.at if isinstance(event, Arrived) else None,
    )


def of_home(alert: Alert, to: str) -> bool:
    """Whether a call was to the home itself, not to a relative."""
    return to in HOME_WORDS or to in (alert.home, alert.resident)


def _unanswered(alert: Alert, event: Called) -> Alert:
    """The home does not answer: a second ring cycle decides at once, the first one a little later (SOS2)."""
    if alert.unanswered_seconds is None or alert.going or not of_home(alert, event.to):
        return alert
    if alert.state in (AlertState.dispatched, AlertState.attended):
        return alert
    rung = [c for c in alert.calls if of_home(alert, c.to) and c.at >= alert.opened_at]
    begun = min(alert.acknowledged_at or event.at, event.at)
    due = event.at if len(rung) > 1 else max(event.at, begun + timedelta(seconds=alert.unanswered_seconds))
    return _replace(alert, unanswered_due=min(due, alert.unanswered_due or due))


def _with_check(alert: Alert, view: CheckView) -> Alert:
    return _replace(alert, checks=(*(c for c in alert.checks if c.home != view.home), view))


def _hand_over(alert: Alert, event: HandedOver) -> Alert:
    task = alert.responder(event.who)
    if task is None or task.state not in GOING:
        return _replace(alert, owner=event.to)
    taker = alert.responder(event.to)
    there = task.state if taker is None or taker.state not in GOING else taker.state
    if taker is None or taker.state not in GOING:
        # Taken over at the door: whoever comes is where the other was.
        taker = ResponderView(
            id=event.to,
            state=there,
            at=event.at,
            asked=True,
            by=event.by,
            arrived_at=event.at if there == "arrived" else None,
        )
    alert = _with_responder(alert, _replace(taker, lead=task.lead or taker.lead))
    return _with_responder(alert, _replace(task, state="left", at=event.at, lead=False))


def _noted(alert: Alert, by: str, at: datetime, note: str) -> Alert:
    return _replace(alert, notes=(*alert.notes, NoteView(by=by, at=at, note=note))) if note else alert


def _bounded(deliveries: tuple[DeliveryView, ...]) -> tuple[DeliveryView, ...]:
    """Drop the oldest messages that have had their fate when there are too many."""
    extra = len(deliveries) - KEPT_DELIVERIES
    if extra <= 0:
        return deliveries
    kept: list[DeliveryView] = []
    for d in deliveries:
        if extra > 0 and not d.pending:
            extra -= 1
        else:
            kept.append(d)
    return tuple(kept)


_DECISIVE = (
    Raised,
    LevelRaised,
    Reopened,
    Acknowledged,
    Called,
    Dispatched,
    Accepted,
    Declined,
    Departed,
    Arrived,
    HandedOver,
    Held,
    Undone,
    Closed,
)
"""Events after which a person who has not seen them is refused: somebody was faster."""
_EVIDENCE = (Raised, Joined, FindingChanged, FindingUnknown, LevelRaised, Reopened)


def fold(alert: Alert | None, transition: Transition) -> Alert:
    """The alert after one stream message."""
    for event in transition.events:
        alert = evolve(alert, event)
    assert alert is not None
    v = transition.version
    return _replace(
        alert,
        version=v,
        decided_version=v
        if any(isinstance(e, _DECISIVE) for e in transition.events)
        else alert.decided_version,
        evidence_version=v
        if any(isinstance(e, _EVIDENCE) for e in transition.events)
        else alert.evidence_version,
        keys=alert.keys if transition.key is None else (*alert.keys, transition.key)[-KEPT_KEYS:],
        done=alert.done
        if transition.same is None
        else (
            *alert.done,
            Done(same=transition.same, at=transition.at, version=transition.seen_version),
        )[-KEPT_DONE:],
    )
