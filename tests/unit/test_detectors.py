"""Detectors are named in rule files and refused there when they cannot be what was meant."""

from __future__ import annotations

import pytest

from rules.catalog import RuleFaults, read_rules
from rules.conditions import ConditionFault, Scope, compile_condition

GOOD = """\
version: 1
rules:
  - rule: X1
    version: 1
    class: care
    on: {subject: bed, quantity: in_bed}
    cause: drift
    pictogram: bed
    title: {zh: "{room}", en: "{room}"}
    about: {zh: 说明, en: text}
    source: a test
    detector: {use: night_exits, with: {least: 5, above: above, nights: 2, moved: 2}}
    when: detected()
    grades:
      - {level: blue}
    parameters:
      above: {default: 3, unit: number, min: 1, max: 10, source: a test}
      of: {default: 3, unit: number, min: 1, max: 10, source: a test}
      days: {default: 3, unit: d, min: 1, max: 10, source: a test}
"""


def test_a_detector_is_given_values_parameters_and_parameters_of_the_same_name() -> None:
    """What a rule does not say it takes from its parameter of that name."""
    rule = read_rules({"x.yaml": GOOD}).rules["X1"]
    assert rule.detector is not None
    assert set(rule.detector.given) == {"least", "above", "nights", "of", "moved"}


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        ("use: night_exits", "use: night_exists", 12, "there is no detector `night_exists`; there are"),
        ("least: 5", "lest: 5", 12, "`night_exits` takes least, above, nights, of, moved; not `lest`"),
        ("least: 5, ", "", 12, "`night_exits` needs `least`, a number"),
        ("least: 5", "least: days", 12, "a number is needed, this is duration"),
        ("least: 5", "least: fife", 12, "`fife` is neither a quantity nor a parameter"),
        ("subject: bed", "subject: home", 6, "`night_exits` is about a bed"),
        ("when: detected()", "when: in_bed", 3, "`detected()` and `detector:` go together"),
    ],
)
def test_a_fault_has_a_line_and_a_reason(old: str, new: str, line: int, reason: str) -> None:
    """Unknown detector, unknown parameter, wrong type, wrong subject, never asked."""
    assert old in GOOD
    with pytest.raises(RuleFaults) as caught:
        read_rules({"x.yaml": GOOD.replace(old, new, 1)})
    assert any(f.startswith(f"x.yaml: line {line}: ") and reason in f for f in caught.value.faults), (
        caught.value.faults
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('late("get_down", 120m)', '`late` knows "get_up"'),
        ("late(get_up, 120m)", '`late` knows "get_up"'),
        ("baseline(movement) > 3", "`baseline` knows heart_rate, respiration_rate, not `movement`"),
        ('usual("nap") > 3h', '`usual` knows "away"'),
    ],
)
def test_a_habit_nobody_learns_is_refused(text: str, reason: str) -> None:
    """A misspelt habit would be unknown for ever, and the rule silent."""
    with pytest.raises(ConditionFault, match=reason.replace("(", "\\(")):
        compile_condition(text, Scope())
