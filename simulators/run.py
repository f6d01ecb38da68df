"""Publishes the world to a broker: the only module of the simulator that knows sockets and clocks.

Start at `Simulation`: `run()` until it is told to `stop`, `trigger(scenario, home)`, `switch_on` and `switch_off` at
any time (`control` lets others do so over a socket). Many homes share a few
connections: one for alarm-class devices (so that an SOS never waits behind telemetry) and some for the rest. A
connection that is lost is made again for ever; what was not acknowledged is sent again.

A broker may refuse a topic by closing the connection (nats-server does so for an ASCII space, see reliability.md 2.3);
messages with such topics have a connection of their own and are given up after three refusals, so that nobody
waits behind them.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
import signal
import ssl
import sys
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import unquote, urlsplit

import msgspec
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from care.clock import Clock, SystemClock
from care.site import Site
from care.words import Kind
from simulators.faults import FaultLine, Faults
from simulators.scenarios import Truth, Wish, truth_line
from simulators.scenarios import parse as parse_scenario
from simulators.sensors import Publish
from simulators.switches import Switch, Switches
from simulators.world import World

WINDOW = 200
"""Messages under way on one connection; the broker's acknowledgements make room."""
TELEMETRY_CONNECTIONS = 4
MOST_WAITING = 20_000
"""Beyond this the oldest telemetry of a connection is dropped, as a gateway's small memory does. Alarms never are."""
REFUSALS = 3
ODD_TOPIC = re.compile(r"[\x00-\x20\x7f]")
ACKS = "anxin/v1/+/+/ack"
TICK = 0.25
"""Seconds between two looks at the world when nothing is due sooner."""


@dataclass(frozen=True)
class Broker:
    """Where to publish."""

    host: str
    port: int
    username: str | None = None
    password: str | None = None
    tls: bool = False


def broker(url: str) -> Broker:
    """Read `mqtt://user:pass@host:1883` or `mqtts://…`; raises ValueError with a sentence."""
    parts = urlsplit(url if "://" in url else f"mqtt://{url}")
    try:
        port = parts.port
    except ValueError:
        port = -1
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname or port == -1:
        raise ValueError(
            f"`{url}` is not a broker; write it like mqtt://user:pass@host:1883 or mqtts://host:8883"
        )
    tls = parts.scheme == "mqtts"
    return Broker(
        parts.hostname,
        port or (8883 if tls else 1883),
        unquote(parts.username) if parts.username else None,
        unquote(parts.password) if parts.password else None,
        tls,
    )


@dataclass
class Tally:
    """What a run has done so far."""

    generated: int = 0
    published: int = 0
    """Acknowledged by the broker, or written to the socket at QoS 0."""
    alarms: int = 0
    """Of these, messages that raise, repeat or end an alarm."""
    acknowledged: int = 0
    """Application acknowledgements that ended a device's repeating."""
    dropped: int = 0
    """Telemetry given up because the broker was away for too long."""
    refused: int = 0
    """Messages with a topic the broker does not take."""
    connects: int = 0
    behind_seconds: float = 0.0
    """How far the world is behind where it should be; 0 when the machine keeps up."""
    refused_topics: set[str] = field(default_factory=set)


class _Line:
    """One connection and the messages that wait for it."""

    def __init__(
        self, name: str, broker: Broker, tally: Tally, *, window: int = WINDOW, alarms: bool = False,
        on_ack: Callable[[str, bytes], None] | None = None,
    ) -> None:  # fmt: skip
        self.name = name
        self.alarms = alarms
        self.connected = False
        self._broker = broker
        self._tally = tally
        self._window = window
        self._on_ack = on_ack
        self._waiting: deque[Publish] = deque()
        self._under_way: OrderedDict[int, Publish] = OrderedDict()
        self._done: deque[int] = deque()  # filled by paho's thread
        self._acks: deque[tuple[str, bytes]] = deque()  # filled by paho's thread
        self._wake = asyncio.Event()
        self._lost = False
        self._tries: dict[str, int] = {}
        self._taken = 0
        self._hopeless = False
        """The broker has refused several topics and taken none: it takes no such topics at all."""

    @property
    def pending(self) -> int:
        """Messages not yet with the broker."""
        return len(self._waiting) + len(self._under_way)

    def put(self, message: Publish) -> None:
        if self._hopeless or message.topic in self._tally.refused_topics:
            self._tally.refused += 1
            self._tally.refused_topics.add(message.topic)
            return
        if len(self._waiting) >= MOST_WAITING and not self.alarms:
            self._waiting.popleft()
            self._tally.dropped += 1
        self._waiting.append(message)
        self._wake.set()

    async def run(self) -> None:
        """Connect, publish, and connect again, until cancelled."""
        loop = asyncio.get_running_loop()
        wait = 0.1
        for n in itertools.count():
            client = self._client(loop, n)
            self._lost = False
            try:
                await asyncio.to_thread(client.connect, self._broker.host, self._broker.port, 30)
                client.loop_start()
                await self._until(lambda: self.connected or self._lost, seconds=10)
                if self.connected:
                    self._tally.connects += 1
                    wait = 0.1
                    await self._publish(client)
            except OSError:
                pass  # the broker is away: try again
            finally:
                self.connected = False
                client.on_publish = client.on_message = client.on_disconnect = client.on_connect = None
                with contextlib.suppress(OSError, ValueError):
                    client.disconnect()
                client.loop_stop()
                self._collect()
                self._blame()
            await asyncio.sleep(wait)
            wait = min(5.0, wait * 1.7)

    def _client(self, loop: asyncio.AbstractEventLoop, n: int) -> paho.Client:
        ident = f"anxin-sim-{self.name}-{id(self) & 0xFFFFFF:06x}-{n}"
        client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=ident, clean_session=True, protocol=paho.MQTTv311
        )
        client.max_inflight_messages_set(self._window)
        if self._broker.username is not None:
            client.username_pw_set(self._broker.username, self._broker.password)
        if self._broker.tls:
            client.tls_set_context(ssl.create_default_context())

        def wake() -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed already
                loop.call_soon_threadsafe(self._wake.set)

        def connected(_c: Any, _u: Any, _f: Any, reason: Any, _p: Any = None) -> None:
            if reason.is_failure:
                self._lost = True
            else:
                if self._on_ack is not None:
                    client.subscribe(ACKS, qos=1)
                self.connected = True
            wake()

        def lost(*_: Any) -> None:
            self._lost = True
            wake()

        def published(_c: Any, _u: Any, mid: int, *_: Any) -> None:
            self._done.append(mid)
            if len(self._done) * 4 >= self._window:
                wake()

        def heard(_c: Any, _u: Any, message: paho.MQTTMessage) -> None:
            self._acks.append((message.topic, bytes(message.payload)))
            wake()

        client.on_connect, client.on_disconnect = connected, lost
        client.on_publish, client.on_message = published, heard
        return client

    async def _until(self, done: Callable[[], bool], seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not done():
                    self._wake.clear()
                    if not done():
                        await self._wake.wait()

    async def _publish(self, client: paho.Client) -> None:
        while not self._lost:
            self._wake.clear()
            self._collect()
            while self._waiting and len(self._under_way) < self._window and not self._lost:
                message = self._waiting.popleft()
                if message.topic in self._tally.refused_topics:
                    self._tally.refused += 1
                    continue
                try:
                    info = client.publish(message.topic, message.payload, max(message.qos, 1 if self._window == 1 else 0), message.retain)  # fmt: skip
                except ValueError:  # no broker would take this topic
                    self._tally.refused += 1
                    self._tally.refused_topics.add(message.topic)
                    continue
                if info.rc not in (paho.MQTT_ERR_SUCCESS, paho.MQTT_ERR_QUEUE_SIZE):
                    self._waiting.appendleft(message)
                    break
                self._under_way[info.mid] = message
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.02 if self._under_way else 1.0):
                    await self._wake.wait()

    def _collect(self) -> None:
        """Take note of what the broker has acknowledged and of acknowledgements for devices."""
        while self._done:
            message = self._under_way.pop(self._done.popleft(), None)
            if message is not None:
                self._tally.published += 1
                self._taken += 1
                self._tally.alarms += message.alarm
        while self._acks:
            topic, payload = self._acks.popleft()
            if self._on_ack is not None:
                self._on_ack(topic, payload)

    def _blame(self) -> None:
        """After a lost connection: what was under way goes again, except what the broker will never take."""
        back = list(self._under_way.values())
        self._under_way.clear()
        if self._window == 1 and back:
            topic = back[0].topic
            self._tries[topic] = self._tries.get(topic, 0) + 1
            if self._tries[topic] >= REFUSALS:
                self._tally.refused += len(back)
                self._tally.refused_topics.add(topic)
                back = []
                refused = sum(1 for tries in self._tries.values() if tries >= REFUSALS)
                if refused >= REFUSALS and not self._taken:
                    self._hopeless = True
                    self._tally.refused += len(self._waiting)
                    self._tally.refused_topics.update(m.topic for m in self._waiting)
                    self._waiting.clear()
        self._waiting.extendleft(reversed(back))


class Simulation:
    """A world on its way to a broker."""

    def __init__(
        self,
        site: Site,
        *,
        mqtt_url: str = "mqtt://127.0.0.1:1883",
        seed: int = 1,
        speed: float = 1.0,
        rate_scale: float = 1.0,
        faults: Faults | None = None,
        scenarios: tuple[Wish, ...] = (),
        truth: TextIO | None = None,
        clock: Clock | None = None,
        start: datetime | None = None,
    ) -> None:
        self._clock = clock or SystemClock()
        self._broker = broker(mqtt_url)
        self.speed = speed
        self._truth = truth
        self.tally = Tally()
        self.world = World(
            site, seed=seed, start=start or self._clock.now(), rate_scale=rate_scale, speed=speed
        )
        self._faults = FaultLine(faults or Faults(), seed=seed)
        self.faults_from_beginning = bool(faults)
        self.switches = Switches(self.world, self._faults)
        """Faults that were put in force while it runs."""
        self._stop = asyncio.Event()
        self._nudge = asyncio.Event()
        self._lines: list[_Line] = []
        self.truths: list[Truth] = []
        """What has happened so far."""
        self.unheard: set[int] = set()
        """Those of them that came while nothing left their home (by their place in `truths`): no service could know."""
        for wish in scenarios:
            self.world.stage(wish)

    def stop(self) -> None:
        """End the run soon: gateways say goodbye, waiting messages are given three seconds where a broker is."""
        self._stop.set()
        self._nudge.set()

    async def trigger(self, scenario: str, home: str | None = None) -> list[Truth]:
        """Start a scenario in the running world (`cooking_smoke`, or with `@HOME` and `+OFFSET`); `home` names the home.

        Returns what will be true of it. Raises WrongScenario with a sentence.
        """
        wish = parse_scenario(scenario)
        if home is not None:
            wish = Wish(wish.name, home, wish.after)
        return self.stage(wish)

    def stage(self, wish: Wish) -> list[Truth]:
        """`trigger` for a wish that has been read already. Raises WrongScenario with a sentence."""
        truths = self.world.stage(wish)
        self._nudge.set()
        return truths

    def switch_on(self, fault: str, value: float | None = None, home: str | None = None) -> Switch:
        """Put a fault in force from now on, in one home or everywhere. Raises WrongSwitch with a sentence."""
        one, truth = self.switches.start(fault, value, home)
        if truth is not None:
            one = replace(one, truth=len(self.truths))
            self.switches.on[one.id] = one
            self._told(truth)
        self._nudge.set()
        return one

    def switch_off(self, number: int) -> Switch:
        """End a fault that `switch_on` put in force. Raises WrongSwitch with a sentence."""
        one, truth = self.switches.stop(number)
        if truth is not None:
            self._told(truth)
        self._nudge.set()
        return one

    def heard_at(self, at: datetime) -> datetime:
        """When a moment of the world comes for whoever listens: the same at normal speed."""
        return self.world.start + (at - self.world.start) / self.speed

    @property
    def lost(self) -> int:
        """Messages that a fault kept from leaving."""
        return self._faults.lost

    @property
    def connected(self) -> bool:
        """True while every connection stands."""
        return bool(self._lines) and all(line.connected for line in self._lines)

    async def run(self, *, duration: timedelta | None = None) -> Tally:
        """Publish until `stop`, or until so much of the world's time has passed. Never gives up on the broker."""
        many = min(TELEMETRY_CONNECTIONS, max(1, len(self.world.lives) // 100 + 1))
        alarms = _Line("alarms", self._broker, self.tally, alarms=True, on_ack=self._heard)
        odd = _Line("odd", self._broker, self.tally, window=1)
        telemetry = [_Line(f"t{i}", self._broker, self.tally) for i in range(many)]
        homes = {home: telemetry[i % many] for i, home in enumerate(self.world.lives)}
        self._lines = [alarms, *telemetry]
        if any(ODD_TOPIC.search(topic) for topic in self.world.registry.topics()):
            self._lines.append(odd)
        tasks = [asyncio.create_task(line.run(), name=f"sim-{line.name}") for line in self._lines]

        def send(message: Publish) -> None:
            if ODD_TOPIC.search(message.topic):
                odd.put(message)
            elif message.alarm:
                alarms.put(message)
            else:
                homes[message.home].put(message)

        try:
            await self._play(send, duration)
            for message in self._goodbye():
                send(message)
            await self._drain(3.0)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return self.tally

    async def _play(self, send: Callable[[Publish], None], duration: timedelta | None) -> None:
        zero, start = self._clock.monotonic(), self.world.now
        end = start + duration if duration is not None else None
        while not self._stop.is_set():
            self._nudge.clear()
            target = start + timedelta(seconds=(self._clock.monotonic() - zero) * self.speed)
            if end is not None:
                target = min(target, end)
            # Small steps, so that acknowledgements and people's wishes come in between.
            until = min(target, self.world.now + timedelta(seconds=5 + self.speed * TICK))
            for n, message in enumerate(self._faults.through(self.world.events(until), until), start=1):
                send(message)
                self.tally.generated += 1
                if n % 500 == 0:
                    await asyncio.sleep(0)
            self._tell()
            self.tally.behind_seconds = max(0.0, (target - until).total_seconds() / self.speed)
            if end is not None and until >= end:
                return
            while (  # noqa: ASYNC110  (paho's threads make the room, and know no events of ours)
                sum(line.pending for line in self._lines) > WINDOW * 50
                and not self._stop.is_set()
                and self.connected
            ):
                await asyncio.sleep(0.05)
            if until < target:
                await asyncio.sleep(0)
                continue
            due = (self.world.next_at - until).total_seconds() / self.speed
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(TICK, max(0.005, due))):
                    await self._nudge.wait()

    def _tell(self) -> None:
        for truth in self.world.happened():
            self._told(truth)

    def _told(self, truth: Truth) -> None:
        life = self.world.lives[truth.home]
        sensor = life.sensors.get(truth.device or "")
        # What a gateway or a whole home does by falling silent is heard as silence.
        if truth.expect is not None and life.dark and sensor is not None and sensor.kind is not Kind.gateway:
            self.unheard.add(len(self.truths))
        self.truths.append(truth)
        if self._truth is not None:
            self._truth.write(truth_line(truth) + "\n")
            self._truth.flush()

    def _goodbye(self) -> Iterator[Publish]:
        """What the last wills of the gateways would say when the simulator ends."""
        for life in self.world.lives.values():
            if life.gateway is not None:
                yield Publish(
                    self.world.now,
                    f"anxin/v1/{life.id}/status",
                    b'{"state":"offline"}',
                    1,
                    True,
                    life.id,
                    life.gateway.id,
                )

    async def _drain(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                # With every line down there is no broker: nobody waits for one that has gone before us.
                while any(line.pending for line in self._lines) and any(  # noqa: ASYNC110  (as above)
                    line.connected for line in self._lines
                ):
                    await asyncio.sleep(0.02)

    def _heard(self, topic: str, payload: bytes) -> None:
        """An application acknowledgement: `anxin/v1/{home}/{device}/ack`."""
        levels = topic.split("/")
        if len(levels) != 5:
            return
        seq: int | None = None
        with contextlib.suppress(msgspec.DecodeError):
            body = msgspec.json.decode(payload)
            if isinstance(body, dict) and isinstance(body.get("seq"), int):
                seq = body["seq"]
        if self.world.acknowledge(levels[2], levels[3], seq):
            self.tally.acknowledged += 1


async def run(
    site: Site,
    *,
    mqtt_url: str = "mqtt://127.0.0.1:1883",
    seed: int = 1,
    speed: float = 1.0,
    rate_scale: float = 1.0,
    duration: timedelta | None = None,
    scenarios: tuple[Wish, ...] = (),
    faults: Faults | None = None,
    truth: TextIO | None = None,
    progress: bool | None = None,
    clock: Clock | None = None,
    stop: asyncio.Event | None = None,
    control: Path | None = None,
) -> Tally:
    """Publish a community to a broker until `duration` of its time has passed, `stop` is set, or it is cancelled.

    `progress` draws a status line on stderr; None: when stderr is a terminal. `control`: a Unix socket over which it can be
    told what to do while it runs; raises WrongControl when that cannot be made.
    """
    simulation = Simulation(
        site, mqtt_url=mqtt_url, seed=seed, speed=speed, rate_scale=rate_scale, faults=faults, scenarios=scenarios,
        truth=truth, clock=clock,
    )  # fmt: skip
    async with contextlib.AsyncExitStack() as stack:
        if control is not None:
            from simulators.control import controlled  # noqa: PLC0415  (it stands on this module)

            await stack.enter_async_context(controlled(simulation, control, clock or SystemClock()))
        if stop is not None:
            stack.push_async_callback(_ended, asyncio.create_task(_stop_with(simulation, stop)))
        if progress if progress is not None else sys.stderr.isatty():
            stack.push_async_callback(_ended, asyncio.create_task(show(simulation, duration)))
        return await simulation.run(duration=duration)


def play(site: Site, **settings: Any) -> Tally:
    """`run` for a program that does nothing else: ends cleanly on Ctrl-C and SIGTERM. Same arguments as `run`."""

    async def until_told() -> Tally:
        stop = asyncio.Event()
        for name in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(NotImplementedError):
                asyncio.get_running_loop().add_signal_handler(name, stop.set)
        return await run(site, stop=stop, **settings)

    return asyncio.run(until_told())


async def _stop_with(simulation: Simulation, stop: asyncio.Event) -> None:
    await stop.wait()
    simulation.stop()


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def show(simulation: Simulation, duration: timedelta | None = None) -> None:
    """Draw a status line on stderr until cancelled: the world's time, rates, acknowledgements, the broker."""
    from rich.console import Console  # noqa: PLC0415  (only terminals need it)
    from rich.live import Live  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    zone = simulation.world.registry.zone
    start, last = simulation.world.now, 0

    def line() -> Text:
        nonlocal last
        tally, now = simulation.tally, simulation.world.now
        rate, last = tally.published - last, tally.published
        text = Text()
        text.append(f"{now.astimezone(zone):%m-%d %H:%M:%S}", "bold")
        if duration:
            text.append(f"  {min(100, 100 * ((now - start) / duration)):3.0f}%")
        text.append(f"  {len(simulation.world.lives)} homes  {tally.published:,} messages  {rate:,}/s")
        text.append(f"  {tally.alarms} alarm messages  {tally.acknowledged} acknowledged")
        if not simulation.connected:
            text.append("  waiting for the broker", "yellow")
        if tally.behind_seconds > 1:
            text.append(f"  {tally.behind_seconds:.0f} s behind", "yellow")
        if tally.refused:
            text.append(f"  {len(tally.refused_topics)} topics refused by the broker", "red")
        return text

    with Live(line(), console=Console(stderr=True), auto_refresh=False, transient=True) as live:
        while True:
            await asyncio.sleep(1)
            live.update(line(), refresh=True)
