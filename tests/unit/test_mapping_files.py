"""Mapping files: a vendor is a file; what is wrong with one is said with line and reason."""

from __future__ import annotations

import csv
import json
import re
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from care.errors import Misconfigured
from care.messages import Refusal, Report, Unclaimed
from care.site import Community, Device, Home, Registry, Resident, Site
from care.words import Kind
from devices.codecs.mapped import Mapped
from devices.codecs.utterance import NOBODY, Claim, Heard, Utterance
from devices.dialects import NAMES
from devices.mapping import MAPPINGS, MappingFaults, load, read_mapping, schema, shipped
from ingest.normalize import Message, Normalizer, Subscription
from rules.catalog import load as load_rules
from rules.engine import Engine

NOON = datetime(2026, 5, 23, 4, 0, tzinfo=UTC)


def heard(
    mapping: str, topic: str, payload: Any, *devices: Device, home: str = "h1", more: str = "#", **kw: Any
) -> list[Any]:
    registry = Registry(
        Site(community=Community(id="c", name="c"), homes=[Home(id=home, devices=list(devices))])
    )
    normalizer = Normalizer(registry, [Subscription(more, f"mapped:{mapping}")])
    data = payload if isinstance(payload, bytes) else json.dumps(payload, ensure_ascii=False).encode()
    return list(normalizer.normalize(Message(topic, data, kw.pop("at", NOON), **kw)))


def one(*args: Any, **kw: Any) -> Report:
    [out] = heard(*args, **kw)
    assert isinstance(out, Report), out
    return out


def test_every_shipped_mapping_is_good_and_says_where_it_comes_from() -> None:
    """Six ship; each names its source."""
    assert shipped() == ["aqara", "mattress", "nbiot_smoke", "sleepace", "tuya", "wisleep"]
    for name in shipped():
        mapping = load(name)
        assert mapping.name == name
        assert mapping.doc.source


def test_the_schema_for_editors_is_current() -> None:
    """`devices/mappings/schema.json` is generated: json.dumps(devices.mapping.schema(), ensure_ascii=False, indent=2)."""
    written = json.loads((MAPPINGS / "schema.json").read_text(encoding="utf-8"))
    assert written == json.loads(json.dumps(schema()))


# -- Tuya


def tuya(kind: Kind, *points: tuple[str, Any], **kw: Any) -> Report:
    payload = {
        "devId": "d1",
        "productKey": "k",
        "status": [{"code": c, "value": v, "t": 1779508800000} for c, v in points],
    }
    return one("tuya", "tuya/cloud", payload, Device(id="x", kind=kind, address="tuya/cloud/d1"), **kw)


@pytest.mark.parametrize(
    ("kind", "code", "value", "quantity", "wanted"),
    [
        # The old enumeration: "1" is an alarm and "2" is cleared, not true.
        (Kind.smoke, "smoke_sensor_state", "1", "smoke", True),
        (Kind.smoke, "smoke_sensor_state", "2", "smoke", False),
        (Kind.smoke, "smoke_sensor_state", 1, "smoke", True),
        (Kind.smoke, "smoke_sensor_status", "alarm", "smoke", True),
        (Kind.smoke, "smoke_sensor_status", "normal", "smoke", False),
        # 0–1000 with scale 1 is 0.0–100.0.
        (Kind.smoke, "smoke_sensor_value", 123, "smoke_level", 12.3),
        (Kind.smoke, "battery_percentage", 64, "battery", 64),
        (Kind.smoke, "battery_state", "low", "battery_low", True),
        (Kind.smoke, "battery_state", "middle", "battery_low", False),
        (Kind.smoke, "temper_alarm", True, "tamper", True),
        (Kind.smoke, "muffling", True, "muted", True),
        (Kind.smoke, "checking_result", "checking", "self_test", True),
        (Kind.gas, "gas_sensor_status", "alarm", "gas", True),
        (Kind.gas, "gas_sensor_state", "2", "gas", False),
        (Kind.gas, "gas_sensor_value", 1000, "gas_level", 100),
        (Kind.gas, "gas_sensor_value", 55, "gas_level", 5.5),
        (Kind.co, "co_status", "alarm", "co", True),
        (Kind.water_leak, "watersensor_state", "1", "water_leak", True),
        (Kind.sos, "sos", "sos", "sos", True),
        (Kind.sos, "sos_state", True, "sos", True),
        (Kind.door, "doorcontact_state", True, "door_open", True),
        (Kind.door, "doorcontact_state", False, "door_open", False),
        (Kind.motion, "pir", "pir", "motion", True),
        (Kind.motion, "pir", "none", "motion", False),
        (Kind.motion, "pir", "1", "motion", True),
        (Kind.motion, "pir", "2", "motion", False),
    ],
)  # fmt: skip
def test_tuya_data_points(kind: Kind, code: str, value: Any, quantity: str, wanted: Any) -> None:
    """Each documented code means what its documentation says, in our unit, at the time of the point."""
    r = tuya(kind, (code, value))
    assert r.values[quantity] == wanted
    assert type(r.values[quantity]) is type(wanted)
    assert r.device_at == datetime(2026, 5, 23, 4, 0, tzinfo=UTC)


def test_a_released_tuya_button_calls_nobody() -> None:
    """`sos_state` false is no press; the device is heard, that is all."""
    assert tuya(Kind.sos, ("sos_state", False), ("battery_percentage", 9)).values == {"battery": 9}


def test_a_gas_alarm_that_warms_up_has_no_level() -> None:
    """While `preheat` holds the value is unknown, not zero; the alarm itself is never held back."""
    r = tuya(Kind.gas, ("preheat", True), ("gas_sensor_value", 900), ("gas_sensor_status", "alarm"))
    assert r.values == {"preheat": True, "gas": True}
    assert r.unknown == ["gas_level"]


def test_points_of_different_times_are_different_reports() -> None:
    """A battery of now does not make an old alarm new: each point keeps its own time."""
    out = heard(
        "tuya",
        "tuya/cloud",
        {"devId": "d1", "status": [{"code": "smoke_sensor_status", "value": "alarm", "t": 1779465600000},
                                   {"code": "battery_percentage", "value": 50, "t": 1779508800000}]},
        Device(id="x", kind=Kind.smoke, address="tuya/cloud/d1"),
    )  # fmt: skip
    assert [(r.values, r.at) for r in out] == [
        ({"smoke": True}, NOON - timedelta(hours=12)),
        ({"battery": 50}, NOON),
    ]


def test_an_unknown_word_is_refused_and_not_guessed() -> None:
    """Only its own quantity; the neighbour is taken."""
    payload = {
        "devId": "d1",
        "status": [{"code": "smoke_sensor_state", "value": "3"}, {"code": "battery_percentage", "value": 50}],
    }
    report, refusal = heard(
        "tuya", "tuya/cloud", payload, Device(id="x", kind=Kind.smoke, address="tuya/cloud/d1")
    )
    assert report.values == {"battery": 50}
    assert (refusal.quantity, refusal.reason, refusal.alarm) == ("smoke", "bad_value", True)


# -- Aqara

MAGNET = (
    b'{"cmd":"report","model":"magnet","sid":"89234324","short_id":4343,"data":"{\\"status\\":\\"open\\"}"}'
)
HEARTBEAT = b'{"cmd":"heartbeat","model":"motion","sid":"89234324","short_id":4343,"data":"{\\"voltage\\":\\"3000\\"}"}'


def test_json_in_a_string_and_a_model_that_lies() -> None:
    """The two payloads of its documentation are of one door contact: the sid counts, not the model."""
    door = Device(id="door", kind=Kind.door, address="aqara/h1/gw/89234324")
    assert one("aqara", "aqara/h1/gw", MAGNET, door).values == {"door_open": True}
    heartbeat = one("aqara", "aqara/h1/gw", HEARTBEAT, door)
    assert (heartbeat.device, heartbeat.values) == ("door", {"voltage": 3000})


def test_an_alarm_field_means_what_the_device_is() -> None:
    """`alarm` 1 is smoke at a smoke detector and gas at a gas alarm, whatever `model` says; 2 is a test, 8 a fault."""

    def said(kind: Kind, alarm: str) -> dict[str, Any]:
        payload = {"cmd": "report", "model": "natgas", "sid": "s", "data": json.dumps({"alarm": alarm})}
        return one("aqara", "aqara/h1/gw", payload, Device(id="d", kind=kind, address="aqara/h1/gw/s")).values

    assert said(Kind.smoke, "1")["smoke"] is True
    assert "gas" not in said(Kind.smoke, "1")
    assert said(Kind.gas, "1")["gas"] is True
    assert said(Kind.smoke, "0")["smoke"] is False
    assert "smoke" not in said(Kind.smoke, "2")
    assert said(Kind.smoke, "2")["self_test"] is True
    assert said(Kind.smoke, "8")["fault"] == "battery"


def test_sensors_behind_a_claimed_gateway_are_not_the_gateway() -> None:
    """What a sensor says is listed under its own name until it is claimed, with what it probably is."""
    gateway = Device(id="gw", kind=Kind.gateway, address="aqara/h1/gw")
    [out] = heard("aqara", "aqara/h1/gw", MAGNET, gateway)
    assert isinstance(out, Unclaimed)
    assert (out.topic, out.suggested_kind, out.suggested_home) == ("aqara/h1/gw/89234324", "door", "h1")
    assert (
        one("aqara", "aqara/h1/gw", MAGNET, gateway, Device(id="89234324", kind=Kind.door)).device
        == "89234324"
    )


def test_an_unreadable_message_on_a_shared_topic_tells_of_an_alarm_device_behind_it() -> None:
    """A smoke detector known by its sid stands behind the topic: a cut message is not silence."""
    [out] = heard(
        "aqara", "aqara/h1/gw", MAGNET[:40], Device(id="s", kind=Kind.smoke, address="aqara/h1/gw/77")
    )
    assert isinstance(out, Refusal)
    assert (out.alarm, out.device, out.home) == (True, "s", "h1")
    [inner] = heard(
        "aqara",
        "aqara/h1/gw",
        {"sid": "77", "data": '{"alarm":'},
        Device(id="s", kind=Kind.smoke, address="aqara/h1/gw/77"),
    )
    assert (inner.reason, inner.alarm, inner.device) == ("not_json", True, "s")


def test_broken_json_inside_a_message_is_put_down_to_the_device_that_the_message_names() -> None:
    """Not to an alarm device that happens to share the topic: nobody is sent to a smoke detector for a door contact."""
    smoke = Device(id="s", kind=Kind.smoke, address="aqara/h1/gw/77")
    door = Device(id="d", kind=Kind.door, address="aqara/h1/gw/88")
    broken = {"cmd": "report", "model": "magnet", "sid": "88", "data": '{"status":"op'}
    [out] = heard("aqara", "aqara/h1/gw", broken, smoke, door)
    assert (out.reason, out.alarm, out.device, out.home) == ("not_json", False, "d", "h1")
    [out] = heard("aqara", "aqara/h1/gw", {**broken, "sid": "77"}, smoke, door)
    assert (out.reason, out.alarm, out.device) == ("not_json", True, "s")
    [out] = heard("aqara", "aqara/h1/gw", {**broken, "sid": "99"}, smoke, door)
    assert isinstance(out, Unclaimed)
    assert out.topic == "aqara/h1/gw/99"
    [out] = heard("aqara", "aqara/h1/gw", {k: v for k, v in broken.items() if k != "sid"}, smoke, door)
    assert (out.alarm, out.device) == (True, "s")  # it may have been anybody's
    deep = {"sid": "88", "data": "[" * 40 + "]" * 40}
    [out] = heard("aqara", "aqara/h1/gw", deep, smoke, door)
    assert (out.reason, out.device) == ("too_deep", "d")


# -- beds

WISLEEP = {
    "records": [
        {
            "status": 4,
            "bpm": 84,
            "rpm": 14,
            "sn": "201906078",
            "signal": "64/100",
            "quality": "99/100",
            "ssid": "B03-1",
        }
    ]
}


def test_wisleep_counts_only_when_it_says_so() -> None:
    """The documented record: status 4 and both rates above 0; anything else is unknown, never 0, never an empty bed."""
    bed = Device(id="bed", kind=Kind.bed_belt, address="wisleep/client/201906078")
    r = one("wisleep", "wisleep/client", WISLEEP, bed)
    assert r.values == {
        "heart_rate": 84,
        "respiration_rate": 14,
        "in_bed": True,
        "signal_quality": 99,
        "link_quality": 163.2,
    }
    for change in ({"status": 3}, {"bpm": 0}, {"rpm": 0}):
        record = {**WISLEEP["records"][0], **change}
        r = one("wisleep", "wisleep/client", {"records": [record]}, bed)
        assert sorted(r.unknown) == ["heart_rate", "in_bed", "respiration_rate"], change
        assert set(r.values) == {"signal_quality", "link_quality"}


def test_several_beds_in_one_message_are_told_apart() -> None:
    """Two records, two devices; the third is nobody's and is listed."""
    records = [
        {**WISLEEP["records"][0], "sn": sn, "bpm": bpm} for sn, bpm in (("1", 60), ("2", 61), ("3", 62))
    ]
    out = heard("wisleep", "wisleep/c", {"records": records},
                Device(id="a", kind=Kind.bed_belt, address="wisleep/c/1"), Device(id="b", kind=Kind.bed_belt, address="wisleep/c/2"))  # fmt: skip
    assert [(o.device, o.values["heart_rate"]) for o in out[:2]] == [("a", 60), ("b", 61)]
    assert (out[2].topic, out[2].suggested_kind) == ("wisleep/c/3", "bed_belt")


@pytest.mark.parametrize(
    ("state", "word", "in_bed"),
    [(0, "in_bed", True), (1, "out_of_bed", False), (2, "movement", True), (3, "weak_breathing", True), (4, "heavy_object", None), (5, "snoring", True)],
)  # fmt: skip
def test_the_states_of_a_care_platform_mattress(state: int, word: str, in_bed: bool | None) -> None:
    """Six words; a heavy object is neither a person in bed nor an empty bed, and its rates are nobody's."""
    payload = {"mattress_state": state, "heart_rate": 66, "respiratory_rate": 15}
    r = one("mattress", "mattress/h1/m", payload, Device(id="m", kind=Kind.bed_belt))
    assert r.values["bed_state"] == word
    assert r.values.get("in_bed") is in_bed
    assert ("in_bed" in r.unknown) is (in_bed is None)
    assert ("heart_rate" in r.values) is (state not in (1, 4))


def belt(row: dict[str, Any]) -> Report:
    return one("sleepace", "sleepace/h1/belt", row, Device(id="belt", kind=Kind.bed_belt))


def test_a_belt_that_is_not_connected_says_nothing_of_the_bed() -> None:
    """255 is no heart rate: everything is unknown and the belt has a fault, which ends when it is connected again."""
    r = belt({"heart_rate": 255, "breath_rate": 255, "status": 1, "status_value": 0})
    assert sorted(r.unknown) == ["bed_state", "heart_rate", "in_bed", "respiration_rate"]
    assert r.values == {"fault": "not_connected"}
    assert belt({"heart_rate": 60, "breath_rate": 14, "status": 1}).values["fault"] is False
    starting = belt({"heartRate": 60, "breathRate": 14, "status": 1, "isInit": True})
    assert set(starting.unknown) == {"bed_state", "heart_rate", "in_bed", "respiration_rate"}


STATUS = {
    0: ("out_of_bed", False),
    1: ("in_bed", True),
    17: ("apnoea", True),
    34: ("movement", True),
    35: ("turn_over", True),
}


def test_a_real_night_comes_through_the_mapping(shared_fixtures: Path) -> None:
    """Every minute of the recorded belt: status words right, an empty bed has no heart, and the one long pause is found."""
    site = Site(
        community=Community(id="c", name="c"),
        homes=[Home(id="h1", residents=[Resident(id="r", name="r")],
                    devices=[Device(id="belt", kind=Kind.bed_belt, resident="r", room="bedroom")])],
    )  # fmt: skip
    normalizer = Normalizer(Registry(site), [Subscription("sleepace/#", "mapped:sleepace")])
    engine = Engine(Registry(site), load_rules())
    start = datetime(2026, 3, 1, 15, 0, tzinfo=UTC)
    found, statuses = [], set()
    with (shared_fixtures / "belt" / "m8701w_348min.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            at = start + timedelta(minutes=int(row["minute"]))
            payload = {k: int(v) for k, v in row.items()} | {"time": int(at.timestamp())}
            [r] = normalizer.normalize(Message("sleepace/h1/belt", json.dumps(payload).encode(), at))
            assert isinstance(r, Report)
            status = int(row["status"])
            statuses.add(status)
            assert (r.values["bed_state"], r.values["in_bed"]) == STATUS[status]
            assert r.device_at == at
            if status == 0:
                assert "heart_rate" in r.unknown
                assert "respiration_rate" in r.unknown
            else:
                assert r.values["heart_rate"] == int(row["heart_rate"])
                assert r.values["respiration_rate"] == int(row["breath_rate"])
            found += engine.tick(at)
            found += engine.feed(r, at)
    assert statuses == set(STATUS)
    told = [(f.rule, f.phase.value, f.level.value) for f in found if f.level.value != "blue"]
    assert told == [("VT7", "opened", "red"), ("VT7", "cleared", "red")]


# -- NB-IoT


def test_an_nbiot_smoke_alarm() -> None:
    """Heartbeat with volts or millivolts; an alarm is dated by its receipt, not by the heartbeat of this morning."""
    smoke = Device(id="s", kind=Kind.smoke, address="nbiot/ctwing/861")
    r = one("nbiot_smoke", "nbiot/ctwing", {"imei": "861", "smoke_state": 0, "battery_voltage": 3.05, "rsrp": -92,
            "tamper_state": 0, "error_code": 0, "heartbeat_time": 1779480000000}, smoke)  # fmt: skip
    assert r.values == {
        "smoke": False,
        "voltage": 3050,
        "tamper": False,
        "fault": False,
        "link_quality": 127.5,
    }
    assert r.at == NOON - timedelta(hours=8)
    r = one(
        "nbiot_smoke",
        "nbiot/ctwing",
        {"imei": 861, "smoke_state": 1, "battery_voltage": 3050, "heartbeat_time": 1779480000000},
        smoke,
    )
    assert (r.values["smoke"], r.values["voltage"], r.at, r.repaired) == (True, 3050, NOON, "none_given")


# -- faults

GOOD = """\
mapping: acme
about: a test
topics: ["acme/{home}/{device}"]
device: {part: device}
readings:
  - {quantity: temperature, field: "data.t[0]", unit: °F, invalid: [65535]}
"""


def test_units_invalid_values_and_paths() -> None:
    """Fahrenheit becomes Celsius, 65535 is unknown, a path goes through lists."""
    assert read_mapping(GOOD).name == "acme"


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("quantity: temperature", "quantity: temprature", 6, "`temprature` is not a quantity"),
        ("data.t[0]", "data.*", 6, "without wildcards"),
        ("unit: °F", "unit: bar", 6, "`bar` cannot be turned into °C"),
        ("unit: °F", "when: status =", 6, "a field, a number"),
        ("unit: °F", 'when: "(a = 1"', 6, "`)` is missing"),
        ("part: device", "part: room", 4, "no topic has a part {room}"),
        ("part: device", "part: device, field: x", 4, "not both"),
        ("{home}/{device}", "{home}{device}", 3, "something fixed"),
        ("acme/{home}", "acme//{home}", 3, "empty level"),
        ("about: a test", "abuot: a test", 2, "unknown field `abuot`"),
        ("unit: °F", "scale: 0", 6, "a scale of 0"),
        ("unit: °F", "map: {}, fied: 3", 6, "unknown field `fied`"),
        ("quantity: temperature", "quantity: smoke", 6, "is no number"),
        ("mapping: acme", "mapping: Acme 1", 1, "mapping"),
        ("mapping: acme", "mapping: [", 3, "not valid YAML"),
    ],
)
def test_a_faulty_mapping_is_refused_with_line_and_reason(old: str, new: str, line: int, words: str) -> None:
    """file:line: reason."""
    assert old in GOOD
    with pytest.raises(MappingFaults) as caught:
        read_mapping(GOOD.replace(old, new, 1), "acme.yaml")
    [fault] = [f for f in caught.value.faults if words in f]
    assert fault.startswith(f"acme.yaml:{line}: "), fault


def test_a_file_of_ones_own_is_a_dialect(tmp_path: Path) -> None:
    """`mapped:PATH.yaml`; a device that names its home and itself needs no address."""
    file = tmp_path / "acme.yaml"
    file.write_text(GOOD, encoding="utf-8")
    r = one(str(file), "acme/h1/t1", {"data": {"t": [98.6]}}, Device(id="t1", kind=Kind.climate))
    assert r.values == {"temperature": 37}
    r = one(str(file), "acme/h1/t1", {"data": {"t": [65535]}}, Device(id="t1", kind=Kind.climate))
    assert (r.values, r.unknown) == ({}, ["temperature"])


def test_an_unknown_mapping_stops_the_service_with_a_sentence() -> None:
    """It names those that ship."""
    with pytest.raises(Misconfigured, match="there is no mapping `tuyaa`; shipped are aqara"):
        load("tuyaa")
    with pytest.raises(Misconfigured, match="cannot be read"):
        load("nowhere/x.yaml")


def test_another_homes_device_cannot_be_named_in_a_payload() -> None:
    """A message of home h2 that names a device of h1 is nobody's."""
    [out] = heard(
        "sleepace",
        "sleepace/h2/belt",
        {"heart_rate": 60, "breath_rate": 14, "status": 1},
        Device(id="belt", kind=Kind.bed_belt),
    )
    assert isinstance(out, Unclaimed)


def test_consent_holds_for_every_dialect() -> None:
    """What a resident keeps from the centre is left out of a mapped message too."""
    person = Resident(id="r", name="r", consent={"vitals": ["family"]})
    home = Home(id="h1", residents=[person], devices=[Device(id="belt", kind=Kind.bed_belt, resident="r")])
    normalizer = Normalizer(
        Registry(Site(community=Community(id="c", name="c"), homes=[home])),
        [Subscription("#", "mapped:sleepace")],
    )
    report, refusal = normalizer.normalize(
        Message("sleepace/h1/belt", b'{"heart_rate":60,"breath_rate":14,"status":1}', NOON)
    )
    assert isinstance(report, Report)
    assert report.values == {"in_bed": True, "bed_state": "in_bed", "fault": False}
    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.sample) == ("no_consent", "")


def test_the_example_of_the_docs_works() -> None:
    """The mapping in docs/dialects.md is good, and reads what it says it reads; its settings name known dialects."""
    text = (Path(__file__).parents[2] / "docs" / "dialects.md").read_text(encoding="utf-8")
    [example] = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    mapped = Mapped(read_mapping(example))
    inner = {
        "list": [
            {
                "sn": "7",
                "n": 3,
                "ts": 1779508800000,
                "status": 4,
                "hr": 61,
                "quality": "99/100",
                "env": {"air temp": 215},
                "battery": {"v": 3.1},
                "alarm": 1,
            }
        ]
    }
    [part] = mapped.hear(Heard("acme/h1/gw", json.dumps({"data": json.dumps(inner)}).encode(), NOON, UTC))
    assert isinstance(part, Utterance)
    assert part.addresses[0] == "acme/h1/gw/7"
    said = part.say(NOBODY)
    assert said.values == {
        "heart_rate": 61,
        "in_bed": True,
        "signal_quality": 99,
        "temperature": 21.5,
        "voltage": 3100,
    }
    assert (said.seq, said.device_at) == (3, NOON)
    assert part.say(Claim(Kind.smoke)).values["smoke"] is True
    [settings] = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    named = {s["dialect"] for s in tomllib.loads(settings)["mqtt"]["subscriptions"]}
    assert {n for n in named if not n.startswith("mapped:")} == NAMES
