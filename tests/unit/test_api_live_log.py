"""The numbered logs behind the live channel."""

import asyncio
from datetime import UTC, datetime, timedelta

from dashboard_api.live import Event, Hub, Key, LinkTest

DESK = Key("desk")


def opened(hub, last=None, key=DESK):
    return hub.open(key, "s", last, lambda channel: f"snapshot at {channel.head}")


def waiting(listener):
    return list(listener._waiting)


def test_numbers_are_consecutive_per_view():
    """Each view counts for itself, from 1, without gaps."""
    hub = Hub("e")
    for n in range(5):
        hub.channel(DESK).publish("alert", str(n))
    hub.channel(Key("wall")).publish("alert", "w")
    assert [e.id for e in hub.channel(DESK).after("e.0")] == ["e.1", "e.2", "e.3", "e.4", "e.5"]
    assert hub.channel(Key("wall")).head == 1


def test_a_newcomer_gets_a_snapshot_with_the_present_head():
    """No Last-Event-ID: everything at once, and the id from which to count on."""
    hub = Hub("e")
    hub.channel(DESK).publish("alert", "1")
    assert waiting(opened(hub)) == [Event("snapshot", "e.1", "snapshot at 1")]


def test_one_who_returns_is_told_what_it_missed():
    """Last-Event-ID inside the ring: exactly the rest, no snapshot."""
    hub = Hub("e")
    for n in range(1, 6):
        hub.channel(DESK).publish("alert", str(n))
    assert [e.data for e in waiting(opened(hub, "e.3"))] == ["4", "5"]
    assert waiting(opened(hub, "e.5")) == []


def test_what_cannot_be_told_for_certain_is_a_snapshot():
    """Another epoch, a number from the future, one that left the ring, nonsense: never a silent gap."""
    hub = Hub("e", ring=3)
    for n in range(1, 8):
        hub.channel(DESK).publish("alert", str(n))
    assert [e.data for e in waiting(opened(hub, "e.4"))] == ["5", "6", "7"]
    for last in ("old.6", "e.3", "e.8", "e.", "e.-1", "e.٣", "e", ".", "e.1e1", "e." + "9" * 5000):
        assert [e.name for e in waiting(opened(hub, last))] == ["snapshot"], last


def test_a_heartbeat_has_the_head_and_no_number_of_its_own():
    """A screen compares it with the last event it saw."""
    hub = Hub("e")
    listener = opened(hub)
    hub.channel(DESK).publish("alert", "1")
    hub.channel(DESK).tell("hb", "{}")
    hub.channel(DESK).publish("alert", "2")
    assert [e.id for e in waiting(listener)] == ["e.0", "e.1", "e.1", "e.2"]


async def test_a_slow_screen_is_let_go_and_the_others_hear_everything():
    """Its queue is bounded; it ends instead of growing, and its stream says why."""
    hub = Hub("e", queue=8)
    slow, quick = opened(hub), opened(hub)
    heard = []

    async def read():
        async for event in quick.events():
            heard.append(event.data)

    task = asyncio.create_task(read())
    for n in range(20):
        hub.channel(DESK).publish("alert", str(n))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert slow.ended == "slow"
    assert waiting(slow) == []
    assert [e async for e in slow.events()] == []
    hub.close()
    await task
    assert heard == ["snapshot at 0", *map(str, range(20))]


def test_a_personal_log_forgets_and_never_repeats_an_id():
    """When a responder comes back after the log was dropped, old ids mean nothing."""
    hub = Hub("e")
    key = Key("responder", "s07")
    first = opened(hub, key=key)
    hub.channel(key).publish("alert", "1")
    last = waiting(first)[-1].id
    hub.leave(first)
    assert key not in hub.channels
    again = opened(hub, last, key=key)
    assert [e.name for e in waiting(again)] == ["snapshot"]


def test_a_silent_line_says_nothing_and_loses_nothing():
    """A link test: events, heartbeats and newcomers hear nothing until it is over; the log went on."""
    now = [datetime(2026, 5, 23, tzinfo=UTC)]
    test = LinkTest(lambda: now[0])
    hub = Hub("e", test=test)
    listener = opened(hub)
    test.silent_until = now[0] + timedelta(seconds=20)
    hub.channel(DESK).publish("alert", "1")
    hub.channel(DESK).tell("hb", "{}")
    newcomer = opened(hub)
    assert [e.name for e in waiting(listener)] == ["snapshot"]
    assert waiting(newcomer) == []
    now[0] += timedelta(seconds=20)
    hub.channel(DESK).tell("hb", "{}")
    assert [e.id for e in waiting(newcomer)] == ["e.1"]
    assert [e.data for e in hub.channel(DESK).after("e.0")] == ["1"]


def test_a_line_that_drops_some_still_numbers_them():
    """Who counts sees the gap."""
    hub = Hub("e", test=LinkTest(lambda: datetime(2026, 5, 23, tzinfo=UTC)))
    listener = opened(hub)
    hub.channel(DESK).drops = 2
    for n in range(1, 4):
        hub.channel(DESK).publish("alert", str(n))
    assert [e.id for e in waiting(listener)] == ["e.0", "e.3"]


def test_a_lying_heartbeat_names_a_head_that_is_not_there():
    """And the truth again when the test is over."""
    now = datetime(2026, 5, 23, tzinfo=UTC)
    test = LinkTest(lambda: now, lie_until=now + timedelta(seconds=1))
    channel = Hub("e", test=test).channel(DESK)
    assert channel.told_head != channel.head
    test.lie_until = now
    assert channel.told_head == channel.head


def test_a_line_that_begins_anew_ends_everybody_and_no_old_number_counts():
    """As after a restart of the service."""
    hub = Hub("e")
    hub.channel(DESK).publish("alert", "1")
    listener = opened(hub, "e.1")
    hub.begin_anew("f")
    assert listener.ended == "stopping"
    assert [e.id for e in waiting(opened(hub, "e.1"))] == ["f.0"]
