"""Routes about reaching people: browsers that ask for messages, and channels that are tried before they are needed."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Response
from structlog import get_logger

from alerts import tried
from alerts.subscriptions import HOSTS, Subscription, is_allowed, public_key, remember, vapid_key
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


def routes(house: House) -> APIRouter:
    """All of them, on one house."""
    router = APIRouter()

    def person_of(who: Who) -> str:
        person = who.user.staff or who.user.contact
        if person is None:
            raise Problem(403, Why.no_person, "此登录未对应人员，无法接收推送")
        return person

    @router.get(f"{V}/push", response_model=shapes.PushKey, tags=["messages"])
    async def push_key(who: Annotated[Who, Depends(signed_in)]) -> Json:
        """The key with which a browser asks for messages of ours (`applicationServerKey`)."""
        person_of(who)
        return {"key": public_key(await vapid_key(house.stream))}

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
                    "state": "untried"
                    if state is None
                    else "verified"
                    if state.verified_at
                    else "sent"
                    if state.sent
                    else "failed",
                    "detail": state.detail if state is not None else "",
                    "tried_at": iso(state.tried_at) if state is not None else None,
                    "verified_at": iso(state.verified_at)
                    if state is not None and state.verified_at
                    else None,
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
