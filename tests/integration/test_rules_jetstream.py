"""The rules role on a real nats-server: from a reading to a finding, and the memory that outlives the worker."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta

from anxin.jetstream import JetStream
from care.clock import SystemClock
from care.ids import content_id, partition_of
from care.messages import Finding, Report, decode, encode
from care.site import Community, Device, Home, Registry, Resident, Site
from care.stream import FINDINGS, HEALTH, REGISTRY, SNAPSHOTS
from care.words import Kind
from rules.catalog import load
from rules.worker import URGENT, Worker
from tests.conftest import NatsForTests

SITE = Site(
    community=Community(id="c", name="c"),
    homes=[
        Home(
            id="h1",
            residents=[Resident(id="r1", name="甲")],
            devices=[Device(id="smoke", kind=Kind.smoke, room="kitchen"), Device(id="sos", kind=Kind.sos)],
        )
    ],
)


@contextlib.asynccontextmanager
async def working(stream: JetStream) -> AsyncIterator[Worker]:
    worker = Worker(stream, SystemClock(), Registry(SITE), load(), save_every=timedelta(milliseconds=200))
    task = asyncio.create_task(worker.run())
    try:
        yield worker
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def findings(stream: JetStream, count: int) -> list[Finding]:
    found: list[Finding] = []
    async with asyncio.timeout(30):
        async for batch in stream.follow(FINDINGS):
            found += [decode(m.data, Finding) for m in batch]
            if len(found) >= count:
                break
    return found


def said(device: str, **values: bool) -> Report:
    now = SystemClock().now()
    return Report(
        report_id=content_id(device, str(now)),
        home="h1",
        device=device,
        kind=device,
        at=now,
        received_at=now,
        device_at=now,
        values=dict(values),
    )


async def test_smoke_becomes_a_finding_and_the_memory_outlives_the_worker(fresh_nats: NatsForTests) -> None:
    """On real parts; after a restart the smoke that is still there is not news, the SOS is."""
    stream = await JetStream.open(fresh_nats.stream_url)
    try:
        await stream.put(REGISTRY, "site", encode(SITE))
        async with working(stream) as worker:
            await asyncio.sleep(0.6)
            report = said("smoke", smoke=True)
            await stream.publish(report.subject, encode(report))
            (first,) = await findings(stream, 1)
            assert first.rule == "SM1"
            assert await stream.get(HEALTH, "beat.rules") is not None
        assert await stream.get(SNAPSHOTS, f"rules.{partition_of('h1')}") is not None
        async with working(stream) as worker:
            again, call = said("smoke", smoke=True), said("sos", sos=True)
            for report in (again, call):
                await stream.publish(report.subject, encode(report))
            found = await findings(stream, 2)
            async with asyncio.timeout(20):
                while worker.lanes[URGENT].position < 3:
                    await asyncio.sleep(0.02)
        assert [f.rule for f in found] == ["SM1", "SOS1"]
        assert await stream.head(FINDINGS) == 2
    finally:
        await stream.close()
