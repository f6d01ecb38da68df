"""Test campaigns: a press may be the test only when everything says so, and only for ninety seconds."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from alerts.alert import Alert
from alerts.campaigns import CONFIRM_WITHIN, Campaign, awaited, campaign_id
from alerts.desk import Desk
from alerts.events import LevelRaised, Purpose, Why
from alerts.orders import NotAllowed
from care.messages import Evidence, Finding
from care.words import AlertState, Level, Phase
from tests.unit.test_alert_house import NOON, Story, a_finding, registry

HOUR = timedelta(hours=1)
CAMPAIGN = Campaign(
    id="c1", tester="s08", devices=("sos-0317", "smoke-0317"), begins=NOON - HOUR / 2, ends=NOON + HOUR / 2,
    made_at=NOON - HOUR, by="s03",
)  # fmt: skip
WINDOW = CONFIRM_WITHIN.total_seconds()
TESTED = {"cause": "C13", "verification": "V4", "actions": ["A2"], "outcome": "O1", "truth": "test"}


def a_press(name: str = "p", **more: Any) -> Finding:
    told: dict[str, Any] = {
        "code": "SOS1", "cause": "sos", "quantity": "sos", "device": "sos-0317", "pictogram": "sos",
        "title": {"zh": "SOS 呼叫", "en": "SOS"}, "life": True, **more,
    }  # fmt: skip
    return a_finding(name, **told)


def a_story(campaign: Campaign | None = CAMPAIGN) -> Story:
    story = Story()
    story.desk.campaigns = {} if campaign is None else {campaign.id: campaign}
    return story


def pressed(story: Story, **more: Any) -> Alert:
    story.hear(a_press(at=story.now, **more))
    return story.alert


def test_a_press_of_the_test_is_seen_at_once_and_asks_its_tester() -> None:
    """Yellow, on the desk, its tester asked by name with a link for just that; no red page yet."""
    alert = pressed(a_story())
    assert (alert.level, alert.state, alert.tester) == (Level.yellow, AlertState.new, "s08")
    assert alert.title["zh"] == "测试待确认：SOS 呼叫"
    asked = [d.delivery for d in alert.deliveries if d.delivery.reason is Why.testing]
    assert [(d.person, d.purpose, d.urgent) for d in asked] == [("s08", Purpose.test, True)]
    assert "s01" in {d.delivery.person for d in alert.deliveries}, "the desk hears of it like of any yellow"


def test_nobody_confirms_and_it_is_real() -> None:
    """Ninety seconds later it is red, with red's people and a promise that counts from then."""
    story = a_story()
    pressed(story)
    assert not any(isinstance(e, LevelRaised) for t in story.wait(WINDOW - 1) for e in t.events)
    raised = [e for t in story.wait(1) for e in t.events if isinstance(e, LevelRaised)]
    assert [(e.reason, e.level, e.title["zh"]) for e in raised] == [("not_confirmed", Level.red, "SOS 呼叫")]
    alert = story.alert
    assert alert.unanswered
    assert alert.arrive_by == NOON + CONFIRM_WITHIN + timedelta(minutes=10)
    assert {"s01", "s07"} <= {
        d.delivery.person for d in alert.deliveries if d.delivery.generation == 2 and d.delivery.urgent
    }


@pytest.mark.parametrize("command", ["acknowledge", "hold"])
def test_whoever_takes_it_meanwhile_does_not_make_it_a_test(command: str) -> None:
    """Taken or held by the desk it still becomes red, and loud again."""
    story = a_story()
    pressed(story)
    story.do("acknowledge")
    if command == "hold":
        story.do("hold", seconds=120)
    story.wait(WINDOW)
    assert story.alert.level is Level.red
    assert story.alert.unanswered


def test_confirmed_it_is_over_and_taken_back_it_is_real() -> None:
    """The tester's word closes it; undone within ten seconds, or opened again later, it is red when its time is up."""
    story = a_story()
    pressed(story)
    story.wait(20)
    story.do("close", "s08", version=story.alert.version, **TESTED)
    assert not story.alert.open
    story.wait(5)
    story.do("undo", "s08", reason="不是我按的")
    story.wait(WINDOW)
    assert story.alert.level is Level.red
    other = a_story()
    pressed(other)
    other.do("close", "s08", **TESTED)
    other.wait(600)
    other.do("reopen", reason="是真的")
    other.wait(0.1)
    assert other.alert.level is Level.red


def test_a_word_that_comes_too_late_closes_nothing() -> None:
    """Who confirms the case as it was finds it red and is refused."""
    story = a_story()
    version = pressed(story).version
    story.wait(WINDOW)
    with pytest.raises(NotAllowed, match="version"):
        story.do("close", "s08", version=version, **TESTED)


def test_a_second_press_is_real_at_once() -> None:
    """Somebody presses again: no tester is waited for."""
    story = a_story()
    pressed(story)
    story.wait(10)
    story.hear(a_press(at=story.now, phase=Phase.changed, reason="occurrence", occurrences=2))
    assert story.alert.level is Level.red


def test_an_alarm_that_goes_on_sounding_is_still_the_test() -> None:
    """A detector that repeats its one alarm while it is tried makes no red."""
    story = a_story()
    smoke = {"code": "SM1", "cause": "fire", "quantity": "smoke", "device": "smoke-0317"}
    story.hear(a_finding("s", at=story.now, **smoke))
    story.wait(10)
    story.hear(a_finding("s", at=story.now, phase=Phase.changed, reason="evidence", event_id="e2", **smoke))
    assert story.alert.level is Level.yellow
    story.hear(a_finding("s", at=story.now, phase=Phase.changed, reason="level", event_id="e3", **smoke))
    assert story.alert.level is Level.red


def test_another_device_of_the_home_is_real_and_makes_the_first_real() -> None:
    """A second detector that nobody tests: the fire is red as a whole."""
    story = a_story(msgspec.structs.replace(CAMPAIGN, devices=("smoke-0317",)))
    story.hear(a_finding("s1", at=story.now))
    assert story.alert.level is Level.yellow
    story.hear(a_finding("s2", at=story.now, device="sos-0317"))
    assert story.alert.level is Level.red


def test_with_something_else_the_matter_at_home_nothing_is_a_test() -> None:
    """An open case about the person: the press is a call."""
    story = a_story()
    story.finding("b", code="BD1", cause="bed", level=Level.yellow, life=False, device=None)
    assert pressed(story).level is Level.red
    fine = a_story()
    fine.finding("t", code="TE1", cause="device:smoke-0317", level=Level.blue, life=False)
    assert pressed(fine).level is Level.yellow, "a flat battery is no reason"


@pytest.mark.parametrize(
    ("campaign", "finding"),
    [
        ({"begins": NOON + HOUR / 4}, {}),
        ({"ends": NOON}, {}),
        ({"devices": ("smoke-0317",)}, {}),
        ({"tester": "s99"}, {}),
        ({"passed": {"sos-0317": NOON}}, {}),
        ({}, {"code": "SOS3"}),
        ({}, {"occurrences": 2}),
        ({}, {"late_seconds": 6.0}),
        ({}, {"onset_at": NOON - timedelta(seconds=6)}),
        ({}, {"device": None}),
        ({}, {"device": "sos-9"}),
        ({}, {"home": "h0400"}),
        ({}, {"phase": Phase.changed}),
        ({}, {"test": True}),
    ],
)
def test_whatever_is_not_plainly_the_test_is_real(campaign: dict[str, Any], finding: dict[str, Any]) -> None:
    """Outside the window, another device, no tester, tried already, borne out, pressed twice, late."""
    one = msgspec.structs.replace(CAMPAIGN, **campaign)
    assert awaited([CAMPAIGN], registry(), a_press(), NOON) == CAMPAIGN
    assert awaited([one], registry(), a_press(**finding), NOON) is None


def test_evidence_of_another_device_is_no_test() -> None:
    """Smoke and heat together are not one detector held under a tin."""
    seen = a_press()
    more = Evidence(device="motion-1", quantity="motion", value=True, at=NOON)
    assert (
        awaited([CAMPAIGN], registry(), msgspec.structs.replace(seen, evidence=[*seen.evidence, more]), NOON)
        is None
    )


def test_the_time_survives_a_restart() -> None:
    """A desk folded from the log again has the same timer, and says that it was late."""
    story = a_story()
    pressed(story)
    again = Desk.restore(story.registry, story.log, numbers=lambda: 999)
    assert again.next_due() == story.desk.next_due() == NOON + CONFIRM_WITHIN
    late = NOON + CONFIRM_WITHIN + timedelta(seconds=300)
    events = [e for t in again.tick(late) for e in t.events]
    (first, *_) = [e for e in events if isinstance(e, LevelRaised)]
    assert first.at == NOON + CONFIRM_WITHIN


def test_the_same_campaign_asked_for_twice_is_one() -> None:
    """Whatever the order of its devices."""
    assert campaign_id("s08", ["a", "b"], NOON) == campaign_id("s08", ["b", "a"], NOON)
