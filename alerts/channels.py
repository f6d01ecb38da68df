"""Sending a message to an Apprise URL, and believing only the provider's own answer.

`AppriseChannels.send` gives `Sent`, `TemporaryFailure` or `Permanent`, each with a short reason that holds no
address. Sending happens in threads of our own, one try, at most eight seconds; trying again is `notify`'s work.
Six Chinese services answer HTTP 200 with an error code in the body, which Apprise calls a success: the strict
classes below read the body. This is the only module that imports Apprise.
"""

# mypy: disable-error-code="no-untyped-call,override"
# Apprise types its plugins in part only.
from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import logging
import warnings
from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests
from apprise import AppriseAsset, NotifyType
from apprise.manager_plugins import NotificationManager
from apprise.plugins import url_to_dict
from apprise.plugins.custom_json import NotifyJSON
from apprise.plugins.dingtalk import NotifyDingTalk
from apprise.plugins.feishu import NotifyFeishu
from apprise.plugins.lark import NotifyLark
from apprise.plugins.pushdeer import NotifyPushDeer
from apprise.plugins.serverchan import NotifyServerChan
from apprise.plugins.wecombot import NotifyWeComBot

from alerts.sending import (
    CONNECT_SECONDS,
    READ_SECONDS,
    Channel,
    Letter,
    Permanent,
    Sent,
    TemporaryFailure,
    Verdict,
    judge,
)
from alerts.turns import Turns
from care.clock import Clock
from care.words import Level

LIMIT_SECONDS = 8.0
"""One try takes no longer than this (peers 6.7)."""
THREADS = 16
CASES_KNOWN = 10_000


class _Strict:
    """Posts and keeps the verdict; beside the Apprise class whose address it understands."""

    verdicts: list[Verdict]
    verify_certificate: bool
    request_timeout: tuple[float, float]
    redirects: bool
    app_id: str

    def _post(self, url: str, *, code_in: tuple[str, ...] = (), method: str = "POST", **more: Any) -> bool:
        headers = {"User-Agent": self.app_id, **more.pop("headers", {})}
        try:
            response = requests.request(
                method,
                url,
                headers=headers,
                verify=self.verify_certificate,
                timeout=self.request_timeout,
                allow_redirects=self.redirects,
                **more,
            )
            verdict = judge(response, code_in=code_in)
        except requests.Timeout:
            verdict = TemporaryFailure("timeout")
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema):
            verdict = Permanent("bad_address")
        except requests.RequestException:
            verdict = TemporaryFailure("unreachable")
        self.verdicts.append(verdict)
        return isinstance(verdict, Sent)

    def _post_json(self, url: str, payload: Mapping[str, Any], **more: Any) -> bool:
        return self._post(
            url,
            data=json.dumps(payload, ensure_ascii=False).encode(),
            headers={"Content-Type": "application/json; charset=utf-8"},
            **more,
        )


def _joined(title: str, body: str) -> str:
    return f"{title}\n{body}" if title else body


class StrictJSON(_Strict, NotifyJSON):
    """`json://`: any 2xx is a success."""

    def send(self, body: str, title: str = "", notify_type: Any = None, **_: Any) -> bool:
        payload: dict[str, Any] = {
            "version": self.json_version,
            "title": title,
            "message": body,
            "attachments": [],
            "type": getattr(notify_type, "value", "info"),
        }
        for key, value in self.payload_extras.items():
            # `:key=name` in the address renames or removes a field, or adds one.
            if key in payload:
                old = payload.pop(key)
                if value:
                    payload[value] = old
            else:
                payload[key] = value
        port = f":{self.port}" if isinstance(self.port, int) else ""
        return self._post(
            f"{'https' if self.secure else 'http'}://{self.host}{port}{self.fullpath}",
            method=str(self.method),
            data=json.dumps(payload).encode(),
            params=self.params,
            headers={"Content-Type": "application/json", **self.headers},
            auth=(self.user, self.password) if self.user else None,
        )


class StrictDingTalk(_Strict, NotifyDingTalk):
    """钉钉: `errcode` 0."""

    def send(self, body: str, title: str = "", **_: Any) -> bool:
        params = None
        if self.secret:
            stamp, signature = self.get_signature()
            params = {"timestamp": stamp, "sign": signature}
        payload = {
            "msgtype": "text",
            "at": {"atMobiles": self.targets, "isAtAll": False},
            "text": {"content": _joined(title, body)},
        }
        url = self.notify_url.format(token=self.token)
        return self._post_json(url, payload, params=params, code_in=("errcode",))

    def get_signature(self) -> tuple[str, str]:
        """Apprise quotes the signature and requests quotes it again, which DingTalk refuses: once is enough."""
        stamp = super().get_signature()[0]
        secret = str(self.secret)
        digest = hmac.new(secret.encode(), f"{stamp}\n{secret}".encode(), hashlib.sha256).digest()
        return stamp, base64.b64encode(digest).decode()


class StrictFeishu(_Strict, NotifyFeishu):
    """飞书: `code` 0 (or the older `StatusCode`)."""

    def send(self, body: str, title: str = "", **_: Any) -> bool:
        payload = {"msg_type": "text", "content": {"text": _joined(title, body)}}
        return self._post_json(
            self.notify_url.format(token=self.token), payload, code_in=("code", "StatusCode")
        )


class StrictLark(_Strict, NotifyLark):
    """Lark: as Feishu."""

    def send(self, body: str, title: str = "", **_: Any) -> bool:
        payload = {"msg_type": "text", "content": {"text": _joined(title, body)}}
        return self._post_json(self.webhook_url, payload, code_in=("code", "StatusCode"))


class StrictWeComBot(_Strict, NotifyWeComBot):
    """企业微信 group robot: `errcode` 0."""

    def send(self, body: str, title: str = "", **_: Any) -> bool:
        payload = {"msgtype": "text", "text": {"content": _joined(title, body)}}
        return self._post_json(self.api_url, payload, code_in=("errcode",))


class StrictServerChan(_Strict, NotifyServerChan):
    """Server 酱: `code` 0 (or the older `errno`)."""

    def send(self, body: str, title: str = "", **_: Any) -> bool:
        url = self.notify_url.format(token=self.token)
        return self._post(url, data={"title": title, "desp": body}, code_in=("code", "errno"))


class StrictPushDeer(_Strict, NotifyPushDeer):
    """PushDeer: `code` 0."""

    def send(self, body: str, title: str = "", **_: Any) -> bool:
        url = self.notify_url.format(
            schema="https" if self.secure else "http",
            host=self.host or self.default_hostname,
            port=self.port or (443 if self.secure else 80),
            pushKey=self.push_key,
        )
        payload = {"text": title or body, "type": "text", "desp": body if title else ""}
        return self._post(url, data=payload, code_in=("code",))


STRICT: dict[type, type] = {
    NotifyJSON: StrictJSON,
    NotifyDingTalk: StrictDingTalk,
    NotifyFeishu: StrictFeishu,
    NotifyLark: StrictLark,
    NotifyWeComBot: StrictWeComBot,
    NotifyServerChan: StrictServerChan,
    NotifyPushDeer: StrictPushDeer,
}
"""Apprise's class → ours."""

_TYPES = {Level.red: NotifyType.FAILURE, Level.yellow: NotifyType.WARNING, Level.blue: NotifyType.INFO}


def _hush() -> None:
    """Addresses are secrets: neither Apprise nor what it stands on writes them to a log."""
    for name in ("apprise", "requests", "urllib3"):
        logger = logging.getLogger(name)
        logger.setLevel(logging.CRITICAL + 1)
        logger.propagate = False


def _load() -> None:
    """Load Apprise's plugins now: the first page must not wait for a hundred imports."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # theirs, about modules of Python that will go
        NotificationManager().load_modules()


class AppriseChannels:
    """Sends by Apprise, one try at a time, off the event loop."""

    def __init__(self, *, threads: int = THREADS, limit_seconds: float = LIMIT_SECONDS) -> None:
        _hush()
        _load()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="channel")
        self._turns = Turns(threads)
        self._begun: OrderedDict[str, None] = OrderedDict()
        """Red cases whose first message has been here."""
        self._limit = limit_seconds
        self._asset = AppriseAsset(app_id="Anxin", secure_logging=True, storage_mode="memory")

    async def send(self, url: str, letter: Letter) -> Verdict:
        """Send one message. Takes at most the limit, counted from when a thread is free."""
        await self._turns.take(self._rank(letter))
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(self._pool, self._send, url, letter)
        # The thread counts as taken until it is done, even when nobody waits for it any more.
        future.add_done_callback(lambda _: self._turns.give())
        try:
            async with asyncio.timeout(self._limit):
                return await asyncio.shield(future)
        except TimeoutError:
            return TemporaryFailure("timeout")

    def _rank(self, letter: Letter) -> int:
        """The first page of a red case before everything else, so that in a storm each is known to somebody first."""
        if letter.level is not Level.red:
            return 2
        if letter.case in self._begun:
            return 1
        self._begun[letter.case] = None
        while len(self._begun) > CASES_KNOWN:
            self._begun.popitem(last=False)
        return 0

    def understands(self, url: str) -> bool:
        """Whether an address can be sent to at all; nothing is sent."""
        return self._plugin(url) is not None

    def close(self) -> None:
        """Let the threads go; what they are sending is not waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _send(self, url: str, letter: Letter) -> Verdict:
        plugin = self._plugin(url)
        if plugin is None:
            return Permanent("bad_address")
        try:
            sent = plugin.notify(
                title=letter.title,
                body=letter.body,
                notify_type=_TYPES.get(letter.level or Level.blue, NotifyType.INFO),
            )
        except Exception as error:  # noqa: BLE001 - a hundred plugins of others: any fault of theirs is a failed send
            return TemporaryFailure(f"plugin_{type(error).__name__}")
        verdicts: list[Verdict] = getattr(plugin, "verdicts", [])
        for verdict in verdicts:
            if not isinstance(verdict, Sent):
                return verdict
        return Sent() if sent else TemporaryFailure("not_sent")

    def _plugin(self, url: str) -> Any:
        try:
            parsed = url_to_dict(url, secure_logging=True)
            if parsed is None:
                return None
            kind = NotificationManager()[parsed["schema"]]
            if not kind.enabled:
                return None
            plugin = STRICT.get(kind, kind)(**{**parsed, "asset": self._asset, "retry": 0})
        except Exception:  # noqa: BLE001 - whatever a plugin dislikes about its address, it is a bad address
            return None
        # One try, no waiting: pauses and repeats are decided by `notify`, not inside a thread.
        plugin.verdicts = []
        plugin.request_rate_per_sec = 0
        plugin.socket_connect_timeout = CONNECT_SECONDS
        plugin.socket_read_timeout = READ_SECONDS
        return plugin


async def check(channels: Channel, url: str, clock: Clock) -> tuple[Verdict, float]:
    """Try a channel with a harmless message (for `anxin doctor`): the verdict and how many seconds it took."""
    begun = clock.monotonic()
    verdict = await channels.send(
        url, Letter("#0 安心：通道测试", "这是一条测试消息，请忽略。", level=Level.blue)
    )
    return verdict, clock.monotonic() - begun
