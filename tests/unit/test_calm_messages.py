"""Yellow and blue keep to quiet hours and go together; red does neither. Channels are tried before they are needed."""

import asyncio
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest

from alerts import tried
from alerts.commands import Follower, link_secret
from alerts.events import Purpose
from alerts.links import read
from alerts.notify import QUIET_LOOK, Notifier
from alerts.sending import Letter, Permanent, Sent, TemporaryFailure, Verdict
from alerts.telling import address_of, first_urls
from care.clock import ManualClock
from care.site import Quiet, Registry
from care.stream import DELIVERIES, MemoryStream, Task
from care.words import Level
from tests.unit.test_alert_house import NOON, SITE, Story, a_finding, registry
from tests.unit.test_alert_worker import Phones, a_worker, pages, say

CN = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = Quiet(from_="22:00", to="07:00")


@pytest.mark.parametrize(
    ("quiet", "zone", "now", "ends"),
    [
        (NIGHT, CN, "2026-05-23T21:59:59+08:00", None),
        (NIGHT, CN, "2026-05-23T22:00:00+08:00", "2026-05-24T07:00:00+08:00"),
        (NIGHT, CN, "2026-05-24T06:59:59+08:00", "2026-05-24T07:00:00+08:00"),
        (NIGHT, CN, "2026-05-24T07:00:00+08:00", None),
        (Quiet(from_="13:00", to="14:30"), CN, "2026-05-24T14:00:00+08:00", "2026-05-24T14:30:00+08:00"),
        (Quiet(from_="00:00", to="24:00"), CN, "2026-05-24T14:00:00+08:00", "2026-05-25T00:00:00+08:00"),
        # the night in which the clock jumps from 2 to 3, and the one that has 2 o'clock twice
        (NIGHT, BERLIN, "2026-03-29T01:30:00+01:00", "2026-03-29T07:00:00+02:00"),
        (NIGHT, BERLIN, "2026-10-25T02:30:00+01:00", "2026-10-25T07:00:00+01:00"),
    ],
)
def test_quiet_hours_are_wall_clock(quiet: Quiet, zone: ZoneInfo, now: str, ends: str | None) -> None:
    """They begin and end by the clock on the wall, across midnight and a change of the clock."""
    found = quiet.ends(datetime.fromisoformat(now).astimezone(UTC), zone)
    assert found == (datetime.fromisoformat(ends) if ends is not None else None)


def sleepy() -> Registry:
    """Everybody wants quiet from seven to ten in the evening, when 方静's night shift begins."""
    return registry(SITE.replace(', notify: ["json', ', quiet: {from: "19:00", to: "22:00"}, notify: ["json'))


async def a_notifier(stream: MemoryStream, clock: ManualClock, phones: Phones, site: Registry) -> Notifier:
    notifier = Notifier(stream, clock, phones, site, public_url="http://h", secret=b"s")
    await notifier._start()
    return notifier


async def test_quiet_hours_hold_back_yellow_never_red_and_nobody_on_duty() -> None:
    """The yellow message to somebody at home waits, visibly; red and whoever is at work are told at once."""
    stream, clock, phones = MemoryStream(), ManualClock(NOON), Phones()
    worker = await a_worker(stream, clock)
    await worker.hear(say(stream, a_finding()))
    await worker.hear(say(stream, a_finding("y", level=Level.yellow, code="BD1", cause="bed", life=False)))
    notifier = await a_notifier(stream, clock, phones, sleepy())
    yellow = next(p for p in pages(stream) if p.level is Level.yellow)
    assert yellow.person == "s01"
    clock.advance(timedelta(hours=7))  # a little past seven: her shift is over
    assert await notifier._work(yellow, 1) == QUIET_LOOK
    assert ("queued", "quiet_hours") in await all_fates(stream)
    assert phones.names == []
    for red in (p for p in pages(stream) if p.level is Level.red and p.person == "s07"):
        await notifier._send(worker.desk.alerts[red.alert], red)
    assert phones.names == ["s07"]
    on_duty = msgspec.structs.replace(yellow, person="s02")
    assert notifier._quiet_for(on_duty, clock.now()) is None
    clock.advance(timedelta(hours=3))
    assert await notifier._work(yellow, 1) is None
    assert phones.names == ["s07", "s01"]


async def test_what_gathers_for_one_address_goes_as_one_message_worst_first() -> None:
    """While the first is being sent four more wait: they come as one, every one of them with its fate."""
    stream, clock = MemoryStream(), ManualClock(NOON)
    worker = await a_worker(stream, clock)
    for n in range(5):
        await worker.hear(
            say(stream, a_finding(f"y{n}", level=Level.yellow, code=f"BD{n}", cause=f"c{n}", life=False))
        )
    slow = Slow()
    notifier = await a_notifier(stream, clock, slow, registry())
    yellow = [p for p in pages(stream) if p.person == "s01"]
    assert len(yellow) == 5
    working = [asyncio.create_task(notifier._work(p, 1)) for p in yellow]
    while not slow.sent:
        await asyncio.sleep(0)
    await asyncio.sleep(0.05)
    slow.go.set()
    assert await asyncio.gather(*working) == [None] * 5
    assert [title.split("：")[0] for _, title, _ in slow.sent] == ["#1 健康提醒", "#2 等 4 条提醒"]
    *lines, link = slow.sent[1][2].splitlines()
    assert [line.split(" ")[0] for line in lines] == ["#2", "#3", "#4", "#5"]
    assert link.startswith("#2 点此接警：http"), "whoever has only this message can answer the worst of it"
    assert "/go/" in link
    assert sorted(await all_fates(stream)) == [("accepted", "")] + [("accepted", "together_4")] * 4


async def all_fates(stream: MemoryStream) -> list[tuple[str, str]]:
    follower = Follower.looking(stream, registry())
    await follower.start()
    return [(d.state.value, d.detail) for a in follower.desk.alerts.values() for d in a.deliveries]


class Slow(Phones):
    """The first message takes until somebody says go."""

    def __init__(self) -> None:
        super().__init__()
        self.go = asyncio.Event()

    async def send(self, url: str, letter: Letter) -> Verdict:
        verdict = await super().send(url, letter)
        await self.go.wait()
        return verdict


async def test_a_refusal_of_what_went_together_goes_on_for_each() -> None:
    """The provider says no to the joint message: each of them is refused by name and goes its own next way."""
    stream, clock = MemoryStream(), ManualClock(NOON)
    worker = await a_worker(stream, clock)
    for n in range(4):
        await worker.hear(
            say(stream, a_finding(f"y{n}", level=Level.yellow, code=f"BD{n}", cause=f"c{n}", life=False))
        )
    slow = Slow()
    slow.answers["s01"] = [Sent(), Permanent("provider_1")]
    notifier = await a_notifier(stream, clock, slow, registry())
    working = [asyncio.create_task(notifier._work(p, 1)) for p in pages(stream)]
    while not slow.sent:
        await asyncio.sleep(0)
    await asyncio.sleep(0.05)
    slow.go.set()
    await asyncio.gather(*working)
    assert sorted(await all_fates(stream)) == [("accepted", "")] + [("refused", "provider_1")] * 3


def test_a_red_page_rings_in_browsers_beside_the_first_channel() -> None:
    """Red does not wait for one push service to fail; yellow takes the first channel only."""
    red, yellow = Story(), Story()
    red.finding()
    yellow.finding("y", level=Level.yellow, code="BD1", cause="bed", life=False)
    people = registry().with_pushes({"s02": ("webpush://b1", "webpush://b2")})
    assert first_urls(red.alert, people, "s02") == ["json://127.0.0.1:1/s02", "webpush://b1", "webpush://b2"]
    assert first_urls(yellow.alert, people, "s02") == ["json://127.0.0.1:1/s02"]
    assert first_urls(red.alert, people.with_pushes({"s02": ()}), "s02") == ["json://127.0.0.1:1/s02"]


async def test_a_test_message_says_that_nothing_happened_and_can_be_confirmed() -> None:
    """Each channel gets it; the provider's answer is kept; following its link makes the channel verified."""
    stream, clock, phones, people = MemoryStream(), ManualClock(NOON), Phones(), registry()
    phones.answers["s02b"] = [Permanent("http_404")]
    secret = await link_secret(stream)
    tests = tried.Tests(stream, clock, phones, public_url="http://h", secret=secret)
    await tried.ask(stream, "s02", by="s01", now=clock.now())
    task = await a_task(stream)
    await tests.handle(task, people)
    assert phones.names == ["s02", "s02b"]
    _, title, body = phones.sent[0]
    assert title.startswith("#0 ")
    assert "没有发生任何事情" in body
    first, second = [state for _, _, state in await tried.reach(stream, people, "s02")]
    assert first is not None
    assert second is not None
    assert (first.sent, first.verified_at, second.sent, second.detail) == (True, None, False, "http_404")
    claim = read(body.rpartition("/go/")[2], secret, clock.now())
    assert (claim.purpose, claim.person) == (Purpose.confirm, "s02")
    assert await tried.confirm(stream, claim.person, claim.delivery, clock.now())
    (_, _, confirmed), _ = await tried.reach(stream, people, "s02")
    assert confirmed is not None
    assert confirmed.verified_at == NOON
    assert not await tried.confirm(stream, "s02", address_of("json://nobody"), clock.now())


async def test_a_test_of_one_channel_goes_by_no_other() -> None:
    """Somebody tries the browser in front of them: nobody's other phone rings."""
    stream, clock, phones, people = MemoryStream(), ManualClock(NOON), Phones(), registry()
    tests = tried.Tests(stream, clock, phones, public_url="http://h", secret=await link_secret(stream))
    second = address_of(people.channels("s02")[1])
    await tried.ask(stream, "s02", by="s02", now=clock.now(), only=second)
    await tests.handle(await a_task(stream), people)
    assert phones.names == ["s02b"]


async def a_task(stream: MemoryStream) -> Task:
    async for tasks in stream.work(DELIVERIES, worker="t", subjects=[tried.TESTS]):
        if tasks:
            return tasks[0]
    raise AssertionError("nothing was asked")


async def test_a_provider_that_is_away_is_tried_again_and_then_believed() -> None:
    """Twice later, then the failure stands; what had its answer is not sent again."""
    stream, clock, phones = MemoryStream(), ManualClock(NOON), Phones()
    phones.answers["s02b"] = [TemporaryFailure("timeout")]
    tests = tried.Tests(stream, clock, phones, public_url="http://h", secret=b"s")
    await tried.ask(stream, "s02", by="s01", now=clock.now())
    task = await a_task(stream)
    for attempt in (1, 2, 3):
        task.attempt = attempt
        await tests.handle(task, registry())
    assert phones.names == ["s02", "s02b", "s02b", "s02b"]
    _, (_, _, second) = await tried.reach(stream, registry(), "s02")
    assert second is not None
    assert (second.sent, second.detail) == (False, "timeout")
