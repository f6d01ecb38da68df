"""Temporary limits of a resident over HTTP: within bounds, by whom, until when; heard by the rules at once."""

from datetime import timedelta

from care.errors import Temporary
from care.ids import iso
from care.messages import Report, decode
from care.site import ORDERS, HomeOrders
from care.stream import REGISTRY
from care.words import Phase
from rules.catalog import load
from rules.engine import Engine
from rules.overrides import Limits
from tests.integration.test_api_house import NOON, House, V
from tests.integration.test_api_trial import Answers

OVERRIDES = f"{V}/residents/r0317/overrides"
TOMORROW = iso(NOON + timedelta(days=1))


def a_house() -> House:
    """With the catalogue's limits."""
    return House(limits=Limits(load()))


def wish(limit: str, value: object, *, until: str = TOMORROW, **more: str) -> dict[str, object]:
    """A body."""
    return {"limit": limit, "value": value, "until": until, "reason": "利尿剂，每晚起夜", **more}


async def in_force(client, parameter: str, rule: str) -> dict:
    """One line of what is in force."""
    answer = await client.get(f"{V}/residents/r0317/rules")
    assert answer.status_code == 200, answer.text
    found = next(r for r in answer.json()["items"] if r["rule"] == rule)
    return next(p for p in found["parameters"] if p["parameter"] == parameter)


async def orders_in(house: House) -> HomeOrders:
    """What the rules hear."""
    entry = await house.stream.get(REGISTRY, f"{ORDERS}h0317")
    assert entry is not None
    assert entry.data is not None
    return decode(entry.data, HomeOrders)


async def test_a_limit_is_set_for_a_while_shown_with_its_source_and_withdrawn():
    """Who, why and until when are listed; withdrawn, the step below counts again and the record stays."""
    async with a_house() as house, house.program("fang") as desk:
        assert (await in_force(desk, "yellow_minutes", "BD1"))["source"]["from"] == "default"
        source = (await in_force(desk, "watch", "BD2"))["source"]
        assert (source["from"], source["word"]) == ("template", "dementia")
        made = await desk.post(OVERRIDES, json=wish("bed_exit_yellow_minutes", 35))
        assert made.status_code == 201, made.text
        (item,) = made.json()["items"]
        assert item["active"]
        assert not item["waits_for_approval"]
        line = await in_force(desk, "yellow_minutes", "BD1")
        assert (line["value"], line["default"]) == (35, 20)
        assert line["source"]["from"] == "override"
        assert line["source"]["reason"] == "利尿剂，每晚起夜"
        assert line["source"]["until"]
        chain = [(step["from"], step["value"]) for step in line["chain"]]
        assert (chain[0], chain[-1]) == (("default", 20), ("override", 35))
        assert all(step["by"] for step in line["chain"])
        assert line["chain"][0]["reason"] == "domain.md 3.3 BD1"
        house.clock.advance(timedelta(hours=2))
        gone = await desk.post(f"{OVERRIDES}/end", json={"limit": "bed_exit_yellow_minutes"})
        assert gone.status_code == 200, gone.text
        (item,) = gone.json()["items"]
        assert not item["active"]
        assert item["ended_by"]
        assert (await in_force(desk, "yellow_minutes", "BD1"))["value"] == 20
        (kept,) = (await orders_in(house)).overrides
        assert (kept.by, kept.ended_by, kept.until) == ("s02", "s02", NOON + timedelta(hours=2))
        again = await desk.post(f"{OVERRIDES}/end", json={"limit": "bed_exit_yellow_minutes"})
        assert again.status_code == 409


async def test_a_limit_is_tried_and_set_in_one_call_and_the_record_keeps_the_result():
    """A preview sets nothing; set with `days`, or after a trial of the same wish, the result stays beside who and why."""
    answers = Answers()
    async with House(limits=Limits(load()), try_rules=answers) as house, house.program("fang") as desk:
        body = wish("bed_exit_yellow_minutes", 35)
        seen = await desk.post(OVERRIDES, json=body | {"preview": True})
        assert (seen.status_code, seen.json()["is_set"], seen.json()["items"]) == (200, False, [])
        assert seen.json()["trial"]["words"]["en"] == "as many alerts in 30 days (0 gained, 0 lost)"
        assert (await in_force(desk, "yellow_minutes", "BD1"))["value"] == 20
        made = await desk.post(OVERRIDES, json=body | {"days": 60})
        assert (made.status_code, made.json()["is_set"], made.json()["second"]) == (201, True, False)
        (item,) = made.json()["items"]
        assert (item["over"], item["replay"]) == (20, {"days": 60.0, "gained": 0, "lost": 0, "missed": 0})
        assert [(a["resident"], a["limits"]) for a in answers.asked] == [
            ("r0317", {"bed_exit_yellow_minutes": 35})
        ] * 2
        # The next trial hears the past with what is in force since.
        await desk.post(
            f"{V}/rules/try", json={"limits": {"bed_exit_yellow_minutes": 25}, "resident": "r0317"}
        )
        orders = answers.asked[-1]["orders"]
        assert [o.value for o in orders.overrides] == [35]
        later = await desk.post(OVERRIDES, json=wish("bed_exit_yellow_minutes", 25))
        kept = next(o for o in later.json()["items"] if o["value"] == 25)
        assert (kept["over"], kept["replay"]["days"]) == (35, 30.0)
        assert (later.json()["trial"], later.json()["untried"]) == (None, None)
        house.clock.advance(timedelta(hours=2))
        stale = await desk.post(OVERRIDES, json=wish("bed_exit_yellow_minutes", 25))
        assert next(o for o in stale.json()["items"] if o["active"])["replay"] is None
        assert [(o.over, o.replay is None) for o in (await orders_in(house)).overrides] == [
            (20, False),
            (35, False),
            (25, True),
        ]


async def test_a_limit_is_set_without_a_past_and_a_preview_is_not():
    """A limit for tonight does not wait for history; whoever only wanted to look is told why there is nothing to see."""
    busy = Answers(Temporary("other trials are running; try again in a minute"))
    async with House(limits=Limits(load()), try_rules=busy) as house, house.program("fang") as desk:
        body = wish("bed_exit_yellow_minutes", 35)
        seen = await desk.post(OVERRIDES, json=body | {"preview": True})
        assert (seen.status_code, seen.json()["reason"]) == (503, "unavailable")
        made = await desk.post(OVERRIDES, json=body | {"days": 30})
        assert (made.status_code, made.json()["is_set"]) == (201, True)
        assert "other trials are running" in made.json()["untried"]
        assert made.json()["items"][0]["replay"] is None


async def test_of_two_of_one_limit_the_one_set_last_is_in_force():
    """Nobody reads two values of one limit as in force at once."""
    async with a_house() as house, house.program("fang") as desk:
        for minutes in (35, 30):
            made = await desk.post(OVERRIDES, json=wish("bed_exit_yellow_minutes", minutes))
            house.clock.advance(timedelta(minutes=1))
        assert {o["value"]: o["active"] for o in made.json()["items"]} == {35: False, 30: True}
        assert (await in_force(desk, "yellow_minutes", "BD1"))["value"] == 30


async def test_it_always_ends_stays_within_its_bounds_and_is_not_for_everybody():
    """No end, a past one, one too far, beyond the hard bounds, an unknown name, and those who may not."""
    async with a_house() as house, house.program("fang") as desk:
        for body in (
            wish("bed_exit_yellow_minutes", 35, until=iso(NOON - timedelta(minutes=1))),
            wish("bed_exit_yellow_minutes", 35, until=iso(NOON + timedelta(days=91))),
            wish("bed_exit_yellow_minutes", 95),
            wish("bed_exit_yellow_minutes", "long"),
            wish("bed_exit_yellow_minutes", 35) | {"reason": ""},
            wish("no_such_limit", 35),
            {"limit": "bed_exit_yellow_minutes", "value": 35, "reason": "x"},
        ):
            answer = await desk.post(OVERRIDES, json=body)
            assert answer.status_code == 422, (body, answer.text)
        far = (await desk.post(OVERRIDES, json=wish("bed_exit_yellow_minutes", 95))).json()
        assert far["detail"] == far["why"]["zh"] == "`bed_exit_yellow_minutes` 95 高于硬性上限 90"
        assert (far["why"]["code"], far["why"]["en"][-20:]) == (
            "above_bound",
            "above the hard bound 90"[-20:],
        )
        # The doctor sets limits of vital signs; the desk may only make them stricter (domain 3.7).
        assert (await desk.post(OVERRIDES, json=wish("heart_rate_high_red", 150))).status_code == 403
        assert (await desk.post(OVERRIDES, json=wish("heart_rate_high_red", 120))).status_code == 201
        async with house.program("doctor") as doctor:
            assert (await doctor.post(OVERRIDES, json=wish("heart_rate_high_red", 150))).status_code == 201
        for stranger in ("wu", "he", "auditor", "mender"):
            async with house.program(stranger) as other:
                answer = await other.post(OVERRIDES, json=wish("bed_exit_yellow_minutes", 35))
                assert answer.status_code == 403, stranger
        assert (await desk.get(f"{V}/residents/nobody/overrides")).status_code == 404
        assert len((await orders_in(house)).overrides) == 2


async def test_loosening_life_safety_takes_two_people_and_a_day():
    """VT7 from 60 to 120 s: it waits, its own setter cannot approve it, another person can; longer than a day never."""
    async with a_house() as house, house.program("doctor") as doctor, house.program("boss") as boss:
        long = wish("vitals_lost_seconds", 120, until=iso(NOON + timedelta(hours=25)))
        assert (await doctor.post(OVERRIDES, json=long)).status_code == 422
        made = await doctor.post(OVERRIDES, json=wish("vitals_lost_seconds", 120))
        assert made.status_code == 201, made.text
        (item,) = made.json()["items"]
        assert item["waits_for_approval"]
        assert not item["active"]
        assert (await in_force(doctor, "hold_seconds", "VT7"))["value"] == 60
        named = {"limit": "vitals_lost_seconds"}
        assert (await doctor.post(f"{OVERRIDES}/approve", json=named)).status_code == 409
        done = await boss.post(f"{OVERRIDES}/approve", json=named)
        assert done.status_code == 200, done.text
        (item,) = done.json()["items"]
        assert item["active"]
        assert item["approved_by"]
        line = await in_force(boss, "hold_seconds", "VT7")
        assert (line["value"], line["source"]["from"]) == (120, "override")
        assert line["source"]["approved_by"]
        house.clock.advance(timedelta(days=1))
        assert (await in_force(boss, "hold_seconds", "VT7"))["value"] == 60


async def test_the_engine_goes_by_it_at_once_and_a_finding_says_whose_limit_it_was():
    """Out of bed at night for six minutes: nothing by the default of twenty, yellow by the five that were set meanwhile."""
    async with a_house() as house, house.program("fang") as desk:
        engine = Engine(house.registry, load())
        belt = next(d.id for d in house.registry.homes["h0317"].devices if d.kind == "bed_belt")
        night = NOON.replace(hour=15)  # 23:00 in Ningbo

        def says(minutes: float, in_bed: bool) -> list:
            at = night + timedelta(minutes=minutes)
            report = Report(
                report_id=str(minutes), home="h0317", device=belt, kind="bed_belt", at=at, received_at=at,
                device_at=at, values={"in_bed": in_bed},
            )  # fmt: skip
            return engine.tick(at) + engine.feed(report, at)

        said = [f for n in range(31) for f in says(n, True)] + says(31, False)
        house.clock.advance(night + timedelta(minutes=32) - NOON)
        later = iso(night + timedelta(days=1))
        made = await desk.post(OVERRIDES, json=wish("bed_exit_yellow_minutes", 5, until=later))
        assert made.status_code == 201, made.text
        said += engine.order(await orders_in(house), night + timedelta(minutes=32))
        said += [f for n in (33, 34, 35, 36, 37) for f in says(n, False)]
        (found,) = [f for f in said if f.code == "BD1"]
        assert (found.phase, found.at) == (Phase.opened, night + timedelta(minutes=36))
        assert found.parameters["yellow_minutes"] == 5
        assert found.sources["yellow_minutes"]["from"] == "override"
        assert found.sources["yellow_minutes"]["by"] == "s02"
        assert "red_minutes" not in found.sources
