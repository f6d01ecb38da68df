"""Home-hours over HTTP: shares of all hours, unknown never protected, causes that add up, one sentence when there is no database."""

from datetime import UTC, date, datetime, timedelta

from care.errors import Temporary
from dashboard_api import shapes
from tests.integration.test_api_house import NOON, House, V

HOUR = 3600.0


class Hours:
    """A database of two days: h0317 lost an hour to its smoke detector and two to nobody judging, h0420 one to its belt."""

    away = False

    def __init__(self):
        self.asked = []

    async def ready(self):
        return not self.away

    async def protected_days(self, *, homes, from_day, to_day):
        if self.away:
            raise Temporary("away")
        self.asked.append((sorted(homes), from_day, to_day))
        return [
            (date(2026, 5, 22), "protected", 47 * HOUR),
            (date(2026, 5, 22), "partly", 1 * HOUR),
            (date(2026, 5, 23), "protected", 21 * HOUR),
            (date(2026, 5, 23), "not", 1 * HOUR),
            (date(2026, 5, 23), "unknown", 2 * HOUR),
        ]

    async def protected_causes(self, *, homes, from_day, to_day, limit):
        return [
            ("unknown", "service", 2 * HOUR, 2),
            ("partly", "silent:smoke-0317", 0.5 * HOUR, 1),
            ("not", "silent:smoke-0317", 0.5 * HOUR, 1),
            ("partly", "never_reported:gone-device", 1 * HOUR, 1),
        ]

    async def protected_homes(self, *, homes, from_day, to_day, limit):
        return [("h0317", 33 * HOUR, 0.0, 1 * HOUR, 2 * HOUR), ("left", 0.0, HOUR, 0.0, 0.0)]

    async def protected_known(self, *, from_day, to_day):
        return date(2026, 5, 22), datetime(2026, 5, 23, 4, 0, tzinfo=UTC)


async def told(client, **params):
    answer = await client.get(f"{V}/protection", params=params)
    assert answer.status_code == 200, answer.text
    shapes.ProtectionOverTime.model_validate(answer.json())
    return answer.json()


async def test_the_share_is_of_all_hours_and_each_lost_hour_has_one_cause():
    """68 of 72 hours; two of which nobody knows lower the share as the others do."""
    async with House(history=Hours()) as house, house.program("operator") as desk:
        found = await told(desk)
        assert found["share"] == round(100 * 68 / 72, 2)
        assert found["hours"] == {"protected": 68, "partly": 1, "not": 1, "unknown": 2}
        assert sum(c["home_hours"] for c in found["causes"]) == 4, "all that was lost, once"
        smoke = next(c for c in found["causes"] if c["device"] == "smoke-0317")
        assert (smoke["words"], smoke["words_en"], smoke["label"], smoke["home_hours"]) == (
            "失联",
            "silent",
            "烟感 厨房",
            1.0,
        )
        gone = next(c for c in found["causes"] if c["device"] == "gone-device")
        assert (gone["label"], gone["home"]) == ("gone-device", None)
        assert [(d["day"], d["share"]) for d in found["by_day"]] == [
            ("2026-05-22", 97.92),
            ("2026-05-23", 87.5),
        ]
        assert [h["home"] for h in found["worst"]] == ["h0317"], "who left has no row"
        assert (found["since"], found["as_of"]) == ("2026-05-22", "2026-05-23T04:00:00.000Z")


async def test_a_period_a_grid_and_one_home():
    """Whole days of the community's calendar; a period that ends at midnight does not take the next day along."""
    past = Hours()
    async with House(history=past) as house, house.program("auditor") as client:
        await told(client)
        await told(client, **{"from": "2026-05-21T16:00:00Z", "to": "2026-05-22T16:00:00Z"})
        await told(client, grid="g06-1")
        await told(client, grid="g05", home="h0420")
        assert past.asked == [
            (["h0317", "h0420"], date(2026, 5, 1), date(2026, 5, 23)),
            (["h0317", "h0420"], date(2026, 5, 22), date(2026, 5, 22)),
            (["h0420"], date(2026, 5, 1), date(2026, 5, 23)),
            (["h0420"], date(2026, 5, 1), date(2026, 5, 23)),
        ]
        for params, status in (
            ({"home": "nosuch"}, 404),
            ({"from": "2026-01-01T00:00:00Z"}, 422),
            ({"from": (NOON + timedelta(days=1)).isoformat()}, 422),
        ):
            assert (await client.get(f"{V}/protection", params=params)).status_code == status, params


async def test_without_a_database_nothing_is_made_up():
    """503 with the reason; and families never ask."""
    past = Hours()
    async with House(history=past) as house, house.program("operator") as desk:
        past.away = True
        answer = await desk.get(f"{V}/protection")
        assert (answer.status_code, answer.json()["reason"]) == (503, "history_unavailable")
        async with house.program("family") as family:
            assert (await family.get(f"{V}/protection")).status_code == 403
