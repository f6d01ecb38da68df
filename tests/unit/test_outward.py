"""Other systems hear of cases: in order, signed, at least once, and never who it is about."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Sequence

import pytest

from alerts import outward
from alerts.outward import Outward
from care.clock import ManualClock
from care.stream import ALERTS, COUNTERS, MemoryStream
from tests.unit.test_alert_house import CODES, NOON, a_finding, an_order, seconds
from tests.unit.test_alert_worker import a_worker, commands, eventually, say
from tests.unit.test_channels import Provider, provider

__all__ = ["provider"]
SECRET = "sixteen letters and more"


@contextlib.asynccontextmanager
async def telling(stream: MemoryStream, clock: ManualClock, urls: Sequence[str]) -> AsyncIterator[None]:
    task = asyncio.create_task(outward.run(stream=stream, clock=clock, urls=urls, secret=SECRET))
    try:
        await asyncio.sleep(0.05)
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def heard(provider: Provider) -> list[dict[str, object]]:
    return [json.loads(body) for _, body in provider.heard]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outward, "BACK_OFF", (0.01,))


async def test_a_case_is_told_from_its_opening_to_its_outcome(provider: Provider) -> None:
    """Opened, acknowledged, closed with its codes; what the house does inside is nobody's business."""
    stream, clock = MemoryStream(), ManualClock(NOON)
    async with telling(stream, clock, [f"{provider.url}/town"]):
        worker = await a_worker(stream, clock)
        await worker.hear(say(stream, a_finding()))
        clock.advance(seconds(40))
        await worker.look()  # a step of the ladder: not told
        api = await commands(stream)
        alert = worker.desk.open()[0]
        await api.give(alert.id, an_order("acknowledge"), clock.now())
        await api.give(alert.id, an_order("close", **CODES), clock.now())
        await eventually(lambda: len(provider.heard) >= 3)
    told = heard(provider)
    assert [t["type"] for t in told] == ["case.opened", "case.acknowledged", "case.closed"]
    assert [t["case"]["state"] for t in told] == ["new", "acknowledged", "closed"]  # type: ignore[index]
    assert told[2]["outcome"]["cause"] == CODES["cause"]  # type: ignore[index]
    assert len({t["id"] for t in told}) == 3
    everything = json.dumps(told, ensure_ascii=False)
    for secret in ("周阿婆", "陈敏芝", "s01", "0574", "银杏小区", "r0317"):
        assert secret not in everything


async def test_a_receiver_that_was_away_hears_it_all_in_order(provider: Provider) -> None:
    """503 for a while and a restart of ours in between: nothing is passed over, nothing overtakes."""

    def numbers() -> list[int]:
        return [t["case"]["number"] for t in heard(provider)]  # type: ignore[index]

    stream, clock = MemoryStream(), ManualClock(NOON)
    url = f"{provider.url}/town"
    async with telling(stream, clock, [url]):
        pass  # known from here on
    worker = await a_worker(stream, clock)
    await worker.hear(say(stream, a_finding()))
    await worker.hear(say(stream, a_finding("s", code="SOS1", cause="sos")))
    provider.status = 503
    async with telling(stream, clock, [url]):
        await eventually(lambda: len(provider.heard) >= 3)
    provider.heard.clear()
    provider.status = 200
    async with telling(stream, clock, [url]):
        await eventually(lambda: 2 in numbers())
    # What was on its way when ours stopped may still arrive: at least once, never out of order.
    assert numbers() == sorted(numbers())
    assert set(numbers()) == {1, 2}


async def test_a_new_receiver_hears_from_now_on_and_another_is_not_held_up(provider: Provider) -> None:
    """The past is not told, and a dead receiver costs only itself."""
    stream, clock = MemoryStream(), ManualClock(NOON)
    worker = await a_worker(stream, clock)
    await worker.hear(say(stream, a_finding()))
    async with telling(stream, clock, ["http://127.0.0.1:1/gone", f"{provider.url}/town"]):
        await worker.hear(say(stream, a_finding("s", code="SOS1", cause="sos")))
        await eventually(lambda: len(provider.heard) >= 1)
    assert [t["case"]["number"] for t in heard(provider)] == [2]  # type: ignore[index]


async def test_a_refused_body_is_passed_over_and_the_place_is_kept(provider: Provider) -> None:
    """422 is about this one body: it is not sent for ever, and the next one comes after it."""
    stream, clock = MemoryStream(), ManualClock(NOON)
    provider.status = 422
    async with telling(stream, clock, [provider.url]):
        worker = await a_worker(stream, clock)
        await worker.hear(say(stream, a_finding()))
        await eventually(lambda: len(provider.heard) == 1)
        await asyncio.sleep(0.1)
        assert len(provider.heard) == 1
        receiver = Outward(stream, clock, provider.url, SECRET)
        entry = await stream.get(COUNTERS, f"webhook.{receiver.name}")
        assert entry is not None
        assert int(entry.data or b"0") == await stream.head(ALERTS)
