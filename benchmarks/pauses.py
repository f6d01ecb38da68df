"""How long does one message hold up the next in the rules? The longest of all, with and without sparing what stays.

    .venv/bin/python benchmarks/pauses.py [--homes 1500] [--minutes 6] [--out FILE]

An ordinary morning goes through the engine message by message; the clock stands beside each of them. What takes long is
not the rules but the garbage collector, which now and then looks at every object there is. `wiring.spare_what_stays`
takes those that have stayed out of its sight; here every so many messages, as many as come in 30 s at one a second
for each ten homes. Compare by ratio in one run.
"""

from __future__ import annotations

import argparse
import gc
import json
import time
from pathlib import Path

from engine import START, a_site, reports

from care.site import Registry
from rules.catalog import load
from rules.engine import Engine


def longest(homes: int, minutes: int, *, spare: bool) -> dict[str, float]:
    """Seconds of the slowest message, of the slowest hundredth, and of all full collections; objects the collector sees at the end."""
    day = reports(homes, minutes)
    engine = Engine(Registry(a_site(homes)), load())
    engine.tick(START)
    every = max(1, homes // 10 * 30)
    full: list[float] = []
    began = 0.0

    def watched(phase: str, info: dict[str, int]) -> None:
        nonlocal began
        if phase == "start":
            began = time.perf_counter()
        elif info["generation"] == 2:
            full.append(time.perf_counter() - began)

    if spare:
        gc.collect()
        gc.freeze()
    gc.callbacks.append(watched)
    took = []
    for n, report in enumerate(day, 1):
        at = time.perf_counter()
        engine.tick(report.received_at)
        engine.feed(report, report.received_at)
        took.append(time.perf_counter() - at)
        if spare and n % every == 0:
            gc.collect(1)
            gc.freeze()
    gc.callbacks.remove(watched)
    seen = len(gc.get_objects())
    gc.unfreeze()
    took.sort()
    return {
        "messages": len(took),
        "longest_s": round(took[-1], 4),
        "p99_s": round(took[len(took) * 99 // 100], 6),
        "full_collections": len(full),
        "full_collections_s": round(sum(full), 3),
        "objects_seen": seen,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--homes", type=int, default=1500)
    parser.add_argument("--minutes", type=int, default=6)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    found = {}
    for name, spare in (("as it is", False), ("spared", True)):
        found[name] = longest(args.homes, args.minutes, spare=spare)
        gc.collect()
        one = found[name]
        print(
            f"{name:9} {one['messages']:7,} messages · longest {one['longest_s'] * 1000:7.1f} ms · p99 {one['p99_s'] * 1000:6.3f} ms"
            f" · {one['full_collections']} full collections, {one['full_collections_s']:.2f} s · {one['objects_seen']:,} objects seen",
            flush=True,
        )
    if args.out:
        args.out.write_text(json.dumps({"homes": args.homes, **found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
