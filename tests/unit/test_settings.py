"""What an operator may set, and what is said when it cannot be."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anxin import settings
from anxin.settings import KEYS, Address, Subscription, address, load, target, with_credentials
from care.ages import USUAL, Ages
from care.errors import Misconfigured


def test_without_anything_the_defaults_of_the_contract_hold():
    """An empty machine needs no configuration."""
    found = load(environ={"ANXIN_CONFIG": ""})
    assert found.data_dir == Path(".anxin")
    assert found.site is None
    assert (found.mqtt.url, found.stream.url, found.database.url) == (None, None, None)
    assert str(found.mqtt.listen) == "127.0.0.1:1883"
    assert str(found.api.listen) == "127.0.0.1:8000"
    assert found.api.public_url == "http://127.0.0.1:8000"
    assert found.demo.password is None
    assert {subscription.dialect for subscription in found.mqtt.subscriptions} == {"native", "zigbee2mqtt"}


def test_the_environment_stands_above_the_file(tmp_path: Path):
    """The same names in both places; the environment wins, the rest of the file stays."""
    file = tmp_path / "anxin.toml"
    file.write_text(
        'data_dir = "kept"\nsite = "site.yaml"\n[mqtt]\nlisten = "127.0.0.1:1884"\n'
        'subscriptions = [{filter = "z2m/大楼/#", dialect = "zigbee2mqtt"}]\n[api]\nlisten = "[::1]:8001"\n'
    )
    found = load(file, environ={"ANXIN_MQTT__LISTEN": "127.0.0.1:1999"})
    assert found.mqtt.listen.port == 1999
    assert found.mqtt.subscriptions == (Subscription("z2m/大楼/#", "zigbee2mqtt"),)
    assert found.api.public_url == "http://[::1]:8001"
    assert found.data_dir == tmp_path / "kept", "paths in the file are relative to the file"
    assert found.site == tmp_path / "site.yaml"
    assert found.origins["mqtt.listen"] == "the environment (ANXIN_MQTT__LISTEN)"
    assert found.origins["api.listen"] == str(file)


def test_the_command_line_stands_above_everything(tmp_path: Path):
    """`--data` and `--port` win; an option that was not given changes nothing."""
    found = load(
        environ={"ANXIN_DATA_DIR": "a"}, overrides={"data_dir": tmp_path, "site": None, "api.listen": ":8080"}
    )
    assert found.data_dir == tmp_path
    assert found.api.listen == Address("0.0.0.0", 8080)
    assert found.api.public_url == "http://127.0.0.1:8080", "links need an address that can be reached"


def test_ages_of_history_are_numbers_of_days(tmp_path: Path):
    """In the file as numbers, in the environment as text; what is left out is as usual, and children are told the same."""
    (tmp_path / "a.toml").write_text("[history]\nreadings_days = 14\ncases_days = 365\n")
    found = load(tmp_path / "a.toml", environ={"ANXIN_HISTORY__MINUTES_DAYS": "60"})
    assert found.history.ages == Ages(
        readings=timedelta(days=14), minutes=timedelta(days=60), hours=USUAL.hours, cases=timedelta(days=365)
    )
    assert load(environ=found.environment()).history == found.history
    assert load(environ={}).history.ages == USUAL


def test_a_secret_may_be_a_file(tmp_path: Path):
    """`…_FILE` in the environment, `…_file` in the TOML; the last line break is not part of the secret."""
    (tmp_path / "pw").write_text("geheim-geheim\n")
    assert load(environ={"ANXIN_DEMO__PASSWORD_FILE": str(tmp_path / "pw")}).demo.password == "geheim-geheim"
    (tmp_path / "a.toml").write_text('[demo]\npassword_file = "pw"\n')
    assert load(tmp_path / "a.toml", environ={}).demo.password == "geheim-geheim"


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        # a value that cannot be: the key, where it came from, what is allowed
        ({"ANXIN_MQTT__LISTEN": "1883"}, ["mqtt.listen", "ANXIN_MQTT__LISTEN", "'1883'", "host:port"]),
        ({"ANXIN_API__LISTEN": "127.0.0.1:99999"}, ["api.listen", "host:port"]),
        ({"ANXIN_API__LISTEN": "300.1.1.1:80"}, ["api.listen", "host:port"]),
        ({"ANXIN_STREAM__URL": "http://x"}, ["stream.url", "nats://"]),
        ({"ANXIN_STREAM__URL": "nats://a:4222,http://b"}, ["stream.url", "nats://"]),
        ({"ANXIN_DATABASE__URL": "mysql://x"}, ["database.url", "postgresql://"]),
        ({"ANXIN_API__PUBLIC_URL": "anxin.example"}, ["api.public_url", "https://"]),
        ({"ANXIN_DATA_DIR": ""}, ["data_dir", "a folder"]),
        ({"ANXIN_DEMO__PASSWORD": "short"}, ["demo.password", "too short", "8 characters"]),
        ({"ANXIN_MQTT__SUBSCRIPTIONS": "anxin/v1/#"}, ["mqtt.subscriptions", "filter", "dialect"]),
        ({"ANXIN_MQTT__SUBSCRIPTIONS": '[{"filter": "a/#/b", "dialect": "native"}]'}, ["entry 1", "'a/#/b'"]),
        ({"ANXIN_MQTT__SUBSCRIPTIONS": '[{"filter": "$share/g/a", "dialect": "x"}]'}, ["entry 1", "$share"]),
        # what the rules and the figures need is kept
        ({"ANXIN_HISTORY__READINGS_DAYS": "3"}, ["history.readings_days", "'3'", "14 to 366", "routines"]),
        ({"ANXIN_HISTORY__READINGS_DAYS": "for ever"}, ["history.readings_days", "14 to 366"]),
        ({"ANXIN_HISTORY__MINUTES_DAYS": "27"}, ["history.minutes_days", "28 to 1830"]),
        ({"ANXIN_HISTORY__HOURS_DAYS": "10"}, ["history.hours_days", "90 to 3660"]),
        ({"ANXIN_HISTORY__CASES_DAYS": "30"}, ["history.cases_days", "365 to 3660"]),
        (
            {"ANXIN_HISTORY__READINGS_DAYS": "200"},
            ["history.readings_days", "history.minutes_days (180)", "change one of them"],
        ),
        (
            {"ANXIN_HISTORY__HOURS_DAYS": "100", "ANXIN_HISTORY__MINUTES_DAYS": "120"},
            ["history.minutes_days (120)", "history.hours_days (100)"],
        ),
        # a name that is not a setting: what was probably meant
        (
            {"ANXIN_MQTT__LISTN": "127.0.0.1:1"},
            ["mqtt.listn", "ANXIN_MQTT__LISTN", "did you mean mqtt.listen"],
        ),
        ({"ANXIN_DATADIR": "x"}, ["datadir", "did you mean data_dir"]),
        ({"ANXIN_MQTT__LISTEN_FILE": "x"}, ["mqtt.listen_file", "not a setting"]),
        # a secret that is given twice, or whose file is not there
        (
            {"ANXIN_DEMO__PASSWORD": "x" * 9, "ANXIN_DEMO__PASSWORD_FILE": "/x"},
            ["demo.password", "/x", "cannot be read"],
        ),
        (
            {"ANXIN_DEMO__PASSWORD_FILE": "/nonexistent/pw"},
            ["demo.password_file", "/nonexistent/pw", "cannot be read"],
        ),
        ({"ANXIN_MQTT__USERNAME": "gateway"}, ["mqtt.username", "mqtt.password", "both"]),
        # open to other machines without a sign-in
        (
            {"ANXIN_MQTT__LISTEN": "0.0.0.0:1883"},
            ["mqtt.listen", "0.0.0.0:1883", "mqtt.username", "127.0.0.1"],
        ),
        ({"ANXIN_MQTT__LISTEN": ":1883"}, ["mqtt.listen", "sign in"]),
        ({"ANXIN_MQTT__LISTEN": "192.168.1.5:1883"}, ["mqtt.listen", "sign in"]),
    ],
)
def test_a_fault_is_one_sentence_that_says_what_where_and_what_is_allowed(
    environ: dict[str, str], said: list[str]
):
    """Whoever set it can mend it without looking anything up."""
    with pytest.raises(Misconfigured) as fault:
        load(environ={"ANXIN_CONFIG": "", **environ})
    sentence = str(fault.value)
    assert "\n" not in sentence
    for part in said:
        assert part in sentence, sentence


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mqtt = 5", "mqtt"),
        ("[mqtt]\nlisten = 1883", "mqtt.listen"),
        ("[mqqt]\nlisten = 'x:1'", "mqqt"),
        ("[mqtt\n", "is not TOML"),
        ("[mqtt]\nsubscriptions = []", "mqtt.subscriptions"),
    ],
)
def test_a_fault_in_the_file_names_the_file(tmp_path: Path, text: str, said: str):
    """Any TOML at all either loads or is refused in one sentence."""
    file = tmp_path / "anxin.toml"
    file.write_text(text)
    with pytest.raises(Misconfigured) as fault:
        load(file, environ={})
    assert said in str(fault.value)
    assert str(file) in str(fault.value)


def test_a_named_file_must_be_there(tmp_path: Path):
    """A slip in --config does not start a service with defaults."""
    with pytest.raises(Misconfigured, match="there is no configuration file"):
        load(tmp_path / "other.toml", environ={})


@pytest.mark.parametrize("key", [key for key in KEYS if key.secret], ids=lambda key: key.name)
def test_a_secret_is_never_repeated(key: settings.Key):
    """Not in a fault, and not when settings are printed."""
    secret = "s3cr3t://user:hunter2 \t@host"
    with pytest.raises(Misconfigured) as fault:
        load(environ={"ANXIN_CONFIG": "", key.variable: secret})
    assert "hunter2" not in str(fault.value)


def test_printed_settings_hold_no_secret():
    """A log line with settings in it gives nothing away."""
    environ = {
        "ANXIN_CONFIG": "",
        "ANXIN_MQTT__URL": "mqtt://u:hunter2-hunter2@h",
        "ANXIN_STREAM__URL": "nats://u:hunter2-hunter2@h",
        "ANXIN_DATABASE__URL": "postgresql://u:hunter2-hunter2@h/d",
        "ANXIN_DEMO__PASSWORD": "hunter2-hunter2",
    }
    assert "hunter2" not in repr(load(environ=environ))


def test_credentials_open_the_listener_to_other_machines():
    """With a sign-in any address may be listened on."""
    found = load(
        environ={
            "ANXIN_MQTT__LISTEN": "0.0.0.0:1883",
            "ANXIN_MQTT__USERNAME": "gateway",
            "ANXIN_MQTT__PASSWORD": "twelve-letters",
        }
    )
    assert found.mqtt.listen.host == "0.0.0.0"


def test_variables_of_others_are_left_alone():
    """ANXIN_CHROMIUM steers our tests, PATH is nobody's business."""
    assert load(environ={"ANXIN_CHROMIUM": "/usr/bin/chromium", "PATH": "/bin"}) == load(environ={})


def test_children_get_the_same_settings(tmp_path: Path):
    """What `up` was told reaches every role, secrets and Chinese topics included, whatever file lies in its folder."""
    (tmp_path / "pw").write_text("a secret with spaces\n")
    file = tmp_path / "anxin.toml"
    file.write_text(
        'site = "s.yaml"\n[mqtt]\nusername = "g"\npassword_file = "pw"\nlisten = "0.0.0.0:1"\n'
        'subscriptions = [{filter = "家/+/x", dialect = "native"}]\n'
    )
    ours = load(file, environ={"ANXIN_STREAM__URL": "nats://a:1,nats://b:2"})
    assert load(environ=ours.environment()) == ours
    assert load(environ=load(environ={"ANXIN_CONFIG": ""}).environment()).file is None


@given(
    host=st.one_of(
        st.ip_addresses(v=4).map(str),
        st.ip_addresses(v=6).map(str),
        st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True),
    ),
    port=st.integers(0, 65535),
)
def test_an_address_is_read_as_it_is_written(host: str, port: int):
    """Whatever host and port."""
    assert address(str(Address(host, port))) == Address(host, port)


@given(st.text(max_size=40))
def test_no_address_does_more_than_be_refused(text: str):
    """No text at all ends in anything but an address or ValueError."""
    try:
        found = address(text)
    except ValueError:
        return
    assert 0 <= found.port <= 65535


@given(user=st.text(min_size=1), password=st.text(min_size=1))
def test_credentials_survive_an_address(user: str, password: str):
    """Passwords may hold anything."""
    found = target(with_credentials("mqtt://127.0.0.1:1883", user, password))
    assert (found.username, found.password, found.port) == (user, password, 1883)


def test_reading_settings_is_quick():
    """`anxin --help` imports this: none of the heavy libraries come with it."""
    code = "import json, sys, anxin.settings; print(json.dumps(sorted(sys.modules)))"
    loaded = json.loads(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    )
    heavy = {
        "pydantic",
        "fastapi",
        "numpy",
        "psycopg",
        "nats",
        "paho",
        "apprise",
        "structlog",
        "asyncio",
        "typer",
    }
    assert not heavy & set(loaded)
