"""The evidence strip: yes, no and unknown over an hour, and what may be inferred from it."""

import itertools
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from care.messages import DeviceHealth, HomeHealth, Report
from care.site import Device, Home, Resident
from care.words import Kind
from dashboard_api.strip import Recent, strip
from devices.kinds import KINDS as KIND_TABLE

NOON = datetime(2026, 5, 23, 4, 6, 24, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Shanghai")
KINDS = {
    "smoke": Kind.smoke,
    "door": Kind.door,
    "motion": Kind.motion,
    "belt": Kind.bed_belt,
    "sos": Kind.sos,
    "gas": Kind.gas,
}


def ago(seconds):
    return NOON - timedelta(seconds=seconds)


def drawn(*heard, people=1, health=None, now=NOON, retained=False, **seeing):
    """The strip of a home with one device of each kind, after (device, seconds ago, values)."""
    home = Home(
        id="h",
        residents=[Resident(id=f"r{n}", name="x") for n in range(people)],
        devices=[Device(id=name, kind=kind, room="kitchen") for name, kind in KINDS.items()],
    )
    recent = Recent()
    for n, (device, seconds, values) in enumerate(heard):
        known = {k: v for k, v in values.items() if v is not None}
        recent.feed(
            Report(report_id=str(n), home="h", device=device, kind=str(KINDS[device]), at=ago(seconds), received_at=NOON,
                   values=known, unknown=[k for k, v in values.items() if v is None], retained=retained)
        )  # fmt: skip
    made = strip(home, recent, health, now, minutes=60, zone=ZONE, **seeing)
    return made, {(r["device"], r["kind"]): r for r in made["rows"]}


def values_of(row):
    return [s["value"] for s in row["spans"]]


def test_before_the_first_word_a_state_is_unknown():
    """Nothing was heard in the first half: dashed, not calm."""
    _, rows = drawn(("smoke", 1800, {"smoke": False}))
    assert values_of(rows["smoke", "smoke"]) == [None, False]


def test_a_device_that_says_null_is_unknown_from_then_on():
    """Null is neither true nor false, and does not end an alarm."""
    _, rows = drawn(("smoke", 60, {"smoke": True}), ("smoke", 30, {"smoke": None}))
    assert values_of(rows["smoke", "smoke"]) == [None, True, None]
    assert rows["smoke", "smoke"]["words"] == "未知"


def test_a_silent_device_is_unknown_since_it_fell_silent():
    """The last state is not drawn on for ever."""
    health = HomeHealth(home="h", protection="partly", at=NOON,
                        devices=[DeviceHealth(device="smoke", kind="smoke", silent=True, reason="silent")])  # fmt: skip
    _, rows = drawn(("smoke", 2700, {"smoke": False}), ("smoke", 1800, {"smoke": False}), health=health)
    assert values_of(rows["smoke", "smoke"]) == [None, False, None]
    assert rows["smoke", "smoke"]["words"] == "失联 30 分钟"


def test_a_belt_that_stopped_two_minutes_ago_is_not_a_person_in_bed():
    """A belt speaks every few seconds; its silence ends what we know."""
    made, rows = drawn(("belt", 300, {"in_bed": True, "heart_rate": 70}))
    assert values_of(rows["belt", "bed"])[-1] is None
    assert rows["belt", "vitals"]["words"] == "无数据"
    assert "在床" not in made["inference"]


def test_an_empty_bed_has_no_pulse_and_a_pulse_of_nothing_in_bed_is_told():
    """Nobody lies there: no data, in words and in the line. Somebody does: 0 is what the belt says, and stays."""
    lay = ("belt", 300, {"in_bed": True, "heart_rate": 62})
    _, rows = drawn(lay, ("belt", 30, {"in_bed": False, "heart_rate": 0}), ("belt", 5, {"heart_rate": 0}))
    row = rows["belt", "vitals"]
    assert (row["words"], row["words_en"]) == ("无数据", "no data")
    assert [value for _, value in row["points"]] == [62, None, None]
    _, rows = drawn(lay, ("belt", 5, {"in_bed": True, "heart_rate": 0}))
    assert rows["belt", "vitals"]["words"] == "0 次/分"
    assert [value for _, value in rows["belt", "vitals"]["points"]] == [62, 0]


def test_the_first_word_of_a_door_is_no_movement():
    """A gateway that connects tells how every door stands: nobody went through one at that moment."""
    made, rows = drawn(("motion", 900, {"motion": True}), ("door", 300, {"door_open": False}))
    assert rows["door", "door"]["words"] == "关着"
    assert made["inference"] == "老人在家，11:51 有活动"


def test_late_words_do_not_move_a_state_back():
    """A message that was on the way for an hour does not undo what came after it."""
    _, rows = drawn(("smoke", 10, {"smoke": True}), ("smoke", 600, {"smoke": False}))
    assert rows["smoke", "smoke"]["alarm"] is True


def test_the_spans_cover_the_hour_without_gap_or_overlap():
    """From the left edge to now, end to end."""
    made, rows = drawn(*((("door", s, {"door_open": s % 2 == 0})) for s in (3500, 2001, 1000, 501, 20, 7)))
    spans = rows["door", "door"]["spans"]
    assert spans[0]["from"] == made["from"]
    assert spans[-1]["to"] == made["to"]
    assert all(a["to"] == b["from"] for a, b in itertools.pairwise(spans))


@pytest.mark.parametrize(
    ("heard", "people", "words"),
    [
        # somebody moved after the door
        (
            [("door", 600, {"door_open": False}), ("motion", 60, {"motion": True})],
            1,
            "老人在家，12:05 有活动",
        ),
        # the door moved last: perhaps out
        (
            [
                ("motion", 900, {"motion": True}),
                ("door", 600, {"door_open": False}),
                ("door", 300, {"door_open": True}),
            ],
            1,
            "12:01 门有动静，之后家中未见活动，可能外出",
        ),
        # in bed now
        ([("motion", 900, {"motion": True}), ("belt", 5, {"in_bed": True})], 1, "老人在床，12:06 有信号"),
        # a call is a sign of life
        ([("sos", 20, {"sos": "single"})], 1, "老人在家，12:06 有活动"),
        # two people: we cannot say which
        ([("motion", 60, {"motion": True})], 2, "家里有人，12:05 有活动"),
        # the sensor lives and saw nobody: for as long as it was heard, and no longer
        ([("motion", 4000, {"motion": False}), ("motion", 60, {"motion": False})], 1, "近 60 分钟未见活动"),
        ([("motion", 300, {"motion": False})], 1, "近 5 分钟未见活动"),
        # nothing to judge by
        ([("smoke", 60, {"smoke": False})], 1, "无法判断：没有可用的活动数据"),
        ([], 1, "无法判断：没有可用的活动数据"),
    ],
)
def test_the_last_sign_of_life_in_words(heard, people, words):
    """What it says is what was heard; what cannot be told is said so."""
    assert drawn(*heard, people=people)[0]["inference"] == words


@pytest.mark.parametrize(
    ("heard", "seen", "zh"),
    [
        # nothing of it is the reader's: not that it cannot be told, but that it is not told to them
        ([("motion", 60, {"motion": True})], set(), "活动数据不对您的角色开放"),
        # the door is theirs, movement is not: nobody may conclude from the door alone that they went out
        ([("motion", 60, {"motion": True}), ("door", 900, {"door_open": False}), ("door", 300, {"door_open": True})],
         {"door_open"}, "活动数据不对您的角色开放"),
        # what is theirs is still told
        ([("motion", 60, {"motion": True}), ("belt", 5, {"in_bed": True})], {"in_bed"}, "老人在床，12:06 有信号"),
        ([("sos", 20, {"sos": "single"})], {"sos"}, "老人在家，12:06 有活动"),
    ],
)  # fmt: skip
def test_what_is_kept_from_the_reader_is_not_told_as_unknown(heard, seen, zh):
    """Nothing seen and nothing shown are two things; the words say which, and who decided."""
    made, _ = drawn(*heard, may_see=lambda _device, quantity: quantity in seen, hidden_by="role")
    assert made["inference"] == zh
    made, _ = drawn(*heard, may_see=lambda _device, quantity: quantity in seen, hidden_by="consent")
    assert made["inference"] == (zh if "角色" not in zh else "老人没有同意向您显示活动数据")
    assert "cannot tell" not in made["inference_en"]


def test_an_hour_of_a_fast_belt_stays_small():
    """A belt each second for three hours: at most one point each five seconds of one hour is kept."""
    recent = Recent()
    for n in range(3 * 3600):
        at = NOON - timedelta(seconds=3 * 3600 - n)
        recent.feed(Report(report_id=str(n), home="h", device="belt", kind="bed_belt", at=at, received_at=at,
                           values={"heart_rate": 60 + n % 7, "in_bed": True}))  # fmt: skip
    traces = recent.homes["h"]["belt"].traces
    assert len(traces["heart_rate"].points) <= 3600 / 5 + 20
    assert len(traces["in_bed"].points) <= 1
    assert traces["in_bed"].now() is True


def test_a_retained_word_is_not_a_sign_that_the_device_lives():
    """The broker's memory says nothing about now."""
    made, _ = drawn(("motion", 30, {"motion": False}), retained=True)
    recent = Recent()
    recent.feed(Report(report_id="1", home="h", device="smoke", kind="smoke", at=NOON, received_at=NOON,
                       values={"smoke": False}, retained=True))  # fmt: skip
    assert recent.newest == {}
    assert made["rows"]


@pytest.mark.parametrize(
    ("device", "seconds", "values", "zh", "en"),
    [
        ("smoke", 90, [{"smoke": False}, {"smoke": True}], "报警 1 分钟", "alarm 1 min"),
        ("gas", 60, [{"gas": False}], "正常", "normal"),
        ("door", 90, [{"door_open": False}, {"door_open": True}], "12:04 打开，未关", "open since 12:04"),
        ("door", 90, [{"door_open": True}], "开着", "open"),
        ("motion", 120, [{"motion": True}], "12:04 有活动", "moved 12:04"),
        ("sos", 24, [{"sos": True}], "12:06:00 按下", "pressed 12:06:00"),
        ("belt", 30, [{"in_bed": True}], "在床", "in bed"),
        ("smoke", 30, [{"smoke": None}], "未知", "unknown"),
    ],
)
def test_a_row_says_the_same_in_both_languages(device, seconds, values, zh, en):
    """Also where it cannot say anything: English never claims what Chinese does not."""
    _, rows = drawn(*[(device, seconds + 600 * (len(values) - 1 - n), v) for n, v in enumerate(values)])
    row = next(r for (name, kind), r in rows.items() if name == device and kind != "vitals")
    assert (row["words"], row["words_en"]) == (zh, en)
    assert row["label_en"] == f"{KIND_TABLE[KINDS[device]].en}, kitchen"


def test_the_inference_is_in_english_too():
    """What is told of a person beside the phone, on an English screen."""
    made, _ = drawn(("motion", 120, {"motion": True}))
    assert (made["inference"], made["inference_en"]) == ("老人在家，12:04 有活动", "at home, moved 12:04")
    made, _ = drawn()
    assert (made["inference"], made["inference_en"]) == (
        "无法判断：没有可用的活动数据",
        "cannot tell: nothing hears movement",
    )


def test_a_sensor_that_saw_nobody_is_unknown_before_it_was_heard():
    """A quiet line would say that nobody moved: before the first word, and after the last, nobody knows."""
    _, rows = drawn(("motion", 1800, {"motion": False}))
    assert [(s["value"], s["to"]) for s in rows["motion", "activity"]["spans"]] == [
        (None, "2026-05-23T03:36:24.000Z")
    ]
    health = HomeHealth(home="h", protection="partly", at=NOON,
                        devices=[DeviceHealth(device="motion", kind="motion", silent=True, reason="silent")])  # fmt: skip
    _, rows = drawn(("motion", 4000, {"motion": False}), ("motion", 1800, {"motion": False}), health=health)
    assert [(s["value"], s["from"]) for s in rows["motion", "activity"]["spans"]] == [
        (None, "2026-05-23T03:36:24.000Z")
    ]


def test_a_sensor_that_never_spoke_is_drawn_unknown_all_along():
    """A motion sensor or a button of which nothing was ever heard is no quiet room."""
    made, _ = drawn(("smoke", 60, {"smoke": False}))
    rows = {row["device"]: row for row in made["rows"]}
    for row in (rows["motion"], rows["sos"]):
        assert values_of(row) == [None]
        assert row["words"] == "无数据"


def test_the_card_names_the_room_and_the_moment_of_the_last_sign():
    """ux 9.4: 「12:04 厨房有活动」 and when, so that the screen says how long ago; of what may be seen only, and no room of a button."""
    made, _ = drawn(("motion", 120, {"motion": True}), rooms=True)
    assert (made["inference"], made["inference_en"]) == (
        "老人在家，12:04 厨房有活动",
        "at home, moved in the kitchen 12:04",
    )
    assert made["inference_at"] == "2026-05-23T04:04:24.000Z"
    made, _ = drawn(("motion", 120, {"motion": True}), ("sos", 20, {"sos": "single"}), rooms=True)
    assert (made["inference"], made["inference_at"]) == ("老人在家，12:06 有活动", "2026-05-23T04:06:04.000Z")
    made, _ = drawn(("motion", 120, {"motion": True}), rooms=True, may_see=lambda _device, _quantity: False)
    assert "厨房" not in made["inference"]
    assert made["inference_at"] is None


def test_the_battery_stands_beside_what_it_feeds():
    """Percent as the device last said; none where it never did, or where the reader may not know."""
    health = HomeHealth(
        home="h",
        protection="protected",
        at=NOON,
        devices=[
            DeviceHealth(device="smoke", kind="smoke", battery=86),
            DeviceHealth(device="gas", kind="gas"),
        ],
    )
    _, rows = drawn(("smoke", 60, {"smoke": True}), health=health)
    assert (rows["smoke", "smoke"]["battery"], rows["gas", "gas"]["battery"]) == (86, None)
    _, rows = drawn(
        ("smoke", 60, {"smoke": True}), health=health, may_see=lambda _d, quantity: quantity != "battery"
    )
    assert rows["smoke", "smoke"]["battery"] is None
