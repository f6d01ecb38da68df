"""Laws of the simulator that hold for every input."""

import contextlib
import itertools
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from simulators.community import generate
from simulators.faults import FaultLine, Faults, parse
from simulators.scenarios import SCENARIOS, span
from simulators.scenarios import parse as parse_wish
from simulators.world import World

SITE = generate(20)
STARTS = st.integers(0, 700 * 86_400_000).map(
    lambda ms: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
)
NAMES = st.sampled_from(sorted(SCENARIOS))
SHARES = st.floats(0, 1)
few = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@few
@given(
    start=STARTS,
    wishes=st.lists(st.tuples(NAMES, st.integers(0, 3000)), max_size=3),
    seed=st.integers(0, 2**32),
)
def test_any_world_is_in_order_and_repeatable(start, wishes, seed):
    """Whenever it begins and whatever happens in it: in order of time, never before its start, and the same twice."""

    def lived():
        world = World(SITE, seed=seed, start=start, rate_scale=0.3)
        for name, after in wishes:
            world.stage(parse_wish(f"{name}+{after}s"))
        return list(world.events(start + timedelta(hours=1)))

    messages = lived()
    assert all(a.at <= b.at for a, b in itertools.pairwise(messages))
    assert messages[0].at >= start.replace(microsecond=0)
    assert messages == lived()
    for message in messages:
        assert isinstance(json.loads(message.payload), dict)


@few
@given(start=STARTS, name=NAMES, before=st.integers(0, 5000), after=st.none() | st.integers(0, 4000))
def test_a_scenario_may_be_staged_at_any_moment(start, name, before, after):
    """What is staged in a running world changes nothing that has been, and comes in order."""
    world = World(SITE, start=start, rate_scale=0.3)
    out = list(world.events(start + timedelta(seconds=before)))
    assert out == list(World(SITE, start=start, rate_scale=0.3).events(start + timedelta(seconds=before)))
    now = world.now
    truths = world.stage(parse_wish(name if after is None else f"{name}+{after}s"))
    assert all(t.at >= now for t in truths)
    out += world.events(now + timedelta(hours=2))
    assert all(a.at <= b.at for a, b in itertools.pairwise(out))


@few
@given(
    faults=st.builds(
        Faults, loss=SHARES, duplicate=SHARES, reorder=SHARES, stuck=SHARES,
        delay=st.integers(0, 60).map(lambda s: timedelta(seconds=s)), drift=st.integers(0, 600).map(lambda s: timedelta(seconds=s)),
    ),
    seed=st.integers(0, 2**32),
)  # fmt: skip
def test_faults_keep_order_and_the_retained(faults, seed):
    """Whatever the radio does: sent in order of sending, retained states untouched, every payload still JSON."""
    start = datetime(2026, 5, 23, 3, tzinfo=UTC)
    end = start + timedelta(minutes=10)
    clean = list(World(SITE, start=start).events(end))
    out = list(FaultLine(faults, seed=seed).through(iter(clean), end + timedelta(minutes=5)))
    assert all(a.at <= b.at for a, b in itertools.pairwise(out))
    assert [m for m in out if m.retain] == [m for m in clean if m.retain]
    assert len(out) <= 2 * len(clean)
    for message in out:
        json.loads(message.payload)


@given(st.text(max_size=40))
@example("loss=0.1,loss=0.1")
@example("sos@h1+1q")
@example("1e999s")
def test_no_text_breaks_the_readers(text):
    """A specification is read, or refused as a ValueError; nothing else comes out."""
    for read in (parse, parse_wish, span):
        with contextlib.suppress(ValueError):
            read(text)


@given(homes=st.integers(-5, 0) | st.integers(10_001, 99_999))
def test_a_community_has_a_size(homes):
    """Outside 1 … 10,000 the generator refuses."""
    with pytest.raises(ValueError, match="1 to 10000 homes"):
        generate(homes)
