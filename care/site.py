"""Places, people and devices: the site as it was loaded, and an index over it.

The structs mirror the site file (contract section 3). `Registry` answers the questions the hearts ask:
whose device publishes on this topic, who lives here, who works where. `care.sitefile` reads the YAML.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from care.words import Kind, Mode, Role, Tier

Id = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=64)]
"""A name used in topics, subjects and addresses: letters, digits, `_`, `.`, `-`."""

Latitude = Annotated[float, Meta(ge=-90, le=90)]
Longitude = Annotated[float, Meta(ge=-180, le=180)]
Location = tuple[Latitude, Longitude]
"""Degrees, WGS 84: latitude, longitude."""


WallTime = Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$|^24:00$")]
"""Wall clock of the community, `HH:MM`; `24:00` is midnight at the end of the day."""


DayOrMinute = Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\d([T ]([01]\d|2[0-3]):[0-5]\d)?$")]
"""A day of the community, `2026-05-23`, or a minute of it on the wall clock, `2026-05-23T19:00`."""


def wall_time(text: str) -> time:
    """The time of day that `HH:MM` names; `24:00` is 00:00."""
    return time.fromisoformat("00:00" if text == "24:00" else text)


class Community(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The community the service watches over."""

    id: Id
    name: str
    timezone: str = "Asia/Shanghai"
    centre: Location | None = None
    """Where the service centre stands."""
    street: str = ""
    """The 街道 it belongs to, for the header of the screens."""
    phone: str = ""
    """Where relatives reach the service centre."""

    @property
    def centre_name(self) -> str:
        """总浦桥居家养老服务中心: what the service centre is called on the telephone and on screens."""
        return f"{self.name.removesuffix('社区')}居家养老服务中心"


class MicroGrid(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A responder area: a few staircases."""

    id: Id
    name: str
    location: Location | None = None


class Grid(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A grid of the community: some micro-grids."""

    id: Id
    name: str
    micro_grids: list[MicroGrid] = []


class Access(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to get in. Shown only inside an open case."""

    key: str = ""
    door_code: str = ""


class Quiet(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hours, wall clock of the community, in which only red cases may make a phone ring; may cross midnight."""

    from_: WallTime = msgspec.field(name="from")
    to: WallTime

    def ends(self, now: datetime, zone: ZoneInfo) -> datetime | None:
        """When the quiet of this moment ends; None when it is not quiet now."""
        begins, ends = wall_time(self.from_), wall_time(self.to)
        local = now.astimezone(zone)
        for day in (local.date() - timedelta(days=1), local.date()):
            opens = datetime.combine(day, begins, zone)
            until = day if begins < ends else day + timedelta(days=1)
            closes = datetime.combine(until, ends, zone)
            # As moments, not as wall clocks: two times of one zone compare by the clock on the wall.
            if opens.astimezone(UTC) <= now < closes.astimezone(UTC):
                return closes.astimezone(UTC)
        return None


class Contact(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A relative or friend of a home's residents, in calling order."""

    id: Id
    name: str
    relation: str = ""
    phone: str = ""
    notify: list[str] = []
    """Apprise URLs: secrets, never logged."""
    for_: list[str] = msgspec.field(name="for", default_factory=lambda: ["red"])
    """Levels this contact wants to hear of."""
    quiet: Quiet | None = None


LONGEST_MODE = timedelta(days=14)
"""A mode always ends (domain section 3.6)."""


class HomeMode(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A while in which a home is otherwise than usual: who said so, why, and when it ends.

    Times without a zone are wall clock of the community.
    """

    mode: Mode
    from_: datetime = msgspec.field(name="from")
    until: datetime
    by: str
    """Who set it."""
    reason: str
    ended: bool = False
    """A person ended it before its time, so nobody need be asked."""
    ended_by: str | None = None
    set_at: datetime | None = None


class Replay(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a changed limit would have made of the past, in a line of the audit trail."""

    days: float
    gained: int
    lost: int
    missed: int
    """Of the lost ones, those whose case was closed as real."""


class Override(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One limit of a resident, set otherwise for a while. Loosening a life-safety rule needs a second person."""

    limit: str
    value: bool | int | float | str
    from_: datetime = msgspec.field(name="from")
    until: datetime
    by: str
    approved_by: str | None = None
    """The second person: needed to loosen a life-safety rule, which lapses within a day."""
    reason: str
    resident: Id | None = None
    """Whose, when it is not said where it stands; None: of everybody in the home."""
    set_at: datetime | None = None
    approved_at: datetime | None = None
    ended_by: str | None = None
    """Who withdrew it before its time; `until` is then when."""
    over: bool | int | float | str | None = None
    """The value that was in force when it was set."""
    replay: Replay | None = None
    """What it would have made of the past; None when nobody tried."""


LONGEST_OUT = timedelta(days=7)
"""A device is out of service for so long at most; to go on is a new decision with a reason of its own."""


class OutOfService(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A while in which a device is not expected to speak or to protect: who said so, why, and when it ends.

    What it says meanwhile is believed as ever: an alarm of it is an alarm.
    """

    device: Id
    from_: datetime = msgspec.field(name="from")
    until: datetime
    by: str
    reason: str
    ended_by: str | None = None
    """Who ended it before its time, or renewed it; `until` is then when."""


ORDERS = "orders."
"""Where the orders of a home lie in the registry bucket: this and the home's id."""


class HomeOrders(msgspec.Struct, frozen=True, kw_only=True):
    """Modes, temporary limits and devices out of service of one home, set while the service runs."""

    home: Id
    modes: list[HomeMode] = []
    overrides: list[Override] = []
    out: list[OutOfService] = []


def moment_of(at: datetime, zone: ZoneInfo) -> datetime:
    """An aware UTC time; one without a zone is wall clock of the community."""
    return (at if at.tzinfo is not None else at.replace(tzinfo=zone)).astimezone(UTC)


class Setting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A value of a parameter with who set it so, and why."""

    value: bool | int | float | str
    by: Annotated[str, Meta(min_length=1, max_length=100)]
    reason: Annotated[str, Meta(min_length=1, max_length=200)]
    since: date | None = None


Set = Setting | bool | int | float | str
"""A value of a parameter in the site file: bare, or with who and why."""


def value_of(given: Any) -> Any:
    """The value itself."""
    return given.value if isinstance(given, Setting) else given


class Resident(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person who is watched over."""

    id: Id
    name: str
    born: Annotated[int, Meta(ge=1900, le=2100)] | None = None
    tier: Tier = Tier.general
    conditions: list[str] = []
    flags: list[str] = []
    limits: dict[str, Set] = {}
    """Rule parameters that are otherwise for this person, for good."""
    overrides: list[Override] = []
    """Limits that are otherwise for a while, each with its end, who and why."""
    consent: dict[str, list[str]] | None = None
    doctor: Id | None = None
    """Their own doctor: a member of staff with that role."""


class Device(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sensor or gateway of a home."""

    id: Id
    kind: Kind
    resident: Id | None = None
    room: str = ""
    address: str | None = None
    """The MQTT topic it publishes on; native devices may leave it out."""
    model: str = ""
    calls_on: list[str] = []
    """Actions of a button that call for help, besides emergency, panic and sos."""
    expect_seconds: Annotated[float, Meta(gt=0, le=5_184_000)] | None = None
    """How often it speaks when all is well, if the kind's default is wrong for this model."""
    label: str = ""
    inside: bool = True
    """What it sees is the inside of the home; `false` for one that sees the stairs or the pet's place: it is no witness of
    somebody at home (rule DR4)."""


class CarerVisit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a carer is planned to come and go again, wall clock of the community; may cross midnight.

    The front door is expected to open then (rule DR3); that it did not is a note (DR3_carer).
    """

    who: str = ""
    """Who comes, for people."""
    days: str | list[str] = "daily"
    """As of a shift: `daily`, `weekdays`, `weekends`, or a list of mon…sun and dates. Of the day on which it begins."""
    from_: WallTime = msgspec.field(name="from")
    to: WallTime
    valid_from: date | None = None
    valid_until: date | None = None


class Home(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A flat with rooms, people and devices."""

    id: Id
    micro_grid: Id | None = None
    address: str = ""
    location: Location | None = None
    floor: Annotated[int, Meta(ge=-9, le=200)] | None = None
    lift: bool = False
    phone: str = ""
    access: Access = Access()
    residents: list[Resident] = []
    contacts: list[Contact] = []
    devices: list[Device] = []
    modes: list[HomeMode] = []
    carers: list[CarerVisit] = []
    """Planned visits of carers."""
    simulated: bool = False
    """A practice home that a simulator feeds, beside real ones: each case of it says so wherever it is shown, and no figure counts it."""
    building: str = ""
    """Estate and building, without staircase and door: what a wall screen may show. Derived from the address when empty."""


class Staff(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody who answers, responds or looks after the service."""

    id: Id
    name: str
    role: Role
    phone: str = ""
    notify: list[str] = []
    micro_grids: list[Id] = []
    location: Location | None = None
    quiet: Quiet | None = None


class Shift(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When somebody, or a pair, is on duty, wall clock of the community; may cross midnight."""

    staff: Id | list[Id]
    """One member of staff, or all of a pair: a social worker and a volunteer."""
    days: str | list[str] = "daily"
    """`daily`, `weekdays`, `weekends`, or a list of mon…sun and dates 2026-05-23."""
    from_: WallTime = msgspec.field(name="from")
    to: WallTime
    valid_from: date | None = None
    valid_until: date | None = None

    @property
    def people(self) -> list[str]:
        """Everybody who is on duty in it."""
        return [self.staff] if isinstance(self.staff, str) else list(self.staff)

    @property
    def starts(self) -> time:
        """Wall-clock start."""
        return wall_time(self.from_)

    @property
    def ends(self) -> time:
        """Wall-clock end; not after `starts` means the next day."""
        return wall_time(self.to)


_WEEK: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def falls_on(planned: Shift | CarerVisit, day: date) -> bool:
    """Whether something planned by days begins on this day of the community."""
    if planned.valid_from is not None and day < planned.valid_from:
        return False
    if planned.valid_until is not None and day > planned.valid_until:
        return False
    weekday = day.weekday()
    return any(
        word in ("daily", "weekdays" if weekday < 5 else "weekends", _WEEK[weekday], day.isoformat())
        for word in ([planned.days] if isinstance(planned.days, str) else planned.days)
    )


class Absence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a member of staff is not there whatever the shifts say, and who stands in: same times, same area, same role."""

    staff: Id
    from_: DayOrMinute = msgspec.field(name="from")
    to: DayOrMinute
    """A day means until its end."""
    cover: Id | None = None
    note: str = ""

    @property
    def starts(self) -> datetime:
        """Wall-clock start, without a zone."""
        return datetime.fromisoformat(self.from_)

    @property
    def ends(self) -> datetime:
        """Wall-clock end, without a zone; not part of it."""
        end = datetime.fromisoformat(self.to)
        return end + timedelta(days=1) if len(self.to) == len("2026-05-23") else end


class RotaPart(msgspec.Struct, frozen=True, kw_only=True):
    """A member of staff between two instants (UTC; the end is not part of it)."""

    staff: Id
    from_: datetime
    until: datetime


class Away(RotaPart, frozen=True, kw_only=True):
    """Somebody is not there whatever the shifts say, and who stands in."""

    cover: Id | None = None


class Besides(RotaPart, frozen=True, kw_only=True):
    """Somebody is there besides their own shifts."""


class RotaChange(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody changed of the rota while the service runs: one call in sick, one swap, one who comes in besides.

    Withdrawn it counts from then on no more and is still there: who said what, when and why is its own audit trail.
    """

    id: str
    away: tuple[Away, ...] = ()
    besides: tuple[Besides, ...] = ()
    reason: str
    by: str
    set_at: datetime
    withdrawn_by: str = ""
    withdrawn_at: datetime | None = None

    @property
    def parts(self) -> tuple[RotaPart, ...]:
        """All of it, whoever is away or there."""
        return (*self.away, *self.besides)

    @property
    def counts(self) -> bool:
        """Whether nobody has withdrawn it."""
        return self.withdrawn_at is None

    def lasting(self) -> RotaChange:
        """As far as it counts: withdrawn in the middle, it was in force until then."""
        cut = self.withdrawn_at
        if cut is None:
            return self
        return msgspec.structs.replace(
            self,
            away=tuple(
                msgspec.structs.replace(p, until=min(p.until, cut)) for p in self.away if p.from_ < cut
            ),
            besides=tuple(
                msgspec.structs.replace(p, until=min(p.until, cut)) for p in self.besides if p.from_ < cut
            ),
        )

    @property
    def starts(self) -> datetime:
        """Its first instant."""
        return min(part.from_ for part in self.parts)

    @property
    def ends(self) -> datetime:
        """Its last instant, not part of it."""
        return max(part.until for part in self.parts)


Days = Annotated[int, Meta(ge=1, le=3650)]


class Visits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often residents are to be visited, by tier (domain section 1: weekly, quarterly, half-yearly)."""

    from_: date = msgspec.field(name="from")
    """From when on it counts: nobody is late for what was never planned."""
    key: Days = 7
    important: Days = 91
    general: Days = 182

    def days(self, tier: Tier) -> int:
        """Days between two visits."""
        return {Tier.key: self.key, Tier.important: self.important, Tier.general: self.general}[tier]


class DeviceTests(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often alarm devices are to be tested (domain TE9: monthly)."""

    from_: date = msgspec.field(name="from")
    days: Days = 31


class Reviews(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When SOS pressed for company or daily help asks for a review (domain 3.4 SOS4)."""

    count: Annotated[int, Meta(ge=2, le=20)] = 3
    days: Annotated[int, Meta(ge=1, le=31)] = 7


class Policy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The promises of the community."""

    acknowledge_seconds: Annotated[float, Meta(gt=0, le=3600)] = 60
    arrive_minutes: Annotated[float, Meta(gt=0, le=240)] = 10
    rules: dict[str, dict[str, Set]] = {}
    """Community-wide rule parameters by rule code."""
    visits: Visits | None = None
    tests: DeviceTests | None = None
    company: Reviews = Reviews()


class Site(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of one community: what `anxin site load` loads."""

    community: Community
    grids: list[Grid] = []
    homes: list[Home] = []
    staff: list[Staff] = []
    shifts: list[Shift] = []
    absences: list[Absence] = []
    policy: Policy = Policy()


class Registry:
    """An index over a `Site`; immutable. A changed site makes a new registry."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.zone = ZoneInfo(site.community.timezone)
        self.homes: dict[str, Home] = {h.id: h for h in site.homes}
        self.staff: dict[str, Staff] = {s.id: s for s in site.staff}
        self.devices: dict[str, tuple[Home, Device]] = {}
        self.residents: dict[str, tuple[Home, Resident]] = {}
        self.contacts: dict[str, tuple[Home, Contact]] = {}
        self.micro_grids: dict[str, tuple[Grid, MicroGrid]] = {}
        self._by_topic: dict[str, tuple[Home, Device]] = {}
        self._pushes: Mapping[str, Sequence[str]] = {}
        self.rota: tuple[RotaChange, ...] = ()
        """Changes of the rota that count, besides what the site file says."""
        for grid in site.grids:
            for micro in grid.micro_grids:
                self.micro_grids[micro.id] = (grid, micro)
        for home in site.homes:
            for device in home.devices:
                self.devices[device.id] = (home, device)
                self._by_topic[device.address or native_topic(home.id, device.id)] = (home, device)
            for resident in home.residents:
                self.residents[resident.id] = (home, resident)
            for contact in home.contacts:
                self.contacts[contact.id] = (home, contact)

    def is_centre(self, home: str) -> bool:
        """Whether a case of this "home" is the centre's own (a silent desk, a hole in the rota): nobody lives there."""
        return home == self.site.community.id and home not in self.homes

    def with_pushes(self, pushes: Mapping[str, Sequence[str]]) -> Registry:
        """The same registry, in which people have these browsers besides the channels of the site file."""
        other = copy(self)
        other._pushes = pushes  # noqa: SLF001  its own copy
        return other

    def with_rota(self, changes: Iterable[RotaChange]) -> Registry:
        """The same registry with these changes of the rota, each as far as it was not withdrawn."""
        other = copy(self)
        other.rota = tuple(c.lasting() for c in changes)
        return other

    def channels(self, person: str) -> list[str]:
        """The addresses of a member of staff or a contact, in their order; the browsers they signed in last."""
        staff, contact = self.staff.get(person), self.contacts.get(person)
        if staff is None and contact is None:
            return []
        own = staff.notify if staff is not None else contact[1].notify if contact is not None else []
        return list(dict.fromkeys([*own, *self._pushes.get(person, ())]))

    def phone(self, person: str) -> str:
        """The phone number of a member of staff or a contact; empty when there is none."""
        staff, contact = self.staff.get(person), self.contacts.get(person)
        return staff.phone if staff is not None else contact[1].phone if contact is not None else ""

    def quiet_until(self, person: str, now: datetime) -> datetime | None:
        """When a person's quiet hours end; None when it is not quiet for them now."""
        staff, contact = self.staff.get(person), self.contacts.get(person)
        quiet = staff.quiet if staff is not None else contact[1].quiet if contact is not None else None
        return quiet.ends(now, self.zone) if quiet is not None else None

    def by_topic(self, topic: str) -> tuple[Home, Device] | None:
        """The device whose address is exactly this topic."""
        return self._by_topic.get(topic)

    def topics(self) -> dict[str, tuple[Home, Device]]:
        """Every device topic with its home and device."""
        return dict(self._by_topic)

    def resident_of(self, home: Home, device: Device) -> Resident | None:
        """Whom a device is about: the one it names, or the only resident of the home."""
        if device.resident is not None:
            found = self.residents.get(device.resident)
            return found[1] if found else None
        return home.residents[0] if len(home.residents) == 1 else None

    def grid_of(self, home: Home) -> tuple[Grid, MicroGrid] | None:
        """The grid and micro-grid of a home, if it has one."""
        return self.micro_grids.get(home.micro_grid) if home.micro_grid else None


def native_topic(home: str, device: str) -> str:
    """The topic of a native device that has no address of its own."""
    return f"anxin/v1/{home}/{device}"
