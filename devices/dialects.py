"""Every dialect by its name in `mqtt.subscriptions`. Start at `dialect`.

`native` and `zigbee2mqtt` are read by `ingest.normalize` itself, topic by topic; the others take a message apart into
utterances (`devices.codecs.utterance`), and `mapped:NAME` is any mapping file.
"""

from __future__ import annotations

from care.errors import Misconfigured
from devices import mapping
from devices.codecs.esphome import ESPHome
from devices.codecs.homeassistant import HomeAssistant
from devices.codecs.mapped import Mapped
from devices.codecs.senml import SenML
from devices.codecs.tasmota import Tasmota
from devices.codecs.utterance import Dialect

NATIVE = "native"
ZIGBEE2MQTT = "zigbee2mqtt"
TOPIC_BY_TOPIC = frozenset({NATIVE, ZIGBEE2MQTT})
NAMES = frozenset({*TOPIC_BY_TOPIC, "senml", "tasmota", "esphome", "homeassistant"})
"""All but `mapped:NAME`."""
GUESSED = (*sorted(NAMES - TOPIC_BY_TOPIC), *(f"{mapping.PREFIX}{name}" for name in mapping.shipped()))
"""What may be spoken on a topic of the site file that no subscription covers, besides those read topic by topic."""


def dialect(name: str) -> Dialect:
    """A dialect of utterances, by name. Raises Misconfigured for one that nobody speaks, or a faulty mapping file."""
    if name.startswith(mapping.PREFIX):
        return Mapped(mapping.load(name.removeprefix(mapping.PREFIX)))
    match name:
        case "senml":
            return SenML()
        case "tasmota":
            return Tasmota()
        case "esphome":
            return ESPHome()
        case "homeassistant":
            return HomeAssistant()
    raise Misconfigured(
        f"mqtt.subscriptions: dialect `{name}` is none of {', '.join(sorted(NAMES))}, {mapping.PREFIX}NAME"
    )


__all__ = ["GUESSED", "NAMES", "NATIVE", "TOPIC_BY_TOPIC", "ZIGBEE2MQTT", "dialect"]
