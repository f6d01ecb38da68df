"""Laws of the doorman: names survive the broker, and packets pass byte for byte however they are cut."""

from __future__ import annotations

import asyncio
import itertools
import struct
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anxin.doorman import Doorman, Gateway
from anxin.doorman.connection import Door, Inside
from anxin.doorman.packets import Broken, Hello, NotWelcome, written
from anxin.doorman.rights import Account, may_hear, why_not
from anxin.settings import Address
from care import topics
from care.clock import ManualClock
from care.site import Community, Device, Home, Registry, Site
from care.stream import MemoryStream
from care.words import Kind

NOON = datetime(2026, 5, 23, 4, tzinfo=UTC)
anything = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs"]),
        st.sampled_from(
            " \t\r\n\f\x7f\0*>/.+#$厨\U000f0000\U000f0020\U000f002a\U000f00fe\U000f00ff\U000f0100"
        ),
    ),
    max_size=40,
)
names = anything.filter(topics.is_name)
levels = st.sampled_from(["a", "b", "", "a b", ".", "厨房", "*", ">", "+"])
filters = st.builds(
    lambda upper, last: "/".join([*upper, *last]),
    st.lists(levels, max_size=4),
    st.sampled_from([["#"], ["+"], ["a"], []]),
).filter(topics.is_filter)


@given(anything)
def test_a_name_comes_back_from_the_broker(topic: str):
    """unescape(escape(t)) = t, whatever t is."""
    assert topics.unescape(topics.escape(topic)) == topic


@given(anything, anything)
def test_two_names_stay_two(one: str, other: str):
    """Different topics stay different, and reading back never fails on what was not written by us."""
    assert (topics.escape(one) == topics.escape(other)) == (one == other)
    topics.unescape(one)


@given(names)
def test_the_broker_gets_only_what_it_carries(topic: str):
    """Nothing that nats-server refuses or takes for a wildcard is left, and the levels are the same."""
    written = topics.escape(topic)
    assert not set(written) & {*map(chr, range(0x21)), "\x7f", "*", ">"}
    assert written.count("/") == topic.count("/")


def matches(topic_filter: str, topic: str) -> bool:
    """MQTT 3.1.1, 4.7, told another way."""
    want, have = topic_filter.split("/"), topic.split("/")
    if want[-1] == "#":
        want, have = want[:-1], have[: len(want) - 1] if len(have) >= len(want) - 1 else have
    return len(want) == len(have) and all(w in ("+", h) for w, h in zip(want, have, strict=True))


@given(
    filters,
    filters,
    st.lists(st.lists(levels.filter(lambda x: x != "+"), min_size=1, max_size=5), max_size=20),
)
def test_what_is_covered_is_matched(allowed: str, wanted: str, lists: list[list[str]]):
    """A subscription that is let through hears nothing that the right does not name."""
    if topics.covers(allowed, wanted):
        for topic in map("/".join, lists):
            assert not matches(wanted, topic) or matches(allowed, topic)
    assert topics.covers(allowed, allowed)


@given(filters, names)
def test_writing_keeps_what_matches(topic_filter: str, topic: str):
    """A filter and a topic match after writing exactly when they did before."""
    assert matches(topics.escape(topic_filter), topics.escape(topic)) == matches(topic_filter, topic)


# -- packets


class Wire:
    """A transport that keeps what is written to it."""

    def __init__(self) -> None:
        self.said = bytearray()
        self.closed = False

    def write(self, data: bytes) -> None:
        assert not self.closed or not data
        self.said += data

    def close(self) -> None:
        self.closed = True

    abort = close

    def write_eof(self) -> None: ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def get_extra_info(self, name: str) -> Any:
        return None


def between() -> tuple[Door, Inside, Wire, Wire]:
    """A device that is let in: its door, the broker's side, and the two wires."""
    house = Doorman(
        stream=MemoryStream(),
        clock=ManualClock(NOON),
        listen=Address("127.0.0.1", 1883),
        upstream=Address("127.0.0.1", 1),
        upstream_credentials=("device", "secret"),
    )
    door = Door(house)
    inside = Inside(door)
    device, broker = Wire(), Wire()
    door.transport, door.inside, door.account = device, inside, Account("device")
    inside.transport, inside.is_let_in = broker, True
    return door, inside, device, broker


def text(raw: bytes) -> bytes:
    return struct.pack(">H", len(raw)) + raw


def packet(head: int, body: bytes) -> bytes:
    length, size = b"", len(body)
    while True:
        length += bytes([size % 128 | (0x80 if size > 127 else 0)])
        size //= 128
        if not size:
            return bytes([head]) + length + body


def publish(topic: str, qos: int, number: int, flags: int, payload: bytes) -> bytes:
    return packet(
        0x30 | qos << 1 | flags, text(topic.encode()) + (struct.pack(">H", number) if qos else b"") + payload
    )


plain_names = names.filter(lambda t: not t.startswith(("$", "_INBOX", "_R_", "_GR_")))
numbers = st.integers(1, 0xFFFF)
payloads = st.one_of(
    st.binary(max_size=200), st.integers(0, 70_000).map(lambda n: b"\xf3\xb0\x80\xa0" * (n // 4))
)
publishes = st.tuples(plain_names, st.integers(0, 2), numbers, st.sampled_from([0, 1, 8, 9]), payloads)
numbered = st.builds(
    lambda head, number: bytes((head, 2)) + struct.pack(">H", number),
    st.sampled_from([0x40, 0x50, 0x62, 0x70]),
    numbers,
)
requests = st.tuples(
    st.sampled_from([0x82, 0xA2]),
    numbers,
    st.lists(st.tuples(filters, st.integers(0, 2)), min_size=1, max_size=4),
)
cuts = st.lists(st.integers(0, 10_000), max_size=30)


def request(head: int, number: int, wanted: list[tuple[str, int]], change: Any) -> bytes:
    body = struct.pack(">H", number)
    for topic_filter, qos in wanted:
        body += text(change(topic_filter).encode()) + (bytes([qos]) if head == 0x82 else b"")
    return packet(head, body)


def cut(data: bytes, at: list[int]) -> list[bytes]:
    places = sorted({place % (len(data) + 1) for place in at} | {0, len(data)})
    return [data[a:b] for a, b in itertools.pairwise(places)]


@given(st.lists(st.one_of(publishes, numbered, requests, st.just(b"\xc0\x00")), max_size=8), cuts)
def test_what_devices_say_passes_byte_for_byte(said: list[Any], at: list[int]):
    """Only topics change; QoS, DUP, RETAIN, packet ids and payloads do not, however the bytes are cut."""
    door, _, device, broker = between()
    given_, wanted = b"", b""
    for one in said:
        if isinstance(one, bytes):
            given_ += one
            wanted += one
        elif isinstance(one[0], str):
            given_ += publish(*one)
            wanted += publish(topics.escape(one[0]), *one[1:])
        else:
            given_ += request(*one, lambda t: t)
            wanted += request(*one, topics.escape)
    for part in cut(given_, at):
        door.data_received(part)
    assert bytes(broker.said) == wanted
    assert not device.said
    assert not broker.closed
    assert not door.rest


@given(
    st.lists(
        st.one_of(publishes, numbered, st.just(b"\xd0\x00"), st.just(b"\x90\x03\x00\x01\x80")), max_size=8
    ),
    cuts,
)
def test_what_the_broker_says_passes_byte_for_byte(said: list[Any], at: list[int]):
    """Devices see the topics they know; the rest is as the broker said it."""
    _, inside, device, broker = between()
    given_, wanted = b"", b""
    for one in said:
        if isinstance(one, bytes):
            given_ += one
            wanted += one
        else:
            given_ += publish(topics.escape(one[0]), *one[1:])
            wanted += publish(*one)
    for part in cut(given_, at):
        inside.data_received(part)
    assert bytes(device.said) == wanted
    assert not broker.said


@given(st.lists(publishes, min_size=1, max_size=4), cuts)
def test_our_own_acknowledgement_never_cuts_a_packet(said: list[Any], at: list[int]):
    """It is put between two packets of the broker."""
    _, inside, device, _ = between()
    whole = [publish(topics.escape(one[0]), *one[1:]) for one in said]
    ours = b"\x40\x02\x12\x34"
    for part in cut(b"".join(whole), at):
        inside.data_received(part)
        inside.answer(ours)
    got, bare = bytes(device.said), [publish(*one) for one in said]
    for one in bare:
        while got.startswith(ours) and not one.startswith(ours):
            got = got[len(ours) :]
        assert got.startswith(one)
        got = got[len(one) :]
    assert got.replace(ours, b"") == b""


@given(st.lists(st.binary(max_size=60), max_size=6))
def test_noise_never_trips_it(parts: list[bytes]):
    """Whatever arrives, it is passed on or the connection is closed; nothing else happens, and little is kept."""

    async def go() -> None:
        door, inside, _, _ = between()
        for part in parts:
            door.data_received(part)
            assert len(door.rest) < 400
            if door.ended:
                break
        door.connection_lost(None)
        inside.connection_lost(None)

    asyncio.run(go())


@given(st.binary(max_size=80))
def test_a_noisy_connect_is_refused(body: bytes):
    """A CONNECT is read whole or refused."""
    try:
        hello = Hello.read(body)
    except (Broken, NotWelcome):
        return
    assert Hello.read(hello.write(hello.client_id, ("a", "b"))[2:]).client_id == hello.client_id


@given(
    st.sampled_from(["", "c", "x" * 200, "床"]),
    st.booleans(),
    st.one_of(st.none(), st.tuples(names, st.binary(max_size=300), st.integers(0, 2), st.booleans())),
    st.integers(0, 0xFFFF),
)
def test_a_connect_keeps_its_session_and_will(
    name: str, clean: bool, will: tuple[str, bytes, int, bool] | None, keep_alive: int
):
    """Keep-alive, clean session, will, its QoS and retain are the device's; name and credentials are ours."""
    clean = clean or not name
    flags, fields = 0x02 if clean else 0, text(name.encode())
    if will is not None:
        flags |= 0x04 | will[2] << 3 | (0x20 if will[3] else 0)
        fields += text(will[0].encode()) + text(will[1])
    body = text(b"MQTT") + bytes([4, flags]) + struct.pack(">H", keep_alive) + fields
    written = Hello.read(body).write(b"gw:1", ("device", "secret"))
    will_fields = b"" if will is None else text(will[0].encode()) + text(will[1])
    assert written == packet(
        0x10,
        text(b"MQTT")
        + bytes([4, flags | 0xC0])
        + struct.pack(">H", keep_alive)
        + text(b"gw:1")
        + will_fields
        + text(b"device")
        + text(b"secret"),
    )


# -- rights

SITE = Registry(
    Site(
        community=Community(id="c", name="c"),
        homes=[
            Home(
                id="h1",
                devices=[
                    Device(id="sos", kind=Kind.sos),
                    Device(id="smoke", kind=Kind.smoke, address="zigbee2mqtt/shared/a b"),
                ],
            ),
            Home(
                id="h2",
                devices=[
                    Device(id="sos2", kind=Kind.sos),
                    Device(id="smoke2", kind=Kind.smoke, address="zigbee2mqtt/shared/a b/c"),
                    Device(id="smoke3", kind=Kind.smoke, address="zigbee2mqtt/h1/lent"),
                ],
            ),
        ],
    )
)
ONE = Gateway(hash="", issued_at=NOON, homes=["h1"], topics=["zigbee2mqtt/h1"])
parts = st.sampled_from(
    [
        "anxin",
        "v1",
        "h1",
        "h2",
        "sos",
        "sos2",
        "ack",
        "zigbee2mqtt",
        "shared",
        "a b",
        "c",
        "lent",
        "status",
        "#",
        "+",
        "",
    ]
)


@given(st.lists(parts, min_size=1, max_size=6).map("/".join))
def test_a_gateway_never_reaches_another_home(topic: str):
    """Neither the other home's topics nor its devices' addresses, wherever these lie; and nobody says `ack` but us."""
    if not topics.is_name(topic) or why_not(topic, ONE, SITE):
        return
    assert not topics.below(topic, ["anxin/v1/h2", "zigbee2mqtt/shared/a b/c", "zigbee2mqtt/h1/lent"])
    assert topics.below(topic, ["anxin/v1/h1", "zigbee2mqtt/h1", "zigbee2mqtt/shared/a b"])
    assert not (topic.startswith("anxin/v1/") and topic.endswith("/ack") and topic.count("/") == 4)


@given(st.lists(parts, min_size=1, max_size=6).map("/".join).filter(topics.is_filter))
def test_a_gateway_hears_only_its_own(topic_filter: str):
    """What a filter that was let through matches is its own acknowledgements, its base, or below its devices."""
    if not may_hear(topic_filter, ONE, SITE):
        return
    for level in ("h1", "h2", "sos", "ack", "x"):
        topic = topic_filter.replace("+", level).replace("#", level)
        assert topics.below(topic, ["zigbee2mqtt/h1", "zigbee2mqtt/shared/a b"]) or matches(
            "anxin/v1/h1/+/ack", topic
        )


@pytest.mark.parametrize(
    ("topic_filter", "allowed"),
    [
        ("anxin/v1/h1/+/ack", True),
        ("anxin/v1/h1/sos/ack", True),
        ("zigbee2mqtt/h1/+/set", True),
        ("zigbee2mqtt/h1/#", True),
        ("zigbee2mqtt/shared/a b/set", True),
        ("anxin/v1/+/+/ack", False),
        ("anxin/v1/h1/#", False),
        ("anxin/v1/h2/sos2/ack", False),
        ("zigbee2mqtt/#", False),
        ("zigbee2mqtt/+/bridge/state", False),
        ("#", False),
        ("+/#", False),
        ("$SYS/#", False),
        ("$MQTT/#", False),
        ("$share/g/zigbee2mqtt/h1/#", False),
    ],
)
def test_a_gateways_filters(topic_filter: str, allowed: bool):
    """What a gateway of one home may hear."""
    assert may_hear(topic_filter, ONE, SITE) == allowed


@pytest.mark.parametrize(
    ("topic", "allowed"),
    [
        ("anxin/v1/h1/sos", True),
        ("anxin/v1/h1/status", True),
        ("anxin/v1/h1", False),  # three levels are nobody's
        ("anxin/v1/h2/sos2", False),
        ("anxin/v1/h1/sos/ack", False),  # only the service says that
        ("zigbee2mqtt/h1/bridge/state", True),
        ("zigbee2mqtt/h1", True),
        ("zigbee2mqtt/h10", False),  # not below h1
        ("zigbee2mqtt/shared/a b", True),
        ("zigbee2mqtt/shared/a b/availability", True),
        ("zigbee2mqtt/shared/a b/c", False),  # another home's device
        ("zigbee2mqtt/shared/a b/c/availability", False),
        ("zigbee2mqtt/h1/lent", False),  # lies in its base, belongs to another home
        ("$SYS/x", False),
        ("_INBOX/x", False),
        ("elsewhere", False),
    ],
)
def test_a_gateways_topics(topic: str, allowed: bool):
    """What a gateway of one home may say."""
    assert (why_not(topic, ONE, SITE) == "") == allowed


@given(st.binary(max_size=30), st.binary(max_size=30))
def test_two_client_ids_stay_two_for_the_broker(one: bytes, other: bytes):
    """Whatever a client calls itself, the broker gets a name it takes, and nobody gets another's session by it."""
    assert not set(written(one)) & set(b" .*>\t\r\n\x00")
    assert (written(one) == written(other)) is (one == other)


async def test_a_broker_that_hung_up_is_told_nothing():
    """Between the end of its line and the moment asyncio tells of it, a goodbye has nobody to go to: the line is let go."""
    door, inside, _, _ = between()

    class Gone(Wire):
        def write_eof(self) -> None:
            raise OSError(107, "Transport endpoint is not connected")

    gone = Gone()
    inside.transport = gone
    door.parting = b""
    door.relieved()
    assert gone.closed
    assert inside.timer is None, "nothing is left to wait for"
