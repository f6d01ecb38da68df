"""Routes of the day's calls: everybody whom a running round still wants rung, once each, with why and what comes next.

A resident in two rounds is one call: what is noted here is noted in each of them. Who is due for a visit and in no round is
counted beside, so that one press makes a round of them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends

from alerts.rounds import ATTEMPTS, CORRECTED_WITHIN, Call, CallState, Round, Standing, standing
from alerts.upkeep import Due, visits_due
from care.ids import iso
from care.site import Home, Resident
from care.words import Role
from dashboard_api import access, present, shapes, wording
from dashboard_api.asking import signed_in
from dashboard_api.house import House
from dashboard_api.people import Who
from dashboard_api.problems import Problem, Why
from dashboard_api.redact import Json
from dashboard_api.rounds import STATES, TIERS, noted

V = access.V
OPEN: frozenset[CallState] = frozenset({"todo", "again"})
CALL_CODES = frozenset({"CR1", "RQ1"})
"""Cases that a call itself makes: somebody goes and looks, or somebody was asked for."""
MOST_DUE = 200


def _running(house: House, now: datetime) -> list[Round]:
    return sorted((r for r in house.upkeep.rounds.values() if now < r.until), key=lambda r: (r.until, r.id))


def _worst(found: list[Standing]) -> Standing:
    """Rung again as long as one round wants it, and then when the first of them does."""
    return min(found, key=lambda s: (STATES.index(s.state), s.next_at.timestamp() if s.next_at else 0.0))


def _follows(state: CallState, missed: int) -> str:
    """What comes next, as a word: `ring`, `again`, `look` (somebody goes there), `asked`, `done`."""
    match state:
        case "todo":
            return "ring"
        case "again":
            return "last" if missed == ATTEMPTS - 1 else "again"
        case "not_reached":
            return "look"
        case "request":
            return "asked"
    return "done"


def routes(house: House) -> APIRouter:
    """All of them, on one house."""
    router = APIRouter()

    def one(home: Home, resident: Resident, rounds: list[Round], due: Due | None, now: datetime) -> Json:
        calls = [house.upkeep.calls.get((r.id, resident.id)) for r in rounds]
        stand = [standing(call, r, now) for call, r in zip(calls, rounds, strict=True)]
        where = _worst(stand)
        attempts = sorted(
            {
                (a.at, a.by, a.outcome.value, a.note, a.at in call.wrong)
                for call in calls
                if call is not None
                for a in call.attempts
            }
        )
        # Until when the outcome that stands may still be taken back.
        reached = (
            [call.reached.at for call in calls if call is not None and call.reached is not None]
            if where.state in ("well", "request")
            else []
        )
        missed = max((call.missed for call in calls if call is not None), default=0)
        cases = house.open_at(home.id)
        return {
            "home": home.id,
            "resident": resident.id,
            "name": resident.name,
            "address": home.address,
            "micro_grid": home.micro_grid,
            "phone": home.phone or None,
            "tier": resident.tier.value,
            "flags": list(resident.flags),
            # How to speak to them, not what they suffer from.
            "tags": [
                {"word": zh, "en": en, "strong": strong}
                for zh, en, strong in (wording.TAGS[f] for f in resident.flags if f in wording.TAGS)
            ],
            "rounds": [
                {"id": r.id, "title": r.title, "until": iso(r.until), "state": s.state}
                for r, s in zip(rounds, stand, strict=True)
            ],
            "visit": present.visit_json(due, house.name_of),
            "state": where.state,
            "next_at": iso(where.next_at) if where.state == "again" and where.next_at else None,
            "follows": _follows(where.state, missed),
            "correct_until": iso(min(reached) + CORRECTED_WITHIN) if reached else None,
            "attempts_left": max(0, ATTEMPTS - missed),
            "attempts": [
                {
                    "at": iso(at),
                    "by": house.name_of(by),
                    "outcome": outcome,
                    "note": note,
                    "corrected": corrected,
                }
                for at, by, outcome, note, corrected in attempts
            ],
            # A case that is open belongs to the desk: who rings then is to know it. Its title may be of health, so it is not told.
            "cases": [
                {"number": a.number, "level": a.level.value, "of_calls": a.code in CALL_CODES} for a in cases
            ],
        }

    def today(who: Who, now: datetime) -> Json:
        registry = house.picture.registry
        rounds = _running(house, now)
        due = {d.resident: d for d in visits_due(registry, house.upkeep.upkeep, now)}
        day = now.astimezone(registry.zone).date()
        staff = registry.staff.get(who.user.staff or "")
        grids = set(staff.micro_grids) if staff is not None and who.role is Role.social_worker else set()
        wanted: dict[str, list[Round]] = {}
        for round_ in rounds:
            for name in round_.residents:
                if name in registry.residents:
                    wanted.setdefault(name, []).append(round_)
        items = []
        for name, of in wanted.items():
            home, resident = registry.residents[name]
            line = one(home, resident, of, due.get(name), now)
            line["mine"] = home.micro_grid in grids
            waits = line["state"] == "again" and line["next_at"] is not None and line["next_at"] > iso(now)
            rank = 1.5 if waits else STATES.index(line["state"])
            order = (rank, not line["mine"], TIERS.index(resident.tier), line["next_at"] or "", name)
            items.append((order, line))
        items.sort(key=lambda i: i[0])
        lines = [line for _, line in items]
        left = [d for name, d in due.items() if name not in wanted and d.due <= day]
        return {
            "at": iso(now),
            "items": lines,
            "counts": {state: sum(1 for line in lines if line["state"] == state) for state in STATES},
            "rounds": [{"id": r.id, "title": r.title, "until": iso(r.until)} for r in rounds],
            "due": [d.resident for d in left[:MOST_DUE]],
            "due_total": len(left),
        }

    @router.get(f"{V}/calls", response_model=shapes.CallsToday, tags=["care"])
    def calls(who: Annotated[Who, Depends(signed_in)]) -> Json:
        """Everybody whom a running round wants rung, once each, who is to be rung next first; and who is due and in none."""
        return today(who, house.clock.now())

    @router.post(
        f"{V}/calls",
        response_model=shapes.CallsToday,
        responses={404: {"model": shapes.ProblemBody}},
        tags=["care"],
    )
    async def called(body: shapes.CallMade, who: Annotated[Who, Depends(signed_in)]) -> Json:
        """How a call went, in every running round that still wants this resident rung; the same again is one.

        Who is reached already is corrected in all of them. A request is one task, whatever number of rounds there are.
        """
        now = house.clock.now()
        mine = [r for r in _running(house, now) if body.resident in r.residents]
        if not mine or body.resident not in house.picture.registry.residents:
            raise Problem(404, Why.unknown_resident, "这位老人不在正在进行的关怀里", fields=["resident"])
        still = [
            r for r in mine if _is_open(house.upkeep.calls.get((r.id, body.resident)), r, body, now)
        ] or mine
        for n, round_ in enumerate(still):
            later = body.outcome == "request" and n > 0
            await noted(
                house, round_, body.model_copy(update={"outcome": "well"}) if later else body, who, now
            )
        return today(who, now)

    return router


def _is_open(call: Call | None, round_: Round, body: shapes.CallMade, now: datetime) -> bool:
    """Whether this call is still wanted there, or was noted there under the same name before."""
    known = call is not None and body.id != "" and any(a.key == body.id for a in call.attempts)
    return known or standing(call, round_, now).state in OPEN
