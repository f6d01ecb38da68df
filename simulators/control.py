"""The way in to a running simulator: a Unix socket that only its owner may open, one JSON object a line each way.

Start at `controlled(simulation, path)`, which `run` enters with `anxin simulate --control PATH`. `Control.answer` is
the protocol without the socket. A question is `{"do": NAME, …}`; the answer `{"ok": true, "answer": {…}}`, or
`{"ok": false, "reason": WORD, "error": SENTENCE}`, and the line stays open unless what came was longer than a line may be.

Questions: `state` · `scenarios {home?}` · `homes {q?, limit?}` · `start {scenario, home?, after_seconds?, seed?}` ·
`fault {fault, value?, home?}` · `stop {id}` · `speed {speed}` · `truths {limit?}` · `messages {limit?}`. Times in answers are those of whoever listens to the
devices: at 60 times the speed the world's hour is his minute.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import stat
from collections import deque
from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta

from care.clock import Clock
from care.ids import iso
from care.words import Kind
from simulators.days import midnight
from simulators.run import Simulation
from simulators.scenarios import SCENARIOS, Truth, Wish, WrongScenario, unknown_home
from simulators.sensors import Publish, at_ms
from simulators.switches import Switch, WrongSwitch
from simulators.words import FAULTS, WORDS
from simulators.world import World

LINE_BYTES = 8 * 1024
"""A question is never longer."""
PATH_BYTES = 107
"""The kernel allows no longer path of a Unix socket (unix(7))."""
CLIENTS = 16
"""Who listens at a time; the next one is told to come again."""
IDLE_SECONDS = 60.0
SLOWEST, FASTEST = 0.1, 3600.0
"""Speeds that may be asked for while it runs."""
STARTS_A_MINUTE = 60
MOST_AHEAD = 1000
"""Truths that wait to happen: no more scenarios are taken above it."""
MOST_HOMES_TOLD = 100
MOST_TRUTHS_TOLD = 500
MOST_MESSAGES_TOLD = 100
MOST_BYTES_TOLD = 400
"""Of one message: its beginning tells what it is."""


class WrongControl(ValueError):
    """The socket cannot be made. The message is for a person."""


class _No(Exception):
    """A question that is not answered, and why."""

    def __init__(self, reason: str, sentence: str) -> None:
        self.reason = reason
        super().__init__(sentence)


_Name = Annotated[str, Meta(min_length=1, max_length=64)]


class _Ask(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="do"):
    """What may be asked; the name of the class is the word."""


class AskState(_Ask, frozen=True, tag="state"):
    """How the simulator is."""


class AskScenarios(_Ask, frozen=True, tag="scenarios"):
    """What can be started, and in this home if one is named."""

    home: _Name | None = None


class AskHomes(_Ask, frozen=True, tag="homes"):
    """Which homes there are."""

    q: Annotated[str, Meta(max_length=64)] = ""
    limit: Annotated[int, Meta(ge=1, le=MOST_HOMES_TOLD)] = 20


class AskStart(_Ask, frozen=True, tag="start"):
    """Start a scenario. Without a home the seed chooses one that has what it needs; without both the usual one is taken."""

    scenario: _Name
    home: _Name | None = None
    after_seconds: Annotated[float, Meta(ge=0, le=86_400)] | None = None
    """From now, whatever the hour; None: when its hour comes and somebody has been in bed long enough."""
    seed: Annotated[int, Meta(ge=0, le=2**31 - 1)] | None = None


class AskFault(_Ask, frozen=True, tag="fault"):
    """Switch a fault on."""

    fault: _Name
    value: float | None = None
    home: _Name | None = None


class AskStop(_Ask, frozen=True, tag="stop"):
    """Switch a fault off."""

    id: int


class AskSpeed(_Ask, frozen=True, tag="speed"):
    """Let the world run faster or slower from now on."""

    speed: Annotated[float, Meta(ge=SLOWEST, le=FASTEST)]


class AskTruths(_Ask, frozen=True, tag="truths"):
    """What has become true, newest first."""

    limit: Annotated[int, Meta(ge=1, le=MOST_TRUTHS_TOLD)] = 100


class AskMessages(_Ask, frozen=True, tag="messages"):
    """The last messages that were sent, newest first."""

    limit: Annotated[int, Meta(ge=1, le=MOST_MESSAGES_TOLD)] = 100


_QUESTION = msgspec.json.Decoder(
    AskState | AskScenarios | AskHomes | AskStart | AskFault | AskStop | AskSpeed | AskTruths | AskMessages
)


class Control:
    """The protocol on one simulation. Everything runs in the simulation's own loop, between two of its steps."""

    def __init__(self, simulation: Simulation, clock: Clock) -> None:
        self._simulation = simulation
        self._clock = clock
        self._starts: deque[float] = deque()
        self._void: set[int] = set()
        """Truths of cuts that ended before they had to be told."""
        self._expected = rehearsed(simulation.world)

    def answer(self, line: bytes) -> dict[str, Any]:
        """The answer to one line. Never raises: what cannot be understood is said."""
        try:
            return {"ok": True, "answer": self._do(_QUESTION.decode(line))}
        except _No as no:
            return {"ok": False, "reason": no.reason, "error": str(no)}
        except WrongScenario as error:
            return {"ok": False, "reason": "cannot_play", "error": str(error)}
        except WrongSwitch as error:
            more = {"error_zh": error.zh} if error.zh is not None else {}
            return {"ok": False, "reason": "cannot_switch", "error": str(error), **more}
        except msgspec.ValidationError as error:
            return {"ok": False, "reason": "bad_question", "error": f"this is no question of ours: {error}"}
        except msgspec.DecodeError as error:
            return {"ok": False, "reason": "bad_line", "error": f"a line must be one JSON object: {error}"}

    def _do(self, ask: Any) -> dict[str, Any]:
        match ask:
            case AskState():
                return self._state()
            case AskScenarios():
                return {"items": [self._scenario(name, ask.home) for name in SCENARIOS]}
            case AskHomes():
                return self._homes(ask)
            case AskStart():
                return self._start(ask)
            case AskFault():
                return self._fault(ask)
            case AskStop():
                return self._stop(ask)
            case AskSpeed():
                self._simulation.run_at(ask.speed)
                return self._state()
            case AskMessages():
                return {
                    "items": [self._message(m) for m in list(self._simulation.sent)[: -ask.limit - 1 : -1]]
                }
            case _:
                return self._truths(ask)

    # ------------------------------------------------------------------------------------------ what is there

    def _state(self) -> dict[str, Any]:
        simulation, tally = self._simulation, self._simulation.tally
        on = self._simulation.switches.on.values()
        return {
            "started_at": iso(simulation.world.start),
            "now": self._heard(simulation.world.now),
            "world_now": iso(simulation.world.now),
            "speed": simulation.speed,
            "seed": simulation.world.seed,
            "behind_seconds": round(tally.behind_seconds, 1),
            "homes": len(simulation.world.lives),
            "devices": sum(len(life.sensors) for life in simulation.world.lives.values()),
            "connected": simulation.connected,
            "published": tally.published,
            "alarm_messages": tally.alarms,
            "acknowledged": tally.acknowledged,
            "dropped": tally.dropped,
            "lost": simulation.lost,
            "from_beginning": simulation.faults_from_beginning,
            "faults": [self._switch(one) for one in on],
            "ended": [self._switch(one) for one in reversed(self._simulation.switches.over)],
            "kinds": [{"fault": name, "zh": w.zh, "en": w.en, "what": w.what} for name, w in FAULTS.items()],
        }

    def _scenario(self, name: str, home: str | None) -> dict[str, Any]:
        world, scenario, words = self._simulation.world, SCENARIOS[name], WORDS[name]
        missing: list[str] = []
        if home is not None:
            life = world.lives.get(home)
            if life is None:
                raise _No("unknown_home", unknown_home(home, world.lives))
            missing = scenario.lacks(life.home.devices)
        return {
            "name": name,
            "title": {"zh": words.zh, "en": words.en},
            "words": {"zh": words.what, "en": scenario.words},
            "needs": scenario.lacks(()),
            "missing": missing,
            "hours": list(scenario.hours) if scenario.hours is not None else None,
            "lead_seconds": scenario.lead // 1000,
            "expects": self._expected[name],
        }

    def _homes(self, ask: AskHomes) -> dict[str, Any]:
        wanted = ask.q.strip().lower()
        found = [
            life.home
            for life in self._simulation.world.lives.values()
            if not wanted
            or wanted in life.id.lower()
            or wanted in life.home.address.lower()
            or any(wanted in r.name.lower() for r in life.home.residents)
        ]
        return {
            "total": len(found),
            "items": [
                {
                    "id": home.id,
                    "address": home.address,
                    "residents": [r.name for r in home.residents],
                    "kinds": sorted({d.kind.value for d in home.devices}),
                    "gateway": any(d.kind is Kind.gateway for d in home.devices),
                }
                for home in found[: ask.limit]
            ],
        }

    # ------------------------------------------------------------------------------------------ what is done

    def _start(self, ask: AskStart) -> dict[str, Any]:
        world = self._simulation.world
        if ask.scenario not in SCENARIOS:
            raise _No(
                "unknown_scenario", f"there is no scenario `{ask.scenario}`; there are: {' '.join(SCENARIOS)}"
            )
        if ask.home is not None and ask.home not in world.lives:
            raise _No("unknown_home", unknown_home(ask.home, world.lives))
        self._may_start()
        home = ask.home
        if home is None and ask.seed is not None:
            fitting = world.fitting(ask.scenario)
            if fitting:
                home = fitting[int(np.random.default_rng((ask.seed, 311)).integers(len(fitting)))]
        after = timedelta(seconds=ask.after_seconds) if ask.after_seconds is not None else None
        wish = Wish(ask.scenario, home, after)
        begins = world.begins(wish)
        truths = self._simulation.stage(wish)
        where = home or world.home_for(ask.scenario)
        offset = f"+{ask.after_seconds:g}s" if ask.after_seconds is not None else ""
        return {
            "scenario": ask.scenario,
            "home": where,
            "begins_at": self._heard(begins),
            "truths": [self._truth(None, truth) for truth in truths],
            "command": (
                f"anxin simulate --site SITE --seed {world.seed} --scenario {ask.scenario}@{where}{offset}"
            ),
        }

    def _may_start(self) -> None:
        now = self._clock.monotonic()
        while self._starts and now - self._starts[0] > 60:
            self._starts.popleft()
        if len(self._starts) >= STARTS_A_MINUTE:
            raise _No("too_many", f"{STARTS_A_MINUTE} scenarios were started within a minute; wait a little")
        if self._simulation.world.ahead > MOST_AHEAD:
            raise _No("too_many", "too many scenarios are waiting for their hour; let some of them pass")
        self._starts.append(now)

    def _fault(self, ask: AskFault) -> dict[str, Any]:
        one = self._simulation.switch_on(ask.fault, ask.value, ask.home)
        return self._switch(one)

    def _stop(self, ask: AskStop) -> dict[str, Any]:
        one = self._simulation.switch_off(ask.id)
        if one.truth is not None:
            truth = self._simulation.truths[one.truth]
            if truth.expect is not None and self._simulation.world.now < truth.expect.by:
                self._void.add(one.truth)
        return self._switch(one)

    # ---------------------------------------------------------------------------------------- what is true

    def _truths(self, ask: AskTruths) -> dict[str, Any]:
        truths = self._simulation.truths
        first = max(0, len(truths) - ask.limit)
        return {
            "total": len(truths),
            "ahead": self._simulation.world.ahead,
            "items": [self._truth(n, truths[n]) for n in range(len(truths) - 1, first - 1, -1)],
        }

    def _truth(self, n: int | None, truth: Truth) -> dict[str, Any]:
        expect = None
        if truth.expect is not None:
            e = truth.expect
            expect = {"code": e.code, "level": e.level, "by": self._heard(e.by), "also": e.also}
        return {
            "n": n,
            "at": self._heard(truth.at),
            "scenario": truth.scenario,
            "home": truth.home,
            "device": truth.device,
            "what": truth.what,
            "zh": truth.zh,
            "verdict": truth.verdict,
            "expect": expect,
            "void": n in self._void,
            "unheard": n in self._simulation.unheard,
        }

    def _message(self, message: Publish) -> dict[str, Any]:
        return {
            "at": self._heard(message.at),
            "topic": message.topic,
            "payload": message.payload[:MOST_BYTES_TOLD].decode("utf-8", "replace"),
            "bytes": len(message.payload),
            "home": message.home,
            "device": message.device,
            "alarm": message.alarm,
            "retained": message.retain,
        }

    def _switch(self, one: Switch) -> dict[str, Any]:
        return {
            "id": one.id,
            "fault": one.fault,
            "value": one.value,
            "home": one.home,
            "homes": list(one.homes),
            "since": self._heard(one.since),
            "until": self._heard(one.until) if one.until is not None else None,
        }

    def _heard(self, at: datetime) -> str:
        return iso(self._simulation.heard_at(at))


def rehearsed(world: World) -> dict[str, list[dict[str, Any]]]:
    """What ought to be raised by each scenario when it is played at its hour: code, level, seconds after it began."""
    first = list(world.site.homes)[:60]
    if "h0317" in world.lives and all(h.id != "h0317" for h in first):
        first = [world.lives["h0317"].home, *first]
    begin_ms = midnight(date(2026, 5, 23), world.registry.zone)
    out: dict[str, list[dict[str, Any]]] = {}
    site = msgspec.structs.replace(world.site, homes=first)
    twin = World(site, seed=world.seed, start=at_ms(begin_ms), radios=world.radios)
    for name in SCENARIOS:
        try:
            truths = twin.stage(Wish(name))
        except WrongScenario:  # no home of this community has what it needs
            out[name] = []
            continue
        begin = min(t.at for t in truths)
        out[name] = [
            {
                "code": t.expect.code,
                "level": t.expect.level,
                "also": t.expect.also,
                "after_seconds": round((t.at - begin).total_seconds()),
                "within_seconds": round((t.expect.by - t.at).total_seconds()),
            }
            for t in truths
            if t.expect is not None
        ]
    return out


# --------------------------------------------------------------------------------------------- the socket


@contextlib.asynccontextmanager
async def controlled(simulation: Simulation, path: Path, clock: Clock) -> AsyncIterator[Control]:
    """Answer at this path until the block ends. Raises WrongControl with a sentence."""
    control = Control(simulation, clock)
    door = _Door(control)
    listening = bound(path)
    try:
        server = await asyncio.start_unix_server(door.serve, sock=listening, limit=LINE_BYTES)
    except BaseException:
        listening.close()
        raise
    try:
        yield control
    finally:
        server.close()
        await door.close()
        with contextlib.suppress(OSError):
            path.unlink()


def bound(path: Path) -> socket.socket:
    """A socket at this path that only its owner may open; one that a killed simulator left behind is replaced."""
    if len(os.fsencode(path)) > PATH_BYTES:
        raise WrongControl(f"the path of the control socket is longer than {PATH_BYTES} bytes: {path}")
    try:
        if path.exists() or path.is_symlink():
            if not stat.S_ISSOCK(path.lstat().st_mode):
                raise WrongControl(f"{path} is there and is no socket; name another path")
            with socket.socket(socket.AF_UNIX) as probe:
                probe.settimeout(1)
                try:
                    probe.connect(str(path))
                except (ConnectionRefusedError, FileNotFoundError):
                    path.unlink(missing_ok=True)
                else:
                    raise WrongControl(f"another simulator listens at {path}; stop it, or name another path")
        listening = socket.socket(socket.AF_UNIX)
        try:
            # Before it has a name, so that there is no moment at which others could open it.
            os.fchmod(listening.fileno(), 0o600)
            listening.bind(str(path))
            path.chmod(0o600)
        except OSError:
            listening.close()
            raise
    except OSError as error:
        raise WrongControl(f"the control socket {path} cannot be made: {error.strerror}") from None
    return listening


class _Door:
    """Those who are connected."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._inside: dict[asyncio.Task[Any], asyncio.StreamWriter] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        full = len(self._inside) >= CLIENTS
        self._inside[task] = writer
        try:
            with contextlib.suppress(OSError, TimeoutError):
                if full:
                    error = f"{CLIENTS} others ask already; come again in a moment"
                    await _say(writer, {"ok": False, "reason": "busy", "error": error})
                else:
                    await self._talk(reader, writer)
        finally:
            del self._inside[task]
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                async with asyncio.timeout(IDLE_SECONDS):
                    line = await reader.readuntil()
            except asyncio.IncompleteReadError:
                return  # the other side is done; half a line is no question
            except asyncio.LimitOverrunError:
                error = f"a line has at most {LINE_BYTES} bytes"
                await _say(writer, {"ok": False, "reason": "too_long", "error": error})
                return
            await _say(writer, self._control.answer(line))

    async def close(self) -> None:
        for writer in self._inside.values():
            writer.transport.abort()  # whoever reads or writes there comes to an end by itself
        await asyncio.gather(*self._inside, return_exceptions=True)


async def _say(writer: asyncio.StreamWriter, answer: dict[str, Any]) -> None:
    writer.write(msgspec.json.encode(answer) + b"\n")
    async with asyncio.timeout(IDLE_SECONDS):
        await writer.drain()
