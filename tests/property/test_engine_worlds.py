"""Proof in worlds nobody wrote: whatever the rules find there, each piece of evidence is needed, and strangers change nothing.

A world is a home with a few devices that say the same for a while and then something else, unknown and silence among it.
What removing a piece of evidence means is told in `test_engine_evidence`.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import msgspec
import pytest

from care.messages import Report
from care.site import Registry
from rules.stories import Input, Story, read_stories, run
from tests.property.test_engine_evidence import BOOK, NOISE, SPEAKING, is_gone, proved

WORDS: dict[str, tuple[str, str, dict[str, list[Any]]]] = {
    "belt": ("bed_belt", "bedroom", {
        "in_bed": [0, 1, 1], "heart_rate": [62, 70, 45, 38, 112, 135, 0, "_", "?"],
        "respiration_rate": [14, 15, 8, 26, 31, 0, "_", "?"], "signal_quality": [85, 85, 70, 20],
    }),
    "belt-2": ("bed_belt", "bedroom", {
        "in_bed": [1, 1, 0], "heart_rate": ["(60 95)", "(58x3 81x3)", 66, 230], "respiration_rate": [14, 16, 2, 61],
    }),
    "bath": ("motion", "bathroom", {"motion": [0, 0, 1, "_"]}),
    "at-the-bed": ("motion", "bedroom", {"motion": [0, 0, 1, "_"]}),
    "living": ("motion", "living", {"motion": [0, 0, 1, "_"]}),
    "door": ("door", "entrance", {"door_open": [0, 0, 1, "_"]}),
    "smoke": ("smoke", "kitchen", {
        "smoke": [0, 0, 1], "muted": [0, 1], "tamper": [0, 0, 1], "contamination": ["normal", "medium", "critical", "?"],
        "self_test": [0, 0, 1],
    }),
    "smoke-2": ("smoke", "living", {"smoke": [0, 0, 1]}),
    "gas": ("gas", "kitchen", {"gas": [0, 0, 1], "gas_level": [0, 4, 6, 11, 26]}),
    "co": ("co", "bathroom", {"co_level": [0, 55, 110, 320]}),
    "leak": ("water_leak", "bathroom", {"water_leak": [0, 0, 1]}),
    "pendant": ("sos", "bedroom", {"tamper": [0, 0, 1, "?"], "battery": [80, 18, 9, "_"]}),
    "warmth": ("climate", "kitchen", {"temperature": [20, 21, 29, 40, 58]}),
}  # fmt: skip
"""Device: kind, room, and what it may say."""
LIMITS: list[dict[str, Any]] = [
    {},
    {"usual_get_up": "05:30", "morning_slack_minutes": 30, "get_up_slack_minutes": 30},
    {"away_hours": 1, "night_exit_watch": True},
]
"""What the desk may have written down: a short morning (AC3, BD3) and a short outing (DR5), so that hours are enough."""
EACH = 4
"""So many findings of one rule in one world are tried: a detector that flickers makes dozens that are alike."""


def a_world(seed: int) -> Story:
    """A home and some hours of it."""
    chance = Random(seed)
    kit = ["belt", *chance.sample([d for d in WORDS if d != "belt"], chance.randint(2, 6))]
    every, steps = chance.choice((10, 30, 60)), chance.choice((120, 240))

    def series(words: list[Any]) -> str:
        parts, left = [], steps
        while left > 0:
            runs = min(left, chance.randint(2, 60))
            parts.append(f"{chance.choice(words)}x{runs}")
            left -= runs
        return " ".join(parts)

    doc = {
        "story": f"world {seed}",
        "rule": sorted(BOOK.rules),
        "shows": "speaks",
        "devices": {d: {"kind": WORDS[d][0], "room": WORDS[d][1]} for d in kit},
        "resident": {
            "conditions": chance.choice([[], ["dementia"], ["copd", "af"]]),
            "limits": chance.choice(LIMITS),
        },
        "from": f"2026-03-02T{chance.choice(('01:00', '21:30', '12:00', '05:20', '22:50'))}:00+08:00",
        "every": f"{every}s",
        "readings": {f"{q}@{d}": series(words) for d in kit for q, words in WORDS[d][2].items()},
        "expect": {f"{steps * every}s": [{"phase": "opened"}]},
    }
    (story,) = read_stories("world", json.dumps({"stories": [doc]}), BOOK)
    return story


@pytest.mark.parametrize("seed", range(1, 9))
def test_every_piece_of_evidence_is_needed(seed: int) -> None:
    """Without any one of them the finding is gone, or it stands on something that it had not named."""
    story = a_world(seed)
    seen: dict[str, int] = {}
    for finding in run(story, BOOK).findings:
        if not proved(finding) or seen.setdefault(finding.rule, 0) >= EACH:
            continue
        seen[finding.rule] += 1
        assert finding.evidence, finding.rule
        for evidence in finding.evidence:
            assert evidence.quantity == "alive" or is_gone(story, evidence, finding), (
                f"{finding.rule} {finding.level} at {finding.at - story.start} stands without "
                f"{evidence.device} {evidence.quantity}={evidence.value} at {evidence.at - story.start}"
            )
    assert seen


def with_strangers(story: Story, chance: Random) -> Story:
    """The story with another home beside it, and with a quantity of its own devices that no rule asks for."""
    more = []
    span = round(story.expect[-1][0].total_seconds())
    for n in range(30):
        device, values = chance.choice(
            (
                ("other-belt", {"in_bed": chance.random() < 0.5, "heart_rate": 60, "respiration_rate": 14}),
                ("other-pir", {"motion": chance.random() < 0.5}),
                ("other-smoke", {"smoke": chance.random() < 0.3}),
            )
        )
        at = story.start + timedelta(seconds=chance.randint(0, span))
        report = Report(
            report_id=f"noise{n}", home=NOISE.id, device=device, kind="x", at=at, received_at=at, device_at=at, values=values
        )  # fmt: skip
        more.append(Input(at, 100_000 + n, report, series=True))
    humid = [
        replace(
            i,
            report=msgspec.structs.replace(
                i.report, values={**i.report.values, "humidity": 50 + i.order % 9}
            ),
        )
        if i.report is not None and i.report.values
        else i
        for i in story.inputs
    ]
    site = msgspec.structs.replace(story.registry.site, homes=[story.registry.site.homes[0], NOISE])
    inputs = tuple(sorted((*humid, *more), key=lambda i: (i.at, i.order)))
    return replace(story, registry=Registry(site), inputs=inputs)


def assert_nothing_changes(story: Story, chance: Random) -> None:
    """The findings are the same bytes, strangers or not."""
    plain = run(story, BOOK).findings
    heard = [f for f in run(with_strangers(story, chance), BOOK).findings if f.home != NOISE.id]
    assert msgspec.json.encode(heard) == msgspec.json.encode(plain)


@pytest.mark.parametrize("seed", range(11, 17))
def test_strangers_change_nothing(seed: int) -> None:
    """Another home's people and alarms, and a quantity nobody asks for: the same bytes."""
    assert_nothing_changes(a_world(seed), Random(seed))


@pytest.mark.parametrize(
    "rule", ["BD3", "BD5", "BD6", "BD7_unused", "VT8", "VT10", "VT10_drift", "AC3", "AC4", "DR5", "TE4"]
)
def test_strangers_change_nothing_of_what_takes_days(rule: str) -> None:
    """The same of rules that no world of some hours reaches: the shortest story in which each of them speaks."""
    stories = [s for s in SPEAKING if rule in s.rules and len(s.registry.site.homes) == 1]
    assert_nothing_changes(min(stories, key=lambda s: len(s.inputs)), Random(rule))
