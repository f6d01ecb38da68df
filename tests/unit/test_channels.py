"""A message counts as sent only when the provider's own answer says so."""

import asyncio
import json
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from alerts import channels
from alerts.channels import AppriseChannels
from alerts.sending import Letter, Permanent, Sent, TemporaryFailure
from care.words import Level

SECRET = "a1b2c3d4e5f6a1b2c3d4e5f6a1b2c3d4e5f6a1b2c3d4e5f6a1b2c3d4e5f6a1b2"


class Provider:
    """A small server that answers as it is told and remembers what it heard."""

    def __init__(self) -> None:
        self.status = 200
        self.body = b"{}"
        self.delay = 0.0
        self.heard: list[tuple[str, bytes]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                outer.heard.append((self.path, self.rfile.read(length)))
                time.sleep(outer.delay)
                self.send_response(outer.status)
                self.send_header("Content-Length", str(len(outer.body)))
                self.end_headers()
                self.wfile.write(outer.body)

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def provider() -> Iterator[Provider]:
    server = Provider()
    yield server
    server.close()


@contextmanager
def pool(**how: float) -> Iterator[AppriseChannels]:
    made = AppriseChannels(threads=2, **how)  # type: ignore[arg-type]
    try:
        yield made
    finally:
        made.close()


# service, its class and the attribute that holds its address, an Apprise URL, the field of its answer
SERVICES = [
    ("dingtalk", channels.StrictDingTalk, "notify_url", f"dingtalk://{SECRET}", "errcode"),
    ("feishu", channels.StrictFeishu, "notify_url", "feishu://abcdef0123456789", "code"),
    ("lark", channels.StrictLark, "notify_url", "lark://abcdef0123456789-abcd", "code"),
    ("wecombot", channels.StrictWeComBot, "notify_url", "wecombot://abcdef-0123456789", "errcode"),
    ("schan", channels.StrictServerChan, "notify_url", "schan://SCT123456TABCDEF", "code"),
    ("pushdeer", channels.StrictPushDeer, None, "pushdeer://{host}/PDU1234TABCDEF", "code"),
]


def aimed(
    monkeypatch: pytest.MonkeyPatch, provider: Provider, cls: type, attribute: str | None, url: str
) -> str:
    """The same service, standing on this machine."""
    if attribute is not None:
        monkeypatch.setattr(cls, attribute, f"{provider.url}/hook")
    return url.format(host=f"127.0.0.1:{provider.port}")


@pytest.mark.parametrize(
    ("service", "cls", "attribute", "url", "field"), SERVICES, ids=[s[0] for s in SERVICES]
)
@pytest.mark.parametrize(
    ("status", "answer", "verdict"),
    [
        (200, 0, Sent()),
        (200, 310000, Permanent("provider_310000")),
        (200, 45009, TemporaryFailure("provider_45009")),
        (200, None, TemporaryFailure("unreadable_answer")),
        (500, 0, TemporaryFailure("http_500")),
        (429, 0, TemporaryFailure("http_429")),
        (404, 0, Permanent("http_404")),
    ],
)
async def test_the_body_decides(
    provider: Provider,
    monkeypatch: pytest.MonkeyPatch,
    service: str,
    cls: type,
    attribute: str | None,
    url: str,
    field: str,
    status: int,
    answer: int | None,
    verdict: object,
) -> None:
    """HTTP 200 with an error code is a refusal; too often and 5xx mean later; nonsense is never a success."""
    url = aimed(monkeypatch, provider, cls, attribute, url)
    provider.status = status
    provider.body = b"<html>" if answer is None else json.dumps({field: answer, "errmsg": "x"}).encode()
    with pool() as channel:
        assert await channel.send(url, Letter("#317 标题", "内容", level=Level.red)) == verdict
    assert len(provider.heard) == 1, "one try, no repeats"
    sent = provider.heard[0][1]
    assert "317" in sent.decode("utf-8", "replace")


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (200, Sent()),
        (204, Sent()),
        (400, Permanent("http_400")),
        (410, Permanent("http_410")),
        (503, TemporaryFailure("http_503")),
    ],
)
async def test_json_carries_title_message_and_type(provider: Provider, status: int, verdict: object) -> None:
    """`json://` delivers Apprise's JSON, and its HTTP status decides."""
    provider.status = status
    provider.body = b"" if status == 204 else b"{}"
    with pool() as channel:
        got = await channel.send(
            f"json://127.0.0.1:{provider.port}/desk", Letter("#317 厨房", "请接警", level=Level.red)
        )
    assert got == verdict
    path, body = provider.heard[0]
    said = json.loads(body)
    assert path == "/desk"
    assert (said["title"], said["message"], said["type"]) == ("#317 厨房", "请接警", "failure")


async def test_a_slow_provider_costs_its_limit_and_no_more(provider: Provider) -> None:
    """Nobody waits longer than the limit, and the event loop goes on meanwhile."""
    provider.delay = 1.0
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    ticker = asyncio.create_task(tick())
    with pool(limit_seconds=0.3) as channel:
        begun = time.monotonic()
        got = await channel.send(f"json://127.0.0.1:{provider.port}/", Letter("#1", "x"))
        assert got == TemporaryFailure("timeout")
        assert time.monotonic() - begun < 0.9
    ticker.cancel()
    assert ticks > 10
    await asyncio.sleep(0.9)  # the thread ends before its server does


async def test_nobody_there_is_temporary_and_nonsense_is_permanent() -> None:
    """A closed port may open again; an address that is none never will."""
    with pool() as channel:
        assert await channel.send("json://127.0.0.1:9/x", Letter("#1", "x")) == TemporaryFailure(
            "unreachable"
        )
        assert await channel.send("nosuch://x", Letter("#1", "x")) == Permanent("bad_address")
        assert await channel.send("not a url", Letter("#1", "x")) == Permanent("bad_address")
        assert await channel.send("dingtalk://short!", Letter("#1", "x")) == Permanent("bad_address")


async def test_the_dingtalk_signature_is_quoted_once(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A signature that is quoted twice is refused by DingTalk."""
    url = aimed(monkeypatch, provider, channels.StrictDingTalk, "notify_url", f"dingtalk://SECabc@{SECRET}")
    provider.body = b'{"errcode":0}'
    with pool() as channel:
        assert await channel.send(url, Letter("#1", "x")) == Sent()
    assert "sign=" in provider.heard[0][0]
    assert "%25" not in provider.heard[0][0]


async def test_addresses_are_never_logged(
    provider: Provider, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever goes wrong, no log line and no reason holds a channel's address."""
    caplog.set_level(logging.DEBUG)
    provider.status = 500
    with pool() as channel:
        verdicts = [
            await channel.send(f"json://user:hunter2@127.0.0.1:{provider.port}/topsecret", Letter("#1", "x")),
            await channel.send("json://127.0.0.1:9/topsecret", Letter("#1", "x")),
            await channel.send("dingtalk://topsecret", Letter("#1", "x")),
        ]
    out = capsys.readouterr()
    everything = caplog.text + out.out + out.err + repr(verdicts)
    assert "topsecret" not in everything
    assert "hunter2" not in everything
