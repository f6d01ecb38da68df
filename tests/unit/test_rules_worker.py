"""The rules role on the stream: nothing heard is lost, nothing is said under two names, whoever is killed when."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from care.clock import ManualClock
from care.errors import Temporary
from care.ids import content_id, partition_of
from care.messages import Beat, Finding, Guarded, HomeHealth, Judged, Refusal, Report, Value, decode, encode
from care.site import ORDERS, Community, Device, Home, HomeMode, HomeOrders, Registry, Resident, Site
from care.stream import FINDINGS, HEALTH, PROTECTION, REGISTRY, SNAPSHOTS, MemoryStream, Outgoing
from care.words import Kind, Mode, Phase
from rules import worker as worker_module
from rules.memory import check
from rules.worker import NORMAL, URGENT, Worker, run
from tests.told import BOOK

NOON = datetime(2026, 5, 23, 4, 0, tzinfo=UTC)


def a_site(homes: int = 1, *, belt: bool = True) -> Site:
    return Site(
        community=Community(id="c", name="c"),
        homes=[
            Home(
                id=f"h.{i}",  # names may hold dots
                residents=[Resident(id=f"r{i}", name="甲")],
                devices=[
                    Device(id=f"smoke-{i}", kind=Kind.smoke, room="kitchen"),
                    Device(id=f"gas-{i}", kind=Kind.gas, room="kitchen"),
                    Device(id=f"sos-{i}", kind=Kind.sos),
                    *([Device(id=f"belt-{i}", kind=Kind.bed_belt, room="bedroom")] if belt else []),
                ],
            )
            for i in range(1, homes + 1)
        ],
    )


def said(device: str, after: float, **values: Any) -> Report:
    at = NOON + timedelta(seconds=after)
    name, _, home = device.partition("-")
    return Report(
        report_id=content_id(device, after, repr(values)),
        home=f"h.{home}",
        device=device,
        kind={"belt": "bed_belt"}.get(name, name),
        at=at,
        received_at=at,
        device_at=at,
        values=values,
    )


class Stage:
    """A stream, a clock and workers that can be killed."""

    def __init__(self, site: Site | None = None, stream: MemoryStream | None = None) -> None:
        self.stream = stream or MemoryStream(idle=timedelta(milliseconds=5))
        self.clock = ManualClock(NOON)
        self.site = site or a_site()
        self.worker: Worker | None = None
        self.task: asyncio.Task[None] | None = None

    async def start(self, **given: Any) -> Worker:
        await self.stream.put(REGISTRY, "site", encode(self.site))
        given.setdefault("save_every", timedelta(hours=1))  # tests save when they mean to
        given.setdefault("beat_every", timedelta(milliseconds=20))
        self.worker = Worker(self.stream, self.clock, Registry(self.site), BOOK, **given)
        self.task = asyncio.create_task(self.worker.run())
        await self.until(lambda: all(lane.caught_up for lane in self._worker.lanes.values()))
        return self.worker

    @property
    def _worker(self) -> Worker:
        assert self.worker is not None
        return self.worker

    async def kill(self) -> None:
        """As kill -9: no last save."""
        assert self.task is not None
        worker, self.worker = self._worker, None

        async def nothing() -> None:
            return None

        worker.save = nothing  # type: ignore[method-assign]
        self.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.task
        self.task = None

    async def say(self, *reports: Report) -> None:
        for report in reports:
            self.clock.set(report.received_at)
            await self.stream.publish(report.subject, encode(report))

    async def until(self, true: Callable[[], bool], seconds: float = 5) -> None:
        async with asyncio.timeout(seconds):
            while not true():
                await asyncio.sleep(0.005)

    def findings(self) -> list[Finding]:
        return [decode(m.data, Finding) for m in self.stream.messages(FINDINGS)]

    def told(self) -> list[tuple[str, str, str]]:
        return [(f.rule, f.phase.value, f.reason) for f in self.findings()]


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    stage = Stage()
    yield stage
    if stage.task is not None:
        await stage.kill()


async def test_an_urgent_reading_becomes_a_finding(stage: Stage) -> None:
    """Published under its event id on the home's subject."""
    await stage.start()
    await stage.say(said("smoke-1", 1, smoke=True))
    await stage.until(lambda: len(stage.findings()) == 1)
    (finding,) = stage.findings()
    assert (finding.rule, finding.home) == ("SM1", "h.1")
    (message,) = stage.stream.messages(FINDINGS)
    assert message.subject == f"findings.{partition_of('h.1')}.h.1"


async def test_a_timer_fires_without_any_message(stage: Stage) -> None:
    """Five seconds of gas, then only the clock."""
    await stage.start()
    await stage.say(said("gas-1", 1, gas=True))
    await stage.until(lambda: stage._worker.lanes[URGENT].position == 1)
    stage.clock.advance(timedelta(seconds=5))
    await stage.until(lambda: len(stage.findings()) == 1)
    assert stage.findings()[0].at == NOON + timedelta(seconds=6)


async def test_a_refused_alarm_is_told(stage: Stage) -> None:
    """The quarantine is the third thing the role listens to."""
    await stage.start()
    refusal = Refusal(
        refusal_id="x",
        topic="t",
        reason="not_json",
        received_at=NOON,
        home="h.1",
        device="smoke-1",
        alarm=True,
    )
    await stage.stream.publish(refusal.subject, encode(refusal))
    await stage.until(lambda: stage.told() == [("TE10", "opened", "")])


async def test_a_killed_worker_goes_on_from_its_last_snapshot(stage: Stage) -> None:
    """What it had heard since is heard again and said under the same names; its timers are due when they were due."""
    worker = await stage.start()
    await stage.say(said("smoke-1", 1, smoke=True))
    await stage.until(lambda: len(stage.findings()) == 1)
    await worker.save()
    await stage.say(said("gas-1", 2, gas=True), said("smoke-1", 3, smoke=False), said("sos-1", 4, sos=True))
    await stage.until(lambda: ("SOS1", "opened", "") in stage.told())
    await stage.kill()
    stage.clock.advance(timedelta(minutes=30))
    await stage.start()
    await stage.until(
        lambda: ("SM1", "cleared", "") in stage.told() and ("GS1", "opened", "") in stage.told()
    )
    found = {(f.rule, f.phase.value): f for f in stage.findings()}
    assert found["GS1", "opened"].at == NOON + timedelta(seconds=7)
    assert found["GS1", "opened"].late_seconds > 1700
    assert found["SM1", "cleared"].at == NOON + timedelta(seconds=3, minutes=5)
    names = [f.event_id for f in stage.findings()]
    assert len(names) == len(set(names))
    assert stage.told().count(("SOS1", "opened", "")) == 1


async def test_a_worker_without_a_snapshot_hears_the_log_from_its_beginning(stage: Stage) -> None:
    """The first start, and every start after a lost store."""
    await stage.stream.put(REGISTRY, "site", encode(stage.site))
    await stage.say(said("smoke-1", 1, smoke=True), said("sos-1", 2, sos=True))
    await stage.start()
    await stage.until(lambda: sorted(stage.told()) == [("SM1", "opened", ""), ("SOS1", "opened", "")])


async def test_what_came_while_nobody_listened_is_worked_off_in_its_own_time(stage: Stage) -> None:
    """An hour of belt readings read in a second is not an hour of silence, nor is the belt silent meanwhile."""
    await stage.start()
    await stage.say(*(said("belt-1", s, in_bed=True) for s in range(0, 60, 10)))
    await stage.until(lambda: stage._worker.lanes[NORMAL].position == 6)
    await stage._worker.save()
    await stage.kill()
    await stage.say(*(said("belt-1", s, in_bed=True, heart_rate=60 + s % 7) for s in range(60, 3600, 10)))
    await stage.start()
    await stage.until(lambda: stage._worker.lanes[NORMAL].position == 360)
    await asyncio.sleep(0.1)
    assert stage.told() == []


@pytest.mark.parametrize("damage", ["data", "envelope", "version"])
async def test_a_damaged_snapshot_is_not_believed(stage: Stage, damage: str) -> None:
    """Said, and worked out anew from the log; the findings keep their names."""
    worker = await stage.start()
    await stage.say(said("smoke-1", 1, smoke=True))
    await stage.until(lambda: len(stage.findings()) == 1)
    await worker.save()
    await stage.kill()
    key = f"rules.{partition_of('h.1')}"
    entry = await stage.stream.get(SNAPSHOTS, key)
    assert entry is not None
    assert entry.data is not None
    broken = {
        "data": entry.data[:-30] + b"x" * 30,
        "envelope": b"{",
        "version": entry.data.replace(b"\xa6schema\x01", b"\xa6schema\x63"),
    }
    assert broken[damage] != entry.data
    await stage.stream.put(SNAPSHOTS, key, broken[damage])
    await stage.start()
    await stage.say(said("smoke-1", 60, smoke=False))
    stage.clock.advance(timedelta(minutes=6))
    await stage.until(lambda: ("SM1", "cleared", "") in stage.told())
    assert stage.told().count(("SM1", "opened", "")) == 1


def looked(worker: Worker, stage: Stage) -> bytes:
    """What a worker's engine remembers once its due timers have fired: one that was stopped may not have come to all."""
    assert worker.engine.tick(stage.clock.now()) == []
    return worker.engine.snapshot()


async def test_a_large_snapshot_is_stored_in_pieces(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """NATS refuses large values; old pieces are taken away."""
    monkeypatch.setattr(worker_module, "CHUNK", 100)
    worker = await stage.start()
    await stage.say(said("smoke-1", 1, smoke=True))
    await stage.until(lambda: len(stage.findings()) == 1)
    await worker.save()
    await stage.say(said("smoke-1", 2, smoke=True, battery=50))
    await stage.until(lambda: worker.lanes[URGENT].position == 2)
    await worker.save()
    key = f"rules.{partition_of('h.1')}"
    pieces = await stage.stream.keys(SNAPSHOTS, f"{key}.part.")
    assert len(pieces) > 1
    assert len({p.split(".")[-2] for p in pieces}) == 1
    await stage.kill()
    again = await stage.start()
    assert looked(again, stage) == looked(worker, stage)


def a_street(homes: int = 9) -> Site:
    """Homes of one partition."""
    names = [n for n in (f"s{i}" for i in range(5000)) if partition_of(n) == 7][:homes]
    return Site(
        community=Community(id="c", name="c"),
        homes=[Home(id=n, devices=[Device(id=f"smoke-{n}", kind=Kind.smoke, room="kitchen")]) for n in names],
    )


@pytest.mark.parametrize("damage", ["none", "later"])
async def test_only_homes_that_changed_are_saved_again(damage: str) -> None:
    """A save after one report holds one home; whole and later together are the memory, and without the later the log is."""
    stage = Stage(a_street())
    worker = await stage.start()
    homes = [h.id for h in stage.site.homes]

    async def speaks(home: str, second: float, **values: Value) -> None:
        report = said(f"smoke-{home}", second, **values)
        position = worker.lanes[URGENT].position
        await stage.say(msgspec.structs.replace(report, home=home))
        await stage.until(lambda: worker.lanes[URGENT].position > position)

    for n, home in enumerate(homes):
        await speaks(home, n, smoke=False)
    await worker.save()
    entry = await stage.stream.get(SNAPSHOTS, "rules.7")
    await speaks(homes[0], 20, smoke=True)
    await stage.until(lambda: len(stage.findings()) == 1)
    await worker.save()
    assert await stage.stream.get(SNAPSHOTS, "rules.7") == entry
    later = await worker._load("rules.7.later")
    assert later is not None
    assert list(check(later[1]).snapshot.homes) == [homes[0]]
    if damage == "later":
        await stage.stream.put(SNAPSHOTS, "rules.7.later", b"{")
    before = worker.engine.snapshot(homes)
    await stage.kill()
    again = await stage.start()
    await stage.until(lambda: again.lanes[URGENT].position == len(homes) + 1)
    assert again.engine.snapshot(homes) == before
    worker = again
    for n, home in enumerate(homes[:5]):
        await speaks(home, 30 + n, smoke=False, battery=50)
    await again.save()
    assert await stage.stream.get(SNAPSHOTS, "rules.7") != entry
    await stage.kill()


async def test_nothing_is_saved_before_it_has_been_said(stage: Stage) -> None:
    """Memory that has spoken must have been heard: a crash between would lose the finding."""
    worker = await stage.start()
    publish, stage.stream.publish_batch = stage.stream.publish_batch, away  # type: ignore[method-assign]
    await stage.say(said("smoke-1", 1, smoke=True))
    await stage.until(lambda: bool(worker._outbox))
    await worker.save()
    key = f"rules.{partition_of('h.1')}"
    assert await stage.stream.get(SNAPSHOTS, key) is None
    stage.stream.publish_batch = publish  # type: ignore[method-assign]
    await stage.until(lambda: len(stage.findings()) == 1)
    await worker.save()
    assert await stage.stream.get(SNAPSHOTS, key) is not None


async def away(messages: list[Outgoing]) -> None:
    raise Temporary("the stream is away")


async def test_a_changed_site_counts_at_once_and_nothing_is_forgotten(stage: Stage) -> None:
    """A home is added while smoke is in another."""
    worker = await stage.start()
    await stage.say(said("smoke-1", 1, smoke=True))
    await stage.until(lambda: len(stage.findings()) == 1)
    await stage.stream.put(REGISTRY, "site", encode(a_site(2)))
    await stage.until(lambda: "h.2" in worker.engine.registry.homes)
    await stage.say(said("smoke-1", 2, smoke=False), said("smoke-2", 3, smoke=True))
    await stage.until(lambda: len(stage.findings()) == 2)
    await stage.stream.put(REGISTRY, "site", b"not a site")
    stage.clock.advance(timedelta(minutes=6))
    await stage.until(lambda: ("SM1", "cleared", "") in stage.told())
    assert [f.home for f in stage.findings()] == ["h.1", "h.2", "h.1"]


async def test_a_site_that_changed_while_nobody_ran_is_noticed(stage: Stage) -> None:
    """A device that was taken away meanwhile leaves no alarm that never ends."""
    worker = await stage.start()
    report = said("belt-1", 1, in_bed=True)
    await stage.say(report, said("belt-1", 2, tamper=True))
    await stage.until(lambda: ("TE2", "opened", "") in stage.told())
    await worker.save()
    await stage.kill()
    stage.site = a_site(belt=False)
    await stage.start()
    await stage.until(lambda: ("TE2", "cleared", "removed") in stage.told())


async def test_a_worker_works_its_own_partitions_only(stage: Stage) -> None:
    """Two workers share the homes; each is heard once."""
    stage.site = a_site(12)
    mine = {partition_of(f"h.{i}") for i in range(1, 13, 2)}
    await stage.start(partitions=mine)
    await stage.say(*(said(f"smoke-{i}", i, smoke=True) for i in range(1, 13)))
    expected = {f"h.{i}" for i in range(1, 13) if partition_of(f"h.{i}") in mine}
    await stage.until(lambda: {f.home for f in stage.findings()} == expected)
    await asyncio.sleep(0.05)
    assert {f.home for f in stage.findings()} == expected


async def test_an_unreadable_message_does_not_stop_the_others(stage: Stage) -> None:
    """It stays in the log for a person to look at."""
    await stage.start()
    await stage.stream.publish(f"readings.urgent.{partition_of('h.1')}.h.1", b"{")
    await stage.say(said("smoke-1", 1, smoke=True))
    await stage.until(lambda: stage.told() == [("SM1", "opened", "")])


async def test_it_says_that_it_lives_and_whether_homes_are_protected(stage: Stage) -> None:
    """A beat at least every two seconds; a home's health when it changes."""
    await stage.start()

    async def health() -> HomeHealth | None:
        entry = await stage.stream.get(HEALTH, "home.h.1")
        return decode(entry.data, HomeHealth) if entry is not None and entry.data is not None else None

    async def becomes(check: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(5):
            while not await check():
                await asyncio.sleep(0.01)

    async def protection(word: str) -> bool:
        found = await health()
        return found is not None and found.protection == word

    await becomes(lambda: protection("not"))
    await stage.say(
        said("smoke-1", 1, smoke=False), said("gas-1", 2, gas=False), said("sos-1", 3, battery=90),
        said("belt-1", 4, in_bed=False),
    )  # fmt: skip
    await becomes(lambda: protection("protected"))
    stage.clock.advance(timedelta(minutes=11))
    await becomes(lambda: protection("partly"))
    found = await health()
    assert found is not None
    assert {d.device: d.reason for d in found.devices} == {
        "smoke-1": "",
        "gas-1": "silent",
        "sos-1": "",
        "belt-1": "silent",
    }
    entry = await stage.stream.get(HEALTH, "beat.rules")
    assert entry is not None
    assert entry.data is not None
    beat = decode(entry.data, Beat)
    assert beat.role == "rules"
    assert beat.position == 4
    assert beat.started_at == NOON


async def test_without_a_site_it_waits(stage: Stage) -> None:
    """The service may be started before a site is loaded."""
    task = asyncio.create_task(run(stream=stage.stream, clock=stage.clock))
    try:
        await asyncio.sleep(0.05)
        assert not task.done()
        await stage.stream.put(REGISTRY, "site", encode(stage.site))
        await stage.say(said("smoke-1", 1, smoke=True))
        await stage.until(lambda: stage.told() == [("SM1", "opened", "")])
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_a_clean_stop_saves_what_it_knows(stage: Stage) -> None:
    """So that the next start has nothing to hear again."""
    worker = await stage.start()
    await stage.say(said("smoke-1", 1, smoke=True))
    await stage.until(lambda: len(stage.findings()) == 1)
    assert stage.task is not None
    stage.task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await stage.task
    stage.task = None
    again = await stage.start()
    assert again.lanes[URGENT].position == worker.lanes[URGENT].position
    assert looked(again, stage) == looked(worker, stage)
    assert [f.phase for f in stage.findings()] == [Phase.opened]


async def test_a_mode_set_at_run_time_reaches_the_engine_and_outlives_a_restart(stage: Stage) -> None:
    """Written into the registry bucket it holds at once, and after a kill as well; when it runs out, that is asked."""
    worker = await stage.start()
    mode = HomeMode(
        mode=Mode.away, from_=NOON, until=NOON + timedelta(hours=2), by="s01", reason="女儿接走", set_at=NOON
    )
    await stage.stream.put(REGISTRY, f"{ORDERS}h.1", encode(HomeOrders(home="h.1", modes=[mode])))
    await stage.until(lambda: bool(worker.engine.changed_homes()))
    await worker.save()
    await stage.kill()
    await stage.start()
    stage.clock.set(NOON + timedelta(hours=2, seconds=1))
    await stage.until(lambda: ("MO1", "opened", "") in stage.told())


def guarded(stage: Stage) -> list[tuple[str, str, str]]:
    told = [
        decode(m.data, Guarded)
        for m in stage.stream.messages(PROTECTION)
        if m.subject.startswith("protection.")
    ]
    return [(g.home, g.state, g.cause) for g in told]


def judged(stage: Stage) -> list[Judged]:
    return [
        decode(m.data, Judged) for m in stage.stream.messages(PROTECTION) if m.subject.startswith("judged.")
    ]


async def test_each_change_of_protection_is_told_once_with_its_cause(stage: Stage) -> None:
    """Nothing heard, then a button that speaks, then a home that left; a restart says again how it is."""
    await stage.start()
    await stage.until(lambda: guarded(stage) == [("h.1", "not", "nothing")])
    await stage.say(said("sos-1", 1, battery=90), said("smoke-1", 2, smoke=False))
    await stage.until(lambda: len(guarded(stage)) >= 2 and guarded(stage)[-1][1] == "partly")
    assert guarded(stage)[-1][2].startswith("never_reported:")
    before = len(guarded(stage))
    await asyncio.sleep(0.1)
    assert len(guarded(stage)) == before, "what stays the same is not said again"
    await stage.stream.put(REGISTRY, "site", encode(a_site(homes=0)))
    await stage.until(lambda: guarded(stage)[-1] == ("h.1", "gone", ""))


async def test_a_home_that_left_while_no_worker_was_there_is_told_too(stage: Stage) -> None:
    """Otherwise its last state would go on for ever."""
    await stage.start()
    await stage.until(lambda: len(guarded(stage)) == 1)
    await stage.kill()
    stage.site = a_site(homes=0)
    await stage.start()
    await stage.until(lambda: guarded(stage)[-1] == ("h.1", "gone", ""))


async def test_it_is_sure_only_while_ingest_hears(stage: Stage) -> None:
    """Once a minute: not before ingest has spoken, not while it is silent, and each run by its own name."""
    await stage.start()
    await stage.until(lambda: len(judged(stage)) == 1)
    assert not judged(stage)[0].sure

    async def beats(working: bool) -> None:
        now = stage.clock.now()
        await stage.stream.put(
            HEALTH, "beat.ingest", encode(Beat(role="ingest", at=now, started_at=NOON, working=working))
        )

    for minutes, working, sure in ((1, True, True), (2, False, False), (3, True, True)):
        stage.clock.set(NOON + timedelta(minutes=minutes))
        await beats(working)
        stage.clock.advance(timedelta(seconds=3))
        await stage.until(lambda n=minutes: len(judged(stage)) == n + 1)  # type: ignore[misc]
        assert judged(stage)[-1].sure is sure, minutes
    stage.clock.set(NOON + timedelta(minutes=5))
    await stage.until(lambda: len(judged(stage)) == 5)
    assert not judged(stage)[-1].sure, "ingest has been silent for two minutes"
    first = judged(stage)[0].run
    await stage.kill()
    stage.clock.advance(timedelta(seconds=1))
    await stage.start()
    await stage.until(lambda: len(judged(stage)) == 6)
    assert judged(stage)[-1].run > first
