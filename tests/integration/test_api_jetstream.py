"""The API on a real nats-server: the reference case, a restart, and two API processes that race."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from typing import TYPE_CHECKING

import httpx

from alerts.desk import Desk
from anxin.jetstream import JetStream
from care.clock import SystemClock
from care.messages import encode
from care.site import Registry
from care.sitefile import read_site
from care.stream import DELIVERIES, REGISTRY
from dashboard_api.app import create_app
from dashboard_api.people import make_demo_users, remove_user
from tests.integration.test_api_house import CLOSING, PASSWORD, SITE, V, report, smoke

if TYPE_CHECKING:
    from tests.conftest import NatsForTests


@contextlib.asynccontextmanager
async def api(stream, clock):
    """One API process, with a signed-in operator."""
    app = create_app(stream=stream, clock=clock)
    async with app.router.lifespan_context(app):
        async with asyncio.timeout(30):
            await app.state.house.people.ready.wait()
            await app.state.house.caught_up.wait()
            await app.state.house.registered.wait()
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            answer = await client.post(f"{V}/token", data={"username": "operator", "password": PASSWORD})
            client.headers["authorization"] = f"Bearer {answer.json()['access_token']}"
            client.house = app.state.house
            yield client


async def test_the_reference_case_survives_a_restart_and_a_race(fresh_nats: NatsForTests) -> None:
    """Two processes on one log: one wins, both agree; a third, started later, sees the same; removal reaches all."""
    clock = SystemClock()
    stream = await JetStream.open(fresh_nats.stream_url)
    registry = Registry(read_site(SITE))
    await stream.put(REGISTRY, "site", encode(registry.site))
    await make_demo_users(stream, registry, PASSWORD)
    numbers = itertools.count(317)
    desk = Desk(registry, numbers=lambda: next(numbers))
    async with api(stream, clock) as one, api(stream, clock) as two:
        change = desk.on_finding(smoke(at=clock.now()), clock.now())[0]
        await stream.publish(change.subject, encode(change))
        r = report("smoke-0317", clock.now(), smoke=True)
        await stream.publish(r.subject, encode(r))
        async with asyncio.timeout(20):
            while not all([(await c.get(f"{V}/alerts")).json()["items"] for c in (one, two)]):
                await asyncio.sleep(0.02)
        alert = change.alert
        answers = await asyncio.gather(
            *(c.post(f"{V}/alerts/{alert}/dispatch", json={"version": 1, "responders": [who]})
              for c, who in ((one, "s07"), (two, "s08")))
        )  # fmt: skip
        assert sorted(a.status_code for a in answers) == [200, 409]
        assert next(a for a in answers if a.status_code == 409).json()["reason"] == "version_conflict"
        queued = await asyncio.wait_for(
            anext(aiter(stream.work(DELIVERIES, worker="w", subjects=["deliveries.urgent.>"]))), 20
        )
        assert queued
        async with asyncio.timeout(20):
            while (await two.get(f"{V}/homes/h0317/strip")).json()["rows"][0]["alarm"] is not True:
                await asyncio.sleep(0.02)
        version = (await one.get(f"{V}/alerts/{alert}")).json()["version"]
        closed = await one.post(f"{V}/alerts/{alert}/close", json={"version": version, **CLOSING})
        assert closed.status_code == 200, closed.text
    async with api(stream, clock) as late:
        told = (await late.get(f"{V}/alerts/{alert}")).json()
        assert (told["state"], told["outcome"]["cause"]) == ("closed", "C02")
        # Let go of it, then read it from its log.
        late.house.picture.cases.clear()
        assert (await late.get(f"{V}/alerts/{alert}")).json()["number"] == 317
        await remove_user(stream, "operator")
        async with asyncio.timeout(20):
            while (await late.get(f"{V}/session")).status_code != 401:
                await asyncio.sleep(0.02)
    await stream.close()
