"""The rota changed over HTTP: who calls in sick, who stands in, what it would leave empty, and that everybody hears of it."""

import asyncio
from datetime import timedelta

from alerts.rota import rotas
from alerts.rotanews import NoteFate
from alerts.telling import address_of
from alerts.upkeep import Reach
from care.ids import iso
from care.messages import encode
from care.stream import PEOPLE
from tests.integration.test_api_house import NOON, SITE, House, V

CHANGES = f"{V}/duty/changes"
EVENING = "2026-05-23T19:00"
"""On the community's clock; NOON is 12:06 there."""


def sick(staff: str = "s07", *, cover: str | None = None, until: str = EVENING, **more: object) -> dict:
    """A body: somebody is away from now on."""
    return {"away": [{"staff": staff, "until": until, "cover": cover}], "reason": "发烧回家", **more}


async def test_calling_in_sick_with_a_stand_in_counts_at_once_and_is_listed_and_withdrawn():
    """The volunteer stands in for the grid worker: in the duty list, in the week, and for whoever decides elsewhere."""
    async with House() as house, house.program("fang") as desk:
        before = (await desk.get(f"{V}/duty/now")).json()
        assert {r["id"] for r in before["responders"]} == {"s07", "s08"}
        made = await desk.post(CHANGES, json=sick(cover="s08", confirm=True))
        assert made.status_code == 201, made.text
        (item,) = made.json()["items"]
        assert (item["away"][0]["name"], item["away"][0]["cover_name"], item["by"]) == (
            "林国平",
            "何志远",
            "方静",
        )
        assert item["away"][0]["until"] == "2026-05-23T11:00:00.000Z"
        assert item["active"]
        now = (await desk.get(f"{V}/duty/now")).json()
        assert {r["id"] for r in now["responders"]} == {"s08"}
        assert next(m for m in now["micro_grids"] if m["id"] == "g05-2")["on_duty"] == ["s08"]
        week = (await desk.get(f"{V}/duty/week?from=2026-05-23")).json()
        line = next(s for s in week["staff"] if s["id"] == "s07")
        assert not line["on_duty"]
        assert [(a["from"], a["to"], a["cover"]) for a in line["away"]] == [
            (iso(NOON), "2026-05-23T11:00:00.000Z", "何志远")
        ]
        assert [s["to"] for s in line["shifts"] if s["day"] == "2026-05-23"] == [iso(NOON)]
        stands = next(s for s in week["staff"] if s["id"] == "s08")
        assert [s["from"] for s in stands["shifts"] if s["covers"] == "林国平"] == [iso(NOON)]
        async for known in rotas(house.stream):
            assert [c.reason for c in known.values()] == ["发烧回家"]
            break
        house.clock.advance(timedelta(hours=1))
        gone = await desk.post(f"{CHANGES}/{item['id']}/withdraw", json={})
        assert gone.status_code == 200, gone.text
        (kept,) = gone.json()["items"]
        assert (kept["active"], kept["withdrawn_by"]) == (False, "方静")
        back = (await desk.get(f"{V}/duty/now")).json()
        assert {r["id"] for r in back["responders"]} == {"s07", "s08"}
        again = await desk.post(f"{CHANGES}/{item['id']}/withdraw", json={})
        assert again.status_code == 409
        assert (await desk.post(f"{CHANGES}/rota-x/withdraw", json={})).status_code == 404


async def test_a_change_that_leaves_a_hole_is_asked_back_with_its_homes_and_then_listed_within_two_seconds():
    """The last one of a micro-grid: nothing is saved until somebody has read which homes nobody reaches (ux 9.6)."""
    async with House() as house, house.program("fang") as desk:
        covered = (await desk.get(f"{V}/duty/coverage")).json()
        assert next(h for h in covered["homes"] if h["home"] == "h0317")["within"]
        asked = await desk.post(CHANGES, json=sick())
        assert asked.status_code == 409
        problem = asked.json()
        assert problem["reason"] == "opens_hole"
        assert [(g["name"], g["from"], g["to"]) for g in problem["gaps"]] == [
            ("5-2 微网格", iso(NOON), "2026-05-23T11:00:00.000Z")
        ]
        (hole,) = problem["holes"]
        assert (hole["count"], [h["home"] for h in hole["homes"]]) == (1, ["h0317"])
        assert (await desk.get(CHANGES)).json()["items"] == []
        assert (await desk.post(CHANGES, json=sick(confirm=True))).status_code == 201
        async with asyncio.timeout(2):
            while True:
                covered = (await desk.get(f"{V}/duty/coverage")).json()
                if not next(h for h in covered["homes"] if h["home"] == "h0317")["within"]:
                    break
        assert [g["name"] for g in covered["gaps"] if g["from"] == iso(NOON)] == ["5-2 微网格"]


async def test_a_person_who_comes_in_besides_is_there_and_a_swap_is_all_or_nothing():
    """s02 stays for the night. A swap of which one half makes no sense changes nothing."""
    async with House() as house, house.program("fang") as desk:
        night = {
            "besides": [{"staff": "s02", "from": EVENING, "until": "2026-05-24T07:00"}],
            "reason": "夜班缺人",
        }
        made = await desk.post(CHANGES, json=night)
        assert made.status_code == 201, made.text
        house.clock.advance(timedelta(hours=8))
        now = (await desk.get(f"{V}/duty/now")).json()
        assert [p["id"] for p in now["desk"]] == ["s02"]
        half = {
            "away": [
                {"staff": "s07", "from": "2026-05-24T07:00", "until": "2026-05-24T19:00", "cover": "s08"},
                {"staff": "s08", "from": "2026-05-24T20:00", "until": "2026-05-24T22:00", "cover": "s07"},
            ],
            "reason": "换班",
        }
        refused = await desk.post(CHANGES, json=half)
        assert refused.status_code == 422
        assert refused.json()["detail"] == "何志远 这段时间本来就没有班"
        assert len((await desk.get(CHANGES)).json()["items"]) == 1


async def test_only_the_desk_changes_the_rota_and_bad_bodies_are_told_what_is_wrong():
    """The auditor reads; responders, family and doctors do not even that. Times, people and reasons are checked."""
    async with House() as house:
        async with house.program("auditor") as auditor:
            assert (await auditor.get(CHANGES)).status_code == 200
            assert (await auditor.post(CHANGES, json=sick())).status_code == 403
        for name in ("he", "wu", "doctor", "mender"):
            async with house.program(name) as other:
                assert (await other.get(CHANGES)).status_code == 403, name
                assert (await other.post(CHANGES, json=sick(confirm=True))).status_code == 403, name
        async with house.program("fang") as desk:
            for body, word in (
                (sick(until="tomorrow"), "until"),
                (sick(staff="s99"), "s99"),
                (sick(until="2026-05-23T11:00"), "须在开始之后"),
                (sick() | {"reason": ""}, "reason"),
                (sick() | {"away": []}, "没有写明"),
                (sick() | {"owner": "s01"}, "owner"),
                (sick(staff="s01", cover="s10"), "s10"),
            ):
                answer = await desk.post(CHANGES, json=body)
                assert answer.status_code == 422, (body, answer.text)
                assert word in answer.text, (word, answer.text)
            assert (await desk.get(CHANGES)).json()["items"] == []


async def test_a_night_across_the_edge_of_two_weeks_is_whole_in_both():
    """Sunday 19:00 to Monday 07:00: nobody reads a duty that ends or begins at midnight."""
    async with House() as house, house.program("fang") as desk:
        night = {
            "besides": [{"staff": "s02", "from": "2026-05-24T19:00", "until": "2026-05-25T07:00"}],
            "reason": "夜班",
        }
        assert (await desk.post(CHANGES, json=night)).status_code == 201

        async def nights(first: str) -> list[tuple[str, str, str]]:
            week = (await desk.get(f"{V}/duty/week?from={first}")).json()
            mine = next(s for s in week["staff"] if s["id"] == "s02")["shifts"]
            return [(s["day"], s["from"], s["to"]) for s in mine if s["from"] == "2026-05-24T11:00:00.000Z"]

        whole = ("2026-05-24T11:00:00.000Z", "2026-05-24T23:00:00.000Z")
        assert await nights("2026-05-18") == [("2026-05-24", *whole)]
        assert await nights("2026-05-25") == [("2026-05-25", *whole)]
        assert await nights("2026-06-01") == []


async def test_a_step_that_reaches_nobody_is_told_to_every_screen_and_the_week_says_who_can_be_told():
    """No supervisor on duty: step 2 is silent (ux 9.6). The rota says whether messages reach people and when they were last here."""
    async with House() as house, house.program("fang") as desk:
        assert (await desk.get(f"{V}/duty/now")).json()["silent_steps"] == [2]
        # The desk too goes home: the first two steps are silent where nobody of the micro-grid is on duty either.
        house.clock.advance(timedelta(hours=8))
        night = (await desk.get(f"{V}/duty/now")).json()
        assert night["nobody"]
        assert 0 in night["silent_steps"]
        address = address_of("json://127.0.0.1:9900/s07")
        tried = Reach(channel="json", tried_at=NOON, sent=True, verified_at=NOON)
        await house.stream.put(PEOPLE, f"contact.s07.{address}", encode(tried))
        async with asyncio.timeout(5):
            while not house.state.upkeep.upkeep.reach:
                await asyncio.sleep(0.01)
        staff = {s["id"]: s for s in (await desk.get(f"{V}/duty/week")).json()["staff"]}
        assert {p: s["told"] for p, s in staff.items()} == {
            "s01": "untried", "s02": "none", "s07": "verified", "s08": "untried"
        }  # fmt: skip
        assert staff["s01"]["seen_at"] is None
        assert staff["s02"]["seen_at"] is not None


async def test_a_supervisor_who_is_away_is_asked_about_and_who_is_told_instead_is_called_off_duty():
    """The ladder of the page says who is told, that they are off duty, and nobody when all are away."""
    shifts = """
  - {staff: s03, days: daily, from: '07:00', to: '19:00'}
  - {staff: s05, days: daily, from: '19:00', to: '07:00'}"""
    people = """
  - {id: s03, name: 俞永康, role: supervisor}
  - {id: s05, name: 傅丽君, role: supervisor}"""
    text = SITE.replace("\nstaff:", f"\nstaff:{people}").replace("\nshifts:", f"\nshifts:{shifts}")
    async with House(site=text) as house, house.program("fang") as desk:

        async def step():
            (found,) = [s for s in (await desk.get(f"{V}/duty/ahead")).json()["ladder"] if s["step"] == 2]
            return found["everywhere"], found["off_duty"]

        assert await step() == (["俞永康"], [])
        asked = await desk.post(CHANGES, json=sick("s03"))
        assert (asked.status_code, asked.json()["reason"]) == (409, "opens_hole")
        assert [g["name"] for g in asked.json()["gaps"]] == ["值班组长"]
        assert (await desk.post(CHANGES, json=sick("s03", confirm=True))).status_code == 201
        assert await step() == (["傅丽君"], ["傅丽君"])
        gone = sick("s05", until="2026-05-24T07:00", confirm=True)
        assert (await desk.post(CHANGES, json=gone)).status_code == 201
        assert await step() == ([], [])
        assert 2 in (await desk.get(f"{V}/duty/now")).json()["silent_steps"]


ASKS = f"{V}/duty/asks"


async def test_a_responder_asks_from_the_phone_and_the_desk_confirms_what_would_be_empty_first():
    """Own requests only; nothing changes before the desk says so; then it is a change of the rota like any other."""
    async with House() as house, house.browser("responder") as lin, house.browser("operator") as desk:
        said = {"from": "2026-05-23T14:00", "until": EVENING, "reason": "家里有事"}
        made = await lin.post(ASKS, json=said)
        assert made.status_code == 201, made.text
        again = await lin.post(ASKS, json=said)
        (item,) = again.json()["items"]
        assert (item["staff"], item["state"], item["from"]) == ("s07", "open", "2026-05-23T06:00:00.000Z")
        assert {c["id"] for c in again.json()["colleagues"]} == {"s08"}
        assert again.json()["shifts"][0]["to"] == "2026-05-23T11:00:00.000Z"
        assert (await desk.get(CHANGES)).json()["items"] == []
        async with house.browser("he") as other:
            assert (await other.get(ASKS)).json()["items"] == []
            assert (await other.post(f"{ASKS}/{item['id']}/withdraw")).status_code == 404
            assert (await other.post(f"{ASKS}/{item['id']}/confirm", json={})).status_code == 403
        (seen,) = (await desk.get(ASKS)).json()["items"]
        assert (seen["name"], seen["reason"]) == ("林国平", "家里有事")
        hole = await desk.post(f"{ASKS}/{item['id']}/confirm", json={})
        assert (hole.status_code, hole.json()["reason"]) == (409, "opens_hole")
        done = await desk.post(f"{ASKS}/{item['id']}/confirm", json={"confirm": True})
        assert done.status_code == 200, done.text
        assert done.json()["items"][0]["state"] == "confirmed"
        (change,) = (await desk.get(CHANGES)).json()["items"]
        assert (change["away"][0]["staff"], change["reason"]) == ("s07", "家里有事")
        late = await desk.post(f"{ASKS}/{item['id']}/decline", json={})
        assert late.status_code == 409
        back = await lin.post(f"{ASKS}/{item['id']}/withdraw")
        assert back.status_code == 409
        assert (await lin.get(ASKS)).json()["items"][0]["state"] == "confirmed"


async def test_a_swap_is_asked_for_with_the_shift_of_the_other_and_nonsense_is_told():
    """Both are away and stand in for each other; who is not in the rota, a time that is over and half a swap are refused."""
    async with House() as house, house.browser("responder") as lin, house.browser("operator") as desk:
        swap = {"from": "2026-05-24T07:00", "until": "2026-05-24T19:00", "cover": "s08", "reason": "换一天",
                "back_from": "2026-05-25T07:00", "back_until": "2026-05-25T19:00"}  # fmt: skip
        made = await lin.post(ASKS, json=swap)
        assert made.status_code == 201, made.text
        (item,) = made.json()["items"]
        twice = await desk.post(f"{ASKS}/{item['id']}/confirm", json={})
        assert twice.status_code == 409, "each has a shift of their own while they do the other's"
        assert [(d["name"], d["from"], d["to"]) for d in twice.json()["doubles"]] == [
            ("林国平", "2026-05-24T23:00:00.000Z", "2026-05-25T11:00:00.000Z"),
            ("何志远", "2026-05-23T23:00:00.000Z", "2026-05-24T11:00:00.000Z"),
        ]
        assert (await desk.post(f"{ASKS}/{item['id']}/confirm", json={"confirm": True})).status_code == 200
        (change,) = (await desk.get(CHANGES)).json()["items"]
        assert [(a["staff"], a["cover"]) for a in change["away"]] == [("s07", "s08"), ("s08", "s07")]
        for bad in (
            {**swap, "back_until": None},
            {**swap, "cover": "s99"},
            {**swap, "from": "2026-05-20T07:00", "until": "2026-05-20T19:00"},
            {**swap, "reason": ""},
        ):
            refused = await lin.post(ASKS, json=bad)
            assert refused.status_code == 422, bad
        assert (await desk.post(ASKS, json=swap)).status_code == 403
        assert (await lin.post(f"{ASKS}/nothing/withdraw")).status_code == 404


async def test_a_declined_request_says_so_and_what_people_were_told_is_listed():
    """The asker reads it on the phone; the fates of the messages stand beside the change, with whom to ring up."""
    async with House() as house, house.browser("responder") as lin, house.browser("operator") as desk:
        asked = await lin.post(ASKS, json={"until": EVENING, "reason": "看病"})
        (item,) = asked.json()["items"]
        no = await desk.post(f"{ASKS}/{item['id']}/decline", json={"note": "今天缺人"})
        assert no.status_code == 200, no.text
        mine = (await lin.get(ASKS)).json()["items"][0]
        assert (mine["state"], mine["note"], mine["decided_by"]) == ("declined", "今天缺人", "陈敏芝")
        made = await desk.post(CHANGES, json=sick(cover="s08", confirm=True))
        change = made.json()["items"][0]["id"]
        fate = NoteFate(id="n1", about=change, what="set", person="s08", state="no_channel", at=NOON)
        await house.stream.put("people", "rotanote.n1", encode(fate))
        async with asyncio.timeout(5):
            while not (told := (await desk.get(CHANGES)).json()["items"][0]["told"]):
                await asyncio.sleep(0.01)
        assert [(t["person"], t["name"], t["state"]) for t in told] == [("s08", "何志远", "no_channel")]


async def test_who_stands_in_for_another_role_is_asked_about_first():
    """A volunteer at the desk is a question; one responder for another is not."""
    async with House() as house, house.browser("operator") as desk:
        staff = house.state.picture.registry.site.staff
        operator = next(s for s in staff if s.id == "s01")
        volunteer = next(s for s in staff if s.id == "s08")
        away = {
            "staff": operator.id,
            "from": "2026-05-24T07:00",
            "until": "2026-05-24T19:00",
            "cover": volunteer.id,
        }
        body = {"away": [away], "reason": "家里有事"}
        asked = await desk.post(CHANGES, json=body)
        assert (asked.status_code, asked.json()["reason"]) == (409, "opens_hole")
        (other,) = asked.json()["others"]
        assert (other["name"], other["role"], other["for"], other["for_role"]) == (
            volunteer.name, volunteer.role.value, operator.name, "operator",
        )  # fmt: skip
        assert (await desk.get(CHANGES)).json()["items"] == []
        assert (await desk.post(CHANGES, json={**body, "confirm": True})).status_code == 201
        swap = {"away": [{**away, "staff": "s07"}], "reason": "换一天"}
        answer = (await desk.post(CHANGES, json=swap)).json()
        assert answer.get("others", []) == []
