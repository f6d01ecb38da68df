"""What all channels share: a letter goes out, a verdict comes back. Start at `Channel`.

A verdict is the provider's own word, never a guess: an answer that cannot be read is a failure. The channels
themselves: `channels` (Apprise), `push` (browsers), `webhook` (text messages and calls).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Protocol

from care.words import Level

CONNECT_SECONDS = 3.0
READ_SECONDS = 4.5
"""Together below the 8 s that one try may take (peers 6.7)."""


@dataclass(frozen=True, slots=True)
class Sent:
    """The provider says that it has the message."""


@dataclass(frozen=True, slots=True)
class TemporaryFailure:
    """It may work later: timeout, unreachable, http_503, provider_130101 …"""

    reason: str


@dataclass(frozen=True, slots=True)
class Permanent:
    """It will not work however often it is tried: bad_address, http_404, provider_310000 …"""

    reason: str


Verdict = Sent | TemporaryFailure | Permanent


@dataclass(frozen=True, slots=True)
class Letter:
    """What is sent: words, and what a channel needs to know about them."""

    title: str
    body: str
    """With the link as its last line, for channels that show text only."""
    level: Level | None = None
    words: str = ""
    """The body without the link."""
    link: str | None = None
    number: int = 0
    case: str = ""
    """Id of the alert: where a channel can, a later message about it takes the place of an earlier one."""
    delivery: str = ""
    """Stays the same when it is tried again."""
    phone: str = ""
    """The person's own number, for channels that ring one."""


class Channel(Protocol):
    """A way to send; never raises for what a provider or a network does."""

    async def send(self, url: str, letter: Letter) -> Verdict: ...


class Channels:
    """Several ways to send, by the scheme of the address."""

    def __init__(self, otherwise: Channel, **by_scheme: Channel) -> None:
        self._otherwise = otherwise
        self._by_scheme = by_scheme

    async def send(self, url: str, letter: Letter) -> Verdict:
        """Send by the channel of this address."""
        scheme = url.partition("://")[0].lower()
        return await self._by_scheme.get(scheme, self._otherwise).send(url, letter)


class NotSet:
    """Stands for a channel that the settings do not name."""

    async def send(self, url: str, letter: Letter) -> Verdict:  # noqa: ARG002  a channel's own signature
        """Refuse: the next channel's turn has come."""
        return Permanent("channel_not_configured")


BUSY = frozenset({-1, 130101, 130102, 45009, 45033, 11232, 11233})
"""Provider codes that mean `later`: DingTalk 13010x sending too fast, WeCom 45009/45033 too often and -1 busy,
Feishu and Lark 11232/11233 too often. Every other code is a refusal."""

_LATER = frozenset({408, 409, 421, 423, 425, 429})
"""Statuses below 500 that mean `later`."""


def judge(response: Any, *, code_in: tuple[str, ...] = ()) -> Verdict:
    """What an HTTP answer means; with `code_in`, the first of these fields of its JSON body must be 0."""
    status = int(response.status_code)
    if status >= 500 or status in _LATER:
        return TemporaryFailure(f"http_{status}")
    if not 200 <= status < 300:
        return Permanent(f"http_{status}")
    if not code_in:
        return Sent()
    try:
        content = json.loads(response.content)
    except ValueError:
        # A portal or a proxy spoke, not the provider.
        return TemporaryFailure("unreadable_answer")
    code = next((content[k] for k in code_in if k in content), None) if isinstance(content, dict) else None
    try:
        number = int(code) if code is not None else None
    except (TypeError, ValueError):
        number = None
    if number is None:
        return TemporaryFailure("unreadable_answer")
    if number == 0:
        return Sent()
    return TemporaryFailure(f"provider_{number}") if number in BUSY else Permanent(f"provider_{number}")
