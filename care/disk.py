"""When there is too little room on a disk: pure; whoever asks measures."""

from __future__ import annotations

from typing import Final

LEAST_BYTES: Final = 1024**3
"""Free bytes under which people are told, whatever the disk's size."""
LEAST_SHARE: Final = 0.10
"""The same as a share of the disk (a disk that is 90 % full), ..."""
ENOUGH_BYTES: Final = 20 * 1024**3
"""... unless so much is free all the same."""


def scarce(free: int, total: int) -> bool:
    """Must somebody make room before alarms cannot be stored? Both in bytes."""
    return free < LEAST_BYTES or (free < total * LEAST_SHARE and free < ENOUGH_BYTES)


def in_gib(size: int) -> str:
    """0.8 GiB."""
    return f"{size / 1024**3:.1f} GiB"
