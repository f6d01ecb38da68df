"""Refused sign-ins, counted for whoever keeps the service: how many, and from what kind of address. Start at `Guesses`.

Neither the name that was tried nor the secret is kept (what somebody typed as a name may be his password), and an
address only as long as it takes to count how many there were.
"""

from __future__ import annotations

import ipaddress
from collections import Counter, deque
from dataclasses import dataclass
from datetime import datetime, timedelta

HOUR = timedelta(hours=1)
EVERY = timedelta(minutes=1)
ADDRESSES = 1_000
"""Different addresses of a minute that are told apart; more are "at least so many"."""


def origin_of(host: str) -> str:
    """`loopback` (this machine), `private` (RFC 1918, link-local, ULA: our own network), `public`, or `unknown`."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return "unknown"
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped if mapped is not None else address
    if address.is_loopback:
        return "loopback"
    return "private" if address.is_private or address.is_link_local else "public"


@dataclass(frozen=True, slots=True)
class Refused:
    """So many refused sign-ins from one kind of address, within about a minute."""

    origin: str
    count: int
    addresses: int


class Guesses:
    """Counts refused sign-ins; bounded, however many there are."""

    def __init__(self) -> None:
        self._now: Counter[str] = Counter()
        self._addresses: dict[str, set[str]] = {}
        self._since: datetime | None = None
        self._past: deque[tuple[datetime, Counter[str]]] = deque()

    def note(self, host: str, now: datetime) -> None:
        """One more was refused."""
        origin = origin_of(host)
        self._now[origin] += 1
        self._since = self._since or now
        addresses = self._addresses.setdefault(origin, set())
        if len(addresses) < ADDRESSES:
            addresses.add(host)

    def take(self, now: datetime) -> list[Refused]:
        """What is to be told: once a minute, while there is something."""
        if self._since is None or now - self._since < EVERY:
            return []
        told = [
            Refused(origin, count, len(self._addresses[origin]))
            for origin, count in sorted(self._now.items())
        ]
        self._past.append((now, self._now))
        self._now, self._addresses, self._since = Counter(), {}, None
        return told

    def sentence(self, now: datetime) -> str:
        """For a role's sign of life: `312 sign-ins refused within an hour (private 2, public 310)`; empty when none was."""
        while self._past and now - self._past[0][0] > HOUR:
            self._past.popleft()
        total = sum((count for _, count in self._past), Counter(self._now))
        if not total:
            return ""
        parts = ", ".join(f"{origin} {count}" for origin, count in sorted(total.items()))
        return f"{total.total()} sign-ins refused within an hour ({parts})"
