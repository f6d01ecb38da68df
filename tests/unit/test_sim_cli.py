"""`anxin simulate`: wrong usage costs one sentence and exit status 2, before anything is published."""

import pytest
from typer.testing import CliRunner

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
