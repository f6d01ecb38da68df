"""Visits that are due, and rounds of calls."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from dashboard_api.shapes.base import At, Said, Shape
from dashboard_api.shapes.cases import Tag


class VisitDue(Shape):
    home: str
    resident: str
    name: str
    address: str
    tier: Literal["key", "important", "general"]
    due: str
    """Day of the community."""
    overdue: bool
    last_at: At | None
    last_how: Literal["door", "phone", "video"] | None
    last_by: str | None


class VisitList(Shape):
    planned: bool
    """False while the site's policy plans no visits."""
    items: list[VisitDue]


class VisitMade(Said):
    how: Literal["door", "phone", "video"]
    at: Annotated[str | None, Field(max_length=40, description="RFC 3339; now when left out")] = None
    note: Annotated[str, Field(max_length=500)] = ""


class Visited(Shape):
    resident: str
    at: At
    how: Literal["door", "phone", "video"]
    kept: bool
    """False when a later visit is known already."""


CallOutcome = Literal["well", "request", "not_reached"]


class RoundCounts(Shape):
    todo: int
    again: int
    well: int
    request: int
    not_reached: int


class RoundLine(Shape):
    id: str
    title: str
    made_at: At
    by: str
    until: At
    over: bool
    counts: RoundCounts


class RoundList(Shape):
    items: list[RoundLine]


class CallAttempt(Shape):
    at: At
    by: str
    outcome: CallOutcome
    note: str
    corrected: bool = False
    """Noted wrongly: a later attempt says so, and this one counts no more."""


class RoundCall(Shape):
    home: str
    resident: str
    name: str
    address: str
    phone: str | None
    tier: Literal["key", "important", "general"]
    flags: list[str]
    state: Literal["todo", "again", "well", "request", "not_reached"]
    next_at: At | None
    """When to ring again."""
    attempts: list[CallAttempt]


class RoundBody(RoundLine):
    items: list[RoundCall]
    """Who is to be rung next first."""


class CallRound(Shape):
    """A running round that wants somebody rung."""

    id: str
    title: str
    until: At
    state: Literal["todo", "again", "well", "request", "not_reached"] = "todo"


class CallVisit(Shape):
    due: str
    overdue: bool
    last_at: At | None
    last_how: Literal["door", "phone", "video"] | None
    last_by: str | None


class CallCase(Shape):
    number: int
    level: Literal["red", "yellow", "blue"]
    of_calls: bool
    """It came of a call: somebody goes and looks, or somebody was asked for."""


class CallToday(RoundCall):
    """One resident, whatever number of rounds want them rung."""

    tags: list[Tag]
    micro_grid: str | None
    mine: bool
    """In a micro-grid of the social worker who asks."""
    rounds: list[CallRound]
    visit: CallVisit | None
    """When they are to be visited; null while nothing is planned."""
    follows: Literal["ring", "again", "last", "look", "asked", "done"]
    """What comes next: ring; ring again; ring the last time; somebody goes and looks; what was asked for; nothing."""
    attempts_left: int
    correct_until: At | None
    """Of somebody who was reached: until then "not reached" takes that back, with the visit and the sign of life."""
    cases: list[CallCase]
    """Open cases of the home: the desk has them in hand."""


class CallsToday(Shape):
    at: At
    items: list[CallToday]
    """Who is to be rung next first."""
    counts: RoundCounts
    rounds: list[CallRound]
    due: list[str]
    """Residents whose visit is due and who are in no running round, 200 at most."""
    due_total: int


class RoundWanted(Said):
    """A round over residents by name, or over all of some tiers."""

    title: Annotated[str, Field(max_length=60)] = ""
    residents: Annotated[list[str], Field(max_length=2000)] = []
    tiers: Annotated[list[Literal["key", "important", "general"]], Field(max_length=3)] = []
    until: Annotated[
        str | None, Field(max_length=40, description="RFC 3339; 18:00 today, or tomorrow when that is over")
    ] = None


class CallMade(Said):
    resident: Annotated[str, Field(max_length=64)]
    outcome: CallOutcome
    what: Literal["visit", "repair", "errand", "meal", "medical", "other"] = "visit"
    """What is asked for, with `request`."""
    note: Annotated[str, Field(max_length=500)] = ""
    id: Annotated[str, Field(max_length=64)] = ""
    """The sender's own name of this attempt: the same again is one."""
