"""The live channel: one union of what it says."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from dashboard_api.shapes.base import At, Shape
from dashboard_api.shapes.cases import Alert, ClosedLine
from dashboard_api.shapes.duty import Duty
from dashboard_api.shapes.figures import Hour, Kpi, ProtectionCount
from dashboard_api.shapes.session import CommunityBody, Me, Watching


class SnapshotData(Shape):
    epoch: str
    head: int
    now: At
    build: str
    view: str
    community: CommunityBody
    me: Me
    alerts: list[Alert]
    closed: list[ClosedLine]
    duty: Duty | None
    kpi: Kpi | None
    protection: ProtectionCount | None
    by_hour: list[Hour]
    recent_10min: int
    flood: bool
    """More than 10 new in 10 minutes, until fewer than 5: kept by the service, the same for every screen."""
    words: str | None = None
    """Family view: how things are, in a sentence."""


class HeartbeatData(Shape):
    epoch: str
    head: int
    now: At
    ingest_age: float | None
    notify_lag: float | None
    screens: Watching | None = None
    build: str
    components: dict[str, bool]


class KpiData(Shape):
    kpi: Kpi
    by_hour: list[Hour]
    protection: ProtectionCount
    closed: list[ClosedLine]
    recent_10min: int
    flood: bool


class DeviceData(Shape):
    home: str | None
    protection: str
    protection_words: str
    reasons: list[str] = []
    reasons_en: list[str] = []


class _Ev(Shape):
    id: str
    """`epoch.seq`."""


class SnapshotEvent(_Ev):
    event: Literal["snapshot"]
    data: SnapshotData


class AlertEvent(_Ev):
    event: Literal["alert"]
    data: Alert


class DutyEvent(_Ev):
    event: Literal["duty"]
    data: Duty


class DeviceEvent(_Ev):
    event: Literal["device"]
    data: DeviceData


class KpiEvent(_Ev):
    event: Literal["kpi"]
    data: KpiData


class HeartbeatEvent(_Ev):
    event: Literal["hb"]
    data: HeartbeatData


LiveEvent = Annotated[
    SnapshotEvent | AlertEvent | DutyEvent | DeviceEvent | KpiEvent | HeartbeatEvent,
    Field(discriminator="event"),
]
"""One message of the live channel: `event` and `id` are the fields of SSE, `data` its JSON."""
