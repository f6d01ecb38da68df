"""SenML packs (RFC 8428): base values, relative times, several devices in one pack."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from care.messages import Refusal, Report, Unclaimed
from care.site import Community, Device, Home, Registry, Site
from care.words import Kind
from ingest.normalize import Message, Normalizer, Subscription

NOON = datetime(2026, 5, 23, 4, 0, tzinfo=UTC)


def heard(pack: Any, *devices: Device, topic: str = "senml/h1/gw") -> list[Any]:
    registry = Registry(
        Site(community=Community(id="c", name="c"), homes=[Home(id="h1", devices=list(devices))])
    )
    n = Normalizer(registry, [Subscription("senml/#", "senml")])
    return list(n.normalize(Message(topic, json.dumps(pack).encode(), NOON)))


BELT = Device(id="belt-1", kind=Kind.bed_belt)
CLIMATE = Device(id="clim", kind=Kind.climate, address="senml/h1/gw/urn:dev:ow:10e2073a01080063")


def test_base_values_hold_until_they_change() -> None:
    """bn, bt, bu of one record serve the ones behind it; times add up; one report for each instant."""
    pack = [
        {"bn": "belt-1/", "bt": 1779508790, "bu": "beat/min", "n": "heart_rate", "v": 71},
        {"n": "respiration_rate", "u": "1/min", "v": 15},
        {"n": "in_bed", "vb": True},
        {"n": "heart_rate", "v": 72, "t": 5},
    ]
    first, second = heard(pack, BELT)
    assert (first.device, first.values) == (
        "belt-1",
        {"heart_rate": 71, "respiration_rate": 15, "in_bed": True},
    )
    assert first.at == NOON - timedelta(seconds=10)
    assert (second.values, second.at) == ({"heart_rate": 72}, NOON - timedelta(seconds=5))


def test_small_times_are_relative_to_the_receipt() -> None:
    """Below 2**28 seconds they count from now, also with a sign (the RFC's own example of five currents)."""
    pack = [{"bn": "belt-1/", "n": "heart_rate", "v": 70, "t": t} for t in (-2, -1, 0)]
    assert [r.at for r in heard(pack, BELT)] == [NOON - timedelta(seconds=s) for s in (2, 1, 0)]
    [bare] = heard([{"n": "belt-1/heart_rate", "v": 70}], BELT)
    assert bare.repaired == "none_given"


def test_units_become_ours_and_a_name_may_be_only_a_unit() -> None:
    """Kelvin and %RH by unit alone (RFC 8428, 5.1.4: the name is the device); volts become millivolts."""
    pack = [{"bn": "urn:dev:ow:10e2073a01080063", "u": "Cel", "v": 23.1}, {"u": "%RH", "v": 55},
            {"n": "_battery_voltage", "u": "V", "v": 2.9}]  # fmt: skip
    [r] = heard(pack, CLIMATE)
    assert r.values == {"temperature": 23.1, "humidity": 55, "voltage": 2900}
    [r] = heard([{"n": "urn:dev:ow:10e2073a01080063", "u": "K", "v": 300.15}], CLIMATE)
    assert r.values == {"temperature": 27}
    report, refusal = heard([{"n": "belt-1/heart_rate", "u": "m/s", "v": 3}], BELT)
    assert (report.values, refusal.quantity) == ({}, "heart_rate")


def test_records_of_several_devices_go_to_each() -> None:
    """By address, or by id inside the home of the topic; the third is listed with what it seems to be."""
    pack = [
        {"bn": "", "n": "belt-1/in_bed", "vb": False},
        {"n": "urn:dev:ow:10e2073a01080063:temperature", "u": "Cel", "v": 20},
        {"n": "urn:dev:mac:0024befffe804ff1_smoke", "vb": True},
    ]
    belt, climate, new = heard(pack, BELT, CLIMATE)
    assert (belt.device, climate.device) == ("belt-1", "clim")
    assert isinstance(new, Unclaimed)
    assert (new.topic, new.suggested_kind, new.suggested_home) == (
        "senml/h1/gw/urn:dev:mac:0024befffe804ff1",
        "smoke",
        "h1",
    )


def test_a_number_named_like_an_alarm_is_a_level() -> None:
    """`co` with v is ppm, with vb the alarm; a sum of values (bv) is added."""
    co = Device(id="co-1", kind=Kind.co)
    assert heard([{"n": "co-1/co", "v": 1}], co)[0].values == {"co_level": 1}
    assert heard([{"n": "co-1/co", "vb": True}], co)[0].values == {"co": True}
    assert heard([{"bn": "co-1/", "bv": 20, "n": "co", "v": 0.5}], co)[0].values == {"co_level": 20.5}


@pytest.mark.parametrize(
    "pack",
    [
        [{"n": "smoke-1/smoke", "vb": True, "must_": 1}],
        [{"bver": 11, "n": "smoke-1/smoke", "vb": True}],
        [{"n": 7, "vb": True}],
        [],
        "text",
        [3],
    ],
)
def test_what_may_not_be_ignored_is_refused(pack: Any) -> None:
    """A label that ends in `_`, a later version, a name that is none; for an alarm device people are told."""
    out = heard(pack, Device(id="smoke-1", kind=Kind.smoke, address="senml/h1/gw"))
    assert out
    assert all(isinstance(o, Refusal) for o in out)
    assert any(o.alarm for o in out) or pack == []


def test_an_sos_that_says_no_calls_nobody() -> None:
    """vb false at an SOS button is its heartbeat."""
    sos = Device(id="sos-1", kind=Kind.sos)
    assert heard([{"n": "sos-1/sos", "vb": True}], sos)[0].values == {"sos": True}
    out = heard([{"n": "sos-1/sos", "vb": False}, {"n": "sos-1/battery", "u": "%EL", "v": 80}], sos)
    assert isinstance(out[0], Report)
    assert out[0].values == {"battery": 80}
