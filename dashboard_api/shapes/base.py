"""What every shape is made of: the rules of bodies sent and answered, a moment, a person, a stretch of time."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

At = Annotated[str, Field(json_schema_extra={"format": "date-time"}, examples=["2026-05-23T04:06:24.120Z"])]
"""A moment, RFC 3339 in UTC."""


class Shape(BaseModel):
    """Answers are made by us: an unknown field is our mistake and a test finds it."""

    model_config = ConfigDict(extra="forbid")


class Said(BaseModel):
    """Bodies sent to us. Unknown fields are refused, so that nobody can hope to set `role` or `owner` that way."""

    model_config = ConfigDict(extra="forbid", str_max_length=4000)


class Person(Shape):
    id: str
    name: str


class Span(Shape):
    from_: Annotated[At, Field(alias="from")]
    to: At
    value: bool | None


class Gap(Shape):
    from_: Annotated[At, Field(alias="from")]
    to: At


class Words(Shape):
    zh: str
    en: str
