"""Who says too much waits for itself: what is let past, what waits, what is cut. Without a broker, and without waiting."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from anxin.doorman import flow
from anxin.doorman.flow import Flow, Held, marks
from care.clock import ManualClock
from tests.unit.test_gateway_fairness import NOON


class Outlet:
    """A connection that notes what passes."""

    def __init__(self, found: Flow) -> None:
        self.broker_is_slow = False
        self.unanswered = 0
        self.held: Held = found.opened()
        self.passed: list[bytes] = []

    def release(self, packets: bytes) -> None:
        self.passed += packets.split()

    def relieved(self) -> None:
        pass


def a_flow(
    *,
    each: tuple[float, float] = (10.0, 10.0),
    everybody: tuple[float, float] = (100.0, 100.0),
    window: int = 50,
) -> tuple[Flow, ManualClock]:
    clock = ManualClock(NOON)
    return Flow(clock, each=each, everybody=everybody, window=window), clock


def turn(found: Flow, clock: ManualClock, seconds: float) -> None:
    """Time passes, and what is due passes."""
    clock.advance(timedelta(seconds=seconds))
    if found._timer is not None:
        found._timer.cancel()
    found._turn()


@pytest.mark.parametrize(
    ("payload", "grave"),
    [
        (b'{"sos":true}', True),
        (b'{"action":"emergency"}', True),
        (b'{"smoke": false}', True),
        (b'{"co":true}', True),
        (b'{"SmokeSensor":"ALARM"}', True),
        ('{"状态":"燃气报警"}'.encode(), True),
        (b"pressed", True),
        (b'{"heart_rate":72,"in_bed":true,"respiration_rate":16,"movement":4,"signal_quality":88}', False),
        (b'{"contact":true,"battery":97,"voltage":2900,"linkquality":90}', False),
        (b'{"temperature":21.5,"humidity":40,"occupancy":true}', False),
        (b"\xff\xfe", False),
        (b"", False),
    ],
)
def test_a_word_of_life_safety_marks_a_message(payload: bytes, grave: bool) -> None:
    """In any dialect; what belts, doors and climate sensors say all day is not marked."""
    assert bool(marks(payload)) is grave
    assert bool(marks(payload + b" " * 2000)) is grave, "long ones too"


def test_marks_tell_what_is_said() -> None:
    """Smoke after a thousand times no smoke is something else, though only a figure differs."""
    assert (
        marks(b'{"smoke":false,"n":1}') == marks(b'{"n":2,"smoke":false}') != marks(b'{"smoke":true,"n":1}')
    )
    assert marks(b'{"smoke":0}') != marks(b'{"smoke":1}')


async def test_what_was_not_said_a_moment_ago_is_let_past() -> None:
    """Of an alarm device that floods with one word the next word passes; so does the same one again, a little later."""
    found, clock = a_flow()
    held = found.opened()
    quiet, alarm = marks(b'{"smoke":false}'), marks(b'{"smoke":true}')
    assert [found.lets_past(held, b"t", quiet) for _ in range(7)] == [True] * 5 + [False] * 2
    assert found.lets_past(held, b"t", alarm)
    assert found.lets_past(held, b"another", quiet)
    clock.advance(timedelta(seconds=1))
    assert [found.lets_past(held, b"t", quiet) for _ in range(2)] == [True, False]


async def test_topics_and_connections_take_turns() -> None:
    """A topic with a thousand messages and one with a single one; a connection with a thousand and one with a single one."""
    found, clock = a_flow(each=(10.0, 1000.0), everybody=(3.0, 10.0))
    rude, polite = Outlet(found), Outlet(found)
    found.passed(rude.held, 1, 0)
    for n in range(1000):
        found.hold(rude, rude.held, b"belt", b"b%d " % n, False)
    found.hold(rude, rude.held, b"door", b"d ", False)
    found.hold(polite, polite.held, b"belt", b"p ", False)
    turn(found, clock, 0.3)
    turn(found, clock, 0.3)
    assert polite.passed == [b"p"]
    assert rude.passed[:3] == [b"b0", b"d", b"b1"]
    assert len(rude.passed) + len(polite.passed) == 6, "ten a second pass of all together"


async def test_a_line_that_fails_holds_up_nobody() -> None:
    """What fails while one connection is told that it has room is told, and what others have waiting passes all the same."""
    found, clock = a_flow(each=(10.0, 10.0), everybody=(1.0, 10.0))

    class Broken(Outlet):
        def relieved(self) -> None:
            raise OSError(107, "Transport endpoint is not connected")

    told: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, what: told.append(str(what["exception"])))
    broken, others = Broken(found), [Outlet(found) for _ in range(3)]
    found.hold(broken, broken.held, b"t", b"b ", False)
    for outlet in others:
        found.hold(outlet, outlet.held, b"t", b"p ", False)
    turn(found, clock, 0.1)
    assert broken.passed == [b"b"]
    assert found._timer is not None, "the next turn comes by itself"
    for _ in others:
        turn(found, clock, 0.2)
    assert [outlet.passed for outlet in others] == [[b"p"]] * 3
    await asyncio.sleep(0)
    assert told == ["[Errno 107] Transport endpoint is not connected"]


async def test_no_more_than_a_window_waits_in_the_broker() -> None:
    """What the broker has not answered holds back the rest; its answer lets more pass, and so does a long silence of it."""
    found, clock = a_flow(each=(100.0, 1000.0), everybody=(1000.0, 1000.0), window=4)
    outlet = Outlet(found)
    assert found.room(outlet.held) == 4
    found.passed(outlet.held, 3, 3)
    assert found.room(outlet.held) == 1
    for n in range(10):
        found.hold(outlet, outlet.held, b"t", b"%d " % n, True)
    turn(found, clock, 0.1)
    assert outlet.passed == [b"0"]
    assert found.room(found.opened()) == 0, "for nobody"
    found.answered(2)
    turn(found, clock, 0.1)
    assert outlet.passed == [b"0", b"1", b"2"]
    turn(found, clock, flow.STUCK_SECONDS - 0.2)
    assert len(outlet.passed) == 3
    turn(found, clock, 0.3)
    assert len(outlet.passed) == 7, "answers that are lost do not hold up anybody for ever"


async def test_room_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """By messages and bytes of one connection, and by the bytes of all; then each still has room for a few."""
    monkeypatch.setattr(flow, "HELD_ALL_BYTES", 100_000)
    found, _ = a_flow()
    one = Outlet(found)
    for _ in range(flow.HELD):
        assert found.has_room(one.held) == (found._size < 100_000 or one.held.count < flow.HELD_LEAST)
        if not found.has_room(one.held):
            break
        found.hold(one, one.held, b"t", b"x" * 300, False)
    assert one.held.count == 200
    other = Outlet(found)
    while found.has_room(other.held):
        found.hold(other, other.held, b"t", b"x" * 300, False)
    assert other.held.count == flow.HELD_LEAST
    found.closed(one, one.held, 0)
    assert found._size == other.held.size
    assert found.has_room(other.held)
    large = found.opened()
    large.put(b"t", b"x" * flow.HELD_BYTES, False)
    assert not found.has_room(large)


async def test_while_ingest_is_behind_less_passes() -> None:
    """And after it more again, up to what was allowed."""
    found, _ = a_flow(each=(10.0, 10_000.0), everybody=(10.0, 8_000.0))
    for _ in range(20):
        found.heed(5.0)
    assert found._all.per_second == flow.LEAST
    found.heed(0.5)
    assert found._all.per_second == flow.LEAST
    for _ in range(40):
        found.heed(0.0)
    assert found._all.per_second == 8_000


async def test_without_bounds_all_is_calm() -> None:
    """For benchmarks of what the doorman can do."""
    found = Flow(ManualClock(NOON), each=None)
    held = found.opened()
    found.passed(held, 10**6, 10**6)
    assert found.room(held) == float("inf")
    await asyncio.sleep(0)
