"""Publishes the world to a broker: with `lines`, which are its connections, all of the simulator that knows sockets and clocks.

Start at `Simulation`: `run()` until it is told to `stop`, `trigger(scenario, home)`, `switch_on` and `switch_off` at
any time (`control` lets others do so over a socket). Many homes share a few connections: one for alarm-class devices (so
that an SOS never waits behind telemetry), some for the rest, and one for topics that some brokers refuse.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import re
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TextIO

import msgspec

from care.clock import Clock, SystemClock
from care.site import Site
from care.words import Kind
from simulators.faults import FaultLine, Faults
from simulators.lines import WINDOW, Broker, Line, Tally, broker
from simulators.radios import Radios
from simulators.scenarios import Truth, Wish, truth_line
from simulators.scenarios import parse as parse_scenario
from simulators.sensors import Publish, at_ms, to_ms
from simulators.switches import Switch, Switches, WrongSwitch
from simulators.world import World

TELEMETRY_CONNECTIONS = 4
ODD_TOPIC = re.compile(r"[\x00-\x20\x7f]")
TICK = 0.25
"""Seconds between two looks at the world when nothing is due sooner."""
SENT_KEPT = 200
"""Messages that are remembered for whoever looks on."""
Push = Callable[[int, float, bool], None]
"""Makes the push service answer every message with a status, after so many seconds, from now on; or well again. Raises OSError."""
PUSH_ANSWERS = {
    "push_busy": (429, 0.0),
    "push_gone": (410, 0.0),
    "push_down": (500, 0.0),
    "push_slow": (200, 60.0),
}
"""Status and delay in seconds: `push_slow` is longer than any sender waits."""
COMPLAIN_AFTER = 2.0
"""Seconds between two looks at whether the broker is there."""


class Simulation:
    """A world on its way to a broker."""

    def __init__(
        self,
        site: Site,
        *,
        mqtt_url: str | Broker = "mqtt://127.0.0.1:1883",
        seed: int = 1,
        speed: float = 1.0,
        rate_scale: float = 1.0,
        faults: Faults | None = None,
        scenarios: tuple[Wish, ...] = (),
        truth: TextIO | None = None,
        clock: Clock | None = None,
        start: datetime | None = None,
        radios: Radios = Radios.lifelike,
        push: Push | None = None,
    ) -> None:
        self._push = push
        self._clock = clock or SystemClock()
        self._broker = broker(mqtt_url) if isinstance(mqtt_url, str) else mqtt_url
        self._truth = truth
        self.tally = Tally()
        self.world = World(
            site, seed=seed, start=start or self._clock.now(), rate_scale=rate_scale, speed=speed, radios=radios
        )  # fmt: skip
        self._faults = FaultLine(faults or Faults(), seed=seed)
        self.faults_from_beginning = bool(faults)
        self.switches = Switches(self.world, self._faults)
        """Faults that were put in force while it runs."""
        self._anchor = (0.0, self.world.now)
        """A moment of our clock, and which one of the world belongs to it: from there on the pace counts."""
        self._stop = asyncio.Event()
        self._nudge = asyncio.Event()
        self._lines: list[Line] = []
        self._held = False
        self.sent: deque[Publish] = deque(maxlen=SENT_KEPT)
        """The last messages that left, after the faults had their way with them."""
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
        if fault in PUSH_ANSWERS and self._push is None:
            raise WrongSwitch("this simulator has no phones of its own; start it with --phones URL")
        one, truth = self.switches.start(fault, value, home)
        try:
            self._carry_out(one, held=True)
        except OSError as error:
            self.switches.stop(one.id)
            raise WrongSwitch(f"the simulated phones do not answer: {error}") from None
        if truth is not None:
            one = replace(one, truth=len(self.truths))
            self.switches.on[one.id] = one
            self._told(truth)
        self._nudge.set()
        return one

    def switch_off(self, number: int) -> Switch:
        """End a fault that `switch_on` put in force. Raises WrongSwitch with a sentence."""
        one, truth = self.switches.stop(number)
        with contextlib.suppress(OSError):  # phones that are gone misbehave no more
            self._carry_out(one, held=False)
        if truth is not None:
            self._told(truth)
        self._nudge.set()
        return one

    def _carry_out(self, one: Switch, *, held: bool) -> None:
        """What concerns everybody: the lines to the broker, the phones' answers. Raises OSError when the phones are away."""
        if one.fault == "broker_cut":
            self._held = held
            for line in self._lines:
                line.hold(held)
        elif one.fault in PUSH_ANSWERS and self._push is not None:
            self._push(*PUSH_ANSWERS[one.fault], held)

    def heard_at(self, at: datetime) -> datetime:
        """When a moment of the world comes for whoever listens: the same at normal speed."""
        return at_ms(self.world.pace.heard_ms(to_ms(at)))

    @property
    def speed(self) -> float:
        """The world's seconds in a second."""
        return self.world.pace.speed

    def run_at(self, speed: float) -> None:
        """Another speed from now on; what the world is behind by now it stays behind by, and catches up. Raises ValueError."""
        self.world.pace.change(self.world.now_ms, speed)
        self._anchor = (self._clock.monotonic() - self.tally.behind_seconds, self.world.now)
        self._nudge.set()

    def _due(self) -> datetime:
        """Where the world ought to be by the clock."""
        began, world = self._anchor
        return world + timedelta(seconds=(self._clock.monotonic() - began) * self.speed)

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
        alarms = Line("alarms", self._broker, self.tally, alarms=True, on_ack=self._heard)
        odd = Line("odd", self._broker, self.tally, window=1)
        telemetry = [Line(f"t{i}", self._broker, self.tally) for i in range(many)]
        homes = {home: telemetry[i % many] for i, home in enumerate(self.world.lives)}
        self._lines = [alarms, *telemetry]
        if any(ODD_TOPIC.search(topic) for topic in self.world.registry.topics()):
            self._lines.append(odd)
        for line in self._lines:
            line.hold(self._held)
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
        self._anchor = (self._clock.monotonic(), self.world.now)
        end = self.world.now + duration if duration is not None else None
        while not self._stop.is_set():
            self._nudge.clear()
            target = self._due()
            if end is not None:
                target = min(target, end)
            # Small steps, so that acknowledgements and people's wishes come in between.
            until = min(target, self.world.now + timedelta(seconds=5 + self.speed * TICK))
            for n, message in enumerate(self._faults.through(self.world.events(until), until), start=1):
                send(message)
                self.sent.append(message)
                self.tally.generated += 1
                if n % 500 == 0:
                    await asyncio.sleep(0)
            self._tell()
            # By the clock of now: making and sending these may have taken long.
            self.tally.behind_seconds = max(0.0, (self._due() - until).total_seconds() / self.speed)
            if end is not None and until >= end:
                return
            while (  # noqa: ASYNC110  (room comes from any of the lines)
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
        # Ordinary days are for the file alone: whoever looks on wants to see what was staged.
        for truth in self.world.lived():
            self._write(truth)
        for truth in self.world.happened():
            self._told(truth)

    def _told(self, truth: Truth) -> None:
        life = self.world.lives[truth.home]
        sensor = life.sensors.get(truth.device or "")
        # What a gateway or a whole home does by falling silent is heard as silence.
        cut_off = sensor is not None and sensor.kind is not Kind.gateway and life.is_cut_off(sensor)
        if truth.expect is not None and (cut_off or self._held):
            self.unheard.add(len(self.truths))
        self.truths.append(truth)
        self._write(truth)

    def _write(self, truth: Truth) -> None:
        if self._truth is not None:
            # Times as the devices stamp them, so that truth and messages can be laid side by side at any speed.
            self._truth.write(truth_line(truth.heard(self.heard_at)) + "\n")
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
    mqtt_url: str | Broker = "mqtt://127.0.0.1:1883",
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
    start: datetime | None = None,
    say: Callable[[str], None] | None = None,
    radios: Radios = Radios.lifelike,
    push: Push | None = None,
    alone: bool = False,
) -> Tally:
    """Publish a community to a broker until `duration` of its time has passed, `stop` is set, or it is cancelled.

    `start` is the world's time at the beginning, and that of its devices' clocks; None: now.
    `progress` draws a status line on stderr; None: when stderr is a terminal. Without it `say` is given a sentence when
    the broker cannot be reached for a while, and when the reason changes. `control`: a Unix socket over which it can be
    told what to do while it runs; raises WrongControl when that cannot be made. `alone`: this process does nothing else.
    """
    simulation = Simulation(
        site, mqtt_url=mqtt_url, seed=seed, speed=speed, rate_scale=rate_scale, faults=faults, scenarios=scenarios,
        truth=truth, clock=clock, start=start, radios=radios, push=push,
    )  # fmt: skip
    if alone:
        # The world stays as long as we do: a collector that walks 10,000 homes again and again takes a third of our time.
        gc.collect()
        gc.freeze()
    async with contextlib.AsyncExitStack() as stack:
        if control is not None:
            from simulators.control import controlled  # noqa: PLC0415  (it stands on this module)

            await stack.enter_async_context(controlled(simulation, control, clock or SystemClock()))
        if stop is not None:
            stack.push_async_callback(_ended, asyncio.create_task(_stop_with(simulation, stop)))
        if progress if progress is not None else sys.stderr.isatty():
            stack.push_async_callback(_ended, asyncio.create_task(show(simulation, duration)))
        elif say is not None:
            stack.push_async_callback(_ended, asyncio.create_task(_complain(simulation, say)))
        return await simulation.run(duration=duration)


def play(site: Site, **settings: Any) -> Tally:
    """`run` for a program that does nothing else: ends cleanly on Ctrl-C and SIGTERM. Same arguments as `run`."""

    async def until_told() -> Tally:
        stop = asyncio.Event()
        for name in (signal.SIGINT, signal.SIGTERM):
            # Only Unix has signals on an event loop; elsewhere Ctrl-C ends the program as it ends any other.
            with contextlib.suppress(NotImplementedError):
                asyncio.get_running_loop().add_signal_handler(name, stop.set)
        return await run(site, stop=stop, alone=True, **settings)

    return asyncio.run(until_told())


async def _stop_with(simulation: Simulation, stop: asyncio.Event) -> None:
    await stop.wait()
    simulation.stop()


async def _complain(simulation: Simulation, say: Callable[[str], None]) -> None:
    """Say what keeps the broker away, once for each reason; a broker that starts beside us is given a moment."""
    said = ""
    while True:
        await asyncio.sleep(COMPLAIN_AFTER)
        trouble = simulation.tally.trouble
        if trouble and trouble != said:
            say(f"No connection to {trouble}; trying again.")
        elif said and not trouble:
            say("The broker is there.")
        said = trouble


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
            text.append(f"  waiting for the broker {tally.trouble}".rstrip(), "yellow")
        if tally.behind_seconds > 1:
            text.append(f"  {tally.behind_seconds:.0f} s behind", "yellow")
        if tally.refused:
            text.append(f"  {len(tally.refused_topics)} topics refused by the broker", "red")
        return text

    with Live(line(), console=Console(stderr=True), auto_refresh=False, transient=True) as live:
        while True:
            await asyncio.sleep(1)
            live.update(line(), refresh=True)
