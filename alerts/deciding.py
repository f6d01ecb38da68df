"""What a person may do to an alert: `decide(alert, order, now)` gives the events of an order, or says why not.

Pure. The same order by the same person twice is one: by its key, by the same content for the same version, or, for
orders that name no version, by the same content within `SAME_WITHIN`. Asking for what is already so is no mistake.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import assert_never

from alerts import codes, scripts
from alerts.alert import GOING, Alert
from alerts.events import (
    Accepted,
    Acknowledged,
    Arrived,
    Called,
    Checked,
    Closed,
    Declined,
    Departed,
    Dispatched,
    Event,
    HandedOver,
    Held,
    Noted,
    Outcome,
    Reopened,
    Resumed,
    ResumedWhy,
    Undone,
    Vouched,
)
from alerts.orders import (
    AMBULANCE,
    ASKED_WITHIN,
    CALL_RESULTS,
    CHECK_RESULTS,
    DONE_WITHIN,
    HOLD_LIMIT,
    REOPEN_WITHIN,
    SAME_WITHIN,
    TOLD_WITHIN,
    UNDO_WITHIN,
    No,
    NotAllowed,
    Order,
)
from care.words import AlertState, Command, Level


def decide(alert: Alert, order: Order, now: datetime) -> list[Event]:
    """The events a person's order makes. Empty when the same order (by its key) was carried out before.

    Raises NotAllowed with a reason of the closed list `orders.No` and the alert as it stands.
    """
    try:
        if repeated(alert, order, now):
            return []
        return _decide(alert, order, now)
    except NotAllowed as no:
        no.alert = alert
        raise


def repeated(alert: Alert, order: Order, now: datetime) -> bool:
    """Whether this very order was carried out before. Raises NotAllowed when its key was given to another content."""
    if order.key is not None and order.key in alert.keys:
        if any(d.key == order.key and d.same != order.same for d in alert.done):
            raise NotAllowed(
                No.key_reused,
                "this idempotency key was sent before with another content: that was carried out and stands, this was "
                "not; send it with a key of its own",
            )
        return True
    said = [d for d in alert.done if d.same == order.same]
    if order.key is None and order.command in _WRITTEN and any(now - d.at <= TOLD_WITHIN for d in said):
        return True
    same = [d for d in said if d.version == order.version]
    if order.version is not None:
        # Who saw the same version and says the same again has only pressed twice.
        return bool(same)
    return any(now - d.at <= SAME_WITHIN for d in same)


_CLOSED_TOO = frozenset({Command.note, Command.undo, Command.reopen})
"""Commands that make sense on a closed case."""


_WRITTEN = frozenset({Command.call, Command.note})
"""What was only written down: said again without a key that tells two orders apart it would count twice (a second call that
nobody answers sends somebody)."""
_FACTS = frozenset({Command.note, Command.check, Command.with_me})
"""What was seen or written down stays true whatever others have decided meanwhile: it conflicts with nothing."""


def _decide(alert: Alert, order: Order, now: datetime) -> list[Event]:
    command = order.command
    by, who = order.actor, order.who
    if not alert.open and command not in _CLOSED_TOO:
        raise NotAllowed(No.not_allowed, "closed")
    if (
        command is Command.acknowledge
        and alert.owner is not None
        and not alert.resumed
        and alert.state is not AlertState.new
    ):
        if alert.owner == who:
            return []
        raise NotAllowed(No.already_acknowledged)
    seen = alert.decided_version
    if command is Command.close:
        seen = max(seen, alert.evidence_version)
    if command in _FACTS:
        seen = 0
    if order.version is not None and not seen <= order.version <= alert.version:
        raise NotAllowed(No.version_conflict, f"version {alert.version}")
    match command:
        case Command.acknowledge:
            return [Acknowledged(at=now, by=who, note=order.note)]
        case Command.call:
            return _call(alert, order, now)
        case Command.dispatch:
            if not order.responders:
                raise NotAllowed(No.missing_field, "responders", fields=("responders",))
            if alert.state is AlertState.attended and all(
                (r := alert.responder(w)) is not None and r.state == "arrived" for w in order.responders
            ):
                raise NotAllowed(No.not_allowed, "they are there already")
            responders = tuple(dict.fromkeys(order.responders))
            if not alert.resumed:
                responders = tuple(w for w in responders if not _just_asked(alert, w, now))
                if not responders:
                    return []
            return [
                *_taken(alert, by, now),
                Dispatched(at=now, by=by, responders=responders, note=order.note),
            ]
        case Command.accept | Command.decline | Command.depart | Command.arrive:
            return _go(alert, order, now)
        case Command.note:
            if not order.note.strip():
                raise NotAllowed(No.missing_field, "note", fields=("note",))
            question, recheck = scripts.answered(alert.code, order.note)
            noted = Noted(at=now, by=by, note=order.note, question=question, recheck_seconds=recheck)
            known = alert.state is AlertState.new or alert.resumed_why is ResumedWhy.needs_120
            if order.to != AMBULANCE or not alert.open or known:
                return [noted]
            # Who is there cannot ring 120 and help at the same time; the desk hears it at once, whoever has the case.
            return [noted, Resumed(at=now, reason=ResumedWhy.needs_120.value)]
        case Command.hold:
            return _hold(alert, order, now)
        case Command.reopen:
            if alert.open:
                raise NotAllowed(No.not_allowed, "open")
            if not order.reason.strip():
                raise NotAllowed(No.missing_reason, fields=("reason",))
            assert alert.closed_at is not None
            if now - alert.closed_at > REOPEN_WITHIN:
                raise NotAllowed(No.reopen_too_late)
            arrive_by = None
            if alert.arrive_by is not None:
                arrive_by = now + (alert.arrive_by - alert.opened_at)
            acknowledge_by = None
            if alert.acknowledge_by is not None:
                acknowledge_by = now + (alert.acknowledge_by - alert.opened_at)
            return [
                Reopened(
                    at=now,
                    by=by,
                    reason=order.reason,
                    level=alert.level,
                    code=alert.code,
                    title=alert.title,
                    pictogram=alert.pictogram,
                    plan=alert.plan,
                    work_seconds=alert.work_seconds,
                    accept_seconds=alert.accept_seconds,
                    repeat_seconds=alert.repeat_seconds,
                    unanswered_seconds=alert.unanswered_seconds,
                    arrive_by=arrive_by,
                    answered_keeps=alert.answered_keeps,
                    acknowledge_by=acknowledge_by,
                )
            ]
        case Command.undo:
            last = alert.undoable
            late = last is not None and now - last.at > UNDO_WITHIN
            mine = alert.owner in (who, by)
            own_step = last is not None and last.by in (who, by) and not late
            said = bool(order.reason.strip())
            if alert.open and alert.owner is not None and not alert.resumed and not own_step and (
                said or mine or last is None
            ):  # fmt: skip
                # Too late to undo, never too late to say that somebody else must take it; nor is it only the owner who
                # may see that nobody is at it (ux.md section 3).
                if not order.reason.strip():
                    raise NotAllowed(No.undo_too_late if late else No.missing_reason, fields=("reason",))
                return [Undone(at=now, by=by, command="release", reason=order.reason)]
            if last is None:
                raise NotAllowed(No.nothing_to_undo)
            if last.by not in (who, by):
                raise NotAllowed(No.not_yours)
            if late:
                raise NotAllowed(No.undo_too_late)
            return [Undone(at=now, by=by, command=last.command, reason=order.reason)]
        case Command.close:
            return _close(alert, order, now)
        case Command.hand_over:
            return [_hand_over(alert, order, now)]
        case Command.with_me:
            if any(v.who == who for v in alert.vouched):
                return []
            return [Vouched(at=now, who=who, by=by, note=order.note)]
        case Command.check:
            return [_check(alert, order, now)]
        case _:
            assert_never(command)


def _just_asked(alert: Alert, who: str, now: datetime) -> bool:
    """Whether somebody was asked to go a moment ago and has not answered yet."""
    have = alert.responder(who)
    return have is not None and have.state == "offered" and have.asked and now - have.at <= ASKED_WITHIN


def _taken(alert: Alert, by: str, now: datetime) -> list[Event]:
    """Working on a case nobody has takes it."""
    if alert.state is AlertState.new or alert.owner is None or alert.resumed:
        return [Acknowledged(at=now, by=by, implied=True)]
    return []


def _call(alert: Alert, order: Order, now: datetime) -> list[Event]:
    if not order.to:
        raise NotAllowed(No.missing_field, "to", fields=("to",))
    if order.result not in CALL_RESULTS:
        no = No.bad_field if order.result else No.missing_field
        raise NotAllowed(no, "result", fields=("result",))
    called = Called(at=now, by=order.actor, to=order.to, result=order.result, note=order.note)
    return [*_taken(alert, order.actor, now), called]


def _go(alert: Alert, order: Order, now: datetime) -> list[Event]:
    """What a responder says; saying again what is so already changes nothing."""
    who = order.who
    have = alert.responder(who)
    state = have.state if have is not None else None
    own = order.actor == who
    note = order.note
    done_at = _done_at(alert, order, now)
    match order.command:
        case Command.accept:
            if state == "accepted" and own:
                return []
            if state in GOING:
                raise NotAllowed(No.not_allowed, "goes already")
            companion = bool(alert.going)
            return [
                Accepted(at=now, who=who, by=order.actor, companion=companion, note=note, done_at=done_at)
            ]
        case Command.decline:
            if state == "declined" and own:
                return []
            if state == "arrived" and not note.strip():
                # Nobody leaves in silence; who must go all the same says why, and the desk is rung again.
                raise NotAllowed(No.not_allowed, "is there: hand over first, or say why you have to leave")
            if state in ("declined", "left"):
                raise NotAllowed(No.not_allowed, f"has {state} already")
            return [Declined(at=now, who=who, by=order.actor, note=note)]
        case Command.depart:
            if state == "departed" and own:
                return []
            if state in ("departed", "arrived"):
                raise NotAllowed(No.not_allowed, f"has {state} already")
            return [Departed(at=now, who=who, by=order.actor, note=note, done_at=done_at)]
        case _:
            if have is not None and state == "arrived" and order.card and have.arrived_by != "code":
                # Told before, proved now: they were there since they said so.
                done_at = have.arrived_at
            elif state == "arrived" and own:
                return []
            elif state == "arrived":
                raise NotAllowed(No.not_allowed, "has arrived already")
            return [Arrived(at=now, who=who, by=order.actor, note=note, done_at=done_at, card=order.card)]


def _done_at(alert: Alert, order: Order, now: datetime) -> datetime | None:
    """When somebody's own step was done, if that can be: before now, after what is known of them, not half a day ago.

    A time that cannot be is passed over and never a reason to lose the step: it counts from now.
    """
    if order.at is None or order.who != order.actor:
        return None
    have = alert.responder(order.who)
    earliest = max(alert.opened_at if have is None else have.at, now - DONE_WITHIN)
    return order.at if earliest <= order.at < now else None


def _hand_over(alert: Alert, order: Order, now: datetime) -> Event:
    """Nobody leaves before somebody else has it (the second Newham death)."""
    who = order.who
    if not order.to:
        raise NotAllowed(No.missing_field, "to", fields=("to",))
    if order.to == who:
        raise NotAllowed(No.bad_field, "to somebody else", fields=("to",))
    task = alert.responder(who)
    if who != alert.owner and (task is None or task.state not in GOING):
        raise NotAllowed(No.not_yours)
    return HandedOver(at=now, who=who, to=order.to, by=order.actor, note=order.note)


def _check(alert: Alert, order: Order, now: datetime) -> Event:
    if not order.to:
        raise NotAllowed(No.missing_field, "to", fields=("to",))
    if order.to not in alert.welfare:
        raise NotAllowed(No.not_on_list, order.to, fields=("to",))
    if order.result not in CHECK_RESULTS:
        raise NotAllowed(No.bad_field if order.result else No.missing_field, "result", fields=("result",))
    done_at = _done_at(alert, order, now)
    return Checked(
        at=now, by=order.actor, home=order.to, result=order.result, note=order.note, done_at=done_at
    )


def _hold(alert: Alert, order: Order, now: datetime) -> list[Event]:
    if not 0 < order.seconds < float("inf"):
        raise NotAllowed(No.bad_field, "seconds", fields=("seconds",))
    if timedelta(seconds=min(order.seconds, 1e6)) > HOLD_LIMIT:
        raise NotAllowed(No.hold_too_long, "at most 120 s", fields=("seconds",))
    if alert.state is AlertState.new:
        raise NotAllowed(No.not_allowed, "nobody has taken it")
    if alert.resumed:
        # It came back because nothing was done: take it first, a hold alone would silence it again.
        raise NotAllowed(No.not_allowed, "take it first")
    if alert.hold_until is not None:
        raise NotAllowed(No.not_allowed, "held already")
    return [Held(at=now, by=order.actor, until=now + timedelta(seconds=order.seconds), note=order.note)]


def _close(alert: Alert, order: Order, now: datetime) -> list[Event]:
    given = {
        "cause": order.cause,
        "verification": order.verification,
        "actions": order.actions,
        "outcome": order.outcome,
    }
    if order.outcome == codes.NOT_REACHED:
        raise NotAllowed(No.not_reached_cannot_close, "O5", fields=("outcome",))
    if order.outcome == codes.SAFE:
        # 平安 of many homes is said of each of them: what nobody has asked is not known.
        safe = {c.home for c in alert.checks if c.result == "safe"}
        if unknown_homes := [home for home in alert.welfare if home not in safe]:
            raise NotAllowed(
                No.not_reached_cannot_close,
                f"{len(unknown_homes)} homes of the list are not known to be safe",
                fields=("outcome",),
            )
    if alert.level is not Level.blue:
        missing = tuple(name for name, value in given.items() if not value)
        if missing:
            raise NotAllowed(No.missing_outcome, ", ".join(missing), fields=missing)
    unknown = [
        name
        for name, kind, values in (
            ("cause", "cause", (order.cause,)),
            ("verification", "verification", (order.verification,)),
            ("actions", "action", order.actions),
            ("outcome", "outcome", (order.outcome,)),
            ("truth", "truth", (order.truth,)),
        )
        if any(value and not codes.known(kind, value) for value in values)
    ]
    if unknown:
        raise NotAllowed(No.unknown_code, ", ".join(unknown), fields=tuple(unknown))
    outcome = Outcome(
        by=order.actor,
        at=now,
        cause=order.cause,
        verification=order.verification,
        actions=tuple(dict.fromkeys(order.actions)),
        outcome=order.outcome,
        truth=order.truth or "unknown",
        note=order.note,
    )
    closed = Closed(at=now, by=order.actor, outcome=outcome)
    return [*_taken(alert, order.actor, now), closed] if alert.level is not Level.blue else [closed]
