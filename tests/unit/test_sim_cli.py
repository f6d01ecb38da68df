"""`anxin simulate`: wrong usage costs one sentence and exit status 2, before anything is published."""

import json
from datetime import datetime, timedelta

import pytest
from typer.testing import CliRunner

from anxin.cli import app as program
from care.sitefile import read_site
from simulators.cli import app
from simulators.community import generate, to_yaml
from simulators.scenarios import SCENARIOS


def call(*words):
    return CliRunner().invoke(app, list(words))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--homes", "0"], "--homes must be between 1 and 10000, not 0."),
        (["--homes", "3", "--site", "x.yaml"], "Give --site FILE or --homes N, not both."),
        (["--site", "/nowhere/x.yaml"], "The site file /nowhere/x.yaml cannot be read: No such file or directory."),
        (["--speed", "0"], "--speed must be more than 0 and at most 100,000, not 0."),
        (["--speed", "nan"], "--speed must be more than 0 and at most 100,000, not nan."),
        (["--start", "tonight"], "`tonight` is not a time with its zone; write it like 2026-03-01T22:00:00+08:00."),
        (["--start", "2026-03-01T22:00:00"], "`2026-03-01T22:00:00` is not a time with its zone; write it like 2026-03-01T22:00:00+08:00."),
        (["--record", "x.jsonl"], "--record wants --start and --duration: the same arguments give the same file."),
        (["--rate-scale", "1e12"], "--rate-scale must be more than 0 and at most 1,000, not 1e+12."),
        (["--duration", "999999999d"], "`999999999d` is too long; at most 3650d are simulated."),
        (["--duration", "long"], "`long` is not a length of time; write it like 30s, 5m, 2h or 1d."),
        (["--faults", "loss=7"], "`loss=7`: loss is a share between 0 and 1, for example loss=0.01."),
        (["--mqtt", "http://x"], "`http://x` is not a broker; write it like mqtt://user:pass@host:1883 or mqtts://host:8883."),
        (["--homes", "1", "--scenario", "sos@h0001"], "There is no home `h0001` in this community; its home is h0317."),
    ],
)  # fmt: skip
def test_wrong_usage_is_one_sentence(words, sentence):
    """Exit status 2 and one line on stderr."""
    result = call(*words)
    assert result.exit_code == 2
    assert result.stderr.strip() == sentence
    assert result.stdout == ""


def test_an_unknown_scenario_names_those_that_exist():
    """Every name is in the sentence."""
    result = call("--scenario", "flood")
    assert result.exit_code == 2
    assert all(name in result.stderr for name in SCENARIOS)


def test_a_faulty_site_file_says_where(tmp_path):
    """Exit status 1, each fault with its line."""
    file = tmp_path / "site.yaml"
    file.write_text(to_yaml(generate(1)).replace("micro_grid: g05-2", "micro_grid: g99-9"), encoding="utf-8")
    result = call("--site", str(file))
    assert result.exit_code == 1
    assert "micro_grid `g99-9` is not under `grids:`" in result.stderr


def test_a_site_can_be_written(tmp_path):
    """--write-site makes a file that the service loads."""
    file = tmp_path / "site.yaml"
    assert call("--homes", "7", "--write-site", str(file)).exit_code == 0
    assert len(read_site(file.read_text(encoding="utf-8")).homes) == 7


def test_help_has_an_example():
    """--help shows how to begin."""
    result = call("--help")
    assert result.exit_code == 0
    assert "anxin simulate --homes 40 --scenario cooking_smoke@h0317+30s" in result.stdout


RECORD = [
    "--homes",
    "3",
    "--start",
    "2026-03-02T01:00:00+08:00",
    "--duration",
    "45m",
    "--scenario",
    "night_fall@h0317+30m",
]


def recorded(folder, *words):
    """The messages and the truth that a run writes down."""
    out, truth = folder / "m.jsonl", folder / "t.jsonl"
    result = call(*RECORD, "--record", str(out), "--truth", str(truth), *words)
    assert result.exit_code == 0, result.stderr
    return out.read_bytes(), truth.read_bytes()


def test_the_same_arguments_give_the_same_bytes(tmp_path):
    """Messages and truth; another seed, and faults, give others."""
    first = recorded(tmp_path)
    assert recorded(tmp_path) == first
    assert recorded(tmp_path, "--seed", "2")[0] != first[0]
    late = recorded(tmp_path, "--faults", "delay=20s,loss=0.1")
    assert late[0] != first[0]
    assert late[1] == first[1]
    assert recorded(tmp_path, "--faults", "delay=20s,loss=0.1") == late


@pytest.mark.parametrize("speed", ["1", "10"])
def test_truth_and_messages_have_the_same_clock(tmp_path, speed):
    """The bed is empty within three seconds of the world after the truth, at any speed."""
    messages, truth = recorded(tmp_path, "--speed", speed)
    up = next(json.loads(x) for x in truth.splitlines() if b"gets out of bed" in x)
    belt = [json.loads(x) for x in messages.splitlines() if b"belt-0317" in x]
    empty = next(m for m in belt if m["payload"]["in_bed"] is False)
    assert all(abs(moment(m["at"]) - moment(m["payload"]["time"])) < timedelta(milliseconds=2) for m in belt)
    assert timedelta(0) <= moment(empty["at"]) - moment(up["at"]) <= timedelta(seconds=3) / float(speed)


def moment(text):
    return datetime.fromisoformat(text)


def test_a_recording_is_what_replay_reads(tmp_path):
    """A fall at night, written down and replayed: BD1 comes of it, and nothing is refused."""
    site = tmp_path / "site.yaml"
    assert call("--homes", "3", "--write-site", str(site)).exit_code == 0
    recorded(tmp_path)
    out = tmp_path / "out.jsonl"
    words = ["replay", str(tmp_path / "m.jsonl"), "--site", str(site), "--out", str(out)]
    result = CliRunner().invoke(program, words)
    assert result.exit_code == 0, result.output
    said = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [x for x in said if x["type"] in ("refused", "unclaimed")] == []
    assert ("BD1", "h0317") in {(x["code"], x["home"]) for x in said if x["type"] == "alert.raised"}
