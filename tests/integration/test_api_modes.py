"""Modes of a home over HTTP: always with an end, who and why; heard by the rules at once."""

from datetime import timedelta

from structlog.testing import capture_logs

from care.ids import iso
from care.messages import decode
from care.site import ORDERS, HomeOrders
from care.stream import REGISTRY
from tests.integration.test_api_house import NOON, House, V


async def test_a_mode_is_set_listed_and_ended_with_who_and_why():
    """What is kept says who set it, why, until when, and who ended it."""
    async with House() as house, house.program("fang") as desk:
        until = iso(NOON + timedelta(days=3))
        made = await desk.post(
            f"{V}/homes/h0317/modes", json={"mode": "hospital", "until": until, "reason": "女儿来电：住院"}
        )
        assert made.status_code == 201, made.text
        (mode,) = made.json()["items"]
        assert (mode["mode"], mode["until"], mode["reason"]) == ("hospital", until, "女儿来电：住院")
        assert mode["active"]
        assert mode["by"]
        assert mode["source"] == "desk"
        house.clock.advance(timedelta(hours=5))
        ended = await desk.post(f"{V}/homes/h0317/modes/end", json={"mode": "hospital"})
        assert ended.status_code == 200, ended.text
        (mode,) = ended.json()["items"]
        assert not mode["active"]
        assert mode["ended_by"]
        entry = await house.stream.get(REGISTRY, f"{ORDERS}h0317")
        assert entry is not None
        assert entry.data is not None
        (kept,) = decode(entry.data, HomeOrders).modes
        assert kept.ended
        assert kept.until == NOON + timedelta(hours=5)
        again = await desk.post(f"{V}/homes/h0317/modes/end", json={"mode": "hospital"})
        assert again.status_code == 409


async def test_a_mode_without_a_near_end_is_refused_and_so_are_strangers():
    """Fourteen days at most, never in the past, never by a responder or the family."""
    async with House() as house, house.program("fang") as desk:
        for until in (NOON + timedelta(days=15), NOON - timedelta(hours=1)):
            answer = await desk.post(
                f"{V}/homes/h0317/modes", json={"mode": "away", "until": iso(until), "reason": "x"}
            )
            assert answer.status_code == 422, answer.text
        assert (await desk.get(f"{V}/homes/nowhere/modes")).status_code == 404
        async with house.program("wu") as family:
            answer = await family.post(
                f"{V}/homes/h0317/modes",
                json={"mode": "away", "until": iso(NOON + timedelta(days=1)), "reason": "x"},
            )
            assert answer.status_code == 403
        assert (await house.stream.get(REGISTRY, f"{ORDERS}h0317")) is None


async def test_why_somebody_is_away_is_read_by_whoever_may_note_it_and_by_nobody_who_only_goes():
    """「髋部骨折住院」 is nothing for every volunteer with a phone; each look is logged."""
    async with House() as house, house.browser("operator") as desk:
        path = f"{V}/homes/h0317/modes"
        with capture_logs() as logs:
            assert (await desk.get(path)).status_code == 200
        assert [e["home"] for e in logs if e["event"] == "modes_read"] == ["h0317"]
        for user in ("responder", "drifter", "family", "mender"):
            async with house.program(user) as other:
                assert (await other.get(path)).status_code == 403, user
