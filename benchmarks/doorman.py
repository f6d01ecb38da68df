"""What does the doorman cost? Messages a second, added latency, memory, start: `python benchmarks/doorman.py [--json]`.

Short measurements (25 s together) with the doorman as a process of its own:
1. as many QoS 1 messages as it passes to a broker that only acknowledges (the doorman is what is measured), from one
   device in a stream and from 200 devices one by one; and what it adds to PUBLISH-to-PUBACK at 500 a second;
2. the same through nats-server with every message on disk, directly and through the doorman, taking turns;
3. its memory with 1,000 devices signed in.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from anxin.embedded import free_port
from tests.conftest import NatsForTests
from tests.integration.doorman_house import (
    Device,
    connect_packet,
    private_broker,
    process_arguments,
    publish_packet,
    until_open,
)

PAYLOAD = (
    b'{"time":"2026-11-22T04:06:24.120Z","seq":10422,"heart_rate":72,"respiration_rate":16,"in_bed":true}'
)
BLOCK = 500
TICKS = os.sysconf("SC_CLK_TCK")


def block_of(topic: str) -> bytes:
    return b"".join(publish_packet(topic, PAYLOAD, n) for n in range(1, BLOCK + 1))


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def rss_kb(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise RuntimeError("no VmRSS")


async def pump(port: int, block: bytes, blocks: int, **sign_in: str | None) -> float:
    """Send blocks with two on their way; messages a second until the last PUBACK."""
    device = await Device.connect(port, f"pump{os.urandom(3).hex()}", **sign_in)  # type: ignore[arg-type]
    began = time.perf_counter()
    device.writer.write(block)
    for n in range(blocks):
        if n + 1 < blocks:
            device.writer.write(block)
        await device.reader.readexactly(4 * BLOCK)
    rate = blocks * BLOCK / (time.perf_counter() - began)
    device.close()
    return rate


@asynccontextmanager
async def yes_sayer(message: int) -> AsyncIterator[int]:
    """A broker that answers messages of a known size with a PUBACK (of packet id 1), and does nothing else; its port."""
    acks = b"\x40\x02\0\1" * 10_000

    class Say(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport: asyncio.Transport = transport  # type: ignore[assignment]
            self.greeted, self.seen = False, 0

        def data_received(self, data: bytes) -> None:
            if not self.greeted:
                self.greeted = True
                self.transport.write(b"\x20\x02\0\0")
                return
            count, self.seen = divmod(self.seen + len(data), message)
            self.transport.write(acks[: 4 * count])

    server = await asyncio.get_running_loop().create_server(Say, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def crowd(port: int, devices: int, each: int, message: bytes) -> float:
    """Many devices with one message on its way each; messages a second."""
    done = asyncio.get_running_loop().create_future()
    busy = devices

    class One(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport: asyncio.Transport = transport  # type: ignore[assignment]
            self.left = each
            self.transport.write(connect_packet(f"crowd{id(self)}"))

        def data_received(self, _data: bytes) -> None:
            nonlocal busy
            if self.left:
                self.left -= 1
                self.transport.write(message)
                return
            busy -= 1
            self.transport.abort()
            if not busy:
                done.set_result(None)

    began = time.perf_counter()
    for _ in range(devices):
        await asyncio.get_running_loop().create_connection(One, "127.0.0.1", port)
    await asyncio.wait_for(done, 60)
    return devices * each / (time.perf_counter() - began)


async def paced(
    ports: list[int], seconds: float, credentials: list[dict[str, str | None]], topic: str
) -> list[np.ndarray]:
    """500 a second from 50 devices for each port, taking turns message by message; latencies in ms by port."""
    found: list[list[float]] = [[] for _ in ports]
    began = time.perf_counter() + 0.5

    async def one(n: int) -> None:
        devices = [
            await Device.connect(port, f"paced{n}-{os.urandom(3).hex()}", **sign_in)  # type: ignore[arg-type]
            for port, sign_in in zip(ports, credentials, strict=True)
        ]
        turn = 0
        while (due := began + (turn + n / 50) / 10) < began + seconds:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            which = (turn + n) % len(ports)
            devices[which].number = 0
            sent = time.perf_counter()
            await devices[which].publish(topic, PAYLOAD)
            found[which].append((time.perf_counter() - sent) * 1000)
            turn += 1
        for device in devices:
            device.close()

    await asyncio.gather(*(one(n) for n in range(50)))
    return [np.array(each) for each in found]


def start(server: NatsForTests, port: int, upstream: int | None = None) -> subprocess.Popen[bytes]:
    arguments = process_arguments(server, port, pace=None)  # what it can do, not what it lets through
    if upstream is not None:
        arguments[-1] = json.dumps(json.loads(arguments[-1]) | {"upstream": upstream})
    return subprocess.Popen(arguments, stdout=subprocess.DEVNULL)


async def alone(
    pid: int, upstream: int, port: int, found: dict[str, object], say: Callable[[str], None]
) -> None:
    """What the doorman itself adds: before a broker that answers at once."""
    message = publish_packet("zigbee2mqtt/h0317/kitchen-smoke", PAYLOAD, 1)
    before = cpu_seconds(pid)
    rate = await crowd(port, 200, 100, message)
    spent = (cpu_seconds(pid) - before) / 20_000
    found["crowd_per_second"], found["crowd_cpu_us"] = round(rate), round(spent * 1e6, 1)
    say(f"200 devices, one message on its way each: {rate:,.0f} messages/s, {spent * 1e6:.0f} µs of CPU each")
    calm = await paced([upstream, port], 6.0, [{}, {}], "zigbee2mqtt/h0317/kitchen-smoke")
    added = [np.percentile(calm[1], q) - np.percentile(calm[0], q) for q in (50, 99)]
    found["added_ms"] = {
        "p50": round(float(added[0]), 2),
        "p99": round(float(added[1]), 2),
        "messages": len(calm[1]),
    }
    say(f"added at 500/s: {found['added_ms']} ms")


async def measure(server: NatsForTests, say: Callable[[str], None]) -> dict[str, object]:
    found: dict[str, object] = {}
    ours = {"user": "ingest", "password": server.part.kept.passwords["ingest"]}
    for name, topic, written in (
        ("plain", "zigbee2mqtt/h0317/kitchen-smoke", "zigbee2mqtt/h0317/kitchen-smoke"),
        ("rewritten", "zigbee2mqtt/h0317/kitchen smoke", "zigbee2mqtt/h0317/kitchen\U000f0020smoke"),
    ):
        async with yes_sayer(len(block_of(written)) // BLOCK) as upstream:
            port = free_port()
            began = time.perf_counter()
            process = start(server, port, upstream)
            try:
                await until_open(port)
                found["start_seconds"] = round(time.perf_counter() - began, 2)
                await pump(port, block_of(topic), 20)
                before = cpu_seconds(process.pid)
                blocks = 200
                rate = await pump(port, block_of(topic), blocks)
                spent = cpu_seconds(process.pid) - before
                if name == "plain":
                    await alone(process.pid, upstream, port, found, say)
            finally:
                process.kill()
                process.wait()
        found[f"{name}_per_second"] = round(rate)
        found[f"{name}_cpu_us"] = round(spent / (blocks * BLOCK) * 1e6, 1)
        say(f"{name} topics: {rate:,.0f} messages/s, {found[f'{name}_cpu_us']} µs of CPU each")
    port = free_port()
    process = start(server, port)
    try:
        await until_open(port)
        direct, through = [], []
        for _ in range(3):
            direct.append(await pump(server.part.mqtt.port, block_of("anxin/v1/h1/d1"), 10, **ours))
            through.append(await pump(port, block_of("anxin/v1/h1/d1"), 10))
        found["nats_direct_per_second"] = round(float(np.median(direct)))
        found["nats_through_per_second"] = round(float(np.median(through)))
        found["ratio"] = round(float(np.median(through) / np.median(direct)), 2)
        say(
            f"through nats-server: {found['nats_direct_per_second']} direct, {found['nats_through_per_second']} through"
        )
        before = cpu_seconds(process.pid)
        calm = await paced([server.part.mqtt.port, port], 6.0, [ours, {}], "anxin/v1/h1/d1")
        found["one_by_one_cpu_us"] = round((cpu_seconds(process.pid) - before) / len(calm[1]) * 1e6)
        for name, values in zip(("direct", "through"), calm, strict=True):
            p50, p99 = np.percentile(values, [50, 99])
            found[f"{name}_ms"] = {
                "p50": round(float(p50), 2),
                "p99": round(float(p99), 2),
                "messages": len(values),
            }
        say(
            f"500/s: {found['direct_ms']} direct, {found['through_ms']} through, {found['one_by_one_cpu_us']} µs of CPU each"
        )
        before_kb = rss_kb(process.pid)
        devices = [await Device.connect(port, f"many{n}") for n in range(1000)]
        found["kb_per_1000_connections"] = rss_kb(process.pid) - before_kb
        found["rss_kb"] = before_kb
        say(f"memory: {before_kb} KB, and {found['kb_per_1000_connections']} KB for 1,000 devices")
        for device in devices:
            device.close()
    finally:
        process.kill()
        process.wait()
    return found


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--json", action="store_true", help="only the result, as JSON")
    only_json = options.parse_args().json
    with private_broker() as server:
        found = asyncio.run(measure(server, lambda line: None if only_json else print(line)))
    found["machine"] = (
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}"
    )
    print(json.dumps(found))


if __name__ == "__main__":
    main()
