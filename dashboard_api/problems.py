"""How the API says no: RFC 9457 problems with a `reason` from a closed set, never a traceback.

Raise `Problem` anywhere below `gate`; `answer` turns it into the response.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from http import HTTPStatus
from typing import Any

from starlette.responses import Response


class Why(StrEnum):
    """Reasons of our own; those of the alert's lifecycle (version_conflict, missing_outcome …) come beside them."""

    already_claimed = "already_claimed"
    backtest_first = "backtest_first"
    bad_credentials = "bad_credentials"
    bad_cursor = "bad_cursor"
    bad_signature = "bad_signature"
    body_too_large = "body_too_large"
    body_too_slow = "body_too_slow"
    cross_site = "cross_site"
    demo_only = "demo_only"
    failed = "failed"
    forbidden = "forbidden"
    history_unavailable = "history_unavailable"
    id_reused = "id_reused"
    invalid = "invalid"
    link_expired = "link_expired"
    link_used = "link_used"
    method_not_allowed = "method_not_allowed"
    needs_confirmation = "needs_confirmation"
    no_consent = "no_consent"
    not_found = "not_found"
    not_open = "not_open"
    no_person = "no_person"
    not_ready = "not_ready"
    opens_hole = "opens_hole"
    reason_needed = "reason_needed"
    refused = "refused"
    signed_out = "signed_out"
    simulator_away = "simulator_away"
    stale_timestamp = "stale_timestamp"
    stream_unavailable = "stream_unavailable"
    too_much = "too_much"
    too_many_attempts = "too_many_attempts"
    too_many_requests = "too_many_requests"
    too_old = "too_old"
    unavailable = "unavailable"
    wrong_code = "wrong_code"
    version_conflict = "version_conflict"
    unknown_alert = "unknown_alert"
    unknown_command = "unknown_command"
    unknown_device = "unknown_device"
    unknown_home = "unknown_home"
    unknown_resident = "unknown_resident"
    unknown_responder = "unknown_responder"


class Problem(Exception):
    """A request that cannot be fulfilled, and why."""

    def __init__(
        self,
        status: int,
        reason: Why | str,
        detail: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        self.status = status
        self.reason = str(reason)
        self.detail = detail
        self.headers = dict(headers or {})
        self.more = more
        super().__init__(f"{status} {reason}")


def answer(problem: Problem) -> Response:
    """The response of a problem."""
    body = {
        "type": f"urn:anxin:problem:{problem.reason}",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail,
        "reason": problem.reason,
        **problem.more,
    }
    return Response(
        json.dumps(body, ensure_ascii=False, separators=(",", ":")),
        status_code=problem.status,
        media_type="application/problem+json",
        headers={"Cache-Control": "no-store", **problem.headers},
    )
