"""The rules role: the engine on the stream. Start at `run`.

Three readers feed one engine: urgent readings, ordinary readings, and refused alarms. An SOS never waits for
telemetry, because it is read by itself. Findings are durable before a position moves on; positions and memory are
saved together, so a worker that is killed goes on from its last snapshot, hears the log again and says the same
under the same names. Timers are part of the memory; while a lane is behind, time stands still for its rules where
its reader is.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
import structlog
from prometheus_client import Counter as Count

from care.clock import Clock
from care.errors import Temporary
from care.ids import PARTITIONS, content_id, epoch_ms, partition_of
from care.messages import Beat, Finding, Guarded, HomeHealth, Judged, Refusal, Report, decode, encode
from care.site import ORDERS, HomeOrders, Registry, Site
from care.stream import (
    HEALTH,
    QUARANTINE,
    READINGS,
    REGISTRY,
    SNAPSHOTS,
    Entry,
    Outgoing,
    Stored,
    Stream,
)
from rules.catalog import RuleBook, from_layers, load
from rules.engine import Engine
from rules.health import cause_of
from rules.memory import Checked, check

log = structlog.get_logger("rules.worker")

_dropped = Count("anxin_rules_withheld", "Readings dropped for want of consent, given before", ["consent"])

SCHEMA = 1
"""Version of the envelope around a snapshot."""
CHUNK = 500_000
"""Bytes of one value in the key-value store; NATS refuses more than a megabyte."""
SLICE = 256
"""Messages worked off before other readers get a turn: about ten milliseconds."""
BEHIND = timedelta(seconds=2)
"""A reader whose messages are older than this is catching up."""
AT_ONCE = 16
"""Saved values asked for at the same time at a start."""
HOMES_A_BEAT = 1000
"""Changed states of homes written with one beat, at most (a few milliseconds each)."""
NEW_BASE = 3
"""When a third of a partition's homes have changed since it was saved whole, it is saved whole again."""
AGAIN_AFTER = 0.2
LONGEST_WAIT = 0.5
"""Seconds between looks at the clock when nothing is due sooner."""

JUDGED_EVERY = timedelta(minutes=1)
UNSURE_EVERY = timedelta(seconds=10)
"""While it is not sure it looks again so soon: what is known again counts from then on."""
INGEST_SILENT = timedelta(seconds=15)
"""Without a beat of ingest for so long nobody knows what devices say."""
GONE = "gone"
"""Said of a home that left the community: from then on it has no hours."""

URGENT, NORMAL, REFUSED = "urgent", "normal", "refused"


class Envelope(msgspec.Struct):
    """A snapshot as it lies in the key-value store."""

    schema: int
    positions: dict[str, int]
    checksum: str
    saved_at: datetime
    chunks: int = 0
    """Number of pieces under `{key}.part.{checksum}.{i}`; 0 when the bytes are in `data`."""
    data: bytes = b""
    book: str = ""
    base: str = ""
    """Of `{key}.later`: the checksum of the snapshot whose homes this one replaces."""


@contextlib.contextmanager
def _all_stays() -> Iterator[None]:
    """No search for garbage while a memory is taken up: hundreds of thousands of objects come, and all of them stay.

    Looking through them again and again took most of the time of a restart with ten thousand homes.
    """
    searching = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if searching:
            gc.enable()


class Lane:
    """One reader: where it is, and whether it has caught up."""

    def __init__(self, name: str, stream: str, subjects: Sequence[str]) -> None:
        self.name = name
        self.stream = stream
        self.subjects = subjects
        self.position = 0
        self.caught_up = False
        self.heard_until: datetime | None = None
        """Receive time of the last message worked off."""


class Worker:
    """One worker of the rules role."""

    def __init__(
        self,
        stream: Stream,
        clock: Clock,
        registry: Registry,
        rulebook: RuleBook,
        *,
        partitions: Collection[int] = range(PARTITIONS),
        role: str = "rules",
        save_every: timedelta = timedelta(seconds=5),
        beat_every: timedelta = timedelta(seconds=2),
    ) -> None:
        self._stream = stream
        self._clock = clock
        self._rulebook = rulebook
        self._partitions = frozenset(partitions)
        self._role = role
        self._save_every = save_every.total_seconds()
        self._beat_every = beat_every.total_seconds()
        self._outbox: list[Finding] = []
        self._publishing = asyncio.Lock()
        self._saving = asyncio.Lock()
        self._unsaved: set[int] = set()
        self._floors: dict[int, dict[str, int]] = {}
        """Positions of the snapshot of each partition: what lies before was heard by it."""
        self._health: dict[str, HomeHealth] = {}
        self._guarded: dict[str, tuple[str, str]] = {}
        """How each home was last said to be protected, and by what cause not."""
        self._guards: list[Guarded] = []
        """What is to be said of it and is not durable yet."""
        self._judged_at: datetime | None = None
        self._sure = False
        self._lessons: dict[str, int] = {}
        """What has been told of what is usual in a home."""
        self._sweep: list[str] = []
        self._started_at = clock.now()
        self._resumed_at: datetime | None = None
        self._last_input_at: datetime | None = None
        self._woken = asyncio.Event()
        self._site_saved = False
        self._book_saved = False
        self._bases: dict[int, str] = {}
        """Checksum of the last whole snapshot of each partition."""
        self._later: dict[int, set[str]] = {}
        """Homes that changed since then."""
        self._chunked: set[str] = set()
        """Keys whose value was, at some time, too large for one piece."""
        self._erase: set[int] = set()
        """Partitions whose saved memory holds what may no longer be known: they are saved whole."""
        self._retell: set[str] = set()
        """Homes of which less is known than was told."""
        self.lanes = {
            URGENT: Lane(URGENT, READINGS, ["readings.urgent.>"]),
            NORMAL: Lane(NORMAL, READINGS, ["readings.normal.>"]),
            REFUSED: Lane(REFUSED, QUARANTINE, ["quarantine.>"]),
        }
        self.engine = Engine(registry, rulebook)

    # -- life --

    async def run(self) -> None:
        """Work until cancelled; on the way out the memory is saved once more."""
        await patiently(self.resume)
        try:
            async with asyncio.TaskGroup() as group:
                for lane in self.lanes.values():
                    group.create_task(self._follow(lane))
                group.create_task(self._watch_registry())
                group.create_task(self._watch_orders())
                group.create_task(self._watch_clock())
                group.create_task(self._keep())
                group.create_task(self._beat())
        finally:
            try:
                async with asyncio.timeout(2):
                    await self._publish()
                    await self.save()
            except (Temporary, TimeoutError):
                log.warning("last_snapshot_missed")

    async def resume(self) -> None:
        """Take up the memory that was saved last. What cannot be read is worked out anew from the log."""
        with _all_stays():
            await self._resume()

    async def _resume(self) -> None:
        manifest = await self._load("rules.manifest")
        positions = manifest[0].positions if manifest is not None else {}
        parts: list[Checked] = []
        self._floors = {}
        found = set(await self._stream.keys(SNAPSHOTS, "rules."))
        values = await self._load_all(found)
        for partition in sorted(self._partitions):
            loaded = values.pop(f"rules.{partition}", None)
            if loaded is None:
                if f"rules.{partition}" in found:
                    # It was there and cannot be read: the log is heard from its beginning for this partition.
                    self._floors[partition] = {}
                    continue
                self._floors[partition] = dict(positions)
                continue
            envelope, data = loaded
            whole, reached = [data], positions
            if f"rules.{partition}.later" in found:
                later = values.pop(f"rules.{partition}.later", None)
                if later is None:
                    reached = {}  # what it held is heard again from where the whole snapshot stopped
                elif later[0].base == envelope.checksum:
                    envelope = later[0]
                    whole.append(later[1])
            try:
                checked = [check(part) for part in whole]
            except ValueError as error:
                log.warning("snapshot_refused", partition=partition, reason=str(error))
                self._floors[partition] = {}
                continue
            parts += checked
            self._bases[partition] = loaded[0].checksum
            if len(whole) > 1:
                self._later[partition] = set(checked[1].snapshot.homes)
            self._floors[partition] = {
                lane: max(envelope.positions.get(lane, 0), reached.get(lane, 0)) for lane in self.lanes
            }
        site = await self._load("rules.site") if parts else None
        registry = self.engine.registry
        if site is not None and manifest is not None:
            before = Registry(decode(site[1], Site))
            self.engine = Engine.restore(before, self._rulebook, *parts)
            self._outbox += self.engine.reload(registry, self._rulebook, manifest[0].saved_at)
        else:
            self.engine = Engine.restore(registry, self._rulebook, *parts)
        for name, lane in self.lanes.items():
            lane.position = min((floor.get(name, 0) for floor in self._floors.values()), default=0)
        self._resumed_at = manifest[0].saved_at if manifest is not None else None
        log.info(
            "memory_resumed",
            partitions=len(parts),
            homes=len(self.engine.homes()),
            position=self.lanes[NORMAL].position,
        )

    # -- readers --

    async def _follow(self, lane: Lane) -> None:
        while True:
            batches = self._stream.follow(lane.stream, subjects=lane.subjects, after=lane.position)
            try:
                async for batch in batches:
                    if not batch:
                        lane.caught_up = True
                        self._woken.set()
                    for start in range(0, len(batch), SLICE):
                        self._take_in(lane, batch[start : start + SLICE])
                        await patiently(self._publish)
                        await asyncio.sleep(0)
            except Temporary as error:
                log.warning("reader_interrupted", lane=lane.name, reason=str(error))
                await asyncio.sleep(AGAIN_AFTER)

    def _take_in(self, lane: Lane, batch: Sequence[Stored]) -> None:
        """Feed messages to the engine; their findings wait in the outbox until they are durable."""
        engine = self.engine
        for message in batch:
            lane.position = message.seq
            partition = partition_of(_home_of(message.subject))
            if partition not in self._partitions:
                continue
            if message.seq <= self._floors.get(partition, {}).get(lane.name, 0):
                continue
            try:
                given: Any = decode(message.data, Refusal if lane.name == REFUSED else Report)
            except msgspec.MsgspecError as error:
                log.warning("message_unreadable", lane=lane.name, position=message.seq, reason=str(error))
                continue
            now = self._clock.now()
            lane.heard_until = given.received_at
            lane.caught_up = now - given.received_at < BEHIND
            self._last_input_at = now
            if not lane.caught_up:
                now = given.received_at
                self._tick()
            if lane.name == REFUSED:
                self._outbox += engine.refused(given, now)
            else:
                self._outbox += engine.feed(given, now)
            self._unsaved.add(partition)
        self._woken.set()

    def _until(self, lane: Lane) -> datetime | None:
        """How far time may go for the rules of a lane."""
        return self._clock.now() if lane.caught_up else lane.heard_until or self._resumed_at

    def _tick(self) -> None:
        urgent, normal = self._until(self.lanes[URGENT]), self._until(self.lanes[NORMAL])
        if urgent is None or normal is None:
            return  # no reader has said yet how far the log goes
        self._outbox += self.engine.tick(urgent, normal)

    async def _publish(self) -> None:
        """Make the findings that wait durable. They leave the outbox only then."""
        async with self._publishing:
            while self._outbox:
                batch = self._outbox[:SLICE]
                await self._stream.publish_batch(
                    [Outgoing(f.subject, encode(f), message_id=f.event_id) for f in batch]
                )
                del self._outbox[: len(batch)]
                for finding in batch:
                    log.info(
                        "finding_published",
                        rule=finding.rule,
                        phase=finding.phase.value,
                        level=finding.level.value,
                        home=finding.home,
                        finding=finding.finding,
                        late_seconds=finding.late_seconds,
                    )

    # -- clock, registry, upkeep --

    async def _watch_clock(self) -> None:
        while True:
            self._tick()
            await patiently(self._publish)
            due = self.engine.next_due()
            wait = LONGEST_WAIT if due is None else (due - self._clock.now()).total_seconds()
            self._woken.clear()
            try:
                async with asyncio.timeout(min(LONGEST_WAIT, max(0.02, wait))):
                    await self._woken.wait()
                    await asyncio.sleep(
                        0.02
                    )  # a flood of messages is looked at fifty times a second, not more
            except TimeoutError:
                pass

    async def _watch_registry(self) -> None:
        async for site in _sites(self._stream):
            if site == self.engine.registry.site:
                continue
            behind = [lane for lane in (self.lanes[URGENT], self.lanes[NORMAL]) if not lane.caught_up]
            now = min(
                (u for lane in behind if (u := self._until(lane)) is not None), default=self._clock.now()
            )
            self._outbox += self.engine.reload(Registry(site), self._rulebook, now)
            self._site_saved = False
            log.info("registry_reloaded", homes=len(site.homes))
            await patiently(self._publish)

    async def _watch_orders(self) -> None:
        """Modes and temporary limits set by people: the engine goes by them from the moment they are heard."""
        while True:
            try:
                async for entry in self._stream.watch(REGISTRY, f"{ORDERS}>"):
                    if entry is None or entry.data is None:
                        continue
                    try:
                        orders = decode(entry.data, HomeOrders)
                    except msgspec.MsgspecError as error:
                        log.warning("orders_unreadable", key=entry.key, reason=str(error))
                        continue
                    if partition_of(orders.home) not in self._partitions:
                        continue
                    self._outbox += self.engine.order(orders, self._clock.now())
                    self._unsaved.add(partition_of(orders.home))
                    log.info("orders_heard", home=orders.home, modes=len(orders.modes))
                    self._woken.set()
                    await patiently(self._publish)
            except Temporary as error:
                log.warning("orders_interrupted", reason=str(error))
                await asyncio.sleep(AGAIN_AFTER)

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(self._save_every)
            try:
                await self.save()
            except Temporary as error:
                log.warning("snapshot_put_off", reason=str(error))

    async def save(self) -> None:
        """Save memory and positions of the partitions that changed, then the manifest that makes them count.

        Nothing is saved while a finding is not durable: memory that has spoken must have been heard.
        """
        async with self._saving:
            if self._outbox:
                return
            for home in self.engine.changed_homes():
                partition = partition_of(home)
                self._unsaved.add(partition)
                self._later.setdefault(partition, set()).add(home)
            self._note_forgotten()
            erase, self._erase = self._erase, set()
            for partition in erase:
                self._bases.pop(partition, None)
            self._unsaved |= erase
            positions = {name: lane.position for name, lane in self.lanes.items()}
            now = self._clock.now()
            wanted = self._unsaved & self._partitions
            homes: dict[int, list[str]] = {p: [] for p in wanted}
            for home in self.engine.homes():
                partition = partition_of(home)
                if partition in homes:
                    homes[partition].append(home)
            packed: dict[int, tuple[bytes, str]] = {}
            for p in sorted(wanted):
                later = self._later.setdefault(p, set())
                base = self._bases.get(p, "")
                if base and len(later) * NEW_BASE < len(homes[p]):
                    packed[p] = self.engine.snapshot(sorted(later)), base
                else:
                    packed[p] = self.engine.snapshot(homes[p]), ""
                    later.clear()
                    self._bases.pop(p, None)
            site = encode(self.engine.registry.site) if not self._site_saved else None
            self._unsaved -= wanted  # whatever changes from here on is a change for the next time
            try:
                for partition, (data, base) in packed.items():
                    # A partition that was behind its floor keeps it until the reader has passed.
                    floor = self._floors.get(partition, {})
                    reached = {n: max(v, floor.get(n, 0)) for n, v in positions.items()}
                    if base:
                        await self._store(f"rules.{partition}.later", data, reached, now, base=base)
                    else:
                        self._bases[partition] = await self._store(f"rules.{partition}", data, reached, now)
                        if partition in erase:
                            await self._stream.delete(SNAPSHOTS, f"rules.{partition}.later")
                if site is not None:
                    await self._store("rules.site", site, positions, now)
                    self._site_saved = True
                if not self._book_saved:
                    await keep_book(self._stream, self._rulebook)
                    self._book_saved = True
                behind = any(
                    positions[n] < floor.get(n, 0) for floor in self._floors.values() for n in positions
                )
                if not behind:
                    await self._store("rules.manifest", b"", positions, now)
            except BaseException:
                self._unsaved |= wanted
                self._erase |= erase
                raise

    def _note_forgotten(self) -> None:
        """What was learnt of somebody and may no longer be known: no older copy of it is kept or shown."""
        forgotten, self.engine.forgotten = self.engine.forgotten, set()
        self._erase.update(p for h in forgotten if (p := partition_of(h)) in self._partitions)
        self._retell |= forgotten
        dropped, self.engine.dropped = self.engine.dropped, Counter()
        for data, count in dropped.items():
            _dropped.labels(data).inc(count)
            log.info("readings_dropped", reason="no_consent", consent=data, count=count)

    async def _store(
        self, key: str, data: bytes, positions: dict[str, int], now: datetime, *, base: str = ""
    ) -> str:
        """Save bytes under a key; returns their checksum."""
        checksum = hashlib.sha256(data).hexdigest()[:16]
        envelope = Envelope(SCHEMA, positions, checksum, now, book=self._rulebook.version, base=base)
        if len(data) <= CHUNK:
            envelope.data = data
        else:
            pieces = [data[i : i + CHUNK] for i in range(0, len(data), CHUNK)]
            envelope.chunks = len(pieces)
            for i, piece in enumerate(pieces):
                await self._stream.put(SNAPSHOTS, f"{key}.part.{checksum}.{i}", piece)
        await self._stream.put(SNAPSHOTS, key, msgspec.msgpack.encode(envelope))
        if envelope.chunks or key in self._chunked:
            self._chunked.add(key)
            for old in await self._stream.keys(SNAPSHOTS, f"{key}.part."):
                if not old.startswith(f"{key}.part.{checksum}."):
                    await self._stream.delete(SNAPSHOTS, old)
        return checksum

    async def _load_all(self, found: Collection[str]) -> dict[str, tuple[Envelope, bytes] | None]:
        """What was saved of our partitions. Several are asked for at once: one by one, a store that is busy answers
        each after a tenth of a second, and there are hundreds.
        """
        names = (f"rules.{p}{part}" for p in sorted(self._partitions) for part in ("", ".later"))
        wanted = [name for name in names if name in found]
        at_once = asyncio.Semaphore(AT_ONCE)

        async def load_one(key: str) -> tuple[Envelope, bytes] | None:
            async with at_once:
                return await self._load(key)

        return dict(zip(wanted, await asyncio.gather(*map(load_one, wanted)), strict=True))

    async def _load(self, key: str) -> tuple[Envelope, bytes] | None:
        """A saved value, or None when there is none or it is damaged (which is said)."""
        entry = await self._stream.get(SNAPSHOTS, key)
        if entry is None or entry.data is None:
            return None
        try:
            envelope = msgspec.msgpack.decode(entry.data, type=Envelope)
        except msgspec.MsgspecError as error:
            log.warning("snapshot_refused", key=key, reason=str(error))
            return None
        data = envelope.data
        if envelope.chunks:
            pieces: list[bytes] = []
            for i in range(envelope.chunks):
                piece = await self._stream.get(SNAPSHOTS, f"{key}.part.{envelope.checksum}.{i}")
                pieces.append(piece.data if piece is not None and piece.data is not None else b"")
            data = b"".join(pieces)
            self._chunked.add(key)
        if envelope.schema != SCHEMA or hashlib.sha256(data).hexdigest()[:16] != envelope.checksum:
            log.warning("snapshot_refused", key=key, reason="damaged, or of another version")
            return None
        return envelope, data

    async def _beat(self) -> None:
        while True:
            try:
                await self.beat()
            except Temporary as error:
                log.warning("beat_missed", reason=str(error))
            await asyncio.sleep(self._beat_every)

    async def beat(self) -> None:
        """Say that we live, and what became of the homes' health."""
        now = self._clock.now()
        self._note_forgotten()
        homes, self.engine.health_changed = self.engine.health_changed | self._retell, set()
        if not self._sweep:
            self._sweep = self.engine.homes()
        share = max(1, len(self.engine.homes()) // 30)
        homes.update(self._sweep[-share:])  # everybody once a minute, whatever the engine noticed
        del self._sweep[-share:]
        # So many homes at once (an outage of a whole area) must not make us look dead: the rest comes with the next beat.
        ordered = sorted(homes)
        self.engine.health_changed.update(ordered[HOMES_A_BEAT:])
        for home in ordered[:HOMES_A_BEAT]:
            if partition_of(home) not in self._partitions:
                continue
            health = self.engine.health(home, now)
            known = self._health.get(home)
            if known is None or _plain(known) != _plain(health):
                await self._stream.put(HEALTH, f"home.{home}", encode(health))
                self._health[home] = health
            self._note_guard(health)
            lessons = self.engine.lessons(home)
            if home in self._retell or (lessons and self._lessons.get(home) != lessons):
                await self._stream.put(HEALTH, f"usual.{home}", encode(self.engine.usual(home, now)))
                self._lessons[home] = lessons
                self._retell.discard(home)
        await self._tell_guards(now)
        behind = [lane.heard_until for lane in self.lanes.values() if not lane.caught_up and lane.heard_until]
        await self._stream.put(
            HEALTH,
            f"beat.{self._role}",
            encode(
                Beat(
                    role=self._role,
                    at=now,
                    started_at=self._started_at,
                    position=max(self.lanes[URGENT].position, self.lanes[NORMAL].position),
                    lag_seconds=max(0.0, (now - min(behind)).total_seconds()) if behind else 0.0,
                    last_input_at=self._last_input_at,
                )
            ),
        )

    def _note_guard(self, health: HomeHealth) -> None:
        """A home's protection is another one than was said last: that is to be told, with the moment it was seen."""
        state = health.protection if health.home in self.engine.registry.homes else GONE
        told = state, cause_of(health) if state != GONE else ""
        if self._guarded.get(health.home, (GONE, "")) != told:
            self._guarded[health.home] = told
            self._guards.append(
                Guarded(home=health.home, at=health.at, state=told[0], cause=told[1], role=self._role)
            )

    async def _tell_guards(self, now: datetime) -> None:
        """Make the changes of protection durable, and once a minute that what was said before still holds.

        It holds while this worker is up to date and ingest hears devices; otherwise nobody knows, and that is said.
        """
        if self._judged_at is None:  # who left while no worker was there is found by what was kept of it
            for key in await self._stream.keys(HEALTH, "home."):
                home = key.removeprefix("home.")
                if partition_of(home) in self._partitions and home not in self.engine.registry.homes:
                    self._guarded.setdefault(home, ("", ""))
        for home in [
            h
            for h, (state, _) in self._guarded.items()
            if state != GONE and h not in self.engine.registry.homes
        ]:
            self._guarded[home] = GONE, ""
            self._guards.append(Guarded(home=home, at=now, state=GONE, role=self._role))
        while self._guards:
            some = self._guards[:SLICE]
            await self._stream.publish_batch(
                [
                    Outgoing(g.subject, encode(g), content_id(g.home, epoch_ms(g.at), g.state, g.cause))
                    for g in some
                ]
            )
            del self._guards[: len(some)]
        wait = JUDGED_EVERY if self._sure else UNSURE_EVERY
        if self._judged_at is not None and now - self._judged_at < wait:
            return
        entry = await self._stream.get(HEALTH, "beat.ingest")
        ingest = decode(entry.data, Beat) if entry is not None and entry.data is not None else None
        hears = ingest is not None and ingest.working and now - ingest.at < INGEST_SILENT
        judged = Judged(
            role=self._role,
            at=now,
            run=self._started_at,
            sure=hears and self.lanes[URGENT].caught_up and self.lanes[NORMAL].caught_up,
        )
        await self._stream.publish(
            judged.subject,
            encode(judged),
            message_id=content_id(judged.role, epoch_ms(judged.run), epoch_ms(now)),
        )
        self._judged_at, self._sure = now, judged.sure


def _book_key(version: str) -> str:
    return f"rules.book.{version.replace('+', '=')}"


async def keep_book(stream: Stream, book: RuleBook) -> None:
    """Keep the texts of a rule book under its version, so that later ones can be compared with it."""
    key = _book_key(book.version)
    if book.layers and await stream.get(SNAPSHOTS, key) is None:
        await stream.put(SNAPSHOTS, key, msgspec.msgpack.encode(book.layers))


async def kept_book(stream: Stream, version: str) -> RuleBook | None:
    """The rule book of a version that ran here; None when there was none. Raises RuleFaults when we cannot read it."""
    try:
        entry = await stream.get(SNAPSHOTS, _book_key(version))
    except ValueError:
        return None  # no version is named like this
    if entry is None or entry.data is None:
        return None
    return from_layers(msgspec.msgpack.decode(entry.data, type=list[dict[str, str]]))


def _home_of(subject: str) -> str:
    """The home in `readings.LANE.PARTITION.HOME` or `quarantine.HOME`; a home's name may hold dots."""
    return subject.split(".", 3)[3] if subject.startswith("readings.") else subject.split(".", 1)[1]


def _plain(health: HomeHealth) -> tuple[Any, ...]:
    """What makes a home's health another one: not the moment it was looked at."""
    return (
        health.protection,
        [(d.device, d.silent, d.reason, d.battery, d.out_until, d.out_by) for d in health.devices],
    )


async def patiently(step: Callable[[], Any]) -> None:
    """Do a step, again and again while the stream is away."""
    while True:
        try:
            await step()
            return
        except Temporary as error:
            log.warning("stream_away", reason=str(error))
            await asyncio.sleep(AGAIN_AFTER)


async def _sites(stream: Stream) -> AsyncIterator[Site]:
    """Every site that is loaded, from the one in force on. A broken one is said and passed over."""
    while True:
        try:
            async for entry in stream.watch(REGISTRY, "site"):
                site = _site(entry)
                if site is not None:
                    yield site
        except Temporary as error:
            log.warning("registry_interrupted", reason=str(error))
            await asyncio.sleep(AGAIN_AFTER)


def _site(entry: Entry | None) -> Site | None:
    if entry is None or entry.data is None:
        return None
    try:
        return decode(entry.data, Site)
    except msgspec.MsgspecError as error:
        log.warning("registry_unreadable", reason=str(error))
        return None


async def run(
    *,
    stream: Stream,
    clock: Clock,
    registry: Registry | None = None,
    rulebook: RuleBook | None = None,
    partitions: Collection[int] = range(PARTITIONS),
    role: str = "rules",
) -> None:
    """The rules role until cancelled. Without a `registry` it waits until a site has been loaded."""
    if registry is None:
        log.info("registry_awaited")
        async for site in _sites(stream):
            registry = Registry(site)
            break
    assert registry is not None
    await Worker(stream, clock, registry, rulebook or load(), partitions=partitions, role=role).run()
