"""Who is served first when more wait than there is room for. Start at `Turns`."""

from __future__ import annotations

import asyncio
from heapq import heappop, heappush


class Turns:
    """A semaphore whose free places go to the lowest rank, and within a rank to whoever waited longest."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._count = 0

    async def take(self, rank: int) -> None:
        """Wait for a place."""
        if self._free:
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._count += 1
        heappush(self._waiting, (rank, self._count, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give()  # it was our turn, and we are gone
            raise

    def give(self) -> None:
        """A place is free again."""
        while self._waiting:
            _, _, turn = heappop(self._waiting)
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
