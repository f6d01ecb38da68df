"""Screens that a file's tests use one after the other.

A browser context that has opened a page before opens the next one with half the work: its process, its letters and its
compiled scripts are there already. So a test gets a new page in a context that others have left, and only one that is
as empty as a new one: no cookies, no storage of any kind, no service worker, timers that are the browser's own.
A context of which that cannot be shown is closed instead.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from playwright.sync_api import Error

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Browser, BrowserContext, CDPSession, Page

LEFT = """async () => [
  document.cookie,
  ...Object.keys(localStorage), ...Object.keys(sessionStorage),
  ...(await indexedDB.databases()).map((one) => one.name),
  ...(await caches.keys()),
  ...(await navigator.serviceWorker.getRegistrations()).map((one) => one.scope),
  ...[setTimeout, setInterval, requestAnimationFrame, fetch, Date].filter((one) => !/\\[native code\\]/.test(one)).map(String),
].filter((one) => one !== '')"""


@dataclass
class Screen:
    """A context, and the page that keeps it warm: plain text from the same server, with nothing of the app in it."""

    context: BrowserContext
    keeper: Page
    session: CDPSession

    @classmethod
    def of(cls, context: BrowserContext, url: str) -> Screen:
        keeper = context.new_page()
        keeper.goto(f"{url}/healthz")
        return cls(context, keeper, context.new_cdp_session(keeper))

    def emptied(self, url: str) -> bool:
        """Whether nothing is left of whoever used it."""
        for page in self.context.pages:
            if page is not self.keeper:
                page.close()
        try:
            self.context.unroute_all()
            self.context.set_offline(False)
            self.context.clear_permissions()
            self.context.clear_cookies()
            self.keeper.evaluate("() => { localStorage.clear(); sessionStorage.clear() }")
            self.session.send("Storage.clearDataForOrigin", {"origin": url, "storageTypes": "all"})
            return self.keeper.evaluate(LEFT) == [] and self.context.cookies() == []
        except Error:
            return False


@dataclass
class Screens:
    """The screens of one server that nobody uses now."""

    browser: Browser
    url: str
    make: Callable[[], BrowserContext]
    free: list[Screen] = field(default_factory=list)

    def take(self) -> Screen:
        """An empty one."""
        return self.free.pop() if self.free else Screen.of(self.make(), self.url)

    def give_back(self, screen: Screen) -> None:
        """Keep it for the next test, if it can be emptied."""
        if screen.emptied(self.url):
            self.free.append(screen)
        else:
            screen.context.close()

    def close(self) -> None:
        for screen in self.free:
            screen.context.close()
        self.free.clear()
