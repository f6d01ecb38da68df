"""The phones of a simulated community: a small server that takes what Apprise's `json://` sends.

`make demo` runs it so that pushes have somewhere to go; tests use it as a provider that speaks the real
protocol. `GET /` shows what each phone received, newest first, with its link; `GET /messages` gives JSON;
`DELETE /messages` forgets. A path names the phone: `POST /desk`, `POST /p/s07`, `POST /family`. `POST /answer`
`{"status": 500, "body": "…", "delay": 2, "times": 3, "path": "/desk"}` makes the provider misbehave for a while.
Start at `Phones`; `python -m simulators.phones --port 9900` runs it alone.
"""

from __future__ import annotations

import argparse
import html
import http.client
import json
import re
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from care.clock import SystemClock
from care.ids import iso

KEEP = 500
"""Messages remembered; older ones are forgotten."""
BODY_BYTES = 64_000
EVERY = 1_000_000_000
"""Times that are no end: until told otherwise."""
_LINK = re.compile(r"https?://[^\s<>\"]+")


@dataclass(frozen=True)
class Message:
    """What one phone received."""

    at: datetime
    path: str
    title: str
    text: str
    kind: str


@dataclass
class _Behaviour:
    status: int = 200
    body: str = "{}"
    delay_seconds: float = 0.0
    times: int = 0
    path: str = ""


@dataclass
class Phones:
    """The server. `start()` it on a loopback port (0 = any), read `messages`, `stop()` it."""

    port: int = 0
    messages: deque[Message] = field(default_factory=lambda: deque(maxlen=KEEP))
    _behaviour: _Behaviour = field(default_factory=_Behaviour)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _server: ThreadingHTTPServer | None = None

    def start(self) -> Phones:
        """Listen on 127.0.0.1; `port` then holds the port."""
        phones = self

        class Handler(_Handler):
            owner = phones

        self._server = _Provider(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, name="phones", daemon=True).start()
        return self

    def stop(self) -> None:
        """Close the port."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def misbehave(
        self,
        *,
        status: int = 200,
        body: str = "{}",
        delay_seconds: float = 0.0,
        times: int = 1,
        path: str = "",
    ) -> None:
        """Answer the next `times` messages (to `path`, or to any) in this way; they count as not received."""
        with self._lock:
            self._behaviour = _Behaviour(status, body, delay_seconds, times, path)

    def receive(self, path: str, payload: dict[str, Any]) -> tuple[int, str, float]:
        """Take a message; returns the status, body and delay of the answer."""
        with self._lock:
            how = self._behaviour
            if how.times > 0 and path.startswith(how.path):
                how.times -= 1
                return how.status, how.body, how.delay_seconds
            self.messages.append(
                Message(
                    SystemClock().now(),
                    path,
                    str(payload.get("title", "")),
                    str(payload.get("message", "")),
                    str(payload.get("type", "")),
                )
            )
        return 200, "{}", 0.0


class _Provider(ThreadingHTTPServer):
    request_queue_size = 512
    """A provider takes more than five callers at a time; with Python's five, a storm waits a second to knock again."""


class _Handler(BaseHTTPRequestHandler):
    owner: Phones
    protocol_version = "HTTP/1.1"
    timeout = 30

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Nothing: messages are not for logs."""

    def _answer(self, status: int, body: str, kind: str = "application/json") -> None:
        data = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_POST(self) -> None:
        """A push arrives, or somebody tells us how to behave."""
        length = int(self.headers.get("Content-Length") or 0)
        if length > BODY_BYTES:
            self.close_connection = True
            self._answer(413, "{}")
            return
        try:
            payload = json.loads(self.rfile.read(length) or b"{}")
        except ValueError:
            self._answer(400, "{}")
            return
        if self.path == "/answer":
            self.owner.misbehave(
                status=int(payload.get("status", 200)),
                body=str(payload.get("body", "{}")),
                delay_seconds=float(payload.get("delay", 0)),
                times=int(payload.get("times", 1)),
                path=str(payload.get("path", "")),
            )
            self._answer(200, "{}")
            return
        status, body, delay = self.owner.receive(self.path, payload if isinstance(payload, dict) else {})
        if delay:
            time.sleep(min(delay, 30))
        self._answer(status, body)

    def do_DELETE(self) -> None:
        """Forget what was received."""
        self.owner.messages.clear()
        self._answer(200, "{}")

    def do_GET(self) -> None:
        """Show what was received."""
        messages = list(self.owner.messages)
        if self.path == "/messages":
            rows = [
                {"at": iso(m.at), "path": m.path, "title": m.title, "message": m.text, "type": m.kind}
                for m in messages
            ]
            self._answer(200, json.dumps(rows, ensure_ascii=False))
            return
        self._answer(200, _page(messages), "text/html")


def _page(messages: list[Message]) -> str:
    def linked(text: str) -> str:
        return _LINK.sub(
            lambda m: f'<a href="{m[0]}" target="_blank" rel="noreferrer">{m[0]}</a>', html.escape(text)
        )

    rows = "".join(
        f"<li><time>{m.at.astimezone():%H:%M:%S}</time><b>{html.escape(m.path.strip('/') or '-')}</b>"
        f"<p>{linked(m.title)}</p><p class=t>{linked(m.text)}</p></li>"
        for m in reversed(messages)
    )
    return (
        "<!doctype html><html lang=zh-CN><meta charset=utf-8><meta http-equiv=refresh content=2>"
        "<meta name=viewport content='width=device-width'><title>演示手机</title><style>body{margin:0;background:#0d1116;"
        "color:#eef2f5;font:17px/1.45 'Noto Sans CJK SC','PingFang SC','Microsoft YaHei',sans-serif}main{max-width:720px;"
        "margin:0 auto;padding:24px 16px}h1{font-size:22px}ul{list-style:none;padding:0}li{background:#141a21;border:1px solid "
        "#2b3743;border-radius:6px;padding:12px 16px;margin:10px 0}time{color:#b3bfca;margin-right:12px}p{margin:6px 0}"
        ".t{color:#b3bfca;white-space:pre-wrap;overflow-wrap:anywhere}a{color:#8fc4ff}</style>"
        f"<main><h1>演示手机：收到 {len(messages)} 条</h1><ul>{rows or '<li>还没有消息</li>'}</ul></main></html>"
    )


def misbehaving(url: str) -> Callable[[int, float, bool], None]:
    """Tells the phones at this address how to answer, and that they may answer well again. Raises OSError when they are away."""
    parts = urlsplit(url)

    def tell(status: int, delay_seconds: float, held: bool) -> None:
        body = {"status": status, "delay": delay_seconds, "times": EVERY if held else 0}
        line = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port or 80, timeout=2)
        try:
            line.request("POST", "/answer", json.dumps(body), {"Content-Type": "application/json"})
            line.getresponse().read()
        except http.client.HTTPException as error:
            raise OSError(str(error)) from None
        finally:
            line.close()

    return tell


def main() -> None:
    """Run the phones until told to stop."""
    parser = argparse.ArgumentParser(
        description="Phones of a simulated community.", epilog="example: --port 9900"
    )
    parser.add_argument("--port", type=int, default=9900)
    options = parser.parse_args()
    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    try:
        phones = Phones(port=options.port).start()
    except OSError as error:
        sys.exit(f"the phones cannot listen on 127.0.0.1:{options.port}: {error.strerror}")
    done.wait()
    phones.stop()


if __name__ == "__main__":
    main()
