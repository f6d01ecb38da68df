"""Faults that are switched on and off while the world runs: a bad radio, wrong clocks, a gateway or a building cut off,
the broker away, the push service failing.

Start at `Switches.start` and `stop`. Pure: it changes a `World` and its `FaultLine`, and says which truths come of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from simulators.faults import FaultLine, Faults
from simulators.home import with_those_that_speak
from simulators.scenarios import Expected, Truth, unknown_home
from simulators.words import FAULTS
from simulators.world import World

SHARES = ("loss", "duplicate", "reorder", "stuck")
SPANS = {"delay": timedelta(minutes=10), "drift": timedelta(hours=2)}
"""Kinds whose value is a number of seconds, and the most that is allowed."""
CUTS = ("gateway_cut", "power_cut")
"""Kinds that need a home and have no value."""
EVERYWHERE = ("broker_cut", "push_busy", "push_gone", "push_down", "push_slow")
"""Kinds that concern everybody: neither a home nor a value. The run carries them out, not the world."""
MOST = 50
"""Switches that may be on at a time."""
KEPT = 200
"""Switches that are over are remembered for whoever judges what was said meanwhile."""
CUT_WITHIN, AREA_WITHIN = timedelta(seconds=420), timedelta(seconds=660)
"""By when a lost gateway, and an area without power, ought to be told (the same as in the scenarios of these names)."""
AREA = 3
"""So many homes dark at once are one outage."""


class WrongSwitch(ValueError):
    """The fault cannot be switched: unknown, without a home, or with a value that is none. The message is for a person.

    `zh` is the same in Chinese where the simulator page lets people come to it.
    """

    def __init__(self, sentence: str, zh: str | None = None) -> None:
        super().__init__(sentence)
        self.zh = zh


@dataclass(frozen=True)
class Switch:
    """One fault in force, or that was."""

    id: int
    fault: str
    value: float | None
    """A share 0 … 1, seconds, or None for a cut."""
    home: str | None
    """None: everywhere."""
    homes: tuple[str, ...]
    """The homes that a cut keeps dark."""
    since: datetime
    until: datetime | None = None
    truth: int | None = None
    """Where the truth of a cut stands among those told."""


@dataclass
class Switches:
    """See the module's docstring. Times are the world's."""

    world: World
    line: FaultLine
    on: dict[int, Switch] = field(default_factory=dict)
    over: list[Switch] = field(default_factory=list)
    _count: int = 0

    def start(self, fault: str, value: float | None, home: str | None) -> tuple[Switch, Truth | None]:
        """Put a fault in force; with the truth to be told, for a cut. Raises WrongSwitch."""
        if fault not in FAULTS:
            raise WrongSwitch(f"there is no fault `{fault}`; there are: {' '.join(FAULTS)}")
        if home is not None and home not in self.world.lives:
            raise WrongSwitch(unknown_home(home, self.world.lives))
        if len(self.on) >= MOST:
            raise WrongSwitch(
                f"{MOST} faults are in force already; end one of them first",
                f"已有 {MOST} 个故障，请先恢复其中一个",
            )
        self._count += 1
        one = Switch(self._count, fault, value, home, (), self.world.now)
        if fault in EVERYWHERE:
            if home is not None or value is not None:
                raise WrongSwitch(f"`{fault}` concerns everybody: it has neither a home nor a value")
            if any(
                each.fault.split("_")[0] == fault.split("_", maxsplit=1)[0]
                for each in self.on.values()
                if each.fault in EVERYWHERE
            ):
                raise WrongSwitch(
                    f"`{fault}`: one of its kind is in force already; end that one first",
                    f"“{FAULTS[fault].zh}”的同类故障还没有恢复，请先恢复那一个",
                )
            truth = None
        elif fault in CUTS:
            one, truth = self._cut(one)
        else:
            one, truth = self._radio(one), None
        self.on[one.id] = one
        self._settle()
        return one, truth

    def stop(self, number: int) -> tuple[Switch, Truth | None]:
        """End a fault; with the truth to be told, for a cut. Raises WrongSwitch."""
        one = self.on.pop(number, None)
        if one is None:
            raise WrongSwitch(f"the fault {number} is not in force")
        one = replace(one, until=self.world.now)
        self.over = [*self.over, one][-KEPT:]
        self._settle()
        if one.fault not in CUTS:
            return one, None  # a radio, the broker, the push service: nothing in the world comes of it
        self.world.lighten(one.homes, power=one.fault == "power_cut")
        assert one.home is not None
        soon = one.until is not None and one.until - one.since < self._within(one)
        what, zh = (
            ("the network is back", "网络恢复")
            if one.fault == "gateway_cut"
            else ("power is back", "恢复供电")
        )
        if soon:
            what, zh = f"{what} before it had to be told", f"{zh}，未到应报时间"
        return one, Truth(at=self.world.now, scenario=one.fault, home=one.home, what=what, zh=zh)

    @staticmethod
    def _within(one: Switch) -> timedelta:
        return AREA_WITHIN if len(one.homes) >= AREA else CUT_WITHIN

    def _cut(self, one: Switch) -> tuple[Switch, Truth]:
        home = one.home
        if home is None or one.value is not None:
            raise WrongSwitch(f"`{one.fault}` needs a home and has no value", "请先选一户；这种故障没有数值")
        if self.world.lives[home].gateway is None:
            raise WrongSwitch(f"home `{home}` has no gateway", "这一户没有网关")
        homes = [home] if one.fault == "gateway_cut" else self.world.building(home)
        one = replace(one, homes=tuple(homes))
        self.world.darken(homes, power=one.fault == "power_cut")
        area = len(homes) >= AREA
        expect = Expected(
            code="TE5" if area else "TE4",
            level="red" if area else "yellow",
            by=one.since + self._within(one),
            also=["TE4"] if area else ["TE5"],
        )
        what, zh = (
            ("the gateway loses its network", "网关断网")
            if one.fault == "gateway_cut"
            else (f"power cut: {len(homes)} homes go dark", f"停电，{len(homes)} 户同时断线")
        )
        power = one.fault == "power_cut"
        what, zh = with_those_that_speak(what, zh, self.world.lives[home], power=power)
        truth = Truth(
            at=one.since,
            scenario=one.fault,
            home=home,
            what=what,
            zh=zh,
            expect=expect,
            verdict="unavoidable",
        )
        return one, truth

    def _radio(self, one: Switch) -> Switch:
        value = one.value
        if one.fault in SHARES and (value is None or not 0 < value <= 1):
            raise WrongSwitch(
                f"`{one.fault}` is a share above 0 and up to 1, for example 0.05",
                "填 0 到 1 之间的比例，例如 0.05",
            )
        if one.fault in SPANS:
            most = SPANS[one.fault].total_seconds()
            if value is None or not 0 < value <= most:
                raise WrongSwitch(
                    f"`{one.fault}` is a number of seconds above 0 and up to {most:.0f}",
                    f"填秒数，大于 0，最多 {most:.0f}",
                )
        return one

    def _settle(self) -> None:
        """The radio's part of what is on."""
        self.line.switch(
            (one.home, _faults(one)) for one in self.on.values() if one.fault not in (*CUTS, *EVERYWHERE)
        )


def _faults(one: Switch) -> Faults:
    assert one.value is not None
    if one.fault in SPANS:
        return Faults(**{one.fault: timedelta(seconds=one.value)})  # type: ignore[arg-type]
    return Faults(**{one.fault: one.value})  # type: ignore[arg-type]
