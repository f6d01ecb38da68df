"""The MQTT document is true: it is AsyncAPI, it names everything, and the real decoder takes what it shows."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jsonschema_rs
import pytest

from anxin.settings import Settings
from care.clock import ManualClock
from care.errors import Reason
from care.messages import URGENT, DeviceAck, Refusal, Report, Unclaimed, encode
from care.site import Registry
from care.sitefile import read_site
from care.stream import MemoryStream
from devices.quantities import QUANTITIES, coerce
from ingest.gateway import Gateway
from ingest.normalize import PAYLOAD_LIMIT, Message, Normalizer, Subscription

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = json.loads((ROOT / "docs" / "asyncapi.json").read_text(encoding="utf-8"))
OFFICIAL = ROOT / "web" / "node_modules" / "@asyncapi" / "specs" / "schemas" / "3.0.0.json"
SCHEMAS = DOCUMENT["components"]["schemas"]
MESSAGES = DOCUMENT["components"]["messages"]
NOW = datetime(2026, 11, 22, 4, 6, 55, tzinfo=UTC)
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
"""The quantities that contract section 4 promises, written down a second time on purpose."""

SITE = """
community: {id: zpq, name: 总浦桥社区, timezone: Asia/Shanghai}
homes:
  - id: h0317
    residents: [{id: r0317, name: 周阿婆}]
    devices:
      - {id: gw-0317, kind: gateway}
      - {id: belt-0317, kind: bed_belt, resident: r0317}
      - {id: sos-0317, kind: sos}
      - {id: smoke-0317, kind: smoke}
      - {id: gas-0317, kind: gas}
      - {id: door-0317, kind: door}
      - {id: kitchen-0317, kind: smoke, address: "zigbee2mqtt/h0317/kitchen smoke"}
      - {id: entrance-0317, kind: door, address: "zigbee2mqtt/h0317/入户门"}
      - {id: button-0317, kind: sos, address: "zigbee2mqtt/h0317/床头按钮"}
"""


def normalizer() -> Normalizer:
    subscriptions = [Subscription(s.filter, s.dialect) for s in Settings().mqtt.subscriptions]
    return Normalizer(Registry(read_site(SITE)), subscriptions)


def checker(schema: str) -> jsonschema_rs.Validator:
    """A schema of the document, which may refer to others in it."""
    return jsonschema_rs.validator_for(
        {"$ref": f"#/components/schemas/{schema}", "components": DOCUMENT["components"]}
    )


def examples() -> list[Any]:
    """Every example of a message that we receive."""
    return [
        pytest.param(name, one["name"], one["payload"], id=f"{name}-{i}")
        for name, message in MESSAGES.items()
        if name != "deviceAck"
        for i, one in enumerate(message["examples"])
    ]


def test_the_document_is_asyncapi_3() -> None:
    """It fits the official JSON Schema of AsyncAPI 3.0.0, and that schema is strict enough to find a slip."""
    assert OFFICIAL.exists(), "the schema of AsyncAPI comes with the screens' tools: run `make web` first"
    official = jsonschema_rs.validator_for(json.loads(OFFICIAL.read_text(encoding="utf-8")))
    assert [f"{list(e.instance_path)}: {e.message}" for e in official.iter_errors(DOCUMENT)] == []
    slip = json.loads(json.dumps(DOCUMENT))
    slip["channels"]["readings"]["adress"] = slip["channels"]["readings"].pop("address")
    assert not official.is_valid(slip)
    slip = json.loads(json.dumps(DOCUMENT))
    slip["operations"]["sendAck"]["bindings"]["mqtt"]["qos"] = 3
    assert not official.is_valid(slip)


def test_every_reference_leads_somewhere() -> None:
    """No `$ref` of the document is dangling (the official schema does not look)."""
    for place in re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(DOCUMENT)):
        found = DOCUMENT
        for step in place.split("/"):
            found = found[step]


def test_every_quantity_is_told_with_unit_and_range() -> None:
    """The quantities of the code and of the contract are all there; numbers carry their range, units where there are any."""
    told = SCHEMAS["report"]["properties"]
    assert set(told) == {"time", "seq", "test", *QUANTITIES}
    assert set(CONTRACT) <= set(told)
    for name, quantity in QUANTITIES.items():
        schema = SCHEMAS[name]
        assert schema.get("x-unit", "") == quantity.unit
        assert (schema.get("minimum"), schema.get("maximum")) == (quantity.low, quantity.high)
        assert schema.get("x-alarm-class", False) == (name in URGENT)


@pytest.mark.parametrize("name", QUANTITIES)
def test_what_is_shown_of_a_quantity_is_taken(name: str) -> None:
    """Each example value and both ends of the range fit the schema and the decoder; beyond them neither takes it."""
    quantity, schema, fits = QUANTITIES[name], SCHEMAS[name], checker(name)
    for value in schema["examples"]:
        assert fits.is_valid(value)
        assert coerce(quantity, value) == value
    assert fits.is_valid(None), "null is unknown, for every quantity"
    for end, beyond in ((quantity.low, -1), (quantity.high, 1)):
        if end is None:
            continue
        assert fits.is_valid(end)
        assert coerce(quantity, end) == end
        assert not fits.is_valid(end + beyond)
        said = native(name, end + beyond)
        assert [one.reason for one in said if isinstance(one, Refusal)] == ["out_of_range"]


def native(quantity: str, value: Any) -> list[Any]:
    message = Message("anxin/v1/h0317/gas-0317", json.dumps({"seq": 1, quantity: value}).encode(), NOW, qos=1)
    return list(normalizer().normalize(message))


@pytest.mark.parametrize(("message", "topic", "payload"), examples())
def test_an_example_fits_its_schema_and_its_channel(message: str, topic: str, payload: Any) -> None:
    """It validates against the payload's schema, and its topic is one of a channel that carries this message."""
    schema = MESSAGES[message]["payload"]["$ref"].rpartition("/")[2]
    assert [e.message for e in checker(schema).iter_errors(payload)] == []
    carrying = [
        channel["address"]
        for channel in DOCUMENT["channels"].values()
        if f"#/components/messages/{message}" in [m["$ref"] for m in channel["messages"].values()]
    ]
    assert any(re.fullmatch(re.sub(r"\{\w+\}", ".+", address), topic) for address in carrying), topic


@pytest.mark.parametrize(("message", "topic", "payload"), examples())
def test_an_example_is_accepted_by_the_real_decoder(message: str, topic: str, payload: Any) -> None:
    """Nothing is refused or unclaimed; every quantity in it arrives with its value, unknown ones as unknown."""
    data = json.dumps(payload, ensure_ascii=False).encode()
    assert message == "zigbeeBridgeDevices" or len(data) <= PAYLOAD_LIMIT
    works = normalizer()
    outcomes = works.normalize(Message(topic, data, NOW, qos=1))
    assert [o for o in outcomes if isinstance(o, Refusal | Unclaimed)] == []
    reports = [o for o in outcomes if isinstance(o, Report)]
    match message:
        case "report" | "reports":
            items = payload if isinstance(payload, list) else [payload]
            assert len(reports) == len(items)
            for report, item in zip(reports, items, strict=True):
                for key, value in item.items():
                    if key not in ("time", "seq", "test"):
                        assert (key in report.unknown) if value is None else (report.values[key] == value)
                assert (report.seq, report.test) == (item["seq"], item.get("test", False))
                assert report.repaired is None
        case "gatewayState" | "zigbeeAvailability" | "zigbeeBridgeState":
            assert [r.state for r in reports] in ([payload["state"]], [])
            assert reports or message == "zigbeeBridgeState"
        case "zigbeeState":
            (report,) = reports
            properties = SCHEMAS["zigbeeState"]["properties"]
            wanted = {q for name in payload for q in properties.get(name, {}).get("x-quantities", [])}
            assert set(report.values) == wanted
            assert report.values
        case "zigbeeAttribute":
            assert [r.values for r in reports] == [{"smoke": True}]
        case "zigbeeBridgeDevices":
            assert reports == []
            assert set(works.routes.models_of("zigbee2mqtt")) == {"h0317/kitchen smoke", "0x00158d0001000011"}


def test_all_ways_of_a_home_are_shown() -> None:
    """There is an example of every message, and an alarm, a test, a null and an array among them."""
    assert all(message["examples"] for message in MESSAGES.values())
    reports = [one["payload"] for one in MESSAGES["report"]["examples"]]
    assert any(not URGENT.isdisjoint(report) for report in reports)
    assert any(report.get("test") for report in reports)
    assert any(value is None for report in reports for value in report.values())


def test_the_answer_to_an_alarm_is_the_one_that_is_described() -> None:
    """What ingest really publishes fits the ack's schema, topic and quality of service; with and without seq."""
    sent: list[tuple[str, bytes]] = []

    class Broker:
        async def deliver(self, topic: str, payload: bytes) -> bool:
            sent.append((topic, payload))
            return True

    class Work:
        def __init__(self, ack: DeviceAck) -> None:
            self.stored = SimpleNamespace(data=encode(ack))

        async def ack(self) -> None:
            pass

    async def answer() -> None:
        async def nothing() -> Any:
            yield Registry(read_site(SITE))

        gateway = Gateway(
            stream=MemoryStream(),
            clock=ManualClock(NOW),
            registry_source=nothing(),
            mqtt_url="mqtt://127.0.0.1",
            client_id="x",
        )
        gateway._broker = Broker()  # type: ignore[assignment]
        for seq in (7, None):
            ack = DeviceAck(home="h0317", device="sos-0317", alert=317, at=NOW, seq=seq)
            await gateway._answer_one(Work(ack))  # type: ignore[arg-type]

    asyncio.run(answer())
    (example,) = MESSAGES["deviceAck"]["examples"]
    assert [topic for topic, _ in sent] == [example["name"]] * 2
    fits = checker("deviceAck")
    for _, payload in sent:
        assert [e.message for e in fits.iter_errors(json.loads(payload))] == []
    assert fits.is_valid(example["payload"])
    assert json.loads(sent[0][1]).keys() == example["payload"].keys()
    assert json.loads(sent[1][1])["seq"] is None


def test_the_default_subscriptions_hear_every_channel() -> None:
    """A topic that the document shows is one that a service with default settings receives."""
    works = normalizer()
    for message in MESSAGES.values():
        for one in message["examples"]:
            if message["name"] == "deviceAck":
                continue
            levels = one["name"].split("/")
            assert any(_hears(s.filter.split("/"), levels) for s in works.subscriptions), one["name"]


def _hears(topic_filter: list[str], topic: list[str]) -> bool:
    for i, level in enumerate(topic_filter):
        if level == "#":
            return True
        if i >= len(topic) or level not in ("+", topic[i]):
            return False
    return len(topic_filter) == len(topic)


def test_every_reason_to_refuse_is_explained() -> None:
    """Document and page list the closed set, each with the sentence that stands in the source."""
    assert list(DOCUMENT["x-refusals"]) == [reason.value for reason in Reason]
    assert all(meaning.endswith(".") for meaning in DOCUMENT["x-refusals"].values())
    page = (ROOT / "docs" / "mqtt.md").read_text(encoding="utf-8")
    for reason, meaning in DOCUMENT["x-refusals"].items():
        assert f"| `{reason}` | {meaning} |" in page


def test_the_numbers_in_the_page_are_those_of_the_code() -> None:
    """Limits that the page tells in words are the ones in force, and its JSON examples of readings are taken."""
    page = (ROOT / "docs" / "mqtt.md").read_text(encoding="utf-8")
    limits = DOCUMENT["x-limits"]
    assert (
        f"At most {limits['payload-bytes'] // 1024} KB, {limits['objects-in-a-message']} objects, "
        f"{limits['levels-of-nesting']} levels of nesting"
    ) in page
    assert f"at most {limits['topic-characters']} characters" in page
    assert f"More than {limits['future-seconds']:g} s ahead or more than a day old" in page
    assert limits["past-seconds"] == 86_400
    assert f"the first {limits['sample-characters']} characters" in page
    first = json.loads(re.search(r"```json\n(.*?)```", page, flags=re.DOTALL)[1])  # type: ignore[index]
    data = json.dumps(first).encode()
    (report,) = normalizer().normalize(Message("anxin/v1/h0317/belt-0317", data, NOW))
    assert isinstance(report, Report)
    assert report.values["heart_rate"] == 72


def test_a_page_without_its_places_is_not_written() -> None:
    """A table that lost its marks in mqtt.md is a fault, never silently left out."""
    spec = importlib.util.spec_from_file_location("make_asyncapi", ROOT / "docs" / "make_asyncapi.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
        with pytest.raises(AssertionError, match="no place"):
            module.page("# an empty page")
    finally:
        del sys.modules[spec.name]
