"""What the operator of a site may set, and the only place that reads the environment.

Start at `load`: one TOML file (`./anxin.toml` when there is one) and, above it, the environment, where
`[mqtt] listen` is `ANXIN_MQTT__LISTEN`. Any secret may be given as the path of a file that holds it
(`password_file = "…"`, `ANXIN_DEMO__PASSWORD_FILE`). A fault names the key, where the value came from
and what is allowed. Paths in the file are relative to the file, all others to the working directory.

`KEYS` is the whole list; docs and tests are made from it. Only the standard library is imported here.
"""

from __future__ import annotations

import difflib
import ipaddress
import json
import os
import re
import ssl
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from care import tls
from care.ages import USUAL, Ages
from care.errors import Misconfigured

DEFAULT_FILE = Path("anxin.toml")
PREFIX = "ANXIN_"
CONFIG_VARIABLE = "ANXIN_CONFIG"
"""Environment variable with the path of the TOML file; empty means that there is none."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where something listens: a host (name or IP, without brackets) and a TCP port; 0 means any free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def loopback(self) -> bool:
        """Can only this machine reach it?"""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def reachable(self) -> Address:
        """The address to connect to: a listener on every interface is reached over loopback."""
        if self.host == "0.0.0.0":  # noqa: S104  compared with, not bound to
            return Address("127.0.0.1", self.port)
        return Address("::1", self.port) if self.host == "::" else self


DIALECTS = ("native", "zigbee2mqtt", "senml", "tasmota", "esphome", "homeassistant")
"""What may be spoken, besides `mapped:NAME` and `mapped:PATH.yaml` (docs/dialects.md); `devices.dialects` reads them."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """What is received from the broker: an MQTT topic filter and the dialect spoken there."""

    filter: str
    dialect: str


@dataclass(frozen=True, slots=True)
class Mqtt:
    """The broker that devices publish to; embedded unless `url` is set."""

    url: str | None = field(default=None, repr=False)
    listen: Address = Address("127.0.0.1", 1883)
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    client_id: str | None = field(default=None, repr=False)
    certificate: Path | None = None
    key: Path | None = None
    """PEM files: with both, devices must come by TLS."""
    ca: Path | None = None
    """A PEM file: who may have made the certificate of the broker that we connect to."""
    subscriptions: tuple[Subscription, ...] = (
        Subscription("anxin/v1/+/+", "native"),
        Subscription("zigbee2mqtt/#", "zigbee2mqtt"),
    )


@dataclass(frozen=True, slots=True)
class Stream:
    """The durable stream; embedded unless `url` is set (several servers of one cluster: comma between)."""

    url: str | None = field(default=None, repr=False)

    @property
    def servers(self) -> tuple[str, ...]:
        """The addresses one by one."""
        return tuple(part.strip() for part in (self.url or "").split(",") if part.strip())


@dataclass(frozen=True, slots=True)
class Database:
    """History and reports; embedded unless `url` is set."""

    url: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Api:
    """The HTTP interface and the screens."""

    listen: Address = Address("127.0.0.1", 8000)
    public_url: str = ""
    """Used in links inside notifications; made from `listen` when not given. No slash at the end."""


@dataclass(frozen=True, slots=True)
class Notify:
    """How people are told, besides the addresses of the site file."""

    contact: str = "mailto:anxin@localhost"
    push_hosts: tuple[str, ...] | None = None
    sms_url: str | None = field(default=None, repr=False)
    voice_url: str | None = field(default=None, repr=False)
    webhooks: tuple[str, ...] | None = field(default=None, repr=False)
    webhook_secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Demo:
    """Users for a demonstration; `up` makes them only when a password is set."""

    password: str | None = field(default=None, repr=False)
    simulator: Path | None = None
    """Control socket of the simulator that feeds this service."""


@dataclass(frozen=True, slots=True)
class History:
    """How long each class of data is kept, in days (care.ages)."""

    readings_days: int = USUAL.readings.days
    minutes_days: int = USUAL.minutes.days
    hours_days: int = USUAL.hours.days
    cases_days: int = USUAL.cases.days

    @property
    def ages(self) -> Ages:
        return Ages(
            readings=timedelta(days=self.readings_days),
            minutes=timedelta(days=self.minutes_days),
            hours=timedelta(days=self.hours_days),
            cases=timedelta(days=self.cases_days),
        )


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set, checked."""

    data_dir: Path = Path(".anxin")
    site: Path | None = None
    photos: Path | None = None
    """Where the residents' photographs lie; None: `photos` in `data_dir`."""
    mqtt: Mqtt = Mqtt()
    stream: Stream = Stream()
    database: Database = Database()
    api: Api = Api(public_url="http://127.0.0.1:8000")
    notify: Notify = Notify()
    history: History = History()
    demo: Demo = Demo()
    file: Path | None = None
    """The TOML file that was read."""
    origins: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    """Key -> where its value came from, for those that were given."""

    def environment(self) -> dict[str, str]:
        """These settings as environment variables: what a child process is started with.

        Holds secrets. `load(environ=settings.environment())` gives equal settings back.
        """
        pairs = {key.variable: key.write(key.of(self)) for key in KEYS if key.of(self) is not None}
        return {**pairs, CONFIG_VARIABLE: "" if self.file is None else str(self.file.absolute())}


@dataclass(frozen=True, slots=True)
class Key:
    """One setting: its name as in the TOML file, how text becomes a value, and its line in the documentation."""

    name: str
    read: Callable[[Any], Any]
    """Text (or a TOML value) to the value; raises ValueError with what is allowed."""
    allowed: str
    meaning: str
    default: str
    write: Callable[[Any], str] = str
    secret: bool = False
    path: bool = False

    @property
    def variable(self) -> str:
        """Its name in the environment."""
        return PREFIX + self.name.replace(".", "__").upper()

    def of(self, settings: Settings) -> Any:
        """Its value in `settings`."""
        value: Any = settings
        for part in self.name.split("."):
            value = getattr(value, part)
        return value


# ------------------------------------------------------------------------------------ text to values


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise ValueError
    return value


def _path(value: Any) -> Path:
    return Path(_text(value)).expanduser()


def address(value: Any) -> Address:
    """`host:port`, `[::1]:port` or `:port` (every interface)."""
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]*)):(\d{1,5})", _text(value).strip())
    if match is None or int(match[3]) > 65535:
        raise ValueError
    host = match[1] or match[2] or "0.0.0.0"  # noqa: S104  asked for by leaving the host out
    if match[1]:
        ipaddress.IPv6Address(host)
    elif re.fullmatch(r"[\d.]+", host):
        ipaddress.IPv4Address(host)
    return Address(host, int(match[3]))


def _url(*schemes: str, several: bool = False, host: bool = True) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        text = _text(value).strip()
        for one in text.split(",") if several else [text]:
            parts = urlsplit(one.strip())
            if parts.scheme not in schemes or (host and not parts.hostname):
                raise ValueError
            _ = parts.port  # raises ValueError for one out of range
        return text

    return read


def _web(value: Any) -> str:
    parts = urlsplit(_url("http", "https")(value))
    if parts.query or parts.fragment or parts.username is not None:
        raise ValueError
    return parts.geturl().rstrip("/")


def _contact(value: Any) -> str:
    text = _text(value).strip()
    if not re.fullmatch(r"mailto:[^@\s]+@[^@\s]+", text) and urlsplit(text).scheme != "https":
        raise ValueError
    return text


def _addresses(value: Any) -> tuple[str, ...]:
    parts = value if isinstance(value, list) else _text(value).split()
    if not parts:
        raise ValueError
    return tuple(_url("http", "https")(part) for part in parts)


def _hosts(value: Any) -> tuple[str, ...]:
    parts = value if isinstance(value, list) else _text(value).split(",")
    hosts = tuple(_text(part).strip() for part in parts)
    if not all(re.fullmatch(r"(?:http://)?[A-Za-z0-9.-]+(?::\d{1,5})?", host) for host in hosts):
        raise ValueError
    return hosts


def _subscriptions(value: Any) -> tuple[Subscription, ...]:
    entries = json.loads(value) if isinstance(value, str) else value
    if not isinstance(entries, list) or not entries:
        raise ValueError
    found: list[Subscription] = []
    for number, entry in enumerate(entries, 1):
        if not isinstance(entry, dict) or entry.keys() != {"filter", "dialect"}:
            raise ValueError(f"entry {number} must have exactly `filter` and `dialect`")
        topic, dialect = entry["filter"], entry["dialect"]
        if not isinstance(dialect, str) or not dialect:
            raise ValueError(f"entry {number}: the dialect is missing")
        if dialect not in DIALECTS and not re.fullmatch(r"mapped:(?:[a-z0-9][a-z0-9_-]*|.+\.ya?ml)", dialect):
            near = difflib.get_close_matches(dialect, [*DIALECTS, "mapped:NAME"], n=1, cutoff=0.5)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(DIALECTS)}, mapped:NAME"
            raise ValueError(f"entry {number}: {dialect!r} is not a dialect; {hint}")
        if not isinstance(topic, str) or not _is_topic_filter(topic):
            raise ValueError(f"entry {number}: {topic!r} is not an MQTT topic filter")
        if topic.startswith("$share/"):
            raise ValueError(
                f"entry {number}: shared subscriptions lose messages on our broker; leave `$share/…/` out"
            )
        found.append(Subscription(topic, dialect))
    return tuple(found)


def _is_topic_filter(topic: str) -> bool:
    levels = topic.split("/")
    plain = all(level in ("+", "#") or not set(level) & set("+#\0") for level in levels)
    return bool(topic) and plain and "#" not in levels[:-1]


def _write_subscriptions(value: tuple[Subscription, ...]) -> str:
    return json.dumps([{"filter": s.filter, "dialect": s.dialect} for s in value], ensure_ascii=False)


def _days(least: int, most: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        days = int(value) if isinstance(value, int | str) and not isinstance(value, bool) else 0
        if not least <= days <= most:
            raise ValueError
        return days

    return read


def _word(value: Any) -> str:
    text = _text(value)
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", text):
        raise ValueError
    return text


KEYS: tuple[Key, ...] = (
    Key("data_dir", _path, "a folder", "everything embedded lives here", "`.anxin`", path=True),
    Key("site", _path, "a YAML file", "site file to load at start", "–", path=True),
    Key(
        "photos",
        _path,
        "a folder",
        "photographs of residents who agreed to it, `RESIDENT.jpg` each (the desk can send them as well), and of scenes in `cases`; "
        "what was deleted stands in `deleted.jsonl`",
        "`photos` in `data_dir`",
        path=True,
    ),
    Key(
        "mqtt.url",
        _url("mqtt", "mqtts"),
        "mqtt://user:pass@host:1883 or mqtts://…",
        "broker that devices publish to",
        "embedded",
        secret=True,
    ),
    Key(
        "mqtt.listen",
        address,
        "host:port, such as 127.0.0.1:1883; port 0 takes a free one",
        "where the embedded broker listens; a non-loopback address requires `mqtt.username` and `mqtt.password`",
        "`127.0.0.1:1883`",
    ),
    Key(
        "mqtt.username",
        _word,
        "up to 64 letters, digits, `_`, `.` and `-`",
        "name that devices give to the embedded broker",
        "– (none asked on loopback)",
    ),
    Key(
        "mqtt.password",
        _text,
        "a text of at least 12 characters",
        "password that devices give to the embedded broker",
        "–",
        secret=True,
    ),
    Key(
        "mqtt.client_id",
        _word,
        "up to 64 letters, digits, `_`, `.` and `-`; nobody may guess it",
        "name of our persistent session at the broker",
        "made once and kept in `data_dir`",
        secret=True,
    ),
    Key(
        "mqtt.certificate",
        _path,
        "a PEM file with the certificate and its chain",
        "certificate of the embedded broker: with it devices must use TLS (1.2 or newer)",
        "– (no TLS)",
        path=True,
    ),
    Key(
        "mqtt.key",
        _path,
        "a PEM file",
        "private key of `mqtt.certificate`, in a file only we can read",
        "–",
        path=True,
    ),
    Key(
        "mqtt.ca",
        _path,
        "a PEM file with one certificate or several",
        "who may have made the broker's certificate, when we connect with `mqtts://` (the way in, `anxin doctor`, the demo's devices)",
        "those that the system trusts",
        path=True,
    ),
    Key(
        "mqtt.subscriptions",
        _subscriptions,
        'a list of {filter, dialect}, such as [{"filter": "zigbee2mqtt/#", "dialect": "zigbee2mqtt"}]',
        "what we receive, and in which dialect",
        "native + zigbee2mqtt",
        write=_write_subscriptions,
    ),
    Key(
        "stream.url",
        _url("nats", "tls", several=True),
        "nats://user:pass@host:4222 or tls://…, several with commas",
        "the durable stream",
        "embedded",
        secret=True,
    ),
    Key(
        "database.url",
        _url("postgresql", "postgres", host=False),
        "postgresql://user:pass@host:5432/name",
        "PostgreSQL ≥ 15, TimescaleDB used when present",
        "embedded",
        secret=True,
    ),
    Key("api.listen", address, "host:port, such as 127.0.0.1:8000", "HTTP", "`127.0.0.1:8000`"),
    Key(
        "api.public_url",
        _web,
        "http://host or https://host, perhaps with a path",
        "used in links inside notifications",
        "from `api.listen`",
    ),
    Key(
        "notify.contact",
        _contact,
        "mailto:somebody@example.org or an https address",
        "where a push service reaches whoever runs this service; Apple's refuses one it cannot believe",
        "`mailto:anxin@localhost`",
    ),
    Key(
        "notify.push_hosts",
        _hosts,
        "hosts with commas between, such as push.example.org",
        "push services of browsers besides the usual ones; `http://127.0.0.1:9000` for trials",
        "–",
        write=",".join,
    ),
    Key(
        "notify.sms_url",
        _url("http", "https"),
        "http://… or https://…",
        "gateway for text messages: what `sms://` among a person's `notify` is sent by (`alerts/webhook.py`)",
        "–",
        secret=True,
    ),
    Key(
        "notify.voice_url",
        _url("http", "https"),
        "http://… or https://…",
        "gateway for calls: what `voice://` is sent by",
        "–",
        secret=True,
    ),
    Key(
        "notify.webhooks",
        _addresses,
        "a list of http://… or https://… addresses",
        "systems that are told when a case opens, changes hands and ends (docs/telling.md)",
        "–",
        write=" ".join,
        secret=True,
    ),
    Key(
        "notify.webhook_secret",
        _text,
        "a text of at least 16 characters",
        "signs what goes to these gateways and webhooks; needed with any of them",
        "–",
        secret=True,
    ),
    Key(
        "history.readings_days",
        _days(14, 366),
        "14 to 366 days: routines are learned in 14, so a trial of changed rules over fewer could say nothing of them",
        "how long single readings are kept, and samples of what was refused",
        "30",
    ),
    Key(
        "history.minutes_days",
        _days(28, 1830),
        "28 to 1830 days, not fewer than readings: the days of a resident are shown 28 back",
        "how long least, mean, greatest and count of each minute are kept",
        "180",
    ),
    Key(
        "history.hours_days",
        _days(90, 3660),
        "90 to 3660 days, not fewer than minutes: slow changes of health are seen over months",
        "how long hours and days are kept",
        "730",
    ),
    Key(
        "history.cases_days",
        _days(365, 3660),
        "365 to 3660 days: a year's figures must be recomputable from their cases",
        "how long findings and closed cases with their logs are kept",
        "1095",
    ),
    Key(
        "demo.password",
        _text,
        "a text of at least 8 characters",
        "password of the demo users; `up` makes them only when this is set",
        "–",
        secret=True,
    ),
    Key(
        "demo.simulator",
        _path,
        "a path",
        "control socket of the simulator that feeds this service (`anxin simulate --control`): every screen then says 模拟环境, "
        "admins find `/sim`; refused beside a database or stream of your own (docs/simulator.md)",
        "–",
        path=True,
    ),
)
_BY_NAME = {key.name: key for key in KEYS}
_SECTIONS = {key.name.split(".")[0] for key in KEYS if "." in key.name}


@dataclass(frozen=True, slots=True)
class _Given:
    """A value as it was written down, and where."""

    value: Any
    origin: str
    base: Path
    """What a relative path is relative to."""


def load(
    file: Path | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Settings:
    """Read the settings: `overrides` (key -> value, from the command line) over environment over file.

    `file` must exist when given; `./anxin.toml` is read when it is there. Raises `Misconfigured` with one
    sentence that names the key, where it came from and what is allowed; a secret is never repeated in it.
    """
    environ = os.environ if environ is None else environ
    if file is None and CONFIG_VARIABLE in environ:
        file = Path(environ[CONFIG_VARIABLE]) if environ[CONFIG_VARIABLE] else None
    elif file is None and DEFAULT_FILE.is_file():
        file = DEFAULT_FILE
    given = {} if file is None else _from_file(file)
    given |= _from_environment(environ)
    for name, value in (overrides or {}).items():
        if value is not None:
            given[name] = _Given(str(value) if isinstance(value, Path) else value, "the command line", Path())

    values: dict[str, Any] = {}
    for name, entry in given.items():
        key = _BY_NAME[name]
        values[name] = _value(key, entry)
    settings = _build(values, file, {name: entry.origin for name, entry in given.items()})
    _check_together(settings)
    return settings


def _value(key: Key, entry: _Given) -> Any:
    try:
        value = key.read(entry.value)
    except (ValueError, TypeError) as fault:
        shown = "" if key.secret else f" {entry.value!r}"
        detail = f" ({fault})" if key.name == "mqtt.subscriptions" and str(fault) else ""
        raise Misconfigured(
            f"{key.name} from {entry.origin}:{shown} is not allowed{detail}; it must be {key.allowed}"
        ) from None
    least = {"mqtt.password": 12, "demo.password": 8, "notify.webhook_secret": 16}.get(key.name, 0)
    if least and len(value) < least:
        raise Misconfigured(f"{key.name} from {entry.origin} is too short; it must be {key.allowed}")
    if key.name == "mqtt.subscriptions":
        return tuple(_rooted(subscription, entry.base) for subscription in value)
    return entry.base / value if key.path else value


def _rooted(subscription: Subscription, base: Path) -> Subscription:
    """A mapping file of one's own is relative to where it was named, like every path."""
    prefix, _, path = subscription.dialect.partition(":")
    if prefix != "mapped" or not path.endswith((".yaml", ".yml")):
        return subscription
    return replace(subscription, dialect=f"{prefix}:{base / Path(path).expanduser()}")


def _build(values: Mapping[str, Any], file: Path | None, origins: Mapping[str, str]) -> Settings:
    def section(name: str) -> dict[str, Any]:
        return {key.split(".")[1]: value for key, value in values.items() if key.startswith(f"{name}.")}

    api = Api(**section("api"))
    if not api.public_url:
        api = replace(api, public_url=f"http://{api.listen.reachable}")
    top = {name: value for name, value in values.items() if "." not in name}
    return Settings(
        **top,
        mqtt=Mqtt(**section("mqtt")),
        stream=Stream(**section("stream")),
        database=Database(**section("database")),
        api=api,
        notify=Notify(**section("notify")),
        history=History(**section("history")),
        demo=Demo(**section("demo")),
        file=file,
        origins=MappingProxyType(dict(origins)),
    )


def _check_together(settings: Settings) -> None:
    """What no key can be judged by alone."""
    history = settings.history
    for finer, coarser in (("readings_days", "minutes_days"), ("minutes_days", "hours_days")):
        if getattr(history, finer) > getattr(history, coarser):
            named = [n for n in (f"history.{finer}", f"history.{coarser}") if n in settings.origins]
            raise Misconfigured(
                f"{named[0]} from {settings.origins[named[0]]}: history.{finer} ({getattr(history, finer)}) is more than "
                f"history.{coarser} ({getattr(history, coarser)}); what is coarser must be kept as long, so change one of them"
            )
    mqtt = settings.mqtt
    if (mqtt.username is None) != (mqtt.password is None):
        one, other = (
            ("mqtt.username", "mqtt.password") if mqtt.username else ("mqtt.password", "mqtt.username")
        )
        raise Misconfigured(
            f"{one} from {settings.origins[one]} is given without {other}; give both or neither"
        )
    notify = settings.notify
    posting = [name for name in ("sms_url", "voice_url", "webhooks") if getattr(notify, name)]
    if posting and notify.webhook_secret is None:
        one = f"notify.{posting[0]}"
        raise Misconfigured(
            f"{one} from {settings.origins[one]} is given without notify.webhook_secret, by which the receiver knows us; "
            f"set it, or notify.webhook_secret_file"
        )
    if (mqtt.certificate is None) != (mqtt.key is None):
        one, other = (
            ("mqtt.certificate", "mqtt.key") if mqtt.certificate else ("mqtt.key", "mqtt.certificate")
        )
        raise Misconfigured(
            f"{one} from {settings.origins[one]} is given without {other}; give both or neither"
        )
    # The children of `up` find the embedded broker's own address in mqtt.url.
    speaks_tls = mqtt.certificate is not None or (mqtt.url or "").startswith("mqtts://")
    if mqtt.ca is not None and not speaks_tls:
        raise Misconfigured(
            f"mqtt.ca from {settings.origins['mqtt.ca']} is for TLS, and no connection of ours uses it; "
            f"write mqtts:// in mqtt.url, or leave it out"
        )
    if mqtt.url is None and not mqtt.listen.loopback and mqtt.username is None:
        origin = settings.origins.get("mqtt.listen", "the default")
        raise Misconfigured(
            f"mqtt.listen from {origin}: {mqtt.listen} can be reached from other machines, so devices must sign in; "
            f"set mqtt.username and mqtt.password, or listen on 127.0.0.1"
        )


# --------------------------------------------------------------------------------- file, environment


def _from_file(file: Path) -> dict[str, _Given]:
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Misconfigured(
            f"there is no configuration file {file}; make one, or leave --config out"
        ) from None
    except (OSError, UnicodeDecodeError) as fault:
        raise Misconfigured(f"the configuration file {file} cannot be read: {fault}") from None
    except tomllib.TOMLDecodeError as fault:
        raise Misconfigured(f"the configuration file {file} is not TOML: {fault}") from None
    flat: dict[str, Any] = {}
    for name, value in content.items():
        if isinstance(value, dict) and name in _SECTIONS:
            flat |= {f"{name}.{key}": inner for key, inner in value.items()}
        else:
            flat[name] = value
    return _named({name: (name, value) for name, value in flat.items()}, str(file), file.parent)


def _from_environment(environ: Mapping[str, str]) -> dict[str, _Given]:
    names: dict[str, tuple[str, str]] = {}
    for variable, value in environ.items():
        name = variable.removeprefix(PREFIX).lower().replace("__", ".")
        if not variable.startswith(PREFIX) or variable == CONFIG_VARIABLE:
            continue
        # Without a section it may be somebody else's (ANXIN_CHROMIUM steers our tests): only ours and likely slips.
        if "." in name or difflib.get_close_matches(
            name.removesuffix("_file"), ("data_dir", "site"), cutoff=0.8
        ):
            names[name] = (variable, value)
    return _named(names, "the environment", Path())


def _named(pairs: Mapping[str, tuple[str, Any]], source: str, base: Path) -> dict[str, _Given]:
    """Match what was written to the known keys; read secrets from their files."""
    found: dict[str, _Given] = {}
    for name, (written, value) in pairs.items():
        origin = source if written == name else f"{source} ({written})"
        plain = name.removesuffix("_file")
        if name in _BY_NAME:
            key, entry = _BY_NAME[name], _Given(value, origin, base)
        elif plain != name and plain in _BY_NAME and _BY_NAME[plain].secret:
            key, entry = (
                _BY_NAME[plain],
                _Given(_secret_from(value, name, origin, base), f"{origin}, a file", base),
            )
        else:
            near = difflib.get_close_matches(name, _BY_NAME, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(_BY_NAME)}"
            raise Misconfigured(f"{name} from {origin} is not a setting; {hint}")
        if key.name in found:
            raise Misconfigured(
                f"{key.name} is given twice in {source}, directly and as a file; leave one out"
            )
        found[key.name] = entry
    return found


def _secret_from(value: Any, name: str, origin: str, base: Path) -> str:
    if not isinstance(value, str) or not value:
        raise Misconfigured(f"{name} from {origin} must be the path of a file that holds the secret")
    path = base / Path(value).expanduser()
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as fault:
        reason = fault.strerror if isinstance(fault, OSError) else "it is not UTF-8 text"
        raise Misconfigured(f"{name} from {origin}: the file {path} cannot be read ({reason})") from None


# --------------------------------------------------------------------------------- for other packages


def inherited_environment() -> dict[str, str]:
    """What a child process takes over from us: everything but our own settings, which it is given explicitly."""
    ours = {key.variable for key in KEYS} | {f"{key.variable}_FILE" for key in KEYS} | {CONFIG_VARIABLE}
    return {name: value for name, value in os.environ.items() if name not in ours}


def bare_environment() -> dict[str, str]:
    """For programs that need nothing of ours (broker, database): no secrets, no surprises from a locale."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C", "LC_ALL": "C", "TZ": "UTC"}


def with_credentials(url: str, user: str, password: str) -> str:
    """`scheme://host…` to `scheme://user:password@host…`."""
    scheme, rest = url.split("://", 1)
    return f"{scheme}://{quote(user, safe='')}:{quote(password, safe='')}@{rest}"


@dataclass(frozen=True, slots=True)
class Target:
    """An address taken apart: what a client needs to connect."""

    host: str
    port: int
    username: str | None
    password: str | None = field(repr=False)
    tls: bool


def target(url: str) -> Target:
    """Take an `mqtt(s)://`, `nats://`, `tls://` or `http(s)://` address apart; the usual port when none is named."""
    parts = urlsplit(url)
    usual = {"mqtt": 1883, "mqtts": 8883, "nats": 4222, "tls": 4222, "http": 80, "https": 443}
    return Target(
        host=parts.hostname or "127.0.0.1",
        port=parts.port or usual[parts.scheme],
        username=None if parts.username is None else unquote(parts.username),
        password=None if parts.password is None else unquote(parts.password),
        tls=parts.scheme in ("mqtts", "tls", "https"),
    )


def trusted(settings: Settings) -> ssl.SSLContext:
    """How the broker that we reach with mqtts:// is checked. Raises Misconfigured when `mqtt.ca` cannot be used."""
    try:
        return tls.context(settings.mqtt.ca)
    except ValueError as fault:
        raise Misconfigured(
            f"mqtt.ca from {settings.origins.get('mqtt.ca', 'the settings')}: {fault}"
        ) from None
