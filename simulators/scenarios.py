"""What goes wrong (or only looks so), with the truth of it.

Start at `SCENARIOS`: name → what it needs and how it goes. `parse("cooking_smoke@h0317+30s")` reads a wish. A scenario
is written with the verbs of `Stage`: people *live* other stays, sensors *read* and *alarm*, a gateway *goes dark*, and
`truth` says what really happened and which alert code of the catalogue (domain.md 3) ought to come of it. Codes are
words of the field here: nothing is imported from those who judge.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from care.ids import iso
from care.words import Kind
from simulators.home import HOUR, MINUTE, SECOND, HomeLife, Person, Sensor, at_ms
from simulators.resident import OUT, Stay


class Expected(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An alert that ought to come: one of the codes, at this level, by then."""

    code: str
    level: str
    by: datetime
    also: list[str] = []
    """Codes that would be right as well, or join the same case."""


class Truth(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of ground truth: what happened, where, when, and what ought to come of it."""

    at: datetime
    scenario: str
    home: str
    what: str
    """In plain words, English."""
    zh: str = ""
    resident: str | None = None
    device: str | None = None
    expect: Expected | None = None
    """None when nothing ought to come of it."""
    verdict: str = ""
    """How a person would close it: real, avoidable, unavoidable, test; empty when there is nothing to close."""


def truth_line(truth: Truth) -> str:
    """One JSON object without a line end; times RFC 3339 UTC; `expect` null when no alert ought to come."""
    body: dict[str, Any] = {
        "at": iso(truth.at),
        "scenario": truth.scenario,
        "home": truth.home,
        "resident": truth.resident,
        "device": truth.device,
        "what": truth.what,
        "zh": truth.zh,
        "verdict": truth.verdict,
        "expect": None,
    }
    if truth.expect is not None:
        e = truth.expect
        body["expect"] = {"code": e.code, "level": e.level, "by": iso(e.by), "also": e.also}
    return msgspec.json.encode(body).decode()


class WrongScenario(ValueError):
    """The scenario cannot be played: unknown, or the home has not what it needs. The message is for a person."""


def unknown_home(home: str, homes: Collection[str]) -> str:
    """One sentence about a home that is not there, with the homes that are."""
    ids = sorted(homes)
    there = (
        f"its homes are {ids[0]} … {ids[-1]}"
        if len(ids) > 1
        else f"its home is {ids[0]}"
        if ids
        else "it has none"
    )
    return f"there is no home `{home}` in this community; {there}"


@dataclass(frozen=True)
class Wish:
    """A scenario somebody asked for: `NAME[@HOME][+OFFSET]`."""

    name: str
    home: str | None = None
    after: timedelta | None = None
    """From when it is staged; None: at once, or when its hour comes."""


_WISH = re.compile(
    r"^(?P<name>[a-z_]+)(?:@(?P<home>[A-Za-z0-9][A-Za-z0-9_.-]*))?(?:\+(?P<after>[0-9.]+[a-z]*))?$"
)
_SPAN = re.compile(r"^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$")
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


def span(text: str) -> timedelta:
    """A length of time like 30s, 5m, 1.5h, 2d, 250ms; a bare number is seconds. Raises ValueError with a sentence."""
    match = _SPAN.match(text.strip().lstrip("+"))
    if match is None:
        raise ValueError(f"`{text}` is not a length of time; write it like 30s, 5m, 2h or 1d")
    return timedelta(seconds=float(match[1]) * _UNITS[match[2] or "s"])


def parse(text: str) -> Wish:
    """Read `NAME[@HOME][+OFFSET]`; raises WrongScenario with what exists."""
    match = _WISH.match(text.strip())
    if match is None:
        raise WrongScenario(f"`{text}` is not NAME[@HOME][+OFFSET], for example cooking_smoke@h0317+30s")
    if match["name"] not in SCENARIOS:
        raise WrongScenario(f"there is no scenario `{match['name']}`; there are: {' '.join(SCENARIOS)}")
    try:
        after = span(match["after"]) if match["after"] else None
    except ValueError as error:
        raise WrongScenario(str(error)) from None
    return Wish(match["name"], match["home"], after)


# --------------------------------------------------------------------------------------------- the stage


class Stage:
    """The verbs in which a scenario is written. Times are seconds from its beginning."""

    def __init__(
        self,
        name: str,
        life: HomeLife,
        start: int,
        *,
        now: int,
        neighbours: list[HomeLife],
        local_hour: float,
    ) -> None:
        self.name = name
        self.life = life
        self.start = start
        self.now = now
        """When it is staged: nothing can be changed before."""
        self.neighbours = neighbours
        """The other homes of the building, nearest first, then of the micro-grid."""
        self.local_hour = local_hour
        """Hour of day at the beginning, wall clock, 0 … 24."""
        self.truths: list[Truth] = []

    def ms(self, seconds: float) -> int:
        """The absolute time of a moment of the scenario."""
        return self.start + int(seconds * SECOND)

    @property
    def at_night(self) -> bool:
        """Between 22:00 and 06:00, when night rules are in force."""
        return self.local_hour >= 22 or self.local_hour < 6

    def sensor(self, kind: Kind, room: str | None = None) -> Sensor:
        """The device of a kind, in a room if one is named."""
        for sensor in self.life.sensors.values():
            if sensor.kind is kind and (room is None or sensor.room == room):
                return sensor
        raise WrongScenario(f"`{self.name}` needs a {kind.value} device, and home `{self.life.id}` has none")

    def person(self) -> Person:
        """Whom it happens to: the one the belt is about, else the first resident."""
        if not self.life.people:
            raise WrongScenario(f"`{self.name}` needs a resident, and home `{self.life.id}` has none")
        for belt in self.life.belts.values():
            if belt.person is not None:
                return belt.person
        return self.life.people[0]

    def has_dementia(self, person: Person) -> bool:
        """Whether the site file says so of a person."""
        return any(r.id == person.resident and "dementia" in r.conditions for r in self.life.home.residents)

    def truth(
        self,
        seconds: float,
        what: str,
        zh: str,
        *,
        code: str = "",
        level: str = "red",
        within: float = 10,
        also: tuple[str, ...] = (),
        device: Sensor | None = None,
        who: Person | None = None,
        verdict: str = "",
        life: HomeLife | None = None,
    ) -> None:
        """Something true at a time. With a `code`: such an alert ought to be raised `within` seconds of it."""
        at = self.ms(seconds)
        by = at_ms(at + int(within * SECOND))
        self.truths.append(
            Truth(
                at=at_ms(at),
                scenario=self.name,
                home=(life or self.life).id,
                what=what,
                zh=zh,
                resident=who.resident if who is not None else None,
                device=device.id if device is not None else None,
                expect=Expected(code=code, level=level, by=by, also=list(also)) if code else None,
                verdict=verdict,
            )
        )

    def lives(self, person: Person, until: float, *stays: tuple[float, str, str, float]) -> None:
        """From the first of these on (seconds, room, doing, motions an hour) a person lives them, `until` the day goes on.

        A stay in the bedroom that is called sleep, nap or "in bed" is spent in bed. What would have begun before now
        begins now.
        """
        plan: list[Stay] = []
        for seconds, room, doing, motions in stays:
            at = max(self.now, self.ms(seconds))
            if plan and plan[-1].start == at:
                plan.pop()
            plan.append(
                Stay(at, room, doing, motions, doing in ("sleep", "nap", "in bed"), doing in ("sleep", "nap"))
            )
        end = self.ms(until)
        self.life.do(plan[0].start, lambda life, ms: life.live(person, plan, end, ms))

    def others_sleep(self, until: float) -> None:
        """Everybody else of the home sleeps through it."""
        main = self.person()
        for person in self.life.people:
            if person is not main:
                self.lives(person, until, (-1200, "bedroom", "sleep", 0))

    def reads(self, seconds: float, sensor: Sensor, **values: Any) -> None:
        """A device reports changed readings."""
        self.life.do(self.ms(seconds), lambda life, ms: life.reads(sensor, ms, **values))

    def press(self, seconds: float, sensor: Sensor) -> None:
        """An SOS button is pressed."""
        self.life.do(self.ms(seconds), lambda life, ms: life.press(sensor, ms))

    def sees(self, seconds: float, room: str) -> None:
        """Something moves in a room."""
        self.life.do(self.ms(seconds), lambda life, ms: life.see(room, ms))

    def door(self, seconds: float, open_for: float) -> None:
        """The front door is opened, and closed again after some seconds."""
        self.life.do(self.ms(seconds), lambda life, ms: life.pass_door(ms, open_for))

    def belt_shows(self, seconds: float, values: dict[str, Any] | None) -> None:
        """The belt of the person reports these readings from now on; None: what it really measures."""
        person = self.person()

        def show(life: HomeLife, _ms: int) -> None:
            for belt in life.belts.values():
                if belt.person is person:
                    belt.shows = values

        self.life.do(self.ms(seconds), show)

    def belt(self) -> Sensor:
        """The bed belt of the person."""
        person = self.person()
        for belt in self.life.belts.values():
            if belt.person is person:
                return belt.sensor
        raise WrongScenario(f"`{self.name}` needs a bed belt, and home `{self.life.id}` has none")

    def dark(self, life: HomeLife, seconds: float, until: float) -> None:
        """A home has neither power nor network for a while."""
        life.do(self.ms(seconds), lambda one, ms: one.go_dark(ms))
        life.do(self.ms(until), lambda one, ms: one.come_back(ms))


# ----------------------------------------------------------------------------------------- the scenarios


def _smoke(s: Stage, smoke: Sensor, points: tuple[tuple[float, float], ...], *, room: float = 24.0) -> None:
    """Smoke thickens and thins (seconds, dB/m), with the room's temperature as far as the detector feels it."""
    for n, (seconds, level) in enumerate(points):
        s.reads(seconds, smoke, smoke_level=level, temperature=round(room + 0.3 * n, 1))


def cooking_smoke(s: Stage) -> None:
    """The reference case: lunch is fried without the range hood. Smoke for three minutes, nobody hurt."""
    who, smoke = s.person(), s.sensor(Kind.smoke)
    s.lives(
        who,
        900,
        (0, "kitchen", "cooking", 75),
        (205, "living", "opens a window", 40),
        (260, "kitchen", "cooking", 60),
    )
    s.sees(2, "kitchen")
    s.truth(0, "cooks without the range hood", "烹饪未开油烟机", who=who)
    _smoke(s, smoke, ((12, 0.03), (24, 0.06), (36, 0.1)))
    s.reads(45, smoke, smoke=True, smoke_level=0.16, temperature=25.4)
    s.truth(
        45, "the smoke detector sounds", "烟感报警", code="SM1", device=smoke, who=who, verdict="avoidable"
    )
    for seconds, level in ((75, 0.19), (105, 0.21), (135, 0.18), (165, 0.15), (195, 0.12)):
        s.reads(seconds, smoke, smoke=True, smoke_level=level, temperature=25.6)
    s.sees(200, "living")
    s.reads(255, smoke, smoke=False, smoke_level=0.05, temperature=25.2)
    s.truth(
        255,
        "the smoke has cleared; nobody is hurt, nothing burnt",
        "烟雾散去，无人受伤",
        device=smoke,
        who=who,
    )
    _smoke(s, smoke, ((330, 0.02), (420, 0.0)), room=24.6)


def kitchen_fire(s: Stage) -> None:
    """A pan burns: thick smoke, the room gets hot by more than 8 °C a minute, the resident gets out."""
    who, smoke = s.person(), s.sensor(Kind.smoke)
    s.lives(who, 2400, (0, "kitchen", "cooking", 60), (25, "living", "sitting", 20), (105, OUT, "fled", 0))
    s.truth(20, "oil in a pan catches fire", "油锅起火", who=who)
    _smoke(s, smoke, ((10, 0.04), (25, 0.12)))
    s.reads(35, smoke, smoke=True, smoke_level=0.34, temperature=29.5)
    s.truth(
        35,
        "the smoke detector sounds",
        "烟感报警",
        code="SM1",
        also=("SM2",),
        device=smoke,
        who=who,
        verdict="real",
    )
    for seconds, level, heat in (
        (50, 0.6, 36.5),
        (65, 0.9, 45.0),
        (80, 1.3, 54.5),
        (95, 1.8, 63.0),
        (110, 2.2, 68.5),
    ):
        s.reads(seconds, smoke, smoke=True, smoke_level=level, temperature=heat)
    s.truth(
        95,
        "smoke and heat: a fire",
        "烟温同时升高，确认火情",
        code="SM2",
        within=20,
        device=smoke,
        verdict="real",
    )
    for seconds, level, heat in ((300, 1.9, 62.0), (600, 1.0, 46.0), (900, 0.4, 36.0)):
        s.reads(seconds, smoke, smoke=True, smoke_level=level, temperature=heat)
    s.reads(1500, smoke, smoke=False, smoke_level=0.06, temperature=28.0)
    s.truth(1500, "the fire is out", "火已扑灭", device=smoke)


def gas_leak(s: Stage) -> None:
    """A soup boils over and puts the flame out: gas rises past 25 %LEL until somebody closes the valve."""
    who, gas = s.person(), s.sensor(Kind.gas)
    s.lives(
        who,
        1500,
        (0, "kitchen", "cooking", 55),
        (15, "living", "watches television", 8),
        (600, "kitchen", "airs", 60),
    )
    s.truth(10, "the flame is out, gas flows", "灶火熄灭，燃气外泄", who=who)
    for seconds, level in ((30, 1.2), (60, 2.8), (90, 4.6), (115, 6.1), (135, 7.4)):
        s.reads(seconds, gas, gas_level=level)
    s.reads(155, gas, gas=True, gas_level=8.9)
    s.truth(
        155,
        "the gas detector sounds",
        "燃气报警",
        code="GS1",
        within=15,
        also=("GS2",),
        device=gas,
        who=who,
        verdict="real",
    )
    for n, level in enumerate(
        (10.4, 12.6, 15.1, 17.8, 20.6, 23.2, 25.8, 27.1, 27.4, 27.0, 26.2, 25.4, 24.0, 22.1)
    ):
        s.reads(170 + 30 * n, gas, gas=True, gas_level=level)
    s.truth(
        350,
        "past a quarter of the explosive limit",
        "浓度超过 25%LEL",
        code="GS2",
        within=40,
        also=("GS1", "GS3"),
        device=gas,
    )
    for n, level in enumerate((18.0, 13.2, 9.5, 6.8)):
        s.reads(600 + 30 * n, gas, gas=True, gas_level=level)
    s.truth(600, "the valve is closed, windows are open", "关阀开窗", device=gas, who=who)
    s.reads(720, gas, gas=False, gas_level=3.9)
    for n, level in enumerate((2.1, 0.9, 0.2, 0)):
        s.reads(780 + 60 * n, gas, gas_level=level)


def sos(s: Stage) -> None:
    """A resident feels unwell and presses the button."""
    who, button = s.person(), s.sensor(Kind.sos)
    s.lives(who, 1800, (0, button.room, "unwell", 10))
    s.truth(
        3,
        "feels dizzy and presses the SOS button",
        "头晕，按下紧急按钮",
        code="SOS1",
        within=5,
        device=button,
        who=who,
        verdict="real",
    )
    s.press(3, button)


def sos_pocket(s: Stage) -> None:
    """The button is pressed three times by mistake while somebody cleans."""
    who, button = s.person(), s.sensor(Kind.sos)
    s.lives(who, 900, (0, button.room, "cleans", 70))
    s.truth(
        5,
        "presses the SOS button by mistake while cleaning",
        "打扫时误按紧急按钮",
        code="SOS1",
        within=5,
        device=button,
        who=who,
        verdict="avoidable",
    )
    for seconds in (5, 12, 21):
        s.press(seconds, button)


def night_fall(s: Stage) -> None:
    """Gets up at night, falls beside the bed and lies there: the bed is empty and nothing moves."""
    who, belt = s.person(), s.belt()
    s.others_sleep(3600)
    s.lives(
        who, 3600,
        (-1200, "bedroom", "sleep", 0), (0, "bedroom", "gets up", 0), (6, "bedroom", "lies on the floor", 0),
        (3000, "bedroom", "is helped up", 60), (3120, "bedroom", "in bed", 0),
    )  # fmt: skip
    s.truth(0, "gets out of bed", "起床离开床", device=belt, who=who)
    if s.at_night:
        s.truth(
            6,
            "falls beside the bed and cannot get up",
            "床边跌倒，无法起身",
            code="BD1",
            within=700,
            also=("FL1",),
            device=belt,
            who=who,
            verdict="real",
        )
    else:
        s.truth(
            6,
            "falls beside the bed by day: no night rule is in force, only a long stillness can tell",
            "白天床边跌倒，夜间规则不在时段",
            device=belt,
            who=who,
            verdict="real",
        )
    s.door(2940, 20)
    s.sees(2950, "living")
    s.truth(2940, "somebody comes in by the front door to help", "有人开门进屋帮助", who=who)
    s.truth(3000, "is found and helped up", "被发现并扶起", who=who)


def night_toilet(s: Stage) -> None:
    """Gets up at night, goes to the bathroom and back: nothing ought to come of it."""
    who, belt = s.person(), s.belt()
    s.lives(
        who,
        1500,
        (-1200, "bedroom", "sleep", 0),
        (0, "bathroom", "toilet at night", 45),
        (430, "bedroom", "sleep", 0),
    )
    s.truth(
        0,
        "goes to the bathroom and is back after seven minutes",
        "起夜如厕，七分钟后回床",
        device=belt,
        who=who,
    )


def wandering(s: Stage) -> None:
    """Gets up at night, opens the front door and is gone for 40 minutes."""
    who, belt, door = s.person(), s.belt(), s.sensor(Kind.door)
    s.others_sleep(3000)
    s.lives(who, 3000, (-1200, "bedroom", "sleep", 0), (0, "living", "wanders", 40), (70, OUT, "wanders outside", 0), (2500, "living", "is brought back", 60), (2680, "bedroom", "in bed", 0))  # fmt: skip
    s.truth(0, "gets out of bed", "起床离开床", device=belt, who=who)
    if s.at_night and s.has_dementia(who):
        s.truth(
            79,
            "leaves the flat at night",
            "夜间出门走失",
            code="BD2",
            within=330,
            also=("DR3", "BD1"),
            device=door,
            who=who,
            verdict="real",
        )
    elif s.at_night:
        # Doors are watched at night for those who wander (domain.md 3.7); for others the empty bed tells, later.
        s.truth(
            79,
            "leaves the flat at night; nobody asked to have the door watched",
            "夜间出门（未登记失智，不看门）",
            code="BD1",
            level="yellow",
            within=31 * 60,
            also=("BD2", "DR3"),
            device=belt,
            who=who,
            verdict="real",
        )
    else:
        s.truth(79, "leaves the flat by day: nothing unusual to a sensor", "白天出门", device=door, who=who)
    s.truth(2500, "is brought back", "已接回", who=who)


def not_up(s: Stage) -> None:
    """Does not get up in the morning."""
    who, belt = s.person(), s.belt()
    s.lives(who, 8 * 3600, (0, "bedroom", "sleep", 0), (7.5 * 3600, "bedroom", "in bed", 0))
    s.truth(
        0,
        "is too weak to get up",
        "体弱未起床",
        code="BD3",
        level="yellow",
        within=6 * 3600,
        also=("AC3",),
        device=belt,
        who=who,
        verdict="real",
    )


def cardiac(s: Stage) -> None:
    """The heart races in bed: 140 and more for seven minutes."""
    who, belt = s.person(), s.belt()
    s.lives(who, 1500, (-900, "bedroom", "in bed", 0), (1400, "bedroom", "in bed", 0))
    base = {"respiration_rate": 20, "in_bed": True, "movement": 3, "signal_quality": 88}
    s.truth(
        0,
        "the heart races",
        "心跳骤然加快",
        code="VT1",
        within=240,
        also=("VT2",),
        device=belt,
        who=who,
        verdict="real",
    )
    for n, pulse in enumerate((118, 134, 139, 142, 144, 141, 143, 145, 142, 140, 141, 138, 136, 135)):
        s.belt_shows(n * 30, {"heart_rate": pulse, **base})
    for n, pulse in enumerate((124, 112, 98, 86)):
        s.belt_shows(420 + n * 60, {"heart_rate": pulse, **base, "respiration_rate": 17})
    s.belt_shows(660, None)
    s.truth(420, "the pulse calms down", "心率回落", who=who)


def breathing_stops(s: Stage) -> None:
    """Breathing stops for two minutes while the heart is still heard."""
    who, belt = s.person(), s.belt()
    s.lives(who, 1500, (-900, "bedroom", "sleep", 0), (1400, "bedroom", "in bed", 0))
    s.truth(0, "stops breathing", "呼吸停止", code="VT7", within=90, device=belt, who=who, verdict="real")
    s.belt_shows(
        0, {"heart_rate": 58, "respiration_rate": 0, "in_bed": True, "movement": 0, "signal_quality": 84}
    )
    s.belt_shows(
        60, {"heart_rate": 51, "respiration_rate": 0, "in_bed": True, "movement": 0, "signal_quality": 81}
    )
    s.belt_shows(
        120, {"heart_rate": 66, "respiration_rate": 9, "in_bed": True, "movement": 22, "signal_quality": 70}
    )
    s.truth(120, "breathes again", "恢复呼吸", who=who)
    s.belt_shows(180, None)


def belt_slips(s: Stage) -> None:
    """The belt slips: it says "in bed" without pulse or breath while the resident walks about."""
    who, belt = s.person(), s.belt()
    s.lives(
        who,
        2400,
        (-60, "bedroom", "in bed", 0),
        (0, "living", "sitting", 40),
        (900, "kitchen", "tea", 50),
        (1200, "living", "sitting", 40),
    )
    s.truth(
        0,
        "gets up; the belt has slipped and still says in bed",
        "床带移位，人已离床",
        code="BD7",
        level="blue",
        within=1300,
        also=("VT7",),
        device=belt,
        who=who,
        verdict="unavoidable",
    )
    s.belt_shows(
        0, {"heart_rate": 0, "respiration_rate": 0, "in_bed": True, "movement": 0, "signal_quality": 12}
    )
    s.belt_shows(2100, None)
    s.truth(2100, "the belt is put right", "床带复位", device=belt)


def leak(s: Stage) -> None:
    """A hose drips under the sink for twenty minutes."""
    who, sensor = s.person(), s.sensor(Kind.water_leak)
    s.truth(
        0,
        "water under the sink",
        "水槽下漏水",
        code="WT1",
        level="yellow",
        within=40,
        device=sensor,
        who=who,
        verdict="real",
    )
    s.reads(2, sensor, water_leak=True)
    for n in range(1, 4):
        s.reads(2 + 300 * n, sensor, water_leak=True)
    s.reads(1200, sensor, water_leak=False)
    s.truth(1200, "dry again", "已干", device=sensor)


def tap_left_on(s: Stage) -> None:
    """A tap runs for two hours."""
    who, meter = s.person(), s.sensor(Kind.water_meter)
    s.truth(
        0,
        "leaves a tap running",
        "水龙头未关",
        code="WT3",
        level="yellow",
        within=95 * 60,
        device=meter,
        who=who,
        verdict="avoidable",
    )

    def flow(litres: float) -> Callable[[HomeLife, int], None]:
        def run(life: HomeLife, _ms: int) -> None:
            life.water_per_minute = litres

        return run

    s.life.do(s.ms(0), flow(6.5))
    s.life.do(s.ms(7200), flow(0))
    s.truth(7200, "the tap is closed", "水龙头已关", device=meter)


def away(s: Stage) -> None:
    """Everybody goes to the daughter's for six hours: nothing ought to come of it."""
    for person in s.life.people:
        s.lives(person, 6 * 3600, (0, "living", "puts on shoes", 60), (120, OUT, "at the daughter's", 0))
    s.truth(120, "goes out for six hours", "外出六小时", who=s.person())


def guests(s: Stage) -> None:
    """The children come for two hours: much movement, the door a few times; nothing ought to come of it."""
    who = s.person()
    s.lives(
        who,
        7200,
        (0, "living", "has guests", 120),
        (2400, "kitchen", "cooking", 120),
        (4500, "living", "has guests", 120),
    )
    for seconds in (0, 1500, 7100):
        s.door(seconds, 25)
    for n in range(40):
        s.sees(30 + n * 170, ("living", "kitchen")[n % 2])
    s.truth(0, "guests come for two hours", "子女来访两小时", who=who)


def gateway_down(s: Stage) -> None:
    """The gateway of one home loses its network for 40 minutes."""
    gateway = s.sensor(Kind.gateway)
    s.dark(s.life, 0, 2400)
    s.truth(
        0,
        "the gateway loses its network",
        "网关断网",
        code="TE4",
        level="yellow",
        within=420,
        device=gateway,
        verdict="unavoidable",
    )
    s.truth(2400, "the gateway is back", "网关恢复", device=gateway)


def power_cut(s: Stage) -> None:
    """A building and its neighbours are without power for half an hour: one case, not one for each home."""
    homes = [s.life, *s.neighbours][:12]
    for n, life in enumerate(homes):
        s.dark(life, 0.4 * n, 1800 + 2.5 * n)
    s.truth(0, f"power cut: {len(homes)} homes go dark", f"停电，{len(homes)} 户同时断线", code="TE5" if len(homes) >= 3 else "TE4", level="red" if len(homes) >= 3 else "yellow", within=660, also=("TE4",), verdict="unavoidable")  # fmt: skip
    for life in homes[1:]:
        s.truth(0, "dark in the same power cut", "同一停电", life=life)
    s.truth(1800, "power is back", "恢复供电")


def battery_low(s: Stage) -> None:
    """The battery of the smoke detector runs out."""
    smoke = s.sensor(Kind.smoke)
    s.truth(
        0,
        "the smoke detector's battery is nearly empty",
        "烟感电量低",
        code="TE1",
        level="yellow",
        within=30,
        device=smoke,
        verdict="real",
    )
    s.reads(1, smoke, battery=8, battery_low=True)


def virtual_smoke(s: Stage) -> None:
    """The detector's message says smoke, but there is none and no siren sounds; it clears after 40 s."""
    smoke = s.sensor(Kind.smoke)
    s.truth(
        0,
        "a false message of the detector: no smoke, no siren",
        "烟感虚警，无烟无蜂鸣",
        code="SM1",
        device=smoke,
        verdict="unavoidable",
    )
    s.reads(1, smoke, smoke=True, smoke_level=0)
    s.reads(41, smoke, smoke=False, smoke_level=0)


def storm(s: Stage) -> None:
    """Forty homes go dark and come back all at once, and in the middle of it somebody presses SOS."""
    homes = [s.life, *s.neighbours][:40]
    rest = homes[1:]
    for n, life in enumerate(rest):
        s.dark(life, 0.05 * n, 300 + 0.02 * n)
    if rest:
        s.truth(0, f"power cut: {len(rest)} homes go dark", f"停电，{len(rest)} 户同时断线", code="TE5" if len(rest) >= 3 else "", within=660, also=("TE4",), verdict="unavoidable", life=rest[0])  # fmt: skip
    who, button = s.person(), s.sensor(Kind.sos)
    for seconds, words, zh in (
        (120, "presses SOS in the dark", "停电中按下紧急按钮"),
        (302, "presses SOS again in the flood of returning devices", "设备恢复潮中再次按下"),
    ):
        s.truth(seconds, words, zh, code="SOS1", within=5, device=button, who=who, verdict="real")
        s.press(seconds, button)


@dataclass(frozen=True)
class Scenario:
    """How a scenario goes, what it needs of a home, and at what hour it is played unless told otherwise."""

    play: Callable[[Stage], None]
    needs: frozenset[Kind] = frozenset()
    hours: tuple[float, float] | None = None
    """Wall-clock hours between which it may begin without an offset; outside of them it waits for the first."""
    lead: int = 0
    """Milliseconds somebody must have been in bed before it begins, unless an offset says when it begins."""
    words: str = ""


def _scenario(
    play: Callable[[Stage], None], *needs: Kind, hours: tuple[float, float] | None = None, lead: int = 0
) -> Scenario:
    return Scenario(play, frozenset(needs), hours, lead, (play.__doc__ or "").split("\n")[0])


_NIGHT = (0.5, 4.5)
SCENARIOS: dict[str, Scenario] = {
    "cooking_smoke": _scenario(cooking_smoke, Kind.smoke),
    "kitchen_fire": _scenario(kitchen_fire, Kind.smoke),
    "gas_leak": _scenario(gas_leak, Kind.gas),
    "night_fall": _scenario(night_fall, Kind.bed_belt, hours=_NIGHT, lead=20 * MINUTE),
    "night_toilet": _scenario(night_toilet, Kind.bed_belt, hours=_NIGHT, lead=20 * MINUTE),
    "wandering": _scenario(wandering, Kind.bed_belt, Kind.door, hours=(2.5, 4.0), lead=20 * MINUTE),
    "not_up": _scenario(not_up, Kind.bed_belt, hours=(5.0, 5.1)),
    "cardiac": _scenario(cardiac, Kind.bed_belt, lead=12 * MINUTE),
    "breathing_stops": _scenario(breathing_stops, Kind.bed_belt, lead=3 * MINUTE),
    "belt_slips": _scenario(belt_slips, Kind.bed_belt, lead=MINUTE),
    "sos": _scenario(sos, Kind.sos),
    "sos_pocket": _scenario(sos_pocket, Kind.sos),
    "leak": _scenario(leak, Kind.water_leak),
    "tap_left_on": _scenario(tap_left_on, Kind.water_meter),
    "away": _scenario(away, hours=(8.0, 16.0)),
    "guests": _scenario(guests, hours=(9.0, 19.0)),
    "gateway_down": _scenario(gateway_down, Kind.gateway),
    "power_cut": _scenario(power_cut, Kind.gateway),
    "battery_low": _scenario(battery_low, Kind.smoke),
    "virtual_smoke": _scenario(virtual_smoke, Kind.smoke),
    "storm": _scenario(storm, Kind.gateway, Kind.sos),
}
"""Every name of contract section 8."""

LONGEST = 8 * HOUR + 20 * MINUTE
"""No scenario goes on for longer."""
