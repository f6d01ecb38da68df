"""The error tree. Each docstring is the default message; everything outside this tree is a bug.

CareError
├── Refused(reason)   bad input: quarantined with a named reason; sending it again will not help
├── Temporary         broker, database or channel is away: retry with back-off
├── Conflict(reason)  somebody was faster, or the step is not allowed now: 409, or reload and decide again
└── Misconfigured     says what, where and how to fix it; the program refuses to start
"""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Why a message was refused. A closed set: it is a metric label, a column and a line in the docs."""

    not_text = "not_text"
    """The payload is not UTF-8."""
    not_json = "not_json"
    """The payload is not JSON of the expected form."""
    too_large = "too_large"
    """The payload is over 16 KB (bridge topics are exempt)."""
    too_deep = "too_deep"
    """The JSON is nested deeper than any device needs."""
    empty = "empty"
    """The payload holds nothing."""
    bad_topic = "bad_topic"
    """The topic has empty levels, wildcards or control characters."""
    bad_value = "bad_value"
    """A quantity has the wrong type or is not a finite number."""
    out_of_range = "out_of_range"
    """A quantity is outside what is physically possible."""
    unknown_dialect = "unknown_dialect"
    """No dialect is configured for this topic."""
    no_consent = "no_consent"
    """The resident has not agreed to this class of data."""
    unreadable_alarm = "unreadable_alarm"
    """An alarm device sent something that cannot be read."""
    flood = "flood"
    """Its sender says more than can wait at the door: left out, counted and told. Never an alarm."""
    failed = "failed"
    """Our own handling failed five times; the message is kept for a person to look at."""


class CareError(Exception):
    """Something expected went wrong."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message if message is not None else (type(self).__doc__ or "").split("\n")[0])


class Refused(CareError):
    """The input was refused."""

    def __init__(self, reason: Reason, detail: str = "", *, quantity: str | None = None) -> None:
        self.reason = reason
        self.detail = detail
        self.quantity = quantity
        super().__init__(f"{reason}: {detail}" if detail else str(reason))


class Temporary(CareError):
    """A part we need is away for the moment; try again."""


class Conflict(CareError):
    """Somebody else was faster, or this step is not allowed now."""

    def __init__(self, reason: str, detail: str = "") -> None:
        self.reason = reason
        self.detail = detail
        super().__init__(f"{reason}: {detail}" if detail else reason)


class Misconfigured(CareError):
    """The configuration cannot be used."""
