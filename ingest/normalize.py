"""One message of the broker -> reports, refusals and unclaimed devices. Pure, stateless, and it never raises.

Start at `Normalizer.normalize`. It asks `ingest.routes` whose device publishes on a topic, decodes in the dialect of the
subscription, repairs the time, leaves out what the resident has not agreed to, and names the report by its content,
so that the same reading heard twice, or by MQTT and by HTTP, is one. Memory of what a device said before (edges,
repeats, clocks that run backwards) belongs to the rule engine; the only thing learnt here is what Zigbee2MQTT's
retained `bridge/devices` tells about models.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from copy import copy
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import msgspec

from care.errors import Reason, Refused
from care.ids import content_id, epoch_ms
from care.messages import URGENT, Firmware, Refusal, Report, Unclaimed, encode
from care.site import Device, Home, Registry
from care.topics import shown
from care.words import Kind
from devices.actions import calls
from devices.codecs import Said, exposes, native, zigbee2mqtt
from devices.codecs.utterance import NOBODY, Claim, Heard, Utterance
from devices.consent import withheld
from devices.dialects import NAMES as DIALECTS
from devices.dialects import NATIVE, ZIGBEE2MQTT
from devices.kinds import KINDS, suggest
from devices.quantities import QUANTITIES
from ingest.routes import DEFAULT_SUBSCRIPTIONS, Route, Routes, Subscription, Way, gateway_of

PAYLOAD_LIMIT = 16 * 1024
"""Bytes of one device message (contract section 4); bridge topics are exempt."""
CONFIG_LIMIT = 256 * 1024
"""Bytes of one config of Home Assistant's discovery: no device says it, and one may describe a hundred entities."""
FUTURE = timedelta(seconds=5)
"""A device clock may be so far ahead (architecture section 6)."""
PAST = timedelta(days=1)
"""An older device time is not believed."""
SAMPLE = 512
"""Characters of a refused payload that are kept."""
REFUSALS_LIMIT = 16
"""Refusals one message can cause; the last one counts the rest."""
UNCLAIMED_LIMIT = 50
"""Unclaimed devices that one message is listed for."""

Outcome = Report | Refusal | Unclaimed


@dataclass(frozen=True, slots=True)
class Message:
    """What arrived: a topic, its payload, and when we heard it."""

    topic: str
    payload: bytes
    received_at: datetime
    retained: bool = False
    qos: int = 0


class Normalizer:
    """Knows the registry and the subscriptions; turns messages into outcomes."""

    def __init__(
        self, registry: Registry, subscriptions: Sequence[Subscription] = DEFAULT_SUBSCRIPTIONS
    ) -> None:
        """Raises Misconfigured for a dialect nobody speaks, or a mapping file with faults."""
        self.registry = registry
        self.subscriptions = tuple(subscriptions)
        self.routes = Routes(registry, self.subscriptions)
        self.withheld: Counter[str] = Counter()
        """Readings left out for want of consent, by class of data."""
        self.firmware: dict[str, Firmware] = {}
        """What each device is known to run; the shell keeps it, and gives back here what it kept."""
        self.firmware_news: dict[str, Firmware] = {}
        """What changed of it and was not kept yet."""

    def with_registry(self, registry: Registry) -> Normalizer:
        """The same for a changed site; what was learnt of models and counted stays."""
        new = copy(self)
        new.registry = registry
        new.routes = self.routes.with_registry(registry)
        return new

    def is_alarm(self, topic: str) -> bool:
        """Whether a topic belongs to a device of an alarm kind: its messages go first."""
        return self.routes.of(topic).alarm

    def uncovered(self) -> list[tuple[Device, str]]:
        """Devices of the site file, with their addresses, that no subscription covers: the broker never tells us of them."""
        return self.routes.uncovered()

    # -- the one door ---------------------------------------------------------------------------------------------

    def normalize(self, message: Message) -> list[Outcome]:
        """What this message means, in order; nothing for what is not ours. Never raises."""
        return self._safely(None, message)

    def readings(self, device: str, payload: bytes, received_at: datetime) -> list[Outcome]:
        """The second way in (HTTP): a native payload of a known device. Same content, same report_id. Never raises.

        An unknown device gives nothing.
        """
        found = self.registry.devices.get(device)
        if found is None:
            return []
        home, this = found
        topic = this.address or f"anxin/v1/{home.id}/{this.id}"
        route = Route(Way.device, NATIVE, home, this, withheld=withheld(self.registry, home, this))
        message = Message(topic, payload, received_at)
        return self._safely(route, message)

    def _safely(self, known: Route | None, message: Message) -> list[Outcome]:
        route = known or Route(Way.bad)
        try:
            route = known or self.routes.of(message.topic)
            return self._on(route, message)
        except Refused as refused:
            fault = refused
        except Exception as bug:  # noqa: BLE001  a message that trips us must not stop its neighbours
            fault = Refused(Reason.failed, type(bug).__name__)
        # `{}` can be read and holds nothing; no bytes at all is an alarm device cut short.
        harmless = fault.reason is Reason.empty and message.payload.strip() != b""
        speaks = route.way not in (Way.availability, Way.status)
        if route.home is not None and route.device is not None:
            route = replace(route, withheld=withheld(self.registry, route.home, route.device))
        private = _is_private(route, [fault])
        alarm = route.alarm and speaks and not harmless
        return [_refusal(message, fault, route, alarm=alarm, private=private)]

    def _on(self, route: Route, message: Message) -> list[Outcome]:
        way = route.way
        if way is Way.device:
            if len(message.payload) > PAYLOAD_LIMIT:
                raise Refused(Reason.too_large, f"{len(message.payload)} bytes")
            if route.dialect == NATIVE:
                said = native.decode(
                    message.payload, zone=self.registry.zone, received_at=message.received_at
                )
                for one in said:
                    if isinstance(one, Said) and "action" in one.values:
                        _call(one, route.device)
                return self._outcomes(route, message, said)
            return self._outcomes(route, message, [self._zigbee(route, message)])
        if way is Way.nothing:
            return []
        if way is Way.bridge:
            return self._bridge(route, message)
        if len(message.payload) > (CONFIG_LIMIT if _is_config(route, message.topic) else PAYLOAD_LIMIT):
            raise Refused(Reason.too_large, f"{len(message.payload)} bytes")
        if way is Way.spoken:
            return self._heard(route, message)
        if way is Way.attribute:
            if message.payload.lstrip()[:1] == b"{":
                # No attribute is an object: another device whose name begins with this one's.
                return self._unclaimed(Route(Way.unclaimed, ZIGBEE2MQTT), message)
            return self._outcomes(route, message, [self._attribute(route, message)])
        if way is Way.availability:
            if not message.payload.strip():
                return []  # a retained word taken back: the device was renamed
            return self._state(route, message, zigbee2mqtt.availability(message.payload))
        if way is Way.status:
            return self._state(route, message, zigbee2mqtt.availability(message.payload))
        if way is Way.unclaimed:
            return self._unclaimed(route, message)
        if way is Way.learnt:
            self._hear(route, message)
            return []
        if way is Way.unsubscribed:
            if len(message.payload) > PAYLOAD_LIMIT:
                raise Refused(Reason.too_large, f"{len(message.payload)} bytes")
            heard = Heard(message.topic, message.payload, message.received_at, self.registry.zone)
            return self._on(self.routes.guessed(route, heard), message)
        if way is Way.no_dialect:
            raise Refused(Reason.unknown_dialect, "no subscription fits this topic")
        raise Refused(Reason.bad_topic, "empty levels, wildcards, control characters, or too long")

    # -- what it says ---------------------------------------------------------------------------------------------

    def _heard(self, route: Route, message: Message) -> list[Outcome]:
        """A message of a dialect that takes it apart: each utterance to the device it is of, in order."""
        parts = self._hear(route, message)
        out: list[Outcome] = []
        said: dict[str, tuple[Route, list[Said | Refused]]] = {}
        unclaimed: dict[str, Unclaimed] = {}
        for part in parts:
            if isinstance(part, Refused):
                said.setdefault("", (route, []))[1].append(part)
                continue
            found = self._owner(part, message.topic, route)
            if found is None:
                listed = part.listed or part.addresses[0]
                if listed not in unclaimed and len(unclaimed) < UNCLAIMED_LIMIT:
                    unclaimed[listed] = self._unclaimed_part(route, message, part, listed)
                continue
            home, device, address = found
            if part.firmware:
                self._runs(device.id, route.dialect, message, build=part.firmware)
            if part.only_list:
                continue
            own = Route(
                Way.spoken, route.dialect, home, device, withheld=withheld(self.registry, home, device)
            )
            if part.state is not None:
                out.extend(self._state(own, message, part.state))
                continue
            claim = Claim(device.kind, tuple(device.calls_on), address)
            try:
                word: Said | Refused = part.say(claim)
            except Refused as fault:
                word = fault
            said.setdefault(device.id, (own, []))[1].append(word)
        private = any(_is_private(own, words) for own, words in said.values())
        for own, words in said.values():
            out.extend(self._outcomes(own, message, words, private=private))
        if private:  # what is kept from us was in the same message
            unclaimed = {name: msgspec.structs.replace(u, payload="") for name, u in unclaimed.items()}
        return [*out, *unclaimed.values()]

    def _hear(self, route: Route, message: Message) -> list[Utterance | Refused]:
        spoken = route.spoken
        assert spoken is not None
        before = spoken.learnt
        parts = spoken.hear(Heard(message.topic, message.payload, message.received_at, self.registry.zone))
        if spoken.learnt != before:
            self.routes.forget()
        return parts

    def _owner(self, part: Utterance, topic: str, route: Route) -> tuple[Home, Device, str] | None:
        """Whose utterance: by address, or by the id that the message gives inside the home of its topic."""
        for address in part.addresses:
            found = self.registry.by_topic(address)
            # A gateway is claimed by the topic it shares with its sensors; what they say is not its own word.
            if found is not None and not (part.names and address == topic and found[1].kind is Kind.gateway):
                return *found, address
        homes = [part.home] if part.home else topic.split("/")
        if route.home is not None and not part.home:
            homes.append(route.home.id)
        for name in part.names:
            known = self.registry.devices.get(name)
            if known is not None and known[1].address is None and known[0].id in homes:
                return *known, ""
        return None

    def _unclaimed_part(self, route: Route, message: Message, part: Utterance, listed: str) -> Unclaimed:
        kind = part.kind
        if kind is None:
            with suppress(Refused):
                words = part.say(NOBODY)
                kind = suggest([*words.values, *words.unknown])
        return Unclaimed(
            topic=listed,
            dialect=route.dialect,
            received_at=message.received_at,
            suggested_kind=kind.value if kind is not None else None,
            suggested_home=(
                part.home
                if part.home in self.registry.homes
                else self._home_in(listed) or self._home_in(message.topic)
            ),
            payload=_sample(message.payload),
        )

    def _home_in(self, topic: str) -> str | None:
        words = topic.replace("-", "/").replace("_", "/").split("/") + topic.split("/")
        return next((w for w in words if w in self.registry.homes), None)

    def _runs(
        self,
        device: str,
        source: str,
        message: Message,
        *,
        build: str = "",
        update: tuple[str, str, bool] | None = None,
    ) -> None:
        """A device's firmware was told; what one message leaves out another one has told."""
        known = self.firmware.get(device)
        installed, latest, pending = update if update is not None else ("", "", None)
        if known is not None:
            build, installed, latest = (
                build or known.build,
                installed or known.installed,
                latest or known.latest,
            )
            pending = known.pending if pending is None else pending
        new = Firmware(
            device=device,
            build=build,
            installed=installed,
            latest=latest,
            pending=pending,
            source=source,
            at=message.received_at,
        )
        if known is None or msgspec.structs.replace(new, at=known.at, source=known.source) != known:
            self.firmware[device] = new
            self.firmware_news[device] = new

    def _zigbee(self, route: Route, message: Message) -> Said:
        assert route.device is not None
        update = exposes.read_update(message.payload)
        if update is not None:
            self._runs(route.device.id, ZIGBEE2MQTT, message, update=update)
        return zigbee2mqtt.decode(
            message.payload,
            zone=self.registry.zone,
            kind=route.device.kind,
            calls_on=route.device.calls_on,
            definition=route.definition,
            received_at=message.received_at,
        )

    def _attribute(self, route: Route, message: Message) -> Said:
        assert route.device is not None
        return zigbee2mqtt.decode_attribute(
            route.name,
            message.payload,
            zone=self.registry.zone,
            kind=route.device.kind,
            calls_on=route.device.calls_on,
            definition=route.definition,
            received_at=message.received_at,
        )

    def _outcomes(
        self, route: Route, message: Message, said: Sequence[Said | Refused], *, private: bool = False
    ) -> list[Outcome]:
        private = private or _is_private(route, said)
        reports: list[Outcome] = []
        refusals: list[Refusal] = []
        more = 0
        for one in said:
            faults: Sequence[Refused]
            if isinstance(one, Refused):
                # Not an object among objects: nothing in it can be told to be harmless.
                faults = [one]
                whole = one.reason is not Reason.empty
            else:
                reports.append(self._report(route, message, one, refusals))
                faults, whole = one.faults, False
            for fault in faults:
                if fault.quantity is not None and fault.quantity in route.withheld:
                    self._count_withheld(route, message, fault.quantity, refusals)
                    continue
                if len(refusals) >= REFUSALS_LIMIT:
                    more += 1
                    continue
                alarm = (whole and route.alarm) or fault.quantity in URGENT
                refusals.append(_refusal(message, fault, route, alarm=alarm, private=private))
        if more:
            refusals[-1] = _refusal(
                message,
                Refused(Reason.bad_value, f"and {more + 1} more"),
                route,
                alarm=route.alarm,
                private=private,
            )
        return [*reports, *refusals]

    def _report(self, route: Route, message: Message, said: Said, refusals: list[Refusal]) -> Report:
        home, device = route.home, route.device
        assert home is not None
        assert device is not None
        values, unknown = said.values, said.unknown
        if route.withheld and not route.withheld.isdisjoint((*values, *unknown)):
            kept = {q: v for q, v in values.items() if q not in route.withheld}
            for quantity in values:
                if quantity in route.withheld:
                    self._count_withheld(route, message, quantity, refusals)
            values, unknown = kept, [q for q in unknown if q not in route.withheld]
        at, repaired = _repaired(said.device_at, message.received_at)
        device_ms = epoch_ms(said.device_at) if said.device_at is not None else None
        return Report(
            report_id=content_id(
                device.id,
                said.seq,
                device_ms,
                encode(values),
                ",".join(unknown),
                epoch_ms(message.received_at) if said.seq is None and device_ms is None else None,
            ),
            home=home.id,
            device=device.id,
            kind=device.kind.value,
            at=at,
            received_at=message.received_at,
            device_at=said.device_at,
            seq=said.seq,
            values=values,
            unknown=unknown,
            retained=message.retained,
            test=said.test,
            repaired=repaired,
            topic=message.topic,
        )

    def _count_withheld(self, route: Route, message: Message, quantity: str, refusals: list[Refusal]) -> None:
        data = QUANTITIES[quantity].consent or ""
        self.withheld[data] += 1
        if all(r.reason != Reason.no_consent or r.detail != data for r in refusals):
            fault = Refused(Reason.no_consent, data, quantity=quantity)
            refusals.append(_refusal(message, fault, route, alarm=False, private=True))

    def _state(self, route: Route, message: Message, state: str) -> list[Outcome]:
        home, device = route.home, route.device
        if home is None:
            return [
                Unclaimed(
                    topic=message.topic,
                    dialect=route.dialect,
                    received_at=message.received_at,
                    suggested_kind=Kind.gateway.value,
                    payload=_sample(message.payload),
                )
            ]
        name, kind = (device.id, device.kind) if device is not None else (Kind.gateway.value, Kind.gateway)
        return [
            Report(
                report_id=content_id(home.id, name, "state", state, epoch_ms(message.received_at)),
                home=home.id,
                device=name,
                kind=kind.value,
                at=message.received_at,
                received_at=message.received_at,
                retained=message.retained,
                state=state,
                repaired="none_given",
                topic=message.topic,
            )
        ]

    def _bridge(self, route: Route, message: Message) -> list[Outcome]:
        """The bridge's own topics: its state is that of the homes' gateway; the list of devices is learnt."""
        if route.name == "devices":
            found = exposes.read_devices(message.payload)
            if found:
                self.routes.learn_models(route.base, found)
            for name, build in exposes.read_builds(message.payload).items():
                owner = self.registry.by_topic(f"{route.base}/{name}")
                if owner is not None:
                    self._runs(owner[1].id, ZIGBEE2MQTT, message, build=build)
            return []
        if route.name == "info":
            told = exposes.read_bridge_version(message.payload)
            for _, gateway in self._gateways_of(route.base) if told else ():
                if gateway is not None:
                    self._runs(gateway.id, ZIGBEE2MQTT, message, build=f"Zigbee2MQTT {told}")
            return []
        if route.name == "groups":
            self.routes.learn_groups(route.base, exposes.read_groups(message.payload))
        if route.name != "state":
            return []
        try:
            state = zigbee2mqtt.availability(message.payload[:PAYLOAD_LIMIT])
        except Refused:
            return []
        out: list[Outcome] = []
        for home, device in self._gateways_of(route.base):
            out.extend(self._state(replace(route, home=home, device=device), message, state))
        return out

    def _gateways_of(self, base: str) -> list[tuple[Home, Device | None]]:
        """The homes this bridge is the gateway of: one home, or a staircase, whose sensors are all below its base.

        A home whose gateway speaks for itself (it has a topic elsewhere) is left to that one when the base is shared:
        the bridge does not know whether it is there. None stands for a gateway that is not in the site file.
        """
        prefix = f"{base}/"
        homes = {h.id: h for t, (h, _) in self.registry.topics().items() if t.startswith(prefix)}
        found: list[tuple[Home, Device | None]] = []
        for home in homes.values():
            gateway = gateway_of(home)
            if gateway is not None and (len(homes) == 1 or (gateway.address or "").startswith(prefix)):
                found.append((home, gateway))
            elif gateway is None and all((d.address or "").startswith(prefix) for d in home.devices):
                found.append((home, None))
        return found

    def _unclaimed(self, route: Route, message: Message) -> list[Outcome]:
        """A device nobody has entered yet: shown with its last payload and what it seems to be."""
        topic, quantities = message.topic, set[str]()
        with suppress(Refused):
            if route.dialect == NATIVE:
                for said in native.decode(message.payload, zone=UTC, received_at=message.received_at):
                    if isinstance(said, Said):
                        quantities.update(said.values, said.unknown)
            else:
                topic, quantities = self._strange(message)
        kind = suggest(quantities)
        return [
            Unclaimed(
                topic=topic,
                dialect=route.dialect,
                received_at=message.received_at,
                suggested_kind=kind.value if kind is not None else None,
                suggested_home=self._home_in(message.topic),
                payload=_sample(message.payload),
            )
        ]

    def _strange(self, message: Message) -> tuple[str, set[str]]:
        """The topic of an unclaimed Zigbee2MQTT device and what it seems to measure. Raises Refused if nothing tells.

        A bare word is an attribute on a topic of its own: the device is one level up.
        """
        topic = message.topic
        upper, _, name = topic.rpartition("/")
        known = self.routes.definition(topic)
        if known is None and "/" in upper and message.payload.lstrip()[:1] != b"{":
            topic, known = upper, self.routes.definition(upper)
            said = zigbee2mqtt.decode_attribute(name, message.payload, zone=UTC, definition=known)
        else:
            said = zigbee2mqtt.decode(message.payload, zone=UTC, definition=known)
        told = {*said.values, *said.unknown}
        if known is not None:
            told.update(
                rule.quantity
                for e in known.exposes.values()
                for rule in exposes.rules_of(e.property, e) or ()
            )
            told.update("sos" if calls(action) else "action" for action in known.actions)
        return topic, told


def _call(said: Said, device: Device | None) -> None:
    """An action that calls for help, by its own word or by the site file, is a press of the SOS (contract section 3)."""
    if calls(str(said.values["action"]), device.calls_on if device is not None else ()):
        said.values.setdefault("sos", True)


def _is_config(route: Route, topic: str) -> bool:
    """Whether a message tells what others mean."""
    return route.dialect == "homeassistant" and topic.endswith("/config")


def _is_private(route: Route, said: Iterable[Said | Refused]) -> bool:
    """Whether the payload may hold what its people keep from the centre: then no sample of it is kept either."""
    if not route.withheld or route.device is None:
        return False
    heard = [q for s in said if isinstance(s, Said) for q in (*s.values, *s.unknown)]
    faults = [f for s in said for f in (s.faults if isinstance(s, Said) else (s,))]
    told = (*KINDS[route.device.kind].quantities, *heard, *(f.quantity for f in faults))
    return not route.withheld.isdisjoint(told)


def _repaired(device_at: datetime | None, received_at: datetime) -> tuple[datetime, str | None]:
    """When it happened, and why that is not what the device said."""
    if device_at is None:
        return received_at, "none_given"
    if device_at > received_at + FUTURE:
        return received_at, "future"
    if device_at < received_at - PAST:
        return received_at, "too_old"
    return device_at, None


def _sample(payload: bytes) -> str:
    return shown(payload[:SAMPLE].decode("utf-8", "backslashreplace"))[:SAMPLE]


def _refusal(
    message: Message, fault: Refused, route: Route, *, alarm: bool, private: bool = False
) -> Refusal:
    device = route.device.id if route.device is not None else None
    return Refusal(
        refusal_id=content_id(
            message.topic, fault.reason.value, fault.detail, message.payload, epoch_ms(message.received_at)
        ),
        topic=_sample(message.topic.encode("utf-8", "replace")),
        reason=fault.reason.value,
        received_at=message.received_at,
        detail=fault.detail,
        home=route.home.id if route.home is not None else None,
        device=device,
        quantity=fault.quantity,
        sample="" if private else _sample(message.payload),
        alarm=alarm,
    )


def refused_by_us(message: Message, detail: str) -> Refusal:
    """A message that the service itself failed on, for a person to look at."""
    return _refusal(message, Refused(Reason.failed, detail), Route(Way.bad), alarm=True)


__all__ = [
    "DEFAULT_SUBSCRIPTIONS",
    "DIALECTS",
    "Message",
    "Normalizer",
    "Outcome",
    "Subscription",
    "refused_by_us",
]
