"""Arrival by the code of the door card (ux.md 9.9): proved, wrong, too often wrong, renewed, printed."""

import re
from datetime import timedelta

from dashboard_api import shapes
from tests.integration.test_api_house import SITE, House, V, smoke

MORE = """  - id: h0500
    micro_grid: g05-2
    address: 银杏小区 3 幢 2 单元 302
    residents: [{id: r0500, name: 郑阿婆}]
    devices: [{id: sos-0500, kind: sos, room: bedroom}]
"""


async def going(house, desk, finding=None):
    """Lin has the task and is on the way."""
    alert = await house.raised(finding or smoke())
    for command, body in (
        ("acknowledge", {}),
        ("dispatch", {"responders": ["s07"]}),
        ("accept", {"by": "s07"}),
    ):
        version = (await desk.get(f"{V}/alerts/{alert}")).json()["version"]
        assert (
            await desk.post(f"{V}/alerts/{alert}/{command}", json={"version": version, **body})
        ).status_code == 200
    house.clock.advance(timedelta(minutes=4))
    return alert


async def card_of(house, home="h0317"):
    """The code that hangs there."""
    async with house.program("admin") as admin:
        answer = await admin.get(f"{V}/homes/{home}/card")
        return shapes.DoorCard.model_validate(answer.json())


async def arrive(client, alert, **body):
    """Told by whoever `client` is."""
    version = (await client.get(f"{V}/alerts/{alert}")).json()["version"]
    return await client.post(f"{V}/alerts/{alert}/arrive", json={"version": version, **body})


async def how(house, alert):
    """How the desk reads the arrival, and its line of the timeline."""
    async with house.program("operator") as desk:
        case = shapes.Alert.model_validate((await desk.get(f"{V}/alerts/{alert}")).json())
        events = (await desk.get(f"{V}/alerts/{alert}/events")).json()["items"]
    one = next(r for r in case.responders if r.id == "s07")
    return one.state, one.arrived_by, [e["words"] for e in events if e["type"] == "arrived"]


async def test_who_tells_the_code_was_at_the_door():
    """The right code, with a blank as it is printed: arrived by code, and the timeline says so; the phone reads it too."""
    async with House() as house, house.program("operator") as desk, house.program("responder") as phone:
        alert = await going(house, desk)
        card = await card_of(house)
        answer = await arrive(phone, alert, code=f"{card.code[:3]} {card.code[3:]}")
        assert answer.status_code == 200, answer.text
        assert next(r for r in answer.json()["responders"] if r["id"] == "s07")["arrived_by"] == "code"
        assert await how(house, alert) == ("arrived", "code", ["林国平 凭门卡确认到场"])


async def test_a_wrong_code_is_one_sentence_and_takes_nothing():
    """422 with what to do; the case is as it was; pressed it is an arrival, and the code may still come after it."""
    async with House() as house, house.program("operator") as desk, house.program("responder") as phone:
        alert = await going(house, desk)
        other = (await card_of(house, "h0420")).code
        before = (await desk.get(f"{V}/alerts/{alert}")).json()
        no = await arrive(phone, alert, code=other)
        assert (no.status_code, no.json()["reason"], no.json()["fields"]) == (422, "wrong_code", ["code"])
        assert no.json()["detail"] == "门卡编码不对，请再核对；也可以直接按「到了」"
        assert (await desk.get(f"{V}/alerts/{alert}")).json()["version"] == before["version"]
        assert (await arrive(phone, alert)).status_code == 200
        assert await how(house, alert) == ("arrived", "press", ["林国平 到场"])
        first = (await desk.get(f"{V}/alerts/{alert}")).json()["responders"][0]["arrived_at"]
        house.clock.advance(timedelta(minutes=2))
        assert (await arrive(phone, alert, code=(await card_of(house)).code)).status_code == 200
        assert (await how(house, alert))[:2] == ("arrived", "code")
        now = (await desk.get(f"{V}/alerts/{alert}")).json()["responders"][0]
        assert now["arrived_at"] == first, "there since they said so"


async def test_the_code_of_any_door_that_the_case_covers_counts():
    """A case of many homes: whoever comes stands at one of them. The code of a home outside it is wrong as ever."""
    many = SITE.replace("staff:", MORE + "staff:", 1)
    async with House(site=many) as house, house.program("operator") as desk, house.program("responder") as phone:  # fmt: skip
        alert = await going(
            house, desk, smoke(code="WT1", cause="water", parameters={"homes": ["h0317", "h0500"]})
        )
        no = await arrive(phone, alert, code=(await card_of(house, "h0420")).code)
        assert (no.status_code, no.json()["reason"]) == (422, "wrong_code")
        assert (await arrive(phone, alert, code=(await card_of(house, "h0500")).code)).status_code == 200
        assert (await how(house, alert))[:2] == ("arrived", "code")


async def test_codes_are_not_guessed():
    """After five wrong ones not even the right one is looked at for ten minutes; the desk's word still counts."""
    async with House() as house, house.program("operator") as desk, house.program("responder") as phone:
        alert = await going(house, desk)
        code = (await card_of(house)).code
        for n in range(5):
            wrong = f"{(int(code) + n + 1) % 10**6:06}"
            assert (await arrive(phone, alert, code=wrong)).json()["reason"] == "wrong_code"
        held = await arrive(phone, alert, code=code)
        assert (held.status_code, held.json()["reason"]) == (409, "too_many_attempts")
        assert (await arrive(desk, alert, by="s07")).status_code == 200
        assert await how(house, alert) == ("arrived", "desk", ["林国平 到场（陈敏芝 记录）"])


async def test_nobody_says_themselves_that_a_code_was_right():
    """`card` in a body is no code."""
    async with House() as house, house.program("operator") as desk, house.program("responder") as phone:
        alert = await going(house, desk)
        assert (await arrive(phone, alert, card=True)).status_code == 200
        assert (await how(house, alert))[1] == "press"


async def test_a_new_card_makes_the_old_one_worthless_and_is_printed_without_a_name():
    """Version 2 after a renewal; the sheet has the flat, the code and the square, and nobody who lives there."""
    async with House() as house, house.program("operator") as desk, house.program("responder") as phone:
        alert = await going(house, desk)
        old = await card_of(house)
        assert old.link == f"http://house/go?door={old.code}"
        assert (await desk.get(f"{V}/homes/h0317/card")).status_code == 403
        async with house.program("boss") as boss:
            new = (await boss.post(f"{V}/homes/h0317/card/renew")).json()
            assert (new["version"], new["code"] == old.code) == (2, False)
            page = await boss.get(f"{V}/door-cards", params={"home": "h0317"})
            every = await boss.get(f"{V}/door-cards", params={"grid": "g06"})
            assert (await boss.get(f"{V}/door-cards", params={"home": "nosuch"})).status_code == 404
        assert page.headers["content-type"].startswith("text/html")
        assert f"{new['code'][:3]} {new['code'][3:]}" in page.text
        assert "<svg" in page.text
        assert "银杏小区 3 幢 2 单元 402" in page.text
        for secret in ("周阿婆", "0574-86293712", "2580#", "邻里中心", "script"):
            assert secret not in page.text
        assert re.findall(r'data-card="(\w+)"', every.text) == ["h0420"]
        assert (await arrive(phone, alert, code=old.code)).json()["reason"] == "wrong_code"
        assert (await arrive(phone, alert, code=new["code"])).status_code == 200
