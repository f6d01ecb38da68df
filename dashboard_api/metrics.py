"""The figures that Prometheus reads at `/metrics`: about a dozen, none of them about a person."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """One set per application, so that several can live in one process (tests)."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "anxin_api_requests", "Requests answered", ["method", "route", "status"], registry=self.registry
        )
        self._seconds = Histogram(
            "anxin_api_request_seconds",
            "How long requests take, live streams left out",
            registry=self.registry,
            buckets=(0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
        )
        self.live_clients = Gauge(
            "anxin_api_live_clients", "Open live streams", ["view"], registry=self.registry
        )
        self.live_ended = Counter(
            "anxin_api_live_ended", "Live streams that ended, by why", ["view", "why"], registry=self.registry
        )
        self.to_screen = Histogram(
            "anxin_alerts_event_to_screen_seconds",
            "From the moment an alert's event was decided to the moment it is handed to the screens",
            registry=self.registry,
            buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 15, 60),
        )
        self.commands = Counter(
            "anxin_api_commands",
            "Commands of people, by result",
            ["command", "result"],
            registry=self.registry,
        )
        self.sign_ins = Counter(
            "anxin_api_sign_ins", "Sign-ins, by result", ["result"], registry=self.registry
        )
        self.open_alerts = Gauge("anxin_alerts_open", "Open alerts", ["level"], registry=self.registry)
        self.waiting_red = Gauge(
            "anxin_alerts_red_unacknowledged", "Red alerts that nobody has taken", registry=self.registry
        )
        self.homes = Gauge("anxin_homes", "Homes by protection", ["protection"], registry=self.registry)
        self.ingest_age = Gauge(
            "anxin_ingest_age_seconds", "Since a device was last heard", registry=self.registry
        )
        self.notify_lag = Gauge(
            "anxin_notify_lag_seconds", "Age of the oldest message not yet sent", registry=self.registry
        )
        self.lag = Gauge(
            "anxin_lag_seconds",
            "Age of the oldest thing a role has not worked off, as it says itself",
            ["component"],
            registry=self.registry,
        )
        self.components = Gauge(
            "anxin_component_up",
            "1 when a part of the service answers",
            ["component"],
            registry=self.registry,
        )
        self.screens = Gauge(
            "anxin_api_screens",
            "Screens that beat within 60 s, by sound",
            ["view", "audio"],
            registry=self.registry,
        )

    def served(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request was answered; `route` is the route of the table, never the path that was sent."""
        known = method if method in ("GET", "HEAD", "POST", "DELETE", "PUT", "PATCH", "OPTIONS") else "other"
        self._requests.labels(known, route, str(status)).inc()
        if not route.endswith("/live"):
            self._seconds.observe(seconds)

    def text(self) -> bytes:
        """What Prometheus reads."""
        return generate_latest(self.registry)
