"""Five hundred people press SOS in one second: when is the first page of each out, and does any phone get one twice?

A real `anxin up` (embedded broker, stream and database, fsync on every message) with 500 homes in 27 micro-grids, two
operators and two responders of each micro-grid, whose phones are a small HTTP server that takes what Apprise posts.
Fifty gateways press their ten homes' buttons, spread evenly over the second. Exit 1 when a page is missing, late
(`--within`, 5 s) or sent twice. Phones and service share the machine: run it on a quiet one. Prints JSON.

Example: python benchmarks/sos_storm.py --presses 500
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections import Counter, deque
from datetime import datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import httpx

from benchmarks.sos_to_screen import percentiles
from simulators.phones import Message
from tests.e2e.conftest import Device, Service, a_service

MICRO_GRIDS, RESPONDERS, GATEWAYS = 27, 2, 50
NUMBER = re.compile(r"#(\d+)")


class Community(Service):
    """The service with a home for each press."""

    homes = 500

    def site(self) -> str:
        """Every home with an SOS button; nobody has a shift, so everybody is on duty."""
        phone = f"json://127.0.0.1:{self.phones.port}"
        grids = [
            {"id": f"g{m:02d}", "name": f"{m} 微网格", "location": [29.95 + m / 1000, 121.71]}
            for m in range(MICRO_GRIDS)
        ]
        homes = [
            {
                "id": f"h{n:04d}",
                "micro_grid": f"g{n % MICRO_GRIDS:02d}",
                "address": f"银杏小区 {n // 20 + 1} 幢 1 单元 {n % 20 // 2 + 1}0{n % 2 + 1}",
                "location": [29.95 + n % MICRO_GRIDS / 1000, 121.71],
                "residents": [{"id": f"r{n:04d}", "name": f"住户{n}", "born": 1940}],
                "contacts": [{"id": f"c{n:04d}", "name": f"亲属{n}", "phone": f"1{n:010d}"}],
                "devices": [{"id": f"sos-{n:04d}", "kind": "sos", "room": "bedroom"}],
            }
            for n in range(self.homes)
        ]
        staff: list[dict[str, Any]] = [
            {"id": f"desk{d}", "name": f"值班{d}", "role": "operator", "notify": [f"{phone}/desk{d}"]}
            for d in (1, 2)
        ]
        staff += [
            {
                "id": f"w{m:02d}{r}",
                "name": f"网格员{m}-{r}",
                "role": "grid_worker",
                "micro_grids": [f"g{m:02d}"],
                "location": [29.95 + m / 1000, 121.71],
                "notify": [f"{phone}/w{m:02d}{r}"],
            }
            for m in range(MICRO_GRIDS)
            for r in range(RESPONDERS)
        ]
        return json.dumps(
            {
                "community": {"id": "zpq", "name": "总浦桥社区", "timezone": "Asia/Shanghai"},
                "grids": [{"id": "g", "name": "网格", "micro_grids": grids}],
                "homes": homes,
                "staff": staff,
                "policy": {"acknowledge_seconds": self.acknowledge, "arrive_minutes": 10},
            },
            ensure_ascii=False,
        )


def press(service: Service, presses: int) -> dict[str, float]:
    """Every button once, within a second; home -> when."""
    gateways = [Device(service.mqtt_port) for _ in range(min(GATEWAYS, presses))]
    pressed: dict[str, float] = {}
    began = time.monotonic()
    for n in range(presses):
        ahead = began + n / presses - time.monotonic()
        if ahead > 0:
            time.sleep(ahead)
        home = f"h{n:04d}"
        pressed[home] = time.time()
        gateways[n % len(gateways)].says(f"anxin/v1/{home}/sos-{n:04d}", {"sos": True, "seq": 1}, wait=False)
    return pressed


def numbers(program: httpx.Client, presses: int, until: float) -> dict[int, tuple[str, float]]:
    """Case number -> home and when it was raised, once all are there or time is up."""
    found: dict[int, tuple[str, float]] = {}
    while len(found) < presses and time.monotonic() < until:
        cursor = None
        while True:
            page = program.get(
                "/alerts", params={"limit": 200, **({"cursor": cursor} if cursor else {})}
            ).json()
            found |= {
                a["number"]: (a["home"], datetime.fromisoformat(a["raised_at"]).timestamp())
                for a in page["items"]
                if a["code"].startswith("SOS")
            }
            cursor = page["next"]
            if cursor is None:
                break
        time.sleep(0.5)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--presses", type=int, default=500)
    parser.add_argument("--within", type=float, default=5.0, help="seconds allowed for the first page")
    parser.add_argument("--patience", type=float, default=120.0, help="seconds until pages count as missing")
    options = parser.parse_args()
    Community.homes = options.presses
    with a_service(acknowledge=600, kind=Community) as service:
        service.phones.messages = deque[Message]()  # all of them are counted
        program = service.sign_in()
        pressed = press(service, options.presses)
        until = time.monotonic() + options.patience
        # Counting pages costs the API nothing; it is asked only once they have come.
        seen, quiet_since = -1, time.monotonic()
        while time.monotonic() < until and (seen < options.presses or time.monotonic() - quiet_since < 3):
            if len(service.phones.messages) != seen:
                seen, quiet_since = len(service.phones.messages), time.monotonic()
            time.sleep(0.1)
        cases = numbers(program, options.presses, until)
        pages = [
            (m, int(n)) for m in service.phones.messages.copy() for n in set(NUMBER.findall(m.title + m.text))
        ]
    first: dict[str, float] = {}
    for message, number in pages:
        if number in cases:
            home, _ = cases[number]
            first[home] = min(first.get(home, 1e12), message.at.timestamp())
    waits = [(first[home] - at) * 1000 for home, at in pressed.items() if home in first]
    twice = [key for key, count in Counter((m.path, n) for m, n in pages).items() if count > 1]
    missing = sorted(set(pressed) - set(first))
    late = sum(w > options.within * 1000 for w in waits)
    print(
        json.dumps(
            {
                "presses": options.presses,
                "cases": len(cases),
                "pages": len(pages),
                "press_to_case_ms": percentiles([(at - pressed[home]) * 1000 for home, at in cases.values()]),
                "press_to_first_page_ms": percentiles(waits) if waits else None,
                "late": late,
                "missing": len(missing),
                "twice": len(twice),
            }
        )
    )
    if missing or late or twice:
        sys.exit(
            f"{len(missing)} cases without a page {missing[:5]}, {late} later than {options.within:g} s, "
            f"{len(twice)} sent twice {twice[:5]}"
        )


if __name__ == "__main__":
    main()
