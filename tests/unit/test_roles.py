"""A role that fails ends: the supervisor sees a process only, and starts it again when it is gone."""

import asyncio
import gc

import pytest

from anxin import wiring
from tests.unit.test_engine import an_engine, feed, said


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


async def test_what_stays_is_spared_and_freed_all_the_same_when_it_goes() -> None:
    """Once for the roles that only read at the start; what is spared leaves memory when nobody holds it any more."""
    gc.unfreeze()
    gc.collect()
    here: set[int] = set()

    class Kept:
        def __init__(self) -> None:
            here.add(id(self))
            self.of = [self.__class__]

        def __del__(self) -> None:
            here.discard(id(self))

    kept = [Kept() for _ in range(100)]
    try:
        await wiring.spare_what_stays(again=False, every=0.0)
        assert gc.get_freeze_count() > 100
        assert not any(o is kept[0] for o in gc.get_objects())
        kept.clear()
        assert not here
    finally:
        gc.unfreeze()


def test_the_engine_makes_no_rings() -> None:
    """Else what the rules let go of while it is spared would stay for ever: nothing of theirs waits for the collector."""
    engine = an_engine()
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        found = []
        for n in range(300):
            found += feed(
                engine,
                said("smoke", 20 * n, smoke=n % 7 == 0),
                said("belt", 20 * n + 1, heart_rate=64, respiration_rate=15, in_bed=n % 50 < 40),
                said("pir", 20 * n + 2, motion=n % 2 == 0),
            )
        assert found
        gc.collect()
        rings = [o for o in gc.garbage if type(o).__module__.partition(".")[0] in ("rules", "care")]
        assert rings == []
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
