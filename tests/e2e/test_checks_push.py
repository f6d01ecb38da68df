"""C-PUSH: a browser asks for messages, and what comes to its lock screen.

What is real: Chromium, the built page and its service worker, the API, the notify role with its encryption. What is not:
the push service. A browser without the internet cannot subscribe (`pushManager.subscribe()` ends in AbortError), so
`subscribe` and `getSubscription` are replaced by an init script that gives the address and the keys of a push service on
loopback (`tests/push_service.py`); and what that service was given is decrypted with the browser's keys and handed to the
service worker by `ServiceWorker.deliverPushMessage`, as Chromium itself would after decrypting it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from care.stream import PEOPLE
from tests.e2e.conftest import Sit, comes_to, live, wait_for
from tests.e2e.room import Room
from tests.private import tells
from tests.push_service import Browser as Keys
from tests.push_service import PushService

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

PRIVATE = ("心率", "失智", "高血压", "听力", "独居", "402", "2580", "周阿婆", "07 号柜")
"""What no lock screen shows: health, flags, name, room, key. Staff are told what and which building, as a passer-by would see."""
HEALTH = (*PRIVATE, "烟", "厨房", "燃气", "SOS", "跌倒", "银杏")
"""What no relative's lock screen shows."""


@pytest.fixture
def pushes(room: Room) -> Iterator[PushService]:
    """A push service that the room's own notify role sends to."""
    service = PushService()
    with room.notifying(service.address):
        yield service
    service.close()


def stands_for(keys: Keys) -> str:
    """The init script: this browser's subscription, kept over a reload as a real one is."""
    told = keys.subscription
    made = {"endpoint": told.endpoint, "keys": {"p256dh": told.p256dh, "auth": told.auth}}
    return f"""
    const made = {json.dumps(made)}
    const subscription = {{ ...made, toJSON: () => made, unsubscribe: async () => {{ localStorage.removeItem('test.push'); return true }} }}
    PushManager.prototype.getSubscription = async () => localStorage.getItem('test.push') === null ? null : subscription
    PushManager.prototype.subscribe = async (options) => {{
      localStorage.setItem('test.push', String(new Uint8Array(options.applicationServerKey).length)); return subscription
    }}
    """


def asked(sit: Sit, keys: Keys, path: str, user: str, **more: Any) -> Page:
    """A signed-in page whose person turned messages on, by its own button."""
    page = sit(path, user=user, script=stands_for(keys), permissions=["notifications"], **more)
    if path == "/desk":
        page.locator(".menu summary").click()
        page.get_by_role("button", name="消息提醒").click()
    page.locator('[data-push="ask"]').wait_for()
    page.get_by_role("button", name="在这台设备上打开").click()
    page.locator('[data-push="on"]').wait_for()
    return page


class Worker:
    """The page's real service worker, reached as Chromium's push client reaches it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        # Ready is also a worker that is still taking over; what is pushed to it then is lost.
        wait_for(
            lambda: page.evaluate(
                "navigator.serviceWorker.ready.then((one) => one.active?.state === 'activated')"
            ),
            what="a worker that has taken over",
        )
        self._session = page.context.new_cdp_session(page)
        self._known: list[str] = []
        self._session.on(
            "ServiceWorker.workerRegistrationUpdated",
            lambda told: self._known.extend(one["registrationId"] for one in told["registrations"]),
        )
        self._session.send("ServiceWorker.enable")
        wait_for(lambda: page.wait_for_timeout(20) or self._known, what="the registration")

    def hears(self, message: dict[str, Any]) -> None:
        """A push arrives, decrypted, and its notification is there.

        The driver delivers without an answer, and under load what it delivers is now and then lost, as a push may be: it
        comes again, and is still one notification, because its tag is the same.
        """
        origin = self.page.evaluate("location.origin")

        def delivered() -> bool:
            self._session.send(
                "ServiceWorker.deliverPushMessage",
                {
                    "origin": origin,
                    "registrationId": self._known[-1],
                    "data": json.dumps(message, ensure_ascii=False),
                },
            )
            for _ in range(50):
                self.page.wait_for_timeout(40)
                if any(
                    (one["tag"], one["body"]) == (message["tag"], message["body"]) for one in self.shown()
                ):
                    return True
            return False

        wait_for(delivered, what="the notification")

    def shown(self) -> list[dict[str, Any]]:
        """The notifications on the lock screen."""
        found: list[dict[str, Any]] = self.page.evaluate(
            """() => navigator.serviceWorker.ready.then((one) => one.getNotifications()).then((all) => all.map((one) => (
              { title: one.title, body: one.body, tag: one.tag, stays: one.requireInteraction, url: one.data.url, lang: one.lang })))"""
        )
        return found

    def pressed(self, tag: str) -> dict[str, list[str]]:
        """Somebody presses a notification: the worker's own handler runs, and what it brings to the front or opens is told.

        Chromium without a screen shows no notification to press, and a browser lets a script neither focus nor open
        windows without a press; so the event is made here and the two doors write down who went through.
        """
        (worker,) = self.page.context.service_workers
        told: dict[str, list[str]] = worker.evaluate(PRESS, tag)
        return told


PRESS = """async (tag) => {
  const told = { focused: [], opened: [] }
  WindowClient.prototype.focus = async function () { told.focused.push(new URL(this.url).pathname); return this }
  self.clients.openWindow = async (url) => { told.opened.push(url); return null }
  const [notification] = await self.registration.getNotifications({ tag })
  const event = new NotificationEvent('notificationclick', { notification })
  let work
  event.waitUntil = (promise) => { work = promise }
  self.dispatchEvent(event)
  await work
  return told
}"""


def heard(pushes: PushService, keys: Keys, level: str) -> list[tuple[dict[str, str], dict[str, Any]]]:
    """Headers and decrypted text of what came for a browser about cases of this level."""
    own = keys.subscription.endpoint.removeprefix(pushes.address)
    read = [(headers, keys.read(data)) for path, headers, data in pushes.sent if path == own]
    return [one for one in read if one[1]["level"] == level]


@pytest.mark.parametrize(
    ("path", "user"), [("/family", "family"), ("/go", "responder"), ("/desk", "operator")]
)
def test_c_push_1_a_browser_asks_is_tried_and_is_let_go(
    room: Room, sit: Sit, pushes: PushService, path: str, user: str
) -> None:
    """C-PUSH-1: the button subscribes with the service's key; the test comes encrypted; 410 removes it; off is off."""
    keys = Keys(pushes)
    page = asked(sit, keys, path, user)
    assert page.evaluate("localStorage.getItem('test.push')") == "65", (
        "subscribed with an uncompressed P-256 point"
    )
    page.reload()
    if path == "/desk":
        page.locator(".menu summary").click()
        page.get_by_role("button", name="消息提醒").click()
    page.locator('[data-push="on"]').wait_for()
    page.get_by_role("button", name="发测试消息").click()
    page.get_by_text("推送服务已收下").wait_for()
    ((headers, message),) = heard(pushes, keys, "blue")
    assert (headers["urgency"], headers["content-encoding"]) == ("low", "aes128gcm")
    assert message["link"].startswith(f"{room.url}/go/")

    pushes.status = 410
    room.clock.advance(2)  # two tests in one second are one
    page.get_by_role("button", name="发测试消息").click()
    page.locator('[data-push="ask"]').wait_for()
    expect(page.get_by_text("没有发出去")).to_be_visible()
    wait_for(lambda: kept(room) == [], what="the letting go of whom the push service calls gone")

    pushes.status = 201
    page.get_by_role("button", name="在这台设备上打开").click()
    page.locator('[data-push="on"]').wait_for()
    page.get_by_role("button", name="关闭提醒").click()
    page.locator('[data-push="ask"]').wait_for()
    wait_for(lambda: kept(room) == [], what="the letting go")
    wait_for(
        lambda: page.evaluate("localStorage.getItem('test.push')") is None,
        what="the browser's own letting go",
    )


def test_a_phone_that_is_signed_out_rings_no_more_and_keeps_nobodys_name(
    room: Room, sit: Sit, pushes: PushService
) -> None:
    """Signing out is asked about once, because the phone rings no more; then the service knows no browser, and the phone no person."""
    page = asked(sit, Keys(pushes), "/go", "responder")
    alert = room.raised("smoke", "h0317")
    room.command(alert, "acknowledge", actor="s01")
    me = str(room.house.people.users["responder"].staff)
    room.command(alert, "dispatch", actor="s01", responders=[me])
    page.locator("[data-task]").or_(page.get_by_text("银杏小区")).first.wait_for()
    held = "Object.keys(localStorage).filter((key) => /^anxin\\.(me|task|family)/.test(key))"
    wait_for(lambda: len(page.evaluate(held)) >= 2, what="the task kept for a lost line")
    menu = page.locator("header summary")
    if menu.count():
        menu.click()
    page.locator("[data-sign-out]").click()
    expect(page.get_by_text("这部手机不再响")).to_be_visible()
    page.get_by_role("button", name="先不退出").click()
    assert len(kept(room)) == 1
    page.locator("[data-sign-out]").click()
    page.get_by_role("button", name="仍要退出").click()
    page.wait_for_url("**/sign-in**")
    assert kept(room) == []
    assert page.evaluate(held) == []
    assert page.evaluate("localStorage.getItem('test.push')") is None
    assert page.evaluate("indexedDB.databases().then((all) => all.map((one) => one.name))") == []


def kept(room: Room) -> list[str]:
    """The browsers the service knows."""
    found: list[str] = room.do(room.stream.keys(PEOPLE, "push."))
    return found


def test_c_push_1_a_second_device_and_a_browser_that_may_not(
    room: Room, sit: Sit, pushes: PushService
) -> None:
    """C-PUSH-1: on in one browser is told in the other; a refused permission is said with what to do."""
    asked(sit, Keys(pushes), "/go", "responder")
    other = sit(
        "/go",
        user="responder",
        script=stands_for(Keys(pushes)),
        permissions=["notifications"],
        width=390,
        height=844,
    )
    other.locator('[data-push="elsewhere"]').wait_for()
    other.get_by_role("button", name="在这台设备上打开").click()
    other.locator('[data-push="on"]').wait_for()
    expect(other.get_by_text("另有 1 台设备也已打开")).to_be_visible()
    denied = sit(
        "/go",
        user="responder",
        script="Object.defineProperty(Notification, 'permission', { get: () => 'denied' })",
        width=390,
        height=844,
    )
    denied.locator('[data-push="denied"]').wait_for()
    expect(denied.get_by_text("改为允许")).to_be_visible()
    expect(denied.locator("[data-push] button")).to_have_count(0)


def test_c_push_2_one_notification_for_a_case_and_a_red_one_stays(
    room: Room, sit: Sit, pushes: PushService
) -> None:
    """C-PUSH-1, C-PUSH-2, C-PUSH-3: a red leaves urgent, with its topic; its updates are one notification; no health in it."""
    phones = {"family": Keys(pushes), "responder": Keys(pushes), "operator": Keys(pushes)}
    pages = {
        user: asked(sit, keys, {"family": "/family", "responder": "/go", "operator": "/desk"}[user], user)
        for user, keys in phones.items()
    }
    me = str(room.house.people.users["responder"].staff)
    wait_for(lambda: room.browsers == 3, what="the three browsers among the channels")
    room.comes_in("s01")
    alert = room.raised("smoke", "h0317")
    wait_for(lambda: heard(pushes, phones["operator"], "red"), what="the operator's message")
    room.command(alert, "acknowledge", actor="s01")
    wait_for(lambda: heard(pushes, phones["family"], "red"), what="the family's message")
    headers, message = heard(pushes, phones["family"], "red")[0]
    assert (headers["urgency"], headers["topic"], int(headers["ttl"]) > 60) == ("high", alert[:32], True)
    assert headers["authorization"].startswith("vapid t=")
    room.command(alert, "dispatch", actor="s01", responders=[me])
    wait_for(lambda: heard(pushes, phones["responder"], "red"), what="the responder's message")

    worker = Worker(pages["family"])
    worker.hears(message)
    wait_for(worker.shown, what="the notification")
    worker.hears({**message, "body": "陈敏芝已接警"})
    wait_for(lambda: worker.shown()[0]["body"] == "陈敏芝已接警", what="the update in its place")
    (shown,) = worker.shown()
    assert (shown["tag"], shown["stays"], shown["url"], shown["lang"]) == (
        alert,
        True,
        message["link"] or "/",
        "zh-CN",
    )
    worker.hears({**message, "tag": "another", "level": "blue"})
    wait_for(lambda: len(worker.shown()) == 2, what="another case beside it")
    assert [one["stays"] for one in worker.shown() if one["tag"] == "another"] == [False]

    everything = [
        keys.read(data)
        for keys in phones.values()
        for path, _, data in pushes.sent
        if path == keys.subscription.endpoint.removeprefix(pushes.address)
    ]
    assert len(everything) >= 3
    for one in everything:
        said = f"{one['title']} {one['body']}"
        assert [word for word in PRIVATE if tells(word, said)] == [], said


def test_c_push_3_the_lock_screen_of_every_kind_of_case_tells_no_health(
    room: Room, sit: Sit, pushes: PushService
) -> None:
    """C-PUSH-3: fall, pulse, bed, SOS: the words on a relative's lock screen hold no health, no name, no room."""
    keys = Keys(pushes)
    asked(sit, keys, "/family", "family")
    wait_for(lambda: room.browsers == 1, what="the browser among the channels")
    for kind in ("fall", "sos", "gas", "smoke"):
        room.command(room.raised(kind, "h0317"), "acknowledge", actor="s01")
    wait_for(lambda: len(heard(pushes, keys, "red")) >= 4, what="a message for each")
    for _, message in heard(pushes, keys, "red"):
        said = f"{message['title']} {message['body']}"
        assert "核实" in said
        assert [word for word in HEALTH if tells(word, said)] == [], said


def test_c_push_4_a_press_on_a_message_opens_its_case(room: Room, sit: Sit, pushes: PushService) -> None:
    """9.2: a desk that is open goes to the message's case and is not loaded anew; without one the message's link opens."""
    keys = Keys(pushes)
    page = asked(sit, keys, "/desk", "operator")
    page.reload()  # the dialog of messages is gone
    live(page)
    wait_for(lambda: room.browsers == 1, what="the browser among the channels")
    room.comes_in("s01")
    alert, other = room.raised("smoke", "h0317"), room.raised("sos", list(room.registry.homes)[5])
    wait_for(
        lambda: {m["tag"] for _, m in heard(pushes, keys, "red")} == {alert, other}, what="both messages"
    )
    messages = {m["tag"]: m for _, m in heard(pushes, keys, "red")}
    worker = Worker(page)
    for message in messages.values():
        worker.hears(message)
    wait_for(lambda: len(worker.shown()) == 2, what="both notifications")
    page.evaluate("window.kept = true")
    assert worker.pressed(other) == {"focused": ["/desk"], "opened": []}
    page.wait_for_url(f"**/desk?*case={other}*")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.locator(f'[data-hero~="{other}"]').wait_for()
    assert page.evaluate("window.kept") is True, "a call may be going on here"
    comes_to(lambda: [one["tag"] for one in worker.shown()], [alert], "the end of what was pressed")

    page.goto(f"{room.url}/wall")
    assert worker.pressed(alert) == {"focused": [], "opened": [messages[alert]["link"]]}
