"""Text messages and calls by the community's own gateway: signed, the same id again, and believed only when it says so."""

import json

import pytest

from alerts.sending import Channels, Letter, NotSet, Permanent, Sent, TemporaryFailure, Verdict
from alerts.webhook import Gateway, sign
from care.clock import ManualClock
from care.words import Level
from tests.unit.test_alert_house import NOON
from tests.unit.test_channels import Provider, provider

__all__ = ["provider"]
SECRET = "sixteen letters and more"
LETTER = Letter(
    "#317 应急响应：厨房烟感报警", "3 幢\nhttps://h/go/x", level=Level.red, number=317, link="https://h/go/x",
    delivery="d1", phone="0574-86293712",
)  # fmt: skip


async def send(provider: Provider, url: str = "sms://", letter: Letter = LETTER) -> Verdict:
    gateway = Gateway("sms", f"{provider.url}/sms", SECRET, ManualClock(NOON))
    try:
        return await gateway.send(url, letter)
    finally:
        gateway.close()


async def test_it_says_whom_to_tell_what_and_who_asks(provider: Provider) -> None:
    """The person's own number, or the one in the address; the text with its link; a signature over it all."""
    provider.body = b'{"accepted": true}'
    assert await send(provider) == Sent()
    assert await send(provider, "sms://13800000921") == Sent()
    (path, body), (_, other) = provider.heard
    said = json.loads(body)
    assert path == "/sms"
    assert said == {
        "kind": "sms",
        "to": "0574-86293712".replace("-", ""),
        "text": "#317 应急响应：厨房烟感报警\n3 幢\nhttps://h/go/x",
        "number": 317,
        "level": "red",
        "link": "https://h/go/x",
    }
    assert json.loads(other)["to"] == "13800000921"


def test_the_signature_covers_the_moment_and_the_body() -> None:
    """Another body, another moment or another secret is another signature."""
    made = sign(b"{}", b"k" * 16, 1764252000)
    assert made.startswith("t=1764252000,v1=")
    assert len({made[-64:], sign(b"{ }", b"k" * 16, 1764252000)[-64:], sign(b"{}", b"k" * 16, 1764252001)[-64:],
                sign(b"{}", b"l" * 16, 1764252000)[-64:]}) == 4  # fmt: skip


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (200, b'{"accepted": true, "id": 7}', Sent()),
        (200, b'{"accepted": false, "reason": "blacklisted"}', Permanent("provider_blacklisted")),
        (200, b'{"accepted": false, "reason": "busy", "retry": true}', TemporaryFailure("provider_busy")),
        (200, b'{"accepted": false, "reason": "<script>"}', Permanent("provider_refused")),
        (200, b"{}", TemporaryFailure("unreadable_answer")),
        (200, b"OK", TemporaryFailure("unreadable_answer")),
        (200, b'{"accepted": "yes"}', TemporaryFailure("unreadable_answer")),
        (401, b"{}", Permanent("http_401")),
        (429, b"{}", TemporaryFailure("http_429")),
        (502, b"{}", TemporaryFailure("http_502")),
    ],
)
async def test_only_its_own_word_counts(
    provider: Provider, status: int, body: bytes, verdict: Verdict
) -> None:
    """200 alone is not an answer."""
    provider.status, provider.body = status, body
    assert await send(provider) == verdict


async def test_nobody_without_a_number_is_rung(provider: Provider) -> None:
    """No phone, or something that is none: refused for good, nothing is sent."""
    assert await send(provider, letter=Letter("#1", "x")) == Permanent("no_phone_number")
    assert await send(provider, "sms://evil.example/x") == Permanent("no_phone_number")
    assert provider.heard == []


async def test_a_channel_nobody_set_up_gives_way_to_the_next() -> None:
    """`sms://` without `notify.sms_url` is refused by name; others are untouched."""

    class Yes:
        async def send(self, url: str, letter: Letter) -> Verdict:
            return Sent()

    channels = Channels(Yes(), sms=NotSet())
    assert await channels.send("sms://", LETTER) == Permanent("channel_not_configured")
    assert await channels.send("json://127.0.0.1/x", LETTER) == Sent()
