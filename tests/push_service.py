"""A push service on loopback and the browser behind it, as RFC 8030 and RFC 8291 have them: for tests of what we send."""

from __future__ import annotations

import base64
import json
import os
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import http_ece
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from alerts.subscriptions import Subscription

NOON = datetime(2026, 5, 23, 4, 0, tzinfo=UTC)


class PushService:
    """A push service on loopback: keeps what it was given, answers as it is told."""

    def __init__(self) -> None:
        self.status = 201
        self.heard: list[tuple[dict[str, str], bytes]] = []
        self.sent: list[tuple[str, dict[str, str], bytes]] = []
        """The same with the path, which names the browser."""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {k.lower(): v for k, v in self.headers.items()}
                outer.heard.append((headers, data))
                outer.sent.append((self.path, headers, data))
                self.send_response(outer.status)
                if outer.status == 302:
                    self.send_header("Location", "http://127.0.0.1:1/inside")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class Browser:
    """The other half of a subscription: the only one who can read what comes."""

    def __init__(self, service: PushService, person: str = "c0317a", at: datetime = NOON) -> None:
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.secret = os.urandom(16)
        point = self.private.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )
        self.subscription = Subscription(
            person=person,
            endpoint=f"{service.address}/send/{self.secret.hex()}",
            p256dh=base64.urlsafe_b64encode(point).rstrip(b"=").decode(),
            auth=base64.urlsafe_b64encode(self.secret).rstrip(b"=").decode(),
            created_at=at,
        )

    def read(self, data: bytes) -> dict[str, Any]:
        plain = http_ece.decrypt(data, private_key=self.private, auth_secret=self.secret, version="aes128gcm")
        found: dict[str, Any] = json.loads(plain)
        return found
