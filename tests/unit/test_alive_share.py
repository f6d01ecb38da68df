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
    for minutes in pauses:
        heard.append(heard[-1] + minutes * MINUTE)
    now = heard[-1] + late * MINUTE
    device = a_device(heard)
    if now:
        whole = 1 - alive_share([device], START, START + now)
        assert whole * now == pytest.approx(truly_dead(heard, 0, now), abs=2)
    since = max(0, now - back * HOUR)
    if now > since:
        dead = (1 - alive_share([device], START + since, START + now)) * (now - since)
        assert abs(dead - truly_dead(heard, since, now)) <= OLDER_TOGETHER


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
