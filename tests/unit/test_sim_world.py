"""The world: the same bytes for the same seed, in order, and quiet on ordinary days."""

import itertools
import json
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from care.site import Registry
from care.words import Kind
from simulators.community import generate
from simulators.resident import OUT, day_plan, habits_of
from simulators.scenarios import Wish
from simulators.sensors import to_ms
from simulators.world import World

START = datetime(2026, 5, 22, 18, 0, tzinfo=UTC)  # 02:00 in Ningbo
ZONE = ZoneInfo("Asia/Shanghai")
# Contract section 4: quantity → (types, lowest, highest).
QUANTITIES = {
    "heart_rate": (int, 0, 250), "respiration_rate": (int, 0, 80), "movement": (int, 0, 100), "signal_quality": (int, 0, 100),
    "in_bed": (bool, 0, 1), "smoke": (bool, 0, 1), "smoke_level": ((int, float), 0, 20), "gas": (bool, 0, 1),
    "gas_level": ((int, float), 0, 100), "temperature": ((int, float), -20, 90), "sos": (bool, 1, 1), "door_open": (bool, 0, 1),
    "motion": (bool, 0, 1), "water_leak": (bool, 0, 1), "water_total": (int, 0, 10**9), "battery": (int, 0, 100),
    "battery_low": (bool, 0, 1), "fault": (bool, 0, 1), "muted": (bool, 0, 1), "link_quality": (int, 0, 255),
    "uptime_seconds": (int, 0, 10**10),
}  # fmt: skip
ALARMS = ("smoke", "gas", "co", "water_leak", "fall", "sos", "action")


def run(homes=40, hours=1.0, seed=1, start=START, **settings):
    world = World(generate(homes), seed=seed, start=start, **settings)
    return list(world.events(start + timedelta(hours=hours)))


def test_the_same_seed_gives_the_same_bytes():
    """Two worlds of one seed are equal message by message; another seed is another world."""
    first, second = run(hours=6), run(hours=6)
    assert first == second
    assert [m.payload for m in first] != [m.payload for m in run(hours=6, seed=2)]


def test_messages_come_in_order_of_time():
    """Nothing is given before something that happened earlier."""
    messages = run(hours=12)
    assert all(a.at <= b.at for a, b in itertools.pairwise(messages))
    assert messages[0].at >= START


def test_asking_in_small_steps_changes_nothing():
    """However often the world is asked, it is the same world, with or without a scenario."""
    end = START + timedelta(hours=2)
    whole, pieces = (World(generate(20), start=START) for _ in range(2))
    for world in (whole, pieces):
        world.stage(Wish("gas_leak", "h0305", timedelta(minutes=7)))
    out, until = [], START
    while until < end:
        until = min(end, until + timedelta(seconds=37))
        out += pieces.events(until)
    assert out == list(whole.events(end))


def test_a_home_does_not_depend_on_the_others():
    """h0317 says the same alone and among forty, once it has connected."""

    def says(homes):
        return [
            m.payload
            for m in run(homes, hours=3)
            if m.home == "h0317" and m.at > START + timedelta(minutes=20)
        ]

    assert says(20) == says(40)


def test_ordinary_days_raise_no_alarm():
    """Seven days, forty homes: no smoke, gas, leak or press, and no vital sign a rule would stop at."""
    world = World(generate(40), start=START, rate_scale=0.1)
    seen = set()
    for message in world.events(START + timedelta(days=7)):
        body = json.loads(message.payload)
        seen.add(message.kind)
        assert not message.alarm
        assert not any(body.get(name) for name in ALARMS), message
        if message.kind is Kind.bed_belt and body["in_bed"] and body.get("heart_rate"):
            assert 46 <= body["heart_rate"] <= 100
            assert 9 <= body["respiration_rate"] <= 22
        assert body.get("battery", 100) > 20
    assert seen >= {
        Kind.smoke,
        Kind.gas,
        Kind.sos,
        Kind.door,
        Kind.motion,
        Kind.water_leak,
        Kind.bed_belt,
        Kind.gateway,
    }


def test_payloads_are_those_of_their_dialect():
    """Native: time, a counter that rises by one, quantities of the contract. Zigbee2MQTT: last_seen and linkquality."""
    site = generate(40)
    topics = Registry(site).topics()
    counters = {}
    for message in run(hours=3):
        body = json.loads(message.payload)
        if message.topic not in topics:
            assert message.retain
            assert body in ({"state": "online"}, {"state": "offline"})
            continue
        assert topics[message.topic][1].id == message.device
        assert topics[message.topic][0].id == message.home
        if message.topic.startswith("anxin/"):
            assert abs(datetime.fromisoformat(body.pop("time")) - message.at) < timedelta(milliseconds=2)
            seq = body.pop("seq")
            assert seq == counters.get(message.device, seq - 1) + 1
            counters[message.device] = seq
            for name, value in body.items():
                kind, low, high = QUANTITIES[name]
                assert isinstance(value, kind)
                assert low <= value <= high
        else:
            assert abs(datetime.fromisoformat(body["last_seen"]) - message.at) < timedelta(milliseconds=2)
            assert 0 <= body["linkquality"] <= 255
            assert "action" not in body


def test_devices_keep_their_pace():
    """A belt every 5 s, a gateway every minute, an infrared sensor at most once a minute while something moves."""
    at = {}
    for message in run(hours=8):
        body = json.loads(message.payload)
        if message.retain or (
            message.kind is Kind.motion and not (body.get("occupancy") or body.get("motion"))
        ):
            continue
        at.setdefault((message.kind, message.device), []).append(message.at)
    for (kind, _), times in at.items():
        gaps = [(b - a).total_seconds() for a, b in itertools.pairwise(times)]
        if kind is Kind.bed_belt:
            assert max(gaps) <= 10.1
            assert sorted(gaps)[len(gaps) // 2] == 5
        elif kind is Kind.gateway:
            assert 55 < min(gaps[1:]) <= max(gaps) < 65
        elif kind is Kind.gas:
            assert max(gaps) < 10 * 60


def test_an_infrared_sensor_speaks_at_most_once_a_minute():
    """Two reports of movement of one sensor are a minute apart (heartbeats are left out of this world)."""
    world = World(generate(20), start=START + timedelta(hours=6), rate_scale=0.001)
    last = {}
    for message in world.events(START + timedelta(hours=12)):
        body = json.loads(message.payload)
        if message.at < START + timedelta(hours=7):
            continue  # everybody's first heartbeat
        if message.kind is Kind.motion and (body.get("occupancy") or body.get("motion")):
            if message.device in last:
                assert message.at - last[message.device] >= timedelta(seconds=59)
            last[message.device] = message.at


def test_connecting_publishes_retained_states_and_then_every_device():
    """A minute after the start: gateway, Zigbee2MQTT bridge and availability retained, and each device heard once."""
    site = generate(40)
    messages = run(hours=1 / 60)
    retained = {m.topic for m in messages if m.retain}
    assert {f"anxin/v1/{h.id}/status" for h in site.homes} <= retained
    zigbee = {d.address for h in site.homes for d in h.devices if d.address}
    assert {f"{topic}/availability" for topic in zigbee} <= retained
    assert {m.device for m in messages} == {d.id for h in site.homes for d in h.devices}


def test_rates_and_speed_are_as_told():
    """rate_scale multiplies belts and heartbeats; at speed 60 an hour of the world is stamped as one minute."""
    belts = [sum(m.kind is Kind.bed_belt for m in run(20, rate_scale=r)) for r in (1, 4)]
    assert belts[1] == pytest.approx(4 * belts[0], rel=0.02)
    last = [m for m in run(20, speed=60) if m.topic.startswith("anxin/") and not m.retain][-1]
    stamped = datetime.fromisoformat(json.loads(last.payload)["time"])
    assert (last.at - START).total_seconds() == pytest.approx(
        60 * (stamped - START).total_seconds(), rel=0.01
    )


def test_days_are_whole_and_believable():
    """Stays follow without a gap from morning to morning; lunch is cooked at noon; nobody is out at night or long on the toilet."""
    cooked = 0
    for home in generate(60).homes:
        for resident in home.residents:
            habits = habits_of(home, resident, seed=1)
            for n in range(3):
                day = date(2026, 5, 20) + timedelta(days=n)
                plan = day_plan(habits, day, zone=ZONE)
                following = day_plan(habits, day + timedelta(days=1), zone=ZONE)
                whole = [*plan, following[0]]
                assert all(a.start < b.start for a, b in itertools.pairwise(whole))
                for stay, nxt in itertools.pairwise(whole):
                    hour = datetime.fromtimestamp(stay.start / 1000, ZONE).hour
                    minutes = (nxt.start - stay.start) / 60_000
                    if stay.room == OUT:
                        assert 6 <= hour < 18
                    if stay.doing == "toilet at night":
                        assert minutes < 12
                    if stay.in_bed:
                        assert minutes < 10 * 60
                    cooked += stay.doing == "cooking" and 10 <= hour < 13
                assert plan[-1].in_bed
    assert cooked > 100


def test_a_world_begun_later_lives_the_same_day():
    """A person's day depends on the date, not on when the world began."""
    habits = habits_of(generate(1).homes[0], generate(1).homes[0].residents[0], seed=1)
    day = date(2026, 5, 23)
    assert day_plan(habits, day, zone=ZONE) == day_plan(habits, day, zone=ZONE)
    assert to_ms(datetime(2026, 5, 23, tzinfo=ZONE)) < day_plan(habits, day, zone=ZONE)[0].start


def test_a_bridge_that_homes_share_speaks_once_and_a_private_one_goes_with_its_home():
    """`zigbee2mqtt/bridge/state` is announced once for all; a home alone on its bridge takes it down with it."""
    shared = [m for m in run(40, hours=0.1) if m.topic == "zigbee2mqtt/bridge/state"]
    assert len(shared) == 1
    world = World(generate(1), start=START)
    world.stage(Wish("gateway_down", "h0317", timedelta(minutes=2)))
    messages = list(world.events(START + timedelta(hours=1)))
    states = [json.loads(m.payload)["state"] for m in messages if m.topic == "zigbee2mqtt/bridge/state"]
    assert states == ["online", "offline", "online"]
    assert states == [json.loads(m.payload)["state"] for m in messages if m.topic == "anxin/v1/h0317/status"]
