"""The parameters in force for one rule at one place: default, kind, community, template, resident.

Each step overrides the one before (domain section 3.1). A value outside its hard bounds never counts: the
nearest bound does, and the fault is told. `check_site` says all such faults of a site at once. Start at `in_force`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from care.site import Device, Home, Policy, Registry, Resident, Site
from devices.kinds import KINDS
from devices.models import expected
from rules.catalog import Parameter, Rule, RuleBook, Stretch, refuse_value
from rules.conditions import Type, clock_minutes


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


def _community(policy: Policy, rule: Rule, name: str, p: Parameter) -> Any:
    for key in (rule.id, rule.code):
        given = policy.rules.get(key, {})
        if name in given:
            return given[name]
        if p.limit and p.limit in given:
            return given[p.limit]
    return None


def _personal(p: Parameter, resident: Resident, value: Any) -> Any:
    for word in (resident.tier.value, *resident.conditions, *resident.flags):
        if word in p.templates:
            value = p.templates[word]
    if p.limit and p.limit in resident.limits:
        value = _bounded(p, resident.limits[p.limit], value)
    return value


def in_force(
    rule: Rule,
    registry: Registry,
    *,
    home: Home | None,
    resident: Resident | None,
    device: Device | None,
    kind: str,
) -> dict[str, Any]:
    """Every parameter of a rule with the value that counts here, in its own unit.

    Where a sensor serves several residents and belongs to none of them, the stricter value counts.
    """
    out: dict[str, Any] = {}
    people = [resident] if resident is not None else list(home.residents) if home is not None else []
    for name, p in rule.doc.parameters.items():
        value = _of_kind(p, device, kind)
        given = _community(registry.site.policy, rule, name, p)
        if given is not None:
            value = _bounded(p, given, value)
        values = [_personal(p, person, value) for person in people] or [value]
        if p.unit.type is Type.bool:
            out[name] = any(values)
        elif p.unit.type is Type.clock:
            out[name] = next((v for v in values if v != value), value)
        else:
            out[name] = min(values) if p.stricter == "lower" else max(values)
    return out


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
    return list(_site_faults(site, book))


def _site_faults(site: Site, book: RuleBook) -> Iterator[str]:
    by_code: dict[str, list[Rule]] = {}
    for rule in book.rules.values():
        for key in {rule.id, rule.code}:
            by_code.setdefault(key, []).append(rule)
    for code, given in site.policy.rules.items():
        if code not in by_code:
            yield f"policy.rules: there is no rule `{code}`; `anxin rules list` shows them"
            continue
        for name, value in given.items():
            p = next(
                (q for r in by_code[code] for n, q in r.doc.parameters.items() if name in (n, q.limit)), None
            )
            if p is None:
                yield f"policy.rules.{code}: there is no parameter `{name}`"
            elif reason := refuse_value(p, value):
                yield f"policy.rules.{code}.{name}: {reason}"
    for home in site.homes:
        for resident in home.residents:
            for name, value in resident.limits.items():
                found = book.limits.get(name)
                if found is None:
                    yield f"resident `{resident.id}`: there is no limit `{name}`; `anxin rules list` shows them"
                elif reason := refuse_value(found[2], value):
                    yield f"resident `{resident.id}`: limit `{name}` {reason}"
