"""Home Assistant's discovery: devices learnt from retained configs, listed until claimed, decoded without an entry."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from care.messages import Refusal, Report, Unclaimed
from care.site import Community, Device, Home, Registry, Site
from care.words import Kind
from devices.codecs.templates import Steps, read_template
from devices.expressions import MISSING, ExpressionFault
from ingest.normalize import Message, Normalizer, Subscription

NOON = datetime(2026, 5, 23, 4, 0, tzinfo=UTC)


def a_site(*devices: Device) -> Registry:
    return Registry(Site(community=Community(id="c", name="c"), homes=[Home(id="h1", devices=list(devices))]))


class House:
    def __init__(self, *devices: Device) -> None:
        self.normalizer = Normalizer(a_site(*devices), [Subscription("#", "homeassistant")])

    def hears(self, topic: str, payload: Any) -> list[Any]:
        data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        return list(self.normalizer.normalize(Message(topic, data, NOON, retained=True)))

    def reads(self, topic: str, payload: Any) -> dict[str, Any]:
        [r] = self.hears(topic, payload)
        assert isinstance(r, Report), r
        return dict(r.values)


LEAK = {
    "~": "home/h1/leak",
    "name": "Leak",
    "uniq_id": "0x01_leak",
    "stat_t": "~/state",
    "val_tpl": "{{ value_json.water_leak }}",
    "pl_on": True,
    "pl_off": False,
    "dev_cla": "moisture",
    "avty": [{"t": "~/avail"}],
    "dev": {"ids": ["0x01"], "name": "kitchen leak", "mf": "Aqara", "mdl": "SJCGQ11LM"},
}
BATTERY = {
    "state_topic": "home/h1/leak/state",
    "value_template": "{{ value_json['battery'] }}",
    "device_class": "battery",
    "unit_of_measurement": "%",
    "device": {"identifiers": ["0x01"]},
}


def test_a_discovered_device_is_listed_with_what_it_seems_to_be() -> None:
    """From the config alone, before it has said anything; under its state topic, which is what the site file wants."""
    house = House()
    [new] = house.hears("homeassistant/binary_sensor/0x01/leak/config", LEAK)
    assert isinstance(new, Unclaimed)
    assert (new.topic, new.dialect, new.suggested_kind, new.suggested_home) == (
        "home/h1/leak/state", "homeassistant", "water_leak", "h1",
    )  # fmt: skip
    [again] = house.hears("home/h1/leak/state", {"water_leak": False, "battery": 90})
    assert (again.topic, again.suggested_kind, again.suggested_home) == (
        "home/h1/leak/state",
        "water_leak",
        "h1",
    )


def test_a_claimed_device_needs_no_catalogue_entry() -> None:
    """Abbreviations, `~`, two entities on one topic, payload_on that is JSON true, availability."""
    house = House(Device(id="leak", kind=Kind.water_leak, address="home/h1/leak/state"))
    assert house.hears("homeassistant/binary_sensor/0x01/leak/config", LEAK) == []
    assert house.hears("homeassistant/sensor/0x01/battery/config", BATTERY) == []
    assert house.reads("home/h1/leak/state", {"water_leak": True, "battery": 17}) == {
        "water_leak": True,
        "battery": 17,
    }
    assert house.reads("home/h1/leak/state", {"water_leak": False}) == {"water_leak": False}
    [r] = house.hears("home/h1/leak/avail", b"offline")
    assert (r.device, r.state) == ("leak", "offline")
    assert house.normalizer.is_alarm("home/h1/leak/state")


@pytest.mark.parametrize("address", ["n/motion", "n/temp", "homeassistant/sensor/n/temp"])
def test_all_topics_of_a_discovered_device_are_its_own(address: str) -> None:
    """Claimed by one of its state topics or by its config topic, the others follow."""
    house = House(Device(id="pir", kind=Kind.motion, address=address))
    device = {"cns": [["mac", "02:5b"]]}
    house.hears(
        "homeassistant/binary_sensor/n/motion/config",
        {"stat_t": "n/motion", "dev_cla": "motion", "dev": device},
    )
    house.hears("homeassistant/sensor/n/temp/config",
                {"stat_t": "n/temp", "dev_cla": "temperature", "unit_of_meas": "°F", "dev": device})  # fmt: skip
    assert house.reads("n/motion", b"ON") == {"motion": True}
    assert house.reads("n/temp", b"68") == {"temperature": 20}


@pytest.mark.parametrize(
    ("component", "config", "payload", "kind", "wanted"),
    [
        # Contacts of Zigbee2MQTT as it announces them: false is open.
        ("binary_sensor", {"pl_on": False, "pl_off": True, "dev_cla": "door", "val_tpl": "{{ value_json.contact }}"},
         {"contact": False}, Kind.door, {"door_open": True}),
        ("binary_sensor", {"dev_cla": "opening"}, b"OFF", Kind.door, {"door_open": False}),
        ("binary_sensor", {"dev_cla": "smoke", "pl_on": "1", "pl_off": "0"}, b"1", Kind.smoke, {"smoke": True}),
        ("binary_sensor", {"dev_cla": "gas"}, b"ON", Kind.gas, {"gas": True}),
        ("binary_sensor", {"dev_cla": "carbon_monoxide"}, b"ON", Kind.co, {"co": True}),
        ("binary_sensor", {"dev_cla": "occupancy"}, b"ON", Kind.presence, {"presence": True}),
        ("binary_sensor", {"dev_cla": "occupancy"}, b"OFF", Kind.bed_belt, {"in_bed": False}),
        ("binary_sensor", {"dev_cla": "battery"}, b"ON", Kind.smoke, {"battery_low": True}),
        ("binary_sensor", {"dev_cla": "problem"}, b"ON", Kind.smoke, {"fault": True}),
        ("binary_sensor", {"name": "SOS button"}, b"ON", Kind.sos, {"sos": True}),
        ("binary_sensor", {"name": "SOS button"}, b"OFF", Kind.sos, {}),
        ("binary_sensor", {"name": "Fall detected"}, b"ON", Kind.fall, {"fall": True}),
        ("binary_sensor", {"val_tpl": "{{ 'ON' if value_json.state == 'wet' else 'OFF' }}", "dev_cla": "moisture"},
         {"state": "wet"}, Kind.water_leak, {"water_leak": True}),
        ("binary_sensor", {"val_tpl": "{% if value_json.level > 50 %}ON{% else %}OFF{% endif %}", "dev_cla": "smoke"},
         {"level": 80}, Kind.smoke, {"smoke": True}),
        ("binary_sensor", {"val_tpl": "{{ value_json.a.b[1] == 2 }}", "dev_cla": "gas", "pl_on": True, "pl_off": False},
         {"a": {"b": [0, 2]}}, Kind.gas, {"gas": True}),
        ("sensor", {"dev_cla": "voltage", "unit_of_meas": "V"}, b"2.9", Kind.smoke, {"voltage": 2900}),
        ("sensor", {"dev_cla": "voltage", "unit_of_meas": "mV"}, b"2900", Kind.smoke, {"voltage": 2900}),
        ("sensor", {"dev_cla": "water", "unit_of_meas": "m³"}, b"1.25", Kind.water_meter, {"water_total": 1250}),
        ("sensor", {"dev_cla": "gas", "unit_of_meas": "m³"}, b"17", Kind.gas, {}),  # a gas meter, no gas alarm
        ("sensor", {"name": "Heart rate", "unit_of_meas": "bpm"}, b"71", Kind.bed_belt, {"heart_rate": 71}),
        ("sensor", {"dev_cla": "temperature", "val_tpl": "{{ value_json.t / 10 | round(1) }}"}, {"t": 215}, Kind.climate, {"temperature": 21.5}),
        ("sensor", {"dev_cla": "humidity", "val_tpl": "{{ value_json.h | float(0) }}"}, {"h": "48"}, Kind.climate, {"humidity": 48}),
        ("sensor", {"dev_cla": "temperature", "ent_cat": "diagnostic"}, b"unavailable", Kind.climate, {}),
        ("event", {"name": "Button"}, {"event_type": "emergency"}, Kind.sos, {"action": "emergency", "sos": True}),
        ("switch", {"name": "Siren"}, b"ON", Kind.smoke, None),
    ],
)  # fmt: skip
def test_what_an_entity_says(
    component: str, config: dict[str, Any], payload: Any, kind: Kind, wanted: Any
) -> None:
    """device_class, payload_on and off, unit, and the safe forms of templates."""
    house = House(Device(id="d", kind=kind, address="t/x"))
    house.hears(f"homeassistant/{component}/x/config", {"stat_t": "t/x", **config})
    if wanted is not None:
        assert house.reads("t/x", payload) == wanted


def test_a_device_config_with_components() -> None:
    """The newer form: one message for the device, entities inside, a shared state topic."""
    house = House(Device(id="bed", kind=Kind.bed_belt, address="bed/1"))
    config = {
        "dev": {"ids": "bed1"},
        "o": {"name": "x"},
        "stat_t": "bed/1",
        "cmps": {
            "hr": {"p": "sensor", "name": "Heart rate", "val_tpl": "{{ value_json.hr }}"},
            "occ": {"p": "binary_sensor", "dev_cla": "occupancy", "val_tpl": "{{ value_json.occ }}"},
        },
    }
    house.hears("homeassistant/device/bed1/config", config)
    assert house.reads("bed/1", {"hr": 66, "occ": "ON"}) == {"heart_rate": 66, "in_bed": True}


@pytest.mark.parametrize(
    "template",
    [
        "{{ value_json.x | map('upper') | list }}", "{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}", "{{ states('sensor.x') }}",
        "{{ ''.__class__.__mro__ }}", "{{ value_json.__class__() }}", "{{ value_json.x ** 999999 }}", "plain text",
        "{{ value_json.x | regex_findall('(a+)+$') }}", "{% include 'x' %}", "{{ x " + "(" * 100 + " == 1 }}",
    ],
)  # fmt: skip
def test_no_other_template_is_followed(template: str) -> None:
    """It is left alone; for an alarm of a claimed device people are told that it cannot be read."""
    with pytest.raises(ExpressionFault):
        read_template(template)
    house = House(Device(id="d", kind=Kind.smoke, address="t/x"))
    [told] = house.hears(
        "homeassistant/binary_sensor/x/config", {"stat_t": "t/x", "dev_cla": "smoke", "val_tpl": template}
    )
    assert isinstance(told, Refusal)
    assert (told.alarm, told.reason) == (False, "bad_value")
    assert told.detail.startswith("smoke: its template is not understood: ")
    report, refusal = house.hears("t/x", {"x": 1})
    assert report.values == {}
    assert isinstance(refusal, Refusal)
    assert (refusal.quantity, refusal.alarm) == ("smoke", True)


def test_what_a_template_finds() -> None:
    """A path, or nothing at all where the message is about something else."""
    template = read_template("{{ value_json['smoke'] | default('OFF') }}")
    assert template({"smoke": True}, "", Steps()) is True
    assert template({"battery": 3}, "", Steps()) is MISSING
    choice = read_template("{{ 'ON' if value_json.smoke == 'yes' else 'OFF' }}")
    assert choice({"battery": 3}, "", Steps()) is MISSING, "a battery report clears no alarm"


def test_a_message_before_its_config_is_still_read() -> None:
    """After a restart states may come first: ON at a smoke detector is smoke, an object goes by its usual names."""
    house = House(Device(id="d", kind=Kind.smoke, address="t/x"))
    assert house.reads("t/x", b"ON") == {"smoke": True}
    assert house.reads("t/x", {"smoke": False, "battery": 50}) == {"smoke": False, "battery": 50}


def test_what_was_learnt_stays_when_the_site_changes() -> None:
    """And an entity that is taken away (an empty config) is forgotten."""
    house = House()
    house.hears("homeassistant/binary_sensor/x/config", {"stat_t": "t/x", "dev_cla": "smoke", "pl_on": "hot"})
    house.normalizer = house.normalizer.with_registry(a_site(Device(id="d", kind=Kind.smoke, address="t/x")))
    assert house.reads("t/x", b"hot") == {"smoke": True}
    house.hears("homeassistant/binary_sensor/x/config", b"")
    assert isinstance(house.hears("t/x", b"hot")[0], Report | Refusal)
    assert not any(isinstance(o, Report) and o.values for o in house.hears("t/x", b"hot"))


def test_a_broken_config_is_kept_for_a_person() -> None:
    """Refused, and nothing else suffers."""
    house = House()
    [out] = house.hears("homeassistant/sensor/x/config", b"{")
    assert isinstance(out, Refusal)
    assert house.hears("homeassistant/status", b"online") == []


AVAILABLE = {
    "stat_t": "z/d",
    "dev_cla": "smoke",
    "val_tpl": "{{ value_json.smoke }}",
    "pl_on": True,
    "pl_off": False,
    "dev": {"ids": ["d"]},
    "avty": [
        {"t": "z/bridge/state", "val_tpl": "{{ value_json.state }}"},
        {"t": "z/d/availability", "val_tpl": "{{ value_json.state }}"},
    ],
}


@pytest.mark.parametrize(
    ("mode", "bridge_then_device", "wanted"),
    [
        ("all", ("online", "online"), [None, "online"]), ("all", ("online", "offline"), [None, "offline"]),
        ("all", ("offline", "online"), ["offline", "offline"]), ("any", ("online", "offline"), ["online", "online"]),
        ("any", ("offline", "offline"), [None, "offline"]), ("latest", ("offline", "online"), ["offline", "online"]),
        (None, ("online", "offline"), ["online", "offline"]),
    ],
)  # fmt: skip
def test_several_availability_topics_make_one(
    mode: str | None, bridge_then_device: tuple[str, str], wanted: list[Any]
) -> None:
    """Zigbee2MQTT names the bridge's beside the device's, `all`: a bridge that is there does not mean that the device is."""
    house = House(Device(id="d", kind=Kind.smoke, address="z/d"))
    config = AVAILABLE if mode is None else {**AVAILABLE, "avty_mode": mode}
    house.hears("homeassistant/binary_sensor/d/smoke/config", config)
    for topic, state, said in zip(
        ("z/bridge/state", "z/d/availability"), bridge_then_device, wanted, strict=True
    ):
        assert [r.state for r in house.hears(topic, {"state": state})] == ([] if said is None else [said])


def test_a_component_with_nothing_but_its_platform_is_taken_away() -> None:
    """The newer form removes an entity so; it is no entity on the topic that the others share."""
    house = House(Device(id="d", kind=Kind.smoke, address="t/x"))
    smoke = {"p": "binary_sensor", "dev_cla": "smoke", "val_tpl": "{{ value_json.s }}"}
    device = {"dev": {"ids": "d"}, "o": {"name": "x"}, "stat_t": "t/x"}
    house.hears(
        "homeassistant/device/d/config", {**device, "cmps": {"a": smoke, "gas": {**smoke, "dev_cla": "gas"}}}
    )
    assert house.reads("t/x", {"s": "ON"}) == {"smoke": True, "gas": True}
    house.hears(
        "homeassistant/device/d/config", {**device, "cmps": {"a": smoke, "gas": {"p": "binary_sensor"}}}
    )
    assert house.reads("t/x", {"s": "ON"}) == {"smoke": True}


def test_an_event_whose_template_is_not_followed_still_calls() -> None:
    """Zigbee2MQTT writes events with regular expressions; the word itself stands in the message."""
    house = House(Device(id="d", kind=Kind.sos, address="z/d"))
    template = "{{ {'event_type': value_json.action | regex_findall('x') | first} | to_json }}"
    house.hears("homeassistant/event/d/action/config", {"stat_t": "z/d", "val_tpl": template})
    assert house.reads("z/d", {"action": "emergency"}) == {"action": "emergency", "sos": True}


def test_hundreds_of_greedy_entities_on_one_topic_cost_no_more_than_one() -> None:
    """Who may publish a config could hang them on a topic that speaks every second; a reading beside them still counts."""
    house = House(Device(id="d", kind=Kind.climate, address="t/x"))
    greedy = {
        "p": "sensor",
        "name": "Humidity",
        "val_tpl": "{% for i in value_json.l %}{% for j in value_json.l %}x{% endfor %}{% endfor %}",
    }
    parts = {
        "t": {"p": "sensor", "dev_cla": "temperature", "val_tpl": "{{ value_json.t }}"},
        **{f"g{i}": greedy for i in range(90)},
    }
    house.hears(
        "homeassistant/device/d/config", {"dev": {"ids": "d"}, "o": {}, "stat_t": "t/x", "cmps": parts}
    )
    before = time.process_time()
    report, *refused = house.hears("t/x", {"t": 21, "l": [1] * 3000})
    assert report.values == {"temperature": 21}
    assert refused
    assert time.process_time() - before < 1


def test_the_config_of_a_large_device_may_be_longer_than_a_message() -> None:
    """A hundred entities in one config are more than 16 KB; what the device says itself may not be."""
    house = House(Device(id="d", kind=Kind.smoke, address="t/x"))
    parts = {f"c{i}": {"p": "switch", "name": "a setting " * 20} for i in range(100)}
    parts["s"] = {"p": "binary_sensor", "dev_cla": "smoke", "val_tpl": "{{ value_json.s }}"}
    house.hears(
        "homeassistant/device/d/config", {"dev": {"ids": "d"}, "o": {}, "stat_t": "t/x", "cmps": parts}
    )
    assert house.reads("t/x", {"s": "ON"}) == {"smoke": True}
    [refused] = house.hears("t/x", {"s": "ON", "x": "y" * 17_000})
    assert refused.reason == "too_large"
    [refused] = house.hears("homeassistant/device/e/config", {"x": "y" * 300_000})
    assert refused.reason == "too_large"
