"""What is kept beside the cases is changed by compare-and-set: two at once both count, and nothing is written for nothing."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from alerts import kept
from alerts.company import Company, Press
from alerts.rounds import Attempt, Reached
from care.stream import PEOPLE, MemoryStream

NOON = datetime(2026, 5, 23, 4, tzinfo=UTC)


async def test_what_changes_nothing_writes_nothing() -> None:
    """A home without a press leaves no record, and the same attempt told twice is no news."""
    stream = MemoryStream()
    await kept.keep_company(stream, "h1", lambda known: known)
    assert await stream.get(PEOPLE, "company.h1") is None
    attempt = Attempt(at=NOON, by="s01", outcome=next(iter(Reached)), key="a")
    assert (await kept.note_call(stream, "r1", "p1", attempt))[1]
    first = await stream.get(PEOPLE, "call.r1.p1")
    call, news = await kept.note_call(stream, "r1", "p1", attempt)
    assert (call.attempts, news) == ((attempt,), False)
    assert await stream.get(PEOPLE, "call.r1.p1") == first


async def test_whoever_was_slower_changes_what_the_faster_one_left() -> None:
    """Between reading and writing somebody else wrote: the change is made anew on top of theirs."""
    stream = MemoryStream()
    numbers: list[int] = []

    def add(known: Company) -> Company:
        numbers.append(len(known.presses))
        press = Press(number=len(numbers), at=NOON)
        return msgspec.structs.replace(known, presses=(*known.presses, press))

    put = stream.put
    raced = False

    async def late(*given: object, **more: object) -> int:
        nonlocal raced
        if not raced:
            raced = True
            await kept.keep_company(stream, "h1", add)
        return await put(*given, **more)  # type: ignore[arg-type]

    stream.put = late  # type: ignore[method-assign,assignment]
    both = await kept.keep_company(stream, "h1", add)
    assert len(both.presses) == 2
    assert numbers == [0, 0, 1]
