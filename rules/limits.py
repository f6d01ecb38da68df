"""The parameters in force for one rule at one place: default, kind, community, template, resident.

Each step overrides the one before (domain section 3.1). A value outside its hard bounds never counts: the
nearest bound does, and the fault is told. `check_site` says all such faults of a site at once. Start at `in_force`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from care.ids import epoch_ms
from care.site import (
    Device,
    Home,
    HomeOrders,
    Override,
    Policy,
    Registry,
    Resident,
    Setting,
    Site,
    moment_of,
    value_of,
)
from devices.kinds import KINDS
from devices.models import expected
from rules.catalog import Parameter, Rule, RuleBook, Stretch, refuse_value
from rules.conditions import clock_minutes
from rules.modes import overrides_of
from rules.refusals import No
from rules.vocabulary import Type

LOOSE_FOR = timedelta(hours=24)
"""A life-safety rule may be loosened for so long, by two people (domain section 3.1)."""


CATALOGUE = "catalogue"
SITE_FILE = "site file"


class Source(NamedTuple):
    """Who gave a value, and why."""

    step: str
    """`default`, `kind` of the device, `community`, `template`, `resident`, `override`."""
    word: str = ""
    """The tier, condition or flag of a template."""
    override: Override | None = None
    by: str = ""
    reason: str = ""
    """Of the catalogue's own numbers where they are from."""
    since: date | None = None

    def said(self) -> dict[str, Any]:
        """For people: who set it, why and until when."""
        out: dict[str, Any] = {"from": self.step, "by": self.by}
        if self.word:
            out["word"] = self.word
        if self.reason:
            out["reason"] = self.reason
        if self.since is not None:
            out["since"] = self.since.isoformat()
        if self.override is not None:
            o = self.override
            out |= {"by": o.by, "reason": o.reason, "until": o.until.isoformat()}
            if o.approved_by:
                out["approved_by"] = o.approved_by
        return out


class Step(NamedTuple):
    """One step of the inheritance of a parameter, from the default to the temporary override."""

    value: Any
    source: Source
    refused: No | None = None
    """Why it does not count; None when it does, unless a later step goes before."""

    def said(self) -> dict[str, Any]:
        """For people."""
        out = {"value": self.value} | self.source.said()
        return out | {"refused": self.refused.said()} if self.refused else out


class Given(NamedTuple):
    """The value in force and the steps it was inherited through, the default first."""

    steps: tuple[Step, ...]

    @property
    def last(self) -> Step:
        """The step that counts."""
        counting: list[Step] = [s for s in self.steps if not s.refused]
        return counting[-1]

    @property
    def value(self) -> Any:
        """What is in force."""
        return self.last.value

    def said(self) -> dict[str, Any] | None:
        """For people: where the value comes from and what it stands over; None when it is the default."""
        last = self.last
        if last is self.steps[0]:
            return None
        return last.source.said() | {"over": [s.said() for s in self.steps if s is not last]}


def _bounded(p: Parameter, value: Any, fallback: Any) -> Any:
    if refuse_value(p, value) is None:
        return value
    if (
        p.unit.type in (Type.bool, Type.clock)
        or isinstance(value, bool)
        or not isinstance(value, int | float)
    ):
        return fallback
    if p.min is not None and value < p.min:
        return p.min
    return p.max if p.max is not None and value > p.max else fallback


def _of_kind(p: Parameter, device: Device | None, kind: str) -> Any:
    if kind in p.by_kind:
        return p.by_kind[kind]  # type: ignore[index]  # Kind is a str
    known = KINDS.get(kind)  # type: ignore[call-overload]
    if p.kind is None or known is None:
        return p.default
    blue, yellow = known.silence(expected(device) if device is not None else None)
    found = blue if p.kind is Stretch.silence_blue else yellow
    number = found.total_seconds() / p.unit.seconds
    return int(number) if number.is_integer() else number


def _site(given: Any, step: str) -> Source:
    if isinstance(given, Setting):
        return Source(step, by=given.by, reason=given.reason, since=given.since)
    return Source(step, by=SITE_FILE)


def _community(policy: Policy, rule: Rule, name: str, p: Parameter) -> Any:
    for key in (rule.id, rule.code):
        given = policy.rules.get(key, {})
        if name in given:
            return given[name]
        if p.limit and p.limit in given:
            return given[p.limit]
    return None


def looser(p: Parameter, value: Any, than: Any) -> bool:
    """Whether a value makes a rule speak later or less than another one."""
    if p.unit.type is Type.clock:
        return bool(value != than)
    return bool(value > than if p.stricter == "lower" else value < than)


def refuse_override(
    rule: Rule, p: Parameter, override: Override, inherited: Any, zone: ZoneInfo
) -> No | None:
    """Why a temporary limit does not count; None when it does."""
    reason = refuse_value(p, override.value)
    if reason is not None:
        return reason
    if p.who == "nobody":
        return No("nobody")
    if rule.life and looser(p, override.value, inherited):
        if not override.approved_by or override.approved_by == override.by:
            return No("second_person")
        if moment_of(override.until, zone) - moment_of(override.from_, zone) > LOOSE_FOR:
            return No("over_a_day")
    return None


def _for_a_while(
    rule: Rule, p: Parameter, resident: Resident, orders: HomeOrders | None, at: int, registry: Registry, steps: list[Step],
) -> None:  # fmt: skip
    """Add the temporary limits that hold at this moment; the one set last counts."""
    if not p.limit or not at:
        return
    inherited = Given(tuple(steps)).value
    for override in overrides_of(resident, orders):
        begins = epoch_ms(moment_of(override.from_, registry.zone))
        ends = epoch_ms(moment_of(override.until, registry.zone))
        if override.limit == p.limit and begins <= at < ends:
            reason = refuse_override(rule, p, override, inherited, registry.zone)
            steps.append(Step(override.value, Source("override", override=override), reason))


def _kept_strict(rule: Rule, p: Parameter, asked: Any, source: Source, inherited: Any) -> Step:
    """A value given for good: within its bounds, and life safety is only ever made stricter."""
    value = _bounded(p, asked, inherited)
    if rule.life and looser(p, value, inherited):
        return Step(value, source, No("for_good"))
    return Step(value, source)


def _templates(p: Parameter, resident: Resident) -> Iterator[Step]:
    """The tier's value; then those of conditions and flags, of which the strictest counts."""
    tier = resident.tier.value
    if tier in p.templates:
        yield Step(p.templates[tier], Source("template", tier, by=CATALOGUE, reason=p.source))
    words: list[str] = [w for w in dict.fromkeys((*resident.conditions, *resident.flags)) if w in p.templates]
    strict = words[0] if words else ""
    for word in words[1:]:
        if looser(p, p.templates[strict], p.templates[word]):
            strict = word
    for word in words:
        source = Source("template", word, by=CATALOGUE, reason=p.source)
        yield Step(p.templates[word], source, None if word == strict else No.of("as_strict", word=strict))


def _personal(rule: Rule, p: Parameter, resident: Resident, steps: list[Step]) -> None:
    steps += _templates(p, resident)
    if p.limit and p.limit in resident.limits:
        asked = resident.limits[p.limit]
        steps.append(
            _kept_strict(rule, p, value_of(asked), _site(asked, "resident"), Given(tuple(steps)).value)
        )


_ORDER = ("default", "kind", "community", "template", "resident", "override")


def _follow(p: Parameter, steps: list[Step], other: Given) -> None:
    """Keep the distance from a limit that was changed nearer to the person than this value was given."""
    here = Given(tuple(steps))
    reach = _ORDER.index(here.last.source.step)
    then = Given(tuple(s for s in other.steps if _ORDER.index(s.source.step) <= reach)).value
    if other.value != then:
        steps.append(Step(_bounded(p, here.value + other.value - then, here.value), other.last.source))


def in_force(
    rule: Rule,
    registry: Registry,
    *,
    home: Home | None,
    resident: Resident | None,
    device: Device | None,
    kind: str,
    orders: HomeOrders | None = None,
    at: int = 0,
) -> dict[str, Any]:
    """Every parameter of a rule with the value that counts here, in its own unit."""
    found = traced(
        rule, registry, home=home, resident=resident, device=device, kind=kind, orders=orders, at=at
    )
    return {name: given.value for name, given in found.items()}


def traced(
    rule: Rule,
    registry: Registry,
    *,
    home: Home | None,
    resident: Resident | None,
    device: Device | None,
    kind: str,
    orders: HomeOrders | None = None,
    at: int = 0,
) -> dict[str, Given]:
    """The same with the steps each value was inherited through, each with who and why.

    Where a sensor serves several residents and belongs to none of them, the stricter value counts.
    """
    people = [resident] if resident is not None else list(home.residents) if home is not None else []
    common, *of_each = (
        _of_one(rule, registry, who=who, device=device, kind=kind, orders=orders, at=at)
        for who in (None, *people)
    )
    if not of_each:
        return common
    out: dict[str, Given] = {}
    for name, p in rule.doc.parameters.items():
        values = [found[name] for found in of_each]
        if p.unit.type is Type.clock:
            out[name] = next((v for v in values if v.value != common[name].value), common[name])
        else:
            pick = min if p.stricter == "lower" else max
            out[name] = pick(values, key=lambda v: v.value)
    return out


def _of_one(
    rule: Rule, registry: Registry, *, who: Resident | None, device: Device | None, kind: str, orders: HomeOrders | None, at: int,
) -> dict[str, Given]:  # fmt: skip
    """Every parameter for one resident, or for a place without any."""
    out: dict[str, Given] = {}
    parameters = rule.doc.parameters
    # A value that keeps its distance from another one comes after it.
    for name in sorted(parameters, key=lambda n: parameters[n].keeps is not None):
        p = parameters[name]
        steps = [Step(p.default, Source("default", by=CATALOGUE, reason=p.source))]
        value = _of_kind(p, device, kind)
        if value != p.default:
            steps.append(Step(value, Source("kind", kind, by=CATALOGUE, reason=p.source)))
        asked = _community(registry.site.policy, rule, name, p)
        if asked is not None:
            steps.append(_kept_strict(rule, p, value_of(asked), _site(asked, "community"), value))
        if who is not None:
            _personal(rule, p, who, steps)
            _for_a_while(rule, p, who, orders, at, registry, steps)
        if p.keeps is not None:
            _follow(p, steps, out[p.keeps])
        out[name] = Given(tuple(steps))
    return {name: out[name] for name in parameters}


def as_limits(rule: Rule, values: Mapping[str, Any]) -> dict[str, Any]:
    """The same values as conditions want them: durations in seconds, clocks as minutes of the day."""
    out: dict[str, Any] = {}
    for name, value in values.items():
        unit = rule.doc.parameters[name].unit
        if unit.seconds:
            out[name] = value * unit.seconds
        elif unit.type is Type.clock:
            out[name] = clock_minutes(value)
        else:
            out[name] = value
    return out


def check_site(site: Site, book: RuleBook) -> list[str]:
    """What the site file says about rules that cannot be followed, one sentence each."""
    return [what for _, what, _ in _site_faults(site, book)]


def impossible(site: Site, book: RuleBook) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Values of limits that are none or beyond their bounds, with their places in the site file: such a file is not loaded."""
    return ((where, what) for where, what, wrong in _site_faults(site, book) if wrong)


def _site_faults(site: Site, book: RuleBook) -> Iterator[tuple[tuple[str | int, ...], str, bool]]:
    """Place, sentence, and whether the value itself cannot be; the rest is not in force, and only that is said."""
    zone = ZoneInfo(site.community.timezone)
    by_code: dict[str, list[Rule]] = {}
    for rule in book.rules.values():
        for key in {rule.id, rule.code}:
            by_code.setdefault(key, []).append(rule)
    for code, given in site.policy.rules.items():
        if code not in by_code:
            yield (
                ("policy", "rules", code),
                f"policy.rules: there is no rule `{code}`; `anxin rules list` shows them",
                False,
            )
            continue
        for name, set_ in given.items():
            value = value_of(set_)
            where: tuple[str | int, ...] = ("policy", "rules", code, name)
            p = next(
                (q for r in by_code[code] for n, q in r.doc.parameters.items() if name in (n, q.limit)), None
            )
            if p is None:
                yield where, f"policy.rules.{code}: there is no parameter `{name}`", False
            elif reason := refuse_value(p, value):
                yield where, f"policy.rules.{code}.{name}: {reason}", True
            elif any(r.life for r in by_code[code]) and looser(p, value, p.default):
                yield (
                    where,
                    f"policy.rules.{code}.{name}: {value} loosens a life-safety rule; only stricter values count",
                    False,
                )
    for h, home in enumerate(site.homes):
        for r, resident in enumerate(home.residents):
            at: tuple[str | int, ...] = ("homes", h, "residents", r)
            for name, set_ in resident.limits.items():
                value = value_of(set_)
                found = book.limits.get(name)
                if found is None:
                    yield (
                        (*at, "limits", name),
                        f"resident `{resident.id}`: there is no limit `{name}`; `anxin rules list` shows them",
                        False,
                    )
                elif reason := refuse_value(found[2], value):
                    yield (*at, "limits", name), f"resident `{resident.id}`: limit `{name}` {reason}", True
                elif book.rules[found[0]].life and looser(found[2], value, found[2].default):
                    yield (
                        (*at, "limits", name),
                        (
                            f"resident `{resident.id}`: limit `{name}` loosens a life-safety rule for good; "
                            "use `overrides:` with a second person and an end within 24 hours"
                        ),
                        False,
                    )
            for o, override in enumerate(resident.overrides):
                where = (*at, "overrides", o, "value")
                found = book.limits.get(override.limit)
                if found is None:
                    yield (
                        (*at, "overrides", o, "limit"),
                        f"resident `{resident.id}`: there is no limit `{override.limit}`; `anxin rules list` shows them",
                        False,
                    )
                elif reason := refuse_override(
                    book.rules[found[0]], found[2], override, found[2].default, zone
                ):
                    wrong = refuse_value(found[2], override.value) is not None
                    yield where, f"resident `{resident.id}`: override of `{override.limit}` {reason}", wrong


def unsigned(site: Site) -> int:
    """How many values of the site file say neither who set them nor why."""
    given = [*site.policy.rules.values(), *(r.limits for h in site.homes for r in h.residents)]
    return sum(not isinstance(value, Setting) for values in given for value in values.values())
