"""How much must be dark before a home (TE4) or an area (TE5) is: just enough, and one less. From domain.md 3.5 alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rules.stories import read_stories, run
from tests.told import BOOK

START = "2026-03-02T09:00:00+08:00"


def told(rule: str, end: int, feed: list[dict[str, Any]], **doc: Any) -> list[tuple[str, str, int]]:
    """What the rule says up to this minute: phase, level, and minute since the start."""
    story = {
        "story": "outage", "rule": rule, "shows": "quiet", "from": START, "expect": {f"{end}m": []},
        "feed": sorted(feed, key=lambda e: int(e["at"][:-1])), **doc,
    }  # fmt: skip
    (read,) = read_stories("outage", json.dumps({"stories": [story]}), BOOK)
    found = [f for f in run(read, BOOK).findings if f.rule == rule]
    return [(f.phase.value, f.level.value, round((f.at - read.start).total_seconds() / 60)) for f in found]


def street(
    homes: int, lost: dict[int, int], *, together: int = 0, back: dict[int, int] | None = None, end: int = 60
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """A feed and a site of so many homes with a gateway each: those `lost` go offline at their minute, and come `back`.

    The first `together` homes are one building, each other one is its own.
    """
    feed: list[dict[str, Any]] = []
    for n in range(homes):
        gone, again = lost.get(n, end + 1), (back or {}).get(n)
        feed.append({"at": "0m", "device": f"gw{n}", "state": "online"})
        feed += [{"at": f"{m}m", "device": f"pir{n}", "motion": False} for m in range(0, min(gone, end), 5)]
        if n in lost:
            feed.append({"at": f"{gone}m", "device": f"gw{n}", "state": "offline"})
        if again is not None:
            feed.append({"at": f"{again}m", "device": f"gw{n}", "state": "online"})
            feed += [{"at": f"{m}m", "device": f"pir{n}", "motion": True} for m in (again, again + 1)]

    def home(n: int) -> dict[str, Any]:
        return {
            "building": "一幢" if n < together else f"{n + 2} 幢",
            "devices": {
                f"gw{n}": {"kind": "gateway", "room": "hall"},
                f"pir{n}": {"kind": "motion", "room": "living"},
            },
        }

    first, others = home(0), {f"h{n}": home(n) for n in range(1, homes)}
    return feed, {"devices": first["devices"], "building": first["building"], "homes": others}


@pytest.mark.parametrize(
    ("homes", "lost", "together", "speaks"),
    [
        (40, {0: 10, 1: 14, 2: 19}, 8, True),  # three gateways of one building within ten minutes
        (40, {0: 10, 1: 14}, 8, False),
        (40, {0: 10, 1: 16, 2: 22}, 8, False),  # never three within ten minutes
        (40, {0: 10, 1: 11, 2: 12, 3: 13}, 0, True),  # a tenth of all homes
        (40, {0: 10, 1: 11, 2: 12}, 0, False),
    ],
)
def test_an_area_is_out_with_three_gateways_of_a_building_or_a_tenth_of_all_homes(
    homes: int, lost: dict[int, int], together: int, speaks: bool
) -> None:
    """One red incident, or nothing."""
    feed, site = street(homes, lost, together=together)
    found = told("TE5", 60, feed, **site)
    assert [(phase, level) for phase, level, _ in found if phase == "opened"] == (
        [("opened", "red")] if speaks else []
    )


@pytest.mark.parametrize(("back", "over"), [((0, 1, 2), False), ((0, 1, 2, 3), True)])
def test_an_area_is_back_with_four_homes_of_five(back: tuple[int, ...], over: bool) -> None:
    """80 % of them, and not 60 %."""
    feed, site = street(
        40, {n: 10 + n // 2 for n in range(5)}, together=8, back={n: 40 + n for n in back}, end=90
    )
    assert ("cleared" in [phase for phase, _, _ in told("TE5", 90, feed, **site)]) is over


@pytest.mark.parametrize(("silent", "of", "speaks"), [(3, 5, True), (2, 5, False), (2, 3, False)])
def test_a_home_is_dark_when_three_devices_and_three_fifths_of_them_are_silent(
    silent: int, of: int, speaks: bool
) -> None:
    """Its belts and gas detectors fall silent after twenty minutes; two of three are two devices (TE3)."""
    kinds = (("bed_belt", "in_bed"), ("gas", "gas"), ("bed_belt", "in_bed"), ("gas", "gas"), ("gas", "gas"))
    devices = {f"d{n}": {"kind": kinds[n][0], "room": f"room{n}"} for n in range(of)}
    feed = [
        {"at": f"{m}m", "device": f"d{n}", kinds[n][1]: False}
        for n in range(of)
        for m in range(20 if n < silent else 60)
    ]
    found = told("TE4", 60, feed, devices=devices)
    assert [level for phase, level, _ in found if phase == "opened"] == (["yellow"] if speaks else [])
