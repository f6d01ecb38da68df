"""Browsers ask for messages, channels are tried, and a link of a test confirms that it was read."""

import asyncio

from alerts import tried
from alerts.events import Purpose
from alerts.links import Claim, make
from alerts.telling import address_of
from alerts.tried import Reach, key_of
from care.ids import content_id
from care.messages import decode, encode
from care.stream import DELIVERIES, PEOPLE
from tests.integration.test_api_house import NOON, House, V, smoke

ASKED = {
    "endpoint": "https://updates.push.services.mozilla.com/wpush/v2/gAAAAAB",
    "expirationTime": None,
    "keys": {"p256dh": "B" * 87, "auth": "A" * 22},
}


async def test_a_browser_asks_and_its_person_is_told_there_too():
    """The key is one for all; a subscription belongs to whoever is signed in, and the next red page goes to it."""
    async with House() as house, house.browser("operator") as desk, house.browser("family") as daughter:
        keys = {(await c.get(f"{V}/push")).json()["key"] for c in (desk, daughter)}
        assert len(keys) == 1
        assert (await desk.post(f"{V}/push", json=ASKED)).status_code == 204
        assert (await desk.post(f"{V}/push", json=ASKED)).status_code == 204
        async with asyncio.timeout(3):
            while not house.state.pushes:
                await asyncio.sleep(0.01)
        (url,) = house.state.pushes["s01"]
        assert house.state.picture.registry.channels("s01")[1:] == [url]
        # Somebody else's browser is not theirs to take away.
        await daughter.request("DELETE", f"{V}/push", json={"endpoint": ASKED["endpoint"]})
        assert await house.stream.keys(PEOPLE, "push.") != []
        await desk.request("DELETE", f"{V}/push", json={"endpoint": ASKED["endpoint"]})
        assert await house.stream.keys(PEOPLE, "push.") == []


async def test_we_post_to_push_services_only():
    """An address inside the house, a key that is none, a sign-in of no person: refused in words."""
    async with House() as house, house.browser("operator") as desk, house.browser("boss") as boss:
        inside = await desk.post(f"{V}/push", json={**ASKED, "endpoint": "https://10.0.0.1/admin"})
        assert (inside.status_code, inside.json()["fields"]) == (422, ["endpoint"])
        wrong = await desk.post(f"{V}/push", json={**ASKED, "keys": {"p256dh": "!", "auth": "!"}})
        assert (wrong.status_code, wrong.json()["fields"]) == (422, ["keys"])
        assert (await boss.get(f"{V}/push")).status_code == 403
        assert await house.stream.keys(PEOPLE, "push.") == []


async def test_a_channel_is_tried_and_its_link_confirms_it():
    """Untried, sent, verified: told without ever showing the address."""
    async with House() as house, house.browser("operator") as desk, house.client() as phone:
        first = (await desk.get(f"{V}/people/c0317a/channels")).json()
        (channel,) = first["items"]
        assert (channel["channel"], channel["state"]) == ("json", "untried")
        asked = await desk.post(f"{V}/people/c0317a/test")
        assert asked.status_code == 202
        (queued,) = house.stream.messages(DELIVERIES, "deliveries.test.>")
        assert decode(queued.data, tried.Test).person == "c0317a"

        await house.stream.put(
            PEOPLE,
            key_of("c0317a", channel["address"]),
            encode(Reach(channel="json", tried_at=NOON, sent=True)),
        )
        sent = (await desk.get(f"{V}/people/c0317a/channels")).json()
        assert sent["items"][0]["state"] == "sent"

        await house.stream.put(PEOPLE, "link_secret", b"s" * 32)
        claim = Claim(
            alert="",
            home="",
            person="c0317a",
            purpose=Purpose.confirm,
            delivery=channel["address"],
            expires=int(NOON.timestamp()) + 3600,
        )
        token = make(claim, b"s" * 32)
        page = (await phone.get(f"{V}/go/{token}")).json()
        assert (page["act"], page["done"]) == ("confirm", False)
        form = await phone.get(f"/go/{token}")
        assert "我收到了" in form.text
        pressed = await phone.post(f"/go/{token}")
        assert pressed.status_code == 303
        assert "已确认" in (await phone.get(pressed.headers["location"])).text
        verified = (await desk.get(f"{V}/people/c0317a/channels")).json()
        assert verified["items"][0]["state"] == "verified"
        assert "127.0.0.1" not in str(verified)
        assert (await desk.post(f"{V}/people/nobody/test")).status_code == 404


async def test_a_dispatched_responder_is_told_in_the_browser_as_well():
    """An order given at the desk uses the browsers of the person it sends."""
    async with House() as house, house.browser("operator") as desk, house.browser("responder") as lin:
        assert (await lin.post(f"{V}/push", json=ASKED)).status_code == 204
        async with asyncio.timeout(3):
            while not house.state.pushes:
                await asyncio.sleep(0.01)
        alert = await house.raised(smoke())
        case = (await desk.get(f"{V}/alerts/{alert}")).json()
        taken = await desk.post(f"{V}/alerts/{alert}/acknowledge", json={"version": case["version"]})
        sent = await desk.post(
            f"{V}/alerts/{alert}/dispatch",
            json={"version": taken.json()["version"], "responders": ["s07"]},
        )
        assert sent.status_code == 200, sent.text
        told = [d["channel"] for d in sent.json()["deliveries"] if d["reason"] == "dispatched"]
        assert sorted(told) == ["json", "webpush"]


async def test_a_browser_finds_itself_and_is_tried_alone():
    """`GET /push` lists one's own browsers by a name made of the endpoint; a test goes to one of them, to nobody else's."""
    async with House() as house, house.browser("operator") as desk, house.browser("family") as daughter:
        assert (await desk.post(f"{V}/push", json=ASKED)).status_code == 204
        (mine,) = (await desk.get(f"{V}/push")).json()["browsers"]
        assert mine["id"] == content_id("push", ASKED["endpoint"])
        assert (mine["state"], mine["tried_at"]) == ("untried", None)
        assert (await daughter.get(f"{V}/push")).json()["browsers"] == []
        here = {"endpoint": ASKED["endpoint"]}
        assert (await daughter.post(f"{V}/push/test", json=here)).status_code == 404
        assert (await desk.post(f"{V}/push/test", json=here)).status_code == 202
        (queued,) = house.stream.messages(DELIVERIES, "deliveries.test.>")
        address = address_of(f"webpush://{mine['id']}")
        assert decode(queued.data, tried.Test).only == address
        await house.stream.put(
            PEOPLE, key_of("s01", address), encode(Reach(channel="webpush", tried_at=NOON, sent=True))
        )
        (told,) = (await desk.get(f"{V}/push")).json()["browsers"]
        assert told["state"] == "sent"
