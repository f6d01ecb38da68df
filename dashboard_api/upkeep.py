"""Routes of everyday care: visits and when they are due, and requests to come by that are no emergency."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from structlog import get_logger

from alerts.kept import note_visit
from alerts.upkeep import How, Visit, visits_due
from care.ids import content_id, iso
from care.messages import Finding, encode
from care.words import Level, Phase
from dashboard_api import access, present, shapes
from dashboard_api.asking import moment, signed_in
from dashboard_api.house import House
from dashboard_api.people import Who
from dashboard_api.problems import Problem, Why
from dashboard_api.redact import Json

log = get_logger("api")

V = access.V


def routes(house: House) -> APIRouter:
    """All of them, on one house."""
    router = APIRouter()

    @router.get(f"{V}/visits", response_model=shapes.VisitList, tags=["care"])
    def visits(who: Annotated[Who, Depends(signed_in)]) -> Json:
        """When each resident is to be visited next, the longest overdue first; empty while nothing is planned."""
        registry = house.picture.registry
        due = visits_due(registry, house.upkeep.upkeep, house.clock.now())
        mine = None
        if who.role in access.STAFF:
            staff = registry.staff.get(who.user.staff or "")
            mine = set(staff.micro_grids) if staff is not None else set()
        return {
            "planned": registry.site.policy.visits is not None,
            "items": [
                {
                    "home": d.home,
                    "resident": d.resident,
                    "name": registry.residents[d.resident][1].name,
                    "address": registry.homes[d.home].address,
                    "tier": d.tier.value,
                    **(present.visit_json(d, house.name_of) or {}),
                }
                for d in due
                if mine is None or registry.homes[d.home].micro_grid in mine
            ],
        }

    @router.post(
        f"{V}/residents/{{resident}}/visits", status_code=201, response_model=shapes.Visited, tags=["care"]
    )
    async def visited(resident: str, body: shapes.VisitMade, who: Annotated[Who, Depends(signed_in)]) -> Json:
        """Somebody has visited, at the door, by phone or by video. One in the future is refused; an older one than we know changes nothing."""
        if resident not in house.picture.registry.residents:
            raise Problem(404, Why.not_found, "没有这位老人")
        now = house.clock.now()
        at = moment("at", body.at) or now
        if at > now:
            raise Problem(422, Why.invalid, "at: 探访时间不能在将来", fields=["at"])
        visit = Visit(resident=resident, at=at, how=How(body.how), by=who.by, note=body.note)
        kept = await note_visit(house.stream, visit)
        log.info("visit_noted", resident=resident, by=who.by, how=body.how, kept=kept)
        return {"resident": resident, "at": iso(at), "how": body.how, "kept": kept}

    @router.post(
        f"{V}/homes/{{home}}/requests", status_code=202, response_model=shapes.Requested, tags=["care"]
    )
    async def request(home: str, body: shapes.Request, who: Annotated[Who, Depends(signed_in)]) -> Json:
        """一键上门: somebody is asked to come by. A blue task, never in the red queue; the same one again is one."""
        if home not in house.picture.registry.homes:
            raise Problem(404, Why.unknown_home, "没有这户人家")
        finding = requested(home, body.what, body.id or f"{who.by}:{body.what}", house)
        await house.stream.publish(finding.subject, encode(finding), message_id=finding.event_id)
        log.info("visit_requested", home=home, by=who.by)
        return {"finding": finding.finding}

    return router


def requested(home: str, what: str, name: str, house: House, *, at: datetime | None = None) -> Finding:
    """A request as a finding: one request is one case. `at`: when it was made, now when nobody says."""
    now = at or house.clock.now()
    finding = content_id("request", home, name, str(now.date()))
    zh, en = REQUESTS.get(what, REQUESTS["other"])
    return Finding(
        event_id=content_id(finding, "opened"),
        finding=finding,
        phase=Phase.opened,
        at=now,
        onset_at=now,
        rule="RQ1",
        rule_version=1,
        code="RQ1",
        level=Level.blue,
        home=home,
        cause=f"request:{finding}",
        pictogram="other",
        title={"zh": zh, "en": en},
        parameters={"what": what},
    )


REQUESTS = {
    "visit": ("请求上门", "asks somebody to come by"),
    "repair": ("请求维修", "asks for a repair"),
    "errand": ("请求代办", "asks for an errand"),
    "meal": ("请求送餐", "asks for a meal"),
    "medical": ("请求医生回访", "asks the doctor to call back"),
    "other": ("上门服务请求", "asks for a service"),
}
"""What can be asked for; the words of 一键联系社区上门 (domain section 1)."""
