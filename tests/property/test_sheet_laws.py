"""Laws of tables that leave: whatever the groups, nothing told and nothing that can be reckoned is fewer than five homes."""

from hypothesis import given
from hypothesis import strategies as st

from dashboard_api.sheets import LEAST, csv, held_back, one_line

GROUPS = st.dictionaries(st.integers(0, 30), st.sets(st.integers(0, 40), max_size=9), max_size=12)


@given(GROUPS)
def test_what_is_told_and_what_is_left_are_five_homes_or_all_there_are(groups):
    """A group by itself, and the total less what is told."""

    def homes(keys):
        return len(set().union(*(groups[k] for k in keys)) if keys else set())

    hidden = held_back(groups, homes)
    assert all(homes((key,)) >= LEAST or not (groups[key] or hidden) for key in set(groups) - hidden)
    if hidden:
        assert homes(hidden) >= LEAST or hidden == set(groups)


@given(st.text(), st.lists(st.text(), min_size=1))
def test_no_text_begins_a_cell_that_a_spreadsheet_calculates(purpose, cells):
    """Not by a comma, a quote or a new line in what somebody wrote."""
    text = csv([one_line(purpose)], ["a"] * len(cells), [cells])
    head, _, *rest = text.split("\r\n")
    assert head.startswith("# ")
    assert not set(',;"\t\n') & set(head)
    assert not any(
        cell[:1] in ("=", "+", "-", "@") for cell in "\r\n".join(rest).replace('"', "").split(",")[:1]
    )
