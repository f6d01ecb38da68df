"""SenML in XML (RFC 8428, section 7): it says what the same pack says in JSON, and hostile documents are refused with a reason."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any
from xml.sax.saxutils import quoteattr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care.errors import Refused
from care.messages import Refusal, Report, Unclaimed
from devices.codecs.senml_xml import is_xml, read_pack
from tests.unit.test_codec_senml_cbor import BELT, SMOKE, heard

RFC = b"""<sensml xmlns="urn:ietf:params:xml:ns:senml">
  <senml bn="urn:dev:ow:10e2073a0108006:" bt="1.276020076001e+09"
  bu="A" bver="5" n="voltage" u="V" v="120.1"></senml>
  <senml n="current" t="-5" v="1.2"></senml>
  <senml n="current" t="-4" v="1.3"></senml>
  <senml n="current" v="1.7"></senml>
</sensml>"""
"""After the example of RFC 8428, section 7."""


def in_xml(pack: list[dict[str, Any]]) -> bytes:
    def text(value: Any) -> str:
        return str(value).lower() if isinstance(value, bool) else str(value)

    records = "".join(
        f"<senml {' '.join(f'{k}={quoteattr(text(v))}' for k, v in record.items())}/>" for record in pack
    )
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<sensml xmlns="urn:ietf:params:xml:ns:senml">{records}</sensml>'.encode()


def same(found: list[Any]) -> list[Any]:
    return [
        (type(f), getattr(f, "device", None), getattr(f, "values", None), getattr(f, "device_at", None), getattr(f, "reason", None))
        for f in found
    ]  # fmt: skip


def test_the_example_of_the_rfc_is_read_as_it_is_written() -> None:
    """Numbers are numbers, names and units texts, in their order."""
    base = {"bn": "urn:dev:ow:10e2073a0108006:", "bt": 1.276020076001e9, "bu": "A", "bver": 5.0}
    assert read_pack(RFC) == [
        {**base, "n": "voltage", "u": "V", "v": 120.1},
        {"n": "current", "t": -5.0, "v": 1.2},
        {"n": "current", "t": -4.0, "v": 1.3},
        {"n": "current", "v": 1.7},
    ]


@pytest.mark.parametrize(
    "pack",
    [
        [{"bn": "belt-1/", "bt": 0, "n": "heart_rate", "u": "beat/min", "v": 61}, {"n": "respiration_rate", "v": 14.5}],
        [{"bn": "belt-1/", "n": "in_bed", "vb": True}, {"n": "in_bed", "t": -5, "vb": False}],
        [{"n": "belt-1/heart_rate", "v": 0}, {"n": "belt-1/signal_quality", "v": 900}],
        [{"bn": "卧室 & <床>/", "n": "heart_rate", "v": 61}],
        [{"bn": "belt-1/", "bver": 11, "n": "heart_rate", "v": 61}],
    ],
)  # fmt: skip
def test_a_pack_says_in_xml_what_it_says_in_json(pack: list[dict[str, Any]]) -> None:
    """Values, times, devices and refusals are the same."""
    found = heard(in_xml(pack), BELT)
    assert found
    assert same(found) == same(heard(json.dumps(pack).encode(), BELT))


@pytest.mark.parametrize(("word", "value"), [("true", True), ("1", True), ("false", False), ("0", False)])
def test_an_alarm_in_xml_is_an_alarm(word: str, value: bool) -> None:
    """`vb` in both spellings of XML Schema, and with a byte order mark or a blank line before the document."""
    for before in (b"", b"\xef\xbb\xbf", b"\n  "):
        payload = (
            before
            + f'<sensml xmlns="urn:ietf:params:xml:ns:senml"><senml n="alarm" vb="{word}"/></sensml>'.encode()
        )
        (report,) = (f for f in heard(payload, SMOKE, topic="senml/h1/smoke") if isinstance(f, Report))
        assert report.values == {"smoke": value}


BOMB = b"""<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">
<!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;"><!ENTITY e "&d;&d;&d;&d;&d;&d;&d;&d;"><!ENTITY f "&e;&e;&e;&e;&e;&e;&e;&e;">]>
<sensml xmlns="urn:ietf:params:xml:ns:senml"><senml n="belt-1/heart_rate" v="61" vs="&f;&f;&f;"/></sensml>"""


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        (BOMB, "DTD"),
        (b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>', "DTD"),
        (b"<sensml><senml n='belt-1/heart_rate' v='61'/></sensml>", "namespace"),
        (b'<sensml xmlns="urn:ietf:params:xml:ns:senml"><senml n="a" v="1">', "no element"),
        (b'<?xml version="1.0" encoding="klingon"?><a/>', "XML: "),
        (b"<" + b"a><" * 5000, "XML: "),
    ],
)
def test_what_is_no_pack_is_refused_with_the_reason_and_costs_nothing(payload: bytes, says: str) -> None:
    """Entities that grow, foreign files, another namespace, half a document."""
    tracemalloc.start()
    try:
        with pytest.raises(Refused, match=says):
            read_pack(payload)
        assert tracemalloc.get_traced_memory()[1] < 8 * 1024 * 1024
    finally:
        tracemalloc.stop()
    assert [type(f) for f in heard(payload, BELT)] == [Refusal]


def test_one_bad_number_refuses_only_itself() -> None:
    """A text, NaN and infinity where a number belongs."""
    for wrong in ("much", "NaN", "INF", "1e999"):
        found = heard(
            in_xml([{"bn": "belt-1/", "n": "heart_rate", "v": wrong}, {"n": "respiration_rate", "v": 15}]),
            BELT,
        )
        reports = [f for f in found if isinstance(f, Report)]
        assert [r.values for r in reports] == [{"respiration_rate": 15}], wrong
        assert any(isinstance(f, Refusal) for f in found), wrong


@given(
    st.one_of(
        st.binary(max_size=300),
        st.text(max_size=200).map(str.encode),
        st.binary(max_size=80).map(lambda b: RFC[:200] + b),
    )
)
def test_no_document_raises_anything_but_a_refusal(payload: bytes) -> None:
    """Whatever comes after `<`, alone and through the whole way in."""
    payload = b"<" + payload
    assert is_xml(payload)
    try:
        assert isinstance(read_pack(payload), list)
    except Refused:
        pass
    assert all(isinstance(f, Report | Refusal | Unclaimed) for f in heard(payload, BELT))
