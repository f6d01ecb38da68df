"""Rule stories: a rule proved by example, in YAML that somebody who knows care can write. Start at `Story`.

    stories:
      - story: a walk of nineteen minutes is nobody's business
        rule: BD1
        shows: quiet
        devices: {belt: {kind: bed_belt, room: bedroom}}
        from: 2026-03-02T01:00:00+08:00
        every: 10s
        readings:
          in_bed@belt: "1x120 0x114 1x30"     # VxN is N times V, (0 1)xN a group, `_` no reading, `?` a null
        feed:
          - {at: 5m, device: sos, sos: true, seq: 3, late: 2m}
        expect:
          1h: []                              # nothing up to here
          1h20m: [{phase: opened, level: yellow, title: "卧室夜间离床 20 分钟未归"}]

Weeks are written as a daily routine, which a device keeps from the day of `from` on:

        daily:
          - device: belt                    # what it says from a time of day on, again every 3 minutes
            days: 1-16                      # days of the story; left out: every day
            every: 3m
            at: {"21:30": {in_bed: 1, heart_rate: [61, 63, 62]}, "06:10": {in_bed: 0, heart_rate: null}}

A list gives one value for each day, in turn. A device says nothing more after the last of its days.

What stands at a time in `expect` is everything the rule said since the time before it. The same story can be run
with the engine dropped and restored before every input and every timer; it must say the same. `rules.zones` moves
it to the nights on which clocks change.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from care.errors import Misconfigured
from care.ids import content_id
from care.messages import Finding, Refusal, Report, Value
from care.site import (
    CarerVisit,
    Community,
    Device,
    Home,
    HomeMode,
    Override,
    Policy,
    Registry,
    Resident,
    Site,
)
from care.sitefile import SiteFaults, Tree, explain
from care.words import Kind
from devices.kinds import suggest
from devices.quantities import QUANTITIES
from rules.catalog import RuleBook, Shape
from rules.conditions import ConditionFault, clock_minutes, duration_seconds
from rules.engine import Engine
from rules.vocabulary import QUANTITY_TYPES, Type

HOME = "home"
SOME = 97
"""In a story of weeks a crash is tried before every change of the last two days, and before one step in so many."""
_FEED_WORDS = {"at", "device", "seq", "late", "retain", "test", "undated", "id", "state", "refused", "time"}
_CHECKED = {
    "phase", "level", "reason", "rule", "code", "device", "room", "resident", "condition", "occurrences", "tags",
    "late", "test", "title", "at", "onset", "cause", "auto_close", "home", "homes", "devices",
}  # fmt: skip


class DailyDoc(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a device says day by day."""

    device: str
    at: dict[str, dict[str, Any]]
    days: str = ""
    every: str = "5m"


class StoryFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of stories."""

    stories: list[StoryDoc]


class StoryDoc(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, rename={"from_": "from"}
):
    """A story as it stands in a file."""

    story: str
    rule: str | list[str]
    shows: str
    """`speaks` or `quiet`: what the story is there to show."""
    from_: str
    every: str = "1m"
    devices: dict[str, dict[str, Any]] = {}
    homes: dict[str, dict[str, Any]] = {}
    """Further homes by name: `building`, `resident`, `devices` (whose names are unique in the story)."""
    building: str = ""
    address: str = ""
    floor: int | None = None
    modes: list[dict[str, Any]] = []
    """Modes of the home: `mode`, and `from` and `until` counted from the start."""
    carers: list[dict[str, Any]] = []
    """Planned visits of carers, as in the site file."""
    overrides: list[dict[str, Any]] = []
    """Temporary limits of the (first) resident, timed alike."""
    resident: dict[str, Any] = {}
    residents: list[dict[str, Any]] = []
    policy: dict[str, Any] = {}
    zone: str = "Asia/Shanghai"
    readings: dict[str, str] = {}
    clocks: dict[str, str] = {}
    """How far the clock of a device with readings is behind: `3m`; ahead with a minus."""
    feed: list[dict[str, Any]] = []
    daily: list[DailyDoc] = []
    expect: dict[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class Input:
    """Something that is told to the engine."""

    at: datetime
    order: int
    report: Report | None = None
    refusal: Refusal | None = None
    series: bool = False
    """Part of a series, which may run on after the last expectation."""
    again: bool = False
    """A daily routine said again: a crash is tried before some of them, not before each."""


@dataclass(frozen=True)
class Story:
    """A story, checked and ready to be told to an engine."""

    name: str
    file: str
    line: int
    rules: tuple[str, ...]
    shows: str
    start: datetime
    registry: Registry
    inputs: tuple[Input, ...]
    expect: tuple[tuple[timedelta, tuple[dict[str, Any], ...]], ...]


@dataclass(frozen=True)
class Miss:
    """One time of `expect` at which something else was said."""

    after: timedelta
    since: timedelta
    """The time of `expect` before it: what is compared was said after this."""
    expected: tuple[dict[str, Any], ...]
    said: tuple[Finding, ...]
    differs: tuple[tuple[int, str, Any, Any], ...] = ()
    """Place in the list, key, what was expected, what was found; empty when the number is another one."""


@dataclass
class Outcome:
    """How a story went."""

    story: Story
    findings: list[Finding] = field(default_factory=list)
    misses: list[Miss] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """It went as expected."""
        return not self.misses

    @property
    def faults(self) -> list[str]:
        """Each difference as one sentence."""
        story = self.story
        head = f"{story.file}: line {story.line}: {story.name}"
        out: list[str] = []
        for miss in self.misses:
            shown = ", ".join(_shown(f, story) for f in miss.said) or "nothing"
            if not miss.differs:
                out.append(f"{head}: at {_short(miss.after)} expected {len(miss.expected)}, heard {shown}")
            for _, key, wanted, found in miss.differs:
                out.append(
                    f"{head}: at {_short(miss.after)} expected {key} `{wanted}`, found `{found}` in {shown}"
                )
        return out


class StoryFaults(Misconfigured):
    """A story file has faults; it was not run."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        super().__init__("; ".join(faults))


def read_stories(name: str, text: str, book: RuleBook) -> list[Story]:
    """The stories of a file. Raises StoryFaults with file, line and reason."""
    try:
        tree = Tree(text)
    except SiteFaults as error:
        raise StoryFaults([f"{name}: {fault}" for fault in error.faults]) from None
    faults = [f"{name}: {fault}" for fault in tree.faults]
    data = tree.data
    if not isinstance(data, dict) or set(data) != {"stories"} or not isinstance(data["stories"], list):
        raise StoryFaults([f"{name}: line 1: a story file is a list of `stories:` and nothing else"])
    stories: list[Story] = []
    for i, item in enumerate(data["stories"]):
        line = tree.line(("stories", i))
        try:
            doc = msgspec.convert(item, StoryDoc)
            stories.append(_story(doc, name, line, book))
        except msgspec.ValidationError as error:
            what, where = explain(error, ("stories", i))
            key = ".".join(str(w) for w in where[2:])
            faults.append(f"{name}: line {tree.line(where)}: {key + ': ' if key else ''}{what}")
        except (ConditionFault, ValueError) as error:
            reason = error.reason if isinstance(error, ConditionFault) else str(error)
            faults.append(f"{name}: line {line}: {reason}")
    if faults:
        raise StoryFaults(faults)
    return stories


def _story(doc: StoryDoc, file: str, line: int, book: RuleBook) -> Story:
    rules = (doc.rule,) if isinstance(doc.rule, str) else tuple(doc.rule)
    for rule in rules:
        if rule not in book.rules:
            raise ValueError(f"there is no rule `{rule}`")
    if doc.shows not in ("speaks", "quiet"):
        raise ValueError("`shows` is `speaks` or `quiet`")
    if not doc.expect:
        raise ValueError("a story that expects nothing proves nothing; give times in `expect`")
    if doc.shows == "quiet" and any(doc.expect.values()):
        raise ValueError("a story that shows `quiet` expects [] at every time")
    if doc.shows == "speaks" and not any(doc.expect.values()):
        raise ValueError("a story that shows `speaks` expects something")
    for items in doc.expect.values():
        for item in items:
            for key in item:
                if key not in _CHECKED:
                    raise ValueError(f"`{key}` cannot be expected; known are {', '.join(sorted(_CHECKED))}")
    try:
        start = datetime.fromisoformat(doc.from_)
    except ValueError:
        raise ValueError(f"`from: {doc.from_}` is not a time like 2026-03-02T01:00:00+08:00") from None
    if start.tzinfo is None:
        start = start.replace(tzinfo=ZoneInfo(doc.zone))
    start = start.astimezone(UTC)
    site, names = _site(doc, start)
    expect = sorted(
        (timedelta(seconds=duration_seconds(at)), tuple(items)) for at, items in doc.expect.items()
    )
    end = start + expect[-1][0]
    inputs = sorted(
        [*_inputs(doc, start, names), *_routine(doc, start, end, names)], key=lambda i: (i.at, i.order)
    )
    late = [i for i in inputs if i.at > end and not i.series]
    if late:
        raise ValueError(
            f"something in `feed` comes after the last expectation ({expect[-1][0]}): it is never told"
        )
    return Story(doc.story, file, line, rules, doc.shows, start, Registry(site), tuple(inputs), tuple(expect))


Placed = dict[str, tuple[str, Device]]
"""Home and device by the device's name."""


def _site(doc: StoryDoc, start: datetime) -> tuple[Site, Placed]:
    """The homes of the story; devices that only readings name are made from their quantity and room."""
    devices = {name: msgspec.convert({"id": name, **given}, Device) for name, given in doc.devices.items()}
    places: dict[str, list[str]] = {}
    for series in doc.readings:
        quantity, _, place = series.partition("@")
        if quantity not in QUANTITIES or not place:
            raise ValueError(f"`{series}` is not quantity@device or quantity@room")
        places.setdefault(place, []).append(quantity)
    for place, quantities in places.items():
        if place not in devices and not any(place in h.get("devices", {}) for h in doc.homes.values()):
            kind = suggest(quantities)
            devices[place] = Device(id=place, kind=kind or Kind.climate, room=place)
    people = doc.residents or [doc.resident]
    residents = [
        msgspec.convert({"id": f"r{i + 1}", "name": f"老人{i + 1}", **given}, Resident)
        for i, given in enumerate(people)
    ]
    if doc.overrides:
        first = [msgspec.convert(_timed(o, start), Override) for o in doc.overrides]
        residents[0] = msgspec.structs.replace(residents[0], overrides=first)
    homes = [
        Home(
            id=HOME,
            residents=residents,
            devices=list(devices.values()),
            building=doc.building,
            address=doc.address,
            floor=doc.floor,
            modes=[msgspec.convert(_timed(m, start), HomeMode) for m in doc.modes],
            carers=msgspec.convert(doc.carers, list[CarerVisit]),
        )
    ]
    for name, given in doc.homes.items():
        kit = [msgspec.convert({"id": n, **d}, Device) for n, d in given.get("devices", {}).items()]
        person = {"id": f"r-{name}", "name": f"老人{name}", **given.get("resident", {})}
        homes.append(
            Home(
                id=name,
                residents=[msgspec.convert(person, Resident)],
                devices=kit,
                building=str(given.get("building", "")),
                address=str(given.get("address", "")),
                floor=given.get("floor"),
            )
        )
    policy = msgspec.convert(doc.policy, Policy)
    community = Community(id="story", name="故事", timezone=doc.zone)
    placed = {d.id: (home.id, d) for home in homes for d in home.devices}
    if len(placed) != sum(len(home.devices) for home in homes):
        raise ValueError("two devices have one name")
    return Site(community=community, homes=homes, policy=policy), placed


_GROUP = re.compile(r"\(([^()]*)\)x(\d+)")


def _timed(given: dict[str, Any], start: datetime) -> dict[str, Any]:
    """A mode or override of a story, with its times made of spans since the start."""
    times = {key: start + timedelta(seconds=duration_seconds(str(given[key]))) for key in ("from", "until")}
    return {"by": "desk", "reason": "story", **given, **times}


def _series(text: str) -> Iterator[str]:
    text = _GROUP.sub(lambda m: " ".join([m[1]] * int(m[2])), text)
    for word in text.split():
        value, times, count = word.rpartition("x")
        if times and count.isdigit():
            for _ in range(int(count)):
                yield value
        else:
            yield word


def _value(quantity: str, word: str) -> Value:
    match QUANTITY_TYPES[quantity]:
        case Type.bool:
            if word not in ("0", "1"):
                raise ValueError(f"`{quantity}` is 0 or 1, not `{word}`")
            return word == "1"
        case Type.number:
            number = float(word)
            return int(number) if number.is_integer() else number
        case Type.any:
            return True if word == "1" else False if word == "0" else word
    return word


def _inputs(doc: StoryDoc, start: datetime, devices: Placed) -> Iterator[Input]:
    every = timedelta(seconds=duration_seconds(doc.every))
    behind = {
        name: timedelta(seconds=duration_seconds(text.removeprefix("-"))) * (-1 if text[0] == "-" else 1)
        for name, text in doc.clocks.items()
    }
    if unheard := set(behind) - {series.partition("@")[2] for series in doc.readings}:
        raise ValueError(f"clocks: `{min(unheard)}` has no readings")
    told: dict[tuple[int, str], tuple[dict[str, Value], list[str]]] = {}
    for series, text in doc.readings.items():
        quantity, _, place = series.partition("@")
        for step, word in enumerate(_series(text)):
            if word == "_":
                continue
            values, unknown = told.setdefault((step, place), ({}, []))
            if word == "?":
                unknown.append(quantity)
            else:
                values[quantity] = _value(quantity, word)
    order = 0
    for (step, place), (values, unknown) in sorted(told.items(), key=lambda item: item[0][0]):
        order += 1
        at = start + step * every
        dated = at - behind.get(place, timedelta(0))
        yield Input(
            at,
            order,
            _report(devices[place], dated, at, values=values, unknown=unknown, device_at=dated),
            series=True,
        )
    for entry in doc.feed:
        order += 1
        yield _entry(entry, start, devices, order)


def _routine(doc: StoryDoc, start: datetime, end: datetime, devices: Placed) -> Iterator[Input]:
    """What the devices with a daily routine say up to the end of the story."""
    zone = ZoneInfo(doc.zone)
    first = start.astimezone(zone).date()
    order = 1_000_000
    words: dict[str, list[tuple[datetime, timedelta, dict[str, Any]]]] = {}
    ends: dict[str, int] = {}
    for daily in doc.daily:
        if daily.device not in devices:
            raise ValueError(f"daily: there is no device `{daily.device}` in this story")
        low, _, high = daily.days.partition("-")
        count = (end.astimezone(zone).date() - first).days + 1
        span = range(int(low or 1), int(high or low or count) + 1)
        ends[daily.device] = max(ends.get(daily.device, 0), span[-1])
        for n in span:
            for clock, given in daily.at.items():
                minutes = clock_minutes(clock)
                at = datetime.combine(first + timedelta(days=n - 1), time(), zone) + timedelta(
                    minutes=minutes
                )
                values = {k: v[(n - 1) % len(v)] if isinstance(v, list) else v for k, v in given.items()}
                for quantity in values:
                    if quantity not in QUANTITIES:
                        raise ValueError(f"daily: `{quantity}` is not a quantity")
                every = timedelta(seconds=duration_seconds(daily.every))
                words.setdefault(daily.device, []).append((at.astimezone(UTC), every, values))
    for name, said in words.items():
        said.sort(key=lambda w: w[0])
        over = datetime.combine(first + timedelta(days=ends[name]), time(), zone)
        state: dict[str, Any] = {}
        for i, (at, every, values) in enumerate(said):
            state |= values
            until = min(end, said[i + 1][0]) if i + 1 < len(said) else min(end, over)
            told = {
                k: _value(k, str(int(v) if isinstance(v, bool) else v))
                for k, v in state.items()
                if v is not None
            }
            for k in range(max(1, -(-(until - at) // every))):
                moment = at + k * every
                if start <= moment <= end:
                    order += 1
                    report = _report(
                        devices[name],
                        moment,
                        moment,
                        values=told,
                        unknown=[],
                        device_at=moment,
                        name=f"{name}.{order}",
                    )
                    yield Input(moment, order, report, series=True, again=k > 0)


def _entry(entry: dict[str, Any], start: datetime, devices: Placed, order: int) -> Input:
    name = entry.get("device")
    if name not in devices:
        raise ValueError(f"feed: there is no device `{name}` in this story")
    home, device = devices[str(name)]
    at = start + timedelta(seconds=duration_seconds(str(entry.get("at", "0s"))))
    received = at + timedelta(seconds=duration_seconds(str(entry.get("late", "0s"))))
    if "refused" in entry:
        return Input(
            received,
            order,
            refusal=Refusal(
                refusal_id=content_id("refusal", order),
                topic=device.id,
                reason=str(entry["refused"]),
                received_at=received,
                home=home,
                device=device.id,
                alarm=True,
            ),
        )
    readings = {k: v for k, v in entry.items() if k not in _FEED_WORDS}
    for quantity in readings:
        if quantity not in QUANTITIES:
            raise ValueError(f"feed: `{quantity}` is neither a quantity nor a word of a feed entry")
    values = {k: v for k, v in readings.items() if v is not None}
    report = _report(
        (home, device),
        received if entry.get("undated") else at,
        received,
        values=values,
        unknown=[k for k, v in readings.items() if v is None],
        device_at=None if entry.get("undated") else at,
        seq=entry.get("seq"),
        retained=bool(entry.get("retain", False)),
        test=bool(entry.get("test", False)),
        state=entry.get("state"),
        name=entry.get("id"),
    )
    return Input(received, order, report)


def _report(
    placed: tuple[str, Device],
    at: datetime,
    received_at: datetime,
    *,
    values: dict[str, Value],
    unknown: list[str],
    device_at: datetime | None,
    seq: int | None = None,
    retained: bool = False,
    test: bool = False,
    state: str | None = None,
    name: str | None = None,
) -> Report:
    home, device = placed
    return Report(
        report_id=name
        or content_id(device.id, at.isoformat(), received_at.isoformat(), seq, repr(values), state),
        home=home,
        device=device.id,
        kind=device.kind.value,
        at=at,
        received_at=received_at,
        device_at=device_at,
        seq=seq,
        values=values,
        unknown=unknown,
        retained=retained,
        test=test,
        state=state,
    )


def run(
    story: Story,
    book: RuleBook,
    *,
    crash_everywhere: bool = False,
    moved: Callable[[Engine], Engine] | None = None,
) -> Outcome:
    """Tell a story to a fresh engine. With `crash_everywhere` it is restored before every input, timer and look.

    `moved` may exchange the engine at the same places.
    """
    engine = Engine(story.registry, book)
    outcome = Outcome(story)
    seen: list[Finding] = []

    long = any(given.again for given in story.inputs)
    last = story.start + story.expect[-1][0] - timedelta(days=2)
    steps = 0

    def here(given: Input | None = None) -> Engine:
        nonlocal steps
        steps += 1
        if long and steps % SOME and (given is None or given.again or given.at < last):
            return engine
        if crash_everywhere:
            return Engine.restore(story.registry, book, engine.snapshot())
        return moved(engine) if moved is not None else engine

    engine = here()
    seen += engine.tick(story.start)
    pending = deque(story.inputs)
    heard, before = 0, timedelta(0)
    for after, items in story.expect:
        until = story.start + after
        while True:
            due = engine.next_due()
            comes = pending[0].at if pending else None
            if due is not None and due <= until and (comes is None or due <= comes):
                engine = here()
                seen += engine.tick(due)
            elif comes is not None and comes <= until:
                given = pending.popleft()
                engine = here(given)
                if given.report is not None:
                    seen += engine.feed(given.report, given.at)
                elif given.refusal is not None:
                    seen += engine.refused(given.refusal, given.at)
            else:
                break
        engine = here()
        said = tuple(f for f in seen[heard:] if f.rule in story.rules)
        heard = len(seen)
        miss = _compare(story, before, after, items, said)
        if miss is not None:
            outcome.misses.append(miss)
        before = after
    outcome.findings = seen
    return outcome


def _compare(
    story: Story,
    since: timedelta,
    after: timedelta,
    items: tuple[dict[str, Any], ...],
    said: tuple[Finding, ...],
) -> Miss | None:
    if len(items) != len(said):
        return Miss(after, since, items, said)
    differs: list[tuple[int, str, Any, Any]] = []
    for place, (item, finding) in enumerate(zip(items, said, strict=True)):
        for key, wanted in item.items():
            found = _answer(finding, key, story)
            if found != wanted and str(found) != str(wanted):
                differs.append((place, key, wanted, found))
    return Miss(after, since, items, said, tuple(differs)) if differs else None


def _shown(finding: Finding, story: Story) -> str:
    reason = f" ({finding.reason})" if finding.reason else ""
    return f"{finding.rule} {finding.phase}{reason} {finding.level} at {_short(finding.at - story.start)}"


def block(outcome: Outcome, also: str = "") -> str:
    """A story that went otherwise, in one block: what was expected, what came, and when."""
    story = outcome.story
    zone = story.registry.zone

    def clock(after: timedelta) -> str:
        return f"{_short(after)} ({(story.start + after).astimezone(zone):%a %H:%M:%S})"

    out = [f"✗ {story.name}", f"  {story.file} line {story.line}, rule {', '.join(story.rules)}{also}"]
    for miss in outcome.misses:
        since = f"after {_short(miss.since)}, up to " if miss.since else "up to "
        out.append(f"  {since}{clock(miss.after)}")
        keys = list(dict.fromkeys(key for item in miss.expected for key in item))
        out += _lines("expected", [_words(item) for item in miss.expected])
        out += _lines("came", [_told(f, story, keys) for f in miss.said])
        for place, key, wanted, found in miss.differs:
            out.append(f"    differs   no. {place + 1}: {key} `{wanted}` was expected, `{found}` came")
    said = [f for f in outcome.findings if f.rule in story.rules]
    out += _lines("in all", [_told(f, story, []) for f in said[:20]])
    if len(said) > 20:
        out.append(f"              … {len(said) - 20} more")
    others = sorted({f.rule for f in outcome.findings} - set(story.rules))
    if others:
        out.append(f"    besides   {', '.join(others)} spoke too, which this story does not look at")
    return "\n".join(out)


def _lines(head: str, texts: list[str]) -> list[str]:
    texts = texts or ["nothing"]
    return [f"    {head if i == 0 else '':<10}{text}" for i, text in enumerate(texts)]


def _words(item: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in item.items()) or "anything"


def _told(finding: Finding, story: Story, keys: list[str]) -> str:
    more = [
        f"{key} {_answer(finding, key, story)}" for key in keys if key not in ("phase", "level", "reason")
    ]
    return ", ".join([_shown(finding, story), *more])


def _answer(finding: Finding, key: str, story: Story) -> Any:
    match key:
        case "title":
            return finding.title["zh"]
        case "at" | "onset":
            moment = finding.at if key == "at" else finding.onset_at
            return _short(moment - story.start)
        case "late":
            return _short(timedelta(seconds=finding.late_seconds))
        case "tags":
            return finding.tags
        case "homes" | "devices":
            return finding.parameters.get(key)
    return getattr(finding, key)


def _short(span: timedelta) -> str:
    """`1h20m`, `45s`, `0s`; before the start with a minus."""
    seconds = round(span.total_seconds())
    sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
    parts = [(seconds // 3600, "h"), (seconds // 60 % 60, "m"), (seconds % 60, "s")]
    return sign + ("".join(f"{n}{unit}" for n, unit in parts if n) or "0s")


def without_lateness(findings: list[Finding]) -> list[Finding]:
    """The findings as they are compared between a run with and one without a crash."""
    return [msgspec.structs.replace(f, late_seconds=0.0) for f in findings]


def read_paths(paths: list[Path], book: RuleBook) -> list[Story]:
    """The stories of these files and folders. Raises StoryFaults, or Misconfigured when one cannot be read."""
    files: list[Path] = []
    for path in paths:
        files += sorted(path.rglob("*.yaml")) if path.is_dir() else [path]
    if not files:
        raise Misconfigured(f"no story files in {', '.join(str(p) for p in paths)}")
    stories: list[Story] = []
    faults: list[str] = []
    for file in files:
        try:
            stories += read_stories(str(file), file.read_text(encoding="utf-8"), book)
        except StoryFaults as error:
            faults += error.faults
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise Misconfigured(f"story file `{file}` cannot be read: {reason}") from None
    if faults:
        raise StoryFaults(faults)
    return stories


def schema() -> dict[str, Any]:
    """JSON Schema of a story file, for editors; `tests/stories/schema.json` is this."""
    made = msgspec.json.schema(StoryFile)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}


NOT_IN_STORIES = frozenset({"TE7_rule"})
"""Speaks of our own failures, which no input brings about; its test is in tests/unit/test_engine.py."""


def uncovered(stories: Iterable[Story], book: RuleBook) -> dict[str, str]:
    """Rules without a story in which they speak, or without one in which they keep quiet: a sentence for each."""
    shown: dict[str, set[str]] = {}
    for story in stories:
        for rule in story.rules:
            shown.setdefault(rule, set()).add(story.shows)
    out: dict[str, str] = {}
    for rule in book.rules:
        if book.rules[rule].doc.shape is Shape.filter:
            continue  # it says nothing by itself; the rules whose samples it sifts show it
        missing = [word for word in ("speaks", "quiet") if word not in shown.get(rule, ())]
        if missing and rule not in NOT_IN_STORIES:
            words = " and none ".join(
                {"speaks": "in which it speaks", "quiet": "in which it keeps quiet"}[w] for w in missing
            )
            out[rule] = f"rule `{rule}` has no story {words}"
    return out
