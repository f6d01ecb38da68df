"""The whole service, started as its user starts it, and a real browser to look at it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from anxin.embedded import free_port
from simulators.phones import Message, Phones
from tests.e2e.room import PASSWORD as ROOM_PASSWORD
from tests.e2e.room import Room
from tests.e2e.screens import Screen, Screens

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page, Playwright

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "correct-horse"
ARTEFACTS = Path(os.environ.get("ANXIN_PICTURES") or ROOT / "test-results")

SITE = """\
community: {{id: zpq, name: 总浦桥社区, street: 招宝山街道, timezone: Asia/Shanghai, centre: [29.9523, 121.71023]}}
grids:
  - {{id: g05, name: 第5网格, micro_grids: [{{id: g05-2, name: 5-2 微网格, location: [29.9531, 121.7102]}}]}}
homes:
  - id: h0317
    micro_grid: g05-2
    address: 银杏小区 3 幢 2 单元 402
    location: [29.9532, 121.7104]
    floor: 4
    lift: true
    phone: "0574-00000317"
    access: {{key: 邻里中心 07 号柜, door_code: "2580#"}}
    residents:
      - {{id: r0317, name: 周阿婆, born: 1944, tier: key, conditions: [dementia], flags: [hard_of_hearing, lives_alone],
         consent: {{vitals: [centre, doctor], bed: [centre], family: [status]}}}}
    contacts:
      - {{id: c0317a, name: 周女士, relation: 女儿, phone: "10000000921", notify: ["json://127.0.0.1:{phones}/family"], for: [red]}}
    devices:
      - {{id: smoke-0317, kind: smoke, room: kitchen, address: zigbee2mqtt/h0317/厨房烟感}}
      - {{id: sos-0317, kind: sos, room: bedroom}}
      - {{id: pir-0317, kind: motion, room: living, address: zigbee2mqtt/h0317/客厅人体}}
      - {{id: door-0317, kind: door, room: entrance, address: zigbee2mqtt/h0317/入户门}}
{more}  - id: h0318
    micro_grid: g05-2
    address: 银杏小区 9 幢 1 单元 201
    location: [29.9538, 121.7100]
    residents: [{{id: r0318, name: 吴阿婆, born: 1946}}]
    contacts: [{{id: c0318, name: 吴先生, phone: "10000000318"}}]
    devices:
      - {{id: sos-0318, kind: sos, room: bedroom}}
      - {{id: gas-0318, kind: gas, room: kitchen}}
staff:
  - {{id: s01, name: 陈敏芝, role: operator, notify: ["json://127.0.0.1:{phones}/desk"]}}
  - {{id: s02, name: 方静, role: operator, notify: ["json://127.0.0.1:{phones}/desk2"]}}
  - {{id: s05, name: 陆海峰, role: supervisor, notify: ["json://127.0.0.1:{phones}/supervisor"]}}
  - {{id: s06, name: 沈主任, role: admin, notify: ["json://127.0.0.1:{phones}/manager"]}}
  - {{id: s07, name: 林国平, role: grid_worker, micro_grids: [g05-2], location: [29.9535, 121.7099], notify: ["json://127.0.0.1:{phones}/lin"]}}
policy: {{acknowledge_seconds: {acknowledge}, arrive_minutes: 10}}
"""

MORE = "".join(
    f"""\
  - id: h04{n:02d}
    micro_grid: g05-2
    address: 胜利路 21 号 {n}01
    residents: [{{id: r04{n:02d}, name: 陈爷爷, born: 1940, consent: {{family: [status]}}}}]
    contacts: [{{id: c04{n:02d}, name: 陈先生, phone: "13800000{n:03d}"}}]
    devices: [{{id: smoke-04{n:02d}, kind: smoke, room: kitchen, address: zigbee2mqtt/h04{n:02d}/kitchen smoke}}]
"""
    for n in range(1, 11)
)
"""A home for each part that is killed in the middle of its story."""


PATIENCE_SECONDS = 30.0
"""How long a check waits for what is on its way. How fast things are is measured in benchmarks/: here a busy machine
must not look like a fault."""


def wait_for(true: Callable[[], Any], seconds: float = PATIENCE_SECONDS, what: str = "it") -> Any:
    """The first true answer, or a failure that says what was waited for."""
    deadline = time.monotonic() + seconds
    while True:
        # A fault of the line is asked again; a fault of the test is not.
        with contextlib.suppress(httpx.HTTPError, OSError):
            answer = true()
            if answer:
                return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen within {seconds:g} s")
        time.sleep(0.02)


def comes_to(ask: Callable[[], Any], wanted: Any, what: str) -> None:
    """Wait until the answer is the wanted one; fails with the last answer that was not."""
    last: Any = None

    def once() -> bool:
        nonlocal last
        last = ask()
        return bool(last == wanted)

    try:
        wait_for(once, what=what)
    except AssertionError as late:
        raise AssertionError(f"{late}: it is {last!r}, not {wanted!r}") from None


@dataclass
class Device:
    """An MQTT client of our own, as a gateway has one: QoS 1, again until the broker has confirmed."""

    port: int
    in_flight: int = 20
    """Messages that may wait for their acknowledgement at the same time."""
    client: paho.Client = field(init=False)
    acks: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    confirmed: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"test-{uuid.uuid4().hex[:8]}")
        self.client.reconnect_delay_set(0.1, 0.5)
        self.client.max_inflight_messages_set(self.in_flight)

        def connected(client: paho.Client, *_: Any) -> None:
            client.subscribe("anxin/v1/+/+/ack", 1)

        def heard(_client: Any, _data: Any, message: paho.MQTTMessage) -> None:
            self.acks.append((message.topic, json.loads(message.payload)))

        def confirmed(_client: Any, _data: Any, mid: int, *_: Any) -> None:
            self.confirmed.add(mid)

        self.client.on_connect = connected
        self.client.on_publish = confirmed
        self.client.on_message = heard
        self.client.connect_async("127.0.0.1", self.port)
        self.client.loop_start()
        wait_for(self.client.is_connected, 20, "the connection to the broker")

    def says(self, topic: str, payload: Any, *, wait: bool = True) -> None:
        """Publish JSON with QoS 1 and wait for the PUBACK, however long the broker is away."""
        info = self.client.publish(topic, json.dumps(payload), qos=1)
        if wait:
            # Not `info.is_published`: for a message that was queued while disconnected it raises for ever.
            wait_for(lambda: info.mid in self.confirmed, 30, "the PUBACK")

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@dataclass
class Service:
    """`anxin up` on a folder of its own."""

    folder: Path
    api_port: int
    mqtt_port: int
    phones: Phones
    acknowledge: float
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.api_port}"

    def site(self) -> str:
        """The community it serves, as a site file."""
        return SITE.format(phones=self.phones.port, acknowledge=self.acknowledge, more=MORE)

    def start(self, *, wait: bool = True) -> None:
        site = self.folder / "site.yaml"
        site.write_text(self.site(), encoding="utf-8")
        env = {
            **{k: v for k, v in os.environ.items() if not k.startswith("ANXIN_")},
            "ANXIN_DATA_DIR": str(self.folder / "data"),
            "ANXIN_SITE": str(site),
            "ANXIN_API__LISTEN": f"127.0.0.1:{self.api_port}",
            "ANXIN_MQTT__LISTEN": f"127.0.0.1:{self.mqtt_port}",
            "ANXIN_DEMO__PASSWORD": PASSWORD,
        }
        with (self.folder / "up.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "anxin", "up"], env=env, stdout=log, stderr=log, cwd=self.folder
            )
        if wait:
            wait_for(self.ready, 120, "the service")

    def ready(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError("anxin up ended: " + (self.folder / "up.log").read_text()[-3000:])
        return httpx.get(f"{self.url}/readyz", timeout=2).json()["ready"] is True

    def pid_of(self, part: str) -> int:
        """The pid of a role, of nats or of postgres."""
        return int(json.loads((self.folder / "data" / "run" / f"{part}.pid").read_text())["pid"])

    def kill(self, part: str) -> None:
        """`kill -9`; for `up` the supervisor itself, whose children then go down with it."""
        if part == "up":
            assert self.process is not None
            self.process.kill()
            self.process.wait(10)
        else:
            # A part that was killed a moment ago has no pid until it is started again.
            # One kill after the other: each time it waits longer, and a database has its log to read.
            os.kill(wait_for(lambda: self.pid_of(part), 90, f"the start of {part}"), signal.SIGKILL)

    @contextlib.contextmanager
    def paused(self, part: str) -> Iterator[None]:
        """A part that hangs: it and its children are stopped, their connections stay open."""
        pid = self.pid_of(part)
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        pids = [pid, *(int(child) for child in children)]
        for one in pids:
            os.kill(one, signal.SIGSTOP)
        try:
            yield
        finally:
            for one in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(one, signal.SIGCONT)

    def stop(self) -> float:
        """Ctrl-C; returns the seconds it took."""
        assert self.process is not None
        began = time.monotonic()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                raise AssertionError("Ctrl-C did not stop the service within 20 s") from None
        return time.monotonic() - began

    def sign_in(self, user: str = "operator") -> httpx.Client:
        """A signed-in program."""
        token = wait_for(
            lambda: httpx.post(
                f"{self.url}/api/v1/token", data={"username": user, "password": PASSWORD}, timeout=5
            ).json()["access_token"],
            30,
            "the sign-in",
        )
        return httpx.Client(
            base_url=f"{self.url}/api/v1", headers={"Authorization": f"Bearer {token}"}, timeout=10
        )

    def show_logs(self) -> None:
        """For whoever has to find out why a test failed."""
        for log in (self.folder / "up.log", *sorted((self.folder / "data" / "log").glob("*.log"))):
            print(f"--- {log.name}\n{log.read_text(errors='replace')[-4000:]}")

    def received(self, path: str) -> list[Message]:
        """What a phone received."""
        return [m for m in self.phones.messages.copy() if m.path == path]


@contextlib.contextmanager
def a_service(acknowledge: float, kind: type[Service] = Service) -> Iterator[Service]:
    with tempfile.TemporaryDirectory(prefix="anxin-e2e-") as name:
        folder = Path(name)
        # PostgreSQL runs as another user when we are root, and must be able to enter.
        folder.chmod(0o755)
        phones = Phones().start()
        service = kind(folder, free_port(), free_port(), phones, acknowledge)
        try:
            service.start()
            yield service
        except BaseException:
            service.show_logs()
            raise
        finally:
            if service.process is not None and service.process.poll() is None:
                service.stop()
            phones.stop()


@pytest.fixture
def service() -> Iterator[Service]:
    """The service with a short ladder: its steps come after 2, 4 and 8 seconds."""
    with a_service(acknowledge=4.0) as running:
        yield running


@pytest.fixture(scope="module")
def long_service(request: pytest.FixtureRequest) -> Iterator[Service]:
    """One service for many stories, each in a home of its own."""
    before = request.session.testsfailed
    with a_service(acknowledge=4.0) as running:
        yield running
        if request.session.testsfailed > before:
            running.show_logs()


@pytest.fixture
def device(service: Service) -> Iterator[Device]:
    """A gateway."""
    gateway = Device(service.mqtt_port)
    yield gateway
    gateway.close()


CHROMIUM = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """What drives the browsers."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE_SECONDS * 1000)
    with sync_playwright() as driver:
        yield driver


@contextlib.contextmanager
def a_browser(playwright: Playwright, chromium: str, autoplay: str) -> Iterator[Browser]:
    """A real Chromium. `autoplay`: the policy; a kiosk's is `no-user-gesture-required`."""
    arguments = [*CHROMIUM, f"--autoplay-policy={autoplay}"]
    chrome = playwright.chromium.launch(executable_path=chromium, args=arguments)
    yield chrome
    chrome.close()


@pytest.fixture(scope="module")
def browser(playwright: Playwright, chromium: str) -> Iterator[Browser]:
    """A real Chromium, one for a file."""
    with a_browser(playwright, chromium, "document-user-activation-required") as chrome:
        yield chrome


@pytest.fixture(scope="module")
def kiosk(playwright: Playwright, chromium: str) -> Iterator[Browser]:
    """A Chromium that is allowed to make sound, as a kiosk's is."""
    with a_browser(playwright, chromium, "no-user-gesture-required") as chrome:
        yield chrome


@pytest.fixture(scope="module")
def open_room() -> Iterator[Room]:
    """A monitoring room, one for a file."""
    room = Room().open()
    room.all_protected()
    yield room
    room.close()


@pytest.fixture
def room(request: pytest.FixtureRequest) -> Iterator[Room]:
    """The file's monitoring room, with nothing open; with the mark `own_room` one that nothing has happened in yet
    (and with other words of `Room`, such as `homes=500`)."""
    own = request.node.get_closest_marker("own_room")
    if own is None:
        shared: Room = request.getfixturevalue("open_room")
        yield shared
        shared.empty()
        return
    room = Room(**own.kwargs).open()
    room.all_protected()
    yield room
    room.close()


def open_screen(browser: Browser, width: int = 1920, height: int = 1080, **more: Any) -> BrowserContext:
    """A screen of its own: own cookies, own storage."""
    words: dict[str, Any] = {"locale": "zh-CN", "timezone_id": "Asia/Shanghai", "color_scheme": "dark"}
    context = browser.new_context(viewport={"width": width, "height": height}, **{**words, **more})
    context.set_default_timeout(PATIENCE_SECONDS * 1000)
    return context


def seat(context: BrowserContext, room: Room, user: str = "operator") -> None:
    """Sign this screen in, without its form (which has tests of its own)."""
    answer = context.request.post(
        f"{room.url}/api/v1/session",
        data={"username": user, "password": ROOM_PASSWORD},
        headers={"origin": room.url},
    )
    assert answer.ok, answer.text()


def live(page: Page) -> Page:
    """Wait until the page believes its picture."""
    page.wait_for_selector('html[data-link="live"]', state="attached")
    return page


def orders(page: Page) -> Callable[[], list[str]]:
    """Asks for the orders this page has sent from now on: the last word of each address (`acknowledge`, `close`).

    Asking waits until an order that the page may just have sent must have left: a question it sends later is answered.
    (The driver also tells of a request only while it is asked something.)
    """
    sent: list[str] = []
    page.on(
        "request",
        lambda one: (
            sent.append(one.url.rsplit("/", 1)[-1])
            if one.method == "POST" and "/api/v1/alerts/" in one.url
            else None
        ),
    )

    def so_far() -> list[str]:
        page.evaluate("fetch('/healthz').then((answer) => answer.text())")
        return sent

    return so_far


Sit = Callable[..., "Page"]


@pytest.fixture(scope="module")
def screens(browser: Browser, open_room: Room) -> Iterator[Screens]:
    """The screens of the file's room."""
    kept = Screens(browser, open_room.url, lambda: open_screen(browser))
    yield kept
    kept.close()


@pytest.fixture
def sit(request: pytest.FixtureRequest, browser: Browser, room: Room) -> Iterator[Sit]:
    """`sit(path)`: a signed-in screen in the room, with a live picture. Other words: user, width, height, script, wait.

    Further words are for the browser context, which then is a new one (`permissions`, `has_touch`).
    """
    shared = request.node.get_closest_marker("own_room") is None
    screens: Screens | None = request.getfixturevalue("screens") if shared else None
    taken: list[Screen] = []
    contexts: list[BrowserContext] = []

    def one(
        path: str = "/desk",
        *,
        user: str = "operator",
        width: int = 1920,
        height: int = 1080,
        script: str = "",
        wait: bool = True,
        **more: Any,
    ) -> Page:
        if screens is None or more:
            context = open_screen(browser, width, height, **more)
            contexts.append(context)
            if script:
                context.add_init_script(script)
            page = context.new_page()
        else:
            screen = screens.take()
            taken.append(screen)
            context = screen.context
            page = context.new_page()
            page.set_viewport_size({"width": width, "height": height})
            if script:
                page.add_init_script(script)
        seat(context, room, user)
        page.goto(f"{room.url}{path}")
        return live(page) if wait else page

    yield one
    for context in contexts:
        context.close()
    for screen in taken:
        assert screens is not None
        screens.give_back(screen)


def sign_in(page: Page, url: str, path: str, user: str = "operator") -> None:
    """Sign in as a person does and come to `path`."""
    page.goto(f"{url}/sign-in?next={path}")
    page.get_by_label("用户名").fill(user)
    page.get_by_label("密码").fill(PASSWORD)
    page.get_by_role("button", name="登录").click()
    page.wait_for_url(f"{url}{path}*")


def picture(page: Page, name: str) -> None:
    """Keep a picture for the eye; what is checked is checked in words."""
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=ARTEFACTS / f"{name}.png")
