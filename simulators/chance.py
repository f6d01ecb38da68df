"""Chance that belongs to its name: the same words give the same number in every process, whatever else was drawn.

Start at `share`. A stream of draws (`Dice`, in `sensors`) shifts when one draw more is taken from it; a share does not. So
what a day is like is asked by its words (who, what about, which day), and another question changes no answer.
"""

from __future__ import annotations

from statistics import NormalDist

_MASK = (1 << 64) - 1
_NORMAL = NormalDist()


def share(*words: int) -> float:
    """A number in (0, 1), uniform over all words (splitmix64 over each of them in turn)."""
    z = 0x9E3779B97F4A7C15
    for word in words:
        z = (z ^ (word & _MASK)) + 0x9E3779B97F4A7C15 & _MASK
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & _MASK
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB & _MASK
        z ^= z >> 31
    return ((z >> 11) + 0.5) / (1 << 53)


def quick(word: int) -> int:
    """A number of 0 … 2047 that belongs to a word, for what is asked with every message: a rougher `share`."""
    z = word * 0x9E3779B97F4A7C15 & _MASK
    return ((z ^ (z >> 29)) * 0xBF58476D1CE4E5B9 & _MASK) >> 53


def between(low: float, high: float, *words: int) -> float:
    """A number between two others."""
    return low + (high - low) * share(*words)


def normal(*words: int) -> float:
    """A number of mean 0 and deviation 1, within ±2.8."""
    return _NORMAL.inv_cdf(min(0.9974, max(0.0026, share(*words))))


def spread(middle: float, factor: float, *words: int) -> float:
    """A positive number: half of them lie below the middle, and two in three within a factor of it (log-normal)."""
    return float(middle * factor ** normal(*words))
