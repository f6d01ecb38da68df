"""JSON as broken firmware and strangers write it, which no JSON writer of ours would: used by the laws of the codecs.

Start at `odd_json`. Texts are put together from raw pieces, so that keys stand twice, numbers are none or have
hundreds of digits, texts hold half a surrogate pair or a NUL, and the nesting is deep.
"""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

NUMBERS = [
    "1e400", "-1e400", "NaN", "Infinity", "-Infinity", "1E+999999", "1e-400", "-0", "-0.0", "9" * 25, "-" + "9" * 400, "0." + "3" * 400,
    str(2**53 + 1), str(2**63), str(-(2**63) - 1), str(2**64), "1e308", "01", "+1", "1.", ".5", "0x1F", "1_000", "٣",
]  # fmt: skip
TEXTS = [
    r'"\ud800"', r'"\udfff\ud800"', '"\ud800"', r'"\u0000"', r'"a\u0000b"', '"\x00"', r'"\u202e"', '"\u200b"', '"1e400"', '"NaN"', '"-Infinity"',
    '"' + "9" * 400 + '"', '"' + "x" * 5_000 + '"', r'"\ud83d\ude00"', r'"{\"smoke\":1e400}"', r'"[\"\\ud800\"]"', '"\ufeff"', "'smoke'", '"', "nul", "True",
]  # fmt: skip
ORDINARY = [
    "null",
    "true",
    "false",
    "0",
    "1",
    "21.5",
    "71",
    '"ON"',
    '"alarm"',
    '"64/100"',
    '"2026-05-23T04:00:00Z"',
    "1779508800000",
]
AROUND = [
    (b"", b""), (b"\xef\xbb\xbf", b""), (b"\xff\xfe", b""), (b"\x00", b""), (b"", b"\x00"), (b"", b"\n\x00\x00"), (b" \t\r\n", b" "), (b"", b","),
    (b"", b"}"), (b"\xef\xbb\xbf\xef\xbb\xbf", b""),
]  # fmt: skip


def nested(depth: int, piece: tuple[str, str], inner: str) -> str:
    return piece[0] * depth + inner + piece[1] * depth


def odd_json(names: st.SearchStrategy[str]) -> st.SearchStrategy[bytes]:
    """Payloads whose keys are of `names`."""
    keys = names.map(json.dumps) | st.sampled_from([r'"\ud800"', r'"\u0000"', '""', '"\ufeff"'])
    leaf = st.sampled_from(ORDINARY) | st.sampled_from(NUMBERS) | st.sampled_from(TEXTS)
    deep = st.builds(
        nested,
        st.sampled_from([3, 15, 16, 17, 200, 3_000]),
        st.sampled_from([("[", "]"), ('{"a":', "}"), ('[{"value":', "}]"), ("[", ""), ('{"data":', "")]),
        leaf,
    )

    def grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        pairs = st.lists(st.tuples(keys, inner), max_size=5)
        twice = st.builds(lambda found, again: [*found, *((k, again) for k, _ in found)], pairs, inner)
        written: Any = st.one_of(pairs, twice).map(lambda p: "{" + ",".join(f"{k}:{v}" for k, v in p) + "}")
        return written | st.lists(inner, max_size=4).map(lambda i: f"[{','.join(i)}]")

    values = st.recursive(leaf | leaf | deep, grow, max_leaves=12)
    return st.builds(
        lambda text, around: around[0] + text.encode("utf-8", "surrogatepass") + around[1],
        grow(values) | values,
        st.sampled_from(AROUND),
    )
