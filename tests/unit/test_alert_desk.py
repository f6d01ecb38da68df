"""One home and one cause is one case; who hears of it, and who does not."""

from datetime import timedelta
from typing import Any

import pytest

from alerts.desk import Desk
from alerts.events import Joined, LevelRaised, Raised, Reopened
from alerts.lines import lines, refused_line
from alerts.orders import NotAllowed
from alerts.proposing import decode_transition
from alerts.telling import next_channel
from care.ids import iso
from care.messages import encode
from care.words import Condition, Level, Phase
from tests.unit.test_alert_house import CODES, NOON, SITE, Story, a_finding, an_order, seconds


def test_one_home_and_one_cause_is_one_case() -> None:
    """A second detector joins as evidence and keeps the number; another cause is another case."""
    story = Story()
    story.finding("f1")
    (joined,) = story.finding("f2", device="smoke-2")
    story.finding("s1", code="SOS1", cause="sos", quantity="sos", device="sos-0317")
    assert [type(e) for e in joined.events][:1] == [Joined]
    assert [(a.number, a.cause, len(a.findings)) for a in story.desk.open()] == [
        (317, "fire", 2),
        (318, "sos", 1),
    ]


def test_a_finding_heard_twice_changes_nothing() -> None:
    """The same message again, in any phase, makes no event."""
    story = Story()
    for finding in (
        a_finding(),
        a_finding(phase=Phase.changed, reason="occurrence", occurrences=2, at=NOON + seconds(5)),
        a_finding(phase=Phase.cleared, at=NOON + seconds(9)),
    ):
        assert story.hear(finding)
        assert story.hear(finding) == []
    assert story.alert.occurrences == 2 or story.alert.findings[0].phase == "cleared"


def test_the_id_of_an_alert_comes_from_its_first_finding() -> None:
    """Two desks that hear the same give the same ids, whatever their numbers and clocks."""
    one, two = Story(), Story(at=NOON + seconds(3))
    two.numbers()
    one.hear(a_finding())
    two.hear(a_finding())
    assert one.alert.id == two.alert.id
    assert one.alert.number != two.alert.number or one.numbers is two.numbers


def test_a_worse_finding_raises_the_level_and_never_lowers_it() -> None:
    """Yellow and then red is red; red and then yellow stays red."""
    story = Story()
    story.finding("f1", level=Level.yellow, code="GS2", cause="gas", life=True)
    (up,) = story.finding("f2", level=Level.red, code="GS1", cause="gas")
    assert any(isinstance(e, LevelRaised) for e in up.events)
    assert {d.reason for d in up.deliveries} == {"level_up"}
    story.finding("f2", level=Level.yellow, code="GS1", cause="gas", phase=Phase.changed, reason="level")
    assert (story.alert.level, story.alert.code) == (Level.red, "GS1")


@pytest.mark.parametrize(("minutes", "same"), [(31, True), (60, True), (60.1, False)])
def test_smoke_again_within_an_hour_reopens_the_number(minutes: float, same: bool) -> None:
    """防复燃: the second alarm of the real case came 31 minutes after the first; later it is a new one."""
    story = Story()
    story.finding("f1")
    story.do("acknowledge")
    story.do("call", to="home", result="answered")
    story.finding("f1", phase=Phase.cleared)
    story.do("close", **CODES)
    story.wait(minutes * 60)
    story.finding("f2")
    numbers = [a.number for a in story.desk.alerts.values()]
    assert numbers == ([317] if same else [317, 318])
    assert (story.alert.state, story.alert.generation) == ("new", 2 if same else 1)
    assert len(story.alert.findings) == (2 if same else 1)
    assert [d.reason for d in story.log[-1].deliveries] == ["opened", "opened"]
    assert story.alert.arrive_by == story.now + seconds(600)


def test_a_case_that_does_not_reopen_begins_a_new_one() -> None:
    """SOS after the case was closed, even of the same episode: a new number, never silence."""
    story = Story()
    story.finding("s1", code="SOS1", cause="sos", quantity="sos", device="sos-0317")
    story.do("close", **CODES)
    story.wait(300)
    story.finding(
        "s1",
        code="SOS1",
        cause="sos",
        quantity="sos",
        device="sos-0317",
        phase=Phase.changed,
        reason="occurrence",
        occurrences=2,
    )
    assert [a.number for a in story.desk.open()] == [318]
    assert len(set(story.desk.alerts)) == 2


def test_news_of_a_closed_case_is_noted_in_it() -> None:
    """The smoke clears after closing: noted, nothing is opened."""
    story = Story()
    story.finding("f1")
    story.do("close", **CODES)
    story.finding("f1", phase=Phase.cleared)
    assert (story.alert.state, story.alert.condition) == ("closed", "cleared")


def test_pressed_again_while_nobody_came() -> None:
    """The same people are told again at once; once somebody has it, that one is."""
    story = Story()
    press = {"code": "SOS1", "cause": "sos", "quantity": "sos", "device": "sos-0317", "pictogram": "sos"}
    story.finding("s1", **press)
    story.wait(5)
    story.finding("s1", phase=Phase.changed, reason="occurrence", occurrences=2, **press)
    assert story.told(story.log[-1:]) == [(5, "s01", 0, "repressed"), (5, "s07", 0, "repressed")]
    story.do("acknowledge", actor="s02")
    story.wait(5)
    story.finding("s1", phase=Phase.changed, reason="occurrence", occurrences=3, **press)
    assert {t[1] for t in story.told(story.log[-1:])} == {"s02"}
    assert story.alert.occurrences == 3


def test_a_detector_that_flickers_is_one_page() -> None:
    """Smoke again in an open case is evidence, not another page."""
    story = Story()
    story.finding()
    story.finding(phase=Phase.changed, reason="occurrence", occurrences=2, at=story.now + seconds(1))
    story.finding("f2", device="smoke-2")
    assert {t[3] for t in story.told()} == {"opened"}
    assert len(story.told()) == 2


def test_a_test_is_a_case_of_its_own() -> None:
    """A declared test pages nobody, and a real call in the middle of it rings."""
    story = Story()
    story.finding("t1", test=True)
    story.finding("f1")
    assert [(a.level, a.test) for a in story.desk.open()] == [(Level.red, False), (Level.blue, True)]
    assert {t[3] for t in story.told()} == {"opened"}


def test_a_test_that_becomes_earnest_rings() -> None:
    """The same episode goes on without the mark of a test: a case of its own, red and loud."""
    story = Story()
    story.finding("f1", test=True)
    story.finding("f1", phase=Phase.changed, reason="occurrence", occurrences=2)
    assert [(a.level, a.test) for a in story.desk.open()] == [(Level.red, False), (Level.blue, True)]
    assert len(story.told()) == 2
    story.finding("f1", phase=Phase.cleared)
    assert [a.condition for a in story.desk.open()] == ["cleared", "active"]


def test_life_safety_is_never_below_yellow() -> None:
    """Whatever the rule thinks, smoke, gas and SOS are at least yellow."""
    story = Story()
    story.finding(level=Level.blue, life=True)
    assert story.alert.level == Level.yellow


def test_only_technical_blue_ends_by_itself() -> None:
    """All its findings cleared and each may: closed. One of them may not, or life is in it: it stays."""
    technical = {"level": Level.blue, "code": "TE1", "cause": "device:x", "life": False, "device": "x"}
    story = Story()
    story.finding("a", auto_close=True, **technical)
    story.finding("b", auto_close=True, **technical)
    story.finding("a", auto_close=True, phase=Phase.cleared, **technical)
    assert story.alert.open
    story.finding("b", auto_close=True, phase=Phase.cleared, **technical)
    assert not story.alert.open
    assert story.alert.outcome is not None
    assert story.alert.outcome.by is None
    for level, life, auto in (
        (Level.blue, False, False),
        (Level.yellow, False, True),
        (Level.red, True, True),
    ):
        other = Story()
        how = {**technical, "level": level, "life": life, "auto_close": auto}
        other.finding("a", **how)
        other.finding("a", phase=Phase.cleared, **how)
        assert other.alert.open


def test_unknown_is_not_cleared() -> None:
    """A sensor that went silent: the condition is unknown, the case goes on."""
    story = Story()
    story.finding("f1")
    story.finding("f1", phase=Phase.changed, reason="unknown", condition=Condition.unknown)
    assert story.alert.condition == "unknown"
    story.finding("f2", device="smoke-2")
    assert story.alert.condition == "active"


# -- families --


def test_the_family_hears_that_somebody_checks_and_that_it_is_over() -> None:
    """Once each, only who wants this level, only because the resident allows it."""
    story = Story()
    story.finding()
    assert "c0317a" not in {t[1] for t in story.told()}
    story.wait(10)
    story.do("acknowledge")
    assert story.told(story.log[-1:]) == [(10, "c0317a", 0, "acknowledged")]
    story.do("call", to="home", result="answered")
    story.wait(200)
    story.do("close", **CODES)
    assert {(t[1], t[3]) for t in story.told(story.log[-1:])} == {("s07", "closed"), ("c0317a", "closed")}


@pytest.mark.parametrize("consent", ["", "consent: {family: []}, ", "consent: {vitals: [centre]}, "])
def test_without_consent_no_family_is_told(consent: str) -> None:
    """Consent that was not given is not given."""
    story = Story(SITE.replace("consent: {family: [status]}", consent.rstrip(", ") or "tier: key"))
    story.finding()
    story.do("acknowledge")
    assert "c0317a" not in {t[1] for t in story.told()}


def test_whoever_was_only_paged_hears_that_it_is_over() -> None:
    """They were asked to be ready, and may be on the stairs; who cannot go is left alone."""
    story = Story()
    story.finding()
    assert ("s07", "opened") in {(t[1], t[3]) for t in story.told()}
    story.do("decline", actor="s07")
    story.do("acknowledge")
    story.do("close", **CODES)
    assert "s07" not in {t[1] for t in story.told(story.log[-1:])}


def test_a_reopened_case_begins_with_step_one() -> None:
    """A call that nobody answered in the first run is no call of the second; the undoing of a close keeps it."""
    story = Story()
    story.finding()
    story.do("acknowledge")
    story.do("call", to="home", result="no_answer")
    story.do("close", **CODES)
    story.do("undo")
    assert [c.result for c in story.alert.calls] == ["no_answer"]
    story.wait(60)
    story.do("close", **CODES)
    story.wait(60)
    story.do("reopen", reason="家属来电说又有烟")
    assert story.alert.calls == ()


def test_who_is_on_the_way_hears_that_it_is_over() -> None:
    """Nobody climbs stairs for a closed case."""
    story = Story()
    story.finding()
    story.do("dispatch", responders=["s07", "s08"])
    story.do("accept", actor="s07")
    story.do("decline", actor="s08")
    story.do("close", **CODES)
    assert {t[1] for t in story.told(story.log[-1:])} == {"s07", "c0317a"}


def test_a_dispatch_asks_by_name_and_again_when_asked_again() -> None:
    """Each dispatch is a message of its own, once somebody has had half a minute to look at their phone."""
    story = Story()
    story.finding()
    story.do("dispatch", responders=["s08"])
    story.wait(31)
    story.do("dispatch", responders=["s08"])
    ids = [d.id for t in story.log for d in t.deliveries if d.reason == "dispatched"]
    assert len(set(ids)) == 2


def test_who_was_just_asked_is_not_asked_again_but_a_further_one_is() -> None:
    """An answer that was lost is asked for again with a newer version: the phone has rung already. Who said no is asked."""
    story = Story()
    story.finding()
    story.do("dispatch", responders=["s07"], version=story.alert.version)
    story.wait(5)
    assert story.do("dispatch", responders=["s07"], version=story.alert.version).events == ()
    story.do("dispatch", responders=["s07", "s08"], version=story.alert.version)
    asked = [d.person for t in story.log for d in t.deliveries if d.reason == "dispatched"]
    assert asked == ["s07", "s08"]
    story.do("decline", actor="s07")
    story.do("dispatch", responders=["s07"], version=story.alert.version)
    asked = [d.person for t in story.log for d in t.deliveries if d.reason == "dispatched"]
    assert asked == ["s07", "s08", "s07"]


def test_told_again_by_every_channel() -> None:
    """First by the first channel; a person told before is told by all of them."""
    story = Story()
    story.finding()
    story.wait(600)
    channels = [(t.at, d.reason.value) for t in story.log for d in t.deliveries if d.person == "s02"]
    assert [sum(1 for at, _ in channels if at == when) for when in sorted({at for at, _ in channels})][
        :2
    ] == [1, 2]


def test_the_next_channel_of_a_person() -> None:
    """After the first channel comes the second, and then there is none."""
    story = Story()
    story.finding()
    story.wait(30)
    first = next(d for d in story.log[-1].deliveries if d.person == "s02")
    second = next_channel(story.alert, first, registry=story.registry, now=story.now)
    assert second is not None
    assert (second.person, second.step, second.reason) == (first.person, first.step, first.reason)
    assert second.id != first.id
    assert next_channel(story.alert, second, registry=story.registry, now=story.now) is None


# -- devices, bytes, restarts --


def test_alarm_devices_are_answered_and_others_are_not() -> None:
    """The answer carries the number and the device's own sequence; a bed belt waits for none."""
    story = Story()
    (raised,) = story.finding(seq=42)
    assert [(a.device, a.alert, a.seq) for a in raised.device_acks] == [("smoke-0317", 317, 42)]
    (again,) = story.finding(phase=Phase.changed, reason="occurrence", occurrences=2, seq=43)
    assert [a.seq for a in again.device_acks] == [43]
    (quiet,) = story.finding("b", code="VT1", cause="vitals", quantity="heart_rate", device="belt")
    assert quiet.device_acks == ()


def test_transitions_survive_the_stream() -> None:
    """decode(encode(x)) is x, for a whole story."""
    story = Story()
    story.finding()
    story.wait(700)
    story.do("arrive", by="s07")
    story.finding("f2", device="smoke-2")
    story.do("close", **CODES)
    story.finding("f3", at=story.now)
    assert any(isinstance(e, Reopened) for t in story.log for e in t.events)
    for transition in story.log:
        assert decode_transition(encode(transition)) == transition


def test_a_desk_is_rebuilt_from_its_log() -> None:
    """Dropped at any point and folded again, it is the same desk."""
    story = Story()
    story.finding()
    story.wait(61)
    story.do("acknowledge")
    story.do("close", **CODES)
    rebuilt = Desk.restore(story.registry, story.log, numbers=story.numbers)
    assert rebuilt.alerts == story.desk.alerts
    assert rebuilt.next_due() == story.desk.next_due()


def test_what_ended_long_ago_is_let_go() -> None:
    """A day after closing an alert leaves the desk; an open one never does."""
    story = Story()
    story.finding("f1")
    story.do("close", **CODES)
    story.finding("s1", code="SOS1", cause="sos")
    assert story.desk.forget(story.now + timedelta(hours=23)) == []
    assert len(story.desk.forget(story.now + timedelta(hours=25))) == 1
    assert [a.cause for a in story.desk.alerts.values()] == ["sos"]
    assert story.desk.on_finding(a_finding("f1", phase=Phase.cleared, at=story.now), story.now) == []


def test_the_most_urgent_comes_first() -> None:
    """Red before yellow, unanswered before taken, longer waiting before shorter."""
    story = Story()
    story.finding("a", level=Level.yellow, code="BD1", cause="bed", life=False)
    story.wait(1)
    story.finding("b", code="SOS1", cause="sos")
    story.wait(1)
    story.finding("c")
    story.desk.apply(story.desk.command(story.desk.open()[0].id, an_order("acknowledge"), story.now))
    assert [a.cause for a in story.desk.open()] == ["fire", "sos", "bed"]


def test_a_home_that_is_not_in_the_site_still_rings() -> None:
    """A finding of a home that was removed reaches the desk all the same."""
    story = Story()
    story.finding(home="h9999")
    assert [t[1] for t in story.told()] == ["s01"]
    assert isinstance(story.log[0].events[0], Raised)


def test_every_command_has_its_line() -> None:
    """alert.<command> in a replay uses the command's own word, and a refused one says why."""
    story = Story()
    story.finding()
    for command, more in (
        ("acknowledge", {}),
        ("undo", {"reason": "x"}),
        ("acknowledge", {}),
        ("call", {"to": "home", "result": "no_answer"}),
        ("hold", {"seconds": 60}),
        ("dispatch", {"responders": ["s07", "s08"]}),
        ("accept", {"by": "s07"}),
        ("decline", {"by": "s08"}),
        ("depart", {"by": "s07"}),
        ("arrive", {"by": "s07"}),
        ("hand_over", {"by": "s07", "to": "s08"}),
        ("note", {"note": "x"}),
        ("close", CODES),
        ("reopen", {"reason": "x"}),
    ):
        story.wait(6)
        transition = story.do(command, **more)
        said = [line["type"] for line in lines(transition, story.alert)]
        assert [s for s in said if s.startswith("alert.")] == [f"alert.{command}"]
    try:
        story.do("reopen", reason="y")
    except NotAllowed as no:
        line = refused_line(an_order("reopen", reason="x"), story.alert, no, iso(story.now))
        assert (line["type"], line["command"], line["reason"]) == ("refused", "reopen", "not_allowed")
    else:
        pytest.fail("an open case cannot be reopened")


def test_the_same_call_said_again_counts_once_unless_its_key_says_that_it_is_another() -> None:
    """A program whose answer was lost names the version it reads then; a key of its own is another call."""
    story = Story()
    story.finding()
    for wait in (0, 5):
        story.wait(wait)
        story.do("call", to="home", result="no_answer", version=story.alert.version)
    assert len(story.alert.calls) == 1
    story.do("call", to="home", result="no_answer", version=story.alert.version, key="k2")
    assert len(story.alert.calls) == 2


def test_of_many_homes_each_family_hears_it_once_whenever_its_home_joins() -> None:
    """A cut of an area is kept under one home; the families of the others are told as well, if the elder allows it."""
    allowed = SITE.replace(
        "{id: r0400, name: 孙爷爷}", "{id: r0400, name: 孙爷爷, consent: {family: [status]}}"
    )
    area: dict[str, Any] = {
        "code": "TE5", "cause": "area", "pictogram": "device", "device": None, "resident": None, "life": False,
    }  # fmt: skip
    story = Story(allowed)
    story.finding(**area, parameters={"homes": ["h0317"]})
    story.do("acknowledge")
    assert [t[1] for t in story.told(story.log[-1:])] == ["c0317a"]
    story.wait(30)
    story.finding(**area, phase=Phase.changed, parameters={"homes": ["h0317", "h0400"]})
    assert [(t[1], t[3]) for t in story.told(story.log[-1:])] == [("c0400", "acknowledged")]
    story.wait(30)
    told = len(story.told())
    story.finding(**area, phase=Phase.changed, parameters={"homes": ["h0317", "h0400"], "back": ["h0400"]})
    assert len(story.told()) == told
    story.do("call", to="home", result="answered")
    for home in ("h0317", "h0400"):
        story.do("check", to=home, result="safe")
    story.do("close", **CODES)
    assert {t[1] for t in story.told(story.log[-1:]) if t[1].startswith("c")} == {"c0317a", "c0400"}

    silent = Story()  # nobody of the second home has allowed anything
    silent.finding(**area, parameters={"homes": ["h0317", "h0400"]})
    silent.do("acknowledge")
    assert [t[1] for t in silent.told(silent.log[-1:])] == ["c0317a"]
