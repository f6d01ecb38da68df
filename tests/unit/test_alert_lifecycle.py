"""What may be done to an alert in which state, and what it refuses, by name."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from alerts.alert import Alert, timers
from alerts.deciding import decide
from alerts.events import Closed, Escalated, Outcome, Resumed, Why
from alerts.lifecycle import evolve, fold
from alerts.orders import No, NotAllowed, read_order
from alerts.texts import message, state_words
from care.words import AlertState, Level, Phase
from dashboard_api.picture import Case, row_of
from tests.unit.test_alert_house import CODES, NOON, Story, an_order, seconds

BODY: dict[str, dict[str, Any]] = {
    "acknowledge": {},
    "call": {"to": "home", "result": "answered"},
    "dispatch": {"responders": ["s07"]},
    "accept": {"by": "s07"},
    "decline": {"by": "s07"},
    "depart": {"by": "s07"},
    "arrive": {"by": "s07"},
    "note": {"note": "油烟机没开"},
    "hold": {"seconds": 60},
    "reopen": {"reason": "又响了"},
    "undo": {"reason": "点错了"},
    "close": CODES,
}

PATH: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "new": [],
    "acknowledged": [("acknowledge", {})],
    "dispatched": [("acknowledge", {}), ("dispatch", {"responders": ["s07"]})],
    "accepted": [("acknowledge", {}), ("dispatch", {"responders": ["s07"]}), ("accept", {"by": "s07"})],
    "attended": [("acknowledge", {}), ("accept", {"by": "s07"}), ("arrive", {"by": "s07"})],
    "closed": [("acknowledge", {}), ("close", CODES)],
}

# What becomes of each command (columns) in each situation (rows): the state after it, or why not.
WORDS = {
    "new": "new",
    "ack": "acknowledged",
    "dis": "dispatched",
    "att": "attended",
    "end": "closed",
    "no": "not_allowed",
    "late": "already_acknowledged",
    "none": "nothing_to_undo",
}
TABLE = """
               acknowledge call dispatch accept decline depart arrive note hold reopen undo close
new            ack         ack  dis      dis    new     dis    att    new  no   no     none end
acknowledged   late        ack  dis      dis    ack     dis    att    ack  ack  no     new  end
dispatched     late        dis  dis      dis    dis     dis    att    dis  dis  no     dis  end
accepted       late        dis  dis      no     dis     dis    att    dis  dis  no     dis  end
attended       late        att  no       no     no      no     no     att  att  no     att  end
closed         no          no   no       no     no      no     no     end  no   new    ack  no
"""
_HEAD, *_ROWS = [line.split() for line in TABLE.strip().splitlines()]
CELLS = [
    (row[0], command, WORDS[want]) for row in _ROWS for command, want in zip(_HEAD, row[1:], strict=True)
]


def a_story(situation: str, **finding: Any) -> Story:
    story = Story()
    story.finding(**finding)
    for command, body in PATH[situation]:
        story.do(command, **body)
    return story


@pytest.mark.parametrize(("situation", "command", "want"), CELLS, ids=[f"{s}-{c}" for s, c, _ in CELLS])
def test_every_state_and_every_command(situation: str, command: str, want: str) -> None:
    """Each command moves an alert as the table says, or is refused with a reason of the closed list."""
    story = a_story(situation)
    # The undoer must be who did it; everybody else is another person.
    actor = "s01" if command == "undo" else "s02"
    before = story.alert
    if want in set(AlertState):
        story.do(command, actor=actor, **BODY[command])
        assert story.alert.state == want
        return
    with pytest.raises(NotAllowed) as no:
        story.do(command, actor=actor, **BODY[command])
    assert (no.value.reason, no.value.status) == (want, 409)
    assert no.value.alert == before
    assert story.alert == before


@pytest.mark.parametrize("missing", ["cause", "verification", "actions", "outcome"])
@pytest.mark.parametrize("level", [Level.red, Level.yellow])
def test_red_and_yellow_end_only_with_all_four(level: Level, missing: str) -> None:
    """Each of the four is asked for by name."""
    story = a_story("acknowledged", level=level, code="X", cause="c", life=False)
    body = {k: v for k, v in CODES.items() if k != missing}
    with pytest.raises(NotAllowed) as no:
        story.do("close", **body)
    assert (no.value.no, no.value.status, no.value.fields) == (No.missing_outcome, 422, (missing,))


def test_not_reached_can_never_close() -> None:
    """O5 is no outcome, not even of a blue case."""
    for level in Level:
        story = a_story("new", level=level, code="X", cause="c", life=False)
        with pytest.raises(NotAllowed) as no:
            story.do("close", **{**CODES, "outcome": "O5"})
        assert no.value.reason == "not_reached_cannot_close"
        assert no.value.status == 422


def test_blue_ends_without_codes() -> None:
    """A task is ticked off."""
    story = a_story("new", level=Level.blue, code="TE1", cause="device:x", life=False)
    story.do("close")
    assert story.alert.state == "closed"


def test_unknown_codes_are_named() -> None:
    """A typing error does not become history."""
    story = a_story("acknowledged")
    with pytest.raises(NotAllowed) as no:
        story.do("close", **{**CODES, "cause": "C99", "actions": ("A1", "A77")})
    assert (no.value.reason, no.value.fields) == ("unknown_code", ("cause", "actions"))


@pytest.mark.parametrize(
    ("command", "body", "reason", "fields"),
    [
        ("hold", {"seconds": 121}, "hold_too_long", ("seconds",)),
        ("hold", {"seconds": 0}, "bad_field", ("seconds",)),
        ("hold", {"seconds": float("nan")}, "bad_field", ("seconds",)),
        ("call", {"to": "home", "result": "maybe"}, "bad_field", ("result",)),
        ("call", {"to": "home"}, "missing_field", ("result",)),
        ("call", {"result": "answered"}, "missing_field", ("to",)),
        ("dispatch", {}, "missing_field", ("responders",)),
        ("note", {"note": " "}, "missing_field", ("note",)),
    ],
)
def test_what_is_missing_is_named(
    command: str, body: dict[str, Any], reason: str, fields: tuple[str, ...]
) -> None:
    """422 with the field that is wrong."""
    story = a_story("acknowledged")
    with pytest.raises(NotAllowed) as no:
        story.do(command, **body)
    assert (no.value.reason, no.value.fields, no.value.status) == (reason, fields, 422)


def test_a_hold_is_for_two_minutes_and_one_at_a_time() -> None:
    """A hold ends by itself, loudly, and cannot be pushed on."""
    story = a_story("acknowledged")
    story.do("hold", seconds=120)
    assert story.alert.hold_until == story.now + seconds(120)
    with pytest.raises(NotAllowed, match="held already"):
        story.do("hold", seconds=90)
    story.wait(119)
    assert not story.alert.resumed
    story.wait(2)
    assert story.alert.resumed
    with pytest.raises(NotAllowed, match="take it first"):
        story.do("hold", seconds=120)


def test_the_second_who_takes_it_hears_who_was_first() -> None:
    """Two keys at once: one has it, the other is told so, with the alert as it is."""
    story = a_story("new")
    seen = story.alert.version
    story.do("acknowledge", version=seen)
    with pytest.raises(NotAllowed) as no:
        story.do("acknowledge", actor="s02", version=seen)
    assert no.value.reason == "already_acknowledged"
    assert no.value.alert.owner == "s01"


def test_whoever_has_not_seen_it_is_refused() -> None:
    """A version from before somebody's decision conflicts; one from before a step of the ladder does not."""
    story = a_story("new")
    seen = story.alert.version
    story.wait(31)
    assert story.alert.version > seen
    story.do("acknowledge", version=seen)
    for version in (seen, story.alert.version + 1):
        with pytest.raises(NotAllowed) as no:
            story.do("call", to="home", result="answered", version=version)
        assert no.value.reason == "version_conflict"


def test_nobody_closes_what_they_have_not_seen() -> None:
    """A gas finding joins: closing by the picture before it is refused."""
    story = a_story("acknowledged")
    seen = story.alert.version
    story.finding("f2", code="GS1", quantity="gas")
    with pytest.raises(NotAllowed, match="version_conflict"):
        story.do("close", version=seen, **CODES)
    story.do("call", to="home", result="answered", version=seen)


def test_undo_is_for_ten_seconds_and_for_oneself() -> None:
    """The last acknowledgement or closing, by the same person, within 10 s."""
    story = a_story("acknowledged")
    with pytest.raises(NotAllowed, match="not_yours"):
        story.do("undo", actor="s02")
    story.wait(10)
    story.do("undo")
    assert (story.alert.state, story.alert.owner, story.alert.acknowledged_at) == ("new", None, None)
    story.do("acknowledge")
    story.wait(11)
    with pytest.raises(NotAllowed, match="undo_too_late"):
        story.do("undo")
    story.wait(6)
    story.do("call", to="home", result="answered")
    story.do("close", **CODES)
    story.wait(5)
    story.do("undo")
    assert (story.alert.state, story.alert.outcome, story.alert.owner) == ("acknowledged", None, "s01")


def test_whoever_has_it_can_give_it_back_at_any_time() -> None:
    """Later than 10 s, with a reason: what was done stays, but nobody has it, it is loud, and the ladder goes on."""
    story = a_story("acknowledged")
    story.do("call", to="home", result="answered")
    story.wait(300)
    with pytest.raises(NotAllowed, match="missing_reason"):
        story.do("undo")
    story.do("undo", reason="交班")
    assert (story.alert.state, story.alert.owner, story.alert.unanswered) == ("acknowledged", None, True)
    assert [t[1:] for t in story.told(story.wait(0))][:2] == [
        ("s01", 1, "escalated"),
        ("s02", 1, "escalated"),
    ]
    story.do("acknowledge", actor="s02")
    assert (story.alert.owner, story.alert.unanswered) == ("s02", False)


def test_anybody_at_the_desk_can_give_a_case_back_with_a_reason() -> None:
    """ux.md section 3: whoever sees that nobody is at it says why, and it rings again, unless somebody is going there."""
    for within in (3, 30):
        story = a_story("acknowledged")
        story.wait(within)
        with pytest.raises(NotAllowed, match="not_yours"):
            story.do("undo", actor="s02")
        story.do("undo", actor="s02", reason="对方席位没人")
        assert (story.alert.state, story.alert.owner, story.alert.unanswered) == ("acknowledged", None, True)
        with pytest.raises(NotAllowed, match="nothing_to_undo"):
            story.do("undo", actor="s02", reason="再放一次")
    story = a_story("accepted")
    story.do("undo", actor="s02", reason="对方席位没人")
    assert (story.alert.owner, story.alert.unanswered, [r.id for r in story.alert.going]) == (
        None,
        False,
        ["s07"],
    )
    story = a_story("new")
    with pytest.raises(NotAllowed, match="nothing_to_undo"):
        story.do("undo", actor="s02", reason="没有人接过")


def test_the_case_and_the_task_can_be_handed_over() -> None:
    """The owner hands over the case; the one at the door hands over the task and only then may leave."""
    story = a_story("attended")
    with pytest.raises(NotAllowed, match="hand over first"):
        story.do("decline", actor="s07")
    with pytest.raises(NotAllowed, match="not_yours"):
        story.do("hand_over", actor="s02", to="s08")
    story.do("hand_over", actor="s07", to="s08")
    assert [(r.id, r.state, r.lead) for r in story.alert.responders] == [
        ("s07", "left", False),
        ("s08", "arrived", True),
    ]
    story.do("hand_over", actor="s01", to="s02")
    assert (story.alert.owner, story.alert.state) == ("s02", "attended")


@pytest.mark.parametrize(
    ("command", "body", "again", "kept"),
    [
        ("note", {"note": "x"}, 2, 1),
        ("note", {"note": "x"}, 16, 2),
        ("call", {"to": "home", "result": "no_answer"}, 2, 1),
        ("call", {"to": "home", "result": "no_answer"}, 30, 2),
        ("acknowledge", {}, 30, 1),
        ("accept", {}, 30, 1),
        ("arrive", {}, 30, 1),
    ],
)
def test_a_double_tap_is_one(command: str, body: dict[str, Any], again: float, kept: int) -> None:
    """The same by the same person at once is one command; asking for what is so already changes nothing."""
    story = a_story("new")
    story.do(command, actor="s07", **body)
    story.now += seconds(again)
    story.do(command, actor="s07", **body)
    assert len([t for t in story.log if t.by == "s07" and t.events]) == kept


def test_the_same_for_the_same_version_is_the_same_however_late() -> None:
    """A phone that repeats its request after a minute without network does it once; another person does it too."""
    story = a_story("acknowledged")
    seen = story.alert.version
    story.do("note", note="x", version=seen)
    story.wait(50)
    assert story.do("note", note="x", version=seen).events == ()
    assert story.do("note", actor="s02", note="x", version=seen).events
    assert len(story.alert.notes) == 2


def test_an_undone_case_goes_on_where_it_was() -> None:
    """Taken at 20 s and given back at 29 s: the step of 30 s comes at 30 s."""
    story = Story()
    story.finding()
    story.wait(20)
    story.do("acknowledge")
    story.wait(9)
    story.do("undo")
    assert story.told(story.wait(1)) == [(30, "s01", 1, "escalated"), (30, "s02", 1, "escalated")]


def test_reopening_within_a_day_with_a_reason() -> None:
    """The same number, loud again, everything from the beginning; after a day it is too late."""
    story = a_story("closed")
    with pytest.raises(NotAllowed) as no:
        story.do("reopen")
    assert (no.value.reason, no.value.fields) == ("missing_reason", ("reason",))
    story.wait(3600)
    story.begun = story.now
    story.do("reopen", reason="家属说又闻到了")
    alert = story.alert
    assert (alert.number, alert.state, alert.generation, alert.owner, alert.outcome) == (
        317,
        "new",
        2,
        None,
        None,
    )
    assert alert.arrive_by == story.now + seconds(600)
    story.wait(31)
    assert [t for t in story.told() if t[0] >= 0] == [
        (0, "s01", 0, "opened"),
        (0, "s07", 0, "opened"),
        (30, "s01", 1, "escalated"),
        (30, "s02", 1, "escalated"),
    ]
    story.do("close", **CODES)
    story.now += seconds(24 * 3600 + 1)
    with pytest.raises(NotAllowed, match="reopen_too_late"):
        story.do("reopen", reason="x")


def test_the_first_leads_and_the_second_goes_along() -> None:
    """Who accepts after another is a companion; if the lead drops out the companion leads."""
    story = a_story("new")
    story.do("accept", actor="s07")
    story.do("accept", actor="s08")
    assert story.alert.lead == "s07"
    assert [(r.id, r.lead) for r in story.alert.going] == [("s07", True), ("s08", False)]
    story.do("decline", actor="s07")
    assert story.alert.lead == "s08"


def test_an_operator_acts_for_a_responder_who_was_never_asked() -> None:
    """A neighbour rings in: the operator notes that he has arrived, and who said so."""
    story = a_story("acknowledged")
    story.do("arrive", actor="s01", by="s09")
    there = story.alert.responder("s09")
    assert there is not None
    assert (there.state, there.by) == ("arrived", "s01")


def test_when_everybody_declines_it_is_loud_at_once() -> None:
    """Who was to go does not: no minute is lost."""
    story = a_story("accepted")
    story.do("decline", actor="s07")
    story.wait(0)
    assert story.alert.resumed


def test_the_same_key_does_the_same_thing_once() -> None:
    """A repeated request changes nothing and is no conflict."""
    story = a_story("new")
    first = story.do("acknowledge", key="k1", version=1)
    again = story.desk.command(story.alert.id, an_order("acknowledge", key="k1", version=1), story.now)
    assert first.events
    assert again.events == ()


def test_an_unknown_alert() -> None:
    """404."""
    with pytest.raises(NotAllowed) as no:
        Story().desk.command("nope", an_order("acknowledge"), Story().now)
    assert (no.value.reason, no.value.status) == ("unknown_alert", 404)


def test_a_quiet_sensor_does_not_close_a_life_alert() -> None:
    """Only a person ends a life alert; the condition clearing is noted."""
    story = a_story("new")
    story.finding(phase=Phase.cleared)
    assert (story.alert.condition, story.alert.state) == ("cleared", "new")
    assert story.wait(30)[0].deliveries, "it still rings"


def test_bodies_are_read_strictly() -> None:
    """A value of the wrong kind is a 422 that names it; unknown fields are ignored; unknown words are refused."""
    order = read_order("hold", actor="s01", body={"version": 3, "seconds": 60, "sugar": 2})
    assert (order.version, order.seconds) == (3, 60)
    with pytest.raises(NotAllowed) as no:
        read_order("hold", actor="s01", body={"version": "three"})
    assert (no.value.status, no.value.fields) == (422, ("version",))
    with pytest.raises(NotAllowed) as no:
        read_order("delete", actor="s01", body={})
    assert no.value.reason == "not_allowed"


def test_deciding_changes_nothing() -> None:
    """decide is a question; only evolve answers."""
    story = a_story("acknowledged")
    before = story.alert
    events = decide(before, an_order("close", **CODES), story.now)
    assert before == story.alert
    assert evolve(before, events[-1]).state == "closed"
    assert isinstance(events[-1], Closed)
    assert events[-1].outcome == Outcome(by="s01", at=story.now, **CODES)


def test_who_is_there_may_leave_with_a_reason_and_nobody_is_said_to_be_there_then() -> None:
    """Alone: loud at once and no longer on site, also when the desk takes it again; with another there it stays on site."""
    story = a_story("attended")
    story.do("decline", actor="s07", note="家里有急事")
    assert [(r.id, r.state, r.lead) for r in story.alert.responders] == [("s07", "left", False)]
    story.wait(0)
    assert (story.alert.resumed, story.alert.state) == (True, "dispatched")
    story.do("acknowledge", actor="s02")
    assert state_words(story.alert) != "已到场"
    two = a_story("attended")
    for command in ("accept", "arrive"):
        two.do(command, actor="s08")
    two.do("decline", actor="s07", note="家里有急事")
    two.wait(0)
    assert [(r.id, r.state, r.lead) for r in two.alert.responders] == [
        ("s07", "left", False),
        ("s08", "arrived", True),
    ]
    assert (two.alert.resumed, two.alert.state) == (False, "attended")


def _handed_over(before: float = 0) -> Story:
    """Somebody was there in time; so many seconds later they hand over to another who is on the way."""
    story = a_story("attended")
    for command in ("accept", "depart"):
        story.do(command, actor="s08")
    story.wait(before)
    story.do("hand_over", actor="s07", to="s08")
    return story


def test_handed_over_to_somebody_who_is_still_on_the_way_nobody_is_there() -> None:
    """No screen says on site until they are; the ten minutes are the resident's and run on."""
    story = _handed_over(60)
    assert story.alert.arrive_by is not None
    assert (story.alert.state, story.alert.promise, story.alert.resumed) == ("dispatched", "pending", False)
    assert (state_words(story.alert), state_words(story.alert, "en")) == (
        "现场没有人，等接手的人到",
        "Nobody there until the next arrives",
    )
    assert [t.at for t in timers(story.alert) if t.kind == "promise"] == [story.alert.arrive_by]
    again: Alert | None = None
    for transition in story.log:
        again = fold(again, transition)
    assert again == story.alert
    assert not story.alert.overdue
    story.do("arrive", actor="s08")
    assert (story.alert.state, story.alert.promise, state_words(story.alert)) == (
        "attended",
        "kept",
        "已到场",
    )


def test_who_takes_over_too_late_is_missed_like_anybody_else() -> None:
    """The promise passes while nobody is there: those who hear of it hear that somebody has left."""
    story = _handed_over(60)
    late = story.wait(600)
    assert (story.alert.overdue, state_words(story.alert)) == (True, "现场没有人，等接手的人到")
    told = [d for t in late for d in t.deliveries if d.person == "s03"]
    one = message(story.alert, told[0], registry=story.registry, now=story.now)
    assert (one.title.split("：")[0], "已离开" in one.body) == ("#317 现场没有人", True)
    story.do("arrive", actor="s08")
    assert (story.alert.overdue, story.alert.promise) == (False, "broken")
    row = row_of(Case(story.alert, story.log, 0))
    assert row.arrived_at == NOON, "the figures ask when somebody was first there"


@pytest.mark.parametrize(
    ("after", "codes", "owed"),
    [
        (700, None, True),  # still open
        (700, {"outcome": "O1", "verification": "V6"}, False),  # safe
        (700, {"outcome": "O3", "verification": "V1"}, False),  # settled by telephone
        (700, {"outcome": "O3", "verification": "V4"}, True),
        (700, {"outcome": "O2", "verification": "V1"}, True),  # somebody had to go
        (300, {"outcome": "O2", "verification": "V4"}, False),  # over before anybody had to be there
    ],
)
def test_a_red_to_which_nobody_was_sent_owes_its_arrival_unless_it_was_settled_by_telephone(
    after: int, codes: dict[str, Any] | None, owed: bool
) -> None:
    """「10 分钟内到场」 counts it as missed then."""
    story = Story()
    story.finding()
    story.do("acknowledge")
    story.do("call", to="home", result="answered")
    story.wait(after)
    if codes is not None:
        story.do("close", **{**CODES, **codes})
        assert story.alert.state is AlertState.closed
    row = row_of(Case(story.alert, story.log, 0))
    assert row.sent_at is None
    assert row.owed_at == (NOON + seconds(600) if owed else None)


def test_handed_over_after_the_ten_minutes_it_is_overdue_at_once_and_not_before() -> None:
    story = _handed_over(900)
    after = story.wait(0)
    assert story.alert.overdue
    step = next(e for t in after for e in t.events if isinstance(e, Escalated))
    assert (step.promise_broken, step.at, step.late_seconds) == (True, story.now, 0)


def test_while_another_of_the_team_is_there_the_home_is_not_alone() -> None:
    story = a_story("attended")
    for who, commands in (("s08", ("accept", "arrive")), ("s09", ("accept",))):
        for command in commands:
            story.do(command, actor=who)
    story.do("hand_over", actor="s07", to="s09")
    assert (story.alert.state, story.alert.promise, state_words(story.alert)) == (
        "attended",
        "kept",
        "已到场",
    )
    story.do("hand_over", actor="s08", to="s09")
    assert (story.alert.state, state_words(story.alert)) == ("dispatched", "现场没有人，等接手的人到")


def test_who_left_without_anybody_leaves_words_and_the_promise_behind() -> None:
    story = a_story("attended")
    story.do("decline", actor="s07", note="家里有急事")
    story.wait(0)
    story.do("acknowledge", actor="s02")
    assert (state_words(story.alert), story.alert.promise) == ("现场没有人，还没有人接手", "pending")
    story.do("accept", actor="s08")
    assert state_words(story.alert, "en") == "Nobody there until the next arrives"
    story.do("close", **CODES)
    assert state_words(story.alert) == "已结案"


def _left(story: Story) -> None:
    story.wait(61)


def _rung_in_vain(story: Story) -> None:
    story.do("call", to="c0317a", result="no_answer")
    story.wait(61)


def _asked_in_vain(story: Story) -> None:
    story.do("dispatch", responders=["s07"])
    story.wait(61)


def _refused(story: Story) -> None:
    story.do("dispatch", responders=["s07"])
    story.do("decline", actor="s07")
    story.wait(0)


def _gone_from_there(story: Story) -> None:
    for command in ("accept", "depart", "arrive"):
        story.do(command, actor="s07")
    story.do("decline", actor="s07", note="家里有急事")
    story.wait(0)


def _held(story: Story) -> None:
    story.do("hold", seconds=30)
    story.wait(31)


def _given_back(story: Story) -> None:
    story.do("undo", actor="s02", reason="对方席位没人")


@pytest.mark.parametrize(
    ("what", "why", "words", "english"),
    [
        (_left, "idle", "接警后未处置", "Taken, nothing done"),
        (_rung_in_vain, "no_answer", "电话未接通，未派人", "No answer, nobody sent"),
        (_asked_in_vain, "not_accepted", "已派人，无人接受", "Sent, nobody accepted"),
        (_refused, "nobody_going", "派的人去不了", "Whoever was sent cannot go"),
        (_gone_from_there, "nobody_there", "到场的人已离开，现场没有人", "Left the home, nobody is there"),
        (_held, "hold_ended", "暂缓到时，未处置", "Hold over, nothing done"),
        (_given_back, "given_back", "已放回待接", "Given back"),
    ],
)
def test_a_case_that_is_loud_again_says_why(
    what: Callable[[Story], None], why: str, words: str, english: str
) -> None:
    """In the case, on the screens and on the phones; it survives a replay of the log, and goes when somebody takes it."""
    story = a_story("acknowledged")
    what(story)
    assert (story.alert.resumed, story.alert.resumed_why) == (True, why)
    assert (state_words(story.alert), state_words(story.alert, "en")) == (words, english)
    again: Alert | None = None
    for transition in story.log:
        again = fold(again, transition)
    assert again == story.alert
    story.wait(130)
    told = [d for t in story.log for d in t.deliveries if d.reason is Why.escalated and d.person == "s03"]
    assert told, "the supervisor hears of it"
    one = message(story.alert, told[0], registry=story.registry, now=story.now)
    assert one.title.startswith(f"#317 {words}：")
    story.do("acknowledge", actor="s02")
    assert (story.alert.resumed, story.alert.resumed_why) == (False, None)


def test_what_was_loud_again_and_is_undone_is_so_for_the_same_reason() -> None:
    """The undo of taking it brings the reason back too; a log that does not know the word reads as left idle."""
    story = a_story("acknowledged")
    _asked_in_vain(story)
    story.do("acknowledge", actor="s02")
    story.do("undo", actor="s02")
    assert (story.alert.resumed, story.alert.resumed_why) == (True, "not_accepted")
    old = evolve(a_story("acknowledged").alert, Resumed(at=NOON, reason="for_a_reason_of_tomorrow"))
    assert (old.resumed_why, state_words(old)) == ("idle", "接警后未处置")
    older = msgspec.structs.replace(old, resumed_why=None)
    assert state_words(older) == "接警后未处置"


def test_who_took_over_has_a_time_of_their_own_and_the_first_keeps_the_figures() -> None:
    """Beside a name stands when that person took it: after a hand-over, a giving back and an undo as well."""
    story = Story()
    story.finding()
    story.wait(120)
    story.do("acknowledge", actor="s01")
    first = story.alert.acknowledged_at
    assert story.alert.owned_at == first == story.now
    story.wait(20)
    story.do("hand_over", actor="s01", to="s02")
    assert (story.alert.owner, story.alert.owned_at, story.alert.acknowledged_at) == ("s02", story.now, first)
    story.wait(20)
    story.do("undo", actor="s01", reason="席位没人")
    assert (story.alert.owner, story.alert.owned_at) == (None, None)
    story.wait(20)
    story.do("acknowledge", actor="s01")
    taken = story.now
    assert (story.alert.owned_at, story.alert.acknowledged_at) == (taken, first)
    story.wait(5)
    story.do("undo", actor="s01")
    assert story.alert.owned_at is None
    story.do("acknowledge", actor="s01")
    story.wait(70)
    assert story.alert.resumed, "taken, and nothing done"
    story.do("acknowledge", actor="s02")
    assert (story.alert.owner, story.alert.owned_at) == ("s02", story.now)


def test_with_somebody_asked_it_is_not_said_that_nobody_was_sent() -> None:
    """They have not accepted, and the home did not answer: sent, nobody accepted."""
    story = Story()
    story.finding()
    story.do("acknowledge")
    story.do("dispatch", responders=["s07"])
    story.do("call", to="home", result="busy")
    story.wait(120)
    assert story.alert.resumed
    assert (state_words(story.alert), state_words(story.alert, "en")) == (
        "已派人，无人接受",
        "Sent, nobody accepted",
    )
