"""What several routes ask of a request: who it is, why they look, and moments and durations in its query."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import msgspec
from fastapi import Query, Request, Response

from dashboard_api.gate import who_of
from dashboard_api.people import Who
from dashboard_api.problems import Problem, Why

_STEP = re.compile(r"^(\d{1,6})(s|m|h|d)?$")
Reason = Annotated[
    str, Query(max_length=200, description="why, when no red or yellow case about somebody there is open")
]
"""Why somebody looks at health data; two characters at least, a dot is no reason."""
LEAST_REASON = 2
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def signed_in(request: Request) -> Who:
    """Who passed the gate; 401 when nobody did (a route that the table opens to anyone but that needs somebody)."""
    who = who_of(request.scope)
    if who is None:
        raise Problem(401, Why.signed_out, "请先登录")
    return who


def large(body: Any) -> Response:
    """A body of thousands of lines as it stands: written out where the route runs, which is beside the event loop.

    The framework would check and copy it line by line in the event loop; in a community of 10,000 homes that held up
    every screen for a second. What is sent so is held against its shape by the tests.
    """
    return Response(msgspec.json.encode(body), media_type="application/json")


def moment(name: str, value: str | None) -> datetime | None:
    """An RFC 3339 moment of the query; without a zone it cannot be told and is refused."""
    if value is None:
        return None
    try:
        # A `+` that nobody escaped arrives as a space.
        at = datetime.fromisoformat(value.strip().replace(" ", "+") if "T" in value else value)
        if at.tzinfo is None:
            raise ValueError("no zone")
        return at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Problem(422, Why.invalid, f"{name}: RFC 3339 with a zone", fields=[name]) from None


def duration(name: str, value: str | None) -> timedelta | None:
    """`300`, `30s`, `5m`, `1h`, `1d`."""
    if value is None:
        return None
    match = _STEP.match(value)
    seconds = int(match[1]) * _UNITS[match[2] or "s"] if match else 0
    if not 1 <= seconds <= 31 * 86400:
        raise Problem(422, Why.invalid, f"{name}: seconds, or 30s 5m 1h 1d", fields=[name])
    return timedelta(seconds=seconds)
