"""Fire, gas, water, and somebody who calls for help."""

from __future__ import annotations

from collections.abc import Callable

from care.words import Kind
from simulators.home import HomeLife
from simulators.resident import OUT
from simulators.scenarios.stage import Stage
from simulators.sensors import Sensor


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
    # By now the room is 12 °C hotter than a minute ago; the 57 °C of a heat detector come later.
    s.truth(
        50,
        "smoke and heat: a fire",
        "烟温同时升高，确认火情",
        code="SM2",
        within=65,
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


def virtual_smoke(s: Stage) -> None:
    """The detector's message says smoke, but there is none and no siren sounds; it clears after 40 s."""
    smoke = s.sensor(Kind.smoke)
    s.truth(
        0,
        "a false message of the detector: no smoke, no siren",
        "烟感误报，无烟无蜂鸣",
        code="SM1",
        device=smoke,
        verdict="unavoidable",
    )
    s.reads(1, smoke, smoke=True, smoke_level=0)
    s.reads(41, smoke, smoke=False, smoke_level=0)
