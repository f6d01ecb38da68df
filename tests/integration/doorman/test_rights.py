"""Nobody is let in as somebody else, and a gateway speaks and hears for its own homes only."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
import structlog

from anxin import doorman
from anxin.doorman import add_gateway, gateways, remove_gateway
from care import topics
from care.errors import Conflict, Misconfigured, Temporary
from care.messages import Beat, decode
from care.stream import HEALTH, PEOPLE, MemoryStream
from tests.conftest import NatsForTests
from tests.integration.doorman_house import (
    NOON,
    SHARED,
    Device,
    Front,
    Refused,
    connect_packet,
    front,
    gateway_house,
)

# -- who is who


async def test_client_ids_are_apart(own_server: NatsForTests):
    """S02: with another one's client id a device neither disturbs it nor gets its messages; ingest's is out of reach."""
    async with front(own_server, sign_in=SHARED) as house:
        first, _ = await gateway_house(house)
        bridge = await house.device("same", user=SHARED[0], password=SHARED[1], clean=False)
        await bridge.subscribe("zigbee2mqtt/h1/#")
        gateway = await house.device("same", user="gw-h1", password=first, clean=False)
        assert not gateway.session_present
        await bridge.publish("zigbee2mqtt/h1/x", b"1")
        assert await bridge.message() == ("zigbee2mqtt/h1/x", b"1")
        thief = await house.device(
            own_server.client_id, user=SHARED[0], password=SHARED[1], clean=True
        )  # would erase our session if it were the same
        thief.close()
        ingest = await Device.connect(
            own_server.part.mqtt.port,
            own_server.client_id,
            user="ingest",
            password=own_server.part.kept.passwords["ingest"],
            clean=False,
        )
        assert ingest.session_present
        assert await ingest.message() == ("zigbee2mqtt/h1/x", b"1")


async def test_a_session_is_kept_for_its_owner(house: Front):
    """What came while a persistent device was away is delivered when it is back, through the doorman."""
    name = "sleeper"
    device = await house.device(name, clean=False)
    await device.subscribe("zigbee2mqtt/sleeper/set")
    device.close()
    await asyncio.sleep(0.1)
    other = await house.device()
    for n in range(3):
        await other.publish("zigbee2mqtt/sleeper/set", b"%d" % n)
    device = await house.device(name, clean=False)
    assert device.session_present
    assert [(await device.message())[1] for _ in range(3)] == [b"0", b"1", b"2"]
    device = await house.device(name, clean=True)
    assert not device.session_present


async def test_nobody_passes_by_the_doorman(own_server: NatsForTests):
    """S04: the broker's own listener asks for a secret only the doorman has, and no device speaks NATS."""
    async with front(own_server, sign_in=SHARED) as house:
        secret, _ = await gateway_house(house)
        for user, password in ((None, None), SHARED, ("gw-h1", secret), ("device", "device")):
            with pytest.raises(Refused):
                await Device.connect(own_server.part.mqtt.port, "x", user=user, password=password)
        for user, password in (SHARED, ("gw-h1", secret), own_server_device(own_server)):
            reader, writer = await asyncio.open_connection("127.0.0.1", own_server.part.client.port)
            await reader.readline()
            writer.write(
                f'CONNECT {{"user": "{user}", "pass": "{password}", "verbose": true}}\r\nPING\r\n'.encode()
            )
            async with asyncio.timeout(20):
                assert b"Authorization Violation" in await reader.read()
            writer.close()


def own_server_device(server: NatsForTests) -> tuple[str, str]:
    return "device", server.part.kept.passwords["device"]


async def test_the_shared_sign_in_works_as_before(server: NatsForTests, monkeypatch: pytest.MonkeyPatch):
    """Right: in. Wrong or none: refused with 5, late, and no secret is in any log line."""
    monkeypatch.setattr(doorman, "WRONG_SECONDS", (0.05, 0.1))
    with structlog.testing.capture_logs() as lines:
        async with front(server, sign_in=SHARED) as house:
            device = await house.device("x", user=SHARED[0], password=SHARED[1])
            await device.publish("anxin/v1/h/d")
            for user, password in (
                (SHARED[0], "wrong-password"),
                ("nobody", SHARED[1]),
                (None, None),
                (SHARED[0], None),
            ):
                with pytest.raises(Refused, match="5"):
                    await house.device("x", user=user, password=password)
    told = str(lines)
    assert "client_closed" in told
    assert SHARED[1] not in told
    assert "wrong-password" not in told


async def test_guessing_is_slow_and_locks_nobody_out(server: NatsForTests, monkeypatch: pytest.MonkeyPatch):
    """S09: 300 guesses at once get a few late answers; meanwhile a device of the same address is let in at once."""
    monkeypatch.setattr(doorman, "WRONG_SECONDS", (2.0, 3.0))
    async with front(server, sign_in=SHARED) as house:
        answered: list[int] = []

        async def guess(n: int) -> None:
            reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
            writer.write(connect_packet("x", SHARED[0], f"guess-number-{n}"))
            with contextlib.suppress(ConnectionError):
                if await reader.read():
                    answered.append(n)
            writer.close()

        guesses = [asyncio.create_task(guess(n)) for n in range(300)]
        await asyncio.sleep(0.1)
        device = await house.device("y", user=SHARED[0], password=SHARED[1])
        await device.publish("anxin/v1/h/sos")
        assert not answered, "it was let in before the first guess was answered"
        await asyncio.gather(*guesses)
        assert len(answered) <= doorman.WRONG_WAITING
        async with asyncio.timeout(10):  # whoever keeps the service is told in the doorman's sign of life
            while True:
                entry = await house.stream.get(HEALTH, "beat.doorman")
                told = decode(entry.data, Beat).detail if entry is not None and entry.data is not None else ""
                if told.endswith("300 sign-ins refused within an hour (loopback 300)"):
                    break
                await asyncio.sleep(0.05)


# -- rights


async def test_a_gateway_speaks_for_its_homes_only(server: NatsForTests):
    """S01: on another home's topic it is acknowledged, not delivered, and recorded without what it said."""
    async with front(server, sign_in=SHARED) as house:
        secret, _ = await gateway_house(house)
        ingest = await house.ingest()
        gateway = await house.device("z2m", user="gw-h1", password=secret)
        for topic in ("anxin/v1/h2/sos-h2", "zigbee2mqtt/h2/kitchen smoke", "zigbee2mqtt/bridge/state", "x"):
            await gateway.publish(topic, b"private")
        mine = [
            "anxin/v1/h1/sos-h1",
            "zigbee2mqtt/h1/kitchen smoke",
            "zigbee2mqtt/h1/bridge/state",
            "anxin/v1/h1/status",
        ]
        for topic in mine:
            await gateway.publish(topic)
        heard = [topics.unescape((await ingest.message())[0]) for _ in mine]
        found = await house.refusals(4)
    assert heard == mine
    assert {r.topic for r in found} == {
        "anxin/v1/h2/sos-h2",
        "zigbee2mqtt/h2/kitchen smoke",
        "zigbee2mqtt/bridge/state",
        "x",
    }
    assert {(r.home, r.alarm, r.sample) for r in found} == {(None, False, "")}
    assert all("gw-h1" in r.detail for r in found)


@pytest.mark.parametrize(
    "name", ["gateway.h0317", "王奶奶 网关", "a b", ".", "*", ">", "a>b", "50%", "a/b", "$x"]
)
async def test_any_client_id_that_mqtt_allows_is_let_in(house: Front, name: str):
    """Dots and spaces are usual in them, nats-server refuses both; each keeps a session of its own."""
    other = name.replace(".", "%2E").replace(" ", "%20").replace("*", "%2A").replace(">", "%3E")
    device = await house.device(name, clean=False)
    await device.subscribe("zigbee2mqtt/sleeper/set")
    device.close()
    again = await comes_in(house, name, clean=False)
    assert again.session_present
    if other != name:
        neighbour = await house.device(other, clean=False)
        assert not neighbour.session_present
        neighbour.close()
    again.close()
    await (await comes_in(house, name, clean=True)).publish("anxin/v1/h1/sos-h1")


async def comes_in(house: Front, name: str, *, clean: bool) -> Device:
    """As a device does: again when it was closed. The broker keeps out for a second who takes its own place twice."""
    async with asyncio.timeout(20):
        while True:
            with contextlib.suppress(EOFError, ConnectionError):
                device = await house.device(name, clean=clean)
                await device.publish("anxin/v1/h1/sos-h1")
                return device
            await asyncio.sleep(0.2)


HOSTILE = ("anxin/v1/h2/sos-h2", "anxin/v1/h2/status", "zigbee2mqtt/h2/kitchen smoke", "zigbee2mqtt/bridge/devices",
           "$SYS/broker/uptime", "$MQTT/sess/x", "$JS/API/STREAM/DELETE/READINGS", "$share/g/anxin/v1/h2/x",
           "anxin/v1/+/sos-h2", "#")  # fmt: skip


async def test_a_hostile_gateway_gets_nowhere_and_the_log_tells_without_its_secrets(own_server: NatsForTests):
    """Retained poison on another's topic, `$` topics, wildcards, others' names, an endless client id: refused and said."""
    with structlog.testing.capture_logs() as logs:
        async with front(own_server, sign_in=SHARED) as house:
            mine, theirs = await gateway_house(house)
            gateway = await house.device("z2m", user="gw-h1", password=mine)
            for topic in HOSTILE:
                await gateway.publish(topic, b"poison", flags=1)
            for user, password in (("gw-h2", mine), ("gw-h1", theirs), ("gw-h9", mine), ("gw-h1", "")):
                with pytest.raises(Refused):
                    await house.device("z2m", user=user, password=password)
            with pytest.raises(Refused):
                await house.device("x" * 65_000, user="gw-h1", password=mine)
            await gateway.publish("anxin/v1/h1/sos-h1", b"help", flags=1)  # it is still there, and heard
            late = await house.ingest()
            heard = {(await late.message())[0]}
            with contextlib.suppress(TimeoutError):
                while True:
                    heard.add((await late.message(0.5))[0])
            found = await house.refusals(len(HOSTILE))
    assert "anxin/v1/h1/sos-h1" in heard
    assert not heard & {topics.escape(topic) for topic in HOSTILE if "+" not in topic and "#" not in topic}
    assert [r.topic for r in found] == list(HOSTILE)
    assert {(r.home, r.alarm, r.sample) for r in found} == {(None, False, "")}
    told = [entry for entry in logs if entry["event"] == "message_refused"]
    assert {entry["topic"] for entry in told} <= set(HOSTILE)
    assert told
    assert all(entry["user"] == "gw-h1" for entry in told)
    assert {"its client id cannot be used", "wrong name or password"} <= {e.get("why") for e in logs}
    for secret in (mine, theirs, SHARED[1], "poison"):
        assert secret not in repr(logs)


async def test_a_gateway_hears_its_own_only(server: NatsForTests):
    """S03: each filter has its own answer; its acknowledgements and commands come."""
    async with front(server, sign_in=SHARED) as house:
        secret, _ = await gateway_house(house)
        gateway = await house.device("z2m", user="gw-h1", password=secret)
        wanted = {
            "anxin/v1/h1/+/ack": 1,
            "zigbee2mqtt/h1/+/set": 1,
            "#": 128,
            "$SYS/#": 128,
            "$MQTT/#": 128,
            "anxin/v1/+/+/ack": 128,
            "zigbee2mqtt/#": 128,
            "a/b#": 128,
            "zigbee2mqtt/h1/bridge/request/#": 1,
        }
        assert await gateway.subscribe(*wanted) == list(wanted.values())
        ingest = await house.ingest()
        for topic in (
            "anxin/v1/h2/sos-h2/ack",
            "zigbee2mqtt/h2/x/set",
            "anxin/v1/h1/sos-h1/ack",
            "zigbee2mqtt/h1/x/set",
        ):
            await ingest.publish(topic)
        heard = {(await gateway.message())[0] for _ in range(2)}
    assert heard == {"anxin/v1/h1/sos-h1/ack", "zigbee2mqtt/h1/x/set"}


async def test_the_shared_sign_in_may_not_listen_to_everything(house: Front):
    """S03 for devices without a credential of their own: the broker's own list holds."""
    device = await house.device()
    assert (
        await device.subscribe(
            "#", "$SYS/#", "$MQTT/#", "$JS/#", "_INBOX/#", "$share/g/zigbee2mqtt/#", b"\xff"
        )
        == [128] * 7
    )


async def test_a_will_that_may_not_be_said_is_left_out(server: NatsForTests):
    """The gateway is let in, because its alarms count; the will is recorded and never said."""
    async with front(server, sign_in=SHARED) as house:
        secret, _ = await gateway_house(house)
        ingest = await house.ingest()
        gateway = await house.device(
            "z", user="gw-h1", password=secret, will=("anxin/v1/h2/status", b"offline")
        )
        await gateway.publish("anxin/v1/h1/sos-h1")
        gateway.close()
        assert (await ingest.message())[0] == "anxin/v1/h1/sos-h1"
        with pytest.raises(TimeoutError):
            await ingest.message(0.5)
        assert [r.topic for r in await house.refusals(1)] == ["anxin/v1/h2/status"]


async def test_a_revoked_gateway_is_out_within_seconds(server: NatsForTests):
    """S07: its connection is closed, it is not let in again, and the other gateway notices nothing."""
    loop = asyncio.get_running_loop()
    async with front(server, sign_in=SHARED) as house:
        first, second = await gateway_house(house)
        gone = await house.device("a", user="gw-h1", password=first)
        stays = await house.device("b", user="gw-h2", password=second)
        assert set(await gateways(house.stream)) == {"gw-h1", "gw-h2"}
        began = loop.time()
        assert await remove_gateway(house.stream, "gw-h1")
        assert await gone.closed(5)
        assert loop.time() - began < 1
        with pytest.raises(Refused):
            await house.device("a", user="gw-h1", password=first)
        await stays.publish("anxin/v1/h2/sos-h2")
        assert not await remove_gateway(house.stream, "gw-h1")


async def test_a_new_secret_ends_the_old_one(server: NatsForTests):
    """Replacing a credential closes who used the old one; the new one works."""
    async with front(server, sign_in=SHARED) as house:
        old, _ = await gateway_house(house)
        device = await house.device("a", user="gw-h1", password=old)
        with pytest.raises(Conflict):
            await add_gateway(house.stream, "gw-h1", homes=["h1"], now=NOON)
        new = await add_gateway(house.stream, "gw-h1", homes=["h1"], now=NOON, replace=True)
        assert await device.closed(5)
        with pytest.raises(Refused):
            await house.device("a", user="gw-h1", password=old)
        device = await house.device("a", user="gw-h1", password=new)
        await device.publish("anxin/v1/h1/sos-h1")


async def test_a_revocation_while_the_broker_was_restarting_holds(own_server: NatsForTests):
    """Credentials taken away right after a restart of the stream end too."""
    async with front(own_server, sign_in=SHARED) as house:
        secret, _ = await gateway_house(house)
        await asyncio.to_thread(own_server.kill)
        await asyncio.to_thread(own_server.start)
        device = await house.device("a", user="gw-h1", password=secret)
        assert await remove_gateway(house.stream, "gw-h1")
        assert await device.closed(5)


class _Broken(MemoryStream):
    """A stream whose first watch breaks off."""

    watches = 0

    async def watch(self, bucket: str, pattern: str = ">") -> AsyncIterator[Any]:
        self.watches += bucket == PEOPLE
        first = self.watches == 1
        async for entry in super().watch(bucket, pattern):
            yield entry
            if bucket == PEOPLE and first and entry is None:
                await self.delete(PEOPLE, "gateway.gw")
                raise Temporary


async def test_a_revocation_while_nobody_watched_holds(server: NatsForTests):
    """A credential that is gone when the watch begins anew is gone for the doorman."""
    stream = _Broken()
    await add_gateway(stream, "gw", homes=["h1"], now=NOON)
    async with front(server, sign_in=SHARED) as house:
        house.door.stream = stream
        following = asyncio.create_task(house.door._follow_gateways())
        async with asyncio.timeout(20):
            while stream.watches < 1 or "gw" not in house.door._accounts:
                await asyncio.sleep(0)
            while "gw" in house.door._accounts:
                await asyncio.sleep(0.01)
        following.cancel()


@pytest.mark.parametrize(
    ("name", "homes", "bases"),
    [
        ("device", ["h1"], []),
        ("ingest", ["h1"], []),
        ("bridge", ["h1"], []),
        ("a:b", ["h1"], []),
        ("a..b", ["h1"], []),
        ("a.", ["h1"], []),
        ("gw", ["+"], []),
        ("gw", ["h1/+"], []),
        ("gw", ["h1\n"], []),
        ("", ["h1"], []),
        ("gw", [], []),
        ("gw", [], ["anxin/v1"]),
        ("gw", [], ["anxin"]),
        ("gw", [], ["anxin/v1/h2"]),
        ("gw", [], ["$SYS"]),
        ("gw", [], ["zigbee2mqtt/#"]),
        ("gw", [], ["/x"]),
        ("gw", [], [""]),
    ],
)
async def test_what_cannot_be_a_gateway_is_refused(name: str, homes: list[str], bases: list[str]):
    """Nobody gets a name or a topic that is the service's, the shared sign-in's or another home's."""
    with pytest.raises(Misconfigured):
        await add_gateway(MemoryStream(), name, homes=homes, bases=bases, now=NOON, taken={"bridge"})


async def test_a_secret_is_kept_as_a_hash_only():
    """128 random bits, told once."""
    stream = MemoryStream()
    secret = await add_gateway(stream, "gw", homes=["h1"], now=NOON)
    entry = await stream.get(PEOPLE, "gateway.gw")
    assert entry is not None
    assert entry.data is not None
    assert secret.encode() not in entry.data
    assert len(secret) == 22
