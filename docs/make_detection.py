"""Writes detection.md from the latest results of detection.py and ordinary_month.py in benchmarks/; with `--check` only says whether it is current."""

import json
import sys
from pathlib import Path
from typing import Any

PAGE = Path(__file__).with_name("detection.md")
RESULTS = Path(__file__).parents[1] / "benchmarks" / "results"

HEAD = """\
# How well what happens is found

Simulated homes with their own seeds, people, devices and hours live some ordinary hours, then something happens; the
messages go through decode and rules in virtual time, and what is said is held against what was true.
`benchmarks/detection.py` explains each word and measures it again. Intervals are 95 %.

The simulator is our own world: these figures show that rules and world fit together and what changes between two
versions, not how often real elders will be missed. The recordings at the end are real.

"""

TAIL = "<!-- Written by docs/make_detection.py (`make docs`) from benchmarks/results; do not edit. -->\n"


def latest() -> list[Path]:
    """Every result, the latest last."""
    return sorted(RESULTS.glob("detection-*.json"))


def _share(line: dict[str, Any]) -> str:
    if line["missed_share"] is None:
        return "–"
    _, low, high = line["missed_share"]
    return f"{line['missed']} of {line['expected']} ({100 * low:.0f}–{100 * high:.0f} %)"


def _seconds(line: dict[str, Any]) -> str:
    found = line["seconds_to_detect"]
    return (
        "–"
        if found is None
        else f"{found[0]:g} ({found[1]:g}–{found[2]:g}), longest {line['seconds_longest']:g}"
    )


def _false(line: dict[str, Any]) -> str:
    rate, low, high = line["false_per_home_day"]
    what = ", ".join(f"{n} × {name}" for name, n in line["false_what"].items())
    return f"{rate:.2f} ({low:.2f}–{high:.2f})" + (f": {what}" if what else "")


def _month() -> list[str]:
    """Alarms of homes in which nothing happens."""
    files = sorted(RESULTS.glob("ordinary_month-*.json"))
    if not files:
        return []
    result = json.loads(files[-1].read_text(encoding="utf-8"))
    asked = result["asked"]["per_home_month"]
    head = (
        "\n## When nothing happens\n\n"
        f"`benchmarks/ordinary_month.py`: {result['homes']} simulated homes live {result['weeks']} ordinary weeks; a month is 30 days.\n"
        f"Asked is at most {asked} yellow and red for each home and month once the personal clock has had four weeks. People are ill at times, sit\n"
        "up at night, have visitors, pets and days with the family ([what they do](simulator.md)); nobody travels, no device breaks, and\n"
        "nothing happens that anybody need come for. *Meanwhile* is what the world knows of the hours of a yellow or red: what whoever\n"
        "rings up would hear of.\n\n"
        f"Measured {result['at'][:10]} with {result['rule_count']} rules (version `{result['rules']}`).\n\n"
        "| weeks | home-months | yellow and red per home-month | red | blue per home-month | which | meanwhile |\n"
        "| --- | ---: | --- | --- | ---: | --- | --- |\n"
    )
    parts = [head]
    for name, words in (("first_four_weeks", "the first four"), ("after_four_weeks", "after these")):
        if (line := result.get(name)) is None:
            continue
        rate, low, high = line["per_home_month"]
        what = ", ".join(f"{n} × {rule}" for rule, n in line["by_rule"].items()) or "–"
        true = ", ".join(f"{n} × {word}" for word, n in line.get("meanwhile", {}).items()) or "–"
        parts.append(
            f"| {words} | {line['home_months']} | {rate:.2f} ({low:.2f}–{high:.2f}) | {line['red']} | "
            f"{line['blue_per_home_month']:.2f} | {what} | {true} |\n"
        )
    parts += _notes(result)
    return parts


def _notes(result: dict[str, Any]) -> list[str]:
    """What whoever measured it found out about the figures."""
    return ["\n", *(f"- {note}\n" for note in result["notes"])] if result.get("notes") else []


def page() -> str:
    """The whole page."""
    files = latest()
    if not files:
        return HEAD + "There are no results yet.\n\n" + TAIL
    result = json.loads(files[-1].read_text(encoding="utf-8"))
    machine = result["machine"]
    rules = f"{result['rule_count']} rules (version `{result['rules']}`)"
    place = f"{machine['cores']} cores {machine['cpu']}, Python {machine['python']}"
    parts = [
        HEAD,
        f"Measured {result['at'][:10]} with {rules} on {place}.\n\n",
        "| scenario | runs | missed | seconds to detect: median | false red and yellow per home-day |\n",
        "| --- | ---: | --- | --- | --- |\n",
    ]
    parts += [
        f"| {line['scenario']} | {line['runs']} | {_share(line)} | {_seconds(line)} | {_false(line)} |\n"
        for line in result["scenarios"]
    ]
    missed = [
        f"- {line['scenario']}: {n} × {what}\n"
        for line in result["scenarios"]
        for what, n in line["missed_what"].items()
    ]
    if missed:
        parts += ["\nMissed were:\n\n", *missed]
    if result["recordings"]:
        parts += [
            "\n| recording (not shipped) | days | pages | of them red | pages per resident-day | what |\n",
            "| --- | ---: | ---: | ---: | ---: | --- |\n",
        ]
        parts += [
            f"| {r['recording']} | {r['days']} | {r['pages']} | {r['red']} | {r['pages_per_resident_day']} | "
            f"{', '.join(f'{n} × {w}' for w, n in r['what'].items()) or '–'} |\n"
            for r in result["recordings"]
        ]
    parts += _notes(result)
    if len(files) > 1:
        parts += [
            "\n| measured | rules | missed | false per home-day on ordinary days |\n",
            "| --- | ---: | --- | --- |\n",
        ]
        for file in files:
            old = json.loads(file.read_text(encoding="utf-8"))
            missed_ = sum(line["missed"] for line in old["scenarios"])
            expected = sum(line["expected"] for line in old["scenarios"])
            quiet = next((line for line in old["scenarios"] if line["scenario"] == "ordinary"), None)
            rate = "–" if quiet is None else f"{quiet['false_per_home_day'][0]:.2f}"
            world = f", {old['world']}" if "world" in old else ""
            parts.append(
                f"| {old['at'][:10]}{world} | {old['rule_count']} | {missed_} of {expected} | {rate} |\n"
            )
    parts += _month()
    return "".join(parts) + "\n" + TAIL


if __name__ == "__main__":
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(page(), encoding="utf-8")
    elif not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != page():
        sys.exit("docs/detection.md is not current: run `make docs`")
