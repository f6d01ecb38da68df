"""A device out of service over HTTP: always with a reason and an end, a second look for what saves lives, who and why kept."""

from datetime import timedelta

import pytest

from care.ids import iso
from care.messages import DeviceHealth, HomeHealth, decode, encode
from care.site import ORDERS, HomeOrders
from care.stream import HEALTH, REGISTRY
from dashboard_api import shapes
from tests.integration.test_api_house import NOON, House, V
from tests.integration.test_api_repairs import until

TOMORROW = iso(NOON + timedelta(days=1))


async def kept(house):
    entry = await house.stream.get(REGISTRY, f"{ORDERS}h0317")
    return decode(entry.data, HomeOrders).out if entry is not None else []


async def test_it_is_taken_out_renewed_and_put_back_with_who_and_why():
    """A renewal ends the first act and is one of its own; what is kept says it all."""
    async with House() as house, house.program("mender") as mender, house.program("operator") as desk:
        body = {"until": TOMORROW, "reason": "换电池"}
        made = await mender.post(f"{V}/devices/door-0317/out", json=body)
        assert made.status_code == 201, made.text
        shapes.OutList.model_validate(made.json())
        (first,) = made.json()["items"]
        assert (first["active"], first["until"], first["reason"]) == (True, TOMORROW, "换电池")
        house.clock.advance(timedelta(hours=3))
        later = iso(NOON + timedelta(days=4))
        renewed = await desk.post(f"{V}/devices/door-0317/out", json={"until": later, "reason": "配件没到"})
        now, before = renewed.json()["items"]
        assert (now["active"], now["reason"], before["active"], before["until"]) == (True, "配件没到", False, iso(NOON + timedelta(hours=3)))  # fmt: skip
        assert before["ended_by"] == now["by"]
        house.clock.advance(timedelta(minutes=1))
        back = await desk.post(f"{V}/devices/door-0317/out/end")
        assert back.status_code == 200
        assert not any(i["active"] for i in back.json()["items"])
        assert [o.reason for o in await kept(house)] == ["换电池", "配件没到"]
        assert all(o.ended_by for o in await kept(house))
        again = await desk.post(f"{V}/devices/door-0317/out/end")
        assert again.status_code == 409
        told = (await desk.get(f"{V}/devices/door-0317")).json()
        shapes.DeviceDetail.model_validate(told)
        assert [o["reason"] for o in told["out"]] == ["配件没到", "换电池"]


@pytest.mark.parametrize("device", ["smoke-0317", "sos-0317"])
async def test_what_saves_lives_is_not_taken_out_without_a_second_look(device):
    """409 says what the home loses, in both languages, and nothing is kept; the same with `confirm` does it."""
    async with House() as house, house.program("operator") as desk:
        body = {"until": TOMORROW, "reason": "误报太多"}
        asked = await desk.post(f"{V}/devices/{device}/out", json=body)
        assert (asked.status_code, asked.json()["reason"]) == (409, "needs_confirmation")
        assert "没有别的设备" in asked.json()["loses"]
        assert "this home" in asked.json()["loses_en"]
        assert await kept(house) == []
        made = await desk.post(f"{V}/devices/{device}/out", json={**body, "confirm": True})
        assert made.status_code == 201
        assert len(await kept(house)) == 1


@pytest.mark.parametrize(
    ("body", "device"),
    [
        ({"until": iso(NOON), "reason": "换电池"}, "door-0317"),
        ({"until": iso(NOON + timedelta(days=7, minutes=1)), "reason": "换电池"}, "door-0317"),
        ({"until": TOMORROW, "reason": " ."}, "door-0317"),
        ({"until": "tomorrow", "reason": "换电池"}, "door-0317"),
        ({"reason": "换电池"}, "door-0317"),
    ],
)
async def test_without_an_end_or_a_reason_it_is_refused(body, device):
    """Never for ever, never longer than a week, never for nothing."""
    async with House() as house, house.program("operator") as desk:
        assert (await desk.post(f"{V}/devices/{device}/out", json=body)).status_code == 422
        assert await kept(house) == []
        assert (await desk.post(f"{V}/devices/nosuch/out", json=body)).status_code in (404, 422)


async def test_only_staff_of_the_centre_and_who_mends_devices_may():
    """Nobody else, however signed in."""
    async with House() as house:
        for who in ("responder", "family", "doctor", "auditor"):
            async with house.program(who) as client:
                answer = await client.post(
                    f"{V}/devices/door-0317/out", json={"until": TOMORROW, "reason": "换电池"}
                )
                assert answer.status_code == 403, who
        assert await kept(house) == []


async def test_homes_and_devices_say_until_when():
    """In words by the community's clock, as a moment, with who; what nothing else guards meanwhile comes first.

    So on the list of homes, on the device, on the home's strip, in the coverage and on the order of whoever mends it.
    """
    async with House() as house, house.program("operator") as desk:
        end = NOON + timedelta(hours=6)
        smoke = DeviceHealth(
            device="smoke-0317", kind="smoke", reason="out_of_service", out_until=end, out_by="s01"
        )
        health = HomeHealth(
            home="h0317",
            protection="partly",
            at=NOON,
            paths={"fire": "out_of_service:smoke-0317"},
            devices=[smoke],
        )
        await house.stream.put(HEALTH, "home.h0317", encode(health))
        await until(lambda: "h0317" in house.state.picture.health)
        home = next(h for h in (await desk.get(f"{V}/homes")).json()["items"] if h["id"] == "h0317")
        why = "火情无设备看护：烟感 厨房 停用至 5 月 23 日 18:06（陈敏芝登记）"
        assert home["reasons"] == [why]
        assert home["reasons_en"] == [
            "nothing guards against fire: smoke detector, kitchen, out of service until 23 May 18:06 (陈敏芝)"
        ]
        assert home["paths"][0]["reason"] == "out_of_service"
        residents = (await desk.get(f"{V}/residents")).json()["items"]
        assert next(r for r in residents if r["home"] == "h0317")["reasons"] == [why]
        device = next(d for d in (await desk.get(f"{V}/devices")).json()["items"] if d["id"] == "smoke-0317")
        assert (device["out_until"], device["out_by"]) == (iso(end), "陈敏芝")
        assert device["reason_words"] == "停用至 5 月 23 日 18:06（陈敏芝登记）"
        rows = (await desk.get(f"{V}/homes/h0317/strip?reason=设备检修")).json()["rows"]
        row = next(r for r in rows if r["device"] == "smoke-0317")
        assert (row["out_until"], row["out_by"], row["words"]) == (iso(end), "陈敏芝", "停用至 5/23 18:06")
        assert [r["out_until"] for r in rows if r["device"] != "smoke-0317"] == [None] * (len(rows) - 1)
        cover = (await desk.get(f"{V}/duty/coverage")).json()["homes"]
        (out,) = next(h for h in cover if h["home"] == "h0317")["out"]
        assert (out["until"], out["by"], out["alone"]) == (iso(end), "陈敏芝", "火情无设备看护")
        assert not any(h["out"] for h in cover if h["home"] != "h0317")
        later = {"at": iso(end + timedelta(minutes=1))}
        ended = (await desk.get(f"{V}/duty/coverage", params=later)).json()["homes"]
        assert not any(h["out"] for h in ended), "it ends by itself"
        wanted = {"home": "h0317", "device": "smoke-0317", "why": "等配件"}
        orders = (await desk.post(f"{V}/repairs", json=wanted)).json()["items"]
        assert [(o["out_until"], o["out_by"]) for o in orders] == [(iso(end), "陈敏芝")]


async def test_a_second_detector_still_guards():
    """Out of service is told, and not that nothing guards the home."""
    async with House() as house, house.program("operator") as desk:
        end = NOON + timedelta(hours=6)
        devices = [
            DeviceHealth(device="smoke-0317", kind="smoke", reason="out_of_service", out_until=end),
            DeviceHealth(device="smoke-2", kind="smoke"),
        ]
        health = HomeHealth(home="h0317", protection="partly", at=NOON, devices=devices)
        await house.stream.put(HEALTH, "home.h0317", encode(health))
        await until(lambda: "h0317" in house.state.picture.health)
        home = next(h for h in (await desk.get(f"{V}/homes")).json()["items"] if h["id"] == "h0317")
        assert home["reasons"] == ["烟感 厨房 停用至 5 月 23 日 18:06"]
