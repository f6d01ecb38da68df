"""What was kept of what was promised, how often a rule was right, and what is proposed because of it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from care.words import Level
from dashboard_api.shapes.base import At, Said, Shape


class VisitsToday(Shape):
    """Of the visits that were due by today: how many were made today, and the rest by tier."""

    value: int
    n: int
    key: int
    important: int
    general: int


class Figure(Shape):
    value: float | None
    n: int
    kept: int
    target: float
    limit_seconds: float
    median_seconds: float | None
    """Of all `n`; null when it never happened in more than half of them."""
    cases: list[FigureCase] | None = None


class FigureCase(Shape):
    id: str
    number: int
    home: str
    code: str
    raised_at: At
    seconds: float | None
    kept: bool


class ProtectionCount(Shape):
    protected: int
    partly: int
    not_: Annotated[int, Field(alias="not")]
    total: int


class NextVisit(Shape):
    """Somebody who is to be visited."""

    resident: str
    name: str
    building: str
    tier: str
    due: str
    """A day of the community."""
    overdue: bool


class LastTest(Shape):
    at: At
    title: str
    title_en: str | None = None


class Kpi(Shape):
    ack60: Figure
    ack180: Figure
    called60: Figure
    arrive10: Figure
    """Of the cases to which somebody was sent, and of those to which nobody was although the promise is over: still open, or not
    settled by telephone."""
    family60: Figure
    protected: ProtectionCount
    visits: VisitsToday | None = None
    next_visits: list[NextVisit] = []
    """The desk's live channel: the next three."""
    tested: LastTest | None = None
    """Live channel: the newest alarm of a declared test within two months."""
    period: str
    from_: Annotated[At | None, Field(alias="from")] = None
    to: At | None = None
    promises: PromiseFigure | None = None
    load: LoadFigure | None = None
    by_rule: list[Precision] | None = None
    by_device: list[Precision] | None = None
    by_home: list[Precision] | None = None
    proposals: list[Proposal] | None = None
    by_day: list[DayFigure] | None = None
    cases: list[FigureLine] | None = None
    """What all of this is made of, the newest first."""
    choices: FigureChoices | None = None
    paper: Paper | None = None


class Paper(Shape):
    """What a printed sheet of these figures does not tell apart: groups of fewer than five homes (domain P-16)."""

    least: int
    """Homes that have to be behind what is told."""
    figures: list[str]
    """Figures with fewer homes than that."""
    days: list[str]
    rules: list[str]
    desks: list[str]


class DayFigure(Shape):
    """One day of the community's calendar."""

    day: str
    red: int
    yellow: int
    blue: int
    judged: int
    """Closed with a word on their truth."""
    false: int
    """Of those, how many nothing had happened in."""
    cases: list[int]


class FigureLine(Shape):
    id: str
    number: int
    code: str
    level: Level
    title: str
    title_en: str
    raised_at: At
    closed_at: At | None
    truth: str
    test: bool


class FigureChoices(Shape):
    """What the figures can be narrowed to."""

    grids: list[GridChoice]
    codes: list[str]


class GridChoice(Shape):
    id: str
    name: str
    micro_grids: list[MicroGridChoice]


class MicroGridChoice(Shape):
    id: str
    name: str


class PromiseFigure(Shape):
    n: int
    later: int
    median_error_seconds: float | None
    cases: list[PromiseCase]


class PromiseCase(Shape):
    number: int
    promised_seconds: float
    real_seconds: float


class LoadFigure(Shape):
    """Alarms per operator and ten minutes."""

    window_seconds: int
    flood_line: int
    desks: list[DeskLoad]


class DeskLoad(Shape):
    desk: str
    """A person's id, or `nobody` for what no operator was told of."""
    name: str
    n: int
    mean: float
    peak: int
    flood_share: float
    """Percent of the windows that were a flood."""
    floods: list[Flood]
    cases: list[int]


class Flood(Shape):
    from_: Annotated[At, Field(alias="from")]
    to: At
    n: int
    cases: list[int]


class Precision(Shape):
    """How often a rule, a device or a home was right, and the numbers of the cases it is made of."""

    code: str | None = None
    device: str | None = None
    home: str | None = None
    name: str = ""
    """Of a rule the title of its newest case, of a device its kind and room, of a home its address; empty where it is not told."""
    name_en: str = ""
    address: str = ""
    """Where a device is."""
    n: int
    judged: int
    real: int
    avoidable: int
    unavoidable: int
    unknown: int
    test: int
    false_share: float | None
    avoidable_share: float | None
    precision: float | None
    cases: list[int]


class Hour(Shape):
    red: int
    yellow: int
    blue: int


class Proposal(Shape):
    kind: Literal["resite", "repair", "limit"]
    code: str | None
    device: str | None
    home: str | None
    cases: list[int]
    words: dict[str, str]
    backtest: dict[str, Any] | None
    """What a backtest of the change says; null while none was made."""


class ProposalChange(Shape):
    limits: dict[str, bool | int | float | str]
    resident: str | None
    """Whose; null: everybody's."""
    name: str = ""
    """The resident's, where it is told."""
    units: dict[str, str] = {}
    """Of the limits that have one."""


class ProposalLine(Proposal):
    id: str
    name: str = ""
    """What it is about, in words: of a limit the title of the rule's newest case, of a device its kind and room."""
    name_en: str = ""
    address: str = ""
    """Where a device is."""
    state: Literal["open", "accepted", "declined"]
    change: ProposalChange | None
    """What to try or set, for a limit; a first suggestion until somebody tried another."""
    by: str | None
    at: At | None
    note: str


class ProposalList(Shape):
    items: list[ProposalLine]


class ProposalTry(Said):
    limits: Annotated[dict[str, bool | int | float | str], Field(max_length=20)] = {}
    """Other limits than the suggested ones."""
    resident: Annotated[str | None, Field(max_length=64)] = None
    days: Annotated[float, Field(gt=0, le=92)] = 30


class ProposalWord(Said):
    note: Annotated[str, Field(max_length=500)] = ""


Figure.model_rebuild()
Kpi.model_rebuild()
PromiseFigure.model_rebuild()
LoadFigure.model_rebuild()
DeskLoad.model_rebuild()
FigureChoices.model_rebuild()
GridChoice.model_rebuild()
