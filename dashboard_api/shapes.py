"""The shapes of the HTTP interface and the live channel, as Pydantic models: what OpenAPI shows and tests check.

A field that a view may not see is null or absent there (`redact`); times are RFC 3339 UTC texts.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from care.words import AlertState, Condition, Level

At = Annotated[str, Field(json_schema_extra={"format": "date-time"}, examples=["2026-05-23T04:06:24.120Z"])]
"""A moment, RFC 3339 in UTC."""


class Shape(BaseModel):
    """Answers are made by us: an unknown field is our mistake and a test finds it."""

    model_config = ConfigDict(extra="forbid")


class Said(BaseModel):
    """Bodies sent to us. Unknown fields are refused, so that nobody can hope to set `role` or `owner` that way."""

    model_config = ConfigDict(extra="forbid", str_max_length=4000)


class ProblemBody(BaseModel):
    """RFC 9457, with a reason from a closed set."""

    model_config = ConfigDict(extra="allow")
    type: str
    title: str
    status: int
    detail: str = ""
    reason: str
    fields: list[str] | None = None
    alert: Alert | None = None


class CommunityBody(Shape):
    id: str
    name: str
    timezone: str


class Me(Shape):
    user: str
    name: str
    role: str
    staff: str | None
    community: CommunityBody
    demo: bool
    simulated: bool
    """A simulator feeds this service: nothing on the screens is real."""
    build: str


class SignIn(Said):
    username: Annotated[str, Field(max_length=256)]
    password: Annotated[str, Field(max_length=1024)]


class Token(Shape):
    access_token: str
    token_type: Literal["bearer"]
    expires_at: At


class Person(Shape):
    id: str
    name: str


class Responder(Shape):
    id: str
    name: str
    role: str | None = None
    role_words: str | None = None
    state: str
    at: At | None = None
    lead: bool | None = None
    accepted_at: At | None = None
    promised_at: At | None = None
    """When they ought to be there, by the way they have to go."""
    departed_at: At | None = None
    arrived_at: At | None = None


class EvidenceBody(Shape):
    device: str
    quantity: str
    value: bool | int | float | str | None
    at: At
    received_at: At | None = None


class FindingBody(Shape):
    finding: str
    rule: str
    rule_version: int
    code: str
    level: Level
    title: str | None = None
    device: str | None = None
    room: str | None = None
    phase: str
    condition: Condition
    onset_at: At
    cleared_at: At | None = None
    occurrences: int = 1
    evidence: list[EvidenceBody] = []
    parameters: dict[str, Any] = {}
    parameter_sources: dict[str, Any] = {}
    """Of those that are not the rule's default: `from` (kind, community, template, resident, override), and who, why, until."""
    tags: list[str] = []
    home: str | None = None
    """Whose it is, in a roll-up."""
    of: int | None = None
    """Number of the case of its own it belongs to, when it is only evidence here."""


class DeliveryBody(Shape):
    id: str
    person: str | None = None
    name: str | None = None
    channel: str
    step: int
    reason: str
    state: str
    at: At | None = None
    due_at: At | None = None
    detail: str = ""


class OutcomeBody(Shape):
    cause: str | None = None
    verification: str | None = None
    actions: list[str] = []
    outcome: str | None = None
    truth: str | None = None
    note: str = ""
    by: str | None = None
    by_name: str | None = None
    at: At


class CalledBody(Shape):
    to: str
    name: str | None = None
    result: str
    by: str | None = None
    at: At


class LadderStep(Shape):
    step: int
    at_seconds: float
    due_at: At | None
    label: str
    state: Literal["done", "next", "waiting", "skipped"]
    to: list[str] = []
    late_seconds: float = 0
    promise: bool = False


class Place(Shape):
    estate_building: str | None = None
    unit_room: str | None = None
    address: str | None = None
    floor: int | None = None
    lift: bool | None = None
    micro_grid: str | None = None
    grid: str | None = None
    location: tuple[float, float] | None = None
    distance_m: int | None = None
    key: str | None = None
    door_code: bool | None = None
    """True when there is one; the code itself is told only on demand, inside an open case."""
    phone: str | None = None


class Tag(Shape):
    word: str
    en: str | None = None
    strong: bool = False


class ResidentBody(Shape):
    id: str | None = None
    name: str
    age: int | None = None
    tier: str | None = None
    tags: list[Tag] = []


class ContactBody(Shape):
    id: str
    name: str
    relation: str = ""
    phone: str = ""


class ScriptStep(Shape):
    n: int
    when: str
    do: str
    detail: str | None = None
    when_en: str = ""
    do_en: str = ""


class Question(Shape):
    id: str
    ask: str
    yes: str | None = None
    no: str | None = None
    after_yes: str | None = None
    """Which question follows a yes; null the next one, `end` none."""
    after_no: str | None = None


class Suggestion(Shape):
    cause: str | None = None
    verification: str | None = None
    actions: list[str] = []
    outcome: str | None = None
    truth: str | None = None


class Script(Shape):
    title: str
    title_en: str = ""
    say: str = ""
    steps: list[ScriptStep] = []
    questions: list[Question] = []
    hints: list[str] = []
    suggest: Suggestion | None = None


class WelfareHome(Shape):
    """One home of the welfare list; ticked off by `check`, or by a call to it that was answered."""

    home: str
    tier: str | None = None
    address: str | None = None
    phone: str | None = None
    people: list[str] = []
    back: bool = False
    """Its devices are heard again; that somebody is well is another question."""
    result: Literal["safe", "no_answer", "visit"] | None = None
    by: str | None = None
    by_name: str | None = None
    at: At | None = None
    note: str = ""


class RelatedCase(Shape):
    id: str
    number: int
    code: str
    level: Level


class Alert(Shape):
    """A case, contract section 5, with what the screens need besides."""

    id: str
    number: int
    code: str
    level: Level
    title: str
    title_en: str | None = None
    """The same for the English screen; the wall, phones and families get a kind only."""
    home: str | None = None
    resident: str | None = None
    room: str | None = None
    micro_grid: str | None = None
    onset_at: At | None = None
    raised_at: At
    late_seconds: float = 0
    condition: Condition
    state: AlertState
    owner: Person | None = None
    responders: list[Responder] = []
    step: int = 0
    next_step_at: At | None = None
    arrive_by: At | None = None
    visit_by: At | None = None
    """Of a yellow case: by then somebody visits, unless the phone was answered."""
    acknowledge_by: At | None = None
    occurrences: int = 1
    findings: list[FindingBody] = []
    deliveries: list[DeliveryBody] = []
    outcome: OutcomeBody | None = None
    version: int
    kind: str
    cause: str | None = None
    state_words: str
    test: bool = False
    acknowledged_at: At | None = None
    closed_at: At | None = None
    hold_until: At | None = None
    resumed: bool = False
    called: list[CalledBody] = []
    ladder: list[LadderStep] = []
    place: Place | None = None
    people: list[ResidentBody] = []
    contacts: list[ContactBody] = []
    script: Script | None = None
    welfare: list[WelfareHome] = []
    related: list[RelatedCase] = []
    """Other open cases of the same home."""


class AlertPage(Shape):
    items: list[Alert]
    next: str | None


class TimelineItem(BaseModel):
    """One event of a case's log. Fields besides these depend on `type`."""

    model_config = ConfigDict(extra="allow")
    at: At
    type: str
    version: int
    words: str
    by: str | None = None
    by_name: str | None = None
    note: str | None = None


class Timeline(Shape):
    items: list[TimelineItem]


class CommandBody(BaseModel):
    """One body for all commands; which fields a command takes is in the contract. `version` is the one you saw.

    Other fields (`owner`, `state` …) are ignored: nothing can be set by naming it.
    """

    model_config = ConfigDict(extra="ignore", str_max_length=4000)
    version: int
    command_id: str | None = None
    """A name of the sender's own for this very command; sent twice, it is done once (as with Idempotency-Key)."""
    note: str | None = None
    by: str | None = None
    to: str | None = None
    result: str | None = None
    responders: list[str] | None = None
    seconds: float | None = None
    reason: str | None = None
    cause: str | None = None
    verification: str | None = None
    actions: list[str] | None = None
    outcome: str | None = None
    truth: str | None = None


class DoorCode(Shape):
    door_code: str
    """Empty when none is registered."""


class Code(Shape):
    code: str
    zh: str
    en: str


class Codes(Shape):
    cause: list[Code]
    verification: list[Code]
    action: list[Code]
    outcome: list[Code]
    truth: list[Code]


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


class Duty(Shape):
    at: At
    nobody: bool
    desk: list[DutyDesk]
    responders: list[DutyResponder]
    coverage: CoverCount | None = None
    micro_grids: list[MicroGridDuty] = []


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
    by: list[CoverBy]
    next: CoverNext | None = None
    """Where nobody is near enough: whom to ask."""
    located: bool = True
    """Whether we know where the home is; if not, nobody can be promised."""


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


class Kpi(Shape):
    ack60: Figure
    ack180: Figure
    called60: Figure
    arrive10: Figure
    family60: Figure
    protected: ProtectionCount
    visits: VisitsToday | None = None
    period: str
    from_: Annotated[At | None, Field(alias="from")] = None
    to: At | None = None
    promises: PromiseFigure | None = None
    load: LoadFigure | None = None
    by_rule: list[Precision] | None = None
    by_device: list[Precision] | None = None
    by_home: list[Precision] | None = None
    proposals: list[Proposal] | None = None


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


class Proposal(Shape):
    kind: Literal["resite", "repair", "company", "limit"]
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


class ProposalLine(Proposal):
    id: str
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


class Words(Shape):
    zh: str
    en: str


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


class ClosedLine(Shape):
    id: str
    number: int
    at: At
    level: Level
    title: str
    words: str
    seconds: float


class Hour(Shape):
    red: int
    yellow: int
    blue: int


class DeviceBody(Shape):
    id: str
    home: str
    kind: str
    label: str
    room: str
    last_at: At | None = None
    silent: bool | None = None
    battery: float | None = None
    reason: str = ""
    reason_words: str = ""


class Devices(Shape):
    items: list[DeviceBody]


class PathBody(Shape):
    """One way from a hazard to a person: call, fire, gas, fall, water, bed, door, movement."""

    path: str
    words: str
    holds: bool
    reason: str
    """Empty when it holds; else never_reported, silent, offline, fault, tamper, battery, doubtful, not_fitted, gateway."""
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
    open_alerts: int


class Residents(Shape):
    items: list[ResidentLine]
    total: int
    """How many were found; `items` may hold fewer."""


class CardDevice(Shape):
    id: str
    label: str
    last_at: At | None
    reason_words: str


class CauseLine(Shape):
    """What happened how often within 28 days."""

    level: str
    title: str
    count: int
    last_at: At
    ended: dict[str, int]


class ResidentCard(ResidentLine):
    place: Place
    contacts: list[ContactBody]
    together: list[Person]
    sign_of_life: str
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


class Gap(Shape):
    from_: Annotated[At, Field(alias="from")]
    to: At


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
    words: str


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
    """Quantities that are there and that the reader may not see."""


class FamilyStep(Shape):
    words: str
    at: At | None


class FamilyCase(BaseModel):
    """A case as a relative hears of it, with the service's own steps."""

    model_config = ConfigDict(extra="forbid")
    id: str
    number: int
    level: Level
    code: str
    title: str
    kind: str
    home: str
    raised_at: At
    acknowledged_at: At | None
    closed_at: At | None
    condition: Condition
    state: AlertState
    state_words: str
    version: int
    steps: list[FamilyStep]


class FamilyPage(Shape):
    at: At
    names: list[str]
    relation: str
    phone: str
    allowed: list[str]
    """What the elder agreed to be told: `status`, `activity`."""
    words: str
    """How things are, in a sentence."""
    calm: bool | None
    """True nothing is open and somebody watches, False a case is open, null it cannot be said."""
    last_at: At | None
    protection: str | None
    protection_words: str
    cases: list[FamilyCase]


class WeekShift(Shape):
    day: str
    from_: Annotated[At, Field(alias="from")]
    to: At
    now: bool
    covers: str | None
    """For whom, when standing in."""


class WeekStaff(Shape):
    id: str
    name: str
    role: str
    role_words: str
    micro_grids: list[str]
    phone: str
    reachable: bool
    """Has an address for messages."""
    on_duty: bool
    always: bool
    """In no shift of the rota, and therefore taken as always on duty."""
    shifts: list[WeekShift]


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
    nobody_in: list[str]


class Watching(Shape):
    """Screens that have beaten within the last minute."""

    desks: int
    walls: int
    audible: int
    """Desks whose sound runs."""


class Ahead(Shape):
    at: At
    arrive_minutes: float
    hours: list[HourAhead]
    homes: dict[str, str]
    """Where the homes named in `holes` are."""
    ladder: list[LadderNames]
    screens: Watching


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


class Unclaimed(Shape):
    topic: str
    dialect: str
    last_at: At
    count: int
    suggested_kind: str | None = None
    suggested_home: str | None = None
    payload: str = ""


class UnclaimedList(Shape):
    items: list[Unclaimed]


class Refused(Shape):
    topic: str
    device: str | None
    home: str | None
    reason: str
    quantity: str | None
    count: int
    last_at: At
    detail: str
    sample: str
    alarm: bool


class Quarantine(Shape):
    items: list[Refused]


class Span(Shape):
    from_: Annotated[At, Field(alias="from")]
    to: At
    value: bool | None


class StripRow(Shape):
    device: str
    kind: str
    label: str
    words: str
    alarm: bool
    age_seconds: float | None
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
    rows: list[StripRow]


class Accepted(Shape):
    """What became of a payload that was sent by HTTP: all of it is durable."""

    accepted: int
    refused: list[dict[str, str | None]]


class DeviceTokenBody(Shape):
    device: str
    token: str
    """Shown once; only its hash is kept."""


class Beat(Said):
    """A screen says that somebody could see it."""

    screen: Annotated[str, Field(max_length=64)]
    view: Annotated[str, Field(max_length=16)]
    last: Annotated[str, Field(max_length=64)] = ""
    link: Annotated[str, Field(max_length=16)] = ""
    audio: Annotated[str, Field(max_length=16)] = ""
    visible: bool = True
    build: Annotated[str, Field(max_length=64)] = ""


class Component(BaseModel):
    model_config = ConfigDict(extra="forbid")
    ok: bool
    detail: str = ""
    age_seconds: float | None = None


class Ready(Shape):
    ready: bool
    components: dict[str, Component]


class LinkPage(Shape):
    """What a one-time link opens: as little as the message said, and what its reader may do."""

    number: int
    level: Level
    title: str
    building: str | None
    act: str
    """acknowledge, accept, inform, with_me (that the person is with a relative), test (that an alarm was the tester's), or confirm (that a test message was read)."""
    state: AlertState | None
    state_words: str
    done: bool
    """It was used, or is no longer needed."""
    alert: Alert | None = None
    """After the act: the case as a responder sees it."""


# -- reaching people ----------------------------------------------------------------------------------------------


ReachState = Literal["untried", "failed", "sent", "verified"]


class PushBrowser(Shape):
    id: str
    """Made of its endpoint, which only the browser itself knows."""
    state: ReachState
    """sent: the push service took a test; verified: the person said that they read it."""
    detail: str
    tried_at: At | None
    verified_at: At | None


class PushKey(Shape):
    key: str
    """Uncompressed P-256 point, base64url."""
    browsers: list[PushBrowser]
    """Of whoever asks, the newest first."""


class PushKeys(Said):
    model_config = ConfigDict(extra="ignore")
    p256dh: Annotated[str, Field(max_length=200)]
    auth: Annotated[str, Field(max_length=200)]


class PushEndpoint(Said):
    model_config = ConfigDict(extra="ignore")
    endpoint: Annotated[str, Field(min_length=12, max_length=1000)]


class PushSubscription(PushEndpoint):
    """What `PushSubscription.toJSON()` of a browser gives."""

    keys: PushKeys


class ReachOfChannel(Shape):
    channel: str
    """Scheme of the address."""
    address: str
    """A name for it; the address itself is a secret."""
    state: ReachState
    """sent: the provider took a test; verified: the person said that they read it."""
    detail: str
    tried_at: At | None
    verified_at: At | None


class Channels(Shape):
    person: str
    items: list[ReachOfChannel]


class TestAsked(Shape):
    test: str


# -- everyday care ------------------------------------------------------------------------------------------------


class VisitDue(Shape):
    home: str
    resident: str
    name: str
    address: str
    tier: Literal["key", "important", "general"]
    due: str
    """Day of the community."""
    overdue: bool
    last_at: At | None
    last_how: Literal["door", "phone", "video"] | None
    last_by: str | None


class VisitList(Shape):
    planned: bool
    """False while the site's policy plans no visits."""
    items: list[VisitDue]


class VisitMade(Said):
    how: Literal["door", "phone", "video"]
    at: Annotated[str | None, Field(max_length=40, description="RFC 3339; now when left out")] = None
    note: Annotated[str, Field(max_length=500)] = ""


class Visited(Shape):
    resident: str
    at: At
    how: Literal["door", "phone", "video"]
    kept: bool
    """False when a later visit is known already."""


class CampaignDevice(Shape):
    device: str
    home: str
    address: str
    label: str
    passed_at: At | None
    """When the tester confirmed; null while not tried."""


class CampaignWaiting(Shape):
    """An alarm that waits for the tester's word."""

    alert: str
    number: int
    device: str
    address: str
    confirm_by: At
    """Unconfirmed then it is red."""
    version: int


class CampaignBody(Shape):
    id: str
    tester: Person
    begins: At
    ends: At
    state: Literal["ahead", "running", "over"]
    by: str
    devices: list[CampaignDevice]
    waiting: list[CampaignWaiting]


class CampaignList(Shape):
    items: list[CampaignBody]
    testers: list[Person]
    """Who can be a tester: staff who can be reached."""


class CampaignWanted(Said):
    tester: Annotated[str, Field(max_length=64)]
    devices: Annotated[list[str], Field(max_length=40)] = []
    homes: Annotated[list[str], Field(max_length=40)] = []
    """Every alarm device of these homes."""
    begins: Annotated[str | None, Field(max_length=40, description="RFC 3339; now when left out")] = None
    minutes: Annotated[float, Field(gt=0, le=60)] = 60


class CampaignWord(Said):
    alert: Annotated[str, Field(max_length=64)]
    version: Annotated[int | None, Field(ge=0)] = None
    note: Annotated[str, Field(max_length=500)] = ""


CallOutcome = Literal["well", "request", "not_reached"]


class RoundCounts(Shape):
    todo: int
    again: int
    well: int
    request: int
    not_reached: int


class RoundLine(Shape):
    id: str
    title: str
    made_at: At
    by: str
    until: At
    over: bool
    counts: RoundCounts


class RoundList(Shape):
    items: list[RoundLine]


class CallAttempt(Shape):
    at: At
    by: str
    outcome: CallOutcome
    note: str


class RoundCall(Shape):
    home: str
    resident: str
    name: str
    address: str
    phone: str | None
    tier: Literal["key", "important", "general"]
    flags: list[str]
    state: Literal["todo", "again", "well", "request", "not_reached"]
    next_at: At | None
    """When to ring again."""
    attempts: list[CallAttempt]


class RoundBody(RoundLine):
    items: list[RoundCall]
    """Who is to be rung next first."""


class RoundWanted(Said):
    """A round over residents by name, or over all of some tiers."""

    title: Annotated[str, Field(max_length=60)] = ""
    residents: Annotated[list[str], Field(max_length=2000)] = []
    tiers: Annotated[list[Literal["key", "important", "general"]], Field(max_length=3)] = []
    until: Annotated[
        str | None, Field(max_length=40, description="RFC 3339; 18:00 today, or tomorrow when that is over")
    ] = None


class CallMade(Said):
    resident: Annotated[str, Field(max_length=64)]
    outcome: CallOutcome
    what: Literal["visit", "repair", "errand", "meal", "medical", "other"] = "visit"
    """What is asked for, with `request`."""
    note: Annotated[str, Field(max_length=500)] = ""
    id: Annotated[str, Field(max_length=64)] = ""
    """The sender's own name of this attempt: the same again is one."""


class RepairStep(Shape):
    at: At
    what: Literal["opened", "assigned", "done", "again", "not_proven", "proved", "removed", "withdrawn"]
    by: str
    note: str


DidWord = Literal["battery", "resited", "replaced", "repaired", "power", "reset", "nothing_found"]


class RepairBody(Shape):
    """A maintenance order: of one device, or of the home's gateway when `device` is null."""

    id: str
    home: str
    address: str
    device: str | None
    label: str
    codes: list[str]
    cases: list[int]
    why: str
    state: Literal["open", "assigned", "done", "closed"]
    """`done` waits for the device to prove it; `closed` says how in `closed`."""
    opened_at: At
    opened_by: str
    due: At
    overdue: bool
    assigned: Person | None
    did: DidWord | None
    did_at: At | None
    did_by: str | None
    again: int
    """How often what was done did not hold."""
    closed_at: At | None
    closed: Literal["", "proved", "removed", "withdrawn"]
    steps: list[RepairStep]


class RepairList(Shape):
    items: list[RepairBody]
    people: list[Person]
    """Who may be assigned."""


class RepairWanted(Said):
    """An order for the devices of a case, or by hand for one device (or the gateway) of a home."""

    alert: Annotated[str | None, Field(max_length=64)] = None
    home: Annotated[str | None, Field(max_length=64)] = None
    device: Annotated[str | None, Field(max_length=64)] = None
    why: Annotated[str, Field(max_length=500)] = ""


class RepairWord(Said):
    """What `assign` (to, due), `done` (did, note) and `withdraw` (note) carry."""

    to: Annotated[str | None, Field(max_length=64)] = None
    due: Annotated[str | None, Field(max_length=40, description="RFC 3339")] = None
    did: DidWord | None = None
    note: Annotated[str, Field(max_length=500)] = ""


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


class IntegrationMade(Shape):
    name: str
    secret: str
    """`whsec_…`, shown this once."""


class IntegrationLine(Shape):
    name: str
    events: list[EventWord]
    made_at: At
    by: str
    last_at: At | None
    """When it last reported, as far as this process knows; null since its start."""


class IntegrationList(Shape):
    items: list[IntegrationLine]


class EventTaken(Shape):
    id: str
    became: Literal["sign", "reading", "request", "notice", "nothing_seen", "no_consent"]
    """What was made of it; `nothing_seen` and `no_consent` are well received and used for nothing."""
    again: bool
    """It was taken before."""


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


class OverrideSet(Said):
    limit: Annotated[str, Field(max_length=80, description="a name of `GET /residents/{resident}/rules`")]
    value: bool | int | float | Annotated[str, Field(max_length=40)]
    from_: Annotated[str | None, Field(alias="from", max_length=40, description="now when left out")] = None
    until: Annotated[str, Field(max_length=40, description="always an end; within 90 days of the beginning")]
    reason: Annotated[str, Field(min_length=1, max_length=200)]


class OverrideNamed(Said):
    limit: Annotated[str, Field(max_length=80)]


class OverrideBody(Shape):
    limit: str
    value: bool | int | float | str
    from_: Annotated[At, Field(alias="from")]
    until: At
    by: str
    reason: str
    approved_by: str | None
    waits_for_approval: bool
    """It loosens a life-safety rule and nobody else has approved it yet: it does not count."""
    active: bool
    ended_by: str | None
    source: Literal["site", "desk"]


class OverrideList(Shape):
    items: list[OverrideBody]


class LimitSource(Shape):
    from_: Annotated[
        Literal["default", "kind", "community", "template", "resident", "override"], Field(alias="from")
    ]
    word: str | None = None
    """The tier, condition or flag of a template."""
    by: str | None = None
    reason: str | None = None
    until: At | None = None
    approved_by: str | None = None


class LimitInForce(Shape):
    parameter: str
    limit: str
    value: bool | int | float | str
    default: bool | int | float | str
    unit: str
    min: float | None
    max: float | None
    who: str
    """Who may change it."""
    stricter: str
    """Which direction speaks sooner: `lower` or `higher`."""
    source: LimitSource


class ResidentRule(Shape):
    rule: str
    code: str
    version: int
    life: bool
    about: dict[str, str]
    parameters: list[LimitInForce]


class ResidentRules(Shape):
    resident: str
    home: str
    at: At
    items: list[ResidentRule]


class Request(Said):
    what: Literal["visit", "repair", "errand", "meal", "medical", "other"] = "visit"
    id: Annotated[str | None, Field(max_length=64, description="of the asker: the same one again is one")] = (
        None
    )


class Requested(Shape):
    finding: str


# -- the live channel ---------------------------------------------------------------------------------------------


class SnapshotData(Shape):
    epoch: str
    head: int
    now: At
    build: str
    view: str
    community: CommunityBody
    me: Me
    alerts: list[Alert]
    closed: list[ClosedLine]
    duty: Duty | None
    kpi: Kpi | None
    protection: ProtectionCount | None
    by_hour: list[Hour]
    recent_10min: int
    words: str | None = None
    """Family view: how things are, in a sentence."""


class HeartbeatData(Shape):
    epoch: str
    head: int
    now: At
    ingest_age: float | None
    notify_lag: float | None
    screens: Watching | None = None
    build: str
    components: dict[str, bool]


class KpiData(Shape):
    kpi: Kpi
    by_hour: list[Hour]
    protection: ProtectionCount
    closed: list[ClosedLine]
    recent_10min: int


class DeviceData(Shape):
    home: str | None
    protection: str
    protection_words: str
    reasons: list[str] = []


class _Ev(Shape):
    id: str
    """`epoch.seq`."""


class SnapshotEvent(_Ev):
    event: Literal["snapshot"]
    data: SnapshotData


class AlertEvent(_Ev):
    event: Literal["alert"]
    data: Alert


class DutyEvent(_Ev):
    event: Literal["duty"]
    data: Duty


class DeviceEvent(_Ev):
    event: Literal["device"]
    data: DeviceData


class KpiEvent(_Ev):
    event: Literal["kpi"]
    data: KpiData


class HeartbeatEvent(_Ev):
    event: Literal["hb"]
    data: HeartbeatData


LiveEvent = Annotated[
    SnapshotEvent | AlertEvent | DutyEvent | DeviceEvent | KpiEvent | HeartbeatEvent,
    Field(discriminator="event"),
]
"""One message of the live channel: `event` and `id` are the fields of SSE, `data` its JSON."""

ProblemBody.model_rebuild()
Duty.model_rebuild()
Kpi.model_rebuild()
PromiseFigure.model_rebuild()
LoadFigure.model_rebuild()
DeskLoad.model_rebuild()
Coverage.model_rebuild()
HomeCover.model_rebuild()
Figure.model_rebuild()
