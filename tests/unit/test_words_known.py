"""What the made-up community says of its people, what rules ask of them and what scenarios expect has words for the screens."""

import re
from pathlib import Path

import msgspec
import pytest

from care.words import Tier
from dashboard_api import wording
from rules.catalog import load
from simulators.community import generate

WEB = Path(__file__).parents[2] / "web/src"
SIM_WORDS = WEB / "sim/words.ts"


def test_every_word_of_the_made_up_residents_has_words() -> None:
    """Nobody reads 「walker」 on a card."""
    people = [r for home in generate(400).homes for r in home.residents]
    said = {word for r in people for word in (*r.conditions, *r.flags)}
    assert said - wording.TAGS.keys() == set()


def test_every_word_that_a_rule_asks_for_has_words() -> None:
    """A flag or condition with a limit of its own is not shown raw."""
    asked = {w for rule in load().rules.values() for p in rule.doc.parameters.values() for w in p.templates}
    assert asked - wording.TAGS.keys() - {tier.value for tier in Tier} == set()


def test_every_limit_that_people_set_has_a_name_on_the_screens() -> None:
    """Nobody reads 「door_unused_indoors_counts」 where a limit is changed or was judged by."""
    set_ = {p.limit for rule in load().rules.values() for p in rule.doc.parameters.values() if p.limit}
    text = (WEB / "residents/limits.words.ts").read_text(encoding="utf-8").split("const zh")[0]
    assert set_ - set(re.findall(r"(\w+): \['", text)) == set()
    assert len(set_) > 60


def test_an_unknown_word_stands_as_it_was_written() -> None:
    """It may matter to who reads it, and may be a disease."""
    resident = msgspec.structs.replace(generate(1).homes[0].residents[0], flags=["keeps_bees"])
    (tag,) = [t for t in wording.tags(resident) if t["word"] == "keeps_bees"]
    assert tag["en"] == "keeps_bees"
    assert tag["health"]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_code_that_a_scenario_expects_has_words_in_the_panel(language: str) -> None:
    """「AC2」 is 「卫生间停留过久」."""
    sources = (Path(__file__).parents[2] / "simulators").rglob("*.py")
    expected = {
        c
        for f in sources
        for c in re.findall(r'"((?:SM|GS|SOS|FL|BD|VT|DR|AC|WT|TE|CO|HT)\d)"', f.read_text("utf-8"))
    }
    blocks = re.findall(r"codes: \{(.*?)\n  \}", SIM_WORDS.read_text("utf-8"), re.DOTALL)
    known = set(re.findall(r"(\w+):", blocks[("zh", "en").index(language)]))
    assert len(blocks) == 2
    assert expected - known == set()
