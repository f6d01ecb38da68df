"""Call rounds (主动关怀): residents to be rung by a day, each until somebody has spoken to them. Pure.

A `Round` names whom to ring and until when; a `Call` keeps the attempts of one resident in it. Who does not answer is
rung again after a while; after three attempts, or when the round is over, somebody has to go and look: `owed` says so,
and `alerts.upkeep` makes a blue task of it that ends when the resident is reached or visited.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal, NamedTuple

import msgspec

from care.ids import content_id

ATTEMPTS = 3
"""Three failures, then go (domain 4.6, inactivity)."""
AGAIN_AFTER = timedelta(minutes=30)
"""Before a resident who did not answer is rung again; a walk to the market."""
KEPT = timedelta(days=7)
"""A round is spoken of for so long after its end."""
MOST_ATTEMPTS = 20
SAME_WITHIN = timedelta(seconds=60)
"""The same person, the same outcome, so soon again: pressed twice."""
CORRECTED_WITHIN = timedelta(minutes=60)
"""Another outcome so soon after somebody was noted as reached corrects that one. Later it is a call of its own: both are
true, and nothing is taken back."""


class Reached(StrEnum):
    """How a call went."""

    well = "well"
    request = "request"
    not_reached = "not_reached"


class Attempt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One call."""

    at: datetime
    by: str
    outcome: Reached
    note: str = ""
    key: str = ""
    """The sender's own name of this very attempt."""
    corrects: tuple[datetime, ...] = ()
    """The times of the attempts that this one says were noted wrongly: they count no more, and stay to be read."""


class Round(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whom to ring, kept under `round.ID`."""

    id: str
    title: str
    residents: tuple[str, ...]
    made_at: datetime
    by: str
    until: datetime


class Call(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The attempts of one resident in one round, kept under `call.ROUND.RESIDENT`."""

    round: str
    resident: str
    attempts: tuple[Attempt, ...] = ()

    @property
    def wrong(self) -> frozenset[datetime]:
        """When the attempts were made that were corrected later."""
        return frozenset(at for a in self.attempts for at in a.corrects)

    @property
    def counted(self) -> tuple[Attempt, ...]:
        """The attempts without those that were corrected."""
        return tuple(a for a in self.attempts if a.at not in self.wrong)

    @property
    def reached(self) -> Attempt | None:
        """The attempt in which somebody spoke to them, the last one."""
        return next((a for a in reversed(self.counted) if a.outcome is not Reached.not_reached), None)

    @property
    def missed(self) -> int:
        """Attempts without an answer since they were last reached."""
        count = 0
        for attempt in reversed(self.counted):
            if attempt.outcome is not Reached.not_reached:
                break
            count += 1
        return count


CallState = Literal["todo", "again", "well", "request", "not_reached"]


class Standing(NamedTuple):
    """Where a resident stands in a round."""

    state: CallState
    next_at: datetime | None
    """When to ring again."""


def round_id(residents: Iterable[str], until: datetime, title: str) -> str:
    """The name of a round: the same people until the same time are one round."""
    return content_id("round", title, str(until), *sorted(residents))


def standing(call: Call | None, round_: Round, now: datetime) -> Standing:
    """Where a resident stands: to be rung, to be rung again and when, reached, or somebody must go."""
    if call is None or not call.attempts:
        return Standing("todo", round_.made_at)
    last = call.attempts[-1]
    if last.outcome is not Reached.not_reached:
        return Standing("well" if last.outcome is Reached.well else "request", None)
    if call.missed >= ATTEMPTS or now >= round_.until:
        return Standing("not_reached", None)
    return Standing("again", last.at + AGAIN_AFTER)


def with_attempt(call: Call, attempt: Attempt) -> Call:
    """One more attempt; the same one again changes nothing. Not reached, soon after reached, corrects that."""
    for known in call.attempts:
        if attempt.key and known.key == attempt.key:
            return call
    last = call.attempts[-1] if call.attempts else None
    if (
        last is not None
        and (last.by, last.outcome, last.note) == (attempt.by, attempt.outcome, attempt.note)
        and not (last.key and attempt.key)
        and abs(attempt.at - last.at) <= SAME_WITHIN
    ):
        return call
    wrong: list[datetime] = []
    if attempt.outcome is Reached.not_reached:
        for before in reversed(call.counted):
            soon = timedelta() < attempt.at - before.at <= CORRECTED_WITHIN
            if before.outcome is Reached.not_reached or not soon:
                break
            wrong.append(before.at)
    attempt = msgspec.structs.replace(attempt, corrects=tuple(reversed(wrong)))
    return msgspec.structs.replace(call, attempts=(*call.attempts, attempt)[-MOST_ATTEMPTS:])


class Owed(NamedTuple):
    """What a round leaves to be done by somebody."""

    round: Round
    resident: str | None
    """Who was not reached; None: some of them were never rung."""
    attempts: int
    left: int = 0
    """How many were never rung."""


def owed(
    rounds: Mapping[str, Round],
    calls: Mapping[tuple[str, str], Call],
    seen: Mapping[str, datetime],
    now: datetime,
) -> list[Owed]:
    """Who was not reached, and which rounds ended unfinished. `seen`: when each resident was last visited or spoken to.

    Of several rounds that missed somebody the last one speaks.
    """
    missed: dict[str, Owed] = {}
    unfinished: list[Owed] = []
    for round_ in sorted(rounds.values(), key=lambda r: (r.until, r.id)):
        if now - round_.until > KEPT:
            continue
        left = 0
        for resident in round_.residents:
            call = calls.get((round_.id, resident))
            met = seen.get(resident)
            if met is not None and met >= (
                call.attempts[-1].at if call and call.attempts else round_.made_at
            ):
                continue
            match standing(call, round_, now).state:
                case "not_reached":
                    assert call is not None
                    missed[resident] = Owed(round_, resident, call.missed)
                case "todo" if now >= round_.until:
                    left += 1
        if left:
            unfinished.append(Owed(round_, None, 0, left))
    return [*missed.values(), *unfinished]
