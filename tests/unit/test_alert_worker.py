"""The shells on a stream in memory: nothing lost, nothing twice, whoever dies when."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import msgspec
import pytest

from alerts import notify
from alerts.alert import Alert
from alerts.commands import Commands, Follower, link_secret, read_log
from alerts.events import Delivery, DeliveryState, Why
from alerts.links import read
from alerts.notify import Budget, Notifier
from alerts.orders import NotAllowed
from alerts.sending import Letter, Permanent, Sent, TemporaryFailure, Verdict
from alerts.worker import Worker, next_number
from alerts.worker import run as run_alerts
from care.clock import ManualClock
from care.errors import Temporary
from care.messages import Beat, DeviceAck, Finding, decode, encode
from care.site import DeviceTests, Registry
from care.stream import ALERTS, DELIVERIES, FINDINGS, HEALTH, SNAPSHOTS, MemoryStream, Outgoing, Stored
from care.words import Level, Phase
from tests.unit.test_alert_house import CODES, NOON, a_finding, an_order, registry, seconds


class Weak(MemoryStream):
    """A stream that can be made to fail."""

    def __init__(self) -> None:
        super().__init__()
        self.deaf_to: set[str] = set()
        self.read_after: list[int] = []

    def _check(self, subject: str) -> None:
        if any(subject.startswith(prefix) for prefix in self.deaf_to):
            raise Temporary("away")

    async def publish(self, subject: str, data: bytes, **more: Any) -> int:
        self._check(subject)
        return await super().publish(subject, data, **more)

    async def publish_batch(self, messages: Sequence[Outgoing]) -> None:
        for m in messages:
            self._check(m.subject)
        await super().publish_batch(messages)

    async def follow(
        self, stream: str, *, subjects: Sequence[str] = (), after: int = 0, since: datetime | None = None
    ) -> AsyncIterator[list[Stored]]:
        if stream == ALERTS and not subjects:
            self.read_after.append(after)
        async for batch in super().follow(stream, subjects=subjects, after=after, since=since):
            yield batch


def say(stream: MemoryStream, finding: Finding) -> Stored:
    seq = stream.append(finding.subject, encode(finding), message_id=finding.event_id)
    return stream.messages(FINDINGS)[seq - 1]


def pages(stream: MemoryStream) -> list[Delivery]:
    """What waits to be sent, in both queues, in the order in which it was put there."""
    queued = [m for s in ("urgent", "page") for m in stream.messages(DELIVERIES, f"deliveries.{s}.>")]
    return [decode(m.data, Delivery) for m in sorted(queued, key=lambda m: m.seq)]


async def a_worker(stream: MemoryStream, clock: ManualClock) -> Worker:
    worker = Worker(stream, clock, registry())
    await worker.start()
    return worker


@pytest.fixture
def stream() -> Weak:
    return Weak()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


async def test_a_finding_becomes_a_case_with_pages_and_an_answer(stream: Weak, clock: ManualClock) -> None:
    """The alert is durable first; then the device is answered with its number and people are paged."""
    worker = await a_worker(stream, clock)
    await worker.hear(say(stream, a_finding(seq=9)))
    (alert,) = worker.desk.open()
    assert alert.number == 1
    assert [p.person for p in pages(stream)] == ["s01", "s07"]
    (answer,) = stream.messages(DELIVERIES, "deliveries.device.>")
    assert decode(answer.data, DeviceAck) == DeviceAck(
        home="h0317", device="smoke-0317", alert=1, at=NOON, seq=9
    )


async def test_an_alarm_that_rang_counts_as_tested_and_what_is_owed_is_said(
    stream: Weak, clock: ManualClock
) -> None:
    """The smoke detector of the case needs no test for a month; the button that never rang does."""
    site = registry().site
    policy = msgspec.structs.replace(site.policy, tests=DeviceTests(from_=date(2026, 4, 1)))
    people = Registry(msgspec.structs.replace(site, policy=policy))
    worker = Worker(stream, clock, people)
    await worker.start()
    await worker.hear(say(stream, a_finding()))
    await worker.look_at_upkeep()
    assert [a.code for a in worker.desk.open()] == ["SM1"]  # nothing is called missing before all was read
    following = asyncio.create_task(worker._follow(worker._upkeep))
    await eventually(lambda: worker._upkeep.ready.is_set() and "smoke-0317" in worker._upkeep.upkeep.tested)
    await worker.look_at_upkeep()
    await worker.look_at_upkeep()
    following.cancel()
    owed = [a for a in worker.desk.open() if a.code == "TE9"]
    assert [(a.cause, a.level) for a in owed] == [("test:sos-0317", Level.blue)]


async def test_sos_for_company_three_times_asks_for_a_visit_and_a_new_worker_knows_of_it(
    stream: Weak, clock: ManualClock
) -> None:
    """What the desk forgets after a day is kept: a worker that begins on the fourth day says it all the same."""
    worker = await a_worker(stream, clock)
    for day in range(3):
        if day:
            clock.advance(timedelta(days=1, hours=12))
        pressed = a_finding(
            f"sos{day}", at=clock.now(), code="SOS1", cause="sos", device="sos-0317", quantity="sos"
        )
        await worker.hear(say(stream, pressed))
        (open_,) = [a for a in worker.desk.open() if a.cause == "sos"]
        api = await commands(stream)
        for command, body in (("acknowledge", {}), ("close", {**CODES, "cause": "C10"})):
            await api.give(open_.id, an_order(command, **body), clock.now())
        # Each day another worker, as after a restart.
        worker = await a_worker(stream, clock)
        following = asyncio.create_task(worker._follow(worker._upkeep))
        await eventually(worker._upkeep.ready.is_set)
        await worker.look_at_upkeep()
        wanted = day + 1
        await eventually(
            lambda w=worker, n=wanted: [len(c.presses) for c in w._upkeep.company.values()] == [n]
        )
        following.cancel()
    await worker.look_at_upkeep()
    (asks,) = [a for a in worker.desk.open() if a.code == "SOS4"]
    assert (asks.level, asks.home) == (Level.blue, "h0317")


async def test_numbers_are_never_given_twice(stream: Weak) -> None:
    """A hundred askers at once get a hundred numbers."""
    numbers = await asyncio.gather(*(next_number(stream) for _ in range(100)))
    assert sorted(numbers) == list(range(1, 101))


async def test_two_workers_double_nothing(stream: Weak, clock: ManualClock) -> None:
    """Both hear everything and both look at the clock: one case, each page once, each step once."""
    one, two = await a_worker(stream, clock), await a_worker(stream, clock)
    first = say(stream, a_finding())
    second = say(stream, a_finding("f2", device="smoke-2"))
    await asyncio.gather(one.hear(first), two.hear(first))
    await asyncio.gather(two.hear(second), one.hear(second))
    for _ in range(14):
        clock.advance(seconds(10))
        await asyncio.gather(one.look(), two.look())
    for worker in (one, two):
        await worker.follower.refresh("h0317", worker.desk.open()[0].id)
    assert one.desk.alerts == two.desk.alerts
    (alert,) = one.desk.open()
    assert len(alert.findings) == 2
    assert [s.step for s in alert.steps] == [0, 1, 2, 3]
    ids = [p.id for p in pages(stream)]
    assert len(ids) == len(set(ids))
    assert len(ids) == len(alert.deliveries)
    log = await read_log(stream, alert.subject)
    assert [t.version for t, _ in log] == list(range(1, len(log) + 1))


async def test_two_workers_raise_one_case_of_different_findings(stream: Weak, clock: ManualClock) -> None:
    """Whoever is slower joins the case of whoever was faster, and its number is not lost."""
    one, two = await a_worker(stream, clock), await a_worker(stream, clock)
    await one.hear(say(stream, a_finding()))
    await two.hear(stream.messages(FINDINGS)[0])
    await two.hear(say(stream, a_finding("s1", code="SOS1", cause="sos")))
    assert sorted(a.number for a in two.desk.open()) == [1, 2]


async def test_a_page_is_queued_by_whoever_starts_next(stream: Weak, clock: ManualClock) -> None:
    """Killed between the alert and its pages: the next worker queues pages and answer, exactly once."""
    worker = await a_worker(stream, clock)
    stream.deaf_to = {"deliveries."}
    await worker.hear(say(stream, a_finding()))
    assert pages(stream) == []
    assert len(stream.messages(ALERTS)) == 1
    stream.deaf_to = set()
    for _ in range(2):
        await a_worker(stream, clock)
        assert [p.person for p in pages(stream)] == ["s01", "s07"]
        assert len(stream.messages(DELIVERIES, "deliveries.device.>")) == 1


async def test_a_finding_heard_before_the_crash_is_not_a_second_case(
    stream: Weak, clock: ManualClock
) -> None:
    """Every restart hears findings again that were worked off: nothing happens."""
    worker = await a_worker(stream, clock)
    messages = [
        say(stream, a_finding()),
        say(stream, a_finding(phase=Phase.changed, reason="occurrence", occurrences=2, at=NOON + seconds(1))),
        say(stream, a_finding(phase=Phase.cleared, at=NOON + seconds(2))),
    ]
    for message in messages:
        await worker.hear(message)
    before = len(stream.messages(ALERTS))
    again = await a_worker(stream, clock)
    for message in messages:
        await again.hear(message)
    assert len(stream.messages(ALERTS)) == before


async def test_overdue_steps_fire_on_start(stream: Weak, clock: ManualClock) -> None:
    """The worker was down for 100 s: the steps of 30 and 60 s come at once and say how late."""
    await (await a_worker(stream, clock)).hear(say(stream, a_finding()))
    clock.advance(seconds(100))
    worker = await a_worker(stream, clock)
    await worker.look()
    assert [(s.step, s.late_seconds) for s in worker.desk.open()[0].steps] == [(0, 0), (1, 70), (2, 40)]


async def test_a_stream_that_is_away_loses_nothing(stream: Weak, clock: ManualClock) -> None:
    """The worker says so to its caller and hears the finding again."""
    worker = await a_worker(stream, clock)
    stream.deaf_to = {"alerts."}
    message = say(stream, a_finding())
    with pytest.raises(Temporary):
        await worker.hear(message)
    assert worker.desk.open() == []
    stream.deaf_to = set()
    await worker.hear(message)
    assert len(worker.desk.open()) == 1


# -- snapshots --


async def test_start_up_does_not_grow_with_the_log(stream: Weak, clock: ManualClock) -> None:
    """With a snapshot only what came after it is read, and the desk is the same."""
    worker = await a_worker(stream, clock)
    for n in range(30):
        await worker.hear(say(stream, a_finding(f"f{n}", cause=f"c{n}")))
    await worker.follower.start()
    await worker.save()
    await worker.hear(say(stream, a_finding("later", cause="later")))
    stream.read_after.clear()
    again = await a_worker(stream, clock)
    assert stream.read_after == [30]
    assert again.desk.alerts == worker.desk.alerts
    assert again.desk.source == 31


@pytest.mark.parametrize("harm", ["head", "chunk", "gone"])
async def test_a_spoilt_snapshot_is_not_believed(stream: Weak, clock: ManualClock, harm: str) -> None:
    """Then the log is folded from its beginning."""
    worker = await a_worker(stream, clock)
    await worker.hear(say(stream, a_finding()))
    await worker.follower.start()
    await worker.save()
    for key in await stream.keys(SNAPSHOTS, "alerts"):
        if (key == "alerts") == (harm == "head"):
            if harm == "gone":
                await stream.delete(SNAPSHOTS, key)
            else:
                await stream.put(SNAPSHOTS, key, b"nonsense")
    assert (await a_worker(stream, clock)).desk.alerts == worker.desk.alerts


async def test_two_workers_keep_one_snapshot(stream: Weak, clock: ManualClock) -> None:
    """Whoever saves second builds on the first; no chunk of the head in force is ever removed."""
    one, two = await a_worker(stream, clock), await a_worker(stream, clock)
    for n in range(6):
        message = say(stream, a_finding(f"f{n}", cause=f"c{n}"))
        for worker in (one, two):
            await worker.hear(message)
            await worker.follower.start() if n == 0 else None
            worker.follower.take(stream.messages(ALERTS))
            await worker.save()
            fresh = await a_worker(stream, clock)
            assert fresh.desk.alerts == worker.desk.alerts
    assert len(await stream.keys(SNAPSHOTS, "alerts.")) <= 2


# -- commands --


async def an_alert(stream: MemoryStream, clock: ManualClock) -> tuple[Worker, Alert]:
    worker = await a_worker(stream, clock)
    await worker.hear(say(stream, a_finding()))
    return worker, worker.desk.open()[0]


async def commands(stream: MemoryStream) -> Commands:
    follower = Follower.looking(stream, registry())
    await follower.start()
    return Commands(stream, follower)


async def test_an_order_needs_no_worker(stream: Weak, clock: ManualClock) -> None:
    """The API decides and appends by itself; the family's message is queued; the worker follows."""
    worker, alert = await an_alert(stream, clock)
    api = await commands(stream)
    after = await api.give(alert.id, an_order("acknowledge", version=alert.version), clock.now())
    assert (after.state, after.owner) == ("acknowledged", "s01")
    assert "c0317a" in {p.person for p in pages(stream)}
    clock.advance(seconds(40))
    await worker.look()
    assert worker.desk.open()[0].state == "acknowledged"
    assert [s.step for s in worker.desk.open()[0].steps] == [0], "a stale worker takes no step"


async def test_two_screens_at_once(stream: Weak, clock: ManualClock) -> None:
    """Exactly one of two operators has it; the other gets the alert as it is."""
    _, alert = await an_alert(stream, clock)
    one, two = await commands(stream), await commands(stream)
    got = await asyncio.gather(
        one.give(alert.id, an_order("acknowledge", "s01", version=1), clock.now()),
        two.give(alert.id, an_order("acknowledge", "s02", version=1), clock.now()),
        return_exceptions=True,
    )
    lost = [g for g in got if isinstance(g, NotAllowed)]
    assert [no.reason for no in lost] == ["already_acknowledged"]
    assert lost[0].alert.owner in ("s01", "s02")


async def test_what_was_decided_before_somebody_acted_is_decided_anew(
    stream: Weak, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two alerts are due; while the first is written somebody takes the second: no step for the second."""
    worker, _ = await an_alert(stream, clock)
    await worker.hear(say(stream, a_finding("s1", code="SOS1", cause="sos")))
    api = await commands(stream)
    clock.advance(seconds(30))
    first, second = (t.alert for t in worker.desk.tick(clock.now()))
    publish = stream.publish

    async def meanwhile(subject: str, data: bytes, **more: Any) -> int:
        monkeypatch.setattr(stream, "publish", publish)
        seq = await publish(subject, data, **more)
        await api.give(second, an_order("acknowledge"), clock.now())
        worker.follower.take(stream.messages(ALERTS))
        return seq

    monkeypatch.setattr(stream, "publish", meanwhile)
    await worker.look()
    assert [s.step for s in worker.desk.alerts[first].steps] == [0, 1]
    assert [s.step for s in worker.desk.alerts[second].steps] == [0]


async def test_a_moved_stream_alone_is_no_conflict(stream: Weak, clock: ManualClock) -> None:
    """A step of the ladder that our fold has not seen does not refuse a person's click."""
    worker, alert = await an_alert(stream, clock)
    api = await commands(stream)
    clock.advance(seconds(31))
    await worker.look()
    after = await api.give(alert.id, an_order("acknowledge", version=alert.version), clock.now())
    assert [s.step for s in after.steps] == [0, 1]


async def test_a_fold_that_is_behind_refuses_nobody(stream: Weak, clock: ManualClock) -> None:
    """A person saw a newer version on another screen: we look at the log before we refuse."""
    _, alert = await an_alert(stream, clock)
    one, two = await commands(stream), await commands(stream)
    taken = await one.give(alert.id, an_order("acknowledge", version=1), clock.now())
    body = {"to": "home", "result": "answered"}
    called = await two.give(alert.id, an_order("call", version=taken.version, **body), clock.now())
    assert called.calls[0].result == "answered"


async def test_the_same_request_twice_is_once(stream: Weak, clock: ManualClock) -> None:
    """A repeated key gives the alert as it is, even by another API process."""
    _, alert = await an_alert(stream, clock)
    order = an_order("acknowledge", version=1, key="k")
    first = await (await commands(stream)).give(alert.id, order, clock.now())
    second = await (await commands(stream)).give(alert.id, order, clock.now())
    assert first.version == second.version


async def test_an_unknown_alert_is_named(stream: Weak, clock: ManualClock) -> None:
    """404 with a reason."""
    with pytest.raises(NotAllowed, match="unknown_alert"):
        await (await commands(stream)).give("nope", an_order("acknowledge"), clock.now())


# -- the whole role --


async def eventually(what: Any, within: float = 3.0) -> None:
    async with asyncio.timeout(within):
        while not what():
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def running(coroutine: Any) -> AsyncIterator[None]:
    task = asyncio.create_task(coroutine)
    try:
        yield
        if task.done():
            task.result()
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_the_role_waits_for_a_site_then_works_and_beats(stream: Weak, clock: ManualClock) -> None:
    """Without a site it waits; then findings become cases, the clock is looked at, and it says that it lives."""
    say(stream, a_finding())
    async with running(run_alerts(stream=stream, clock=clock)):
        await asyncio.sleep(0.05)
        assert stream.messages(ALERTS) == []
        await stream.put("registry", "site", encode(registry().site))
        await eventually(lambda: len(pages(stream)) == 2)
        clock.advance(seconds(30))
        await eventually(lambda: len(pages(stream)) == 4)
        entry = await stream.get(HEALTH, "beat.alerts")
        assert entry is not None
        assert entry.data is not None
        assert decode(entry.data, Beat).role == "alerts"


async def test_the_role_sees_what_people_do(stream: Weak, clock: ManualClock) -> None:
    """An order through the API stops the ladder of a running worker."""
    say(stream, a_finding())
    async with running(run_alerts(stream=stream, clock=clock, registry=registry())):
        await eventually(lambda: len(pages(stream)) == 2)
        api = await commands(stream)
        alert = api._follower.desk.open()[0]
        await api.give(alert.id, an_order("call", to="home", result="answered"), clock.now())
        await asyncio.sleep(0.1)
        clock.advance(seconds(200))
        await asyncio.sleep(0.4)
        assert {p.reason for p in pages(stream)} == {Why.opened, Why.acknowledged}


# -- sending --


class Phones:
    """A channel that answers as it is told, by the end of the address."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Verdict]] = {}
        self.sent: list[tuple[str, str, str]] = []

    async def send(self, url: str, letter: Letter) -> Verdict:
        name = url.rpartition("/")[2]
        self.sent.append((name, letter.title, letter.body))
        answers = self.answers.get(name, [])
        await asyncio.sleep(0)
        return answers.pop(0) if len(answers) > 1 else answers[0] if answers else Sent()

    @property
    def names(self) -> list[str]:
        return [name for name, _, _ in self.sent]


@contextlib.asynccontextmanager
async def sending(stream: MemoryStream, clock: ManualClock, phones: Phones) -> AsyncIterator[None]:
    async with running(
        notify.run(
            stream=stream, clock=clock, channel=phones, public_url="http://h:8000/", registry=registry()
        )
    ):
        yield


async def fates(stream: MemoryStream) -> dict[str, tuple[str, str]]:
    follower = Follower.looking(stream, registry())
    await follower.start()
    return {
        f"{d.delivery.person}/{d.delivery.reason}/{n}": (d.state.value, d.detail)
        for a in follower.desk.alerts.values()
        for n, d in enumerate(a.deliveries)
    }


async def test_a_page_is_sent_and_its_fate_is_in_the_log(stream: Weak, clock: ManualClock) -> None:
    """Number first, a link that says who may do what, and `accepted` in the alert."""
    _, alert = await an_alert(stream, clock)
    phones = Phones()
    async with sending(stream, clock, phones):
        await eventually(lambda: len(stream.messages(ALERTS)) == 3)
    assert phones.names == ["s01", "s07"]
    _name, title, body = phones.sent[1]
    assert title == "#1 应急响应：烟感报警"
    token = body.rpartition("http://h:8000/go/")[2]
    claim = read(token, await link_secret(stream), NOON)
    assert (claim.person, claim.purpose, claim.alert) == ("s07", "accept", alert.id)
    assert {f[0] for f in (await fates(stream)).values()} == {"accepted"}


async def test_a_refused_page_goes_to_the_next_channel_at_once(stream: Weak, clock: ManualClock) -> None:
    """The first phone of 方静 says no for good: her second rings in the same second."""
    worker, _alert = await an_alert(stream, clock)
    phones = Phones()
    phones.answers["s02"] = [Permanent("provider_310000")]
    clock.advance(seconds(30))
    await worker.look()
    async with sending(stream, clock, phones):
        await eventually(lambda: "s02b" in phones.names)
        await eventually(lambda: len(stream.messages(ALERTS)) == 2 + 5)
    found = await fates(stream)
    assert ("refused", "provider_310000") in found.values()
    assert phones.names.count("s02") == 1


async def test_a_failing_channel_is_tried_again_and_the_next_beside_it(
    stream: Weak, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Later means again under the same id, with the other channel beside it."""
    monkeypatch.setattr(notify, "BACK_OFF", (0.01, 0.01, 0.01))
    worker, _ = await an_alert(stream, clock)
    phones = Phones()
    phones.answers["s02"] = [TemporaryFailure("http_503")] * 3 + [Sent()]
    clock.advance(seconds(30))
    await worker.look()
    async with sending(stream, clock, phones):
        await eventually(lambda: phones.names.count("s02") == 4 and "s02b" in phones.names)
        await eventually(lambda: len(stream.messages(ALERTS)) == 2 + 6)
    assert {f[0] for f in (await fates(stream)).values()} == {"accepted"}


async def test_a_red_page_that_hangs_goes_to_the_next_channel_at_once(
    stream: Weak, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first failure is enough; nobody waits for a second timeout while an elder waits."""
    monkeypatch.setattr(notify, "BACK_OFF", (3600.0,))
    worker, _ = await an_alert(stream, clock)
    phones = Phones()
    phones.answers["s02"] = [TemporaryFailure("timeout")]
    clock.advance(seconds(30))
    await worker.look()
    async with sending(stream, clock, phones):
        await eventually(lambda: "s02b" in phones.names)
    assert phones.names.count("s02") == 1


async def test_we_stop_trying_after_a_quarter_of_an_hour(
    stream: Weak, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A channel that stays dead is recorded as failed; the ladder has told others by then."""
    monkeypatch.setattr(notify, "BACK_OFF", (0.01,))
    await an_alert(stream, clock)
    phones = Phones()
    phones.answers["s01"] = [TemporaryFailure("timeout")]
    clock.advance(timedelta(minutes=16))
    async with sending(stream, clock, phones):
        await eventually(lambda: len(stream.messages(ALERTS)) == 3)
    assert ("failed", "timeout") in (await fates(stream)).values()


async def test_what_was_accepted_is_never_sent_again(stream: Weak, clock: ManualClock) -> None:
    """The same message in the queue a second time, after a restart: the log says that it was accepted."""
    await an_alert(stream, clock)
    phones = Phones()
    async with sending(stream, clock, phones):
        await eventually(lambda: len(stream.messages(ALERTS)) == 3)
    for page in pages(stream):
        stream.append(page.subject, encode(page))
    async with sending(stream, clock, phones):
        await asyncio.sleep(0.2)
    assert phones.names == ["s01", "s07"]


async def test_a_fate_that_could_not_be_written_is_written_later_not_sent_again(
    stream: Weak, clock: ManualClock
) -> None:
    """The log is away after sending: the sender remembers."""
    await an_alert(stream, clock)
    phones = Phones()
    stream.deaf_to = {"alerts."}
    async with sending(stream, clock, phones):
        await eventually(lambda: len(phones.sent) == 2)
        await asyncio.sleep(0.3)
        stream.deaf_to = set()
        await eventually(lambda: len(stream.messages(ALERTS)) == 3)
    assert phones.names == ["s01", "s07"]


async def test_a_message_of_an_older_run_is_skipped_by_name(stream: Weak, clock: ManualClock) -> None:
    """The page of a case that was closed and reopened meanwhile says stale_generation."""
    _worker, alert = await an_alert(stream, clock)
    api = await commands(stream)
    await api.give(alert.id, an_order("close", **CODES), clock.now())
    await api.give(alert.id, an_order("reopen", reason="x"), clock.now())
    phones = Phones()
    async with sending(stream, clock, phones):
        await eventually(lambda: len(phones.sent) >= 2)
        await asyncio.sleep(0.2)
    found = await fates(stream)
    assert ("skipped", "stale_generation") in found.values()
    assert phones.names.count("s01") == 1


async def test_a_channel_that_was_removed_is_refused(stream: Weak, clock: ManualClock) -> None:
    """The address is no longer in the registry: refused by name, no crash."""
    await an_alert(stream, clock)
    notifier = Notifier(
        stream,
        clock,
        Phones(),
        registry("community: {id: c, name: c}"),
        public_url="http://h",
        secret=b"s",
    )
    await notifier._start()
    for page in pages(stream):
        assert await notifier._work(page, 1) is None
    assert set((await fates(stream)).values()) == {("refused", "no_such_channel")}


def test_the_budget_rests_an_address_and_counts_only_what_was_accepted() -> None:
    """Fifteen a minute; the sixteenth waits until the first is a minute old."""
    budget = Budget()
    for n in range(15):
        assert budget.wait("a", NOON + seconds(n)) == seconds(0)
        budget.spend("a", NOON + seconds(n))
    assert budget.wait("a", NOON + seconds(20)) == seconds(40)
    assert budget.wait("b", NOON + seconds(20)) == seconds(0)
    assert budget.wait("a", NOON + seconds(60)) == seconds(0)


async def test_the_first_page_of_a_red_case_is_above_every_budget(stream: Weak, clock: ManualClock) -> None:
    """An address that has had its fill still rings for red, and rests for yellow."""
    worker, _ = await an_alert(stream, clock)
    await worker.hear(say(stream, a_finding("y", level=Level.yellow, code="BD1", cause="bed", life=False)))
    phones = Phones()
    notifier = Notifier(stream, clock, phones, registry(), public_url="http://h", secret=b"s")
    await notifier._start()
    red, _, yellow = pages(stream)
    assert (red.level, yellow.level, red.address) == (Level.red, Level.yellow, yellow.address)
    for _ in range(15):
        notifier._budget.spend(red.address, clock.now())
    assert await notifier._work(yellow, 1) == seconds(60)
    assert await notifier._work(red, 1) is None
    assert phones.names == ["s01"]


def test_deliveries_have_a_closed_list_of_fates() -> None:
    """queued, accepted, refused, failed, skipped."""
    assert {s.value for s in DeliveryState} == {"queued", "accepted", "refused", "failed", "skipped"}
