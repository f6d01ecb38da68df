"""Reads the rule files in `catalog/` and refuses what is wrong with them: file, line, reason.

`load()` gives the `RuleBook` in force. A rule file is a `version` and a list of `rules`; the structs below are
its shape and the source of `catalog/schema.json`. Every expression is compiled here, so a rule that names an
unknown quantity never reaches the engine. Start at `RuleDoc`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from care.errors import Misconfigured
from care.messages import URGENT
from care.sitefile import SiteFaults, Tree, explain
from care.words import Kind, Level, Mode
from devices.quantities import QUANTITIES
from rules.conditions import (
    MARKED,
    Compiled,
    ConditionFault,
    Judge,
    Most,
    Scope,
    clock_minutes,
    compile_condition,
    duration_seconds,
)
from rules.detectors import DETECTORS, LEARNT, WHILE_WAITING, Detector
from rules.refusals import No
from rules.vocabulary import FUNCTIONS, SIGNS, Type

CATALOG = Path(__file__).parent / "catalog"
"""The rules that ship with the program."""


class Unit(StrEnum):
    """Unit of a parameter. Times of s, min, h, d are durations in conditions."""

    s = "s"
    min = "min"
    h = "h"
    d = "d"
    clock = "clock"
    bool = "bool"
    number = "number"
    percent = "%"
    millivolt = "mV"
    per_minute = "1/min"
    ppm = "ppm"
    lel = "%LEL"
    celsius = "°C"

    @property
    def type(self) -> Type:
        """What a parameter of this unit is in a condition."""
        return _TYPES[self]

    @property
    def seconds(self) -> int:
        """Seconds in one of it; 0 when it is not a time."""
        return _SECONDS.get(self, 0)


_SECONDS: Final = {Unit.s: 1, Unit.min: 60, Unit.h: 3600, Unit.d: 86400}
_TYPES: Final = (
    dict.fromkeys(Unit, Type.number)
    | dict.fromkeys(_SECONDS, Type.duration)
    | {Unit.clock: Type.clock, Unit.bool: Type.bool}
)


class Shape(StrEnum):
    """How a rule comes about."""

    state = "state"
    """A condition holds, and later does not."""
    press = "press"
    """Something that happened in a moment; only people end it."""
    absence = "absence"
    """Something has not been heard for too long."""
    notice = "notice"
    """The engine itself has something to say (an unreadable alarm, a rule that failed)."""
    filter = "filter"
    """It says nothing itself: its limits decide which samples count for others (rules.samples)."""
    lack = "lack"
    """No sign of a person for too long, proven by sensors that lived meanwhile; else it says that it cannot tell."""
    outage = "outage"
    """A home or an area is not heard (rules.outage, rules.areas); the silence of its parts is covered by it."""


class Subject(StrEnum):
    """What a rule is about."""

    device = "device"
    bed = "bed"
    """All belts and mats of one bed: the same resident and room."""
    home = "home"
    area = "area"
    """A building or the whole community."""


class Care(StrEnum):
    """What is at stake."""

    life = "life"
    """Life-safety floor: annotated at most; never delayed, muted, lowered below yellow or closed by a machine."""
    care = "care"
    technical = "technical"


class Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The same in both languages. `{room} {device} {minutes} {hours} {count} {mode}` are filled in, `{area} {homes}` of
    an outage.
    """

    zh: str
    en: str


class Extend(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Once, when it is due and this is true, a grade waits so much longer."""

    when: str
    by: str


class Grade(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A level, and how long the condition must have held for it."""

    level: Level
    after: str = "0s"
    """A duration, a parameter that is one, or what is long for this resident: `own(hours, "away", 4h, 1h, 24h)`."""
    when: str | None = None
    """What must be true besides."""
    extend: Extend | None = None
    title: Text | None = None


class Clear(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What ends an episode, and how long that must hold. Without `when`: the condition is false."""

    when: str | None = None
    hold: str = "0s"


class Lower(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Contradiction lowers (domain section 3.6): when this is found within so long after the episode was told, its
    level falls to the last grade's.
    """

    when: str
    within: str


class On(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which subjects a rule looks at."""

    subject: Subject = Subject.device
    quantity: str | None = None
    """Devices that report this quantity, whatever their kind."""
    kinds: list[Kind] = []
    """Only these kinds (with `quantity`: both)."""


class DailyHours(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """Wall clock of the community: times or parameters that are times."""

    from_: str
    to: str
    at_open: str = "evaluate"
    """`evaluate`: a condition that is true when the hours begin counts from then; `ignore`: only what begins inside."""


class Stretch(StrEnum):
    """A default that the kind of device knows (devices.kinds), with its own heartbeat taken into account."""

    silence_blue = "silence_blue"
    silence_yellow = "silence_yellow"


class Parameter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A number of a rule that may differ between communities and people."""

    default: bool | int | float | str
    unit: Unit
    source: str
    """Where the number comes from."""
    min: float | None = None
    max: float | None = None
    """Hard bounds: nobody may go outside."""
    limit: str | None = None
    """Its name under `limits:` of a resident."""
    who: str = "desk"
    """Who may change it: desk, manager, doctor, installer, maintenance, nobody."""
    kind: Stretch | None = None
    by_kind: dict[Kind, bool | int | float | str] = {}
    templates: dict[str, bool | int | float | str] = {}
    """Value by tier (key, important, general), condition (dementia) or flag of a resident."""
    stricter: str = "lower"
    """The safe side, where a rule speaks sooner or more often: `lower` or `higher` (of yes and no, yes is higher). Of two
    conditions of a resident, and of two residents whom a sensor serves, the value on that side counts."""
    keeps: str | None = None
    """Another parameter of the rule, from which this one keeps its distance when somebody changes that: where the value
    that ends a finding would else lie beyond the one that began it."""


class Detection(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"with_": "with"}):
    """What an expression cannot say: a named detector (rules.detectors), asked by `detected()` in conditions."""

    use: str
    """Its name."""
    with_: dict[str, bool | int | float | str] = {}
    """What it is given: a value, or the name of a parameter of the rule. One of the same name need not be named."""


Duration = Annotated[str, Meta(description="a duration like 90s, 5m, 1h30m, or a parameter that is one")]


class RuleDoc(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One rule as it stands in a file."""

    rule: str
    """Its own name; unique."""
    code: str = ""
    """Catalogue code shown to people (domain section 3); the rule's name when left out."""
    version: Annotated[int, Meta(ge=1)]
    shape: Shape = Shape.state
    class_: Care = msgspec.field(name="class")
    on: On
    cause: str
    """Case grouping (fire, gas, sos, water, bed, wandering, vitals, service); `device` is one case per device."""
    pictogram: str
    title: Text
    about: Text
    source: str
    when: str = "true"
    detector: Detection | None = None
    require: str | None = None
    """Checked once, when the condition begins: without it there is no episode."""
    by_time: bool = False
    """It may begin by time alone, with nothing heard: the moments its condition names are waited for."""
    hours: DailyHours | None = None
    settle: Duration = "0s"
    """While not yet opened, interruptions that add up to less than this do not end the waiting."""
    settle_each: bool = False
    """`settle` is of each interruption by itself."""
    max_gap: Duration | None = None
    """No data for longer is unknown. Left out: the last word counts until something newer."""
    on_gap: str = "restart"
    """`restart`: what was unknown does not count as held; `assume`: it does."""
    cannot_tell_while: list[str] = []
    """Rules of the same subject: while one of them speaks, this one is unknown; it neither rises nor clears."""
    grades: Annotated[list[Grade], Meta(min_length=1)] = []
    lower: Lower | None = None
    signs: list[str] = []
    """Of a lack: the sorts of signs that end it (rules.signs.SIGNS)."""
    unless: str | None = None
    """Of a lack or a state: while this is known to be true, it does not begin. What is unknown excuses nothing."""
    began: str | None = None
    """Of a state: how long ago the condition really began, when it is noticed late (a duration that grows)."""
    proof: str | None = None
    """Of a lack: the parameter with the share of the time (%) in which its sensors must have lived."""
    cannot_tell: Text | None = None
    """Of a lack: its title when they did not."""
    quiet_in: list[Mode] = []
    """Modes of the home in which it does not speak; none of the life-safety floor has any."""
    clear: Clear = Clear()
    merge: Duration = "60s"
    """Presses closer together than this are one episode (domain 2.3)."""
    tags: dict[str, str] = {}
    reopen_minutes: Annotated[int, Meta(ge=0, le=1440)] = 0
    auto_close: list[Level] = []
    parameters: dict[str, Parameter] = {}


class RuleFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rule file."""

    version: Annotated[int, Meta(ge=1, le=1)]
    rules: list[RuleDoc]


@dataclass(frozen=True, slots=True)
class RuleGrade:
    """A grade, compiled."""

    level: Level
    after: Compiled
    when: Compiled | None
    extend_when: Compiled | None
    extend_by: Compiled | None
    title: Text


@dataclass(frozen=True, slots=True)
class RuleDetector:
    """A detector with what it is given, compiled."""

    detector: Detector
    given: Mapping[str, Compiled]

    def arguments(self, view: Any) -> dict[str, Any]:
        """What it is given here."""
        return {name: part.value(view) for name, part in self.given.items()}


@dataclass(frozen=True, eq=False)
class Rule:
    """A rule, checked and compiled."""

    doc: RuleDoc
    when: Compiled
    require: Compiled | None
    hours: tuple[Compiled, Compiled] | None
    settle: Compiled
    max_gap: Compiled | None
    grades: tuple[RuleGrade, ...]
    clear: Compiled | None
    clear_hold: Compiled
    merge: Compiled
    tags: Mapping[str, Compiled]
    lower: tuple[Compiled, Compiled] | None = None
    """What lowers it, and how long after it was told."""
    unless: Compiled | None = None
    began: Compiled | None = None
    order: int = 0
    """Place in the book: rules of one moment speak in this order, urgent ones first."""
    detector: RuleDetector | None = None

    @property
    def id(self) -> str:
        """Its own name."""
        return self.doc.rule

    @property
    def code(self) -> str:
        """Its catalogue code."""
        return self.doc.code or self.doc.rule

    @cached_property
    def judge(self) -> Judge:
        """Gives whether its condition is true and, where it is false, what that rests on."""
        return self.when.judge(self.doc.by_time)

    @cached_property
    def life(self) -> bool:
        """Life-safety floor."""
        return self.doc.class_ is Care.life

    @cached_property
    def urgent(self) -> bool:
        """Its readings come on the urgent lane, so its timers need not wait for telemetry."""
        return self.doc.on.quantity in URGENT

    @cached_property
    def own(self) -> frozenset[str]:
        """Quantities of its subject that can change its mind."""
        parts = self._parts()
        found = frozenset(q for part in parts for q in part.own)
        # Samples are looked at report by report, where they matter; not at each changed number.
        return found | {self.doc.on.quantity} if self.doc.on.quantity and not self.sampled else found

    @cached_property
    def wide(self) -> frozenset[str]:
        """Quantities anywhere in the home that can change its mind while an episode is on."""
        return frozenset(q for part in self._parts() for q in part.wide) | {
            q for sign in self.doc.signs for q in SIGNS[sign]
        }

    @cached_property
    def listens(self) -> bool:
        """It counts the messages of its device."""
        return any("heard" in part.functions for part in self._parts())

    @cached_property
    def confirms(self) -> bool:
        """It asks for a value to be said again (`shown`, `confirmed`, samples): repeats matter while an episode is on."""
        return self.sampled or any(
            not {"shown", "confirmed"}.isdisjoint(part.functions) for part in self._parts()
        )

    @cached_property
    def sampled(self) -> bool:
        """It looks at a belt's samples."""
        return any(part.sampled for part in self._parts())

    @cached_property
    def marked(self) -> bool:
        """Of samples its condition asks only what they have a mark of."""
        return {name for name in self.when.functions if FUNCTIONS[name].sampled} <= MARKED

    @cached_property
    def mosts(self) -> tuple[Most, ...]:
        """Everything it asks of samples."""
        return tuple(m for part in self._parts() for m in part.mosts)

    @cached_property
    def asks_near(self) -> bool:
        """It looks at the flats above and below."""
        return any("near" in part.functions for part in self._parts())

    @cached_property
    def ages(self) -> bool:
        """It looks at how long a device has been known, so it begins to count when the device is first heard."""
        return any("known" in part.functions for part in self._parts())

    @cached_property
    def learns_hours(self) -> bool:
        """Its hours begin or end at a time that is learned of the resident, so they differ from day to day."""
        return any(not LEARNT.keys().isdisjoint(part.functions) for part in self.hours or ())

    @cached_property
    def personal(self) -> frozenset[str]:
        """What it asks of the personal clock."""
        return (
            frozenset(f for part in self._parts() for f in part.functions) & LEARNT.keys()
        ) - WHILE_WAITING

    @cached_property
    def codes_asked(self) -> frozenset[str]:
        """Codes of other findings that it asks about (`active`)."""
        parts = [p for p in (*self._parts(), *self.tags.values()) if "active" in p.functions]
        return frozenset(
            code for p in parts for call in _ACTIVE.findall(p.text) for code in _TEXT.findall(call)
        )

    def _parts(self) -> list[Compiled]:
        parts = [self.when, self.clear_hold]
        parts += [p for p in (self.require, self.clear, self.unless, self.began) if p is not None]
        parts += self.lower or ()
        parts += self.hours or ()
        for grade in self.grades:
            parts += [p for p in (grade.after, grade.when, grade.extend_when) if p is not None]
        return parts


class RuleFaults(Misconfigured):
    """The rule files have faults; nothing was loaded."""

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = list(faults)
        super().__init__("; ".join(self.faults))


class RuleBook:
    """The rules in force; immutable."""

    def __init__(self, rules: Iterable[Rule], version: str, layers: Sequence[Mapping[str, str]] = ()) -> None:
        self.rules: dict[str, Rule] = {r.id: r for r in rules}
        self.version = version
        """A name computed from the files: changes with any of them."""
        self.layers = tuple(layers)
        """The texts it was read from, by file name: the catalogue, then what was read over it (`from_layers`)."""

    @cached_property
    def blinding(self) -> dict[str, frozenset[str]]:
        """For rules that make others unable to tell: which."""
        named = {other for r in self.rules.values() for other in r.doc.cannot_tell_while}
        return {
            n: frozenset(r.id for r in self.rules.values() if n in r.doc.cannot_tell_while) for n in named
        }

    @cached_property
    def founding(self) -> frozenset[str]:
        """Quantities whose first report makes a device a subject of some rule."""
        return frozenset(r.doc.on.quantity for r in self.rules.values() if r.doc.on.quantity)

    @cached_property
    def limits(self) -> dict[str, tuple[str, str, Parameter]]:
        """Names allowed under `limits:` of a resident: rule, parameter, its bounds."""
        return {
            p.limit: (rule.id, name, p)
            for rule in self.rules.values()
            for name, p in rule.doc.parameters.items()
            if p.limit
        }


FLOOR = ("SM", "GS", "CO", "WT1", "SOS", "FL", "HT")
"""Codes that no mode mutes (domain section 3.5, DR4)."""
_CLASSES = {
    "smoke", "gas", "co", "sos", "fall", "water", "bed", "door", "device", "vitals", "activity", "other",
}  # fmt: skip
_ACTIVE = re.compile(r"\bactive\(([^)]*)\)")
_TEXT = re.compile(r'"([^"]*)"')
_UNKNOWN = re.compile(r"unknown field `([^`]+)`")
_WHO = {"desk", "manager", "doctor", "installer", "maintenance", "nobody"}


class _File:
    """One file being read; collects faults with their lines."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.faults: list[str] = []
        self.docs: list[tuple[int, RuleDoc]] = []
        try:
            self.tree = Tree(text)
        except SiteFaults as error:
            self.faults += [f"{name}: {fault}" for fault in error.faults]
            return
        self.faults += [f"{name}: {fault}" for fault in self.tree.faults]
        data = self.tree.data
        if not isinstance(data, dict) or not isinstance(data.get("rules"), list):
            self.fault((), "a rule file is `version: 1` and a list of `rules:`")
            return
        for key in data:
            if key not in ("version", "rules"):
                self.fault((key,), f"unknown key `{key}`; known are version, rules")
        if data.get("version") != 1:
            self.fault(("version",), "`version: 1` is missing or not known")
        for i, item in enumerate(data["rules"]):
            try:
                self.docs.append((i, msgspec.convert(item, RuleDoc)))
            except msgspec.ValidationError as error:
                self._shape_fault(i, item, error)

    def fault(self, path: tuple[str | int, ...], text: str) -> None:
        self.faults.append(f"{self.name}: line {self.tree.line(path)}: {text}")

    def _shape_fault(self, index: int, item: Any, error: msgspec.ValidationError) -> None:
        """Say what is wrong with the shape of a rule, at the line where it stands."""
        what, where = explain(error, ("rules", index))
        if where[2:] == ("parameters",) and isinstance(item["parameters"], dict):
            # Which of them, the message does not say.
            for name, given in item["parameters"].items():
                try:
                    msgspec.convert(given, Parameter)
                except msgspec.ValidationError as one:
                    what, where = explain(one, ("rules", index, "parameters", name))
                    break
        unknown = _UNKNOWN.search(what)
        if unknown:
            where = (*where, unknown[1])
        name = ".".join(str(w) for w in (where[2:-1] if unknown else where[2:]))
        self.fault(where, f"{name}: {what}" if name else what)

    def rules(self) -> list[Rule]:
        return [rule for i, doc in self.docs if (rule := self._rule(i, doc)) is not None]

    def _rule(self, index: int, doc: RuleDoc) -> Rule | None:
        before = len(self.faults)
        base: tuple[str | int, ...] = ("rules", index)
        scope = Scope(parameters={n: p.unit.type for n, p in doc.parameters.items()})

        def expression(text: str, *path: str | int, wanted: Type = Type.bool) -> Compiled:
            try:
                learned = path[-1] == "after" and text.startswith("own(")
                if wanted is Type.duration and text not in doc.parameters and not learned:
                    seconds = duration_seconds(text)
                    return compile_condition(f"{seconds:g}s", scope, wanted=wanted)
                return compile_condition(text, scope, wanted=wanted)
            except ConditionFault as error:
                self.fault((*base, *path), f"{doc.rule}: {'.'.join(str(p) for p in path)}: {error}")
                return _BROKEN

        def maybe(text: str | None, *path: str | int, wanted: Type = Type.bool) -> Compiled | None:
            return None if text is None else expression(text, *path, wanted=wanted)

        self._check_parameters(base, doc)
        on = doc.on
        if on.quantity is not None and on.quantity not in QUANTITIES:
            self.fault((*base, "on", "quantity"), f"{doc.rule}: `{on.quantity}` is not a quantity")
        if doc.shape is Shape.press and on.quantity is None:
            self.fault((*base, "on"), f"{doc.rule}: a press rule needs `on.quantity`")
        if doc.shape is Shape.outage and (on.subject not in (Subject.home, Subject.area) or on.quantity):
            self.fault((*base, "on"), f"{doc.rule}: an outage is of a home or an area, not of a quantity")
        if on.subject is Subject.area and doc.shape is not Shape.outage:
            self.fault((*base, "on"), f"{doc.rule}: only an outage is about an area")
        if on.subject is Subject.bed and on.quantity is None:
            self.fault((*base, "on"), f"{doc.rule}: a rule about a bed needs `on.quantity`")
        if doc.pictogram not in _CLASSES:
            self.fault((*base, "pictogram"), f"{doc.rule}: pictogram `{doc.pictogram}` is not known")
        if not doc.grades and doc.shape is not Shape.filter:
            self.fault(base, f"{doc.rule}: a rule needs `grades`: a level, and how long it must hold")
        if doc.on_gap not in ("restart", "assume"):
            self.fault((*base, "on_gap"), f"{doc.rule}: on_gap is `restart` or `assume`")
        if doc.class_ is Care.life and any(g.level is Level.blue for g in doc.grades):
            self.fault((*base, "grades"), f"{doc.rule}: a life-safety rule never falls below yellow")
        if doc.class_ is Care.life and doc.auto_close:
            self.fault((*base, "auto_close"), f"{doc.rule}: a life-safety rule is closed by people only")
        if any(level is not Level.blue for level in doc.auto_close):
            self.fault((*base, "auto_close"), f"{doc.rule}: only blue may close by itself")
        hours = None
        if doc.hours is not None:
            if doc.hours.at_open not in ("evaluate", "ignore"):
                self.fault((*base, "hours"), f"{doc.rule}: at_open is `evaluate` or `ignore`")
            hours = (
                expression(doc.hours.from_, "hours", "from", wanted=Type.clock),
                expression(doc.hours.to, "hours", "to", wanted=Type.clock),
            )
        grades = tuple(
            RuleGrade(
                level=g.level,
                after=expression(g.after, "grades", i, "after", wanted=Type.duration),
                when=maybe(g.when, "grades", i, "when"),
                extend_when=maybe(g.extend.when if g.extend else None, "grades", i, "extend", "when"),
                extend_by=maybe(
                    g.extend.by if g.extend else None, "grades", i, "extend", "by", wanted=Type.duration
                ),
                title=g.title or doc.title,
            )
            for i, g in enumerate(doc.grades)
        )
        self._check_lack(base, doc)
        if doc.shape is not Shape.lack and any(part.functions for part in hours or ()):
            self.fault((*base, "hours"), f"{doc.rule}: only the hours of a lack can be learned")
        for i, text in [(None, doc.title), *((i, g.title) for i, g in enumerate(doc.grades) if g.title)]:
            self._check_title(base, doc, text, i)
        rule = Rule(
            doc=doc,
            when=expression(doc.when, "when"),
            require=maybe(doc.require, "require"),
            hours=hours,
            settle=expression(doc.settle, "settle", wanted=Type.duration),
            max_gap=maybe(doc.max_gap, "max_gap", wanted=Type.duration),
            grades=grades,
            clear=maybe(doc.clear.when, "clear", "when"),
            clear_hold=expression(doc.clear.hold, "clear", "hold", wanted=Type.duration),
            merge=expression(doc.merge, "merge", wanted=Type.duration),
            tags={name: expression(text, "tags", name) for name, text in doc.tags.items()},
            detector=self._detector(base, doc, scope),
            lower=(
                expression(doc.lower.when, "lower", "when"),
                expression(doc.lower.within, "lower", "within", wanted=Type.duration),
            )
            if doc.lower is not None
            else None,
            unless=maybe(doc.unless, "unless"),
            began=None if doc.began is None else self._growing(base, doc, scope),
        )
        if ("detected" in rule.personal) != (doc.detector is not None):
            lacks = "names no detector" if doc.detector is None else "never asks its detector"
            self.fault((*base, "rule"), f"{doc.rule}: `detected()` and `detector:` go together, this {lacks}")
        return rule if len(self.faults) == before else None

    def _detector(self, base: tuple[str | int, ...], doc: RuleDoc, scope: Scope) -> RuleDetector | None:
        if doc.detector is None:
            return None
        path = (*base, "detector")
        detector = DETECTORS.get(doc.detector.use)
        if detector is None:
            known = ", ".join(sorted(DETECTORS))
            self.fault(
                (*path, "use"), f"{doc.rule}: there is no detector `{doc.detector.use}`; there are {known}"
            )
            return None
        if doc.on.subject.value not in detector.subjects:
            self.fault(
                (*base, "on"), f"{doc.rule}: `{detector.name}` is about a {' or '.join(detector.subjects)}"
            )
        given: dict[str, Compiled] = {}
        for name, value in doc.detector.with_.items():
            if name not in detector.takes:
                known = ", ".join(detector.takes)
                self.fault(
                    (*path, "with", name), f"{doc.rule}: `{detector.name}` takes {known}; not `{name}`"
                )
                continue
            text = str(value).lower() if isinstance(value, bool) else str(value)
            try:
                given[name] = compile_condition(text, scope, wanted=Type(detector.takes[name]))
            except ConditionFault as error:
                self.fault((*path, "with", name), f"{doc.rule}: detector.with.{name}: {error}")
        for name, wanted in detector.takes.items():
            if name in given or name in doc.detector.with_:
                continue
            if scope.parameters.get(name) is not Type(wanted):
                self.fault(
                    path,
                    f"{doc.rule}: `{detector.name}` needs `{name}`, a {wanted}, in `with` or as a parameter",
                )
                continue
            given[name] = compile_condition(name, scope, wanted=Type(wanted))
        return RuleDetector(detector, given)

    def _growing(self, base: tuple[str | int, ...], doc: RuleDoc, scope: Scope) -> Compiled:
        try:
            return compile_condition(doc.began or "", scope, wanted=Type.duration)
        except ConditionFault as error:
            self.fault((*base, "began"), f"{doc.rule}: began: {error}")
            return _BROKEN

    def _check_lack(self, base: tuple[str | int, ...], doc: RuleDoc) -> None:
        lack = doc.shape is Shape.lack
        if lack != bool(doc.signs) or not set(doc.signs) <= set(SIGNS):
            self.fault(
                (*base, "signs"), f"{doc.rule}: a lack, and nothing else, has signs: {', '.join(SIGNS)}"
            )
        if lack and doc.on.subject is not Subject.home:
            self.fault((*base, "on"), f"{doc.rule}: a lack is of a home")
        if lack and (doc.cannot_tell is None or doc.proof not in doc.parameters):
            self.fault(
                base,
                f"{doc.rule}: a lack says what it needs as `proof` (a parameter) and how it `cannot_tell`",
            )
        if not lack and (doc.proof or doc.cannot_tell):
            self.fault(base, f"{doc.rule}: proof and cannot_tell belong to a lack")
        if doc.quiet_in and (
            doc.class_ is Care.life or doc.code.startswith(FLOOR) or doc.rule.startswith(FLOOR)
        ):
            self.fault((*base, "quiet_in"), f"{doc.rule}: no mode makes the life-safety floor quiet")

    def _check_title(
        self, base: tuple[str | int, ...], doc: RuleDoc, text: Text | None, grade: int | None
    ) -> None:
        if text is None:
            return
        for words in (text.zh, text.en):
            try:
                words.format(room="", device="", minutes=0, hours=0, count=1, area="", homes=0, mode="")
            except (KeyError, IndexError, ValueError):
                path = (*base, "title") if grade is None else (*base, "grades", grade, "title")
                self.fault(
                    path,
                    f"{doc.rule}: a title knows only {{room}} {{device}} {{minutes}} {{hours}} {{count}} {{area}} {{homes}} {{mode}}",
                )

    def _check_parameters(self, base: tuple[str | int, ...], doc: RuleDoc) -> None:
        for name, p in doc.parameters.items():
            path = (*base, "parameters", name)
            if name in QUANTITIES:
                self.fault(path, f"{doc.rule}: parameter `{name}` has the name of a quantity")
            if p.who not in _WHO:
                self.fault((*path, "who"), f"{doc.rule}: who is one of {', '.join(sorted(_WHO))}")
            if p.stricter not in ("lower", "higher"):
                self.fault((*path, "stricter"), f"{doc.rule}: stricter is `lower` or `higher`")
            if p.keeps is not None and (p.keeps not in doc.parameters or p.unit.type is not Type.number):
                self.fault(
                    (*path, "keeps"), f"{doc.rule}: there is no number `{p.keeps}` to keep a distance from"
                )
            if p.unit.type is Type.clock and len(p.templates) > 1:
                self.fault(
                    (*path, "templates"),
                    f"{doc.rule}: no time of day is the stricter one; one template at most",
                )
            if p.unit.type in (Type.number, Type.duration) and (p.min is None or p.max is None):
                self.fault(path, f"{doc.rule}: `{name}` needs hard bounds `min` and `max`")
            if p.min is not None and p.max is not None and p.min > p.max:
                self.fault(path, f"{doc.rule}: `{name}` has min {p.min:g} above max {p.max:g}")
            values = {"default": p.default, **{f"by_kind.{k}": v for k, v in p.by_kind.items()}}
            values.update({f"templates.{k}": v for k, v in p.templates.items()})
            for where, value in values.items():
                reason = refuse_value(p, value)
                if reason:
                    self.fault((*path, *where.split(".")), f"{doc.rule}: `{name}` {where} {reason}")


def refuse_value(parameter: Parameter, value: Any) -> No | None:
    """Why a value cannot be used for a parameter; None when it can."""
    match parameter.unit.type:
        case Type.bool:
            return None if isinstance(value, bool) else No("not_yes_or_no")
        case Type.clock:
            if not isinstance(value, str):
                return No("not_a_time")
            try:
                clock_minutes(value)
            except (ValueError, ConditionFault):
                return No.of("no_such_time", value=value)
            return None
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:  # noqa: PLR0124  # NaN
        return No("not_a_number")
    if parameter.min is not None and value < parameter.min:
        return No.of("below_bound", value=value, bound=parameter.min)
    if parameter.max is not None and value > parameter.max:
        return No.of("above_bound", value=value, bound=parameter.max)
    return None


_BROKEN = compile_condition("true", Scope())


def read_rules(files: Mapping[str, str]) -> RuleBook:
    """The rules in these texts by file name. Raises RuleFaults with every fault: file, line, reason."""
    faults: list[str] = []
    rules: list[Rule] = []
    lines: dict[str, str] = {}
    limits: dict[str, tuple[str, Parameter]] = {}
    for name, text in files.items():
        file = _File(name, text)
        found = file.rules()
        faults += file.faults
        for i, doc in file.docs:
            line = file.tree.line(("rules", i, "rule"))
            first = lines.setdefault(doc.rule, f"{name} line {line}")
            if first != f"{name} line {line}":
                faults.append(f"{name}: line {line}: rule `{doc.rule}` is already in {first}")
            for key, p in doc.parameters.items():
                first_use = limits.setdefault(p.limit, (f"{doc.rule}.{key}", p)) if p.limit else None
                # One thing known of a person may serve two rules, as long as it means the same in both.
                if first_use is not None and not _alike(first_use[1], p):
                    at = file.tree.line(("rules", i, "parameters", key, "limit"))
                    faults.append(
                        f"{name}: line {at}: limit `{p.limit}` already belongs to {first_use[0]}, with other bounds"
                    )
        rules += found
    if faults:
        raise RuleFaults(faults)
    version = hashlib.sha256("\0".join(f"{n}\0{t}" for n, t in sorted(files.items())).encode()).hexdigest()[
        :12
    ]
    # What may kill speaks first: life before care before technical, then by name.
    rank = {Care.life: 0, Care.care: 1, Care.technical: 2}
    # An outage speaks before the silences it covers.
    rules.sort(key=lambda r: (rank[r.doc.class_], r.doc.shape is not Shape.outage, r.id))
    numbered = [_numbered(r, i) for i, r in enumerate(rules)]
    return RuleBook(numbered, version, [files])


def _alike(a: Parameter, b: Parameter) -> bool:
    return (a.unit, a.min, a.max, a.default, a.stricter) == (b.unit, b.min, b.max, b.default, b.stricter)


def _numbered(rule: Rule, order: int) -> Rule:
    return Rule(
        rule.doc, rule.when, rule.require, rule.hours, rule.settle, rule.max_gap, rule.grades, rule.clear,
        rule.clear_hold, rule.merge, rule.tags, rule.lower, rule.unless, rule.began, order, rule.detector,
    )  # fmt: skip


def load(paths: Iterable[Path] = ()) -> RuleBook:
    """The rules that ship with the program, with these files read over them: a rule of the same name replaces.

    Raises RuleFaults (file, line, reason) or Misconfigured when a file cannot be read.
    """
    own = {p.name: p.read_text(encoding="utf-8") for p in sorted(CATALOG.glob("*.yaml"))}
    extra: dict[str, str] = {}
    for path in paths:
        try:
            extra[str(path)] = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise Misconfigured(f"rule file `{path}` cannot be read: {reason}") from None
    return from_layers([own, extra] if extra else [own])


def load_folder(folder: Path) -> RuleBook:
    """The rules of a folder, and no others. Raises RuleFaults, or Misconfigured when there are none."""
    texts = {p.name: p.read_text(encoding="utf-8") for p in sorted(folder.glob("*.yaml"))}
    if not texts:
        raise Misconfigured(f"there is no rule file (*.yaml) in {folder}")
    return read_rules(texts)


def from_layers(layers: Sequence[Mapping[str, str]]) -> RuleBook:
    """The rules of these texts, each layer over the one before: a rule of the same name replaces. Raises RuleFaults."""
    book = read_rules(layers[0])
    for texts in layers[1:]:
        book = _over(book, texts)
    return _consistent(book)


def _over(book: RuleBook, texts: Mapping[str, str]) -> RuleBook:
    over = read_rules(texts)
    merged = sorted(
        {**book.rules, **over.rules}.values(),
        key=lambda r: (not r.life, r.doc.class_, r.doc.shape is not Shape.outage, r.id),
    )
    numbered = [_numbered(r, i) for i, r in enumerate(merged)]
    return RuleBook(numbered, f"{book.version}+{over.version}", [*book.layers, texts])


def _consistent(book: RuleBook) -> RuleBook:
    """The book, if the rules that its rules name are in it. Raises RuleFaults."""
    faults = [
        f"{rule.id}: cannot_tell_while: there is no rule `{name}`"
        for rule in book.rules.values()
        for name in rule.doc.cannot_tell_while
        if name not in book.rules
    ]
    if faults:
        raise RuleFaults(faults)
    return book


def schema() -> dict[str, Any]:
    """JSON Schema of a rule file, for editors; `catalog/schema.json` is this."""
    made = msgspec.json.schema(RuleFile)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}
