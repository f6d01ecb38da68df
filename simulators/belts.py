"""What a bed belt measures: pulse, breathing and movement of the person on it.

Start at `Belt.says`. A belt draws from a stream of its own, so that nothing else in the home changes its noise.

What belts do besides measuring (domain.md 2.2): while somebody moves, the signal is poor and the pulse often lost; some
lose the person for a few seconds though nobody got up; pulse and breathing vary from minute to minute (on a recorded
belt by 3.7 and 2.3 a minute over a night, asleep and turning). How much of it is the person's and how much the belt's
differs from bed to bed.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from simulators.chance import share, spread
from simulators.person import Person
from simulators.sensors import HOUR, SECOND, Sensor

_SAMPLES = 120
"""Made at once: ten minutes of them, at a belt's own pace."""
_LOST = 0
"""The pulse of a sample in which the belt has lost it."""
_FLICKER = -1
"""The pulse of a sample in which the belt believes the bed to be empty."""

Sample = tuple[int, int, int, int]
"""Pulse, breaths, movement, quality."""


class Belt:
    """What a bed belt measures: pulse and breathing of the person on it, in batches of noise."""

    __slots__ = (
        "_box",
        "_flickers",
        "_loses",
        "_rng",
        "_seconds",
        "asked_at",
        "in_since",
        "person",
        "sensor",
        "shows",
    )

    def __init__(
        self, sensor: Sensor, person: Person | None, *, words: tuple[int, ...], rate: float = 1.0
    ) -> None:
        """`words` seed its chance, `rate` is how many times more often than usual it speaks."""
        self.sensor = sensor
        self.person = person
        self.in_since = 0
        self.asked_at = 0
        self.shows: dict[str, Any] | None = None
        """A scenario's readings, in place of what the person's body would give; None values leave a field out."""
        self._rng = np.random.default_rng(words)
        self._flickers = spread(0.06, 4.0, *words, 1)
        """How often in an hour it takes the bed for empty while somebody lies in it; most hardly, one in twenty once."""
        self._loses = 0.15 + 0.5 * share(*words, 2)
        """Share of the samples of somebody who turns over in which it has no pulse."""
        self._seconds = sensor.every / SECOND / rate
        self._box: list[Sample] = []

    def _fill(self, person: Person, ms: int) -> None:
        """The next samples of somebody who is in bed."""
        n, rng, habits, stay = _SAMPLES, self._rng, person.habits, person.stay
        asleep = stay.asleep
        hours = (ms - self.in_since) / HOUR
        sort = person.sort(ms)
        ill = 1.0 if sort.ill else 0.0
        deep = min(5.0, hours * 2.5) if asleep else 0.0
        # An hour and a half from one dream to the next: the pulse rises a little and the breath gets uneven.
        dream = max(0.0, float(np.sin(hours * 2 * np.pi / 1.5 - 1.6))) if asleep else 0.3
        per_minute, span = max(1, round(60 / self._seconds)), n * self._seconds
        minutes = -(-n // per_minute)
        unsteady = habits.unsteady
        slow = np.repeat(rng.normal(0, unsteady * (1.4 + 0.8 * dream), minutes), per_minute)[:n]
        pulse = habits.heart_rate - deep + 9 * ill + 2.5 * dream + slow
        pulse += rng.normal(0, 7.0 if habits.irregular else 1.2, n)
        # Breath is faster for a while more often than it is slower.
        around = rng.normal(0, 1, minutes)
        around *= np.where(around < 0, 0.65, 1.35) * min(1.5, unsteady) * (1.1 + 0.8 * dream)
        uneven = np.repeat(np.clip(around, -3, 5), per_minute)[:n]
        breath = habits.respiration_rate - 0.2 * deep + 2.5 * ill + uneven + rng.normal(0, 0.6, n)
        movement, quality = rng.integers(0, 5, n), rng.integers(78, 98, n)
        lost = np.zeros(n, bool)
        restless = habits.turns * (2.5 if sort.restless else 1.0) * ((1.1 + 0.8 * dream) if asleep else 4.0)
        for at in rng.integers(0, n, int(rng.poisson(restless * span / 600))).tolist():
            turn = slice(at, at + self._samples(rng.uniform(3, 22)))
            some = movement[turn].size
            movement[turn] = rng.integers(20, 75, some)
            quality[turn] = rng.integers(22, 62, some)
            lost[turn] = rng.random(some) < self._loses
            pulse[at : at + self._samples(40)] += float(rng.uniform(2, 11))
        samples = np.column_stack((np.rint(pulse), np.rint(breath), movement, quality)).astype(int)
        samples[lost, 0] = _LOST
        for at in rng.integers(0, n, int(rng.poisson(habits.pauses * span / 3600 if asleep else 0))).tolist():
            samples[at : at + self._samples(rng.uniform(10, 28)), 1] = 0
        for at in rng.integers(0, n, int(rng.poisson(self._flickers * span / 3600))).tolist():
            samples[at : at + self._samples(rng.uniform(3, 16)), 0] = _FLICKER
        self._box = [tuple(row) for row in samples[::-1].tolist()]

    def _samples(self, seconds: float) -> int:
        """How many samples so long a thing takes, at least one."""
        return max(1, round(seconds / self._seconds))

    def says(self, ms: int, stamp: str) -> bytes:
        sensor = self.sensor
        sensor.seq += 1
        if self.shows is not None:
            shown = {k: v for k, v in self.shows.items() if v is not None}
            return msgspec.json.encode({"time": stamp, "seq": sensor.seq, **shown})
        person = self.person
        if person is None or not person.stay.in_bed:
            self.in_since = 0
            self._box = []
            return _empty(stamp, sensor.seq)
        if not self.in_since:
            self.in_since = ms
        if not self._box:
            self._fill(person, ms)
        heart, breaths, movement, quality = self._box.pop()
        if ms - self.in_since < 20 * SECOND:
            # The belt is still looking for the pulse of somebody who has just lain down.
            return (
                f'{{"time":"{stamp}","seq":{sensor.seq},"in_bed":true,"movement":{min(100, 30 + movement)},"signal_quality":{quality // 3}}}'
            ).encode()
        if heart == _FLICKER:
            return _empty(stamp, sensor.seq)
        if heart == _LOST:
            return (
                f'{{"time":"{stamp}","seq":{sensor.seq},"heart_rate":0,"respiration_rate":0,"in_bed":true,"movement":{movement},'
                f'"signal_quality":{quality // 2}}}'
            ).encode()
        return (
            f'{{"time":"{stamp}","seq":{sensor.seq},"heart_rate":{heart},"respiration_rate":{breaths},"in_bed":true,'
            f'"movement":{movement},"signal_quality":{quality}}}'
        ).encode()


def _empty(stamp: str, seq: int) -> bytes:
    """Belts of this family send zeros for an empty bed."""
    return (
        f'{{"time":"{stamp}","seq":{seq},"heart_rate":0,"respiration_rate":0,"in_bed":false,"movement":0,"signal_quality":0}}'
    ).encode()
