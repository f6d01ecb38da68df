"""Outages that take several homes at once: a building without power, a community without network. Start at `Areas`.

`Areas` is an index over what the homes remember (`Dark`, `Incident`) and can be rebuilt from it, so it is right
after a restart; it decides, the engine speaks and remembers. One incident is kept by one home, the first of its
welfare list, and travels with that home's partition.

A worker sees the homes of its partitions. With all partitions in one worker (as shipped) that is the community. A
split deployment would share the losses: each worker writes `dark` of its homes beside their health, and the worker
that owns partition 0 alone runs `verdict` over the sum; nothing else here would change.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

from care.schematic import building_of
from care.site import Home, Registry
from care.words import Tier
from rules.memory import Dark, Incident

_STAIRCASE = re.compile(r"(\d+)\s*单元")
_DOOR = re.compile(r"\d{1,2}(\d{2})\s*室?\s*$")


def _flat(home: Home) -> tuple[str, str]:
    """Staircase and flat number of an address (`2 单元 402`: 2, 02); empty where it names none."""
    staircase, door = _STAIRCASE.search(home.address), _DOOR.search(home.address)
    return (staircase[1] if staircase else "", door[1] if door else "")


_TIERS = {Tier.key: 0, Tier.important: 1, Tier.general: 2}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a lost home means for its area: it joins an incident, widens it, or a new one begins."""

    anchor: str | None
    """The home that holds the incident it joins; None for a new one."""
    building: str
    """Scope from now on; empty is the whole community."""
    homes: list[str]
    """Who is part of it now, besides those already in."""


class Areas:
    """Which homes are dark, which incidents stand."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.dark: dict[str, Dark] = {}
        self.incidents: dict[str, Incident] = {}
        self.watched = sum(1 for h in registry.site.homes if h.devices)
        self._buildings: dict[str, str] = {}
        self._stacks: dict[str, list[str]] = {}
        self._neighbours: dict[str, list[str]] = {}

    def reload(self, registry: Registry) -> None:
        """Another site; what is dark stays dark."""
        self.registry = registry
        self.watched = sum(1 for h in registry.site.homes if h.devices)
        self._buildings = {}
        self._stacks = {}
        self._neighbours = {}

    def remember(self, name: str, dark: Dark | None, incident: Incident | None) -> None:
        """Take over what a home remembers."""
        if dark is None:
            self.dark.pop(name, None)
        else:
            self.dark[name] = dark
        if incident is None:
            self.incidents.pop(name, None)
        else:
            self.incidents[name] = incident

    def building(self, name: str) -> str:
        """The building of a home; a home that names none is a building of its own."""
        found = self._buildings.get(name)
        if found is None:
            home = self.registry.homes.get(name)
            found = self._buildings[name] = (building_of(home) if home is not None else "") or f"home {name}"
        return found

    def of_building(self, name: str) -> list[str]:
        """All homes of the building of a home, itself included, in the order of the site file."""
        if not self._neighbours:
            for home in self.registry.site.homes:
                self._neighbours.setdefault(self.building(home.id), []).append(home.id)
        return self._neighbours.get(self.building(name), [])

    def above_and_below(self, name: str) -> list[str]:
        """The flats directly above and below: the same building, the next floor, and the same staircase and flat number
        as far as the addresses name them. Nobody when the site file says no floor.
        """
        found = self._stacks.get(name)
        if found is None:
            home = self.registry.homes.get(name)
            found = []
            if home is not None and home.floor is not None and (home.building or home.address):
                here, mine = self.building(name), _flat(home)
                found = [
                    other.id
                    for other in self.registry.site.homes
                    if other.floor is not None
                    and abs(other.floor - home.floor) == 1
                    and self.building(other.id) == here
                    and all(a == b for a, b in zip(mine, _flat(other), strict=True) if a and b)
                ]
            self._stacks[name] = found
        return found

    def incident_of(self, name: str) -> str | None:
        """Who holds the incident a home is part of."""
        dark = self.dark.get(name)
        return dark.area if dark is not None and dark.area in self.incidents else None

    def verdict(self, name: str, limits: Mapping[str, Any]) -> Verdict | None:
        """What the loss of a home, not yet part of an incident, means. None: so far it is this home alone."""
        mine, here = self.dark[name], self.building(name)
        for anchor in sorted(self.incidents):
            if self.incidents[anchor].building in ("", here):
                return Verdict(anchor, self.incidents[anchor].building, [name])
        if not mine.counted:
            return None
        window = round(limits["within_minutes"] * 1000)
        together = sorted(
            h
            for h, d in self.dark.items()
            if self.incident_of(h) is None and abs(d.since - mine.since) <= window
        )
        settled = [h for h in together if self.dark[h].counted]
        wide = max(int(limits["homes_least"]), ceil(self.watched * limits["homes_percent"] / 100))
        for anchor in sorted(self.incidents):
            members = [h for h in self.incidents[anchor].members if self.incident_of(h) == anchor]
            recent = [h for h in members if abs(self.dark[h].since - mine.since) <= window]
            if len(recent) + len(settled) >= wide:
                return Verdict(anchor, "", together)
        if len(settled) >= wide and len({self.building(h) for h in settled}) > 1:
            return Verdict(None, "", together)
        in_building = [h for h in together if self.building(h) == here]
        gateways = sum(1 for h in in_building if self.dark[h].counted and self.dark[h].gateway)
        if gateways >= limits["gateways_least"] or len(settled) >= wide:
            return Verdict(None, here, in_building)
        return None

    def is_over(self, incident: Incident, anchor: str, limits: Mapping[str, Any]) -> bool:
        """So many of its homes are heard again."""
        away = sum(1 for h in incident.members if self.incident_of(h) == anchor)
        back = len(incident.members) - away
        return bool(back >= ceil(len(incident.members) * limits["back_percent"] / 100))

    def welfare_list(self, homes: list[str] | dict[str, int]) -> list[str]:
        """Whom to look after first: 重点 homes, then 重要, then the others."""
        return sorted(homes, key=lambda name: (self._tier(name), name))

    def _tier(self, name: str) -> int:
        home: Home | None = self.registry.homes.get(name)
        return min((_TIERS[r.tier] for r in home.residents), default=3) if home is not None else 4
