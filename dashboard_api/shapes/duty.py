"""Who is on duty, where they are within the promise, and the hours ahead."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from dashboard_api.shapes.base import At, Shape
from dashboard_api.shapes.session import Watching


class DutyDesk(Shape):
    id: str
    name: str
    role: str


class DutyResponder(Shape):
    id: str
    name: str
    role: str
    role_words: str
    micro_grids: list[str] = []
    location: tuple[float, float] | None = None
    state: Literal["free", "busy", "away"]
    doing: str
    minutes: float | None = None
    within: bool | None = None
    reachable: bool | None = None
    """Whether a message can reach them at all; false: only by telephone."""
    phone: str | None = None


class Chosen(Shape):
    """What somebody at a desk has chosen to look at, and since when."""

    alert: str
    at: At


class Duty(Shape):
    at: At
    nobody: bool
    silent_steps: list[int]
    """Steps of a red case that would reach nobody now."""
    desk: list[DutyDesk]
    responders: list[DutyResponder]
    coverage: CoverCount | None = None
    micro_grids: list[MicroGridDuty] = []
    chosen: Chosen | None = None
    """Told to the wall only, which follows the desks."""


class CoverCount(Shape):
    """How many homes somebody on duty and free can be at within the promise."""

    covered: int
    total: int


class MicroGridDuty(Shape):
    id: str
    name: str
    on_duty: list[str]


class Coverage(Shape):
    at: At
    arrive_minutes: float
    covered: int
    total: int
    percent: float | None = None
    homes: list[HomeCover]
    micro_grids: list[MicroGridCover] = []
    gaps: list[RotaGap] = []
    """When nobody is on duty where the rota has people, within the next 14 days."""
    unassigned: list[str] = []
    """Micro-grids in which people live and to which no responder belongs."""


class MicroGridCover(Shape):
    id: str | None
    name: str
    covered: int
    total: int
    on_duty: list[str]


class RotaGap(Shape):
    place: str
    """A micro-grid, or `desk`."""
    name: str
    from_: Annotated[At, Field(alias="from")]
    to: At
    people: list[str]
    """Who answers for it."""


class HomeCover(Shape):
    home: str
    micro_grid: str | None
    within: bool
    people: int
    """How many are near enough."""
    by: list[CoverBy]
    """The nearest of them."""
    next: CoverNext | None = None
    """Where nobody is near enough: whom to ask."""
    located: bool = True
    """Whether we know where the home is; if not, nobody can be promised."""
    out: list[CoverOut] = []
    """What is out of service there: people can come, no alarm of it will."""


class CoverOut(Shape):
    """A device out of service, with what nothing else in the home guards meanwhile."""

    device: str
    place: str
    label: str
    label_en: str
    until: At
    by: str | None
    alone: str | None
    """「火情无设备看护」; None while another device does."""
    alone_en: str | None


class CoverNext(Shape):
    id: str
    name: str
    role: str
    role_words: str
    minutes: float | None
    on_duty: bool
    busy: bool


class CoverBy(Shape):
    id: str
    name: str
    minutes: float


class WeekShift(Shape):
    day: str
    from_: Annotated[At, Field(alias="from")]
    to: At
    now: bool
    covers: str | None
    """For whom, when standing in."""


class WeekAway(Shape):
    day: str
    """On which it begins in this week."""
    from_: Annotated[At, Field(alias="from")]
    to: At
    cover: str | None
    """Who stands in."""


class WeekStaff(Shape):
    id: str
    name: str
    role: str
    role_words: str
    micro_grids: list[str]
    phone: str
    reachable: bool
    """Has an address for messages."""
    told: Literal["none", "untried", "failed", "sent", "verified"]
    """The best that is known of their addresses: none, never tried, refused, a message went (a test, or of the rota), they said they read it."""
    seen_at: At | None
    """When a screen or phone on which they are signed in last asked for something; null when they are signed in nowhere."""
    on_duty: bool
    always: bool
    """In no shift of the rota, and therefore taken as always on duty."""
    shifts: list[WeekShift]
    away: list[WeekAway]
    """When somebody is not there who would be by the shifts."""


class Week(Shape):
    at: At
    days: list[str]
    staff: list[WeekStaff]


class HourAhead(Shape):
    at: At
    desk: list[str]
    responders: int
    covered: int
    single: int
    """Homes that only one person reaches in time."""
    total: int
    holes: list[str]


class LadderNames(Shape):
    step: int
    at_seconds: float
    label: str
    promise: bool
    people: list[str]
    everywhere: list[str]
    """Of `people` those whom a red of any home reaches; the others are told of homes in their own places only."""
    off_duty: list[str]
    """Of `people` those who are told although they are off duty: nobody else is there for the step."""
    local_least: int
    """How many others a red of one home reaches: in the micro-grid with the fewest, and with the most."""
    local_most: int
    nobody_in: list[str]


class Ahead(Shape):
    at: At
    arrive_minutes: float
    hours: list[HourAhead]
    homes: dict[str, str]
    """Where the homes named in `holes` are."""
    ladder: list[LadderNames]
    screens: Watching


Duty.model_rebuild()
Coverage.model_rebuild()
HomeCover.model_rebuild()
