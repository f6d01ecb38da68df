"""Routes about reaching people: browsers that ask for messages, and channels that are tried before they are needed."""

from __future__ import annotations

import contextlib
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Response
from structlog import get_logger

from alerts import tried
from alerts.subscriptions import HOSTS, Subscription, by_person, is_allowed, public_key, remember, vapid_key
from alerts.telling import address_of
from alerts.upkeep import Reach
from care.ids import content_id, iso
from care.messages import decode
from care.stream import PEOPLE
from dashboard_api import access, shapes
from dashboard_api.asking import signed_in
from dashboard_api.house import House
from dashboard_api.people import Who
from dashboard_api.problems import Problem, Why
from dashboard_api.redact import Json

log = get_logger("api")

V = access.V


def told_of(state: Reach | None) -> Json:
    """What is known of a channel that was or was not tried."""
    if state is None:
        return {"state": "untried", "detail": "", "tried_at": None, "verified_at": None}
    return {
        "state": "verified" if state.verified_at else "sent" if state.sent else "failed",
        "detail": state.detail,
        "tried_at": iso(state.tried_at),
        "verified_at": iso(state.verified_at) if state.verified_at else None,
    }


def routes(house: House) -> APIRouter:
    """All of them, on one house."""
    router = APIRouter()

    def person_of(who: Who) -> str:
        person = who.user.staff or who.user.contact
        if person is None:
            raise Problem(403, Why.no_person, "这个账号没有对应到人员，不能接收消息，请联系管理员")
        return person

    async def browsers_of(person: str) -> list[tuple[str, str]]:
        """The browsers of a person that asked, the newest first: name, and the channel's address."""
        known: dict[str, Subscription] = {}
        for key in await house.stream.keys(PEOPLE, "push."):
            entry = await house.stream.get(PEOPLE, key)
            if entry is not None and entry.data is not None:
                with contextlib.suppress(msgspec.MsgspecError):
                    one = decode(entry.data, Subscription)
                    if one.person == person:
                        known[one.id] = one
        urls = by_person(known).get(person, ())
        return [(url.partition("://")[2], address_of(url)) for url in urls]

    @router.get(f"{V}/push", response_model=shapes.PushKey, tags=["messages"])
    async def push_key(who: Annotated[Who, Depends(signed_in)]) -> Json:
        """The key with which a browser asks for messages of ours (`applicationServerKey`), and which of one's browsers did.

        A browser finds itself by the name made of its endpoint: the first 20 hexadecimal digits of
        SHA-256(`str:push`, 0x1f, `str:` and the endpoint, 0x1f).
        """
        person = person_of(who)
        items: list[Json] = []
        for name, address in await browsers_of(person):
            entry = await house.stream.get(PEOPLE, tried.key_of(person, address))
            state = decode(entry.data, Reach) if entry is not None and entry.data is not None else None
            items.append({"id": name, **told_of(state)})
        return {"key": public_key(await vapid_key(house.stream)), "browsers": items}

    @router.post(f"{V}/push/test", status_code=202, response_model=shapes.TestAsked, tags=["messages"])
    async def test_here(body: shapes.PushEndpoint, who: Annotated[Who, Depends(signed_in)]) -> Json:
        """Send a harmless message to this browser; whether its push service took it is told by `GET /push`."""
        person = person_of(who)
        name = content_id("push", body.endpoint)
        address = dict(await browsers_of(person)).get(name)
        if address is None:
            raise Problem(404, Why.not_found, "这个浏览器还没有为您打开消息提醒")
        test = await tried.ask(house.stream, person, by=who.by, now=house.clock.now(), only=address)
        log.info("browser_tested", by=who.by)
        return {"test": test}

    @router.post(f"{V}/push", status_code=204, response_class=Response, tags=["messages"])
    async def subscribe(body: shapes.PushSubscription, who: Annotated[Who, Depends(signed_in)]) -> Response:
        """A browser asks for this person's messages; again is the same."""
        person = person_of(who)
        if not is_allowed(body.endpoint, (*HOSTS, *house.push_hosts)):
            raise Problem(
                422, Why.invalid, "不认识这个推送服务；可在 notify.push_hosts 中加入", fields=["endpoint"]
            )
        try:
            subscription = msgspec.convert(
                {
                    "person": person,
                    "endpoint": body.endpoint,
                    "p256dh": body.keys.p256dh,
                    "auth": body.keys.auth,
                    "created_at": house.clock.now(),
                },
                Subscription,
            )
        except msgspec.ValidationError:
            raise Problem(422, Why.invalid, "keys: base64url of the browser's own", fields=["keys"]) from None
        await remember(house.stream, subscription)
        log.info("browser_subscribed", by=who.by)
        return Response(status_code=204)

    @router.delete(f"{V}/push", status_code=204, response_class=Response, tags=["messages"])
    async def unsubscribe(body: shapes.PushEndpoint, who: Annotated[Who, Depends(signed_in)]) -> Response:
        """This browser wants no messages any more. One that is not this person's stays."""
        person = person_of(who)
        key = f"push.{content_id('push', body.endpoint)}"
        entry = await house.stream.get(PEOPLE, key)
        if entry is not None and entry.data is not None and decode(entry.data, Subscription).person == person:
            await house.stream.delete(PEOPLE, key)
            log.info("browser_unsubscribed", by=who.by)
        return Response(status_code=204)

    def known(person: str) -> None:
        registry = house.picture.registry
        if person not in registry.staff and person not in registry.contacts:
            raise Problem(404, Why.not_found, "没有这个人员或联系人")

    @router.get(f"{V}/people/{{person}}/channels", response_model=shapes.Channels, tags=["messages"])
    async def channels(person: str) -> Json:
        """How a member of staff or a contact is reached, and which of it was tried. Addresses are never shown."""
        known(person)
        found = await tried.reach(house.stream, house.picture.registry, person)
        return {
            "person": person,
            "items": [
                {
                    "channel": channel,
                    "address": address,
                    **told_of(state),
                }
                for channel, address, state in found
            ],
        }

    @router.post(
        f"{V}/people/{{person}}/test", status_code=202, response_model=shapes.TestAsked, tags=["messages"]
    )
    async def test(person: str, who: Annotated[Who, Depends(signed_in)]) -> Json:
        """Send a harmless message by each channel of a person; what comes of it is in their channels."""
        known(person)
        name = await tried.ask(house.stream, person, by=who.by, now=house.clock.now())
        log.info("channels_tested", person=person, by=who.by)
        return {"test": name}

    return router
