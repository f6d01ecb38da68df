"""Logs that say facts and never a person's name, number, address, vital value or secret.

Start at `configure`. Pretty on a terminal, JSON elsewhere, always on standard error so that a command's
output stays clean. `redact` is the last word before a line is written: what is not on its list of known
keys is kept, but keys that carry personal things are blanked and secrets inside texts are cut out.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

PRIVATE_KEYS = frozenset(
    {
        "name", "names", "phone", "phones", "address", "key", "door_code", "password", "token", "secret", "url",
        "urls", "notify", "body", "title", "note", "payload", "sample", "value", "values", "heart_rate",
        "respiration_rate", "contact", "resident_name", "person_name",
    }
)  # fmt: skip
"""Log keys that are never written out."""

_CREDENTIALS = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*://)[^/\s@]+@", re.IGNORECASE)
_PHONE = re.compile(r"(?<!\d)(?:\+?86[- ]?)?(?:1[3-9]\d{9}|0\d{2,3}-?\d{7,8})(?!\d)")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def clean(text: str) -> str:
    """A text without credentials, telephone numbers and control characters (log injection)."""
    text = _CREDENTIALS.sub(lambda m: m["scheme"] + "…@", text)
    text = _PHONE.sub("(number)", text)
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r", "\\r"))


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: blank private keys, clean every text, whatever its depth."""
    for key, value in list(event.items()):
        event[key] = "(kept back)" if key in PRIVATE_KEYS else _deep(value)
    return event


def _deep(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {k: "(kept back)" if k in PRIVATE_KEYS else _deep(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_deep(v) for v in value]
    return value


def configure(*, role: str | None = None, quiet: bool = False, pretty: bool | None = None) -> None:
    """Set up structlog and the standard library's logging to write through the same processors.

    `quiet` leaves out everything below a warning, for commands that talk to a person anyway.
    """
    if pretty is None:
        pretty = sys.stderr.isatty()
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    finish: list[Any] = [structlog.processors.format_exc_info, redact]
    renderer: Any = (
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if pretty
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    level = logging.WARNING if quiet else logging.INFO
    structlog.configure(
        processors=[*shared, *finish, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *finish, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    if role is not None:
        structlog.contextvars.bind_contextvars(role=role)
