"""How many readings a second does one core take through the rule engine on an ordinary day?

    .venv/bin/python benchmarks/engine.py [--homes 100] [--minutes 60] [--out FILE] [--profile]

A reading is one value of one quantity. Reports are made beforehand; what is measured is `tick` and `feed` only,
with time moving on as it does live; by processor time, after the first hour, in which every device of a home is met
for the first time (those that speak once an hour too), and which is a figure of its own. The live memory of a home is what
forty more homes add to the Python objects of an engine (half an hour of readings). Prints one line and, with `--out`, a dated JSON with the machine described.
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import json
import os
import platform
import pstats
import time
import tracemalloc
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from care.messages import Report
from care.site import Community, Device, Home, Registry, Resident, Site
from care.words import Kind
from rules.catalog import load
from rules.engine import Engine

START = datetime(2026, 3, 1, 14, 0, tzinfo=UTC)  # 22:00 in Shanghai: the busiest hours for bed rules

MET = timedelta(hours=1)
KIT = (
    ("belt", Kind.bed_belt, "bedroom"), ("smoke", Kind.smoke, "kitchen"), ("gas", Kind.gas, "kitchen"),
    ("sos", Kind.sos, "bedroom"), ("door", Kind.door, "entrance"), ("pir", Kind.motion, "living"),
    ("leak", Kind.water_leak, "bathroom"),
)  # fmt: skip


def a_site(homes: int) -> Site:
    return Site(
        community=Community(id="bench", name="bench"),
        homes=[
            Home(
                id=f"h{i:05}",
                residents=[Resident(id=f"r{i:05}", name="r", conditions=["dementia"] if i % 10 == 0 else [])],
                devices=[Device(id=f"{name}-{i:05}", kind=kind, room=room) for name, kind, room in KIT],
            )
            for i in range(homes)
        ],
    )


def reports(homes: int, minutes: int, seed: int = 7) -> list[Report]:
    """Ordinary readings: belts every 10 s in bed, motion in bursts, doors now and then, heartbeats every hour."""
    rng = np.random.default_rng(seed)
    out: list[Report] = []

    def say(home: int, name: str, kind: Kind, second: float, **values: float) -> None:
        at = START + timedelta(seconds=second)
        heard = at + timedelta(milliseconds=80)
        device = f"{name}-{home:05}"
        out.append(
            Report(
                report_id=f"{device}.{second}",
                home=f"h{home:05}",
                device=device,
                kind=kind.value,
                at=at,
                received_at=heard,
                device_at=at,
                seq=int(second),
                values=values,
            )
        )

    for home in range(homes):
        phase = float(rng.uniform(0, 10))
        up = rng.uniform(0, minutes * 60)
        beats = 62 + 5 * np.sin(np.arange(minutes * 6) / 25) + rng.normal(0, 1.5, size=minutes * 6)
        for step in range(minutes * 6):
            second = phase + step * 10
            if up < second < up + 400:  # a walk at night
                say(home, "belt", Kind.bed_belt, second, in_bed=False, movement=0, signal_quality=80)
            else:
                say(home, "belt", Kind.bed_belt, second, in_bed=True, heart_rate=int(beats[step]),
                    respiration_rate=int(13 + step % 3), movement=int(rng.integers(0, 9)), signal_quality=88)  # fmt: skip
        for second in np.sort(rng.uniform(0, minutes * 60, size=minutes // 4)):
            say(home, "pir", Kind.motion, float(second), motion=True, link_quality=90)
            say(home, "pir", Kind.motion, float(second) + 60, motion=False, link_quality=90)
        for second in np.sort(rng.uniform(0, minutes * 60, size=max(1, minutes // 60))):
            say(home, "door", Kind.door, float(second), door_open=True)
            say(home, "door", Kind.door, float(second) + 9, door_open=False)
        for second in range(int(rng.uniform(0, 300)), minutes * 60, 300):
            say(home, "gas", Kind.gas, second, gas=False, gas_level=0.0)
        for second in range(int(rng.uniform(0, 1800)), minutes * 60, 3600):
            say(home, "smoke", Kind.smoke, second, smoke=False, battery=91, battery_low=False)
            say(home, "sos", Kind.sos, second, battery=88, voltage=2950)
            say(home, "leak", Kind.water_leak, second, water_leak=False, battery=77, battery_low=False)
    out.sort(key=lambda r: r.received_at)
    return out


def live_memory(homes: int, minutes: int = 30) -> int:
    """Bytes of Python objects of an engine that has lived with so many homes, registry included, reports not."""
    site, day = a_site(homes), reports(homes, minutes)
    book = load()
    gc.collect()
    tracemalloc.start()
    engine = Engine(Registry(site), book)
    engine.tick(START)
    for report in day:
        engine.tick(report.received_at)
        engine.feed(report, report.received_at)
    del day
    gc.collect()
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--homes", type=int, default=100)
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--profile", action="store_true")
    given = parser.parse_args()
    site = a_site(given.homes)
    day = reports(given.homes, given.minutes + MET // timedelta(minutes=1))
    readings = sum(len(r.values) for r in day)
    engine = Engine(Registry(site), load())
    engine.tick(START)
    findings = 0
    gc.collect()
    known = next((i for i, r in enumerate(day) if r.received_at >= START + MET), 0)
    begin = time.process_time()
    for report in day[:known]:
        engine.tick(report.received_at)
        engine.feed(report, report.received_at)
    first_hour = time.process_time() - begin
    day = day[known:]
    readings = sum(len(r.values) for r in day)
    profile = cProfile.Profile() if given.profile else None
    if profile is not None:
        profile.enable()
    begin, began = time.process_time(), time.perf_counter()
    clock = START
    for report in day:
        now = report.received_at
        if now >= clock:
            findings += len(engine.tick(now))
            clock = now + timedelta(seconds=1)
        findings += len(engine.feed(report, now))
    seconds, wall = time.process_time() - begin, time.perf_counter() - began
    if profile is not None:
        profile.disable()
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)
    begin = time.process_time()
    data = engine.snapshot()
    packed = time.process_time() - begin
    begin = time.process_time()
    Engine.restore(Registry(site), load(), data)
    restored = time.process_time() - begin
    result = {
        "benchmark": "engine",
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": {
            "cpu": platform.processor() or platform.machine(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
        },
        "homes": given.homes,
        "reports": len(day),
        "readings": readings,
        "findings": findings,
        "processor_seconds": round(seconds, 3),
        "wall_seconds": round(wall, 3),
        "load_average": round(os.getloadavg()[0], 1),
        "first_hour_processor_seconds": round(first_hour, 3),
        "readings_per_second": round(readings / seconds),
        "reports_per_second": round(len(day) / seconds),
        "snapshot_bytes_per_home": round(len(data) / given.homes),
        "live_bytes_per_home": (live_memory(60) - live_memory(20)) // 40,
        "snapshot_seconds": round(packed, 3),
        "restore_seconds": round(restored, 3),
    }
    print(json.dumps(result))
    if given.out:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
