"""Maintenance orders over the API: one click from a case, assigned, done, and closed by the device's own proof."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import msgspec
import pytest

from alerts.kept import keep_repair
from alerts.worker import Worker
from care.messages import DeviceHealth, HomeHealth, Refusal, Report, Unclaimed, encode
from care.site import Staff
from care.stream import HEALTH, REGISTRY
from care.words import Level, Phase, Role
from dashboard_api.people import add_user
from dashboard_api.repairs import hear
from tests.integration.test_api_house import PASSWORD, House, V
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
        assert (order["label"], order["label_en"]) == ("烟感 厨房", "smoke detector, kitchen")
        path = f"{V}/repairs/{order['id']}"
        to = opened.json()["people"][0]["id"]
        assigned = await desk.post(f"{path}/assign", json={"to": to})
        assert (assigned.json()["state"], assigned.json()["assigned"]["id"]) == ("assigned", to)
        done = await desk.post(f"{path}/done", json={"found": "battery", "did": "battery"})
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
        assert house.state.upkeep.repairs[order["id"]].state == "done", "the device has not reported yet"
        house.clock.advance(timedelta(seconds=30))
        await reports(house, "smoke-0317")
        await until(lambda: worker._upkeep.repairs[order["id"]].heard_at is not None)
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


async def reports(house: House, device: str) -> None:
    """A device is heard, and the API looks whether an order waits for that."""
    now = house.clock.now()
    report = Report(report_id=str(now), home="h0317", device=device, kind="smoke", at=now, received_at=now)
    await house.stream.publish(report.subject, encode(report))
    await until(lambda: house.state.picture.recent.newest.get(device) == now)
    await hear(house.state)


async def test_who_mends_devices_takes_an_order_and_reports_and_may_no_more():
    """Takes it for oneself alone, gives it back, says cause and action; no withdrawal, nobody else's order, no health."""
    async with House() as house, house.browser("operator") as desk:
        for name, staff in (("jin", "s91"), ("qiang", "s92")):
            await add_user(house.stream, name, "maintenance", PASSWORD, staff)
        site = house.registry.site
        more = [Staff(id=i, name=n, role=Role.maintenance) for i, n in (("s91", "金立新"), ("s92", "吴强"))]
        fuller = msgspec.structs.replace(site, staff=[*site.staff, *more])
        await house.stream.put(REGISTRY, "site", encode(fuller))
        await until(
            lambda: "s92" in house.state.picture.registry.staff and "qiang" in house.state.people.users
        )
        body = {"home": "h0317", "device": "smoke-0317", "why": "移到走廊"}
        (order,) = (await desk.post(f"{V}/repairs", json=body)).json()["items"]
        await until(lambda: order["id"] in house.state.upkeep.repairs)
        path = f"{V}/repairs/{order['id']}"
        async with house.browser("jin") as jin, house.browser("qiang") as wu:
            (seen,) = (await jin.get(f"{V}/repairs")).json()["items"]
            assert (seen["address"], seen["kind"], seen["why"], seen["last_report_at"]) == (
                house.registry.homes["h0317"].address, "smoke", "移到走廊", None,
            )  # fmt: skip
            given = await jin.post(f"{path}/assign", json={"to": "s92"})
            assert (given.status_code, given.json()["reason"]) == (403, "forbidden")
            assert (await jin.post(f"{path}/assign", json={})).json()["assigned"]["id"] == "s91"
            for step, more_ in (("assign", {}), ("release", {}), ("done", {"did": "battery"})):
                other = await wu.post(f"{path}/{step}", json=more_)
                assert (other.status_code, other.json()["reason"]) == (409, "refused"), step
            assert (await jin.post(f"{path}/withdraw", json={"note": "不想去"})).status_code == 403
            back = (await jin.post(f"{path}/release", json={"note": "没有梯子"})).json()
            assert (back["state"], back["steps"][-1]["what"]) == ("open", "released")
            await wu.post(f"{path}/assign", json={})
            said = {"found": "moved", "did": "resited", "note": "离灶台两米"}
            done = (await wu.post(f"{path}/done", json=said)).json()
            assert (done["state"], done["found"], done["did"], done["did_by"]) == (
                "done", "moved", "resited", "吴强",
            )  # fmt: skip
            for closed in (
                "alerts",
                "residents",
                "family",
                "duty/now",
                "homes/h0317",
                "homes/h0317/strip",
                "kpis",
            ):
                assert (await jin.get(f"{V}/{closed}")).status_code == 403, closed


async def test_a_device_that_was_quicker_than_the_word_still_learns_it():
    """The order closed by the device's own proof; what was done is written down, once, and the order stays closed."""
    async with House() as house, house.browser("operator") as desk:
        body = {"home": "h0317", "device": "smoke-0317", "why": "换电池"}
        (order,) = (await desk.post(f"{V}/repairs", json=body)).json()["items"]
        now = house.clock.now()
        await keep_repair(
            house.stream,
            order["id"],
            lambda known: msgspec.structs.replace(known, closed="proved", closed_at=now),
        )
        await until(
            lambda: (o := house.state.upkeep.repairs.get(order["id"])) is not None and o.state == "closed"
        )
        said = await desk.post(f"{V}/repairs/{order['id']}/done", json={"found": "battery", "did": "battery"})
        assert (said.status_code, said.json()["state"], said.json()["did"]) == (200, "closed", "battery")
        again = await desk.post(
            f"{V}/repairs/{order['id']}/done", json={"found": "battery", "did": "battery"}
        )
        assert (again.status_code, again.json()["steps"]) == (200, said.json()["steps"])
        other = await desk.post(f"{V}/repairs/{order['id']}/done", json={"did": "replaced"})
        assert other.status_code == 409


async def test_who_mends_devices_is_shown_no_value_of_anybody():
    """Refused and unclaimed messages may carry a pulse: the reason is enough."""
    async with House() as house, house.browser("operator") as desk:
        now = house.clock.now()
        for message in (
            Refusal(refusal_id="a", topic="anxin/v1/h0317/belt-0317", received_at=now, reason="out_of_range",
                    home="h0317", device="belt-0317", quantity="heart_rate", detail="900", sample='{"heart_rate": 900}'),
            Unclaimed(topic="zigbee2mqtt/new", received_at=now, dialect="zigbee2mqtt",
                      payload='{"heart_rate": 77}'),
        ):  # fmt: skip
            await house.stream.publish(message.subject, encode(message))
        await until(lambda: house.state.picture.refusals and house.state.picture.still_unclaimed())
        async with house.browser("mender") as jin:
            for page in ("quarantine", "devices/unclaimed"):
                assert "heart_rate" in (await desk.get(f"{V}/{page}")).text
                bare = await jin.get(f"{V}/{page}")
                assert (bare.status_code, "900" in bare.text, ": 77" in bare.text) == (200, False, False)


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
