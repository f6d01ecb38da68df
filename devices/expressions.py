"""Conditions and paths over one decoded message: what mapping files and discovery templates may say. Pure and bounded.

`parse_path` reads `data.list[0]['odd key']`, `compile_condition` reads `status = 4 and bpm > 0`. Nothing here loops,
calls or reaches further than the message: an expression is at most 500 characters and 16 brackets deep.
Start at `compile_condition`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, Final

Path = tuple[str | int, ...]
"""Keys and indexes from the outside in; a first `$` is the whole message, `$kind` the kind of the claimed device."""

Look = Callable[[Path], Any]
"""Finds what stands at a path, or MISSING."""

LENGTH_LIMIT = 500
DEPTH_LIMIT = 16


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()
"""Nothing stands there; not the same as null."""


class ExpressionFault(ValueError):
    """What is wrong with an expression, in words for the person who wrote it."""


_STEP = re.compile(r"\.?(?P<name>[^\W\d][\w-]*)|\.?\$(?P<root>[a-z]*)|\.?(?P<digits>\d+)(?=[.\[]|$)|\[(?P<index>\d{1,4})\]"
                   r"|\[(?P<quote>['\"])(?P<key>(?:(?!(?P=quote)).)*)(?P=quote)\]")  # fmt: skip


def parse_path(text: str) -> Path:
    """`a.b[0]['c d']` -> ("a", "b", 0, "c d"). Wildcards do not exist. Raises ExpressionFault."""
    out: list[str | int] = []
    at = 0
    text = text.strip()
    if len(text) > LENGTH_LIMIT:
        raise ExpressionFault(f"a path has at most {LENGTH_LIMIT} characters")
    while at < len(text):
        match = _STEP.match(text, at)
        if (
            match is None
            or match.end() == at
            or (at == 0 and text[0] == ".")
            or (at and match["root"] is not None)
        ):
            raise ExpressionFault(
                f"`{text}` is not a path; write it like data.list[0].name or data['odd key'], without wildcards"
            )
        if at and text[at] not in ".[":
            raise ExpressionFault(f"`{text}` is not a path: a `.` or `[` is missing before `{text[at:]}`")
        if match["index"] is not None:
            out.append(int(match["index"]))
        elif match["root"] is not None:
            out.append("$" + match["root"])
        else:
            out.append(next(g for g in (match["name"], match["digits"], match["key"]) if g is not None))
        at = match.end()
    if not out:
        raise ExpressionFault("an empty path")
    if len(out) > DEPTH_LIMIT:
        raise ExpressionFault(f"a path has at most {DEPTH_LIMIT} steps")
    return tuple(out)


def look(value: Any, path: Path) -> Any:
    """What stands at a path below `value`, or MISSING. A number as text finds an index or a key."""
    for step in path:
        if isinstance(value, dict):
            value = value.get(step if isinstance(step, str) else str(step), MISSING)
        elif isinstance(value, list) and (isinstance(step, int) or step.isdigit()):
            index = int(step)
            value = value[index] if index < len(value) else MISSING
        else:
            return MISSING
        if value is MISSING:
            return MISSING
    return value


def word(value: Any) -> str | None:
    """A scalar as one comparable word: `True`, 1.0, " ON " -> `true`, `1`, `on`. None for objects, lists, null."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if abs(value) <= 2**63 else None
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, str):
        return value.strip().lower()
    return None


def number(value: Any) -> float | None:
    """A finite number or a text that is one; None for everything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value) if math.isfinite(value) and abs(value) <= 2**63 else None
    if isinstance(value, str) and _NUMERIC.match(value.strip()):
        return float(value)
    return None


_NUMERIC = re.compile(r"^[+-]?\d{1,15}(?:\.\d{0,15})?$", re.ASCII)


def truth(value: Any) -> bool:
    """Whether a single operand counts as yes."""
    if value is MISSING or value is None or isinstance(value, dict | list):
        return bool(value) if isinstance(value, dict | list) else False
    return word(value) not in (None, "", "0", "false", "off", "no", "none", "null")


def _count(value: Any) -> float | None:
    """As `number`; true is 1 and false is 0 where they are compared with numbers."""
    return float(value) if isinstance(value, bool) else number(value)


def _is_word_of_truth(a: Any, b: Any) -> bool:
    """`true` beside a text is compared as the word that it is."""
    return isinstance(a, bool) != isinstance(b, bool) and (isinstance(a, str) or isinstance(b, str))


def _same(a: Any, b: Any) -> bool:
    if a is MISSING or a is None or b is MISSING or b is None:
        return a in (MISSING, None) and b in (MISSING, None)
    left, right = _count(a), _count(b)
    if left is not None and right is not None and not _is_word_of_truth(a, b):
        return left == right
    one, two = word(a), word(b)
    return one is not None and one == two


def _ordered(compare: Callable[[float, float], bool]) -> Callable[[Any, Any], bool]:
    def test(a: Any, b: Any) -> bool:
        left, right = _count(a), _count(b)
        return left is not None and right is not None and compare(left, right)

    return test


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": _same,
    "==": _same,
    "!=": lambda a, b: not _same(a, b),
    "<": _ordered(lambda a, b: a < b),
    "<=": _ordered(lambda a, b: a <= b),
    ">": _ordered(lambda a, b: a > b),
    ">=": _ordered(lambda a, b: a >= b),
}

Condition = Callable[[Look], bool]
_Operand = Callable[[Look], Any]

_TOKEN = re.compile(
    r"\s*(?:(?P<op><=|>=|==|!=|[<>=()\[\],])|(?P<text>'[^']*'|\"[^\"]*\")|(?P<number>-?\d+(?:\.\d+)?(?![\w.]))"
    r"|(?P<path>\$?[^\W\d][\w-]*(?:\.[\w-]+|\[\d+\]|\['[^']*'\]|\[\"[^\"]*\"\])*|\$[a-z]*(?:\.[\w-]+|\[\d+\])*))"
)


class _Reader:
    def __init__(self, text: str) -> None:
        if len(text) > LENGTH_LIMIT:
            raise ExpressionFault(f"a condition has at most {LENGTH_LIMIT} characters")
        self.text = text
        self.tokens: list[tuple[str, str]] = []
        at = 0
        while text[at:].strip():
            match = _TOKEN.match(text, at)
            if match is None:
                raise ExpressionFault(f"`{text}`: cannot read from `{text[at:].strip()[:20]}` on")
            kind = str(match.lastgroup)
            self.tokens.append((kind, match[kind]))
            at = match.end()
        self.at = 0
        self.depth = 0
        self.paths: list[Path] = []

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.at] if self.at < len(self.tokens) else ("end", "")

    def is_next(self, *words: str) -> bool:
        kind, value = self.peek()
        if kind in ("op", "path") and value in words:
            self.at += 1
            return True
        return False

    def either(self) -> Condition:
        self.depth += 1
        if self.depth > DEPTH_LIMIT:
            raise ExpressionFault(f"`{self.text}`: more than {DEPTH_LIMIT} brackets deep")
        parts = [self.both()]
        while self.is_next("or"):
            parts.append(self.both())
        self.depth -= 1
        return parts[0] if len(parts) == 1 else lambda see: any(p(see) for p in parts)

    def both(self) -> Condition:
        parts = [self.one()]
        while self.is_next("and"):
            parts.append(self.one())
        return parts[0] if len(parts) == 1 else lambda see: all(p(see) for p in parts)

    def one(self) -> Condition:
        if self.is_next("not"):
            self.depth += 1
            if self.depth > DEPTH_LIMIT:
                raise ExpressionFault(f"`{self.text}`: more than {DEPTH_LIMIT} times `not`")
            inner = self.one()
            self.depth -= 1
            return lambda see: not inner(see)
        if self.is_next("("):
            inner = self.either()
            if not self.is_next(")"):
                raise ExpressionFault(f"`{self.text}`: a `)` is missing")
            return inner
        left = self.operand()
        if self.is_next("in"):
            return self.among(left)
        kind, value = self.peek()
        if kind == "op" and value in _COMPARE:
            self.at += 1
            compare, right = _COMPARE[value], self.operand()
            return lambda see: compare(left(see), right(see))
        return lambda see: truth(left(see))

    def among(self, left: _Operand) -> Condition:
        if not self.is_next("["):
            raise ExpressionFault(f"`{self.text}`: after `in` comes a list like [1, 2]")
        items: list[_Operand] = []
        while not self.is_next("]"):
            items.append(self.operand())
            if not self.is_next(",") and self.peek() != ("op", "]"):
                raise ExpressionFault(f"`{self.text}`: `]` is missing")
        return lambda see: any(_same(left(see), item(see)) for item in items)

    def operand(self) -> _Operand:
        kind, value = self.peek()
        self.at += 1
        constant: Any
        if kind == "number":
            constant = float(value)
        elif kind == "text":
            constant = value[1:-1]
        elif kind == "path" and value.lower() in ("true", "false", "null", "none"):
            constant = {"true": True, "false": False}.get(value.lower())
        elif kind == "path":
            path = parse_path(value)
            self.paths.append(path)
            return lambda see: see(path)
        else:
            raise ExpressionFault(
                f"`{self.text}`: a field, a number or a 'text' is wanted {value and 'before ' + value}"
            )
        return lambda _see: constant


def compile_condition(text: str) -> Condition:
    """`status = 4 and (bpm > 0 or not kind in ['a', 'b'])` as a function of the message. Raises ExpressionFault.

    `= null` is true for null and for a field that is not there; every other comparison with nothing is false,
    except `!=`. A number and a text that is that number are the same; words do not care for case.
    """
    reader = _Reader(text)
    found = reader.either()
    if reader.peek()[0] != "end":
        raise ExpressionFault(f"`{text}`: `{reader.peek()[1]}` was not expected here")
    return found


__all__ = [
    "MISSING",
    "Condition",
    "ExpressionFault",
    "Look",
    "Path",
    "compile_condition",
    "look",
    "number",
    "parse_path",
    "truth",
    "word",
]
