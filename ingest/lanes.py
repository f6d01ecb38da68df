"""Messages that wait: in turn before they are read, and in order until the stream has what came of them. Start at `Lane`.

A lane keeps trying with the same message ids while the stream is away. `Fair` lets senders wait for themselves, and
`Seldom` and `Budget` let through what would only say the same again.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from prometheus_client import Counter
from structlog import get_logger

from care.errors import Temporary
from care.messages import encode
from care.stream import Outgoing, Stream
from ingest.broker import Arrived
from ingest.normalize import refused_by_us

log = get_logger("ingest")

BATCH = 500
TRIES = 5
"""A message that fails so often for another reason than Temporary goes to quarantine."""

_retries = Counter("anxin_ingest_retries", "Times the stream could not be written and was tried again")


class Waiting(Protocol):
    """Who is told what became of an item."""

    stream: Stream

    def stored(self, item: Item, lane: str) -> None: ...

    def done(self, arrived: Arrived) -> None: ...


@dataclass(slots=True)
class Item:
    """One message for the stream on behalf of an arrived one."""

    subject: str
    data: bytes
    message_id: str
    arrived: Arrived
    final: bool = False
    """It is already a refusal: if even that cannot be stored, it is given up."""
    failures: int = 0


class Lane:
    """Items for the stream in order; the next ones wait while these are being stored."""

    def __init__(self, owner: Waiting, name: str, *, linger: float = 0.0, limit: int = BATCH) -> None:
        self._owner = owner
        self._name = name
        self._linger = linger
        self._limit = limit
        self._items: deque[Item] = deque()
        self._some = asyncio.Event()

    def put(self, item: Item) -> None:
        self._items.append(item)
        self._some.set()

    async def run(self) -> None:
        while True:
            await self._some.wait()
            if self._linger and len(self._items) < self._limit:
                await asyncio.sleep(self._linger)
            batch = [self._items.popleft() for _ in range(min(self._limit, len(self._items)))]
            if not self._items:
                self._some.clear()
            await self._store(batch)

    async def _store(self, batch: list[Item]) -> None:
        pause = 0.05
        while batch:
            try:
                await self._publish(batch)
            except Temporary:
                _retries.inc()
                await asyncio.sleep(pause)
                pause = min(1.0, pause * 2)
                continue
            except Exception as error:  # noqa: BLE001  one message the stream cannot take must not hold up the others
                if len(batch) > 1:
                    for item in batch:
                        await self._store([item])
                    return
                if await self._give_up(batch[0], error):
                    return
                continue
            for item in batch:
                self._owner.stored(item, self._name)
            return

    async def _publish(self, batch: list[Item]) -> None:
        """Each name once and each stream for itself: the stream stores such a batch with one fsync, another one by one."""
        by_stream: dict[str, dict[str, Outgoing]] = {}
        for item in batch:
            named = by_stream.setdefault(item.subject.partition(".")[0], {})
            named.setdefault(item.message_id, Outgoing(item.subject, item.data, item.message_id))
        for _, named in sorted(by_stream.items(), key=lambda found: found[0] != "readings"):
            messages = list(named.values())
            if len(messages) == 1:
                one = messages[0]
                await self._owner.stream.publish(one.subject, one.data, message_id=one.message_id)
            else:
                await self._owner.stream.publish_batch(messages)

    async def _give_up(self, item: Item, error: Exception) -> bool:
        """After some tries the message becomes a refusal; True when even that cannot be stored."""
        item.failures += 1
        if item.failures < TRIES:
            await asyncio.sleep(0.05)
            return False
        log.error("message_failed", subject=item.subject, error=type(error).__name__, given_up=item.final)
        if item.final:
            self._owner.done(item.arrived)
            return True
        refusal = refused_by_us(item.arrived.message, f"{type(error).__name__} while storing")
        item.subject, item.data, item.message_id = refusal.subject, encode(refusal), refusal.refusal_id
        item.final, item.failures = True, 0
        return False


class Fair:
    """Messages that wait, by topic and in turn: a device that says a lot waits for itself, not the others for it."""

    def __init__(self) -> None:
        self._by_topic: OrderedDict[str, deque[Arrived]] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def put(self, arrived: Arrived) -> None:
        self._by_topic.setdefault(arrived.raw_topic, deque()).append(arrived)
        self._count += 1

    def take(self) -> Arrived:
        """The oldest of the topic whose turn it is."""
        topic, waiting = next(iter(self._by_topic.items()))
        found = waiting.popleft()
        self._count -= 1
        if waiting:
            self._by_topic.move_to_end(topic)
        else:
            del self._by_topic[topic]
        return found

    def oldest(self) -> Iterator[float]:
        """Since when each topic waits."""
        return (waiting[0].clock_seconds for waiting in self._by_topic.values())


@dataclass(slots=True)
class Seldom:
    """Lets a thing through once in a while."""

    every: float
    limit: int = 10_000
    _last: OrderedDict[str, float] = field(default_factory=OrderedDict)

    def now(self, key: str, at: float) -> bool:
        last = self._last.get(key)
        if last is not None and at - last < self.every:
            return False
        self._last[key] = at
        self._last.move_to_end(key)
        if len(self._last) > self.limit:
            self._last.popitem(last=False)
        return True


class Budget:
    """So many at once, then so many a second, for each key."""

    def __init__(self, budget: tuple[float, float], *, limit: int = 10_000) -> None:
        self._burst, self._per_second = budget
        self._limit = limit
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str, at: float) -> bool:
        left, then = self._left.get(key, (self._burst, at))
        left = min(self._burst, left + (at - then) * self._per_second)
        self._left[key] = (left - 1 if left >= 1 else left, at)
        self._left.move_to_end(key)
        if len(self._left) > self._limit:
            self._left.popitem(last=False)
        return left >= 1
