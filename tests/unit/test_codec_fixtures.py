"""Every payload that Zigbee2MQTT published for 67 real models comes out by its meaning."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from care.words import Kind
from devices.codecs import Said
from devices.codecs.exposes import Definition, read_exposes
from devices.codecs.zigbee2mqtt import decode

FOLDER = Path(__file__).parent.parent / "fixtures" / "zigbee2mqtt"
ZONE = ZoneInfo("Asia/Shanghai")
KIND = {"fall_radar": Kind.fall}


def lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (FOLDER / name).read_text("utf-8").splitlines()]


PAYLOADS = lines("payloads_dev.jsonl")


@cache
def definitions() -> dict[tuple[str, str], Definition]:
    return {
        (m["vendor"], m["model"]): Definition.of(m["model"], read_exposes(m["exposes"]))
        for m in lines("models_dev.jsonl")
    }


def said_by(p: dict[str, Any], *, with_exposes: bool, **more: Any) -> Said:
    definition = definitions()[p["vendor"], p["model"]] if with_exposes else None
    kind = KIND.get(p["kind"]) or Kind(p["kind"])
    return decode(p["payload"].encode(), zone=ZONE, kind=kind, definition=definition, **more)


ALARMS = {
    "smoke_alarm": "smoke",
    "gas_alarm": "gas",
    "co_alarm": "co",
    "water_leak": "water_leak",
    "door_open": "door_open",
    "tamper": "tamper",
    "vibration": "vibration",
    "self_test": "self_test",
}
HAZARDS = {"smoke", "gas", "co", "water_leak", "heat", "sos", "fall"}


def check(p: dict[str, Any], said: Said) -> None:
    meaning, raw = p["meaning"], json.loads(p["payload"])
    values = said.values
    assert said.faults == []
    assert said.device_at is not None, "last_seen is the device's time"
    assert values["link_quality"] == raw["linkquality"]
    alarms = {q for q in HAZARDS if values.get(q)}
    if meaning in ALARMS:
        assert values[ALARMS[meaning]] is True
    if meaning in ("smoke_alarm", "gas_alarm", "co_alarm", "water_leak"):
        assert alarms == {ALARMS[meaning]}
    elif meaning == "sos":
        assert values["sos"] is True
    elif meaning == "fall":
        assert values["fall"] is True
    elif meaning == "fall_suspected":
        assert values["fall"] == "suspected"
    else:
        assert not alarms, f"{meaning} is no alarm"
    if meaning.startswith("cleared:"):
        quantity = {"motion": None, "other": None, "battery_low": "battery_low"}.get(
            meaning[8:], ALARMS.get(meaning[8:])
        )
        if quantity:
            assert values[quantity] is False
        if meaning == "cleared:motion":
            assert values.get("motion", values.get("presence")) is False
    elif meaning == "motion":
        assert values.get("motion") is True or values.get("presence") is True
    elif meaning == "motion:static":
        assert values.get("motion") is False
    elif meaning == "battery_low":
        assert values[p["property"]] == p["value"]
    elif meaning == "temperature_high":
        assert values["temperature"] == p["value"]
    elif meaning.startswith("battery_level_text"):
        assert values["battery_low"] is False
    elif meaning == "sos_press" or meaning.startswith("button:"):
        assert values["action"] == raw["action"]
    for name, quantity in (("battery", "battery"), ("temperature", "temperature"), ("humidity", "humidity")):
        if raw.get(name) is not None:
            assert values[quantity] == raw[name]
        elif name in raw:
            assert quantity in said.unknown
    if raw.get("voltage", 0) and raw["voltage"] >= 400:  # the stimuli hold a battery of 1 mV
        assert values["voltage"] == raw["voltage"], "mV stays mV"


@pytest.mark.parametrize("with_exposes", [True, False])
def test_every_recorded_payload_comes_out_by_its_meaning(with_exposes: bool) -> None:
    """510 payloads: alarms are alarms of the right quantity, everything else is none, with and without exposes."""
    assert len(PAYLOADS) == 510
    wrong = []
    for n, p in enumerate(PAYLOADS):
        try:
            check(p, said_by(p, with_exposes=with_exposes))
        except (AssertionError, KeyError) as error:
            wrong.append(f"{n} {p['model']} {p['meaning']}: {error!r} {p['payload'][:300]}")
    assert not wrong, "\n".join(wrong)


def test_a_null_is_neither_false_nor_zero() -> None:
    """What a first report leaves open is unknown, and is not among the values."""
    heard = 0
    for p in PAYLOADS:
        if p["meaning"] != "first_report":
            continue
        said = said_by(p, with_exposes=True)
        nulls = {k for k, v in json.loads(p["payload"]).items() if v is None}
        for name, quantity in (("smoke", "smoke"), ("water_leak", "water_leak"), ("contact", "door_open"),
                               ("carbon_monoxide", "co"), ("occupancy", "motion"), ("tamper", "tamper"),
                               ("battery_low", "battery_low"), ("temperature", "temperature")):  # fmt: skip
            if name in nulls and not (p["kind"] == "fall_radar" and name == "occupancy"):
                assert quantity in said.unknown, (p["model"], name)
                assert quantity not in said.values
                heard += 1
    assert heard == 78


def test_a_plain_button_calls_only_by_configuration() -> None:
    """single, double and hold call when the device says so; off, arm_* and disarm never do."""
    for p in PAYLOADS:
        if p["meaning"] != "sos_press" and not p["meaning"].startswith("button:"):
            continue
        action = json.loads(p["payload"])["action"]
        assert "sos" not in said_by(p, with_exposes=True).values
        configured = said_by(
            p, with_exposes=True, calls_on=["single", "double", "hold", "off", "disarm", action]
        )
        assert configured.values.get("sos", False) is (
            not action.startswith(("arm_", "disarm")) and action != "off"
        )
