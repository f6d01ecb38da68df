"""Reads a site file: all or nothing, every fault with its line and what to do.

`read_site(text)` gives a `Site` or raises `SiteFaults`. Start there; `_Tree` remembers the line of every
value so that a fault found late (an unknown micro-grid, a double id) still says where it stands.
"""

from __future__ import annotations

import contextlib
import difflib
import gc
import math
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import yaml

from care.errors import Misconfigured
from care.site import (
    LONGEST_MODE,
    Absence,
    Community,
    Contact,
    Device,
    Grid,
    Home,
    HomeMode,
    MicroGrid,
    Override,
    Policy,
    Resident,
    Shift,
    Site,
    Staff,
    moment_of,
    native_topic,
)
from care.words import Kind, Role, Tier

_DAYS = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"}
_LEVELS = {"red", "yellow", "blue"}
_CONSENT = {"vitals", "bed", "door", "motion", "water", "call_recording", "family", "photo"}
_DAY = re.compile(r"^\d{4}-\d{2}-\d{2}$")


@dataclass(frozen=True, order=True)
class Fault:
    """One thing wrong with a file: the line (from 1) and what to do about it."""

    line: int
    text: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.text}"


ALIASES_LIMIT = 100_000
"""Items that may be said again by reference: a few shared lists, not a bomb of anchors."""


SITE_LIMIT = 32_000_000
"""Characters of a site file: about 45,000 homes with their devices, several times what one service watches."""
FAULTS_SHOWN = 100
"""So many faults are told, the first by line: who mends a hundred has another look anyway."""


class SiteFaults(Misconfigured):
    """The site file has faults; nothing was loaded."""

    def __init__(self, faults: list[Fault]) -> None:
        found = sorted(set(faults))
        self.faults = found[:FAULTS_SHOWN]
        self.count = len(found)
        """How many there are; `faults` holds the first of them."""
        more = f"; and {self.more} more" if self.more else ""
        super().__init__("; ".join(str(f) for f in self.faults) + more)

    @property
    def more(self) -> int:
        return self.count - len(self.faults)


Path = tuple[str | int, ...]
T = TypeVar("T")


class _Loader(yaml.SafeLoader):
    """YAML 1.1 without its surprises: times like 07:00 stay text, `on`/`off`/`yes`/`no` stay text."""


class _Fast(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # libyaml need not be there
    """The same, ten times as fast; it must not see deep nesting, for which it has no limit."""

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> Any:
        """Most values of a site file are texts that nothing else could be: those are told without asking every pattern."""
        if kind is yaml.ScalarNode and (not implicit[0] or value[:1] not in self.yaml_implicit_resolvers):
            return _TEXT
        return super().resolve(kind, value, implicit)


_TEXT = "tag:yaml.org,2002:str"
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f]")


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in _SURPRISES]
    for _SURPRISES in [{"tag:yaml.org,2002:int", "tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp"}]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(r"^[-+]?(?:0|[1-9][0-9]*)$"), list("-+0123456789")
)


_Fast.yaml_implicit_resolvers = _Loader.yaml_implicit_resolvers

_ITEMS_OF_ITEMS = re.compile(r"(?:[-?] {1,4}){40}")


def _loader(text: str) -> Any:
    """The fast one, unless the text might be nested deep: brackets are counted, whether quoted or not."""
    depth = deepest = 0
    for bracket in re.findall(r"[\[\]{}]", text):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    indented = re.search(r"^ {200}", text, re.MULTILINE) is not None
    return _Loader(text) if deepest > 60 or indented or _ITEMS_OF_ITEMS.search(text) else _Fast(text)


def node_of(text: str) -> yaml.Node | None:
    """The YAML nodes of a text that can be read, with their places."""
    loader = _loader(text)
    try:
        with _uncollected():
            node: yaml.Node | None = loader.get_single_node()
    finally:
        loader.dispose()
    return node


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """No looking for garbage meanwhile: a large file is a million small objects that all stay, and looking through them
    again and again takes longer than reading them (10 MB, 15,000 homes: 9.7 s with, 3.8 s without).
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


class Tree:
    """Plain data made from YAML, and the line on which each part of it stands."""

    def __init__(self, text: str) -> None:
        self.lines: dict[Path, int] = {}
        self.faults: list[Fault] = []
        self._built = 0
        self._shared: set[int] = set()
        loader: Any = None
        try:
            loader = _loader(text)
            node = loader.get_single_node()
            self.data: Any = self._build(loader, node, ()) if node is not None else None
        except RecursionError:
            raise SiteFaults([Fault(1, "nested deeper than a site file can be")]) from None
        except yaml.reader.ReaderError as error:
            line = text.count("\n", 0, error.position) + 1 if isinstance(error.position, int) else 1
            raise SiteFaults([Fault(line, "a character that no text has; remove it")]) from None
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
            problem = getattr(error, "problem", None) or "not readable"
            raise SiteFaults([Fault((mark.line if mark else 0) + 1, f"not valid YAML: {problem}")]) from None
        finally:
            if loader is not None:
                loader.dispose()

    def _build(self, loader: Any, node: yaml.Node, path: Path) -> Any:
        if isinstance(node, yaml.CollectionNode) and node.value:
            if id(node) in self._shared:
                self._built += len(node.value)
                if self._built > ALIASES_LIMIT:
                    line = node.start_mark.line + 1
                    raise SiteFaults(
                        [Fault(line, "anchors (&, *) multiply this beyond what a site file can hold")]
                    )
            self._shared.add(id(node))
        if len(path) > 40:
            raise SiteFaults([Fault(node.start_mark.line + 1, "nested deeper than a site file can be")])
        self.lines[path] = node.start_mark.line + 1
        if isinstance(node, yaml.MappingNode):
            out: dict[str, Any] = {}
            for key_node, value_node in node.value:
                plain = key_node.tag == _TEXT and isinstance(key_node, yaml.ScalarNode)
                key = key_node.value if plain else str(loader.construct_object(key_node, deep=True))
                if key in out:
                    self.faults.append(
                        Fault(key_node.start_mark.line + 1, f"`{key}` is given twice; keep one")
                    )
                out[key] = self._build(loader, value_node, (*path, key))
                self.lines[(*path, key)] = key_node.start_mark.line + 1
            return out
        if isinstance(node, yaml.SequenceNode):
            return [self._build(loader, child, (*path, i)) for i, child in enumerate(node.value)]
        return self._scalar(loader, node)

    def _scalar(self, loader: Any, node: yaml.Node) -> Any:
        fault = ""
        value: Any = None
        if node.tag == _TEXT:
            value = node.value
        else:
            try:
                value = loader.construct_object(node, deep=True)
            except (ValueError, TypeError, OverflowError):
                fault = f"`{str(node.value)[:40]}` is not what its tag says"
        if isinstance(value, str) and _CONTROL.search(value) is not None:
            fault = "a text with control characters in it"
        elif isinstance(value, float) and not math.isfinite(value):
            fault = "a number that is none"
        elif isinstance(value, int) and abs(value) > 2**53:
            fault = "a number that is too large"
        if fault:
            self.faults.append(Fault(node.start_mark.line + 1, fault))
            return None
        return value

    def line(self, path: Path) -> int:
        """The line of a part, or of the nearest part around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


_AT = re.compile(r"^(?P<what>.*?)(?: - at `(?P<path>.*)`)?$", re.DOTALL)
_UNKNOWN = re.compile(r"contains unknown field `([^`]*)`")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")


def explain(error: msgspec.ValidationError, base: Path) -> tuple[str, Path]:
    """The words and the place of a msgspec error, below `base`."""
    match = _AT.match(str(error))
    assert match is not None
    path: list[str | int] = list(base)
    for key, index in _STEP.findall((match["path"] or "$").removeprefix("$")):
        if index == "...":
            break
        path.append(int(index) if index else key)
    return match["what"], tuple(path)


def _convert(tree: Tree, data: Any, kind: type[T], path: Path) -> T | None:
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        what, where = explain(error, path)
        unknown = _UNKNOWN.search(what)
        if unknown is not None:
            where = (*where, unknown[1])
        name = ".".join(str(p) for p in where if not isinstance(p, int))
        what = _humane(what, data, where[len(path) :], kind)
        tree.faults.append(Fault(tree.line(where), f"{name}: {what}" if name else what))
        return None


_NAMED = {
    "str": "text", "int": "a whole number", "float": "a number", "bool": "true or false", "array": "a list", "object": "a mapping", "null": "nothing",
}  # fmt: skip
_EXPECTED = re.compile(r"^Expected `([^`]*)`(?:, got `([^`]*)`)?$")
_BOUND = re.compile(r"^Expected `\w+` (>=|<=|>|<) ([-0-9.]+)$")
_BOUNDS = {">=": "at least", "<=": "at most", ">": "more than", "<": "less than"}
_WORDS = {"kind": Kind, "role": Role, "tier": Tier}


def _humane(what: str, data: Any, inside: Path, kind: type) -> str:
    """The same for people who do not program: what is wanted, what stands there, what to do."""
    for step in inside:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            break
    shown = f"`{str(data)[:40]}`"
    last = next((str(p) for p in reversed(inside) if isinstance(p, str)), "")
    if (unknown := _UNKNOWN.search(what)) is not None:
        names = _fields(kind, inside[:-1])
        near = difflib.get_close_matches(unknown[1], names, n=1, cutoff=0.6)
        return "there is no such field here" + (f"; did you mean `{near[0]}`?" if near else "")
    if what.startswith("Invalid enum value") and last in _WORDS:
        return f"{shown} is none of {', '.join(_WORDS[last])}"
    if "matching regex" in what:
        if last in ("from", "to"):
            return f'{shown} is no time of day; write it like "07:00"'
        return f"{shown} may only have letters, digits, `_`, `.` and `-`, and begins with a letter or digit"
    if last == "location":
        return "latitude (-90 to 90), then longitude (-180 to 180), in degrees"
    if (missing := re.search(r"missing required field `([^`]*)`", what)) is not None:
        return f"`{missing[1]}:` is missing"
    if (bound := _BOUND.match(what)) is not None:
        return f"{shown} must be {_BOUNDS[bound[1]]} {bound[2].removesuffix('.0')}"
    if (expected := _EXPECTED.match(what)) is not None:
        if expected[2] == "null":
            return "there is nothing here; write a value or leave the field out"
        wanted = " or ".join(_NAMED.get(w.strip(), w) for w in expected[1].split("|") if w.strip() != "null")
        quotes = "; put it in quotes" if wanted == "text" and isinstance(data, int | float) else ""
        found = f", not {shown}" if isinstance(data, str | int | float | bool) else ""
        return f"{wanted} is wanted{found}{quotes}"
    return what


def _fields(kind: type, inside: Path) -> list[str]:
    for step in inside:
        kind = _ITEMS.get(kind, {}).get(str(step), kind) if isinstance(step, str) else kind
    return [f.encode_name for f in msgspec.structs.fields(kind)]


_ITEMS: dict[type, dict[str, type]] = {
    Home: {"residents": Resident, "contacts": Contact, "devices": Device, "modes": HomeMode},
    Grid: {"micro_grids": MicroGrid},
}


def _part(tree: Tree, data: Any, kind: type[T], path: Path) -> T | None:
    """One home, grid, person or shift. When it has a fault, the sound items inside are still checked."""
    before = len(tree.faults)
    whole = _convert(tree, data, kind, path)
    if whole is not None or not isinstance(data, dict):
        return whole
    del tree.faults[before:]
    kept = dict(data)
    for key, item_kind in _ITEMS.get(kind, {}).items():
        items = data.get(key)
        if isinstance(items, list):
            sound = [
                (i, item)
                for i, item in enumerate(items)
                if _convert(tree, item, item_kind, (*path, key, i)) is not None
            ]
            if len(sound) < len(items):
                kept[key] = []
    return _convert(tree, kept, kind, path)


def _list(tree: Tree, data: dict[str, Any], key: str) -> list[Any]:
    value = data.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        tree.faults.append(Fault(tree.line((key,)), f"`{key}` must be a list"))
        return []
    return value


def read_site(text: str, *, judge: Callable[[Site], Iterable[tuple[Path, str]]] | None = None) -> Site:
    """Read and check a site file. Raises SiteFaults with every fault found, each with its line.

    `judge` looks at a site that is otherwise good and names what is wrong where, for what this package knows nothing of.
    """
    if len(text) > SITE_LIMIT:
        raise SiteFaults(
            [
                Fault(
                    1,
                    f"{len(text):,} characters are more than the {SITE_LIMIT:,} that a site file may have; "
                    "one community is one file, several communities are several services",
                )
            ]
        )
    with _uncollected():
        return _read(text, judge)


def _read(text: str, judge: Callable[[Site], Iterable[tuple[Path, str]]] | None) -> Site:
    tree = Tree(text)
    data = tree.data
    if not isinstance(data, dict):
        raise SiteFaults([Fault(1, "a site file is a mapping that starts with `community:`"), *tree.faults])
    known = {"community", "grids", "homes", "staff", "shifts", "absences", "policy"}
    for key in data:
        if key not in known:
            tree.faults.append(
                Fault(tree.line((key,)), f"unknown section `{key}`; known are {', '.join(sorted(known))}")
            )
    community = None
    if "community" not in data:
        tree.faults.append(Fault(1, "`community:` with id, name and timezone is missing"))
    else:
        community = _convert(tree, data["community"], Community, ("community",))
    zone = ZoneInfo("UTC")
    if community is not None:
        try:
            zone = ZoneInfo(community.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            tree.faults.append(
                Fault(
                    tree.line(("community", "timezone")),
                    f"timezone `{community.timezone}` is not known; use a name like Asia/Shanghai",
                )
            )
    policy = Policy()
    if data.get("policy") is not None:
        policy = _convert(tree, data["policy"], Policy, ("policy",)) or policy
    parts: dict[str, list[Any]] = {}
    kinds = (("grids", Grid), ("homes", Home), ("staff", Staff), ("shifts", Shift), ("absences", Absence))
    for key, kind in kinds:
        parts[key] = [_part(tree, item, kind, (key, i)) for i, item in enumerate(_list(tree, data, key))]
    tree.faults.extend(_cross_faults(tree, parts))
    tree.faults.extend(_times(tree, parts["homes"], zone))
    if tree.faults or community is None:
        raise SiteFaults(tree.faults)
    site = Site(
        community=community,
        grids=parts["grids"],
        homes=parts["homes"],
        staff=parts["staff"],
        shifts=parts["shifts"],
        absences=parts["absences"],
        policy=policy,
    )
    if judge is not None and (wrong := [Fault(tree.line(path), what) for path, what in judge(site)]):
        raise SiteFaults(wrong)
    return site


def _times(tree: Tree, homes: list[Any], zone: ZoneInfo) -> Iterator[Fault]:
    """What holds for a while ends, after it began; a mode within fourteen days."""

    def check(what: str, part: HomeMode | Override, path: Path) -> Iterator[Fault]:
        begins, ends = moment_of(part.from_, zone), moment_of(part.until, zone)
        line = tree.line((*path, "until"))
        if ends <= begins:
            yield Fault(line, f"{what}: `until` must be after `from`")
        if isinstance(part, HomeMode) and ends - begins > LONGEST_MODE:
            yield Fault(
                line, f"{what}: lasts longer than {LONGEST_MODE.days} days; end it sooner and ask again"
            )
        if not part.by.strip() or not part.reason.strip():
            yield Fault(tree.line(path), f"{what}: say who set it (`by`) and why (`reason`)")

    for h, home in enumerate(homes):
        if home is None:
            continue
        for m, mode in enumerate(home.modes):
            yield from check(f"home `{home.id}`: mode {mode.mode}", mode, ("homes", h, "modes", m))
        for r, resident in enumerate(home.residents):
            for o, override in enumerate(resident.overrides):
                where: Path = ("homes", h, "residents", r, "overrides", o)
                yield from check(f"resident `{resident.id}`: {override.limit}", override, where)


def _ids(data: Any, key: str) -> set[str]:
    items = data.get(key) if isinstance(data, dict) else None
    return (
        {str(i["id"]) for i in items if isinstance(i, dict) and "id" in i}
        if isinstance(items, list)
        else set()
    )


def _doctors(data: Any) -> set[str]:
    """Of the text, like `_ids`: a doctor with a fault is told of once and still is one."""
    staff = data.get("staff") if isinstance(data, dict) else None
    found = [s for s in staff if isinstance(s, dict)] if isinstance(staff, list) else []
    return {str(s["id"]) for s in found if s.get("role") == Role.doctor and "id" in s}


def _day_faults(tree: Tree, given: str | list[str], path: Path) -> Iterator[Fault]:
    for day in [given] if isinstance(given, str) else given:
        if day not in _DAYS | {"daily", "weekdays", "weekends"} and not (_DAY.match(day) and _is_date(day)):
            yield Fault(
                tree.line(path),
                f"day `{day}` is not daily, weekdays, weekends, mon … sun or a date like 2026-05-23",
            )


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _cross_faults(tree: Tree, parts: dict[str, list[Any]]) -> Iterator[Fault]:
    """What one part says of another must be true: ids are unique, references exist, topics are not shared."""
    seen: dict[tuple[str, str], int] = {}

    def unique(what: str, name: str, path: Path) -> Iterator[Fault]:
        line = tree.line((*path, "id"))
        first = seen.setdefault((what, name), line)
        if first != line:
            yield Fault(
                line, f"{what} id `{name}` is used twice (first on line {first}); every id must be its own"
            )

    micro_grids: set[str] = set()
    for g, grid in enumerate(parts["grids"]):
        if grid is None:
            continue
        yield from unique("grid", grid.id, ("grids", g))
        for m, micro in enumerate(grid.micro_grids):
            yield from unique("micro-grid", micro.id, ("grids", g, "micro_grids", m))
            micro_grids.add(micro.id)
    doctors = _doctors(tree.data)
    topics: dict[str, str] = {}
    for h, home in enumerate(parts["homes"]):
        if home is None:
            continue
        at: Path = ("homes", h)
        yield from unique("home", home.id, at)
        if home.micro_grid is not None and home.micro_grid not in micro_grids:
            yield Fault(
                tree.line((*at, "micro_grid")),
                f"home `{home.id}`: micro_grid `{home.micro_grid}` is not under `grids:`; add it there or correct it",
            )
        # Of the text, not of what could be read: a resident with a fault is told of once and still lives here.
        residents = _ids(tree.data["homes"][h], "residents")
        for r, resident in enumerate(home.residents):
            yield from unique("resident", resident.id, (*at, "residents", r))
            for item in resident.consent or {}:
                if item not in _CONSENT:
                    yield Fault(
                        tree.line((*at, "residents", r, "consent", item)),
                        f"consent class `{item}` is not known; classes are {', '.join(sorted(_CONSENT))}",
                    )
            if resident.doctor is not None and resident.doctor not in doctors:
                yield Fault(
                    tree.line((*at, "residents", r, "doctor")),
                    f"resident `{resident.id}`: there is no doctor `{resident.doctor}` under `staff:`; add one with `role: doctor`",
                )
        for c, contact in enumerate(home.contacts):
            yield from unique("contact", contact.id, (*at, "contacts", c))
            for level in contact.for_:
                if level not in _LEVELS:
                    yield Fault(
                        tree.line((*at, "contacts", c, "for")),
                        f"contact `{contact.id}`: level `{level}` is not red, yellow or blue",
                    )
        for v, visit in enumerate(home.carers):
            yield from _day_faults(tree, visit.days, (*at, "carers", v, "days"))
        for d, device in enumerate(home.devices):
            where: Path = (*at, "devices", d)
            yield from unique("device", device.id, where)
            if device.resident is not None and device.resident not in residents:
                yield Fault(
                    tree.line((*where, "resident")),
                    f"device `{device.id}`: resident `{device.resident}` does not live in home `{home.id}`",
                )
            topic = device.address or native_topic(home.id, device.id)
            if any(c in topic for c in "+#") or topic.startswith("$") or not topic.strip("/"):
                yield Fault(
                    tree.line((*where, "address")),
                    f"device `{device.id}`: address `{topic}` must be one MQTT topic without wildcards",
                )
            if topic in topics:
                yield Fault(
                    tree.line((*where, "address")),
                    f"device `{device.id}`: address `{topic}` already belongs to `{topics[topic]}`",
                )
            topics.setdefault(topic, device.id)
    staff = _ids(tree.data, "staff")
    for s, person in enumerate(parts["staff"]):
        if person is None:
            continue
        yield from unique("staff", person.id, ("staff", s))
        for micro_id in person.micro_grids:
            if micro_id not in micro_grids:
                yield Fault(
                    tree.line(("staff", s, "micro_grids")),
                    f"staff `{person.id}`: micro-grid `{micro_id}` is not under `grids:`",
                )
    for i, shift in enumerate(parts["shifts"]):
        if shift is None:
            continue
        for person in shift.people:
            if person not in staff:
                yield Fault(
                    tree.line(("shifts", i, "staff")),
                    f"shift of `{person}`: there is no such member of staff under `staff:`",
                )
        yield from _day_faults(tree, shift.days, ("shifts", i, "days"))
    for i, absence in enumerate(parts["absences"]):
        if absence is None:
            continue
        for key, person in (("staff", absence.staff), ("cover", absence.cover)):
            if person is not None and person not in staff:
                yield Fault(
                    tree.line(("absences", i, key)),
                    f"absence of `{absence.staff}`: there is no `{person}` under `staff:`",
                )
        if absence.cover == absence.staff:
            yield Fault(
                tree.line(("absences", i, "cover")),
                f"absence of `{absence.staff}`: nobody stands in for themselves",
            )
        try:
            backwards = absence.ends <= absence.starts
        except ValueError:
            yield Fault(
                tree.line(("absences", i)),
                f"absence of `{absence.staff}`: there is no such day in the calendar",
            )
        else:
            if backwards:
                yield Fault(
                    tree.line(("absences", i, "to")),
                    f"absence of `{absence.staff}`: it ends before it begins",
                )
