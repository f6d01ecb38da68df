"""Whether a text tells a word it must not tell."""

from __future__ import annotations

import re


def tells(word: str, seen: str) -> bool:
    """Whether `word` stands in `seen`; a number (a room, a code) only as a word of its own.

    The same digits are in ids, in names of built files, in coordinates and fractions of a second, and are a case's
    own number once enough cases were made (`"number":402`): by chance, and telling nobody a room.
    """
    if not word.isdigit():
        return word in seen
    return re.search(rf"(?<![0-9A-Za-z.:#]){word}(?![0-9A-Za-z])", seen) is not None
