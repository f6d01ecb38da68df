"""Samples of a bed belt: which count, and what most of them said over the last minutes. Start at `take` and `most`.

A belt speaks every second, every ten or once a minute, loses the person when they turn over, and is wrong now and
then. So a rule about pulse or breath never looks at one value: it asks what most *valid* samples of its window said.
A sample is valid in bed, inside the limits of a living body, when its signal is good and the body still (both by the
rule's own limits), and when it is no jump that nobody confirms (VT9). Zero is not a low value but no value: it
never counts as slow. What zeros do mean, pressure on the bed without breath, is `lost`.

The window slides, and is kept as the samples themselves (a bounded list), so that every limit of every resident can be
asked of it literally. Time that nobody measured is never counted: a pause longer than `pause_of` begins anew.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice, pairwise
from statistics import median
from typing import Any, Final

from rules.memory import Field, Samples

HEART, BREATH = 1, 2
"""Places in a sample."""
PLACES: Final = {"heart_rate": HEART, "respiration_rate": BREATH}
TELLING: Final = frozenset({"heart_rate", "respiration_rate", "in_bed", "bed_state"})

AWAY = 2 * 60_000
"""Shorter absences are the mat's, not the person's: whoever is back sooner did not just get into bed (BD1)."""
FLICK = 60_000
"""So long a mat that flickers may lose its sleeper without anybody having got up: whose breath is lost meanwhile still
lies there (VT7's own minute)."""
FAITH = 15 * 60_000
"""Breath heard so lately shows that there is somebody whose breath can be lost."""
PAUSE = 60_000
"""No valid sample for longer and what was held is no longer known; belts that speak seldom have three of their turns."""
LONGEST_TURN = 5 * 60_000
FRESH = 2 * 60_000
"""A signal quality or movement told by itself counts so long for the samples after it."""
SPACING = 1_000
"""Samples closer together than this are one."""
NEIGHBOUR = 20_000
"""Two samples so near are neighbouring windows: between them a heart does not jump (VT9)."""
CONFIRMS = 9_000
"""The next window of ten seconds, with a belt's small unpunctuality."""
FEWEST = 3
MOST = 1000

TWO_HEARTS_FEWEST = 10
NARROW = 4.0
"""Two levels are two hearts when they lie so many of their own spreads apart; one broad level splits at 2.7."""
TO_AND_FRO = 5
ROUNDING = 1e-6

FLICKS, FLICKS_WITHIN = 10, 2 * 3600_000
"""A bed sensor that changes its mind so often within two hours flickers: five walks in two hours are rare, and the
mats of the recordings lose the person 160 to 650 times a night (fixtures/README.md)."""

MOVING: Final = frozenset({"movement", "moving", "turn_over", "turning", "body_movement"})
HEAVY: Final = "heavy_object"
WEAK: Final = "weak_breathing"
WEAK_BREATH = 1.0
"""What "weak breathing" of a mattress without a number counts as: below every limit, and above none."""
NO_VALUE: Final = frozenset(
    {"init", "initialising", "initializing", "not_ready", "not_connected", "no_signal"}
)
POOR = 30.0
"""A signal quality below this is bad (BD7)."""
RECOVERED = 5 * 60_000
"""A bad signal is over once it has been good for so long."""
LOOK_EVERY = 5 * 60_000
"""So often the rules that have no limit to cross look at the samples."""
STILL = 20.0
"""Movement (0–100) above this is a body that moves by itself: nobody has stopped breathing."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Rule VT9: what no living body shows."""

    heart: tuple[float, float] = (20, 220)
    breath: tuple[float, float] = (2, 60)
    jump: float = 40

    @classmethod
    def of(cls, limits: Mapping[str, Any]) -> Filter:
        """From the parameters of VT9."""
        return cls(
            (limits["heart_low"], limits["heart_high"]),
            (limits["breath_low"], limits["breath_high"]),
            limits["jump"],
        )


@dataclass(frozen=True, slots=True)
class Band:
    """Inside it no rule of this bed has anything to say: the way of nearly every sample."""

    heart: tuple[float, float] = (-1, 1e9)
    breath: tuple[float, float] = (-1, 1e9)

    def holds(self, heart: float, breath: float) -> bool:
        """Whether both lie inside, or are none."""
        inside = heart <= 0 or self.heart[0] < heart < self.heart[1]
        return inside and (breath <= 0 or self.breath[0] < breath < self.breath[1])

    def without(self, place: int, above: bool, limit: float) -> Band:  # a row of a table
        """Narrower by one limit of a rule."""
        low, high = self.heart if place == HEART else self.breath
        low, high = (low, min(high, limit)) if above else (max(low, limit), high)
        return Band((low, high), self.breath) if place == HEART else Band(self.heart, (low, high))


def take(
    s: Samples,
    values: Mapping[str, Any],
    unknown: Iterable[str],
    fields: Mapping[str, Field],
    bed_says: Callable[[], Any],
    at: int,
    *,
    keep: int,
    band: Band,
    sieve: Filter,
) -> bool:
    """Take in one report of a belt; True when a rule may have something to say about it.

    `bed_says` tells whether the bed is occupied by other devices, for a belt that does not know itself; `keep` is how
    far back (ms) samples are needed.
    """
    get = values.get
    in_bed = get("in_bed")
    if in_bed is True and not unknown:
        tells = _take_ordinary(s, values, fields, at, keep, band, sieve)
        if tells is not None:
            return tells
    heart, breath = _number(get("heart_rate")), _number(get("respiration_rate"))
    state = get("bed_state")
    told = heart is not None or breath is not None or in_bed is not None or state is not None
    if not told and (not unknown or TELLING.isdisjoint(unknown)):
        return False
    f = fields.get("in_bed")
    if in_bed is None and "in_bed" not in unknown:
        in_bed = f.value if f is not None else bed_says()
    if (f is not None and f.noisy_until > at) or (in_bed is not True and in_bed is not False):
        in_bed = None
    newest = at > s.at
    if newest:
        s.at = at
    if state is None and "bed_state" in fields and "bed_state" not in unknown:
        state = fields["bed_state"].value
    if in_bed is False:
        if newest:
            s.out_since = s.out_since or at
            if at - s.out_since >= FLICK or not flickers(f, at):
                _forget(s)
            else:
                s.lost_more -= 1
        return False
    if in_bed is None and state != HEAVY:
        return False
    if newest and s.out_since:
        if at - s.out_since >= FLICK:
            _forget(s)
        if at - s.out_since >= AWAY:
            s.entered_at = at
        s.out_since = 0
    if state in NO_VALUE:
        return False
    quality = _number(get("signal_quality"))
    if quality is None:
        quality = _lately(fields.get("signal_quality"), at)
    movement = _number(get("movement"))
    if movement is None:
        movement = _lately(fields.get("movement"), at)
    if state in MOVING:
        movement = 100.0
    low, high = sieve.heart
    pulse = heart if heart is not None and low <= heart <= high else 0
    low, high = sieve.breath
    if breath is not None:
        air = breath if low <= breath <= high else 0
    else:
        air = 0 if "respiration_rate" in unknown else -1
    if state == WEAK and breath != 0:
        air = min(air, WEAK_BREATH) if air > 0 else WEAK_BREATH
    if newest:
        _follow(s, heart, breath, pulse, air, quality, movement, at)
        _judge(s, heart, breath, pulse, air, quality, at)
    if at >= s.looked_at + LOOK_EVERY:
        s.looked_at, tells = at, True
    else:
        tells = is_marked(s)
    if quality == 0 or (heart is None and breath is None and state != WEAK):
        return tells
    if newest:
        turn = at - s.measured_at
        if s.measured_at and turn <= LONGEST_TURN:
            s.every = (7 * s.every + turn) // 8 if s.every else turn
        s.measured_at = at
    sample = (at, pulse, air, -1 if quality is None else quality, 0 if movement is None else movement)
    taken = s.taken
    if not taken or at >= taken[-1][0] + SPACING:
        if pulse:
            _sift(s, pulse, at, sieve.jump)
        taken.append(sample)
        if taken[0][0] < at - keep - PAUSE:
            del taken[: bisect_left(taken, (at - keep,))]
    elif taken[0][0] < at < taken[-1][0]:
        insort(taken, sample)  # a report that was late, in its place
        return True
    low, high = band.heart
    if pulse and not low < pulse < high:
        return True
    low, high = band.breath
    return tells or (air > 0 and not low < air < high)


def _take_ordinary(
    s: Samples,
    values: Mapping[str, Any],
    fields: Mapping[str, Field],
    at: int,
    keep: int,
    band: Band,
    sieve: Filter,
) -> bool | None:
    """Nearly every report of a belt, by a shorter way: somebody lies there, all is measured, nothing is in question.

    It does what `take` does of such a report, and only that; None, with nothing touched, when the report is another.
    """
    get: Callable[[str], Any] = values.get
    heart, breath = get("heart_rate"), get("respiration_rate")
    quality, movement = get("signal_quality"), get("movement")
    taken = s.taken
    if (
        type(heart) not in _NUMBERS
        or type(breath) not in _NUMBERS
        or type(quality) not in _NUMBERS
        or type(movement) not in _NUMBERS
        or not sieve.heart[0] <= heart <= sieve.heart[1]
        or not sieve.breath[0] <= breath <= sieve.breath[1]
        or not (heart > 0 and breath > 0 and POOR <= quality <= MOST and 0 <= movement <= MOST)
        or at <= s.at
        or s.out_since or s.lost_since or s.mute_since or s.pulseless_since or s.poor_since or s.doubted
        or not taken
        or "bed_state" in values
        or "bed_state" in fields
    ):  # fmt: skip
        return None
    f, last = fields.get("in_bed"), taken[-1]
    turn = at - last[0]
    if (
        (f is not None and f.noisy_until > at)
        or turn < SPACING
        or not last[HEART]
        or (turn <= NEIGHBOUR and abs(heart - last[HEART]) > sieve.jump)
    ):
        return None
    s.at = s.pulse_at = at
    every = s.every
    turn = at - s.breath_at
    if not s.breath_since or (turn > PAUSE and turn > pause_of(s)):
        s.breath_since = at
    elif turn <= LONGEST_TURN:
        s.breath_every = (7 * s.breath_every + turn) // 8 if s.breath_every else turn
    s.breath_at = at
    turn = at - s.sound_at
    if not s.sound_since or (turn > PAUSE and turn > pause_of(s)):
        s.sound_since = at
    s.sound_at = at
    tells = at >= s.looked_at + LOOK_EVERY
    if tells:
        s.looked_at = at
    turn = at - s.measured_at
    if s.measured_at and turn <= LONGEST_TURN:
        s.every = (7 * every + turn) // 8 if every else turn
    s.measured_at = at
    taken.append((at, heart, breath, quality, movement))
    if taken[0][0] < at - keep - PAUSE:
        del taken[: bisect_left(taken, (at - keep,))]
    low, high = band.heart
    if not low < heart < high:
        return True
    low, high = band.breath
    return tells or not low < breath < high


def flickers(f: Field | None, at: int) -> bool:
    """Whether a bed sensor changes its mind too often to be believed when it loses the sleeper for a moment."""
    return f is not None and len(f.flicks) >= FLICKS and f.flicks[0] >= at - FLICKS_WITHIN


def _forget(s: Samples) -> None:
    """Whoever lay there is gone: whoever comes next has their own breath, and is measured anew."""
    s.breath_at = s.breath_since = s.lost_since = s.doubted = 0
    s.mute_since = s.pulseless_since = s.poor_since = s.sound_since = 0


def is_marked(s: Samples) -> bool:
    """Whether something has begun that a rule may speak of once it has lasted: without breath, deaf, bad."""
    return bool(s.lost_since or s.mute_since or s.pulseless_since or s.poor_since)


_NUMBERS: Final = (int, float)


def _judge(s: Samples, heart: Any, breath: Any, pulse: float, air: float, quality: Any, at: int) -> None:
    """How well the belt measures: whether it hears anything, and whether that can be (VT9 counts here)."""
    pause = pause_of(s)
    heard = pulse > 0 or air > 0
    if heart is not None or breath is not None or not heard:
        if heard and quality != 0:
            if s.mute_since and not (heart is None and breath is None):
                s.mute_since = 0
        elif heart is not None or breath is not None or at - s.sound_at > pause:
            if not s.mute_since or at - s.mute_at > pause:
                s.mute_since = at
            s.mute_at = at
    if heart == 0 and air > 0:
        s.pulseless_since = s.pulseless_since or at
    elif pulse > 0:
        s.pulseless_since = 0
    impossible = (heart and not pulse) or (breath and air <= 0)
    if (quality is not None and quality < POOR) or impossible:
        if not s.poor_since or at - s.poor_at > max(RECOVERED, pause):
            s.poor_since, s.poor_more = at, 0
        s.poor_at = at
        s.poor_more += 1
        s.sound_since = 0
    elif heard:
        if not s.sound_since or at - s.sound_at > pause:
            s.sound_since = at
        s.sound_at = at
        if s.poor_since:
            # Whoever turns over spoils a report now and then: a bad signal is one that is bad most of the time.
            s.poor_more -= 1
            if s.poor_more <= 0 or at - s.poor_at > RECOVERED:
                s.poor_since = s.poor_more = 0


def _number(value: Any) -> Any:
    """The value if it can be one of a belt: whatever else is in the stream must never reach the memory."""
    return value if type(value) in (int, float) and 0 <= value <= MOST else None


def _lately(f: Field | None, at: int) -> Any:
    return _number(f.value) if f is not None and at - f.at <= FRESH else None


def _sift(s: Samples, pulse: float, at: int, jump: float) -> None:
    """VT9: a jump between neighbouring windows is doubted until the next one says the same; else it was none.

    The samples in doubt stay where they are, so that what is confirmed counts from its first moment.
    """
    taken = s.taken
    if s.doubted:
        i = bisect_left(taken, (s.doubted,))
        jumped = next((t[HEART] for t in taken[i:] if t[HEART]), pulse)
        before = next((t[HEART] for t in reversed(taken[:i]) if t[HEART]), jumped)
        to_it, back = abs(pulse - jumped), abs(pulse - before)
        if to_it <= jump and to_it <= back:
            if at - s.doubted >= CONFIRMS:
                s.doubted = 0
            return
        for k in range(i, len(taken)):  # a glitch: no value
            taken[k] = (taken[k][0], 0, *taken[k][2:])
        s.doubted = at if back > jump else 0
        return
    last = next((t for t in reversed(taken[-4:]) if t[HEART]), None)
    if last is not None and at - last[0] <= NEIGHBOUR and abs(pulse - last[HEART]) > jump:
        s.doubted = at


def _follow(
    s: Samples, heart: Any, breath: Any, pulse: float, air: float, quality: Any, movement: Any, at: int
) -> None:
    """Follow breath and its absence. A lost signal says neither; a body that moves has not stopped breathing."""
    if quality == 0:
        s.lost_since = s.breath_since = 0
        return
    if pulse:
        s.pulse_at = at
    if air > 0:
        turn = at - s.breath_at
        if not s.breath_since or turn > pause_of(s):
            s.breath_since = at
        elif turn <= LONGEST_TURN:
            s.breath_every = (7 * s.breath_every + turn) // 8 if s.breath_every else turn
        s.breath_at = at
        s.lost_since = 0
        return
    if movement is not None and movement > STILL:
        s.lost_since = 0
        return
    if pulse and breath is None:
        # The pulse by itself ends what was only not said; a breathing of 0 that was said stands.
        if s.lost_since and s.zero_at < s.lost_since:
            s.lost_since = 0
        return
    if breath:
        return  # a value that cannot be is neither breath nor its absence
    if not s.breath_at or (not s.lost_since and at - s.breath_at > FAITH):
        return
    if not pulse and (s.pulse_at or heart is not None) and not s.lost_since and at - s.pulse_at > FAITH:
        return  # the pulse has not been heard for long: a lead was off, and now the breath is gone with it
    if breath == 0:
        s.zero_at = at
    elif at - s.breath_at < s.breath_every * 3 // 4:
        return  # a value that comes by turns is missed when its turn is over
    s.breath_since = 0
    if not s.lost_since or at - s.lost_at > pause_of(s):
        s.lost_since, s.lost_more = at, 0
    s.lost_at = at
    s.lost_more += 1


def pause_of(s: Samples) -> int:
    """Longest pause (ms) that what a belt says may have and still be one stretch."""
    return max(PAUSE, 3 * min(s.every, LONGEST_TURN))


@dataclass(frozen=True, slots=True)
class Ask:
    """Which samples count for a rule: its own limits."""

    share: float
    """Percent of the valid samples that must agree."""
    quality: float
    movement: float
    fresh: int
    """Samples so soon (ms) after getting into bed do not count."""


def valid(s: Samples, place: int, ask: Ask, sample: tuple[float, ...]) -> float:
    """The value of a sample that counts; 0 when it does not."""
    value = sample[place]
    if value <= 0 or -1 < sample[3] < ask.quality or sample[4] > ask.movement:
        return 0
    if place == HEART and (sample[BREATH] == 0 or (s.doubted and sample[0] >= s.doubted)):
        return 0
    if ask.fresh and s.entered_at and s.entered_at <= sample[0] < s.entered_at + ask.fresh:
        return 0
    return value


def _valid(s: Samples, place: int, window: int, now: int, ask: Ask) -> list[float]:
    """The values of a window that count (`valid`), in order of time."""
    taken, quality_min, movement_max = s.taken, ask.quality, ask.movement
    first = bisect_left(taken, (now - window,))
    is_heart, doubted = place == HEART, s.doubted or now + 1
    fresh_from = s.entered_at if ask.fresh else 0
    fresh_to = fresh_from + ask.fresh
    return [
        sample[place]
        for sample in islice(taken, first, None)
        if sample[place] > 0
        and sample[0] <= now
        and not -1 < sample[3] < quality_min
        and sample[4] <= movement_max
        and not (is_heart and (sample[BREATH] == 0 or sample[0] >= doubted))
        and not fresh_from <= sample[0] < fresh_to
    ]


def most(
    s: Samples, place: int, op: str, limit: float, window: int, now: int, ask: Ask
) -> tuple[bool | None, int]:
    """Whether most valid samples have met a limit for so long (ms), and since when; None when too little is known.

    "For so long": the oldest sample of the window that meets it is at least as old as the window. What came
    before a pause without valid samples is forgotten. When the answer is no, the time is that before which it cannot
    become yes, whatever comes.
    """
    pause = pause_of(s)
    start = now - window
    earliest = start - min(s.every, pause)
    valid_ones = met = received = oldest = 0
    later = now
    is_heart, quality_min, movement_max = place == HEART, ask.quality, ask.movement
    doubted = s.doubted or now + 1
    fresh_from = s.entered_at if ask.fresh else 0
    fresh_to = fresh_from + ask.fresh
    high, strict = op in (">", ">="), op in (">", "<")
    for sample in reversed(s.taken):
        at, _, breath, quality, movement = sample
        if at > now:
            continue
        if at < earliest or later - at > pause:
            break
        inside = at >= start
        received += inside
        value = sample[place]
        if (
            value <= 0
            or -1 < quality < quality_min
            or movement > movement_max
            or (is_heart and (breath == 0 or at >= doubted))
            or fresh_from <= at < fresh_to
        ):
            continue
        later = at
        valid_ones += inside
        if (value == limit and not strict) or (value > limit if high else value < limit):
            met += inside
            oldest = at
    fewest = FEWEST if window >= 2 * s.every else 2
    if valid_ones < fewest or 2 * valid_ones < received:
        return None, 0
    if not oldest or now - oldest < window or 100 * met < ask.share * valid_ones:
        return False, (oldest or now) + window
    return True, oldest


def known_until(s: Samples, place: int, ask: Ask, now: int) -> int:
    """Until when (ms) the last valid sample is believed; 0 when there is none."""
    for sample in reversed(s.taken):
        if sample[0] <= now and valid(s, place, ask, sample):
            return sample[0] + pause_of(s)
        if sample[0] < now - LONGEST_TURN:
            break
    return 0


def middle(s: Samples, place: int, window: int, now: int, ask: Ask) -> float | None:
    """Median of the valid samples of a window; None when there are too few."""
    values = _valid(s, place, window, now, ask)
    return median(values) if len(values) >= FEWEST else None


def lost(s: Samples, now: int) -> tuple[int, bool] | None:
    """Since when (ms) there is pressure without breath, by its reports, and whether a pulse is still shown."""
    if not s.lost_since or now < s.lost_since or s.lost_more <= 0:
        return None
    return s.lost_since, s.pulse_at >= s.lost_since


def two_hearts(s: Samples, window: int, now: int, ask: Ask, apart: float) -> bool | None:
    """Whether the pulse jumps to and fro between two levels: two sleepers, or a pet. None when too little is known.

    The levels are the split of the window's samples that tells them best apart (Otsu). Two people show two narrow
    levels and many changes between them; a pulse that rises is one change, one that flutters is one broad level.
    """
    values = _valid(s, HEART, window, now, ask)
    n = len(values)
    if n < TWO_HEARTS_FEWEST:
        return None
    if max(values) - min(values) < apart:
        return False
    ordered = sorted(values)
    quarter = (n + 3) // 4  # each level has so many: they lie no further apart than the outermost quarters
    if (sum(ordered[-quarter:]) - sum(ordered[:quarter])) / quarter < apart - ROUNDING:
        return False
    total, below, best, split = sum(ordered), 0.0, -1.0, 0
    for i in range(1, n):
        below += ordered[i - 1]
        gain = i * (n - i) * ((total - below) / (n - i) - below / i) ** 2
        if gain > best:
            best, split = gain, i
    low, high = ordered[:split], ordered[split:]
    if min(len(low), len(high)) * 4 < n:
        return False
    middles = sum(low) / len(low), sum(high) / len(high)
    spread = sum((v - middles[0]) ** 2 for v in low) + sum((v - middles[1]) ** 2 for v in high)
    if middles[1] - middles[0] < max(apart, NARROW * (spread / n) ** 0.5):
        return False
    edge = (low[-1] + high[0]) / 2
    changes = sum((a > edge) is not (b > edge) for a, b in pairwise(values))
    return changes >= TO_AND_FRO
