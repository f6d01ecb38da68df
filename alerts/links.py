"""One-time links: what a message lets its reader do without signing in. Pure; the secret is given.

A token names an alert, a person, a purpose and the message it came with, and lapses. It is signed with
HMAC-SHA256, so it can be read only by who has the secret and changed by nobody. That it is used once is kept by
the caller, under `mark(token)` (KV people `used.HASH`), because only the caller has a store.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import msgspec

from alerts.events import Delivery, Purpose
from care.errors import Conflict

LASTS = timedelta(hours=4)
"""How long a link works: longer than a case of a shift, shorter than the shift."""
_SIGNATURE_BYTES = 18
"""144 bits of the HMAC: short enough for a text message, far beyond guessing."""


class Claim(msgspec.Struct, frozen=True, array_like=True):
    """What a token says."""

    alert: str
    home: str
    person: str
    purpose: Purpose
    delivery: str
    expires: int
    """Seconds since 1970 UTC."""

    @property
    def expires_at(self) -> datetime:
        return datetime.fromtimestamp(self.expires, UTC)


class BadLink(Conflict):
    """The link cannot be used; `reason` is link_unreadable or link_expired."""


def make(claim: Claim, secret: bytes) -> str:
    """The token of a claim: URL-safe text."""
    body = msgspec.json.encode(claim)
    return _text(body) + "." + _text(_sign(body, secret))


def read(token: str, secret: bytes, now: datetime) -> Claim:
    """What a token says. Raises BadLink when it is not ours or has lapsed."""
    head, dot, tail = token.partition(".")
    try:
        body, signature = _bytes(head), _bytes(tail)
    except (ValueError, binascii.Error):
        raise BadLink("link_unreadable") from None
    if not dot or not hmac.compare_digest(signature, _sign(body, secret)):
        raise BadLink("link_unreadable")
    try:
        claim = msgspec.json.decode(body, type=Claim)
    except msgspec.DecodeError:
        raise BadLink("link_unreadable") from None
    if now >= claim.expires_at:
        raise BadLink("link_expired")
    return claim


def mark(token: str) -> str:
    """The name under which the use of a token is remembered; the token cannot be got back from it."""
    return hashlib.sha256(token.encode()).hexdigest()[:32]


def claim_for(delivery: Delivery, now: datetime) -> Claim | None:
    """The claim that goes with a message; None when the message only tells."""
    if delivery.purpose is Purpose.inform:
        return None
    return Claim(
        alert=delivery.alert,
        home=delivery.home,
        person=delivery.person,
        purpose=delivery.purpose,
        delivery=delivery.id,
        expires=int((now + LASTS).timestamp()),
    )


def _sign(body: bytes, secret: bytes) -> bytes:
    return hmac.new(secret, b"anxin link\x00" + body, hashlib.sha256).digest()[:_SIGNATURE_BYTES]


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    if not text.isascii():
        raise ValueError("not ours")
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
