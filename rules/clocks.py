"""Device clocks that are wrong: how far, learnt from the least delay of their live messages. Start at `learn`.

A message cannot come before it was sent, so the least of many delays is the clock's own fault. Two windows that
agree make it believed. A queued burst after an outage does not: its delays shrink as the queue empties, and what
comes live after it has none. What was believed holds from one stamp of the device on (`offset_at`), so the same
message heard again means the same moment again.
"""

from __future__ import annotations

from rules.memory import Clock, DeviceMemory

WRONG = 5_000
"""Milliseconds; what is less may be the way the message took."""
WINDOW, MESSAGES = 5 * 60_000, 5
"""A window is at least so long and holds at least so many messages."""
AGREE = 15_000
"""Two windows agree when their least delays are so near each other (ms)."""
STEP = 2_000
"""A believed offset changes only by more than this."""
OUT_OF_ORDER = 10 * 60_000
"""A stamp older than the last by less than this is a late or repeated message; by more, the clock was set."""
REMEMBERED = 4


def learn(memory: DeviceMemory, stamp: int, received: int) -> bool:
    """Take in one live message by the device's own time; True when what is believed of its clock changed."""
    lag = received - stamp
    clock = memory.clock
    if clock is None:
        if -WRONG < lag < WRONG:
            return False
        memory.clock = Clock(opened_at=received, messages=1, least=lag, stamp=stamp)
        return False
    if stamp <= clock.stamp and clock.stamp - stamp < OUT_OF_ORDER:
        return False
    believed = offset_of(memory)
    if -WRONG < lag < WRONG and not believed:
        memory.clock = None  # proof that it is right
        return False
    if stamp < clock.stamp:
        clock.opened_at, clock.messages, clock.least, clock.before = received, 0, lag, None
    clock.stamp = stamp
    clock.least = lag if not clock.messages else min(clock.least, lag)
    clock.messages += 1
    if clock.messages < MESSAGES or received - clock.opened_at < WINDOW:
        return False
    least, before = clock.least, clock.before
    clock.opened_at, clock.messages, clock.before = received, 0, least
    if before is None or abs(least - before) > AGREE:
        return False
    found = min(least, before)
    found = 0 if -WRONG < found < WRONG else found
    if abs(found - believed) <= STEP or found == believed:
        return False
    clock.believed = [*clock.believed, (stamp, found)][-REMEMBERED:]
    return True


def offset_at(memory: DeviceMemory, stamp: int) -> int:
    """What to add to this stamp of the device (ms): what was believed from it on."""
    if memory.clock is not None:
        for since, offset in reversed(memory.clock.believed):
            if stamp >= since:
                return offset
    return 0


def offset_of(memory: DeviceMemory) -> int:
    """What is believed now: milliseconds the clock is behind, negative when it is ahead."""
    return memory.clock.believed[-1][1] if memory.clock is not None and memory.clock.believed else 0
