"""What a person asks of an alert, and why it may be refused.

`Order` is one command with everything it may carry; `read_order` makes one from a JSON body. `NotAllowed` is
the only way an order fails: its `reason` is one of `No`, `status` says 409 (somebody was faster, or not now)
or 422 (something is missing or unknown, named in `fields`), `alert` is the alert as it stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

import msgspec

from care.errors import Conflict
from care.ids import content_id
from care.words import Command

HOLD_LIMIT = timedelta(seconds=120)
"""A red case can be held only with a visible timer of at most two minutes (domain 4.3, Newham)."""
UNDO_WITHIN = timedelta(seconds=10)
"""After that an acknowledgement is not undone but given back: what others did meanwhile stands."""
SAME_WITHIN = timedelta(seconds=5)
"""A double tap: the same order that names no version, by the same person, so soon again is the same order."""
ASKED_WITHIN = timedelta(seconds=30)
"""Who was asked to go so short a time ago and has not answered is not asked again: their phone has just rung. A program
whose answer was lost asks again with the version it reads then; half of the 60 s that somebody has to accept (domain 4.3)."""
TOLD_WITHIN = timedelta(seconds=15)
"""The same call with the same result, or the same note, by the same person: written down twice. A call rings for 20 s."""
DONE_WITHIN = timedelta(hours=12)
"""A responder's step that is told later than this counts from when it is told: no way to a door takes half a day."""
REOPEN_WITHIN = timedelta(hours=24)
CHECK_RESULTS = frozenset({"safe", "no_answer", "visit"})
"""How it went at a home of the welfare list: 平安, 未联系上, 需上门."""
AMBULANCE = "120"
"""To whom a note is whose writer needs an ambulance."""
CALL_RESULTS = frozenset({"answered", "no_answer", "busy", "refused", "wrong_number"})


class No(StrEnum):
    """Why an order was refused: a closed set."""

    version_conflict = "version_conflict"
    """Somebody was faster: look at the alert as it is now."""
    not_allowed = "not_allowed"
    """This step is not possible in the state the alert is in (closed, held, done already); `detail` says which."""
    already_acknowledged = "already_acknowledged"
    """Somebody else has taken it."""
    nothing_to_undo = "nothing_to_undo"
    """Only the last acknowledgement or closing can be taken back."""
    undo_too_late = "undo_too_late"
    """More than 10 s have passed."""
    not_yours = "not_yours"
    """Only the person who did it can take it back."""
    reopen_too_late = "reopen_too_late"
    """Closed for more than 24 h: a new case is needed."""
    not_on_list = "not_on_list"
    """That home is not on this case's welfare list."""
    unknown_alert = "unknown_alert"
    """There is no such alert, or it ended long ago."""
    missing_outcome = "missing_outcome"
    """Red and yellow end only with cause, verification, actions and outcome."""
    unknown_code = "unknown_code"
    """A code that is not in the lists."""
    not_reached_cannot_close = "not_reached_cannot_close"
    """O5, or 平安 (O1) of many homes while one of them is not known to be safe: who has not been reached is not a closed case."""
    missing_reason = "missing_reason"
    """A reopening says why."""
    missing_field = "missing_field"
    """The command needs more than it was given."""
    bad_field = "bad_field"
    """A value of the wrong kind or outside what is allowed."""
    hold_too_long = "hold_too_long"
    """A hold lasts at most 120 s."""
    key_reused = "key_reused"
    """The idempotency key came before with another content; what it did then stands, this was not carried out."""


INCOMPLETE = frozenset(
    {
        No.missing_outcome,
        No.unknown_code,
        No.not_reached_cannot_close,
        No.missing_reason,
        No.missing_field,
        No.bad_field,
        No.hold_too_long,
        No.not_on_list,
        No.key_reused,
    }
)
"""What is wrong with the order itself (422), whatever the alert's state."""


class NotAllowed(Conflict):
    """The order cannot be carried out; `alert` is the alert as it stands now."""

    def __init__(
        self, reason: No, detail: str = "", *, fields: tuple[str, ...] = (), alert: Any = None
    ) -> None:
        super().__init__(reason.value, detail)
        self.no = reason
        self.fields = fields
        self.alert = alert

    @property
    def status(self) -> int:
        """The HTTP status it deserves."""
        if self.no is No.unknown_alert:
            return 404
        return 422 if self.no in INCOMPLETE else 409


class Order(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One command of one person.

    `actor` is who gives it; `by` in whose name, when that is somebody else (an operator acts for a responder).
    `version` is the alert's version the person saw; None takes it as it is (one-tap links, replay).
    """

    command: Command
    actor: str
    by: str | None = None
    version: int | None = None
    key: str | None = None
    note: str = ""
    to: str = ""
    """Whom a call rang, who takes over; of a note `120`: that an ambulance is needed."""
    result: str = ""
    responders: tuple[str, ...] = ()
    seconds: float = 0.0
    reason: str = ""
    cause: str | None = None
    verification: str | None = None
    actions: tuple[str, ...] = ()
    outcome: str | None = None
    truth: str | None = None
    at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    """When somebody did what they tell only now (a phone without a network)."""
    card: bool = False
    """The code that came with an arrival is that of the home's door card: whoever checked it says so, never the body."""

    @property
    def who(self) -> str:
        """In whose name it is given."""
        return self.by or self.actor

    @property
    def same(self) -> str:
        """A name of what is asked and by whom; the key, the version and when do not belong to it."""
        return content_id(msgspec.json.encode(msgspec.structs.replace(self, version=None, key=None, at=None)))


_OWN = frozenset({"version", "by", "note", "to", "result", "responders", "seconds", "reason"}) | {
    "cause",
    "verification",
    "actions",
    "outcome",
    "truth",
    "at",
}


def _key_of(command: str, actor: str, body: Mapping[str, Any]) -> str | None:
    """The name the sender gave to this very command, so that sending it twice does it once."""
    given = body.get("command_id")
    return f"{actor}:{command}:{given[:128]}" if isinstance(given, str) and given else None


def read_order(command: str, *, actor: str, body: Mapping[str, Any], key: str | None = None) -> Order:
    """An order from a command's word and a JSON body; fields it does not know are ignored.

    Raises NotAllowed: not_allowed for an unknown command, bad_field for a value of the wrong kind.
    """
    try:
        word = Command(command)
    except ValueError:
        raise NotAllowed(No.not_allowed, f"there is no command {command!r}") from None
    given = {k: v for k, v in body.items() if k in _OWN and v is not None}
    key = key or _key_of(command, actor, body)
    try:
        return msgspec.convert({**given, "command": word.value, "actor": actor, "key": key}, Order)
    except msgspec.ValidationError as error:
        field = str(error).rpartition("$.")[2].rstrip("`") if "$." in str(error) else ""
        raise NotAllowed(No.bad_field, str(error), fields=(field,) if field else ()) from None
