"""Figures as a table that may leave the house: groups of fewer than five homes are told together. Pure.

At least one person lives behind each home of a figure, so five homes are five people or more (domain P-16, k >= 5). What
is held back cannot be reckoned from the totals either: what all of it has in common is five homes again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from care.words import Level
from dashboard_api.figures import TRUE_OR_FALSE, CaseRow, by_day
from dashboard_api.redact import Json

LEAST = 5
"""Homes behind a figure; of fewer it is not told (P-16)."""
FEW = "<5"
"""Stands for what is held back, nought among it: a row of noughts would tell how many the others are."""
OTHERS = "others"
"""The row of everything that is told together."""
STATES = ("protected", "partly", "not", "unknown")

Cell = str | int | float | bool | None
Row = Sequence[Cell]
K = TypeVar("K", bound=Hashable)

_WIDE = str.maketrans({",": "，", ";": "；", '"': "”", "\t": " "})
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")


def one_line(text: str) -> str:
    """What a person wrote, in one line and one cell: whatever would begin another cell is written wide."""
    return " ".join(_UNSEEN.sub(" ", text).split()).translate(_WIDE)


def _cell(value: Cell) -> str:
    """Quoted when it must be (RFC 4180); what a spreadsheet would calculate is text."""
    text = "" if value is None else str(value)
    if isinstance(value, str) and re.match(r"[=+\-@\t]", text):
        text = "'" + text
    return '"' + text.replace('"', '""') + '"' if re.search(r'[",\n\r]', text) else text


def csv(about: Iterable[str], columns: Sequence[str], rows: Iterable[Row]) -> str:
    """The table; what it is stands above it in lines that begin with `#`."""
    lines = [*(f"# {line}" for line in about), *(",".join(map(_cell, row)) for row in (columns, *rows))]
    return "\r\n".join(lines) + "\r\n"


def held_back(keys: Collection[K], homes: Callable[[Collection[K]], int]) -> set[K]:
    """The groups that are not told apart, of a whole that is: those of fewer than five homes, and whatever it takes
    that they are five together. Empty when there is nothing to hide; nought homes hide when anything does.

    `homes`: how many homes are behind some groups together, at least.
    """
    few = {key for key in keys if homes((key,)) < LEAST}
    if not homes(few):
        return set()
    left = sorted((key for key in keys if key not in few), key=lambda key: homes((key,)))
    while homes(few) < LEAST and left:
        few.add(left.pop(0))
    return few


def _behind(groups: Mapping[str, list[CaseRow]]) -> Callable[[Collection[str]], int]:
    return lambda keys: len({row.home for key in keys for row in groups[key]})


def split_told(parts: Iterable[Collection[str]]) -> bool:
    """Whether something may be told in parts: each has nobody, or five homes and more."""
    return all(not part or len(set(part)) >= LEAST for part in parts)


def _counted(kind: str, groups: Mapping[str, list[CaseRow]]) -> list[list[Cell]]:
    hidden = held_back(groups, _behind(groups))
    return [[kind, key, FEW if key in hidden else len(of)] for key, of in groups.items()]


def _grouped(
    rows: Iterable[CaseRow], keys: Iterable[str], of: Callable[[CaseRow], str]
) -> dict[str, list[CaseRow]]:
    groups: dict[str, list[CaseRow]] = {key: [] for key in keys}
    for row in rows:
        groups.setdefault(of(row), []).append(row)
    return groups


FIGURE_COLUMNS = ("kind", "of", "n", "kept", "share_percent", "target_percent", "median_seconds")
FIGURES = ("ack60", "ack180", "called60", "arrive10", "family60")


def figures(
    told: Json,
    rows: Sequence[CaseRow],
    *,
    from_at: datetime,
    to_at: datetime,
    zone: ZoneInfo,
    grids: Sequence[str],
    grid_of: Callable[[str], str],
) -> list[Row]:
    """Rows of the response figures `told` (`figures.kpi` with its cases) and of the cases by level, day, grid and rule.

    No case stands in it by itself: a number and a time are somebody.
    """
    counted = [r for r in rows if not r.test]
    out: list[Row] = [("period", "/".join(days_of(from_at, to_at, zone)),
                       len(counted) if split_told([[r.home for r in counted]]) else FEW)]  # fmt: skip
    for name in FIGURES:
        figure = told[name]
        few = not split_told([[case["home"] for case in figure["cases"]]])
        said = (figure["n"], figure["kept"], figure["value"])
        out.append(("figure", name, *((FEW, FEW, FEW) if few else said), figure["target"],
                    None if few else figure["median_seconds"]))  # fmt: skip
    days = [d["day"] for d in by_day([], from_at, to_at, zone)]
    out += _counted("level", _grouped(counted, (level.value for level in Level), lambda r: r.level.value))
    out += _counted("day", _grouped(counted, days, lambda r: str(r.raised_at.astimezone(zone).date())))
    out += _counted("grid", _grouped(counted, grids, lambda r: grid_of(r.home)))
    return [*out, *_by_rule(counted)]


def days_of(from_at: datetime, to_at: datetime, zone: ZoneInfo) -> tuple[str, str]:
    """The first and the last day of a period; one that ends at midnight does not take the next day along."""
    last = max(from_at, to_at - timedelta(microseconds=1))
    return str(from_at.astimezone(zone).date()), str(last.astimezone(zone).date())


def _by_rule(rows: Sequence[CaseRow]) -> list[Row]:
    """Cases by rule, and how many of those judged were false where no part of them is anybody by himself."""
    groups = _grouped(rows, (), lambda r: r.code)
    hidden = held_back(groups, _behind(groups))
    out: list[Row] = []
    for code, of in sorted(groups.items(), key=lambda one: (-len(one[1]), one[0])):
        if code in hidden:
            continue
        judged = [r for r in of if r.closed_at is not None and r.truth in TRUE_OR_FALSE]
        real = [r.home for r in judged if r.truth == "real"]
        false = [r.home for r in judged if r.truth != "real"]
        share: Cell = round(100 * len(false) / len(judged), 1) if judged else None
        out.append(("rule", code, len(of), None, share if split_told([real, false]) else FEW))
    if hidden:
        rest = [r for code in hidden for r in groups[code]]
        out.append(("rule", OTHERS, len(rest) if split_told([[r.home for r in rest]]) else FEW))
    return out


def paper(
    told: Json, rows: Sequence[CaseRow], load: Json, *, from_at: datetime, to_at: datetime, zone: ZoneInfo
) -> Json:
    """What the printed sheet of the figures holds back, by the same measure as the file: figures, days, rules and desks.

    `told` are the figures with their cases, `rows` the cases raised, `load` the desks with the numbers of theirs.
    """
    counted = [r for r in rows if not r.test]
    days = _grouped(
        counted,
        (d["day"] for d in by_day([], from_at, to_at, zone)),
        lambda r: str(r.raised_at.astimezone(zone).date()),
    )
    rules = _grouped(counted, (), lambda r: r.code)
    told_of = {line[1] for line in _by_rule(counted) if line[1] != OTHERS and line[4] != FEW}
    by_number = {r.number: [r] for r in counted}
    desks = {one["desk"]: [r for n in one["cases"] for r in by_number.get(n, ())] for one in load["desks"]}
    return {
        "least": LEAST,
        "figures": [name for name in FIGURES if not split_told([[c["home"] for c in told[name]["cases"]]])],
        "days": sorted(held_back(days, _behind(days))),
        "rules": sorted(code for code in rules if code not in told_of),
        "desks": sorted(held_back(desks, _behind(desks))),
    }


PROTECTION_COLUMNS = ("kind", "of", "share_percent", *STATES, "homes")


@dataclass(slots=True)
class Took:
    """What one reason took: hours by state; the homes of the devices that are known, and the most homes of one of them."""

    hours: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STATES, 0.0))
    known: set[str] = field(default_factory=set)
    most: int = 0


def protection(told: Json, causes: Mapping[str, Took]) -> list[Row]:
    """Rows of home-hours: the period, its days, and what took them by reason; no device, which is somebody's.

    Of fewer than five homes in all nothing is told.
    """

    def homes(reasons: Collection[str]) -> int:
        known = {home for reason in reasons for home in causes[reason].known}
        return max([len(known), *(causes[reason].most for reason in reasons)])

    few = told["homes"] < LEAST

    def of(hours: Mapping[str, float]) -> list[Cell]:
        return [FEW if few else hours[state] for state in STATES]

    def share(line: Json) -> Cell:
        return FEW if few else line["share"]

    out: list[Row] = [("period", f"{told['from']}/{told['to']}", share(told), *of(told["hours"]),
                       FEW if few else told["homes"])]  # fmt: skip
    out += [("day", day["day"], share(day), *of(day["hours"]), None) for day in told["by_day"]]
    hidden = set(causes) if few else held_back(causes, homes)
    for reason, took in causes.items():
        if reason not in hidden:
            out.append(("cause", reason, None, *(round(took.hours[s], 2) for s in STATES), homes((reason,))))
    if hidden and homes(hidden) < LEAST:
        out.append(("cause", OTHERS, None, *(FEW for _ in STATES), FEW))
    elif hidden:
        sums = (round(sum(causes[reason].hours[s] for reason in hidden), 2) for s in STATES)
        out.append(("cause", OTHERS, None, *sums, homes(hidden)))
    return out


def head(
    *, number: str, purpose: str, by: str, at: datetime, zone: ZoneInfo, about: Iterable[str]
) -> list[str]:
    """What stands above every table: its number, what for, who and when, then what it holds."""
    return [
        f"导出编号 export: {number}",
        f"用途 purpose: {one_line(purpose)}",
        f"导出人 by: {one_line(by)}",
        f"时间 at: {at.astimezone(zone):%Y-%m-%d %H:%M} {zone.key} ({at.astimezone(UTC):%Y-%m-%dT%H:%MZ})",
        *about,
        f"少于 {LEAST} 户的分组不单列，记作 {FEW} 或并入 {OTHERS}；groups of fewer than {LEAST} homes are not told apart",
    ]
