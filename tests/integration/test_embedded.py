"""The embedded parts, for real: they start, they are killed, and nothing acknowledged is lost."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiomqtt
import nats as nats_client
import psycopg
import pytest

from anxin import embedded, supervisor
from anxin.embedded import asking, berth
from anxin.settings import Address, Database, Mqtt, Settings, target
from anxin.supervisor import Process
from care.errors import Misconfigured

HOLD = Path(__file__).with_name("hold.py")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


def settings_for(data_dir: Path, **mqtt: Any) -> Settings:
    return Settings(data_dir=data_dir, mqtt=Mqtt(**{"listen": Address("127.0.0.1", 0), **mqtt}))


def stream_only(data_dir: Path, **mqtt: Any) -> Settings:
    """As if the database were somebody else's: quicker, for tests that do not look at it."""
    return replace(
        settings_for(data_dir, **mqtt), database=Database(url="postgresql://somebody.else.invalid/anxin")
    )


@contextlib.asynccontextmanager
async def jetstream(url: str | None) -> Any:
    assert url is not None
    client = await nats_client.connect(url, max_reconnect_attempts=-1, reconnect_time_wait=0.05)
    try:
        yield client.jetstream(timeout=2)
    finally:
        await client.close()


async def store(url: str | None, *texts: str) -> None:
    """Publish; returning means acknowledged."""
    async with jetstream(url) as stream:
        await stream.add_stream(name="KEPT", subjects=["kept"])
        for text in texts:
            await stream.publish("kept", text.encode())


async def stored(url: str | None) -> list[str]:
    async with jetstream(url) as stream:
        count = (await stream.stream_info("KEPT")).state.messages
        return [(await stream.get_msg("KEPT", seq)).data.decode() for seq in range(1, count + 1)]


def rows(url: str | None) -> list[int]:
    assert url is not None
    with psycopg.connect(url) as connection:
        return [row[0] for row in connection.execute("select n from kept order by n")]


def insert(url: str | None, *numbers: int) -> None:
    assert url is not None
    with psycopg.connect(url) as connection:
        connection.execute("create table if not exists kept (n int primary key)")
        for number in numbers:
            connection.execute("insert into kept values (%s)", (number,))


def pid_of(house: embedded.Running, name: str) -> int:
    found = next(child.pid for child in house.supervisor.children if child.name == name)
    assert found is not None
    return found


async def back(house: embedded.Running, name: str, after: int, within: float = 30) -> float:
    """Wait until the part runs as another process and answers; returns the seconds it took."""
    began = time.monotonic()
    while time.monotonic() - began < within:
        child = next(child for child in house.supervisor.children if child.name == name)
        if child.state is supervisor.State.ready and child.pid not in (None, after):
            return time.monotonic() - began
        await asyncio.sleep(0.02)
    raise AssertionError(f"{name} is not back: {child}")


# ----------------------------------------------------------------------------------- start, stop, again


async def test_what_was_kept_is_there_after_a_stop_and_a_start(data_dir: Path):
    """The same folder, the same data and the same addresses."""
    async with embedded.running(settings_for(data_dir)) as house:
        first = house.settings
        await store(first.stream.url, "one")
        insert(first.database.url, 1)
        began = time.monotonic()
    assert time.monotonic() - began < 15  # the parts end when asked: nothing waits for its last signal
    assert not (data_dir / "run.json").exists()
    assert not list((data_dir / "run").glob("*.pid"))
    async with embedded.running(settings_for(data_dir)) as house:
        assert house.settings == first
        assert await stored(house.settings.stream.url) == ["one"]
        assert rows(house.settings.database.url) == [1]


async def test_secrets_are_for_the_owner_only(data_dir: Path):
    """Nobody else on the machine can read a password from the folder, or get in without one."""
    async with embedded.running(settings_for(data_dir)) as house:
        for name in ("secrets.json", "run.json", "nats.conf", "lock"):
            assert (data_dir / name).stat().st_mode & 0o077 == 0, name
        assert (data_dir / "postgres").stat().st_mode & 0o077 == 0
        place = target(house.settings.stream.url or "")
        for wrong in (replace(place, username=None, password=None), replace(place, password="guess")):
            with pytest.raises(ConnectionError, match="Authorization Violation"):
                await asking.stream_round_trip(wrong)
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect((house.settings.database.url or "").replace("anxin:", "anxin:x"))


async def test_two_services_cannot_share_a_folder(data_dir: Path):
    """The second one is told who is there, in one sentence, and the first one goes on."""
    async with embedded.running(stream_only(data_dir)) as house:
        with pytest.raises(Misconfigured) as fault:
            async with embedded.running(stream_only(data_dir)):
                pass
        assert "\n" not in str(fault.value)
        assert f"anxin up (process {os.getpid()})" in str(fault.value)
        assert str(data_dir) in str(fault.value)
        await store(house.settings.stream.url, "still here")


async def test_a_taken_mqtt_port_is_said_in_one_sentence(data_dir: Path, free_port: int):
    """Another broker on 1883 is usual; the sentence names the setting."""
    with socket.create_server(("127.0.0.1", free_port)):
        with pytest.raises(
            Misconfigured, match=rf"mqtt\.listen .*127\.0\.0\.1:{free_port}.*ANXIN_MQTT__LISTEN"
        ):
            async with embedded.running(stream_only(data_dir, listen=Address("127.0.0.1", free_port))):
                pass
    async with embedded.running(stream_only(data_dir, listen=Address("127.0.0.1", free_port))) as house:
        assert target(house.settings.mqtt.url or "").port == free_port


async def test_a_taken_remembered_port_is_replaced(data_dir: Path):
    """The ports we chose ourselves are not insisted on."""
    kept = embedded.Kept.of(data_dir)
    taken = kept.port("nats")
    with socket.create_server(("127.0.0.1", taken)):
        async with embedded.running(stream_only(data_dir)) as house:
            assert target(house.settings.stream.url or "").port != taken
            await store(house.settings.stream.url, "elsewhere")


async def test_configured_parts_are_not_started(data_dir: Path, nats: Any, database: str):
    """With addresses of real ones `up` only supervises the roles."""
    real = replace(nats.settings, data_dir=data_dir, database=replace(Settings().database, url=database))
    async with embedded.running(real) as house:
        assert house.supervisor.children == []
        assert house.settings.stream.url == nats.stream_url
        assert house.settings.database.url == database


# ------------------------------------------------------------------------------------- killed, and back


async def test_a_killed_stream_is_back_and_has_what_it_acknowledged(data_dir: Path):
    """`kill -9` of nats-server alone, three times, each right after an acknowledgement."""
    async with embedded.running(stream_only(data_dir)) as house:
        await store(house.settings.stream.url, "0")
        for number in range(1, 4):
            pid = pid_of(house, "nats")
            async with jetstream(house.settings.stream.url) as stream:
                await stream.publish("kept", str(number).encode())
                os.kill(pid, signal.SIGKILL)
            await back(house, "nats", pid)
        assert await stored(house.settings.stream.url) == ["0", "1", "2", "3"]


async def test_a_killed_database_is_back_and_has_what_it_committed(data_dir: Path):
    """`kill -9` of the postmaster alone: its children hold the shared memory for a moment longer."""
    async with embedded.running(settings_for(data_dir)) as house:
        insert(house.settings.database.url, 0)
        for number in range(1, 4):
            pid = pid_of(house, "postgres")
            insert(house.settings.database.url, number)
            os.kill(pid, signal.SIGKILL)
            await back(house, "postgres", pid)
        assert rows(house.settings.database.url) == [0, 1, 2, 3]


@dataclass
class Held:
    """A service in a process of its own."""

    process: subprocess.Popen[str]
    up: dict[str, Any]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(10)


@contextlib.contextmanager
def starting(data_dir: Path, python: str = sys.executable, **popen: Any) -> Iterator[subprocess.Popen[str]]:
    env = {"PATH": os.defpath, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    env["PYTHONDONTWRITEBYTECODE"] = "1"
    process = subprocess.Popen(
        [python, "-P", str(HOLD), str(data_dir)],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **popen,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)
        for pipe in (process.stdout, process.stderr):
            assert pipe is not None
            pipe.close()


@contextlib.contextmanager
def held(data_dir: Path, python: str = sys.executable, **popen: Any) -> Iterator[Held]:
    with starting(data_dir, python, **popen) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        line = process.stdout.readline()
        assert line, process.stderr.read()
        yield Held(process, json.loads(line))


async def test_killing_everything_at_once_loses_nothing_acknowledged(data_dir: Path):
    """`kill -9` of the supervisor, the stream and the database, five times; then all of it is there."""
    texts: list[str] = []
    for number in range(5):
        with held(data_dir) as service:
            texts.append(f"round {number}")
            await store(service.up["stream"], texts[-1])
            insert(service.up["database"], number)
            service.kill()
            for pid in service.up["pids"].values():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
    with held(data_dir) as service:
        assert await stored(service.up["stream"]) == texts
        assert rows(service.up["database"]) == list(range(5))
        assert service.stop() == 0


def test_a_first_start_may_be_killed_at_any_moment(data_dir: Path):
    """Half a database, half a session: the next start makes it whole."""
    for seconds in (0.25, 0.35, 0.45, 0.55, 0.7, 0.9):
        with starting(data_dir) as process:
            time.sleep(seconds)
            process.kill()
    with held(data_dir) as service:
        insert(service.up["database"], 1)
        assert service.stop() == 0


def test_the_parts_end_with_their_supervisor(data_dir: Path):
    """`kill -9` of `up` alone leaves no broker behind that nobody watches, and a new `up` starts at once."""
    with held(data_dir) as service:
        parts = [Process.of(pid) for pid in service.up["pids"].values()]
        service.kill()
        deadline = time.monotonic() + 20
        while any(part is not None and part.alive for part in parts):
            assert time.monotonic() < deadline, "a part outlived its supervisor"
            time.sleep(0.02)
        began = time.monotonic()
        with held(data_dir) as again:
            assert time.monotonic() - began < 30
            assert again.stop() == 0


async def test_what_a_killed_service_left_running_is_ended(data_dir: Path):
    """Where the kernel could not end a part with its supervisor, the next `up` does, by its pid file."""
    async with embedded.running(stream_only(data_dir)):
        pass
    part = embedded.Nats.below(stream_only(data_dir), embedded.Kept.of(data_dir))
    with subprocess.Popen(part.child().argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as orphan:
        process = Process.of(orphan.pid)
        assert process is not None
        supervisor.write_private(
            data_dir / "run" / "nats.pid",
            {"pid": process.pid, "identity": process.identity, "stop_signal": 15},
        )
        async with embedded.running(stream_only(data_dir)) as house:
            assert orphan.wait(20) is not None
            await store(house.settings.stream.url, "mine")


async def test_a_recycled_pid_is_never_killed(data_dir: Path):
    """A pid file may name a process that has become somebody else's."""
    with subprocess.Popen(["sleep", "60"]) as stranger:
        (data_dir / "run").mkdir()
        supervisor.write_private(
            data_dir / "run" / "nats.pid",
            {"pid": stranger.pid, "identity": "another boot:123", "stop_signal": 15},
        )
        assert await supervisor.end_leftovers(data_dir / "run") == []
        assert stranger.poll() is None
        stranger.kill()


async def test_the_database_starts_although_its_old_pid_lives_on_as_another_program(data_dir: Path):
    """After a restart of a container the pid in postmaster.pid usually belongs to somebody else."""
    async with embedded.running(settings_for(data_dir)) as house:
        insert(house.settings.database.url, 1)
        pid_file = data_dir / "postgres" / "postmaster.pid"
        lines = pid_file.read_text().splitlines()
    owner = {} if os.geteuid() else {"user": embedded.NOBODY, "group": embedded.NOBODY, "extra_groups": []}
    with subprocess.Popen(["sleep", "60"], **owner) as stranger:  # type: ignore[call-overload]
        pid_file.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
        if os.geteuid() == 0:
            os.chown(pid_file, embedded.NOBODY, embedded.NOBODY)
        async with embedded.running(settings_for(data_dir)) as house:
            assert rows(house.settings.database.url) == [1]
        assert stranger.poll() is None
        stranger.kill()


async def test_a_part_that_hangs_is_started_again(data_dir: Path, monkeypatch: pytest.MonkeyPatch):
    """A process that still runs and no longer answers is as good as dead."""
    monkeypatch.setattr(supervisor, "WATCH_EVERY_SECONDS", 0.2)
    monkeypatch.setattr(supervisor, "PROBE_SECONDS", 0.5)
    async with embedded.running(stream_only(data_dir)) as house:
        await store(house.settings.stream.url, "one")
        pid = pid_of(house, "nats")
        os.kill(pid, signal.SIGSTOP)
        await back(house, "nats", pid)
        assert await stored(house.settings.stream.url) == ["one"]


async def test_a_broken_database_does_not_hold_up_the_stream(data_dir: Path, monkeypatch: pytest.MonkeyPatch):
    """Alarms run on the stream alone; the database's fault is reported while it is tried again."""
    monkeypatch.setattr(supervisor, "GIVE_UP_SECONDS", 0.5)
    (data_dir / "postgres").mkdir()
    (data_dir / "postgres" / "holiday.jpg").touch()
    async with embedded.running(settings_for(data_dir)) as house:
        await store(house.settings.stream.url, "an alarm")
        database = next(child for child in house.supervisor.children if child.name == "postgres")
        assert "not a database" in database.detail
    assert (data_dir / "postgres" / "holiday.jpg").exists()


# ------------------------------------------------------------------------------------ as whom, and where


def _python_for_others() -> str | None:
    """An interpreter of this version that an unprivileged user may run."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for candidate in (sys.executable, f"/usr/bin/{version}", shutil.which(version)):
        if candidate:
            real = Path(candidate).resolve()
            if real.exists() and embedded.may_enter(real.parent, embedded.NOBODY, embedded.NOBODY):
                return candidate
    return None


@needs_root
async def test_an_ordinary_user_runs_all_of_it(data_dir: Path):
    """No root: everything belongs to and runs as that user."""
    python = _python_for_others()
    if python is None or not embedded.may_enter(HOLD.parent, embedded.NOBODY, embedded.NOBODY):
        pytest.skip("no Python, or no checkout, that an unprivileged user may enter")
    os.chown(data_dir, embedded.NOBODY, embedded.NOBODY)
    user = {"user": embedded.NOBODY, "group": embedded.NOBODY, "extra_groups": []}
    for number in range(2):
        with held(data_dir, python, **user) as service:
            assert service.up["uid"] == embedded.NOBODY
            await store(service.up["stream"], f"round {number}")
            insert(service.up["database"], number)
            assert service.stop() == 0
    assert {path.stat().st_uid for path in data_dir.iterdir()} == {embedded.NOBODY}


@needs_root
async def test_root_never_runs_the_database_as_root(data_dir: Path):
    """PostgreSQL refuses root; it gets a user of its own, and no folder above the data is touched."""
    before = data_dir.parent.stat().st_mode
    async with embedded.running(settings_for(data_dir)) as house:
        assert Path(f"/proc/{pid_of(house, 'postgres')}").stat().st_uid == embedded.NOBODY
        assert (data_dir / "postgres").stat().st_uid == embedded.NOBODY
    assert data_dir.parent.stat().st_mode == before


@needs_root
async def test_a_closed_folder_of_root_stays_closed(data_dir: Path, monkeypatch: pytest.MonkeyPatch):
    """Data below /root: the database's user may not enter, so the cluster lives elsewhere; nothing is opened up."""
    closed = data_dir / "closed"
    closed.mkdir(mode=0o700)
    shelter = data_dir / "shelter"
    monkeypatch.setattr(berth, "SHELTER", shelter)
    for number in range(2):
        async with embedded.running(settings_for(closed / "data")) as house:
            insert(house.settings.database.url, number)
            assert rows(house.settings.database.url) == list(range(number + 1))
    assert closed.stat().st_mode & 0o777 == 0o700
    assert len(list(shelter.glob("*/postgres/PG_VERSION"))) == 1


@needs_root
async def test_programs_in_a_closed_folder_are_copied(data_dir: Path, monkeypatch: pytest.MonkeyPatch):
    """A virtual environment below /root: the database's programs are copied to where its user may run them."""
    closed = data_dir / "closed"
    closed.mkdir(mode=0o700)
    programs = berth._programs(Path("/nonexistent"))
    package = programs.parent
    shutil.copytree(package, closed / package.name, symlinks=True)
    shutil.copytree(package.with_name(f"{package.name}.libs"), closed / f"{package.name}.libs")
    monkeypatch.setattr(berth, "SHELTER", data_dir / "shelter")
    monkeypatch.setattr(berth, "_programs", lambda cluster: closed / package.name / programs.name)
    async with embedded.running(settings_for(data_dir / "data")) as house:
        insert(house.settings.database.url, 1)
        program = Path(f"/proc/{pid_of(house, 'postgres')}/exe").readlink()
        assert program.is_relative_to(data_dir / "shelter")


async def test_a_long_path_uses_a_port_instead_of_a_socket(data_dir: Path):
    """Unix sockets have short names."""
    deep = data_dir / ("d" * 60) / ("e" * 60)
    async with embedded.running(settings_for(deep)) as house:
        assert "@127.0.0.1:" in (house.settings.database.url or "")
        insert(house.settings.database.url, 1)


async def test_a_folder_with_an_odd_name_will_do(data_dir: Path):
    """Spaces, quotes, commas and Chinese in the path."""
    async with embedded.running(settings_for(data_dir / '安心 "数据", 1%')) as house:
        await store(house.settings.stream.url, "one")
        insert(house.settings.database.url, 1)


# ---------------------------------------------------------------------------------------------- devices


def device(part: Any, **options: Any) -> aiomqtt.Client:
    place = target(part.device_url)
    return aiomqtt.Client(place.host, place.port, username=place.username, password=place.password, **options)


def ingest(part: Any) -> aiomqtt.Client:
    place = target(part.ingest_url)
    return aiomqtt.Client(
        place.host,
        place.port,
        username=place.username,
        password=place.password,
        identifier=part.client_id,
        clean_session=False,
    )


async def received(client: aiomqtt.Client, count: int, *, on: str | None = None) -> list[tuple[str, bytes]]:
    """The next messages; with `on` of that topic only: ingest's session keeps what earlier tests left in it."""
    found: list[tuple[str, bytes]] = []
    async with asyncio.timeout(20):
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            if on is None or message.topic.value == on:
                found.append((message.topic.value, message.payload))
            if len(found) == count:
                return found
    return found


async def test_a_message_before_ingest_ever_came_is_kept(fresh_nats: Any):
    """From the first moment a device gets an acknowledgement, the broker holds the message for us, kill -9 included."""
    topics = {"anxin/v1/h0317/smoke-0317", "zigbee2mqtt/h0317/厨房烟感", "zigbee2mqtt/bridge/state"}
    async with device(fresh_nats) as client:
        for topic in topics:
            await client.publish(topic, b'{"smoke": true}', qos=1)
    await asyncio.to_thread(fresh_nats.kill)
    await asyncio.to_thread(fresh_nats.start)
    async with ingest(fresh_nats) as client:
        assert {topic for topic, _ in await received(client, 3)} == topics


async def test_devices_hear_their_acknowledgement_and_the_bridges_topics(nats: Any):
    """What a gateway needs works without a sign-in on loopback."""
    async with device(nats) as gateway, ingest(nats) as service:
        await gateway.subscribe("anxin/v1/+/+/ack", qos=1)
        await gateway.subscribe("zigbee2mqtt/+/set", qos=1)
        await service.publish("anxin/v1/h1/sos-1/ack", b'{"seq": 1}', qos=1)
        await service.publish("zigbee2mqtt/siren/set", b"{}", qos=1)
        topics = {topic for topic, _ in await received(gateway, 2)}
    assert topics == {"anxin/v1/h1/sos-1/ack", "zigbee2mqtt/siren/set"}


async def test_a_device_reaches_nothing_of_the_service(fresh_nats: Any):
    """It can neither empty the broker's own store, nor write into our streams, nor listen to everything."""
    await store(fresh_nats.stream_url, "kept")
    async with device(fresh_nats) as client:
        await client.publish("anxin/v1/h1/sos-1", b'{"sos": true}', qos=1)
        for topic in ("$JS/API/STREAM/PURGE/$MQTT_msgs", "$JS/API/STREAM/DELETE/$MQTT_msgs", "kept"):
            await client.publish(topic, b"", qos=0)
        for topic in ("#", "$JS/#", "$SYS/#", "_INBOX/#"):
            answered = await client.subscribe(topic, qos=1)
            assert [int(getattr(code, "value", code)) for code in answered] == [128], "refused"
    async with ingest(fresh_nats) as service:
        assert await received(service, 1) == [("anxin/v1/h1/sos-1", b'{"sos": true}')]
    assert await stored(fresh_nats.stream_url) == ["kept"]


async def test_devices_must_sign_in_when_credentials_are_set(data_dir: Path):
    """With mqtt.username and mqtt.password nobody comes in without them, on loopback either."""
    settings = stream_only(data_dir, username="gateway", password="twelve-letters")
    async with embedded.running(settings) as house:
        part = embedded.Nats.below(house.settings, embedded.Kept.of(data_dir), devices=False)
        assert target(part.device_url).username == "gateway"
        async with device(part) as client:
            await client.publish("anxin/v1/h1/d1", b"{}", qos=1)
        with pytest.raises(aiomqtt.MqttError):
            async with aiomqtt.Client(part.mqtt.host, part.mqtt.port):
                pass


async def test_bridge_messages_may_be_megabytes(nats: Any):
    """A Zigbee device list of 3 MB arrives whole."""
    async with device(nats) as bridge, ingest(nats) as service:
        topic = "zigbee2mqtt/large/bridge/devices"
        await bridge.publish(topic, b"x" * 3_000_000, qos=1)
        found = await received(service, 1, on=topic)
    assert found == [(topic, b"x" * 3_000_000)]


# -------------------------------------------------------------------------- commands beside the service


async def test_a_command_uses_the_running_service(data_dir: Path):
    """`anxin site load` while the service is up talks to its stream."""
    async with embedded.running(settings_for(data_dir)) as house:
        found = embedded.service(settings_for(data_dir))
        assert found is not None
        assert found.stream.url == house.settings.stream.url
        assert found.database.url == house.settings.database.url
        async with embedded.temporary_stream(settings_for(data_dir)) as settings:
            await store(settings.stream.url, "loaded")
        assert await stored(house.settings.stream.url) == ["loaded"]
    assert embedded.service(settings_for(data_dir)) is None


async def test_a_command_brings_its_own_stream_when_the_service_is_down(data_dir: Path):
    """What it wrote is there when the service comes up; two at once take turns; nothing stays running."""

    async def command(text: str) -> None:
        async with embedded.temporary_stream(stream_only(data_dir)) as settings:
            await store(settings.stream.url, text)

    await asyncio.gather(command("a"), command("b"))
    assert not list((data_dir / "run").glob("*.pid"))
    async with embedded.running(stream_only(data_dir)) as house:
        assert sorted(await stored(house.settings.stream.url)) == ["a", "b"]


async def test_a_dead_services_address_is_not_believed(data_dir: Path):
    """run.json of a killed service is ignored."""
    with held(data_dir) as service:
        await store(service.up["stream"], "before")
        service.kill()
        assert (data_dir / "run.json").exists()
        assert embedded.service(settings_for(data_dir)) is None
        async with embedded.temporary_stream(settings_for(data_dir)) as settings:
            assert await stored(settings.stream.url) == ["before"]
