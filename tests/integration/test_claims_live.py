"""A device is claimed while everything runs: it counts at once, and what the engine remembers stays."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from typer.testing import CliRunner

from anxin import claims
from anxin.jetstream import JetStream
from anxin.wiring import load_site
from care.clock import SystemClock
from care.messages import Finding, decode
from care.site import Registry
from care.sitefile import read_site
from care.stream import FINDINGS, QUARANTINE
from devices.cli import app
from ingest import gateway
from rules.catalog import load
from rules.worker import Worker
from tests.conftest import NatsForTests

SITE = """\
community: {id: c, name: 社区}
homes:
  - id: h1
    residents: [{id: r1, name: 甲}]
    devices:
      - {id: smoke-1, kind: smoke, room: kitchen}   # the only one so far
"""


@contextlib.asynccontextmanager
async def everything(stream: JetStream, server: NatsForTests) -> AsyncIterator[mqtt.Client]:
    worker = Worker(stream, SystemClock(), Registry(read_site(SITE)), load(), save_every=timedelta(seconds=1))
    tasks = [
        asyncio.create_task(worker.run()),
        asyncio.create_task(
            gateway.run(
                stream=stream, clock=SystemClock(), mqtt_url=server.ingest_url, client_id=server.client_id
            )
        ),
    ]
    parts = urlsplit(server.device_url)
    device = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
    device.connect(parts.hostname or "", parts.port or 1883, 10)
    device.loop_start()
    try:
        yield device
    finally:
        device.disconnect()
        device.loop_stop()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def told(stream: JetStream) -> list[tuple[str, str, str | None]]:
    head = await stream.head(FINDINGS)
    out: list[tuple[str, str, str | None]] = []
    if head:
        async with contextlib.aclosing(stream.follow(FINDINGS)) as batches:
            async for batch in batches:
                found = [decode(m.data, Finding) for m in batch]
                out += [(f.code, f.phase.value, f.device) for f in found if f.life]
                if batch and batch[-1].seq >= head:
                    break
    return out


async def say_until(
    device: mqtt.Client,
    stream: JetStream,
    topic: str,
    payload: dict[str, object],
    wanted: tuple[str, str, str],
) -> None:
    """Say it, again and again, until the engine has said `wanted`."""
    async with asyncio.timeout(30):
        while wanted not in await told(stream):
            device.publish(topic, json.dumps(payload).encode(), qos=1)
            await asyncio.sleep(0.2)


async def test_a_claimed_device_counts_at_once_and_nothing_is_forgotten(
    fresh_nats: NatsForTests, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stranger presses SOS and is only listed; one command claims it; its next press calls, and the smoke that has
    been burning all along is neither news nor forgotten."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ANXIN_STREAM__URL", fresh_nats.stream_url)
    site = tmp_path / "site.yaml"
    site.write_text(SITE, "utf-8")
    if all(c.name != "import" for c in app.registered_commands):
        claims.register(app)
    stream = await JetStream.open(fresh_nats.stream_url)
    try:
        await load_site(stream, read_site(SITE))
        async with everything(stream, fresh_nats) as device:
            await say_until(
                device, stream, "anxin/v1/h1/smoke-1", {"smoke": True}, ("SM1", "opened", "smoke-1")
            )
            async with asyncio.timeout(20):
                while await stream.head(QUARANTINE) == 0:
                    device.publish("zigbee2mqtt/h1/red", b'{"action":"emergency"}', qos=1)
                    await asyncio.sleep(0.2)
            listed = await asyncio.to_thread(CliRunner().invoke, app, ["unclaimed", "--json"])
            assert listed.exit_code == 0, listed.output
            [stranger] = json.loads(listed.stdout)
            assert (stranger["topic"], stranger["suggested_kind"], stranger["suggested_home"]) == (
                "zigbee2mqtt/h1/red",
                "sos",
                "h1",
            )
            words = [
                "claim",
                stranger["topic"],
                "--home",
                "h1",
                "--kind",
                "sos",
                "--room",
                "bedroom",
                "--site",
                str(site),
            ]
            done = await asyncio.to_thread(CliRunner().invoke, app, words)
            assert done.exit_code == 0, done.output
            assert "# the only one so far" in site.read_text("utf-8")
            await say_until(
                device, stream, "zigbee2mqtt/h1/red", {"action": "emergency"}, ("SOS1", "opened", "sos-1")
            )
            device.publish("anxin/v1/h1/smoke-1", b'{"smoke": true}', qos=1)
            await say_until(
                device, stream, "zigbee2mqtt/h1/red", {"action": "emergency"}, ("SOS1", "changed", "sos-1")
            )
            assert [t for t in await told(stream) if t[0] == "SM1" and t[1] == "opened"] == [
                ("SM1", "opened", "smoke-1")
            ]
            again = await asyncio.to_thread(CliRunner().invoke, app, ["unclaimed"])
            assert again.stdout == ""
    finally:
        await stream.close()
