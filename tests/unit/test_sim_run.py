"""The runner against a real broker (the nats-server wheel): it publishes, hears acknowledgements, and comes back."""

import asyncio
import contextlib
import io
import json
import shutil
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import aiomqtt
import pytest

from anxin.embedded import free_port
from simulators.community import generate
from simulators.lines import Line, Tally, broker
from simulators.run import Simulation
from simulators.scenarios import parse as parse_wish
from simulators.sensors import Publish


def listens(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.5):
        return True
    return False


@contextlib.contextmanager
def a_broker(port, store):
    """One nats-server with MQTT, ended at the end."""
    binary = shutil.which("nats-server", path=str(Path(sys.executable).parent))
    if binary is None:
        pytest.fail("nats-server is not beside this Python: install the project's dependencies")
    config = store / "nats.conf"
    config.write_text(
        f'server_name: t\nlisten: "127.0.0.1:-1"\njetstream {{ store_dir: "{store}/js" }}\nmqtt {{ listen: "127.0.0.1:{port}" }}\n'
    )
    with (
        (store / "log").open("ab") as log,
        subprocess.Popen([binary, "-c", str(config)], stderr=log) as process,
    ):
        try:
            deadline = time.monotonic() + 20
            while not listens(port):
                assert process.poll() is None, (store / "log").read_text()
                assert time.monotonic() < deadline, (store / "log").read_text()
                time.sleep(0.02)
            yield
        finally:
            process.kill()


async def until(done, seconds=15):
    async with asyncio.timeout(seconds):
        while not done():
            await asyncio.sleep(0.02)


async def answer(port, heard, acknowledge):
    """A listener that acknowledges the third sending of every SOS."""
    while True:
        try:
            async with aiomqtt.Client("127.0.0.1", port) as client:
                await client.subscribe("anxin/v1/+/+", qos=1)
                async for message in client.messages:
                    body = json.loads(message.payload)
                    if "sos" in body:
                        heard.append(body["seq"])
                        if acknowledge and len(heard) >= 3:
                            await client.publish(
                                f"{message.topic}/ack", json.dumps({"seq": body["seq"], "alert": 317}), qos=1
                            )
        except aiomqtt.MqttError:
            await asyncio.sleep(0.1)


async def test_an_sos_repeats_until_the_service_answers(tmp_path):
    """Triggered in a running world, published with one seq, silent after the acknowledgement; truth is written."""
    port, heard, truth = free_port(), [], io.StringIO()
    with a_broker(port, tmp_path):
        simulation = Simulation(generate(3), mqtt_url=f"mqtt://127.0.0.1:{port}", truth=truth)
        running = asyncio.create_task(simulation.run())
        listening = asyncio.create_task(answer(port, heard, acknowledge=True))
        await until(lambda: simulation.connected and simulation.tally.published > 10)
        await simulation.trigger("sos+0s", "h0317")
        await until(lambda: simulation.tally.acknowledged == 1)
        simulation.stop()
        tally = await running
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
    assert len(set(heard)) == 1
    assert len(heard) >= 3
    assert tally.published == tally.generated + 3  # and the gateways' goodbyes
    lines = [json.loads(line) for line in truth.getvalue().splitlines()]
    assert [x["expect"]["code"] for x in lines if x["scenario"] != "ordinary"] == ["SOS1"]


async def test_a_lost_broker_costs_no_alarm(tmp_path):
    """The broker is killed, an alarm comes, the broker is back: the alarm is published."""
    port = free_port()
    with a_broker(port, tmp_path):
        simulation = Simulation(generate(1), mqtt_url=f"mqtt://127.0.0.1:{port}")
        running = asyncio.create_task(simulation.run())
        await until(lambda: simulation.connected)
    await until(lambda: not simulation.connected)
    await simulation.trigger("virtual_smoke+0s")
    await asyncio.sleep(1.5)
    assert simulation.tally.alarms == 0
    with a_broker(port, tmp_path):
        await until(lambda: simulation.tally.alarms >= 1)
        simulation.stop()
        await running
    assert simulation.tally.connects >= 4


async def test_what_was_under_way_goes_again_in_its_order():
    """A connection that is lost before anything of it was written or acknowledged: both kinds wait again as they came."""
    line = Line("t", broker("mqtt://127.0.0.1:1"), Tally())
    at = datetime(2026, 3, 1, tzinfo=UTC)
    came = [
        Publish(at, f"anxin/v1/h1/belt-{n}", b"{}", qos, False, "h1", "belt")
        for n, qos in enumerate([0, 1, 1, 0, 1, 0, 0])
    ]
    for message in came:
        line.put(message)

    class Deaf:
        """A client whose broker says nothing."""

        def publish(self, *_):
            return SimpleNamespace(rc=0, is_published=lambda: False)

        def loop_misc(self):
            return 0

    publishing = asyncio.create_task(line._publish(Deaf()))
    await until(lambda: line._under_way == len(came))
    line.hold(True)
    await publishing
    line._blame()
    assert list(line._waiting) == came
    assert line.pending == len(came)


async def test_a_broker_that_is_cut_on_purpose_hears_nothing_and_then_every_alarm(tmp_path):
    """Cut, no connection is made again and an alarm waits; restored, it is published."""
    port = free_port()
    with a_broker(port, tmp_path):
        simulation = Simulation(generate(1), mqtt_url=f"mqtt://127.0.0.1:{port}")
        running = asyncio.create_task(simulation.run())
        await until(lambda: simulation.connected)
        cut = simulation.switch_on("broker_cut")
        await until(lambda: not any(line.connected for line in simulation._lines))
        connects = simulation.tally.connects
        await simulation.trigger("virtual_smoke+0s")
        await asyncio.sleep(1.0)
        assert (simulation.tally.alarms, simulation.tally.connects) == (0, connects)
        simulation.switch_off(cut.id)
        await until(lambda: simulation.tally.alarms >= 1)
        simulation.stop()
        await running


async def test_without_a_broker_it_ends_when_it_is_told_to():
    """Nothing is waited for that cannot come: a supervisor would have killed it, and its control socket would stay."""
    simulation = Simulation(generate(1), mqtt_url=f"mqtt://127.0.0.1:{free_port()}")
    running = asyncio.create_task(simulation.run())
    await until(lambda: simulation.tally.generated > 3)
    simulation.stop()
    async with asyncio.timeout(2.5):
        tally = await running
    assert tally.published == 0


async def test_a_topic_the_broker_refuses_holds_up_nobody(tmp_path):
    """nats-server closes the connection on a space in a topic: those are given up, an SOS still passes."""
    port = free_port()
    with a_broker(port, tmp_path):
        simulation = Simulation(generate(3, spaces=True), mqtt_url=f"mqtt://127.0.0.1:{port}")
        running = asyncio.create_task(simulation.run())
        await simulation.trigger("sos+1s", "h0317")
        await until(lambda: simulation.tally.alarms >= 1, seconds=10)
        await until(lambda: simulation.tally.refused >= 1, seconds=20)
        simulation.stop()
        tally = await running
    assert all(" " in topic for topic in tally.refused_topics)


async def test_a_run_ends_by_itself_after_its_duration(tmp_path):
    """--duration counts the world's time: ten minutes at 600 times are a second."""
    port = free_port()
    with a_broker(port, tmp_path):
        simulation = Simulation(
            generate(5),
            mqtt_url=f"mqtt://127.0.0.1:{port}",
            speed=600,
            scenarios=(parse_wish("leak@h0317+60s"),),
        )
        start = simulation.world.now
        tally = await simulation.run(duration=timedelta(minutes=10))
    assert simulation.world.now == start + timedelta(minutes=10)
    assert tally.alarms >= 2
    assert [t.scenario for t in simulation.truths] == ["leak"]


@pytest.mark.parametrize(
    ("url", "port", "tls", "user"),
    [("mqtt://h", 1883, False, None), ("mqtts://u:p%40w@h", 8883, True, "u"), ("h:1234", 1234, False, None)],
)
def test_a_broker_is_read_from_its_address(url, port, tls, user):
    """mqtt:// and mqtts://, with their usual ports."""
    found = broker(url)
    assert (found.host, found.port, found.tls is not None, found.username) == ("h", port, tls, user)
    assert user is None or found.password == "p@w"
