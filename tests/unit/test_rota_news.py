"""Who is told of a change of the rota, how often, and what is known of it afterwards."""

import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from alerts import notify, rota, rotaasks, tried
from alerts.roster import roster_of
from alerts.rotanews import NoteFate, fates, notes_for, notes_of
from alerts.sending import Letter, Permanent, Sent, TemporaryFailure, Verdict
from alerts.telling import address_of
from alerts.upkeep import Reach
from care.clock import ManualClock
from care.errors import Temporary
from care.messages import encode
from care.site import Away, Besides, RotaChange
from care.stream import DELIVERIES, PEOPLE, MemoryStream
from tests.unit.test_alert_house import NOON, SITE, registry, seconds
from tests.unit.test_alert_worker import eventually, running

HOUR = timedelta(hours=1)
TOWN = SITE.replace('notify: ["json://127.0.0.1:1/s08"]', 'phone: "13900000008"').replace(
    'notify: ["json://127.0.0.1:1/s09"]',
    'notify: ["json://127.0.0.1:1/s09"], quiet: {from: "00:00", to: "23:59"}',
)
"""s08 has a telephone and no channel; s09 wants quiet."""


class Phones:
    """A channel that answers as it is told, by the end of the address."""

    def __init__(self) -> None:
        self.answers: dict[str, Verdict] = {}
        self.sent: list[tuple[str, str, str]] = []

    async def send(self, url: str, letter: Letter) -> Verdict:
        name = url.rpartition("/")[2]
        self.sent.append((name, letter.title, letter.body))
        return self.answers.get(name, Sent())


@contextlib.asynccontextmanager
async def telling(stream: MemoryStream, clock: ManualClock, phones: Phones) -> AsyncIterator[None]:
    async with running(
        notify.run(stream=stream, clock=clock, channel=phones, public_url="http://h", registry=registry(TOWN))
    ):
        yield


async def known(stream: MemoryStream) -> dict[tuple[str, str], NoteFate]:
    async for found in fates(stream):
        return {(f.person, f.what): f for f in found.values()}
    raise AssertionError


async def settled(stream: MemoryStream, count: int) -> dict[tuple[str, str], NoteFate]:
    await eventually(
        lambda: len([k for k in stream._buckets["people"] if k.startswith("rotanote.")]) >= count
    )
    return await known(stream)


def away(staff: str, cover: str | None, *, hours: float = 8) -> Away:
    return Away(staff=staff, from_=NOON + HOUR, until=NOON + hours * HOUR, cover=cover)


async def test_who_stands_in_and_who_is_replaced_are_told_once_and_it_is_known() -> None:
    """By their channels, with day and hours and without the reason; a second start tells nobody again."""
    stream, clock, phones = MemoryStream(), ManualClock(NOON), Phones()
    await stream.put("registry", "site", encode(registry(TOWN).site))
    await rota.remember(stream, [away("s07", "s02")], [], reason="心脏不舒服", by="s01", now=NOON)
    async with telling(stream, clock, phones):
        found = await settled(stream, 2)
    assert {k: (f.state, f.channel) for k, f in found.items()} == {
        ("s07", "set"): ("accepted", "json"),
        ("s02", "set"): ("accepted", "json"),
    }
    said = {name: (title, body) for name, title, body in phones.sent}
    assert said["s07"][0] == "#0 安心：排班变动"
    assert "您 5 月 23 日 13:06–20:06 不在岗，已登记，由 方静 顶班。" in said["s07"][1]
    assert "请您 5 月 23 日 13:06–20:06 顶 林国平 的班。" in said["s02"][1]
    assert not any("心脏" in title + body for _, title, body in phones.sent)
    async with telling(stream, clock, phones):
        await eventually(lambda: stream.messages(DELIVERIES, "deliveries.rota.>"))
    assert len(phones.sent) == 2


async def test_a_channel_that_took_such_a_message_was_tried() -> None:
    """「通知未试过」 beside 「已通知」 is no truth; one that refused it is no better than before, and a confirmed one stays so."""
    stream, clock, phones = MemoryStream(), ManualClock(NOON), Phones()
    phones.answers["s07"] = Permanent("http_404")
    here = registry(TOWN)
    confirmed = Reach(channel="json", tried_at=NOON - HOUR, sent=True, verified_at=NOON - HOUR)
    first = here.channels("s02")[0]
    await stream.put(PEOPLE, tried.key_of("s02", address_of(first)), encode(confirmed))
    async with telling(stream, clock, phones):
        await rota.remember(
            stream, [away("s07", "s01"), away("s02", None)], [], reason="x", by="s03", now=NOON
        )
        await settled(stream, 3)

        def kept(person: str) -> bool:
            return any(k.startswith(f"contact.{person}.") for k in stream._buckets["people"])

        await eventually(lambda: kept("s01"))
    (_, _, now), *_ = await tried.reach(stream, here, "s01")
    assert now is not None
    assert (now.sent, now.verified_at) == (True, None)
    assert not kept("s07")
    (_, _, still), *_ = await tried.reach(stream, here, "s02")
    assert still == confirmed


async def test_a_withdrawal_is_told_to_whom_the_change_was_told_and_to_nobody_else() -> None:
    """Withdrawn before anybody heard of it: nobody needs to hear of either."""
    stream, clock, phones = MemoryStream(), ManualClock(NOON), Phones()
    await stream.put("registry", "site", encode(registry(TOWN).site))
    change = await rota.remember(stream, [away("s07", None)], [], reason="x", by="s01", now=NOON)
    async with telling(stream, clock, phones):
        await settled(stream, 1)
        await rota.withdraw(stream, change.id, by="s01", now=clock.now())
        await eventually(lambda: len(phones.sent) == 2)
    assert phones.sent[1][1] == "#0 安心：排班变动已撤销"
    assert "按原来的班次：5 月 23 日 13:06–20:06" in phones.sent[1][2]
    other = await rota.remember(stream, [away("s02", None, hours=3)], [], reason="x", by="s01", now=NOON)
    await rota.withdraw(stream, other.id, by="s01", now=NOON)
    async with telling(stream, clock, phones):
        await eventually(
            lambda: len([k for k in stream._buckets["people"] if k.startswith("rotanote.")]) == 3
        )
    assert len(phones.sent) == 2
    assert (await known(stream))["s02", "withdrawn"].state == "skipped"


@pytest.mark.parametrize(
    ("answer", "state"), [(Permanent("provider_1"), "refused"), (TemporaryFailure("timeout"), "failed")]
)
async def test_what_no_provider_takes_is_seen_and_so_is_who_has_no_channel(
    answer: Verdict, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both need a telephone call; a failure is tried again for a quarter of an hour before it is called one."""
    monkeypatch.setattr("alerts.rotanews.AGAIN_AFTER", timedelta(seconds=0.01))
    stream, clock, phones = MemoryStream(), ManualClock(NOON), Phones()
    phones.answers["s07"] = answer
    await stream.put("registry", "site", encode(registry(TOWN).site))
    await rota.remember(stream, [away("s07", "s08")], [], reason="x", by="s01", now=NOON)
    async with telling(stream, clock, phones):
        if state == "failed":
            await eventually(lambda: len(phones.sent) >= 2)
            clock.advance(timedelta(minutes=16))
        found = await settled(stream, 2)
    assert found["s07", "set"].state == state
    assert found["s08", "set"].state == "no_channel"


async def test_quiet_hours_hold_what_is_far_ahead_and_never_what_begins_soon() -> None:
    """A shift tonight is told now, one of the day after tomorrow when the quiet ends."""
    stream, clock, phones = MemoryStream(), ManualClock(NOON), Phones()
    far = Besides(staff="s09", from_=NOON + 48 * HOUR, until=NOON + 50 * HOUR)
    soon = Besides(staff="s09", from_=NOON + HOUR, until=NOON + 2 * HOUR)
    text = TOWN.replace("shifts:", 'shifts:\n  - {staff: s09, days: [mon], from: "01:00", to: "02:00"}')
    site = registry(text)
    await stream.put("registry", "site", encode(site.site))
    async with running(
        notify.run(stream=stream, clock=clock, channel=phones, public_url="http://h", registry=site)
    ):
        await rota.remember(stream, [], [far], reason="x", by="s01", now=NOON)
        await rota.remember(stream, [], [soon], reason="x", by="s01", now=NOON)
        await eventually(lambda: len(phones.sent) == 1)
        assert "13:06–14:06" in phones.sent[0][2]
        await eventually(lambda: len(stream.messages(DELIVERIES, "deliveries.rota.>")) == 2)
    assert len(phones.sent) == 1


def test_whom_a_change_and_a_request_concern() -> None:
    """Everybody in it once, never who made it; the desk while a request waits, who asked when it is declined."""
    swap = RotaChange(
        id="c", away=(away("s07", "s08"), away("s08", "s07")), reason="x", by="s08", set_at=NOON
    )
    assert [n.person for n in notes_of(swap, NOON)] == ["s07"]
    assert notes_of(swap, NOON + 25 * HOUR) == []
    ask = rotaasks.ask_of(
        "s07", from_=NOON + HOUR, until=NOON + 8 * HOUR, cover="s08", back_from=None, back_until=None,
        reason="x", now=NOON,
    )  # fmt: skip
    roster = roster_of(registry(TOWN))
    assert [(n.person, n.what) for n in notes_for(ask, roster, NOON)] == [("s01", "asked"), ("s03", "asked")]
    assert notes_for(ask, roster, NOON + 9 * HOUR) == []


async def test_a_request_is_one_however_often_it_is_sent_and_is_decided_once() -> None:
    """The first word stands; asked again after it was settled it is a new one."""
    stream = MemoryStream()

    def make(earlier: int) -> rotaasks.RotaAsk:
        return rotaasks.ask_of(
            "s07", from_=NOON, until=NOON + HOUR, cover=None, back_from=None, back_until=None, reason="x",
            now=NOON, earlier=earlier,
        )  # fmt: skip

    first = await rotaasks.remember(stream, make)
    assert (await rotaasks.remember(stream, make)).id == first.id
    done = await rotaasks.settle(stream, first.id, "declined", by="s01", now=NOON + seconds(5), note="缺人")
    late = await rotaasks.settle(stream, first.id, "confirmed", by="s02", now=NOON + seconds(6))
    assert done == late
    assert (await rotaasks.remember(stream, make)).id != first.id
    assert await rotaasks.settle(stream, "nothing", "declined", by="s01", now=NOON) is None


async def test_a_fate_that_could_not_be_kept_is_kept_later_and_nobody_is_told_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The stream is away after sending: the sender remembers."""
    monkeypatch.setattr("alerts.rotanews.AGAIN_AFTER", timedelta(seconds=0.01))
    stream, clock, phones = MemoryStream(), ManualClock(NOON), Phones()
    await stream.put("registry", "site", encode(registry(TOWN).site))
    put, refused = stream.put, []

    async def away_for_a_while(bucket: str, key: str, data: bytes, **more: int | None) -> int:
        if key.startswith("rotanote.") and len(refused) < 3:
            refused.append(key)
            raise Temporary("away")
        return await put(bucket, key, data, **more)

    monkeypatch.setattr(stream, "put", away_for_a_while)
    await rota.remember(stream, [away("s07", None)], [], reason="x", by="s01", now=NOON)
    async with telling(stream, clock, phones):
        found = await settled(stream, 1)
    assert found["s07", "set"].state == "accepted"
    assert (len(phones.sent), len(refused)) == (1, 3)
