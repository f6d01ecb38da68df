"""Our own dialect: what devices may write, and what is refused of it."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from care.errors import Reason, Refused
from devices.codecs import Said, read_json, read_time
from devices.codecs.native import decode

ZONE = ZoneInfo("Asia/Shanghai")


def one(payload: str | bytes) -> Said:
    [said] = decode(payload.encode() if isinstance(payload, str) else payload, zone=ZONE)
    assert isinstance(said, Said)
    return said


def reason_of(payload: bytes) -> Reason:
    with pytest.raises(Refused) as refused:
        decode(payload, zone=ZONE)
    return refused.value.reason


def test_the_example_of_the_contract() -> None:
    """Contract section 4, word for word."""
    said = one(
        '{"time": "2026-11-22T04:06:24.120Z", "seq": 10422, "heart_rate": 72, "respiration_rate": 16, '
        '"in_bed": true, "movement": 4, "signal_quality": 88}'
    )
    assert said.values == {
        "heart_rate": 72, "respiration_rate": 16, "in_bed": True, "movement": 4, "signal_quality": 88,
    }  # fmt: skip
    assert (said.seq, said.device_at) == (10422, datetime(2026, 11, 22, 4, 6, 24, 120_000, tzinfo=UTC))
    assert (said.faults, said.unknown, said.test) == ([], [], False)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ('"2026-11-22T04:06:24Z"', datetime(2026, 11, 22, 4, 6, 24, tzinfo=UTC)),
        ('"2026-11-22T12:06:24+08:00"', datetime(2026, 11, 22, 4, 6, 24, tzinfo=UTC)),
        ('"2026-11-22T12:06:24"', datetime(2026, 11, 22, 4, 6, 24, tzinfo=UTC)),
        ('"2026-11-22 12:06:24.5"', datetime(2026, 11, 22, 4, 6, 24, 500_000, tzinfo=UTC)),
        ("1795320384120", datetime(2026, 11, 22, 4, 6, 24, 120_000, tzinfo=UTC)),
        ("1795320384", datetime(2026, 11, 22, 4, 6, 24, tzinfo=UTC)),
        ('"1795320384120"', datetime(2026, 11, 22, 4, 6, 24, 120_000, tzinfo=UTC)),
        ('"2016-12-31T23:59:60Z"', datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("null", None),
        ('""', None),
    ],
)
def test_times_in_the_forms_devices_use(written: str, meant: datetime | None) -> None:
    """RFC 3339, without zone in the community's, epoch seconds and milliseconds; no time is none."""
    said = one(f'{{"time": {written}, "in_bed": true}}')
    assert (said.device_at, said.faults) == (meant, [])


@pytest.mark.parametrize("written", ['"soon"', "true", "[]", "1e300", '"2026-13-01T00:00:00Z"', "-1e20"])
def test_a_time_that_is_none_refuses_only_itself(written: str) -> None:
    """The reading counts at the time of its receipt."""
    said = one(f'{{"time": {written}, "smoke": true}}')
    assert (said.device_at, said.values) == (None, {"smoke": True})
    assert [f.quantity for f in said.faults] == ["time"]


def test_relative_times_of_displays() -> None:
    """ "5 minutes ago" counts back from the receipt."""
    now = datetime(2026, 5, 23, 4, 0, tzinfo=UTC)
    for text in ("5 minutes ago", "5 min ago", "300 s ago", "5分钟前"):
        assert read_time(text, zone=ZONE, received_at=now) == datetime(2026, 5, 23, 3, 55, tzinfo=UTC)
    assert read_time("刚刚", zone=ZONE, received_at=now) == now


def test_an_array_is_several_readings_and_a_bad_one_does_not_hurt_the_others() -> None:
    """Each object stands for itself."""
    first, bad, third = decode(
        b'[{"seq":1,"heart_rate":70},7,{"seq":2,"heart_rate":"x","in_bed":false}]', zone=ZONE
    )
    assert isinstance(first, Said)
    assert isinstance(bad, Refused)
    assert isinstance(third, Said)
    assert first.values == {"heart_rate": 70}
    assert third.values == {"in_bed": False}
    assert [f.quantity for f in third.faults] == ["heart_rate"]


def test_one_bad_quantity_refuses_only_itself() -> None:
    """NaN, an infinity, a word, true for a number, a value no heart has: smoke is still heard."""
    for bad in (
        "NaN",
        "Infinity",
        "-Infinity",
        "1e999",
        "9" * 300,
        "true",
        '"fast"',
        "-1",
        "301",
        "[]",
        '{"a":1}',
    ):
        said = one(f'{{"heart_rate": {bad}, "smoke": true, "seq": 3}}')
        assert (said.values, said.seq) == ({"smoke": True}, 3), bad
        assert [f.quantity for f in said.faults] == ["heart_rate"], bad


def test_null_is_unknown_and_unknown_fields_are_no_error() -> None:
    """null is neither false nor zero; what we do not know is left to the raw message."""
    said = one('{"heart_rate": null, "posture": "flying", "schema": 9, "in_bed": false}')
    assert (said.values, said.unknown, said.faults) == ({"in_bed": False}, ["heart_rate"], [])


def test_any_value_of_sos_is_a_press() -> None:
    """Contract section 4; only null says nothing."""
    for value in ("1", "true", '"long"', "0", '""', "NaN", "{}"):
        assert one(f'{{"sos": {value}}}').values == {"sos": True}, value
    assert one('{"sos": null}').values == {}


def test_a_declared_test_is_declared_clearly() -> None:
    """A doubtful word does not turn an alarm into an exercise."""
    assert one('{"smoke": true, "test": true}').test
    for word in ("false", '"maybe"', "null", "2", '"no"', "[]"):
        assert not one(f'{{"smoke": true, "test": {word}}}').test


def test_a_key_given_twice_with_two_values_is_refused() -> None:
    """Neither the first nor the last can be believed; the same value twice is fine, and an SOS is an SOS."""
    said = one('{"smoke": true, "battery": 90, "smoke": false}')
    assert (said.values, [f.quantity for f in said.faults]) == ({"battery": 90}, ["smoke"])
    assert one('{"smoke": true, "smoke": true}').values == {"smoke": True}
    assert one('{"sos": 1, "sos": 2}').values == {"sos": True}
    assert one('{"seq": 1, "seq": 2, "in_bed": true}').seq is None


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", Reason.empty),
        (b"  \n", Reason.empty),
        (b"[]", Reason.empty),
        (b"x", Reason.not_json),
        (b"7", Reason.not_json),
        (b"null", Reason.not_json),
        (b'"smoke"', Reason.not_json),
        (b"[1,2]", Reason.not_json),
        (b'{"smoke": true', Reason.not_json),
        (b'{"smoke": true} x', Reason.not_json),
        (b'\x00{"smoke": true}', Reason.not_json),
        (b"\xff\xfe", Reason.not_text),
        (b'{"a": "\xff"}', Reason.not_text),
        (b"[" * 10_000 + b"]" * 10_000, Reason.too_deep),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, Reason.too_deep),
        (b"[" + b",".join([b"{}"] * 5000) + b"]", Reason.too_large),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_reason(payload: bytes, reason: Reason) -> None:
    """B01 and B02 of the bad-input catalogue."""
    assert reason_of(payload) is reason


@pytest.mark.parametrize(
    "payload",
    [
        b"[" * 8000 + b"]" * 8000,
        b'{"a":' * 2700,
        b'{"heart_rate":' + b"9" * 16_000 + b"}",
        b"{" + b",".join(b'"%d":1' % n for n in range(1800)) + b"}",
        b"{" + b",".join([b'"smoke":1', b'"smoke":0'] * 700) + b"}",
        b'{"a":"' + b"\\\\" * 8000 + b'"}',
        b'"' * 16_000,
        b"[" + b",".join([b'{"sos":"x"}'] * 1300) + b"]",
        b'{"a":"' + b"[" * 16_000 + b'"}',
    ],
)
def test_a_hostile_payload_costs_little(payload: bytes) -> None:
    """16 KB of malice is decided within five milliseconds."""
    best = 1.0
    for _ in range(5):
        started = time.perf_counter()
        try:
            decode(payload, zone=ZONE)
        except Refused:
            pass
        best = min(best, time.perf_counter() - started)
    assert best < 0.005


@pytest.mark.parametrize(
    ("payload", "value"),
    [
        (b'{"a": "x:y", "b:c": {"d": [":"]}}', {"a": "x:y", "b:c": {"d": [":"]}}),
        (b'{"a": "\\u003a"}', {"a": ":"}),
        (b'{"a" :1,"a" :1}', {"a": 1}),
    ],
)
def test_the_quick_reader_and_the_careful_one_agree(payload: bytes, value: Any) -> None:
    """Colons in texts and keys do not look like keys given twice."""
    assert read_json(payload) == value


@pytest.mark.parametrize(
    ("vitals", "values", "unknown"),
    [
        ({"heart_rate": 255, "respiration_rate": 255}, {"signal_quality": 0}, {"heart_rate", "respiration_rate"}),
        ({"heart_rate": 255}, {"signal_quality": 0}, {"heart_rate"}),
        ({"heart_rate": "255", "respiration_rate": None, "signal_quality": 80}, {"signal_quality": 0}, {"heart_rate", "respiration_rate"}),
        ({"heart_rate": 62, "respiration_rate": 255}, {"heart_rate": 62}, {"respiration_rate"}),
        ({"heart_rate": 0, "respiration_rate": 0}, {"heart_rate": 0, "respiration_rate": 0}, set()),
    ],
)  # fmt: skip
def test_255_is_a_belt_that_is_not_connected(vitals, values, unknown):
    """It is no heart rate and no fault of the message: nothing was measured, and with nothing else beside it the signal is lost."""
    (said,) = decode(json.dumps({"in_bed": True, **vitals}).encode(), zone=UTC)
    assert said.values == {"in_bed": True, **values}
    assert set(said.unknown) == unknown
    assert said.faults == []
