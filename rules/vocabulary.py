"""The words of the language of `rules.conditions`: types, functions, and what a condition may name. Start at `FUNCTIONS`.

A rule that asks for something new needs an entry here, and its answer in `rules.view`, `rules.beds` or `rules.detectors`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from devices.quantities import QUANTITIES, Nature, Quantity


class Type(StrEnum):
    """What an expression is."""

    bool = "bool"
    number = "number"
    text = "text"
    duration = "duration"
    clock = "clock"
    any = "any"
    """A quantity whose value may be of any type (`sos`, `fall`, `fault`)."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the language: the types of its arguments (`quantity` is a bare name), and what it gives."""

    args: tuple[str, ...]
    gives: Type
    about: str
    rest: str | None = None
    """Type of any further arguments."""
    grows: bool = False
    """It is a duration that grows second by second while nothing is heard."""
    wide: tuple[str, ...] = ()
    """Quantities of the whole home that it looks at, besides a quantity it is given."""
    sampled: bool = False
    """It looks at a belt's samples: asked at each report of the belt that may matter, not at each changed value."""
    needs: tuple[str, ...] = ()
    """Parameters that the rule must have for it."""
    woken_by: tuple[str, ...] = ()
    """What changes it besides, and is no reading to show."""
    wide_argument: bool = False
    """The quantity it is given is looked at in the whole home, not only at the subject."""
    rests_on: tuple[str, ...] = ()
    """Quantities of the subject that prove it, besides a quantity it is given."""
    proves: bool = False
    """It names its evidence itself (rules.proof)."""


_PRESENCE = ("motion", "presence")
_INSIDE = ("motion", "presence", "vibration", "in_bed", "door_open")
SIGNS: Final[dict[str, tuple[str, ...]]] = {
    "motion": ("motion", "presence", "vibration"),
    "up": ("motion", "presence", "vibration"),
    "door": ("door_open",),
    "bed": ("in_bed",),
    "water": ("water_total",),
    "press": ("sos", "fall", "action"),
    "vitals": ("respiration_rate", "heart_rate"),
    "told": ("life_sign",),
}
"""What shows a person, and the quantities that do; `up` is motion but in the bedroom (who turns over is not up), unless no
other room has a sensor; `told` by another system, of somebody who need not be at home."""
ELSEWHERE: Final = "another room"
"""What changed when somebody is in another room than before; no device reports it."""

FUNCTIONS: Final[dict[str, Function]] = {
    "age": Function(("quantity",), Type.duration, "time since the quantity was last reported", grows=True),
    "held": Function(("quantity",), Type.duration, "how long it has had the value it has", grows=True),
    "shown": Function(
        ("quantity",),
        Type.duration,
        "from the first to the last report of the value it has: silence adds nothing",
    ),
    "stay": Function(
        ("quantity",),
        Type.duration,
        "how long it was true in its last stretch, interruptions under 30 minutes left out",
        grows=True,
    ),
    "missing": Function(("quantity",), Type.bool, "never reported, or reported without a value"),
    "changed": Function(("quantity",), Type.bool, "the report just heard changed it"),
    "recent": Function(("quantity", "duration"), Type.bool, "it was true (or not zero) within that time"),
    "moved": Function(
        ("duration",),
        Type.bool,
        "motion or presence in the named rooms, or anywhere, within that time",
        rest="text",
        wide=_PRESENCE,
        proves=True,
    ),
    "moved_since": Function(
        (),
        Type.bool,
        "motion or presence in the named rooms, or anywhere, since the episode began",
        rest="text",
        wide=_PRESENCE,
    ),
    "moved_after": Function(
        ("quantity",),
        Type.bool,
        "motion or presence anywhere after the quantity last changed",
        wide=_PRESENCE,
    ),
    "alive": Function(
        ("quantity",),
        Type.bool,
        "every sensor of the home that ever reported it is still heard, and there is one",
        wide_argument=True,
        proves=True,
    ),
    "count": Function(
        ("quantity",), Type.number, "how many devices of the home say it is true now", wide_argument=True
    ),
    "silence": Function((), Type.duration, "time since the device was last heard, or known", grows=True),
    "confirmed": Function(
        ("quantity", "duration"),
        Type.bool,
        "unknown once the device speaks of other things without repeating it for so long, otherwise true",
    ),
    "triggered": Function(("quantity",), Type.bool, "it was ever true, or ever changed"),
    "speaking": Function((), Type.bool, "the device is heard: not silent for as long as its kind may be"),
    "known": Function((), Type.duration, "time since the device was first heard", grows=True),
    "clock_off": Function((), Type.duration, "how far the device's clock is wrong, as far as we believe"),
    "gateway_lost": Function((), Type.bool, "the home's gateway is lost"),
    "reported": Function((), Type.bool, "the device has reported at least once"),
    "heard": Function((), Type.number, "messages of the device since the episode opened"),
    "mostly": Function(
        ("samples", "duration"),
        Type.bool,
        "for so long at least `share_percent` of the belt's valid samples met the comparison (rules.samples)",
        sampled=True,
        needs=("share_percent", "quality_min", "movement_max"),
    ),
    "throughout": Function(
        ("samples", "duration"),
        Type.bool,
        "as `mostly`, by every belt of the bed that can tell",
        sampled=True,
        needs=("share_percent", "quality_min", "movement_max"),
    ),
    "disputed": Function(
        ("sample", "duration", "number"),
        Type.bool,
        "two belts of one bed measured medians in that time that are so far apart",
        sampled=True,
        needs=("quality_min", "movement_max"),
    ),
    "lost": Function(
        (),
        Type.duration,
        "how long, from report to report, there was pressure on the bed without breath that was there before",
        sampled=True,
        rests_on=("respiration_rate",),
    ),
    "pulse_shown": Function((), Type.bool, "a pulse was shown since breath was lost", sampled=True),
    "breathing": Function(
        (), Type.duration, "how long, from report to report, breath has been shown", sampled=True
    ),
    "elsewhere": Function(
        (),
        Type.bool,
        "somebody moved in another room, used a door or water since the episode began, and is alone as far as is known",
        wide=(*_PRESENCE, "door_open", "water_total"),
    ),
    "unheard": Function(
        (),
        Type.duration,
        "how long, from report to report, somebody was in bed with neither pulse nor breath heard",
        sampled=True,
        proves=True,
    ),
    "mute": Function(
        (),
        Type.duration,
        "how long a belt that is heard has said nothing that can be used of the bed, or of heart and breath where it "
        "never speaks of the bed",
        grows=True,
        proves=True,
    ),
    "pulseless": Function(
        (),
        Type.duration,
        "how long there was breath with a heart rate of 0: a lead is off",
        sampled=True,
        proves=True,
    ),
    "poor": Function(
        (),
        Type.duration,
        "how long the signal was below 30 or the values impossible most of the time, short recoveries left in",
        sampled=True,
        proves=True,
    ),
    "sound": Function((), Type.duration, "how long signal and values have been good", sampled=True),
    "two_hearts": Function(
        ("duration", "number"),
        Type.bool,
        "in that time the pulse went to and fro between two levels so far apart",
        sampled=True,
        needs=("quality_min", "movement_max"),
        proves=True,
    ),
    "gone": Function(
        (),
        Type.duration,
        "time since a front door turned with no motion inside after it; 0 when there was",
        grows=True,
        wide=(*_PRESENCE, "door_open"),
        proves=True,
    ),
    "left_home": Function(
        (),
        Type.bool,
        "everybody has left by the front door, as far as is known",
        wide=(*_PRESENCE, "door_open"),
    ),
    "flickers": Function(
        ("quantity",),
        Type.bool,
        "the bed sensor has changed its mind ten times within two hours, or three times within a day "
        "(a week with a sensor in that room) felt somebody again after two minutes or more whom no living sensor at the bed or in the bathroom saw get up",
    ),
    "surely_empty": Function(
        ("quantity", "duration", "duration"),
        Type.bool,
        "the bed sensor has said empty without a break for the first time, and half as long again as it has within a week "
        "lost somebody whom nothing saw get up; the second time is always enough",
    ),
    "about": Function(
        ("clock", "duration"),
        Type.bool,
        "this morning from that time on, and so long after the episode began or later, motion or presence in the named rooms",
        rest="text",
        wide=_PRESENCE,
    ),
    "about_usual": Function(
        ("hour", "duration", "duration"),
        Type.bool,
        "the same from so long before the resident's usual time on; false while that is not known",
        rest="text",
        wide=_PRESENCE,
    ),
    "walked": Function(
        (),
        Type.bool,
        "motion or presence since the episode began; by the bed itself only from a minute after it",
        wide=_PRESENCE,
    ),
    "stirred": Function(
        ("duration",),
        Type.bool,
        "any sign of a person in the home within that time: motion, a door, the bed, water, a press",
        wide=(*_PRESENCE, "door_open"),
        proves=True,
    ),
    "watched": Function(
        (),
        Type.bool,
        "a motion sensor of the home is still heard, as far as its kind speaks",
        wide=_PRESENCE,
        proves=True,
    ),
    "overdue": Function(
        ("clock",),
        Type.duration,
        "time since the first such hour after a night in bed began; unknown for 24:00 and before the episode",
        grows=True,
    ),
    "away": Function(
        (),
        Type.bool,
        "everybody has left: nothing seen inside since the front door closed, 15 minutes ago "
        "or more; unknown without a front door or a living sensor inside",
        wide=_INSIDE,
    ),
    "away_for": Function(
        (),
        Type.duration,
        "how long everybody has been away; 0 when somebody is there",
        grows=True,
        wide=("door_open",),
    ),
    "lying": Function(
        (), Type.bool, "somebody is in bed, by a belt that lives", wide=("in_bed",), proves=True
    ),
    "arriving": Function((), Type.bool, "the door opened on a home where nobody had been since it closed"),
    "returned": Function(
        ("duration",), Type.bool, "within that time somebody came into a home where nobody had been"
    ),
    "begun": Function(
        ("clock",),
        Type.bool,
        "somebody has been seen up in the home since this time of today: motion in the bedroom alone is not that",
    ),
    "several": Function(
        (), Type.bool, "two people were told apart within the last hour", woken_by=(ELSEWHERE,)
    ),
    "carer_due": Function(
        ("duration",), Type.bool, "a carer is planned to come or go about now, so much early or late"
    ),
    "carer_missed": Function(
        ("duration",),
        Type.bool,
        "a planned visit of a carer is over, and no front door opened in it, nor has since",
        wide=("door_open",),
        proves=True,
    ),
    "mode": Function(
        ("text",), Type.bool, "the home is in this mode: away, hospital, visitors, cleaning, works"
    ),
    "mode_over": Function(
        (), Type.bool, "a mode ran out within the last day, and nobody ended it", proves=True
    ),
    "said": Function(
        ("quantity", "duration"),
        Type.number,
        "devices of the home that said it within that time",
        wide_argument=True,
        proves=True,
    ),
    "near": Function(
        ("quantity", "duration"),
        Type.number,
        "flats directly above or below where a device said it within that time",
    ),
    "staying": Function(
        ("text",),
        Type.duration,
        "since when everybody seen was in this room: time since the first sign "
        "there after the last one elsewhere; 0 in another room",
        grows=True,
        woken_by=(ELSEWHERE,),
        proves=True,
    ),
    "covers": Function(("text",), Type.bool, "a living sensor would see somebody in this room"),
    "highest": Function(
        ("quantity",), Type.number, "the highest value in the home within ten minutes", wide_argument=True
    ),
    "heating": Function(
        (),
        Type.number,
        "°C a minute by which the fastest thermometer of the home rises",
        wide=("temperature",),
    ),
    "warming": Function(
        (), Type.bool, "a thermometer of the home rises by 4 °C a minute or more", wide=("temperature",)
    ),
    "openings": Function(("duration",), Type.number, "how often the door opened within that time"),
    "used": Function(
        ("duration",),
        Type.number,
        "litres of water within that time; unknown unless a meter tells it by the hour",
        wide=("water_total",),
    ),
    "flowing": Function(
        (), Type.duration, "how long water has run without a pause", grows=True, wide=("water_total",)
    ),
    "unwell": Function(
        ("duration",),
        Type.bool,
        "pulse or breathing far from normal within that time",
        wide=("heart_rate", "respiration_rate"),
        proves=True,
    ),
    "active": Function((), Type.bool, "a finding of one of these codes is open in the home", rest="text"),
    "between": Function(("clock", "clock"), Type.bool, "wall clock of the community; may cross midnight"),
    "detected": Function((), Type.bool, "what the rule's detector found; unknown when it does not know"),
    "learned": Function(("learnt",), Type.bool, "whether this is known of the resident"),
    "baseline": Function(
        ("vital",),
        Type.number,
        "the resident's own median of this hour of the night; unknown under ten nights",
    ),
    "deviation": Function(
        (), Type.number, "how far pulse or breath are from the resident's own, in robust standard deviations"
    ),
    "under_usual": Function(
        ("vital",), Type.number, "how far the last minutes lie below the resident's own median of this hour"
    ),
    "usual": Function(("span",), Type.duration, "the resident's own long one: longer are rare"),
    "own": Function(
        ("parameter", "span", "duration", "duration", "duration"),
        Type.duration,
        "a limit that was written down for this resident; otherwise the own long one (three times a flow) and so much more, within these "
        "bounds; the limit as it is while nothing was learned",
    ),
    "usual_time": Function(
        ("clock", "hour"),
        Type.clock,
        "the time that was written down; otherwise the resident's usual one of this day; 24:00 while neither is known",
    ),
    "late": Function(
        ("hour", "duration"),
        Type.bool,
        "it has not happened today although it is so long past the resident's usual time",
    ),
}
"""Everything a condition can call. A rule that needs another one needs an entry here and in `engine`."""

VITALS: Final = ("heart_rate", "respiration_rate")
HABITS: Final[dict[str, tuple[str, ...]]] = {
    "vital": VITALS,
    "hour": ("get_up", "to_bed", "morning"),
    "span": ("away", "door_gap", "bathroom_stay", "flow", "night"),
    "learnt": ("get_up", "to_bed", "morning", "away", "door_gap", "bathroom_stay", "flow", *VITALS),
}
"""What can be learned of a resident, by the kind of argument; vitals are bare names, the others texts."""
SAMPLED: Final = VITALS
"""Quantities whose samples can be asked for."""

WORDS: Final[dict[str, Type]] = {"room": Type.text, "kind": Type.text}
"""Names of the subject itself."""


def _type_of(quantity: Quantity) -> Type:
    if quantity.numeric:
        return Type.number
    if quantity.nature is Nature.state and not quantity.texts:
        return Type.bool
    return Type.text if quantity.nature is Nature.text else Type.any


QUANTITY_TYPES: Final[dict[str, Type]] = {name: _type_of(q) for name, q in QUANTITIES.items()}
