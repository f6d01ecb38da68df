"""Changes of the rota while the service runs: somebody is away, somebody stands in, two swap, somebody comes in besides.

Pure: `refusal` says in one sentence why a change makes no sense, `opened` which holes it would leave that are not there
now. `remember` and `withdraw` keep a change in the people bucket under `rota.ID`; `rotas` follows them, and whoever
decides who is told goes by `Registry.with_rota`. The site file stays as it is: it is the rota, this is what came of it.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import combinations, pairwise

import msgspec
import numpy as np

from alerts.circle import reachable_from, whereabouts
from alerts.commands import kept_under
from alerts.roster import DESK_ROLES, RESPONDER_ROLES, Gap, Roster, roster_of
from alerts.watch import AHEAD
from care.errors import Conflict
from care.ids import content_id
from care.messages import decode, encode
from care.site import Away, Besides, Registry, RotaChange
from care.stream import PEOPLE, Stream
from care.words import Role

ROTA_ROLES = DESK_ROLES | RESPONDER_ROLES | {Role.supervisor, Role.admin}
"""Who is in a rota."""
LONGEST_AWAY = timedelta(days=90)
"""What is meant for longer belongs into the site file, as modes and temporary limits do (ADR 0011)."""
LONGEST_BESIDES = timedelta(hours=24)
"""Nobody is on duty besides their own shifts for longer than a day at a time."""


@dataclass(frozen=True, slots=True)
class Hole:
    """Homes that nobody on duty could be at in time, from when to when, and that somebody could be at now."""

    start: datetime
    end: datetime
    homes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Double:
    """Somebody would work two shifts at once, from when to when."""

    staff: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Opened:
    """What a change would leave empty that is not empty now."""

    gaps: tuple[Gap, ...]
    """Of the rota: nobody at the desk, no supervisor on duty, or nobody of a micro-grid's own."""
    holes: tuple[Hole, ...]
    """Of the circle: nobody near enough."""

    def __bool__(self) -> bool:
        return bool(self.gaps or self.holes)


# -- what makes sense -----------------------------------------------------------------------------------------------


def change_of(
    away: Sequence[Away], besides: Sequence[Besides], *, reason: str, by: str, now: datetime, earlier: int = 0
) -> RotaChange:
    """A change with the id that its content has; `earlier` is how often the same was said and withdrawn."""
    name = content_id("rota", encode([away, besides]).decode(), by, str(earlier))
    return RotaChange(id=name, away=tuple(away), besides=tuple(besides), reason=reason, by=by, set_at=now)


def refusal(registry: Registry, change: RotaChange, now: datetime) -> str:
    """Why this cannot be in one sentence for people (zh); empty when it can."""
    if not change.parts:
        return "没有写明谁、什么时间"
    roster = roster_of(registry)
    for part in change.parts:
        staff = registry.staff.get(part.staff)
        if staff is None or staff.role not in ROTA_ROLES:
            return f"排班表中没有「{part.staff}」"
        if part.until <= part.from_:
            return "结束时间须在开始之后"
        if part.until <= now:
            return "这段时间已经过去"
    for away in change.away:
        said = _refuse_away(registry, roster, change, away)
        if said:
            return said
    for more in change.besides:
        said = _refuse_besides(registry, roster, more)
        if said:
            return said
    return ""


def _refuse_away(registry: Registry, roster: Roster, change: RotaChange, away: Away) -> str:
    name = registry.staff[away.staff].name
    if away.until - away.from_ > LONGEST_AWAY:
        return f"最长 {LONGEST_AWAY.days} 天，更久的请改排班表"
    if not roster.stretches(away.staff, away.from_, away.until):
        return f"{name} 这段时间本来就没有班"
    if away.cover is None:
        return ""
    cover = registry.staff.get(away.cover)
    if cover is None or cover.role not in ROTA_ROLES:
        return f"排班表中没有「{away.cover}」"
    if away.cover == away.staff:
        return "顶班的须是另一个人"
    if roster.is_away(away.cover, away.from_, away.until) or any(
        other.staff == away.cover and other.from_ < away.until and away.from_ < other.until
        for other in change.away
    ):
        return f"{cover.name} 这段时间也不在岗，不能顶班"
    return ""


def _refuse_besides(registry: Registry, roster: Roster, more: Besides) -> str:
    name = registry.staff[more.staff].name
    if more.until - more.from_ > LONGEST_BESIDES:
        return f"临时上岗一次最长 {LONGEST_BESIDES // timedelta(hours=1)} 小时"
    if not roster.has_shifts(more.staff):
        return f"{name} 没有排班，按随时在岗算，不必登记"
    if roster.is_away(more.staff, more.from_, more.until):
        return f"{name} 这段时间请了假，请先撤销"
    if any(s.start <= more.from_ and more.until <= s.end for s in roster.stretches(more.staff, more.from_, more.until)):  # fmt: skip
        return f"{name} 这段时间本来就在岗"
    return ""


# -- what it would leave empty --------------------------------------------------------------------------------------


def opened(before: Registry, after: Registry, start: datetime, end: datetime, now: datetime) -> Opened:
    """The holes of `after` that `before` does not have, between two instants and no farther ahead than 14 days."""
    start, end = max(start, now), min(end, now + AHEAD)
    if start >= end:
        return Opened((), ())
    old, new = roster_of(before), roster_of(after)
    known = old.gaps(start, end, supervisors=True)
    gaps = [
        piece for gap in new.gaps(start, end, supervisors=True) for piece in _without(gap, [g for g in known if g.place == gap.place])
    ]  # fmt: skip
    return Opened(tuple(gaps), tuple(_holes(before, after, start, end)))


def doubled(before: Registry, after: Registry, change: RotaChange, now: datetime) -> list[Double]:
    """Who of a swap would work two shifts at once: the other's, and one they have besides.

    Who stands in without giving a shift away may be on duty anyway; that is said where they are chosen.
    """
    roster = roster_of(after)
    swapped = {(a.staff, a.cover) for a in change.away}
    found: dict[tuple[str, datetime, datetime], None] = {}
    for away in change.away:
        if away.cover is None or (away.cover, away.staff) not in swapped or not roster_of(before).has_shifts(away.cover):  # fmt: skip
            continue
        works = roster.stretches(away.cover, max(away.from_, now), away.until)
        for one, other in combinations(works, 2):
            start, end = max(one.start, other.start), min(one.end, other.end)
            if start < end and away.staff in (one.covers, other.covers):
                found.setdefault((away.cover, start, end))
    return [Double(*one) for one in sorted(found)]


def _without(gap: Gap, known: Iterable[Gap]) -> list[Gap]:
    pieces = [(gap.start, gap.end)]
    for other in known:
        pieces = [
            (a, b)
            for start, end in pieces
            for a, b in ((start, min(end, other.start)), (max(start, other.end), end))
            if a < b
        ]
    return [Gap(gap.place, a, b, gap.people) for a, b in pieces]


def _holes(before: Registry, after: Registry, start: datetime, end: datetime) -> list[Hole]:
    """Between the moments at which anybody comes or goes everything stays as it is: each such piece is looked at once."""
    old, new = roster_of(before), roster_of(after)
    edges = {start, end}
    for roster in (old, new):
        for staff in after.site.staff:
            for s in roster.stretches(staff.id, start, end):
                edges |= {s.start, s.end}
    homes = [h.id for h in after.site.homes if h.location is not None]
    reach = {
        s.id: reachable_from(after, place)
        for s in after.site.staff
        if s.role in ROTA_ROLES and (place := whereabouts(after, s)) is not None
    }
    nobody = np.zeros(len(homes), dtype=bool)

    def covered(roster: Roster, at: datetime) -> np.ndarray:
        found = nobody
        for staff in roster.on_duty(at, RESPONDER_ROLES):
            if staff.id in reach:
                found = found | reach[staff.id]
        return found

    out: list[Hole] = []
    for a, b in pairwise(sorted(edges)):
        lost = covered(old, a) & ~covered(new, a)
        if not lost.any():
            continue
        names = tuple(homes[n] for n in np.flatnonzero(lost))
        if out and out[-1].end == a and out[-1].homes == names:
            out[-1] = Hole(out[-1].start, b, names)
        else:
            out.append(Hole(a, b, names))
    return out


# -- kept -----------------------------------------------------------------------------------------------------------


def _key(name: str) -> str:
    return f"rota.{name}"


async def remember(
    stream: Stream, away: Sequence[Away], besides: Sequence[Besides], *, reason: str, by: str, now: datetime
) -> RotaChange:
    """Keep a change: durable on return. The same said twice is one, unless the first was withdrawn."""
    earlier = 0
    while True:
        change = change_of(away, besides, reason=reason, by=by, now=now, earlier=earlier)
        try:
            await stream.put(PEOPLE, _key(change.id), encode(change), expect=0)
        except Conflict:
            known = await read(stream, change.id)
            if known is not None and known.counts:
                return known
            earlier += 1
            continue
        return change


async def read(stream: Stream, name: str) -> RotaChange | None:
    """A change by its id, withdrawn or not."""
    entry = await stream.get(PEOPLE, _key(name))
    return None if entry is None or entry.data is None else decode(entry.data, RotaChange)


async def withdraw(stream: Stream, name: str, *, by: str, now: datetime) -> RotaChange | None:
    """It counts no more from now on; None when there is none. Withdrawn twice, the first one stays in the record."""
    while True:
        entry = await stream.get(PEOPLE, _key(name))
        if entry is None or entry.data is None:
            return None
        known = decode(entry.data, RotaChange)
        if not known.counts:
            return known
        changed = msgspec.structs.replace(known, withdrawn_by=by, withdrawn_at=now)
        with contextlib.suppress(Conflict):
            await stream.put(PEOPLE, _key(name), encode(changed), expect=entry.revision)
            return changed


def rotas(stream: Stream) -> AsyncIterator[dict[str, RotaChange]]:
    """Every change as it is now and after each one, for ever, by id; the withdrawn among them."""
    return kept_under(stream, "rota.", RotaChange)
