"""Every dialect in a replay: by the subscriptions of the settings, and by the addresses of the site file alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from anxin.cli import app

SITE = """\
community: {id: c, name: 社区, timezone: Asia/Shanghai}
homes:
  - id: h1
    residents: [{id: r1, name: 周阿婆}]
    devices:
"""

CASES: dict[str, tuple[str, str, list[tuple[str, Any]], str]] = {
    # name: (device, subscriptions, messages, the code that must come of them)
    "native": ("{id: d, kind: smoke}", '[{"filter": "anxin/v1/+/+", "dialect": "native"}]',
               [("anxin/v1/h1/d", {"smoke": True, "seq": 4})], "SM1"),
    "native elsewhere": ("{id: d, kind: smoke, address: own/place/d}", '[{"filter": "own/#", "dialect": "native"}]',
                         [("own/place/d", {"smoke": True, "seq": 4})], "SM1"),
    "zigbee on a base of its own": (
        "{id: d, kind: smoke, address: site/3/z2m/厨房 烟感}", '[{"filter": "site/+/z2m/#", "dialect": "zigbee2mqtt"}]',
        [("site/3/z2m/bridge/state", '{"state":"online"}'), ("site/3/z2m/厨房 烟感/availability", "online"),
         ("site/3/z2m/厨房 烟感", {"smoke": True, "linkquality": 80})], "SM1"),
    "zigbee attributes on a base of its own": (
        "{id: d, kind: sos, address: other/base/红 按钮}", '[{"filter": "other/base/#", "dialect": "zigbee2mqtt"}]',
        [("other/base/红 按钮/battery", "97"), ("other/base/红 按钮/action", "emergency")], "SOS1"),
    "zigbee reversed contact learnt from its bridge": (
        "{id: d, kind: smoke, address: b/x}", '[{"filter": "b/#", "dialect": "zigbee2mqtt"}]',
        [("b/bridge/devices", [{"ieee_address": "0x1", "friendly_name": "x", "definition": {"model": "m", "exposes": [
            {"type": "binary", "name": "smoke", "property": "smoke", "value_on": "ALARM", "value_off": "OK"}]}}]),
         ("b/x", {"smoke": "ALARM"})], "SM1"),
    "senml": ("{id: d, kind: smoke, address: field/h1/d}", '[{"filter": "field/#", "dialect": "senml"}]',
              [("field/h1/d", [{"bn": "d/", "n": "smoke", "vb": True}])], "SM1"),
    "tasmota": ("{id: d, kind: smoke, address: tele/kitchen/SENSOR}", '[{"filter": "tele/#", "dialect": "tasmota"}]',
                [("tele/kitchen/LWT", "Online"), ("tele/kitchen/SENSOR", {"Time": "2026-05-23T12:00:01", "Switch1": "ON"})], "SM1"),
    "esphome": ("{id: d, kind: smoke, address: flat-3}", '[{"filter": "flat-3/#", "dialect": "esphome"}]',
                [("flat-3/status", "online"), ("flat-3/binary_sensor/kitchen_smoke/state", "ON")], "SM1"),
    "home assistant": (
        "{id: d, kind: smoke, address: flats/3/smoke/state}",
        '[{"filter": "homeassistant/#", "dialect": "homeassistant"}, {"filter": "flats/#", "dialect": "homeassistant"}]',
        [("homeassistant/binary_sensor/x/config", {"stat_t": "flats/3/smoke/state", "dev_cla": "smoke", "pl_on": "FIRE", "pl_off": "OK"}),
         ("flats/3/smoke/state", "FIRE")], "SM1"),
    "tuya": ("{id: d, kind: smoke, address: tuya/h1/bf12}", '[{"filter": "tuya/#", "dialect": "mapped:tuya"}]',
             [("tuya/h1/bf12", {"devId": "bf12", "status": [{"code": "smoke_sensor_status", "value": "alarm"}]})], "SM1"),
    "aqara behind a gateway": (
        "{id: d, kind: water_leak, address: aqara/h1/gw/158d}", '[{"filter": "aqara/#", "dialect": "mapped:aqara"}]',
        [("aqara/h1/gw", {"cmd": "report", "model": "sensor_wleak.aq1", "sid": "158d", "data": '{"status":"leak"}'})], "WT1"),
    "nb-iot": ("{id: d, kind: smoke, address: nbiot/867/up}", '[{"filter": "nbiot/#", "dialect": "mapped:nbiot_smoke"}]',
               [("nbiot/867/up", {"imei": "867", "payload": {"smoke_state": 1, "battery_voltage": 3.1}, "timestamp": 1779508801000})], "SM1"),
}  # fmt: skip


def replayed(
    tmp_path: Path, device: str, messages: list[tuple[str, Any]], *more: str
) -> tuple[int, list[dict[str, Any]], str]:
    (tmp_path / "site.yaml").write_text(f"{SITE}      - {device}\n", encoding="utf-8")
    lines = [
        {"at": f"2026-05-23T12:00:{2 + n:02}+08:00", "topic": topic, "payload": payload}
        for n, (topic, payload) in enumerate(messages)
    ]
    lines.append({"at": "2026-05-23T12:01:30+08:00", "advance": True})  # type: ignore[dict-item]
    file = tmp_path / "messages.jsonl"
    file.write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in lines), encoding="utf-8")
    out = tmp_path / "out.jsonl"
    result = CliRunner().invoke(
        app, ["replay", str(file), "--site", str(tmp_path / "site.yaml"), "--out", str(out), *more]
    )
    found = [json.loads(line) for line in out.read_text("utf-8").splitlines()] if out.exists() else []
    return result.exit_code, found, result.output


def codes(found: list[dict[str, Any]]) -> list[str]:
    return [line["code"] for line in found if line["type"] == "alert.raised" and line["level"] != "blue"]


@pytest.mark.parametrize("name", CASES)
def test_a_replay_reads_by_the_subscriptions_of_the_settings(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the environment and from `--config`: the alarm is raised, and nothing is refused or left unclaimed."""
    device, subscriptions, messages, code = CASES[name]
    monkeypatch.setenv("ANXIN_MQTT__SUBSCRIPTIONS", subscriptions)
    status, found, said = replayed(tmp_path, device, messages)
    assert status == 0, said
    assert codes(found) == [code]
    assert not [line for line in found if line["type"] in ("refused", "unclaimed")]
    monkeypatch.delenv("ANXIN_MQTT__SUBSCRIPTIONS")
    config = tmp_path / "anxin.toml"
    entries = ", ".join(
        f'{{filter = "{s["filter"]}", dialect = "{s["dialect"]}"}}' for s in json.loads(subscriptions)
    )
    config.write_text(f"[mqtt]\nsubscriptions = [{entries}]\n", encoding="utf-8")
    assert replayed(tmp_path, device, messages, "--config", str(config))[1] == found


@pytest.mark.parametrize("name", CASES)
def test_what_the_site_file_names_is_heard_without_a_subscription(name: str, tmp_path: Path) -> None:
    """The address is enough: the dialect is the one that understands most of the message."""
    device, _, messages, code = CASES[name]
    status, found, said = replayed(tmp_path, device, messages)
    assert status == 0, said
    assert codes(found) == [code]
    assert not [line for line in found if line["type"] in ("refused", "unclaimed")]


def test_an_unreadable_alarm_on_a_topic_of_no_subscription_is_told(tmp_path: Path) -> None:
    """Whatever its dialect may be: a smoke detector that sends rubbish is no silence."""
    _, found, _ = replayed(tmp_path, "{id: d, kind: smoke, address: some/where}", [("some/where", "\x00{")])
    assert [line["type"] for line in found if line["type"] == "refused"] == ["refused"]
    assert codes(found)


def test_a_topic_nobody_named_stays_unknown(tmp_path: Path) -> None:
    """Without subscription and address nobody knows how to read it."""
    _, found, _ = replayed(
        tmp_path, "{id: d, kind: smoke, address: some/where}", [("some/thing/else", {"smoke": True})]
    )
    assert [(line["type"], line["reason"]) for line in found] == [("refused", "unknown_dialect")]


def test_not_pressed_is_no_press_where_the_dialect_is_guessed(tmp_path: Path) -> None:
    """`sos: false` of an unsubscribed button is read as the dialect in which it calls nobody."""
    _, found, _ = replayed(
        tmp_path, "{id: d, kind: sos, address: some/button}", [("some/button", {"sos": False, "battery": 97})]
    )
    assert codes(found) == []


def test_settings_with_a_fault_stop_the_replay_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dialect nobody speaks is no traceback and no silent default."""
    from care.errors import Misconfigured

    monkeypatch.setenv("ANXIN_MQTT__SUBSCRIPTIONS", '[{"filter": "a/#", "dialect": "klingon"}]')
    (tmp_path / "site.yaml").write_text(f"{SITE}      - {{id: d, kind: smoke}}\n", encoding="utf-8")
    (tmp_path / "m.jsonl").write_text("{}", encoding="utf-8")
    result = CliRunner().invoke(
        app, ["replay", str(tmp_path / "m.jsonl"), "--site", str(tmp_path / "site.yaml")]
    )
    assert isinstance(result.exception, Misconfigured)
    assert "klingon" in str(result.exception)
