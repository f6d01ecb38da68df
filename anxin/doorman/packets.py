"""MQTT 3.1.1 packets as far as the doorman reads them: lengths, CONNECT, and what is said of a name that is refused."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from care import topics

CLIENT_ID_BYTES = 1024
SAMPLE = 512
"""Bytes of a refused payload that are kept."""
ACCEPTED, BAD_VERSION, BAD_ID, NOT_AUTHORISED = 0, 1, 2, 5
"""Return codes of a CONNACK (MQTT 3.1.1, 3.2.2.3)."""


class Broken(Exception):
    """The client does not speak MQTT 3.1.1."""


class NotWelcome(Exception):
    """A CONNECT that is answered with a return code."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(why)
        self.code = code


def framed(head: int, body: bytes) -> bytes:
    """A packet: first byte, remaining length, body."""
    return bytes((head,)) + length(len(body)) + body


def length(size: int) -> bytes:
    """A remaining length (MQTT 3.1.1, 2.2.3)."""
    if size < 128:
        return bytes((size,))
    found = bytearray()
    while True:
        size, low = size >> 7, size & 0x7F
        found.append(low | 0x80 if size else low)
        if not size:
            return bytes(found)


def measure(data: bytes, start: int) -> tuple[int, int]:
    """Remaining length of the packet at `start`, and where its body begins; (-1, -1) when that is not all here."""
    size, shift = 0, 0
    for at in range(start + 1, min(start + 5, len(data))):
        byte = data[at]
        size |= (byte & 0x7F) << shift
        if byte < 0x80:
            return size, at + 1
        shift += 7
    if len(data) >= start + 5:
        raise Broken("remaining length of more than four bytes")
    return -1, -1


_NOT_CARRIED = re.compile(rb"[\x00-\x20.*>%]")


def written(client_id: bytes) -> bytes:
    """A client id as nats-server takes it: it refuses spaces, dots, `*` and `>`, which MQTT allows and gateways use
    (`gateway.h0317`). Two ids stay two; one without such signs stays as it is.
    """
    return _NOT_CARRIED.sub(lambda found: b"%%%02X" % found[0][0], client_id)


@dataclass(slots=True)
class Hello:
    """A CONNECT, taken apart."""

    flags: int
    keep_alive: bytes
    client_id: bytes
    will_topic: bytes = b""
    will: bytes = b""
    username: bytes | None = None
    password: bytes | None = field(default=None, repr=False)

    @property
    def clean(self) -> bool:
        return bool(self.flags & 0x02)

    @property
    def has_will(self) -> bool:
        return bool(self.flags & 0x04)

    @classmethod
    def read(cls, body: bytes) -> Hello:
        """Read the body of a CONNECT; raises `Broken` or `NotWelcome`."""
        at = 0

        def text() -> bytes:
            nonlocal at
            end = at + 2 + int.from_bytes(body[at : at + 2], "big")
            if len(body) < at + 2 or end > len(body):
                raise Broken("CONNECT is shorter than it says")
            found = body[at + 2 : end]
            at = end
            return found

        protocol = text()
        if len(body) < at + 4:
            raise Broken("CONNECT is shorter than it says")
        if (protocol, body[at]) != (b"MQTT", 4):
            if protocol in (b"MQTT", b"MQIsdp"):
                raise NotWelcome(BAD_VERSION, "it does not speak MQTT 3.1.1")
            raise Broken("CONNECT of another protocol")
        flags, keep_alive = body[at + 1], body[at + 2 : at + 4]
        at += 4
        if flags & 0x01 or flags & 0x18 == 0x18:
            raise Broken("reserved flags in CONNECT")
        if (not flags & 0x04 and flags & 0x38) or (not flags & 0x80 and flags & 0x40):
            raise Broken("contradicting flags in CONNECT")
        hello = cls(flags, keep_alive, text())
        if hello.has_will:
            hello.will_topic, hello.will = text(), text()
        if flags & 0x80:
            hello.username = text()
        if flags & 0x40:
            hello.password = text()
        if at != len(body):
            raise Broken("CONNECT is longer than it says")
        hello.check_client_id()
        return hello

    def check_client_id(self) -> None:
        """Raise `NotWelcome` for one that cannot be used; an empty one needs a clean session (3.1.3-8)."""
        try:
            usable = "\0" not in self.client_id.decode() and len(self.client_id) <= CLIENT_ID_BYTES
        except UnicodeDecodeError:
            usable = False
        if not usable or not (self.client_id or self.clean):
            raise NotWelcome(BAD_ID, "its client id cannot be used")

    def write(self, client_id: bytes, credentials: tuple[str, str]) -> bytes:
        """The packet for the broker."""
        flags = (self.flags & 0x3F if self.has_will else self.flags & 0x02) | 0xC0
        fields = [client_id]
        if self.has_will:
            fields += [self.will_topic, self.will]
        fields += [part.encode() for part in credentials]
        return framed(
            0x10,
            b"\x00\x04MQTT\x04"
            + bytes((flags,))
            + self.keep_alive
            + b"".join(len(part).to_bytes(2, "big") + part for part in fields),
        )


# First bytes of the packets a client may send besides PUBLISH, CONNECT, SUBSCRIBE, UNSUBSCRIBE: with a packet id, and empty.
NUMBERED = frozenset({0x40, 0x50, 0x62, 0x70})
EMPTY = frozenset({0xC0, 0xE0})
ANSWERS = frozenset({0x40, 0x50})
"""PUBACK and PUBREC: the broker has a message."""
REQUESTS = {0x82: 1, 0xA2: 0}
"""SUBSCRIBE and UNSUBSCRIBE, with the bytes that follow each filter."""


def readable(raw: bytes) -> str:
    """A name of somebody else's, as a person can read it in a log: at most `SAMPLE` characters."""
    return topics.shown(raw[:SAMPLE].decode("utf-8", "backslashreplace"))[:SAMPLE]
