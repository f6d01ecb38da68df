"""Who is told what happened: turns events into messages to people. Pure; nothing is sent here.

`tell(alert, event, …)` gives the `Told` and `NobodyThere` events that go into the same transition, so that a
message exists in the alert's log before it is queued. A person is first told by the first of their channels (of a red case
in their browsers too); told again in the same run of the ladder, by all of them: the first may be a phone that nobody hears.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from alerts.alert import GOING, Alert
from alerts.cases import AREA, case_rules
from alerts.events import (
    Acknowledged,
    Closed,
    Delivery,
    DeliveryState,
    Dispatched,
    Escalated,
    Event,
    FindingChanged,
    FindingView,
    Joined,
    LevelLowered,
    LevelRaised,
    NobodyThere,
    Purpose,
    Raised,
    Reminded,
    Reopened,
    Told,
    Why,
    delivery_id,
)
from alerts.ladder import people
from alerts.roster import RESPONDER_ROLES, Roster
from care.ids import content_id
from care.site import Contact, Registry, Staff
from care.words import Level, Role

BROWSER = "webpush"
"""The scheme of a browser that asked for messages."""
PRESSED = frozenset({"sos", "fall"})
"""Pictograms of what a person does: a further one is a call for help, not a detector that flickers."""


def address_of(url: str) -> str:
    """The name under which a channel's URL is known outside the registry."""
    return content_id("channel", url)


def channel_of(url: str) -> str:
    """The scheme of a channel's URL: the only part of it that may be shown."""
    return url.split("://", 1)[0].lower() if "://" in url else "unknown"


def first_urls(alert: Alert, registry: Registry, person: str) -> list[str]:
    """Where a person is told first: by the first of their channels and, of a red case, in their browsers beside it.

    No single push service is dependable (peers 2b), and a browser shows one message for each case, not two.
    """
    urls = registry.channels(person)
    browsers = [u for u in urls[1:] if channel_of(u) == BROWSER] if alert.level is Level.red else []
    return urls[:1] + browsers


def purpose_of(staff: Staff, alert: Alert, registry: Registry) -> Purpose:
    """What the link in a message to this member of staff is for. There is no door to go to in a case of the centre itself."""
    if staff.role not in RESPONDER_ROLES:
        return Purpose.acknowledge
    return Purpose.inform if registry.is_centre(alert.home) else Purpose.accept


def _message(
    alert: Alert, person: str, url: str, *, reason: Why, purpose: Purpose, step: int, at: datetime, nth: int
) -> Delivery:
    address = address_of(url)
    return Delivery(
        id=delivery_id(
            alert.id,
            generation=alert.generation,
            step=step,
            person=person,
            address=address,
            reason=reason,
            nth=nth,
        ),
        alert=alert.id,
        number=alert.number,
        home=alert.home,
        generation=alert.generation,
        step=step,
        person=person,
        channel=channel_of(url),
        address=address,
        reason=reason,
        purpose=purpose,
        level=alert.level,
        due_at=at,
        nth=nth,
    )


def messages(
    alert: Alert,
    people: Iterable[tuple[str, Purpose]],
    *,
    registry: Registry,
    reason: Why,
    step: int,
    at: datetime,
    nth: int = 0,
) -> tuple[Delivery, ...]:
    """Messages to these people: by their first channel, or by all when this run of the ladder told them before."""
    told = {d.delivery.person for d in alert.deliveries if d.delivery.generation == alert.generation}
    out: dict[str, Delivery] = {}
    for person, purpose in people:
        for url in registry.channels(person) if person in told else first_urls(alert, registry, person):
            made = _message(alert, person, url, reason=reason, purpose=purpose, step=step, at=at, nth=nth)
            if alert.delivery(made.id) is None:
                out.setdefault(made.id, made)
    return tuple(out.values())


def next_channel(alert: Alert, delivery: Delivery, *, registry: Registry, now: datetime) -> Delivery | None:
    """The same message by the person's next channel that has not had it yet; None when there is none left."""
    tried = {
        d.delivery.address
        for d in alert.deliveries
        if d.delivery.person == delivery.person
        and d.delivery.generation == delivery.generation
        and d.delivery.step == delivery.step
        and d.delivery.reason == delivery.reason
        and d.delivery.nth == delivery.nth
    }
    for url in registry.channels(delivery.person):
        if address_of(url) not in tried and address_of(url) != delivery.address:
            return _message(
                alert,
                delivery.person,
                url,
                reason=delivery.reason,
                purpose=delivery.purpose,
                step=delivery.step,
                at=now,
                nth=delivery.nth,
            )
    return None


def told(alert: Alert, person: str) -> str | None:
    """What became of the messages that ask somebody to go, in this run: sent, waiting, not_sent (no provider took one),
    no_channel (asked by name, and there is no way to tell them but to ring); None when they were not asked by name.
    """
    have = alert.responder(person)
    if have is None or not have.asked or have.state != "offered":
        return None
    states = {
        d.state
        for d in alert.deliveries
        if d.delivery.person == person
        and d.delivery.generation == alert.generation
        and d.delivery.purpose is Purpose.accept
    }
    if not states:
        return "no_channel"
    if DeliveryState.accepted in states:
        return "sent"
    return "waiting" if DeliveryState.queued in states else "not_sent"


def family(alert: Alert, registry: Registry) -> list[Contact]:
    """Contacts who may hear of this case: who want this level, and whom the resident allows to know the status.

    When the case is about nobody in particular, every resident of the home must allow it: never more than the
    elder allowed. Consent that was not given is not given. Of a case of many homes, the contacts of each of them.
    """
    if alert.test:
        return []
    out: dict[str, Contact] = {}
    for name in alert.homes:
        home = registry.homes.get(name)
        if home is None:
            continue
        about = [r for r in home.residents if alert.resident is None or r.id == alert.resident]
        if about and all("status" in (r.consent or {}).get("family", []) for r in about):
            out |= {c.id: c for c in home.contacts if alert.level.value in c.for_}
    return list(out.values())


def _step(
    alert: Alert, event: Event, step: int, *, reason: Why, roster: Roster, now: datetime
) -> list[Event]:
    """Messages of one step of the ladder, or the fact that nobody was in it."""
    rung = next((r for r in alert.plan if r.step == step), None)
    if rung is None:
        return []
    there = people(rung.groups, micro_grid=alert.micro_grid, roster=roster, now=now)
    made = messages(
        alert,
        [(s.id, purpose_of(s, alert, roster.registry)) for s in there],
        registry=roster.registry,
        reason=reason,
        step=step,
        at=event.at,
    )
    out: list[Event] = []
    if made:
        out.append(Told(at=event.at, deliveries=made))
    # Whoever sits at the desk has the screen in front of them, message or not.
    at_desk = any(s.role is Role.operator and roster.is_on_duty(s.id, now) for s in there)
    if not made and not at_desk:
        out.append(NobodyThere(at=event.at, step=step, groups=rung.groups))
    return out


def _ladder_so_far(alert: Alert, roster: Roster, now: datetime) -> list[Staff]:
    groups = tuple(
        dict.fromkeys(g for r in alert.plan if not r.promise and r.step <= alert.rung for g in r.groups)
    )
    return people(groups, micro_grid=alert.micro_grid, roster=roster, now=now)


def is_later(alert: Alert, view: FindingView) -> bool:
    """Whether a finding comes so long after the others of its case that it is something new (cases.yaml)."""
    others = [f.onset_at for f in alert.findings if f.finding != view.finding and not f.of]
    return bool(others) and view.onset_at - max(others) > case_rules().join_within(alert.cause)


def _repressed(
    alert: Alert,
    event: Joined | FindingChanged,
    *,
    roster: Roster,
    now: datetime,
    reason: Why = Why.repressed,
) -> list[Event]:
    """The person at home calls again: whoever was told is told again at once, or whoever has the case."""
    if alert.unanswered:
        who = [(s.id, purpose_of(s, alert, roster.registry)) for s in _ladder_so_far(alert, roster, now)]
    else:
        who = [(r.id, Purpose.inform) for r in alert.going]
        if alert.owner is not None and alert.owner in roster.registry.staff:
            who.insert(0, (alert.owner, Purpose.inform))
    made = messages(
        alert,
        who,
        registry=roster.registry,
        reason=reason,
        step=alert.rung,
        at=event.at,
        nth=alert.occurrences,
    )
    return [Told(at=event.at, deliveries=made)] if made else []


def tell(alert: Alert, event: Event, *, roster: Roster, now: datetime) -> list[Event]:
    """What an event makes us tell people. `alert` is the alert after the event; a test tells nobody."""
    if alert.test:
        return []
    registry = roster.registry
    made: tuple[Delivery, ...] = ()
    match event:
        case Raised(tester=str() as tester) if tester in registry.staff:
            asked = messages(
                alert,
                [(tester, Purpose.test)],
                registry=registry,
                reason=Why.testing,
                step=0,
                at=event.at,
            )
            found = _step(alert, event, 0, reason=Why.opened, roster=roster, now=now)
            return [Told(at=event.at, deliveries=asked), *found] if asked else found
        case Raised() | Reopened():
            return _step(alert, event, 0, reason=Why.opened, roster=roster, now=now)
        case LevelRaised():
            return _step(alert, event, 0, reason=Why.level_up, roster=roster, now=now)
        case LevelLowered() if alert.unanswered:
            return _step(alert, event, 0, reason=Why.level_down, roster=roster, now=now)
        case LevelLowered():
            made = messages(
                alert,
                [(person, Purpose.inform) for person in _at_it(alert, registry)],
                registry=registry,
                reason=Why.level_down,
                step=alert.rung,
                at=event.at,
            )
        case Escalated():
            return _step(alert, event, event.step, reason=event.reason, roster=roster, now=now)
        case Reminded():
            there = [(s.id, purpose_of(s, alert, registry)) for s in _ladder_so_far(alert, roster, now)]
            made = messages(
                alert,
                # Who was only told has nothing to answer: once is enough.
                [(person, purpose) for person, purpose in there if purpose is not Purpose.inform],
                registry=registry,
                reason=Why.reminder,
                step=alert.rung,
                at=event.at,
                nth=event.nth,
            )
            if not made:
                return [NobodyThere(at=event.at, step=alert.rung)]
        case FindingChanged(finding=view) | Joined(finding=view) if (
            alert.cause == AREA and alert.open and not alert.unanswered and not view.life
        ):
            # An outage that takes more homes after somebody has it: their families hear it as the first ones did.
            made = messages(
                alert,
                [(c.id, Purpose.inform) for c in family(alert, registry) if not _knows(alert, c.id)],
                registry=registry,
                reason=Why.acknowledged,
                step=alert.rung,
                at=event.at,
            )
        case FindingChanged() | Joined() if alert.open and alert.level is Level.red:
            view = event.finding
            if view.of:
                return []
            pressed = view.pictogram in PRESSED
            if pressed and (isinstance(event, Joined) or event.reason == "occurrence"):
                return _repressed(alert, event, roster=roster, now=now)
            if isinstance(event, Joined) and view.life and is_later(alert, view):
                return _repressed(alert, event, roster=roster, now=now, reason=Why.joined)
            return []
        case Acknowledged():
            # At once, which is inside the promised 60 s (domain 4.3); perhaps the person is with them.
            word = case_rules().may_vouch(alert.cause) and not any(f.life for f in alert.findings)
            ask = Purpose.with_me if word else Purpose.inform
            made = messages(
                alert,
                [(c.id, ask) for c in family(alert, registry) if not _knows(alert, c.id)],
                registry=registry,
                reason=Why.acknowledged,
                step=alert.rung,
                at=event.at,
            )
        case Dispatched():
            for who in event.responders:
                earlier = sum(
                    1
                    for d in alert.deliveries
                    if d.delivery.person == who and d.delivery.reason == Why.dispatched
                )
                made += messages(
                    alert,
                    [(who, Purpose.accept)],
                    registry=registry,
                    reason=Why.dispatched,
                    step=alert.rung,
                    at=event.at,
                    nth=earlier,
                )
        case Closed():
            who_knows = [c.id for c in family(alert, registry) if _knows(alert, c.id)]
            # Whoever was only paged with the circle too: they may be putting on their shoes.
            on_the_way = [r.id for r in alert.responders if r.state in ("offered", "accepted", "departed")]
            # Of a case of the centre: who was asked to look in, if they are near, need not any more.
            may_look = [
                d.delivery.person
                for d in alert.deliveries
                if d.delivery.generation == alert.generation
                and d.delivery.purpose is Purpose.inform
                and d.delivery.reason is Why.opened
            ]
            made = messages(
                alert,
                [(p, Purpose.inform) for p in dict.fromkeys((*on_the_way, *may_look, *who_knows))],
                registry=registry,
                reason=Why.closed,
                step=alert.rung,
                at=event.at,
            )
        case _:
            return []
    return [Told(at=event.at, deliveries=made)] if made else []


def _at_it(alert: Alert, registry: Registry) -> list[str]:
    """Whoever has the case, and whoever goes or was asked to."""
    owner = [alert.owner] if alert.owner in registry.staff and alert.owner is not None else []
    return list(
        dict.fromkeys(
            [
                *owner,
                *(r.id for r in alert.responders if r.state in GOING or (r.state == "offered" and r.asked)),
            ]
        )
    )


def _knows(alert: Alert, person: str) -> bool:
    """Whether a contact was told in this run of the ladder that somebody is checking."""
    return any(
        d.delivery.person == person
        and d.delivery.generation == alert.generation
        and d.delivery.reason == Why.acknowledged
        for d in alert.deliveries
    )
