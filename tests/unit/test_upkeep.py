"""Visits, device tests and somebody to tell: said in blue when they are owed, and never before anybody planned them."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest

from alerts.telling import address_of
from alerts.upkeep import How, Promise, Reach, Upkeep, Visit, unreachable, upkeep_findings, visits_due
from care.site import Contact, DeviceTests, Registry, Visits
from care.words import Kind, Level, Phase, Tier
from tests.unit.test_alert_house import SITE, Story, registry

MONDAY = datetime(2026, 6, 1, 2, 0, tzinfo=UTC)  # ten in the morning
BEGUN = date(2026, 5, 1)


def a_site(**policy: Any) -> Registry:
    site = registry(SITE).site
    return Registry(msgspec.structs.replace(site, policy=msgspec.structs.replace(site.policy, **policy)))


def a_visit(at: datetime, resident: str = "r0317") -> Visit:
    return Visit(resident=resident, at=at, how=How.door, by="s07")


def test_nobody_is_late_for_what_was_never_planned() -> None:
    """Without a policy nothing is due, and nothing is said."""
    assert visits_due(a_site(), Upkeep(), MONDAY) == []
    assert upkeep_findings(a_site(), Upkeep(), [], MONDAY) == []


@pytest.mark.parametrize(
    ("tier", "due"), [(Tier.key, "2026-05-08"), (Tier.important, "2026-07-31"), (Tier.general, "2026-10-30")]
)
def test_the_tier_decides_how_often(tier: Tier, due: str) -> None:
    """Weekly, quarterly, half-yearly, counted from the policy's beginning or from the last visit."""
    people = a_site(visits=Visits(from_=BEGUN))
    home = people.homes["h0317"]
    resident = msgspec.structs.replace(home.residents[0], tier=tier)
    site = msgspec.structs.replace(people.site, homes=[msgspec.structs.replace(home, residents=[resident])])
    (found,) = visits_due(Registry(site), Upkeep(), MONDAY)
    assert str(found.due) == due


def test_a_visit_that_is_overdue_is_a_blue_task_at_nine_of_the_next_morning() -> None:
    """Said once, with the day it was due; a visit clears it."""
    people = a_site(visits=Visits(from_=BEGUN, general=7))
    upkeep = Upkeep(visits={"r0317": a_visit(MONDAY - timedelta(days=8)), "r0400": a_visit(MONDAY, "r0400")})
    early = datetime(2026, 6, 1, 0, 59, tzinfo=UTC)
    assert upkeep_findings(people, upkeep, [], early) == []
    assert upkeep_findings(people, upkeep, [], early + timedelta(minutes=1)) != []
    on_the_day = {d.resident: d.overdue for d in visits_due(people, upkeep, early - timedelta(days=1))}
    assert on_the_day["r0317"] is False
    (finding,) = upkeep_findings(people, upkeep, [], MONDAY)
    assert (finding.code, finding.level, finding.resident) == ("TE9", Level.blue, "r0317")
    assert finding.parameters["due"] == "2026-05-31"
    assert finding.title["zh"] == "探访逾期"
    case = Story()
    case.hear(finding)
    assert upkeep_findings(people, upkeep, [case.alert], MONDAY + timedelta(hours=5)) == []
    done = Upkeep(visits={**upkeep.visits, "r0317": a_visit(MONDAY)})
    (cleared,) = upkeep_findings(people, done, [case.alert], MONDAY + timedelta(hours=5))
    assert (cleared.phase, cleared.finding) == (Phase.cleared, finding.finding)
    case.hear(cleared)
    assert not case.alert.open


@pytest.mark.parametrize(
    ("kind", "asked"),
    [("gas", True), ("co", True), ("fall", True), ("sos", True), ("door", False), ("bed_belt", False)],
)
def test_what_calls_for_help_is_to_be_tested_and_nothing_else(kind: str, asked: bool) -> None:
    """Gas and CO detectors, fall detectors and buttons, besides smoke detectors."""
    site = a_site(tests=DeviceTests(from_=BEGUN)).site
    device = msgspec.structs.replace(site.homes[0].devices[0], id="one", kind=Kind(kind))
    home = msgspec.structs.replace(site.homes[0], devices=[device])
    people = Registry(msgspec.structs.replace(site, homes=[home]))
    found = upkeep_findings(people, Upkeep(), [], datetime(2026, 6, 2, 2, 0, tzinfo=UTC))
    assert [f.device for f in found if f.code == "TE9"] == (["one"] if asked else [])


def test_an_alarm_that_was_never_tried_is_asked_for() -> None:
    """Smoke detectors and buttons monthly; a door contact never."""
    people = a_site(tests=DeviceTests(from_=BEGUN))
    found = upkeep_findings(people, Upkeep(), [], datetime(2026, 6, 2, 2, 0, tzinfo=UTC))
    assert {f.device for f in found} == {"smoke-0317", "sos-0317"}
    tested = Upkeep(tested={"sos-0317": datetime(2026, 5, 20, tzinfo=UTC)})
    found = upkeep_findings(people, tested, [], datetime(2026, 6, 2, 2, 0, tzinfo=UTC))
    assert {f.device for f in found} == {"smoke-0317"}


@pytest.mark.parametrize(
    ("contacts", "sent", "why"),
    [
        ([], None, "nobody"),
        ([Contact(id="c1", name="a")], None, "no_way"),
        ([Contact(id="c1", name="a", phone="138")], None, None),
        ([Contact(id="c1", name="a", notify=["json://x"])], None, None),
        ([Contact(id="c1", name="a", notify=["json://x"])], True, None),
        ([Contact(id="c1", name="a", notify=["json://x"])], False, "failed"),
        ([Contact(id="c1", name="a", phone="138", notify=["json://x"])], False, None),
        ([Contact(id="c1", name="a"), Contact(id="c2", name="b", phone="139")], None, None),
    ],
)
def test_a_home_with_nobody_to_tell_is_a_finding(
    contacts: list[Contact], sent: bool | None, why: str | None
) -> None:
    """No contact, none with a phone or a channel, or every channel failed its test. Untried is not failed."""
    site = registry(SITE).site
    home = msgspec.structs.replace(site.homes[0], contacts=contacts)
    people = Registry(msgspec.structs.replace(site, homes=[home]))
    reach = {}
    if sent is not None:
        state = Reach(channel="json", tried_at=MONDAY, sent=sent)
        reach = {("c1", address_of("json://x")): state}
    upkeep = Upkeep(reach=reach)
    assert unreachable(home, people, upkeep) == why
    codes = [(f.code, f.level) for f in upkeep_findings(people, upkeep, [], MONDAY)]
    assert codes == ([("TE13", Level.blue)] if why else [])


def test_a_system_that_promised_to_report_and_is_silent_is_told_once_and_over_with_its_next_report() -> None:
    """Silence is no word that all is well; who promised nothing owes nothing; a report of before the promise is none."""
    people = a_site()
    promises = {
        "meals": Promise(name="meals", made_at=MONDAY, promised_hours=24),
        "cards": Promise(name="cards", made_at=MONDAY),
    }
    day = timedelta(hours=24)
    upkeep = Upkeep(promises=promises, reported={"meals": MONDAY - day})
    assert upkeep_findings(people, upkeep, [], MONDAY + day - timedelta(seconds=1)) == []
    (finding,) = upkeep_findings(people, upkeep, [], MONDAY + day)
    assert (finding.code, finding.level, finding.cause) == ("TE15", Level.blue, "integration:meals")
    assert (finding.home, finding.resident) == (people.site.community.id, None)
    case = Story()
    case.hear(finding)
    assert upkeep_findings(people, upkeep, [case.alert], MONDAY + day * 2) == []
    spoke = msgspec.structs.replace(upkeep, reported={"meals": MONDAY + day * 2})
    (over,) = upkeep_findings(people, spoke, [case.alert], MONDAY + day * 2)
    assert (over.finding, over.phase) == (finding.finding, Phase.cleared)
    case.hear(over)
    (again,) = upkeep_findings(people, spoke, [case.alert], MONDAY + day * 3)
    assert again.finding != finding.finding, "a new silence is a new finding"
    gone = msgspec.structs.replace(upkeep, promises={})
    assert upkeep_findings(people, gone, [], MONDAY + day * 9) == []
