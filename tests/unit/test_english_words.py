"""Relations and the places of keys: the usual ones have English words, whatever else was typed stays as it is."""

import pytest

from care import english
from simulators.community import generate


def test_whatever_the_simulator_says_of_contacts_and_keys_has_english_words():
    """A demonstration in English reads daughter and locker, not 女儿 and 号柜."""
    homes = generate(400).homes
    relations = {c.relation for h in homes for c in h.contacts}
    assert len(relations) >= 5
    assert {r for r in relations if not english.relation(r)} == set()
    keys = {h.access.key for h in homes if h.access.key}
    assert len(keys) > 10
    assert {k for k in keys if not english.key_place(k)} == set()


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("邻里中心 07 号柜", "neighbourhood centre, locker 07"),
        ("物业3号箱", "property office, locker 3"),
        ("门卫", "gatehouse"),
        ("邻居", "with the neighbour"),
        # One word more is somebody's own: no half of it is translated.
        ("门卫老王处", ""),
        ("地下车库 2 号柜", ""),
        ("", ""),
    ],
)
def test_the_place_of_a_key(typed, said):
    """Known places and their lockers; empty for anything else."""
    assert english.key_place(typed) == said


@pytest.mark.parametrize(
    ("typed", "said"),
    [("女儿", "daughter"), ("外甥女", "niece"), ("已故二女儿的丈夫（同住隔壁单元）", ""), ("", "")],
)
def test_a_relation(typed, said):
    """A usual word, or nothing."""
    assert english.relation(typed) == said
