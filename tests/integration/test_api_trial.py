"""`POST /api/v1/rules/try`: who may, what is asked of the backtest, and how it says no."""

from datetime import timedelta
from typing import Any

import pytest

from care.errors import Misconfigured, Reason, Refused, Temporary
from dashboard_api.access import V
from rules.catalog import load
from rules.trial import Change, weigh
from tests.integration.test_api_house import NOON, House

LIMITS = {"bed_exit_yellow_minutes": 25}


class Answers:
    """Takes the place of the backtest: remembers what it was asked."""

    def __init__(self, error: Exception | None = None) -> None:
        self.asked: list[dict[str, Any]] = []
        self.error = error

    async def __call__(self, **wish: Any) -> dict[str, Any]:
        self.asked.append(wish)
        if self.error is not None:
            raise self.error
        book = load()
        change = Change(wish["site"], book, wish["site"], book)
        return weigh(change, [], wish["begin"], wish["end"])


async def test_a_doctor_tries_one_residents_limit_over_sixty_days():
    """What is asked is what is tried; the answer is the contract's shape."""
    answers = Answers()
    async with House(try_rules=answers) as house, house.program("doctor") as client:
        answer = await client.post(f"{V}/rules/try", json={"limits": LIMITS, "resident": "r0317", "days": 60})
        assert answer.status_code == 200, answer.text
        assert answer.json()["words"]["en"] == "as many alerts in 60 days (0 gained, 0 lost)"
    (asked,) = answers.asked
    assert (asked["resident"], asked["limits"], asked["rules"]) == ("r0317", LIMITS, None)
    assert (asked["begin"], asked["end"]) == (NOON - timedelta(days=60), NOON)


@pytest.mark.parametrize("who", ["responder", "family", "auditor", "mender"])
async def test_others_may_not(who: str):
    """The people on the way, families, auditors and maintenance try nothing."""
    answers = Answers()
    async with House(try_rules=answers) as house, house.program(who) as client:
        answer = await client.post(f"{V}/rules/try", json={"limits": LIMITS})
        assert answer.status_code == 403
    assert answers.asked == []


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ({}, 422, "invalid"),
        ({"limits": LIMITS, "resident": "r9"}, 404, "unknown_resident"),
        ({"limits": LIMITS, "days": 400}, 422, "invalid"),
        ({"limits": LIMITS, "from": "2026-01-01T00:00:00Z", "to": "2026-05-20T00:00:00Z"}, 422, "invalid"),
        ({"limits": LIMITS, "from": "2026-05-21T00:00:00Z", "to": "2026-05-20T00:00:00Z"}, 422, "invalid"),
        ({"limits": {"x" * 10: {"y": 1}}}, 422, "invalid"),
        ({"rules": "x" * 70_000}, 413, "body_too_large"),
        ({"rules": "version: 1", "level": "red"}, 422, "invalid"),
    ],
)
async def test_what_cannot_be_asked_is_refused(body: dict[str, Any], status: int, reason: str):
    """Nothing changed, nobody of that name, too long, backwards, too large, unknown fields."""
    answers = Answers()
    async with House(try_rules=answers) as house, house.program("operator") as client:
        answer = await client.post(f"{V}/rules/try", json=body)
        assert (answer.status_code, answer.json()["reason"]) == (status, reason), answer.text
    assert answers.asked == []


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (Misconfigured("limit `x`: 9 is above the hard bound 5"), 422, "invalid"),
        (Refused(Reason.too_large, "more than 6 readings"), 413, "too_much"),
        (Temporary("other trials are running"), 503, "unavailable"),
    ],
)
async def test_what_cannot_be_tried_is_said_in_a_sentence(error: Exception, status: int, reason: str):
    """Outside the bounds, too much, or busy: each has its own answer, and the sentence says which."""
    async with House(try_rules=Answers(error)) as house, house.program("operator") as client:
        answer = await client.post(f"{V}/rules/try", json={"limits": LIMITS})
        assert (answer.status_code, answer.json()["reason"]) == (status, reason)
        assert answer.json()["detail"] in str(error)


async def test_without_history_there_is_nothing_to_try():
    """The screen is told so; nothing else is affected."""
    async with House() as house, house.program("operator") as client:
        answer = await client.post(f"{V}/rules/try", json={"limits": LIMITS})
        assert (answer.status_code, answer.json()["reason"]) == (503, "history_unavailable")
