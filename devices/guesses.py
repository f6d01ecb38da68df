"""Which dialect a message speaks where no subscription says it: the one that understands most of it.

Start at `likely`. Asked only for topics that the site file names, so that a device which is entered is heard even when
`mqtt.subscriptions` was forgotten. Nothing is remembered: each message is judged by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress

from care.errors import Refused
from care.words import Kind
from devices.codecs import Said, native, read_json, zigbee2mqtt
from devices.codecs.utterance import Claim, Dialect, Heard, Utterance

NATIVE = "native"
ZIGBEE2MQTT = "zigbee2mqtt"


def likely(
    heard: Heard, dialects: Mapping[str, Dialect], *, kind: Kind | None, attribute: str | None = None
) -> str:
    """The name of the dialect.

    `attribute` is the last level of a topic of which only the upper part is in the site file: then it may be one
    attribute of Zigbee2MQTT, and native JSON is none. Where several understand as much (`{"battery": 97}`), they mean
    the same by it; Zigbee2MQTT goes first, for its `sos: false` is no press, unless a counter or a time says native.
    """
    scores = {ZIGBEE2MQTT: _zigbee(heard, kind, attribute)}
    if attribute is None:
        scores[NATIVE] = _native(heard)
    for name, dialect in dialects.items():
        scores[name] = _spoken(heard, dialect, kind)
    return max(scores, key=lambda name: (scores[name], name == ZIGBEE2MQTT, name == NATIVE))


def _zigbee(heard: Heard, kind: Kind | None, attribute: str | None) -> float:
    with suppress(Refused):
        if attribute is None:
            said = zigbee2mqtt.decode(heard.payload, zone=heard.zone, kind=kind)
        else:
            said = zigbee2mqtt.decode_attribute(attribute, heard.payload, zone=heard.zone, kind=kind)
        return _understood([said])
    return -0.5  # unreadable for all: told in the words of the most likely one


def _native(heard: Heard) -> float:
    with suppress(Refused):
        parts = native.decode(heard.payload, zone=heard.zone, received_at=heard.received_at)
        counted = any(isinstance(p, Said) and (p.seq is not None or p.device_at is not None) for p in parts)
        score = _understood(p for p in parts if isinstance(p, Said)) + 0.5 * counted
        return score - _denied_presses(heard.payload)
    return -1


def _denied_presses(payload: bytes) -> int:
    """Native says that any value of `sos` is a press; a device that writes `false` speaks something else."""
    value = read_json(payload)
    return sum(
        isinstance(one, dict) and one.get("sos", True) is False
        for one in (value if isinstance(value, list) else [value])
    )


def _spoken(heard: Heard, dialect: Dialect, kind: Kind | None) -> float:
    with suppress(Refused):
        parts = [p for p in dialect.hear(heard) if isinstance(p, Utterance)]
        states = sum(p.state is not None for p in parts)
        score = states + _understood(p.say(Claim(kind)) for p in parts if p.state is None)
        return score if score > 0 else -1  # it took the message for one of something else
    return -1


def _understood(parts: Iterable[Said]) -> float:
    """A value counts one, a time a half; what would have to be refused speaks against it."""
    return sum(len(s.values) + 0.5 * (s.device_at is not None) - len(s.faults) for s in parts)


__all__ = ["likely"]
