"""Who may do what, and what they may know: the role matrix, redaction, cross-site requests, sessions."""

import asyncio
import itertools
import json
import re
from datetime import timedelta

import msgspec
import pytest

from care.ids import iso
from care.messages import Evidence
from care.stream import PEOPLE
from care.words import Level, Role
from dashboard_api import access, redact, shapes
from dashboard_api.figures import CaseRow
from dashboard_api.house import desk_key
from dashboard_api.live import Key
from dashboard_api.people import add_user, remove_user
from rules.catalog import load
from rules.cli import described
from tests.integration.test_api_house import (
    CLOSING,
    NOON,
    PASSWORD,
    SECRETS_OF_THE_HOME,
    FakeHistory,
    House,
    V,
    report,
    smoke,
)
from tests.private import tells


def routes_of(app):
    """Method and path of everything the application answers."""
    found = set()

    def walk(routes):
        for route in routes:
            inner = getattr(route, "effective_route_contexts", None)
            if inner is not None:
                walk([c.original_route for c in inner()])
            elif getattr(route, "methods", None):
                found.update((m, route.path) for m in route.methods if m != "HEAD")

    walk(app.routes)
    return found


async def test_every_route_is_in_the_table_and_the_table_has_nothing_else():
    """A new route that nobody thought about is denied: this is the list to think about."""
    house = House()
    found = routes_of(house.app)
    assert len(found) > 30
    assert found == set(access.ROUTES)


async def test_a_route_that_is_not_in_the_table_is_denied(monkeypatch):
    """Deny by default: even an admin gets 404 from a route without an entry."""
    monkeypatch.delitem(access.ROUTES, ("GET", f"{V}/codes"))
    monkeypatch.setattr(access, "_PATTERNS", [p for p in access._PATTERNS if p[1] != f"{V}/codes"])
    async with House() as house, house.program("admin") as admin:
        assert (await admin.get(f"{V}/codes")).status_code == 404


def filled(path):
    """A path with something in its places."""
    for place, value in (("{alert}", "a1"), ("{command}", "note"), ("{home}", "h0317"), ("{device}", "smoke-0317"),
                         ("{token}", "t"), ("{person}", "s01"), ("{resident}", "r0317"), ("{page}", "wall"), ("{rest}", "x"), ("{more}", "y")):  # fmt: skip
        path = path.replace(place, value)
    return path


async def test_the_matrix_of_routes_and_roles_holds():
    """Every route x every role: let in exactly when the table says so; 401 without, 403 with the wrong role (404: the simulator)."""
    async with House() as house:
        for role in Role:
            await add_user(
                house.stream, f"as-{role.value}", role, PASSWORD, "s07" if role in access.STAFF else None
            )
        await asyncio.sleep(0.1)
        tokens = {}
        for role in Role:
            _, tokens[role], _ = await house.state.people.sign_in(
                f"as-{role.value}", PASSWORD, address="x", program=True
            )
        wrong = []
        async with house.client() as client:
            for (method, path), rule in access.ROUTES.items():
                if (
                    isinstance(rule, access.Pass)
                    or path.endswith("/live")
                    or (method, path) == ("DELETE", f"{V}/session")
                ):
                    continue
                answer = await client.request(method, filled(path), json={} if method == "POST" else None)
                if answer.status_code != 401:
                    wrong.append((method, path, None, answer.status_code))
                for role in Role:
                    answer = await client.request(
                        method,
                        filled(path),
                        json={} if method == "POST" else None,
                        headers={"authorization": f"Bearer {tokens[role]}"},
                    )
                    let_in = not (answer.status_code == 403 and answer.json()["reason"] == "forbidden")
                    if path.startswith(access.HIDDEN):
                        # An admin is told that there is no simulator, everybody else nothing at all.
                        let_in = answer.status_code != 404 or bool(answer.json().get("detail"))
                    if let_in is not (role in rule) or (
                        answer.status_code >= 500 and answer.status_code != 503
                    ):
                        wrong.append((method, path, role.value, answer.status_code))
        assert wrong == []


async def test_who_may_open_which_view():
    """desk, wall, responder and family are for their people; nobody gets another's."""
    async with House() as house:
        expected = {
            ("operator", "desk"): 200, ("operator", "wall"): 200, ("operator", "family"): 403,
            ("operator", "responder"): 403, ("doctor", "desk"): 200, ("auditor", "desk"): 200,
            ("responder", "desk"): 403, ("responder", "responder"): 200, ("responder", "wall"): 200,
            ("drifter", "responder"): 403, ("family", "family"): 200, ("family", "desk"): 403,
            ("family", "wall"): 403, ("mender", "desk"): 403, ("mender", "wall"): 200,
        }  # fmt: skip
        for (name, view), status in expected.items():
            user = house.state.people.users[name]
            allowed = user.role in access.VIEWS[view]
            if view in ("responder", "family"):
                allowed = allowed and house.state.viewer(user, view).person is not None
            assert allowed is (status == 200), (name, view)
            if status == 403:
                async with house.program(name) as client:
                    answer = await client.get(f"{V}/live", params={"view": view})
                    assert answer.status_code == 403, (name, view)


# -- what may be known -----------------------------------------------------------------------------------------


async def busy_house(house):
    """A case in which everything has happened that a case can hold."""
    alert = await house.raised(smoke())
    await house.delivered(alert)
    await house.passes(31)
    async with house.program("operator") as desk:

        async def act(command, **body):
            version = (await desk.get(f"{V}/alerts/{alert}")).json()["version"]
            answer = await desk.post(f"{V}/alerts/{alert}/{command}", json={"version": version, **body})
            assert answer.status_code == 200, answer.text

        await act("acknowledge", note="周阿婆说厨房有烟")
        await act("call", to="c0317a", result="answered", note="13800000921")
        await act("dispatch", responders=["s07"])
        await act("accept", by="s07")
    return alert


def leaked(body):
    return [s for s in SECRETS_OF_THE_HOME if tells(s, body)]


async def test_nothing_of_the_home_reaches_a_wall():
    """Every body and event of the wall view, searched for every secret of the home."""
    async with House() as house:
        said = []
        who, _, _ = await house.state.people.sign_in("boss", PASSWORD, address="x")
        listener = house.state.hub.open(
            Key("wall"), who.session, None, lambda c: house.state.snapshot(c, who)
        )
        alert = await busy_house(house)
        fall = await house.raised(smoke("h0420", device="belt-0420", code="VT1", cause="vitals", pictogram="vitals",
                                        title={"zh": "心率过快", "en": "Fast pulse"}, room="bedroom"))  # fmt: skip
        house.state.say("duty", house.state.duty(house.clock.now()), force=True)
        house.state.say("kpi", house.state.board(house.clock.now()), force=True)
        said += [e.data for e in listener._waiting]
        async with house.program("operator") as desk:
            version = (await desk.get(f"{V}/alerts/{alert}")).json()["version"]
            closed = await desk.post(f"{V}/alerts/{alert}/close", json={"version": version, **CLOSING})
            assert closed.status_code == 200
        said.append(house.state.snapshot(house.state.hub.channel(Key("wall")), who))
        said += [e.data for e in listener._waiting]
        assert len(said) > 12
        everything = "\n".join(said)
        assert leaked(everything) == []
        assert "心率" not in everything
        assert "VT1" not in everything
        assert "银杏小区 3 幢" in everything  # it does say where
        assert "周**" in everything
        assert "林**" in everything
        assert fall in everything
        told = {b["id"]: b for b in map(json.loads, said) if b.get("id") in (alert, fall)}
        assert told[alert]["onset_at"], "when a danger began that may be named"
        assert "onset_at" not in told[fall], "of a body that would tell how long a rule has watched it"
        for line in said:
            body = json.loads(line)
            if "cases" not in body and "number" in body and "state" in body:
                shapes.Alert.model_validate(body)


async def test_a_wall_says_the_steps_of_any_home():
    """Of a danger its own; of a body those that fit everybody; of who lives there, who hears badly, and whom to ring nothing."""
    async with House() as house, house.program("operator") as desk:
        who, _, _ = await house.state.people.sign_in("boss", PASSWORD, address="x")
        for finding, doing in (
            (smoke(), "派最近的人上门，同时打给家属"),
            (smoke("h0420", device="belt-0420", code="VT1", cause="vitals", pictogram="vitals"), "打给家属，派人上门"),
        ):  # fmt: skip
            alert = await house.raised(finding)
            whole = (await desk.get(f"{V}/alerts/{alert}")).json()["script"]["steps"]
            seen = json.loads(house.state.snapshot(house.state.hub.channel(Key("wall")), who))
            steps = next(a for a in seen["alerts"] if a["id"] == alert)["script"]["steps"]
            assert (len(steps), steps[1]["do"]) == (3, doing)
            assert all("detail" not in step or step["detail"] is None for step in steps)
            assert any(step["detail"] for step in whole), "the desk reads numbers"


async def test_a_responder_learns_the_door_only_after_accepting():
    """Offered: building and minutes. Accepted: room, key, who lives there. Declined or never asked: nothing."""
    async with House() as house, house.program("responder") as lin, house.program("he") as he:
        alert = await house.raised(smoke())
        offered = (await lin.get(f"{V}/alerts/{alert}")).json()
        assert leaked(json.dumps(offered, ensure_ascii=False).replace("林国平", "")) == []
        assert offered["place"]["estate_building"] == "银杏小区 3 幢"
        assert (await lin.get(f"{V}/alerts/{alert}/events")).status_code == 403
        assert (await he.get(f"{V}/alerts/{alert}")).status_code == 404
        assert (await he.get(f"{V}/alerts")).json()["items"] == []
        taken = await lin.post(f"{V}/alerts/{alert}/accept", json={"version": offered["version"]})
        assert taken.status_code == 200
        assert taken.json()["place"]["key"] == "邻里中心 07 号柜"
        assert taken.json()["place"]["unit_room"] == "2 单元 402"
        assert taken.json()["people"][0]["name"] == "周阿婆"
        assert (await lin.get(f"{V}/alerts/{alert}/events")).status_code == 200
        assert (
            await lin.post(f"{V}/alerts/{alert}/close", json={"version": 9, **CLOSING})
        ).status_code == 403
        forged = await lin.post(
            f"{V}/alerts/{alert}/depart", json={"version": taken.json()["version"], "by": "s08"}
        )
        assert [r["id"] for r in forged.json()["responders"] if r["state"] == "departed"] == ["s07"]
        gone = await lin.post(f"{V}/alerts/{alert}/decline", json={"version": forged.json()["version"]})
        assert gone.status_code == 200
        assert leaked(json.dumps(gone.json(), ensure_ascii=False)) == []
        assert (await lin.get(f"{V}/alerts/{alert}")).status_code == 404


async def test_a_relative_hears_of_their_own_only_and_never_a_diagnosis():
    """Family: status in words, as far as the elder agreed; another home's case does not exist."""
    async with House() as house, house.program("family") as daughter, house.program("wu") as other:
        alert = await busy_house(house)
        own = (await daughter.get(f"{V}/alerts")).json()["items"]
        assert [a["id"] for a in own] == [alert]
        assert own[0]["state_words"] == "工作人员正在上门"
        text = json.dumps(own, ensure_ascii=False)
        assert leaked(text) == []
        assert "烟" not in text
        assert set(own[0]) <= {"id", "number", "level", "code", "title", "kind", "home", "simulated", "raised_at", "acknowledged_at",
                               "closed_at", "condition", "state", "state_words", "version"}  # fmt: skip
        assert (await other.get(f"{V}/alerts")).json()["items"] == []  # not theirs
        assert (await other.get(f"{V}/alerts/{alert}")).status_code == 404
        second = await house.raised(smoke("h0420", device="sos-0420"))
        assert (await other.get(f"{V}/alerts/{second}")).status_code == 404  # theirs, but nobody agreed
        assert (await daughter.post(f"{V}/alerts/{alert}/note", json={"version": 1})).status_code == 403


async def test_an_administrator_reads_of_health_only_while_a_case_is_open():
    """P-12, P-03: lists, cards and closed cases leave out what somebody suffers from and say so; an open case has the whole card."""
    async with House() as house, house.program("admin") as admin, house.program("operator") as desk:
        alert = await house.raised(smoke())

        async def read(program):
            resident = (await program.get(f"{V}/residents/r0317")).json()
            listed = (await program.get(f"{V}/residents", params={"q": "周阿婆"})).json()["items"][0]
            home = (await program.get(f"{V}/homes/h0317")).json()["residents"][0]
            homes = (await program.get(f"{V}/homes")).json()["items"]
            among = next(h for h in homes if h["id"] == "h0317")["residents"][0]
            case = (await program.get(f"{V}/alerts/{alert}")).json()["people"][0]
            return [resident, listed, home, among, case]

        def words(person):
            return {tag["word"] for tag in person["tags"]}

        for person in await read(admin):
            assert {"失智", "听力下降，多等铃", "独居"} <= words(person)
            assert person["health_hidden"] is False
        version = (await desk.get(f"{V}/alerts/{alert}")).json()["version"]
        for command, body in (("acknowledge", {}), ("close", CLOSING)):
            done = await desk.post(f"{V}/alerts/{alert}/{command}", json={"version": version, **body})
            assert done.status_code == 200, done.text
            version = done.json()["version"]
        for person in await read(admin):
            assert words(person) == {"独居"}
            assert person["health_hidden"] is True
        for person in await read(desk):
            assert {"失智", "听力下降，多等铃", "独居"} <= words(person)
            assert person["health_hidden"] is False


def test_a_closed_case_tells_an_administrator_nothing_that_was_measured_of_a_body():
    """P-12: pulse, breath and bed among the evidence have no value any more; smoke has, and all of it while the case is open."""
    evidence = [
        {"quantity": q, "value": v} for q, v in (("heart_rate", 38), ("in_bed", True), ("smoke", True))
    ]
    case = {
        "people": [],
        "findings": [{"finding": "f1", "evidence": evidence}],
        "cause": "vitals",
        "level": "red",
        "test": False,
    }

    def told(state: str, *, health: bool, **more: object) -> list[object]:
        seen = redact.for_view({**case, **more, "state": state}, redact.Viewer("desk", health=health))
        return [e["value"] for e in seen["findings"][0]["evidence"]]

    assert told("closed", health=False) == [None, None, True]
    assert told("acknowledged", health=False) == told("closed", health=True) == [38, True, True]
    device = {"cause": "device:belt-0317", "level": "yellow"}
    assert told("acknowledged", health=False, **device) == [None, None, True], "a loose belt is no reason"


TELEPHONES = ("0574-86293712", "13800000921", "13900000777", "13511110001", "13511110002")
ILL = ("dementia", "失智", "hard_of_hearing", "听力", "copd", "慢阻肺")
WAYS_IN = ("2580#", "邻里中心 07")
MEASURED = ("141.25",)
WRITTEN = ("厨房有烟", "高血压")
"""What people wrote down in the course of a case: it may say anything of anybody."""
JOTTED = "糖尿病"
"""In what people wrote away from cases: orders, rota, devices out of service, proposals, rounds."""
NAMED = ("周阿婆", "周晓芸", "吴建国", "吴小丽")

NOT_THERE = {"/rules": 503, "/simulator": 404, "/push": 403}
"""By a word of their path: what this house, or an account that is nobody of the staff, does not have. Everything else answers."""


class Pulses(FakeHistory):
    """A database in which everything that was measured of a body is 141.25."""

    async def readings(self, *, quantity, **_):
        return [(NOON, 141.25 if access.is_health(quantity) else True)], None

    async def buckets(self, *, quantity, **_):
        value = 141.25 if access.is_health(quantity) else 1.0
        return [(NOON - timedelta(minutes=5), value, value, value, 12)]

    async def protected_days(self, **_):
        return []

    async def protected_causes(self, **_):
        return []

    async def protected_homes(self, **_):
        return []

    async def protected_known(self, **_):
        return None, None


async def everything_read(house, role, alerts):
    """All that somebody in a role can get of the service: every GET route of theirs with everything there is, and the live desk."""
    name = f"walks-{role.value}"
    if name not in house.state.people.users:
        await add_user(house.stream, name, role, PASSWORD)
        await asyncio.sleep(0.1)
    found = {}
    places = {
        "alert": alerts, "home": ["h0317", "h0420"], "resident": ["r0317", "r0420"], "device": ["belt-0317", "smoke-0317", "belt-0420"],
        "person": ["s01", "s07", "c0317a"], "round": ["none"], "photo": ["none"],
    }  # fmt: skip
    asks = {
        "history": [f"?quantity={q}&reason=查看" for q in ("smoke", "motion", "heart_rate")], "residents": ["", "?q=周"], "strip": ["?reason=查看"], "days": ["?reason=查看"],
        "repairs": ["", "?state=all"], "proposals": ["?state=all"], "usual": ["?reason=查看"], "alerts": ["", "?state=open", "?state=closed"], "now": ["", f"?alert={alerts[0]}"],
    }  # fmt: skip
    async with house.program(name) as client:
        for (method, path), rule in access.ROUTES.items():
            if method != "GET" or isinstance(rule, access.Pass) or role not in rule or path.endswith("/live"):
                continue
            parts = re.findall(r"{(\w+)}", path)
            for values in itertools.product(*(places[p] for p in parts)):
                for more in asks.get(path.rpartition("/")[2], [""]):
                    asked = path.format(**dict(zip(parts, values, strict=True))) + more
                    answer = await client.get(asked)
                    wanted = [s for word, s in NOT_THERE.items() if word in path] + [404] * ("none" in values)
                    consent = answer.status_code == 403 and answer.json()["reason"] == "no_consent"
                    assert answer.status_code in [200, *wanted] or consent, (asked, answer.status_code)
                    found[asked] = answer.text
    if role in access.VIEWS["desk"]:
        who, _, _ = await house.state.people.sign_in(name, PASSWORD, address="x")
        key = desk_key(role)
        listener = house.state.hub.open(key, who.session, None, lambda c: house.state.snapshot(c, who))
        house.state.registry_changed()
        for alert in alerts:
            house.state.announce(await house.state.find(alert))
        house.state.say("duty", house.state.duty(house.clock.now()), force=True)
        house.state.say("kpi", house.state.board(house.clock.now()), force=True)
        said = [e.data for e in listener._waiting]
        assert len(said) >= 3 + len(alerts)
        found["live"] = "\n".join(said)
        house.state.hub.leave(listener)
    assert len(found) > 10
    return found


async def jotted(house):
    """What people write away from cases, each with one word and a number of its own: what was written."""
    wrote: list[str] = []
    cases = [CaseRow(id=f"past{n}", number=90 + n, home="h0317", code="BD1", level=Level.yellow, truth="avoidable", outcome_cause="C12",
                     raised_at=NOON - timedelta(days=1), closed_at=NOON - timedelta(hours=20)) for n in range(5)]  # fmt: skip
    house.state.picture.rows.update({c.id: c for c in cases})
    async with (
        house.program("operator") as desk,
        house.program("boss") as boss,
        house.program("responder") as lin,
    ):

        async def write(who, path, **body):
            said = f"{JOTTED}{len(wrote)}号"
            answer = await who.post(
                f"{V}/{path}", json={k: said if v is JOTTED else v for k, v in body.items()}
            )
            wrote.extend([said] if JOTTED in body.values() else [])
            assert answer.status_code in (200, 201), (path, answer.text)
            return answer.json()

        (order,) = (await write(desk, "repairs", home="h0317", device="sos-0317", why=JOTTED))["items"]
        async with asyncio.timeout(5):
            while order["id"] not in house.state.upkeep.repairs:
                await asyncio.sleep(0.01)
        steps = (("assign", {"to": "s07"}), ("release", {"note": JOTTED}), ("done", {"did": "battery", "note": JOTTED}), ("withdraw", {"note": JOTTED}))  # fmt: skip
        for step, body in steps:
            await write(desk, f"repairs/{order['id']}/{step}", **body)
        away = [{"staff": "s07", "until": "2026-05-23T19:00", "cover": "s08"}]
        await write(desk, "duty/changes", away=away, reason=JOTTED, confirm=True)
        wish = {"from": "2026-05-25T08:00", "until": "2026-05-25T12:00", "reason": JOTTED}
        ask = (await write(lin, "duty/asks", **wish))["items"][0]
        await write(desk, f"duty/asks/{ask['id']}/decline", note=JOTTED)
        later = iso(NOON + timedelta(days=1))
        await write(desk, "devices/smoke-0317/out", until=later, reason=JOTTED, confirm=True)
        (proposal,) = (await desk.get(f"{V}/proposals")).json()["items"]
        await write(boss, f"proposals/{proposal['id']}/decline", note=JOTTED)
        await write(desk, "rounds", title=JOTTED, residents=["r0317"])
    return wrote


def holds(found, secrets):
    return sorted({(where, s) for where, body in found.items() for s in secrets if s in body})


async def test_who_checks_mends_or_manages_reads_nothing_that_is_not_theirs():
    """Least privilege over every GET route and the live desk (P-12): seeded telephones, illnesses, keys, values and notes."""
    async with House(history=Pulses()) as house, house.program("operator") as desk:
        fire = await busy_house(house)
        pulse = [Evidence(device="belt-0420", quantity="heart_rate", value=141.25, at=NOON, received_at=NOON)]
        fast = await house.raised(smoke("h0420", device="belt-0420", code="VT1", cause="vitals", pictogram="vitals", room="bedroom", life=False,
                                        title={"zh": "心率过快", "en": "Fast pulse"}, evidence=pulse, parameters={"high": 141.25}))  # fmt: skip
        await house.reads(report("belt-0420", NOON, home="h0420", kind="bed_belt", in_bed=True, heart_rate=141.25))  # fmt: skip
        alerts = [fire, fast]

        async def act(alert, command, **body):
            version = (await desk.get(f"{V}/alerts/{alert}")).json()["version"]
            answer = await desk.post(f"{V}/alerts/{alert}/{command}", json={"version": version, **body})
            assert answer.status_code == 200, answer.text

        await act(fast, "acknowledge", note="高血压")
        await act(fast, "undo", reason="她有高血压，我去不了")
        await act(fast, "acknowledge")
        checked = (*TELEPHONES, *ILL, *WAYS_IN, *MEASURED, *WRITTEN)
        whole = await everything_read(house, Role.operator, alerts)
        assert {s for _, s in holds(whole, checked)} >= {*TELEPHONES, "失智", "慢阻肺", "邻里中心 07", "141.25", "厨房有烟", "高血压"}  # fmt: skip
        told = await everything_read(house, Role.auditor, alerts)
        assert holds(told, checked) == []
        events = told[f"{V}/alerts/{fast}/events"]
        for what in ("陈敏芝 接警", "陈敏芝 撤回", "心率过快"):
            assert what in events, "who did what is what an auditor is there for"
        assert "陈敏芝 拨打周晓芸：接通" in told[f"{V}/alerts/{fire}/events"]
        await act(fire, "close", **CLOSING)
        await act(fast, "close", **{**CLOSING, "note": "高血压"})
        told = await everything_read(house, Role.auditor, alerts)
        assert holds(told, checked) == []
        assert '"outcome":"O1"' in told[f"{V}/alerts/{fire}"]
        assert holds(await everything_read(house, Role.admin, alerts), (*ILL, *MEASURED, "2580#")) == []
        mender = await everything_read(house, Role.maintenance, alerts)
        assert holds(mender, (*checked, *NAMED)) == []


async def test_an_auditor_reads_no_word_that_somebody_wrote_on_an_order_a_shift_or_a_device():
    """Free text may say anything of anybody, on a repair or in the rota as in a case; who did what to which device stays."""
    async with House(history=Pulses(), rules=lambda: described(load())["rules"]) as house:
        alerts = [await house.raised(smoke())]
        wrote = await jotted(house)
        whole = await everything_read(house, Role.operator, alerts)
        assert {s for _, s in holds(whole, wrote)} == {*wrote}, "every one of them is read by the desk"
        told = await everything_read(house, Role.auditor, alerts)
        assert holds(told, [JOTTED]) == []
        (order,) = json.loads(told[f"{V}/repairs?state=all"])["items"]
        steps = [(s["what"], s["by"], s["note"]) for s in order["steps"]]
        assert steps == [
            ("opened", "陈敏芝", ""),
            ("assigned", "陈敏芝", "林国平"),
            ("released", "陈敏芝", ""),
            ("done", "陈敏芝", ""),
            ("withdrawn", "陈敏芝", ""),
        ]
        assert (order["did"], order["device"]) == ("battery", "sos-0317")
        for path, what in (
            ("duty/changes", "何志远"),
            ("duty/asks", "declined"),
            ("devices/smoke-0317/out", "陈敏芝"),
            ("rounds", "电话关怀"),
        ):
            assert what in told[f"{V}/{path}"], path


async def test_an_auditor_opens_no_page_of_a_person():
    """Cards, days, what is usual and what is set for somebody are not an auditor's, nor the last message of a device."""
    async with House() as house, house.program("auditor") as client:
        for path in ("residents", "residents/r0317", "residents/r0317/days", "residents/r0317/rules", "residents/r0317/overrides", "homes/h0317",
                     "homes/h0317/usual", "homes/h0317/modes", "homes/h0317/history?quantity=smoke", "devices/belt-0317", "devices/batteries",
                     "devices/unclaimed", "quarantine"):  # fmt: skip
            assert (await client.get(f"{V}/{path}")).status_code == 403, path
        for path in ("alerts", "looks", "exports", "kpis", "duty/week", "homes", "devices"):
            assert (await client.get(f"{V}/{path}")).status_code == 200, path


def test_an_unknown_view_sees_nothing():
    """Allow-list: what nobody thought of is nothing."""
    assert redact.for_view({"home": "h"}, redact.Viewer("kitchen")) is None
    assert redact.duty({}, "kitchen") is None
    assert redact.device({}, "family") is None


async def test_logs_hold_no_names_no_phones_no_tokens(capsys):
    """The whole case, with every refusal on the way: the log says what happened by ids only."""
    import structlog

    structlog.reset_defaults()
    async with House() as house:
        alert = await busy_house(house)
        async with house.client() as anyone:
            await anyone.post(f"{V}/session", json={"username": "operator", "password": "falsches Passwort"})
            await anyone.get(
                f"{V}/alerts/{alert}%0d%0aevil", headers={"authorization": "Bearer geheim-geheim"}
            )
    out = capsys.readouterr().out
    assert "order_carried_out" in out
    for secret in (*SECRETS_OF_THE_HOME, PASSWORD, "falsches Passwort", "geheim-geheim", "有烟"):
        if secret != "smoke-0317":
            # As a word of its own: a request id or a fraction of a second may hold the same digits.
            assert not re.search(rf"(?<![0-9A-Za-z.:]){re.escape(secret)}(?![0-9A-Za-z])", out), secret


async def test_refused_sign_ins_are_counted_by_where_they_come_from():
    """Whoever keeps the service sees that somebody guesses; a right password adds nothing."""
    async with House() as house, house.client() as anyone:
        for n in range(3):
            await anyone.post(
                f"{V}/session", json={"username": f"nobody{n}", "password": "falsches Passwort"}
            )
        await anyone.post(f"{V}/session", json={"username": "operator", "password": PASSWORD})
        told = house.state.guesses.sentence(house.clock.now())
        assert told.startswith("3 sign-ins refused within an hour (")


# -- requests from elsewhere --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"origin": "http://house"}, 200),
        ({}, 403),  # nobody says where it comes from
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://house.evil.example"}, 403),
        ({"sec-fetch-site": "cross-site", "origin": "http://house"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
    ],
)
async def test_another_page_cannot_act_with_our_cookie(headers, status):
    """CSRF on a command: only our own pages."""
    async with House() as house, house.browser("operator") as desk:
        alert = await house.raised(smoke())
        del desk.headers["sec-fetch-site"]
        answer = await desk.post(f"{V}/alerts/{alert}/acknowledge", json={"version": 1}, headers=headers)
        assert answer.status_code == status
        if status == 403:
            assert answer.json()["reason"] == "cross_site"


async def test_simple_forms_and_text_plain_do_not_pass_as_json():
    """A form of another page cannot be read as a command, whatever it says it is."""
    async with House() as house, house.browser("operator") as desk:
        alert = await house.raised(smoke())
        for kind in ("text/plain", "application/x-www-form-urlencoded"):
            answer = await desk.post(
                f"{V}/alerts/{alert}/acknowledge", content=b'{"version": 1}', headers={"content-type": kind}
            )
            assert answer.status_code == 422
        assert (await desk.get(f"{V}/alerts/{alert}")).json()["state"] == "new"


async def test_signing_in_from_another_page_is_refused():
    """Log-in CSRF."""
    async with House() as house, house.client() as anyone:
        body = {"username": "operator", "password": PASSWORD}
        assert (
            await anyone.post(f"{V}/session", json=body, headers={"origin": "http://evil"})
        ).status_code == 403
        assert (await anyone.post(f"{V}/session", json=body)).status_code == 200


async def test_the_cookie_is_opaque_and_out_of_reach_of_scripts():
    """HttpOnly, SameSite=Lax, no name in it; over TLS also Secure and __Host-."""
    async with House() as house, house.client() as anyone:
        answer = await anyone.post(f"{V}/session", json={"username": "operator", "password": PASSWORD})
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("anxin_session=")
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        assert "operator" not in cookie
        shapes.Me.model_validate(answer.json())
        assert answer.json()["name"] == "陈敏芝"
    async with House(public_url="https://care.example") as house, house.client() as anyone:
        answer = await anyone.post(f"{V}/session", json={"username": "operator", "password": PASSWORD})
        assert answer.headers["set-cookie"].startswith("__Host-anxin_session=")
        assert "Secure" in answer.headers["set-cookie"]
        assert "max-age" in answer.headers["strict-transport-security"]


async def test_a_session_is_dead_at_once_after_sign_out_and_removal():
    """Reuse after sign-out and after removal: 401; the open stream ends."""
    async with House() as house, house.browser("operator") as desk, house.program("fang") as fang:
        kept = dict(desk.cookies)
        assert (await desk.delete(f"{V}/session")).status_code == 204
        async with house.client(cookies=kept) as thief:
            assert (await thief.get(f"{V}/session")).status_code == 401
        who = await house.state.people.who(fang.headers["authorization"].split()[1])
        listener = house.state.hub.open(Key("desk"), who.session, None, lambda c: "{}")
        await remove_user(house.stream, "fang")
        await asyncio.sleep(0.1)
        assert listener.ended == "signed_out"
        assert (await fang.get(f"{V}/session")).status_code == 401


async def test_answers_carry_the_headers_that_browsers_obey():
    """CSP, frame-ancestors, nosniff; nothing of the API is kept by a cache."""
    async with House() as house, house.client() as anyone, house.program("operator") as desk:
        for answer in (
            await anyone.get("/wall"),
            await desk.get(f"{V}/alerts"),
            await anyone.get(f"{V}/alerts"),
        ):
            assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
            assert (
                "unsafe-inline'; img" in answer.headers["content-security-policy"]
                or "script-src" not in answer.headers["content-security-policy"]
            )
            assert answer.headers["x-content-type-options"] == "nosniff"
        assert (await desk.get(f"{V}/alerts")).headers["cache-control"] == "no-store"


async def test_large_and_odd_bodies_are_refused_with_a_reason():
    """Bounded bodies, problems instead of tracebacks, unknown paths and methods."""
    async with House() as house, house.browser("operator") as desk:
        alert = await house.raised(smoke())
        big = await desk.post(
            f"{V}/alerts/{alert}/note", content=b"x" * 70_000, headers={"content-type": "application/json"}
        )
        assert (big.status_code, big.json()["reason"]) == (413, "body_too_large")

        async def slices():
            for _ in range(80):
                yield b"y" * 1000

        unsaid = await desk.post(
            f"{V}/alerts/{alert}/note", content=slices(), headers={"content-type": "application/json"}
        )
        assert unsaid.status_code == 413
        for method, path, status, reason in (
            ("POST", f"{V}/alerts/{alert}/explode", 404, "unknown_command"),
            ("GET", f"{V}/nothing/here", 404, "not_found"),
            ("PUT", f"{V}/alerts", 405, "method_not_allowed"),
            ("GET", "/a/b/c/d/e", 404, "not_found"),
            ("GET", "/assets/none.js", 404, "not_found"),
            ("GET", "/%2e%2e/%2e%2e/etc/passwd", 404, "not_found"),
        ):
            answer = await desk.request(method, path, json={"version": 1} if method == "POST" else None)
            assert (answer.status_code, answer.json()["reason"]) == (status, reason), path
        nothing = await desk.post(f"{V}/alerts/{alert}/acknowledge", json={})
        assert (nothing.status_code, nothing.json()["fields"]) == (422, ["version"])


async def test_nothing_can_be_set_by_naming_it():
    """Mass assignment: owner, state, at and by of somebody else are not taken from a body."""
    async with House() as house, house.browser("operator") as desk:
        alert = await house.raised(smoke())
        body = {
            "version": 1,
            "owner": "s02",
            "state": "closed",
            "acked_by": "s02",
            "at": "1999-01-01T00:00:00Z",
            "actor": "s02",
        }
        answer = await desk.post(f"{V}/alerts/{alert}/acknowledge", json=body)
        assert answer.status_code == 200
        assert answer.json()["owner"]["id"] == "s01"
        assert answer.json()["acknowledged_at"] == "2026-05-23T04:06:24.000Z"
        ghost = await desk.post(f"{V}/alerts/{alert}/dispatch", json={"version": 2, "responders": ["nobody"]})
        assert (ghost.status_code, ghost.json()["fields"]) == (422, ["responders"])


async def test_a_bug_is_answered_without_its_traceback(monkeypatch):
    """500 says that it failed, and nothing about how."""
    async with House() as house, house.program("operator") as desk:

        def broken(*_a, **_k):
            raise RuntimeError("secret detail of the inside")

        monkeypatch.setattr(house.state, "protection", broken)
        answer = await desk.get(f"{V}/homes")
        assert answer.status_code == 500
        assert answer.json()["reason"] == "failed"
        assert "secret detail" not in answer.text


async def test_a_frozen_stream_is_503_and_not_a_hang():
    """The stream does not confirm: the order is refused as unconfirmed, and the case is as before."""
    from care.errors import Temporary

    async with House() as house, house.program("operator") as desk:
        alert = await house.raised(smoke())

        async def away(*_a, **_k):
            raise Temporary

        house.stream.publish = away
        answer = await desk.post(f"{V}/alerts/{alert}/acknowledge", json={"version": 1})
        assert (answer.status_code, answer.json()["reason"]) == (503, "stream_unavailable")
        assert (await desk.get(f"{V}/alerts/{alert}")).json()["state"] == "new"


# -- links and devices ------------------------------------------------------------------------------------------------


async def linked(house, alert, person="s01"):
    """A token as the sender of messages makes it."""
    from alerts import links

    await house.stream.put(PEOPLE, "link_secret", b"s" * 32)
    house._catch_up()
    delivery = next(d.delivery for d in house.desk.get(alert).deliveries if d.delivery.person == person)
    return links.make(links.claim_for(delivery, house.clock.now()), b"s" * 32)


async def test_a_link_in_a_message_acts_once_and_only_when_pressed():
    """Opening it changes nothing (previews do that); pressing takes the case; a second press does no harm."""
    async with House() as house, house.client() as phone, house.program("operator") as desk:
        alert = await house.raised(smoke())
        token = await linked(house, alert)
        for _ in range(3):
            page = (await phone.get(f"{V}/go/{token}")).json()
            shapes.LinkPage.model_validate(page)
            assert (page["number"], page["act"], page["done"]) == (317, "acknowledge", False)
            form = await phone.get(f"/go/{token}")
            assert "<form" in form.text
            assert leaked(form.text.replace("厨房", "")) == []
        assert (await desk.get(f"{V}/alerts/{alert}")).json()["state"] == "new"
        used = await phone.post(f"{V}/go/{token}")
        assert used.status_code == 200
        assert (await desk.get(f"{V}/alerts/{alert}")).json()["owner"]["id"] == "s01"
        again = await phone.post(f"{V}/go/{token}")
        assert (again.status_code, again.json()["reason"]) == (409, "link_used")
        assert "<form" not in (await phone.get(f"/go/{token}")).text
        pressed = await phone.post(f"/go/{token}")
        assert pressed.status_code == 303


async def test_an_accepting_link_shows_the_door_after_the_press():
    """The responder's link: accept, then room and key."""
    async with House() as house, house.client() as phone:
        alert = await house.raised(smoke())
        token = await linked(house, alert, "s07")
        before = (await phone.get(f"{V}/go/{token}")).json()
        assert "alert" not in before
        after = (await phone.post(f"{V}/go/{token}")).json()
        assert after["alert"]["place"]["key"] == "邻里中心 07 号柜"


async def test_a_forged_or_old_link_opens_nothing():
    """Changed, foreign, lapsed."""
    async with House() as house, house.client() as phone:
        alert = await house.raised(smoke())
        token = await linked(house, alert)
        for bad in (token[:-2] + "xx", "abc", token.replace(".", "x"), "ü" * 20, "a" * 900 + ".b"):
            assert (await phone.get(f"{V}/go/{bad}")).status_code == 404
        house.clock.advance(timedelta(hours=5))
        late = await phone.post(f"{V}/go/{token}")
        assert (late.status_code, late.json()["reason"]) == (410, "link_expired")


async def test_a_device_sends_by_http_with_its_own_token():
    """The second way in: durable before 200, 16 KB at most, the token of this device and no other."""
    taken = []

    async def accept(topic, payload, received_at):
        taken.append((topic, payload))
        from care.messages import Report

        return [
            Report(
                report_id="x",
                home="h0317",
                device="sos-0317",
                kind="sos",
                at=received_at,
                received_at=received_at,
            )
        ]

    async with (
        House(accept_reading=accept) as house,
        house.program("admin") as admin,
        house.client() as device,
    ):
        token = (await admin.post(f"{V}/devices/sos-0317/token")).json()["token"]
        path = f"{V}/devices/sos-0317/readings"
        assert (await device.post(path, json={"sos": True})).status_code == 401
        bearer = {"authorization": f"Bearer {token}"}
        assert (await device.post(path, json={"sos": True}, headers=bearer)).json() == {
            "accepted": 1,
            "refused": [],
        }
        assert taken[0][0] == "anxin/v1/h0317/sos-0317"
        assert (
            await device.post(f"{V}/devices/sos-0420/readings", json={}, headers=bearer)
        ).status_code == 401
        assert (await device.post(path, content=b"x" * 17_000, headers=bearer)).status_code == 413
        assert (await device.get(f"{V}/alerts", headers=bearer)).status_code == 401
        async with house.program("operator") as desk:
            assert (await desk.post(f"{V}/devices/sos-0317/token")).status_code == 403


def test_the_table_of_lifetimes_names_only_roles():
    """Every role has a session life; msgspec can store it."""
    from dashboard_api.people import LIFETIMES, SHIFT_LIFE

    for role in Role:
        idle, absolute = LIFETIMES.get(role, SHIFT_LIFE)
        assert timedelta(0) < idle <= absolute
        msgspec.json.encode(idle.total_seconds())
