"""The code on a door card, and how an arrival is known."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from alerts import doorcards

NOON = datetime(2026, 5, 23, 4, 6, 24, tzinfo=UTC)
SECRET = b"s" * 32


@given(st.text(min_size=1), st.integers(1, 99))
def test_a_code_is_six_digits_of_its_home_and_version_only(home, version):
    """The same wherever it is reckoned; another card, another secret: another code, but for one in a million."""
    code = doorcards.code(home, version, SECRET)
    assert len(code) == doorcards.DIGITS
    assert code.isdecimal()
    assert code == doorcards.code(home, version, SECRET)
    assert doorcards.same(f" {code[:3]} {code[3:]}", code)
    assert doorcards.same("".join(chr(ord(c) + 0xFEE0) for c in code), code), "in wide digits"


def test_codes_of_neighbours_tell_nothing_of_each_other():
    """Of 500 homes hardly two share a code, and no card's next version is the old one."""
    codes = [doorcards.code(f"h{n:04}", 1, SECRET) for n in range(500)]
    assert len(set(codes)) >= 498
    assert doorcards.code("h0317", 2, SECRET) != doorcards.code("h0317", 1, SECRET)
    assert doorcards.code("h0317", 1, b"t" * 32) != doorcards.code("h0317", 1, SECRET)


def test_after_five_wrong_ones_no_more_are_looked_at_for_ten_minutes():
    """By person and home: a colleague at the same door, or the same person at the next one, is not held up."""
    tries = doorcards.Tries()
    for n in range(5):
        assert not tries.many("s07", "h1", NOON)
        tries.wrong("s07", "h1", NOON + timedelta(seconds=n))
    soon = NOON + timedelta(minutes=1)
    assert tries.many("s07", "h1", soon)
    assert not tries.many("s08", "h1", soon)
    assert not tries.many("s07", "h2", soon)
    assert not tries.many("s07", "h1", NOON + timedelta(minutes=10))
