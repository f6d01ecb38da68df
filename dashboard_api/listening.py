"""The live channel's route: who may listen to which view, and the events as they are sent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Header, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent
from structlog import get_logger

from dashboard_api import access
from dashboard_api.asking import signed_in
from dashboard_api.casework import Casework
from dashboard_api.house import House, desk_key
from dashboard_api.live import Key, Listener
from dashboard_api.people import Who
from dashboard_api.problems import Problem, Why

log = get_logger("api")

V = access.V
LONGEST_ID = 100
"""Characters of the last event's id that are looked at: whoever comes with another's id is given a snapshot, and no error."""


def routes(house: House) -> APIRouter:
    """The one there is, on one house."""
    router = APIRouter()
    casework = Casework(house)

    async def listening(
        who: Annotated[Who, Depends(signed_in)],
        view: Annotated[Literal["desk", "wall", "responder", "family"], Query()] = "desk",
        last_event_id: Annotated[str | None, Header()] = None,
        last: Annotated[
            str | None, Query(description="as Last-Event-ID, for clients that cannot set it")
        ] = None,
    ) -> AsyncIterator[Listener]:
        await casework.ready()
        if who.role not in access.VIEWS[view]:
            raise Problem(403, Why.forbidden, "您的角色不能打开此视图")
        person = ""
        if view in ("responder", "family"):
            viewer = house.viewer(who.user, view)
            if viewer.person is None:
                raise Problem(403, Why.forbidden, "这个账号没有对应到工作人员，请联系管理员")
            person = viewer.person
        listener = house.hub.open(
            desk_key(who.role) if view == "desk" else Key(view, person),
            who.session,
            (last_event_id or last or "")[:LONGEST_ID],
            lambda channel: house.snapshot(channel, who),
        )
        log.info("screen_opened", view=view, by=who.by)
        try:
            yield listener
        finally:
            house.hub.leave(listener)
            house.metrics.live_ended.labels(view, listener.ended or "left").inc()
            log.info("screen_left", view=view, by=who.by, why=listener.ended or "left")

    @router.get(
        f"{V}/live",
        response_class=EventSourceResponse,
        responses={
            200: {
                "description": "Server-sent events; each is a LiveEvent (see webhooks.live)",
                "content": {"text/event-stream": {}},
            }
        },
        tags=["live"],
    )
    async def live(listener: Listener = Depends(listening)) -> AsyncIterator[ServerSentEvent]:
        """The live channel: `snapshot`, then numbered events; `hb` every 5 s. Honours Last-Event-ID."""
        async for event in listener.events():
            yield ServerSentEvent(event=event.name, id=event.id, raw_data=event.data)

    return router
