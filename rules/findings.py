"""What the engine says, written out: findings with their evidence, titles and names. Start at `finding_of`.

Pure functions of an `Instance` and its episode. Every message is named by its content (`event_id`), so the same
thing said again has the same name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from care.ids import content_id
from care.messages import Evidence, Finding, Value
from care.words import Condition, Level, Phase
from rules.catalog import RuleGrade, Shape, Subject
from rules.live import Instance, LiveDevice, Trigger, silent_since
from rules.memory import ACTIVE, Field, moment
from rules.modes import MODE_WORDS
from rules.proof import of_field, of_sign
from rules.samples import WEAK
from rules.signs import allowed, bearers, last_sign
from rules.view import EngineView
from rules.words import device_words, room_kind, room_words

LATE = 5_000
"""Milliseconds after which news is labelled late (a screen must tell within five: mission)."""


@dataclass(frozen=True, slots=True)
class Particulars:
    """What only an outage has to say."""

    device: str | None
    """The gateway, when it is the gateway."""
    words: dict[str, Any]
    """For the title: `area`, `homes`."""
    parameters: dict[str, Any]
    evidence: list[Evidence] = field(default_factory=list)


CANNOT_TELL = "cannot_tell"
"""The tag of a lack whose sensors did not live long enough to prove it."""

Found = dict[tuple[str, str, datetime], Evidence]


def evidence_of(
    instance: Instance, view: EngineView, trigger: Trigger | None, grade: RuleGrade | None
) -> list[Evidence]:
    """The few readings the condition rests on just now, after those that opened the episode."""
    rule = instance.rule
    found: Found = {}
    if instance.episode.phase == ACTIVE and instance.episode.grade >= 0:
        found = {(e.device, e.quantity, e.at): e for e in instance.episode.evidence}  # what opened it stays
    view.told, view.by = [], {}
    parts = list(rule.when.support(view, True)) if rule.when.value(view) else []
    if grade is not None and grade.when is not None and grade.when.value(view):
        parts += grade.when.support(view, True)
    (grade or rule.grades[max(instance.episode.grade, 0)]).after.value(
        view
    )  # a limit that was learned is named
    if rule.learns_hours and rule.hours is not None:
        for hour in rule.hours:
            hour.value(view)
    learned, view.told = view.told, None
    for told in learned:
        _add(found, told)
    for part in parts:
        if part.told is not None:
            _add(found, part.told)
            continue
        if part.wide:
            for device in instance.home.devices.values():
                f = device.fields.get(part.quantity)
                if f is not None and (not part.rooms or room_kind(device.room) in part.rooms):
                    _add(found, of_field(device, part.quantity, f))
            continue
        best: tuple[LiveDevice, Field] | None = None
        for device in instance.group:
            f = device.fields.get(_shown_by(part.quantity, device))
            if f is None:
                continue
            said = view.by.get(part.quantity, trigger and trigger.device) is device
            if best is None or said or (f.value and not best[1].value):
                best = device, f
        if best is not None:
            _add(found, of_field(best[0], _shown_by(part.quantity, best[0]), best[1]))
    if rule.doc.shape is Shape.lack:
        now = max(view.now, instance.episode.onset)
        silent = _silences(instance, now) if instance.episode.blind else []
        for shown in silent or of_sign(last_sign(instance.home, rule.doc.signs, now)):
            _add(found, shown)
        if not found:  # never a sign: since the sensors that could have shown one are there
            for device in bearers(instance.home, rule.doc.signs):
                since = device.memory.first_at or device.memory.known_at
                _add(found, Evidence(device=device.name, quantity="known", value=None, at=moment(since)))
    if rule.doc.shape is Shape.absence and instance.device is not None:
        since = silent_since(instance.device) or instance.episode.onset
        _add(found, Evidence(device=instance.device.name, quantity="silence", value=None, at=moment(since)))
    if not found and instance.device is not None:  # it was heard, and never said what the rule waits for
        known = instance.device.memory
        at = moment(known.first_at or known.known_at or instance.episode.onset)
        _add(found, Evidence(device=instance.device.name, quantity="known", value=None, at=at))
    return list(found.values())[-8:]


def _shown_by(quantity: str, device: LiveDevice) -> str:
    """A mattress that has words for breath shows it by its word, whatever number it sends along."""
    state = device.fields.get("bed_state")
    return (
        "bed_state"
        if quantity == "respiration_rate" and state is not None and state.value == WEAK
        else quantity
    )


def _silences(instance: Instance, now: int) -> list[Evidence]:
    """The sensors whose silence makes a lack unable to tell."""
    return [
        Evidence(device=device.name, quantity="silence", value=None, at=moment(heard))
        for device in bearers(instance.home, instance.rule.doc.signs)
        if now - (heard := device.memory.heard_at or device.memory.known_at) > allowed(device)
    ]


def _add(found: Found, evidence: Evidence) -> None:
    found[evidence.device, evidence.quantity, evidence.at] = evidence


def reading(trigger: Trigger, quantity: str, value: Value) -> Evidence:
    """One value of the report just heard."""
    return Evidence(
        device=trigger.device.name,
        quantity=quantity,
        value=value,
        at=moment(trigger.at),
        received_at=trigger.report.received_at,
        report_id=trigger.report.report_id,
    )


def finding_of(
    instance: Instance,
    phase: Phase,
    at: int,
    reason: str,
    trigger: Trigger | None,
    *,
    now: int,
    condition: Condition,
    more: Particulars | None = None,
) -> Finding:
    """The finding of an instance's episode as it stands, with the level and title of the grade it reached."""
    rule, episode = instance.rule, instance.episode
    doc = rule.doc
    grade = rule.grades[max(episode.grade, 0)]
    device = trigger.device if trigger is not None and trigger.device in instance.group else None
    device = device or (instance.group[0] if instance.group and doc.on.subject is not Subject.home else None)
    if more is not None:
        device = instance.home.devices.get(more.device) if more.device is not None else None
    unproven = doc.shape is Shape.lack and episode.blind
    level = Level.blue if instance.test else Level.yellow if unproven else grade.level
    room = (device.room if device is not None else instance.room) or None
    late = (trigger.received - at if trigger is not None else now - at) if phase is not Phase.cleared else 0
    if condition is Condition.active and episode.blind:
        condition = Condition.unknown
    text = doc.cannot_tell if unproven and doc.cannot_tell is not None else grade.title
    room_zh, room_en = room_words(room or "")
    label = device.site.label if device is not None and device.site is not None else ""
    device_zh, device_en = device_words(device.kind if device is not None else "", label)
    filled: dict[str, Any] = {
        "minutes": episode.minutes,
        "hours": round(episode.minutes / 60),
        "count": episode.occurrences,
    }
    over = [s for s in instance.home.modes if s.ends <= at]
    mode_zh, mode_en = MODE_WORDS[max(over, key=lambda s: s.ends).mode] if over else ("", "")
    filled |= more.words if more is not None else {"area": "", "homes": 1}
    parameters = dict(instance.parameters)
    return Finding(
        event_id=content_id(
            episode.finding, phase.value, reason, at, level.value, episode.occurrences, instance.key
        ),
        finding=episode.finding,
        phase=phase,
        at=moment(at),
        onset_at=moment(episode.onset),
        rule=rule.id,
        rule_version=doc.version,
        code=rule.code,
        level=level,
        home=instance.home.name,
        cause=f"device:{instance.subject}" if doc.cause == "device" else doc.cause,
        pictogram=doc.pictogram,
        title={
            "zh": text.zh.format(room=room_zh, device=device_zh, mode=mode_zh, **filled),
            "en": _sentence(text.en.format(room=room_en, device=device_en, mode=mode_en, **filled)),
        },
        resident=instance.resident.id if instance.resident is not None else None,
        device=device.name if device is not None else None,
        room=room,
        condition=condition,
        evidence=list(more.evidence if more is not None else episode.evidence),
        parameters=parameters | more.parameters if more is not None else parameters,
        sources=dict(instance.sources),
        tags=list(episode.tags),
        occurrences=episode.occurrences,
        late_seconds=late / 1000 if late > LATE else 0.0,
        seq=episode.seq,
        reopen_minutes=doc.reopen_minutes,
        life=rule.life and not instance.test,
        auto_close=instance.test or level in doc.auto_close,
        test=instance.test,
        reason=reason,
    )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
