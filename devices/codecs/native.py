"""Our own dialect (contract section 4): a JSON object, or an array of objects, with quantities by name.

Start at `decode`. Unknown fields are ignored here and kept with the raw message; one bad quantity refuses itself only.
"""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import Any

from care.errors import Reason, Refused
from devices.codecs import ITEMS_LIMIT, Said, Twice, read_json, read_time
from devices.quantities import QUANTITIES

_KNOWN = frozenset(QUANTITIES)
_VITALS = ("heart_rate", "respiration_rate")


def decode(payload: bytes, *, zone: tzinfo, received_at: datetime | None = None) -> list[Said | Refused]:
    """What the device said, one for each object, in order; an object that is none gives its Refused.

    `zone` is the community's, for times without one. Raises Refused when the message as a whole cannot be read.
    """
    value = read_json(payload)
    items = value if isinstance(value, list) else [value]
    if not items:
        raise Refused(Reason.empty, "an empty array")
    if len(items) > ITEMS_LIMIT:
        raise Refused(Reason.too_large, f"more than {ITEMS_LIMIT} objects in one message")
    if not isinstance(value, dict) and not any(isinstance(item, dict) for item in items):
        raise Refused(Reason.not_json, "an object with quantities is wanted")
    return [_object(item, zone, received_at) for item in items]


def _object(item: Any, zone: tzinfo, received_at: datetime | None) -> Said | Refused:
    if not isinstance(item, dict):
        return Refused(Reason.not_json, "an object with quantities is wanted")
    if not item:
        return Refused(Reason.empty, "an object without any field")
    said = Said()
    for key, raw in item.items():
        if key in _KNOWN:
            if isinstance(raw, Twice) and key != "sos":
                said.faults.append(_twice(key))
            else:
                said.take(key, raw)
        elif key == "time":
            try:
                said.device_at = read_time(_one(key, raw), zone=zone, received_at=received_at)
            except Refused as fault:
                said.faults.append(fault)
        elif key == "seq":
            try:
                said.seq = _seq(_one(key, raw))
            except Refused as fault:
                said.faults.append(fault)
        elif key == "test":
            # Only a clear yes declares a test: a doubtful word must not turn an alarm into an exercise.
            said.test = raw is True or raw == 1 or (isinstance(raw, str) and raw.strip().lower() == "true")
    if "heart_rate" in item or "respiration_rate" in item:
        _unplugged(said, item)
    return said


def _unplugged(said: Said, item: dict[str, Any]) -> None:
    """255 in the heart or the breath is how the belts of one byte say "not connected" (fixtures/README.md): nothing was
    measured. With no other vital sign beside it there is no signal, which is technical and never a heart that stopped.
    """
    told = {key for key in _VITALS if _is_255(item.get(key))}
    if not told:
        return
    for key in told:
        said.values.pop(key, None)
        said.unknown.append(key)
    said.faults[:] = [fault for fault in said.faults if fault.quantity not in told]
    if all(key in told or item.get(key) is None for key in _VITALS):
        said.values["signal_quality"] = 0


def _is_255(raw: Any) -> bool:
    return not isinstance(raw, bool) and (raw in (255, "255"))


def _one(key: str, raw: Any) -> Any:
    if isinstance(raw, Twice):
        raise _twice(key)
    return raw


def _twice(key: str) -> Refused:
    return Refused(Reason.bad_value, f"{key}: given twice with different values", quantity=key)


def _seq(raw: Any) -> int | None:
    if raw is None:
        return None
    if isinstance(raw, str) and raw.strip().isascii() and raw.strip().isdigit() and len(raw) <= 19:
        raw = int(raw)
    if isinstance(raw, float) and raw.is_integer():
        raw = int(raw)
    if isinstance(raw, int) and not isinstance(raw, bool) and 0 <= raw < 2**63:
        return raw
    raise Refused(Reason.bad_value, "seq: a counter from 0 is wanted", quantity="seq")
