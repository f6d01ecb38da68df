"""A case as the screens need it, its log, the commands on it, and what a refusal says."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from alerts.events import ResumedWhy
from care.words import AlertState, Condition, Level
from dashboard_api.shapes.base import At, Person, Shape


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


class Way(Shape):
    """From where, how far and in which direction a home is: what the site file's coordinates tell."""

    start: Literal["post", "micro_grid", "centre"]
    start_name: str | None = None
    """Of the micro-grid."""
    metres: int
    bearing: int
    """Degrees from north, clockwise."""


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
    walk_minutes: float | None = None
    """On foot from their post to the door."""
    way: Way | None = None
    """The straight line from their post to the building; on a phone only one's own."""
    departed_at: At | None = None
    arrived_at: At | None = None
    arrived_by: Literal["code", "press", "desk"] | None = None
    """How the arrival is known: by the code of the door card, by their own word, by the desk's."""
    asked: bool = True
    """Asked by name, not only told with the others of the circle."""
    told: Literal["sent", "waiting", "not_sent", "no_channel"] | None = None
    """Of who was asked by name and has not answered: what became of the messages; `no_channel` and `not_sent`: ring them up."""
    phone: str | None = None


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
    buildings: int | None = None
    """Of a case of many homes: in how many buildings they are; `estate_building` is then that of the first."""
    unit_room: str | None = None
    address: str | None = None
    floor: int | None = None
    lift: bool | None = None
    micro_grid: str | None = None
    grid: str | None = None
    location: tuple[float, float] | None = None
    distance_m: int | None = None
    key: str | None = None
    key_en: str | None = None
    """Null where the place is none of the usual ones: then it is told as it was typed."""
    door_code: bool | None = None
    """True when there is one; the code itself is told only on demand, inside an open case."""
    phone: str | None = None


class Tag(Shape):
    word: str
    en: str | None = None
    strong: bool = False
    health: bool = False
    """Says something of somebody's health."""


class ResidentBody(Shape):
    id: str | None = None
    name: str
    age: int | None = None
    tier: str | None = None
    tags: list[Tag] = []
    health_hidden: bool = False
    """Words about health are left out of `tags`, whether there are any or not: your role reads them while a case about the person is open, or not at all."""


class ContactBody(Shape):
    id: str
    name: str
    relation: str = ""
    relation_en: str = ""
    """Empty where it is none of the usual words: then it is told as it was typed."""
    phone: str = ""


class ScriptStep(Shape):
    n: int
    when: str
    do: str
    detail: str | None = None
    when_en: str = ""
    do_en: str = ""
    detail_en: str | None = None
    send: bool = False
    """Somebody is sent before anybody telephones: what the desk's first key does."""


class Question(Shape):
    id: str
    ask: str
    yes: str | None = None
    no: str | None = None
    after_yes: str | None = None
    """Which question follows a yes; null the next one, `end` none."""
    after_no: str | None = None
    offer: Offers | None = None
    """Outcome codes that either answer makes likely."""


class Suggestion(Shape):
    """Left out: nothing is known of it."""

    cause: str | None = None
    actions: list[str] = []
    outcome: str | None = None
    truth: str | None = None


class Offers(Shape):
    yes: Suggestion | None = None
    no: Suggestion | None = None


class Script(Shape):
    title: str
    title_en: str = ""
    say: str = ""
    say_as: str | None = None
    """While nobody has the case: `say` with `{operator}` where whoever phones says their name; null when a name stands there."""
    steps: list[ScriptStep] = []
    questions: list[Question] = []
    hints: list[str] = []
    hints_en: list[str] = []
    suggest: Suggestion | None = None
    causes: list[str] = []
    """What such a case mostly turns out to be, the likeliest first; nothing is chosen by it."""
    ring: bool = True
    """Whether whoever lives there is rung by the desk's first key; where step 1 sends, by the second."""


class WelfareHome(Shape):
    """One home of the welfare list; ticked off by `check`, or by a call to it that was answered."""

    home: str
    tier: str | None = None
    address: str | None = None
    phone: str | None = None
    people: list[str] = []
    key: str | None = None
    key_en: str | None = None
    """Null where the place is none of the usual ones: then it is told as it was typed."""
    door_code: bool = False
    """Whether there is one; the code itself is told only on demand (`POST /alerts/{alert}/door?home=`)."""
    tags: list[Tag] = []
    """What must be known of those who live there before somebody knocks."""
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
    title: str
    title_en: str | None = None


class ScenePhoto(Shape):
    """A photograph of the scene; the picture is at `/alerts/{alert}/photos/{id}`."""

    id: str
    by: str
    by_name: str
    at: At
    """When it was taken."""


class NextDoor(Shape):
    """A home in the same building as a fire."""

    home: str
    address: str
    floor: int | None = None
    phone: str | None = None
    people: list[ResidentBody] = []


class Alert(Shape):
    """A case, contract section 5, with what the screens need besides."""

    id: str
    number: int
    code: str
    level: Level
    title: str
    title_en: str | None = None
    """The same for the English screen; the wall, phones and families get a kind only."""
    simulated: bool = False
    """Of a practice home that a simulator feeds, beside real ones: it is said wherever the case is."""
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
    nearby: list[NextDoor] = []
    """Desk, an open fire, gas or CO: whom we know of in the same building."""
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
    group: str | None = None
    """On a wall, which is told no cause: equal where the causes are."""
    state_words: str
    state_words_en: str = ""
    test: bool = False
    acknowledged_at: At | None = None
    owned_at: At | None = None
    """When its owner took it; `acknowledged_at` is the first who ever did."""
    closed_at: At | None = None
    hold_until: At | None = None
    resumed: bool = False
    """Somebody had it, and it is loud again."""
    resumed_why: ResumedWhy | None = None
    """Why; null where an old record does not say."""
    recheck_at: At | None = None
    """Advice was given on the telephone (`recheck_seconds` of the script's answer): by then the home is rung again, or it is loud again."""
    overdue: bool = False
    """The promise to be there (`arrive_by`) has passed, and nobody is."""
    called: list[CalledBody] = []
    ladder: list[LadderStep] = []
    at_centre: bool = False
    """Of the service centre itself (a silent desk, a hole in the rota): no home, nobody lives there; `place` is the centre."""
    place: Place | None = None
    people: list[ResidentBody] = []
    contacts: list[ContactBody] = []
    script: Script | None = None
    welfare: list[WelfareHome] = []
    homes: int | None = None
    """On a responder's phone, of a case of many homes: how many; which ones stands in `welfare` after the acceptance."""
    related: list[RelatedCase] = []
    """Other open cases of the same home; of a case of many homes, of any of them."""
    photos: list[ScenePhoto] = []
    """Photographs of the scene, in the order in which they were taken."""
    photos_agreed: bool = False
    """Whether everybody who lives there agreed to photographs; without it none may be taken."""


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
    told_at: At | None = None
    """When a step was told that was done before (`at`)."""


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
    code: Annotated[
        str | None, Field(max_length=32, description="arrive: the code on the home's door card")
    ] = None
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
    at: Annotated[
        str | None,
        Field(
            max_length=40,
            description="accept, depart, arrive, check: when it was done, told later (RFC 3339 with its zone); a time that cannot be is passed over",
        ),
    ] = None


class DoorCard(Shape):
    home: str
    code: str
    """Six digits, by which an arrival is proved. It opens no door."""
    version: int
    """From 1; an older card counts no more."""
    link: str
    """What the printed square leads to: the responder's page with the code."""


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


class ClosedLine(Shape):
    id: str
    number: int
    at: At
    level: Level
    title: str
    title_en: str
    words: str
    words_en: str
    seconds: float


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
    mine: str | None = None
    """Of a link to accept: how its reader stands to the case (offered, accepted, declined …)."""
    alert: Alert | None = None
    """After the act: the case as a responder sees it."""


ProblemBody.model_rebuild()
