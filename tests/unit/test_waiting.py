"""What the tests themselves keep: a browser test waits for what it expects, it never asks a page once.

A page tells what happened a moment after the server did it; on a busy machine that moment is long. A question asked once
(`assert row.count() == 1`) is a test that fails now and then and proves nothing when it does.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

E2E = Path(__file__).parents[1] / "e2e"
ONCE = {
    "all_inner_texts", "all_text_contents", "count", "get_attribute", "inner_text", "input_value", "is_checked",
    "is_disabled", "is_enabled", "is_hidden", "is_visible", "text_content",
}  # fmt: skip


def asked_once(source: str) -> list[str]:
    """The lines in which an assertion asks a page once."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Assert):
            continue
        waiting = {
            id(inner) for one in ast.walk(node.test) if isinstance(one, ast.Lambda) for inner in ast.walk(one)
        }
        found += [
            f"line {call.lineno}: .{call.func.attr}()"
            for call in ast.walk(node.test)
            if isinstance(call, ast.Call)
            and isinstance(call.func, ast.Attribute)
            and call.func.attr in ONCE
            and id(call) not in waiting
            and not (call.func.attr == "count" and call.args)
        ]
    return found


@pytest.mark.parametrize("file", sorted(E2E.glob("test_*.py")), ids=lambda file: file.stem)
def test_no_browser_test_asks_once(file: Path) -> None:
    """`expect(...)` and `wait_for(...)` wait; a bare question does not."""
    assert asked_once(file.read_text(encoding="utf-8")) == []


def test_a_question_asked_once_is_seen() -> None:
    """The check itself: it sees the bare question and leaves the waiting one and a count in a text alone."""
    source = "assert page.locator('a').count() == 0\nassert wait_for(lambda: x.is_visible(), 5)\nassert 'aa'.count('a') == 2\n"
    assert asked_once(source) == ["line 1: .count()"]
