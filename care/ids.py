"""Names computed from content: the same thing heard twice gets the same name, whoever computes it."""

from __future__ import annotations

import hashlib
import zlib
from datetime import UTC, datetime

PARTITIONS = 64
"""Work is split by partition = crc32(home) % 64 (architecture section 1)."""


def content_id(*parts: str | float | bytes | None) -> str:
    """A 20-character name (80 bits) of the parts; parts may be any of str, int, float, bytes, None."""
    h = hashlib.sha256()
    for part in parts:
        if isinstance(part, bytes):
            h.update(b"b" + part)
        else:
            h.update(f"{type(part).__name__}:{part}".encode())
        h.update(b"\x1f")
    return h.hexdigest()[:20]


def partition_of(home: str) -> int:
    """The partition (0…63) that owns a home; the same on every machine and in every run."""
    return zlib.crc32(home.encode()) % PARTITIONS


def epoch_ms(at: datetime) -> int:
    """Milliseconds since 1970 UTC."""
    return round(at.timestamp() * 1000)


def iso(at: datetime) -> str:
    """RFC 3339 in UTC with milliseconds and Z: the only form in which times leave the house."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
