"""Levels, states, kinds and roles: the closed word lists of the house (see docs/glossary.md)."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Level(StrEnum):
    """How urgent: 红 act now, 黄 check this shift, 蓝 task for working hours."""

    red = "red"
    yellow = "yellow"
    blue = "blue"

    @property
    def rank(self) -> int:
        """3 for red, 2 for yellow, 1 for blue: larger is worse."""
        return _RANKS[self]


_RANKS = {Level.red: 3, Level.yellow: 2, Level.blue: 1}


class Phase(StrEnum):
    """What happened to a finding."""

    opened = "opened"
    changed = "changed"
    cleared = "cleared"


class Condition(StrEnum):
    """What is true at the home now, as far as we know. Unknown is never fine."""

    active = "active"
    cleared = "cleared"
    unknown = "unknown"


class AlertState(StrEnum):
    """What people have done about an alert; independent of its condition."""

    new = "new"
    acknowledged = "acknowledged"
    dispatched = "dispatched"
    attended = "attended"
    closed = "closed"


class Role(StrEnum):
    """What a person may see and do."""

    operator = "operator"
    supervisor = "supervisor"
    social_worker = "social_worker"
    volunteer = "volunteer"
    grid_worker = "grid_worker"
    neighbour = "neighbour"
    doctor = "doctor"
    maintenance = "maintenance"
    family = "family"
    admin = "admin"
    auditor = "auditor"
    responder = "responder"
    """A sign-in only: any of social worker, volunteer, grid worker, neighbour with a phone."""


class Tier(StrEnum):
    """Visit tier of a resident: 重点, 重要, 一般."""

    key = "key"
    important = "important"
    general = "general"


class Kind(StrEnum):
    """Kinds of devices (contract section 3)."""

    bed_belt = "bed_belt"
    smoke = "smoke"
    gas = "gas"
    co = "co"
    sos = "sos"
    door = "door"
    motion = "motion"
    presence = "presence"
    water_leak = "water_leak"
    water_meter = "water_meter"
    fall = "fall"
    climate = "climate"
    button = "button"
    vibration = "vibration"
    gateway = "gateway"


class Mode(StrEnum):
    """Why a home is otherwise than usual for a while: 外出, 住院, 访客, 保洁, 装修. It always ends."""

    away = "away"
    hospital = "hospital"
    visitors = "visitors"
    cleaning = "cleaning"
    works = "works"


class Command(StrEnum):
    """What a person can do to an alert."""

    acknowledge = "acknowledge"
    call = "call"
    dispatch = "dispatch"
    accept = "accept"
    decline = "decline"
    depart = "depart"
    arrive = "arrive"
    note = "note"
    hold = "hold"
    reopen = "reopen"
    undo = "undo"
    close = "close"
    hand_over = "hand_over"
    """Somebody else takes the case, or the task at the door, over."""
    check = "check"
    """One home of a welfare list was looked after."""
    with_me = "with_me"
    """人在我这: somebody says that the person is with them and fine. Lowers what may be lowered, closes nothing."""


class Protection(StrEnum):
    """Whether a home is watched: proven, in part, or not. Never fine without proof."""

    protected = "protected"
    partly = "partly"
    not_protected = "not"


class Exit(IntEnum):
    """Exit status of every command."""

    good = 0
    fault = 1
    usage = 2
