"""Homes and areas that are not heard: one finding for each loss, and what it covers. Start at `_step_outage`."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Final

from care.messages import Evidence, Finding
from care.words import Kind, Phase
from rules.areas import Verdict
from rules.catalog import Shape, Subject
from rules.episodes import NEVER_HEARD, RELEASE, SPACING
from rules.findings import Particulars
from rules.limits import as_limits, in_force
from rules.live import Instance, LiveDevice, LiveHome, Trigger, silent_since
from rules.memory import (
    ACTIVE,
    IDLE,
    Dark,
    Incident,
    moment,
)
from rules.outage import (
    SHOWN,
    gateways,
    is_over,
    loss_of,
    missing_since,
    never_heard,
    silence_of,
    silent_devices,
)
from rules.presses import Presses

NEAR: Final = "near"
"""A detector of a home speaks, which may bear out another one's above or below."""
AREA: Final = "TE5"
"""The outage of a building or of the community."""


class Outages(Presses):
    """Follows homes that go dark and come back."""

    def _look_at_home(self, home: LiveHome, at: int, out: list[Finding]) -> None:
        if home.outage is not None:
            self._evaluate(home.outage, max(home.outage.episode.seen, at), None, out)
        if self._news:
            self._settle(out)

    def _step_outage(self, instance: Instance, at: int, trigger: Trigger | None, out: list[Finding]) -> None:
        """Whether a home is heard. Told once it is lost; its part in an area's outage is told there instead."""
        view, episode, home = self._view, instance.episode, instance.home
        memory = home.memory
        loss, next_look = loss_of(home, at, instance.limits)
        if memory.dark is not None and is_over(home, memory.dark, loss):
            if episode.phase == ACTIVE:
                self._clear(instance, at, trigger, out)
            self._end_dark(home, at)
            loss, next_look = loss_of(home, at, instance.limits)
        dark = memory.dark
        if dark is None:
            if loss is None:
                view.wake(next_look)
                return
            dark = memory.dark = Dark(loss.since, loss.gateway)
            self._areas.remember(home.name, dark, memory.incident)
            self._tell_area(home, at, "dark")
        elif loss is not None and loss.gateway and not dark.gateway:
            dark.gateway = True
        episode.seen = max(episode.seen, at)
        counts_at = dark.since + self._settling
        if not dark.counted and at >= counts_at:
            dark.counted = True
            self._tell_area(home, at, "dark")
        elif not dark.counted:
            view.wake(counts_at)
        due = dark.alone_at or (loss.due if loss is not None else dark.since)
        if at < due and not dark.lost:
            view.wake(due)
            return
        if not dark.lost:
            dark.lost = True
            self._tell_area(home, at, "lost")
        if self._areas.incident_of(home.name) is not None:
            if episode.phase == ACTIVE:
                self._clear(instance, at, trigger, out, "covered")
            return
        if episode.phase == IDLE:
            self._look_around(home, at)
            if self._area_for(home.name) is not None:
                return  # `_settle` makes it part of that area before anything else is told
            episode.onset = dark.since
        self._rise(instance, at, episode.onset, trigger, out)

    def _look_around(self, home: LiveHome, at: int) -> None:
        """A home is lost by its gateway: those of its building that miss its beats as well are dark with it, when
        together they are an area.

        Without last wills each gateway of a cut has its own moment, by when it spoke last; the first of them already
        shows all of it.
        """
        dark, limits, areas = home.memory.dark, self._limits_of_areas(), self._areas
        if dark is None or not dark.gateway or not limits:
            return
        window = round(limits["within_minutes"] * 1000)
        missing: list[tuple[LiveHome, int]] = []
        known = 0
        for name in areas.of_building(home.name):
            other = self._home(name, greet=False)
            if other is None:
                continue
            theirs = other.memory.dark
            since = missing_since(other, at, other.outage.limits) if other.outage is not None else None
            if theirs is not None:
                known += (
                    theirs.gateway
                    and theirs.counted
                    and areas.incident_of(name) is None
                    and abs(theirs.since - dark.since) <= window
                )
            elif since is not None and abs(since - dark.since) <= window:
                missing.append((other, since))
        if not missing or known + len(missing) < limits["gateways_least"]:
            return
        for other, since in missing:
            other.memory.dark = Dark(since, gateway=True, counted=True)
            areas.remember(other.name, other.memory.dark, other.memory.incident)
            self._tell_area(other, at, "dark")

    @property
    def _settling(self) -> int:
        """How long a home must be dark before it counts for its area (ms)."""
        return int(self._limits_of_areas().get("settle_seconds", 60) * 1000)

    def _limits_of_areas(self) -> dict[str, Any]:
        if self._area_limits is None:
            rule = self.rulebook.rules.get(AREA)
            self._area_limits = {}
            if rule is not None:
                given = in_force(rule, self.registry, home=None, resident=None, device=None, kind="")
                self._area_limits = as_limits(rule, given)
        return self._area_limits

    def _tell_area(self, home: LiveHome, at: int, what: str) -> None:
        self._dirty.add(home.name)
        self.health_changed.add(home.name)
        self._news.append((at, home.name, what))

    def _end_dark(self, home: LiveHome, at: int) -> None:
        memory = home.memory
        if memory.dark is not None and (memory.dark.lost or memory.dark.alone_at):
            memory.back_at = at
        memory.dark = None
        self._areas.remember(home.name, None, memory.incident)
        self._tell_area(home, at, "back")

    def _settle(self, out: list[Finding]) -> None:
        """What a home that went dark or came back means for its area and for its own devices, in order."""
        while self._news:
            at, name, what = self._news.pop(0)
            home = self._home(name)
            if home is None:
                continue
            if what.startswith(RELEASE):
                self._release(home, home.devices[what[len(RELEASE) :]], out)
                continue
            if what == NEAR:
                self._tell_neighbours(name, at, out)
                continue
            if what == NEVER_HEARD:
                self._tell_never_heard(home, at, out)
                continue
            if what == "back":
                for anchor in sorted(self._areas.incidents):
                    if name in self._areas.incidents[anchor].members:
                        self._check_incident(anchor, at, out)
            elif home.memory.dark is not None and self._areas.incident_of(name) is None:
                self._judge_area(name, at, out)
            if what != "dark":
                for instance in sorted(home.instances.values(), key=lambda i: (i.rule.order, i.key)):
                    if instance.rule.doc.shape is Shape.absence:
                        self._evaluate(instance, max(instance.episode.seen, at), None, out)

    def _tell_never_heard(self, home: LiveHome, at: int, out: list[Finding]) -> None:
        """The first of a home's devices is due and none was ever heard: told once."""
        silent = never_heard(home)
        notice = self._notice(home, NEVER_HEARD, None) if silent else None
        if notice is not None and notice.episode.phase != ACTIVE:
            since = min(d.memory.known_at or at for d in silent)
            self._note(notice, at, silence_of(silent[0], since), out, onset=since)
            notice.episode.evidence = [silence_of(d, d.memory.known_at or at) for d in silent[:SHOWN]]

    def _tell_neighbours(self, name: str, at: int, out: list[Finding]) -> None:
        """Smoke here: whoever above or below waits for such news looks again."""
        for other in self._areas.above_and_below(name):
            home = self._home(other)
            for instance in list(home.instances.values()) if home is not None else ():
                if instance.episode.phase != IDLE and instance.rule.asks_near:
                    self._evaluate(instance, max(instance.episode.seen, at), None, out)

    def _area_for(self, name: str) -> tuple[Verdict, LiveHome] | None:
        """The area that a dark home is or becomes part of, and who holds it; None while it is this home alone."""
        limits = self._limits_of_areas()
        verdict = self._areas.verdict(name, limits) if limits else None
        if verdict is None:
            return None
        taken = self._areas.incidents
        anchor = verdict.anchor or next(
            (h for h in self._areas.welfare_list(verdict.homes) if h not in taken), None
        )
        holder = self._home(anchor) if anchor is not None else None
        return (verdict, holder) if holder is not None else None

    def _judge_area(self, name: str, at: int, out: list[Finding]) -> None:
        """Join, widen or begin an incident for a home that is dark; nothing when it is this home alone."""
        found = self._area_for(name)
        if found is None:
            return
        verdict, holder = found
        anchor = holder.name
        incident = holder.memory.incident
        if incident is None:
            incident = holder.memory.incident = Incident(verdict.building)
        incident.building = verdict.building
        self._areas.remember(anchor, holder.memory.dark, incident)
        for member in verdict.homes:
            self._enter(anchor, incident, member, at)
        self._dirty.add(anchor)
        instance = self._notice(holder, AREA, None)
        if instance is not None:
            self._evaluate(instance, max(instance.episode.seen, at), None, out)
        for member in verdict.homes:
            home = self._home(member)
            if home is not None and home.outage is not None:
                self._evaluate(home.outage, max(home.outage.episode.seen, at), None, out)

    def _enter(self, anchor: str, incident: Incident, member: str, at: int) -> None:
        home = self._home(member)
        if home is None or home.memory.dark is None:
            return
        dark = home.memory.dark
        dark.area = anchor
        incident.members.setdefault(member, dark.since)
        self._areas.remember(member, dark, home.memory.incident)
        self._dirty.add(member)
        if not dark.lost:
            dark.lost = True
            self._tell_area(home, at, "lost")

    def _step_area(self, instance: Instance, at: int, trigger: Trigger | None, out: list[Finding]) -> None:
        """The finding of an incident: opened with what is known, changed at most once a minute as it grows."""
        view, episode = self._view, instance.episode
        incident = instance.home.memory.incident
        if incident is None:
            return
        if episode.phase == IDLE:
            episode.onset = min(incident.members.values(), default=at)
            incident.told = len(incident.members)
            self._rise(instance, at, at, trigger, out)
        elif len(incident.members) > incident.told:
            due = episode.last_at + SPACING
            if at < due:
                view.wake(due)
                return
            episode.last_at = at
            incident.told = len(incident.members)
            self._emit(instance, Phase.changed, at, "evidence", trigger, out)

    def _check_incident(self, anchor: str, at: int, out: list[Finding]) -> None:
        """End an incident when enough of its homes are back; the others are told by themselves again."""
        holder = self._home(anchor)
        incident = self._areas.incidents[anchor]
        if holder is None or not self._areas.is_over(incident, anchor, self._limits_of_areas()):
            return
        instance = holder.instances.get(f"{AREA}|{anchor}")
        if instance is not None and instance.episode.phase == ACTIVE:
            self._clear(instance, at, None, out)
        for name in self._end_incident(holder, at):
            home = self._home(name)
            if home is not None and home.outage is not None:
                self._evaluate(home.outage, max(home.outage.episode.seen, at), None, out)

    def _end_incident(self, holder: LiveHome, at: int) -> list[str]:
        """Forget an incident; gives the homes that are still dark. They are told by themselves if they stay so a while."""
        alone_at = at + round(self._limits_of_areas().get("return_seconds", 60) * 1000)
        incident, holder.memory.incident = holder.memory.incident, None
        self._areas.remember(holder.name, holder.memory.dark, None)
        self._dirty.add(holder.name)
        dark: list[str] = []
        for name in sorted(incident.members) if incident is not None else ():
            home = self._home(name)
            if home is not None and home.memory.dark is not None and home.memory.dark.area == holder.name:
                home.memory.dark.area = ""
                home.memory.dark.lost = False  # it is looked at again by itself
                home.memory.dark.alone_at = alone_at
                self._dirty.add(name)
                dark.append(name)
        return dark

    def _particulars(self, instance: Instance, at: int) -> Particulars:
        """Whom an outage takes: the devices of a home, the homes of an area."""
        home = instance.home
        if instance.rule.id == NEVER_HEARD:
            silent = never_heard(home)
            told = [
                silence_of(d, d.memory.known_at or at) for d in silent[:SHOWN]
            ] or instance.episode.evidence
            return Particulars(
                device=None,
                words={"area": "", "homes": 1, "count": len(silent) or len(told)},
                parameters={"devices": [d.name for d in silent] or [e.device for e in told]},
                evidence=told,
            )
        if instance.rule.doc.on.subject is not Subject.area:
            lost = next((g for g in gateways(home) if silent_since(g) is not None), None)
            by_gateway = home.memory.dark is not None and home.memory.dark.gateway
            silent = silent_devices(home, at)
            return Particulars(
                device=lost.name if lost is not None and by_gateway else None,
                words={"area": "", "homes": 1},
                parameters={"devices": [d.name for d in silent]},
                evidence=[silence_of(d, silent_since(d) or at) for d in silent[:SHOWN]],
            )
        incident = home.memory.incident or Incident("")
        members = self._areas.welfare_list(incident.members)
        evidence: list[Evidence] = []
        for name in members[:SHOWN]:
            site = self.registry.homes.get(name)
            gateway = next((d.id for d in site.devices if d.kind is Kind.gateway), None) if site else None
            evidence.append(
                Evidence(
                    device=gateway or name, quantity="silence", value=None, at=moment(incident.members[name])
                )
            )
        return Particulars(
            device=None,
            words={"area": incident.building or self.registry.site.community.name, "homes": len(members)},
            parameters={
                "area": incident.building or self.registry.site.community.id,
                "homes": members,
                "back": sorted(h for h in members if self._areas.incident_of(h) != home.name),
            },
            evidence=evidence,
        )

    @abstractmethod
    def _release(self, home: LiveHome, device: LiveDevice, out: list[Finding]) -> None:
        """Take in what a flooding device said last."""
