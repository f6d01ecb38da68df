"""What `anxin deploy` writes: rights no wider than the site says, secrets made once, a second run that changes nothing."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from anxin import deploy, settings
from anxin.deploy import accounts, app, given_gateway
from care import topics
from care.clock import ManualClock
from care.errors import Misconfigured
from care.sitefile import read_site
from care.stream import MemoryStream
from dashboard_api.app import create_app
from ingest.normalize import DIALECTS

ROOT = Path(__file__).resolve().parents[2]
SITE = """
community: {id: zpq, name: 总浦桥社区, timezone: Asia/Shanghai}
homes:
  - id: h0317
    devices:
      - {id: gw-0317, kind: gateway}
      - {id: sos-0317, kind: sos}
      - {id: belt-0317, kind: bed_belt, address: "anxin/v1/h0317/belt-0317"}
      - {id: smoke-0317, kind: smoke, address: "zigbee2mqtt/h0317/kitchen smoke"}
      - {id: door-0317, kind: door, address: "zigbee2mqtt/h0317/入户门"}
  - id: h0420
    devices:
      - {id: sos-0420, kind: sos}
      - {id: smoke-0420, kind: smoke, address: "zigbee2mqtt/h0420/smoke"}
  - id: h0500
    devices:
      - {id: smoke-0500, kind: smoke, address: "z2m/flat one smoke"}
  - id: h0501
    devices:
      - {id: smoke-0501, kind: smoke, address: "z2m/flat two smoke"}
  - id: h0600
"""


def plan(*given: str) -> deploy.Plan:
    return accounts(read_site(SITE), [given_gateway(text) for text in given])


def may(account: deploy.Account, topic: str) -> bool:
    return any(topics.covers(allowed, topic) for allowed in account.publish)


def by_name(found: deploy.Plan) -> dict[str, deploy.Account]:
    return {account.name: account for account in found.gateways}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    file = tmp_path / "site.yaml"
    file.write_text(SITE, encoding="utf-8")
    return file


def run(*words: str) -> None:
    result = CliRunner().invoke(app, list(words))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output


def test_each_home_has_one_account() -> None:
    """It has the gateway's name, or the home's when it has none; a home without devices has none."""
    assert [account.name for account in plan().gateways] == ["gw-0317", "h0420", "h0500", "h0501"]


@pytest.mark.parametrize(
    ("topic", "allowed"),
    [
        ("anxin/v1/h0317/sos-0317", True),
        ("anxin/v1/h0317/new-device", True),  # unclaimed devices show themselves
        ("anxin/v1/h0317/status", True),
        ("zigbee2mqtt/h0317/kitchen smoke", True),
        ("zigbee2mqtt/h0317/入户门/availability", True),
        ("zigbee2mqtt/h0317/bridge/devices", True),
        ("anxin/v1/h0317/sos-0317/ack", False),  # only the service answers
        ("anxin/v1/h0420/sos-0420", False),
        ("zigbee2mqtt/h0420/smoke", False),
        ("zigbee2mqtt/bridge/state", False),
        ("z2m/flat one smoke", False),
        ("anxin/v1/h03170/sos", False),
        ("zigbee2mqtt/h03170/x", False),
        ("$SYS/broker/load", False),
    ],
)
def test_a_gateway_speaks_for_its_own_home_only(topic: str, allowed: bool) -> None:
    """Readings, state and its own bridge; never an answer, never another home, never a neighbour by prefix."""
    assert may(by_name(plan())["gw-0317"], topic) is allowed


def test_no_gateway_may_publish_for_a_device_of_another() -> None:
    """For every device of the site: its own account may, no other one."""
    found = by_name(plan())
    for home in read_site(SITE).homes:
        for device in home.devices:
            topic = device.address or f"anxin/v1/{home.id}/{device.id}"
            who = [name for name, account in found.items() if may(account, topic)]
            assert who == ["gw-0317" if home.id == "h0317" else home.id], topic


def test_a_gateway_hears_its_acks_and_its_bridge_only() -> None:
    """Nobody but the service hears a reading."""
    for account in plan().gateways:
        assert set(account.subscribe) == {f"anxin/v1/{home}/+/ack" for home in account.homes} | {
            f"{base}/bridge/request/#" for base in account.bases
        }


def test_the_service_receives_everything_and_answers() -> None:
    """Its subscriptions cover every device of the site and every bridge, and every dialect is one we speak."""
    found = plan()
    heard = [topic_filter for topic_filter, _ in found.subscriptions]
    assert {dialect for _, dialect in found.subscriptions} <= DIALECTS
    for home in read_site(SITE).homes:
        for device in home.devices:
            topic = device.address or f"anxin/v1/{home.id}/{device.id}"
            assert any(topics.covers(one, topic) for one in heard), topic
    assert heard == ["anxin/v1/+/+", "zigbee2mqtt/h0317/#", "zigbee2mqtt/h0420/#", "z2m/#"]
    assert may(found.service, "anxin/v1/h0317/sos-0317/ack")
    assert found.service.subscribe == tuple(heard)


def test_devices_side_by_side_get_their_own_topics_only() -> None:
    """Two homes below one topic: each account gets its device's topic and what is below it."""
    found = by_name(plan())
    assert found["h0500"].bases == ()
    assert may(found["h0500"], "z2m/flat one smoke/availability")
    assert not may(found["h0500"], "z2m/flat two smoke")
    assert not may(found["h0500"], "z2m/flat three")


def test_one_gateway_may_serve_several_homes() -> None:
    """With --gateway its homes have no account of their own, and it has its topics and no others."""
    found = by_name(plan("b5=h0500,h0501,z2m/"))
    assert list(found) == ["b5", "gw-0317", "h0420"]
    assert may(found["b5"], "z2m/bridge/state")
    assert may(found["b5"], "anxin/v1/h0501/status")
    assert not may(found["b5"], "anxin/v1/h0317/status")
    assert found["b5"].subscribe == ("anxin/v1/h0500/+/ack", "anxin/v1/h0501/+/ack", "z2m/bridge/request/#")


@pytest.mark.parametrize(
    "given",
    [
        "b5",
        "b5=",
        "b5=h9",
        "b5=h0500,anxin/v1/h0317",
        "b5=anxin/",
        "ingest=h0500",
        "b5=h0500,a/#",
        "b 5=h0500",
    ],
)
def test_a_gateway_that_cannot_be_is_one_sentence(given: str) -> None:
    """A home that is not there, a topic of others, a name that is kept: Misconfigured, and nothing is written."""
    with pytest.raises(Misconfigured):
        plan(given)


def test_a_home_has_one_gateway() -> None:
    """The same home twice is a fault."""
    with pytest.raises(Misconfigured, match="two gateways"):
        plan("a=h0500", "b=h0500")


def test_topics_that_fit_no_list_are_named_and_left_out() -> None:
    """An address with a quote or at another home's native place gives nobody a right, and is told."""
    text = SITE + (
        "  - {id: h0700, devices: [{id: bad, kind: door, address: 'zigbee2mqtt/h0700/a\"b'},"
        " {id: worse, kind: door, address: 'anxin/v1/h0317/door'}]}\n"
    )
    found = accounts(read_site(text))
    assert [sentence.split(":")[0] for sentence in found.left_out] == ["bad", "worse"]
    assert not may(by_name(found)["h0700"], "anxin/v1/h0317/door")
    assert all('"' not in topic for account in found.everybody for topic in account.publish)


@pytest.mark.parametrize("broker", ["mosquitto", "emqx"])
def test_secrets_are_made_once_and_kept_from_others(broker: str, site: Path, tmp_path: Path) -> None:
    """A second run changes nothing; a new home adds its secret; no file that holds one is readable by others."""
    out = tmp_path / "out"
    run(broker, "--site", str(site), "--out", str(out))
    first = {file: file.read_bytes() for file in out.rglob("*") if file.is_file()}
    passwords = {file.name: file.read_text().strip() for file in (out / "secrets").iterdir()}
    gateways = ["gw-0317", "h0420", "h0500", "h0501"]
    assert set(passwords) == {"ingest", "mqtt-url", *gateways, *(f"{name}.2" for name in gateways)}
    assert len(set(passwords.values())) == len(passwords)
    assert all(len(secret) >= 22 for secret in passwords.values())
    assert (out / "secrets").stat().st_mode & 0o777 == 0o700
    for file in first:
        holds = any(secret in file.read_text(encoding="utf-8") for secret in passwords.values())
        if holds or file.name in ("passwords", "users.csv"):
            assert file.stat().st_mode & 0o777 == 0o600, file.name
    run(broker, "--site", str(site), "--out", str(out))
    assert {file: file.read_bytes() for file in out.rglob("*") if file.is_file()} == first
    site.write_text(SITE + "  - {id: h0800, devices: [{id: sos-0800, kind: sos}]}\n", encoding="utf-8")
    run(broker, "--site", str(site), "--out", str(out))
    assert {f.name: f.read_text().strip() for f in (out / "secrets").iterdir()}.items() >= passwords.items()
    assert (out / "secrets" / "h0800").stat().st_mode & 0o777 == 0o600


def test_a_secret_that_others_can_read_is_refused(site: Path, tmp_path: Path) -> None:
    """It is told, not silently used."""
    out = tmp_path / "out"
    run("mosquitto", "--site", str(site), "--out", str(out))
    (out / "secrets" / "h0420").chmod(0o644)
    with pytest.raises(Misconfigured, match="read by others"):
        run("mosquitto", "--site", str(site), "--out", str(out))


def test_the_service_can_read_its_settings(site: Path, tmp_path: Path) -> None:
    """The anxin.toml beside the broker's files names the broker and subscribes to what the site has."""
    out = tmp_path / "out"
    run("mosquitto", "--site", str(site), "--out", str(out), "--local", "127.0.0.1:1999")
    loaded = settings.load(out / "anxin.toml", environ={})
    password = (out / "secrets" / "ingest").read_text().strip()
    assert loaded.mqtt.url == f"mqtt://ingest:{password}@127.0.0.1:1999"
    assert [s.filter for s in loaded.mqtt.subscriptions] == [f for f, _ in plan().subscriptions]
    (out / "anxin.toml").write_text("# changed by hand\n")
    run("mosquitto", "--site", str(site), "--out", str(out))
    assert (out / "anxin.toml").read_text() == "# changed by hand\n"


def test_the_listener_without_tls_is_for_this_machine_only(site: Path, tmp_path: Path) -> None:
    """A non-loopback address there is refused before anything is written."""
    with pytest.raises(Misconfigured, match="no TLS"):
        run("mosquitto", "--site", str(site), "--out", str(tmp_path / "out"), "--local", "0.0.0.0:1883")
    assert not (tmp_path / "out").exists()


def test_mosquitto_keeps_what_waits(site: Path, tmp_path: Path) -> None:
    """The settings that were measured: every change saved, no limit of messages for the service, strangers refused."""
    out = tmp_path / "out"
    run("mosquitto", "--site", str(site), "--out", str(out))
    conf = (out / "mosquitto.conf").read_text()
    for line in (
        "allow_anonymous false", "autosave_on_changes true", "autosave_interval 1", "persistence true", "max_queued_messages 0",
        "use_username_as_clientid true", "listener 8883 0.0.0.0", "listener 1883 127.0.0.1", "tls_version tlsv1.2", "max_packet_size 8388608",
    ):  # fmt: skip
        assert line in conf.splitlines(), line


def test_emqx_files_are_what_emqx_reads(site: Path, tmp_path: Path) -> None:
    """base.hocon is JSON below its comments, everybody is in the users' file with the hash of the own secret, all else is denied."""
    out = tmp_path / "out"
    run("emqx", "--site", str(site), "--out", str(out))
    config = json.loads(re.sub(r"^#.*$", "", (out / "base.hocon").read_text(), flags=re.MULTILINE))
    (authentication,) = config["authentication"]
    assert authentication["bootstrap_type"] == "hash"
    assert authentication["bootstrap_file"] == str(out / "users.csv")
    assert config["authorization"]["no_match"] == "deny"
    assert config["durable_sessions"]["enable"] is True
    assert config["mqtt"]["use_username_as_clientid"] is True
    assert (
        config["zones"][config["listeners"]["tcp"]["default"]["zone"]]["mqtt"]["use_username_as_clientid"]
        is False
    )
    head, *lines = (out / "users.csv").read_text().splitlines()
    assert head == "user_id,password_hash,salt,is_superuser"
    for line in lines:
        name, digest, salt, superuser = line.split(",")
        password = (out / "secrets" / name).read_text().strip()
        assert digest == hashlib.sha256((password + salt).encode()).hexdigest()
        assert superuser == "false"
    rules = [
        line for line in (out / "acl.conf").read_text().splitlines() if line and not line.startswith("%%")
    ]
    assert rules[-1] == "{deny, all}."
    shape = r'\{allow, \{username, "[\w.-]+"\}, (publish|subscribe), \["[^"]+"(, "[^"]+")*\]\}\.'
    assert all(re.fullmatch(shape, rule) for rule in rules[:-1])
    assert len(rules) == 1 + 2 * len(plan().everybody)


def test_a_password_entry_is_mosquittos_own_format() -> None:
    """Format 7: PBKDF2 with SHA-512 of the password, rounds and salt told."""
    empty, kind, rounds, salt, key = deploy.mosquitto_hash("gw", "a secret of some length").split("$")
    assert (empty, kind) == ("", "7")
    expected = hashlib.pbkdf2_hmac("sha512", b"a secret of some length", base64.b64decode(salt), int(rounds))
    assert base64.b64decode(key) == expected


def test_the_unit_never_gives_up(site: Path, tmp_path: Path) -> None:
    """It restarts for ever, runs as nobody special, and systemd finds no fault in it."""
    out = tmp_path / "out"
    run("systemd", "--site", str(site), "--out", str(out), "--program", "/bin/true")
    unit = (out / "anxin.service").read_text().splitlines()
    for line in (
        "StartLimitIntervalSec=0",
        "Restart=always",
        "User=anxin",
        "KillMode=mixed",
        "NoNewPrivileges=yes",
    ):
        assert line in unit
    assert "ExecStart=/bin/true up --config /etc/anxin/anxin.toml" in unit
    loaded = settings.load(out / "anxin.toml", environ={})
    assert loaded.site == site
    if shutil.which("systemd-analyze") is None:
        return
    told = subprocess.run(
        ["systemd-analyze", "verify", *(str(out / name) for name in ("anxin.service", "anxin-watch.timer"))],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    ours = [line for line in told.stderr.splitlines() if str(out) in line or "anxin" in line]
    assert ours == []


def test_a_unit_is_never_written_for_root(site: Path, tmp_path: Path) -> None:
    """Nor with a path that means something to systemd."""
    for words in (
        ["--user", "root"],
        ["--program", "/opt/an xin/anxin"],
        ["--program", "/opt/%h/anxin"],
        ["--api", "here"],
    ):
        with pytest.raises(Misconfigured):
            run("systemd", "--site", str(site), "--out", str(tmp_path / "out"), *words)


# -- the alerts about ourselves -----------------------------------------------------------------------------------

ALERTS = yaml.safe_load((ROOT / "deploy" / "self-alerts.yml").read_text(encoding="utf-8"))
RULES = [rule for group in ALERTS["groups"] for rule in group["rules"]]


def exported() -> dict[str, set[str]]:
    """Every series of the API's /metrics and its labels' values, after everything that counts has counted once."""
    from datetime import UTC, datetime

    from prometheus_client.parser import text_string_to_metric_families

    from care.words import Level

    clock = ManualClock(datetime(2026, 11, 22, tzinfo=UTC))
    house = create_app(stream=MemoryStream(), clock=clock, data=Path()).state.house
    house.heartbeat()
    house.count()
    house.metrics.notify_lag.set(0)
    for role in ("ingest", "rules"):
        house.metrics.lag.labels(role).set(0)
    house.metrics.to_screen.observe(0.1)
    house.metrics.served("GET", "/readyz", 200, 0.01)
    house.metrics.live_ended.labels("desk", "slow").inc()
    house.metrics.sign_ins.labels("too_many_attempts").inc()
    assert [level.value for level in Level] == ["red", "yellow", "blue"]
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(house.metrics.text().decode()):
        for sample in family.samples:
            values = found.setdefault(sample.name, set())
            values.update(f'{label}="{value}"' for label, value in sample.labels.items())
    return found


SERIES = exported()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_rule_about_ourselves_asks_for_what_we_export(rule: dict[str, object]) -> None:
    """Every name in its expression is a series of /metrics, and every label value that must be there exists."""
    expression = str(rule["expr"])
    names = set(re.findall(r"\banxin_\w+", expression)) - set(re.findall(r'"(anxin_\w+)"', expression))
    assert names <= set(SERIES), names - set(SERIES)
    assert names or "up{" in expression
    told = {value for name in names for value in SERIES[name]}
    for matcher in re.findall(r'(?<=[{,])\s*(\w+="[^"]+")', expression):
        assert matcher in told or matcher.startswith(("job=", "status=", "le=")), matcher
    for choice in re.findall(r'component=~"([^"]+)"', expression):
        for one in choice.split("|"):
            assert f'component="{one}"' in told, one


def test_the_rules_about_ourselves_are_rules() -> None:
    """Prometheus' form: names once, levels and sentences there, brackets and quotes in pairs, times well written."""
    assert len({rule["alert"] for rule in RULES}) == len(RULES) >= 8
    for rule in RULES:
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert re.fullmatch(r"Anxin[A-Z]\w+", rule["alert"])
        assert re.fullmatch(r"\d+[smh]", rule.get("for", "0s"))
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert {"summary", "do"} <= set(rule["annotations"])
        expression = re.sub(r'"[^"]*"', '""', rule["expr"])
        for opened, closed in ("()", "{}", "[]"):
            assert expression.count(opened) == expression.count(closed)


def test_every_part_of_the_alarm_path_is_watched() -> None:
    """Each role, the stream, the way in, the sender, the screens, and our own silence has a rule that pages."""
    pages = " ".join(str(rule["expr"]) for rule in RULES if rule["labels"]["severity"] == "page")
    for word in ("up{", "absent(", "anxin_ingest_age_seconds", "anxin_notify_lag_seconds", "anxin_alerts_red_unacknowledged",
                 "anxin_api_screens", "anxin_alerts_event_to_screen_seconds"):  # fmt: skip
        assert word in pages, word
    watched = set("|".join(re.findall(r'component=~"([^"]+)"', pages)).split("|"))
    assert watched >= {"stream", "ingest", "rules", "alerts", "notify"}
