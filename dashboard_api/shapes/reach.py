"""Ways to reach a person, and whether each was tried."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from dashboard_api.shapes.base import At, Said, Shape

ReachState = Literal["untried", "failed", "sent", "verified"]


class PushBrowser(Shape):
    id: str
    """Made of its endpoint, which only the browser itself knows."""
    state: ReachState
    """sent: the push service took a test; verified: the person said that they read it."""
    detail: str
    tried_at: At | None
    verified_at: At | None


class PushKey(Shape):
    key: str
    """Uncompressed P-256 point, base64url."""
    browsers: list[PushBrowser]
    """Of whoever asks, the newest first."""


class PushKeys(Said):
    model_config = ConfigDict(extra="ignore")
    p256dh: Annotated[str, Field(max_length=200)]
    auth: Annotated[str, Field(max_length=200)]


class PushEndpoint(Said):
    model_config = ConfigDict(extra="ignore")
    endpoint: Annotated[str, Field(min_length=12, max_length=1000)]


class PushSubscription(PushEndpoint):
    """What `PushSubscription.toJSON()` of a browser gives."""

    keys: PushKeys


class ReachOfChannel(Shape):
    channel: str
    """Scheme of the address."""
    address: str
    """A name for it; the address itself is a secret."""
    state: ReachState
    """sent: the provider took a test; verified: the person said that they read it."""
    detail: str
    tried_at: At | None
    verified_at: At | None


class Channels(Shape):
    person: str
    items: list[ReachOfChannel]


class TestAsked(Shape):
    test: str
