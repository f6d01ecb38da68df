"""A case as the desk sees it: (alert, registry, duty) → the JSON of an Alert. Pure; `redact` makes the other views.

`alert_json` is the whole of it; `duty_json` and `coverage_json` say who can be there; what happened is `timeline`. Nothing is decided here: every figure comes from the alert's own state or from the hearts of `alerts`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec

from alerts import ladder, scripts, texts
from alerts.alert import Alert
from alerts.cases import AREA
from alerts.circle import (
    Near,
    abroad,
    bearing,
    coverage,
    covered_share,
    metres,
    nearest,
    walk_minutes,
    whereabouts,
)
from alerts.proposing import SERVICE
from alerts.roster import DESK, DESK_ROLES, RESPONDER_ROLES, SUPERVISORS, Roster, roster_of
from alerts.telling import told as what_became
from alerts.upkeep import Due
from alerts.watch import AHEAD
from care import english
from care.ids import iso
from care.schematic import building_of
from care.site import Home, Registry, Resident, Staff
from care.words import Level, Role, Tier
from dashboard_api import wording
from devices.kinds import KINDS

NEARBY_AT_MOST = 12
FIRE_KINDS = frozenset({"smoke", "gas", "co"})
"""What may spread to the neighbours."""

Names = Callable[[str], str]
"""Id of a person in the log → the name to show."""


def names(registry: Registry, sign_ins: Callable[[str], str | None] = lambda _name: None) -> Names:
    """Names of staff, contacts and sign-ins; an id nobody knows stays as it is."""

    def name(who: str) -> str:
        staff = registry.staff.get(who)
        if staff is not None:
            return staff.name
        contact = registry.contacts.get(who)
        if contact is not None:
            return contact[1].name
        if who == SERVICE:
            return "系统"
        if who == DESK:
            return "值班席"
        if who.startswith("user:"):
            return sign_ins(who.removeprefix("user:")) or who.removeprefix("user:")
        return who

    return name


def _iso(at: datetime | None) -> str | None:
    return None if at is None else iso(at)


def state_words(alert: Alert, language: str = "zh") -> str:
    """未接警, 已接警 …; a case that is loud again says why, and one that is held that it is."""
    if alert.hold_until is not None and alert.open:
        return "On hold" if language == "en" else "暂缓中"
    return texts.state_words(alert, language)


def contacts_json(home: Home) -> list[dict[str, Any]]:
    """Whom to ring, in their order; the relation in English where it is a usual one."""
    return [
        {
            "id": c.id,
            "name": c.name,
            "relation": c.relation,
            "relation_en": english.relation(c.relation),
            "phone": c.phone,
        }
        for c in home.contacts
    ]


def place_json(home: Home, registry: Registry) -> dict[str, Any]:
    """Where it is, and how to get in."""
    found = registry.grid_of(home)
    building = building_of(home)
    rest = home.address.removeprefix(building).strip() if building else home.address
    centre = registry.site.community.centre
    distance = None
    if centre is not None and home.location is not None:
        distance = round(metres(centre, home.location))
    return {
        "estate_building": building or None,
        "unit_room": rest or None,
        "address": home.address or None,
        "floor": home.floor,
        "lift": home.lift,
        "micro_grid": found[1].name if found else None,
        "grid": found[0].name if found else None,
        "location": list(home.location) if home.location else None,
        "distance_m": distance,
        "key": home.access.key or None,
        "key_en": english.key_place(home.access.key) or None,
        "door_code": bool(home.access.door_code),
        "phone": home.phone or None,
    }


def in_one_place(alert: Alert, registry: Registry) -> bool:
    """Whether all its homes are in one building."""
    known = (registry.homes[h] for h in alert.homes if h in registry.homes)
    return len({building_of(home) for home in known}) < 2


def area_json(alert: Alert, registry: Registry) -> dict[str, Any] | None:
    """Where a case of many homes is: what they have in common, and nothing of the one it is kept under."""
    homes = [registry.homes[h] for h in alert.homes if h in registry.homes]
    if not homes:
        return None
    places = [place_json(home, registry) for home in homes]
    buildings = list(dict.fromkeys(building_of(home) for home in homes))
    one = len(buildings) == 1
    common = {key: places[0][key] for key in ("micro_grid", "grid") if len({p[key] for p in places}) == 1}
    return {
        "estate_building": buildings[0] or None,
        "buildings": len(buildings),
        **common,
        "location": places[0]["location"] if one else None,
        "distance_m": places[0]["distance_m"] if one else None,
    }


@lru_cache(maxsize=2)
def _buildings(registry: Registry) -> dict[str, list[Home]]:
    """The homes of each building, lowest first."""
    found: dict[str, list[Home]] = {}
    for home in registry.site.homes:
        if home.residents:
            found.setdefault(building_of(home), []).append(home)
    for homes in found.values():
        homes.sort(key=lambda h: (h.floor or 0, h.address))
    return found


def centre_json(registry: Registry) -> dict[str, Any]:
    """Where a case of the centre itself is: at the service centre."""
    centre = registry.site.community.centre
    return {
        "estate_building": registry.site.community.centre_name,
        "location": list(centre) if centre is not None else None,
        "phone": registry.site.community.phone or None,
    }


def nearby_json(home: Home, registry: Registry) -> list[dict[str, Any]]:
    """Whom we know of in the same building: what the fire brigade asks, and who has to be told."""
    return [
        {
            "home": other.id,
            "address": other.address,
            "floor": other.floor,
            "phone": other.phone or None,
            "people": [
                {
                    "name": r.name,
                    "tags": [{"word": t["word"], "en": t["en"]} for t in wording.tags(r) if t["strong"]],
                }
                for r in other.residents
            ],
        }
        for other in _buildings(registry).get(building_of(home), [])
        if other.id != home.id
    ][:NEARBY_AT_MOST]


def visit_json(due: Due | None, name_of: Callable[[str], str]) -> dict[str, Any] | None:
    """When somebody is to be visited next, and how the last visit was; None while nothing is planned."""
    if due is None:
        return None
    last = due.last
    return {
        "due": str(due.due),
        "overdue": due.overdue,
        "last_at": iso(last.at) if last is not None else None,
        "last_how": last.how.value if last is not None else None,
        "last_by": name_of(last.by) if last is not None else None,
    }


def person_json(resident: Resident, now: datetime) -> dict[str, Any]:
    """Who lives there."""
    return {
        "id": resident.id,
        "name": resident.name,
        "age": now.year - resident.born if resident.born else None,
        "tier": resident.tier.value,
        "tags": wording.tags(resident),
        "health_hidden": False,
    }


def _walk(registry: Registry, staff: Staff | None, home: Home | None) -> float | None:
    """Minutes on foot from somebody's post to a home; None when we do not know one of them."""
    start = whereabouts(registry, staff) if staff is not None else None
    minutes = walk_minutes(start, home) if start is not None and home is not None else None
    return None if minutes is None else round(minutes, 1)


def _way(registry: Registry, staff: Staff | None, home: Home | None) -> dict[str, Any] | None:
    """The straight line from somebody's post to a home: from where, how far, in which direction. No way is invented."""
    start = whereabouts(registry, staff) if staff is not None else None
    if staff is None or start is None or home is None or home.location is None:
        return None
    near = [
        m for name in staff.micro_grids if (m := registry.micro_grids.get(name)) and m[1].location is not None
    ]
    if staff.location is not None:
        kind, name = "post", None
    elif near:
        kind, name = "micro_grid", near[0][1].name
    else:
        kind, name = "centre", None
    return {
        "start": kind,
        "start_name": name,
        "metres": round(metres(start, home.location)),
        "bearing": round(bearing(start, home.location)) % 360,
    }


def _ladder(alert: Alert, roster: Roster, name: Names, now: datetime) -> list[dict[str, Any]]:
    told: dict[int, list[str]] = {}
    for view in alert.deliveries:
        d = view.delivery
        if d.generation == alert.generation:
            told.setdefault(d.step, []).append(name(d.person))
    out = []
    for row in ladder.rows(alert, roster=roster, now=now):
        to = told.get(row.step) if row.state == "done" else None
        step: dict[str, Any] = {
            "step": row.step,
            "at_seconds": row.at_seconds,
            "due_at": iso(row.due_at),
            "label": row.label.get("zh", ""),
            "state": row.state,
            "to": list(dict.fromkeys(to or [s.name for s in row.people])),
            "late_seconds": round(row.late_seconds, 1),
        }
        if row.promise:
            step["promise"] = True
        out.append(step)
    return out


SPEAKER = "{operator}"
"""Stands in `say_as` where whoever is about to phone says their name: the picture is one for all desks, each fills in its own."""


def script_json(alert: Alert, registry: Registry, name: Names) -> dict[str, Any]:
    """What to say and do on the phone, with this home's names and numbers filled in."""
    home = registry.homes.get(alert.home)
    known = next((registry.devices[f.device] for f in alert.findings if f.device in registry.devices), None)
    community = registry.site.community
    owner = alert.owner if alert.owner and not alert.resumed else None
    script = scripts.script_for(
        alert,
        operator=name(owner) if owner else SPEAKER,
        device=KINDS[known[1].kind].zh if known else "",
        room=wording.room(alert.room),
        centre=community.centre_name,
        desk_phone=community.phone,
        since=f"{alert.onset_at.astimezone(registry.zone):%H:%M}",
        home=home,
    )
    return {
        "title": script.title,
        "title_en": script.title_en,
        "say": script.say.replace(SPEAKER, "值班员"),
        "say_as": script.say if SPEAKER in script.say else None,
        "steps": [
            {
                "n": n,
                "when": step.when,
                "do": step.do,
                "detail": step.detail or None,
                "when_en": step.when_en,
                "do_en": step.do_en,
                "detail_en": step.detail_en if step.detail_en != step.detail else None,
                "send": step.send,
            }
            for n, step in enumerate(script.steps, 1)
        ],
        "questions": [
            {
                "id": q.id,
                "ask": q.ask,
                "yes": q.yes,
                "no": q.no,
                "after_yes": q.after_yes,
                "after_no": q.after_no,
                "offer": msgspec.to_builtins(q.offer) if q.offer is not None else None,
            }
            for q in script.questions
        ],
        "hints": list(script.hints),
        "hints_en": list(script.hints_en),
        "suggest": msgspec.to_builtins(script.suggest) if script.suggest is not None else None,
        "causes": list(script.causes),
        "ring": script.ring,
    }


_TIERS = {Tier.key: 0, Tier.important: 1, Tier.general: 2}


def _strong(residents: Iterable[Resident]) -> list[dict[str, object]]:
    """What whoever goes to a home must know of those who live there, each word once."""
    found = {str(t["word"]): t for r in residents for t in wording.tags(r) if t["strong"]}
    return list(found.values())


def welfare_json(alert: Alert, registry: Registry, name: Names) -> list[dict[str, Any]]:
    """The welfare list of a case: whom to look after, 重点 first, and how it went so far."""
    back = {h for f in alert.findings for h in f.parameters.get("back", ())}
    checks = {c.home: c for c in alert.checks}
    out = []
    for order, home_id in enumerate(alert.welfare):
        home = registry.homes.get(home_id)
        tiers = sorted({r.tier for r in home.residents}, key=_TIERS.__getitem__) if home is not None else []
        check = checks.get(home_id)
        row = {
            "home": home_id,
            "tier": tiers[0].value if tiers else None,
            "address": home.address if home is not None else None,
            "phone": (home.phone or None) if home is not None else None,
            "people": [r.name for r in home.residents] if home is not None else [],
            "key": (home.access.key or None) if home is not None else None,
            "key_en": (english.key_place(home.access.key) or None) if home is not None else None,
            "door_code": home is not None and bool(home.access.door_code),
            "tags": _strong(home.residents) if home is not None else [],
            "back": home_id in back,
            "result": check.result if check is not None else None,
            "by": check.by if check is not None else None,
            "by_name": name(check.by) if check is not None else None,
            "at": _iso(check.at) if check is not None else None,
            "note": check.note if check is not None else "",
        }
        out.append((_TIERS[tiers[0]] if tiers else len(_TIERS), order, row))
    return [row for *_, row in sorted(out, key=lambda item: item[:2])]


def alert_json(
    alert: Alert,
    registry: Registry,
    now: datetime,
    *,
    name: Names | None = None,
    others: Iterable[Alert] = (),
) -> dict[str, Any]:
    """The Alert of contract section 5 for the desk, with everything the screens need besides.

    `others` are the open cases, among which those of the same home are named.
    """
    name = name or names(registry)
    roster = roster_of(registry)
    home = registry.homes.get(alert.home)
    outcome = alert.outcome
    red = alert.level is Level.red and alert.open and home is not None
    of_area = alert.cause == AREA
    return {
        "id": alert.id,
        "number": alert.number,
        "code": alert.code,
        "level": alert.level.value,
        "title": alert.title.get("zh") or alert.code,
        "title_en": alert.title.get("en"),
        "simulated": home.simulated if home is not None else False,
        "home": alert.home,
        "resident": alert.resident,
        "room": alert.room,
        "micro_grid": alert.micro_grid or (home.micro_grid if home else None),
        "onset_at": iso(alert.onset_at),
        "raised_at": iso(alert.raised_at),
        "late_seconds": round(alert.late_seconds, 3),
        "condition": alert.condition.value,
        "state": alert.state.value,
        "owner": {"id": alert.owner, "name": name(alert.owner)} if alert.owner else None,
        "responders": [
            {
                "id": r.id,
                "name": name(r.id),
                "role": staff.role.value if (staff := registry.staff.get(r.id)) else None,
                "role_words": wording.ROLES.get(staff.role) if staff else None,
                "state": r.state,
                "at": iso(r.at),
                "asked": r.asked,
                "lead": r.lead,
                "accepted_at": _iso(r.accepted_at),
                "promised_at": _iso(r.promised_at),
                "walk_minutes": _walk(registry, staff, home),
                "way": _way(registry, staff, home),
                "departed_at": _iso(r.departed_at),
                "arrived_at": _iso(r.arrived_at),
                "arrived_by": r.arrived_by,
                "told": (how := what_became(alert, r.id)),
                "phone": registry.phone(r.id) if how in ("no_channel", "not_sent") else None,
            }
            for r in alert.responders
        ],
        "nearby": nearby_json(home, registry)
        if red and home is not None and alert.pictogram in FIRE_KINDS
        else [],
        "step": alert.step,
        "next_step_at": _iso(alert.next_step_at),
        # The ten minutes are promised for red; a yellow case has until `visit_by`.
        "arrive_by": _iso(alert.arrive_by) if alert.level is Level.red else None,
        "visit_by": _iso(alert.arrive_by)
        if alert.level is not Level.red and alert.promise != "none"
        else None,
        "acknowledge_by": _iso(alert.acknowledge_by),
        "occurrences": alert.occurrences,
        "findings": [
            {
                "finding": f.finding,
                "rule": f.rule,
                "rule_version": f.rule_version,
                "code": f.code,
                "level": f.level.value,
                "title": f.title.get("zh"),
                "device": f.device,
                "room": f.room,
                "phase": f.phase,
                "condition": f.condition.value,
                "onset_at": iso(f.onset_at),
                "cleared_at": _iso(f.cleared_at),
                "occurrences": f.occurrences,
                "evidence": [
                    {
                        "device": e.device,
                        "quantity": e.quantity,
                        "value": e.value,
                        "at": iso(e.at),
                        "received_at": _iso(e.received_at),
                    }
                    for e in f.evidence
                ],
                "parameters": f.parameters,
                "parameter_sources": f.sources,
                "tags": list(f.tags),
                "home": f.home,
                "of": f.of if f.of and f.of != alert.number else None,
            }
            for f in alert.findings
        ],
        "deliveries": [
            {
                "id": view.delivery.id,
                "person": view.delivery.person,
                "name": name(view.delivery.person),
                "channel": view.delivery.channel,
                "step": view.delivery.step,
                "reason": view.delivery.reason.value,
                "state": view.state.value,
                "at": iso(view.at),
                "due_at": iso(view.delivery.due_at),
                "detail": view.detail,
            }
            for view in alert.deliveries
        ],
        "outcome": None
        if outcome is None
        else {
            "cause": outcome.cause,
            "verification": outcome.verification,
            "actions": list(outcome.actions),
            "outcome": outcome.outcome,
            "truth": outcome.truth,
            "note": outcome.note,
            "by": outcome.by,
            "by_name": name(outcome.by) if outcome.by else None,
            "at": iso(outcome.at),
        },
        "version": alert.version,
        "kind": alert.pictogram,
        "cause": alert.cause,
        "state_words": state_words(alert),
        "state_words_en": state_words(alert, "en"),
        "test": alert.test,
        "acknowledged_at": _iso(alert.acknowledged_at),
        "owned_at": _iso(alert.owned_at),
        "closed_at": _iso(alert.closed_at),
        "hold_until": _iso(alert.hold_until),
        "resumed": alert.resumed,
        "resumed_why": alert.resumed_why.value if alert.resumed_why is not None else None,
        "recheck_at": _iso(alert.recheck_at),
        "overdue": alert.overdue,
        "called": [
            {"to": c.to, "name": name(c.to), "result": c.result, "by": c.by, "at": iso(c.at)}
            for c in alert.calls
        ],
        "ladder": _ladder(alert, roster, name, now),
        "at_centre": registry.is_centre(alert.home),
        "place": area_json(alert, registry)
        if of_area
        else place_json(home, registry)
        if home
        else centre_json(registry)
        if registry.is_centre(alert.home)
        else None,
        # A case of many homes is kept under one of them, and about nobody there: its people stand in `welfare`.
        "people": [person_json(r, now) for r in home.residents] if home and not of_area else [],
        "contacts": contacts_json(home) if home and not of_area else [],
        "script": script_json(alert, registry, name),
        "welfare": welfare_json(alert, registry, name),
        "related": [
            {
                "id": a.id,
                "number": a.number,
                "code": a.code,
                "level": a.level.value,
                "title": a.title.get("zh") or a.code,
                "title_en": a.title.get("en"),
            }
            for a in others
            if a.home in alert.homes and a.id != alert.id and home is not None
        ],
    }


# -- who can be there ---------------------------------------------------------------------------------------------

_DOING = {"accepted": "准备前往", "departed": "在路上", "arrived": "在现场"}
_GRIDS_NAMED = 3
"""More micro-grids than this are counted: a line of twenty-seven names says less than 「全社区」."""


def _belongs(grids: list[str], all_of_them: int) -> str:
    if not grids:
        return "中心"
    if len(grids) == all_of_them > 1:
        return "全社区"
    return "、".join(grids) if len(grids) <= _GRIDS_NAMED else f"{grids[0]} 等 {len(grids)} 个"


def duty_json(
    registry: Registry, open_alerts: list[Alert], now: datetime, *, home: Home | None = None
) -> dict[str, Any]:
    """Who is on duty now; with a home, how many minutes away, the nearest free one first."""
    roster = roster_of(registry)
    desk = roster.on_duty(now, DESK_ROLES | {Role.supervisor})
    where = abroad(registry, open_alerts, now)
    covered, total = covered_share(registry, open_alerts, now)
    doing: dict[str, str] = {}
    for alert in open_alerts:
        for r in alert.going:
            doing.setdefault(r.id, f"{_DOING.get(r.state, '处理中')} · {alert.number}")

    def line(staff: Staff) -> dict[str, Any]:
        start = where.start(registry, staff)
        grids = [registry.micro_grids[m][1].name for m in staff.micro_grids if m in registry.micro_grids]
        busy = doing.get(staff.id)
        return {
            "id": staff.id,
            "name": staff.name,
            "role": staff.role.value,
            "role_words": wording.ROLES.get(staff.role, staff.role.value),
            "micro_grids": list(staff.micro_grids),
            "location": list(start) if start else None,
            "state": "busy" if busy else "free",
            "doing": busy or f"空闲 · {_belongs(grids, len(registry.micro_grids))}",
            "minutes": None,
            "reachable": bool(registry.channels(staff.id)),
            "phone": staff.phone,
        }

    if home is None:
        responders = [line(s) for s in roster.on_duty(now, RESPONDER_ROLES)]
    else:
        responders = [
            {
                **line(near.staff),
                "minutes": None if near.minutes is None else round(near.minutes, 1),
                "within": near.within,
            }
            for near in nearest(registry, home, open_alerts, now)
        ]
    return {
        "at": iso(now),
        "nobody": roster.nobody_on_duty(now),
        "silent_steps": silent_steps(registry, now),
        "desk": [{"id": s.id, "name": s.name, "role": s.role.value} for s in desk],
        "responders": responders,
        "coverage": {"covered": covered, "total": total},
        "micro_grids": [
            {"id": m.id, "name": m.name, "on_duty": [s.id for s in roster.responders(m.id, now)]}
            for grid in registry.site.grids
            for m in grid.micro_grids
        ],
    }


def silent_steps(registry: Registry, now: datetime) -> list[int]:
    """Steps of a red case that would reach nobody now, at least in one micro-grid: while there are any it is not calm.

    Whoever has no channel is not reached, but for the desk on duty, which has the screen before it.
    """
    roster = roster_of(registry)
    lived_in = {h.micro_grid for h in registry.site.homes}
    return [
        rung.step
        for rung in ladder.plan_for(Level.red, registry.site.policy).rungs
        if not rung.promise
        and not all(
            any(
                registry.channels(s.id) or (s.role in DESK_ROLES and roster.is_on_duty(s.id, now))
                for s in ladder.people(rung.groups, micro_grid=m, roster=roster, now=now)
            )
            for m in lived_in
        )
    ]


def _next_json(near: Near | None, on_duty: set[str]) -> dict[str, Any] | None:
    if near is None:
        return None
    return {
        "id": near.staff.id,
        "name": near.staff.name,
        "role": near.staff.role.value,
        "role_words": wording.ROLES.get(near.staff.role, near.staff.role.value),
        "minutes": None if near.minutes is None else round(near.minutes, 1),
        "on_duty": near.staff.id in on_duty,
        "busy": near.state == "busy",
    }


def place_words(registry: Registry, place: str) -> str:
    """The name of a micro-grid, of the desk, or of the supervisors."""
    found = registry.micro_grids.get(place)
    return found[1].name if found is not None else _PLACES.get(place, place)


_PLACES = {DESK: "值班席", SUPERVISORS: "值班组长"}


def gaps_json(registry: Registry, now: datetime, until: datetime) -> list[dict[str, Any]]:
    """When nobody is on duty where the rota has people."""
    return [
        {
            "place": g.place,
            "name": place_words(registry, g.place),
            "from": iso(g.start),
            "to": iso(g.end),
            "people": list(g.people),
        }
        for g in roster_of(registry).gaps(now, until)
    ]


COVER_NAMED = 10
"""People named for each home, the nearest first; how many there are is told besides. A case never asks more at a time."""


def coverage_json(
    registry: Registry,
    now: datetime,
    alerts: Iterable[Alert] = (),
    *,
    outs: Mapping[str, list[dict[str, Any]]] | None = None,
) -> dict[str, Any]:
    """Per home: who on duty and free is there within the promise; where nobody is, whom to ask; and the rota's holes.

    `outs`: home → what is out of service in it. People within reach are of no use to an alarm that nothing gives.
    """
    found = coverage(registry, alerts, now, named=COVER_NAMED)
    roster = roster_of(registry)
    on_duty = {s.id for s in roster.on_duty(now, RESPONDER_ROLES)}
    homes = [
        {
            "home": c.home.id,
            "micro_grid": c.home.micro_grid,
            "within": c.within,
            "people": c.people,
            "by": [
                {"id": n.staff.id, "name": n.staff.name, "minutes": round(n.minutes or 0.0, 1)} for n in c.by
            ],
            "next": _next_json(c.next, on_duty),
            "located": c.home.location is not None,
            "out": (outs or {}).get(c.home.id, []),
        }
        for c in found
    ]
    covered = sum(1 for c in found if c.within)
    by_micro: dict[str, list[bool]] = {}
    for c in found:
        by_micro.setdefault(c.home.micro_grid or "", []).append(c.within)
    return {
        "at": iso(now),
        "arrive_minutes": registry.site.policy.arrive_minutes,
        "covered": covered,
        "total": len(found),
        "percent": round(100 * covered / len(found), 1) if found else None,
        "homes": homes,
        "micro_grids": [
            {
                "id": micro or None,
                "name": place_words(registry, micro) if micro else "",
                "covered": sum(kept),
                "total": len(kept),
                "on_duty": [s.id for s in roster.responders(micro or None, now)],
            }
            for micro, kept in sorted(by_micro.items())
        ],
        "gaps": gaps_json(registry, now, now + AHEAD),
        "unassigned": roster.unassigned(),
    }
