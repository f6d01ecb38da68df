"""What an alert is, as far as its log has been read, and when it wants attention. Pure values; `lifecycle` folds them.

`timers(alert)` are the absolute times at which the alert wants attention, derived from its state, so that a restart
forgets none.

Two axes that never touch: `condition` is what is true at the home, `state` is what people have done about it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from alerts.cases import AREA
from alerts.events import (
    Delivery,
    DeliveryState,
    FindingView,
    Outcome,
    ResumedWhy,
    Rung,
    subject_of,
)
from care.words import AlertState, Condition, Level

OFTEN = 15
"""Reminders before they come five times more rarely: half an hour for a red case."""
ADVICE_WORKS = timedelta(minutes=2)
"""So long after the advice an answered call is still the call in which it was given, and an alarm that flickers is no new one."""
HOME_WORDS = frozenset({"home", "resident"})
"""How a call names the home's own phone."""

ResponderState = Literal["offered", "accepted", "declined", "departed", "arrived", "left"]
Promise = Literal["none", "pending", "kept", "broken"]
ArrivedBy = Literal["code", "press", "desk"]

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
    arrived_by: ArrivedBy | None = None
    """How the arrival is known: the code of the door card, their own word, or the desk's."""


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
    key: str | None = None


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


class Advice(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An answer that was met with advice on the telephone, and when the home is rung again for it."""

    question: str | None
    """Id of the script's question."""
    at: datetime
    due: datetime


class Undoable(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the last acknowledgement or closing changed, kept while it can be taken back."""

    command: str
    by: str
    at: datetime
    state: AlertState
    owner: str | None = None
    owned_at: datetime | None = None
    acknowledged_at: datetime | None = None
    resumed: bool = False
    resumed_why: ResumedWhy | None = None
    worked: bool = False
    advice: tuple[Advice, ...] = ()


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
    owned_at: datetime | None = None
    """When its owner took it; `acknowledged_at` is the first who ever did."""
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
    resumed_why: ResumedWhy | None = None
    """Why; None while it is not, and where an old record does not say."""
    advice: tuple[Advice, ...] = ()
    """Advice given on the telephone that still stands, in the order in which it was given: the last one counts."""
    again_at: datetime | None = None
    """When the danger alarmed again in this run: now somebody is sent, whatever is said on the telephone (domain 4.6)."""
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
    def recheck_at(self) -> datetime | None:
        """Advice was given on the telephone: by then the home is rung again, or the case is loud."""
        return self.advice[-1].due if self.advice else None

    @property
    def advised_at(self) -> datetime | None:
        """When that advice was given; None with it."""
        return self.advice[-1].at if self.advice else None

    @property
    def unanswered(self) -> bool:
        """Nobody has it, or who had it did nothing: it is loud and the ladder goes on."""
        return self.open and (self.state is AlertState.new or self.resumed)

    @property
    def overdue(self) -> bool:
        """Somebody ought to be there by now, and nobody is."""
        return self.open and self.promise == "broken" and self.state is not AlertState.attended

    @property
    def answered(self) -> bool:
        """Somebody goes there, the home answered the telephone, or who has it has not rung in vain yet."""
        rung = [c.result for c in self.calls if c.at >= self.opened_at and of_home(self, c.to)]
        return bool(self.going) or "answered" in rung or not (self.unanswered or rung)

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
    def homes(self) -> tuple[str, ...]:
        """The homes it is about: its own, and every one of an area's."""
        return tuple(dict.fromkeys((*self.welfare, self.home))) if self.cause == AREA else (self.home,)

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
    def deserted_at(self) -> datetime | None:
        """Since when nobody is there although somebody was; None while somebody is, nobody has been, or it is closed."""
        if not self.open or any(r.state == "arrived" for r in self.responders):
            return None
        return max((r.at for r in self.responders if r.arrived_at is not None), default=None)

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
    kind: Literal["confirm", "hold", "send", "resume", "recheck", "step", "promise", "remind"]
    rung: Rung | None = None


_ORDER = {
    "confirm": -1,
    "hold": 0,
    "send": 1,
    "resume": 2,
    "recheck": 3,
    "step": 4,
    "promise": 5,
    "remind": 6,
}


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
    if alert.recheck_at is not None and alert.hold_until is None and not alert.unanswered:
        # While it is loud anyway, whoever takes it has to ring or to send.
        out.append(Timer(alert.recheck_at, "recheck"))
    if alert.unanswered_due is not None:
        out.append(Timer(alert.unanswered_due, "send"))
    promise = promise_rung(alert)
    if promise is not None and alert.promise == "pending" and alert.arrive_by is not None:
        # Whoever was there in time has left since: the ten minutes are the resident's, and run on.
        due = max(alert.arrive_by, alert.deserted_at or alert.arrive_by)
        out.append(Timer(due, "promise", promise))
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


def of_home(alert: Alert, to: str) -> bool:
    """Whether a call was to the home itself, not to a relative."""
    return to in HOME_WORDS or to in (alert.home, alert.resident)
