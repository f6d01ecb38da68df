"""How a device's words get out of the flat: late, twice, after a gap or not at all, as its radio has it.

Start at `link_of`. Pure, and all chance is asked by name (`chance.share`: seed, home, device, what about, when), so a radio
changes nothing but what becomes of a message that was said anyway. No radio ever loses an alarm or the end of one.

Where numbers come from (domain.md 2.1, 2.2 and its list of sources; *ours* is a guess):
- Zigbee: link quality below 20 is weak and such devices drop off [D12]; values seen in the field 18 to 120 and more [D2,
  F3, D13]. That each wall costs 35, how flats differ, and how much a weak link loses or says twice is ours.
- NB-IoT: 3GPP TR 45.820 wants an exception report out within 10 s at the edge of coverage, and detectors are told to
  send an alarm within about 10 s (domain.md 2.2); a few seconds as a rule and some tens at worst is ours.
- Wi-Fi: belts and radars are on the flat's router (Murata SCA10H/11H, Aqara FP2 [D20, D14]). That it drops them once in two
  days for about a quarter of a minute is ours.
- The maker's own radio to its gateway (433 MHz and the like) answers each frame within milliseconds: nothing to be seen.
"""

from __future__ import annotations

import zlib
from abc import ABC, abstractmethod
from enum import StrEnum
from statistics import NormalDist

from care.site import Device, Home
from care.words import Kind
from simulators.chance import between, normal, quick, share, spread

_HOUR = 3_600_000
_DAY = 24 * _HOUR
_EVER = 2**62


class Radio(StrEnum):
    """How a device speaks."""

    zigbee = "zigbee"
    nb_iot = "nb-iot"
    wifi = "wifi"
    maker = "maker"
    """The maker's own radio to its gateway, or the gateway's cable."""


class Radios(StrEnum):
    """What the radios of a world are like."""

    lifelike = "lifelike"
    ideal = "ideal"
    """Every word arrives at once, once."""


_WAITS = [2.0 ** NormalDist().inv_cdf((n + 0.5) / 2048) for n in range(2048)]
"""Log-normal, as a table: two in three within a factor of two."""

# Native devices by kind: alarm detectors and meters that need no gateway, and what hangs on the router.
_NATIVE: dict[Kind, Radio] = {
    Kind.smoke: Radio.nb_iot, Kind.gas: Radio.nb_iot, Kind.co: Radio.nb_iot, Kind.water_leak: Radio.nb_iot,
    Kind.water_meter: Radio.nb_iot, Kind.bed_belt: Radio.wifi, Kind.presence: Radio.wifi, Kind.fall: Radio.wifi,
}  # fmt: skip

WEAK = 60
"""Link quality below which a Zigbee link loses a report now and then, or a device repeats one."""
LOSES, REPEATS = 0.04, 0.04
"""Shares of reports at link quality 0; they fall to nothing at `WEAK`."""
_OPEN, _WALL = 155, 35
_WALLS = {"bathroom": 2}
"""Walls between a room and another one, where it is not one."""


def radio_of(device: Device) -> Radio:
    """The radio of a device: what its dialect says, else what devices of its kind have."""
    if device.address is not None and not device.address.startswith("anxin/"):
        return Radio.zigbee
    return _NATIVE.get(device.kind, Radio.maker)


def link_of(home: Home, device: Device, *, seed: int) -> Link | None:
    """The link of one device; None where there is nothing to be seen of it."""
    words = (seed, zlib.crc32(home.id.encode()), zlib.crc32(device.id.encode()), 11)
    match radio_of(device):
        case Radio.zigbee:
            return Zigbee(words, walls=_walls(home, device))
        case Radio.nb_iot:
            return NbIot(words)
        case Radio.wifi:
            return Wifi(words)
    return None


def _walls(home: Home, device: Device) -> int:
    rooms = [d.room for d in home.devices if d.kind is Kind.gateway]
    if device.room in rooms:
        return 0
    return max(_WALLS.get(room, 1) for room in (device.room, *rooms))


class Link(ABC):
    """What becomes of the words of one device."""

    __slots__ = ("clear", "name")
    worst_ms = 0
    """Milliseconds by which what it says may come late."""

    def __init__(self, words: tuple[int, ...]) -> None:
        """`words` name its chance; one number made of them is asked from then on, because it is asked often."""
        self.name = int(share(*words) * 2**53)
        self.clear = 0
        """What is said before this time (ms) arrives at once, and once: nobody need ask."""

    @abstractmethod
    def due(self, ms: int, *, alarm: bool, spare: bool) -> int | None:
        """When something said at `ms` arrives; None: never, which no `alarm` meets. `spare`: it is told again soon anyway."""

    def again(self, _ms: int) -> int:
        """How many ms later the device says the same once more; 0: it does not."""
        return 0

    def quality(self, _ms: int) -> int | None:
        """Its link quality, 0 … 255, where the radio tells it."""
        return None


class Zigbee(Link):
    """Lower with each wall to the gateway, different in each flat, and not the same from hour to hour."""

    __slots__ = ("_hour", "_slow", "middle")

    def __init__(self, words: tuple[int, ...], *, walls: int) -> None:
        super().__init__(words)
        flat, own = normal(*words[:2], 12), normal(*words, 1)
        self.middle = min(250.0, max(22.0, _OPEN - _WALL * walls + 18 * flat + 26 * own))
        if self.middle >= WEAK + 30:  # it varies by less than that
            self.clear = _EVER
        self._hour = -1
        self._slow = (0.0, 0.0)

    def quality(self, ms: int) -> int:
        """Drifts over hours (doors, people, the neighbours' Wi-Fi), and differs a little from frame to frame."""
        hour, rest = divmod(ms, _HOUR)
        if hour != self._hour:
            known = self._slow[1] if hour == self._hour + 1 else normal(self.name, 2, hour)
            self._slow = known, normal(self.name, 2, hour + 1)
            self._hour = hour
        part = rest / _HOUR
        slow = (1 - part) * self._slow[0] + part * self._slow[1]
        return int(min(255, max(12, self.middle + 7 * slow + quick(self.name + ms) / 256 - 4)))

    def _weak(self, ms: int) -> float:
        return max(0.0, 1 - self.quality(ms) / WEAK)

    def due(self, ms: int, *, alarm: bool, spare: bool) -> int | None:
        """At once; on a weak link what would be told again anyway is lost now and then."""
        if (
            spare
            and not alarm
            and self.middle < WEAK + 30
            and share(self.name, 4, ms) < LOSES * self._weak(ms)
        ):
            return None
        return ms

    def again(self, ms: int) -> int:
        """A device that missed the acknowledgement says it once more, with a new frame."""
        if share(self.name, 5, ms) < REPEATS * self._weak(ms):
            return int(between(250, 1600, self.name, 6, ms))
        return 0


class NbIot(Link):
    """A few seconds as a rule, some tens at worst; the deeper in the building, the longer. Nothing is lost or overtaken."""

    __slots__ = ("_last", "middle")
    worst_ms = 30_000

    def __init__(self, words: tuple[int, ...]) -> None:
        super().__init__(words)
        self.middle = spread(2500, 1.4, self.name, 1)
        self._last = 0

    def due(self, ms: int, *, alarm: bool, spare: bool) -> int:  # noqa: ARG002  (an alarm waits like the rest)
        """Log-normal, in ms. One connection: nothing overtakes what was said before."""
        wait = self.middle * _WAITS[quick(self.name + ms)]
        self._last = max(ms + min(self.worst_ms, int(wait)), self._last)
        return self._last


class Wifi(Link):
    """Loses the router for some seconds now and then. What was said meanwhile comes afterwards, or never, by its make."""

    __slots__ = ("_end", "_next_day", "_start", "keeps", "often")
    worst_ms = 45_000

    def __init__(self, words: tuple[int, ...]) -> None:
        super().__init__(words)
        self.keeps = share(*words, 1) < 0.5
        """It has a memory for what it could not send."""
        self.often = min(1.0, spread(0.4, 2.0, *words, 2))
        """Gaps a day, at most one."""
        self._start = self._end = self._next_day = 0

    def gap(self, ms: int) -> tuple[int, int]:
        """The gap of the (UTC) day of a time, from … to in ms; both 0 when it has none."""
        day = ms // _DAY
        if share(self.name, 3, day) >= self.often:
            return 0, 0
        length = int(min(self.worst_ms, max(4000.0, spread(14_000, 1.8, self.name, 5, day))))
        start = day * _DAY + int((_DAY - length) * share(self.name, 4, day))
        return start, start + length

    def due(self, ms: int, *, alarm: bool, spare: bool) -> int | None:  # noqa: ARG002  (a gap has no mercy)
        """At once, but in a gap."""
        if ms >= self._next_day:
            self._start, self._end = self.gap(ms)
            self._next_day = (ms // _DAY + 1) * _DAY
        self.clear = self._start if ms < self._start else self._next_day if ms > self._end else ms
        if self._start <= ms <= self._end:
            # What is said at the very end comes after all that waited.
            return max(self._end, ms + (ms == self._end)) if alarm or self.keeps else None
        return ms
