"""SOS4: pressed for company or daily help again and again asks for a visit; it never costs anybody a press."""

from datetime import timedelta
from typing import Any

import pytest

from alerts.company import Company, asked, noted
from alerts.upkeep import Upkeep, upkeep_findings
from care.site import Reviews
from care.words import Level
from tests.unit.test_alert_house import NOON, Story, registry

DAY = timedelta(days=1)
TRUTH: dict[str, Any] = {"verification": "V1", "actions": ["A1"], "outcome": "O1", "truth": "avoidable"}


class Weeks:
    """A home, its desk, and what is kept of it from day to day."""

    def __init__(self) -> None:
        self.story = Story()
        self.known = Company(home="h0317")
        self.people = registry()

    def press(self, day: float, cause: str = "C10") -> None:
        """SOS at noon of a day, answered and closed so."""
        self.go_to(day)
        name = f"sos-{day}"
        self.story.finding(
            name, at=self.story.now, code="SOS1", cause="sos", device="sos-0317", quantity="sos"
        )
        self.story.do("acknowledge")
        self.story.do("close", cause=cause, **TRUTH)
        self.look()

    def go_to(self, day: float) -> None:
        """Let time pass."""
        wait = NOON + day * DAY - self.story.now
        if wait > timedelta():
            self.story.wait(wait.total_seconds())

    def look(self) -> list[Any]:
        """What the worker does every minute."""
        alerts = list(self.story.desk.alerts.values())
        self.known = noted(self.known, alerts, self.story.now)
        upkeep = Upkeep(company={"h0317": self.known})
        found = [f for f in upkeep_findings(self.people, upkeep, alerts, self.story.now) if f.code == "SOS4"]
        for finding in found:
            self.story.hear(finding)
        return found

    @property
    def asked(self) -> list[int]:
        """Open cases of SOS4."""
        return [a.number for a in self.story.desk.open() if a.code == "SOS4"]


def test_three_in_a_week_ask_for_a_visit_once_and_only_people_end_it() -> None:
    """Blue, with the cases behind it; it stays until somebody closes it, and then only later presses count."""
    weeks = Weeks()
    weeks.press(0)
    weeks.press(2, "C11")
    assert weeks.asked == []
    weeks.press(6.5)
    (number,) = weeks.asked
    (case,) = [a for a in weeks.story.desk.open() if a.number == number]
    assert (case.level, case.home, case.cause) == (Level.blue, "h0317", "company")
    assert len(case.findings[0].parameters["cases"]) == 3
    weeks.go_to(20)
    weeks.look()
    assert weeks.asked == [number]  # two weeks later nobody has been there yet
    weeks.story.do("close", cause="C10", **TRUTH)
    weeks.look()
    weeks.press(21)
    weeks.press(22)
    assert weeks.asked == []
    weeks.press(23)
    assert len(weeks.asked) == 1


def test_help_that_was_needed_or_presses_far_apart_ask_for_nothing() -> None:
    """A fall, a mistake, or one a week."""
    weeks = Weeks()
    for day, cause in ((0, "C10"), (1, "C05"), (2, "C06"), (3, "C10"), (11, "C11"), (19, "C10"), (27, "C10")):
        weeks.press(day, cause)
    assert weeks.asked == []


@pytest.mark.parametrize(("last", "asks"), [(7.0, True), (7.01, False)])
def test_a_week_is_seven_days_and_no_minute_more(last: float, asks: bool) -> None:
    """Three within seven days (domain 3.4 SOS4); with the third a quarter of an hour later they are not."""
    weeks = Weeks()
    for day in (0, 3, last):
        weeks.press(day)
    assert bool(weeks.asked) is asks


@pytest.mark.parametrize(
    ("count", "days", "numbers"), [(3, 7, []), (2, 4, [317, 318]), (4, 31, [317, 318, 319, 320])]
)
def test_the_community_says_how_many_in_how_many_days(count: int, days: int, numbers: list[int]) -> None:
    """`policy: {company: {count, days}}`."""
    weeks = Weeks()
    for day in (0, 4, 8, 12):
        weeks.press(day)
    assert asked(weeks.known, Reviews(count=count, days=days)) == numbers
