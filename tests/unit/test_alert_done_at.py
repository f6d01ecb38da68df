"""A step that a phone could only tell later counts from when it was done."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from alerts.alert import Alert
from alerts.events import Accepted, Arrived, Departed, Resumed
from alerts.orders import No, NotAllowed, read_order
from alerts.texts import state_words
from care.words import AlertState
from dashboard_api.picture import Case, row_of
from dashboard_api.timeline import events_json
from tests.unit.test_alert_house import NOON, Story, seconds


def sent() -> Story:
    story = Story()
    story.finding()
    story.do("acknowledge")
    story.wait(10)
    story.do("dispatch", responders=["s07"])
    return story


def going(alert: Alert) -> Any:
    return alert.responder("s07")


def test_three_steps_told_late_keep_their_own_times_and_the_promise() -> None:
    """Accepted, gone and there within ten minutes, told after fourteen: kept, in the case, the figures and the timeline."""
    story = sent()
    story.wait(830)
    assert story.alert.promise == "broken"
    for command, after in (("accept", 30), ("depart", 60), ("arrive", 470)):
        story.do(command, "s07", at=NOON + seconds(after))
    r = going(story.alert)
    assert [story.since(at) for at in (r.accepted_at, r.departed_at, r.arrived_at, r.at)] == [
        30,
        60,
        470,
        470,
    ]
    assert story.since(r.promised_at) > 30
    assert story.alert.promise == "kept"
    steps = [e for t in story.log for e in t.events if isinstance(e, Accepted | Departed | Arrived)]
    assert [story.since(e.at) for e in steps] == [840, 840, 840], "timers count from when it was told"
    row = row_of(Case(story.alert, story.log, 0))
    assert row.arrived_at == NOON + seconds(470)
    items = events_json(story.log, lambda who: {"s07": "林国平"}.get(who, who), ZoneInfo("Asia/Shanghai"))
    words = [i["words"] for i in items]
    there = items[words.index("林国平 到场（12:20 收到）")]
    assert (there["at"], there["told_at"]) == ("2026-05-23T04:14:14.000Z", "2026-05-23T04:20:24.000Z")
    late = next(n for n, w in enumerate(words) if "到场超时" in w)
    assert words.index("林国平 到场（12:20 收到）") < late, "where it was done, before what came after"


def test_who_needs_an_ambulance_is_heard_whoever_has_the_case() -> None:
    """A note to 120 of somebody on the spot: the case is loud, once, until the desk does something; other notes are silent."""
    story = sent()
    for command in ("accept", "depart", "arrive"):
        story.do(command, "s07")
    story.do("note", "s07", note="人醒着")
    assert not story.alert.resumed
    story.do("note", "s07", note="现场需要 120", to="120")
    assert (story.alert.unanswered, story.alert.state) == (True, AlertState.attended)
    assert state_words(story.alert) == "现场需要 120"
    story.do("note", "s07", note="现场需要 120", to="120")
    story.do("note", "s07", note="快一点", to="120")
    assert [e.reason for t in story.log for e in t.events if isinstance(e, Resumed)] == ["needs_120"]
    story.do("call", to="120", result="answered")
    assert (story.alert.unanswered, state_words(story.alert)) == (False, "已到场")
    story.do("note", "s07", note="又昏过去了", to="120")
    assert story.alert.unanswered, "said again, it is heard again"


def test_another_who_comes_does_not_silence_the_word_that_120_is_needed() -> None:
    """Only the desk does: by taking it again, by ringing, by sending."""
    story = Story()
    story.finding()
    story.do("acknowledge")
    story.do("dispatch", responders=["s07", "s08"])
    for command in ("accept", "depart", "arrive"):
        story.do(command, "s07")
    story.do("note", "s07", note="现场需要 120", to="120")
    for command in ("accept", "depart", "arrive"):
        story.do(command, "s08")
        assert (story.alert.unanswered, state_words(story.alert)) == (True, "现场需要 120"), command
    assert story.alert.next_step_at is not None
    story.do("acknowledge", "s02")
    assert not story.alert.unanswered


def test_going_through_the_list_of_an_area_is_work_as_long_as_it_goes_on() -> None:
    """A home ticked off is something done; the case is loud again when nobody has gone on with the list for ten minutes."""
    story = Story()
    story.finding(
        code="TE5", cause="area", pictogram="device", device=None, resident=None, life=False,
        parameters={"homes": ["h0317", "h0400", "h0401"]},
    )  # fmt: skip
    story.do("acknowledge")
    story.wait(50)
    story.do("check", to="h0317", result="safe")
    story.wait(500)
    assert not story.alert.unanswered
    story.do("check", to="h0400", result="no_answer")
    story.wait(590)
    assert not story.alert.unanswered
    story.wait(20)
    assert (story.alert.unanswered, state_words(story.alert)) == (True, "接警后未处置")
    story.do("acknowledge", "s02")
    story.do("check", "s02", to="h0401", result="safe")
    story.wait(1200)
    assert not story.alert.unanswered, "the list is done"


def test_ticking_a_home_off_silences_nobody_who_was_sent_and_has_not_answered() -> None:
    """Sent, nobody accepts, and the desk goes on with the list: after the same minute the case is loud as without it."""
    story = Story()
    story.finding(
        code="TE5", cause="area", pictogram="device", device=None, resident=None, life=False,
        parameters={"homes": ["h0317", "h0400"]},
    )  # fmt: skip
    story.do("dispatch", responders=["s07"])
    story.wait(40)
    story.do("check", to="h0317", result="safe")
    story.do("check", to="h0400", result="safe")
    story.wait(30)
    assert (story.alert.unanswered, state_words(story.alert)) == (True, "已派人，无人接受")


def test_the_history_says_who_wrote_down_what_another_did() -> None:
    """「林国平 接受」 was tapped by him; recorded at the desk it says by whom."""
    story = sent()
    story.do("accept", "s01", by="s07")
    story.do("depart", "s07")
    names = {"s07": "林国平", "s01": "陈敏芝"}
    words = [i["words"] for i in events_json(story.log, lambda who: names.get(who, who), UTC)]
    assert "林国平 接受（陈敏芝 记录）" in words
    assert "林国平 出发" in words


def test_who_comes_a_second_time_keeps_the_way_of_the_first() -> None:
    """Arrived, handed over, accepted again: what was reckoned and walked is that of the first way, and never negative."""
    story = sent()
    story.do("dispatch", responders=["s08"])
    for who in ("s08", "s07"):
        story.do("accept", who)
    story.do("depart", "s07")
    story.wait(100)
    story.do("arrive", "s07")
    first = going(story.alert)
    story.do("hand_over", "s07", to="s08")
    story.wait(60)
    story.do("accept", "s07")
    again = going(story.alert)
    assert (again.state, again.accepted_at, again.arrived_at) == (
        "accepted",
        first.accepted_at,
        first.arrived_at,
    )
    story.wait(60)
    story.do("arrive", "s07")
    assert going(story.alert).arrived_at == first.arrived_at
    walked = row_of(Case(story.alert, story.log, 0)).walked_seconds
    assert walked is not None
    assert walked >= 100


def test_who_was_there_too_late_was_too_late() -> None:
    """The own time mends only what was told late."""
    story = sent()
    story.wait(890)
    assert story.alert.overdue
    story.do("arrive", "s07", at=NOON + seconds(700))
    assert not story.alert.overdue
    assert (story.alert.promise, story.since(going(story.alert).arrived_at)) == ("broken", 700)


@pytest.mark.parametrize(
    "at",
    [
        pytest.param(timedelta(seconds=101), id="in the future"),
        pytest.param(timedelta(seconds=100), id="now"),
        pytest.param(timedelta(seconds=9), id="before it was offered"),
        pytest.param(timedelta(days=-1), id="yesterday"),
    ],
)
def test_a_time_that_cannot_be_is_passed_over_and_the_step_stands(at: timedelta) -> None:
    """Not in the future, not before the offer: such a step counts from when it was told."""
    story = sent()
    story.wait(90)
    story.do("accept", "s07", at=NOON + at)
    assert story.since(going(story.alert).accepted_at) == 100


def test_no_step_was_done_before_the_one_before_it() -> None:
    """Two steps in the order in which they were told."""
    story = sent()
    story.wait(300)
    story.do("accept", "s07", at=NOON + seconds(200))
    story.do("depart", "s07", at=NOON + seconds(150))
    assert story.since(going(story.alert).departed_at) == 310


def test_half_a_day_is_too_long_for_a_way() -> None:
    """More than twelve hours ago is no step of this way."""
    story = sent()
    story.wait(13 * 3600)
    story.do("accept", "s07", at=NOON + seconds(60))
    assert story.since(going(story.alert).accepted_at) == 13 * 3600 + 10
    story = sent()
    story.wait(11 * 3600)
    story.do("accept", "s07", at=NOON + seconds(60))
    assert story.since(going(story.alert).accepted_at) == 60


def test_the_desk_tells_no_times_for_others() -> None:
    """Only one's own steps carry a time."""
    story = sent()
    story.wait(90)
    story.do("accept", "s01", by="s07", at=NOON + seconds(50))
    assert story.since(going(story.alert).accepted_at) == 100


def looked_after(story: Story) -> list[tuple[str, float]]:
    return [(c.result, story.since(c.at)) for c in story.alert.checks]


def area() -> Story:
    """Two homes are dark; whoever went arrived a minute after the case was made."""
    story = Story()
    story.finding(
        code="TE5", cause="area", pictogram="device", device=None, parameters={"homes": ["h0317", "h0318"]}
    )
    story.do("acknowledge")
    story.do("dispatch", responders=["s07"])
    story.wait(60)
    for command in ("accept", "depart", "arrive"):
        story.do(command, "s07")
    return story


def test_a_home_ticked_off_without_a_network_was_looked_after_when_it_was() -> None:
    """In the list and in the timeline: its own time, within the limits of every step."""
    story = area()
    story.wait(600)
    story.do("check", "s07", to="h0317", result="safe", at=NOON + seconds(200))
    assert looked_after(story) == [("safe", 200)]
    items = events_json(story.log, lambda who: who, ZoneInfo("Asia/Shanghai"))
    told = next(i for i in items if i["type"] == "checked")
    assert datetime.fromisoformat(told["at"]) == NOON + seconds(200)
    assert "收到）" in told["words"]
    story.do("check", "s07", to="h0318", result="visit", at=NOON + seconds(30))
    assert looked_after(story)[1] == ("visit", 660), "before they were there: it counts from when it was told"


def test_a_tick_that_comes_late_does_not_undo_what_was_seen_since() -> None:
    """The desk reached nobody at 500 s; what was ticked at 200 s and comes at 660 s is in the history and not the last word."""
    story = area()
    story.wait(440)
    story.do("check", "s01", to="h0317", result="visit")
    story.wait(160)
    story.do("check", "s07", to="h0317", result="safe", at=NOON + seconds(200))
    assert looked_after(story) == [("visit", 500)]


def test_the_same_step_sent_again_is_one_whatever_time_it_names() -> None:
    """A second try of a phone changes nothing."""
    story = sent()
    story.wait(90)
    version = story.alert.version
    first = story.do("accept", "s07", at=NOON + seconds(50), version=version, key="k")
    again = story.desk.command(
        story.alert.id,
        read_order("accept", actor="s07", body={"version": version, "at": "2026-05-23T04:07:20Z"}, key="k"),
        story.now,
    )
    assert again is None or not again.events
    assert first.events


def test_a_time_is_read_with_its_zone_or_refused() -> None:
    """RFC 3339 with a zone; anything else is 422 and says which field."""
    order = read_order("accept", actor="s07", body={"at": "2026-05-23T12:07:20+08:00"})
    assert order.at is not None
    assert order.at.astimezone(UTC) == datetime(2026, 5, 23, 4, 7, 20, tzinfo=UTC)
    for bad in ("2026-05-23T12:07:20", "noon", 7):
        with pytest.raises(NotAllowed) as no:
            read_order("accept", actor="s07", body={"at": bad})
        assert (no.value.no, no.value.fields) == (No.bad_field, ("at",))
