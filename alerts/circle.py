"""The ten-minute circle: how long a responder walks to a home, and who is free. Pure arithmetic.

A first estimate until measured times are known: straight line, detour, walking pace, stairs. `nearest` sorts
the responders on duty by their minutes to a home.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from math import asin, cos, radians, sin, sqrt
from typing import Literal

from alerts.lifecycle import Alert
from alerts.roster import RESPONDER_ROLES, Roster
from care.site import Home, Location, Registry, Staff

EARTH_METRES = 6_371_000.0
DETOUR = 1.3
"""Way on foot ÷ straight line. Pedestrian detour in towns is about 1.2–1.4; 1.3 is our design figure."""
WALKING_METRES_PER_SECOND = 4.5 / 3.6
"""4.5 km/h: a brisk adult with a bag. Crossings are usually designed for 1.0–1.2 m/s, which holds waiting too."""
STAIRS_SECONDS_PER_FLOOR = 20.0
"""Walking up one floor of an old walk-up building; design figure, to be replaced by drills."""
LIFT_SECONDS = 45.0
"""Waiting for and riding a lift, whatever the floor; design figure."""


def metres(a: Location, b: Location) -> float:
    """The straight line between two places (haversine), in metres."""
    lat_a, lon_a, lat_b, lon_b = map(radians, (*a, *b))
    h = sin((lat_b - lat_a) / 2) ** 2 + cos(lat_a) * cos(lat_b) * sin((lon_b - lon_a) / 2) ** 2
    return 2 * EARTH_METRES * asin(min(1.0, sqrt(h)))


def stairs_seconds(home: Home) -> float:
    """From the entrance of the building to the door of the flat. An unknown floor counts as the ground floor."""
    floors = max(0, (home.floor or 1) - 1)
    if floors == 0:
        return 0.0
    climb = floors * STAIRS_SECONDS_PER_FLOOR
    return min(climb, LIFT_SECONDS) if home.lift else climb


def walk_minutes(start: Location, home: Home) -> float | None:
    """Minutes on foot from a place to the door of a home; None when we do not know where the home is."""
    if home.location is None:
        return None
    way = metres(start, home.location) * DETOUR
    return (way / WALKING_METRES_PER_SECOND + stairs_seconds(home)) / 60


def whereabouts(registry: Registry, staff: Staff) -> Location | None:
    """Where a responder starts from: own place, else a micro-grid's, else the centre."""
    if staff.location is not None:
        return staff.location
    for micro in staff.micro_grids:
        found = registry.micro_grids.get(micro)
        if found is not None and found[1].location is not None:
            return found[1].location
    return registry.site.community.centre


@dataclass(frozen=True, slots=True)
class Near:
    """A responder as seen from a home."""

    staff: Staff
    minutes: float | None
    state: Literal["free", "busy"]
    doing: str | None
    """The id of the open alert the responder is busy with."""
    within: bool
    """Free or not: reachable within the promise."""


def busy(alerts: Iterable[Alert]) -> dict[str, str]:
    """Who goes to or is at an open alert, and which."""
    out: dict[str, str] = {}
    for alert in alerts:
        if alert.open:
            for responder in alert.going:
                out.setdefault(responder.id, alert.id)
    return out


def nearest(registry: Registry, home: Home, open_alerts: Iterable[Alert], now: datetime) -> list[Near]:
    """Responders on duty: free ones first, then by minutes to the home; unknown places last."""
    taken = busy(open_alerts)
    promise = registry.site.policy.arrive_minutes
    out: list[Near] = []
    for staff in Roster(registry).on_duty(now, RESPONDER_ROLES):
        start = whereabouts(registry, staff)
        minutes = walk_minutes(start, home) if start is not None else None
        doing = taken.get(staff.id)
        out.append(
            Near(
                staff=staff,
                minutes=minutes,
                state="free" if doing is None else "busy",
                doing=doing,
                within=minutes is not None and minutes <= promise,
            )
        )
    return sorted(out, key=lambda n: (n.state == "busy", n.minutes is None, n.minutes or 0.0, n.staff.id))
