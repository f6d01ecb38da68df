"""The limits of a resident: what is in force and from where, and a temporary one, tried on the past before it is set (ux.md 9.4)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Route, expect

from tests.e2e.axe import axe
from tests.e2e.conftest import Sit
from tests.e2e.room import Room

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

NONE = {"word": None, "by": "catalogue", "reason": None, "since": None, "until": None, "approved_by": None}


def limit(name: str, value: float, source: str, **more: Any) -> dict[str, Any]:
    found = {
        "parameter": name, "limit": name, "value": value, "default": 20, "unit": "min", "min": 5.0, "max": 90.0,
        "who": "desk", "stricter": "lower", "source": {"from": source, **NONE},
        "chain": [{"from": "default", "value": 20, "refused": None, **NONE}],
    }  # fmt: skip
    return {**found, **more}


class Limits:
    """What the service would answer: the room has no rules of its own."""

    def __init__(self, page: Page, *, history: bool = True) -> None:
        self.history = history
        self.said: list[tuple[str, Any]] = []
        self.overrides: list[dict[str, Any]] = []
        page.route("**/api/v1/residents/*/rules", self.rules)
        page.route("**/api/v1/residents/*/overrides*", self.listed)
        page.route("**/api/v1/residents/*/overrides/*", self.listed)
        page.route("**/api/v1/rules/try", self.tried)

    def rules(self, route: Route) -> None:
        set_ = self.overrides[-1] if self.overrides else None
        exit_ = limit(
            "bed_exit_yellow_minutes", set_["value"] if set_ else 25, "override" if set_ else "resident"
        )
        items = [
            {"rule": "BD1", "code": "BD1", "version": 2, "life": False, "about": {}, "parameters": [exit_]},
            {
                "rule": "VT7", "code": "VT7", "version": 2, "life": True, "about": {},
                "parameters": [limit("vitals_lost_seconds", 60, "default", default=60, unit="s", max=180.0)],
            },
        ]  # fmt: skip
        route.fulfill(
            json={"resident": "r0317", "home": "h0317", "at": "2026-05-23T04:00:00Z", "items": items}
        )

    def listed(self, route: Route) -> None:
        if route.request.method == "POST":
            body = json.loads(route.request.post_data or "{}")
            self.said.append((route.request.url.rsplit("/", 1)[-1], body))
            if route.request.url.endswith("overrides"):
                self.overrides.append(
                    {
                        "limit": body["limit"], "value": body["value"], "from": "2026-05-23T04:00:00Z", "until": body["until"],
                        "by": "陈敏芝", "reason": body["reason"], "approved_by": None, "waits_for_approval": False,
                        "active": True, "ended_by": None, "source": "desk", "over": 25,
                        "replay": {"days": 30, "gained": 0, "lost": 2, "missed": 1},
                    }
                )  # fmt: skip
            else:
                self.overrides[-1] |= {"ended_by": "陈敏芝", "active": False}
        route.fulfill(status=200, json={"items": self.overrides[::-1]})

    def tried(self, route: Route) -> None:
        self.said.append(("try", json.loads(route.request.post_data or "{}")))
        if not self.history:
            route.fulfill(
                status=503, json={"reason": "history_unavailable", "detail": "没有历史数据，无法回测"}
            )
            return
        nought = {"red": 0, "yellow": 0, "blue": 0}
        route.fulfill(
            json={
                "from": "2026-04-23T04:00:00Z", "to": "2026-05-23T04:00:00Z", "rules": {"in_force": "a", "tried": "b"}, "homes": 1, "residents": 1,
                "resident_days": 30, "reports": 1, "readings": 1, "before": nought, "after": nought, "gained": 0, "lost": 3, "louder": 0, "quieter": 0,
                "earlier": 0, "later": 0, "fewer": 3, "missed": 1, "lost_without_verdict": 0, "per_1000_resident_days": {"before": nought, "after": nought},
                "per_shift": [], "by_rule": [], "items": [], "words": {"zh": "过去 30 天少报 3 次", "en": "3 fewer in 30 days"},
            }
        )  # fmt: skip


def opened(room: Room, sit: Sit, *, history: bool = True) -> tuple[Page, Limits]:
    page = sit("/residents/r0317")
    limits = Limits(page, history=history)
    page.get_by_role("button", name="判断参数").click()
    page.locator("[data-limit=bed_exit_yellow_minutes]").wait_for()
    return page, limits


def test_a_temporary_limit_is_tried_on_the_past_before_it_is_set(room: Room, sit: Sit) -> None:
    """9.4: where a limit comes from is told; what the past would have been comes before the button that sets it."""
    page, limits = opened(room, sit)
    row = page.locator("[data-limit=bed_exit_yellow_minutes]")
    expect(row).to_contain_text("老人档案")
    expect(page.locator("[data-limit=vitals_lost_seconds]")).to_have_count(0)  # as the catalogue has it
    page.get_by_role("button", name="全部").click()
    expect(page.locator("[data-limit=vitals_lost_seconds]")).to_contain_text("生命安全")
    row.get_by_role("button").click()
    assert axe(page) == []
    page.get_by_label("理由").fill("刚出院")
    expect(page.get_by_role("button", name="先看过去 30 天")).to_be_disabled()  # nothing is changed yet
    page.locator("#limit-value").fill("40")
    expect(page.get_by_text("放宽：会晚报或少报")).to_be_visible()
    expect(page.get_by_role("button", name="设定")).to_have_count(0)
    page.get_by_role("button", name="先看过去 30 天").click()
    expect(page.locator("[data-trial]")).to_contain_text("其中真事")
    assert axe(page) == []
    page.locator("#limit-value").fill("45")  # another value: the trial was of something else
    expect(page.locator("[data-trial]")).to_have_count(0)
    page.get_by_role("button", name="先看过去 30 天").click()
    page.get_by_role("button", name="设定").click()
    expect(page.locator("[data-override]")).to_contain_text("生效中")
    expect(row).to_contain_text("临时调整")
    name, body = limits.said[-1]
    assert (name, body["limit"], body["value"], body["reason"]) == (
        "overrides",
        "bed_exit_yellow_minutes",
        45,
        "刚出院",
    )
    expect(page.locator("[data-replay]")).to_have_text("回看 30 天：多报 0 · 少报 2 · 其中真事 1")
    page.get_by_role("button", name="撤回").click()
    # what the page says comes first: waiting for it lets the answers of this test be given
    expect(page.locator("[data-override]")).to_contain_text("陈敏芝撤回")
    assert limits.said[-1] == ("end", {"limit": "bed_exit_yellow_minutes"})


def test_without_history_a_limit_is_set_knowingly(room: Room, sit: Sit) -> None:
    """No past to ask is said, and the button says what it does."""
    page, limits = opened(room, sit, history=False)
    page.locator("[data-limit=bed_exit_yellow_minutes]").get_by_role("button").click()
    page.locator("#limit-value").fill("15")
    page.get_by_label("理由").fill("夜里不放心")
    page.get_by_role("button", name="先看过去 30 天").click()
    expect(page.get_by_text("没有历史可回看")).to_be_visible()
    page.get_by_role("button", name="未经回看，仍要设定").click()
    expect(page.locator("[data-override]")).to_contain_text("生效中")
    assert limits.said[-1][0] == "overrides"
