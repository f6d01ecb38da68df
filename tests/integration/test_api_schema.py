"""Odd requests made from /openapi.json: whatever is sent, the answer is one we declared and never a 500."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings

from dashboard_api import shapes
from tests.integration.test_api_house import PASSWORD, House, V, smoke

EXPECTED = {200, 201, 204, 401, 403, 404, 405, 408, 409, 410, 413, 415, 422, 429, 503}
LEFT_OUT = {f"{V}/live": "never ends", f"{V}/session": "signs our token out", f"{V}/token": "slow on purpose"}


def attacked(operation: Any, count: Counter[int], send: Callable[[schemathesis.Case], int]) -> None:
    """Fifteen requests for one operation."""

    @settings(
        max_examples=15,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def attack(case: schemathesis.Case) -> None:
        status = send(case)
        count[status] += 1
        assert status in EXPECTED, (status, case.as_curl_command())

    attack()


def test_no_request_that_the_interface_allows_or_forbids_breaks_the_service() -> None:
    """Generated requests for every operation, well-formed and odd, by an operator."""
    loop = asyncio.new_event_loop()
    house = House()
    answers: dict[str, Counter[int]] = {}

    async def opened() -> tuple[str, dict[str, object]]:
        await house.__aenter__()
        await house.raised(smoke())
        _, token, _ = await house.state.people.sign_in("operator", PASSWORD, address="x", program=True)
        async with house.client() as client:
            return token, (await client.get("/openapi.json")).json()

    async def sent(case: schemathesis.Case, token: str) -> int:
        given_ = case.as_transport_kwargs(base_url="http://house")
        headers = {
            k: v for k, v in dict(given_["headers"]).items() if str(v).isascii() and str(v).isprintable()
        }
        async with house.client(headers={**headers, "authorization": f"Bearer {token}"}) as client:
            try:
                request = client.build_request(
                    given_["method"], given_["url"], params=given_.get("params"), json=given_.get("json"),
                    content=given_.get("data"),
                )  # fmt: skip
            except (ValueError, TypeError, httpx.InvalidURL):
                return 422  # it cannot even be written down
            return (await client.send(request)).status_code

    try:
        token, spec = loop.run_until_complete(opened())
        for found in schemathesis.openapi.from_dict(spec).get_all_operations():
            operation = found.ok()
            if operation.path in LEFT_OUT:
                continue
            attacked(
                operation,
                answers.setdefault(operation.label, Counter()),
                lambda c: loop.run_until_complete(sent(c, token)),
            )
        assert len(answers) > 20
        assert all(answers.values())
        assert sum(sum(c.values()) for c in answers.values()) > 200
    finally:
        loop.run_until_complete(house.__aexit__(None, None, None))
        loop.close()


async def test_what_is_written_out_as_it_stands_has_its_shape_to_the_last_field() -> None:
    """The long lists pass by the framework (`asking.large`): nothing is missing, nothing is of another type, nothing is more."""
    async with House() as house:
        await house.raised(smoke())
        async with house.program("operator") as desk:
            for path, shape in (
                ("/homes", shapes.Homes),
                ("/devices", shapes.Devices),
                ("/duty/coverage", shapes.Coverage),
            ):
                answer = await desk.get(f"{V}{path}")
                assert answer.status_code == 200
                assert answer.headers["content-type"] == "application/json"
                told = answer.json()
                assert shape.model_validate(told).model_dump(mode="json", by_alias=True) == told, path
