"""What a finding, a timer or a person's order makes of one alert: the transition, with the messages it makes us send.

Pure and synchronous, one alert at a time: the desk says which, `lifecycle` what it looks like afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import msgspec

from alerts.alert import Alert, Timer, repeat_seconds
from alerts.cases import case_rules
from alerts.circle import nearest, walk_minutes, whereabouts
from alerts.deciding import decide
from alerts.events import (
    Accepted,
    DeliveryReported,
    DeliveryState,
    Dispatched,
    Escalated,
    Event,
    FindingChanged,
    FindingView,
    HoldEnded,
    Joined,
    LevelLowered,
    LevelRaised,
    NobodyThere,
    Reminded,
    Reopened,
    Resumed,
    Told,
    Transition,
    Vouched,
)
from alerts.ladder import Plan, plan_for, step_of
from alerts.lifecycle import evolve
from alerts.orders import Order
from alerts.roster import Roster
from alerts.telling import next_channel, tell
from care.ids import content_id
from care.messages import URGENT, DeviceAck, Finding
from care.site import Registry
from care.words import Condition, Level, Phase, Tier

SERVICE = "anxin"
"""Who sends somebody when no person does."""
PAIR = 2
"""A shift is a pair: two are sent, one leads and one goes along."""
SPOKEN = frozenset({"sos", "fall"})
"""Causes of somebody who asked for help: not answering the phone then is a finding of its own (SOS2)."""


def level_of(finding: Finding) -> Level:
    """The level a finding gives its case: a test is blue, life safety never below yellow."""
    if finding.test:
        return Level.blue
    if finding.life and finding.level is Level.blue:
        return Level.yellow
    return finding.level


def view_of(finding: Finding) -> FindingView:
    """A finding as its alert keeps it."""
    cleared = finding.phase is Phase.cleared
    return FindingView(
        finding=finding.finding,
        rule=finding.rule,
        rule_version=finding.rule_version,
        code=finding.code,
        level=level_of(finding),
        phase=finding.phase.value,
        condition=Condition.cleared if cleared else finding.condition,
        onset_at=finding.onset_at,
        title=finding.title,
        pictogram=finding.pictogram,
        device=finding.device,
        room=finding.room,
        cleared_at=finding.at if cleared else None,
        evidence=tuple(finding.evidence),
        parameters=finding.parameters,
        sources=finding.sources,
        tags=tuple(finding.tags),
        occurrences=finding.occurrences,
        life=finding.life,
        auto_close=finding.auto_close,
        reopen_minutes=finding.reopen_minutes,
        seen=(finding.event_id,),
    )


def tiers_of(registry: Registry, home: str) -> set[Tier]:
    """The tiers of those who live there."""
    known = registry.homes.get(home)
    return {r.tier for r in known.residents} if known is not None else set()


def answer_to(finding: Finding, number: int, now: datetime) -> DeviceAck | None:
    """The answer an alarm-class device waits for; None for everything else."""
    if finding.phase is Phase.cleared:
        return None
    device = finding.device or next((e.device for e in finding.evidence if e.quantity in URGENT), None)
    if device is None or not any(e.quantity in URGENT and e.device == device for e in finding.evidence):
        return None
    return DeviceAck(home=finding.home, device=device, alert=number, at=now, seq=finding.seq)


def assemble(
    alert: Alert | None,
    events: Iterable[Event],
    *,
    roster: Roster,
    now: datetime,
    by: str | None = None,
    key: str | None = None,
    same: str | None = None,
    seen_version: int | None = None,
    source: int = 0,
) -> Transition:
    """One transition from the events of one decision, with the messages they make us send."""
    before = alert
    events = list(events)
    out: list[Event] = []
    paged = any(isinstance(e, LevelRaised | Reopened) for e in events)
    for event in events:
        alert = evolve(alert, event)
        out.append(event)
        if paged and isinstance(event, Joined | FindingChanged):
            # The new ladder's first page tells of it: one thing that happened is one page.
            continue
        for told in tell(alert, event, roster=roster, now=now):
            alert = evolve(alert, told)
            out.append(told)
    assert alert is not None
    # What became of a message is no news to a person: it leaves the version alone.
    quiet = all(isinstance(e, DeliveryReported | Told) for e in out)
    version = before.version if before is not None else 0
    return Transition(
        alert=alert.id,
        number=alert.number,
        home=alert.home,
        version=version if quiet else version + 1,
        at=now,
        events=tuple(out),
        by=by,
        key=key,
        same=same,
        seen_version=seen_version,
        source=source,
    )


def ladder_of(plan: Plan, now: datetime) -> dict[str, Any]:
    def after(seconds: float | None) -> datetime | None:
        return None if seconds is None else now + timedelta(seconds=seconds)

    return {
        "plan": plan.rungs,
        "work_seconds": plan.work_seconds,
        "accept_seconds": plan.accept_seconds,
        "repeat_seconds": plan.repeat_seconds,
        "unanswered_seconds": plan.unanswered_seconds,
        "arrive_by": after(plan.arrive_seconds),
        "answered_keeps": plan.answered_keeps,
        "acknowledge_by": after(plan.acknowledge_seconds),
    }


def _send(
    alert: Alert, at: datetime, *, roster: Roster, now: datetime, alerts: Iterable[Alert]
) -> list[Event]:
    """The home does not answer: the nearest two on duty are asked to go, without waiting for a person (SOS2).

    Only who can be told: no person stands behind this order who would ring the others up.
    """
    out: list[Event] = []
    if alert.cause in SPOKEN:
        unanswered = FindingView(
            finding=content_id(alert.id, "SOS2", alert.generation),
            rule="SOS2",
            rule_version=1,
            code="SOS2",
            level=Level.red,
            phase=Phase.opened.value,
            condition=Condition.active,
            onset_at=at,
            title={"zh": "求助后电话无人接听", "en": "Called for help and does not answer the phone"},
            pictogram=alert.pictogram,
            room=alert.room,
            of=alert.number,
        )
        if alert.finding(unanswered.finding) is None:
            out.append(Joined(at=at, finding=unanswered))
    registry = roster.registry
    home = registry.homes.get(alert.home)
    near = nearest(registry, home, alerts, now) if home is not None else []
    circles = (
        [n.staff for n in near if n.within],
        [n.staff for n in near if n.minutes is not None],
        roster.responders(alert.micro_grid, now),
        roster.responders_of_grid(alert.micro_grid, now),
        roster.called_in(alert.micro_grid, now),
    )
    told = ([s.id for s in circle if registry.channels(s.id)] for circle in circles)
    who = next((ids for ids in told if ids), [])
    if who:
        return [*out, Dispatched(at=at, by=SERVICE, responders=tuple(who[:PAIR]))]
    nobody = NobodyThere(at=at, step=alert.rung, groups=("responders_grid",))
    late = round(max(0.0, (now - at).total_seconds()), 3)
    return [*out, nobody, Resumed(at=at, reason="nobody_on_duty", late_seconds=late)]


def fire(
    alert: Alert, timer: Timer, *, roster: Roster, now: datetime, alerts: Iterable[Alert] = ()
) -> list[Event]:
    """What happens when a timer of an alert is due; `at` is when it was due, however late it is noticed."""
    due = timer.at
    late = round(max(0.0, (now - due).total_seconds()), 3)
    match timer.kind:
        case "confirm":
            first = alert.findings[0]
            plan = plan_for(
                Level.red,
                roster.registry.site.policy,
                cause=alert.cause,
                tiers=tiers_of(roster.registry, alert.home),
            )
            return [
                LevelRaised(
                    at=due,
                    reason="not_confirmed",
                    level=Level.red,
                    code=first.code,
                    title=first.title,
                    pictogram=first.pictogram,
                    **ladder_of(plan, due),
                )
            ]
        case "hold":
            ended: list[Event] = [HoldEnded(at=due, late_seconds=late)]
            if alert.going:
                return ended
            again: list[Event] = [Resumed(at=due, reason="hold_ended", late_seconds=late)]
            return ended + (_made_up(alert, ended + again, roster.registry, due) or again)
        case "send":
            return _send(alert, due, roster=roster, now=now, alerts=alerts)
        case "resume":
            resumed = Resumed(at=due, reason=alert.work_why, late_seconds=late)
            return _made_up(alert, [resumed], roster.registry, due) or [resumed]
        case "recheck":
            rung = Resumed(at=due, reason="recheck", late_seconds=late)
            return _made_up(alert, [rung], roster.registry, due) or [rung]
        case "step":
            assert timer.rung is not None
            step = step_of(alert, timer.rung, due, roster=roster, now=now)
            return [Escalated(at=due, step=timer.rung.step, late_seconds=late, reason=step.reason)]
        case "promise":
            assert timer.rung is not None
            return [Escalated(at=due, step=timer.rung.step, late_seconds=late, promise_broken=True)]
        case _:
            # After a long stop one reminder stands for all that were missed.
            missed = int(late // repeat_seconds(alert))
            at = due + timedelta(seconds=missed * repeat_seconds(alert))
            return [
                Reminded(
                    at=at,
                    nth=alert.reminders + 1,
                    late_seconds=round(max(0.0, (now - at).total_seconds()), 3),
                )
            ]


def may_wait(alert: Alert, view: FindingView) -> bool:
    """Whether a finding that goes on becomes no graver case yet: somebody answers (`waits_for_answer`), and no other says the same."""
    same = [
        f for f in alert.findings if f.code == view.code and f.condition is not Condition.cleared and not f.of
    ]
    return case_rules().may_wait(view.code) and alert.answered and len(same) < 2


def _made_up(alert: Alert, events: Iterable[Event], registry: Registry, at: datetime) -> list[Event]:
    """The rise that was put off, once these events leave nobody who answers; nothing while there is none."""
    for event in events:
        alert = evolve(alert, event)
    rules = case_rules()
    worse = [
        f for f in alert.findings if rules.may_wait(f.code) and f.level.rank > alert.level.rank and not f.of
    ]
    found = next((f for f in worse if f.condition is not Condition.cleared), None)
    if found is None or not alert.open or alert.answered:
        return []
    plan = plan_for(
        found.level, registry.site.policy, cause=alert.cause, tiers=tiers_of(registry, alert.home)
    )
    return [
        LevelRaised(
            at=at,
            reason="no_answer",
            level=found.level,
            code=found.code,
            title=found.title,
            pictogram=found.pictogram,
            **ladder_of(plan, at),
        )
    ]


def _promised(alert: Alert, event: Event, registry: Registry) -> Event:
    """Who accepts is told from then on against our reckoning of the way."""
    if not isinstance(event, Accepted):
        return event
    staff, home = registry.staff.get(event.who), registry.homes.get(alert.home)
    start = whereabouts(registry, staff) if staff is not None else None
    minutes = walk_minutes(start, home) if start is not None and home is not None else None
    return event if minutes is None else msgspec.structs.replace(event, arrive_minutes=round(minutes, 1))


def may_vouch(alert: Alert) -> bool:
    """Whether somebody's word that the person is fine makes this case milder: red becomes yellow, nothing else.

    Never one of the life-safety floor, nor one that another red cause in the home bears out.
    """
    return (
        alert.open
        and alert.level is Level.red
        and not alert.life
        and not alert.test
        and case_rules().may_vouch(alert.cause)
        and not any(f.life or (f.of and f.level is Level.red) for f in alert.findings)
    )


def _milder(alert: Alert, registry: Registry, now: datetime) -> LevelLowered:
    plan = plan_for(
        Level.yellow, registry.site.policy, cause=alert.cause, tiers=tiers_of(registry, alert.home)
    )
    worst = max((f for f in alert.findings if not f.of), key=lambda f: f.level.rank)
    return LevelLowered(
        at=now,
        level=Level.yellow,
        code=alert.code,
        title=alert.title,
        pictogram=alert.pictogram,
        finding=worst.finding,
        **ladder_of(plan, now),
    )


def propose(alert: Alert, order: Order, roster: Roster, now: datetime) -> Transition:
    """The transition a person's order makes of an alert, with its messages. Raises NotAllowed."""
    events = [_promised(alert, e, roster.registry) for e in decide(alert, order, now)]
    if any(isinstance(e, Vouched) for e in events) and may_vouch(alert):
        events.append(_milder(alert, roster.registry, now))
    events += _made_up(alert, events, roster.registry, now) if events else []
    return assemble(
        alert,
        events,
        roster=roster,
        now=now,
        by=order.actor,
        key=order.key if events else None,
        same=order.same if events else None,
        seen_version=order.version if events else None,
    )


def report(
    alert: Alert,
    delivery: str,
    state: DeliveryState,
    roster: Roster,
    now: datetime,
    *,
    detail: str = "",
    attempts: int = 0,
    onward: bool = False,
) -> Transition | None:
    """The transition that records what became of a message; None when its fate is known already."""
    view = alert.delivery(delivery)
    if view is None or not view.pending:
        return None
    events: list[Event] = [
        DeliveryReported(at=now, delivery=delivery, state=state, detail=detail, attempts=attempts)
    ]
    if onward:
        other = next_channel(alert, view.delivery, registry=roster.registry, now=now)
        if other is not None and other.generation == view.delivery.generation:
            events.append(Told(at=now, deliveries=(other,)))
    return assemble(alert, events, roster=roster, now=now)


def decode_transition(data: bytes) -> Transition:
    """A transition from its bytes on the stream."""
    return _decoder.decode(data)


_decoder = msgspec.json.Decoder(Transition)
