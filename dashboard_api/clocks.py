"""How far the clocks of devices are off, as far as their messages tell. Pure.

A message cannot come before it was sent, so the least delay within a while is the clock's own error and the way the message
took: seconds behind when it is positive, ahead when it is negative. What the broker had kept, and what a device had queued,
comes late and never lowers the least.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from care.messages import Report

WHILE = timedelta(hours=6)
"""So long a least delay counts; then the next one does, so that a clock that was set right is seen within twice that."""
RIGHT_SECONDS = 5.0
"""What is less may be the way the message took (rule TE10 and `rules.clocks` go by the same)."""


@dataclass(slots=True)
class Told:
    """What is known of one device's clock."""

    began: datetime
    least: float
    """Least delay in this while, seconds."""
    before: float | None = None
    """The same of the while before."""
    at: datetime | None = None
    """When it was last told."""


@dataclass(slots=True)
class Clocks:
    """Of every device that sends its own time."""

    devices: dict[str, Told] = field(default_factory=dict)
    timeless: set[str] = field(default_factory=set)
    """Devices that were heard and gave no time."""

    def feed(self, report: Report) -> None:
        """Take in one report; what the broker had kept says nothing about a clock."""
        if report.retained or report.state is not None:
            return
        if report.device_at is None:
            if report.device not in self.devices:
                self.timeless.add(report.device)
            return
        delay = (report.received_at - report.device_at).total_seconds()
        known = self.devices.get(report.device)
        if known is None:
            self.timeless.discard(report.device)
            known = self.devices[report.device] = Told(report.received_at, delay)
        elif report.received_at - known.began >= WHILE:
            known.began, known.before, known.least = report.received_at, known.least, delay
        else:
            known.least = min(known.least, delay)
        known.at = report.received_at

    def error(self, device: str) -> float | None:
        """Seconds a device's clock is behind, negative when it is ahead; None when nobody can tell."""
        known = self.devices.get(device)
        if known is None:
            return None
        return known.least if known.before is None else min(known.least, known.before)
