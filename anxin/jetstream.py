"""The stream port on NATS JetStream: the only module that imports `nats`.

Start at `JetStream.open`. `_tail` is the one read loop: an ephemeral pull consumer of our own, watched by
idle heartbeats and by the consumer's own sequence, re-created from the last position whenever anything is
in doubt (a tail that is silently dead is how timers get lost). Settings are those of docs/guarantees.md:
every wait is short, every retry carries the same message id.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import uuid
from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import nats
import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext, api

from care.errors import Conflict, Misconfigured, Temporary
from care.stream import (
    ALERTS,
    AT_ONCE,
    BUCKETS,
    COUNTERS,
    DELIVERIES,
    FINDINGS,
    PROTECTION,
    QUARANTINE,
    READINGS,
    SUBJECTS,
    Entry,
    Outgoing,
    Stored,
    Task,
    stream_of,
)

PUBLISH_TIMEOUT = 0.5
"""Seconds to wait for one PubAck before asking again under the same id (tried: 2 s made timers 2 s late)."""
PUBLISH_TRIES = 4
ACK_WAIT = 2.0
"""Seconds until work that nobody finished is handed out again (the default of 30 s is a late alarm)."""
KEEPALIVE = 0.7
"""Seconds between signs of life for work that takes longer than ACK_WAIT."""
PULL_EXPIRES = 1.0
HEARTBEAT = 0.4
SILENCE = 1.5
"""A tail without message or heartbeat for so many seconds is dead and made anew."""
DAY = 86400.0

_LIMITS: dict[str, dict[str, Any]] = {
    READINGS: {"max_age": 3 * DAY, "duplicate_window": 120.0},
    FINDINGS: {"max_age": 30 * DAY, "duplicate_window": 3600.0},
    ALERTS: {"duplicate_window": 3600.0, "deny_delete": True},
    DELIVERIES: {"retention": api.RetentionPolicy.WORK_QUEUE, "duplicate_window": 3600.0},
    PROTECTION: {"max_age": 30 * DAY, "duplicate_window": 120.0},
    QUARANTINE: {"max_age": 30 * DAY, "max_bytes": 256 * 1024 * 1024, "duplicate_window": 120.0},
}
"""Beyond these a stream keeps everything. Readings wait three days for a database that is down."""

_WRONG_LAST = 10071
_NO_ROOM = 10047
_GONE = (
    nats.errors.TimeoutError,
    nats.errors.ConnectionClosedError,
    nats.errors.NoServersError,
    nats.errors.ConnectionReconnectingError,
    nats.errors.OutboundBufferLimitError,
    nats.js.errors.NoStreamResponseError,
    nats.js.errors.ServiceUnavailableError,
    OSError,
)


class Connection(Client):
    """A connection whose requests never swallow a cancellation.

    nats-py waits with `asyncio.wait_for`, which before Python 3.12 drops a cancellation that meets the answer: the task
    then goes on for ever. When one task of a role fails, the others are cancelled once; one that went on kept the role
    alive and deaf (seen: an alerts role that crashed among many answers, and no SOS was an alert until it was killed).
    """

    async def request(self, *args: Any, **more: Any) -> Msg:
        """As in `Client`; raises CancelledError instead of any answer when the task was cancelled meanwhile."""
        task = asyncio.current_task()
        before = task.cancelling() if task is not None else 0
        try:
            return await super().request(*args, **more)
        finally:
            if task is not None and task.cancelling() > before:
                raise asyncio.CancelledError


class JetStream:
    """`care.stream.Stream` on a NATS connection."""

    def __init__(self, connection: Client, *, replicas: int = 1) -> None:
        self._nc = connection
        self._js: JetStreamContext = connection.jetstream(timeout=2.0)
        self._replicas = replicas
        self._queues: set[asyncio.Queue[Msg | None]] = set()

    def _wake(self) -> None:
        """After a reconnection every reader begins anew: what was on the way may be lost."""
        for queue in self._queues:
            queue.put_nowait(None)

    @classmethod
    async def open(cls, url: str, *, name: str = "anxin", replicas: int = 1, wait: float = 10.0) -> JetStream:
        """Connect and make sure that the streams and buckets exist.

        `url` may name several servers, separated by commas. Raises Temporary when none answers within `wait` seconds.
        """
        self: JetStream | None = None

        async def reconnected() -> None:
            if self is not None:
                self._wake()

        async def quiet(_error: Exception) -> None:
            return None

        deadline = asyncio.get_running_loop().time() + wait
        nc: Client | None = None
        while nc is None:
            made = Connection()
            try:
                await made.connect(
                    servers=[part.strip() for part in url.split(",")],
                    name=name,
                    connect_timeout=1,
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=0.1,  # type: ignore[arg-type]  # it is slept, fractions work
                    ping_interval=5,
                    max_outstanding_pings=2,
                    reconnected_cb=reconnected,
                    error_cb=quiet,
                    allow_reconnect=True,
                )
                nc = made
            except (OSError, nats.errors.Error, TimeoutError) as error:
                if asyncio.get_running_loop().time() > deadline:
                    raise Temporary(f"the stream does not answer ({type(error).__name__})") from None
                await asyncio.sleep(0.1)
        self = cls(nc, replicas=replicas)
        while True:
            try:
                await self._prepare()
                return self
            except Misconfigured:
                await nc.close()
                raise
            except _GONE as error:
                if asyncio.get_running_loop().time() > deadline:
                    await nc.close()
                    raise Temporary(f"the stream is not ready ({type(error).__name__})") from None
                await asyncio.sleep(0.1)

    async def close(self) -> None:
        """Say goodbye."""
        with contextlib.suppress(Exception):
            async with asyncio.timeout(2):
                await self._nc.close()

    @property
    def connected(self) -> bool:
        """Whether the connection stands at this moment."""
        return self._nc.is_connected

    async def _prepare(self) -> None:
        for name, subjects in SUBJECTS.items():
            config = api.StreamConfig(
                name=name,
                subjects=subjects,
                storage=api.StorageType.FILE,
                num_replicas=self._replicas,
                allow_atomic=True,
                allow_direct=True,
                **_LIMITS[name],
            )
            await self._make(config)
        for bucket in BUCKETS:
            config = api.StreamConfig(
                name=f"KV_{bucket}",
                subjects=[f"$KV.{bucket}.>"],
                storage=api.StorageType.FILE,
                num_replicas=self._replicas,
                max_msgs_per_subject=1,
                allow_rollup_hdrs=True,
                deny_delete=True,
                allow_direct=True,
                discard=api.DiscardPolicy.NEW,
                duplicate_window=120.0,
            )
            await self._make(config)

    async def _make(self, config: api.StreamConfig) -> None:
        """Create a stream or bring it up to date.

        A server that started on a nearly full disk has no room left to promise, not even to a stream that is there
        and can be written: that stream is enough. Nobody who was killed could come back otherwise.
        """
        try:
            await self._js.add_stream(config)
        except nats.js.errors.BadRequestError:
            await self._js.update_stream(config)
        except nats.js.errors.ServerError as error:
            if error.err_code != _NO_ROOM:
                raise
            try:
                await self._js.stream_info(config.name or "")
            except nats.js.errors.NotFoundError:
                raise Misconfigured(
                    f"the stream has no room for {config.name}; free space on its disk, or raise its max_file_store"
                ) from None

    # -- appending ---------------------------------------------------------------------------------------------

    async def _append(self, subject: str, data: bytes, headers: dict[str, str]) -> int:
        """One message with retries under the same id; returns its position once durable."""
        doubtful = False
        for attempt in range(PUBLISH_TRIES):
            try:
                ack = await self._js.publish(
                    subject, data, timeout=PUBLISH_TIMEOUT * (attempt + 1), headers=headers
                )
                return ack.seq
            except nats.js.errors.APIError as error:
                if error.err_code == _WRONG_LAST:
                    if doubtful:
                        # An earlier try may have been stored although its answer was lost.
                        last = await self._last_raw(subject)
                        if last is not None and last.data == data:
                            return last.seq
                    raise Conflict("moved", subject) from None
                if error.code is not None and error.code >= 500:
                    doubtful = True
                    await asyncio.sleep(0.05)
                    continue
                raise
            except _GONE:
                doubtful = True
                if attempt + 1 < PUBLISH_TRIES:
                    await asyncio.sleep(0.05)
        raise Temporary("the stream did not confirm in time")

    async def publish(
        self, subject: str, data: bytes, *, message_id: str | None = None, expect_last: int | None = None
    ) -> int:
        headers = {"Nats-Msg-Id": message_id or uuid.uuid4().hex}
        if expect_last is not None:
            headers["Nats-Expected-Last-Subject-Sequence"] = str(expect_last)
        return await self._append(subject, data, headers)

    async def publish_batch(self, messages: Sequence[Outgoing]) -> None:
        """Append several messages with one fsync; a batch that holds a repeat is stored one by one.

        The atomic batch of JetStream refuses a repeated id as a whole; the slow way then sorts them out.
        """
        for start in range(0, len(messages), 500):
            await self._batch(messages[start : start + 500])

    async def _batch(self, messages: Sequence[Outgoing]) -> None:
        if len(messages) > 1:
            batch = uuid.uuid4().hex
            try:
                for n, m in enumerate(messages[:-1], 1):
                    headers = {"Nats-Batch-Id": batch, "Nats-Batch-Sequence": str(n)}
                    if m.message_id is not None:
                        headers["Nats-Msg-Id"] = m.message_id
                    await self._nc.publish(m.subject, m.data, headers=headers)
                m = messages[-1]
                headers = {
                    "Nats-Batch-Id": batch,
                    "Nats-Batch-Sequence": str(len(messages)),
                    "Nats-Batch-Commit": "1",
                }
                if m.message_id is not None:
                    headers["Nats-Msg-Id"] = m.message_id
                await self._js.publish(m.subject, m.data, timeout=2.0, headers=headers)
                return
            except (*_GONE, nats.js.errors.APIError):
                pass
        # Several at a time, each under its own id: whatever the batch already stored is not stored again.
        for start in range(0, len(messages), 64):
            await asyncio.gather(
                *(
                    self.publish(m.subject, m.data, message_id=m.message_id)
                    for m in messages[start : start + 64]
                )
            )

    # -- reading -----------------------------------------------------------------------------------------------

    async def _last_raw(self, subject: str) -> Stored | None:
        try:
            raw = await self._js.get_last_msg(stream_of(subject), subject, direct=True)
        except nats.js.errors.NotFoundError:
            return None
        return Stored(subject, raw.data or b"", raw.seq or 0)

    async def last(self, subject: str) -> Stored | None:
        try:
            return await self._last_raw(subject)
        except _GONE:
            raise Temporary("the stream is away") from None

    async def head(self, stream: str) -> int:
        try:
            return (await self._js.stream_info(stream)).state.last_seq
        except _GONE:
            raise Temporary("the stream is away") from None

    async def _tail(
        self,
        stream: str,
        subjects: Sequence[str],
        *,
        after: int,
        since: datetime | None,
        last_per_subject: bool = False,
    ) -> AsyncGenerator[list[Msg], None]:
        """Messages in order from a position, for ever; an empty list says that nothing came for a while."""
        position = after
        batch = 512
        out: list[Msg] = []
        while True:
            consumer = f"tail-{uuid.uuid4().hex[:16]}"
            inbox = self._nc.new_inbox()
            queue: asyncio.Queue[Msg | None] = asyncio.Queue()
            self._queues.add(queue)
            sub = None
            try:
                config = api.ConsumerConfig(
                    name=consumer,
                    ack_policy=api.AckPolicy.NONE,
                    filter_subjects=list(subjects) or None,
                    mem_storage=True,
                    num_replicas=1,
                    inactive_threshold=30.0,
                )
                if position == 0 and last_per_subject:
                    config.deliver_policy = api.DeliverPolicy.LAST_PER_SUBJECT
                elif position == 0 and since is not None:
                    config.deliver_policy = api.DeliverPolicy.BY_START_TIME
                    config.opt_start_time = since.astimezone(UTC)
                else:
                    config.deliver_policy = api.DeliverPolicy.BY_START_SEQUENCE
                    config.opt_start_seq = position + 1
                if config.filter_subjects is None and last_per_subject:
                    config.filter_subjects = [f"$KV.{stream.removeprefix('KV_')}.>"]
                await self._js.add_consumer(stream, config, timeout=2.0)

                async def on_message(msg: Msg, queue: asyncio.Queue[Msg | None] = queue) -> None:
                    queue.put_nowait(msg)

                sub = await self._nc.subscribe(inbox, cb=on_message)
                expected = 1
                outstanding = 0
                while True:
                    if outstanding <= batch // 2:
                        await self._pull(stream, consumer, inbox, batch)
                        outstanding += batch
                    out = []
                    alive = False
                    try:
                        # Not wait_for: before Python 3.12 it swallows a cancellation that meets a result.
                        async with asyncio.timeout(SILENCE):
                            msg = await queue.get()
                    except TimeoutError:
                        break
                    while True:
                        if msg is None:
                            raise _Lost
                        status = msg.headers.get("Status") if msg.headers else None
                        if status is None:
                            meta = msg.metadata
                            if meta.sequence.consumer != expected:
                                # Something was lost between server and us: begin again behind the last one we have.
                                raise _Lost
                            expected += 1
                            outstanding = max(0, outstanding - 1)
                            position = meta.sequence.stream
                            out.append(msg)
                        elif status == "100":
                            alive = True
                        elif status in ("404", "408"):
                            alive = True
                            headers = msg.headers or {}
                            outstanding = max(
                                0, outstanding - int(headers.get("Nats-Pending-Messages", batch))
                            )
                        else:
                            raise _Lost
                        if queue.empty() or len(out) >= batch:
                            break
                        msg = queue.get_nowait()
                    if out or alive:
                        yield out
            except _Lost:
                yield out
            except nats.js.errors.NotFoundError:
                # The stream itself is away (a server that has not recovered yet): never go on as if it were empty.
                yield []
                await asyncio.sleep(0.2)
            except (*_GONE, nats.js.errors.APIError):
                yield []
                await asyncio.sleep(0.1)
            finally:
                self._queues.discard(queue)
                if sub is not None:
                    with contextlib.suppress(Exception):
                        await sub.unsubscribe()
                    with contextlib.suppress(Exception):
                        async with asyncio.timeout(0.5):
                            await self._js.delete_consumer(stream, consumer)

    async def _pull(self, stream: str, consumer: str, inbox: str, batch: int) -> None:
        request = {
            "batch": batch,
            "expires": int(PULL_EXPIRES * 1e9),
            "idle_heartbeat": int(HEARTBEAT * 1e9),
        }
        await self._nc.publish(
            f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}", json.dumps(request).encode(), inbox
        )

    async def follow(
        self, stream: str, *, subjects: Sequence[str] = (), after: int = 0, since: datetime | None = None
    ) -> AsyncGenerator[list[Stored], None]:
        async with contextlib.aclosing(self._tail(stream, subjects, after=after, since=since)) as tail:
            async for batch in tail:
                yield [
                    Stored(m.subject, m.data, m.metadata.sequence.stream, m.metadata.timestamp) for m in batch
                ]

    async def work(
        self,
        stream: str,
        *,
        worker: str,
        subjects: Sequence[str] = (),
        batch: int = 64,
        at_once: int = AT_ONCE,
    ) -> AsyncGenerator[list[Task], None]:
        held: dict[str, Msg] = {}
        keeper = asyncio.create_task(self._keep_alive(held))
        inbox = ""
        try:
            while True:
                queue: asyncio.Queue[Msg | None] = asyncio.Queue()
                self._queues.add(queue)
                sub = None
                taken = 0
                try:
                    await self._js.add_consumer(
                        stream,
                        api.ConsumerConfig(
                            name=worker,
                            durable_name=worker,
                            ack_policy=api.AckPolicy.EXPLICIT,
                            ack_wait=ACK_WAIT,
                            max_deliver=-1,
                            max_ack_pending=max(at_once, batch * 4),
                            filter_subjects=list(subjects) or None,
                            num_replicas=self._replicas,
                        ),
                        timeout=2.0,
                    )
                    inbox = self._nc.new_inbox()

                    async def on_message(msg: Msg, queue: asyncio.Queue[Msg | None] = queue) -> None:
                        queue.put_nowait(msg)

                    sub = await self._nc.subscribe(inbox, cb=on_message)
                    asked = lost = False
                    while not lost:
                        if not asked:
                            await self._pull(stream, worker, inbox, batch)
                            asked = True
                            taken = 0
                        try:
                            async with asyncio.timeout(SILENCE):
                                msg = await queue.get()
                        except TimeoutError:
                            break
                        tasks: list[Task] = []
                        while True:
                            if msg is None:
                                lost = True
                                break
                            status = msg.headers.get("Status") if msg.headers else None
                            if status is None:
                                taken += 1
                                tasks.append(self._task(msg, held))
                            elif status in ("404", "408"):
                                asked = False
                            elif status != "100":
                                lost = True
                                break
                            if taken >= batch:
                                asked = False
                            if queue.empty():
                                break
                            msg = queue.get_nowait()
                        yield tasks
                except (*_GONE, nats.js.errors.APIError):
                    yield []
                    await asyncio.sleep(0.1)
                finally:
                    self._queues.discard(queue)
                    if sub is not None:
                        with contextlib.suppress(Exception):
                            await sub.unsubscribe()
        finally:
            keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await keeper

    def _task(self, msg: Msg, held: dict[str, Msg]) -> Task:
        meta = msg.metadata
        key = msg.reply
        held[key] = msg

        async def ack() -> None:
            held.pop(key, None)
            for _ in range(PUBLISH_TRIES):
                try:
                    await msg.ack_sync(timeout=PUBLISH_TIMEOUT)
                    return
                except _GONE:
                    await asyncio.sleep(0.05)
                except nats.errors.MsgAlreadyAckdError:
                    return
            # Not confirmed: it will be handed out again, which its worker must bear anyway.

        async def retry(after: timedelta) -> None:
            held.pop(key, None)
            with contextlib.suppress(*_GONE, nats.errors.MsgAlreadyAckdError):
                await msg.nak(delay=after.total_seconds() or None)

        return Task(
            Stored(msg.subject, msg.data, meta.sequence.stream, meta.timestamp),
            meta.num_delivered or 1,
            ack,
            retry,
        )

    async def _keep_alive(self, held: dict[str, Msg]) -> None:
        while True:
            await asyncio.sleep(KEEPALIVE)
            for msg in list(held.values()):
                with contextlib.suppress(*_GONE, nats.errors.Error):
                    await msg.in_progress()

    # -- key-value ---------------------------------------------------------------------------------------------

    async def get(self, bucket: str, key: str) -> Entry | None:
        try:
            raw = await self._js.get_last_msg(
                f"KV_{bucket}", f"$KV.{bucket}.{key}", direct=bucket != COUNTERS
            )
        except nats.js.errors.NotFoundError:
            return None
        except _GONE:
            raise Temporary("the stream is away") from None
        if raw.headers and raw.headers.get("KV-Operation"):
            return None
        return Entry(key, raw.data or b"", raw.seq or 0)

    async def put(self, bucket: str, key: str, data: bytes, *, expect: int | None = None) -> int:
        subject = f"$KV.{bucket}.{key}"
        headers = {"Nats-Msg-Id": uuid.uuid4().hex}
        if expect is not None:
            if expect == 0:
                # A deleted key leaves a marker whose position a newcomer must name.
                expect = await self._marker(bucket, key)
            headers["Nats-Expected-Last-Subject-Sequence"] = str(expect)
        return await self._append_kv(subject, data, headers)

    async def _append_kv(self, subject: str, data: bytes, headers: dict[str, str]) -> int:
        for attempt in range(PUBLISH_TRIES):
            try:
                ack = await self._js.publish(
                    subject, data, timeout=PUBLISH_TIMEOUT * (attempt + 1), headers=headers
                )
                return ack.seq
            except nats.js.errors.APIError as error:
                if error.err_code == _WRONG_LAST:
                    raise Conflict("moved", subject.removeprefix("$KV.")) from None
                if error.code is None or error.code < 500:
                    raise
            except _GONE:
                pass
            await asyncio.sleep(0.05)
        raise Temporary("the stream did not confirm in time")

    async def _marker(self, bucket: str, key: str) -> int:
        try:
            raw = await self._js.get_last_msg(f"KV_{bucket}", f"$KV.{bucket}.{key}")
        except nats.js.errors.NotFoundError:
            return 0
        except _GONE:
            raise Temporary("the stream is away") from None
        if raw.headers and raw.headers.get("KV-Operation"):
            return raw.seq or 0
        return 0

    async def delete(self, bucket: str, key: str) -> None:
        await self._append_kv(
            f"$KV.{bucket}.{key}", b"", {"KV-Operation": "DEL", "Nats-Msg-Id": uuid.uuid4().hex}
        )

    async def keys(self, bucket: str, prefix: str = "") -> list[str]:
        out: list[str] = []
        async with contextlib.aclosing(self.watch(bucket)) as entries:
            async for entry in entries:
                if entry is None:
                    break
                if entry.data is not None and entry.key.startswith(prefix):
                    out.append(entry.key)
        return sorted(out)

    async def watch(self, bucket: str, pattern: str = ">") -> AsyncGenerator[Entry | None, None]:
        start = f"$KV.{bucket}."
        caught_up = False
        try:
            info = await self._js.stream_info(f"KV_{bucket}", subjects_filter=f"{start}{pattern}")
        except _GONE:
            raise Temporary("the stream is away") from None
        if not info.state.subjects:
            caught_up = True
            yield None
        tail = self._tail(f"KV_{bucket}", [f"{start}{pattern}"], after=0, since=None, last_per_subject=True)
        async with contextlib.aclosing(tail) as batches:
            async for batch in batches:
                for msg in batch:
                    deleted = bool(msg.headers and msg.headers.get("KV-Operation"))
                    meta = msg.metadata
                    if not deleted or caught_up:
                        yield Entry(
                            msg.subject.removeprefix(start),
                            None if deleted else msg.data,
                            meta.sequence.stream,
                        )
                    if not caught_up and meta.num_pending == 0:
                        caught_up = True
                        yield None


class _Lost(Exception):
    """A tail cannot be trusted any more and is made anew from its last position."""
