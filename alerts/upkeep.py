"""What people owe the homes when nothing is wrong: visits, calls, device tests, somebody to tell. Pure.

`upkeep_findings` gives what must be said now: a finding opened for each resident whose visit is overdue, each alarm
device that was not tested in time, each resident whom a call round did not reach, each home with nobody who could be
told; cleared when it is done. All blue, for
working hours. Visits and tests are asked for only where the site's policy says from when; nobody is blamed for
what was never planned. `visits_due` is the list behind the first of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from enum import StrEnum

import msgspec

from alerts.alert import Alert
from alerts.company import CAUSE as COMPANY_CAUSE
from alerts.company import CODE as COMPANY_CODE
from alerts.company import Company, asked
from alerts.rounds import Call, Round, owed
from alerts.telling import address_of
from care.ids import content_id
from care.messages import Finding
from care.site import Home, Registry, Resident, Visits
from care.words import Condition, Kind, Level, Phase, Tier

UNANSWERED, UNFINISHED = "CR1", "CR2"
"""Codes of our own: a resident whom a call round did not reach, and a round that ended with people nobody rang."""
VISIT, TEST, REACH = "TE9", "TE9", "TE13"
"""Codes: overdue visit and overdue device test (domain 3.5), and nobody who can be told (our own)."""
SILENT = "TE15"
"""Code of our own: another system that does not report as it promised."""
MORNING = time(9, 0)
"""Overdue is said at nine on the day it became so, not at midnight: it is a task for working hours."""
TESTED = frozenset({Kind.sos, Kind.smoke, Kind.gas, Kind.co, Kind.fall})


class Reach(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of one channel of a person, kept under `contact.PERSON.ADDRESS`."""

    channel: str
    """Scheme of the address; the address itself is a secret."""
    tried_at: datetime
    sent: bool
    detail: str = ""
    verified_at: datetime | None = None
    """When the person said that they read the test."""


class How(StrEnum):
    """How a visit was made (domain 4.1: at the door, or by phone or video)."""

    door = "door"
    phone = "phone"
    video = "video"


class Visit(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The last visit to a resident, kept under `visit.RESIDENT`."""

    resident: str
    at: datetime
    how: How
    by: str
    """Id of a member of staff, or `user:NAME`."""
    note: str = ""
    before: Visit | None = None
    """The visit before this one, should it turn out that this was none; kept two deep."""
    none: bool = False
    """It was taken back, and no earlier one is known."""


class Promise(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What another system promised, read from `integration.NAME` without its secret."""

    name: str
    made_at: datetime
    promised_hours: int | None = None
    """It reports at least once in so many hours; None: it promised nothing."""


class Upkeep(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of it."""

    visits: Mapping[str, Visit] = {}
    """Resident → last visit."""
    tested: Mapping[str, datetime] = {}
    """Device → when its alarm was last tested, or rang in earnest."""
    reach: Mapping[tuple[str, str], Reach] = {}
    """Person and address → what came of the last test message."""
    rounds: Mapping[str, Round] = {}
    calls: Mapping[tuple[str, str], Call] = {}
    """Round and resident → the attempts."""
    company: Mapping[str, Company] = {}
    """Home → SOS that was pressed for company or daily help."""
    promises: Mapping[str, Promise] = {}
    """Other systems that report."""
    reported: Mapping[str, datetime] = {}
    """Other system → when it last reported."""


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """When a resident is to be visited next."""

    home: str
    resident: str
    tier: Tier
    last: Visit | None
    due: date
    overdue: bool


def visits_due(registry: Registry, upkeep: Upkeep, now: datetime) -> list[Due]:
    """Every resident with the day of the next visit, the longest overdue first; empty without a policy."""
    policy = registry.site.policy.visits
    if policy is None:
        return []
    out = [_due(registry, policy, upkeep, *found, now) for found in registry.residents.values()]
    return sorted(out, key=lambda d: (d.due, d.resident))


def next_visit(registry: Registry, upkeep: Upkeep, resident: str, now: datetime) -> Due | None:
    """When somebody is to be visited next; None without a policy, or when nobody of that id lives here."""
    policy = registry.site.policy.visits
    found = registry.residents.get(resident)
    return _due(registry, policy, upkeep, *found, now) if policy is not None and found is not None else None


def _due(
    registry: Registry, policy: Visits, upkeep: Upkeep, home: Home, resident: Resident, now: datetime
) -> Due:
    last = upkeep.visits.get(resident.id)
    begun = policy.from_
    if last is not None:
        begun = max(begun, last.at.astimezone(registry.zone).date())
    due = begun + timedelta(days=policy.days(resident.tier))
    return Due(
        home=home.id,
        resident=resident.id,
        tier=resident.tier,
        last=last,
        due=due,
        overdue=due < now.astimezone(registry.zone).date(),
    )


def upkeep_findings(
    registry: Registry, upkeep: Upkeep, alerts: Iterable[Alert], now: datetime
) -> list[Finding]:
    """What must be said now. `alerts` are the cases there are; what one of them holds already is not said again."""
    told = [
        (a, f)
        for a in alerts
        for f in a.findings
        if a.cause.startswith(CAUSES) and f.condition is Condition.active
    ]
    wanted = {f.finding: f for f in _wanted(registry, upkeep, now)}
    heard = {f.finding for _, f in told}
    over = [
        Finding(
            event_id=content_id(f.finding, "cleared"),
            finding=f.finding,
            phase=Phase.cleared,
            at=now,
            onset_at=f.onset_at,
            rule=f.rule,
            rule_version=1,
            code=f.code,
            level=f.level,
            home=a.home,
            cause=a.cause,
            pictogram="other",
            title=f.title,
            resident=a.resident,
            device=f.device,
            condition=Condition.cleared,
            parameters=f.parameters,
            auto_close=True,
        )
        for a, f in told
        if f.finding not in wanted
    ]
    return [*(f for name, f in wanted.items() if name not in heard), *over]


CAUSES = ("visit:", "test:", "reach", "call:", "round:", "integration:", COMPANY_CAUSE)


def _wanted(registry: Registry, upkeep: Upkeep, now: datetime) -> Iterable[Finding]:
    for due in visits_due(registry, upkeep, now):
        at = _morning(registry, due.due + timedelta(days=1))
        if at <= now:
            late = (now.astimezone(registry.zone).date() - due.due).days
            yield _finding(
                (VISIT, due.resident, str(due.due)),
                code=VISIT,
                home=due.home,
                cause=f"visit:{due.resident}",
                at=at,
                now=now,
                resident=due.resident,
                title={"zh": "探访逾期", "en": "visit overdue"},
                parameters={"due": str(due.due), "days_late_when_said": late, "tier": due.tier.value},
            )
    yield from _tests(registry, upkeep, now)
    yield from _calls(registry, upkeep, now)
    yield from _company(registry, upkeep, now)
    yield from _promised(registry, upkeep, now)
    for home in registry.site.homes:
        why = unreachable(home, registry, upkeep)
        if why is not None:
            yield _finding(
                (REACH, home.id, why),
                code=REACH,
                home=home.id,
                cause="reach",
                at=now,
                now=now,
                title={"zh": UNREACHABLE[why][0], "en": UNREACHABLE[why][1]},
                parameters={"why": why},
            )


UNREACHABLE = {
    "nobody": ("没有登记联系人", "no contact is listed"),
    "no_way": ("联系人没有电话也没有通知方式", "no contact has a phone or a channel"),
    "failed": ("联系人的通知方式都发不到", "every channel of the contacts failed its test"),
}


def unreachable(home: Home, registry: Registry, upkeep: Upkeep) -> str | None:
    """Why nobody of a home's people could be told; None when somebody can, as far as we know."""
    if not home.residents:
        return None
    if not home.contacts:
        return "nobody"
    ways = [(c, registry.channels(c.id)) for c in home.contacts]
    if not any(c.phone or urls for c, urls in ways):
        return "no_way"
    if any(c.phone for c, _ in ways):
        return None
    states = [upkeep.reach.get((c.id, address_of(url))) for c, urls in ways for url in urls]
    return "failed" if all(s is not None and not s.sent for s in states) else None


def _tests(registry: Registry, upkeep: Upkeep, now: datetime) -> Iterable[Finding]:
    policy = registry.site.policy.tests
    if policy is None:
        return
    for home, device in registry.devices.values():
        if device.kind not in TESTED:
            continue
        last = upkeep.tested.get(device.id)
        begun = policy.from_
        if last is not None:
            begun = max(begun, last.astimezone(registry.zone).date())
        due = begun + timedelta(days=policy.days)
        at = _morning(registry, due + timedelta(days=1))
        if at <= now:
            yield _finding(
                (TEST, device.id, str(due)),
                code=TEST,
                home=home.id,
                cause=f"test:{device.id}",
                at=at,
                now=now,
                device=device.id,
                title={"zh": "设备测试逾期", "en": "device test overdue"},
                parameters={"due": str(due), "kind": device.kind.value},
            )


def _calls(registry: Registry, upkeep: Upkeep, now: datetime) -> Iterable[Finding]:
    seen = {name: visit.at for name, visit in upkeep.visits.items()}
    for one in owed(upkeep.rounds, upkeep.calls, seen, now):
        at = min(one.round.until, now)
        if one.resident is None:
            yield _finding(
                (UNFINISHED, one.round.id),
                code=UNFINISHED,
                home=registry.site.community.id,
                cause=f"round:{one.round.id}",
                at=at,
                now=now,
                title={"zh": "电话关怀没有打完", "en": "call round not finished"},
                parameters={"left": one.left},
            )
        elif one.resident in registry.residents:
            yield _finding(
                (UNANSWERED, one.round.id, one.resident),
                code=UNANSWERED,
                home=registry.residents[one.resident][0].id,
                cause=f"call:{one.resident}",
                at=at,
                now=now,
                resident=one.resident,
                title={"zh": "电话关怀未联系上", "en": "not reached in a call round"},
                parameters={"attempts": one.attempts},
            )


def _company(registry: Registry, upkeep: Upkeep, now: datetime) -> Iterable[Finding]:
    reviews = registry.site.policy.company
    for home, known in sorted(upkeep.company.items()):
        numbers = asked(known, reviews) if home in registry.homes else []
        if numbers:
            people = registry.homes[home].residents
            yield _finding(
                (COMPANY_CODE, home, str(numbers[0])),
                code=COMPANY_CODE,
                home=home,
                cause=COMPANY_CAUSE,
                at=max(p.at for p in known.presses if p.number in numbers),
                now=now,
                resident=people[0].id if len(people) == 1 else None,
                title={
                    "zh": f"{reviews.days} 天内 {reviews.count} 次按 SOS 是想找人或找服务，请社工上门看看",
                    "en": f"SOS pressed {reviews.count} times in {reviews.days} days for company or daily help: a visit is due",
                },
                parameters={"cases": numbers, "count": reviews.count, "days": reviews.days},
            )


def silent_since(
    made_at: datetime, promised_hours: int | None, last: datetime | None, now: datetime
) -> datetime | None:
    """Since when another system is silent though it promised to report; None while it keeps its word or gave none."""
    if promised_hours is None:
        return None
    heard = max(made_at, last) if last is not None else made_at
    return heard if now - heard >= timedelta(hours=promised_hours) else None


def _promised(registry: Registry, upkeep: Upkeep, now: datetime) -> Iterable[Finding]:
    """Who promised to report and does not: nothing heard of a meal is then no word about the meal."""
    for name, one in sorted(upkeep.promises.items()):
        since = silent_since(one.made_at, one.promised_hours, upkeep.reported.get(name), now)
        if since is not None:
            assert one.promised_hours is not None
            yield _finding(
                (SILENT, name, str(since)),
                code=SILENT,
                home=registry.site.community.id,
                cause=f"integration:{name}",
                at=since + timedelta(hours=one.promised_hours),
                now=now,
                title={
                    "zh": f"外部系统「{name}」超过 {one.promised_hours} 小时没有上报",
                    "en": f"the system {name!r} has not reported for {one.promised_hours} hours",
                },
                parameters={
                    "integration": name,
                    "promised_hours": one.promised_hours,
                    "last_report": upkeep.reported[name].isoformat() if name in upkeep.reported else "never",
                },
            )


def _morning(registry: Registry, day: date) -> datetime:
    return datetime.combine(day, MORNING, registry.zone)


def _finding(
    name: tuple[str, ...],
    *,
    code: str,
    home: str,
    cause: str,
    at: datetime,
    now: datetime,
    title: dict[str, str],
    parameters: dict[str, object],
    resident: str | None = None,
    device: str | None = None,
) -> Finding:
    finding = content_id(*name)
    return Finding(
        event_id=content_id(finding, "opened"),
        finding=finding,
        phase=Phase.opened,
        at=now,
        onset_at=min(at, now),
        rule=code,
        rule_version=1,
        code=code,
        level=Level.blue,
        home=home,
        cause=cause,
        pictogram="other",
        title=title,
        resident=resident,
        device=device,
        parameters=parameters,
        auto_close=True,
    )
