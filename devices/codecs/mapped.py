"""Reads messages by a mapping file. Start at `Mapped.hear`; the shape of a file is `devices.mapping.Mapping`.

A message becomes records (itself, the items of a list, or code and value pairs), each record one device's utterance.
What a field means is decided when its device is known, because a condition may ask for `$kind`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import partial
from typing import Any

from care.errors import Reason, Refused
from care.words import Kind
from devices.actions import calls
from devices.codecs import ITEMS_LIMIT, Said, Twice, read_json, read_time
from devices.codecs.utterance import STRONGEST, Claim, Heard, Utterance, identity
from devices.expressions import MISSING, Look, Path, look, number, truth, word
from devices.mapping import PREFIX, Compiled, Else, Pattern, Read, TimeFormat
from devices.quantities import QUANTITIES, Nature

_RATIO = re.compile(r"^\s*(\d{1,6}(?:\.\d{1,6})?)\s*/\s*(\d{1,6}(?:\.\d{1,6})?)\s*$", re.ASCII)
_COMPACT = re.compile(r"^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$", re.ASCII)
_POINT_TIME = "@time"
"""Where the time of code and value pairs is put in the record that is made of them."""


@dataclass(frozen=True, slots=True)
class Mapped:
    """The dialect of one mapping file."""

    mapping: Compiled
    learnt: int = 0

    @property
    def name(self) -> str:
        return PREFIX + self.mapping.name

    def addresses(self, topic: str) -> tuple[str, ...]:
        parts, fits = self._parts(topic)
        part = self.mapping.doc.device.part
        return tuple(_addresses(self.mapping, topic, parts, fits, parts.get(part) if part else None))

    def hear(self, heard: Heard) -> list[Utterance | Refused]:
        m = self.mapping
        root = read_json(heard.payload)
        if isinstance(root, dict) and not root:
            raise Refused(Reason.empty, "an object without any field")
        if not isinstance(root, dict | list):
            raise Refused(Reason.not_json, "an object with fields is wanted")
        torn = _unfolded(root, m.json_text)
        parts, fits = self._parts(heard.topic)
        out: list[Utterance | Refused] = []
        for item in _records(m, root):
            if isinstance(item, Refused):
                out.append(item)
                continue
            broken = _unfolded(item, m.each_json_text) or torn
            for record in _by_points(m, item):
                out.extend(self._utter(heard, root, record, parts, fits, broken))
                if len(out) > 2 * ITEMS_LIMIT:
                    raise Refused(Reason.too_large, f"more than {ITEMS_LIMIT} records in one message")
        return out

    def _parts(self, topic: str) -> tuple[dict[str, str], Pattern | None]:
        for pattern in self.mapping.patterns:
            match = pattern.regex.fullmatch(topic)
            if match is not None:
                return match.groupdict(), pattern
        return {}, None

    def _utter(
        self,
        heard: Heard,
        root: Any,
        record: dict[str, Any],
        parts: dict[str, str],
        fits: Pattern | None,
        broken: Refused | None,
    ) -> Iterable[Utterance | Refused]:
        """`broken`: JSON that stands as a text in this record and cannot be read; who said it may still be known."""
        m = self.mapping
        see = _sight(record, root, parts, None)
        if broken is None and m.when is not None and not m.when(see):
            return
        name: str | None = None
        if m.doc.device.part is not None:
            name = parts.get(m.doc.device.part)
        elif m.device_fields:
            raw = _first(see, m.device_fields)
            name = identity(raw)
            if name is None and raw is not MISSING and raw is not None and not isinstance(raw, Twice):
                yield Refused(Reason.bad_value, "the field that names the device holds no name")
                return
        addresses = tuple(_addresses(m, heard.topic, parts, fits, name))
        home, names = parts.get("home", ""), (name,) if name else ()
        if broken is not None:
            if name is None and m.device_fields:
                yield broken
            else:
                yield Utterance(addresses, partial(_refuse, broken), "", home, names, m.doc.kind)
            return
        if m.state is not None:
            fields, words = m.state
            state = words.get(word(_first(see, fields)) or "")
            if state is not None:
                said = partial(_say, m, record, root, parts, heard)
                yield Utterance(addresses, said, "", home, names, m.doc.kind, state)
                if not any(_first(see, r.fields) is not MISSING for r in m.readings if r.fields):
                    return
        yield Utterance(addresses, partial(_say, m, record, root, parts, heard), "", home, names, m.doc.kind)


# -- whose ---------------------------------------------------------------------------------------------------------


def _addresses(
    m: Compiled, topic: str, parts: dict[str, str], fits: Pattern | None, name: str | None
) -> Iterable[str]:
    known = {**parts, "topic": topic, **({"device": name} if name else {})}
    if m.doc.address is not None:
        wanted = set(re.findall(r"\{([a-z_]+)\}", m.doc.address))
        if wanted <= known.keys():
            yield m.doc.address.format(**known)
    if m.doc.device.part is None and m.device_fields:
        if name:
            yield f"{topic}/{name}"
        yield topic
        return
    yield topic
    if fits is not None and name:
        # The device speaks on several topics of this mapping: any of them may stand in the site file.
        for pattern in m.patterns:
            if pattern is not fits and pattern.fixed and set(pattern.parts) <= parts.keys():
                yield pattern.text.format(**parts)


# -- records -------------------------------------------------------------------------------------------------------


def _refuse(fault: Refused, _claim: Claim) -> Said:
    raise fault


def _unfolded(value: Any, paths: Iterable[Path]) -> Refused | None:
    """Reads JSON that stands as texts, in place; the first fault in one, which leaves the others readable."""
    fault: Refused | None = None
    for path in paths:
        try:
            _unfold(value, path)
        except Refused as found:
            fault = fault or found
    return fault


def _unfold(value: Any, path: Path) -> None:
    """Reads JSON that stands as a text at a path, in place."""
    holder = look(value, path[:-1]) if len(path) > 1 else value
    last = path[-1]
    text = look(holder, (last,))
    if not isinstance(text, str):
        return
    inner = read_json(text.encode("utf-8", "surrogatepass"))
    if isinstance(holder, dict):
        holder[str(last)] = inner
    elif isinstance(holder, list):
        holder[int(last)] = inner


def _records(m: Compiled, root: Any) -> list[dict[str, Any] | Refused]:
    items = root
    if m.records is not None:
        items = look(root, m.records)
        if items is MISSING or items is None:
            items = root  # nothing to report: it is there, and that is all
    if isinstance(items, dict):
        items = [items]
    if not isinstance(items, list):
        raise Refused(Reason.not_json, "a list of records is wanted")
    if not items:
        raise Refused(Reason.empty, "an empty list")
    if len(items) > ITEMS_LIMIT:
        raise Refused(Reason.too_large, f"more than {ITEMS_LIMIT} records in one message")
    return [
        item if isinstance(item, dict) else Refused(Reason.not_json, "an object with fields is wanted")
        for item in items
    ]


def _by_points(m: Compiled, record: dict[str, Any]) -> list[dict[str, Any]]:
    """One record for each time at which points were taken."""
    if m.points is None:
        return [record]
    lists, code, value, times = m.points
    held = next((h for h in (look(record, p) for p in lists) if isinstance(h, list | dict)), None)
    if held is None:
        return [record]
    if len(held) > ITEMS_LIMIT:
        raise Refused(Reason.too_large, f"more than {ITEMS_LIMIT} values in one message")
    out: dict[str, dict[str, Any]] = {}
    for name, raw, at in _points(held, code, value, times):
        group = out.get(word(at) or "")
        if group is None:
            group = out[word(at) or ""] = {**record, _POINT_TIME: None if at is MISSING else at}
        old = group.get(name, MISSING) if name in group.get("@codes", ()) else MISSING
        group.setdefault("@codes", set()).add(name)
        group[name] = raw if old is MISSING or old == raw else Twice([old, raw])
    return list(out.values()) or [record]


def _points(
    held: list[Any] | dict[str, Any], code: Path, value: Path, times: tuple[Path, ...]
) -> Iterable[tuple[str, Any, Any]]:
    """(code, value, time) of each point, however it is written."""

    def at(point: Any) -> Any:
        return next((t for t in (look(point, p) for p in times) if t is not MISSING), MISSING)

    for point in [held] if isinstance(held, dict) else held:
        name = look(point, code)
        if isinstance(name, str) and look(point, value) is not MISSING:
            yield name, look(point, value), at(point)
            continue
        for key, raw in point.items() if isinstance(point, dict) else ():
            inner = look(raw, value)
            yield (key, raw, MISSING) if inner is MISSING else (key, inner, at(raw))


def _sight(record: Any, root: Any, parts: dict[str, str], kind: Kind | None) -> Look:
    """How paths find their way: below the record; `$` the message, `$kind` the device's kind, `$part` of the topic."""

    def see(path: Path) -> Any:
        first = path[0]
        if isinstance(first, str) and first.startswith("$"):
            if first == "$":
                return look(root, path[1:])
            if first == "$kind":
                return kind.value if kind is not None else None
            return parts.get(first[1:], MISSING)
        return look(record, path)

    return see


def _first(see: Look, paths: Iterable[Path]) -> Any:
    """The first field that holds something; null if all that are there are null; MISSING if none is there."""
    found: Any = MISSING
    for path in paths:
        value = see(path)
        if value is not MISSING and value is not None:
            return value
        if value is None:
            found = None
    return found


# -- values --------------------------------------------------------------------------------------------------------

_UNKNOWN = object()
_SKIP = object()


def _say(
    m: Compiled,
    record: dict[str, Any],
    root: Any,
    parts: dict[str, str],
    heard: Heard,
    claim: Claim,
) -> Said:
    said = Said()
    see = _sight(record, root, parts, claim.kind)
    found: dict[str, Any] = {}
    for read in m.readings:
        try:
            value = _value(read, see)
        except Refused as fault:
            said.faults.append(fault)
            continue
        if value is _SKIP:
            continue
        quantity = read.doc.quantity
        old = found.get(quantity, _UNKNOWN)
        if old is _UNKNOWN or (quantity in STRONGEST and value is not _UNKNOWN and not truth(old)):
            found[quantity] = value
    for quantity, value in found.items():
        if value is _UNKNOWN:
            said.unknown.append(quantity)
        elif quantity != "sos" or truth(value):
            said.take(quantity, value)
            if quantity == "action" and calls(str(said.values.get("action", "")), claim.calls_on):
                said.values["sos"] = True
    said.test = m.test is not None and m.test(see)
    _times(m, see, heard, said)
    raw = _first(see, m.seq)
    if raw is not MISSING and raw is not None:
        counted = number(raw)
        if counted is not None and counted.is_integer() and 0 <= counted < 2**53:
            said.seq = int(counted)
        else:
            said.faults.append(Refused(Reason.bad_value, "seq: a counter from 0 is wanted", quantity="seq"))
    return said


def _value(read: Read, see: Look) -> Any:
    doc = read.doc
    holds = read.when is None or read.when(see)
    if not read.fields:
        return doc.value if holds else _SKIP
    raw = _first(see, read.fields)
    if raw is MISSING:
        return _SKIP
    if not holds:
        return _otherwise(doc.otherwise, doc.quantity, "not valid in this message")
    if raw is None:
        return _UNKNOWN
    if isinstance(raw, Twice) and doc.quantity != "sos":
        raise Refused(
            Reason.bad_value, f"{doc.quantity}: given twice with different values", quantity=doc.quantity
        )
    name = word(raw)
    if name is not None and name in read.invalid:
        return _UNKNOWN
    if read.table is not None:
        if name in read.table:
            meant = read.table[name]
            return _UNKNOWN if meant is None else meant
        if not (read.numeric and doc.unlisted is Else.refuse):
            return _otherwise(doc.unlisted, doc.quantity, "a value that the mapping does not know")
    if QUANTITIES[doc.quantity].nature is Nature.press and isinstance(raw, Twice):
        return True
    return _measured(read, raw) if read.numeric else raw


def _otherwise(policy: Else, quantity: str, why: str) -> Any:
    if policy is Else.refuse:
        raise Refused(Reason.bad_value, f"{quantity}: {why}", quantity=quantity)
    return _UNKNOWN if policy is Else.unknown else _SKIP


def _measured(read: Read, raw: Any) -> Any:
    doc = read.doc
    value: float | None = None
    if (
        isinstance(raw, str)
        and (match := _RATIO.match(raw)) is not None
        and (doc.ratio or float(match[2]) == 100)
    ):
        whole = float(match[2])
        value = 100 * float(match[1]) / whole if whole else None
    elif not isinstance(raw, bool):
        value = number(raw)
    if value is None:
        return raw  # said.take says what is wrong with it
    if isinstance(raw, int | float) and (doc.scale, doc.offset, read.factor, read.shift) == (1, 0, 1, 0):
        value = raw
    else:
        value = round((value * doc.scale + doc.offset) * read.factor + read.shift, 6)
    if doc.clamp:
        quantity = QUANTITIES[doc.quantity]
        assert quantity.low is not None
        assert quantity.high is not None
        value = min(max(value, quantity.low), quantity.high)
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else value


def _times(m: Compiled, see: Look, heard: Heard, said: Said) -> None:
    times = m.times
    if m.points is not None and m.points[3]:
        times = ((((_POINT_TIME,),), TimeFormat.auto, None), *times)
    for fields, form, when in times:
        raw = _first(see, fields)
        if raw is MISSING or raw is None or (when is not None and not when(see)):
            continue
        try:
            said.device_at = _time(raw, form, heard.zone, heard.received_at)
        except Refused as fault:
            said.faults.append(fault)
        if said.device_at is not None:
            return


def _time(raw: Any, form: TimeFormat, zone: tzinfo, received_at: datetime) -> datetime | None:
    if form in (TimeFormat.s, TimeFormat.ms):
        count = number(raw)
        if count is None:
            raise Refused(Reason.bad_value, f"time: a count of {form.value} is wanted", quantity="time")
        if count <= 0:
            return None  # never set
        # read_time tells seconds from milliseconds by their size; here the file has said which.
        return read_time(min(count * (1000 if form is TimeFormat.s else 1), 9e13) or None, zone=zone)
    if form is TimeFormat.compact:
        match = _COMPACT.match(word(raw) or "")
        if match is None:
            raise Refused(Reason.bad_value, "time: digits like 20260523040000 are wanted", quantity="time")
        y, mo, d, h, mi, s = match.groups()
        return read_time(f"{y}-{mo}-{d}T{h}:{mi}:{s}", zone=zone)
    if form is TimeFormat.iso and not isinstance(raw, str):
        raise Refused(Reason.bad_value, "time: RFC 3339 is wanted", quantity="time")
    return read_time(raw, zone=zone, received_at=received_at)


__all__ = ["Mapped"]
