"""What people read: messages and state words in Chinese and English, as data in `texts.yaml`.

`message(alert, delivery, …)` writes one. Desk and responders get title and building; a family's message names
nobody and nothing that happened, and whatever may show on a lock screen says nothing of a body (domain P-05): which
channels those are and what they say instead is data (`lock_screen` in the file).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from alerts import scripts
from alerts.alert import Alert
from alerts.cases import AREA
from alerts.events import Delivery, Purpose, ResumedWhy, Why
from alerts.roster import RESPONDER_ROLES
from alerts.rotaasks import RotaAsk
from care.schematic import named_building
from care.site import Home, Registry, RotaChange
from care.words import AlertState, Level

FILE = Path(__file__).with_name("texts.yaml")
LANGUAGES = ("zh", "en")
TOGETHER_SHOWN = 12
"""Lines of a message that tells of several cases: what a phone shows without scrolling for ever."""


@lru_cache(maxsize=1)
def texts() -> dict[str, Any]:
    """The texts as they stand in the file."""
    data: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return data


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent: a title and a body; the body ends with the link, if there is one."""

    title: str
    body: str
    words: str
    """The body without the link."""


def building_of(home: Home | None) -> str:
    """Estate and building without staircase and door: what may show on a lock screen or a wall."""
    if home is None:
        return ""
    return home.building or named_building(home.address) or next(iter(home.address.split()), "")


def _where(alert: Alert, registry: Registry, language: str) -> str:
    """The building a message names; the centre's name of a case of its own; of many homes, how many buildings."""
    if registry.is_centre(alert.home):
        return registry.site.community.centre_name
    named = building_of(registry.homes.get(alert.home))
    others = {building_of(registry.homes.get(home)) for home in alert.homes} - {named, ""}
    return (
        str(texts()["words"]["places"][language]).format(first=named, n=len(others) + 1, more=len(others))
        if others
        else named
    )


def level_words(alert: Alert, language: str = "zh") -> str:
    """应急响应, 健康提醒, 基础服务."""
    return str(texts()["words"]["level"][language][alert.level.value])


def state_words(alert: Alert, language: str = "zh") -> str:
    """What people have done about it, in words for the screen; of a case that is loud again, why; that nobody is there in time, or any more."""
    words = texts()["words"]
    if alert.open and alert.resumed:
        return str(words["resumed"][language][(alert.resumed_why or ResumedWhy.idle).value])
    if alert.deserted_at is not None and alert.state is not AlertState.new:
        return str(words["deserted"][language]["going" if alert.going else "alone"])
    if alert.overdue and alert.state is not AlertState.new:
        return str(words["overdue"][language])
    # Asked is not on the way: nobody may think that help is coming while nobody has said so.
    asked = alert.state is AlertState.dispatched and not alert.going
    return str(words["state"][language]["asked" if asked else alert.state.value])


def resumed_words(reason: str, language: str = "zh") -> str:
    """Why a case became loud again; a reason of another version of the program as it stands."""
    words: dict[str, str] = texts()["words"]["resumed"][language]
    return words.get(reason, reason)


def title_of(alert: Alert, language: str = "zh") -> str:
    """The title in a language; in Chinese when there is none in it."""
    return alert.title.get(language) or alert.title.get("zh") or alert.code


def public_title(level: Level, pictogram: str, language: str = "zh") -> str:
    """What may be read by whoever looks at the phone of somebody who goes there: a danger by its name, no more of a person."""
    words: dict[str, str] = texts()["words"]["public"][language]
    return words.get(pictogram, words[level.value]) if level is Level.red else words[level.value]


def may_show_locked(channel: str) -> bool:
    """Whether a message by this channel may be read on the lock screen of a phone; a channel that is not known may."""
    return channel not in texts()["lock_screen"]["never_on"]


def locked_title(alert: Alert, language: str = "zh") -> str:
    """What the desk's own phones show while they lie about: a danger or a device by its title, of a person's state nothing."""
    rules = texts()["lock_screen"]
    codes = {alert.code, *(f.code for f in alert.findings if not f.of)}
    if alert.pictogram in rules["whole"] and not codes.intersection(rules["but"]):
        return title_of(alert, language)
    words: dict[str, str] = rules["words"][language]
    return words.get(alert.pictogram, words[alert.level.value])


def _title_for(alert: Alert, delivery: Delivery, audience: str, language: str, *, centre: bool) -> str:
    """The title for the desk; of those who go there only a tester is told by name, of the device that is tested.

    A case of the centre itself is about nobody: everybody who is told reads what it is.
    """
    if audience == "responder" and delivery.reason is not Why.testing and not centre:
        return public_title(alert.level, AREA if alert.cause == AREA else alert.pictogram, language)
    if may_show_locked(delivery.channel):
        return locked_title(alert, language)
    return title_of(alert, language)


def _begins(alert: Alert, registry: Registry) -> str:
    """Which first message says what the desk's first key does: ring the home, send somebody, or neither."""
    script = scripts.script_for(alert, home=registry.homes.get(alert.home))
    if script.steps[0].send:
        return "opened_send"
    return Why.opened.value if script.ring else "opened_look"


def _todo(alert: Alert, language: str) -> str:
    """What a case of the centre itself asks of whoever is told."""
    words: dict[str, str] = texts()["words"]["todo"][language]
    return words.get(alert.cause.partition(":")[0], words["other"])


def _span(seconds: float, language: str) -> str:
    words = texts()["words"]
    if seconds < 120:
        return str(words["seconds"][language]).format(n=round(seconds))
    return str(words["minutes"][language]).format(n=round(seconds / 60))


def _audience(delivery: Delivery, registry: Registry) -> str:
    staff = registry.staff.get(delivery.person)
    if staff is None:
        return "family"
    return "responder" if staff.role in RESPONDER_ROLES else "desk"


def _numbered(number: int, alert: Alert, registry: Registry, language: str) -> str:
    """The number a message begins with; of a practice home with the mark right behind it, so that no lock screen cuts it off."""
    home = registry.homes.get(alert.home)
    if home is None or not home.simulated:
        return str(number)
    return f"{number}【模拟】" if language == "zh" else f"{number} [simulated]"


def message(
    alert: Alert,
    delivery: Delivery,
    *,
    registry: Registry,
    now: datetime,
    link: str | None = None,
    language: str = "zh",
) -> Message:
    """The message of a delivery. It begins with the alert's number; a link, when given, ends the body."""
    audience = _audience(delivery, registry)
    entry = texts()[audience]
    reason = delivery.reason.value
    rung = next((r for r in alert.plan if r.step == delivery.step), None)
    if delivery.reason is Why.escalated and rung is not None and rung.promise:
        reason = "deserted" if alert.deserted_at is not None else "promise"
    if audience == "family" and reason == Why.arrived and alert.cause == AREA:
        reason = "arrived_area"  # at one of the homes, perhaps not at theirs
    centre = registry.is_centre(alert.home)
    if reason == Why.opened and audience == "desk" and not centre:
        reason = _begins(alert, registry)
    if alert.resumed and audience == "desk" and reason in (Why.escalated.value, Why.reminder.value):
        # Somebody had it: why it comes back, not that nobody took it.
        reason = "resumed"
    if centre and reason in texts()["centre"]:
        entry = texts()["centre"]
    if reason not in entry:
        # A family hears that somebody checks, whatever the reason; everybody else has the desk's words.
        entry = texts()["desk"] if audience != "family" else entry
        reason = reason if reason in entry else "acknowledged"
    words = texts()["words"]
    late = ""
    if alert.late_seconds >= 60:
        late = str(words["late"][language]).format(minutes=round(alert.late_seconds / 60))
    fill = {
        "number": _numbered(alert.number, alert, registry, language),
        "level": level_words(alert, language),
        "title": _title_for(alert, delivery, audience, language, centre=centre),
        "building": _where(alert, registry, language),
        "todo": _todo(alert, language),
        "state": state_words(alert, language),
        "waited": _span((now - alert.opened_at).total_seconds(), language),
        "occurrences": alert.occurrences,
        "late": late,
    }
    chosen = entry[reason][language]
    body = plain = str(chosen["body"]).format(**fill).lstrip("。. ，,")
    if link is not None and delivery.purpose is not Purpose.inform:
        body = f"{body}\n{words['link'][language][delivery.purpose.value]}{link}"
    return Message(title=str(chosen["title"]).format(**fill), body=body, words=plain)


def together(
    pairs: Sequence[tuple[Alert, Delivery]],
    *,
    registry: Registry,
    link_of: Callable[[Delivery], str | None] = lambda _: None,
    language: str = "zh",
) -> Message:
    """One message for several of one person, the worst first. It ends with the link (`link_of`) of the worst that wants an answer; the others are on their screens."""
    worst = sorted(pairs, key=lambda p: (-p[1].level.rank, p[1].due_at, p[1].number))
    first = worst[0][1]
    words = texts()["words"]["together"][language]
    title = str(words["title"]).format(number=first.number, n=len(worst))
    lines: list[str] = []
    for alert, delivery in worst:
        if _audience(delivery, registry) == "family":
            line = str(words["family"]).format(number=_numbered(delivery.number, alert, registry, language))
        else:
            line = str(words["line"]).format(
                number=_numbered(delivery.number, alert, registry, language),
                level=level_words(alert, language),
                title=_title_for(
                    alert,
                    delivery,
                    _audience(delivery, registry),
                    language,
                    centre=registry.is_centre(alert.home),
                ),
                building=_where(alert, registry, language),
            )
        if line not in lines:
            lines.append(line)
    shown = lines[:TOGETHER_SHOWN]
    if len(lines) > len(shown):
        shown.append(str(words["more"]).format(n=len(lines) - len(shown)))
    body = plain = "\n".join(shown)
    wanted = next((d for _, d in worst if d.purpose is not Purpose.inform), None)
    if wanted is not None and (link := link_of(wanted)) is not None:
        verb = texts()["words"]["link"][language][wanted.purpose.value]
        body = f"{plain}\n#{wanted.number} {verb}{link}"
    return Message(title=title, body=body, words=plain)


def trial_message(*, link: str | None, name: str, language: str = "zh") -> Message:
    """The harmless message by which a channel is tried; its link confirms that a person read it."""
    words = texts()["words"]["test"][language]
    body = plain = str(words["body"]).format(community=name)
    if link is not None:
        body = f"{body}\n{words['link']}{link}"
    return Message(title=str(words["title"]), body=body, words=plain)


def _when(start: datetime, end: datetime, registry: Registry, language: str) -> str:
    """「5 月 23 日 07:00–19:00」 on the community's clock; both days when they differ."""
    a, b = start.astimezone(registry.zone), end.astimezone(registry.zone)

    def day(at: datetime) -> str:
        return f"{at.month} 月 {at.day} 日 " if language == "zh" else f"{at:%d %b} "

    return f"{day(a)}{a:%H:%M}–{'' if a.date() == b.date() else day(b)}{b:%H:%M}"


def rota_message(
    what: str,
    person: str,
    *,
    registry: Registry,
    change: RotaChange | None,
    ask: RotaAsk | None,
    link: str,
    language: str = "zh",
) -> Message:
    """What a member of staff is told of a change of the rota (`what`: set, withdrawn) or of a request (asked, declined)."""
    words = texts()["words"]["rota"][language]

    def name(who: str | None) -> str:
        staff = registry.staff.get(who or "")
        return staff.name if staff is not None else str(who)

    def covered(cover: str | None) -> str:
        return str(words["by_cover"]).format(name=name(cover)) if cover else str(words["uncovered"])

    lines: list[str] = []
    if change is not None:
        for part in change.away:
            span = _when(part.from_, part.until, registry, language)
            if part.staff == person:
                lines.append(str(words["away"]).format(span=span, cover=covered(part.cover)))
            if part.cover == person:
                lines.append(str(words["cover"]).format(span=span, name=name(part.staff)))
        lines += [
            str(words["besides"]).format(span=_when(p.from_, p.until, registry, language))
            for p in change.besides
            if p.staff == person
        ]
        if what == "withdrawn":
            spans = "、".join(
                dict.fromkeys(_when(p.from_, p.until, registry, language) for p in change.parts)
            )
            lines = [f"{words['withdrawn']}{spans}"]
    elif ask is not None:
        span = _when(ask.from_, ask.until, registry, language)
        lines.append(str(words[what]).format(name=name(ask.staff), span=span, cover=covered(ask.cover)))
    body = "\n".join(lines)
    return Message(title=str(words["titles"][what]), body=f"{body}\n{words['link']}{link}", words=body)
