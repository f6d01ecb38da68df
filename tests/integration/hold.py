"""Runs the embedded parts in a process of its own, so that tests can kill it: `python hold.py DATA_DIR`.

Prints one JSON line when everything is up, then waits for SIGTERM.
"""

import asyncio
import json
import logging
import os
import sys
from pathlib import Path

import structlog

from anxin import embedded
from anxin.settings import load
from anxin.supervisor import stop_signals
from care.errors import CareError


async def hold(data_dir: Path) -> None:
    """Up, said so, and down when told."""
    settings = load(
        environ={"ANXIN_CONFIG": ""}, overrides={"data_dir": data_dir, "mqtt.listen": "127.0.0.1:0"}
    )
    async with embedded.running(settings) as house:
        asked = asyncio.Event()
        with stop_signals(asked):
            pids = {child.name: child.pid for child in house.supervisor.children}
            up = {
                "uid": os.geteuid(),
                "pids": pids,
                "stream": house.settings.stream.url,
                "database": house.settings.database.url,
                "mqtt": house.settings.mqtt.url,
            }
            print(json.dumps(up), flush=True)
            await asked.wait()


structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
try:
    asyncio.run(hold(Path(sys.argv[1])))
except CareError as fault:
    print(fault, file=sys.stderr)
    sys.exit(1)
