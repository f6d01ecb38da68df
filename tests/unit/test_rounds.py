"""Call rounds: everybody is rung until somebody spoke to them; who is not reached is somebody's task."""

from datetime import timedelta

import pytest

from alerts.rounds import (
    AGAIN_AFTER,
    KEPT,
    Attempt,
    Call,
    Reached,
    Round,
    owed,
    round_id,
    standing,
    with_attempt,
)
from alerts.upkeep import How, Upkeep, Visit, upkeep_findings
from care.words import Level, Phase
from tests.unit.test_alert_house import NOON, SITE, Story, registry

ROUND = Round(
    id="r1",
    title="降温关怀",
    residents=("r0317", "r0400"),
    made_at=NOON,
    by="s01",
    until=NOON + timedelta(hours=5),
)
MINUTE = timedelta(minutes=1)


def rung(*outcomes: str, every: timedelta = AGAIN_AFTER, resident: str = "r0317") -> Call:
    call = Call(round="r1", resident=resident)
    for n, outcome in enumerate(outcomes, 1):
        call = with_attempt(call, Attempt(at=NOON + n * every, by="s01", outcome=Reached(outcome)))
    return call


def test_not_reached_soon_after_reached_corrects_it_and_an_hour_later_is_a_call_of_its_own() -> None:
    """What was noted wrongly stays to be read and counts no more; a press again, or the same key, changes nothing."""
    soon = rung("not_reached", "well", "request", "not_reached", every=20 * MINUTE)
    assert soon.attempts[-1].corrects == (NOON + 40 * MINUTE, NOON + 60 * MINUTE)
    assert (soon.reached, soon.missed, len(soon.attempts)) == (None, 2, 4)
    assert with_attempt(soon, soon.attempts[-1]) == soon
    again = with_attempt(soon, Attempt(at=NOON + 90 * MINUTE, by="s01", outcome=Reached.well))
    assert again.reached == again.attempts[-1], "and corrected once more, it is well"
    later = rung("well", "not_reached", every=61 * MINUTE)
    assert later.attempts[-1].corrects == ()
    assert (later.reached, later.missed) == (later.attempts[0], 1)


@pytest.mark.parametrize(
    ("outcomes", "after", "state"),
    [
        ((), 1, "todo"),
        (("well",), 60, "well"),
        (("request",), 60, "request"),
        (("not_reached",), 31, "again"),
        (("not_reached", "not_reached"), 100, "again"),
        (("not_reached",) * 3, 100, "not_reached"),
        (("not_reached",), 301, "not_reached"),
        (("not_reached", "well"), 100, "well"),
        (("not_reached", "well", "not_reached"), 100, "again"),
        (("not_reached", "not_reached", "well", "not_reached"), 130, "not_reached"),
    ],
)
def test_where_a_resident_stands(outcomes: tuple[str, ...], after: int, state: str) -> None:
    """To be rung, again after half an hour, reached, or missed three times or by the end."""
    found = standing(rung(*outcomes), ROUND, NOON + after * MINUTE)
    assert found.state == state
    if state == "again":
        assert found.next_at == NOON + (len(outcomes) + 1) * AGAIN_AFTER


def test_a_double_tap_is_one_attempt_and_two_real_ones_are_two() -> None:
    """The same key, or the same words within a minute, are the same call."""
    call = rung("not_reached")
    (first,) = call.attempts
    again = Attempt(at=first.at + 20 * timedelta(seconds=1), by="s01", outcome=Reached.not_reached)
    assert with_attempt(call, again) == call
    later = Attempt(at=first.at + 10 * MINUTE, by="s01", outcome=Reached.not_reached)
    assert len(with_attempt(call, later).attempts) == 2
    named = with_attempt(call, Attempt(at=first.at, by="s02", outcome=Reached.well, key="k"))
    assert (
        with_attempt(named, Attempt(at=first.at + 10 * MINUTE, by="s02", outcome=Reached.well, key="k"))
        == named
    )


def test_who_was_not_reached_is_a_blue_task_until_somebody_has_seen_them() -> None:
    """Said once; a visit at the door ends it, as a later call does."""
    people = registry(SITE)
    upkeep = Upkeep(
        rounds={"r1": ROUND},
        calls={("r1", "r0317"): rung(*("not_reached",) * 3), ("r1", "r0400"): rung("well", resident="r0400")},
    )
    now = NOON + 2 * timedelta(hours=1)
    (finding,) = upkeep_findings(people, upkeep, [], now)
    assert (finding.code, finding.level, finding.resident, finding.cause) == (
        "CR1",
        Level.blue,
        "r0317",
        "call:r0317",
    )
    assert finding.parameters == {"attempts": 3}
    case = Story()
    case.hear(finding)
    assert upkeep_findings(people, upkeep, [case.alert], now + MINUTE) == []
    seen = {"r0317": Visit(resident="r0317", at=now, how=How.door, by="s07")}
    met = Upkeep(rounds=upkeep.rounds, calls=upkeep.calls, visits=seen)
    (over,) = upkeep_findings(people, met, [case.alert], now + MINUTE)
    assert over.phase is Phase.cleared
    case.hear(over)
    assert not case.alert.open


def test_a_round_that_ended_with_people_nobody_rang_is_said_once_for_all() -> None:
    """One task for the round, not one for each; nothing before its end, nothing of a round of last week."""
    assert owed({"r1": ROUND}, {}, {}, ROUND.until - MINUTE) == []
    (found,) = owed({"r1": ROUND}, {}, {}, ROUND.until)
    assert (found.resident, found.left) == (None, 2)
    assert owed({"r1": ROUND}, {}, {"r0317": NOON, "r0400": NOON}, ROUND.until) == []
    assert owed({"r1": ROUND}, {}, {}, ROUND.until + KEPT + MINUTE) == []
    codes = [f.code for f in upkeep_findings(registry(SITE), Upkeep(rounds={"r1": ROUND}), [], ROUND.until)]
    assert codes == ["CR2"]


def test_the_same_people_until_the_same_time_are_the_same_round() -> None:
    """Whatever the order they were named in."""
    assert round_id(["a", "b"], NOON, "x") == round_id(["b", "a"], NOON, "x") != round_id(["a"], NOON, "x")
