"""「人在我这」: somebody's word makes a case milder that asks where the person is, and never one that calls for help."""

from typing import Any

import pytest

from alerts.events import LevelLowered, LevelRaised, Purpose, Vouched
from alerts.orders import NotAllowed
from care.words import Level, Phase
from tests.unit.test_alert_house import Story

QUIET: dict[str, Any] = {
    "code": "AC1",
    "cause": "activity",
    "quantity": "motion",
    "device": None,
    "life": False,
}


def a_case(**more: Any) -> Story:
    story = Story()
    story.finding("a", **{**QUIET, **more})
    return story


def events(story: Story) -> list[str]:
    return [type(e).__name__ for e in story.log[-1].events if isinstance(e, Vouched | LevelLowered)]


@pytest.mark.parametrize("cause", ["activity", "bed", "wandering", "door", "away"])
def test_a_word_lowers_what_asks_where_somebody_is(cause: str) -> None:
    """Red becomes yellow, is not closed, and says whose word it was."""
    story = a_case(cause=cause)
    assert story.alert.level is Level.red
    story.do("with_me", "c0317a")
    assert (story.alert.level, story.alert.open) == (Level.yellow, True)
    assert [(v.who, v.by) for v in story.alert.vouched] == [("c0317a", "c0317a")]
    assert events(story) == ["Vouched", "LevelLowered"]
    assert story.alert.next_step_at is not None, "the milder ladder goes on until somebody takes it"


@pytest.mark.parametrize(
    "case",
    [
        {"code": "SOS1", "cause": "sos", "life": True},
        {"code": "SM1", "cause": "fire", "life": True},
        {"code": "GS1", "cause": "gas", "life": True},
        {"code": "FL1", "cause": "fall"},
        {"code": "VT7", "cause": "vitals", "life": True},
        {"code": "VT1", "cause": "vitals"},
        {"code": "AC5", "cause": "activity", "life": True},
        {"code": "WT1", "cause": "water"},
        {"code": "TE5", "cause": "area"},
    ],
)
def test_a_word_never_lowers_a_call_for_help_or_what_a_detector_says(case: dict[str, Any]) -> None:
    """It is kept with the case and changes nothing else."""
    story = a_case(**case)
    before = story.alert
    story.do("with_me", "s09", note="在我家吃饭")
    assert (story.alert.level, story.alert.generation) == (before.level, before.generation)
    assert events(story) == ["Vouched"]
    assert [v.who for v in story.alert.vouched] == ["s09"]


def test_what_another_cause_bears_out_stays_red() -> None:
    """Nobody moves and somebody pressed for help: a word about the one is no word about the other."""
    story = Story()
    story.finding("a", **QUIET)
    quiet = story.alert
    story.finding("s", code="SOS1", cause="sos", quantity="sos", device="sos-0317", life=True)
    story.desk.command(quiet.id, _order("c0317a"), story.now)
    story.keep([story.desk.command(quiet.id, _order("c0317a"), story.now)])
    assert story.desk.alerts[quiet.id].level is Level.red


def _order(actor: str) -> Any:
    from tests.unit.test_alert_house import an_order

    return an_order("with_me", actor)


def test_said_twice_is_once_yellow_stays_yellow_and_closed_is_closed() -> None:
    """No second transition, no further step down, no word on what is over."""
    story = a_case()
    story.do("with_me", "c0317a")
    assert story.do("with_me", "c0317a").events == ()
    story.wait(60)
    story.do("with_me", "s09")
    assert story.alert.level is Level.yellow
    story.do("close", cause="C15", verification="V2", actions=["A1"], outcome="O1")
    with pytest.raises(NotAllowed, match="closed"):
        story.do("with_me", "s08")


def test_more_of_the_same_does_not_undo_the_word_and_something_graver_does() -> None:
    """The rule goes on saying what it said; a further occurrence is red again."""
    story = a_case()
    story.do("with_me", "c0317a")
    story.wait(30)
    for reason, level in (("evidence", Level.yellow), ("occurrence", Level.red)):
        story.finding("a", **QUIET, phase=Phase.changed, reason=reason, event_id=reason)
        assert story.alert.level is level
    assert any(isinstance(e, LevelRaised) for e in story.log[-1].events)


def test_who_has_the_case_keeps_it() -> None:
    """An operator who took it goes on with it; the family's message asks the question only where it may help."""
    story = a_case()
    story.do("acknowledge")
    asked = [d.delivery for d in story.alert.deliveries if d.delivery.person == "c0317a"]
    assert [d.purpose for d in asked] == [Purpose.with_me]
    story.do("with_me", "c0317a")
    assert (story.alert.owner, story.alert.resumed) == ("s01", False)
    fire = Story()
    fire.finding()
    fire.do("acknowledge")
    told = [d.delivery for d in fire.alert.deliveries if d.delivery.person == "c0317a"]
    assert [d.purpose for d in told] == [Purpose.inform]
