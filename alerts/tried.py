"""Whether people can be reached: test messages to their channels, and what came of them.

`ask(stream, …)` queues a test for a person; `Tests.handle` sends it by each of their channels and keeps the
provider's answer under `contact.PERSON.ADDRESS`. The link in it lets the person confirm: only then is a channel
`verified`, for a provider may accept what no phone ever shows. A test is no alert and is in no log of one.
"""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta

import msgspec
import structlog

from alerts.events import Purpose
from alerts.links import Claim, make
from alerts.sending import Channel, Letter, Sent, TemporaryFailure
from alerts.telling import address_of, channel_of
from alerts.texts import trial_message
from alerts.upkeep import Reach
from care.clock import Clock
from care.errors import Conflict, Temporary
from care.ids import content_id
from care.messages import decode, encode
from care.site import Registry
from care.stream import PEOPLE, Outgoing, Stream, Task
from care.words import Level

log = structlog.get_logger("alerts.tried")

TESTS = "deliveries.test.>"
TRIES = 3
AGAIN_AFTER = timedelta(seconds=2)
CONFIRM_WITHIN = timedelta(days=3)
"""How long the link of a test works: nobody hurries for it."""


class Test(msgspec.Struct, frozen=True, kw_only=True):
    """A test that was asked for."""

    __test__ = False  # not one of pytest's

    id: str
    person: str
    at: datetime
    by: str
    only: str = ""
    """Address of the one channel to test; empty: all of them."""


def key_of(person: str, address: str) -> str:
    """Where a channel's state is kept."""
    return f"contact.{person}.{address}"


async def ask(stream: Stream, person: str, *, by: str, now: datetime, only: str = "") -> str:
    """Queue a test message to each channel of a person, or to `only` one address of theirs; the name of the test.

    The same second is the same test.
    """
    name = content_id("test", person, int(now.timestamp()), *([only] if only else []))
    test = Test(id=name, person=person, at=now, by=by, only=only)
    await stream.publish_batch([Outgoing(f"deliveries.test.{person}", encode(test), name)])
    return name


async def reach(stream: Stream, registry: Registry, person: str) -> list[tuple[str, str, Reach | None]]:
    """The channels of a person in their order: scheme, address, and what is known of it."""
    out: list[tuple[str, str, Reach | None]] = []
    for url in registry.channels(person):
        entry = await stream.get(PEOPLE, key_of(person, address_of(url)))
        known: Reach | None = None
        if entry is not None and entry.data is not None:
            with contextlib.suppress(msgspec.MsgspecError):
                known = decode(entry.data, Reach)
        out.append((channel_of(url), address_of(url), known))
    return out


async def took(stream: Stream, person: str, url: str, now: datetime) -> None:
    """A message in earnest was taken by this channel: it was tried, and works. What a test or the person said of it stays."""
    key = key_of(person, address_of(url))
    entry = await stream.get(PEOPLE, key)
    known: Reach | None = None
    if entry is not None and entry.data is not None:
        with contextlib.suppress(msgspec.MsgspecError):
            known = decode(entry.data, Reach)
    if known is not None and known.sent:
        return
    found = Reach(
        channel=channel_of(url),
        tried_at=now,
        sent=True,
        verified_at=known.verified_at if known is not None else None,
    )
    with contextlib.suppress(Conflict):  # a test says more
        await stream.put(PEOPLE, key, encode(found), expect=entry.revision if entry is not None else 0)


async def confirm(stream: Stream, person: str, address: str, now: datetime) -> bool:
    """The person read the test on this channel; False when it was never tried."""
    while True:
        entry = await stream.get(PEOPLE, key_of(person, address))
        if entry is None or entry.data is None:
            return False
        known = decode(entry.data, Reach)
        if known.verified_at is not None and known.verified_at >= known.tried_at:
            return True
        changed = msgspec.structs.replace(known, sent=True, verified_at=now)
        try:
            await stream.put(PEOPLE, key_of(person, address), encode(changed), expect=entry.revision)
        except Conflict:
            continue
        log.info("channel_verified", person=person, channel=known.channel)
        return True


class Tests:
    """Sends test messages."""

    __test__ = False  # not one of pytest's

    def __init__(
        self, stream: Stream, clock: Clock, channel: Channel, *, public_url: str, secret: bytes
    ) -> None:
        self._stream = stream
        self._clock = clock
        self._channel = channel
        self._public_url = public_url
        self._secret = secret
        self._busy: set[str] = set()

    async def handle(self, task: Task, registry: Registry) -> None:
        """Work off one test; what a provider cannot take now is tried twice more."""
        try:
            test = decode(task.stored.data, Test)
        except msgspec.MsgspecError:
            log.exception("test_unreadable", position=task.stored.seq)
            await task.ack()
            return
        if test.id in self._busy:
            # Handed out twice: the other one settles it.
            await task.retry(AGAIN_AFTER)
            return
        self._busy.add(test.id)
        try:
            urls = [u for u in registry.channels(test.person) if test.only in ("", address_of(u))]
            settled = [await self._try(test, url, registry, task.attempt) for url in urls]
        except Temporary:
            settled = [False]
        finally:
            self._busy.discard(test.id)
        if all(settled):
            await task.ack()
        else:
            await task.retry(AGAIN_AFTER)

    async def _try(self, test: Test, url: str, registry: Registry, attempt: int) -> bool:
        """Whether this channel has its answer."""
        address = address_of(url)
        key = key_of(test.person, address)
        entry = await self._stream.get(PEOPLE, key)
        known: Reach | None = None
        if entry is not None and entry.data is not None:
            with contextlib.suppress(msgspec.MsgspecError):
                known = decode(entry.data, Reach)
        if known is not None and known.tried_at >= test.at:
            return True
        now = self._clock.now()
        claim = Claim(
            alert="",
            home="",
            person=test.person,
            purpose=Purpose.confirm,
            delivery=address,
            expires=int((test.at + CONFIRM_WITHIN).timestamp()),
        )
        link = f"{self._public_url}/go/{make(claim, self._secret)}"
        text = trial_message(link=link, name=registry.site.community.name)
        verdict = await self._channel.send(
            url,
            Letter(
                text.title,
                text.body,
                level=Level.blue,
                words=text.words,
                link=link,
                case="test",
                delivery=content_id(test.id, address),
                phone=registry.phone(test.person),
            ),
        )
        if isinstance(verdict, TemporaryFailure) and attempt < TRIES:
            return False
        detail = "" if isinstance(verdict, Sent) else verdict.reason
        found = Reach(
            channel=channel_of(url),
            tried_at=now,
            sent=isinstance(verdict, Sent),
            detail=detail,
            verified_at=known.verified_at if known is not None else None,
        )
        await self._stream.put(PEOPLE, key, encode(found))
        log.info("channel_tried", person=test.person, channel=found.channel, sent=found.sent, detail=detail)
        return True
