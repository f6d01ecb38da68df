"""A site that changes while something is being waited for: the waiting goes on to the second, and nothing is told for it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from care.messages import Finding
from care.site import Device, Home, Registry, Resident, Site
from care.words import Kind, Tier
from rules.engine import Engine
from tests.unit.test_engine import BOOK, NOON, a_site, said

NIGHT = NOON.replace(hour=17)
"""One in the morning in Shanghai."""
OUT_AFTER, CHANGE_AFTER, UNTIL = timedelta(minutes=40), timedelta(minutes=50), timedelta(minutes=100)


def the_site() -> Site:
    """Somebody with a bed belt, and a neighbour."""
    return a_site(2, devices=["belt", "door", "sos"])


def first_home(site: Site, **given: Any) -> Site:
    return replace(site, homes=[replace(site.homes[0], **given), *site.homes[1:]])


def belt(site: Site, **given: Any) -> Site:
    devices = site.homes[0].devices
    return first_home(site, devices=[replace(devices[0], **given), *devices[1:]])


def resident(site: Site, **given: Any) -> Site:
    return first_home(site, residents=[replace(site.homes[0].residents[0], **given)])


def more_devices(site: Site, *devices: Device) -> Site:
    return first_home(site, devices=[*site.homes[0].devices, *devices])


def night(
    *changes: tuple[timedelta, Callable[[Site], Site]], silent_from: timedelta = UNTIL
) -> list[Finding]:
    """In bed for 40 minutes, then out of it; the site changes on the way."""
    engine = Engine(Registry(the_site()), BOOK)
    engine.tick(NIGHT)
    found: list[Finding] = []
    left = list(changes)
    passed = timedelta()
    while passed <= UNTIL:
        at = NIGHT + passed
        found += engine.tick(at)
        if left and passed >= left[0][0]:
            found += engine.reload(Registry(left.pop(0)[1](the_site())), BOOK, at)
        if passed < silent_from:
            found += engine.feed(said("belt", (at - NOON).total_seconds(), in_bed=passed < OUT_AFTER), at)
        passed += timedelta(seconds=30)
    return found


def told(found: list[Finding]) -> list[tuple[str, str, timedelta, timedelta]]:
    return [
        (f.rule, f.level.value if f.level else "", f.at - NIGHT, f.onset_at - NIGHT)
        for f in found
        if f.rule.startswith("BD")
    ]


@pytest.mark.parametrize(
    "change",
    [
        lambda site: resident(site, consent={"vitals": []}),
        lambda site: resident(site, consent={"bed": ["centre", "doctor"], "family": []}),
        lambda site: resident(site, tier=Tier.general, name="乙"),
        lambda site: resident(site, conditions=[]),
        lambda site: more_devices(site, Device(id="new", kind=Kind.motion, room="living")),
        lambda site: more_devices(site, Device(id="mat", kind=Kind.bed_belt, room="bedroom")),
        lambda site: replace(site, homes=[*site.homes, Home(id="h9", devices=[Device(id="q", kind=Kind.sos)])]),
        lambda site: replace(site, homes=site.homes[:1]),
        lambda site: first_home(site, devices=site.homes[0].devices[:1]),
        lambda site: first_home(site, residents=[*site.homes[0].residents, Resident(id="r9", name="丙")]),
        lambda site: belt(site, model="another"),
        lambda site: belt(site, address="zigbee2mqtt/h1/belt"),
        lambda site: belt(site, room="主卧"),
        lambda site: belt(site, room="living"),
        lambda site: belt(site, resident="r1"),
    ],
    ids=[
        *("vitals_withdrawn", "other_consent", "tier_and_name", "conditions", "claimed", "second_mat", "home_added"),
        *("home_removed", "devices_removed", "second_resident", "model", "address", "room_name", "room", "resident"),
    ],
)  # fmt: skip
def test_a_hold_goes_on_to_the_second(change: Callable[[Site], Site]) -> None:
    """Out of bed at night for ten minutes when the site changes: yellow and red come when they would have come."""
    undisturbed = told(night())
    assert [(rule, level) for rule, level, _, _ in undisturbed] == [("BD1", "yellow"), ("BD1", "red")]
    assert told(night((CHANGE_AFTER, change))) == undisturbed
    there_and_back = [(CHANGE_AFTER, change), (CHANGE_AFTER + timedelta(minutes=2), lambda site: site)]
    assert told(night(*there_and_back)) == undisturbed


def test_a_bed_that_is_somebody_elses_now_begins_anew() -> None:
    """What was waiting for the one before is not told of the one who lies there now."""
    moved = night(
        (
            CHANGE_AFTER,
            lambda site: belt(
                first_home(site, residents=[*site.homes[0].residents, Resident(id="r9", name="丙")]),
                resident="r9",
            ),
        )
    )  # fmt: skip
    # `r1` was meant before as the only resident.
    assert told(moved) == []


def test_what_is_no_longer_agreed_to_is_judged_by_no_more() -> None:
    """Consent to bed data ends while ten minutes of a hold have passed: no alarm comes of them, and nothing of it is kept."""
    withdrawn = night(
        (CHANGE_AFTER, lambda site: resident(site, consent={"bed": []})), silent_from=CHANGE_AFTER
    )
    assert told(withdrawn) == []
    kept = night((CHANGE_AFTER, lambda site: resident(site, consent={"bed": ["centre"]})), silent_from=UNTIL)
    assert told(kept) == told(night())


def test_an_open_alarm_of_withdrawn_data_is_left_to_people() -> None:
    """It becomes "cannot tell"; it does not end by itself, and no more is told of the bed."""
    late = OUT_AFTER + timedelta(minutes=22)
    found = night((late, lambda site: resident(site, consent={"bed": []})), silent_from=late)
    assert [(f.rule, f.phase.value, f.condition.value) for f in found if f.rule == "BD1"] == [
        ("BD1", "opened", "active"),
        ("BD1", "changed", "unknown"),
    ]
