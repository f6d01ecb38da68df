"""Routes by which the rota is changed while the service runs: away, stands in, swap, in besides; withdrawn again.

A change that would leave the desk, a micro-grid or a home empty, or a swap that gives somebody two shifts at once, is saved only when somebody has read what would be
empty and says so (ux 9.6). It counts for everybody at once: for the screens, the ladder, the circle and the watch
over the rota. Nothing is deleted.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends
from structlog import get_logger

from alerts import rota, rotanews
from alerts.roster import RESPONDER_ROLES
from alerts.rota import Double, Opened
from care import schematic
from care.ids import iso
from care.site import Away, Besides, Registry, RotaChange
from care.words import Role
from dashboard_api import access, redact, shapes, wording
from dashboard_api.asking import signed_in
from dashboard_api.house import House
from dashboard_api.people import Who
from dashboard_api.present import place_words
from dashboard_api.problems import Problem, Why
from dashboard_api.redact import Json

log = get_logger("api")

V = access.V
SHOWN_BEFORE = timedelta(days=14)
"""How long a change that is over is still listed; all of them are kept."""
RING_UP = frozenset({"refused", "failed", "no_channel"})
"""Fates of a message after which somebody has to telephone."""
HOMES_NAMED = 200
"""Of one hole in an answer; the count is of all."""


def moment(house: House, name: str, value: str | None, now: datetime) -> datetime:
    """A moment of the body; without a zone it is the community's clock (contract section 4)."""
    if value is None:
        return now
    try:
        at = datetime.fromisoformat(value)
        return (at if at.tzinfo else at.replace(tzinfo=house.picture.registry.zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Problem(422, Why.invalid, f"{name}: a time, 2026-05-18T07:00", fields=[name]) from None


def strangers(house: House, change: RotaChange) -> list[Json]:
    """Who would do another role's work. Whoever goes to the homes may stand in for each other; the desk and those above it are
    each their own.
    """
    staff = house.picture.registry.staff
    found = []
    for one in change.away:
        who, cover = staff.get(one.staff), staff.get(one.cover or "")
        if (
            who is None
            or cover is None
            or who.role is cover.role
            or {who.role, cover.role} <= RESPONDER_ROLES
        ):
            continue
        found.append(
            {
                "staff": cover.id, "name": cover.name, "role": cover.role.value, "role_words": wording.ROLES.get(cover.role, cover.role.value),
                "for": who.name, "for_role": who.role.value, "for_role_words": wording.ROLES.get(who.role, who.role.value),
            }
        )  # fmt: skip
    return found


def empty(house: House, found: Opened, doubled: Sequence[Double], others: Sequence[Json]) -> Json:
    """What would be empty, in the words of the places and with the homes named; who would work twice at a time, or in a role
    that is not theirs.
    """
    registry = house.picture.registry
    return {
        "gaps": [
            {"place": g.place, "name": place_words(registry, g.place), "from": iso(g.start), "to": iso(g.end)}
            for g in found.gaps
        ],
        "holes": [
            {
                "from": iso(h.start), "to": iso(h.end), "count": len(h.homes),
                "homes": [
                    {"home": name, "name": schematic.building_of(registry.homes[name]) or name}
                    for name in h.homes[:HOMES_NAMED]
                ],
            }
            for h in found.holes
        ],
        "doubles": [
            {"staff": d.staff, "name": house.name_of(d.staff), "from": iso(d.start), "to": iso(d.end)}
            for d in doubled
        ],
        "others": list(others),
    }  # fmt: skip


def ask_first(house: House, after: Registry, change: RotaChange, now: datetime) -> None:
    """409 with what would be empty or done twice; whoever sends it again with `confirm` has read it."""
    before = house.picture.registry
    found = rota.opened(before, after, change.starts, change.ends, now)
    made = any(one.id == change.id for one in after.rota)  # not one that is withdrawn
    doubled = rota.doubled(before, after, change, now) if made else []
    others = strangers(house, change) if made else []
    if found or doubled or others:
        said = (
            "这样排班会留下空当，请确认"
            if found
            else "这样换班有人会同时上两班，请确认"
            if doubled
            else "顶班的人不是这个岗位的，请确认"
        )
        raise Problem(409, Why.opens_hole, said, **empty(house, found, doubled, others))


def keep(house: House, change: RotaChange) -> None:
    """At once, so that whoever asks next sees it; everybody else hears of it by the stream."""
    house.rota = {**house.rota, change.id: change}
    house.picture.registry = house.peopled(house.picture.registry)


def told_json(house: House, name: str) -> list[Json]:
    """What became of the messages about a change or a request: to whom, and whether somebody must ring them up."""
    return [
        {
            "person": f.person, "name": house.name_of(f.person), "what": f.what, "state": f.state, "channel": f.channel or None,
            "at": iso(f.at), "phone": house.picture.registry.phone(f.person) if f.state in RING_UP else None,
        }
        for f in rotanews.about(house.rota_told.values(), name)
    ]  # fmt: skip


def routes(house: House) -> APIRouter:
    """All of them, on one house."""
    router = APIRouter()

    def name_of(person: str | None) -> str | None:
        return house.name_of(person) if person else None

    def shown(change: RotaChange, now: datetime) -> Json:
        lasting = change.lasting()
        return {
            "id": change.id,
            "away": [
                {
                    "staff": p.staff, "name": name_of(p.staff), "from": iso(p.from_), "until": iso(p.until),
                    "cover": p.cover, "cover_name": name_of(p.cover),
                }
                for p in change.away
            ],
            "besides": [
                {"staff": p.staff, "name": name_of(p.staff), "from": iso(p.from_), "until": iso(p.until)}
                for p in change.besides
            ],
            "reason": change.reason,
            "by": name_of(change.by),
            "set_at": iso(change.set_at),
            "active": any(p.from_ <= now < p.until for p in lasting.parts),
            "withdrawn_by": name_of(change.withdrawn_by),
            "withdrawn_at": iso(change.withdrawn_at) if change.withdrawn_at else None,
            "told": told_json(house, change.id),
        }  # fmt: skip

    def listed(now: datetime) -> Json:
        items = sorted(house.rota.values(), key=lambda c: (c.starts, c.set_at, c.id))
        return {"at": iso(now), "items": [shown(c, now) for c in items if c.ends > now - SHOWN_BEFORE]}

    @router.get(f"{V}/duty/changes", response_model=shapes.RotaChanges, tags=["duty"])
    def changes(who: Annotated[Who, Depends(signed_in)]) -> Json:
        """Changes of the rota from two weeks ago on, in the order of their times, the withdrawn among them."""
        found = listed(house.clock.now())
        return redact.without(found, "phone", "reason") if who.role is Role.auditor else found

    @router.post(f"{V}/duty/changes", status_code=201, response_model=shapes.RotaChanges, tags=["duty"])
    async def change(body: shapes.RotaChangeSaid, who: Annotated[Who, Depends(signed_in)]) -> Json:
        """Change the rota: all of it or nothing. 409 `opens_hole` with what would be empty or done twice, until it is confirmed."""
        now = house.clock.now()
        away = [
            Away(
                staff=a.staff, from_=moment(house, "from", a.from_, now), until=moment(house, "until", a.until, now), cover=a.cover
            )
            for a in body.away
        ]  # fmt: skip
        besides = [
            Besides(
                staff=b.staff,
                from_=moment(house, "from", b.from_, now),
                until=moment(house, "until", b.until, now),
            )
            for b in body.besides
        ]
        wanted = rota.change_of(away, besides, reason=body.reason, by=who.by, now=now)
        said = rota.refusal(house.picture.registry, wanted, now)
        if said:
            raise Problem(422, Why.invalid, said, fields=["away", "besides"])
        if not body.confirm:
            others = house.picture.registry.with_rota([*house.rota.values(), wanted])
            ask_first(house, others, wanted, now)
        made = await rota.remember(house.stream, away, besides, reason=body.reason, by=who.by, now=now)
        keep(house, made)
        log.info(
            "rota_changed", change=made.id, by=who.by, away=len(away), besides=len(besides), confirmed=body.confirm
        )  # fmt: skip
        return listed(now)

    @router.post(f"{V}/duty/changes/{{change}}/withdraw", response_model=shapes.RotaChanges, tags=["duty"])
    async def withdraw(
        change: str, body: shapes.RotaWithdrawn, who: Annotated[Who, Depends(signed_in)]
    ) -> Json:
        """It counts no more from now on. 409 `opens_hole` when that leaves somebody's place empty, until confirmed."""
        now = house.clock.now()
        known = house.rota.get(change)
        if known is None:
            raise Problem(404, Why.not_found, "没有这项排班变动")
        if not known.counts or known.ends <= now:
            raise Problem(409, Why.refused, "这项变动已撤销或已结束")
        if not body.confirm:
            rest = [c for c in house.rota.values() if c.id != change]
            ask_first(house, house.picture.registry.with_rota(rest), known, now)
        gone = await rota.withdraw(house.stream, change, by=who.by, now=now)
        if gone is not None:
            keep(house, gone)
        log.info("rota_change_withdrawn", change=change, by=who.by, confirmed=body.confirm)
        return listed(now)

    return router
