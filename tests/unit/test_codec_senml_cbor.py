"""SenML in CBOR (RFC 8428, section 6): it says what the same pack says in JSON, and hostile bytes are refused with a reason."""

from __future__ import annotations

import contextlib
import json
import tracemalloc
from datetime import timedelta
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from care.errors import Refused
from care.messages import Refusal, Report, Unclaimed
from care.site import Community, Device, Home, Registry, Site
from care.words import Kind
from devices.codecs.cbor import is_cbor, read_cbor
from devices.codecs.senml import _LABELS
from ingest.normalize import Message, Normalizer, Subscription
from tests.unit.test_codec_senml import NOON

NUMBERS = {label: number for number, label in _LABELS.items()}
BELT = Device(id="belt-1", kind=Kind.bed_belt)
SMOKE = Device(id="smoke-1", kind=Kind.smoke, address="senml/h1/smoke")


def in_cbor(pack: list[dict[str, Any]], *, streaming: bool = False) -> bytes:
    """With the RFC's numbers for labels; `streaming` as an array without a length."""
    records = [cbor2.dumps({NUMBERS.get(k, k): v for k, v in record.items()}) for record in pack]
    if streaming:
        return b"\x9f" + b"".join(records) + b"\xff"
    return cbor2.dumps([{NUMBERS.get(k, k): v for k, v in record.items()} for record in pack])


def heard(payload: bytes, *devices: Device, topic: str = "senml/h1/gw") -> list[Any]:
    registry = Registry(
        Site(community=Community(id="c", name="c"), homes=[Home(id="h1", devices=list(devices))])
    )
    n = Normalizer(registry, [Subscription("senml/#", "senml")])
    return list(n.normalize(Message(topic, payload, NOON)))


RFC = bytes.fromhex(
    "87a721781b75726e3a6465763a6f773a3130653230373361303130383030363a22fb41d303a15b00106223614120050067766f6c746167650161"
    "5602fb405e066666666666a3006763757272656e74062402fb3ff3333333333333a3006763757272656e74062302fb3ff4cccccccccccda300"
    "6763757272656e74062202fb3ff6666666666666a3006763757272656e74062102f93e00a3006763757272656e74062002fb3ff999999999999a"
    "a3006763757272656e74060002fb3ffb333333333333"
)
"""The example of RFC 8428, section 6: that of 5.1.3 in CBOR."""


def test_the_example_of_the_rfc_says_what_its_json_says() -> None:
    """Voltage and current of six moments; the voltage is the one of the two that we have a name for."""
    base = {"bn": "urn:dev:ow:10e2073a0108006:", "bt": 1.276020076001e9, "bu": "A", "bver": 5}
    pack = [{**base, "n": "voltage", "u": "V", "v": 120.1}]
    pack += [
        {"n": "current", "t": t, "v": v}
        for t, v in zip(range(-5, 1), (1.2, 1.3, 1.4, 1.5, 1.6, 1.7), strict=True)
    ]
    device = Device(id="plug", kind=Kind.climate, address="senml/h1/gw/urn:dev:ow:10e2073a0108006")
    first, second = heard(RFC, device), heard(json.dumps(pack).encode(), device)
    assert next(r.values for r in first if isinstance(r, Report)) == {"voltage": 120_100}
    assert [(r.values, r.at, r.device_at) for r in first] == [(r.values, r.at, r.device_at) for r in second]


@pytest.mark.parametrize("streaming", [False, True])
def test_a_pack_means_the_same_in_both(streaming: bool) -> None:
    """Base values, relative times, states, nothing measured; also as a stream without a length."""
    pack: list[dict[str, Any]] = [
        {"bn": "belt-1/", "bt": 1779508790, "bu": "beat/min", "n": "heart_rate", "v": 71},
        {"n": "respiration_rate", "u": "1/min", "v": 15.5},
        {"n": "in_bed", "vb": True},
        {"n": "heart_rate", "v": 72, "t": 5},
        {"n": "signal_quality", "v": 250},
        {"n": "bed_state", "vs": "awake"},
    ]
    here = [
        (type(o), getattr(o, "values", o), getattr(o, "at", None))
        for o in heard(in_cbor(pack, streaming=streaming), BELT)
        if isinstance(o, Report)
    ]
    there = [
        (type(o), getattr(o, "values", o), getattr(o, "at", None))
        for o in heard(json.dumps(pack).encode(), BELT)
        if isinstance(o, Report)
    ]
    assert here == there
    assert here[0][2] == NOON - timedelta(seconds=10)


def test_an_alarm_in_cbor_is_an_alarm() -> None:
    """A lone record, self-described, labels as texts, a decimal fraction beside it."""
    alarm = {"n": "smoke-1/smoke", "vb": True}
    for payload in (
        in_cbor([alarm]),
        cbor2.dumps({0: "smoke-1/smoke", 4: True}),
        b"\xd9\xd9\xf7" + in_cbor([alarm]),
        cbor2.dumps([alarm]),
    ):
        [report] = heard(payload, Device(id="smoke-1", kind=Kind.smoke))
        assert report.values == {"smoke": True}
        assert report.urgent
    [report] = heard(cbor2.dumps([{0: "belt-1/heart_rate", 2: cbor2.CBORTag(4, [-1, 715])}]), BELT)
    assert report.values == {"heart_rate": 71.5}


def test_what_is_no_value_refuses_only_itself() -> None:
    """NaN, infinity, undefined, a big number, a date, an expression: the pulse beside them counts."""
    odd = [
        float("nan"),
        float("inf"),
        cbor2.undefined,
        2**80,
        cbor2.CBORTag(0, "2026-01-01T00:00:00Z"),
        cbor2.CBORTag(4, [10**9, 1]),
    ]
    for value in odd:
        pack = [{0: "belt-1/respiration_rate", 2: value}, {0: "belt-1/heart_rate", 2: 71}]
        out = heard(cbor2.dumps(pack), BELT)
        assert [r.values for r in out if isinstance(r, Report)] == [{"heart_rate": 71}], value
        assert [r.quantity for r in out if isinstance(r, Refusal)] == ["respiration_rate"], value


HOSTILE = {
    "deep": b"\x81" * 5_000 + b"\x00",
    "deep tags": b"\x81" + b"\xd9\xd9\xf6" * 4_000 + b"\x00",
    "an array of 2^64": b"\x9b" + b"\xff" * 8,
    "a text of 2^63": b"\x81\x7b\x7f" + b"\xff" * 7 + b"a",
    "a map of 2^32": b"\xba\xff\xff\xff\xff\x00",
    "an array that never ends": b"\x9f\xa1\x00\x61a",
    "a text in pieces that never ends": b"\x81\x7f\x61a",
    "a key twice": b"\x81\xa2\x02\x01\x02\x02",
    "more behind it": b"\x80\x80",
    "half a surrogate": b"\x81\xa1\x00\x63\xed\xa0\x80",
    "not UTF-8": b"\x81\xa1\x00\x62\xff\xfe",
    "an array that holds itself": b"\xd8\x1c\x81\xd8\x1d\x00",
    "an expression that never ends": b"\x81\xd8\x23\x78\x1e" + b"(a+)+$" * 5,
    "a set of lists": b"\x81\xd9\x01\x02\x81\x80",
    "a number of 16,000 bytes": b"\x81\xc2\x59\x3e\x80" + b"\xff" * 16_000,
    "a map in place of a record's name": b"\x81\xa2\x00\xa0\x04\xf5",
    "a lone break": b"\x81\xff",
    "nothing in it": b"\xd9\xd9\xf7",
    "an empty pack": b"\x80",
    "a number": b"\x81\x00",
}  # fmt: skip


@pytest.mark.parametrize("payload", HOSTILE.values(), ids=HOSTILE)
def test_hostile_bytes_go_into_quarantine(payload: bytes) -> None:
    """With a reason, little memory, and for an alarm device people are told: it may have been the alarm."""
    tracemalloc.start()
    out = heard(payload, SMOKE, topic="senml/h1/smoke")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert out
    assert all(isinstance(o, Refusal) for o in out)
    assert any(o.alarm for o in out) or payload == b"\x80"
    assert all(o.reason != "failed" for o in out)
    assert peak < 4_000_000


@given(st.binary(max_size=200))
def test_whatever_comes_it_is_read_or_refused(tail: bytes) -> None:
    """Nothing else is raised, and a JSON text is never taken for CBOR."""
    for head in (b"\x81", b"\x9f\xa3", b"\xd9\xd9\xf7", b"\x81\xa2\x00"):
        with contextlib.suppress(Refused):
            read_cbor(head + tail)
        assert all(isinstance(o, Report | Refusal | Unclaimed) for o in heard(head + tail, BELT))
    assert not any(is_cbor(text) for text in (b"[]", b" {}", b"\xef\xbb\xbf[]", b"\n[", b"", "好".encode()))
