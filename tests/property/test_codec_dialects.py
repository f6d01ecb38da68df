"""Laws of every dialect: nothing raises, nothing takes long, nothing is invented, an alarm does not vanish."""

from __future__ import annotations

import contextlib
import json
import math
import time
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from care.errors import Refused
from care.messages import Refusal, Report, Unclaimed, decode, encode
from care.site import Community, Device, Home, Registry, Site
from care.words import Kind
from devices import names as devices_names
from devices.codecs.mapped import Mapped
from devices.codecs.templates import Steps, read_template
from devices.codecs.utterance import NOBODY, Claim, Heard, Utterance
from devices.dialects import GUESSED, NAMES, NATIVE, TOPIC_BY_TOPIC, ZIGBEE2MQTT, dialect
from devices.expressions import MISSING, ExpressionFault, compile_condition, parse_path
from devices.guesses import likely
from devices.mapping import MappingFaults, load, read_mapping, shipped
from devices.quantities import QUANTITIES, Nature
from ingest.normalize import Message, Normalizer, Subscription
from tests.property.oddities import odd_json

NOON = datetime(2026, 5, 23, 4, 0, tzinfo=UTC)
DIALECTS = sorted([*(NAMES - TOPIC_BY_TOPIC), *(f"mapped:{m}" for m in shipped())])
KINDS = [k for k in Kind if k is not Kind.gateway]
SUBSCRIPTIONS = [
    Subscription("homeassistant/#", "homeassistant"),
    *(Subscription(f"{d.replace(':', '-')}/#", d) for d in DIALECTS),
]


def topic_of(name: str, kind: Kind) -> str:
    base = name.replace(":", "-")
    return {
        "tasmota": f"{base}/{kind}/tele/SENSOR",
        "esphome": f"{base}/{kind}/binary_sensor/x/state",
    }.get(name, f"{base}/{kind}")


SITE = Site(
    community=Community(id="c", name="c"),
    homes=[
        Home(
            id="h",
            devices=[
                Device(id=f"{d.replace(':', '-')}-{k}", kind=k, address=topic_of(d, k))
                for d in DIALECTS
                for k in KINDS
            ],
        )
    ],
)


def a_normalizer() -> Normalizer:
    return Normalizer(Registry(SITE), SUBSCRIPTIONS)


ANY = a_normalizer()

FIELDS = [
    "devId", "status", "code", "value", "t", "smoke_sensor_state", "sos", "cmd", "sid", "data", "alarm", "model", "records", "sn", "bpm",
    "rpm", "quality", "heart_rate", "breath_rate", "status_value", "mattress_state", "imei", "smoke_state", "battery_voltage", "rsrp",
    "heartbeat_time", "n", "bn", "bt", "bv", "u", "v", "vb", "vs", "Time", "Switch1", "Button1", "Action", "ZbReceived", "Device", "Wifi",
    "RSSI", "Temperature", "state", "event_type", "x",
]  # fmt: skip
names = st.one_of(st.sampled_from(FIELDS), st.text(max_size=6))
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=10),
    st.sampled_from([0, 1, 4, 17, 255, 65535, "1", "2", "alarm", "99/100", "0/0", "ON", "OFF", "SINGLE", "emergency", '{"status":"open"}',
                     '{"alarm":"1"}', "nan", 1779508800000, "2026-05-23T04:00:00Z", "report", "smoke_sensor_state", "beat/min", 1e300, "h-smoke"]),
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=5),
    max_leaves=12,
)
objects = st.dictionaries(names, values, max_size=10)
odd = odd_json(names)
payloads = st.one_of(
    odd,
    odd,
    st.one_of(objects, st.lists(objects, max_size=4), values).map(lambda v: json.dumps(v).encode()),
    st.binary(max_size=120),
    st.sampled_from(
        [b"ON", b"OFF", b"21.5", b"online", b"Offline", b"", b"\xff", b"{", b"null", b"[]", b"{}"]
    ),
)
topics = st.one_of(
    st.tuples(st.sampled_from(DIALECTS), st.sampled_from(KINDS)).map(lambda p: topic_of(*p)),
    st.sampled_from(["tasmota/smoke/tele/LWT", "tasmota/smoke/stat/POWER", "tasmota/x/tele/STATE", "esphome/smoke/status",
                     "esphome/n/sensor/heart_rate/state", "esphome/n/event/b/state", "senml/h/gw", "mapped-tuya/new", "mapped-aqara/h/gw"]),
    st.text(max_size=20).map(lambda t: f"senml/{t}"),
)  # fmt: skip


def check(out: list[Any]) -> None:
    for one in out:
        assert isinstance(one, Report | Refusal | Unclaimed)
        assert one.reason != "failed" if isinstance(one, Refusal) else True, one
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
                else:
                    assert isinstance(value, bool) or (q.texts and isinstance(value, str))


@given(topics, payloads)
def test_no_payload_on_any_dialect_trips_us(topic: str, payload: bytes) -> None:
    """Well-formed outcomes for anything, and never the refusal that stands for a bug of ours."""
    check(ANY.normalize(Message(topic, payload, NOON)))


@given(topics, payloads)
def test_the_same_message_means_the_same_everywhere(topic: str, payload: bytes) -> None:
    """A fresh normalizer says the very same."""
    message = Message(topic, payload, NOON)
    assert encode(ANY.normalize(message)) == encode(FRESH.normalize(message))


FRESH = a_normalizer()
SPOKEN = {name: dialect(name) for name in GUESSED}


@given(
    st.sampled_from(DIALECTS),
    st.sampled_from([Kind.smoke, Kind.gas, Kind.co, Kind.sos, Kind.fall, Kind.water_leak]),
    payloads,
)
def test_an_unreadable_message_of_an_alarm_device_is_told(name: str, kind: Kind, payload: bytes) -> None:
    """Whatever is refused as a whole at an alarm device is marked to tell people, and names the device."""
    out = ANY.normalize(Message(topic_of(name, kind), payload, NOON))
    whole = [o for o in out if isinstance(o, Refusal) and o.quantity is None]
    if not any(isinstance(o, Report) for o in out):
        for refusal in whole:
            assert refusal.alarm or refusal.reason == "empty", refusal
            assert refusal.device == f"{name.replace(':', '-')}-{kind}"


@given(
    st.sampled_from(["{", "[", '{"a":', '"', "\\", '{"status":[', '[{"n":"', "9", "\x00", '[{"n":"a/smoke","vb":true},', '{"records":[{"sn":"', '"{\\"']),
    st.integers(1, 16_000),
)  # fmt: skip
def test_every_dialect_decides_in_time(piece: str, times: int) -> None:
    """Anything repeated up to 16 KB is decided within 20 ms on a busy machine (5 measured alone)."""
    payload = (piece * times).encode()[:16_384]
    for name in DIALECTS:
        best = 1.0
        for _ in range(3):
            started = time.perf_counter()
            ANY.normalize(Message(topic_of(name, Kind.smoke), payload, NOON))
            best = min(best, time.perf_counter() - started)
            if best < 0.02:
                break
        assert best < 0.02, name


@given(payloads, st.sampled_from(["sensor", "binary_sensor", "device", "event", "light"]))
def test_no_discovery_config_trips_us(payload: bytes, component: str) -> None:
    """Nor any message after it."""
    normalizer = Normalizer(Registry(SITE), [Subscription("#", "homeassistant")])
    check(normalizer.normalize(Message(f"homeassistant/{component}/x/config", payload, NOON)))
    check(normalizer.normalize(Message("t/x", payload, NOON)))


configs = st.fixed_dictionaries(
    {"stat_t": st.just("t/x")},
    optional={
        "val_tpl": st.one_of(st.text(max_size=30), st.text(alphabet="{}%. valuejson[]'|()0=<>if else", max_size=40).map(lambda t: "{{" + t + "}}")),
        "pl_on": scalars, "pl_off": scalars, "dev_cla": st.sampled_from(["smoke", "moisture", "battery", "x"]), "name": st.text(max_size=10),
        "dev": values, "avty": values, "avty_t": st.just("t/a"), "cmps": values, "unit_of_meas": st.sampled_from(["%", "V", "°F", "x"]), "~": scalars,
    },
)  # fmt: skip


@given(configs, st.sampled_from(["sensor", "binary_sensor", "device"]), payloads)
def test_odd_configs_do_not_trip_us(config: dict[str, Any], component: str, payload: bytes) -> None:
    """Any mixture of their keys, then any state."""
    normalizer = Normalizer(Registry(SITE), [Subscription("#", "homeassistant")])
    check(
        normalizer.normalize(
            Message(f"homeassistant/{component}/x/config", json.dumps(config).encode(), NOON)
        )
    )
    check(normalizer.normalize(Message("t/x", payload, NOON)))
    check(normalizer.normalize(Message("t/a", payload, NOON)))


@given(st.text(max_size=60), values)
def test_templates_and_conditions_are_read_or_refused(text: str, value: Any) -> None:
    """Nothing but ExpressionFault for what is none; and what is one gives an answer for any message, or refuses it."""
    for wrapped in (text, "{{ " + text + " }}"):
        with contextlib.suppress(ExpressionFault, Refused):
            read_template(wrapped)(value, "x", Steps())
    try:
        condition = compile_condition(text)
        assert condition(lambda _path: value) in (True, False)
        assert condition(lambda _path: MISSING) in (True, False)
    except ExpressionFault:
        pass
    try:
        assert parse_path(text)
    except ExpressionFault:
        pass


@given(st.text(max_size=80))
def test_a_mapping_text_is_good_or_has_faults(text: str) -> None:
    """No YAML, however odd, does anything else."""
    for written in (
        text,
        f"mapping: a\nabout: b\nreadings: [{{quantity: smoke, field: {json.dumps(text)}}}]\n",
    ):
        with contextlib.suppress(MappingFaults):
            assert read_mapping(written).readings


@given(st.text(max_size=40))
def test_names_are_guessed_or_left_alone(text: str) -> None:
    """A guess is a quantity of the table, and the device before it is part of the name."""
    assert devices_names.guess(text) in {None, *QUANTITIES}
    found = devices_names.tail(text)
    if found is not None:
        assert found[0] in text
        assert devices_names.exact(found[1]) in QUANTITIES


GUESSING = Normalizer(
    Registry(
        Site(
            community=Community(id="c", name="c"),
            homes=[Home(id="h", devices=[Device(id=f"g-{k}", kind=k, address=f"field/{k}") for k in KINDS])],
        )
    ),
    [],
)


@given(st.sampled_from(KINDS), st.sampled_from(["", "/smoke", "/sos", "/x", "/tele/SENSOR"]), payloads)
def test_guessing_the_dialect_trips_over_nothing(kind: Kind, below: str, payload: bytes) -> None:
    """A device in the site file whose subscription was forgotten: well-formed outcomes, and nothing vanishes."""
    out = GUESSING.normalize(Message(f"field/{kind}{below}", payload, NOON))
    check(out)
    assert out or below


@given(payloads, st.sampled_from([None, *KINDS]), st.sampled_from([None, "smoke", "action", "x"]))
def test_a_dialect_is_always_chosen(payload: bytes, kind: Kind | None, attribute: str | None) -> None:
    """One of those there are, below the net of the normalizer too."""
    heard = Heard("a/b", payload, NOON, UTC)
    assert likely(heard, SPOKEN, kind=kind, attribute=attribute) in {NATIVE, ZIGBEE2MQTT, *SPOKEN}


@given(payloads, st.sampled_from(DIALECTS), st.sampled_from(KINDS))
def test_every_dialect_alone_raises_nothing_but_a_refusal(payload: bytes, name: str, kind: Kind) -> None:
    """Hearing and saying, without the net."""
    with contextlib.suppress(Refused):
        for part in SPOKEN[name].hear(Heard(topic_of(name, kind), payload, NOON, UTC)):
            if isinstance(part, Utterance):
                part.say(Claim(kind))


@given(st.sampled_from(shipped()), payloads)
def test_a_mapping_alone_raises_nothing_but_a_refusal(name: str, payload: bytes) -> None:
    """Also below the normalizer, which would hide it."""
    mapped = Mapped(load_once(name))
    try:
        for part in mapped.hear(Heard("a/b", payload, NOON, UTC)):
            if isinstance(part, Utterance):
                part.say(NOBODY)
    except Refused:
        pass


_LOADED = {name: load(name) for name in shipped()}


def load_once(name: str) -> Any:
    return _LOADED[name]


assert {dialect(d).name for d in DIALECTS} == set(DIALECTS)
