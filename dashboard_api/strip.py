"""The evidence strip: the last hour of one home in a few rows, and what it lets us infer, in words. Pure.

`Recent.feed` folds reports as they come; `strip` draws one home. Three things can be true of a state at a moment:
yes, no, and unknown (None, drawn dashed). Before the first thing we heard, after a device fell silent, and where the
device itself said null, it is unknown.
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from care.ids import iso
from care.messages import DeviceHealth, HomeHealth, Report
from care.site import Device, Home
from care.words import Kind
from dashboard_api import wording

KEPT = timedelta(minutes=60)
"""How far back the strip reaches without a database."""
FINEST_SECONDS = 5.0
"""Numbers are kept at most this often: a strip of 900 px cannot show more."""
TICK_SECONDS = 10.0
BELT_SILENT_SECONDS = 120.0
"""A belt reports every 1 to 10 s; after two minutes we no longer know whether anybody lies there."""

STATES = frozenset(
    {"smoke", "gas", "co", "door_open", "in_bed", "presence", "water_leak", "online", "motion"}
)
NUMBERS = frozenset(
    {"heart_rate", "respiration_rate", "gas_level", "co_level", "smoke_level", "temperature", "water_total"}
)
PRESSES = frozenset({"sos", "fall"})
ALARMS = frozenset({"smoke", "gas", "co", "water_leak"})


@dataclass(slots=True)
class Trace:
    """One quantity of one device over the last hour. Times are seconds since 1970."""

    points: deque[tuple[float, bool | float | None]] = field(default_factory=deque)
    """States: where they changed. Numbers: at most one each 5 s."""
    before: bool | float | None = None
    """The state at the left edge, when something was dropped there."""
    edge: float | None = None
    last: float | None = None
    """When the quantity was last said, changed or not."""
    ticks: list[float] = field(default_factory=list)

    def state(self, at: float, value: bool | None) -> None:
        """A state was said. Late words do not move the state back."""
        if self.last is not None and at < self.last:
            return
        self.last = at
        if not self.points or self.points[-1][1] is not value:
            self.points.append((at, value))

    def number(self, at: float, value: float | None) -> None:
        """A number was said."""
        if self.last is not None and at <= self.last:
            return
        self.last = at
        newest = self.points[-1] if self.points else None
        if newest is None or at - newest[0] >= FINEST_SECONDS or (newest[1] is None) != (value is None):
            self.points.append((at, value))

    def tick(self, at: float, apart: float = 0.0) -> None:
        """Something happened at a moment; at its own time, however late it was told."""
        self.last = max(self.last or at, at)
        if not self.ticks or at >= self.ticks[-1] + apart:
            self.ticks.append(at)
        elif at < self.ticks[-1] and at not in self.ticks:
            insort(self.ticks, at)

    def trim(self, oldest: float) -> None:
        """Forget what lies before `oldest`, but not the state it led to."""
        while self.points and self.points[0][0] < oldest:
            self.edge, self.before = self.points.popleft()
        if self.ticks and self.ticks[0] < oldest:
            self.ticks = [t for t in self.ticks if t >= oldest]

    def changes(self) -> list[float]:
        """When the state changed from one that was known. The first thing we hear of a state is no change:
        a door that is reported closed when its gateway connects was not closed at that moment.
        """
        previous = self.before
        out = []
        for at, value in self.points:
            if previous is not None and value is not None:
                out.append(at)
            previous = value
        return out

    def at(self, moment: float) -> bool | float | None:
        """What was so at a moment; None before anything was said."""
        found = self.before
        for at, value in self.points:
            if at > moment:
                break
            found = value
        return found

    def now(self) -> bool | float | None:
        """The newest value."""
        return self.points[-1][1] if self.points else self.before


@dataclass(slots=True)
class Heard:
    """What was heard of one device."""

    last_at: float = 0.0
    first_at: float = float("inf")
    """Since when we hear it; what came before, nobody knows."""
    traces: dict[str, Trace] = field(default_factory=dict)
    fed: int = 0


class Recent:
    """The last hour of every home, from READINGS."""

    def __init__(self) -> None:
        self.homes: dict[str, dict[str, Heard]] = {}
        self.last_received_at: datetime | None = None
        self.newest: dict[str, datetime] = {}
        """Device → when we last heard it."""

    def feed(self, report: Report) -> None:
        """Fold one report. The same report twice changes nothing that is drawn."""
        if self.last_received_at is None or report.received_at > self.last_received_at:
            self.last_received_at = report.received_at
        heard = self.homes.setdefault(report.home, {}).setdefault(report.device, Heard())
        at = report.at.timestamp()
        if not report.retained:
            heard.last_at = max(heard.last_at, at)
            heard.first_at = min(heard.first_at, at)
            known = self.newest.get(report.device)
            if known is None or report.received_at > known:
                self.newest[report.device] = report.received_at
        if report.state is not None:
            self._trace(heard, "online").state(at, report.state == "online")
        for quantity, value in report.values.items():
            if quantity in STATES and isinstance(value, bool):
                self._trace(heard, quantity).state(at, value)
                if value and quantity in ("motion", "presence"):
                    self._trace(heard, quantity).tick(at, TICK_SECONDS)
            elif quantity in NUMBERS and isinstance(value, (int, float)) and not isinstance(value, bool):
                self._trace(heard, quantity).number(at, float(value))
            elif quantity in PRESSES:
                self._trace(heard, quantity).tick(at)
        for quantity in report.unknown:
            if quantity in STATES:
                self._trace(heard, quantity).state(at, None)
            elif quantity in NUMBERS:
                self._trace(heard, quantity).number(at, None)
        heard.fed += 1
        if heard.fed % 64 == 0:
            oldest = report.received_at.timestamp() - KEPT.total_seconds()
            for trace in heard.traces.values():
                trace.trim(oldest)

    @staticmethod
    def _trace(heard: Heard, quantity: str) -> Trace:
        trace = heard.traces.get(quantity)
        if trace is None:
            trace = heard.traces[quantity] = Trace()
        return trace


# -- drawing ------------------------------------------------------------------------------------------------------

_DRAWN: dict[Kind, tuple[str, str]] = {
    Kind.smoke: ("smoke", "state"),
    Kind.gas: ("gas", "state"),
    Kind.co: ("co", "state"),
    Kind.water_leak: ("water_leak", "state"),
    Kind.door: ("door_open", "state"),
    Kind.presence: ("presence", "state"),
    Kind.motion: ("motion", "ticks"),
    Kind.sos: ("sos", "ticks"),
    Kind.fall: ("fall", "ticks"),
    Kind.button: ("sos", "ticks"),
    Kind.bed_belt: ("in_bed", "state"),
    Kind.climate: ("temperature", "line"),
    Kind.water_meter: ("water_total", "line"),
    Kind.gateway: ("online", "state"),
    Kind.vibration: ("motion", "ticks"),
}
"""Which quantity of a kind is drawn, and how."""
_LEVELS = {Kind.gas: ("gas_level", "%LEL"), Kind.co: ("co_level", "ppm")}
_UNITS = {"temperature": "°C", "water_total": "L", "heart_rate": "次/分"}
_UNITS_EN = {"次/分": "/min"}
Both = tuple[str, str]
"""The same in Chinese and in English."""
_ORDER = [
    Kind.smoke,
    Kind.gas,
    Kind.co,
    Kind.sos,
    Kind.fall,
    Kind.water_leak,
    Kind.bed_belt,
    Kind.motion,
    Kind.presence,
    Kind.door,
]


def _at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _spans(trace: Trace, start: float, end: float, *, known_until: float) -> list[dict[str, Any]]:
    """The state from start to end, without gaps: where nothing is known the value is None."""
    edges: list[tuple[float, bool | None]] = []
    value: bool | float | None = trace.before if trace.edge is not None else None
    edges.append((start, None if value is None else bool(value)))
    for at, point in trace.points:
        if at >= end:
            break
        state = None if point is None else bool(point)
        if at <= start:
            edges[0] = (start, state)
        else:
            edges.append((at, state))
    out: list[dict[str, Any]] = []

    def put(begin: float, finish: float, state: bool | None) -> None:
        if finish <= begin:
            return
        if out and out[-1]["value"] is state:
            out[-1]["to"] = iso(_at(finish))
        else:
            out.append({"from": iso(_at(begin)), "to": iso(_at(finish)), "value": state})

    for i, (begin, state) in enumerate(edges):
        finish = edges[i + 1][0] if i + 1 < len(edges) else end
        if i + 1 == len(edges) and known_until < finish:
            put(begin, max(begin, known_until), state)
            put(max(begin, known_until), finish, None)
        else:
            put(begin, finish, state)
    return out


def _row(
    device: Device, heard: Heard | None, start: float, end: float, silent: bool, zone: ZoneInfo
) -> dict[str, Any]:
    quantity, draw = _DRAWN.get(device.kind, ("", "ticks"))
    row: dict[str, Any] = {
        "device": device.id,
        "kind": wording.pictogram(device.kind),
        "label": wording.device_label(device),
        "label_en": wording.device_label_en(device),
        "words": "",
        "words_en": "",
        "alarm": False,
        "age_seconds": None,
        "out_until": None,
        "out_by": None,
        "battery": None,
        "draw": draw,
        "spans": [],
        "points": [],
        "ticks": [],
        "unit": None,
    }
    unheard = {"from": iso(_at(start)), "to": iso(_at(end)), "value": None}
    if heard is None or not heard.traces:
        row["words"], row["words_en"] = _NO_DATA
        if draw in ("state", "ticks"):
            row["spans"] = [unheard]  # a sensor that never spoke is no quiet room
        return row
    last = min(heard.last_at, end) if heard.last_at else None
    age = None if last is None else round(end - last, 1)
    row["age_seconds"] = age
    known_until = end
    if last is not None and (silent or (device.kind is Kind.bed_belt and end - last > BELT_SILENT_SECONDS)):
        known_until = last
    gone = known_until < end
    trace = heard.traces.get(quantity)
    if device.kind in _LEVELS and trace is None:
        quantity, row["unit"] = _LEVELS[device.kind]
        row["draw"] = draw = "level"
        trace = heard.traces.get(quantity)
    if draw == "state":
        row["spans"] = [unheard] if trace is None else _spans(trace, start, end, known_until=known_until)
    elif draw in ("line", "level"):
        row["unit"] = row["unit"] or _UNITS.get(quantity)
        row["points"] = (
            [] if trace is None else [[iso(_at(t)), v] for t, v in trace.points if start <= t <= end]
        )
    else:
        row["ticks"] = [] if trace is None else [iso(_at(t)) for t in trace.ticks if start <= t <= end]
        since = min(heard.first_at, end)
        unheard_parts = [(start, since), (max(start, known_until), end)]
        row["spans"] = [
            {"from": iso(_at(a)), "to": iso(_at(b)), "value": None} for a, b in unheard_parts if b > a
        ]
    (row["words"], row["words_en"]), row["alarm"] = _words(quantity, trace, end, gone, age, zone)
    if row["alarm"] and trace is not None and trace.points:
        row["age_seconds"] = round(end - trace.points[-1][0], 1)
    return row


def _say_out(
    row: dict[str, Any], health: DeviceHealth, zone: ZoneInfo, name_of: Callable[[str], str]
) -> None:
    """That it is out of service, until when and by whom, instead of a calm word. An alarm of it stays an alarm."""
    if health.out_until is None:
        return
    row["out_until"] = iso(health.out_until)
    row["out_by"] = name_of(health.out_by) if health.out_by else None
    if not row["alarm"]:
        end = health.out_until.astimezone(zone)
        row["words"] = f"停用至 {end.month}/{end.day} {end:%H:%M}"
        row["words_en"] = f"out to {end.day} {end:%b %H:%M}"


_NO_DATA: Both = ("无数据", "no data")


def _words(
    quantity: str, trace: Trace | None, end: float, gone: bool, age: float | None, zone: ZoneInfo
) -> tuple[Both, bool]:
    """What a row says now, and whether it is an alarm."""
    if gone:
        lost = age or 0.0
        return (f"失联 {wording.duration(lost)}", f"silent {wording.duration_en(lost)}"), False
    if trace is None:
        return _NO_DATA, False
    if quantity in PRESSES or quantity == "motion":
        return _moment_words(quantity, [t for t in trace.ticks if t <= end], end, zone)
    value = trace.now()
    since = trace.points[-1][0] if trace.points else trace.edge
    if value is None:
        return ("未知", "unknown"), False
    if quantity in ALARMS:
        if value:
            lasted = end - since if since else 0.0
            zh, en = (wording.duration(lasted), wording.duration_en(lasted)) if since else ("", "")
            return (f"报警 {zh}".strip(), f"alarm {en}".strip()), True
        return ("正常", "normal"), False
    changes = trace.changes()
    changed = bool(changes) and bool(trace.points) and changes[-1] == trace.points[-1][0]
    clock = f"{_at(since).astimezone(zone):%H:%M}" if since is not None and changed else ""
    if quantity in _STATE_WORDS:
        known, told = _STATE_WORDS[quantity][bool(value)]
        words = (told[0].format(clock), told[1].format(clock)) if clock else known
        return words, quantity == "online" and not value
    unit = _UNITS.get(quantity) or dict(_LEVELS.values()).get(quantity, "")
    return (f"{value:g} {unit}".strip(), f"{value:g} {_UNITS_EN.get(unit, unit)}".strip()), False


def _moment_words(quantity: str, ticks: list[float], end: float, zone: ZoneInfo) -> tuple[Both, bool]:
    """Of what happens at a moment: a press, a fall, a movement."""
    if not ticks:
        return (("未按", "not pressed") if quantity == "sos" else ("无", "none")), False
    moment = _at(ticks[-1]).astimezone(zone)
    if quantity == "motion":
        return (f"{moment:%H:%M} 有活动", f"moved {moment:%H:%M}"), False
    zh, en = ("按下", "pressed") if quantity == "sos" else ("报警", "alarm")
    return (f"{moment:%H:%M:%S} {zh}", f"{en} {moment:%H:%M:%S}"), end - ticks[-1] <= 600


_STATE_WORDS: dict[str, dict[bool, tuple[Both, Both]]] = {
    "door_open": {
        True: (("开着", "open"), ("{} 打开，未关", "open since {}")),
        False: (("关着", "closed"), ("关着，{} 关上", "closed since {}")),
    },
    "in_bed": {
        True: (("在床", "in bed"), ("在床（{} 起）", "in bed since {}")),
        False: (("离床", "out of bed"), ("{} 离床", "out of bed {}")),
    },
    "presence": {
        True: (("有人", "somebody"), ("有人", "somebody")),
        False: (("无人", "nobody"), ("{} 起无人", "nobody since {}")),
    },
    "online": {
        True: (("在线", "online"), ("在线", "online")),
        False: (("断线", "offline"), ("{} 断线", "offline since {}")),
    },
}
"""A state in words: when it was only found so, and when it was seen to change."""


_HIDDEN: dict[str, Both] = {
    "consent": (
        "老人没有同意向您显示活动数据",
        "not shown: the resident did not agree that you see what shows movement",
    ),
    "role": ("活动数据不对您的角色开放", "not shown: your role does not see what shows movement"),
    "case": (
        "只有任务类告警，未显示卧床数据",
        "not shown: only tasks are open, and they do not open the bed",
    ),
}
_OF_LIFE = frozenset({"motion", "presence", "in_bed"})


def inference(
    home: Home,
    heard: dict[str, Heard],
    start: float,
    end: float,
    zone: ZoneInfo,
    hidden_by: str | None = None,
    *,
    rooms: bool = False,
) -> tuple[str, str, float | None]:
    """The last sign of life in words, and when it was; says so when it cannot be told. `rooms` names the room of a movement.

    `hidden_by`: something that could have seen somebody is kept from the reader, by their `role`, the resident's
    `consent` or because no `case` opens it. What was seen is then still told; that nothing was is not, for it may have been.
    """
    alone = len(home.residents) <= 1
    moved: float | None = None
    where = ""
    """The room in which it moved; not of a button, which may be carried about."""
    door: float | None = None
    bed: tuple[float, bool] | None = None
    watched = False
    since = start
    """From here on all that could have seen somebody was heard."""
    for device in home.devices:
        known = heard.get(device.id)
        if known is None:
            continue
        for quantity, trace in known.traces.items():
            if quantity in ("motion", "presence"):
                watched = True
                since = max(since, min(known.first_at, end))
                inside = [t for t in trace.ticks if start <= t <= end]
                if quantity == "presence" and trace.now() is True and end - known.last_at <= 600:
                    inside.append(min(known.last_at, end))
                if inside and max(inside) >= (moved or 0.0):
                    moved, where = max(inside), device.room or ""
            elif quantity == "door_open":
                changes = [t for t in trace.changes() if start <= t <= end]
                if changes:
                    door = max(door or 0.0, changes[-1])
            elif quantity == "in_bed" and trace.last is not None and end - trace.last <= BELT_SILENT_SECONDS:
                value = trace.now()
                if value is not None:
                    watched = True
                    bed = (trace.last, bool(value))
            elif quantity in PRESSES:
                inside = [t for t in trace.ticks if start <= t <= end]
                if inside and inside[-1] > (moved or 0.0):
                    moved, where = inside[-1], ""

    def clock(seconds: float) -> str:
        return f"{_at(seconds).astimezone(zone):%H:%M}"

    if bed is not None and bed[1] and (moved is None or bed[0] >= moved):
        at = clock(bed[0])
        return (
            f"{'老人' if alone else '有人'}在床，{at} 有信号",
            f"{'' if alone else 'somebody '}in bed, heard {at}",
            bed[0],
        )
    if moved is not None and (door is None or moved >= door):
        at = clock(moved)
        return (
            f"{'老人在家' if alone else '家里有人'}，{at} {wording.room(where) if rooms else ''}有活动",
            f"{'at home' if alone else 'somebody at home'}, moved {f'in the {wording.room_en(where)} ' if rooms and where else ''}{at}",
            moved,
        )
    if hidden_by is not None:
        return (*_HIDDEN[hidden_by], None)
    if door is not None:
        at = clock(door)
        return (
            f"{at} 门有动静，之后家中未见活动，可能外出",
            f"door moved {at}, no movement since: may be out",
            door,
        )
    if watched:
        minutes = max(1, round((end - since) / 60))
        return f"近 {minutes} 分钟未见活动", f"no movement for {minutes} min", None
    return "无法判断：没有可用的活动数据", "cannot tell: nothing hears movement", None


def strip(
    home: Home,
    recent: Recent,
    health: HomeHealth | None,
    now: datetime,
    *,
    minutes: float,
    zone: ZoneInfo,
    may_see: Callable[[Device, str], bool] = lambda _device, _quantity: True,
    hidden_by: str = "consent",
    name_of: Callable[[str], str] = str,
    rooms: bool = False,
) -> dict[str, Any]:
    """One home's strip as `GET /homes/{id}/strip` tells it. Rows that the reader may not see are left out; `hidden_by`
    (`role`, `consent` or `case`) is then why.
    """
    end = now.timestamp()
    start = end - min(timedelta(minutes=minutes), KEPT).total_seconds()
    heard = recent.homes.get(home.id, {})
    silent = {d.device for d in health.devices if d.silent} if health is not None else set()
    out = {d.device: d for d in health.devices if d.out_until is not None} if health is not None else {}
    batteries = {d.device: d.battery for d in health.devices} if health is not None else {}
    rows = []
    hidden = False
    seen: dict[str, Heard] = {}
    for device in sorted(
        home.devices, key=lambda d: _ORDER.index(d.kind) if d.kind in _ORDER else len(_ORDER)
    ):
        quantity = _DRAWN.get(device.kind, ("", ""))[0]
        if quantity and not may_see(device, quantity):
            hidden = hidden or quantity in _OF_LIFE
            continue
        known = heard.get(device.id)
        if known is not None:
            seen[device.id] = known
        row = _row(device, known, start, end, device.id in silent, zone)
        if may_see(device, "battery"):
            row["battery"] = batteries.get(device.id)
        if device.id in out:
            _say_out(row, out[device.id], zone, name_of)
        rows.append(row)
        pulse = known.traces.get("heart_rate") if known is not None else None
        if device.kind is Kind.bed_belt and pulse is not None and may_see(device, "heart_rate"):
            # A belt on which nobody lies measures nobody: what it says of a pulse then, mostly 0, is no data.
            bed = known.traces.get("in_bed") if known is not None else None
            points = [
                [iso(_at(t)), None if bed is not None and bed.at(t) is False else v]
                for t, v in pulse.points
                if start <= t <= end
            ]
            now_known = (
                pulse.last is not None
                and end - pulse.last <= BELT_SILENT_SECONDS
                and (bed is None or bed.now() is not False)
            )
            value = pulse.now() if now_known else None
            rows.append(
                {
                    "device": device.id,
                    "kind": "vitals",
                    "label": f"心率 {wording.room(device.room)}".strip(),
                    "label_en": f"heart rate {wording.room_en(device.room)}".strip(),
                    "words": f"{value:g} 次/分" if value is not None else _NO_DATA[0],
                    "words_en": f"{value:g} /min" if value is not None else _NO_DATA[1],
                    "alarm": False,
                    "age_seconds": None if pulse.last is None else round(end - pulse.last, 1),
                    "draw": "line",
                    "spans": [],
                    "points": points,
                    "ticks": [],
                    "unit": "次/分",
                }
            )
    inferred = inference(home, seen, start, end, zone, hidden_by if hidden else None, rooms=rooms)
    return {
        "home": home.id,
        "from": iso(_at(start)),
        "to": iso(_at(end)),
        "inference": inferred[0],
        "inference_en": inferred[1],
        **({"inference_at": None if inferred[2] is None else iso(_at(inferred[2]))} if rooms else {}),
        "rows": rows,
    }
