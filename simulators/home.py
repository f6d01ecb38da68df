"""What the sensors of a flat make of the people in it: payloads as real devices send them, in both dialects.

Start at `HomeLife`: a small discrete-event world of one home. It keeps a queue of what comes next (a stay begins, the
belt speaks, a heartbeat is due) and `step` takes one thing from it. All chance comes from a generator seeded by the
home's id, so a home is the same however many others there are. One device is in `sensors`, a bed belt in `belts`.
"""

from __future__ import annotations

import heapq
import math
import zlib
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from care.messages import URGENT, Value
from care.site import Home
from care.words import Kind
from simulators.belts import Belt
from simulators.company import PET, VISITOR, Coming, Company, comings
from simulators.days import is_ajar
from simulators.person import Person
from simulators.radios import Link, Radios, link_of
from simulators.resident import OUT, Stay, habits_of
from simulators.sensors import (
    EPOCH,
    HOUR,
    MINUTE,
    PIR_AGAIN,
    PIR_HOLD,
    REPEAT_EVERY,
    REPEATS,
    SECOND,
    WILL_AFTER,
    Dice,
    Publish,
    Sensor,
    at_ms,
    iso_ms,
)
from simulators.truths import Truth

_NEVER = 2**62

# Litres drawn by what somebody does: at once, and for each minute of it. A flush is 6 l (GB 6952); the rest is ours.
_LITRES = {
    "toilet": (6.0, 0.0), "toilet at night": (6.0, 0.0), "washing": (6.0, 1.0), "tea": (1.0, 0.0),
    "breakfast": (0.0, 0.3), "cooking": (0.0, 0.5), "warms up what was left": (1.0, 0.2),
}  # fmt: skip

# What is told of an ordinary day: what a sensor could take for something else, or for nothing.
_TOLD = {
    "walks the dog": ("goes out to walk the dog", "出门遛狗"),
    "morning exercise": ("goes out for morning exercise", "出门晨练"),
    "market": ("goes to market", "出门买菜"),
    "friends": ("goes out to friends", "出门会友"),
    "dancing in the square": ("goes out to dance in the square", "出门跳广场舞"),
    "with the family": ("goes to see the family", "去子女家"),
    "to the doctor": ("goes to the doctor", "去医院看病"),
    "lies ill in bed": ("feels ill and lies down", "身体不适，卧床休息"),
    "cannot sleep": ("cannot sleep and sits up", "夜里睡不着，起来坐着"),
    "dozes in the chair": ("falls asleep in the chair", "坐在椅子上打盹"),
}

# What the queue of a home may hold.
(
    _BELT,
    _BEAT,
    _MOTION,
    _PIR_OFF,
    _STAY,
    _SEE,
    _DOOR,
    _BED,
    _STEP,
    _REPEAT,
    _CACHED,
    _COMES,
    _STIRS,
    _ARRIVES,
    _AGAIN,
) = range(15)

Step = Callable[["HomeLife", int], None]
"""Something a scenario does to a home at a time."""


class HomeLife:
    """One home in time: `next_ms` is when something happens next, `step(out)` lets it happen."""

    def __init__(
        self,
        home: Home,
        *,
        seed: int,
        start: int,
        zone: ZoneInfo,
        stamp: Callable[[int], str] = iso_ms,
        rate_scale: float = 1.0,
        spread: int = 10 * SECOND,
        bridges: Iterable[str] = (),
        shared_bridges: Iterable[str] = (),
        tell: Callable[[Truth], None] | None = None,
        radios: Radios = Radios.lifelike,
    ) -> None:
        """`bridges` are bases of Zigbee2MQTT that are this home's alone, `shared_bridges` those it speaks for.

        `tell` is given what is true of its ordinary days, when it happens.
        """
        self.home = home
        self.id = home.id
        self.dice = Dice(seed, zlib.crc32(home.id.encode()), 2)
        self.stamp = stamp
        self.zone = zone
        self._tell = tell
        self._scale = rate_scale
        self._queue: list[tuple[int, int, int, Any, Any]] = []
        self._count = 0
        # A device's counter never runs backwards, not even when the simulator is started anew: it counts from its start.
        first_seq = start // 1000 - 1_767_225_600
        self.people = [Person(habits_of(home, r, seed=seed), r.id, zone, start) for r in home.residents]
        self.sensors: dict[str, Sensor] = {
            d.id: Sensor(
                home, d, dice=self.dice, first_seq=first_seq,
                radio=link_of(home, d, seed=seed) if radios is Radios.lifelike else None,
            )
            for d in home.devices
        }  # fmt: skip
        self.gateway = next((s for s in self.sensors.values() if s.kind is Kind.gateway), None)
        self._pirs = {s.room: s for s in self.sensors.values() if s.kind in (Kind.motion, Kind.presence)}
        self.door = next((s for s in self.sensors.values() if s.kind is Kind.door), None)
        self.belts: dict[str, Belt] = {}
        for sensor in self.sensors.values():
            if sensor.kind is Kind.bed_belt:
                who = [p for p in self.people if p.resident == sensor.resident] or self.people[:1]
                words = (seed, zlib.crc32(home.id.encode()), zlib.crc32(sensor.id.encode()), 3)
                self.belts[sensor.id] = Belt(sensor, who[0] if who else None, words=words, rate=rate_scale)
        self._bridges = tuple(bridges)
        self._shared_bridges = tuple(shared_bridges)
        self.dark = False
        """No power or no network: nothing leaves the home but by a device's own way (`is_cut_off`)."""
        self._darkness = 0
        """How many causes keep it dark: it comes back when the last of them is over."""
        self._without_power = 0
        """How many of these are power cuts."""
        self.water_per_minute = 0.0
        """A tap that somebody forgot, in litres a minute."""
        self._drawn = 0.0
        """Litres drawn that the meter has not told yet."""
        self.room_temperature = 21 + 4 * self.dice.u()
        self._company = Company(home, seed=seed, zone=zone)
        self._comings = comings(self._company, start)
        self._alone_until = 0
        self._out: list[Publish] = []
        self._begin(start, spread)

    # ------------------------------------------------------------------------------------------ queue

    @property
    def next_ms(self) -> int:
        """When something happens next; never, in a home without devices."""
        return self._queue[0][0] if self._queue else _NEVER

    def at(self, ms: int, what: int, a: Any = None, b: Any = None) -> None:
        """Queue one of the kinds of event above."""
        self._count += 1
        heapq.heappush(self._queue, (ms, self._count, what, a, b))

    def do(self, ms: int, step: Step) -> None:
        """Let a scenario do something at a time."""
        self.at(ms, _STEP, step)

    def _begin(self, start: int, spread: int) -> None:
        """A gateway connects: retained states at once, then every device's cached state, as gateways do."""
        connect = start + self.dice.ms(0, spread * 0.5)
        self.at(connect, _STEP, lambda life, ms: life.connect(ms))
        for sensor in self.sensors.values():
            first = connect + self.dice.ms(200, 200 + spread * 0.5)
            if sensor.kind is Kind.bed_belt:
                self.at(first, _BELT, self.belts[sensor.id])
            else:
                self.at(first, _CACHED, sensor)
                self.at(first + self.dice.ms(0, sensor.every / self._scale), _BEAT, sensor)
        for person in self.people:
            self.at(person.next_at, _STAY, person, person.turn)
            self._next_motion(person, start)
            if person.habits.irregular:
                self._told(start, "resident", "has an irregular heart", "心律不齐（房颤）", who=person)
        if self._company.pet:
            self._told(
                start,
                PET,
                f"a {self._company.pet} lives here",
                "家里养猫" if self._company.pet == "cat" else "家里养狗",
            )
        self._next_coming()

    def step(self, out: list[Publish]) -> None:
        """Let the next thing happen; what it makes devices say is added to `out`."""
        ms, _, what, a, b = heapq.heappop(self._queue)
        self._out = out
        if what == _BELT:
            sensor = a.sensor
            if ms >= a.asked_at:  # else a sample sent early, on a bed exit, has taken its place
                self._belt(a, ms)
                self.at(ms + int(sensor.every / self._scale), _BELT, a)
            else:
                self.at(a.asked_at, _BELT, a)
        elif what == _MOTION:
            if b == a.turn and a.stay.motions_per_hour > 0:
                self.see(a.stay.room, ms)
                self._next_motion(a, ms)
        elif what == _PIR_OFF:
            if ms - a.last_motion >= PIR_HOLD - SECOND:
                a.off_pending = False
                self._moving(a, ms, moving=False)
            else:
                self.at(a.last_motion + PIR_HOLD, _PIR_OFF, a)
        elif what == _BEAT:
            self._beat(a, ms)
        elif what == _ARRIVES:
            # What was still on its way when the power went is told anew when it is back; an alarm has left.
            if a.alarm or not self.is_cut_off(self.sensors[a.device]):
                out.append(a)
        elif what == _STAY:
            if b == a.turn:
                self._stay(a, ms)
        elif what == _SEE:
            self.see(a, ms)
        elif what == _DOOR:
            self._door(ms, is_open=a)
        elif what == _BED:
            a.asked_at = ms + int(a.sensor.every / self._scale)
            self._belt(a, ms)
        elif what == _STEP:
            a(self, ms)
        elif what == _STIRS:
            self._stirs(a, ms)
        elif what == _COMES:
            self._comes(a, ms)
        elif what == _AGAIN:
            self._again(a, ms)
        elif what == _REPEAT:
            self._repeat(a, b, ms)
        else:
            self._emit(a, ms, self._says(a, ms))

    # ---------------------------------------------------------------------------------- what people do

    def _next_motion(self, person: Person, ms: int) -> None:
        rate = person.stay.motions_per_hour
        if rate > 0:
            wait = -math.log1p(-person.dice.u()) * HOUR / rate
            due = ms + max(2 * SECOND, int(wait))
            if due < person.next_at:
                self.at(due, _MOTION, person, person.turn)

    def _stay(self, person: Person, ms: int) -> None:
        """A person goes on to the next thing of the day."""
        old, new = person.move_on()
        dice = person.dice
        flush, flow = _LITRES.get(old.doing, (0.0, 0.0))
        self._drawn += flush + flow * (ms - old.start) / MINUTE
        if old.in_bed != new.in_bed:
            for belt in self.belts.values():
                if belt.person is person:
                    self.at(ms + dice.ms(600, 2200), _BED, belt)
            if old.in_bed:
                self.see(old.room, ms)
        if new.room == OUT and old.room != OUT:
            self.see("living", ms)
            self.pass_door(ms + dice.ms(3000, 9000))
        elif old.room == OUT and new.room != OUT:
            ajar = is_ajar(person.habits, ms)
            self.pass_door(ms, ajar * 60 if ajar else None)
            if ajar:
                self._told(
                    ms,
                    "resident",
                    "comes home and leaves the door ajar",
                    "回家忘关门",
                    who=person,
                    until=ms + int(ajar * MINUTE),
                )
            self.at(ms + dice.ms(3000, 7000), _SEE, "living")
            self.at(ms + dice.ms(25_000, 90_000), _SEE, "living")  # shoes off, bags away
        elif new.room != old.room:
            self.at(ms + dice.ms(800, 4000), _SEE, new.room)
        if new.doing == "meal comes":
            self.pass_door(ms + dice.ms(20_000, 200_000))
        self._tell_of(person, old, new, ms)
        person.turn += 1  # movements queued for the old room are void
        self._requeue(person, ms)
        self._next_motion(person, ms)

    def _told(
        self, ms: int, label: str, what: str, zh: str, *, who: Person | None = None, until: int | None = None
    ) -> None:
        """Something true of an ordinary day."""
        if self._tell is not None:
            self._tell(
                Truth(
                    at=at_ms(ms), scenario="ordinary", home=self.id, what=what, zh=zh, label=label,
                    resident=who.resident if who is not None else None, until=at_ms(until) if until is not None else None,
                )
            )  # fmt: skip

    def _tell_of(self, person: Person, old: Stay, new: Stay, ms: int) -> None:
        """What is worth telling of a stay that begins; of a whole day, when somebody gets up."""
        if new.doing != old.doing and (told := _TOLD.get(new.doing)):
            self._told(ms, "resident", *told, who=person, until=person.next_at)
        if old.in_bed and new.doing == "washing":
            sort = person.sort(ms)
            for true, what, zh in (
                (sort.ill, "feels ill today", "今天身体不适"),
                (sort.restless, "has had a restless night", "夜里没睡好"),
                (sort.forgot == "breakfast" and not sort.ill, "has no breakfast today", "今天没吃早饭"),
                (sort.forgot == "lunch" and not sort.ill, "has no lunch today", "今天没吃午饭"),
            ):
                if true:
                    self._told(ms, "resident", what, zh, who=person)

    # --------------------------------------------------------------------------------- who else is there

    def _next_coming(self) -> None:
        if (one := next(self._comings, None)) is not None:
            self.at(one.start, _COMES, one)

    def _comes(self, one: Coming, ms: int) -> None:
        """A visitor is at the door, or a pet gets up."""
        self._next_coming()
        if one.who == VISITOR:
            if ms < self._alone_until or not (one.key or self._somebody()):
                return  # nobody opens
            self.pass_door(ms)
        self._told(ms, one.who, one.what, one.zh, until=one.end)
        self._stirs(one, ms + self.dice.ms(3000, 9000))

    def _stirs(self, one: Coming, ms: int) -> None:
        """Somebody who does not live here is seen, until they go."""
        visitor = one.who == VISITOR
        if visitor and (ms < self._alone_until or not (one.key or self._somebody())):
            self._told(ms, VISITOR, "the visitor leaves, too", "访客一起离开")
            return
        if ms >= one.end:
            if visitor:
                self.pass_door(ms)
                self._told(ms, VISITOR, "the visitor leaves", "访客离开")
            return
        dice = self.dice
        self.at(ms, _SEE, one.rooms[int(dice.u() * len(one.rooms))])
        wait = -math.log1p(-dice.u()) * HOUR / one.motions_per_hour
        self.at(min(one.end, ms + max(2 * SECOND, int(wait))), _STIRS, one)

    def _somebody(self) -> bool:
        return any(p.stay.room != OUT for p in self.people)

    def nobody_comes(self, until: int, ms: int) -> None:
        """From now on no visitor comes, and those who are there leave at their next step."""
        self._alone_until = max(self._alone_until, until, ms)

    def _requeue(self, person: Person, ms: int) -> None:
        self.at(max(ms, person.next_at), _STAY, person, person.turn)

    def live(self, person: Person, stays: list[Stay], until: int, ms: int) -> None:
        """From now on a person lives these stays instead; `until` the ordinary day goes on."""
        person.instead(stays, until)
        if person.next_at <= ms:
            self._stay(person, ms)
        else:
            self._requeue(person, ms)

    def in_bed(self, start: int, end: int) -> bool:
        """Whether the resident whom a belt is about is in bed all this time, as far as planned."""
        for belt in self.belts.values():
            if belt.person is not None:
                stays = belt.person.plan[belt.person.index :]
                return stays[0].in_bed and all(s.in_bed for s in stays if start <= s.start <= end)
        return False

    def pass_door(self, ms: int, seconds: float | None = None) -> None:
        """Somebody goes through the front door, which falls shut some seconds later."""
        self.at(ms, _DOOR, True)
        self.at(ms + (self.dice.ms(5000, 16_000) if seconds is None else int(seconds * 1000)), _DOOR, False)

    def _door(self, ms: int, *, is_open: bool) -> None:
        if self.door is not None:
            self.reads(self.door, ms, door_open=is_open)

    def see(self, room: str, ms: int) -> None:
        """Something warm moves in a room: its infrared sensor may say so."""
        sensor = self._pirs.get(room)
        if sensor is None:
            return
        sensor.last_motion = ms
        if ms - sensor.last_true >= PIR_AGAIN:
            sensor.last_true = ms
            if sensor.zigbee:
                sensor.state["illuminance"] = int(5 + self.dice.u() * 240)
            self._moving(sensor, ms, moving=True)
        if not sensor.off_pending:
            sensor.off_pending = True
            self.at(ms + PIR_HOLD, _PIR_OFF, sensor)

    def _moving(self, sensor: Sensor, ms: int, *, moving: bool) -> None:
        what = "presence" if sensor.kind is Kind.presence else "motion"
        self.reads(sensor, ms, spare=True, **{what: moving})

    # --------------------------------------------------------------------------------- what devices say

    def _emit(
        self,
        sensor: Sensor,
        ms: int,
        payload: bytes,
        *,
        retain: bool = False,
        topic: str = "",
        alarm: bool = False,
        spare: bool = False,
    ) -> None:
        """Send it the way its radio has it. `spare`: nobody misses it, because it is soon told again."""
        if ms < sensor.mute_until or self.is_cut_off(sensor):
            return
        alarm = alarm or sensor.raised
        radio = sensor.radio
        if radio is not None and ms >= radio.clear and not retain:
            self._over(radio, sensor, ms, payload, alarm=alarm, spare=spare)
            return
        self._out.append(
            Publish(
                EPOCH + timedelta(milliseconds=ms),
                topic or sensor.topic,
                payload,
                1 if retain else sensor.qos,
                retain,
                self.id,
                sensor.id,
                sensor.kind,
                alarm,
            )
        )

    def _over(
        self, radio: Link, sensor: Sensor, ms: int, payload: bytes, *, alarm: bool, spare: bool
    ) -> None:
        """Send it over a radio that may be late, weak or away."""
        due = radio.due(ms, alarm=alarm, spare=spare)
        if due is not None:
            message = Publish(
                at_ms(due), sensor.topic, payload, sensor.qos, False, self.id, sensor.id, sensor.kind, alarm
            )
            if due == ms:
                self._out.append(message)
            else:
                self.at(due, _ARRIVES, message)
        if sensor.zigbee and not alarm and (later := radio.again(ms)):
            self.at(ms + later, _AGAIN, sensor)

    def _again(self, sensor: Sensor, ms: int) -> None:
        """A frame comes a second time: the bridge publishes what it knows of the device by now, with the time of now."""
        if ms >= sensor.mute_until and not self.is_cut_off(sensor):
            kept = sensor.topic, self._says(sensor, ms), sensor.qos, False
            self._out.append(Publish(at_ms(ms), *kept, self.id, sensor.id, sensor.kind, sensor.raised))

    def _says(self, sensor: Sensor, ms: int, extra: dict[str, Any] | None = None) -> bytes:
        """The device's words of now, with how well it is heard now."""
        if sensor.zigbee and sensor.radio is not None:
            sensor.link = sensor.radio.quality(ms) or sensor.link
        return sensor.says(self.stamp(ms), extra)

    def _belt(self, belt: Belt, ms: int) -> None:
        self._emit(belt.sensor, ms, belt.says(ms, self.stamp(ms)))

    def _beat(self, sensor: Sensor, ms: int) -> None:
        """A heartbeat: everything the device knows, unchanged or nearly so."""
        dice = self.dice
        if sensor.kind is Kind.gateway:
            sensor.state = {"link_quality": sensor.link + int(dice.u() * 12), "uptime_seconds": sensor.seq}
        elif sensor.kind is Kind.water_meter:
            sensor.state["water_total"] += self._water(sensor.every / MINUTE)
        elif sensor.zigbee:  # a radio has its own idea of it
            sensor.link = min(255, max(40, sensor.link + int(dice.u() * 9) - 4))
        if "temperature" in sensor.state and sensor.state["temperature"] < 35:
            sensor.state["temperature"] = round(self.room_temperature + dice.u(), 1)
        payload = self._says(sensor, ms) if sensor.zigbee else sensor.says(self.stamp(ms))
        self._emit(sensor, ms, payload, spare=True)
        self.at(ms + int(sensor.every / self._scale * (0.96 + 0.08 * dice.u())), _BEAT, sensor)

    def _water(self, minutes: float) -> int:
        """Litres drawn since the last reading: by what was done, by those who are up, and by a forgotten tap."""
        at_home = sum(1 for p in self.people if p.stay.room != OUT and not p.stay.in_bed)
        self._drawn += at_home * 1.2 * self.dice.u() * minutes / 15 + self.water_per_minute * minutes
        litres = int(self._drawn)
        self._drawn -= litres
        return litres

    def reads(self, sensor: Sensor, ms: int, *, spare: bool = False, **values: Value) -> None:
        """A device reports changed readings. A native alarm is repeated until somebody acknowledges it.

        `spare`: a weak link may lose it.
        """
        for quantity, value in values.items():
            sensor.set(quantity, value)
        urgent = [v for q, v in values.items() if q in URGENT]
        if urgent:
            sensor.raised = urgent != [False]
        payload = self._says(sensor, ms)
        self._emit(sensor, ms, payload, alarm=bool(urgent), spare=spare)
        if urgent and sensor.raised:
            self._keep_repeating(sensor, ms, payload)
        elif urgent:
            sensor.repeating = None

    def press(self, sensor: Sensor, ms: int) -> None:
        """Somebody presses an SOS button: an event, there is no release."""
        pressed = {"action": "emergency"} if sensor.zigbee else {"sos": True}
        payload = self._says(sensor, ms, pressed)
        self._emit(sensor, ms, payload, alarm=True)
        self._keep_repeating(sensor, ms, payload)

    def _keep_repeating(self, sensor: Sensor, ms: int, payload: bytes) -> None:
        if not sensor.zigbee:
            sensor.repeating = (sensor.seq, payload, REPEATS)
            self.at(ms + REPEAT_EVERY, _REPEAT, sensor, sensor.seq)

    def _repeat(self, sensor: Sensor, seq: int, ms: int) -> None:
        """The same bytes with the same seq, until the acknowledgement or the last try."""
        if sensor.repeating is None or sensor.repeating[0] != seq:
            return  # acknowledged, over, or overtaken by a newer alarm
        _, payload, left = sensor.repeating
        self._emit(sensor, ms, payload, alarm=True)
        if left > 1:
            sensor.repeating = (seq, payload, left - 1)
            self.at(ms + REPEAT_EVERY, _REPEAT, sensor, seq)
        else:
            sensor.repeating = None

    def acknowledge(self, device: str, seq: int | None) -> bool:
        """The service has the alarm of this seq; True when the device was still repeating it."""
        sensor = self.sensors.get(device)
        if sensor is None or sensor.repeating is None or (seq is not None and seq != sensor.repeating[0]):
            return False
        sensor.repeating = None
        return True

    # --------------------------------------------------------------------------------------- the gateway

    def connect(self, ms: int) -> None:
        """The gateway comes online: its retained states, and those of Zigbee2MQTT and its devices."""
        gateway = self.gateway or next(iter(self.sensors.values()), None)
        if gateway is None:
            return
        self._emit(gateway, ms, b'{"state":"online"}', retain=True, topic=f"anxin/v1/{self.id}/status")
        for base in self._bridges + self._shared_bridges:
            self._emit(gateway, ms, b'{"state":"online"}', retain=True, topic=f"{base}/bridge/state")
        for sensor in self.sensors.values():
            if sensor.zigbee:
                self._emit(
                    sensor, ms, b'{"state":"online"}', retain=True, topic=f"{sensor.topic}/availability"
                )

    def is_cut_off(self, sensor: Sensor) -> bool:
        """Whether what a device says does not leave the home: NB-IoT needs no gateway, and a battery no mains."""
        return self.dark and not (sensor.own_way and (sensor.battery or not self._without_power))

    def speaks_on(self, *, power: bool) -> list[str]:
        """The devices that a cut of the network, or of the `power`, does not silence."""
        return [s.id for s in self.sensors.values() if s.own_way and (s.battery or not power)]

    def go_dark(self, ms: int, *, power: bool) -> None:
        """Power, or the network alone, is gone: silence of most, and the last will when the broker has noticed."""
        self._darkness += 1
        self._without_power += power
        if self._darkness > 1:
            return
        self.dark = True
        self.do(ms + WILL_AFTER, lambda life, then: life.last_will(then))

    def last_will(self, ms: int) -> None:
        """What the broker publishes for a gateway that has not been heard of."""
        if not self.dark or self.gateway is None:
            return
        self.dark = False
        self._emit(self.gateway, ms, b'{"state":"offline"}', retain=True, topic=f"anxin/v1/{self.id}/status")
        for base in self._bridges:
            self._emit(self.gateway, ms, b'{"state":"offline"}', retain=True, topic=f"{base}/bridge/state")
        self.dark = True

    def come_back(self, ms: int, *, power: bool) -> None:
        """It is back: the gateway connects and publishes every cached state again, as gateways do."""
        silent = [s for s in self.sensors.values() if self.is_cut_off(s)]
        self._darkness = max(0, self._darkness - 1)
        self._without_power = max(0, self._without_power - power)
        if self._darkness == 0:
            self.dark = False
            self.connect(ms)
        for sensor in silent:
            if sensor.kind is not Kind.bed_belt and not self.is_cut_off(sensor):
                self.at(ms + self.dice.ms(300, 12_000), _CACHED, sensor)


def with_those_that_speak(what: str, zh: str, life: HomeLife, *, power: bool) -> tuple[str, str]:
    """The words of a truth, in English and Chinese, with the devices that a cut does not silence."""
    names = ", ".join(life.speaks_on(power=power))
    if not names:
        return what, zh
    by, zh_by = (
        ("their own radio and battery", "自带电池和网络") if power else ("their own radio", "自带网络")
    )
    return f"{what}; {names} speak on by {by}", f"{zh}；{names.replace(', ', '、')} {zh_by}，仍在上报"


def base_topic(topic: str, home: str) -> str:
    """The base of a Zigbee2MQTT device topic: what stands before the home's id, else the first level."""
    levels = topic.split("/")
    return "/".join(levels[: levels.index(home)]) if home in levels[1:-1] else levels[0]
