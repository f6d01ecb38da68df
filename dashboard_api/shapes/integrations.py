"""Other systems that may tell us something."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from dashboard_api.shapes.base import At, Said, Shape

EventWord = Literal[
    "meal.delivered",
    "meal.collected",
    "meal.not_collected",
    "card.swiped",
    "resident.well",
    "meter.read",
    "request.made",
]


class IntegrationWanted(Said):
    name: Annotated[str, Field(max_length=32, description="small letters, digits, _ and -")]
    events: Annotated[list[EventWord], Field(max_length=16)] = []
    """What it may report; everything when left out."""
    promised_hours: Annotated[int | None, Field(ge=1, le=336)] = None
    """It promises to report at least once in so many hours: its silence is then a finding. Left out: no promise."""


class IntegrationMade(Shape):
    name: str
    secret: str
    """`whsec_…`, shown this once."""


class IntegrationLine(Shape):
    name: str
    events: list[EventWord]
    promised_hours: int | None
    silent: bool
    """It has not reported for longer than it promised (TE15)."""
    made_at: At
    by: str
    last_at: At | None
    """When it last reported something that was taken, to the minute; kept over restarts. Null: never."""


class IntegrationList(Shape):
    items: list[IntegrationLine]


class EventTaken(Shape):
    id: str
    became: Literal["sign", "reading", "request", "notice", "nothing_seen", "no_consent"]
    """What was made of it; `nothing_seen` and `no_consent` are well received and used for nothing."""
    again: bool
    """It was taken before."""
