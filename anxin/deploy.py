"""Writes configuration for a broker of one's own (Mosquitto 2, EMQX 5) and for systemd, from the site file.

Start at `accounts`: who signs in to the broker, and what each may publish and hear. `mosquitto_files`, `emqx_files` and
`systemd_files` turn that into texts (pure); `write` puts them into a folder. Secrets are made once, 128 random bits
each, below `secrets/` in that folder with mode 0600, and are never overwritten; everything else is written anew from them
and from the site, so that a second run changes nothing. `app` is the command `anxin deploy`.

The promise of a foreign broker is transport only: it acknowledges from memory (measured, docs/guarantees.md). Custody
begins at our stream, and alarm devices wait for the answer on their ack topic.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import secrets
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from anxin.settings import Address, address
from care import topics
from care.errors import Misconfigured
from care.site import Home, Site, native_topic
from care.words import Kind

SERVICE = "ingest"
"""The service's own account at the broker."""
NATIVE_FILTER = "anxin/v1/+/+"
LARGEST_BYTES = 8 * 1024 * 1024
"""One packet: the retained device list of a large Zigbee network is megabytes. Readings over 16 KB are refused by us."""
INFLIGHT = 1000
"""Messages the service may hold unacknowledged: it stores them in batches of 500 every 30 ms, and a broker's 20 would
be its ceiling (20 / 30 ms = 666 a second)."""
QUEUE_BYTES = 512 * 1024 * 1024
"""What may wait for the service while it is away: three days of 40 homes, an hour of 3,000."""
SESSION_DAYS = 14
"""A session that nobody came back to for so long ends."""
PBKDF2_ROUNDS = 101
"""Mosquitto's own default; more would only slow a storm of reconnects, for the secrets are 128 random bits."""
CERTIFICATE, KEY = Path("/etc/ssl/anxin/broker.pem"), Path("/etc/ssl/anxin/broker.key")
_PLAIN = re.compile(r'^[^\x00-\x1f\x7f"\\+#$]*[^\x00-\x20\x7f"\\+#$]$')
"""Topics that mean the same in every configuration file; others are named and left out, never half written."""


# -- who may do what ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Account:
    """One sign-in at the broker: a gateway, with the homes it speaks for and the topics it owns."""

    name: str
    homes: tuple[str, ...] = ()
    bases: tuple[str, ...] = ()
    """Topics it may publish on and below: the base of its Zigbee2MQTT."""
    alone: tuple[str, ...] = ()
    """Topics of single devices that stand beside those of other homes."""
    publish: tuple[str, ...] = ()
    subscribe: tuple[str, ...] = ()

    def of(self, name: str) -> Account:
        """The same rights under another name."""
        return replace(self, name=name)


SECOND = ".2"
"""A sign-in is a client id at these brokers, and the second of one id ends the first: a gateway that holds two connections (its
Zigbee2MQTT and its native devices, alarms apart from telemetry) signs in with its name, and with its name and this."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a broker must know of a site."""

    service: Account
    gateways: tuple[Account, ...]
    left_out: tuple[str, ...] = ()
    """Sentences: what could not be allowed, and why."""

    @property
    def everybody(self) -> tuple[Account, ...]:
        """All sign-ins, the service's own first, and two of each gateway."""
        return (self.service, *(one.of(one.name + end) for one in self.gateways for end in ("", SECOND)))

    @property
    def subscriptions(self) -> list[tuple[str, str]]:
        """What the service receives: filter and dialect, one for each base so that each bridge is known as one."""
        bases = sorted({base for gateway in self.gateways for base in gateway.bases})
        # Devices of several homes side by side below one topic: all of it is heard, after the bases, which know more.
        shared = sorted(
            {topic.split("/")[0] for gateway in self.gateways for topic in gateway.alone} - set(bases)
        )
        return [(NATIVE_FILTER, "native"), *((f"{base}/#", "zigbee2mqtt") for base in (*bases, *shared))]


def _may_be_called(name: str) -> bool:
    """The names that our own broker takes; each other broker takes them too."""
    from anxin import doorman  # as late as this, so that `anxin --help` is fast

    return doorman.NAME.fullmatch(name) is not None and name not in doorman.RESERVED


def given_gateway(text: str) -> tuple[str, list[str], list[str]]:
    """`NAME=HOME,HOME,TOPIC`: a gateway that serves several homes. A topic holds a `/`; one level alone is written `zigbee2mqtt/`.

    Raises Misconfigured.
    """
    name, equals, rest = text.partition("=")
    parts = [part.strip() for part in rest.split(",") if part.strip()]
    if not equals or not _may_be_called(name) or not parts:
        raise Misconfigured(
            f"--gateway {text!r}: NAME=HOME,HOME,TOPIC is wanted, as in b3=h0301,h0302,zigbee2mqtt/b3"
        )
    homes = [part for part in parts if "/" not in part]
    return name, homes, [part.rstrip("/") for part in parts if "/" in part]


def accounts(site: Site, given: Sequence[tuple[str, Sequence[str], Sequence[str]]] = ()) -> Plan:
    """Every account of a site. `given` are gateways that serve several homes: name, homes, topics of their own.

    Each other home is served by the gateway its devices name (the id of its device of kind `gateway`), or, without one,
    by an account with the home's id. A gateway publishes readings and state of its own homes, below its own bases, and
    hears their acks and its bridge's requests. Raises Misconfigured.
    """
    homes = {home.id: home for home in site.homes}
    served: dict[str, str] = {}
    for name, its_homes, _bases in given:
        for its in its_homes:
            if its not in homes:
                raise Misconfigured(f"gateway {name}: there is no home {its!r} in the site file")
            if its in served:
                raise Misconfigured(f"home {its} is given to two gateways, {served[its]} and {name}")
            served[its] = name
    taken = {base: name for name, _homes, bases in given for base in bases}
    left_out: list[str] = []
    found = [
        _account(name, [homes[h] for h in its_homes], bases, site, left_out, foreign={})
        for name, its_homes, bases in given
    ]
    for home in site.homes:
        if home.id in served or not home.devices:
            continue
        box = next((device.id for device in home.devices if device.kind is Kind.gateway), home.id)
        found.append(_account(box, [home], (), site, left_out, foreign=taken))
    names = [account.name + end for account in found for end in ("", SECOND)]
    for name in names:
        if names.count(name) > 1 or not _may_be_called(name):
            raise Misconfigured(
                f"{name!r} would be the name of two accounts, or is kept for the service, or too long; rename the gateway"
            )
    plan = Plan(Account(SERVICE), tuple(found), tuple(left_out))
    filters = tuple(topic_filter for topic_filter, _ in plan.subscriptions)
    # It also publishes where it listens: a press that a device left retained is taken back (domain P-10).
    service = Account(SERVICE, publish=("anxin/v1/+/+/ack", *filters), subscribe=filters)
    return Plan(service, plan.gateways, plan.left_out)


def _account(
    name: str,
    homes: Sequence[Home],
    bases: Sequence[str],
    site: Site,
    left_out: list[str],
    *,
    foreign: Mapping[str, str],
) -> Account:
    own = {home.id for home in homes}
    others = [
        device.address or native_topic(home.id, device.id)
        for home in site.homes
        if home.id not in own
        for device in home.devices
    ]
    for base in bases:
        if not _PLAIN.match(base) or topics.below("anxin/v1", [base]) or topics.below(base, ["anxin/v1"]):
            raise Misconfigured(
                f"gateway {name}: {base!r} cannot be its own topic; give one like zigbee2mqtt/b3"
            )
    mine = list(bases)
    alone: list[str] = []
    for home in homes:
        for device in home.devices:
            topic = device.address
            if topic is None or topics.below(topic, mine):
                continue
            if any(topics.below(topic, [native_topic(h, "")[:-1]]) for h in own) and topic.count("/") == 3:
                continue  # its native address, written out
            if not _PLAIN.match(topic) or topics.below(topic, ["anxin/v1"]):
                left_out.append(
                    f"{device.id}: nobody is allowed to publish on {topic!r}; such a topic fits no broker's list"
                )
                continue
            if topics.below(topic, foreign):
                continue  # a gateway that was given speaks for it
            base = _base(topic, home.id, [*others, *foreign])
            (mine if base != topic else alone).append(base)
    publish = [f"anxin/v1/{home}/+" for home in sorted(own)]
    publish += [f"{base}/#" for base in mine]
    publish += [one for topic in alone for one in (topic, f"{topic}/#")]
    subscribe = [f"anxin/v1/{home}/+/ack" for home in sorted(own)]
    subscribe += [f"{base}/bridge/request/#" for base in mine]
    return Account(name, tuple(sorted(own)), tuple(mine), tuple(alone), tuple(publish), tuple(subscribe))


def _base(topic: str, home: str, others: Collection[str]) -> str:
    """The topic a gateway owns, above one of its devices: down to the home's own level, else as short as it is its alone."""
    levels = topic.split("/")
    lengths = list(range(1, len(levels)))
    if home in levels[:-1]:
        lengths.insert(0, levels.index(home) + 1)
    for length in lengths:
        base = "/".join(levels[:length])
        if base != "anxin" and not any(
            topics.below(other, [base]) or topics.below(base, [other]) for other in others
        ):
            return base
    return topic


# -- what is written ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class File:
    """A text for the folder."""

    name: str
    text: str
    secret: bool = False
    keep: bool = False
    """Somebody may have changed it: written only when it is not there."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where things are on the machine that runs the broker."""

    out: Path
    listen: Address
    local: Address
    """For the service on the same machine: no TLS, and nobody else can reach it."""
    certificate: Path
    key: Path
    state: Path


Secrets = Mapping[str, str]
"""Account's name -> its password."""

_HEAD = "Written by `anxin deploy`; run it again when the site has changed. Changes made here are lost.\n"


def _service_url(place: Place, passwords: Secrets) -> str:
    return f"mqtt://{SERVICE}:{quote(passwords[SERVICE], safe='')}@{place.local}"


def _common(plan: Plan, place: Place, passwords: Secrets) -> list[File]:
    """What every broker's folder has: the service's settings, and who is who."""
    subscriptions = "".join(
        f"  {{filter = {json.dumps(f, ensure_ascii=False)}, dialect = {json.dumps(d)}}},\n"
        for f, d in plan.subscriptions
    )
    settings = (
        "# For anxin.toml, when the broker is on the same machine; elsewhere: mqtts://ingest:…@broker.example.org:8883\n"
        "[mqtt]\n"
        'url_file = "secrets/mqtt-url"\n'
        f"subscriptions = [\n{subscriptions}]\n"
    )
    lines = [
        f"# Name, homes, own topics. The passwords are in secrets/, one file each; NAME{SECOND} is for a second connection.",
        "account\thomes\ttopics",
    ]
    lines += [f"{a.name}\t{','.join(a.homes)}\t{','.join(a.bases)}" for a in plan.gateways]
    return [
        File("anxin.toml", settings, keep=True),
        File("gateways.tsv", "\n".join(lines) + "\n"),
        File("secrets/mqtt-url", _service_url(place, passwords) + "\n", secret=True),
    ]


def mosquitto_files(plan: Plan, place: Place, passwords: Secrets) -> list[File]:
    """Configuration, password file and access list of Mosquitto 2."""
    conf = f"""\
# {_HEAD}#   mosquitto -c {place.out}/mosquitto.conf
# It replaces /etc/mosquitto/mosquitto.conf; the reasons are in deploy/README.md.

per_listener_settings false
allow_anonymous false
password_file {place.out}/passwords
acl_file {place.out}/acl

# Devices come by TLS.
listener {place.listen.port} {place.listen.host}
protocol mqtt
certfile {place.certificate}
keyfile {place.key}
tls_version tlsv1.2
# Whatever client id somebody gives, it is the name that was signed in with: nobody can end another's connection, take
# its session or what waits in it.
use_username_as_clientid true

# The service on this machine. Nobody else can reach it.
listener {place.local.port} {place.local.host}
protocol mqtt

# A broker that is killed keeps what it had acknowledged. The default, every half an hour, lost 3,614 of 3,614 messages
# that waited for a reader; after every single change it lost none of 3,478. Against a power cut it promises nothing.
persistence true
persistence_location {str(place.state).rstrip("/")}/
persistence_file anxin.db
autosave_on_changes true
autosave_interval 1

# What waits for the service while it is away. The default of 1,000 messages throws away the rest without a word.
max_queued_messages 0
max_queued_bytes {QUEUE_BYTES}
max_inflight_messages {INFLIGHT}
queue_qos0_messages false
persistent_client_expiration {SESSION_DAYS}d

# Bridges send their device list in one message. What is larger closes the connection.
max_packet_size {LARGEST_BYTES}
max_keepalive 300
set_tcp_nodelay true
retain_available true

log_dest stderr
log_type error
log_type warning
log_type notice
connection_messages true
"""
    acl = [f"# {_HEAD}"]
    for account in plan.everybody:
        acl.append(f"user {account.name}")
        acl += [f"topic write {topic}" for topic in account.publish if topic not in account.subscribe]
        acl += [f"topic readwrite {topic}" for topic in account.publish if topic in account.subscribe]
        acl += [f"topic read {topic}" for topic in account.subscribe if topic not in account.publish]
        acl.append("")
    entries = "".join(f"{a.name}:{mosquitto_hash(a.name, passwords[a.name])}\n" for a in plan.everybody)
    return [
        File("mosquitto.conf", conf),
        File("acl", "\n".join(acl), secret=True),
        File("passwords", entries, secret=True),
        *_common(plan, place, passwords),
    ]


def mosquitto_hash(name: str, password: str) -> str:
    """An entry of a Mosquitto password file (format 7: PBKDF2 with SHA-512).

    The salt is made from name and password, so that a second run writes the same file; with 128 random bits in the
    password there is nothing to look up in a table.
    """
    salt = hashlib.sha256(f"anxin mosquitto\0{name}\0{password}".encode()).digest()[:12]
    key = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, PBKDF2_ROUNDS)
    return f"$7${PBKDF2_ROUNDS}${base64.b64encode(salt).decode()}${base64.b64encode(key).decode()}"


def emqx_files(plan: Plan, place: Place, passwords: Secrets) -> list[File]:
    """base.hocon, access list and first users of EMQX 5 (5.8 or newer for `base.hocon` and hashed first users)."""
    config: dict[str, Any] = {
        "listeners": {
            "tcp": {"default": {"enable": True, "bind": str(place.local), "zone": "service"}},
            "ssl": {
                "default": {
                    "enable": True,
                    "bind": str(place.listen),
                    "ssl_options": {
                        "certfile": str(place.certificate),
                        "keyfile": str(place.key),
                        "versions": ["tlsv1.3", "tlsv1.2"],
                    },
                }
            },
            "ws": {"default": {"enable": False}},
            "wss": {"default": {"enable": False}},
        },
        "mqtt": {
            "max_packet_size": LARGEST_BYTES,
            "max_inflight": INFLIGHT,
            "max_mqueue_len": "infinity",
            "mqueue_store_qos0": False,
            "session_expiry_interval": f"{SESSION_DAYS}d",
            "shared_subscription": False,
            # Whatever client id somebody gives, it is the name that was signed in with.
            "use_username_as_clientid": True,
        },
        # The service on this machine keeps the id of its session to itself.
        "zones": {"service": {"mqtt": {"use_username_as_clientid": False}}},
        "durable_sessions": {"enable": True},
        "retainer": {"enable": True, "max_payload_size": LARGEST_BYTES},
        "authentication": [
            {
                "mechanism": "password_based",
                "backend": "built_in_database",
                "user_id_type": "username",
                "password_hash_algorithm": {"name": "sha256", "salt_position": "suffix"},
                "bootstrap_file": f"{place.out}/users.csv",
                "bootstrap_type": "hash",
            }
        ],
        "authorization": {
            "no_match": "deny",
            "deny_action": "ignore",
            "sources": [{"type": "file", "enable": True, "path": f"{place.out}/acl.conf"}],
        },
    }
    head = f"# {_HEAD}# Goes to etc/base.hocon (EMQX 5.8 or newer); the reasons are in deploy/README.md. HOCON takes JSON as it is.\n"
    rules = [f"%% {_HEAD}"]
    for account in plan.everybody:
        for action, allowed in (("publish", account.publish), ("subscribe", account.subscribe)):
            if allowed:
                listed = ", ".join(f'"{topic}"' for topic in allowed)
                rules.append(f'{{allow, {{username, "{account.name}"}}, {action}, [{listed}]}}.')
    rules.append("{deny, all}.\n")
    users = ["user_id,password_hash,salt,is_superuser"]
    for account in plan.everybody:
        password = passwords[account.name]
        salt = hashlib.sha256(f"anxin emqx\0{account.name}\0{password}".encode()).hexdigest()[:24]
        users.append(f"{account.name},{hashlib.sha256((password + salt).encode()).hexdigest()},{salt},false")
    return [
        File("base.hocon", head + json.dumps(config, indent=2, ensure_ascii=False) + "\n"),
        File("acl.conf", "\n".join(rules)),
        File("users.csv", "\n".join(users) + "\n", secret=True),
        *_common(plan, place, passwords),
    ]


@dataclass(frozen=True, slots=True)
class Machine:
    """Where the service is on its machine."""

    program: Path
    config: Path
    user: str
    api: Address
    state: str = "anxin"
    """Folder below /var/lib."""


def systemd_files(machine: Machine, site: Path) -> list[File]:
    """The service's unit, and a watch that tells somebody outside every minute that all is well."""
    unit = f"""\
# {_HEAD}# Changes of one's own: systemctl edit anxin
[Unit]
Description=Anxin, elderly-care monitoring
Wants=network-online.target time-sync.target
After=network-online.target time-sync.target
# Never give up: a limit on restarts would end the watch over every home.
StartLimitIntervalSec=0

[Service]
Type=exec
User={machine.user}
Group={machine.user}
ExecStart={machine.program} up --config {machine.config}
WorkingDirectory=/var/lib/{machine.state}
StateDirectory={machine.state}
StateDirectoryMode=0711
UMask=0077
Restart=always
RestartSec=1
# The supervisor hears first and ends its children in order; what is left is killed.
KillMode=mixed
TimeoutStopSec=30
# When memory is short, somebody else goes.
OOMScoreAdjust=-800
OOMPolicy=continue
LimitNOFILE=65536
LimitCORE=0
# Alarms before backups.
CPUWeight=1000
IOWeight=1000

NoNewPrivileges=yes
CapabilityBoundingSet=
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectHostname=yes
RestrictSUIDSGID=yes
RestrictRealtime=yes
RestrictNamespaces=yes
LockPersonality=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
SystemCallArchitectures=native

[Install]
WantedBy=multi-user.target
"""
    ask = f"curl --fail --silent --show-error --output /dev/null --max-time 5 http://{machine.api}/readyz"
    watch = f"""\
# {_HEAD}# Tells a dead man's switch outside that this building still watches: when it stops telling, they telephone.
[Unit]
Description=Anxin tells the outside that all is well
After=anxin.service

[Service]
Type=oneshot
DynamicUser=yes
# ANXIN_OUTSIDE=https://…  (mode 0600: who knows the address can keep the outside quiet)
EnvironmentFile=-{machine.config.parent}/outside.env
ExecStart=/bin/sh -c '{ask} && if [ -n "$ANXIN_OUTSIDE" ]; then curl --fail --silent --show-error --output /dev/null --max-time 10 "$ANXIN_OUTSIDE"; fi'
TimeoutStartSec=30
"""
    timer = f"""\
# {_HEAD}[Unit]
Description=Every minute

[Timer]
OnBootSec=60
OnUnitActiveSec=60
AccuracySec=5

[Install]
WantedBy=timers.target
"""
    settings = f"""\
data_dir = "/var/lib/{machine.state}"
site = {json.dumps(str(site), ensure_ascii=False)}

[api]
listen = "{machine.api}"
"""
    return [
        File("anxin.service", unit),
        File("anxin-watch.service", watch),
        File("anxin-watch.timer", timer),
        File("anxin.toml", settings, keep=True),
    ]


# -- the folder -----------------------------------------------------------------------------------------------------


def passwords_in(out: Path, names: Sequence[str]) -> dict[str, str]:
    """The password of each account, made now when it has none. A file that is there is never overwritten."""
    folder = out / "secrets"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    found = {}
    for name in names:
        file = folder / name
        try:
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            pass
        else:
            with os.fdopen(handle, "w", encoding="ascii") as stream:
                stream.write(secrets.token_urlsafe(16) + "\n")
        if file.stat().st_mode & 0o077:
            raise Misconfigured(
                f"{file} can be read by others; make it yours with chmod 600 and give {name} a new secret"
            )
        found[name] = file.read_text(encoding="ascii").strip()
        if len(found[name]) < 16:
            raise Misconfigured(f"{file} holds no secret; remove it, and a new one is made")
    return found


def write(out: Path, files: Sequence[File]) -> list[str]:
    """Put the files into the folder, each whole or not at all; the names of those that changed."""
    changed = []
    for file in files:
        target = out / file.name
        mode = 0o600 if file.secret else 0o644
        if target.exists() and (file.keep or target.read_text(encoding="utf-8") == file.text):
            if file.secret:
                target.chmod(mode)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        new = target.with_name(f".{target.name}.new")
        new.unlink(missing_ok=True)
        with os.fdopen(
            os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8"
        ) as stream:
            stream.write(file.text)
            stream.flush()
            os.fsync(stream.fileno())
        new.replace(target)
        changed.append(file.name)
    return changed


# -- the command ------------------------------------------------------------------------------------------------------

app = typer.Typer(
    help="Write configuration for a broker of one's own, or for systemd.",
    epilog="Example: anxin deploy mosquitto --site site.yaml --out /etc/mosquitto/anxin",
    no_args_is_help=True,
    rich_markup_mode=None,
)

SiteFile = Annotated[Path, typer.Option("--site", help="The site file (YAML).")]
Out = Annotated[Path, typer.Option("--out", help="Folder to write into; it stays where the broker reads it.")]
Gateways = Annotated[
    list[str] | None,
    typer.Option(
        "--gateway", help="One that serves several homes: NAME=HOME,HOME,TOPIC. May be given again."
    ),
]
Listen = Annotated[str, typer.Option(help="Where devices come in, by TLS.")]
Local = Annotated[str, typer.Option(help="Where the service on this machine comes in; loopback only.")]
Certificate = Annotated[Path, typer.Option(help="PEM file with the broker's certificate and chain.")]
KeyFile = Annotated[Path, typer.Option("--key", help="PEM file with its private key.")]


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


def _read(file: Path) -> Site:
    from anxin import wiring

    return wiring.read_site_file(file)


def _place(out: Path, listen: str, local: str, certificate: Path, key: Path, state: Path) -> Place:
    try:
        outside, inside = address(listen), address(local)
    except ValueError:
        raise Misconfigured("--listen and --local want host:port, such as 0.0.0.0:8883") from None
    if not inside.loopback:
        raise Misconfigured(
            f"--local {local} can be reached by others, and it has no TLS; take 127.0.0.1:1883"
        )
    full = out.absolute()
    for path in (full, certificate, key, state):
        if any(not c.isprintable() or c in '"\\' for c in str(path)):
            raise Misconfigured(f"{str(path)!r} cannot be written into a configuration file")
    return Place(full, outside, inside, certificate.absolute(), key.absolute(), state.absolute())


def _broker(site: Path, place: Place, gateways: Sequence[str] | None, make: Any, what: str) -> None:
    plan = accounts(_read(site), [given_gateway(text) for text in gateways or ()])
    passwords = passwords_in(place.out, [account.name for account in plan.everybody])
    changed = write(place.out, make(plan, place, passwords))
    for sentence in plan.left_out:
        _say(f"left out: {sentence}")
    for path in (place.certificate, place.key):
        if not path.exists():
            _say(f"not there yet: {path}")
    _say(
        f"{place.out}: {what} for {len(plan.gateways)} gateways; "
        + (f"changed: {', '.join(changed)}" if changed else "nothing changed")
    )


@app.command(epilog="Example: anxin deploy mosquitto --site site.yaml --out /etc/mosquitto/anxin")
def mosquitto(
    site: SiteFile,
    out: Out,
    gateway: Gateways = None,
    listen: Listen = "0.0.0.0:8883",
    local: Local = "127.0.0.1:1883",
    certificate: Certificate = CERTIFICATE,
    key: KeyFile = KEY,
    state: Annotated[Path, typer.Option(help="Folder where Mosquitto keeps what it holds.")] = Path(
        "/var/lib/mosquitto"
    ),
) -> None:
    """Mosquitto 2: configuration, passwords, and what each gateway may publish and hear."""
    place = _place(out, listen, local, certificate, key, state)
    _broker(site, place, gateway, mosquitto_files, "Mosquitto")


@app.command(epilog="Example: anxin deploy emqx --site site.yaml --out /etc/emqx/anxin")
def emqx(
    site: SiteFile,
    out: Out,
    gateway: Gateways = None,
    listen: Listen = "0.0.0.0:8883",
    local: Local = "127.0.0.1:1883",
    certificate: Certificate = CERTIFICATE,
    key: KeyFile = KEY,
) -> None:
    """EMQX 5: base.hocon, first users, and what each gateway may publish and hear."""
    place = _place(out, listen, local, certificate, key, Path("/var/lib/emqx"))
    _broker(site, place, gateway, emqx_files, "EMQX")


@app.command(epilog="Example: anxin deploy systemd --site /etc/anxin/site.yaml --out /etc/anxin/systemd")
def systemd(
    site: SiteFile,
    out: Out,
    program: Annotated[Path, typer.Option(help="The anxin program.")] = Path("/opt/anxin/.venv/bin/anxin"),
    config: Annotated[Path, typer.Option(help="The settings file it will read.")] = Path(
        "/etc/anxin/anxin.toml"
    ),
    user: Annotated[str, typer.Option(help="The user it runs as; not root.")] = "anxin",
    api: Annotated[str, typer.Option(help="Where its HTTP interface listens.")] = "127.0.0.1:8000",
) -> None:
    """A unit for systemd, and a watch that tells the outside every minute that all is well."""
    _read(site)
    if user == "root" or not re.fullmatch(r"[a-z_][a-z0-9_-]{0,31}", user):
        raise Misconfigured(f"--user {user!r}: a plain user's name is wanted, and not root")
    for path in (program, config, site.absolute()):
        if (
            any(not c.isprintable() or c.isspace() or c in "\"'\\%$" for c in str(path))
            or not path.is_absolute()
        ):
            raise Misconfigured(
                f"{str(path)!r} cannot stand in a unit: an absolute path without spaces is wanted"
            )
    try:
        machine = Machine(program, config, user, address(api))
    except ValueError:
        raise Misconfigured("--api wants host:port, such as 127.0.0.1:8000") from None
    changed = write(out, systemd_files(machine, site.absolute()))
    _say(f"{out}: {'changed: ' + ', '.join(changed) if changed else 'nothing changed'}")
