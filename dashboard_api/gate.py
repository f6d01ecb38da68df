"""The gate before every request: who is it, may they, is it theirs to send, is it small enough; and what goes out.

One ASGI middleware, so that nothing behind it (routing, parsing, validation) runs for somebody who may not come in.
In order: the route must be in `access.ROUTES`; the token must be good; a cookie counts for an unsafe method only
from our own pages; the body is read whole, bounded in size and time. On the way out: security headers, one log line,
figures, and a problem instead of a traceback.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import MutableMapping
from http.cookies import CookieError, SimpleCookie
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from care.clock import Clock
from care.errors import Temporary
from dashboard_api import access
from dashboard_api.metrics import Metrics
from dashboard_api.people import People, Who
from dashboard_api.problems import Problem, Why, answer

log = structlog.get_logger("api")

BODY_LIMIT = 64 * 1024
READINGS_LIMIT = 16 * 1024
"""Contract section 4: the payload limit of devices; that of signed events as well."""
PHOTO_LIMIT = 1_000_000
"""A photograph of a scene. Phones send about 300 kB of it."""
BODY_SECONDS = 10.0
PHOTO_SECONDS = 60.0
"""From a stairwell: 300 kB at 5 kB/s."""
SEND_SECONDS = 15.0
"""A client that takes nothing for so long is gone; its stream would hold memory for ever."""
PATH_LIMIT = 1024

UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})

PAGE_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; media-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""For the web app: everything from here, nothing inline but style attributes (charts set them)."""
API_CSP = "default-src 'none'; frame-ancestors 'none'"


def cookie_name(public_url: str) -> str:
    """`__Host-` binds the cookie to this host and to TLS; browsers refuse it on plain HTTP."""
    return "__Host-anxin_session" if public_url.startswith("https://") else "anxin_session"


def origin_of(url: str) -> str:
    """Scheme, host and port, as browsers write an Origin."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


class _ClientGone(Exception):
    """Nobody takes what we send."""


class Gate:
    """See the module's docstring."""

    def __init__(
        self, app: ASGIApp, *, people: People, clock: Clock, public_url: str, metrics: Metrics
    ) -> None:
        self._app = app
        self._people = people
        self._clock = clock
        self._origin = origin_of(public_url)
        self._secure = public_url.startswith("https://")
        self._cookie = cookie_name(public_url)
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = secrets.token_hex(8)
        began = self._clock.monotonic()
        sane = len(scope["path"]) <= PATH_LIMIT and scope["path"].isprintable()
        found = access.find(scope["method"], scope["path"]) if sane else None
        route = found.path if found is not None else "unknown"
        status = 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._dress(message, scope["path"], request_id)
            try:
                async with asyncio.timeout(SEND_SECONDS):
                    await send(message)
            except TimeoutError:
                raise _ClientGone from None

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                try:
                    scope.setdefault("state", {})["request_id"] = request_id
                    receive = await self._admit(scope, receive, found)
                    await self._app(scope, receive, sending)
                except Problem as problem:
                    await answer(problem)(scope, receive, sending)
                except Temporary:
                    if status:
                        raise
                    refusal = Problem(
                        503,
                        Why.stream_unavailable,
                        "暂时存不下来，没有记下，请再按一次",
                        headers={"Retry-After": "1"},
                    )
                    await answer(refusal)(scope, receive, sending)
            except _ClientGone:
                log.info("client_gone", route=route)
            except Exception:
                # The one place where a bug of a request ends: the next request must be served.
                log.exception("request_failed", route=route, method=scope["method"])
                if not status:
                    await answer(Problem(500, Why.failed, "服务出错了，已记下；请再试一次，不行就打电话"))(
                        scope, receive, sending
                    )
            finally:
                seconds = self._clock.monotonic() - began
                self._metrics.served(scope["method"], route, status, seconds)
                log.debug(
                    "request_served",
                    method=scope["method"],
                    route=route,
                    status=status,
                    seconds=round(seconds, 4),
                )

    # -- on the way in ----------------------------------------------------------------------------------------

    async def _admit(self, scope: Scope, receive: Receive, found: access.Found | None) -> Receive:
        method: str = scope["method"]
        headers = Headers(scope=scope)
        if found is None:
            allowed = access.other_methods(scope["path"]) if scope["path"].isprintable() else []
            if allowed:
                raise Problem(405, Why.method_not_allowed, headers={"Allow": ", ".join(allowed)})
            raise Problem(404, Why.not_found)
        bearer = _bearer(headers)
        cookie = None if bearer else self._cookie_of(headers)
        token = bearer or cookie
        state: MutableMapping[str, Any] = scope["state"]
        state["who"] = None
        if method in UNSAFE and (cookie or found.rule in (access.Pass.anyone, access.Pass.link)):
            self._same_site(scope, headers, needed=cookie is not None)
        match found.rule:
            case access.Pass.device:
                if not bearer or not await self._people.device_may(found.values["device"], bearer):
                    raise Problem(401, Why.bad_credentials, headers={"WWW-Authenticate": "Bearer"})
            case access.Pass.anyone | access.Pass.link | access.Pass.signed:
                pass
            case access.Pass.local if _is_local(scope, headers):
                pass
            case rule:
                who = await self._people.who(token) if token else None
                if who is None:
                    raise Problem(401, Why.signed_out, "请先登录", headers={"WWW-Authenticate": "Bearer"})
                allowed_roles = access.UPKEEP if isinstance(rule, access.Pass) else rule
                if who.role not in allowed_roles:
                    log.info(
                        "request_denied", method=method, route=found.path, by=who.by, role=who.role.value
                    )
                    if found.path.startswith(access.HIDDEN):
                        raise Problem(404, Why.not_found)
                    raise Problem(403, Why.forbidden, "您的角色不能这样做")
                state["who"] = who
        if method not in UNSAFE:
            return receive
        if found.path == f"{access.V}/alerts/{{alert}}/photos":
            return await _whole_body(receive, headers, PHOTO_LIMIT, PHOTO_SECONDS)
        limit = READINGS_LIMIT if found.rule in (access.Pass.device, access.Pass.signed) else BODY_LIMIT
        return await _whole_body(receive, headers, limit)

    def _cookie_of(self, headers: Headers) -> str | None:
        raw = headers.get("cookie")
        if not raw or self._cookie not in raw:
            return None
        try:
            morsel = SimpleCookie(raw).get(self._cookie)
        except CookieError:
            return None
        return morsel.value if morsel is not None and morsel.value else None

    def _same_site(self, scope: Scope, headers: Headers, *, needed: bool) -> None:
        """A browser says where a request comes from; a page of somebody else may not act with our cookie.

        `needed`: the request carries our cookie, so somebody must say that it comes from our own page.
        """
        site = headers.get("sec-fetch-site")
        origin = headers.get("origin")
        if site is not None:
            good = site == "same-origin"
        elif origin is not None:
            own = f"{scope.get('scheme', 'http')}://{headers.get('host', '')}".lower()
            good = origin.lower() in (self._origin, own)
        else:
            good = not needed
        if not good:
            log.warning("cross_site_refused", route=scope["path"][:64])
            raise Problem(403, Why.cross_site, "请求不是从本站页面发出的，没有执行")

    # -- on the way out ---------------------------------------------------------------------------------------

    def _dress(self, message: Message, path: str, request_id: str) -> None:
        headers = MutableHeaders(scope=message)
        headers["X-Request-Id"] = request_id
        headers["X-Content-Type-Options"] = "nosniff"
        headers["X-Frame-Options"] = "DENY"
        headers["Referrer-Policy"] = "same-origin"
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
        headers["Cross-Origin-Resource-Policy"] = "same-origin"
        headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=()"
        if self._secure:
            headers["Strict-Transport-Security"] = "max-age=31536000"
        # A worker lives under the policy of its own script, not under that of the page that started it.
        page = headers.get("content-type", "").startswith(("text/html", "text/javascript"))
        headers.setdefault("Content-Security-Policy", PAGE_CSP if page else API_CSP)
        if path.startswith(access.V):
            headers["Cache-Control"] = "no-store"


def _bearer(headers: Headers) -> str | None:
    value = headers.get("authorization", "")
    scheme, _, token = value.partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def _is_local(scope: Scope, headers: Headers) -> bool:
    client = scope.get("client")
    if client is None or "x-forwarded-for" in headers or "forwarded" in headers:
        return False
    try:
        return ip_address(client[0]).is_loopback
    except ValueError:
        return False


async def _whole_body(
    receive: Receive, headers: Headers, limit: int, seconds: float | None = None
) -> Receive:
    """Read the body, bounded in size and time, and hand it on as one piece."""
    length = headers.get("content-length", "")
    too_large = Problem(413, Why.body_too_large, f"at most {limit} bytes", headers={"Connection": "close"})
    if length.isascii() and length.isdecimal() and int(length[:12]) > limit:
        raise too_large
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(seconds or BODY_SECONDS):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    raise _ClientGone
                part = message.get("body", b"")
                size += len(part)
                if size > limit:
                    raise too_large
                parts.append(part)
                if not message.get("more_body", False):
                    break
    except TimeoutError:
        raise Problem(408, Why.body_too_slow, headers={"Connection": "close"}) from None
    body: bytes | None = b"".join(parts)

    async def replay() -> Message:
        nonlocal body
        if body is not None:
            whole, body = body, None
            return {"type": "http.request", "body": whole, "more_body": False}
        return await receive()

    return replay


def who_of(scope: Scope) -> Who | None:
    """Who passed the gate with this request."""
    state: MutableMapping[str, Any] = scope.get("state", {})
    who: Who | None = state.get("who")
    return who
