"""Chance by name: even, without a trace of the day before, and the same for ever."""

import itertools
import statistics

import pytest

from simulators.chance import between, normal, share, spread


def test_a_share_is_what_it_was():
    """These numbers are the world's: when they change, every simulated day does."""
    assert [round(share(*words), 6) for words in ((1,), (1, 2), (2, 1), (1, 2, -3))] == [
        0.912597,
        0.517732,
        0.183217,
        0.050491,
    ]


def test_shares_are_even_and_days_do_not_hang_together():
    """Over the days of a topic, and over topics of a day: uniform, and one says nothing of the next."""
    for row in (
        [share(7, 3, day) for day in range(739_000, 743_000)],
        [share(7, topic, 739_000) for topic in range(4000)],
    ):
        assert statistics.mean(row) == pytest.approx(0.5, abs=0.02)
        assert statistics.pstdev(row) == pytest.approx(0.2887, abs=0.01)
        assert abs(statistics.correlation(row[:-1], row[1:])) < 0.05
        assert all(0 < x < 1 for x in row)
        assert len(set(row)) == len(row)
    assert not any(a == b for a, b in itertools.pairwise(share(n) for n in range(100)))


def test_what_is_made_of_shares():
    """Between its bounds, of mean 0 and deviation 1, and with the middle in the middle."""
    assert all(3 <= between(3, 5, n) <= 5 for n in range(500))
    normals = [normal(5, n) for n in range(4000)]
    assert statistics.mean(normals) == pytest.approx(0, abs=0.05)
    assert statistics.pstdev(normals) == pytest.approx(1, abs=0.05)
    assert max(normals) < 2.81
    spreads = [spread(40, 2, 6, n) for n in range(4000)]
    assert statistics.median(spreads) == pytest.approx(40, rel=0.06)
    assert sum(20 <= x <= 80 for x in spreads) / len(spreads) == pytest.approx(0.683, abs=0.03)
