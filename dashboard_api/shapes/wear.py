"""One device in full: battery with its forecast, signal, clock, last test, firmware."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from dashboard_api.shapes.base import At, Said, Shape
from dashboard_api.shapes.homes import DeviceBody

Days = list[tuple[str, float]]
"""`[day, value]` in order; a day without a figure is left out."""


class BatteryForecast(Shape):
    """What can be said of a battery; never a date that cannot be defended."""

    state: Literal["unknown", "empty", "falling", "far", "steady", "mains", "unavailable"]
    """`unknown`: cannot tell yet (`why`); `far`: not before `earliest`; `mains`: no battery by its kind;
    `unavailable`: the past cannot be asked now."""
    why: Literal["", "none", "few_days", "new_battery", "flat", "fell"] = ""
    percent: float | None = None
    """The last reading."""
    a_day: float | None = None
    """Percent a day (Theil and Sen's slope)."""
    earliest: str | None = None
    latest: str | None = None
    """Between these days it may reach 10 %; without `latest` no end can be told."""
    since: str | None = None
    days: int = 0
    points: Days = []


class SignalTrend(Shape):
    """Link quality, 0 to 255, by the day."""

    state: Literal["unknown", "weak", "falling", "steady", "unavailable"]
    now: float | None = None
    before: float | None = None
    since: str | None = None
    days: int = 0
    points: Days = []


class ClockError(Shape):
    """The device's own time against the time of arrival."""

    state: Literal["right", "off", "no_time", "unknown"]
    """`no_time`: it sends none; `unknown`: it was not heard since this service started."""
    seconds: float | None = None
    """Behind when positive, ahead when negative: the least delay of some hours."""
    at: At | None = None


class LastTest(Shape):
    """When its alarm last came through, or was tried and did not."""

    result: Literal["passed", "not_passed", "unknown"]
    how: Literal["", "campaign", "declared", "rang"] = ""
    """By a tester in a campaign; declared by the device itself; an alarm in earnest."""
    at: At | None = None
    by: str | None = None
    due: str | None = None
    """Day by which it is to be tested, where the site plans that."""


class FirmwareBody(Shape):
    """As reported by the device or its bridge."""

    version: str
    installed: str
    latest: str
    pending: bool | None
    source: str
    at: At


class OutBody(Shape):
    """A while out of service."""

    device: str
    from_: At = Field(alias="from")
    until: At
    by: str
    reason: str
    active: bool
    ended_by: str | None
    """Who ended or renewed it before its time; `until` is then when."""


class OutList(Shape):
    device: str
    items: list[OutBody]


class OutSet(Said):
    until: Annotated[str, Field(max_length=40, description="RFC 3339; within seven days")]
    reason: Annotated[str, Field(max_length=200)]
    confirm: bool = False
    """The second look that an alarm device (SOS, smoke, gas, CO, fall) wants."""


class DeviceDetail(Shape):
    device: DeviceBody
    model: str
    resident: str | None
    gateway: DeviceBody | None
    """Of the home; null when the site file names none."""
    expected_seconds: float | None
    """How long it may be silent before that is strange."""
    link_quality: float | None
    battery: BatteryForecast
    signal: SignalTrend
    clock: ClockError
    test: LastTest | None
    """Null for kinds that raise no alarm by themselves."""
    firmware: FirmwareBody | None
    """Null: nobody has said."""
    out: list[OutBody]
    """The last whiles out of service, the latest first."""


class LowBattery(Shape):
    device: DeviceBody
    battery: BatteryForecast


class Batteries(Shape):
    items: list[LowBattery]
    total: int
    """Devices that reported a battery."""
    dated: int
    """Of those looked at today, how many have a day before which they are not empty."""
    unknown: int
    """Of those, how many have none: nobody can tell yet, or no fall is seen."""
    pending: int
    """Not looked at yet today; the next answer goes on with them."""
