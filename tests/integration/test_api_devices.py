"""One device in full over HTTP: what is known is told with its age, what nobody said is not known."""

import asyncio
from datetime import timedelta

import pytest

from alerts.campaigns import Campaign
from alerts.kept import note_tested
from care.errors import Temporary
from care.messages import DeviceHealth, Firmware, HomeHealth, Report, encode
from care.stream import HEALTH, PEOPLE
from dashboard_api import shapes
from tests.integration.test_api_house import NOON, House, V


class Past:
    """A database of one battery that loses a percent a day, and a signal that fades by two."""

    away = False

    async def ready(self):
        return not self.away

    asked = 0

    async def buckets(self, *, home, quantity, from_at, to_at, device, step):
        self.asked += 1
        if self.away:
            raise Temporary("away")
        value = {"battery": lambda ago: 41.0 + ago, "link_quality": lambda ago: 90.0 + 2 * ago}[quantity]
        midnight = NOON.replace(hour=0, minute=0, second=0)
        if device != "smoke-0317":
            return []
        return [(midnight - timedelta(days=ago), *[value(ago)] * 3, 24) for ago in range(39, -1, -1)]


async def detail(client, device):
    answer = await client.get(f"{V}/devices/{device}")
    assert answer.status_code == 200, answer.text
    shapes.DeviceDetail.model_validate(answer.json())
    return answer.json()


async def test_a_device_nobody_has_heard_is_not_known_in_everything():
    """No battery, no clock, no test, no firmware: each says so, none is blank as if it were fine."""
    async with House() as house, house.program("mender") as mender:
        told = await detail(mender, "smoke-0317")
        assert told["device"]["reason"] == "never_reported"
        assert told["battery"]["state"] == "unavailable"
        assert told["signal"]["state"] == "unavailable"
        assert told["clock"]["state"] == "unknown"
        assert told["test"]["result"] == "unknown"
        assert told["firmware"] is None
        assert told["gateway"] is None
        assert (await detail(mender, "door-0317"))["test"] is None, (
            "a door contact raises no alarm of its own"
        )
        assert (await mender.get(f"{V}/devices/nosuch")).status_code == 404


async def test_battery_and_signal_are_read_from_the_past():
    """A percent a day from 80 to 41: thirty-two days to ten percent, a quarter off. Without a database it is said that nobody can tell."""
    past = Past()
    async with House(history=past) as house, house.program("operator") as desk:
        told = await detail(desk, "smoke-0317")
        battery = told["battery"]
        assert (battery["state"], battery["percent"], battery["a_day"]) == ("falling", 41, -1)
        assert battery["earliest"] == f"{NOON + timedelta(days=24):%Y-%m-%d}"
        assert len(battery["points"]) == 40
        assert (told["signal"]["state"], told["link_quality"]) == ("falling", 90)
        assert (await detail(desk, "sos-0317"))["battery"]["why"] == "none"
        past.away = True
        assert (await detail(desk, "smoke-0317"))["battery"]["state"] == "unavailable"


async def test_every_battery_is_forecast_first_to_be_empty_first():
    """High ones too; low now comes before every date; of which nobody can tell come last and say so; the past is asked once a day; away, nothing is made up."""
    past = Past()
    async with House(history=past) as house, house.program("operator") as desk:
        health = HomeHealth(home="h0317", protection="partly", at=NOON,
                            devices=[DeviceHealth(device="sos-0317", kind="sos", battery=8.0, reason="battery"),
                                     DeviceHealth(device="door-0317", kind="door", battery=90.0),
                                     DeviceHealth(device="smoke-0317", kind="smoke", battery=42.0)])  # fmt: skip
        await house.stream.put(HEALTH, "home.h0317", encode(health))
        await asyncio.sleep(0.1)
        answer = await desk.get(f"{V}/devices/batteries")
        shapes.Batteries.model_validate(answer.json())
        assert [(i["device"]["id"], i["battery"]["state"]) for i in answer.json()["items"]] == [
            ("sos-0317", "empty"),
            ("smoke-0317", "falling"),
            ("door-0317", "unknown"),
        ]
        counts = {name: answer.json()[name] for name in ("total", "dated", "unknown", "pending")}
        assert counts == {"total": 3, "dated": 1, "unknown": 2, "pending": 0}
        asked = past.asked
        again = (await desk.get(f"{V}/devices/batteries", params={"limit": 1})).json()
        assert [i["device"]["id"] for i in again["items"]] == ["sos-0317"]
        assert (again["total"], past.asked) == (3, asked)
        dead = HomeHealth(home="h0317", protection="partly", at=NOON,
                          devices=[DeviceHealth(device="door-0317", kind="door", battery=86.0),
                                   DeviceHealth(device="smoke-0317", kind="smoke", battery=9.0)])  # fmt: skip
        await house.stream.put(HEALTH, "home.h0317", encode(dead))
        await asyncio.sleep(0.1)
        now = (await desk.get(f"{V}/devices/batteries")).json()["items"]
        assert [(i["device"]["id"], i["battery"]["state"], i["battery"]["percent"]) for i in now] == [
            ("smoke-0317", "empty", 9),
            ("door-0317", "unknown", 86),
        ], "what was looked at today is looked at again when it is low"
        battery = (await detail(desk, "smoke-0317"))["battery"]
        assert (battery["state"], battery["percent"]) == ("empty", 9)
    past.away = True
    async with House(history=past) as house, house.program("operator") as desk:
        await house.stream.put(HEALTH, "home.h0317", encode(health))
        await asyncio.sleep(0.1)
        told = (await desk.get(f"{V}/devices/batteries")).json()
        assert {i["battery"]["state"] for i in told["items"]} == {"unavailable"}
        assert told["dated"] == 0


@pytest.mark.parametrize(
    ("delays", "state", "seconds"),
    [
        ([2, 1, 40], "right", 1.0),
        ([125, 121, 300], "off", 121.0),
        ([-3600], "off", -3600.0),
        ([], "no_time", None),
    ],
)
async def test_the_clock_is_told_from_the_least_delay(delays, state, seconds):
    """A queued message comes late and says nothing; the least delay is the clock's own error."""
    async with House() as house, house.program("operator") as desk:
        for n, delay in enumerate(delays or [None]):
            at = NOON + timedelta(minutes=n)
            report = Report(report_id=f"r{n}", home="h0317", device="door-0317", kind="door", at=at, received_at=at,
                            device_at=None if delay is None else at - timedelta(seconds=delay),
                            values={"door_open": False})  # fmt: skip
            await house.stream.publish(report.subject, encode(report))
        await asyncio.sleep(0.1)
        told = (await detail(desk, "door-0317"))["clock"]
        assert (told["state"], told["seconds"]) == (state, seconds)


async def test_the_last_test_has_its_result_and_who_did_it():
    """Rang in earnest, declared by the device, confirmed by a tester, or tried in vain."""
    async with House() as house, house.program("operator") as desk:
        await note_tested(house.stream, "sos-0317", NOON - timedelta(days=9), declared=False)
        await note_tested(house.stream, "smoke-0317", NOON - timedelta(days=2), declared=True)
        await asyncio.sleep(0.1)
        assert [(t["result"], t["how"], t["by"]) for t in [(await detail(desk, d))["test"] for d in ("sos-0317", "smoke-0317")]] == [("passed", "rang", None), ("passed", "declared", None)]  # fmt: skip
        begins = NOON - timedelta(hours=3)
        tried = Campaign(id="c1", tester="s07", devices=("sos-0317", "smoke-0317"), begins=begins, made_at=begins,
                         ends=begins + timedelta(hours=1), by="s01", passed={"sos-0317": begins + timedelta(minutes=5)})  # fmt: skip
        await house.stream.put(PEOPLE, "campaign.c1", encode(tried))
        await asyncio.sleep(0.1)
        sos, smoke = [(await detail(desk, d))["test"] for d in ("sos-0317", "smoke-0317")]
        assert (sos["result"], sos["how"], sos["by"]) == ("passed", "campaign", "林国平")
        assert (smoke["result"], smoke["by"]) == ("not_passed", "林国平"), "it was tried and no alarm came"


async def test_firmware_is_what_was_reported():
    """Build, what waits, and from whom it is known."""
    async with House() as house, house.program("operator") as desk:
        told = Firmware(device="smoke-0317", build="3.0.2", installed="16777241", latest="16777472", pending=True,
                        source="zigbee2mqtt", at=NOON)  # fmt: skip
        await house.stream.put(HEALTH, "firmware.smoke-0317", encode(told))
        await asyncio.sleep(0.1)
        found = (await detail(desk, "smoke-0317"))["firmware"]
        assert (found["version"], found["pending"], found["source"]) == ("3.0.2", True, "zigbee2mqtt")


async def test_who_has_no_business_with_devices_is_refused():
    """Responders and families."""
    async with House() as house:
        for who in ("responder", "family"):
            async with house.program(who) as client:
                for path in ("devices/smoke-0317", "devices/batteries"):
                    assert (await client.get(f"{V}/{path}")).status_code == 403
