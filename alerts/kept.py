"""What is kept of visits, tests, test messages, orders and rounds, in the people bucket: by the API and the worker.

`visit.RESIDENT` and `tested.DEVICE` hold the last one, `contact.PERSON.ADDRESS` what came of a test message,
`repair.ID` a maintenance order, `round.ID` and `call.ROUND.RESIDENT` a call round and its attempts,
`campaign.ID` a test campaign, `integration.NAME` another system and `reported.NAME` when it last reported. `Mirror.run` follows them for whoever decides about upkeep (`alerts.upkeep`, `alerts.repairs`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec
import structlog

from alerts.campaigns import Campaign
from alerts.company import Company
from alerts.repairs import Repair
from alerts.rounds import Attempt, Call, Round, with_attempt
from alerts.upkeep import How, Promise, Reach, Upkeep, Visit
from care.errors import Conflict
from care.messages import HomeHealth, decode, encode
from care.stream import HEALTH, PEOPLE, Stream

log = structlog.get_logger("alerts.kept")

T = TypeVar("T", bound=msgspec.Struct)
K = TypeVar("K")
"""What `change` is given: the same, or the same or None."""


class Tested(msgspec.Struct, frozen=True, kw_only=True):
    """When an alarm device last proved that it rings."""

    device: str
    at: datetime
    declared: bool | None = None
    """The device said that it was a test; False: it rang in earnest, or nobody declared it. None: not written down then."""


class Reported(msgspec.Struct, frozen=True, kw_only=True):
    """When another system last reported something that was taken."""

    name: str
    at: datetime


REPORTED_SPACING = timedelta(minutes=1)
"""A system that tells of 800 meals writes its last report down once a minute."""


async def last_reported(stream: Stream, name: str) -> datetime | None:
    """When another system last reported, to the minute; None: never."""
    entry = await stream.get(PEOPLE, f"reported.{name}")
    return decode(entry.data, Reported).at if entry is not None and entry.data is not None else None


async def note_reported(stream: Stream, name: str, at: datetime) -> None:
    """Keep that another system reported now. Raises Temporary when that cannot be kept: then it reports again."""
    known = await last_reported(stream, name)
    if known is None or at - known >= REPORTED_SPACING:
        await stream.put(PEOPLE, f"reported.{name}", encode(Reported(name=name, at=at)))


async def note_visit(stream: Stream, visit: Visit) -> bool:
    """Keep a visit; False when a later one is known."""
    key = f"visit.{visit.resident}"
    while True:
        entry = await stream.get(PEOPLE, key)
        known = decode(entry.data, Visit) if entry is not None and entry.data is not None else None
        if known is not None and known.none:
            known = None
        if known is not None and known.at > visit.at:
            return False
        if known is not None and known.at == visit.at:
            known = known.before  # the same one again, or the same call in another round
        if known is not None and known.before is not None:
            known = msgspec.structs.replace(known, before=msgspec.structs.replace(known.before, before=None))
        kept = msgspec.structs.replace(visit, before=known)
        try:
            await stream.put(PEOPLE, key, encode(kept), expect=entry.revision if entry is not None else 0)
        except Conflict:
            continue
        return True


async def take_back_visit(stream: Stream, resident: str, at: datetime) -> None:
    """The call of that time was none: the visit before it is the last one again; nothing happens when it is not known."""
    key = f"visit.{resident}"
    while True:
        entry = await stream.get(PEOPLE, key)
        if entry is None or entry.data is None:
            return
        known = decode(entry.data, Visit)
        kept = _without(known, at) or msgspec.structs.replace(known, none=True)
        if kept == known:
            return
        try:
            await stream.put(PEOPLE, key, encode(kept), expect=entry.revision)
        except Conflict:
            continue
        return


def _without(known: Visit | None, at: datetime) -> Visit | None:
    """These visits without the call of that time."""
    if known is None or (known.at == at and known.how is How.phone):
        return known.before if known is not None else None
    return msgspec.structs.replace(known, before=_without(known.before, at))


async def note_tested(stream: Stream, device: str, at: datetime, *, declared: bool | None = None) -> None:
    """An alarm of this device was heard, declared or in earnest: it works."""
    await stream.put(PEOPLE, f"tested.{device}", encode(Tested(device=device, at=at, declared=declared)))


async def _changed(
    stream: Stream, key: str, kind: type[T], change: Callable[[K], T], empty: K
) -> tuple[T, bool]:
    """Change one key with a compare-and-set, and whether that was a change; `change` has what is kept now, or `empty`."""
    while True:
        entry = await stream.get(PEOPLE, key)
        known: Any = empty if entry is None or entry.data is None else decode(entry.data, kind)
        wanted = change(known)
        if wanted == known:
            return wanted, False
        try:
            await stream.put(PEOPLE, key, encode(wanted), expect=entry.revision if entry is not None else 0)
        except Conflict:
            continue
        return wanted, True


async def keep_repair(stream: Stream, name: str, change: Callable[[Repair | None], Repair]) -> Repair:
    """Change a maintenance order; `change` has the order as it is now, None when there is none."""
    return (await _changed(stream, f"repair.{name}", Repair, change, None))[0]


async def keep_round(stream: Stream, round_: Round) -> Round:
    """Keep a round; the one of that name that is there already stands."""
    try:
        await stream.put(PEOPLE, f"round.{round_.id}", encode(round_), expect=0)
    except Conflict:
        entry = await stream.get(PEOPLE, f"round.{round_.id}")
        if entry is not None and entry.data is not None:
            return decode(entry.data, Round)
    return round_


async def note_call(stream: Stream, round_: str, resident: str, attempt: Attempt) -> tuple[Call, bool]:
    """Keep an attempt; the call with it, and whether it is news."""
    return await _changed(
        stream,
        f"call.{round_}.{resident}",
        Call,
        lambda known: with_attempt(known, attempt),
        Call(round=round_, resident=resident),
    )


async def keep_campaign(stream: Stream, name: str, change: Callable[[Campaign | None], Campaign]) -> Campaign:
    """Change a test campaign; `change` has it as it is now, None when there is none."""
    return (await _changed(stream, f"campaign.{name}", Campaign, change, None))[0]


async def keep_company(stream: Stream, home: str, change: Callable[[Company], Company]) -> Company:
    """Change what is known of a home's presses for company."""
    return (await _changed(stream, f"company.{home}", Company, change, Company(home=home)))[0]


class HealthMirror:
    """The health of every home as the rules last told it."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.homes: dict[str, HomeHealth] = {}
        self.ready = asyncio.Event()

    async def run(self) -> None:
        """Follow until cancelled."""
        async with aclosing(self._stream.watch(HEALTH, "home.>")) as entries:  # type: ignore[type-var]
            async for entry in entries:
                if entry is None:
                    self.ready.set()
                    continue
                name = entry.key.partition(".")[2]
                self.homes.pop(name, None)
                try:
                    if entry.data is not None:
                        self.homes[name] = decode(entry.data, HomeHealth)
                except msgspec.MsgspecError:
                    log.warning("health_unreadable")


class Mirror:
    """All of it in memory."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._visits: dict[str, Visit] = {}
        self._tested: dict[str, datetime] = {}
        self.tests: dict[str, Tested] = {}
        """By device: the last time its alarm was heard."""
        self._reach: dict[tuple[str, str], Reach] = {}
        self.repairs: dict[str, Repair] = {}
        """Maintenance orders by id; those that ended long ago are still there."""
        self.campaigns: dict[str, Campaign] = {}
        self.rounds: dict[str, Round] = {}
        self.calls: dict[tuple[str, str], Call] = {}
        """By round and resident."""
        self.company: dict[str, Company] = {}
        self.promises: dict[str, Promise] = {}
        self.reported: dict[str, datetime] = {}
        self.ready = asyncio.Event()
        """Everything there was has been read once; before that nothing may be called missing."""

    @property
    def upkeep(self) -> Upkeep:
        """As it is known now."""
        return Upkeep(
            visits=self._visits,
            tested=self._tested,
            reach=self._reach,
            rounds=self.rounds,
            calls=self.calls,
            company=self.company,
            promises=self.promises,
            reported=self.reported,
        )

    async def run(self) -> None:
        """Follow until cancelled."""
        async with aclosing(self._stream.watch(PEOPLE)) as entries:  # type: ignore[type-var]
            async for entry in entries:
                if entry is None:
                    self.ready.set()
                    continue
                kind, _, name = entry.key.partition(".")
                try:
                    self._learn(kind, name, entry.data)
                except msgspec.MsgspecError:
                    log.warning("upkeep_unreadable", kind=kind)

    def _learn(self, kind: str, name: str, data: bytes | None) -> None:
        match kind:
            case "visit":
                self._visits.pop(name, None)
                if data is not None and not (visit := decode(data, Visit)).none:
                    self._visits[name] = visit
            case "tested":
                self._tested.pop(name, None)
                self.tests.pop(name, None)
                if data is not None:
                    self.tests[name] = decode(data, Tested)
                    self._tested[name] = self.tests[name].at
            case "integration":
                self.promises.pop(name, None)
                if data is not None:
                    self.promises[name] = decode(data, Promise)
            case "reported":
                self.reported.pop(name, None)
                if data is not None:
                    self.reported[name] = decode(data, Reported).at
            case "company":
                self.company.pop(name, None)
                if data is not None:
                    self.company[name] = decode(data, Company)
            case "repair":
                self.repairs.pop(name, None)
                if data is not None:
                    self.repairs[name] = decode(data, Repair)
            case "campaign":
                self.campaigns.pop(name, None)
                if data is not None:
                    self.campaigns[name] = decode(data, Campaign)
            case "round":
                self.rounds.pop(name, None)
                if data is not None:
                    self.rounds[name] = decode(data, Round)
            case "call":
                round_, _, resident = name.partition(".")
                self.calls.pop((round_, resident), None)
                if data is not None:
                    self.calls[round_, resident] = decode(data, Call)
            case "contact":
                person, _, address = name.rpartition(".")
                self._reach.pop((person, address), None)
                if data is not None:
                    self._reach[person, address] = decode(data, Reach)
