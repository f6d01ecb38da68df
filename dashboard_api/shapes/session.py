"""Who is signed in, which screens are watched, and whether the service is ready."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from dashboard_api.shapes.base import At, Said, Shape


class CommunityBody(Shape):
    id: str
    name: str
    timezone: str
    phone: str | None = None
    """Of the service centre; told to who is signed in."""


class Me(Shape):
    user: str
    name: str
    role: str
    staff: str | None
    community: CommunityBody
    demo: bool
    simulated: bool
    """A simulator feeds this service: nothing on the screens is real."""
    build: str
    session_until: At | None = None
    """When this sign-in ends even if it is used all the time: a screen that nobody touches says so a day before."""


class SignIn(Said):
    username: Annotated[str, Field(max_length=256)]
    password: Annotated[str, Field(max_length=1024)]
    to_act: bool = False
    """Only if this person may act on cases: who takes over a desk. Else 403, and whoever is signed in stays so."""


class Token(Shape):
    access_token: str
    token_type: Literal["bearer"]
    expires_at: At


class Beat(Said):
    """A screen says that somebody could see it."""

    screen: Annotated[str, Field(max_length=64)]
    view: Annotated[str, Field(max_length=16)]
    last: Annotated[str, Field(max_length=64)] = ""
    link: Annotated[str, Field(max_length=16)] = ""
    audio: Annotated[str, Field(max_length=16)] = ""
    visible: bool = True
    build: Annotated[str, Field(max_length=64)] = ""
    focus: Annotated[str, Field(max_length=64)] = ""
    """A desk: the case its person has chosen to look at. The wall shows it too (ux 9.1)."""


class Watching(Shape):
    """Screens that have beaten within the last minute."""

    desks: int
    walls: int
    audible: int
    """Desks whose sound runs."""


class Component(BaseModel):
    model_config = ConfigDict(extra="forbid")
    ok: bool
    detail: str = ""
    age_seconds: float | None = None


class Ready(Shape):
    ready: bool
    components: dict[str, Component]
