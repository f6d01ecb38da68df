"""What travels on the stream: reports of devices, findings of rules, orders to tell people.

A `Report` is what one device said in one message. It goes from ingest to the rule engine on READINGS.
A `Finding` goes from the rule engine to the alerts on FINDINGS. Alert events are in `alerts.events`.
All are msgspec structs; `encode`/`decode` give JSON bytes and refuse unknown shapes.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, TypeVar

import msgspec

from care.ids import partition_of
from care.words import Condition, Level, Phase

Value = bool | int | float | str
"""A reading's value: bool for states, a number in the unit of the quantity, or a text."""

URGENT = frozenset({"sos", "fall", "smoke", "gas", "co", "water_leak"})
"""Alarm-class quantities: QoS 1, own lane, answered on the device's ack topic (contract section 4)."""


class Report(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one device said in one message: its readings, with three times.

    `at` is when it happened (device time if it can be believed, else the time of receipt);
    `received_at` is when we heard. `values` maps quantity to value in the unit of the quantity table;
    `unknown` lists quantities the device named without a value (null): neither true nor false.
    """

    report_id: str
    home: str
    device: str
    kind: str
    at: datetime
    received_at: datetime
    device_at: datetime | None = None
    """The device's own time as sent, before any repair."""
    seq: int | None = None
    values: dict[str, Value] = {}
    unknown: list[str] = []
    retained: bool = False
    test: bool = False
    repaired: str | None = None
    """Why `at` is not the device's time: future, too_old, none_given."""
    state: str | None = None
    """`online` / `offline`: the sender is a gateway or an availability topic, no quantities."""
    topic: str = ""

    @property
    def urgent(self) -> bool:
        """True when the report holds an alarm-class quantity."""
        return not URGENT.isdisjoint(self.values)

    @property
    def subject(self) -> str:
        """Stream subject: its lane, its partition, its home."""
        return f"readings.{'urgent' if self.urgent else 'normal'}.{partition_of(self.home)}.{self.home}"


class Refusal(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A message, or one quantity of it, that was refused; kept in quarantine for a person to look at."""

    refusal_id: str
    topic: str
    reason: str
    received_at: datetime
    detail: str = ""
    home: str | None = None
    device: str | None = None
    quantity: str | None = None
    sample: str = ""
    """The first 512 characters of the payload, with what is not text escaped."""
    alarm: bool = False
    """True when it came from an alarm device: an unreadable alarm still tells people."""
    times: int = 1
    """How many messages this stands for: of a sender that goes on and on not each one is recorded."""

    @property
    def subject(self) -> str:
        return f"quarantine.{self.home or '_'}"


class Unclaimed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A device that publishes but is not in the site file: listed, never lost, never an error."""

    topic: str
    dialect: str
    received_at: datetime
    suggested_kind: str | None = None
    suggested_home: str | None = None
    payload: str = ""

    @property
    def subject(self) -> str:
        return "unclaimed"


class Evidence(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One reading that made a finding."""

    device: str
    quantity: str
    value: Value | None
    at: datetime
    received_at: datetime | None = None
    report_id: str = ""


class Finding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An episode of a rule's condition: opened, changed or cleared.

    `finding` names the episode: computed from rule, subject and onset, so a repeat has the same name.
    `event_id` names this message (finding + phase + what changed). `at` is when the phase began:
    for a timer, when it was due, however late it was noticed.
    """

    event_id: str
    finding: str
    phase: Phase
    at: datetime
    onset_at: datetime
    rule: str
    rule_version: int
    code: str
    level: Level
    home: str
    cause: str
    """Case grouping: one home and one cause is one case (fire, gas, sos, water, bed, wandering, device:ID …)."""
    pictogram: str
    """smoke gas co sos fall water bed door device vitals activity other."""
    title: dict[str, str]
    """{"zh": …, "en": …}, already filled in with room names; no names of people."""
    resident: str | None = None
    device: str | None = None
    room: str | None = None
    condition: Condition = Condition.active
    evidence: list[Evidence] = []
    parameters: dict[str, Any] = {}
    sources: dict[str, Any] = {}
    """Where parameters come from that are not the rule's defaults: {name: {"from": "community" …, "by", "reason", "until"}}."""
    tags: list[str] = []
    occurrences: int = 1
    late_seconds: float = 0.0
    """How long after it happened we could know (late delivery or an overdue timer)."""
    seq: int | None = None
    """The device's sequence number of the message behind it, for the application acknowledgement."""
    reopen_minutes: int = 0
    """A new finding of this cause within so many minutes of closing reopens the case (60 for smoke)."""
    life: bool = False
    """Life-safety floor: never auto-closed, never below yellow, never muted."""
    auto_close: bool = False
    """True for technical blue findings whose case may end by itself when all clear."""
    test: bool = False
    reason: str = ""
    """What changed, for phase `changed`: level, occurrence, evidence, unknown, known."""

    @property
    def subject(self) -> str:
        return f"findings.{partition_of(self.home)}.{self.home}"


class DeviceAck(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Tell a device that its alarm is durable: sent on `anxin/v1/{home}/{device}/ack` by the way in.

    Published by the alerts worker on DELIVERIES after the alert is durable.
    """

    home: str
    device: str
    alert: int
    """The alert's number."""
    at: datetime
    seq: int | None = None

    @property
    def subject(self) -> str:
        return f"deliveries.device.{self.home}"


class Beat(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A role says that it lives: written every 2 s to the `health` bucket under `beat.{role}`."""

    role: str
    at: datetime
    started_at: datetime
    position: int = 0
    """The stream position it has worked up to."""
    lag_seconds: float = 0.0
    """Age of the oldest thing it has not worked off."""
    last_input_at: datetime | None = None
    working: bool = True
    """False while it lives and cannot do its work: ingest without a session at the broker hears nobody."""
    detail: str = ""


class Firmware(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a device, or its bridge, says runs on it; written to `health` under `firmware.{device}` when it changes."""

    device: str
    build: str = ""
    """As the device names it: `3.0.0`, `20230510`, `Zigbee2MQTT 2.6.0`."""
    installed: str = ""
    """The number by which the bridge compares; another one than `build`."""
    latest: str = ""
    """What the bridge would put on it, in the same numbers; empty when it did not say."""
    pending: bool | None = None
    """Whether an update waits; None when nobody said."""
    source: str
    """Dialect that said it."""
    at: datetime
    """When it was first said so."""


class DeviceHealth(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of one device: when it last spoke, and whether it may be believed."""

    device: str
    kind: str
    room: str = ""
    last_at: datetime | None = None
    silent: bool = False
    battery: float | None = None
    reason: str = ""
    """Why it does not protect: never_reported, silent, offline, fault, tamper, battery, doubtful, untold, out_of_service; empty when it does."""
    out_until: datetime | None = None
    """Out of service until then."""
    out_by: str = ""
    """Who took it out of service; empty while it is in service."""
    expected_seconds: float | None = None
    """How long it may be silent before that is strange: its kind's limit, or its own rhythm. None: not judged by time."""


class HomeHealth(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whether a home is protected, and why not; written to `health` under `home.{id}` at each change."""

    home: str
    protection: str
    """protected, partly, not (care.words.Protection)."""
    at: datetime
    devices: list[DeviceHealth] = []
    paths: dict[str, str] = {}
    """Each way from a hazard to a person (call, fire, gas, fall, water, bed, door, movement): empty when it holds, otherwise
    `reason:device` of the worst device on it, `not_fitted`, or `gateway` when the home is not heard."""
    reason: str = ""
    """Why it is not protected at all: `gateway` (not heard), `no_call`, `nothing` (of no device is anything known)."""
    resting: list[str] = []
    """Rules that failed on this home's data and rest for a while (TE7)."""


class Guarded(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """From this moment on a home is protected so, and why not more: one message on PROTECTION for each change."""

    home: str
    at: datetime
    state: str
    """protected, partly, not (care.words.Protection); `gone`: the home is no longer of the community."""
    cause: str = ""
    """One leading cause, so that hours add up: `reason:device`, `gateway:device`, `not_fitted`, `nothing`, `resting`."""
    role: str = "rules"
    """Who judged it: what this worker has not confirmed since (`Judged`) is not known."""

    @property
    def subject(self) -> str:
        return f"protection.{self.home}"


class Judged(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A worker of the rules says once a minute that what it said of its homes holds."""

    role: str
    at: datetime
    run: datetime
    """When this worker began: between two of different runs nobody judged."""
    sure: bool
    """False while it is behind, or ingest hears nobody: then nothing is known."""

    @property
    def subject(self) -> str:
        return f"judged.{self.role}"


class Habit(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing the personal clock learns of a resident; without `value` it does not know yet."""

    name: str
    """pulse, breath, get_up, to_bed, bed_exits, morning, active_minutes, away, door_gap, bathroom_stay, flow …"""
    quantity: str
    """What it was learnt from: who may see that may see this."""
    seen: int
    """Good nights, days or occasions it rests on."""
    needed: int
    """So many it takes."""
    resident: str | None = None
    value: float | str | None = None
    spread: float | None = None
    """Robust standard deviation, in the same unit; of a time of day in minutes."""
    share: float | None = None
    """For the long ones: this share is no longer than `value`."""
    unit: str = ""
    since: date | None = None


class HomeHabits(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is usual in a home; written to `health` under `usual.{id}` when a night or day has been learnt."""

    home: str
    at: datetime
    habits: list[Habit] = []
    disturbed: dict[str, int] = {}
    """Nights and days of the last five weeks that did not teach, by reason."""


T = TypeVar("T")

_encoder = msgspec.json.Encoder(order="deterministic")
_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}


def encode(message: Any) -> bytes:
    """JSON bytes; the same content gives the same bytes."""
    return _encoder.encode(message)


def decode(data: bytes, kind: type[T]) -> T:
    """Read one message; raises msgspec.ValidationError or msgspec.DecodeError on anything else."""
    decoder = _decoders.get(kind)
    if decoder is None:
        decoder = _decoders[kind] = msgspec.json.Decoder(kind)
    return decoder.decode(data)  # type: ignore[no-any-return]
