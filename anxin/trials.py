"""`POST /api/v1/rules/try`: a backtest for the screens, bounded in time and size. Start at `Trials.ask`.

The work is done by a process of its own with a low priority: the event loop that shows alarms waits for nothing, and a
trial that takes too long is ended like any process. `python -m anxin.trials` is that process: a `Wish` on standard
input, the answer on standard output.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from datetime import datetime
from typing import Any

import msgspec

from anxin.backtest import Stored, compare
from care.errors import CareError, Misconfigured, Reason, Refused, Temporary
from care.site import HomeOrders, Site
from rules.catalog import from_layers
from rules.trial import Change, with_limit, with_orders, with_override

MOST_READINGS = 6_000_000
"""One home with a belt that speaks every 5 seconds has about 90,000 a day."""
SECONDS = 60.0
AT_ONCE = 2
ANSWER_BYTES = 4_000_000


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of the process."""

    url: str
    site: Site
    layers: list[dict[str, str]]
    begin: datetime
    end: datetime
    limits: dict[str, bool | int | float | str]
    resident: str | None = None
    rules: str | None = None
    orders: HomeOrders | None = None
    """What was set for the resident's home while the service ran: the past is heard as it was judged."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What it says: the answer, or one sentence why not."""

    answer: dict[str, Any] | None = None
    refused: str = ""
    too_much: bool = False


class Trials:
    """Runs trials for the API."""

    def __init__(self, url: str, layers: list[dict[str, str]]) -> None:
        self._url = url
        self._layers = layers
        self._running = 0

    async def __call__(
        self,
        *,
        site: Site,
        begin: datetime,
        end: datetime,
        limits: dict[str, bool | int | float | str],
        resident: str | None,
        rules: str | None,
        orders: HomeOrders | None = None,
    ) -> dict[str, Any]:
        """The answer. Raises Misconfigured (it cannot be tried), Refused (too much), Temporary (busy, too slow)."""
        if self._running >= AT_ONCE:
            raise Temporary("other trials are running; try again in a minute")
        wish = Wish(
            url=self._url, site=site, layers=self._layers, begin=begin, end=end, limits=limits, resident=resident, rules=rules,
            orders=orders,
        )  # fmt: skip
        self._running += 1
        try:
            found = await _ask(msgspec.msgpack.encode(wish))
        finally:
            self._running -= 1
        if found.too_much:
            raise Refused(
                Reason.too_large, f"more than {MOST_READINGS:,} readings; try fewer days or one home"
            )
        if found.answer is None:
            raise Misconfigured(found.refused)
        return found.answer


async def _ask(wish: bytes) -> Answer:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "anxin.trials",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with asyncio.timeout(SECONDS):
            out, _ = await process.communicate(wish)
    except TimeoutError:
        raise Temporary(f"it took longer than {SECONDS:g} s; try fewer days or homes") from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode != 0 or len(out) > ANSWER_BYTES:
        raise Temporary("the trial failed")
    return msgspec.json.decode(out, type=Answer)


def carry_out(wish: Wish) -> Answer:
    """The trial itself."""
    try:
        book = from_layers(wish.layers)
        new = from_layers([*wish.layers, {"rules": wish.rules}]) if wish.rules is not None else book
        base = site = wish.site if wish.orders is None else with_orders(wish.site, wish.orders)
        for name, value in wish.limits.items():
            if wish.resident is None:
                site = with_limit(site, new, name, value)
            else:
                site = with_override(site, new, name, value, wish.resident, wish.begin, wish.end)
        change = Change(base, book, site, new)
        past = Stored(wish.url, wish.site)
        if past.holds_more_than(MOST_READINGS, change.homes(), wish.begin, wish.end):
            return Answer(too_much=True)
        begin = past.reaching(change.homes(), wish.begin, wish.end)  # the answer's `from` says so
        return Answer(answer=compare(change, past, begin, wish.end, processes=1))
    except CareError as error:
        return Answer(refused=str(error)[:1000])


def main() -> None:
    """The process: one wish, one answer."""
    os.nice(10)
    wish = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Wish)
    sys.stdout.buffer.write(msgspec.json.encode(carry_out(wish)))


if __name__ == "__main__":
    main()
