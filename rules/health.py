"""Whether a home is protected, path by path, and why not. Start at `health_of`.

A path leads from a hazard to a person: fire, gas, water, a fall, a call for help, the bed, the door. It holds when
every device on it has proved itself; what we do not know is never fine. A home is not protected when nobody can
call from it or it is not heard, partly when any path does not hold.
"""

from __future__ import annotations

from datetime import datetime

from care.ids import epoch_ms
from care.messages import DeviceHealth, HomeHealth
from care.site import Device, Registry
from care.words import Kind, Protection
from rules.beds import never_told
from rules.live import LiveDevice, LiveHome, has_reported, is_declared_lost, silent_since
from rules.memory import ACTIVE, moment
from rules.modes import out_of_service
from rules.signs import allowed

TELLS: dict[str, frozenset[str]] = {
    Kind.smoke: frozenset({"smoke", "smoke_level"}),
    Kind.gas: frozenset({"gas", "gas_level"}),
    Kind.co: frozenset({"co", "co_level"}),
    Kind.water_leak: frozenset({"water_leak"}),
}
"""What a detector says of what it is there for. Only it proves that an alarm would be understood: the mapping may be wrong."""
TELLS_WITHIN = 24 * 3600_000
"""The longest heartbeat of a detector (domain.md 2.1): by then one that tells its state has told it."""

BATTERY_EMPTY = 10
"""Percent at which a battery device may stop at any time (rule TE1, yellow)."""

PATHS: dict[str, frozenset[Kind]] = {
    "call": frozenset({Kind.sos}),
    "fire": frozenset({Kind.smoke}),
    "gas": frozenset({Kind.gas, Kind.co}),
    "fall": frozenset({Kind.fall}),
    "water": frozenset({Kind.water_leak, Kind.water_meter}),
    "bed": frozenset({Kind.bed_belt}),
    "door": frozenset({Kind.door}),
    "movement": frozenset({Kind.motion, Kind.presence}),
}
"""Which devices a path runs over. A button with `calls_on` is a way to call as well."""

WORKS_YET = frozenset({"battery", "tamper"})
"""Reasons with which a device may still do what it is there for: no proof of protection, yet a way to call."""


def health_of(registry: Registry, name: str, home: LiveHome | None, now: datetime) -> HomeHealth:
    """The health of a home just now; `home` is what we remember of it, if anything."""
    at = epoch_ms(now)
    site = registry.homes.get(name)
    fitted: dict[str, Device | None] = {d.id: d for d in site.devices} if site else {}
    if site is None and home is not None:
        fitted = dict.fromkeys(home.devices)
    devices = [_device(registry, name, d, home, at) for d in fitted]
    reasons = {d.device: d.reason for d in devices}
    lost = home is not None and home.memory.dark is not None and _is_lost(home)
    paths: dict[str, str] = {}
    for path, kinds in PATHS.items():
        on_it = [d for d in devices if d.kind in kinds or (path == "call" and _calls(fitted[d.device]))]
        if on_it:
            paths[path] = "gateway" if lost else _worst(on_it)
    paths.setdefault("call", "not_fitted")
    callers = [d for d in devices if d.kind in PATHS["call"] or _calls(fitted[d.device])]
    resting = (
        sorted(r for r, until in home.memory.suspended.items() if until > at) if home is not None else []
    )
    if not any(not r for r in reasons.values()):
        reason = "gateway" if lost else "nothing"
    elif lost:
        reason = "gateway"
    elif not any(not d.reason or d.reason in WORKS_YET for d in callers):
        reason = "no_call"
    else:
        reason = ""
    if reason:
        protection = Protection.not_protected
    elif resting or any(reasons.values()):
        protection = Protection.partly
    else:
        protection = Protection.protected
    return HomeHealth(
        home=name,
        protection=protection.value,
        at=now,
        devices=devices,
        paths=paths,
        reason=reason,
        resting=resting,
    )


def cause_of(health: HomeHealth) -> str:
    """The one cause that a time without full protection is put down to; empty while the home is protected.

    The home's own loss comes before a single device, and a device that does nothing before one that works yet, so that the
    hours of all causes are the hours that were lost.
    """
    if health.protection == Protection.protected:
        return ""
    if health.reason == "gateway":
        gateway = next((d.device for d in health.devices if d.kind == Kind.gateway), "")
        return f"gateway:{gateway}"
    if health.reason == "nothing":
        return "nothing"
    if health.reason == "no_call":
        return health.paths.get("call", "") or "not_fitted"
    return _worst(health.devices) or "resting"


def _is_doubted(home: LiveHome, device: LiveDevice) -> bool:
    """A rule says that this belt measures nothing that can be believed; those about its bed cannot tell meanwhile."""
    return any(
        i.rule.code == "BD7" and i.episode.phase == ACTIVE and device in i.group
        for i in home.instances.values()
    )


def _is_untold(device: LiveDevice, at: int) -> bool:
    """A detector that is heard (its battery, its signal) and within a day has not once said what it is there for, nor that
    its test key was pressed.
    """
    told = TELLS.get(device.kind)
    if told is None or not device.memory.first_at or at - device.memory.first_at < TELLS_WITHIN:
        return False
    test = device.fields.get("self_test")
    if device.memory.tested_at or (test is not None and test.true_at):
        return False
    fields = (device.fields[q] for q in told if q in device.fields)
    return not any(f.value is not None or f.before_at for f in fields)


def _is_lost(home: LiveHome) -> bool:
    dark = home.memory.dark
    return dark is not None and (dark.gateway or dark.lost or bool(dark.alone_at))


def _calls(device: Device | None) -> bool:
    return device is not None and device.kind is Kind.button and bool(device.calls_on)


def _worst(devices: list[DeviceHealth]) -> str:
    bad = [d for d in devices if d.reason]
    if not bad:
        return ""
    worst = min(bad, key=lambda d: (d.reason in WORKS_YET, d.device))
    return f"{worst.reason}:{worst.device}"


def _device(registry: Registry, home: str, name: str, live: LiveHome | None, at: int) -> DeviceHealth:
    found = registry.devices.get(name)
    here = found[1] if found is not None and found[0].id == home else None
    device: LiveDevice | None = live.devices.get(name) if live is not None else None
    kind = here.kind.value if here is not None else device.kind if device is not None else ""
    room = here.room if here is not None else ""
    taken = out_of_service(live.memory.orders, name, at) if live is not None else None
    out, by = (taken.until, taken.by) if taken is not None else (None, "")
    if device is None:
        return DeviceHealth(
            device=name,
            kind=kind,
            room=room,
            out_until=out,
            out_by=by,
            reason="out_of_service" if out else "never_reported",
        )
    memory, fields = device.memory, device.fields
    since = silent_since(device)
    spoke = has_reported(device)
    limit = allowed(device)
    silent = spoke and since is not None and at - since >= limit
    battery = fields["battery"].value if "battery" in fields else None
    low = isinstance(battery, int | float) and not isinstance(battery, bool) and battery <= BATTERY_EMPTY
    dark = live.memory.dark if live is not None else None

    def says(quantity: str) -> bool:
        return quantity in fields and bool(fields[quantity].value)

    if out is not None:
        reason = "out_of_service"
    elif not spoke:
        reason = "never_reported"
    elif device.kind == Kind.gateway and is_declared_lost(device):
        reason, silent = "offline", True
    elif silent:
        reason = "silent"
    elif dark is not None and dark.gateway and memory.heard_at <= dark.since:
        reason = "offline"  # it may be well, but nothing of it would reach us
    elif says("fault"):
        reason = "fault"
    elif says("tamper"):
        reason = "tamper"
    elif says("battery_low") or low:
        reason = "battery"
    elif (live is not None and _is_doubted(live, device)) or (
        device.kind == Kind.bed_belt and never_told(device)
    ):
        reason = "doubtful"
    elif _is_untold(device, at):
        reason = "untold"
    else:
        reason = ""
    return DeviceHealth(
        device=name,
        kind=kind,
        room=room,
        last_at=moment(memory.heard_at) if memory.heard_at else None,
        silent=silent,
        out_until=out,
        out_by=by,
        expected_seconds=limit / 1000 if limit else None,
        battery=float(battery)
        if isinstance(battery, int | float) and not isinstance(battery, bool)
        else None,
        reason=reason,
    )
