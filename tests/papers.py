"""Certificates for tests: an authority of one's own, and what it makes out, good or bad."""

from __future__ import annotations

import datetime as dt
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOUR = dt.timedelta(hours=1)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Authority:
    """Makes certificates for 127.0.0.1 (unless told otherwise) that are good for an hour."""

    def __init__(self, folder: Path, name: str = "an authority for tests") -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        self._made = 0
        signed = self._sign(self._name, self._key, dt.datetime.now(dt.UTC) + HOUR, None, ca=True)
        self.pem = folder / f"{name.replace(' ', '-')}.pem"
        self.pem.write_bytes(signed.public_bytes(serialization.Encoding.PEM))

    def _sign(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        until: dt.datetime,
        address: str | None,
        *,
        ca: bool,
    ) -> x509.Certificate:
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(until - 2 * HOUR)
            .not_valid_after(until)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        if address is not None:
            there = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
            made = made.add_extension(there, critical=False)
        return made.sign(self._key, hashes.SHA256())

    def certificate(self, address: str = "127.0.0.1", *, expired: bool = False) -> tuple[Path, Path]:
        """Files of a certificate and its key."""
        self._made += 1
        key = ec.generate_private_key(ec.SECP256R1())
        until = dt.datetime.now(dt.UTC) + (-HOUR / 2 if expired else HOUR)
        signed = self._sign(_name("a broker for tests"), key, until, address, ca=False)
        pem, secret = self._folder / f"{self._made}.pem", self._folder / f"{self._made}.key"
        pem.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        secret.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return pem, secret
