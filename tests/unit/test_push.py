"""Browsers: encrypted for them alone, with its urgency, one message for each case, and gone when they are gone."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from py_vapid import Vapid02

from alerts.push import LASTS, LASTS_RED, WebPush
from alerts.sending import Letter, Permanent, Sent, TemporaryFailure, Verdict
from alerts.subscriptions import (
    KEPT_OF_A_PERSON,
    Subscription,
    by_person,
    is_allowed,
    public_key,
    remember,
    vapid_key,
)
from care.messages import encode
from care.stream import PEOPLE, MemoryStream
from care.words import Level
from tests.push_service import Browser, PushService

NOON = datetime(2026, 5, 23, 4, 0, tzinfo=UTC)


@pytest.fixture
def service() -> Iterator[PushService]:
    made = PushService()
    yield made
    made.close()


LETTER = Letter(
    "#317 家中有提醒",
    "工作人员正在核实\nhttps://h/go/x",
    level=Level.red,
    words="工作人员正在核实",
    link="https://h/go/x",
    number=317,
    case="a1b2c3d4e5f6a7b8c9d0",
)


async def send(
    service: PushService, browser: Browser, letter: Letter = LETTER
) -> tuple[Verdict, MemoryStream]:
    stream = MemoryStream()
    await stream.put(PEOPLE, browser.subscription.key, encode(browser.subscription))
    channel = WebPush(
        stream, await vapid_key(stream), contact="mailto:ops@example.org", hosts=[service.address]
    )
    try:
        return await channel.send(f"webpush://{browser.subscription.id}", letter), stream
    finally:
        channel.close()


async def test_only_the_browser_can_read_it_and_the_link_is_the_notification(service: PushService) -> None:
    """C-PUSH-1, C-PUSH-3: aes128gcm for this browser; title, words, tag and link, nothing else."""
    browser = Browser(service)
    verdict, _ = await send(service, browser)
    assert verdict == Sent()
    ((headers, data),) = service.heard
    assert browser.read(data) == {
        "title": "#317 家中有提醒",
        "body": "工作人员正在核实",
        "tag": "a1b2c3d4e5f6a7b8c9d0",
        "number": 317,
        "level": "red",
        "link": "https://h/go/x",
    }
    assert "核实".encode() not in data
    assert (headers["urgency"], headers["topic"], headers["ttl"]) == (
        "high",
        "a1b2c3d4e5f6a7b8c9d0",
        str(LASTS_RED),
    )


async def test_the_push_service_can_tell_that_it_is_us(service: PushService) -> None:
    """VAPID: signed by the service's one key for this push service, with an address to reach its keeper."""
    browser = Browser(service)
    _, stream = await send(service, browser)
    token = service.heard[0][0]["authorization"].split("t=")[1].split(",")[0]
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    assert claims["aud"] == service.address
    assert claims["sub"] == "mailto:ops@example.org"
    key = await vapid_key(stream)
    assert f"k={public_key(key)}" in service.heard[0][0]["authorization"]
    assert Vapid02.verify(service.heard[0][0]["authorization"])


async def test_what_may_wait_is_not_urgent(service: PushService) -> None:
    """Blue saves the phone's battery, and is kept for hours."""
    await send(service, Browser(service), Letter("#9 复电", "x", level=Level.blue, case="b"))
    headers = service.heard[0][0]
    assert (headers["urgency"], headers["ttl"]) == ("low", str(LASTS))


@pytest.mark.parametrize(
    ("status", "verdict", "kept"),
    [
        (201, Sent(), True),
        (202, Sent(), True),
        (404, Permanent("http_404"), False),
        (410, Permanent("http_410"), False),
        (413, Permanent("http_413"), True),
        (429, TemporaryFailure("http_429"), True),
        (500, TemporaryFailure("http_500"), True),
        (302, Permanent("redirected"), True),
    ],
)
async def test_the_push_services_answer_decides(
    service: PushService, status: int, verdict: Verdict, kept: bool
) -> None:
    """Gone means removed; too many and broken mean later; nobody is followed to another address."""
    service.status = status
    browser = Browser(service)
    got, stream = await send(service, browser)
    assert got == verdict
    assert len(service.heard) == 1
    entry = await stream.get(PEOPLE, browser.subscription.key)
    assert (entry is not None and entry.data is not None) is kept


async def test_who_does_not_answer_and_who_left() -> None:
    """A dead push service is a failure for now; a subscription that is no more is one for good."""
    service = PushService()
    browser = Browser(service)
    service.close()
    assert (await send(service, browser))[0] == TemporaryFailure("unreachable")
    stream = MemoryStream()
    channel = WebPush(stream, await vapid_key(stream), contact="mailto:a@b.c")
    assert await channel.send("webpush://nobody", LETTER) == Permanent("unsubscribed")
    channel.close()


async def test_keys_that_are_none_are_refused_for_good(service: PushService) -> None:
    """A subscription whose key is no point of the curve never stops anybody else's message."""
    browser = Browser(service)
    bad = Subscription(
        person="x", endpoint=f"{service.address}/x", p256dh="A" * 87, auth="A" * 22, created_at=NOON
    )
    browser.subscription = bad
    assert (await send(service, browser))[0] == Permanent("bad_subscription")


@pytest.mark.parametrize(
    ("endpoint", "allowed"),
    [
        ("https://fcm.googleapis.com/fcm/send/abc", True),
        ("https://updates.push.services.mozilla.com/wpush/v2/x", True),
        ("https://web.push.apple.com/Qx", True),
        ("https://wns2-by3p.notify.windows.com/w/?token=x", True),
        ("http://fcm.googleapis.com/x", False),
        ("https://fcm.googleapis.com.evil.example/x", False),
        ("https://evilfcm.googleapis.com.example/x", False),
        ("https://127.0.0.1:8443/x", False),
        ("https://user@10.0.0.1/x", False),
        ("file:///etc/passwd", False),
        ("https://[::1/x", False),
    ],
)
def test_we_knock_at_no_other_door(endpoint: str, allowed: bool) -> None:
    """Whoever is signed in chooses the endpoint; only push services are posted to."""
    assert is_allowed(endpoint) is allowed


async def test_a_person_has_a_few_browsers_and_the_newest_comes_first(service: PushService) -> None:
    """The sixth makes room by letting the oldest go."""
    stream = MemoryStream()
    made = []
    for n in range(KEPT_OF_A_PERSON + 1):
        one = Browser(service).subscription
        one = Subscription(
            person="s01",
            endpoint=one.endpoint,
            p256dh=one.p256dh,
            auth=one.auth,
            created_at=NOON.replace(minute=n),
        )
        made.append(one)
        await remember(stream, one)
    left = {key.removeprefix("push.") for key in await stream.keys(PEOPLE, "push.")}
    assert left == {s.id for s in made[1:]}
    urls = by_person({s.id: s for s in made})["s01"]
    assert urls[0] == f"webpush://{made[-1].id}"


async def test_everybody_gets_the_same_key() -> None:
    """Made by whoever asks first, and never again: a new key would lose every browser."""
    stream = MemoryStream()
    assert public_key(await vapid_key(stream)) == public_key(await vapid_key(stream))
