"""docs/mqtt.md runs: its curl lines against a real HTTP service, its gateway in Python against the real broker and ingest."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from anxin import embedded
from anxin.embedded import free_port
from anxin.jetstream import JetStream
from anxin.settings import Address, Mqtt, Settings
from anxin.wiring import SecondWay
from care.clock import SystemClock
from care.messages import DeviceAck, Report, decode, encode
from care.site import Registry
from care.sitefile import read_site
from care.stream import READINGS, REGISTRY, MemoryStream
from dashboard_api import app
from dashboard_api.people import issue_device_token
from ingest import gateway
from tests.conftest import NatsForTests, open_folder

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "mqtt.md").read_text(encoding="utf-8")
CURLS = re.findall(r"```sh\n(curl .*?)```\n+(?:[^`]*?)```json\n(.*?)```", PAGE, flags=re.DOTALL)
PYTHON = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
USER, PASSWORD = "gateway-h0317", "a secret of some length"
SITE = """
community: {id: zpq, name: 总浦桥社区, timezone: Asia/Shanghai}
homes:
  - {id: h0317, devices: [{id: sos-0317, kind: sos}, {id: gw-0317, kind: gateway}]}
"""


@contextlib.asynccontextmanager
async def serving() -> AsyncIterator[tuple[str, str, MemoryStream]]:
    """The HTTP service on a port, with a site and a token of the device."""
    stream, clock, port = MemoryStream(), SystemClock(), free_port()
    await stream.put(REGISTRY, "site", encode(read_site(SITE)))
    started = asyncio.Event()
    task = asyncio.create_task(
        app.run(
            stream=stream,
            clock=clock,
            host="127.0.0.1",
            port=port,
            public_url=f"http://127.0.0.1:{port}",
            accept_reading=SecondWay(stream, Settings()).accept,  # type: ignore[arg-type]
            started=started.set,
        )
    )
    try:
        await asyncio.wait_for(started.wait(), 30)
        await asyncio.sleep(0.2)
        yield f"http://127.0.0.1:{port}", await issue_device_token(stream, "sos-0317", clock.now()), stream
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.mark.skipif(
    shutil.which("curl") is None, reason="curl is not installed (Debian: apt-get install curl)"
)
async def test_the_curl_lines_answer_what_the_page_says() -> None:
    """Each one is run as it stands, and its answer is the JSON that follows it; what was accepted is on the stream."""
    assert len(CURLS) == PAGE.count("```sh") == 3
    async with serving() as (url, token, stream):
        for line, answer in CURLS:
            ran = await asyncio.to_thread(
                subprocess.run,
                ["sh", "-c", line],
                env={"ANXIN": url, "TOKEN": token, "PATH": os.environ["PATH"]},
                capture_output=True,
                text=True,
                timeout=20,
            )
            assert ran.returncode == 0, ran.stderr
            assert json.loads(ran.stdout) == json.loads(answer), line
        reports = await stored(stream)
        assert [(r.seq, r.values) for r in reports] == [(7, {"sos": True}), (8, {"sos": True})]


@pytest.mark.skipif(
    shutil.which("curl") is None, reason="curl is not installed (Debian: apt-get install curl)"
)
async def test_another_devices_token_is_401() -> None:
    """As the page says."""
    async with serving() as (url, _token, stream):
        other = await issue_device_token(stream, "gw-0317", SystemClock().now())
        line = CURLS[0][0].replace("curl -sS", "curl -sS -o /dev/null -w '%{http_code}'")
        for token in (other, "x"):
            ran = await asyncio.to_thread(
                subprocess.run,
                ["sh", "-c", line],
                env={"ANXIN": url, "TOKEN": token, "PATH": os.environ["PATH"]},
                capture_output=True,
                text=True,
                timeout=20,
            )
            assert ran.stdout == "401"


async def stored(stream: Any) -> list[Report]:
    found: list[Report] = []
    async with contextlib.aclosing(stream.follow(READINGS, after=0)) as batches:
        async for batch in batches:
            found += [decode(one.data, Report) for one in batch]
            if not batch or len(found) >= 2:
                break
    return found


@pytest.fixture
def broker() -> Iterator[NatsForTests]:
    """The embedded broker, which asks devices for a name and a password."""
    with open_folder("anxin-docs-") as folder:
        plain = Settings(
            data_dir=folder, mqtt=Mqtt(listen=Address("127.0.0.1", 0), username=USER, password=PASSWORD)
        )
        part = embedded.Nats.below(plain, embedded.Kept.of(folder))
        asyncio.run(part.prepare())
        server = NatsForTests(part.child(), part=part)
        server.start()
        try:
            yield server
        finally:
            server.stop()


async def test_the_gateway_in_python_is_answered(broker: NatsForTests) -> None:
    """The page's program connects, says that it is there, presses SOS, repeats it, and shows the number it is answered with."""
    (program,) = PYTHON
    stream = await JetStream.open(broker.stream_url, name="docs")

    async def registry() -> AsyncIterator[Registry]:
        yield Registry(read_site(SITE))

    way_in = asyncio.create_task(
        gateway.run(
            stream=stream,
            clock=SystemClock(),
            registry_source=registry(),
            mqtt_url=broker.ingest_url,
            client_id=broker.client_id,
        )
    )
    heard: list[Report] = []
    answered = asyncio.Event()

    async def alerts() -> None:
        """Answers the first SOS late, so that the program has to say it again."""
        async with contextlib.aclosing(stream.follow(READINGS, after=0)) as batches:  # type: ignore[type-var]
            async for batch in batches:
                heard.extend(decode(one.data, Report) for one in batch)
                pressed = [one for one in heard if one.urgent]
                if pressed and not answered.is_set():
                    answered.set()
                    await asyncio.sleep(1.5)
                    ack = DeviceAck(
                        home="h0317", device="sos-0317", alert=317, at=pressed[0].at, seq=pressed[0].seq
                    )
                    await stream.publish(ack.subject, encode(ack), message_id="docs-ack")

    answering = asyncio.create_task(alerts())
    try:
        ran = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", program],
            env={
                "MQTT_HOST": "127.0.0.1",
                "MQTT_PORT": str(broker.part.mqtt.port),
                "MQTT_USER": USER,
                "MQTT_PASSWORD": PASSWORD,
            },
            capture_output=True,
            text=True,
            timeout=40,
        )
        assert ran.returncode == 0, ran.stderr
        assert ran.stdout == "help is coming, alert 317\n"
        async with asyncio.timeout(20):
            while not any(one.state for one in heard):
                await asyncio.sleep(0.02)
    finally:
        for task in (answering, way_in):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await stream.close()
    assert [r.values for r in heard if r.urgent] == [{"sos": True}], "said twice, stored once"
    assert [r.state for r in heard if r.state] == ["online"]
