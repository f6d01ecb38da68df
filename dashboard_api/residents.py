"""Routes about the people who are watched over: find one, their card, their days, and what a relative may hear.

A look at somebody's health without an open case about somebody there wants a reason, and every look is logged; the reason is not (it may
name a person). History comes from the database and is missing when that is away; the card needs none.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from structlog import get_logger

from alerts.alert import CheckView
from alerts.cases import AREA
from alerts.upkeep import next_visit
from care import schematic
from care.errors import Temporary
from care.ids import iso
from care.site import Device, Home, Resident, value_of
from care.words import Kind, Level, Role
from dashboard_api import access, days, present, redact, shapes, wording
from dashboard_api import strip as strips
from dashboard_api.asking import Reason, signed_in
from dashboard_api.history import Bucket, History
from dashboard_api.house import House
from dashboard_api.looks import health_opened
from dashboard_api.people import Who
from dashboard_api.photos import GRACE, Photos, standing
from dashboard_api.problems import Problem, Why
from dashboard_api.redact import Json
from devices.kinds import KINDS

log = get_logger("api")

V = access.V
FOUND_AT_MOST = 100
ASK_SECONDS = 8.0
NIGHTS = 14
STEPS = {1: timedelta(minutes=5), 7: timedelta(minutes=30), 28: timedelta(hours=1)}
VITALS = {"heart_rate": ("心率", "次/分"), "respiration_rate": ("呼吸", "次/分")}
LANES = (("kitchen", "厨房"), ("bathroom", "卫生间"), ("other", "其他房间"))
_BATH = frozenset({"bathroom", "toilet"})
_KITCHEN = frozenset({"kitchen", "dining"})


def routes(house: House, photos: Photos) -> APIRouter:
    """All of them, on one house."""
    router = APIRouter()

    def known(name: str) -> tuple[Home, Resident]:
        found = house.picture.registry.residents.get(name)
        if found is None:
            raise Problem(404, Why.unknown_resident, "没有这位老人")
        return found

    def sign_of_life(home: Home, who: Who) -> Json:
        drawn = strips.strip(
            home,
            house.picture.recent,
            house.picture.health.get(home.id),
            house.clock.now(),
            minutes=60,
            zone=house.picture.registry.zone,
            may_see=lambda device, quantity: may_see(home, who, device, quantity),
            hidden_by=access.why_hidden(who.role),
            rooms=True,
        )
        return {
            "sign_of_life": drawn["inference"],
            "sign_of_life_en": drawn["inference_en"],
            "sign_of_life_at": drawn["inference_at"],
        }

    def may_see(home: Home, who: Who, device: Device, quantity: str) -> bool:
        resident = house.picture.registry.resident_of(home, device)
        residents: list[Resident | None] = [resident] if resident is not None else [*home.residents] or [None]
        return all(access.may_read(who.role, quantity, r) for r in residents)

    def line(home: Home, resident: Resident, count: dict[str, int], about: set[str], role: Role) -> Json:
        health = house.picture.health.get(home.id)
        protection = health.protection if health is not None else "not"
        grid = house.picture.registry.grid_of(home)
        return {
            **redact.known_to(
                present.person_json(resident, house.clock.now()), role, case_open=home.id in about
            ),
            "tier_words": wording.TIERS[resident.tier],
            "home": home.id,
            "address": home.address,
            "building": schematic.building_of(home),
            "micro_grid": grid[1].name if grid else None,
            "protection": protection,
            "protection_words": wording.PROTECTION.get(protection, protection),
            **house.reasons(health),
            "open_alerts": count.get(home.id, 0),
        }

    def doctor(resident: Resident) -> Json | None:
        found = house.picture.registry.staff.get(resident.doctor or "")
        return {"id": found.id, "name": found.name, "phone": found.phone} if found is not None else None

    def visit(resident: Resident, now: datetime) -> Json | None:
        due = next_visit(house.picture.registry, house.upkeep.upkeep, resident.id, now)
        return present.visit_json(due, house.name_of)

    @router.get(f"{V}/residents", response_model=shapes.Residents, tags=["residents"])
    def residents(
        who: Annotated[Who, Depends(signed_in)],
        q: Annotated[str, Query(max_length=80, description="name, address, phone, device or id")] = "",
        limit: Annotated[int, Query(ge=1, le=FOUND_AT_MOST)] = FOUND_AT_MOST,
    ) -> Json:
        """The people of the community; with open cases first, then those nobody watches in full, then by tier."""
        wanted = q.strip().lower()
        count, about = house.open_counts(), house.about_people()
        found = [
            line(home, resident, count, about, who.role)
            for home, resident in house.picture.registry.residents.values()
            if not wanted or any(wanted in word.lower() for word in _words(home, resident))
        ]
        protection = {"not": 0, "partly": 1, "protected": 2}
        tier = {"key": 0, "important": 1, "general": 2}
        found.sort(
            key=lambda r: (
                -r["open_alerts"],
                protection.get(r["protection"], 0),
                tier.get(r["tier"], 3),
                r["id"],
            )
        )
        log.info("residents_listed", by=who.by, role=who.role.value, found=len(found))
        leaving = photos.unnamed_since if who.role in access.PHOTO_READERS else {}
        return {
            "items": found[:limit],
            "total": len(found),
            "photos_leaving": [
                {"resident": name, "on": str((at + GRACE).astimezone(house.picture.registry.zone).date())}
                for name, at in sorted(leaving.items(), key=lambda one: (one[1], one[0]))
            ],
        }

    @router.get(f"{V}/residents/{{resident}}", response_model=shapes.ResidentCard, tags=["residents"])
    def one(resident: str, who: Annotated[Who, Depends(signed_in)]) -> Json:
        """Somebody's card: who, where, how to get in touch and in, what watches, what was last heard."""
        home, person = known(resident)
        registry = house.picture.registry
        now = house.clock.now()
        log.info("resident_read", by=who.by, role=who.role.value, resident=resident)
        open_ids = [a.id for a in house.open_at(home.id)]
        rows = [
            r
            for r in list(house.picture.rows.values())
            if home.id in r.homes and now - r.raised_at <= timedelta(days=28) and not r.test
        ]
        causes: dict[tuple[str, str], Json] = {}
        for row in rows:
            entry = causes.setdefault(
                (row.level.value, row.title),
                {
                    "level": row.level.value,
                    "title": row.title,
                    "title_en": row.title_en,
                    "count": 0,
                    "last_at": "",
                    "ended": {},
                    "ended_en": {},
                },
            )
            entry["count"] += 1
            entry["last_at"] = max(entry["last_at"], iso(row.raised_at))
            if row.words:
                for key, words in (("ended", row.words), ("ended_en", row.words_en)):
                    entry[key][words] = entry[key].get(words, 0) + 1
        devices = house.picture.health.get(home.id)
        return {
            **line(home, person, house.open_counts(), house.about_people(), who.role),
            "place": present.place_json(home, registry),
            "contacts": present.contacts_json(home),
            "together": [{"id": r.id, "name": r.name} for r in home.residents if r.id != person.id],
            "photo": standing(photos, who, person),
            "doctor": doctor(person),
            "visit": visit(person, now),
            **sign_of_life(home, who),
            "limits": {name: value_of(given) for name, given in person.limits.items()},
            "consent": person.consent,
            "devices": [
                {
                    "id": d.id,
                    "label": wording.device_label(d),
                    "label_en": wording.device_label_en(d),
                    "last_at": iso(heard) if (heard := house.picture.recent.newest.get(d.id)) else None,
                    "reason_words": _reason(devices, d.id),
                }
                for d in home.devices
            ],
            "open": open_ids,
            "causes": sorted(causes.values(), key=lambda c: (-c["count"], c["title"])),
            "at": iso(now),
        }

    @router.get(
        f"{V}/residents/{{resident}}/days",
        response_model=shapes.ResidentDays,
        responses={403: {"model": shapes.ProblemBody}, 503: {"model": shapes.ProblemBody}},
        tags=["residents"],
    )
    async def some_days(
        resident: str,
        who: Annotated[Who, Depends(signed_in)],
        length: Annotated[Literal["1", "7", "28"], Query(alias="days")] = "1",
        reason: Reason = "",
    ) -> Json:
        """Vitals, nights and the ribbon of a day, a week or four. Without an open case about somebody there it wants a reason."""
        home, person = known(resident)
        registry = house.picture.registry
        explained = await health_opened(house, who, home.id, "days", reason)
        if house.history is None:
            raise _away()
        belts = [
            d
            for d in home.devices
            if d.kind is Kind.bed_belt and registry.resident_of(home, d) in (person, None)
        ]
        seen = {
            q: [d for d in belts if may_see(home, who, d, q)]
            for q in ("heart_rate", "respiration_rate", "in_bed")
        }
        movers = [d for d in home.devices if _moves(d)]
        moving = [d for d in movers if may_see(home, who, d, _moves(d))]
        hidden = sorted({_moves(d) for d in movers} - {_moves(d) for d in moving})
        log.info(
            "resident_health_read", by=who.by, role=who.role.value, resident=resident, days=int(length),
            with_reason=explained,
        )  # fmt: skip
        count = int(length)
        now = house.clock.now()
        start = now - timedelta(days=1) if count == 1 else days.day_start(now, registry.zone, count - 1)
        step = STEPS[count]
        ask = _Ask(house.history, home)
        try:
            async with asyncio.timeout(ASK_SECONDS):
                vitals = [
                    await _vital(ask, name, seen[name], start, now, step)
                    for name in VITALS
                    if seen[name]  # a curve that is kept from the reader is not drawn as one without data
                ]
                fine = STEPS[1]
                since = days.day_start(now, registry.zone, NIGHTS)
                beds = [await ask("in_bed", d, since, now, fine) for d in seen["in_bed"]]
                ribbon = await _ribbon(
                    ask, moving, start, now, step, belts=seen["in_bed"], whole=not hidden and len(seen["in_bed"]) == len(belts),
                )  # fmt: skip
        except (Temporary, TimeoutError):
            house.history_ok = False
            raise _away() from None
        bed = (
            days.merged(
                [
                    days.stretches(b, step=fine, start=since, end=now, silent=timedelta(minutes=10))
                    for b in beds
                ]
            )
            if beds
            else []
        )
        ups = sorted(at for b in beds for at in days.got_up(b))
        return {
            "resident": resident,
            "from": iso(start),
            "to": iso(now),
            "days": count,
            "vitals": vitals,
            "nights": days.nights(
                bed, ups, zone=registry.zone, last=now.astimezone(registry.zone).date(), count=NIGHTS
            ) if beds else [],
            "ribbon": ribbon,
            "alarms": [
                {
                    "id": r.id, "number": r.number, "at": iso(r.raised_at), "level": r.level.value, "title": r.title, "title_en": r.title_en,
                    "words": r.words, "words_en": r.words_en,
                }
                for r in list(house.picture.rows.values())
                if home.id in r.homes and r.raised_at >= start and not r.test
            ],
            "withheld": [*(q for q, d in seen.items() if belts and not d), *hidden],
            "withheld_by": access.why_hidden(who.role),
        }  # fmt: skip

    @router.get(f"{V}/family", response_model=shapes.FamilyPage, tags=["residents"])
    def family(who: Annotated[Who, Depends(signed_in)]) -> Json:
        """How somebody's relative is, in one sentence; what they allowed to be told, and nothing else."""
        found = house.picture.registry.contacts.get(who.user.contact or "")
        if found is None:
            raise Problem(404, Why.not_found, "这个账号没有对应到家属，请联系社区")
        home, contact = found
        log.info("family_read", by=who.by, home=home.id)
        return family_page(house, home, contact.id)

    return router


JUST_ENDED = timedelta(hours=2)
"""So long after its end a case is what a relative's page speaks of."""


def family_page(house: House, home: Home, contact: str) -> Json:
    """What a relative's page shows. Pure but for what the house knows."""
    registry = house.picture.registry
    now = house.clock.now()
    viewer = redact.relative(home, contact)
    agreed = [r for r in home.residents if r.id in viewer.residents]
    page: Json = {
        "at": iso(now),
        "simulated": home.simulated,
        "names": [r.name for r in agreed],
        "relation": registry.contacts[contact][1].relation,
        "phone": home.phone if agreed else "",
        "centre_phone": registry.site.community.phone,
        "allowed": [],
        "words": "",
        "words_en": "",
        "calm": None,
        "last_at": None,
        "protection": None,
        "protection_words": "",
        "cases": [],
    }
    if not agreed:
        return {
            **page,
            "words": "老人还没有同意向家属显示情况",
            "words_en": "Your relative has not yet agreed to share this with the family",
        }
    granted = {word for r in agreed for word in (r.consent or {}).get("family", [])}
    page["allowed"] = sorted(granted)
    health = house.picture.health.get(home.id)
    protection = health.protection if health is not None else "not"
    page["protection"] = protection
    page["protection_words"] = wording.PROTECTION.get(protection, protection)
    cases, of_area = [], set()
    for case in list(house.picture.cases.values()):  # served beside the loop in which cases come and go
        seen = house.alert_for(case, viewer)
        if seen is not None:
            outcome = case.alert.outcome.outcome if case.alert.outcome is not None else None
            owner = house.name_of(case.alert.owner) if case.alert.owner else ""
            if case.alert.cause == AREA:
                of_area.add(case.alert.id)
                check = next((c for c in case.alert.checks if c.home == seen["home"]), None)
                told = redact.area_words(seen["state"], check.result if check is not None else None, "en")
                steps = _area_steps(case.alert, check)
            else:
                told = redact.family_words(
                    seen["state"],
                    outcome,
                    "en",
                    who=owner,
                    going=bool(case.alert.going),
                    left=case.alert.deserted_at is not None,
                )
                steps = _family_steps(case.alert)
            cases.append({**seen, "state_words_en": told, "steps": steps})
    cases.sort(key=lambda c: c["raised_at"], reverse=True)
    # What is open comes first, the gravest of it at the top: a later and smaller case must not hide it.
    waiting = [c for c in cases if c["state"] != "closed"]
    waiting.sort(key=lambda c: (-Level(c["level"]).rank, c["id"] in of_area))
    page["cases"] = [*waiting, *(c for c in cases if c["state"] == "closed")][: max(5, len(waiting))]
    heard = max(
        (at for d in home.devices if (at := house.picture.recent.newest.get(d.id)) is not None), default=None
    )
    last = _last_activity(house, home) if "activity" in granted else None
    page["last_at"] = iso(last) if last is not None else None
    clock = f"{last.astimezone(registry.zone):%H:%M}" if last is not None else ""
    ended = next((c for c in cases if c["closed_at"] and now - _moment(c["closed_at"]) < JUST_ENDED), None)
    if waiting:
        page["calm"] = False
        page["words"], page["words_en"] = waiting[0]["state_words"], waiting[0]["state_words_en"]
    elif heard is None or now - heard > timedelta(hours=1) or protection == "not":
        page["words"] = "现在看不全家里的情况，社区正在检查设备"
        page["words_en"] = (
            "We cannot see everything at home just now; the community team is checking the devices"
        )
    else:
        page["calm"] = True
        page["words"] = f"今天没有异常，{clock} 有活动" if clock else "今天没有异常"
        page["words_en"] = (
            f"Nothing unusual today, last activity at {clock}" if clock else "Nothing unusual today"
        )
    if ended is not None and not waiting:
        # How it ended comes first; that a home cannot be seen is said with it.
        # Of an area the words say themselves what it was.
        what = "刚才的" if ended["id"] in of_area else "刚才的提醒"
        page["words"] = f"{what}{ended['state_words']}" + (
            "。" + page["words"] if page["calm"] is None else ""
        )
        page["words_en"] = (
            f"The latest notice: {ended['state_words_en'][0].lower()}{ended['state_words_en'][1:]}"
            + (". " + page["words_en"] if page["calm"] is None else "")
        )
    return page


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _family_steps(alert: Any) -> list[Json]:
    """The service's own steps, with their times: 接警, 已通话, 已上门, 平安 (or how else it ended)."""
    well = alert.outcome is None or alert.outcome.outcome == "O1"
    arrived = min((r.arrived_at for r in alert.responders if r.arrived_at is not None), default=None)
    rang = next((c.at for c in alert.calls if c.result == "answered"), None)
    steps = [
        ("接警", "taken", alert.acknowledged_at),
        ("已通话", "spoken to", rang),
        ("已上门", "at the home", arrived),
        ("平安", "all is well", alert.closed_at) if well else ("已结束", "over", alert.closed_at),
    ]
    return _steps_json(steps)


def _area_steps(alert: Any, check: CheckView | None) -> list[Json]:
    """Of a case of many homes: what was done for theirs. A call or a visit may have been another's."""
    well = check.at if check is not None and check.result == "safe" else None
    return _steps_json(
        [
            ("接警", "taken", alert.acknowledged_at),
            ("已联系上老人，平安", "spoken to, all is well", well),
            ("已结束", "over", alert.closed_at),
        ]
    )


def _steps_json(steps: list[tuple[str, str, datetime | None]]) -> list[Json]:
    return [{"words": zh, "words_en": en, "at": iso(at) if at is not None else None} for zh, en, at in steps]


def _last_activity(house: House, home: Home) -> datetime | None:
    moved = [
        datetime.fromtimestamp(trace.ticks[-1], UTC)
        for heard in list(house.picture.recent.homes.get(home.id, {}).values())
        for quantity, trace in list(heard.traces.items())
        if quantity in ("motion", "presence") and trace.ticks
    ]
    return max(moved, default=None)


def _words(home: Home, resident: Resident) -> list[str]:
    return [
        resident.id, resident.name, home.id, home.address, home.phone,
        *(c.phone for c in home.contacts), *(c.name for c in home.contacts), *(d.id for d in home.devices),
    ]  # fmt: skip


def _reason(health: Any, device: str) -> str:
    if health is None:
        return wording.NOT_JUDGED[0]
    found = next((d.reason for d in health.devices if d.device == device), "")
    return wording.REASONS.get(found, found) if found else ""


def _away() -> Problem:
    return Problem(
        503, Why.history_unavailable, "历史暂不可用，实时告警不受影响", headers={"Retry-After": "5"}
    )


class _Ask:
    """Questions about one home."""

    def __init__(self, history: History, home: Home) -> None:
        self._history = history
        self._home = home.id

    async def __call__(
        self, quantity: str, device: Device, start: datetime, end: datetime, step: timedelta
    ) -> list[Bucket]:
        return await self._history.buckets(
            home=self._home, quantity=quantity, from_at=start, to_at=end, device=device.id, step=step
        )


async def _vital(
    ask: _Ask, quantity: str, belts: list[Device], start: datetime, end: datetime, step: timedelta
) -> Json:
    """One belt's values; of two belts the one that knows more. An empty bed's zeros are no readings of anybody."""
    best: list[Bucket] = []
    fine = min(step, STEPS[1])  # little is left out where somebody got up
    for belt in belts:
        found = days.of_somebody(
            await ask(quantity, belt, start, end, fine), await ask("in_bed", belt, start, end, fine)
        )
        best = max(best, days.coarser(found, step) if fine < step else found, key=len)
    since = end - timedelta(days=28)
    usual = days.band(
        [b for belt in belts for b in await ask(quantity, belt, since, end, STEPS[28]) if b[1] > 0]
    )
    label, unit = VITALS[quantity]
    drawn = days.curve(best, step=step, start=start, end=end, usual=usual)
    return {"quantity": quantity, "label": label, "unit": unit, **drawn}


def _moves(device: Device) -> str:
    match device.kind:
        case Kind.motion:
            return "motion"
        case Kind.presence:
            return "presence"
        case Kind.door:
            return "door_open"
        case _:
            return ""


async def _ribbon(
    ask: _Ask,
    devices: list[Device],
    start: datetime,
    end: datetime,
    step: timedelta,
    *,
    belts: list[Device],
    whole: bool,
) -> list[Json]:
    """Where somebody was: bed, rooms, door, and when probably out. Unless the reader sees the `whole` of it, nothing is
    concluded: what is kept from them may have seen somebody at home.
    """
    lanes: list[Json] = []
    silent = timedelta(minutes=10)
    beds = [
        days.stretches(
            await ask("in_bed", d, start, end, step), step=step, start=start, end=end, silent=silent
        )
        for d in belts
    ]
    bed = days.merged(beds) if beds else []
    if bed:
        lanes.append({"lane": "bed", "label": "在床", "spans": [s.json() for s in bed], "inferred": False})
    rooms: dict[str, list[list[days.Stretch]]] = {}
    doors: list[list[days.Stretch]] = []
    inside, opened = [s for s in bed if s.value], list[days.Stretch]()
    for device in devices:
        quantity = _moves(device)
        if not quantity:
            continue
        expect = timedelta(seconds=device.expect_seconds) if device.expect_seconds else None
        silent = KINDS[device.kind].silence(expect)[0]
        since = start - silent  # its last word before the window still stands at its beginning
        said = await ask(quantity, device, since, end, step)
        moved = days.active(said, step=step)
        # Some say only that something moves, and that they live by their battery alone.
        alive = (
            said if device.kind is Kind.presence else [*said, *await ask("battery", device, since, end, step)]
        )
        line = days.watched(moved, [b[0] for b in alive], step=step, start=start, end=end, silent=silent)
        if quantity == "door_open":
            doors.append(line)
            opened += moved
            continue
        inside += moved
        room = "bathroom" if device.room in _BATH else "kitchen" if device.room in _KITCHEN else "other"
        rooms.setdefault(room, []).append(line)
    for lane, label in LANES:
        if lane in rooms:
            spans = days.merged(rooms[lane])
            lanes.append(
                {"lane": lane, "label": label, "spans": [s.json() for s in spans], "inferred": False}
            )
    if doors:
        door = days.merged(doors)
        lanes.append(
            {"lane": "door", "label": "入户门", "spans": [s.json() for s in door], "inferred": False}
        )
        opened.sort(key=lambda s: s.start)
        if whole:
            away = days.outings(opened, inside, end=end) if inside else []
            if rooms:
                away = days.sure(away, days.merged([one for lines in rooms.values() for one in lines]))
            spans = days.outside(away, inside, door, start=start, end=end)
            lanes.append(
                {"lane": "out", "label": "外出", "spans": [s.json() for s in spans], "inferred": True}
            )
    return lanes
