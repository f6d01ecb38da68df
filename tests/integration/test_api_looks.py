"""A look at health data: when it began and when it was last; and who may take over a desk."""

from tests.integration.test_api_house import PASSWORD, House, V


async def test_a_look_that_goes_on_keeps_when_it_began():
    """Charts that stay open ask again and again: one record, with the first time and the last."""
    asked = {"reason": "周阿婆回访"}
    async with House() as house, house.program("operator") as desk, house.program("auditor") as auditor:
        await desk.get(f"{V}/homes/h0317/strip", params=asked)
        (once,) = (await auditor.get(f"{V}/looks")).json()["items"]
        assert once["first_at"] == once["at"]
        await house.passes(90)
        await desk.get(f"{V}/homes/h0317/strip", params=asked)
        (twice,) = (await auditor.get(f"{V}/looks")).json()["items"]
        assert (twice["id"], twice["first_at"]) == (once["id"], once["at"])
        assert twice["at"] > once["at"]


async def test_a_desk_is_taken_over_only_by_whoever_may_act():
    """Anybody else is refused, no session is left of it, and whoever sat there is signed in as before."""
    async with House() as house, house.browser("operator") as desk:
        before = len(house.state.people._sessions)
        wanted = {"username": "family", "password": PASSWORD, "to_act": True}
        refused = await desk.post(f"{V}/session", json=wanted)
        assert (refused.status_code, refused.json()["reason"]) == (403, "forbidden")
        assert "set-cookie" not in refused.headers
        assert (await desk.get(f"{V}/session")).json()["user"] == "operator"
        assert len(house.state.people._sessions) == before
        second = await desk.post(f"{V}/session", json={**wanted, "username": "boss"})
        assert second.status_code == 200
