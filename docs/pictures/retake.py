"""Take the pictures of this folder again, from a demo that has just been started.

    make demo                                    # in one terminal; it prints the password
    .venv/bin/python docs/pictures/retake.py http://127.0.0.1:8000 PASSWORD desk wall …

Without names: all of them. It signs in as the demo's people, waits for the smoke in the reference home's kitchen with which every
demo begins, looks at each page at its real size, and keeps the pictures small: 256 colours of each, as PNG. A demo has lived for
minutes only, so `resident` and `figures` come from a room of the tests, whose history has days. `down` silences the line between service and
screens for a while and is taken last. Chromium is looked for at `ANXIN_CHROMIUM`, else at /usr/bin/chromium. Look at what came out
before you commit it.
"""

from __future__ import annotations

import base64
import os
import struct
import sys
import time
import zlib
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))
from tests.e2e.lived import ZONE  # noqa: E402 - the folder has to be known first
from tests.e2e.room import PASSWORD, Room  # noqa: E402

HOME = "h0317"
PICTURES: dict[str, tuple[str, str, int, int, float]] = {
    # name: user, path, width, height, dots to a pixel; in the order in which they are taken
    "desk": ("operator", "/desk", 1920, 1080, 1),
    "wall": ("operator", "/wall", 1920, 1080, 1),
    "go": ("responder", "/go", 390, 844, 2),
    "family": ("family", "/family", 390, 844, 2),
    "duty": ("operator", "/duty", 1920, 1080, 1),
    "figures": ("operator", "/kpi?period=week", 1440, 810, 1),
    "resident": ("operator", "/residents/r0317", 1440, 810, 1),
    "limits": ("operator", "/residents/r0317?view=limits", 1440, 810, 1),
    "calls": ("social", "/calls", 390, 844, 1),
    "sim": ("admin", "/sim", 1920, 1080, 1),
    "down": ("operator", "/desk", 1440, 810, 1),
}


def few_colours(shot: bytes, page: Page) -> bytes:
    """The same picture with its 256 most used colours: what is rarer takes the nearest of them."""
    width, height, rgba = page.evaluate(
        """async (data) => { const image = await createImageBitmap(await (await fetch(`data:image/png;base64,${data}`)).blob())
          const canvas = new OffscreenCanvas(image.width, image.height); const drawn = canvas.getContext('2d'); drawn.drawImage(image, 0, 0)
          const pixels = drawn.getImageData(0, 0, image.width, image.height).data
          let words = ''; for (let n = 0; n < pixels.length; n += 32768) words += String.fromCharCode(...pixels.subarray(n, n + 32768))
          return [image.width, image.height, btoa(words)] }""",
        base64.b64encode(shot).decode(),
    )
    pixels = np.frombuffer(base64.b64decode(rgba), np.uint8).reshape(-1, 4)[:, :3]
    colours, where, often = np.unique(pixels, axis=0, return_inverse=True, return_counts=True)
    kept = colours[np.argsort(-often, kind="stable")[:256]].astype(np.int32)
    nearest = np.empty(len(colours), np.uint8)
    for n, colour in enumerate(colours.astype(np.int32)):
        nearest[n] = np.argmin(((kept - colour) ** 2).sum(axis=1))
    rows = nearest[where.reshape(-1)].reshape(height, width)
    body = np.concatenate([np.zeros((height, 1), np.uint8), rows], axis=1).tobytes()

    def part(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    palette = kept.astype(np.uint8).tobytes()
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"PLTE", palette) + part(b"IDAT", zlib.compress(body, 9)) + part(b"IEND", b"")  # fmt: skip


class Demo:
    """The demo's people, each in a browser of their own."""

    def __init__(self, browser: Browser, base: str, password: str) -> None:
        self.browser, self.base, self.password = browser, base, password

    def page(self, user: str, width: int, height: int, dots: float = 1) -> Page:
        """Signed in, with the sound already tried, so that no banner asks for it."""
        context = self.browser.new_context(
            viewport={"width": width, "height": height},
            device_scale_factor=dots,
            locale="zh-CN",
            timezone_id="Asia/Shanghai",
            color_scheme="dark",
        )
        answer = context.request.post(
            f"{self.base}/api/v1/session",
            data={"username": user, "password": self.password},
            headers={"origin": self.base},
        )
        if not answer.ok:
            raise SystemExit(
                f"{user} cannot sign in at {self.base}: {answer.status}; is that the demo's password?"
            )
        return context.new_page()

    def ask(self, page: Page, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """One question to the service, as that page's person."""
        answer = page.context.request.fetch(
            f"{self.base}/api/v1{path}",
            method=method,
            data=body,
            headers={"origin": self.base, "idempotency-key": f"picture-{time.time_ns()}"},
        )
        if not answer.ok:
            raise SystemExit(f"{method} {path} was refused: {answer.status} {answer.text()[:200]}")
        return answer.json() if answer.text() else None


def at_night(room: Room) -> Room:
    """The room where it is 3:44, while the pulse of its history is high: its screens show the case and what it is about."""
    local = room.clock.now().astimezone(ZONE)
    then = local.replace(hour=3, minute=44, second=40)
    room.clock.advance(((then - local) % timedelta(days=1)).total_seconds())
    return room


def a_week_ago(room: Room) -> Room:
    """The room where everything is yet to happen."""
    room.clock.advance(-7 * 86_400)
    return room


def a_week(room: Room) -> None:
    """Seven ordinary days until now: some fifty cases, answered as a practised centre answers them, once or twice too late."""
    chance = np.random.default_rng(7)
    homes = list(room.registry.homes)
    desks = [s.id for s in room.registry.site.staff if s.role.value == "operator"]
    whoever = [s.id for s in room.registry.site.staff if s.role.value in ("social_worker", "grid_member")]
    # what it was, what it was told as, whether somebody has to go
    ordinary: list[tuple[str, str, str, bool]] = [
        ("smoke", "C02", "avoidable", False),
        ("smoke", "C02", "avoidable", True),
        ("sos", "C11", "real", True),
        ("sos", "C12", "avoidable", False),
        ("fall", "C08", "real", True),
        ("gas", "C06", "unavoidable", True),
        ("bed", "C10", "real", False),
        ("vitals", "C09", "real", True),
        ("water", "C18", "real", True),
        ("battery", "C21", "real", False),
    ]
    end = room.clock.now() + timedelta(days=7)
    while (left := (end - room.clock.now()).total_seconds()) > 4 * 3600:
        room.passes(float(chance.uniform(1800, min(6 * 3600, left - 3 * 3600))))
        kind, cause, truth, goes = ordinary[chance.integers(len(ordinary))]
        desk, far = str(chance.choice(desks)), str(chance.choice(whoever))
        alert = room.raised(kind, str(chance.choice(homes)))
        room.passes(float(chance.gamma(2.2, 14)))
        room.command(alert, "acknowledge", actor=desk)
        room.passes(float(chance.uniform(3, 12)))
        room.command(alert, "call", actor=desk, to="home", result="no_answer" if goes else "answered")
        if goes:
            room.command(alert, "dispatch", actor=desk, responders=[far])
            for word, least, most in (("accept", 10, 50), ("depart", 20, 60), ("arrive", 120, 420)):
                room.passes(float(chance.uniform(least, most)))
                room.command(alert, word, actor=far)
        room.passes(float(chance.uniform(60, 400)))
        outcome = {"cause": cause, "truth": truth, "outcome": "O1", "verification": "V4" if goes else "V1"}
        room.command(alert, "close", actor=desk, actions=["A2" if goes else "A1"], **outcome)
    room.passes((end - room.clock.now()).total_seconds())
    room.all_protected()


def main() -> None:
    base, password, *wanted = sys.argv[1:]
    chromium = os.environ.get("ANXIN_CHROMIUM") or "/usr/bin/chromium"
    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"],
        )
        demo = Demo(browser, base.rstrip("/"), password)
        admin = demo.page("admin", 800, 600)
        operator = demo.page("operator", 800, 600)
        case: dict[str, Any] | None = None
        for _ in range(360):
            found = demo.ask(operator, "GET", "/alerts?state=open")["items"]
            case = next((one for one in found if one["home"] == HOME and one["level"] == "red"), None)
            if case is not None:
                break
            time.sleep(0.5)
        else:
            raise SystemExit("no kitchen smokes in three minutes: start a fresh demo")
        rooms = {}
        if not wanted or "resident" in wanted:
            room = rooms["resident"] = at_night(Room(simulated=True)).open()
            room.all_protected()
            bed = {"in_bed": True, "heart_rate": 87, "respiration_rate": 16}
            room.reads("belt-0317", home=HOME, kind="bed_belt", **bed)
            room.raised("vitals", HOME)
        if not wanted or "figures" in wanted:
            room = rooms["figures"] = a_week_ago(Room(simulated=True)).open()
            a_week(room)
        for name, (user, path, width, height, dots) in PICTURES.items():
            if wanted and name not in wanted:
                continue
            lived = rooms.get(name)
            of = demo if lived is None else Demo(browser, lived.url, PASSWORD)
            page = of.page(user, width, height, dots)
            if name == "go" and case is not None:
                me = demo.ask(page, "GET", "/session")["staff"]
                version = demo.ask(operator, "GET", f"/alerts/{case['id']}")["version"]
                sent = {"responders": [me], "version": version}
                demo.ask(operator, "POST", f"/alerts/{case['id']}/dispatch", sent)
            if name == "calls":
                demo.ask(operator, "POST", "/rounds", {"title": "降温提醒", "tiers": ["key"]})
            if lived is not None:  # a screen whose own clock is wrong says so
                page.clock.set_system_time(lived.clock.now())
            page.goto(f"{of.base}{path}")
            page.wait_for_timeout(4_000)
            later = page.get_by_role("button", name="稍后")
            if later.count() > 0:
                later.first.click()
            if name == "go":
                page.locator('[data-step="accept"]').click()
            if name == "down":
                demo.ask(admin, "POST", "/simulator/link", {"test": "silent", "value": 40})
                page.locator('html[data-link="down"]').wait_for(state="attached", timeout=60_000)
            page.wait_for_timeout(1_200)
            shot = few_colours(page.screenshot(), admin)
            (HERE / f"{name}.png").write_bytes(shot)
            print(f"{name}.png {len(shot) // 1000} kB")
            page.context.close()
        browser.close()
        for room in rooms.values():
            room.close()


if __name__ == "__main__":
    main()
