"""Browsers that asked for messages, and the key by which push services know us.

A browser is a `Subscription` in the people bucket and `webpush://ID` among its person's channels
(`Registry.with_pushes`); `pushes` follows them. Sending is `alerts.push`.
"""

from __future__ import annotations

import base64
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from cryptography.hazmat.primitives import serialization
from msgspec import Meta
from py_vapid import Vapid02

from alerts.commands import kept_under
from alerts.telling import BROWSER
from care.errors import Conflict
from care.ids import content_id
from care.messages import decode, encode
from care.stream import PEOPLE, Stream

KEPT_OF_A_PERSON = 5
"""Browsers of one person; the one that asked first makes room."""
HOSTS = (
    "fcm.googleapis.com",
    "push.services.mozilla.com",
    "notify.windows.com",
    "push.apple.com",
    "push.hicloud.com",
    "push.samsungosp.com",
)
"""Push services of the browsers there are, each with everything below it. Whoever is signed in chooses the endpoint
we post to, so any other host would let them knock at doors inside the house."""
VAPID_KEY = "webpush_key"

Secret = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{16,120}={0,2}$")]


class Subscription(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A browser that a person asked for messages with, kept under `push.ID`."""

    person: str
    """Id of a member of staff or of a contact."""
    endpoint: Annotated[str, Meta(min_length=12, max_length=1000)]
    p256dh: Secret
    """The browser's public key, base64url."""
    auth: Secret
    created_at: datetime

    @property
    def id(self) -> str:
        """Its name outside: the endpoint is an address anybody could send to."""
        return content_id("push", self.endpoint)

    @property
    def key(self) -> str:
        return f"push.{self.id}"


def by_person(subscriptions: Mapping[str, Subscription]) -> dict[str, Sequence[str]]:
    """The addresses of everybody's browsers, the newest first."""
    out: dict[str, list[str]] = {}
    for name, one in sorted(subscriptions.items(), key=lambda s: (s[1].created_at, s[0]), reverse=True):
        out.setdefault(one.person, []).append(f"{BROWSER}://{name}")
    return {person: tuple(urls) for person, urls in out.items()}


def is_allowed(endpoint: str, hosts: Sequence[str] = HOSTS) -> bool:
    """Whether we post to this endpoint: by TLS to a push service we know, or to a host named in the settings."""
    try:
        parts = urlsplit(endpoint)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    named = f"{host}:{port}" if port is not None else host
    if parts.scheme == "http":
        return f"http://{named}" in hosts
    return parts.scheme == "https" and any(
        known in (named, host) or host.endswith(f".{known}") for known in hosts
    )


async def remember(stream: Stream, subscription: Subscription) -> None:
    """Keep a subscription; the oldest of a person who has too many goes."""
    await stream.put(PEOPLE, subscription.key, encode(subscription))
    mine: list[Subscription] = []
    for key in await stream.keys(PEOPLE, "push."):
        entry = await stream.get(PEOPLE, key)
        if entry is not None and entry.data is not None:
            with contextlib.suppress(msgspec.MsgspecError):
                one = decode(entry.data, Subscription)
                if one.person == subscription.person:
                    mine.append(one)
    for old in sorted(mine, key=lambda s: (s.created_at, s.id))[:-KEPT_OF_A_PERSON]:
        await stream.delete(PEOPLE, old.key)


async def pushes(stream: Stream) -> AsyncIterator[dict[str, Sequence[str]]]:
    """Everybody's browsers as they are now and after each change, for ever."""
    async with aclosing(kept_under(stream, "push.", Subscription)) as all_:  # type: ignore[type-var]
        async for known in all_:
            yield by_person(known)


async def vapid_key(stream: Stream) -> Vapid02:
    """The key by which push services know us: made by whoever asks first, the same for everybody."""
    while True:
        entry = await stream.get(PEOPLE, VAPID_KEY)
        if entry is not None and entry.data:
            return Vapid02.from_pem(entry.data)
        made = Vapid02()
        made.generate_keys()
        with contextlib.suppress(Conflict):
            await stream.put(PEOPLE, VAPID_KEY, made.private_pem(), expect=0)


def public_key(key: Vapid02) -> str:
    """What a browser needs to ask for messages of ours: the public point, base64url."""
    point = key.public_key.public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
    return base64.urlsafe_b64encode(point).rstrip(b"=").decode()
