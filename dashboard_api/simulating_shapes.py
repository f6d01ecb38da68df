"""The shapes of the simulator's panel: what may be asked, what the simulator says, and what is made of it.

What comes from the simulator is read with these as well: fields we do not know are passed over (it may be newer), one
that lacks what we need is not believed. Times are RFC 3339 UTC texts.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from dashboard_api.shapes import At, Said, Shape

_Name = Annotated[str, Field(min_length=1, max_length=64)]
LevelWord = Literal["red", "yellow", "blue"]


class Told(BaseModel):
    """What the simulator says."""

    model_config = ConfigDict(extra="ignore")


class BothLanguages(Told):
    zh: str
    en: str


class ScenarioStart(Said):
    """A scenario to be started."""

    scenario: Annotated[str, Field(pattern=r"^[a-z_]{1,40}$")]
    home: _Name | None = None
    after_seconds: Annotated[float, Field(ge=0, le=86_400)] | None = None
    """From now, whatever the hour; left out: when its hour comes and somebody has been in bed long enough."""
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None
    """Chooses the home when none is named."""


class FaultStart(Said):
    """A fault to be put in force."""

    fault: Annotated[str, Field(pattern=r"^[a-z_]{1,40}$")]
    value: Annotated[float, Field(gt=0, le=10_000, allow_inf_nan=False)] | None = None
    """A share 0 … 1 or seconds, as its kind has it; cuts have none."""
    home: _Name | None = None
    """Left out: everywhere. Cuts need one."""


class SpeedWanted(Said):
    """How fast the world runs from now on."""

    speed: Annotated[float, Field(ge=0.1, le=3600, allow_inf_nan=False)]


class LinkTestStart(Said):
    """Something done to the line between service and screens, on purpose."""

    test: Literal["silent", "drop", "lie", "restart"]
    """`silent`: nothing is said for so many seconds; `drop`: the next so many events are numbered and not said; `lie`: for so
    many seconds heartbeats name a head that is not there; `restart`: every line is cut and numbers begin anew."""
    value: Annotated[int, Field(ge=1, le=120)] = 20
    """Seconds, or events; at most two minutes, and it ends by itself."""


class LinkTests(Shape):
    """What is done to the line now."""

    silent_seconds: float
    """So many more seconds nothing is said; 0: it is."""
    lie_seconds: float
    drops: int
    """So many of the next events of the desk are not said."""


class FaultSwitch(Told):
    id: int
    fault: str
    value: float | None
    home: str | None
    homes: list[str]
    since: At
    until: At | None


class FaultKind(Told):
    fault: str
    zh: str
    en: str
    what: str


class SimulatorState(Told):
    started_at: At
    now: At
    world_now: At
    speed: float
    seed: int
    behind_seconds: float
    homes: int
    devices: int
    connected: bool
    published: int
    alarm_messages: int
    acknowledged: int
    dropped: int
    lost: int
    from_beginning: bool
    """Faults were in force from the beginning, which are not in this list."""
    faults: list[FaultSwitch]
    ended: list[FaultSwitch]
    kinds: list[FaultKind]


class Due(Told):
    code: str
    level: LevelWord
    also: list[str]
    after_seconds: float
    within_seconds: float


class ScenarioBody(Told):
    name: str
    title: BothLanguages
    words: BothLanguages
    needs: list[str]
    missing: list[str]
    """Kinds of device that the home asked about lacks."""
    hours: Annotated[list[float], Field(min_length=2, max_length=2)] | None
    """Wall-clock hours between which it begins when no time is given."""
    lead_seconds: float
    """So long somebody is in bed before it begins when no time is given."""
    expects: list[Due]


class Scenarios(Told):
    items: list[ScenarioBody]


class SimulatedHome(Told):
    id: str
    address: str
    residents: list[str]
    kinds: list[str]
    gateway: bool


class SimulatedHomes(Told):
    total: int
    items: list[SimulatedHome]


class ExpectedBody(Told):
    code: str
    level: LevelWord
    by: At
    also: list[str]


class TruthAhead(Told):
    at: At
    scenario: str
    home: str
    device: str | None
    what: str
    zh: str
    verdict: str
    """How a person would close it: real, avoidable, unavoidable, test; empty when there is nothing to close."""
    expect: ExpectedBody | None
    void: bool
    """It was over before it had to be told."""
    unheard: bool
    """The home was cut off when it happened: no service could know."""


class TruthTold(TruthAhead):
    n: int


class TruthsTold(Told):
    total: int
    ahead: int
    items: list[TruthTold]


class MessageTold(Told):
    """A message as it was sent; `payload` is its beginning."""

    at: At
    topic: str
    payload: str
    bytes: int
    home: str
    device: str
    alarm: bool
    retained: bool


class MessagesTold(Told):
    items: list[MessageTold]


class Started(Told):
    scenario: str
    home: str
    begins_at: At
    truths: list[TruthAhead]
    command: str
    """The same from the command line, with `SITE` for the site file."""


class StartedBody(Started):
    address: str


class RaisedCase(Shape):
    alert: str
    number: int
    code: str
    level: LevelWord
    at: At
    home: str
    address: str
    title: BothLanguages


class ForNothing(RaisedCase):
    fault: bool
    """A fault in force may be the cause."""


class JudgedTruth(TruthTold):
    address: str
    judged: Literal["nothing", "waiting", "found", "late", "missed", "void"]
    seconds: float | None
    """From the truth to the case."""
    case: RaisedCase | None


class SentMessage(MessageTold):
    case: RaisedCase | None
    """What came of it: the case its device was heard in within half a minute."""
    seconds: float | None
    """From the message to the case."""


class SentMessages(Shape):
    items: list[SentMessage]


class SentBody(Shape):
    """A message to a person and its fate so far."""

    at: At
    number: int
    name: str
    channel: str
    state: Literal["queued", "accepted", "refused", "failed", "skipped"]
    attempts: int
    detail: str


class SentCounts(Shape):
    queued: int
    accepted: int
    refused: int
    failed: int


class Made(Shape):
    """What the service makes of lines and push services that fail."""

    at: At
    ingest_age: float | None
    """Seconds since any device was heard; null: never."""
    notify_lag: float | None
    """Age in seconds of the oldest message that is not sent; null: the sender was never heard of."""
    parts: dict[str, bool]
    lately: SentCounts
    """Messages of the last ten minutes."""
    outages: list[RaisedCase]
    """Open cases about lines."""
    sent: list[SentBody]
    """The newest messages first."""


class TruthCounts(Shape):
    found: int
    late: int
    missed: int
    waiting: int
    for_nothing: int
    median_seconds: float | None


class Truths(Shape):
    since: At
    ahead: int
    total: int
    items: list[JudgedTruth]
    for_nothing: list[ForNothing]
    counts: TruthCounts
