"""「人在我这」 by link: a relative's and a neighbour's, used once, telling no more than the message did."""

from typing import Any

import pytest

from alerts.events import Purpose
from alerts.links import claim_for, make
from care.stream import PEOPLE
from tests.integration.test_api_house import CLOSING, House, V
from tests.private import tells
from tests.unit.test_alert_house import a_finding

SECRET = b"s" * 32
RED = {"code": "AC1", "cause": "activity", "quantity": "motion", "device": None, "life": False,
       "title": {"zh": "很久没有动静", "en": "no movement"}}  # fmt: skip


async def a_case(house: House, **more: Any) -> Any:
    await house.stream.put(PEOPLE, "link_secret", SECRET)
    return await house.raised(a_finding("a", at=house.clock.now(), **{**RED, **more}))


def token_for(house: House, alert: str, purpose: Purpose) -> tuple[str, str]:
    case = house.state.picture.cases[alert].alert
    delivery = next(d.delivery for d in case.deliveries if d.delivery.purpose is purpose)
    claim = claim_for(delivery, house.clock.now())
    assert claim is not None
    return make(claim, SECRET), claim.person


async def test_a_relatives_word_by_link_lowers_the_case_once():
    """The page names nobody and nothing that happened; the desk reads whose word it was."""
    async with House() as house, house.browser("operator") as desk, house.client() as phone:
        alert = await a_case(house)
        seen = (await desk.get(f"{V}/alerts/{alert}")).json()
        await desk.post(f"{V}/alerts/{alert}/acknowledge", json={"version": seen["version"]})
        await house.settled()
        token, who = token_for(house, alert, Purpose.with_me)
        page = await phone.get(f"/go/{token}")
        assert "人在我这，平安" in page.text
        for secret in ("动静", "银杏", "402"):
            assert not tells(secret, page.text)
            assert not tells(secret, (await phone.get(f"{V}/go/{token}")).text)
        done = await phone.post(f"{V}/go/{token}")
        assert (done.status_code, done.json()["done"], done.json()["building"]) == (200, True, "")
        assert (await phone.post(f"{V}/go/{token}")).status_code == 409
        case = house.state.picture.cases[alert].alert
        assert (case.level, case.open, [v.who for v in case.vouched]) == ("yellow", True, [who])
        lines = (await desk.get(f"{V}/alerts/{alert}/events")).json()["items"]
        assert any("说人在身边" in str(line) for line in lines)


async def test_a_neighbours_link_to_go_there_has_the_other_answer_too():
    """Instead of going: the person is here. A fire is not lowered by it."""
    async with House() as house, house.client() as phone:
        alert = await a_case(house)
        token, who = token_for(house, alert, Purpose.accept)
        assert "reply=with_me" in (await phone.get(f"/go/{token}")).text
        done = await phone.post(f"{V}/go/{token}?reply=with_me")
        assert (done.status_code, done.json().get("alert")) == (200, None)
        case = house.state.picture.cases[alert].alert
        assert (case.level, [v.who for v in case.vouched]) == ("yellow", [who])
        assert not case.going
        fire = await house.raised(a_finding("f", at=house.clock.now()))
        token, _ = token_for(house, fire, Purpose.accept)
        await phone.post(f"{V}/go/{token}?reply=with_me")
        assert house.state.picture.cases[fire].alert.level == "red"


async def test_the_desk_writes_down_what_a_relative_said():
    """By a relative of that home; a stranger is refused."""
    async with House() as house, house.browser("operator") as desk:
        alert = await a_case(house)
        contact = house.registry.homes["h0317"].contacts[0].id
        stranger = await desk.post(f"{V}/alerts/{alert}/with_me", json={"version": 1, "by": "c0420a"})
        assert (stranger.status_code, stranger.json()["fields"]) == (422, ["by"])
        said = await desk.post(f"{V}/alerts/{alert}/with_me", json={"version": 1, "by": contact})
        assert said.status_code == 200, said.text
        case = house.state.picture.cases[alert].alert
        assert [(v.who, v.by, case.level) for v in case.vouched] == [(contact, "s01", "yellow")]


@pytest.mark.parametrize(
    ("reply", "mine", "words"),
    [("", "accepted", "已接受，请出发。"), ("?reply=decline", "declined", "已告诉值班席您去不了。")],
)
async def test_whoever_was_asked_to_go_reads_what_comes_next_also_after_a_reload(reply, mine, words):
    """It said 「已处理，谢谢。」, which sounds as if it were over, and no key declined although the message named one."""
    async with House() as house, house.browser("operator") as desk, house.client() as phone:
        alert = await a_case(house)
        seen = (await desk.get(f"{V}/alerts/{alert}")).json()
        sent = {"responders": ["s07"], "version": seen["version"]}
        assert (await desk.post(f"{V}/alerts/{alert}/dispatch", json=sent)).status_code == 200
        await house.settled()
        token, who = token_for(house, alert, Purpose.accept)
        page = (await phone.get(f"/go/{token}")).text
        assert "去不了" in page
        done = await phone.post(f"/go/{token}{reply}", follow_redirects=True)
        for text in (done.text, (await phone.get(f"/go/{token}")).text):
            assert words in text
            assert ('href="/go"' in text) is (mine == "accepted")
            assert "402" not in text
        assert [r.state for r in house.state.picture.cases[alert].alert.responders if r.id == who] == [mine]
        seen = (await desk.get(f"{V}/alerts/{alert}")).json()
        closed = await desk.post(f"{V}/alerts/{alert}/close", json={**CLOSING, "version": seen["version"]})
        assert closed.status_code == 200
        await house.settled()
        assert "已结束，不用再去了" in (await phone.get(f"/go/{token}")).text
