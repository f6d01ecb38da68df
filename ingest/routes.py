"""Whose topic it is, and in which dialect: a topic of the broker -> what is to be done with its messages. Pure.

Start at `Routes.of`. A topic is looked up once and remembered until the site changes or something is learnt. What a
bridge tells of its models and groups is kept here, because it changes what topics mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from enum import Enum, auto

from care.site import Device, Home, Registry
from care.topics import legible
from care.words import Kind
from devices import models
from devices.codecs import zigbee2mqtt
from devices.codecs.exposes import Definition
from devices.codecs.utterance import Dialect, Heard
from devices.codecs.zigbee2mqtt import Part
from devices.consent import withheld
from devices.dialects import GUESSED, NATIVE, TOPIC_BY_TOPIC, ZIGBEE2MQTT, dialect
from devices.guesses import likely
from devices.kinds import ALARM_KINDS

TOPIC_LIMIT = 512
ROUTES_LIMIT = 200_000
"""Topics that are remembered; somebody who invents more makes us look them up again."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """An MQTT topic filter and the dialect spoken there."""

    filter: str
    dialect: str


DEFAULT_SUBSCRIPTIONS = (Subscription("anxin/v1/+/+", NATIVE), Subscription("zigbee2mqtt/#", ZIGBEE2MQTT))


class Way(Enum):
    device = auto()
    attribute = auto()
    availability = auto()
    status = auto()
    spoken = auto()
    """By a dialect that takes messages apart into utterances."""
    bridge = auto()
    nothing = auto()
    unclaimed = auto()
    unsubscribed = auto()
    """A device of the site file on a topic of no subscription: the dialect is guessed, message by message."""
    learnt = auto()
    """A config of Home Assistant's discovery that no subscription covers: it may tell of a topic that the site file names."""
    bad = auto()
    no_dialect = auto()


@dataclass(frozen=True, slots=True)
class Route:
    """What is to be done with a topic; found once and remembered."""

    way: Way
    dialect: str = ""
    home: Home | None = None
    device: Device | None = None
    base: str = ""
    name: str = ""
    """Friendly name or bridge topic below the base; the attribute for attributes."""
    withheld: frozenset[str] = frozenset()
    definition: Definition | None = None
    spoken: Dialect | None = None
    carries_alarms: bool = False
    """Devices of alarm kinds are known by names in the payload of this topic."""

    @property
    def alarm(self) -> bool:
        return self.carries_alarms or (self.device is not None and self.device.kind in ALARM_KINDS)


@dataclass(slots=True)
class _Filter:
    levels: tuple[str, ...]
    dialect: str
    base: tuple[str, ...]


class Routes:
    """Knows the registry, the subscriptions and what was learnt; says what to do with a topic."""

    def __init__(self, registry: Registry, subscriptions: Sequence[Subscription]) -> None:
        """Raises Misconfigured for a dialect nobody speaks, or a mapping file with faults."""
        self._dialects: dict[str, Dialect] = {
            name: dialect(name)
            for name in dict.fromkeys(s.dialect for s in subscriptions)
            if name not in TOPIC_BY_TOPIC
        }
        self._filters = [
            _Filter(tuple(s.filter.split("/")), s.dialect, zigbee2mqtt.base_of(s.filter))
            for s in subscriptions
        ]
        self._definitions: dict[str, dict[str, Definition]] = {}
        """What each bridge, by its base, has told of its devices."""
        self._groups: dict[str, frozenset[str]] = {}
        self._others: dict[str, Dialect] | None = None
        """Every dialect of utterances, made when a device is heard that no subscription covers."""
        self._use(registry)

    def with_registry(self, registry: Registry) -> Routes:
        """The same for a changed site; what was learnt stays."""
        new = copy(self)
        new._use(registry)  # noqa: SLF001  it is one of us
        return new

    def _use(self, registry: Registry) -> None:
        """Take a registry, and find which devices of alarm kinds stand below a topic that many devices share."""
        self.registry = registry
        self._known: dict[str, Route] = {}
        self._alarms_below: dict[str, tuple[Home, Device]] = {}
        self._above: set[str] = set()
        """Topics above those of the site file: one message there may speak for several devices."""
        for topic, (home, device) in registry.topics().items():
            levels = topic.split("/")
            for n in range(1, len(levels)):
                upper = "/".join(levels[:n])
                self._above.add(upper)
                if device.kind in ALARM_KINDS:
                    self._alarms_below.setdefault(upper, (home, device))

    def learn_models(self, base: str, found: dict[str, Definition]) -> None:
        """A bridge has told what its devices expose."""
        self._definitions[base] = found
        self.forget()

    def learn_groups(self, base: str, names: frozenset[str]) -> None:
        """A bridge has told which of its names are groups."""
        self._groups[base] = names
        self.forget()

    def models_of(self, base: str) -> dict[str, Definition]:
        """What the bridge of a base has told of its devices, by friendly name and by address."""
        return self._definitions.get(base, {})

    def forget(self) -> None:
        """Something was learnt: topics are looked up anew."""
        self._known.clear()

    def uncovered(self) -> list[tuple[Device, str]]:
        """Devices of the site file, with their addresses, that no subscription covers: the broker never tells us of them."""
        return [
            (device, topic)
            for topic, (_, device) in self.registry.topics().items()
            if device.kind is not Kind.gateway
            and not any(_fits(f.levels, topic.split("/")) for f in self._filters)
        ]

    def of(self, topic: str) -> Route:
        """What is to be done with a topic."""
        route = self._known.get(topic)
        if route is None:
            route = self._find(topic)
            if len(self._known) >= ROUTES_LIMIT:  # somebody invents topics
                self._known.clear()
            self._known[topic] = route
        return route

    def _find(self, topic: str) -> Route:
        levels = topic.split("/")
        fits = next((f for f in self._filters if _fits(f.levels, levels)), None)
        found = self.registry.by_topic(topic)
        name = fits.dialect if fits else (NATIVE if topic.startswith("anxin/v1/") else "")
        if found is not None and name and name not in self._dialects:
            return self._of_device(Way.device, name, found, topic)
        if len(topic) > TOPIC_LIMIT or not all(levels) or any(c in "+#" for c in topic) or not legible(topic):
            # Spaces, Chinese and emoji are legible; control, direction and zero-width characters are not.
            return Route(Way.bad) if found is None else Route(Way.unsubscribed, "", *found)
        if not name:
            return self._find_unsubscribed(topic, levels)
        if name in self._dialects:
            return self._find_spoken(topic, self._dialects[name])
        if name == NATIVE:
            return self._find_native(levels)
        return self._find_zigbee(topic, fits.base if fits else ())

    def _find_native(self, levels: list[str]) -> Route:
        if levels[:2] == ["anxin", "v1"]:
            if len(levels) == 5 and levels[4] == "ack":
                return Route(Way.nothing, NATIVE)  # our own word
            if len(levels) == 4:
                home = self.registry.homes.get(levels[2])
                if levels[3] == "status":
                    return Route(Way.status, NATIVE, home, gateway_of(home))
                device = self.registry.devices.get(levels[3])
                if home is not None and device is not None and device[0] is home:
                    # It has another address in the site file and still speaks its own dialect here.
                    return Route(Way.device, NATIVE, *device, withheld=withheld(self.registry, *device))
        return Route(Way.unclaimed, NATIVE)

    def _find_spoken(self, topic: str, spoken: Dialect) -> Route:
        """What the topic alone tells: whose message this is if it cannot be read, and whether it may be an alarm."""
        found = next(
            (f for a in spoken.addresses(topic) if (f := self.registry.by_topic(a)) is not None), None
        )
        below = self._alarms_below.get(topic)
        if below is not None and (found is None or found[1].kind not in ALARM_KINDS):
            found = below
        home, device = found if found is not None else (None, None)
        return Route(Way.spoken, spoken.name, home, device, spoken=spoken, carries_alarms=below is not None)

    def _find_unsubscribed(self, topic: str, levels: list[str]) -> Route:
        """A topic that no subscription covers is ours when the site file names it, or one that its device must use."""
        at = levels.index("bridge", 1) if "bridge" in levels[1:] else 0
        if at and "/".join(levels[:at]) in self._above:
            return self._find_zigbee(topic, tuple(levels[:at]))
        found = self.registry.by_topic(topic) or self.registry.by_topic(topic.rpartition("/")[0])
        if found is None:
            named = (self.registry.by_topic(a) for d in self._guesses().values() for a in d.addresses(topic))
            found = next((f for f in named if f is not None), None)
        below = self._alarms_below.get(topic)
        if found is None and topic not in self._above:
            if levels[-1] == "config" and len(levels) >= 4:
                return Route(Way.learnt, "homeassistant", spoken=self._guesses()["homeassistant"])
            return Route(Way.no_dialect)
        home, device = found or below or (None, None)
        return Route(Way.unsubscribed, "", home, device, carries_alarms=below is not None)

    def _guesses(self) -> dict[str, Dialect]:
        if self._others is None:
            self._others = {
                name: self._dialects.get(name) or dialect(name) for name in GUESSED
            } | self._dialects
        return self._others

    def guessed(self, route: Route, heard: Heard) -> Route:
        """The route of a message that no subscription covers, by the dialect that understands most of it."""
        topic = heard.topic
        found = self.registry.by_topic(topic)
        place = zigbee2mqtt.locate(topic, ())
        if place.part is not Part.device and self.registry.by_topic(topic.rpartition("/")[0]) is not None:
            return self._find_zigbee(topic, ())
        name = likely(
            heard,
            self._guesses(),
            kind=route.device.kind if route.device is not None else None,
            attribute=None if found is not None else place.name.rpartition("/")[2],
        )
        if name in TOPIC_BY_TOPIC:
            return (
                self._find_zigbee(topic, ())
                if found is None
                else self._of_device(Way.device, name, found, topic)
            )
        return self._find_spoken(topic, self._guesses()[name])

    def _find_zigbee(self, topic: str, base: tuple[str, ...]) -> Route:
        place = zigbee2mqtt.locate(topic, base)
        deeper = zigbee2mqtt.deeper_bridge(topic, base) if place.part is not Part.bridge else None
        if deeper is not None and self.registry.by_topic("/".join((*deeper, "bridge"))) is None:
            place = zigbee2mqtt.locate(topic, deeper)
        if place.part is Part.bridge:
            return Route(Way.bridge, ZIGBEE2MQTT, base=place.base, name=place.name)
        if place.part is Part.command:
            return Route(Way.nothing, ZIGBEE2MQTT)
        upper, _, last = topic.rpartition("/")
        found = self.registry.by_topic(upper)
        if place.part is Part.availability:
            if found is not None:
                return Route(Way.availability, ZIGBEE2MQTT, *found)
            return Route(Way.nothing, ZIGBEE2MQTT)  # its device shows itself by its state
        if found is not None:
            return replace(self._of_device(Way.attribute, ZIGBEE2MQTT, found, upper), name=last)
        if any(topic.startswith(f"{b}/") and topic[len(b) + 1 :] in g for b, g in self._groups.items()):
            return Route(Way.nothing, ZIGBEE2MQTT)
        return Route(Way.unclaimed, ZIGBEE2MQTT)

    def _of_device(self, way: Way, dialect: str, found: tuple[Home, Device], topic: str) -> Route:
        home, device = found
        definition = None
        if dialect == ZIGBEE2MQTT:
            definition = self.definition(topic) or models.definition(device.model)
        return Route(
            way, dialect, home, device, withheld=withheld(self.registry, home, device), definition=definition
        )

    def definition(self, topic: str) -> Definition | None:
        """What the bridge told of the device on a topic, whatever filter the topic came by."""
        for base, named in self._definitions.items():
            if topic.startswith(f"{base}/") and (found := named.get(topic[len(base) + 1 :])) is not None:
                return found
        return None


def gateway_of(home: Home | None) -> Device | None:
    """The gateway of a home, if it is in the site file."""
    return next((d for d in home.devices if d.kind is Kind.gateway), None) if home is not None else None


def _fits(levels: tuple[str, ...], topic: list[str]) -> bool:
    for i, level in enumerate(levels):
        if level == "#":
            return True
        if i >= len(topic) or level not in ("+", topic[i]):
            return False
    return len(levels) == len(topic)


__all__ = ["DEFAULT_SUBSCRIPTIONS", "Route", "Routes", "Subscription", "Way", "gateway_of"]
