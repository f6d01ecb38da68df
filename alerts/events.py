"""What can happen to an alert: the events of its log, and the `Transition` that carries them.

One stream message on `alerts.{home}.{alert}` is one `Transition`: all events of one decision. Folding the
transitions of a subject in order with `lifecycle.evolve` gives the alert; nothing else is stored about it.
Times are aware UTC. `by` is the id of the person who did it; None is the service itself.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from care.ids import content_id
from care.messages import DeviceAck, Evidence
from care.words import Condition, Level


class Why(StrEnum):
    """Why a message goes to a person. A closed set: a metric label and a field of every delivery."""

    opened = "opened"
    """The first page of a case."""
    escalated = "escalated"
    """Nobody has taken it in time."""
    nobody = "nobody"
    """The step before had nobody in it, so this one came at once."""
    level_up = "level_up"
    """It became more urgent."""
    level_down = "level_down"
    """What contradicts it made it less urgent."""
    repressed = "repressed"
    """The person at home called again."""
    reminder = "reminder"
    """The ladder is at its end and still nobody has taken it."""
    dispatched = "dispatched"
    """The desk asks this person to go."""
    acknowledged = "acknowledged"
    """For the family: somebody is checking."""
    arrived = "arrived"
    """For the family: somebody is there."""
    cleared = "cleared"
    """The condition has cleared."""
    closed = "closed"
    """It is over."""
    testing = "testing"
    """For the tester of a campaign: an alarm came that may be the test. Was it?"""
    joined = "joined"
    """Something further happened in the same case."""


class ResumedWhy(StrEnum):
    """Why a case that somebody had is loud again."""

    idle = "idle"
    """Taken, but nobody was called or sent."""
    no_answer = "no_answer"
    """A call was not answered, and nothing came after it."""
    not_accepted = "not_accepted"
    """Asked to go, but nobody accepted."""
    nobody_going = "nobody_going"
    """Whoever was to go cannot."""
    nobody_there = "nobody_there"
    """Whoever was there had to leave, and nobody has taken over."""
    hold_ended = "hold_ended"
    nobody_on_duty = "nobody_on_duty"
    """The service itself was to send somebody, and there was nobody to send."""
    again = "again"
    """A further alarm in the same case."""
    level_raised = "level_raised"
    """It became graver: whoever took it took something milder."""
    given_back = "given_back"
    """Somebody at the desk gave it back."""
    needs_120 = "needs_120"
    """Whoever is there says that an ambulance is needed."""
    recheck = "recheck"
    """Put right by advice on the telephone, and now the home is to be rung again."""


class Purpose(StrEnum):
    """What the link in a message lets its reader do."""

    acknowledge = "acknowledge"
    accept = "accept"
    inform = "inform"
    """Nothing: the message only tells."""
    with_me = "with_me"
    """That the person is with its reader and fine."""
    test = "test"
    """That an alarm in a test campaign was the test."""
    confirm = "confirm"
    """That this message of a test has been read."""


class DeliveryState(StrEnum):
    """The fate of a message."""

    queued = "queued"
    """On its way; `detail` says what went wrong so far, if anything."""
    accepted = "accepted"
    """The provider's own answer says that it has it."""
    refused = "refused"
    """The provider said no for good, or there is no such channel."""
    failed = "failed"
    """Tried for so long that we stopped."""
    skipped = "skipped"
    """Not sent, because it was out of date; `detail` says why."""


class _Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    pass


class Rung(_Part, frozen=True, kw_only=True):
    """A step of a ladder as it was when the alert was raised: frozen into the alert."""

    step: int
    after_seconds: float
    """Counted from the opening."""
    groups: tuple[str, ...] = ()
    """Who is told; names of `ladder.GROUPS`."""
    label: dict[str, str] = {}
    promise: bool = False
    """The step at which somebody ought to be there."""


class Delivery(_Part, frozen=True, kw_only=True):
    """A message to one person by one channel. Its `id` is the same however often it is made out."""

    id: str
    alert: str
    number: int
    home: str
    generation: int
    step: int
    person: str
    """Id of a member of staff or of a contact."""
    channel: str
    """Scheme of the Apprise URL; the URL itself is a secret and stays in the registry."""
    address: str
    """Hash of the URL, by which the sender finds it."""
    reason: Why
    purpose: Purpose
    level: Level
    due_at: datetime
    nth: int = 0
    """Counts messages that differ in nothing else (reminders, further presses)."""

    @property
    def urgent(self) -> bool:
        """Whether it is above every budget and queue of the others: all of a red case but its reminders.

        So is the question whether an alarm was a test: its answer has seconds.
        """
        return (self.level is Level.red and self.reason is not Why.reminder) or self.reason is Why.testing

    @property
    def subject(self) -> str:
        """Where it waits to be sent: what is urgent has a queue of its own, so that it stands behind nothing calm."""
        return f"deliveries.{'urgent' if self.urgent else 'page'}.{self.home}"


def delivery_id(
    alert: str, *, generation: int, step: int, person: str, address: str, reason: Why, nth: int = 0
) -> str:
    """The name of a message: alert, generation, step, person, channel and purpose."""
    return content_id(alert, generation, step, person, address, reason.value, nth)


class FindingView(_Part, frozen=True, kw_only=True):
    """A finding as the alert keeps it: its evidence and the limits in force."""

    finding: str
    rule: str
    rule_version: int
    code: str
    level: Level
    phase: str
    condition: Condition
    onset_at: datetime
    title: dict[str, str]
    pictogram: str
    device: str | None = None
    room: str | None = None
    cleared_at: datetime | None = None
    evidence: tuple[Evidence, ...] = ()
    parameters: dict[str, Any] = {}
    sources: dict[str, Any] = {}
    tags: tuple[str, ...] = ()
    occurrences: int = 1
    life: bool = False
    auto_close: bool = False
    reopen_minutes: int = 0
    seen: tuple[str, ...] = ()
    """The last event ids heard of it: the same finding heard twice changes nothing."""
    home: str | None = None
    """Whose it is, when the case is not that home's (a roll-up)."""
    of: int = 0
    """Number of the case it belongs to, when it is only evidence in this one; this one's own number when no sensor
    says it but what people did or did not do."""


class Outcome(_Part, frozen=True, kw_only=True):
    """How a case ended, in the codes of `codes`."""

    by: str | None
    at: datetime
    cause: str | None = None
    verification: str | None = None
    actions: tuple[str, ...] = ()
    outcome: str | None = None
    truth: str | None = None
    note: str = ""


# -- events: one struct each, told apart by `type` ------------------------------------------------------------


class _Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    at: datetime
    """When it happened; for a timer, when it was due."""


class _Laddered(_Event, frozen=True, kw_only=True):
    """A ladder begins: its steps and times, frozen as they are now."""

    plan: tuple[Rung, ...] = ()
    work_seconds: float | None = None
    accept_seconds: float | None = None
    repeat_seconds: float | None = None
    unanswered_seconds: float | None = None
    """The home's phone not answered for so long: the service itself sends somebody (SOS2)."""
    arrive_by: datetime | None = None
    answered_keeps: bool = False
    """A home that answered the phone need not be visited: the promise to be there falls away."""
    acknowledge_by: datetime | None = None


class Raised(_Laddered, tag="raised", frozen=True, kw_only=True):
    """A case begins."""

    alert: str
    number: int
    home: str
    cause: str
    code: str
    level: Level
    title: dict[str, str]
    pictogram: str
    onset_at: datetime
    late_seconds: float = 0.0
    resident: str | None = None
    room: str | None = None
    micro_grid: str | None = None
    test: bool = False
    finding: FindingView
    answer: DeviceAck | None = None
    tester: str | None = None
    """It came in a test campaign of this member of staff: yellow until `confirm_by`, then red unless they said so."""
    campaign: str | None = None
    confirm_by: datetime | None = None


class Joined(_Event, tag="joined", frozen=True, kw_only=True):
    """A further finding of the same home and cause."""

    finding: FindingView
    answer: DeviceAck | None = None


class FindingChanged(_Event, tag="finding_changed", frozen=True, kw_only=True):
    """More evidence, another occurrence, another level of a finding."""

    finding: FindingView
    reason: str = ""
    answer: DeviceAck | None = None


class FindingCleared(_Event, tag="finding_cleared", frozen=True, kw_only=True):
    """The condition is over; the case is not."""

    finding: FindingView


class FindingUnknown(_Event, tag="finding_unknown", frozen=True, kw_only=True):
    """We can no longer tell. Unknown is never fine."""

    finding: FindingView


class LevelRaised(_Laddered, tag="level_raised", frozen=True, kw_only=True):
    """The case became more urgent: a new ladder begins."""

    reason: str = "finding"
    """finding; corroborated: another cause in the same home bears it out; not_confirmed: no tester said that it was a test;
    no_answer: it went on, and who had it reached nobody."""
    level: Level
    code: str
    title: dict[str, str]
    pictogram: str


class Vouched(_Event, tag="vouched", frozen=True, kw_only=True):
    """Somebody says that the person is with them and fine (domain 3.6). What it makes milder follows as `LevelLowered`."""

    who: str
    """A relative, a neighbour, or whoever goes there."""
    by: str
    """Who wrote it down: the same, or the desk that heard it on the phone."""
    note: str = ""


class LevelLowered(_Laddered, tag="level_lowered", frozen=True, kw_only=True):
    """What contradicts the case made it one step less urgent (domain 3.6): the milder ladder begins, from now."""

    level: Level
    code: str
    title: dict[str, str]
    pictogram: str
    finding: str
    """The finding that was contradicted; what contradicts it is among its evidence."""


class Escalated(_Event, tag="escalated", frozen=True, kw_only=True):
    """A step of the ladder was taken."""

    step: int
    late_seconds: float = 0.0
    promise_broken: bool = False
    reason: Why = Why.escalated


class Reminded(_Event, tag="reminded", frozen=True, kw_only=True):
    """The ladder is at its end; everybody on it is told again."""

    nth: int
    late_seconds: float = 0.0


class NobodyThere(_Event, tag="nobody_there", frozen=True, kw_only=True):
    """A step of the ladder had nobody to tell: a fact, not a silence."""

    step: int
    groups: tuple[str, ...] = ()


class Told(_Event, tag="told", frozen=True, kw_only=True):
    """Messages were made out; they go to the queue once this is durable."""

    deliveries: tuple[Delivery, ...]


class Resumed(_Event, tag="resumed", frozen=True, kw_only=True):
    """Taken, but then nothing was done: back in the red lane, the ladder goes on."""

    reason: str = "idle"
    """One of `ResumedWhy`; text, so that a word of another version of the program still reads."""
    late_seconds: float = 0.0


class Acknowledged(_Event, tag="acknowledged", frozen=True, kw_only=True):
    """Somebody took the case."""

    by: str
    implied: bool = False
    """True when another command said so without the word."""
    note: str = ""


class Called(_Event, tag="called", frozen=True, kw_only=True):
    """Somebody rang."""

    by: str
    to: str
    result: str
    note: str = ""


class Dispatched(_Event, tag="dispatched", frozen=True, kw_only=True):
    """Somebody was asked to go."""

    by: str
    responders: tuple[str, ...]
    note: str = ""


class _Step(_Event, frozen=True, kw_only=True):
    """What a responder does. `at` is when the service was told, from which its timers count."""

    done_at: datetime | None = None
    """When it was done, if that was before: told later by a phone that had no network."""

    @property
    def when(self) -> datetime:
        """When it was done: what the promise and the figures ask."""
        return self.done_at or self.at


class Accepted(_Step, tag="accepted", frozen=True, kw_only=True):
    """A responder goes; the first is the lead, the others go along."""

    who: str
    by: str
    companion: bool = False
    arrive_minutes: float | None = None
    """How long the way takes by our reckoning: what is promised, to be held against the real arrival."""
    note: str = ""


class Declined(_Event, tag="declined", frozen=True, kw_only=True):
    """A responder cannot go."""

    who: str
    by: str
    note: str = ""


class Departed(_Step, tag="departed", frozen=True, kw_only=True):
    """A responder is on the way."""

    who: str
    by: str
    note: str = ""


class Arrived(_Step, tag="arrived", frozen=True, kw_only=True):
    """A responder is there."""

    who: str
    by: str
    note: str = ""
    card: bool = False
    """The code on the door card was told: they have stood at the door."""


class HandedOver(_Event, tag="handed_over", frozen=True, kw_only=True):
    """Somebody else takes over: the case itself from its owner, or the task from a responder."""

    who: str
    to: str
    by: str
    note: str = ""


class Checked(_Step, tag="checked", frozen=True, kw_only=True):
    """One home of the welfare list was looked after."""

    by: str
    home: str
    result: str
    """safe, no_answer, visit."""
    note: str = ""


class Noted(_Event, tag="noted", frozen=True, kw_only=True):
    """Somebody wrote something down."""

    by: str
    note: str
    question: str | None = None
    """It is an answer to this question of the script: the last one given to it counts."""
    recheck_seconds: float | None = None
    """That answer was met with advice: after so long the home is rung again (scripts.yaml)."""


class Held(_Event, tag="held", frozen=True, kw_only=True):
    """The clock is held for a moment, for all to see."""

    by: str
    until: datetime
    note: str = ""


class HoldEnded(_Event, tag="hold_ended", frozen=True, kw_only=True):
    """The hold is over."""

    late_seconds: float = 0.0


class Reopened(_Laddered, tag="reopened", frozen=True, kw_only=True):
    """A closed case is open again under its number; the ladder begins anew."""

    by: str | None
    reason: str
    level: Level
    code: str
    title: dict[str, str]
    pictogram: str


class Undone(_Event, tag="undone", frozen=True, kw_only=True):
    """The last acknowledgement or closing was taken back, or the case was given back (by anybody at the desk)."""

    by: str
    command: str
    """acknowledge, close, or release: given back later, when others must take it at once."""
    reason: str = ""


class Closed(_Event, tag="closed", frozen=True, kw_only=True):
    """The case has ended."""

    by: str | None
    outcome: Outcome
    auto: bool = False


class DeliveryReported(_Event, tag="delivery_reported", frozen=True, kw_only=True):
    """What became of a message."""

    delivery: str
    state: DeliveryState
    detail: str = ""
    attempts: int = 0


Event = (
    Raised
    | Joined
    | FindingChanged
    | FindingCleared
    | FindingUnknown
    | LevelRaised
    | LevelLowered
    | Vouched
    | Escalated
    | Reminded
    | NobodyThere
    | Told
    | Resumed
    | Acknowledged
    | Called
    | Dispatched
    | Accepted
    | Declined
    | Departed
    | Arrived
    | HandedOver
    | Checked
    | Noted
    | Held
    | HoldEnded
    | Reopened
    | Undone
    | Closed
    | DeliveryReported
)


class Transition(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All events of one decision about one alert: one message on the alert's subject.

    `version` is the alert's version after it. `source` is the position on FINDINGS that caused it (0: none),
    from which a worker knows how far it has read. `key` is the idempotency key of the command behind it.
    """

    alert: str
    number: int
    home: str
    version: int
    at: datetime
    events: tuple[Event, ...]
    by: str | None = None
    key: str | None = None
    same: str | None = None
    """What the command behind it said, by whom: the same again is the same command."""
    seen_version: int | None = None
    """The version its giver saw."""
    source: int = 0

    @property
    def subject(self) -> str:
        return subject_of(self.home, self.alert)

    @property
    def deliveries(self) -> tuple[Delivery, ...]:
        """The messages it makes out, to be queued once it is durable."""
        return tuple(d for e in self.events if isinstance(e, Told) for d in e.deliveries)

    @property
    def device_acks(self) -> tuple[DeviceAck, ...]:
        """The alarm-class devices to be answered once it is durable."""
        return tuple(
            e.answer
            for e in self.events
            if isinstance(e, Raised | Joined | FindingChanged) and e.answer is not None
        )


def subject_of(home: str, alert: str) -> str:
    """The stream subject that holds an alert's log."""
    return f"alerts.{home}.{alert}"
