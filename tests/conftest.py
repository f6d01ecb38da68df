"""What many tests share: real parts to talk to, a browser, and the shared fixtures.

`nats` and `postgres` are the embedded parts on folders of their own, started once a session; `fresh_nats`
is a new one for tests that need an empty stream or kill it; `database` is a new, empty database.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from psycopg import sql
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from anxin import embedded
from anxin.settings import Address, Mqtt, Settings
from anxin.supervisor import Child
from dashboard_api import people

REAL_PASSWORDS = people.PASSWORDS
ROOT = Path(__file__).resolve().parent.parent

# `ci` is short and the same every time; `long` is for a night: pytest --hypothesis-profile=long
hypothesis_settings.register_profile(
    "ci", max_examples=100, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.register_profile("long", max_examples=5000, deadline=None)
hypothesis_settings.load_profile("ci")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that wait for screens, brokers and killed programs begin, those that only calculate fill the gaps after.

    Workers take one file at a time (`--dist loadfile`), in this order; a long one that came last would leave the
    others idle. Within a kind of tests the random order of the run stays.

    In a whole run a browser's test may be tried once more (ADR 21): two real browsers share two noisy cores. Each one
    that needed it is named at the end (`RERUN`), and mended; who runs pytest by hand sees every failure at once.
    """
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    kinds = ["e2e", "integration", "property", "unit"]
    rank = {kind: place for place, kind in enumerate(kinds)}
    items.sort(
        key=lambda i: (rank.get(i.path.relative_to(ROOT / "tests").parts[0], len(kinds)), -slow[i.path])
    )
    if os.environ.get("ANXIN_SECOND_TRY") == "1":
        for item in items:
            if item.get_closest_marker("browser"):
                item.add_marker(pytest.mark.flaky(reruns=1))


def _locks(config: pytest.Config) -> tuple[Path, Path] | None:
    """The gate and the room of this run; None when there is no other worker."""
    run: str | None = getattr(config, "workerinput", {}).get("testrunuid")
    if run is None:
        return None
    begin = Path(tempfile.gettempdir()) / f"anxin-tests-{run}"
    return begin.with_suffix(".gate"), begin.with_suffix(".room")


def pytest_unconfigure(config: pytest.Config) -> None:
    """The first worker that ends removes the locks; any that go on make new ones."""
    for lock in _locks(config) or ():
        lock.unlink(missing_ok=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """A test marked `alone` runs while no other worker of this run runs a test: what it measures is not the neighbour.

    Every test holds the room's lock shared, this one holds it exclusively; the gate keeps newcomers from passing it.
    """
    locks = _locks(item.config)
    if locks is None:
        return (yield)
    kind = fcntl.LOCK_EX if item.get_closest_marker("alone") else fcntl.LOCK_SH
    with locks[0].open("w") as gate, locks[1].open("w") as room:
        fcntl.flock(gate, fcntl.LOCK_EX)
        fcntl.flock(room, kind)
        fcntl.flock(gate, fcntl.LOCK_UN)
        return (yield)


@pytest.fixture(autouse=True, scope="session")
def quick_passwords() -> Iterator[None]:
    """Passwords cost a hundredth of what they cost in a service: each test of the API makes a dozen people.

    What depends on the cost asks for `real_passwords`; a service in a process of its own (tests/e2e) has the real one.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            people, "PASSWORDS", PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))
        )
        yield


@pytest.fixture
def real_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords that cost what they cost in a service."""
    monkeypatch.setattr(people, "PASSWORDS", REAL_PASSWORDS)


@pytest.fixture
def free_port() -> int:
    """A loopback TCP port nobody listens on."""
    return embedded.free_port()


@contextlib.contextmanager
def open_folder(prefix: str) -> Iterator[Path]:
    """A folder any user may enter: the database runs as another one when we are root (pytest's are closed)."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """An empty data folder (with a short path, so that the database uses a Unix socket)."""
    with open_folder("anxin-") as folder:
        yield folder


@dataclass
class Part:
    """A child run for tests, without a supervisor."""

    child: Child
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> None:
        """Start it and wait until it answers."""
        child = self.child
        if child.before is not None:
            asyncio.run(_as_coroutine(child.before))
        assert child.output is not None
        child.output.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with child.output.open("ab") as output:
            self.process = subprocess.Popen(
                child.argv,
                env=dict(child.env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=child.uid,
                group=child.gid,
                extra_groups=None if child.uid is None else [],
            )
        deadline = time.monotonic() + 20
        while True:
            try:
                assert child.ready is not None
                asyncio.run(_as_coroutine(child.ready))
                return
            except (OSError, psycopg.Error, EOFError) as fault:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(
                        f"{child.name} does not start: {child.output.read_text()[-2000:]}"
                    ) from fault
            time.sleep(0.02)

    def kill(self) -> None:
        """`kill -9`, and wait for the end."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def stop(self) -> None:
        """Stop it the way it likes to be stopped."""
        if self.process is None or self.process.poll() is not None:
            return
        for number, seconds in (*self.child.stop_signals, (signal.SIGKILL, 5.0)):
            self.process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(seconds)
                return


async def _as_coroutine(ask: object) -> None:
    await asyncio.wait_for(ask(), 10)  # type: ignore[operator]


@dataclass
class NatsForTests(Part):
    """A nats-server on its own folder. `stream_url` for the service, `device_url` for devices, `ingest_url` for ingest."""

    part: embedded.Nats = field(kw_only=True)

    @property
    def stream_url(self) -> str:
        return self.part.stream_url

    @property
    def device_url(self) -> str:
        return self.part.device_url

    @property
    def ingest_url(self) -> str:
        return self.part.ingest_url

    @property
    def client_id(self) -> str:
        return self.part.client_id

    @property
    def settings(self) -> Settings:
        """Settings that reach it."""
        plain = Settings(data_dir=self.part.folder)
        return replace(
            plain,
            mqtt=replace(plain.mqtt, url=self.ingest_url, client_id=self.client_id),
            stream=replace(plain.stream, url=self.stream_url),
        )


@contextlib.contextmanager
def _nats() -> Iterator[NatsForTests]:
    with open_folder("anxin-nats-") as folder:
        settings = Settings(data_dir=folder, mqtt=Mqtt(listen=Address("127.0.0.1", 0)))
        part = embedded.Nats.below(settings, embedded.Kept.of(folder))
        asyncio.run(part.prepare())
        server = NatsForTests(part.child(), part=part)
        server.start()
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="session")
def nats() -> Iterator[NatsForTests]:
    """A nats-server for the whole session: use names of your own in it, and do not kill it."""
    with _nats() as server:
        yield server


@pytest.fixture
def fresh_nats() -> Iterator[NatsForTests]:
    """A nats-server for this test alone (0.2 s): empty, may be killed and started again."""
    with _nats() as server:
        yield server


@dataclass
class PostgresForTests(Part):
    """A PostgreSQL on its own folder."""

    part: embedded.Postgres = field(kw_only=True)

    @property
    def owner_url(self) -> str:
        """As superuser."""
        return self.part.owner_url

    @contextlib.contextmanager
    def database(self, name: str) -> Iterator[str]:
        """A new, empty database owned by the role `anxin`; its address."""
        with psycopg.connect(self.owner_url, autocommit=True) as owner:
            owner.execute(sql.SQL("create database {} owner anxin").format(sql.Identifier(name)))
        try:
            yield self.part.address("anxin", name)
        finally:
            with psycopg.connect(self.owner_url, autocommit=True) as owner:
                owner.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresForTests]:
    """A PostgreSQL for the whole session (1 s the first time)."""
    with open_folder("anxin-pg-") as folder:
        part = embedded.Postgres.below(folder, embedded.Kept.of(folder))
        server = PostgresForTests(part.child(), part=part)
        server.start()
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture
def database(postgres: PostgresForTests, request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a new, empty database (plain PostgreSQL, no TimescaleDB)."""
    with postgres.database(f"test_{abs(hash(request.node.nodeid)):x}"[:60]) as url:
        yield url


def _chromium() -> str | None:
    for candidate in (os.environ.get("ANXIN_CHROMIUM"), "/usr/bin/chromium", shutil.which("chromium")):
        if candidate and Path(candidate).exists():
            return candidate
    return None


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium. Without one the test is left out, unless ANXIN_BROWSER_REQUIRED=1: then it fails."""
    found = _chromium()
    if found is None:
        sentence = "no Chromium here: install Debian's chromium and fonts-noto-cjk, or set ANXIN_CHROMIUM"
        if os.environ.get("ANXIN_BROWSER_REQUIRED") == "1":
            pytest.fail(sentence)
        pytest.skip(sentence)
    return found


@pytest.fixture(scope="session")
def shared_fixtures() -> Path:
    """The folder of real recordings that may not be shipped: ANXIN_FIXTURES, or ../shared/fixtures beside the checkout."""
    folder = Path(os.environ.get("ANXIN_FIXTURES") or ROOT.parent / "shared" / "fixtures")
    if not folder.is_dir():
        pytest.skip(f"the recordings are not here ({folder}); set ANXIN_FIXTURES to their folder")
    return folder
