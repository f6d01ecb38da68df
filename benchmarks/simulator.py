"""Does one process play 10,000 homes at a message a second each? `python benchmarks/simulator.py [--homes 10000] [--seconds 20] [--out FILE]`.

The same world, at the world's own speed and with belts and heartbeats so much more often that a home says
something once a second on average (ordinary devices of 10,000 homes say about 800 a second together):

1. without a broker: how fast the world is made, and how long it takes to invent it;
2. to a local Mosquitto with its own defaults but for the length of queues (left out when it is not installed);
3. to the embedded broker: nats-server with everything of QoS 1 on disk, and the doorman before it without its limit for
   a flood (behind one address all homes would be one gateway to it).

A message counts when the broker has acknowledged it or, at QoS 0, when it is written to the socket; each connection ends with
acknowledged messages, so what was written before them has been read. Nobody listens. When the broker takes less, the
simulator waits for it: the world falls behind the clock (`most_behind_seconds`), and nothing is dropped.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from anxin.embedded import free_port
from simulators.community import generate
from simulators.run import Simulation
from tests.integration.doorman_house import private_broker, process_arguments, until_open

WARM = timedelta(minutes=4)
"""Gateways connect one after the other; from then on everybody is there."""
MOSQUITTO = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def megabytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def invent(homes: int, rate: float, url: str) -> tuple[Simulation, dict[str, Any]]:
    """Without a broker: making the world, letting everybody connect, and the pace of messages then."""
    began = time.perf_counter()
    start = datetime.now(UTC) - WARM
    simulation = Simulation(generate(homes), mqtt_url=url, rate_scale=rate, start=start)
    found: dict[str, Any] = {"invented_seconds": round(time.perf_counter() - began, 1)}
    for _ in simulation.world.events(start + WARM):
        pass
    gc.collect()
    gc.freeze()  # as `anxin simulate` does
    began, cpu = time.perf_counter(), time.process_time()
    count = sum(1 for _ in simulation.world.events(start + WARM + timedelta(seconds=10)))
    spent = time.perf_counter() - began
    return simulation, found | {
        "asked_per_second": round(count / 10),
        "made_per_second": round(count / spent),
        "cpu_us": round((time.process_time() - cpu) / count * 1e6, 1),
        "peak_megabytes": megabytes(),
    }


async def play(simulation: Simulation, port: int, seconds: float) -> dict[str, Any]:
    """So many seconds of the world, but no longer than three times that."""
    await until_open(port)
    tally = simulation.tally
    published, generated, dropped = tally.published, tally.generated, tally.dropped
    behind, began, cpu = 0.0, time.perf_counter(), time.process_time()
    running = asyncio.create_task(simulation.run(duration=timedelta(seconds=seconds)))
    while not running.done() and time.perf_counter() - began < 3 * seconds:
        await asyncio.wait({running}, timeout=0.25)
        behind = max(behind, tally.behind_seconds)
    spent = time.perf_counter() - began
    if not running.done():
        running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    return {
        "published_per_second": round((tally.published - published) / spent),
        "published": tally.published - published,
        "generated": tally.generated - generated,
        "dropped": tally.dropped - dropped,
        "took_seconds": round(spent, 1),
        "most_behind_seconds": round(behind, 2),
        "cpu_share": round((time.process_time() - cpu) / spent, 2),
        "peak_megabytes": megabytes(),
    }


@contextlib.contextmanager
def mosquitto(port: int) -> Iterator[None]:
    assert MOSQUITTO is not None
    with tempfile.TemporaryDirectory() as folder:
        conf = Path(folder) / "m.conf"
        conf.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n")
        process = subprocess.Popen([MOSQUITTO, "-c", str(conf)], stderr=subprocess.DEVNULL)
        try:
            yield
        finally:
            process.kill()
            process.wait()


@contextlib.contextmanager
def embedded(port: int) -> Iterator[None]:
    with private_broker() as server:
        process = subprocess.Popen(process_arguments(server, port, pace=None), stdout=subprocess.DEVNULL)
        try:
            yield
        finally:
            process.kill()
            process.wait()


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--homes", type=int, default=10_000)
    options.add_argument(
        "--rate", type=float, default=16.0, help="how much more often than in an ordinary home"
    )
    options.add_argument("--seconds", type=float, default=20.0)
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    result: dict[str, Any] = {
        "benchmark": "simulator",
        "at": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "load_average": round(os.getloadavg()[0], 1),
        "machine": {"cpu": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()},
        "homes": given.homes,
        "rate": given.rate,
        "seconds": given.seconds,
    }
    port = free_port()
    simulation, result["alone"] = invent(given.homes, given.rate, f"mqtt://127.0.0.1:{port}")
    print("without a broker", result["alone"], flush=True)
    brokers = {"mosquitto": mosquitto, "embedded": embedded}
    if MOSQUITTO is None:
        print("mosquitto: not installed, left out", flush=True)
        del brokers["mosquitto"]

    async def measured() -> None:
        for name, there in brokers.items():
            await asyncio.to_thread(stack.enter_context, there(port))
            result[name] = await play(simulation, port, given.seconds)
            await asyncio.to_thread(stack.close)
            print(name, result[name], flush=True)

    with contextlib.ExitStack() as stack:
        asyncio.run(measured())
    if given.out is not None:
        given.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
