"""Scenarios: what happened is told, and the devices really say it."""

import itertools
import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from care.words import Kind
from simulators.community import generate
from simulators.radios import Radio, radio_of
from simulators.scenarios import SCENARIOS, WrongScenario, parse, truth_line
from simulators.sensors import REPEATS
from simulators.world import World

NIGHT = datetime(2026, 5, 22, 17, 0, tzinfo=UTC)  # 01:00 in Ningbo
NOON = datetime(2026, 5, 23, 3, 0, tzinfo=UTC)  # 11:00
SITE = generate(40)
NAMES = [
    "cooking_smoke",
    "kitchen_fire",
    "gas_leak",
    "night_fall",
    "night_toilet",
    "wandering",
    "not_up",
    "cardiac",
    "breathing_stops",
    "belt_slips",
    "sos",
    "sos_pocket",
    "leak",
    "tap_left_on",
    "away",
    "guests",
    "gateway_down",
    "power_cut",
    "battery_low",
    "virtual_smoke",
    "storm",
]
OURS = ["bathroom_fall"]


def play(wish, start=NOON, hours=1.0, site=SITE):
    """The truths of a scenario, and every message as (seconds since the start, message, body)."""
    world = World(site, start=start)
    truths = world.stage(parse(wish))
    messages = [
        ((m.at - start).total_seconds(), m, json.loads(m.payload))
        for m in world.events(start + timedelta(hours=hours))
    ]
    return truths, messages


def says(messages, device, name):
    """The values of a field that a device reports, with their times."""
    return [(t, b[name]) for t, m, b in messages if m.device == device and name in b]


def test_every_name_of_the_contract_exists():
    """Contract section 8, name by name, and what was added since."""
    assert list(SCENARIOS) == NAMES + OURS


@pytest.mark.parametrize("name", NAMES + OURS)
def test_every_scenario_tells_its_truth(name):
    """Truth in order of time, about homes and devices that exist, each a JSON line; none of it before it is staged."""
    world = World(SITE, start=NOON)
    truths = world.stage(parse(name))
    assert truths
    assert [t.at for t in truths] == sorted(t.at for t in truths)
    assert truths[0].at >= NOON
    homes = {h.id: {d.id for d in h.devices} for h in SITE.homes}
    for truth in truths:
        assert truth.device is None or truth.device in homes[truth.home]
        line = json.loads(truth_line(truth))
        assert line["scenario"] == name
        assert (line["expect"] is None) == (truth.expect is None)
        if truth.expect is not None:
            assert truth.expect.by > truth.at
            assert truth.expect.level in {"red", "yellow", "blue"}
    quiet = {"night_toilet", "away", "guests"}
    assert any(t.expect for t in truths) == (name not in quiet)


@pytest.mark.parametrize("name", NAMES + OURS)
def test_scenarios_keep_the_order_of_time_and_the_seed(name):
    """Staged in the middle of a day, a scenario neither goes back in time nor depends on anything but the seed."""
    streams = []
    for _ in range(2):
        world = World(generate(20), start=NIGHT, rate_scale=0.2)
        out = list(world.events(NIGHT + timedelta(minutes=30)))
        world.stage(parse(name))
        out += world.events(NIGHT + timedelta(hours=9))
        assert all(a.at <= b.at for a, b in itertools.pairwise(out))
        streams.append(out)
    assert streams[0] == streams[1]


def test_a_home_without_eyes_in_the_bathroom_is_no_stage_for_a_fall_there():
    """It is said which room no sensor sees, and another home is chosen when none is named."""
    blind = next(h for h in SITE.homes if h.residents and not any(d.room == "bathroom" for d in h.devices))
    with pytest.raises(WrongScenario, match=re.escape("needs motion (bathroom), motion (bedroom)")):
        World(SITE, start=NOON).stage(parse(f"bathroom_fall@{blind.id}"))
    chosen = World(SITE, start=NOON).home_for("bathroom_fall")
    assert "bathroom" in {d.room for h in SITE.homes if h.id == chosen for d in h.devices}


def test_cooking_smoke_is_the_reference_case():
    """Kitchen motion, a rising level, smoke, the alarm repeated, and clear again after a few minutes."""
    truths, messages = play("cooking_smoke@h0317+30s")
    smoke = says(messages, "smoke-0317", "smoke")
    alarm = [t for t, value in smoke if value]
    assert alarm[0] == 75
    assert len(alarm) >= 5
    assert next(t for t, value in smoke if not value and t > alarm[-1]) == 285
    level = [v for t, v in says(messages, "smoke-0317", "smoke_level") if 30 <= t <= 75]
    assert level == sorted(level)
    kitchen = says(messages, "pir-0317-kitchen", "occupancy")
    assert any(value and 30 <= t < 75 for t, value in kitchen)
    expected = [t for t in truths if t.expect]
    assert [(t.expect.code, t.expect.level, t.device) for t in expected] == [("SM1", "red", "smoke-0317")]
    assert expected[0].at == NOON + timedelta(seconds=75)
    assert all(m.qos == 1 and m.alarm for t, m, b in messages if b.get("smoke"))


def test_a_native_press_repeats_until_acknowledged():
    """Same bytes, same seq, every 2 s; silent after the acknowledgement; a wrong seq acknowledges nothing."""
    world = World(SITE, start=NOON)
    world.stage(parse("sos@h0317+60s"))
    before = [m for m in world.events(NOON + timedelta(seconds=70)) if m.device == "sos-0317" and m.alarm]
    assert [(m.at - NOON).total_seconds() for m in before] == [63, 65, 67, 69]
    assert len({m.payload for m in before}) == 1
    body = json.loads(before[0].payload)
    assert body["sos"] is True
    assert not world.acknowledge("h0317", "sos-0317", body["seq"] + 1)
    assert world.acknowledge("h0317", "sos-0317", body["seq"])
    assert not world.acknowledge("h0317", "sos-0317", body["seq"])
    assert not [m for m in world.events(NOON + timedelta(minutes=10)) if m.device == "sos-0317" and m.alarm]


def test_a_press_nobody_acknowledges_ends_some_time():
    """At most so many repeats: a battery is not emptied by a service that is down."""
    _, messages = play("sos@h0317+60s")
    assert len([1 for _, m, b in messages if b.get("sos")]) == 1 + REPEATS


def test_a_zigbee_press_is_an_action_sent_once():
    """Zigbee2MQTT says `action: emergency` and has no counter to repeat."""
    home = next(h for h in SITE.homes for d in h.devices if d.kind is Kind.sos and d.address)
    _, messages = play(f"sos@{home.id}+60s")
    assert [(t, b["action"]) for t, m, b in messages if "action" in b] == [(63, "emergency")]


def test_a_night_fall_leaves_an_empty_bed_and_a_still_flat():
    """In bed until the fall, then out of bed with no movement anywhere until help comes after 50 minutes."""
    truths, messages = play("night_fall@h0317+30m", start=NIGHT, hours=1.6)
    bed = says(messages, "belt-0317", "in_bed")
    assert all(value for t, value in bed if 60 < t < 1800)
    assert not any(value for t, value in bed if 1803 < t < 1800 + 3000)
    moved = [
        t
        for t, m, b in messages
        if m.home == "h0317" and m.kind is Kind.motion and not m.retain and (b.get("occupancy"))
    ]
    assert not [t for t in moved if 1830 < t < 1800 + 2940]
    fall = next(t for t in truths if t.expect)
    assert (fall.expect.code, fall.expect.level) == ("BD1", "red")


def test_a_night_fall_by_day_waits_for_the_night_or_says_so():
    """Without an offset it waits for the night; with one it happens by day, and nothing is promised of night rules."""
    world = World(SITE, start=NOON)
    first = world.stage(parse("night_fall"))[0]
    assert first.at.astimezone(world.registry.zone).hour < 5
    assert not any(t.expect for t in World(SITE, start=NOON).stage(parse("night_fall+5m")))


def test_a_gas_leak_rises_past_a_quarter_of_the_limit():
    """The level climbs, the detector sounds, 25 %LEL is passed, and it clears after the valve is closed."""
    _, messages = play("gas_leak@h0317+0s")
    gas = says(messages, "gas-0317", "gas")
    level = [v for _, v in says(messages, "gas-0317", "gas_level")]
    assert max(level) > 25
    sounding = [t for t, value in gas if value]
    assert 155 <= sounding[0] <= 185  # its radio takes seconds
    assert not gas[-1][1]
    assert level[-1] == 0
    # A repeat has the seq of its first sending; what is said anew has the next one.
    new = list(dict.fromkeys(b["seq"] for _, m, b in messages if m.topic.endswith("/gas-0317")))
    assert new == list(range(new[0], new[0] + len(new)))


@pytest.mark.parametrize(
    ("wish", "device", "name", "value"),
    [
        ("kitchen_fire@h0317+0s", "smoke-0317", "temperature", 63.0),
        ("leak@h0317+0s", "leak-0317", "water_leak", True),
        ("cardiac@h0317+15m", "belt-0317", "heart_rate", 144),
        ("breathing_stops@h0317+15m", "belt-0317", "respiration_rate", 0),
        ("belt_slips@h0317+15m", "belt-0317", "signal_quality", 12),
        ("battery_low@h0317+0s", "smoke-0317", "battery_low", True),
        ("virtual_smoke@h0317+0s", "smoke-0317", "smoke", True),
        ("sos_pocket@h0317+0s", "sos-0317", "sos", True),
        ("wandering@h0317+0s", "door-0317", "contact", False),
    ],
)
def test_the_payloads_contain_what_happened(wish, device, name, value):
    """The reading that the truth speaks of is really sent."""
    _, messages = play(wish, start=NIGHT if "wandering" in wish else NOON)
    assert value in [v for _, v in says(messages, device, name)]


def test_a_power_cut_is_silence_and_last_wills():
    """Twelve homes: nothing for half an hour but the broker's word that they are gone, then all is told again.

    What has a battery and NB-IoT never stopped, and the truth names it; a gas detector on NB-IoT hangs on the mains.
    """
    truths, messages = play("power_cut@h0317+60s", hours=1)
    dark = {t.home for t in truths}
    assert len(dark) == 12
    own = {
        d.id: d
        for h in SITE.homes
        if h.id in dark
        for d in h.devices
        if radio_of(d) is Radio.nb_iot and d.kind not in (Kind.gas, Kind.co)
    }
    assert own
    named = {name for t in truths for name in re.findall(r"[\w-]+", t.what)}
    assert own.keys() <= named
    assert all(d.id not in named for h in SITE.homes for d in h.devices if d.id not in own)
    during = [(m, b) for t, m, b in messages if m.home in dark and 66 < t < 1855]
    assert {m.device for m, _ in during} & own.keys()
    spoken = [(m, b) for m, b in during if m.device not in own]
    assert spoken
    assert all(b == {"state": "offline"} and m.retain for m, b in spoken)
    assert {m.home for m, _ in spoken} == dark
    back = {m.device for t, m, _ in messages if m.home in dark and 1855 < t < 1930}
    assert {d.id for h in SITE.homes if h.id in dark for d in h.devices} - own.keys() == back - own.keys()
    assert truths[0].expect.code == "TE5"


def test_a_forgotten_tap_shows_on_the_meter():
    """Two hours at six litres and a half a minute."""
    _, messages = play("tap_left_on@h0317+0s", hours=2.5)
    total = [v for _, v in says(messages, "meter-0317", "water_total")]
    assert total[-1] - total[0] > 500


def test_two_scenarios_in_one_home_do_not_disturb_the_clock():
    """An SOS in the middle of cooking smoke: both happen."""
    world = World(SITE, start=NOON)
    for wish in ("cooking_smoke@h0317+10s", "sos@h0317+60s"):
        world.stage(parse(wish))
    bodies = [json.loads(m.payload) for m in world.events(NOON + timedelta(minutes=5)) if m.home == "h0317"]
    assert any(b.get("smoke") for b in bodies)
    assert any(b.get("sos") for b in bodies)


def test_truth_is_told_when_it_happens():
    """`happened` gives each line once, not before its time."""
    world = World(SITE, start=NOON)
    truths = world.stage(parse("cooking_smoke@h0317+30s"))
    list(world.events(NOON + timedelta(seconds=60)))
    assert world.happened() == truths[:1]
    list(world.events(NOON + timedelta(hours=1)))
    assert world.happened() == truths[1:]
    assert world.happened() == []


@pytest.mark.parametrize(
    ("wish", "sentence"),
    [
        ("earthquake", "there is no scenario `earthquake`; there are: cooking_smoke kitchen_fire"),
        ("sos@h9999", "there is no home `h9999`"),
        ("night_fall@h0302", "needs bed_belt, and home `h0302` has none"),
        ("sos+5x", "is not a length of time"),
        ("sos@", "is not NAME"),
    ],
)
def test_a_wrong_wish_is_refused_with_a_sentence(wish, sentence):
    """The reader learns what is wrong and what exists."""
    with pytest.raises(WrongScenario, match=sentence):
        World(SITE, start=NOON).stage(parse(wish))


def test_a_wish_is_read_as_written():
    """NAME[@HOME][+OFFSET]."""
    wish = parse("gas_leak@h0317+1.5m")
    assert (wish.name, wish.home, wish.after) == ("gas_leak", "h0317", timedelta(seconds=90))
    assert parse("sos").after is None


def test_a_fire_in_a_power_cut_is_heard_by_its_own_radio():
    """Smoke over NB-IoT needs neither gateway nor mains; the same room's gas alarm hangs on the mains, not on the network."""
    home = next(
        h
        for h in SITE.homes
        if {Kind.smoke, Kind.gas} <= {d.kind for d in h.devices if radio_of(d) is Radio.nb_iot}
    )
    for power in (True, False):
        world = World(SITE, start=NOON)
        life = world.lives[home.id]
        smoke = next(s for s in life.sensors.values() if s.kind is Kind.smoke and s.own_way)
        gas = next(s for s in life.sensors.values() if s.kind is Kind.gas and s.own_way)
        at = int(NOON.timestamp() * 1000)
        list(world.events(NOON + timedelta(minutes=1)))
        world.darken([home.id], power=power)
        life.do(at + 120_000, lambda life, ms, s=smoke: life.reads(s, ms, smoke=True))
        life.do(at + 120_000, lambda life, ms, s=gas: life.reads(s, ms, gas=True))
        said = [
            (m.device, json.loads(m.payload))
            for m in world.events(NOON + timedelta(minutes=5))
            if m.home == home.id
        ]
        assert any(d == smoke.id and b.get("smoke") is True for d, b in said)
        assert any(d == gas.id and b.get("gas") is True for d, b in said) is not power
