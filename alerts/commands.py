"""The alert log on the stream: following it, reading one alert, appending to it. What the API uses.

`Follower` keeps the fold of all open and recently closed alerts by following ALERTS. `Commands.give` carries out
a person's order: decide on the current fold, append with compare-and-set, decide again when somebody else was
faster on the stream but the version the person saw still fits. It needs neither the alerts worker nor a database:
the worker sees the event on the stream and does the rest.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import zlib
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from alerts.alert import Alert
from alerts.desk import Desk
from alerts.events import Delivery, DeliveryState, Raised, Transition, subject_of
from alerts.lifecycle import fold
from alerts.orders import No, NotAllowed, Order
from alerts.proposing import decode_transition, propose, report
from alerts.roster import Roster
from care.errors import Conflict, Temporary
from care.ids import content_id
from care.messages import DeviceAck, decode, encode
from care.site import Registry, Site
from care.stream import ALERTS, PEOPLE, REGISTRY, SNAPSHOTS, Outgoing, Stored, Stream

T = TypeVar("T")
S = TypeVar("S", bound=msgspec.Struct)

TRIES = 12
"""How often to decide anew when other processes append to the same alert; our own stand in line (`InLine`)."""
SNAPSHOT_KEY = "alerts"
SNAPSHOT_FORMAT = 1
CHUNK_BYTES = 200_000
"""Of one value in the key-value bucket, before compression; the stream's limit for a message is 1 MB."""
LINK_SECRET = "link_secret"  # noqa: S105 - the key under which it is kept


def transition_id(transition: Transition, data: bytes) -> str:
    """The message id of a transition: the same bytes are stored once, other bytes are judged by the fence."""
    return content_id("transition", transition.alert, transition.version, data)


def delivery_message(delivery: Delivery) -> Outgoing:
    """A message to a person as it goes to the queue, under its own id."""
    return Outgoing(delivery.subject, encode(delivery), delivery.id)


def ack_message(ack: DeviceAck) -> Outgoing:
    """An answer to a device as it goes to the queue."""
    return Outgoing(ack.subject, encode(ack), content_id("ack", ack.device, ack.alert, ack.seq, str(ack.at)))


def outgoing(transition: Transition) -> list[Outgoing]:
    """What is to be queued once a transition is durable; device answers first, they are waited for."""
    return [
        *(ack_message(a) for a in transition.device_acks),
        *(delivery_message(d) for d in transition.deliveries),
    ]


async def append(stream: Stream, transition: Transition, *, expect_last: int) -> int:
    """Make a transition durable; its position. Raises Conflict when the alert has moved on."""
    data = encode(transition)
    return await stream.publish(
        transition.subject, data, message_id=transition_id(transition, data), expect_last=expect_last
    )


async def read_log(stream: Stream, subject: str, *, after: int = 0) -> list[tuple[Transition, int]]:
    """The transitions of one alert in order, with their positions; empty when there is no such alert."""
    last = await stream.last(subject)
    if last is None or last.seq <= after:
        return []
    out: list[tuple[Transition, int]] = []
    follow = stream.follow(ALERTS, subjects=[subject], after=after)
    try:
        async for batch in follow:
            out += [(decode_transition(m.data), m.seq) for m in batch]
            if out and out[-1][1] >= last.seq:
                break
    finally:
        await close(follow)
    return out


async def close(iterator: AsyncIterator[Any]) -> None:
    """End an endless reading."""
    aclose = getattr(iterator, "aclose", None)
    if aclose is not None:
        await aclose()


async def first(iterator: AsyncIterator[T]) -> T:
    """The first thing an endless reading tells; it is ended then."""
    try:
        async for item in iterator:
            return item
    finally:
        await close(iterator)
    raise Temporary("the reading ended before it told anything")


async def kept_under(stream: Stream, prefix: str, kind: type[S]) -> AsyncIterator[dict[str, S]]:
    """What lies under a prefix of the people bucket, by name: as it is now and after each change, for ever.

    What cannot be read is left out.
    """
    known: dict[str, S] = {}
    told = False
    async with contextlib.aclosing(stream.watch(PEOPLE, f"{prefix}>")) as entries:  # type: ignore[type-var]
        async for entry in entries:
            if entry is None:
                told = True
            else:
                name = entry.key.removeprefix(prefix)
                known.pop(name, None)
                if entry.data is not None:
                    with contextlib.suppress(msgspec.MsgspecError):
                        known[name] = decode(entry.data, kind)
            if told:
                yield dict(known)


async def registries(stream: Stream) -> AsyncIterator[Registry]:
    """The registry as it is now and after each change, for ever; nothing until a site has been loaded."""
    async for entry in stream.watch(REGISTRY, "site"):
        if entry is not None and entry.data is not None:
            yield Registry(msgspec.json.decode(entry.data, type=Site))


async def link_secret(stream: Stream) -> bytes:
    """The secret that signs one-time links: made by whoever asks first, the same for everybody."""
    while True:
        entry = await stream.get(PEOPLE, LINK_SECRET)
        if entry is not None and entry.data:
            return entry.data
        with contextlib.suppress(Conflict):
            await stream.put(PEOPLE, LINK_SECRET, secrets.token_hex(32).encode(), expect=0)


class _Head(msgspec.Struct, frozen=True, kw_only=True):
    """The first value of a snapshot: how far it goes and where the rest is."""

    format: int
    position: int
    """Of ALERTS."""
    source: int
    """Of FINDINGS."""
    chunks: list[str]


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    alert: Alert
    position: int


def _no_numbers() -> int:
    raise RuntimeError("a follower raises no cases")


class Follower:
    """The fold of the alert log: every open alert and those closed within 24 hours, with their positions.

    `start` reads a snapshot and then the log up to now; `take` folds what comes after. It may lead a `Desk` that
    proposes as well (the worker's), or one that only looks (the API's, the sender's).
    """

    def __init__(self, stream: Stream, desk: Desk) -> None:
        self.stream = stream
        self.desk = desk
        self.position = 0
        """Of ALERTS: everything up to here is folded."""
        self._positions: dict[str, int] = {}
        self._snapshot_revision = 0
        self._snapshot_chunks: list[str] = []
        self._snapshot_position = -1

    @classmethod
    def looking(cls, stream: Stream, registry: Registry) -> Follower:
        """One that raises no cases of its own."""
        return cls(stream, Desk(registry, numbers=_no_numbers))

    def position_of(self, alert_id: str) -> int:
        """The position of the last transition of an alert, 0 when there is none."""
        return self._positions.get(alert_id, 0)

    async def start(self) -> list[DeviceAck]:
        """Fold everything there is; gives the answers that devices of still open alerts may not have had."""
        await self._restore()
        acks: list[tuple[str, DeviceAck]] = []
        head = await self.stream.head(ALERTS)
        if head > self.position:
            follow = self.stream.follow(ALERTS, after=self.position)
            try:
                async for batch in follow:
                    acks += [(t.alert, a) for t, _ in self.take(batch) for a in t.device_acks]
                    # Positions may be missing in the log, so its end is also an empty batch at or behind the head.
                    if self.position >= head or (
                        not batch and await self.stream.head(ALERTS) <= self.position
                    ):
                        break
            finally:
                await close(follow)
        return [ack for alert_id, ack in acks if self.desk.alerts[alert_id].open]

    async def changes(self) -> AsyncIterator[list[tuple[Transition, Alert]]]:
        """Every further batch of transitions after it was folded, for ever; empty when nothing is new."""
        follow = self.stream.follow(ALERTS, after=self.position)
        try:
            async for batch in follow:
                yield self.take(batch)
        finally:
            await close(follow)

    def take(self, batch: Sequence[Stored]) -> list[tuple[Transition, Alert]]:
        """Fold messages of the log; gives those that were new, each with the alert after it."""
        fresh: list[tuple[Transition, Alert]] = []
        for message in batch:
            transition = decode_transition(message.data)
            if self.folded(transition, message.seq):
                fresh.append((transition, self.desk.alerts[transition.alert]))
            self.position = max(self.position, message.seq)
        return fresh

    def folded(self, transition: Transition, seq: int) -> bool:
        """Fold one durable transition unless it was folded already."""
        if seq <= self.position_of(transition.alert):
            return False
        if transition.alert not in self.desk.alerts and not isinstance(transition.events[0], Raised):
            # Closed long ago and let go of; whoever needs it reads its log.
            return False
        self.desk.apply(transition)
        self._positions[transition.alert] = seq
        return True

    async def refresh(self, home: str, alert_id: str) -> list[Transition]:
        """Read what is new of one alert; gives the transitions that were not known."""
        known = alert_id in self.desk.alerts
        after = self.position_of(alert_id) if known else 0
        found = await read_log(self.stream, subject_of(home, alert_id), after=after)
        if not known:
            self._positions.pop(alert_id, None)
        return [t for t, seq in found if self.folded(t, seq)]

    def forget(self, now: datetime) -> None:
        """Let go of what ended long ago."""
        for alert_id in self.desk.forget(now):
            self._positions.pop(alert_id, None)

    # -- snapshot: start-up must not grow with the log --

    async def save(self, *, source: int) -> bool:
        """Keep the fold in the key-value store; False when somebody else keeps it or nothing is new."""
        if self.position == self._snapshot_position:
            return False
        kept = [_Kept(alert=a, position=self.position_of(a.id)) for a in self.desk.alerts.values()]
        chunks: dict[str, bytes] = {}
        part: list[_Kept] = []
        size = 0
        for item in [*kept, None]:
            if item is not None:
                part.append(item)
                size += len(encode(item))
            if part and (item is None or size > CHUNK_BYTES):
                data = zlib.compress(encode(part))
                chunks[f"{SNAPSHOT_KEY}.{content_id(data)}"] = data
                part, size = [], 0
        for key, data in chunks.items():
            if key not in self._snapshot_chunks:
                await self.stream.put(SNAPSHOTS, key, data)
        head = _Head(format=SNAPSHOT_FORMAT, position=self.position, source=source, chunks=list(chunks))
        try:
            revision = await self.stream.put(
                SNAPSHOTS, SNAPSHOT_KEY, encode(head), expect=self._snapshot_revision
            )
        except Conflict:
            # Another worker saved: its chunks stay, ours go, and from now on we build on its head.
            theirs = await self._head()
            for key in chunks:
                if theirs is None or key not in theirs.chunks:
                    await self.stream.delete(SNAPSHOTS, key)
            return False
        old = [k for k in self._snapshot_chunks if k not in chunks]
        self._snapshot_revision, self._snapshot_chunks = revision, list(chunks)
        self._snapshot_position = self.position
        for key in old:
            await self.stream.delete(SNAPSHOTS, key)
        return True

    async def _head(self) -> _Head | None:
        entry = await self.stream.get(SNAPSHOTS, SNAPSHOT_KEY)
        self._snapshot_revision = entry.revision if entry is not None else 0
        if entry is None or entry.data is None:
            return None
        try:
            head = msgspec.json.decode(entry.data, type=_Head)
        except msgspec.DecodeError:
            return None
        self._snapshot_chunks = head.chunks
        return head

    async def _restore(self) -> None:
        """Begin with the snapshot; without a sound one, with the beginning of the log."""
        head = await self._head()
        if head is None or head.format != SNAPSHOT_FORMAT or head.position > await self.stream.head(ALERTS):
            return
        kept: list[_Kept] = []
        for key in head.chunks:
            entry = await self.stream.get(SNAPSHOTS, key)
            if entry is None or entry.data is None:
                return
            try:
                kept += msgspec.json.decode(zlib.decompress(entry.data), type=list[_Kept])
            except (zlib.error, msgspec.DecodeError):
                return
        for item in kept:
            self.desk.put(item.alert)
            self._positions[item.alert.id] = item.position
        self.position = head.position
        self.desk.source = max(self.desk.source, head.source)


class InLine:
    """One at a time for each alert: two hundred at once must not fence each other off for ever."""

    def __init__(self) -> None:
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}

    @contextlib.asynccontextmanager
    async def __call__(self, alert: str) -> AsyncIterator[None]:
        lock, waiting = self._locks.get(alert, (asyncio.Lock(), 0))
        self._locks[alert] = (lock, waiting + 1)
        try:
            async with lock:
                yield
        finally:
            _, waiting = self._locks[alert]
            if waiting > 1:
                self._locks[alert] = (lock, waiting - 1)
            else:
                del self._locks[alert]


class Commands:
    """Carries out people's orders on the alert log."""

    def __init__(
        self, stream: Stream, follower: Follower, *, roster: Callable[[], Roster] | None = None
    ) -> None:
        """`roster` says who is on duty; by default it is the follower's own."""
        self._stream = stream
        self._follower = follower
        self._roster = roster or (lambda: follower.desk.roster)
        self._in_line = InLine()

    async def give(self, alert_id: str, order: Order, now: datetime) -> Alert:
        """Carry out an order; the new alert. Durable on return, and its messages are queued.

        Raises NotAllowed (with `reason`, `status`, `fields` and the current `alert`), Temporary when the stream
        is away. The same order again (same key) changes nothing and gives the alert as it is.
        """

        def decide(alert: Alert) -> Transition | None:
            transition = propose(alert, order, self._roster(), now)
            return transition if transition.events else None

        return await self._append(alert_id, decide)

    async def report(
        self,
        alert_id: str,
        delivery: str,
        state: DeliveryState,
        now: datetime,
        *,
        detail: str = "",
        attempts: int = 0,
        onward: bool = False,
    ) -> Alert:
        """Record what became of a message; `onward` makes it out for the person's next channel."""
        return await self._append(
            alert_id,
            lambda alert: report(
                alert,
                delivery,
                state,
                self._roster(),
                now,
                detail=detail,
                attempts=attempts,
                onward=onward,
            ),
        )

    async def _append(self, alert_id: str, decide: Callable[[Alert], Transition | None]) -> Alert:
        async with self._in_line(alert_id):
            return await self._decided(alert_id, decide)

    async def _decided(self, alert_id: str, decide: Callable[[Alert], Transition | None]) -> Alert:
        for attempt in range(TRIES):
            if attempt:
                await asyncio.sleep(0.005 * attempt)
            alert = self._follower.desk.get(alert_id)
            if alert is None:
                raise NotAllowed(No.unknown_alert, alert_id)
            try:
                transition = decide(alert)
            except NotAllowed as no:
                if no.no is not No.version_conflict:
                    raise
                # Perhaps it is we who are behind, not the person: look before refusing.
                if not await self._follower.refresh(alert.home, alert_id):
                    raise
                continue
            if transition is None:
                return alert
            try:
                seq = await append(self._stream, transition, expect_last=self._follower.position_of(alert_id))
            except Conflict:
                await self._follower.refresh(alert.home, alert_id)
                continue
            if not self._follower.folded(transition, seq):
                # The follower saw it on the stream first.
                after = self._follower.desk.get(alert_id) or fold(alert, transition)
            else:
                after = self._follower.desk.alerts[alert_id]
            with contextlib.suppress(Temporary):
                # If the queue is away the worker, which sees the transition, queues them; the order stands.
                await self._stream.publish_batch(outgoing(transition))
            return after
        raise Temporary("too many at once on this alert; try again")
