"""What becomes of the technique: a gateway, the power, a battery, a storm of all at once."""

from __future__ import annotations

from care.words import Kind
from simulators.home import with_those_that_speak
from simulators.scenarios.stage import Stage


def gateway_down(s: Stage) -> None:
    """The gateway of one home loses its network for 40 minutes."""
    gateway = s.sensor(Kind.gateway)
    s.dark(s.life, 0, 2400, power=False)
    s.truth(
        0,
        *with_those_that_speak("the gateway loses its network", "网关断网", s.life, power=False),
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
        s.dark(life, 0.4 * n, 1800 + 2.5 * n, power=True)
    s.truth(0, *with_those_that_speak(f"power cut: {len(homes)} homes go dark", f"停电，{len(homes)} 户同时断线", s.life, power=True), code="TE5" if len(homes) >= 3 else "TE4", level="red" if len(homes) >= 3 else "yellow", within=660, also=("TE4",), verdict="unavoidable")  # fmt: skip
    for life in homes[1:]:
        s.truth(
            0, *with_those_that_speak("dark in the same power cut", "同一停电", life, power=True), life=life
        )
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


def storm(s: Stage) -> None:
    """Forty homes go dark and come back all at once, and in the middle of it somebody presses SOS."""
    homes = [s.life, *s.neighbours][:40]
    rest = homes[1:]
    for n, life in enumerate(rest):
        s.dark(life, 0.05 * n, 300 + 0.02 * n, power=True)
    if rest:
        s.truth(0, *with_those_that_speak(f"power cut: {len(rest)} homes go dark", f"停电，{len(rest)} 户同时断线", rest[0], power=True), code="TE5" if len(rest) >= 3 else "", within=660, also=("TE4",), verdict="unavoidable", life=rest[0])  # fmt: skip
    for life in rest[1:]:
        s.truth(
            0, *with_those_that_speak("dark in the same power cut", "同一停电", life, power=True), life=life
        )
    if rest:
        s.truth(300, "power is back", "恢复供电", life=rest[0])
    who, button = s.person(), s.sensor(Kind.sos)
    for seconds, words, zh in (
        (120, "presses SOS in the dark", "停电中按下紧急按钮"),
        (302, "presses SOS again in the flood of returning devices", "设备恢复潮中再次按下"),
    ):
        s.truth(seconds, words, zh, code="SOS1", within=5, device=button, who=who, verdict="real")
        s.press(seconds, button)
