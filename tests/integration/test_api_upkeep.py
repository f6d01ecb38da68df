"""Visits are planned, due and noted; somebody may be asked to come by; neither is ever red."""

import asyncio
from dataclasses import replace

from alerts.upkeep import Upkeep
from care.messages import Finding, decode, encode
from care.site import Registry
from care.sitefile import read_site
from care.stream import FINDINGS, REGISTRY
from dashboard_api import redact
from tests.integration.test_api_house import SITE, House, V, smoke

PLANNED = SITE.replace("policy: {", "policy: {visits: {from: 2026-05-01, general: 7, key: 3}, ")


async def planned(house: House) -> None:
    await house.stream.put(REGISTRY, "site", encode(read_site(PLANNED)))
    async with asyncio.timeout(3):
        while (
            house.state.picture.registry.site.policy.visits is None or not house.state.upkeep.ready.is_set()
        ):
            await asyncio.sleep(0.01)


async def test_a_visit_is_due_then_noted_then_due_again():
    """The list begins with the longest overdue; a visit moves its day; the figure of the day counts it."""
    async with House() as house, house.browser("operator") as desk, house.browser("responder") as lin:
        nothing = (await desk.get(f"{V}/visits")).json()
        assert nothing == {"planned": False, "items": []}
        await planned(house)
        first = (await desk.get(f"{V}/visits")).json()
        assert [(i["resident"], i["due"], i["overdue"]) for i in first["items"]] == [
            ("r0317", "2026-05-04", True),
            ("r0420", "2026-05-08", True),
        ]
        mine = (await lin.get(f"{V}/visits")).json()
        assert [i["resident"] for i in mine["items"]] == ["r0317"]  # of his own micro-grid
        noted = await lin.post(f"{V}/residents/r0317/visits", json={"how": "door", "note": "一切都好"})
        assert noted.status_code == 201
        async with asyncio.timeout(3):
            while "r0317" not in house.state.upkeep.upkeep.visits:
                await asyncio.sleep(0.01)
        second = {i["resident"]: i for i in (await desk.get(f"{V}/visits")).json()["items"]}
        assert (second["r0317"]["due"], second["r0317"]["last_how"]) == ("2026-05-26", "door")
        assert second["r0317"]["last_by"] == "林国平"
        visits = (await desk.get(f"{V}/kpis")).json()["visits"]
        assert visits == {"value": 1, "n": 2, "key": 0, "important": 0, "general": 1}
        # Once more on the same day, and somebody whose day it is not: neither was asked for.
        await lin.post(f"{V}/residents/r0317/visits", json={"how": "phone"})
        async with asyncio.timeout(3):
            while house.state.upkeep.upkeep.visits["r0317"].how != "phone":
                await asyncio.sleep(0.01)
        assert (await desk.get(f"{V}/kpis")).json()["visits"] == visits


async def test_the_calm_desk_knows_whom_to_visit_next_and_the_last_test():
    """7.1: the next three with their building, who was visited today left out; the newest test; a wall hears of no name."""
    async with House() as house:
        now = house.clock.now
        assert house.state.board(now())["kpi"]["next_visits"] == []
        assert house.state.board(now())["kpi"]["tested"] is None
        await planned(house)
        found = house.state.board(now())["kpi"]["next_visits"]
        assert [(one["resident"], one["building"], one["due"], one["overdue"]) for one in found] == [
            ("r0317", "银杏小区 3 幢", "2026-05-04", True),
            ("r0420", "红枫苑 7 幢", "2026-05-08", True),
        ]
        async with house.browser("operator") as desk:
            await desk.post(f"{V}/residents/r0317/visits", json={"how": "door"})
            async with asyncio.timeout(3):
                while "r0317" not in house.state.upkeep.upkeep.visits:
                    await asyncio.sleep(0.01)
        board = house.state.board(now())["kpi"]
        assert [one["resident"] for one in board["next_visits"]] == ["r0420"]
        assert "next_visits" not in redact.kpi(board, "wall")
        alert = await house.raised(smoke())
        rows = house.state.picture.rows
        rows[alert] = replace(rows[alert], test=True)
        tested = house.state.board(now())["kpi"]["tested"]
        assert tested["title"] == "厨房烟感报警"


async def test_visits_that_cannot_be_are_refused_in_words():
    """Nobody, the future, a way that is none; an older visit than the known one changes nothing."""
    async with House() as house, house.browser("operator") as desk:
        assert (await desk.post(f"{V}/residents/r9/visits", json={"how": "door"})).status_code == 404
        wrong = await desk.post(f"{V}/residents/r0317/visits", json={"how": "carrier pigeon"})
        assert (wrong.status_code, wrong.json()["fields"]) == (422, ["how"])
        later = await desk.post(
            f"{V}/residents/r0317/visits", json={"how": "door", "at": "2027-01-01T00:00:00Z"}
        )
        assert (later.status_code, later.json()["fields"]) == (422, ["at"])
        await desk.post(f"{V}/residents/r0317/visits", json={"how": "phone", "at": "2026-05-22T02:00:00Z"})
        older = await desk.post(
            f"{V}/residents/r0317/visits", json={"how": "door", "at": "2026-05-20T02:00:00Z"}
        )
        assert older.json()["kept"] is False


async def test_somebody_is_asked_to_come_by_and_it_is_a_blue_task():
    """The same request again is one; it is a finding like any other, and never red."""
    async with House() as house, house.browser("operator") as desk:
        body = {"what": "repair", "id": "mini-program-17"}
        one = await desk.post(f"{V}/homes/h0317/requests", json=body)
        two = await desk.post(f"{V}/homes/h0317/requests", json=body)
        assert (one.status_code, one.json()) == (202, two.json())
        (stored,) = house.stream.messages(FINDINGS)
        finding = decode(stored.data, Finding)
        assert (finding.code, finding.level, finding.title["zh"]) == ("RQ1", "blue", "请求维修")
        assert (await desk.post(f"{V}/homes/nowhere/requests", json=body)).status_code == 404


def test_the_site_file_says_from_when_visits_count():
    """A policy without its beginning is refused: nobody is late for what was never planned."""
    assert Registry(read_site(PLANNED)).site.policy.visits is not None
    assert Upkeep().visits == {}
