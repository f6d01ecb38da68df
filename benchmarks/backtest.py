"""How long does a backtest of 30 days and 8,000 devices take on two cores?

    .venv/bin/python benchmarks/backtest.py [--homes 1143] [--days 30] [--belt-seconds 300] [--sample 24] [--out FILE]

Homes of seven devices with generated ordinary history (walks at night among it); one community-wide limit is changed,
and every home is run twice, as it is and as it would be. Reports are made in the process that judges them, home by
home, as the real command reads them. `minutes_for_all` is the processor time of the judging (not of the making), scaled by
the number of homes, because homes are run by themselves, and divided by the processes; it is the wall clock of a
machine that does nothing else. `--sample 0` runs all homes. `load_average` says whether others were working:
processors that share a core make each other slower even by processor time.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from care.messages import Report
from care.words import Kind
from rules.catalog import load
from rules.trial import Change, HomeTrial, Runner, with_limit

sys.path.insert(0, str(Path(__file__).parent))
from engine import START, a_site  # the bench beside this one


def history(home: int, days: int, belt_seconds: int) -> list[Report]:
    """A home's ordinary days, in order."""
    rng = np.random.default_rng(home)
    out: list[Report] = []

    def say(name: str, kind: Kind, second: float, **values: float) -> None:
        at = START + timedelta(seconds=round(second))
        device = f"{name}-{home:05}"
        out.append(
            Report(
                report_id=f"{device}.{second}", home=f"h{home:05}", device=device, kind=kind.value,
                at=at, received_at=at, device_at=at, values=values,
            )
        )  # fmt: skip

    for day in range(days):
        zero = day * 86400
        walk, back = zero + rng.uniform(0, 7 * 3600), rng.uniform(120, 1800)
        for second in range(zero, zero + 86400, belt_seconds):
            hour = second % 86400 / 3600
            in_bed = hour < 9 and not walk < second < walk + back
            say("belt", Kind.bed_belt, second, in_bed=in_bed, **({"heart_rate": int(60 + second % 9), "respiration_rate": 14, "movement": 3, "signal_quality": 88} if in_bed else {}))  # fmt: skip
        for second in np.sort(rng.uniform(9 * 3600, 86400, 40)):
            say("pir", Kind.motion, zero + second, motion=True)
            say("pir", Kind.motion, zero + second + 60, motion=False)
        for second in range(zero, zero + 86400, 600):
            say("gas", Kind.gas, second + 1, gas=False, gas_level=0.0)
        for second in range(zero, zero + 86400, 3600):
            for name, kind, values in (
                ("smoke", Kind.smoke, {"smoke": False, "battery": 91}),
                ("sos", Kind.sos, {"battery": 88}),
                ("leak", Kind.water_leak, {"water_leak": False, "battery": 77}),
                ("door", Kind.door, {"door_open": False, "battery": 90}),
            ):
                say(name, kind, second + 2, **values)
    out.sort(key=lambda r: r.received_at)
    return out


def one(given: tuple[int, int, int, int]) -> tuple[int, int, float]:
    """Readings, alerts lost, processor seconds of judging for one home."""
    home, homes, days, belt_seconds = given
    book = load()
    site = a_site(homes)
    change = Change(site, book, with_limit(site, book, "bed_exit_yellow_minutes", 30), book)
    runner = Runner(change, START, START + timedelta(days=days))
    heard = history(home, days, belt_seconds)
    begin = time.process_time()
    found: HomeTrial = runner.run(f"h{home:05}", heard)
    return found.readings, len(found.before) - len(found.after), time.process_time() - begin


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--homes", type=int, default=1143)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--belt-seconds", type=int, default=300)
    parser.add_argument("--sample", type=int, default=24)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    sample = given.sample or given.homes
    began = time.perf_counter()
    with get_context("fork").Pool(given.processes) as pool:
        done = pool.map(
            one, [(h, sample, given.days, given.belt_seconds) for h in range(sample)], chunksize=1
        )
    wall = time.perf_counter() - began
    readings, judging = sum(d[0] for d in done), sum(d[2] for d in done)
    scale = given.homes / sample
    result = {
        "benchmark": "backtest",
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": {"cpu": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()},
        "load_average": round(os.getloadavg()[0], 1),
        "days": given.days,
        "devices": given.homes * 7,
        "homes_run": sample,
        "readings_a_device_and_day": round(readings / sample / 7 / given.days, 1),
        "readings": round(readings * scale),
        "wall_seconds_run": round(wall, 1),
        "minutes_for_all": round(judging * scale / given.processes / 60, 2),
        "readings_per_processor_second": round(readings / judging),
        "lost": sum(d[1] for d in done),
    }
    print(json.dumps(result))
    if given.out:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
