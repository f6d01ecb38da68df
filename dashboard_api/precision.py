"""What the outcomes of cases teach: how often a rule, a device, a home was right, and what to change. Pure.

A case counts once it is closed with a word on its truth; tests and cases that nobody could judge are counted beside
it and lie in no share. Every line carries the numbers of its cases, from which it can be recomputed. A proposal names
what to do and why; whether a changed limit would have missed anything is the backtest's to say, never this table's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from care.site import Registry
from dashboard_api import wording
from dashboard_api.figures import CaseRow

COOKING = "C02"
COOKING_LEAST, COOKING_WITHIN = 3, timedelta(days=30)
"""So many cooking alarms of one detector: it hangs in the wrong place (domain 3.4 SM1)."""
FAULTS = frozenset({"C19", "C20"})
FAULT_LEAST, FAULT_WITHIN = 2, timedelta(days=30)
"""False alarms of one device by its own fault: repair or replace (domain 2.3: after the second)."""
JUDGED_LEAST = 5
"""Fewer judged cases of a rule say nothing about its limits."""
PRECISION_LEAST = 50.0
"""Percent right below which a look at the limits is proposed; our own figure."""


def _line(rows: list[CaseRow]) -> dict[str, Any]:
    count = {
        word: sum(1 for r in rows if r.truth == word)
        for word in ("real", "avoidable", "unavoidable", "unknown", "test")
    }
    judged = count["real"] + count["avoidable"] + count["unavoidable"]
    false = judged - count["real"]
    return {
        "n": len(rows),
        "judged": judged,
        **count,
        "false_share": round(100 * false / judged, 1) if judged else None,
        "avoidable_share": round(100 * count["avoidable"] / judged, 1) if judged else None,
        "precision": round(100 * count["real"] / judged, 1) if judged else None,
        "cases": [r.number for r in rows],
    }


def _table(rows: Iterable[CaseRow], name: str, of: Callable[[CaseRow], str | None]) -> list[dict[str, Any]]:
    groups: dict[str, list[CaseRow]] = {}
    for row in rows:
        key = of(row)
        if key:
            groups.setdefault(key, []).append(row)
    lines = [{name: key, **_line(found)} for key, found in groups.items()]
    return sorted(lines, key=lambda x: (-(x["avoidable"] + x["unavoidable"]), -x["n"], x[name]))


def precision(rows: Iterable[CaseRow]) -> dict[str, list[dict[str, Any]]]:
    """The share of false cases by rule, device and home; the worst first."""
    closed = sorted((r for r in rows if r.closed_at is not None and not r.test), key=lambda r: r.number)
    return {
        "by_rule": _table(closed, "code", lambda r: r.code),
        "by_device": _table(closed, "device", lambda r: r.device),
        "by_home": _table(closed, "home", lambda r: r.home),
    }


def newest_of(rows: Iterable[CaseRow]) -> dict[str, CaseRow]:
    """Each rule's newest case: an example of what it says."""
    return {row.code: row for row in sorted(rows, key=lambda r: r.number)}


def in_words(
    line: dict[str, Any], newest: dict[str, CaseRow], registry: Registry, *, places: bool
) -> dict[str, str]:
    """What a line's `code`, `device` or `home` is to people.

    Of a rule the title of its newest case, as an example; of a device what it is and where. Without `places` no home
    is told by its address, and neither is the home of a device.
    """
    address = ""
    if (row := newest.get(line.get("code") or "")) is not None:
        zh, en = row.title, row.title_en
    elif (device := registry.devices.get(line.get("device") or "")) is not None:
        zh, en = wording.device_labels(device[1])
        address = device[0].address if places else ""
    else:
        home = registry.homes.get(line.get("home") or "")
        zh = en = home.address if home is not None and places else ""
    return {"name": zh, "name_en": en, "address": address}


def named(
    tables: dict[str, list[dict[str, Any]]], rows: Iterable[CaseRow], registry: Registry, *, places: bool
) -> dict[str, list[dict[str, Any]]]:
    """The same tables, each line with its words (see `in_words`)."""
    newest = newest_of(rows)
    return {
        by: [{**line, **in_words(line, newest, registry, places=places)} for line in lines]
        for by, lines in tables.items()
    }


def _recent(rows: Iterable[CaseRow], now: datetime, within: timedelta) -> list[CaseRow]:
    return [r for r in rows if r.closed_at is not None and not r.test and now - r.raised_at <= within]


def proposals(rows: Iterable[CaseRow], now: datetime) -> list[dict[str, Any]]:
    """What the last weeks propose: re-site or repair a detector, offer a green button, look at a limit."""
    found = sorted(rows, key=lambda r: r.number)
    out: list[dict[str, Any]] = []

    def propose(kind: str, cases: list[CaseRow], zh: str, en: str, **about: Any) -> None:
        out.append(
            {
                "kind": kind,
                "code": None,
                "device": None,
                "home": None,
                **about,
                "cases": [r.number for r in cases],
                "words": {"zh": zh, "en": en},
                "backtest": None,
            }
        )

    def grouped(
        within: timedelta, of: Callable[[CaseRow], str | None], fits: Callable[[CaseRow], bool]
    ) -> list[tuple[str, list[CaseRow]]]:
        groups: dict[str, list[CaseRow]] = {}
        for row in _recent(found, now, within):
            key = of(row)
            if key and fits(row):
                groups.setdefault(key, []).append(row)
        return sorted(groups.items())

    for device, cases in grouped(COOKING_WITHIN, lambda r: r.device, lambda r: r.outcome_cause == COOKING):
        if len(cases) >= COOKING_LEAST:
            propose(
                "resite",
                cases,
                f"30 天内 {len(cases)} 次烹饪报警：请把探测器移到离灶台 3 米以外，或更换型号，不降低灵敏度",
                f"{len(cases)} cooking alarms in 30 days: move the detector 3 m from the stove, or replace it",
                device=device,
                home=cases[-1].home,
            )
    for device, cases in grouped(FAULT_WITHIN, lambda r: r.device, lambda r: r.outcome_cause in FAULTS):
        if len(cases) >= FAULT_LEAST:
            propose(
                "repair",
                cases,
                f"30 天内 {len(cases)} 次设备自身误报：请检修或更换",
                f"{len(cases)} false alarms by its own fault in 30 days: repair or replace it",
                device=device,
                home=cases[-1].home,
            )
    floor = {r.code for r in found if r.life}
    for line in precision(_recent(found, now, COOKING_WITHIN))["by_rule"]:
        if line["judged"] < JUDGED_LEAST or line["precision"] is None or line["precision"] >= PRECISION_LEAST:
            continue
        if line["code"] in floor:
            # The life-safety floor: people, places and devices may be changed, never these limits (domain 3.7).
            continue
        cases = [r for r in found if r.number in set(line["cases"])]
        propose(
            "limit",
            cases,
            f"30 天内 {line['code']} 准确率 {line['precision']} %（{line['judged']} 件）：请先回测再调整参数",
            f"{line['code']} was right in {line['precision']} % of {line['judged']} cases: try other limits by backtest",
            code=line["code"],
        )
    return out
