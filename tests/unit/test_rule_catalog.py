"""Rule files are refused with file, line and reason; what ships is good."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from care.errors import Misconfigured
from rules.catalog import CATALOG, RuleFaults, load, read_rules, schema

GOOD = """\
version: 1
rules:
  - rule: X1
    version: 1
    class: care
    on: {quantity: smoke}
    cause: fire
    pictogram: smoke
    title: {zh: "{room}", en: "{room}"}
    about: {zh: 说明, en: text}
    source: a test
    when: smoke
    grades:
      - {level: yellow, after: wait_minutes}
    parameters:
      wait_minutes: {default: 5, unit: min, min: 1, max: 10, limit: x1_wait, source: a test}
"""


def faults(text: str) -> list[str]:
    with pytest.raises(RuleFaults) as caught:
        read_rules({"x.yaml": text})
    return caught.value.faults


def test_a_good_rule_is_read() -> None:
    """The pattern the faults below are made from."""
    book = read_rules({"x.yaml": GOOD})
    assert list(book.rules) == ["X1"]
    assert book.limits["x1_wait"][0] == "X1"


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        ("when: smoke", "when: smoky", 12, "`smoky` is neither a quantity nor a parameter"),
        ("quantity: smoke", "quantity: fog", 6, "`fog` is not a quantity"),
        ("class: care", "class: car", 5, "Invalid enum value 'car'"),
        ("    source: a test\n    when", "    sauce: a test\n    when", 11, "unknown field `sauce`"),
        ("default: 5", "default: 50", 16, "50 is above the hard bound 10"),
        ("default: 5", "default: true", 16, "must be a number"),
        ("min: 1, max: 10", "min: 1", 16, "needs hard bounds"),
        ("min: 1, max: 10", "min: 11, max: 10", 16, "min 11 above max 10"),
        ("after: wait_minutes", "after: weight_minutes", 14, "is not a duration"),
        ("pictogram: smoke", "pictogram: fog", 8, "pictogram `fog` is not known"),
        ('zh: "{room}"', 'zh: "{name}"', 9, "a title knows only"),
        ("class: care", "class: life\n    auto_close: [blue]", 6, "closed by people only"),
        ("class: care", "class: care\n    auto_close: [red]", 6, "only blue may close by itself"),
        ("level: yellow", "level: pink", 14, "Invalid enum value 'pink'"),
        ("unit: min", "unit: fortnight", 16, "Invalid enum value 'fortnight'"),
        ("version: 1\nrules", "version: 2\nrules", 1, "`version: 1` is missing"),
        (
            "    grades:\n      - {level: yellow, after: wait_minutes}\n",
            "    grades: []\n",
            13,
            "length >= 1",
        ),
        ("wait_minutes: {", "smoke: {", 16, "has the name of a quantity"),
    ],
)
def test_a_fault_has_a_line_and_a_reason(old: str, new: str, line: int, reason: str) -> None:
    """Whoever writes rules sees where and why."""
    assert old in GOOD
    found = faults(GOOD.replace(old, new, 1))
    assert any(f.startswith(f"x.yaml: line {line}: ") and reason in f for f in found), found


def test_a_life_safety_rule_never_falls_below_yellow() -> None:
    """The floor is kept by the loader, not by care."""
    text = GOOD.replace("class: care", "class: life").replace("level: yellow", "level: blue")
    assert any("never falls below yellow" in f for f in faults(text))


def test_all_faults_are_told_at_once() -> None:
    """One round of repairs, not ten."""
    text = GOOD.replace("when: smoke", "when: smoky").replace("pictogram: smoke", "pictogram: fog")
    assert len(faults(text)) == 2


def test_two_rules_of_one_name_are_a_fault() -> None:
    """Also across files; the place of the first is told."""
    with pytest.raises(RuleFaults, match=r"y\.yaml: line 3: rule `X1` is already in x\.yaml line 3"):
        read_rules({"x.yaml": GOOD, "y.yaml": GOOD})


def test_what_is_not_yaml_is_said_with_its_line() -> None:
    """The reader's own words, one line."""
    assert faults("version: 1\nrules: [\n")[0].startswith("x.yaml: line 3: not valid YAML")


def test_a_file_given_replaces_a_rule_of_the_same_name(tmp_path: Path) -> None:
    """`--rules` tries a changed rule against the rest of the book."""
    text = (CATALOG / "water.yaml").read_text(encoding="utf-8").replace("default: 15", "default: 20")
    (tmp_path / "water.yaml").write_text(text, encoding="utf-8")
    book = load([tmp_path / "water.yaml"])
    assert book.rules["WT1"].doc.parameters["red_minutes"].default == 20
    assert set(book.rules) == set(load().rules)
    assert book.version != load().version


def test_a_file_that_is_not_there_is_one_sentence() -> None:
    """No traceback for a mistyped name."""
    with pytest.raises(Misconfigured, match=r"rule file `nowhere\.yaml` cannot be read"):
        load([Path("nowhere.yaml")])


def test_every_number_that_ships_has_a_source_and_every_rule_both_languages() -> None:
    """A limit without a source is a guess; a title without Chinese is no help at the desk."""
    for rule in load().rules.values():
        assert rule.doc.source
        assert rule.doc.about.zh
        assert rule.doc.about.en
        for name, p in rule.doc.parameters.items():
            assert p.source, f"{rule.id}.{name}"


def test_life_safety_rules_cannot_be_slowed_by_anybody() -> None:
    """Nobody may stretch smoke, gas, CO or SOS for one resident: no personal limit touches their grades."""
    for rule in load().rules.values():
        if rule.life and rule.id != "VT7":
            delays = {g.after for g in rule.doc.grades}
            assert not any(p.limit for name, p in rule.doc.parameters.items() if name in delays), rule.id


def test_the_schema_for_editors_is_current() -> None:
    """`rules/catalog/schema.json` is generated: json.dumps(rules.catalog.schema(), ensure_ascii=False, indent=2)."""
    written = json.loads((CATALOG / "schema.json").read_text(encoding="utf-8"))
    assert written == json.loads(json.dumps(schema()))
