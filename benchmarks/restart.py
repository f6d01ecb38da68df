"""How long until a rules worker that was killed is ready again, on a real NATS, with its memory of ten thousand homes?

    .venv/bin/python benchmarks/restart.py [--homes 10000] [--hours 1] [--out FILE]

Homes hear an hour of ordinary readings (benchmarks/engine.py) straight into a worker's engine; then the worker saves
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
from care.site import Registry
from care.stream import SNAPSHOTS

sys.path.insert(0, str(Path(__file__).parent))
from engine import START, a_site, reports  # the bench beside this one

from anxin import embedded, settings, wiring
from rules.catalog import load
from rules.worker import Worker


async def measure(homes: int, minutes: int, folder: Path) -> dict[str, object]:
    site = a_site(homes)
    registry, book = Registry(site), load()
    made = settings.load(None, overrides={"data_dir": str(folder)})
    async with embedded.temporary_stream(made) as filled, wiring.open_stream(filled) as stream:
        worker = Worker(stream, SystemClock(), registry, book)
        worker.engine.tick(START)
        part = reports(min(homes, 200), minutes)
        copies = range(0, homes, 200)
        for report in part:
            worker.engine.feed(report, report.received_at)
        # The other homes get their memory from the same readings under their own names.
        for first in copies:
            if first == 0:
                continue
            for report in part[:: max(1, len(part) // 4000)]:
                number = int(report.home[1:]) + first
                if number < homes:
                    device = f"{report.device.rsplit('-', 1)[0]}-{number:05}"
                    other = msgspec.structs.replace(report, home=f"h{number:05}", device=device)
                    worker.engine.feed(other, report.received_at)
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
        "machine": {"cpu": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()},
        **found,
    }
    print(json.dumps(result))
    if given.out:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
