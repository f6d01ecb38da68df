"""What is known of single models: where the name of a property misleads, and how seldom some of them speak.

Start at `known`. A model that Zigbee2MQTT tells of (`bridge/devices`) needs no entry: what it exposes settles everything.
The entries with `exposes` are for the time before that list was heard, and for bridges that keep it to themselves: of the
4,516 models of zigbee-herdsman-converters 26.112 these are the ones that read differently by name alone. A model is
given by `model` of the device in the site file, or by the message itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from care.site import Device
from devices.codecs.exposes import Definition, Expose
from devices.kinds import KINDS


@dataclass(frozen=True, slots=True)
class Model:
    """One model, by the name its maker or Zigbee2MQTT gives it."""

    model: str
    exposes: tuple[Expose, ...] = ()
    acts: bool = False
    every: timedelta | None = None
    """How often it speaks when all is well, where that is less often than its kind."""
    source: str = ""


def _unit(name: str, unit: str) -> Expose:
    return Expose(name, name, "numeric", unit)


def _models(*models: str, **facts: object) -> Iterable[Model]:
    return (Model(model, **facts) for model in models)  # type: ignore[arg-type]


_ZHC = "zigbee-herdsman-converters 26.112"
_DAY = timedelta(hours=24)

_TABLE = (
    # `contact` the other way round: true is open.
    Model("TERNCY-DC01", (Expose("contact", "contact", "binary", "", True, False),), source=_ZHC),
    # Gas: a number in %LEL, a number in parts per million, a meter.
    Model("E04CF-Z10T", (_unit("gas", "%LEL"), _unit("co", "ppm")), source=_ZHC),
    Model("ZG-225Z", (_unit("gas_value", "ppm"),), source=_ZHC),
    Model("ZHEMI101", (_unit("gas", "m³"), _unit("water_consumed", "m³")), source=_ZHC),
    Model("MiCASAGasCounter", (_unit("gas", "m³"),), source=_ZHC),
    # Water: litres, cubic metres, gallons.
    *_models(
        "QT06_1",
        "QT06_2",
        "ZVG1",
        "TS0601_water_valve",
        exposes=(_unit("water_consumed", "L"),),
        source=_ZHC,
    ),
    *_models(
        "TS0601_water_meter", "TS0601_heat_meter", exposes=(_unit("water_consumed", "m³"),), source=_ZHC
    ),
    Model("FK-BV05", (_unit("water_consumed_total", "L"),), source=_ZHC),
    Model("NAS-WV03B", (_unit("water_total", "gal"),), source=_ZHC),
    Model(
        "Watermeter_TLSR8258",
        tuple(Expose(f"volume_{n}", "volume", "numeric", "L") for n in (1, 2)),
        source=_ZHC,
    ),
    # `alarm` is all they say of what they are there for (sirens say it of themselves): a heat alarm, one that listens for
    # the siren of a smoke alarm, a door.
    Model("HM-5HA-E", (Expose("alarm", "heat", "binary", "", True, False),), source=_ZHC),
    Model("FFZB1-SM-ECO", (Expose("alarm", "smoke", "binary", "", True, False),), source=_ZHC),
    Model("ZD1-EN", (Expose("alarm", "contact_alarm", "binary", "", True, False),), source=_ZHC),
    # A keypad whose state stays "SOS" until it is disarmed: its presses come as actions.
    Model("WKE502Z", acts=True, source=_ZHC),
    # Nothing but a press and a battery, and that up to a day late (domain.md 2.2, D7, D9).
    *_models("TS0215A_sos", "TS0601_sos", "SEB01ZB", "PB206", every=_DAY, source="domain.md D9"),
)

MODELS: dict[str, Model] = {m.model.lower(): m for m in _TABLE}


def known(model: str) -> Model | None:
    """What is known of a model, by its name as the site file or a message gives it; capitals do not matter."""
    return MODELS.get(model.strip().lower()) if model else None


def definition(model: str) -> Definition | None:
    """What a model exposes, where its names alone would mislead."""
    found = known(model)
    if found is None or not (found.exposes or found.acts):
        return None
    made = Definition.of(found.model, found.exposes)
    return Definition(made.model, made.exposes, acts=found.acts)


def expected(device: Device) -> timedelta | None:
    """How often a device speaks when all is well: as the site file says, else as its model does; None for its kind's pace.

    The one reader of `expect_seconds`: what a model is known for counts wherever the site file says nothing.
    """
    if device.expect_seconds is not None:
        return timedelta(seconds=device.expect_seconds)
    found = known(device.model)
    return found.every if found is not None else None


def silence(device: Device) -> tuple[timedelta, timedelta]:
    """How long a device may be silent before that is blue, and yellow (rule TE3)."""
    return KINDS[device.kind].silence(expected(device))


__all__ = ["MODELS", "Model", "definition", "expected", "known", "silence"]
