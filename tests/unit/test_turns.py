"""Who is served first when more wait than there is room for."""

import asyncio

from alerts.channels import AppriseChannels
from alerts.sending import Letter
from alerts.turns import Turns
from care.words import Level


async def served(turns: Turns, ranks: list[int]) -> list[int]:
    """The order in which waiters of these ranks got the one place."""
    order: list[int] = []

    async def one(n: int, rank: int) -> None:
        await turns.take(rank)
        order.append(n)
        await asyncio.sleep(0)
        turns.give()

    await turns.take(0)
    waiting = [asyncio.create_task(one(n, rank)) for n, rank in enumerate(ranks)]
    await asyncio.sleep(0)
    turns.give()
    async with asyncio.timeout(5):
        await asyncio.gather(*waiting)
    return order


async def test_the_lowest_rank_first_and_then_who_waited_longest() -> None:
    """First pages before further ones, red before the rest; nobody of a rank overtakes another."""
    assert await served(Turns(1), [1, 2, 0, 1, 0, 2]) == [2, 4, 0, 3, 1, 5]


async def test_who_gives_up_takes_no_place_along() -> None:
    """Cancelled while waiting, or in the very moment of its turn: the next one is served, and no place is lost."""
    turns = Turns(1)
    await turns.take(0)
    gone, late, next_ = (asyncio.create_task(turns.take(0)) for _ in range(3))
    await asyncio.sleep(0)
    gone.cancel()
    turns.give()
    late.cancel()  # it has its turn and does not know yet
    async with asyncio.timeout(5):
        await asyncio.gather(gone, late, return_exceptions=True)
        await next_
    turns.give()
    async with asyncio.timeout(5):
        await turns.take(2)


def test_the_first_page_of_each_red_case_goes_before_the_second_of_any() -> None:
    """By the case; what is not red waits for all of them."""
    channels = AppriseChannels()
    letters = [
        Letter("", "", level=level, case=case)
        for level, case in (
            (Level.red, "a"),
            (Level.red, "a"),
            (Level.red, "b"),
            (Level.yellow, "c"),
            (None, ""),
        )
    ]
    assert [channels._rank(letter) for letter in letters] == [0, 1, 0, 2, 2]
    channels.close()
