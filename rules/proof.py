"""What the answer of a function rests on, named as evidence: no more than it takes. Start at `PROOFS`.

A function of the language that looks at a whole home has an entry here; for the others the readings of the quantities
they look at are their evidence (rules.conditions, `Support`). That nobody moved was said by nobody: such an answer
rests on sensors that were alive, and each is named with its last word as `alive`. Pure functions of a view.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

from care.messages import Evidence, Value
from rules import carers
from rules.memory import Field, Samples, moment
from rules.signs import ONGOING, TOLD, Sign, feels_somebody, front_doors, last_sign
from rules.words import room_kind

if TYPE_CHECKING:
    from rules.live import LiveDevice
    from rules.view import EngineView

STIRRING: Final = ("motion", "door", "bed", "water", "press")


def of_field(device: LiveDevice, quantity: str, f: Field) -> Evidence:
    """The last word of a device on a quantity."""
    return Evidence(
        device=device.name,
        quantity=quantity,
        value=f.value,
        at=moment(f.at),
        received_at=moment(f.received_at),
        report_id=f.report_id,
    )


def _at(device: LiveDevice, quantity: str, f: Field, at: int, value: Value) -> Evidence:
    """What it said at an earlier moment; the last word where it is of that moment."""
    if f.at == at:
        return of_field(device, quantity, f)
    return Evidence(device=device.name, quantity=quantity, value=value, at=moment(at))


def of_sign(sign: Sign) -> list[Evidence]:
    """The report that showed a person last, and not what the sensor has repeated since."""
    if sign.device is None:
        return []
    f = sign.device.fields[sign.quantity]
    if (sign.quantity in ONGOING or sign.quantity == TOLD) and f.true_at:
        return [_at(sign.device, sign.quantity, f, f.true_at, True)]
    if sign.quantity in ("door_open", "in_bed"):
        return [_at(sign.device, sign.quantity, f, f.since, f.value)]
    return [of_field(sign.device, sign.quantity, f)]


def _alive(view: EngineView, quantity: str) -> list[Evidence]:
    return [
        Evidence(device=d.name, quantity="alive", value=True, at=moment(d.memory.heard_at))
        for d in view.home.devices.values()
        if quantity in d.fields
    ]


def _watched(view: EngineView) -> list[Evidence]:
    """One that is heard is enough: the one heard last."""
    told = [*_alive(view, "motion"), *_alive(view, "presence")]
    return [max(told, key=lambda e: e.at)] if told else []


def _moved(view: EngineView, _seconds: float, *rooms: str) -> list[Evidence]:
    best: tuple[int, LiveDevice, str] | None = None
    for device in view.home.devices.values():
        if rooms and room_kind(device.room) not in rooms:
            continue
        for quantity in ("motion", "presence"):
            f = device.fields.get(quantity)
            if f is not None and f.true_at and (best is None or f.true_at > best[0]):
                best = f.true_at, device, quantity
    return of_sign(Sign(*best)) if best is not None else []


def _stirred(view: EngineView, _seconds: float) -> list[Evidence]:
    return of_sign(last_sign(view.home, STIRRING, view.now))


def _lying(view: EngineView) -> list[Evidence]:
    """One belt that feels somebody is enough: the one that spoke last."""
    belts = [d for d in view.home.devices.values() if feels_somebody(d, view.now)]
    last = max(belts, key=lambda d: d.fields["in_bed"].at, default=None)
    return [of_field(last, "in_bed", last.fields["in_bed"])] if last is not None else []


def _said(view: EngineView, quantity: str, seconds: float) -> list[Evidence]:
    """Each device that said it, by the last time it did; the latest first."""
    said = [
        (f.true_at, d, f)
        for d in view.home.devices.values()
        if (f := d.fields.get(quantity)) is not None and view.has_said(f, quantity, seconds)
    ]
    return [
        _at(d, quantity, f, at, True if f.value is False else f.value)
        for at, d, f in sorted(said, key=lambda s: s[0], reverse=True)
    ]


def _unwell(view: EngineView, seconds: float) -> list[Evidence]:
    return view.what_is_unwell(seconds)


def _gone(view: EngineView) -> list[Evidence]:
    turned = [(f.since, d, f) for d, f in front_doors(view.home) if f.changes]
    if not turned:
        return []
    _, device, f = max(turned, key=lambda t: t[0])
    return [_at(device, "door_open", f, f.since, f.value)]


def _staying(view: EngineView, room: str) -> list[Evidence]:
    """The first sign in this room after the last one elsewhere."""
    where = view.home.memory.where
    device = view.home.devices.get(where.by)
    if device is None or where.room != room:
        return []
    for quantity in ("motion", "presence", "in_bed", "door_open"):
        f = device.fields.get(quantity)
        if f is not None:
            return [_at(device, quantity, f, where.since, True if quantity in ONGOING else f.value)]
    return []


def _belts(view: EngineView, said: Callable[[Samples], bool], *quantities: str) -> list[Evidence]:
    """The last word on these of every belt of the bed of which this is so."""
    return [
        of_field(d, quantity, f)
        for d in view.instance.group
        if d.memory.samples is not None and said(d.memory.samples)
        for quantity in quantities
        if (f := d.fields.get(quantity)) is not None
    ]


def _unheard(view: EngineView) -> list[Evidence]:
    """One word of each belt is enough: that it has no pulse, or no breath, or only that somebody is in bed."""
    found: dict[str, Evidence] = {}
    for quantity in ("heart_rate", "respiration_rate", "in_bed"):
        for told in _belts(view, lambda s: bool(s.mute_since), quantity):
            found.setdefault(told.device, told)
    return list(found.values())


def _mute(view: EngineView) -> list[Evidence]:
    """The word that says nothing; a belt that never spoke of bed, heart or breath has none to show."""
    return [
        of_field(d, quantity, f)
        for d in view.instance.group
        for quantity in ("in_bed", "bed_state", "respiration_rate")
        if (f := d.fields.get(quantity)) is not None
    ][:1]


def _pulseless(view: EngineView) -> list[Evidence]:
    """The heart rate alone: without the breath beside it the belt would be deaf, which is told as well (`unheard`)."""
    return _belts(view, lambda s: bool(s.pulseless_since), "heart_rate")


def _poor(view: EngineView) -> list[Evidence]:
    by_signal = _belts(view, lambda s: bool(s.poor_since), "signal_quality")
    return by_signal or _belts(view, lambda s: bool(s.poor_since), "heart_rate")


def _two_hearts(view: EngineView, _seconds: float, _apart: float) -> list[Evidence]:
    known = view.instance.minutes
    return [
        of_field(d, "heart_rate", f)
        for d in view.instance.group
        if d.name in known and known[d.name][1] and (f := d.fields.get("heart_rate")) is not None
    ]


def _mode_over(view: EngineView) -> list[Evidence]:
    """What somebody wrote down about the home, and when it ended."""
    over = [s for s in view.home.modes if not s.ended and s.ends <= view.now]
    return [
        Evidence(device="", quantity="mode", value=s.mode, at=moment(s.ends))
        for s in sorted(over, key=lambda s: s.ends)[-1:]
    ]


def _carer_missed(view: EngineView, slack: float) -> list[Evidence]:
    """What somebody planned, and the door's last word, which is from before."""
    visit, _ = carers.missed(view.home, view.now, view.zone, round(slack * 1000))
    if visit is None:
        return []
    planned = Evidence(device="", quantity="planned", value=visit.words, at=moment(visit.begins))
    return [planned, *(of_field(d, "door_open", f) for d, f in front_doors(view.home))]


PROOFS: Final[dict[str, Callable[..., Iterable[Evidence]]]] = {
    "alive": _alive,
    "watched": _watched,
    "moved": _moved,
    "stirred": _stirred,
    "gone": _gone,
    "lying": _lying,
    "staying": _staying,
    "unheard": _unheard,
    "mute": _mute,
    "pulseless": _pulseless,
    "poor": _poor,
    "two_hearts": _two_hearts,
    "mode_over": _mode_over,
    "carer_missed": _carer_missed,
    "said": _said,
    "unwell": _unwell,
}
"""Each is given the view and the arguments of the call, after it was found true."""


def prove(view: Any, name: str, args: tuple[Any, ...]) -> tuple[Evidence, ...]:
    """What the answer of one of `PROOFS` rests on just now."""
    return tuple(PROOFS[name](view, *args))
