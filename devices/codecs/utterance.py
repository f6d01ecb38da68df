"""What the dialects with several devices or several topics share: one message -> what each of its devices says.

A `Dialect` takes a message apart into `Utterance`s, one for each device in it, without knowing whose they are; whoever
knows the site file looks the `addresses` up, most particular first, and asks `say` with the kind of the device found.
Native and Zigbee2MQTT, where one topic is one device, need none of this.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Protocol

from care.errors import Reason, Refused
from care.topics import legible
from care.words import Kind
from devices.actions import calls
from devices.codecs import Said, Twice
from devices.expressions import number, truth
from devices.kinds import STATE_OF
from devices.mapping import conversion
from devices.quantities import HAZARDS, QUANTITIES

IDENTITY_LIMIT = 128


@dataclass(frozen=True, slots=True)
class Heard:
    """A message as it came; `zone` is the community's, for times without one."""

    topic: str
    payload: bytes
    received_at: datetime
    zone: tzinfo


@dataclass(frozen=True, slots=True)
class Claim:
    """The device of the site file that an utterance turned out to be of; empty while nobody has claimed it."""

    kind: Kind | None = None
    calls_on: tuple[str, ...] = ()
    address: str = ""
    """The address by which it was found."""


NOBODY = Claim()
Say = Callable[[Claim], Said]


@dataclass(frozen=True, slots=True)
class Utterance:
    """One device's part of a message."""

    addresses: tuple[str, ...]
    """What may stand as `address` in the site file for this device, most particular first. Never empty."""
    say: Say
    listed: str = ""
    """The address under which it is listed while nobody has claimed it; the first one when empty."""
    home: str = ""
    names: tuple[str, ...] = ()
    """What the message calls the device (and `home` its home): one of that home with this id needs no address."""
    kind: Kind | None = None
    """What it probably is, where the dialect knows better than its quantities tell."""
    state: str | None = None
    """`online` / `offline`: it tells that the device is there, and nothing else."""
    only_list: bool = False
    """Nothing was said; it is only to be listed while nobody has claimed it."""
    about: str = ""
    """Shown with the payload of an unclaimed device."""
    firmware: str = ""
    """What runs on it, where the message, or one before it, told."""


class Dialect(Protocol):
    """One way to speak on MQTT."""

    @property
    def name(self) -> str:
        """As in `mqtt.subscriptions`."""
        ...

    @property
    def learnt(self) -> int:
        """Grows whenever something was learnt that changes what topics mean."""
        ...

    def addresses(self, topic: str) -> tuple[str, ...]:
        """Addresses that a topic alone tells, whatever the payload holds."""
        ...

    def hear(self, heard: Heard) -> list[Utterance | Refused]:
        """Take a message apart. Raises Refused when the message as a whole cannot be read."""
        ...


def nothing(_claim: Claim) -> Said:
    """A device that is there and says nothing."""
    return Said()


def identity(value: object) -> str | None:
    """A device's name out of a payload, if it can be part of an address: a short printable text or whole number."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return str(value) if 0 <= value < 2**63 else None
    if isinstance(value, float) and value.is_integer() and 0 <= value < 2**53:
        return str(int(value))
    if not isinstance(value, str):
        return None
    text = value.strip()
    if not 0 < len(text) <= IDENTITY_LIMIT or not legible(text) or set(text) & set("+#"):
        return None
    return text if all(text.split("/")) else None


_BED = frozenset({"motion", "presence", "door_open"})
_LEVEL_OF = {"co": "co_level", "gas": "gas_level", "smoke": "smoke_level"}
_ABSENT = frozenset({"", "nan", "unknown", "unavailable", "none", "null", "undefined"})


def take(
    said: Said, quantity: str, raw: object, claim: Claim, *, unit: str = "", measured: bool = False
) -> None:
    """Take one value that a name, a class or a unit has told the quantity of.

    `measured` values are numbers even where the same name is a state elsewhere (`co` 12 is a level). Without a unit
    volts are known by their size, and what could be litres or cubic metres is left out. On a bed whatever notices a
    person is the bed's occupancy. An SOS that says no says nothing.
    """
    if claim.kind is Kind.bed_belt and quantity in _BED:
        quantity = "in_bed"
    if measured:
        quantity = _LEVEL_OF.get(quantity, quantity)
    known = QUANTITIES[quantity]
    if isinstance(raw, str) and raw.strip().lower() in _ABSENT and quantity != "fault":
        raw = None
    if isinstance(raw, Twice) and quantity != "sos":
        said.faults.append(
            Refused(Reason.bad_value, f"{quantity}: given twice with different values", quantity=quantity)
        )
        return
    if quantity in said.values and not (quantity in STRONGEST and not truth(said.values[quantity])):
        return
    if raw is not None and known.numeric:
        value = number(raw)
        if value is not None:
            changed = _converted(said, quantity, value, unit)
            if changed is None:
                return
            if changed != value or isinstance(raw, str):
                raw = int(changed) if changed.is_integer() and abs(changed) < 2**53 else changed
    if quantity == "sos" and not isinstance(raw, Twice) and not truth(raw):
        return
    if raw is not None and quantity in said.unknown:
        said.unknown.remove(quantity)
    if raw is None and (quantity in said.unknown or quantity in said.values):
        return
    said.take(quantity, raw)
    if quantity == "action" and calls(str(said.values.get("action", "")), claim.calls_on):
        said.values["sos"] = True


def _converted(said: Said, quantity: str, value: float, unit: str) -> float | None:
    if not unit:
        if quantity == "water_total" or (quantity == "gas_level" and value > 100):
            return None
        return round(value * 1000, 6) if quantity == "voltage" and 0 < value < 400 else value
    found = conversion(quantity, unit)
    if found is None:
        said.faults.append(
            Refused(Reason.bad_value, f"{quantity}: a value in an unknown unit", quantity=quantity)
        )
        return None
    factor, shift = found
    return value if found == (1.0, 0.0) else round(value * factor + shift, 6)


STRONGEST = HAZARDS | {"sos", "fall", "tamper", "fault", "battery_low"}
"""Where several fields speak of one quantity, one that says yes is believed."""


def read_text(payload: bytes) -> str:
    """A bare word of a payload. Raises Refused: empty, not_text."""
    try:
        text = payload.decode("utf-8").removeprefix("\ufeff").strip()
    except UnicodeDecodeError as error:
        raise Refused(Reason.not_text, f"byte {error.start} is not UTF-8") from None
    if not text:
        raise Refused(Reason.empty, "nothing in it")
    return text


__all__ = [
    "NOBODY",
    "STATE_OF",
    "STRONGEST",
    "Claim",
    "Dialect",
    "Heard",
    "Say",
    "Utterance",
    "identity",
    "nothing",
    "read_text",
    "take",
]
