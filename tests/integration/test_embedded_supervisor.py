"""The supervisor by itself, with small shell scripts as children."""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from anxin import supervisor
from anxin.service import still_beating
from anxin.settings import bare_environment
from anxin.supervisor import Child, Process, Report, State, Supervisor, claim
from care.clock import ManualClock
from care.errors import Misconfigured, Temporary
from care.messages import Beat, encode
from care.stream import HEALTH, MemoryStream


def script(name: str, text: str, **options: object) -> Child:
    return Child(name=name, argv=("/bin/sh", "-c", text), env=bare_environment(), **options)  # type: ignore[arg-type]


def ready_when(path: Path) -> Callable[[], Awaitable[None]]:
    async def ready() -> None:
        if not path.exists():
            raise FileNotFoundError(path)

    return ready


async def until(true: Callable[[], bool], within: float = 30) -> None:
    async with asyncio.timeout(within):
        while not true():
            await asyncio.sleep(0.01)


async def test_children_are_stopped_in_their_order(tmp_path: Path):
    """Roles first, then what they need; equal ones at the same time."""
    heard: list[Report] = []
    async with Supervisor(tmp_path / "run", on_change=heard.append) as house:
        await house.start(
            script("stream", "sleep 60", stop_order=2),
            script("database", "sleep 60", stop_order=1),
            script("rules", "sleep 60"),
            script("alerts", "sleep 60"),
        )
    stopped = [report.name for report in heard if report.state is State.stopped]
    assert set(stopped[:2]) == {"rules", "alerts"}
    assert stopped[2:] == ["database", "stream"]
    assert not list((tmp_path / "run").iterdir())


async def test_a_child_that_ends_is_started_again_ever_more_slowly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """0.1 s, 0.2 s, 0.4 s … so that a fault that lasts does not eat the machine."""
    monkeypatch.setattr(supervisor, "LONGEST_BACK_OFF_SECONDS", 0.4)
    times = tmp_path / "times"
    async with Supervisor(tmp_path / "run") as house:
        await house.start(script("flaky", f"date +%s.%N >> {times}; exit 1"), wait=False)
        await until(lambda: times.exists() and len(times.read_text().split()) >= 6)
    at = [float(line) for line in times.read_text().split()]
    gaps = [later - earlier for earlier, later in itertools.pairwise(at)]
    for gap, least in zip(gaps, (0.1, 0.2, 0.4, 0.4, 0.4), strict=False):
        assert least <= gap
    assert min(gaps[2:]) < 0.8, "the longest wait is 0.4 s"


async def test_a_child_that_never_starts_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The last telling line of its output reaches the person who waits."""
    monkeypatch.setattr(supervisor, "GIVE_UP_SECONDS", 0.2)
    child = script(
        "broken",
        "echo starting; echo 'FATAL: no room on disk'; exit 3",
        output=tmp_path / "log",
        ready=ready_when(tmp_path / "x"),
    )
    async with Supervisor(tmp_path / "run") as house:
        with pytest.raises(
            Temporary, match=r"broken does not start: it ended with status 3.*FATAL: no room on disk"
        ):
            await house.start(child)


async def test_a_child_that_ignores_the_signal_is_killed(tmp_path: Path):
    """Stopping ends, whatever a child does."""
    mark = tmp_path / "mark"
    stubborn = script(
        "stubborn",
        f"trap '' TERM; touch {mark}; while :; do sleep 0.05; done",
        ready=ready_when(mark),
        stop_signals=((signal.SIGTERM, 0.3),),
    )
    began = time.monotonic()
    async with Supervisor(tmp_path / "run") as house:
        await house.start(stubborn)
        process = Process.of(house.children[0].pid or 0)
        assert process is not None
    assert not process.alive
    assert time.monotonic() - began < 15  # its loop never ends by itself


async def test_a_pid_file_holds_who_it_is(tmp_path: Path):
    """While a child runs its pid file names exactly that process, for the owner's eyes only."""
    async with Supervisor(tmp_path / "run") as house:
        await house.start(script("one", "sleep 60"))
        kept = supervisor.read_private(tmp_path / "run" / "one.pid")
        assert Process(kept["pid"], kept["identity"]) == Process.of(house.children[0].pid or 0)
        assert (tmp_path / "run" / "one.pid").stat().st_mode & 0o077 == 0


async def test_a_leftover_that_ignores_the_signal_is_killed(tmp_path: Path):
    """What a killed supervisor left is gone before the new one starts."""
    with subprocess.Popen(
        ["/bin/sh", "-c", "trap '' TERM; echo x; while :; do sleep 0.05; done"], stdout=subprocess.PIPE
    ) as old:
        assert old.stdout is not None
        old.stdout.readline()
        process = Process.of(old.pid)
        assert process is not None
        (tmp_path / "run").mkdir()
        supervisor.write_private(
            tmp_path / "run" / "old.pid",
            {"pid": process.pid, "identity": process.identity, "stop_signal": 15},
        )
        assert await supervisor.end_leftovers(tmp_path / "run") == ["old"]
        assert old.wait(5) == -signal.SIGKILL


def test_a_zombie_is_not_alive():
    """A process nobody has waited for yet is dead."""
    with subprocess.Popen(["true"]) as child:
        deadline = time.monotonic() + 5
        while Process.of(child.pid) is not None:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert Path(f"/proc/{child.pid}").exists()


async def test_a_folder_is_waited_for_when_its_owner_soon_ends(tmp_path: Path):
    """Two short commands take turns; one that would wait too long is refused with the owner's name."""
    async with claim(tmp_path, "first"):
        with pytest.raises(Misconfigured, match=r"first \(process \d+\) is using the data folder"):
            async with claim(tmp_path, "second"):
                pass

    order: list[str] = []

    async def hold(name: str) -> None:
        async with claim(tmp_path, name, wait_seconds=5):
            order.append(name)
            await asyncio.sleep(0.2)
            order.append(name)

    await asyncio.gather(hold("a"), hold("b"))
    assert order in (["a", "a", "b", "b"], ["b", "b", "a", "a"])


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("unshare") is None, reason="needs root and unshare(1)")
def test_as_process_one_of_a_container_it_leaves_no_zombies(tmp_path: Path):
    """Orphans whose parent was killed are waited for."""
    program = tmp_path / "one.py"
    program.write_text(
        "import asyncio, os, subprocess\n"
        "from pathlib import Path\n"
        "from anxin.supervisor import Supervisor\n"
        "async def main():\n"
        f"    async with Supervisor(Path({str(tmp_path / 'run')!r})):\n"
        "        subprocess.run(['/bin/sh', '-c', '(sleep 0.2; exit 3) & exit 0'], check=True)\n"
        "        async def until(zombies):\n"
        "            while zombies != subprocess.run(\n"
        "                ['ps', '-eo', 'stat'], capture_output=True, text=True\n"
        "            ).stdout.count('Z'):\n"
        "                await asyncio.sleep(0.02)\n"
        "            return zombies\n"
        "        async with asyncio.timeout(25):\n"
        "            print(os.getpid(), await until(1), await until(0))\n"
        "asyncio.run(main())\n"
    )
    tried = subprocess.run(
        ["unshare", "--pid", "--fork", "--mount-proc", sys.executable, str(program)],
        check=False,
        capture_output=True,
        text=True,
        env={"PATH": os.defpath, "PYTHONPATH": os.pathsep.join(sys.path)},
        timeout=60,
    )
    if "Operation not permitted" in tried.stderr:
        pytest.skip("no PID namespaces here")
    assert tried.stdout.split() == ["1", "1", "0"], tried.stderr


async def test_a_check_that_swallows_its_cancellation_does_not_keep_a_killed_child_away(tmp_path: Path):
    """The check of a child that is killed may end, or ignore its end, at that very moment: the child comes back."""
    asked, checking = asyncio.Event(), asyncio.Event()
    swallowed: list[int] = []

    async def stubborn() -> None:
        # The first child is ready; later checks lose one cancellation, as asyncio.wait_for did before Python 3.12.
        if not asked.is_set():
            asked.set()
            return
        try:
            checking.set()
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            swallowed.append(1)
            if len(swallowed) < 2:
                raise ConnectionRefusedError from None
            raise

    async with Supervisor(tmp_path / "run") as house:
        await house.start(script("api", "sleep 60", ready=stubborn))
        first = house.children[0].pid
        await asyncio.wait_for(checking.wait(), supervisor.WATCH_EVERY_SECONDS + 20)
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await until(lambda: house.children[0].pid not in (None, first))
    assert swallowed


async def test_a_child_that_lives_and_is_deaf_is_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """`alive` is asked with the time of the start; a child of which it says no four times is replaced."""
    monkeypatch.setattr(supervisor, "WATCH_EVERY_SECONDS", 0.02)
    starts: list[datetime] = []
    deaf = True

    async def alive(started: datetime) -> None:
        starts.append(started)
        if deaf:
            raise Temporary("no beat for 15 s")

    heard: list[Report] = []
    async with Supervisor(tmp_path / "run", on_change=heard.append) as house:
        await house.start(script("alerts", "sleep 60", alive=alive))
        first = house.children[0].pid
        await until(lambda: house.children[0].pid not in (None, first))
        deaf = False
        second = house.children[0].pid
        count = len(starts)
        await until(lambda: len(starts) > count + 10)
        assert house.children[0].pid == second, "while it speaks it is left alone"
    assert any("no beat for 15 s" in report.detail for report in heard)
    assert starts == sorted(starts)
    assert starts[-1] > starts[0], "each life has its own beginning"


async def test_a_role_hangs_when_it_has_spoken_and_falls_silent():
    """Not while it starts, not while the stream cannot be asked: then nothing is known, and nothing is killed."""
    began = datetime(2026, 5, 23, 4, 0, tzinfo=UTC)
    stream, clock = MemoryStream(), ManualClock(began)

    async def beats(at: datetime) -> None:
        await stream.put(
            HEALTH, "beat.alerts", encode(Beat(role="alerts", at=at, started_at=began - timedelta(hours=1)))
        )

    async def ask(started: datetime = began) -> None:
        await still_beating(stream, clock, "alerts", started)

    clock.advance(timedelta(seconds=60))
    await ask()  # it has never spoken: it reads a long log
    await beats(began - timedelta(seconds=1))
    await ask()  # that was an earlier life
    await beats(began + timedelta(seconds=51))
    await ask()
    clock.advance(timedelta(seconds=2))
    with pytest.raises(Temporary, match="no beat for 11 s"):
        await ask()
    await beats(clock.now() + timedelta(hours=1))
    await ask()  # the machine's clock was set back
    clock.advance(timedelta(hours=2))

    async def away(*_: object) -> None:
        raise Temporary("the stream does not answer")

    stream.get = away  # type: ignore[method-assign,assignment]
    await ask()
