"""Devices whose clocks are wrong, that say too much or change their mind too often: believed less, and that is said."""

from __future__ import annotations

from datetime import timedelta

from care.messages import Finding, Report
from rules.engine import Engine
from rules.memory import Field, moment
from tests.unit.test_engine import NOON, an_engine, feed, said, short


def skewed(after: float, behind: float, **values: object) -> Report:
    """A belt's report sent `after` seconds past noon by a clock that is `behind` seconds behind."""
    return said("belt", after - behind, late=behind, **values)


def test_a_steadily_wrong_clock_is_learnt_said_in_blue_and_corrected() -> None:
    """Two windows of five minutes that agree: TE11, and from then on times are the true ones."""
    engine = an_engine()
    found: list[Finding] = []
    for i in range(70):
        found += feed(engine, skewed(10 * i, 180, in_bed=True, heart_rate=70))
    assert [f for f in short(found) if f[0] == "TE11"] == [("TE11", "opened", "blue")]
    (finding,) = [f for f in found if f.rule == "TE11"]
    assert finding.evidence[0].value == -180.0  # a belt that is three minutes behind
    feed(engine, skewed(700, 180, in_bed=False))
    assert moment(believed(engine, "belt", "in_bed").since) == NOON + timedelta(seconds=700)


def believed(engine: Engine, device: str, quantity: str) -> Field:
    """What the engine holds to be true of one quantity."""
    return engine._homes["h1"].devices[device].fields[quantity]


def test_a_queue_sent_after_an_outage_is_no_wrong_clock() -> None:
    """Delays that shrink while the queue empties are the line's, and what comes live afterwards has none."""
    engine = an_engine()
    found: list[Finding] = []
    for i in range(60):
        at = 20 * i
        found += feed(engine, said("belt", at, late=1200 - at + i * 0.1, in_bed=True))
    for i in range(60):
        found += feed(engine, said("belt", 1210 + 10 * i, in_bed=True))
    assert not [f for f in found if f.rule == "TE11"]


def test_a_clock_set_right_ends_it() -> None:
    """When live messages come without delay again, the notice clears by itself."""
    engine = an_engine()
    found: list[Finding] = []
    for i in range(70):
        found += feed(engine, skewed(10 * i, 180, in_bed=True))
    for i in range(70):
        found += feed(engine, skewed(900 + 10 * i, 0, in_bed=True))
    assert [f[:2] for f in short(found) if f[0] == "TE11"] == [("TE11", "opened"), ("TE11", "cleared")]


def test_too_many_messages_are_thinned_and_said_but_the_newest_value_counts() -> None:
    """Of 200 reports in one second the last is what is believed; TE12 says so and is over after five calm minutes."""
    engine = an_engine()
    found = feed(engine, *[said("door", i / 200, door_open=bool(i % 2)) for i in range(200)])
    assert [f[:2] for f in short(found) if f[0] == "TE12"] == [("TE12", "opened")]
    engine.tick(NOON + timedelta(seconds=2))
    field = believed(engine, "door", "door_open")
    assert field.value is True
    later = engine.tick(NOON + timedelta(minutes=6))
    assert ("TE12", "cleared") in [f[:2] for f in short(later)]


def test_alarms_are_never_thinned() -> None:
    """SOS and smoke in the middle of a flood of the same device are heard at once."""
    engine = an_engine()
    found = feed(engine, *[said("smoke", i / 200, smoke=False, battery=90 + i % 2) for i in range(150)])
    found = feed(engine, said("smoke", 0.76, smoke=True))
    assert ("SM1", "opened", "red") in short(found)


def test_a_flickering_mat_is_not_believed_and_makes_no_exit() -> None:
    """Twenty changes within a minute: said once in blue, no bed exit from it, and calm ends it."""
    engine = an_engine()
    night = timedelta(hours=11)  # 23:00 in the community's zone
    start = night.total_seconds()
    found = feed(engine, said("belt", start - 1800, in_bed=True))
    found += feed(engine, *[said("belt", start + i, in_bed=bool(i % 2)) for i in range(600)])
    found += feed(engine, *[said("belt", start + 601 + 10 * i, in_bed=True) for i in range(60)])
    assert [f[:2] for f in short(found) if f[0] == "TE6_bed"] == [
        ("TE6_bed", "opened"),
        ("TE6_bed", "cleared"),
    ]
    assert not [f for f in found if f.rule.startswith("BD1")]


def test_two_words_of_the_same_moment_keep_the_last_and_repeats_change_nothing() -> None:
    """A device without a finer clock may say two things at once: the later heard one counts."""
    engine = an_engine()
    first = said("door", 5, door_open=True, name="a")
    second = said("door", 5, door_open=False, name="b")
    assert short(feed(engine, first, second, first, second)) == []
    field = believed(engine, "door", "door_open")
    assert field.value is False


def test_a_burst_over_a_weak_link_is_no_person() -> None:
    """Motion that lasts under two seconds with a link quality under 30 is the radio's."""
    engine = an_engine()
    feed(engine, said("pir", 10, motion=False, link_quality=20))
    feed(
        engine,
        said("pir", 20, motion=True, link_quality=18),
        said("pir", 20.5, motion=False, link_quality=18),
    )
    field = believed(engine, "pir", "motion")
    assert field.true_at == 0
    feed(engine, said("pir", 40, motion=True, link_quality=90))
    assert field.true_at != 0
