"""What every route about cases does first and last: wait for the log, see what one may see, carry an order out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from structlog import get_logger

from alerts.orders import NotAllowed, Order
from dashboard_api import access
from dashboard_api.house import House
from dashboard_api.people import Who
from dashboard_api.picture import Case
from dashboard_api.problems import Problem, Why
from dashboard_api.redact import Json, Viewer

log = get_logger("api")

READY_SECONDS = 5.0
"""How long a request waits for the log to be read after a start; then 503."""


@dataclass(frozen=True, slots=True)
class Casework:
    """The cases of one house, as the people of its requests may see and change them."""

    house: House

    async def ready(self) -> None:
        """Wait until the log and the registry are read; 503 when that takes too long."""
        try:
            async with asyncio.timeout(READY_SECONDS):
                await self.house.caught_up.wait()
                await self.house.registered.wait()
        except TimeoutError:
            raise Problem(
                503, Why.not_ready, "正在读取告警记录，请稍候", headers={"Retry-After": "1"}
            ) from None

    def viewer_of(self, who: Who) -> Viewer:
        """What somebody sees of cases; 403 for roles that see none."""
        view = access.view_of(who.role)
        if view is None:
            raise Problem(403, Why.forbidden, "您的角色不能查看告警")
        return self.house.viewer(who.user, view)

    async def visible(self, name: str, who: Who) -> tuple[Case, Json]:
        """A case somebody may see. One that is none of theirs does not exist for them."""
        case = await self.house.find(name)
        seen = self.house.alert_for(case, self.viewer_of(who)) if case is not None else None
        if case is None or seen is None:
            raise Problem(404, Why.unknown_alert, "没有这个告警")
        return case, seen

    async def carry_out(
        self, case: Case, order: Callable[[], Order], who: Who | None, *, by: str = ""
    ) -> Case:
        """Carry an order out, or say why not with the case as it stands."""
        made: Order | None = None
        try:
            made = order()
            done = await self.house.carry_out(case, made)
        except NotAllowed as no:
            present_case = self.house.picture.cases.get(case.alert.id, case)
            viewer = self.viewer_of(who) if who is not None else Viewer("none")
            seen = self.house.alert_for(present_case, viewer)
            result = no.reason
            self.house.metrics.commands.labels(made.command.value if made else "unreadable", result).inc()
            log.info(
                "order_refused",
                command=made.command.value if made else "",
                reason=no.reason,
                by=who.by if who else by,
                alert=case.alert.id,
            )
            more: Json = {"alert": seen} if seen is not None else {}
            if no.fields:
                more["fields"] = list(no.fields)
            raise Problem(no.status, no.reason, no.detail, **more) from None
        self.house.metrics.commands.labels(made.command.value, "done").inc()
        log.info(
            "order_carried_out",
            command=made.command.value,
            by=made.actor,
            for_whom=made.by,
            alert=case.alert.id,
            number=case.alert.number,
            version=done.alert.version,
        )
        return done
