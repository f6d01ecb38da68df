"""The demo's own arrangements: a simulator that can be told what to do, and nothing real in its reach."""

import socket
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from anxin import demo, embedded, service
from anxin.settings import Address, load
from care.errors import Misconfigured
from simulators.community import generate


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("database.url", "postgresql://anxin@db.example/anxin"),
        ("stream.url", "nats://stream.example:4222"),
        ("mqtt.url", "mqtt://broker.example:1883"),
    ],
)
async def test_a_simulated_community_is_kept_out_of_what_is_real(tmp_path, name, url):
    """It refuses before anything is started, and names the setting; without a simulator nothing is said."""
    real = load(environ={"ANXIN_CONFIG": ""}, overrides={"data_dir": tmp_path, name: url})
    service._nothing_real(real)
    pretended = replace(real, demo=replace(real.demo, simulator=tmp_path / "s"))
    with pytest.raises(Misconfigured, match=f"{name} is set by the command line, and a simulated community"):
        async with service.serve(pretended, site=generate(1)):
            pass
    assert not (tmp_path / "lock").exists()


def test_the_control_socket_lies_with_the_demo_unless_its_path_is_too_long(tmp_path):
    """A deep folder gets a short one, which is gone afterwards."""
    with demo._control_socket(Path("/d")) as path:
        assert path == Path("/d/simulator.sock")
    with demo._control_socket(tmp_path / ("deep" * 30)) as path:
        assert len(str(path)) < 100
        assert path.parent.stat().st_mode & 0o077 == 0
    assert not path.parent.exists()


def test_the_simulated_community_is_told_where_to_listen(tmp_path):
    """The API and the simulator are given the same socket."""
    settings = load(environ={"ANXIN_CONFIG": ""}, overrides={"data_dir": tmp_path})
    control = tmp_path / "simulator.sock"
    _, community = demo._world(settings, generate(1), tmp_path, ["sos"], 9900, control)
    words = list(community.argv)
    assert words[:4] == [sys.executable, "-m", "anxin", "simulate"]
    assert words[words.index("--control") + 1] == str(control)
    told = replace(settings, demo=replace(settings.demo, simulator=control))
    assert load(environ=told.environment()).demo.simulator == control


def test_two_demos_that_start_together_do_not_take_the_same_ports():
    """Neither listens yet: the second is told what the first has chosen, until the first has ended."""
    at = Address("127.0.0.1", embedded.free_port())
    with embedded.Ports() as second:
        with embedded.Ports() as first:
            assert first.take(at)
            assert not second.take(at)
        assert second.take(at)


def test_a_port_that_somebody_listens_on_is_not_taken():
    with socket.create_server(("127.0.0.1", 0)) as server, embedded.Ports() as ports:
        assert not ports.take(Address("127.0.0.1", server.getsockname()[1]))
