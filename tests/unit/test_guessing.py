"""Somebody guesses passwords: whoever keeps the service sees how often and from where, and nothing that was typed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from care import guessing
from care.guessing import Guesses, Refused, origin_of

NOON = datetime(2026, 5, 23, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("127.0.0.1", "loopback"),
        ("::1", "loopback"),
        ("10.1.2.3", "private"),
        ("192.168.1.20", "private"),
        ("169.254.3.4", "private"),
        ("fd00::1", "private"),
        ("fe80::1%eth0", "private"),
        ("::ffff:192.168.1.20", "private"),
        ("::ffff:8.8.8.8", "public"),
        ("8.8.8.8", "public"),
        ("2001:4860:4860::8888", "public"),
        ("", "unknown"),
        ("somewhere", "unknown"),
    ],
)
def test_an_address_is_told_by_its_kind(host: str, origin: str) -> None:
    """This machine, our network, or the internet."""
    assert origin_of(host) == origin


def test_they_are_told_once_a_minute_and_summed_over_an_hour() -> None:
    """312 from the internet and two from the house: one line for each kind, and a sentence that ages."""
    found = Guesses()
    for n in range(310):
        found.note(f"8.8.8.{n % 4}", NOON)
    found.note("192.168.1.20", NOON)
    found.note("192.168.1.20", NOON)
    assert found.take(NOON + timedelta(seconds=59)) == []
    sentence = "312 sign-ins refused within an hour (private 2, public 310)"
    assert found.sentence(NOON) == sentence
    minute = NOON + timedelta(seconds=60)
    assert found.take(minute) == [Refused("private", 2, 1), Refused("public", 310, 4)]
    assert found.take(minute + timedelta(minutes=5)) == []
    assert found.sentence(minute + timedelta(minutes=60)) == sentence
    found.note("127.0.0.1", minute + timedelta(minutes=60))
    assert found.sentence(minute + timedelta(minutes=61)) == "1 sign-ins refused within an hour (loopback 1)"
    assert found.sentence(minute + timedelta(minutes=61)) != ""


def test_nothing_to_tell_is_nothing() -> None:
    """A calm service says nothing of it."""
    assert Guesses().take(NOON) == []
    assert Guesses().sentence(NOON) == ""


def test_it_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Addresses can be made up without end."""
    monkeypatch.setattr(guessing, "ADDRESSES", 10)
    found = Guesses()
    for n in range(1000):
        found.note(f"2001:db8::{n:x}", NOON)
    [told] = found.take(NOON + timedelta(minutes=1))
    assert (told.count, told.addresses) == (1000, 10)
