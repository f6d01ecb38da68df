"""Test campaigns: a named tester tries SOS buttons and detectors within an hour. Pure.

An alarm of a listed device within the window is seen at once and paged as yellow, and the tester is asked; it is red,
with everybody that red tells, `CONFIRM_WITHIN` later unless the tester has said that it was the test. Whatever is not
plainly the test is real from the first moment: another device of the home, a second press, an alarm that is late, a
case that is there already, another kind of finding, a window that is over. A missed SOS can cost a life.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from alerts.upkeep import TESTED
from care.ids import content_id
from care.messages import Finding
from care.site import Registry
from care.words import Level, Phase

CONFIRM_WITHIN = timedelta(seconds=90)
"""From the alarm on; time to read one message and press one button, and no more: a real call waits as long for its ladder."""
LONGEST = timedelta(minutes=60)
MOST_DEVICES = 40
"""What one person can try in an hour."""
AHEAD = timedelta(days=7)
LATE = 5.0
"""Seconds. What comes later than that was not pressed before the tester's eyes."""
PLAIN = frozenset({"SOS1", "SM1", "GS1", "CO1", "FL1"})
"""What a device says when it is tried; everything else that a rule concludes is more than a test."""
SAME_PRESS = frozenset({"evidence", "known", "unknown"})
"""What may change of a finding while its alarm still sounds; an occurrence is another press."""


class Campaign(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Kept under `campaign.ID`."""

    id: str
    tester: str
    """Id of a member of staff."""
    devices: tuple[str, ...]
    begins: datetime
    ends: datetime
    made_at: datetime
    by: str
    ended_by: str | None = None
    """Who ended it early; `ends` is then."""
    passed: dict[str, datetime] = {}
    """Device → when the tester confirmed."""

    def runs(self, at: datetime) -> bool:
        """Whether its window is open."""
        return self.begins <= at < self.ends


def campaign_id(tester: str, devices: Iterable[str], begins: datetime) -> str:
    """The same tester, devices and beginning are the same campaign."""
    return content_id("campaign", tester, str(begins), *sorted(devices))


def awaited(
    campaigns: Iterable[Campaign], registry: Registry, finding: Finding, now: datetime
) -> Campaign | None:
    """The campaign that an alarm may belong to; None when it is real, which is when anything is in doubt."""
    if (
        finding.phase is not Phase.opened
        or finding.test
        or finding.code not in PLAIN
        or finding.level is not Level.red
        or finding.device is None
        or finding.occurrences > 1
        or finding.late_seconds > LATE
        or (now - finding.onset_at).total_seconds() > LATE
        or {e.device for e in finding.evidence} - {finding.device}
    ):
        return None
    known = registry.devices.get(finding.device)
    if known is None or known[0].id != finding.home or known[1].kind not in TESTED:
        return None
    running = [
        c
        for c in campaigns
        if c.runs(now)
        and c.runs(finding.onset_at)
        and finding.device in c.devices
        # Tried once already: what rings again after that is nobody's test.
        and finding.device not in c.passed
        and c.tester in registry.staff
    ]
    return min(running, key=lambda c: (c.ends, c.id), default=None)
