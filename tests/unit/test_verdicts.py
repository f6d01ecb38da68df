"""Truth against what was raised: found, late, missed, waiting, void; and what was raised for nothing."""

from datetime import UTC, datetime, timedelta

import pytest

from care.words import Level
from dashboard_api.verdicts import Fact, Fault, Said, judge

NOON = datetime(2026, 5, 23, 4, 0, tzinfo=UTC)


def after(seconds):
    return NOON + timedelta(seconds=seconds)


def fact(n=0, at=0, home="h1", code="SM1", within=10, level=Level.red, **more):
    return Fact(n, after(at), home, code, level=level, by=after(at + within) if code else None, **more)


def said(at=0, home="h1", code="SM1", level=Level.red, homes=(), first=True, number=317):
    return Said(f"a{number}", number, code, level, after(at), home, frozenset({home, *homes}), first)


@pytest.mark.parametrize(
    ("what", "now", "verdict", "seconds"),
    [
        ([said(3)], 4, "found", 3.0), ([said(-2)], 4, "found", 0.0), ([said(-61)], 4, "waiting", None),
        ([said(12)], 20, "late", 12.0), ([], 10, "waiting", None), ([], 11, "missed", None),
        ([said(3, home="h2")], 11, "missed", None), ([said(3, code="GS1")], 11, "missed", None),
        ([said(3, level=Level.yellow)], 11, "missed", None), ([said(8), said(3)], 11, "found", 3.0),
        ([said(4 * 3600 + 1)], 4 * 3600 + 2, "missed", None),
    ],
)  # fmt: skip
def test_what_becomes_of_a_truth(what, now, verdict, seconds):
    """Its code, its home, its level or worse, by its time."""
    judged, _ = judge([fact()], what, [], after(now))
    assert (judged[0].verdict, judged[0].seconds) == (verdict, seconds)


def test_a_code_that_would_be_right_as_well_counts_and_nothing_due_is_nothing():
    """`also` finds it; a truth without a code asks for nothing."""
    facts = [fact(0, code="BD1", also=("FL1",)), fact(1, code=None)]
    judged, nothing = judge(facts, [said(5, code="FL1")], [], after(60))
    assert (judged[0].verdict, judged[1].verdict, nothing) == ("found", "nothing", [])


def test_what_was_over_before_it_had_to_be_told_is_never_missed():
    """But found when it was raised all the same, and never for nothing."""
    facts = [fact(0, code="TE4", level=Level.yellow, within=420, void=True)]
    assert judge(facts, [], [], after(500))[0][0].verdict == "void"
    raised = said(300, code="TE4", level=Level.yellow)
    judged, nothing = judge(facts, [raised], [], after(500))
    assert (judged[0].verdict, nothing) == ("found", [])


def test_an_area_is_told_in_one_of_its_homes():
    """TE5 of another home of the building is about this one."""
    facts = [fact(0, code="TE5", also=("TE4",), within=660)]
    judged, nothing = judge(facts, [said(400, home="h7", code="TE5", homes=("h1", "h9"))], [], after(700))
    assert (judged[0].verdict, nothing) == ("found", [])


def test_an_area_that_does_not_name_the_home_has_not_found_it():
    """Another cut at the same time: this one is missed, and that one is not called for nothing."""
    facts = [fact(0, code="TE5", also=("TE4",), within=660)]
    judged, nothing = judge(facts, [said(400, home="h7", code="TE5", homes=("h8", "h9"))], [], after(700))
    assert (judged[0].verdict, nothing) == ("missed", [])


def test_a_page_that_no_truth_explains_is_for_nothing_and_blue_is_no_page():
    """Newest first; a further finding of a case is not another case; a fault in force may be the cause."""
    what = [
        said(0, number=1), said(5, home="h2", number=2), said(9, code="GS2", home="h2", first=False, number=2),
        said(20, home="h3", level=Level.blue, number=3), said(30, home="h4", code="TE3", level=Level.yellow, number=4),
    ]  # fmt: skip
    fault = Fault(frozenset({"h4"}), NOON)
    _, nothing = judge([fact()], what, [fault], after(60))
    assert [(one.said.number, one.fault) for one in nothing] == [(4, True), (2, False)]


@pytest.mark.parametrize(
    ("fault", "may"),
    [
        (Fault(None, after(-10)), True), (Fault(frozenset({"h2"}), after(-10)), False), (Fault(None, after(1)), False),
        (Fault(None, after(-3600), after(-1700)), True), (Fault(None, after(-3600), after(-1900)), False),
    ],
)  # fmt: skip
def test_a_fault_may_be_the_cause_where_and_while_it_was(fault, may):
    """In its homes, from its beginning until half an hour after its end."""
    _, (one,) = judge([], [said(0)], [fault], after(60))
    assert one.fault is may
