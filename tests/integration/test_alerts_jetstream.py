"""The alerts role on a real nats-server: a flood of calls, two hundred hands on one case, a dead gateway."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

import pytest

from alerts import notify
from alerts.alert import Alert
from alerts.commands import append
from alerts.events import Delivery, Purpose, Told, Transition, Why
from alerts.telling import address_of
from alerts.worker import Worker
from anxin.jetstream import JetStream
from care.clock import SystemClock
from care.messages import decode, encode
from care.site import Registry
from care.sitefile import read_site
from care.stream import DELIVERIES, REGISTRY, Outgoing
from care.words import Level
from dashboard_api.people import make_demo_users
from tests.integration.test_api_house import CLOSING, PASSWORD, V
from tests.integration.test_api_house import SITE as API_SITE
from tests.integration.test_api_jetstream import api
from tests.unit.test_alert_house import SITE, a_finding
from tests.unit.test_alert_worker import Phones

if TYPE_CHECKING:
    from tests.conftest import NatsForTests

CALLS = 500
DECIDED_WITHIN = 5.0
"""Seconds, for five hundred calls in one second. Counted in work of this process (worker, client and test together), so
that a busy machine does not fail it: it fails neither by luck nor by load."""


@contextlib.asynccontextmanager
async def working(stream: JetStream, registry: Registry) -> AsyncIterator[Worker]:
    worker = Worker(stream, SystemClock(), registry)
    task = asyncio.create_task(worker.run())
    try:
        yield worker
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def pages(stream: JetStream, count: int, seconds: float) -> list[Delivery]:
    found: list[Delivery] = []
    async with asyncio.timeout(seconds):
        async for tasks in stream.work(
            DELIVERIES, worker="notify", subjects=["deliveries.urgent.>"], batch=256
        ):
            found += [decode(t.stored.data, Delivery) for t in tasks]
            await asyncio.gather(*(t.ack() for t in tasks))
            if len(found) >= count:
                break
    return found


async def test_five_hundred_calls_in_a_second(fresh_nats: NatsForTests) -> None:
    """Every first page is decided and queued within 5 s, none twice."""
    homes = "\n".join(f"  - {{id: x{n:03}, micro_grid: g05-2}}" for n in range(CALLS))
    head, _, _rest = SITE.replace("staff:\n", homes + "\nstaff:\n", 1).partition("shifts:\n")
    # Without shifts everybody is on duty, whatever the time of day.
    # And nothing escalates meanwhile, however slow the machine is.
    policy = "policy: {acknowledge_seconds: 3600, arrive_minutes: 240}\n"
    registry = Registry(read_site(head + policy))
    stream = await JetStream.open(fresh_nats.stream_url)
    clock = SystemClock()
    async with working(stream, registry) as one:
        said = []
        for n in range(CALLS):
            f = a_finding(f"s{n}", at=clock.now(), home=f"x{n:03}", code="SOS1", cause="sos", quantity="sos",
                          device=f"b{n}", pictogram="sos", seq=n)  # fmt: skip
            said.append(Outgoing(f.subject, encode(f), f.event_id))
        begun = time.process_time()
        await stream.publish_batch(said)
        found = await pages(stream, 3 * CALLS, 150)
        took = time.process_time() - begun
        await asyncio.sleep(0.5)
        assert await stream.head(DELIVERIES) >= 4 * CALLS, "three people and the device"
    first = Counter(d.person for d in found if d.reason is Why.opened)
    assert first == {"s01": CALLS, "s02": CALLS, "s07": CALLS}
    assert len({d.id for d in found}) == len(found)
    assert sorted(a.number for a in one.desk.open() if a.cause == "sos") == sorted(
        {a.number for a in one.desk.open() if a.cause == "sos"}
    )
    assert took <= DECIDED_WITHIN, f"the last first page was queued after {took:.1f} s of work"
    await stream.close()


async def test_two_hundred_hands_on_one_case(fresh_nats: NatsForTests) -> None:
    """Two API processes, two hundred orders at once: one acknowledgement and one closing win, no note is lost."""
    clock = SystemClock()
    stream = await JetStream.open(fresh_nats.stream_url)
    registry = Registry(read_site(API_SITE))
    await stream.put(REGISTRY, "site", encode(registry.site))
    await make_demo_users(stream, registry, PASSWORD)
    async with working(stream, registry), api(stream, clock) as one, api(stream, clock) as two:
        f = a_finding(at=clock.now())
        await stream.publish(f.subject, encode(f), message_id=f.event_id)
        async with asyncio.timeout(10):
            while not all([(await c.get(f"{V}/alerts")).json()["items"] for c in (one, two)]):
                await asyncio.sleep(0.02)
        alert = (await one.get(f"{V}/alerts")).json()["items"][0]["id"]
        seen = (await one.get(f"{V}/alerts/{alert}")).json()["version"]
        both = (one, two)

        async def give(n: int, command: str, **body: object) -> tuple[str, int]:
            answer = await both[n % 2].post(f"{V}/alerts/{alert}/{command}", json={"version": seen, **body})
            return command, answer.status_code

        orders = [
            give(n, "dispatch", responders=["s07" if n % 4 < 2 else "s08"], note=f"d{n}") for n in range(50)
        ]
        orders += [give(n, "note", note=f"note {n}") for n in range(100)]
        orders += [give(n, "hold", seconds=1 + n) for n in range(25)]
        orders += [give(n, "close", **{**CLOSING, "note": f"c{n}"}) for n in range(25)]
        results = Counter(await asyncio.gather(*orders))
        assert {status for _, status in results} <= {200, 409}, results
        won = [command for (command, status), n in results.items() if status == 200 and command != "note"]
        assert results["note", 200] == 100, "whatever else happened, a note may be written"
        assert len(won) == 1, "of all that decide on what they saw, one"
        assert results[won[0], 200] == 1
        log = (await two.get(f"{V}/alerts/{alert}/events")).json()["items"]
        kept = {e["note"] for e in log if e["type"] == "noted"}
        assert {f"note {n}" for n in range(100)} <= kept
        versions = [e["version"] for e in log]
        assert versions == sorted(versions)
        states = [(await c.get(f"{V}/alerts/{alert}")).json()["version"] for c in both]
        assert states[0] == states[1]
    await stream.close()


async def test_a_red_page_waits_behind_no_calm_message(
    fresh_nats: NatsForTests, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many notes as the stream hands out of a queue, and more, wait for the end of quiet hours; an SOS is sent."""
    monkeypatch.setattr(notify, "CALM_AT_HAND", 1)  # the stream's own least is four batches
    full, waiting = 4 * 64, 300
    head, *_ = SITE.partition("shifts:\n")
    # Quiet round the clock: notes to the family wait for hours, whatever the time is.
    asleep = head.replace(', notify: ["json', ', quiet: {from: "00:00", to: "24:00"}, notify: ["json')
    registry = Registry(read_site(asleep))
    stream = await JetStream.open(fresh_nats.stream_url)
    clock, phones = SystemClock(), Phones()
    async with working(stream, registry) as one:
        yellow = a_finding("y", at=clock.now(), level=Level.yellow, code="BD1", cause="bed", life=False)
        await stream.publish(yellow.subject, encode(yellow), message_id=yellow.event_id)
        await until(lambda: bool(one.desk.open()))
        (case,) = one.desk.open()
        told = tuple(
            Delivery(
                id=f"note{n}", alert=case.id, number=case.number, home=case.home, generation=1, step=0,
                person="c0317b", channel="json", address=address_of("json://127.0.0.1:1/son"), reason=Why.joined,
                purpose=Purpose.inform, level=Level.yellow, due_at=clock.now(), nth=n,
            )
            for n in range(waiting)
        )  # fmt: skip
        notes = Transition(
            alert=case.id, number=case.number, home=case.home, version=case.version, at=clock.now(),
            events=(Told(at=clock.now(), deliveries=told),),
        )  # fmt: skip
        await append(stream, notes, expect_last=one.follower.position_of(case.id))
        await until(lambda: len(one.desk.alerts[case.id].deliveries) >= waiting)
        sender = asyncio.create_task(
            notify.run(stream=stream, clock=clock, channel=phones, public_url="http://h", registry=registry)
        )
        try:
            await until(lambda: held(one.desk.alerts[case.id]) >= full)
            assert held(one.desk.alerts[case.id]) < waiting, "the queue is not full: nothing would be shown"
            f = a_finding("s", at=clock.now(), code="SOS1", cause="sos", quantity="sos", device="sos-0317")
            await stream.publish(f.subject, encode(f), message_id=f.event_id)
            await until(lambda: "s07" in phones.names)
            assert held(one.desk.alerts[case.id]) < waiting
        finally:
            sender.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sender
    await stream.close()


def held(alert: Alert) -> int:
    """How many of its messages wait for the end of somebody's quiet hours."""
    return sum(1 for d in alert.deliveries if d.pending and d.detail == "quiet_hours")


async def until(there: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not there():
            await asyncio.sleep(0.02)
