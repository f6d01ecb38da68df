"""What became of homes' hours: every second is somewhere once, and what nobody knew is never protected."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care.messages import Judged
from ingest.protection import GONE, UNKNOWN, Change, Watched, day_of, spent, watched

NOON = datetime(2026, 5, 23, 4, 0, tzinfo=UTC)
RUN = NOON - timedelta(hours=5)
H = timedelta(hours=1)


def change(hours: float, state: str, cause: str = "", home: str = "h1", role: str = "rules") -> Change:
    return Change(home, NOON + hours * H, state, cause, role)


def seen(begin: float, end: float, role: str = "rules") -> Watched:
    return Watched(role, RUN, NOON + begin * H, NOON + end * H)


def hours(found: list, home: str = "h1") -> dict[tuple[str, str], float]:
    return {(s.state, s.cause): round(s.seconds / 3600, 3) for s in found if s.home == home}


def test_a_state_lasts_until_the_next_one() -> None:
    """Ten hours: five protected, one without its gateway, four protected again; the state from before counts from the begin."""
    changes = [change(-3, "protected"), change(5, "not", "gateway:gw"), change(6, "protected")]
    found = spent(changes, [seen(-5, 12)], NOON, NOON + 10 * H)
    assert hours(found) == {("protected", ""): 9, ("not", "gateway:gw"): 1}


def test_what_nobody_confirmed_is_unknown_and_not_protected() -> None:
    """The rules stood still from the second to the fifth hour: three hours of every state are unknown."""
    found = spent([change(-1, "protected")], [seen(-1, 2), seen(5, 9)], NOON, NOON + 10 * H)
    assert hours(found) == {("protected", ""): 6, (UNKNOWN, "service"): 4}


def test_a_home_counts_from_its_first_word_until_it_leaves() -> None:
    """Before and after nobody lives there."""
    changes = [change(2, "partly", "silent:smoke-1"), change(6, GONE)]
    assert hours(spent(changes, [seen(0, 10)], NOON, NOON + 10 * H)) == {("partly", "silent:smoke-1"): 4}


def test_another_workers_confirmation_does_not_count() -> None:
    """Each worker confirms its own homes."""
    found = spent([change(0, "protected", role="rules-2")], [seen(0, 10)], NOON, NOON + 2 * H)
    assert hours(found) == {(UNKNOWN, "service"): 2}


@pytest.mark.parametrize(
    ("again", "same_run", "sure", "longer"),
    [
        (60, True, True, True),
        (149, True, True, True),
        (151, True, True, False),
        (60, False, True, False),
        (60, True, False, None),
    ],
)
def test_a_while_goes_on_only_with_the_same_run_in_time(again, same_run, sure, longer) -> None:  # type: ignore[no-untyped-def]
    """A restart, a pause and a worker that is not sure all leave a hole."""
    first = watched(None, Judged(role="rules", at=NOON, run=RUN, sure=True))
    at = NOON + timedelta(seconds=again)
    found = watched(first, Judged(role="rules", at=at, run=RUN if same_run else NOON, sure=sure))
    if longer is None:
        assert found is None
        return
    assert found is not None
    assert (found.begin, found.end) == ((NOON, at) if longer else (at, at))


def test_a_confirmation_heard_twice_changes_nothing() -> None:
    """Streams are read again after a restart."""
    known = watched(
        watched(None, Judged(role="r", at=NOON, run=RUN, sure=True)),
        Judged(role="r", at=NOON + timedelta(seconds=60), run=RUN, sure=True),
    )
    assert watched(known, Judged(role="r", at=NOON, run=RUN, sure=True)) == known


@given(
    st.lists(
        st.tuples(st.integers(0, 48), st.sampled_from(["protected", "partly", "not", GONE])),
        min_size=1,
        max_size=12,
        unique_by=lambda c: c[0],
    ),
    st.lists(st.tuples(st.integers(0, 48), st.integers(0, 12)), max_size=4),
)
def test_every_second_is_counted_once(said, whiles) -> None:  # type: ignore[no-untyped-def]
    """From the first word on until it leaves, all states together are the time that passed; never more protected than was watched."""
    changes = [change(h - 24, state) for h, state in sorted(said)]
    known, end = [], -1
    for wanted, length in sorted(whiles):
        begin = max(wanted, end)
        known.append(seen(begin - 24, begin + length - 24))
        end = begin + length
    found = spent(changes, known, NOON - 12 * H, NOON + 12 * H)
    total = sum(s.seconds for s in found)
    edges = [
        (max(c.at, NOON - 12 * H), min(n, NOON + 12 * H))
        for c, n in zip(changes, [*(c.at for c in changes[1:]), NOON + 99 * H], strict=True)
        if c.state != GONE
    ]
    assert total == pytest.approx(sum(max(0.0, (b - a).total_seconds()) for a, b in edges))
    sure = sum(
        max(0.0, (min(w.end, NOON + 12 * H) - max(w.begin, NOON - 12 * H)).total_seconds()) for w in known
    )
    assert sum(s.seconds for s in found if s.state != UNKNOWN) <= sure + 0.01


def test_a_day_of_the_community_has_its_own_length() -> None:
    """Midnight to midnight by its clock, also where clocks are set."""
    begin, end = day_of(date(2026, 3, 29), ZoneInfo("Europe/Berlin"))
    assert (end - begin.astimezone(UTC)) == 23 * H
    begin, end = day_of(date(2026, 3, 29), ZoneInfo("Asia/Shanghai"))
    assert (begin.astimezone(UTC), end.astimezone(UTC) - begin.astimezone(UTC)) == (
        datetime(2026, 3, 28, 16, tzinfo=UTC),
        24 * H,
    )
