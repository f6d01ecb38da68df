"""Who says much waits for itself: turns, repeats and rubbish in the gateway, without a broker."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from care.clock import ManualClock
from care.messages import Refusal, Report, decode
from care.site import Community, Device, Home, Registry, Site
from care.stream import QUARANTINE, READINGS, MemoryStream
from care.words import Kind
from ingest import gateway
from ingest.broker import Arrived
from ingest.gateway import Gateway
from ingest.lanes import Fair
from ingest.normalize import Message, Normalizer

NOON = datetime(2026, 5, 23, 4, 0, tzinfo=UTC)
SITE = Site(
    community=Community(id="c", name="c"),
    homes=[
        Home(
            id=f"h{n}",
            devices=[Device(id=f"sos-{n}", kind=Kind.sos), Device(id=f"belt-{n}", kind=Kind.bed_belt)],
        )
        for n in (1, 2)
    ],
)


class Acks:
    """The broker's side: which messages were acknowledged, and what was said to devices."""

    def __init__(self) -> None:
        self.mids: list[int] = []
        self.said: list[str] = []

    def ack(self, arrived: Arrived) -> None:
        self.mids.append(arrived.mid)

    def send(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        self.said.append(topic)


class House:
    """A gateway whose broker is a list."""

    def __init__(self) -> None:
        self.clock, self.stream, self.acks, self.count = ManualClock(NOON), MemoryStream(), Acks(), 0

        async def nobody() -> AsyncIterator[Registry]:
            yield Registry(SITE)

        self.way = Gateway(
            stream=self.stream, clock=self.clock, registry_source=nobody(), mqtt_url="mqtt://x", client_id="x"
        )
        self.way._normalizer = Normalizer(Registry(SITE))
        self.way._broker = self.acks  # type: ignore[assignment]

    def hears(self, topic: str, payload: bytes) -> int:
        self.count += 1
        message = Message(topic, payload, self.clock.now(), qos=1)
        self.way.arrived(Arrived(message, topic, self.count, 0, self.clock.monotonic()))
        return self.count

    async def works(self) -> None:
        """Until everything that was heard is acknowledged."""
        way = self.way
        lanes = (*way._urgent, way._normal, way._quarantine)
        tasks = [asyncio.create_task(lane.run()) for lane in lanes]
        tasks += [
            asyncio.create_task(way._read(way._alarms, way._alarm_waits)),
            asyncio.create_task(way._read(way._telemetry, way._telemetry_waits)),
        ]
        try:
            async with asyncio.timeout(20):
                while len(self.acks.mids) < self.count:
                    await asyncio.sleep(0.01)
        finally:
            for task in tasks:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task


def test_devices_are_heard_in_turn() -> None:
    """Behind five thousand of one device the first of another is next, and each one's own stay in order."""
    queue = Fair()
    for n in range(5000):
        queue.put(Arrived(Message("flood", b"", NOON), "flood", n, 0, 1.0))
    queue.put(Arrived(Message("sos", b"", NOON), "sos", 9999, 0, 2.0))
    assert sorted(queue.oldest()) == [1.0, 2.0]
    taken = [queue.take().mid for _ in range(len(queue))]
    assert taken[1] == 9999
    assert [mid for mid in taken if mid != 9999] == list(range(5000))
    assert not len(queue)


async def test_an_sos_is_stored_before_the_rubbish_of_another_button() -> None:
    """Two thousand unreadable messages of one SOS button came first; the press of the other home is among the first stored."""
    house = House()
    for n in range(2000):
        house.hears("anxin/v1/h1/sos-1", b"{%d" % n)
    house.hears("anxin/v1/h2/sos-2", b'{"sos": true, "seq": 1}')
    await house.works()
    assert [decode(m.data, Report).device for m in house.stream.messages(READINGS)] == ["sos-2"]
    assert house.acks.mids.index(house.count) < 64


async def test_an_unreadable_alarm_tells_people_and_a_flood_of_them_is_counted() -> None:
    """The first ones are alarms; all are acknowledged; the quarantine accounts for each of them."""
    house = House()
    for n in range(500):
        house.hears("anxin/v1/h1/sos-1", b"{%d" % n)
    await house.works()
    summing = asyncio.create_task(house.way._record_sums())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gateway, "SUMS_SECONDS", 0.01)
        async with asyncio.timeout(20):
            while sum(r.times for r in refusals(house)) < 500:
                await asyncio.sleep(0.02)
    summing.cancel()
    told = refusals(house)
    assert sum(r.times for r in told) == 500
    assert 1 <= sum(r.alarm for r in told) <= gateway.ALARMS_EACH[0]
    assert len(told) < 40
    house.clock.advance(timedelta(minutes=1))
    house.hears("anxin/v1/h1/sos-1", b"{again")
    await house.works()
    assert refusals(house)[-1].alarm, "a minute later it is news again"


def refusals(house: House) -> list[Refusal]:
    return [decode(m.data, Refusal) for m in house.stream.messages(QUARANTINE)]


class Strict(MemoryStream):
    """As JetStream: a batch is of one stream, and one that holds a repeat is refused as a whole."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[list[str | None]] = []

    async def publish_batch(self, messages):  # type: ignore[no-untyped-def]
        names = [m.message_id for m in messages]
        assert len({m.subject.partition(".")[0] for m in messages}) == 1
        assert len(set(names)) == len(names)
        self.batches.append(names)
        await super().publish_batch(messages)


async def test_repeats_do_not_cost_a_batch() -> None:
    """The same report again, at once or later, is acknowledged and not said to the stream again."""
    house = House()
    house.stream = house.way.stream = Strict()
    for n in range(50):
        house.hears("anxin/v1/h1/belt-1", b'{"heart_rate": 70, "seq": %d}' % (n // 2))
        house.hears("anxin/v1/h1/sos-1", b'{"sos": true, "heart_rate": "x", "seq": %d}' % (n // 10))
    await house.works()
    house.hears("anxin/v1/h1/belt-1", b'{"heart_rate": 70, "seq": 3}')
    await house.works()
    stored = [decode(m.data, Report) for m in house.stream.messages(READINGS)]
    assert sorted(r.seq or 0 for r in stored if r.device == "belt-1") == list(range(25))
    assert sorted(r.seq or 0 for r in stored if r.device == "sos-1") == list(range(5))
    assert len(house.acks.mids) == house.count
