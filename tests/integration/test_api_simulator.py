"""The simulator's panel over HTTP: only where a simulator feeds the service, only for admins, and away is said."""

import asyncio
import contextlib
import json
from datetime import timedelta

import msgspec
import pytest
from structlog.testing import capture_logs

from care.words import Level, Role
from dashboard_api import redact
from simulators.control import controlled
from simulators.radios import Radios
from simulators.run import Simulation
from tests.integration.test_api_house import NOON, SITE, House, V, smoke

S = f"{V}/simulator"


@contextlib.asynccontextmanager
async def pretended(folder, **more):
    """A house whose devices are simulated; the world is lived by hand."""
    path = folder / "s"
    house = House(simulator=path, **more)
    # Its detector has no gateway: a radio of its own would let the alarm wait for seconds.
    simulation = Simulation(house.registry.site, clock=house.clock, start=NOON, radios=Radios.ideal)
    async with controlled(simulation, path, house.clock), house, house.program("admin") as admin:
        yield house, simulation, admin


def live(house, simulation, seconds):
    """Time passes in the world and for the service."""
    until = simulation.world.now + timedelta(seconds=seconds)
    list(simulation.world.events(until))
    simulation._tell()
    house.clock.advance(timedelta(seconds=seconds))


async def test_without_a_simulator_there_is_no_such_address_and_nothing_says_so(tmp_path):
    """404 for everybody, and no frame."""
    async with House() as house, house.program("admin") as admin, house.browser("operator") as desk:
        for path in ("", "/scenarios", "/homes", "/truths", "/messages", "/made"):
            answer = await admin.get(S + path)
            assert (answer.status_code, answer.json()["reason"]) == (404, "not_found")
        assert (await admin.post(f"{S}/scenarios", json={"scenario": "sos"})).status_code == 404
        assert (await desk.get(S)).status_code == 404
        assert (await desk.get(f"{V}/session")).json()["simulated"] is False
        assert "模拟环境" not in (await desk.get("/go/no-such-link")).text


async def test_only_an_admin_may_and_every_page_says_that_nothing_is_real(tmp_path):
    """For all other roles there is no such address (ux.md 9.10); everybody is told that it is simulated."""
    (tmp_path / "index.html").write_text('<!doctype html>\n<html lang="zh-CN"><body></body></html>')
    async with pretended(tmp_path, static=tmp_path) as (house, _, _admin):
        for name in ("operator", "boss", "auditor", "responder", "family", "doctor", "mender"):
            async with house.program(name) as client:
                assert (await client.get(f"{S}/truths")).status_code == 404
                assert (await client.post(f"{S}/scenarios", json={"scenario": "sos"})).status_code == 404
                assert (await client.get(f"{V}/session")).json()["simulated"] is True
        async with house.client() as anybody:
            assert (await anybody.get(S)).status_code == 401
            for page in ("/", "/desk", "/wall", "/sign-in", "/residents/r0317"):
                assert '<html data-simulated lang="zh-CN">' in (await anybody.get(page)).text
            assert "模拟环境" in (await anybody.get("/go/no-such-link")).text
        assert house.state.people.users["admin"].role is Role.admin


async def test_a_scenario_is_started_and_its_truth_stands_beside_what_was_raised(tmp_path):
    """Waiting, then found with its seconds; what nothing explains is for nothing. Who did it is in the log, no name is."""
    async with pretended(tmp_path) as (house, simulation, admin):
        with capture_logs() as logs:
            body = {"scenario": "virtual_smoke", "home": "h0317", "after_seconds": 0}
            answer = await admin.post(f"{S}/scenarios", json=body)
        assert answer.status_code == 201
        started = answer.json()
        assert started["command"].endswith("--scenario virtual_smoke@h0317+0s")
        (line,) = [entry for entry in logs if entry["event"] == "simulator_scenario_started"]
        assert (line["by"], line["scenario"], line["home"]) == ("user:admin", "virtual_smoke", "h0317")
        assert not any(word in json.dumps(logs, default=str) for word in ("周阿婆", "银杏小区", "0574"))
        live(house, simulation, 2)
        waiting = (await admin.get(f"{S}/truths")).json()
        assert [(t["judged"], t["case"]) for t in waiting["items"]] == [("waiting", None)]
        await house.raised(smoke(at=house.clock.now()))
        await house.raised(smoke("h0420", at=house.clock.now(), device="sos-0420", code="SOS1", cause="sos"))
        nobody = smoke(at=house.clock.now(), code="TE14", cause="watch", level=Level.yellow, evidence=[])
        await house.raised(
            msgspec.structs.replace(nobody, home="zpq", resident=None)
        )  # about the centre itself
        told = (await admin.get(f"{S}/truths")).json()
        (truth,) = told["items"]
        assert (truth["judged"], truth["seconds"], truth["case"]["number"]) == ("found", 2.0, 317)
        assert truth["address"] == "银杏小区 3 幢 2 单元 402"
        (nothing,) = told["for_nothing"]
        assert (nothing["code"], nothing["home"], nothing["fault"]) == ("SOS1", "h0420", False)
        assert told["counts"] == {"found": 1, "late": 0, "missed": 0, "waiting": 0, "for_nothing": 1, "median_seconds": 2.0}  # fmt: skip


async def test_the_last_messages_stand_beside_the_case_they_became(tmp_path):
    """As they were sent, the newest first; of a burst the first message has the case; other messages none."""
    async with pretended(tmp_path) as (house, simulation, admin):
        await admin.post(
            f"{S}/scenarios", json={"scenario": "virtual_smoke", "home": "h0317", "after_seconds": 0}
        )
        until = simulation.world.now + timedelta(seconds=4)
        simulation.sent.extend(simulation.world.events(until))
        house.clock.advance(timedelta(seconds=4))
        await house.raised(smoke(at=house.clock.now()))
        answer = await admin.get(f"{S}/messages")
        assert answer.status_code == 200, answer.text
        told = answer.json()["items"]
        assert [m["at"] for m in told] == sorted((m["at"] for m in told), reverse=True)
        smokes = [m for m in told if m["device"] == "smoke-0317" and m["alarm"]]
        assert [m["case"]["number"] for m in smokes if m["case"]] == [317]
        assert smokes[-1]["case"]["number"] == 317
        assert smokes[-1]["topic"]
        assert "smoke" in smokes[-1]["payload"]
        assert 0 <= smokes[-1]["seconds"] <= 4
        assert all(m["case"] is None for m in told if m["device"] != "smoke-0317")
        assert len((await admin.get(f"{S}/messages", params={"limit": 1})).json()["items"]) == 1
        assert (await admin.get(f"{S}/messages", params={"limit": 101})).status_code == 422


async def test_what_is_not_raised_in_time_is_missed(tmp_path):
    """The deadline passes by the service's clock."""
    async with pretended(tmp_path) as (house, simulation, admin):
        await admin.post(f"{S}/scenarios", json={"scenario": "sos", "home": "h0317", "after_seconds": 0})
        live(house, simulation, 20)
        told = (await admin.get(f"{S}/truths")).json()
        assert [t["judged"] for t in told["items"]] == ["missed"]
        assert told["counts"]["missed"] == 1


async def test_a_fault_is_put_in_force_and_ended(tmp_path):
    """What is raised meanwhile may come of it; both are in the log."""
    async with pretended(tmp_path) as (house, simulation, admin):
        with capture_logs() as logs:
            body = {"fault": "loss", "value": 0.5, "home": "h0420"}
            one = (await admin.post(f"{S}/faults", json=body)).json()
            assert [f["id"] for f in (await admin.get(S)).json()["faults"]] == [one["id"]]
            live(house, simulation, 60)
            await house.raised(
                smoke("h0420", at=house.clock.now(), device="sos-0420", code="TE3", cause="te3")
            )
            (nothing,) = (await admin.get(f"{S}/truths")).json()["for_nothing"]
            assert nothing["fault"] is True
            assert (await admin.delete(f"{S}/faults/{one['id']}")).status_code == 204
            assert (await admin.get(S)).json()["faults"] == []
            assert (await admin.delete(f"{S}/faults/{one['id']}")).status_code == 422
        assert [e["event"] for e in logs if e["event"].startswith("simulator_fault")] == [
            "simulator_fault_started",
            "simulator_fault_ended",
        ]


async def test_what_cannot_be_is_refused_in_words(tmp_path):
    """Bounds, unknown words, a home that lacks the device: one clear sentence, and nothing is staged."""
    async with pretended(tmp_path) as (_, simulation, admin):
        for body, status, reason in (
            ({}, 422, "invalid"), ({"scenario": "sos; rm"}, 422, "invalid"), ({"scenario": "sos", "role": "x"}, 422, "invalid"),
            ({"scenario": "flood"}, 422, "refused"), ({"scenario": "sos", "home": "h9"}, 404, "unknown_home"),
            ({"scenario": "sos", "after_seconds": -1}, 422, "invalid"), ({"scenario": "sos", "seed": 2**31}, 422, "invalid"),
            ({"scenario": "cooking_smoke", "home": "h0420"}, 422, "refused"),
        ):  # fmt: skip
            answer = await admin.post(f"{S}/scenarios", json=body)
            assert (answer.status_code, answer.json()["reason"]) == (status, reason), body
        for body in (
            {"fault": "gremlins", "value": 1},
            {"fault": "loss", "value": 2},
            {"fault": "gateway_cut"},
        ):
            answer = await admin.post(f"{S}/faults", json=body)
            assert (answer.status_code, answer.json()["reason"]) == (422, "refused"), body
        assert "模拟器没有接受" in answer.json()["detail"]
        share = (await admin.post(f"{S}/faults", json={"fault": "loss", "value": 2})).json()["why"]
        assert share["zh"] == "模拟器没有接受：填 0 到 1 之间的比例，例如 0.05"
        assert share["en"].endswith("is a share above 0 and up to 1, for example 0.05")
        assert (await admin.post(f"{S}/faults", json={"fault": "loss", "value": -1})).status_code == 422
        assert (await admin.get(f"{S}/homes", params={"q": "x" * 65})).status_code == 422
        assert (await admin.get(f"{S}/scenarios", params={"home": "h9"})).status_code == 404
        assert (await admin.get(f"{S}/truths", params={"limit": 0})).status_code == 422
        assert (await admin.delete(f"{S}/faults/{2**40}")).status_code == 422
        assert simulation.world.ahead == 0
        lacking = (await admin.get(f"{S}/scenarios", params={"home": "h0420"})).json()["items"]
        assert {s["name"]: s["missing"] for s in lacking}["cooking_smoke"] == ["smoke"]
        found = (await admin.get(f"{S}/homes", params={"q": "吴建国"})).json()
        assert [h["id"] for h in found["items"]] == ["h0420"]


async def away(admin):
    answer = await admin.get(S)
    assert (answer.status_code, answer.json()["reason"]) == (503, "simulator_away")
    assert "模拟器没有应答" in answer.json()["detail"]
    assert "Retry-After" in answer.headers


async def test_a_simulator_that_is_away_slow_or_odd_is_said_to_be_away(tmp_path):
    """No socket, a socket nobody hears, nonsense, endless words: 503 within its time; one that comes back is found."""
    path = tmp_path / "s"
    house = House(simulator=path)
    house.state.simulator._seconds = 0.3
    answers = [
        b"nonsense\n",
        b"[]\n",
        b'{"ok": true}\n',
        b'{"ok": true, "answer": {"homes": "many"}}\n',
        b"",
        b"x" * 70_000,
    ]

    async def odd(reader, writer):
        await reader.readline()
        writer.write(answers[0])
        if not answers[0]:
            await reader.read()  # says nothing until the other side has had enough
        writer.close()

    async with house, house.program("admin") as admin:
        await away(admin)
        server = await asyncio.start_unix_server(odd, path=path)
        async with server:
            while answers:
                await away(admin)
                answers.pop(0)
            answers.append(b"\n")
        path.unlink(missing_ok=True)
        simulation = Simulation(house.registry.site, clock=house.clock, start=NOON)
        house.state.simulator._seconds = 4.0
        async with controlled(simulation, path, house.clock):
            assert (await admin.get(S)).json()["homes"] == 2
        await away(admin)


async def test_the_pace_of_the_world_is_changed_and_it_is_written_down_by_whom(tmp_path):
    """From now on; a speed that is none is refused here already."""
    async with pretended(tmp_path) as (_house, simulation, admin):
        with capture_logs() as logs:
            answer = await admin.post(f"{S}/speed", json={"speed": 60})
        assert (answer.status_code, answer.json()["speed"]) == (200, 60)
        assert simulation.speed == 60
        assert [(e["speed"], e["role"]) for e in logs if e["event"] == "simulator_speed"] == [(60, "admin")]
        for wrong in (0, -5, 100_000, None, "fast"):
            assert (await admin.post(f"{S}/speed", json={"speed": wrong})).status_code == 422


async def test_the_line_is_disturbed_on_purpose_where_nothing_is_real_and_nowhere_else(tmp_path):
    """Each test of the line ends by itself; a service with real devices has no such thing."""
    async with House() as real, real.program("admin") as admin:
        for answer in (await admin.get(f"{S}/link"), await admin.post(f"{S}/link", json={"test": "silent"})):
            assert (answer.status_code, answer.json()["reason"]) == (404, "not_found")
        assert real.state.hub.test is None
    async with pretended(tmp_path) as (house, _simulation, admin):
        calm = {"silent_seconds": 0, "lie_seconds": 0, "drops": 0}
        assert (await admin.get(f"{S}/link")).json() == calm
        said = await admin.post(f"{S}/link", json={"test": "silent", "value": 10})
        assert said.json() == {**calm, "silent_seconds": 10}
        assert (await admin.post(f"{S}/link", json={"test": "drop", "value": 3})).json()["drops"] == 3
        house.clock.advance(timedelta(seconds=11))
        assert (await admin.get(f"{S}/link")).json()["silent_seconds"] == 0
        epoch = house.state.hub.epoch
        await admin.post(f"{S}/link", json={"test": "restart"})
        assert house.state.hub.epoch != epoch
        for wrong in ({"test": "silent", "value": 500}, {"test": "burn"}, {}):
            assert (await admin.post(f"{S}/link", json=wrong)).status_code == 422


async def test_a_practice_home_beside_real_ones_is_marked_and_counts_in_no_figure():
    """Desk, wall, whoever goes there and the relatives are told; the home counts in nothing; a real one has no mark."""
    text = SITE.replace("  - id: h0317\n", "  - id: h0317\n    simulated: true\n", 1)
    assert text != SITE
    async with (
        House(site=text) as house,
        house.browser("operator") as desk,
        house.browser("responder") as goes,
    ):
        alert = await house.raised(smoke())
        real = await house.raised(smoke("h0420", device="smoke-0420"))
        told = {a["id"]: a["simulated"] for a in (await desk.get(f"{V}/alerts")).json()["items"]}
        assert told == {alert: True, real: False}
        body = {"version": (await desk.get(f"{V}/alerts/{alert}")).json()["version"], "responders": ["s07"]}
        assert (await desk.post(f"{V}/alerts/{alert}/dispatch", json=body)).status_code == 200
        seen = {a["id"]: a.get("simulated") for a in (await goes.get(f"{V}/alerts")).json()["items"]}
        assert seen.get(alert) is True
        assert redact.wall((await desk.get(f"{V}/alerts/{alert}")).json())["simulated"] is True
        async with house.browser("family") as hers, house.browser("wu") as another:
            page, other = [(await one.get(f"{V}/family")).json() for one in (hers, another)]
        assert (page["simulated"], [c["simulated"] for c in page["cases"]]) == (True, [True])
        assert other["simulated"] is False
        await house.passes(5)
        figures = (await desk.get(f"{V}/kpis")).json()
        assert {c["id"] for c in figures["cases"]} == {real}
        homes = (await desk.get(f"{V}/homes")).json()
        assert homes["protection"]["total"] == len(homes["items"]) - 1


async def test_what_the_service_makes_of_failing_lines_and_pushes_is_told(tmp_path):
    """Each message with its fate and how often it was tried; the outages; since when nobody was heard."""
    async with pretended(tmp_path) as (house, _, admin):
        alert = await house.raised(smoke())
        await house.passes(1)
        told = (await admin.get(f"{S}/made")).json()
        numbers = {one["number"] for one in told["sent"]}
        case = (await admin.get(f"{V}/alerts/{alert}")).json()
        assert numbers == {case["number"]}
        assert told["lately"]["queued"] == len(case["deliveries"]) > 0
        assert (told["outages"], set(told["parts"])) == ([], {"ingest", "rules", "alerts", "notify"})
        await house.raised(smoke("h0420", device="gw", code="TE4", cause="gateway", level=Level.yellow))
        assert [o["code"] for o in (await admin.get(f"{S}/made")).json()["outages"]] == ["TE4"]


@pytest.mark.parametrize(("fault", "may"), [("broker_cut", True), ("push_busy", False)])
async def test_a_push_service_that_fails_is_no_cause_of_an_alarm(tmp_path, fault, may):
    """Whom a message reaches makes nothing true; what comes while the broker is cut may come of that."""
    async with pretended(tmp_path) as (house, simulation, admin):
        simulation._push = lambda *_answer: None
        assert (await admin.post(f"{S}/faults", json={"fault": fault})).status_code == 201
        live(house, simulation, 60)
        await house.raised(smoke("h0420", at=house.clock.now(), device="sos-0420", code="TE3", cause="te3"))
        (nothing,) = (await admin.get(f"{S}/truths")).json()["for_nothing"]
        assert nothing["fault"] is may
