"""A power cut of the simulated community, as on its panel, through decode, rules and alerts: one case, whatever the line does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from anxin.replay import Film
from care.ids import iso
from simulators.community import generate
from simulators.faults import FaultLine, parse
from simulators.sensors import Publish
from simulators.switches import Switches
from simulators.world import World
from tests.told import BOOK

AFTERNOON = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
SITE = generate(40)
"""The community of `anxin demo`."""


class Street:
    """The community at work, heard over a line with faults; `without_wills` leaves out what the broker says of gateways."""

    def __init__(self, *, seed: int, faults: str, without_wills: bool) -> None:
        self.world = World(SITE, seed=seed, start=AFTERNOON)
        self.line = FaultLine(parse(faults), seed=seed)
        self.switches = Switches(self.world, self.line)
        self.told: list[dict[str, Any]] = []
        self._film = Film(SITE, BOOK, self.told.append)
        self._without_wills = without_wills
        self._number = 0

    def lives(self, minutes: float) -> None:
        until = self.world.now + timedelta(minutes=minutes)
        for message in self.line.through(self.world.events(until), until):
            if not (self._without_wills and message.topic.endswith("/status")):
                self._feed(iso(message.at), message)
        self._feed(iso(until), None)

    def _feed(self, at: str, message: Publish | None) -> None:
        self._number += 1
        what = (
            {"advance": True}
            if message is None
            else {"topic": message.topic, "payload": message.payload.decode()}
        )
        self._film.feed({"at": at, **what}, self._number)

    def raised(self, homes: tuple[str, ...]) -> list[tuple[str, str]]:
        return [
            (o["code"], o["home"]) for o in self.told if o["type"] == "alert.raised" and o["home"] in homes
        ]

    def listed(self) -> list[str]:
        """The homes of the area's outage, as they were told last."""
        of_area = [o for o in self.told if o["type"].startswith("finding") and o["code"] == "TE5"]
        return list(of_area[-1]["parameters"]["homes"])

    def is_over(self) -> bool:
        return any(o["type"] == "finding.cleared" and o["code"] == "TE5" for o in self.told)


@pytest.mark.parametrize(
    ("seed", "faults", "without_wills"),
    [
        (1, "", False),
        (
            2,
            "",
            True,
        ),  # gateways that nobody declares lost: their heartbeats end within a minute of each other
        (12, "delay=300s", False),  # their last words come after their last wills
        (4, "loss=0.05,duplicate=0.1,reorder=0.1", True),
    ],
)
def test_a_cut_of_a_building_is_one_case_as_long_as_a_fourth_of_it_is_dark(
    seed: int, faults: str, without_wills: bool
) -> None:
    """Its list is the simulator's truth. Of one home in four the line is still cut when power is back: nobody says it is over."""
    street = Street(seed=seed, faults=faults, without_wills=without_wills)
    street.lives(6)
    cut, _ = street.switches.start("power_cut", None, "h0317")
    street.lives(9)
    [(code, anchor)] = street.raised(cut.homes)
    assert (code, set(street.listed())) == ("TE5", set(cut.homes))
    stays = next(h for h in cut.homes if h != anchor)
    line_cut, _ = street.switches.start("gateway_cut", None, stays)
    street.switches.stop(cut.id)
    street.lives(6)
    assert not street.is_over()
    street.switches.stop(line_cut.id)
    street.lives(8)
    assert street.is_over()
    assert street.raised(cut.homes) == [("TE5", anchor)]
