"""The record of where the catalogue differs from its source names what there is (docs/adr/0013), and no code is forgotten."""

import re
from pathlib import Path

from alerts import company, proposing, upkeep, watch
from tests.told import BOOK

RECORD = next((Path(__file__).parents[2] / "docs" / "adr").glob("*-the-catalogue-and-where-it-differs.md"))

SOURCE = {
    "VT": 10, "BD": 8, "SM": 4, "GS": 4, "CO": 1, "SOS": 4, "WT": 3, "DR": 6, "AC": 5, "TE": 9,
}  # fmt: skip
"""Codes of domain.md 3.2–3.5: the letters, and up to which number."""
ELSEWHERE = {company.CODE, watch.CODE, upkeep.VISIT, upkeep.TEST}
"""Told by what people did or did not do, not by a sensor."""


def codes() -> set[str]:
    return {r.code for r in BOOK.rules.values()} | {r.id for r in BOOK.rules.values()} | ELSEWHERE


def test_every_code_of_the_source_is_in_the_catalogue_or_told_elsewhere() -> None:
    """None is left out without a word."""
    assert "SOS2" in Path(proposing.__file__).read_text("utf-8")
    wanted = {f"{letters}{n}" for letters, last in SOURCE.items() for n in range(1, last + 1)}
    assert wanted - codes() - {"SOS2"} == set()


def test_every_code_and_limit_the_record_names_exists() -> None:
    """A record of what is not there any more is worse than none."""
    text = RECORD.read_text("utf-8")
    named = set(re.findall(r"\b(?:VT|BD|SM|GS|CO|HT|SOS|FL|WT|DR|AC|TE|MO)\d+(?:_[a-z]+)?\b", text))
    assert len(named) > 30
    assert named - codes() == set()
    limits = {p.limit for r in BOOK.rules.values() for p in r.doc.parameters.values()}
    words = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", text))
    tags = {tag for r in BOOK.rules.values() for tag in r.doc.tags}
    assert words - limits - tags == set()


def test_every_file_the_record_points_to_is_there() -> None:
    """Stories, settings of Prometheus, pages."""
    root = RECORD.parents[2]
    for name in re.findall(
        r"`?((?:docs|tests|deploy|rules)/[\w./-]+\.(?:md|py|yml))`?", RECORD.read_text("utf-8")
    ):
        assert (root / name).exists(), name
