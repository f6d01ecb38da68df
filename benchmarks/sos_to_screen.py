"""How long from an SOS leaving the device until it is painted on the operator's desk, and until the first phone has it?

A real `anxin up` (embedded broker, stream and database, fsync on every message), a real Chromium. The device is an MQTT
client on loopback; the clock of the machine stamps both ends. `--background N` adds N belt messages a second (QoS 1).
Prints JSON; `make bench` keeps it in benchmarks/results.

Example: python benchmarks/sos_to_screen.py --presses 30 --background 200
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import sys
import threading
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from playwright.sync_api import sync_playwright

from tests.conftest import _chromium
from tests.e2e.conftest import Device, a_service, open_screen, sign_in

WATCH = """
window.painted = {};
new MutationObserver(() => {
  for (const row of document.querySelectorAll('[data-alert]')) {
    const id = row.dataset.alert;
    if (id in window.painted) continue;
    window.painted[id] = null;
    requestAnimationFrame(() => setTimeout(() => { window.painted[id] = Date.now(); }, 0));
  }
}).observe(document.documentElement, {subtree: true, childList: true, attributes: true, attributeFilter: ['data-alert']});
"""
"""Notes the time after the frame in which a row first appeared was drawn."""


def flood(port: int, rate: float, stop: threading.Event) -> None:
    """Telemetry of one more device: they take the whole way in."""
    device = Device(port)
    n = 0
    began = time.monotonic()
    while not stop.is_set():
        n += 1
        device.says("anxin/v1/h0318/gas-0318", {"gas": False, "gas_level": n % 3, "seq": n}, wait=False)
        ahead = began + n / rate - time.monotonic()
        if ahead > 0:
            time.sleep(ahead)
    device.close()


def percentiles(samples: list[float]) -> dict[str, float]:
    ordered = sorted(samples)
    pick = lambda q: ordered[min(len(ordered) - 1, int(q * len(ordered)))]  # noqa: E731
    return {
        "p50": round(statistics.median(ordered), 1),
        "p95": round(pick(0.95), 1),
        "max": round(ordered[-1], 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--presses", type=int, default=20)
    parser.add_argument("--background", type=float, default=0)
    options = parser.parse_args()
    chromium = _chromium()
    if chromium is None:
        sys.exit("this benchmark needs Chromium; install it or set ANXIN_CHROMIUM")
    screen_ms: list[float] = []
    phone_ms: list[float] = []
    with (
        a_service(acknowledge=600) as service,
        sync_playwright() as playwright,
        contextlib.ExitStack() as stack,
    ):
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
        )
        page = open_screen(browser).new_page()
        sign_in(page, service.url, "/desk")
        page.wait_for_selector('html[data-link="live"]', state="attached")
        page.evaluate(WATCH)
        device = Device(service.mqtt_port)
        program = stack.enter_context(service.sign_in())
        stop = threading.Event()
        if options.background:
            threading.Thread(
                target=flood, args=(service.mqtt_port, options.background, stop), daemon=True
            ).start()
            time.sleep(2)
        for n in range(options.presses):
            service.phones.messages.clear()
            began = time.time() * 1000
            device.says("anxin/v1/h0317/sos-0317", {"sos": True, "seq": n + 1}, wait=False)
            case: dict[str, Any] | None = None
            painted = None
            while painted is None:
                found = page.evaluate("Object.entries(window.painted).filter(([, at]) => at !== null)")
                fresh = [(i, at) for i, at in found if at > began]
                if fresh:
                    painted = fresh[0][1]
                if time.time() * 1000 - began > 10_000:
                    sys.exit("an SOS did not reach the screen within 10 s")
                page.wait_for_timeout(20)
            screen_ms.append(painted - began)
            while not (pages := [m for m in service.phones.messages if m.path == "/desk"]):
                time.sleep(0.005)
            phone_ms.append(pages[0].at.timestamp() * 1000 - began)
            # The next press must open a case of its own.
            while case is None or case["state"] != "closed":
                case = program.get("/alerts", params={"limit": 1}).json()["items"][0]
                program.post(
                    f"/alerts/{case['id']}/close",
                    json={
                        "version": case["version"], "cause": "C13", "verification": "V1", "actions": ["A1"],
                        "outcome": "O1", "truth": "test",
                    },
                )  # fmt: skip
                case = program.get(f"/alerts/{case['id']}").json()
            page.wait_for_timeout(200)
        stop.set()
        device.close()
        browser.close()
    print(
        json.dumps(
            {
                "presses": options.presses,
                "background_per_second": options.background,
                "publish_to_painted_ms": percentiles(screen_ms),
                "publish_to_first_phone_ms": percentiles(phone_ms),
            }
        )
    )


if __name__ == "__main__":
    main()
