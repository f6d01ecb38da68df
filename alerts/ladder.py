"""Who is told when nobody answers, and when: the escalation ladder as data and pure arithmetic.

The ladders are in `ladders.yaml`, by level, cause and tier; `plan_for(level, policy, cause=…, tiers=…)` makes the
steps of one case, which are frozen into the alert when it is raised. `next_step` says which step is due, from the alert's state alone: an overdue one is
due at once and says how late it is. `people` resolves a step's groups at the moment it is taken, so that
whoever is on duty then is told.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import msgspec
import yaml

from alerts.alert import Alert, timers
from alerts.events import Rung, Why
from alerts.roster import RESPONDER_ROLES
from care.errors import Misconfigured
from care.site import Policy, Staff
from care.words import Level, Role, Tier

FILE = Path(__file__).with_name("ladders.yaml")


class OnDuty(Protocol):
    """What a ladder asks of a roster."""

    def on_duty(self, now: datetime, roles: Any = None) -> list[Staff]: ...

    def not_away(self, roles: Any, now: datetime) -> list[Staff]: ...

    def of_role(self, roles: Any) -> list[Staff]: ...

    def responders(self, micro_grid: str | None, now: datetime) -> list[Staff]: ...

    def responders_of_grid(self, micro_grid: str | None, now: datetime) -> list[Staff]: ...

    def called_in(self, micro_grid: str | None, now: datetime) -> list[Staff]: ...

    def can_be_told(self, person: str) -> bool: ...


class _Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    after: float | str
    to: list[str]
    label: dict[str, str]
    promise: bool = False


class Ladder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry of the file: for which cases it is, and its steps."""

    level: Level
    causes: list[str] = []
    tiers: list[Tier] = []
    work_seconds: float | None = None
    accept_seconds: float | None = None
    unanswered_seconds: float | None = None
    repeat_seconds: float | None = None
    answered_keeps: bool = False
    steps: list[_Step]

    def fits(self, level: Level, cause: str, tiers: Collection[Tier]) -> bool:
        """Whether it is the ladder of such a case."""
        if level is not self.level or (self.tiers and not set(self.tiers).intersection(tiers)):
            return False
        # `device` stands for every `device:ID`, `duty` for every `duty:PLACE`.
        return not self.causes or cause.partition(":")[0] in self.causes


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    ladders: list[Ladder]


@dataclass(frozen=True, slots=True)
class Plan:
    """The ladder of one case with its times."""

    rungs: tuple[Rung, ...] = ()
    work_seconds: float | None = None
    accept_seconds: float | None = None
    unanswered_seconds: float | None = None
    repeat_seconds: float | None = None
    arrive_seconds: float | None = None
    """Until somebody ought to be there; None when nothing was promised."""
    answered_keeps: bool = False
    acknowledge_seconds: float | None = None


NO_PLAN = Plan()
"""Of a test and of a task: nobody is paged."""

GROUPS = (
    "operators_on_duty",
    "responders_here",
    "responders_on_duty",
    "operators",
    "supervisors",
    "managers",
    "responders_grid",
    "maintenance",
)


@lru_cache(maxsize=1)
def ladders() -> list[Ladder]:
    """The ladders as they stand in the file."""
    return read_ladders(FILE.read_text(encoding="utf-8"))


def read_ladders(text: str) -> list[Ladder]:
    """Ladders from YAML. Raises Misconfigured with what is wrong."""
    try:
        found = msgspec.convert(yaml.safe_load(text), _File).ladders
    except (msgspec.ValidationError, yaml.YAMLError) as error:
        raise Misconfigured(f"ladders.yaml: {error}") from None
    for n, ladder in enumerate(found, 1):
        where = f"ladders.yaml, ladder {n} ({ladder.level.value})"
        for step in ladder.steps:
            unknown = set(step.to) - set(GROUPS)
            if unknown:
                raise Misconfigured(f"{where}: unknown group {min(unknown)}; known are {', '.join(GROUPS)}")
            _seconds(step.after, Policy())
        if any(s.promise for s in ladder.steps[:-1]):
            raise Misconfigured(f"{where}: the promise is the last step")
        times = [_seconds(s.after, Policy()) for s in ladder.steps]
        if times != sorted(times) or (times and times[0] != 0):
            raise Misconfigured(f"{where}: steps begin at 0 and come in the order of their times")
    for level in Level:
        if not any(x.level is level and not x.causes and not x.tiers for x in found):
            raise Misconfigured(f"ladders.yaml: no ladder for every case that is {level.value}")
    return found


def _seconds(after: float | str, policy: Policy) -> float:
    if isinstance(after, int | float):
        return float(after)
    if after == "arrive":
        return policy.arrive_minutes * 60
    share, _, unit = after.partition(" ")
    try:
        if unit == "acknowledge":
            return float(Fraction(share)) * policy.acknowledge_seconds
    except (ValueError, ZeroDivisionError):
        pass
    raise Misconfigured(f"ladders.yaml: cannot read `after: {after}`")


def plan_for(
    level: Level, policy: Policy, *, cause: str = "", tiers: Collection[Tier] = (), test: bool = False
) -> Plan:
    """The steps of such a case under the community's promises; a test pages nobody."""
    n = next(n for n, x in enumerate(ladders()) if x.fits(level, cause, tiers))
    return NO_PLAN if test else _plan(n, policy.acknowledge_seconds, policy.arrive_minutes)


@lru_cache(maxsize=64)
def _plan(n: int, acknowledge_seconds: float, arrive_minutes: float) -> Plan:
    ladder = ladders()[n]
    level = ladder.level
    policy = Policy(acknowledge_seconds=acknowledge_seconds, arrive_minutes=arrive_minutes)
    if not ladder.steps:
        return NO_PLAN
    rungs = tuple(
        Rung(
            step=n,
            after_seconds=_seconds(s.after, policy),
            groups=tuple(s.to),
            label=s.label,
            promise=s.promise,
        )
        for n, s in enumerate(ladder.steps)
    )
    return Plan(
        rungs=rungs,
        work_seconds=ladder.work_seconds,
        accept_seconds=ladder.accept_seconds,
        unanswered_seconds=ladder.unanswered_seconds,
        repeat_seconds=ladder.repeat_seconds,
        arrive_seconds=next((r.after_seconds for r in rungs if r.promise), None),
        answered_keeps=ladder.answered_keeps,
        acknowledge_seconds=policy.acknowledge_seconds if level is Level.red else None,
    )


def people(groups: tuple[str, ...], *, micro_grid: str | None, roster: OnDuty, now: datetime) -> list[Staff]:
    """Everybody in these groups at this moment, each once, in the order of the groups."""
    out: dict[str, Staff] = {}
    for group in groups:
        match group:
            case "operators_on_duty":
                found = roster.on_duty(now, [Role.operator])
            case "responders_here":
                found = roster.responders(micro_grid, now)
            case "responders_on_duty":
                found = roster.on_duty(now, RESPONDER_ROLES)
            case "operators":
                found = roster.not_away([Role.operator], now)
            case "supervisors":
                # Whoever of them is on duty; if none is, all who are not away: a supervisor asleep is better than none.
                found = roster.on_duty(now, [Role.supervisor]) or roster.not_away([Role.supervisor], now)
            case "managers":
                found = roster.not_away([Role.admin], now)
            case "maintenance":
                found = roster.on_duty(now, [Role.maintenance])
            case "responders_grid":
                # Off duty is better than nobody, as with supervisors; who is away is left alone.
                found = roster.responders_of_grid(micro_grid, now)
                if not any(roster.can_be_told(s.id) for s in found):
                    found = found + roster.called_in(micro_grid, now)
            case _:
                # A ladder frozen by another version of the program: tell the desk rather than nobody.
                found = roster.of_role([Role.operator])
        for staff in found:
            out.setdefault(staff.id, staff)
    return list(out.values())


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the ladder that is due, or the next one to come."""

    rung: Rung
    due_at: datetime
    late_seconds: float
    """How long ago it was due; 0 when it lies ahead."""
    people: tuple[Staff, ...]
    reason: Why

    @property
    def nobody(self) -> bool:
        """Whether there is nobody in it."""
        return not self.people


def step_of(alert: Alert, rung: Rung, due_at: datetime, *, roster: OnDuty, now: datetime) -> Step:
    """A step as it would be taken now."""
    return Step(
        rung=rung,
        due_at=due_at,
        late_seconds=max(0.0, (now - due_at).total_seconds()),
        people=tuple(people(rung.groups, micro_grid=alert.micro_grid, roster=roster, now=now)),
        reason=Why.nobody if alert.hurry and not rung.promise else Why.escalated,
    )


def next_step(alert: Alert, *, roster: OnDuty, now: datetime) -> Step | None:
    """Who is told next, and when; None once a person has taken the alert, or nothing is left to take."""
    for timer in timers(alert):
        if timer.kind in ("step", "promise"):
            assert timer.rung is not None
            return step_of(alert, timer.rung, timer.at, roster=roster, now=now)
    return None


@dataclass(frozen=True, slots=True)
class Row:
    """A step for the screen."""

    step: int
    at_seconds: float
    due_at: datetime
    label: dict[str, str]
    state: str
    """done, next, waiting, skipped (somebody took it, so it is not wanted)."""
    groups: tuple[str, ...]
    people: tuple[Staff, ...]
    late_seconds: float
    nobody: bool
    promise: bool


def rows(alert: Alert, *, roster: OnDuty, now: datetime) -> list[Row]:
    """The whole ladder of a case as the screen draws it, the promise last."""
    taken = {s.step: s for s in alert.steps}
    coming = next_step(alert, roster=roster, now=now)
    out: list[Row] = []
    for rung in alert.plan:
        done = taken.get(rung.step)
        if done is not None:
            state = "done"
        elif rung.promise:
            state = {"pending": "next" if coming and coming.rung is rung else "waiting", "kept": "done"}.get(
                alert.promise, "skipped"
            )
        elif coming is not None and coming.rung is rung:
            state = "next"
        else:
            state = "waiting" if alert.unanswered else "skipped"
        if not alert.open and state in ("next", "waiting"):
            state = "skipped"
        due = alert.opened_at + timedelta(seconds=rung.after_seconds)
        if coming is not None and coming.rung is rung:
            due = coming.due_at
        there = people(rung.groups, micro_grid=alert.micro_grid, roster=roster, now=now)
        out.append(
            Row(
                step=rung.step,
                at_seconds=rung.after_seconds,
                due_at=done.at if done is not None else due,
                label=rung.label,
                state=state,
                groups=rung.groups,
                people=tuple(there),
                late_seconds=done.late_seconds if done is not None else 0.0,
                nobody=done.nobody if done is not None else not there,
                promise=rung.promise,
            )
        )
    return out
