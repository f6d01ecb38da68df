"""What Zigbee2MQTT really publishes, end to end: each recorded message becomes what its meaning says, and no more."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from care.messages import Finding, Report
from care.site import Community, Device, Home, Registry, Resident, Site
from care.words import Kind, Level, Phase
from ingest.normalize import Message, Normalizer, Subscription
from rules.engine import Engine
from tests.told import BOOK

FOLDER = Path(__file__).parent.parent / "fixtures" / "zigbee2mqtt"

NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
KINDS = {"fall_radar": Kind.fall}


def lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (FOLDER / name).read_text("utf-8").splitlines()]


MODELS, PAYLOADS = lines("models_dev.jsonl"), lines("payloads_dev.jsonl")
OF_DEVICE: dict[str, list[dict[str, Any]]] = defaultdict(list)
for _p in PAYLOADS:
    OF_DEVICE[_p["topic"]].append(_p)
KIND_OF = {topic: KINDS.get(ps[0]["kind"]) or Kind(ps[0]["kind"]) for topic, ps in OF_DEVICE.items()}
SITE = Site(
    community=Community(id="c", name="c"),
    homes=[
        Home(
            id=f"h{i:02}",
            residents=[Resident(id=f"r{i:02}", name="甲")],
            devices=[Device(id=f"d{i:02}", kind=KIND_OF[topic], room="kitchen", address=topic)],
        )
        for i, topic in enumerate(OF_DEVICE)
    ],
)
REGISTRY = Registry(SITE)
BRIDGE = json.dumps(
    [
        {
            "ieee_address": m["ieee"],
            "friendly_name": m["friendly_name"],
            "definition": {"model": m["model"], "vendor": m["vendor"], "exposes": m["exposes"]},
        }
        for m in MODELS
    ]
).encode()

ONE_OF: dict[str, tuple[str, Level]] = {
    "smoke_alarm": ("SM1", Level.red),
    "gas_alarm": ("GS1", Level.red),
    "co_alarm": ("CO1", Level.red),
    "water_leak": ("WT1", Level.yellow),
    "sos": ("SOS1", Level.red),
    "fall": ("FL1", Level.red),
    "fall_suspected": ("FL2", Level.yellow),
}
"""Meanings that are exactly one open alert, and which."""
QUIET = {"first_report", "normal", "self_test", "motion", "door_open", "vibration"}
"""Meanings that are no alert above blue; whatever begins with one of `PREFIXES` as well."""
PREFIXES = ("cleared:", "button:", "battery_level_text", "other:", "motion:")


LOW_ALL_ALONG = {t for t, ps in OF_DEVICE.items() if any('"battery_state":"low"' in p["payload"] for p in ps)}
"""Devices whose stimulus says in words that the battery is low also where nothing else is meant: TE1, rightly."""


class Told:
    """A home's messages told to a normalizer and an engine of their own, in order of arrival."""

    def __init__(self, topic: str) -> None:
        found = REGISTRY.by_topic(topic)
        assert found is not None
        self.topic, self.device = topic, found[1].id
        alone = Registry(Site(community=SITE.community, homes=[found[0]]))
        self.normalizer = Normalizer(alone, [Subscription("zigbee2mqtt/#", "zigbee2mqtt")])
        self.normalizer.normalize(Message("zigbee2mqtt/bridge/devices", BRIDGE, NOON, retained=True, qos=0))
        self.engine = Engine(alone, BOOK)
        self.engine.tick(NOON)
        self.heard: list[Finding] = []

    def say(self, payload: str, sent: float, received: float | None = None) -> None:
        """A payload, its `last_seen` moved to `sent` seconds past noon."""
        told = json.loads(payload)
        told["last_seen"] = (NOON + timedelta(seconds=sent)).isoformat().replace("+00:00", "Z")
        now = NOON + timedelta(seconds=sent + 0.2 if received is None else received)
        data = json.dumps(told).encode()
        self.heard += self.engine.tick(now)
        for out in self.normalizer.normalize(Message(self.topic, data, now, retained=False, qos=0)):
            assert isinstance(out, Report), out
            self.heard += self.engine.feed(out, now)

    def wait(self, seconds: float) -> None:
        until = NOON + timedelta(seconds=seconds)
        while (due := self.engine.next_due()) is not None and due <= until:
            self.heard += self.engine.tick(due)

    def open(self) -> list[Finding]:
        """The last word on every finding that is open."""
        last = {f.finding: f for f in self.heard}
        return [f for f in last.values() if f.phase is not Phase.cleared]


WAYS = ("once", "twice", "overtaken")


def tell(p: dict[str, Any], way: str) -> Told:
    """First report and normal state of the device, then this payload: once, everything twice, or before its past."""
    before = [q for q in OF_DEVICE[p["topic"]] if q["meaning"] in ("first_report", "normal") and q is not p]
    told = Told(p["topic"])
    for n, q in enumerate(before[:1] if way == "overtaken" else before):
        for _ in range(2 if way == "twice" else 1):
            told.say(q["payload"], 60 * n)
    if p["meaning"].startswith("cleared:"):
        alarm = next((q for q in OF_DEVICE[p["topic"]] if q["meaning"] == p["meaning"][8:]), None)
        if alarm is not None:
            told.say(alarm["payload"], 200)
    for _ in range(2 if way == "twice" else 1):
        told.say(p["payload"], 300)
    if way == "overtaken" and len(before) > 1:
        told.say(before[1]["payload"], 60, 305)
    return told


@pytest.mark.parametrize("way", WAYS)
def test_every_recorded_alarm_is_exactly_one_finding_of_its_kind(way: str) -> None:
    """Smoke, gas, CO, leak, SOS and falls of every model: one open finding, of that device, and nothing else loud."""
    wrong = []
    for p in PAYLOADS:
        if p["meaning"] not in ONE_OF:
            continue
        told = tell(p, way)
        told.wait(330)
        loud = [(f.code, f.level, f.device) for f in told.open() if f.level is not Level.blue]
        if p["topic"] in LOW_ALL_ALONG:
            loud = [one for one in loud if one[0] != "TE1"]
        if loud != [(*ONE_OF[p["meaning"]], told.device)]:
            wrong.append(f"{p['model']} {p['meaning']}: {loud}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("way", WAYS)
def test_what_is_no_alarm_raises_nothing_red_or_yellow(way: str) -> None:
    """First reports with nulls, normal values, self tests, buttons, open doors, settings: nobody is called."""
    wrong = []
    for p in PAYLOADS:
        meaning = p["meaning"]
        if meaning not in QUIET and not meaning.startswith(PREFIXES):
            continue
        told = tell(p, way)
        at = 300 if meaning.startswith("cleared:") else 0
        told.wait(330)
        loud = [
            (f.code, f.level.value)
            for f in told.heard
            if f.level is not Level.blue
            and f.phase is not Phase.cleared
            and f.at >= NOON + timedelta(seconds=at)
        ]
        if p["topic"] in LOW_ALL_ALONG:
            loud = [one for one in loud if one[0] != "TE1"]
        if loud:
            wrong.append(f"{p['model']} {meaning}: {loud} {p['payload'][:200]}")
    assert not wrong, "\n".join(wrong)


def test_what_is_cleared_clears_and_a_repeat_changes_nothing() -> None:
    """After the hold of its rule the finding of an alarm that ended is cleared; saying so again says nothing."""
    wrong = []
    for p in PAYLOADS:
        if not p["meaning"].startswith("cleared:") or p["meaning"][8:] not in ONE_OF:
            continue
        told = tell(p, "once")
        told.wait(300 + 601)
        code = ONE_OF[p["meaning"][8:]][0]
        if [f.phase for f in told.heard if f.code == code][-1] is not Phase.cleared:
            wrong.append(f"{p['model']} {p['meaning']}: {[(f.code, f.phase.value) for f in told.heard]}")
        count = len(told.heard)
        told.say(p["payload"], 1000)
        told.wait(1700)
        assert len(told.heard) == count
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(("meaning", "code"), [("battery_low", "TE1"), ("tamper", "TE2")])
def test_what_maintenance_must_know_is_one_technical_finding(meaning: str, code: str) -> None:
    """A low battery or an opened case: one finding of that code, never an alarm."""
    wrong = []
    for p in PAYLOADS:
        if p["meaning"] != meaning:
            continue
        told = tell(p, "twice")
        told.wait(330)
        found = [f.code for f in told.open()]
        low = p.get("property") == "battery_low" or p.get("value") is True or p.get("unit") == "%"
        if any(f.life for f in told.open()) or ((meaning != "battery_low" or low) and found != [code]):
            wrong.append(f"{p['model']} {p.get('property')}={p.get('value')}: {found} {p['payload'][:160]}")
    assert not wrong, "\n".join(wrong)


def test_the_whole_recording_in_a_row_and_shuffled_never_fails() -> None:
    """All devices, all payloads, in order of the file and in any other: no error, no rule that rests."""
    for step in (1, 7, 101):
        for topic, payloads in OF_DEVICE.items():
            told = Told(topic)
            for n in range(len(payloads)):
                p = payloads[n * step % len(payloads)]
                told.say(p["payload"], 10 * (n * step % len(payloads)), 3600 + n)
            assert all(f.rule != "TE7_rule" for f in told.heard), topic
