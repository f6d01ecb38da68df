"""The live channel on a real server: snapshot, numbers, resume, restart, silence, slow screens, revocation."""

import asyncio
import contextlib
import json
import socket
from datetime import timedelta

import httpx
import pytest
import uvicorn
from pydantic import TypeAdapter

from care.ids import iso
from care.messages import HomeHealth, encode
from care.stream import HEALTH
from dashboard_api import folds, gate, redact, shapes
from dashboard_api.people import remove_user
from dashboard_api.watching import Watch
from tests.integration.test_api_house import (
    CLOSING,
    NOON,
    PASSWORD,
    SECRETS_OF_THE_HOME,
    House,
    V,
    report,
    smoke,
)
from tests.private import tells

EVENTS = TypeAdapter(shapes.LiveEvent)


@contextlib.asynccontextmanager
async def served(**more):
    """A house behind a real uvicorn."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    async with House(public_url=f"http://127.0.0.1:{port}", **more) as house:
        config = uvicorn.Config(
            house.app,
            port=port,
            lifespan="off",
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=1,
            ws="none",
        )
        server = uvicorn.Server(config)
        server.capture_signals = contextlib.nullcontext
        task = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        house.url = f"http://127.0.0.1:{port}"
        try:
            yield house
        finally:
            house.state.hub.close()
            server.should_exit = True
            await task


class Screen:
    """A client that reads SSE as a browser does."""

    def __init__(self, house, token, view="desk", last=None):
        self.headers = {"authorization": f"Bearer {token}"} | ({"last-event-id": last} if last else {})
        self.url, self.view = f"{house.url}{V}/live", view
        self.raw = []

    async def __aenter__(self):
        self.client = httpx.AsyncClient(timeout=httpx.Timeout(20, read=30))
        self._cm = self.client.stream("GET", self.url, params={"view": self.view}, headers=self.headers)
        self.answer = await self._cm.__aenter__()
        self._lines = self.answer.aiter_lines()
        return self

    async def __aexit__(self, *exc):
        await self._cm.__aexit__(None, None, None)
        await self.client.aclose()

    async def next(self, *names):
        """The next event (of these names), checked against the declared union."""
        fields = {}
        async for line in self._lines:
            self.raw.append(line)
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
            elif "data" in fields:
                event = {"event": fields["event"], "id": fields["id"], "data": json.loads(fields["data"])}
                EVENTS.validate_python(event)
                if not names or event["event"] in names:
                    return event
                fields = {}
            else:
                fields = {}
        raise EOFError


async def token_of(house, name="operator"):
    _, token, _ = await house.state.people.sign_in(name, PASSWORD, address="x", program=True)
    return token


def number(event):
    return int(event["id"].rpartition(".")[2])


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(folds, "HEARTBEAT_SECONDS", 0.3)


async def test_a_screen_sees_the_alarm_and_its_end_in_consecutive_numbers():
    """Snapshot first, then every event numbered on from it; the closed case arrives as closed."""
    async with served() as house, Screen(house, await token_of(house)) as screen:
        assert screen.answer.headers["content-type"].startswith("text/event-stream")
        assert screen.answer.headers["x-accel-buffering"] == "no"
        snapshot = await screen.next()
        assert snapshot["event"] == "snapshot"
        assert snapshot["data"]["me"]["name"] == "陈敏芝"
        assert snapshot["data"]["kpi"]["ack60"]["value"] is None
        assert snapshot["id"] == f"{snapshot['data']['epoch']}.{snapshot['data']['head']}"
        alert = await house.raised(smoke())
        last, seen = number(snapshot), []
        async with httpx.AsyncClient(headers=screen.headers, base_url=house.url) as desk:
            await desk.post(f"{V}/alerts/{alert}/acknowledge", json={"version": 1})
            await desk.post(f"{V}/alerts/{alert}/close", json={"version": 2, **CLOSING})
        while not seen or seen[-1] != "closed":
            event = await screen.next()
            if event["event"] == "hb":
                assert number(event) == event["data"]["head"] == last
                continue
            assert number(event) == last + 1
            last += 1
            if event["event"] == "alert":
                seen.append(event["data"]["state"])
        assert seen == ["new", "acknowledged", "closed"]


async def test_one_who_returns_hears_exactly_what_was_missed():
    """Last-Event-ID: the rest and no snapshot; with another epoch, or somebody else's, a snapshot."""
    async with served() as house:
        token = await token_of(house)
        async with Screen(house, token) as screen:
            last = (await screen.next("snapshot"))["id"]
        first = await house.raised(smoke())
        second = await house.raised(smoke("h0420", device="sos-0420"))
        async with Screen(house, token, last=last) as screen:
            one, two = await screen.next("alert", "snapshot"), await screen.next("alert", "snapshot")
            assert [one["data"]["id"], two["data"]["id"]] == [first, second]
        for strange in ("older.3", "x" * 5_000):
            async with Screen(house, token, last=strange) as screen:
                again = await screen.next()
                assert again["event"] == "snapshot"
                assert {a["id"] for a in again["data"]["alerts"]} == {first, second}


async def test_another_start_is_another_epoch():
    """After a restart an old id never continues a new log."""
    async with served() as one:
        async with Screen(one, await token_of(one)) as screen:
            last = (await screen.next())["id"]
    async with served() as two:
        assert two.state.hub.epoch != one.state.hub.epoch
        async with Screen(two, await token_of(two), last=last) as screen:
            assert (await screen.next())["event"] == "snapshot"


async def test_the_heartbeat_tells_by_what_to_doubt_the_picture():
    """ingest_age grows while no device speaks; a part that is silent is named; a lost number shows in head."""
    async with served() as house, Screen(house, await token_of(house)) as screen:
        await screen.next("snapshot")
        beat = (await screen.next("hb"))["data"]
        assert beat["components"]["rules"] is False
        assert beat["components"]["stream"] is True
        assert beat["notify_lag"] is None
        from datetime import timedelta

        house.clock.advance(timedelta(seconds=90))
        assert (await screen.next("hb"))["data"]["ingest_age"] >= 90
        await house.reads(report("smoke-0317", house.clock.now(), smoke=False))
        await screen.next("hb")
        assert (await screen.next("hb"))["data"]["ingest_age"] == 0
        await house.stream.put(
            HEALTH,
            "home.h0317",
            encode(HomeHealth(home="h0317", protection="protected", at=house.clock.now())),
        )
        change = await screen.next("device")
        assert (change["data"]["home"], change["data"]["protection"]) == ("h0317", "protected")
        async with asyncio.timeout(7):  # not with the board of every quarter of a minute
            while (await screen.next("kpi"))["data"]["protection"]["protected"] != 1:
                pass
            lost = HomeHealth(home="h0317", protection="not", at=house.clock.now())
            await house.stream.put(HEALTH, "home.h0317", encode(lost))
            while (await screen.next("kpi"))["data"]["protection"]["protected"] != 0:
                pass


async def test_figures_that_stay_the_same_are_said_again_and_do_not_age():
    """On a quiet night nothing changes for hours: the figures are still told, so that grey ones are really old."""
    async with served() as house, Screen(house, await token_of(house)) as screen:
        await screen.next("snapshot")
        told = []
        async with asyncio.timeout(8):
            for _ in range(3):
                house.clock.advance(timedelta(seconds=folds.BOARD_AT_LEAST_SECONDS))
                told.append((await screen.next("kpi"))["data"])
    assert len({json.dumps({k: v for k, v in one.items() if k != "at"}) for one in told}) == 1


async def test_the_wall_stream_holds_nothing_of_the_home():
    """The bytes of the wall's stream, snapshot and events, searched for every secret."""
    async with served() as house:
        token = await token_of(house)
        async with Screen(house, token, view="wall") as before:
            alert = await house.raised(smoke())
            await house.passes(31)
            async with httpx.AsyncClient(headers=before.headers, base_url=house.url) as desk:
                await desk.post(
                    f"{V}/alerts/{alert}/acknowledge", json={"version": 2, "note": "周阿婆 13800000921"}
                )
            async with Screen(house, token, view="wall") as after:
                await after.next("snapshot")
                while (await before.next("alert"))["data"]["state"] != "acknowledged":
                    pass
                body = "\n".join(before.raw + after.raw)
                assert "银杏小区 3 幢" in body
                assert [s for s in SECRETS_OF_THE_HOME if tells(s, body)] == []


async def test_a_removed_person_loses_the_open_stream():
    """Revocation reaches streams, not only requests."""
    async with served() as house, Screen(house, await token_of(house, "fang")) as screen:
        await screen.next("snapshot")
        await remove_user(house.stream, "fang")
        async with asyncio.timeout(20):
            with pytest.raises(EOFError):
                await screen.next("never")


async def test_a_screen_that_takes_nothing_is_let_go_and_holds_no_memory(monkeypatch):
    """It stops reading; its bounded queue ends it, the socket is closed, the others hear everything."""
    monkeypatch.setattr(gate, "SEND_SECONDS", 0.5)
    async with served() as house:
        token = await token_of(house)
        __reader, writer = await asyncio.open_connection(
            "127.0.0.1", int(house.url.rpartition(":")[2]), limit=1024
        )
        writer.write(f"GET {V}/live HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        await writer.drain()
        async with Screen(house, token) as quick:
            await quick.next("snapshot")
            while len(house.state.hub.listeners()) < 2:
                await asyncio.sleep(0.01)
            channel = next(iter(house.state.hub.channels.values()))
            big = json.dumps({"x": "y" * 100_000})
            async with asyncio.timeout(60):
                for _ in range(200):
                    channel.publish("noise", big)
                    # Read as it comes: however busy the machine is, this one is not behind.
                    while await anext(quick._lines) != "event: noise":
                        pass
                while len(house.state.hub.listeners()) > 1:
                    await asyncio.sleep(0.05)
        writer.close()


async def test_a_personal_view_hears_of_its_own_cases_and_of_losing_them():
    """The responder's stream: the offered case, and the word that it is none of theirs any more."""
    async with served() as house, Screen(house, await token_of(house, "responder"), view="responder") as lin:
        snapshot = await lin.next("snapshot")
        assert snapshot["data"]["kpi"] is None
        await house.raised(smoke("h0420", device="sos-0420"))  # offered to another micro-grid
        alert = await house.raised(smoke())
        offered = await lin.next("alert")
        assert offered["data"]["id"] == alert
        async with httpx.AsyncClient(headers=lin.headers, base_url=house.url) as phone:
            await phone.post(f"{V}/alerts/{alert}/decline", json={"version": 1})
        gone = await lin.next("alert")
        assert (gone["data"]["id"], gone["data"]["state"]) == (alert, "closed")
        assert "place" not in gone["data"]


async def test_the_role_stops_at_once_although_screens_are_open():
    """`run` serves until it is cancelled; an open stream does not hold it (ux 6.2), and it says that it lives."""
    from care.clock import SystemClock
    from care.stream import MemoryStream
    from dashboard_api.app import run
    from dashboard_api.people import add_user

    stream, up = MemoryStream(), asyncio.Event()
    await add_user(stream, "op", "operator", PASSWORD)
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    role = asyncio.create_task(
        run(stream=stream, clock=SystemClock(), host="127.0.0.1", port=port, public_url=url, started=up.set)
    )
    await asyncio.wait_for(up.wait(), 20)
    async with httpx.AsyncClient(base_url=url) as client:
        token = (await client.post(f"{V}/token", data={"username": "op", "password": PASSWORD})).json()[
            "access_token"
        ]
        headers = {"authorization": f"Bearer {token}"}
        async with client.stream("GET", f"{V}/live", headers=headers) as answer:
            assert await anext(answer.aiter_lines()) == "event: snapshot"
            assert await stream.keys(HEALTH) == ["beat.api"]
            began = asyncio.get_running_loop().time()
            role.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await role
            assert asyncio.get_running_loop().time() - began < 10  # an open stream would hold it for ever


async def test_the_wall_follows_the_desk_that_chose_last_and_nobody_else():
    """Newest choice first; an auditor, a hidden desk, a closed case and a screen long silent lead nobody."""
    async with served() as house:
        one = await house.raised(smoke())
        two = await house.raised(smoke("h0420", device="sos-0420"))
        state = house.state

        async def looks_at(alert, user="operator", **more):
            headers = {"authorization": f"Bearer {await token_of(house, user)}"}
            beat = {"screen": f"of {user}", "view": "desk", "focus": alert, **more}
            async with httpx.AsyncClient(base_url=house.url, headers=headers) as screen:
                assert (await screen.post(f"{V}/beats", json=beat)).status_code == 204

        def led_to():
            chosen = state.chosen(house.clock.now())
            return chosen and chosen["alert"]

        assert led_to() is None
        await looks_at(one)
        first = state.chosen(house.clock.now())
        house.clock.advance(timedelta(seconds=5))
        await looks_at(one)
        assert state.chosen(house.clock.now()) == first, "the same choice has the same time"
        house.clock.advance(timedelta(seconds=5))
        await looks_at(two, "fang")
        assert led_to() == two
        await looks_at(one, "auditor")
        await looks_at(one, "operator", view="wall")
        assert led_to() == two
        await looks_at(two, "fang", visible=False)
        assert led_to() is None
        await looks_at(one)
        house.clock.advance(timedelta(seconds=61))
        assert led_to() is None
        await looks_at("never heard of")
        assert led_to() is None
        assert "chosen" not in redact.duty(state.duty(house.clock.now()), "desk")


async def test_only_a_desk_at_which_somebody_may_act_counts_as_watched():
    """ux 6.4: an auditor or a relative whose page sounds can take nothing: the alarm of an unwatched desk goes on."""
    async with served() as house:

        async def beats(user, view="desk"):
            headers = {"authorization": f"Bearer {await token_of(house, user)}"}
            beat = {"screen": f"of {user}", "view": view, "audio": "running"}
            async with httpx.AsyncClient(base_url=house.url, headers=headers) as screen:
                assert (await screen.post(f"{V}/beats", json=beat)).status_code == 204

        await beats("auditor")
        await beats("family")
        await beats("fang", view="wall")
        assert house.state.watching() == {"desks": 0, "walls": 1, "audible": 0}
        assert not any(s.desk for s in house.state.picture.screens.values())
        await beats("operator")
        assert house.state.watching() == {"desks": 1, "walls": 1, "audible": 1}


def findings_of(house, monkeypatch):
    """Asks for the subjects of the findings that this house has published so far."""
    told = []
    publish = house.stream.publish

    async def noted(subject, data, **more):
        told.append(subject)
        return await publish(subject, data, **more)

    monkeypatch.setattr(house.stream, "publish", noted)
    return lambda: [one for one in told if one.startswith("findings.")]


async def test_a_desk_that_fell_asleep_while_the_service_was_away_is_missed_all_the_same(monkeypatch):
    """ux 6.4: when an audible desk was last heard outlives a restart; its page has a minute to come back."""
    house = House()
    await house.stream.put(HEALTH, folds.LAST_HEARD, iso(NOON - timedelta(minutes=9)).encode())
    unwatched = findings_of(house, monkeypatch)

    async with house:
        await asyncio.sleep(1)
        assert unwatched() == [], "it may still come back"
        house.clock.advance(timedelta(seconds=61))
        async with asyncio.timeout(5):
            while not unwatched():
                await asyncio.sleep(0.1)
        headers = {"authorization": f"Bearer {await token_of(house)}"}
        async with house.program("operator") as desk:
            beat = {"screen": "one", "view": "desk", "audio": "running"}
            assert (await desk.post(f"{V}/beats", json=beat, headers=headers)).status_code == 204
        async with asyncio.timeout(5):
            while len(unwatched()) < 2:
                await asyncio.sleep(0.1)
        kept = await house.stream.get(HEALTH, folds.LAST_HEARD)
        assert kept.data.decode() == iso(house.clock.now())


async def test_a_service_whose_first_desk_never_comes_says_so_over_a_restart_too(monkeypatch):
    """ux 6.4: since when no audible desk was ever heard is written down once; a restart does not begin the wait anew."""
    house = House()
    async with house, asyncio.timeout(10):
        while (kept := await house.stream.get(HEALTH, folds.NEVER_HEARD)) is None:
            await asyncio.sleep(0.1)
        assert kept.data.decode() == iso(NOON)
    house = House()
    unwatched = findings_of(house, monkeypatch)
    await house.stream.put(HEALTH, folds.NEVER_HEARD, iso(NOON - timedelta(minutes=9)).encode())
    async with house, asyncio.timeout(10):
        await asyncio.sleep(1)
        assert unwatched() == []
        house.clock.advance(timedelta(seconds=61))
        while not unwatched():
            await asyncio.sleep(0.1)
        kept = await house.stream.get(HEALTH, folds.NEVER_HEARD)
        assert kept.data.decode() == iso(NOON - timedelta(minutes=9))


async def test_what_was_said_of_a_silent_desk_before_a_restart_is_taken_back_after_it(monkeypatch):
    """ux 6.4: the case of an earlier start is open; the next audible beat says that it is over."""
    house = House()
    since = NOON - timedelta(minutes=9)
    await house.stream.put(HEALTH, folds.LAST_HEARD, iso(since).encode())
    before = Watch(audible_at=since).look(None, expected=True, home="zpq", now=NOON)
    monkeypatch.setattr(folds, "HEARTBEAT_SECONDS", 1.5)  # the case is there before the first look
    async with house, asyncio.timeout(20):
        await house.raised(before)
        unwatched = findings_of(house, monkeypatch)
        headers = {"authorization": f"Bearer {await token_of(house)}"}
        beat = {"screen": "one", "view": "desk", "audio": "running"}
        await asyncio.sleep(2)
        async with house.program("operator") as desk:
            assert (await desk.post(f"{V}/beats", json=beat, headers=headers)).status_code == 204
        while not unwatched():
            await asyncio.sleep(0.1)
        assert unwatched() == [before.subject]
