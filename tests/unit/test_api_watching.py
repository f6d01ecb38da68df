"""Does anybody hear the screens? A desk that falls silent is said once, and taken back when it is heard again."""

from datetime import UTC, datetime, timedelta

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


def test_without_a_desk_in_the_rota_or_ever_heard_nothing_is_said():
    """Nobody is expected at the desk, or no audible desk ever beat: that is the rota's matter, not the screens'."""
    assert look(Watch(), None, 600) is None
    watch = Watch()
    look(watch, 0, 1)
    assert look(watch, 0, 600, expected=False) is None
    assert look(watch, 0, 601) == (CODE, Phase.opened)
