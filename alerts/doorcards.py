"""The code on a home's door card: who tells it has stood at that door. Pure; the secret is given.

Six digits of an HMAC-SHA256 of the home and the version of its card, with the installation's secret: nobody reckons one
home's from another's or from its id, and a new version makes the old card worthless. It opens nothing and takes no
decision; it only says how an arrival is known, so six digits and `Tries` are enough.
"""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

DIGITS = 6
WRONG_AT_MOST = 5
WRONG_WITHIN = timedelta(minutes=10)
"""After so many wrong codes of one person at one home within so long no more are looked at; the arrival is told without."""
REMEMBERED = 2_000
"""Pairs of person and home whose wrong codes are remembered, the newest."""


def code(home: str, version: int, secret: bytes) -> str:
    """The code of a home's card: six digits."""
    digest = hmac.new(secret, f"door card\x1f{version}\x1f{home}".encode(), hashlib.sha256).digest()
    return f"{int.from_bytes(digest[:8]) % 10**DIGITS:0{DIGITS}d}"


def same(told: str, known: str) -> bool:
    """Whether what somebody told is the code, however they wrote it: with blanks, in wide digits."""
    plain = "".join(c for c in unicodedata.normalize("NFKC", told) if c not in " -\t")
    return hmac.compare_digest(plain.encode(), known.encode())


@dataclass(slots=True)
class Tries:
    """Wrong codes of late, by person and home. Bounded, however many there are."""

    _wrong: dict[tuple[str, str], deque[datetime]] = field(default_factory=dict)

    def many(self, who: str, home: str, now: datetime) -> bool:
        """Whether there were so many that no more are looked at."""
        known = self._wrong.get((who, home))
        while known and now - known[0] >= WRONG_WITHIN:
            known.popleft()
        return bool(known) and len(known or ()) >= WRONG_AT_MOST

    def wrong(self, who: str, home: str, now: datetime) -> None:
        """One more was wrong."""
        known = self._wrong.pop((who, home), deque(maxlen=WRONG_AT_MOST))
        known.append(now)
        self._wrong[who, home] = known
        while len(self._wrong) > REMEMBERED:
            del self._wrong[next(iter(self._wrong))]
