"""Reads a file of named SQL statements: `-- name: what_it_does` above each, with a sentence of why.

`load(Path(__file__).with_name("queries.sql"))` gives name -> statement. Parameters are psycopg's `%(name)s`.
"""

from __future__ import annotations

import re
from pathlib import Path

_NAME = re.compile(r"^-- name: ([a-z][a-z0-9_]*)\s*$", re.MULTILINE)


def load(file: Path) -> dict[str, str]:
    """The statements of a file by name. Raises ValueError for a name used twice or a statement without words."""
    parts = _NAME.split(file.read_text("utf-8"))
    out: dict[str, str] = {}
    for name, body in zip(parts[1::2], parts[2::2], strict=True):
        lines = body.strip().splitlines()
        if name in out or not lines or not lines[0].startswith("-- "):
            raise ValueError(f"{file.name}: `{name}` stands twice, or has no sentence above it")
        out[name] = "\n".join(line for line in lines if not line.startswith("--")).strip().rstrip(";")
    return out
