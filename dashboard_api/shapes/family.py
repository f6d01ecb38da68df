"""What a relative sees: how things are, in words."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from care.words import AlertState, Condition, Level
from dashboard_api.shapes.base import At, Shape


class FamilyStep(Shape):
    words: str
    words_en: str
    at: At | None


class FamilyCase(BaseModel):
    """A case as a relative hears of it, with the service's own steps."""

    model_config = ConfigDict(extra="forbid")
    id: str
    number: int
    level: Level
    code: str
    title: str
    kind: str
    home: str
    raised_at: At
    acknowledged_at: At | None
    closed_at: At | None
    condition: Condition
    state: AlertState
    state_words: str
    state_words_en: str
    version: int
    simulated: bool = False
    steps: list[FamilyStep]


class FamilyPage(Shape):
    at: At
    simulated: bool = False
    """The home is for practice: nothing here is real."""
    names: list[str]
    relation: str
    phone: str
    """Of the home."""
    centre_phone: str
    allowed: list[str]
    """What the elder agreed to be told: `status`, `activity`."""
    words: str
    """How things are, in a sentence."""
    words_en: str
    calm: bool | None
    """True nothing is open and somebody watches, False a case is open, null it cannot be said."""
    last_at: At | None
    protection: str | None
    protection_words: str
    cases: list[FamilyCase]
