"""Signs of life that no device of the home gave: what another system reports, and a telephone that was answered. Pure.

Each is a reading of nobody's device, `life_sign`, which the rules about absence take from when it happened (AC1, AC3, AC5,
DR1). Whether it may be used is the residents' word: `withheld`. A call that was noted wrongly takes its sign back: `taken_back`.
"""

from __future__ import annotations

from datetime import datetime

from care.ids import content_id, epoch_ms
from care.messages import Report
from care.site import Home
from dashboard_api import access


def withheld(home: Home, resident: str | None) -> bool:
    """Whether the people it is about keep signs of this class from the centre; nobody named: the strictest counts."""
    data = access.CLASSES["life_sign"]
    people = [r for r in home.residents if r.id == resident] or home.residents
    return any("centre" not in (r.consent or {}).get(data, ["centre"]) for r in people)


def sign_of_life(home: str, source: str, name: tuple[str, ...], *, at: datetime, now: datetime) -> Report:
    """A sign of life in a home, told by `source` (`integration:meals`, `round`); `name` and time make its id."""
    return Report(
        report_id=content_id(*name, home, epoch_ms(at)),
        home=home,
        device=source,
        kind="integration",
        at=at,
        received_at=now,
        device_at=at,
        values={"life_sign": True},
        topic=source.replace("integration:", "integrations/"),
    )


def taken_back(sign: Report, *, now: datetime) -> Report:
    """The word that a sign was none: the rules go back to the one before it, as if this had never been told."""
    return Report(
        report_id=content_id(sign.report_id, "withdrawn"),
        home=sign.home,
        device=sign.device,
        kind=sign.kind,
        at=now,
        received_at=now,
        device_at=now,
        values={"life_sign_withdrawn": sign.report_id},
        topic=sign.topic,
    )
