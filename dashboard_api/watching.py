"""Does anybody see and hear the screens? A desk that was audible and falls silent is an alarm of its own (ux 6.4). Pure.

`Watch.look` is asked every few seconds with the newest beat of an audible desk. Sixty seconds without one, while the rota
has somebody at the desk, is a finding; the next audible beat clears it. A service that begins has ten minutes until its first
desk is heard: whoever sets it up has to sign in first. When one was last heard, and since when none ever was, is kept over a
restart (`folds.LAST_HEARD`, `folds.NEVER_HEARD`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from alerts.alert import Alert
from care.ids import content_id, iso
from care.messages import Finding
from care.words import Condition, Level, Phase

CODE = "TE14"
CAUSE = "screens"
SILENT_AFTER = timedelta(seconds=60)
FIRST_AFTER = timedelta(minutes=10)
"""How long a service that never heard an audible desk waits for the first one: our own figure, ux 6.4 gives none."""


@dataclass(slots=True)
class Watch:
    """What was last heard of audible desks, and what was said about it."""

    audible_at: datetime | None = None
    never_since: datetime | None = None
    """Since when this service has waited for its first audible desk; of no meaning once it was heard."""
    said: str = ""
    said_since: datetime | None = None

    def look(
        self, audible_at: datetime | None, *, expected: bool, home: str, now: datetime
    ) -> Finding | None:
        """The finding to publish now, if any. `expected`: the rota has somebody at the desk."""
        if audible_at is not None and (self.audible_at is None or audible_at > self.audible_at):
            self.audible_at = audible_at
        since = self.audible_at or self.never_since
        if since is None:
            return None
        silent = now - since > (FIRST_AFTER if self.audible_at is None else SILENT_AFTER)
        if silent and expected and not self.said:
            self.said, self.said_since = content_id(CODE, home, iso(since)), since
            return self._finding(home, now, Phase.opened)
        if not silent and self.said:
            over = self._finding(home, now, Phase.cleared)
            self.said, self.said_since = "", None
            return over
        return None

    def resume(self, alerts: Iterable[Alert]) -> None:
        """What was said before a restart, and not taken back: the next audible beat clears that."""
        for alert in alerts:
            for finding in alert.findings:
                if finding.code == CODE and finding.condition is not Condition.cleared:
                    self.said, self.said_since = finding.finding, finding.onset_at

    def _finding(self, home: str, now: datetime, phase: Phase) -> Finding:
        assert self.said_since is not None
        cleared = phase is Phase.cleared
        never = self.said_since == self.never_since
        return Finding(
            event_id=content_id(self.said, phase.value, iso(now) if cleared else ""),
            finding=self.said,
            phase=phase,
            at=now,
            onset_at=self.said_since,
            rule=CODE,
            rule_version=1,
            code=CODE,
            level=Level.yellow,
            home=home,
            cause=CAUSE,
            pictogram="device",
            title={"zh": "监控席无声或无人值守", "en": "nobody sees or hears the monitoring desk"},
            condition=Condition.cleared if cleared else Condition.active,
            parameters={
                "silent_after_seconds": (FIRST_AFTER if never else SILENT_AFTER).total_seconds(),
                **({} if never else {"last_audible_at": iso(self.said_since)}),
            },
        )
