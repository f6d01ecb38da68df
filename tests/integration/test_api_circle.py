"""Around the alarm by HTTP: handing over, the welfare list, coverage at another moment, figures with their cases."""

import json
from datetime import timedelta

from care.ids import iso
from care.words import Level
from dashboard_api import present, redact
from tests.integration.test_api_house import CLOSING, SITE, House, V, smoke
from tests.private import tells


async def acts(client, alert, command, **body):
    """One command with the version that is current."""
    version = (await client.get(f"{V}/alerts/{alert}")).json()["version"]
    return await client.post(f"{V}/alerts/{alert}/{command}", json={"version": version, **body})


async def test_a_case_is_handed_over_to_another_desk_and_only_by_whom_it_belongs_to():
    """The owner gives it away; not to nobody, not to oneself, not by somebody who does not have it."""
    async with House() as house, house.browser("operator") as chen, house.browser("fang") as fang:
        alert = await house.raised(smoke())
        assert (await acts(chen, alert, "acknowledge")).status_code == 200
        theirs = await acts(fang, alert, "hand_over", to="s02")
        assert (theirs.status_code, theirs.json()["reason"]) == (422, "bad_field")
        others = await acts(fang, alert, "hand_over", to="s01")
        assert (others.status_code, others.json()["reason"]) == (409, "not_yours")
        nobody = await acts(chen, alert, "hand_over")
        assert (nobody.status_code, nobody.json()["fields"]) == (422, ["to"])
        given = await acts(chen, alert, "hand_over", to="s02", note="我换班")
        assert given.status_code == 200, given.text
        assert given.json()["owner"]["id"] == "s02"
        events = (await chen.get(f"{V}/alerts/{alert}/events")).json()["items"]
        assert [e["type"] for e in events][-1] == "handed_over"


async def test_who_is_at_the_door_leaves_only_when_somebody_else_has_it():
    """The task goes to the one who comes, with the place at the door; the first is free and no longer leads."""
    async with House() as house, house.browser("operator") as desk, house.browser("responder") as lin:
        alert = await house.raised(smoke())
        await acts(desk, alert, "dispatch", responders=["s07"])
        for command in ("accept", "depart", "arrive"):
            assert (await acts(lin, alert, command)).status_code == 200
        there = await acts(lin, alert, "decline")
        assert there.status_code in (409, 422), "nobody leaves before it is handed over"
        given = await acts(lin, alert, "hand_over", to="s08")
        assert given.status_code == 200, given.text
        seen = (await desk.get(f"{V}/alerts/{alert}")).json()
        states = {r["id"]: r["state"] for r in seen["responders"]}
        assert (states["s07"], states["s08"]) == ("left", "arrived")
        assert seen["state"] == "attended"


async def test_handed_over_to_somebody_on_the_way_no_screen_says_that_anybody_is_there():
    """Desk, wall, the phone of whoever comes, and the family, in both languages; they are there when they say so."""
    async with (
        House() as house,
        house.browser("operator") as desk,
        house.browser("responder") as lin,
        house.program("family") as daughter,
    ):
        alert = await house.raised(smoke())
        await acts(desk, alert, "dispatch", responders=["s07", "s08"])
        for command in ("accept", "depart", "arrive"):
            await acts(lin, alert, command)
            if command != "arrive":
                await acts(desk, alert, command, by="s08")

        async def family() -> tuple[str, str]:
            page = (await daughter.get(f"{V}/family")).json()
            return page["words"], page["words_en"]

        assert (await family())[0] == "工作人员已到家中"
        assert (await acts(lin, alert, "hand_over", to="s08")).status_code == 200
        case = house.state.picture.cases[alert]
        for viewer in (redact.Viewer("wall"), redact.Viewer("responder", person="s08")):
            seen = house.state.alert_for(case, viewer)
            assert seen is not None
            assert (seen["state"], seen["state_words"]) == ("dispatched", "现场没有人，等接手的人到")
        own = (await desk.get(f"{V}/alerts/{alert}")).json()
        assert (own["state"], own["state_words_en"]) == ("dispatched", "Nobody there until the next arrives")
        assert await family() == (
            "到过的工作人员已离开，接手的人正在上门",
            "Whoever was at the home has left; somebody else is on their way",
        )
        await acts(desk, alert, "decline", by="s08")
        assert await family() == (
            "到过的工作人员已离开，社区正在安排人接手",
            "Whoever was at the home has left; the community team is finding somebody else",
        )


async def test_who_can_only_be_rung_up_is_told_apart_before_and_after_they_are_sent():
    """Nobody sends a message into nothing: the list of candidates, the case, its timeline and the ladder all say so."""
    text = SITE.replace('notify: ["json://127.0.0.1:9900/s07"]', 'phone: "13900000007"')
    assert text != SITE
    async with House(site=text) as house, house.browser("operator") as desk:
        alert = await house.raised(smoke())
        near = (await desk.get(f"{V}/duty/now", params={"alert": alert})).json()["responders"]
        known = {r["id"]: (r["reachable"], r["phone"]) for r in near}
        assert known["s07"] == (False, "13900000007")
        assert (await acts(desk, alert, "dispatch", responders=["s07", "s08"])).status_code == 200
        seen = (await desk.get(f"{V}/alerts/{alert}")).json()
        told = {r["id"]: (r["told"], r.get("phone")) for r in seen["responders"]}
        assert told == {"s07": ("no_channel", "13900000007"), "s08": ("waiting", None)}
        events = (await desk.get(f"{V}/alerts/{alert}/events")).json()["items"]
        (sent,) = [e["words"] for e in events if e["type"] == "dispatched"]
        assert "林国平 没有可用的消息通道，请打电话" in sent
        await house.passes(61)
        seen = (await desk.get(f"{V}/alerts/{alert}")).json()
        assert seen["step"] > 0, "nobody said yes: the ladder goes on"


async def test_the_homes_of_an_outage_are_looked_after_one_by_one():
    """Each home of the list once; the last word counts; a home that is not on it, and a word that is none, are refused."""
    async with House() as house, house.browser("operator") as desk:
        alert = await house.raised(
            smoke(
                code="AR1",
                cause="area",
                level=Level.yellow,
                device=None,
                life=False,
                evidence=[],
                parameters={"homes": ["h0317", "h0420"]},
            )
        )
        strange = await acts(desk, alert, "check", to="h9999", result="safe")
        assert (strange.status_code, strange.json()["reason"]) == (422, "not_on_list")
        wrong = await acts(desk, alert, "check", to="h0317", result="asleep")
        assert (wrong.status_code, wrong.json()["fields"]) == (422, ["result"])
        assert (await acts(desk, alert, "check", to="h0317", result="no_answer")).status_code == 200
        stale = await desk.post(
            f"{V}/alerts/{alert}/check", json={"version": 1, "to": "h0420", "result": "safe"}
        )
        assert stale.status_code == 200, "what was seen conflicts with nothing"
        done = await acts(desk, alert, "check", to="h0317", result="safe")
        events = [
            e
            for e in (await desk.get(f"{V}/alerts/{alert}/events")).json()["items"]
            if e["type"] == "checked"
        ]
        assert (done.status_code, len(events)) == (200, 3)
        checks = {c.home: c.result for c in house.state.picture.cases[alert].alert.checks}
        assert checks == {"h0317": "safe", "h0420": "safe"}


async def test_whoever_goes_for_an_area_is_told_to_which_doors_and_of_nobody_else():
    """Desk and phone name what the homes have in common, not the one the case is kept under; a passer-by hears only where."""
    async with House() as house, house.browser("operator") as desk, house.browser("responder") as lin:
        site = house.state.picture.registry
        homes = ["h0317", "h0420"]
        own = await house.raised(smoke("h0420", device="sos-0420"))
        alert = await house.raised(
            smoke(code="TE5", cause="area", pictogram="device", level=Level.red, device=None, resident=None, life=False,
                  evidence=[], parameters={"homes": homes})
        )  # fmt: skip
        seen = (await desk.get(f"{V}/alerts/{alert}")).json()
        wanted = len({site.homes[h].building or present.building_of(site.homes[h]) for h in homes})
        assert (seen["people"], seen["contacts"], seen["place"]["buildings"]) == ([], [], wanted)
        for key in ("unit_room", "address", "floor", "key", "door_code", "phone"):
            assert not seen["place"].get(key), key
        assert [one["id"] for one in seen["related"]] == [own], "an open case of any of its homes"
        near = (await desk.get(f"{V}/duty/now", params={"alert": alert})).json()["responders"]
        assert all(r.get("minutes") is None for r in near) == (wanted > 1), "no way leads to several places"
        own_way = (await desk.get(f"{V}/duty/now", params={"alert": own})).json()["responders"]
        assert any(r.get("minutes") is not None for r in own_way)
        await acts(desk, alert, "dispatch", responders=["s07"])
        offered = (await lin.get(f"{V}/alerts/{alert}")).json()
        assert not offered.get("welfare")
        assert offered["place"]["estate_building"]
        assert (offered["title"], offered["homes"]) == (seen["title"], 2), (
            "it names nobody and says what is asked"
        )
        for word in ("周阿婆", "吴建国", "402", "301", "07 号柜", "失智"):
            assert not tells(word, json.dumps(offered, ensure_ascii=False))
        assert (await acts(lin, alert, "accept")).status_code == 200
        going = (await lin.get(f"{V}/alerts/{alert}")).json()
        told = {one["home"]: (one["address"], one["phone"]) for one in going["welfare"]}
        assert told == {h: (site.homes[h].address, site.homes[h].phone or None) for h in homes}
        assert (going["people"], going["contacts"]) == ([], [])
        (zhou, wu) = (next(one for one in going["welfare"] if one["home"] == h) for h in homes)
        assert (zhou["key"], wu["key"]) == ("邻里中心 07 号柜", None)
        assert (zhou["door_code"], wu["door_code"]) == (True, False)
        assert "2580#" not in json.dumps(going)
        door = f"{V}/alerts/{alert}/door"
        assert (await lin.post(door, params={"home": "h0317"})).json() == {"door_code": "2580#"}
        assert (await lin.post(door, params={"home": "h0420"})).json() == {"door_code": ""}
        strange = await lin.post(door, params={"home": "h9"})
        assert (strange.status_code, strange.json()["reason"]) == (404, "unknown_home")
        assert {t["word"] for t in zhou["tags"]} == {"失智", "听力下降，多等铃"}
        assert all(tag["strong"] for tag in (*zhou["tags"], *wu["tags"]))
        for user, words in (("operator", {"失智", "听力下降，多等铃"}), ("admin", set()), ("auditor", set())):
            async with house.program(user) as reader:
                rows = (await reader.get(f"{V}/alerts/{alert}")).json()["welfare"]
                row = next(one for one in rows if one["home"] == "h0317")
                assert {t["word"] for t in row["tags"]} == words, user
                assert (row["key"] is None, not row["door_code"]) == (user == "auditor",) * 2
        assert (await acts(lin, alert, "check", to="h0420", result="safe")).status_code == 200
        seen = (await desk.get(f"{V}/alerts/{alert}")).json()
        assert {one["home"]: (one["result"], one["by"]) for one in seen["welfare"]}["h0420"] == (
            "safe",
            "s07",
        )
        for user, place in (("operator", site.homes["h0420"].address), ("auditor", "h0420")):
            async with house.program(user) as reader:
                told = (await reader.get(f"{V}/alerts/{alert}/events")).json()["items"]
            assert next(i["words"] for i in told if i["type"] == "checked") == f"林国平 核实 {place}：平安"


async def test_every_home_of_an_area_says_on_its_own_pages_that_it_is_in_it():
    """Not only the one it is kept under: card, list and home. It is about a network and opens nobody's health data."""
    async with House() as house, house.browser("operator") as desk, house.program("admin") as admin:
        alert = await house.raised(
            smoke(code="TE5", cause="area", pictogram="device", level=Level.red, device=None, resident=None, life=False,
                  evidence=[], parameters={"homes": ["h0317", "h0420"]})
        )  # fmt: skip
        resident = house.state.picture.registry.homes["h0420"].residents[0].id
        card = (await desk.get(f"{V}/residents/{resident}")).json()
        assert (card["open"], card["open_alerts"]) == ([alert], 1)
        assert [(c["title"], c["count"]) for c in card["causes"]] == [("厨房烟感报警", 1)]
        listed = {r["home"]: r["open_alerts"] for r in (await desk.get(f"{V}/residents")).json()["items"]}
        homes = {h["id"]: h["open_alerts"] for h in (await desk.get(f"{V}/homes")).json()["items"]}
        assert {h for h, n in listed.items() if n} == {h for h, n in homes.items() if n} == {"h0317", "h0420"}
        assert (await desk.get(f"{V}/homes/h0420")).json()["alerts"] == [alert]
        found = (await desk.get(f"{V}/alerts", params={"home": "h0420"})).json()["items"]
        assert [one["id"] for one in found] == [alert]
        asked = [await desk.get(f"{V}/residents/{resident}/days"), await desk.get(f"{V}/homes/h0420/strip")]
        assert [a.json()["reason"] for a in asked] == ["reason_needed"] * 2
        assert (await admin.get(f"{V}/residents/{resident}")).json()["health_hidden"]


async def test_a_relative_reads_of_every_open_case_and_of_the_gravest_first():
    """A power cut that comes after the smoke does not hide it: the sentence is about the smoke, both have their steps."""
    async with House() as house, house.browser("operator") as desk, house.program("family") as zhou:
        fire = await house.raised(smoke())
        await acts(desk, fire, "acknowledge")
        house.clock.advance(timedelta(minutes=2))
        cut = await house.raised(
            smoke(code="TE5", cause="area", pictogram="device", level=Level.red, device=None, resident=None, life=False,
                  evidence=[], parameters={"homes": ["h0317", "h0420"]}, at=house.clock.now())
        )  # fmt: skip
        page = (await zhou.get(f"{V}/family")).json()
        assert [one["id"] for one in page["cases"]] == [fire, cut]
        assert page["words"] == page["cases"][0]["state_words"]
        assert "已接警" in page["words"]


async def test_each_family_of_an_area_hears_how_it_is_in_their_own_home():
    """Every home of the list, live and by request, by its own check; nobody is said to be there who arrived at another's."""
    agreed = SITE.replace("consent: {vitals: [doctor]}", "consent: {vitals: [doctor], family: [status]}")
    assert agreed != SITE
    async with (
        House(site=agreed) as house,
        house.browser("operator") as desk,
        house.browser("responder") as lin,
        house.program("family") as zhou,
        house.program("wu") as wu,
    ):
        cut, reaching = "家里的安全设备断线（停电或断网），社区正在逐户联系", "社区正在联系老人"
        alert = await house.raised(
            smoke(code="TE5", cause="area", pictogram="device", level=Level.red, device=None, resident=None, life=False,
                  evidence=[], parameters={"homes": ["h0317", "h0420"]})
        )  # fmt: skip

        async def hears(relative, home):
            page = (await relative.get(f"{V}/family")).json()
            (case,) = page["cases"]
            (listed,) = (await relative.get(f"{V}/alerts")).json()["items"] or [case]
            assert listed["home"] == case["home"] == home
            assert listed["state_words"] == case["state_words"]
            return page["words"], page["words_en"], [s["words"] for s in case["steps"] if s["at"]]

        for relative, home in ((zhou, "h0317"), (wu, "h0420")):
            assert (await hears(relative, home))[0] == cut
        await acts(desk, alert, "dispatch", responders=["s07"])
        for command in ("accept", "depart", "arrive"):
            assert (await acts(lin, alert, command)).status_code == 200
        for relative, home in ((zhou, "h0317"), (wu, "h0420")):
            words, english, steps = await hears(relative, home)
            assert (words, steps) == (cut, ["接警"])
            assert english.startswith("The safety devices at home are cut off")
        await acts(lin, alert, "check", to="h0317", result="safe")
        await acts(lin, alert, "check", to="h0420", result="no_answer")
        assert (await hears(zhou, "h0317"))[0].endswith("，社区已联系上老人，平安")
        assert (await hears(zhou, "h0317"))[2] == ["接警", "已联系上老人，平安"]
        assert (await hears(wu, "h0420"))[0].endswith(reaching)
        await acts(lin, alert, "check", to="h0420", result="visit")
        words, english, _ = await hears(wu, "h0420")
        assert words.endswith("社区正安排人上门看望")
        assert english.endswith("sending somebody to look in")
        assert (await acts(desk, alert, "close", **{**CLOSING, "outcome": "O3"})).status_code == 200
        for relative, home, ended in (
            (zhou, "h0317", "刚才的设备断线已处理：平安"),
            (wu, "h0420", "刚才的设备断线已处理"),
        ):
            words, _, steps = await hears(relative, home)
            assert words.split("。")[0] == ended
            assert steps[-1] == "已结束"


async def test_coverage_is_told_for_a_later_moment_of_the_rota():
    """At noon a responder is near; at night, when nobody has a shift, nobody is; the past and next month are refused."""
    async with House() as house, house.browser("operator") as desk:
        now = house.clock.now()

        async def within(**query):
            answer = (await desk.get(f"{V}/duty/coverage", params=query)).json()
            return {h["home"]: h["within"] for h in answer["homes"]}

        assert (await within())["h0317"] is True
        assert (await within(at=iso(now + timedelta(hours=24))))["h0317"] is True
        assert (await within(at=iso(now + timedelta(hours=10))))["h0317"] is False
        for at in (
            iso(now - timedelta(hours=1)),
            iso(now + timedelta(days=15)),
            "tomorrow",
            "2026-05-23T10:00:00",
        ):
            refused = await desk.get(f"{V}/duty/coverage", params={"at": at})
            assert (refused.status_code, refused.json()["fields"]) == (422, ["at"]), at


async def test_figures_name_promises_loads_and_the_rules_that_were_right():
    """One case from alarm to close by hand: its promise against its way, its desk, its verdict, each with its number."""
    async with House() as house, house.browser("operator") as desk, house.browser("responder") as lin:
        alert = await house.raised(smoke())
        house.clock.advance(timedelta(seconds=20))
        await acts(desk, alert, "dispatch", responders=["s07"])
        await acts(lin, alert, "accept")
        house.clock.advance(timedelta(minutes=4))
        await acts(lin, alert, "arrive")
        assert (await acts(desk, alert, "close", **CLOSING)).status_code == 200
        await house.settled()
        house.clock.advance(timedelta(minutes=1))
        kpis = (await desk.get(f"{V}/kpis")).json()
        (promise,) = kpis["promises"]["cases"]
        assert (promise["number"], promise["real_seconds"]) == (317, 240.0)
        assert kpis["promises"]["n"] == 1
        (rule,) = kpis["by_rule"]
        assert (rule["code"], rule["avoidable"], rule["precision"], rule["cases"]) == ("SM1", 1, 0.0, [317])
        assert {d["desk"]: d["n"] for d in kpis["load"]["desks"]}["s01"] == 1
        assert kpis["load"]["flood_line"] == 10
        empty = (await desk.get(f"{V}/kpis", params={"from": iso(house.clock.now())})).json()
        assert (empty["promises"]["n"], empty["by_rule"]) == (0, [])
        backwards = await desk.get(
            f"{V}/kpis",
            params={"from": iso(house.clock.now()), "to": iso(house.clock.now() - timedelta(days=1))},
        )
        assert (backwards.status_code, backwards.json()["fields"]) == (422, ["from", "to"])
