"""Who looked at health data without an open case, and why."""

from __future__ import annotations

from dashboard_api.shapes.base import At, Shape


class LookLine(Shape):
    id: str
    at: At
    """The last time within the hour that the look is kept for."""
    first_at: At
    """The first time in it: charts that stay open ask again and again."""
    by: str
    name: str
    role: str
    home: str
    address: str
    what: str
    """days, history, usual, strip (the last hour)."""
    reason: str


class LookList(Shape):
    items: list[LookLine]
    total: int
    """Of the period (and home) asked for."""
