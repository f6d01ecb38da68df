"""The proof behind every absence: a sensor that comes and goes is never taken for one that lived (domain 3.1)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care.words import Kind
from rules.live import LiveDevice
from rules.memory import DeviceMemory
from rules.signs import OLDER_TOGETHER, alive_share, note_gap
from tests.unit.test_engine import NOON, a_site, an_engine, feed, said, short

MINUTE, HOUR = 60_000, 3_600_000
SILENCE = 10 * MINUTE
START = 1_700_000_000_000


def a_device(heard: list[int]) -> LiveDevice:
    """A belt of which something came at these times (ms after the beginning)."""
    device = LiveDevice("belt", DeviceMemory())
    device.kind, device.silence = Kind.bed_belt, SILENCE
    memory = device.memory
    for at in heard:
        received = START + at
        memory.first_at = memory.first_at or received
        note_gap(device, received)
        memory.heard_at = received
    return device


def truly_dead(heard: list[int], since: int, now: int) -> int:
    """Milliseconds of the window within silences longer than its kind may be silent, counted from all of them."""
    pauses = zip(heard, [*heard[1:], now], strict=True)
    return sum(max(0, min(b, now) - max(a, since)) for a, b in pauses if b - a > SILENCE) + max(
        0, heard[0] - since
    )


def test_a_sensor_that_is_dead_for_most_of_each_hour_is_not_alive() -> None:
    """Forty silences in a day and a half: more than are kept one by one, and none of them is forgotten."""
    heard = [h * HOUR + m * MINUTE for h in range(40) for m in (0, 5, 10)]
    share = alive_share([a_device(heard)], START, START + 40 * HOUR)
    assert share == pytest.approx(1 / 6, abs=0.01)


def test_silences_of_long_ago_weigh_no_more() -> None:
    """A bad week, and a good one since: today it lived, and what is remembered stays small."""
    bad = [h * HOUR for h in range(24 * 10)]
    good = [24 * 10 * HOUR + m * 5 * MINUTE for m in range(24 * 12 * 3)]
    device = a_device(bad + good)
    now = START + good[-1]
    assert alive_share([device], now - 48 * HOUR, now) == 1.0
    assert len(device.memory.older) <= 40


@given(st.lists(st.integers(1, 60), min_size=1, max_size=300), st.integers(0, 72), st.integers(0, 9))
def test_what_is_told_together_is_told_rightly(pauses: list[int], back: int, late: int) -> None:
    """Against the sum of all silences: exact over the whole time, and within one bundle wherever the window begins."""
    heard = [0]
    for minutes in (
        pauses
    ):  # two messages each time: one that says a word now and then and is gone again has no heartbeat
        heard += [heard[-1] + minutes * MINUTE, heard[-1] + (minutes + 2) * MINUTE]
    now = heard[-1] + late * MINUTE
    device = a_device(heard)
    if now:
        whole = 1 - alive_share([device], START, START + now)
        assert whole * now == pytest.approx(truly_dead(heard, 0, now), abs=2)
    since = max(0, now - back * HOUR)
    if now > since:
        dead = (1 - alive_share([device], START + since, START + now)) * (now - since)
        assert abs(dead - truly_dead(heard, since, now)) <= OLDER_TOGETHER


@pytest.mark.parametrize("beat", [15 * MINUTE, 40 * MINUTE, 79 * MINUTE])
def test_a_slow_steady_heartbeat_is_life(beat: int) -> None:
    """A belt that speaks every quarter of an hour, in two messages, lived all day; once it stops, it did not."""
    heard = [n * beat + m for n in range(24 * 60 * MINUTE // beat + 1) for m in (0, 2_000)]
    device = a_device(heard)
    now = START + heard[-1]
    assert alive_share([device], now - 20 * HOUR, now) == 1.0
    assert alive_share([device], now - 40 * HOUR, now + beat * 3 // 2) > 0.5
    assert alive_share([device], now, now + 10 * HOUR) == 0.0


def test_one_missed_beat_is_no_death_and_three_are() -> None:
    """Half as much again is given; what is longer is a silence in which it did not live."""
    beat = 30 * MINUTE
    heard = [n * beat for n in range(48) if n not in (20, 21, 22)]
    device = a_device(heard)
    since = START + 10 * beat
    assert alive_share([device], since, START + 40 * beat) == pytest.approx(1 - 4 / 30, abs=0.001)


def test_a_heartbeat_slower_than_any_of_its_kind_is_none() -> None:
    """A mains belt that is heard twice a day is a belt that is dead most of the day."""
    device = a_device([n * 12 * HOUR for n in range(10)])
    assert alive_share([device], START, START + 108 * HOUR) == pytest.approx(0, abs=0.001)


def test_an_old_message_that_comes_again_proves_nothing_of_the_hours_between() -> None:
    """The sensor's last word is repeated after seven hours: it is heard again, and was not before (AC1 cannot tell)."""
    site = a_site(devices=["pir"], limits={"awake_from": "00:00", "awake_to": "24:00"})
    last = said("pir", 0, motion=True, name="a")
    again = said("pir", 0, late=7 * 3600, motion=True, name="a")
    found = feed(an_engine(site), last, again, said("pir", 8 * 3600 + 600, motion=False))
    about = [f for f in found if f.rule == "AC1"]
    assert short(about) == [("AC1", "opened", "yellow")]
    assert "cannot_tell" in about[0].tags
    assert (about[0].at - NOON).total_seconds() == pytest.approx(8 * 3600, abs=300)
