"""Does anybody see and hear the screens? A desk that was audible and falls silent is an alarm of its own (ux 6.4). Pure.

`Watch.look` is asked every few seconds with the newest beat of an audible desk. Sixty seconds without one, while the rota
has somebody at the desk, is a finding; the next audible beat clears it. A service to which no audible desk ever beat says
nothing: then the rota's own watch (TE8) and the ladder's messages have to do. When one was last heard is kept over a restart
(`folds.LAST_HEARD`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from care.ids import content_id, iso
from care.messages import Finding
from care.words import Condition, Level, Phase

CODE = "TE14"
CAUSE = "screens"
SILENT_AFTER = timedelta(seconds=60)


@dataclass(slots=True)
class Watch:
    """What was last heard of audible desks, and what was said about it."""

    audible_at: datetime | None = None
    said: str = ""
    said_since: datetime | None = None

    def look(
        self, audible_at: datetime | None, *, expected: bool, home: str, now: datetime
    ) -> Finding | None:
        """The finding to publish now, if any. `expected`: the rota has somebody at the desk."""
        if audible_at is not None and (self.audible_at is None or audible_at > self.audible_at):
            self.audible_at = audible_at
        if self.audible_at is None:
            return None
        silent = now - self.audible_at > SILENT_AFTER
        if silent and expected and not self.said:
            self.said, self.said_since = content_id(CODE, home, iso(self.audible_at)), self.audible_at
            return self._finding(home, now, Phase.opened)
        if not silent and self.said:
            over = self._finding(home, now, Phase.cleared)
            self.said, self.said_since = "", None
            return over
        return None

    def _finding(self, home: str, now: datetime, phase: Phase) -> Finding:
        assert self.said_since is not None
        cleared = phase is Phase.cleared
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
                "silent_after_seconds": SILENT_AFTER.total_seconds(),
                "last_audible_at": iso(self.said_since),
            },
        )
