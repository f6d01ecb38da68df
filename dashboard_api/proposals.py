"""What the outcomes propose, and what a supervisor said to it. Start at `routes`.

A proposal is worked out anew from the closed cases each time (`precision.proposals`); only what people said to it is
kept, under `proposal.ID`, with the cases they had before them. It is open again once as many new cases say the same.
Accepting changes nothing by itself: a detector is moved and a limit is set by people, where they always do that. A
changed limit must have been tried over the past first; whoever accepts one that would have missed a real alarm says why.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Depends, Query
from structlog import get_logger

from care.errors import Conflict
from care.ids import content_id, iso
from care.messages import decode, encode
from care.stream import PEOPLE
from care.words import Role
from dashboard_api import access, precision, redact, shapes
from dashboard_api.asking import signed_in
from dashboard_api.figures import CaseRow
from dashboard_api.house import House
from dashboard_api.people import Who
from dashboard_api.problems import Problem, Why
from dashboard_api.redact import Json
from dashboard_api.trying import attempt

log = get_logger("api")

V = access.V
LEAST = {
    "resite": precision.COOKING_LEAST,
    "repair": precision.FAULT_LEAST,
    "limit": precision.JUDGED_LEAST,
}
"""So many new cases after a word on a proposal and it is asked again."""
LOOSER = 0.25
"""A limit is proposed so far on the way from its default to its looser bound; our own figure, for a first try."""
TRIED = ("before", "after", "gained", "lost", "quieter", "missed", "lost_without_verdict", "words")
"""What is kept of a backtest."""


class Said(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is kept of a proposal."""

    id: str
    decision: Literal["", "accepted", "declined"] = ""
    by: str = ""
    at: datetime | None = None
    note: str = ""
    cases: list[int] = []
    """The cases it rested on when it was decided."""
    change: dict[str, Any] = {}
    backtest: dict[str, Any] | None = None


def units(house: House) -> dict[str, str]:
    """What the limits of all rules are measured in."""
    rules = house.rules() if house.rules is not None else []
    parameters = [p for rule in rules for p in rule.get("parameters", {}).values()]
    return {p["limit"]: p["unit"] for p in parameters if p.get("limit") and p.get("unit")}


def suggestion(code: str, homes: set[str], house: House) -> dict[str, Any] | None:
    """A limit of this rule to try first, a step looser: of the one resident it is about, else of everybody."""
    for rule in house.rules() if house.rules is not None else []:
        if rule["code"] != code or rule["life"]:
            continue
        for parameter in rule.get("parameters", {}).values():
            default, name = parameter.get("default"), parameter.get("limit")
            bound = parameter.get("max" if parameter.get("stricter", "lower") == "lower" else "min")
            if not name or isinstance(default, bool | str) or default is None or bound in (None, default):
                continue
            value = default + LOOSER * (bound - default)
            whole = all(float(n).is_integer() for n in (default, bound))
            found = house.picture.registry.homes.get(next(iter(homes))) if len(homes) == 1 else None
            people = found.residents if found is not None else []
            return {
                "limits": {name: round(value) if whole else round(value, 2)},
                "resident": people[0].id if len(people) == 1 else None,
            }
    return None


def from_outcomes(found: Json, rows: list[CaseRow], now: datetime) -> Json:
    """What the past says of moving or repairing a device: its alarms of the last weeks, and the real ones among them.

    No engine can replay air that a detector elsewhere would have measured; the outcomes can be counted.
    """
    of = "device" if found["device"] else "home"
    since = now - precision.COOKING_WITHIN
    there = [
        r
        for r in rows
        if getattr(r, of) == found[of] and r.raised_at >= since and r.closed_at is not None and not r.test
    ]
    return {
        "days": precision.COOKING_WITHIN.days,
        "alarms": len(there),
        "avoided": len(found["cases"]),
        "real": sum(1 for r in there if r.truth == "real" and r.number not in found["cases"]),
    }


def routes(house: House) -> APIRouter:
    """All of them, on one house."""
    router = APIRouter()

    async def kept(name: str) -> tuple[Said, int]:
        entry = await house.stream.get(PEOPLE, f"proposal.{name}")
        if entry is None or entry.data is None:
            return Said(id=name), 0
        return decode(entry.data, Said), entry.revision

    async def keep(said: Said, revision: int) -> None:
        try:
            await house.stream.put(PEOPLE, f"proposal.{said.id}", encode(said), expect=revision)
        except Conflict:
            raise Problem(409, Why.version_conflict, "刚刚有人处理过这条建议，请刷新") from None

    async def one(found: Json, *, places: bool) -> Json:
        now = house.clock.now()
        registry = house.picture.registry
        rows = house.picture.counted()
        name = content_id("proposal", found["kind"], found["code"], found["device"], found["home"])
        said, _ = await kept(name)
        new = [n for n in found["cases"] if n not in said.cases]
        state = said.decision if said.decision and len(new) < LEAST[found["kind"]] else "open"
        backtest, change = said.backtest, said.change or None
        if found["kind"] == "limit":
            homes = {r.home for r in rows if r.number in found["cases"]}
            change = change or suggestion(found["code"], homes, house)
        else:
            backtest = from_outcomes(found, rows, now)
        whose = registry.residents.get(change["resident"] or "") if change is not None and places else None
        return {
            **found,
            **precision.in_words(found, precision.newest_of(rows), registry, places=places),
            "id": name,
            "state": state,
            "change": change
            and {
                **change,
                "name": whose[1].name if whose is not None else "",
                "units": {n: unit for n, unit in units(house).items() if n in change["limits"]},
            },
            "backtest": backtest,
            "by": house.name_of(said.by) if said.by else None,
            "at": iso(said.at) if said.at is not None else None,
            "note": said.note,
        }

    async def all_(*, places: bool = True) -> list[Json]:
        """Without `places` neither an address nor a name: what an auditor reads."""
        rows = house.picture.counted()
        return [await one(p, places=places) for p in precision.proposals(rows, house.clock.now())]

    async def named(name: str) -> Json:
        found = next((p for p in await all_() if p["id"] == name), None)
        if found is None:
            raise Problem(404, Why.not_found, "没有这条建议，或已不再成立")
        return found

    @router.get(f"{V}/proposals", response_model=shapes.ProposalList, tags=["figures"])
    async def proposals(
        who: Annotated[Who, Depends(signed_in)],
        state: Annotated[Literal["open", "accepted", "declined", "all"], Query()] = "open",
    ) -> Json:
        """What the outcomes of the last weeks propose, each with what the past says of it. None applies itself."""
        everything = await all_(places=who.role is not Role.auditor)
        found = [p for p in everything if state in ("all", p["state"])]
        return {"items": redact.without(found, "note") if who.role is Role.auditor else found}

    @router.post(
        f"{V}/proposals/{{proposal}}/backtest",
        response_model=shapes.ProposalLine,
        responses={code: {"model": shapes.ProblemBody} for code in (404, 409, 413, 503)},
        tags=["figures"],
    )
    async def backtest(
        proposal: str, body: shapes.ProposalTry, who: Annotated[Who, Depends(signed_in)]
    ) -> Json:
        """Try the proposed limit, or another one, over the past days, and keep what came of it."""
        found = await named(proposal)
        if found["kind"] != "limit":
            raise Problem(409, Why.not_open, "这条建议来自结案结果，不用回测")
        wished: Json = {"limits": body.limits, "resident": body.resident}
        change: Json | None = wished if body.limits else found["change"]
        if change is None:
            raise Problem(422, Why.invalid, "limits: 请写明要改的参数", fields=["limits"])
        now = house.clock.now()
        tried = await attempt(
            house,
            begin=now - timedelta(days=body.days),
            end=now,
            limits=change["limits"],
            resident=change["resident"],
        )
        said, revision = await kept(proposal)
        short = {"at": iso(now), "days": body.days, **{k: tried[k] for k in TRIED if k in tried}}
        await keep(msgspec.structs.replace(said, change=change, backtest=short), revision)
        log.info("proposal_tried", by=who.by, proposal=proposal, limits=sorted(change["limits"]))
        return await named(proposal)

    @router.post(
        f"{V}/proposals/{{proposal}}/{{decision}}",
        response_model=shapes.ProposalLine,
        responses={code: {"model": shapes.ProblemBody} for code in (404, 409)},
        tags=["figures"],
    )
    async def decide(
        proposal: str,
        decision: Literal["accept", "decline"],
        body: shapes.ProposalWord,
        who: Annotated[Who, Depends(signed_in)],
    ) -> Json:
        """A supervisor accepts or declines; it stays with people to carry it out."""
        found = await named(proposal)
        if found["state"] != "open":
            raise Problem(409, Why.not_open, "这条建议已有结论", current=found)
        if decision == "accept" and found["kind"] == "limit":
            if found["backtest"] is None:
                raise Problem(409, Why.backtest_first, "请先回测，再采纳")
            if found["backtest"].get("missed") and not body.note.strip():
                raise Problem(
                    422, Why.reason_needed, "回测显示会漏掉真实告警，请写明采纳的理由", fields=["note"]
                )
        said, revision = await kept(proposal)
        word: Literal["accepted", "declined"] = "accepted" if decision == "accept" else "declined"
        now = house.clock.now()
        await keep(
            msgspec.structs.replace(
                said, decision=word, by=who.by, at=now, note=body.note, cases=found["cases"]
            ),
            revision,
        )
        log.info("proposal_decided", by=who.by, proposal=proposal, decision=word, kind=found["kind"])
        return await named(proposal)

    return router
