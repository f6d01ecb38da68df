"""Other systems report, signed: signs of life, meals nobody fetched, meters, requests. Hostile ones get nowhere."""

import asyncio
import base64
import hashlib
import hmac
import json
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
import structlog

from anxin.settings import Settings
from anxin.wiring import SecondWay
from care.ids import iso
from care.messages import Finding, Report, decode, encode
from care.site import Registry
from care.sitefile import read_site
from care.stream import FINDINGS, PEOPLE, READINGS, REGISTRY
from dashboard_api import integrations
from rules.catalog import load
from rules.engine import Engine
from tests.integration.test_api_house import NOON, SITE, House, V

METERED = SITE.replace(
    "      - {id: sos-0317, kind: sos, room: bedroom}\n",
    "      - {id: sos-0317, kind: sos, room: bedroom}\n      - {id: meter-0317, kind: water_meter}\n",
)


class Sender:
    """The other side, by the letter of Standard Webhooks and by nothing of ours."""

    def __init__(self, house, client, name, secret):
        self.house, self.client, self.name = house, client, name
        self.key = base64.b64decode(secret.removeprefix("whsec_"))

    def headers(self, event, body, *, at=None, key=None):
        stamp = str(int((at or self.house.clock.now()).timestamp()))
        mac = hmac.new(key or self.key, f"{event}.{stamp}.".encode() + body, hashlib.sha256).digest()
        return {
            "webhook-id": event,
            "webhook-timestamp": stamp,
            "webhook-signature": "v1," + base64.b64encode(mac).decode(),
        }

    async def post(self, content, headers, name=None):
        return await self.client.post(
            f"{V}/integrations/{name or self.name}/events", content=content, headers=headers
        )

    async def send(self, event, kind, *, at=None, **data):
        body = self.body(kind, at=at, **data)
        return await self.post(body, self.headers(event, body))

    def body(self, kind, *, at=None, **data):
        told = {
            "type": kind,
            "timestamp": iso(at or self.house.clock.now()),
            "data": {"home": "h0317", **data},
        }
        return json.dumps(told).encode()


@asynccontextmanager
async def meals(*events, **app):
    async with House(**app) as house, house.program("admin") as admin, house.client() as client:
        made = await admin.post(f"{V}/integrations", json={"name": "meals", "events": list(events)})
        assert made.status_code == 201, made.text
        yield house, admin, Sender(house, client, "meals", made.json()["secret"])


def signs(house):
    return [decode(m.data, Report) for m in house.stream.messages(READINGS)]


def notices(house):
    return [decode(m.data, Finding) for m in house.stream.messages(FINDINGS)]


async def test_a_meal_handed_over_is_a_sign_of_life_and_quiets_the_rule_about_absence():
    """What comes by HTTP ends AC1 in the engine, from when it happened; the same event again changes nothing."""
    async with meals() as (house, _, sender):
        engine, now = Engine(house.registry, load()), house.clock.now()
        said = []
        for n in range(541):
            at = now - timedelta(minutes=540 - n)
            said += engine.tick(at)
            for device, kind, values in (
                ("motion-0317", "motion", {"motion": n == 0}),
                ("door-0317", "door", {"door_open": False}),
                ("belt-0317", "bed_belt", {"in_bed": n < 100, "movement": 1}),
            ):
                heard = Report(
                    report_id=f"{device}-{n}", home="h0317", device=device, kind=kind, at=at, received_at=at, values=values
                )  # fmt: skip
                said += engine.feed(heard, at)
        assert [(f.phase.value, f.condition.value) for f in said if f.code == "AC1"] == [("opened", "active")]
        taken = await sender.send("e1", "meal.delivered", meal="lunch")
        assert (taken.status_code, taken.json()) == (202, {"id": "e1", "became": "sign", "again": False})
        (sign,) = signs(house)
        assert (sign.home, sign.values, sign.at) == ("h0317", {"life_sign": True}, house.clock.now())
        told = [f for f in engine.feed(sign, now) if f.code == "AC1"]
        assert [(f.phase.value, f.at) for f in told] == [("cleared", now)]
        assert engine.feed(sign, house.clock.now()) == []


async def test_the_same_event_again_is_one_also_after_a_restart():
    """Known by its id; and by its content to a process that remembers nothing. An id with another content is refused."""
    async with meals() as (house, _, sender):
        body = sender.body("meal.delivered")
        headers = sender.headers("e1", body)
        assert [(await sender.post(body, headers)).json()["again"] for _ in range(3)] == [False, True, True]
        other = await sender.send("e1", "card.swiped")
        assert (other.status_code, other.json()["reason"]) == (409, "id_reused")
        assert len(signs(house)) == 1
        request = sender.body("request.made", what="repair")
        await sender.post(request, sender.headers("r1", request))
        house.clock.advance(timedelta(minutes=1))
        from dashboard_api.app import create_app

        again = create_app(stream=house.stream, clock=house.clock, public_url="http://house")
        async with again.router.lifespan_context(again):
            await again.state.house.registered.wait()
            import httpx

            transport = httpx.ASGITransport(again)
            async with httpx.AsyncClient(transport=transport, base_url="http://house") as client:
                twin = Sender(house, client, "meals", "whsec_" + base64.b64encode(sender.key).decode())
                assert (await twin.post(request, twin.headers("r1", request))).status_code == 202
                assert (await twin.post(body, twin.headers("e1", body))).status_code == 202
        assert len({f.event_id for f in notices(house)}) == 1
        assert len({r.report_id for r in signs(house)}) == 1


async def test_a_meal_nobody_fetched_is_a_blue_task_until_it_is_fetched():
    """A hint, never an alarm; one for each meal of a day."""
    async with meals() as (house, _, sender):
        for event in ("a", "b"):
            answer = await sender.send(event, "meal.not_collected", meal="lunch")
            assert answer.json()["became"] == "notice"
        assert (await sender.send("c", "meal.collected", meal="lunch")).json()["became"] == "sign"
        found = {f.event_id: f for f in notices(house)}.values()
        assert [(f.code, f.level, f.phase) for f in found] == [
            ("ML1", "blue", "opened"),
            ("ML1", "blue", "cleared"),
        ]
        assert len({f.finding for f in found}) == 1
        opened, cleared = found
        raised = house.desk.on_finding(opened, house.clock.now())
        for change in raised:
            house.desk.apply(change)
        for change in house.desk.on_finding(cleared, house.clock.now()):
            house.desk.apply(change)
        assert house.desk.open() == []


async def test_a_request_of_the_mini_program_is_a_task_and_a_meal_at_the_door_shows_nobody():
    """RQ1 by another way in; left at the door, nobody was seen."""
    async with meals() as (house, _, sender):
        assert (await sender.send("a", "request.made", what="medical")).json()["became"] == "request"
        assert (await sender.send("b", "meal.delivered", at_the_door=True)).json()["became"] == "nothing_seen"
        assert [(f.code, f.level, f.title["zh"]) for f in notices(house)] == [("RQ1", "blue", "请求医生回访")]
        assert signs(house) == []


async def test_a_meter_is_read_by_the_way_in_that_devices_have():
    """Its reading is one of the home's own water meter; a home without one, or a number that is none, is told so."""
    taken = []

    async def accept(topic, payload, received_at):
        return await SecondWay(taken[0], Settings()).accept(topic, payload, received_at)

    async with meals(accept_reading=accept) as (house, _, sender):
        taken.append(house.stream)
        none = await sender.send("a", "meter.read", water_total=5)
        assert (none.status_code, none.json()["reason"]) == (404, "unknown_device")
        await house.stream.put(REGISTRY, "site", encode(read_site(METERED)))
        async with asyncio.timeout(5):
            while "meter-0317" not in house.state.picture.registry.devices:
                await asyncio.sleep(0.01)
        read = await sender.send("b", "meter.read", water_total=81230.5)
        assert read.json()["became"] == "reading"
        (report,) = signs(house)
        assert (report.device, report.values) == ("meter-0317", {"water_total": 81230.5})
        missing = await sender.send("c", "meter.read")
        assert (missing.status_code, missing.json()["fields"]) == (422, ["data.water_total"])
        huge = await sender.send("d", "meter.read", water_total=1e12)
        assert (huge.status_code, huge.json()["fields"]) == (422, ["data.water_total"])


async def test_what_an_elder_keeps_from_the_centre_is_not_taken():
    """A card tells where somebody was: who keeps motion back keeps this back too."""
    kept = SITE.replace(
        "consent: {vitals: [centre, doctor]", "consent: {motion: [], vitals: [centre, doctor]"
    )
    async with meals() as (house, _, sender):
        await house.stream.put(REGISTRY, "site", encode(read_site(kept)))
        async with asyncio.timeout(5):
            while house.state.picture.registry.residents["r0317"][1].consent.get("motion") is None:
                await asyncio.sleep(0.01)
        answer = await sender.send("a", "card.swiped")
        assert (answer.status_code, answer.json()["became"]) == (202, "no_consent")
        assert signs(house) == []
    assert Registry(read_site(kept)).residents


@pytest.mark.parametrize(
    "broken", ["none", "other key", "other body", "other id", "junk", "no id", "unknown name"]
)
async def test_a_bad_signature_gets_the_same_401_and_leaves_nothing(broken):
    """Nobody learns whether a name exists; nothing is stored."""
    async with meals() as (house, _, sender):
        body = sender.body("meal.delivered")
        headers, name = sender.headers("e1", body), "meals"
        match broken:
            case "none":
                headers.pop("webhook-signature")
            case "other key":
                headers = sender.headers("e1", body, key=b"k" * 32)
            case "other body":
                body = body.replace(b"h0317", b"h0420")
            case "other id":
                headers["webhook-id"] = "e2"
            case "junk":
                headers["webhook-signature"] = "v1,\u00e9 v1, v1a,x".encode()  # type: ignore[assignment]
            case "no id":
                headers.pop("webhook-id")
            case _:
                name = "strangers"
        answer = await sender.post(body, headers, name)
        assert (answer.status_code, answer.json()["reason"]) == (401, "bad_signature")
        assert answer.headers["content-type"] == "application/problem+json"
        assert signs(house) == []


async def test_an_old_signature_is_refused_and_so_is_an_old_event():
    """Five minutes for the signature, a day for what happened; nothing of the future."""
    async with meals() as (house, _, sender):
        body = sender.body("meal.delivered")
        now = house.clock.now()
        for off in (timedelta(minutes=6), -timedelta(minutes=6)):
            answer = await sender.post(body, sender.headers("e1", body, at=now + off))
            assert (answer.status_code, answer.json()["reason"]) == (401, "stale_timestamp")
        good = sender.headers("e1", body)
        house.clock.advance(timedelta(minutes=6))
        assert (await sender.post(body, good)).json()["reason"] == "stale_timestamp"
        now = house.clock.now()
        old = await sender.send("e2", "meal.delivered", at=now - timedelta(hours=25))
        assert (old.status_code, old.json()["reason"]) == (422, "too_old")
        ahead = await sender.send("e3", "meal.delivered", at=now + timedelta(hours=1))
        assert (ahead.status_code, ahead.json()["fields"]) == (422, ["timestamp"])
        assert signs(house) == []


async def test_what_cannot_be_used_is_said_in_one_sentence():
    """Unknown homes and people, types that are none, a megabyte, bottomless JSON; each a problem with a reason."""
    async with meals("meal.delivered", "request.made") as (house, _, sender):
        cases = [
            (sender.body("meal.delivered", home="nowhere"), 404, "unknown_home"),
            (sender.body("meal.delivered", resident="r0420"), 404, "unknown_resident"),
            (sender.body("card.swiped"), 403, "forbidden"),
            (sender.body("meal.eaten"), 422, "invalid"),
            (sender.body("request.made", what="a pony"), 422, "invalid"),
            (b"", 422, "invalid"),
            (b"[1, 2]", 422, "invalid"),
            (b"\xff\xfe", 422, "invalid"),
            (b"[" * 15_000, 422, "invalid"),
            (sender.body("meal.delivered").replace(b"+00:00", b"").replace(b"Z", b""), 422, "invalid"),
            (b"x" * 1_000_000, 413, "body_too_large"),
        ]
        for n, (body, status, reason) in enumerate(cases):
            answer = await sender.post(body, sender.headers(f"e{n}", body))
            assert (answer.status_code, answer.json()["reason"]) == (status, reason), body[:80]
        assert signs(house) == []
        assert notices(house) == []


async def test_more_than_its_rate_is_told_when_to_come_again_and_comes_through_then():
    """A burst of meals is fine, a loop is not; a refused one can be sent again."""
    async with meals() as (house, _, sender):
        answers = [await sender.send(f"e{n}", "meal.delivered") for n in range(int(integrations.AT_ONCE) + 1)]
        assert [a.status_code for a in answers[:-1]] == [202] * int(integrations.AT_ONCE)
        assert (answers[-1].status_code, answers[-1].headers["retry-after"]) == (429, "1")
        house.clock.advance(timedelta(seconds=1))
        assert (await sender.send(f"e{int(integrations.AT_ONCE)}", "meal.delivered")).status_code == 202


async def test_guessing_signatures_is_bounded_and_never_locks_out_the_right_one():
    """The log does not grow with the guesses; the integration itself still comes through."""
    async with meals() as (_house, _, sender):
        body = sender.body("meal.delivered")
        with structlog.testing.capture_logs() as logged:
            statuses = [
                (await sender.post(body, sender.headers("g", body, key=b"k" * 32))).status_code
                for _ in range(40)
            ]
        assert statuses == [401] * integrations.BAD_A_MINUTE + [429] * (40 - integrations.BAD_A_MINUTE)
        assert sum(line["event"] == "event_refused" for line in logged) == integrations.BAD_A_MINUTE
        assert (await sender.send("e1", "meal.delivered")).status_code == 202


async def test_a_secret_is_shown_once_renewed_by_making_and_ended_by_removing():
    """Only an admin makes and removes; lists and logs hold no secret."""
    with structlog.testing.capture_logs() as logged:
        async with meals() as (house, admin, sender):
            async with house.browser("operator") as desk:
                assert (await desk.get(f"{V}/integrations")).status_code == 403
                assert (await desk.post(f"{V}/integrations", json={"name": "x1"})).status_code == 403
                assert (await desk.delete(f"{V}/integrations/meals")).status_code == 403
            listed = (await admin.get(f"{V}/integrations")).json()
            assert [(i["name"], i["events"]) for i in listed["items"]] == [("meals", [])]
            assert "whsec" not in json.dumps(listed)
            wrong = await admin.post(f"{V}/integrations", json={"name": "Meals of Wu"})
            assert (wrong.status_code, wrong.json()["fields"]) == (422, ["name"])
            newer = (await admin.post(f"{V}/integrations", json={"name": "meals"})).json()["secret"]
            assert (await sender.send("e1", "meal.delivered")).status_code == 401
            sender.key = base64.b64decode(newer.removeprefix("whsec_"))
            assert (await sender.send("e1", "meal.delivered")).status_code == 202
            assert (await admin.delete(f"{V}/integrations/meals")).status_code == 204
            assert (await admin.delete(f"{V}/integrations/meals")).status_code == 404
            assert (await sender.send("e2", "meal.delivered")).status_code == 401
            assert await house.stream.keys(PEOPLE, "integration.") == []
    secret = base64.b64encode(sender.key).decode()
    assert secret not in repr(logged)
    kept = integrations.Integration(name="a", secret="whsec_hidden", made_at=NOON, by="s01")
    assert "hidden" not in repr(kept)


async def test_nothing_is_taken_that_could_not_be_stored():
    """The stream is away: 503 and come again, and then it is taken as the first time."""
    from care.errors import Temporary

    async with meals() as (house, _, sender):
        publish = house.stream.publish

        async def away(*_args, **_more):
            raise Temporary("the stream is away")

        house.stream.publish = away
        refused = await sender.send("e1", "meal.delivered")
        assert (refused.status_code, refused.json()["reason"]) == (503, "stream_unavailable")
        house.stream.publish = publish
        taken = await sender.send("e1", "meal.delivered")
        assert (taken.status_code, taken.json()["again"]) == (202, False)
        assert len(signs(house)) == 1


async def test_the_last_report_outlives_a_restart_and_a_broken_promise_is_said():
    """Kept in the stream; once a minute is enough for a canteen in a hurry; the list says who is silent."""
    async with meals() as (house, admin, sender):
        body = {"name": "cards", "events": ["card.swiped"], "promised_hours": 24}
        assert (await admin.post(f"{V}/integrations", json=body)).status_code == 201
        wrong = await admin.post(f"{V}/integrations", json={**body, "promised_hours": 0})
        assert wrong.status_code == 422
        first = house.clock.now()
        await sender.send("e1", "meal.delivered")
        house.clock.advance(timedelta(seconds=30))
        await sender.send("e2", "meal.delivered")

        async def lines(client):
            return {i["name"]: i for i in (await client.get(f"{V}/integrations")).json()["items"]}

        assert (await lines(admin))["meals"]["last_at"] == iso(first)
        house.clock.advance(timedelta(hours=24))
        from dashboard_api.app import create_app

        again = create_app(stream=house.stream, clock=house.clock, public_url="http://house")
        async with again.router.lifespan_context(again):
            await again.state.house.people.ready.wait()
            import httpx

            async with httpx.AsyncClient(
                transport=httpx.ASGITransport(again), base_url="http://house"
            ) as client:
                client.headers["authorization"] = admin.headers["authorization"]
                told = await lines(client)
            await again.state.house.upkeep.ready.wait()
            upkeep = again.state.house.upkeep.upkeep
            assert upkeep.reported == {"meals": first}
            assert (upkeep.promises["cards"].promised_hours, hasattr(upkeep.promises["cards"], "secret")) == (
                24,
                False,
            )
        assert (told["meals"]["last_at"], told["meals"]["silent"], told["meals"]["promised_hours"]) == (
            iso(first), False, None,
        )  # fmt: skip
        assert (told["cards"]["last_at"], told["cards"]["silent"], told["cards"]["promised_hours"]) == (
            None,
            True,
            24,
        )
        await admin.delete(f"{V}/integrations/meals")
        assert (
            await house.stream.get(PEOPLE, "reported.meals") is None
            or (await house.stream.get(PEOPLE, "reported.meals")).data is None
        )
