"""A monitoring room for the screens' checks: the real API and the real alert desk over a stream in memory.

`Room` serves the built screens on a free port from a thread of its own and plays the alert worker's part, so a check
starts in well under a second and can do what a broker would not: let time pass, silence the line, lose events on the
way, fall over and come back. Nothing that a screen talks to is a stand-in; only the transport behind it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import tempfile
import threading
from collections.abc import Coroutine, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import uvicorn

from alerts import notify
from alerts.commands import outgoing
from alerts.desk import Desk
from alerts.events import Transition
from alerts.orders import Order, read_order
from alerts.proposing import decode_transition
from alerts.push import WebPush
from alerts.roster import roster_of
from alerts.rota import remember, rotas
from alerts.sending import Channels, Letter, Sent, Verdict
from alerts.subscriptions import pushes, vapid_key
from anxin.embedded import free_port
from care.clock import SystemClock
from care.messages import Beat, DeviceHealth, Evidence, Finding, HomeHealth, Report, encode
from care.site import Besides, Registry, Site
from care.stream import ALERTS, HEALTH, PEOPLE, REGISTRY, MemoryStream
from care.words import Condition, Level, Phase
from dashboard_api.app import create_app
from dashboard_api.house import House
from dashboard_api.live import Channel, Listener
from dashboard_api.people import add_user, make_demo_users
from simulators.community import generate
from simulators.control import controlled
from simulators.radios import Radios
from simulators.run import Simulation
from tests.e2e.lived import LivedHistory

PASSWORD = "eine lange demo"
TICK_SECONDS = 0.2
T = TypeVar("T")

KINDS: dict[str, tuple[str, str, str, str, str]] = {
    # kind: code, level, title, pictogram, room
    "smoke": ("SM1", "red", "厨房烟感报警", "smoke", "kitchen"),
    "gas": ("GS1", "red", "厨房燃气报警", "gas", "kitchen"),
    "sos": ("SOS1", "red", "SOS 呼叫", "sos", "bedroom"),
    "fall": ("FL1", "red", "疑似跌倒", "fall", "bathroom"),
    "bed": ("BD1", "yellow", "夜间离床未归", "bed", "bedroom"),
    "vitals": ("VT1", "yellow", "静息心率偏高", "vitals", "bedroom"),
    "water": ("WT1", "yellow", "厨房漏水", "water", "kitchen"),
    "battery": ("TE1", "blue", "门磁电量低", "device", "entrance"),
    "offline": ("TE3", "blue", "设备离线", "device", ""),
}


class MovableClock:
    """The machine's clock, that can be moved on by hand."""

    def __init__(self) -> None:
        self._real = SystemClock()
        self._ahead = timedelta(0)

    def now(self) -> datetime:
        return self._real.now() + self._ahead

    def monotonic(self) -> float:
        return self._real.monotonic() + self._ahead.total_seconds()

    def advance(self, seconds: float) -> None:
        self._ahead += timedelta(seconds=seconds)


class _Taken:
    """A channel that takes everything."""

    async def send(self, url: str, letter: Letter) -> Verdict:
        return Sent()


class Room:
    """See the module's docstring. Its methods may be called from any thread."""

    def __init__(self, *, homes: int = 60, simulated: bool = False, site: Site | None = None) -> None:
        """`simulated`: a simulator that can be told what to do feeds the room (its messages reach nobody here).
        `site`: another community than the simulated one of so many homes."""
        self.clock = MovableClock()
        self.stream = MemoryStream(idle=timedelta(milliseconds=5))
        self.registry = Registry(site or generate(homes=homes))
        self.history = LivedHistory(self.registry, self.clock.now())
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._numbers = itertools.count(1)
        self._nth = itertools.count(1)
        self._read = 0
        self._desk = Desk(self.registry, numbers=lambda: next(self._numbers))
        self._held: list[tuple[Listener, Any]] | None = None
        self._push = Listener.push
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="room", daemon=True)
        self._server: uvicorn.Server | None = None
        self._tasks: list[asyncio.Task[Any]] = []
        self._stack: contextlib.AsyncExitStack | None = None
        self.house: House
        self._telling = False
        self._folder = tempfile.TemporaryDirectory(prefix="anxin-room-") if simulated else None
        self.photos = tempfile.TemporaryDirectory(prefix="anxin-photos-")
        self._world: contextlib.AsyncExitStack | None = None
        self.ticking = True
        self.push_answers: list[tuple[int, float, bool]] = []
        """What the simulator told the phones: status, delay, from now on or no longer."""

    # -- starting and stopping ------------------------------------------------------------------------------

    def open(self) -> Room:
        self._thread.start()
        self.do(self._prepare())
        self.start()
        if self._folder is not None:
            self.simulator_starts()
        return self

    def close(self) -> None:
        self.simulator_stops()
        self.stop()
        self.do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
        self.photos.cleanup()
        if self._folder is not None:
            self._folder.cleanup()

    @property
    def control(self) -> Path | None:
        """Where the simulator listens."""
        return Path(self._folder.name) / "s" if self._folder is not None else None

    def simulator_starts(self) -> None:
        """The world begins anew, and listens."""
        self.do(self._live())

    async def _live(self) -> None:
        assert self.control is not None
        nowhere = f"mqtt://127.0.0.1:{free_port()}"
        # What a scenario says is looked for at once: no radio is late here.
        simulation = Simulation(self.registry.site, clock=self.clock, mqtt_url=nowhere, radios=Radios.ideal,
                                push=lambda *words: self.push_answers.append(words))  # fmt: skip
        self._world = contextlib.AsyncExitStack()
        await self._world.enter_async_context(controlled(simulation, self.control, self.clock))
        running = asyncio.create_task(simulation.run())

        async def ended() -> None:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

        self._world.push_async_callback(ended)

    def simulator_stops(self) -> None:
        """The world is gone, and nobody listens."""
        if self._world is not None:
            self.do(self._world.aclose())
            self._world = None

    @staticmethod
    async def _end() -> None:
        """Nothing of this room is left for the next test to be blamed for: every task ends before its loop does."""
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=10)
        await asyncio.get_running_loop().shutdown_default_executor()

    def do(self, work: Coroutine[Any, Any, T], seconds: float = 30) -> T:
        """Run something in the room's own loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(seconds)

    async def _prepare(self) -> None:
        await self.stream.put(REGISTRY, "site", encode(self.registry.site))
        await make_demo_users(self.stream, self.registry, PASSWORD)
        operators = [s.id for s in self.registry.site.staff if s.role.value == "operator"]
        await add_user(self.stream, "second", "operator", PASSWORD, operators[1])
        self._tasks.append(asyncio.create_task(self._beat()))

    async def _beat(self) -> None:
        """The other roles' part: they live, and the ladder climbs."""
        began = self.clock.now()
        last = -100.0
        while True:
            if self.ticking:
                self._catch_up()
                await self._publish(self._desk.tick(self.clock.now()))
            if self.clock.monotonic() - last > 1.5:
                last = self.clock.monotonic()
                for role in ("ingest", "rules", "alerts", "notify", "recorder"):
                    now = self.clock.now()
                    more: dict[str, Any] = {"last_input_at": now} if role == "ingest" and self.devices else {}
                    beat = Beat(role=role, at=now, started_at=began, **more)
                    await self.stream.put(HEALTH, f"beat.{role}", encode(beat))
            await asyncio.sleep(TICK_SECONDS)

    devices = True
    """Whether devices are heard; False is a server that hears none."""

    def house_photos(self) -> Path:
        """Where photographs are kept."""
        return Path(self.photos.name)

    def start(self) -> None:
        self.do(self._start())

    async def _start(self) -> None:
        app = create_app(
            stream=self.stream,
            clock=self.clock,
            public_url=self.url,
            build="b1",
            demo=True,
            history=self.history,
            simulator=self.control,
            photos=Path(self.photos.name),
        )
        self.house = app.state.house
        config = uvicorn.Config(
            app, port=self.port, log_config=None, access_log=False, timeout_graceful_shutdown=1, ws="none"
        )
        server = self._server = uvicorn.Server(config)
        server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
        self._serving = asyncio.create_task(server.serve())
        async with asyncio.timeout(20):
            while not (server.started and self.house.caught_up.is_set() and self.house.registered.is_set()):
                await asyncio.sleep(0.01)
            await self.house.people.ready.wait()

    def stop(self) -> None:
        """The server falls over: every line is cut."""
        if self._server is not None:
            self.do(self._stop())

    async def _stop(self) -> None:
        assert self._server is not None
        self.house.hub.close()
        self._server.should_exit = True
        await self._serving
        self._server = None

    # -- what happens in the community ----------------------------------------------------------------------

    def _catch_up(self) -> None:
        stored = self.stream.messages(ALERTS)
        for message in stored[self._read :]:
            self._desk.apply(decode_transition(message.data))
        self._read = len(stored)

    async def _publish(self, changes: list[Transition]) -> None:
        for change in changes:
            await self.stream.publish(change.subject, encode(change))
            if self._telling:
                await self.stream.publish_batch(outgoing(change))
        self._catch_up()

    def finding(self, kind: str, home: str, **more: Any) -> Finding:
        code, level, title, pictogram, room = KINDS[kind]
        place = self.registry.homes[home]
        n = next(self._nth)
        now = self.clock.now()
        named = {
            "smoke": "smoke",
            "gas": "gas",
            "sos": "sos",
            "bed": "bed_belt",
            "vitals": "bed_belt",
            "battery": "door",
        }
        device = next((d.id for d in place.devices if d.kind.value == named.get(kind)), place.devices[0].id)
        fields: dict[str, Any] = {
            "event_id": f"{home}-{kind}-{n}",
            "finding": f"{home}-{kind}-{n}",
            "phase": Phase.opened,
            "at": now,
            "onset_at": now,
            "rule": code,
            "rule_version": 1,
            "code": code,
            "level": Level(level),
            "title": {"zh": title, "en": kind},
            "home": home,
            # One of the catalogue's causes, and a case of its own for each finding.
            "cause": f"{'fire' if kind == 'smoke' else kind}:{n}",
            "resident": place.residents[0].id if place.residents else None,
            "room": room,
            "device": device,
            "pictogram": pictogram,
            "condition": Condition.active,
            "evidence": [
                Evidence(
                    device=device,
                    quantity="smoke" if kind == "smoke" else "in_bed",
                    value=True,
                    at=now,
                    received_at=now,
                )
            ],
            "tags": ["cooking_likely"] if kind == "smoke" else [],
            "life": level == "red",
        }
        return Finding(**{**fields, **more})

    def tested(self) -> None:
        """From here on the alerts role knows the test campaigns."""
        self._desk.campaigns = self.house.upkeep.campaigns

    def raised(self, kind: str = "smoke", home: str = "h0317", **more: Any) -> str:
        """A finding becomes a case; gives its id when every screen could know of it."""

        async def work() -> str:
            self._catch_up()
            changes = self._desk.on_finding(self.finding(kind, home, **more), self.clock.now())
            await self._publish(changes)
            await self._settled()
            return changes[0].alert

        return self.do(work())

    def raised_at_centre(self, code: str, cause: str, title: str, level: str = "yellow") -> str:
        """A case of the service centre itself: a silent desk, a hole in the rota."""
        centre = {"home": self.registry.site.community.id, "resident": None, "room": None, "device": None}

        async def work() -> str:
            self._catch_up()
            found = self.finding("offline", "h0317")
            found = msgspec.structs.replace(
                found,
                **centre,
                code=code,
                cause=cause,
                level=Level(level),
                evidence=(),
                title={"zh": title, "en": code},
            )
            changes = self._desk.on_finding(found, self.clock.now())
            await self._publish(changes)
            await self._settled()
            return changes[0].alert

        return self.do(work())

    def filled(self, number: int, kinds: tuple[str, ...] = ("bed", "vitals", "battery", "water")) -> None:
        """Many open cases at once, in many homes."""

        async def work() -> None:
            self._catch_up()
            homes = list(self.registry.homes)
            for n in range(number):
                finding = self.finding(kinds[n % len(kinds)], homes[n % len(homes)])
                await self._publish(self._desk.on_finding(finding, self.clock.now()))
            await self._settled()

        self.do(work(), 120)

    async def _settled(self) -> None:
        async with asyncio.timeout(25):
            while self.house.picture.position < await self.stream.head(ALERTS):
                await asyncio.sleep(0.005)

    def command(self, alert: str, word: str, *, actor: str, **body: Any) -> None:
        """Somebody else does something about a case, past the screens."""

        async def work() -> None:
            self._catch_up()
            order: Order = read_order(word, actor=actor, body=body)
            await self._publish([self._desk.command(alert, order, self.clock.now())])
            await self._settled()

        self.do(work())

    def passes(self, seconds: float) -> None:
        """Time passes for the service: ladders climb, beats age."""

        async def work() -> None:
            self.clock.advance(seconds)
            self._catch_up()
            await self._publish(self._desk.tick(self.clock.now()))
            await self._settled()
            self.house.heartbeat()

        self.do(work())

    def empty(self, pictogram: str | None = None) -> None:
        """Close every open case, or those of one pictogram."""

        async def work() -> None:
            self._catch_up()
            for alert in list(self.house.open_alerts()):
                if pictogram not in (None, alert.pictogram):
                    continue
                body = {
                    "cause": "C13",
                    "verification": "V1",
                    "actions": ["A1"],
                    # Of many homes nobody may say that all are well.
                    "outcome": "O3" if alert.welfare else "O1",
                    "truth": "test",
                }
                order = read_order("close", actor="s01", body=body)
                await self._publish([self._desk.command(alert.id, order, self.clock.now())])
            await self._settled()

        self.do(work())

    def reads(self, device: str, *, home: str, kind: str, at: datetime | None = None, **values: Any) -> None:
        """A device reports."""

        async def work() -> None:
            now = self.clock.now()
            report = Report(
                report_id=f"{device}-{next(self._nth)}",
                home=home,
                device=device,
                kind=kind,
                at=at or now,
                received_at=now,
                values=values,
            )
            await self.stream.publish(report.subject, encode(report))

        self.do(work())

    def protection(self, home: str, word: str, *devices: DeviceHealth) -> None:
        """A home's protection changed."""

        async def work() -> None:
            health = HomeHealth(home=home, protection=word, at=self.clock.now(), devices=list(devices))
            await self.stream.put(HEALTH, f"home.{home}", encode(health))

        self.do(work())

    def all_protected(self) -> None:
        """Every home is watched in full."""

        async def work() -> None:
            for home in self.registry.homes.values():
                devices = [
                    DeviceHealth(device=d.id, kind=d.kind.value, room=d.room, last_at=self.clock.now())
                    for d in home.devices
                ]
                health = HomeHealth(
                    home=home.id, protection="protected", at=self.clock.now(), devices=devices
                )
                await self.stream.put(HEALTH, f"home.{home.id}", encode(health))

        self.do(work())

    @property
    def open_ids(self) -> list[str]:
        """The server's own list."""
        return [case.alert.id for case in self.house.picture.open()]

    @property
    def browsers(self) -> int:
        """People with a browser of which both the screens and whoever decides who is told have heard."""
        decided = self._desk.registry
        return sum(
            any(url.startswith("webpush:") for url in decided.channels(person))
            for person in self.house.pushes
        )

    def comes_in(self, person: str) -> None:
        """Somebody is on duty, whatever the hour at which the tests run; only while the room is `notifying`."""

        async def work() -> None:
            now, hour = self.clock.now(), timedelta(hours=1)
            here = Besides(staff=person, from_=now - hour, until=now + 12 * hour)
            await remember(self.stream, [], [here], reason="test", by=person, now=now)
            async with asyncio.timeout(20):
                while not roster_of(self._desk.registry).is_on_duty(person, now):
                    await asyncio.sleep(0.01)

        self.do(work())

    @contextlib.contextmanager
    def notifying(self, push_service: str) -> Iterator[None]:
        """The notify role works, and browsers may subscribe at `push_service` (an address on loopback).

        What goes anywhere else than to a browser is taken and forgotten.
        """

        async def begin() -> list[asyncio.Task[Any]]:
            browsers = WebPush(
                self.stream,
                await vapid_key(self.stream),
                contact="mailto:a@example.org",
                hosts=[push_service],
            )
            working = notify.run(
                stream=self.stream,
                clock=self.clock,
                channel=Channels(_Taken(), webpush=browsers),
                public_url=self.url,
                registry=self.registry,
            )

            async def follow() -> None:
                async for known in pushes(self.stream):
                    self._desk.registry = self._desk.registry.with_pushes(known)

            async def follow_rota() -> None:
                async for known in rotas(self.stream):
                    self._desk.registry = self._desk.registry.with_rota(known.values())

            self.house.push_hosts = (push_service,)
            return [asyncio.create_task(work) for work in (working, follow(), follow_rota())]

        async def end(tasks: list[asyncio.Task[Any]]) -> None:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for kind in ("push.", "rota."):
                for key in await self.stream.keys(PEOPLE, kind):
                    await self.stream.delete(PEOPLE, key)
            self._desk.registry = self.registry

        tasks = self.do(begin())
        self._telling = True
        try:
            yield
        finally:
            self._telling = False
            self.do(end(tasks))

    # -- trouble on the line --------------------------------------------------------------------------------

    @contextlib.contextmanager
    def silenced(self) -> Iterator[None]:
        """Nothing reaches any screen, and no line is cut; afterwards what was held back arrives."""
        held: list[tuple[Listener, Any]] = []

        def hold(listener: Listener, event: Any) -> None:
            held.append((listener, event))

        Listener.push = hold  # type: ignore[method-assign]
        try:
            yield
        finally:
            Listener.push = self._push  # type: ignore[method-assign]

            async def release() -> None:
                for listener, event in held:
                    listener.push(event)

            self.do(release())

    @contextlib.contextmanager
    def losing(self, *, events: bool = True, heartbeats: bool = False) -> Iterator[None]:
        """What is said meanwhile is lost on the way: the log goes on, the screens hear nothing of it."""
        publish, tell = Channel.publish, Channel.tell

        def lose(channel: Channel, name: str, data: str) -> None:
            listeners, channel.listeners = channel.listeners, set()
            publish(channel, name, data)
            channel.listeners = listeners

        def say_nothing(_channel: Channel, _name: str, _data: str) -> None:
            pass

        if events:
            Channel.publish = lose  # type: ignore[method-assign]
        if heartbeats:
            Channel.tell = say_nothing  # type: ignore[method-assign]
        try:
            yield
        finally:
            Channel.publish = publish  # type: ignore[method-assign]
            Channel.tell = tell  # type: ignore[method-assign]


def utc(text: str) -> datetime:
    """A moment written down in a test."""
    return datetime.fromisoformat(text).astimezone(UTC)
