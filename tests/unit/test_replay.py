"""A replay is the service without its clock and its wires: the same hearts, the same bytes, whatever crashes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from anxin.replay import Film, Unreadable, run
from care.site import Site
from care.sitefile import read_site
from care.words import Exit
from rules.catalog import load

SITE = """\
community: {id: zpq, name: 总浦桥社区, timezone: Asia/Shanghai}
grids: [{id: g05, name: 第5网格, micro_grids: [{id: g05-2, name: 5-2 微网格}]}]
homes:
  - id: h1
    micro_grid: g05-2
    residents: [{id: r1, name: 周阿婆, tier: key, consent: {family: [status]}}]
    contacts: [{id: c1, name: 周女士, notify: ["json://127.0.0.1:1/family"], for: [red]}]
    devices:
      - {id: smoke-1, kind: smoke, room: kitchen, address: "zigbee2mqtt/h1/kitchen smoke"}
      - {id: belt-1, kind: bed_belt, resident: r1, room: bedroom}
      - {id: sos-1, kind: sos, room: bedroom}
      - {id: gas-1, kind: gas, room: kitchen}
staff:
  - {id: s01, name: 陈敏芝, role: operator, notify: ["json://127.0.0.1:1/desk"]}
  - {id: s02, name: 方静, role: supervisor, notify: ["json://127.0.0.1:1/boss"]}
  - {id: s03, name: 沈主任, role: admin, notify: ["json://127.0.0.1:1/head"]}
  - {id: s07, name: 林国平, role: grid_worker, micro_grids: [g05-2], notify: ["json://127.0.0.1:1/lin"]}
"""
SMOKE = "zigbee2mqtt/h1/kitchen smoke"


def at(clock: str) -> str:
    return f"2026-05-23T{clock}+08:00"


def smoke(clock: str, on: bool) -> dict[str, Any]:
    return {"at": at(clock), "topic": SMOKE, "payload": {"smoke": on, "battery": 86, "linkquality": 90}}


STORY: list[dict[str, Any]] = [
    smoke("12:00:01", on=False),
    smoke("12:06:24", on=True),
    smoke("12:06:25", on=True),
    {"at": at("12:07:30"), "command": "acknowledge", "alert": "last", "by": "s01"},
    {"at": at("12:07:40"), "command": "acknowledge", "alert": "last", "by": "s02"},
    {"at": at("12:08:00"), "command": "call", "alert": "last", "by": "s01", "to": "home", "result": "answered"},
    {"at": at("12:08:20"), "command": "close", "alert": "last", "by": "s01", "cause": "C02", "outcome": "O5"},
    {
        "at": at("12:08:30"), "command": "close", "alert": "last", "by": "s01", "cause": "C02", "verification": "V1",
        "actions": ["A1"], "outcome": "O1", "truth": "avoidable",
    },
    smoke("12:09:00", on=False),
    smoke("12:37:00", on=True),
    {"at": at("12:50:00"), "advance": True},
]  # fmt: skip
"""The reference case; the second alarm comes 31 minutes after the first, as in the real one (domain 3.4)."""


@pytest.fixture(scope="module")
def site() -> Site:
    return read_site(SITE)


def play(site: Site, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []
    film = Film(site, load(), out.append)
    for number, line in enumerate(lines, 1):
        film.feed(line, number)
    return out


def short(out: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(line["at"][11:19], line["type"]) for line in out if line["type"] != "delivery.due"]


def test_the_story_of_23_may(site: Site) -> None:
    """Raised at once, the ladder by the clock, taken, closed only with all codes, reopened under its number."""
    out = play(site, STORY)
    assert short(out) == [
        ("04:06:24", "finding.opened"),
        ("04:06:24", "alert.raised"),
        ("04:06:54", "alert.escalated"),
        ("04:07:24", "alert.escalated"),
        ("04:07:30", "alert.acknowledge"),
        ("04:07:40", "refused"),
        ("04:08:00", "alert.call"),
        ("04:08:20", "refused"),
        ("04:08:30", "alert.close"),
        ("04:14:00", "finding.cleared"),
        ("04:37:00", "finding.opened"),
        ("04:37:00", "alert.reopen"),
        ("04:37:00", "alert.joined"),
        ("04:37:30", "alert.escalated"),
        ("04:38:00", "alert.escalated"),
        ("04:39:00", "alert.escalated"),
        ("04:47:00", "alert.escalated"),
    ]
    numbers = {line["number"] for line in out if "number" in line}
    assert numbers == {1}
    assert {line["code"] for line in out if line["type"].startswith(("finding", "alert"))} == {"SM1"}
    first = [
        line["person"] for line in out if line["type"] == "delivery.due" and line["at"][11:19] == "04:06:24"
    ]
    assert sorted(first) == ["s01", "s07"]
    assert [line["reason"] for line in out if line["type"] == "refused"] == [
        "already_acknowledged",
        "not_reached_cannot_close",
    ]
    family = [line["reason"] for line in out if line["type"] == "delivery.due" and line["person"] == "c1"]
    assert family[0] == "acknowledged"


def test_each_person_is_told_once_for_each_reason(site: Site) -> None:
    """No person gets two messages for the same step and reason at the same moment."""
    due = [
        (line["at"], line["person"], line["channel"], line["step"], line["reason"])
        for line in play(site, STORY)
        if line["type"] == "delivery.due"
    ]
    assert len(due) == len(set(due))


def test_a_crash_at_any_point_changes_nothing(site: Site) -> None:
    """Dropping engine and desk before, between and after every line gives the same lines, every single one."""
    whole = play(site, STORY)
    for i in range(len(STORY) + 1):
        when = STORY[min(i, len(STORY) - 1)]["at"]
        crashed = [*STORY[:i], {"at": when, "crash": True}, *STORY[i:]]
        assert play(site, crashed) == whole, f"crash before line {i + 1}"
    everywhere = [part for line in STORY for part in ({"at": line["at"], "crash": True}, line)]
    assert play(site, everywhere) == whole


def test_a_crash_between_a_step_and_the_next_loses_no_timer(site: Site) -> None:
    """A crash at every second of the first two minutes: the ladder is never late, never early, never doubled."""
    quiet = [smoke("12:06:24", on=True), {"at": at("12:20:00"), "advance": True}]
    whole = play(site, quiet)
    for second in range(24, 150, 3):
        clock = f"12:{6 + second // 60:02d}:{second % 60:02d}"
        assert play(site, [quiet[0], {"at": at(clock), "crash": True}, quiet[1]]) == whole


def test_fed_twice_changes_nothing(site: Site) -> None:
    """The same messages again, as a broker may send them, open nothing and raise nothing."""
    messages = [
        {
            "at": at("12:00:00"),
            "topic": "anxin/v1/h1/sos-1",
            "payload": {"sos": True, "seq": 7, "time": at("12:00:00")},
        },
        {
            "at": at("12:00:05"),
            "topic": "anxin/v1/h1/gas-1",
            "payload": {"gas": True, "seq": 3, "time": at("12:00:05")},
        },
    ]
    end = {"at": at("12:01:00"), "advance": True}
    once = play(site, [*messages, end])
    twice = play(site, [m for message in messages for m in (message, message)] + [end])
    assert [line for line in twice if line["type"] != "finding.changed"] == once
    assert short(once)[:2] == [("04:00:00", "finding.opened"), ("04:00:00", "alert.raised")]


def test_a_late_sos_is_raised_and_says_how_late(site: Site) -> None:
    """Queued in an outage: red, labelled, never dropped."""
    out = play(
        site,
        [
            {
                "at": at("12:30:00"),
                "topic": "anxin/v1/h1/sos-1",
                "payload": {"sos": True, "seq": 9, "time": at("12:00:00")},
            }
        ],
    )
    opened = next(line for line in out if line["type"] == "finding.opened")
    assert opened["level"] == "red"
    assert opened["late_seconds"] == pytest.approx(1800, abs=1)


def write(path: Path, lines: list[Any]) -> Path:
    path.write_text(
        "".join((x if isinstance(x, str) else json.dumps(x, ensure_ascii=False)) + "\n" for x in lines)
    )
    return path


def test_the_same_input_gives_the_same_bytes(site: Site, tmp_path: Path) -> None:
    """Byte for byte."""
    source = write(tmp_path / "in.jsonl", STORY)
    for name in ("a", "b"):
        assert run(source, site, rules=[], out=tmp_path / name, say=lambda _: None) is Exit.good
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() != b""


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{not json", "line 2: not JSON"),
        ("[1]", "line 2: a line is one JSON object"),
        ('{"topic": "x", "payload": 1}', "line 2: `at` must be a time"),
        ('{"at": "yesterday", "topic": "x"}', "line 2: `at` must be a time"),
        ('{"at": "2026-05-23T12:00:00+08:00"}', "line 2: neither a message"),
        ('{"at": "2026-05-23T12:00:00+08:00", "topic": 5}', "line 2: `topic` must be text"),
        ("[" * 5000, "line 2: not JSON"),
    ],
)
def test_unreadable_input_is_one_sentence_and_status_1(
    site: Site, tmp_path: Path, line: str, said: str
) -> None:
    """What, where, why; no traceback."""
    heard: list[str] = []
    source = write(tmp_path / "in.jsonl", [STORY[0], line])
    assert run(source, site, rules=[], out=tmp_path / "out", say=heard.append) is Exit.fault
    assert said in heard[-1]


@pytest.mark.parametrize(
    "payload", ["", "nonsense", "\x00\ud800", {"heart_rate": "a lot"}, [], None, 5, "[" * 9999]
)
def test_refused_lines_are_no_fault(site: Site, payload: Any) -> None:
    """A payload that cannot be used is refused with its reason, or says nothing; it never ends the replay."""
    out = play(site, [{"at": at("12:00:00"), "topic": "anxin/v1/h1/belt-1", "payload": payload}])
    assert {line["type"] for line in out} <= {"refused"}
    assert all(line["reason"] for line in out)


def test_an_unknown_publisher_is_listed_not_lost(site: Site) -> None:
    """A device that is not in the site file is unclaimed: no error."""
    out = play(site, [{"at": at("12:00:00"), "topic": "anxin/v1/h9/belt-9", "payload": {"heart_rate": 70}}])
    assert [(line["type"], line["topic"]) for line in out] == [("unclaimed", "anxin/v1/h9/belt-9")]


def test_the_last_alert_is_a_call_and_not_the_rota(site: Site) -> None:
    """A shift ends while a call waits: the hole in the rota has a case of its own, `last` still means the call."""
    text = SITE + 'shifts: [{staff: s07, days: daily, from: "07:00", to: "12:07"}]\n'
    out = play(
        read_site(text),
        [
            smoke("12:06:24", on=True),
            {"at": at("12:07:30"), "command": "acknowledge", "alert": "last", "by": "s01"},
        ],
    )
    raised = [line["code"] for line in out if line["type"] == "alert.raised"]
    taken = [line["code"] for line in out if line["type"] == "alert.acknowledge"]
    assert (raised, taken) == (["SM1", "TE8"], ["SM1"])


def test_a_command_for_nobody_is_refused(site: Site) -> None:
    """There is no last alert yet."""
    out = play(site, [{"at": at("12:00:00"), "command": "acknowledge", "alert": "last", "by": "s01"}])
    assert [(line["type"], line["command"], line["reason"]) for line in out] == [
        ("refused", "acknowledge", "unknown_alert")
    ]


def test_a_line_without_a_word_is_unreadable(site: Site) -> None:
    """Nothing is guessed."""
    with pytest.raises(Unreadable):
        play(site, [{"at": at("12:00:00"), "hello": 1}])
