"""Laws over the whole tables of quantities and kinds."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care.errors import Reason, Refused
from care.messages import URGENT
from care.site import Device
from care.words import Kind
from devices import models
from devices.codecs.exposes import PROPERTIES, THE_ALARM, rules_of
from devices.dialects import NAMES, dialect
from devices.kinds import ALARM_KINDS, KINDS, STATE_OF, Power, suggest
from devices.mapping import load, shipped
from devices.quantities import CONSENT_CLASSES, QUANTITIES, Nature, coerce

CONTRACT = [
    "heart_rate",
    "respiration_rate",
    "in_bed",
    "movement",
    "signal_quality",
    "bed_state",
    "smoke",
    "smoke_level",
    "gas",
    "gas_level",
    "co",
    "co_level",
    "temperature",
    "humidity",
    "sos",
    "fall",
    "door_open",
    "motion",
    "presence",
    "water_leak",
    "water_total",
    "battery",
    "battery_low",
    "voltage",
    "tamper",
    "fault",
    "muted",
    "self_test",
    "link_quality",
]


def test_every_quantity_of_the_contract_is_in_the_table() -> None:
    """Contract section 4, with its units."""
    assert set(CONTRACT) <= set(QUANTITIES)
    units = {"heart_rate": "1/min", "gas_level": "%LEL", "co_level": "ppm", "temperature": "°C", "water_total": "L",
             "battery": "%", "voltage": "mV"}  # fmt: skip
    assert {q: QUANTITIES[q].unit for q in units} == units


@pytest.mark.parametrize("name", sorted(QUANTITIES))
def test_a_quantity_is_complete(name: str) -> None:
    """Numbers have a range that makes sense, others none; everything has words in both languages."""
    q = QUANTITIES[name]
    assert q.name == name
    assert q.zh
    assert q.en
    assert q.en.isascii()
    if q.numeric:
        assert q.low is not None
        assert q.high is not None
        assert q.low < q.high
        if q.usual is not None:
            assert q.low <= q.usual[0] < q.usual[1] <= q.high
        assert coerce(q, q.low) == q.low
        assert coerce(q, q.high) == q.high
        for beyond in (q.low - 1, q.high + 1):
            with pytest.raises(Refused) as refused:
                coerce(q, beyond)
            assert refused.value.reason is Reason.out_of_range
            assert refused.value.quantity == name
    else:
        assert (q.low, q.high, q.usual, q.unit) == (None, None, None, "")
    assert q.consent is None or q.consent in CONSENT_CLASSES


def test_life_safety_needs_no_consent() -> None:
    """Smoke, gas, CO, SOS, fall and leak are never left out; the belt's body is vitals."""
    assert all(QUANTITIES[q].consent is None for q in URGENT)
    assert {QUANTITIES[q].consent for q in ("heart_rate", "respiration_rate")} == {"vitals"}
    assert {q.consent for q in QUANTITIES.values()} == {None, *CONSENT_CLASSES}


@pytest.mark.parametrize("kind", list(Kind))
def test_a_kind_is_complete(kind: Kind) -> None:
    """Every kind of the contract has an entry: known quantities, silence limits in order, words, a pictogram."""
    k = KINDS[kind]
    assert k.kind is kind
    assert k.zh
    assert k.en.isascii()
    assert set(k.quantities) <= set(QUANTITIES)
    assert len(set(k.quantities)) == len(k.quantities)
    assert timedelta(0) < k.every < k.blue_after < k.yellow_after
    assert k.pictogram in [
        "smoke",
        "gas",
        "co",
        "sos",
        "fall",
        "water",
        "bed",
        "door",
        "device",
        "vitals",
        "activity",
        "other",
    ]
    blue, yellow = k.silence(timedelta(hours=24))
    assert timedelta(hours=24) < blue < yellow
    assert k.silence(timedelta(seconds=1)) == k.silence() == (k.blue_after, k.yellow_after)


def test_silence_limits_are_those_of_the_catalogue() -> None:
    """Rule TE3: mains 10 and 30 minutes; battery 3 hours, then 6 for life safety and 25 for others."""
    assert KINDS[Kind.bed_belt].silence() == (timedelta(minutes=10), timedelta(minutes=30))
    assert KINDS[Kind.gas].power is Power.mains
    assert KINDS[Kind.smoke].silence() == (timedelta(hours=3), timedelta(hours=6))
    assert KINDS[Kind.door].silence() == (timedelta(hours=3), timedelta(hours=25))
    assert KINDS[Kind.water_meter].silence(timedelta(hours=24))[0] == timedelta(hours=36), (
        "NB-IoT: 1.5 heartbeats"
    )


@given(st.sampled_from(list(Kind)), st.floats(0.001, 5_184_000))
def test_however_seldom_a_device_speaks_its_silence_has_limits(kind: Kind, seconds: float) -> None:
    """Blue before yellow, never sooner than its kind's, and never before the next word is overdue."""
    k, (blue, yellow) = KINDS[kind], models.silence(Device(id="d", kind=kind, expect_seconds=seconds))
    assert k.blue_after <= blue < yellow
    assert k.yellow_after <= yellow
    assert blue > timedelta(seconds=seconds)


def test_every_quantity_is_of_some_kind_and_every_kind_knows_its_main_one() -> None:
    """No row of one table is unknown to the other; what a bare ON says is a state or press that the kind reports."""
    reported = {q for k in KINDS.values() for q in k.quantities}
    told_by_others = {
        "life_sign",
        "life_sign_withdrawn",
    }  # of other systems, over HTTP (docs/integrations.md)
    assert set(QUANTITIES) == reported | told_by_others
    assert not told_by_others & reported
    for kind, quantity in STATE_OF.items():
        assert quantity == KINDS[kind].quantities[0]
        assert QUANTITIES[quantity].nature in (Nature.state, Nature.press)
    for kind, k in KINDS.items():
        assert (k.power is Power.battery) == ("battery" in k.quantities), kind


@pytest.mark.parametrize("model", models.MODELS.values(), ids=lambda m: m.model)
def test_what_is_known_of_a_model_is_of_use(model: models.Model) -> None:
    """It has a source; every property is one we read; its pace is slower than any kind's."""
    assert model.source
    assert model.exposes or model.acts or model.every
    for expose in model.exposes:
        rules = rules_of(expose.property, expose)
        assert rules, expose.property
        assert all(rule.quantity in QUANTITIES for rule in rules)
    if model.every is not None:
        assert all(model.every > k.every for k in KINDS.values())
    assert models.known(f" {model.model.upper()} ") is model
    found = models.definition(model.model)
    assert (found is not None) == bool(model.exposes or model.acts)
    if found is not None:
        assert set(found.exposes) == {e.property for e in model.exposes}
        assert found.acts == model.acts


def test_no_model_stands_twice() -> None:
    """Two rows of one name would hide each other."""
    assert len(models.MODELS) == len({m.model for m in models._TABLE}) == len(models._TABLE)


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_mapping_speaks_of_what_its_kind_reports(name: str) -> None:
    """It validates, is a dialect that can be subscribed to, and no reading is foreign to its kind."""
    mapping = load(name)
    assert f"mapped:{name}" in NAMES or dialect(f"mapped:{name}")
    told = {r.doc.quantity for r in mapping.readings}
    assert told <= set(QUANTITIES)
    kind = mapping.doc.kind or suggest(told)
    assert kind is not None
    if mapping.doc.kind is not None:
        assert told <= set(KINDS[kind].quantities)
        assert KINDS[kind].quantities[0] in told, "without its main quantity it would be deaf"


def test_alarm_kinds_report_what_they_are_there_for() -> None:
    """A kind of life safety leads with an alarm-class quantity, and nothing else does."""
    assert {Kind.smoke, Kind.gas, Kind.co, Kind.sos, Kind.fall, Kind.water_leak} == ALARM_KINDS
    for kind, k in KINDS.items():
        assert (k.quantities[0] in URGENT) is (kind in ALARM_KINDS)
        assert suggest(k.quantities[:1]) in (kind, None)


def test_every_published_property_tells_of_a_known_quantity() -> None:
    """The Zigbee2MQTT table speaks of nothing that is not in the table of quantities."""
    for name, rules in PROPERTIES.items():
        assert rules, name
        assert sum(rule.main for rule in rules) <= 1
        for rule in rules:
            assert rule.quantity in QUANTITIES or rule.quantity == THE_ALARM, name


ODD = [
    math.nan,
    math.inf,
    -math.inf,
    10**300,
    2**53 + 1,
    [],
    {},
    [1],
    "",
    "NaN",
    "1e999",
    "٣",
    "1_000",
    "0x10",
    "12abc",
]


@pytest.mark.parametrize("name", [q.name for q in QUANTITIES.values() if q.numeric])
def test_a_number_is_a_finite_number_or_refused(name: str) -> None:
    """NaN, infinities, words, true and objects never pass for a number; "21" does."""
    for raw in (*ODD, True, False):
        with pytest.raises(Refused):
            coerce(QUANTITIES[name], raw)
    assert coerce(QUANTITIES[name], " 21 ") == 21
    assert coerce(QUANTITIES[name], "2.15e1") == 21.5


@pytest.mark.parametrize(
    "name", [q.name for q in QUANTITIES.values() if q.nature is Nature.state and not q.texts]
)
def test_a_state_is_true_or_false_or_refused(name: str) -> None:
    """true, 1, "true", "ON" and their opposites; a word nobody knows is refused, never guessed."""
    for raw in (True, 1, 1.0, "true", "TRUE", "ON", " yes ", "1"):
        assert coerce(QUANTITIES[name], raw) is True
    for raw in (False, 0, -0.0, "false", "Off", "no", "0"):
        assert coerce(QUANTITIES[name], raw) is False
    for raw in (2, -1, math.nan, "flying", "", [], {}):
        with pytest.raises(Refused):
            coerce(QUANTITIES[name], raw)


def test_presses_and_percentages() -> None:
    """Any value of sos is a press; a fall may be suspected or denied; quality may be written 64/100."""
    sos, fall = QUANTITIES["sos"], QUANTITIES["fall"]
    assert all(coerce(sos, raw) is True for raw in (True, 1, "pressed", "", False, {}, []))
    assert [coerce(fall, raw) for raw in (True, 1, "fall", "suspected", "maybe_fall", False, 0, "none")] == [
        True, True, True, "suspected", "suspected", False, False, False,
    ]  # fmt: skip
    assert coerce(QUANTITIES["signal_quality"], "64/100") == 64
    assert coerce(QUANTITIES["battery"], "64 %") == 64
    with pytest.raises(Refused):
        coerce(QUANTITIES["heart_rate"], "64/100")
    assert [coerce(QUANTITIES["fault"], raw) for raw in (True, False, "normal", "none", "E1", 7, 0)] == [
        True, False, False, False, "E1", "7", False,
    ]  # fmt: skip
    assert coerce(QUANTITIES["action"], "a\x00b\ud800" + "x" * 500) == "ab" + "x" * 124
