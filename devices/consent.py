"""Which quantities of a device its people keep from the centre (contract section 3). Start at `withheld`."""

from __future__ import annotations

from functools import lru_cache

from care.site import Device, Home, Registry
from devices.quantities import QUANTITIES

_NOTHING: frozenset[str] = frozenset()


def withheld(registry: Registry, home: Home, device: Device) -> frozenset[str]:
    """Quantities the people a device is about keep from the centre. A shared sensor obeys the strictest of them.

    Smoke, gas, CO, SOS and falls need no consent and are never among them.
    """
    about = registry.resident_of(home, device)
    people = [about] if about is not None else home.residents
    classes = {
        data
        for person in people
        for data, viewers in (person.consent or {}).items()
        if "centre" not in viewers
    }
    return _of(frozenset(classes)) if classes else _NOTHING


@lru_cache(maxsize=256)
def _of(classes: frozenset[str]) -> frozenset[str]:
    return frozenset(q.name for q in QUANTITIES.values() if q.consent in classes)
