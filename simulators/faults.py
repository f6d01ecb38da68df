"""What the radio, the clocks and the devices do to the world's messages: seeded, so that a bad week can be had again.

Start at `parse("loss=0.01,delay=2s")` and `FaultLine.through(messages, until)`; `FaultLine.switch` changes what is in
force while the world runs. Pure, like the world. The truth of a scenario does not change: what the faults hide is
for the service to notice.
"""

from __future__ import annotations

import heapq
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

import msgspec
import numpy as np

from simulators.scenarios import span
from simulators.sensors import ALARM_KINDS, Publish, iso_ms, to_ms


@dataclass(frozen=True)
class Faults:
    """How much goes wrong. Shares are 0 … 1 of messages (`stuck`: of devices)."""

    loss: float = 0.0
    """A message never arrives."""
    duplicate: float = 0.0
    """A message arrives twice, the second up to three seconds later."""
    reorder: float = 0.0
    """A message is overtaken: it comes one to ten seconds late."""
    delay: timedelta = timedelta(0)
    """Every message is late by up to this."""
    drift: timedelta = timedelta(0)
    """The clock of each home is wrong by up to this, either way, and gains or loses up to 20 s a day."""
    stuck: float = 0.0
    """A device repeats what it said first, with new times; alarm-class devices never do."""

    def __bool__(self) -> bool:
        return self != Faults()

    def __or__(self, other: Faults) -> Faults:
        """Both at once: of each kind the worse."""
        return Faults(**{f.name: max(getattr(self, f.name), getattr(other, f.name)) for f in fields(Faults)})


def parse(text: str) -> Faults:
    """Read `loss=0.01,duplicate=0.02,reorder=0.01,delay=2s,drift=90s,stuck=0.01`; raises ValueError with a sentence."""
    kinds = {f.name: f.type for f in fields(Faults)}
    found: dict[str, Any] = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        name, sign, value = (p.strip() for p in part.partition("="))
        if name not in kinds or not sign:
            raise ValueError(f"`{part}` is not a fault; write NAME=VALUE with a name of: {', '.join(kinds)}")
        if name in found:
            raise ValueError(f"the fault `{name}` is given twice; keep one")
        if name in ("delay", "drift"):
            found[name] = span(value)
            continue
        try:
            share = float(value)
        except ValueError:
            share = -1.0
        if not 0 <= share <= 1:
            raise ValueError(f"`{part}`: {name} is a share between 0 and 1, for example {name}=0.01")
        found[name] = share
    return Faults(**found)


class FaultLine:
    """The way from the world to the broker. Feed it everything in order; what comes out is in order of sending, too."""

    def __init__(self, faults: Faults, *, seed: int = 1) -> None:
        self.faults = faults
        """What is in force in homes without a switch of their own."""
        self._always = faults
        self._homes: dict[str, Faults] = {}
        self._seed = seed
        self._rng = np.random.default_rng((seed, 77))
        self._box: list[float] = []
        self._late: list[tuple[datetime, int, Publish]] = []
        self._count = 0
        self._first: dict[tuple[str, str], dict[str, Any]] = {}
        self._zero: int | None = None
        self.lost = 0

    def switch(self, switches: Iterable[tuple[str | None, Faults]]) -> None:
        """From now on exactly these are in force besides those of the beginning: each in one home, or everywhere (None).

        What is already late still comes. A device that is no longer stuck tells what it measures again.
        """
        homes: dict[str, Faults] = {}
        self.faults = self._always
        for home, faults in switches:
            if home is None:
                self.faults |= faults
            else:
                homes[home] = homes.get(home, Faults()) | faults
        self._homes = {home: self.faults | faults for home, faults in homes.items()}
        self._first = {k: v for k, v in self._first.items() if self._in_force(k[0]).stuck}

    def _in_force(self, home: str) -> Faults:
        return self._homes.get(home, self.faults)

    def _u(self) -> float:
        if not self._box:
            self._box = self._rng.random(256).tolist()
        return self._box.pop()

    def through(self, messages: Iterable[Publish], until: datetime) -> Iterator[Publish]:
        """What really leaves before `until`; `at` is when it is sent. Retained states are left alone."""
        if not self.faults and not self._homes and not self._late:
            yield from messages
            return
        for message in messages:
            yield from self._due(message.at)
            yield from self._pass(message)
        yield from self._due(until)

    def _due(self, until: datetime) -> Iterator[Publish]:
        while self._late and self._late[0][0] < until:
            yield heapq.heappop(self._late)[2]

    def _hold(self, message: Publish, seconds: float) -> None:
        at = message.at + timedelta(seconds=seconds)
        self._count += 1
        heapq.heappush(self._late, (at, self._count, msgspec.structs.replace(message, at=at)))

    def _pass(self, message: Publish) -> Iterator[Publish]:
        faults = self._in_force(message.home)
        if message.retain or not faults:
            yield message
            return
        # Always the same number of draws, so that one fault does not change when another strikes.
        lost, again, behind, late = self._u(), self._u(), self._u(), self._u()
        if lost < faults.loss:
            self.lost += 1
            return
        if faults.stuck or faults.drift:
            message = self._bent(message, faults)
        wait = late * faults.delay.total_seconds()
        if behind < faults.reorder:
            wait += 1 + 9 * late
        if wait:
            self._hold(message, wait)
        else:
            yield message
        if again < faults.duplicate:
            self._hold(message, wait + 0.2 + 2.8 * late)

    def _share(self, *words: str) -> float:
        """A number in [0, 1) that belongs to a device or home for good."""
        return zlib.crc32(f"{self._seed}/{'/'.join(words)}".encode()) / 2**32

    def _bent(self, message: Publish, faults: Faults) -> Publish:
        """A message of a frozen device, or with the time of a wrong clock."""
        ms = to_ms(message.at)
        self._zero = self._zero or ms
        stuck = message.kind not in ALARM_KINDS and self._share("stuck", message.device) < faults.stuck
        if not stuck and not faults.drift:
            return message
        body = msgspec.json.decode(message.payload)
        if not isinstance(body, dict):
            return message
        clock = next((k for k in ("time", "last_seen") if k in body), None)
        if stuck:
            first = self._first.setdefault((message.home, message.device), body)
            body = {**first, **{k: body[k] for k in ("time", "last_seen", "seq") if k in body}}
        if clock is not None and faults.drift:
            wrong = (self._share("clock", message.home) * 2 - 1) * faults.drift.total_seconds()
            gains = (self._share("gain", message.home) * 2 - 1) * 20 / 86_400
            said = to_ms(datetime.fromisoformat(body[clock]))
            body[clock] = iso_ms(said + int(1000 * wrong + gains * (ms - self._zero)))
        return msgspec.structs.replace(message, payload=msgspec.json.encode(body))
