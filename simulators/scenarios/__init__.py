"""What goes wrong (or only looks so), with the truth of it.

Start at `SCENARIOS`: name → what it needs and how it goes. `parse("cooking_smoke@h0317+30s")` reads a wish. A scenario
is written with the verbs of `Stage`: people *live* other stays, sensors *read* and *alarm*, a gateway *goes dark*, and
`truth` says what really happened and which alert code of the catalogue (domain.md 3) ought to come of it. Codes are
words of the field here: nothing is imported from those who judge.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from care.site import Device
from care.words import Kind
from simulators.scenarios import hazards, outages, people
from simulators.scenarios.stage import Stage
from simulators.scenarios.wishes import Wish, WrongScenario, read, span, unknown_home
from simulators.sensors import HOUR, MINUTE
from simulators.truths import Expected, Truth, truth_line

__all__ = [
    "LONGEST", "SCENARIOS", "Expected", "Scenario", "Stage", "Truth", "Wish", "WrongScenario", "parse", "span", "truth_line",
    "unknown_home",
]  # fmt: skip


@dataclass(frozen=True)
class Scenario:
    """How a scenario goes, what it needs of a home, and at what hour it is played unless told otherwise."""

    play: Callable[[Stage], None]
    needs: frozenset[Kind] = frozenset()
    rooms: frozenset[str] = frozenset()
    """Rooms in which a motion sensor must be."""
    hours: tuple[float, float] | None = None
    """Wall-clock hours between which it may begin without an offset; outside of them it waits for the first."""
    lead: int = 0
    """Milliseconds somebody must have been in bed before it begins, unless an offset says when it begins."""
    words: str = ""

    def lacks(self, devices: Iterable[Device]) -> list[str]:
        """What it needs and these devices are not: kinds, and `motion (bathroom)` for a room that no sensor sees."""
        kinds, seen = set(), set()
        for device in devices:
            kinds.add(device.kind)
            if device.kind is Kind.motion:
                seen.add(device.room)
        missing = {kind.value for kind in self.needs - kinds}
        return sorted(missing | {f"motion ({room})" for room in self.rooms - seen})


def _scenario(
    play: Callable[[Stage], None],
    *needs: Kind,
    rooms: tuple[str, ...] = (),
    hours: tuple[float, float] | None = None,
    lead: int = 0,
) -> Scenario:
    words = (play.__doc__ or "").split("\n")[0]
    return Scenario(play, frozenset(needs), frozenset(rooms), hours, lead, words)


_NIGHT = (0.5, 4.5)
SCENARIOS: dict[str, Scenario] = {
    "cooking_smoke": _scenario(hazards.cooking_smoke, Kind.smoke),
    "kitchen_fire": _scenario(hazards.kitchen_fire, Kind.smoke),
    "gas_leak": _scenario(hazards.gas_leak, Kind.gas),
    "night_fall": _scenario(people.night_fall, Kind.bed_belt, hours=_NIGHT, lead=20 * MINUTE),
    "night_toilet": _scenario(people.night_toilet, Kind.bed_belt, hours=_NIGHT, lead=20 * MINUTE),
    "wandering": _scenario(people.wandering, Kind.bed_belt, Kind.door, hours=(2.5, 4.0), lead=20 * MINUTE),
    "not_up": _scenario(people.not_up, Kind.bed_belt, hours=(5.0, 5.1)),
    "cardiac": _scenario(people.cardiac, Kind.bed_belt, lead=12 * MINUTE),
    "breathing_stops": _scenario(people.breathing_stops, Kind.bed_belt, lead=3 * MINUTE),
    "belt_slips": _scenario(people.belt_slips, Kind.bed_belt, lead=MINUTE),
    "sos": _scenario(hazards.sos, Kind.sos),
    "sos_pocket": _scenario(hazards.sos_pocket, Kind.sos),
    "leak": _scenario(hazards.leak, Kind.water_leak),
    "tap_left_on": _scenario(hazards.tap_left_on, Kind.water_meter),
    "away": _scenario(people.away, hours=(8.0, 16.0)),
    "guests": _scenario(people.guests, hours=(9.0, 19.0)),
    "gateway_down": _scenario(outages.gateway_down, Kind.gateway),
    "power_cut": _scenario(outages.power_cut, Kind.gateway),
    "battery_low": _scenario(outages.battery_low, Kind.smoke),
    "virtual_smoke": _scenario(hazards.virtual_smoke, Kind.smoke),
    "storm": _scenario(outages.storm, Kind.gateway, Kind.sos),
    "bathroom_fall": _scenario(
        people.bathroom_fall, Kind.motion, rooms=("bathroom", "bedroom", "living", "kitchen")
    ),
}
"""Every name of contract section 8, and then ours."""

LONGEST = 8 * HOUR + 20 * MINUTE
"""No scenario goes on for longer."""


def parse(text: str) -> Wish:
    """Read `NAME[@HOME][+OFFSET]`; raises WrongScenario with what exists."""
    wish = read(text)
    if wish.name not in SCENARIOS:
        raise WrongScenario(f"there is no scenario `{wish.name}`; there are: {' '.join(SCENARIOS)}")
    return wish
