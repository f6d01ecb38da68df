"""Routes of test campaigns: a named tester tries alarm devices within an hour, and says of each alarm that it was the test.

What nobody confirms in time is red (`alerts.campaigns`). A confirmation closes the very case as its giver saw it: had
it become red meanwhile, it is refused and stays real.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends
from structlog import get_logger

from alerts.campaigns import AHEAD, LONGEST, MOST_DEVICES, Campaign, campaign_id
from alerts.kept import keep_campaign
from alerts.orders import NotAllowed, Order
from alerts.upkeep import TESTED
from care.ids import iso
from care.words import Command, Level
from dashboard_api import access, shapes, wording
from dashboard_api.asking import moment, signed_in
from dashboard_api.house import House
from dashboard_api.people import Who
from dashboard_api.picture import Case
from dashboard_api.problems import Problem, Why
from dashboard_api.redact import Json

log = get_logger("api")

V = access.V
SHOWN = timedelta(days=14)
REAL = "已按真实告警处理，请立即联系值班席"
CHANGED = "刚有新情况，请看一眼后再确认"
NOT_WAITING = "这个告警不在等待测试确认"
CODES: Json = {
    "cause": "C13", "verification": "V4", "actions": ("A2",), "outcome": "O1", "truth": "test"
}  # fmt: skip
"""A test, seen on the spot by who went there (domain 4.5)."""


async def confirmed(
    house: House, case: Case, *, by: str, tester: str, version: int | None = None, note: str = ""
) -> Case:
    """The tester says that this alarm was the test. Raises a 409 when it is real by now."""
    alert = case.alert
    if alert.tester != tester or alert.confirm_by is None:
        raise Problem(409, Why.refused, NOT_WAITING if alert.tester is None else REAL)
    if not alert.open and alert.outcome is not None and alert.outcome.truth == "test":
        return case
    if alert.level is Level.red or not alert.open or house.clock.now() >= alert.confirm_by:
        raise Problem(409, Why.refused, REAL)
    # The version as it was seen: a case that became red since is another one.
    seen = version if version is not None else alert.version
    order = Order(command=Command.close, actor=by, version=seen, note=note or "设备测试", **CODES)
    try:
        done = await house.carry_out(case, order)
    except NotAllowed as no:
        now_is = house.picture.cases.get(alert.id, case).alert
        waits = now_is.open and now_is.level is not Level.red
        raise Problem(no.status, no.reason, CHANGED if waits else REAL) from None
    device = alert.findings[0].device
    now = house.clock.now()
    if alert.campaign is not None and device is not None:

        def pass_(known: Campaign | None) -> Campaign:
            if known is None:
                raise Problem(404, Why.not_found, "没有这次测试")
            return msgspec.structs.replace(known, passed={**known.passed, device: now})

        await keep_campaign(house.stream, alert.campaign, pass_)
    log.info("test_confirmed", by=by, tester=tester, alert=alert.id, number=alert.number, device=device)
    return done


def routes(house: House) -> APIRouter:
    """All of them, on one house."""
    router = APIRouter()

    def shown(campaign: Campaign, now: datetime) -> Json:
        registry = house.picture.registry
        devices = [(d, registry.devices[d]) for d in campaign.devices if d in registry.devices]
        waiting = [
            a
            for a in house.open_alerts()
            if a.campaign == campaign.id and a.confirm_by is not None and a.level is not Level.red
        ]
        return {
            "id": campaign.id,
            "tester": {"id": campaign.tester, "name": house.name_of(campaign.tester)},
            "begins": iso(campaign.begins),
            "ends": iso(campaign.ends),
            "state": "ahead" if now < campaign.begins else "running" if campaign.runs(now) else "over",
            "by": house.name_of(campaign.by),
            "devices": [
                {
                    "device": name,
                    "home": home.id,
                    "address": home.address,
                    "label": wording.device_label(device),
                    "label_en": wording.device_name_en(device),
                    "passed_at": iso(campaign.passed[name]) if name in campaign.passed else None,
                }
                for name, (home, device) in devices
            ],
            "waiting": [
                {
                    "alert": a.id,
                    "number": a.number,
                    "device": a.findings[0].device or "",
                    "address": registry.homes[a.home].address if a.home in registry.homes else a.home,
                    "confirm_by": iso(a.confirm_by),  # type: ignore[arg-type]  # those without were left out
                    "version": a.version,
                }
                for a in waiting
            ],
        }

    @router.get(f"{V}/campaigns", response_model=shapes.CampaignList, tags=["devices"])
    def campaigns(who: Annotated[Who, Depends(signed_in)]) -> Json:
        """Test campaigns of the last two weeks and those ahead, the newest first, with what waits for a word.

        Whoever sits at no desk is shown their own: the homes of other people's tests are nothing to them.
        """
        now, registry = house.clock.now(), house.picture.registry
        desk = who.role in access.DESK
        there = [
            c
            for c in house.upkeep.campaigns.values()
            if now - c.ends <= SHOWN and (desk or c.tester == who.user.staff)
        ]
        return {
            "at": iso(now),
            "items": [shown(c, now) for c in sorted(there, key=lambda c: (c.begins, c.id), reverse=True)],
            "testers": [
                {"id": s.id, "name": s.name} for s in registry.site.staff if desk and registry.channels(s.id)
            ],
        }

    @router.post(f"{V}/campaigns", status_code=201, response_model=shapes.CampaignBody, tags=["devices"])
    async def begin(body: shapes.CampaignWanted, who: Annotated[Who, Depends(signed_in)]) -> Json:
        """Open a window of at most an hour for one tester and named devices. Alarms in it stay real until the tester says otherwise."""
        registry, now = house.picture.registry, house.clock.now()
        if body.tester not in registry.staff:
            raise Problem(422, Why.invalid, "tester: 没有这位工作人员", fields=["tester"])
        if not registry.channels(body.tester):
            raise Problem(
                422, Why.invalid, "tester: 这位工作人员没有通知方式，无法确认测试", fields=["tester"]
            )
        strange = [
            d for d in body.devices if d not in registry.devices or registry.devices[d][1].kind not in TESTED
        ]
        if strange:
            raise Problem(
                422, Why.invalid, f"devices: 不是可测试的报警设备：{strange[0][:64]}", fields=["devices"]
            )
        if unknown := [h for h in body.homes if h not in registry.homes]:
            raise Problem(404, Why.unknown_home, f"没有这户人家：{unknown[0][:64]}")
        wanted = dict.fromkeys(body.devices) | dict.fromkeys(
            d.id for h in body.homes for d in registry.homes[h].devices if d.kind in TESTED
        )
        if not 0 < len(wanted) <= MOST_DEVICES:
            raise Problem(
                422, Why.invalid, f"devices: 一次 1 到 {MOST_DEVICES} 台报警设备", fields=["devices", "homes"]
            )
        begins = moment("begins", body.begins) or now
        if not now - timedelta(minutes=1) <= begins <= now + AHEAD:
            raise Problem(422, Why.invalid, f"begins: 须在 {AHEAD.days} 天内", fields=["begins"])
        length = min(LONGEST, timedelta(minutes=body.minutes))
        # The same window asked for twice by a double tap begins within the same minute.
        name = campaign_id(body.tester, wanted, begins.replace(second=0, microsecond=0))
        made = Campaign(
            id=name,
            tester=body.tester,
            devices=tuple(wanted),
            begins=begins,
            ends=begins + length,
            made_at=now,
            by=who.by,
        )
        kept = await keep_campaign(house.stream, name, lambda known: known or made)
        log.info("campaign_begun", campaign=name, tester=body.tester, devices=len(wanted), by=who.by)
        return shown(kept, now)

    @router.post(
        f"{V}/campaigns/{{campaign}}/end",
        response_model=shapes.CampaignBody,
        responses={404: {"model": shapes.ProblemBody}},
        tags=["devices"],
    )
    async def end(campaign: str, who: Annotated[Who, Depends(signed_in)]) -> Json:
        """Close the window now: what comes from here on is real."""
        now = house.clock.now()

        def change(known: Campaign | None) -> Campaign:
            if known is None:
                raise Problem(404, Why.not_found, "没有这次测试")
            if now >= known.ends:
                return known
            return msgspec.structs.replace(known, ends=max(now, known.begins), ended_by=who.by)

        kept = await keep_campaign(house.stream, campaign, change)
        log.info("campaign_ended", campaign=campaign, by=who.by)
        return shown(kept, now)

    @router.post(
        f"{V}/campaigns/{{campaign}}/confirm",
        response_model=shapes.CampaignBody,
        responses={code: {"model": shapes.ProblemBody} for code in (404, 409)},
        tags=["devices"],
    )
    async def confirm(
        campaign: str, body: shapes.CampaignWord, who: Annotated[Who, Depends(signed_in)]
    ) -> Json:
        """This alarm was the test: said by the tester, or by the desk with the tester on the phone (then `note` says so)."""
        known = house.upkeep.campaigns.get(campaign)
        if known is None:
            raise Problem(404, Why.not_found, "没有这次测试")
        if who.user.staff != known.tester:
            if who.role not in access.OPERATORS:
                raise Problem(403, Why.forbidden, "只有测试员本人可以确认")
            if not body.note.strip():
                raise Problem(422, Why.reason_needed, "note: 代测试员确认须写明怎样核实", fields=["note"])
        case = await house.find(body.alert)
        if case is None or case.alert.campaign != campaign:
            raise Problem(404, Why.unknown_alert, "这次测试里没有这个告警")
        await confirmed(
            house, case, by=who.by, tester=known.tester, version=body.version, note=body.note.strip()
        )
        kept = await keep_campaign(house.stream, campaign, lambda known: known or _gone())
        return shown(kept, house.clock.now())

    return router


def _gone() -> Campaign:
    raise Problem(404, Why.not_found, "没有这次测试")
