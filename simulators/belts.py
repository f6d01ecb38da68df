"""What a bed belt measures: pulse, breathing and movement of the person on it.

Start at `Belt.says`.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from simulators.person import Person
from simulators.sensors import HOUR, SECOND, Dice, Sensor


class Belt:
    """What a bed belt measures: pulse and breathing of the person on it, in batches of noise."""

    __slots__ = ("_box", "asked_at", "dice", "in_since", "person", "sensor", "shows")

    def __init__(self, sensor: Sensor, person: Person | None, dice: Dice) -> None:
        self.sensor = sensor
        self.person = person
        self.dice = dice
        self.in_since = 0
        self.asked_at = 0
        self.shows: dict[str, Any] | None = None
        """A scenario's readings, in place of what the person's body would give; None values leave a field out."""
        self._box: list[tuple[float, float, int, int]] = []

    def _fill(self) -> None:
        """Ten minutes of samples: a slow wave, small noise, and a turn in bed now and then."""
        n = 120
        rng = self.dice.rng
        wave = np.sin(np.arange(n) * (2 * np.pi / n) + rng.uniform(0, 6.28))
        pulse = 1.6 * wave + rng.normal(0, 0.9, n)
        breath = 0.5 * wave + rng.normal(0, 0.45, n)
        turning = rng.random(n) < 0.012
        movement = np.where(turning, rng.integers(25, 70, n), rng.integers(0, 5, n))
        quality = np.where(turning, rng.integers(38, 58, n), rng.integers(78, 98, n))
        self._box = list(
            zip(pulse.tolist(), breath.tolist(), movement.tolist(), quality.tolist(), strict=True)
        )

    def says(self, ms: int, stamp: str) -> bytes:
        sensor = self.sensor
        sensor.seq += 1
        if self.shows is not None:
            shown = {k: v for k, v in self.shows.items() if v is not None}
            return msgspec.json.encode({"time": stamp, "seq": sensor.seq, **shown})
        stay = self.person.stay if self.person is not None else None
        if stay is None or not stay.in_bed:
            self.in_since = 0
            # Belts of this family send zeros for an empty bed.
            return (
                f'{{"time":"{stamp}","seq":{sensor.seq},"heart_rate":0,"respiration_rate":0,"in_bed":false,'
                f'"movement":0,"signal_quality":0}}'
            ).encode()
        assert self.person is not None
        if not self.in_since:
            self.in_since = ms
        if not self._box:
            self._fill()
        pulse, breath, movement, quality = self._box.pop()
        if ms - self.in_since < 20 * SECOND:
            # The belt is still looking for the pulse of somebody who has just lain down.
            return (
                f'{{"time":"{stamp}","seq":{sensor.seq},"in_bed":true,"movement":{30 + movement},"signal_quality":{quality // 3}}}'
            ).encode()
        habits = self.person.habits
        deep = min(5.0, (ms - self.in_since) / HOUR * 2.5) if stay.asleep else 0.0
        heart = round(habits.heart_rate - deep + pulse + (5 if movement > 20 else 0))
        breaths = round(habits.respiration_rate - deep * 0.2 + breath)
        return (
            f'{{"time":"{stamp}","seq":{sensor.seq},"heart_rate":{heart},"respiration_rate":{breaths},"in_bed":true,'
            f'"movement":{movement},"signal_quality":{quality}}}'
        ).encode()
