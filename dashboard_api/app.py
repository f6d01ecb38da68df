"""Puts the API together: `create_app` for tests and for uvicorn, `run` for the role.

Everything comes in as an argument: the stream, the clock, the database's history (or None), the list of rules, the
second way in for readings. The lifespan starts the folds and waits for nothing: until the alert log has been read
once, routes that need it answer 503 `not_ready`, never a list that is too short.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.responses import Response
from structlog import get_logger

from alerts.kept import Mirror
from care.ages import USUAL, Ages
from care.clock import Clock
from care.errors import Temporary
from care.messages import Beat, encode
from care.stream import HEALTH, Stream
from dashboard_api import (
    calls,
    campaigns,
    cases,
    devices,
    doorcards,
    duties,
    exports,
    folds,
    golinks,
    integrations,
    listening,
    looks,
    modes,
    outs,
    overrides,
    places,
    proposals,
    protection,
    reach,
    repairs,
    residents,
    rota,
    rotaasks,
    rounds,
    scenes,
    service,
    shapes,
    simulating,
    upkeep,
    web,
)
from dashboard_api.gate import Gate
from dashboard_api.history import History
from dashboard_api.house import AcceptReading, ClaimDevice, House, LimitsOfResidents, TryRules
from dashboard_api.live import Hub, LinkTest
from dashboard_api.metrics import Metrics
from dashboard_api.people import People
from dashboard_api.photos import Photos
from dashboard_api.photos import routes as photo_routes
from dashboard_api.problems import Problem, Why, answer

log = get_logger("api")

GRACE_SECONDS = 2
"""Without it one open stream keeps the process alive for ever (tried; with it 2.2 s)."""
BEAT_SECONDS = 2.0

DESCRIPTION = """安心: elderly-care monitoring. Contract version 1.

Sign in at `POST /api/v1/token` (programs, bearer) or `POST /api/v1/session` (browsers, cookie). Errors are RFC 9457
problems with a `reason`. The live channel `GET /api/v1/live` is server-sent events; its messages are the webhook
`live`.
"""


def create_app(
    *,
    stream: Stream,
    clock: Clock,
    public_url: str = "http://127.0.0.1:8000",
    demo: bool = False,
    build: str = "dev",
    history: History | None = None,
    rules: Callable[[], list[dict[str, Any]]] | None = None,
    accept_reading: AcceptReading | None = None,
    push_hosts: Sequence[str] = (),
    try_rules: TryRules | None = None,
    simulator: Path | None = None,
    limits: LimitsOfResidents | None = None,
    claim: ClaimDevice | None = None,
    kept: Ages = USUAL,
    static: Path | None = None,
    photos: Path | None = None,
    data: Path | None = None,
) -> FastAPI:
    """The application. Its `state.house` is there for tests and for `run`.

    `public_url` decides about Secure cookies and which Origin is ours; `build` is told to the screens; `static` is the
    folder of the built web app (default: dashboard_api/static). `simulator`: the control socket of what feeds this
    service when nothing of it is real; every screen then says so. `photos`: the folder of the residents' photographs and of those
    of scenes; there are none without it. `data`: the folder whose disk must not be full; it is not looked at without it.
    """
    people = People(stream, clock)
    metrics = Metrics()
    house = House(
        stream=stream,
        clock=clock,
        people=people,
        metrics=metrics,
        hub=Hub(secrets.token_hex(4), test=LinkTest(clock.now) if simulator is not None else None),
        public_url=public_url,
        demo=demo,
        build=build,
        started_at=clock.now(),
        history=history,
        rules=rules,
        accept_reading=accept_reading,
        push_hosts=push_hosts,
        try_rules=try_rules,
        simulator=simulating.simulator_at(simulator),
        limits=limits,
        claim=claim,
        kept=kept,
        upkeep=Mirror(stream),
        data=data,
    )
    people.on_change(house.check_listeners)
    pictures, taken = Photos(photos), scenes.Scenes(photos)
    house.photos_of = partial(scenes.fields, taken, house)

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        tasks = folds.start(house, {"photos": partial(scenes.look_after, photos=pictures, scenes=taken)})
        try:
            yield
        finally:
            house.hub.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await people.close()

    app = FastAPI(
        title="安心 Anxin",
        version="1",
        description=DESCRIPTION,
        openapi_url=None,  # below
        docs_url=None,  # they load scripts from elsewhere; any OpenAPI reader can read /openapi.json
        redoc_url=None,
        lifespan=lifespan,
        separate_input_output_schemas=False,
        responses={
            401: {"model": shapes.ProblemBody},
            403: {"model": shapes.ProblemBody},
            422: {"model": shapes.ProblemBody},
        },
    )
    app.state.house = house

    # No coroutine, so it is made in a thread: the first one takes a second or more, and every screen would wait for it.
    @app.get("/openapi.json", include_in_schema=False)
    def openapi() -> JSONResponse:
        return JSONResponse(app.openapi())

    app.add_middleware(Gate, people=people, clock=clock, public_url=public_url, metrics=metrics)
    _answer_problems(app)
    app.include_router(service.routes(house))
    app.include_router(scenes.routes(house, taken))  # before the commands, whose path would fit
    cards = doorcards.Cards(house)
    app.include_router(doorcards.routes(house, cards))
    app.include_router(cases.routes(house, cards))
    app.include_router(golinks.routes(house))
    app.include_router(listening.routes(house))
    app.include_router(places.routes(house))
    app.include_router(devices.routes(house))
    app.include_router(reach.routes(house))
    app.include_router(residents.routes(house, pictures))
    app.include_router(photo_routes(house, pictures))
    app.include_router(duties.routes(house))
    app.include_router(rota.routes(house))
    app.include_router(rotaasks.routes(house))
    app.include_router(upkeep.routes(house))
    app.include_router(campaigns.routes(house))
    app.include_router(rounds.routes(house))
    app.include_router(calls.routes(house))
    app.include_router(repairs.routes(house))
    app.include_router(modes.routes(house))
    app.include_router(overrides.routes(house))
    app.include_router(outs.routes(house))
    app.include_router(protection.routes(house))
    app.include_router(exports.routes(house))
    app.include_router(looks.routes(house))
    app.include_router(integrations.routes(house))
    app.include_router(proposals.routes(house))
    app.include_router(simulating.routes(house))
    app.include_router(web.pages(static or web.BUILT, simulated=simulator is not None))

    @app.webhooks.post("live", tags=["live"], summary="One message of the live channel")
    def live_event(body: shapes.LiveEvent) -> None:
        """What `GET /api/v1/live` sends: the SSE fields `event` and `id`, and `data` as JSON."""

    return app


def _answer_problems(app: FastAPI) -> None:
    @app.exception_handler(Problem)
    async def problem(_request: Request, error: Problem) -> Response:
        return answer(error)

    @app.exception_handler(Temporary)
    async def away(_request: Request, _error: Temporary) -> Response:
        return answer(
            Problem(
                503,
                Why.stream_unavailable,
                "暂时存不下来，没有记下，请再按一次",
                headers={"Retry-After": "1"},
            )
        )

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> Response:
        # The names of what is wrong, never what was sent.
        places_ = [tuple(str(p) for p in e["loc"]) for e in error.errors()]
        if ("path", "command") in places_:
            return answer(Problem(404, Why.unknown_command, "没有这个操作"))
        fields = list(dict.fromkeys(".".join(p[1:]) or p[0] for p in places_))
        detail = "; ".join(
            dict.fromkeys(
                f"{'.'.join(p[1:]) or p[0]}: {e['msg']}" for p, e in zip(places_, error.errors(), strict=True)
            )
        )
        return answer(Problem(422, Why.invalid, detail[:500], fields=fields))

    @app.exception_handler(HTTPException)
    async def http(_request: Request, error: HTTPException) -> Response:
        reasons = {404: Why.not_found, 405: Why.method_not_allowed, 413: Why.body_too_large}
        return answer(
            Problem(error.status_code, reasons.get(error.status_code, Why.invalid), headers=error.headers)
        )


async def run(
    *,
    stream: Stream,
    clock: Clock,
    host: str,
    port: int,
    public_url: str,
    demo: bool = False,
    build: str = "dev",
    history: History | None = None,
    rules: Callable[[], list[dict[str, Any]]] | None = None,
    accept_reading: AcceptReading | None = None,
    push_hosts: Sequence[str] = (),
    try_rules: TryRules | None = None,
    simulator: Path | None = None,
    limits: LimitsOfResidents | None = None,
    claim: ClaimDevice | None = None,
    kept: Ages = USUAL,
    static: Path | None = None,
    photos: Path | None = None,
    data: Path | None = None,
    trusted_proxies: str | None = None,
    started: Callable[[], None] | None = None,
) -> None:
    """The api role: serve until cancelled, and say every 2 s that it lives.

    `trusted_proxies`: addresses whose X-Forwarded-For is believed (None: nobody's, or anybody could choose the
    address under which bad passwords are counted). `started` is called once the port is open.
    """
    app = create_app(
        stream=stream,
        clock=clock,
        public_url=public_url,
        demo=demo,
        build=build,
        history=history,
        rules=rules,
        accept_reading=accept_reading,
        push_hosts=push_hosts,
        try_rules=try_rules,
        simulator=simulator,
        limits=limits,
        claim=claim,
        kept=kept,
        static=static,
        photos=photos,
        data=data,
    )
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=trusted_proxies is not None,
        forwarded_allow_ips=trusted_proxies or "",
        timeout_graceful_shutdown=GRACE_SECONDS,
        timeout_keep_alive=15,
        limit_concurrency=2000,
        h11_max_incomplete_event_size=32 * 1024,
        ws="none",
    )
    server = _Server(config)
    house: House = app.state.house

    async def live() -> None:
        began_at, told = clock.now(), False
        while True:
            if server.started and not told and started is not None:
                told = True
                started()
            with contextlib.suppress(Temporary):
                now = clock.now()
                for refused in house.guesses.take(now):
                    log.warning(
                        "sign_ins_refused",
                        origin=refused.origin,
                        count=refused.count,
                        addresses=refused.addresses,
                    )
                beat = Beat(
                    role="api",
                    at=now,
                    started_at=began_at,
                    position=house.picture.position,
                    detail=house.guesses.sentence(now),
                )
                await stream.put(HEALTH, "beat.api", encode(beat))
            await asyncio.sleep(0.05 if started is not None and not told else BEAT_SECONDS)

    beating = asyncio.create_task(live(), name="api-live")
    serving = asyncio.create_task(server.serve(), name="api-serve")
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        server.should_exit = True
        house.hub.close()  # open streams end by themselves; the grace is for those that do not
        await serving
        raise
    finally:
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)


class _Server(uvicorn.Server):
    """uvicorn without hands on the process's signals: the wiring owns those."""

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield
