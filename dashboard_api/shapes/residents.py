"""Residents: the card, and their days as lines with gaps."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from dashboard_api.shapes.base import At, Gap, Person, Shape, Span
from dashboard_api.shapes.cases import ContactBody, Place, ResidentBody


class ResidentLine(ResidentBody):
    id: str
    tier_words: str
    home: str
    address: str
    building: str
    micro_grid: str | None
    protection: str
    protection_words: str
    reasons: list[str]
    reasons_en: list[str]
    open_alerts: int


class PhotoLeaving(Shape):
    resident: str
    on: str
    """A day of the community."""


class Residents(Shape):
    items: list[ResidentLine]
    total: int
    """How many were found; `items` may hold fewer."""
    photos_leaving: list[PhotoLeaving] = []
    """Photographs of people whom the site file no longer names, and when each is deleted; for those who see photographs."""


class CardDevice(Shape):
    id: str
    label: str
    label_en: str
    last_at: At | None
    reason_words: str


class CauseLine(Shape):
    """What happened how often within 28 days."""

    level: str
    title: str
    title_en: str
    count: int
    last_at: At
    ended: dict[str, int]
    """How it ended, in words, and how often."""
    ended_en: dict[str, int]


class CardDoctor(Shape):
    id: str
    name: str
    phone: str


class CardVisit(Shape):
    """When somebody is to be visited next, and how the last visit was."""

    due: str
    """A day of the community."""
    overdue: bool
    last_at: At | None
    last_how: str | None
    last_by: str | None


class ResidentCard(ResidentLine):
    photo: Literal["here", "none", "no_consent", "not_yours"]
    """`no_consent`: the resident did not agree that your role sees one; `not_yours`: your role sees nobody's."""
    doctor: CardDoctor | None
    visit: CardVisit | None
    """null: no visits are planned in this community."""
    place: Place
    contacts: list[ContactBody]
    together: list[Person]
    sign_of_life: str
    sign_of_life_en: str
    sign_of_life_at: At | None
    """None when nothing was seen, or nothing may be told."""
    limits: dict[str, Any]
    consent: dict[str, list[str]] | None
    devices: list[CardDevice]
    open: list[str]
    """Ids of this home's open cases."""
    causes: list[CauseLine]
    at: At


class Vital(Shape):
    """A quantity over time. Pieces end where nothing was heard: nothing is drawn between them."""

    quantity: str
    label: str
    unit: str
    band: tuple[float, float] | None
    """The range that holds 90 % of the last 28 days; null when there are too few values to say."""
    pieces: list[list[tuple[At, float, float, float]]]
    """Time, mean, least, greatest."""
    gaps: list[Gap]
    beyond: list[tuple[At, float]]
    last_at: At | None
    last_value: float | None


class Night(Shape):
    day: str
    from_: Annotated[At, Field(alias="from")]
    to: At
    in_bed_hours: float | None
    exits: int | None
    unknown_hours: float
    bed_at: At | None
    up_at: At | None
    spans: list[Span]


class Lane(Shape):
    lane: str
    label: str
    spans: list[Span]
    inferred: bool


class AlarmFlag(Shape):
    id: str
    number: int
    at: At
    level: str
    title: str
    title_en: str
    words: str
    words_en: str


class ResidentDays(Shape):
    resident: str
    from_: Annotated[At, Field(alias="from")]
    to: At
    days: int
    vitals: list[Vital]
    nights: list[Night]
    ribbon: list[Lane]
    alarms: list[AlarmFlag]
    withheld: list[str]
    """Quantities that are there and that the reader may not see: left out above, and concluded from by nobody."""
    withheld_by: Literal["role", "consent"]
    """What keeps them from the reader."""
