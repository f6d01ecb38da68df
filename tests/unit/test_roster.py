"""Exactly the right people are on duty, at every instant; and how long they walk."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from alerts.circle import metres, nearest, stairs_seconds, walk_minutes
from alerts.roster import Roster, instant, on_duty
from care.site import Home
from care.words import Role
from tests.unit.test_alert_house import NOON, SITE, Story, registry

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
