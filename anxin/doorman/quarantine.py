"""Messages that can never be accepted: in quarantine first, acknowledged after that."""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from care.errors import Reason, Temporary
from care.ids import content_id
from care.messages import Refusal, encode
from care.stream import Outgoing, Stream

RETRY_SECONDS = (0.05, 1.0)


@dataclass(slots=True)
class Waiting:
    refusal: Refusal | None
    """None: over its sender's budget, only counted."""
    sender: str
    reason: Reason
    at: datetime
    done: Callable[[], None] | None
    times: int = 1


class Quarantine:
    """Makes refusals durable, then says so. While the stream is away it keeps trying, and nothing is acknowledged."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._waiting: deque[Waiting] = deque()
        self._some = asyncio.Event()

    def put(self, waiting: Waiting) -> None:
        self._waiting.append(waiting)
        self._some.set()

    async def run(self) -> None:
        while True:
            await self._some.wait()
            if not any(w.refusal for w in self._waiting):
                await asyncio.sleep(0.25)  # a flood: one record for a quarter of a second of it
            taken = list(self._waiting)
            self._waiting.clear()
            self._some.clear()
            await self._store(taken)
            for waiting in taken:
                if waiting.done is not None:
                    waiting.done()

    async def _store(self, taken: Sequence[Waiting]) -> None:
        refusals = {w.refusal.refusal_id: w.refusal for w in taken if w.refusal is not None}
        counted: dict[tuple[str, Reason], int] = {}
        last: dict[tuple[str, Reason], datetime] = {}
        for w in taken:
            if w.refusal is None:
                key = (w.sender, w.reason)
                counted[key] = counted.get(key, 0) + w.times
                last[key] = w.at
        for (sender, reason), count in counted.items():
            name = content_id("doorman", sender, reason.value, secrets.token_hex(8))
            refusals[name] = Refusal(
                refusal_id=name,
                topic="",
                reason=reason.value,
                received_at=last[sender, reason],
                detail=f"{count} more of {sender}, not recorded one by one",
                times=count,
            )
        messages = [Outgoing(r.subject, encode(r), r.refusal_id) for r in refusals.values()]
        pause = RETRY_SECONDS[0]
        while True:
            try:
                await self._stream.publish_batch(messages)
                return
            except Temporary:
                await asyncio.sleep(pause)
                pause = min(RETRY_SECONDS[1], pause * 2)
