"""The site in force, as the stream tells it, for those who need to know whose a device is."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import msgspec
from structlog import get_logger

from care.errors import Temporary
from care.messages import decode
from care.site import Registry, Site
from care.stream import REGISTRY, Stream

log = get_logger("ingest")


async def registries(stream: Stream) -> AsyncIterator[Registry]:
    """The registry in force, then each change, for ever; an empty one when no site has been loaded yet."""
    empty = Registry(decode(b'{"community":{"id":"none","name":""}}', Site))
    seen = False
    while True:
        try:
            async with contextlib.aclosing(stream.watch(REGISTRY, "site")) as entries:  # type: ignore[type-var]
                async for entry in entries:
                    if entry is None:
                        if not seen:
                            yield empty
                    elif entry.data is not None:
                        try:
                            registry = Registry(decode(entry.data, Site))
                        except msgspec.MsgspecError:
                            log.warning("registry_unreadable", revision=entry.revision)
                            continue
                        seen = True
                        yield registry
        except Temporary:
            await asyncio.sleep(0.2)
