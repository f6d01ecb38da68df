"""The stories and the catalogue, read once a process: they are collected by several files, and reading takes seconds."""

from __future__ import annotations

from pathlib import Path

from rules.catalog import load
from rules.stories import read_paths

STORIES = Path(__file__).parent / "stories"
BOOK = load()
ALL = read_paths([STORIES], BOOK)
"""Frozen: nobody's test changes another's story."""
