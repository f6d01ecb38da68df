"""Routes of single devices: everything that is known of one, and every battery with when it may be empty."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from structlog import get_logger

from alerts.campaigns import Campaign
from alerts.upkeep import TESTED
from care.errors import Temporary
from care.ids import iso
from care.messages import HomeHealth
from care.site import Device, Home
from care.words import Kind
from dashboard_api import access, shapes, wear, wording
from dashboard_api.asking import signed_in
from dashboard_api.clocks import RIGHT_SECONDS
from dashboard_api.house import House
from dashboard_api.modes import orders_of
from dashboard_api.outs import shown
from dashboard_api.people import Who
from dashboard_api.problems import Problem, Why
from dashboard_api.redact import Json
from devices.kinds import KINDS, Power

log = get_logger("api")

V = access.V
LOOKED_BACK = timedelta(days=180)
DAY = timedelta(days=1)
HISTORY_SECONDS = 5.0
USUALLY_LISTED, MOST_LISTED = 12, 500
FORECAST_SECONDS = 2.0
"""So long one answer may ask the past for batteries that nobody looked at today."""
MOST_OUTS = 5


def line(house: House, home: Home, device: Device, health: HomeHealth | None) -> Json:
    """One device as lists show it."""
    known = next((d for d in health.devices if d.device == device.id), None) if health is not None else None
    heard = house.picture.recent.newest.get(device.id)
    last_at = max((t for t in (heard, known.last_at if known else None) if t is not None), default=None)
    reason = known.reason if known is not None else "" if health is not None else "never_reported"
    until = known.out_until if known is not None else None
    words, words_en = house.because(reason, until, known.out_by if known is not None else "")
    return {
        "id": device.id,
        "home": home.id,
        "kind": device.kind.value,
        "label": wording.device_label(device),
        "label_en": wording.device_label_en(device),
        "room": device.room,
        "last_at": iso(last_at) if last_at is not None else None,
        "silent": known.silent if known is not None else None,
        "battery": known.battery if known is not None else None,
        "out_until": iso(until) if until is not None else None,
        "out_by": house.name_of(known.out_by) if known is not None and known.out_by else None,
        "reason": reason,
        "reason_words": words,
        "reason_words_en": words_en,
    }


def routes(house: House) -> APIRouter:
    """All of them, on one house."""
    router = APIRouter()

    async def days(home: Home, device: Device, quantity: str, *, highest: bool) -> list[wear.Point] | None:
        """One figure a day, the highest or the mean; None while the past cannot be asked."""
        if house.history is None:
            return None
        zone = house.picture.registry.zone
        end = datetime.combine(house.clock.now().astimezone(UTC).date() + DAY, datetime.min.time(), UTC)
        try:
            async with asyncio.timeout(HISTORY_SECONDS):
                found = await house.history.buckets(
                    home=home.id, quantity=quantity, from_at=end - LOOKED_BACK, to_at=end, device=device.id, step=DAY
                )  # fmt: skip
        except (Temporary, TimeoutError):
            house.history_ok = False
            return None
        return [(at.astimezone(zone).date(), high if highest else mean) for at, _, mean, high, _ in found]

    async def battery(home: Home, device: Device, last: float | None) -> Json:
        if KINDS[device.kind].power is Power.mains and last is None:
            return {"state": "mains"}
        points = await days(home, device, "battery", highest=True)
        if points is None:
            return {"state": "unavailable", "percent": last}
        today = house.clock.now().astimezone(house.picture.registry.zone).date()
        found = wear.battery(points, today, last)
        return {
            "state": found.state.value,
            "why": found.why,
            "percent": found.percent,
            "a_day": round(found.a_day, 3) if found.a_day is not None else None,
            "earliest": str(found.earliest) if found.earliest is not None else None,
            "latest": str(found.latest) if found.latest is not None else None,
            "since": str(found.since) if found.since is not None else None,
            "days": found.days,
            "points": [(str(day), round(value, 1)) for day, value in points],
        }

    async def signal(home: Home, device: Device) -> Json:
        points = await days(home, device, "link_quality", highest=False)
        if points is None:
            return {"state": "unavailable"}
        found = wear.signal(points)
        return {
            "state": found.state.value,
            "now": round(found.now, 1) if found.now is not None else None,
            "before": round(found.before, 1) if found.before is not None else None,
            "since": str(found.since) if found.since is not None else None,
            "days": found.days,
            "points": [(str(day), round(value, 1)) for day, value in points],
        }

    def clock(device: Device) -> Json:
        seconds = house.picture.clocks.error(device.id)
        if seconds is None:
            timeless = device.id in house.picture.clocks.timeless
            return {"state": "no_time" if timeless else "unknown"}
        told = house.picture.clocks.devices[device.id].at
        return {
            "state": "right" if abs(seconds) < RIGHT_SECONDS else "off",
            "seconds": round(seconds, 1),
            "at": iso(told) if told is not None else None,
        }

    def test(device: Device) -> Json | None:
        if device.kind not in TESTED:
            return None
        rang = house.upkeep.tests.get(device.id)
        policy = house.picture.registry.site.policy.tests
        due = None
        if policy is not None:
            begun = policy.from_
            if rang is not None:
                begun = max(begun, rang.at.astimezone(house.picture.registry.zone).date())
            due = str(begun + timedelta(days=policy.days))
        tried = _last_try(house.upkeep.campaigns.values(), device.id, house.clock.now())
        if tried is not None and (passed := tried.passed.get(device.id)) is not None:
            # The alarm itself came a moment before the tester confirmed it.
            if rang is None or rang.at <= passed:
                return {"result": "passed", "how": "campaign", "at": iso(passed), "by": house.name_of(tried.tester), "due": due}  # fmt: skip
        elif tried is not None and (rang is None or rang.at < tried.begins):
            return {"result": "not_passed", "how": "campaign", "at": iso(tried.ends), "by": house.name_of(tried.tester), "due": due}  # fmt: skip
        if rang is None:
            return {"result": "unknown", "due": due}
        how = "" if rang.declared is None else "declared" if rang.declared else "rang"
        return {"result": "passed", "how": how, "at": iso(rang.at), "due": due}

    def firmware(device: Device) -> Json | None:
        told = house.picture.firmware.get(device.id)
        if told is None:
            return None
        return {
            "version": told.build or told.installed,
            "installed": told.installed,
            "latest": told.latest,
            "pending": told.pending,
            "source": told.source,
            "at": iso(told.at),
        }

    forecasts: dict[str, tuple[date, float, Json]] = {}
    """Device → day, percent then, forecast: a forecast of days is good for its day, until the battery jumps or is low."""

    async def forecast(home: Home, device: Device, percent: float, today: date) -> Json:
        known = forecasts.get(device.id)
        if (
            known is not None
            and known[0] == today
            and abs(known[1] - percent) < wear.FELL
            and (known[1] <= wear.EMPTY_PERCENT) == (percent <= wear.EMPTY_PERCENT)
        ):
            return {**known[2], "percent": percent}
        found = {**await battery(home, device, percent), "points": []}
        if found["state"] != "unavailable":
            forecasts[device.id] = (today, percent, found)
        return found

    @router.get(f"{V}/devices/batteries", response_model=shapes.Batteries, tags=["devices"])
    async def batteries(
        _who: Annotated[Who, Depends(signed_in)],
        limit: Annotated[int, Query(ge=1, le=MOST_LISTED)] = USUALLY_LISTED,
    ) -> Json:
        """Every battery with its forecast: those low now, the first to be empty, those of which nobody can tell, lowest first.

        The past is asked once a day for each device, and two seconds for each answer: those that are left are `pending`.
        """
        registry, now = house.picture.registry, house.clock.now()
        today = now.astimezone(registry.zone).date()
        there = sorted(
            (one.battery, one.device)
            for health in list(house.picture.health.values())
            for one in health.devices
            if one.battery is not None and one.device in registry.devices
        )
        looked, dated, pending = [], 0, 0
        begun = house.clock.monotonic()
        for percent, name in there:
            home, device = registry.devices[name]
            if name not in forecasts and house.clock.monotonic() - begun > FORECAST_SECONDS:
                pending += 1
                continue
            told = await forecast(home, device, percent, today)
            dated += told.get("earliest") is not None
            low = (
                percent <= wear.EMPTY_PERCENT or told["state"] == wear.Wear.empty or told.get("why") == "fell"
            )
            looked.append((not low, told.get("earliest") or "9", percent, name, told))
        items = [
            {
                "device": line(house, *registry.devices[name], house.picture.health.get(home.id)),
                "battery": told,
            }
            for *_, name, told in sorted(looked, key=lambda one: one[:4])[:limit]
            for home in (registry.devices[name][0],)
        ]
        unknown = len(looked) - dated
        return {"items": items, "total": len(there), "dated": dated, "unknown": unknown, "pending": pending}

    @router.get(f"{V}/devices/{{device}}", response_model=shapes.DeviceDetail, tags=["devices"])
    async def one(device: str, who: Annotated[Who, Depends(signed_in)]) -> Json:
        """Everything that is known of one device; what nobody has said is not known, and said so."""
        found = house.picture.registry.devices.get(device)
        if found is None:
            raise Problem(404, Why.unknown_device, "没有这台设备")
        home, known = found
        health = house.picture.health.get(home.id)
        told = line(house, home, known, health)
        judged = next((d for d in health.devices if d.device == device), None) if health is not None else None
        gateway = next((d for d in home.devices if d.kind is Kind.gateway), None)
        trend = await signal(home, known)
        orders, _ = await orders_of(house.stream, home.id)
        now = house.clock.now()
        out = [shown(o, house, now) for o in reversed(orders.out) if o.device == device]
        log.info("device_read", by=who.by, role=who.role.value, device=device)
        return {
            "device": told,
            "model": known.model,
            "resident": known.resident,
            "gateway": line(house, home, gateway, health)
            if gateway is not None and gateway is not known
            else None,
            "expected_seconds": judged.expected_seconds if judged is not None else None,
            "link_quality": trend["points"][-1][1] if trend.get("points") else None,
            "battery": await battery(home, known, told["battery"]),
            "signal": trend,
            "clock": clock(known),
            "test": test(known),
            "firmware": firmware(known),
            "out": out[:MOST_OUTS],
        }

    return router


def _last_try(campaigns: Iterable[Campaign], device: str, now: datetime) -> Campaign | None:
    """The last test campaign that listed this device and is over, or confirmed it."""
    tried = [
        c
        for c in campaigns
        if device in c.devices and (c.ends <= now or device in c.passed) and c.begins <= now
    ]
    return max(tried, key=lambda c: (c.begins, c.id), default=None)
