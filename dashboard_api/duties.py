"""Routes about duty beyond the present moment: the week's shifts, the next hours, the ladder with its names.

`service` answers for now. What is here only reads the rota; `rota` changes it.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Depends, Query
from structlog import get_logger

from alerts import ladder
from alerts.circle import reachable_from, whereabouts
from alerts.roster import DESK_ROLES, RESPONDER_ROLES, Roster, instant, roster_of
from alerts.telling import address_of
from care import schematic
from care.ids import iso
from care.words import Level, Role
from dashboard_api import access, redact, shapes, wording
from dashboard_api.asking import signed_in
from dashboard_api.house import House
from dashboard_api.people import Who
from dashboard_api.problems import Problem, Why
from dashboard_api.reach import told_of
from dashboard_api.redact import Json

log = get_logger("api")

V = access.V
HOURS = 12
"""How far ahead holes are looked for on the page (ux 9.6)."""

TOLD = ("none", "untried", "failed", "sent", "verified")
WHOLE = timedelta(hours=36)
"""A shift lasts a day at most: looked so far around a week, the ones at its edges are whole."""


def routes(house: House) -> APIRouter:
    """All of them, on one house."""
    router = APIRouter()

    @router.get(f"{V}/duty/week", response_model=shapes.Week, tags=["duty"])
    def week(
        who: Annotated[Who, Depends(signed_in)],
        from_: Annotated[
            str | None, Query(alias="from", max_length=10, description="a day, 2026-05-18")
        ] = None,
    ) -> Json:
        """Seven days of shifts for each member of staff; this week from Monday when no day is named."""
        registry = house.picture.registry
        now = house.clock.now()
        today = now.astimezone(registry.zone).date()
        try:
            first = date.fromisoformat(from_) if from_ else today - timedelta(days=today.weekday())
        except ValueError:
            raise Problem(422, Why.invalid, "from: a day, 2026-05-18", fields=["from"]) from None
        roster = roster_of(registry)
        log.info("rota_read", by=who.by)
        start = instant(first, time(0), registry.zone)
        end = instant(first + timedelta(days=7), time(0), registry.zone)

        def shifts(person: str) -> list[Json]:
            """Whole, under the day on which they begin; one that began before this week under its first day."""
            return [
                {
                    "day": max(s.start, start).astimezone(registry.zone).date().isoformat(),
                    "from": iso(s.start),
                    "to": iso(s.end),
                    "now": s.start <= now < s.end,
                    "covers": registry.staff[s.covers].name if s.covers in registry.staff else None,
                }
                for s in roster.stretches(person, start - WHOLE, end + WHOLE)
                if s.start < end and start < s.end
            ]

        def missing(person: str) -> list[Json]:
            return [
                {
                    "day": m.start.astimezone(registry.zone).date().isoformat(),
                    "from": iso(m.start),
                    "to": iso(m.end),
                    "cover": registry.staff[m.cover].name if m.cover in registry.staff else None,
                }
                for m in roster.missing(person, start, end)
            ]

        seen = house.people.seen()
        reach = house.upkeep.upkeep.reach

        def told(person: str) -> str:
            """The best of their channels: one that works is enough."""
            states = [
                told_of(reach.get((person, address_of(url))))["state"] for url in registry.channels(person)
            ]
            return max(states, key=TOLD.index, default="none")

        staff = [
            {
                "id": s.id,
                "name": s.name,
                "role": s.role.value,
                "role_words": wording.ROLES.get(s.role, s.role.value),
                "micro_grids": [
                    registry.micro_grids[m][1].name for m in s.micro_grids if m in registry.micro_grids
                ],
                "phone": s.phone,
                "reachable": bool(registry.channels(s.id)),
                "told": told(s.id),
                "seen_at": iso(seen[s.id]) if s.id in seen else None,
                "on_duty": roster.is_on_duty(s.id, now),
                "always": not roster.has_shifts(s.id),
                "shifts": shifts(s.id) if roster.has_shifts(s.id) else [],
                "away": missing(s.id),
            }
            for s in registry.site.staff
            if s.role in DESK_ROLES | RESPONDER_ROLES | {Role.supervisor, Role.admin}
        ]
        return {
            "at": iso(now),
            "days": [(first + timedelta(days=n)).isoformat() for n in range(7)],
            "staff": redact.without_phones(staff) if who.role is Role.auditor else staff,
        }

    @router.get(f"{V}/duty/ahead", response_model=shapes.Ahead, tags=["duty"])
    def ahead() -> Json:
        """The next twelve hours: who is there, which homes nobody reaches in time, and the ladder's names now."""
        registry = house.picture.registry
        now = house.clock.now()
        promise = registry.site.policy.arrive_minutes
        roster = roster_of(registry)
        located = [h.id for h in registry.site.homes if h.location is not None]
        nowhere = [h.id for h in registry.site.homes if h.location is None]

        def hour(at: datetime) -> Json:
            responders = roster.on_duty(at, RESPONDER_ROLES)
            people = np.zeros(len(located), dtype=int)
            for staff in responders:
                start = whereabouts(registry, staff)
                if start is not None:
                    people += reachable_from(registry, start)
            holes = [located[n] for n in np.flatnonzero(people == 0)] + nowhere
            return {
                "at": iso(at),
                "desk": [s.name for s in roster.on_duty(at, DESK_ROLES)],
                "responders": len(responders),
                "covered": int((people > 0).sum()),
                "single": int((people == 1).sum()),
                "total": len(registry.site.homes),
                "holes": holes[:200],
            }

        full = now.replace(minute=0, second=0, microsecond=0)
        hours = [hour(now), *(hour(full + timedelta(hours=n)) for n in range(1, HOURS + 1))]
        missing = {home for one in hours for home in one["holes"]}
        return {
            "at": iso(now),
            "arrive_minutes": promise,
            "hours": hours,
            "homes": {
                name: schematic.building_of(home) or home.address or name
                for name in sorted(missing)
                for home in (registry.homes[name],)
            },
            "ladder": _ladder(house, roster, now),
            "screens": house.watching(),
        }

    return router


def _ladder(house: House, roster: Roster, now: datetime) -> list[Json]:
    """Each step of a red case with whom it would reach now, and the micro-grids where it would reach nobody."""
    registry = house.picture.registry
    micros: list[str | None] = [*registry.micro_grids] or [None]
    out = []
    for rung in ladder.plan_for(Level.red, registry.site.policy).rungs:
        found = {m: ladder.people(rung.groups, micro_grid=m, roster=roster, now=now) for m in micros}
        names = list(dict.fromkeys(s.name for people in found.values() for s in people))
        off = {s.id: s.name for people in found.values() for s in people if not roster.is_on_duty(s.id, now)}
        told = [{s.id for s in people} for people in found.values()]
        always = set.intersection(*told)
        everywhere = [s.name for s in next(iter(found.values())) if s.id in always]
        nobody = [
            registry.micro_grids[m][1].name for m, people in found.items() if m is not None and not people
        ]
        out.append(
            {
                "step": rung.step,
                "at_seconds": rung.after_seconds,
                "label": rung.label.get("zh", ""),
                "promise": rung.promise,
                "people": names,
                "everywhere": everywhere,
                "off_duty": list(dict.fromkeys(off.values())),
                "local_least": min(map(len, told)) - len(always),
                "local_most": max(map(len, told)) - len(always),
                "nobody_in": nobody if not rung.promise else [],
            }
        )
    return out
