"""The doorman before a real broker: whatever name MQTT allows arrives as it was written."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import numpy as np
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from care import topics
from tests.conftest import NatsForTests
from tests.integration.doorman_house import (
    Device,
    Front,
    front,
    packet,
    text,
)


def test_paho_publishes_and_hears_any_name(server: NatsForTests):
    """Spaces, Chinese, dots, a leading slash: paho through the doorman is understood, and hears what was said."""
    names = [
        "zigbee2mqtt/h0317/kitchen smoke",
        "zigbee2mqtt/厨房 烟感",
        "zigbee2mqtt//a.b/",
        "zigbee2mqtt/tab\there",
        "zigbee2mqtt/>/*",
        "zigbee2mqtt/\U000f0020",
    ]
    heard: list[str] = []
    done = threading.Event()

    async def go() -> None:
        async with front(server) as house:

            def talk() -> None:
                listener = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="listener")
                subscribed = threading.Event()

                def on_message(_c: Any, _u: Any, message: mqtt.MQTTMessage) -> None:
                    heard.append(message.topic)
                    if len(heard) == len(names):
                        done.set()

                listener.on_message = on_message
                listener.on_subscribe = lambda *_: subscribed.set()
                listener.connect("127.0.0.1", house.port)
                listener.subscribe([("zigbee2mqtt/#", 1)])
                listener.loop_start()
                speaker = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="speaker")
                speaker.connect("127.0.0.1", house.port)
                speaker.loop_start()
                assert subscribed.wait(5)
                for name in names:
                    speaker.publish(name, b"{}", qos=1).wait_for_publish(5)
                assert done.wait(5)
                for client in (speaker, listener):
                    client.disconnect()
                    client.loop_stop()

            await asyncio.to_thread(talk)

    asyncio.run(go())
    assert heard == names


async def test_ingest_reads_the_names_back(house: Front):
    """Behind the doorman `unescape` gives the device's own topic, also with a slash in front."""
    ingest, device = await house.ingest(), await house.device()
    for topic in ("zigbee2mqtt/h0317/kitchen smoke", "/leading", "a.b", "anxin/v1/h.1/d 1"):
        await device.publish(topic, b"x")
        written, _ = await ingest.message()
        assert topics.unescape(written) == topic


async def test_the_broker_carries_whatever_is_written(house: Front):
    """300 topics of all sorts of characters, long ones too: each is acknowledged, and arrives as it was said."""
    numbers = np.random.default_rng(7)
    alphabet = [chr(c) for c in range(1, 0x180) if chr(c) not in "+#"] + list(
        "/厨烟\u200b\u202e\ufeff\U000f0020\U0001f6a8"
    )
    ingest, device = await house.ingest(), await house.device()
    said = [
        "x/" + "".join(alphabet[i] for i in numbers.integers(0, len(alphabet), n))
        for n in numbers.integers(1, 30, 300)
    ]
    said += ["x/" + " " * 16_000, "x/" * 2_000, "x/" + "长" * 21_000]
    for topic in said:
        await device.publish(topic)
        written, _ = await ingest.message()
        assert topics.unescape(written) == topic


async def test_filters_are_written_too(house: Front):
    """A gateway that listens to a name with a space is heard, and may stop listening; `>` is no wildcard."""
    gateway, other = await house.device(), await house.device()
    assert await gateway.subscribe("zigbee2mqtt/a b/set", "zigbee2mqtt/+/c d", "zigbee2mqtt/>") == [1, 1, 1]
    for topic in ("zigbee2mqtt/x/y", "zigbee2mqtt/a b/set", "zigbee2mqtt/ü ü/c d", "zigbee2mqtt/>"):
        await other.publish(topic)
    heard = {(await gateway.message())[0] for _ in range(3)}
    assert heard == {"zigbee2mqtt/a b/set", "zigbee2mqtt/ü ü/c d", "zigbee2mqtt/>"}
    gateway.writer.write(packet(0xA2, b"\0\7" + text("zigbee2mqtt/a b/set")))
    assert await gateway.receive() == (0xB0, b"\0\7")
    await other.publish("zigbee2mqtt/a b/set")
    await other.publish("zigbee2mqtt/>")
    assert (await gateway.message())[0] == "zigbee2mqtt/>"


async def test_a_base_may_hold_a_space(server: NatsForTests, house: Front):
    """`mqtt.subscriptions` with `my home/#`: bridges listen below it, and ingest's session hears it from the start."""
    device = await house.device()
    assert await device.subscribe("my home/+/set", "my other/+/set") == [1, 128]
    await device.publish("my home/kitchen", b"first")
    ingest = await Device.connect(
        server.part.mqtt.port,
        server.client_id,
        user="ingest",
        password=server.part.kept.passwords["ingest"],
        clean=False,
    )
    while (heard := await ingest.message())[1] != b"first":
        pass
    assert topics.unescape(heard[0]) == "my home/kitchen"


async def test_retained_messages_and_wills_keep_their_names(house: Front):
    """The retained state of `a b` is told to a late listener; the will on `c d` is said when the power is cut."""
    device = await house.device("dying", will=("zigbee2mqtt/c d", b"gone"))
    await device.publish("zigbee2mqtt/a b", b"kept", flags=0x03)
    late = await house.device()
    await late.subscribe("zigbee2mqtt/a b", "zigbee2mqtt/c d")
    assert await late.message() == ("zigbee2mqtt/a b", b"kept")
    device.close()
    assert await late.message() == ("zigbee2mqtt/c d", b"gone")
    await late.publish("zigbee2mqtt/a b", b"", flags=0x03)
