"""What to say and do on the phone, by kind of case and by who lives there: `scripts.yaml` and its reader.

`script_for(alert, …)` gives the script of a case with names, numbers and adaptations filled in.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path

import msgspec
import yaml

from alerts import codes
from alerts.alert import Alert
from care import english
from care.errors import Misconfigured
from care.site import Home

FILE = Path(__file__).with_name("scripts.yaml")
RING_SECONDS = 40
"""How long a home is let ring (domain.md 4.6); an adaptation may say longer."""
CONFIRMED = "confirmed"
"""The tag by which a rule says that something else bears the danger out (rules/catalog)."""
SEVERAL = "several_residents"
"""Several live there and nothing says whom the case is about: whoever phones asks (domain.md 3.6)."""


class ScriptStep(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of the three things to do."""

    when: str
    do: str
    detail: str = ""
    when_en: str = ""
    do_en: str = ""
    detail_en: str = ""
    send: bool = False
    """Somebody is sent before anybody telephones: what the first key of the desk does then."""


class Suggestion(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Outcome codes offered beforehand; empty: nothing is known of it. A person chooses."""

    cause: str = ""
    actions: list[str] = []
    outcome: str = ""
    truth: str = ""


class Offers(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What either answer makes likely."""

    yes: Suggestion | None = None
    no: Suggestion | None = None


class Rechecks(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """After how long the home is rung again, by the answer that was met with advice."""

    yes: float | None = None
    no: float | None = None


class _Says(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What an answer means for somebody in particular; what is left out stays."""

    yes: str = ""
    no: str = ""


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A yes/no question, what either answer means, and which question follows (`end`: none)."""

    id: str
    ask: str
    yes: str
    no: str
    after_yes: str | None = None
    after_no: str | None = None
    offer: Offers | None = None
    recheck_seconds: Rechecks | None = None
    instead: dict[str, _Says] = {}
    """Flag or condition → what is said to such a person instead."""


class _Script(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    title: str
    codes: list[str]
    steps: list[ScriptStep]
    questions: list[Question]
    say: str = ""
    """Empty: nobody is rung who would be read a sentence."""
    suggest_when: dict[str, Suggestion] = {}
    causes: list[str] = []
    """What such a case mostly turns out to be, the likeliest first."""
    ring: bool = True
    """Whether whoever lives there is rung by the desk's first key."""
    of_area: bool = False
    """About many homes: nobody's flags change it."""
    hint: str = ""
    again: ScriptStep | None = None
    """Instead of the first step, once the danger alarmed again."""
    confirmed: ScriptStep | None = None
    """Instead of either, once something else in the home bears the danger out."""
    dialect: str = ""
    """`say` for whoever speaks the dialect of Ningbo; empty: the sentence stays, a colleague says it."""


class _Change(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is left out stays as the script has it."""

    when: str | None = None
    do: str | None = None
    detail: str | None = None
    send: bool = False


class _Adaptation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    word: str
    hint: str = ""
    dialect: bool = False
    ring_seconds: int | None = None
    first: _Change | None = None
    second: _Change | None = None


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    scripts: list[_Script]
    adapt: dict[str, _Adaptation]
    english: dict[str, str]
    """Titles, steps and hints as an English screen shows them; what is said to the resident stays as it is."""


class Script(msgspec.Struct, frozen=True):
    """A script ready to be read aloud."""

    id: str
    title: str
    say: str
    steps: list[ScriptStep]
    questions: list[Question]
    hints: list[str]
    suggest: Suggestion | None
    """What the devices themselves have shown."""
    causes: list[str] = []
    """What such a case mostly turns out to be, the likeliest first."""
    ring: bool = True
    """Whether whoever lives there is rung by the desk's first key; where step 1 sends, by the second."""
    title_en: str = ""
    hints_en: list[str] = []


class _Blank(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return ""


@lru_cache(maxsize=1)
def _file() -> _File:
    try:
        data = msgspec.convert(yaml.safe_load(FILE.read_text(encoding="utf-8")), _File)
    except msgspec.ValidationError as error:
        raise Misconfigured(f"scripts.yaml: {error}") from None
    for script in data.scripts:
        if len(script.steps) != 3:
            raise Misconfigured(f"scripts.yaml, {script.id}: a script has three steps")
        ids = {q.id for q in script.questions} | {"end", None}
        for question in script.questions:
            if question.after_yes not in ids or question.after_no not in ids:
                raise Misconfigured(f"scripts.yaml, {script.id}: {question.id} leads to no question")
        for cause in script.causes:
            if not codes.known("cause", cause):
                raise Misconfigured(f"scripts.yaml, {script.id}: there is no cause {cause}")
        answers = [o for q in script.questions if q.offer is not None for o in (q.offer.yes, q.offer.no)]
        for offer in (*script.suggest_when.values(), *answers):
            if offer is None:
                continue
            said = [
                ("cause", offer.cause),
                ("outcome", offer.outcome),
                ("truth", offer.truth),
                *(("action", a) for a in offer.actions),
            ]
            for kind, code in said:
                if code and not codes.known(kind, code):
                    raise Misconfigured(f"scripts.yaml, {script.id}: there is no {kind} {code}")
    said_in_chinese = {s.title for s in data.scripts}
    told = [step for s in data.scripts for step in (*s.steps, s.again, s.confirmed) if step is not None]
    said_in_chinese |= {word for step in told for word in (step.when, step.do)}
    said_in_chinese |= {step.detail for s in data.scripts for step in s.steps if _in_chinese(step.detail)}
    changes = [c for a in data.adapt.values() for c in (a.first, a.second) if c is not None]
    said_in_chinese |= {word for c in changes for word in (c.when, c.do) if word is not None}
    hints = [s.hint for s in data.scripts] + [a.hint for a in data.adapt.values()]
    said_in_chinese |= {hint for hint in hints if hint}
    for words in sorted(said_in_chinese ^ set(data.english)):
        raise Misconfigured(f"scripts.yaml, english: {words} is missing, or no script says it")
    if "*" not in data.scripts[-1].codes:
        raise Misconfigured("scripts.yaml: the last script fits everything")
    return data


def _in_chinese(detail: str) -> bool:
    """Whether a detail has words of its own beside what is filled in."""
    return any("\u4e00" <= c <= "\u9fff" for c in detail)


def _fits(script: _Script, code: str) -> int:
    """How closely a script fits a code: the length of its longest pattern that matches, -1 for none."""
    return max((len(p.rstrip("*")) for p in script.codes if fnmatchcase(code, p)), default=-1)


def _script_of(code: str) -> _Script:
    return max(_file().scripts, key=lambda s: _fits(s, code))


def answered(code: str, note: str) -> tuple[str | None, float | None]:
    """The id of the question that a note answers, and after how many seconds the home is rung again when that answer
    was met with advice; None for both when it is no answer of the case's script.

    The screens keep an answer as a note: the question, then 是 or 否, in the community's language.
    """
    for question in _script_of(code).questions:
        again = question.recheck_seconds or Rechecks()
        for answer, seconds in (("是", again.yes), ("否", again.no)):
            if note == f"{question.ask}{answer}":
                return question.id, seconds
    return None, None


def public_steps(code: str, begins: str = "") -> list[ScriptStep]:
    """The three steps for a screen that visitors see: without details, and as if nothing were known of whoever lives there.

    `code` is one that may be named there; any other word gives the steps that fit everybody. `begins` is the `when` of the first step of
    the desk's script: whether the danger alarmed again, or is confirmed.
    """
    script = _script_of(code)
    graver = (step for step in (script.confirmed, script.again) if step is not None and step.when == begins)
    first = next(graver, script.steps[0])
    blank, data = _Blank(ring=str(RING_SECONDS)), _file()
    return [
        ScriptStep(
            step.when,
            step.do.format_map(blank),
            when_en=data.english[step.when],
            do_en=data.english[step.do].format_map(blank),
            send=step.send,
        )
        for step in (first, *script.steps[1:])
    ]


def flag_word(flag: str) -> str | None:
    """What a flag or condition is called on the card, if it changes how one phones."""
    found = _file().adapt.get(flag)
    return found.word if found is not None else None


def _said_to(question: Question, marks: Sequence[str]) -> Question:
    """A question as it is asked of this person: whoever is confused is not told to turn off the gas."""
    says = next((question.instead[mark] for mark in marks if mark in question.instead), None)
    if says is None:
        return question
    return msgspec.structs.replace(question, yes=says.yes or question.yes, no=says.no or question.no)


def script_for(
    alert: Alert,
    *,
    operator: str = "",
    device: str = "",
    room: str = "",
    centre: str = "居家养老服务中心",
    desk_phone: str = "",
    since: str = "",
    home: Home | None = None,
    flags: Iterable[str] = (),
) -> Script:
    """The script of a case.

    `operator`, `device`, `room`, `centre` are words to be read aloud; `desk_phone` is the centre's own number, `since` when it began (the community's wall clock); `home` gives phone, key and first contact;
    `flags` are flags and conditions of the people at home (by default those of the home's residents).
    """
    data = _file()
    script = _script_of(alert.code)
    marks = list(flags)
    if home is not None and not marks and not script.of_area:
        about = [r for r in home.residents if alert.resident in (None, r.id)]
        marks = [m for r in about for m in (*r.flags, *r.conditions)]
    if home is not None and not script.of_area and alert.resident is None and len(home.residents) > 1:
        marks = [*marks, SEVERAL]
    adaptations = [data.adapt[m] for m in dict.fromkeys(marks) if m in data.adapt]
    contact = home.contacts[0] if home is not None and home.contacts else None
    fill = _Blank(
        operator=operator,
        device=device or "报警器",
        room=room,
        centre=centre,
        desk_phone=desk_phone,
        since=since,
        homes=str(len(alert.welfare)),
        home_phone=home.phone if home is not None else "",
        contact=" ".join(p for p in (contact.relation, contact.name, contact.phone) if p) if contact else "",
        key=home.access.key if home is not None else "",
        ring=str(max((a.ring_seconds for a in adaptations if a.ring_seconds), default=RING_SECONDS)),
    )
    fill_en = _Blank(fill)
    if contact is not None and (relation := english.relation(contact.relation)):
        fill_en["contact"] = " ".join(p for p in (relation, contact.name, contact.phone) if p)
    if home is not None and (key := english.key_place(home.access.key)):
        fill_en["key"] = key

    def say(text: str) -> str:
        return text.format_map(fill)

    def detail(text: str, words: _Blank) -> str:
        # 「钥匙：」 without a key is no detail.
        filled = text.format_map(words)
        return "" if filled.endswith(("：", ": ")) else filled

    steps = list(script.steps)
    sentence = script.say
    for adaptation in adaptations:
        if adaptation.dialect:
            sentence = script.dialect or sentence
        for n, change in ((0, adaptation.first), (1, adaptation.second)):
            # They say how one reaches a person: where nobody is rung first, there is nothing to change.
            if change is not None and script.ring:
                old = steps[n]
                steps[n] = ScriptStep(
                    old.when if change.when is None else change.when,
                    old.do if change.do is None else change.do,
                    old.detail if change.detail is None else change.detail,
                    send=change.send,
                )
    questions = [_said_to(question, marks) for question in script.questions]
    shown = {t for f in alert.findings for t in f.tags} | {alert.code}
    # Last, because no way of telephoning is enough now; what is confirmed needs more than what came again.
    if script.again is not None and alert.again_at is not None:
        steps[0] = script.again
    if script.confirmed is not None and CONFIRMED in shown:
        steps[0] = script.confirmed
    offer = next((s for sign, s in script.suggest_when.items() if sign in shown), None)
    hints = [h for h in (script.hint, *(a.hint for a in adaptations)) if h]
    return Script(
        id=script.id,
        title=script.title,
        say=say(sentence),
        steps=[
            ScriptStep(
                s.when,
                say(s.do),
                detail(s.detail, fill),
                data.english[s.when],
                data.english[s.do].format_map(fill_en),
                detail(data.english.get(s.detail, s.detail), fill_en),
                s.send,
            )
            for s in steps
        ],
        questions=questions,
        hints=hints,
        hints_en=[data.english[h] for h in hints],
        suggest=offer,
        causes=script.causes,
        ring=script.ring,
        title_en=data.english[script.title],
    )


def check() -> None:
    """Read the file. Raises Misconfigured with what is wrong in it."""
    _file.cache_clear()
    _file()
