"""A resident's days: what was not heard stays a gap, a night is counted honestly, and only outings are inferred."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from dashboard_api import days
from dashboard_api.days import Stretch

ZONE = ZoneInfo("Asia/Shanghai")
STEP = timedelta(minutes=5)
NOON = datetime(2026, 5, 23, 4, 0, tzinfo=UTC)


def bucket(minute, low, mean=None, high=None, n=30):
    mean = low if mean is None else mean
    return (
        NOON + timedelta(minutes=minute),
        float(low),
        float(mean),
        float(high if high is not None else mean),
        n,
    )


def at(minute):
    return NOON + timedelta(minutes=minute)


def test_a_gap_of_two_hours_makes_two_pieces_of_line():
    """Nothing is drawn where nothing was heard, and the gap is told with its edges."""
    heard = [bucket(m, 62) for m in (*range(0, 30, 5), *range(150, 180, 5))]
    drawn = days.curve(heard, step=STEP, start=NOON, end=at(180), usual=None)
    assert [len(piece) for piece in drawn["pieces"]] == [6, 6]
    assert drawn["gaps"] == [{"from": "2026-05-23T04:30:00.000Z", "to": "2026-05-23T06:30:00.000Z"}]
    assert drawn["band"] is None


def test_what_was_never_heard_is_one_gap_and_no_line():
    drawn = days.curve([], step=STEP, start=NOON, end=at(60), usual=None)
    assert drawn["pieces"] == []
    assert drawn["gaps"] == [{"from": "2026-05-23T04:00:00.000Z", "to": "2026-05-23T05:00:00.000Z"}]
    assert drawn["last_value"] is None


def test_a_personal_range_needs_enough_values():
    """Below half a day of buckets there is no range, and no value is called unusual."""
    few = [bucket(5 * n, 60) for n in range(days.BAND_SAMPLES - 1)]
    assert days.band(few) is None
    many = [bucket(5 * n, 50 + n % 20) for n in range(200)]
    assert days.band(many) == (51.0, 69.0)
    drawn = days.curve([bucket(0, 60), bucket(5, 90)], step=STEP, start=NOON, end=at(10), usual=(51.0, 69.0))
    assert [value for _, value in drawn["beyond"]] == [90.0]


def test_a_silent_belt_is_neither_in_bed_nor_out_of_it():
    """A state stands for ten minutes after the last word, then it is not known."""
    spans = days.stretches(
        [bucket(0, 1), bucket(60, 0)], step=STEP, start=at(-30), end=at(120), silent=timedelta(minutes=10)
    )
    assert [(s.start, s.end, s.value) for s in spans] == [
        (at(-30), at(0), None), (at(0), at(15), True), (at(15), at(60), None),
        (at(60), at(75), False), (at(75), at(120), None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("one", "two", "bed"),
    [(True, False, True), (False, False, False), (False, None, None), (True, None, True)],
)
def test_two_belts_on_one_bed_are_one_bed(one, two, bed):
    """In bed if either says so; out of it only if both do."""
    whole = (NOON, at(60))
    assert [s.value for s in days.merged([[Stretch(*whole, one)], [Stretch(*whole, two)]])] == [bed]


def test_a_night_counts_hours_and_the_times_somebody_got_up():
    """Asleep from 21:00 to 06:30, up once at 02:00 for ten minutes: one exit, the unknown told apart."""
    zone_start = datetime(2026, 5, 22, 21, 0, tzinfo=ZONE).astimezone(UTC)
    heard = []
    for n in range(int(9.5 * 12)):
        begin = zone_start + n * STEP
        up = 300 <= n * 5 < 310
        heard.append((begin, 0.0 if up else 1.0, 0.0 if up else 1.0, 0.0 if up else 1.0, 30))
    end = datetime(2026, 5, 23, 12, 0, tzinfo=ZONE).astimezone(UTC)
    bed = days.stretches(
        heard, step=STEP, start=zone_start - timedelta(days=1), end=end, silent=timedelta(minutes=10)
    )
    (night,) = days.nights(bed, days.got_up(heard), zone=ZONE, last=date(2026, 5, 23), count=1)
    assert night["in_bed_hours"] == 9.5
    assert night["exits"] == 1
    assert night["bed_at"] == "2026-05-22T13:00:00.000Z"
    assert night["unknown_hours"] == pytest.approx(14 - 9.5 - 10 / 60, abs=0.2)


def test_a_night_without_a_belt_has_no_figures():
    """Not heard at all: no hours and no exits, not nought of each."""
    (night,) = days.nights([], [], zone=ZONE, last=date(2026, 5, 23), count=1)
    assert night["in_bed_hours"] is None
    assert night["exits"] is None
    assert night["unknown_hours"] == 14.0


def test_out_is_a_door_and_then_nothing_inside():
    """A door followed by life inside is no outing; one followed by an hour of nothing is, until somebody is back."""
    doors = [Stretch(at(0), at(5), True), Stretch(at(60), at(65), True), Stretch(at(130), at(135), True)]
    inside = [Stretch(at(10), at(15), True), Stretch(at(140), at(145), True)]
    away = days.outings(doors, inside, end=at(180))
    assert [(s.start, s.end) for s in away] == [(at(65), at(130))]


def test_an_empty_bed_has_no_pulse():
    """A belt nobody lies on says 0: that is no reading. In bed, a 0 is kept: it may be what everybody must see."""
    values = [bucket(0, 62), bucket(5, 0), bucket(10, 0)]
    bed = [bucket(0, 1), bucket(5, 0), bucket(10, 1)]
    assert [b[0] for b in days.of_somebody(values, bed)] == [at(0), at(10)]


def test_a_bucket_in_which_the_bed_was_left_has_no_pulse():
    """「心率 47.9」 of 71 and of an empty bed's noughts is nobody's; noughts of who lies there the whole time stay in the mean."""
    mixed, still = (at(5), 0.0, 47.9, 71.0, 12), (at(10), 0.0, 30.0, 70.0, 12)
    bed = [bucket(0, 1), (at(5), 0.0, 0.7, 1.0, 12), bucket(10, 1)]
    assert days.of_somebody([bucket(0, 62), mixed, still], bed) == [bucket(0, 62), still]
    assert days.of_somebody([mixed], []) == []


def test_buckets_are_put_together_by_what_was_counted():
    """Least, greatest, and the mean by the number of readings; a bucket that is missing adds nothing."""
    some = [(at(0), 60.0, 62.0, 64.0, 10), (at(5), 58.0, 70.0, 80.0, 30), (at(30), 50.0, 50.0, 50.0, 1)]
    start = days.coarser(some, timedelta(minutes=30))
    assert [b[1:] for b in start] == [(58.0, 68.0, 80.0, 40), (50.0, 50.0, 50.0, 1)]
    assert start[1][0] - start[0][0] == timedelta(minutes=30)


def test_a_room_is_quiet_only_while_its_sensor_is_heard():
    """Before the first word, and where the sensor was silent for longer than its limit, quiet is not known."""
    line = days.watched(
        [Stretch(at(60), at(65), True)],
        [at(60), at(120), at(400)],
        step=STEP,
        start=NOON,
        end=at(480),
        silent=timedelta(hours=3),
    )
    assert [(s.start, s.end, s.value) for s in line] == [
        (at(0), at(60), None),
        (at(60), at(65), True),
        (at(65), at(125), False),
        (at(125), at(400), None),
        (at(400), at(480), False),
    ]


def test_a_word_before_the_window_stands_at_its_beginning():
    """A sensor with an hourly heartbeat is not unknown for the first minutes of a day."""
    line = days.watched([], [at(-30), at(30)], step=STEP, start=NOON, end=at(60), silent=timedelta(hours=3))
    assert [(s.start, s.end, s.value) for s in line] == [(at(0), at(60), False)]
    never = days.watched([], [], step=STEP, start=NOON, end=at(60), silent=timedelta(hours=3))
    assert [(s.start, s.end, s.value) for s in never] == [(at(0), at(60), None)]


def test_an_outing_is_not_inferred_from_sensors_that_were_not_heard():
    """Nothing moved because nobody was there, or because nothing was heard: the second is not known."""
    known = [Stretch(at(0), at(40), False), Stretch(at(40), at(90), None), Stretch(at(90), at(120), False)]
    assert days.sure([Stretch(at(10), at(100), True)], known) == [
        Stretch(at(10), at(40), True),
        Stretch(at(40), at(90), None),
        Stretch(at(90), at(100), True),
    ]


def test_where_nothing_is_known_nobody_is_told_to_have_been_at_home():
    """Before the first sign of life, and from a door that fell silent until the next one, out or not is not known."""
    door = [
        Stretch(at(0), at(30), None),
        Stretch(at(30), at(35), True),
        Stretch(at(35), at(90), False),
        Stretch(at(90), at(120), None),
        Stretch(at(120), at(180), False),
    ]
    life = [Stretch(at(40), at(45), True), Stretch(at(100), at(105), True)]
    told = days.outside([], life, door, start=NOON, end=at(180))
    assert [(s.start, s.end, s.value) for s in told] == [
        (at(0), at(40), None),
        (at(40), at(90), False),
        (at(90), at(100), None),
        (at(100), at(105), False),
        (at(105), at(180), None),
    ]
    assert days.outside([], [], [], start=NOON, end=at(60)) == [Stretch(at(0), at(60), None)]


def test_out_and_not_out_fill_the_whole_window():
    """A sign of life before the window still counts; whoever lies in bed is not out, whatever the door did."""
    door = [
        Stretch(at(0), at(30), False),
        Stretch(at(30), at(35), True),
        Stretch(at(35), at(170), False),
        Stretch(at(170), at(175), True),
        Stretch(at(175), at(180), False),
    ]
    life = [Stretch(at(-20), at(-10), True), Stretch(at(120), at(125), True)]
    away = [Stretch(at(35), at(80), True), Stretch(at(80), at(120), None)]
    told = days.outside(away, life, door, start=NOON, end=at(180))
    assert [(s.start, s.end, s.value) for s in told] == [
        (at(0), at(35), False),
        (at(35), at(80), True),
        (at(80), at(120), None),
        (at(120), at(170), False),
        (at(170), at(180), None),
    ]
    bed = [Stretch(at(0), at(180), True)]
    assert days.outside(away, bed, door, start=NOON, end=at(180)) == [Stretch(at(0), at(180), False)]
