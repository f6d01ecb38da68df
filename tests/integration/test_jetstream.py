"""The stream port keeps its promises on a real nats-server, and memory keeps the same ones."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from nats.aio.msg import Msg

from anxin.embedded import free_port
from anxin.jetstream import Connection, JetStream
from care.errors import Conflict, Misconfigured, Temporary
from care.stream import DELIVERIES, PEOPLE, READINGS, Entry, MemoryStream, Outgoing, Stored, Stream

if TYPE_CHECKING:
    from tests.conftest import NatsForTests


@pytest.fixture(params=["memory", "nats"])
async def stream(request: pytest.FixtureRequest, nats: NatsForTests) -> AsyncIterator[Stream]:
    """Both sides of the port, one after the other."""
    if request.param == "memory":
        yield MemoryStream()
        return
    real = await JetStream.open(nats.stream_url)
    yield real
    await real.close()


def unique(prefix: str) -> str:
    return f"{prefix}{uuid.uuid4().hex[:12]}"


async def until(true: Callable[[], bool], seconds: float = 30.0) -> None:
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.01)


async def test_the_same_id_is_stored_once(stream: Stream) -> None:
    """A repeat under the same id gets the position of the first."""
    home, name = unique("h"), unique("id")
    first = await stream.publish(f"readings.normal.1.{home}", b"one", message_id=name)
    assert await stream.publish(f"readings.normal.1.{home}", b"one", message_id=name) == first
    await stream.publish_batch(
        [Outgoing(f"readings.normal.1.{home}", b"%d" % i, f"{name}{i % 5}") for i in range(10)]
    )
    stored = await collect(stream, READINGS, [f"readings.normal.1.{home}"], 6)
    assert sorted(m.data for m in stored) == [b"0", b"1", b"2", b"3", b"4", b"one"]


async def collect(stream: Stream, name: str, subjects: list[str], count: int, after: int = 0) -> list[Stored]:
    out: list[Stored] = []
    async with asyncio.timeout(30):
        async for batch in stream.follow(name, subjects=subjects, after=after):
            out += batch
            if len(out) >= count:
                break
    return out


async def test_an_append_is_a_compare_and_set(stream: Stream) -> None:
    """Of two who expect the same last message, one wins and the other is told."""
    subject = f"alerts.h1.{unique('a')}"
    first = await stream.publish(subject, b"raised", expect_last=0, message_id=unique("m"))
    with pytest.raises(Conflict):
        await stream.publish(subject, b"raised too", expect_last=0, message_id=unique("m"))
    results = await asyncio.gather(
        *(stream.publish(subject, b"%d" % i, expect_last=first, message_id=unique("m")) for i in range(20)),
        return_exceptions=True,
    )
    assert sum(isinstance(r, int) for r in results) == 1
    assert all(isinstance(r, int | Conflict) for r in results)
    last = await stream.last(subject)
    assert last is not None
    assert last.seq in results


async def test_follow_gives_every_position_once_and_in_order(stream: Stream) -> None:
    """What was there before and what comes after, nothing twice."""
    home = unique("h")
    subject = f"readings.normal.2.{home}"
    await stream.publish_batch([Outgoing(subject, b"%d" % i) for i in range(700)])
    reader = asyncio.create_task(collect(stream, READINGS, [subject], 720))
    for i in range(700, 720):
        await stream.publish(subject, b"%d" % i)
    got = await reader
    assert [int(m.data) for m in got] == list(range(720))
    again = await collect(stream, READINGS, [subject], 20, after=got[699].seq)
    assert [int(m.data) for m in again] == list(range(700, 720))


async def test_work_comes_back_until_it_is_done(stream: Stream) -> None:
    """A task that was put back comes again; one that was acknowledged does not."""
    home = unique("h")
    subject = f"deliveries.page.{home}"
    await stream.publish(subject, b"ring", message_id=unique("d"))
    seen: list[int] = []

    async def worker() -> None:
        async for tasks in stream.work(DELIVERIES, worker=unique("w"), subjects=[subject]):
            for task in tasks:
                seen.append(task.attempt)
                if task.attempt < 3:
                    await task.retry(timedelta(milliseconds=50))
                else:
                    await task.ack()

    running = asyncio.create_task(worker())
    await until(lambda: len(seen) >= 3)
    await asyncio.sleep(0.3)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    assert seen == [1, 2, 3]


async def test_a_bucket_is_fenced_and_watched(stream: Stream) -> None:
    """Create once, change only what you have seen, delete, and hear of all of it."""
    key = unique("user.")
    heard: list[Entry | None] = []

    async def listen() -> None:
        async for entry in stream.watch(PEOPLE, key):
            heard.append(entry)

    running = asyncio.create_task(listen())
    await until(lambda: heard == [None])
    revision = await stream.put(PEOPLE, key, b"1", expect=0)
    with pytest.raises(Conflict):
        await stream.put(PEOPLE, key, b"2", expect=0)
    await stream.put(PEOPLE, key, b"2", expect=revision)
    with pytest.raises(Conflict):
        await stream.put(PEOPLE, key, b"3", expect=revision)
    assert key in await stream.keys(PEOPLE, "user.")
    await stream.delete(PEOPLE, key)
    assert await stream.get(PEOPLE, key) is None
    assert key not in await stream.keys(PEOPLE, "user.")
    await stream.put(PEOPLE, key, b"4", expect=0)
    await until(lambda: heard[-1] is not None and heard[-1].data == b"4")
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    # Values in between may be left out (a bucket keeps the last one), but none comes twice or out of order.
    revisions = [e.revision for e in heard if e is not None]
    assert heard[0] is None
    assert revisions == sorted(set(revisions))


async def test_readers_live_through_a_killed_server(fresh_nats: NatsForTests) -> None:
    """kill -9 of the server: readers go on by themselves, nothing acknowledged is missing or doubled."""
    stream = await JetStream.open(fresh_nats.stream_url)
    subject = "readings.normal.3.h1"
    got: list[Stored] = []
    acked: list[bytes] = []

    async def read() -> None:
        async for batch in stream.follow(READINGS):
            got.extend(batch)

    async def write() -> None:
        for i in range(400):
            data = b"%d" % i
            while True:
                try:
                    await stream.publish(subject, data, message_id=f"m{i}")
                    break
                except Temporary:
                    continue
            acked.append(data)

    reader, writer = asyncio.create_task(read()), asyncio.create_task(write())
    for count in (100, 250):
        await until(lambda count=count: len(acked) > count)
        await asyncio.to_thread(fresh_nats.kill)
        await asyncio.to_thread(fresh_nats.start)
    await writer
    await until(lambda: len(got) >= 400)
    reader.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await reader
    await stream.close()
    assert [m.data for m in got] == acked
    assert [m.seq for m in got] == list(range(1, 401))


async def say_nothing(_: Msg) -> None:
    """Somebody who hears a question."""


async def test_a_cancellation_that_meets_an_answer_is_heeded(nats: NatsForTests) -> None:
    """A role that fails cancels its tasks once: one that goes on would keep the process alive with nothing done in it."""
    connection = Connection()
    await connection.connect(nats.stream_url)
    try:
        await connection.subscribe("silent", cb=say_nothing)
        task = asyncio.create_task(connection.request("silent", b"", timeout=20))
        await until(lambda: bool(connection._resp_map))
        (answer,) = connection._resp_map.values()
        answer.set_result(Msg(connection, "there", "", b"yes"))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    finally:
        await connection.close()


@contextlib.contextmanager
def a_small_server(folder: Path, room: str, port: int) -> Iterator[str]:
    """A nats-server of its own that may promise so much."""
    config = folder / "nats.conf"
    config.write_text(
        f'listen: "127.0.0.1:{port}"\njetstream {{ store_dir: "{folder}/js", max_file_store: {room} }}\n'
    )
    binary = Path(sys.executable).with_name("nats-server")
    with (folder / "log").open("ab") as log, subprocess.Popen([binary, "-c", config], stderr=log) as process:
        try:
            yield f"nats://127.0.0.1:{port}"
        finally:
            process.kill()


async def test_a_server_with_no_room_to_promise_lets_us_in_again(tmp_path: Path) -> None:
    """It started on a nearly full disk: the streams that are there are used; new ones are refused in one sentence."""
    port = free_port()
    with a_small_server(tmp_path, "1GB", port) as url:
        first = await JetStream.open(url, wait=20)
        await first.publish("readings.normal.1.h1", b"one", message_id="one")
        await first.close()
    with a_small_server(tmp_path, "100MB", port) as url:
        again = await JetStream.open(url, wait=20)
        await again.publish("readings.normal.1.h1", b"two", message_id="two")
        assert [m.data for m in await collect(again, READINGS, ["readings.normal.1.h1"], 2)] == [
            b"one",
            b"two",
        ]
        await again.close()
    shutil.rmtree(tmp_path / "js")
    with (
        a_small_server(tmp_path, "100MB", port) as url,
        pytest.raises(Misconfigured, match="has no room for"),
    ):
        await JetStream.open(url, wait=20)


async def test_our_own_server_promises_more_than_any_disk_has(nats: NatsForTests) -> None:
    """Its default, three quarters of what is free at its start, would keep us out of a nearly full disk."""
    config = json.loads((nats.part.folder / "nats.conf").read_text("utf-8"))
    assert config["jetstream"]["max_file_store"] >= 1 << 50
