"""The ten-minute circle: how long a responder walks to a home, and who is free. Pure arithmetic.

A first estimate until measured times are known: straight line, detour, walking pace, stairs. `nearest` sorts the
responders on duty by their minutes to a home, `coverage` says of every home who can be there in time at this moment
and, where nobody can, who comes next. A responder starts where they were last known to be: at the home they have
just been to, else at their post. Whoever has a task is not counted, unless nobody else is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from math import asin, atan2, cos, degrees, radians, sin, sqrt
from typing import Any, Literal

import numpy as np

from alerts.alert import Alert
from alerts.roster import RESPONDER_ROLES, roster_of
from care.site import Home, Location, Registry, Staff
from care.words import Role

EARTH_METRES = 6_371_000.0
DETOUR = 1.3
"""Way on foot ÷ straight line. Pedestrian detour in towns is about 1.2–1.4; 1.3 is our design figure."""
WALKING_METRES_PER_SECOND = 4.5 / 3.6
"""4.5 km/h: a brisk adult with a bag. Crossings are usually designed for 1.0–1.2 m/s, which holds waiting too."""
STAIRS_SECONDS_PER_FLOOR = 20.0
"""Walking up one floor of an old walk-up building; design figure, to be replaced by drills."""
LIFT_SECONDS = 45.0
"""Waiting for and riding a lift, whatever the floor; design figure."""

TASK_SECONDS = 20 * 60.0
"""How long somebody is at a home, when nothing else is known; design figure, to be replaced by our own closed cases."""
PLACE_KEPT = timedelta(minutes=20)
"""How long after leaving a home somebody is thought to be near it; then back at their post."""


def metres(a: Location, b: Location) -> float:
    """The straight line between two places (haversine), in metres."""
    lat_a, lon_a, lat_b, lon_b = map(radians, (*a, *b))
    h = sin((lat_b - lat_a) / 2) ** 2 + cos(lat_a) * cos(lat_b) * sin((lon_b - lon_a) / 2) ** 2
    return 2 * EARTH_METRES * asin(min(1.0, sqrt(h)))


def bearing(a: Location, b: Location) -> float:
    """The direction from one place to another, in degrees from north, clockwise: 0 ≤ it < 360."""
    lat_a, lon_a, lat_b, lon_b = map(radians, (*a, *b))
    east = sin(lon_b - lon_a) * cos(lat_b)
    north = cos(lat_a) * sin(lat_b) - sin(lat_a) * cos(lat_b) * cos(lon_b - lon_a)
    return degrees(atan2(east, north)) % 360.0


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
    """A responder's post: own place, else a micro-grid's, else the centre."""
    if staff.location is not None:
        return staff.location
    for micro in staff.micro_grids:
        found = registry.micro_grids.get(micro)
        if found is not None and found[1].location is not None:
            return found[1].location
    return registry.site.community.centre


@dataclass(frozen=True, slots=True)
class Task:
    """What a responder is doing, and until when by our reckoning."""

    alert: str
    number: int
    home: str
    state: Literal["accepted", "departed", "arrived"]
    place: Location | None
    until: datetime
    there_at: datetime | None = None
    """When they are at its door: were, or by what was reckoned when they accepted."""


@dataclass(frozen=True, slots=True)
class Abroad:
    """Where responders are and what they do, as far as the cases tell."""

    tasks: Mapping[str, Task]
    last_places: Mapping[str, Location]
    """Of those who have just been at a home and have no task now."""

    def start(self, registry: Registry, staff: Staff) -> Location | None:
        """From where somebody would set out at this moment."""
        task = self.tasks.get(staff.id)
        if task is not None and task.place is not None:
            return task.place
        return self.last_places.get(staff.id) or whereabouts(registry, staff)


def abroad(registry: Registry, alerts: Iterable[Alert], now: datetime) -> Abroad:
    """Tasks and last known places of all responders, from open cases and those of the last hours."""
    tasks: dict[str, Task] = {}
    places: dict[str, tuple[datetime, Location]] = {}
    for alert in alerts:
        home = registry.homes.get(alert.home)
        place = home.location if home is not None else None
        for r in alert.responders:
            if alert.open and r.state in ("accepted", "departed", "arrived"):
                begun = r.arrived_at or r.promised_at or r.at
                until = max(now, begun + timedelta(seconds=TASK_SECONDS))
                known = tasks.get(r.id)
                if known is None or r.state == "arrived":
                    there_at = r.arrived_at or r.promised_at
                    tasks[r.id] = Task(alert.id, alert.number, alert.home, r.state, place, until, there_at)
            elif r.arrived_at is not None and place is not None:
                left = alert.closed_at if r.state == "arrived" else r.at
                known_at = places.get(r.id)
                if (
                    left is not None
                    and timedelta(0) <= now - left <= PLACE_KEPT
                    and (known_at is None or left > known_at[0])
                ):
                    places[r.id] = (left, place)
    return Abroad(tasks, {who: place for who, (_, place) in places.items() if who not in tasks})


@dataclass(frozen=True, slots=True)
class Near:
    """A responder as seen from a home."""

    staff: Staff
    minutes: float | None
    """On foot from where they are; of a busy one, after the task they have; of one who goes to this home, until they are there."""
    state: Literal["free", "busy"]
    doing: str | None
    """The id of the open alert the responder is busy with."""
    within: bool
    """Reachable within the promise."""


def _near(registry: Registry, staff: Staff, home: Home, where: Abroad, now: datetime) -> Near:
    start = where.start(registry, staff)
    minutes = walk_minutes(start, home) if start is not None else None
    task = where.tasks.get(staff.id)
    if task is not None and task.home == home.id and task.there_at is not None:
        # Who goes to this very door is there when they said, not after they have been there.
        minutes = max(0.0, (task.there_at - now).total_seconds()) / 60
    elif task is not None and minutes is not None:
        minutes += max(0.0, (task.until - now).total_seconds()) / 60
    return Near(
        staff=staff,
        minutes=minutes,
        state="free" if task is None else "busy",
        doing=None if task is None else task.alert,
        within=minutes is not None and minutes <= registry.site.policy.arrive_minutes,
    )


def _order(n: Near) -> tuple[bool, bool, float, str]:
    return (n.state == "busy", n.minutes is None, n.minutes or 0.0, n.staff.id)


def nearest(registry: Registry, home: Home, alerts: Iterable[Alert], now: datetime) -> list[Near]:
    """Responders on duty: free ones first, then by minutes to the home; unknown places last."""
    where = abroad(registry, alerts, now)
    there = roster_of(registry).on_duty(now, RESPONDER_ROLES)
    return sorted((_near(registry, s, home, where, now) for s in there), key=_order)


def next_best(registry: Registry, home: Home, where: Abroad, now: datetime) -> Near | None:
    """Whom to ask when nobody on duty is near enough: a neighbour at home, else the nearest of all, busy or not.

    Somebody off duty is asked, not sent.
    """
    roster = roster_of(registry)
    on_duty = roster.on_duty(now, RESPONDER_ROLES)
    there = {s.id for s in on_duty}
    neighbours = [
        n
        for s in roster.of_role([Role.neighbour])
        if s.id not in there and (n := _near(registry, s, home, where, now)).within
    ]
    if neighbours:
        return min(neighbours, key=_order)
    known = [n for s in on_duty if (n := _near(registry, s, home, where, now)).minutes is not None]
    return min(known, key=lambda n: (n.minutes or 0.0, n.staff.id), default=None)


@dataclass(frozen=True, slots=True)
class Cover:
    """Who can be at one home in time, at one moment."""

    home: Home
    people: int
    """How many are within the promise: free, or on their way to this very home."""
    by: tuple[Near, ...]
    """Those of them who are named, nearest first."""
    next: Near | None
    """Only where nobody is: whom to ask."""

    @property
    def within(self) -> bool:
        """Whether somebody can be there in time."""
        return bool(self.by)


@lru_cache(maxsize=4)
def _ground(registry: Registry) -> tuple[list[Home], Any, Any]:
    """The homes whose place is known, their places as radians, and the seconds of their stairs."""
    homes = [h for h in registry.site.homes if h.location is not None]
    places = np.radians(np.array([h.location for h in homes], dtype=float).reshape(-1, 2))
    stairs = np.array([stairs_seconds(h) for h in homes], dtype=float)
    return homes, places, stairs


def _minutes(registry: Registry, start: Location) -> Any:
    """On foot from one place to every home of `_ground`: `walk_minutes` for all of them at once."""
    _, places, stairs = _ground(registry)
    lat, lon = np.radians(start[0]), np.radians(start[1])
    h = (
        np.sin((places[:, 0] - lat) / 2) ** 2
        + np.cos(lat) * np.cos(places[:, 0]) * np.sin((places[:, 1] - lon) / 2) ** 2
    )
    way = 2 * EARTH_METRES * np.arcsin(np.sqrt(np.minimum(1.0, h))) * DETOUR
    return (way / WALKING_METRES_PER_SECOND + stairs) / 60


@lru_cache(maxsize=1024)
def reachable_from(registry: Registry, start: Location) -> Any:
    """Of every home whose place is known, in the order of the site file: whether it is within the promise from here."""
    homes, _, _ = _ground(registry)
    promise = registry.site.policy.arrive_minutes
    return _minutes(registry, start) <= promise if homes else np.zeros(0, dtype=bool)


def _on_their_way(registry: Registry, on_duty: Iterable[Staff], where: Abroad) -> Iterator[tuple[Near, Home]]:
    """Whoever has a task, with its home, if within the promise: for that home they are there anyway, for no other."""
    for staff in on_duty:
        task = where.tasks.get(staff.id)
        home, post = registry.homes.get(task.home) if task else None, whereabouts(registry, staff)
        if task is not None and home is not None and post is not None:
            minutes = 0.0 if task.state == "arrived" else walk_minutes(post, home)
            if minutes is not None and minutes <= registry.site.policy.arrive_minutes:
                yield Near(staff, minutes, "busy", task.alert, within=True), home


def coverage(
    registry: Registry, alerts: Iterable[Alert], now: datetime, *, ask: bool = True, named: int | None = None
) -> list[Cover]:
    """Of every home: who on duty and free is there within the promise. `ask` names whom to ask for the holes.

    `named` is how many of them are named, the nearest; all of them when left out (45 on duty and 10,000 homes are
    hundreds of thousands of pairs).
    """
    where = abroad(registry, alerts, now)
    on_duty = roster_of(registry).on_duty(now, RESPONDER_ROLES)
    promise = registry.site.policy.arrive_minutes
    homes, _, _ = _ground(registry)
    by: dict[str, list[Near]] = {}
    people: dict[str, int] = {}
    for near, home in _on_their_way(registry, on_duty, where):
        by.setdefault(home.id, []).append(near)
        people[home.id] = people.get(home.id, 0) + 1
    # By id first, so that of two who are equally far it is always the same who comes first.
    free = sorted((s for s in on_duty if s.id not in where.tasks), key=lambda s: s.id)
    starts = [(s, start) for s in free if (start := where.start(registry, s)) is not None]
    if starts and homes:
        ways = np.stack([_minutes(registry, start) for _, start in starts])
        within = (ways <= promise).sum(axis=0)
        nearest_first = np.argsort(ways, axis=0, kind="stable")[:named]
        for n in np.flatnonzero(within):
            home = homes[n]
            people[home.id] = people.get(home.id, 0) + int(within[n])
            by.setdefault(home.id, []).extend(
                Near(starts[k][0], float(ways[k, n]), "free", None, within=True)
                for k in nearest_first[: within[n], n]
            )
    return [
        Cover(
            home=home,
            people=people.get(home.id, 0),
            by=tuple(sorted(by.get(home.id, ()), key=_order)[:named]),
            next=next_best(registry, home, where, now) if ask and home.id not in by else None,
        )
        for home in registry.site.homes
    ]


def covered_share(registry: Registry, alerts: Iterable[Alert], now: datetime) -> tuple[int, int]:
    """How many homes somebody can be at in time, of how many: what `coverage` says, without saying who.

    It is told with every change on the desk, so it names nobody: at 10,000 homes that is some milliseconds, not a second.
    """
    where = abroad(registry, alerts, now)
    on_duty = roster_of(registry).on_duty(now, RESPONDER_ROLES)
    homes, _, _ = _ground(registry)
    within = np.zeros(len(homes), dtype=bool)
    for staff in on_duty:
        start = where.start(registry, staff) if staff.id not in where.tasks else None
        if start is not None:
            within |= reachable_from(registry, start)
    also = {home.id for _, home in _on_their_way(registry, on_duty, where)}
    also.difference_update(homes[n].id for n in np.flatnonzero(within))
    return int(within.sum()) + len(also), len(registry.site.homes)
