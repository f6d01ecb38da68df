"""`anxin doctor`: one line for each part that must be well, exit 1 when one is not.

Start at `run`. Each check says what it found and, when it is a fault, what to do. Nothing is changed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import ssl
import sys
import urllib.parse
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from anxin import embedded
from anxin.settings import Settings, trusted
from care import tls
from care.clock import SystemClock
from care.disk import in_gib, scarce
from care.errors import CareError
from care.words import Exit

BUILT_AFTER = datetime(2026, 5, 1, tzinfo=UTC)
"""No machine that runs this has a clock before it was written."""
CERTIFICATE_DAYS = 30
TOO_SLOW_SECONDS = 5.0


@dataclass(frozen=True)
class Line:
    """What one check found. `state`: good, fault, or off (not configured, which is no fault)."""

    part: str
    state: str
    detail: str


async def run(settings: Settings, *, as_json: bool = False) -> int:
    """Check everything; returns the exit status."""
    found = embedded.service(settings)
    filled = found or settings
    checks: list[tuple[str, Callable[[Settings], Awaitable[Line]]]] = [
        ("service", _service),
        ("stream", _stream),
        ("broker", partial(_broker, own=found is not None and settings.mqtt.url is None)),
        ("database", _database),
        ("site", _site),
        ("channels", _channels),
        ("clock", _clock),
        ("disk", _disk),
        ("certificate", _certificate),
        ("mqtt", _mqtt_certificate),
    ]
    lines: list[Line] = []
    for part, check in checks:
        if not as_json and sys.stderr.isatty():
            print(f"\r{part} …", end="", file=sys.stderr, flush=True)
        try:
            line = await asyncio.wait_for(check(filled), TOO_SLOW_SECONDS)
        except CareError as error:
            line = Line(part, "fault", str(error))
        except TimeoutError:
            line = Line(part, "fault", f"no answer within {TOO_SLOW_SECONDS:g} s")
        except OSError as error:
            line = Line(part, "fault", error.strerror or type(error).__name__)
        lines.append(line)
        if not as_json:
            mark = {"good": "✓", "fault": "✗", "off": "–"}[line.state]
            if sys.stderr.isatty():
                print("\r", end="", file=sys.stderr)
            print(f"{mark} {line.part:<12} {line.detail}")
    if as_json:
        print(json.dumps([asdict(line) for line in lines], ensure_ascii=False))
    return int(Exit.fault if any(line.state == "fault" for line in lines) else Exit.good)


async def _service(settings: Settings) -> Line:
    found = embedded.service(settings)
    if found is None:
        return Line("service", "off", f"not running on {settings.data_dir}; `anxin up` starts it")
    return Line("service", "good", f"running on {settings.data_dir}")


async def _stream(settings: Settings) -> Line:
    if settings.stream.url is None:
        return Line("stream", "off", "embedded, and the service is not running")
    from anxin.jetstream import JetStream
    from care.stream import SUBJECTS

    stream = await JetStream.open(settings.stream.url, wait=3)
    try:
        heads = {name: await stream.head(name) for name in SUBJECTS}
    finally:
        await stream.close()
    return Line("stream", "good", ", ".join(f"{name} at {head}" for name, head in heads.items()))


async def _broker(settings: Settings, *, own: bool = False) -> Line:
    """`own`: the embedded broker of a service that runs. Devices come to the door before it, so that is asked first."""
    if settings.mqtt.url is None:
        return Line("broker", "off", "embedded, and the service is not running")
    door = settings.mqtt.listen.reachable if own and settings.mqtt.listen.port else None
    if door is not None:
        try:
            async with asyncio.timeout(3):
                _, writer = await asyncio.open_connection(door.host, door.port)
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
        except OSError as error:
            return Line(
                "broker", "fault", f"devices cannot connect to {door}: {tls.sentence(error, tls=False)}"
            )
    url = urllib.parse.urlsplit(settings.mqtt.url)
    port = url.port or (8883 if url.scheme == "mqtts" else 1883)
    encrypted = url.scheme == "mqtts"
    context = trusted(settings) if encrypted else None
    try:
        async with asyncio.timeout(3):
            _, writer = await asyncio.open_connection(url.hostname, port, ssl=context)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
    except OSError as error:
        why = tls.sentence(error, tls=encrypted, hints=tls.SETTINGS)
        return Line("broker", "fault", f"{url.scheme}://{url.hostname}:{port}: {why}")
    whose = ", with a certificate that we trust" if encrypted else ""
    return Line("broker", "good", f"listens on {door or f'{url.hostname}:{port}'}{whose}")


async def _database(settings: Settings) -> Line:
    if settings.database.url is None:
        return Line("database", "off", "embedded, and the service is not running")
    import psycopg

    try:
        async with await psycopg.AsyncConnection.connect(
            settings.database.url, connect_timeout=3
        ) as connection:
            version = await _one(connection, "select current_setting('server_version')")
            offered = await _one(
                connection, "select 1 from pg_available_extensions where name = 'timescaledb'"
            )
            installed = await _one(
                connection, "select extversion from pg_extension where extname = 'timescaledb'"
            )
            variant = shape = None
            if await _one(connection, "select to_regclass('migrations')::text") is not None:
                variant = await _one(connection, "select variant from migrations order by version limit 1")
                shape = await _one(connection, "select max(version) from migrations")
    except psycopg.Error as error:
        return Line(
            "database",
            "fault",
            f"PostgreSQL does not answer ({type(error).__name__}); alarms go on without it",
        )
    if int(str(version).split(".", 1)[0]) < 15:
        return Line("database", "fault", f"PostgreSQL {version} is too old; 15 or newer is needed")
    return Line(
        "database", "good", f"PostgreSQL {version}; {history_in_force(variant, shape, offered, installed)}"
    )


async def _one(connection: Any, question: str) -> Any:
    row = await (await connection.execute(question)).fetchone()
    return row[0] if row else None


def history_in_force(variant: str | None, shape: int | None, offered: object, installed: str | None) -> str:
    """Which history this database keeps, for a person.

    The variant is chosen once, when the database is made: what the server offers today may be something else.
    """
    if variant is None:
        return "no history yet; the recorder makes it at its first start"
    words = {
        "plain": "history in plain partitioned tables",
        "timescale": f"history with TimescaleDB {installed}",
        "timescale_apache": f"history with TimescaleDB {installed} without its licensed features (roll-ups are our own)",
    }
    said = f"{words.get(variant, variant)}, shape {shape}"
    if variant == "plain" and offered is not None:
        said += "; TimescaleDB is offered, but this database was made without it"
    return said


async def _site(settings: Settings) -> Line:
    if settings.stream.url is None:
        return Line("site", "off", "cannot be looked at while the service is not running")
    from anxin import wiring

    async with wiring.open_stream(settings) as stream:
        registry = await wiring.registry_now(stream)
    if registry is None:
        return Line("site", "fault", "no site is loaded; load one with `anxin site load FILE`")
    site = registry.site
    return Line(
        "site", "good", f"{site.community.id}: {len(site.homes)} homes, {len(registry.devices)} devices"
    )


async def _channels(settings: Settings) -> Line:
    if settings.stream.url is None:
        return Line("channels", "off", "cannot be looked at while the service is not running")
    from alerts.channels import AppriseChannels
    from anxin import wiring

    async with wiring.open_stream(settings) as stream:
        registry = await wiring.registry_now(stream)
    if registry is None:
        return Line("channels", "off", "no site is loaded")
    urls = [(s.id, u) for s in registry.site.staff for u in s.notify]
    urls += [(c.id, u) for h in registry.site.homes for c in h.contacts for u in c.notify]
    channels = AppriseChannels()
    bad = sorted({person for person, url in urls if not channels.understands(url)})
    channels.close()
    if bad:
        return Line("channels", "fault", f"addresses that no channel understands: {', '.join(bad[:10])}")
    if not urls:
        return Line("channels", "fault", "nobody has a notification address; nobody would be told")
    schemes = sorted({url.partition("://")[0] for _, url in urls})
    return Line("channels", "good", f"{len(urls)} addresses ({', '.join(schemes)})")


async def _clock(_settings: Settings) -> Line:
    now = SystemClock().now()
    if now < BUILT_AFTER:
        return Line("clock", "fault", f"the machine's clock says {now:%Y-%m-%d}; set it")
    return Line("clock", "good", f"{now:%Y-%m-%d %H:%M:%S} UTC")


async def _disk(settings: Settings) -> Line:
    folder = settings.data_dir.absolute()
    while not folder.exists():
        folder = folder.parent
    usage = shutil.disk_usage(folder)
    free = f"{in_gib(usage.free)} free of {usage.total / 1024**3:.0f} GiB"
    if scarce(usage.free, usage.total):
        return Line(
            "disk",
            "fault",
            f"only {free} below {settings.data_dir}; make room before alarms cannot be stored",
        )
    return Line("disk", "good", free)


async def _certificate(settings: Settings) -> Line:
    url = urllib.parse.urlsplit(settings.api.public_url)
    if url.scheme != "https":
        return Line("certificate", "off", "the screens are served without TLS (public_url is http)")
    context = ssl.create_default_context()
    try:
        async with asyncio.timeout(3):
            _, writer = await asyncio.open_connection(url.hostname, url.port or 443, ssl=context)
    except ssl.SSLCertVerificationError as error:
        return Line("certificate", "fault", f"{url.hostname}: {error.verify_message}")
    certificate = writer.get_extra_info("peercert")
    writer.close()
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC)
    days = (ends - SystemClock().now()).days
    state = "good" if days > CERTIFICATE_DAYS else "fault"
    return Line("certificate", state, f"{url.hostname}: valid for {days} more days")


async def _mqtt_certificate(settings: Settings) -> Line:
    files = settings.mqtt.certificate, settings.mqtt.key
    if files[0] is None or files[1] is None:
        if settings.mqtt.listen.loopback:
            return Line("mqtt", "off", "devices come without TLS, from this machine only")
        return Line(
            "mqtt",
            "off",
            f"devices come to {settings.mqtt.listen} without TLS; set mqtt.certificate and mqtt.key",
        )
    return await asyncio.to_thread(certificate_of_devices, files[0], files[1], SystemClock().now())


def certificate_of_devices(certificate: Path, key: Path, now: datetime) -> Line:
    """Whether the files of `mqtt.certificate` fit together, and how long they hold; warned 30 days ahead (reliability F62).

    Every certificate of the chain counts: devices refuse a chain of which one part has ended. Raises Misconfigured
    when the files cannot be used at all.
    """
    from cryptography import x509

    from anxin.doorman import Tls

    Tls(certificate, key).context()
    chain = x509.load_pem_x509_certificates(certificate.read_bytes())
    begins = max(one.not_valid_before_utc for one in chain)
    first = min(chain, key=lambda one: one.not_valid_after_utc)
    days = (first.not_valid_after_utc - now).days
    if begins > now:
        return Line(
            "mqtt",
            "fault",
            f"{certificate} is not valid before {begins:%Y-%m-%d}; devices refuse it until then",
        )
    if first.not_valid_after_utc <= now:
        return Line(
            "mqtt",
            "fault",
            f"{certificate} ended on {first.not_valid_after_utc:%Y-%m-%d}; devices refuse it. Renew it, no restart is needed",
        )
    whose = "" if first is chain[0] else f" (its issuer {first.subject.rfc4514_string()} ends first)"
    if days <= CERTIFICATE_DAYS:
        return Line(
            "mqtt",
            "fault",
            f"{certificate}: valid for {days} more days only{whose}; renew it, no restart is needed",
        )
    return Line("mqtt", "good", f"{certificate}: valid for {days} more days{whose}")
