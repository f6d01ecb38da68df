"""The verbs in which a scenario is written: people *live* other stays, sensors *read*, a gateway *goes dark*.

Start at `Stage`. `truth` says what really happened and which alert code of the catalogue ought to come of it.
"""

from __future__ import annotations

from typing import Any

from care.words import Kind
from simulators.home import HomeLife
from simulators.person import Person
from simulators.resident import Stay
from simulators.scenarios.wishes import WrongScenario
from simulators.sensors import SECOND, Sensor, at_ms
from simulators.truths import Expected, Truth


class Stage:
    """The verbs in which a scenario is written. Times are seconds from its beginning."""

    def __init__(
        self,
        name: str,
        life: HomeLife,
        start: int,
        *,
        now: int,
        neighbours: list[HomeLife],
        local_hour: float,
    ) -> None:
        self.name = name
        self.life = life
        self.start = start
        self.now = now
        """When it is staged: nothing can be changed before."""
        self.neighbours = neighbours
        """The other homes of the building, nearest first, then of the micro-grid."""
        self.local_hour = local_hour
        """Hour of day at the beginning, wall clock, 0 … 24."""
        self.truths: list[Truth] = []

    def ms(self, seconds: float) -> int:
        """The absolute time of a moment of the scenario."""
        return self.start + int(seconds * SECOND)

    @property
    def at_night(self) -> bool:
        """Between 22:00 and 06:00, when night rules are in force."""
        return self.local_hour >= 22 or self.local_hour < 6

    def sensor(self, kind: Kind, room: str | None = None) -> Sensor:
        """The device of a kind, in a room if one is named."""
        for sensor in self.life.sensors.values():
            if sensor.kind is kind and (room is None or sensor.room == room):
                return sensor
        raise WrongScenario(f"`{self.name}` needs a {kind.value} device, and home `{self.life.id}` has none")

    def person(self) -> Person:
        """Whom it happens to: the one the belt is about, else the first resident."""
        if not self.life.people:
            raise WrongScenario(f"`{self.name}` needs a resident, and home `{self.life.id}` has none")
        for belt in self.life.belts.values():
            if belt.person is not None:
                return belt.person
        return self.life.people[0]

    def has_dementia(self, person: Person) -> bool:
        """Whether the site file says so of a person."""
        return any(r.id == person.resident and "dementia" in r.conditions for r in self.life.home.residents)

    def truth(
        self,
        seconds: float,
        what: str,
        zh: str,
        *,
        code: str = "",
        level: str = "red",
        within: float = 10,
        also: tuple[str, ...] = (),
        device: Sensor | None = None,
        who: Person | None = None,
        verdict: str = "",
        label: str = "",
        life: HomeLife | None = None,
    ) -> None:
        """Something true at a time. With a `code`: such an alert ought to be raised `within` seconds of it, and of what
        the radio of the `device` may need at worst.
        """
        at = self.ms(seconds)
        late = device.radio.worst_ms if device is not None and device.radio is not None else 0
        by = at_ms(at + int(within * SECOND) + late)
        self.truths.append(
            Truth(
                at=at_ms(at),
                scenario=self.name,
                home=(life or self.life).id,
                what=what,
                zh=zh,
                resident=who.resident if who is not None else None,
                device=device.id if device is not None else None,
                expect=Expected(code=code, level=level, by=by, also=list(also)) if code else None,
                label=label or ("resident" if who is not None else ""),
                verdict=verdict,
            )
        )

    def lives(self, person: Person, until: float, *stays: tuple[float, str, str, float]) -> None:
        """From the first of these on (seconds, room, doing, motions an hour) a person lives them, `until` the day goes on.

        A stay in the bedroom that is called sleep, nap or "in bed" is spent in bed. What would have begun before now
        begins now.
        """
        plan: list[Stay] = []
        for seconds, room, doing, motions in stays:
            at = max(self.now, self.ms(seconds))
            if plan and plan[-1].start == at:
                plan.pop()
            plan.append(
                Stay(at, room, doing, motions, doing in ("sleep", "nap", "in bed"), doing in ("sleep", "nap"))
            )
        end = self.ms(until)
        self.life.do(plan[0].start, lambda life, ms: life.live(person, plan, end, ms))

    def alone(self, until: float) -> None:
        """No visitor comes, and who is there has left: else somebody would help, and nothing ought to be told."""
        self.life.do(max(self.now, self.start), lambda life, ms: life.nobody_comes(self.ms(until), ms))

    def others_sleep(self, until: float) -> None:
        """Everybody else of the home sleeps through it, and nobody comes."""
        self.alone(until)
        main = self.person()
        for person in self.life.people:
            if person is not main:
                self.lives(person, until, (-1200, "bedroom", "sleep", 0))

    def reads(self, seconds: float, sensor: Sensor, **values: Any) -> None:
        """A device reports changed readings."""
        self.life.do(self.ms(seconds), lambda life, ms: life.reads(sensor, ms, **values))

    def press(self, seconds: float, sensor: Sensor) -> None:
        """An SOS button is pressed."""
        self.life.do(self.ms(seconds), lambda life, ms: life.press(sensor, ms))

    def sees(self, seconds: float, room: str) -> None:
        """Something moves in a room."""
        self.life.do(self.ms(seconds), lambda life, ms: life.see(room, ms))

    def door(self, seconds: float, open_for: float) -> None:
        """The front door is opened, and closed again after some seconds."""
        self.life.do(self.ms(seconds), lambda life, ms: life.pass_door(ms, open_for))

    def belt_shows(self, seconds: float, values: dict[str, Any] | None) -> None:
        """The belt of the person reports these readings from now on; None: what it really measures."""
        person = self.person()

        def show(life: HomeLife, _ms: int) -> None:
            for belt in life.belts.values():
                if belt.person is person:
                    belt.shows = values

        self.life.do(self.ms(seconds), show)

    def belt(self) -> Sensor:
        """The bed belt of the person."""
        person = self.person()
        for belt in self.life.belts.values():
            if belt.person is person:
                return belt.sensor
        raise WrongScenario(f"`{self.name}` needs a bed belt, and home `{self.life.id}` has none")

    def dark(self, life: HomeLife, seconds: float, until: float, *, power: bool) -> None:
        """A home has no network for a while, or no `power` either."""
        life.do(self.ms(seconds), lambda one, ms: one.go_dark(ms, power=power))
        life.do(self.ms(until), lambda one, ms: one.come_back(ms, power=power))
