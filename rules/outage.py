"""Whether a home is heard at all: its gateway, and the share of its devices that are silent. Start at `loss_of`.

Pure functions on a `LiveHome` and a moment. Nothing here looks at every report: `loss_of` also says when the
answer may change if nothing is heard, and the engine looks again then. Once a home is dark, every report of it is
looked at (`is_over`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

from care.messages import Evidence
from care.words import Kind
from devices.kinds import KINDS, Power
from devices.models import expected
from rules.live import (
    ALREADY,
    NEVER,
    ON_CHANGE_GAP,
    LiveDevice,
    LiveHome,
    has_reported,
    is_declared_lost,
    silent_since,
)
from rules.memory import Dark, moment
from rules.modes import out_until

SHOWN = 24
"""Silent devices shown as evidence; all of them are named in the parameters."""


@dataclass(frozen=True, slots=True)
class Loss:
    """A home that is not heard: since when, and when that is long enough to be told (ms)."""

    since: int
    due: int
    gateway: bool


def gateways(home: LiveHome) -> list[LiveDevice]:
    return sorted((d for d in home.devices.values() if d.kind == Kind.gateway), key=lambda d: d.name)


def _limit(limits: Mapping[str, Any]) -> int:
    """How long a gateway may be silent (ms)."""
    return int(limits["gateway_minutes"] * 1000)


def _lost_gateway(device: LiveDevice, at: int, limit: int) -> tuple[Loss | None, int]:
    """A gateway declared offline is lost from then on; one that never declares itself, or went on speaking after its last
    will, by its own heartbeat.
    """
    m = device.memory
    if is_declared_lost(device):
        return Loss(m.offline_at, m.offline_at + limit, gateway=True), NEVER
    expect = expected(device.site) if device.site is not None else None
    if not m.heard_at or (m.online_at > m.offline_at and not expect):
        return None, NEVER  # the broker tells, or nothing was ever heard of it (TE3 says so)
    due = m.heard_at + max(limit, round(3000 * expect.total_seconds()) if expect else 0)
    return (Loss(m.heard_at, due, gateway=True), NEVER) if at >= due else (None, due)


def missing_since(home: LiveHome, at: int, limits: Mapping[str, Any]) -> int | None:
    """Since when (ms) a gateway that only its heartbeat tells of has missed it, though it is not yet lost.

    It counts from a beat and a half before it is lost. In a cut the last words of gateways are up to one beat apart
    (`devices.kinds`, or what the site file or the model says), and half as much again for beats that are not exact. A
    gateway of one beat a minute has missed three by then.
    """
    for device in gateways(home):
        if is_declared_lost(device):
            continue  # its last will tells since when
        beat = (expected(device.site) if device.site is not None else None) or KINDS[Kind.gateway].every
        loss, _ = _lost_gateway(device, at + round(1500 * beat.total_seconds()), _limit(limits))
        if loss is not None:
            return loss.since
    return None


def _share(home: LiveHome, at: int, limits: Mapping[str, Any]) -> tuple[Loss | None, int]:
    """Lost from the moment at which so many of the devices that were ever heard are silent."""
    orders = home.memory.orders
    silent_from = sorted(
        max(d.memory.heard_at, home.memory.back_at) + _patience(d)
        for d in counted(home)
        if not out_until(orders, d.name, at)
    )
    wanted = max(int(limits["at_least"]), ceil(len(silent_from) * limits["share_percent"] / 100))
    if len(silent_from) < wanted:
        return None, NEVER
    due = silent_from[wanted - 1]
    return (Loss(due, due, gateway=False), NEVER) if at >= due else (None, due)


def _patience(device: LiveDevice) -> int:
    """How long a device may be silent before it counts: a battery device that came back from longer pauses by itself
    speaks when something happens, and gets them.
    """
    known = KINDS.get(device.kind)  # type: ignore[call-overload]  # Kind is a str
    if known is not None and known.power is Power.mains:
        return device.silence
    return max(device.silence, min(device.memory.longest * 5 // 4, ON_CHANGE_GAP))


def counted(home: LiveHome) -> list[LiveDevice]:
    """Devices whose silence says something about the home: heard before, and heard even when nothing changes."""
    return [
        d
        for d in home.devices.values()
        if d.memory.heard_at
        and d.kind != Kind.gateway
        and (d.site is not None or home.site is None)
        and not d.on_change
    ]


def loss_of(home: LiveHome, at: int, limits: Mapping[str, Any]) -> tuple[Loss | None, int]:
    """Whether the home is lost now, and the next moment (ms, or NEVER) at which it may be without any report."""
    limit = _limit(limits)
    found: Loss | None = None
    wake = NEVER
    for device in gateways(home):
        loss, next_look = _lost_gateway(device, at, limit)
        wake = min(wake, next_look)
        if loss is not None and (found is None or loss.since < found.since):
            found = loss
    if found is not None:
        return found, wake
    loss, next_look = _share(home, at, limits)
    return loss, min(wake, next_look)


def is_over(home: LiveHome, dark: Dark, loss: Loss | None) -> bool:
    """Heard again: the gateway and one device more; without a gateway, enough of the devices."""
    if loss is not None and loss.gateway:
        return False
    if not dark.gateway:
        return loss is None
    back_at = max(
        (max(g.memory.online_at, g.memory.heard_at) for g in gateways(home)), default=dark.since + 1
    )
    if back_at <= dark.since:
        return False  # it was taken for lost with its neighbours, and has not spoken since
    devices = counted(home)
    if not dark.lost or not devices:
        return True
    after = max(dark.since, back_at - ALREADY)
    return any(d.memory.heard_at > after for d in devices)


def silent_devices(home: LiveHome, at: int) -> list[LiveDevice]:
    """What the outage covers, the gateway first: all not heard since it was lost, or those silent by themselves."""
    dark = home.memory.dark
    cut_off_at = dark.since if dark is not None and dark.gateway else 0
    covered = [
        d
        for d in home.devices.values()
        if (d.kind == Kind.gateway and silent_since(d) is not None)
        or (d.memory.heard_at and (d.memory.heard_at <= cut_off_at or at - d.memory.heard_at >= d.silence))
    ]
    return sorted(covered, key=lambda d: (d.kind != Kind.gateway, d.name))


def never_heard(home: LiveHome) -> list[LiveDevice]:
    """The devices of a home that was installed and never heard of, the gateway first; none when one of its devices but the
    gateway was heard, or when there is only one.
    """
    listed = [d for d in home.devices.values() if d.site is not None]
    if any(has_reported(d) for d in listed if d.kind != Kind.gateway):
        return []
    silent = [d for d in listed if not has_reported(d)]
    alone = len(silent) < 2 or all(d.kind == Kind.gateway for d in silent)
    return [] if alone else sorted(silent, key=lambda d: (d.kind != Kind.gateway, d.name))


def silence_of(device: LiveDevice, since: int) -> Evidence:
    return Evidence(device=device.name, quantity="silence", value=None, at=moment(since))
