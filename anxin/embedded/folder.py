"""The data folder of a service: made private, and what is remembered in it (passwords, ports, ids)."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets as entropy
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from anxin.settings import (
    Address,
)
from anxin.supervisor import (
    read_private,
    write_private,
)
from care.errors import Misconfigured

FIRST_FREE_PORT = 20_000
"""Ports we choose ourselves begin here: above what well-known services use."""


def open_data_dir(data_dir: Path) -> None:
    """Make the data folder if need be. Others may pass through it (the database runs as another user), not look."""
    try:
        if not data_dir.exists():
            data_dir.mkdir(parents=True)
            data_dir.chmod(0o711 if os.geteuid() == 0 else 0o700)
        elif not data_dir.is_dir():
            raise Misconfigured(f"data_dir {data_dir} is not a folder")
    except OSError as fault:
        raise Misconfigured(f"data_dir {data_dir} cannot be made: {fault.strerror}") from None
    if not os.access(data_dir, os.R_OK | os.W_OK | os.X_OK):
        raise Misconfigured(
            f"data_dir {data_dir} belongs to another user; give another one, or run as its owner"
        )


@dataclass(frozen=True, slots=True)
class Kept:
    """What is made once for a data folder and kept there (0600): a name, passwords, and ports to come back to."""

    data_dir: Path
    id: str
    client_id: str
    """Our persistent session at the broker; who knows it could take the session over."""
    passwords: Mapping[str, str] = field(repr=False)

    @classmethod
    def of(cls, data_dir: Path) -> Kept:
        """Read it, or make it."""
        file = data_dir / "secrets.json"
        content = read_private(file)
        made = {
            "id": entropy.token_hex(4),
            "client_id": f"ingest-{entropy.token_hex(12)}",
            **{
                name: entropy.token_hex(24)
                for name in ("service", "system", "ingest", "device", "owner", "anxin")
            },
        }
        if file.exists() and not content:
            raise Misconfigured(f"{file} cannot be read; without it the data folder's own passwords are lost")
        if made.keys() - content.keys():
            content = {**made, **content}
            write_private(file, content)
        return cls(data_dir, content["id"], content["client_id"], content)

    def port(self, name: str, *, avoid: Iterable[int] = ()) -> int:
        """A free loopback port, the same as last time if it still is free."""
        file = self.data_dir / "ports.json"
        ports = read_private(file)
        wanted = ports.get(name)
        if isinstance(wanted, int) and wanted not in avoid and is_free(Address("127.0.0.1", wanted)):
            return wanted
        ports[name] = free_port(avoid)
        write_private(file, ports)
        return int(ports[name])


def is_free(address: Address) -> bool:
    """Can a server listen there now? Raises `Misconfigured` when the host is none of this machine's."""
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror:
        raise Misconfigured(f"{address} is no address of this machine") from None
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(place)
            probe.listen(1)
        except PermissionError:
            raise Misconfigured(f"{address} needs more rights than we have; take a port above 1023") from None
        except OSError as fault:
            if fault.errno == errno.EADDRNOTAVAIL:
                raise Misconfigured(f"{address} is no address of this machine") from None
            return False
    return True


class Ports:
    """Ports that this process means to listen on, told to every other one that asks in the same way.

    Between a look at a port and the listening there it still looks free to a second start. The mark is a name in the
    kernel (unix(7), abstract): any user sees it, no file stays, and it goes with the process. Where there are no such
    names nothing is marked, and the look alone decides.
    """

    def __init__(self) -> None:
        self._marks: list[socket.socket] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        while self._marks:
            self._marks.pop().close()

    def take(self, address: Address) -> bool:
        """Whether nobody listens there and nobody means to; from now on we do. Port 0 is any free one: always ours."""
        if address.port == 0:
            return True
        mark = socket.socket(socket.AF_UNIX)
        try:
            mark.bind(f"\0anxin-port-{address.port}")
        except OSError as fault:
            mark.close()
            if fault.errno == errno.EADDRINUSE:
                return False
        else:
            self._marks.append(mark)
        return is_free(address)


def free_port(avoid: Iterable[int] = ()) -> int:
    """A loopback TCP port that nobody listens on.

    It lies below those that the kernel gives to outgoing connections: between this look and the listening, or while
    a part is being started again, one of those would take a port from there.
    """
    lowest = _ephemeral_from()
    for _ in range(200):
        port = FIRST_FREE_PORT + entropy.randbelow(lowest - FIRST_FREE_PORT)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            if port not in avoid:
                return port
    raise Misconfigured(f"no free TCP port between {FIRST_FREE_PORT} and {lowest} on 127.0.0.1")


def _ephemeral_from() -> int:
    """The first port the kernel gives to outgoing connections (ip(7), ip_local_port_range)."""
    try:
        lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        lowest = 0
    return lowest if lowest >= FIRST_FREE_PORT + 1000 else 65536
