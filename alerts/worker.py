"""The alerts role: findings become cases, timers fire, messages and device answers are queued.

Start at `run`. `Worker` follows FINDINGS from its own position and the alert log itself, so that it sees what
people did through the API. It proposes on its `Desk`, makes a proposal durable by compare-and-set on the alert's
subject, and only then queues what it made out. Findings of different homes that came together are worked off
together: a flood of calls must not wait for one fsync after the other. Any number of workers may run: the fence lets one of them win,
computed ids let a repeat pass unnoticed. Timers are absolute times in the folded state, looked at a few times a
second; nothing sleeps for one.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import TypeVar

import msgspec
import structlog

from alerts import repairs
from alerts.commands import (
    TRIES,
    Follower,
    ack_message,
    append,
    close,
    delivery_message,
    first,
    outgoing,
    registries,
)
from alerts.company import CAUSE as COMPANY_CAUSE
from alerts.company import Company, noted
from alerts.desk import Desk
from alerts.events import Escalated, Raised, Transition
from alerts.kept import HealthMirror, Mirror, keep_company, keep_repair, note_tested
from alerts.rota import rotas
from alerts.subscriptions import pushes
from alerts.upkeep import upkeep_findings
from alerts.watch import EVERY as DUTY_EVERY
from alerts.watch import duty_findings
from care.clock import Clock
from care.errors import Conflict, Reason, Temporary
from care.ids import content_id
from care.messages import Beat, Finding, Refusal, decode, encode
from care.site import Registry, RotaChange
from care.stream import COUNTERS, FINDINGS, HEALTH, Outgoing, Stored, Stream

T = TypeVar("T")

log = structlog.get_logger("alerts.worker")

LOOK_EVERY = 0.2
"""Seconds between looks at the clock when nothing is due sooner."""
WAVE = 128
"""Findings of different homes worked off at once: enough for a flood, few enough to be read again after a crash."""
BACKLOG = 5_000
"""Findings that wait in memory; more wait in the stream."""
NOTICE = "TE10"
"""The code of the notice that an alarm could not be read."""
BEAT_EVERY = 2.0
UPKEEP_EVERY = 60.0
SAVE_EVERY = 30.0
AGAIN_AFTER = 0.2
"""Seconds before trying anew when the stream is away."""
COUNTER_KEY = "alerts"


async def next_numbers(stream: Stream, count: int) -> range:
    """The next short numbers of alerts: spoken on the phone, never given twice."""
    while True:
        entry = await stream.get(COUNTERS, COUNTER_KEY)
        last = int(entry.data) if entry is not None and entry.data else 0
        try:
            await stream.put(
                COUNTERS,
                COUNTER_KEY,
                str(last + count).encode(),
                expect=entry.revision if entry is not None else 0,
            )
        except Conflict:
            continue
        return range(last + 1, last + count + 1)


async def next_number(stream: Stream) -> int:
    """The next short number of one alert."""
    return (await next_numbers(stream, 1))[0]


class Worker:
    """One worker of the alerts role."""

    def __init__(self, stream: Stream, clock: Clock, registry: Registry, *, role: str = "alerts") -> None:
        self._stream = stream
        self._clock = clock
        self._role = role
        self._pool: deque[int] = deque()
        self.desk = Desk(registry, numbers=self._pool.popleft)
        self.follower = Follower(stream, self.desk)
        self._deciding = asyncio.Lock()
        """One decision at a time: what is proposed builds on what is durable."""
        self._flushing = asyncio.Lock()
        self._unsent: dict[str, Outgoing] = {}
        """What is to be queued and has not been confirmed yet."""
        self._pushes: dict[str, Sequence[str]] = {}
        self._rota: list[RotaChange] = []
        self._upkeep = Mirror(stream)
        self._health = HealthMirror(stream)
        self.desk.campaigns = self._upkeep.campaigns
        self._proven: dict[str, tuple[datetime, bool]] = {}
        """Alarm devices that rang since it was last noted, and whether that was declared a test."""
        self._source = 0
        """Every finding up to here is in the cases."""
        self._read_to = 0
        self._backlog: list[tuple[Stored, Finding | None]] = []
        """Read and not worked off, in the stream's order."""
        self._some, self._room = asyncio.Event(), asyncio.Event()
        self._started_at = clock.now()
        self._last_input_at: datetime | None = None
        self._lag_seconds = 0.0

    async def start(self) -> None:
        """Fold the log, and queue again whatever may not have been queued before the last end."""
        # Timers that are overdue fire next: by then it has to be known who stands in and which browsers they have.
        self._pushes = await first(pushes(self._stream))
        self._rota = list((await first(rotas(self._stream))).values())
        self.desk.registry = self.desk.registry.with_pushes(self._pushes).with_rota(self._rota)
        acks = await self.follower.start()
        self._source = self._read_to = self.desk.source
        for ack in acks:
            self._queue([ack_message(ack)])
        for alert in self.desk.alerts.values():
            self._queue([delivery_message(d.delivery) for d in alert.deliveries if d.pending])
        await self._flush()
        log.info("alerts_folded", open=len(self.desk.open()), position=self.follower.position)

    async def run(self) -> None:
        """Work until cancelled. Overdue timers fire before the backlog of findings is read."""
        await patiently(self.start)
        await patiently(self.look)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch_registry())
            group.create_task(self._watch_browsers())
            group.create_task(self._watch_rota())
            group.create_task(self._watch_log())
            group.create_task(self._watch_clock())
            group.create_task(self._watch_duty())
            group.create_task(self._follow(self._upkeep))
            group.create_task(self._follow(self._health))
            group.create_task(self._watch_upkeep())
            group.create_task(self._watch_findings())
            group.create_task(self._work_findings())
            group.create_task(self._beat())
            group.create_task(self._keep())

    # -- the loops --

    async def _watch_registry(self) -> None:
        async for registry in forever(lambda: registries(self._stream)):
            self.desk.registry = registry.with_pushes(self._pushes).with_rota(self._rota)

    async def _watch_rota(self) -> None:
        async for known in forever(lambda: rotas(self._stream)):
            self._rota = list(known.values())
            self.desk.registry = self.desk.registry.with_rota(self._rota)

    async def _watch_browsers(self) -> None:
        async for known in forever(lambda: pushes(self._stream)):
            self._pushes = known
            self.desk.registry = self.desk.registry.with_pushes(known)

    async def _watch_log(self) -> None:
        async for fresh in forever(self.follower.changes):
            for transition, _ in fresh:
                # Somebody else's: the API queues its messages too, under the same ids; in doubt twice.
                self._queue(outgoing(transition))
            await self._flush()

    async def _watch_findings(self) -> None:
        """Read on while others are being worked off: an SOS may stand behind hundreds of another home."""
        async for batch in forever(lambda: self._stream.follow(FINDINGS, after=self._read_to)):
            self._backlog.extend((message, self._read(message)) for message in batch)
            if batch:
                self._read_to = batch[-1].seq
                self._some.set()
            if len(self._backlog) >= BACKLOG:
                self._room.clear()
                await self._room.wait()

    async def _work_findings(self) -> None:
        while True:
            await self._some.wait()
            self._some.clear()
            while self._backlog:
                await patiently(self._hear_some)
            self._lag_seconds = 0.0

    async def _watch_clock(self) -> None:
        while True:
            await patiently(self.look)
            due = self.desk.next_due()
            wait = LOOK_EVERY if due is None else (due - self._clock.now()).total_seconds()
            await asyncio.sleep(min(LOOK_EVERY, max(0.01, wait)))

    async def _watch_duty(self) -> None:
        while True:
            await patiently(self.look_at_duty)
            await asyncio.sleep(DUTY_EVERY.total_seconds())

    async def _follow(self, mirror: Mirror | HealthMirror) -> None:
        while True:
            await patiently(mirror.run)

    async def _watch_upkeep(self) -> None:
        await self._upkeep.ready.wait()
        await self._health.ready.wait()
        while True:
            await patiently(self.look_at_upkeep)
            await patiently(self.look_at_repairs)
            await asyncio.sleep(UPKEEP_EVERY)

    async def _beat(self) -> None:
        while True:
            beat = Beat(
                role=self._role,
                at=self._clock.now(),
                started_at=self._started_at,
                position=self._source,
                lag_seconds=self._lag_seconds,
                last_input_at=self._last_input_at,
                detail=f"{len(self.desk.open())} open",
            )
            try:
                await self._stream.put(HEALTH, f"beat.{self._role}", encode(beat))
            except Temporary:
                pass
            await self._flush()
            await asyncio.sleep(BEAT_EVERY)

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(SAVE_EVERY)
            try:
                await self.save()
            except Temporary:
                pass

    async def save(self) -> None:
        """Let go of what ended long ago and keep a snapshot, unless messages still wait to be queued."""
        async with self._deciding:
            self.follower.forget(self._clock.now())
            if not self._unsent:
                await self.follower.save(source=self._source)

    # -- one piece of work --

    async def hear(self, message: Stored) -> None:
        """Work off one finding: its case is durable and its messages are queued on return."""
        finding = self._read(message)
        if finding is not None:
            async with self._deciding:
                await self._hear(finding, source=message.seq)
        self._source = max(self._source, message.seq)
        await self._flush()

    async def _hear_some(self) -> None:
        """Work off the next findings, and take them off the backlog: as many as touch each other in nothing.

        Each home is heard in order and homes in turn, so that one home's flood holds up nobody else's SOS.
        """
        wave = self._wave()
        findings = [f for _, f in wave if f is not None]
        oldest = self._backlog[0][0].stored_at
        async with self._deciding:
            now = self._clock.now()
            if oldest is not None:
                self._lag_seconds = max(0.0, (now - oldest).total_seconds())
            wanted = sum(self._takes_a_number(f, now) for f in findings) - len(self._pool)
            if wanted > 0:
                self._pool.extend(await next_numbers(self._stream, wanted))
            # Until the whole wave is durable the log says that none of it is: a crash in the middle reads it again.
            await _all(self._hear(f, source=self._source) for f in findings)
            done = {message.seq for message, _ in wave}
            self._backlog = [entry for entry in self._backlog if entry[0].seq not in done]
            # What was overtaken is read again after a crash, and with it what overtook it: that is known by its event.
            self._source = self._backlog[0][0].seq - 1 if self._backlog else self._read_to
            if len(self._backlog) < BACKLOG:
                self._room.set()
        await self._flush()

    def _wave(self) -> list[tuple[Stored, Finding | None]]:
        """The next finding of each home, and of those that may be rolled up the next of all.

        What becomes of the latter depends on those told before, and so does what becomes of one case.
        """
        wave: list[tuple[Stored, Finding | None]] = []
        homes: set[str] = set()
        cases: set[tuple[str, str]] = set()
        rolled = False
        for entry in self._backlog:
            finding = entry[1]
            if finding is not None:
                case = (finding.home, finding.cause)
                alone = not self.desk.apart(finding)
                later = case in cases or (rolled if alone else finding.home in homes)
                cases.add(case)
                if later:
                    continue
                if alone:
                    rolled = True
                else:
                    homes.add(finding.home)
            wave.append(entry)
            if len(wave) >= WAVE:
                break
        return wave

    def _read(self, message: Stored) -> Finding | None:
        try:
            finding = decode(message.data, Finding)
        except (msgspec.ValidationError, msgspec.DecodeError):
            # Ours and yet unreadable: another version of the rules. It stays in the stream for a person to look at.
            log.exception("finding_unreadable", position=message.seq)
            return None
        return finding

    async def _hear(self, finding: Finding, *, source: int) -> None:
        for _ in range(TRIES):
            now = self._clock.now()
            if not self._pool and self._takes_a_number(finding, now):
                self._pool.append(await next_number(self._stream))
                continue  # somebody else may have taken it meanwhile
            try:
                proposed = self.desk.on_finding(finding, now, source=source)
            except Exception as bug:  # noqa: BLE001  one finding that trips us must not stop every alarm behind it
                await self._put_aside(finding, bug)
                return
            for transition in proposed:
                if not await self._make_durable(transition):
                    break
            else:
                self._last_input_at = self._clock.now()
                if finding.device is not None and (finding.life or finding.test):
                    self._proven[finding.device] = finding.at, finding.test
                return
        raise Temporary("an alert keeps moving")

    def _takes_a_number(self, finding: Finding, now: datetime) -> bool:
        try:
            return self.desk.will_raise(finding, now)
        except Exception:  # noqa: BLE001  `_hear` says so
            return False

    async def _put_aside(self, finding: Finding, bug: Exception) -> None:
        """A finding that we cannot work off goes where maintenance looks; if a life may depend on it people are told."""
        log.error("finding_failed", finding=finding.finding, code=finding.code, exc_info=bug)
        refusal = Refusal(
            refusal_id=content_id("finding", finding.event_id),
            topic=finding.subject,
            reason=Reason.failed.value,
            received_at=self._clock.now(),
            detail=f"finding {finding.code}: {type(bug).__name__}",
            home=finding.home,
            device=finding.device,
            # The notice that comes of it may trip us as well; that one is only recorded.
            alarm=finding.life and not finding.test and finding.code != NOTICE,
        )
        await self._stream.publish(refusal.subject, encode(refusal), message_id=refusal.refusal_id)

    async def look_at_duty(self) -> None:
        """Say where nobody is on duty, now and in the next two weeks."""
        found = duty_findings(self.desk.roster, self.desk.alerts.values(), self._clock.now())
        async with self._deciding:
            for finding in found:
                await self._hear(finding, source=self._source)
        await self._flush()

    async def look_at_upkeep(self) -> None:
        """Keep which alarm devices were heard, and say which visits and tests are owed."""
        for device, (at, declared) in list(self._proven.items()):
            await note_tested(self._stream, device, at, declared=declared)
            del self._proven[device]
        if not self._upkeep.ready.is_set():
            return
        await self._note_company()
        found = upkeep_findings(
            self.desk.registry, self._upkeep.upkeep, self.desk.alerts.values(), self._clock.now()
        )
        async with self._deciding:
            for finding in found:
                await self._hear(finding, source=self._source)
        await self._flush()

    async def _note_company(self) -> None:
        """Keep how SOS cases were closed, longer than the desk remembers them: again and again asks for a review."""
        alerts = [a for a in self.desk.alerts.values() if a.cause in ("sos", COMPANY_CAUSE)]
        now = self._clock.now()
        for home in sorted({a.home for a in alerts}):
            known = self._upkeep.company.get(home, Company(home=home))
            if noted(known, alerts, now) != known:
                await keep_company(self._stream, home, lambda kept: noted(kept, alerts, now))

    async def look_at_repairs(self) -> None:
        """Open the maintenance orders that are wanted, and close those that are proven."""
        if not self._upkeep.ready.is_set() or not self._health.ready.is_set():
            return
        known = self._upkeep.repairs
        for order in repairs.judge(
            self.desk.registry, known, self.desk.alerts.values(), self._health.homes, self._clock.now()
        ):
            before = known.get(order.id)
            # Somebody changed it meanwhile: it is judged again in a minute, on what they said.
            kept = await keep_repair(
                self._stream,
                order.id,
                lambda now, o=order, b=before: o if now == b else now or o,  # type: ignore[misc]
            )
            if kept.state == "closed" or before is None:
                log.info("repair_changed", repair=kept.id, state=kept.state, how=kept.closed)

    async def look(self) -> None:
        """Fire everything that is due."""
        due = self.desk.next_due()
        if due is None or due > self._clock.now():
            return
        async with self._deciding:
            moved: set[str] = set()
            for transition in self.desk.tick(self._clock.now()):
                if transition.alert not in moved and not await self._make_durable(transition):
                    # Somebody did something to it meanwhile: what follows was built on sand.
                    moved.add(transition.alert)
        await self._flush()

    async def _make_durable(self, transition: Transition) -> bool:
        """Append and fold a proposal; False when the alert has moved on and is to be decided anew."""
        known = self.desk.get(transition.alert)
        if transition.version != (known.version if known is not None else 0) + 1:
            # Somebody's transition was folded while we were writing another: this one was built on sand.
            return False
        expect = self.follower.position_of(transition.alert)
        try:
            seq = await append(self._stream, transition, expect_last=expect)
        except Conflict:
            if isinstance(transition.events[0], Raised):
                # Not used. After a Temporary it may have been: then a number is lost rather than given twice.
                self._pool.append(transition.number)
            for theirs in await self.follower.refresh(transition.home, transition.alert):
                self._queue(outgoing(theirs))
            return False
        except Temporary:
            # It may have been stored all the same: look before deciding anew.
            for theirs in await self.follower.refresh(transition.home, transition.alert):
                self._queue(outgoing(theirs))
            raise
        if self.follower.folded(transition, seq):
            self._queue(outgoing(transition))
        # Else the log was quicker than the answer: whoever reads it has queued them.
        self._say(transition)
        return True

    def _say(self, transition: Transition) -> None:
        for event in transition.events:
            if isinstance(event, Raised):
                log.info(
                    "alert_raised",
                    alert=transition.alert,
                    number=transition.number,
                    code=event.code,
                    alert_level=event.level.value,
                    late_seconds=event.late_seconds,
                )
            elif isinstance(event, Escalated):
                log.info(
                    "alert_escalated",
                    alert=transition.alert,
                    number=transition.number,
                    step=event.step,
                    late_seconds=event.late_seconds,
                )

    def _queue(self, messages: list[Outgoing]) -> None:
        for message in messages:
            assert message.message_id is not None
            self._unsent[message.message_id] = message

    async def _flush(self) -> None:
        """Queue what waits; what is not confirmed stays for the next time."""
        # One at a time: the same message twice in flight costs the whole batch its one fsync.
        async with self._flushing:
            # Answers to devices and red first: more than one batch may have gathered while the stream was away.
            waiting = sorted(self._unsent.values(), key=lambda m: m.subject.startswith("deliveries.page."))
            if not waiting:
                return
            try:
                await self._stream.publish_batch(waiting)
            except Temporary:
                log.warning("deliveries_not_queued", waiting=len(waiting))
                return
            for message in waiting:
                assert message.message_id is not None
                self._unsent.pop(message.message_id, None)


async def _all(work: Iterable[Awaitable[None]]) -> None:
    """All at once; the first thing that failed is raised when the others are done."""
    for done in await asyncio.gather(*work, return_exceptions=True):
        if isinstance(done, BaseException):
            raise done


async def patiently(work: Callable[[], Awaitable[None]]) -> None:
    """Try until the stream is there."""
    while True:
        try:
            await work()
            return
        except Temporary as error:
            log.warning("stream_away", why=str(error))
            await asyncio.sleep(AGAIN_AFTER)


async def forever(source: Callable[[], AsyncIterator[T]]) -> AsyncIterator[T]:
    """Read for ever; begin anew when the stream was away."""
    while True:
        iterator = source()
        try:
            async for item in iterator:
                yield item
        except Temporary as error:
            log.warning("stream_away", why=str(error))
            await asyncio.sleep(AGAIN_AFTER)
        finally:
            await close(iterator)


async def run(
    *, stream: Stream, clock: Clock, registry: Registry | None = None, role: str = "alerts"
) -> None:
    """The alerts role until cancelled. Without a `registry` it waits until a site has been loaded."""
    if registry is None:
        registry = await first_registry(stream)
    await Worker(stream, clock, registry, role=role).run()


async def first_registry(stream: Stream) -> Registry:
    """The registry, as soon as there is one."""
    log.info("registry_awaited")
    async for registry in forever(lambda: registries(stream)):
        return registry
    raise AssertionError("a registry is watched for ever")
