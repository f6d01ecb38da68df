"""How long until a rules worker that was killed is ready again, on a real NATS, with its memory of ten thousand homes?

    .venv/bin/python benchmarks/restart.py [--homes 10000] [--minutes 30] [--out FILE]

Two hundred homes hear half an hour of ordinary readings (benchmarks/engine.py), the others get the same memory; then the worker saves
everything to JetStream's key-value store, a second one resumes from there, and a save after a tenth of the homes
spoke again is measured. Ready is: memory and positions taken up, the next reading can be fed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import msgspec

from care.clock import SystemClock
from care.ids import PARTITIONS
from care.site import Registry
from care.stream import SNAPSHOTS

sys.path.insert(0, str(Path(__file__).parent))
from engine import START, a_site, reports  # the bench beside this one

from anxin import embedded, settings, wiring
from rules.catalog import load
from rules.engine import Engine
from rules.memory import PackedHome, Snapshot, pack, unpack
from rules.worker import Worker

KNOWN = 200
"""Homes that really hear the readings; the others get the same memory under their own names."""


def multiplied(data: bytes, homes: int) -> bytes:
    """The snapshot of the first homes, for all: numbers in names have five digits, so bytes keep their length."""
    first = unpack(data)
    packed = {}
    for number in range(homes):
        known = number % KNOWN
        one = first.homes[f"h{known:05}"]
        moved = one.data.replace(f"{known:05}".encode(), f"{number:05}".encode())
        packed[f"h{number:05}"] = PackedHome(one.urgent, one.normal, moved)
    return pack(Snapshot(first.schema, first.started_at, packed))


async def measure(homes: int, minutes: int, folder: Path) -> dict[str, object]:
    site = a_site(homes)
    registry, book = Registry(site), load()
    made = settings.load(None, overrides={"data_dir": str(folder)})
    async with embedded.temporary_stream(made) as filled, wiring.open_stream(filled) as stream:
        worker = Worker(stream, SystemClock(), registry, book)
        worker.engine.tick(START)
        part = reports(min(homes, KNOWN), minutes)
        for report in part:
            worker.engine.feed(report, report.received_at)
        worker.engine = Engine.restore(registry, book, multiplied(worker.engine.snapshot(), homes))
        worker._unsaved = set(range(PARTITIONS))  # noqa: SLF001  # all of it is new to the store
        begin = time.perf_counter()
        await worker.save()
        saved = time.perf_counter() - begin
        size = sum(len(p.data) for p in worker.engine._packed.values())  # noqa: SLF001  # what is measured
        for report in part[-200:]:
            number = int(report.home[1:])
            if number < homes // 10:
                later = msgspec.structs.replace(
                    report, report_id=f"{report.report_id}+", at=report.at + timedelta(hours=1),
                    received_at=report.received_at + timedelta(hours=1), device_at=None,
                )  # fmt: skip
                worker.engine.feed(later, later.received_at)
        begin = time.perf_counter()
        await worker.save()
        again = time.perf_counter() - begin
        keys = await stream.keys(SNAPSHOTS, "rules.")
        second = Worker(stream, SystemClock(), registry, book)
        begin = time.perf_counter()
        await second.resume()
        ready = time.perf_counter() - begin
        assert len(second.engine.homes()) == homes
    return {
        "homes": homes,
        "snapshot_megabytes": round(size / 1e6, 2),
        "bytes_per_home": round(size / homes),
        "save_all_seconds": round(saved, 3),
        "save_changed_seconds": round(again, 3),
        "keys": len(keys),
        "ready_seconds": round(ready, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--homes", type=int, default=10_000)
    parser.add_argument("--minutes", type=int, default=30)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="anxin-bench-") as folder:
        found = asyncio.run(measure(given.homes, given.minutes, Path(folder)))
    result = {
        "benchmark": "restart",
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "load_average": round(os.getloadavg()[0], 1),
        "machine": {"cpu": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()},
        **found,
    }
    print(json.dumps(result))
    if given.out:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
