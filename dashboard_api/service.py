"""Routes about the service itself: sign-in, duty, figures, rules, screens that beat, health and metrics."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from structlog import get_logger

from alerts.watch import AHEAD
from care.ids import iso
from care.words import Level, Role
from dashboard_api import access, figures, precision, present, redact, shapes, sheets
from dashboard_api.asking import large, moment, signed_in
from dashboard_api.figures import CaseRow
from dashboard_api.gate import cookie_name
from dashboard_api.house import House
from dashboard_api.metrics import CONTENT_TYPE
from dashboard_api.people import BadCredentials, TooManyAttempts, Who
from dashboard_api.picture import Screen
from dashboard_api.problems import Problem, Why
from dashboard_api.redact import Json
from dashboard_api.trying import attempt

log = get_logger("api")

V = access.V
SCREENS_KEPT = 500
MOST_TRIED = timedelta(days=92)
"""A quarter of a year: what is older was another season."""


def _grids_of(house: House, home: str) -> set[str]:
    """The grid and the micro-grid a home lies in, by id; empty for what lies nowhere."""
    known = house.picture.registry.homes.get(home)
    found = house.picture.registry.grid_of(known) if known is not None else None
    return {found[0].id, found[1].id} if found is not None else set()


@dataclass(frozen=True, slots=True)
class Asked:
    """What the figures are about: a period, and its cases, narrowed by place and rule."""

    from_at: datetime
    to_at: datetime
    period: str
    there: list[CaseRow]
    """All of the period."""
    rows: list[CaseRow]
    """Those of the place and rule."""
    some: list[CaseRow]
    """Those of the level besides."""


FromQuery = Annotated[str | None, Query(alias="from", max_length=40)]
ToQuery = Annotated[str | None, Query(max_length=40)]
GridQuery = Annotated[str | None, Query(max_length=64, description="of a grid or a micro-grid, its id")]
CodeQuery = Annotated[str | None, Query(max_length=16, description="of a rule, as SM1")]
LevelQuery = Annotated[Level | None, Query(description="what happened on each day, false shares, load")]


def asked(
    house: House, from_: str | None, to: str | None, grid: str | None, code: str | None, level: Level | None
) -> Asked:
    """The cases that figures are asked of: this month, or a period of the last two. 422 for one that runs backwards."""
    now = house.clock.now()
    month, _ = figures.month(now, house.picture.registry.zone)
    from_at, to_at = moment("from", from_) or month, moment("to", to) or now
    if from_at > to_at:
        raise Problem(422, Why.invalid, "from <= to", fields=["from", "to"])
    there = [r for r in house.picture.counted() if from_at <= r.raised_at < to_at]
    grids = {home: _grids_of(house, home) for home in {r.home for r in there}}
    rows = [
        r
        for r in there
        if (code is None or r.code == code) and (grid is None or grid in grids.get(r.home, {}))
    ]
    return Asked(
        from_at=from_at,
        to_at=to_at,
        period="本月" if from_ is None and to is None else f"{iso(from_at)} / {iso(to_at)}",
        there=there,
        rows=rows,
        some=[r for r in rows if level is None or r.level is level],
    )


def routes(house: House) -> APIRouter:
    """All of them, on one house."""
    router = APIRouter()
    cookie = cookie_name(house.public_url)
    secure = house.public_url.startswith("https://")

    async def signing_in(
        request: Request, name: str, password: str, *, program: bool
    ) -> tuple[Who, str, Any]:
        address = request.client.host if request.client is not None else ""
        try:
            found = await house.people.sign_in(name, password, address=address, program=program)
        except BadCredentials:
            house.metrics.sign_ins.labels("bad_credentials").inc()
            house.guesses.note(address, house.clock.now())
            log.info("sign_in_refused", address=address)
            raise Problem(401, Why.bad_credentials, "用户名或密码不正确") from None
        except TooManyAttempts as many:
            house.metrics.sign_ins.labels("too_many_attempts").inc()
            house.guesses.note(address, house.clock.now())
            log.warning("sign_in_flooded", address=address)
            headers = {"Retry-After": str(max(1, round(many.retry_seconds)))}
            raise Problem(429, Why.too_many_attempts, "试的次数太多，请稍后再试", headers=headers) from None
        house.metrics.sign_ins.labels("good").inc()
        log.info("signed_in", by=found[0].by, role=found[0].role.value, program=program)
        return found

    # -- sign-in ------------------------------------------------------------------------------------------------

    @router.post(
        f"{V}/session",
        response_model=shapes.Me,
        responses={code: {"model": shapes.ProblemBody} for code in (401, 403, 429)},
        tags=["sign-in"],
    )
    async def sign_in(body: shapes.SignIn, request: Request, response: Response) -> Json:
        """Sign in with a browser: an opaque token in a cookie."""
        who, token, expires_at = await signing_in(request, body.username, body.password, program=False)
        if body.to_act and who.role not in access.OPERATORS:
            await house.people.sign_out(who.session)
            raise Problem(403, Why.forbidden, "这个账号不能处置告警，不能接班")
        response.set_cookie(
            cookie,
            token,
            max_age=int((expires_at - house.clock.now()).total_seconds()),
            path="/",
            secure=secure,
            httponly=True,
            samesite="lax",
        )
        return house.me(who)

    @router.get(f"{V}/session", response_model=shapes.Me, tags=["sign-in"])
    def who_am_i(who: Annotated[Who, Depends(signed_in)]) -> Json:
        """Who is signed in."""
        return house.me(who)

    @router.delete(f"{V}/session", status_code=204, response_class=Response, tags=["sign-in"])
    async def sign_out(who: Annotated[Who, Depends(signed_in)]) -> Response:
        """End this session, here and in every open stream."""
        await house.people.sign_out(who.session)
        log.info("signed_out", by=who.by)
        answer = Response(status_code=204)
        answer.delete_cookie(cookie, path="/", secure=secure, httponly=True, samesite="lax")
        return answer

    @router.post(
        f"{V}/token",
        response_model=shapes.Token,
        responses={401: {"model": shapes.ProblemBody}, 429: {"model": shapes.ProblemBody}},
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {
                    "application/x-www-form-urlencoded": {
                        "schema": {
                            "type": "object",
                            "required": ["username", "password"],
                            "properties": {"username": {"type": "string"}, "password": {"type": "string"}},
                        }
                    }
                },
            }
        },
        tags=["sign-in"],
    )
    async def bearer(request: Request) -> Json:
        """Sign in a program: the same opaque token as a bearer."""
        form = await request.form(max_files=0, max_fields=20)
        name, password = form.get("username"), form.get("password")
        if not isinstance(name, str) or not isinstance(password, str):
            raise Problem(422, Why.invalid, "username and password", fields=["username", "password"])
        _who, token, expires_at = await signing_in(request, name, password, program=True)
        return {"access_token": token, "token_type": "bearer", "expires_at": iso(expires_at)}

    # -- duty and figures ---------------------------------------------------------------------------------------

    @router.get(f"{V}/duty/now", response_model=shapes.Duty, tags=["duty"])
    async def duty_now(
        who: Annotated[Who, Depends(signed_in)],
        alert: Annotated[str | None, Query(max_length=64)] = None,
        view: Annotated[Literal["desk", "wall"], Query()] = "desk",
    ) -> Json:
        """Who is on duty; with a case, how many minutes away from it, the nearest free one first."""
        home = None
        if alert is not None:
            case = await house.find(alert)
            if case is None or (
                who.role in access.STAFF and case.alert.responder(who.user.staff or "") is None
            ):
                raise Problem(404, Why.unknown_alert, "没有这个告警")
            # To homes in several buildings there is no one way.
            if present.in_one_place(case.alert, house.picture.registry):
                home = case.alert.home
        board = house.duty(house.clock.now(), home)
        return redact.duty(board, view, record=who.role is Role.auditor) or {}

    @router.get(f"{V}/duty/coverage", response_model=shapes.Coverage, tags=["duty"])
    def coverage(at: Annotated[str | None, Query(max_length=40)] = None) -> Response:
        """Per home: who is there within the promised minutes, now or at a moment of the rota; and whom to ask where nobody is."""
        now = house.clock.now()
        then = moment("at", at) or now
        if not timedelta(0) <= then - now <= AHEAD:
            raise Problem(422, Why.invalid, "at: from now on, within 14 days", fields=["at"])
        # What people will be doing then nobody knows; where they will be, the rota does.
        cases = house.open_alerts() if then - now < timedelta(minutes=1) else []
        return large(
            present.coverage_json(house.picture.registry, then, cases, outs=house.out_of_service(then))
        )

    @router.get(f"{V}/kpis", response_model=shapes.Kpi, response_model_exclude_unset=True, tags=["figures"])
    def kpis(
        who: Annotated[Who, Depends(signed_in)],
        from_: FromQuery = None,
        to: ToQuery = None,
        grid: GridQuery = None,
        code: CodeQuery = None,
        level: LevelQuery = None,
    ) -> Json:
        """Response figures with the cases behind them: this month, or a period of the last two. No samples: null.

        Narrowed by place and rule. The response times are those of red cases whatever `level` says.
        """
        of = asked(house, from_, to, grid, code, level)
        now = house.clock.now()
        log.info("figures_read", by=who.by)
        told = house.kpi(now, of.rows, period=of.period, cases=True)
        load = figures.load(of.some, of.from_at, min(of.to_at, now), house.name_of)
        zone = house.picture.registry.zone
        return {
            **told,
            "promises": figures.promises(of.rows),
            "load": load,
            "paper": sheets.paper(
                told, of.some, load, from_at=of.from_at, to_at=min(of.to_at, now), zone=zone
            ),
            **precision.named(
                precision.precision(of.some),
                of.some,
                house.picture.registry,
                places=who.role is not Role.auditor,
            ),
            "by_day": figures.by_day(of.some, of.from_at, min(of.to_at, now), zone),
            "cases": figures.case_lines(of.some),
            "choices": {
                "grids": [
                    {
                        "id": g.id,
                        "name": g.name,
                        "micro_grids": [{"id": m.id, "name": m.name} for m in g.micro_grids],
                    }
                    for g in house.picture.registry.site.grids
                ],
                "codes": sorted({r.code for r in of.there}),
            },
            "proposals": precision.proposals(house.picture.counted(), now),
            "from": iso(of.from_at),
            "to": iso(of.to_at),
        }

    @router.get(f"{V}/rules", tags=["rules"])
    def rules() -> Json:
        """Rules in force, with their limits."""
        if house.rules is None:
            raise Problem(503, Why.unavailable, "规则清单不可用")
        return {"items": house.rules()}

    @router.post(
        f"{V}/rules/try",
        response_model=shapes.Trial,
        responses={
            404: {"model": shapes.ProblemBody},
            413: {"model": shapes.ProblemBody, "description": "too many readings for an answer in time"},
            503: {"model": shapes.ProblemBody, "description": "no history, or other trials are running"},
        },
        tags=["rules"],
    )
    async def try_rules(body: shapes.RulesTry, who: Annotated[Who, Depends(signed_in)]) -> Json:
        """Try a changed limit or rule over the past: alerts gained and lost against those in force. Changes nothing."""
        if not body.limits and body.rules is None:
            raise Problem(422, Why.invalid, "limits or rules must be given", fields=["limits", "rules"])
        if body.resident is not None and body.resident not in house.picture.registry.residents:
            raise Problem(404, Why.unknown_resident, "没有这位老人")
        now = house.clock.now()
        end = min(moment("to", body.to) or now, now)
        begin = moment("from", body.from_) or end - timedelta(days=body.days)
        if not timedelta(0) < end - begin <= MOST_TRIED:
            raise Problem(422, Why.invalid, f"0 < to - from <= {MOST_TRIED.days} d", fields=["from", "to"])
        log.info(
            "rules_tried",
            by=who.by,
            role=who.role.value,
            resident=body.resident,
            limits=sorted(body.limits),
            rules=body.rules is not None,
            begin=iso(begin),
            end=iso(end),
        )
        return await attempt(
            house, begin=begin, end=end, limits=body.limits, resident=body.resident, rules=body.rules
        )

    # -- screens and health -------------------------------------------------------------------------------------

    @router.post(f"{V}/beats", status_code=204, response_class=Response, tags=["live"])
    def beats(body: shapes.Beat, who: Annotated[Who, Depends(signed_in)]) -> Response:
        """A screen says every 15 s that somebody could see and hear it."""
        name = f"{who.by}/{body.screen}"
        now, screens = house.clock.now(), house.picture.screens
        before = screens.pop(name, None)
        chosen_at = None
        if body.focus and body.view == "desk" and who.role in access.OPERATORS:
            same = before is not None and before.beat.focus == body.focus
            chosen_at = (before.chosen_at if same and before else None) or now
        screens[name] = Screen(body, now, chosen_at, acts=who.role in access.OPERATORS)
        while len(screens) > SCREENS_KEPT:
            del screens[next(iter(screens))]
        return Response(status_code=204)

    @router.get("/healthz", tags=["health"])
    def healthz() -> Json:
        """The process answers."""
        return {"ok": True}

    @router.get(
        "/readyz", response_model=shapes.Ready, responses={503: {"model": shapes.Ready}}, tags=["health"]
    )
    def readyz(response: Response) -> Json:
        """Whether the alarm path can be shown and acted on, and every part's state."""
        ready, parts = house.ready()
        response.status_code = 200 if ready else 503
        response.headers["Cache-Control"] = "no-store"
        return {"ready": ready, "components": parts}

    @router.get("/metrics", include_in_schema=False)
    def metrics() -> Response:
        """For Prometheus."""
        house.count()
        return Response(house.metrics.text(), media_type=CONTENT_TYPE, headers={"Cache-Control": "no-store"})

    return router
