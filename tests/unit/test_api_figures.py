"""Response figures: when a case counts, and for whom."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from care.messages import HomeHealth
from care.site import Registry
from care.words import Kind, Level
from dashboard_api import figures, precision
from dashboard_api.figures import CaseRow
from simulators.community import generate

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


def test_to_whom_nobody_was_sent_in_time_nobody_came_in_time():
    """A promise that is over counts though nobody was ever sent; before its time, and of a case that owed nothing, it does not."""
    owed = row(1, acknowledged_at=after(5), owed_at=after(600))
    assert kpi(owed, now=after(600))["arrive10"]["n"] == 0
    found = kpi(owed, now=after(601))["arrive10"]
    assert (found["n"], found["kept"], found["value"]) == (1, 0, 0.0)
    over = row(2, closed_at=after(900), owed_at=after(600))
    assert kpi(over, row(3, closed_at=after(900)), now=after(999))["arrive10"]["n"] == 1


@pytest.mark.parametrize(
    ("seconds", "median"),
    [
        ([66, None, None, None, None, None], None),  # one of six is no middle
        ([5, None], 5.0),
        ([5, 7, None, None], 7.0),
        ([5, None, None], None),
        ([4, 6, None], 6.0),
        ([4, 6], 5.0),
        ([], None),
    ],
)
def test_the_middle_is_that_of_all_cases(seconds, median):
    """What never happened took longer than everything that did; when that is most of them, no middle is known."""
    rows = [row(n, acknowledged_at=None if s is None else after(s)) for n, s in enumerate(seconds)]
    assert kpi(*rows, now=after(999))["ack60"]["median_seconds"] == median


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


def closed(n, **more):
    return row(n, closed_at=after(600), **more)


def test_the_family_counts_from_the_acknowledgement_and_only_where_somebody_was_to_be_told():
    """Made out and never taken by a channel is a miss; a home without family is no sample."""
    told = row(1, acknowledged_at=after(20), family_due_at=after(20), family_told_at=after(25))
    late = row(2, acknowledged_at=after(20), family_due_at=after(20))
    alone = row(3, acknowledged_at=after(20))
    found = kpi(told, late, alone, now=after(100))["family60"]
    assert (found["n"], found["kept"], found["median_seconds"]) == (2, 1, 5.0)


def test_every_share_can_be_recomputed_from_its_cases():
    """By rule, device and home; tests and unknown ones lie in no share but are counted."""
    rows = [
        closed(1, truth="real", device="d1"),
        closed(2, truth="avoidable", device="d1"),
        closed(3, truth="avoidable", device="d2"),
        closed(4, truth="unknown", device="d2"),
        closed(5, truth="unavoidable", device="d2", home="h2"),
        row(6, truth="", device="d2"),
    ]
    found = precision.precision(rows)
    (rule,) = found["by_rule"]
    assert (rule["n"], rule["judged"], rule["false_share"], rule["avoidable_share"]) == (5, 4, 75.0, 50.0)
    assert rule["cases"] == [1, 2, 3, 4, 5]
    assert [(x["device"], x["precision"], x["cases"]) for x in found["by_device"]] == [
        ("d2", 0.0, [3, 4, 5]),
        ("d1", 50.0, [1, 2]),
    ]
    assert [x["home"] for x in found["by_home"]] == ["h", "h2"]
    assert precision.precision([closed(1, truth="unknown")])["by_rule"][0]["precision"] is None


def test_what_was_false_is_told_in_words_and_without_a_place_to_an_auditor():
    """A rule by the title of its newest case, a device by kind, room and address; of what is gone only its id stands there."""
    registry = Registry(generate(3))
    home = registry.site.homes[0]
    smoke = next(d for d in home.devices if d.kind is Kind.smoke)
    rows = [
        closed(1, truth="avoidable", device=smoke.id, home=home.id, title="老标题", title_en="old"),
        closed(2, truth="real", device="gone", home="gone", title="厨房烟感报警", title_en="smoke in the kitchen"),
    ]  # fmt: skip
    told = precision.named(precision.precision(rows), rows, registry, places=True)
    assert [(r["name"], r["name_en"]) for r in told["by_rule"]] == [("厨房烟感报警", "smoke in the kitchen")]
    assert [(r["name"], r["name_en"], r["address"]) for r in told["by_device"]] == [
        ("烟感 厨房", "smoke detector, kitchen", home.address),
        ("", "", ""),
    ]
    assert [r["name"] for r in told["by_home"]] == [home.address, ""]
    withheld = precision.named(precision.precision(rows), rows, registry, places=False)
    assert [r["name"] for r in withheld["by_device"]] == ["烟感 厨房", ""]
    assert home.address not in str(withheld)


def test_the_load_is_counted_by_desk_and_ten_minutes_with_the_flood_line():
    """Eleven in ten minutes for one operator are a flood, ten are not; blue is no alarm."""
    from_at = datetime(2026, 5, 23, 4, 0, tzinfo=UTC)
    rows = [row(n, raised_at=after(n), desks=("s01",)) for n in range(1, 12)]
    rows += [row(20 + n, raised_at=after(1200 + n), desks=("s01", "s02")) for n in range(10)]
    rows.append(row(40, level=Level.blue, desks=("s01",)))
    rows.append(row(41, raised_at=after(5)))
    found = figures.load(
        rows, from_at, from_at + timedelta(hours=1), {"s01": "陈敏芝", "s02": "方静"}.__getitem__
    )
    nobody, one, two = found["desks"]
    assert (nobody["desk"], nobody["name"], nobody["n"]) == ("nobody", "", 1)
    assert (one["name"], two["name"]) == ("陈敏芝", "方静")
    assert (one["desk"], one["n"], one["peak"], len(one["floods"])) == ("s01", 21, 11, 1)
    assert one["floods"][0]["cases"] == list(range(1, 12))
    assert (two["n"], two["floods"], two["mean"]) == (10, [], round(10 / 6, 3))


def test_outcomes_propose_what_to_change():
    """Three cooking alarms of one detector: move it; a wrong rule: look at its limits. Three calls for company are SOS4's."""
    rows = [closed(n, truth="avoidable", outcome_cause="C02", device="smoke-1", life=True) for n in (1, 2, 3)]
    rows += [
        closed(10 + n, code="SOS1", cause="sos", truth="real", outcome_cause="C10", home="h7", life=True)
        for n in range(3)
    ]
    rows += [closed(20 + n, code="BD1", truth="avoidable", outcome_cause="C12") for n in range(5)]
    rows += [
        closed(30, code="SOS1", cause="sos", outcome_cause="C10", home="h8", raised_at=after(-8 * 86400))
    ]
    found = precision.proposals(rows, after(86400))
    assert [(p["kind"], p["device"] or p["home"] or p["code"], p["cases"]) for p in found] == [
        ("resite", "smoke-1", [1, 2, 3]),
        ("limit", "BD1", [20, 21, 22, 23, 24]),
    ]
    assert precision.proposals(rows, after(40 * 86400)) == []


def test_promised_times_are_held_against_real_ones():
    """Only where both are known."""
    rows = [
        row(1, promised_seconds=300, walked_seconds=420),
        row(2, promised_seconds=300, walked_seconds=240),
        row(3, promised_seconds=300),
    ]
    found = figures.promises(rows)
    assert (found["n"], found["later"], found["median_error_seconds"]) == (2, 1, 30.0)


def test_every_day_of_a_period_has_a_line_and_its_cases():
    """On the community's calendar: 23:30 in Shanghai is not yet the next day. Tests do not count; a false share is counted of the judged."""
    late = NOON.replace(hour=15, minute=30)  # 23:30 there
    rows = [
        row(1, truth="real"),
        row(2, raised_at=late, level=Level.yellow, truth="avoidable"),
        row(3, raised_at=late + timedelta(hours=1), truth="unknown"),
        row(4, test=True),
    ]
    found = figures.by_day(rows, NOON - timedelta(days=1), NOON + timedelta(days=1), ZONE)
    assert [(d["day"], d["red"], d["yellow"], d["judged"], d["false"], d["cases"]) for d in found] == [
        ("2026-05-22", 0, 0, 0, 0, []),
        ("2026-05-23", 1, 1, 2, 1, [1, 2]),
        ("2026-05-24", 1, 0, 0, 0, [3]),
    ]
    assert [line["number"] for line in figures.case_lines(rows)] == [4, 3, 2, 1]


def at_minutes(*minutes):
    """Cases raised so many minutes after noon."""
    return [row(n, raised_at=after(60 * m)) for n, m in enumerate(minutes)]


def test_a_flood_begins_above_ten_and_ends_below_five():
    """Eleven within ten minutes, not ten; five later ones keep it up, four end it."""
    assert not figures.flooded(at_minutes(*[0] * 10), after(1))
    burst = at_minutes(*[0] * 11)
    assert figures.flooded(burst, after(0))
    assert figures.flooded(burst, after(599))
    assert not figures.flooded(burst, after(600))
    assert figures.flooded(at_minutes(*[0] * 11, *[9] * 5), after(900)), (
        "five in ten minutes are not below five"
    )
    assert not figures.flooded(at_minutes(*[0] * 11, *[9] * 4), after(900))


def test_tasks_and_tests_are_no_flood():
    """Thirty visits that are due at once, and twenty tests, load no desk; ten alarms beside them are ten."""
    tasks = [row(100 + n, raised_at=after(0), level=Level.blue) for n in range(30)]
    tests = [row(200 + n, raised_at=after(0), test=True) for n in range(20)]
    rows = [*tasks, *tests, *at_minutes(*[0] * 10)]
    assert not figures.flooded(rows, after(1))
    assert figures.raised_within(rows, after(1), timedelta(minutes=10)) == 10
    assert figures.flooded([*rows, row(300, raised_at=after(1))], after(1))


def test_between_five_and_ten_it_is_what_it_was_last():
    """The same six in ten minutes after a flood and after a calm hour."""
    trickle = [10 + 1.5 * n for n in range(40)]
    assert not figures.flooded(at_minutes(*trickle), after(60 * 60))
    assert figures.flooded(at_minutes(*[8] * 11, *trickle), after(60 * 60)), "however long it lasts"
    assert not figures.flooded(at_minutes(*[8] * 11, *trickle), after(7 * 60)), "what is to come is not known"
    ended = [t for t in trickle if not 20 <= t < 35]
    assert not figures.flooded(at_minutes(*[8] * 11, *ended), after(60 * 60)), "it was calm in between"


@settings(max_examples=400)
@given(st.lists(st.sampled_from([*range(0, 80, 5), *range(80)]), max_size=60), st.integers(0, 90))
def test_it_is_what_a_screen_that_watched_all_the_time_would_say(minutes, now):
    """Hysteresis kept second by second, against the same worked out afterwards from the cases' times."""
    rows = at_minutes(*minutes)
    flood = False
    for minute in range(now + 1):
        count = figures.raised_within(rows, after(60 * minute), timedelta(minutes=10))
        flood = count >= 5 if flood else count > 10
    assert figures.flooded(rows, after(60 * now)) == flood
