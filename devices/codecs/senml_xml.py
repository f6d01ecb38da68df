"""SenML in XML (RFC 8428, section 7) as the records that the same pack has in JSON. Start at `read_pack`.

The parser is defusedxml's: a document that brings a DTD is refused, so no entity grows and nothing is fetched. Time and memory are
bounded by the length of the payload. EXI (section 8) is not read.
"""

from __future__ import annotations

import math
from typing import Any, Final
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from care.errors import Reason, Refused
from devices.codecs import Wrong

NAMESPACE: Final = "{urn:ietf:params:xml:ns:senml}"
_NUMBERS: Final = frozenset({"bt", "bv", "bs", "bver", "v", "s", "t", "ut"})
_TRUTHS: Final = {"true": True, "1": True, "false": False, "0": False}
"""How XML Schema writes `vb`."""
_SPACE: Final = b" \t\r\n\xef\xbb\xbf"


def is_xml(payload: bytes) -> bool:
    """Whether this begins as XML does (a byte order mark may come first). No JSON text and no CBOR pack can begin so."""
    return payload.lstrip(_SPACE).startswith(b"<")


def read_pack(payload: bytes) -> list[dict[str, Any]]:
    """The records of a pack: label → text, number or truth. Raises Refused with the parser's reason.

    A number that is not finite becomes a mark; a number or truth that is none stays the text it is, so that only its own quantity is refused.
    """
    try:
        root = fromstring(payload, forbid_dtd=True)
    except DefusedXmlException:
        raise Refused(Reason.not_json, "XML: a DTD is not read") from None
    except (ParseError, ValueError, LookupError) as error:  # LookupError: an encoding nobody knows
        raise Refused(Reason.not_json, f"XML: {str(error)[:80]}") from None
    if root.tag != f"{NAMESPACE}sensml":
        raise Refused(Reason.not_json, "XML: a `sensml` in the namespace of RFC 8428 is wanted")
    return [
        {label: _plain(label, text) for label, text in record.attrib.items()}
        for record in root
        if record.tag == f"{NAMESPACE}senml"
    ]


def _plain(label: str, text: str) -> Any:
    if label in _NUMBERS:
        try:
            value = float(text)
        except ValueError:
            return text
        return value if math.isfinite(value) else Wrong("not a finite number")
    return _TRUTHS.get(text.strip(), text) if label == "vb" else text
