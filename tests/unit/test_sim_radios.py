"""Radios: link quality by wall and hour, NB-IoT's delay, Wi-Fi's gaps; alarms are never lost, and truth allows for the wait."""

from __future__ import annotations

import json
import statistics
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from care.messages import Report
from care.site import Registry
from care.words import Kind
from ingest.normalize import DEFAULT_SUBSCRIPTIONS, Message, Normalizer
from rules.catalog import load
from rules.engine import Engine
from simulators import radios
from simulators.community import generate
from simulators.radios import NbIot, Radio, Radios, Wifi, Zigbee, link_of, radio_of
from simulators.scenarios import Wish
from simulators.scenarios import parse as wish
from simulators.sensors import Publish, to_ms
from simulators.world import World

NIGHT = datetime(2026, 5, 22, 17, 0, tzinfo=UTC)  # 01:00 in Ningbo
NOON = datetime(2026, 5, 23, 4, 0, tzinfo=UTC)
ZERO, MINUTE = to_ms(NIGHT), 60_000
MANY = generate(200)


def links() -> Iterator[tuple[str, Radio, radios.Link]]:
    """Room, radio and link of every device of 200 homes whose radio shows."""
    for home in MANY.homes:
        for device in home.devices:
            link = link_of(home, device, seed=1)
            if link is not None:
                yield device.room, radio_of(device), link


def clock(message: Publish) -> datetime | None:
    """When the device says that it said so."""
    body = json.loads(message.payload)
    said = body.get("time") or body.get("last_seen")
    return datetime.fromisoformat(said) if said else None


def test_every_device_has_the_radio_of_its_dialect_and_kind():
    """Zigbee2MQTT is Zigbee; native detectors and meters are NB-IoT, belts Wi-Fi, the rest the maker's own."""
    found = {(radio_of(d), d.kind) for h in MANY.homes for d in h.devices if d.address is None}
    assert found >= {(Radio.nb_iot, Kind.smoke), (Radio.nb_iot, Kind.gas), (Radio.nb_iot, Kind.water_meter)}
    assert found >= {(Radio.wifi, Kind.bed_belt), (Radio.maker, Kind.sos), (Radio.maker, Kind.gateway)}
    assert {radio_of(d) for h in MANY.homes for d in h.devices if d.address} == {Radio.zigbee}


def test_link_quality_falls_with_every_wall_and_drifts_over_hours():
    """The living room has the gateway; some links are weak and most are not; an hour later it is a little different."""
    rooms: dict[str, list[float]] = {}
    for room, _, link in links():
        if isinstance(link, Zigbee):
            rooms.setdefault(room, []).append(link.middle)
    middle = {room: statistics.mean(found) for room, found in rooms.items()}
    assert middle["living"] > middle["kitchen"] + 20 > middle["bathroom"] + 40
    weak = [m < radios.WEAK for found in rooms.values() for m in found]
    assert 0.01 < sum(weak) / len(weak) < 0.1
    link = next(x for _, _, x in links() if isinstance(x, Zigbee) and 60 < x.middle < 200)
    by_hour = [[link.quality(ZERO + h * 60 * MINUTE + n * MINUTE) for n in range(60)] for h in range(48)]
    assert all(12 <= q <= 255 for hour in by_hour for q in hour)
    assert statistics.mean(statistics.pstdev(hour) for hour in by_hour) < 5
    assert 2 < statistics.stdev(statistics.mean(hour) for hour in by_hour) < 12


def test_nb_iot_takes_seconds_and_at_worst_half_a_minute():
    """Log-normal: a median of two to four seconds, one in ten beyond five, never more than 30; in order; alarms alike."""
    waits: list[int] = []
    for _, _, link in links():
        if isinstance(link, NbIot):
            for n in range(60):
                at = ZERO + n * MINUTE
                due = link.due(at, alarm=n % 2 == 0, spare=n % 2 == 1)
                waits.append(due - at)
            close = [link.due(ZERO + 100 * MINUTE + 200 * n, alarm=False, spare=True) for n in range(50)]
            assert close == sorted(close)
    tenths = statistics.quantiles(waits, n=10)
    assert 2000 < tenths[4] < 3500
    assert 5000 < tenths[8] < 9000
    assert min(waits) > 0
    assert 15_000 < max(waits) <= NbIot.worst_ms
    assert statistics.mean(waits) > 1.15 * tenths[4], "a tail to the right"


def test_wifi_gaps_are_short_and_seldom_and_what_was_said_in_them_comes_after_or_never():
    """About one in two days, under 45 s; a belt with a memory tells it afterwards in order, one without does not, and an alarm always comes."""
    gaps, kinds = [], Counter()
    found = [x for _, _, x in links() if isinstance(x, Wifi)]
    for link in found:
        for day in range(30):
            start, end = link.gap(ZERO + day * 24 * 60 * MINUTE)
            if not end:
                continue
            gaps.append(end - start)
            asked = [start - 1, start, start + 1000, end, end + 1]
            said = [link.due(ms, alarm=False, spare=False) for ms in asked]
            kinds[link.keeps] += 1
            kept = [end, end, end + 1] if link.keeps else [None, None, None]
            assert said == [start - 1, *kept, end + 1]
            assert link.due(start + 1, alarm=True, spare=False) == end
    assert 0.25 < len(gaps) / (30 * len(found)) < 0.6
    assert min(gaps) >= 4000
    assert max(gaps) <= Wifi.worst_ms
    assert 8000 < statistics.median(gaps) < 22_000
    assert set(kinds) == {True, False}


@pytest.mark.parametrize("name", ["cooking_smoke", "gas_leak", "sos_pocket", "leak", "virtual_smoke"])
def test_no_alarm_is_lost_and_each_comes_in_time(name):
    """On the worst of links: what an ideal radio tells of an alarm comes with the same words, and never later than it may."""
    site = generate(20)

    def alarms(kind: Radios) -> list[Publish]:
        world = World(site, start=NOON, rate_scale=0.1, radios=kind)
        for life in world.lives.values():
            for sensor in life.sensors.values():
                if isinstance(sensor.radio, Zigbee):
                    sensor.radio.middle, sensor.radio.clear = 22.0, 0
        for home in world.fitting(name):
            world.stage(Wish(name, home, timedelta(seconds=5)))
        return [m for m in world.events(NOON + timedelta(hours=1)) if m.alarm]

    def words(messages: list[Publish]) -> Counter[tuple[str, str]]:
        bodies = [(m.device, json.loads(m.payload)) for m in messages]
        return Counter(
            (d, json.dumps({k: v for k, v in b.items() if k not in ("linkquality", "seq")}))
            for d, b in bodies
        )

    ideal, lifelike = alarms(Radios.ideal), alarms(Radios.lifelike)
    assert len(ideal) > 20
    assert words(lifelike) == words(ideal)
    for message in lifelike:
        said = clock(message)
        # A native alarm is sent again with the time at which it was raised, for a minute.
        assert said is not None
        assert timedelta(0) <= message.at - said <= timedelta(seconds=62, milliseconds=NbIot.worst_ms)


def test_what_ought_to_come_of_an_alarm_allows_for_its_radio():
    """The same truth at the same time; an NB-IoT detector's alert may come half a minute later, a Zigbee one's not."""
    site = generate(1)
    by = {}
    for kind in Radios:
        world = World(site, start=NOON, radios=kind)
        by[kind] = [t for name in ("gas_leak", "cooking_smoke") for t in world.stage(wish(f"{name}+1m"))]
    later = {
        (a.expect.code, a.at == b.at, (a.expect.by - b.expect.by).total_seconds())
        for a, b in zip(by[Radios.lifelike], by[Radios.ideal], strict=True)
        if a.expect is not None and b.expect is not None
    }
    assert ("GS1", True, 30.0) in later
    assert ("SM1", True, 0.0) in later


def test_a_radio_changes_nothing_but_the_way():
    """Two worlds of one seed are equal; beside an ideal one nothing is said that was not, and the days are the same."""
    site, end = generate(20), NIGHT + timedelta(hours=8)

    def lived(kind: Radios) -> tuple[list[Publish], list[object]]:
        world = World(site, start=NIGHT, rate_scale=0.1, radios=kind)
        return list(world.events(end)), list(world.lived())

    first, ideal = lived(Radios.lifelike), lived(Radios.ideal)
    assert first == lived(Radios.lifelike)
    assert first[1] == ideal[1]
    assert first[0] != ideal[0]
    said = {m.payload for m in ideal[0] if m.topic.startswith("anxin/")}
    assert {m.payload for m in first[0] if m.topic.startswith("anxin/")} <= said
    lost = len(ideal[0]) - len(first[0])
    assert abs(lost) < 0.01 * len(ideal[0])


def findings(repeats: float, loses: float, monkeypatch) -> tuple[list[tuple[str, ...]], int]:
    """What the rules make of a night and a noon in h0317 on the weakest of Zigbee links, and how many messages they heard."""
    monkeypatch.setattr(radios, "REPEATS", repeats)
    monkeypatch.setattr(radios, "LOSES", loses)
    site = generate(1)
    world = World(site, start=NIGHT)
    for sensor in world.lives["h0317"].sensors.values():
        if isinstance(sensor.radio, Zigbee):
            sensor.radio.middle, sensor.radio.clear = 22.0, 0
    for one in ("wandering@h0317+90m", "cooking_smoke@h0317+10h"):
        world.stage(wish(one))
    registry = Registry(site)
    engine, normalizer = Engine(registry, load()), Normalizer(registry, DEFAULT_SUBSCRIPTIONS)
    out, heard = [], 0
    for sent in world.events(NIGHT + timedelta(hours=12)):
        heard += 1
        out += engine.tick(sent.at)
        for given in normalizer.normalize(Message(sent.topic, sent.payload, sent.at, retained=False, qos=1)):
            if isinstance(given, Report):
                out += engine.feed(given, sent.at)
    return [(f.rule, f.phase.value, f.level.value) for f in out], heard


def test_what_a_weak_link_says_twice_changes_no_finding(monkeypatch):
    """Every report that is no alarm told twice, the second with a time of its own: the same findings in the same order."""
    once, heard = findings(0.0, 0.0, monkeypatch)
    twice, more = findings(1e9, 0.0, monkeypatch)
    assert more > heard + 100
    assert once == twice
    assert {"SM1"} < {rule for rule, _, _ in once}


def test_what_is_said_twice_never_takes_back_an_alarm(monkeypatch):
    """The smoke climbs, and the report before the alarm comes again after it: it says smoke by then, as the bridge does."""
    monkeypatch.setattr(radios, "REPEATS", 1e9)
    world = World(generate(1), start=NOON)
    life = world.lives["h0317"]
    smoke = life.sensors["smoke-0317"]
    assert isinstance(smoke.radio, Zigbee)
    smoke.radio.middle, smoke.radio.clear = 22.0, 0
    at = to_ms(NOON) + 10 * MINUTE
    life.do(at, lambda one, ms: one.reads(smoke, ms, smoke_level=0.1))
    life.do(at + 1, lambda one, ms: one.reads(smoke, ms, smoke=True))
    list(world.events(NOON + timedelta(minutes=10)))
    said = [
        (to_ms(m.at) - at, json.loads(m.payload)["smoke"], m.alarm)
        for m in world.events(NOON + timedelta(minutes=10, seconds=4))
        if m.device == smoke.id
    ]
    assert said[:2] == [(0, False, False), (1, True, True)]
    assert [x[1:] for x in said[2:]] == [(True, True)], "once more, and what is true by then"


def test_a_weak_link_loses_what_is_told_again_and_never_the_door(monkeypatch):
    """All that may be lost is lost: heartbeats and movement; doors, alarms and cached states come as on any link."""
    monkeypatch.setattr(radios, "LOSES", 1e9)
    monkeypatch.setattr(radios, "REPEATS", 0.0)
    site, start = generate(1), NOON

    def said(kind: Radios) -> Counter[Kind]:
        world = World(site, start=start, radios=kind)
        for sensor in world.lives["h0317"].sensors.values():
            if isinstance(sensor.radio, Zigbee):
                sensor.radio.middle, sensor.radio.clear = 22.0, 0
        world.stage(wish("guests@h0317+5m"))
        return Counter(
            m.kind
            for m in world.events(start + timedelta(minutes=40))
            if not m.topic.startswith("anxin/") and not m.retain
        )

    weak, ideal = said(Radios.lifelike), said(Radios.ideal)
    assert ideal[Kind.motion] > 20
    assert weak[Kind.motion] == sum(1 for d in site.homes[0].devices if d.kind is Kind.motion)
    assert 1 < weak[Kind.door] >= ideal[Kind.door] - 1  # its one heartbeat
