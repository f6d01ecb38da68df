"""What truly happens, and which alert ought to come of it: the lines of the ground truth.

Start at `Truth`; `truth_line` writes one. Codes are words of the field (domain.md 3), imported from nobody who judges.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from care.ids import iso


class Expected(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An alert that ought to come: one of the codes, at this level, by then."""

    code: str
    level: str
    by: datetime
    also: list[str] = []
    """Codes that would be right as well, or join the same case."""


class Truth(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of ground truth: what happened, where, when, and what ought to come of it."""

    at: datetime
    scenario: str
    """Its name; `ordinary` for what is true of a day in which nothing was staged."""
    home: str
    what: str
    """In plain words, English."""
    zh: str = ""
    resident: str | None = None
    device: str | None = None
    expect: Expected | None = None
    """None when nothing ought to come of it."""
    label: str = ""
    """Whom it is about: `resident`, `visitor` or `pet`; empty for devices and outages."""
    until: datetime | None = None
    """When it is over, where that is known."""
    verdict: str = ""
    """How a person would close it: real, avoidable, unavoidable, test; empty when there is nothing to close."""

    def heard(self, at: Callable[[datetime], datetime]) -> Truth:
        """The same with its times turned into those of whoever listens."""
        expect = self.expect and msgspec.structs.replace(self.expect, by=at(self.expect.by))
        until = at(self.until) if self.until is not None else None
        return msgspec.structs.replace(self, at=at(self.at), expect=expect, until=until)


def truth_line(truth: Truth) -> str:
    """One JSON object without a line end; times RFC 3339 UTC; `expect` null when no alert ought to come."""
    body: dict[str, Any] = {
        "at": iso(truth.at),
        "scenario": truth.scenario,
        "home": truth.home,
        "resident": truth.resident,
        "device": truth.device,
        "what": truth.what,
        "zh": truth.zh,
        "label": truth.label,
        "until": iso(truth.until) if truth.until is not None else None,
        "verdict": truth.verdict,
        "expect": None,
    }
    if truth.expect is not None:
        e = truth.expect
        body["expect"] = {"code": e.code, "level": e.level, "by": iso(e.by), "also": e.also}
    return msgspec.json.encode(body).decode()
