"""Mapping files: a vendor's payload told in YAML instead of code. Start at `Mapping`, the shape of a file.

`load(name)` gives one that ships (`devices/mappings/NAME.yaml`) or one by its path; `read_mapping(text)` checks a text
and refuses what is wrong with it: file, line, reason. `devices.codecs.mapped` decodes by it. The structs are also the
source of `mappings/schema.json`, for editors. docs/dialects.md shows how to write one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path as File
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from care.errors import Misconfigured
from care.sitefile import Fault, SiteFaults, Tree, explain
from care.words import Kind
from devices.expressions import Condition, ExpressionFault, Path, compile_condition, parse_path, word
from devices.quantities import QUANTITIES, Nature

MAPPINGS = File(__file__).parent / "mappings"
"""The mappings that ship with the program."""
PREFIX = "mapped:"
"""A dialect in `mqtt.subscriptions` is `mapped:NAME`, or `mapped:PATH.yaml` for a file of one's own."""

Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64)]
Field = str | list[str]
"""A path into the record, or several of which the first that is there counts."""
Scalar = bool | int | float | str | None


class TimeFormat(StrEnum):
    """How a time is written."""

    auto = "auto"
    """RFC 3339, or an epoch count whose length tells its unit."""
    s = "s"
    ms = "ms"
    iso = "iso"
    compact = "compact"
    """`20260523040000`, in the community's zone."""


class Else(StrEnum):
    """What becomes of a value that the mapping does not know, or that is not valid now."""

    refuse = "refuse"
    """It is refused by name and kept; nothing is guessed."""
    unknown = "unknown"
    """The quantity is neither true nor false nor a number."""
    skip = "skip"
    """Nothing is said about the quantity."""


class Device(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a message says who speaks: a named part of the topic, or a field."""

    part: str | None = None
    field: Field | None = None


class Points(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Points of data that are read as one record of codes.

    A list of {code, value} pairs, a list of objects with the codes as keys, or one object with them; there, what stands
    below a code is the value, or an object that holds it.
    """

    list: Field
    code: str = "code"
    value: str = "value"
    time: Field | None = None
    """Each point's own time; points of different times become records of their own."""


class Time(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A field with the time of the reading."""

    field: Field
    format: TimeFormat = TimeFormat.auto
    when: str | None = None


class State(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A field that says whether the device can be reached."""

    field: Field
    online: list[Scalar]
    offline: list[Scalar]


class Reading(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One quantity and how it is read. Steps in order: when, invalid, map or yes/no, ratio, scale, offset, unit, clamp."""

    quantity: str
    field: Field | None = None
    value: Scalar = None
    """Instead of a field: what is said whenever `when` holds."""
    when: str | None = None
    """Valid only if so; otherwise see `otherwise`."""
    otherwise: Else = Else.unknown
    invalid: list[Scalar] = []
    """Values that stand for nothing measured: 255, -1, 65535. The quantity is then unknown."""
    map: dict[str, Scalar] = {}
    """Published value -> value of the quantity; null is unknown."""
    yes: list[Scalar] = []
    no: list[Scalar] = []
    unlisted: Else = Else.refuse
    """For a value that is in none of map, yes, no, when there are any."""
    ratio: bool = False
    """A text like `64/100` is 64 of a hundred."""
    scale: float = 1
    offset: float = 0
    unit: str = ""
    """The unit the device writes, if it is not that of the quantity table."""
    clamp: bool = False
    """Brought into the range of the quantity instead of refused."""


class Mapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A mapping file: how one vendor's messages are read."""

    mapping: Name
    about: str
    readings: list[Reading]
    source: str = ""
    """Where the meaning of the fields is written down."""
    topics: list[str] = []
    """`vendor/{home}/{device}`: named parts are one level; `+` any level, `#` the rest."""
    device: Device = Device()
    """Neither part nor field: the whole topic is one device."""
    address: str | None = None
    """What stands in the site file: `{topic}`, `{device}` and the named parts may be used."""
    kind: Kind | None = None
    """What an unclaimed device probably is."""
    json_text: list[str] = []
    """Fields that hold JSON inside a text; they are read in place, first of all."""
    records: str | None = None
    """A list whose items are readings of their own."""
    each_json_text: list[str] = []
    """The same as json_text, inside each record."""
    points: Points | None = None
    when: str | None = None
    """Records for which it does not hold are left alone."""
    time: list[Time] = []
    seq: Field | None = None
    test: str | None = None
    """Holds for a declared test."""
    state: State | None = None
    version: int = 1


class MappingFaults(Misconfigured):
    """A mapping file has faults; it is not used."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = list(faults)
        super().__init__("; ".join(self.faults))


# -- compiled -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Read:
    """A reading with its paths and conditions read, its tables by word."""

    doc: Reading
    fields: tuple[Path, ...]
    when: Condition | None
    invalid: frozenset[str]
    table: dict[str, Scalar] | None
    factor: float
    shift: float
    numeric: bool


@dataclass(frozen=True)
class Pattern:
    """A topic pattern: its regular expression and the names of its parts."""

    text: str
    parts: tuple[str, ...]

    @cached_property
    def regex(self) -> re.Pattern[str]:
        out = []
        for level in self.text.split("/"):
            if level == "#":
                out.append(".+")
            elif level == "+":
                out.append("[^/]+")
            else:
                pieces = re.split(r"\{([a-z_]+)\}", level)
                out.append(
                    "".join(f"(?P<{p}>[^/]+)" if i % 2 else re.escape(p) for i, p in enumerate(pieces))
                )
        return re.compile("/".join(out))

    @property
    def fixed(self) -> bool:
        """Whether the named parts alone make a topic of it."""
        return not {"+", "#"} & set(self.text.split("/"))


@dataclass(frozen=True, slots=True)
class Compiled:
    """A mapping ready to decode by."""

    doc: Mapping
    patterns: tuple[Pattern, ...]
    device_fields: tuple[Path, ...]
    json_text: tuple[Path, ...]
    each_json_text: tuple[Path, ...]
    records: Path | None
    points: tuple[tuple[Path, ...], Path, Path, tuple[Path, ...]] | None
    when: Condition | None
    times: tuple[tuple[tuple[Path, ...], TimeFormat, Condition | None], ...]
    seq: tuple[Path, ...]
    test: Condition | None
    state: tuple[tuple[Path, ...], dict[str, str]] | None
    readings: tuple[Read, ...]

    @property
    def name(self) -> str:
        return self.doc.mapping


_LINEAR: dict[tuple[str, str], tuple[float, float]] = {
    # (unit of the quantity, unit of the device) -> factor, shift
    ("mV", "V"): (1000.0, 0.0),
    ("mV", "µV"): (0.001, 0.0),
    ("L", "m3"): (1000.0, 0.0),
    ("L", "m³"): (1000.0, 0.0),
    ("L", "mL"): (0.001, 0.0),
    ("L", "dm3"): (1.0, 0.0),
    ("L", "gal"): (3.785411784, 0.0),
    ("°C", "°F"): (1 / 1.8, -32 / 1.8),
    ("°C", "F"): (1 / 1.8, -32 / 1.8),
    ("°C", "K"): (1.0, -273.15),
    ("°C", "Cel"): (1.0, 0.0),
    ("°C", "C"): (1.0, 0.0),
    ("°C", "℃"): (1.0, 0.0),
    ("°C", "°C"): (1.0, 0.0),
    ("1/min", "Hz"): (60.0, 0.0),
    ("1/min", "1/s"): (60.0, 0.0),
    ("1/min", "beat/min"): (1.0, 0.0),
    ("1/min", "bpm"): (1.0, 0.0),
    ("1/min", "rpm"): (1.0, 0.0),
    ("%", "/"): (100.0, 0.0),
    ("%", "%RH"): (1.0, 0.0),
    ("%", "%EL"): (1.0, 0.0),
    ("%LEL", "LEL"): (1.0, 0.0),
    ("", "%"): (1.0, 0.0),
    ("", "/"): (100.0, 0.0),
    ("mV", "mV"): (1.0, 0.0),
    ("L", "l"): (1.0, 0.0),
    ("lx", "lux"): (1.0, 0.0),
    ("ppm", "ppb"): (0.001, 0.0),
}


def conversion(quantity: str, unit: str) -> tuple[float, float] | None:
    """(factor, shift) from a device's unit to that of the quantity; None when there is none."""
    own = QUANTITIES[quantity].unit
    return (1.0, 0.0) if unit in ("", own) else _LINEAR.get((own, unit))


def load(name: str) -> Compiled:
    """A mapping that ships, by name, or a file of one's own, by path. Raises Misconfigured."""
    own = name.endswith((".yaml", ".yml"))
    file = File(name) if own else MAPPINGS / f"{name}.yaml"
    if not own and not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name):
        raise Misconfigured(
            f"`{PREFIX}{name}`: a mapping is named in lower case, or is the path of a .yaml file"
        )
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        if not own:
            raise Misconfigured(f"there is no mapping `{name}`; shipped are {', '.join(shipped())}") from None
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise Misconfigured(f"mapping file `{name}` cannot be read: {reason}") from None
    return read_mapping(text, str(file) if own else file.name)


def shipped() -> list[str]:
    """Names of the mappings that ship."""
    return sorted(file.stem for file in MAPPINGS.glob("*.yaml"))


def schema() -> dict[str, Any]:
    """JSON Schema of a mapping file, for editors; `mappings/schema.json` is this."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(Mapping)}


_UNKNOWN = re.compile(r"contains unknown field `([^`]*)`")
_PARTS = re.compile(r"\{([^{}]*)\}")


def read_mapping(text: str, file: str = "mapping") -> Compiled:
    """Check a mapping and make it ready. Raises MappingFaults with every fault: `file:line: reason`."""
    try:
        tree = Tree(text)
    except SiteFaults as error:
        raise MappingFaults(f"{file}:{f.line}: {f.text}" for f in error.faults) from None
    reader = _Reader(tree)
    found = reader.read()
    if found is None or tree.faults:
        raise MappingFaults(f"{file}:{f.line}: {f.text}" for f in sorted(set(tree.faults)))
    return found


class _Reader:
    """Collects every fault of one file."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree

    def fault(self, where: tuple[str | int, ...], text: str) -> None:
        self.tree.faults.append(Fault(self.tree.line(where), text))

    def read(self) -> Compiled | None:
        data = self.tree.data
        if not isinstance(data, dict):
            self.fault((), "a mapping file starts with `mapping: name` and has `readings:`")
            return None
        try:
            doc = msgspec.convert(data, Mapping)
        except msgspec.ValidationError as error:
            what, where = explain(error, ())
            unknown = _UNKNOWN.search(what)
            if unknown:
                where = (*where, unknown[1])
            name = ".".join(str(w) for w in where if not isinstance(w, int))
            self.fault(where, f"{name}: {what}" if name and not unknown else what)
            return None
        patterns = tuple(p for i, text in enumerate(doc.topics) if (p := self.pattern(text, ("topics", i))))
        self.check_identity(doc, patterns)
        if not doc.readings and doc.state is None:
            self.fault(("readings",), "readings: at least one is wanted, or a `state`")
        return Compiled(
            doc=doc,
            patterns=patterns,
            device_fields=self.fields(doc.device.field, ("device", "field")),
            json_text=tuple(self.path(p, ("json_text", i)) for i, p in enumerate(doc.json_text)),
            each_json_text=tuple(
                self.path(p, ("each_json_text", i)) for i, p in enumerate(doc.each_json_text)
            ),
            records=None if doc.records is None else self.path(doc.records, ("records",)),
            points=None if doc.points is None else self.points(doc.points),
            when=self.condition(doc.when, ("when",)),
            times=tuple(
                (
                    self.fields(t.field, ("time", i, "field")),
                    t.format,
                    self.condition(t.when, ("time", i, "when")),
                )
                for i, t in enumerate(doc.time)
            ),
            seq=self.fields(doc.seq, ("seq",)),
            test=self.condition(doc.test, ("test",)),
            state=None if doc.state is None else self.state(doc.state),
            readings=tuple(
                r for i, one in enumerate(doc.readings) if (r := self.reading(one, ("readings", i)))
            ),
        )

    def pattern(self, text: str, where: tuple[str | int, ...]) -> Pattern | None:
        levels = text.split("/")
        names = _PARTS.findall(text)
        plain = _PARTS.sub("", text)
        if not text or not all(levels):
            self.fault(where, f"topic `{text}` has an empty level")
        elif any(not re.fullmatch(r"[a-z][a-z_]*", n) for n in names) or {"{", "}"} & set(plain):
            self.fault(where, f"topic `{text}`: a part is named like {{device}}, in small letters")
        elif len(set(names)) < len(names):
            self.fault(where, f"topic `{text}` names a part twice")
        elif any(("+" in lv or "#" in lv) and len(lv) > 1 for lv in levels) or "#" in levels[:-1]:
            self.fault(where, f"topic `{text}`: `+` is a whole level and `#` the whole last one")
        elif "}{" in text:
            self.fault(where, f"topic `{text}`: between two parts of a level there must be something fixed")
        else:
            return Pattern(text, tuple(names))
        return None

    def check_identity(self, doc: Mapping, patterns: tuple[Pattern, ...]) -> None:
        device = doc.device
        if device.part is not None and device.field is not None:
            self.fault(("device",), "device: a `part` of the topic or a `field`, not both")
        if device.part is not None and not any(device.part in p.parts for p in patterns):
            self.fault(("device", "part"), f"device: no topic has a part {{{device.part}}}")
        known = {"topic", "device", *(n for p in patterns for n in p.parts)}
        for name in _PARTS.findall(doc.address or ""):
            if name not in known:
                self.fault(("address",), f"address: `{{{name}}}` is none of {', '.join(sorted(known))}")
        if doc.address is not None and ({"+", "#"} & set(doc.address) or not doc.address.strip("/")):
            self.fault(("address",), "address: one topic without wildcards is wanted")

    def path(self, text: str, where: tuple[str | int, ...]) -> Path:
        try:
            return parse_path(text)
        except ExpressionFault as error:
            self.fault(where, str(error))
            return ("",)

    def fields(self, field: Field | None, where: tuple[str | int, ...]) -> tuple[Path, ...]:
        if field is None:
            return ()
        if isinstance(field, str):
            return (self.path(field, where),)
        return tuple(self.path(one, (*where, i)) for i, one in enumerate(field))

    def condition(self, text: str | None, where: tuple[str | int, ...]) -> Condition | None:
        if text is None:
            return None
        try:
            return compile_condition(text)
        except ExpressionFault as error:
            self.fault(where, str(error))
            return None

    def points(self, points: Points) -> tuple[tuple[Path, ...], Path, Path, tuple[Path, ...]]:
        return (
            self.fields(points.list, ("points", "list")),
            self.path(points.code, ("points", "code")),
            self.path(points.value, ("points", "value")),
            self.fields(points.time, ("points", "time")),
        )

    def state(self, state: State) -> tuple[tuple[Path, ...], dict[str, str]]:
        words = {key(v): "online" for v in state.online} | {key(v): "offline" for v in state.offline}
        return self.fields(state.field, ("state", "field")), words

    def reading(self, doc: Reading, where: tuple[str | int, ...]) -> Read | None:
        quantity = QUANTITIES.get(doc.quantity)
        if quantity is None:
            self.fault(
                (*where, "quantity"), f"`{doc.quantity}` is not a quantity; known are {', '.join(QUANTITIES)}"
            )
            return None
        if doc.field is None and doc.value is None:
            self.fault(where, f"{doc.quantity}: a `field`, or a `value` with a `when`, is wanted")
        if doc.field is not None and doc.value is not None:
            self.fault(where, f"{doc.quantity}: a `field` or a `value`, not both")
        table: dict[str, Scalar] = {}
        for given, value in [
            *doc.map.items(), *((v, True) for v in doc.yes), *((v, False) for v in doc.no)
        ]:  # fmt: skip
            name = key(given)
            if name in table and table[name] != value:
                self.fault(where, f"{doc.quantity}: `{given}` has two meanings")
            table[name] = value
        numeric = quantity.numeric
        if quantity.nature in (Nature.state, Nature.press):
            for name, value in table.items():
                if not (
                    value is None or isinstance(value, bool) or (quantity.texts and isinstance(value, str))
                ):
                    self.fault((*where, "map"), f"{doc.quantity}: `{name}` must become true, false or null")
        if not numeric and (doc.ratio or doc.scale != 1 or doc.offset or doc.unit or doc.clamp):
            self.fault(
                where, f"{doc.quantity} is no number: ratio, scale, offset, unit and clamp mean nothing here"
            )
        factor, shift = 1.0, 0.0
        if numeric:
            converted = conversion(doc.quantity, doc.unit)
            if converted is None:
                self.fault(
                    (*where, "unit"),
                    f"{doc.quantity}: `{doc.unit}` cannot be turned into {quantity.unit or 'a plain number'}; use scale",
                )
            else:
                factor, shift = converted
            if doc.scale == 0:
                self.fault((*where, "scale"), f"{doc.quantity}: a scale of 0 leaves nothing")
        return Read(
            doc=doc,
            fields=self.fields(doc.field, (*where, "field")),
            when=self.condition(doc.when, (*where, "when")),
            invalid=frozenset(key(v) for v in doc.invalid if v is not None),
            table=table or None,
            factor=factor,
            shift=shift,
            numeric=numeric,
        )


def key(value: object) -> str:
    """A published value as the key of a table: case, spaces, and 1 against "1" against 1.0 do not matter."""
    return word(value) or ""


__all__ = [
    "MAPPINGS",
    "PREFIX",
    "Compiled",
    "Mapping",
    "MappingFaults",
    "conversion",
    "key",
    "load",
    "read_mapping",
    "schema",
    "shipped",
]
