"""How we check whom we speak to over TLS, and what went wrong in one sentence. Start at `context` and `sentence`.

Nothing is sent from here: whoever connects passes what it caught.
"""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Hints:
    """What a person can set where the sentence is read."""

    authority: str = "--ca"
    papers: str = "--cert and --key"
    """Empty where we have no certificate of our own to show."""


OPTIONS = Hints()
SETTINGS = Hints("mqtt.ca", "")


def context(
    authority: Path | None, certificate: Path | None = None, key: Path | None = None
) -> ssl.SSLContext:
    """How whom we speak to is checked: TLS 1.2 or newer, its certificate and its name.

    `authority`: a PEM file of whoever may have made its certificate, instead of those that the system trusts.
    `certificate` and `key`: PEM files of our own. Raises ValueError with a sentence when a file cannot be used.
    """
    if key is not None and certificate is None:
        raise ValueError("--key without --cert: give the certificate that the key belongs to")
    file: Path | None = authority
    try:
        made = ssl.create_default_context(cafile=authority)
        made.minimum_version = ssl.TLSVersion.TLSv1_2
        if authority is not None and not made.cert_store_stats()["x509"]:
            raise ValueError(f"{file} cannot be used for TLS: there is no certificate in it")
        if certificate is not None:
            file = certificate
            made.load_cert_chain(certificate, key)
    except OSError as error:  # an SSLError is one
        why = (
            error.strerror
            if not isinstance(error, ssl.SSLError) and error.strerror
            else "it is not what it should be in PEM"
        )
        raise ValueError(f"{file} cannot be used for TLS: {why}") from None
    return made


# What OpenSSL calls it, and what it means for whoever reads.
_SAFE = "it speaks no TLS version that is still safe (1.2 or newer is wanted)"
_WORDS = (
    ("WRONG_VERSION_NUMBER", "it does not speak TLS on this port; write mqtt:// or name the port that does"),
    ("PROTOCOL_VERSION", _SAFE),
    ("UNSUPPORTED_PROTOCOL", _SAFE),
    ("UNKNOWN_CA", "it does not know who made our certificate"),
    ("BAD_CERTIFICATE", "it does not take our certificate"),
)
NOT_TLS = "it ends the connection before a word is said; perhaps this port is without TLS: write mqtt://"
PERHAPS_TLS = "it ends the connection without an answer; perhaps this port wants TLS: write mqtts://"


def perhaps_papers(hints: Hints = OPTIONS) -> str:
    """Why a broker that was reached by TLS says nothing."""
    what = f": give {hints.papers}" if hints.papers else ", and we have none to show"
    return f"it ends the connection without an answer; perhaps it wants a certificate from us{what}"


def sentence(error: OSError, *, tls: bool, hints: Hints = OPTIONS) -> str:
    """Why a broker cannot be reached, for a person, without its address and without a full stop."""
    if isinstance(error, ssl.SSLCertVerificationError):
        why = (error.verify_message or "it cannot be checked").rstrip(".")
        hint = (
            ""
            if "expired" in why or "not yet" in why
            else f"; give {hints.authority} with the file of whoever made it, or the name that it is made out to"
        )
        return f"its certificate is refused: {why}{hint}"
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return NOT_TLS
    if isinstance(error, ssl.SSLError):
        text = f"{error.reason or ''} {error}".upper()
        give = f"; give {hints.papers}" if hints.papers else ", and we have none to show"
        if "CERTIFICATE_REQUIRED" in text:
            return f"it wants a certificate from us{give}"
        if "HANDSHAKE_FAILURE" in text:
            shown = f" ({hints.papers})" if hints.papers else ""
            return f"it and we have no kind of TLS in common, or it wants a certificate from us{shown}"
        return next((words for mark, words in _WORDS if mark in text), f"TLS fails: {error.reason or error}")
    if isinstance(error, socket.gaierror):
        return "there is no machine of that name"
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens there"
    if isinstance(error, TimeoutError):
        return "it does not answer"
    if tls and isinstance(error, ConnectionResetError | BrokenPipeError):
        return NOT_TLS
    return (error.strerror or str(error) or type(error).__name__).lower()
