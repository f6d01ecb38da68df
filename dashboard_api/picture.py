"""What is true now, folded from the streams: cases, readings of the last hour, protection, who refused what. Pure.

`Picture` has one method for each thing that can be heard; `folds` listens and calls them. It keeps every open case
and those closed within the last day in full, and of older ones a row each: enough for lists and figures, while the
log itself, which is never cut, still answers for a single case.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from alerts import codes, lifecycle
from alerts.alert import Alert
from alerts.events import (
    Accepted,
    Acknowledged,
    Arrived,
    Called,
    DeliveryReported,
    DeliveryState,
    Departed,
    Dispatched,
    Purpose,
    Raised,
    Told,
    Transition,
    Undone,
    Why,
)
from care.messages import Beat, Firmware, HomeHealth, Refusal, Unclaimed
from care.site import Community, Registry, Site
from care.words import AlertState
from dashboard_api import shapes
from dashboard_api.clocks import Clocks
from dashboard_api.figures import CaseRow
from dashboard_api.strip import Recent

HOT = timedelta(hours=24)
"""Closed cases are kept in full for as long as they can be reopened."""
ROWS = timedelta(days=62)
"""Rows of older cases: this month and the last."""
REFUSALS_KEPT = 500
SCREEN_SILENT = timedelta(seconds=60)
"""A screen that has not beaten for so long is not there (ux 6.4)."""


@dataclass(slots=True)
class Case:
    """A case and its log."""

    alert: Alert
    log: list[Transition]
    position: int
    """Where its last message stands in ALERTS: the fence of the next one."""


@dataclass(slots=True)
class RefusedGroup:
    """The same refusal again and again is one line."""

    refusal: Refusal
    count: int


@dataclass(slots=True)
class UnclaimedGroup:
    """A publisher nobody knows."""

    unclaimed: Unclaimed
    count: int


@dataclass(slots=True)
class Screen:
    """A desk or wall that says that it can be seen."""

    beat: shapes.Beat
    at: datetime
    chosen_at: datetime | None = None
    """When the person at a desk chose the case they look at (`beat.focus`); None: nothing is chosen, or they may not act."""
    acts: bool = True
    """Whether who sits there may take a case. Whoever only reads (a doctor, an auditor) hears an alarm and can do nothing about it."""

    @property
    def desk(self) -> bool:
        """A desk at which somebody could take a case."""
        return self.beat.view == "desk" and self.acts


EMPTY_SITE = Site(community=Community(id="none", name="未载入站点"))
"""Until the registry is heard for the first time."""


class Gap(Exception):
    """A transition came whose predecessors we do not have: the case must be read from its log."""

    def __init__(self, home: str, alert: str) -> None:
        self.home = home
        self.alert = alert
        super().__init__(alert)


@dataclass(slots=True)
class Picture:
    """See the module's docstring."""

    registry: Registry = field(default_factory=lambda: Registry(EMPTY_SITE))
    cases: dict[str, Case] = field(default_factory=dict)
    rows: dict[str, CaseRow] = field(default_factory=dict)
    """Every case of the last two months, in order of raising."""
    homes_of: dict[str, str] = field(default_factory=dict)
    """Alert id → home, for every case in the log: where to read it."""
    recent: Recent = field(default_factory=Recent)
    health: dict[str, HomeHealth] = field(default_factory=dict)
    firmware: dict[str, Firmware] = field(default_factory=dict)
    """By device: what is said to run on it."""
    clocks: Clocks = field(default_factory=Clocks)
    beats: dict[str, Beat] = field(default_factory=dict)
    refusals: dict[tuple[str, str, str], RefusedGroup] = field(default_factory=dict)
    unclaimed: dict[str, UnclaimedGroup] = field(default_factory=dict)
    screens: dict[str, Screen] = field(default_factory=dict)
    position: int = 0
    """How far ALERTS has been read."""

    # -- cases ------------------------------------------------------------------------------------------------

    def transition(self, change: Transition, position: int) -> Case | None:
        """Fold one message of the alert log; None when it was known. Raises Gap when something is missing before it."""
        case = self.cases.get(change.alert)
        if case is not None and position <= case.position:
            return None
        begins = bool(change.events) and isinstance(change.events[0], Raised)
        if case is None and not begins:
            raise Gap(change.home, change.alert)
        if case is None:
            case = Case(lifecycle.fold(None, change), [change], position)
        else:
            case.alert = lifecycle.fold(case.alert, change)
            case.log.append(change)
            case.position = position
        self._keep(case)
        return case

    def restore(self, log: list[tuple[Transition, int]]) -> Case:
        """A case from its whole log, kept in full again."""
        case = rebuilt(log)
        self._keep(case)
        return case

    def _keep(self, case: Case) -> None:
        self.cases[case.alert.id] = case
        self.homes_of[case.alert.id] = case.alert.home
        self.rows[case.alert.id] = row_of(case)

    def counted(self) -> list[CaseRow]:
        """The cases that figures count: those of practice homes are shown everywhere and counted nowhere."""
        homes = self.registry.homes
        return [
            r for r in list(self.rows.values()) if (home := homes.get(r.home)) is None or not home.simulated
        ]

    def forget(self, now: datetime) -> None:
        """Let go of what is old."""
        for name, case in list(self.cases.items()):
            closed_at = case.alert.closed_at
            if closed_at is not None and now - closed_at > HOT:
                del self.cases[name]
        for name, row in list(self.rows.items()):
            if row.closed_at is not None and now - row.raised_at > ROWS and name not in self.cases:
                del self.rows[name]
        for screen, seen in list(self.screens.items()):
            if now - seen.at > SCREEN_SILENT:
                del self.screens[screen]

    # Some requests are answered in threads beside the loop that changes these: what is walked through is copied first.

    def open(self) -> list[Case]:
        """Open cases: the worst level first, then the oldest."""
        found = [c for c in list(self.cases.values()) if c.alert.open]
        return sorted(found, key=lambda c: (-c.alert.level.rank, c.alert.raised_at, c.alert.id))

    def at_home(self, *homes: str) -> list[Alert]:
        """Open cases of these homes, in order of their numbers."""
        found = [c.alert for c in list(self.cases.values()) if c.alert.home in homes and c.alert.open]
        return sorted(found, key=lambda a: a.number)

    # -- the rest ---------------------------------------------------------------------------------------------

    def refused(self, refusal: Refusal) -> None:
        """A message was refused."""
        key = (refusal.topic, refusal.reason, refusal.quantity or "")
        known = self.refusals.pop(key, None)
        self.refusals[key] = RefusedGroup(refusal, (known.count if known else 0) + refusal.times)
        while len(self.refusals) > REFUSALS_KEPT:
            del self.refusals[next(iter(self.refusals))]

    def publisher(self, unclaimed: Unclaimed) -> None:
        """Somebody publishes whom the site file does not name."""
        known = self.unclaimed.pop(unclaimed.topic, None)
        self.unclaimed[unclaimed.topic] = UnclaimedGroup(unclaimed, known.count + 1 if known else 1)
        while len(self.unclaimed) > REFUSALS_KEPT:
            del self.unclaimed[next(iter(self.unclaimed))]

    def still_unclaimed(self) -> list[UnclaimedGroup]:
        """Publishers that the site file still does not name, newest first."""
        return [g for t, g in reversed(list(self.unclaimed.items())) if self.registry.by_topic(t) is None]

    def ingest_age(self, now: datetime, started_at: datetime) -> float:
        """Seconds since a device was last heard, by readings or by ingest's own word; since our start when never."""
        heard = [started_at]
        if self.recent.last_received_at is not None:
            heard.append(self.recent.last_received_at)
        beat = self.beats.get("ingest")
        if beat is not None and beat.last_input_at is not None:
            heard.append(beat.last_input_at)
        return max(0.0, round((now - max(heard)).total_seconds(), 1))


def rebuilt(log: list[tuple[Transition, int]]) -> Case:
    """A case from its whole log."""
    alert: Alert | None = None
    for change, _ in log:
        alert = lifecycle.fold(alert, change)
    assert alert is not None, "a log is not empty"
    return Case(alert, [change for change, _ in log], log[-1][1])


def ended(alert: Alert, language: str = "zh") -> str:
    """How a case ended, in a few words: 「烹饪油烟，平安」, in `zh` or `en`."""
    outcome = alert.outcome
    if outcome is None:
        return ""
    words = [
        codes.word("cause", outcome.cause, language) if outcome.cause else "",
        codes.word("outcome", outcome.outcome, language) if outcome.outcome else "",
    ]
    told = (", " if language == "en" else "，").join(w for w in words if w)
    zh, en = ("自动恢复", "cleared by itself") if outcome.by is None else ("已处理", "dealt with")
    return told or (en if language == "en" else zh)


SERVICES = frozenset({"110", "119", "120", "desk"})
"""Whoever rings these has not yet asked at the home or the family."""


BY_TELEPHONE = frozenset({"V1", "V2"})
"""Verified with the resident or the family on the telephone."""
SAFE, TO_HOSPITAL = "O1", "O2"


def _somebody_had_to_go(alert: Alert) -> bool:
    """Whether a promise of arrival stands, or was not met by a case that is over.

    Not by one that was over in time or by itself, nor one settled by telephone: safe and well, or verified there and
    nobody taken to hospital.
    """
    if alert.arrive_by is None or alert.promise == "none":
        return False
    ended = alert.outcome
    if alert.open or ended is None:
        return True
    if ended.by is None or ended.at <= alert.arrive_by or ended.outcome == SAFE:
        return False
    return ended.outcome == TO_HOSPITAL or ended.verification not in BY_TELEPHONE


def row_of(case: Case) -> CaseRow:
    """What the figures need of a case. An acknowledgement that was taken back does not count."""
    alert = case.alert
    acknowledged: datetime | None = None
    called: datetime | None = None
    sent: datetime | None = None
    arrived: datetime | None = None
    family: dict[str, datetime] = {}
    """Messages to relatives: id → when made out."""
    told: datetime | None = None
    desks: dict[str, None] = {}
    for change in case.log:
        for event in change.events:
            match event:
                case Acknowledged():
                    acknowledged = acknowledged or event.at
                    desks.setdefault(event.by)
                case Told():
                    for d in event.deliveries:
                        if d.purpose is Purpose.acknowledge and d.generation == 1:
                            desks.setdefault(d.person)
                        if d.reason is Why.acknowledged:
                            family[d.id] = d.due_at
                case DeliveryReported(state=DeliveryState.accepted) if event.delivery in family:
                    told = told or event.at
                case Undone(command="acknowledge"):
                    acknowledged = None
                case Called() if event.to not in SERVICES:
                    called = called or event.at
                case Dispatched():
                    sent = sent or event.at
                case Accepted() | Departed():
                    sent = min(sent or event.when, event.when)
                case Arrived():
                    # The first to be there, which is not always the first to say so.
                    arrived = min(arrived or event.when, event.when)
                case _:
                    pass
    there = [r for r in alert.responders if r.arrived_at is not None and r.accepted_at is not None]
    first = min(there, key=lambda r: (r.arrived_at, r.id), default=None)
    return CaseRow(
        id=alert.id,
        number=alert.number,
        home=alert.home,
        owed_at=alert.arrive_by if _somebody_had_to_go(alert) else None,
        others=tuple(sorted(set(alert.homes) - {alert.home})),
        code=alert.code,
        level=alert.level,
        raised_at=alert.raised_at,
        acknowledged_at=acknowledged,
        called_at=called,
        sent_at=sent,
        arrived_at=arrived,
        closed_at=alert.closed_at if alert.state is AlertState.closed else None,
        title=alert.title.get("zh", alert.code),
        title_en=alert.title.get("en", ""),
        words=ended(alert),
        words_en=ended(alert, "en"),
        truth=(alert.outcome.truth or "") if alert.outcome is not None else "",
        test=alert.test,
        cause=alert.cause,
        life=alert.life,
        device=alert.findings[0].device,
        outcome_cause=alert.outcome.cause if alert.outcome is not None else None,
        family_due_at=min(family.values(), default=None),
        family_told_at=told,
        desks=tuple(desks),
        promised_seconds=(first.promised_at - first.accepted_at).total_seconds()
        if first is not None and first.promised_at is not None and first.accepted_at is not None
        else None,
        walked_seconds=(first.arrived_at - first.accepted_at).total_seconds()
        if first is not None and first.arrived_at is not None and first.accepted_at is not None
        else None,
    )
