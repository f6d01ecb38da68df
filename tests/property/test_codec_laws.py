"""Laws of the way in: no payload, however mangled, raises, takes long, or reaches a rule as nonsense."""

from __future__ import annotations

import contextlib
import json
import math
import re
import time
from datetime import UTC, datetime
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from care.errors import Reason, Refused
from care.messages import Refusal, Report, Unclaimed, decode, encode
from care.site import Community, Device, Home, Registry, Site
from care.words import Kind
from devices.codecs import exposes, native, read_json, zigbee2mqtt
from devices.codecs.exposes import PROPERTIES
from devices.quantities import QUANTITIES, Nature
from ingest.normalize import DEFAULT_SUBSCRIPTIONS, Message, Normalizer
from tests.property.oddities import odd_json

NOON = datetime(2026, 5, 23, 4, 0, tzinfo=UTC)
KINDS = list(Kind)
SITE = Site(
    community=Community(id="c", name="c"),
    homes=[
        Home(
            id="h",
            devices=[
                *(Device(id=f"n-{k.value}", kind=k) for k in KINDS),
                *(Device(id=f"z-{k.value}", kind=k, address=f"zigbee2mqtt/{k.value}") for k in KINDS),
            ],
        )
    ],
)
ANY = Normalizer(Registry(SITE), DEFAULT_SUBSCRIPTIONS)

topics = st.one_of(
    st.sampled_from([f"anxin/v1/h/n-{k.value}" for k in KINDS] + [f"zigbee2mqtt/{k.value}" for k in KINDS]),
    st.sampled_from(["zigbee2mqtt/smoke/availability", "zigbee2mqtt/smoke/smoke", "zigbee2mqtt/sos/action", "anxin/v1/h/status",
                     "zigbee2mqtt/bridge/state", "zigbee2mqtt/bridge/devices", "zigbee2mqtt/new", "anxin/v1/x/y"]),
    st.text(max_size=40),
)  # fmt: skip
names = st.one_of(
    st.sampled_from([*QUANTITIES, *PROPERTIES, "action", "last_seen", "time", "seq", "test", "device"]),
    st.text(max_size=8),
)
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12),
    st.sampled_from(["true", "ON", "alarm", "98", "1e999", "emergency", "2026-05-23T04:00:00Z", 1e300, 2**63, -0.0]),
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)
objects = st.dictionaries(names, values, max_size=12)
json_bytes = st.one_of(objects, st.lists(objects, max_size=4), values).map(lambda v: json.dumps(v).encode())


@st.composite
def mangled(draw: st.DrawFn) -> bytes:
    """Real JSON with pieces cut out, doubled, or overwritten."""
    data = bytearray(draw(json_bytes))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, max(0, len(data))))
        match draw(st.integers(0, 3)):
            case 0:
                del data[at : at + draw(st.integers(1, 6))]
            case 1:
                data[at:at] = draw(st.binary(max_size=4))
            case 2:
                data[at:at] = data[max(0, at - 9) : at]
            case _:
                data = data[:at]
    return bytes(data)


odd = odd_json(names)
payloads = st.one_of(st.binary(max_size=300), json_bytes, mangled(), odd, odd)


def check(out: list[Any]) -> None:
    for one in out:
        assert isinstance(one, Report | Refusal | Unclaimed)
        assert not isinstance(one, Refusal) or one.reason != Reason.failed, "that would be a bug of ours"
        assert decode(encode(one), type(one)) == one, "it survives the stream"
        if isinstance(one, Report):
            assert not set(one.values) & set(one.unknown)
            for name, value in one.values.items():
                q = QUANTITIES[name]
                if q.numeric:
                    assert type(value) in (int, float)
                    assert math.isfinite(value)
                    assert q.low is not None
                    assert q.high is not None
                    assert q.low <= value <= q.high
                elif q.nature is Nature.text:
                    assert isinstance(value, str)
                    assert "\x00" not in value
                else:
                    assert isinstance(value, bool) or (q.texts and isinstance(value, str))


@given(topics, payloads)
def test_no_message_raises_and_no_nonsense_gets_through(topic: str, payload: bytes) -> None:
    """Arbitrary bytes and mangled JSON on any topic give well-formed outcomes."""
    check(ANY.normalize(Message(topic, payload, NOON)))


@given(topics, payloads)
def test_the_same_message_means_the_same(topic: str, payload: bytes) -> None:
    """Stateless: hearing it again, on a fresh normalizer too, gives the very same outcomes."""
    message = Message(topic, payload, NOON)
    once, again = ANY.normalize(message), Normalizer(Registry(SITE)).normalize(message)
    if not topic.startswith("zigbee2mqtt/bridge"):
        assert encode(once) == encode(again)


@given(st.sampled_from(KINDS), payloads)
def test_a_message_of_an_alarm_device_never_vanishes(kind: Kind, payload: bytes) -> None:
    """It gives a report, or a refusal; and an unreadable one is marked to tell people."""
    for topic in (f"anxin/v1/h/n-{kind.value}", f"zigbee2mqtt/{kind.value}"):
        out = ANY.normalize(Message(topic, payload, NOON))
        assert out
        try:
            read_json(payload)
        except Refused:
            assert all(isinstance(o, Refusal) for o in out)
            if kind in (Kind.sos, Kind.smoke, Kind.gas, Kind.co, Kind.fall, Kind.water_leak):
                assert any(o.alarm for o in out if isinstance(o, Refusal))


@given(payloads, st.sampled_from(KINDS))
def test_below_the_normalizer_nothing_but_a_refusal_is_raised(payload: bytes, kind: Kind) -> None:
    """The readers themselves, without the net that would catch a bug of theirs."""
    for read in (
        lambda: read_json(payload),
        lambda: native.decode(payload, zone=UTC, received_at=NOON),
        lambda: zigbee2mqtt.decode(payload, zone=UTC, kind=kind),
        lambda: zigbee2mqtt.decode_attribute("smoke", payload, zone=UTC, kind=kind),
        lambda: zigbee2mqtt.availability(payload),
    ):
        with contextlib.suppress(Refused):
            read()
    exposes.read_devices(payload)
    exposes.read_groups(payload)


def test_a_mark_of_byte_order_is_no_reason_to_be_deaf() -> None:
    """Some gateways begin their UTF-8 with one: the alarm behind it is an alarm."""
    for topic in ("anxin/v1/h/n-smoke", "zigbee2mqtt/smoke"):
        [out] = ANY.normalize(Message(topic, b'\xef\xbb\xbf{"smoke": true}', NOON))
        assert isinstance(out, Report)
        assert out.values == {"smoke": True}


@given(json_bytes)
def test_the_quick_reader_reads_what_the_careful_one_reads(payload: bytes) -> None:
    """Where there is nothing to be careful about, both give the same values."""
    try:
        wanted = msgspec.json.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError):
        return
    if re.search(rb"\d{19}", payload):
        return  # beyond 64 bits a number is a mark of its own
    assert read_json(payload) == wanted


@given(
    st.sampled_from(["{", "[", '{"a":', '"', "\\", '{"heart_rate":', "9", "\x00", "[{", '{"a":[', "1e9"]),
    st.integers(1, 16_000),
)
def test_a_long_payload_is_decided_in_time(piece: str, times: int) -> None:
    """Anything repeated up to 16 KB is decided within 5 ms (ten here: the machine may be busy)."""
    payload = (piece * times).encode()[:16_384]
    best = 1.0
    for _ in range(3):
        started = time.perf_counter()
        ANY.normalize(Message("zigbee2mqtt/smoke", payload, NOON))
        best = min(best, time.perf_counter() - started)
    assert best < 0.010


@given(
    st.dictionaries(
        st.sampled_from([q.name for q in QUANTITIES.values() if q.numeric]), st.floats(0, 100), min_size=1
    )
)
def test_numbers_come_out_as_they_went_in(readings: dict[str, float]) -> None:
    """decode(encode(x)) = x, to the last bit."""
    [out] = ANY.normalize(Message("anxin/v1/h/n-bed_belt", json.dumps(readings).encode(), NOON))
    assert isinstance(out, Report)
    assert out.values == readings
