"""What happens to an alert. Pure: nothing is stored or sent here.

`evolve(alert, event)` applies one event, `fold(alert, transition)` one stream message; `deciding` says which events
a person's order makes, `alert` what an alert is and when it wants attention.

Acknowledging stops the noise, not the clock: without a call, a dispatch or an acceptance the alert is `resumed`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import assert_never

import msgspec

from alerts.alert import (
    ADVICE_WORKS,
    GOING,
    Advice,
    Alert,
    ArrivedBy,
    CallView,
    CheckView,
    DeliveryView,
    Done,
    NoteView,
    ResponderState,
    ResponderView,
    StepView,
    Undoable,
    VouchView,
    of_home,
)
from alerts.events import (
    Accepted,
    Acknowledged,
    Arrived,
    Called,
    Checked,
    Closed,
    Declined,
    DeliveryReported,
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
    Raised,
    Reminded,
    Reopened,
    Resumed,
    ResumedWhy,
    Told,
    Transition,
    Undone,
    Vouched,
)
from care.words import AlertState, Command, Condition

KEPT_DELIVERIES = 400
"""Messages kept in the folded state: hours of reminders must not make an alert grow for ever."""
KEPT_EVIDENCE = 40
KEPT_SEEN = 64
KEPT_KEYS = 64
KEPT_DONE = 256
"""Commands remembered by what they said: more than the people of a community can give at once."""

_replace = msgspec.structs.replace

_OF_THE_LIST = frozenset({"", "idle", "no_answer"})
"""Waits that a home ticked off answers. That somebody was sent and does not go is another matter: it stays due."""
LIST_SECONDS = 600.0
"""Of an outage of many homes: so long after a home was ticked off the next one may be (own judgement: two calls that are not
answered, each rung twice for a minute, and what is written down of them)."""


def _condition(findings: tuple[FindingView, ...]) -> Condition:
    """Active if anything is; unknown if anything cannot be told; cleared only when all of it is."""
    seen = {f.condition for f in findings if not f.of}
    for word in (Condition.active, Condition.unknown):
        if word in seen:
            return word
    return Condition.cleared if seen else Condition.unknown


def _with_finding(alert: Alert, view: FindingView) -> Alert:
    old = alert.finding(view.finding)
    title = alert.title
    if old is None:
        findings = (*alert.findings, view)
    else:
        if alert.title == old.title and view.level is old.level:
            # The case is called after this finding, which tells of more now: of twelve homes, no longer of four.
            title = view.title
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
    return _replace(alert, findings=findings, title=title, condition=_condition(findings))


def _with_responder(alert: Alert, view: ResponderView) -> Alert:
    old = alert.responder(view.id)
    if old is None:
        responders = (*alert.responders, view)
    else:
        # Whoever was there and comes again: the way that was reckoned and walked is the first one.
        again = old.arrived_at is not None and old.state != "arrived"
        early, late = (old, view) if again else (view, old)
        view = _replace(
            view,
            asked=view.asked or old.asked,
            accepted_at=early.accepted_at or late.accepted_at,
            promised_at=early.promised_at or late.promised_at,
            departed_at=early.departed_at or late.departed_at,
            arrived_at=early.arrived_at or late.arrived_at,
            arrived_by=early.arrived_by or late.arrived_by,
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
    if old is not None and (old.state in GOING or (old.state == "offered" and not asked)):
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
        owned_at=alert.owned_at,
        acknowledged_at=alert.acknowledged_at,
        resumed=alert.resumed,
        resumed_why=alert.resumed_why,
        worked=alert.work_due is None,
        advice=alert.advice,
    )


def _advised(alert: Alert, event: Noted) -> Alert:
    """Put right by advice: the home is rung again after a while, unless somebody goes and looks. The last answer counts.

    Answered otherwise, the question's advice is taken back; what other answers were promised stands, at once if it is past.
    """
    stands = tuple(a for a in alert.advice if a.question is None or a.question != event.question)
    if len(stands) < len(alert.advice):
        stands = tuple(_replace(a, due=max(a.due, event.at)) for a in stands)
    if event.recheck_seconds is not None and alert.open and not alert.going:
        due = event.at + timedelta(seconds=event.recheck_seconds)
        stands = (*stands, Advice(question=event.question, at=event.at, due=due))
    return _replace(alert, advice=stands)


def _rung_again(alert: Alert, event: Called) -> bool:
    """Whether an answered call is the re-check, not the call in which the advice was given: that one may be written down
    after what was said in it. A relative who answers has not looked.
    """
    if alert.advised_at is None or event.at - alert.advised_at <= ADVICE_WORKS:
        return False
    before = (c for c in alert.calls if c.at >= alert.opened_at and c.result == "answered")
    return of_home(alert, event.to) and any(of_home(alert, c.to) for c in before)


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
    if not isinstance(event, LevelLowered):
        alert = _replace(alert, advice=())
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
    after = _evolve(alert, event)
    # Whatever makes it quiet again takes the reason with it.
    return after if after.resumed or after.resumed_why is None else _replace(after, resumed_why=None)


def _why(reason: str) -> ResumedWhy:
    try:
        return ResumedWhy(reason)
    except ValueError:
        return ResumedWhy.idle


def _evolve(alert: Alert | None, event: Event) -> Alert:
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
                return _replace(
                    alert,
                    resumed=True,
                    resumed_why=ResumedWhy.level_raised,
                    work_due=None,
                    work_why="",
                    not_before=None,
                )
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
                owned_at=None,
                acknowledged_at=None,
                closed_at=None,
                outcome=None,
                responders=(),
                checks=(),
                calls=(),
                work_due=None,
                work_why="",
                resumed=False,
                again_at=event.at if event.by is None else None,
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
            why = _why(event.reason)
            if why in (ResumedWhy.recheck, ResumedWhy.again):
                # Due, or the advice did not help.
                alert = _replace(alert, advice=())
            if why is ResumedWhy.again:
                alert = _replace(alert, again_at=event.at)
            return _replace(
                alert,
                resumed=True,
                resumed_why=why,
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
                owned_at=alert.owned_at if alert.owner == event.by else event.at,
                acknowledged_at=alert.acknowledged_at or event.at,
                resumed=False,
                undoable=undoable,
            )
            if alert.recheck_at is not None and alert.recheck_at <= event.at:
                # Due while it was loud: whoever takes it now has to ring or to send anyway.
                alert = _replace(alert, advice=())
            return _noted(
                _work_by(alert, event.at, alert.work_seconds, "idle"), event.by, event.at, event.note
            )
        case Called():
            call = CallView(to=event.to, result=event.result, by=event.by, at=event.at, note=event.note)
            if event.result == "answered" and _rung_again(alert, event):
                alert = _replace(alert, advice=())
            alert = _replace(alert, calls=(*alert.calls, call), resumed=False, hold_until=None, undoable=None)
            if event.to in alert.welfare and event.result == "answered":
                alert = _with_check(alert, CheckView(home=event.to, result="safe", by=event.by, at=event.at))
            if event.result == "answered":
                if of_home(alert, event.to):
                    promise = "none" if alert.answered_keeps else alert.promise
                    alert = _replace(alert, unanswered_due=None, promise=promise)
                return _replace(alert, work_due=None, work_why="")
            alert = _unanswered(alert, event)
            # Somebody was sent and has not said yes: that nobody was sent would be untrue.
            asked = any(r.asked and r.state == "offered" for r in alert.responders)
            return _work_by(alert, event.at, alert.work_seconds, "not_accepted" if asked else "no_answer")
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
            # Somebody at the door asked for 120: that another one comes is not yet the desk that rings it.
            called_for = alert.resumed and alert.resumed_why is ResumedWhy.needs_120
            alert = _replace(
                alert,
                state=_forward(alert, AlertState.attended if there else AlertState.dispatched),
                resumed=called_for,
                work_due=None,
                work_why="",
                advice=(),
                hold_until=None,
                unanswered_due=None,
                undoable=None,
            )
            if there and alert.promise == "pending":
                assert alert.arrive_by is not None
                alert = _replace(alert, promise="kept" if event.when <= alert.arrive_by else "broken")
            elif there and alert.promise == "broken" and event.done_at is not None:
                # Somebody was there in time, and could not say so.
                assert alert.arrive_by is not None
                alert = _replace(alert, promise="kept" if event.done_at <= alert.arrive_by else "broken")
            return _noted(alert, event.by, event.at, event.note)
        case Declined():
            went = alert.going
            was = alert.responder(event.who)
            left = was is not None and was.state == "arrived"
            alert = _with_responder(alert, _replace(_responder(event), state="left" if left else "declined"))
            alert = _deserted(alert)
            if alert.state is AlertState.dispatched and not alert.going:
                waiting = any(r.asked and r.state == "offered" for r in alert.responders)
                if went or not waiting:
                    # Who was to go does not: at once, not after another minute.
                    alert = _replace(
                        alert, work_due=event.at, work_why="nobody_there" if left else "nobody_going"
                    )
            return _noted(alert, event.by, event.at, event.note)
        case HandedOver():
            alert = _hand_over(alert, event)
            return _noted(_replace(alert, undoable=None), event.by, event.at, event.note)
        case Checked():
            if any(c.home == event.home and c.at > event.when for c in alert.checks):
                return alert  # told late: somebody has looked there since, and that is the last word
            check = CheckView(
                home=event.home, result=event.result, by=event.by, at=event.when, note=event.note
            )
            alert = _with_check(alert, check)
            if alert.resumed or alert.state is AlertState.new or alert.work_why not in _OF_THE_LIST:
                return alert
            # One home after the other is the work; it is idle once nobody has gone on with the list for so long.
            unasked = set(alert.welfare) - {c.home for c in alert.checks}
            return _work_by(alert, event.at, LIST_SECONDS if unasked else None, "idle")
        case Vouched():
            said = VouchView(who=event.who, by=event.by, at=event.at)
            alert = _replace(alert, vouched=(*(v for v in alert.vouched if v.who != event.who), said))
            return _noted(alert, event.by, event.at, event.note)
        case Noted():
            return _noted(_advised(alert, event), event.by, event.at, event.note)
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
                owned_at=None,
                resumed=not alert.going,
                resumed_why=ResumedWhy.given_back,
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
                owned_at=before.owned_at,
                acknowledged_at=before.acknowledged_at,
                resumed=before.resumed,
                resumed_why=before.resumed_why,
                not_before=event.at,
                outcome=None,
                closed_at=None,
                undoable=None,
                work_due=None,
                work_why="",
            )
            if before.command == Command.close.value:
                advice = tuple(_replace(a, due=max(a.due, event.at)) for a in before.advice)
                alert = _replace(alert, advice=advice)
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
                advice=(),
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
    when = event.at if isinstance(event, Declined) else event.when
    return ResponderView(
        id=event.who,
        state=states[type(event)],
        at=when,
        by=by,
        lead=isinstance(event, Accepted) and not event.companion,
        accepted_at=when if isinstance(event, Accepted) else None,
        promised_at=None if minutes is None else when + timedelta(minutes=minutes),
        departed_at=when if isinstance(event, Departed) else None,
        arrived_at=when if isinstance(event, Arrived) else None,
        arrived_by=_known_by(event) if isinstance(event, Arrived) else None,
    )


def _known_by(event: Arrived) -> ArrivedBy:
    if event.card:
        return "code"
    return "press" if event.by == event.who else "desk"


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


def _deserted(alert: Alert) -> Alert:
    """Once the last who was there has left: no screen says that somebody is, and the promise, kept before, is open again."""
    if alert.state is not AlertState.attended or alert.deserted_at is None:
        return alert
    promise = "pending" if alert.promise == "kept" else alert.promise
    return _replace(alert, state=AlertState.dispatched, promise=promise)


def _hand_over(alert: Alert, event: HandedOver) -> Alert:
    task = alert.responder(event.who)
    if task is None or task.state not in GOING:
        return _replace(alert, owner=event.to, owned_at=event.at)
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
    return _deserted(_with_responder(alert, _replace(task, state="left", at=event.at, lead=False)))


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
            Done(
                same=transition.same,
                at=transition.at,
                version=transition.seen_version,
                key=transition.key,
            ),
        )[-KEPT_DONE:],
    )
