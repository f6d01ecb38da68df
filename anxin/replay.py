"""`anxin replay`: recorded messages through decode, rules and alerts in virtual time (contract section 7).

Start at `Film`: the same hearts as the service (`ingest.normalize`, `rules.engine`, `alerts.desk`), driven by the
lines of a file instead of a broker and a clock. No network, no database, nothing sent; the same input gives the
same bytes. A `crash` line throws engine and desk away and rebuilds them from what would have been durable: the
last snapshot and the log behind it.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import msgspec

from alerts.desk import Desk
from alerts.events import Raised, Transition
from alerts.lines import lines
from alerts.orders import No, NotAllowed, read_order
from alerts.proposing import decode_transition
from alerts.watch import duty_findings, next_change
from anxin.settings import Mqtt
from anxin.settings import Subscription as Subscribed
from care.errors import CareError, Misconfigured
from care.ids import iso
from care.messages import Finding, Refusal, Report, Unclaimed, encode
from care.site import Registry, Site
from care.words import Exit, Phase
from ingest.normalize import Message, Normalizer, Subscription
from rules.catalog import RuleBook, load
from rules.engine import Engine

SNAPSHOT_EVERY = 64
"""Inputs between snapshots: far fewer than live (5 s), so that a crash line has both a snapshot and a log to read."""

Line = dict[str, Any]


class Unreadable(CareError):
    """The input cannot be read."""


@dataclass
class _Heard:
    """An input as it stands in the log: what the engine is fed again after a crash."""

    now: datetime
    report: Report | None = None
    refusal: Refusal | None = None


@dataclass
class Film:
    """A run in virtual time. `feed` takes one parsed line, `finish` nothing more; `emit` gets each output line."""

    site: Site
    book: RuleBook
    emit: Callable[[Line], None]
    subscriptions: Sequence[Subscription] = ()
    now: datetime | None = None
    registry: Registry = field(init=False)
    engine: Engine = field(init=False)
    desk: Desk = field(init=False)
    last_alert: str | None = None
    _number: int = 0
    _duty_due: datetime | None = None
    _transitions: list[bytes] = field(default_factory=list)
    _emitted: set[str] = field(default_factory=set)
    _heard: list[_Heard] = field(default_factory=list)
    _snapshot: bytes | None = None
    _unclaimed: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.registry = Registry(self.site)
        subscriptions = self.subscriptions or [
            Subscription(s.filter, s.dialect) for s in Mqtt().subscriptions
        ]
        self.normalizer = Normalizer(self.registry, subscriptions)
        self.engine = Engine(self.registry, self.book)
        self.desk = Desk(self.registry, numbers=self._next_number)

    def _next_number(self) -> int:
        # The counter is durable by itself: a crash does not give a number twice.
        self._number += 1
        return self._number

    # -- input -------------------------------------------------------------------------------------------------

    def feed(self, line: Line, number: int) -> None:
        """One line of the input. Raises Unreadable with the line's number when it makes no sense."""
        at = self._at(line, number)
        # Lines come in order of arrival; a time that goes back a little cannot turn back the clock.
        now = at if self.now is None else max(at, self.now)
        self.advance(now)
        if line.get("crash"):
            self._crash(now)
        elif "command" in line:
            self._command(line, now)
        elif "topic" in line:
            self._message(line, now, number)
        elif not line.get("advance"):
            raise Unreadable(
                f"line {number}: neither a message (topic, payload), a command, an advance nor a crash"
            )
        # What this line made due at once happens before the next one.
        self.advance(now)

    def _at(self, line: Line, number: int) -> datetime:
        try:
            at = datetime.fromisoformat(line["at"])
        except (KeyError, TypeError, ValueError):
            raise Unreadable(f"line {number}: `at` must be a time like 2026-03-01T01:59:00+08:00") from None
        return (at if at.tzinfo else at.replace(tzinfo=self.registry.zone)).astimezone(UTC)

    def advance(self, to: datetime) -> None:
        """Let every timer up to `to` fire, the engine's and the desk's in order of time."""
        while True:
            engine_due, desk_due = self.engine.next_due(), self.desk.next_due()
            due = min((d for d in (engine_due, desk_due, self._duty_due) if d is not None), default=None)
            if due is None or due > to:
                break
            now = due if self.now is None else max(due, self.now)
            self.now = now
            if engine_due is not None and engine_due == due:
                self._findings(self.engine.tick(now), now)
            elif desk_due is not None and desk_due == due:
                for transition in self.desk.tick(now):
                    self._durable(transition)
            else:
                self._look_at_duty(now)
        self.now = to
        if self._duty_due is None:
            self._look_at_duty(to)

    def _look_at_duty(self, now: datetime) -> None:
        """Say where a hole of the rota begins or ends. What lies ahead is the live service's to say."""
        self._duty_due = next_change(self.desk.roster, now)
        for finding in duty_findings(
            self.desk.roster, self.desk.alerts.values(), now, ahead=None, desk=False
        ):
            self._findings([finding], now)

    def _message(self, line: Line, now: datetime, number: int) -> None:
        topic, payload = line["topic"], line.get("payload")
        if not isinstance(topic, str):
            raise Unreadable(f"line {number}: `topic` must be text")
        data = (
            payload.encode("utf-8", "surrogatepass")
            if isinstance(payload, str)
            else msgspec.json.encode(payload)
        )
        if payload is None:
            data = b""
        message = Message(
            topic=topic, payload=data, received_at=now, retained=bool(line.get("retain", False)), qos=1
        )
        for out in self.normalizer.normalize(message):
            if isinstance(out, Report):
                self._keep(_Heard(now, report=out))
                self._findings(self.engine.feed(out, now), now)
            elif isinstance(out, Unclaimed):
                if out.topic not in self._unclaimed:
                    self._unclaimed.add(out.topic)
                    self._say(
                        now,
                        "unclaimed",
                        topic=out.topic,
                        dialect=out.dialect,
                        suggested_kind=out.suggested_kind,
                    )
            else:
                self._say(
                    now,
                    "refused",
                    topic=out.topic,
                    reason=out.reason,
                    home=out.home,
                    device=out.device,
                    quantity=out.quantity,
                    detail=out.detail,
                )
                if out.alarm:
                    self._keep(_Heard(now, refusal=out))
                    self._findings(self.engine.refused(out, now), now)

    def _command(self, line: Line, now: datetime) -> None:
        word = str(line["command"])
        actor = str(line.get("by") or "desk")
        alert = self._which(line.get("alert"))
        try:
            if alert is None:
                raise NotAllowed(No.unknown_alert, "there is no such alert")
            body = {k: v for k, v in line.items() if k not in ("at", "command", "alert", "by")}
            order = read_order(word, actor=actor, body=body)
            transition = self.desk.command(alert, order, now)
            if transition.events:
                self._durable(transition)
        except NotAllowed as no:
            seen = self.desk.get(alert) if alert else None
            self._say(
                now,
                "refused",
                command=word,
                reason=no.no.value,
                detail=no.detail,
                fields=list(no.fields) or None,
                by=actor,
                alert=alert,
                number=seen.number if seen else None,
            )

    def _which(self, name: Any) -> str | None:
        if name == "last" or name is None:
            return self.last_alert
        for alert in (*self.desk.open(), *self.desk.closed()):
            if name in (alert.id, alert.number) or str(alert.number) == str(name):
                return alert.id
        return None

    # -- what follows from it ----------------------------------------------------------------------------------

    def _keep(self, heard: _Heard) -> None:
        if len(self._heard) >= SNAPSHOT_EVERY or self._snapshot is None:
            self._snapshot = self.engine.snapshot()
            self._heard.clear()
        self._heard.append(heard)

    def _findings(self, findings: Iterable[Finding], now: datetime) -> None:
        for finding in findings:
            if finding.event_id in self._emitted:
                continue
            self._emitted.add(finding.event_id)
            self._say(
                finding.at,
                f"finding.{finding.phase.value}",
                code=finding.code,
                level=finding.level.value,
                home=finding.home,
                resident=finding.resident,
                device=finding.device,
                rule=finding.rule,
                rule_version=finding.rule_version,
                finding=finding.finding,
                cause=finding.cause,
                room=finding.room,
                title=finding.title.get("zh"),
                onset_at=iso(finding.onset_at),
                condition=finding.condition.value,
                occurrences=finding.occurrences,
                late_seconds=round(finding.late_seconds, 3) or None,
                reason=finding.reason or None,
                tags=finding.tags or None,
                test=finding.test or None,
                evidence=msgspec.to_builtins(finding.evidence)
                if finding.phase is not Phase.cleared
                else None,
                parameters=finding.parameters or None,
            )
            for transition in self.desk.on_finding(finding, now):
                self._durable(transition)

    def _durable(self, transition: Transition) -> None:
        """A transition is stored, folded, and told."""
        data = encode(transition)
        self._transitions.append(data)
        alert = self.desk.apply(decode_transition(data))
        if (
            any(isinstance(event, Raised) for event in transition.events)
            and alert.home in self.registry.homes
        ):
            # A hole in the rota is nobody's home: who takes "the last one" means the call, not the rota beside it.
            self.last_alert = alert.id
        for line in lines(transition, alert):
            self.emit({k: v for k, v in line.items() if v is not None})

    def _say(self, at: datetime, what: str, **rest: Any) -> None:
        self.emit({"at": iso(at), "type": what, **{k: v for k, v in rest.items() if v is not None}})

    # -- a crash -----------------------------------------------------------------------------------------------

    def _crash(self, now: datetime) -> None:
        """Drop engine and desk; rebuild them from the snapshot, the readings behind it, and the alert log."""
        if self._snapshot is None:
            self.engine = Engine(self.registry, self.book)
        else:
            self.engine = Engine.restore(self.registry, self.book, self._snapshot)
        again: list[tuple[Finding, datetime]] = []
        for heard in self._heard:
            again += [(f, heard.now) for f in self.engine.tick(heard.now)]
            if heard.report is not None:
                again += [(f, heard.now) for f in self.engine.feed(heard.report, heard.now)]
            if heard.refusal is not None:
                again += [(f, heard.now) for f in self.engine.refused(heard.refusal, heard.now)]
        again += [(f, now) for f in self.engine.tick(now)]
        self.desk = Desk(self.registry, numbers=self._next_number)
        for data in self._transitions:
            self.desk.apply(decode_transition(data))
        for finding, at in again:
            self._findings([finding], at)


def read_lines(file: IO[bytes]) -> Iterator[tuple[int, Line]]:
    """The lines of a recording with their numbers; empty ones are passed over. Raises Unreadable."""
    decoder = msgspec.json.Decoder()
    for number, raw in enumerate(file, 1):
        if not raw.strip():
            continue
        try:
            line = decoder.decode(raw)
        except (msgspec.DecodeError, RecursionError) as error:
            raise Unreadable(f"line {number}: not JSON ({error})") from None
        if not isinstance(line, dict):
            raise Unreadable(f"line {number}: a line is one JSON object")
        yield number, line


def run(
    messages: Path,
    site: Site,
    *,
    rules: Sequence[Path],
    out: Path | None,
    say: Callable[[str], None],
    subscriptions: Sequence[Subscribed] = (),
) -> Exit:
    """Replay a file; returns the exit status. Refused messages are no fault; unreadable input is.

    `subscriptions` as in the settings; the usual ones when empty.
    """
    book = load(rules)
    started = False
    with contextlib.ExitStack() as stack:
        try:
            source: IO[bytes] = (
                sys.stdin.buffer if str(messages) == "-" else stack.enter_context(messages.open("rb"))
            )
        except OSError as error:
            raise Misconfigured(f"{messages} cannot be read: {error.strerror}") from None
        sink: IO[bytes] = sys.stdout.buffer if out is None else stack.enter_context(out.open("wb"))
        encoder = msgspec.json.Encoder()
        counts: dict[str, int] = {}

        def emit(line: Line) -> None:
            counts[line["type"]] = counts.get(line["type"], 0) + 1
            sink.write(encoder.encode(line) + b"\n")

        film = Film(site, book, emit, [Subscription(s.filter, s.dialect) for s in subscriptions])
        progress = _Progress(say)
        try:
            for number, line in read_lines(source):
                film.feed(line, number)
                started = True
                progress.at(number, film.now)
        except Unreadable as error:
            sink.flush()
            say(f"anxin: {messages}: {error}")
            return Exit.fault
        sink.flush()
        progress.done(counts)
    if not started:
        say(f"anxin: {messages}: there is nothing in it")
    return Exit.good


class _Progress:
    """Every so many lines a word on a terminal; nothing elsewhere."""

    EVERY = 5_000

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._terminal = sys.stderr.isatty()

    def at(self, number: int, now: datetime | None) -> None:
        if self._terminal and number % self.EVERY == 0 and now is not None:
            print(f"\r{number:,} lines, {now:%Y-%m-%d %H:%M}", end="", file=sys.stderr, flush=True)

    def done(self, counts: dict[str, int]) -> None:
        if self._terminal:
            words = (
                ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items())) or "nothing happened"
            )
            self._say(f"\r{words}")
