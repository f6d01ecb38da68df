"""Sign-in: what is promised about passwords, sessions and tokens."""

import asyncio
import contextlib
import time
from datetime import UTC, datetime, timedelta

import pytest

from care.clock import ManualClock
from care.errors import Misconfigured
from care.stream import PEOPLE, MemoryStream
from care.words import Role
from dashboard_api import people as signing

pytestmark = pytest.mark.usefixtures("real_passwords")
NOON = datetime(2026, 5, 23, 4, 6, 24, tzinfo=UTC)


@contextlib.asynccontextmanager
async def house():
    stream, clock, slept = MemoryStream(), ManualClock(NOON), []

    async def sleep(seconds):
        slept.append(seconds)

    people = signing.People(stream, clock, sleep=sleep)
    task = asyncio.create_task(people.run())
    await people.ready.wait()
    try:
        yield stream, clock, people, slept
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await people.close()


async def settled():
    await asyncio.sleep(0.06)


async def test_only_hashes_are_stored():
    """Neither the password nor the token can be read back from the bucket."""
    async with house() as (stream, _clock, people, _):
        await signing.add_user(stream, "chen", "operator", "a long secret", "s01")
        await settled()
        _who, token, _ = await people.sign_in("chen", "a long secret", address="10.0.0.1")
        kept = b"".join([(await stream.get(PEOPLE, k)).data for k in await stream.keys(PEOPLE)])
        assert b"a long secret" not in kept
        assert token.encode() not in kept
        assert b"$argon2id$v=19$m=19456,t=2,p=1$" in kept
        assert len(token) >= 43  # 256 bits


async def test_a_removed_person_is_out_at_once():
    """Taking a sign-in away ends its sessions, and says so to open streams."""
    async with house() as (stream, _clock, people, _):
        rung = []
        await signing.add_user(stream, "chen", "operator", "a long secret")
        await settled()
        who, token, _ = await people.sign_in("chen", "a long secret", address="a")
        assert (await people.who(token)).role is Role.operator
        people.on_change(lambda: rung.append(people.still(who.session)))
        await signing.remove_user(stream, "chen")
        await settled()
        assert await people.who(token) is None
        assert rung == [None]


@pytest.mark.parametrize("change", ["password", "role", "person"])
async def test_a_changed_sign_in_ends_its_sessions(change):
    """A session made before a change of password, role or person is dead."""
    async with house() as (stream, _clock, people, _):
        await signing.add_user(stream, "chen", "operator", "a long secret", "s01")
        await settled()
        _, token, _ = await people.sign_in("chen", "a long secret", address="a")
        role, password, staff = {
            "password": ("operator", "another secret", "s01"),
            "role": ("auditor", "a long secret", "s01"),
            "person": ("operator", "a long secret", "s02"),
        }[change]
        await signing.add_user(stream, "chen", role, password, staff)
        await settled()
        assert await people.who(token) is None


async def test_signing_out_ends_the_session_everywhere():
    """The token is dead after signing out, in another process too."""
    async with house() as (stream, clock, people, _):
        await signing.add_user(stream, "chen", "operator", "a long secret")
        await settled()
        who, token, _ = await people.sign_in("chen", "a long secret", address="a")
        other = signing.People(stream, clock)
        assert await other.who(token) is not None
        await people.sign_out(who.session)
        assert await people.who(token) is None
        third = signing.People(stream, clock)
        assert await third.who(token) is None


@pytest.mark.parametrize(
    ("role", "idle", "absolute"),
    [
        ("operator", timedelta(hours=12), timedelta(days=7)),
        ("admin", timedelta(minutes=30), timedelta(hours=12)),
        ("family", timedelta(days=30), timedelta(days=90)),
    ],
)
async def test_a_session_ends_when_idle_and_in_any_case_in_the_end(role, idle, absolute):
    """Idle and absolute life by role."""
    async with house() as (stream, clock, people, _):
        await signing.add_user(stream, "x", role, "a long secret")
        await settled()
        _, token, _ = await people.sign_in("x", "a long secret", address="a")
        clock.advance(idle - timedelta(seconds=1))
        assert await people.who(token) is not None  # and that counts as use
        clock.advance(idle - timedelta(seconds=1))
        assert await people.who(token) is not None
        clock.advance(idle)
        assert await people.who(token) is None
        _, token, _ = await people.sign_in("x", "a long secret", address="a")
        end = clock.now() + absolute
        while clock.now() < end - idle / 2:
            assert await people.who(token) is not None
            clock.advance(idle / 2)
        clock.advance(idle / 2)
        assert await people.who(token) is None


async def test_bad_passwords_make_the_answer_slower_but_never_lock_anybody_out():
    """The delay grows to a limit below the screens' patience; then the right password still comes in."""
    async with house() as (stream, _clock, people, slept):
        await signing.add_user(stream, "chen", "operator", "a long secret")
        await settled()
        for _ in range(12):
            with pytest.raises(signing.BadCredentials):
                await people.sign_in("chen", "wrong", address="10.0.0.1")
        assert slept == sorted(slept)
        assert 0 < slept[-1] < 8
        await people.sign_in("chen", "a long secret", address="10.0.0.1")
        slept.clear()
        await people.sign_in("chen", "a long secret", address="10.0.0.2")
        assert slept == []  # somebody else's failures do not slow another address


async def test_unknown_names_are_answered_like_known_ones():
    """The same error, the same delays and about the same time: a name cannot be guessed from the answer."""
    async with house() as (stream, _clock, people, slept):
        await signing.add_user(stream, "chen", "operator", "a long secret")
        await settled()

        async def tries(name, count):
            slept.clear()
            times, said = [], set()
            for n in range(count):
                began = time.perf_counter()
                with pytest.raises(signing.BadCredentials) as caught:
                    await people.sign_in(name, "wrong", address=f"10.0.0.{n % 2}")
                said.add(str(caught.value))
                times.append(time.perf_counter() - began)
            return sorted(times)[count // 2], said, list(slept)

        await tries("warm", 2)
        people._tries.clear()
        known, said, delays = await tries("chen", 9)
        people._tries.clear()
        unknown, said_unknown, delays_unknown = await tries("nobody", 9)
        people._tries.clear()
        odd, said_odd, delays_odd = await tries("no body/..", 9)
        assert said == said_unknown == said_odd
        assert delays == delays_unknown == delays_odd
        # The dummy hash does the same work; without it the ratio is about a hundred.
        assert 1 / 3 < known / unknown < 3
        assert 1 / 3 < known / odd < 3


async def test_a_flood_of_sign_ins_is_turned_away_and_holds_no_memory():
    """At most a few wait for one account and address; the others are told to come back."""
    async with house() as (stream, _clock, people, _):
        await signing.add_user(stream, "chen", "operator", "a long secret")
        await settled()
        answers = await asyncio.gather(
            *(people.sign_in("chen", "wrong", address="10.0.0.1") for _ in range(40)), return_exceptions=True
        )
        away = [a for a in answers if isinstance(a, signing.TooManyAttempts)]
        assert len(away) == 40 - signing.QUEUE_OF_ONE
        assert all(isinstance(a, (signing.TooManyAttempts, signing.BadCredentials)) for a in answers)


async def test_a_device_token_is_good_for_its_device_only():
    """Shown once, hashed, replaced by the next one."""
    async with house() as (stream, _clock, people, _):
        first = await signing.issue_device_token(stream, "sos-1", NOON)
        assert await people.device_may("sos-1", first)
        assert not await people.device_may("sos-2", first)
        second = await signing.issue_device_token(stream, "sos-1", NOON)
        await settled()
        assert not await people.device_may("sos-1", first)
        assert await people.device_may("sos-1", second)


@pytest.mark.parametrize(
    ("name", "role", "password"),
    [("", "operator", "a long secret"), ("a b", "operator", "a long secret"), ("x" * 65, "operator", "a long secret"),
     ("chen", "boss", "a long secret"), ("chen", "operator", "short")],
)  # fmt: skip
async def test_a_wrong_sign_in_is_not_made(name, role, password):
    """The command line says what is wrong, and nothing is stored."""
    stream = MemoryStream()
    with pytest.raises(Misconfigured):
        await signing.add_user(stream, name, role, password)
    assert await stream.keys(PEOPLE) == []
