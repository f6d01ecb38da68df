"""Watches the rota: nobody on duty in a micro-grid or at the desk, now and in the next two weeks (domain TE8). Pure.

`duty_findings` gives what must be said at this moment: a finding opened for each hole that is there and for each
place whose rota has holes ahead, cleared when it is over or mended. One place is one case, cause `duty:PLACE`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from alerts.alert import Alert
from alerts.events import FindingView
from alerts.roster import DESK, Gap, Roster
from care.ids import content_id, iso
from care.messages import Finding
from care.words import Condition, Level, Phase

CODE = "TE8"
CAUSE = "duty:"
AHEAD = timedelta(days=14)
"""How far ahead the rota is looked at."""
EVERY = timedelta(minutes=1)
"""How often (the rule asks for ten minutes; a minute costs nothing)."""
LISTED = 20
"""Holes ahead named in one finding."""
HORIZON = timedelta(days=2)
"""How far the end of a hole that is there is looked for."""


def next_change(roster: Roster, now: datetime) -> datetime:
    """When a hole of the rota next begins or ends: at that very moment it is said."""
    edges = [t for g in roster.gaps(now, now + HORIZON) for t in (g.start, g.end) if now < t < now + HORIZON]
    return min(edges, default=now + HORIZON)


def watched(roster: Roster, gap: Gap) -> bool:
    """Whether a hole is one of the rota: some of those who answer for the place have shifts or are away."""
    return any(roster.has_shifts(p) for p in gap.people)


def _place(roster: Roster, place: str) -> str:
    if place == DESK:
        return "值班席"
    found = roster.registry.micro_grids.get(place)
    return found[1].name if found is not None else place


def _clock(roster: Roster, at: datetime) -> str:
    local = at.astimezone(roster.registry.zone)
    return f"{local.month} 月 {local.day} 日 {local:%H:%M}"


def _finding(
    roster: Roster, name: str, kind: str, now: datetime, title: dict[str, str], holes: list[Gap]
) -> Finding:
    place = holes[0].place
    return Finding(
        event_id=content_id(name, "opened"),
        finding=name,
        phase=Phase.opened,
        at=now,
        onset_at=min(now, holes[0].start),
        rule=CODE,
        rule_version=1,
        code=CODE,
        level=Level.yellow,
        home=roster.registry.site.community.id,
        cause=CAUSE + place,
        pictogram="other",
        title=title,
        parameters={
            "kind": kind,
            "place": place,
            "holes": [{"from": iso(g.start), "to": iso(g.end)} for g in holes[:LISTED]],
            "people": list(holes[0].people),
        },
    )


def duty_findings(
    roster: Roster,
    alerts: Iterable[Alert],
    now: datetime,
    *,
    ahead: timedelta | None = AHEAD,
    desk: bool = True,
) -> list[Finding]:
    """What the rota makes us say now. `alerts` are the cases there are; what they know already is not said again."""
    cases = [a for a in alerts if a.cause.startswith(CAUSE)]
    told = [(a, f) for a in cases for f in a.findings if f.code == CODE and f.condition is Condition.active]
    gaps = [
        g
        for g in roster.gaps(now - HORIZON, now + (ahead or HORIZON))
        if g.end > now and watched(roster, g) and (desk or g.place != DESK)
    ]
    local = now.astimezone(roster.registry.zone)
    wanted: dict[str, Finding] = {}
    for gap in (g for g in gaps if g.start <= now):
        known = next(
            (f for a, f in told if a.cause == CAUSE + gap.place and f.parameters.get("kind") == "now"), None
        )
        # A hole that outlives its closed case is said again the next day.
        name = known.finding if known else content_id(CODE, gap.place, iso(gap.start), str(local.date()))
        zh = f"{_place(roster, gap.place)}无人值班，到 {_clock(roster, gap.end)}"
        en = f"nobody on duty: {gap.place}, until {iso(gap.end)}"
        wanted[name] = _finding(roster, name, "now", now, {"zh": zh, "en": en}, [gap])
    if ahead is not None:
        week = local.isocalendar()
        by_place: dict[str, list[Gap]] = {}
        for gap in (g for g in gaps if g.start > now):
            by_place.setdefault(gap.place, []).append(gap)
        for place, holes in by_place.items():
            # Once a week, not once a day as the two weeks move on.
            name = content_id(CODE, "ahead", place, f"{week.year}-{week.week}")
            zh = f"{_place(roster, place)}排班有 {len(holes)} 段无人，最早 {_clock(roster, holes[0].start)}"
            en = f"holes in the rota: {place}, {len(holes)}, first {iso(holes[0].start)}"
            wanted[name] = _finding(roster, name, "ahead", now, {"zh": zh, "en": en}, holes)
    heard = {f.finding for _, f in told}
    over = [
        f
        for _, f in told
        if f.finding not in wanted and (ahead is not None or f.parameters.get("kind") == "now")
    ]
    return [
        *(f for name, f in wanted.items() if name not in heard),
        *(_cleared(roster, f, now) for f in over),
    ]


def _cleared(roster: Roster, view: FindingView, now: datetime) -> Finding:
    place = str(view.parameters.get("place", ""))
    return Finding(
        event_id=content_id(view.finding, "cleared", iso(now)),
        finding=view.finding,
        phase=Phase.cleared,
        at=now,
        onset_at=view.onset_at,
        rule=CODE,
        rule_version=1,
        code=CODE,
        level=view.level,
        home=roster.registry.site.community.id,
        cause=CAUSE + place,
        pictogram="other",
        title=view.title,
        condition=Condition.cleared,
        parameters=view.parameters,
    )
