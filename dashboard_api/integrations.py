"""What other systems report: a meal handed over or not collected, a card swiped, a meter read, a request. Start at `routes`.

`POST /api/v1/integrations/{name}/events`, signed as Standard Webhooks are: HMAC-SHA256 over `id.timestamp.body` with
the integration's own secret, made by an admin and shown once. Nothing is answered with 2xx before it is durable.
Everything made of an event is named by the event's content, and an event older than a day is refused: a repeat finds
its reading, or its case, still there, so that it changes nothing even after a restart. The ids of the last events are
remembered besides, to say so, and to refuse an id that comes with another content.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import secrets
from collections import OrderedDict
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal, get_args

import msgspec
from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from structlog import get_logger

from alerts.kept import last_reported, note_reported
from alerts.upkeep import silent_since
from care.clock import Clock
from care.errors import Misconfigured
from care.ids import content_id, iso
from care.messages import Finding, Refusal, decode, encode
from care.site import Home, native_topic
from care.stream import PEOPLE, Stream
from care.words import Condition, Kind, Level, Phase
from dashboard_api import access, shapes
from dashboard_api.asking import signed_in
from dashboard_api.house import House
from dashboard_api.people import Who
from dashboard_api.problems import Problem, Why
from dashboard_api.redact import Json
from dashboard_api.signs import sign_of_life, withheld
from dashboard_api.upkeep import requested

log = get_logger("api")

V = access.V
NAME = re.compile(r"^[a-z][a-z0-9_-]{1,31}$")
EVENT_ID = re.compile(r"^[\x21-\x2d\x2f-\x7e]{1,128}$")
"""As Standard Webhooks has it: no full stop, which parts what is signed."""
PREFIX = "whsec_"
WINDOW = timedelta(minutes=5)
"""A signature is good for so long before and after its timestamp; the tolerance of the Standard Webhooks libraries."""
OLDEST = timedelta(hours=24)
"""An older event is refused. The desk remembers a case for as long after it was closed (`alerts.orders.REOPEN_WITHIN`)."""
AHEAD = timedelta(minutes=1)
"""The sender's clock may be so far ahead; what it says is then of now."""
A_SECOND, AT_ONCE = 20.0, 200.0
"""Events of one integration: a sustained rate and a burst. 800 meals are told in half a minute."""
BAD_A_MINUTE = 30
"""Bad signatures of one address that are still answered and logged one by one."""
REMEMBERED = 20_000
PROMISES = range(1, 24 * 14 + 1)
"""Hours within which a system may promise to report."""


class Integration(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A system that may report, kept under `integration.NAME`. The secret itself is needed to check a signature."""

    name: str
    secret: str
    events: list[str] = []
    """What it may report; empty for everything."""
    promised_hours: int | None = None
    """It has promised to report at least once in so many hours: its silence is a finding (TE15). None: no promise."""
    made_at: datetime
    by: str

    def __repr__(self) -> str:
        return f"Integration({self.name!r})"


TYPES: tuple[str, ...] = get_args(shapes.EventWord)
SIGNS = frozenset({"meal.delivered", "meal.collected", "card.swiped", "resident.well"})
_Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]


class EventData(BaseModel):
    """What happened where. Other fields are passed over."""

    model_config = ConfigDict(extra="ignore")
    home: _Id
    resident: _Id | None = None
    """Whom it is about, where several live in the home."""
    meal: Literal["breakfast", "lunch", "dinner", "other"] = "other"
    at_the_door: bool = False
    """The meal was left there: nobody was seen, so it is no sign of life."""
    water_total: Annotated[float, Field(ge=0, le=1e9)] | None = None
    """Litres the meter shows."""
    device: _Id | None = None
    """The meter, where the home has several."""
    what: Literal["visit", "repair", "errand", "meal", "medical", "other"] = "visit"


class EventBody(BaseModel):
    """The body of an event, as Standard Webhooks recommends it."""

    model_config = ConfigDict(extra="ignore")
    type: shapes.EventWord
    timestamp: Annotated[str, Field(max_length=40)]
    """When it happened (RFC 3339 with a zone); at most a day ago."""
    data: EventData


def _body_schema() -> Json:
    """The body for the OpenAPI document, in one piece: the route reads the raw bytes, which are what is signed."""
    schema = EventBody.model_json_schema()
    schema["properties"]["data"] = schema.pop("$defs")["EventData"]
    return schema


class Known:
    """Whether an event was taken before, how many may still come, and how often an address guessed. In memory only."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._taken: OrderedDict[tuple[str, str], tuple[str, str]] = OrderedDict()
        self._buckets: dict[str, tuple[float, float]] = {}
        self._bad: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def before(self, name: str, event: str, digest: str) -> str | None:
        """What this event became before; raises a 409 when the id came with another content."""
        found = self._taken.get((name, event))
        if found is None:
            return None
        if found[0] != digest:
            raise Problem(409, Why.id_reused, "webhook-id: 同一编号已用于另一内容，请为每个事件使用新的编号")
        return found[1]

    def keep(self, name: str, event: str, digest: str, became: str) -> None:
        """It is durable now."""
        self._taken[name, event] = (digest, became)
        while len(self._taken) > REMEMBERED:
            self._taken.popitem(last=False)

    def spend(self, name: str) -> None:
        """One event of the integration's rate; raises a 429 that says when to come again."""
        now = self._clock.monotonic()
        left, at = self._buckets.get(name, (AT_ONCE, now))
        left = min(AT_ONCE, left + (now - at) * A_SECOND)
        if left < 1:
            self._buckets[name] = (left, now)
            raise Problem(
                429,
                Why.too_many_requests,
                f"每秒最多 {A_SECOND:g} 个事件，请稍后重发",
                headers={"Retry-After": "1"},
            )
        self._buckets[name] = (left - 1, now)

    def guess(self, address: str) -> bool:
        """One more bad signature from an address; True while it is answered and logged one by one."""
        now = self._clock.monotonic()
        since, count = self._bad.pop(address, (now, 0))
        if now - since > 60:
            since, count = now, 0
        self._bad[address] = (since, count + 1)
        while len(self._bad) > 1_000:
            self._bad.popitem(last=False)
        return count < BAD_A_MINUTE


async def make_integration(
    stream: Stream,
    name: str,
    *,
    events: list[str],
    by: str,
    now: datetime,
    promised_hours: int | None = None,
) -> str:
    """Make an integration and its secret, which is told this once; one of that name before ends. Raises Misconfigured."""
    if not NAME.match(name):
        raise Misconfigured(
            f"an integration's name is small letters, digits, '_' and '-', 2 to 32, beginning with a letter, not {name!r}"
        )
    unknown = sorted(set(events) - set(TYPES))
    if unknown:
        raise Misconfigured(f"there is no event {unknown[0]!r}; one of: {', '.join(TYPES)}")
    if promised_hours is not None and promised_hours not in PROMISES:
        raise Misconfigured(
            f"an integration reports at least every {PROMISES.start} to {PROMISES.stop - 1} hours, not {promised_hours}"
        )
    secret = PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()
    kept = Integration(
        name=name,
        secret=secret,
        events=sorted(set(events)),
        promised_hours=promised_hours,
        made_at=now,
        by=by,
    )
    await stream.put(PEOPLE, f"integration.{name}", encode(kept))
    return secret


async def remove_integration(stream: Stream, name: str) -> bool:
    """What it signs is refused from now on. False when there was none."""
    if await find_integration(stream, name) is None:
        return False
    await stream.delete(PEOPLE, f"integration.{name}")
    await stream.delete(PEOPLE, f"reported.{name}")
    return True


async def find_integration(stream: Stream, name: str) -> Integration | None:
    """As it is kept now, so that one that was revoked is refused at once."""
    if not NAME.match(name):
        return None
    entry = await stream.get(PEOPLE, f"integration.{name}")
    return decode(entry.data, Integration) if entry is not None and entry.data else None


async def list_integrations(stream: Stream) -> list[Integration]:
    """All of them, by name."""
    names = [k.partition(".")[2] for k in await stream.keys(PEOPLE, "integration.")]
    found = [await find_integration(stream, name) for name in sorted(names)]
    return [i for i in found if i is not None]


def signature(secret: str, event: str, timestamp: str, body: bytes) -> str:
    """`v1,` and the base64 of the HMAC-SHA256 over `id.timestamp.body`; the secret is `whsec_` and base64."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    digest = hmac.new(key, f"{event}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


_NOBODY = PREFIX + base64.b64encode(bytes(32)).decode()


def checked(known: Integration | None, headers: dict[str, str], body: bytes, now: datetime) -> str:
    """The event's id, once its signature and time hold. Raises a 401, the same for an unknown name and a bad signature."""
    event, timestamp = headers["webhook-id"], headers["webhook-timestamp"]
    if not EVENT_ID.match(event) or not re.fullmatch(r"[0-9]{1,12}", timestamp):
        raise Problem(
            401,
            Why.bad_signature,
            "webhook-id、webhook-timestamp 和 webhook-signature 三个请求头缺失或不合格式",
        )
    expected = signature(known.secret if known is not None else _NOBODY, event, timestamp, body).encode()
    # Several may stand there, one for each secret the sender still signs with; all are compared.
    given = headers["webhook-signature"].split(" ")[:8]
    good = sum(hmac.compare_digest(expected, s.encode("utf-8", "replace")) for s in given)
    if known is None or not good:
        raise Problem(
            401, Why.bad_signature, "签名不符：请核对集成名称、密钥，以及签名的正文与发送的正文是否一字不差"
        )
    if abs(now.timestamp() - int(timestamp)) > WINDOW.total_seconds():
        raise Problem(
            401,
            Why.stale_timestamp,
            f"webhook-timestamp 与本机时间相差超过 {WINDOW.seconds // 60} 分钟，请校准时钟后重新签名",
        )
    return event


def read_body(body: bytes) -> tuple[EventBody, datetime]:
    """The event and when it happened. Raises a 422 that names the fields, never what was sent in them."""
    try:
        told = EventBody.model_validate(json.loads(body))
    except (ValueError, RecursionError) as error:
        fields = (
            [".".join(str(p) for p in e["loc"]) or "body" for e in error.errors()]
            if isinstance(error, ValidationError)
            else ["body"]
        )
        raise Problem(
            422,
            Why.invalid,
            "正文应为 {type, timestamp, data: {home, …}}，见 docs/integrations.md",
            fields=fields,
        ) from None
    try:
        at = datetime.fromisoformat(told.timestamp)
        if at.tzinfo is None:
            raise ValueError("no zone")
        return told, at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Problem(422, Why.invalid, "timestamp: RFC 3339，须带时区", fields=["timestamp"]) from None


def as_notice(told: EventBody, at: datetime, house: House, *, cleared: bool) -> Finding:
    """A meal that nobody fetched, as a blue task; one for each meal of a day, over when it is fetched after all."""
    data = told.data
    day = at.astimezone(house.picture.registry.zone).date()
    finding = content_id("meal", data.home, data.meal, str(day))
    phase = Phase.cleared if cleared else Phase.opened
    return Finding(
        event_id=content_id(finding, phase.value),
        finding=finding,
        phase=phase,
        at=at,
        onset_at=at,
        rule="ML1",
        rule_version=1,
        code="ML1",
        level=Level.blue,
        home=data.home,
        cause="meal",
        pictogram="activity",
        title={"zh": "订餐未取", "en": "meal not collected"},
        resident=data.resident,
        condition=Condition.cleared if cleared else Condition.active,
        parameters={"meal": data.meal, "day": str(day)},
        auto_close=True,
    )


def routes(house: House) -> APIRouter:
    """All of them, on one house."""
    router = APIRouter()
    known = Known(house.clock)

    @router.get(f"{V}/integrations", response_model=shapes.IntegrationList, tags=["integrations"])
    async def integrations() -> Json:
        """Which systems may report, and what; never their secrets."""
        found, now = await list_integrations(house.stream), house.clock.now()
        last = {i.name: await last_reported(house.stream, i.name) for i in found}
        return {
            "items": [
                {
                    "name": i.name,
                    "events": i.events,
                    "promised_hours": i.promised_hours,
                    "silent": silent_since(i.made_at, i.promised_hours, last[i.name], now) is not None,
                    "made_at": iso(i.made_at),
                    "by": house.name_of(i.by),
                    "last_at": iso(at) if (at := last[i.name]) is not None else None,
                }
                for i in found
            ]
        }

    @router.post(
        f"{V}/integrations", status_code=201, response_model=shapes.IntegrationMade, tags=["integrations"]
    )
    async def make(body: shapes.IntegrationWanted, who: Annotated[Who, Depends(signed_in)]) -> Json:
        """Let a system report. Its secret is shown this once; one of the same name ends."""
        try:
            secret = await make_integration(
                house.stream,
                body.name,
                events=list(body.events),
                by=who.by,
                now=house.clock.now(),
                promised_hours=body.promised_hours,
            )
        except Misconfigured as no:
            raise Problem(422, Why.invalid, str(no), fields=["name"]) from None
        log.info("integration_made", by=who.by, integration=body.name, events=sorted(body.events))
        return {"name": body.name, "secret": secret}

    @router.delete(
        f"{V}/integrations/{{integration}}",
        status_code=204,
        response_class=Response,
        responses={404: {"model": shapes.ProblemBody}},
        tags=["integrations"],
    )
    async def remove(integration: str, who: Annotated[Who, Depends(signed_in)]) -> Response:
        """Revoke it: what it signs is refused from now on."""
        if not await remove_integration(house.stream, integration):
            raise Problem(404, Why.not_found, "没有这个接入系统")
        log.info("integration_removed", by=who.by, integration=integration)
        return Response(status_code=204)

    @router.post(
        f"{V}/integrations/{{integration}}/events",
        status_code=202,
        response_model=shapes.EventTaken,
        responses={code: {"model": shapes.ProblemBody} for code in (401, 403, 404, 409, 413, 422, 429, 503)},
        openapi_extra={
            "parameters": [
                {"name": name, "in": "header", "required": True, "schema": {"type": "string"}}
                for name in ("webhook-id", "webhook-timestamp", "webhook-signature")
            ],
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": _body_schema()}},
            },
        },
        tags=["integrations"],
    )
    async def events(integration: str, request: Request) -> Json:
        """Something happened, says another system, signed. Durable before the answer; the same event again is one."""
        body, now = await request.body(), house.clock.now()
        found = await find_integration(house.stream, integration)
        headers = {
            n: request.headers.get(n, "") for n in ("webhook-id", "webhook-timestamp", "webhook-signature")
        }
        try:
            event = checked(found, headers, body, now)
        except Problem as no:
            address = request.client.host if request.client is not None else ""
            if not known.guess(address):
                raise Problem(
                    429, Why.too_many_attempts, "签名错误过多，请稍后再试", headers={"Retry-After": "60"}
                ) from None
            log.warning("event_refused", reason=no.reason, integration=integration if found else "unknown")
            raise
        known.spend(integration)
        digest = hashlib.sha256(body).hexdigest()
        before = known.before(integration, event, digest)
        if before is not None:
            return {"id": event, "became": before, "again": True}
        told, at = read_body(body)
        became = await take(house, found, event, told, at, now)
        await note_reported(house.stream, integration, now)
        known.keep(integration, event, digest, became)
        log.info("event_taken", integration=integration, type=told.type, home=told.data.home, became=became)
        return {"id": event, "became": became, "again": False}

    return router


async def take(
    house: House, by: Integration | None, event: str, told: EventBody, at: datetime, now: datetime
) -> str:
    """Make an event durable; what it became: sign, reading, request, notice, or nothing (with the reason in the word)."""
    assert by is not None
    if by.events and told.type not in by.events:
        raise Problem(403, Why.forbidden, f"这个系统没有登记可以上报 {told.type}", fields=["type"])
    home = house.picture.registry.homes.get(told.data.home)
    if home is None:
        raise Problem(404, Why.unknown_home, "没有这户人家", fields=["data.home"])
    if told.data.resident is not None and all(r.id != told.data.resident for r in home.residents):
        raise Problem(404, Why.unknown_resident, "这户没有这位老人", fields=["data.resident"])
    if at > now + AHEAD:
        raise Problem(422, Why.invalid, "timestamp: 事件时间在将来，请校准时钟", fields=["timestamp"])
    if now - at > OLDEST:
        raise Problem(422, Why.too_old, "timestamp: 超过 24 小时的事件不再接收", fields=["timestamp"])
    at = min(at, now)
    if told.type == "meter.read":
        return await _meter(house, home, told, at, now)
    if told.type == "request.made":
        name = f"{by.name}:{event}"
        asked = requested(home.id, told.data.what, name, house, at=at)
        await house.stream.publish(asked.subject, encode(asked), message_id=asked.event_id)
        return "request"
    if told.type in ("meal.not_collected", "meal.collected"):
        notice = as_notice(told, at, house, cleared=told.type == "meal.collected")
        await house.stream.publish(notice.subject, encode(notice), message_id=notice.event_id)
        if told.type == "meal.not_collected":
            return "notice"
    if told.type in SIGNS:
        if told.data.at_the_door:
            return "nothing_seen"
        if withheld(home, told.data.resident):
            return "no_consent"
        sign = sign_of_life(
            home.id, f"integration:{by.name}", ("event", by.name, event, told.type), at=at, now=now
        )
        await house.stream.publish(sign.subject, encode(sign), message_id=sign.report_id)
        return "sign"
    raise Problem(422, Why.invalid, "type", fields=["type"])


async def _meter(house: House, home: Home, told: EventBody, at: datetime, now: datetime) -> str:
    """A reading of the home's water meter, by the way in that devices have: consent, ranges and repeats are its business."""
    if told.data.water_total is None:
        raise Problem(422, Why.invalid, "data.water_total: 升", fields=["data.water_total"])
    meters = [d for d in home.devices if d.kind is Kind.water_meter and told.data.device in (None, d.id)]
    if len(meters) != 1:
        raise Problem(
            404,
            Why.unknown_device,
            "data.device: 请填写这户的一只水表（站点文件中 kind: water_meter）",
            fields=["data.device"],
        )
    if house.accept_reading is None:
        raise Problem(503, Why.unavailable, "此入口未启用")
    topic = meters[0].address or native_topic(home.id, meters[0].id)
    payload = json.dumps({"time": iso(at), "water_total": told.data.water_total}).encode()
    outcomes = await house.accept_reading(topic, payload, now)
    refusals = [o for o in outcomes if isinstance(o, Refusal)]
    if any(r.reason == "no_consent" for r in refusals):
        return "no_consent"
    if refusals or not outcomes:
        raise Problem(422, Why.refused, "读数不可用", refused=[{"reason": r.reason} for r in refusals])
    return "reading"
