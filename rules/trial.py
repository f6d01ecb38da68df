"""A change of rules or limits, tried on the past: what would have been said more, and what less. Start at `Change`.

The engine that runs live runs here over recorded reports in the order in which they arrived, with a clock that
follows them. Each home is run by itself, once as things are and once as they would be, so the answer is the same
however the work is divided. Rules that the change does not touch say the same both times and are left out; what
they remember is not shared with others, except through outages and the engine's own notices, which are kept.

An *alert* here is an episode of a rule at the highest level it reached: what somebody would have had to look at.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from care.errors import Misconfigured
from care.ids import iso
from care.messages import Finding, Refusal, Report
from care.site import Home, HomeOrders, Override, Registry, Resident, Site
from care.words import Level, Phase, Role
from rules import personal
from rules.catalog import RuleBook, Shape, refuse_value
from rules.engine import Engine
from rules.limits import LOOSE_FOR, looser

SHOWN = 200
"""Alerts gained, lost or changed that are listed one by one; all are counted."""
SECOND = timedelta(seconds=1)


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """An alert as people would have had it."""

    finding: str
    rule: str
    code: str
    home: str
    cause: str
    level: Level
    """The highest it reached."""
    opened_at: datetime
    onset_at: datetime
    title: str
    """Chinese, without names of people."""
    resident: str | None = None
    device: str | None = None
    ended_at: datetime | None = None


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """How people closed a case of the time: what an alert that would be lost was worth."""

    home: str
    cause: str
    raised_at: datetime
    closed_at: datetime | None
    truth: str
    """real, avoidable, unavoidable, test."""


Input = Report | Refusal


@dataclass(frozen=True)
class Change:
    """What is tried: another book, another site (limits), or both."""

    site: Site
    book: RuleBook
    new_site: Site
    new_book: RuleBook

    def touched(self) -> frozenset[str]:
        """Rules that may say something else; nothing else needs to be run."""
        old, new = self.book.rules, self.new_book.rules
        found = {r for r in {*old, *new} if r not in old or r not in new or old[r].doc != new[r].doc}
        if msgspec.structs.replace(self.site, policy=self.new_site.policy) != _with_limits_of(
            self.new_site, self.site
        ):
            return frozenset({*old, *new})  # more than limits: other devices, homes or people
        before, after = self.site.policy.rules, self.new_site.policy.rules
        for name in {*before, *after}:
            if before.get(name) != after.get(name):
                found |= {r.id for r in (*old.values(), *new.values()) if name in (r.id, r.code)}
        names = {n for a, b in _people(self.site, self.new_site) for n in _different(a, b)}
        for book in (self.book, self.new_book):
            for rule in book.rules.values():
                found |= {rule.id for p in rule.doc.parameters.values() if p.limit in names}
        return frozenset(found)

    def homes(self) -> list[str]:
        """Homes in which something may be said differently."""
        everywhere = (
            self.book.version != self.new_book.version or self.site.policy.rules != self.new_site.policy.rules
        )
        if everywhere or self.site == self.new_site:
            return [home.id for home in self.site.homes]
        changed = {h.id for h in self.site.homes} ^ {h.id for h in self.new_site.homes}
        old = {h.id: h for h in self.site.homes}
        changed |= {h.id for h in self.new_site.homes if h.id in old and old[h.id] != h}
        return sorted(changed)

    @property
    def whole(self) -> bool:
        """An outage of an area is about many homes at once: all must be run in one engine."""
        rules = [b.rules.get(r) for b in (self.book, self.new_book) for r in self.touched()]
        return any(r is not None and r.doc.shape is Shape.outage for r in rules)


def _people(one: Site, other: Site) -> list[tuple[Resident, Resident | None]]:
    others = {r.id: r for h in other.homes for r in h.residents}
    return [(r, others.get(r.id)) for h in one.homes for r in h.residents]


def _different(one: Resident, other: Resident | None) -> set[str]:
    """Names of the limits that are set otherwise, for good or for a while."""
    if other is None:
        return set()
    found = {n for n in {*one.limits, *other.limits} if one.limits.get(n) != other.limits.get(n)}
    return found | {
        o.limit for o in (*one.overrides, *other.overrides) if (o in one.overrides) != (o in other.overrides)
    }


def _with_limits_of(site: Site, other: Site) -> Site:
    """The site with everybody's limits as in the other one."""
    people = {r.id: r for h in other.homes for r in h.residents}
    homes = [
        msgspec.structs.replace(
            home,
            residents=[
                msgspec.structs.replace(r, limits=o.limits, overrides=o.overrides)
                if (o := people.get(r.id))
                else r
                for r in home.residents
            ],
        )
        for home in site.homes
    ]
    return msgspec.structs.replace(site, homes=homes)


def with_orders(site: Site, orders: HomeOrders) -> Site:
    """The site with what was set for a home while the service runs: the past is heard as it was judged."""

    def kept(resident: Resident) -> Resident:
        own = [o for o in orders.overrides if o.resident in (None, resident.id)]
        return msgspec.structs.replace(resident, overrides=[*resident.overrides, *own])

    homes = [
        msgspec.structs.replace(
            home, modes=[*home.modes, *orders.modes], residents=[kept(r) for r in home.residents]
        )
        if home.id == orders.home
        else home
        for home in site.homes
    ]
    return msgspec.structs.replace(site, homes=homes)


TRIED: Final = "trial"
"""Who sets a temporary limit that is only tried; a second person's consent is taken as given."""
EARLY: Final = timedelta(days=7)
"""It is tried as if it had been in force for so long before the time that is compared."""


def with_override(
    site: Site, book: RuleBook, name: str, value: Any, resident: str, begin: datetime, end: datetime
) -> Site:
    """The site as if this temporary limit had been in force all the time, and every day anew where it lapses in a day
    (life safety, loosened). Raises Misconfigured with a sentence.
    """
    uses = [(r, p) for r in book.rules.values() for p in r.doc.parameters.values() if p.limit == name]
    if not uses:
        raise Misconfigured(f"there is no limit `{name}`; `anxin rules list` shows them")
    for _, p in uses:
        if reason := refuse_value(p, value):
            raise Misconfigured(f"limit `{name}`: {reason}")
    if not any(r.id == resident for h in site.homes for r in h.residents):
        raise Misconfigured(f"there is no resident `{resident}` in the site")
    first, last = begin - EARLY, end + SECOND
    lapses = any(r.life for r, _ in uses)
    step = LOOSE_FOR if lapses else last - first
    made = []
    while first < last:
        made.append(
            Override(
                limit=name, value=value, from_=first, until=min(first + step, last), by=TRIED, approved_by=f"{TRIED} 2", reason=TRIED,
            )
        )  # fmt: skip
        first += step
    homes = [
        msgspec.structs.replace(
            home,
            residents=[
                msgspec.structs.replace(r, overrides=[*r.overrides, *made]) if r.id == resident else r
                for r in home.residents
            ],
        )
        if any(r.id == resident for r in home.residents)
        else home
        for home in site.homes
    ]
    return msgspec.structs.replace(site, homes=homes)


def with_limit(site: Site, book: RuleBook, name: str, value: Any) -> Site:
    """The site with one limit set for the whole community. Raises Misconfigured with a sentence."""
    found = book.limits.get(name)
    rule, _, parameter_name = name.partition(".")
    if found is None and rule in book.rules:
        parameter = book.rules[rule].doc.parameters.get(parameter_name)
        found = (rule, parameter_name, parameter) if parameter is not None else None
    if found is None:
        raise Misconfigured(f"there is no limit `{name}`; `anxin rules list` shows them")
    if reason := refuse_value(found[2], value):
        raise Misconfigured(f"limit `{name}`: {reason}")
    if book.rules[found[0]].life and looser(found[2], value, found[2].default):
        raise Misconfigured(
            f"limit `{name}`: {value} loosens a life-safety rule for everybody, which never counts; try it for one resident"
        )
    rules = {rule: dict(given) for rule, given in site.policy.rules.items()}
    code = book.rules[found[0]].code
    for key in (found[0], code):  # what the community says under either name
        rules.get(key, {}).pop(found[1], None)
        rules.get(key, {}).pop(name, None)
    rules.setdefault(found[0], {})[found[1]] = value
    return msgspec.structs.replace(site, policy=msgspec.structs.replace(site.policy, rules=rules))


def narrowed(book: RuleBook, rules: Iterable[str]) -> RuleBook:
    """The book with these rules only, those through which rules know of each other, and what is set for a whole home.

    A rule that asks the personal clock brings along all that alarm about people.
    """
    wanted = set(rules)
    while True:  # a rule may be unable to tell while another one speaks, or ask whether it does
        known = [book.rules[r] for r in wanted if r in book.rules]
        codes = {code for rule in known for code in rule.codes_asked}
        more = {other for rule in known for other in rule.doc.cannot_tell_while}
        more |= {r.id for r in book.rules.values() if r.code in codes}
        # An alarm about somebody says which nights and days do not teach.
        if any(rule.personal or rule.learns_hours for rule in known):
            more |= {r.id for r in book.rules.values() if r.doc.cause in personal.ABOUT_PEOPLE}
        if more <= wanted:
            break
        wanted |= more
    kept = [
        r
        for r in book.rules.values()
        if r.id in wanted or r.doc.shape in (Shape.outage, Shape.notice, Shape.filter)
    ]
    return RuleBook(kept, book.version)


def listen(registry: Registry, book: RuleBook, inputs: Iterable[Input], end: datetime) -> list[Told]:
    """Everything that would have been told of these inputs (in order of arrival) up to `end`."""
    engine = Engine(registry, book)
    told: dict[str, Told] = {}
    started = False
    for given in inputs:
        now = given.received_at
        if now > end:
            break
        if not started:
            engine.tick(now)
            started = True
        if findings := engine.tick(now):
            _fold(told, findings)
        found = engine.feed(given, now) if isinstance(given, Report) else engine.refused(given, now)
        if found:
            _fold(told, found)
    _fold(told, engine.tick(end))
    return list(told.values())


def _fold(told: dict[str, Told], findings: Iterable[Finding]) -> None:
    for f in findings:
        if f.test:
            continue
        known = told.get(f.finding)
        if known is None:
            told[f.finding] = Told(
                finding=f.finding,
                rule=f.rule,
                code=f.code,
                home=f.home,
                cause=f.cause,
                level=f.level,
                opened_at=f.at,
                onset_at=f.onset_at,
                title=f.title.get("zh", ""),
                resident=f.resident,
                device=f.device,
            )
        elif f.phase is Phase.cleared:
            told[f.finding] = msgspec.structs.replace(known, ended_at=f.at)
        elif f.level.rank > known.level.rank:
            told[f.finding] = msgspec.structs.replace(known, level=f.level, title=f.title.get("zh", ""))


class HomeTrial(msgspec.Struct, kw_only=True):
    """What came of one home (or of all of them in one engine)."""

    home: str
    readings: int
    reports: int
    before: list[Told]
    after: list[Told]


@dataclass
class Runner:
    """Runs a change over inputs. Made once in each process."""

    change: Change
    begin: datetime
    """Alerts that opened before only warm the memory."""
    end: datetime
    _books: tuple[RuleBook, RuleBook] = field(init=False)
    _same: bool = field(init=False)

    def __post_init__(self) -> None:
        touched = self.change.touched() or frozenset({*self.change.book.rules})
        self._same = not self.change.touched()
        self._books = narrowed(self.change.book, touched), narrowed(self.change.new_book, touched)
        self._touched = touched

    def run(self, home: str | None, inputs: Sequence[Input]) -> HomeTrial:
        """One home by itself; None: all of them in one engine."""
        change = self.change
        old = listen(_registry(change.site, home), self._books[0], inputs, self.end)
        new = (
            old if self._same else listen(_registry(change.new_site, home), self._books[1], inputs, self.end)
        )
        return HomeTrial(
            home=home or "",
            readings=sum(len(i.values) + len(i.unknown) for i in inputs if isinstance(i, Report)),
            reports=len(inputs),
            before=self._counted(old),
            after=self._counted(new),
        )

    def _counted(self, told: list[Told]) -> list[Told]:
        return [t for t in told if t.rule in self._touched and self.begin <= t.opened_at < self.end]


def _registry(site: Site, home: str | None) -> Registry:
    if home is None:
        return Registry(site)
    homes: list[Home] = [h for h in site.homes if h.id == home]
    return Registry(msgspec.structs.replace(site, homes=homes))


# ------------------------------------------------------------------------------------------------ comparing


@dataclass(frozen=True)
class _Pair:
    before: Told | None
    after: Told | None

    @property
    def any(self) -> Told:
        one = self.after or self.before
        assert one is not None
        return one


def pairs(before: Sequence[Told], after: Sequence[Told]) -> list[_Pair]:
    """Which alert is which: the same episode, or one of the same rule and device that overlaps it."""
    left = {t.finding: t for t in after}
    found: list[_Pair] = []
    unmatched: list[Told] = []
    for one in before:
        same = left.pop(one.finding, None)
        if same is not None:
            found.append(_Pair(one, same))
        else:
            unmatched.append(one)
    for one in unmatched:
        near = next(
            (
                t
                for t in left.values()
                if (t.rule, t.home, t.device) == (one.rule, one.home, one.device) and _overlap(one, t)
            ),
            None,
        )
        if near is not None:
            del left[near.finding]
        found.append(_Pair(one, near))
    found += [_Pair(None, t) for t in left.values()]
    return sorted(found, key=lambda p: (p.any.opened_at, p.any.home, p.any.rule, p.any.finding))


def _overlap(one: Told, other: Told) -> bool:
    return (one.ended_at is None or other.onset_at <= one.ended_at) and (
        other.ended_at is None or one.onset_at <= other.ended_at
    )


def weigh(
    change: Change,
    trials: Iterable[HomeTrial],
    begin: datetime,
    end: datetime,
    judged: Iterable[Judged] = (),
) -> dict[str, Any]:
    """The answer: alerts gained and lost, by rule, per 1,000 resident-days and per shift. Plain data, same for the same."""
    runs = sorted(trials, key=lambda t: t.home)
    before = [t for run in runs for t in run.before]
    after = [t for run in runs for t in run.after]
    ran = set(change.homes())
    residents = sum(len(h.residents) for h in change.site.homes if h.id in ran)
    days = (end - begin) / timedelta(days=1)
    verdicts = _Verdicts(judged)
    both = pairs(before, after)
    gained = [p.after for p in both if p.before is None and p.after is not None]
    lost = [p.before for p in both if p.after is None and p.before is not None]
    kept = [(p.before, p.after) for p in both if p.before is not None and p.after is not None]
    louder = [(a, b) for a, b in kept if b.level.rank > a.level.rank]
    quieter = [(a, b) for a, b in kept if b.level.rank < a.level.rank]
    moved = [(a, b) for a, b in kept if abs(b.opened_at - a.opened_at) >= SECOND]
    truths = [verdicts.of(t) for t in lost]
    missed = truths.count("real")
    unjudged = sum(
        1 for t, truth in zip(lost, truths, strict=True) if not truth and t.level is not Level.blue
    )
    resident_days = residents * days
    fewer = len(before) - len(after)
    return {
        "from": iso(begin),
        "to": iso(end),
        "rules": {"in_force": change.book.version, "tried": change.new_book.version},
        "homes": len(ran),
        "residents": residents,
        "resident_days": round(resident_days, 3),
        "reports": sum(run.reports for run in runs),
        "readings": sum(run.readings for run in runs),
        "before": _levels(before),
        "after": _levels(after),
        "gained": len(gained),
        "lost": len(lost),
        "louder": len(louder),
        "quieter": len(quieter),
        "earlier": sum(1 for a, b in moved if b.opened_at < a.opened_at),
        "later": sum(1 for a, b in moved if b.opened_at > a.opened_at),
        "fewer": fewer,
        "missed": missed,
        "lost_without_verdict": unjudged,
        "per_1000_resident_days": {
            "before": _rates(before, resident_days),
            "after": _rates(after, resident_days),
        },
        "per_shift": _per_shift(change.site, before, after, days),
        "by_rule": _by_rule(before, after, gained, lost),
        "items": [
            *(_item("gained", None, t, "") for t in gained[:SHOWN]),
            *(_item("lost", t, None, truth) for t, truth in zip(lost[:SHOWN], truths, strict=False)),
            *(_item("louder", a, b, "") for a, b in louder[:SHOWN]),
            *(_item("quieter", a, b, "") for a, b in quieter[:SHOWN]),
            *(_item("moved", a, b, "") for a, b in moved[:SHOWN] if a.level is b.level),
        ],
        "words": {
            "zh": _zh(days, fewer, len(gained), len(lost), missed, unjudged),
            "en": _en(days, fewer, len(gained), len(lost), missed, unjudged),
        },
    }


def _long(days: float, *units: str) -> str:
    """A length of time as people say it: history may be minutes old."""
    if days >= 1:
        return f"{days:.4g} {units[0]}"
    hours = days * 24
    return f"{hours:.2g} {units[1]}" if hours >= 1 else f"{max(1, round(hours * 60))} {units[2]}"


def _zh(days: float, fewer: int, gained: int, lost: int, missed: int, unjudged: int) -> str:
    much = f"少 {fewer} 次" if fewer > 0 else f"多 {-fewer} 次" if fewer < 0 else "次数不变"
    tail = f"，减少的当中 {missed} 次经核实为真实情况" if lost else ""
    open_ = f"，{unjudged} 次没有处置结论" if unjudged else ""
    return f"过去 {_long(days, '天', '小时', '分钟')}告警会{much}（增加 {gained}，减少 {lost}{tail}{open_}）"


def _en(days: float, fewer: int, gained: int, lost: int, missed: int, unjudged: int) -> str:
    much = f"{fewer} fewer" if fewer > 0 else f"{-fewer} more" if fewer < 0 else "as many"
    tail = f", {missed} of them judged real" if lost else ""
    open_ = f", {unjudged} without a verdict" if unjudged else ""
    return f"{much} alerts in {_long(days, 'days', 'hours', 'minutes')} ({gained} gained, {lost} lost{tail}{open_})"


class _Verdicts:
    """Finds how the case of an alert was closed."""

    def __init__(self, judged: Iterable[Judged]) -> None:
        self._cases: dict[tuple[str, str], list[Judged]] = {}
        for case in judged:
            self._cases.setdefault((case.home, case.cause), []).append(case)

    def of(self, told: Told) -> str:
        """real, avoidable, unavoidable or test; empty when nobody said."""
        for case in self._cases.get((told.home, told.cause), []):
            begins = case.raised_at - timedelta(minutes=2)
            if begins <= told.opened_at and (case.closed_at is None or told.opened_at <= case.closed_at):
                return case.truth
        return ""


def _levels(told: Sequence[Told]) -> dict[str, int]:
    return {level.value: sum(1 for t in told if t.level is level) for level in Level}


def _rates(told: Sequence[Told], resident_days: float) -> dict[str, float | None]:
    counts = _levels(told)
    return {k: round(1000 * n / resident_days, 3) if resident_days else None for k, n in counts.items()}


def _per_shift(
    site: Site, before: Sequence[Told], after: Sequence[Told], days: float
) -> list[dict[str, Any]]:
    """Red and yellow alerts in one shift of the centre, on average: what its people would have to look at."""
    zone = Registry(site).zone
    desk = {s.id for s in site.staff if s.role in (Role.operator, Role.supervisor)}
    windows = sorted({(s.from_, s.to) for s in site.shifts if s.staff in desk}) or [("00:00", "24:00")]

    def in_window(told: Told, opens: str, closes: str) -> bool:
        if told.level is Level.blue:
            return False
        clock = told.opened_at.astimezone(zone).strftime("%H:%M")
        return opens <= clock < closes if opens < closes else clock >= opens or clock < closes

    return [
        {
            "from": opens,
            "to": closes,
            "before": round(sum(in_window(t, opens, closes) for t in before) / days, 4) if days else None,
            "after": round(sum(in_window(t, opens, closes) for t in after) / days, 4) if days else None,
        }
        for opens, closes in windows
    ]


def _by_rule(
    before: Sequence[Told], after: Sequence[Told], gained: Sequence[Told], lost: Sequence[Told]
) -> list[dict[str, Any]]:
    names = sorted({(t.rule, t.code) for t in (*before, *after)})
    return [
        {
            "rule": rule,
            "code": code,
            "before": _levels([t for t in before if t.rule == rule]),
            "after": _levels([t for t in after if t.rule == rule]),
            "gained": sum(t.rule == rule for t in gained),
            "lost": sum(t.rule == rule for t in lost),
        }
        for rule, code in names
    ]


def _item(what: str, before: Told | None, after: Told | None, truth: str) -> dict[str, Any]:
    one = after or before
    assert one is not None
    return {
        "what": what,
        "rule": one.rule,
        "code": one.code,
        "home": one.home,
        "resident": one.resident,
        "device": one.device,
        "title": one.title,
        "onset_at": iso(one.onset_at),
        "before": None if before is None else {"at": iso(before.opened_at), "level": before.level.value},
        "after": None if after is None else {"at": iso(after.opened_at), "level": after.level.value},
        "truth": truth or None,
    }
