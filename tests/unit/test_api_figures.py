"""Response figures: when a case counts, and for whom."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from care.messages import HomeHealth
from care.words import Level
from dashboard_api import figures
from dashboard_api.figures import CaseRow

NOON = datetime(2026, 5, 23, 4, 6, 24, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Shanghai")


def after(seconds):
    return NOON + timedelta(seconds=seconds)


def row(n=1, **more):
    return CaseRow(
        **{
            "id": f"a{n}",
            "number": n,
            "home": "h",
            "code": "SM1",
            "level": Level.red,
            "raised_at": NOON,
            **more,
        }
    )


def kpi(*rows, now):
    return figures.kpi(
        rows, now, acknowledge=timedelta(seconds=60), arrive=timedelta(minutes=10), period="本月"
    )


def test_no_samples_is_no_figure():
    """Neither 0 nor 100 %."""
    found = kpi(now=NOON)
    assert {found[k]["value"] for k in ("ack60", "ack180", "called60", "arrive10")} == {None}


def test_a_waiting_case_counts_when_its_time_is_over_and_not_before():
    """At 59 s it is open; at 61 s it is a miss, long before anybody closes it."""
    assert kpi(row(), now=after(59))["ack60"]["n"] == 0
    late = kpi(row(), now=after(61))["ack60"]
    assert (late["n"], late["kept"], late["value"]) == (1, 0, 0.0)
    assert kpi(row(), now=after(61))["ack180"]["n"] == 0


def test_exactly_at_the_limit_is_in_time():
    """60.0 s is within 60 s."""
    assert kpi(row(acknowledged_at=after(60)), now=after(99))["ack60"]["kept"] == 1
    assert kpi(row(acknowledged_at=after(60.001)), now=after(99))["ack60"]["kept"] == 0


def test_arrival_counts_only_where_somebody_was_sent():
    """A case settled by telephone does not lower the ten minutes."""
    phoned = row(1, acknowledged_at=after(5), closed_at=after(300))
    sent = row(2, sent_at=after(60), arrived_at=after(500))
    late = row(3, sent_at=after(60))
    found = kpi(phoned, sent, late, now=after(700))["arrive10"]
    assert (found["n"], found["kept"]) == (2, 1)


def test_tests_and_milder_cases_do_not_count():
    """A declared test, a yellow and a blue are not emergencies."""
    rows = [row(1, test=True), row(2, level=Level.yellow), row(3, level=Level.blue)]
    assert kpi(*rows, now=after(999))["ack60"]["n"] == 0


def test_hours_are_those_of_the_community():
    """04:06 UTC is 12:06 in Shanghai; yesterday is not today."""
    hours = figures.by_hour([row(1), row(2, raised_at=NOON - timedelta(days=1))], NOON, ZONE)
    assert hours[12] == {"red": 1, "yellow": 0, "blue": 0}
    assert sum(h["red"] for h in hours) == 1


def test_a_home_nobody_judged_is_not_protected():
    """Unknown is never fine."""
    health = {
        "h1": HomeHealth(home="h1", protection="protected", at=NOON),
        "h2": HomeHealth(home="h2", protection="??", at=NOON),
    }
    assert figures.protection(["h1", "h2", "h3"], health) == {
        "protected": 1,
        "partly": 0,
        "not": 2,
        "total": 3,
    }


def test_the_last_closed_come_newest_first():
    """Eight at most, each in a line."""
    rows = [row(n, closed_at=after(n)) for n in range(1, 12)] + [row(99)]
    assert [c["number"] for c in figures.last_closed(rows)] == list(range(11, 3, -1))
