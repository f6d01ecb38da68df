"""A broker and a doorman before it, for the files beside this one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.conftest import NatsForTests
from tests.integration.doorman_house import (
    Front,
    front,
    private_broker,
)


@pytest.fixture(scope="module")
def server() -> Iterator[NatsForTests]:
    """One broker for most tests."""
    with private_broker() as found:
        yield found


@pytest.fixture
def own_server() -> Iterator[NatsForTests]:
    """A broker that may be killed, or whose quarantine is counted."""
    with private_broker() as found:
        yield found


@pytest.fixture
async def house(server: NatsForTests) -> AsyncIterator[Front]:
    """A doorman that lets in anybody."""
    async with front(server) as found:
        yield found
