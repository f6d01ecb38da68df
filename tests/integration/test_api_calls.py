"""The day's calls over the API: each resident once, with why and what comes next; noted in every round that wants them."""

from datetime import timedelta

import msgspec

from care.messages import Finding, decode, encode
from care.site import Visits
from care.stream import FINDINGS, REGISTRY
from dashboard_api import shapes
from tests.integration.test_api_house import NOON, House, V, smoke
from tests.integration.test_api_repairs import until


async def begin(desk, title: str, **more):
    answer = await desk.post(f"{V}/rounds", json={"title": title, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


async def today(client):
    answer = await client.get(f"{V}/calls")
    assert answer.status_code == 200, answer.text
    shapes.CallsToday.model_validate(answer.json())
    return answer.json()


async def test_two_rounds_are_one_call_and_one_task():
    """In both it is noted; missed it is rung again and said when; a request is one task; the same press twice is one."""
    async with House() as house, house.browser("operator") as desk:
        cold = await begin(desk, "降温关怀", residents=["r0317"])
        meds = await begin(desk, "配药提醒", residents=["r0317"])
        (one,) = (await today(desk))["items"]
        assert (one["resident"], one["state"], one["follows"]) == ("r0317", "todo", "ring")
        assert {r["title"] for r in one["rounds"]} == {"降温关怀", "配药提醒"}
        missed = {"resident": "r0317", "outcome": "not_reached", "id": "k1"}
        for _ in range(2):
            told = (await desk.post(f"{V}/calls", json=missed)).json()
        (one,) = told["items"]
        assert (one["state"], one["follows"], one["attempts_left"], len(one["attempts"])) == (
            "again",
            "again",
            2,
            1,
        )
        house.clock.advance(timedelta(minutes=31))
        await desk.post(f"{V}/calls", json=missed | {"id": "k2"})
        (one,) = (await today(desk))["items"]
        assert one["follows"] == "last"
        asked = {"resident": "r0317", "outcome": "request", "what": "meal", "note": "软一点", "id": "k3"}
        told = (await desk.post(f"{V}/calls", json=asked)).json()
        (one,) = told["items"]
        assert (one["state"], one["follows"], told["counts"]["request"]) == ("request", "asked", 1)
        found = [decode(m.data, Finding) for m in house.stream.messages(FINDINGS)]
        assert [f.title["zh"] for f in found] == ["请求送餐"], "one task, not one for each round"
        for name in (cold, meds):
            line = (await desk.get(f"{V}/rounds/{name}")).json()
            assert line["counts"]["todo"] == line["counts"]["again"] == 0


async def test_who_is_due_and_in_no_round_is_counted_and_an_open_case_is_said():
    """One press makes a round of them; whoever rings knows that the desk has a case of that home in hand."""
    async with House() as house, house.browser("operator") as desk:
        site = house.registry.site
        policy = msgspec.structs.replace(site.policy, visits=Visits(from_=(NOON - timedelta(days=90)).date()))
        await house.stream.put(REGISTRY, "site", encode(msgspec.structs.replace(site, policy=policy)))
        await until(lambda: house.state.picture.registry.site.policy.visits is not None)
        told = await today(desk)
        assert (told["items"], told["due_total"]) == ([], len(told["due"]))
        due = told["due"]
        assert "r0317" in due
        case = await house.raised(smoke())
        await begin(desk, "应探访老人电话", residents=told["due"])
        told = await today(desk)
        assert (told["due_total"], [i["resident"] for i in told["items"]]) == (0, due)
        one = next(i for i in told["items"] if i["resident"] == "r0317")
        assert (one["visit"]["overdue"], one["visit"]["last_at"]) == (True, None)
        assert [(c["level"], c["of_calls"]) for c in one["cases"]] == [("red", False)], case
        answer = await desk.post(f"{V}/calls", json={"resident": "r0317", "outcome": "well"})
        one = next(i for i in answer.json()["items"] if i["resident"] == "r0317")
        assert (one["state"], one["follows"]) == ("well", "done")
        assert answer.json()["items"][-1]["resident"] == "r0317", "who is done comes last"


async def test_who_may_ring_and_what_cannot_be():
    """Operators and social workers; a stranger or somebody in no running round is refused."""
    async with House() as house, house.browser("operator") as desk:
        assert (await desk.get(f"{V}/calls")).status_code == 200
        async with house.program("social") as social:
            assert (await today(social))["items"] == []
        for who in ("family", "responder", "doctor", "auditor", "mender"):
            async with house.program(who) as client:
                assert (await client.get(f"{V}/calls")).status_code == 403, who
                body = {"resident": "r0317", "outcome": "well"}
                assert (await client.post(f"{V}/calls", json=body)).status_code == 403, who
        for body in ({"resident": "r9", "outcome": "well"}, {"resident": "r0317", "outcome": "well"}):
            assert (await desk.post(f"{V}/calls", json=body)).status_code == 404
