"""Holds what the service raised against what the simulator knows to be true: found, late, missed, or raised for nothing.

Pure. Start at `judge`. It goes by the same rules as `benchmarks/detection.py`, but looks at the cases that reached
people instead of at findings: a truth that ought to be raised is found when a case has a finding of one of its codes, at
its level or worse, in its home, by the time it ought to be there. A red or yellow case that no truth explains was
raised for nothing, unless a fault in force may be the cause.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from alerts.events import FindingChanged, Joined, Raised
from care.words import Level
from dashboard_api.picture import Case

EARLY = timedelta(minutes=1)
"""So much before its truth a finding may come (a sensor that was a little ahead)."""
EXPLAINED = timedelta(hours=4)
"""So long after a truth a finding of its codes is about it (it grows, comes again, or is looked at longer)."""
AFTER_FAULT = timedelta(minutes=30)
"""So long after a fault ended something may still come of it (late messages, devices found silent)."""
AREA = frozenset({"TE4", "TE5"})
"""An outage of an area is told in one of its homes."""

Verdict = Literal["nothing", "waiting", "found", "late", "missed", "void"]


@dataclass(frozen=True)
class Fact:
    """One thing that is true, and what ought to be raised for it (`code` None: nothing)."""

    n: int
    at: datetime
    home: str
    code: str | None = None
    also: tuple[str, ...] = ()
    level: Level = Level.blue
    by: datetime | None = None
    void: bool = False
    """It need not be raised: it was over before it had to be, or its home was cut off."""


@dataclass(frozen=True)
class Fault:
    """A fault of the simulated radio, clocks or lines; `homes` None: everywhere."""

    homes: frozenset[str] | None
    since: datetime
    until: datetime | None = None


@dataclass(frozen=True)
class Said:
    """A finding that reached people as part of a case, when it came or became graver."""

    alert: str
    number: int
    code: str
    level: Level
    at: datetime
    home: str
    homes: frozenset[str]
    """All that it is about: an outage names the homes of its area."""
    first: bool
    """The case began with it."""


@dataclass(frozen=True)
class Judged:
    """What became of a truth."""

    verdict: Verdict
    said: Said | None = None
    seconds: float | None = None
    """From the truth to the case; never below 0."""


@dataclass(frozen=True)
class ForNothing:
    """A case that no truth explains; `fault`: one that was in force may be the cause."""

    said: Said
    fault: bool


def said_of(cases: Iterable[Case], since: datetime) -> list[Said]:
    """What the cases told from `since` on, tests left out, in order of time."""
    found: list[Said] = []
    for case in cases:
        alert = case.alert
        if alert.test:
            continue
        for change in case.log:
            for event in change.events:
                if not isinstance(event, Raised | Joined | FindingChanged) or event.at < since:
                    continue
                view = event.finding
                named = [h for h in view.parameters.get("homes", ()) if isinstance(h, str)]
                home = view.home or alert.home
                found.append(
                    Said(
                        alert=alert.id,
                        number=alert.number,
                        code=view.code,
                        level=view.level,
                        at=event.at,
                        home=home,
                        homes=frozenset({home, alert.home, *named}),
                        first=isinstance(event, Raised),
                    )
                )
    return sorted(found, key=lambda s: (s.at, s.number))


def judge(
    truths: Sequence[Fact], said: Sequence[Said], faults: Sequence[Fault], now: datetime
) -> tuple[dict[int, Judged], list[ForNothing]]:
    """What became of each truth (by its `n`), and what was raised for nothing, newest first."""
    verdicts = {truth.n: _judged(truth, said, now) for truth in truths}
    wanted = [t for t in truths if t.code is not None]
    nothing = [
        ForNothing(s, any(_may_cause(f, s) for f in faults))
        for s in said
        if s.first and s.level is not Level.blue and not any(_explains(t, s) for t in wanted)
    ]
    return verdicts, nothing[::-1]


def _about(truth: Fact, said: Said) -> bool:
    """A case of an area is about a home only when it names it: another cut at the same time has not found this one."""
    return said.code in {truth.code, *truth.also} and truth.home in said.homes


def _judged(truth: Fact, said: Sequence[Said], now: datetime) -> Judged:
    if truth.code is None or truth.by is None:
        return Judged("nothing")
    hits = [
        s
        for s in said
        if _about(truth, s)
        and s.level.rank >= truth.level.rank
        and truth.at - EARLY <= s.at <= truth.at + EXPLAINED
    ]
    if hits:
        first = min(hits, key=lambda s: s.at)
        seconds = max(0.0, round((first.at - truth.at).total_seconds(), 2))
        return Judged("found" if first.at <= truth.by else "late", first, seconds)
    if truth.void:
        return Judged("void")
    return Judged("waiting" if now <= truth.by else "missed")


def _explains(truth: Fact, said: Said) -> bool:
    """Whether a case is not for nothing. A cut is told of the homes around it as well; which those are the truth does not say."""
    near = said.code in AREA and said.code in {truth.code, *truth.also}
    return (near or _about(truth, said)) and truth.at - EARLY <= said.at <= truth.at + EXPLAINED


def _may_cause(fault: Fault, said: Said) -> bool:
    until = None if fault.until is None else fault.until + AFTER_FAULT
    there = fault.homes is None or bool(fault.homes & said.homes)
    return there and fault.since <= said.at and (until is None or said.at <= until)
