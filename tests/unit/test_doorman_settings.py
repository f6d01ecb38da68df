"""The doorman's settings and how the embedded broker steps back behind it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from anxin import embedded
from anxin.embedded.nats import subjects_of
from anxin.settings import Address, Mqtt, Settings, Subscription, load, target
from care.errors import Misconfigured

TLS = {"ANXIN_MQTT__CERTIFICATE": "c.pem", "ANXIN_MQTT__KEY": "k.pem"}


def test_a_certificate_and_its_key_are_files(tmp_path: Path):
    """They are paths, relative ones to the file that names them, and a child gets the same."""
    file = tmp_path / "anxin.toml"
    file.write_text('[mqtt]\ncertificate = "c.pem"\nkey = "k.pem"\n')
    found = load(file, environ={})
    assert (found.mqtt.certificate, found.mqtt.key) == (tmp_path / "c.pem", tmp_path / "k.pem")
    assert load(environ=found.environment()).mqtt == found.mqtt
    assert load(environ={**TLS, "ANXIN_CONFIG": ""}).mqtt.certificate == Path("c.pem")


@pytest.mark.parametrize("only", TLS)
def test_one_without_the_other_is_refused(only: str):
    """A certificate without its key, or a key alone, is said in one sentence with both names."""
    with pytest.raises(Misconfigured, match="both") as told:
        load(environ={only: TLS[only], "ANXIN_CONFIG": ""})
    assert "mqtt.certificate" in str(told.value)
    assert "mqtt.key" in str(told.value)


CA = {"ANXIN_CONFIG": "", "ANXIN_MQTT__CA": "ca.pem"}


def test_who_made_the_brokers_certificate_is_a_file(tmp_path: Path):
    """Relative to the file that names it; a child of `up`, which finds the embedded broker's own address, takes it too."""
    file = tmp_path / "anxin.toml"
    file.write_text('[mqtt]\nurl = "mqtts://broker:8883"\nca = "ca.pem"\n')
    found = load(file, environ={})
    assert found.mqtt.ca == tmp_path / "ca.pem"
    assert load(environ=found.environment()).mqtt == found.mqtt
    inside = {**TLS, **CA, "ANXIN_MQTT__URL": "mqtt://127.0.0.1:1"}
    assert load(environ=inside).mqtt.ca == Path("ca.pem")


@pytest.mark.parametrize("url", [{}, {"ANXIN_MQTT__URL": "mqtt://broker"}])
def test_it_is_refused_where_no_connection_uses_it(url: dict[str, str]):
    """It would look like safety and be none."""
    with pytest.raises(Misconfigured, match=r"^mqtt\.ca from the environment .* write mqtts:// in mqtt\.url"):
        load(environ={**CA, **url})


def behind(tmp_path: Path, **mqtt: object) -> embedded.Nats:
    settings = Settings(data_dir=tmp_path, mqtt=Mqtt(**{"listen": Address("127.0.0.1", 0), **mqtt}))  # type: ignore[arg-type]
    return embedded.Nats.below(settings, embedded.Kept.of(tmp_path), doorman=True)


@pytest.mark.parametrize("sign_in", [{}, {"username": "gateway", "password": "twelve-letters"}])
def test_behind_a_doorman_the_broker_keeps_to_itself(tmp_path: Path, sign_in: dict[str, str]):
    """It listens on another loopback port, lets nobody in unnamed, and its device user is not the devices' own."""
    part = behind(tmp_path, **sign_in)
    assert part.front is not None
    assert part.mqtt.host == "127.0.0.1"
    assert part.mqtt.port not in (part.front.port, part.client.port, part.monitor.port)
    config = part.config()
    mqtt = config["mqtt"]
    assert isinstance(mqtt, dict)
    assert "no_auth_user" not in mqtt
    assert (
        target(part.device_url).username,
        target(part.device_url).password,
    ) == embedded.doorman_credentials(tmp_path)
    assert "twelve-letters" not in str(config)


def test_without_a_doorman_nothing_is_different(tmp_path: Path):
    """Tests and commands that use the broker alone find it where it was."""
    settings = Settings(data_dir=tmp_path, mqtt=Mqtt(listen=Address("127.0.0.1", 0)))
    part = embedded.Nats.below(settings, embedded.Kept.of(tmp_path))
    assert part.front is None
    assert part.config()["mqtt"]["no_auth_user"] == "device"  # type: ignore[index]


def test_filters_are_written_as_the_broker_carries_them(tmp_path: Path):
    """A base with a space is received and may be listened to."""
    part = behind(tmp_path, subscriptions=(Subscription("my home/#", "zigbee2mqtt"),))
    assert part.filters == ("my\U000f0020home/#",)
    assert "my\U000f0020home.>" in json.dumps(part.config(), ensure_ascii=False)


@pytest.mark.parametrize(
    ("topic_filter", "subjects"),
    [
        ("a/#", {"a.>", "a"}),
        ("a/+/b", {"a.*.b"}),
        ("z2m.old/#", {"z2m//old.>", "z2m//old"}),  # as nats-server's own conversion has it
        ("/a//b/", {"/.a./.b./"}),
    ],
)
def test_subjects_of_a_filter(topic_filter: str, subjects: set[str]):
    """What devices may listen to is named as the broker names it."""
    assert subjects_of(topic_filter) == subjects
