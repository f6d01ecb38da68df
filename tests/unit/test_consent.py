"""Consent per class of data (contract section 3), over the whole table of quantities, through the way in.

Left out, or a class missing: the centre may use it. A class given without `centre`: it is dropped and counted, and no
trace of the value is kept. Smoke, gas, CO, SOS, fall, water leak and technique need no consent.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care.messages import URGENT, Refusal, Report, Unclaimed, Value, encode
from care.site import Community, Device, Home, Registry, Resident, Site
from care.words import Kind
from dashboard_api import access
from devices.kinds import KINDS
from devices.quantities import CONSENT_CLASSES, QUANTITIES, Nature, Quantity
from ingest.normalize import Message, Normalizer, Subscription

NOON = datetime(2026, 5, 23, 4, 0, tzinfo=UTC)
MARK = 61.7305
"""A number found nowhere else in a message."""


def a_value(q: Quantity) -> Value:
    if q.nature is Nature.text:
        return "single"
    return MARK if q.numeric else True


SAYING: dict[str, Value] = {q.name: a_value(q) for q in QUANTITIES.values()}

consents = st.none() | st.dictionaries(
    st.sampled_from(sorted(CONSENT_CLASSES | {"call_recording", "family"})),
    st.lists(st.sampled_from(["centre", "doctor", "family", "status"]), max_size=3),
)


def a_normalizer(kind: Kind, *consent: dict[str, list[str]] | None, owned: bool = True) -> Normalizer:
    people = [Resident(id=f"r{i}", name="某", consent=c) for i, c in enumerate(consent)]
    device = Device(id="d", kind=kind, resident="r0" if owned else None)
    site = Site(
        community=Community(id="c", name="c"),
        homes=[
            Home(id="h", residents=people, devices=[device]),
            Home(id="h2", residents=[Resident(id="q", name="某")], devices=[Device(id="e", kind=Kind.smoke)]),
        ],
    )
    return Normalizer(Registry(site), [Subscription("anxin/v1/#", "native"), Subscription("sleepace/#", "mapped:sleepace")])  # fmt: skip


def heard(n: Normalizer, payload: Any) -> list[Any]:
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return n.normalize(Message("anxin/v1/h/d", data, NOON))


def kept_from_us(consent: dict[str, list[str]] | None) -> set[str]:
    """The rule of the contract in one line."""
    return {c for c, viewers in (consent or {}).items() if "centre" not in viewers} & CONSENT_CLASSES


@given(st.sampled_from(list(Kind)), consents)
def test_exactly_what_is_kept_from_the_centre_is_dropped_and_counted(
    kind: Kind, consent: dict[str, list[str]] | None
) -> None:
    """Every quantity by any kind of device: in the report or counted, one of the two."""
    n, withheld = a_normalizer(kind, consent), kept_from_us(consent)
    report, *refusals = heard(n, SAYING)
    assert report.values == {q: v for q, v in SAYING.items() if QUANTITIES[q].consent not in withheld}
    assert set(report.values) >= URGENT
    counts = {c: sum(q.consent == c for q in QUANTITIES.values()) for c in withheld}
    assert dict(n.withheld) == counts
    assert {(r.reason, r.detail, r.alarm) for r in refusals} == {("no_consent", c, False) for c in withheld}


@given(st.sampled_from(list(Kind)), st.lists(consents, min_size=1, max_size=3))
def test_a_shared_sensor_obeys_the_strictest(kind: Kind, all_: list[dict[str, list[str]] | None]) -> None:
    """What one of them keeps back is about the others too."""
    n = a_normalizer(kind, *all_, owned=False)
    withheld = set().union(*map(kept_from_us, all_))
    report = heard(n, SAYING)[0]
    assert set(report.values) == {q for q in SAYING if QUANTITIES[q].consent not in withheld}


@pytest.mark.parametrize("quantity", sorted(q for q in QUANTITIES if QUANTITIES[q].consent is not None))
@pytest.mark.parametrize("wrong", [10**12, "ten", [], {"x": MARK}])
def test_a_value_that_is_kept_from_us_leaves_no_trace(quantity: str, wrong: Any) -> None:
    """Not as a reading, not as a null, not in a refusal of it, and not in the sample of a refusal beside it."""
    data = QUANTITIES[quantity].consent or ""
    n = a_normalizer(Kind.bed_belt, {data: ["doctor"]})
    for payload in (
        {quantity: SAYING[quantity], "battery": 5_000, "note": MARK},
        {quantity: wrong, "battery": 50},
        {quantity: None},
    ):
        out = heard(n, payload)
        assert all(quantity not in (*r.values, *r.unknown) for r in out if isinstance(r, Report))
        refusals = [o for o in out if isinstance(o, Refusal)]
        assert all(r.sample == "" and str(MARK) not in r.detail for r in refusals)
        assert all(r.reason == "no_consent" for r in refusals if r.quantity == quantity)
    cut_short = f'{{"{quantity}": {MARK}'.encode()
    kinds = [k for k in Kind if quantity in KINDS[k].quantities]
    for kind in kinds:
        [refusal] = heard(a_normalizer(kind, {data: []}), cut_short)
        assert (refusal.sample, str(MARK) in encode(refusal).decode()) == ("", False)


def test_others_in_the_same_message_do_not_tell_it() -> None:
    """A gateway's batch: what is refused or unclaimed beside it is listed without the payload."""
    site = Site(
        community=Community(id="c", name="c"),
        homes=[
            Home(
                id="h",
                residents=[Resident(id="r", name="某", consent={"vitals": []})],
                devices=[Device(id="d", kind=Kind.bed_belt, address="senml/d"), Device(id="t", kind=Kind.climate, address="senml/t")],
            )
        ],
    )  # fmt: skip
    n = Normalizer(Registry(site), [Subscription("senml/#", "senml")])
    records = [
        {"n": "d/heart_rate", "u": "beat/min", "v": MARK}, {"n": "t/temperature", "u": "Cel", "v": 900},
        {"n": "x/temperature", "u": "Cel", "v": 20},
    ]  # fmt: skip
    out = n.normalize(Message("senml", json.dumps(records).encode(), NOON))
    assert n.withheld == {"vitals": 1}
    assert any(isinstance(o, Refusal) and o.reason == "out_of_range" for o in out)
    assert any(isinstance(o, Unclaimed) for o in out)
    assert all(str(MARK) not in encode(o).decode() for o in out if not isinstance(o, Report))


def test_a_smoke_detector_keeps_its_sample() -> None:
    """Where nothing private can stand, a person who looks into an unreadable message sees it."""
    [refusal] = heard(a_normalizer(Kind.smoke, {"vitals": [], "motion": []}), b'{"smoke": tru')
    assert refusal.sample
    assert refusal.alarm


def test_the_screens_go_by_the_same_table() -> None:
    """One table says which class a quantity is in."""
    assert {q.name: q.consent for q in QUANTITIES.values() if q.consent} == access.CLASSES
