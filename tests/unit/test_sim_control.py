"""The control socket: what is asked is done, what is odd is said in one sentence, and nobody but its owner comes in."""

import asyncio
import contextlib
import json
import socket
import stat
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from care.clock import ManualClock
from simulators.community import generate
from simulators.control import CLIENTS, LINE_BYTES, STARTS_A_MINUTE, Control, WrongControl, controlled
from simulators.radios import Radio, radio_of
from simulators.run import Simulation
from simulators.scenarios import SCENARIOS
from simulators.words import FAULTS, WORDS

START = datetime(2026, 5, 23, 4, 0, tzinfo=UTC)  # noon in the community
OWN_WAY = {d.id for h in generate(24).homes for d in h.devices if radio_of(d) is Radio.nb_iot}


def a_simulation(homes=24, speed=1.0):
    """A world that is lived by hand: nothing is published."""
    clock = ManualClock(START)
    return Simulation(generate(homes), clock=clock, start=START, speed=speed), clock


@pytest.fixture
def control():
    """The protocol without a socket."""
    simulation, clock = a_simulation()
    return Control(simulation, clock)


def ask(control, **words):
    """One question; the answer must be good."""
    said = control.answer(json.dumps(words).encode())
    assert said["ok"], said
    return msgspec.json.decode(msgspec.json.encode(said["answer"]))


def no(control, line):
    """A question that is declined: the reason, and one sentence."""
    said = control.answer(line if isinstance(line, bytes) else json.dumps(line).encode())
    assert said["ok"] is False
    assert "\n" not in said["error"]
    return said["reason"], said["error"]


def live(control, seconds):
    """Let the world go on, and give what leaves it."""
    simulation = control._simulation
    until = simulation.world.now + timedelta(seconds=seconds)
    sent = list(simulation._faults.through(simulation.world.events(until), until))
    simulation._tell()
    return sent


def test_every_scenario_and_fault_has_words_in_both_languages(control):
    """What is listed can be read, and says what ought to be raised."""
    assert set(WORDS) == set(SCENARIOS)
    items = {s["name"]: s for s in ask(control, do="scenarios")["items"]}
    assert set(items) == set(SCENARIOS)
    assert all(
        s["title"]["zh"] and s["title"]["en"] and s["words"]["zh"] and s["words"]["en"]
        for s in items.values()
    )
    assert [(e["code"], e["level"], e["after_seconds"]) for e in items["cooking_smoke"]["expects"]] == [
        ("SM1", "red", 45)
    ]
    assert [e["code"] for e in items["night_fall"]["expects"]] == ["BD1"]  # at its hour, not at noon
    assert items["guests"]["expects"] == []
    assert {k["fault"] for k in ask(control, do="state")["kinds"]} == set(FAULTS)


def test_a_scenario_starts_where_it_was_asked_for_and_becomes_true(control):
    """Its truths come when they come, newest first, with what ought to be raised."""
    said = ask(control, do="start", scenario="cooking_smoke", home="h0317", after_seconds=0)
    assert (said["home"], said["begins_at"]) == ("h0317", "2026-05-23T04:00:00.000Z")
    assert said["command"].endswith("--seed 1 --scenario cooking_smoke@h0317+0s")
    assert ask(control, do="truths")["items"] == []
    live(control, 50)
    newest, first = ask(control, do="truths")["items"]
    assert (newest["n"], newest["expect"]["code"], newest["expect"]["by"]) == (
        1,
        "SM1",
        "2026-05-23T04:00:55.000Z",
    )
    assert (first["zh"], first["expect"]) == ("烹饪未开油烟机", None)
    assert ask(control, do="truths", limit=1)["items"] == [newest]


def test_without_a_home_the_seed_chooses_and_the_same_seed_the_same_home(control):
    """A home that has what the scenario needs."""
    chosen = [ask(control, do="start", scenario="gas_leak", seed=seed)["home"] for seed in (1, 1, 2, 3, 4, 5)]
    assert chosen[0] == chosen[1]
    assert len(set(chosen)) > 1
    assert set(chosen) <= set(control._simulation.world.fitting("gas_leak"))
    assert ask(control, do="start", scenario="sos")["home"] == "h0317"


def test_a_home_that_lacks_a_device_says_so(control):
    """Both before it is asked for and when it is."""
    world = control._simulation.world
    lacking = next(h for h in world.lives if h not in world.fitting("tap_left_on"))
    listed = {s["name"]: s for s in ask(control, do="scenarios", home=lacking)["items"]}
    assert "water_meter" in listed["tap_left_on"]["missing"]
    reason, sentence = no(control, {"do": "start", "scenario": "tap_left_on", "home": lacking})
    assert reason == "cannot_play"
    assert "needs water_meter" in sentence


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"", "bad_line"), (b"{", "bad_line"), (b"\xff\xfe", "bad_line"), (b"[]", "bad_question"), (b"3", "bad_question"),
        ({}, "bad_question"), ({"do": "explode"}, "bad_question"), ({"do": "state", "x": 1}, "bad_question"),
        ({"do": "start"}, "bad_question"), ({"do": "start", "scenario": 3}, "bad_question"),
        ({"do": "start", "scenario": "flood"}, "unknown_scenario"),
        ({"do": "start", "scenario": "sos", "home": "h9"}, "unknown_home"),
        ({"do": "start", "scenario": "sos", "home": "x" * 65}, "bad_question"),
        ({"do": "start", "scenario": "sos", "after_seconds": -1}, "bad_question"),
        ({"do": "start", "scenario": "sos", "after_seconds": 1e9}, "bad_question"),
        ({"do": "scenarios", "home": "h9"}, "unknown_home"), ({"do": "truths", "limit": 501}, "bad_question"),
        ({"do": "homes", "limit": 0}, "bad_question"), ({"do": "fault", "fault": "gremlins"}, "cannot_switch"),
        ({"do": "fault", "fault": "loss"}, "cannot_switch"), ({"do": "fault", "fault": "loss", "value": 1.5}, "cannot_switch"),
        ({"do": "fault", "fault": "delay", "value": 601}, "cannot_switch"), ({"do": "fault", "fault": "gateway_cut"}, "cannot_switch"),
        ({"do": "fault", "fault": "gateway_cut", "home": "h9"}, "cannot_switch"), ({"do": "stop", "id": 7}, "cannot_switch"),
    ],
)  # fmt: skip
def test_an_odd_question_gets_one_sentence_and_changes_nothing(control, line, reason):
    """No line of any kind ends the simulator."""
    before = ask(control, do="state")
    assert no(control, line)[0] == reason
    assert ask(control, do="state") == before
    assert control._simulation.world.ahead == 0


def test_starts_are_bounded():
    """Nobody fills the world: so many a minute, and again after it."""
    simulation, clock = a_simulation(homes=3)
    control = Control(simulation, clock)
    for _ in range(STARTS_A_MINUTE):
        ask(control, do="start", scenario="virtual_smoke", after_seconds=0)
    assert no(control, {"do": "start", "scenario": "virtual_smoke"})[0] == "too_many"
    clock.advance(timedelta(seconds=61))
    ask(control, do="start", scenario="virtual_smoke", after_seconds=0)


def test_homes_are_found_by_id_address_and_name(control):
    """And the list is short however many there are."""
    assert [h["id"] for h in ask(control, do="homes", q="h0317")["items"]] == ["h0317"]
    assert "h0317" in [h["id"] for h in ask(control, do="homes", q="周阿婆")["items"]]
    found = ask(control, do="homes", q="银杏小区", limit=2)
    assert len(found["items"]) == 2 < found["total"]


def messages_of(sent, home):
    """Without what has a radio of its own: no cut of the gateway silences that."""
    return [m for m in sent if m.home == home and not m.retain and m.device not in OWN_WAY]


def test_a_fault_is_switched_on_and_off_in_one_home_while_the_world_runs(control):
    """Everything of one home is lost, nothing of the others; then it is heard again."""
    live(control, 30)
    one = ask(control, do="fault", fault="loss", value=1, home="h0317")
    assert ask(control, do="state")["faults"] == [one]
    sent = live(control, 120)
    assert messages_of(sent, "h0317") == []
    assert messages_of(sent, "h0301")
    ended = ask(control, do="stop", id=one["id"])
    assert (ended["since"], ended["until"]) == ("2026-05-23T04:00:30.000Z", "2026-05-23T04:02:30.000Z")
    state = ask(control, do="state")
    assert (state["faults"], state["ended"]) == ([], [ended])
    assert state["lost"] > 0
    assert messages_of(live(control, 120), "h0317")


def test_a_stuck_device_tells_what_it_measures_again_afterwards(control):
    """Frozen readings with new times, then true ones; a second freeze holds the newer reading."""

    def said(seconds):
        sent = [m for m in live(control, seconds) if m.device == "belt-0317"]
        bodies = [json.loads(m.payload) for m in sent]
        return {tuple(v for k, v in b.items() if k not in ("time", "seq")) for b in bodies}, len(bodies)

    ask(control, do="start", scenario="cardiac", home="h0317", after_seconds=0)
    live(control, 60)
    one = ask(control, do="fault", fault="stuck", value=1, home="h0317")
    frozen, count = said(120)
    assert (len(frozen), count > 10) == (1, True)
    ask(control, do="stop", id=one["id"])
    assert len(said(120)[0]) > 1
    ask(control, do="fault", fault="stuck", value=1, home="h0317")
    again, _ = said(60)
    assert len(again) == 1
    assert again != frozen


def test_a_gateway_is_cut_and_its_truth_says_what_ought_to_come(control):
    """Silence, the last will, a truth that expects TE4; ended early, nothing need come of it."""
    live(control, 30)
    one = ask(control, do="fault", fault="gateway_cut", home="h0317")
    assert one["homes"] == ["h0317"]
    sent = [m for m in live(control, 200) if m.home == "h0317"]
    assert [m.payload for m in sent if m.topic.endswith("/status")] == [b'{"state":"offline"}']
    assert messages_of(sent, "h0317") == []
    (truth,) = ask(control, do="truths")["items"]
    assert (truth["expect"]["code"], truth["void"]) == ("TE4", False)
    ask(control, do="stop", id=one["id"])
    back, truth = ask(control, do="truths")["items"]
    assert (back["what"], truth["void"]) == ("the network is back before it had to be told", True)
    assert messages_of(live(control, 60), "h0317")


def test_a_power_cut_takes_the_whole_building_and_lets_scenarios_keep_their_own_darkness(control):
    """Homes that a scenario keeps dark stay dark when the power is back, and the other way round."""
    building = control._simulation.world.building("h0317")
    assert len(building) >= 3
    ask(control, do="start", scenario="gateway_down", home="h0317", after_seconds=0)
    live(control, 60)
    one = ask(control, do="fault", fault="power_cut", home="h0317")
    assert one["homes"] == building
    live(control, 60)
    assert ask(control, do="truths")["items"][0]["expect"]["code"] == "TE5"
    ask(control, do="stop", id=one["id"])
    sent = live(control, 120)
    assert messages_of(sent, building[1])
    assert messages_of(sent, "h0317") == []  # its gateway is still down
    live(control, 2400)
    assert messages_of(live(control, 120), "h0317")


def test_what_happens_in_a_home_that_is_cut_off_says_so(control):
    """Nobody could have heard it: that is no miss of the service. When the line is back it counts again."""
    one = ask(control, do="fault", fault="gateway_cut", home="h0317")
    ask(control, do="start", scenario="sos", home="h0317", after_seconds=30)
    live(control, 60)
    newest, cut = ask(control, do="truths")["items"]
    assert (newest["expect"]["code"], newest["unheard"]) == ("SOS1", True)
    assert (cut["expect"]["code"], cut["unheard"]) == ("TE4", False)  # a silence is heard
    ask(control, do="stop", id=one["id"])
    ask(control, do="start", scenario="sos", home="h0317", after_seconds=0)
    live(control, 60)
    assert ask(control, do="truths")["items"][0]["unheard"] is False
    ask(control, do="start", scenario="gateway_down", home="h0317", after_seconds=0)
    live(control, 5)
    newest = ask(control, do="truths")["items"][0]
    assert (newest["expect"]["code"], newest["unheard"]) == ("TE4", False)


def test_times_are_those_of_whoever_listens():
    """At sixty times the world's minute is a second."""
    simulation, clock = a_simulation(homes=3, speed=60)
    control = Control(simulation, clock)
    ask(control, do="start", scenario="cooking_smoke", home="h0317", after_seconds=60)
    live(control, 120)
    (newest, *_) = ask(control, do="truths")["items"]
    assert newest["at"] == "2026-05-23T04:00:01.750Z"
    state = ask(control, do="state")
    assert (state["now"], state["world_now"]) == ("2026-05-23T04:00:02.000Z", "2026-05-23T04:02:00.000Z")


# ------------------------------------------------------------------------------------------ the socket


@contextlib.asynccontextmanager
async def open_door(folder):
    """A simulator that can be asked over its socket."""
    simulation, clock = a_simulation(homes=3)
    async with controlled(simulation, folder / "s", clock):
        yield folder / "s"


async def said(reader):
    async with asyncio.timeout(10):
        return json.loads(await reader.readline())


async def test_two_ask_at_once_and_each_gets_their_own_answers(tmp_path):
    """One after the other on one line, and side by side on two; a bad line costs nobody their place."""
    async with open_door(tmp_path) as path:
        one, two = [await asyncio.open_unix_connection(path) for _ in range(2)]
        one[1].write(b'{"do": "state"}\nnonsense\n{"do": "homes"}\n')
        two[1].write(b'{"do": "start", "scenario": "sos", "home": "h0317"}\n')
        assert (await said(one[0]))["answer"]["homes"] == 3
        assert (await said(two[0]))["answer"]["home"] == "h0317"
        assert (await said(one[0]))["reason"] == "bad_line"
        assert (await said(one[0]))["answer"]["total"] == 3
        for _, writer in (one, two):
            writer.close()


async def test_a_line_without_end_is_refused_and_others_are_served(tmp_path):
    """Bounded: it is not read on and on."""
    async with open_door(tmp_path) as path:
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(b'{"do": "' + b"x" * (3 * LINE_BYTES))
        assert (await said(reader))["reason"] == "too_long"
        with contextlib.suppress(ConnectionResetError):  # what we wrote was not read to its end
            assert await reader.read() == b""
        writer.close()
        other, writer = await asyncio.open_unix_connection(path)
        writer.write(b'{"do": "state"}\n')
        assert (await said(other))["ok"]
        writer.close()


async def test_too_many_at_a_time_are_told_to_come_again(tmp_path):
    """And there is room again when one has left."""
    async with open_door(tmp_path) as path:
        inside = []
        for _ in range(CLIENTS):
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(b'{"do": "state"}\n')
            assert (await said(reader))["ok"]
            inside.append(writer)
        reader, late = await asyncio.open_unix_connection(path)
        assert (await said(reader))["reason"] == "busy"
        late.close()
        for writer in inside:
            writer.close()
        async with asyncio.timeout(10):
            while True:
                reader, writer = await asyncio.open_unix_connection(path)
                writer.write(b'{"do": "state"}\n')
                answer = await said(reader)
                writer.close()
                if answer["ok"]:
                    break


async def test_the_socket_is_its_owners_alone_and_goes_with_the_simulator(tmp_path):
    """0600; a dead one is replaced, a living one and other people's files are not."""
    path = tmp_path / "s"
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(path))
    left.close()  # as a killed simulator leaves it
    async with open_door(tmp_path):
        mode = path.stat().st_mode
        assert stat.S_ISSOCK(mode)
        assert stat.S_IMODE(mode) == 0o600
        with pytest.raises(WrongControl, match="another simulator listens"):
            async with open_door(tmp_path):
                pass
        assert path.exists()
    assert not path.exists()
    path.write_text("mine")
    with pytest.raises(WrongControl, match="is no socket"):
        async with open_door(tmp_path):
            pass
    assert path.read_text() == "mine"
    with pytest.raises(WrongControl, match="longer than"):
        async with open_door(tmp_path / ("x" * 120)):
            pass
    with pytest.raises(WrongControl, match="cannot be made"):
        async with open_door(tmp_path / "nowhere"):
            pass


def test_the_world_runs_at_another_speed_from_now_on(control):
    """Asked for while it runs: the world's clock goes on from where it is, faster; too fast or none is declined."""
    live(control, 60)
    before = ask(control, do="state")
    told = ask(control, do="speed", speed=60)
    assert told["speed"] == 60
    assert (told["now"], told["world_now"]) == (before["now"], before["world_now"])
    live(control, 3600)
    after = ask(control, do="state")
    heard = [datetime.fromisoformat(one["now"]) for one in (before, after)]
    assert heard[1] - heard[0] == timedelta(seconds=60)
    for speed in (0, -1, 4000, "fast", None):
        assert no(control, {"do": "speed", "speed": speed})[0] == "bad_question"
    assert ask(control, do="state")["speed"] == 60


def test_what_is_due_by_the_clock_goes_on_without_a_jump():
    """A quarter of a minute at normal speed, then one at 60: fifteen seconds and fifteen minutes, and no message twice."""
    simulation, clock = a_simulation()
    simulation._anchor = (clock.monotonic(), simulation.world.now)
    clock.advance(timedelta(seconds=15))
    assert simulation._due() == START + timedelta(seconds=15)
    list(simulation.world.events(simulation._due()))
    simulation.run_at(60)
    assert simulation._due() == START + timedelta(seconds=15)
    clock.advance(timedelta(seconds=15))
    assert simulation._due() == START + timedelta(seconds=15, minutes=15)


def test_the_push_service_fails_on_purpose_and_is_well_again():
    """Without phones of its own the simulator says so; with them each answer is told to them; one of a kind at a time."""
    simulation, clock = a_simulation()
    bare = Control(simulation, clock)
    assert no(bare, {"do": "fault", "fault": "push_busy"})[0] == "cannot_switch"
    told = []
    simulation._push = lambda *words: told.append(words)
    control = Control(simulation, clock)
    one = ask(control, do="fault", fault="push_busy")
    assert (one["home"], one["homes"], one["value"]) == (None, [], None)
    refused = control.answer(b'{"do": "fault", "fault": "push_gone"}')
    assert refused["reason"] == "cannot_switch"
    assert refused["error_zh"] == "“推送：地址失效 410”的同类故障还没有恢复，请先恢复那一个"
    assert no(control, {"do": "fault", "fault": "broker_cut", "home": "h0317"})[0] == "cannot_switch"
    ask(control, do="stop", id=one["id"])
    two = ask(control, do="fault", fault="push_gone")
    ask(control, do="stop", id=two["id"])
    assert told == [(429, 0.0, True), (429, 0.0, False), (410, 0.0, True), (410, 0.0, False)]

    def away(*_):
        raise OSError("refused")

    simulation._push = away
    reason, sentence = no(control, {"do": "fault", "fault": "push_down"})
    assert (reason, ask(control, do="state")["faults"]) == ("cannot_switch", [])
    assert "phones" in sentence


def test_what_happens_while_the_broker_is_cut_nobody_can_know(control):
    """It is marked as unheard, so that nobody is blamed for it; ended, what happens counts again."""
    one = ask(control, do="fault", fault="broker_cut")
    ask(control, do="start", scenario="sos", home="h0317", after_seconds=0)
    live(control, 60)
    assert [t["unheard"] for t in ask(control, do="truths")["items"] if t["expect"]] == [True]
    ask(control, do="stop", id=one["id"])
    ask(control, do="start", scenario="sos", home="h0302", after_seconds=0)
    live(control, 60)
    assert [t["unheard"] for t in ask(control, do="truths")["items"] if t["expect"]] == [False, True]
