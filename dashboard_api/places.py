"""Routes about places and devices: homes, history, strips, the map, devices, what was refused, the second way in."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response
from structlog import get_logger

from care import ages, schematic
from care.errors import Conflict, Misconfigured, Refused, Temporary
from care.ids import iso
from care.messages import HomeHabits, Refusal, Report, decode
from care.site import Device, Home, Resident, native_topic
from care.stream import HEALTH
from care.words import Role
from dashboard_api import access, present, redact, shapes, wording
from dashboard_api import strip as strips
from dashboard_api.asking import Reason, duration, large, moment, signed_in
from dashboard_api.devices import line
from dashboard_api.house import House
from dashboard_api.looks import health_opened, hour_opened
from dashboard_api.people import Who, issue_device_token
from dashboard_api.problems import Problem, Why
from dashboard_api.redact import Json
from devices.quantities import QUANTITIES

log = get_logger("api")

V = access.V
HISTORY_SECONDS = 5.0
"""How long a question to the database may take."""
HISTORY_LIMIT = 20_000
BUCKETS_LIMIT = 20_000
LONGEST = timedelta(days=400)


def routes(house: House) -> APIRouter:
    """All of them, on one house."""
    router = APIRouter()

    def home_of(name: str) -> Home:
        home = house.picture.registry.homes.get(name)
        if home is None:
            raise Problem(404, Why.unknown_home, "没有这户人家")
        return home

    def home_line(home: Home, who: Who, open_count: dict[str, int], about: set[str]) -> Json:
        health = house.picture.health.get(home.id)
        protection = health.protection if health is not None else "not"
        return {
            "id": home.id,
            "address": home.address,
            "building": schematic.building_of(home),
            "micro_grid": home.micro_grid,
            "floor": home.floor,
            "protection": protection,
            "protection_words": wording.PROTECTION.get(protection, protection),
            "reason": health.reason if health is not None else "unknown",
            **house.reasons(health),
            "paths": house.paths(health),
            "at": iso(health.at) if health is not None else None,
            "open_alerts": open_count.get(home.id, 0),
            # Who mends devices needs the door, not who lives behind it; nor does who checks what was done.
            "residents": []
            if who.role in (Role.maintenance, Role.auditor)
            else [
                redact.known_to(
                    present.person_json(r, house.clock.now()), who.role, case_open=home.id in about
                )
                for r in home.residents
            ],
        }

    def may_see(home: Home, who: Who, device: Device, quantity: str) -> bool:
        resident = house.picture.registry.resident_of(home, device)
        residents: list[Resident | None] = [resident] if resident is not None else [*home.residents] or [None]
        return all(access.may_read(who.role, quantity, r) for r in residents)

    # -- homes ------------------------------------------------------------------------------------------------

    @router.get(f"{V}/homes", response_model=shapes.Homes, tags=["homes"])
    def homes(who: Annotated[Who, Depends(signed_in)]) -> Response:
        """Every home with its protection; those nobody watches first."""
        order = {"not": 0, "partly": 1, "protected": 2}
        open_count, about = house.open_counts(), house.about_people()
        lines = [home_line(h, who, open_count, about) for h in house.picture.registry.site.homes]
        lines.sort(key=lambda h: (order.get(h["protection"], 0), h["id"]))
        log.info("homes_listed", by=who.by, role=who.role.value)
        return large({"items": lines, "protection": house.protection()})

    @router.get(f"{V}/homes/{{home}}", response_model=shapes.HomeDetail, tags=["homes"])
    def one_home(home: str, who: Annotated[Who, Depends(signed_in)]) -> Json:
        """One home: who lives there, what watches over them, what was last heard of them."""
        place = home_of(home)
        health = house.picture.health.get(home)
        log.info("home_read", by=who.by, role=who.role.value, home=home)
        drawn = strips.strip(
            place,
            house.picture.recent,
            health,
            house.clock.now(),
            minutes=60,
            zone=house.picture.registry.zone,
            may_see=lambda device, quantity: may_see(place, who, device, quantity),
            hidden_by=access.why_hidden(who.role),
            name_of=house.name_of,
        )
        return {
            **home_line(place, who, house.open_counts(), house.about_people()),
            "lift": place.lift,
            "phone": place.phone,
            "location": place.location,
            "contacts": present.contacts_json(place),
            "devices": [line(house, place, d, health) for d in place.devices],
            "alerts": [a.id for a in house.open_at(home)],
            "inference": drawn["inference"],
            "inference_en": drawn["inference_en"],
        }

    @router.get(
        f"{V}/homes/{{home}}/usual",
        response_model=shapes.Usual,
        responses={403: {"model": shapes.ProblemBody}},
        tags=["homes"],
    )
    async def usual(home: str, who: Annotated[Who, Depends(signed_in)], reason: Reason = "") -> Json:
        """What is usual for the people of a home: learnt from how many nights, since when, how sure, and what is not known.

        Each line is shown to whoever may see the quantity it was learnt from. Pulse, breath and nights are health:
        where there are any to show, and no case about somebody there is open, it wants a reason.
        """
        place = home_of(home)
        entry = await house.stream.get(HEALTH, f"usual.{home}")
        if entry is None or entry.data is None:
            log.info("usual_read", by=who.by, role=who.role.value, home=home, health=False)
            return {"home": home, "at": None, "items": [], "withheld": 0, "disturbed": {}}
        found = decode(entry.data, HomeHabits)
        health = False
        by_id = {r.id: r for r in place.residents}
        lines: list[Json] = []
        for habit in found.habits:
            whose: list[Resident | None] = [*place.residents] or [None]
            if habit.resident in by_id:
                whose = [by_id[habit.resident]]
            if all(access.may_read(who.role, habit.quantity, r) for r in whose):
                line = msgspec.to_builtins(habit)
                lines.append({k: v for k, v in line.items() if k != "quantity"})
                health = health or access.is_health(habit.quantity)
        explained = await health_opened(house, who, home, "usual", reason) if health else False
        log.info(
            "usual_read", by=who.by, role=who.role.value, home=home, health=health, with_reason=explained
        )
        return {
            "home": home,
            "at": iso(found.at),
            "items": lines,
            "withheld": len(found.habits) - len(lines),
            "disturbed": found.disturbed,
        }

    @router.get(
        f"{V}/homes/{{home}}/strip",
        response_model=shapes.Strip,
        responses={403: {"model": shapes.ProblemBody}},
        tags=["homes"],
    )
    async def strip(
        home: str,
        who: Annotated[Who, Depends(signed_in)],
        minutes: Annotated[float, Query(gt=0, le=60)] = 60,
        reason: Reason = "",
    ) -> Json:
        """The last hour of a home in a few rows, from memory: it needs no database. Without an open case there it wants a reason.

        With nothing but tasks open, and no reason, pulse, breath and bed are left out.
        """
        place = home_of(home)
        body, explained = await hour_opened(house, who, home, reason)
        log.info("strip_read", by=who.by, role=who.role.value, home=home, with_reason=explained)

        def shown(device: Device, quantity: str) -> bool:
            return may_see(place, who, device, quantity) and (body or not access.is_health(quantity))

        held = not body and any(may_see(place, who, d, "in_bed") for d in place.devices)
        return strips.strip(
            place,
            house.picture.recent,
            house.picture.health.get(home),
            house.clock.now(),
            minutes=minutes,
            zone=house.picture.registry.zone,
            may_see=shown,
            hidden_by="case" if held else access.why_hidden(who.role),
            name_of=house.name_of,
        )

    @router.get(
        f"{V}/homes/{{home}}/history",
        response_model=shapes.Readings,
        responses={
            403: {"model": shapes.ProblemBody},
            503: {"model": shapes.ProblemBody, "description": "the database is away; nothing else is"},
        },
        tags=["homes"],
    )
    async def history(
        home: str,
        who: Annotated[Who, Depends(signed_in)],
        quantity: Annotated[str, Query(pattern=r"^[a-z][a-z0-9_]{0,39}$")],
        from_: Annotated[str | None, Query(alias="from", max_length=40)] = None,
        to: Annotated[str | None, Query(max_length=40)] = None,
        step: Annotated[str | None, Query(max_length=10, description="300, 30s, 5m, 1h or 1d")] = None,
        device: Annotated[str | None, Query(max_length=64)] = None,
        limit: Annotated[
            int, Query(ge=1, le=1_000_000, description=f"at most {HISTORY_LIMIT} are given")
        ] = 5000,
        cursor: Annotated[str | None, Query(max_length=200)] = None,
        reason: Reason = "",
    ) -> Json:
        """A quantity over time, from the database: the last day when nothing else is said. A gap is a gap.

        Heart, breathing and bed are health: without an open case about somebody there they want a reason, on every page.
        """
        place = home_of(home)
        if quantity not in QUANTITIES:
            raise Problem(422, Why.invalid, f"没有 {quantity} 这个量", fields=["quantity"])
        now = house.clock.now()
        to_at = moment("to", to) or now
        from_at = moment("from", from_) or to_at - timedelta(days=1)
        if not timedelta(0) < to_at - from_at <= LONGEST:
            raise Problem(422, Why.invalid, "from < to, at most 400 days", fields=["from", "to"])
        bucket = duration("step", step)
        if bucket is not None and (to_at - from_at) / bucket > BUCKETS_LIMIT:
            raise Problem(422, Why.invalid, f"at most {BUCKETS_LIMIT} buckets", fields=["step"])
        if device is not None and device not in {d.id for d in place.devices}:
            raise Problem(404, Why.unknown_device, "这户没有这台设备")
        sources = [d for d in place.devices if device is None or d.id == device]
        if not all(may_see(place, who, d, quantity) for d in sources) or not sources:
            log.info("history_denied", by=who.by, role=who.role.value, home=home, quantity=quantity)
            raise Problem(403, Why.no_consent, "没有查看此类数据的授权")
        explained = (
            await health_opened(house, who, home, "history", reason) if access.is_health(quantity) else False
        )
        log.info(
            "history_read",
            by=who.by,
            role=who.role.value,
            home=home,
            quantity=quantity,
            with_reason=explained,
        )
        items, following = await _asked(house, home, quantity, from_at, to_at, device, bucket, limit, cursor)
        return {
            "home": home,
            "quantity": quantity,
            "items": items,
            "next": following,
            **_too_old(now, from_at, bucket, house.kept),
        }

    @router.get(f"{V}/map", tags=["homes"])
    def community_map() -> Json:
        """The community as a schematic in a box of 500 x 392 units."""
        return schematic.schematic(house.picture.registry)

    # -- devices ----------------------------------------------------------------------------------------------

    @router.get(f"{V}/devices", response_model=shapes.Devices, tags=["devices"])
    def devices(who: Annotated[Who, Depends(signed_in)]) -> Response:
        """Every device of the site file and what is known of it; those that do not protect first."""
        less = {"battery": None} if who.role is Role.auditor else {}
        lines = [
            {**line(house, home, device, house.picture.health.get(home.id)), **less}
            for home, device in house.picture.registry.devices.values()
        ]
        lines.sort(key=lambda d: (not d["reason"], d["home"], d["id"]))
        return large({"items": lines})

    @router.get(f"{V}/devices/unclaimed", response_model=shapes.UnclaimedList, tags=["devices"])
    def unclaimed(who: Annotated[Who, Depends(signed_in)]) -> Json:
        """Who publishes without being in the site file, with the last payload; nobody's values for who mends devices."""
        return {
            "items": [
                {
                    "topic": g.unclaimed.topic,
                    "dialect": g.unclaimed.dialect,
                    "last_at": iso(g.unclaimed.received_at),
                    "count": g.count,
                    "suggested_kind": g.unclaimed.suggested_kind,
                    "suggested_home": g.unclaimed.suggested_home,
                    "payload": "" if who.role is Role.maintenance else g.unclaimed.payload,
                }
                for g in house.picture.still_unclaimed()
            ]
        }

    @router.post(
        f"{V}/devices/claims",
        status_code=201,
        response_model=shapes.Claimed,
        responses={
            409: {"model": shapes.ProblemBody},
            422: {"model": shapes.ProblemBody},
            503: {"model": shapes.ProblemBody},
        },
        tags=["devices"],
    )
    async def claim(body: shapes.ClaimBody, who: Annotated[Who, Depends(signed_in)]) -> Json:
        """Claim a device that publishes: one line in the site file, which is loaded. Its next message counts."""
        if house.claim is None:
            raise Problem(503, Why.unavailable, "服务设置里没有填社区档案（site），不能登记，请联系管理员")
        if body.home not in house.picture.registry.homes:
            raise Problem(422, Why.unknown_home, "没有这户人家")
        try:
            device, line = await house.claim(
                body.topic,
                home=body.home,
                kind=body.kind,
                room=body.room,
                name=body.id,
                resident=body.resident,
                model=body.model,
            )
        except Conflict as no:
            raise Problem(409, Why.already_claimed, f"已登记为 {no.detail}") from None
        except Misconfigured as no:
            raise Problem(422, Why.refused, str(no)) from None
        log.info("device_claimed", by=who.by, device=device.id, home=body.home, kind=body.kind.value)
        return {
            "device": device.id,
            "home": body.home,
            "kind": device.kind.value,
            "room": device.room,
            "line": line,
        }

    @router.get(f"{V}/quarantine", response_model=shapes.Quarantine, tags=["devices"])
    def quarantine(who: Annotated[Who, Depends(signed_in)]) -> Json:
        """What was refused within the last day, why, how often, and a piece of it. From memory.

        Who mends devices is told the reason, and no value that might be somebody's pulse.
        """
        bare = who.role is Role.maintenance
        return {
            "items": [
                {
                    "topic": g.refusal.topic,
                    "device": g.refusal.device,
                    "home": g.refusal.home,
                    "reason": g.refusal.reason,
                    "quantity": g.refusal.quantity,
                    "count": g.count,
                    "last_at": iso(g.refusal.received_at),
                    "detail": "" if bare else g.refusal.detail,
                    "sample": "" if bare else g.refusal.sample,
                    "alarm": g.refusal.alarm,
                }
                for g in reversed(list(house.picture.refusals.values()))
            ]
        }

    @router.post(
        f"{V}/devices/{{device}}/readings",
        response_model=shapes.Accepted,
        responses={422: {"model": shapes.ProblemBody}, 503: {"model": shapes.ProblemBody}},
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": {"type": ["object", "array"]}}},
            }
        },
        tags=["devices"],
    )
    async def readings(device: str, request: Request) -> Json:
        """The second way in for a device, with its token: the same payload as by MQTT, durable before the answer."""
        found = house.picture.registry.devices.get(device)
        if found is None:
            raise Problem(404, Why.unknown_device, "没有这台设备")
        if house.accept_reading is None:
            raise Problem(503, Why.unavailable, "此入口未启用")
        home, known = found
        topic = known.address or native_topic(home.id, known.id)
        try:
            outcomes = await house.accept_reading(topic, await request.body(), house.clock.now())
        except Refused as no:
            raise Problem(422, Why.refused, no.detail, refused=[{"reason": no.reason.value}]) from None
        accepted = sum(1 for o in outcomes if isinstance(o, Report))
        refused = [
            {"reason": o.reason, "quantity": o.quantity, "detail": o.detail}
            for o in outcomes
            if isinstance(o, Refusal)
        ]
        log.info("readings_taken_by_http", device=device, accepted=accepted, refused=len(refused))
        if refused and not accepted:
            raise Problem(422, Why.refused, "没有可用的读数", refused=refused)
        return {"accepted": accepted, "refused": refused}

    @router.post(f"{V}/devices/{{device}}/token", response_model=shapes.DeviceTokenBody, tags=["devices"])
    async def token(device: str, who: Annotated[Who, Depends(signed_in)]) -> Json:
        """Make a device's token. It is shown this once; an older one ends."""
        if device not in house.picture.registry.devices:
            raise Problem(404, Why.unknown_device, "没有这台设备")
        try:
            made = await issue_device_token(house.stream, device, house.clock.now())
        except Misconfigured as no:
            raise Problem(422, Why.invalid, str(no)) from None
        log.info("device_token_issued", by=who.by, device=device)
        return {"device": device, "token": made}

    return router


def _too_old(now: datetime, from_at: datetime, bucket: timedelta | None, ages_kept: ages.Ages) -> Json:
    """What is said when the question reaches back further than figures so fine are kept: an empty past is no quiet one."""
    kept = ages.kept_from(now, bucket, ages_kept)
    if from_at >= kept:
        return {"kept_from": None, "try_step": None, "notice": ""}
    step = ages.coarser(now, from_at, ages_kept)
    return {
        "kept_from": iso(kept),
        "try_step": step,
        "notice": f"{kept:%Y-%m-%d}（UTC）以前的数据已不按此精度保存"
        + (f"，请用 step={step} 查看" if step is not None else "，也没有更粗的数据"),
    }


async def _asked(
    house: House,
    home: str,
    quantity: str,
    from_at: datetime,
    to_at: datetime,
    device: str | None,
    bucket: timedelta | None,
    limit: int,
    cursor: str | None,
) -> tuple[list[list[Any]], str | None]:
    """What the database says; 503 when it does not."""
    away = Problem(
        503, Why.history_unavailable, "历史暂不可用，实时告警不受影响", headers={"Retry-After": "5"}
    )
    if house.history is None:
        raise away
    try:
        async with asyncio.timeout(HISTORY_SECONDS):
            if bucket is not None:
                buckets = await house.history.buckets(
                    home=home, quantity=quantity, from_at=from_at, to_at=to_at, device=device, step=bucket
                )
                return [[iso(at), *figures] for at, *figures in buckets], None
            points, following = await house.history.readings(
                home=home,
                quantity=quantity,
                from_at=from_at,
                to_at=to_at,
                device=device,
                limit=min(limit, HISTORY_LIMIT),
                cursor=cursor,
            )
            return [[iso(at), value] for at, value in points], following
    except (Temporary, TimeoutError):
        house.history_ok = False
        raise away from None
    except ValueError:
        raise Problem(422, Why.bad_cursor, "not a cursor of ours", fields=["cursor"]) from None
