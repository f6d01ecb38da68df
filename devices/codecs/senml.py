"""SenML packs in JSON, CBOR and XML (RFC 8428): base values resolved, relative times against the receipt, several devices by name.

Start at `SenML.hear`. PyPI holds no parser worth depending on (the newest general one is of 2018 and older than the
RFC), and the rules fit on a page; CBOR itself is read by cbor2, XML by defusedxml. What a record means is told by the end of its name (`urn:dev:mac:0024be/heart_rate`),
or, without one, by its unit; the rest of the name is the device.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from care.errors import Reason, Refused
from devices.codecs import ITEMS_LIMIT, Said, Twice, read_json, read_time
from devices.codecs.cbor import is_cbor, read_cbor
from devices.codecs.senml_xml import is_xml, read_pack
from devices.codecs.utterance import Claim, Heard, Utterance, identity, take
from devices.expressions import number
from devices.kinds import ALARM_KINDS, STATE_OF
from devices.names import exact, guess, tail

VERSION = 10
"""The version of RFC 8428; a pack of a later one may mean something else by the same labels."""
RELATIVE_BELOW = 2**28
"""Times below are seconds from now (RFC 8428, 4.5.3)."""
_BY_UNIT = {
    "Cel": "temperature", "K": "temperature", "%RH": "humidity", "beat/min": "heart_rate", "lx": "illuminance",
    "%EL": "battery",
}  # fmt: skip
"""Units that tell the quantity by themselves (RFC 8428, 12.1)."""
_ENDS = "/:;._-"
THE_ALARM = "@alarm"
_ALARM = re.compile(r"(?:^|[/:;._-])alarm$", re.IGNORECASE)
"""A record named `alarm` and no more is that of the kind of the device."""
_LABELS = {
    -1: "bver", -2: "bn", -3: "bt", -4: "bu", -5: "bv", -6: "bs",
    0: "n", 1: "u", 2: "v", 3: "vs", 4: "vb", 5: "s", 6: "t", 7: "ut", 8: "vd",
}  # fmt: skip
"""What CBOR writes as a number (RFC 8428, table 4); further labels are texts there too."""


@dataclass(frozen=True, slots=True)
class _Record:
    quantity: str
    value: Any
    unit: str
    measured: bool


@dataclass(slots=True)
class _Group:
    """What one device says of one instant."""

    at: datetime | None
    records: list[_Record] = field(default_factory=list)
    faults: list[Refused] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class SenML:
    """The dialect."""

    name: str = "senml"
    learnt: int = 0

    def addresses(self, topic: str) -> tuple[str, ...]:
        return (topic,)

    def hear(self, heard: Heard) -> list[Utterance | Refused]:
        pack = _pack(heard.payload)
        if isinstance(pack, dict):
            pack = [pack]  # some devices leave out the brackets of a single record
        if not isinstance(pack, list):
            raise Refused(Reason.not_json, "a list of SenML records is wanted")
        if not pack:
            raise Refused(Reason.empty, "an empty pack")
        if len(pack) > ITEMS_LIMIT:
            raise Refused(Reason.too_large, f"more than {ITEMS_LIMIT} records in one pack")
        out: list[Utterance | Refused] = []
        groups: dict[tuple[str, datetime | None], _Group] = {}
        base: dict[str, Any] = {}
        for record in pack:
            if not isinstance(record, dict):
                out.append(Refused(Reason.not_json, "a SenML record is an object"))
                continue
            try:
                _read(record, base, heard, groups)
            except Refused as fault:
                out.append(fault)
        for (device, _), group in groups.items():
            name = identity(device) or ""
            ends = (name, name.replace("/", ":").rpartition(":")[2]) if name else ()
            addresses = (f"{heard.topic}/{name}", name, heard.topic) if name else (heard.topic,)
            out.append(Utterance(addresses, partial(_say, group), names=tuple(dict.fromkeys(ends))))
        return out


def _pack(payload: bytes) -> Any:
    if is_cbor(payload):
        return _in_words(read_cbor(payload))
    return read_pack(payload) if is_xml(payload) else read_json(payload)


def _in_words(pack: Any) -> Any:
    """A pack in CBOR with the labels that it would have in JSON. Numbers outside the table are labels nobody knows."""
    if isinstance(pack, list):
        return [_in_words(record) for record in pack[: ITEMS_LIMIT + 1]]
    if not isinstance(pack, dict):
        return pack
    record: dict[str, Any] = {}
    for key, value in pack.items():
        label = key if isinstance(key, str) else _LABELS.get(key)
        if label is not None:
            record[label] = Twice([record[label], value]) if label in record else value
    return record


def _read(
    record: dict[str, Any],
    base: dict[str, Any],
    heard: Heard,
    groups: dict[tuple[str, datetime | None], _Group],
) -> None:
    for label, value in record.items():
        if label.endswith("_"):
            raise Refused(Reason.bad_value, "a label that must be understood and is not known")
        if isinstance(value, Twice):
            raise Refused(Reason.bad_value, "a label given twice with different values")
        if label in ("bn", "bt", "bu", "bv", "bs", "bver"):
            base[label] = value
    version = base.get("bver")
    if version is not None and (number(version) or 0) > VERSION:
        raise Refused(Reason.bad_value, f"SenML version above {VERSION}")
    if not {"v", "vb", "vs"} & record.keys():
        return  # only a base, or a sum or data that is no reading of ours
    before, own = base.get("bn", ""), record.get("n", "")
    if not isinstance(before, str) or not isinstance(own, str) or len(before) + len(own) > 256:
        raise Refused(Reason.bad_value, "a name is a text of at most 256 characters")
    unit = record.get("u", base.get("bu", ""))
    unit = unit if isinstance(unit, str) else ""
    device, quantity = _named(before, own, unit)
    if quantity is None and not {"vb", "vs"}.isdisjoint(record) and (found := _ALARM.search(before + own)):
        device, quantity = (before + own)[: found.start()].rstrip(_ENDS), THE_ALARM
    if quantity is None:
        groups.setdefault((device, None), _Group(None))  # it is there, and says nothing that we know
        return
    at, fault = _at(record, base, heard)
    group = groups.setdefault((device, at), _Group(at))
    if fault is not None:
        group.faults.append(fault)
    measured = "v" in record
    value = record.get("v", record.get("vb", record.get("vs")))
    if measured and "bv" in base:
        one, two = number(value), number(base["bv"])
        value = one + two if one is not None and two is not None else value
    if (
        exact(own or before) == "door_open"
        and (own or before).rpartition("/")[2].lower() == "contact"
        and value in (True, False)
    ):
        value = not value  # as everywhere in JSON: a contact that is true is closed
    group.records.append(_Record(quantity, value, unit if measured else "", measured))


def _named(before: str, own: str, unit: str) -> tuple[str, str | None]:
    """(device, quantity) of a record."""
    split = tail(before + own)
    if split is not None:
        device, last = split
        return device.rstrip(_ENDS), exact(last)
    if own and (quantity := guess(own)) is not None:
        return before.rstrip(_ENDS), quantity
    device = (before if own and before else before + own).rstrip(_ENDS)
    return device, _BY_UNIT.get(unit)


def _at(record: dict[str, Any], base: dict[str, Any], heard: Heard) -> tuple[datetime | None, Refused | None]:
    parts = [number(x) for x in (base.get("bt"), record.get("t")) if x is not None]
    if not parts:
        return None, None
    wrong = Refused(Reason.bad_value, "time: SenML counts seconds", quantity="time")
    if None in parts:
        return None, wrong
    seconds = sum(p for p in parts if p is not None)
    try:
        if seconds < RELATIVE_BELOW:
            return heard.received_at + timedelta(seconds=seconds), None
        return read_time(min(seconds, 9e10), zone=heard.zone), None
    except (Refused, OverflowError):
        return None, wrong


def _say(group: _Group, claim: Claim) -> Said:
    said = Said(device_at=group.at, faults=list(group.faults))
    for r in group.records:
        quantity = r.quantity
        if quantity == THE_ALARM:
            if claim.kind is None or claim.kind not in ALARM_KINDS:
                continue
            quantity = STATE_OF[claim.kind]
        take(said, quantity, r.value, claim, unit=r.unit, measured=r.measured)
    return said


__all__ = ["SenML"]
