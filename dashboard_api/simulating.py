"""Routes of the simulator's panel: start what happens, switch faults, and see what was true beside what was raised.

Only where the service is told that a simulator feeds it (`demo.simulator`), and for admins; anywhere else and for
anybody else there is no such address. The simulator is another process (`afar`); what it says is checked before it is passed on, and it never
learns what the service makes of it: judging is `verdicts`' part. Who started what is written to the log.
"""

from __future__ import annotations

import secrets
import statistics
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ValidationError
from structlog import get_logger

from care.ids import iso
from care.words import Level
from dashboard_api import access, shapes, verdicts
from dashboard_api import simulating_shapes as told
from dashboard_api.afar import Away, Declined, Simulator
from dashboard_api.asking import signed_in
from dashboard_api.house import House
from dashboard_api.live import Key, LinkTest
from dashboard_api.people import Who
from dashboard_api.problems import Problem, Why
from dashboard_api.redact import Json

log = get_logger("api")

V = access.V
MOST_TRUTHS = 200
"""Truths that are judged: a lively afternoon."""
T = TypeVar("T", bound=BaseModel)

_REFUSED: dict[str, tuple[int, Why]] = {
    "unknown_home": (404, Why.unknown_home),
    "too_many": (429, Why.too_many_requests),
    "busy": (503, Why.simulator_away),
}
"""How the simulator's reasons are answered; all others are 422."""


def routes(house: House) -> APIRouter:
    """All of them, on one house."""
    answers: dict[int | str, dict[str, Any]] = {
        404: {
            "model": shapes.ProblemBody,
            "description": "no simulator feeds this service, or it is none of this role's",
        },
        429: {"model": shapes.ProblemBody, "description": "too many were started"},
        503: {"model": shapes.ProblemBody, "description": "the simulator does not answer"},
    }
    router = APIRouter(prefix=f"{V}/simulator", tags=["simulator"], responses=answers)

    async def ask(model: type[T], do: str, **words: Any) -> T:
        if house.simulator is None:
            raise Problem(404, Why.not_found, "此服务没有接模拟器")
        try:
            return model.model_validate(await house.simulator.ask(do, **words))
        except Away:
            raise _away() from None
        except ValidationError as error:
            log.warning("simulator_odd", do=do, faults=error.error_count())
            raise _away() from None
        except Declined as no:
            status, why = _REFUSED.get(no.reason, (422, Why.refused))
            headers = {"Retry-After": "10"} if status in (429, 503) else {}
            said = {
                "code": no.reason,
                "zh": f"模拟器没有接受：{no.zh}",
                "en": f"The simulator did not accept this: {no.sentence}",
            }
            raise Problem(status, why, said["zh"], headers=headers, why=said) from None

    @router.get("", response_model=told.SimulatorState)
    async def state() -> told.SimulatorState:
        """How the simulator is: its clock, what it has published, the faults in force."""
        return await ask(told.SimulatorState, "state")

    @router.get("/scenarios", response_model=told.Scenarios)
    async def scenarios(home: Annotated[str | None, Query(max_length=64)] = None) -> told.Scenarios:
        """What can be started: what happens, and what ought to be raised. With a home: what it lacks for it."""
        return await ask(told.Scenarios, "scenarios", home=home or None)

    @router.get("/homes", response_model=told.SimulatedHomes)
    async def homes(
        q: Annotated[str, Query(max_length=64)] = "", limit: Annotated[int, Query(ge=1, le=100)] = 20
    ) -> told.SimulatedHomes:
        """Simulated homes by id, address or name."""
        return await ask(told.SimulatedHomes, "homes", q=q, limit=limit)

    @router.post("/scenarios", status_code=201, response_model=told.StartedBody)
    async def start(body: told.ScenarioStart, who: Annotated[Who, Depends(signed_in)]) -> told.StartedBody:
        """Let something happen. Without a home the seed chooses one; without `after_seconds` it waits for its hour."""
        started = await ask(
            told.Started,
            "start",
            scenario=body.scenario,
            home=body.home,
            after_seconds=body.after_seconds,
            seed=body.seed,
        )
        log.info(
            "simulator_scenario_started",
            by=who.by,
            role=who.role.value,
            scenario=body.scenario,
            home=started.home,
            begins_at=started.begins_at,
        )
        return told.StartedBody(**started.model_dump(), address=_address(house, started.home))

    @router.post("/faults", status_code=201, response_model=told.FaultSwitch)
    async def fault(body: told.FaultStart, who: Annotated[Who, Depends(signed_in)]) -> told.FaultSwitch:
        """Put a fault in force, in one home or everywhere."""
        one = await ask(told.FaultSwitch, "fault", fault=body.fault, value=body.value, home=body.home)
        log.info(
            "simulator_fault_started",
            by=who.by,
            role=who.role.value,
            fault=one.fault,
            amount=one.value,
            home=one.home,
        )
        return one

    @router.delete("/faults/{fault}", status_code=204, response_class=Response)
    async def end(fault: int, who: Annotated[Who, Depends(signed_in)]) -> Response:
        """End a fault."""
        if not 0 <= fault < 2**31:
            raise Problem(422, Why.invalid, "fault: a number of one in force", fields=["fault"])
        one = await ask(told.FaultSwitch, "stop", id=fault)
        log.info("simulator_fault_ended", by=who.by, role=who.role.value, fault=one.fault, home=one.home)
        return Response(status_code=204)

    @router.post("/speed", response_model=told.SimulatorState)
    async def speed(body: told.SpeedWanted, who: Annotated[Who, Depends(signed_in)]) -> told.SimulatorState:
        """Let the world run faster or slower from now on. The service's own clock does not: what waits minutes waits minutes."""
        state = await ask(told.SimulatorState, "speed", speed=body.speed)
        log.info("simulator_speed", by=who.by, role=who.role.value, speed=state.speed)
        return state

    def line() -> LinkTest:
        """The line of a service that a simulator feeds; no other can be disturbed."""
        if house.simulator is None or house.hub.test is None:
            raise Problem(404, Why.not_found, "此服务没有接模拟器")
        return house.hub.test

    def disturbed() -> Json:
        test, now = line(), house.clock.now()
        desk = house.hub.channels.get(Key("desk"))

        def left(until: datetime | None) -> float:
            return round(max(0.0, (until - now).total_seconds()), 1) if until is not None else 0.0

        return {
            "silent_seconds": left(test.silent_until),
            "lie_seconds": left(test.lie_until),
            "drops": desk.drops if desk is not None else 0,
        }

    @router.get("/link", response_model=told.LinkTests)
    async def link() -> Json:
        """What is done to the line between service and screens now."""
        return disturbed()

    @router.post("/link", response_model=told.LinkTests)
    async def disturb(body: told.LinkTestStart, who: Annotated[Who, Depends(signed_in)]) -> Json:
        """Do something to the line on purpose, to see that every screen notices; it ends by itself."""
        test = line()
        until = house.clock.now() + timedelta(seconds=body.value)
        match body.test:
            case "silent":
                test.silent_until = until
            case "lie":
                test.lie_until = until
            case "drop":
                for channel in house.hub.channels.values():
                    channel.drops = body.value
            case "restart":
                house.hub.begin_anew(secrets.token_hex(4))
        log.info("simulator_link_test", by=who.by, role=who.role.value, test=body.test, amount=body.value)
        return disturbed()

    @router.get("/truths", response_model=told.Truths)
    async def truths(limit: Annotated[int, Query(ge=1, le=MOST_TRUTHS)] = 100) -> Json:
        """What was true beside what was raised, newest first: found, late, missed, waiting; and what was raised for nothing."""
        state = await ask(told.SimulatorState, "state")
        found = await ask(told.TruthsTold, "truths", limit=MOST_TRUTHS)
        return _compared(house, state, found, limit)

    @router.get("/messages", response_model=told.SentMessages)
    async def messages(limit: Annotated[int, Query(ge=1, le=100)] = 100) -> Json:
        """The last messages as the simulator sent them, newest first, beside the cases they became."""
        found = await ask(told.MessagesTold, "messages", limit=limit)
        return {"items": _became(house, found.items)}

    @router.get("/made", response_model=told.Made)
    def made() -> Json:
        """What the service makes of lines and push services that fail: whom it hears, what is sent, tried again, given up."""
        if house.simulator is None:
            raise Problem(404, Why.not_found, "此服务没有接模拟器")
        return _made(house)

    return router


MOST_SENT = 40
PUSH = "push_"
"""How the faults of the push service begin (docs/simulator.md)."""
OUTAGES = frozenset({"TE4", "TE5", "TE7", "TE9"})
"""Codes of cases about lines: a gateway, an area, our own senders, the way in."""


def _made(house: House) -> Json:
    now, parts = house.clock.now(), house.components()
    cases = list(house.picture.cases.values())
    sent = sorted(
        ((view, case.alert.number) for case in cases for view in case.alert.deliveries),
        key=lambda one: one[0].at,
        reverse=True,
    )
    since = now - timedelta(minutes=10)
    lately = Counter(view.state.value for view, _ in sent if view.at >= since)
    return {
        "at": iso(now),
        "ingest_age": house.picture.ingest_age(now, house.started_at),
        "notify_lag": house.notify_lag(now),
        "parts": {name: parts[name]["ok"] for name in ("ingest", "rules", "alerts", "notify")},
        "lately": {state: lately[state] for state in ("queued", "accepted", "refused", "failed")},
        "outages": [
            _case(house, said)
            for case in cases
            if case.alert.open and case.alert.code in OUTAGES
            for said in verdicts.said_of([case], datetime.min.replace(tzinfo=UTC))[:1]
        ],
        "sent": [
            {
                "at": iso(view.at),
                "number": number,
                "name": house.name_of(view.delivery.person),
                "channel": view.delivery.channel.split(":", 1)[0],
                "state": view.state.value,
                "attempts": view.attempts,
                "detail": view.detail,
            }
            for view, number in sent[:MOST_SENT]
        ],
    }


BECAME = timedelta(seconds=30)
"""A case that a device was heard in so soon after its alarm message came of that message."""


def _became(house: House, sent: list[told.MessageTold]) -> list[Json]:
    """Each message with the case it became. One message makes one case: the oldest of a burst has it."""
    heard: dict[str, list[verdicts.Said]] = {}
    oldest = min((_at(m.at) for m in sent), default=None)
    if oldest is not None:
        for case in list(house.picture.cases.values()):
            for said in verdicts.said_of([case], oldest - BECAME):
                for device in {f.device for f in case.alert.findings if f.device}:
                    heard.setdefault(device, []).append(said)
    taken: set[str] = set()
    lines = []
    for message in reversed(sent):
        at = _at(message.at)
        came = next(
            (
                s
                for s in heard.get(message.device, ())
                if message.alarm and s.alert not in taken and timedelta(seconds=-1) <= s.at - at <= BECAME
            ),
            None,
        )
        if came is not None:
            taken.add(came.alert)
        lines.append(
            {
                **message.model_dump(),
                "case": _case(house, came) if came is not None else None,
                "seconds": round(max(0.0, (came.at - at).total_seconds()), 3) if came is not None else None,
            }
        )
    return lines[::-1]


def _away() -> Problem:
    return Problem(
        503, Why.simulator_away, "模拟器没有应答：可能没有启动，或正在重启", headers={"Retry-After": "3"}
    )


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _compared(house: House, state: told.SimulatorState, found: told.TruthsTold, limit: int) -> Json:
    """The truths with what became of them, and the cases that nothing explains."""
    facts = [
        verdicts.Fact(
            n=t.n,
            at=_at(t.at),
            home=t.home,
            code=t.expect.code if t.expect is not None else None,
            also=tuple(t.expect.also) if t.expect is not None else (),
            level=Level(t.expect.level) if t.expect is not None else Level.blue,
            by=_at(t.expect.by) if t.expect is not None else None,
            void=t.void or t.unheard,
        )
        for t in found.items
    ]
    faults = [
        verdicts.Fault(
            homes=frozenset(f.homes) or (frozenset({f.home}) if f.home is not None else None),
            since=_at(f.since),
            until=_at(f.until) if f.until is not None else None,
        )
        for f in (*state.faults, *state.ended)
        if not f.fault.startswith(PUSH)  # whom a message reaches is no cause of what it tells
    ]
    begin = _at(state.started_at)
    if state.from_beginning:
        faults.append(verdicts.Fault(homes=None, since=begin))
    if found.total > len(found.items):
        begin = min((f.at for f in facts), default=begin)  # older truths are no longer told
    said = verdicts.said_of(list(house.picture.cases.values()), begin)
    known = house.picture.registry.homes.keys()
    said = [
        s for s in said if s.homes & known
    ]  # a case about the centre itself comes of nothing in the world
    judged, nothing = verdicts.judge(facts, said, faults, house.clock.now())
    seconds = [j.seconds for j in judged.values() if j.verdict == "found" and j.seconds is not None]
    counts = Counter(j.verdict for j in judged.values())
    return {
        "since": iso(begin),
        "ahead": found.ahead,
        "total": found.total,
        "items": [_line(house, t, judged[t.n]) for t in found.items[:limit]],
        "for_nothing": [_case(house, one.said) | {"fault": one.fault} for one in nothing[:50]],
        "counts": {
            "found": counts["found"],
            "late": counts["late"],
            "missed": counts["missed"],
            "waiting": counts["waiting"],
            "for_nothing": sum(1 for one in nothing if not one.fault),
            "median_seconds": round(statistics.median(seconds), 2) if seconds else None,
        },
    }


def _line(house: House, truth: told.TruthTold, judged: verdicts.Judged) -> Json:
    return {
        **truth.model_dump(),
        "address": _address(house, truth.home),
        "judged": judged.verdict,
        "seconds": judged.seconds,
        "case": _case(house, judged.said) if judged.said is not None else None,
    }


def _case(house: House, said: verdicts.Said) -> Json:
    case = house.picture.cases.get(said.alert)
    title = case.alert.title if case is not None else {}
    return {
        "alert": said.alert,
        "number": said.number,
        "code": said.code,
        "level": said.level.value,
        "at": iso(said.at),
        "home": said.home,
        "address": _address(house, said.home),
        "title": {"zh": title.get("zh", said.code), "en": title.get("en", said.code)},
    }


def _address(house: House, home: str) -> str:
    known = house.picture.registry.homes.get(home)
    return known.address if known is not None else home


def simulator_at(path: Any) -> Simulator | None:
    """The simulator of a control socket; None where there is none."""
    return Simulator(path) if path is not None else None
