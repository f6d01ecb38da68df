"""Devices nobody claimed, what was refused, tests of many devices, repairs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from care.words import Kind
from dashboard_api.shapes.base import At, Person, Said, Shape


class Unclaimed(Shape):
    topic: str
    dialect: str
    last_at: At
    count: int
    suggested_kind: str | None = None
    suggested_home: str | None = None
    payload: str = ""


class UnclaimedList(Shape):
    items: list[Unclaimed]


class ClaimBody(Shape):
    """A device that publishes, and whose it is. An id is made when none is given."""

    topic: str = Field(min_length=1, max_length=512)
    """What it is listed under in `GET /devices/unclaimed`."""
    home: str = Field(min_length=1, max_length=64)
    kind: Kind
    room: str = Field("", max_length=40)
    id: str = Field("", max_length=64)
    resident: str = Field("", max_length=64)
    model: str = Field("", max_length=80)


class Claimed(Shape):
    """It is in the site file, at this line, and counts from its next message on."""

    device: str
    home: str
    kind: str
    room: str
    line: int


class Refused(Shape):
    topic: str
    device: str | None
    home: str | None
    reason: str
    quantity: str | None
    count: int
    last_at: At
    detail: str
    sample: str
    alarm: bool


class Quarantine(Shape):
    items: list[Refused]


class Accepted(Shape):
    """What became of a payload that was sent by HTTP: all of it is durable."""

    accepted: int
    refused: list[dict[str, str | None]]


class DeviceTokenBody(Shape):
    device: str
    token: str
    """Shown once; only its hash is kept."""


class CampaignDevice(Shape):
    device: str
    home: str
    address: str
    label: str
    label_en: str
    passed_at: At | None
    """When the tester confirmed; null while not tried."""


class CampaignWaiting(Shape):
    """An alarm that waits for the tester's word."""

    alert: str
    number: int
    device: str
    address: str
    confirm_by: At
    """Unconfirmed then it is red."""
    version: int


class CampaignBody(Shape):
    id: str
    tester: Person
    begins: At
    ends: At
    state: Literal["ahead", "running", "over"]
    by: str
    devices: list[CampaignDevice]
    waiting: list[CampaignWaiting]


class CampaignList(Shape):
    at: At
    """The service's clock: a window counts by it."""
    items: list[CampaignBody]
    testers: list[Person]
    """Who can be a tester: staff who can be reached."""


class CampaignWanted(Said):
    tester: Annotated[str, Field(max_length=64)]
    devices: Annotated[list[str], Field(max_length=40)] = []
    homes: Annotated[list[str], Field(max_length=40)] = []
    """Every alarm device of these homes."""
    begins: Annotated[str | None, Field(max_length=40, description="RFC 3339; now when left out")] = None
    minutes: Annotated[float, Field(gt=0, le=60)] = 60


class CampaignWord(Said):
    alert: Annotated[str, Field(max_length=64)]
    version: Annotated[int | None, Field(ge=0)] = None
    note: Annotated[str, Field(max_length=500)] = ""


class RepairStep(Shape):
    at: At
    what: Literal[
        "opened", "assigned", "released", "done", "again", "not_proven", "proved", "removed", "withdrawn"
    ]
    by: str
    note: str


DidWord = Literal["battery", "resited", "replaced", "repaired", "power", "reset", "nothing_found"]


FoundWord = Literal["battery", "moved", "broken", "power", "network", "unplugged", "unclear"]


class RepairBody(Shape):
    """A maintenance order: of one device, or of the home's gateway when `device` is null."""

    id: str
    home: str
    address: str
    device: str | None
    label: str
    label_en: str
    """The kind in English, and the label it has."""
    kind: str
    """Kind of the device; `gateway` where none is named."""
    room: str
    codes: list[str]
    titles: list[dict[str, str]]
    """What the rules say is the matter, by language."""
    cases: list[int]
    why: str
    since: At
    """Since when it is so, as far as is known."""
    last_report_at: At | None
    out_until: At | None = None
    """Out of service until then: no alarm is expected of it before."""
    out_by: str | None = None
    """When the device, or anything behind the gateway, was last heard."""
    state: Literal["open", "assigned", "done", "closed"]
    """`done` waits for the device to prove it; `closed` says how in `closed`."""
    opened_at: At
    opened_by: str
    due: At
    overdue: bool
    assigned: Person | None
    found: FoundWord | None
    did: DidWord | None
    did_at: At | None
    did_by: str | None
    again: int
    """How often what was done did not hold."""
    closed_at: At | None
    closed: Literal["", "proved", "removed", "withdrawn"]
    steps: list[RepairStep]


class RepairList(Shape):
    items: list[RepairBody]
    people: list[Person]
    """Who may be assigned."""


class RepairWanted(Said):
    """An order for the devices of a case, or by hand for one device (or the gateway) of a home."""

    alert: Annotated[str | None, Field(max_length=64)] = None
    home: Annotated[str | None, Field(max_length=64)] = None
    device: Annotated[str | None, Field(max_length=64)] = None
    why: Annotated[str, Field(max_length=500)] = ""


class RepairWord(Said):
    """What `assign` (to, due), `release` (note), `done` (found, did, note) and `withdraw` (note) carry."""

    to: Annotated[str | None, Field(max_length=64, description="Left out: whoever asks takes it")] = None
    due: Annotated[str | None, Field(max_length=40, description="RFC 3339")] = None
    found: FoundWord | None = None
    did: DidWord | None = None
    note: Annotated[str, Field(max_length=500)] = ""
