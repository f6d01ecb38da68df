"""Why a limit does not count is a code with a sentence in both languages, as all that people read."""

import re
from pathlib import Path

import pytest

from rules.refusals import SENTENCES, No

PLACES = re.compile(r"\{(\w+)")


@pytest.mark.parametrize("code", sorted(SENTENCES))
def test_both_sentences_name_the_same_and_each_is_in_its_language(code: str) -> None:
    """Chinese on a Chinese screen, English in the log."""
    zh, en = SENTENCES[code]
    assert PLACES.findall(zh) == PLACES.findall(en)
    assert re.search("[\u4e00-\u9fff]", zh)
    assert not re.search("[\u4e00-\u9fff]", en)


def test_every_code_is_used_and_every_used_code_has_its_sentences() -> None:
    """None is left over, and none is missing."""
    rules = Path(__file__).parents[2] / "rules"
    used = {
        code
        for file in rules.glob("*.py")
        for code in re.findall(r'\bNo(?:\.of)?\(\s*"(\w+)"', file.read_text("utf-8"))
    }
    assert used == set(SENTENCES)


def test_a_refusal_reads_as_its_sentence_with_the_limit_it_speaks_of() -> None:
    """The same in the log and for programs."""
    no = No.of("below_bound", value=4, bound=5.0).of_limit("bed_exit_yellow_minutes")
    assert str(no) == "`bed_exit_yellow_minutes` 4 is below the hard bound 5"
    assert no.said() == {
        "code": "below_bound",
        "zh": "`bed_exit_yellow_minutes` 4 低于硬性下限 5",
        "en": str(no),
    }
    assert No.of("as_strict", word="copd").said()["word"] == "copd"
