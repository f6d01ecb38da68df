"""Who may do what: credentials of gateways, and what each sender may publish and hear."""

from __future__ import annotations

import functools
import hashlib
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from care import topics
from care.errors import Conflict, Misconfigured
from care.messages import decode, encode
from care.site import Registry
from care.stream import PEOPLE, Stream
from devices.kinds import ALARM_KINDS

if TYPE_CHECKING:
    from anxin.doorman.connection import Door

DEVICE_BYTES = 16 * 1024
"""One message of a device (contract section 4)."""
LARGEST_BYTES = 8 * 1024 * 1024 - 256 * 1024
"""Any other message: the broker takes 8 MB (anxin.embedded) with its own headers, which repeat the topic."""
VERDICTS = 20_000
HOME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?=[A-Za-z0-9_-])){0,63}")
"""Of a gateway. It is part of a key of the stream: a dot neither ends it nor follows another."""
ANONYMOUS = "device"
RESERVED = frozenset({ANONYMOUS, "ingest", "service", "system"})
PREFIX = "gateway."
"""Keys of the credentials in the bucket `people`."""


class Gateway(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A gateway's credential, stored under `gateway.NAME`; it may speak for its homes and below its topics."""

    hash: str
    """SHA-256 (hex) of its secret, which is 128 random bits: a slow hash would only slow a storm of reconnects."""
    issued_at: datetime
    homes: list[str] = []
    topics: list[str] = []
    """Topics it may publish on and below, and listen below: the base of its Zigbee2MQTT."""


def secret_hash(secret: str | bytes) -> str:
    """How a secret is kept."""
    return hashlib.sha256(secret.encode() if isinstance(secret, str) else secret).hexdigest()


async def add_gateway(
    stream: Stream,
    name: str,
    *,
    homes: Collection[str],
    bases: Collection[str] = (),
    now: datetime,
    taken: Collection[str] = (),
    replace: bool = False,
) -> str:
    """Make a gateway's credential; returns its secret, which is told this once and never kept.

    `bases` are topics it owns (`zigbee2mqtt/h0317`). `taken` are names in use for something else (`mqtt.username`).
    With `replace` an older secret ends at once, and so do the connections that were made with it. Raises
    `Misconfigured` for a name or base that cannot be, `Conflict("exists")` when there is one and `replace` is not set.
    """
    if not NAME.fullmatch(name) or name in RESERVED or name in taken:
        raise Misconfigured(
            f"{name!r} cannot name a gateway: take up to 64 letters, digits, `_`, `.` and `-`"
        )
    for home in homes:
        if not HOME.fullmatch(home):
            raise Misconfigured(f"{home!r} is not the id of a home")
    for base in bases:
        if (
            not topics.is_name(base)
            or base.startswith("$")
            or not all(base.split("/"))
            or topics.below("anxin/v1", [base])
            or topics.below(base, ["anxin/v1"])
        ):
            raise Misconfigured(
                f"{base!r} cannot be a gateway's own topic: give one like zigbee2mqtt/h0317; "
                f"anxin/v1/HOME comes with the home"
            )
    if not homes and not bases:
        raise Misconfigured(f"gateway {name} would be allowed nothing: give it a home or a topic of its own")
    secret = secrets.token_urlsafe(16)
    made = Gateway(hash=secret_hash(secret), issued_at=now, homes=sorted(homes), topics=sorted(bases))
    try:
        await stream.put(PEOPLE, PREFIX + name, encode(made), expect=None if replace else 0)
    except Conflict:
        raise Conflict("exists", f"gateway {name}") from None
    return secret


async def remove_gateway(stream: Stream, name: str) -> bool:
    """End a gateway's credential and, within moments, its connections; False when there was none."""
    if await stream.get(PEOPLE, PREFIX + name) is None:
        return False
    await stream.delete(PEOPLE, PREFIX + name)
    return True


async def gateways(stream: Stream) -> dict[str, Gateway]:
    """Every credential by its gateway's name."""
    found = {}
    for key in await stream.keys(PEOPLE, PREFIX):
        entry = await stream.get(PEOPLE, key)
        if entry is not None and entry.data is not None:
            found[key.removeprefix(PREFIX)] = decode(entry.data, Gateway)
    return found


def why_not(topic: str, gateway: Gateway | None, registry: Registry | None) -> str:
    """Why this sender may not publish on a topic; empty when it may. `gateway` None: the sign-in all devices share.

    A gateway speaks for the registered addresses of its homes (and below them: availability, attributes), for
    `anxin/v1/HOME/…` and below its own topics. A registered address always belongs to its own home.
    """
    levels = topic.split("/")
    if topic.startswith("$") or levels[0] in ("_INBOX", "_R_", "_GR_"):
        return "this topic belongs to the broker"
    if len(levels) == 5 and levels[:2] == ["anxin", "v1"] and levels[4] == "ack":
        return "only the service says that an alarm was heard"
    if gateway is None:
        return ""
    for length in range(len(levels), 0, -1):
        found = registry.by_topic("/".join(levels[:length])) if registry is not None else None
        if found is not None:
            return "" if found[0].id in gateway.homes else "the device belongs to another home"
    if len(levels) > 3 and levels[:2] == ["anxin", "v1"]:
        return "" if levels[2] in gateway.homes else "it is not this gateway's home"
    return "" if topics.below(topic, gateway.topics) else "it is not this gateway's topic"


def may_hear(topic_filter: str, gateway: Gateway | None, registry: Registry | None) -> bool:
    """Whether a filter may be subscribed to. What all devices share is judged by the broker's own list."""
    if topic_filter.startswith("$"):
        return False  # also `$share/…`: our broker takes it for a plain topic, so nothing would ever arrive
    if gateway is None:
        return True
    allowed = [f"anxin/v1/{home}/+/ack" for home in gateway.homes]
    allowed += [f"{base}/#" for base in gateway.topics]
    for name in gateway.homes if registry is not None else ():
        home = registry.homes.get(name) if registry is not None else None
        allowed += [
            f"{device.address}/#" for device in (home.devices if home is not None else ()) if device.address
        ]
    return any(topics.covers(one, topic_filter) for one in allowed)


@functools.lru_cache(maxsize=2)
def alarms_below(registry: Registry) -> frozenset[str]:
    """Topics above those of alarm devices: a gateway may speak there for all of them."""
    topics_of_alarms = [t for t, (_, device) in registry.topics().items() if device.kind in ALARM_KINDS]
    return frozenset(t[:at] for t in topics_of_alarms for at, sign in enumerate(t) if sign == "/")


def may_be_grave(topic: str, registry: Registry | None) -> bool:
    """Whether a device of an alarm kind is registered on a topic, above or below it."""
    if registry is None:
        return False
    levels = topic.split("/")
    for length in range(len(levels), 0, -1):
        found = registry.by_topic("/".join(levels[:length]))
        if found is not None:
            return found[1].kind in ALARM_KINDS
    return topic in alarms_below(registry)


@dataclass(slots=True)
class Verdict:
    """What is done with messages on a topic."""

    limit: int
    """Payload bytes that pass; -1: none at all."""
    framed: bytes | None = None
    """The topic for the broker with its length, when it differs."""
    why: str = ""
    home: str | None = None
    device: str | None = None
    alarm: bool = False
    grave: bool = False
    """An alarm of a device may be said there: on its topic, one above that it shares with others, or one below."""


class Account:
    """One sign-in: the name its client ids are put under, its rights, its connections."""

    __slots__ = ("doors", "gateway", "name", "prefix", "spent", "spent_at", "verdicts")

    def __init__(self, name: str, gateway: Gateway | None = None) -> None:
        self.name = name
        self.gateway = gateway
        self.prefix = f"{name}:".encode()
        self.doors: set[Door] = set()
        self.verdicts: dict[bytes, Verdict] = {}
        self.spent = 0.0
        self.spent_at = 0.0

    def may_record(self, now: float, burst: float, per_second: float) -> bool:
        """Whether one more refusal of this sender is recorded by itself, or only counted."""
        self.spent = max(0.0, self.spent - (now - self.spent_at) * per_second)
        self.spent_at = now
        if self.spent >= burst:
            return False
        self.spent += 1
        return True

    def judge(self, topic: bytes, registry: Registry | None) -> Verdict:
        """The verdict on a topic, remembered."""
        verdict = self._judged(topic, registry)
        if len(topic) <= 1024:  # more are rare, and must not fill the memory
            if len(self.verdicts) >= VERDICTS:
                self.verdicts.clear()
            self.verdicts[topic] = verdict
        return verdict

    def _judged(self, raw: bytes, registry: Registry | None) -> Verdict:
        try:
            topic = raw.decode()
        except UnicodeDecodeError:
            return Verdict(-1, why="the topic is not UTF-8")
        if not topics.is_name(topic):
            return Verdict(-1, why="the topic is empty, or holds a wildcard or NUL")
        why = why_not(topic, self.gateway, registry)
        if why:
            return Verdict(-1, why=why)
        written = topics.escape(topic).encode()
        if len(written) > topics.TOPIC_BYTES:
            return Verdict(-1, why="the topic is too long")
        verdict = Verdict(LARGEST_BYTES, grave=may_be_grave(topic, registry))
        if written != raw:
            verdict.framed = len(written).to_bytes(2, "big") + written
        found = registry.by_topic(topic) if registry is not None else None
        if found is not None:
            home, device = found
            verdict.home, verdict.device, verdict.alarm = home.id, device.id, device.kind in ALARM_KINDS
        if found is not None or topic.startswith("anxin/v1/"):
            verdict.limit = DEVICE_BYTES
        return verdict
