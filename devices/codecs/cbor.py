"""CBOR (RFC 8949) as plain values, as far as a device may need it: what `read_json` gives, from bytes. Start at `read_cbor`.

Only what JSON has as well is read, with decimal fractions (tag 4) and byte strings besides. What any other tag says is
no value: dates, regular expressions, big numbers and shared references are doors for whoever means ill, and no reading
needs them. Time and memory are bounded by the length of the payload.
"""

from __future__ import annotations

import math
from decimal import Decimal
from io import BytesIO
from typing import Any, Final

import cbor2

from care.errors import Reason, Refused
from devices.codecs import DEPTH_LIMIT, Wrong

SELF_DESCRIBED: Final = b"\xd9\xd9\xf7"
"""Tag 55799: "this is CBOR" (RFC 8949, 3.4.6)."""


def is_cbor(payload: bytes) -> bool:
    """Whether this begins as an array or a map of CBOR does. No JSON text can begin so."""
    return payload.startswith(SELF_DESCRIBED) or (payload != b"" and 0x80 <= payload[0] <= 0xBF)


def read_cbor(payload: bytes) -> Any:
    """One value of CBOR: dict (keys are texts or integers), list, text, bytes, number, bool, None. Raises Refused.

    A number that is none (NaN, infinity), `undefined` and whatever bears a tag become marks that only their own quantity
    is refused for. A key given twice refuses the message: it is not valid CBOR.
    """
    payload = payload.removeprefix(SELF_DESCRIBED)
    if not payload:
        raise Refused(Reason.not_json, "CBOR: cut short")
    decoder = cbor2.CBORDecoder(
        BytesIO(payload),
        max_depth=DEPTH_LIMIT,
        allow_duplicate_keys=False,
        semantic_decoders=_TAGS,
        tag_hook=_no_tag,
    )
    try:
        found = decoder.decode()
    except Exception as error:  # noqa: BLE001  the parser of somebody else, fed by anybody
        why = str(error)[:80]
        reason = Reason.too_deep if "depth" in why else Reason.not_json
        raise Refused(reason, f"CBOR: {why}") from None
    try:
        decoder.read(1)
    except cbor2.CBORDecodeEOF:
        return _plain(found)
    raise Refused(Reason.not_json, "CBOR: more behind the value")


def _no_tag(_value: Any, _immutable: bool) -> Wrong:
    return Wrong("a tag")


def _fraction(pair: Any, _immutable: bool) -> float | Wrong:
    """[exponent, mantissa] of ten, as far as a machine number holds it: an exponent of a billion takes no time."""
    if not (isinstance(pair, list | tuple) and len(pair) == 2 and all(type(n) is int for n in pair)):
        return Wrong("a fraction")
    exponent, mantissa = pair
    if not -400 <= exponent <= 400:
        return Wrong(f"{mantissa}e{exponent}"[:40])
    value = float(Decimal(mantissa).scaleb(exponent))
    return value if math.isfinite(value) else Wrong(f"{mantissa}e{exponent}"[:40])


FRACTION: Final = 4
_BUILT_IN: Final = (
    0,
    1,
    2,
    3,
    5,
    25,
    29,
    30,
    35,
    36,
    37,
    52,
    54,
    100,
    256,
    258,
    260,
    261,
    1004,
    43000,
    55799,
)
"""Tags that the library reads by itself; it asks `tag_hook` about all others. Without 29, the reference to something
that is shared, nothing can hold itself."""
_TAGS: Final[dict[int, Any]] = {**dict.fromkeys(_BUILT_IN, _no_tag), FRACTION: _fraction}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _plain(item)
            for key, item in value.items()
            if isinstance(key, str) or (isinstance(key, int) and not isinstance(key, bool))
        }
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else Wrong(str(value))
    if value is None or isinstance(value, bool | int | str | bytes | Wrong):
        return value
    return Wrong(type(value).__name__[:40])
