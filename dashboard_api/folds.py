"""The listeners behind the picture: one endless task for each stream and bucket, and the clock ticks.

`keep` runs a task for ever: what breaks is logged and begun again where it stopped. The positions are in the
picture, so nothing is skipped and nothing told twice.
"""

from __future__ import annotations

import asyncio
import gc
import shutil
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing, suppress
from datetime import datetime, timedelta
from functools import partial

import msgspec
from structlog import get_logger

from alerts import rotaasks, rotanews
from alerts.commands import first
from alerts.events import Transition
from alerts.proposing import decode_transition
from alerts.roster import roster_of
from alerts.rota import rotas
from alerts.subscriptions import pushes
from care.errors import Temporary
from care.ids import iso
from care.messages import Beat, Firmware, HomeHealth, Refusal, Report, Unclaimed, decode, encode
from care.site import Registry, Site
from care.stream import ALERTS, HEALTH, QUARANTINE, READINGS, REGISTRY
from dashboard_api.house import House
from dashboard_api.picture import Case, Gap
from dashboard_api.repairs import HEARD_SECONDS, hear
from dashboard_api.strip import KEPT
from dashboard_api.watching import SILENT_AFTER, Watch

log = get_logger("api")

HEARTBEAT_SECONDS = 5.0
"""Contract section 6."""
BOARD_SECONDS = 1.0
BOARD_AT_LEAST_SECONDS = 15.0
FORGET_SECONDS = 60.0
DATABASE_SECONDS = 5.0
DISK_SECONDS = 10.0
QUARANTINE_SINCE = timedelta(hours=24)
RESTART_SECONDS = 1.0
FOLD_TRIES = 5
FORGET_WHILE_READING = 5000


async def keep(
    name: str, run: Callable[[], Awaitable[None]], failed: Callable[[], None] | None = None
) -> None:
    """Run a listener for ever; the one place where its bugs end."""
    while True:
        try:
            await run()
        except Temporary:
            log.info("fold_waits", fold=name)
        except Exception:
            log.exception("fold_failed", fold=name)
            if failed is not None:
                failed()
        await asyncio.sleep(RESTART_SECONDS)


async def follow_alerts(house: House) -> None:
    """The alert log: everything the screens show."""
    picture = house.picture
    seen = 0
    async with aclosing(house.stream.follow(ALERTS, after=picture.position)) as batches:  # type: ignore[type-var]
        async for batch in batches:
            house.stream_ok = True
            changed: dict[str, tuple[Case, Transition]] = {}
            for message in batch:
                try:
                    change = decode_transition(message.data)
                except msgspec.MsgspecError:
                    log.exception("transition_unreadable", position=message.seq)
                    picture.position = message.seq
                    continue
                house.working_on = message.seq
                try:
                    case = picture.transition(change, message.seq)
                except Gap as gap:
                    # It was closed long ago and let go of.
                    case = picture.restore(await house.read_log(gap.home, gap.alert))
                picture.position = message.seq
                house.failures = 0
                if case is not None:
                    changed[case.alert.id] = (case, change)
            seen += len(batch)
            if house.caught_up.is_set():
                for case, change in changed.values():
                    house.announce(case, change)
            elif seen >= FORGET_WHILE_READING:
                seen = 0
                picture.forget(house.clock.now())
            if not batch and not house.caught_up.is_set():
                picture.forget(house.clock.now())
                house.caught_up.set()
                log.info("alert_log_read", position=picture.position, open=len(picture.open()))


def skip_bad_transition(house: House) -> None:
    """One message that cannot be folded must not hide all those behind it: after five tries it is passed over."""
    house.failures += 1
    if house.failures >= FOLD_TRIES and house.working_on > house.picture.position:
        log.error("transition_skipped", position=house.working_on)
        house.picture.position = house.working_on
        house.failures = 0


async def follow_readings(house: House) -> None:
    """The last hour of readings, for the evidence strips."""
    since = house.clock.now() - KEPT
    position = house.readings_position
    async with aclosing(house.stream.follow(READINGS, after=position, since=since)) as batches:  # type: ignore[type-var]
        async for batch in batches:
            for message in batch:
                house.readings_position = message.seq
                try:
                    report = decode(message.data, Report)
                    house.picture.recent.feed(report)
                    house.picture.clocks.feed(report)
                except msgspec.MsgspecError:
                    log.warning("reading_unreadable", position=message.seq)
            if batch:
                await asyncio.sleep(0)  # thousands may come at once; let the screens breathe


async def follow_quarantine(house: House) -> None:
    """What was refused, and who publishes without being known."""
    since = house.clock.now() - QUARANTINE_SINCE
    position = house.quarantine_position
    async with aclosing(house.stream.follow(QUARANTINE, after=position, since=since)) as batches:  # type: ignore[type-var]
        async for batch in batches:
            for message in batch:
                house.quarantine_position = message.seq
                try:
                    if message.subject.startswith("quarantine."):
                        house.picture.refused(decode(message.data, Refusal))
                    else:
                        house.picture.publisher(decode(message.data, Unclaimed))
                except msgspec.MsgspecError:
                    log.warning("refusal_unreadable", position=message.seq)


async def watch_registry(house: House) -> None:
    """Homes, people, shifts: replaced as a whole at each load."""
    house.pushes = await first(pushes(house.stream))
    house.rota = await first(rotas(house.stream))
    async with aclosing(house.stream.watch(REGISTRY, "site")) as entries:  # type: ignore[type-var]
        async for entry in entries:
            if entry is None:
                house.registered.set()
                continue
            if entry.data is None:
                continue
            try:
                house.picture.registry = house.peopled(Registry(decode(entry.data, Site)))
            except msgspec.MsgspecError:
                log.exception("registry_unreadable")
                continue
            # It lives as long as the service does: the garbage collector need not look at it again (`wiring.spare_what_stays`).
            gc.freeze()
            log.info("registry_heard", homes=len(house.picture.registry.homes))
            house.registry_changed()


async def watch_browsers(house: House) -> None:
    """Browsers that asked for messages: an order made here tells their people too."""
    async for known in pushes(house.stream):
        house.pushes = known
        house.picture.registry = house.peopled(house.picture.registry)


async def watch_rota(house: House) -> None:
    """Who is away, stands in or came in besides: the desk, the ladder and the circle go by it at once."""
    async for known in rotas(house.stream):
        house.rota = known
        house.picture.registry = house.peopled(house.picture.registry)
        _rota_changed(house)


async def watch_rota_asks(house: House) -> None:
    """What responders ask of the rota."""
    async for known in rotaasks.asks(house.stream):
        house.rota_asks = known
        _rota_changed(house)


def _rota_changed(house: House) -> None:
    """Every desk is told, also of a change of next week: whoever has the rota open asks for it anew (ux 9.6: within 2 s)."""
    if house.caught_up.is_set():
        house.say("duty", house.duty(house.clock.now()), force=True)


async def watch_rota_told(house: House) -> None:
    """What became of the messages about changes of the rota."""
    async for known in rotanews.fates(house.stream):
        house.rota_told = known


async def watch_upkeep(house: House) -> None:
    """Visits and tests that were noted."""
    await house.upkeep.run()


async def hear_repairs(house: House) -> None:
    """Whether a device whose repair waits for its proof was heard."""
    while True:
        await asyncio.sleep(HEARD_SECONDS)
        if house.upkeep.ready.is_set():
            await hear(house)


async def watch_health(house: House) -> None:
    """Which roles live, and which homes are protected."""
    told = False
    async with aclosing(house.stream.watch(HEALTH)) as entries:  # type: ignore[type-var]
        async for entry in entries:
            if entry is None:
                told = True
                continue
            kind, _, name = entry.key.partition(".")
            try:
                if kind == "beat":
                    if entry.data is None:
                        house.picture.beats.pop(name, None)
                    else:
                        house.picture.beats[name] = decode(entry.data, Beat)
                elif kind == "firmware":
                    house.picture.firmware.pop(name, None)
                    if entry.data is not None:
                        house.picture.firmware[name] = decode(entry.data, Firmware)
                elif kind == "home":
                    if entry.data is None:
                        house.picture.health.pop(name, None)
                        continue
                    health = decode(entry.data, HomeHealth)
                    known = house.picture.health.get(name)
                    house.picture.health[name] = health
                    if told and (known is None or known.protection != health.protection):
                        house.say("device", house.device_change(health), force=True)
            except msgspec.MsgspecError:
                log.warning("health_unreadable", key=kind)


async def beat(house: House) -> None:
    """The heartbeat of the screens."""
    while True:
        await asyncio.sleep(HEARTBEAT_SECONDS)
        house.check_listeners()
        house.heartbeat()
        house.count()


async def tell_board(house: House) -> None:
    """Duty and figures: soon after a change, and every quarter of a minute because time itself changes them."""
    told_at = -BOARD_AT_LEAST_SECONDS
    position = -1
    while True:
        await asyncio.sleep(BOARD_SECONDS)
        if not house.caught_up.is_set():
            continue
        now, beat_now = house.clock.now(), house.clock.monotonic()
        chosen = house.chosen(now)
        # a home that is lost changes no case's number, and its figure must not contradict the case that tells of it
        guarded = tuple(house.protection().values())
        here = (house.picture.position, id(house.picture.registry), str(chosen), guarded)
        due = beat_now - told_at >= BOARD_AT_LEAST_SECONDS
        if hash(here) == position and not due:
            continue
        position, told_at = hash(here), beat_now
        house.say("duty", house.duty(now))
        # said again though nothing changed: on a quiet night the figures are as fresh as on a loud day, and only what is old looks old
        house.say("kpi", house.board(now), force=due)


async def forget(house: House) -> None:
    """Let go of what is old."""
    while True:
        await asyncio.sleep(FORGET_SECONDS)
        house.picture.forget(house.clock.now())
        house.forget()
        await house.people.sweep()


async def ask_database(house: House) -> None:
    """Whether history can be asked for; nothing waits for the answer."""
    history = house.history
    if history is None:
        return
    while True:
        try:
            async with asyncio.timeout(2.0):
                house.history_ok = await history.ready()
        except (Temporary, TimeoutError):
            house.history_ok = False
        await asyncio.sleep(DATABASE_SECONDS)


async def look_at_disk(house: House) -> None:
    """How full the disk of what we store is: people are told while there is still time to make room."""
    assert house.data is not None
    while True:
        try:
            usage = await asyncio.to_thread(shutil.disk_usage, house.data)
            house.room = usage.free, usage.total
        except OSError as error:
            log.warning("disk_not_seen", why=error.strerror)
        await asyncio.sleep(DISK_SECONDS)


LAST_HEARD = "screens.audible"
"""Where the moment stands at which an audible desk was last heard."""
NEVER_HEARD = "screens.unheard"
"""Where the moment stands since which a service waits for its first audible desk."""
KEPT_EVERY = timedelta(seconds=30)
"""So much may be lost of it by a restart; half of what a desk may be silent."""


async def _moment(house: House, key: str) -> datetime | None:
    """What was kept under `key`; None when there is nothing that can be read. Raises Temporary."""
    entry = await house.stream.get(HEALTH, key)
    if entry is None or entry.data is None:
        return None
    try:
        return datetime.fromisoformat(entry.data.decode())
    except ValueError:
        log.warning("health_unreadable", key=key)
        return None


async def watch_screens(house: House) -> None:
    """Whether an audible desk is still there: one that falls silent is an alarm of its own.

    When one was last heard is kept: a desk that fell asleep while this service was down is missed all the same, once its page
    has had as long to come back as it may be silent.
    """
    watch = Watch()
    begun: datetime | None = None
    kept_at: datetime | None = None
    while True:
        await asyncio.sleep(HEARTBEAT_SECONDS)
        if not house.caught_up.is_set():
            continue
        now = house.clock.now()
        try:
            if begun is None:
                watch.audible_at = kept_at = await _moment(house, LAST_HEARD)
                watch.never_since = await _moment(house, NEVER_HEARD)
                if watch.audible_at is None and watch.never_since is None:
                    await house.stream.put(HEALTH, NEVER_HEARD, iso(now).encode())
                    watch.never_since = await _moment(house, NEVER_HEARD)  # as the next start will read it
                watch.resume(case.alert for case in house.picture.open())
                begun = now
        except Temporary:
            continue
        beats = [s.at for s in house.picture.screens.values() if s.desk and s.beat.audio == "running"]
        heard = max(beats, default=None)
        if heard is not None and (kept_at is None or heard - kept_at >= KEPT_EVERY):
            with suppress(Temporary):
                await house.stream.put(HEALTH, LAST_HEARD, iso(heard).encode())
                kept_at = heard
        if heard is None and now - begun <= SILENT_AFTER:
            continue
        finding = watch.look(
            heard,
            expected=not roster_of(house.picture.registry).nobody_on_duty(now),
            home=house.picture.registry.site.community.id,
            now=now,
        )
        if finding is not None:
            await house.stream.publish(finding.subject, encode(finding), message_id=finding.event_id)
            log.warning("screens_unwatched", phase=finding.phase.value)


async def ask_stream(house: House) -> None:
    """Whether the stream answers."""
    while True:
        try:
            async with asyncio.timeout(2.0):
                await house.stream.head(ALERTS)
            house.stream_ok = True
        except (Temporary, TimeoutError):
            house.stream_ok = False
        await asyncio.sleep(HEARTBEAT_SECONDS / 2)


def start(
    house: House, more: Mapping[str, Callable[[House], Awaitable[None]]] | None = None
) -> list[asyncio.Task[None]]:
    """All of them as tasks, and `more` of the same kind."""
    jobs: dict[str, Callable[[House], Awaitable[None]]] = {
        "alerts": follow_alerts,
        "readings": follow_readings,
        "quarantine": follow_quarantine,
        "registry": watch_registry,
        "browsers": watch_browsers,
        "rota": watch_rota,
        "rota_asks": watch_rota_asks,
        "rota_told": watch_rota_told,
        "upkeep": watch_upkeep,
        "repairs": hear_repairs,
        "health": watch_health,
        "beat": beat,
        "board": tell_board,
        "forget": forget,
        "stream": ask_stream,
        "screens": watch_screens,
        **(more or {}),
    }
    if house.history is not None:
        jobs["database"] = ask_database
    if house.data is not None:
        jobs["disk"] = look_at_disk
    tasks = [
        asyncio.create_task(keep(name, partial(job, house)), name=f"api-{name}") for name, job in jobs.items()
    ]
    tasks.append(asyncio.create_task(keep("people", house.people.run), name="api-people"))
    return tasks
