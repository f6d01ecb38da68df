"""What is kept of visits, device tests and test messages, in the people bucket: written by the API and the worker.

`visit.RESIDENT` and `tested.DEVICE` hold the last one, `contact.PERSON.ADDRESS` what came of a test message.
`Mirror.run` follows them for whoever decides about upkeep (`alerts.upkeep`).
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from datetime import datetime

import msgspec
import structlog

from alerts.upkeep import Reach, Upkeep, Visit
from care.errors import Conflict
from care.messages import decode, encode
from care.stream import PEOPLE, Stream

log = structlog.get_logger("alerts.kept")


class Tested(msgspec.Struct, frozen=True, kw_only=True):
    """When an alarm device last proved that it rings."""

    device: str
    at: datetime


async def note_visit(stream: Stream, visit: Visit) -> bool:
    """Keep a visit; False when a later one is known."""
    key = f"visit.{visit.resident}"
    while True:
        entry = await stream.get(PEOPLE, key)
        if entry is not None and entry.data is not None and decode(entry.data, Visit).at > visit.at:
            return False
        try:
            await stream.put(PEOPLE, key, encode(visit), expect=entry.revision if entry is not None else 0)
        except Conflict:
            continue
        return True


async def note_tested(stream: Stream, device: str, at: datetime) -> None:
    """An alarm of this device was heard, declared or in earnest: it works."""
    await stream.put(PEOPLE, f"tested.{device}", encode(Tested(device=device, at=at)))


class Mirror:
    """All of it in memory."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._visits: dict[str, Visit] = {}
        self._tested: dict[str, datetime] = {}
        self._reach: dict[tuple[str, str], Reach] = {}
        self.ready = asyncio.Event()
        """Everything there was has been read once; before that nothing may be called missing."""

    @property
    def upkeep(self) -> Upkeep:
        """As it is known now."""
        return Upkeep(visits=self._visits, tested=self._tested, reach=self._reach)

    async def run(self) -> None:
        """Follow until cancelled."""
        async with aclosing(self._stream.watch(PEOPLE)) as entries:  # type: ignore[type-var]
            async for entry in entries:
                if entry is None:
                    self.ready.set()
                    continue
                kind, _, name = entry.key.partition(".")
                try:
                    self._learn(kind, name, entry.data)
                except msgspec.MsgspecError:
                    log.warning("upkeep_unreadable", kind=kind)

    def _learn(self, kind: str, name: str, data: bytes | None) -> None:
        match kind:
            case "visit":
                self._visits.pop(name, None)
                if data is not None:
                    self._visits[name] = decode(data, Visit)
            case "tested":
                self._tested.pop(name, None)
                if data is not None:
                    self._tested[name] = decode(data, Tested).at
            case "contact":
                person, _, address = name.rpartition(".")
                self._reach.pop((person, address), None)
                if data is not None:
                    self._reach[person, address] = decode(data, Reach)
