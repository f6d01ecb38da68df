"""Builds the parts and hands them what they ask for: the composition root. Nobody else builds.

`run_role` is the entry of each child process. `open_stream` and `brief_stream` are for whoever needs the stream
for a moment; `load_site` is the one way by which a site comes into the house.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import hashlib
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from anxin import embedded
from anxin.jetstream import JetStream
from anxin.settings import Address, Settings, target, trusted
from anxin.supervisor import stop_signals
from care.clock import SystemClock
from care.errors import Conflict, Misconfigured, Temporary
from care.messages import Refusal, Report, Unclaimed, decode, encode
from care.site import Registry, Site
from care.sitefile import read_site
from care.stream import REGISTRY, Outgoing, Stream
from care.words import Exit

if TYPE_CHECKING:
    from alerts.sending import Channel

log = structlog.get_logger(__name__)

FAILING_LOOK, FAILING_LOOKS = 1.0, 3
"""Seconds between looks at whether a role that fails has ended, and after how many it is cancelled again."""
SPARE_EVERY = 30.0
"""Seconds. At a thousand readings a second some hundred thousand objects: a full collection of them takes 0.1 s."""
ROLES = ("rules", "alerts", "notify", "recorder", "api", "ingest", "doorman")
"""Every role, in the order in which they are started: the way in comes last. The doorman stands before the
embedded broker only."""


# -- the stream for a moment ------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def open_stream(
    settings: Settings, *, name: str = "anxin", wait: float = 20.0
) -> AsyncIterator[JetStream]:
    """A connection to the stream that the settings name."""
    if settings.stream.url is None:
        raise Misconfigured("stream.url is not set; start `anxin up`, or name the stream to use")
    stream = await JetStream.open(settings.stream.url, name=name, wait=wait)
    try:
        yield stream
    finally:
        await stream.close()


@contextlib.asynccontextmanager
async def brief_stream(settings: Settings) -> AsyncIterator[JetStream]:
    """The stream for a command: the running service's, a configured one, or our own for this moment."""
    async with embedded.temporary_stream(settings) as filled, open_stream(filled) as stream:
        yield stream


# -- the site ---------------------------------------------------------------------------------------------------


def read_site_file(file: Path) -> Site:
    """A checked site; Misconfigured names the file and every fault."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise Misconfigured(f"the site file {file} cannot be read: {reason}") from None
    try:
        return read_site(text)
    except Misconfigured as faults:
        raise Misconfigured(f"the site file {file} has faults: {faults}") from None


async def load_site(stream: Stream, site: Site) -> bool:
    """Make a site the one in force; False when it already is. Every role hears of it at once."""
    data = encode(site)
    while True:
        entry = await stream.get(REGISTRY, "site")
        if entry is not None and entry.data == data:
            return False
        try:
            await stream.put(REGISTRY, "site", data, expect=entry.revision if entry is not None else 0)
        except Conflict:
            continue
        log.info("site_loaded", community=site.community.id, homes=len(site.homes))
        return True


async def registry_now(stream: Stream) -> Registry | None:
    """The site in force."""
    entry = await stream.get(REGISTRY, "site")
    return None if entry is None or entry.data is None else Registry(decode(entry.data, Site))


async def make_demo_users(stream: Stream, registry: Registry, password: str) -> None:
    """The five demo sign-ins of the contract."""
    from dashboard_api import people

    await people.make_demo_users(stream, registry, password, SystemClock().now())


# -- roles ------------------------------------------------------------------------------------------------------


async def run_role(name: str, settings: Settings) -> int:
    """Run one role until SIGTERM or SIGINT. A role that fails ends, and its supervisor starts it again."""
    stop = asyncio.Event()
    build: Callable[[JetStream, Settings], Coroutine[Any, Any, None]] = {
        "ingest": _ingest,
        "rules": _rules,
        "alerts": _alerts,
        "notify": _notify,
        "recorder": _recorder,
        "api": _api,
        "doorman": _doorman,
    }[name]
    with stop_signals(stop):
        async with open_stream(settings, name=f"anxin-{name}", wait=60.0) as stream:
            work = asyncio.create_task(build(stream, settings), name=name)
            ending = asyncio.create_task(stop.wait())
            sparing = asyncio.create_task(spare_what_stays(again=name == "rules"))
            await _until_either(work, ending)
            sparing.cancel()
            if work.done() and not stop.is_set():
                work.result()
                log.error("role_ended", role=name)
                return int(Exit.fault)
            work.cancel()
            with contextlib.suppress(asyncio.CancelledError, TimeoutError):
                async with asyncio.timeout(3):
                    await work
    return int(Exit.good)


async def spare_what_stays(*, again: bool, every: float = SPARE_EVERY) -> None:
    """Take what has stayed out of the garbage collector's sight (`gc.freeze`, which moves nothing), once or again and again.

    Ten thousand homes are millions of objects that live as long as the process. A full collection looks at every one of
    them while everything waits, an SOS among it: a second for 1,500 homes in the rules (benchmarks/pauses.py). What nobody
    holds any more is freed by its count all the same. Only rings of objects need the collector: those that end young are
    found by the collection before, and the engine makes none (tests/unit/test_roles.py), so the rules spare again and
    again. Other roles do it once, when what they read at the start is there: their connections come and go in rings.
    """
    while True:
        await asyncio.sleep(every)
        gc.collect(1)
        gc.freeze()
        if not again:
            return


async def _until_either(work: asyncio.Task[None], ending: asyncio.Task[bool]) -> None:
    """Until the role has ended, or is to end.

    A part that fails cancels the other parts, once. One that swallows it would keep the process alive with nothing
    done in it, and the supervisor sees a process only: so what has not ended in time is cancelled again and again.
    """
    failing = 0
    while not (work.done() or ending.done()):
        await asyncio.wait({work, ending}, timeout=FAILING_LOOK, return_when=asyncio.FIRST_COMPLETED)
        failing = failing + 1 if work.cancelling() else 0
        if failing >= FAILING_LOOKS and not ending.done():
            for task in asyncio.all_tasks() - {asyncio.current_task(), ending}:
                task.cancel()


def _subscriptions(settings: Settings) -> Sequence[Any]:
    from ingest.normalize import Subscription

    return [Subscription(s.filter, s.dialect) for s in settings.mqtt.subscriptions]


async def _ingest(stream: JetStream, settings: Settings) -> None:
    from ingest import gateway

    if settings.mqtt.url is None:
        raise Misconfigured(
            "mqtt.url is not set; start `anxin up`, or name the broker that devices publish to"
        )
    encrypted = settings.mqtt.url.startswith("mqtts://")
    if encrypted:
        trusted(settings)
    # A session of our own at the broker, the same at every start: what came while we were away is kept there.
    client_id = settings.mqtt.client_id or embedded.Kept.of(settings.data_dir.absolute()).client_id
    await gateway.run(
        stream=stream,
        clock=SystemClock(),
        mqtt_url=settings.mqtt.url,
        client_id=client_id,
        subscriptions=_subscriptions(settings),
        authority=settings.mqtt.ca if encrypted else None,
    )


async def _doorman(stream: JetStream, settings: Settings) -> None:
    from anxin import doorman

    mqtt = settings.mqtt
    if mqtt.url is None:
        raise Misconfigured("the doorman stands before the embedded broker only; start `anxin up`")
    broker = target(mqtt.url)
    await doorman.run(
        stream=stream,
        clock=SystemClock(),
        listen=mqtt.listen,
        upstream=Address(broker.host, broker.port),
        upstream_credentials=embedded.doorman_credentials(settings.data_dir.absolute()),
        sign_in=(mqtt.username, mqtt.password) if mqtt.username and mqtt.password else None,
        tls=doorman.Tls(mqtt.certificate, mqtt.key) if mqtt.certificate and mqtt.key else None,
    )


async def _rules(stream: JetStream, _settings: Settings) -> None:
    from rules import worker

    await worker.run(stream=stream, clock=SystemClock())


async def _alerts(stream: JetStream, _settings: Settings) -> None:
    from alerts import worker

    await worker.run(stream=stream, clock=SystemClock())


async def _notify(stream: JetStream, settings: Settings) -> None:
    from alerts import notify, outward

    told = settings.notify
    async with asyncio.TaskGroup() as group:
        group.create_task(
            notify.run(
                stream=stream,
                clock=SystemClock(),
                channel=await channels(stream, settings),
                public_url=settings.api.public_url,
            )
        )
        if told.webhooks and told.webhook_secret:
            group.create_task(
                outward.run(
                    stream=stream, clock=SystemClock(), urls=told.webhooks, secret=told.webhook_secret
                )
            )


async def channels(stream: Stream, settings: Settings) -> Channel:
    """Every way to tell people that the settings know."""
    from alerts.channels import AppriseChannels
    from alerts.push import WebPush
    from alerts.sending import Channels, NotSet
    from alerts.subscriptions import HOSTS, vapid_key
    from alerts.telling import BROWSER
    from alerts.webhook import Gateway

    told, clock = settings.notify, SystemClock()
    browsers = WebPush(
        stream, await vapid_key(stream), contact=told.contact, hosts=(*HOSTS, *(told.push_hosts or ()))
    )
    gateways: dict[str, Channel] = {
        kind: Gateway(kind, url, told.webhook_secret, clock) if url and told.webhook_secret else NotSet()
        for kind, url in (("sms", told.sms_url), ("voice", told.voice_url))
    }
    return Channels(AppriseChannels(), **{BROWSER: browsers}, **gateways)


async def _recorder(stream: JetStream, settings: Settings) -> None:
    from anxin import database
    from ingest import recorder

    if settings.database.url is None:
        raise Misconfigured("database.url is not set; start `anxin up`, or name the database to use")
    await recorder.run(
        stream=stream,
        clock=SystemClock(),
        database_url=settings.database.url,
        prepare=database.migrate,
        kept=settings.history.ages,
    )


async def _api(stream: JetStream, settings: Settings) -> None:
    from anxin import database
    from anxin.claiming import Claims
    from anxin.trials import Trials
    from dashboard_api import app
    from rules.catalog import load
    from rules.cli import described
    from rules.overrides import Limits

    book = load()
    async with contextlib.AsyncExitStack() as stack:
        history = try_rules = None
        if settings.database.url is not None:
            try_rules = Trials(settings.database.url, [dict(texts) for texts in book.layers])
            pool = await stack.enter_async_context(database.connections(settings.database.url))
            history = database.HistoryStore(pool)
        await app.run(
            stream=stream,
            clock=SystemClock(),
            host=settings.api.listen.host,
            port=settings.api.listen.port,
            public_url=settings.api.public_url,
            demo=settings.demo.password is not None,
            simulator=settings.demo.simulator,
            build=build_id(),
            history=history,
            rules=lambda: described(book)["rules"],
            accept_reading=SecondWay(stream, settings).accept,
            push_hosts=settings.notify.push_hosts or (),
            try_rules=try_rules,
            limits=Limits(book),
            kept=settings.history.ages,
            photos=settings.photos or settings.data_dir.absolute() / "photos",
            data=settings.data_dir.absolute(),
            claim=Claims(settings.site, stream).claim if settings.site is not None else None,
        )


def build_id() -> str:
    """Names this build of program and screens: a screen of another build reloads itself when it is calm."""
    from dashboard_api.web import BUILT

    page = BUILT / "index.html"
    mark = hashlib.sha256(page.read_bytes()).hexdigest()[:8] if page.exists() else "no-screens"
    return f"{version('anxin')}+{mark}"


class SecondWay:
    """Readings that come by HTTP, through the same decoding as those that come by MQTT; durable before the answer."""

    def __init__(self, stream: Stream, settings: Settings) -> None:
        self._stream = stream
        self._subscriptions = _subscriptions(settings)
        self._revision = -1
        self._normalizer: Any = None

    async def accept(
        self, topic: str, payload: bytes, received_at: datetime
    ) -> Sequence[Report | Refusal | Unclaimed]:
        """Decode a native payload of the device with this topic and store what comes of it; the same reading by both ways is one."""
        from ingest.normalize import Normalizer

        entry = await self._stream.get(REGISTRY, "site")
        if entry is None or entry.data is None:
            raise Temporary("no site is loaded")
        if entry.revision != self._revision:
            self._normalizer = Normalizer(Registry(decode(entry.data, Site)), self._subscriptions)
            self._revision = entry.revision
        found = self._normalizer.registry.by_topic(topic)
        if found is None:
            return []
        outcomes: list[Report | Refusal | Unclaimed] = self._normalizer.readings(
            found[1].id, payload, received_at
        )
        by_subject: dict[str, list[Outgoing]] = {}
        for outcome in outcomes:
            name = outcome.report_id if isinstance(outcome, Report) else getattr(outcome, "refusal_id", None)
            by_subject.setdefault(outcome.subject.split(".", 1)[0], []).append(
                Outgoing(outcome.subject, encode(outcome), name)
            )
        for messages in by_subject.values():
            await self._stream.publish_batch(messages)
        return outcomes
