"""Who may do what: one table of routes and roles. What is not in it is denied.

Pure. Start at `ROUTES`; `find` answers for one request before anything else happens to it. Which cases and which
fields of them a role sees is `redact`'s part; `may_read` says who may see whose measured values.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from care.site import Resident
from care.words import Role
from devices.quantities import QUANTITIES


class Pass(StrEnum):
    """Ways in that are not a role."""

    anyone = "anyone"
    """No sign-in: it tells nothing about anybody, or it is the way to sign in."""
    local = "local"
    """From this machine without a sign-in, else with one that may."""
    link = "link"
    """The token in the path is the right to come in."""
    device = "device"
    """The bearer token of the device in the path."""
    signed = "signed"
    """The body is signed with the secret of the integration in the path; the route checks it."""


Rule = Pass | frozenset[Role]

STAFF = frozenset({Role.social_worker, Role.volunteer, Role.grid_worker, Role.neighbour, Role.responder})
"""People who go there."""
OPERATORS = frozenset({Role.operator, Role.supervisor, Role.admin})
CARERS = OPERATORS | {Role.doctor}
"""Who reads of the people themselves: their cards, their days, what is usual for them."""
DESK = CARERS | {Role.auditor}
"""Who sees the desk; the doctor and the auditor only read. An auditor reads what happened and who did what, and of
nobody how they are (docs/adr/0018)."""
UPKEEP = OPERATORS | {Role.maintenance, Role.auditor}
SIGNED_IN = frozenset(Role)

V = "/api/v1"
ROUTES: dict[tuple[str, str], Rule] = {
    ("GET", "/healthz"): Pass.anyone,
    ("GET", "/readyz"): Pass.anyone,
    ("GET", "/openapi.json"): Pass.anyone,
    ("GET", "/metrics"): Pass.local,
    ("POST", f"{V}/session"): Pass.anyone,
    ("GET", f"{V}/session"): SIGNED_IN,
    ("DELETE", f"{V}/session"): SIGNED_IN,
    ("POST", f"{V}/token"): Pass.anyone,
    ("GET", f"{V}/live"): SIGNED_IN,
    ("POST", f"{V}/beats"): SIGNED_IN,
    ("GET", f"{V}/codes"): SIGNED_IN,
    ("GET", f"{V}/alerts"): DESK | STAFF | {Role.family},
    ("GET", f"{V}/alerts/{{alert}}"): DESK | STAFF | {Role.family},
    ("GET", f"{V}/alerts/{{alert}}/events"): DESK | STAFF,
    ("POST", f"{V}/alerts/{{alert}}/door"): OPERATORS | STAFF,
    ("POST", f"{V}/alerts/{{alert}}/photos"): STAFF,
    ("GET", f"{V}/alerts/{{alert}}/photos/{{photo}}"): STAFF | {Role.operator, Role.supervisor, Role.doctor},
    ("DELETE", f"{V}/alerts/{{alert}}/photos/{{photo}}"): STAFF | {Role.operator, Role.supervisor},
    ("POST", f"{V}/alerts/{{alert}}/{{command}}"): OPERATORS | STAFF,
    ("GET", f"{V}/homes"): DESK | {Role.maintenance},
    ("GET", f"{V}/homes/{{home}}"): CARERS,
    ("GET", f"{V}/homes/{{home}}/history"): CARERS | {Role.maintenance},
    ("GET", f"{V}/homes/{{home}}/strip"): CARERS,
    ("GET", f"{V}/homes/{{home}}/card"): frozenset({Role.supervisor, Role.admin}),
    ("POST", f"{V}/homes/{{home}}/card/renew"): frozenset({Role.supervisor, Role.admin}),
    ("GET", f"{V}/door-cards"): frozenset({Role.supervisor, Role.admin}),
    ("GET", f"{V}/homes/{{home}}/usual"): CARERS,
    ("GET", f"{V}/residents"): CARERS,
    ("GET", f"{V}/residents/{{resident}}"): CARERS,
    ("GET", f"{V}/residents/{{resident}}/days"): CARERS,
    ("GET", f"{V}/residents/{{resident}}/rules"): CARERS,
    ("GET", f"{V}/residents/{{resident}}/overrides"): CARERS,
    ("POST", f"{V}/residents/{{resident}}/overrides"): OPERATORS | {Role.doctor},
    ("POST", f"{V}/residents/{{resident}}/overrides/end"): OPERATORS | {Role.doctor},
    ("POST", f"{V}/residents/{{resident}}/overrides/approve"): frozenset(
        {Role.supervisor, Role.admin, Role.doctor}
    ),
    ("GET", f"{V}/residents/{{resident}}/photo"): frozenset({Role.operator, Role.supervisor, Role.doctor}),
    ("PUT", f"{V}/residents/{{resident}}/photo"): frozenset({Role.operator, Role.supervisor}),
    ("DELETE", f"{V}/residents/{{resident}}/photo"): frozenset({Role.operator, Role.supervisor}),
    ("GET", f"{V}/family"): frozenset({Role.family}),
    ("GET", f"{V}/devices"): UPKEEP,
    ("GET", f"{V}/devices/unclaimed"): OPERATORS | {Role.maintenance},
    ("GET", f"{V}/devices/batteries"): OPERATORS | {Role.maintenance},
    ("GET", f"{V}/devices/{{device}}"): OPERATORS | {Role.maintenance},
    ("GET", f"{V}/devices/{{device}}/out"): UPKEEP,
    ("POST", f"{V}/devices/{{device}}/out"): OPERATORS | {Role.maintenance},
    ("POST", f"{V}/devices/{{device}}/out/end"): OPERATORS | {Role.maintenance},
    ("POST", f"{V}/devices/claims"): OPERATORS | {Role.maintenance},
    ("GET", f"{V}/quarantine"): OPERATORS | {Role.maintenance},
    ("POST", f"{V}/devices/{{device}}/readings"): Pass.device,
    ("POST", f"{V}/devices/{{device}}/token"): frozenset({Role.admin}),
    ("GET", f"{V}/duty/now"): DESK | STAFF,
    ("GET", f"{V}/duty/coverage"): OPERATORS | {Role.auditor},
    ("GET", f"{V}/duty/week"): OPERATORS | {Role.auditor},
    ("GET", f"{V}/duty/ahead"): OPERATORS | {Role.auditor},
    ("GET", f"{V}/duty/changes"): OPERATORS | {Role.auditor},
    ("POST", f"{V}/duty/changes"): OPERATORS,
    ("POST", f"{V}/duty/changes/{{change}}/withdraw"): OPERATORS,
    ("GET", f"{V}/duty/asks"): OPERATORS | STAFF | {Role.auditor},
    ("POST", f"{V}/duty/asks"): STAFF,
    ("POST", f"{V}/duty/asks/{{ask}}/withdraw"): STAFF,
    ("POST", f"{V}/duty/asks/{{ask}}/confirm"): OPERATORS,
    ("POST", f"{V}/duty/asks/{{ask}}/decline"): OPERATORS,
    ("GET", f"{V}/kpis"): OPERATORS | {Role.auditor},
    ("POST", f"{V}/kpis/export"): OPERATORS | {Role.auditor},
    ("GET", f"{V}/protection"): UPKEEP,
    ("POST", f"{V}/protection/export"): UPKEEP,
    ("GET", f"{V}/looks"): frozenset({Role.supervisor, Role.auditor}),
    ("GET", f"{V}/exports"): frozenset({Role.supervisor, Role.admin, Role.auditor}),
    ("GET", f"{V}/proposals"): OPERATORS | {Role.auditor},
    ("POST", f"{V}/proposals/{{proposal}}/backtest"): OPERATORS | {Role.doctor},
    ("POST", f"{V}/proposals/{{proposal}}/{{decision}}"): frozenset({Role.supervisor, Role.admin}),
    ("GET", f"{V}/rules"): DESK | {Role.maintenance},
    ("POST", f"{V}/rules/try"): OPERATORS | {Role.doctor},
    ("GET", f"{V}/map"): DESK | STAFF,
    ("GET", f"{V}/visits"): OPERATORS | STAFF | {Role.auditor},
    ("POST", f"{V}/residents/{{resident}}/visits"): OPERATORS | STAFF | {Role.doctor},
    ("GET", f"{V}/campaigns"): UPKEEP | STAFF,
    ("POST", f"{V}/campaigns"): OPERATORS,
    ("POST", f"{V}/campaigns/{{campaign}}/end"): OPERATORS,
    ("POST", f"{V}/campaigns/{{campaign}}/confirm"): OPERATORS | STAFF | {Role.maintenance},
    ("GET", f"{V}/calls"): OPERATORS | {Role.social_worker},
    ("POST", f"{V}/calls"): OPERATORS | {Role.social_worker},
    ("GET", f"{V}/rounds"): OPERATORS | {Role.social_worker, Role.auditor},
    ("GET", f"{V}/rounds/{{round}}"): OPERATORS | {Role.social_worker},
    ("POST", f"{V}/rounds"): OPERATORS | {Role.social_worker},
    ("POST", f"{V}/rounds/{{round}}/calls"): OPERATORS | {Role.social_worker},
    ("GET", f"{V}/repairs"): UPKEEP,
    ("POST", f"{V}/repairs"): OPERATORS | {Role.maintenance},
    ("POST", f"{V}/repairs/{{repair}}/{{step}}"): OPERATORS | {Role.maintenance},
    ("GET", f"{V}/homes/{{home}}/modes"): OPERATORS | {Role.social_worker, Role.grid_worker, Role.doctor},
    ("POST", f"{V}/homes/{{home}}/modes"): OPERATORS | {Role.social_worker, Role.grid_worker, Role.doctor},
    ("POST", f"{V}/homes/{{home}}/modes/end"): OPERATORS
    | {Role.social_worker, Role.grid_worker, Role.doctor},
    ("POST", f"{V}/homes/{{home}}/requests"): OPERATORS | STAFF | {Role.doctor},
    ("GET", f"{V}/integrations"): frozenset({Role.admin, Role.auditor}),
    ("POST", f"{V}/integrations"): frozenset({Role.admin}),
    ("DELETE", f"{V}/integrations/{{integration}}"): frozenset({Role.admin}),
    ("POST", f"{V}/integrations/{{integration}}/events"): Pass.signed,
    ("GET", f"{V}/simulator"): frozenset({Role.admin}),
    ("GET", f"{V}/simulator/scenarios"): frozenset({Role.admin}),
    ("POST", f"{V}/simulator/scenarios"): frozenset({Role.admin}),
    ("GET", f"{V}/simulator/homes"): frozenset({Role.admin}),
    ("GET", f"{V}/simulator/truths"): frozenset({Role.admin}),
    ("GET", f"{V}/simulator/made"): frozenset({Role.admin}),
    ("GET", f"{V}/simulator/messages"): frozenset({Role.admin}),
    ("POST", f"{V}/simulator/faults"): frozenset({Role.admin}),
    ("DELETE", f"{V}/simulator/faults/{{fault}}"): frozenset({Role.admin}),
    ("POST", f"{V}/simulator/speed"): frozenset({Role.admin}),
    ("GET", f"{V}/simulator/link"): frozenset({Role.admin}),
    ("POST", f"{V}/simulator/link"): frozenset({Role.admin}),
    ("GET", f"{V}/push"): SIGNED_IN,
    ("POST", f"{V}/push"): SIGNED_IN,
    ("DELETE", f"{V}/push"): SIGNED_IN,
    ("POST", f"{V}/push/test"): SIGNED_IN,
    ("GET", f"{V}/people/{{person}}/channels"): OPERATORS | {Role.auditor},
    ("POST", f"{V}/people/{{person}}/test"): OPERATORS,
    ("GET", f"{V}/go/{{token}}"): Pass.link,
    ("POST", f"{V}/go/{{token}}"): Pass.link,
    ("GET", "/go/{token}"): Pass.link,
    ("POST", "/go/{token}"): Pass.link,
    ("GET", "/"): Pass.anyone,
    ("GET", "/{page}"): Pass.anyone,
    ("GET", "/{page}/{rest}"): Pass.anyone,
    ("GET", "/{page}/{rest}/{more}"): Pass.anyone,
}
"""Method and path → who may. The last four are the web app's files and addresses, never data."""

RESPONDER_COMMANDS = frozenset(
    {"acknowledge", "accept", "decline", "depart", "arrive", "note", "call", "hand_over", "check", "with_me"}
)
"""What somebody who goes there may do, and only to a case that was offered to them."""

VIEWS: dict[str, frozenset[Role]] = {
    "desk": DESK,
    "wall": DESK | STAFF | {Role.maintenance},
    "responder": STAFF,
    "family": frozenset({Role.family}),
}
"""Who may open which live view."""


def view_of(role: Role) -> str | None:
    """The view in which a role reads cases; None for roles that read none."""
    if role in DESK:
        return "desk"
    if role in STAFF:
        return "responder"
    return "family" if role is Role.family else None


@dataclass(frozen=True, slots=True)
class Found:
    """A route of the table and what was in the places of its path."""

    path: str
    rule: Rule
    values: dict[str, str]


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile("^" + re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path) + "$")


_PATTERNS = [(method, path, _pattern(path), rule) for (method, path), rule in ROUTES.items()]


HIDDEN = f"{V}/simulator"
"""What is below it does not exist for whoever may not use it (ux.md 9.10): 404, as where no simulator is."""


def find(method: str, path: str) -> Found | None:
    """The route a request is for; the exact path wins over one with places. HEAD counts as GET."""
    method = "GET" if method == "HEAD" else method
    exact = ROUTES.get((method, path))
    if exact is not None:
        return Found(path, exact, {})
    if path.startswith(V + "/") or path == V:
        candidates = [p for p in _PATTERNS if p[1].startswith(V)]
    else:
        candidates = [p for p in _PATTERNS if not p[1].startswith(V)]
    for known_method, known_path, pattern, rule in candidates:
        if known_method == method and (match := pattern.match(path)):
            return Found(known_path, rule, match.groupdict())
    return None


def other_methods(path: str) -> list[str]:
    """The methods that a path knows, for 405."""
    methods = {
        m
        for m, known, pattern, _ in _PATTERNS
        if pattern.match(path) and known.startswith(V) == path.startswith(V)
    }
    return sorted(methods)


CLASSES: dict[str, str] = {q.name: q.consent for q in QUANTITIES.values() if q.consent is not None}
"""Which consent a quantity falls under (contract section 3); what is not named needs none."""

HEALTH = frozenset({"vitals", "bed"})
"""Consent classes of what tells how somebody's body is: heart, breathing, bed and sleep."""


def is_health(quantity: str) -> bool:
    """Whether values of a quantity are health data: without an open case about the person a look at them wants a reason (ux.md 9.4)."""
    return CLASSES.get(quantity) in HEALTH


def may_read(role: Role, quantity: str, resident: Resident | None) -> bool:
    """Whether a role may see the measured values of a quantity of this resident.

    The centre (operators and supervisors) may unless the resident said who may and left it out; the doctor only
    when named; everybody else sees safety and technical quantities only.
    """
    needed = CLASSES.get(quantity)
    if needed is None:
        return role in CARERS | {Role.maintenance}
    given = (resident.consent or {}).get(needed) if resident is not None else None
    if role in (Role.operator, Role.supervisor):
        return given is None or "centre" in given
    if role is Role.doctor:
        return given is not None and "doctor" in given
    return False


def may_know_health(role: Role, *, case_open: bool) -> bool:
    """Whether a role may read words about somebody's health: an administrator only while a case about somebody is open at the home.

    Then the administrator works at the desk as others do and needs the card (domain P-03); else none of it (P-12). An
    auditor never does: who did what can be followed without.
    """
    return role is not Role.auditor and (role is not Role.admin or case_open)


OF_THEIR_OWN = frozenset({Role.admin, Role.auditor})
"""Roles that read less at the desk than an operator: their live channel is not the operators' one."""


PHOTO_READERS = {Role.operator: "centre", Role.supervisor: "centre", Role.doctor: "doctor"}
"""As whom a role sees photographs."""


def may_see_photo(role: Role, resident: Resident) -> bool:
    """Whether a role may see what somebody looks like: only when the resident agreed to a photograph for it.

    Unlike measured values, which the centre may use unless the resident said otherwise: nobody needs a photograph
    to help, so silence is no agreement.
    """
    return PHOTO_READERS.get(role, "") in (resident.consent or {}).get("photo", [])


def may_photograph(residents: Sequence[Resident]) -> bool:
    """Whether a photograph may be taken where these live: each of them agreed that the centre has photographs.

    One picture can show any of them, so one who did not agree is enough; where nobody lives nobody agreed.
    """
    return bool(residents) and all(may_see_photo(Role.operator, one) for one in residents)


def why_hidden(role: Role) -> str:
    """What keeps measured values from somebody in this role: their `role`, or the residents' `consent`."""
    return "consent" if role in (Role.operator, Role.supervisor, Role.doctor) else "role"
