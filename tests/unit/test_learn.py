"""A mapping is drafted from captured messages; tables and claims become lines of the site file."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from care.site import Registry
from care.sitefile import read_site
from care.words import Kind
from devices.cli import app
from devices.entries import RowFaults, as_yaml, decode_table, entries, read_table
from devices.learn import Captured, Draft, draft, patterns, read_capture
from devices.mapping import load, read_mapping, shipped

runner = CliRunner()


def learnt(*messages: tuple[str, Any]) -> Draft:
    return draft([Captured(t, json.dumps(p).encode()) for t, p in messages], "acme")


def readings(d: Draft) -> dict[str, Any]:
    return {r.doc.quantity: r.doc for r in read_mapping(d.text).readings}


# -- drafts


def test_a_belt_is_drafted_from_its_messages() -> None:
    """Topic parts, time, counter, vitals by name and range, 255 as nothing measured; the unknown field is a comment."""
    d = learnt(
        *((f"acme/h{i:04d}/belt-{i}", {"hr": 60 + i, "rr": 14, "inBed": True, "seq": i, "ts": 1779508800000 + i, "foo": "x"}) for i in range(5)),
        ("acme/h0001/belt-1", {"hr": 255, "rr": 255, "inBed": False, "seq": 9, "ts": 1779508900000, "foo": "x"}),
    )  # fmt: skip
    m = read_mapping(d.text)
    assert m.doc.topics == ["acme/{home}/{device}"]
    assert (m.doc.device.part, m.doc.kind, m.doc.seq) == ("device", Kind.bed_belt, "seq")
    assert [(t.field, t.format.value) for t in m.doc.time] == [("ts", "ms")]
    assert set(readings(d)) == {"heart_rate", "respiration_rate", "in_bed"}
    assert readings(d)["heart_rate"].invalid == [255]
    assert "#   foo: x" in d.text


def test_json_in_texts_records_and_scales_are_found() -> None:
    """A list of sensors inside a text; 235 for a temperature is 23.5, and that is asked, not claimed."""
    inner = json.dumps(
        {"list": [{"sn": f"s{j}", "temp": 235, "hum": 455, "smokeState": j % 2} for j in range(3)]}
    )
    d = learnt(("v/cloud", {"data": inner}))
    m = read_mapping(d.text)
    assert (m.doc.json_text, m.doc.records, m.doc.device.field) == (["data"], "data.list", "sn")
    assert readings(d)["temperature"].scale == 0.1
    assert any("temperature" in q and "0.1" in q for q in d.open_questions)


def test_code_and_value_pairs_are_found() -> None:
    """A list of {code, value} becomes points; a state of which one value was heard is asked about."""
    d = learnt(("v/x", {"devId": "d", "status": [{"code": "smoke_state", "value": "alarm", "t": 1}]}))
    m = read_mapping(d.text)
    assert m.doc.points is not None
    assert (m.doc.points.list, m.doc.points.code, m.doc.points.value) == ("status", "code", "value")
    assert any("smoke" in q and "test alarm" in q for q in d.open_questions)


def test_what_cannot_be_told_is_a_question_and_no_reading() -> None:
    """Codes 1 to 4 of a smoke field could mean anything: the line is there as a comment, and a person decides."""
    d = learnt(*((f"v/d{i}", {"smoke_state": f"S{i}", "temp": 21.5}) for i in range(1, 5)))
    assert set(readings(d)) == {"temperature"}
    assert "# - {quantity: smoke, field: smoke_state" in d.text
    assert any("`smoke_state` looks like smoke" in q for q in d.open_questions)


def test_a_contact_is_turned_round_and_asked_about() -> None:
    """true is closed in most dialects; volts are told from percent."""
    d = learnt(
        ("a/door1", {"contact": True, "battery": 3.1}), ("a/door2", {"contact": False, "battery": 2.9})
    )
    assert (readings(d)["door_open"].yes, readings(d)["door_open"].no) == ([False], [True])
    assert readings(d)["voltage"].unit == "V"
    assert any("contact" in q for q in d.open_questions)


def test_topics_are_grouped_by_what_varies() -> None:
    """Words at the end that every device uses are kinds of message, not names."""
    assert patterns(["a/b/d1/state", "a/b/d2/state", "a/b/d1/alarm", "a/b/d2/alarm"]) == [
        "a/b/{device}/alarm",
        "a/b/{device}/state",
    ]
    assert patterns(["v/h1/d1", "v/h1/d2", "v/h2/d3"]) == ["v/{home}/{device}"]
    assert patterns(["v/cloud"]) == ["v/cloud"]
    assert patterns(["v/a+b", "", "v//x"]) == []


# -- families of vendors, invented after the manner of real ones: what a maintainer would want to find in the draft


def test_a_list_of_points_in_a_cloud_envelope() -> None:
    """Time and device of the envelope, codes by their names, both words of the alarm."""
    d = learnt(*(
        (f"tylink/{dev}/thing/property/report", {
            "msgId": f"m{i}", "time": 1779508800000 + i,
            "data": {"devId": dev, "properties": [
                {"code": "smoke_sensor_status", "value": "alarm" if i == 3 else "normal", "time": 1779508800000 + i},
                {"code": "battery_percentage", "value": 90 - i, "time": 1779508800000 + i},
            ]},
        })
        for i, dev in enumerate(["bf01", "bf02", "bf03", "bf01"])
    ))  # fmt: skip
    m = read_mapping(d.text)
    assert (m.doc.topics, m.doc.device.part, m.doc.kind) == (
        ["tylink/{device}/thing/property/report"],
        "device",
        Kind.smoke,
    )
    assert m.doc.points is not None
    assert m.doc.points.list == "data.properties"
    assert (readings(d)["smoke"].yes, readings(d)["smoke"].no) == (["alarm"], ["normal"])


def test_numbered_points_are_not_guessed() -> None:
    """`dps: {"1": "2"}` could be anything: no reading, and the question says where the answer stands."""
    d = learnt(*(("s/d1", {"t": 1779508800 + i, "dps": {"1": str(i), "14": "high"}}) for i in range(3)))
    assert d.told == []
    assert any("`dps` holds numbered points" in q and "data sheet" in q for q in d.open_questions)


def test_a_gateway_of_many_kinds_is_taken_apart_by_model() -> None:
    """JSON in a text; `status` and `alarm` mean what the model says; the draft is of no one kind."""
    said = [
        ("motion", "d01", {"status": "motion"}), ("magnet", "d02", {"status": "open"}), ("magnet", "d02", {"status": "close"}),
        ("smoke", "d03", {"alarm": "1"}), ("smoke", "d03", {"alarm": "0"}), ("switch", "d05", {"status": "click"}),
    ]  # fmt: skip
    d = learnt(*(("gw/1/report", {"model": m, "sid": s, "data": json.dumps(data)}) for m, s, data in said))
    m = read_mapping(d.text)
    assert (m.doc.json_text, m.doc.device.field, m.doc.kind) == (["data"], "sid", None)
    found = {q: (r.field, r.when, r.yes, r.no) for q, r in readings(d).items()}
    assert found == {
        "motion": ("data.status", "model = 'motion'", ["motion"], []),
        "door_open": ("data.status", "model = 'magnet'", ["open"], ["close"]),
        "smoke": ("data.alarm", "model = 'smoke'", [], []),
    }
    assert any("of switch says click" in q for q in d.open_questions)
    assert any("several kinds" in q for q in d.open_questions)


def test_minutes_of_a_mat_are_records_and_its_codes_are_asked_about() -> None:
    """A list of minutes; 0 for in bed is what some mats write, so nobody is told in or out of bed unasked."""
    d = learnt(*(
        (f"mat/report/{dev}", {"deviceId": dev, "minutes": [
            {"ts": 1779508800 + 60 * j, "heartRate": 60 + i + j, "breathRate": 14, "bedStatus": j % 2} for j in range(4)
        ]})
        for i, dev in enumerate(["D01", "D02", "D03"])
    ))  # fmt: skip
    m = read_mapping(d.text)
    assert (m.doc.records, m.doc.device.part, m.doc.time[0].field) == ("minutes", "device", "ts")
    assert set(readings(d)) == {"heart_rate", "respiration_rate", "in_bed"}
    assert any("in_bed" in q and "0 for in bed" in q for q in d.open_questions)


def test_records_with_parts_of_a_hundred_y_and_n_and_a_topic_that_is_refused() -> None:
    """`64/100` is a ratio, Y and N are yes and no, a compact time is one; a topic with `/` before it is told of."""
    d = learnt(*(
        (f"/belt/{dev}/up", {"records": [
            {"sn": dev, "time": f"20260523040{i}00", "hr": 62 + i, "rr": 15, "quality": f"{60 + i}/100", "onbed": "N" if i == 2 else "Y"}
        ]})
        for i, dev in enumerate(["W1", "W2", "W3"])
    ))  # fmt: skip
    m = read_mapping(d.text)
    assert (m.doc.records, m.doc.device.field, m.doc.time[0].format.value) == ("records", "sn", "compact")
    assert readings(d)["signal_quality"].ratio
    assert (readings(d)["in_bed"].yes, readings(d)["in_bed"].no) == (["Y"], ["N"])
    assert any("such messages are refused" in q for q in d.open_questions)


def test_a_narrow_band_platform_sends_all_devices_on_one_topic() -> None:
    """The device is in the payload, volts are volts, a level is not the alarm, and what a code means is asked."""
    d = learnt(*(
        ("ctwing/dataReport", {
            "timestamp": 1779508800000 + i, "tenantId": "10436", "messageType": "dataReport", "IMEI": imei,
            "payload": {"smoke_state": int(i == 3), "smoke_value": i * 10, "battery_voltage": 3.12, "rsrp": -980 - i},
        })
        for i, imei in enumerate(["8657010", "8657011", "8657012", "8657010"])
    ))  # fmt: skip
    m = read_mapping(d.text)
    assert (m.doc.device.field, m.doc.kind, m.doc.time[0].format.value) == ("IMEI", Kind.smoke, "ms")
    assert set(readings(d)) == {"smoke", "smoke_level", "voltage"}
    assert readings(d)["voltage"].unit == "V"
    assert any("`payload.smoke_state` is a code" in q for q in d.open_questions)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["smoke", "motion", "Y", "N", "0"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["hr", "code", "value", "contact", "temp", "sos", "sn", "ts", "smoke", "battery", "model", "type", "status"]) | st.text(max_size=6), inner, max_size=4),
    max_leaves=10,
)  # fmt: skip
captures = st.lists(
    st.builds(
        Captured,
        st.text(max_size=12) | st.sampled_from(["a/b1", "a/b2", "a/h1/x", "a/{x}/y", "a/+/b"]),
        json_values.map(lambda v: json.dumps(v).encode()) | st.binary(max_size=12),
    ),
    max_size=6,
)


@given(captures)
def test_every_draft_is_a_good_mapping(messages: list[Captured]) -> None:
    """Whatever was captured, the draft is accepted by `check`."""
    assert read_mapping(draft(messages, "acme").text).name == "acme"


def steps(work: Callable[[], object]) -> int:
    """Calls of Python functions that it takes: a measure of work that a busy machine does not change."""
    count = 0

    def note(_frame: FrameType, event: str, _arg: object) -> None:
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


def test_the_work_of_a_draft_grows_with_the_capture_and_no_faster() -> None:
    """Eight times as many messages (of eight times as many devices) are at most nine times as much work."""

    def capture(messages: int) -> list[Captured]:
        return [
            Captured(f"v/d{i % (messages // 10)}", json.dumps({"hr": i % 90, "temp": 20, "x": i}).encode())
            for i in range(messages)
        ]

    few, many = capture(250), capture(2_000)
    assert draft(many, "acme").told == ["heart_rate", "temperature"]
    assert steps(lambda: draft(many, "acme")) <= 9 * steps(lambda: draft(few, "acme"))


def test_a_capture_says_which_lines_it_cannot_read() -> None:
    """By number; the others are taken."""
    messages, faults = read_capture(
        [
            '{"topic":"a","payload":{"x":1}}',
            "",
            "{",
            '{"topic":"a"}',
            '{"topic":"a","payload":"ON"}',
            "[" * 9999,
        ]
    )
    assert [m.payload for m in messages] == [b'{"x": 1}', b"ON"]
    assert [f.split(":")[0] for f in faults] == ["line 3", "line 4", "line 6"]


def test_learn_and_check_on_the_command_line(tmp_path: Path) -> None:
    """The draft goes to a file that `check` accepts; `--try` says what it makes of the messages; a fault has its line."""
    capture, out = tmp_path / "c.jsonl", tmp_path / "acme.yaml"
    capture.write_text(
        "\n".join(json.dumps({"topic": f"v/d{i}", "payload": {"hr": 60 + i}}) for i in range(9)), "utf-8"
    )
    result = runner.invoke(app, ["learn", str(capture), "--name", "acme", "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert "9 of 9 messages say something: heart_rate 9" in result.stderr
    assert "could not tell: no field looks like a time" in result.stderr
    result = runner.invoke(app, ["check", str(out), "--try", str(capture)])
    assert result.exit_code == 0
    assert "mapping `acme` is good" in result.stderr
    out.write_text(out.read_text("utf-8").replace("heart_rate", "heart_rat"), "utf-8")
    result = runner.invoke(app, ["check", str(out)])
    assert result.exit_code == 1
    assert "acme.yaml:" in result.stderr
    assert "`heart_rat` is not a quantity" in result.stderr
    assert runner.invoke(app, ["learn", str(tmp_path / "none.jsonl")]).exit_code == 1
    assert "Traceback" not in runner.invoke(app, ["learn", str(capture), "--name", "A B"]).output


def test_the_shipped_mappings_are_listed() -> None:
    """For people and for programs."""
    rows = json.loads(runner.invoke(app, ["list", "--json"]).stdout)
    assert [r["dialect"] for r in rows] == [f"mapped:{m}" for m in shipped()]
    assert "mapped:tuya" in runner.invoke(app, ["list"]).stdout
    assert load("tuya").doc.about


# -- tables

TABLE = "住户,设备,类型,房间,地址\nh0317,smoke-1,烟感,厨房,zigbee2mqtt/h0317/厨房 烟感\nh0317,belt-1,bed_belt,卧室,\nh0318,sos-1,SOS,,\n"
SITE = """\
community: {id: c, name: c}
homes:
  - {id: h0317, residents: [{id: r1, name: r}], devices: [{id: old, kind: gas, address: a/b}]}
  - {id: h0318}
"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le", "utf-16-be"])
def test_a_table_is_read_in_any_encoding_of_an_office(encoding: str) -> None:
    """The same devices from each; the lines are a good part of a site file."""
    rows, _ = read_table(TABLE.encode(encoding))
    found = entries(rows, Registry(read_site(SITE)))
    assert [(h, d.id, d.kind, d.room) for h, d in found] == [
        ("h0317", "smoke-1", Kind.smoke, "厨房"), ("h0317", "belt-1", Kind.bed_belt, "卧室"), ("h0318", "sos-1", Kind.sos, "")]  # fmt: skip
    site = read_site("community: {id: c, name: c}\n" + as_yaml(found))
    assert [d.address for d in site.homes[0].devices] == ["zigbee2mqtt/h0317/厨房 烟感", None]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("h9,x,smoke,,", "row 2: home `h9` is not in the site file"),
        ("h0317,old,smoke,,", "row 2: device `old` is already in the site file"),
        ("h0317,x,toaster,,", "row 2: kind `toaster` is none of bed_belt"),
        ("h0317,,smoke,,", "row 2: device is empty"),
        ("h0317,x,smoke,,a/b", "row 2: address `a/b` already belongs to `old`"),
        ("h0317,x,smoke,,a/+", "row 2: address `a/+` must be one MQTT topic"),
        ("h0317,=cmd|x,smoke,,", "row 2: "),
        ("h0317,x,smoke,,,,", "row 2: 7 cells, but the header has 5"),
    ],
)
def test_a_faulty_row_is_named_and_nothing_is_taken(row: str, words: str) -> None:
    """All or nothing."""
    with pytest.raises(RowFaults) as caught:
        entries(
            read_table(f"home,device,kind,room,address\n{row}\nh0318,good,smoke,,\n".encode())[0],
            Registry(read_site(SITE)),
        )
    assert any(words in f for f in caught.value.faults), caught.value.faults


def test_every_faulty_row_is_named_at_once() -> None:
    """Two the same, one without a kind."""
    with pytest.raises(RowFaults) as caught:
        entries(read_table(b"home,device,kind\nh1,a,smoke\nh1,a,gas\nh1,b,\n")[0])
    assert [f.split(":")[0] for f in caught.value.faults] == ["row 3", "row 3", "row 4"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "row 1: a header"),
        (b"home,device\nh1,a\n", "row 1: the column `kind` is missing"),
        (b"home,device,kind,colour\n", "row 1: unknown column `colour`"),
        (b"home,device,kind,kind\n", "row 1: two columns are `kind`"),
        (b"\xff\xfe\x00\xd8", "neither UTF-8, UTF-16 nor GB18030"),
        (b'home,device,kind\nh1,"a' + b"x" * 200_000, "row "),
    ],
)
def test_what_is_no_table_is_refused(data: bytes, words: str) -> None:
    """With a sentence."""
    with pytest.raises(RowFaults) as caught:
        read_table(data)
    assert any(words in f for f in caught.value.faults), caught.value.faults


@given(st.binary(max_size=200))
def test_no_bytes_trip_the_table_reader(data: bytes) -> None:
    """Rows or RowFaults."""
    with contextlib.suppress(RowFaults):
        entries(read_table(data)[0])
    with contextlib.suppress(RowFaults):
        entries(read_table(b"home,device,kind,room\n" + data)[0])


def test_the_encoding_is_told_by_its_mark_or_its_bytes() -> None:
    """And named."""
    assert [decode_table("住户".encode(e))[1] for e in ("utf-8", "utf-8-sig", "gb18030", "utf-16")] == [
        "utf-8",
        "utf-8",
        "gb18030",
        "utf-16",
    ]
