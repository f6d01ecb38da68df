"""SOS pressed for company or for help with daily life, again and again (domain 3.4 SOS4): somebody should go and see. Pure.

Nobody is scolded and no press is ever ignored: a social worker looks at it, and shows the green button (一键上门). What
counts is how people closed the cases (`COMPANY`), so only alerts know it. `noted` brings the record of a home up to
date from the cases there are; `asked` says which presses ask for a review. Closing the case of SOS4 is the review.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from alerts.alert import Alert
from care.site import Reviews

CODE = "SOS4"
CAUSE = "company"
COMPANY = frozenset({"C10", "C11"})
"""Distress or company wanted; help with daily life (domain 4.5)."""
KEPT = timedelta(days=92)


class Press(msgspec.Struct, frozen=True, kw_only=True):
    """One case of SOS that was closed as company or daily help."""

    number: int
    at: datetime


class Company(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of one home, kept under `company.HOME`."""

    home: str
    presses: tuple[Press, ...] = ()
    reviewed_at: datetime | None = None


def noted(known: Company, alerts: Iterable[Alert], now: datetime) -> Company:
    """The record with what the cases of the home say now; one that was reopened and closed otherwise is taken back."""
    presses = {p.number: p for p in known.presses if now - p.at <= KEPT}
    reviewed = known.reviewed_at
    for alert in alerts:
        if alert.home != known.home or alert.test:
            continue
        if alert.cause == "sos":
            presses.pop(alert.number, None)
            if not alert.open and alert.outcome is not None and alert.outcome.cause in COMPANY:
                presses[alert.number] = Press(number=alert.number, at=alert.onset_at)
        elif alert.cause == CAUSE and not alert.open and alert.closed_at is not None:
            by = alert.outcome.by if alert.outcome is not None else None
            if by is not None and (reviewed is None or alert.closed_at > reviewed):
                reviewed = alert.closed_at
    return Company(
        home=known.home,
        presses=tuple(sorted(presses.values(), key=lambda p: (p.at, p.number))),
        reviewed_at=reviewed,
    )


def asked(known: Company, reviews: Reviews) -> list[int]:
    """The cases that ask for a review: so many within so many days, none of them looked at yet; empty for no need."""
    fresh = [p for p in known.presses if known.reviewed_at is None or p.at > known.reviewed_at]
    span = timedelta(days=reviews.days)
    for first in range(len(fresh) - reviews.count + 1):
        last = fresh[first + reviews.count - 1]
        if last.at - fresh[first].at <= span:
            return [p.number for p in fresh[first : first + reviews.count]]
    return []
