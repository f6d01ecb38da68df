"""The notify role: works off the queue of messages to people, and records what became of each.

Start at `run`. For every message: look at the alert's log (was it sent, is it out of date?), write it, send it,
append its fate to the log. Refused for good, it goes to the person's next channel at once; failed for now, it is
tried again under the same id, with the next channel beside it: of red at once, else from the second failure on. When in doubt
it is sent again: twice is better than not at all, and the number says that it is the same.

Red goes out at once and by itself. Yellow and blue keep to budgets and quiet hours, one at a time for an address,
and what has gathered for it meanwhile goes as one message. Test messages (`alerts.tried`) come by the same queue.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec
import structlog

from alerts.alert import Alert
from alerts.commands import Commands, Follower, first, link_secret, registries
from alerts.events import Delivery, DeliveryState, Why
from alerts.links import claim_for, make
from alerts.orders import NotAllowed
from alerts.rota import rotas
from alerts.rotaasks import RotaAsk, asks
from alerts.rotanews import ROTA, Notes
from alerts.sending import Channel, Letter, Permanent, Sent, TemporaryFailure, Verdict
from alerts.subscriptions import pushes
from alerts.telling import address_of
from alerts.texts import message, together
from alerts.tried import TESTS, Tests
from alerts.worker import AGAIN_AFTER, BEAT_EVERY, first_registry, forever, patiently
from care.clock import Clock
from care.errors import Temporary
from care.messages import Beat, decode, encode
from care.site import Registry, RotaChange
from care.stream import DELIVERIES, HEALTH, Stream, Task
from care.words import Level

log = structlog.get_logger("alerts.notify")

BACK_OFF = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""Seconds before trying again; the last one goes on."""
GIVE_UP_AFTER = timedelta(minutes=15)
"""By then the ladder has told others several times."""
BUDGET_PER_MINUTE = 15
"""Messages by one address: DingTalk's and WeCom's robots take 20 a minute and then refuse all (peers 6.3)."""
CALM_AT_ONCE = 8
"""Of yellow and blue: half of the channels' threads stay free for red whatever happens."""
TOGETHER = 3
"""So many waiting for one address become one message (peers 6.3)."""
QUIET_LOOK = timedelta(minutes=10)
"""How often a message that waits for the end of quiet hours is looked at: the case may move on meanwhile."""
CALM = "deliveries.page.>"
URGENT = "deliveries.urgent.>"
"""The queue of what is urgent: the stream hands out no more than so many of a queue at a time, and a thousand messages
that wait for the end of somebody's quiet hours are handed out."""
CALM_AT_HAND, URGENT_AT_ONCE = 1_000, 20_000
"""Messages of each queue that may wait here; urgent ones wait only for a provider that is away."""
CALM_WAITING = 200
"""More than so many waiting are handed back, so that the queue's next batch can hold a red one."""


class Budget:
    """A token bucket for each address; counts what was accepted."""

    def __init__(self, per_minute: int = BUDGET_PER_MINUTE) -> None:
        self._per_minute = per_minute
        self._sent: dict[str, list[datetime]] = {}

    def wait(self, address: str, now: datetime) -> timedelta:
        """How long this address must rest; zero when it may send now."""
        since = now - timedelta(minutes=1)
        recent = [t for t in self._sent.get(address, []) if t > since]
        self._sent[address] = recent
        if len(recent) < self._per_minute:
            return timedelta(0)
        return recent[-self._per_minute] - since

    def spend(self, address: str, now: datetime) -> None:
        """A message was accepted."""
        self._sent.setdefault(address, []).append(now)


def stale(alert: Alert, delivery: Delivery) -> str | None:
    """Why a message is out of date, or None: the case has moved on since it was made out."""
    if delivery.generation != alert.generation:
        return "stale_generation"
    if not alert.open and delivery.reason is not Why.closed:
        return "closed"
    if (
        delivery.reason in (Why.escalated, Why.nobody, Why.reminder)
        and not alert.unanswered
        and alert.promise != "broken"
    ):
        return "taken"
    return None


@dataclass(slots=True)
class _Waiting:
    """A calm message that waits for its address to be free, and what became of it when another took it along."""

    alert: Alert
    delivery: Delivery
    settled: asyncio.Future[timedelta | None]


@dataclass(slots=True)
class _Address:
    """Who waits for one address: one message at a time."""

    free: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: dict[str, _Waiting] = field(default_factory=dict)


class Notifier:
    """One worker of the notify role."""

    def __init__(
        self,
        stream: Stream,
        clock: Clock,
        channel: Channel,
        registry: Registry,
        *,
        public_url: str,
        secret: bytes,
        language: str = "zh",
    ) -> None:
        self._stream = stream
        self._clock = clock
        self._channel = channel
        self._public_url = public_url.rstrip("/")
        self._secret = secret
        self._language = language
        self.follower = Follower.looking(stream, registry)
        self._commands = Commands(stream, self.follower)
        self._budget = Budget()
        self._reporting: dict[str, asyncio.Lock] = {}
        self._fates: dict[str, tuple[DeliveryState, str, bool]] = {}
        """What is known of a message and not yet in the log: it is reported again, not sent again."""
        self._tries: dict[str, int] = {}
        self._pushes: dict[str, Sequence[str]] = {}
        self._rota: list[RotaChange] = []
        self._busy: set[str] = set()
        self._waiting: dict[str, datetime] = {}
        self._calm = asyncio.Semaphore(CALM_AT_ONCE)
        self._addresses: dict[str, _Address] = {}
        self._quiet: set[str] = set()
        self._tests = Tests(stream, clock, channel, public_url=self._public_url, secret=secret)
        self._notes = Notes(stream, clock, channel, public_url=self._public_url)
        self._news = asyncio.Event()
        self._calm_waiting = 0
        self._started_at = clock.now()
        self._last_input_at: datetime | None = None
        self._position = 0

    async def run(self) -> None:
        """Work until cancelled."""
        await patiently(self._start)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch_registry())
            group.create_task(self._watch_browsers())
            group.create_task(self._watch_rota())
            group.create_task(self._watch_log())
            group.create_task(self._watch_asks())
            group.create_task(self._keep_up_rota())
            group.create_task(self._work_tests())
            group.create_task(self._work_rota())
            group.create_task(self._beat())
            group.create_task(self._work_queue(group, "notify-urgent", URGENT, URGENT_AT_ONCE))
            await self._work_queue(group, "notify", CALM, CALM_AT_HAND)

    async def _work_queue(self, group: asyncio.TaskGroup, worker: str, subject: str, at_once: int) -> None:
        """One of the two queues. A message that waits (quiet hours, a provider that is away) keeps its place in it."""
        work = forever(
            lambda: self._stream.work(DELIVERIES, worker=worker, subjects=[subject], at_once=at_once)
        )
        async for tasks in work:
            for task in tasks:
                group.create_task(self.handle(task))

    async def _start(self) -> None:
        # A browser that is not known is not told: what waits in the queue is sent right after this.
        self._pushes = await first(pushes(self._stream))
        self._rota = list((await first(rotas(self._stream))).values())
        desk = self.follower.desk
        desk.registry = desk.registry.with_pushes(self._pushes).with_rota(self._rota)
        await self.follower.start()

    async def _watch_registry(self) -> None:
        async for registry in forever(lambda: registries(self._stream)):
            self.follower.desk.registry = registry.with_pushes(self._pushes).with_rota(self._rota)

    async def _watch_rota(self) -> None:
        async for known in forever(lambda: rotas(self._stream)):
            self._notes.changes = known
            self._news.set()
            self._rota = list(known.values())
            self.follower.desk.registry = self.follower.desk.registry.with_rota(self._rota)

    async def _watch_asks(self) -> None:
        known: dict[str, RotaAsk]
        async for known in forever(lambda: asks(self._stream)):
            self._notes.asks = known
            self._news.set()

    async def _keep_up_rota(self) -> None:
        """Whoever a change of the rota concerns is told: queued when it is heard of, and after a start what was not."""
        while True:
            await self._news.wait()
            self._news.clear()
            await patiently(lambda: self._notes.keep_up(self.follower.desk.registry))

    async def _work_rota(self) -> None:
        work = forever(lambda: self._stream.work(DELIVERIES, worker="notify-rota", subjects=[ROTA]))
        async for tasks in work:
            for task in tasks:
                await self._notes.handle(task, self.follower.desk.registry)

    async def _watch_browsers(self) -> None:
        async for known in forever(lambda: pushes(self._stream)):
            self._pushes = known
            self.follower.desk.registry = self.follower.desk.registry.with_pushes(known)

    async def _work_tests(self) -> None:
        work = forever(lambda: self._stream.work(DELIVERIES, worker="notify-tests", subjects=[TESTS]))
        async for tasks in work:
            for task in tasks:
                await self._tests.handle(task, self.follower.desk.registry)

    async def _watch_log(self) -> None:
        async for _ in forever(self.follower.changes):
            self.follower.forget(self._clock.now())

    async def _beat(self) -> None:
        while True:
            now = self._clock.now()
            oldest = min(self._waiting.values(), default=now)
            beat = Beat(
                role="notify",
                at=now,
                started_at=self._started_at,
                position=self._position,
                lag_seconds=max(0.0, (now - oldest).total_seconds()),
                last_input_at=self._last_input_at,
                detail=f"{len(self._waiting)} waiting",
            )
            try:
                await self._stream.put(HEALTH, "beat.notify", encode(beat))
            except Temporary:
                pass
            await asyncio.sleep(BEAT_EVERY)

    # -- one message --

    async def handle(self, task: Task) -> None:
        """Work off one message of the queue; it is acknowledged only when its fate is in the log."""
        try:
            delivery = decode(task.stored.data, Delivery)
        except (msgspec.ValidationError, msgspec.DecodeError):
            log.exception("delivery_unreadable", position=task.stored.seq)
            await task.ack()
            return
        self._last_input_at = self._clock.now()
        self._position = max(self._position, task.stored.seq)
        if delivery.id in self._busy:
            # Handed out twice: the other one settles it.
            await task.retry(timedelta(seconds=1))
            return
        self._busy.add(delivery.id)
        self._waiting[delivery.id] = delivery.due_at
        try:
            again = await self._work(delivery, task.attempt)
        except Temporary:
            again = timedelta(seconds=AGAIN_AFTER)
        except NotAllowed:
            # The alert ended so long ago that nobody needs to know.
            again = None
        finally:
            self._busy.discard(delivery.id)
        if again is None:
            self._waiting.pop(delivery.id, None)
            self._tries.pop(delivery.id, None)
            self._quiet.discard(delivery.id)
            await task.ack()
        else:
            await task.retry(again)

    async def _work(self, delivery: Delivery, attempt: int) -> timedelta | None:
        """None when the message has had its fate; else how long to wait before the next try."""
        alert = await self._alert(delivery)
        if alert is None:
            # The log is ahead of the queue; an unknown alert is one that ended long ago.
            if attempt < 10:
                return timedelta(seconds=AGAIN_AFTER)
            log.warning("delivery_without_alert", alert=delivery.alert, delivery=delivery.id)
            return None
        view = alert.delivery(delivery.id)
        if view is None or not view.pending:
            self._fates.pop(delivery.id, None)
            return None
        if delivery.id in self._fates:
            await self._report(delivery, *self._fates[delivery.id])
            return None
        why = stale(alert, delivery)
        if why is not None:
            await self._settle(delivery, DeliveryState.skipped, why)
            return None
        if delivery.urgent:
            return await self._send(alert, delivery)
        now = self._clock.now()
        rest = self._quiet_for(delivery, now)
        if rest is not None:
            if delivery.id not in self._quiet:
                self._quiet.add(delivery.id)
                await self._report(delivery, DeliveryState.queued, "quiet_hours", False)
            return min(rest, QUIET_LOOK)
        rest = self._budget.wait(delivery.address, now)
        if rest > timedelta(0):
            return rest
        if self._calm_waiting >= CALM_WAITING:
            return timedelta(seconds=2)
        self._calm_waiting += 1
        try:
            return await self._send_in_turn(alert, delivery)
        finally:
            self._calm_waiting -= 1

    def _quiet_for(self, delivery: Delivery, now: datetime) -> timedelta | None:
        """How long this person wants quiet; None when they do not, it is red, or they are at work."""
        if delivery.level is Level.red:
            return None
        desk = self.follower.desk
        until = desk.registry.quiet_until(delivery.person, now)
        if until is None or desk.roster.is_on_duty(delivery.person, now):
            return None
        return until - now

    async def _send_in_turn(self, alert: Alert, delivery: Delivery) -> timedelta | None:
        """Send a calm message once its address is free, with whatever else has gathered for it by then."""
        address = self._addresses.setdefault(delivery.address, _Address())
        mine = _Waiting(alert, delivery, asyncio.get_running_loop().create_future())
        address.waiting[delivery.id] = mine
        try:
            async with address.free:
                if not mine.settled.done():
                    async with self._calm:
                        gathered = [mine]
                        if len(address.waiting) >= TOGETHER:
                            gathered += [w for w in address.waiting.values() if w is not mine]
                        return await self._send_gathered(gathered)
            return await mine.settled
        finally:
            address.waiting.pop(delivery.id, None)
            if not address.waiting and not address.free.locked():
                self._addresses.pop(delivery.address, None)

    async def _send_gathered(self, gathered: list[_Waiting]) -> timedelta | None:
        """Send one message for all of these; the first is the caller's own, the others hear of it."""
        first, *others = gathered
        if not others:
            return await self._send(first.alert, first.delivery)
        try:
            url = await self._url_of(first.delivery)
            verdict: Verdict = Permanent("no_such_channel")
            if url is not None:
                pairs = [(w.alert, w.delivery) for w in gathered]
                text = together(
                    pairs,
                    registry=self.follower.desk.registry,
                    link_of=self._link_of,
                    language=self._language,
                )
                level = max((w.delivery.level for w in gathered), key=lambda one: one.rank)
                letter = Letter(
                    text.title,
                    text.body,
                    level=level,
                    words=text.words,
                    number=first.delivery.number,
                    case=f"together{first.delivery.address[:12]}",
                    delivery=first.delivery.id,
                    phone=self.follower.desk.registry.phone(first.delivery.person),
                )
                verdict = await self._channel.send(url, letter)
            for w in others:
                w.settled.set_result(
                    await self._judge(w.delivery, verdict, detail=f"together_{len(gathered)}")
                )
            return await self._judge(first.delivery, verdict, detail=f"together_{len(gathered)}")
        finally:
            for w in others:
                if not w.settled.done():
                    # The stream is away: what is not in the log is tried again.
                    w.settled.set_result(timedelta(seconds=AGAIN_AFTER))

    async def _alert(self, delivery: Delivery) -> Alert | None:
        """The alert as it stands, with this message in it."""
        alert = self.follower.desk.get(delivery.alert)
        if alert is None or alert.delivery(delivery.id) is None:
            await self.follower.refresh(delivery.home, delivery.alert)
            alert = self.follower.desk.get(delivery.alert)
        return alert

    async def _send(self, alert: Alert, delivery: Delivery) -> timedelta | None:
        registry = self.follower.desk.registry
        url = await self._url_of(delivery)
        verdict: Verdict
        if url is None:
            verdict = Permanent("no_such_channel")
        else:
            now = self._clock.now()
            link = self._link_of(delivery)
            text = message(alert, delivery, registry=registry, now=now, link=link, language=self._language)
            letter = Letter(
                text.title,
                text.body,
                level=delivery.level,
                words=text.words,
                link=link,
                number=delivery.number,
                case=delivery.alert,
                delivery=delivery.id,
                phone=registry.phone(delivery.person),
            )
            verdict = await self._channel.send(url, letter)
        return await self._judge(delivery, verdict)

    def _link_of(self, delivery: Delivery) -> str | None:
        """The one-time link by which its person answers; None when nothing is asked of them."""
        claim = claim_for(delivery, self._clock.now())
        return f"{self._public_url}/go/{make(claim, self._secret)}" if claim is not None else None

    async def _url_of(self, delivery: Delivery) -> str | None:
        """The address itself; None when the person has it no more. Whoever decided may have heard of it a moment before us."""
        for wait in (0.0, 0.05, 0.2, 0.5):
            await asyncio.sleep(wait)
            urls = self.follower.desk.registry.channels(delivery.person)
            url = next((u for u in urls if address_of(u) == delivery.address), None)
            if url is not None:
                return url
        return None

    async def _judge(self, delivery: Delivery, verdict: Verdict, *, detail: str = "") -> timedelta | None:
        """Record what a provider said; how long to wait when it is to be tried again."""
        tries = self._tries[delivery.id] = self._tries.get(delivery.id, 0) + 1
        now = self._clock.now()
        log.info(
            "delivery_tried",
            alert=delivery.alert,
            number=delivery.number,
            delivery=delivery.id,
            channel=delivery.channel,
            reason=delivery.reason.value,
            verdict=type(verdict).__name__,
            detail=getattr(verdict, "reason", ""),
            after_seconds=round((now - delivery.due_at).total_seconds(), 3),
        )
        match verdict:
            case Sent():
                self._budget.spend(delivery.address, now)
                await self._settle(delivery, DeliveryState.accepted, detail)
                return None
            case Permanent(reason):
                await self._settle(delivery, DeliveryState.refused, reason, onward=True)
                return None
            case TemporaryFailure(reason):
                if now - delivery.due_at > GIVE_UP_AFTER:
                    await self._settle(delivery, DeliveryState.failed, reason, onward=True)
                    return None
                if tries == (1 if delivery.urgent else 2):
                    # The person's next channel is tried beside it: of red at once (a timeout has cost five seconds already),
                    # of everything else when it does not get better.
                    await self._report(delivery, DeliveryState.queued, reason, True)
                return timedelta(seconds=BACK_OFF[min(tries, len(BACK_OFF)) - 1])

    async def _settle(
        self, delivery: Delivery, state: DeliveryState, detail: str = "", *, onward: bool = False
    ) -> None:
        """Record a fate; remembered until the log has it, so that a broken stream sends nothing twice."""
        self._fates[delivery.id] = (state, detail, onward)
        await self._report(delivery, state, detail, onward)
        self._fates.pop(delivery.id, None)

    async def _report(self, delivery: Delivery, state: DeliveryState, detail: str, onward: bool) -> None:
        # One at a time for each alert: a first page has many messages, and they would fence each other off.
        lock = self._reporting.setdefault(delivery.alert, asyncio.Lock())
        async with lock:
            await self._commands.report(
                delivery.alert,
                delivery.id,
                state,
                self._clock.now(),
                detail=detail,
                attempts=self._tries.get(delivery.id, 0),
                onward=onward,
            )
        if not lock.locked():
            self._reporting.pop(delivery.alert, None)


async def run(
    *,
    stream: Stream,
    clock: Clock,
    channel: Channel,
    public_url: str,
    registry: Registry | None = None,
    language: str = "zh",
) -> None:
    """The notify role until cancelled. `channel` is `channels.AppriseChannels()`; links begin with `public_url`."""
    if registry is None:
        registry = await first_registry(stream)
    secret = await link_secret(stream)
    notifier = Notifier(
        stream, clock, channel, registry, public_url=public_url, secret=secret, language=language
    )
    await notifier.run()
