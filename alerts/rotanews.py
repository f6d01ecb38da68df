"""Telling people of changes of the rota: whoever stands in, whoever is replaced, whoever is to decide about a request.

`notes_of` and `notes_for` say whom a change or a request concerns; `Notes.keep_up` queues what was not told yet, under an id
computed from what it says, and `Notes.handle` sends it by the person's channels, one after the other, and keeps its fate
under `rotanote.ID`. No reason is told: why somebody is away may be their health, and a phone lies about.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import msgspec
import structlog

from alerts import tried
from alerts.commands import kept_under
from alerts.roster import DESK_ROLES, Roster, roster_of
from alerts.rotaasks import RotaAsk
from alerts.sending import Channel, Letter, Permanent, Sent, TemporaryFailure, Verdict
from alerts.telling import address_of, channel_of
from alerts.texts import rota_message
from care.clock import Clock
from care.errors import Temporary
from care.ids import content_id
from care.messages import decode, encode
from care.site import Registry, RotaChange
from care.stream import PEOPLE, Outgoing, Stream, Task
from care.words import Level, Role

log = structlog.get_logger("alerts.rotanews")

ROTA = "deliveries.rota.>"
TOLD_WITHIN = timedelta(hours=24)
"""What was changed longer ago is no news any more."""
SOON = timedelta(hours=12)
"""What begins so soon is told in quiet hours too."""
AGAIN_AFTER = timedelta(seconds=15)
SOON_KNOWN = timedelta(seconds=1)
QUIET_LOOK = timedelta(minutes=10)
GIVE_UP_AFTER = timedelta(minutes=15)


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """One person is to be told one thing."""

    id: str
    about: str
    """Id of the change or the request."""
    what: str
    """set, withdrawn; asked (to those who decide), declined (to who asked)."""
    person: str
    at: datetime


class NoteFate(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a note."""

    id: str
    about: str
    what: str
    person: str
    state: str
    """accepted; refused, failed, no_channel (ring them up); skipped (it was over or withdrawn before it was told)."""
    channel: str = ""
    detail: str = ""
    at: datetime


def _note(about: str, what: str, person: str, at: datetime) -> Note:
    return Note(id=content_id("rota", about, what, person), about=about, what=what, person=person, at=at)


def notes_of(change: RotaChange, now: datetime) -> list[Note]:
    """Whom a change concerns: who is away, who stands in, who comes in besides; not whoever made it, who knows."""
    what, by, at = "set", change.by, change.set_at
    if change.withdrawn_at is not None:
        what, by, at = "withdrawn", change.withdrawn_by, change.withdrawn_at
    if now - at > TOLD_WITHIN or change.ends <= now:
        return []
    people = [
        *(p for a in change.away for p in (a.staff, a.cover) if p is not None),
        *(p.staff for p in change.besides),
    ]
    return [_note(change.id, what, person, at) for person in dict.fromkeys(people) if person != by]


def notes_for(ask: RotaAsk, roster: Roster, now: datetime) -> list[Note]:
    """Whom a request concerns: while it is open the desk and its supervisors, declined who made it."""
    if ask.until <= now:
        return []
    if ask.state == "open" and now - ask.at <= TOLD_WITHIN:
        there = roster.on_duty(now, DESK_ROLES) + roster.on_duty(now, [Role.supervisor])
        return [_note(ask.id, "asked", s.id, ask.at) for s in there if s.id != ask.staff]
    if ask.state == "declined" and ask.decided_at is not None and now - ask.decided_at <= TOLD_WITHIN:
        return [_note(ask.id, "declined", ask.staff, ask.decided_at)]
    return []


def fates(stream: Stream) -> AsyncIterator[dict[str, NoteFate]]:
    """What became of every note, by its id; as it is now and after each change, for ever."""
    return kept_under(stream, "rotanote.", NoteFate)


class Notes:
    """Queues and sends them: a part of the notify role."""

    def __init__(self, stream: Stream, clock: Clock, channel: Channel, *, public_url: str) -> None:
        self._stream = stream
        self._clock = clock
        self._channel = channel
        self._public_url = public_url
        self._busy: set[str] = set()
        self.changes: Mapping[str, RotaChange] = {}
        self.asks: Mapping[str, RotaAsk] = {}
        self._queued: set[str] = set()
        self._unkept: dict[str, NoteFate] = {}
        """Fates that the stream could not take yet: kept again, not sent again."""

    async def keep_up(self, registry: Registry) -> None:
        """Queue what nobody was told of yet. Raises Temporary when the stream is away: then it is done again."""
        now = self._clock.now()
        roster = roster_of(registry)
        wanted = [n for c in self.changes.values() for n in notes_of(c, now)]
        wanted += [n for a in self.asks.values() for n in notes_for(a, roster, now)]
        fresh = [n for n in wanted if n.id not in self._queued and await self._fate(n.id) is None]
        if fresh:
            # The same id whoever queues it and however often: the stream keeps it once, its fate is looked at before it is sent.
            await self._stream.publish_batch(
                [Outgoing(f"deliveries.rota.{n.person}", encode(n), n.id) for n in fresh]
            )
            self._queued.update(n.id for n in fresh)

    async def _fate(self, note: str) -> NoteFate | None:
        entry = await self._stream.get(PEOPLE, f"rotanote.{note}")
        if entry is not None and entry.data is not None:
            with contextlib.suppress(msgspec.MsgspecError):
                return decode(entry.data, NoteFate)
        return None

    async def handle(self, task: Task, registry: Registry) -> None:
        """Work off one note; acknowledged only when its fate is kept."""
        try:
            note = decode(task.stored.data, Note)
        except msgspec.MsgspecError:
            log.exception("note_unreadable", position=task.stored.seq)
            await task.ack()
            return
        if note.id in self._busy:
            await task.retry(AGAIN_AFTER)
            return
        self._busy.add(note.id)
        try:
            again = await self._work(note, registry)
        except Temporary:
            again = AGAIN_AFTER
        finally:
            self._busy.discard(note.id)
        await (task.ack() if again is None else task.retry(again))

    async def _work(self, note: Note, registry: Registry) -> timedelta | None:
        if await self._fate(note.id) is not None:
            return None
        if note.id in self._unkept:
            await self._write(self._unkept[note.id])
            return None
        now = self._clock.now()
        change, ask = self.changes.get(note.about), self.asks.get(note.about)
        if change is None and ask is None and now - note.at <= GIVE_UP_AFTER:
            return SOON_KNOWN  # whoever queued it heard of it a moment before us
        if not self._still(note, now) or await self._never_told(note, change):
            await self._keep(note, "skipped", now)
            return None
        rest = self._quiet_for(note, registry, now)
        if rest is not None:
            return min(rest, QUIET_LOOK)
        text = rota_message(
            note.what, note.person, registry=registry, change=change, ask=ask, link=self._link(note)
        )
        letter = Letter(
            text.title, text.body, level=Level.blue, words=text.words, link=self._link(note), case=note.about[:32],
            phone=registry.phone(note.person),
        )  # fmt: skip
        urls = registry.channels(note.person)
        verdict: Verdict = Permanent("no_channel")
        later = ""
        for url in urls:
            named = replace(letter, delivery=content_id(note.id, address_of(url)))
            verdict = await self._channel.send(url, named)
            if isinstance(verdict, Sent):
                await self._keep(note, "accepted", now, channel=channel_of(url))
                with contextlib.suppress(Temporary):  # told is told; the next message says it again
                    await tried.took(self._stream, note.person, url, now)
                return None
            if isinstance(verdict, TemporaryFailure):
                later = verdict.reason
        if later and now - note.at <= GIVE_UP_AFTER:
            return AGAIN_AFTER
        if not urls:
            await self._keep(note, "no_channel", now)
        else:
            reason = later or (verdict.reason if not isinstance(verdict, Sent) else "")
            await self._keep(note, "failed" if later else "refused", now, detail=reason)
        return None

    def _still(self, note: Note, now: datetime) -> bool:
        """Whether it is still so: what was withdrawn before it was told need not be told."""
        change, ask = self.changes.get(note.about), self.asks.get(note.about)
        if change is not None:
            return note.what == ("set" if change.counts else "withdrawn") and change.ends > now
        if ask is not None:
            return note.what == {"open": "asked", "declined": "declined"}.get(ask.state) and ask.until > now
        return False

    async def _never_told(self, note: Note, change: RotaChange | None) -> bool:
        """Whether a withdrawal would be the first that somebody hears of the change."""
        if change is None or note.what != "withdrawn" or note.person == change.by:
            return False
        told = await self._fate(_note(change.id, "set", note.person, change.set_at).id)
        return told is None or told.state == "skipped"

    def _quiet_for(self, note: Note, registry: Registry, now: datetime) -> timedelta | None:
        change, ask = self.changes.get(note.about), self.asks.get(note.about)
        begins = change.starts if change is not None else ask.from_ if ask is not None else now
        until = registry.quiet_until(note.person, now)
        if until is None or begins - now <= SOON or roster_of(registry).is_on_duty(note.person, now):
            return None
        return until - now

    def _link(self, note: Note) -> str:
        """Where it stands: the desk's page of duty, else the own phone page. Signing in is needed."""
        return f"{self._public_url}/{'duty' if note.what == 'asked' else 'go'}"

    async def _keep(
        self, note: Note, state: str, now: datetime, *, channel: str = "", detail: str = ""
    ) -> None:
        fate = NoteFate(
            id=note.id, about=note.about, what=note.what, person=note.person, state=state, channel=channel,
            detail=detail, at=now,
        )  # fmt: skip
        self._unkept[note.id] = fate
        await self._write(fate)
        log.info(
            "rota_told", about=note.about, what=note.what, person=note.person, state=state, detail=detail
        )

    async def _write(self, fate: NoteFate) -> None:
        await self._stream.put(PEOPLE, f"rotanote.{fate.id}", encode(fate))
        self._unkept.pop(fate.id, None)


def about(fates_: Iterable[NoteFate], name: str) -> list[NoteFate]:
    """The fates of the notes about one change or request, in the order in which they were settled."""
    return sorted((f for f in fates_ if f.about == name), key=lambda f: (f.at, f.person))
