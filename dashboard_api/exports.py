"""Routes of files that leave the house: figures and home-hours as CSV, each with a purpose that is kept (domain P-16).

Who took what, when and what for is durable before the file is handed over, lies under `export.ID` in the people bucket,
and stands in the file's own head. Nothing of it is ever deleted. The purpose is not logged: it may name a person.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response
from structlog import get_logger

from care.ids import content_id, iso
from care.messages import encode
from care.stream import PEOPLE
from dashboard_api import access, shapes, sheets
from dashboard_api.asking import LEAST_REASON, moment, signed_in
from dashboard_api.figures import month as calendar_month
from dashboard_api.house import House
from dashboard_api.looks import LISTED, Offset, Since, Until, read_kept, within
from dashboard_api.people import Who
from dashboard_api.picture import ROWS
from dashboard_api.problems import Problem, Why
from dashboard_api.protection import Causes, gathered
from dashboard_api.redact import Json
from dashboard_api.service import FromQuery, ToQuery, asked

log = get_logger("api")

V = access.V
NARROWED = frozenset({"grid", "code", "level", "home"})
"""What the figures may be narrowed by on a screen, and a file may not."""
CSV: dict[int | str, Json] = {
    200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "the file"}
}


class Export(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One file that left, kept under `export.ID`."""

    id: str
    what: str
    """figures, protection."""
    at: datetime
    by: str
    role: str
    purpose: str
    from_: str = msgspec.field(name="from")
    """First and last day that it tells of, in the community's calendar."""
    to: str
    narrowed: str = ""
    """By what, as `grid=g05 code=SM1`; files of today never are."""


def routes(house: House) -> APIRouter:
    """All of them, on one house."""
    router = APIRouter()

    async def taken(
        who: Who,
        what: str,
        purpose: str,
        span: tuple[str, str],
        sheet: Callable[[list[str]], str],
        about: Iterable[str],
    ) -> Response:
        """Keep who takes what and why, then hand it over; without the one there is not the other."""
        now = house.clock.now()
        purpose = " ".join(purpose.split())
        number = f"{now:%Y%m%d-%H%M%S}-{content_id(what, who.by, iso(now), purpose)[:6]}"
        kept = Export(
            id=number, what=what, at=now, by=who.by, role=who.role.value, purpose=purpose, from_=span[0], to=span[1]
        )  # fmt: skip
        await house.stream.put(PEOPLE, f"export.{number}", encode(kept))
        log.info("export_taken", export=number, what=what, by=who.by, role=who.role.value)
        head = sheets.head(
            number=number, purpose=purpose, by=f"{house.name_of(who.by)} {who.by}", at=now,
            zone=house.picture.registry.zone, about=about,
        )  # fmt: skip
        name = (
            f"{'anxin' if house.simulator is None else 'simulated'}-{what}-{span[0]}-{span[1]}-{number}.csv"
        )
        return Response(
            # The mark in front tells spreadsheets that it is UTF-8.
            "\ufeff" + sheet(head),
            media_type="text/csv",
            headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
        )

    @router.post(
        f"{V}/kpis/export", response_class=Response, tags=["figures"],
        responses={**CSV, 422: {"model": shapes.ProblemBody}, 503: {"model": shapes.ProblemBody}},
    )  # fmt: skip
    async def figures(
        body: shapes.ExportBody,
        who: Annotated[Who, Depends(signed_in)],
        request: Request,
        from_: FromQuery = None,
        to: ToQuery = None,
    ) -> Response:
        """What `GET /kpis` says of a calendar month that is over (the last, when none is named) as a file: figures, cases
        by level, day, grid and rule. It wants a purpose, and is never narrowed.

        No case stands in it by itself, and no group of fewer than five homes.
        """
        purpose = _purpose(body)
        begin, end = whole_month(house, request, from_, to)
        if begin < house.clock.now() - ROWS:
            raise Problem(422, Why.invalid, "响应指标只保留两个月，更早的月份已不完整", fields=["from", "to"])
        of = asked(house, iso(begin), iso(end), None, None, None)
        registry = house.picture.registry

        def grid_of(home: str) -> str:
            known = registry.homes.get(home)
            found = registry.grid_of(known) if known is not None else None
            return found[0].id if found is not None else "none"

        rows = sheets.figures(
            house.kpi(house.clock.now(), of.rows, period=of.period, cases=True), of.some,
            from_at=begin, to_at=end, zone=registry.zone, grids=[g.id for g in registry.site.grids], grid_of=grid_of,
        )  # fmt: skip
        return await taken(
            who, "figures", purpose, sheets.days_of(begin, end, registry.zone),
            lambda head: sheets.csv(head, sheets.FIGURE_COLUMNS, rows),
            [
                "response figures of red cases, then cases raised by level, day, grid and rule; tests are not counted",
                "unit of median_seconds: s; kept: within the promise; share_percent of a rule: false among those judged",
                "source: GET /api/v1/kpis",
            ],
        )  # fmt: skip

    @router.post(
        f"{V}/protection/export", response_class=Response, tags=["service"],
        responses={**CSV, 422: {"model": shapes.ProblemBody}, 503: {"model": shapes.ProblemBody}},
    )  # fmt: skip
    async def protection(
        body: shapes.ExportBody,
        who: Annotated[Who, Depends(signed_in)],
        request: Request,
        from_: FromQuery = None,
        to: ToQuery = None,
    ) -> Response:
        """What `GET /protection` says of a calendar month that is over (the last, when none is named) as a file: home-hours
        by day, and what took them by reason. It wants a purpose, and is never narrowed.

        No home, no device, and no reason of fewer than five homes.
        """
        purpose = _purpose(body)
        begin, end = whole_month(house, request, from_, to)
        told, causes, _ = await gathered(house, who, iso(begin), iso(end), None, None)
        rows = sheets.protection(told, _by_reason(house, causes))
        since = f"; on record since {told['since']}" if told["since"] is not None else ""
        return await taken(
            who, "protection", purpose, (told["from"], told["to"]),
            lambda head: sheets.csv(head, sheets.PROTECTION_COLUMNS, rows),
            [
                f"protected home-hours {told['from']} – {told['to']}{since}",
                "unit: home-hours (one home for one hour); share: percent of all hours, the unknown among them",
                f"zone of days: {house.picture.registry.zone.key}; as of: {told['as_of'] or 'unknown'} (UTC)",
                "source: GET /api/v1/protection, what the rules said of each home and when they knew it",
            ],
        )  # fmt: skip

    @router.get(f"{V}/exports", response_model=shapes.ExportList, tags=["figures"])
    async def exports(
        _who: Annotated[Who, Depends(signed_in)],
        from_: Since = None,
        to: Until = None,
        limit: Annotated[int, Query(ge=1, le=LISTED)] = 50,
        offset: Offset = 0,
    ) -> Json:
        """Which files left, in a period: who took them, when, what for. The last first."""
        keys = within(await house.stream.keys(PEOPLE, "export."), "export.", "%Y%m%d-%H%M%S", from_, to)
        items: list[Json] = []
        for key in keys[offset : offset + limit]:
            one = await read_kept(house, key, Export)
            if one is None:
                continue
            items.append(
                {
                    "id": one.id, "what": one.what, "at": iso(one.at), "by": one.by, "name": house.name_of(one.by),
                    "role": one.role, "purpose": one.purpose, "from": one.from_, "to": one.to, "narrowed": one.narrowed,
                }
            )  # fmt: skip
        return {"items": items, "total": len(keys)}

    return router


def whole_month(
    house: House, request: Request, from_: str | None, to: str | None
) -> tuple[datetime, datetime]:
    """The month of a file; 422 for any other period, and for a part of the community.

    Two files are then of the same homes and days or have none in common: with others, what one holds back could be
    reckoned from the other (docs/adr/0019).
    """
    if narrowed := sorted(NARROWED & request.query_params.keys()):
        raise Problem(422, Why.invalid, "导出的文件只按全社区，不能再筛选", fields=narrowed)
    zone = house.picture.registry.zone
    this, _ = calendar_month(house.clock.now(), zone)
    begin = moment("from", from_) or calendar_month(this - timedelta(days=1), zone)[0]
    # 32 days on it is another month in every calendar.
    end = calendar_month(begin + timedelta(days=32), zone)[0]
    if begin != calendar_month(begin, zone)[0] or (moment("to", to) or end) != end or end > this:
        raise Problem(422, Why.invalid, "文件按整月导出，而且这个月要已经过完", fields=["from", "to"])
    return begin, end


def _purpose(body: shapes.ExportBody) -> str:
    """What it is for; 422 `reason_needed` without one."""
    purpose = sheets.one_line(body.purpose)
    if len(purpose) < LEAST_REASON:
        raise Problem(422, Why.reason_needed, "purpose: 请写明导出用途", fields=["purpose"])
    return purpose


def _by_reason(house: House, causes: Causes) -> dict[str, sheets.Took]:
    """What took the hours, by reason: which device it was would tell whose."""
    found: dict[str, sheets.Took] = {}
    for state, cause, seconds, homes in causes:
        reason, _, device = cause.partition(":")
        took = found.setdefault(reason, sheets.Took())
        took.hours[state] += seconds / 3600
        took.most = max(took.most, homes)
        known = house.picture.registry.devices.get(device)
        if known is not None:
            took.known.add(known[0].id)
    return dict(sorted(found.items(), key=lambda one: (-sum(one[1].hours.values()), one[0])))
