"""A role that fails ends: the supervisor sees a process only, and starts it again when it is gone."""

import asyncio

import pytest

from anxin import wiring


async def test_a_role_ends_although_one_of_its_tasks_is_deaf(monkeypatch: pytest.MonkeyPatch) -> None:
    """A task that swallows its cancellation is cancelled again, and what made the role fail is what is reported."""
    monkeypatch.setattr(wiring, "FAILING_LOOK", 0.02)

    async def deaf() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.Event().wait()

    async def fails() -> None:
        await asyncio.sleep(0)
        raise LookupError("no number left")

    async def role() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(deaf())
            group.create_task(fails())

    work, ending = asyncio.create_task(role()), asyncio.create_task(asyncio.Event().wait())
    async with asyncio.timeout(20):
        await wiring._until_either(work, ending)
    ending.cancel()
    with pytest.raises(ExceptionGroup) as raised:
        work.result()
    assert [str(e) for e in raised.value.exceptions] == ["no number left"]


async def test_a_role_that_is_to_end_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C ends the waiting; the role itself is ended by who waited."""
    monkeypatch.setattr(wiring, "FAILING_LOOK", 0.02)
    stop = asyncio.Event()
    work, ending = asyncio.create_task(asyncio.Event().wait()), asyncio.create_task(stop.wait())
    asyncio.get_running_loop().call_later(0.1, stop.set)
    async with asyncio.timeout(20):
        await wiring._until_either(work, ending)
    assert not work.done()
    work.cancel()
