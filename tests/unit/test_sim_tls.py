"""The simulator before a broker that it cannot reach: one sentence that says why, and it goes on trying."""

import asyncio
import contextlib
import socket
import ssl
import threading
import warnings

import pytest
from typer.testing import CliRunner

from anxin.embedded import free_port
from simulators.cli import app
from simulators.lines import Line, Tally, broker
from tests.papers import Authority

# paho leaves a socket whose handshake failed to the garbage collector, which closes it and says so.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning"
)
WELCOME = b"\x20\x02\0\0"
STRANGER = b"\x20\x02\0\x05"


@contextlib.asynccontextmanager
async def a_broker(context=None, answer=WELCOME):
    """Something that answers a CONNECT, and nothing else; its port. (asyncio's own TLS server tells a client no reasons.)"""

    def serve(plain):
        plain.settimeout(20)
        with plain, contextlib.suppress(OSError):
            one = context.wrap_socket(plain, server_side=True) if context is not None else plain
            with one:
                if one.recv(1) == b"\x10":
                    one.sendall(answer)
                    while one.recv(1024):
                        pass

    def listen():
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=[listener.accept()[0]], daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=listen, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def shows(pem, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, key)
    return context


async def outcome(where):
    """What a line says of its broker, or "connected"."""
    tally = Tally()
    line = Line("t", where, tally)
    task = asyncio.create_task(line.run())
    try:
        async with asyncio.timeout(20):
            while not (tally.connects or tally.trouble):
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.3 if tally.connects else 0)  # TLS 1.3 says no after it has said yes
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    return tally.trouble.removeprefix(f"{where}: ") or "connected"


@pytest.fixture
def made(tmp_path):
    return Authority(tmp_path)


async def test_a_broker_whose_maker_is_known_is_believed(made):
    """--ca names who made the certificate."""
    async with a_broker(shows(*made.certificate())) as port:
        assert await outcome(broker(f"mqtts://127.0.0.1:{port}", authority=made.pem)) == "connected"


async def test_a_certificate_of_somebody_else_is_refused_with_what_to_do(made, tmp_path):
    """Unknown to the system, or made by another than --ca says."""
    other = Authority(tmp_path, "somebody else")
    async with a_broker(shows(*made.certificate())) as port:
        for authority in (None, other.pem):
            said = await outcome(broker(f"mqtts://127.0.0.1:{port}", authority=authority))
            assert said.startswith("its certificate is refused: ")
            assert "give --ca with the file of whoever made it" in said


async def test_an_expired_certificate_is_called_that(made):
    """Another --ca would not help, and is not proposed."""
    async with a_broker(shows(*made.certificate(expired=True))) as port:
        said = await outcome(broker(f"mqtts://127.0.0.1:{port}", authority=made.pem))
    assert said == "its certificate is refused: certificate has expired"


async def test_a_certificate_for_another_machine_is_refused(made):
    """A good one, for another address."""
    async with a_broker(shows(*made.certificate("10.0.0.1"))) as port:
        said = await outcome(broker(f"mqtts://127.0.0.1:{port}", authority=made.pem))
    assert "127.0.0.1" in said
    assert "the name that it is made out to" in said


async def test_an_old_tls_is_refused(made):
    """A broker that speaks no more than TLS 1.1."""
    context = shows(*made.certificate())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    async with a_broker(context) as port:
        said = await outcome(broker(f"mqtts://127.0.0.1:{port}", authority=made.pem))
    assert said == "it speaks no TLS version that is still safe (1.2 or newer is wanted)"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_broker_that_wants_to_know_us(made, version):
    """Without a certificate of ours: --cert and --key are named, whenever TLS says so; with one we are in."""
    context = shows(*made.certificate())
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(made.pem)
    context.maximum_version = version
    pem, key = made.certificate()
    async with a_broker(context) as port:
        said = await outcome(broker(f"mqtts://127.0.0.1:{port}", authority=made.pem))
        assert "--cert and --key" in said
        ours = broker(f"mqtts://127.0.0.1:{port}", authority=made.pem, certificate=pem, key=key)
        assert await outcome(ours) == "connected"


async def test_tls_where_there_is_none_and_none_where_there_is(made):
    """The sentence proposes the other way to write the address."""
    async with a_broker() as port:
        assert "write mqtt://" in await outcome(broker(f"mqtts://127.0.0.1:{port}", authority=made.pem))
    async with a_broker(shows(*made.certificate())) as port:
        assert "write mqtts://" in await outcome(broker(f"mqtt://127.0.0.1:{port}"))


async def test_a_refused_sign_in_is_called_that():
    """A wrong password is no lost connection."""
    async with a_broker(answer=STRANGER) as port:
        assert (
            await outcome(broker(f"mqtt://u:p@127.0.0.1:{port}")) == "it refuses the sign-in: not authorized"
        )


async def test_nobody_there():
    """Nobody listens; there is no such machine."""
    assert await outcome(broker(f"mqtt://127.0.0.1:{free_port()}")) == "nobody listens there"
    assert await outcome(broker("mqtt://nobody.invalid:1883")) == "there is no machine of that name"


def test_a_run_that_published_nothing_says_why():
    """Exit status 1 and the reason, no traceback."""
    port = free_port()
    result = CliRunner().invoke(
        app, ["--homes", "1", "--duration", "1s", "--mqtt", f"mqtt://127.0.0.1:{port}"]
    )
    assert result.exit_code == 1
    assert (
        result.stderr
        == f"Nothing was published. No connection to mqtt://127.0.0.1:{port}: nobody listens there.\n"
    )


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--mqtt", "mqtts://h", "--ca", "/nowhere/ca.pem"], "/nowhere/ca.pem cannot be used for TLS: No such file or directory."),
        (["--mqtt", "mqtts://h", "--ca", __file__], f"{__file__} cannot be used for TLS: it is not what it should be in PEM."),
        (["--mqtt", "mqtts://h", "--key", "k.pem"], "--key without --cert: give the certificate that the key belongs to."),
        (["--mqtt", "mqtt://h", "--ca", "ca.pem"], "--ca, --cert and --key are for TLS: write mqtts:// instead of `mqtt://`."),
    ],
)  # fmt: skip
def test_wrong_papers_are_one_sentence(words, sentence):
    """Before anything is published: exit status 2."""
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 2
    assert result.stderr.strip() == sentence
