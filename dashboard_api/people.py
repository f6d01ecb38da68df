"""Who is asking: users, sessions and tokens, kept in the stream's key-value bucket `people`.

Start at `People`. It mirrors the bucket in memory by a watch, so that a sign-in is checked without a round trip,
goes on while the stream is away, and dies at once everywhere when somebody is removed. Only hashes are stored:
argon2id of passwords, SHA-256 of tokens (256 random bits need no slow hash, ASVS 6.5.2). The functions at the
end (`add_user`, `issue_device_token`, `make_demo_users`) need a stream only, for the command line.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import secrets
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from structlog import get_logger

from care.clock import Clock
from care.errors import Conflict, Misconfigured, Temporary
from care.messages import decode, encode
from care.site import Registry
from care.stream import PEOPLE, Stream
from care.words import Role
from dashboard_api.redact import agreed

log = get_logger("people")

PASSWORDS = PasswordHash((Argon2Hasher(time_cost=2, memory_cost=19 * 1024, parallelism=1),))
"""OWASP's minimum. The library's default (64 MiB, 4 threads) lets a flood of sign-ins starve the alarm path."""
HASHES_AT_ONCE = 2
"""Threads that check passwords; the rest of the machine belongs to alarms."""
QUEUE_OF_ONE = 5
QUEUE_OF_ADDRESS = 24
QUEUE_OF_ALL = 256
"""How many sign-ins may wait for one account from one address, for one address, and in all, before the answer is 429."""
DELAYS = (0.0, 0.0, 0.0, 0.5, 1.0, 2.0, 4.0)
"""Seconds before the n-th try after n bad ones. The last one stays: slower, but never locked out (ASVS 6.1.1).
Below the 8 s that the screens wait for an answer."""
ADDRESS_SHARES = 10
"""Bad tries from one address, whatever the names, count a tenth each for everybody at that address."""
COUNTERS_KEPT = 20_000
FORGET_AFTER = timedelta(minutes=15)
LEAST_PASSWORD = 8
"""ASVS 6.2.1."""

NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")
_SEEN_EVERY = timedelta(minutes=1)

LIFETIMES: dict[Role, tuple[timedelta, timedelta]] = {
    Role.admin: (timedelta(minutes=30), timedelta(hours=12)),
    Role.auditor: (timedelta(minutes=30), timedelta(hours=12)),
    Role.family: (timedelta(days=30), timedelta(days=90)),
}
"""Idle and absolute life of a browser session by role."""
SHIFT_LIFE = (timedelta(hours=12), timedelta(days=7))
"""Everybody else: a wall screen must survive a shift without a touch."""
PROGRAM_LIFE = (timedelta(days=7), timedelta(days=30))
"""Bearer tokens of programs."""


class User(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A sign-in, stored under `user.NAME`."""

    name: str
    role: Role
    hash: str
    """argon2id."""
    display: str = ""
    staff: str | None = None
    """The member of staff who uses it."""
    contact: str | None = None
    """For family: the contact in the site file."""
    created_at: datetime | None = None

    @property
    def stamp(self) -> str:
        """Changes with password, role and person: sessions made before such a change are dead."""
        return hashlib.sha256(
            "\x1f".join((self.hash, self.role, self.staff or "", self.contact or "")).encode()
        ).hexdigest()[:16]


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A token's other half, stored under `session.SHA256-OF-TOKEN`."""

    user: str
    stamp: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    idle_seconds: float
    program: bool = False


class DeviceToken(msgspec.Struct, frozen=True, kw_only=True):
    """The hash of a device's token, stored under `device_token.DEVICE`."""

    hash: str
    issued_at: datetime


@dataclass(frozen=True, slots=True)
class Who:
    """Somebody who is signed in."""

    user: User
    session: str
    """SHA-256 of the token."""
    program: bool

    @property
    def role(self) -> Role:
        return self.user.role

    @property
    def by(self) -> str:
        """How the alert log names this person: the member of staff, else the sign-in."""
        return self.user.staff or f"user:{self.user.name}"


class BadCredentials(Exception):
    """Name or password is wrong; which of them is nobody's business."""


class TooManyAttempts(Exception):
    """Too many sign-ins are waiting."""

    def __init__(self, retry_seconds: float) -> None:
        self.retry_seconds = retry_seconds
        super().__init__("too many sign-ins are waiting")


@dataclass
class _Tries:
    bad: int = 0
    last_at: datetime | None = None
    waiting: int = 0


def token_hash(token: str) -> str:
    """What is stored of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


class People:
    """Users and sessions, mirrored in memory. `run` keeps the mirror; everything else may be called at any time."""

    def __init__(
        self,
        stream: Stream,
        clock: Clock,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._stream = stream
        self._clock = clock
        self._sleep = sleep
        self.users: dict[str, User] = {}
        self._sessions: dict[str, Session] = {}
        self._device_tokens: dict[str, DeviceToken] = {}
        self.used_links: set[str] = set()
        self.ready = asyncio.Event()
        self._tries: dict[tuple[str, str], _Tries] = {}
        self._waiting = 0
        self._pool = ThreadPoolExecutor(HASHES_AT_ONCE, thread_name_prefix="argon2")
        self._nobody: str | None = None
        self._background: set[asyncio.Task[None]] = set()
        self._on_change: list[Callable[[], None]] = []

    def on_change(self, call: Callable[[], None]) -> None:
        """Have `call` called whenever a sign-in may have ended."""
        self._on_change.append(call)

    # -- the mirror -----------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep the mirror for ever."""
        async with aclosing(self._stream.watch(PEOPLE)) as entries:  # type: ignore[type-var]
            async for entry in entries:
                if entry is None:
                    self.ready.set()
                    continue
                self._learn(entry.key, entry.data)

    async def close(self) -> None:
        """Let the threads go."""
        for task in list(self._background):
            task.cancel()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _learn(self, key: str, data: bytes | None) -> None:
        prefix, _, name = key.partition(".")
        try:
            match prefix:
                case "user":
                    if data is None:
                        self.users.pop(name, None)
                    else:
                        self.users[name] = decode(data, User)
                case "session":
                    if data is None:
                        self._sessions.pop(name, None)
                    else:
                        fresh = decode(data, Session)
                        known = self._sessions.get(name)
                        if known is None or fresh.seen_at >= known.seen_at:
                            self._sessions[name] = fresh
                            if known is not None:
                                return  # only its idle clock moved
                case "device_token":
                    if data is None:
                        self._device_tokens.pop(name, None)
                    else:
                        self._device_tokens[name] = decode(data, DeviceToken)
                    return
                case "used":
                    if data is None:
                        self.used_links.discard(name)
                    else:
                        self.used_links.add(name)
                    return
                case _:
                    return
        except msgspec.MsgspecError:
            log.warning("person_unreadable", kind=prefix)
            return
        for call in self._on_change:
            call()

    async def sweep(self) -> None:
        """Forget sessions that have expired, and old failures."""
        now = self._clock.now()
        for digest, session in list(self._sessions.items()):
            if not self._alive(session, now):
                self._sessions.pop(digest, None)
                try:
                    await self._stream.delete(PEOPLE, f"session.{digest}")
                except Temporary:
                    return
        for pair, tries in list(self._tries.items()):
            if not tries.waiting and (tries.last_at is None or now - tries.last_at > FORGET_AFTER):
                del self._tries[pair]

    # -- signing in -----------------------------------------------------------------------------------------

    async def sign_in(
        self, name: str, password: str, *, address: str, program: bool = False
    ) -> tuple[Who, str, datetime]:
        """Check a password and open a session: who it is, the token (told once), and when it ends.

        Raises BadCredentials after the same work for a known and an unknown name, TooManyAttempts when too many
        wait already, Temporary when the session cannot be stored.
        """
        user = await self._user(name)
        # Known and unknown names are counted alike: how long an answer takes must not tell which is which.
        pair, everywhere = self._counter(name[:64], address), self._counter("", address)
        delay = max(
            DELAYS[min(pair.bad, len(DELAYS) - 1)],
            DELAYS[min(everywhere.bad // ADDRESS_SHARES, len(DELAYS) - 1)],
        )
        if (
            pair.waiting >= QUEUE_OF_ONE
            or everywhere.waiting >= QUEUE_OF_ADDRESS
            or self._waiting >= QUEUE_OF_ALL
        ):
            raise TooManyAttempts(max(1.0, delay))
        pair.waiting += 1
        everywhere.waiting += 1
        self._waiting += 1
        try:
            if delay:
                await self._sleep(delay)
            good = await self._check(password, user.hash if user is not None else None)
        finally:
            pair.waiting -= 1
            everywhere.waiting -= 1
            self._waiting -= 1
        if user is None or not good or self.users.get(user.name, user).stamp != user.stamp:
            for counter in (pair, everywhere):
                counter.bad += 1
                counter.last_at = self._clock.now()
            raise BadCredentials
        pair.bad = 0
        return await self._open(user, program=program)

    def _counter(self, account: str, address: str) -> _Tries:
        tries = self._tries.get((account, address))
        if tries is None:
            if len(self._tries) >= COUNTERS_KEPT:
                # The oldest that nobody waits at; dictionaries keep the order in which keys came.
                oldest = next((k for k, t in self._tries.items() if not t.waiting), None)
                if oldest is not None:
                    del self._tries[oldest]
            tries = self._tries[account, address] = _Tries()
        elif tries.last_at is not None and self._clock.now() - tries.last_at > FORGET_AFTER:
            tries.bad = 0
        return tries

    async def _user(self, name: str) -> User | None:
        if not NAME.match(name):
            return None
        if self.ready.is_set():
            return self.users.get(name)
        entry = await self._stream.get(PEOPLE, f"user.{name}")
        if entry is None or entry.data is None:
            return None
        return decode(entry.data, User)

    async def _check(self, password: str, stored: str | None) -> bool:
        loop = asyncio.get_running_loop()
        if len(password) > 1024:
            password = ""
        if self._nobody is None:
            self._nobody = await loop.run_in_executor(self._pool, PASSWORDS.hash, secrets.token_urlsafe(24))
        good = await loop.run_in_executor(self._pool, PASSWORDS.verify, password, stored or self._nobody)
        return good and stored is not None

    async def _open(self, user: User, *, program: bool) -> tuple[Who, str, datetime]:
        token = secrets.token_urlsafe(32)
        digest = token_hash(token)
        now = self._clock.now()
        idle, absolute = PROGRAM_LIFE if program else LIFETIMES.get(user.role, SHIFT_LIFE)
        session = Session(
            user=user.name,
            stamp=user.stamp,
            created_at=now,
            seen_at=now,
            expires_at=now + absolute,
            idle_seconds=idle.total_seconds(),
            program=program,
        )
        await self._stream.put(PEOPLE, f"session.{digest}", encode(session))
        self._sessions[digest] = session
        self.users.setdefault(user.name, user)
        return Who(user, digest, program), token, session.expires_at

    # -- being signed in --------------------------------------------------------------------------------------

    async def who(self, token: str) -> Who | None:
        """Who a token belongs to, and mark it as used; None when it is not (or no longer) good."""
        if len(token) > 128:
            return None
        digest = token_hash(token)
        session = self._sessions.get(digest)
        if session is None:
            # Another process may have opened it a moment ago.
            entry = await self._stream.get(PEOPLE, f"session.{digest}")
            if entry is None or entry.data is None:
                return None
            session = self._sessions[digest] = decode(entry.data, Session)
        if session.user not in self.users:
            user = await self._user(session.user)
            if user is not None:
                self.users[user.name] = user
        who = self.still(digest)
        if who is not None and self._clock.now() - session.seen_at > _SEEN_EVERY:
            self.touch(digest)
        return who

    def still(self, digest: str) -> Who | None:
        """Whether a session stands at this moment: asked again and again by open live streams."""
        session = self._sessions.get(digest)
        if session is None:
            return None
        user = self.users.get(session.user)
        if user is None or user.stamp != session.stamp or not self._alive(session, self._clock.now()):
            return None
        return Who(user, digest, session.program)

    def until(self, digest: str) -> datetime | None:
        """When a session ends even if it is used all the time."""
        session = self._sessions.get(digest)
        return session.expires_at if session is not None else None

    @staticmethod
    def _alive(session: Session, now: datetime) -> bool:
        return now < session.expires_at and (now - session.seen_at).total_seconds() < session.idle_seconds

    def seen(self) -> dict[str, datetime]:
        """Member of staff → when a screen or phone on which they are signed in last asked for something (to a minute).

        Who has signed out everywhere is not in it: when they were last seen is not known.
        """
        out: dict[str, datetime] = {}
        for session in list(self._sessions.values()):
            user = self.users.get(session.user)
            if user is not None and user.staff is not None:
                known = out.get(user.staff)
                out[user.staff] = session.seen_at if known is None else max(known, session.seen_at)
        return out

    def touch(self, digest: str) -> None:
        """Move the idle clock of a session on; stored in the background, at most once a minute."""
        session = self._sessions.get(digest)
        now = self._clock.now()
        if session is None or now - session.seen_at <= _SEEN_EVERY:
            return
        fresh = self._sessions[digest] = msgspec.structs.replace(session, seen_at=now)

        async def store() -> None:
            try:
                if digest in self._sessions:  # not signed out meanwhile
                    await self._stream.put(PEOPLE, f"session.{digest}", encode(fresh))
            except (Temporary, Conflict):
                return

        task = asyncio.get_running_loop().create_task(store())
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def sign_out(self, digest: str) -> None:
        """End a session, here and everywhere."""
        self._sessions.pop(digest, None)
        await self._stream.delete(PEOPLE, f"session.{digest}")
        for call in self._on_change:
            call()

    async def device_may(self, device: str, token: str) -> bool:
        """Whether a token is the one that was issued for a device."""
        known = self._device_tokens.get(device)
        if known is None:
            if not NAME.match(device):
                return False
            entry = await self._stream.get(PEOPLE, f"device_token.{device}")
            if entry is None or entry.data is None:
                return False
            known = decode(entry.data, DeviceToken)
        return hmac.compare_digest(known.hash, token_hash(token))


# -- for the command line ---------------------------------------------------------------------------------------


async def add_user(
    stream: Stream,
    name: str,
    role: Role | str,
    password: str,
    staff: str | None = None,
    *,
    display: str = "",
    contact: str | None = None,
    now: datetime | None = None,
    least_password: int = LEAST_PASSWORD,
) -> User:
    """Make a sign-in or change it; its open sessions end. Misconfigured says what is wrong with the arguments."""
    if not NAME.match(name):
        raise Misconfigured(f"a sign-in name is letters, digits, '_', '.', '-', at most 64, not {name!r}")
    try:
        known_role = Role(role)
    except ValueError:
        raise Misconfigured(f"there is no role {role!r}; one of: {', '.join(Role)}") from None
    if len(password) < least_password:
        raise Misconfigured(f"a password has at least {least_password} characters")
    hashed = await asyncio.to_thread(PASSWORDS.hash, password)
    user = User(
        name=name,
        role=known_role,
        hash=hashed,
        display=display,
        staff=staff,
        contact=contact,
        created_at=now,
    )
    await stream.put(PEOPLE, f"user.{name}", encode(user))
    return user


async def remove_user(stream: Stream, name: str) -> bool:
    """Take a sign-in away; its sessions and live streams end at once. False when there was none."""
    if not NAME.match(name) or await stream.get(PEOPLE, f"user.{name}") is None:
        return False
    await stream.delete(PEOPLE, f"user.{name}")
    return True


async def issue_device_token(stream: Stream, device: str, now: datetime) -> str:
    """Make a device's token; only its hash is kept, so it is told this once. An older one ends."""
    if not NAME.match(device):
        raise Misconfigured(f"{device!r} is not the id of a device")
    token = secrets.token_urlsafe(32)
    await stream.put(
        PEOPLE, f"device_token.{device}", encode(DeviceToken(hash=token_hash(token), issued_at=now))
    )
    return token


RESPONDER_ROLES = (Role.grid_worker, Role.social_worker, Role.volunteer, Role.neighbour)


@dataclass(frozen=True)
class DemoUser:
    """A demo sign-in and the first roles of the site file it may stand for."""

    name: str
    role: Role
    roles: tuple[Role, ...] = field(default=())
    display: str = ""
    """What the screens call it when the site file has nobody it could stand for; the name when empty."""


DEMO_USERS = (
    DemoUser("operator", Role.operator, (Role.operator, Role.supervisor)),
    DemoUser("responder", Role.responder, RESPONDER_ROLES),
    DemoUser("family", Role.family),
    DemoUser("doctor", Role.doctor, (Role.doctor,)),
    DemoUser("admin", Role.admin, (Role.admin,)),
    DemoUser("social", Role.social_worker, (Role.social_worker,)),
    DemoUser("technician", Role.maintenance, (Role.maintenance,)),
    DemoUser("supervisor", Role.supervisor, (Role.supervisor,)),
    DemoUser("auditor", Role.auditor, display="审计员"),
)


async def make_demo_users(
    stream: Stream, registry: Registry, password: str, now: datetime | None = None
) -> list[User]:
    """The demo sign-ins: the contract's five, a social worker, who mends devices, a supervisor and an auditor, each standing for the first fitting person of the site file.

    Sign-ins that already have this password and person are left alone, so that a restart ends no session.
    """
    made: list[User] = []
    for demo in DEMO_USERS:
        person = next((s for role in demo.roles for s in registry.site.staff if s.role == role), None)
        relative = None
        if demo.role is Role.family:
            # rather one who may be told something
            homes = sorted(registry.site.homes, key=lambda h: not any(agreed(r) for r in h.residents))
            relative = next((c for h in homes for c in h.contacts), None)
        display = person.name if person else relative.name if relative else demo.display or demo.name
        staff = person.id if person else None
        contact = relative.id if relative else None
        entry = await stream.get(PEOPLE, f"user.{demo.name}")
        if entry is not None and entry.data is not None:
            known = decode(entry.data, User)
            same = (known.role, known.staff, known.contact, known.display) == (
                demo.role,
                staff,
                contact,
                display,
            )
            if same and await asyncio.to_thread(PASSWORDS.verify, password, known.hash):
                made.append(known)
                continue
        made.append(
            await add_user(
                stream,
                demo.name,
                demo.role,
                password,
                staff,
                display=display,
                contact=contact,
                now=now,
                least_password=1,
            )
        )
    return made
