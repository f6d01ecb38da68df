"""What makes findings one case: `cases.yaml` and the questions the desk asks of it. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path

import msgspec
import yaml

from care.errors import Misconfigured
from care.ids import content_id, iso
from care.messages import Finding
from care.site import Registry
from care.words import Level, Phase

FILE = Path(__file__).with_name("cases.yaml")
AREA = "area"
"""Cause of a case of many homes (rules/catalog: `on: {subject: area}`)."""
STORM = "storm"
"""Cause of a roll-up: many technical cases at once are one."""
STORM_CODE = "ST1"
STORM_PICTOGRAM = "device"


class _Join(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    default: float
    causes: dict[str, float]


class _RollUp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    causes: list[str]
    never: list[str]
    within_seconds: float
    yellow: int
    blue: int


class CaseRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file."""

    join_minutes: _Join
    corroborate: list[tuple[str, str]]
    same_fact: list[tuple[str, str]]
    never_lower: list[str]
    vouch: list[str]
    waits_for_answer: list[str]
    about_person: list[str]
    roll_up: _RollUp

    def join_within(self, cause: str) -> timedelta:
        """How long findings of this cause are the same event."""
        return timedelta(minutes=self.join_minutes.causes.get(cause, self.join_minutes.default))

    def corroborates(self, one: str, other: str) -> bool:
        """Whether two causes bear each other out."""
        return (one, other) in self.corroborate or (other, one) in self.corroborate

    def same(self, one: str, other: str) -> bool:
        """Whether findings of two codes rest on the same fact, so that neither makes the other any surer."""
        return (one, other) in self.same_fact or (other, one) in self.same_fact

    def window(self, one: str, other: str) -> timedelta:
        """Within what time."""
        return max(self.join_within(one), self.join_within(other))

    def technical(self, cause: str, level: Level, *, life: bool, test: bool) -> bool:
        """Whether a case may be rolled up: tasks, and yellow ones of sensors; never red, never life safety."""
        kind = cause.partition(":")[0]
        if life or test or level is Level.red or kind in self.roll_up.never:
            return False
        return level is Level.blue or kind in self.roll_up.causes

    def may_lower(self, cause: str) -> bool:
        """Whether what contradicts a case of this cause makes it less urgent."""
        return cause.partition(":")[0] not in self.never_lower

    def may_vouch(self, cause: str) -> bool:
        """Whether somebody's word that the person is fine makes a case of this cause milder."""
        return self.may_lower(cause) and cause.partition(":")[0] in self.vouch

    def of_person(self, cause: str, level: Level, *, test: bool) -> bool:
        """Whether a case of this cause is about how somebody is now: red or yellow, no test, nothing of sensors."""
        return level is not Level.blue and not test and cause.partition(":")[0] in self.about_person

    def may_wait(self, code: str) -> bool:
        """Whether findings of this code become red by time only where nobody answers."""
        return code in self.waits_for_answer

    def storm_limit(self, level: Level) -> int:
        """How many cases of this level within `roll_up.within_seconds` are still told one by one."""
        return self.roll_up.blue if level is Level.blue else self.roll_up.yellow


@lru_cache(maxsize=1)
def case_rules() -> CaseRules:
    """The rules as they stand in the file. Raises Misconfigured with what is wrong."""
    try:
        return msgspec.convert(yaml.safe_load(FILE.read_text(encoding="utf-8")), CaseRules)
    except msgspec.ValidationError as error:
        raise Misconfigured(f"cases.yaml: {error}") from None


def a_storm(registry: Registry, level: Level, now: datetime) -> Finding:
    """What a roll-up says of itself: a finding of the community's, not of any home's."""
    name = content_id(STORM, iso(now))
    return Finding(
        event_id=content_id(name, "opened"),
        finding=name,
        phase=Phase.opened,
        at=now,
        onset_at=now,
        rule=STORM_CODE,
        rule_version=1,
        code=STORM_CODE,
        level=level,
        home=registry.site.community.id,
        cause=STORM,
        pictogram=STORM_PICTOGRAM,
        title={"zh": "设备告警集中出现，已合并", "en": "Many device notices at once, rolled up"},
        auto_close=True,
    )
