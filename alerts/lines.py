"""What a transition looks like in a replay: the `alert.*` and `delivery.due` lines of contract section 7.

`lines(transition, alert)` gives plain dictionaries in order; `alert` is the alert after the transition.
"""

from __future__ import annotations

from typing import Any

from alerts.alert import Alert, next_rung
from alerts.events import (
    Accepted,
    Acknowledged,
    Arrived,
    Called,
    Checked,
    Closed,
    Declined,
    Delivery,
    Departed,
    Dispatched,
    Escalated,
    Event,
    FindingView,
    HandedOver,
    Held,
    Joined,
    LevelLowered,
    LevelRaised,
    NobodyThere,
    Noted,
    Raised,
    Reopened,
    Resumed,
    Told,
    Transition,
    Undone,
    Vouched,
    Why,
)
from alerts.orders import NotAllowed, Order
from care.ids import iso


def _head(alert: Alert, event: Event, kind: str, view: FindingView | None = None) -> dict[str, Any]:
    view = view or alert.findings[0]
    return {
        "at": iso(event.at),
        "type": kind,
        "alert": alert.id,
        "number": alert.number,
        "code": view.code if kind == "alert.joined" else alert.code,
        "level": alert.level.value,
        "home": view.home or alert.home,
        "resident": alert.resident,
        "device": view.device,
        "rule": view.rule,
    }


def delivery_line(delivery: Delivery) -> dict[str, Any]:
    """One `delivery.due` line."""
    return {
        "at": iso(delivery.due_at),
        "type": "delivery.due",
        "alert": delivery.alert,
        "number": delivery.number,
        "home": delivery.home,
        "level": delivery.level.value,
        "person": delivery.person,
        "channel": delivery.channel,
        "step": delivery.step,
        "reason": delivery.reason.value,
    }


def refused_line(order: Order, alert: Alert | None, no: NotAllowed, at: str) -> dict[str, Any]:
    """The `refused` line of a command that is not allowed."""
    return {
        "at": at,
        "type": "refused",
        "command": order.command.value,
        "reason": no.reason,
        "fields": list(no.fields),
        "by": order.actor,
        "alert": alert.id if alert is not None else None,
        "number": alert.number if alert is not None else None,
    }


def lines(transition: Transition, alert: Alert) -> list[dict[str, Any]]:
    """The lines of one transition, in order. Events without a word of their own (notes of machines) give none."""
    out: list[dict[str, Any]] = []

    empty = {e.step for e in transition.events if isinstance(e, NobodyThere)}

    def say(kind: str, event: Event, view: FindingView | None = None, **more: Any) -> None:
        out.append({**_head(alert, event, kind, view), "state": alert.state.value, **more})

    for event in transition.events:
        match event:
            case Raised():
                say(
                    "alert.raised",
                    event,
                    event.finding,
                    title=event.title,
                    late_seconds=event.late_seconds,
                    cause=event.cause,
                    nobody=(0 in empty) or None,
                )
            case Joined():
                say(
                    "alert.joined",
                    event,
                    event.finding,
                    of=event.finding.of if event.finding.of not in (0, alert.number) else None,
                )
            case LevelLowered():
                say("alert.lowered", event, finding=event.finding)
            case LevelRaised():
                # The case's own word for it; who is told follows as `delivery.due` with reason level_up.
                say(
                    "alert.escalated",
                    event,
                    step=0,
                    late_seconds=0.0,
                    promise_broken=False,
                    reason=Why.level_up.value,
                )
            case Escalated():
                say(
                    "alert.escalated",
                    event,
                    step=event.step,
                    late_seconds=event.late_seconds,
                    promise_broken=event.promise_broken,
                    reason=event.reason.value,
                    nobody=(event.step in empty) or None,
                )
            case Resumed() if next_rung(alert) is None:
                # Given back at the end of the ladder: no further step says so, so this line does.
                say(
                    "alert.escalated",
                    event,
                    step=alert.rung,
                    late_seconds=event.late_seconds,
                    promise_broken=False,
                    reason=Why.reminder.value,
                )
            case Acknowledged() if not event.implied:
                say("alert.acknowledge", event, by=event.by)
            case Called():
                say("alert.call", event, by=event.by, to=event.to, result=event.result)
            case Dispatched():
                say("alert.dispatch", event, by=event.by, responders=list(event.responders))
            case Accepted():
                say(
                    "alert.accept",
                    event,
                    by=event.who,
                    companion=event.companion,
                    arrive_minutes=event.arrive_minutes,
                )
            case Declined():
                say("alert.decline", event, by=event.who)
            case Departed():
                say("alert.depart", event, by=event.who)
            case Arrived():
                say("alert.arrive", event, by=event.who, promise=alert.promise)
            case HandedOver():
                say("alert.hand_over", event, by=event.who, to=event.to)
            case Checked():
                say("alert.check", event, by=event.by, to=event.home, result=event.result)
            case Vouched():
                say("alert.with_me", event, by=event.who)
            case Noted():
                say("alert.note", event, by=event.by)
            case Held():
                say("alert.hold", event, by=event.by, until=iso(event.until))
            case Reopened():
                say("alert.reopen", event, by=event.by, reason=event.reason)
            case Undone():
                say("alert.undo", event, by=event.by, undone=event.command)
            case Closed():
                say(
                    "alert.close",
                    event,
                    by=event.by,
                    auto=event.auto,
                    cause=event.outcome.cause,
                    outcome=event.outcome.outcome,
                    truth=event.outcome.truth,
                )
            case Told():
                out.extend(delivery_line(d) for d in event.deliveries)
            case _:
                pass
    return out
