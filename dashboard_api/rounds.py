"""Routes of call rounds (主动关怀): a list of residents to be rung, and how each call went. Survives any restart.

Reached counts as a visit by phone and, by the residents' consent, as a sign of life for the rules about absence; a request
becomes a blue task of its own; who is not reached after three attempts, or by the end of the round, becomes one by itself
(`alerts.upkeep`) and is a sign of nothing. Reached, and within the hour corrected to not reached, takes the visit and the
sign back; a task that somebody asked for stays, and people end it.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, time, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends
from structlog import get_logger

from alerts.kept import keep_round, note_call, note_visit, take_back_visit
from alerts.rounds import KEPT, Attempt, Call, CallState, Reached, Round, round_id, standing
from alerts.upkeep import How, Visit
from care.ids import iso
from care.messages import Report, decode, encode
from care.stream import PEOPLE
from care.words import Role, Tier
from dashboard_api import access, shapes
from dashboard_api.asking import moment, signed_in
from dashboard_api.house import House
from dashboard_api.people import Who
from dashboard_api.problems import Problem, Why
from dashboard_api.redact import Json
from dashboard_api.signs import sign_of_life, taken_back, withheld
from dashboard_api.upkeep import requested

log = get_logger("api")

V = access.V
EVENING = time(18, 0)
LONGEST = timedelta(days=14)
UNNAMED = "电话关怀"
"""What a round is called that nobody gave a name."""
STATES: tuple[CallState, ...] = ("again", "todo", "not_reached", "request", "well")
"""The order in which a round is shown: who is to be rung first."""
TIERS = (Tier.key, Tier.important, Tier.general)


async def noted(house: House, known: Round, body: shapes.CallMade, who: Who, now: datetime) -> Call:
    """Keep how a call went; reached is a visit and a sign of life, a request a task. The same again is one."""
    outcome = Reached(body.outcome)
    attempt = Attempt(at=now, by=who.by, outcome=outcome, note=body.note.strip(), key=body.id)
    call, news = await note_call(house.stream, known.id, body.resident, attempt)
    reached = call.reached
    home = house.picture.registry.residents[body.resident][0]

    def sign(at: datetime) -> Report:
        return sign_of_life(home.id, "round", ("call", known.id, body.resident), at=at, now=now)

    wrong = call.attempts[-1].corrects if outcome is Reached.not_reached else ()
    for at in wrong:  # again each time, as below
        await take_back_visit(house.stream, body.resident, at)
        if not withheld(home, body.resident):
            back = taken_back(sign(at), now=now)
            await house.stream.publish(back.subject, encode(back), message_id=back.report_id)
    if outcome is not Reached.not_reached and reached is not None:
        # Again each time: had the first try ended between the two, this one mends it; each is stored once.
        at = reached.at
        visit = Visit(resident=body.resident, at=at, how=How.phone, by=reached.by, note=reached.note)
        await note_visit(house.stream, visit)
        if not withheld(home, body.resident):
            # Who answered the telephone is up: the rules about absence are to know it too.
            up = sign(at)
            await house.stream.publish(up.subject, encode(up), message_id=up.report_id)
        if outcome is Reached.request:
            finding = requested(home.id, body.what, f"round:{known.id}:{body.resident}", house, at=at)
            await house.stream.publish(finding.subject, encode(finding), message_id=finding.event_id)
    house.upkeep.calls[known.id, body.resident] = call
    log.info(
        "round_called", round=known.id, by=who.by, outcome=outcome.value, news=news, corrected=len(wrong)
    )
    return call


def routes(house: House) -> APIRouter:
    """All of them, on one house."""
    router = APIRouter()

    async def one(name: str) -> Round:
        known = house.upkeep.rounds.get(name)
        if known is None:
            entry = await house.stream.get(PEOPLE, f"round.{name}") if name.isalnum() else None
            if entry is None or entry.data is None:
                raise Problem(404, Why.not_found, "没有这一轮关怀")
            known = decode(entry.data, Round)
        return known

    def line(round_: Round, now: datetime) -> Json:
        calls = house.upkeep.calls
        counts = Counter(standing(calls.get((round_.id, r)), round_, now).state for r in round_.residents)
        return {
            "id": round_.id,
            "title": round_.title,
            "made_at": iso(round_.made_at),
            "by": house.name_of(round_.by),
            "until": iso(round_.until),
            "over": now >= round_.until,
            "counts": {state: counts[state] for state in STATES},
        }

    def body_of(round_: Round, now: datetime) -> Json:
        registry, items = house.picture.registry, []
        for name in round_.residents:
            if name not in registry.residents:
                continue  # moved away since
            home, resident = registry.residents[name]
            call = house.upkeep.calls.get((round_.id, name))
            where = standing(call, round_, now)
            due = where.state != "again" or where.next_at is None or where.next_at <= now
            rank = STATES.index(where.state) if due else 1.5
            items.append(
                (
                    (rank, TIERS.index(resident.tier), where.next_at or now, name),
                    {
                        "home": home.id,
                        "resident": name,
                        "name": resident.name,
                        "address": home.address,
                        "phone": home.phone or None,
                        "tier": resident.tier.value,
                        "flags": list(resident.flags),
                        "state": where.state,
                        "next_at": iso(where.next_at) if where.state == "again" and where.next_at else None,
                        "attempts": [
                            {
                                "at": iso(a.at),
                                "by": house.name_of(a.by),
                                "outcome": a.outcome.value,
                                "note": a.note,
                                "corrected": call is not None and a.at in call.wrong,
                            }
                            for a in (call.attempts if call is not None else ())
                        ],
                    },
                )
            )
        return {**line(round_, now), "items": [item for _, item in sorted(items, key=lambda i: i[0])]}

    @router.get(f"{V}/rounds", response_model=shapes.RoundList, tags=["care"])
    def rounds(who: Annotated[Who, Depends(signed_in)]) -> Json:
        """Call rounds that run or ended within a week, the one that ends soonest first."""
        now = house.clock.now()
        there = [r for r in house.upkeep.rounds.values() if now - r.until <= KEPT]
        items = [line(r, now) for r in sorted(there, key=lambda r: (now >= r.until, r.until, r.id))]
        # A name of a round is free text, and may say what its people have in common.
        return {"items": [{**i, "title": UNNAMED} for i in items] if who.role is Role.auditor else items}

    @router.get(f"{V}/rounds/{{round}}", response_model=shapes.RoundBody, tags=["care"])
    async def round_by(round: str) -> Json:  # noqa: A002 - the name in the path
        """One round: everybody in it with number and attempts, who is to be rung next first."""
        return body_of(await one(round), house.clock.now())

    @router.post(f"{V}/rounds", status_code=201, response_model=shapes.RoundBody, tags=["care"])
    async def begin(body: shapes.RoundWanted, who: Annotated[Who, Depends(signed_in)]) -> Json:
        """Begin a round over these residents and everybody of these tiers; the same again is the same round."""
        registry, now = house.picture.registry, house.clock.now()
        unknown = [r for r in body.residents if r not in registry.residents]
        if unknown:
            raise Problem(404, Why.unknown_resident, f"没有这位老人：{unknown[0][:64]}", fields=["residents"])
        wanted = dict.fromkeys(body.residents) | dict.fromkeys(
            name for name, (_, r) in registry.residents.items() if r.tier.value in body.tiers
        )
        if not wanted:
            raise Problem(422, Why.invalid, "residents: 请选择老人或探访等级", fields=["residents", "tiers"])
        evening = datetime.combine(now.astimezone(registry.zone).date(), EVENING, registry.zone)
        until = moment("until", body.until) or (evening if evening > now else evening + timedelta(days=1))
        if not now < until <= now + LONGEST:
            raise Problem(422, Why.invalid, f"until: 须在将来 {LONGEST.days} 天内", fields=["until"])
        title = body.title.strip() or UNNAMED
        made = Round(
            id=round_id(wanted, until, title),
            title=title,
            residents=tuple(wanted),
            made_at=now,
            by=who.by,
            until=until,
        )
        kept = await keep_round(house.stream, made)
        house.upkeep.rounds.setdefault(kept.id, kept)
        log.info("round_begun", round=kept.id, residents=len(kept.residents), by=who.by)
        return body_of(kept, now)

    @router.post(
        f"{V}/rounds/{{round}}/calls",
        response_model=shapes.RoundBody,
        responses={404: {"model": shapes.ProblemBody}},
        tags=["care"],
    )
    async def called(
        round: str,  # noqa: A002 - the name in the path
        body: shapes.CallMade,
        who: Annotated[Who, Depends(signed_in)],
    ) -> Json:
        """How a call went. Reached is a visit by phone, a request a blue task; the same again is one. Late words count too."""
        known, now = await one(round), house.clock.now()
        if body.resident not in known.residents or body.resident not in house.picture.registry.residents:
            raise Problem(404, Why.unknown_resident, "这位老人不在这一轮里")
        await noted(house, known, body, who, now)
        return body_of(known, now)

    return router
