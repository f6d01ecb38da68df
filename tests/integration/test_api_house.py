"""A house for the API's tests: one community, the reference case, and an API over a stream in memory.

The other `test_api_*` files take `house`, `smoke` and `site` from here; the tests at the end look at the contract's
basic shapes.
"""

import asyncio
import contextlib
import itertools
import json
import re
import threading
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import httpx
import pytest

from alerts.desk import Desk
from alerts.events import DeliveryState
from care.ages import Ages
from care.clock import ManualClock
from care.messages import (
    Beat,
    Evidence,
    Finding,
    Habit,
    HomeHabits,
    HomeHealth,
    Refusal,
    Report,
    Unclaimed,
    encode,
)
from care.site import Registry
from care.sitefile import read_site
from care.stream import ALERTS, HEALTH, REGISTRY, MemoryStream
from care.words import Condition, Level, Phase
from dashboard_api import folds, shapes
from dashboard_api.app import create_app
from dashboard_api.people import add_user, make_demo_users
from rules.catalog import load
from rules.engine import Engine

NOON = datetime(2026, 5, 23, 4, 6, 24, tzinfo=UTC)
PASSWORD = "eine lange demo"
V = "/api/v1"

SITE = """
community: {id: zpq, name: 总浦桥社区, timezone: Asia/Shanghai, centre: [29.9530, 121.7100]}
grids:
  - {id: g05, name: 第5网格, micro_grids: [{id: g05-2, name: 5-2 微网格, location: [29.9531, 121.7102]}]}
  - {id: g06, name: 第6网格, micro_grids: [{id: g06-1, name: 6-1 微网格, location: [29.9631, 121.7202]}]}
homes:
  - id: h0317
    micro_grid: g05-2
    address: 银杏小区 3 幢 2 单元 402
    location: [29.9532, 121.7104]
    floor: 4
    lift: true
    phone: "0574-86293712"
    access: {key: 邻里中心 07 号柜, door_code: "2580#"}
    residents:
      - {id: r0317, name: 周阿婆, born: 1944, tier: key, conditions: [dementia], flags: [hard_of_hearing, lives_alone],
         consent: {vitals: [centre, doctor], bed: [centre], family: [status]}}
    contacts:
      - {id: c0317a, name: 周晓芸, relation: 女儿, phone: "13800000921", notify: ["json://127.0.0.1:9900/family"], for: [red]}
    devices:
      - {id: smoke-0317, kind: smoke, room: kitchen}
      - {id: belt-0317, kind: bed_belt, resident: r0317, room: bedroom}
      - {id: door-0317, kind: door, room: entrance}
      - {id: motion-0317, kind: motion, room: living}
      - {id: sos-0317, kind: sos, room: bedroom}
  - id: h0420
    micro_grid: g06-1
    address: 红枫苑 7 幢 1 单元 301
    location: [29.9832, 121.7604]
    floor: 3
    residents: [{id: r0420, name: 吴建国, born: 1939, conditions: [copd], consent: {vitals: [doctor]}}]
    contacts:
      - {id: c0420a, name: 吴小丽, relation: 女儿, phone: "13900000777"}
    devices:
      - {id: belt-0420, kind: bed_belt, resident: r0420, room: bedroom}
      - {id: sos-0420, kind: sos, room: bedroom}
staff:
  - {id: s01, name: 陈敏芝, role: operator, phone: "13511110001", notify: ["json://127.0.0.1:9900/desk"]}
  - {id: s02, name: 方静, role: operator, phone: "13511110002"}
  - {id: s07, name: 林国平, role: grid_worker, micro_grids: [g05-2], location: [29.9535, 121.7099], notify: ["json://127.0.0.1:9900/s07"]}
  - {id: s08, name: 何志远, role: volunteer, micro_grids: [g06-1], location: [29.9635, 121.7199], notify: ["json://127.0.0.1:9900/s08"]}
  - {id: s10, name: 王医生, role: doctor}
shifts:
  - {staff: s01, days: daily, from: "07:00", to: "19:00"}
  - {staff: s02, days: daily, from: "07:00", to: "19:00"}
  - {staff: s07, days: daily, from: "07:00", to: "19:00"}
  - {staff: s08, days: daily, from: "07:00", to: "19:00"}
policy: {acknowledge_seconds: 60, arrive_minutes: 10}
"""

SECRETS_OF_THE_HOME = (
    "402", "2 单元", "周阿婆", "周晓芸", "0574-86293712", "13800000921", "邻里中心 07", "2580#", "dementia", "失智",
    "听力", "hard_of_hearing", "独居", "kitchen", "厨房", "陈敏芝", "林国平", "r0317", "c0317a", "smoke-0317",
    "json://", "127.0.0.1:9900", "13511110001",
)  # fmt: skip
"""Nothing of this may ever reach a wall."""


def smoke(
    home="h0317", at=NOON, *, device="smoke-0317", code="SM1", cause="fire", level=Level.red, n=0, **more
):
    """The smoke alarm of 23 May, or something like it."""
    kitchen = {
        "title": {"zh": "厨房烟感报警", "en": "Smoke in the kitchen"},
        "room": "kitchen",
        "pictogram": "smoke",
    }
    return Finding(
        **{
            **kitchen,
            "event_id": f"{home}-{cause}-{n}-{at.timestamp()}",
            "finding": f"{home}-{cause}-{n}",
            "phase": Phase.opened,
            "at": at,
            "onset_at": at,
            "rule": code,
            "rule_version": 1,
            "code": code,
            "level": level,
            "home": home,
            "cause": cause,
            "resident": {"h0317": "r0317", "h0420": "r0420"}.get(home),
            "device": device,
            "condition": Condition.active,
            "evidence": [Evidence(device=device, quantity="smoke", value=True, at=at, received_at=at)],
            "tags": ["cooking_likely"],
            "life": True,
            **more,
        }
    )


class House:
    """An API over a stream in memory, with the alert worker's part played by hand."""

    def __init__(self, *, now=NOON, public_url="http://house", site=None, **app):
        self.stream = MemoryStream()
        self.clock = ManualClock(now)
        self.registry = Registry(read_site(site or SITE))
        numbers = itertools.count(317)
        self.desk = Desk(self.registry, numbers=lambda: next(numbers))
        self._read = 0
        self._stack = contextlib.AsyncExitStack()
        self.app = create_app(
            stream=self.stream, clock=self.clock, public_url=public_url, build="b1", demo=True, **app
        )
        self.state = self.app.state.house

    async def __aenter__(self):
        await self.stream.put(REGISTRY, "site", encode(self.registry.site))
        await make_demo_users(self.stream, self.registry, PASSWORD)
        for name, role, staff in (
            ("fang", "operator", "s02"), ("boss", "supervisor", None), ("he", "responder", "s08"),
            ("mender", "maintenance", None), ("auditor", "auditor", None), ("drifter", "volunteer", None),
        ):  # fmt: skip
            await add_user(self.stream, name, role, PASSWORD, staff)
        await add_user(self.stream, "wu", "family", PASSWORD, contact="c0420a")
        await self._stack.enter_async_context(self.app.router.lifespan_context(self.app))
        async with asyncio.timeout(20):
            await self.state.people.ready.wait()
            await self.state.caught_up.wait()
            await self.state.registered.wait()
        return self

    async def __aexit__(self, *exc):
        await self._stack.aclose()

    # -- the outside world ---------------------------------------------------------------------------------

    def _catch_up(self):
        for message in self.stream.messages(ALERTS)[self._read :]:
            from alerts.proposing import decode_transition

            self.desk.apply(decode_transition(message.data))
            self._read += 1

    async def _publish(self, transitions):
        for change in transitions:
            await self.stream.publish(change.subject, encode(change))
        self._catch_up()
        await self.settled()

    async def raised(self, finding):
        """A finding becomes a case; gives its id."""
        self._catch_up()
        changes = self.desk.on_finding(finding, self.clock.now())
        await self._publish(changes)
        return changes[0].alert

    async def passes(self, seconds):
        """Time passes for the desk: ladders climb."""
        self.clock.advance(timedelta(seconds=seconds))
        self._catch_up()
        await self._publish(self.desk.tick(self.clock.now()))

    async def delivered(self, alert):
        """Every queued message of a case is accepted."""
        self._catch_up()
        changes = []
        for view in self.desk.get(alert).deliveries:
            change = self.desk.report(alert, view.delivery.id, DeliveryState.accepted, self.clock.now())
            if change is not None:
                await self._publish([change])
        return changes

    async def settled(self):
        """The folds have heard everything."""
        async with asyncio.timeout(20):
            while self.state.picture.position < await self.stream.head(ALERTS):
                await asyncio.sleep(0.005)
            await asyncio.sleep(0.06)

    async def beats(self, role, trouble=""):
        """A role says how it is."""
        now = self.clock.now()
        beat = Beat(role=role, at=now, started_at=now, working=not trouble, detail=trouble)
        await self.stream.put(HEALTH, f"beat.{role}", encode(beat))
        await asyncio.sleep(0.1)

    async def reads(self, *reports):
        """Readings arrive."""
        for report in reports:
            await self.stream.publish(report.subject, encode(report))
        await asyncio.sleep(0.1)

    # -- people ---------------------------------------------------------------------------------------------

    def client(self, **more):
        """A browser or program that nobody knows yet."""
        transport = httpx.ASGITransport(app=self.app, client=("127.0.0.1", 50000))
        return httpx.AsyncClient(transport=transport, base_url="http://house", **more)

    @contextlib.asynccontextmanager
    async def program(self, name):
        """A signed-in program."""
        async with self.client() as client:
            answer = await client.post(f"{V}/token", data={"username": name, "password": PASSWORD})
            assert answer.status_code == 200, answer.text
            client.headers["authorization"] = f"Bearer {answer.json()['access_token']}"
            yield client

    @contextlib.asynccontextmanager
    async def browser(self, name):
        """A signed-in browser, that says where its requests come from."""
        async with self.client(headers={"sec-fetch-site": "same-origin"}) as client:
            answer = await client.post(f"{V}/session", json={"username": name, "password": PASSWORD})
            assert answer.status_code == 200, answer.text
            yield client


def report(device, at=NOON, *, home="h0317", kind="smoke", received_at=None, **values):
    """A report of a device."""
    return Report(
        report_id=f"{device}-{at.timestamp()}", home=home, device=device, kind=kind, at=at,
        received_at=received_at or at, values=values,
    )  # fmt: skip


CLOSING = {
    "cause": "C02", "verification": "V1", "actions": ["A1"], "outcome": "O1", "truth": "avoidable", "note": "已提醒",
}  # fmt: skip


async def test_the_smoke_alarm_of_23_may_from_screen_to_close():
    """The reference case by HTTP: seen, taken, rung, explained, closed; every step on the record."""
    async with House() as house, house.browser("operator") as desk:
        alert = await house.raised(smoke())
        items = (await desk.get(f"{V}/alerts", params={"state": "open"})).json()["items"]
        assert [a["id"] for a in items] == [alert]
        seen = shapes.Alert.model_validate(items[0])
        assert (seen.number, seen.code, seen.level, seen.state) == (317, "SM1", "red", "new")
        assert seen.title == "厨房烟感报警"
        assert seen.place.address == "银杏小区 3 幢 2 单元 402"
        assert seen.people[0].tags[0].word == "听力下降，多等铃"
        assert seen.people[0].age == 82
        assert seen.script.steps[0].detail == "0574-86293712"
        assert "我是{operator}。" in seen.script.say_as, "each desk fills in who speaks"
        assert "我是值班员。" in seen.script.say
        assert seen.script.suggest is None, "nobody has said anything yet"
        assert next(q for q in seen.script.questions if q.id == "cooking").offer.yes.cause == "C02"
        assert [s.state for s in seen.ladder][:2] == ["done", "next"]
        assert seen.ladder[-1].promise
        assert seen.arrive_by == "2026-05-23T04:16:24.000Z"

        house.clock.advance(timedelta(seconds=9))
        taken = await desk.post(f"{V}/alerts/{alert}/acknowledge", json={"version": seen.version})
        assert taken.status_code == 200
        assert taken.json()["owner"] == {"id": "s01", "name": "陈敏芝"}
        said = taken.json()["script"]
        assert ("我是陈敏芝。" in said["say"], said["say_as"]) == (True, None)
        house.clock.advance(timedelta(seconds=11))
        rung = await desk.post(
            f"{V}/alerts/{alert}/call",
            json={"version": taken.json()["version"], "to": "home", "result": "answered"},
        )
        assert rung.json()["called"][0]["result"] == "answered"
        missing = await desk.post(f"{V}/alerts/{alert}/close", json={"version": rung.json()["version"]})
        assert missing.status_code == 422
        assert missing.json()["reason"] == "missing_outcome"
        assert set(missing.json()["fields"]) == {"cause", "verification", "actions", "outcome"}
        never = await desk.post(
            f"{V}/alerts/{alert}/close", json={"version": rung.json()["version"], **CLOSING, "outcome": "O5"}
        )
        assert (never.status_code, never.json()["reason"]) == (422, "not_reached_cannot_close")
        closed = await desk.post(
            f"{V}/alerts/{alert}/close", json={"version": rung.json()["version"], **CLOSING}
        )
        assert closed.status_code == 200, closed.text
        assert closed.json()["state"] == "closed"
        assert (await desk.get(f"{V}/alerts", params={"state": "open"})).json()["items"] == []
        events = (await desk.get(f"{V}/alerts/{alert}/events")).json()["items"]
        kinds = [e["type"] for e in events]
        assert [k for k in kinds if k in ("raised", "acknowledged", "called", "closed")] == [
            "raised", "acknowledged", "called", "closed",
        ]  # fmt: skip
        assert "陈敏芝 拨打家中：接通" in [e["words"] for e in events]


async def test_of_two_desks_one_wins_and_the_other_sees_who():
    """Two operators take the same case at once: one 200, one 409 that carries the case as it now is."""
    async with House() as house, house.browser("operator") as one, house.browser("fang") as two:
        alert = await house.raised(smoke())
        body = {"version": (await one.get(f"{V}/alerts/{alert}")).json()["version"]}
        answers = await asyncio.gather(
            one.post(f"{V}/alerts/{alert}/acknowledge", json=body),
            two.post(f"{V}/alerts/{alert}/acknowledge", json=body),
        )
        assert sorted(a.status_code for a in answers) == [200, 409]
        won = next(a for a in answers if a.status_code == 200).json()
        lost = next(a for a in answers if a.status_code == 409)
        assert lost.headers["content-type"] == "application/problem+json"
        assert lost.json()["reason"] == "already_acknowledged"
        assert lost.json()["alert"]["owner"] == won["owner"]
        assert lost.json()["alert"]["version"] == won["version"]


async def test_a_race_with_another_process_is_decided_by_the_log():
    """Another API appended first and our fold has not heard it: the fence holds, and we answer with the new case."""
    async with House() as house, house.browser("operator") as desk:
        alert = await house.raised(smoke())
        seen = (await desk.get(f"{V}/alerts/{alert}")).json()
        from alerts.orders import read_order

        house._catch_up()
        other = house.desk.command(alert, read_order("acknowledge", actor="s02", body={}), house.clock.now())
        house.stream.append(other.subject, encode(other))  # without a word to anybody
        answer = await desk.post(f"{V}/alerts/{alert}/acknowledge", json={"version": seen["version"]})
        assert (answer.status_code, answer.json()["reason"]) == (409, "already_acknowledged")
        assert answer.json()["alert"]["owner"]["id"] == "s02"


async def test_the_same_order_twice_is_done_once():
    """An Idempotency-Key makes a repeated tap or a lost answer harmless."""
    async with House() as house, house.browser("operator") as desk:
        alert = await house.raised(smoke())
        version = (await desk.get(f"{V}/alerts/{alert}")).json()["version"]
        key = {"idempotency-key": "k1"}
        first = await desk.post(f"{V}/alerts/{alert}/acknowledge", json={"version": version}, headers=key)
        again = await desk.post(f"{V}/alerts/{alert}/acknowledge", json={"version": version}, headers=key)
        assert (first.status_code, again.status_code) == (200, 200)
        assert first.json()["version"] == again.json()["version"]
        # A sender that gives another command the same key is not told that it was carried out.
        said = {"version": again.json()["version"], "note": "x"}
        noted = await desk.post(f"{V}/alerts/{alert}/note", json=said, headers=key)
        assert (noted.status_code, noted.json()["version"] > again.json()["version"]) == (200, True)
        # The same command and key with another content is refused; what the key did first stands and can be asked for.
        said = {"version": noted.json()["version"], "note": "y"}
        refused = await desk.post(f"{V}/alerts/{alert}/note", json=said, headers=key)
        assert (refused.status_code, refused.json()["reason"]) == (422, "key_reused")
        assert "key of its own" in refused.json()["detail"]
        # A newer version of the same order is the same order: its answer was lost.
        said = {"version": noted.json()["version"], "note": "x"}
        once_more = await desk.post(f"{V}/alerts/{alert}/note", json=said, headers=key)
        assert (once_more.status_code, once_more.json()["version"]) == (200, noted.json()["version"])
        events = (await desk.get(f"{V}/alerts/{alert}/events")).json()["items"]
        assert [e["note"] for e in events if e["type"] == "noted"] == ["x"]


async def test_lists_are_filtered_and_paged_without_loss_or_repeat():
    """state, level, home, code, since, limit and cursor; the pages together are the list."""
    async with House() as house, house.program("operator") as desk:
        made = []
        for n in range(5):
            house.clock.advance(timedelta(seconds=1))
            made.append(
                await house.raised(
                    smoke(
                        at=house.clock.now(),
                        n=n,
                        cause=f"device:{n}",
                        code="TE1",
                        level=Level.blue,
                        life=False,
                    )
                )
            )
        other = await house.raised(smoke("h0420", at=house.clock.now(), device="sos-0420"))
        pages, cursor = [], None
        while True:
            params = {"state": "all", "limit": 2, **({"cursor": cursor} if cursor else {})}
            page = (await desk.get(f"{V}/alerts", params=params)).json()
            pages.append([a["id"] for a in page["items"]])
            cursor = page["next"]
            if cursor is None:
                break
        assert [len(p) for p in pages] == [2, 2, 2]
        assert sorted(itertools.chain(*pages)) == sorted([*made, other])

        async def ids(**params):
            return {a["id"] for a in (await desk.get(f"{V}/alerts", params=params)).json()["items"]}

        assert await ids(home="h0420") == {other}
        assert await ids(level="red") == {other}
        assert await ids(code="TE1") == set(made)
        assert await ids(since=(NOON + timedelta(seconds=4)).isoformat()) == {made[3], made[4], other}
        assert await ids(state="closed") == set()
        assert (await desk.get(f"{V}/alerts", params={"cursor": "x'; drop table--"})).status_code == 422


async def test_a_case_of_last_week_is_read_from_the_log():
    """Closed long ago and let go of: still listed, still told in full."""
    async with House() as house, house.program("operator") as desk:
        alert = await house.raised(smoke())
        version = (await desk.get(f"{V}/alerts/{alert}")).json()["version"]
        await desk.post(f"{V}/alerts/{alert}/close", json={"version": version, **CLOSING})
        house.clock.advance(timedelta(days=3))
        house.state.picture.forget(house.clock.now())
        house.state.forget()
        assert alert not in house.state.picture.cases
        assert [
            a["id"] for a in (await desk.get(f"{V}/alerts", params={"state": "closed"})).json()["items"]
        ] == [alert]
        assert (await desk.get(f"{V}/alerts/317")).json()["outcome"]["cause"] == "C02"
        late = await desk.post(f"{V}/alerts/{alert}/reopen", json={"version": 99, "reason": "again"})
        assert late.status_code == 409
        assert (
            await desk.post(f"{V}/alerts/nosuch/note", json={"version": 1, "note": "x"})
        ).status_code == 404


async def test_with_no_database_everything_but_history_answers():
    """PostgreSQL is away: 503 history_unavailable there, everything on the alarm path as always."""
    async with House() as house, house.program("operator") as desk:
        alert = await house.raised(smoke())
        gone = await desk.get(f"{V}/homes/h0317/history", params={"quantity": "smoke"})
        assert (gone.status_code, gone.json()["reason"]) == (503, "history_unavailable")
        assert gone.headers["content-type"] == "application/problem+json"
        for path in ("alerts", f"alerts/{alert}", f"alerts/{alert}/events", "homes", "homes/h0317", "homes/h0317/strip",
                     "devices", "devices/unclaimed", "quarantine", "duty/now", "duty/coverage", "kpis", "codes", "map", "homes/h0317/usual"):  # fmt: skip
            assert (await desk.get(f"{V}/{path}")).status_code == 200, path
        await house.beats("ingest")
        ready = await desk.get("/readyz")
        assert ready.status_code == 200
        assert ready.json()["components"]["database"]["ok"] is False


async def test_it_is_ready_only_when_devices_are_heard():
    """A broker drops what is published before ingest's session is there: 503 with the reason until then, and after its loss."""
    async with House() as house, house.program("operator") as desk:
        assert (await desk.get("/readyz")).status_code == 503
        for trouble, status in (("not connected", 503), ("", 200), ("broker away", 503), ("", 200)):
            await house.beats("ingest", trouble)
            answer = await desk.get("/readyz")
            assert answer.status_code == status
            part = answer.json()["components"]["ingest"]
            assert (part["ok"], part["detail"]) == (not trouble, trouble)
        house.clock.advance(timedelta(seconds=7))
        assert (await desk.get("/readyz")).status_code == 503, "it has fallen silent"


async def test_a_disk_that_fills_is_told_before_alarms_cannot_be_stored(tmp_path, monkeypatch):
    """It stops nothing: readiness stands, the screens' heartbeat and /metrics name the disk, and how much is left."""
    monkeypatch.setattr(folds, "DISK_SECONDS", 0.01)
    left = [900 * 1024**2]
    monkeypatch.setattr(
        folds.shutil, "disk_usage", lambda _: SimpleNamespace(free=left[0], total=100 * 1024**3)
    )
    async with House(data=tmp_path) as house, house.program("operator") as desk:
        await house.beats("ingest")

        async def part(ok):
            async with asyncio.timeout(10):
                while house.state.components()["disk"]["ok"] is not ok:
                    await asyncio.sleep(0.01)
            answer = await desk.get("/readyz")
            assert answer.status_code == 200
            return answer.json()["components"]["disk"]

        assert (await part(ok=False))["detail"] == "磁盘仅剩 0.9 GiB"
        house.state.heartbeat()
        assert b'anxin_component_up{component="disk"} 0.0' in house.state.metrics.text()
        assert b'anxin_lag_seconds{component="ingest"} 0.0' in house.state.metrics.text()
        left[0] = 30 * 1024**3
        assert (await part(ok=True))["detail"] == ""


class FakeHistory:
    """A database that remembers three readings."""

    def __init__(self):
        self.away = False

    async def ready(self):
        return not self.away

    async def readings(self, *, home, quantity, from_at, to_at, device, limit, cursor):
        if self.away:
            from care.errors import Temporary

            raise Temporary
        if cursor not in (None, "2"):
            raise ValueError(cursor)
        all_points = [(NOON, 71.0), (NOON + timedelta(seconds=5), None), (NOON + timedelta(hours=2), 74.0)]
        start = int(cursor or 0)
        return all_points[start : start + limit], (str(start + limit) if start + limit < 3 else None)

    async def buckets(self, *, home, quantity, from_at, to_at, device, step):
        return [(NOON, 70.0, 71.0, 72.0, 12), (NOON + 3 * step, 73.0, 74.0, 75.0, 12)]


async def test_history_gives_every_reading_or_buckets_and_keeps_gaps():
    """Without step every reading with its own nulls; with step five numbers; nothing is made up in between."""
    history = FakeHistory()
    async with House(history=history) as house, house.program("operator") as desk:
        odd = await desk.get(f"{V}/homes/h0317/history", params={"quantity": "hart_rate"})
        assert (odd.status_code, odd.json()["fields"]) == (422, ["quantity"]), (
            "no data is not the same as no such quantity"
        )
        path = f"{V}/homes/h0317/history"
        pulse = {"quantity": "heart_rate", "reason": "电话回访"}
        first = (await desk.get(path, params={**pulse, "limit": 2})).json()
        assert first["items"] == [["2026-05-23T04:06:24.000Z", 71.0], ["2026-05-23T04:06:29.000Z", None]]
        rest = (await desk.get(path, params={**pulse, "limit": 2, "cursor": first["next"]})).json()
        assert rest["items"] == [["2026-05-23T06:06:24.000Z", 74.0]]
        assert rest["next"] is None
        stepped = (await desk.get(path, params={**pulse, "step": "5m"})).json()
        assert stepped["items"][1] == ["2026-05-23T04:21:24.000Z", 73.0, 74.0, 75.0, 12]
        assert len(stepped["items"]) == 2
        bad = [{"step": "0"}, {"step": "x"}, {"from": "yesterday"}, {"from": "2026-05-23T00:00:00"}, {"cursor": "9"},
               {"from": "2026-05-24T00:00:00Z", "to": "2026-05-23T00:00:00Z"}, {"quantity": "A B"}]  # fmt: skip
        for params in bad:
            answer = await desk.get(path, params={**pulse, **params})
            assert answer.status_code == 422, params
        history.away = True
        assert (await desk.get(path, params={"quantity": "smoke"})).json()["reason"] == "history_unavailable"


@pytest.mark.parametrize(
    ("days", "step", "kept", "better"),
    [
        (29, None, None, None),
        (60, None, "2026-04-23T00:00:00.000Z", "1m"),
        (60, "90s", "2026-04-23T00:00:00.000Z", "1m"),
        (60, "5m", None, None),
        (300, None, "2026-04-23T00:00:00.000Z", "1h"),
        (300, "5m", "2025-11-24T00:00:00.000Z", "1h"),
        (300, "1d", None, None),
    ],
)
async def test_a_past_that_is_no_longer_kept_is_not_shown_as_a_quiet_one(days, step, kept, better):
    """Readings 30 days, minutes 180, hours two years: a question that reaches further back is told so, and what to ask instead."""
    async with House(history=FakeHistory()) as house, house.program("operator") as desk:
        params = {
            "quantity": "smoke",
            "from": (NOON - timedelta(days=days)).isoformat(),
            "to": (NOON - timedelta(days=days - 1)).isoformat(),
            **({"step": step} if step else {}),
        }
        told = (await desk.get(f"{V}/homes/h0317/history", params=params)).json()
        assert (told["kept_from"], told["try_step"]) == (kept, better)
        assert bool(told["notice"]) is (kept is not None)


async def test_what_is_kept_is_what_the_settings_say():
    """With `history.readings_days = 14` a question of three weeks ago is told where readings begin."""
    kept = Ages(readings=timedelta(days=14))
    async with House(history=FakeHistory(), kept=kept) as house, house.program("operator") as desk:
        begin = NOON - timedelta(days=21)
        params = {
            "quantity": "smoke",
            "from": begin.isoformat(),
            "to": (begin + timedelta(days=1)).isoformat(),
        }
        told = (await desk.get(f"{V}/homes/h0317/history", params=params)).json()
        assert (told["kept_from"], told["try_step"]) == (
            f"{NOON - timedelta(days=14):%Y-%m-%d}T00:00:00.000Z",
            "1m",
        )


async def test_measured_values_are_read_by_whom_the_resident_allowed():
    """Vitals: the centre unless left out, the doctor only when named, nobody else; safety quantities need no consent."""
    async with House(history=FakeHistory()) as house:
        expected = {
            ("operator", "h0317", "heart_rate"): 200,
            ("doctor", "h0317", "heart_rate"): 200,
            ("doctor", "h0317", "in_bed"): 403,
            ("admin", "h0317", "heart_rate"): 403,
            ("auditor", "h0317", "heart_rate"): 403,
            ("mender", "h0317", "heart_rate"): 403,
            ("mender", "h0317", "battery"): 200,
            ("operator", "h0420", "heart_rate"): 403,
            ("doctor", "h0420", "heart_rate"): 200,
            ("admin", "h0317", "smoke"): 200,
            ("responder", "h0317", "smoke"): 403,
            ("family", "h0317", "heart_rate"): 403,
        }
        found = {}
        for name, home, quantity in expected:
            async with house.program(name) as client:
                answer = await client.get(
                    f"{V}/homes/{home}/history", params={"quantity": quantity, "reason": "电话回访"}
                )
                found[name, home, quantity] = answer.status_code
        assert found == expected


async def test_health_of_the_past_wants_a_reason_while_no_case_is_open(capsys):
    """ux 9.4, by each way in: heart, breathing, bed and nights are refused alike; a reason or an open case opens them."""
    import structlog

    structlog.reset_defaults()
    learnt = HomeHabits(
        home="h0317",
        at=NOON,
        habits=[
            Habit(name="pulse", quantity="heart_rate", seen=20, needed=10, resident="r0317", value=61.0),
            Habit(name="morning", quantity="motion", seen=20, needed=10, value="06:50"),
        ],
    )
    days = f"{V}/residents/r0317/days"
    usual = f"{V}/homes/h0317/usual"
    history = f"{V}/homes/h0317/history"
    ways = [
        (days, {}),
        (usual, {}),
        *((history, {"quantity": q}) for q in ("heart_rate", "in_bed", "movement")),
    ]
    async with House(history=FakeHistory()) as house:
        await house.stream.put(HEALTH, "usual.h0317", encode(learnt))
        async with house.program("operator") as desk:
            said = []
            for path, asked in ways:
                answer = await desk.get(path, params={**asked, "reason": "."})
                assert answer.status_code == 403, (path, asked)
                said.append(answer.json())
            assert said[0]["reason"] == "reason_needed"
            assert all(one == said[0] for one in said), "one refusal, in the same words"
            assert (await desk.get(usual, params={"reason": "周阿婆回访"})).json()["items"][0][
                "name"
            ] == "pulse"
            assert (
                await desk.get(history, params={"quantity": "in_bed", "reason": "周阿婆回访"})
            ).status_code == 200
            again = {
                "quantity": "in_bed",
                "reason": " 周阿婆回访\n",
            }  # a second page: within the hour it is one look
            assert (await desk.get(history, params=again)).status_code == 200
            for quantity in ("smoke", "motion", "door_open"):
                assert (await desk.get(history, params={"quantity": quantity})).status_code == 200, quantity
        async with house.program("admin") as client:
            # Whoever may not see it is told so, and not asked why; what is left of the usual is nobody's health.
            refused = await client.get(history, params={"quantity": "heart_rate"})
            assert refused.json()["reason"] == "no_consent"
            assert (await client.get(usual)).json()["withheld"] == 2
        await house.raised(smoke())
        async with house.program("operator") as desk:
            for path, asked in ways[1:]:
                assert (await desk.get(path, params=asked)).status_code == 200, (path, asked)
            # While a case is open nobody is asked, and nothing is kept of it but the log.
            assert (await desk.get(f"{V}/looks")).status_code == 403
        async with house.program("admin") as client:
            assert (await client.get(f"{V}/looks")).status_code == 403, "a reason may hold words about health"
        async with house.program("auditor") as client:
            kept = (await client.get(f"{V}/looks")).json()
            shapes.LookList.model_validate(kept)
            assert sorted((i["name"], i["home"], i["what"], i["reason"]) for i in kept["items"]) == [
                ("陈敏芝", "h0317", "history", "周阿婆回访"),
                ("陈敏芝", "h0317", "usual", "周阿婆回访"),
            ]
            assert (await client.get(f"{V}/looks", params={"home": "h0318"})).json()["items"] == []
    out = capsys.readouterr().out
    assert len(re.findall(r"(?:history|usual)_read .*with_reason=True", out)) == 3
    assert "周阿婆" not in out


async def test_only_a_case_about_somebody_opens_health_data():
    """A battery, a loose belt, a silent home or a task is no reason to read somebody's pulse; what says how they are is."""
    asks = [
        ("TE1", "device:belt-0317", Level.yellow),
        ("TE4", "offline", Level.yellow),
        ("TE4", "offline", Level.red),
        ("VT10_drift", "drift", Level.blue),
        ("VT8", "vitals", Level.blue),
        ("visit", "visit:r0317", Level.blue),
        ("unheard", "something_new", Level.red),
    ]
    opens = [
        (cause, level)
        for cause in ("fire", "gas", "sos", "fall", "vitals", "bed", "wandering", "activity", "door", "away", "water")
        for level in (Level.red, Level.yellow)
    ]  # fmt: skip
    days = f"{V}/residents/r0317/days"
    async with House(history=FakeHistory()) as house, house.program("operator") as desk, house.program("admin") as admin:  # fmt: skip

        async def told(n, code, cause, level):
            alert = await house.raised(smoke(code=code, cause=cause, level=level, n=n, life=False))
            answer = await desk.get(days)
            card = (await admin.get(f"{V}/residents/r0317")).json()
            case = (await admin.get(f"{V}/alerts/{alert}")).json()
            version = case["version"]
            for command, body in (("acknowledge", {}), ("close", CLOSING)):
                done = await desk.post(f"{V}/alerts/{alert}/{command}", json={"version": version, **body})
                assert done.status_code == 200, done.text
                version = done.json()["version"]
            hidden = [card["health_hidden"], case["people"][0]["health_hidden"]]
            return answer.status_code, answer.json().get("reason"), hidden

        for n, (code, cause, level) in enumerate(asks):
            assert await told(n, code, cause, level) == (403, "reason_needed", [True, True]), (cause, level)
            assert (await desk.get(days, params={"reason": "检修床带"})).status_code == 200
        for n, (cause, level) in enumerate(opens, 100):
            assert await told(n, "X1", cause, level) == (200, None, [False, False]), (cause, level)


async def test_the_last_hour_of_a_home_opens_with_a_case_or_a_reason():
    """No case: it asks, and each look is kept. A task opens it without the body; a red or yellow one, a device's too, opens all."""
    path = f"{V}/homes/h0317/strip"
    async with House() as house, house.program("operator") as desk:
        await house.reads(report("belt-0317", NOON, kind="bed_belt", in_bed=True, heart_rate=61))

        async def told(**asked):
            answer = await desk.get(path, params=asked)
            if answer.status_code != 200:
                return answer.status_code, answer.json()["reason"]
            return {r["kind"] for r in answer.json()["rows"]} & {"bed", "vitals"}, answer.json()["inference"]

        whole = ({"bed", "vitals"}, "老人在床，12:06 有信号")
        assert await told(reason=".") == await told() == (403, "reason_needed")
        assert await told(reason="家属来电询问") == whole
        await house.raised(smoke("h0420", device="sos-0420"))
        assert await told() == (403, "reason_needed"), "a case next door is none of this home"
        await house.raised(smoke(code="TE1", cause="device:smoke-0317", level=Level.blue, life=False))
        assert await told() == (set(), "只有任务类告警，未显示卧床数据")
        await house.raised(smoke(code="TE3", cause="device:belt-0317", level=Level.yellow, n=1, life=False))
        assert await told() == whole
        async with house.program("auditor") as client:
            kept = (await client.get(f"{V}/looks")).json()["items"]
            assert [(i["home"], i["what"], i["reason"]) for i in kept] == [("h0317", "strip", "家属来电询问")]
            for asked, found in (
                ({"from": "2026-05-23T04:00:00Z"}, 1), ({"from": "2026-05-23T05:00:00Z"}, 0), ({"to": "2026-05-23T04:00:00Z"}, 0),
                ({"to": "2026-05-23T05:00:00Z", "home": "h0317"}, 1), ({"home": "h0420"}, 0),
            ):  # fmt: skip
                told = (await client.get(f"{V}/looks", params=asked)).json()
                assert (told["total"], len(told["items"])) == (found, found), asked
            past = (await client.get(f"{V}/looks", params={"offset": 1})).json()
            assert (past["total"], past["items"]) == (1, [])


async def test_quarantine_and_unclaimed_are_told_from_the_stream():
    """What was refused and who is not known, counted, without a database."""
    async with House() as house, house.program("operator") as desk:
        for n in range(3):
            r = Refusal(refusal_id=f"q{n}", topic="anxin/v1/h0317/smoke-0317", reason="not_json", sample="{",
                        received_at=NOON + timedelta(seconds=n), home="h0317", device="smoke-0317", alarm=True)  # fmt: skip
            await house.stream.publish(r.subject, encode(r))
        u = Unclaimed(
            topic="zigbee2mqtt/客厅 新设备",
            dialect="zigbee2mqtt",
            received_at=NOON,
            payload='{"smoke":false}',
        )
        known = Unclaimed(topic="anxin/v1/h0317/smoke-0317", dialect="native", received_at=NOON)
        for one in (u, known):
            await house.stream.publish(one.subject, encode(one))
        await asyncio.sleep(0.1)
        items = (await desk.get(f"{V}/quarantine")).json()["items"]
        assert [(i["reason"], i["count"], i["last_at"]) for i in items] == [
            ("not_json", 3, "2026-05-23T04:06:26.000Z")
        ]
        assert [i["topic"] for i in (await desk.get(f"{V}/devices/unclaimed")).json()["items"]] == [u.topic]


async def test_duty_says_how_far_everybody_is_from_a_case():
    """The nearest free responder first, busy ones with their case; coverage names the homes nobody reaches."""
    async with House() as house, house.program("operator") as desk:
        alert = await house.raised(smoke())
        duty = shapes.Duty.model_validate((await desk.get(f"{V}/duty/now", params={"alert": alert})).json())
        assert [d.id for d in duty.desk] == ["s01", "s02"]
        assert duty.nobody is False
        assert duty.responders[0].id == "s07"
        assert duty.responders[0].within is True
        assert duty.responders[0].minutes < duty.responders[1].minutes
        wall = (await desk.get(f"{V}/duty/now", params={"alert": alert, "view": "wall"})).json()
        alike = ("id", "state", "minutes", "within", "location")
        assert [[r[k] for k in alike] for r in wall["responders"]] == [
            [r[k] for k in alike] for r in duty.model_dump(mode="json")["responders"]
        ]
        assert all(r["phone"] is None and len(r["name"]) < 4 for r in wall["responders"]), "a surname"
        case = (await desk.get(f"{V}/alerts/{alert}")).json()
        assert not {"near", "free_near"} & set(case), "who could go is asked here: one order, not two"
        version = case["version"]
        await desk.post(f"{V}/alerts/{alert}/accept", json={"version": version, "by": "s07"})
        busy = (await desk.get(f"{V}/duty/now")).json()["responders"][0]
        assert (busy["state"], busy["doing"]) == ("busy", "准备前往 · 317")
        coverage = (await desk.get(f"{V}/duty/coverage")).json()
        assert {h["home"]: h["within"] for h in coverage["homes"]} == {"h0317": True, "h0420": False}
        assert (coverage["covered"], coverage["total"]) == (1, 2)
        house.clock.set(datetime(2026, 5, 23, 20, tzinfo=UTC))  # 04:00 in the community
        async with house.program("operator") as night:
            assert (await night.get(f"{V}/duty/now")).json()["nobody"] is True


async def test_figures_can_be_recomputed_from_their_cases():
    """No samples is null; an unanswered alarm counts against us as soon as its time is over."""
    async with House() as house, house.program("operator") as desk:
        empty = (await desk.get(f"{V}/kpis")).json()
        assert (empty["ack60"]["value"], empty["ack60"]["n"]) == (None, 0)
        good = await house.raised(smoke())
        house.clock.advance(timedelta(seconds=14))
        await desk.post(f"{V}/alerts/{good}/acknowledge", json={"version": 1})
        await house.raised(smoke("h0420", at=house.clock.now(), device="sos-0420"))
        assert (await desk.get(f"{V}/kpis")).json()["ack60"]["n"] == 1
        house.clock.advance(timedelta(seconds=61))
        figure = (await desk.get(f"{V}/kpis")).json()["ack60"]
        assert (figure["value"], figure["n"], figure["kept"], figure["median_seconds"]) == (50.0, 2, 1, 14.0)
        again = [c["seconds"] is not None and c["seconds"] <= 60 for c in figure["cases"]]
        assert again == [c["kept"] for c in figure["cases"]]
        assert round(100 * sum(again) / len(again), 1) == figure["value"]


async def test_protection_is_told_home_by_home_and_unknown_is_not_fine():
    """A home nobody has judged is not protected; the reason is in words."""
    async with House() as house, house.program("operator") as desk:
        homes = (await desk.get(f"{V}/homes")).json()
        assert homes["protection"] == {"protected": 0, "partly": 0, "not": 2, "total": 2}
        from care.messages import DeviceHealth

        health = HomeHealth(home="h0317", protection="partly", at=NOON,
                            devices=[DeviceHealth(device="smoke-0317", kind="smoke", silent=True, reason="silent")])  # fmt: skip
        await house.stream.put(HEALTH, "home.h0317", encode(health))
        await asyncio.sleep(0.1)
        homes = (await desk.get(f"{V}/homes")).json()
        assert homes["protection"]["partly"] == 1
        line = next(h for h in homes["items"] if h["id"] == "h0317")
        assert (line["protection_words"], line["reasons"]) == ("部分", ["烟感 厨房 失联"])
        devices = (await desk.get(f"{V}/devices")).json()["items"]
        assert next(d for d in devices if d["id"] == "smoke-0317")["reason_words"] == "失联"
        detail = (await desk.get(f"{V}/homes/h0317")).json()
        shapes.HomeDetail.model_validate(detail)
        assert "2580#" not in str(detail)


@pytest.mark.parametrize(
    ("said", "protection", "reason", "words", "held"),
    [
        ([], "not", "nothing", "没有一台设备有消息", set()),
        ([("smoke-0317", {"smoke": False})], "not", "no_call", "求助按钮全部不可用", {"fire"}),
        ([("smoke-0317", {"smoke": False}), ("sos-0317", {"battery": 90})], "partly", "", "床带", {"fire", "call"}),
        ([(d, {q: False}) for d, q in (("smoke-0317", "smoke"), ("sos-0317", "tamper"), ("belt-0317", "in_bed"),
                                       ("door-0317", "door_open"), ("motion-0317", "motion"))],
         "protected", "", None, {"fire", "call", "bed", "door", "movement"}),
    ],
)  # fmt: skip
async def test_the_engines_judgement_of_a_home_is_told_with_its_reason(said, protection, reason, words, held):
    """What the rules found out, in GET /homes and /homes/{home}: the state, why, and which ways to help hold."""
    async with House() as house, house.program("operator") as desk:
        engine = Engine(house.registry, load())
        engine.tick(NOON)
        for device, values in said:
            engine.feed(report(device, kind=house.registry.devices[device][1].kind.value, **values), NOON)
        await house.stream.put(HEALTH, "home.h0317", encode(engine.health("h0317", NOON)))
        await asyncio.sleep(0.1)
        listed = next(h for h in (await desk.get(f"{V}/homes")).json()["items"] if h["id"] == "h0317")
        one = (await desk.get(f"{V}/homes/h0317")).json()
        for home in (listed, one):
            assert (home["protection"], home["reason"]) == (protection, reason)
            assert {p["path"] for p in home["paths"] if p["holds"]} == held
            assert (not home["reasons"]) if words is None else (words in home["reasons"][0])


async def test_a_home_without_a_button_says_so_though_all_its_devices_are_well():
    """Nobody can call from there: not protected, and the one reason is in words."""
    async with House() as house, house.program("operator") as desk:
        health = HomeHealth(
            home="h0420", protection="not", at=NOON, reason="no_call", paths={"call": "not_fitted"}
        )
        await house.stream.put(HEALTH, "home.h0420", encode(health))
        await asyncio.sleep(0.1)
        one = (await desk.get(f"{V}/homes/h0420")).json()
        assert (one["protection"], one["reason"], one["reasons"]) == ("not", "no_call", ["没有求助按钮"])
        assert one["paths"] == [
            {"path": "call", "words": "呼救", "holds": False, "reason": "not_fitted", "device": None}
        ]


async def test_the_strip_shows_the_last_hour_and_says_what_it_means():
    """The reference case's hour: smoke in alarm, the last sign of life in words; unknown stays unknown."""
    async with House() as house, house.program("operator") as desk:
        minute = timedelta(minutes=1)
        await house.reads(
            report("door-0317", NOON - 30 * minute, kind="door", door_open=True),
            report("door-0317", NOON - 29 * minute, kind="door", door_open=False),
            report("motion-0317", NOON - minute, kind="motion", motion=True),
            report("smoke-0317", NOON - 40 * minute, smoke=False),
            report("smoke-0317", NOON - timedelta(seconds=18), smoke=True),
        )
        strip = (await desk.get(f"{V}/homes/h0317/strip", params={"reason": "家属来电询问"})).json()
        shapes.Strip.model_validate(strip)
        assert strip["inference"] == "老人在家，12:05 有活动"
        rows = {r["device"]: r for r in strip["rows"]}
        assert (rows["smoke-0317"]["words"], rows["smoke-0317"]["alarm"]) == ("报警 18 秒", True)
        assert [s["value"] for s in rows["smoke-0317"]["spans"]] == [None, False, True]
        assert rows["belt-0317"]["spans"] == [{"from": strip["from"], "to": strip["to"], "value": None}]
        assert rows["motion-0317"]["ticks"] == ["2026-05-23T04:05:24.000Z"]


async def test_one_page_is_the_whole_interface():
    """/openapi.json is there for everybody, is 3.1, and carries the live events as a webhook."""
    async with House() as house, house.client() as anyone:
        made_in, make = [], house.app.openapi

        def openapi():
            made_in.append(threading.current_thread())
            return make()

        house.app.openapi = openapi
        spec = (await anyone.get("/openapi.json")).json()
        assert made_in, "asked of the application"
        assert threading.main_thread() not in made_in, "a second of work in the loop, and every screen waits"
        assert spec["openapi"].startswith("3.1")
        assert "live" in spec["webhooks"]
        assert set(spec["components"]["schemas"]) >= {
            "Alert",
            "AlertEvent",
            "SnapshotEvent",
            "HeartbeatEvent",
        }
        assert (await anyone.get("/healthz")).status_code == 200
        metrics = await anyone.get("/metrics")
        assert "anxin_api_live_clients" in metrics.text
        assert "anxin_alerts_event_to_screen_seconds" in metrics.text


@pytest.mark.parametrize("path", ["/", "/wall", "/desk", "/login"])
async def test_without_a_built_web_app_a_plain_sentence_stands_there(path, tmp_path):
    """No stack trace, no empty page."""
    async with House(static=tmp_path) as house, house.client() as anyone:
        answer = await anyone.get(path)
        assert answer.status_code == 200
        assert "make web" in answer.text


async def test_a_page_names_what_it_needs_and_text_is_compressed_for_whoever_takes_it(tmp_path):
    """`Link` lists the page's own parts, not what index.html names itself; the same file comes plain or as gzip."""
    (tmp_path / ".vite").mkdir()
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html><title>x</title>")
    (tmp_path / "assets" / "desk-1.js").write_text("export default 1\n" * 200)
    manifest = {
        "index.html": {"file": "assets/index-1.js", "imports": ["_texts.js"]},
        "_texts.js": {"file": "assets/texts-1.js"},
        "_live.js": {"file": "assets/live-1.js", "imports": ["_texts.js"], "css": ["assets/live-1.css"]},
        "src/desk/DeskPage.vue": {"file": "assets/desk-1.js", "imports": ["_live.js", "index.html"]},
    }
    (tmp_path / ".vite" / "manifest.json").write_text(json.dumps(manifest))
    async with House(static=tmp_path) as house, house.client() as anyone:
        assert (await anyone.get("/desk")).headers["link"].split(", ") == [
            "</assets/live-1.css>; rel=preload; as=style",
            "</assets/desk-1.js>; rel=modulepreload",
            "</assets/live-1.js>; rel=modulepreload",
        ]
        assert "link" not in (await anyone.get("/sign-in")).headers
        plain = await anyone.get("/assets/desk-1.js", headers={"Accept-Encoding": "identity"})
        small = await anyone.get("/assets/desk-1.js", headers={"Accept-Encoding": "gzip"})
        assert "content-encoding" not in plain.headers
        assert small.headers["content-encoding"] == "gzip"
        assert int(small.headers["content-length"]) < len(plain.content) / 10
        assert small.content == plain.content
        assert small.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"


async def test_the_door_code_is_told_only_inside_an_open_case_and_only_to_whoever_goes():
    """Before acceptance 403, after it the code, after the end 409; the case itself never carries it."""
    async with House() as house, house.program("responder") as goer, house.browser("operator") as desk:
        alert = await house.raised(smoke())
        me = (await goer.get(f"{V}/session")).json()["staff"]
        version = (await desk.get(f"{V}/alerts/{alert}")).json()["version"]
        sent = await desk.post(f"{V}/alerts/{alert}/dispatch", json={"version": version, "responders": [me]})
        assert (await goer.post(f"{V}/alerts/{alert}/door")).status_code == 403
        gone = await goer.post(f"{V}/alerts/{alert}/accept", json={"version": sent.json()["version"]})
        assert "2580#" not in gone.text
        assert (await goer.post(f"{V}/alerts/{alert}/door")).json() == {"door_code": "2580#"}
        assert (await desk.post(f"{V}/alerts/{alert}/door")).json() == {"door_code": "2580#"}
        end = {"version": gone.json()["version"], **CLOSING}
        assert (await desk.post(f"{V}/alerts/{alert}/close", json=end)).status_code == 200
        assert (await desk.post(f"{V}/alerts/{alert}/door")).status_code == 409


async def test_a_call_to_the_fire_brigade_is_no_call_home():
    """Called within 60 s counts calls to the home or the family: 119 and 120 ask nobody how they are."""
    async with House() as house, house.program("operator") as desk:
        alert = await house.raised(smoke())

        async def act(command, **body):
            version = (await desk.get(f"{V}/alerts/{alert}")).json()["version"]
            answer = await desk.post(f"{V}/alerts/{alert}/{command}", json={"version": version, **body})
            assert answer.status_code == 200, answer.text
            return house.state.picture.rows[alert].called_at

        await act("acknowledge")
        assert await act("call", to="119", result="answered") is None
        assert await act("call", to="home", result="no_answer") is not None
