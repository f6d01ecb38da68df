"""Routes of files that leave the house: figures and home-hours as CSV, each with a purpose that is kept (domain P-16).

Who took what, when and what for is durable before the file is handed over, lies under `export.ID` in the people bucket,
and stands in the file's own head. Nothing of it is ever deleted. The purpose is not logged: it may name a person.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Query, Response
from structlog import get_logger

from care.ids import content_id, iso
from care.messages import encode
from care.stream import PEOPLE
from dashboard_api import access, shapes, sheets
from dashboard_api.asking import LEAST_REASON, signed_in
from dashboard_api.house import House
from dashboard_api.looks import LISTED, Offset, Since, Until, read_kept, within
from dashboard_api.people import Who
from dashboard_api.problems import Problem, Why
from dashboard_api.protection import Causes, gathered
from dashboard_api.redact import Json
from dashboard_api.service import CodeQuery, FromQuery, GridQuery, LevelQuery, ToQuery, asked

log = get_logger("api")

V = access.V
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
    """By what, as `grid=g05 code=SM1`."""


def routes(house: House) -> APIRouter:
    """All of them, on one house."""
    router = APIRouter()

    async def taken(
        who: Who,
        what: str,
        purpose: str,
        span: tuple[str, str],
        narrowed: Json,
        sheet: Callable[[list[str]], str],
        about: Iterable[str],
    ) -> Response:
        """Keep who takes what and why, then hand it over; without the one there is not the other."""
        now = house.clock.now()
        purpose = " ".join(purpose.split())
        number = f"{now:%Y%m%d-%H%M%S}-{content_id(what, who.by, iso(now), purpose)[:6]}"
        only = " ".join(f"{key}={value}" for key, value in narrowed.items() if value is not None)
        kept = Export(
            id=number, what=what, at=now, by=who.by, role=who.role.value, purpose=purpose,
            from_=span[0], to=span[1], narrowed=only,
        )  # fmt: skip
        await house.stream.put(PEOPLE, f"export.{number}", encode(kept))
        log.info("export_taken", export=number, what=what, by=who.by, role=who.role.value)
        head = sheets.head(
            number=number, purpose=purpose, by=f"{house.name_of(who.by)} {who.by}", at=now,
            zone=house.picture.registry.zone, about=[*([f"only: {sheets.one_line(only)}"] if only else []), *about],
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
        from_: FromQuery = None,
        to: ToQuery = None,
        grid: GridQuery = None,
        code: CodeQuery = None,
        level: LevelQuery = None,
    ) -> Response:
        """What `GET /kpis` says as a file: figures, cases by level, day, grid and rule. It wants a purpose.

        No case stands in it by itself, and no group of fewer than five homes.
        """
        purpose = _purpose(body)
        of = asked(house, from_, to, grid, code, level)
        registry, now = house.picture.registry, house.clock.now()
        until = min(of.to_at, now)

        def grid_of(home: str) -> str:
            known = registry.homes.get(home)
            found = registry.grid_of(known) if known is not None else None
            return found[0].id if found is not None else "none"

        wanted = [
            g.id
            for g in registry.site.grids
            if grid is None or grid in {g.id, *(m.id for m in g.micro_grids)}
        ]
        rows = sheets.figures(
            house.kpi(now, of.rows, period=of.period, cases=True), of.some,
            from_at=of.from_at, to_at=until, zone=registry.zone, grids=wanted, grid_of=grid_of,
        )  # fmt: skip
        return await taken(
            who, "figures", purpose, sheets.days_of(of.from_at, until, registry.zone),
            {"grid": grid, "code": code, "level": level.value if level is not None else None},
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
        from_: FromQuery = None,
        to: ToQuery = None,
        grid: GridQuery = None,
    ) -> Response:
        """What `GET /protection` says as a file: home-hours by day, and what took them by reason. It wants a purpose.

        No home, no device, and no reason of fewer than five homes.
        """
        purpose = _purpose(body)
        told, causes, _ = await gathered(house, who, from_, to, grid, None)
        rows = sheets.protection(told, _by_reason(house, causes))
        since = f"; on record since {told['since']}" if told["since"] is not None else ""
        return await taken(
            who, "protection", purpose, (told["from"], told["to"]), {"grid": grid},
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
