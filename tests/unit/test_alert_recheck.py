"""Advice on the telephone is looked after: ten minutes later the home is rung again, or the case is loud (ux.md 9.3)."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from alerts import scripts
from alerts.alert import Alert, timers
from alerts.lifecycle import fold
from alerts.texts import message, state_words
from care.words import Phase
from tests.unit.test_alert_house import CODES, Story, seconds

COOKING = "刚才是不是在烧菜？是"
NOT_COOKING = "刚才是不是在烧菜？否"
GONE = "烟散了，烟感也不响了吗？是"
STILL = "烟散了，烟感也不响了吗？否"
SCREENS = Path(__file__).parents[2] / "web/src/texts/case.zh.ts"


def advised() -> Story:
    """Taken, rung, answered; a minute later the elder says that it was the cooking."""
    story = Story()
    story.finding()
    story.do("acknowledge")
    story.do("call", to="home", result="answered")
    story.wait(60)
    story.do("note", note=COOKING)
    return story


def again_from_log(story: Story) -> Alert:
    folded: Alert | None = None
    for transition in story.log:
        folded = fold(folded, transition)
    assert folded is not None
    return folded


def test_after_advice_the_case_is_loud_again_when_the_time_is_over() -> None:
    """Not before; it says why, survives a replay of the log, and taking it makes it quiet."""
    story = advised()
    due = story.now + timedelta(minutes=10)
    assert story.alert.recheck_at == due
    assert [t.at for t in timers(story.alert) if t.kind == "recheck"] == [due]
    assert again_from_log(story) == story.alert
    story.wait(599)
    assert not story.alert.resumed
    story.wait(1)
    assert (story.alert.resumed, story.alert.resumed_why, story.alert.recheck_at) == (True, "recheck", None)
    assert (state_words(story.alert), state_words(story.alert, "en")) == (
        "复查到时，请再打电话",
        "Re-check due, ring again",
    )
    assert again_from_log(story) == story.alert
    loud = story.wait(130)
    assert [d for t in loud for d in t.deliveries], "the ladder goes on"
    story.do("acknowledge")
    assert (story.alert.resumed, story.alert.resumed_why) == (False, None)


def test_the_last_answer_counts() -> None:
    """A later answer with advice moves the time; other answers and the same words in a longer note do not."""
    story = advised()
    story.wait(120)
    story.do("note", note="看到火或者浓烟了吗？否")
    story.do("note", note=f"{COOKING}，吵得很")
    assert story.alert.recheck_at == story.now + seconds(480)
    story.do("note", note=GONE)
    assert story.alert.recheck_at == story.now + seconds(600)


def test_an_answer_given_otherwise_takes_its_recheck_back() -> None:
    """The wrong key, put right: nobody is rung for it, and the history keeps both answers."""
    story = advised()
    story.wait(120)
    story.do("note", note=NOT_COOKING)
    assert (story.alert.recheck_at, story.alert.advised_at) == (None, None)
    assert all(t.kind != "recheck" for t in timers(story.alert))
    assert [n.note for n in story.alert.notes] == [COOKING, NOT_COOKING]
    assert again_from_log(story) == story.alert
    story.wait(900)
    assert not story.alert.resumed
    # Yes after all: it counts from then on.
    story.do("note", note=COOKING, key="later")
    assert story.alert.recheck_at == story.now + seconds(600)


def test_what_another_answer_was_promised_stands() -> None:
    """「我们也会再打给您」 was said for the smoke that is gone, whatever it came from."""
    story = advised()
    story.wait(120)
    story.do("note", note=GONE)
    story.do("note", note=NOT_COOKING)
    assert story.alert.recheck_at == story.now + seconds(600)
    story.do("note", note=STILL)
    assert story.alert.recheck_at is None
    # The other way about: what is left is the time of the first, or at once when that is past.
    other = advised()
    other.wait(120)
    other.do("note", note=GONE)
    other.wait(60)
    other.do("note", note=STILL)
    assert other.alert.recheck_at == other.now + seconds(420)
    other.do("note", note=GONE, key="again")
    other.wait(450)
    assert not other.alert.resumed
    other.do("note", note=STILL, key="no")
    assert other.alert.recheck_at == other.now
    other.wait(0)
    assert other.alert.resumed_why == "recheck"
    assert again_from_log(other) == other.alert


def test_words_that_are_no_answer_take_nothing_back() -> None:
    story = advised()
    due = story.alert.recheck_at
    story.do("note", note=f"{NOT_COOKING}，她改口了")
    story.do("note", note="看到火或者浓烟了吗？否")
    story.do("close", **CODES)
    story.do("undo", reason="点错了")
    assert story.alert.recheck_at == due


def _rung_again(story: Story) -> None:
    story.wait(300)
    story.do("call", to="home", result="answered")


def _gone_to(story: Story) -> None:
    story.do("dispatch", responders=["s07"])
    story.do("accept", actor="s07")


def _there(story: Story) -> None:
    story.do("arrive", actor="s07")


def _closed(story: Story) -> None:
    story.do("close", **CODES)


def _closed_and_opened(story: Story) -> None:
    story.do("close", **CODES)
    story.do("reopen", reason="又响了")


@pytest.mark.parametrize("what", [_rung_again, _gone_to, _there, _closed, _closed_and_opened])
def test_who_was_rung_again_or_is_gone_to_is_not_rung_again(what: Callable[[Story], None]) -> None:
    story = advised()
    what(story)
    assert (story.alert.recheck_at, story.alert.advised_at) == (None, None)
    story.wait(700)
    assert story.alert.resumed_why != "recheck"


def test_a_call_that_was_not_answered_or_was_to_a_relative_is_no_recheck() -> None:
    for call in ({"to": "home", "result": "no_answer"}, {"to": "c0317a", "result": "answered"}):
        story = advised()
        story.wait(300)
        story.do("call", **call)
        assert story.alert.recheck_at == story.now + seconds(300)


def test_the_call_in_which_it_was_said_may_be_written_down_after_it() -> None:
    """Whoever asks first and writes down the call when it is over has not rung again."""
    story = Story()
    story.finding()
    story.do("acknowledge")
    story.do("note", note=COOKING)
    story.wait(50)
    story.do("call", to="home", result="answered")
    assert story.alert.recheck_at == story.now + seconds(550)
    story.wait(200)
    story.do("call", to="home", result="answered")
    assert story.alert.recheck_at is None
    # Said again in the second call, whose result is written down a moment later.
    story.do("note", note=COOKING)
    story.wait(40)
    story.do("call", to="home", result="answered")
    assert story.alert.recheck_at == story.now + seconds(560)


def test_while_somebody_is_there_or_once_it_is_closed_advice_needs_no_recheck() -> None:
    story = Story()
    story.finding()
    story.do("accept", actor="s07")
    story.do("note", note=COOKING)
    assert story.alert.recheck_at is None
    story = advised()
    story.do("close", **CODES)
    story.wait(60)
    assert story.do("note", note=COOKING).events
    assert story.alert.recheck_at is None


def test_handed_over_it_stays_and_given_back_it_is_loud_before() -> None:
    story = advised()
    due = story.alert.recheck_at
    story.do("hand_over", to="s02")
    assert (story.alert.owner, story.alert.recheck_at) == ("s02", due)
    story.do("undo", actor="s02", reason="对方席位没人")
    assert (story.alert.resumed_why, story.alert.recheck_at) == ("given_back", due)
    # Loud anyway: no second reason beside it, and who takes it after the time begins with ringing.
    story.wait(700)
    assert story.alert.resumed_why == "given_back"
    story.do("acknowledge", actor="s02")
    assert (story.alert.recheck_at, story.alert.work_due) == (None, story.now + seconds(60))


def test_an_acknowledgement_that_is_undone_leaves_the_time_and_a_closing_gives_it_back() -> None:
    story = advised()
    due = story.alert.recheck_at
    story.do("close", **CODES)
    assert story.alert.recheck_at is None
    story.do("undo", reason="点错了")
    assert (story.alert.state, story.alert.recheck_at) == ("acknowledged", due)
    story.wait(600)
    assert story.alert.resumed_why == "recheck"
    quick = Story()
    quick.finding()
    quick.do("acknowledge")
    quick.do("note", note=COOKING)
    quick.do("undo", reason="点错了")
    assert (quick.alert.state, quick.alert.recheck_at) == ("new", quick.now + seconds(600))
    assert all(t.kind != "recheck" for t in timers(quick.alert))


def test_a_closing_that_is_undone_after_the_time_is_due_at_once() -> None:
    story = advised()
    story.wait(595)
    story.do("close", **CODES)
    story.wait(8)
    story.do("undo", reason="点错了")
    story.wait(0)
    assert (story.alert.resumed, story.alert.resumed_why) == (True, "recheck")


def test_held_it_waits_for_the_end_of_the_hold() -> None:
    story = advised()
    story.wait(580)
    story.do("hold", seconds=60)
    story.wait(30)
    assert not story.alert.resumed
    story.wait(31)
    assert story.alert.resumed_why == "hold_ended"
    story.do("acknowledge")
    assert story.alert.recheck_at is None


def _first_step(story: Story) -> tuple[str, str]:
    step = scripts.script_for(story.alert, home=story.registry.homes["h0317"]).steps[0]
    assert step.send is (step.do == SEND[0]), "what the desk's first key does"
    return (step.do, step.do_en)


SEND = ("先派最近的人上门，再打电话", "Send the nearest person first, then ring")


@pytest.mark.parametrize("same_finding", [False, True])
def test_an_alarm_after_advice_is_loud_at_once_and_the_script_sends_somebody(same_finding: bool) -> None:
    """Within the ten minutes in which another finding would join quietly: the advice did not help."""
    story = advised()
    assert _first_step(story) != SEND
    story.wait(240)
    if same_finding:
        story.finding(phase=Phase.changed, reason="occurrence", occurrences=2)
    else:
        story.finding("f2")
    assert (story.alert.resumed_why, story.alert.recheck_at) == ("again", None)
    assert _first_step(story) == SEND
    assert story.wait(1), "people are told at once"
    story.do("acknowledge")
    assert _first_step(story) == SEND


def test_an_alarm_after_advice_in_a_case_that_is_loud_already_says_so_too() -> None:
    """Given back meanwhile: whoever takes it next reads that the advice did not help."""
    story = advised()
    story.do("undo", reason="对方席位没人")
    story.finding("f2")
    assert (story.alert.resumed_why, _first_step(story)) == ("again", SEND)
    before = len(story.log)
    story.finding("f3")
    assert [type(e).__name__ for t in story.log[before:] for e in t.events] == ["Joined"], "once"


def test_an_alarm_that_flickers_during_the_advice_is_no_new_one() -> None:
    story = advised()
    story.wait(30)
    story.finding(phase=Phase.changed, reason="occurrence", occurrences=2)
    assert not story.alert.resumed
    assert story.alert.recheck_at == story.now + seconds(570)


def test_reopened_by_the_sensor_the_script_sends_somebody_and_reopened_by_a_person_it_asks() -> None:
    story = advised()
    story.finding(phase=Phase.cleared)
    story.do("close", **CODES)
    story.wait(31 * 60)
    story.finding("f2")
    assert (story.alert.number, story.alert.state) == (317, "new")
    assert _first_step(story) == SEND
    page = next(d for d in story.log[-1].deliveries if d.person == "s01")
    told = message(story.alert, page, registry=story.registry, now=story.now)
    assert told.body.startswith("银杏小区 3 幢。请立即接警，先派人上门。")
    story.do("acknowledge")
    story.do("close", **CODES)
    story.do("reopen", reason="点错了")
    assert _first_step(story) != SEND


def test_the_words_of_an_answer_are_those_that_the_screens_keep() -> None:
    """`answers.ts` writes the question and 是 or 否; the time of a re-check hangs on these very words."""
    assert "yes: '是', no: '否', none:" in SCREENS.read_text(encoding="utf-8")
    assert scripts.answered("SM1", COOKING) == ("cooking", 600)
    assert scripts.answered("SM1", NOT_COOKING) == ("cooking", None)
    assert scripts.answered("GS1", "闻得到煤气味吗？否") == ("smell", 600)
    assert scripts.answered("TE3", "插头、路由器都插着吗？否") == ("plug", 300)
    assert scripts.answered("FL1", COOKING) == (None, None)
    assert scripts.answered("SM1", f"{COOKING}，吵得很") == (None, None)
