"""Maintenance orders over the API: one click from a case, assigned, done, and closed by the device's own proof."""

import asyncio
from collections.abc import Callable

import pytest

from alerts.worker import Worker
from care.messages import DeviceHealth, HomeHealth, encode
from care.stream import HEALTH
from care.words import Level, Phase
from tests.integration.test_api_house import House, V
from tests.unit.test_alert_house import a_finding


async def until(there: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not there():
            await asyncio.sleep(0.01)


async def a_worker(house: House) -> Worker:
    worker = Worker(house.stream, house.clock, house.state.picture.registry)
    await worker.start()
    return worker


async def test_an_order_is_opened_by_a_click_done_and_closed_by_proof():
    """Two clicks are one order; done is not closed; the rule's clearance and a well device close it."""
    async with House() as house, house.browser("operator") as desk:
        worker = await a_worker(house)
        flat = a_finding("b", at=house.clock.now(), code="TE1", cause="device:smoke-0317", level=Level.blue,
                         life=False, auto_close=True)  # fmt: skip
        await house.stream.publish(flat.subject, encode(flat))
        await worker.hear(house.stream.messages("FINDINGS")[0])
        (case,) = worker.desk.open()
        await until(lambda: case.id in house.state.picture.cases)
        opened = await desk.post(f"{V}/repairs", json={"alert": case.id})
        again = await desk.post(f"{V}/repairs", json={"alert": case.id})
        assert opened.status_code == again.status_code == 201, opened.text
        (order,) = opened.json()["items"]
        assert again.json()["items"][0]["id"] == order["id"]
        assert (order["codes"], order["cases"], order["state"]) == (["TE1"], [case.number], "open")
        path = f"{V}/repairs/{order['id']}"
        to = opened.json()["people"][0]["id"]
        assigned = await desk.post(f"{path}/assign", json={"to": to})
        assert (assigned.json()["state"], assigned.json()["assigned"]["id"]) == ("assigned", to)
        done = await desk.post(f"{path}/done", json={"did": "battery"})
        assert (done.status_code, done.json()["state"]) == (200, "done")
        # The worker reads the same bucket; nothing is proven while the rule still says so.
        tasks = [asyncio.create_task(m.run()) for m in (worker._upkeep, worker._health)]
        well = HomeHealth(home="h0317", protection="protected", at=house.clock.now(),
                          devices=[DeviceHealth(device="smoke-0317", kind="smoke")])  # fmt: skip
        await house.stream.put(HEALTH, "home.h0317", encode(well))
        await until(lambda: "h0317" in worker._health.homes and order["id"] in worker._upkeep.repairs)
        await worker.look_at_repairs()
        assert (await desk.get(f"{V}/repairs")).json()["items"][0]["state"] == "done"
        over = a_finding("b", at=house.clock.now(), phase=Phase.cleared, code="TE1", cause="device:smoke-0317",
                         level=Level.blue, life=False, auto_close=True)  # fmt: skip
        await house.stream.publish(over.subject, encode(over))
        await worker.hear(house.stream.messages("FINDINGS")[-1])
        await worker.look_at_repairs()
        await until(lambda: house.state.upkeep.repairs[order["id"]].state == "closed")
        assert (await desk.get(f"{V}/repairs")).json()["items"] == []
        (closed,) = (await desk.get(f"{V}/repairs?state=closed")).json()["items"]
        assert closed["closed"] == "proved"
        assert [s["what"] for s in closed["steps"]] == ["opened", "assigned", "done", "proved"]
        late = await desk.post(f"{path}/done", json={"did": "battery"})
        assert (late.status_code, late.json()["reason"]) == (409, "not_open")
        for task in tasks:
            task.cancel()


@pytest.mark.parametrize(
    ("path", "body", "status", "field"),
    [
        ("", {"home": "nowhere", "why": "x"}, 404, None),
        ("", {"home": "h0317", "device": "smoke-9", "why": "x"}, 404, None),
        ("", {"home": "h0317"}, 422, "why"),
        ("", {"alert": "nothing"}, 404, None),
        ("/nothing/done", {"did": "battery"}, 404, None),
        ("/nothing/done", {"did": "prayer"}, 422, "did"),
        ("/nothing/done", {}, 422, "did"),
        ("/nothing/assign", {"to": "s99"}, 422, "to"),
        ("/nothing/withdraw", {}, 422, "note"),
    ],
)
async def test_what_cannot_be_is_refused_in_words(path: str, body: dict, status: int, field: str | None):
    """Unknown places, nobody, nothing said."""
    async with House() as house, house.browser("operator") as desk:
        answer = await desk.post(f"{V}/repairs{path}", json=body)
        assert answer.status_code == status, answer.text
        assert field is None or answer.json()["fields"] == [field]


async def test_an_order_by_hand_and_taken_back():
    """Somebody asks for a device to be moved; asked again it is the same order; taken back with a reason, twice is once."""
    async with House() as house, house.browser("operator") as desk, house.browser("family") as family:
        body = {"home": "h0317", "device": "smoke-0317", "why": "移到走廊"}
        (order,) = (await desk.post(f"{V}/repairs", json=body)).json()["items"]
        await until(lambda: order["id"] in house.state.upkeep.repairs)
        assert (await desk.post(f"{V}/repairs", json=body)).json()["items"][0]["id"] == order["id"]
        path = f"{V}/repairs/{order['id']}/withdraw"
        for _ in range(2):
            gone = await desk.post(path, json={"note": "家属不同意"})
            assert (gone.status_code, gone.json()["closed"]) == (200, "withdrawn")
        assert (await family.get(f"{V}/repairs")).status_code == 403
