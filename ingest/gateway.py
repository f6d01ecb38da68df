"""The way in and back: broker -> normalize -> stream, and acknowledgements to devices.

Start at `Gateway.run`. One promise: a message is acknowledged to the broker (PUBACK) only when everything that
came of it is durable, in READINGS or in quarantine, or when it is decided that nothing comes of it. Until then the
broker keeps it, whoever dies (`ingest.broker`). Alarm devices' messages are read first and
published at once on lanes of their own (`ingest.lanes`); the rest is grouped for some milliseconds and published as one batch.
While the stream is away every lane keeps trying with the same message ids, acknowledges nothing, and so the broker
stops sending: that is the back-pressure. The stream swallows what it already has, by report_id.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import AsyncIterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
from prometheus_client import Counter, Gauge, Histogram
from structlog import get_logger

from care.clock import Clock
from care.errors import Reason, Temporary
from care.ids import content_id, epoch_ms, iso, partition_of
from care.messages import Beat, DeviceAck, Firmware, Refusal, Report, Unclaimed, decode, encode
from care.site import Registry
from care.stream import DELIVERIES, HEALTH, Outgoing, Stream, Task
from devices.quantities import PRESSES
from ingest.broker import ANSWERS_AT_ONCE, Arrived, Broker
from ingest.lanes import BATCH, Budget, Fair, Item, Lane, Seldom
from ingest.normalize import DEFAULT_SUBSCRIPTIONS, Normalizer, Outcome, Subscription
from ingest.registry import registries

log = get_logger("ingest")

LINGER = 0.03
"""Seconds telemetry waits for company: one fsync then carries it all. With 4 ms instead the fsyncs of small batches
made an SOS beside 500 messages a second take 73 ms at p95 instead of 10 (2 busy cores, one embedded nats-server)."""
URGENT_LANES = 8
"""Alarms of one home stay in order; homes do not wait for each other."""
SLICE = 32
"""Messages normalized between two looks at the alarm lane: about 2 ms."""
FIRMWARE = "firmware."
"""Where it lies in the health bucket: this and the device's id."""
FIRMWARE_SECONDS = 2.0
BEAT_SECONDS = 2.0
UNCLAIMED_EVERY = 60.0
"""Seconds between two records of the same unclaimed topic."""
WITHHELD_EVERY = 600.0
"""Seconds between two records that a class of data of a device is not agreed to."""
ANSWER_EVERY = 0.5
"""Seconds between two answers to a device that repeats itself."""
ACKS_KEPT = 10_000
STORED_KEPT = 50_000
"""Names of what the stream was last given: a repeat is known without asking it. A batch that holds a repeat is refused
by the stream as a whole and then costs as many round trips as it has messages."""
REFUSALS_EACH = (20.0, 1.0)
"""Refusals of one sender and reason recorded one by one: so many at once, then so many a second; the rest as a sum."""
REFUSALS_ALL = (1_000.0, 100.0)
"""The same for everybody together: topics can be made up without end."""
ALARMS_EACH = (3.0, 0.2)
"""Unreadable messages of one alarm device that tell people: more than these say nothing new, and their way is the one
that an SOS of another home takes."""
SUMS_SECONDS = 5.0
SUMS_KEPT = 1_000

_messages = Counter("anxin_ingest_messages", "Messages received from the broker", ["qos"])
_reports = Counter("anxin_ingest_reports", "Reports made durable", ["lane"])
_refused = Counter("anxin_ingest_refused", "Messages or quantities refused", ["reason"])
_repeats = Counter("anxin_ingest_repeats", "Messages that the stream already had")
_unclaimed = Counter("anxin_ingest_unclaimed", "Messages of devices that are not in the site file")
_withheld = Counter("anxin_ingest_withheld", "Readings left out for want of consent", ["consent"])
_device_acks = Counter("anxin_ingest_device_acks", "Acknowledgements published to devices")
_waiting = Gauge("anxin_ingest_waiting_messages", "Messages received and not yet durable")
_connected = Gauge("anxin_ingest_connected", "1 while the broker connection stands")
_durable = Histogram(
    "anxin_ingest_durable_seconds",
    "From receipt to durable",
    ["lane"],
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)


class Gateway:
    """Owns the broker connection, the lanes and the tasks between them."""

    def __init__(
        self,
        *,
        stream: Stream,
        clock: Clock,
        registry_source: AsyncIterable[Registry],
        mqtt_url: str,
        client_id: str,
        subscriptions: Sequence[Subscription] = DEFAULT_SUBSCRIPTIONS,
        escaped: bool = True,
        authority: Path | None = None,
    ) -> None:
        self._authority = authority
        self._escaped = escaped
        self.stream = stream
        self.clock = clock
        self._registry_source = registry_source
        self._mqtt_url = mqtt_url
        self._client_id = client_id
        self._subscriptions = tuple(subscriptions)
        self._normalizer: Normalizer | None = None
        self._broker: Broker | None = None
        self._known = asyncio.Event()
        self._alarms = Fair()
        self._telemetry = Fair()
        self._alarm_waits = asyncio.Event()
        self._telemetry_waits = asyncio.Event()
        self._urgent = [Lane(self, "urgent", limit=64) for _ in range(URGENT_LANES)]
        self._normal = Lane(self, "normal", linger=LINGER)
        self._quarantine = Lane(self, "quarantine", linger=LINGER)
        self._held: dict[int, Arrived] = {}
        """QoS 1 messages by number that are not acknowledged yet."""
        self._clearing: dict[str, int] = {}
        self._acks: OrderedDict[tuple[str, int], tuple[str, bytes]] = OrderedDict()
        self._stored: OrderedDict[str, None] = OrderedDict()
        self._refusals_each = Budget(REFUSALS_EACH)
        self._refusals_all = Budget(REFUSALS_ALL)
        self._alarms_each = Budget(ALARMS_EACH)
        self._sums: dict[tuple[str, str], tuple[Refusal, int]] = {}
        """Refusals that are not recorded one by one: the last one, and how many."""
        self._seldom_unclaimed = Seldom(UNCLAIMED_EVERY)
        self._seldom_withheld = Seldom(WITHHELD_EVERY)
        self._seldom_answered = Seldom(ANSWER_EVERY)
        self._withheld_told: dict[str, int] = {}
        self._started_at = clock.now()
        self._last_input_at: datetime | None = None
        self._is_connected = False
        self._trouble = "not connected to the broker yet"
        """Why devices, or some of them, are not heard; empty when all are."""
        self._changed = asyncio.Event()
        self._count = 0
        self._waiting = 0

    async def run(self) -> None:
        """Until cancelled. Connects when the registry is known: before that nobody could say whose a message is."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow_registry(), name="registry")
            tasks.create_task(self._beat(), name="beat")
            tasks.create_task(self._keep_firmware(), name="firmware")
            await self._known.wait()
            self._broker = broker = Broker(
                self,
                url=self._mqtt_url,
                client_id=self._client_id,
                filters=[s.filter for s in self._subscriptions],
                escaped=self._escaped,
                loop=asyncio.get_running_loop(),
                authority=self._authority,
            )
            for i, lane in enumerate((*self._urgent, self._normal, self._quarantine)):
                tasks.create_task(lane.run(), name=f"lane-{i}")
            tasks.create_task(self._read(self._alarms, self._alarm_waits), name="alarms")
            tasks.create_task(self._read(self._telemetry, self._telemetry_waits), name="telemetry")
            tasks.create_task(self._answer_devices(), name="device-acks")
            tasks.create_task(self._record_sums(), name="refusal-sums")
            broker.start()
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                await asyncio.shield(asyncio.to_thread(broker.stop))

    # -- what the broker tells

    def connected(self, session_present: bool) -> None:
        self._is_connected = True
        _connected.set(1)
        log.info("broker_connected", session_present=session_present)

    def not_connected(self, why: str) -> None:
        """`why` is a sentence with the broker's address."""
        trouble = f"broker away: {why}"
        if self._is_connected:
            log.warning("broker_lost", reason=why)
        elif trouble != self._trouble:
            log.warning("broker_not_reached", reason=why)
        self._is_connected = False
        _connected.set(0)
        self._say(trouble)

    def subscribed(self, refused: Sequence[str]) -> None:
        """The broker keeps messages for us from now on, but for filters that it refuses."""
        for topic_filter in refused:
            log.error("subscription_refused", filter=topic_filter)
        self._say(f"the broker refuses the subscription {', '.join(refused)}" if refused else "")

    def _say(self, trouble: str) -> None:
        if trouble != self._trouble:
            self._trouble = trouble
            self._changed.set()

    def arrived(self, arrived: Arrived) -> None:
        """A message came in: alarm devices' go to the head of the house."""
        message = arrived.message
        if message.qos:
            held = self._held.get(arrived.mid)
            if held is not None and held.epoch == arrived.epoch and held.message.payload == message.payload:
                return  # the broker grew impatient; it is still in work, and one PUBACK answers both
            self._held[arrived.mid] = arrived
        _messages.labels(message.qos).inc()
        self._count += 1
        self._waiting += 1
        self._last_input_at = message.received_at
        if not message.payload and arrived.raw_topic in self._clearing:
            left = self._clearing.pop(arrived.raw_topic) - 1
            if left > 0:
                self._clearing[arrived.raw_topic] = left
            self.settle(arrived)
            return
        assert self._normalizer is not None
        if self._normalizer.is_alarm(message.topic):
            self._alarms.put(arrived)
            self._alarm_waits.set()
        else:
            self._telemetry.put(arrived)
            self._telemetry_waits.set()

    # -- from messages to lanes

    async def _read(self, waiting: Fair, some: asyncio.Event) -> None:
        while True:
            await some.wait()
            some.clear()
            while waiting:
                for _ in range(min(SLICE, len(waiting))):
                    self._handle(waiting.take())
                await asyncio.sleep(0)

    def _handle(self, arrived: Arrived) -> None:
        assert self._normalizer is not None
        message = arrived.message
        outcomes = self._normalizer.normalize(message)
        arrived.left = 1
        for outcome in outcomes:
            self._dispatch(outcome, arrived)
        self._count_withheld(self._normalizer)
        self.done(arrived)

    def _dispatch(self, outcome: Outcome, arrived: Arrived) -> None:
        now = arrived.clock_seconds
        if isinstance(outcome, Report):
            item = Item(outcome.subject, encode(outcome), outcome.report_id, arrived)
            if outcome.urgent:
                lane = self._urgent[partition_of(outcome.home) % URGENT_LANES]
                arrived.press = arrived.press or any(outcome.values.get(q) for q in PRESSES)
                if outcome.seq is not None:
                    arrived.alarm_seq = (outcome.device, outcome.seq)
            else:
                lane = self._normal
        elif isinstance(outcome, Refusal):
            _refused.labels(outcome.reason).inc()
            if outcome.reason == Reason.no_consent and not self._seldom_withheld.now(
                f"{outcome.device}/{outcome.detail}", now
            ):
                return
            sender = outcome.device or outcome.topic
            if outcome.alarm and not self._alarms_each.take(sender, now):
                outcome = msgspec.structs.replace(outcome, alarm=False)
            if not outcome.alarm and not (
                self._refusals_each.take(f"{sender} {outcome.reason}", now)
                and self._refusals_all.take("", now)
            ):
                self._add_up(outcome)
                return
            item = Item(outcome.subject, encode(outcome), outcome.refusal_id, arrived, final=True)
            lane = (
                self._urgent[partition_of(outcome.home or "") % URGENT_LANES]
                if outcome.alarm
                else self._quarantine
            )
        else:
            _unclaimed.inc()
            if not self._seldom_unclaimed.now(outcome.topic, now):
                return
            item = Item(outcome.subject, encode(outcome), _unclaimed_id(outcome), arrived, final=True)
            lane = self._quarantine
        if item.message_id in self._stored:
            _repeats.inc()
            return
        arrived.left += 1
        lane.put(item)

    def _count_withheld(self, normalizer: Normalizer) -> None:
        for data, count in normalizer.withheld.items():
            told = self._withheld_told.get(data, 0)
            if count > told:
                _withheld.labels(data).inc(count - told)
                self._withheld_told[data] = count

    def _add_up(self, refusal: Refusal) -> None:
        """One more of a sender that goes on and on. A crash forgets a few seconds of such counts, and nothing else."""
        key = refusal.device or refusal.topic, refusal.reason
        if key not in self._sums and len(self._sums) >= SUMS_KEPT:
            key = "", ""
        _, times = self._sums.get(key, (refusal, 0))
        self._sums[key] = refusal, times + 1

    async def _record_sums(self) -> None:
        while True:
            await asyncio.sleep(SUMS_SECONDS)
            sums, self._sums = self._sums, {}
            told = [
                msgspec.structs.replace(
                    last, refusal_id=content_id("sum", last.refusal_id, times), times=times
                )
                for last, times in sums.values()
            ]
            for start in range(0, len(told), BATCH):
                part = told[start : start + BATCH]
                try:
                    await self.stream.publish_batch(
                        [Outgoing(one.subject, encode(one), one.refusal_id) for one in part]
                    )
                except Temporary:
                    log.warning("refusals_not_counted", times=sum(one.times for one in part))

    # -- durable

    def stored(self, item: Item, lane: str) -> None:
        """The stream has it."""
        self._stored[item.message_id] = None
        if len(self._stored) > STORED_KEPT:
            self._stored.popitem(last=False)
        if lane != "quarantine" and not item.final:
            _reports.labels(lane).inc()
            _durable.labels(lane).observe(max(0.0, self.clock.monotonic() - item.arrived.clock_seconds))
        self.done(item.arrived)

    def done(self, arrived: Arrived) -> None:
        """One of the things that came of a message is decided."""
        arrived.left -= 1
        if arrived.left == 0:
            self.settle(arrived)

    def settle(self, arrived: Arrived) -> None:
        """Everything that came of a message is decided: now, and not before, the broker may forget it."""
        assert self._broker is not None
        self._waiting -= 1
        if self._held.get(arrived.mid) is arrived:
            del self._held[arrived.mid]
        self._broker.ack(arrived)
        if arrived.message.retained and arrived.press:
            # A press is no state: kept by the broker it would be pressed again at every restart (domain P-10).
            topic = arrived.raw_topic
            self._clearing[topic] = self._clearing.get(topic, 0) + 1
            self._broker.send(topic, b"", retain=True)
        if arrived.alarm_seq is not None:
            again = self._acks.get(arrived.alarm_seq)
            if again is not None and self._seldom_answered.now(again[0], arrived.clock_seconds):
                # It keeps asking because it has not heard us; the stream swallowed the repeat, so answer from here.
                self._broker.send(*again)

    # -- back to devices

    async def _answer_devices(self) -> None:
        assert self._broker is not None
        # Not batch by batch: one answer that the broker is slow to take must not hold up the next device's.
        room = asyncio.Semaphore(ANSWERS_AT_ONCE)
        work = self.stream.work(DELIVERIES, worker="ingest-device-acks", subjects=["deliveries.device.>"])
        async with asyncio.TaskGroup() as answers:
            async for tasks in work:
                for task in tasks:
                    await room.acquire()
                    answers.create_task(self._answer(task, room))

    async def _answer(self, task: Task, room: asyncio.Semaphore) -> None:
        try:
            await self._answer_one(task)
        finally:
            room.release()

    async def _answer_one(self, task: Task) -> None:
        assert self._broker is not None
        try:
            ack = decode(task.stored.data, DeviceAck)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            log.warning("device_ack_unreadable")
            await task.ack()
            return
        topic = f"anxin/v1/{ack.home}/{ack.device}/ack"
        payload = encode({"seq": ack.seq, "alert": ack.alert, "at": iso(ack.at)})
        if ack.seq is not None:
            self._acks[ack.device, ack.seq] = (topic, payload)
            if len(self._acks) > ACKS_KEPT:
                self._acks.popitem(last=False)
        if await self._broker.deliver(topic, payload):
            _device_acks.inc()
            await task.ack()
        else:
            await task.retry(timedelta(seconds=1))

    # -- registry and sign of life

    async def _follow_registry(self) -> None:
        async for registry in self._registry_source:
            old = self._normalizer
            self._normalizer = (
                old.with_registry(registry) if old is not None else Normalizer(registry, self._subscriptions)
            )
            self._known.set()
            log.info("registry_loaded", homes=len(registry.homes), devices=len(registry.devices))
            uncovered = self._normalizer.uncovered()
            if uncovered:
                log.warning("devices_not_subscribed", count=len(uncovered), first=uncovered[0][1])

    async def _keep_firmware(self) -> None:
        """Write down what devices say runs on them. What was kept before is read first, so that a start says no news."""
        await self._known.wait()
        assert self._normalizer is not None
        try:
            async with contextlib.aclosing(self.stream.watch(HEALTH, f"{FIRMWARE}>")) as entries:  # type: ignore[type-var]
                async for entry in entries:
                    if entry is None:
                        break
                    if entry.data is not None:
                        with contextlib.suppress(msgspec.MsgspecError):
                            kept = decode(entry.data, Firmware)
                            self._normalizer.firmware.setdefault(kept.device, kept)
        except Temporary:
            log.warning("firmware_unknown_at_start")  # it is told again, and written again
        while True:
            news = self._normalizer.firmware_news
            for device, told in list(news.items()):
                try:
                    await self.stream.put(HEALTH, f"{FIRMWARE}{device}", encode(told))
                except Temporary:
                    break
                if news.get(device) is told:
                    del news[device]
            await asyncio.sleep(FIRMWARE_SECONDS)

    async def _beat(self) -> None:
        while True:
            now = self.clock.now()
            _waiting.set(self._waiting)
            oldest = [*self._alarms.oldest(), *self._telemetry.oldest()]
            beat = Beat(
                role="ingest",
                at=now,
                started_at=self._started_at,
                position=self._count,
                lag_seconds=round(max(0.0, self.clock.monotonic() - min(oldest)), 3) if oldest else 0.0,
                last_input_at=self._last_input_at,
                working=not self._trouble,
                detail=self._trouble,
            )
            self._changed.clear()
            with contextlib.suppress(Temporary, TimeoutError):
                async with asyncio.timeout(BEAT_SECONDS):
                    await self.stream.put(HEALTH, "beat.ingest", encode(beat))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(BEAT_SECONDS):
                    await self._changed.wait()


def _unclaimed_id(outcome: Unclaimed) -> str:
    return content_id("unclaimed", outcome.topic, epoch_ms(outcome.received_at))


async def run(
    *,
    stream: Stream,
    clock: Clock,
    mqtt_url: str,
    client_id: str,
    subscriptions: Sequence[Subscription] = DEFAULT_SUBSCRIPTIONS,
    registry_source: AsyncIterable[Registry] | None = None,
    escaped: bool = True,
    authority: Path | None = None,
) -> None:
    """The role `ingest`, until cancelled.

    `client_id` names the session at the broker: the caller keeps it in data_dir, unguessable, the same at every start.
    `registry_source` gives the registry and its changes; by default the stream's `registry/site` is watched.
    `escaped`: the broker is our own behind the doorman, which writes spaces and the like as `care.topics` says. On a
    foreign broker it matters only for filters that hold such characters themselves. `authority` is the setting `mqtt.ca`.
    """
    await Gateway(
        stream=stream,
        clock=clock,
        registry_source=registry_source if registry_source is not None else registries(stream),
        mqtt_url=mqtt_url,
        client_id=client_id,
        subscriptions=subscriptions,
        escaped=escaped,
        authority=authority,
    ).run()


__all__ = ["Gateway", "registries", "run"]
