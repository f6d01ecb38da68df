"""A small community for the tests of alerts, and builders for what happens in it."""

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from alerts.alert import Alert
from alerts.desk import Desk
from alerts.events import Transition
from alerts.orders import Order
from care.ids import content_id
from care.messages import Evidence, Finding
from care.site import Registry
from care.sitefile import read_site
from care.words import Command, Condition, Level, Phase

SITE = """
community: {id: zpq, name: 总浦桥社区, timezone: Asia/Shanghai, centre: [29.9530, 121.7080]}
grids:
  - id: g05
    name: 第5网格
    micro_grids: [{id: g05-2, name: 5-2 微网格, location: [29.9531, 121.7102]}, {id: g05-3, name: 5-3 微网格}]
  - {id: g06, name: 第6网格, micro_grids: [{id: g06-1, name: 6-1 微网格}]}
homes:
  - id: h0317
    micro_grid: g05-2
    address: 银杏小区 3 幢 2 单元 402
    location: [29.9532, 121.7104]
    floor: 4
    lift: true
    phone: "0574-86293712"
    access: {key: 邻里中心 07 号柜}
    residents:
      - {id: r0317, name: 周阿婆, flags: [hard_of_hearing, lives_alone], consent: {family: [status]}}
    contacts:
      - {id: c0317a, name: 周女士, relation: 女儿, phone: "13800000921", for: [red],
         notify: ["json://127.0.0.1:1/family"]}
      - {id: c0317b, name: 周先生, relation: 儿子, for: [yellow], notify: ["json://127.0.0.1:1/son"]}
    devices:
      - {id: smoke-0317, kind: smoke, room: kitchen}
      - {id: sos-0317, kind: sos}
  - id: h0400
    micro_grid: g06-1
    residents: [{id: r0400, name: 孙爷爷}]
    contacts: [{id: c0400, name: 孙女士, notify: ["json://127.0.0.1:1/x"]}]
staff:
  - {id: s01, name: 陈敏芝, role: operator, notify: ["json://127.0.0.1:1/s01"]}
  - {id: s02, name: 方静, role: operator, notify: ["json://127.0.0.1:1/s02", "json://127.0.0.1:1/s02b"]}
  - {id: s03, name: 王组长, role: supervisor, notify: ["json://127.0.0.1:1/s03"]}
  - {id: s04, name: 李主任, role: admin, notify: ["json://127.0.0.1:1/s04"]}
  - {id: s07, name: 林国平, role: grid_worker, micro_grids: [g05-2], location: [29.9535, 121.7099],
     notify: ["json://127.0.0.1:1/s07"]}
  - {id: s08, name: 汤红霞, role: volunteer, micro_grids: [g05-3], notify: ["json://127.0.0.1:1/s08"]}
  - {id: s09, name: 许建国, role: neighbour, micro_grids: [g06-1], notify: ["json://127.0.0.1:1/s09"]}
shifts:
  - {staff: s01, days: daily, from: "07:00", to: "19:00"}
  - {staff: s02, days: daily, from: "19:00", to: "07:00"}
policy: {acknowledge_seconds: 60, arrive_minutes: 10}
"""

NOON = datetime(2026, 5, 23, 4, 6, 24, tzinfo=UTC)
"""12:06:24 in the community."""


def registry(text: str = SITE) -> Registry:
    return Registry(read_site(text))


def seconds(n: float) -> timedelta:
    return timedelta(seconds=n)


def a_finding(
    name: str = "f1",
    *,
    at: datetime = NOON,
    phase: Phase = Phase.opened,
    level: Level = Level.red,
    code: str = "SM1",
    cause: str = "fire",
    quantity: str = "smoke",
    device: str | None = "smoke-0317",
    home: str = "h0317",
    **more: Any,
) -> Finding:
    reading = device is not None and phase is not Phase.cleared
    return Finding(
        event_id=more.pop("event_id", None)
        or content_id(name, phase.value, str(at), more.get("occurrences", 1), level.value),
        finding=name,
        phase=phase,
        at=at,
        onset_at=more.pop("onset_at", at),
        rule=code,
        rule_version=1,
        code=code,
        level=level,
        home=home,
        cause=cause,
        pictogram=more.pop("pictogram", "smoke"),
        title=more.pop("title", {"zh": "厨房烟感报警", "en": "Smoke alarm in the kitchen"}),
        resident=more.pop("resident", "r0317" if home == "h0317" else None),
        device=device,
        room="kitchen",
        condition=more.pop("condition", Condition.cleared if phase is Phase.cleared else Condition.active),
        evidence=[Evidence(device=device or "", quantity=quantity, value=True, at=at)] if reading else [],
        parameters=more.pop("parameters", {"on_delay_seconds": 0}),
        life=more.pop("life", level is Level.red),
        reopen_minutes=more.pop("reopen_minutes", 60 if cause == "fire" else 0),
        seq=more.pop("seq", 7),
        **more,
    )


def an_order(command: str, actor: str = "s01", **more: Any) -> Order:
    if "responders" in more:
        more["responders"] = tuple(more["responders"])
    return Order(command=Command(command), actor=actor, **more)


CODES: dict[str, Any] = {
    "cause": "C02",
    "verification": "V1",
    "actions": ("A1",),
    "outcome": "O1",
    "truth": "avoidable",
}


class Story:
    """A desk, the log of what became durable, and a clock that walks."""

    def __init__(self, site: str = SITE, at: datetime = NOON) -> None:
        self.registry = registry(site)
        self.numbers: Callable[[], int] = itertools.count(317).__next__
        self.desk = Desk(self.registry, numbers=self.numbers)
        self.log: list[Transition] = []
        self.now = at
        self.begun = at

    def keep(self, transitions: list[Transition]) -> list[Transition]:
        for transition in transitions:
            self.desk.apply(transition)
        self.log += transitions
        return transitions

    def finding(self, name: str = "f1", **more: Any) -> list[Transition]:
        more.setdefault("at", self.now)
        return self.hear(a_finding(name, **more))

    def hear(self, finding: Finding) -> list[Transition]:
        return self.keep(self.desk.on_finding(finding, self.now))

    def wait(self, length: float) -> list[Transition]:
        """Let seconds pass; every timer fires when it is due."""
        until = self.now + seconds(length)
        out: list[Transition] = []
        while (due := self.desk.next_due()) is not None and due <= until:
            self.now = max(self.now, due)
            out += self.keep(self.desk.tick(self.now))
        self.now = until
        return out

    def do(self, command: str, actor: str = "s01", **more: Any) -> Transition:
        transition = self.desk.command(self.alert.id, an_order(command, actor, **more), self.now)
        self.keep([transition])
        return transition

    @property
    def alert(self) -> Alert:
        """The last one raised."""
        return max(self.desk.alerts.values(), key=lambda a: a.number)

    def since(self, at: datetime) -> float:
        """Seconds since the story began."""
        return (at - self.begun).total_seconds()

    def told(self, transitions: list[Transition] | None = None) -> list[tuple[float, str, int, str]]:
        """Who was told: seconds since the beginning, person, step, reason."""
        return [
            (self.since(d.due_at), d.person, d.step, d.reason.value)
            for t in (self.log if transitions is None else transitions)
            for d in t.deliveries
        ]


def test_the_house_of_the_tests_stands() -> None:
    """The community the other tests use is a sound site."""
    assert set(registry().staff) == {"s01", "s02", "s03", "s04", "s07", "s08", "s09"}
