"""The world: every home in one stream of messages, in order of time, the same bytes for the same seed.

Start at `World.events(until)`. A world is pure: it neither sleeps nor publishes, and a moment of it comes when it is
asked for. Scenarios are staged before or between calls; what truly happens is told by `happened`.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from care.schematic import building_of
from care.site import Home, Registry, Site
from care.words import Kind
from simulators.days import midnight
from simulators.home import HomeLife, base_topic
from simulators.pace import Pace
from simulators.radios import Radios
from simulators.scenarios import SCENARIOS, Stage, Truth, Wish, WrongScenario, unknown_home
from simulators.sensors import HOUR, SECOND, Publish, at_ms, iso_ms, to_ms

BURST_PER_SECOND = 400
"""At the start gateways connect one after the other, so that a large community does not arrive in one blow."""
REFERENCE = "h0317"


class World:
    """A community in time.

    `start` is when it begins (aware); `rate_scale` multiplies how often belts and heartbeats speak; `speed` makes the
    clocks of the devices run so many times slower than the world: a world played at 60 times real time then stamps its
    messages with times of the listener's clock (`pace`).
    """

    def __init__(
        self, site: Site, *, seed: int = 1, start: datetime, rate_scale: float = 1.0, speed: float = 1.0,
        radios: Radios = Radios.lifelike,
    ) -> None:  # fmt: skip
        self.site = site
        self.registry = Registry(site)
        self.start = start
        self.seed = seed
        self.radios = radios
        self._start_ms = to_ms(start)
        self.now_ms = self._start_ms
        self.pace = Pace(self._start_ms, speed)
        """May be changed while the world runs."""
        devices = sum(len(h.devices) for h in site.homes)
        spread = max(8 * SECOND, devices * SECOND // BURST_PER_SECOND)
        bridges = _bridges(site)
        self._lived: list[Truth] = []
        self.lives: dict[str, HomeLife] = {
            home.id: HomeLife(
                home,
                seed=seed,
                start=self._start_ms,
                zone=self.registry.zone,
                stamp=self._stamp,
                rate_scale=rate_scale,
                spread=spread,
                bridges=[base for base, homes in bridges.items() if homes == [home.id]],
                shared_bridges=[
                    base for base, homes in bridges.items() if len(homes) > 1 and homes[0] == home.id
                ],
                tell=self._lived.append,
                radios=radios,
            )
            for home in site.homes
        }
        self._by_index = list(self.lives.values())
        self._index = {life.id: i for i, life in enumerate(self._by_index)}
        self._due = [life.next_ms for life in self._by_index]
        self._queue = [(ms, i) for i, ms in enumerate(self._due)]
        heapq.heapify(self._queue)
        self._truths: list[tuple[int, int, Truth]] = []
        self._told = 0

    # ------------------------------------------------------------------------------------------ messages

    def _stamp(self, ms: int) -> str:
        """What the clocks of the devices show, which are the listener's."""
        return iso_ms(self.pace.heard_ms(ms))

    def events(self, until: datetime) -> Iterator[Publish]:
        """Every message before `until` that has not been given yet, in order of time.

        Ask again with a later time to go on. A scenario may be staged between two calls, not during one.
        """
        end = to_ms(until)
        queue, due, lives = self._queue, self._due, self._by_index
        out: list[Publish] = []
        while queue and queue[0][0] < end:
            ms, i = queue[0]
            if ms != due[i]:  # a scenario gave this home something earlier to do, and it has been done
                heapq.heappop(queue)
                continue
            self.now_ms = ms
            life = lives[i]
            life.step(out)
            due[i] = following = life.next_ms
            heapq.heapreplace(queue, (following, i))
            if out:
                yield from out
                out.clear()
        self.now_ms = max(self.now_ms, end)

    @property
    def next_at(self) -> datetime:
        """When something happens next (it need not be a message)."""
        return at_ms(self._queue[0][0]) if self._queue else at_ms(self.now_ms) + timedelta(hours=1)

    @property
    def now(self) -> datetime:
        """Up to when the world has been lived."""
        return at_ms(self.now_ms)

    def acknowledge(self, home: str, device: str, seq: int | None = None) -> bool:
        """The service has the alarm of a device: it stops repeating it. False when it was not."""
        life = self.lives.get(home)
        return life is not None and life.acknowledge(device, seq)

    # ------------------------------------------------------------------------------------------- darkness

    def darken(self, homes: Iterable[str], *, power: bool) -> None:
        """From now on these homes have no network, or no `power` either, until `lighten`. KeyError for a home that is not there."""
        for life in [self.lives[home] for home in homes]:
            life.do(self.now_ms, lambda one, ms: one.go_dark(ms, power=power))
            self._look_again(life)

    def lighten(self, homes: Iterable[str], *, power: bool) -> None:
        """What `darken` did is over: they connect again, unless a scenario keeps them dark."""
        for life in [self.lives[home] for home in homes]:
            life.do(self.now_ms, lambda one, ms: one.come_back(ms, power=power))
            self._look_again(life)

    def building(self, home: str) -> list[str]:
        """The homes with a gateway in the building of a home, that home first."""
        there = building_of(self.lives[home].home)
        found = [
            life.id
            for life in self._by_index
            if life.gateway is not None and life.id != home and building_of(life.home) == there
        ]
        return [home, *found]

    # ----------------------------------------------------------------------------------------- scenarios

    @property
    def ahead(self) -> int:
        """How many truths are staged and have not happened yet."""
        return len(self._truths)

    def fitting(self, scenario: str) -> list[str]:
        """The homes in which a scenario can be played. KeyError for a scenario that is not there."""
        lacks = SCENARIOS[scenario].lacks
        return [life.id for life in self._by_index if life.home.residents and not lacks(life.home.devices)]

    def home_for(self, scenario: str) -> str:
        """Where a scenario is played when nobody names a home. Raises WrongScenario."""
        return self._life_for(Wish(scenario)).id

    def stage(self, wish: Wish) -> list[Truth]:
        """Put a scenario into the world; returns all that will be true of it, in order.

        Without an offset it begins now, or when its hour comes if it has one (a night fall by day waits for the night),
        and when somebody has been in bed long enough if that matters. With an offset it begins exactly so long after
        now, whatever the hour. Raises WrongScenario.
        """
        scenario = SCENARIOS.get(wish.name)
        if scenario is None:
            raise WrongScenario(f"there is no scenario `{wish.name}`; there are: {' '.join(SCENARIOS)}")
        life = self._life_for(wish)
        start = self._start_of(wish, life)
        zone = self.registry.zone
        day = at_ms(start).astimezone(zone).date()
        hour = (start - midnight(day, zone)) / HOUR
        stage = Stage(
            wish.name, life, start, now=self.now_ms, neighbours=self._neighbours(life), local_hour=hour
        )
        scenario.play(stage)
        for one in {id(x): x for x in (life, *stage.neighbours)}.values():
            self._look_again(one)
        truths = sorted(stage.truths, key=lambda t: t.at)
        for truth in truths:
            self._told += 1
            heapq.heappush(self._truths, (to_ms(truth.at), self._told, truth))
        return truths

    def begins(self, wish: Wish) -> datetime:
        """When a scenario would begin if it were staged now. Raises WrongScenario."""
        return at_ms(self._start_of(wish, self._life_for(wish)))

    def _start_of(self, wish: Wish, life: HomeLife) -> int:
        if wish.after is not None:
            return self.now_ms + int(wish.after / timedelta(milliseconds=1))
        scenario = SCENARIOS[wish.name]
        start = self._hour_for(self.now_ms, scenario.hours)
        if scenario.lead and start < self.now_ms + scenario.lead and not life.in_bed(self.now_ms, start):
            return self.now_ms + scenario.lead
        return start

    def happened(self) -> list[Truth]:
        """What has become true since the last time this was asked, up to where the world has been lived."""
        out = []
        while self._truths and self._truths[0][0] <= self.now_ms:
            out.append(heapq.heappop(self._truths)[2])
        return out

    def lived(self) -> list[Truth]:
        """What was true of ordinary days since the last time this was asked: who went out, who came, what the cat did."""
        out = [t for t in self._lived if to_ms(t.at) <= self.now_ms]
        later = [t for t in self._lived if to_ms(t.at) > self.now_ms]
        self._lived.clear()
        self._lived += later
        return sorted(out, key=lambda t: t.at)

    def _look_again(self, life: HomeLife) -> None:
        """A home may have something earlier to do than the queue knows."""
        i = self._index[life.id]
        if life.next_ms < self._due[i]:
            self._due[i] = life.next_ms
            heapq.heappush(self._queue, (life.next_ms, i))

    def _life_for(self, wish: Wish) -> HomeLife:
        scenario = SCENARIOS[wish.name]
        if wish.home is not None:
            life = self.lives.get(wish.home)
            if life is None:
                raise WrongScenario(unknown_home(wish.home, self.lives))
            if missing := scenario.lacks(life.home.devices):
                words = ", ".join(missing)
                raise WrongScenario(
                    f"`{wish.name}` needs {words}, and home `{wish.home}` has none: "
                    f"write `{wish.name}` without a home and one that has it is chosen"
                )
            return life
        reference = self.lives.get(REFERENCE)
        homes = ([reference] if reference is not None else []) + self._by_index
        for life in homes:
            if not scenario.lacks(life.home.devices) and life.home.residents:
                return life
        words = ", ".join(scenario.lacks(()))
        raise WrongScenario(f"`{wish.name}` needs a home with {words or 'residents'}, and there is none")

    def _hour_for(self, ms: int, hours: tuple[float, float] | None) -> int:
        """This moment if the hour is right, else the next time it is."""
        if hours is None:
            return ms
        zone = self.registry.zone
        day = at_ms(ms).astimezone(zone).date()
        low, high = hours
        for n in range(3):
            zero = midnight(day + timedelta(days=n), zone)
            first, last = zero + int(low * HOUR), zero + int(high * HOUR)
            if ms <= last:
                return max(ms, first)
        raise AssertionError("every day has every hour")

    def _neighbours(self, life: HomeLife) -> list[HomeLife]:
        """Other homes with a gateway: of the building, then of the micro-grid, then of the grid, then all others."""
        building, micro = building_of(life.home), life.home.micro_grid
        grid = self.registry.grid_of(life.home)

        def far(other: Home) -> tuple[int, str]:
            if building_of(other) == building:
                return 0, other.id
            if other.micro_grid == micro:
                return 1, other.id
            theirs = self.registry.grid_of(other)
            return (2 if theirs and grid and theirs[0].id == grid[0].id else 3), other.id

        others = [
            x for x in self._by_index if x is not life and any(d.kind is Kind.gateway for d in x.home.devices)
        ]
        return sorted(others, key=lambda x: far(x.home))[:64]


def _bridges(site: Site) -> dict[str, list[str]]:
    """The bases of Zigbee2MQTT and the homes behind each; one that many homes share does not go dark with one of them."""
    out: dict[str, dict[str, None]] = {}
    for home in site.homes:
        for device in home.devices:
            if device.address is not None and not device.address.startswith("anxin/"):
                out.setdefault(base_topic(device.address, home.id), {})[home.id] = None
    return {base: list(homes) for base, homes in out.items()}
