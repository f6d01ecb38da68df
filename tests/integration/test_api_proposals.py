"""What the outcomes propose: with its backtest, decided by a supervisor, applied by nobody but people."""

from datetime import timedelta
from typing import Any

import pytest

from care.words import Level
from dashboard_api.figures import CaseRow
from rules.catalog import load
from rules.cli import described
from tests.integration.test_api_house import NOON, House, V
from tests.integration.test_api_trial import Answers

RULES = described(load())["rules"]


def closed(n: int, **more: Any) -> CaseRow:
    told = {
        "id": f"a{n}", "number": n, "home": "h0317", "code": "BD1", "level": Level.yellow, "truth": "avoidable",
        "raised_at": NOON - timedelta(days=1), "closed_at": NOON, "outcome_cause": "C12", **more,
    }  # fmt: skip
    return CaseRow(**told)


def with_cases(house: House, *rows: CaseRow) -> None:
    house.state.picture.rows.update({r.id: r for r in rows})


def a_house(answers: Answers | None = None) -> House:
    return House(try_rules=answers or Answers(), rules=lambda: RULES)


async def test_a_limit_is_proposed_tried_over_the_past_and_only_then_accepted():
    """Five wrong night exits of one home: a looser limit of that resident, its backtest, a supervisor's word."""
    answers = Answers()
    async with a_house(answers) as house, house.program("operator") as desk, house.program("boss") as boss:
        with_cases(house, *(closed(n) for n in range(1, 6)))
        (found,) = (await desk.get(f"{V}/proposals")).json()["items"]
        assert (found["kind"], found["code"], found["state"], found["backtest"]) == (
            "limit",
            "BD1",
            "open",
            None,
        )
        (name,) = found["change"]["limits"]
        rule = next(r for r in RULES if r["code"] == "BD1")
        limit = next(p for p in rule["parameters"].values() if p.get("limit") == name)
        assert limit["default"] < found["change"]["limits"][name] <= limit["max"]
        assert found["change"]["resident"] == "r0317"
        assert (found["change"]["name"], found["change"]["units"]) == ("周阿婆", {name: limit["unit"]})
        path = f"{V}/proposals/{found['id']}"
        early = await boss.post(f"{path}/accept", json={})
        assert (early.status_code, early.json()["reason"]) == (409, "backtest_first")
        tried = await desk.post(f"{path}/backtest", json={})
        assert (tried.status_code, tried.json()["backtest"]["missed"]) == (200, 0)
        assert (answers.asked[0]["limits"], answers.asked[0]["resident"]) == (
            found["change"]["limits"],
            "r0317",
        )
        assert (await desk.post(f"{path}/accept", json={})).status_code == 403
        accepted = await boss.post(f"{path}/accept", json={"note": "试一个月"})
        assert (accepted.json()["state"], accepted.json()["note"]) == ("accepted", "试一个月")
        again = await boss.post(f"{path}/decline", json={})
        assert (again.status_code, again.json()["reason"]) == (409, "not_open")
        assert (await desk.get(f"{V}/proposals")).json()["items"] == []
        assert len((await desk.get(f"{V}/proposals?state=accepted")).json()["items"]) == 1
        assert house.state.picture.registry.residents["r0317"][1].limits == {}, "nothing applies itself"


async def test_accepting_what_would_have_missed_a_real_alarm_needs_a_reason():
    """The backtest says so; the supervisor says why all the same."""

    class Missing(Answers):
        async def __call__(self, **wish: Any) -> dict[str, Any]:
            return {**await super().__call__(**wish), "missed": 1}

    async with a_house(Missing()) as house, house.program("boss") as boss:
        with_cases(house, *(closed(n) for n in range(1, 6)))
        (found,) = (await boss.get(f"{V}/proposals")).json()["items"]
        path = f"{V}/proposals/{found['id']}"
        await boss.post(f"{path}/backtest", json={"limits": {"bed_exit_yellow_minutes": 25}})
        no = await boss.post(f"{path}/accept", json={})
        assert (no.status_code, no.json()["reason"], no.json()["fields"]) == (422, "reason_needed", ["note"])
        assert (await boss.post(f"{path}/accept", json={"note": "已与医生商定"})).status_code == 200


async def test_a_detector_to_be_moved_says_what_its_outcomes_say_and_is_asked_again_after_as_many_new_ones():
    """Three of cooking out of four, one real; declined, and open again after three more."""
    cooking = {"code": "SM1", "device": "smoke-0317", "outcome_cause": "C02", "life": True, "cause": "fire"}
    async with a_house() as house, house.program("boss") as boss:
        with_cases(house, *(closed(n, **cooking) for n in (1, 2, 3)))
        with_cases(house, closed(4, **{**cooking, "outcome_cause": "C01", "truth": "real"}))
        (found,) = (await boss.get(f"{V}/proposals")).json()["items"]
        assert (found["kind"], found["device"]) == ("resite", "smoke-0317")
        assert found["backtest"] == {"days": 30, "alarms": 4, "avoided": 3, "real": 1}
        path = f"{V}/proposals/{found['id']}"
        assert (await boss.post(f"{path}/backtest", json={})).status_code == 409
        assert (await boss.post(f"{path}/decline", json={"note": "下周装修"})).json()["state"] == "declined"
        with_cases(house, closed(5, **cooking), closed(6, **cooking))
        assert (await boss.get(f"{V}/proposals")).json()["items"] == []
        with_cases(house, closed(7, **cooking))
        (again,) = (await boss.get(f"{V}/proposals")).json()["items"]
        assert (again["id"], again["cases"]) == (found["id"], [1, 2, 3, 5, 6, 7])


@pytest.mark.parametrize("who", ["responder", "family", "mender"])
async def test_others_neither_see_nor_decide(who: str):
    """Figures of people's work are the desk's."""
    async with a_house() as house, house.program(who) as client:
        assert (await client.get(f"{V}/proposals")).status_code == 403
        assert (await client.post(f"{V}/proposals/x/accept", json={})).status_code == 403


async def test_a_proposal_that_does_not_exist_is_404_and_a_word_that_is_none_is_refused():
    """Neither is an error of ours."""
    async with a_house() as house, house.program("boss") as boss:
        assert (await boss.post(f"{V}/proposals/nothing/accept", json={})).status_code == 404
        assert (await boss.post(f"{V}/proposals/nothing/maybe", json={})).status_code in (404, 422)


async def test_a_proposal_says_which_device_and_where_but_not_to_an_auditor():
    """Somebody has to go there; who looks after the service's work reads what it is, not whose."""
    async with a_house() as house, house.program("operator") as desk, house.program("auditor") as auditor:
        with_cases(
            house,
            *(closed(n, code="SM1", level=Level.red, device="smoke-0317", outcome_cause="C02") for n in range(1, 4)),
            *(closed(n) for n in range(4, 9)),
        )  # fmt: skip
        move, limit = (await desk.get(f"{V}/proposals")).json()["items"]
        assert (move["name"], move["name_en"]) == ("烟感 厨房", "smoke detector, kitchen")
        assert move["address"] == "银杏小区 3 幢 2 单元 402"
        assert limit["change"]["name"] == "周阿婆"
        read = await auditor.get(f"{V}/proposals")
        assert [one["name"] for one in read.json()["items"]][:1] == ["烟感 厨房"]
        assert "银杏" not in read.text
        assert "周阿婆" not in read.text
