"""Starts children, watches them, starts them again, stops them in order; nothing about what they are.

Start at `Supervisor`: `start` children described by `Child`, and it keeps them running until `stop`. A child
that ends is started again after 0.1 s, doubling up to 5 s. What survives us is found again: every child has
a pid file with the identity of its process (pid and start time, so that another program that was given the
same pid is never taken for it), and the kernel is asked to end a child when its parent dies.
`claim` keeps a second supervisor off the same folder.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import fcntl
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, Self

import structlog

from care.clock import SystemClock
from care.errors import CareError, Misconfigured, Temporary

log = structlog.get_logger(__name__)

FIRST_BACK_OFF_SECONDS = 0.1
LONGEST_BACK_OFF_SECONDS = 5.0
STEADY_SECONDS = 10.0
"""A child that ran this long was all right: the next back-off starts from the beginning."""
GIVE_UP_SECONDS = 15.0
"""`start` fails when a child keeps ending this long before it was ever ready: long enough for the shared
memory of a killed database to be released (under 2 s, measured), short enough for a person who waits."""
PROBE_SECONDS = 2.0
"""A readiness check that takes longer has failed."""
WATCH_EVERY_SECONDS = 5.0
WATCH_FAILURES = 4
"""So many failed checks in a row (about 20 s; back within 30 s is the promise) and a child that still runs is
taken for hung. A supervisor that was paused itself counts one failure, not many."""
LOG_BYTES = 8_000_000
"""A child's output file above this is put aside (`.1`) at the next start."""


# ------------------------------------------------------------------------------------------ processes


@dataclass(frozen=True, slots=True)
class Process:
    """A running process that cannot be mistaken for another one with the same pid."""

    pid: int
    identity: str
    """The machine's boot and the process's start time; a recycled pid has another."""

    @classmethod
    def of(cls, pid: int) -> Process | None:
        """The process that has this pid now; None when there is none, or only a zombie."""
        try:
            # The name in parentheses may hold anything; fields are counted after the last one (proc(5)).
            fields = (
                Path(f"/proc/{pid}/stat")
                .read_text(encoding="utf-8", errors="replace")
                .rpartition(")")[2]
                .split()
            )
            boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        except OSError:
            return None
        state, started = fields[0], fields[19]
        return None if state in "ZX" else cls(pid, f"{boot}:{started}")

    @property
    def alive(self) -> bool:
        """Does it still run?"""
        return Process.of(self.pid) == self

    def send(self, number: signal.Signals) -> bool:
        """Send a signal to this process and to no other; False when it is gone or not ours."""
        try:
            handle = os.pidfd_open(self.pid)
        except OSError:
            return False
        try:
            # From here on the handle means one process; if that is the wrong one, the identity tells.
            if not self.alive:
                return False
            signal.pidfd_send_signal(handle, number)
        except (ProcessLookupError, PermissionError):
            return False
        finally:
            os.close(handle)
        return True

    async def ended(self, within_seconds: float) -> bool:
        """Wait for its end."""
        deadline = asyncio.get_running_loop().time() + within_seconds
        while self.alive:
            if asyncio.get_running_loop().time() >= deadline:
                return False
            await asyncio.sleep(0.02)
        return True


def _write_private(path: Path, content: str) -> None:
    """Write a file only its owner may read, whole or not at all."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def write_private(path: Path, content: Mapping[str, Any]) -> None:
    """Keep `content` as JSON in a file that only its owner may read (0600), whole or not at all."""
    _write_private(path, json.dumps(content, ensure_ascii=False, indent=1) + "\n")


def read_private(path: Path) -> dict[str, Any]:
    """What `write_private` kept; empty when there is nothing readable."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


async def end_leftovers(run_dir: Path) -> list[str]:
    """End what an earlier supervisor left running, by its pid files in `run_dir`; returns their names.

    Politely first, by the signal each child is used to, then for good. Only call this under `claim`.
    """

    async def end(file: Path) -> str | None:
        kept = read_private(file)
        process = Process(int(kept.get("pid", 0)), str(kept.get("identity", "")))
        ended = None
        if process.alive:
            ended = file.stem
            log.warning("leftover_ended", child=file.stem, pid=process.pid)
            process.send(signal.Signals(int(kept.get("stop_signal", signal.SIGTERM))))
            if not await process.ended(3.0):
                process.send(signal.SIGKILL)
                await process.ended(3.0)
        file.unlink(missing_ok=True)
        return ended

    found = await asyncio.gather(*(end(file) for file in sorted(run_dir.glob("*.pid"))))
    return [name for name in found if name is not None]


# ------------------------------------------------------------------------------------ the folder's lock


@contextlib.asynccontextmanager
async def claim(folder: Path, what: str, *, wait_seconds: float = 0.0) -> AsyncIterator[None]:
    """Own `folder` until the block ends or we die; raises `Misconfigured` with one sentence when somebody else does.

    `what` is said to others ("anxin up"). A brief owner (one that waits for nothing and soon ends) is waited
    for up to `wait_seconds`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as fault:
        raise Misconfigured(f"the data folder {folder} cannot be used: {fault.strerror}") from None
    try:
        deadline = asyncio.get_running_loop().time() + wait_seconds
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if asyncio.get_running_loop().time() >= deadline:
                    owner = read_private(folder / "lock")
                    raise Misconfigured(
                        f"{owner.get('what', 'another program')} (process {owner.get('pid', '?')}) is using the data "
                        f"folder {folder.absolute()}; stop it first, or give another one with --data or data_dir"
                    ) from None
                await asyncio.sleep(0.1)
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps({"what": what, "pid": os.getpid()}).encode(), 0)
        yield
    finally:
        os.close(handle)


# -------------------------------------------------------------------------------------------- children


@dataclass(frozen=True, slots=True)
class Child:
    """What to run, how to know that it is ready, and how to end it."""

    name: str
    """One word; also the name of its pid file."""
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)
    """Its whole environment."""
    ready: Callable[[], Awaitable[None]] | None = None
    """One attempt at a real round trip: returns when the child answers, raises otherwise. None: ready when started."""
    before: Callable[[], Awaitable[None]] | None = None
    """Done before each start. What it raises counts as a failed start."""
    alive: Callable[[datetime], Awaitable[None]] | None = None
    """Asked instead of `ready` once the child is ready, with the time at which it was started; raises when it hangs."""
    watch: bool = True
    """Go on asking `alive` (else `ready`), and take a child that no longer answers for hung."""
    stop_signals: tuple[tuple[signal.Signals, float], ...] = ((signal.SIGTERM, 3.0),)
    """Tried one after the other, each with the seconds to wait for it; SIGKILL comes last by itself."""
    orphan_signal: signal.Signals = signal.SIGTERM
    """Sent by the kernel when the supervisor dies."""
    stop_order: int = 0
    """Lower ones are stopped first; equal ones at the same time."""
    output: Path | None = None
    """Where its output is appended; None: ours."""
    uid: int | None = None
    gid: int | None = None
    """Run as this user and group (with no other groups)."""


class State(StrEnum):
    """What a child is doing."""

    starting = "starting"
    ready = "ready"
    restarting = "restarting"
    stopping = "stopping"
    stopped = "stopped"


@dataclass(frozen=True, slots=True)
class Report:
    """A child's state, told whenever it changes."""

    name: str
    state: State
    pid: int | None
    starts: int
    """How often it was started by this supervisor."""
    detail: str = ""
    """For a person: why it is restarting."""


class _Kept:
    """A child and how it is doing."""

    def __init__(self, child: Child) -> None:
        self.child = child
        self.state = State.starting
        self.detail = ""
        self.starts = 0
        self.process: asyncio.subprocess.Process | None = None
        self.identity: Process | None = None
        self.stopping = asyncio.Event()
        self.was_ready = asyncio.Event()
        self.gave_up: str | None = None
        self.changed = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    def report(self) -> Report:
        pid = None if self.process is None or self.process.returncode is not None else self.process.pid
        return Report(self.child.name, self.state, pid, self.starts, self.detail)


class Supervisor:
    """Keeps children running.

    `async with Supervisor(run_dir) as supervisor: await supervisor.start(…)`; leaving the block stops all.
    `run_dir` holds the pid files; own the folder above it by `claim` and call `end_leftovers` first.
    `on_change` hears every change of state, in the event loop; it must be quick.
    """

    def __init__(self, run_dir: Path, *, on_change: Callable[[Report], None] | None = None) -> None:
        self._run_dir = run_dir
        self._on_change = on_change
        self._kept: dict[str, _Kept] = {}
        self._undertaker: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._run_dir.mkdir(parents=True, exist_ok=True)
        if os.getpid() == 1:
            self._undertaker = asyncio.create_task(_bury_orphans())
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._undertaker is not None:
            self._undertaker.cancel()
        await self.stop()

    @property
    def children(self) -> list[Report]:
        """How every child is doing."""
        return [kept.report() for kept in self._kept.values()]

    async def start(self, *children: Child, wait: bool = True) -> None:
        """Start children side by side; with `wait` return when all are ready.

        Raises `Temporary`, with the last thing the child said, when one keeps ending before it was ever
        ready. A child that runs but is not ready yet is waited for: a recovery may take minutes.
        """
        added: list[_Kept] = []
        for child in children:
            if child.name in self._kept:
                raise ValueError(f"{child.name} is already running")
            kept = self._kept[child.name] = _Kept(child)
            kept.task = asyncio.create_task(self._keep(kept), name=f"keep {child.name}")
            added.append(kept)
        if not wait:
            return
        for kept in added:
            while not kept.was_ready.is_set() and not kept.stopping.is_set():
                if kept.gave_up is not None:
                    raise Temporary(f"{kept.child.name} does not start: {kept.gave_up}")
                kept.changed.clear()
                await kept.changed.wait()

    async def stop(self) -> None:
        """Stop all children, in their order; returns when the last one is gone."""
        for order in sorted({kept.child.stop_order for kept in self._kept.values()}):
            group = [kept for kept in self._kept.values() if kept.child.stop_order == order]
            await asyncio.gather(*(self._end(kept) for kept in group))

    def _say(self, kept: _Kept, state: State, detail: str = "") -> None:
        kept.state, kept.detail = state, detail
        kept.changed.set()
        if self._on_change is not None:
            self._on_change(kept.report())

    # -- one child's life

    async def _keep(self, kept: _Kept) -> None:
        loop = asyncio.get_running_loop()
        child, back_off, began = kept.child, FIRST_BACK_OFF_SECONDS, loop.time()
        while not kept.stopping.is_set():
            started = loop.time()
            self._say(kept, State.starting, kept.detail)
            try:
                if child.before is not None:
                    await child.before()
                if kept.stopping.is_set():
                    break
                await self._spawn(kept)
            except (CareError, OSError, TimeoutError) as fault:
                detail = str(fault)
            else:
                detail = await self._watch_over(kept)
            finally:
                self._pid_file(child).unlink(missing_ok=True)
            if kept.stopping.is_set():
                break
            log.warning("child_ended", child=child.name, detail=detail, starts=kept.starts)
            if not kept.was_ready.is_set() and loop.time() - began > GIVE_UP_SECONDS:
                kept.gave_up = detail
            if loop.time() - started > STEADY_SECONDS:
                back_off = FIRST_BACK_OFF_SECONDS
            self._say(kept, State.restarting, detail)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(back_off):
                    await kept.stopping.wait()
            back_off = min(back_off * 2, LONGEST_BACK_OFF_SECONDS)
        self._say(kept, State.stopped)

    async def _spawn(self, kept: _Kept) -> None:
        child = kept.child
        with contextlib.ExitStack() as stack:
            output: Any = None
            if child.output is not None:
                output = stack.enter_context(_open_log(child.output))
            as_user: dict[str, Any] = {}
            if child.uid is not None:
                as_user = {"user": child.uid, "group": child.gid, "extra_groups": []}
            kept.process = await asyncio.create_subprocess_exec(
                *child.argv,
                env=dict(child.env),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=None if output is None else asyncio.subprocess.STDOUT,
                # Ctrl-C in a terminal reaches a whole process group; the order of stopping is ours.
                start_new_session=True,
                preexec_fn=die_with_parent(os.getpid(), child.orphan_signal),
                **as_user,
            )
        kept.starts += 1
        kept.identity = Process.of(kept.process.pid)
        if kept.identity is not None:
            write_private(
                self._pid_file(child),
                {
                    "pid": kept.identity.pid,
                    "identity": kept.identity.identity,
                    "stop_signal": int(child.stop_signals[-1][0]),
                },
            )
        log.info("child_started", child=child.name, pid=kept.process.pid, starts=kept.starts)
        self._say(kept, State.starting, kept.detail)

    async def _watch_over(self, kept: _Kept) -> str:
        """Until the child ends; returns why, for a person."""
        process = kept.process
        assert process is not None
        ended = asyncio.create_task(process.wait())
        watching = asyncio.create_task(self._probe(kept))
        try:
            await asyncio.wait({ended, watching}, return_when=asyncio.FIRST_COMPLETED)
            if not ended.done():
                hung = watching.result()
                if hung:
                    process.kill()
                    await ended
                    return hung
                await ended
        finally:
            while not watching.done():
                # Again and again: what a readiness check calls may swallow one.
                watching.cancel()
                await asyncio.wait({watching}, timeout=0.2)
            if not ended.done():  # we were cancelled ourselves
                ended.cancel()
        return _cause(process.returncode, kept.child.output)

    async def _probe(self, kept: _Kept) -> str:
        """Tell when the child is ready; then watch. Returns only for a child that is not watched, or hung."""
        child, pause, started = kept.child, 0.02, SystemClock().now()
        while child.ready is not None and await _attempt(child.ready) is not None:
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, 0.5)
        kept.was_ready.set()
        log.info("child_ready", child=child.name, starts=kept.starts)
        self._say(kept, State.ready)
        failures = 0
        asked = child.ready if child.alive is None else partial(child.alive, started)
        while asked is not None and child.watch:
            await asyncio.sleep(WATCH_EVERY_SECONDS)
            fault = await _attempt(asked)
            failures = 0 if fault is None else failures + 1
            if failures >= WATCH_FAILURES:
                return f"it runs but does not answer ({fault})"
        return ""

    async def _end(self, kept: _Kept) -> None:
        kept.stopping.set()
        kept.changed.set()
        process, task = kept.process, kept.task
        assert task is not None
        if process is not None and process.returncode is None:
            self._say(kept, State.stopping)
            for number, seconds in (*kept.child.stop_signals, (signal.SIGKILL, 5.0)):
                with contextlib.suppress(ProcessLookupError):
                    process.send_signal(number)
                try:
                    async with asyncio.timeout(seconds):
                        await process.wait()
                    break
                except TimeoutError:
                    log.warning(
                        "child_did_not_stop", child=kept.child.name, signal=number.name, seconds=seconds
                    )
        try:
            await asyncio.wait_for(asyncio.shield(task), 1.0)
        except TimeoutError:  # busy in `before`
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def _pid_file(self, child: Child) -> Path:
        return self._run_dir / f"{child.name}.pid"


async def _bury_orphans() -> None:
    """As process 1 of a container: what lost its parent (a killed database's workers) is ours to wait for.

    Our own children are waited for within milliseconds; a zombie that is there twice is nobody's.
    """
    seen: set[int] = set()
    while True:
        await asyncio.sleep(1.0)
        zombies: set[int] = set()
        for file in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                state, parent = (
                    file.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[:2]
                )
                if state == "Z" and int(parent) == os.getpid():
                    zombies.add(int(file.parent.name))
        for pid in zombies & seen:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)  # noqa: ASYNC222  WNOHANG does not wait
        seen = zombies - seen


async def _attempt(ready: Callable[[], Awaitable[None]]) -> str | None:
    """Ask once; None when it answered, else the fault. Any exception means "not ready": the probe is a question."""
    try:
        # Not wait_for: before Python 3.12 it swallows a cancellation that meets a result, and a child that
        # is killed ends its probe at that very moment. A probe that went on would keep its child from coming back.
        async with asyncio.timeout(PROBE_SECONDS):
            await ready()
    except Exception as fault:  # noqa: BLE001
        return f"{type(fault).__name__}: {fault}"
    return None


def _cause(returncode: int | None, output: Path | None) -> str:
    if returncode is not None and returncode < 0:
        how = f"it was ended by {signal.Signals(-returncode).name}"
    else:
        how = f"it ended with status {returncode}"
    said = last_line(output)
    return f"{how}; it last said: {said}" if said else how


def last_line(output: Path | None) -> str:
    """The last thing a child wrote that tells a person something; empty when unknown."""
    if output is None:
        return ""
    try:
        with output.open("rb") as file:
            file.seek(max(0, output.stat().st_size - 4096))
            lines = [
                line.strip() for line in file.read().decode("utf-8", "replace").splitlines() if line.strip()
            ]
    except OSError:
        return ""
    telling = [
        line for line in lines[-8:] if any(word in line for word in ("FATAL", "[FTL]", "Error", "error"))
    ]
    return (telling or lines or [""])[-1][:400]


def _open_log(path: Path) -> Any:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if path.exists() and path.stat().st_size > LOG_BYTES:
        path.replace(path.with_name(f"{path.name}.1"))
    return path.open("ab")


_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def die_with_parent(parent: int, number: signal.Signals) -> Callable[[], None]:
    """What a new child does before it becomes the program: ask to be ended with us.

    Runs between fork and exec, after the change of user (which would clear the request). It only makes two
    system calls through what is already loaded, so the usual danger of code at this place (a lock held by a
    thread that was not copied) does not arise.
    """

    def ask() -> None:
        if _libc is not None:
            _libc.prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
            if os.getppid() != parent:  # it died in between
                _leave()

    return ask


def _leave() -> NoReturn:
    os._exit(1)


# --------------------------------------------------------------------------------------- being stopped


@contextlib.contextmanager
def stop_signals(
    event: asyncio.Event, numbers: Iterable[signal.Signals] = (signal.SIGINT, signal.SIGTERM)
) -> Any:
    """Set `event` at the first Ctrl-C or SIGTERM; a second one ends us at once (the children follow)."""
    loop = asyncio.get_running_loop()
    watched = tuple(numbers)

    def heard() -> None:
        event.set()
        for number in watched:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)

    for number in watched:
        loop.add_signal_handler(number, heard)
    try:
        yield event
    finally:
        for number in watched:
            loop.remove_signal_handler(number)
