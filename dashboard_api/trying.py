"""A changed limit or rule over the past, as the screens ask for it: one refusal for each reason, and the result kept.

Of a resident's limit that was tried the result is remembered for an hour: who sets it then has it in the record.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from care.errors import Misconfigured, Refused, Temporary
from care.site import Replay
from dashboard_api.house import House, Tried
from dashboard_api.modes import orders_of
from dashboard_api.problems import Problem, Why
from dashboard_api.redact import Json

REMEMBERED = timedelta(hours=1)
MOST = 1000


async def attempt(
    house: House,
    *,
    begin: datetime,
    end: datetime,
    limits: dict[str, bool | int | float | str],
    resident: str | None,
    rules: str | None = None,
) -> Json:
    """Alerts gained and lost against those in force. Raises Problem with the reason why it cannot be tried."""
    if house.try_rules is None:
        raise Problem(503, Why.history_unavailable, "没有历史数据，无法回测", headers={"Retry-After": "30"})
    registry = house.picture.registry
    orders = None
    if resident is not None:
        found = registry.residents.get(resident)
        if found is None:
            raise Problem(404, Why.unknown_resident, "没有这位老人")
        orders, _ = await orders_of(house.stream, found[0].id)
    try:
        answer = await house.try_rules(
            site=registry.site, begin=begin, end=end, limits=limits, resident=resident, rules=rules, orders=orders,
        )  # fmt: skip
    except Refused as error:
        raise Problem(413, Why.too_much, error.detail) from None
    except Misconfigured as error:
        fields = ["rules" if rules is not None else "limits"]
        raise Problem(422, Why.invalid, str(error), fields=fields) from None
    except Temporary as error:
        raise Problem(503, Why.unavailable, str(error), headers={"Retry-After": "30"}) from None
    if resident is not None and rules is None and len(limits) == 1:
        ((name, value),) = limits.items()
        now = house.clock.now()
        days = round((end - begin) / timedelta(days=1), 2)
        replay = Replay(days=days, gained=answer["gained"], lost=answer["lost"], missed=answer["missed"])
        house.tried.pop((resident, name, value), None)
        house.tried[resident, name, value] = Tried(now, replay)
        while len(house.tried) > MOST:
            del house.tried[next(iter(house.tried))]
    return answer


def remembered(house: House, resident: str, name: str, value: object) -> Replay | None:
    """The result of a trial of this very wish within the last hour."""
    tried = house.tried.get((resident, name, value))
    return tried.replay if tried is not None and house.clock.now() - tried.at <= REMEMBERED else None
