"""A leak that goes on is red by time only where nobody answers (domain 3.4 WT1): it is put off, and made up for."""

from typing import Any

import pytest

from alerts.events import LevelRaised
from care.words import Level, Phase
from tests.unit.test_alert_house import Story

LEAK: dict[str, Any] = {
    "code": "WT1",
    "cause": "water",
    "quantity": "water_leak",
    "device": "leak-1",
    "life": False,
}
QUARTER = 15 * 60


def a_leak() -> Story:
    story = Story()
    story.finding("a", **LEAK, level=Level.yellow)
    return story


def goes_on(story: Story) -> None:
    story.finding("a", **LEAK, level=Level.red, phase=Phase.changed, reason="level")


def raised(story: Story) -> list[str]:
    return [e.reason for t in story.log for e in t.events if isinstance(e, LevelRaised)]


def test_nobody_has_it_and_a_quarter_of_an_hour_is_red() -> None:
    """The rule's own step, as ever."""
    story = a_leak()
    story.wait(QUARTER)
    goes_on(story)
    assert (story.alert.level, raised(story)) == (Level.red, ["finding"])


@pytest.mark.parametrize(
    "acts",
    [
        [("call", {"to": "home", "result": "answered"})],
        [("dispatch", {"responders": ["s07"]}), ("accept", {"actor": "s07"})],
    ],
)
def test_somebody_answers_or_goes_and_time_alone_changes_nothing(
    acts: list[tuple[str, dict[str, Any]]],
) -> None:
    """Water on the floor of somebody who knows of it, or where somebody is on the way, is no emergency by waiting."""
    story = a_leak()
    for command, more in acts:
        story.do(command, **more)
    story.wait(QUARTER)
    goes_on(story)
    story.finding("a", **LEAK, level=Level.red, phase=Phase.changed, reason="occurrence", occurrences=2)
    assert (story.alert.level, raised(story)) == (Level.yellow, [])
    story.wait(2 * 3600)
    assert story.alert.level is Level.yellow


def test_taken_a_moment_before_and_then_nothing_comes_of_it() -> None:
    """Who presses the button gets the time to ring; when nothing follows, the case is what the water made of it."""
    story = a_leak()
    story.wait(QUARTER - 60)
    story.do("acknowledge")
    story.wait(60)
    goes_on(story)
    assert story.alert.level is Level.yellow
    assert story.alert.work_seconds is not None
    story.wait(story.alert.work_seconds - 61)
    assert story.alert.level is Level.yellow
    story.wait(1)
    assert (story.alert.level, raised(story)) == (Level.red, ["no_answer"])
    assert story.alert.unanswered


def test_a_call_that_is_not_answered_makes_up_for_it_at_once() -> None:
    """And one that was not answered before puts nothing off."""
    story = a_leak()
    story.wait(QUARTER - 60)
    story.do("acknowledge")
    story.wait(60)
    goes_on(story)
    story.do("call", to="home", result="no_answer")
    assert (story.alert.level, raised(story)) == (Level.red, ["no_answer"])

    other = a_leak()
    other.wait(QUARTER - 60)
    other.do("call", to="home", result="no_answer")
    other.wait(60)
    goes_on(other)
    assert (other.alert.level, raised(other)) == (Level.red, ["finding"])


def test_a_second_sensor_waits_for_nobody() -> None:
    """Two wet sensors are more water, however well the first was answered."""
    story = a_leak()
    story.do("call", to="home", result="answered")
    story.finding("b", **{**LEAK, "device": "leak-2"}, level=Level.red)
    assert (story.alert.level, raised(story)) == (Level.red, ["finding"])


def test_what_dried_meanwhile_is_not_made_up_for() -> None:
    """The finding is over: a case that nobody worked on is loud again, and yellow."""
    story = a_leak()
    story.wait(QUARTER - 60)
    story.do("acknowledge")
    story.wait(60)
    goes_on(story)
    story.finding("a", **LEAK, level=Level.red, phase=Phase.cleared)
    story.wait(3600)
    assert (story.alert.level, raised(story)) == (Level.yellow, [])
