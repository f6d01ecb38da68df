"""Protection over time: home-hours by state, by day, by what took them, and the homes that lost most."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from dashboard_api.shapes.base import At, Shape


class HoursBody(Shape):
    """Home-hours: one home for one hour is one."""

    protected: float
    partly: float
    not_: Annotated[float, Field(alias="not")]
    unknown: float
    """Nobody judged then: the rules were not running or behind, or ingest heard nobody. Never counted as protected."""


class ProtectedShare(Shape):
    share: float | None
    """Percent of all these hours, the unknown among them, that were protected in full; null of none."""
    hours: HoursBody


class ProtectedDay(ProtectedShare):
    day: str


class ProtectedHome(ProtectedShare):
    home: str
    address: str


class LostTo(Shape):
    """What took hours: a gateway, a device, or a reason without one."""

    cause: str
    reason: str
    """gateway, never_reported, silent, offline, fault, tamper, battery, doubtful, untold, out_of_service, not_fitted, nothing, resting, service."""
    words: str
    words_en: str
    device: str | None
    label: str
    label_en: str
    home: str | None
    address: str | None
    building: str | None
    homes: int
    home_hours: float
    hours: HoursBody


class ProtectionOverTime(ProtectedShare):
    from_: Annotated[str, Field(alias="from")]
    """First day, in the community's calendar."""
    to: str
    since: str | None
    """The first of these days of which anything was written down; null: of none."""
    as_of: At | None
    """Up to here they are added up."""
    homes: int
    target: float
    by_day: list[ProtectedDay]
    causes: list[LostTo]
    """Each lost hour is under one cause, so that all of them together are the hours that were lost. Twenty at most."""
    worst: list[ProtectedHome]
    """Thirty at most."""
