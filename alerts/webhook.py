"""Text messages and calls by a gateway of the community's own: `sms://` and `voice://` among a person's channels.

Every city has another provider for these, most of them without an Apprise address. So a small service of the
integrator's takes one signed POST and speaks to the provider:

    POST notify.sms_url (or notify.voice_url)
    Idempotency-Key: 5f0c…            the same when we try again
    Anxin-Signature: t=1764252000,v1=HMAC-SHA256(secret, "1764252000." + body) in hex
    {"kind": "sms", "to": "13800000921", "text": "#317 …", "number": 317, "level": "red", "link": "https://…"}

Only `{"accepted": true}` counts as sent, and `{"accepted": false, "reason": "…", "retry": true}` says that it may
work later. `sms://` rings the person's own number from the site file, `sms://13800000921` another one.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import requests

from alerts.sending import (
    CONNECT_SECONDS,
    READ_SECONDS,
    Letter,
    Permanent,
    Sent,
    TemporaryFailure,
    Verdict,
    judge,
)
from care.clock import Clock

THREADS = 8
_NUMBER = re.compile(r"\+?[0-9][0-9 -]{2,19}")
_WORD = re.compile(r"[a-z0-9_]{1,40}")


class Gateway:
    """A channel that posts to one gateway. `kind` is `sms` or `voice`."""

    def __init__(self, kind: str, url: str, secret: str, clock: Clock, *, threads: int = THREADS) -> None:
        self._kind = kind
        self._url = url
        self._secret = secret.encode()
        self._clock = clock
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=kind)

    async def send(self, url: str, letter: Letter) -> Verdict:
        """Have a number rung or written to; never raises for what the gateway does."""
        number = url.partition("://")[2].strip("/") or letter.phone
        if not _NUMBER.fullmatch(number):
            return Permanent("no_phone_number")
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._post, number, letter)

    def close(self) -> None:
        """Let the threads go."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _post(self, number: str, letter: Letter) -> Verdict:
        body = json.dumps(
            {
                "kind": self._kind,
                "to": re.sub(r"[ -]", "", number),
                "text": f"{letter.title}\n{letter.body}",
                "number": letter.number,
                "level": letter.level.value if letter.level is not None else None,
                "link": letter.link,
            },
            ensure_ascii=False,
        ).encode()
        verdict, response = post(
            self._url, body, name=letter.delivery, secret=self._secret, at=self._clock.now()
        )
        return _said(response) if response is not None and isinstance(verdict, Sent) else verdict


def post(
    url: str, body: bytes, *, name: str, secret: bytes, at: datetime
) -> tuple[Verdict, requests.Response | None]:
    """Post a signed JSON body once; what the HTTP answer means, and the answer. Blocks: call it in a thread."""
    headers = {
        "Content-Type": "application/json",
        "Idempotency-Key": name,
        "Anxin-Signature": sign(body, secret, int(at.timestamp())),
    }
    try:
        with requests.Session() as session:
            session.trust_env = False
            response = session.post(
                url,
                data=body,
                headers=headers,
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                allow_redirects=False,
            )
    except requests.Timeout:
        return TemporaryFailure("timeout"), None
    except requests.RequestException:
        return TemporaryFailure("unreachable"), None
    return judge(response), response


def _said(response: requests.Response) -> Verdict:
    try:
        answer = json.loads(response.content)
    except ValueError:
        return TemporaryFailure("unreadable_answer")
    if not isinstance(answer, dict) or not isinstance(answer.get("accepted"), bool):
        return TemporaryFailure("unreadable_answer")
    if answer["accepted"]:
        return Sent()
    word = str(answer.get("reason", "refused"))
    reason = f"provider_{word}" if _WORD.fullmatch(word) else "provider_refused"
    return TemporaryFailure(reason) if answer.get("retry") is True else Permanent(reason)


def sign(body: bytes, secret: bytes, at: int) -> str:
    """The signature of a body at a moment (seconds since 1970): what the gateway compares in constant time."""
    digest = hmac.new(secret, f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"
