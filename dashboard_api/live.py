"""The live channel's memory: one numbered log per view, a ring of recent events, bounded listeners. Pure.

Start at `Hub`. Every event of a channel but `hb` and `snapshot` takes the next number, so a screen that sees a gap
knows that it missed something and asks for a snapshot; a returning one names the last id it saw and is told the rest
when the ring still has it. The epoch is new with every start of the process: numbers of another life mean nothing.
Nothing here waits, so an event and the head it leads to can never be seen apart.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime

RING = 1024
"""Events kept per channel for those who return: 50 s of a storm of 20 a second."""
QUEUE = 256
"""Events that may wait for one slow screen before it is let go: it returns and is told the rest or starts anew."""


@dataclass(frozen=True, slots=True)
class Event:
    """What goes out: the name, the id `epoch.seq`, and the JSON text."""

    name: str
    id: str
    data: str


@dataclass(frozen=True, slots=True)
class Key:
    """Which log: the view and, for views of one person, whose; at the desk, of which role when it reads less."""

    view: str
    person: str = ""


@dataclass(eq=False)
class Listener:
    """One open stream. Ends when it is slow, when its sign-in ends, or at shutdown."""

    key: Key
    session: str
    """SHA-256 of the token it was opened with."""
    room: int = QUEUE
    ended: str = ""
    """Why it is over: slow, signed_out, stopping; empty while it stands."""
    _waiting: deque[Event] = field(default_factory=deque)
    _bell: asyncio.Event = field(default_factory=asyncio.Event)

    def push(self, event: Event) -> None:
        """Hand over one event; too many waiting ends it."""
        if self.ended:
            return
        if len(self._waiting) >= self.room:
            self.end("slow")
            return
        self._waiting.append(event)
        self._bell.set()

    def end(self, why: str) -> None:
        """Nothing more for this one."""
        if not self.ended:
            self.ended = why
            self._waiting.clear()
            self._bell.set()

    async def events(self) -> AsyncIterator[Event]:
        """What was pushed, in order, until the end."""
        while True:
            while self._waiting:
                yield self._waiting.popleft()
            if self.ended:
                return
            self._bell.clear()
            await self._bell.wait()


@dataclass
class LinkTest:
    """What is done to the line on purpose, to see that screens notice: only ever asked for where a simulator feeds the service.

    Each ends by itself. Nothing is lost for good: the log goes on, and a screen that notices asks for what it missed.
    """

    now: Callable[[], datetime]
    silent_until: datetime | None = None
    """Until then no screen hears anything, and no line is cut."""
    lie_until: datetime | None = None
    """Until then heartbeats name a head that is not there."""

    @property
    def silent(self) -> bool:
        """Whether nothing is said now."""
        return self.silent_until is not None and self.now() < self.silent_until

    @property
    def lies(self) -> bool:
        """Whether heartbeats lie now."""
        return self.lie_until is not None and self.now() < self.lie_until


class Channel:
    """The log of one view."""

    def __init__(self, key: Key, epoch: str, *, ring: int = RING, test: LinkTest | None = None) -> None:
        self._test = test
        self.drops = 0
        """So many of the next events are numbered and not said (a link test)."""
        self.key = key
        self.epoch = epoch
        self.head = 0
        self.listeners: set[Listener] = set()
        self._ring: deque[Event] = deque(maxlen=ring)

    @property
    def id(self) -> str:
        """The id of the present moment."""
        return f"{self.epoch}.{self.head}"

    def publish(self, name: str, data: str) -> None:
        """Number an event, keep it, and tell everybody."""
        self.head += 1
        event = Event(name, self.id, data)
        self._ring.append(event)
        if self.drops > 0:
            self.drops -= 1
            return
        if self._test is not None and self._test.silent:
            return
        for listener in list(self.listeners):
            listener.push(event)

    def tell(self, name: str, data: str) -> None:
        """Tell everybody something without a number of its own (a heartbeat)."""
        if self._test is not None and self._test.silent:
            return
        event = Event(name, self.id, data)
        for listener in list(self.listeners):
            listener.push(event)

    @property
    def told_head(self) -> int:
        """The head that heartbeats name: the true one, but for a test of whether screens check it."""
        return self.head + 1000 if self._test is not None and self._test.lies else self.head

    def after(self, last_id: str) -> list[Event] | None:
        """What came after an id; None when that cannot be said for certain and a snapshot is needed."""
        epoch, _, number = last_id.rpartition(".")
        if epoch != self.epoch or not number.isascii() or not number.isdecimal() or len(number) > 18:
            return None
        seen = int(number)
        if seen > self.head:
            return None
        missed = self.head - seen
        if missed > len(self._ring):
            return None
        return list(self._ring)[len(self._ring) - missed :]


class Hub:
    """All channels. A channel of one person is made when they come and forgotten when nobody needs it."""

    def __init__(
        self, epoch: str, *, ring: int = RING, queue: int = QUEUE, test: LinkTest | None = None
    ) -> None:
        self.epoch = epoch
        self.test = test
        self._ring = ring
        self._queue = queue
        self.channels: dict[Key, Channel] = {}
        self._births = 0
        for view in ("desk", "wall"):
            self.channel(Key(view))

    def channel(self, key: Key) -> Channel:
        """The log of a view."""
        channel = self.channels.get(key)
        if channel is None:
            # A forgotten log does not go on counting where it stopped, so each has an epoch of its own.
            self._births += 1
            epoch = f"{self.epoch}-{self._births}" if key.person else self.epoch
            channel = self.channels[key] = Channel(key, epoch, ring=self._ring, test=self.test)
        return channel

    def open(
        self, key: Key, session: str, last_id: str | None, snapshot: Callable[[Channel], str]
    ) -> Listener:
        """A listener that first hears what it missed, or a snapshot made now."""
        channel = self.channel(key)
        listener = Listener(key, session, room=self._queue)
        if self.test is not None and self.test.silent:
            channel.listeners.add(listener)
            return listener
        missed = channel.after(last_id) if last_id else None
        if missed is None or len(missed) > self._queue // 2:
            listener.push(Event("snapshot", channel.id, snapshot(channel)))
        else:
            for event in missed:
                listener.push(event)
        channel.listeners.add(listener)
        return listener

    def leave(self, listener: Listener) -> None:
        """The stream is closed."""
        channel = self.channels.get(listener.key)
        if channel is None:
            return
        channel.listeners.discard(listener)
        if listener.key.person and not channel.listeners:
            del self.channels[listener.key]

    def listeners(self) -> list[Listener]:
        """Everybody who listens."""
        return [listener for channel in self.channels.values() for listener in channel.listeners]

    def begin_anew(self, epoch: str) -> None:
        """As after a restart: every line is cut, and no number of before means anything."""
        self.close()
        self.epoch = epoch
        self.channels.clear()
        for view in ("desk", "wall"):
            self.channel(Key(view))

    def close(self) -> None:
        """End them all."""
        for listener in self.listeners():
            listener.end("stopping")
