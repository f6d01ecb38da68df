"""Is somebody at the door within ten minutes, in a month in which people fall ill?

    .venv/bin/python benchmarks/duty.py [--homes 300] [--days 30] [--seed 1] [--out FILE]

A month of duty in virtual time on the real hearts (`alerts.desk`, ladder, roster, circle): the community of the
simulator with its rota, absences drawn at random, red cases drawn at random, and people who answer, accept, decline and
walk as the table `HABITS` says. The same arguments give the same month. Prints a table and, with `--out`, writes a dated
JSON. What people do is assumed and stands below; what is measured is what the service makes of it.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import json
import platform
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import msgspec
import numpy as np

from alerts.circle import coverage, nearest, walk_minutes, whereabouts
from alerts.desk import Desk
from alerts.events import Dispatched, NobodyThere, Purpose, Raised, Told, Transition
from alerts.orders import NotAllowed, Order
from alerts.roster import RESPONDER_ROLES, Roster
from care.ids import content_id
from care.messages import Evidence, Finding
from care.site import Absence, Registry, Site
from care.words import Command, Level, Phase, Role
from simulators.community import generate

START = datetime(2026, 5, 31, 16, 0, tzinfo=UTC)  # midnight in the community, 1 June
LOOK = timedelta(hours=1)
"""How often coverage is looked at."""


@dataclass(frozen=True)
class Habits:
    """What people are assumed to do. Medians of lognormal times, with sigma; shares in 0 … 1."""

    red_per_home_month: float = 0.5
    ill_per_day: float = 0.05
    """Of each member of staff; an absence lasts one to three days."""
    stand_in: float = 0.7
    """Absences for which a colleague of the same role is found."""
    acknowledge_seconds: float = 14
    acknowledge_sigma: float = 0.7
    misses_page: float = 0.05
    """A page that its reader does not act upon."""
    call_seconds: float = 12
    ring_seconds: float = 25
    answers: float = 0.55
    visit_after_answer: float = 0.25
    accept_seconds: float = 25
    accept_sigma: float = 0.6
    declines: float = 0.12
    leave_seconds: float = 60
    way_sigma: float = 0.25
    """Of the real way against the reckoned one."""
    at_home_minutes: float = 20


HABITS = Habits()
CODES = {"cause": "C12", "verification": "V4", "actions": ("A2",), "outcome": "O1", "truth": "unknown"}


def absences(site: Site, rng: np.random.Generator, days: int, *, covered: float) -> list[Absence]:
    """Who falls ill, when, and who stands in: somebody of the same role who is not ill that day."""
    zone = Registry(site).zone
    first = START.astimezone(zone).date()
    ill: dict[str, set[int]] = {}
    spells: list[tuple[str, int, int]] = []
    for staff in site.staff:
        for day in range(days):
            if rng.random() < HABITS.ill_per_day / 2 and day not in ill.get(staff.id, set()):
                length = int(rng.integers(1, 4))
                spells.append((staff.id, day, length))
                ill.setdefault(staff.id, set()).update(range(day, day + length))
    roles: dict[Role, list[str]] = {}
    for staff in site.staff:
        roles.setdefault(staff.role, []).append(staff.id)
    role_of = {s.id: s.role for s in site.staff}
    out = []
    for who, day, length in spells:
        others = [
            p
            for p in roles[role_of[who]]
            if p != who and not ill.get(p, set()) & set(range(day, day + length))
        ]
        cover = others[int(rng.integers(len(others)))] if others and rng.random() < covered else None
        out.append(
            Absence(
                staff=who,
                from_=str(first + timedelta(days=day)),
                to=str(first + timedelta(days=day + length - 1)),
                cover=cover,
            )
        )
    return out


@dataclass
class Month:
    """One month: the desk, what is to happen, and what is written down."""

    site: Site
    rng: np.random.Generator
    days: int
    now: datetime = START
    queue: list[tuple[datetime, int, Callable[[], None]]] = field(default_factory=list)
    order: Any = field(default_factory=itertools.count)
    log: list[Transition] = field(default_factory=list)
    going: set[tuple[str, str]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.registry = Registry(self.site)
        self.desk = Desk(self.registry, numbers=itertools.count(1).__next__)
        self.people = set(self.registry.staff)

    def at(self, when: datetime, what: Callable[[], None]) -> None:
        heapq.heappush(self.queue, (when, next(self.order), what))

    def after(self, seconds: float, what: Callable[[], None]) -> None:
        self.at(self.now + timedelta(seconds=seconds), what)

    def spread(self, middle: float, sigma: float) -> float:
        return float(middle * np.exp(self.rng.normal(0, sigma)))

    def run(self) -> None:
        """Let the month pass: what people do and what the desk's timers do, in the order of time."""
        end = START + timedelta(days=self.days)
        while True:
            due = self.desk.next_due()
            nxt = self.queue[0][0] if self.queue else None
            when = min((t for t in (due, nxt) if t is not None), default=None)
            if when is None or when > end + timedelta(hours=2):
                return
            self.now = max(self.now, when)
            if nxt is not None and nxt <= when:
                heapq.heappop(self.queue)[2]()
            else:
                self.keep(self.desk.tick(self.now))
            if len(self.desk.alerts) > 200:
                self.desk.forget(self.now)

    def keep(self, transitions: list[Transition]) -> None:
        for t in transitions:
            self.desk.apply(t)
            self.log.append(t)
            for event in t.events:
                if isinstance(event, Told):
                    for d in event.deliveries:
                        self.paged(t.alert, d.person, d.purpose)
                elif isinstance(event, Dispatched):
                    for who in event.responders:
                        self.asked(t.alert, who, HABITS.declines)

    def give(self, alert: str, command: Command, actor: str, **more: Any) -> bool:
        try:
            done = self.desk.command(alert, Order(command=command, actor=actor, **more), self.now)
        except NotAllowed:
            return False
        if done.events:
            self.keep([done])
        return True

    # -- people --

    def paged(self, alert: str, person: str, purpose: Purpose) -> None:
        staff = self.registry.staff.get(person)
        if staff is None or self.rng.random() < HABITS.misses_page:
            return
        if purpose is Purpose.acknowledge:
            self.after(
                self.spread(HABITS.acknowledge_seconds, HABITS.acknowledge_sigma),
                lambda: self.take(alert, person),
            )

    def take(self, alert: str, person: str) -> None:
        case = self.desk.get(alert)
        if case is None or not case.unanswered or not self.give(alert, Command.acknowledge, person):
            return
        self.after(HABITS.call_seconds, lambda: self.ring(alert, person))

    def ring(self, alert: str, person: str, *, again: bool = False) -> None:
        answered = self.rng.random() < HABITS.answers

        def hang_up() -> None:
            result = "answered" if answered else "no_answer"
            self.give(alert, Command.call, person, to="home", result=result)
            case = self.desk.get(alert)
            if case is None or not case.open:
                return
            if answered and self.rng.random() >= HABITS.visit_after_answer:
                self.after(120, lambda: self.give(alert, Command.close, person, **CODES))
            elif answered:
                home = self.registry.homes[case.home]
                near = [n.staff.id for n in nearest(self.registry, home, self.desk.alerts.values(), self.now)]
                if near:
                    self.give(alert, Command.dispatch, person, responders=tuple(near[:2]))
            elif not again:
                self.after(5, lambda: self.ring(alert, person, again=True))

        self.after(HABITS.ring_seconds, hang_up)

    def asked(self, alert: str, person: str, declines: float) -> None:
        if (alert, person) in self.going:
            return
        wait = self.spread(HABITS.accept_seconds, HABITS.accept_sigma)
        if self.rng.random() < declines:
            self.after(wait, lambda: self.give(alert, Command.decline, person))
        else:
            self.after(wait, lambda: self.accept(alert, person))

    def accept(self, alert: str, person: str) -> None:
        case, staff = self.desk.get(alert), self.registry.staff[person]
        if case is None or not case.open or not self.give(alert, Command.accept, person):
            return
        self.going.add((alert, person))
        home, start = self.registry.homes[case.home], whereabouts(self.registry, staff)
        way = walk_minutes(start, home) if start is not None else 15.0
        real = self.spread((way or 15.0) * 60, HABITS.way_sigma) + HABITS.leave_seconds
        self.after(HABITS.leave_seconds, lambda: self.give(alert, Command.depart, person))
        self.after(real, lambda: self.arrive(alert, person))

    def arrive(self, alert: str, person: str) -> None:
        self.give(alert, Command.arrive, person)
        self.after(HABITS.at_home_minutes * 60, lambda: self.give(alert, Command.close, person, **CODES))


def alarms(month: Month) -> None:
    """Red cases through the month, more by day than by night."""
    homes = month.site.homes
    count = int(month.rng.poisson(HABITS.red_per_home_month * len(homes) * month.days / 30))
    for n in range(count):
        home = homes[int(month.rng.integers(len(homes)))]
        hour = float(month.rng.triangular(0, 13, 24))
        at = START + timedelta(days=int(month.rng.integers(month.days)), hours=hour)

        def press(n: int = n, home: Any = home, at: datetime = at) -> None:
            name = f"alarm{n}"
            found = Finding(
                event_id=content_id(name), finding=name, phase=Phase.opened, at=at, onset_at=at, rule="SOS1",
                rule_version=1, code="SOS1", level=Level.red, home=home.id, cause="sos", pictogram="sos",
                title={"zh": "SOS", "en": "SOS"}, life=True, device="b",
                evidence=[Evidence(device="b", quantity="sos", value=True, at=at)],
            )  # fmt: skip
            month.keep(month.desk.on_finding(found, month.now))

        month.at(at, press)


def share(part: int, whole: int) -> float | None:
    return round(100 * part / whole, 1) if whole else None


def measure(site: Site, seed: int, days: int) -> dict[str, Any]:
    """One month of this site, and what came of it."""
    month = Month(site, np.random.default_rng(seed), days)
    alarms(month)
    roster = Roster(month.registry)
    covered = looked = 0
    holes: dict[str, int] = {}
    at = START
    while at < START + timedelta(days=days):
        for c in coverage(month.registry, [], at, ask=False):
            looked += 1
            covered += c.within
            if not c.within:
                holes[c.home.id] = holes.get(c.home.id, 0) + 1
        at += LOOK
    month.run()
    cases: dict[str, dict[str, datetime]] = {}
    sent_by_service = nobody = 0
    for t in month.log:
        case = cases.setdefault(t.alert, {})
        for e in t.events:
            word = type(e).__name__
            if isinstance(e, Raised | Dispatched) or word in ("Acknowledged", "Called", "Arrived", "Closed"):
                case.setdefault(word, e.at)
            sent_by_service += isinstance(e, Dispatched) and e.by == "anxin"
            nobody += isinstance(e, NobodyThere)

    def within(word: str, seconds: float, of: list[dict[str, datetime]]) -> float | None:
        kept = sum(1 for c in of if word in c and (c[word] - c["Raised"]).total_seconds() <= seconds)
        return share(kept, len(of))

    every = list(cases.values())
    asked = [c for c in every if "Dispatched" in c or "Arrived" in c]
    # Reached by telephone after all, and called back on the way: nobody was late there.
    sent = [c for c in asked if "Arrived" in c or "Closed" not in c]
    ways = sorted((c["Arrived"] - c["Raised"]).total_seconds() / 60 for c in sent if "Arrived" in c)
    gaps = roster.gaps(START, START + timedelta(days=days))
    return {
        "cases": len(every),
        "sent": len(sent),
        "called_back": len(asked) - len(sent),
        "covered_percent": share(covered, looked),
        "uncovered_home_hours": round((looked - covered) * LOOK / timedelta(hours=1), 1),
        "homes_ever_uncovered": len(holes),
        "rota_holes": len(gaps),
        "rota_hole_hours": round(sum((g.end - g.start) / timedelta(hours=1) for g in gaps), 1),
        "acknowledged_60s": within("Acknowledged", 60, every),
        "acknowledged_180s": within("Acknowledged", 180, every),
        "called_60s": within("Called", 60, every),
        "on_site_10min": within("Arrived", 600, sent),
        "on_site_median_min": round(median(ways), 1) if ways else None,
        "on_site_p95_min": round(ways[int(0.95 * (len(ways) - 1))], 1) if ways else None,
        "not_closed": sum(1 for c in every if "Closed" not in c),
        "sent_by_the_service": sent_by_service,
        "steps_with_nobody": nobody,
    }


def without_wardens(site: Site) -> Site:
    """The rota without neighbours who can be rung at any hour."""
    gone = {s.id for s in site.staff if s.role is Role.neighbour}
    return msgspec.structs.replace(
        site,
        staff=[s for s in site.staff if s.id not in gone],
        shifts=[s for s in site.shifts if not gone.intersection(s.people)],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--homes", type=int, default=300)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    whole = generate(given.homes, seed=given.seed)
    rotas = {"with wardens": whole, "staff alone": without_wardens(whole)}
    found: dict[str, dict[str, Any]] = {}
    for name, site in rotas.items():
        for plan, covered in (
            ("nobody ill", None),
            ("ill, nobody stands in", 0.0),
            ("ill, stood in for", HABITS.stand_in),
        ):
            ill = (
                []
                if covered is None
                else absences(site, np.random.default_rng(given.seed + 1), given.days, covered=covered)
            )
            found[f"{name}, {plan}"] = measure(
                msgspec.structs.replace(site, absences=ill), given.seed + 2, given.days
            )
            print(f"{name}, {plan}: {json.dumps(found[f'{name}, {plan}'])}", flush=True)
    responders = sum(1 for s in whole.staff if s.role in RESPONDER_ROLES)
    result = {
        "what": "a month of duty with absences, virtual time",
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"python": platform.python_version(), "system": platform.system()},
        "homes": given.homes,
        "days": given.days,
        "seed": given.seed,
        "responders": responders,
        "habits": HABITS.__dict__,
        "months": found,
    }
    if given.out is not None:
        given.out.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
