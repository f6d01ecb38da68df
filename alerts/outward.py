"""Telling other systems of cases: the town's platform, a mini-program, a log of one's own. Start at `Outward.run`.

Each address of `notify.webhooks` follows the alert log by itself, from where it left off, in order; what it has not
accepted is sent again, so that a receiver that was away hears everything, once it is back, at least once. A body
holds numbers, codes and places, never a name, a phone number or a measured value. It is signed like what goes to
the gateways for text messages (`alerts.webhook.sign`).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog

from alerts.alert import Alert
from alerts.commands import read_log
from alerts.events import (
    Acknowledged,
    Arrived,
    Closed,
    Dispatched,
    Event,
    LevelLowered,
    LevelRaised,
    Raised,
    Reopened,
    Transition,
)
from alerts.lifecycle import fold
from alerts.proposing import decode_transition
from alerts.sending import Permanent, Sent, TemporaryFailure, Verdict
from alerts.webhook import post
from care.clock import Clock
from care.errors import Temporary
from care.ids import content_id, iso
from care.stream import ALERTS, COUNTERS, Stored, Stream

log = structlog.get_logger("alerts.outward")

BACK_OFF = (1.0, 2.0, 5.0, 15.0, 60.0, 300.0)
"""Seconds before trying again; the last one goes on."""
GIVE_UP_AFTER = timedelta(hours=72)
"""What could not be told for so long is passed over and logged: a receiver that is gone must not hold the log."""
TELLS: dict[type[Any], str] = {
    Raised: "case.opened",
    LevelRaised: "case.raised",
    LevelLowered: "case.lowered",
    Acknowledged: "case.acknowledged",
    Dispatched: "case.dispatched",
    Arrived: "case.attended",
    Closed: "case.closed",
    Reopened: "case.reopened",
}
"""Event of the log → what is told; everything else stays in the house."""


def bodies(transition: Transition, alert: Alert) -> list[dict[str, Any]]:
    """What a step of a case tells others; `alert` is the case after it. Empty when it tells nothing."""
    out: list[dict[str, Any]] = []
    for n, event in enumerate(transition.events):
        told = TELLS.get(type(event))
        if told is None:
            continue
        out.append(
            {
                "id": f"{transition.alert}.{transition.version}.{n}",
                "type": told,
                "at": iso(event.at),
                "case": _case(alert),
                **_more(event),
            }
        )
    return out


def _case(alert: Alert) -> dict[str, Any]:
    return {
        "id": alert.id,
        "number": alert.number,
        "code": alert.code,
        "level": alert.level.value,
        "title": alert.title,
        "home": alert.home,
        "micro_grid": alert.micro_grid,
        "raised_at": iso(alert.raised_at),
        "condition": alert.condition.value,
        "state": alert.state.value,
        "version": alert.version,
        "test": alert.test,
    }


def _more(event: Event) -> dict[str, Any]:
    if isinstance(event, Closed) and event.outcome is not None:
        outcome = event.outcome
        return {
            "outcome": {
                "cause": outcome.cause,
                "verification": outcome.verification,
                "actions": list(outcome.actions),
                "outcome": outcome.outcome,
                "truth": outcome.truth,
            }
        }
    return {}


class Outward:
    """Tells one receiver."""

    def __init__(self, stream: Stream, clock: Clock, url: str, secret: str) -> None:
        self._stream = stream
        self._clock = clock
        self._url = url
        self._secret = secret.encode()
        self.name = content_id("webhook", url)
        self._key = f"webhook.{self.name}"
        self._kept = 0

    async def run(self) -> None:
        """Follow the log and tell, for ever; a receiver that is new hears of what comes from now on."""
        after = await self._position()
        async for batch in self._stream.follow(ALERTS, after=after):
            for message in batch:
                await self._tell(message)
            if batch:
                await self._keep(batch[-1].seq)

    async def _position(self) -> int:
        entry = await self._stream.get(COUNTERS, self._key)
        if entry is not None and entry.data:
            return int(entry.data)
        head = await self._stream.head(ALERTS)
        await self._keep(head)
        return head

    async def _keep(self, position: int) -> None:
        await self._stream.put(COUNTERS, self._key, str(position).encode())

    async def _tell(self, message: Stored) -> None:
        transition = decode_transition(message.data)
        if not any(type(event) in TELLS for event in transition.events):
            return
        alert = await self._alert(transition)
        if alert is None:
            return
        for body in bodies(transition, alert):
            await self._send(body, transition.at)
        await self._keep(message.seq)

    async def _alert(self, transition: Transition) -> Alert | None:
        """The case as it was after this step."""
        alert: Alert | None = None
        for step, _ in await read_log(self._stream, transition.subject):
            alert = fold(alert, step)
            if step.version >= transition.version:
                return alert
        return None

    async def _send(self, body: dict[str, Any], at: datetime) -> None:
        data = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        tries = 0
        while True:
            verdict = await asyncio.to_thread(self._post, body["id"], data)
            if isinstance(verdict, Sent):
                log.info("case_told", receiver=self.name, type=body["type"], number=body["case"]["number"])
                return
            late = self._clock.now() - at
            log.warning("case_not_told", receiver=self.name, type=body["type"], reason=verdict.reason)
            if isinstance(verdict, Permanent) or late > GIVE_UP_AFTER:
                return  # it says no to this one, or it has been gone for days
            await asyncio.sleep(BACK_OFF[min(tries, len(BACK_OFF) - 1)])
            tries += 1

    def _post(self, name: str, data: bytes) -> Verdict:
        verdict, _ = post(self._url, data, name=name, secret=self._secret, at=self._clock.now())
        # Its keys or its address may be mended: only 400, 410 and 422 are about this one body.
        if isinstance(verdict, Permanent) and verdict.reason not in ("http_400", "http_410", "http_422"):
            return TemporaryFailure(verdict.reason)
        return verdict


async def run(*, stream: Stream, clock: Clock, urls: Sequence[str], secret: str) -> None:
    """Tell every receiver until cancelled; one that fails does not hold up the others."""

    async def keep(receiver: Outward) -> None:
        while True:
            with contextlib.suppress(Temporary):
                await receiver.run()
            await asyncio.sleep(1.0)

    async with asyncio.TaskGroup() as group:
        for url in dict.fromkeys(urls):
            group.create_task(keep(Outward(stream, clock, url, secret)))
