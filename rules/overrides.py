"""What the people of the service may set for a resident for a while, and what is in force for them now. Pure.

Start at `Limits`: `now` lists every parameter that can be set for a resident with its value, bounds and where the value
comes from; `check` says whether somebody of a role may set one so, in one sentence when not. Whatever is set counts in
the engine by the same rules (rules.limits), so what this lets through and the engine does not can never drift apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from care.ids import epoch_ms
from care.site import Home, HomeOrders, Override, Registry, Resident, moment_of
from care.words import Role
from rules.catalog import Parameter, Rule, RuleBook, refuse_value
from rules.limits import LOOSE_FOR, looser, traced
from rules.refusals import No

LONGEST = timedelta(days=90)
"""A limit that is needed for longer belongs into the site file (design; a mode lasts 14 days at most)."""

_DESK = frozenset({Role.operator, Role.supervisor, Role.admin})
_MANAGER = frozenset({Role.supervisor, Role.admin})
MAY: dict[str, frozenset[Role]] = {
    "desk": _DESK | {Role.doctor},
    "doctor": frozenset({Role.doctor}),
    "manager": _MANAGER,
    "installer": _MANAGER | {Role.maintenance},
    "maintenance": _MANAGER | {Role.maintenance},
    "nobody": frozenset(),
}
"""Who may set a parameter by its `who` (domain section 3.7)."""
TIGHTEN: dict[str, frozenset[Role]] = {"doctor": _DESK, "manager": _DESK}
"""Who may besides, but only so that the rule speaks sooner."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be said about a wish."""

    refused: No | None = None
    """Why it may not be set; None when it may."""
    forbidden: bool = False
    """It may be set, but not by this role."""
    second: bool = False
    """It loosens a life-safety rule: it counts only once another person approves it, and lapses in 24 hours."""


class Limits:
    """The limits of residents under one rule book."""

    def __init__(self, book: RuleBook) -> None:
        self._book = book

    def now(
        self, registry: Registry, home: Home, resident: Resident, orders: HomeOrders, at: datetime
    ) -> list[dict[str, Any]]:
        """Every rule with parameters that can be set for this resident, and what is in force at this moment."""
        out = []
        for rule in self._book.rules.values():
            named = {n: p for n, p in rule.doc.parameters.items() if p.limit}
            if not named:
                continue
            given = traced(
                rule, registry, home=home, resident=resident, device=None, kind="", orders=orders, at=epoch_ms(at)
            )  # fmt: skip
            lines = []
            for name, p in named.items():
                steps = given[name]
                lines.append(
                    {
                        "parameter": name, "limit": p.limit, "value": steps.value, "default": p.default, "unit": p.unit.value,
                        "min": p.min, "max": p.max, "who": p.who, "stricter": p.stricter,
                        "source": steps.last.source.said(), "chain": [s.said() for s in steps.steps],
                    }
                )  # fmt: skip
            out.append(
                {
                    "rule": rule.id, "code": rule.code, "version": rule.doc.version, "life": rule.life,
                    "about": {"zh": rule.doc.about.zh, "en": rule.doc.about.en}, "parameters": lines,
                }
            )  # fmt: skip
        return out

    def check(
        self, registry: Registry, home: Home, resident: Resident, override: Override, role: Role
    ) -> Verdict:
        """Whether somebody of this role may set this for a while."""
        uses = self._uses(override.limit)
        if not uses:
            return Verdict(No.of("no_such_limit", limit=override.limit, resident=resident.id))
        begins, ends = (moment_of(t, registry.zone) for t in (override.from_, override.until))
        if ends <= begins:
            return Verdict(No("ends_before"))
        if ends - begins > LONGEST:
            return Verdict(No.of("too_long", days=LONGEST.days))
        second = forbidden = False
        for rule, name, p in uses:
            reason = refuse_value(p, override.value)
            if reason is not None:
                return Verdict(reason.of_limit(override.limit))
            if p.who == "nobody":
                return Verdict(No("nobody").of_limit(override.limit))
            inherited = traced(
                rule, registry, home=home, resident=resident, device=None, kind="", at=epoch_ms(begins)
            )[name].value
            loosens = looser(p, override.value, inherited)
            may = role in MAY[p.who] or (not loosens and role in TIGHTEN.get(p.who, ()))
            forbidden = forbidden or not may
            second = second or (rule.life and loosens)
        if second and ends - begins > LOOSE_FOR:
            return Verdict(No("over_a_day"), second=True)
        return Verdict(forbidden=forbidden, second=second)

    def _uses(self, limit: str) -> list[tuple[Rule, str, Parameter]]:
        return [
            (rule, name, p)
            for rule in self._book.rules.values()
            for name, p in rule.doc.parameters.items()
            if p.limit == limit
        ]
