"""Sending to browsers (Web Push): encrypted, with its urgency, and one message for each case.

A later message about a case takes the place of the earlier one, both at the push service (Topic) and on the screen
(tag). Apprise's own web push keeps a message 60 s at most and cannot say how urgent it is (peers 0.6), so pywebpush
sends. A subscription that the push service calls gone is removed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import requests
import structlog
from py_vapid import Vapid02
from pywebpush import WebPushException, webpush

from alerts.sending import CONNECT_SECONDS, READ_SECONDS, Letter, Permanent, TemporaryFailure, Verdict, judge
from alerts.subscriptions import HOSTS, Subscription, is_allowed
from care.errors import Temporary
from care.messages import decode
from care.stream import PEOPLE, Stream
from care.words import Level

log = structlog.get_logger("alerts.push")

THREADS = 16
LASTS_RED, LASTS = 3600, 4 * 3600
"""Seconds a push service keeps a message for a phone that is asleep. A red page is worth waking up for within
the hour; what a family hears may come when they look (peers 0.6: Apprise's 0 to 60 s lost them all)."""


class WebPush:
    """The channel of `webpush://ID` addresses."""

    def __init__(
        self,
        stream: Stream,
        key: Vapid02,
        *,
        contact: str,
        hosts: Sequence[str] = HOSTS,
        verify: bool | str = True,
        threads: int = THREADS,
    ) -> None:
        """`contact`: `mailto:…` or https address where a push service reaches whoever runs this one."""
        self._stream = stream
        self._key = key
        self._contact = contact
        self._hosts = hosts
        self._verify = verify
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="push")

    async def send(self, url: str, letter: Letter) -> Verdict:
        """Send one message; a subscription that is gone is removed. Never raises for what a push service does."""
        name = f"push.{url.partition('://')[2]}"
        try:
            entry = await self._stream.get(PEOPLE, name)
        except Temporary:
            return TemporaryFailure("stream_away")
        if entry is None or entry.data is None:
            return Permanent("unsubscribed")
        try:
            subscription = decode(entry.data, Subscription)
        except msgspec.MsgspecError:
            return Permanent("bad_address")
        if not is_allowed(subscription.endpoint, self._hosts):
            return Permanent("unknown_push_service")
        verdict = await asyncio.get_running_loop().run_in_executor(
            self._pool, self._post, subscription, letter
        )
        if isinstance(verdict, Permanent) and verdict.reason in ("http_404", "http_410"):
            with contextlib.suppress(Temporary):
                await self._stream.delete(PEOPLE, name)
            log.info("subscription_removed", person=subscription.person, reason=verdict.reason)
        return verdict

    def close(self) -> None:
        """Let the threads go."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _post(self, subscription: Subscription, letter: Letter) -> Verdict:
        red = letter.level is Level.red
        headers: dict[str, str | int | float] = {
            "Urgency": "high" if red else "normal" if letter.level is Level.yellow else "low"
        }
        if letter.case:
            headers["Topic"] = letter.case[:32]
        try:
            with requests.Session() as session:
                session.trust_env = False
                session.verify = self._verify
                session.max_redirects = 0
                response: Any = webpush(
                    {
                        "endpoint": subscription.endpoint,
                        "keys": {"p256dh": subscription.p256dh, "auth": subscription.auth},
                    },
                    json.dumps(shown(letter), ensure_ascii=False),
                    vapid_private_key=self._key,
                    vapid_claims={"sub": self._contact},
                    ttl=LASTS_RED if red else LASTS,
                    headers=headers,
                    timeout=CONNECT_SECONDS + READ_SECONDS,
                    requests_session=session,
                )
        except WebPushException as error:
            response = error.response
            if response is None:
                return Permanent("bad_subscription")
        except requests.Timeout:
            return TemporaryFailure("timeout")
        except requests.TooManyRedirects:
            return Permanent("redirected")
        except requests.RequestException:
            return TemporaryFailure("unreachable")
        except (ValueError, TypeError):
            return Permanent("bad_subscription")  # keys that are no point of the curve
        return judge(response)


def shown(letter: Letter) -> dict[str, Any]:
    """What the service worker is given to show. The body has no link: the notification itself is one."""
    return {
        "title": letter.title,
        "body": letter.words or letter.body,
        "tag": letter.case,
        "number": letter.number,
        "level": letter.level.value if letter.level is not None else None,
        "link": letter.link,
    }
