"""Drafts a mapping file from captured messages: what could be told, and, in comments, what could not. Pure.

Start at `draft`. It groups the topics, finds the parts that vary, opens JSON inside texts and lists of records, and
guesses quantities by names, units of size and sets of values. The draft is always a mapping that `read_mapping`
accepts; whatever was doubtful is a comment that asks a question. Nobody should trust it before trying it with one
real alarm of each device.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from care.errors import Refused
from care.topics import legible
from devices.codecs import Twice, read_json
from devices.codecs.utterance import identity
from devices.expressions import Path as Steps
from devices.expressions import look, number, parse_path, word
from devices.kinds import suggest
from devices.names import guess
from devices.quantities import HAZARDS, QUANTITIES, Nature, coerce

CAPTURE_LIMIT = 100_000
"""Messages that are looked at."""
SHOWN = 6
"""Values of a field that a comment shows."""

_IDENTITY = re.compile(
    r"^(dev|device|sn|sid|imei|mac|dev_?eui|dev_?id|device_?id|uuid|ieee|serial|serial_?no|terminal_?id)$",
    re.IGNORECASE,
)
_TIME = re.compile(
    r"^(t|ts|time|timestamp|time_?stamp|date|date_?time|at|event_?time|report_?time|create_?time|utc)$",
    re.IGNORECASE,
)
_SEQ = re.compile(r"^(seq|sequence|f_?cnt|counter|packet_?seq|msg_?id|serial_?num)$", re.IGNORECASE)
_SENTINELS = (255, -1, 65535, 32767, -32768, -127, 127, 999, 9999, -999, 10000)
_WHICH = re.compile(
    r"^(model|type|category|(dev|device|sensor|product)_?(type|model|name|kind))$", re.IGNORECASE
)
"""A field that says what kind of device speaks."""
_BY_KIND = re.compile(r"^(status|state|alarm|value|val|event)$", re.IGNORECASE)
"""A field that means something else for each kind of device."""
_YES = frozenset({"y", "t", "是", "有", "开", "报警", "在床", "异常"})
_NO = frozenset({"n", "f", "否", "无", "关", "正常", "离床"})
"""Words of a state that are plain to whoever reads a draft, and too short or too rare for `coerce`."""
_ALSO = {"rpm": "respiration_rate", "act": "movement"}
"""Names that mean something only beside a heart rate."""


@dataclass(frozen=True, slots=True)
class Captured:
    """One captured message."""

    topic: str
    payload: bytes


@dataclass(slots=True)
class Draft:
    """A drafted mapping."""

    text: str
    told: list[str] = field(default_factory=list)
    """Quantities that were recognised."""
    open_questions: list[str] = field(default_factory=list)
    """What could not be told, in sentences."""


@dataclass(slots=True)
class Field:
    """A field over all records: its values in order of first hearing, with how often each."""

    path: Steps
    values: Counter[str] = field(default_factory=Counter)
    raw: dict[str, Any] = field(default_factory=dict)
    nulls: int = 0

    @property
    def text(self) -> str:
        return written(self.path)

    @property
    def name(self) -> str:
        return str(next((s for s in reversed(self.path) if isinstance(s, str)), ""))

    def add(self, value: Any) -> None:
        if value is None:
            self.nulls += 1
            return
        name = json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else value
        if name in self.values or len(self.values) < 1000:
            self.values[name] += 1
            self.raw.setdefault(name, value)

    def shown(self) -> str:
        some = ", ".join(_comment(k) for k in list(self.values)[:SHOWN])
        return some + (f" … ({len(self.values)} values)" if len(self.values) > SHOWN else "")


def read_capture(lines: Iterable[str]) -> tuple[list[Captured], list[str]]:
    """Messages of a capture (`{"topic": …, "payload": {…} or "text"}` a line) and what is wrong with the others."""
    out: list[Captured] = []
    faults: list[str] = []
    for number_, line in enumerate(lines, 1):
        if not line.strip():
            continue
        if len(out) >= CAPTURE_LIMIT:
            faults.append(f"line {number_}: more than {CAPTURE_LIMIT} messages; the rest was not looked at")
            break
        try:
            item = json.loads(line)
        except (ValueError, RecursionError):
            faults.append(f"line {number_}: not JSON")
            continue
        topic = item.get("topic") if isinstance(item, dict) else None
        if not isinstance(topic, str) or not topic or "payload" not in item:
            faults.append(f'line {number_}: wants {{"topic": …, "payload": …}}')
            continue
        payload = item["payload"]
        text = payload if isinstance(payload, str) else json.dumps(payload, ensure_ascii=False)
        out.append(Captured(topic, text.encode("utf-8", "replace")))
    return out, faults


def written(path: Steps) -> str:
    """A path as mapping files write it."""
    out = ""
    for step in path:
        if isinstance(step, int):
            out += f"[{step}]"
        elif re.fullmatch(r"[^\W\d][\w-]*", step):
            out += f".{step}" if out else step
        elif "'" in step:
            out += f'["{step}"]'
        else:
            out += f"['{step}']"
    return out


# -- topics --------------------------------------------------------------------------------------------------------


def patterns(topics: Iterable[str]) -> list[str]:
    """Topic patterns with named parts for the levels that vary; at most 20."""
    shapes: dict[tuple[int, str], set[tuple[str, ...]]] = {}
    for topic in topics:
        levels = tuple(topic.split("/"))
        if all(levels) and legible(topic) and not set(topic) & set("+#{}"):
            shapes.setdefault((len(levels), levels[0]), set()).add(levels)
    if len(shapes) > 1 and len({n for n, _ in shapes}) == 1 and all(len(s) <= 2 for s in shapes.values()):
        shapes = {(n, ""): set().union(*shapes.values()) for n, _ in list(shapes)[:1]}
    out: list[str] = []
    for found in shapes.values():
        out += _patterns_of(sorted(found))
    return list(dict.fromkeys(out))[:20]


def _patterns_of(topics: Sequence[tuple[str, ...]]) -> list[str]:
    size = len(topics[0])
    varies = [i for i in range(size) if len({t[i] for t in topics}) > 1]
    if not varies:
        varies = [i for i in range(1, size) if re.search(r"\d", topics[0][i])][-2:]
    # A level of plain words that every device uses says what kind of message it is, not whose.
    last = size - 1
    others = {t[:last] for t in topics}
    kinds = {t[last] for t in topics}
    words = []
    if (
        len(varies) > 1
        and last in varies
        and len(topics) > len(others)
        and all(re.fullmatch(r"[a-z_]+", k) for k in kinds)
    ):
        words = [last]
    parts = [i for i in varies if i not in words]
    names = _part_names(topics, parts)
    written_out = (
        "/".join("{" + names[i] + "}" if i in names else level for i, level in enumerate(t)) for t in topics
    )
    return list(dict.fromkeys(written_out))


def _part_names(topics: Sequence[tuple[str, ...]], parts: list[int]) -> dict[int, str]:
    if not parts:
        return {}
    counts = {i: len({t[i] for t in topics}) for i in parts}
    device = max(parts, key=lambda i: (counts[i], i))
    names = {device: "device"}
    rest = [i for i in parts if i != device]
    if rest:
        names[rest[0]] = "home"
    for n, i in enumerate(rest[1:]):
        names[i] = f"part_{'abcdefgh'[n % 8]}"
    return names


# -- payloads ------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Shape:
    json_text: list[str] = field(default_factory=list)
    records: str | None = None
    points: tuple[str, str, str, str | None] | None = None
    """(list, code, value, time)"""
    rows: list[dict[str, Any]] = field(default_factory=list)
    unread: int = 0


def _shape(messages: Sequence[Captured]) -> _Shape:
    shape = _Shape()
    roots: list[Any] = []
    for m in messages:
        try:
            root = read_json(m.payload)
        except Refused:
            shape.unread += 1
            continue
        if isinstance(root, dict | list):
            roots.append(root)
        else:
            shape.unread += 1
    texts: Counter[str] = Counter()
    for root in roots:
        if isinstance(root, dict):
            for key, value in list(root.items()):
                if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
                    try:
                        root[key] = read_json(value.encode("utf-8", "replace"))
                    except Refused:
                        continue
                    texts[written((key,))] += 1
    shape.json_text = list(texts)
    lists: Counter[str] = Counter()
    for root in roots:
        if isinstance(root, dict):
            for path, value in _lists(root, ()):
                lists[written(path)] += len(value)
    chosen = lists.most_common(1)[0][0] if lists else None
    for root in roots:
        items = root if isinstance(root, list) else [root]
        if chosen is not None and isinstance(root, dict):
            inner = look(root, parse_path(chosen))
            pairs = _pairs(inner) if isinstance(inner, list) else None
            if pairs is not None:
                code, value, at = pairs
                shape.points = (chosen, code, value, at)
                shape.rows.append({**root, **{str(p[code]): p.get(value) for p in inner}})
                continue
            if isinstance(inner, list):
                shape.records = chosen
                items = inner
        shape.rows += [i for i in items if isinstance(i, dict)]
    if shape.points is not None:
        shape.records = None
    return shape


def _lists(value: dict[str, Any], path: Steps) -> Iterable[tuple[Steps, list[Any]]]:
    for key, item in value.items():
        if isinstance(item, list) and item and all(isinstance(i, dict) for i in item):
            yield (*path, key), item
        elif isinstance(item, dict) and len(path) < 4:
            yield from _lists(item, (*path, key))


def _pairs(items: list[Any]) -> tuple[str, str, str | None] | None:
    """The names of code, value and time, if a list is one of code and value pairs."""
    for code in ("code", "key", "name", "id", "dpid", "identifier"):
        for value in ("value", "val", "v"):
            if items and all(
                isinstance(i, dict) and isinstance(i.get(code), str) and value in i and len(i) <= 5
                for i in items
            ):
                return code, value, next((t for t in ("t", "time", "ts", "timestamp") if t in items[0]), None)
    return None


def _fields(rows: Sequence[dict[str, Any]], skip: str | None) -> list[Field]:
    found: dict[Steps, Field] = {}

    def walk(value: Any, path: Steps) -> None:
        if path and (written(path) == skip or not _nameable(path[-1])):
            return
        if isinstance(value, dict) and len(path) < 6:
            for key, item in value.items():
                walk(item, (*path, str(key)))
        elif isinstance(value, list) and len(path) < 6:
            for i, item in enumerate(value[:8]):
                walk(item, (*path, i))
        elif isinstance(value, bool | int | float | str) or value is None:
            if path and len(found) < 500:
                found.setdefault(path, Field(path)).add(value)
        elif isinstance(value, Twice):
            return

    for row in rows:
        walk(row, ())
    return list(found.values())


def _nameable(step: str | int) -> bool:
    """Whether a mapping file can name it."""
    return isinstance(step, int) or (
        step.isprintable() and 0 < len(step) <= 64 and not {"'", '"'} <= set(step)
    )


# -- what a field means --------------------------------------------------------------------------------------------


def _guess(f: Field, beside: set[str]) -> str | None:
    quantity = guess(f.name)
    if quantity is None and "heart_rate" in beside:
        quantity = _ALSO.get(f.name.lower())
    if quantity is None:
        return None
    numbers = [n for n in (number(v) for v in f.raw.values()) if n is not None]
    only_numbers = len(numbers) == len(f.raw) and not any(isinstance(v, bool) for v in f.raw.values())
    big = only_numbers and any(n not in (0, 1, 2) for n in numbers)
    if big:
        quantity = {"smoke": "smoke_level", "gas": "gas_level", "co": "co_level"}.get(quantity, quantity)
    if quantity == "battery" and numbers and max(numbers) <= 5 and any(n != int(n) for n in numbers):
        quantity = "voltage"
    return quantity


def _numeric(f: Field, quantity: str) -> tuple[list[str], list[str]] | None:
    """(keys of the reading, questions) for a number; None when it cannot be one."""
    known = QUANTITIES[quantity]
    assert known.low is not None
    assert known.high is not None
    keys: list[str] = []
    asks: list[str] = []
    texts = [v for v in f.raw.values() if isinstance(v, str)]
    if texts and all(re.fullmatch(r"\s*\d+(\.\d+)?\s*/\s*\d+\s*", t) for t in texts):
        return ["ratio: true"], []
    values = [n for v in f.raw.values() if (n := number(v)) is not None]
    if not values or len(values) < len(f.raw):
        return None
    usual = known.usual or (known.low, known.high)
    invalid = [s for s in _SENTINELS if s in values and not usual[0] <= s <= usual[1] and len(values) > 1]
    values = [v for v in values if v not in invalid] or values
    top = max(values)
    if quantity == "voltage" and 0 < top < 100:
        keys.append("unit: V")
    elif quantity in ("temperature", "humidity", "gas_level", "battery") and top > usual[1]:
        scale = next((s for s in (0.1, 0.01, 0.001) if top * s <= usual[1]), None)
        if scale is not None and all(float(v).is_integer() for v in values):
            keys.append(f"scale: {scale}")
            asks.append(
                f"{quantity}: values up to {top:g} look like steps of {scale:g}; compare with a thermometer or the display"
            )
    elif quantity == "water_total":
        asks.append("water_total: in litres? If the meter counts cubic metres write `unit: m3`")
    elif quantity == "gas_level":
        asks.append("gas_level: in %LEL? If it is ppm leave it out")
    if invalid:
        keys.append(f"invalid: [{', '.join(str(v) for v in invalid)}]")
        asks.append(f"{quantity}: {', '.join(str(v) for v in invalid)} was taken for `nothing measured`")
    if any(not known.low <= v <= known.high for v in values) and not keys:
        asks.append(
            f"{quantity}: some values are outside {known.low:g}…{known.high:g} {known.unit} and will be refused"
        )
    return keys, asks


def _worded(f: Field, quantity: str) -> tuple[list[str], list[str]] | None:
    """The same for states and presses: every value that was heard must have a meaning."""
    known = QUANTITIES[quantity]
    if known.nature is Nature.text:
        return [], []
    if f.name.lower() in ("contact", "contact_state") and all(isinstance(v, bool) for v in f.raw.values()):
        return ["yes: [false]", "no: [true]"], [
            "door_open: `contact` true was taken for closed; open the door once and look"
        ]
    yes: list[Any] = []
    no: list[Any] = []
    for raw in f.raw.values():
        plainly = word(raw) in _YES
        try:
            value = plainly if plainly or word(raw) in _NO else coerce(known, raw)
        except Refused:
            return None
        if known.nature is Nature.press:
            value = word(raw) not in ("false", "0", "no", "off", "none", "normal", "")
        if value is True or isinstance(value, str):
            yes.append(raw)
        else:
            no.append(raw)
    if known.texts and any(isinstance(v, str) for v in yes):
        return [], []
    plain = all(isinstance(v, bool) for v in f.raw.values()) or {word(v) for v in f.raw.values()} <= {
        "0",
        "1",
    }
    asks = []
    coded = plain and not any(isinstance(v, bool) for v in f.raw.values())
    if coded and known.nature is Nature.state and re.search(r"(status|state)$", f.name, re.IGNORECASE):
        mat = " (some mats write 0 for in bed)" if quantity == "in_bed" else ""
        asks.append(
            f"{quantity}: `{f.text}` is a code: 1 was taken for yes and 0 for no{mat}; look it up, or try both"
        )
    if quantity in HAZARDS | {"sos", "fall"} and not (yes and no) and known.nature is Nature.state:
        asks.append(
            f"{quantity}: only one of its two values was heard; set off a test alarm and capture again"
        )
    if known.nature is Nature.press:
        return [f"yes: [{', '.join(map(scalar, yes))}]", "unlisted: skip"] if yes else ["unlisted: skip"], (
            [] if yes else [f"{quantity}: no press was heard; press it once and write its value under `yes:`"]
        )
    if plain:
        return [], asks
    keys = [f"{k}: [{', '.join(map(scalar, v))}]" for k, v in (("yes", yes), ("no", no)) if v]
    return keys, asks


# -- the draft -----------------------------------------------------------------------------------------------------


def draft(messages: Sequence[Captured], name: str = "draft") -> Draft:
    """A commented mapping file for these messages. Its text is always accepted by `devices.mapping.read_mapping`."""
    out = Draft("")
    ask = out.open_questions.append
    found = patterns(m.topic for m in messages)
    shape = _shape(messages)
    skip = shape.records or (shape.points[0] if shape.points else None)
    fields = _fields(shape.rows, skip)
    if any(not all(m.topic.split("/")) for m in messages):
        ask(
            "some topics begin or end with `/` or have `//` in them: such messages are refused; let the gateway publish without"
        )
    if shape.unread:
        ask(f"{shape.unread} of {len(messages)} messages are no JSON objects; a mapping cannot read them")
    device, device_field = _whose(messages, found, fields, shape, ask)
    lines = [
        "# Drafted from captured messages. Read every line: a comment that ends in `?` is a question nobody has answered.",
        "# Try it with `anxin devices check FILE --try CAPTURE`, then with one real alarm of each device.",
        f"mapping: {name}",
        f"about: {json.dumps(f'Drafted from {len(messages)} messages on {len({m.topic for m in messages})} topics.')}",
        f"topics: [{', '.join(scalar(p) for p in found)}]",
        f"device: {device}",
    ]
    if shape.json_text:
        lines.append(
            f"json_text: [{', '.join(scalar(t) for t in shape.json_text)}]        # JSON inside a text"
        )
    if shape.records:
        lines.append(f"records: {scalar(shape.records)}        # each item is a reading of its own")
    if shape.points:
        where, code, value, stamp = shape.points
        at = f", time: {scalar(stamp)}" if stamp else ""
        lines.append(f"points: {{list: {scalar(where)}, code: {scalar(code)}, value: {scalar(value)}{at}}}")
    used: set[Steps] = {device_field.path} if device_field is not None else set()
    time = next((f for f in fields if _TIME.match(f.name) and _time_format(f)), None)
    if time is not None:
        used.add(time.path)
        lines.append(
            f"time:\n  - {{field: {scalar(time.text)}, format: {_time_format(time)}}}        # {time.shown()}"
        )
    elif not (shape.points and shape.points[3]):
        ask("no field looks like a time: repeats will not be told from new readings")
    seq = next(
        (f for f in fields if _SEQ.match(f.name) and all(isinstance(v, int) for v in f.raw.values())), None
    )
    if seq is not None:
        used.add(seq.path)
        lines.append(f"seq: {scalar(seq.text)}")
    readings, left = _readings(fields, used, out)
    by_kind = _by_kind(shape.rows, left, out)
    kind = suggest(out.told)
    if by_kind:
        readings += by_kind
        ask("several kinds of devices speak here: check that each has its readings, and none of another's")
    elif kind is not None:
        lines.append(f"kind: {kind.value}        # by what it reports; change it if this is something else")
    else:
        ask("nothing tells what kind of device this is")
    lines.append("readings:" if readings else "readings: []")
    lines += readings
    if not readings:
        ask("no field was recognised; write the readings yourself")
        # A mapping without any reading is refused: this one says that the device is there.
        lines[-1] = "readings:\n  - {quantity: fault, value: false, when: 'false'}        # nothing yet"
    numbered = {
        written(f.path[:-1]) for f in left if str(f.path[-1]).isdigit() and isinstance(f.path[-1], str)
    }
    for table in sorted(numbered):
        ask(
            f"`{table}` holds numbered points: what each number means stands in the data sheet of the product"
        )
    if left:
        lines.append("  # Fields that were not recognised:")
        lines += [f"  #   {_comment(f.text)}: {f.shown()}" for f in left[:60]]
    if out.open_questions:
        lines.append("# What could not be told:")
        lines += [f"#   {_comment(q, 400)}" for q in out.open_questions]
    out.text = "\n".join(lines) + "\n"
    return out


def _whose(
    messages: Sequence[Captured], found: list[str], fields: list[Field], shape: _Shape, ask: Any
) -> tuple[str, Field | None]:
    named = [
        f for f in fields if _IDENTITY.match(f.name) and all(identity(v) for v in f.raw.values()) and f.values
    ]
    parted = bool(found) and all("{device}" in p for p in found)
    topics = {m.topic for m in messages}
    varying = [f for f in named if len(f.values) > 1]
    if varying and (shape.records or len(varying[0].values) > len(topics) or not parted):
        return f"{{field: {scalar(varying[0].text)}}}        # {varying[0].shown()}", varying[0]
    if parted and len(topics) > 1:
        return "{part: device}", named[0] if named else None
    if named:
        ask(f"whose message it is: `{named[0].text}` has one value only; is it the name of the device?")
        return f"{{field: {scalar(named[0].text)}}}        # {named[0].shown()}", named[0]
    if parted:
        ask("only one topic was heard: which of its levels names the device is a guess")
        return "{part: device}", None
    ask("nothing names the device: each topic is one device")
    return "{}", None


def _time_format(f: Field) -> str:
    values = list(f.raw.values())
    if values and all(isinstance(v, str) for v in values):
        if all(re.fullmatch(r"20\d{12}", v) for v in values):
            return "compact"
        if all(re.match(r"20\d\d-\d\d-\d\d", v) for v in values):
            return "iso"
    numbers = [number(v) for v in values]
    if numbers and all(n is not None and 1e9 <= n < 5e9 for n in numbers):
        return "s"
    if numbers and all(n is not None and 1e12 <= n < 5e12 for n in numbers):
        return "ms"
    return ""


def _readings(fields: list[Field], used: set[Steps], out: Draft) -> tuple[list[str], list[Field]]:
    beside = {q for f in fields if (q := guess(f.name)) is not None}
    lines: list[str] = []
    left: list[Field] = []
    for f in fields:
        if f.path in used:
            continue
        quantity = _guess(f, beside) if f.values else None
        if quantity is None:
            left.append(f)
            continue
        made = _made(f, quantity)
        head = f"quantity: {quantity}, field: {scalar(f.text)}"
        if made is None:
            lines.append(f"  # - {{{head}, yes: [], no: []}}        # which of {f.shown()} means yes?")
            out.open_questions.append(
                f"`{f.text}` looks like {quantity}; which of its values ({f.shown()}) mean what?"
            )
            continue
        keys, asks = made
        out.open_questions += asks
        if quantity in out.told:
            out.open_questions.append(f"{quantity} is read from several fields; keep the right one")
        else:
            out.told.append(quantity)
        lines.append(f"  - {{{', '.join([head, *keys])}}}        # {f.shown()}")
    if not out.told:
        return [], left
    return lines, left


def _by_kind(rows: Sequence[dict[str, Any]], left: list[Field], out: Draft) -> list[str]:
    """Readings of fields that mean something else for each kind of device, where another field says which kind."""
    which = next((f for f in left if _WHICH.match(f.name) and 1 < len(f.values) <= 40), None)
    if which is None or not all(isinstance(v, str) and v.isprintable() for v in which.raw.values()):
        return []
    lines: list[str] = []
    for f in [f for f in left if _BY_KIND.match(f.name)]:
        parted: dict[str, Field] = {}
        for row in rows:
            kind, value = look(row, which.path), look(row, f.path)
            if isinstance(kind, str) and isinstance(value, bool | int | float | str):
                parted.setdefault(kind, Field(f.path)).add(value)
        for kind, own in parted.items():
            quantity = guess(kind)
            made = _made(own, quantity) if quantity and re.fullmatch(r"[\w .:-]{1,64}", kind) else None
            if quantity is None or made is None:
                out.open_questions.append(
                    f"`{f.text}` of {_comment(kind)} says {own.shown()}: what does it mean?"
                )
                continue
            keys, asks = made
            out.open_questions += asks
            out.told += [quantity] if quantity not in out.told else []
            when = scalar(f"{which.text} = '{kind}'")
            told = [
                f"quantity: {quantity}",
                f"field: {scalar(f.text)}",
                f"when: {when}",
                "otherwise: skip",
                *keys,
            ]
            lines.append(f"  - {{{', '.join(told)}}}        # {own.shown()}")
    return lines


def _made(f: Field, quantity: str) -> tuple[list[str], list[str]] | None:
    return _numeric(f, quantity) if QUANTITIES[quantity].numeric else _worded(f, quantity)


_PLAIN = re.compile(r"^[^\W\d_][\w.-]*$")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n", "~"})


def scalar(value: Any) -> str:
    """A value as it can stand inside YAML braces."""
    if not isinstance(value, str):
        return json.dumps(value)
    if _PLAIN.match(value) and value.isprintable() and value.lower() not in _WORDS:
        return value
    return '"' + "".join(_ESCAPED.get(c, c) if c.isprintable() else _escaped(ord(c)) for c in value) + '"'


_ESCAPED = {'"': '\\"', "\\": "\\\\"}


def _escaped(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _comment(text: str, limit: int = 80) -> str:
    """Words of a payload, made harmless for a comment."""
    return "".join(c if c.isprintable() else "·" for c in text[:limit])


__all__ = ["Captured", "Draft", "draft", "patterns", "read_capture", "scalar", "written"]
