"""An SOS behind its own connection's flood, and beside others': the doorman before a real broker."""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Iterator

import pytest

from anxin.doorman import connection, flow
from care.messages import encode
from care.stream import REGISTRY
from tests.conftest import NatsForTests
from tests.integration.doorman_house import SITE, Device, Front, front, packet, private_broker, publish_packet

BELT, SOS = "anxin/v1/h1/d1", "anxin/v1/h1/sos-h1"
PULSE = b'{"heart_rate":72}'


@pytest.fixture(scope="module")
def server() -> Iterator[NatsForTests]:
    """One broker for all."""
    with private_broker() as found:
        yield found


async def known(house: Front) -> None:
    """The doorman has read the site."""
    await house.stream.put(REGISTRY, "site", encode(SITE))
    async with asyncio.timeout(20):
        while house.door.registry is None:
            await asyncio.sleep(0.01)


async def test_a_flood_waits_in_its_sender(server: NatsForTests) -> None:
    """Beyond the pace a connection is not read: it loses nothing, and others are not held up."""
    async with front(server, pace=(50.0, 100.0)) as house:
        rude, polite = await Device.connect(house.port, "rude"), await Device.connect(house.port, "polite")
        began = time.monotonic()
        rude.writer.write(b"".join(publish_packet("anxin/v1/h1/d1", b"{}", n) for n in range(1, 301)))
        await rude.writer.drain()
        acknowledged = [await rude.receive() for _ in range(50)]
        rude.number = 300
        last = asyncio.create_task(polite_after(rude, 250))
        for _ in range(5):
            await polite.publish("anxin/v1/h2/sos")
        assert not last.done(), "the polite one is heard while the rude one waits"
        acknowledged += await last
        assert [body for _, body in acknowledged] == [struct.pack(">H", n) for n in range(1, 302)]
        assert time.monotonic() - began > (300 - 50) / 100 - 0.2


async def polite_after(device: Device, count: int) -> list[tuple[int, bytes]]:
    """What a device that goes on after a flood is answered: the rest of the flood, and one message more."""
    device.writer.write(publish_packet("anxin/v1/h1/d1", b"{}", device.number + 1))
    return [await device.receive() for _ in range(count + 1)]


@pytest.mark.parametrize("qos", [0, 1])
@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        (SOS, b"anything at all"),
        ("zigbee2mqtt/h1/kitchen smoke/smoke", b"true"),
        ("zigbee2mqtt/h1/unknown button", b'{"action":"emergency"}'),
        (BELT, b'{"heart_rate":72,"sos":true}'),
    ],
)
async def test_an_alarm_passes_the_flood_before_it(
    server: NatsForTests, qos: int, topic: str, payload: bytes
) -> None:
    """By its device or by its words: behind 3,000 messages at 100 a second it is heard at once, not after half a minute."""
    async with front(server, pace=(50.0, 100.0)) as house:
        await known(house)
        ingest, gateway = await house.ingest(), await house.device("gateway")
        gateway.writer.write(
            b"".join(publish_packet(BELT, PULSE, n * qos) for n in range(1, 3001))
            + publish_packet(topic, payload, 3001)
        )
        async with asyncio.timeout(10):
            while (found := await ingest.message())[1] != payload:
                assert found == (BELT, PULSE)
        assert house.door.flow._size > 0, "the flood waits"


async def test_a_device_that_floods_with_its_own_words_is_still_heard(server: NatsForTests) -> None:
    """A smoke detector that says a thousand times that there is none, and then that there is."""
    async with front(server, pace=(20.0, 10.0)) as house:
        await known(house)
        ingest, gateway = await house.ingest(), await house.device("gateway")
        topic = "zigbee2mqtt/h1/kitchen smoke"
        flood = b"".join(
            publish_packet(topic, b'{"smoke":false,"battery":%d}' % (n % 100), n) for n in range(1, 1001)
        )
        gateway.writer.write(flood + publish_packet(topic, b'{"smoke":true}', 1001))
        before = 0
        async with asyncio.timeout(10):
            while b"true" not in (await ingest.message())[1]:
                before += 1
        assert before < 200


async def test_what_has_no_room_is_cut_counted_and_told(
    server: NatsForTests, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Acknowledged only when the record is durable; of what was not cut every message is passed on and acknowledged."""
    monkeypatch.setattr(flow, "HELD", 100)
    async with front(server, pace=(50.0, 200.0)) as house:
        await known(house)
        gateway, other = await house.device("gateway"), await house.device("other")
        await gateway.publish(BELT, PULSE)
        gateway.writer.write(b"".join(publish_packet(BELT, PULSE, n) for n in range(2, 1001)))
        gateway.writer.write(publish_packet(SOS, b'{"sos":true}', 1001))
        await other.publish("anxin/v1/h2/sos-h2")
        answered = {struct.unpack(">H", (await gateway.receive())[1])[0] for _ in range(1000)}
        assert answered == set(range(2, 1002)), "everything is answered"
        told = [r for r in await house.refusals(1) if r.reason == "flood"]
        assert told
        assert {r.topic for r in told} == {BELT}
        assert all(not r.alarm for r in told)
        assert 500 < sum(r.times for r in told) <= 1000 - 100


async def test_nothing_that_was_cut_is_acknowledged_before_it_is_durable(
    server: NatsForTests, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the stream is away those acknowledgements wait, and in the end the connection is not read: the sender keeps it."""
    monkeypatch.setattr(flow, "HELD", 10)
    monkeypatch.setattr(connection, "CUT", 50)
    monkeypatch.setattr(connection, "TELL_SECONDS", 0.01)
    async with front(server, pace=(1.0, 1.0)) as house:
        records = house.door._quarantine
        let_go = asyncio.Event()
        store = records._store

        async def later(taken: object) -> None:
            await let_go.wait()
            await store(taken)  # type: ignore[arg-type]

        monkeypatch.setattr(records, "_store", later)
        gateway = await house.device("gateway")
        gateway.writer.write(publish_packet(BELT, PULSE, 1))
        await gateway.receive()
        await asyncio.sleep(0.1)
        gateway.writer.write(b"".join(publish_packet(BELT, PULSE, n) for n in range(2, 202)))
        door = next(iter(house.door._shared.doors))
        async with asyncio.timeout(10):
            while not door.stalled:
                await asyncio.sleep(0.01)
        assert door.cut_waiting == 50
        let_go.set()
        answered: set[bytes] = set()
        async with asyncio.timeout(20):
            while len(answered) < 150:
                answered.add((await gateway.receive())[1])
        assert door.cut_waiting <= 50


async def test_a_farewell_behind_a_flood_waits_for_it(server: NatsForTests) -> None:
    """A program that says 300 things with QoS 0, takes its leave and is gone: all of them are heard, and its will is not."""
    async with front(server, pace=(50.0, 500.0)) as house:
        ingest = await house.ingest()
        program = await house.device("program", will=("anxin/v1/h1/status", b"offline"))
        program.writer.write(
            b"".join(publish_packet(BELT, b"%d" % n) for n in range(300)) + packet(0xE0, b"")
        )
        await program.writer.drain()
        program.writer.close()
        said = [await ingest.message() for _ in range(300)]
        assert said == [(BELT, b"%d" % n) for n in range(300)]
        with pytest.raises(TimeoutError):
            await ingest.message(0.5)


async def test_a_flood_over_many_connections_takes_turns(
    server: NatsForTests, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sixty gateways that each stay below their own pace: together they are slowed, and an innocent SOS is heard at once."""
    async with front(server) as house:
        await known(house)
        monkeypatch.setattr(house.door.flow._all, "burst", 200.0)
        monkeypatch.setattr(house.door.flow._all, "per_second", 300.0)
        ingest = await house.ingest()
        gateways = [await house.device(f"gateway-{n}") for n in range(60)]
        innocent = await house.device("innocent")
        for gateway in gateways:
            gateway.writer.write(b"".join(publish_packet(BELT, PULSE) for _ in range(100)))
        async with asyncio.timeout(10):
            while house.door.flow._size < 3_000 * len(PULSE):
                await asyncio.sleep(0.01)
        innocent.writer.write(publish_packet("anxin/v1/h2/temperature", b"21.5", 1))
        innocent.writer.write(publish_packet("anxin/v1/h2/sos-h2", b'{"sos":true}', 2))
        wanted = {"anxin/v1/h2/temperature", "anxin/v1/h2/sos-h2"}
        async with asyncio.timeout(5):
            while wanted:
                wanted.discard((await ingest.message())[0])
        assert house.door.flow._size > 0, "it waits for a turn, not for the flood"
