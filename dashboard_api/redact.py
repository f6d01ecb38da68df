"""What each view may know. Pure, and by allow-list: a field that is not named here does not leave the house.

`for_view` takes the desk's Alert (`present.alert_json`) and a viewer, and gives what that viewer may see, or None
when the case is none of theirs. The wall hangs where visitors stand: no room, no full name, no phone, no key, no
word of anybody's health. A responder who has not accepted learns what a passer-by would; the room and the key come
with the acceptance. A relative hears how it goes, in words, as far as the elder agreed.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import Any

from alerts import scripts, texts
from alerts.alert import GOING
from alerts.cases import AREA, case_rules
from alerts.repairs import Did
from care.site import Home, Resident
from care.words import Level, Role
from dashboard_api import access, wording

Json = dict[str, Any]

_PLAIN = (
    "id",
    "number",
    "level",
    "raised_at",
    "late_seconds",
    "condition",
    "state",
    "state_words",
    "state_words_en",
    "step",
    "next_step_at",
    "arrive_by",
    "acknowledge_by",
    "occurrences",
    "version",
    "test",
    "acknowledged_at",
    "owned_at",
    "closed_at",
    "hold_until",
    "resumed",
    "resumed_why",
    "recheck_at",
    "overdue",
    "micro_grid",
    "simulated",
    "at_centre",
)
"""Says nothing about a person."""

PUBLIC_KINDS = frozenset({"smoke", "gas", "co", "sos", "fall", "water", "device"})
"""What a wall may name of a red case. A bed or a heart says something of somebody's health: 「应急响应」."""
_NEUTRAL = frozenset({"smoke", "gas", "co", "sos", "water", "device", "other"})
"""Pictograms that say nothing of anybody's health."""
_GOING = frozenset({"accepted", "departed", "arrived"})


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks: the view, and for views of one person, who it is."""

    view: str
    person: str | None = None
    """The responder's staff id, or the relative's contact id."""
    homes: frozenset[str] = frozenset()
    """The relative's homes."""
    residents: frozenset[str] = frozenset()
    """Who of them agreed that the relative hears how things are."""
    health: bool = True
    """At a desk: whether words about somebody's health may be read when the case is closed, or about no person."""
    record: bool = False
    """At a desk: only what happened and who did what (an auditor)."""


def surname(name: str) -> str:
    """A member of staff as a wall names them: 陈**."""
    return wording.masked(name)


def _person(person: Json | None) -> Json | None:
    return None if person is None else {"id": person["id"], "name": surname(person["name"])}


def _plain(alert: Json) -> Json:
    return {key: alert[key] for key in _PLAIN if key in alert}


def building(place: Json | None) -> str | None:
    """Estate and building; the micro-grid's name when the address does not tell the building from the flat."""
    if place is None:
        return None
    named: str | None = place.get("estate_building")
    if named and named != place.get("address"):
        return named
    return place.get("micro_grid")


def _public_title(alert: Json) -> str:
    if alert.get("at_centre"):
        return str(alert["title"])  # of the service itself: about nobody
    if alert["level"] == "red" and alert["kind"] in PUBLIC_KINDS:
        return texts.public_title(Level.red, AREA if alert.get("cause") == AREA else alert["kind"])
    return wording.CATEGORY[alert["level"]]


def _public_kind(alert: Json) -> str:
    return alert["kind"] if alert["kind"] in _NEUTRAL and alert["level"] == "red" else "other"


def _public_code(alert: Json) -> str:
    """The catalogue's code names what is wrong with whom; a wall gets only those of dangers."""
    return (
        alert["code"]
        if alert["level"] == "red" and alert["kind"] in PUBLIC_KINDS and alert["kind"] != "fall"
        else ""
    )


_BLIND = secrets.token_bytes(16)
"""Anew with each start of the service, as is the picture that every screen then gets."""


def _group(alert: Json) -> str:
    """What a case is folded by in a flood, without the word: equal for equal causes. 「bed」 says something of somebody's health."""
    cause = str(alert.get("cause") or alert["code"]).split(":")[0]
    return hashlib.blake2b(cause.encode(), key=_BLIND, digest_size=6).hexdigest()


def _ladder(alert: Json) -> list[Json]:
    return [
        {
            **{k: step[k] for k in ("step", "at_seconds", "due_at", "label", "state", "late_seconds")},
            "to": [surname(n) for n in step["to"]],
            **({"promise": True} if step.get("promise") else {}),
        }
        for step in alert["ladder"]
    ]


def _public_script(alert: Json) -> Json | None:
    """What a wall says is done about a red: the steps of a danger it may name, else those that fit everybody."""
    if alert["level"] != "red" or not alert.get("script"):
        return None
    begins = next((s["when"] for s in alert["script"].get("steps", ())), "")
    steps = scripts.public_steps(_public_code(alert), begins)
    return {
        "title": "",
        "steps": [
            {
                "n": n,
                "when": s.when,
                "do": s.do,
                "when_en": s.when_en,
                "do_en": s.do_en,
                "send": s.send,
            }
            for n, s in enumerate(steps, 1)
        ],
    }


def wall(alert: Json) -> Json:
    """A case on the wall screen."""
    place = alert.get("place")
    public = None
    if place is not None:
        public = {
            "estate_building": building(place),
            "buildings": place.get("buildings"),
            "micro_grid": place.get("micro_grid"),
            "grid": place.get("grid"),
        }
    return {
        **_plain(alert),
        "code": _public_code(alert),
        "title": _public_title(alert),
        **({"title_en": alert["title_en"]} if alert.get("at_centre") else {}),
        # Of many homes: so many, and nobody by name.
        **(
            {"cause": AREA, "title_en": texts.public_title(Level.red, AREA, "en")}
            if alert.get("cause") == AREA and alert["level"] == "red"
            else {}
        ),
        "kind": _public_kind(alert),
        # When a danger that may be named began; of a body, even that would tell how long a rule has watched it.
        **({"onset_at": alert["onset_at"]} if _public_code(alert) else {}),
        "group": _group(alert),
        "home": alert["home"],
        "owner": _person(alert["owner"]),
        "responders": [
            {
                "id": r["id"],
                "name": surname(r["name"]),
                "role_words": r["role_words"],
                "state": r["state"],
                "at": r["at"],
            }
            for r in alert["responders"]
        ],
        "ladder": _ladder(alert),
        "script": _public_script(alert),
        "place": public,
        # Which buildings a case of many homes colours on the map; how each of them is stays inside.
        "welfare": [{"home": w["home"]} for w in alert.get("welfare", ())],
        "people": [{"name": surname(p["name"])} for p in alert["people"]],
    }


def responder(alert: Json, person: str) -> Json | None:
    """A case on the phone of somebody who goes there; None when it was not offered to them."""
    own = next((r for r in alert["responders"] if r["id"] == person), None)
    if own is None or own["state"] == "declined":
        return None
    place = alert.get("place") or {}
    out: Json = {
        **_plain(alert),
        "code": "",
        "title": _public_title(alert),
        "kind": _public_kind(alert),
        "owner": alert["owner"],
        "responders": [
            {k: r[k] for k in ("id", "name", "role_words", "state", "at", "lead", "walk_minutes")}
            # From where somebody sets out is nobody else's business: it may be where they live.
            | ({"way": r["way"], "arrived_by": r.get("arrived_by")} if r["id"] == person else {})
            for r in alert["responders"]
        ],
        "place": {
            "estate_building": building(place),
            "buildings": place.get("buildings"),
            "floor": place.get("floor"),
            "lift": place.get("lift"),
            "micro_grid": place.get("micro_grid"),
            "grid": place.get("grid"),
            "location": place.get("location"),
        },
    }
    if alert.get("cause") == AREA:
        # It names nobody, and says what to be ready for.
        out |= {key: alert[key] for key in ("title", "title_en", "kind")} | {"homes": len(alert["welfare"])}
    if own["state"] in _GOING and alert["state"] != "closed":
        out |= {
            "code": alert["code"],
            "title": alert["title"],
            "kind": alert["kind"],
            "home": alert["home"],
            "room": alert["room"],
            "onset_at": alert["onset_at"],
            # The centre's number stands on the phone's page anyway, and not as a home's.
            "place": out["place"] if alert.get("at_centre") else alert["place"],
            "people": alert["people"],
            "contacts": alert["contacts"],
            "called": [{"to": c["to"], "result": c["result"], "at": c["at"]} for c in alert["called"]],
            # Of a case of many homes: to which doors.
            "welfare": alert.get("welfare", []),
        }
        out |= {k: alert[k] for k in ("photos", "photos_agreed") if k in alert}
    return out


_FAMILY_STATES = {
    "new": ("社区正在核实一条提醒", "The community team is checking a notice from home"),
    "acknowledged": (
        "社区正在核实一条提醒，工作人员已接警",
        "The community team is checking a notice from home; somebody is dealing with it",
    ),
    "dispatched": ("工作人员正在上门", "Somebody is on their way to the home"),
    "asked": ("已通知工作人员上门", "Somebody has been asked to go to the home"),
    "attended": ("工作人员已到家中", "Somebody has arrived at the home"),
    "relieved": (
        "到过的工作人员已离开，接手的人正在上门",
        "Whoever was at the home has left; somebody else is on their way",
    ),
    "deserted": (
        "到过的工作人员已离开，社区正在安排人接手",
        "Whoever was at the home has left; the community team is finding somebody else",
    ),
    "closed": ("已处理完毕", "Dealt with"),
}
_FAMILY_OUTCOMES = {
    "O1": ("平安", "all is well"),
    "O2": ("已送医，请与服务中心联系", "taken to hospital, please ring the centre"),
    "O3": ("险情已排除", "the danger is over"),
    "O4": ("社区会继续跟进", "the community team will follow it up"),
}


def family_words(
    state: str,
    outcome: str | None,
    language: str = "zh",
    *,
    who: str = "",
    going: bool = True,
    left: bool = False,
) -> str:
    """How a case goes, for a relative, in `zh` or `en`: what the service does and who took it, never a diagnosis.

    Not `going`: whoever was asked has not accepted yet, and nobody is said to be on the way. `left`: somebody was there
    and nobody is now.
    """
    n = 1 if language == "en" else 0
    if state == "dispatched" and left:
        state = "relieved" if going else "deserted"
    words = _FAMILY_STATES["asked" if state == "dispatched" and not going else state][n]
    if state == "acknowledged" and who:
        words = words.replace(("工作人员", "somebody")[n], who)
    if state == "closed" and outcome in _FAMILY_OUTCOMES:
        return f"{words}{': ' if n else '：'}{_FAMILY_OUTCOMES[outcome][n]}"
    return words


_AREA_OPEN = (
    "家里的安全设备断线（停电或断网）",
    "The safety devices at home are cut off (no power or no network)",
)
_AREA_NOW = {
    "safe": ("社区已联系上老人，平安", "the community team has spoken to them, all is well"),
    "visit": ("社区正安排人上门看望", "the community team is sending somebody to look in"),
    "no_answer": ("社区正在联系老人", "the community team is trying to reach them"),
    None: ("社区正在逐户联系", "the community team is asking at each home"),
}
_AREA_CLOSED = ("设备断线已处理", "The devices' outage has been dealt with")


def area_words(state: str, result: str | None, language: str = "zh") -> str:
    """How a case of many homes goes, for a relative of one of them: by what is known of that home (`result`), and of no other.

    Whoever arrived, arrived somewhere.
    """
    n = 1 if language == "en" else 0
    if state == "closed":
        well = f"{': ' if n else '：'}{_FAMILY_OUTCOMES['O1'][n]}" if result == "safe" else ""
        return f"{_AREA_CLOSED[n]}{well}"
    return f"{_AREA_OPEN[n]}{'; ' if n else '，'}{_AREA_NOW.get(result, _AREA_NOW[None])[n]}"


def family(alert: Json, homes: frozenset[str], residents: frozenset[str]) -> Json | None:
    """A case on a relative's phone; None when it is another home's, or about somebody who did not agree.

    A case of many homes is each one's own: nothing of it says which others there are, or how it is there.
    """
    area = alert.get("cause") == AREA
    checked = {one["home"]: one["result"] for one in alert.get("welfare", ())} if area else {}
    home = next((h for h in (alert["home"], *checked) if h in homes), None)
    if home is None or alert["level"] == "blue" or not residents:
        return None
    if not area and alert["resident"] is not None and alert["resident"] not in residents:
        return None
    state = alert["state"]
    if area and state not in ("new", "closed"):
        state = "acknowledged"
    return {
        "id": alert["id"],
        "number": alert["number"],
        "level": alert["level"],
        "code": "",
        "title": "家中有一条提醒",
        "kind": "other",
        "home": home,
        "raised_at": alert["raised_at"],
        "acknowledged_at": alert["acknowledged_at"],
        "closed_at": alert["closed_at"],
        "condition": alert["condition"],
        "state": state,
        "state_words": area_words(state, checked.get(home))
        if area
        else family_words(
            state,
            (alert.get("outcome") or {}).get("outcome"),
            who=(alert["owner"] or {}).get("name", ""),
            going=any(r["state"] in GOING for r in alert["responders"]),
            left=any(r.get("arrived_at") for r in alert["responders"]),
        ),
        "version": alert["version"],
        "simulated": alert.get("simulated", False),
    }


def without_health(person: Json) -> Json:
    """Somebody's line without what it says of their health; that there was something is not told either."""
    return {**person, "tags": [t for t in person["tags"] if not t["health"]], "health_hidden": True}


def _about_person(alert: Json) -> bool:
    """Whether a case is open and about how somebody is: whoever works on it needs to know of their health."""
    return alert["state"] != "closed" and case_rules().of_person(
        alert["cause"], Level(alert["level"]), test=alert["test"]
    )


def _without_values(finding: Json) -> Json:
    """A finding of a case that is over, or about no person, without what was measured of a body: which device spoke, and when, stays."""
    body = any(access.is_health(e["quantity"]) for e in finding["evidence"])
    return {
        **finding,
        "evidence": [
            {**e, "value": None} if access.is_health(e["quantity"]) else e for e in finding["evidence"]
        ],
        # What is usual for somebody was measured as well.
        **({"parameters": {}, "parameter_sources": {}} if body else {}),
    }


_RECORDED = (
    *_PLAIN,
    "code",
    "title",
    "title_en",
    "kind",
    "cause",
    "home",
    "resident",
    "room",
    "onset_at",
    "visit_by",
    "owner",
    "called",
    "ladder",
    "related",
)
"""What happened and who did what, in fields that hold nothing else."""
_FINDING = (
    "finding", "rule", "rule_version", "code", "level", "title", "device", "room", "phase", "condition", "onset_at", "cleared_at",
    "occurrences", "home", "of",
)  # fmt: skip
_PLACE = (
    "estate_building", "buildings", "unit_room", "address", "floor", "lift", "micro_grid", "grid", "location", "distance_m",
)  # fmt: skip
_STEPS_WITH_REASON = frozenset({"undone", "reopened"})
"""Whose `reason` somebody wrote; everybody else's is one of our own words."""


def record(alert: Json) -> Json:
    """A case for an auditor: what, when, where and who; no telephone, key, word of health, measured value or free text."""
    place, outcome = alert.get("place"), alert.get("outcome")
    return {
        **{key: alert[key] for key in _RECORDED if key in alert},
        "responders": [{**r, "phone": None} for r in alert["responders"]],
        "nearby": [],
        "findings": [
            {
                **{key: f[key] for key in _FINDING},
                "evidence": [{**e, "value": None} for e in f["evidence"]],
                "parameters": {},
                "parameter_sources": {},
                "tags": [],
            }
            for f in alert["findings"]
        ],
        "deliveries": [{**d, "detail": ""} for d in alert["deliveries"]],
        "outcome": {**outcome, "note": ""} if outcome is not None else None,
        "place": {key: place[key] for key in _PLACE if key in place} if place is not None else None,
        "people": [without_health(p) for p in alert["people"]],
        "contacts": [{**c, "phone": ""} for c in alert["contacts"]],
        "script": {"title": "", "steps": [], "questions": []},
        "welfare": [
            {**w, "phone": None, "key": None, "key_en": None, "door_code": False, "tags": [], "note": ""}
            for w in alert["welfare"]
        ],
    }


def without(body: Any, *fields: str) -> Any:
    """Anything the service says, with nothing in these fields: telephones, or what somebody wrote."""
    if isinstance(body, dict):
        return {k: "" if k in fields and v else without(v, *fields) for k, v in body.items()}
    return [without(one, *fields) for one in body] if isinstance(body, list) else body


def without_phones(body: Any) -> Any:
    """Anything the service says, without the telephones in it."""
    return without(body, "phone")


def repair(order: Json) -> Json:
    """A maintenance order for an auditor: who had it and what was done to what, without what somebody wrote in it."""
    ours = {did.value for did in Did}  # said without a note, it stands in the note's place
    steps = [s if s["what"] == "assigned" or s["note"] in ours else {**s, "note": ""} for s in order["steps"]]
    return {**order, "why": "", "steps": steps}


def recorded(item: Json) -> Json:
    """A step of a case's timeline for an auditor: without what somebody wrote, which may say anything of anybody."""
    out = {k: v for k, v in item.items() if k not in ("note", "detail")}
    if item["type"] in _STEPS_WITH_REASON:
        out.pop("reason", None)
        out["words"] = item["words"].partition("：")[0]
    if isinstance(item.get("outcome"), dict):
        out["outcome"] = {**item["outcome"], "note": ""}
    return out


def known_to(person: Json, role: Role, *, case_open: bool) -> Json:
    """Somebody in a list or on a card, as a role may read it."""
    return person if access.may_know_health(role, case_open=case_open) else without_health(person)


def for_view(alert: Json, viewer: Viewer) -> Json | None:
    """What a viewer may see of a case; None when it is none of theirs. An unknown view sees nothing."""
    match viewer.view:
        case "desk" if viewer.record:
            return record(alert)
        case "desk" if not viewer.health and not _about_person(alert):
            return {
                **alert,
                "people": [without_health(p) for p in alert["people"]],
                "welfare": [
                    {**w, "tags": [t for t in w["tags"] if not t["health"]]} for w in alert.get("welfare", ())
                ],
                "findings": [_without_values(f) for f in alert["findings"]],
            }
        case "desk":
            return alert
        case "wall":
            return wall(alert)
        case "responder":
            return responder(alert, viewer.person) if viewer.person else None
        case "family":
            return family(alert, viewer.homes, viewer.residents)
        case _:
            return None


def me(person: Json, view: str) -> Json:
    """Who has opened the view: a wall shows no full name, not even of the person who started it."""
    return {**person, "name": surname(person["name"])} if view == "wall" else person


def gone(alert: Json) -> Json:
    """A case that is none of this viewer's any more: only enough to take it off the list."""
    return {
        "id": alert["id"],
        "number": alert["number"],
        "level": alert["level"],
        "code": "",
        "title": wording.CATEGORY[alert["level"]],
        "kind": "other",
        "raised_at": alert["raised_at"],
        "condition": "unknown",
        "state": "closed",
        "state_words": "已移交",
        "version": alert["version"],
    }


def duty(board: Json, view: str, *, record: bool = False) -> Json | None:
    """Who is on duty, as a view may name them; for an auditor (`record`) without telephones."""
    if view == "desk":
        seen = {k: v for k, v in board.items() if k != "chosen"}
        return {**seen, "responders": [{**r, "phone": None} for r in seen["responders"]]} if record else seen
    if view != "wall":
        return None
    return {
        "at": board["at"],
        "nobody": board["nobody"],
        "silent_steps": board["silent_steps"],
        "coverage": board["coverage"],
        "chosen": board.get("chosen"),
        "desk": [{**d, "name": surname(d["name"])} for d in board["desk"]],
        "responders": [
            {
                **{
                    k: r[k]
                    for k in ("id", "role", "role_words", "state", "micro_grids", "location", "minutes")
                },
                "name": surname(r["name"]),
                "doing": "忙" if r["state"] == "busy" else "空闲",
                "within": r.get("within"),
            }
            for r in board["responders"]
        ],
    }


def kpi(board: Json, view: str) -> Json:
    """The figures; who is to be visited next is for the desk only."""
    return board if view == "desk" else {k: v for k, v in board.items() if k != "next_visits"}


def closed_line(line: Json, view: str) -> Json | None:
    """A closed case in one line."""
    if view == "desk":
        return line
    if view != "wall":
        return None
    return {
        **{k: line[k] for k in ("id", "number", "at", "level", "seconds")},
        "title": wording.CATEGORY[line["level"]],
        "title_en": "",
        "words": "已结案",
        "words_en": "",
    }


def device(change: Json, view: str) -> Json | None:
    """A home whose protection changed: a wall counts, it does not name."""
    if view == "desk":
        return change
    if view != "wall":
        return None
    return {"home": None, "protection": change["protection"], "protection_words": change["protection_words"]}


def agreed(resident: Resident) -> bool:
    """Whether an elder agreed that relatives hear how things are: consent class `family` names `status`."""
    return resident.consent is not None and "status" in resident.consent.get("family", [])


def relative(home: Home, contact: str) -> Viewer:
    """The view of somebody's relative: their home, and those living there who agreed."""
    residents = frozenset(r.id for r in home.residents if agreed(r))
    return Viewer("family", contact, frozenset({home.id}), residents)
