"""The personal clock: percentiles mean what they say, and what was learnt can be shown with what is not known."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import msgspec
import numpy as np

from rules import nights
from rules.baselines import below, level, moved, norm, reach
from rules.catalog import load
from rules.detectors import long_one
from rules.engine import Engine
from rules.limits import check_site
from rules.memory import HomeClock
from rules.stories import Story, read_paths
from tests.unit.test_engine import BOOK, a_site, an_engine, feed, said

STORIES = Path(__file__).parents[1] / "stories"


def told(name: str) -> tuple[Engine, Story]:
    """An engine at the end of a story."""
    book = load()
    story = next(s for s in read_paths([STORIES / "drift.yaml"], book) if name in s.name)
    engine = Engine(story.registry, book)
    engine.tick(story.start)
    for given in story.inputs:
        if given.report is not None:
            engine.tick(given.at)
            engine.feed(given.report, given.at)
    return engine, story


def test_a_percentile_means_what_it_says() -> None:
    """The next of values like these lies below `below(…, 0.95)` at least 95 times in 100, and not always (law of 4000)."""
    rng = np.random.default_rng(3)
    for draw in (rng.exponential, rng.standard_gamma):
        lives = draw(2.0, size=(4000, 41))
        inside = np.mean([x[-1] <= (below(x[:-1], 0.95, least=19) or 0.0) for x in lives])
        assert 0.94 <= inside <= 0.985


def test_too_few_are_not_known() -> None:
    """Eighteen outings promise no 95 %, nine nights no median."""
    assert below([10.0] * 18, 0.95, least=19) is None
    assert below(range(19), 0.95, least=19) == 18
    assert norm([60.0] * 9, least=10, floor=2.0) is None


def test_a_regular_sleeper_has_a_least_spread_and_one_odd_night_moves_nothing() -> None:
    """Without a floor one beat would be an alarm; a level is not made by its greatest value."""
    usual = norm([61.0] * 20, least=10, floor=2.0)
    assert usual is not None
    assert usual.spread == 2.0
    assert level([61, 61, 61, 61, 95]) == 61
    assert moved([61, 61, 61, 61, 95], usual, least=4) == 0
    assert moved([67.0] * 5, usual, least=4) == 3
    assert moved([67.0] * 3, usual, least=4) is None


def test_what_was_learnt_is_shown_with_what_is_not_known() -> None:
    """Value, spread, from how many nights and since when; a habit nobody could learn here has no value."""
    engine, story = told("one night with a fast pulse")
    shown = {h.name: h for h in engine.usual("home", story.start + timedelta(days=25)).habits}
    assert shown["pulse"].value == 61
    assert shown["pulse"].quantity == "heart_rate"
    assert shown["pulse"].seen >= shown["pulse"].needed == 10
    assert shown["get_up"].value == "06:10"
    assert shown["to_bed"].value == "21:30"
    assert shown["away"].value is None
    assert engine.lessons("home") > 0


def test_what_is_remembered_of_a_home_stays_small() -> None:
    """Five weeks of nights and days are a few thousand bytes, and no more after a year."""
    engine, _ = told("one night with a fast pulse")
    assert len(engine.snapshot()) < 6000


def test_ten_long_pauses_of_the_door_say_how_rarely_somebody_goes_out() -> None:
    """Every other day at most: the limit moves to the bound of four days; nine pauses say nothing, daily shopping changes none."""
    rare, daily = HomeClock(), HomeClock()
    rare.gaps = [h * 60 for h in (14, 50, 16, 52, 15, 49, 17, 51, 14, 53)]
    daily.gaps = [h * 60 for h in (20, 23, 15, 22, 21, 23, 14, 22, 20, 24)]
    found, usual = long_one(rare, "door_gap"), long_one(daily, "door_gap")
    assert found is not None
    assert found > 96 * 60
    assert usual is not None
    assert usual < 48 * 60
    rare.gaps.pop()
    assert long_one(rare, "door_gap") is None


def test_one_pause_in_a_hundred_is_longer_than_the_limit_learned_from_a_few() -> None:
    """Of people whose long pauses are drawn alike, whatever their mean: the next one is beyond the limit no more often
    than promised, from ten, twenty or forty of them.
    """
    rng = np.random.default_rng(1)
    for seen in (10, 20, 40):
        drawn = 12 * 60 + rng.exponential(9 * 60, size=(3000, seen + 1))
        beyond = [row[-1] > (reach(row[:-1], 0.99, least=10) or 0.0) for row in drawn]
        assert 0.004 < np.mean(beyond) < 0.0136, seen  # 0.01, and two standard errors


def test_what_came_once_in_a_month_is_no_rarer_than_that() -> None:
    """The limit lies nowhere below the longest pause seen, until a hundred others and more say better."""
    month = [24 * 60.0] * 28 + [63 * 60.0]
    assert reach(month, 0.99, least=10) == 63 * 60
    assert reach([24 * 60.0] * 250 + [63 * 60.0], 0.99, least=10) == 24 * 60


def test_how_far_back_usual_reaches_is_set_for_a_home_or_a_community() -> None:
    """Fourteen nights teach instead of 28; thirteen are beyond the bounds, and nobody's window is silently another."""
    past = np.zeros(40, dtype=nights.NIGHT)
    past["day"] = np.arange(1000, 1040)
    past["up"] = past["to_bed"] = nights.UNKNOWN_16
    assert nights.teachers(past, 1040, 28, lagged=True)["day"].tolist() == list(range(1005, 1033))
    assert nights.teachers(past, 1040, 14, lagged=True)["day"].tolist() == list(range(1019, 1033))

    for limits, community, window in (
        ({}, {}, 28),
        ({"usual_nights": 14}, {}, 14),
        ({}, {"usual_nights": 21}, 21),
    ):
        site = a_site(limits=limits)
        policy = msgspec.structs.replace(site.policy, rules={"VT10": community})
        engine = an_engine(msgspec.structs.replace(site, policy=policy))
        feed(engine, said("belt", 0, in_bed=True))
        assert engine._homes["h1"].window == window
    assert "below the hard bound 14" in check_site(a_site(limits={"usual_nights": 13}), BOOK)[0]
