"""Maintenance orders: one for each device or gateway that needs a hand, however many cases speak of it. Pure.

`needs` reads from the open cases which devices want somebody; `judge` says what becomes of the orders there are and
which new ones are opened. An order ends by proof, not by belief: what was done is written down first, and the order
closes when the device reported after the work, the rules have cleared every finding of it and the home's health says
that it is well. What is not proven in time comes back to whoever has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

import msgspec

from alerts.alert import Alert
from alerts.cases import STORM
from care.ids import content_id
from care.messages import HomeHealth
from care.site import Registry
from care.words import Condition, Kind, Level

SERVICE = "anxin"
"""Who opens an order when no person does."""
PATIENCE = {"TE3": timedelta(hours=2), "TE4": timedelta(hours=2)}
"""Silence often ends by itself: an order only when it lasted so long (JGJ/T 484: a fault is mended or stood in for within 2 h)."""
DUE = {Level.blue: timedelta(days=7), Level.yellow: timedelta(hours=24), Level.red: timedelta(hours=24)}
"""From the opening (domain 3.5 TE1: 7 d, 24 h)."""
PROOF_WITHIN = timedelta(hours=24)
"""What was done must show by then; the longest heartbeat of a battery device is a day."""
PROOF_AFTER = timedelta(minutes=10)
"""Of an order that no rule asked for, health is believed only so long after the work: its silence takes as long to show."""
KEPT_STEPS = 60


class Did(StrEnum):
    """What was done (domain 4.5 A8, and what maintenance writes down)."""

    battery = "battery"
    resited = "resited"
    replaced = "replaced"
    repaired = "repaired"
    power = "power"
    reset = "reset"
    nothing_found = "nothing_found"


class Found(StrEnum):
    """What was the matter, as whoever went there saw it."""

    battery = "battery"
    moved = "moved"
    broken = "broken"
    power = "power"
    network = "network"
    unplugged = "unplugged"
    unclear = "unclear"


class Step(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of an order's history."""

    at: datetime
    what: str
    """opened, assigned, released, done, again, not_proven, proved, removed, withdrawn."""
    by: str = SERVICE
    note: str = ""


State = Literal["open", "assigned", "done", "closed"]


class Repair(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An order, kept under `repair.ID`."""

    id: str
    home: str
    device: str | None = None
    """None: the home's gateway, or the home as a whole."""
    codes: tuple[str, ...] = ()
    """What the rules say; empty for an order that somebody opened without a case."""
    cases: tuple[int, ...] = ()
    """Numbers of the cases."""
    why: str = ""
    """In words, where a person opened it."""
    titles: dict[str, dict[str, str]] = {}
    """Code → what the rules say in words, by language."""
    since: datetime | None = None
    """Onset of the oldest finding; None for an order that somebody opened without a case."""
    opened_at: datetime
    opened_by: str = SERVICE
    due: datetime
    assigned: str | None = None
    found: Found | None = None
    did: Did | None = None
    did_at: datetime | None = None
    did_by: str | None = None
    again: int = 0
    """How often what was done did not hold."""
    heard_at: datetime | None = None
    """The first report of the device after what was done; without one nothing is proven."""
    closed_at: datetime | None = None
    closed: str = ""
    """proved, removed or withdrawn."""
    steps: tuple[Step, ...] = ()

    @property
    def state(self) -> State:
        """Where it stands: `done` waits for its proof."""
        if self.closed_at is not None:
            return "closed"
        if self.did_at is not None:
            return "done"
        return "assigned" if self.assigned is not None else "open"

    @property
    def subject(self) -> tuple[str, str | None]:
        """What it is about: there is one open order for each."""
        return self.home, self.device


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """What the open cases say of one device or gateway."""

    home: str
    device: str | None
    codes: tuple[str, ...]
    cases: tuple[int, ...]
    findings: tuple[str, ...]
    level: Level
    since: datetime
    """Onset of the oldest finding."""
    latest: datetime
    """Onset of the newest one."""
    titles: dict[str, dict[str, str]]
    """Code → its title by language."""
    ripe: bool
    """It has lasted long enough for an order without anybody asking."""


def needs(registry: Registry, alerts: Iterable[Alert], now: datetime) -> dict[tuple[str, str | None], Need]:
    """Which devices and gateways want a hand, by home and device. Devices behind a dead gateway are not asked for."""
    found: dict[tuple[str, str | None], Need] = {}
    for alert in alerts:
        if alert.test:
            continue
        for view in alert.findings:
            if view.of or view.condition is not Condition.active:
                continue
            gateway = view.code == "TE4"
            technical = alert.cause.startswith("device:") or alert.cause in ("offline", STORM)
            if not technical or not (gateway or view.device):
                continue
            home = view.home or alert.home
            device = gateway_of(registry, home) if gateway else view.device
            old = found.get((home, device))
            ripe = now - view.onset_at >= PATIENCE.get(view.code, timedelta(0))
            one = Need(
                home=home,
                device=device,
                codes=(view.code,),
                cases=(alert.number,),
                findings=(view.finding,),
                level=view.level,
                since=view.onset_at,
                latest=view.onset_at,
                titles={view.code: view.title},
                ripe=ripe,
            )
            found[home, device] = one if old is None else _both(old, one)
    dead = {home for (home, device), n in found.items() if "TE4" in n.codes}
    return {key: need for key, need in found.items() if need.home not in dead or set(need.codes) - {"TE3"}}


def gateway_of(registry: Registry, home: str) -> str | None:
    """The home's gateway, when the site file names exactly one."""
    known = registry.homes.get(home)
    gateways = [d.id for d in known.devices if d.kind is Kind.gateway] if known is not None else []
    return gateways[0] if len(gateways) == 1 else None


def _both(one: Need, two: Need) -> Need:
    return Need(
        home=one.home,
        device=one.device,
        codes=tuple(dict.fromkeys(one.codes + two.codes)),
        cases=tuple(sorted({*one.cases, *two.cases})),
        findings=tuple(dict.fromkeys(one.findings + two.findings)),
        level=max(one.level, two.level, key=lambda level: level.rank),
        since=min(one.since, two.since),
        latest=max(one.latest, two.latest),
        titles=two.titles | one.titles,
        ripe=one.ripe or two.ripe,
    )


def repair_id(need: Need) -> str:
    """The name of the order of a need: asked for twice it is the same one."""
    return content_id("repair", need.home, need.device or "", min(need.findings))


def opened(need: Need, now: datetime, *, by: str = SERVICE) -> Repair:
    """The order of a need."""
    return Repair(
        id=repair_id(need),
        home=need.home,
        device=need.device,
        codes=need.codes,
        cases=need.cases,
        titles=need.titles,
        since=need.since,
        opened_at=now,
        opened_by=by,
        due=now + DUE[need.level],
        steps=(Step(at=now, what="opened", by=by),),
    )


def by_hand(home: str, device: str | None, why: str, now: datetime, *, by: str) -> Repair:
    """An order that somebody asks for without a case."""
    return Repair(
        id=content_id("repair", home, device or "", by, str(now)),
        home=home,
        device=device,
        why=why,
        opened_at=now,
        opened_by=by,
        due=now + DUE[Level.blue],
        steps=(Step(at=now, what="opened", by=by, note=why),),
    )


def judge(
    registry: Registry,
    orders: Mapping[str, Repair],
    alerts: Iterable[Alert],
    health: Mapping[str, HomeHealth],
    now: datetime,
) -> list[Repair]:
    """The orders as they are now where that is news, and those to be opened."""
    wanted = needs(registry, alerts, now)
    open_ = {o.subject: o for o in orders.values() if o.state != "closed"}
    out = [after for o in open_.values() if (after := _judged(registry, o, wanted, health, now)) != o]
    for key, need in wanted.items():
        # One that was withdrawn for these very findings stays so.
        if need.ripe and key not in open_ and repair_id(need) not in orders:
            out.append(opened(need, now))
    return out


def _judged(
    registry: Registry,
    order: Repair,
    wanted: Mapping[tuple[str, str | None], Need],
    health: Mapping[str, HomeHealth],
    now: datetime,
) -> Repair:
    if order.home not in registry.homes or (
        order.device is not None and order.device not in registry.devices
    ):
        return _closed(order, "removed", now)
    need = wanted.get(order.subject)
    if need is not None:
        order = msgspec.structs.replace(
            order,
            codes=tuple(dict.fromkeys(order.codes + need.codes)),
            cases=tuple(sorted({*order.cases, *need.cases})),
            titles=order.titles | need.titles,
        )
    proved = need is None and well(order, health)
    if order.did_at is None:
        # What a rule asked for may mend itself (power comes back); what a person asked for waits for a person.
        return _closed(order, "proved", now) if proved and order.codes else order
    heard = order.heard_at is not None and order.heard_at > order.did_at
    if proved and heard and (order.codes or now - order.did_at >= PROOF_AFTER):
        return _closed(order, "proved", now)
    if need is not None and need.latest > order.did_at:
        return _back(order, "again", now)
    return _back(order, "not_proven", now) if now - order.did_at >= PROOF_WITHIN else order


def well(order: Repair, health: Mapping[str, HomeHealth]) -> bool:
    """Whether the home's health says that the device is heard and well; what is not known is not well."""
    home = health.get(order.home)
    if home is None:
        return False
    if order.device is None:
        return any(
            not d.silent and d.reason not in ("offline", "never_reported", "silent") for d in home.devices
        )
    return any(d.device == order.device and not d.silent and not d.reason for d in home.devices)


def _stepped(order: Repair, step: Step, **changes: object) -> Repair:
    return msgspec.structs.replace(order, steps=(*order.steps, step)[-KEPT_STEPS:], **changes)


def _closed(order: Repair, how: str, now: datetime, *, by: str = SERVICE, note: str = "") -> Repair:
    return _stepped(order, Step(at=now, what=how, by=by, note=note), closed=how, closed_at=now)


def _back(order: Repair, why: str, now: datetime) -> Repair:
    """It did not hold: work again, due from now."""
    return _stepped(
        order,
        Step(at=now, what=why),
        found=None,
        did=None,
        did_at=None,
        did_by=None,
        heard_at=None,
        again=order.again + 1,
        due=now + DUE[Level.yellow],
    )


def assign(order: Repair, to: str, due: datetime | None, now: datetime, *, by: str) -> Repair:
    """Somebody has it; the same again changes nothing."""
    if order.assigned == to and due in (None, order.due):
        return order
    return _stepped(order, Step(at=now, what="assigned", by=by, note=to), assigned=to, due=due or order.due)


def release(order: Repair, note: str, now: datetime, *, by: str) -> Repair:
    """Who had it gives it back: anybody may take it. The same again changes nothing."""
    if order.assigned is None:
        return order
    return _stepped(order, Step(at=now, what="released", by=by, note=note), assigned=None)


def done(order: Repair, did: Did, note: str, now: datetime, *, by: str, found: Found | None = None) -> Repair:
    """Somebody says what was the matter and what was done; that is no proof yet. The same again changes nothing.

    One that its device closed meanwhile, before anybody said what was done, learns it all the same and stays closed.
    """
    if order.did is did and order.did_by == by and order.found is found:
        return order
    return _stepped(
        order,
        Step(at=now, what="done", by=by, note=note or did.value),
        found=found,
        did=did,
        did_at=now,
        did_by=by,
        heard_at=None,
    )


def reported(order: Repair, at: datetime) -> Repair:
    """The device reported; only the first time after the work is news."""
    known = order.heard_at is not None and order.did_at is not None and order.heard_at > order.did_at
    if order.state != "done" or known or order.did_at is None or at <= order.did_at:
        return order
    return msgspec.structs.replace(order, heard_at=at)


def withdraw(order: Repair, note: str, now: datetime, *, by: str) -> Repair:
    """Not needed: with a reason, in somebody's name."""
    return _closed(order, "withdrawn", now, by=by, note=note)
