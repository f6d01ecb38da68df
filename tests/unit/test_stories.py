"""Every rule has a story in which it speaks and one in which it keeps quiet; all go as written, crashes or not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rules.catalog import CATALOG
from rules.cli import app
from rules.stories import (
    Story,
    StoryFaults,
    block,
    read_stories,
    run,
    uncovered,
    without_lateness,
)
from rules.zones import ZONES, placements
from tests.told import ALL, BOOK


@pytest.mark.parametrize("story", ALL, ids=[f"{s.rules[0]}: {s.name}" for s in ALL])
def test_a_story_goes_as_written_and_a_crash_anywhere_changes_nothing(story: Story) -> None:
    """The same findings, whether or not the engine is dropped before every input and timer; only lateness may differ."""
    plain = run(story, BOOK)
    assert plain.faults == []
    crashed = run(story, BOOK, crash_everywhere=True)
    assert crashed.faults == []
    assert without_lateness(crashed.findings) == without_lateness(plain.findings)


@pytest.mark.parametrize(("number", "story"), list(enumerate(ALL)), ids=[s.name for s in ALL])
def test_a_story_goes_as_written_where_clocks_change(number: int, story: Story) -> None:
    """Told right across a change in one of the zones; `anxin rules test --zones` tells it in all of them."""
    zone = list(ZONES)[number % len(ZONES)]
    for placed in placements(story, BOOK):
        if placed.zone == zone and placed.across:
            outcome = run(placed.story, BOOK)
            assert outcome.good, block(outcome, f", in {placed.words}")


def test_stories_are_told_across_and_beside_changes() -> None:
    """The placements are what they claim: the wall clock is kept, changes lie inside, and a moved hour is left out."""
    night = next(s for s in ALL if s.rules == ("BD1",) and s.shows == "speaks")
    placed = list(placements(night, BOOK))
    assert {p.zone for p in placed} == set(ZONES)
    assert {p.across for p in placed} == {True, False}
    for p in placed:
        inside = p.story.start < p.edge <= p.story.start + p.story.expect[-1][0]
        assert inside == p.across
    lord_howe = [p.edge for p in placed if p.zone == "Australia/Lord_Howe"]
    assert len(set(lord_howe)) == 2


def test_a_rule_that_looks_at_the_clock_too_early_is_caught() -> None:
    """A rule that closes its night an hour early fails beside a change, or somewhere: placements can fail."""
    text = STORY.replace("SM1", "DR3").replace(
        "smoke: {kind: smoke, room: kitchen}", "door: {kind: door, room: entrance}"
    )
    text = text.replace("2026-05-23T12:00:00", "2026-03-02T04:58:00").replace(
        "device: smoke, smoke: true", "device: door, door_open: true"
    )
    text = text.replace("1m: [{phase: opened, level: red}]", "3m: [{phase: opened, level: yellow}]")
    text = text.replace("shows: speaks", "shows: speaks\n    resident: {conditions: [dementia]}")
    (story,) = read_stories("s.yaml", text, BOOK)
    assert run(story, BOOK).good
    (berlin, *_) = [p for p in placements(story, BOOK) if p.zone == "Europe/Berlin"]
    wrong = replace(berlin.story, registry=story.registry)  # told with another zone's clock
    assert not run(wrong, BOOK).good


def test_every_rule_is_shown() -> None:
    """A rule without a story in which it speaks and one in which it keeps quiet is not proved."""
    assert uncovered(ALL, BOOK) == {}
    without = [s for s in ALL if "SM1" not in s.rules or s.shows == "speaks"]
    assert uncovered(without, BOOK)["SM1"] == "rule `SM1` has no story in which it keeps quiet"


def test_a_failed_story_is_one_readable_block() -> None:
    """What was expected, what came, and when; with the clock of the community."""
    (story,) = read_stories("s.yaml", STORY.replace("level: red}", "level: blue, room: hall}"), BOOK)
    assert block(run(story, BOOK)).splitlines() == [
        "✗ smoke",
        "  s.yaml line 2, rule SM1",
        "  up to 1m (Sat 12:01:00)",
        "    expected  phase opened, level blue, room hall",
        "    came      SM1 opened red at 1m, room kitchen",
        "    differs   no. 1: level `blue` was expected, `red` came",
        "    differs   no. 1: room `hall` was expected, `kitchen` came",
        "    in all    SM1 opened red at 1m",
    ]


STORY = """\
stories:
  - story: smoke
    rule: SM1
    shows: speaks
    devices: {smoke: {kind: smoke, room: kitchen}}
    from: 2026-05-23T12:00:00+08:00
    feed:
      - {at: 1m, device: smoke, smoke: true}
    expect:
      1m: [{phase: opened, level: red}]
"""


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("rule: SM1", "rule: SM99", "there is no rule `SM99`"),
        ("shows: speaks", "shows: quiet", "expects [] at every time"),
        ("[{phase: opened, level: red}]", "[]", "expects something"),
        ("    expect:\n      1m: [{phase: opened, level: red}]\n", "    expect: {}\n", "proves nothing"),
        ("level: red", "colour: red", "`colour` cannot be expected"),
        ("device: smoke, ", "device: smok, ", "there is no device `smok`"),
        ("smoke: true}", "fog: true}", "`fog` is neither a quantity nor a word"),
        ("at: 1m", "at: 9m", "comes after the last expectation"),
        ("      1m: [", "      soon: [", "is not a duration"),
        ("from: 2026-05-23T12:00:00+08:00", "from: yesterday", "is not a time like"),
        ("    shows", "    show", "unknown field `show`"),
    ],
)
def test_a_story_that_proves_nothing_is_refused(old: str, new: str, reason: str) -> None:
    """A misspelt rule or device must not look like silence."""
    assert old in STORY
    with pytest.raises(StoryFaults) as caught:
        read_stories("s.yaml", STORY.replace(old, new, 1), BOOK)
    assert any(reason in f for f in caught.value.faults), caught.value.faults


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("level: red", "level: yellow", "expected level `yellow`, found `red`"),
        ("      1m: [", "      59s: []\n      1m: [{phase: opened}, ", "expected 2, heard SM1 opened red"),
        ("1m: [{phase: opened, level: red}]", "1m: [{phase: opened, tags: [x]}]", "expected tags"),
    ],
)
def test_a_story_that_goes_otherwise_says_how(old: str, new: str, reason: str) -> None:
    """The fault names what was expected and what was heard."""
    (story,) = read_stories("s.yaml", STORY.replace(old, new, 1), BOOK)
    outcome = run(story, BOOK)
    assert not outcome.good
    assert any(reason in f for f in outcome.faults), outcome.faults


def test_a_series_may_name_a_room(tmp_path: Path) -> None:
    """`motion@living` makes the sensor it needs."""
    text = """\
stories:
  - story: a door and a room
    rule: DR3
    shows: speaks
    resident: {conditions: [dementia]}
    from: 2026-03-02T03:00:00+08:00
    readings:
      motion@living: "1 _x5"
      door_open@entrance: "0 1 0"
    expect:
      1m: [{phase: opened, room: entrance}]
      6m: [{level: red}]
"""
    (story,) = read_stories("s.yaml", text, BOOK)
    assert run(story, BOOK).faults == []


def test_the_commands_answer_with_their_exit_status(tmp_path: Path) -> None:
    """0 good, 1 a fault, 2 wrong usage; one sentence each."""
    runner = CliRunner()
    story, broken, wrong = tmp_path / "s.yaml", tmp_path / "b.yaml", tmp_path / "w.yaml"
    story.write_text(STORY, encoding="utf-8")
    broken.write_text("version: 1\nrules: [{rule: A}]\n", encoding="utf-8")
    wrong.write_text(STORY.replace("level: red", "level: blue"), encoding="utf-8")

    good = runner.invoke(app, ["test", str(story), "--crash-everywhere"])
    assert (good.exit_code, good.stdout) == (0, "1 of 1 stories went as written.\n")
    bad = runner.invoke(app, ["test", str(wrong)])
    assert bad.exit_code == 1
    assert "level `blue` was expected, `red` came" in bad.stderr
    assert runner.invoke(app, ["test", str(tmp_path / "nowhere.yaml")]).exit_code == 2
    everywhere = runner.invoke(app, ["test", str(story), "--zones"])
    assert (everywhere.exit_code, everywhere.stdout) == (0, "1 of 1 stories went as written.\n")
    bare = runner.invoke(app, ["check", str(CATALOG / "fire.yaml"), "--stories", str(story)])
    assert bare.exit_code == 1
    assert "rule `SM1` has no story in which it keeps quiet" in bare.stderr
    assert runner.invoke(app, ["test"]).exit_code == 2

    rules = runner.invoke(app, ["check", *(str(p) for p in sorted(CATALOG.glob("*.yaml")))])
    assert (rules.exit_code, rules.stderr) == (0, "")
    refused = runner.invoke(app, ["check", str(broken)])
    assert refused.exit_code == 1
    assert "b.yaml: line 2: Object missing required field" in refused.stderr
    listed = runner.invoke(app, ["list", "--json"])
    assert listed.exit_code == 0
    assert '"rule": "SM1"' in listed.stdout
    for command in ("check", "test", "list"):
        assert "Examples" in runner.invoke(app, [command, "--help"]).stdout
