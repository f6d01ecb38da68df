"""Laws of alerts that hold whatever people, sensors and clocks do in whatever order."""

import contextlib
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.alert import Alert, timers
from alerts.desk import Desk
from alerts.events import Closed, LevelRaised, NobodyThere, Reopened, Told, Transition, Undone
from alerts.lifecycle import fold
from alerts.orders import NotAllowed
from alerts.proposing import decode_transition
from care.messages import encode
from care.words import AlertState, Command, Condition, Level, Phase
from tests.unit.test_alert_house import CODES, SITE, Story, a_finding, an_order, seconds

NO_STAFF = SITE.partition("staff:\n")[0] + "policy: {acknowledge_seconds: 60, arrive_minutes: 10}\n"
SITES = [
    SITE,
    NO_STAFF,
    SITE.replace("role: supervisor", "role: doctor").replace("role: operator", "role: doctor"),
]

people = st.sampled_from(["s01", "s02", "s07", "s08"])
findings = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["f1", "f2", "f3"]),
        "cause": st.sampled_from(["fire", "sos"]),
        "phase": st.sampled_from(list(Phase)),
        "level": st.sampled_from(list(Level)),
        "reason": st.sampled_from(["occurrence", "level", "evidence", "unknown"]),
        "occurrences": st.integers(1, 4),
        "condition": st.sampled_from([Condition.active, Condition.unknown]),
        "life": st.booleans(),
        "auto_close": st.booleans(),
        "test": st.sampled_from([False, False, False, True]),
        "pictogram": st.sampled_from(["smoke", "sos"]),
    }
)
orders = st.fixed_dictionaries(
    {"command": st.sampled_from([c.value for c in Command]), "actor": people},
    optional={
        "by": people,
        "version": st.integers(0, 30),
        "key": st.sampled_from(["k1", "k2"]),
        "note": st.sampled_from(["", "x", "刚才是不是在烧菜？是"]),
        "to": st.sampled_from(["", "home"]),
        "result": st.sampled_from(["", "answered", "no_answer", "busy", "?"]),
        "responders": st.lists(people, max_size=2),
        "seconds": st.sampled_from([0.0, 60.0, 120.0, 121.0, float("inf"), float("nan"), -1.0]),
        "reason": st.sampled_from(["", "x"]),
        "cause": st.sampled_from(["C02", "C99"]),
        "verification": st.just("V1"),
        "actions": st.lists(st.sampled_from(["A1", "A99"]), max_size=2).map(tuple),
        "outcome": st.sampled_from(["O1", "O5"]),
        "truth": st.sampled_from(["avoidable", "?"]),
    },
)
# Half of the closings are whole, so that stories get past them.
closings = st.builds(lambda actor: {"command": "close", "actor": actor, **CODES}, people)
waits = st.sampled_from([0.5, 5.0, 9.0, 29.0, 31.0, 61.0, 130.0, 700.0, 3700.0, 90000.0])
jumps = st.sampled_from([45.0, 200.0, 5000.0])
actions = st.lists(
    st.one_of(
        st.tuples(st.just("finding"), findings),
        st.tuples(st.just("order"), st.one_of(orders, orders, closings)),
        st.tuples(st.just("wait"), waits),
        st.tuples(st.just("jump"), jumps),
    ),
    max_size=25,
)


def act(story: Story, kind: str, what: Any) -> None:
    """One thing happens; an order that is refused changes nothing."""
    match kind:
        case "finding":
            finding = a_finding(at=story.now, **what)
            heard = story.desk.on_finding(finding, story.now)
            story.keep(heard)
            # Heard twice is heard once.
            assert story.desk.on_finding(finding, story.now) == []
        case "order":
            for alert_id in list(story.desk.alerts)[-1:]:
                before = dict(story.desk.alerts)
                with contextlib.suppress(NotAllowed):
                    transition = story.desk.command(alert_id, an_order(**what), story.now)
                    if transition.events:
                        story.keep([transition])
                        continue
                assert story.desk.alerts == before
        case "wait":
            story.wait(what)
        case _:
            story.now += seconds(what)
            story.keep(story.desk.tick(story.now))


def begin(site: str) -> Story:
    story = Story(site)
    story.finding("f0")
    return story


def moved_back(before: Alert, after: Alert) -> bool:
    order = list(AlertState)
    return order.index(after.state) < order.index(before.state)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(SITES), actions)
def test_an_alert_only_moves_forward_unless_undone_or_reopened(
    site: str, deeds: list[tuple[str, Any]]
) -> None:
    """And its version counts up by one, its number and id stay, its level never falls in one run."""
    story = begin(site)
    for kind, what in deeds:
        act(story, kind, what)
    states: dict[str, Alert] = {}
    for transition in story.log:
        before = states.get(transition.alert)
        after = states[transition.alert] = fold(before, transition)
        if before is None:
            continue
        back = any(isinstance(e, Undone | Reopened) for e in transition.events)
        again = any(isinstance(e, Reopened) for e in transition.events)
        assert back or not moved_back(before, after)
        assert (after.id, after.number) == (before.id, before.number)
        assert after.version in (before.version, before.version + 1)
        assert again or after.level.rank >= before.level.rank
        new_run = any(isinstance(e, LevelRaised | Reopened) for e in transition.events)
        assert after.generation == before.generation + new_run


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(SITES), actions, st.data())
def test_a_crash_at_any_point_changes_nothing(
    site: str, deeds: list[tuple[str, Any]], data: st.DataObject
) -> None:
    """Rebuilt from its events anywhere, a desk is the same and goes on with the same events."""
    crash = data.draw(st.integers(0, len(deeds)))
    straight, broken = begin(site), begin(site)
    for n, (kind, what) in enumerate(deeds):
        act(straight, kind, what)
        if n == crash:
            kept = [decode_transition(encode(t)) for t in broken.log]
            broken.desk = Desk.restore(broken.registry, kept, numbers=broken.numbers)
        act(broken, kind, what)
    assert broken.log == straight.log
    assert broken.desk.alerts == straight.desk.alerts
    assert broken.desk.next_due() == straight.desk.next_due()


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(SITES), actions)
def test_an_unanswered_red_keeps_telling_or_says_that_nobody_is_there(
    site: str, deeds: list[tuple[str, Any]]
) -> None:
    """From any state, every stretch of ten minutes in which nobody does anything is not silent."""
    story = begin(site)
    for kind, what in deeds:
        act(story, kind, what)
    story.keep(story.desk.tick(story.now))
    for alert in [a for a in story.desk.open() if a.level is Level.red]:
        idle = alert.unanswered or (alert.state != "attended" and not alert.going and not answered(alert))
        if not idle:
            continue
        until = story.now + timedelta(seconds=601)
        said: list[Transition] = []
        copy = Desk.restore(story.registry, story.log, numbers=story.numbers)
        while (due := copy.next_due()) is not None and due <= until:
            for transition in copy.tick(due):
                copy.apply(transition)
                if transition.alert == alert.id:
                    said.append(transition)
        assert any(isinstance(e, Told | NobodyThere) for t in said for e in t.events)


def answered(alert: Alert) -> bool:
    return bool(alert.calls) and alert.work_due is None and alert.hold_until is None


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([SITE, SITES[2]]), actions)
def test_no_two_messages_share_a_name_and_no_two_cases_a_cause(
    site: str, deeds: list[tuple[str, Any]]
) -> None:
    """Delivery ids are their own; one home, cause and test has one open case; nothing is overdue after a tick."""
    story = begin(site)
    for kind, what in deeds:
        act(story, kind, what)
        keys = [(a.home, a.cause, a.test) for a in story.desk.open()]
        assert len(keys) == len(set(keys))
    ids = [d.id for t in story.log for d in t.deliveries]
    assert len(ids) == len(set(ids))
    story.keep(story.desk.tick(story.now))
    assert all(t.at > story.now for a in story.desk.open() for t in timers(a))
    for alert in story.desk.open():
        assert not alert.test or (alert.level is Level.blue and not alert.deliveries), "a test pages nobody"


@settings(max_examples=100, deadline=None)
@given(actions)
def test_whoever_ends_a_life_case_is_a_person_who_said_how(deeds: list[tuple[str, Any]]) -> None:
    """Red and yellow end by a person, with all four codes, never with O5."""
    story = begin(SITE)
    for kind, what in deeds:
        act(story, kind, what)
    states: dict[str, Alert] = {}
    for transition in story.log:
        alert = states[transition.alert] = fold(states.get(transition.alert), transition)
        for closed in [e for e in transition.events if isinstance(e, Closed)]:
            # As it was when it was closed: what is noted in it later is no part of the ending.
            assert closed.outcome.outcome != "O5"
            if alert.level is Level.blue and not alert.life:
                continue
            assert closed.by is not None
            if alert.level is not Level.blue:
                told = closed.outcome
                assert all((told.cause, told.verification, told.actions, told.outcome))
