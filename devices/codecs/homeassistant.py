"""Home Assistant's MQTT discovery as a source of devices: `homeassistant/<component>/[<node>/]<object>/config`.

Start at `HomeAssistant.hear`. Retained config messages are learnt, as Zigbee2MQTT's `bridge/devices` is; nothing is
kept elsewhere, the broker says them again. A device is claimed by any of its state topics, or by
`homeassistant/<component>/<node>/<object>`; the others of its topics are then its own too. How templates are read is in
`devices.codecs.templates`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from care.errors import Reason, Refused
from care.messages import URGENT
from care.topics import legible
from care.words import Kind
from devices.codecs import Said, Twice, read_json, zigbee2mqtt
from devices.codecs.exposes import version
from devices.codecs.templates import Steps, Template, read_template
from devices.codecs.utterance import STATE_OF, Claim, Heard, Utterance, nothing, read_text, take
from devices.expressions import MISSING, ExpressionFault, word
from devices.kinds import suggest
from devices.mapping import conversion
from devices.names import guess
from devices.quantities import QUANTITIES

ENTITIES_LIMIT = 50_000
"""Entities that are remembered: a thousand homes of fifty."""

_SHORT = {
    "stat_t": "state_topic", "val_tpl": "value_template", "pl_on": "payload_on", "pl_off": "payload_off",
    "dev_cla": "device_class", "unit_of_meas": "unit_of_measurement", "avty_t": "availability_topic", "avty": "availability",
    "avty_tpl": "availability_template", "pl_avail": "payload_available", "pl_not_avail": "payload_not_available",
    "dev": "device", "sw": "sw_version", "ids": "identifiers", "cns": "connections", "mdl": "model", "mf": "manufacturer", "obj_id": "object_id",
    "uniq_id": "unique_id", "stat_on": "state_on", "stat_off": "state_off", "t": "topic", "p": "platform", "pl": "payload",
    "cmps": "components", "def_ent_id": "default_entity_id", "avty_mode": "availability_mode", "mdl_id": "model_id",
}  # fmt: skip
"""The abbreviations of Home Assistant that matter here."""

_BINARY = {
    "smoke": "smoke", "gas": "gas", "carbon_monoxide": "co", "moisture": "water_leak", "door": "door_open",
    "window": "door_open", "opening": "door_open", "garage_door": "door_open", "motion": "motion", "moving": "motion",
    "occupancy": "presence", "presence": "presence", "vibration": "vibration", "tamper": "tamper", "problem": "fault",
    "battery": "battery_low", "heat": "heat",
}  # fmt: skip
"""device_class of a binary_sensor -> quantity; its "on" is ours: open, wet, alarm, low."""
_SENSOR = {
    "temperature": "temperature", "humidity": "humidity", "battery": "battery", "voltage": "voltage",
    "illuminance": "illuminance", "carbon_monoxide": "co_level", "water": "water_total",
}  # fmt: skip
_READ = frozenset({"binary_sensor", "sensor", "event", "device_automation"})

# -- what was learnt -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entity:
    """One entity of a discovered device."""

    config: str
    """`homeassistant/<component>/<node>/<object>`"""
    owner: str
    """The discovered device it is part of: its identifier, or the config topic of a lone entity."""
    component: str
    topic: str
    quantity: str | None
    template: Template | None
    unreadable: str
    """What of its template is not followed."""
    on: str
    off: str
    unit: str
    model: str
    firmware: str
    """The device's `sw_version`."""
    availability: tuple[tuple[str, Template | None, str, str], ...]
    """(topic, template, available, not available)"""
    mode: str
    """How several of these make one: `all`, `any`, or `latest` (also where none is said)."""
    press: str = ""
    """How a trigger of a device calls the press that its payload `on` tells: `button_short_press`."""


@dataclass(slots=True)
class HomeAssistant:
    """The dialect, with what the config messages have told."""

    prefix: str = "homeassistant"
    name: str = "homeassistant"
    learnt: int = 0
    _by_config: dict[str, tuple[Entity, ...]] = field(default_factory=dict)
    _by_topic: dict[str, dict[tuple[str, int], Entity]] = field(default_factory=dict)
    _by_owner: dict[str, dict[tuple[str, int], Entity]] = field(default_factory=dict)
    _available: dict[str, dict[str, tuple[Template | None, str, str, str]]] = field(default_factory=dict)
    _there: dict[str, dict[str, str]] = field(default_factory=dict)
    """What was last said on each availability topic of a device that has several."""

    def addresses(self, topic: str) -> tuple[str, ...]:
        owners = dict.fromkeys(
            [*(e.owner for e in self._by_topic.get(topic, {}).values()), *self._available.get(topic, {})]
        )
        out = [topic]
        for owner in owners:
            out += self._addresses_of(owner)
        return tuple(dict.fromkeys(out))

    def hear(self, heard: Heard) -> list[Utterance | Refused]:
        levels = heard.topic.split("/")
        if levels[0] == self.prefix:
            if len(levels) >= 4 and levels[-1] == "config":
                return self._learn(heard, levels)
            return []  # birth messages of Home Assistant itself
        out: list[Utterance | Refused] = []
        for owner, (template, on, off, mode) in self._available.get(heard.topic, {}).items():
            state = self._together(owner, heard.topic, mode, _availability(heard.payload, template, on, off))
            if state is not None:
                listed = next(iter(self._addresses_of(owner)), heard.topic)
                out.append(
                    Utterance(
                        (*self._addresses_of(owner), heard.topic),
                        nothing,
                        listed,
                        kind=self._kind(owner),
                        state=state,
                    )
                )
        entities = self._by_topic.get(heard.topic)
        if entities is None:
            if out or heard.topic in self._available:
                return out
            return [Utterance((heard.topic,), partial(_say_plainly, heard))]
        groups: dict[str, list[Entity]] = {}
        for entity in entities.values():
            groups.setdefault(entity.owner, []).append(entity)
        raw, json = _payload(heard.payload)
        for owner, group in groups.items():
            addresses = tuple(dict.fromkeys([heard.topic, *self._addresses_of(owner)]))
            out.append(
                Utterance(
                    addresses,
                    partial(_say, group, raw, json),
                    kind=self._kind(owner),
                    about=group[0].model,
                    firmware=group[0].firmware,
                )
            )
        return out

    def _together(self, owner: str, topic: str, mode: str, state: str | None) -> str | None:
        """The state of a device with several availability topics: Zigbee2MQTT names its bridge's beside the device's."""
        if state is None or mode not in ("all", "any"):
            return state
        told = self._there.setdefault(owner, {})
        told[topic] = state
        topics = {t for e in self._by_owner.get(owner, {}).values() for t, *_ in e.availability}
        decisive, other = ("offline", "online") if mode == "all" else ("online", "offline")
        if any(told.get(t) == decisive for t in topics):
            return decisive
        return other if all(told.get(t) == other for t in topics) else None

    def _addresses_of(self, owner: str) -> list[str]:
        entities = self._by_owner.get(owner, {}).values()
        return [*dict.fromkeys(e.topic for e in entities), *dict.fromkeys(e.config for e in entities)]

    def _kind(self, owner: str) -> Kind | None:
        return suggest(e.quantity for e in self._by_owner.get(owner, {}).values() if e.quantity is not None)

    # -- learning

    def _learn(self, heard: Heard, levels: list[str]) -> list[Utterance | Refused]:
        config = "/".join(levels[:-1])
        if not heard.payload.strip():
            self._forget(config)  # an entity is taken away by an empty retained message
            return []
        value = read_json(heard.payload)
        if not isinstance(value, dict):
            raise Refused(Reason.not_json, "a discovery config is an object")
        found = tuple(_entities(_spelled_out(value), config, levels[1], "/".join(levels[2:-1])))
        if found == self._by_config.get(config, ()):
            changed = False
        else:
            changed = True
            self._forget(config)
            if found and len(self._by_config) < ENTITIES_LIMIT:
                self._keep(config, found)
        if not changed and not found:
            return []
        # Told once, in the quarantine; each message of an alarm that cannot be read tells people besides (`_say`).
        out: list[Utterance | Refused] = [
            Refused(Reason.bad_value, f"{e.quantity}: its template is not understood: {e.unreadable}")
            for e in found
            if e.unreadable and e.quantity is not None
        ]
        for owner in dict.fromkeys(e.owner for e in found):
            own = [e for e in found if e.owner == owner]
            addresses = tuple(dict.fromkeys([*(e.topic for e in own), *self._addresses_of(owner), config]))
            kind = self._kind(owner)
            # It is not heard yet: only listed. An entity of no use to us (a lamp, a setting) is not even that.
            if any(e.quantity is not None for e in own):
                out.append(
                    Utterance(
                        addresses,
                        nothing,
                        addresses[0],
                        kind=kind,
                        about=own[0].model,
                        only_list=True,
                        firmware=own[0].firmware,
                    )
                )
        return out

    def _keep(self, config: str, found: tuple[Entity, ...]) -> None:
        self._by_config[config] = found
        for i, entity in enumerate(found):
            self._by_topic.setdefault(entity.topic, {})[config, i] = entity
            self._by_owner.setdefault(entity.owner, {})[config, i] = entity
            for topic, template, on, off in entity.availability:
                self._available.setdefault(topic, {})[entity.owner] = (template, on, off, entity.mode)
        self.learnt += 1

    def _forget(self, config: str) -> None:
        for i, entity in enumerate(self._by_config.pop(config, ())):
            for table, key in ((self._by_topic, entity.topic), (self._by_owner, entity.owner)):
                table[key].pop((config, i), None)
                if not table[key]:
                    del table[key]
            if entity.owner not in self._by_owner:
                self._there.pop(entity.owner, None)
                for topic, *_ in entity.availability:
                    self._available.get(topic, {}).pop(entity.owner, None)
                    if not self._available.get(topic, True):
                        del self._available[topic]
            self.learnt += 1


def _spelled_out(value: Any) -> Any:
    """Abbreviations written out, and `~` put in where topics stand."""
    if isinstance(value, list):
        return [_spelled_out(v) for v in value]
    if not isinstance(value, dict):
        return value
    out: dict[str, Any] = {}
    for key, item in value.items():
        out[_SHORT.get(str(key), str(key))] = _spelled_out(item)
    base = out.get("~")
    if isinstance(base, str):
        _put_base(out, base)
    return out


def _put_base(value: dict[str, Any], base: str) -> None:
    for k, v in value.items():
        if isinstance(v, dict):
            _put_base(v, base)
        elif isinstance(v, list):
            for item in v:
                if isinstance(item, dict):
                    _put_base(item, base)
        elif isinstance(v, str) and k.endswith("topic"):
            if v.startswith("~"):
                value[k] = base + v[1:]
            elif v.endswith("~"):
                value[k] = v[:-1] + base


def _template(text: str) -> tuple[Template | None, str]:
    """A template, or what of it is not followed."""
    try:
        return (read_template(text), "") if text else (None, "")
    except ExpressionFault as fault:
        return None, str(fault)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _entities(config: dict[str, Any], topic: str, component: str, object_id: str) -> Iterable[Entity]:
    device = config.get("device")
    device = device if isinstance(device, dict) else {}
    owner = _owner(device) or topic
    parts: list[tuple[str, str, dict[str, Any]]] = [(component, object_id, config)]
    if component == "device" and isinstance(config.get("components"), dict):
        shared = {k: v for k, v in config.items() if k not in ("components", "device")}
        parts = [
            (_text(c.get("platform")), name, {**shared, **c})
            for name, c in config["components"].items()
            if isinstance(c, dict) and c.keys() - {"platform"}  # with nothing else it is taken away
        ]
    for kind, name, own in parts[:200]:
        if kind not in _READ:
            continue
        state_topic = _text(own.get("state_topic")) or (
            _text(own.get("topic")) if kind == "device_automation" else ""
        )
        if (
            not state_topic
            or len(state_topic) > 512
            or not legible(state_topic)
            or set(state_topic) & set("+#")
        ):
            continue
        template = _text(own.get("value_template"))
        compiled, unreadable = _template(template)
        on, off = own.get("payload_on", "ON"), own.get("payload_off", "OFF")
        press = _text(own.get("type")) if kind == "device_automation" else ""
        if press:
            on = own.get("payload", "")
        yield Entity(
            config=topic,
            owner=owner,
            component=kind,
            topic=state_topic,
            quantity=_quantity(kind, name, own, template),
            template=compiled,
            unreadable=unreadable,
            on=word(on) or "",
            off=word(off) or "",
            unit=_text(own.get("unit_of_measurement")),
            model=" ".join(t for t in (_text(device.get("manufacturer")), _text(device.get("model"))) if t)[
                :80
            ],
            firmware=version(device.get("sw_version")),
            availability=tuple(_availabilities(own)),
            mode=_text(own.get("availability_mode")),
            press=press if press.startswith("button_") else "",
        )


def _owner(device: dict[str, Any]) -> str:
    ids = device.get("identifiers")
    if isinstance(ids, list) and ids:
        ids = ids[0]
    name = word(ids)
    if name:
        return f"id:{name}"
    links = device.get("connections")
    if isinstance(links, list) and links and isinstance(links[0], list) and len(links[0]) > 1:
        return f"link:{word(links[0][0])}:{word(links[0][1])}"
    return ""


def _quantity(component: str, object_id: str, own: dict[str, Any], template: str) -> str | None:
    kind = _text(own.get("device_class"))
    names = [
        *re.findall(r"value_json\.(\w+)", template),
        *re.findall(r"value_json\['(\w+)'\]", template),
        object_id.rpartition("/")[2],
        _text(own.get("name")),
        _text(own.get("object_id")),
        _text(own.get("unique_id")),
    ]
    if component in ("event", "device_automation"):
        return "action"
    table = _BINARY if component == "binary_sensor" else _SENSOR
    if kind in table:
        named = next((q for q in map(guess, names) if q is not None), None)
        if named in ("in_bed", "self_test", "muted", "sos", "fall", "preheat", "end_of_life"):
            return named  # a class that is wider than the name
        return table[kind]
    if kind:
        return None
    found = next((q for q in map(guess, names) if q is not None), None)
    if found is None or component != "binary_sensor":
        return found
    return {"battery": "battery_low"}.get(found, None if QUANTITIES[found].numeric else found)


def _availabilities(own: dict[str, Any]) -> Iterable[tuple[str, Template | None, str, str]]:
    listed = own.get("availability")
    items = listed if isinstance(listed, list) else [listed] if isinstance(listed, dict) else []
    if isinstance(own.get("availability_topic"), str):
        items = [
            {**own, "topic": own["availability_topic"], "value_template": own.get("availability_template")}
        ]
    for item in items[:8]:
        if isinstance(item, dict) and _text(item.get("topic")):
            template = _text(item.get("value_template"))
            on = word(item.get("payload_available", "online")) or ""
            off = word(item.get("payload_not_available", "offline")) or ""
            yield item["topic"], _template(template)[0], on, off


# -- what is said --------------------------------------------------------------------------------------------------


def _payload(payload: bytes) -> tuple[str, Any]:
    raw = read_text(payload)
    try:
        return raw, read_json(payload)
    except Refused as fault:
        if fault.reason is Reason.not_json:
            return raw, MISSING
        raise


def _availability(payload: bytes, template: Template | None, on: str, off: str) -> str | None:
    try:
        raw, json = _payload(payload)
    except Refused:
        return None
    try:
        said = raw if template is None else template(json, raw, Steps())
    except Refused:
        return None
    if template is None and isinstance(json, dict):
        said = json.get("state", raw)
    name = word(said)
    return "online" if name == on else "offline" if name == off else None


def _say(entities: list[Entity], raw: str, json: Any, claim: Claim) -> Said:
    said = Said()
    steps = Steps()
    for e in entities:
        quantity = e.quantity
        if (
            quantity is None
            and claim.kind is not None
            and len(entities) == 1
            and e.component == "binary_sensor"
        ):
            quantity = STATE_OF.get(claim.kind)
        if quantity is None:
            continue
        said.model = e.model
        if e.unreadable and quantity != "action":
            # An alarm that cannot be read must not look like quiet.
            why = f"{quantity}: its template is not understood: {e.unreadable}"
            if quantity in URGENT:
                said.faults.append(Refused(Reason.bad_value, why, quantity=quantity))
            continue
        try:
            value: Any = raw if e.template is None else e.template(json, raw, steps)
        except Refused as fault:
            said.faults.append(Refused(fault.reason, f"{quantity}: {fault.detail}", quantity=quantity))
            continue
        if e.template is None and isinstance(json, int | float) and not isinstance(json, bool):
            value = json
        if value is MISSING or isinstance(value, dict | list):
            continue
        if quantity == "action" and isinstance(json, dict) and e.template is None:
            value = json.get("event_type", json.get("action"))
            if value is None:
                continue
        if e.press:
            if e.on and word(value) != e.on:
                continue  # another trigger's
            value = e.press
        if e.component == "binary_sensor" and not isinstance(value, Twice):
            name = word(value)
            value = True if name == e.on else False if name == e.off else value
        unit = e.unit if e.unit and conversion(quantity, e.unit) is not None else ""
        take(said, quantity, value, claim, unit=unit, measured=e.component == "sensor")
    return said


def _say_plainly(heard: Heard, claim: Claim) -> Said:
    """A topic of which no config was heard (yet): an object by the usual names, a bare word by the kind of the device."""
    raw, json = _payload(heard.payload)
    if isinstance(json, dict):
        return zigbee2mqtt.decode(
            heard.payload,
            zone=heard.zone,
            kind=claim.kind,
            calls_on=claim.calls_on,
            received_at=heard.received_at,
        )
    said = Said()
    quantity = STATE_OF.get(claim.kind) if claim.kind is not None else None
    if quantity is None:
        quantity = next((q for q in map(guess, reversed(heard.topic.split("/"))) if q is not None), None)
    if quantity is not None:
        take(said, quantity, raw, claim, measured=QUANTITIES[quantity].numeric)
    return said


__all__ = ["Entity", "HomeAssistant"]
