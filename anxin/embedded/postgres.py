"""PostgreSQL as a child: the cluster, its database and user, and that it answers."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg
import structlog
from psycopg import sql

from anxin.embedded.berth import Berth, find_berth
from anxin.embedded.folder import Kept
from anxin.settings import (
    bare_environment,
)
from anxin.supervisor import (
    Child,
    die_with_parent,
    write_private,
)
from care.errors import Misconfigured

log = structlog.get_logger(__name__)

STOP_ORDER = 1
"""The database is stopped after the roles and before the stream."""
SOCKET_PATH_BYTES = 100
"""The kernel allows 107 for a Unix socket's path (unix(7)); the server adds a lock file's suffix."""


@dataclass(frozen=True, slots=True)
class Postgres:
    """One PostgreSQL cluster: roles `owner` (superuser) and `anxin`, database `anxin`."""

    data_dir: Path
    berth: Berth
    kept: Kept
    host: str
    """Folder of its Unix socket, or 127.0.0.1."""
    port: int

    @classmethod
    def below(cls, data_dir: Path, kept: Kept) -> Postgres:
        """The part that belongs to a data folder."""
        berth = find_berth(data_dir, kept.id)
        sockets = berth.folder.parent / "pg"
        plain = not set(str(sockets)) & set(",\"'\\\n")  # the server's list of folders has its own quoting
        if plain and len(os.fsencode(sockets / ".s.PGSQL.5432.lock")) <= SOCKET_PATH_BYTES:
            return cls(data_dir, berth, kept, str(sockets), 5432)
        return cls(data_dir, berth, kept, "127.0.0.1", kept.port("postgres"))

    @property
    def url(self) -> str:
        """Address for the service's own processes, with the password."""
        return self.address("anxin", "anxin")

    @property
    def owner_url(self) -> str:
        """Address for the superuser."""
        return self.address("owner", "postgres")

    def address(self, user: str, database: str) -> str:
        """Address for one of the two roles, `anxin` or `owner`, and a database."""
        password = self.kept.passwords[user]
        if self._by_socket:
            return f"postgresql://{user}:{password}@/{database}?host={quote(self.host, safe='')}&port={self.port}"
        return f"postgresql://{user}:{password}@{self.host}:{self.port}/{database}"

    @property
    def _by_socket(self) -> bool:
        return self.host.startswith("/")

    @property
    def log_file(self) -> Path:
        """What the server says."""
        return self.data_dir / "log" / "postgres.log"

    def child(self) -> Child:
        """How to run it; the cluster is made by the first start."""
        options = {
            "listen_addresses": "" if self._by_socket else "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": self.host if self._by_socket else "",
            "unix_socket_permissions": "0700",
            "synchronous_commit": "on",
            "password_encryption": "scram-sha-256",
            "max_connections": "60",
            "statement_timeout": "60s",
            "idle_in_transaction_session_timeout": "30s",
            "log_lock_waits": "on",
            "log_checkpoints": "off",
            # A log must never hold what people's readings are.
            "log_parameter_max_length": "0",
            "log_parameter_max_length_on_error": "0",
            "timezone": "UTC",
            "log_timezone": "UTC",
        }
        return Child(
            name="postgres",
            argv=(
                str(self.berth.programs / "bin" / "postgres"),
                *("-D", str(self.berth.folder)),
                *(argument for name, value in options.items() for argument in ("-c", f"{name}={value}")),
            ),
            env=bare_environment(),
            before=self._prepare,
            ready=self.ready,
            # Fast: sessions are ended, everything is written. Immediate, if that takes too long: the log is replayed.
            stop_signals=((signal.SIGINT, 2.5), (signal.SIGQUIT, 1.0)),
            orphan_signal=signal.SIGINT,
            stop_order=STOP_ORDER,
            output=self.log_file,
            uid=self.berth.uid,
            gid=self.berth.gid,
        )

    async def ready(self) -> None:
        """A real round trip as the service itself; makes its role and database when they are not there yet."""
        try:
            await _select_one(self.url)
        except psycopg.OperationalError:
            await self._make_database()
            await _select_one(self.url)

    async def _prepare(self) -> None:
        folder = self.berth.folder
        if self._by_socket:
            self._make_private(Path(self.host))
        if not (folder / "PG_VERSION").exists():
            await self._make_cluster()
        _clear_stale_locks(folder, folder / "postmaster.pid", Path(self.host) / f".s.PGSQL.{self.port}.lock")

    def _make_private(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        if self.berth.uid is not None and self.berth.gid is not None:
            os.chown(folder, self.berth.uid, self.berth.gid)

    async def _make_cluster(self) -> None:
        """`initdb`, beside its place and moved there when whole: a kill in between leaves nothing half done."""
        folder = self.berth.folder
        fresh, password = folder.with_name(f"{folder.name}.new"), folder.with_name(f"{folder.name}.password")
        shutil.rmtree(fresh, ignore_errors=True)
        if folder.exists() and any(folder.iterdir()):
            raise Misconfigured(f"{folder} holds something that is not a database; move it away")
        self._make_private(fresh)
        write_private(password, {})
        password.write_text(self.kept.passwords["owner"], encoding="utf-8")
        as_user: dict[str, object] = {}
        if self.berth.uid is not None and self.berth.gid is not None:
            os.chown(password, self.berth.uid, self.berth.gid)
            as_user = {"user": self.berth.uid, "group": self.berth.gid, "extra_groups": []}
        try:
            process = await asyncio.create_subprocess_exec(
                str(self.berth.programs / "bin" / "initdb"),
                *("-D", str(fresh), "-U", "owner", f"--pwfile={password}", "-A", "scram-sha-256"),
                *("--data-checksums", "--encoding=UTF8", "--no-locale"),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                env=bare_environment(),
                preexec_fn=die_with_parent(os.getpid(), signal.SIGKILL),
                cwd="/",
                **as_user,  # type: ignore[arg-type]
            )
            try:
                said = (await process.communicate())[0].decode("utf-8", "replace")
            finally:
                if process.returncode is None:  # we are being stopped
                    process.kill()
                    await process.wait()
        finally:
            password.unlink(missing_ok=True)
        if process.returncode != 0:
            lines = [
                line for line in said.splitlines() if "error" in line or "FATAL" in line
            ] or said.splitlines()
            raise Misconfigured(
                f"initdb could not make the database in {folder}: {(lines or ['no reason given'])[-1]}"
            )
        with contextlib.suppress(FileNotFoundError):
            folder.rmdir()
        fresh.rename(folder)
        log.info("database_made", folder=str(folder))

    async def _make_database(self) -> None:
        password = self.kept.passwords["anxin"]
        async with await psycopg.AsyncConnection.connect(
            self.owner_url, connect_timeout=2, autocommit=True
        ) as owner:
            if (
                await (await owner.execute("select 1 from pg_roles where rolname = 'anxin'")).fetchone()
                is None
            ):
                await owner.execute("create role anxin login")
            await owner.execute(sql.SQL("alter role anxin password {}").format(sql.Literal(password)))
            if (
                await (await owner.execute("select 1 from pg_database where datname = 'anxin'")).fetchone()
                is None
            ):
                await owner.execute("create database anxin owner anxin")


async def _select_one(url: str) -> None:
    async with await psycopg.AsyncConnection.connect(url, connect_timeout=2) as connection:
        await connection.execute("select 1")


def _clear_stale_locks(cluster: Path, *locks: Path) -> None:
    """Remove a dead server's lock files whose pid is taken: by a zombie, or by another program.

    The server itself clears the files of a pid that is gone, but refuses to start while the pid is there at
    all. A killed server stays a zombie for seconds, or for ever where process 1 does not reap; and after a
    restart of a container its pid usually belongs to somebody else. The folder is ours alone (`claim`), so
    it is enough to see that no process works in it; else they stay, and the server waits for them to end.
    """
    taken = [lock for lock in locks if _names_a_pid(lock)]
    if not taken or _somebody_works_in(cluster):
        return
    for lock in taken:
        lock.unlink(missing_ok=True)
    log.warning("stale_locks_cleared", folder=str(cluster))


def _names_a_pid(lock: Path) -> bool:
    """Does the lock file's pid exist, whoever it is?"""
    try:
        os.kill(int(lock.read_text(encoding="ascii", errors="replace").split("\n", 1)[0]), 0)
    except PermissionError as fault:
        return fault.filename is None  # from kill: it exists and is another user's
    except (OSError, ValueError, OverflowError):
        return False
    return True


def _somebody_works_in(folder: Path) -> bool:
    """Is any process's working directory there, or may it be?"""
    owner, real = folder.stat().st_uid, folder.resolve()
    for link in Path("/proc").glob("[0-9]*/cwd"):
        try:
            if link.readlink() == real:
                return True
        except PermissionError:
            with contextlib.suppress(OSError):
                if link.parent.stat().st_uid == owner:
                    return True  # cannot tell
        except OSError:  # it has ended
            continue
    return False
