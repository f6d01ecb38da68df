"""Everything the API holds while it runs: the picture, the live channels, who is signed in, and what to say to whom.

`House` is what the routes talk to. `announce` turns a changed case into one event per view; `snapshot` is a view from
nothing; `carry_out` makes a person's order durable with a compare-and-set on the case's log, so that of two desks
one wins and the other is told. `folds` feeds it.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import msgspec
from structlog import get_logger

from alerts.alert import Alert
from alerts.cases import case_rules
from alerts.commands import InLine, append, outgoing, read_log
from alerts.events import Transition, subject_of
from alerts.kept import Mirror
from alerts.orders import No, NotAllowed, Order
from alerts.proposing import propose
from alerts.roster import roster_of
from alerts.rotaasks import RotaAsk
from alerts.rotanews import NoteFate
from alerts.upkeep import visits_due
from care import disk, schematic
from care.ages import USUAL, Ages
from care.clock import Clock
from care.errors import Conflict, Temporary
from care.guessing import Guesses
from care.ids import iso
from care.messages import HomeHealth, Refusal, Report, Unclaimed
from care.site import Device, Home, HomeOrders, Override, Registry, Replay, Resident, RotaChange, Site
from care.stream import Stream
from care.words import Kind, Level, Role
from dashboard_api import access, figures, present, redact, wording
from dashboard_api.afar import Simulator
from dashboard_api.history import History
from dashboard_api.live import Channel, Hub, Key
from dashboard_api.metrics import Metrics
from dashboard_api.people import People, User, Who
from dashboard_api.picture import SCREEN_SILENT, Case, Picture, rebuilt
from dashboard_api.redact import Json, Viewer

log = get_logger("api")

COMMAND_TRIES = 12
"""How often an order is decided again because another process was faster; our own stand in line."""
LOG_SECONDS = 5.0
"""How long reading one case's log may take."""
COMPONENT_SILENT = 6.0
"""Three missed beats of 2 s: the role is not there."""
ROLES = ("ingest", "rules", "alerts", "notify", "recorder")
NEXT_VISITS = 3
NEEDED = ("stream", "alerts_log", "people", "ingest")
"""Parts without which there is nothing to say, or nobody is heard: a broker of somebody else drops what is published
before ingest's session is there."""


class AcceptReading(Protocol):
    """The second way in: decode a payload as the gateway would, and make it durable before returning.

    Gives what the normalizer made of it. Raises care.errors.Temporary when it could not be made durable.
    """

    def __call__(
        self, topic: str, payload: bytes, received_at: datetime
    ) -> Awaitable[Sequence[Report | Refusal | Unclaimed]]: ...


class Tried(NamedTuple):
    """The result of a trial, and when it was."""

    at: datetime
    replay: Replay


class TryRules(Protocol):
    """A change of rules or limits over the past.

    Raises care.errors.Misconfigured with a sentence when it cannot be tried, Refused when it is too much, Temporary
    when it cannot be tried now.
    """

    def __call__(
        self,
        *,
        site: Site,
        begin: datetime,
        end: datetime,
        limits: dict[str, bool | int | float | str],
        resident: str | None,
        rules: str | None,
        orders: HomeOrders | None = None,
    ) -> Awaitable[Json]: ...


class ClaimDevice(Protocol):
    """Put a device that publishes into the site file and load that; gives the device and its line.

    Raises care.errors.Conflict when the topic is somebody's already, Misconfigured with a sentence when it cannot be
    entered, Temporary when the file was written and could not be loaded.
    """

    def __call__(
        self, topic: str, *, home: str, kind: Kind, room: str, name: str, resident: str, model: str
    ) -> Awaitable[tuple[Device, int]]: ...


class WhyNot(Protocol):
    """Why a limit may not be set so (rules.refusals.No)."""

    @property
    def zh(self) -> str: ...
    def said(self) -> dict[str, str]: ...


class MaySet(Protocol):
    """What is to be said about a temporary limit (rules.overrides.Verdict)."""

    @property
    def refused(self) -> WhyNot | None: ...
    @property
    def forbidden(self) -> bool: ...
    @property
    def second(self) -> bool: ...


class LimitsOfResidents(Protocol):
    """What is in force for a resident, and who may set it otherwise for a while (rules.overrides.Limits)."""

    def now(
        self, registry: Registry, home: Home, resident: Resident, orders: HomeOrders, at: datetime
    ) -> list[Json]: ...

    def check(
        self, registry: Registry, home: Home, resident: Resident, override: Override, role: Role
    ) -> MaySet: ...


@dataclass(slots=True)
class _Said:
    """What was last said of a case, so that a snapshot need not work it out again."""

    position: int
    at: datetime
    desk: Json


@dataclass
class House:
    """See the module's docstring."""

    stream: Stream
    clock: Clock
    people: People
    metrics: Metrics
    hub: Hub
    public_url: str
    demo: bool
    build: str
    started_at: datetime
    upkeep: Mirror
    """Visits, device tests and test messages as they are known."""
    history: History | None = None
    rules: Callable[[], list[dict[str, Any]]] | None = None
    accept_reading: AcceptReading | None = None
    push_hosts: Sequence[str] = ()
    pushes: dict[str, Sequence[str]] = field(default_factory=dict)
    """Everybody's browsers, among the channels of the registry."""
    rota: dict[str, RotaChange] = field(default_factory=dict)
    """Changes of the rota by id, the withdrawn among them."""
    rota_asks: dict[str, RotaAsk] = field(default_factory=dict)
    """What responders asked of the rota, by id."""
    rota_told: dict[str, NoteFate] = field(default_factory=dict)
    """What became of the messages about both, by id."""
    try_rules: TryRules | None = None
    tried: dict[tuple[str, str, object], Tried] = field(default_factory=dict)
    """The last trials of one limit of one resident: what is set after one keeps its result."""
    simulator: Simulator | None = None
    """What feeds this service is pretended: every screen says so."""
    limits: LimitsOfResidents | None = None
    claim: ClaimDevice | None = None
    """None: no site file is named in the settings, so there is nothing to write into."""
    kept: Ages = USUAL
    """How long history is kept."""
    photos_of: Callable[[str, str], Json] = lambda _alert, _home: {}
    """What is to be said about photographs of a case: (alert, home) → fields of its JSON."""
    guesses: Guesses = field(default_factory=Guesses)
    picture: Picture = field(default_factory=Picture)
    caught_up: asyncio.Event = field(default_factory=asyncio.Event)
    """The alert log has been read to its end once."""
    registered: asyncio.Event = field(default_factory=asyncio.Event)
    history_ok: bool = False
    stream_ok: bool = True
    data: Path | None = None
    """The folder of what this service stores; None: nobody asks how full its disk is."""
    room: tuple[int, int] | None = None
    """Bytes free and in all on that disk; None until somebody has looked."""
    readings_position: int = 0
    quarantine_position: int = 0
    working_on: int = 0
    """The position of the alert log that is being folded, and how often that failed."""
    failures: int = 0
    _said: dict[str, _Said] = field(default_factory=dict)
    _in_line: InLine = field(default_factory=InLine)
    _shown: dict[Key, set[str]] = field(default_factory=dict)
    _last: dict[tuple[Key, str], str] = field(default_factory=dict)

    # -- who --------------------------------------------------------------------------------------------------

    def name_of(self, who: str) -> str:
        """The name behind an id of the log."""
        return present.names(self.picture.registry, self._sign_in_name)(who)

    def _sign_in_name(self, user: str) -> str | None:
        known = self.people.users.get(user)
        return (known.display or known.name) if known is not None else None

    def viewer(self, user: User, view: str) -> Viewer:
        """What somebody is in a view."""
        if view == "responder":
            return Viewer("responder", user.staff)
        if view == "family":
            found = self.picture.registry.contacts.get(user.contact or "")
            return redact.relative(found[0], found[1].id) if found is not None else Viewer("family")
        return at_desk(user.role) if view == "desk" else Viewer(view)

    def me(self, who: Who) -> Json:
        """Who is signed in, for the screens."""
        community = self.picture.registry.site.community
        staff = self.picture.registry.staff.get(who.user.staff or "")
        until = self.people.until(who.session)
        return {
            "user": who.user.name,
            "name": staff.name if staff is not None else who.user.display or who.user.name,
            "role": who.role.value,
            "staff": who.user.staff,
            "community": {
                "id": community.id,
                "name": community.name,
                "timezone": community.timezone,
                "phone": community.phone or None,
            },
            "demo": self.demo,
            "simulated": self.simulator is not None,
            "build": self.build,
            "session_until": iso(until) if until is not None else None,
        }

    # -- cases ------------------------------------------------------------------------------------------------

    def desk_json(self, case: Case) -> Json:
        """A case in full, as it is now."""
        now = self.clock.now()
        alert = case.alert
        registry = self.picture.registry
        desk = present.alert_json(
            alert,
            registry,
            now,
            name=present.names(registry, self._sign_in_name),
            others=self.picture.at_home(*alert.homes),
        )
        desk |= self.photos_of(alert.id, alert.home)
        self._said[alert.id] = _Said(case.position, now, desk)
        return desk

    def _recent_json(self, case: Case) -> Json:
        said = self._said.get(case.alert.id)
        if (
            said is not None
            and said.position == case.position
            and self.clock.now() - said.at < timedelta(seconds=20)
        ):
            return said.desk
        return self.desk_json(case)

    def alert_for(self, case: Case, viewer: Viewer) -> Json | None:
        """A case as a viewer may see it."""
        return redact.for_view(self.desk_json(case), viewer)

    async def find(self, name: str) -> Case | None:
        """A case by id or number; an old one is read from its log."""
        case = self.picture.cases.get(name)
        if case is not None:
            return case
        if name.isascii() and name.isdecimal() and len(name) < 10:
            number = int(name)
            row = next((r for r in reversed(list(self.picture.rows.values())) if r.number == number), None)
            if row is not None:
                return await self.find(row.id)
        home = self.picture.homes_of.get(name)
        return await self.read_case(home, name) if home is not None else None

    async def read_log(self, home: str, alert: str) -> list[tuple[Transition, int]]:
        """The whole log of one case. Raises Temporary when it cannot be read to its end."""
        try:
            async with asyncio.timeout(LOG_SECONDS):
                return await read_log(self.stream, subject_of(home, alert))
        except TimeoutError:
            raise Temporary("the case's log could not be read") from None

    async def read_case(self, home: str, alert: str) -> Case | None:
        """A case from its log; not kept."""
        found = await self.read_log(home, alert)
        return rebuilt(found) if found else None

    async def refresh(self, home: str, alert: str) -> Case | None:
        """Bring one case up to date at once, without waiting for the fold."""
        found = await self.read_log(home, alert)
        if not found:
            return None
        known = self.picture.cases.get(alert)
        if known is not None and known.position >= found[-1][1]:
            return known
        case = self.picture.restore(found)
        self.announce(case)
        return case

    async def carry_out(self, case: Case, order: Order) -> Case:
        """Decide an order on the case, append the outcome, and tell the screens.

        Raises NotAllowed with the case as it stands, Temporary when the log did not confirm.
        """
        async with self._in_line(case.alert.id):
            return await self._carried_out(case, order)

    async def _carried_out(self, case: Case, order: Order) -> Case:
        alert_id, home = case.alert.id, case.alert.home
        behind = alert_id not in self.picture.cases
        for attempt in range(COMMAND_TRIES):
            if attempt:
                await asyncio.sleep(0.005 * attempt)
            if behind:
                await self.refresh(home, alert_id)
            current = self.picture.cases.get(alert_id)
            if current is None:
                raise NotAllowed(No.unknown_alert, alert_id)
            try:
                change = propose(current.alert, order, roster_of(self.picture.registry), self.clock.now())
            except NotAllowed as no:
                if no.no is not No.version_conflict or behind:
                    raise
                behind = True  # perhaps it is we who are behind, not the person: look before refusing
                continue
            if not change.events:
                return current  # this very order (by its key) was carried out before
            try:
                position = await append(self.stream, change, expect_last=current.position)
            except Conflict:
                behind = True  # the log moved: look again, and let `decide` say whether that matters
                continue
            fresh = self.picture.transition(change, position)
            if fresh is not None:  # else the fold was quicker and has told everybody
                self.announce(fresh, change)
            with contextlib.suppress(Temporary):
                # The worker sees the transition too and queues what we could not: the order stands.
                await self.stream.publish_batch(outgoing(change))
            return self.picture.cases[alert_id]
        raise Temporary("too many at once on this case; try again")

    def peopled(self, registry: Registry) -> Registry:
        """A registry with what is known of its people besides the site file: their browsers, changes of the rota."""
        return registry.with_pushes(self.pushes).with_rota(self.rota.values())

    def registry_changed(self) -> None:
        """Places or people changed: every open case is drawn anew."""
        self._said.clear()
        if self.caught_up.is_set():
            for case in self.picture.open():
                self.announce(case)

    def forget(self) -> None:
        """Let go of what was said of cases that are gone, and of views nobody has open."""
        for name in [n for n in self._said if n not in self.picture.cases]:
            del self._said[name]
        for key in [k for k in self._shown if k not in self.hub.channels]:
            del self._shown[key]

    # -- saying -----------------------------------------------------------------------------------------------

    def announce(self, case: Case, change: Transition | None = None) -> None:
        """Tell every view of a case that has changed."""
        desk = self.desk_json(case)
        for key, channel in list(self.hub.channels.items()):
            viewer = self._viewer_of(key)
            if viewer is None:
                continue
            shown = self._shown.setdefault(key, set())
            seen = redact.for_view(desk, viewer)
            if seen is not None:
                shown.add(case.alert.id)
                channel.publish("alert", text(seen))
            elif case.alert.id in shown:
                shown.discard(case.alert.id)
                channel.publish("alert", text(redact.gone(desk)))
        if change is not None:
            self.metrics.to_screen.observe(max(0.0, (self.clock.now() - change.at).total_seconds()))

    def _viewer_of(self, key: Key) -> Viewer | None:
        if not key.person:
            return Viewer(key.view)
        if key.view == "desk":
            return at_desk(Role(key.person))
        if key.view == "responder":
            return Viewer("responder", key.person)
        found = self.picture.registry.contacts.get(key.person)
        return redact.relative(found[0], found[1].id) if found is not None else None

    def say(self, name: str, whole: Json, *, force: bool = False) -> None:
        """Tell desk and wall something about the whole house, if it is new to them."""
        for channel in [c for c in self.hub.channels.values() if c.key.view in ("desk", "wall")]:
            seen = self._cut(name, whole, channel.key)
            if seen is None:
                continue
            line = text(seen)
            compare = text({k: v for k, v in seen.items() if k != "at"})
            if not force and self._last.get((channel.key, name)) == compare:
                continue
            self._last[channel.key, name] = compare
            channel.publish(name, line)

    @staticmethod
    def _cut(name: str, whole: Json, key: Key) -> Json | None:
        view = key.view
        match name:
            case "duty":
                return redact.duty(whole, view, record=key.person == Role.auditor)
            case "device":
                return redact.device(whole, view)
            case "kpi":
                return {
                    **whole,
                    "kpi": redact.kpi(whole["kpi"], view),
                    "closed": [c for line in whole["closed"] if (c := redact.closed_line(line, view))],
                }
            case _:
                return None

    def heartbeat(self) -> None:
        """The five-second word that the line is alive, with everything by which a screen can doubt it."""
        now = self.clock.now()
        age = self.picture.ingest_age(now, self.started_at)
        lag = self.notify_lag(now)
        parts = {name: part["ok"] for name, part in self.components().items()}
        self.metrics.ingest_age.set(age)
        if lag is not None:
            self.metrics.notify_lag.set(lag)
        for role, beat in self.picture.beats.items():
            self.metrics.lag.labels(role).set(beat.lag_seconds)
        for name, ok in parts.items():
            self.metrics.components.labels(name).set(1 if ok else 0)
        for channel in list(self.hub.channels.values()):
            channel.tell(
                "hb",
                text(
                    {
                        "epoch": channel.epoch,
                        "head": channel.told_head,
                        "now": iso(now),
                        "ingest_age": age,
                        "notify_lag": lag,
                        "build": self.build,
                        "components": parts,
                        "screens": self.watching(),
                    }
                ),
            )

    def snapshot(self, channel: Channel, who: Who) -> str:
        """A view from nothing, with the id from which its events count on."""
        now = self.clock.now()
        key = channel.key
        viewer = self._viewer_of(key) or Viewer("none")
        alerts = []
        shown = self._shown.setdefault(key, set())
        shown.clear()
        for case in self.picture.open():
            seen = redact.for_view(self._recent_json(case), viewer)
            if seen is not None:
                alerts.append(seen)
                shown.add(case.alert.id)
        house = key.view in ("desk", "wall")
        board = self.board(now)
        community = self.picture.registry.site.community
        words = None
        if key.view == "family":
            words = alerts[0]["state_words"] if alerts else "目前没有提醒"
        return text(
            {
                "epoch": channel.epoch,
                "head": channel.head,
                "now": iso(now),
                "build": self.build,
                "view": key.view,
                "community": {"id": community.id, "name": community.name, "timezone": community.timezone},
                "me": redact.me(self.me(who), key.view),
                "alerts": alerts,
                "closed": [c for line in board["closed"] if (c := redact.closed_line(line, key.view))],
                "duty": redact.duty(self.duty(now), key.view, record=viewer.record),
                "kpi": redact.kpi(board["kpi"], key.view) if house else None,
                "protection": board["protection"] if house else None,
                "by_hour": board["by_hour"] if house else [],
                "recent_10min": board["recent_10min"] if house else 0,
                "flood": board["flood"] if house else False,
                "words": words,
            }
        )

    # -- the whole house ----------------------------------------------------------------------------------------

    def open_alerts(self) -> list[Alert]:
        """Open cases."""
        return [c.alert for c in self.picture.open()]

    def open_at(self, home: str) -> list[Alert]:
        """Open cases a home is in: its own, and one of many homes that is kept under another."""
        return [a for a in self.open_alerts() if home in a.homes]

    def open_counts(self) -> Counter[str]:
        """How many open cases each home is in."""
        return Counter(home for a in self.open_alerts() for home in a.homes)

    def about_people(self) -> set[str]:
        """Homes with an open case about how somebody there is: it opens health data (docs/adr/0014)."""
        rules = case_rules()
        return {a.home for a in self.open_alerts() if rules.of_person(a.cause, a.level, test=a.test)}

    def duty(self, now: datetime, home: str | None = None) -> Json:
        """Who is on duty."""
        registry = self.picture.registry
        board = present.duty_json(
            registry, self.open_alerts(), now, home=registry.homes.get(home) if home else None
        )
        return {**board, "chosen": self.chosen(now)}

    def chosen(self, now: datetime) -> Json | None:
        """The open case that somebody at a desk chose last and still looks at: the wall shows it too."""
        seen = [
            (s.chosen_at, s.beat.focus)
            for s in list(self.picture.screens.values())
            if s.chosen_at is not None and s.beat.visible and now - s.at <= SCREEN_SILENT
        ]
        for at, alert in sorted(seen, reverse=True):
            case = self.picture.cases.get(alert)
            if case is not None and case.alert.open:
                return {"alert": alert, "at": iso(at)}
        return None

    def kpi(self, now: datetime, rows: list[figures.CaseRow], *, period: str, cases: bool = False) -> Json:
        """The response figures of some cases."""
        policy = self.picture.registry.site.policy
        found = figures.kpi(
            rows,
            now,
            acknowledge=timedelta(seconds=policy.acknowledge_seconds),
            arrive=timedelta(minutes=policy.arrive_minutes),
            period=period,
            cases=cases,
            visits=self._visits(now),
        )
        return {**found, "protected": self.protection()}

    def _visits(self, now: datetime) -> Json | None:
        registry = self.picture.registry
        policy = registry.site.policy.visits
        if policy is None:
            return None
        due = visits_due(registry, self.upkeep.upkeep, now)
        return figures.visits_today(due, now, registry.zone, policy)

    def _next_visits(self, now: datetime) -> list[Json]:
        """Whom somebody is to look after next, the longest overdue first; those visited today are done."""
        registry = self.picture.registry
        today = now.astimezone(registry.zone).date()
        waiting = (
            due
            for due in visits_due(registry, self.upkeep.upkeep, now)
            if due.last is None or due.last.at.astimezone(registry.zone).date() < today
        )
        return [
            {
                "resident": due.resident,
                "name": resident.name,
                "building": schematic.building_of(home) or home.address,
                "tier": due.tier.value,
                "due": str(due.due),
                "overdue": due.overdue,
            }
            for due in itertools.islice(waiting, NEXT_VISITS)
            for home, resident in [registry.residents[due.resident]]
        ]

    def protection(self) -> dict[str, int]:
        """Homes by protection."""
        homes = [h.id for h in self.picture.registry.homes.values() if not h.simulated]
        return figures.protection(homes, self.picture.health)

    def board(self, now: datetime) -> Json:
        """What the bottom row of the screens shows."""
        zone = self.picture.registry.zone
        month, _ = figures.month(now, zone)
        rows = self.picture.counted()
        kpi = self.kpi(
            now, [r for r in rows if month <= r.raised_at < now + timedelta(seconds=1)], period="本月"
        )
        return {
            "kpi": {**kpi, "next_visits": self._next_visits(now), "tested": figures.last_test(rows)},
            "by_hour": figures.by_hour(rows, now, zone),
            "protection": self.protection(),
            "closed": figures.last_closed(rows),
            "recent_10min": figures.raised_within(rows, now, figures.FLOOD_WINDOW),
            "flood": figures.flooded(rows, now),
        }

    def device_change(self, health: HomeHealth) -> Json:
        """A home whose protection changed."""
        return {
            "home": health.home,
            "protection": health.protection,
            "protection_words": wording.PROTECTION.get(health.protection, health.protection),
            **self.reasons(health),
        }

    def reasons(self, health: HomeHealth | None) -> dict[str, list[str]]:
        """Why a home is not protected in full, in words: what holds for all of it first, then device by device."""
        told = self._reasons(health)
        return {"reasons": [zh for zh, _ in told], "reasons_en": [en for _, en in told]}

    def _reasons(self, health: HomeHealth | None) -> list[tuple[str, str]]:
        if health is None:
            return [wording.NOT_JUDGED]
        out = []
        if health.reason == "nothing" and not health.devices:
            out.append(wording.NO_DEVICES)
        elif health.reason == "no_call" and health.paths.get("call") == "not_fitted":
            out.append(wording.NO_BUTTON)
        elif health.reason:
            why = health.reason
            out.append((wording.UNPROTECTED.get(why, why), wording.UNPROTECTED_EN.get(why, why)))
        if health.resting:
            out.append(wording.RESTING)
        for device in health.devices:
            if device.reason:
                known = self.picture.registry.devices.get(device.device)
                zh, en = wording.device_labels(known[1]) if known is not None else (device.kind, device.kind)
                why, why_en = self.because(device.reason, device.out_until, device.out_by)
                alone = wording.left_alone(health, device) if device.out_until is not None else None
                out.append(
                    (f"{alone[0]}：{zh} {why}", f"{alone[1]}: {en}, {why_en}")
                    if alone is not None
                    else (f"{zh} {why}", f"{en}: {why_en}")
                )
        return out

    def because(self, reason: str, out_until: datetime | None, out_by: str = "") -> tuple[str, str]:
        """Why a device does not protect, in both languages; out of service with its end, by the community's clock, and who."""
        zh, en = wording.REASONS.get(reason, reason), wording.REASONS_EN.get(reason, reason)
        if out_until is None:
            return zh, en
        end = out_until.astimezone(self.picture.registry.zone)
        who = self.name_of(out_by) if out_by else ""
        return (
            f"停用至 {end.month} 月 {end.day} 日 {end:%H:%M}" + (f"（{who}登记）" if who else ""),
            f"out of service until {end.day} {end:%b %H:%M}" + (f" ({who})" if who else ""),
        )

    def out_of_service(self, at: datetime) -> dict[str, list[Json]]:
        """Home → its devices that are still out of service then, with the end, who, and what nothing else guards there."""
        found: dict[str, list[Json]] = {}
        for health in list(self.picture.health.values()):
            for device in health.devices:
                known = self.picture.registry.devices.get(device.device)
                if device.out_until is None or device.out_until <= at or known is None:
                    continue
                alone = wording.left_alone(health, device)
                zh, en = wording.device_labels(known[1])
                found.setdefault(health.home, []).append(
                    {
                        "device": device.device,
                        "place": schematic.building_of(known[0]) or known[0].address,
                        "label": zh,
                        "label_en": en,
                        "until": iso(device.out_until),
                        "by": self.name_of(device.out_by) if device.out_by else None,
                        "alone": alone[0] if alone is not None else None,
                        "alone_en": alone[1] if alone is not None else None,
                    }
                )
        return found

    @staticmethod
    def paths(health: HomeHealth | None) -> list[Json]:
        """The ways from a hazard to a person in this home, and which of them holds."""
        out: list[Json] = []
        for path, why in health.paths.items() if health is not None else ():
            reason, _, device = why.partition(":")
            out.append(
                {
                    "path": path,
                    "words": wording.PATHS.get(path, path),
                    "holds": not why,
                    "reason": reason,
                    "device": device or None,
                }
            )
        return out

    def notify_lag(self, now: datetime) -> float | None:
        """Age of the oldest message that is not sent; grows while the sender is silent. None: never heard of it."""
        beat = self.picture.beats.get("notify")
        if beat is None:
            return None
        silent = (now - beat.at).total_seconds()
        return round(beat.lag_seconds + (silent if silent > COMPONENT_SILENT else 0.0), 1)

    def watching(self) -> dict[str, int]:
        """Which screens somebody could see and hear within the last minute (ux 6.4)."""
        now = self.clock.now()
        there = [s for s in list(self.picture.screens.values()) if now - s.at <= SCREEN_SILENT]
        desks = [s.beat for s in there if s.desk]
        return {
            "desks": len(desks),
            "walls": sum(1 for s in there if s.beat.view == "wall"),
            "audible": sum(1 for b in desks if b.audio == "running"),
        }

    def components(self) -> dict[str, Json]:
        """Every part of the service as we see it."""
        now = self.clock.now()
        parts: dict[str, Json] = {
            "stream": {"ok": self.stream_ok, "detail": "" if self.stream_ok else "消息流无应答"},
            "alerts_log": {
                "ok": self.caught_up.is_set(),
                "detail": "" if self.caught_up.is_set() else "正在读取告警记录",
            },
            "people": {
                "ok": self.people.ready.is_set(),
                "detail": "" if self.people.ready.is_set() else "正在读取登录信息",
            },
            "database": {"ok": self.history_ok, "detail": "" if self.history_ok else "历史暂不可用"},
        }
        if self.data is not None:
            full = self.room is not None and disk.scarce(*self.room)
            parts["disk"] = {
                "ok": not full,
                "detail": f"磁盘仅剩 {disk.in_gib(self.room[0])}" if full and self.room else "",
            }
        for role in ROLES:
            beat = self.picture.beats.get(role)
            age = None if beat is None else max(0.0, round((now - beat.at).total_seconds(), 1))
            parts[role] = {
                "ok": beat is not None and beat.working and age is not None and age <= COMPONENT_SILENT,
                "age_seconds": age,
                "detail": "从未上报" if beat is None else beat.detail,
            }
        return parts

    def ready(self) -> tuple[bool, dict[str, Json]]:
        """Whether devices are heard and the API can answer for the alarm path. The database is not needed for that."""
        parts = self.components()
        return all(parts[name]["ok"] for name in NEEDED), parts

    def count(self) -> None:
        """Bring the gauges up to date."""
        levels = dict.fromkeys(Level, 0)
        waiting = 0
        for alert in self.open_alerts():
            levels[alert.level] += 1
            if alert.level is Level.red and alert.unanswered:
                waiting += 1
        for level, n in levels.items():
            self.metrics.open_alerts.labels(level.value).set(n)
        self.metrics.waiting_red.set(waiting)
        for word, n in self.protection().items():
            if word != "total":
                self.metrics.homes.labels(word).set(n)
        for view in ("desk", "wall"):
            for audio in ("running", "blocked", "muted"):
                n = sum(
                    1
                    for s in list(self.picture.screens.values())
                    if (s.desk if view == "desk" else s.beat.view == view) and s.beat.audio == audio
                )
                self.metrics.screens.labels(view, audio).set(n)
        counted: dict[str, int] = dict.fromkeys(access.VIEWS, 0)
        for listener in self.hub.listeners():
            counted[listener.key.view] += 1
        for view, n in counted.items():
            self.metrics.live_clients.labels(view).set(n)

    def check_listeners(self) -> None:
        """End the streams of those who are no longer signed in; the others' sessions are in use."""
        for listener in self.hub.listeners():
            who = self.people.still(listener.session)
            if who is None or who.role not in access.VIEWS[listener.key.view]:
                listener.end("signed_out")
            else:
                self.people.touch(listener.session)


def at_desk(role: Role) -> Viewer:
    """What somebody in a role is at the desk."""
    return Viewer("desk", health=access.may_know_health(role, case_open=False), record=role is Role.auditor)


def desk_key(role: Role) -> Key:
    """The live channel of a role at the desk: who reads less has another one."""
    return Key("desk", role.value if role in access.OF_THEIR_OWN else "")


def text(value: Any) -> str:
    """JSON for the wire."""
    return msgspec.json.encode(value).decode()
