"""The real Mosquitto with what `anxin deploy mosquitto` wrote: who may speak, who may hear, and what is kept."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from typer.testing import CliRunner

from anxin import settings
from anxin.deploy import app
from anxin.embedded import free_port
from tests.conftest import open_folder
from tests.papers import Authority
from tests.unit.test_deploy import SITE

MOSQUITTO = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
pytestmark = pytest.mark.skipif(
    MOSQUITTO is None, reason="Mosquitto is not installed (Debian: apt-get install mosquitto)"
)


@dataclass
class Broker:
    """Mosquitto in a folder of its own."""

    folder: Path
    tls: int
    local: int
    pem: Path
    """Who made its certificate."""
    papers: tuple[Path, Path]
    process: subprocess.Popen[bytes] | None = None

    @property
    def out(self) -> Path:
        return self.folder / "out"

    def secret(self, name: str) -> str:
        return (self.out / "secrets" / name).read_text().strip()

    def deploy(self, site: str) -> None:
        """Write its files for a site, as the command does."""
        file, (pem, key) = self.folder / "site.yaml", self.papers
        file.write_text(site, encoding="utf-8")
        words = [
            "mosquitto", "--site", file, "--out", self.out, "--certificate", pem, "--key", key, "--state", self.folder / "state",
            "--listen", f"127.0.0.1:{self.tls}", "--local", f"127.0.0.1:{self.local}",
        ]  # fmt: skip
        result = CliRunner().invoke(app, list(map(str, words)))
        assert result.exit_code == 0, result.output

    def start(self) -> None:
        conf = self.folder / "as-me.conf"
        # Started as root it would change to a user that may not enter this test's folder.
        conf.write_text(
            (self.out / "mosquitto.conf").read_text() + ("user root\n" if os.getuid() == 0 else "")
        )
        assert MOSQUITTO is not None
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [MOSQUITTO, "-c", str(conf)], stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        # It opens its listeners one after the other, so that one answers says nothing about the other.
        deadline = time.monotonic() + 20
        for port in (self.tls, self.local):
            while not listens(port):
                assert self.process.poll() is None, (self.folder / "log").read_text()
                assert time.monotonic() < deadline, (self.folder / "log").read_text()
                time.sleep(0.02)

    def end(self, how: int = signal.SIGTERM) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(10)

    @contextlib.contextmanager
    def client(
        self,
        user: str | None,
        *,
        password: str | None = None,
        tls: bool = True,
        name: str = "",
        keep: bool = False,
        will: str | None = None,
    ) -> Iterator[Any]:
        """Signed in; `heard` are (topic, payload), `code` is the answer to its CONNECT, `lost` tells a connection that ended."""
        c: Any = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=name, clean_session=not keep, protocol=mqtt.MQTTv311
        )
        # This broker may close whoever says what it may not, and paho says it again once it is back: after 1 s and never
        # after 2, 4, 8 …, which on a busy machine was more than anybody here waited for.
        c.reconnect_delay_set(1, 1)
        c.heard, c.code, c.taken, c.granted, c.lost = [], None, set(), [], False
        if will is not None:
            c.will_set(will, '{"state": "offline"}', qos=1, retain=True)
        if user is not None:
            c.username_pw_set(user, password if password is not None else self.secret(user))
        if tls:
            c.tls_set(str(self.pem), tls_version=ssl.PROTOCOL_TLS_CLIENT)

        def connected(_c: Any, _u: Any, _f: Any, code: Any, _p: Any) -> None:
            c.code = str(code)

        c.on_connect = connected
        c.on_disconnect = lambda *_: setattr(c, "lost", True)
        c.on_message = lambda _c, _u, m: c.heard.append((m.topic, m.payload))
        c.on_publish = lambda _c, _u, mid, _r, _p: c.taken.add(mid)
        c.on_subscribe = lambda _c, _u, _m, codes, _p: c.granted.extend(codes)
        c.connect("127.0.0.1", self.tls if tls else self.local, 10)
        c.loop_start()
        try:
            until(lambda: c.code is not None, what=f"an answer to the CONNECT of {user}")
            yield c
        finally:
            c.disconnect()
            c.loop_stop()


def listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.5):
        return True
    return False


def until(true: Any, seconds: float = 60.0, *, what: str = "what was waited for") -> None:
    """A broken broker never does it; a busy machine takes its time."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"{what}: not within {seconds:.0f} s"
        time.sleep(0.01)


def vanish(c: Any) -> None:
    """The line is cut without a goodbye, and not made again."""
    c.loop_stop()
    c.socket().shutdown(socket.SHUT_RDWR)
    c.socket().close()


def kept(broker: Broker, *filters: str) -> set[str]:
    """Topics on which something is retained."""
    with broker.client("ingest", tls=False) as late:
        hear(late, *filters)
        say(late, "anxin/v1/h0600/x/ack", "done")
        time.sleep(0.3)
        return {topic for topic, _ in late.heard}


def hear(c: Any, *filters: str) -> None:
    before = len(c.granted)
    c.subscribe([(one, 1) for one in filters])
    until(lambda: len(c.granted) >= before + len(filters), what="the answer to a subscription")


def say(c: Any, topic: str, payload: Any = "x", *, retain: bool = False) -> None:
    """Publish with QoS 1 and wait for the PUBACK: it comes for what is not allowed, too."""
    mid = c.publish(topic, payload, qos=1, retain=retain).mid
    until(lambda: mid in c.taken, what=f"the PUBACK on {topic}")


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    with open_folder("anxin-mosquitto-") as folder:
        authority = Authority(folder)
        made = Broker(folder, free_port(), free_port(), authority.pem, authority.certificate())
        (folder / "state").mkdir()
        made.deploy(SITE)
        made.start()
        try:
            yield made
        finally:
            made.end(signal.SIGKILL)


@pytest.fixture
def service(broker: Broker) -> Iterator[Any]:
    """The service, signed in with the address and the filters that were written for it."""
    written = settings.load(broker.out / "anxin.toml", environ={}).mqtt
    assert written.url == f"mqtt://ingest:{broker.secret('ingest')}@127.0.0.1:{broker.local}"
    with broker.client("ingest", tls=False) as c:
        hear(c, *(s.filter for s in written.subscriptions))
        yield c


def test_strangers_are_refused(broker: Broker) -> None:
    """No name, a wrong password, or another's password: no connection, on either listener."""
    for tls in (True, False):
        for user, password in (
            (None, None),
            ("gw-0317", "guessed"),
            ("h0420", broker.secret("gw-0317")),
            ("nobody", "x"),
        ):
            with broker.client(user, password=password, tls=tls) as c:
                assert c.code == "Not authorized", (user, tls)
    with broker.client("gw-0317") as c:
        assert c.code == "Success"


def test_devices_must_come_by_tls(broker: Broker) -> None:
    """The listener for devices understands nothing else."""
    with socket.create_connection(("127.0.0.1", broker.tls), 2) as plain:
        plain.settimeout(2)
        plain.sendall(b"\x10\x11\x00\x04MQTT\x04\x02\x00\x0a\x00\x05plain")
        answer = b""
        with contextlib.suppress(OSError):
            answer = plain.recv(64)
        assert not answer.startswith(b"\x20"), "a CONNACK without TLS"


def test_a_gateway_publishes_its_own_topics_and_not_anothers(broker: Broker, service: Any) -> None:
    """What it says for its own home arrives, spaces and Chinese too; for another home, as an ack or beside its base nothing does."""
    allowed = [
        "anxin/v1/h0317/sos-0317",
        "anxin/v1/h0317/status",
        "zigbee2mqtt/h0317/kitchen smoke",
        "zigbee2mqtt/h0317/入户门/availability",
        "zigbee2mqtt/h0317/bridge/state",
    ]
    refused = [
        "anxin/v1/h0420/sos-0420",
        "anxin/v1/h0317/sos-0317/ack",
        "zigbee2mqtt/h0420/smoke",
        "zigbee2mqtt/h0420/bridge/state",
        "z2m/flat one smoke",
    ]
    with broker.client("gw-0317") as c:
        for topic in [*refused, *allowed]:
            say(c, topic)
    until(lambda: len(service.heard) >= len(allowed))
    time.sleep(0.2)
    assert [topic for topic, _ in service.heard] == allowed


def test_devices_side_by_side_keep_apart(broker: Broker, service: Any) -> None:
    """Below one topic each home publishes for its own device only, whose name holds a space."""
    with broker.client("h0500") as c:
        say(c, "z2m/flat two smoke")
        say(c, "z2m/flat one smoke")
        say(c, "z2m/flat one smoke/availability")
    until(lambda: len(service.heard) >= 2)
    time.sleep(0.2)
    assert [topic for topic, _ in service.heard] == ["z2m/flat one smoke", "z2m/flat one smoke/availability"]


def test_a_gateway_hears_its_own_acks_and_nothing_else(broker: Broker, service: Any) -> None:
    """Even subscribed to everything it hears the answers to its own home and its bridge's requests only."""
    with broker.client("gw-0317") as c, broker.client("h0420") as other:
        hear(c, "#", "$SYS/#", "anxin/v1/+/+", "anxin/v1/+/+/ack")
        say(other, "anxin/v1/h0420/sos-0420")
        say(service, "anxin/v1/h0420/sos-0420/ack", '{"seq": 1}')
        say(service, "anxin/v1/h0317/sos-0317/ack", '{"seq": 2}')
        until(lambda: c.heard)
        time.sleep(0.3)
        assert {topic for topic, _ in c.heard} == {"anxin/v1/h0317/sos-0317/ack"}


def test_the_service_can_take_back_a_retained_press(broker: Broker, service: Any) -> None:
    """A press that a device left retained is cleared by the service, so that it is not pressed again at each start."""
    with broker.client("gw-0317") as c:
        say(c, "anxin/v1/h0317/sos-0317", '{"sos": true}', retain=True)
        until(lambda: service.heard)
        say(service, "anxin/v1/h0317/sos-0317", b"", retain=True)
    with broker.client("ingest", tls=False) as late:
        hear(late, "anxin/v1/+/+")
        time.sleep(0.3)
        assert late.heard == []


def test_a_large_device_list_passes(broker: Broker, service: Any) -> None:
    """A bridge's list of a megabyte arrives whole."""
    listed = json.dumps([{"friendly_name": f"h0317/{n}", "fill": "x" * 1000} for n in range(1000)]).encode()
    with broker.client("gw-0317") as c:
        say(c, "zigbee2mqtt/h0317/bridge/devices", listed)
    until(lambda: service.heard)
    assert service.heard == [("zigbee2mqtt/h0317/bridge/devices", listed)]


def test_what_waits_for_the_service_outlives_a_killed_broker(broker: Broker) -> None:
    """More than the default limit of messages, acknowledged while the service is away, are there after kill -9."""
    with broker.client("ingest", tls=False, name="the-service", keep=True) as c:
        hear(c, "anxin/v1/+/+")
    many = 1100
    with broker.client("gw-0317") as c:
        mids = {c.publish("anxin/v1/h0317/sos-0317", str(n), qos=1).mid for n in range(many)}
        until(lambda: mids <= c.taken, 60)
    broker.end(signal.SIGKILL)
    broker.start()
    with broker.client("ingest", tls=False, name="the-service", keep=True) as c:
        # It writes its whole store anew for each acknowledgement: on a busy disk that is most of a minute.
        until(lambda: len({payload for _, payload in c.heard}) >= many, 150)
        assert {payload for _, payload in c.heard} == {str(n).encode() for n in range(many)}
    with broker.client("ingest", tls=False, name="the-service"):
        pass  # a clean session ends what was kept


# -- somebody has a gateway's password and means ill


def test_nobody_ends_anothers_connection_or_takes_its_session(broker: Broker, service: Any) -> None:
    """Whoever gives another's client id is still called by the own name: the other one stays, and what waits for it is its own."""
    with broker.client("gw-0317", name="gateway-h0317", keep=True) as honest:
        hear(honest, "anxin/v1/h0317/+/ack")
        for name in ("gateway-h0317", "gw-0317", broker.out.name):
            with broker.client("h0420", name=name) as hostile:
                assert hostile.code == "Success"
        say(honest, "anxin/v1/h0317/sos-0317", '{"sos": true}')
        assert not honest.lost
    say(service, "anxin/v1/h0317/sos-0317/ack", '{"seq": 7}')
    with broker.client("h0420", name="gw-0317", keep=True) as hostile:
        time.sleep(0.3)
        assert hostile.heard == []
    with broker.client("gw-0317", name="whatever", keep=True) as again:
        until(lambda: again.heard)
        assert again.heard == [("anxin/v1/h0317/sos-0317/ack", b'{"seq": 7}')]
    with broker.client("gw-0317"):
        pass  # a clean session ends what was kept


def test_the_services_session_cannot_be_taken_over(broker: Broker, service: Any) -> None:
    """Its client id is no secret that matters on the listener for devices: there everybody is called by the own name."""
    with broker.client("ingest", tls=False, name="the-service", keep=True) as c:
        hear(c, "anxin/v1/+/+")
        with broker.client("h0420", name="the-service") as hostile:
            say(hostile, "anxin/v1/h0420/sos-0420", "still")
        until(lambda: c.heard)
        assert not c.lost
    with broker.client("ingest", tls=False, name="the-service"):
        pass


def test_a_gateway_has_two_connections(broker: Broker, service: Any) -> None:
    """Its name and NAME.2 beside each other, with the same rights; the second with one name ends the first."""
    with broker.client("gw-0317") as first, broker.client("gw-0317.2") as second:
        say(first, "anxin/v1/h0317/sos-0317", "1")
        say(second, "zigbee2mqtt/h0317/kitchen smoke", "2")
        say(second, "anxin/v1/h0420/sos-0420", "not mine")
        until(lambda: len(service.heard) >= 2)
        assert {payload for _, payload in service.heard} == {b"1", b"2"}
        assert not first.lost
        with broker.client("gw-0317"):
            until(lambda: first.lost)


def test_a_will_speaks_on_the_own_topics_only(broker: Broker, service: Any) -> None:
    """Who leaves a will for another home and is cut off says nothing there; for the own home it is said."""
    for topic in ("anxin/v1/h0317/status", "anxin/v1/h0317/sos-0317", "zigbee2mqtt/h0317/bridge/state"):
        with contextlib.suppress(AssertionError), broker.client("h0420", will=topic) as hostile:
            vanish(hostile)
    with broker.client("h0420.2", will="anxin/v1/h0420/status") as honest:
        vanish(honest)
    until(lambda: service.heard)
    time.sleep(0.5)
    assert [topic for topic, _ in service.heard] == ["anxin/v1/h0420/status"]
    assert kept(broker, "anxin/v1/+/+", "zigbee2mqtt/h0317/#") == {"anxin/v1/h0420/status"}
    say(service, "anxin/v1/h0420/status", b"", retain=True)


def test_nothing_is_left_behind_or_taken_away_in_anothers_name(broker: Broker, service: Any) -> None:
    """Retained junk for another home is not kept, and another's retained state is not removed."""
    with broker.client("gw-0317") as honest:
        say(honest, "anxin/v1/h0317/status", '{"state": "online"}', retain=True)
    with broker.client("h0420") as hostile:
        for topic in (
            "anxin/v1/h0317/sos-0317",
            "anxin/v1/h0317/junk",
            "junk",
            "$SYS/broker/x",
            "zigbee2mqtt/bridge/devices",
        ):
            say(hostile, topic, "junk", retain=True)
        say(hostile, "anxin/v1/h0317/status", b"", retain=True)
    assert kept(broker, "anxin/v1/+/+", "zigbee2mqtt/h0317/#", "zigbee2mqtt/h0420/#") == {
        "anxin/v1/h0317/status"
    }
    say(service, "anxin/v1/h0317/status", b"", retain=True)


def test_what_is_too_large_ends_the_one_connection(broker: Broker, service: Any) -> None:
    """More than 8 MiB: whoever sends it is closed; everybody else goes on."""
    with broker.client("gw-0317") as honest, broker.client("h0420") as hostile:
        hostile.publish("zigbee2mqtt/h0420/bridge/devices", b"x" * (9 * 1024 * 1024), qos=1)
        until(lambda: hostile.lost)
        say(honest, "anxin/v1/h0317/sos-0317", "still here")
        assert not honest.lost
    until(lambda: service.heard)
    assert [payload for _, payload in service.heard] == [b"still here"]


def test_old_tls_is_not_spoken(broker: Broker) -> None:
    """TLS 1.1 is refused; 1.2 and 1.3 are taken."""
    for version in (ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = ssl.create_default_context(cafile=broker.pem)
        context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = context.maximum_version = version
        with socket.create_connection(("127.0.0.1", broker.tls), 5) as plain:
            if version is ssl.TLSVersion.TLSv1_1:
                with pytest.raises((ssl.SSLError, OSError)):
                    context.wrap_socket(plain, server_hostname="127.0.0.1")
            else:
                context.wrap_socket(plain, server_hostname="127.0.0.1").close()


# -- the site changes while everybody is connected


def test_a_gateway_is_added_and_another_removed_while_it_runs(broker: Broker, service: Any) -> None:
    """After another run and SIGHUP the new one comes in; whoever lost its place is closed at once; the others notice nothing."""
    site = broker.folder / "site.yaml"
    before = site.read_text(encoding="utf-8")
    new = before.replace(
        "  - id: h0600\n",
        "  - id: h0600\n    devices: [{id: gw-0600, kind: gateway}, {id: sos-0600, kind: sos}]\n",
    )
    new = re.sub(r"  - id: h0501\n    devices:\n.*\n", "", new)
    assert new.count("id: h0501") == 0
    with broker.client("gw-0317") as stays, broker.client("h0501") as goes:
        try:
            broker.deploy(new)
            assert broker.process is not None
            broker.process.send_signal(signal.SIGHUP)
            until(lambda: goes.lost)
            with broker.client("gw-0600") as added:
                assert added.code == "Success"
                say(added, "anxin/v1/h0600/sos-0600", "new")
            with broker.client("h0501", password="x" * 20) as gone:
                assert gone.code == "Not authorized"
            say(stays, "anxin/v1/h0317/sos-0317", "as ever")
            until(lambda: len(service.heard) >= 2)
            assert [payload for _, payload in service.heard] == [b"new", b"as ever"]
            assert not stays.lost
            assert not service.lost
        finally:
            broker.deploy(before)
            assert broker.process is not None
            broker.process.send_signal(signal.SIGHUP)
    until(lambda: signs_in(broker, "h0501"))


def signs_in(broker: Broker, name: str) -> bool:
    with broker.client(name) as c:
        return bool(c.code == "Success")
