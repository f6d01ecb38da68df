"""Call rounds over the API: begun once, every call noted once, still there after a restart."""

import asyncio
from datetime import timedelta

import msgspec
import pytest

from alerts.kept import Mirror
from care.messages import Finding, Report, decode, encode
from care.stream import FINDINGS, PEOPLE, READINGS, REGISTRY
from tests.integration.test_api_house import House, V
from tests.integration.test_api_repairs import until


async def test_a_round_is_rung_through():
    """Missed, then well, which is a visit by phone; a request is a blue task; pressed twice is once."""
    async with House() as house, house.browser("operator") as desk:
        body = {"title": "降温关怀", "tiers": ["key", "important", "general"]}
        begun = await desk.post(f"{V}/rounds", json=body)
        assert begun.status_code == 201, begun.text
        assert (await desk.post(f"{V}/rounds", json=body)).json()["id"] == begun.json()["id"]
        first = begun.json()["items"][0]
        assert first["phone"]
        assert begun.json()["counts"]["todo"] == len(begun.json()["items"]) >= 2
        path = f"{V}/rounds/{begun.json()['id']}/calls"
        missed = (await desk.post(path, json={"resident": "r0317", "outcome": "not_reached"})).json()
        assert missed["counts"]["again"] == 1
        for _ in range(2):
            asked = {"resident": "r0317", "outcome": "request", "what": "errand", "note": "买药", "id": "k1"}
            answer = (await desk.post(path, json=asked)).json()
        mine = next(i for i in answer["items"] if i["resident"] == "r0317")
        assert (mine["state"], len(mine["attempts"])) == ("request", 2)
        (stored,) = house.stream.messages(FINDINGS)
        assert decode(stored.data, Finding).title["zh"] == "请求代办"
        await until(lambda: "r0317" in house.state.upkeep.upkeep.visits)
        assert house.state.upkeep.upkeep.visits["r0317"].how == "phone"
        # What another process reads from the same bucket is all of it.
        other = Mirror(house.stream)
        task = asyncio.create_task(other.run())
        await other.ready.wait()
        assert [a.outcome for a in other.calls[begun.json()["id"], "r0317"].attempts] == [
            "not_reached",
            "request",
        ]
        task.cancel()
        (line,) = (await desk.get(f"{V}/rounds")).json()["items"]
        assert (line["counts"]["request"], line["over"]) == (1, False)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("", {}, 422),
        ("", {"residents": ["r9"]}, 404),
        ("", {"residents": ["r0317"], "until": "2026-01-01T00:00:00Z"}, 422),
        ("", {"residents": ["r0317"], "until": "2027-01-01T00:00:00Z"}, 422),
        ("/nothing/calls", {"resident": "r0317", "outcome": "well"}, 404),
        ("/nothing/calls", {"resident": "r0317", "outcome": "asleep"}, 422),
    ],
)
async def test_rounds_that_cannot_be_are_refused(path: str, body: dict, status: int):
    """Nobody, strangers, the past, next year."""
    async with House() as house, house.browser("operator") as desk, house.browser("family") as family:
        assert (await desk.post(f"{V}/rounds{path}", json=body)).status_code == status
        assert (await family.get(f"{V}/rounds")).status_code == 403


def signs(house: House) -> list[Report]:
    return [decode(m.data, Report) for m in house.stream.messages(READINGS)]


async def test_who_answered_the_telephone_is_a_sign_of_life_and_who_did_not_is_none():
    """From when they spoke; pressed again it is the same reading; not reached is nothing but the attempt."""
    async with House() as house, house.browser("operator") as desk:
        made = (await desk.post(f"{V}/rounds", json={"residents": ["r0317"]})).json()
        path = f"{V}/rounds/{made['id']}/calls"
        await desk.post(path, json={"resident": "r0317", "outcome": "not_reached"})
        assert signs(house) == []
        for _ in range(2):
            done = await desk.post(path, json={"resident": "r0317", "outcome": "well", "id": "k1"})
            assert done.status_code == 200, done.text
        heard = signs(house)
        assert {(s.home, s.device, s.at) for s in heard} == {("h0317", "round", house.clock.now())}
        assert [s.values for s in heard][:1] == [{"life_sign": True}]
        assert len({s.report_id for s in heard}) == 1


async def test_a_call_noted_as_well_by_mistake_takes_back_what_it_gave():
    """The visit before it is the last one again, and the rules are told by name which sign was none; again is once."""
    async with House() as house, house.browser("operator") as desk:
        made = (await desk.post(f"{V}/rounds", json={"residents": ["r0317"]})).json()
        path = f"{V}/rounds/{made['id']}/calls"
        door = {"how": "door", "at": "2026-03-01T02:00:00Z"}
        assert (await desk.post(f"{V}/residents/r0317/visits", json=door)).status_code == 201
        before = await house.stream.get(PEOPLE, "visit.r0317")
        await desk.post(path, json={"resident": "r0317", "outcome": "well", "id": "k1"})
        (sign,) = signs(house)
        house.clock.advance(timedelta(minutes=5))
        for _ in range(2):
            wrong = {"resident": "r0317", "outcome": "not_reached", "id": "k2"}
            answer = (await desk.post(path, json=wrong)).json()
        back = signs(house)[1:]
        assert {r.report_id for r in back} == {back[0].report_id}
        assert (back[0].device, back[0].values) == ("round", {"life_sign_withdrawn": sign.report_id})
        after = await house.stream.get(PEOPLE, "visit.r0317")
        assert after.data == before.data
        (one,) = answer["items"]
        assert [(a["outcome"], a["corrected"]) for a in one["attempts"]] == [
            ("well", True),
            ("not_reached", False),
        ]
        assert one["state"] == "again"


async def test_the_only_visit_taken_back_is_no_visit_and_the_next_one_is():
    """Nothing is left of it; somebody who is reached later counts as ever."""
    async with House() as house, house.browser("operator") as desk:
        made = (await desk.post(f"{V}/rounds", json={"residents": ["r0317"]})).json()
        path = f"{V}/rounds/{made['id']}/calls"
        for n, outcome in enumerate(("well", "not_reached", "well")):
            house.clock.advance(timedelta(minutes=n))
            await desk.post(path, json={"resident": "r0317", "outcome": outcome})
            there = outcome == "well"
            await until(lambda there=there: ("r0317" in house.state.upkeep.upkeep.visits) is there)
        assert house.state.upkeep.upkeep.visits["r0317"].at == house.clock.now()


async def test_who_keeps_movement_from_the_centre_keeps_an_answered_call_too():
    """The call is noted and counts as a visit; the rules about absence are told nothing."""
    async with House() as house, house.browser("operator") as desk:
        site = house.registry.site
        (home,) = [h for h in site.homes if h.id == "h0317"]
        shy = [msgspec.structs.replace(r, consent={"motion": []}) for r in home.residents]
        homes = [msgspec.structs.replace(h, residents=shy) if h.id == "h0317" else h for h in site.homes]
        await house.stream.put(REGISTRY, "site", encode(msgspec.structs.replace(site, homes=homes)))
        await until(
            lambda: house.state.picture.registry.homes["h0317"].residents[0].consent == {"motion": []}
        )
        made = (await desk.post(f"{V}/rounds", json={"residents": ["r0317"]})).json()
        path = f"{V}/rounds/{made['id']}/calls"
        assert (await desk.post(path, json={"resident": "r0317", "outcome": "well"})).status_code == 200
        await until(lambda: "r0317" in house.state.upkeep.upkeep.visits)
        assert signs(house) == []
