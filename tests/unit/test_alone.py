"""The mark `alone`: while such a test runs no other worker of the run runs one, and it is not kept waiting for ever."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests import conftest

ROOT = Path(__file__).resolve().parents[2]
A_MOMENT = 0.15  # in which whoever is not kept waiting would have begun


@dataclass
class Run:
    """Workers of one run, each a thread; a lock belongs to whoever opened its file, so threads stand for processes."""

    config: Any = field(default_factory=lambda: SimpleNamespace(workerinput={"testrunuid": uuid.uuid4().hex}))
    running: list[threading.Event] = field(default_factory=list)

    def test(self, *marks: str) -> Test:
        """A worker comes to a test."""
        item = SimpleNamespace(
            config=self.config, get_closest_marker=lambda name: name if name in marks else None
        )
        one = Test()
        self.running.append(one.ends)

        def work() -> None:
            turn = conftest.pytest_runtest_protocol(item)  # type: ignore[arg-type]
            next(turn)
            one.began.set()
            one.ends.wait(20)
            turn.close()

        threading.Thread(target=work, daemon=True).start()
        return one


@dataclass
class Test:
    __test__ = False
    began: threading.Event = field(default_factory=threading.Event)
    ends: threading.Event = field(default_factory=threading.Event)

    @property
    def runs(self) -> bool:
        return self.began.wait(10)

    @property
    def waits(self) -> bool:
        """Only time can show that it does not begin."""
        return not self.began.wait(A_MOMENT)


@pytest.fixture
def run() -> Iterator[Run]:
    made = Run()
    yield made
    for ends in made.running:
        ends.set()
    conftest.pytest_unconfigure(made.config)


def test_ordinary_tests_run_beside_each_other(run: Run) -> None:
    """The mark costs those nothing that do not bear it."""
    first, second = run.test(), run.test("slow")
    assert first.runs
    assert second.runs


def test_one_that_is_alone_waits_for_all_and_all_wait_for_it(run: Run) -> None:
    """It begins when the last of the others has ended; until it has ended itself none begins, also none of its kind."""
    first, second = run.test(), run.test()
    assert first.runs
    assert second.runs
    alone = run.test("alone")
    assert alone.waits
    first.ends.set()
    assert alone.waits, "one still runs"
    second.ends.set()
    assert alone.runs
    other, too = run.test(), run.test("alone")
    assert other.waits
    assert too.waits
    alone.ends.set()
    for one in (other, too):
        one.ends.set()  # whichever of them is the first
    assert other.runs
    assert too.runs


def test_a_newcomer_does_not_pass_one_that_waits_to_be_alone(run: Run) -> None:
    """Or a run with short tests enough would never let it in."""
    first = run.test()
    assert first.runs
    alone = run.test("alone")
    assert alone.waits
    newcomer = run.test()
    assert newcomer.waits, "it could share the room with the first, but stands behind the one at the gate"
    first.ends.set()
    assert alone.runs
    assert newcomer.waits
    alone.ends.set()
    assert newcomer.runs


def test_two_runs_know_nothing_of_each_other(run: Run) -> None:
    """Somebody else's run on this machine is not waited for; without other workers there is no lock at all."""
    assert run.test("alone").runs
    other = Run()
    theirs = other.test("alone")
    assert theirs.runs
    theirs.ends.set()
    single = Run(config=SimpleNamespace())
    for one in (single.test("alone"), single.test("alone")):
        assert one.runs
        one.ends.set()
    conftest.pytest_unconfigure(other.config)


WORK = """
import pathlib, time
import pytest
def work(seconds):
    began = time.monotonic()
    time.sleep(seconds)
    with pathlib.Path(__file__).with_suffix('.times').open('a') as times:
        times.write(f'{began} {time.monotonic()}\\n')
"""


def test_workers_of_a_real_run_keep_to_it() -> None:
    """Two processes: nothing of one file runs while the marked test of the other does; afterwards no lock is left behind."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n  alone: x\n")
        (folder / "conftest.py").write_text(
            "from tests.conftest import pytest_runtest_protocol, pytest_unconfigure\n"
        )
        (folder / "test_marked.py").write_text(
            WORK + "@pytest.mark.alone\ndef test_marked():\n    work(0.5)\n"
        )
        (folder / "test_many.py").write_text(
            WORK + "@pytest.mark.parametrize('n', range(12))\ndef test_many(n):\n    work(0.1)\n"
        )
        left = folder / "left"
        left.mkdir()
        # No other plug-in: they take seconds to load and say nothing about a lock.
        env = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "TMPDIR": str(left),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        }
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "xdist", "-n", "2", "--dist", "loadfile", "-p", "no:cacheprovider", "."],
            cwd=folder, env=env, capture_output=True, text=True, timeout=150, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        spans = {
            file: [tuple(map(float, line.split())) for line in (folder / f"test_{file}.times").read_text().splitlines()]
            for file in ("marked", "many")
        }  # fmt: skip
        assert (len(spans["marked"]), len(spans["many"])) == (1, 12)
        [(began, ended)] = spans["marked"]
        beside = [one for one in spans["many"] if one[0] < ended and one[1] > began]
        assert beside == [], "it was not alone"
        assert [p.name for p in left.glob("anxin-tests-*")] == []
