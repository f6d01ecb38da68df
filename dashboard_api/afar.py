"""Asks a running simulator over its control socket: `Simulator(path).ask("start", scenario="sos")`.

The other side is `simulators.control`, of which nothing is imported: what is agreed is one JSON object a line each way. A
simulator that is away, slow or talks nonsense is `Away`; one that declines says why (`Declined`).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Any

from structlog import get_logger

log = get_logger("api")

SECONDS = 4.0
"""A question and its answer; a simulator that is behind answers between two of its steps."""
ANSWER_BYTES = 2 * 1024 * 1024


class Away(Exception):
    """Nobody answers at the socket."""


class Declined(Exception):
    """The simulator understood, and does not do it."""

    def __init__(self, reason: str, sentence: str, zh: str | None = None) -> None:
        self.reason = reason
        self.sentence = sentence
        self.zh = zh or sentence
        super().__init__(sentence)


class Simulator:
    """See the module's docstring. Each question has a connection of its own: a restarted simulator is found at once."""

    def __init__(self, path: Path, *, seconds: float = SECONDS) -> None:
        self.path = path
        self._seconds = seconds

    async def ask(self, do: str, **words: Any) -> dict[str, Any]:
        """One question. Words that are None are left out. Raises Away, Declined."""
        question = {"do": do, **{k: v for k, v in words.items() if v is not None}}
        try:
            async with asyncio.timeout(self._seconds):
                said = json.loads(await self._said(json.dumps(question).encode() + b"\n"))
        except (OSError, TimeoutError, ValueError, EOFError) as error:
            log.info("simulator_away", error=type(error).__name__)
            raise Away from None
        if not isinstance(said, dict) or not isinstance(said.get("ok"), bool):
            raise Away
        if not said["ok"]:
            zh = said.get("error_zh")
            raise Declined(
                str(said.get("reason", ""))[:64],
                str(said.get("error", ""))[:1000],
                zh[:1000] if isinstance(zh, str) else None,
            )
        answer = said.get("answer")
        if not isinstance(answer, dict):
            raise Away
        return answer

    async def _said(self, line: bytes) -> bytes:
        reader, writer = await asyncio.open_unix_connection(str(self.path), limit=ANSWER_BYTES)
        try:
            writer.write(line)
            await writer.drain()
            return await reader.readuntil()
        except asyncio.LimitOverrunError as error:
            raise ValueError("the answer is too long") from error
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
