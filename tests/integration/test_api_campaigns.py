"""Test campaigns over the API: made for a tester, confirmed by that tester alone or by a desk that says how, else real."""

import itertools
import re
from datetime import timedelta
from typing import Any

import pytest

from alerts.alert import Alert
from alerts.campaigns import CONFIRM_WITHIN
from alerts.events import Purpose
from alerts.links import claim_for, make
from alerts.worker import Worker
from care.messages import encode
from care.stream import FINDINGS, PEOPLE
from tests.integration.test_api_house import House, V
from tests.integration.test_api_repairs import until
from tests.unit.test_campaigns import a_press

SECRET = b"s" * 32
COUNT = itertools.count()


async def begun(house: House, desk: Any, **more: Any) -> dict[str, Any]:
    answer = await desk.post(
        f"{V}/campaigns", json={"tester": "s07", "homes": ["h0317"], "minutes": 30, **more}
    )
    assert answer.status_code == 201, answer.text
    await until(lambda: answer.json()["id"] in house.state.upkeep.campaigns)
    return dict(answer.json())


async def pressed(house: House, *, device: str) -> tuple[Worker, Alert]:
    """A press in the campaign, worked off by the real worker."""
    worker = Worker(house.stream, house.clock, house.state.picture.registry)
    worker.desk.campaigns = house.state.upkeep.campaigns
    await worker.start()
    f = a_press(
        f"p{next(COUNT)}", at=house.clock.now(), device=device, code="SM1", cause="fire", quantity="smoke"
    )
    await house.stream.publish(f.subject, encode(f))
    await worker.hear(house.stream.messages(FINDINGS)[-1])
    (alert,) = worker.desk.open()
    await until(lambda: alert.id in house.state.picture.cases)
    return worker, alert


async def test_a_campaign_is_made_tried_and_confirmed_once():
    """Listed with what waits; the tester confirms; the device is passed; the same again is fine, the case stays closed."""
    async with House() as house, house.browser("operator") as desk, house.browser("responder") as lin:
        made = await begun(house, desk)
        again = await begun(house, desk)
        assert (again["id"], made["state"], made["tester"]["id"]) == (made["id"], "running", "s07")
        device = made["devices"][0]["device"]
        _, alert = await pressed(house, device=device)
        assert alert.level == "yellow"
        (item,) = (await desk.get(f"{V}/campaigns")).json()["items"]
        assert [(w["alert"], w["device"]) for w in item["waiting"]] == [(alert.id, device)]
        path, body = (
            f"{V}/campaigns/{made['id']}/confirm",
            {"alert": alert.id, "version": item["waiting"][0]["version"]},
        )
        silent = await desk.post(path, json=body)
        assert (silent.status_code, silent.json()["fields"]) == (422, ["note"]), "the desk says how it knows"
        for _ in range(2):
            done = await lin.post(path, json=body)
            assert done.status_code == 200, done.text
            assert done.json()["waiting"] == []
        passed = {d["device"]: d["passed_at"] for d in done.json()["devices"]}
        assert passed[device] is not None
        case = house.state.picture.cases[alert.id].alert
        assert (case.open, case.outcome.truth, case.outcome.by) == (False, "test", "s07")


async def test_unconfirmed_it_is_real_and_a_late_word_is_refused():
    """After ninety seconds the case is red; neither tester nor desk can call it a test."""
    async with House() as house, house.browser("operator") as desk, house.browser("responder") as lin:
        made = await begun(house, desk)
        worker, alert = await pressed(house, device=made["devices"][0]["device"])
        house.clock.advance(CONFIRM_WITHIN)
        path = f"{V}/campaigns/{made['id']}/confirm"
        # Not even in the moment before the worker has looked at the clock.
        assert (await lin.post(path, json={"alert": alert.id})).status_code == 409
        await worker.look()
        await until(lambda: house.state.picture.cases[alert.id].alert.level == "red")
        late = await lin.post(path, json={"alert": alert.id, "version": alert.version})
        assert (late.status_code, "真实告警" in late.json()["detail"]) == (409, True)
        assert house.state.picture.cases[alert.id].alert.open


async def test_the_link_in_the_testers_message_confirms_and_nobody_elses():
    """Looking changes nothing; pressing closes; too late it says that it is real."""
    async with House() as house, house.browser("operator") as desk, house.client() as phone:
        await house.stream.put(PEOPLE, "link_secret", SECRET)
        made = await begun(house, desk)
        worker, alert = await pressed(house, device=made["devices"][0]["device"])
        (asked,) = [d.delivery for d in alert.deliveries if d.delivery.purpose is Purpose.test]
        claim = claim_for(asked, house.clock.now())
        assert claim is not None
        assert claim.person == "s07"
        token = make(claim, SECRET)
        page = await phone.get(f"/go/{token}")
        assert "是我在测试" in page.text
        assert house.state.picture.cases[alert.id].alert.open
        assert re.search("method=.post", page.text)
        pressed_it = await phone.post(f"{V}/go/{token}")
        assert (pressed_it.status_code, pressed_it.json()["done"]) == (200, True)
        assert not house.state.picture.cases[alert.id].alert.open
        device = made["devices"][0]["device"]
        await until(lambda: device in worker.desk.campaigns[made["id"]].passed)


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"tester": "s99", "homes": ["h0317"]}, 422, "tester"),
        ({"tester": "s07"}, 422, "devices"),
        ({"tester": "s07", "devices": ["belt-0317"]}, 422, "devices"),
        ({"tester": "s07", "homes": ["nowhere"]}, 404, None),
        ({"tester": "s07", "homes": ["h0317"], "minutes": 61}, 422, "minutes"),
        ({"tester": "s07", "homes": ["h0317"], "begins": "2026-01-01T00:00:00Z"}, 422, "begins"),
    ],
)
async def test_campaigns_that_cannot_be_are_refused(body: dict, status: int, field: str | None):
    """Nobody, no device, what is no alarm, too long, the past; and only the desk makes one."""
    async with House() as house, house.browser("operator") as desk, house.browser("responder") as lin:
        answer = await desk.post(f"{V}/campaigns", json=body)
        assert answer.status_code == status, answer.text
        assert field is None or field in answer.json()["fields"]
        assert (await lin.post(f"{V}/campaigns", json=body)).status_code == 403


async def test_ended_early_what_comes_is_real():
    """The window closes at once."""
    async with House() as house, house.browser("operator") as desk:
        made = await begun(house, desk)
        ended = await desk.post(f"{V}/campaigns/{made['id']}/end", json={})
        assert ended.json()["state"] == "over"
        await until(lambda: house.state.upkeep.campaigns[made["id"]].ended_by is not None)
        house.clock.advance(timedelta(seconds=1))
        _, alert = await pressed(house, device=made["devices"][0]["device"])
        assert alert.level == "red"


async def test_who_sits_at_no_desk_is_shown_the_own_tests_alone():
    """The homes of other people's tests are nothing to a responder; the desk sees all and who can be a tester."""
    async with House() as house, house.browser("operator") as desk, house.browser("he") as he:
        made = await begun(house, desk)
        assert (await he.get(f"{V}/campaigns")).json()["items"] == []
        async with house.browser("responder") as lin:
            own = (await lin.get(f"{V}/campaigns")).json()
        assert ([c["id"] for c in own["items"]], own["testers"]) == ([made["id"]], [])
        assert (await desk.get(f"{V}/campaigns")).json()["testers"] != []
