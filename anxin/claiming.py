"""A claim: an unclaimed device becomes a line of the site file, which is then loaded. By command and by HTTP alike.

Start at `Claims.claim`. `entry` makes the device of what was said, `replace_text` changes the file in one step. The file stays
the truth; all or nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
from pathlib import Path

from care import siteedit
from care.errors import Conflict, Misconfigured
from care.site import Device, Registry
from care.sitefile import SiteFaults, read_site
from care.stream import Stream
from care.words import Kind
from devices import entries as table


def entry(
    registry: Registry,
    listed: str,
    *,
    home: str,
    kind: Kind,
    room: str = "",
    name: str = "",
    resident: str = "",
    model: str = "",
) -> list[tuple[str, Device]]:
    """The device to be added, with its home. `listed` is what it is unclaimed as: its topic, or its id on our own topics.
    An id is made when none is given. Raises devices.entries.RowFaults with a sentence for each fault.
    """
    own = listed.removeprefix(f"anxin/v1/{home}/")
    native = "/" not in own
    made = name or (own if native else table.proposed_id(kind, home, registry.devices))
    cells = {
        "home": home,
        "id": made,
        "kind": kind.value,
        "room": room,
        "resident": resident,
        "model": model,
    }
    if not native or made != own:
        cells["address"] = f"anxin/v1/{home}/{own}" if native else listed
    return table.entries([table.Row(1, {k: v for k, v in cells.items() if v})], registry)


def replace_text(file: Path, before: str, after: str) -> None:
    """Replace the file in one step; whoever reads it sees the old or the new one. Raises Misconfigured."""
    real = file.resolve()
    try:
        if real.read_bytes() != before.encode("utf-8"):
            raise Misconfigured(
                f"{file} was changed by somebody else a moment ago; nothing was written, try again"
            )
        handle, name = tempfile.mkstemp(dir=real.parent, prefix=f".{real.name}.")
        try:
            with os.fdopen(handle, "wb") as new:
                new.write(after.encode("utf-8"))
                new.flush()
                os.fsync(new.fileno())
            Path(name).chmod(real.stat().st_mode & 0o7777)
            Path(name).replace(real)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise
    except OSError as error:
        raise Misconfigured(f"{file} cannot be written: {error.strerror}") from None


class Claims:
    """Claims into one site file, one after the other."""

    def __init__(self, file: Path, stream: Stream) -> None:
        self._file = file
        self._stream = stream
        self._turn = asyncio.Lock()

    async def claim(
        self, topic: str, *, home: str, kind: Kind, room: str, name: str, resident: str, model: str
    ) -> tuple[Device, int]:
        """Put it into the file and load that; gives the device and its line.

        Raises Conflict("claimed") when the topic is somebody's already, and Misconfigured with a sentence when it
        cannot be entered, when the file has faults, or cannot be written. Nothing is changed then.
        """
        async with self._turn:
            return await self._claim(topic, home, kind, room, name, resident, model)

    async def _claim(
        self, topic: str, home: str, kind: Kind, room: str, name: str, resident: str, model: str
    ) -> tuple[Device, int]:
        from anxin import wiring

        try:
            text = await asyncio.to_thread(self._file.read_text, "utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "it is not UTF-8 text"
            raise Misconfigured(f"{self._file.name} cannot be read: {why}") from None
        try:
            registry = Registry(await asyncio.to_thread(read_site, text))
            known = registry.by_topic(topic)
            if known is not None:
                in_force = await wiring.registry_now(self._stream)
                if in_force is not None and in_force.by_topic(topic) is not None:
                    raise Conflict("claimed", known[1].id)
                # Written and never loaded: the stream was away a moment ago.
                await wiring.load_site(self._stream, registry.site)
                lines = (n for n, line in enumerate(text.splitlines(), 1) if known[1].id in line)
                return known[1], next(lines, 1)
            found = entry(
                registry, topic, home=home, kind=kind, room=room, name=name, resident=resident, model=model
            )
            added = await asyncio.to_thread(
                siteedit.add_devices, text, found, write=lambda d: table.as_line(d).removeprefix("- ")
            )
        except SiteFaults as faults:
            shown = "; ".join(f"line {f.line}: {f.text}" for f in faults.faults[:5])
            raise Misconfigured(f"{self._file.name}: {shown}") from None
        except table.RowFaults as faults:
            raise Misconfigured("; ".join(f.removeprefix("row 1: ") for f in faults.faults)) from None
        await asyncio.to_thread(replace_text, self._file, text, added.text)
        await wiring.load_site(self._stream, added.site)
        return found[0][1], added.lines[0]
