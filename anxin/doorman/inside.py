"""The broker's side of a connection: its packets pass to the device, with topics as devices know them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol, cast

from structlog import get_logger

from anxin.doorman.packets import ACCEPTED, ANSWERS, NOT_AUTHORISED, length, measure
from care import topics

if TYPE_CHECKING:
    from anxin.doorman.connection import Door

log = get_logger("doorman")

FAREWELL_SECONDS = 10.0
"""What is on its way when one side has gone may take so long."""


class Pausing(Protocol):
    """What a transport can do that we use."""

    def write(self, data: bytes) -> None: ...
    def write_eof(self) -> None: ...
    def can_write_eof(self) -> bool: ...
    def close(self) -> None: ...
    def abort(self) -> None: ...
    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...
    def get_extra_info(self, name: str) -> object: ...


class Inside(asyncio.Protocol):
    """The broker's side: passes its packets to the device with topics as devices know them."""

    __slots__ = ("answers", "door", "is_let_in", "left", "need", "rest", "timer", "transport")

    def __init__(self, door: Door) -> None:
        self.door = door
        self.transport: Pausing | None = None
        self.rest = bytearray()
        self.need = 2
        self.left = 0
        self.is_let_in = False
        self.answers: list[bytes] = []
        """Acknowledgements of ours that wait for the end of the packet in hand."""
        self.timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("Pausing", transport)

    def connection_lost(self, _exc: Exception | None) -> None:
        self.transport = None
        if self.timer is not None:
            self.timer.cancel()
        door = self.door
        if door.transport is not None:
            door.ended = True
            door.transport.close()
            door.farewell()
        else:
            door.forget()

    def pause_writing(self) -> None:
        self.door.slow(True)

    def resume_writing(self) -> None:
        self.door.slow(False)

    def hold(self, hold: bool) -> None:
        """The device takes nothing more, or again."""
        if self.transport is not None:
            if hold:
                self.transport.pause_reading()
            else:
                self.transport.resume_reading()

    def write(self, data: bytes) -> None:
        """To the broker."""
        if self.transport is not None:
            self.transport.write(data)

    def no_more(self, *, close: bool = False) -> None:
        """Nothing more will be written; with `close` nothing more is read either."""
        if self.transport is None:
            return
        if close:
            self.transport.close()
        else:
            try:
                self.transport.write_eof()
            except OSError:
                # The broker has hung up and asyncio has not told yet: there is nobody to say it to.
                self.transport.abort()
                return
        if self.timer is None:
            self.timer = asyncio.get_running_loop().call_later(FAREWELL_SECONDS, self.transport.abort)

    def answer(self, packet: bytes) -> None:
        """An acknowledgement of ours, between two packets of the broker."""
        if self.is_let_in and not self.left:
            self.door.write(packet)
        else:
            self.answers.append(packet)

    def data_received(self, data: bytes) -> None:
        if self.rest:
            self.rest += data
            if len(self.rest) < self.need:
                return
            data = bytes(self.rest)
            self.rest.clear()
        size_here = len(data)
        pieces: list[bytes] = []
        answered = 0
        start, at = 0, min(self.left, size_here)
        self.left -= at
        while size_here - at >= 2:
            head, size, body = data[at], data[at + 1], at + 2
            if size >= 0x80:
                size, body = measure(data, at)
                if size < 0:
                    self.need = size_here - at + 1
                    break
            end = body + size
            if head & 0xF0 == 0x30:
                if body + 2 > size_here:
                    self.need = body + 2 - at
                    break
                after = body + 2 + (data[body] << 8 | data[body + 1])
                if after > size_here:
                    self.need = after - at
                    break
                topic = data[body + 2 : after]
                if b"\xf3\xb0" in topic:
                    plain = topics.unescape(topic.decode()).encode()
                    pieces += (
                        data[start:at],
                        bytes((head,)),
                        length(size + len(plain) - len(topic)),
                        len(plain).to_bytes(2, "big"),
                        plain,
                    )
                    start = after
            elif head in ANSWERS:
                answered += 1
            elif not self.is_let_in:
                if end > size_here:
                    self.need = end - at
                    break
                self._let_in(data[at:end])
            at = end
            if end > size_here:
                at, self.left = size_here, end - size_here
                break
        if answered:
            self.door.answered(answered)
        if pieces:
            pieces.append(data[start:at])
            self.door.write(b"".join(pieces))
        elif start < at:
            self.door.write(data if at - start == size_here else data[start:at])
        if at < size_here:
            self.rest += data[at:]
            if size_here - at < 2:
                self.need = 2
        if self.answers and self.is_let_in and not self.left:
            self.door.write(b"".join(self.answers))
            self.answers.clear()

    def _let_in(self, packet: bytes) -> None:
        code = packet[3] if packet[0] == 0x20 and len(packet) == 4 else NOT_AUTHORISED
        self.is_let_in = code == ACCEPTED
        if not self.is_let_in:
            # Our own fault, so the device is not told that its password is wrong: it would give up.
            log.error("broker_refused_the_doorman", code=code)
            self.door.end("the broker refused the doorman")
