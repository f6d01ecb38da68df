"""Alerts, the queue, the sender and the API are killed before and after everything they write: who is told, how often.

The story is one SOS: raised, acknowledged, two sent, one of them goes, closed. Each run of it kills one process at one
write (a publish, a batch, half of a batch, an acknowledgement of the queue, a message handed to a provider) and starts it
again from what is durable, as its supervisor does. What no process had written before its death it does not remember.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from alerts.alert import Alert
from alerts.commands import Commands, Follower, outgoing
from alerts.events import DeliveryState
from alerts.notify import Notifier
from alerts.orders import NotAllowed
from alerts.proposing import decode_transition
from alerts.sending import Letter, Permanent, Sent, Verdict
from alerts.worker import Worker
from care.clock import ManualClock
from care.messages import encode
from care.stream import ALERTS, DELIVERIES, FINDINGS, MemoryStream, Outgoing, Stored, Task, matches
from tests.unit.test_alert_house import CODES, NOON, SITE, a_finding, an_order, registry

PAIR = SITE.replace(
    "  - {id: s08, name: 汤红霞, role: volunteer, micro_grids: [g05-3]",
    "  - {id: s08, name: 汤红霞, role: volunteer, micro_grids: [g05-2]",
)
"""Two responders of the home's own micro-grid, told at once."""


class Killed(BaseException):
    """The process is no more."""


@dataclass
class Reaper:
    """Kills the process that makes the `at`-th write of the story: before it, after it, or in the middle of a batch."""

    at: int | None = None
    when: str = "before"
    writes: int = 0
    names: list[str] = field(default_factory=list)

    async def around(
        self, process: "Process", name: str, work: Callable[[], Awaitable[Any]], half: Callable[[], None]
    ) -> Any:
        if process.dead:
            raise Killed
        mine = self.writes == self.at
        self.writes += 1
        self.names.append(name)
        if mine and self.when != "after":
            if self.when == "half":
                half()
            process.dead = True
            raise Killed
        result = await work()
        if mine:
            process.dead = True
            raise Killed
        return result


class Process(MemoryStream):
    """What one process sees of the stream; it can die at each of its writes."""

    def __init__(self, store: MemoryStream, reaper: Reaper, name: str) -> None:
        super().__init__()
        self.__dict__.update({k: v for k, v in store.__dict__.items() if k != "_idle"})
        self.store, self.reaper, self.name, self.dead = store, reaper, name, False

    async def _write(
        self, what: str, work: Callable[[], Awaitable[Any]], half: Callable[[], None] = lambda: None
    ) -> Any:
        return await self.reaper.around(self, f"{self.name}: {what}", work, half)

    async def publish(self, subject: str, data: bytes, **more: Any) -> int:
        seq: int = await self._write(
            f"publish {subject.split('.', maxsplit=1)[0]}", lambda: self.store.publish(subject, data, **more)
        )
        return seq

    async def publish_batch(self, messages: Sequence[Outgoing]) -> None:
        def half() -> None:
            for m in messages[: len(messages) // 2]:
                self.store.append(m.subject, m.data, message_id=m.message_id)

        await self._write("batch", lambda: self.store.publish_batch(messages), half)

    async def put(self, bucket: str, key: str, data: bytes, *, expect: int | None = None) -> int:
        revision: int = await self._write(
            f"put {bucket}", lambda: self.store.put(bucket, key, data, expect=expect)
        )
        self._revision = self.store._revision
        return revision


class Phones:
    """What people's phones got: (person, reason, id of the message)."""

    def __init__(self) -> None:
        self.got: list[tuple[str, str]] = []
        self.refuse: set[str] = set()

    def channel(self, process: Process) -> Any:
        class Line:
            async def send(_self, url: str, letter: Letter) -> Verdict:  # noqa: N805
                async def ring() -> Verdict:
                    name = url.rpartition("/")[2]
                    self.got.append((name, letter.delivery))
                    return Permanent("provider_310000") if name in self.refuse else Sent()

                verdict: Verdict = await process._write("send", ring)
                return verdict

        return Line()


class House:
    """Three processes on one stream; whichever dies is started anew."""

    def __init__(self, reaper: Reaper, *, all_die: bool = False) -> None:
        self.store, self.reaper, self.all_die = MemoryStream(), reaper, all_die
        self.clock = ManualClock(NOON)
        self.phones = Phones()
        self.site = registry(PAIR)
        self.acked: set[int] = set()
        self.heard = 0
        self.told_log: dict[str, int] = {}

    async def begin(self) -> None:
        await self.store.put("registry", "site", encode(self.site.site))
        for name in ("alerts", "notify", "api"):
            await self.start(name)

    async def start(self, name: str) -> None:
        """Start a process, again and again until it lives: it may be killed while it starts."""
        while True:
            try:
                await getattr(self, f"_start_{name}")()
                return
            except Killed:
                continue

    async def _start_alerts(self) -> None:
        self.worker = Worker(Process(self.store, self.reaper, "alerts"), self.clock, self.site)
        await self.worker.start()
        await self.worker.look()
        self.heard = self.worker._source

    async def _start_notify(self) -> None:
        process = Process(self.store, self.reaper, "notify")
        self.notifier = Notifier(
            process, self.clock, self.phones.channel(process), self.site, public_url="http://h", secret=b"s"
        )
        self.queue = process
        await self.notifier._start()

    async def _start_api(self) -> None:
        process = Process(self.store, self.reaper, "api")
        self.follower = Follower.looking(process, self.site)
        await self.follower.start()
        self.commands = Commands(process, self.follower)

    async def alive(self, name: str, work: Callable[[], Awaitable[Any]]) -> bool:
        """Do something in a process; False when it died of it and is there again."""
        try:
            await work()
        except BaseException as error:
            if not _killed(error):
                raise
            for other in ("alerts", "notify", "api") if self.all_die else (name,):
                await self.start(other)
            return False
        return True

    # -- what each process does by itself --

    async def settle(self) -> None:
        """Until nobody has anything to do: findings, the log, the clock, the queue."""
        for _ in range(60):
            before = self.reaper.writes
            await self.alive("alerts", self._alerts)
            await self.alive("api", self._read)
            await self.alive("notify", self._notify)
            if self.reaper.writes == before and not self._waiting():
                return
        raise AssertionError("it never comes to rest")

    async def _alerts(self) -> None:
        for message in self.store.messages(FINDINGS):
            if message.seq > self.heard:
                await self.worker.hear(message)
                self.heard = message.seq
        fresh = self.worker.follower.take(self._log(self.worker.follower))
        for transition, _ in fresh:
            self.worker._queue(outgoing(transition))
        await self.worker._flush()
        await self.worker.look()

    async def _read(self) -> None:
        self.follower.take(self._log(self.follower))

    def _log(self, follower: Follower) -> list[Stored]:
        return [m for m in self.store.messages(ALERTS) if m.seq > follower.position]

    def _waiting(self) -> list[Stored]:
        return [
            m
            for m in self.store.messages(DELIVERIES)
            if m.seq not in self.acked
            and (matches("deliveries.urgent.>", m.subject) or matches("deliveries.page.>", m.subject))
        ]

    async def _notify(self) -> None:
        self.notifier.follower.take(self._log(self.notifier.follower))
        queue = self.queue
        for message in self._waiting():

            async def ack(seq: int = message.seq) -> None:
                async def gone() -> None:
                    self.acked.add(seq)

                await queue._write("ack", gone)

            async def retry(_after: timedelta) -> None:
                return None

            await self.notifier.handle(Task(message, 1, ack, retry))

    # -- people --

    async def give(self, command: str, actor: str, again: str, **more: Any) -> None:
        """A person's order by a client that asks again when the API died before it answered, in one of three ways."""
        version = self.alert.version
        for attempt in range(3):
            key = f"{actor}:{command}:k" if again == "key" else None
            seen = self.alert.version if again == "fresh" and attempt else version
            order = an_order(command, actor, version=seen, key=key, **more)

            async def work(order: Any = order) -> None:
                await self.commands.give(self.alert.id, order, self.clock.now())

            try:
                if await self.alive("api", work):
                    return
            except NotAllowed:
                # A client that reads the case anew may be told that it is so already; nobody else.
                if again != "fresh" or not attempt:
                    raise
                return
            # It takes the API some seconds to be back.
            self.clock.advance(timedelta(seconds=4))
            await self.settle()

    @property
    def alert(self) -> Alert:
        """The case as the log has it."""
        (only,) = {decode_transition(m.data).alert for m in self.store.messages(ALERTS)}
        return self.folded()[only]

    def folded(self) -> dict[str, Alert]:
        """Every case, folded from the log by somebody who was never there."""
        looking = Follower.looking(self.store, self.site)
        looking.take(self.store.messages(ALERTS))
        return looking.desk.alerts


def _killed(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return any(_killed(e) for e in error.exceptions)
    return isinstance(error, Killed)


async def story(reaper: Reaper, *, again: str, all_die: bool = False) -> House:
    """One SOS from the press to the end of the case."""
    house = House(reaper, all_die=all_die)
    await house.begin()
    press = a_finding("f1", code="SOS1", cause="sos", quantity="sos", device="sos-0317", pictogram="sos")
    house.store.append(press.subject, encode(press), message_id=press.event_id)
    await house.settle()
    house.clock.advance(timedelta(seconds=1))
    await house.give("acknowledge", "s01", again)
    await house.settle()
    await house.give("dispatch", "s01", again, responders=["s07", "s08"])
    await house.settle()
    await house.give("accept", "s07", again)
    await house.give("arrive", "s07", again)
    await house.settle()
    await house.give("close", "s01", again, **CODES)
    await house.settle()
    return house


def told(house: House) -> Counter[tuple[str, str, int]]:
    """Messages made out: person, reason, which of them."""
    return Counter(
        (d.delivery.person, d.delivery.reason.value, d.delivery.nth)
        for a in house.folded().values()
        for d in a.deliveries
    )


EXPECTED = {
    ("s01", "opened", 0): 1,
    ("s07", "opened", 0): 1,
    ("s08", "opened", 0): 1,
    ("c0317a", "acknowledged", 0): 1,
    ("s07", "dispatched", 0): 1,
    ("s08", "dispatched", 0): 1,
    ("s08", "closed", 0): 1,
    ("c0317a", "closed", 0): 1,
}
"""By hand: the desk and both of the micro-grid at once, the daughter when it is taken, both when they are asked to go,
and at the end whoever was still asked and whoever knew. Who is there needs no message that it is over."""


def check(house: House, reaper: Reaper) -> None:
    where = (
        f"{reaper.when} write {reaper.at} ({reaper.names[reaper.at] if reaper.at is not None else 'none'})"
    )
    assert len(house.folded()) == 1, where
    assert told(house) == EXPECTED, where
    (alert,) = house.folded().values()
    assert not alert.open, where
    fates = {d.delivery.id: d.state for d in alert.deliveries}
    assert set(fates.values()) == {DeliveryState.accepted}, (where, fates)
    rang = Counter(name for _, name in house.phones.got)
    assert set(rang) == set(fates), where
    # Died between the provider's yes and the log's: nobody can know, so it rings once more under the same name.
    twice = [name for name, n in rang.items() if n > 1]
    assert max(rang.values()) <= 2, where
    in_doubt = reaper.at is not None and reaper.names[reaper.at] in ("notify: send", "notify: publish alerts")
    assert len(twice) <= (1 if in_doubt else 0), (where, twice)


@pytest.mark.parametrize("all_die", [False, True], ids=["one_dies", "all_die"])
@pytest.mark.parametrize("again", ["key", "version", "fresh"])
async def test_killed_at_any_write_everybody_is_told_what_they_are_told_otherwise(
    again: str, all_die: bool
) -> None:
    """Two messages to each who was asked to go, whichever process dies when, and however the client asks again."""
    calm = Reaper()
    check(await story(calm, again=again, all_die=all_die), calm)
    assert calm.writes > 25
    for at in range(calm.writes):
        for when in ("before", "half", "after"):
            if when == "half" and "batch" not in calm.names[at]:
                continue
            reaper = Reaper(at, when)
            check(await story(reaper, again=again, all_die=all_die), reaper)


async def ladder_story(reaper: Reaper, *, all_die: bool) -> House:
    """A fire nobody takes for a minute; the first phone of 方静 says no for good, her second has its turn."""
    house = House(reaper, all_die=all_die)
    house.phones.refuse = {"s02"}
    await house.begin()
    fire = a_finding("f1")
    house.store.append(fire.subject, encode(fire), message_id=fire.event_id)
    await house.settle()
    for _ in range(2):
        house.clock.advance(timedelta(seconds=30))
        await house.settle()
    await house.give("accept", "s07", "key")
    house.clock.advance(timedelta(seconds=90))
    await house.settle()
    return house


CLIMBED = {
    ("s01", "opened", 0): 1,
    ("s07", "opened", 0): 1,
    ("s08", "opened", 0): 1,
    ("s01", "escalated", 0): 1,
    ("s02", "escalated", 0): 2,
    ("s03", "escalated", 0): 1,
}
"""By hand: those of the first step at once, all desks at 30 s (方静 by both of her phones), the supervisor at 60 s; then
somebody goes, and no further step is taken."""


@pytest.mark.parametrize("all_die", [False, True], ids=["one_dies", "all_die"])
async def test_killed_at_any_write_the_ladder_takes_each_step_once_and_a_refusal_goes_on(
    all_die: bool,
) -> None:
    """Steps, the next channel after a refusal, and who stops it: the same whichever process dies when."""
    calm = Reaper()
    house = await ladder_story(calm, all_die=all_die)
    assert told(house) == CLIMBED
    for at in range(calm.writes):
        for when in ("before", "half", "after"):
            if when == "half" and "batch" not in calm.names[at]:
                continue
            reaper = Reaper(at, when)
            house = await ladder_story(reaper, all_die=all_die)
            where = f"{when} write {at} ({reaper.names[at]})"
            assert told(house) == CLIMBED, where
            (alert,) = house.folded().values()
            assert [s.step for s in alert.steps] == [0, 1, 2], where
            assert [r.id for r in alert.going] == ["s07"], where
            fates = Counter(d.state.value for d in alert.deliveries)
            assert fates == {"accepted": 6, "refused": 1}, where
            rang = Counter(name for _, name in house.phones.got)
            in_doubt = reaper.names[at] in ("notify: send", "notify: publish alerts")
            assert sum(n - 1 for n in rang.values()) <= (1 if in_doubt else 0), where
