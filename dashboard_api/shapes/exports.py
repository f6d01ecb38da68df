"""Files that leave the house, and what was kept of each."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from dashboard_api.shapes.base import At, Said, Shape


class ExportBody(Said):
    purpose: Annotated[str, Field(max_length=200)]
    """What the file is for, in a few words; it is kept, and stands in the file."""


class ExportLine(Shape):
    id: str
    what: str
    """figures, protection."""
    at: At
    by: str
    name: str
    role: str
    purpose: str
    from_: Annotated[str, Field(alias="from")]
    """First day, in the community's calendar."""
    to: str
    narrowed: str
    """By what, as `grid=g05 code=SM1`; empty: the whole community."""


class ExportList(Shape):
    items: list[ExportLine]
    total: int
