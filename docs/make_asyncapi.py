"""Writes asyncapi.json, the MQTT interface, and the tables of mqtt.md; with `--check` only says whether they are current.

Start at `document`. Everything that the code knows comes from the code: quantities, ranges, limits, reasons to refuse,
what is made of Zigbee2MQTT's properties. What only people know, such as when to send what, is in the texts here.
`EXAMPLES` is fed to the real decoder by tests/unit/test_asyncapi.py. The document is AsyncAPI 3.0.
"""

import ast
import inspect
import itertools
import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from care import errors
from care.messages import URGENT
from devices.actions import CALLS
from devices.codecs import DEPTH_LIMIT, ITEMS_LIMIT
from devices.codecs.exposes import PROPERTIES, THE_ALARM
from devices.kinds import ALARM_KINDS, KINDS
from devices.quantities import QUANTITIES, TEXT_LIMIT, Nature, Quantity
from ingest.gateway import ACKS_KEPT
from ingest.lanes import TRIES
from ingest.normalize import FUTURE, PAST, PAYLOAD_LIMIT, SAMPLE
from ingest.routes import TOPIC_LIMIT

DOCUMENT = Path(__file__).with_name("asyncapi.json")
PAGE = Path(__file__).with_name("mqtt.md")

Json = dict[str, Any]


@dataclass(frozen=True)
class Example:
    """One message as a device would send it: its name in the document is the topic it is published on."""

    message: str
    topic: str
    payload: Any
    summary: str


EXAMPLES = (
    Example(
        "report",
        "anxin/v1/h0317/belt-0317",
        {
            "time": "2026-11-22T04:06:24.120Z",
            "seq": 10422,
            "heart_rate": 72,
            "respiration_rate": 16,
            "in_bed": True,
            "movement": 4,
            "signal_quality": 88,
        },
        "A bed belt, every 10 seconds",
    ),
    Example(
        "report",
        "anxin/v1/h0317/sos-0317",
        {"time": "2026-11-22T04:06:24.120Z", "seq": 7, "sos": True, "battery": 83},
        "SOS pressed: repeated with the same seq until the ack comes",
    ),
    Example(
        "report",
        "anxin/v1/h0317/smoke-0317",
        {"time": 1795320384120, "seq": 311, "smoke": True, "smoke_level": 212, "temperature": 41.5},
        "Smoke; the time as epoch milliseconds",
    ),
    Example(
        "report",
        "anxin/v1/h0317/gas-0317",
        {"time": "2026-11-22T12:06:24+08:00", "seq": 90, "gas": False, "gas_level": 0.4, "self_test": False},
        "A gas alarm at rest; silence would mean unknown, not fine",
    ),
    Example(
        "report",
        "anxin/v1/h0317/door-0317",
        {"time": "2026-11-22T04:06:24Z", "seq": 55, "door_open": True, "battery_low": False, "tamper": False},
        "The entrance door opens",
    ),
    Example(
        "report",
        "anxin/v1/h0317/belt-0317",
        {"time": "2026-11-22T04:06:34Z", "seq": 10423, "in_bed": True, "heart_rate": None},
        "null: the belt does not know the pulse just now; that is neither zero nor the last value",
    ),
    Example(
        "report",
        "anxin/v1/h0317/sos-0317",
        {"time": "2026-11-22T02:00:00Z", "seq": 8, "sos": True, "test": True},
        "A declared test: seen and answered, nobody is woken",
    ),
    Example(
        "reports",
        "anxin/v1/h0317/belt-0317",
        [
            {"time": "2026-11-22T04:06:44Z", "seq": 10424, "heart_rate": 71, "in_bed": True},
            {"time": "2026-11-22T04:06:54Z", "seq": 10425, "heart_rate": 73, "in_bed": True},
        ],
        "What was collected while the line was down, oldest first",
    ),
    Example("gatewayState", "anxin/v1/h0317/status", {"state": "online"}, "Retained, right after connecting"),
    Example("gatewayState", "anxin/v1/h0317/status", {"state": "offline"}, "Retained, as the last will"),
    Example(
        "zigbeeState",
        "zigbee2mqtt/h0317/kitchen smoke",
        {"smoke": True, "smoke_density": 18, "battery": 91, "linkquality": 120, "tamper": False, "test": False},
        "A smoke detector; the friendly name holds a slash and a space",
    ),
    Example(
        "zigbeeState",
        "zigbee2mqtt/h0317/入户门",
        {"contact": False, "battery": 76, "linkquality": 87, "voltage": 2900},
        "A door contact without contact is an open door",
    ),
    Example(
        "zigbeeState",
        "zigbee2mqtt/h0317/床头按钮",
        {"action": "emergency", "battery": 88, "linkquality": 66},
        "A button that calls for help",
    ),
    Example("zigbeeAttribute", "zigbee2mqtt/h0317/kitchen smoke/smoke", True, "`output: attribute`"),
    Example(
        "zigbeeAvailability",
        "zigbee2mqtt/h0317/kitchen smoke/availability",
        {"state": "offline"},
        "A retained state; the plain words `online` and `offline` are read too",
    ),
    Example("zigbeeBridgeState", "zigbee2mqtt/bridge/state", {"state": "online"}, "The bridge itself"),
    Example(
        "zigbeeBridgeDevices",
        "zigbee2mqtt/bridge/devices",
        [
            {
                "ieee_address": "0x00158d0001000011",
                "friendly_name": "h0317/kitchen smoke",
                "definition": {
                    "model": "DJT11LM",
                    "exposes": [{"type": "binary", "name": "smoke", "property": "smoke", "value_on": True, "value_off": False}],
                },
            }
        ],
        "Retained list of devices; from it we learn units and which word means on",
    ),
)  # fmt: skip

ACK_EXAMPLE = {"seq": 7, "alert": 317, "at": "2026-11-22T04:06:24.310Z"}

VALUES: dict[str, list[Any]] = {
    "heart_rate": [72, 0], "respiration_rate": [16, 0], "signal_quality": [88], "movement": [4], "in_bed": [True, False],
    "bed_state": ["asleep"], "smoke": [True, False], "smoke_level": [212], "heat": [False], "gas": [True, False],
    "gas_level": [8.5], "co": [True, False], "co_level": [35], "sos": [True], "fall": [True, "suspected"],
    "action": ["single", "hold"], "temperature": [21.5], "humidity": [48], "illuminance": [320], "door_open": [True, False],
    "motion": [True, False], "presence": [True, False], "vibration": [True], "life_sign": [True], "life_sign_withdrawn": ["x5k2m7"], "water_leak": [True, False],
    "water_total": [18230.5], "battery": [83], "battery_low": [False], "voltage": [2900], "tamper": [False],
    "fault": [False, "E07"], "muted": [False], "self_test": [False], "preheat": [False], "end_of_life": [False],
    "contamination": ["normal", "medium"],
    "link_quality": [120],
}  # fmt: skip
"""Values of each quantity as a device would send them."""


def reasons() -> dict[str, str]:
    """Every reason to refuse and its sentence, read from the source: an enum keeps no docstrings."""
    body = next(
        node.body
        for node in ast.parse(inspect.getsource(errors)).body
        if isinstance(node, ast.ClassDef) and node.name == "Reason"
    )
    found = {}
    for line, after in itertools.pairwise(body):
        if isinstance(line, ast.Assign) and isinstance(after, ast.Expr):
            found[ast.literal_eval(line.value)] = str(ast.literal_eval(after.value))
    assert list(found) == [reason.value for reason in errors.Reason]
    return found


# -- schemas ----------------------------------------------------------------------------------------------------


def number(value: float) -> float | int:
    """As it is written: 300, not 300.0."""
    return int(value) if float(value).is_integer() else value


def schema_of(quantity: Quantity) -> Json:
    """A quantity as JSON Schema: what a device should send. The decoder is more patient (mqtt.md says how)."""
    unit = f", {quantity.unit}" if quantity.unit else ""
    out: Json = {"description": f"{quantity.en} {quantity.zh}{unit}"}
    match quantity.nature:
        case Nature.measurement | Nature.total:
            assert quantity.low is not None
            assert quantity.high is not None
            out |= {
                "type": ["number", "null"],
                "minimum": number(quantity.low),
                "maximum": number(quantity.high),
            }
        case Nature.state:
            out["type"] = ["boolean", "string", "null"] if quantity.texts else ["boolean", "null"]
        case Nature.press:
            out["type"] = ["boolean", "number", "string", "null"]
        case Nature.text:
            out |= {"type": ["string", "null"], "maxLength": TEXT_LIMIT}
    if quantity.name == "sos":
        out["description"] += (
            ". Any value but null is a press, false too: leave it out when nobody has pressed"
        )
    if quantity.name == "fall":
        out["description"] += ". `suspected` when the detector is not sure"
    out["examples"] = VALUES[quantity.name]
    out["x-nature"] = quantity.nature.value
    if quantity.unit:
        out["x-unit"] = quantity.unit
    if quantity.usual is not None:
        out["x-usual-range"] = [number(n) for n in quantity.usual]
    if quantity.consent is not None:
        out["x-consent"] = quantity.consent
    if quantity.name in URGENT:
        out["x-alarm-class"] = True
    return out


def told(quantity: str) -> str:
    """A quantity, or the words for what depends on the kind of the device."""
    return "the state its kind is there for" if quantity == THE_ALARM else quantity


def ref(place: str) -> Json:
    """A reference inside the document."""
    return {"$ref": f"#/{place}"}


def schemas() -> Json:
    """All of `components/schemas`."""
    state = {
        "type": "object",
        "required": ["state"],
        "properties": {"state": {"type": "string", "enum": ["online", "offline"]}},
    }
    return {
        "report": {
            "type": "object",
            "description": "What one device says at one time. Unknown fields are kept with the raw message and are never "
            "an error; one bad quantity refuses only itself; null means that the device does not know.",
            "minProperties": 1,
            "properties": {
                "time": {
                    "description": "When it happened: RFC 3339, or epoch milliseconds. Without a zone it is in the "
                    f"community's. More than {FUTURE.total_seconds():g} s ahead or more than {PAST.days} day old, the time of "
                    "receipt is used instead and the report says so. Optional but wanted.",
                    "oneOf": [{"type": "string", "format": "date-time"}, {"type": "integer"}],
                },
                "seq": {
                    "description": "Counter of the device, one for each reading, the same when it is sent again. Optional but "
                    "wanted: without `time` and `seq` a repeat cannot be told from a new reading.",
                    "type": "integer",
                    "minimum": 0,
                    "maximum": 2**63 - 1,
                },
                "test": {"description": "A declared test", "type": "boolean"},
                **{name: ref(f"components/schemas/{name}") for name in QUANTITIES},
            },
            "additionalProperties": True,
        },
        "reports": {
            "type": "array",
            "description": "Several at once, oldest first",
            "minItems": 1,
            "maxItems": ITEMS_LIMIT,
            "items": ref("components/schemas/report"),
        },
        "state": state,
        "deviceAck": {
            "type": "object",
            "description": "The alert is durable: help can no longer be lost. A device may show that it is coming.",
            "required": ["seq", "alert", "at"],
            "properties": {
                "seq": {
                    "type": ["integer", "null"],
                    "description": "Of the message that is answered; null when it had none",
                },
                "alert": {"type": "integer", "description": "The number people speak of"},
                "at": {"type": "string", "format": "date-time"},
            },
            "additionalProperties": False,
        },
        "zigbeeState": {
            "type": "object",
            "description": "A device's state as Zigbee2MQTT publishes it. Properties that are not here are settings, diagnoses or "
            "another trade, and are left alone. `action` calls for help when it is one of "
            f"{', '.join(sorted(CALLS))}, or one of the device's `calls_on` in the site file.",
            "minProperties": 1,
            "properties": {
                "action": {"description": "A button's action", "x-quantities": ["action", "sos"]},
                "last_seen": {"description": "When the device spoke; used as its time"},
                **{
                    name: {"x-quantities": list(dict.fromkeys(told(rule.quantity) for rule in rules))}
                    for name, rules in sorted(PROPERTIES.items())
                },
            },
            "additionalProperties": True,
        },
        "zigbeeAttribute": {
            "description": "One property on a topic of its own: JSON, or a bare word",
            "type": ["boolean", "number", "string", "null"],
        },
        "zigbeeDevices": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "ieee_address": {"type": "string"},
                    "friendly_name": {"type": "string"},
                    "definition": {"type": ["object", "null"]},
                },
            },
        },
        **{name: schema_of(quantity) for name, quantity in QUANTITIES.items()},
    }


# -- the document -------------------------------------------------------------------------------------------------


def message(name: str, title: str, schema: str, summary: str, **more: Any) -> Json:
    """A message with its examples."""
    examples = [
        {"name": e.topic, "summary": e.summary, "payload": e.payload} for e in EXAMPLES if e.message == name
    ]
    return {
        "name": name,
        "title": title,
        "summary": summary,
        "contentType": "application/json",
        "payload": ref(f"components/schemas/{schema}"),
        "examples": examples,
        **more,
    }


def messages() -> Json:
    """All of `components/messages`."""
    return {
        "report": message("report", "Reading", "report", "What one device says at one time"),
        "reports": message("reports", "Readings", "reports", "The same, several at once"),
        "gatewayState": message(
            "gatewayState", "State of a home's gateway", "state", "Retained; `offline` is the last will"
        ),
        "deviceAck": {
            "name": "deviceAck",
            "title": "Alarm taken",
            "summary": "Answer to SOS, fall, smoke, gas, CO and leak, once the alert is durable",
            "contentType": "application/json",
            "payload": ref("components/schemas/deviceAck"),
            "examples": [
                {
                    "name": "anxin/v1/h0317/sos-0317/ack",
                    "summary": "To the SOS with seq 7",
                    "payload": ACK_EXAMPLE,
                }
            ],
        },
        "zigbeeState": message("zigbeeState", "State of a Zigbee device", "zigbeeState", "Zigbee2MQTT, `output: json`"),
        "zigbeeAttribute": message(
            "zigbeeAttribute", "One property", "zigbeeAttribute", "Zigbee2MQTT, `output: attribute`"
        ),
        "zigbeeAvailability": message("zigbeeAvailability", "Availability of a Zigbee device", "state", "Retained"),
        "zigbeeBridgeState": message("zigbeeBridgeState", "State of a bridge", "state", "Retained"),
        "zigbeeBridgeDevices": message(
            "zigbeeBridgeDevices", "Devices of a bridge", "zigbeeDevices", "Retained; may be megabytes"
        ),
    }  # fmt: skip


HOME = {"description": "Id of the home in the site file", "examples": ["h0317"]}
DEVICE = {"description": "Id of the device in the site file", "examples": ["belt-0317", "sos-0317"]}
BASE = {
    "description": "Base topic of a Zigbee2MQTT, one level or more, as in `mqtt.subscriptions`",
    "default": "zigbee2mqtt",
}
NAME = {
    "description": "Friendly name: may hold `/`, spaces and Chinese",
    "examples": ["h0317/kitchen smoke", "h0317/入户门"],
}


def channel(
    address: str, title: str, description: str, *names: str, limit: int | None, **parameters: Json
) -> Json:
    """A topic and what may be on it."""
    out: Json = {"address": address, "title": title, "description": description}
    if parameters:
        out["parameters"] = parameters
    out["messages"] = {name: ref(f"components/messages/{name}") for name in names}
    if limit is not None:
        out["x-payload-limit-bytes"] = limit
    return out


def channels() -> Json:
    """All topics."""
    return {
        "readings": channel(
            "anxin/v1/{home}/{device}",
            "Readings of a device",
            f"QoS 1; telemetry may be QoS 0. Not retained. At most {PAYLOAD_LIMIT} bytes, {ITEMS_LIMIT} objects, "
            f"{DEPTH_LIMIT} levels of nesting. Messages with an alarm-class quantity ({', '.join(sorted(URGENT))}) "
            "go before all others and are answered on the ack topic.",
            "report", "reports", limit=PAYLOAD_LIMIT, home=HOME, device=DEVICE,
        ),
        "status": channel(
            "anxin/v1/{home}/status",
            "State of a home's gateway",
            'Retained, QoS 1: `{"state": "online"}` right after connecting, `{"state": "offline"}` as the last will. '
            "A hint only: a device that is silent for too long is noticed without it.",
            "gatewayState", limit=PAYLOAD_LIMIT, home=HOME,
        ),
        "ack": channel(
            "anxin/v1/{home}/{device}/ack",
            "Answer to an alarm",
            "QoS 1, not retained; subscribe before sending. A device repeats its alarm with the same `seq` until it "
            f"hears this; a repeat is answered again (the last {ACKS_KEPT} answers are remembered).",
            "deviceAck", limit=None, home=HOME, device=DEVICE,
        ),
        "zigbeeState": channel(
            "{base}/{friendlyName}",
            "A Zigbee device",
            "As Zigbee2MQTT publishes it, whole state each time. A repeated or retained state is no new event.",
            "zigbeeState", limit=PAYLOAD_LIMIT, base=BASE, friendlyName=NAME,
        ),
        "zigbeeAttribute": channel(
            "{base}/{friendlyName}/{attribute}",
            "One property of a Zigbee device",
            "When Zigbee2MQTT is set to `output: attribute`.",
            "zigbeeAttribute", limit=PAYLOAD_LIMIT, base=BASE, friendlyName=NAME,
            attribute={"description": "Published property", "examples": ["smoke", "contact"]},
        ),
        "zigbeeAvailability": channel(
            "{base}/{friendlyName}/availability",
            "Whether a Zigbee device answers",
            "Retained.",
            "zigbeeAvailability", limit=PAYLOAD_LIMIT, base=BASE, friendlyName=NAME,
        ),
        "zigbeeBridgeState": channel(
            "{base}/bridge/state",
            "Whether a bridge is there",
            "Retained; the state of the gateway of the home whose devices are all on it.",
            "zigbeeBridgeState", limit=None, base=BASE,
        ),
        "zigbeeBridgeDevices": channel(
            "{base}/bridge/devices",
            "What a bridge knows of its devices",
            "Retained. Other topics below `bridge` are received and left alone.",
            "zigbeeBridgeDevices", limit=None, base=BASE,
        ),
    }  # fmt: skip


def operation(action: str, name: str, title: str, *, qos: int = 1, retain: bool = False) -> Json:
    """What the service does with a channel."""
    return {
        "action": action,
        "channel": ref(f"channels/{name}"),
        "title": title,
        "bindings": {"mqtt": {"qos": qos, "retain": retain, "bindingVersion": "0.2.0"}},
    }


def operations() -> Json:
    """Seen from the service, as AsyncAPI 3 wants it: `receive` is what devices publish, `send` what they hear."""
    return {
        "receiveReadings": operation("receive", "readings", "Devices report")
        | {
            "reply": {
                "channel": ref("channels/ack"),
                "messages": [ref("channels/ack/messages/deviceAck")],
            }
        },
        "receiveStatus": operation("receive", "status", "Gateways come and go", retain=True),
        "sendAck": operation("send", "ack", "An alarm is taken"),
        "receiveZigbeeState": operation("receive", "zigbeeState", "Zigbee devices report"),
        "receiveZigbeeAttribute": operation(
            "receive", "zigbeeAttribute", "Zigbee devices report one property"
        ),
        "receiveZigbeeAvailability": operation(
            "receive", "zigbeeAvailability", "Zigbee devices come and go", retain=True
        ),
        "receiveZigbeeBridgeState": operation(
            "receive", "zigbeeBridgeState", "Bridges come and go", retain=True
        ),
        "receiveZigbeeBridgeDevices": operation(
            "receive", "zigbeeBridgeDevices", "Bridges tell of their devices", retain=True
        ),
    }


def server(port: int, protocol: str, description: str) -> Json:
    """Where devices connect; the host is the site's own business."""
    return {
        "host": f"{{host}}:{port}",
        "protocol": protocol,
        "protocolVersion": "3.1.1",
        "description": description,
        "variables": {
            "host": {"default": "127.0.0.1", "description": "`mqtt.listen`, or the broker of `mqtt.url`"}
        },
        "security": [ref("components/securitySchemes/gateway")],
        "bindings": {
            "mqtt": {
                "cleanSession": False,
                "keepAlive": 30,
                "lastWill": {
                    "topic": "anxin/v1/h0317/status",
                    "qos": 1,
                    "message": '{"state": "offline"}',
                    "retain": True,
                },
                "bindingVersion": "0.2.0",
            }
        },
    }


def document() -> Json:
    """The whole document."""
    return {
        "asyncapi": "3.0.0",
        "id": "urn:anxin:mqtt:v1",
        "info": {
            "title": "安心 Anxin: MQTT",
            "version": "1",
            "description": "How devices and gateways report to Anxin, and how alarms are answered. Contract version 1; in words: "
            "mqtt.md. What cannot be used is kept with one of the reasons in `x-refusals`, never silently dropped. "
            "A second way in for the same payload is `POST /api/v1/devices/{device}/readings` (openapi.json).",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "plain": server(1883, "mqtt", "Inside the house only. MQTT 3.1.1; no shared subscriptions."),
            "tls": server(8883, "mqtts", "From anywhere else: TLS 1.2 or newer."),
        },
        "channels": channels(),
        "operations": operations(),
        "components": {
            "schemas": schemas(),
            "messages": messages(),
            "securitySchemes": {
                "gateway": {
                    "type": "userPassword",
                    "description": "One name and password for each gateway; it may speak for its own homes only.",
                }
            },
        },
        "x-refusals": reasons(),
        "x-limits": {
            "payload-bytes": PAYLOAD_LIMIT,
            "objects-in-a-message": ITEMS_LIMIT,
            "levels-of-nesting": DEPTH_LIMIT,
            "topic-characters": TOPIC_LIMIT,
            "future-seconds": FUTURE.total_seconds(),
            "past-seconds": PAST.total_seconds(),
            "sample-characters": SAMPLE,
            "tries": TRIES,
        },
    }


# -- the tables of mqtt.md ------------------------------------------------------------------------------------------


def quantities_table() -> str:
    """Every quantity, one a line."""
    lines = ["| quantity | 中文 | value | range | consent |", "| --- | --- | --- | --- | --- |"]
    for q in QUANTITIES.values():
        value = {
            Nature.measurement: f"number{', ' + q.unit if q.unit else ''}",
            Nature.total: f"number that only grows, {q.unit}",
            Nature.state: "true, false" + (", or a word" if q.texts else ""),
            Nature.press: "any value" if q.name == "sos" else "true, or a word",
            Nature.text: "a word",
        }[q.nature]
        span = f"{number(q.low)}…{number(q.high)}" if q.low is not None and q.high is not None else ""
        mark = " **(alarm)**" if q.name in URGENT else ""
        lines.append(f"| `{q.name}`{mark} | {q.zh} | {value} | {span} | {q.consent or ''} |")
    return "\n".join(lines)


def kinds_table() -> str:
    """What each kind is expected to say, and how often."""
    lines = ["| kind | 中文 | it is there for | silent so long is a fault |", "| --- | --- | --- | --- |"]
    for kind in KINDS.values():
        minutes = kind.blue_after.total_seconds() / 60
        silent = f"{minutes:g} min" if minutes < 120 else f"{minutes / 60:g} h"
        mark = " **(alarm)**" if kind.kind in ALARM_KINDS else ""
        lines.append(
            f"| `{kind.kind.value}`{mark} | {kind.zh} | {', '.join(f'`{q}`' for q in kind.quantities[:3])} | {silent} |"
        )
    return "\n".join(lines)


def reasons_table() -> str:
    """Every reason to refuse."""
    lines = ["| reason | it means |", "| --- | --- |"]
    lines += [f"| `{reason}` | {meaning} |" for reason, meaning in reasons().items()]
    return "\n".join(lines)


def page(text: str) -> str:
    """mqtt.md with its tables written anew; everything else in it is written by hand."""
    for name, table in {
        "quantities": quantities_table(),
        "kinds": kinds_table(),
        "reasons": reasons_table(),
    }.items():
        text, count = re.subn(
            rf"(<!-- {name}: made by docs/make_asyncapi.py -->\n).*?(<!-- end -->)",
            lambda found, table=table: f"{found[1]}{table}\n{found[2]}",  # type: ignore[misc]
            text,
            flags=re.DOTALL,
        )
        assert count == 1, f"mqtt.md has no place for the table of {name}"
    return text


if __name__ == "__main__":
    wanted = {
        DOCUMENT: json.dumps(document(), ensure_ascii=False, indent=1) + "\n",
        PAGE: page(PAGE.read_text(encoding="utf-8")),
    }
    for file, text in wanted.items():
        if "--check" not in sys.argv[1:]:
            file.write_text(text, encoding="utf-8")
        elif not file.exists() or file.read_text(encoding="utf-8") != text:
            sys.exit(f"{file.name} is not current: run make docs")
