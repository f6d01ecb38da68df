"""The shapes of changes of the rota: who is away, who stands in, who comes in besides, and what that leaves empty."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from dashboard_api.shapes.base import At, Said, Shape

_Person = Annotated[str, Field(min_length=1, max_length=64, description="id of a member of staff")]
_Begin = Annotated[
    str | None,
    Field(alias="from", max_length=40, description="now when left out; without a zone the community's clock"),
]
_End = Annotated[str, Field(max_length=40, description="not part of it")]


class AwaySaid(Said):
    staff: _Person
    from_: _Begin = None
    until: _End
    cover: _Person | None = None
    """Who stands in: same times, same area, same role."""


class BesidesSaid(Said):
    staff: _Person
    from_: _Begin = None
    until: _End


class RotaChangeSaid(Said):
    """All of it or nothing: a swap of two shifts is two that are away and stand in for each other."""

    away: Annotated[list[AwaySaid], Field(max_length=20, default_factory=list)]
    besides: Annotated[list[BesidesSaid], Field(max_length=20, default_factory=list)]
    reason: Annotated[str, Field(min_length=1, max_length=200)]
    confirm: bool = False
    """Also when it leaves a hole. Without it such a change is answered with 409 `opens_hole` and what would be empty."""


class RotaWithdrawn(Said):
    confirm: bool = False
    """Also when that leaves a hole."""


class AwayBody(Shape):
    staff: str
    name: str
    from_: Annotated[At, Field(alias="from")]
    until: At
    cover: str | None
    cover_name: str | None


class BesidesBody(Shape):
    staff: str
    name: str
    from_: Annotated[At, Field(alias="from")]
    until: At


class RotaChangeBody(Shape):
    id: str
    away: list[AwayBody]
    besides: list[BesidesBody]
    reason: str
    by: str
    set_at: At
    active: bool
    """In force at this moment."""
    withdrawn_by: str | None
    withdrawn_at: At | None


class RotaChanges(Shape):
    at: At
    items: list[RotaChangeBody]
