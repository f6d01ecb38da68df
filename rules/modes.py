"""Modes of a home (外出, 住院, 访客, 保洁, 装修) and limits that hold for a while: what is in force when. Start at `spans`.

They come from the site file and, while the service runs, through the API into the home's memory (`HomeOrders`).
Whatever is set here ends by itself; `next_edge` says when something changes, so that the engine looks then.
"""

from __future__ import annotations

from collections.abc import Iterable
from zoneinfo import ZoneInfo

from care.ids import epoch_ms
from care.site import Home, HomeMode, HomeOrders, OutOfService, Override, Resident, moment_of
from care.words import Mode
from rules.live import Instance, LiveHome, Span

MODE_WORDS: dict[str, tuple[str, str]] = {
    Mode.away: ("外出", "away"),
    Mode.hospital: ("住院", "hospital"),
    Mode.visitors: ("访客", "visitors"),
    Mode.cleaning: ("保洁", "cleaning"),
    Mode.works: ("装修", "works"),
}


def spans(site: Home | None, orders: HomeOrders | None, zone: ZoneInfo) -> list[Span]:
    """Every mode of a home, in order of its beginning."""
    given: list[HomeMode] = [*(site.modes if site is not None else []), *(orders.modes if orders else [])]
    made = [
        Span(m.mode.value, epoch_ms(moment_of(m.from_, zone)), epoch_ms(moment_of(m.until, zone)), m.ended)
        for m in given
    ]
    return sorted(made, key=lambda s: (s.begins, s.ends, s.mode))


def quiet_until(home: LiveHome, modes: Iterable[Mode], at: int) -> int:
    """Until when one of these modes holds; 0 when none does now."""
    names = {m.value for m in modes}
    return max((s.ends for s in home.modes if s.mode in names and s.begins <= at < s.ends), default=0)


def out_of_service(orders: HomeOrders | None, device: str, at: int) -> OutOfService | None:
    """The act by which a device is out of service, the one that ends last; None when it is in service."""
    if orders is None or not orders.out:
        return None
    return max(
        (o for o in orders.out if o.device == device and epoch_ms(o.from_) <= at < epoch_ms(o.until)),
        key=lambda o: o.until,
        default=None,
    )


def out_until(orders: HomeOrders | None, device: str, at: int) -> int:
    """Until when a device is out of service (ms); 0 when it is in service."""
    out = out_of_service(orders, device, at)
    return epoch_ms(out.until) if out is not None else 0


def quiet_before(home: LiveHome, modes: Iterable[Mode], at: int) -> int:
    """When the last of these modes ended; 0 when there was none."""
    names = {m.value for m in modes}
    return max((s.ends for s in home.modes if s.mode in names and s.ends <= at), default=0)


def next_quiet(home: LiveHome, modes: Iterable[Mode], at: int) -> int:
    """When the next of these modes begins; 0 when none is known."""
    names = {m.value for m in modes}
    return min((s.begins for s in home.modes if s.mode in names and s.begins > at), default=0)


def overrides_of(resident: Resident, orders: HomeOrders | None) -> list[Override]:
    """The temporary limits of a resident, those set last coming last."""
    later = orders.overrides if orders is not None else []
    return [*resident.overrides, *(o for o in later if o.resident in (None, resident.id))]


def is_written(instance: Instance, name: str, at: int, zone: ZoneInfo) -> bool:
    """Whether somebody set this parameter for these residents: by their tier or condition, for good or for a while."""
    p, home = instance.rule.doc.parameters[name], instance.home
    everybody = home.site.residents if home.site is not None else []
    for person in [instance.resident] if instance.resident is not None else everybody:
        if p.limit in person.limits or any(
            word in p.templates for word in (person.tier.value, *person.conditions, *person.flags)
        ):
            return True
        for override in overrides_of(person, home.memory.orders):
            begins, ends = (epoch_ms(moment_of(t, zone)) for t in (override.from_, override.until))
            if override.limit == p.limit and begins <= at < ends:
                return True
    return False


def next_edge(site: Home | None, orders: HomeOrders | None, zone: ZoneInfo, at: int) -> int:
    """When a temporary limit begins or ends next, or a device goes out of service or comes back (ms); 0 for never."""
    given = [o for r in (site.residents if site is not None else []) for o in overrides_of(r, orders)]
    edges = [epoch_ms(moment_of(t, zone)) for o in given for t in (o.from_, o.until)]
    edges += [epoch_ms(t) for o in (orders.out if orders is not None else []) for t in (o.from_, o.until)]
    return min((e for e in edges if e > at), default=0)
