"""A broker with a certificate of one's own maker (`mqtt.ca`): it is believed when it should be, and else said why not, in one sentence.

The brokers are the real Mosquitto and our own doorman; those who connect are the service's way in and the simulator.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from anxin import doctor, doorman
from anxin.embedded import free_port
from anxin.settings import Mqtt, Settings, trusted
from care.clock import SystemClock
from care.errors import Misconfigured
from care.messages import Report, decode
from care.stream import HEALTH, READINGS, MemoryStream
from ingest import gateway
from simulators.lines import Line, Tally, broker
from simulators.sensors import Publish
from tests.integration.doorman_house import SHARED, front, private_broker
from tests.integration.test_gateway import the_beat, the_registry
from tests.papers import Authority

# paho leaves a socket whose handshake failed to the garbage collector, which closes it and says so.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning"
)
MOSQUITTO = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
with_mosquitto = pytest.mark.skipif(
    MOSQUITTO is None, reason="Mosquitto is not installed (Debian: apt-get install mosquitto)"
)


@contextlib.contextmanager
def mosquitto(folder: Path, papers: tuple[Path, Path] | None) -> Iterator[int]:
    """The port of one that shows this certificate; without TLS when there is none."""
    port, conf = free_port(), folder / "mosquitto.conf"
    lines = [f"listener {port} 127.0.0.1", "allow_anonymous true"]
    if papers is not None:
        lines += [f"certfile {papers[0]}", f"keyfile {papers[1]}"]
    if os.getuid() == 0:
        lines.append("user root")  # else it would become a user that may not enter this folder
    conf.write_text("\n".join(lines) + "\n")
    assert MOSQUITTO is not None
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [MOSQUITTO, "-c", str(conf)], stdout=log, stderr=log, stdin=subprocess.DEVNULL
        )
    try:
        yield port
    finally:
        process.terminate()
        process.wait(10)


@contextlib.asynccontextmanager
async def way_in(url: str, authority: Path | None) -> AsyncIterator[MemoryStream]:
    """The service's own connection to a broker."""
    stream = MemoryStream()
    task = asyncio.create_task(
        gateway.run(
            stream=stream,
            clock=SystemClock(),
            registry_source=the_registry(),
            mqtt_url=url,
            client_id="service-for-tests",
            escaped=False,
            authority=authority,
        )
    )
    try:
        async with asyncio.timeout(20):
            while await stream.get(HEALTH, "beat.ingest") is None:
                if task.done():
                    task.result()
                await asyncio.sleep(0.01)
        yield stream
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, BaseExceptionGroup):
            await task


async def says(stream: MemoryStream, word: str) -> str:
    """What ingest says of itself, once that has this word in it; an empty word waits until all is well."""
    async with asyncio.timeout(20):
        while True:
            beat = await the_beat(stream)
            if (word in beat.detail) if word else beat.working:
                return beat.detail
            await asyncio.sleep(0.02)


async def device_says(port: int, authority: Path, sign_in: str = "") -> Tally:
    """A simulated device reports by TLS."""
    tally = Tally()
    line = Line("t", broker(f"mqtts://{sign_in}127.0.0.1:{port}", authority=authority), tally)
    word = json.dumps({"seq": 1, "in_bed": True}).encode()
    line.put(Publish(SystemClock().now(), "anxin/v1/h1/belt-1", word, 1, False, "h1", "belt-1"))
    task = asyncio.create_task(line.run())
    try:
        async with asyncio.timeout(20):
            while not tally.published:
                assert not task.done()
                await asyncio.sleep(0.01)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    return tally


@with_mosquitto
async def test_a_broker_of_our_own_maker_is_believed(tmp_path: Path) -> None:
    """A device's word goes through Mosquitto's TLS into the stream; `anxin doctor` says that all is well."""
    made = Authority(tmp_path)
    with mosquitto(tmp_path, made.certificate()) as port:
        url = f"mqtts://127.0.0.1:{port}"
        async with way_in(url, made.pem) as stream:
            await says(stream, "")
            await device_says(port, made.pem)
            async with asyncio.timeout(20):
                while not (found := stream.messages(READINGS)):
                    await asyncio.sleep(0.01)
            assert decode(found[0].data, Report).values == {"in_bed": True}
        line = await doctor._broker(Settings(mqtt=Mqtt(url=url, ca=made.pem)))
        assert (line.state, line.detail) == (
            "good",
            f"listens on 127.0.0.1:{port}, with a certificate that we trust",
        )


@with_mosquitto
@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ("no file given", "its certificate is refused: unable to get local issuer certificate; give mqtt.ca with the file of whoever made it"),
        ("wrong maker", "its certificate is refused: unable to get local issuer certificate; give mqtt.ca with the file of whoever made it"),
        ("expired", "its certificate is refused: certificate has expired"),
        ("another name", "certificate is not valid for '127.0.0.1'; give mqtt.ca with the file of whoever made it, or the name that it is made out to"),
        ("no TLS there", "perhaps this port is without TLS: write mqtt://"),
    ],
)  # fmt: skip
async def test_one_that_is_not_is_refused_in_one_sentence(tmp_path: Path, fault: str, sentence: str) -> None:
    """Where it is, why, what to do, and no secret; the same words from `anxin doctor`. It goes on trying."""
    made = Authority(tmp_path)
    papers = made.certificate(
        "10.0.0.1" if fault == "another name" else "127.0.0.1", expired=fault == "expired"
    )
    known: Path | None = made.pem
    if fault == "no file given":
        known = None
    if fault == "wrong maker":
        known = Authority(tmp_path, "somebody else").pem
    with mosquitto(tmp_path, None if fault == "no TLS there" else papers) as port:
        url = f"mqtts://name:a-secret-word@127.0.0.1:{port}"
        async with way_in(url, known) as stream:
            said = await says(stream, "refused" if "refused" in sentence or "valid" in sentence else "TLS")
            assert not (await the_beat(stream)).working
        assert said.startswith(f"broker away: mqtts://127.0.0.1:{port}: ")
        assert sentence in said
        assert "a-secret-word" not in said
        line = await doctor._broker(Settings(mqtt=Mqtt(url=url, ca=known)))
        assert line.state == "fault"
        assert sentence in line.detail
        assert "a-secret-word" not in line.detail


@with_mosquitto
async def test_it_connects_as_soon_as_the_certificate_is_good(tmp_path: Path) -> None:
    """Renewed while the service waits: nobody need restart anything."""
    made = Authority(tmp_path)
    port = free_port()
    async with way_in(f"mqtts://127.0.0.1:{port}", made.pem) as stream:
        await says(stream, "nobody listens there")
        other = tmp_path / "a"
        other.mkdir()
        with mosquitto(other, made.certificate()) as opened:
            # The port that we wait at leads there from now on.
            server = await asyncio.start_server(lambda r, w: join(r, w, opened), "127.0.0.1", port)
            async with server:
                await says(stream, "")


async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    there_reader, there = await asyncio.open_connection("127.0.0.1", port)

    async def pour(source: asyncio.StreamReader, into: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                into.write(data)
                await into.drain()
        into.close()

    await asyncio.gather(pour(reader, there), pour(there_reader, writer))


@pytest.mark.parametrize(
    ("content", "why"),
    [(None, "No such file or directory"), ("not a certificate", "it is not what it should be in PEM")],
)
async def test_a_file_that_cannot_be_used_stops_the_way_in_at_once(
    tmp_path: Path, content: str | None, why: str
) -> None:
    """It is the setting's fault, and waiting would not mend it."""
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(BaseExceptionGroup) as caught:
        await gateway.run(
            stream=MemoryStream(),
            clock=SystemClock(),
            registry_source=the_registry(),
            mqtt_url="mqtts://127.0.0.1:1",
            client_id="service-for-tests",
            authority=file,
        )
    fault = caught.value.exceptions[0]
    assert isinstance(fault, Misconfigured)
    assert str(fault) == f"mqtt.ca: {file} cannot be used for TLS: {why}"
    settings = Settings(mqtt=Mqtt(url="mqtts://127.0.0.1:1", ca=file), origins={"mqtt.ca": "ANXIN_MQTT__CA"})
    with pytest.raises(Misconfigured, match=r"^mqtt\.ca from ANXIN_MQTT__CA: .* cannot be used for TLS: "):
        trusted(settings)


async def test_our_own_broker_by_tls(tmp_path: Path) -> None:
    """The simulator's devices and a way in from elsewhere come to the embedded broker with the file of its maker."""
    made = Authority(tmp_path)
    sign_in = f"{SHARED[0]}:{SHARED[1]}@"
    async with contextlib.AsyncExitStack() as stack:
        server = await asyncio.to_thread(stack.enter_context, private_broker())
        tls = doorman.Tls(*made.certificate())
        house = await stack.enter_async_context(front(server, tls=tls, sign_in=SHARED))
        heard = await house.ingest()
        assert (await device_says(house.port, made.pem, sign_in)).published == 1
        topic, payload = await heard.message()
        assert (topic, json.loads(payload)) == ("anxin/v1/h1/belt-1", {"seq": 1, "in_bed": True})
        other = Authority(tmp_path, "somebody else").pem
        async with way_in(f"mqtts://{sign_in}127.0.0.1:{house.port}", other) as stream:
            assert "its certificate is refused" in await says(stream, "refused")
