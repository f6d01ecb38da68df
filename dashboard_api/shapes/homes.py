"""Homes with their protection, what is usual in them, their last hour, and the modes they are in."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from dashboard_api.shapes.base import At, Said, Shape, Span
from dashboard_api.shapes.cases import ContactBody, ResidentBody
from dashboard_api.shapes.figures import ProtectionCount


class DeviceBody(Shape):
    id: str
    home: str
    kind: str
    label: str
    label_en: str
    room: str
    last_at: At | None = None
    silent: bool | None = None
    battery: float | None = None
    out_until: At | None = None
    """Out of service until then."""
    out_by: str | None = None
    """Who took it out of service."""
    reason: str = ""
    reason_words: str = ""
    reason_words_en: str = ""


class Devices(Shape):
    items: list[DeviceBody]


class PathBody(Shape):
    """One way from a hazard to a person: call, fire, gas, fall, water, bed, door, movement."""

    path: str
    words: str
    holds: bool
    reason: str
    """Empty when it holds; else never_reported, silent, offline, fault, tamper, battery, doubtful, untold, out_of_service, not_fitted, gateway."""
    device: str | None = None
    """The worst device on it."""


class HomeBody(Shape):
    id: str
    address: str
    building: str
    micro_grid: str | None
    floor: int | None
    protection: str
    protection_words: str
    reason: str = ""
    """Why it is not protected at all: gateway, no_call, nothing; unknown before the first judgement; empty otherwise."""
    reasons: list[str] = []
    """The same and what is wrong with single devices, in words."""
    reasons_en: list[str] = []
    paths: list[PathBody] = []
    at: At | None = None
    open_alerts: int = 0
    residents: list[ResidentBody] = []


class HomeDetail(HomeBody):
    lift: bool
    phone: str
    location: tuple[float, float] | None
    contacts: list[ContactBody]
    devices: list[DeviceBody]
    alerts: list[str]
    inference: str | None = None
    inference_en: str | None = None


class HabitBody(Shape):
    """What is usual for a resident; without a value it is not known yet."""

    name: str
    resident: str | None = None
    value: float | str | None = None
    spread: float | None = None
    share: float | None = None
    unit: str = ""
    seen: int
    needed: int
    since: str | None = None


class Usual(Shape):
    """What the personal clock knows of a home, as far as the reader may see it."""

    home: str
    at: str | None
    items: list[HabitBody]
    withheld: int
    """Lines left out for want of consent."""
    disturbed: dict[str, int]


class Homes(Shape):
    items: list[HomeBody]
    protection: ProtectionCount


class Readings(Shape):
    """`[time, value]` without `step`, `[time, min, mean, max, count]` with it."""

    home: str
    quantity: str
    items: list[list[Any]]
    next: str | None = None
    kept_from: At | None = None
    """Set when the question reaches back further than figures so fine are kept: from here on they are."""
    try_step: str | None = None
    """The finest `step` that reaches back to `from`; null when nothing does, or nothing is missing."""
    notice: str = ""
    """The same in words."""


class StripRow(Shape):
    device: str
    kind: str
    label: str
    label_en: str
    words: str
    words_en: str
    alarm: bool
    age_seconds: float | None
    out_until: At | None = None
    """Out of service until then: what it does not say is no sign of calm."""
    out_by: str | None = None
    battery: float | None = None
    """Percent; None: it never said, or the reader may not know."""
    draw: Literal["state", "line", "ticks", "level"]
    spans: list[Span]
    points: list[tuple[At, float | None]]
    ticks: list[At]
    unit: str | None


class Strip(Shape):
    home: str
    from_: Annotated[At, Field(alias="from")]
    to: At
    inference: str
    inference_en: str
    rows: list[StripRow]


ModeWord = Literal["away", "hospital", "visitors", "cleaning", "works"]


class ModeSet(Said):
    mode: ModeWord
    from_: Annotated[str | None, Field(alias="from", max_length=40, description="now when left out")] = None
    until: Annotated[str, Field(max_length=40, description="within 14 days of the beginning")]
    reason: Annotated[str, Field(min_length=1, max_length=200)]


class ModeEnd(Said):
    mode: ModeWord


class HomeModeBody(Shape):
    mode: ModeWord
    from_: Annotated[At, Field(alias="from")]
    until: At
    by: str
    reason: str
    active: bool
    ended_by: str | None
    source: Literal["site", "desk"]


class ModeList(Shape):
    items: list[HomeModeBody]


class Request(Said):
    what: Literal["visit", "repair", "errand", "meal", "medical", "other"] = "visit"
    id: Annotated[str | None, Field(max_length=64, description="of the asker: the same one again is one")] = (
        None
    )


class Requested(Shape):
    finding: str
