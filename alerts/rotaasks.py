"""What a responder asks of the rota from the phone: to be away, with or without somebody who stands in, or to swap.

Pure but for keeping it under `rotaask.ID` in the people bucket. A request changes nothing: the desk confirms it, which makes
the change of the rota (`alerts.rota`), or declines it; who made it may take it back until then.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import datetime

import msgspec

from alerts.commands import kept_under
from care.errors import Conflict
from care.ids import content_id
from care.messages import decode, encode
from care.site import Away
from care.stream import PEOPLE, Stream

OPEN_AT_MOST = 10
"""Requests of one person that wait at a time."""


class RotaAsk(msgspec.Struct, frozen=True, kw_only=True):
    """One request, and what was decided."""

    id: str
    staff: str
    from_: datetime
    until: datetime
    cover: str | None = None
    """Whom the asker named to stand in; the desk may name somebody else."""
    back_from: datetime | None = None
    back_until: datetime | None = None
    """Of a swap: the shift of the other that the asker takes."""
    reason: str
    at: datetime
    state: str = "open"
    """open, confirmed, declined, withdrawn."""
    decided_by: str = ""
    decided_at: datetime | None = None
    note: str = ""
    change: str = ""
    """The change it became."""

    @property
    def away(self) -> list[Away]:
        """What the change would say; of a swap both are away and stand in for each other."""
        out = [Away(staff=self.staff, from_=self.from_, until=self.until, cover=self.cover)]
        if self.cover is not None and self.back_from is not None and self.back_until is not None:
            out.append(Away(staff=self.cover, from_=self.back_from, until=self.back_until, cover=self.staff))
        return out


def ask_of(
    staff: str,
    *,
    from_: datetime,
    until: datetime,
    cover: str | None,
    back_from: datetime | None,
    back_until: datetime | None,
    reason: str,
    now: datetime,
    earlier: int = 0,
) -> RotaAsk:
    """A request with the id of its content: asked twice it is one, unless the first was settled."""
    name = content_id(
        "rotaask", staff, str(from_), str(until), cover or "", str(back_from), str(back_until), earlier
    )
    return RotaAsk(
        id=name, staff=staff, from_=from_, until=until, cover=cover, back_from=back_from, back_until=back_until,
        reason=reason, at=now,
    )  # fmt: skip


async def read(stream: Stream, name: str) -> RotaAsk | None:
    """A request by its id."""
    entry = await stream.get(PEOPLE, f"rotaask.{name}")
    return None if entry is None or entry.data is None else decode(entry.data, RotaAsk)


async def remember(stream: Stream, make: Callable[[int], RotaAsk]) -> RotaAsk:
    """Keep a request: durable on return. `make` names it by how often the same was asked and settled before."""
    earlier = 0
    while True:
        ask = make(earlier)
        try:
            await stream.put(PEOPLE, f"rotaask.{ask.id}", encode(ask), expect=0)
        except Conflict:
            known = await read(stream, ask.id)
            if known is not None and known.state == "open":
                return known
            earlier += 1
            continue
        return ask


async def settle(
    stream: Stream, name: str, state: str, *, by: str, now: datetime, note: str = "", change: str = ""
) -> RotaAsk | None:
    """Confirmed, declined or withdrawn, once: the first word stands. None when there is none."""
    while True:
        entry = await stream.get(PEOPLE, f"rotaask.{name}")
        if entry is None or entry.data is None:
            return None
        known = decode(entry.data, RotaAsk)
        if known.state != "open":
            return known
        changed = msgspec.structs.replace(
            known, state=state, decided_by=by, decided_at=now, note=note, change=change
        )
        try:
            await stream.put(PEOPLE, f"rotaask.{name}", encode(changed), expect=entry.revision)
        except Conflict:
            continue
        return changed


def asks(stream: Stream) -> AsyncIterator[dict[str, RotaAsk]]:
    """Every request as it is now and after each change, for ever, by id."""
    return kept_under(stream, "rotaask.", RotaAsk)
