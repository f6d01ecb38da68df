"""Writes rules.md from the rule catalogue; with `--check` only says whether it is current."""

import sys
from pathlib import Path
from typing import Any

from rules.catalog import load
from rules.cli import described

PAGE = Path(__file__).with_name("rules.md")

HEAD = """\
# Rules in force

What is watched for, by code. The catalogue itself is `rules/catalog/*.yaml`; `anxin rules list` prints it, and
`tests/stories/` shows for each rule when it speaks and when it keeps quiet. Limits are inherited: default, kind
of device, community, tier, condition (of several the strictest), resident, temporary override with its end. In the site file a limit is a value or
says who set it and why, `{value: 25, by: 陈敏芝, reason: 夜尿, since: 2026-03-01}`; `anxin site check` counts those that do not.
`GET /residents/{id}/rules` shows every step with who and why, and why a step does not count; so does each finding for
every limit that is no default, besides the limits that were in force and the readings that made it.

"""

TAIL = "<!-- Written by docs/make_rules.py (`make docs`); do not edit. -->\n"


def _limits(rule: dict[str, Any]) -> str:
    rows = []
    for name, p in rule["parameters"].items():
        bounds = f"{p['min']:g} … {p['max']:g}" if p["min"] is not None and p["max"] is not None else "–"
        limit = f"`{p['limit']}`" if p["limit"] else "–"
        rows.append(
            f"| `{name}` | {p['default']} {p['unit']} | {bounds} | {p['who']} | {limit} | {p['source']} |\n"
        )
    if not rows:
        return ""
    head = "| limit | default | bounds | who may change it | name in the site file | source |\n"
    return head + "| --- | --- | --- | --- | --- | --- |\n" + "".join(rows) + "\n"


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for rule in described(load())["rules"]:
        levels = " → ".join(dict.fromkeys(g["level"] for g in rule["grades"]))
        life = " · life-safety: never muted, never closed but by a person" if rule["life"] else ""
        parts.append(f"## {rule['rule']} · {rule['title']['zh'].replace('{room}', '〔房间〕')}\n\n")
        parts.append(f"{rule['about']['zh']}\n\n{rule['about']['en']}\n\n")
        parts.append(f"Level: {levels}{life}. Case: `{rule['cause']}`. Source: {rule['source']}.\n\n")
        parts.append(_limits(rule))
    return "".join(parts) + TAIL


if __name__ == "__main__":
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(page(), encoding="utf-8")
    elif not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != page():
        sys.exit("docs/rules.md is not current: run `make docs`")
