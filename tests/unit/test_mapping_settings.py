"""Which dialects may stand in `mqtt.subscriptions`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from anxin import settings
from care.errors import Misconfigured
from devices.dialects import NAMES, TOPIC_BY_TOPIC, dialect
from devices.mapping import shipped


def load(dialects: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    value = json.dumps([{"filter": "a/#", "dialect": dialects}])
    return settings.load(environ={"ANXIN_MQTT__SUBSCRIPTIONS": value}).mqtt.subscriptions[0].dialect


def test_settings_and_decoders_know_the_same_dialects() -> None:
    """One list each, because settings import nothing."""
    assert set(settings.DIALECTS) == NAMES
    for name in [*(NAMES - TOPIC_BY_TOPIC), *(f"mapped:{m}" for m in shipped())]:
        assert dialect(name).name == name


def test_a_dialect_is_known_or_a_mapping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of ours, a mapping by name, a mapping by path; a slip gets a hint."""
    for name in (*settings.DIALECTS, "mapped:tuya", "mapped:my-own"):
        assert load(name, tmp_path, monkeypatch) == name
    with pytest.raises(Misconfigured, match="did you mean zigbee2mqtt"):
        load("zigbee2mqt", tmp_path, monkeypatch)
    with pytest.raises(Misconfigured, match="is not a dialect"):
        load("mapped:A B", tmp_path, monkeypatch)


def test_a_mapping_file_is_relative_to_the_settings_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Like every path."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "etc"
    folder.mkdir()
    file = folder / "anxin.toml"
    file.write_text(
        '[mqtt]\nsubscriptions = [{filter = "a/#", dialect = "mapped:maps/床垫.yaml"}]\n', encoding="utf-8"
    )
    found = settings.load(file, environ={}).mqtt.subscriptions[0].dialect
    assert Path(found.removeprefix("mapped:")) == folder / "maps/床垫.yaml"
