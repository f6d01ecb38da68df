"""What the engine remembers: one `HomeMemory` for each home, small and explicit, exactly restorable.

Times are milliseconds since 1970 UTC; 0 is never. A home's memory is all there is: give it and the same input
to another engine and it says the same. Timers are the `wake` of an episode. Start at `Field`.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from care.messages import Evidence, Report
from care.site import HomeOrders

SCHEMA = 1
"""Version of this shape. A snapshot of another version is refused, and the log is replayed instead."""

STRETCH_GAP = 30 * 60 * 1000
"""Interruptions shorter than this do not start a new stretch of a state (`stay`): an elder who comes back to bed
for three minutes between two walks was in bed this night; mats lose the person for minutes at a time (fixtures)."""

TIES = 64
"""Reports of the very same moment that are told apart; a device that says more has no clock."""

PRESSES = 48
"""Presses remembered for each device: more than one repeats in the minutes until it is answered. What is older than
the last one forgotten counts as handled."""


Number = int | float
"""As a device said it: a whole number stays one, so that a memory that was packed and read again is packed to the same
bytes."""


def moment(ms: int) -> datetime:
    """The time a number of milliseconds stands for."""
    return datetime.fromtimestamp(ms // 1000, UTC) + timedelta(milliseconds=ms % 1000)


class Field(msgspec.Struct, array_like=True):
    """The last word of a device on one quantity. `value` None is unknown: it named the quantity without a value."""

    value: Any
    at: int
    """When it was so (event time)."""
    received_at: int
    since: int
    """Event time of the first report with this value."""
    report_id: str
    true_at: int = 0
    """Event time of the last report that said true (or a number that is not zero)."""
    before_at: int = 0
    """Event time of the last report with the value before."""
    stay: int = 0
    """Milliseconds it was true in the last stretch, the present run not counted."""
    stay_end: int = 0
    changes: int = 0
    false_at: int = 0
    """Event time of the last change to false; 0 when it has never said so."""
    tied: list[str] = []
    """Reports of the very same moment as the last word, should one come again."""
    flips_at: int = 0
    """Since when changes are counted, for what may chatter."""
    flips: int = 0
    noisy_until: int = 0
    """It is not believed until then."""
    flicks: list[int] = []
    """The last changes of a bed sensor: many in little time are the mat's, not the person's."""
    rose_at: int = 0
    """Event time of the last change to true."""
    low: Number = 0.0
    low_at: int = 0
    """Of a temperature: the lowest of the last two minutes and when it was, to tell how fast it rises."""
    last: Number = 0.0
    last_at: int = 0
    unseen: list[tuple[int, int]] = []
    """Of a bed sensor: when it felt somebody again whom nobody had seen get up, and for how long (ms) it had not:
    the last three times, before them the longest of a week."""


class Press(msgspec.Struct, array_like=True):
    """A press (or a hazard's first word) already handled, by everything it could be known by again."""

    quantity: str
    at: int
    heard_at: int
    report_id: str
    value: Any = True
    seq: int | None = None
    device_at: int | None = None


class Clock(msgspec.Struct, array_like=True):
    """What is known of a device's clock that seems wrong (rules.clocks); a right one needs no memory."""

    opened_at: int
    """When the window in which delays are compared began (time of receipt)."""
    messages: int
    least: int
    """Least delay in it, milliseconds."""
    stamp: int
    """Device time of the last message taken in."""
    before: int | None = None
    """Least delay of the window before."""
    believed: list[tuple[int, int]] = []
    """From which stamp of the device on its clock was believed to be so far behind (ms)."""


class Samples(msgspec.Struct, array_like=True):
    """What a bed belt measured lately, and how its bed stands (rules.samples). Times are those of its reports."""

    at: int = 0
    """Its last word about bed, heart or breath."""
    every: int = 0
    """Usual time between two reports with a heart or breathing rate."""
    measured_at: int = 0
    taken: list[tuple[int, Number, Number, Number, Number]] = []
    """Time, heart rate, breathing rate, signal quality, movement; in order. 0 is no value, -1 not told."""
    doubted: int = 0
    """The heart rate jumped with the sample of this time: believed once the next window says the same."""
    out_since: int = 0
    entered_at: int = 0
    """When somebody was seen to get into bed, after having been away from it."""
    breath_at: int = 0
    """Last breath in this stay in bed."""
    breath_since: int = 0
    """Since when every report says that there is breath; 0 when the last one did not."""
    breath_every: int = 0
    """Usual time between two reports with a breathing rate."""
    lost_since: int = 0
    lost_at: int = 0
    """First and last report of a stretch of pressure without breath."""
    zero_at: int = 0
    """Last report that named the breathing and said 0."""
    pulse_at: int = 0
    mute_since: int = 0
    mute_at: int = 0
    """First and last report of a stretch in bed with neither pulse nor breath, for whatever reason."""
    pulseless_since: int = 0
    """Since when every report has breath and a heart rate of 0: a lead is off."""
    poor_since: int = 0
    poor_at: int = 0
    """First and last report of a stretch in bed with a bad signal or impossible values."""
    sound_since: int = 0
    sound_at: int = 0
    """The same with a good signal and values that can be."""
    looked_at: int = 0
    """When the rules without limits of their own last looked."""
    poor_more: int = 0
    """So many more reports of the stretch with a bad signal were bad than good."""
    lost_more: int = 0
    """So many more reports of the stretch without breath felt somebody than did not: a mat that flickers is believed
    while it feels them most of the time."""


class DeviceMemory(msgspec.Struct, array_like=True):
    """What one device has said."""

    known_at: int = 0
    """Since when we know of it: silence is counted from here until it first speaks."""
    heard_at: int = 0
    """When we last heard it live; a retained message is no sign of life."""
    at: int = 0
    """Largest event time heard."""
    ids: list[str] = []
    """Reports of that time."""
    seq: int | None = None
    device_at: int | None = None
    reports: int = 0
    changes: int = 0
    """Reports that changed a state: a device that speaks only when something changes has nearly as many as reports."""
    longest: int = 0
    """Longest pause between two reports that both came."""
    offline_at: int = 0
    online_at: int = 0
    """Declared by a last will or an availability topic."""
    fields: dict[str, Field] = {}
    presses: list[Press] = []
    forgotten_at: int = 0
    """Event time up to which presses are no longer remembered one by one."""
    kind: str = ""
    """What it says it is, for a device that is not in the site file."""
    first_at: int = 0
    """When we first heard it live."""
    doubtful: int = 0
    """Alarms of it that were probably none: no smoke measured, or ended by a test."""
    doubted: str = ""
    """The last finding counted so."""
    clock: Clock | None = None
    second: int = 0
    """The last second in which something was received, and how much."""
    in_second: int = 0
    counted: int = 0
    """Times of the last message counted there, as one number: the same again counts once."""
    flooded_at: int = 0
    """When it last said more than it may."""
    held: Report | None = None
    """What it said beyond that, the newest of every quantity: taken in with the next second."""
    noisy_at: int = 0
    """When its bed sensor last changed its mind too often to be believed."""
    gaps: list[tuple[int, int]] = []
    """When it was not heard for longer than its kind may be silent: from its last word to its next."""
    turns: list[int] = []
    """When a door contact last opened."""
    meter: list[tuple[int, Number]] = []
    """Readings of a water meter over the last day and some, thinned."""
    flow_since: int = 0
    """Since when a water meter runs without a pause; 0 when it does not."""
    samples: Samples | None = None
    due: int = 0
    """When the personal clock wants to hear of a bed device again, whatever it says (rules.personal)."""
    online_kept: bool = False
    """Its last `online` was only a retained copy: it was there once, and who knows whether it still is."""
    older: list[tuple[int, int, int]] = []
    """Silences before those of `gaps`, a quarter of a day and more of them as one: from, to, and for how long of that
    (ms) it was not heard."""
    withheld: list[str] = []
    """Quantities that its people keep from us: what it taught of them is forgotten."""
    flows: list[int] = []
    """Minutes for which a water meter ran without a pause, each time since the day was last closed (rules.routine)."""
    tested_at: int = 0
    """When an alarm of it was last declared a test (`test: true`): its alarm is understood, whatever it says of its state."""
    told: dict[str, int] = {}
    """Signs of life that somebody told, by report, and when each was; 0: taken back (rules.signs)."""
    told_low: int = 0
    told_high: int = 0
    """First and last second that the reports of the last second of arrival tell of: a belt that keeps ten minutes and
    sends them at once says one thing of each of its seconds."""
    crowd: int = 0
    """Reports of that second of arrival that told of no new second."""

    @property
    def speaks_on_change(self) -> bool:
        """True when it has shown that it says nothing while nothing changes: its silence then is no loss of data."""
        return (
            self.reports >= SPEAKS_AFTER and 2 * self.changes >= self.reports and self.longest > SPEAKS_PAUSE
        )


def forget_values(memory: DeviceMemory, quantities: Collection[str]) -> None:
    """Forget what a device said of quantities that its people keep from us from now on: nothing is judged by it any more."""
    for quantity in quantities:
        memory.fields.pop(quantity, None)
    if "in_bed" in quantities or "heart_rate" in quantities:
        memory.samples = None
    if "door_open" in quantities:
        memory.turns = []
    if "water_total" in quantities:
        memory.meter, memory.flow_since, memory.flows = [], 0, []
    if "life_sign" in quantities:
        memory.told = {}
    if memory.held is not None:
        memory.held = without(memory.held, quantities)


def without(report: Report, quantities: Collection[str]) -> Report:
    """The report as if it had never named these."""
    return msgspec.structs.replace(
        report,
        values={q: v for q, v in report.values.items() if q not in quantities},
        unknown=[q for q in report.unknown if q not in quantities],
    )


SPEAKS_AFTER = 6
"""Reports needed before a device may be believed to speak only on change."""
SPEAKS_PAUSE = 20 * 60 * 1000
"""And it has come back by itself from a pause at least so long."""


IDLE, PENDING, ACTIVE = 0, 1, 2


class Episode(msgspec.Struct, array_like=True):
    """Where one rule stands with one subject. One that equals `Episode()` need not be kept."""

    phase: int = IDLE
    wake: int = 0
    """When to look again without any report."""
    onset: int = 0
    seen: int = 0
    """Evaluated up to here; an evaluation never goes back."""
    true: bool = False
    """The condition was true when last known."""
    spent: bool = False
    """This stretch of the condition was looked at and does not count."""
    blind: bool = False
    """We cannot tell just now."""
    gap: bool = False
    """Waiting was interrupted by not knowing; it starts again when we know."""
    relief_at: int = 0
    relief: int = 0
    """Interruption of the waiting: since when, and so much before."""
    clear_at: int = 0
    """Since when the clear condition holds; 0 when it does not."""
    grade: int = -1
    """Index of the grade reached."""
    reached: int = 0
    """Bits of grades that have spoken."""
    extended: int = 0
    occurrences: int = 0
    last_at: int = 0
    """Of the last press or occurrence."""
    heard: int = 0
    finding: str = ""
    minutes: int = 0
    tags: list[str] = []
    evidence: list[Evidence] = []
    seq: int | None = None
    told_at: int = 0
    """When it was opened."""


class Dark(msgspec.Struct, array_like=True):
    """A home that is not heard: its gateway is lost, or most of its devices are silent."""

    since: int
    gateway: bool
    """By its gateway; otherwise by the share of silent devices."""
    lost: bool = False
    """For so long that it is told: the silence of its devices is covered by this."""
    counted: bool = False
    """It stood long enough to count for its area."""
    area: str = ""
    """The home that holds the area outage this is part of."""
    alone_at: int = 0
    """After the end of such an outage: not told by itself before; most of those that are left come back in a moment."""

    def covers(self, at: int) -> bool:
        """Whether the silence of its devices is told by this, or waits with it."""
        return self.lost or at < self.alone_at


class Incident(msgspec.Struct, array_like=True):
    """An outage of an area. It is kept by one of the homes: the first of the welfare list when it began."""

    building: str
    """Empty: the whole community."""
    members: dict[str, int] = {}
    """Every home that was lost in it, and since when; those that are back stay listed."""
    told: int = 0
    """So many of them were told."""


class Whereabouts(msgspec.Struct, array_like=True):
    """Where in a home somebody was last seen, and whether there is more than one person."""

    room: str = ""
    since: int = 0
    """First sign in this room after the last one elsewhere."""
    at: int = 0
    pairs: list[int] = []
    """When two rooms moved within seconds of each other, going back and forth."""
    before: str = ""
    """The room before this one."""
    several_at: int = 0
    """When two people were last told apart."""
    closed_at: int = 0
    """When a front door last closed."""
    entered_at: int = 0
    """When a front door last opened on a home where nobody had been since it closed."""
    by: str = ""
    """The device whose sign was the first one in this room."""


class NightNow(msgspec.Struct, array_like=True):
    """The night under way in one bed, from noon to noon."""

    flaw: str = ""
    """Why it will not teach: a name of `rules.nights.FLAWS`."""
    pulses: list[int] = []
    breaths: list[int] = []
    """Samples of this hour, one a minute; breaths in quarters."""
    by_pulse: list[int] = []
    by_breath: list[int] = []
    """Medians of the hours that are over, from 18:00 on; 0 is unknown."""
    swings: list[tuple[int, int]] = []
    """How much pulse and breath varied within each hour (median deviation, in eighths)."""
    watched: int = 0
    """Milliseconds in bed in which the belt was heard."""
    breathing: int = 0
    """Milliseconds in bed with breathing measured."""
    lain: int = 0
    """Milliseconds in bed."""
    lain_by_day: int = 0
    """Milliseconds in bed between 09:00 and 18:00 of the day before."""
    exits: int = 0
    flips: int = 0
    up_at: int = 0
    to_bed_at: int = 0
    pauses: int = 0


class BedClock(msgspec.Struct, array_like=True):
    """What the nights of one bed have taught, and the night under way (rules.nights)."""

    ends: int = 0
    """When the night under way ends: noon."""
    hour_ends: int = 0
    heard_at: int = 0
    in_bed: bool | None = None
    since: int = 0
    """Of that state."""
    lies_since: int = 0
    """Since when somebody lies there, interruptions too short for an exit left out."""
    left_at: int = 0
    zero_at: int = 0
    zero_last: int = 0
    """Since when no breath is measured, and when that was last said."""
    pause_at: int = 0
    """When the belt last spoke of a pause of breathing itself."""
    latest: list[int] = []
    latest_breaths: list[int] = []
    """The last few samples, for the deviation of now."""
    norms: list[float] = []
    """Of this hour: pulse and its spread, breath (quarters) and its spread; 0 is unknown."""
    deviation: float = 0.0
    """Of now, in robust standard deviations, signed."""
    sampled_at: int = 0
    morning: int = 0
    """Milliseconds in bed this morning after 09:00: they belong to the day that has begun."""
    night: NightNow = msgspec.field(default_factory=NightNow)
    history: bytes = b""
    """Nights that are over, oldest first: records of `rules.nights.NIGHT`."""


class DayNow(msgspec.Struct, array_like=True):
    """The day under way in one home, from midnight to midnight."""

    flaw: str = ""
    """Why it will not teach: a name of `rules.nights.FLAWS`."""
    active: int = 0
    """Minutes in which somebody moved."""
    kitchen: int = 0
    """Minutes in which somebody moved in the kitchen."""
    visits: int = 0
    visits_at_night: int = 0
    """To the bathroom."""
    stayed: int = 0
    """Milliseconds in the bathroom."""
    outings: int = 0
    out: int = 0
    """Milliseconds during which everybody was out."""
    morning_at: int = 0
    early: list[int] = []
    """Ten minutes each in which somebody moved, until the morning has begun."""
    aways: list[int] = []
    gaps: list[int] = []
    stays: list[int] = []
    """Minutes of outings, between uses of the front door, of visits to the bathroom; learnt when the day was good."""


class HomeClock(msgspec.Struct, array_like=True):
    """What was learnt of the people of one home (rules.personal)."""

    beds: dict[str, BedClock] = {}
    alarm_at: int = 0
    """When people were last alarmed about them: that night and day do not teach."""
    aways: list[int] = []
    gaps: list[int] = []
    stays: list[int] = []
    """As in `DayNow`, of the last good days; of outings each day's longest."""
    day_ends: int = 0
    moved_at: int = 0
    """Last minute in which somebody moved, and in which they did in the kitchen."""
    cooked_at: int = 0
    used_at: int = 0
    """When the front door was last opened, and last closed."""
    closed_at: int = 0
    inside_at: int = 0
    """Last sign of a person inside."""
    bath_since: int = 0
    bath_at: int = 0
    """Of the visit to the bathroom that goes on, and the last motion in it."""
    day: DayNow = msgspec.field(default_factory=DayNow)
    days: bytes = b""
    """Days that are over, oldest first: records of `rules.routine.DAY`."""
    flows: list[int] = []
    """Minutes for which water ran without a pause, on the last good days."""
    red_at: int = 0
    """When people were last alarmed about them in red."""


class HomeMemory(msgspec.Struct, array_like=True):
    """All that is remembered of one home."""

    devices: dict[str, DeviceMemory] = {}
    episodes: dict[str, Episode] = {}
    suspended: dict[str, int] = {}
    """Rules that failed on this home's data, and until when (ms) they rest."""
    dark: Dark | None = None
    back_at: int = 0
    """When the home was last heard again after an outage: its devices' silence counts from here at the earliest."""
    incident: Incident | None = None
    where: Whereabouts = msgspec.field(default_factory=Whereabouts)
    orders: HomeOrders | None = None
    """Modes and temporary limits set while the service runs; those of the site file stand there."""
    clock: HomeClock | None = None


class PackedHome(msgspec.Struct, array_like=True, frozen=True):
    """A home's memory as bytes, and its next timers, so that it may sleep until then."""

    urgent: int
    """Next timer of a rule on urgent readings; 0 when there is none."""
    normal: int
    data: bytes
    book: str = ""
    """Version of the rule book its timers were set by; another book has rules that have none yet."""


class Snapshot(msgspec.Struct, array_like=True):
    """A restorable engine: its homes, each encoded by itself so that only the changed ones need encoding again."""

    schema: int
    started_at: int
    homes: dict[str, PackedHome]


_encode = msgspec.msgpack.Encoder(order="deterministic").encode
_decode_home = msgspec.msgpack.Decoder(HomeMemory).decode
_decode_snapshot = msgspec.msgpack.Decoder(Snapshot).decode


def pack_home(memory: HomeMemory) -> bytes:
    """The memory as bytes; the same memory gives the same bytes."""
    return _encode(memory)


def unpack_home(data: bytes) -> HomeMemory:
    """Raises msgspec.ValidationError or msgspec.DecodeError when it is not one."""
    return _decode_home(data)


def pack(snapshot: Snapshot) -> bytes:
    """The snapshot as bytes."""
    return _encode(snapshot)


def unpack(data: bytes) -> Snapshot:
    """Raises msgspec.ValidationError or msgspec.DecodeError when it is not one."""
    return _decode_snapshot(data)


class Checked(msgspec.Struct, frozen=True):
    """A snapshot that can be restored, and what of its homes must be known before they wake."""

    snapshot: Snapshot
    outages: list[tuple[str, Dark | None, Incident | None]]
    """Homes that are not heard, or keep the outage of an area."""


def check(data: bytes) -> Checked:
    """Look through a snapshot once, so that damage is found now and not when a home wakes.

    Raises ValueError when this is not a snapshot that can be restored.
    """
    outages: list[tuple[str, Dark | None, Incident | None]] = []
    try:
        snapshot = unpack(data)
        if snapshot.schema != SCHEMA:
            raise ValueError(f"snapshot of schema {snapshot.schema}, this is {SCHEMA}")
        for name, packed in snapshot.homes.items():
            memory = unpack_home(packed.data)
            if memory.dark is not None or memory.incident is not None:
                outages.append((name, memory.dark, memory.incident))
    except msgspec.MsgspecError as error:
        raise ValueError(f"not a snapshot: {error}") from None
    return Checked(snapshot, outages)
