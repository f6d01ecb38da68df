"""Limits in force for one resident, with where each comes from, and overrides that end."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from dashboard_api.shapes.base import At, Said, Shape
from dashboard_api.shapes.trials import Trial


class OverrideSet(Said):
    limit: Annotated[str, Field(max_length=80, description="a name of `GET /residents/{resident}/rules`")]
    value: bool | int | float | Annotated[str, Field(max_length=40)]
    from_: Annotated[str | None, Field(alias="from", max_length=40, description="now when left out")] = None
    until: Annotated[str, Field(max_length=40, description="always an end; within 90 days of the beginning")]
    reason: Annotated[str, Field(min_length=1, max_length=200)]
    days: Annotated[
        float | None, Field(gt=0, le=92, description="try it first over so many days of the past")
    ] = None
    preview: Annotated[bool, Field(description="only try it (30 days unless said); nothing is set")] = False


class OverrideNamed(Said):
    limit: Annotated[str, Field(max_length=80)]


class ReplayBody(Shape):
    """What the limit would have made of the past; `missed` are lost alerts whose case was closed as real."""

    days: float
    gained: int
    lost: int
    missed: int


class OverrideBody(Shape):
    limit: str
    value: bool | int | float | str
    over: bool | int | float | str | None
    """What was in force when it was set."""
    replay: ReplayBody | None
    """None when nobody tried it."""
    from_: Annotated[At, Field(alias="from")]
    until: At
    by: str
    reason: str
    approved_by: str | None
    waits_for_approval: bool
    """It loosens a life-safety rule and nobody else has approved it yet: it does not count."""
    active: bool
    ended_by: str | None
    source: Literal["site", "desk"]


class OverrideList(Shape):
    items: list[OverrideBody]


class OverrideAnswer(OverrideList):
    """What there is now, whether the wish was set, and what the trial said that came with it."""

    is_set: bool
    second: bool
    """It loosens a life-safety rule: it counts only once another person approves it."""
    trial: Trial | None
    untried: str | None
    """Why the past could not be asked."""


class LimitSource(Shape):
    from_: Annotated[
        Literal["default", "kind", "community", "template", "resident", "override"], Field(alias="from")
    ]
    word: str | None = None
    """The tier, condition or flag of a template, the kind of a device."""
    by: str | None = None
    """A person, `catalogue` for the service's own numbers, `site file` where it does not say who."""
    reason: str | None = None
    """Why; of the catalogue's numbers where they are from. None where the site file does not say."""
    since: str | None = None
    until: At | None = None
    approved_by: str | None = None


class LimitRefused(Shape):
    code: str
    """`for_good`, `second_person`, `over_a_day`, `as_strict`, `below_bound`, `above_bound` …"""
    zh: str
    en: str
    word: str | None = None
    """Of `as_strict`: the tier, condition or flag whose value counts."""


class LimitStep(LimitSource):
    value: bool | int | float | str
    refused: LimitRefused | None = None
    """Why this step does not count."""


class LimitInForce(Shape):
    parameter: str
    limit: str
    value: bool | int | float | str
    default: bool | int | float | str
    unit: str
    min: float | None
    max: float | None
    who: str
    """Who may change it."""
    stricter: str
    """Which direction speaks sooner: `lower` or `higher`."""
    source: LimitSource
    chain: list[LimitStep]
    """The steps it was inherited through, the default first."""


class ResidentRule(Shape):
    rule: str
    code: str
    version: int
    life: bool
    about: dict[str, str]
    parameters: list[LimitInForce]


class ResidentRules(Shape):
    resident: str
    home: str
    at: At
    items: list[ResidentRule]
