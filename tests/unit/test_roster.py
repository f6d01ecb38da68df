"""Exactly the right people are on duty, at every instant; and how long they walk."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from alerts.alert import Alert
from alerts.circle import (
    abroad,
    coverage,
    covered_share,
    metres,
    nearest,
    stairs_seconds,
    walk_minutes,
    whereabouts,
)
from alerts.roster import Roster, instant, on_duty
from alerts.watch import duty_findings
from care.site import Home
from care.sitefile import SiteFaults
from care.words import Role
from tests.unit.test_alert_house import CODES, NOON, SITE, Story, registry

ROTA = """
community: {{id: c, name: c, timezone: {zone}}}
staff:
  - {{id: day, name: a, role: operator}}
  - {{id: night, name: b, role: operator}}
shifts:
  - {{staff: day, days: {days}, from: "{start}", to: "{end}"}}
  - {{staff: night, days: daily, from: "{end}", to: "{start}"}}
"""


def rota(zone: str, *, days: str = "daily", start: str = "07:00", end: str = "19:00") -> Roster:
    return Roster(registry(ROTA.format(zone=zone, days=days, start=start, end=end)))


def who(roster: Roster, local: str, *, fold: int = 0) -> list[str]:
    now = datetime.fromisoformat(local).replace(tzinfo=roster.registry.zone, fold=fold).astimezone(UTC)
    return [s.id for s in roster.on_duty(now)]


@pytest.mark.parametrize(
    ("local", "people"),
    [
        ("2026-05-23T06:59:59", ["night"]),
        ("2026-05-23T07:00:00", ["day"]),
        ("2026-05-23T18:59:59", ["day"]),
        ("2026-05-23T19:00:00", ["night"]),
        ("2026-05-23T23:59:59", ["night"]),
        ("2026-05-24T00:00:00", ["night"]),
        ("2026-05-24T03:12:00", ["night"]),
    ],
)
def test_the_hand_over_is_to_the_second(local: str, people: list[str]) -> None:
    """A shift has its first second and not its last; midnight changes nothing."""
    assert who(rota("Asia/Shanghai"), local) == people


@pytest.mark.parametrize(
    ("days", "local", "on"),
    [
        ("weekdays", "2026-05-22T12:00", True),  # Friday
        ("weekdays", "2026-05-23T12:00", False),  # Saturday
        ("weekends", "2026-05-23T12:00", True),
        ("[sat]", "2026-05-23T12:00", True),
        ("[sat]", "2026-05-24T12:00", False),
        ('["2026-05-23"]', "2026-05-23T12:00", True),
        ('["2026-05-23"]', "2026-05-30T12:00", False),
        ('[mon, "2026-05-23"]', "2026-05-25T12:00", True),
    ],
)
def test_days(days: str, local: str, on: bool) -> None:
    """daily, weekdays, weekends, days of the week and dates."""
    assert ("day" in who(rota("Asia/Shanghai", days=days), local)) is on


def test_a_night_shift_belongs_to_the_day_it_starts() -> None:
    """Friday's night lasts into Saturday morning; Saturday morning has no night of its own."""
    head, policy, rest = SITE.partition("policy:")
    text = head + '  - {staff: s03, days: [fri], from: "22:00", to: "06:00"}\n' + policy + rest
    roster = Roster(registry(text))
    assert "s03" in who(roster, "2026-05-23T05:59")
    assert "s03" not in who(roster, "2026-05-22T05:59")
    assert "s03" not in who(roster, "2026-05-24T05:59")


def test_a_whole_day_and_valid_dates() -> None:
    """00:00 to 24:00 is the whole day; a shift holds only between its dates."""
    roster = rota("Asia/Shanghai", start="00:00", end="24:00")
    assert who(roster, "2026-05-23T00:00") == ["day", "night"]
    text = ROTA.format(zone="Asia/Shanghai", days="daily", start="07:00", end="19:00").replace(
        '"19:00"}', '"19:00", valid_from: 2026-05-23, valid_until: 2026-05-23}', 1
    )
    limited = Roster(registry(text))
    assert [("day" in who(limited, f"2026-05-{d}T12:00")) for d in (22, 23, 24)] == [False, True, False]


ZONES = [
    # zone, a night on which the clock jumps, one on which it repeats
    ("Asia/Shanghai", None, None),
    ("Europe/London", date(2026, 3, 29), date(2026, 10, 25)),
    ("America/New_York", date(2026, 3, 8), date(2026, 11, 1)),
    ("Australia/Lord_Howe", date(2026, 10, 4), date(2026, 4, 5)),
]


@pytest.mark.parametrize(("zone", "jump", "repeat"), ZONES, ids=[z[0] for z in ZONES])
@pytest.mark.parametrize("start", ["00:30", "01:30", "02:00", "02:15", "07:00"])
def test_exactly_one_is_on_duty_whatever_the_clock_does(
    zone: str, jump: date | None, repeat: date | None, start: str
) -> None:
    """Two shifts that share the day leave no second without and none with both, across every change."""
    roster = rota(zone, start=start, end="14:00")
    for night in (jump, repeat, date(2026, 6, 1)):
        if night is None:
            continue
        at = datetime.combine(night - timedelta(days=1), time(12), tzinfo=roster.registry.zone).astimezone(
            UTC
        )
        for _ in range(36 * 4):
            assert len(roster.on_duty(at)) == 1, at
            at += timedelta(minutes=15)


def test_wall_times_that_are_missing_or_double() -> None:
    """Jumped over: the moment of the jump, even by half an hour. Twice: the first."""
    london = ZoneInfo("Europe/London")
    assert instant(date(2026, 3, 29), time(1, 30), london) == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    assert instant(date(2026, 10, 25), time(1, 30), london) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    howe = ZoneInfo("Australia/Lord_Howe")
    assert instant(date(2026, 10, 4), time(2, 15), howe) == datetime(2026, 10, 3, 15, 30, tzinfo=UTC)


def test_without_a_rota_everybody_is_on_duty() -> None:
    """Whoever has no shift at all is always told: a missing rota must not mean silence."""
    head, _, rest = SITE.partition("shifts:")
    everybody = registry(head + rest[rest.index("policy:") :])
    assert {s.id for s in on_duty(everybody, NOON)} == set(everybody.staff)


def test_nobody_on_duty_is_seen() -> None:
    """Operators whose shifts leave a hole leave the desk empty."""
    roster = rota("Asia/Shanghai", days='["2026-05-23"]')
    empty = Roster(
        registry(ROTA.format(zone="Asia/Shanghai", days='["2020-01-01"]', start="07:00", end="08:00"))
    )
    at = datetime(2026, 5, 23, 4, 0, tzinfo=UTC)
    assert not roster.nobody_on_duty(at)
    assert not empty.nobody_on_duty(at)  # the night shift of the template runs the other 23 hours
    assert empty.nobody_on_duty(datetime(2026, 5, 22, 23, 30, tzinfo=UTC))


def test_responders_of_micro_grid_and_grid() -> None:
    """Grid workers, volunteers and neighbours of the place; never doctors, operators or other grids."""
    roster = Roster(registry())
    assert [s.id for s in roster.responders("g05-2", NOON)] == ["s07"]
    assert [s.id for s in roster.responders_of_grid("g05-2", NOON)] == ["s07", "s08"]
    assert roster.responders(None, NOON) == []
    assert [s.id for s in roster.responders_of_grid(None, NOON)] == ["s07", "s08", "s09"]
    assert [s.id for s in roster.on_duty(NOON, [Role.operator])] == ["s01"]


# -- the circle --


def test_metres() -> None:
    """A degree of latitude is 111.2 km on the mean sphere."""
    assert metres((29.0, 121.0), (30.0, 121.0)) == pytest.approx(111_195, rel=1e-4)
    assert metres((29.9532, 121.7104), (29.9532, 121.7104)) == 0


@pytest.mark.parametrize(
    ("floor", "lift", "expected"),
    [(1, False, 0), (4, False, 60), (4, True, 45), (2, True, 20), (None, False, 0), (-1, False, 0)],
)
def test_stairs(floor: int | None, lift: bool, expected: float) -> None:
    """Twenty seconds a floor, 45 s with a lift, and nobody waits for a lift to the second floor."""
    assert stairs_seconds(Home(id="h", floor=floor, lift=lift)) == expected


def test_walking() -> None:
    """1 km as the crow flies is 17.3 minutes on foot at 4.5 km/h with a third of detour."""
    home = Home(id="h", location=(29.0, 121.0))
    away = (29.0 + 1000 / 111_195, 121.0)
    assert walk_minutes(away, home) == pytest.approx(1.3 * 1000 / 1.25 / 60, rel=1e-3)
    assert walk_minutes(away, Home(id="h")) is None


def test_whoever_goes_to_this_home_is_there_when_they_said() -> None:
    """Not after they have been there: the desk would think that help is far away. For another home the task comes first."""
    story = Story()
    home = story.registry.homes["h0317"]
    other = Home(id="next door", location=home.location)
    story.finding()
    (before,) = (
        n for n in nearest(story.registry, home, story.desk.open(), story.now) if n.staff.id == "s07"
    )
    story.do("accept", actor="s07")

    def minutes(to: Home) -> float:
        return next(
            n.minutes
            for n in nearest(story.registry, to, story.desk.open(), story.now)
            if n.staff.id == "s07"
        )  # type: ignore[return-value]

    assert minutes(home) == pytest.approx(before.minutes, abs=0.1)
    assert minutes(other) > 20
    story.do("depart", actor="s07")
    story.do("arrive", actor="s07")
    assert minutes(home) == 0


def test_nearest_sorts_free_before_busy() -> None:
    """Whoever goes to another case is busy and comes last, however near."""
    story = Story()
    home = story.registry.homes["h0317"]
    before = nearest(story.registry, home, story.desk.open(), story.now)
    assert before[0].staff.id == "s07"
    assert before[0].within
    story.finding()
    story.do("accept", actor="s07")
    after = nearest(story.registry, home, story.desk.open(), story.now)
    assert [(n.staff.id, n.state) for n in after][-1] == ("s07", "busy")
    assert after[-1].doing == story.alert.id


# -- pairs, absences, stand-ins ------------------------------------------------------------------------------

PAIRS = """
community: {{id: c, name: c, timezone: {zone}}}
grids: [{{id: g, name: g, micro_grids: [{{id: m1, name: 一, location: [29.95, 121.71]}}, {{id: m2, name: 二}}]}}]
homes:
  - {{id: h1, micro_grid: m1, location: [29.9501, 121.71], floor: 3}}
  - {{id: h2, micro_grid: m2, location: [29.97, 121.71]}}
staff:
  - {{id: op, name: a, role: operator}}
  - {{id: sw, name: b, role: social_worker, micro_grids: [m1]}}
  - {{id: vo, name: c, role: volunteer, micro_grids: [m1]}}
  - {{id: x1, name: d, role: volunteer, micro_grids: [m2], location: [29.9502, 121.71]}}
  - {{id: nb, name: e, role: neighbour, micro_grids: [m2], location: [29.9701, 121.71]}}
shifts:
  - {{staff: [sw, vo], days: daily, from: "22:00", to: "06:00"}}
  - {{staff: [sw, vo], days: daily, from: "06:00", to: "22:00"}}
  - {{staff: x1, days: daily, from: "08:00", to: "20:00"}}
  - {{staff: nb, days: ["2026-01-01"], from: "00:00", to: "24:00"}}
{absences}
"""


def pairs(absences: str = "", zone: str = "Asia/Shanghai") -> Roster:
    return Roster(registry(PAIRS.format(zone=zone, absences=absences)))


ABSENT = """
absences:
  - {staff: sw, from: 2026-05-23, to: 2026-05-24, cover: x1, note: 病假}
  - {staff: vo, from: "2026-05-23T12:00", to: "2026-05-23T14:30"}
"""


@pytest.mark.parametrize(
    ("local", "there"),
    [
        ("2026-05-22T23:59:59", ["sw", "vo"]),
        ("2026-05-23T00:00", ["vo", "x1"]),
        ("2026-05-23T12:00", ["x1"]),
        ("2026-05-23T14:29:59", ["x1"]),
        ("2026-05-23T14:30", ["vo", "x1"]),
        ("2026-05-24T23:59:59", ["vo", "x1"]),
        ("2026-05-25T00:00", ["sw", "vo"]),
    ],
)
def test_a_pair_is_on_duty_together_and_the_absent_are_stood_in_for(local: str, there: list[str]) -> None:
    """A day of absence ends at midnight; who stands in answers for the absent one's micro-grid, off their own shift too."""
    roster = pairs(ABSENT)
    now = datetime.fromisoformat(local).replace(tzinfo=roster.registry.zone).astimezone(UTC)
    assert [s.id for s in roster.responders("m1", now)] == there


def test_whoever_stands_in_keeps_their_own_place_on_their_own_shift() -> None:
    """x1 at noon answers for both micro-grids, at night for the absent one's only."""
    roster = pairs(ABSENT)
    x1 = roster.registry.staff["x1"]
    for local, grids in (("2026-05-23T13:00", {"m1", "m2"}), ("2026-05-23T23:00", {"m1"})):
        now = datetime.fromisoformat(local).replace(tzinfo=roster.registry.zone).astimezone(UTC)
        assert roster.micro_grids(x1, now) == grids


def test_holes_of_the_rota_are_known_ahead() -> None:
    """m2 is left alone every night; m1 only while one is away and the other too; an operator without shifts is always there."""
    roster = pairs("absences: [{staff: sw, from: 2026-05-24, to: 2026-05-24}, "
                   '{staff: vo, from: "2026-05-24T10:00", to: "2026-05-24T11:00"}]')  # fmt: skip
    start = datetime(2026, 5, 23, 12, tzinfo=roster.registry.zone).astimezone(UTC)
    found = [
        (g.place, *(f"{t.astimezone(roster.registry.zone):%d %H:%M}" for t in (g.start, g.end)))
        for g in roster.gaps(start, start + timedelta(days=2))
    ]
    assert found == [
        ("m2", "23 20:00", "24 08:00"),
        ("m1", "24 10:00", "24 11:00"),
        ("m2", "24 20:00", "25 08:00"),
    ]


ZONES = [
    # zone, day, shift, and how long it lasts in hours
    ("Asia/Shanghai", "2026-03-29", "22:00-06:00", 8),
    ("Europe/London", "2026-03-28", "22:00-06:00", 7),  # 01:00 → 02:00 is skipped
    ("Europe/London", "2026-03-29", "01:30-06:00", 4),  # begins in the skipped hour: at the jump
    ("Europe/London", "2026-10-24", "22:00-06:00", 9),  # 01:00–02:00 comes twice
    ("Europe/London", "2026-10-25", "01:30-06:00", 5.5),  # the first of the two half past one
    ("Europe/London", "2026-10-24", "22:00-01:30", 3.5),  # and ends at the first
    ("America/New_York", "2026-03-07", "22:00-06:00", 7),
    ("America/New_York", "2026-03-08", "02:30-06:00", 3),
    ("America/New_York", "2026-11-01", "00:00-24:00", 25),
    ("America/New_York", "2026-11-01", "01:00-01:30", 0.5),
    ("Australia/Lord_Howe", "2026-10-03", "22:00-06:00", 7.5),  # half an hour is skipped
    ("Australia/Lord_Howe", "2026-04-04", "22:00-06:00", 8.5),  # and comes twice
    ("Africa/Cairo", "2026-04-23", "20:00-04:00", 7),  # the skipped hour begins at midnight
    ("America/Santiago", "2026-09-05", "20:00-04:00", 7),  # so it does here
    (
        "Pacific/Apia",
        "2011-12-29",
        "22:00-06:00",
        2,
    ),  # the next day is skipped; its night takes over at the jump
]


@pytest.mark.parametrize(("zone", "day", "hours", "lasts"), ZONES)
def test_a_shift_is_wall_clock_whatever_the_clock_does(zone: str, day: str, hours: str, lasts: float) -> None:
    """Skipped and repeated hours; `stretches` and `is_on_duty` say the same, second by second at the edges."""
    start, _, end = hours.partition("-")
    text = ROTA.format(zone=zone, days=f'["{day}"]', start=start, end=end).replace(
        "night, days: daily", "night, days: []"
    )
    roster = Roster(registry(text))
    noon = datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    (found,) = roster.stretches("day", noon - timedelta(days=1), noon + timedelta(days=2))
    assert (found.end - found.start) / timedelta(hours=1) == pytest.approx(lasts)
    second = timedelta(seconds=1)
    for at, on in (
        (found.start - second, False),
        (found.start, True),
        (found.end - second, True),
        (found.end, False),
    ):
        assert Roster(roster.registry).is_on_duty("day", at) is on


@pytest.mark.parametrize(
    "zone", ["Europe/London", "America/New_York", "Australia/Lord_Howe", "America/Santiago"]
)
def test_a_rota_round_the_clock_has_no_hole_and_no_double_at_any_change(zone: str) -> None:
    """A year, minute by minute around each change: exactly one of the two is on duty."""
    roster = Roster(registry(ROTA.format(zone=zone, days="daily", start="01:30", end="13:30")))
    at = datetime(2026, 1, 1, tzinfo=UTC)
    assert roster.gaps(at, at + timedelta(days=365)) == []
    changes = []
    while at < datetime(2027, 1, 1, tzinfo=UTC):
        nxt = at + timedelta(hours=1)
        if (
            at.astimezone(roster.registry.zone).utcoffset()
            != nxt.astimezone(roster.registry.zone).utcoffset()
        ):
            changes.append(at)
        at = nxt
    assert len(changes) == 2
    for change in changes:
        for minute in range(-180, 240):
            assert len(roster.on_duty(change + timedelta(minutes=minute))) == 1


# -- nobody on duty is a finding (TE8) -----------------------------------------------------------------------


def watch(roster: Roster, alerts: list[Alert], local: str, **more: Any) -> list[tuple[str, str, str]]:
    now = datetime.fromisoformat(local).replace(tzinfo=roster.registry.zone).astimezone(UTC)
    found = duty_findings(roster, alerts, now, **more)
    return [(f.phase.value, f.cause, str(f.parameters["kind"])) for f in found]


def test_nobody_on_duty_is_said_at_once_and_two_weeks_ahead() -> None:
    """At noon what lies ahead; at night that it is so. Replays say what is so only."""
    roster = pairs()
    assert watch(roster, [], "2026-05-23T12:00") == [("opened", "duty:m2", "ahead")]
    assert watch(roster, [], "2026-05-23T21:00") == [
        ("opened", "duty:m2", "now"),
        ("opened", "duty:m2", "ahead"),
    ]
    assert watch(roster, [], "2026-05-23T12:00", ahead=None) == []
    assert watch(roster, [], "2026-05-23T19:59:59", ahead=None) == []
    assert watch(roster, [], "2026-05-23T20:00", ahead=None) == [("opened", "duty:m2", "now")]
    assert watch(roster, [], "2026-05-24T08:00", ahead=None) == []


def test_it_becomes_one_case_of_the_managers_and_ends_when_somebody_is_there() -> None:
    """Who and when; a second look says nothing new; in the morning the condition is cleared, the case is the manager's."""
    text = PAIRS.format(zone="Asia/Shanghai", absences="").replace(
        "  - {id: op,", '  - {id: mgr, name: m, role: admin, notify: ["json://127.0.0.1:1/m"]}\n  - {id: op,'
    )
    story = Story(text, at=datetime(2026, 5, 23, 13, 0, tzinfo=UTC))  # 21:00
    for _ in range(2):
        for finding in duty_findings(story.desk.roster, story.desk.alerts.values(), story.now):
            story.hear(finding)
    (alert,) = story.desk.open()
    assert (alert.code, alert.level.value, alert.micro_grid, len(alert.findings)) == (
        "TE8",
        "yellow",
        "m2",
        2,
    )
    assert alert.title["zh"] == "二无人值班，到 5 月 24 日 08:00"
    assert alert.findings[0].parameters["people"] == ["x1", "nb"]
    assert [t[1] for t in story.told()] == ["mgr"]
    story.wait(11 * 3600)
    for finding in duty_findings(story.desk.roster, story.desk.alerts.values(), story.now):
        story.hear(finding)
    conditions = {f.parameters["kind"]: f.condition.value for f in story.alert.findings}
    assert conditions == {"now": "cleared", "ahead": "active"}
    assert story.alert.open


# -- coverage ------------------------------------------------------------------------------------------------


def at_noon(roster: Roster) -> datetime:
    return datetime(2026, 5, 23, 12, tzinfo=roster.registry.zone).astimezone(UTC)


def test_coverage_names_who_can_be_there_and_whom_to_ask_where_nobody_can() -> None:
    """h1 has three near; h2 is 2 km off for all on duty, and its neighbour, off duty, lives next door."""
    roster = pairs()
    one, two = coverage(roster.registry, [], at_noon(roster))
    assert [n.staff.id for n in one.by] == ["x1", "sw", "vo"], "nearest first"
    assert one.next is None
    assert not two.within
    assert two.next is not None
    assert two.next.staff.id == "nb"


def test_the_fast_way_and_the_plain_way_agree() -> None:
    """Coverage of all homes at once gives the minutes that `walk_minutes` gives for each; named or not, all are counted."""
    roster = pairs()
    for whole, short in zip(
        coverage(roster.registry, [], at_noon(roster)),
        coverage(roster.registry, [], at_noon(roster), named=1),
        strict=True,
    ):
        assert whole.people == len(whole.by) == short.people
        assert short.by == whole.by[:1]
    for cover in coverage(roster.registry, [], at_noon(roster)):
        for n in cover.by:
            start = whereabouts(roster.registry, n.staff)
            assert start is not None
            assert n.minutes == pytest.approx(walk_minutes(start, cover.home))


def test_who_has_a_task_covers_only_the_home_they_go_to_and_then_starts_from_there() -> None:
    """Busy at h2: h1 is left to the others; just back from there, it is from there that they would walk."""
    story = Story(PAIRS.format(zone="Asia/Shanghai", absences=""), at=datetime(2026, 5, 23, 4, 0, tzinfo=UTC))
    story.finding("s1", home="h2", code="SOS1", cause="sos", quantity="sos", device="b", resident=None)
    for person in ("sw", "vo"):
        story.do("accept", actor=person)

    def agree() -> None:
        """What is counted for the screens is what is told home by home."""
        found = coverage(story.registry, story.desk.open(), story.now)
        share = covered_share(story.registry, story.desk.open(), story.now)
        assert share == (sum(c.within for c in found), 2)

    one, two = coverage(story.registry, story.desk.open(), story.now)
    agree()
    assert [n.staff.id for n in one.by] == ["x1"]
    assert not two.within, "on the way, but not within the promise"
    story.do("arrive", actor="sw")
    _, two = coverage(story.registry, story.desk.open(), story.now)
    assert [(n.staff.id, n.minutes) for n in two.by] == [("sw", 0.0)]
    agree()
    story.do("close", **CODES)
    where = abroad(story.registry, story.desk.alerts.values(), story.now)
    assert where.tasks == {}
    assert where.last_places == {"sw": (29.97, 121.71)}
    story.wait(21 * 60)
    assert abroad(story.registry, story.desk.alerts.values(), story.now).last_places == {}
    agree()


def test_the_promise_of_the_way_is_kept_with_the_acceptance() -> None:
    """Promised at acceptance, held against the real arrival."""
    story = Story()
    story.finding()
    story.do("accept", actor="s07")
    view = story.alert.responder("s07")
    assert view is not None
    assert view.promised_at is not None
    assert timedelta(0) < view.promised_at - story.now < timedelta(minutes=10)
    story.wait(400)
    story.do("arrive", actor="s07")
    view = story.alert.responder("s07")
    assert view is not None
    assert (view.accepted_at, view.arrived_at) == (story.begun, story.now)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("{staff: zz, from: 2026-05-23, to: 2026-05-24}", "no `zz`"),
        ("{staff: sw, from: 2026-05-24, to: 2026-05-23}", "ends before it begins"),
        ("{staff: sw, from: 2026-02-30, to: 2026-03-03}", "no such day"),
        ("{staff: sw, from: 2026-05-23, to: 2026-05-24, cover: sw}", "nobody stands in for themselves"),
        ("{staff: sw, from: tomorrow, to: 2026-05-24}", "from"),
    ],
)
def test_an_absence_that_makes_no_sense_is_refused_by_line(text: str, word: str) -> None:
    """With its line, like every fault of a site file."""
    with pytest.raises(SiteFaults, match=word):
        pairs(f"absences:\n  - {text}")
