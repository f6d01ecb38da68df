"""`anxin doctor` about the history in force and the certificate that devices are shown."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from anxin import doctor
from anxin.settings import Address, Mqtt, Settings
from care.disk import scarce
from care.errors import Misconfigured

NOON = datetime(2026, 11, 22, 4, tzinfo=UTC)


def certificate(folder: Path, *ends: float, begins: float = -1) -> tuple[Path, Path]:
    """PEM files of a chain whose parts end so many days from noon."""
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in ends]
    parts = []
    for n, (days, key) in enumerate(zip(ends, keys, strict=True)):
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"part {n}")])
        parts.append(
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(n + 1)
            .not_valid_before(NOON + timedelta(days=min(begins, days - 1)))
            .not_valid_after(NOON + timedelta(days=days))
            .sign(key, hashes.SHA256())
        )
    files = folder / "chain.pem", folder / "key.pem"
    files[0].write_bytes(b"".join(p.public_bytes(serialization.Encoding.PEM) for p in parts))
    files[1].write_bytes(
        keys[0].private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return files


@pytest.mark.parametrize(
    ("ends", "begins", "state", "says"),
    [
        ((90.5,), -1, "good", "valid for 90 more days"),
        ((30.5,), -1, "fault", "valid for 30 more days only"),
        ((-2,), -9, "fault", "ended on 2026-11-20"),
        ((90.5, 12.5), -1, "fault", "valid for 12 more days only (its issuer CN=part 1 ends first)"),
        ((90.5,), 3, "fault", "not valid before 2026-11-25"),
    ],
)
def test_the_certificate_of_devices_is_looked_at(
    tmp_path: Path, ends: tuple[float, ...], begins: float, state: str, says: str
) -> None:
    """Good, about to end, ended, a chain of which one part ends, and one that begins later."""
    line = doctor.certificate_of_devices(*certificate(tmp_path, *ends, begins=begins), NOON)
    assert (line.part, line.state) == ("mqtt", state)
    assert says in line.detail


def test_files_that_do_not_fit_are_a_fault(tmp_path: Path) -> None:
    """The key of another certificate is named with both files."""
    (tmp_path / "other").mkdir()
    ours, other = certificate(tmp_path, 90), certificate(tmp_path / "other", 90)
    with pytest.raises(Misconfigured, match="cannot be used"):
        doctor.certificate_of_devices(ours[0], other[1], NOON)


async def test_without_tls_it_says_who_can_come() -> None:
    """No certificate is no fault; an open listener without one is named."""
    home = Settings(mqtt=Mqtt(listen=Address("127.0.0.1", 1883)))
    assert (await doctor._mqtt_certificate(home)).detail == "devices come without TLS, from this machine only"
    wide = Settings(mqtt=Mqtt(listen=Address("0.0.0.0", 1883)))
    assert "0.0.0.0:1883 without TLS" in (await doctor._mqtt_certificate(wide)).detail


@pytest.mark.parametrize(
    ("variant", "offered", "installed", "says"),
    [
        (None, None, None, "no history yet"),
        ("plain", None, None, "history in plain partitioned tables, shape 3"),
        ("plain", 1, None, "offered, but this database was made without it"),
        ("timescale", 1, "2.21.0", "history with TimescaleDB 2.21.0, shape 3"),
        ("timescale_apache", 1, "2.21.0", "without its licensed features"),
    ],
)
def test_the_history_in_force_is_named(
    variant: str | None, offered: int | None, installed: str | None, says: str
) -> None:
    """What the database was made with, not what the server offers today."""
    assert says in doctor.history_in_force(variant, 3 if variant else None, offered, installed)


async def test_the_broker_that_is_told_is_where_devices_connect(tmp_path: Path) -> None:
    """The embedded broker's own port means nothing to a device: the door before it is asked, and missed when it is shut."""
    inner = await asyncio.start_server(lambda _, w: w.close(), "127.0.0.1")
    door = await asyncio.start_server(lambda _, w: w.close(), "127.0.0.1")
    port = door.sockets[0].getsockname()[1]
    url = f"mqtt://127.0.0.1:{inner.sockets[0].getsockname()[1]}"
    settings = Settings(data_dir=tmp_path, mqtt=Mqtt(url=url, listen=Address("127.0.0.1", port)))
    line = await doctor._broker(settings, own=True)
    assert (line.state, line.detail) == ("good", f"listens on 127.0.0.1:{port}")
    assert (await doctor._broker(settings)).detail == f"listens on {url.removeprefix('mqtt://')}"
    door.close()
    await door.wait_closed()
    line = await doctor._broker(settings, own=True)
    assert line.state == "fault"
    assert line.detail.startswith(f"devices cannot connect to 127.0.0.1:{port}: ")
    inner.close()
    await inner.wait_closed()


@pytest.mark.parametrize(
    ("free", "total", "told"),
    [(30, 1000, False), (19, 1000, True), (5, 100, True), (11, 100, False), (0.9, 2, True), (1.5, 2, False)],
)
def test_a_disk_is_scarce_by_what_is_left_and_by_its_share(free: float, total: float, told: bool) -> None:
    """GiB: under one always, under a tenth unless twenty are left."""
    assert scarce(int(free * 1024**3), int(total * 1024**3)) is told
