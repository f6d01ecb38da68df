"""Does anybody hear the screens? A desk that falls silent is said once, and taken back when it is heard again."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

from care.ids import iso
from care.words import Condition, Phase
from dashboard_api.watching import CODE, Watch

NOON = datetime(2026, 5, 23, 4, 0, tzinfo=UTC)


def at(seconds):
    return NOON + timedelta(seconds=seconds)


def look(watch, audible, now, expected=True):
    found = watch.look(None if audible is None else at(audible), expected=expected, home="zpq", now=at(now))
    return None if found is None else (found.code, found.phase)


def test_a_desk_that_falls_silent_is_said_once_and_taken_back():
    """60 s without an audible beat: one finding, not one every look; heard again: cleared under the same name."""
    watch = Watch()
    assert look(watch, 0, 5) is None
    assert look(watch, 0, 60) is None
    opened = watch.look(at(0), expected=True, home="zpq", now=at(61))
    assert (opened.code, opened.phase, opened.onset_at) == (CODE, Phase.opened, NOON)
    assert look(watch, None, 66) is None
    cleared = watch.look(at(70), expected=True, home="zpq", now=at(71))
    assert (cleared.finding, cleared.phase, cleared.condition) == (
        opened.finding,
        Phase.cleared,
        Condition.cleared,
    )
    assert look(watch, 70, 75) is None
    assert look(watch, 70, 131) == (CODE, Phase.opened)


def test_without_a_desk_in_the_rota_nothing_is_said():
    """Nobody is expected at the desk: that is the rota's matter, not the screens'."""
    watch = Watch()
    look(watch, 0, 1)
    assert look(watch, 0, 600, expected=False) is None
    assert look(watch, 0, 601) == (CODE, Phase.opened)


def test_a_service_whose_first_desk_never_comes_says_so_after_ten_minutes():
    """Whoever sets it up has ten minutes; then nobody sees or hears it, and when a desk was last heard is not invented."""
    assert look(Watch(), None, 3600) is None, "since when it waits is not known yet"
    watch = Watch(never_since=NOON)
    assert look(watch, None, 600) is None
    assert look(watch, None, 601, expected=False) is None
    opened = watch.look(None, expected=True, home="zpq", now=at(601))
    assert (opened.phase, opened.onset_at, opened.parameters) == (
        Phase.opened,
        NOON,
        {"silent_after_seconds": 600},
    )
    assert look(watch, None, 660) is None
    cleared = watch.look(at(700), expected=True, home="zpq", now=at(701))
    assert (cleared.finding, cleared.phase) == (opened.finding, Phase.cleared)
    again = watch.look(at(700), expected=True, home="zpq", now=at(761))
    assert again.parameters == {"silent_after_seconds": 60, "last_audible_at": iso(at(700))}


def test_what_was_said_before_a_restart_is_taken_back_after_it():
    """The case is open and its condition active: the next audible beat clears the same finding, and nothing is said twice."""
    before = Watch(audible_at=NOON)
    opened = before.look(None, expected=True, home="zpq", now=at(61))
    said = SimpleNamespace(
        code=CODE, condition=Condition.active, finding=opened.finding, onset_at=opened.onset_at
    )
    watch = Watch(audible_at=NOON)
    watch.resume([SimpleNamespace(findings=[said])])
    assert look(watch, None, 120) is None
    cleared = watch.look(at(125), expected=True, home="zpq", now=at(126))
    assert (cleared.finding, cleared.phase) == (opened.finding, Phase.cleared)
    said.condition = Condition.cleared
    over = Watch(audible_at=NOON)
    over.resume([SimpleNamespace(findings=[said, SimpleNamespace(code="LS1", condition=Condition.active)])])
    assert over.said == ""
