"""What somebody asks for: `read("cooking_smoke@h0317+30s")` reads a wish, `span("90s")` a length of time."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta


class WrongScenario(ValueError):
    """The scenario cannot be played: unknown, or the home has not what it needs. The message is for a person."""


def unknown_home(home: str, homes: Collection[str]) -> str:
    """One sentence about a home that is not there, with the homes that are."""
    ids = sorted(homes)
    there = (
        f"its homes are {ids[0]} … {ids[-1]}"
        if len(ids) > 1
        else f"its home is {ids[0]}"
        if ids
        else "it has none"
    )
    return f"there is no home `{home}` in this community; {there}"


@dataclass(frozen=True)
class Wish:
    """A scenario somebody asked for: `NAME[@HOME][+OFFSET]`."""

    name: str
    home: str | None = None
    after: timedelta | None = None
    """From when it is staged; None: at once, or when its hour comes."""


_WISH = re.compile(
    r"^(?P<name>[a-z_]+)(?:@(?P<home>[A-Za-z0-9][A-Za-z0-9_.-]*))?(?:\+(?P<after>[0-9.]+[a-z]*))?$"
)
_SPAN = re.compile(r"^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$")
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
LONGEST_SPAN = timedelta(days=3650)
"""Nobody simulates longer; beyond it dates would run out."""


def span(text: str) -> timedelta:
    """A length of time like 30s, 5m, 1.5h, 2d, 250ms; a bare number is seconds. Raises ValueError with a sentence."""
    match = _SPAN.match(text.strip().lstrip("+"))
    if match is None:
        raise ValueError(f"`{text}` is not a length of time; write it like 30s, 5m, 2h or 1d")
    seconds = float(match[1]) * _UNITS[match[2] or "s"]
    if seconds > LONGEST_SPAN.total_seconds():
        raise ValueError(f"`{text}` is too long; at most {LONGEST_SPAN.days}d are simulated")
    return timedelta(seconds=seconds)


def read(text: str) -> Wish:
    """Read `NAME[@HOME][+OFFSET]`, whether or not there is such a scenario; raises WrongScenario."""
    match = _WISH.match(text.strip())
    if match is None:
        raise WrongScenario(f"`{text}` is not NAME[@HOME][+OFFSET], for example cooking_smoke@h0317+30s")
    try:
        after = span(match["after"]) if match["after"] else None
    except ValueError as error:
        raise WrongScenario(str(error)) from None
    return Wish(match["name"], match["home"], after)
