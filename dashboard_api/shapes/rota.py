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


class RotaTold(Shape):
    """What became of a message about a change or a request."""

    person: str
    name: str
    what: str
    """set, withdrawn; asked, declined."""
    state: str
    """accepted; refused, failed, no_channel (`phone`: ring them up); skipped (over before it was told)."""
    channel: str | None
    at: At
    phone: str | None


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
    told: list[RotaTold]


class RotaChanges(Shape):
    at: At
    items: list[RotaChangeBody]


class RotaAskSaid(Said):
    """A responder asks to be away; with `back_from` and `back_until` it is a swap with `cover`, whose shift that is."""

    from_: _Begin = None
    until: _End
    cover: _Person | None = None
    back_from: Annotated[str | None, Field(max_length=40)] = None
    back_until: Annotated[str | None, Field(max_length=40)] = None
    reason: Annotated[str, Field(min_length=1, max_length=200)]


class RotaAskConfirmed(Said):
    confirm: bool = False
    """Also when it leaves a hole."""


class RotaAskDeclined(Said):
    note: Annotated[str, Field(max_length=200)] = ""


class RotaAskBody(Shape):
    id: str
    staff: str
    name: str
    from_: Annotated[At, Field(alias="from")]
    until: At
    cover: str | None
    cover_name: str | None
    back_from: At | None
    back_until: At | None
    reason: str
    at: At
    state: str
    """open, confirmed, declined, withdrawn."""
    decided_by: str | None
    decided_at: At | None
    note: str
    told: list[RotaTold]


class AskShift(Shape):
    from_: Annotated[At, Field(alias="from")]
    to: At


class Colleague(Shape):
    id: str
    name: str
    shifts: list[AskShift]


class RotaAsks(Shape):
    at: At
    items: list[RotaAskBody]
    shifts: list[AskShift]
    """One's own, of the next 14 days."""
    colleagues: list[Colleague]
    """Who might stand in or swap."""
