"""Faults: read from a word, seeded, and each does what its name says."""

import itertools
import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from care.words import Kind
from simulators.community import generate
from simulators.faults import FaultLine, Faults, parse
from simulators.scenarios import parse as wish
from simulators.world import World

START = datetime(2026, 5, 23, 3, 0, tzinfo=UTC)
END = START + timedelta(hours=1)


def sent(spec="", seed=1, scenario=None):
    world = World(generate(20), start=START)
    if scenario:
        world.stage(wish(scenario))
    return list(FaultLine(parse(spec), seed=seed).through(world.events(END), END + timedelta(minutes=1)))


CLEAN = sent()


def test_a_specification_is_read():
    """Every fault has a name; shares and lengths of time."""
    assert parse("loss=0.01, duplicate=0.02,reorder=0.03,delay=2s,drift=1.5m,stuck=0.5") == Faults(
        loss=0.01,
        duplicate=0.02,
        reorder=0.03,
        delay=timedelta(seconds=2),
        drift=timedelta(seconds=90),
        stuck=0.5,
    )
    assert not parse("")


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ("rain=1", "is not a fault; write NAME=VALUE with a name of: loss, duplicate"),
        ("loss", "is not a fault"),
        ("loss=2", "share between 0 and 1"),
        ("loss=nan", "share between 0 and 1"),
        ("delay=soon", "is not a length of time"),
        ("loss=0.1,loss=0.2", "given twice"),
    ],
)
def test_a_wrong_specification_is_refused_with_a_sentence(spec, sentence):
    """The reader learns how to write it."""
    with pytest.raises(ValueError, match=sentence):
        parse(spec)


def test_without_faults_nothing_changes():
    """The way is clean unless told otherwise."""
    assert list(World(generate(20), start=START).events(END)) == CLEAN


def test_faults_are_seeded():
    """The same bad hour can be had again."""
    spec = "loss=0.1,duplicate=0.1,reorder=0.1,delay=2s,drift=60s,stuck=0.1"
    assert sent(spec) == sent(spec)
    assert sent(spec) != sent(spec, seed=2)


def test_lost_messages_are_missing_and_nothing_else():
    """A tenth of what is not retained is gone."""
    kept = sent("loss=0.1")
    assert not Counter(m.payload for m in kept) - Counter(m.payload for m in CLEAN)
    assert len(kept) == pytest.approx(0.9 * len(CLEAN), rel=0.05)
    assert sum(m.retain for m in kept) == sum(m.retain for m in CLEAN)


def test_duplicates_come_again_and_nothing_is_lost():
    """Each message at least once, a tenth twice with the same bytes."""
    out = sent("duplicate=0.1")
    extra = Counter((m.topic, m.payload) for m in out) - Counter((m.topic, m.payload) for m in CLEAN)
    assert sum(extra.values()) == len(out) - len(CLEAN)
    assert sum(extra.values()) == pytest.approx(0.1 * len(CLEAN), rel=0.2)


def test_reordered_and_delayed_messages_are_sent_in_order_of_sending():
    """What leaves is in order of `at`, but some device times run backwards."""
    out = sent("reorder=0.1,delay=3s")
    assert len(out) == len(CLEAN)
    assert all(a.at <= b.at for a, b in itertools.pairwise(out))
    times = [json.loads(m.payload)["time"] for m in out if m.kind is Kind.bed_belt]
    assert times != sorted(times)


def test_a_wrong_clock_is_wrong_for_a_whole_home():
    """The times of one home are off by the same, at most the drift and a little gain."""
    off = {}
    for clean, bent in zip(CLEAN, sent("drift=60s"), strict=True):
        a, b = json.loads(clean.payload), json.loads(bent.payload)
        for name in ("time", "last_seen"):
            if name in a:
                gap = (datetime.fromisoformat(b[name]) - datetime.fromisoformat(a[name])).total_seconds()
                off.setdefault(clean.home, []).append(gap)
    assert all(max(map(abs, gaps)) <= 61 for gaps in off.values())
    assert all(max(gaps) - min(gaps) < 2 for gaps in off.values())
    assert len({round(gaps[0]) for gaps in off.values()}) > 10


def test_a_stuck_device_says_the_same_with_new_times_but_alarms_are_spared():
    """Belts freeze; an SOS still is one."""
    out = sent("stuck=1", scenario="sos@h0317+60s")
    said = {}
    for message in out:
        if message.kind is Kind.bed_belt:
            body = json.loads(message.payload)
            body.pop("time"), body.pop("seq")
            said.setdefault(message.device, set()).add(json.dumps(body))
    assert said
    assert all(len(words) == 1 for words in said.values())
    assert any(json.loads(m.payload).get("sos") for m in out)
