"""How fast the world runs for whoever listens to its devices, and what time it then is for them. Pure.

`Pace` begins with one speed; `change` takes another from a moment of the world on. What was said before stays where it
was: time for the listener runs on without a jump, only slower or faster.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class _Part:
    world_ms: int
    """From this moment of the world on."""
    heard_ms: int
    """What time it is then for the listener."""
    speed: float


class Pace:
    """Times are milliseconds since 1970."""

    def __init__(self, start_ms: int, speed: float = 1.0) -> None:
        self._parts = [_Part(start_ms, start_ms, speed)]
        self._begins = [start_ms]

    @property
    def speed(self) -> float:
        """The world's seconds in a second of the listener, now."""
        return self._parts[-1].speed

    def heard_ms(self, world_ms: int) -> int:
        """When a moment of the world comes for the listener; the future as if nothing changed any more."""
        part = self._parts[max(0, bisect_right(self._begins, world_ms) - 1)]
        return part.heard_ms + int((world_ms - part.world_ms) / part.speed)

    def change(self, world_ms: int, speed: float) -> None:
        """Another speed from now on; `world_ms` is not before the last change. Raises ValueError for a speed that is none."""
        if not speed > 0:
            raise ValueError(f"a speed is above 0, not {speed}")
        now = _Part(world_ms, self.heard_ms(world_ms), speed)
        if world_ms == self._begins[-1]:
            self._parts[-1] = now
        else:
            self._parts.append(now)
            self._begins.append(world_ms)
