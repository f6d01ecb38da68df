"""What a connection says beyond its pace: held back in turns, an alarm in it let past, the rest of a flood cut and told.

Start at `Flow`, one for all connections; what waits of one connection is in its `Held`. A connection in a flood is still
read, because an SOS may be behind it: what bears a mark of life safety (`marks`) goes to the broker at once, the rest
waits by topic and in turn, and connections take turns with each other. Memory is bounded: what has no room any more and
bears no mark is cut, counted and told (`Reason.flood`), and acknowledged only when that is durable. Of a sender that
heeds acknowledgements nothing is cut: what waits has none, and so the sender stops. What is marked is never cut; when
even that has no room the connection is not read.

How much passes has three bounds: each connection's own pace, that of all together, and a window of messages the broker has not answered
yet, so that no more than a few of its disk writes are ever ahead of an SOS.
"""

from __future__ import annotations

import asyncio
import functools
import math
import re
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import Protocol

from prometheus_client import Counter, Gauge

from care.clock import Clock

EACH = (2_000.0, 1_000.0)
"""Messages of one connection that pass at once, then so many a second. A whole community at once is 500 a second, a
gateway that sends again what it kept some hundreds."""
ALL = (4_000.0, 2_000.0)
"""The same of all connections together, while ingest keeps up."""
LEAST = 200.0
"""A second, of all together, while ingest is behind."""
BEHIND, ABREAST = 1.0, 0.3
"""Seconds the oldest message waits in ingest: above the first less passes, below the second more again."""
WINDOW = 96
"""Messages the broker has not answered (PUBACK, PUBREC) beyond which only alarms pass. It writes one after the other to the
disk, 900 to 3,300 a second (measured), so these are some tenths of a second ahead of an SOS at worst."""
STUCK_SECONDS = 2.0
"""No answer at all for so long: answers were lost with their connections, so the window is opened again."""
HELD, HELD_BYTES = 10_000, 3 * 1024 * 1024
"""Messages and bytes that one connection may have waiting: a gateway that kept an hour of a home for itself."""
HELD_ALL_BYTES = 64 * 1024 * 1024
HELD_LEAST = 20
"""Messages a connection may have waiting even when all together have no room."""
OVERHEAD = 200
"""Bytes a waiting message takes beside its own."""
TICK_SECONDS = 0.005
PAST_EACH, PAST_ALL = (5.0, 1.0), (500.0, 100.0)
"""Marked messages let past what waits: of one topic that says the same, and of one connection; so many at once, then so
many a second. The others wait in turn."""
WORDINGS = 1_000
_WORDS = tuple(
    word.encode()
    for word in [
        "sos",
        "smoke",
        "gas",
        '"co"',
        '"co_',
        '_co"',
        "carbon",
        "fall",
        "leak",
        "flood",
        "alarm",
        "fire",
        "emergency",
        "panic",
        "help",
        "action",
        "press",
        "click",
        "button",
        "烟",
        "燃气",
        "报警",
        "求助",
        "跌倒",
        "漏水",
        "呼叫",
    ]
)
"""Words of life safety, in a payload of any dialect."""
_SAID = re.compile(rb"(?i)(?:" + b"|".join(re.escape(word) for word in _WORDS) + rb")[^,}\]]{0,24}")
"""Such a word, and what is said of it."""

_held = Gauge("anxin_doorman_held", "Messages that wait at the door because their connection sent too much")
_cut = Counter("anxin_doorman_cut", "Messages of floods that were left out, counted and told")
_past = Counter("anxin_doorman_let_past", "Messages marked as life safety that were let past a flood")


def marks(payload: bytes) -> tuple[bytes, ...]:
    """What a payload says with words of life safety; empty when it holds none. Cheap, and never wrong by leaving one
    out that the service reads in a dialect of its own; too many only cost a turn.
    """
    shape = payload.translate(None, b"0123456789")  # of a flood the figures differ, and no word holds one
    plain = _is_plain(shape) if len(shape) <= 1024 else _is_plain.__wrapped__(shape)
    return () if plain else tuple(_SAID.findall(payload))


@functools.lru_cache(maxsize=1024)
def _is_plain(payload: bytes) -> bool:
    low = payload.lower()
    return not any(word in low for word in _WORDS)


class Leak:
    """So many at once, then so many a second."""

    __slots__ = ("at", "burst", "per_second", "used")

    def __init__(self, burst: float, per_second: float, now: float) -> None:
        self.burst, self.per_second = burst, per_second
        self.used, self.at = 0.0, now

    def left(self, now: float) -> float:
        self.used = max(0.0, self.used - (now - self.at) * self.per_second)
        self.at = now
        return self.burst - self.used


class Outlet(Protocol):
    """A connection, as the flow sees it."""

    broker_is_slow: bool
    unanswered: int
    """Messages of this connection that the broker has not answered yet."""

    def release(self, packets: bytes) -> None:
        """Pass these on to the broker."""

    def relieved(self) -> None:
        """There is room again, or nothing waits any more."""


@dataclass(slots=True)
class Held:
    """What waits of one connection."""

    own: Leak
    past: Leak
    topics: OrderedDict[bytes, deque[tuple[bytes, bool]]] = field(default_factory=OrderedDict)
    """By topic: packets, and whether the broker answers them."""
    count: int = 0
    size: int = 0
    said: OrderedDict[tuple[bytes, tuple[bytes, ...]], Leak] = field(default_factory=OrderedDict)
    """By topic and wording: what was let past of late."""

    def put(self, topic: bytes, packet: bytes, answered: bool) -> None:
        self.topics.setdefault(topic, deque()).append((packet, answered))
        self.count += 1
        self.size += len(packet) + OVERHEAD

    def take(self) -> tuple[bytes, bool]:
        """The oldest of the topic whose turn it is."""
        topic, waiting = next(iter(self.topics.items()))
        packet, answered = waiting.popleft()
        self.count -= 1
        self.size -= len(packet) + OVERHEAD
        if waiting:
            self.topics.move_to_end(topic)
        else:
            del self.topics[topic]
        return packet, answered

    def passes(self, topic: bytes, wording: tuple[bytes, ...], now: float) -> bool:
        """Whether a marked message may go past what waits: anything not said a moment ago may."""
        key = topic, wording
        leak = self.said.get(key)
        if leak is None:
            leak = self.said[key] = Leak(*PAST_EACH, now)
            if len(self.said) > WORDINGS:
                self.said.popitem(last=False)
        if leak.left(now) < 1 or self.past.left(now) < 1:
            return False
        leak.used += 1
        self.past.used += 1
        return True


class Flow:
    """What passes of all connections, and in which order when it is too much."""

    def __init__(
        self,
        clock: Clock,
        *,
        each: tuple[float, float] | None = EACH,
        everybody: tuple[float, float] = ALL,
        window: int = WINDOW,
    ) -> None:
        """`each` None: no bounds at all."""
        self.each = each
        self._clock = clock
        self._most = everybody[1]
        self._all = Leak(*everybody, clock.monotonic())
        self._window = window
        self._waiting: OrderedDict[Outlet, Held] = OrderedDict()
        self._size = 0
        self._timer: asyncio.TimerHandle | None = None
        self.unanswered = 0
        self._answered_at = clock.monotonic()

    @property
    def slowest(self) -> float:
        """Messages a second that a connection alone is let pass at least."""
        return max(1.0, min((self.each or EACH)[1], self._all.per_second))

    def opened(self) -> Held:
        """For a new connection."""
        now = self._clock.monotonic()
        return Held(Leak(*(self.each or EACH), now), Leak(*PAST_ALL, now))

    def closed(self, outlet: Outlet, held: Held, unanswered: int) -> None:
        """A connection is gone: what it had waiting was not acknowledged, and is said again by whoever wants it heard."""
        if self._waiting.pop(outlet, None) is not None:
            self._size -= held.size
            _held.dec(held.count)
        self.unanswered = max(0, self.unanswered - unanswered)

    def room(self, held: Held) -> float:
        """How many messages of this connection may pass as they come; none while something of it waits."""
        if self.each is None:
            return math.inf
        now = self._clock.monotonic()
        if held.count or not self._open(now):
            return 0.0
        return min(held.own.left(now), self._all.left(now), self._window - self.unanswered)

    def passed(self, held: Held, count: int, answered: int) -> None:
        """So many messages of a connection were passed on; the broker will answer some of them."""
        held.own.used += count
        self._all.used += count
        if not self.unanswered:
            self._answered_at = self._clock.monotonic()
        self.unanswered += answered

    def answered(self, count: int) -> None:
        """The broker has answered so many."""
        self.unanswered = max(0, self.unanswered - count)
        self._answered_at = self._clock.monotonic()

    def _open(self, now: float) -> bool:
        if self.unanswered < self._window:
            return True
        if now - self._answered_at > STUCK_SECONDS:
            self.unanswered, self._answered_at = 0, now
            return True
        return False

    def lets_past(self, held: Held, topic: bytes, wording: tuple[bytes, ...]) -> bool:
        """Whether a message marked as life safety passes at once."""
        if held.passes(topic, wording, self._clock.monotonic()):
            _past.inc()
            return True
        return False

    def has_room(self, held: Held) -> bool:
        """Whether one more message of a connection may wait."""
        if held.count >= HELD or held.size >= HELD_BYTES:
            return False
        return self._size < HELD_ALL_BYTES or held.count < HELD_LEAST

    def hold(self, outlet: Outlet, held: Held, topic: bytes, packet: bytes, answered: bool) -> None:
        """Let it wait for its turn."""
        held.put(topic, packet, answered)
        self._size += len(packet) + OVERHEAD
        _held.inc()
        self._waiting.setdefault(outlet, held)
        self._wind()

    def cut(self, count: int) -> None:
        """Note that so many messages had no room."""
        _cut.inc(count)

    def heed(self, ingest_lag: float) -> None:
        """Let less pass while ingest is behind, more while it is not."""
        if ingest_lag > BEHIND:
            self._all.per_second = max(LEAST, self._all.per_second / 2)
        elif ingest_lag < ABREAST:
            self._all.per_second = min(self._most, self._all.per_second * 1.2)

    # -- letting go

    def _wind(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(TICK_SECONDS, self._turn)

    def _turn(self) -> None:
        """One from each connection and topic in turn, as much as is due now."""
        self._timer = None
        now = self._clock.monotonic()
        budget = int(self._all.left(now))
        out: dict[Outlet, list[bytes]] = {}
        resting: dict[Outlet, Held] = {}
        while budget > 0 and self._waiting:
            if not self._open(now):
                break
            outlet, held = self._waiting.popitem(last=False)
            if outlet.broker_is_slow or held.own.left(now) < 1:
                resting[outlet] = held
                continue
            packet, answered = held.take()
            self._size -= len(packet) + OVERHEAD
            self.passed(held, 1, int(answered))
            outlet.unanswered += int(answered)
            out.setdefault(outlet, []).append(packet)
            budget -= 1
            if held.count:
                self._waiting[outlet] = held
        self._waiting.update(resting)
        if self._waiting:
            self._wind()
        for outlet, packets in out.items():
            _held.dec(len(packets))
            outlet.release(b"".join(packets))
        for outlet in out:
            # Each in a call of its own: what fails on one line must not hold up what others have waiting.
            asyncio.get_running_loop().call_soon(outlet.relieved)
