"""The durable stream as a port: NATS JetStream live (`anxin.jetstream`), memory in replays and tests.

A stream is an append-only log of messages with subjects. Everything that must not stop travels on it
(architecture section 1). Four operations carry the promises of the house:

- `publish` returns only when the message is durable; the same `message_id` is stored once;
- `expect_last` makes an append a compare-and-set on its subject: the fence of the alert log;
- `follow` reads one stream in order from a position, for folds and engines that keep their own position;
- `work` hands out messages that must be acknowledged, again and again until they are.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from care.errors import Conflict

READINGS = "READINGS"
FINDINGS = "FINDINGS"
ALERTS = "ALERTS"
DELIVERIES = "DELIVERIES"
QUARANTINE = "QUARANTINE"
PROTECTION = "PROTECTION"
SUBJECTS: dict[str, list[str]] = {
    READINGS: ["readings.>"],
    FINDINGS: ["findings.>"],
    ALERTS: ["alerts.>"],
    DELIVERIES: ["deliveries.>"],
    QUARANTINE: ["quarantine.>", "unclaimed"],
    PROTECTION: ["protection.>", "judged.>"],
}
"""Which subjects each stream keeps."""

REGISTRY = "registry"
PEOPLE = "people"
SNAPSHOTS = "snapshots"
COUNTERS = "counters"
HEALTH = "health"
BUCKETS = (REGISTRY, PEOPLE, SNAPSHOTS, COUNTERS, HEALTH)
"""Key-value buckets. `registry`: key `site`. `people`: `user.NAME`, `session.HASH`, `link_secret`, `used.HASH`,
`device_token.DEVICE`, `gateway.NAME`, `push.ID`, `webpush_key`, `contact.PERSON.ADDRESS`, `visit.RESIDENT`, `tested.DEVICE`, `repair.ID`, `round.ID`, `call.ROUND.RESIDENT`, `campaign.ID`, `rota.ID`, `rotaask.ID`, `rotanote.ID`, `export.ID`, `look.ID`, `door_card.HOME`. `snapshots`: `rules.PARTITION`. `counters`: `alerts`, `webhook.HASH`. `health`: `beat.ROLE`, `home.ID`, `usual.HOME`, `firmware.DEVICE`."""


AT_ONCE = 1_000
"""Messages of a work queue that may be handed out and not acknowledged."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A message in a stream: its subject, its bytes, its position (from 1) and when it was stored."""

    subject: str
    data: bytes
    seq: int
    stored_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to be appended."""

    subject: str
    data: bytes
    message_id: str | None = None


@dataclass(slots=True)
class Task:
    """A message handed out for work: `ack` when done, `retry` to have it again later."""

    stored: Stored
    attempt: int
    """1 for the first time it is handed out."""
    on_ack: Callable[[], Awaitable[None]]
    on_retry: Callable[[timedelta], Awaitable[None]]

    async def ack(self) -> None:
        """It is done; never hand it out again."""
        await self.on_ack()

    async def retry(self, after: timedelta = timedelta(0)) -> None:
        """Hand it out again after a while."""
        await self.on_retry(after)


@dataclass(frozen=True, slots=True)
class Entry:
    """A value in a key-value bucket with its revision (for compare-and-set); `data` is None when deleted."""

    key: str
    data: bytes | None
    revision: int


class Stream(Protocol):
    """The port. Raises care.errors.Temporary when the stream is away, Conflict when a fence did not hold."""

    async def publish(
        self,
        subject: str,
        data: bytes,
        *,
        message_id: str | None = None,
        expect_last: int | None = None,
    ) -> int:
        """Append one message; returns its position when it is durable.

        `message_id`: the same id within the duplicate window is stored once (the first position is returned).
        `expect_last`: the position of the last message on this subject, 0 for none; Conflict("moved") otherwise.
        """
        ...

    async def publish_batch(self, messages: Sequence[Outgoing]) -> None:
        """Append several messages of one stream at once; all are durable on return. Ids are honoured."""
        ...

    async def last(self, subject: str) -> Stored | None:
        """The last message of a subject."""
        ...

    async def head(self, stream: str) -> int:
        """The position of the last message of a stream, 0 when empty."""
        ...

    def follow(
        self, stream: str, *, subjects: Sequence[str] = (), after: int = 0, since: datetime | None = None
    ) -> AsyncIterator[list[Stored]]:
        """Every message after a position (or since a time), in order, then new ones for ever.

        Yields batches; an empty batch about twice a second says that there is nothing more for now.
        Re-creates what broke by itself and never skips or repeats a position.
        """
        ...

    def work(
        self,
        stream: str,
        *,
        worker: str,
        subjects: Sequence[str] = (),
        batch: int = 64,
        at_once: int = AT_ONCE,
    ) -> AsyncIterator[list[Task]]:
        """Messages for a named group of workers, each to one of them, until acknowledged (2 s each try).

        Yields batches; an empty batch about twice a second. `at_once` may be handed out and not acknowledged, those
        that were put back for later among them: what comes after them waits.
        """
        ...

    async def get(self, bucket: str, key: str) -> Entry | None:
        """A value of a bucket."""
        ...

    async def put(self, bucket: str, key: str, data: bytes, *, expect: int | None = None) -> int:
        """Store a value; returns its revision. With `expect` (0 = must not exist) a compare-and-set."""
        ...

    async def delete(self, bucket: str, key: str) -> None:
        """Remove a value."""
        ...

    async def keys(self, bucket: str, prefix: str = "") -> list[str]:
        """The keys of a bucket that begin with `prefix`."""
        ...

    def watch(self, bucket: str, pattern: str = ">") -> AsyncIterator[Entry | None]:
        """The values of the matching keys (`home.>`, `site`) now, then one None, then each change, for ever."""
        ...


def matches(pattern: str, subject: str) -> bool:
    """Whether a NATS subject pattern (`*` one level, `>` the rest) fits a subject."""
    want = pattern.split(".")
    have = subject.split(".")
    for i, part in enumerate(want):
        if part == ">":
            return len(have) > i
        if i >= len(have) or part not in ("*", have[i]):
            return False
    return len(want) == len(have)


def stream_of(subject: str) -> str:
    """The stream that keeps a subject."""
    for stream, patterns in SUBJECTS.items():
        if any(matches(p, subject) for p in patterns):
            return stream
    raise ValueError(f"no stream keeps the subject {subject!r}")


@dataclass
class _Log:
    messages: list[Stored] = field(default_factory=list)
    ids: dict[str, int] = field(default_factory=dict)
    last: dict[str, int] = field(default_factory=dict)


class MemoryStream:
    """The whole port in memory, for replays and tests: same fences, same order, nothing durable."""

    def __init__(self, *, idle: timedelta = timedelta(milliseconds=20)) -> None:
        self._logs: dict[str, _Log] = {name: _Log() for name in SUBJECTS}
        self._buckets: dict[str, dict[str, Entry]] = {name: {} for name in BUCKETS}
        self._revision = 0
        self._changed = asyncio.Condition()
        self._acked: dict[tuple[str, str], set[int]] = {}
        self._pending: dict[tuple[str, str], deque[tuple[int, int]]] = {}
        self._seen: dict[tuple[str, str], int] = {}
        self._idle = idle.total_seconds()

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _wait(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._idle):
                async with self._changed:
                    await self._changed.wait()

    def append(
        self, subject: str, data: bytes, *, message_id: str | None = None, expect_last: int | None = None
    ) -> int:
        """`publish` without waiting, for synchronous callers."""
        log = self._logs[stream_of(subject)]
        if message_id is not None and message_id in log.ids:
            return log.ids[message_id]
        if expect_last is not None and log.last.get(subject, 0) != expect_last:
            raise Conflict("moved", subject)
        seq = len(log.messages) + 1
        log.messages.append(Stored(subject, data, seq))
        log.last[subject] = seq
        if message_id is not None:
            log.ids[message_id] = seq
        return seq

    def messages(self, stream: str, pattern: str = ">") -> list[Stored]:
        """What a stream holds."""
        return [m for m in self._logs[stream].messages if matches(pattern, m.subject)]

    async def publish(
        self, subject: str, data: bytes, *, message_id: str | None = None, expect_last: int | None = None
    ) -> int:
        seq = self.append(subject, data, message_id=message_id, expect_last=expect_last)
        await self._notify()
        return seq

    async def publish_batch(self, messages: Sequence[Outgoing]) -> None:
        for m in messages:
            self.append(m.subject, m.data, message_id=m.message_id)
        await self._notify()

    async def last(self, subject: str) -> Stored | None:
        log = self._logs[stream_of(subject)]
        seq = log.last.get(subject)
        return log.messages[seq - 1] if seq else None

    async def head(self, stream: str) -> int:
        return len(self._logs[stream].messages)

    async def follow(
        self, stream: str, *, subjects: Sequence[str] = (), after: int = 0, since: datetime | None = None
    ) -> AsyncIterator[list[Stored]]:
        log = self._logs[stream]
        position = after if since is None else max(after, self._since(log, since))
        while True:
            fresh = log.messages[position:]
            position += len(fresh)
            wanted = [m for m in fresh if not subjects or any(matches(p, m.subject) for p in subjects)]
            yield wanted
            if position == len(log.messages):
                await self._wait()

    @staticmethod
    def _since(log: _Log, since: datetime) -> int:
        """Memory keeps no times of storing: everything counts as recent."""
        return sum(1 for m in log.messages if m.stored_at is not None and m.stored_at < since)

    async def work(
        self,
        stream: str,
        *,
        worker: str,
        subjects: Sequence[str] = (),
        batch: int = 64,
        at_once: int = AT_ONCE,  # noqa: ARG002 - nothing of it is ever full
    ) -> AsyncIterator[list[Task]]:
        key = (stream, worker)
        log = self._logs[stream]
        pending = self._pending.setdefault(key, deque())
        loop = asyncio.get_running_loop()
        while True:
            seen = self._seen.get(key, 0)
            for m in log.messages[seen:]:
                if not subjects or any(matches(p, m.subject) for p in subjects):
                    pending.append((m.seq, 1))
            self._seen[key] = len(log.messages)
            tasks: list[Task] = []
            while pending and len(tasks) < batch:
                seq, attempt = pending.popleft()

                async def ack() -> None:
                    return None

                async def retry(after: timedelta, *, seq: int = seq, attempt: int = attempt) -> None:
                    loop.call_later(after.total_seconds(), pending.append, (seq, attempt + 1))

                tasks.append(Task(log.messages[seq - 1], attempt, ack, retry))
            yield tasks
            if not pending:
                await self._wait()

    async def get(self, bucket: str, key: str) -> Entry | None:
        entry = self._buckets[bucket].get(key)
        return entry if entry is not None and entry.data is not None else None

    async def put(self, bucket: str, key: str, data: bytes, *, expect: int | None = None) -> int:
        current = self._buckets[bucket].get(key)
        have = current.revision if current is not None and current.data is not None else 0
        if expect is not None and have != expect:
            raise Conflict("moved", f"{bucket}/{key}")
        self._revision += 1
        self._buckets[bucket][key] = Entry(key, data, self._revision)
        await self._notify()
        return self._revision

    async def delete(self, bucket: str, key: str) -> None:
        self._revision += 1
        self._buckets[bucket][key] = Entry(key, None, self._revision)
        await self._notify()

    async def keys(self, bucket: str, prefix: str = "") -> list[str]:
        return sorted(
            k for k, e in self._buckets[bucket].items() if e.data is not None and k.startswith(prefix)
        )

    async def watch(self, bucket: str, pattern: str = ">") -> AsyncIterator[Entry | None]:
        revision = 0
        caught_up = False
        while True:
            fresh = sorted(
                (
                    e
                    for k, e in self._buckets[bucket].items()
                    if e.revision > revision and matches(pattern, k)
                ),
                key=lambda e: e.revision,
            )
            for entry in fresh:
                revision = entry.revision
                if entry.data is not None or caught_up:
                    yield entry
            if not caught_up:
                caught_up = True
                yield None
            elif not fresh:
                await self._wait()
