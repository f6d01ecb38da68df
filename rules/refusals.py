"""Why a value of a limit does not count: a code, and the sentence in both languages. Start at `No`.

Whoever shows a refusal to people takes the sentence of their language; the log, `anxin site check` and the command line
take the English one, which is also what `str` gives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

SENTENCES: Final[dict[str, tuple[str, str]]] = {
    "not_yes_or_no": ("须为是或否", "must be true or false"),
    "not_a_time": ("须为一天中的时间，如 22:00", "must be a time of day like 22:00"),
    "no_such_time": ("`{value}` 不是一天中的时间，如 22:00", "`{value}` is not a time of day like 22:00"),
    "not_a_number": ("须为数字", "must be a number"),
    "below_bound": ("{value:g} 低于硬性下限 {bound:g}", "{value:g} is below the hard bound {bound:g}"),
    "above_bound": ("{value:g} 高于硬性上限 {bound:g}", "{value:g} is above the hard bound {bound:g}"),
    "nobody": ("任何人都不能改", "may be changed by nobody"),
    "second_person": (
        "放宽生命安全规则，须由另一人复核（`approved_by`）",
        "loosens a life-safety rule: a second person must approve it (`approved_by`)",
    ),
    "over_a_day": ("放宽生命安全规则不得超过 24 小时", "loosens a life-safety rule for longer than 24 hours"),
    "for_good": (
        "长期放宽生命安全规则不作数，只有更严的值才作数",
        "loosens a life-safety rule for good: only stricter values count",
    ),
    "as_strict": ("「{word}」同样严或更严", "`{word}` is as strict or stricter"),
    "no_such_limit": (
        "没有 `{limit}` 这项参数；见 GET /residents/{resident}/rules",
        "there is no limit `{limit}`; GET /residents/{resident}/rules lists them",
    ),
    "ends_before": ("`until` 须在 `from` 之后", "`until` must be after `from`"),
    "too_long": (
        "超过 {days} 天；长期不变的应写进住户档案",
        "lasts longer than {days} days; what is meant for good stands in the site file",
    ),
}
"""Chinese and English of every code."""


@dataclass(frozen=True)
class No:
    """One refusal. It is true as a condition, and reads as its English sentence."""

    code: str
    values: tuple[tuple[str, Any], ...] = ()
    about: str = ""
    """The limit it speaks of, where the sentence is to begin with its name."""

    @classmethod
    def of(cls, code: str, **values: Any) -> No:
        """A refusal with what its sentence names."""
        return cls(code, tuple(values.items()))

    def of_limit(self, limit: str) -> No:
        """The same, beginning with the name of the limit."""
        return No(self.code, self.values, limit)

    @property
    def zh(self) -> str:
        """For people, in Chinese."""
        return self._in(0)

    @property
    def en(self) -> str:
        """For people, in English."""
        return self._in(1)

    def _in(self, place: int) -> str:
        sentence = SENTENCES[self.code][place].format(**dict(self.values))
        return f"`{self.about}` {sentence}" if self.about else sentence

    def __str__(self) -> str:
        return self.en

    def said(self) -> dict[str, str]:
        """For programs and screens."""
        word = dict(self.values).get("word")
        return {"code": self.code, "zh": self.zh, "en": self.en} | ({"word": str(word)} if word else {})
