"""A change of limits or rules tried on the past, and what would have been otherwise."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from care.words import Level
from dashboard_api.shapes.base import At, Said, Shape, Words


class RulesTry(Said):
    """A change to try: limits of one resident or of everybody, or rules read over those in force."""

    model_config = ConfigDict(extra="forbid", str_max_length=40_000)
    limits: Annotated[
        dict[str, bool | int | float | str], Field(max_length=20, examples=[{"bed_exit_yellow_minutes": 25}])
    ] = {}
    resident: Annotated[str | None, Field(max_length=64)] = None
    """Whose limits; left out: the community's."""
    rules: str | None = None
    """A rule file (YAML)."""
    from_: Annotated[str | None, Field(alias="from", max_length=40)] = None
    to: Annotated[str | None, Field(max_length=40)] = None
    days: Annotated[float, Field(gt=0, le=92)] = 30
    """How far back, when `from` is left out."""


class TrialLevels(Shape):
    red: float | None
    yellow: float | None
    blue: float | None


class TrialBoth(Shape):
    before: TrialLevels
    after: TrialLevels


class TrialShift(Shape):
    from_: Annotated[str, Field(alias="from")]
    to: str
    before: float | None
    after: float | None


class TrialRule(Shape):
    rule: str
    code: str
    before: TrialLevels
    after: TrialLevels
    gained: int
    lost: int


class TrialMoment(Shape):
    at: At
    level: Level


class TrialItem(Shape):
    what: Literal["gained", "lost", "louder", "quieter", "moved"]
    rule: str
    code: str
    home: str
    resident: str | None
    device: str | None
    title: str
    onset_at: At
    before: TrialMoment | None
    after: TrialMoment | None
    truth: str | None


class TrialVersions(Shape):
    in_force: str
    tried: str


class Trial(Shape):
    """What would have been otherwise. `missed` are lost alerts whose case was closed as real."""

    from_: Annotated[At, Field(alias="from")]
    to: At
    rules: TrialVersions
    homes: int
    residents: int
    resident_days: float
    reports: int
    readings: int
    before: TrialLevels
    after: TrialLevels
    gained: int
    lost: int
    louder: int
    quieter: int
    earlier: int
    later: int
    fewer: int
    missed: int
    lost_without_verdict: int
    per_1000_resident_days: TrialBoth
    per_shift: list[TrialShift]
    by_rule: list[TrialRule]
    items: list[TrialItem]
    words: Words
