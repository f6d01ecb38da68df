"""The world into a file instead of a broker: no clock, no socket, so the same arguments give the same bytes.

Start at `record`. The lines are what `anxin replay` reads (contract section 7), in order of sending.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TextIO

import msgspec

from care.ids import iso
from simulators.faults import FaultLine
from simulators.scenarios import truth_line
from simulators.sensors import Publish
from simulators.world import World

STEP = timedelta(minutes=10)


def record(
    world: World,
    faults: FaultLine,
    until: datetime,
    *,
    out: TextIO,
    truth: TextIO,
    heard: Callable[[datetime], datetime],
) -> int:
    """Write what leaves the world before `until`, and what is true of it; how many messages that were.

    `heard` turns the world's time into that of whoever listens, which is what the devices stamp.
    """
    count = 0
    while world.now < until:
        end = min(until, world.now + STEP)
        for message in faults.through(world.events(end), end):
            out.write(line(message, heard(message.at)) + "\n")
            count += 1
        true = sorted([*world.lived(), *world.happened()], key=lambda one: one.at)
        truth.writelines(truth_line(one.heard(heard)) + "\n" for one in true)
    return count


def line(message: Publish, at: datetime) -> str:
    """One line of a recording, without its end."""
    payload = msgspec.json.decode(message.payload)
    return msgspec.json.encode(
        {"at": iso(at), "topic": message.topic, "payload": payload, "retain": message.retain}
    ).decode()
