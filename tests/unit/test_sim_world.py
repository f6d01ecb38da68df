"""The world: the same bytes for the same seed, in order, and quiet on ordinary days."""

import itertools
import json
import statistics
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest

from care.site import Registry
from care.words import Kind
from simulators.community import generate
from simulators.days import day_plan, sort_of
from simulators.radios import Radios
from simulators.resident import OUT, habits_of
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


def test_the_same_seed_gives_the_same_bytes_in_another_process():
    """Nothing hangs on an order of hashing or on what the process did before."""
    words = (
        "import hashlib; from datetime import UTC, datetime, timedelta; from simulators.community import generate;"
        "from simulators.world import World; start = datetime(2026, 5, 22, 18, 0, tzinfo=UTC);"
        "world = World(generate(20), start=start, rate_scale=0.1); h = hashlib.sha256();"
        "[h.update(m.topic.encode() + m.payload) for m in world.events(start + timedelta(hours=8))];"
        "[h.update(repr(t).encode()) for t in world.lived()]; print(h.hexdigest())"
    )
    said = [
        subprocess.run(
            [sys.executable, "-c", words],
            env={"PYTHONHASHSEED": n},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for n in ("1", "2")
    ]
    assert said[0] == said[1]
    assert len(said[0]) == 65


def with_pet(site, home):
    """The same community with a pet in one home."""
    homes = [
        msgspec.structs.replace(
            h, residents=[msgspec.structs.replace(r, flags=[*r.flags, "pet"]) for r in h.residents]
        )
        if h.id == home
        else h
        for h in site.homes
    ]
    return msgspec.structs.replace(site, homes=homes)


def test_a_pet_moves_and_changes_nothing_else():
    """A cat is seen by the infrared sensors, and told as a pet; the resident's days, belt and visitors are the same."""
    site, end = generate(1), START + timedelta(days=3)
    worlds = [World(s, start=START, rate_scale=0.1) for s in (site, with_pet(site, "h0317"))]
    said = [list(w.events(end)) for w in worlds]
    belts = [[m.payload for m in one if m.kind is Kind.bed_belt] for one in said]
    assert belts[0] == belts[1]
    lived = [w.lived() for w in worlds]
    assert [t for t in lived[1] if t.label != "pet"] == lived[0]
    pets = [t for t in lived[1] if t.label == "pet"]
    assert len(pets) > 20
    moved = [sum(m.kind is Kind.motion and b'"occupancy":true' in m.payload for m in one) for one in said]
    assert moved[1] > moved[0] + 20
    bouts = [(t.at, t.until + timedelta(minutes=2)) for t in pets if t.until]
    seen = [m.at for m in said[1] if m.kind is Kind.motion and b'"occupancy":true' in m.payload]
    assert sum(any(a <= at <= b for at in seen) for a, b in bouts) > 0.4 * len(bouts)


def test_visitors_come_through_the_door_and_are_told_as_visitors():
    """Each visitor's coming and leaving is a truth at the second the door opens; somebody is at home, or has a key."""
    world = World(generate(40), start=START, rate_scale=0.01)
    doors = set()
    for m in world.events(START + timedelta(days=4)):
        if m.kind is Kind.door and (b'"contact":false' in m.payload or b'"door_open":true' in m.payload):
            doors.add((m.home, m.at))
    told = [t for t in world.lived() if t.label == "visitor"]
    assert len(told) > 35
    came = [t for t in told if t.until is not None]
    assert {t.what for t in came} >= {"the family visits", "the home help comes", "a neighbour looks in"}
    assert all((t.home, t.at) in doors for t in told if "too" not in t.what)
    assert all(timedelta(0) < t.until - t.at < timedelta(hours=6) for t in came)
    assert all(t.expect is None and t.scenario == "ordinary" for t in told)


def test_nobody_comes_to_somebody_who_lies_on_the_floor():
    """A visitor would help, and then nothing ought to be told: scenarios of helplessness keep them away."""
    world = World(generate(40), start=START + timedelta(hours=3), rate_scale=0.01)
    for home in world.fitting("not_up"):
        world.stage(Wish("not_up", home, timedelta(0)))
    list(world.events(START + timedelta(hours=11)))
    helpless = set(world.fitting("not_up"))
    assert not [t for t in world.lived() if t.label == "visitor" and t.home in helpless and t.until]


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
    """Seven days, forty homes: no smoke, gas, leak or press, and no vital sign that lasts at which a rule would stop."""
    world = World(generate(40), start=START, rate_scale=0.1)
    seen = set()
    odd: dict[str, int] = {}
    for message in world.events(START + timedelta(days=7)):
        body = json.loads(message.payload)
        seen.add(message.kind)
        assert not message.alarm
        assert not any(body.get(name) for name in ALARMS), message
        if message.kind is Kind.bed_belt and body["in_bed"] and body.get("heart_rate"):
            assert 35 <= body["heart_rate"] <= 130
            # A breath that pauses for some seconds is 0.
            assert body["respiration_rate"] == 0 or 6 <= body["respiration_rate"] <= 28
            bad = not 41 <= body["heart_rate"] <= 110 or not 9 <= (body["respiration_rate"] or 15) <= 24
            odd[message.device] = odd.get(message.device, 0) + 1 if bad else 0
            assert odd[message.device] < 4, "once is noise; a minute or more is a sign"
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
    for message in run(hours=3, radios=Radios.ideal):
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
    for message in run(hours=8, radios=Radios.ideal):
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
    world = World(generate(20), start=START + timedelta(hours=6), rate_scale=0.001, radios=Radios.ideal)
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


def days_of(homes, days, first=date(2026, 5, 4)):
    """Of every resident: the habits, and each day's stays with when each ends."""
    for home in generate(homes).homes:
        for resident in home.residents:
            habits = habits_of(home, resident, seed=1)
            plans = [day_plan(habits, first + timedelta(days=n), zone=ZONE) for n in range(days + 1)]
            yield (
                resident,
                habits,
                [list(itertools.pairwise([*a, b[0]])) for a, b in itertools.pairwise(plans)],
            )


def hour_of(ms):
    at = datetime.fromtimestamp(ms / 1000, ZONE)
    return at.hour + at.minute / 60


def test_days_are_whole():
    """Stays follow without a gap from morning to morning; lunch is cooked at noon; nobody is out at night or for ever in the bathroom."""
    cooked = 0
    for _, _, days in days_of(60, 14):
        for day in days:
            for stay, after in day:
                assert stay.start < after.start
                minutes = (after.start - stay.start) / 60_000
                if stay.room == OUT:
                    assert 4 <= hour_of(stay.start) < 20.5
                    assert hour_of(after.start) < 21.5
                if stay.room == "bathroom":
                    assert minutes <= 25
                if stay.in_bed:
                    assert minutes < 13 * 60
                cooked += stay.doing == "cooking" and 10 <= hour_of(stay.start) < 13
            assert day[-1][0].in_bed
    assert cooked > 500


def test_people_are_as_irregular_as_is_known_of_them():
    """Rising varies by half an hour or more from day to day, in some by a quarter and in some by an hour; nights and naps as published."""
    rises, exits, naps, long, chair = [], [], [], [], 0
    for _, _, days in days_of(80, 28):
        up = [hour_of(day[0][0].start) * 60 for day in days]
        rises.append(statistics.stdev(up))
        exits += [sum(s.doing == "toilet at night" for s, _ in day) for day in days]
        for day in days:
            napped = [(b.start - a.start) / 60_000 for a, b in day if a.doing == "nap"]
            naps.append(bool(napped))
            long += napped
            chair += any(a.doing == "dozes in the chair" for a, _ in day)
    assert 28 <= statistics.median(rises) <= 45
    low, *_, high = statistics.quantiles(rises, n=10)
    assert low < 23
    assert high > 50
    assert 1.1 <= statistics.mean(exits) <= 2.0
    assert 0.25 <= sum(e >= 2 for e in exits) / len(exits) <= 0.6
    assert max(exits) >= 4
    assert 0.45 <= sum(naps) / len(naps) <= 0.7  # CHARLS: 0.58
    assert 50 <= statistics.mean(long) <= 76  # CHARLS: 63
    assert 0.1 < chair / len(naps) < 0.6


def test_some_days_are_not_like_others():
    """Sundays are later, the family is seen at the week-end, rain keeps people in, and ill days are spent in bed."""
    of_week = {n: [] for n in range(7)}
    family = dict.fromkeys(range(7), 0)
    out = {True: [], False: []}
    ill = 0
    for resident, habits, days in days_of(60, 42):
        for n, day in enumerate(days):
            on = date(2026, 5, 4) + timedelta(days=n)
            sort = sort_of(habits, on)
            if not sort.ill:
                of_week[on.weekday()].append(sort.up)
                out[sort.rain].append(sum(s.room == OUT for s, _ in day))
            family[on.weekday()] += sort.family
            in_bed = (
                sum(b.start - a.start for a, b in day if a.in_bed and 9 <= hour_of(a.start) < 18) / 3_600_000
            )
            if sort.ill:
                ill += 1
                assert in_bed > 1.9
                assert not any(s.room == OUT for s, _ in day), resident.id
    weekdays = statistics.mean([x for n in range(6) for x in of_week[n]])
    assert 3 < statistics.mean(of_week[6]) - weekdays < 25
    assert family[5] + family[6] > sum(family[n] for n in range(5))
    assert statistics.mean(out[True]) < 0.8 * statistics.mean(out[False])
    assert 0.005 < ill / sum(len(x) for x in of_week.values()) < 0.06


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
