"""Response figures from the cases behind them. Pure.

A figure without samples is None, never 100 %. A case counts once its limit has passed or the thing has happened, so
that an unanswered alarm lowers the figure at once and not when somebody closes it. Declared tests do not count.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import inf
from statistics import median, median_low
from typing import Any
from zoneinfo import ZoneInfo

from alerts.upkeep import Due
from care.ids import iso
from care.messages import HomeHealth
from care.site import Visits
from care.words import Level, Protection

ACKNOWLEDGE_TARGET = 97.5
"""Percent within 60 s (TSA/TEC Quality, docs: domain 4.1)."""
ACKNOWLEDGE_LONG_TARGET = 99.0
"""Percent within 180 s (same source)."""
ARRIVE_TARGET = 95.0
"""Percent within the promised ten minutes (our own)."""
CALL_TARGET = 97.5
"""Percent rung within 60 s (our own, as for answering)."""
LONG_ACKNOWLEDGE = timedelta(seconds=180)
CALL_WITHIN = timedelta(seconds=60)
FAMILY_WITHIN = timedelta(seconds=60)
"""After the acknowledgement (domain 4.3)."""
FAMILY_TARGET = 95.0
"""Percent of cases whose family was told in time (our own)."""
FLOOD_LINE = 10
"""More alarms than this in ten minutes for one operator are a flood (EEMUA 191, docs: domain 4.4)."""
FLOOD_OVER = 5
"""Fewer than this in ten minutes end it (ux 9.2)."""
FLOOD_WINDOW = timedelta(minutes=10)
LOAD_WINDOW = timedelta(minutes=10)
TRUE_OR_FALSE = frozenset({"real", "avoidable", "unavoidable"})
"""What a closed case may be called when somebody could judge it."""
LISTED = 3000
"""Cases listed with the figures of a period; a busy community has some 20 a day."""
NOBODY = "nobody"
"""The desk of what no operator was told of."""


@dataclass(frozen=True, slots=True)
class CaseRow:
    """What the figures need to know of a case; small enough to keep for every case of two months."""

    id: str
    number: int
    home: str
    code: str
    level: Level
    raised_at: datetime
    acknowledged_at: datetime | None = None
    called_at: datetime | None = None
    sent_at: datetime | None = None
    """When somebody was first asked to go, or went."""
    arrived_at: datetime | None = None
    closed_at: datetime | None = None
    title: str = ""
    title_en: str = ""
    words: str = ""
    """How it ended, in a few words."""
    words_en: str = ""
    truth: str = ""
    test: bool = False
    cause: str = ""
    """What kind of case it is: fire, sos, bed …"""
    life: bool = False
    device: str | None = None
    """Of its first finding."""
    outcome_cause: str | None = None
    """C01 … C24."""
    family_due_at: datetime | None = None
    """When a message to the family was made out; None when nobody was to be told."""
    family_told_at: datetime | None = None
    """When a channel took it."""
    desks: tuple[str, ...] = ()
    """Operators who were told of it or took it."""
    promised_seconds: float | None = None
    """From accepting to being there, as the first responder was reckoned to need."""
    walked_seconds: float | None = None
    """The same as it really was."""
    owed_at: datetime | None = None
    """By when somebody was to be there; None when nobody had to: no such promise, over before it, or settled by telephone."""
    others: tuple[str, ...] = ()
    """The further homes of a case of many; it is kept under the first."""

    @property
    def homes(self) -> tuple[str, ...]:
        """Every home it is about."""
        return (self.home, *self.others)

    @property
    def open(self) -> bool:
        return self.closed_at is None


def _figure(
    samples: list[tuple[CaseRow, float | None]], *, limit_seconds: float, target: float, cases: bool
) -> dict[str, Any]:
    kept = [seconds for _, seconds in samples if seconds is not None and seconds <= limit_seconds]
    n = len(samples)
    figure: dict[str, Any] = {
        "value": round(100 * len(kept) / n, 1) if n else None,
        "n": n,
        "kept": len(kept),
        "target": target,
        "limit_seconds": limit_seconds,
        "median_seconds": _median([seconds for _, seconds in samples]),
    }
    if cases:
        figure["cases"] = [
            {
                "id": row.id,
                "number": row.number,
                "home": row.home,
                "code": row.code,
                "raised_at": iso(row.raised_at),
                "seconds": None if seconds is None else round(seconds, 3),
                "kept": seconds is not None and seconds <= limit_seconds,
            }
            for row, seconds in samples
        ]
    return figure


def _median(seconds: list[float | None]) -> float | None:
    """Of all cases, those in which it never happened too: when they are more than half, there is none to tell."""
    if not seconds:
        return None
    all_of_them = sorted(inf if one is None else one for one in seconds)
    middle = median(all_of_them)
    found = middle if middle < inf else median_low(all_of_them)
    return round(found, 1) if found < inf else None


def _samples(
    rows: Iterable[CaseRow], field: str, limit: timedelta, now: datetime, *, only_sent: bool = False
) -> list[tuple[CaseRow, float | None]]:
    """`only_sent`: a case to which nobody was sent counts only once somebody ought to have been there (`owed_at`)."""
    out: list[tuple[CaseRow, float | None]] = []
    for row in rows:
        at: datetime | None = getattr(row, field)
        if only_sent and row.sent_at is None and at is None and (row.owed_at is None or now <= row.owed_at):
            continue
        if at is not None:
            out.append((row, max(0.0, (at - row.raised_at).total_seconds())))
        elif not row.open or now - row.raised_at > limit:
            out.append((row, None))
    return out


def kpi(
    rows: Iterable[CaseRow],
    now: datetime,
    *,
    acknowledge: timedelta,
    arrive: timedelta,
    period: str,
    cases: bool = False,
    visits: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The response figures of red cases; `cases` adds the list behind each figure, from which it can be recomputed."""
    red = sorted((r for r in rows if r.level is Level.red and not r.test), key=lambda r: r.raised_at)

    def figure(field: str, limit: timedelta, target: float, *, only_sent: bool = False) -> dict[str, Any]:
        return _figure(
            _samples(red, field, limit, now, only_sent=only_sent),
            limit_seconds=limit.total_seconds(),
            target=target,
            cases=cases,
        )

    return {
        "ack60": figure("acknowledged_at", acknowledge, ACKNOWLEDGE_TARGET),
        "ack180": figure("acknowledged_at", max(LONG_ACKNOWLEDGE, acknowledge), ACKNOWLEDGE_LONG_TARGET),
        "called60": figure("called_at", CALL_WITHIN, CALL_TARGET),
        "arrive10": figure("arrived_at", arrive, ARRIVE_TARGET, only_sent=True),
        "family60": _figure(
            _family(red, now),
            limit_seconds=FAMILY_WITHIN.total_seconds(),
            target=FAMILY_TARGET,
            cases=cases,
        ),
        "visits": visits,
        "period": period,
    }


def visits_today(due: Iterable[Due], now: datetime, zone: ZoneInfo, policy: Visits) -> dict[str, Any]:
    """Visits that were due by today: how many of them have been made today, and the rest by tier.

    A visit before its day is none of them: `n` is what the day asked for, so that value and the rest add up to it.
    """
    today = now.astimezone(zone).date()

    def was_due(one: Due) -> bool:
        before = one.last
        while before is not None and before.at.astimezone(zone).date() == today:
            before = before.before
        begun = policy.from_ if before is None else max(policy.from_, before.at.astimezone(zone).date())
        return begun + timedelta(days=policy.days(one.tier)) <= today

    done, open_ = 0, {"key": 0, "important": 0, "general": 0}
    for one in due:
        if one.last is not None and one.last.at.astimezone(zone).date() == today:
            done += was_due(one)
        elif one.due <= today:
            open_[one.tier.value] += 1
    return {"value": done, "n": done + sum(open_.values()), **open_}


def last_test(rows: Iterable[CaseRow]) -> dict[str, Any] | None:
    """The newest alarm of a declared test: when it came and what it was; None when there was none within two months."""
    found = max((r for r in rows if r.test), key=lambda r: r.raised_at, default=None)
    return (
        None
        if found is None
        else {"at": iso(found.raised_at), "title": found.title, "title_en": found.title_en}
    )


def _family(rows: Iterable[CaseRow], now: datetime) -> list[tuple[CaseRow, float | None]]:
    """From the acknowledgement until a channel took the family's message; only where a family was to be told."""
    out: list[tuple[CaseRow, float | None]] = []
    for row in rows:
        if row.family_due_at is None or row.acknowledged_at is None:
            continue
        if row.family_told_at is not None:
            out.append((row, max(0.0, (row.family_told_at - row.acknowledged_at).total_seconds())))
        elif now - row.acknowledged_at > FAMILY_WITHIN:
            out.append((row, None))
    return out


def promises(rows: Iterable[CaseRow]) -> dict[str, Any]:
    """How long responders were reckoned to need, against how long they needed."""
    known = [
        (r, r.promised_seconds, r.walked_seconds)
        for r in sorted(rows, key=lambda r: r.number)
        if r.promised_seconds is not None and r.walked_seconds is not None and not r.test
    ]
    return {
        "n": len(known),
        "later": sum(1 for _, promised, real in known if real > promised),
        "median_error_seconds": round(median(real - promised for _, promised, real in known), 1)
        if known
        else None,
        "cases": [
            {"number": r.number, "promised_seconds": round(promised, 1), "real_seconds": round(real, 1)}
            for r, promised, real in known
        ],
    }


def load(
    rows: Iterable[CaseRow], from_at: datetime, to_at: datetime, name_of: Callable[[str], str]
) -> dict[str, Any]:
    """Alarms per operator and ten minutes, with the floods: red and yellow cases told to, or taken by, each."""
    window = LOAD_WINDOW.total_seconds()
    counted: dict[str, dict[int, list[int]]] = {}
    for row in sorted(rows, key=lambda r: r.number):
        if not alarms(row) or not from_at <= row.raised_at < to_at:
            continue
        slot = int(row.raised_at.timestamp() // window)
        for desk in row.desks or (NOBODY,):
            counted.setdefault(desk, {}).setdefault(slot, []).append(row.number)
    slots = max(1.0, (to_at - from_at).total_seconds() / window)
    desks = []
    for desk, found in sorted(counted.items()):
        floods = [
            {
                "from": iso(datetime.fromtimestamp(slot * window, from_at.tzinfo)),
                "to": iso(datetime.fromtimestamp((slot + 1) * window, from_at.tzinfo)),
                "n": len(numbers),
                "cases": numbers,
            }
            for slot, numbers in sorted(found.items())
            if len(numbers) > FLOOD_LINE
        ]
        total = sum(len(n) for n in found.values())
        desks.append(
            {
                "desk": desk,
                "name": "" if desk == NOBODY else name_of(desk),
                "n": total,
                "mean": round(total / slots, 3),
                "peak": max(len(n) for n in found.values()),
                "flood_share": round(100 * len(floods) / slots, 2),
                "floods": floods,
                "cases": sorted(n for numbers in found.values() for n in numbers),
            }
        )
    return {"window_seconds": int(window), "flood_line": FLOOD_LINE, "desks": desks}


def month(now: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The calendar month of `now` in the community's zone, until now."""
    local = now.astimezone(zone)
    start = local.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return start.astimezone(now.tzinfo), now


def by_hour(rows: Iterable[CaseRow], now: datetime, zone: ZoneInfo) -> list[dict[str, int]]:
    """Cases raised today, for each of the 24 hours of the community's clock."""
    today = now.astimezone(zone).date()
    hours = [{"red": 0, "yellow": 0, "blue": 0} for _ in range(24)]
    for row in rows:
        local = row.raised_at.astimezone(zone)
        if local.date() == today and row.raised_at <= now and not row.test:
            hours[local.hour][row.level.value] += 1
    return hours


def by_day(
    rows: Iterable[CaseRow], from_at: datetime, to_at: datetime, zone: ZoneInfo
) -> list[dict[str, Any]]:
    """Cases raised on each day of the community's calendar, with how many were judged false; tests do not count.

    Every day of the period has a line, also one on which nothing was raised.
    """
    first, last = from_at.astimezone(zone).date(), (to_at - timedelta(microseconds=1)).astimezone(zone).date()
    days: dict[date, dict[str, Any]] = {
        first + timedelta(days=n): {"red": 0, "yellow": 0, "blue": 0, "judged": 0, "false": 0, "cases": []}
        for n in range((last - first).days + 1)
    }
    for row in sorted(rows, key=lambda r: r.number):
        day = days.get(row.raised_at.astimezone(zone).date())
        if day is None or row.test:
            continue
        day[row.level.value] += 1
        day["cases"].append(row.number)
        if row.truth in TRUE_OR_FALSE:
            day["judged"] += 1
            day["false"] += row.truth != "real"
    return [{"day": day.isoformat(), **found} for day, found in days.items()]


def case_lines(rows: Iterable[CaseRow]) -> list[dict[str, Any]]:
    """The cases that figures are made of, newest first, at most the last `LISTED`: without a name and without a home."""
    newest = sorted(rows, key=lambda r: -r.number)[:LISTED]
    return [
        {
            "id": r.id,
            "number": r.number,
            "code": r.code,
            "level": r.level.value,
            "title": r.title,
            "title_en": r.title_en,
            "raised_at": iso(r.raised_at),
            "closed_at": iso(r.closed_at) if r.closed_at is not None else None,
            "truth": r.truth,
            "test": r.test,
        }
        for r in newest
    ]


def raised_within(rows: Iterable[CaseRow], now: datetime, window: timedelta) -> int:
    """How many cases were raised within the last while: the flood counter."""
    return sum(1 for row in rows if alarms(row) and now - window < row.raised_at <= now)


def alarms(row: CaseRow) -> bool:
    """Whether a case is one of the alarms that load a desk: neither a test nor a task for working hours.

    A list of three hundred visits that are due at 9:00 is no flood.
    """
    return not row.test and row.level is not Level.blue


def flooded(rows: Iterable[CaseRow], now: datetime, window: timedelta = FLOOD_WINDOW) -> bool:
    """Whether it is a flood now: from more than `FLOOD_LINE` cases raised within the window until fewer than `FLOOD_OVER`.

    Between the two it is what it was last, which follows from the cases' own times alone: every screen, a page that was
    opened anew and a service that was started again say the same.
    """
    raised = sorted(row.raised_at for row in rows if alarms(row) and row.raised_at <= now)
    begun, gone = len(raised), bisect_right(raised, now - window)
    # Back through the moments at which the number changed: a case was raised, or fell out of the window.
    while FLOOD_OVER <= begun - gone <= FLOOD_LINE:
        last = max(raised[begun - 1], raised[gone - 1] + window) if gone else raised[begun - 1]
        begun, gone = bisect_left(raised, last), bisect_left(raised, last - window)
    return begun - gone > FLOOD_LINE


def last_closed(rows: Iterable[CaseRow], count: int = 8) -> list[dict[str, Any]]:
    """The cases closed last, newest first, in one line each."""
    closed = sorted((r for r in rows if r.closed_at is not None), key=lambda r: r.closed_at or r.raised_at)
    return [
        {
            "id": row.id,
            "number": row.number,
            "at": iso(row.closed_at or row.raised_at),
            "level": row.level.value,
            "title": row.title,
            "title_en": row.title_en,
            "words": row.words,
            "words_en": row.words_en,
            "seconds": round(((row.closed_at or row.raised_at) - row.raised_at).total_seconds(), 1),
        }
        for row in reversed(closed[-count:])
    ]


def protection(homes: Iterable[str], health: dict[str, HomeHealth]) -> dict[str, int]:
    """How many homes are protected, partly, or not. A home nobody has judged yet is not protected."""
    count = {p.value: 0 for p in Protection}
    for home in homes:
        known = health.get(home)
        word = known.protection if known is not None and known.protection in count else "not"
        count[word] += 1
    return {**count, "total": sum(count.values())}
