"""A device that publishes is claimed over HTTP: a line in the site file, in force at once; what cannot be is refused in one sentence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from anxin.claiming import Claims
from care.errors import Temporary
from care.messages import Report, Unclaimed, encode
from care.site import Registry, Site
from care.sitefile import read_site
from ingest.normalize import Message, Normalizer
from tests.integration.test_api_house import NOON, SITE, House, V

TOPIC = "zigbee2mqtt/h0317/厨房 烟感"
CLAIM = {"topic": TOPIC, "home": "h0317", "kind": "smoke", "room": "kitchen"}


@asynccontextmanager
async def a_house(folder: Path) -> AsyncIterator[tuple[Any, Path]]:
    """An API that knows its site file, and a device that has spoken."""
    file = folder / "site.yaml"
    file.write_text(SITE, encoding="utf-8")
    async with House() as house:
        house.state.claim = Claims(file, house.stream).claim
        told = Unclaimed(
            topic=TOPIC,
            dialect="zigbee2mqtt",
            received_at=NOON,
            suggested_kind="smoke",
            suggested_home="h0317",
        )
        await house.stream.publish(told.subject, encode(told), message_id="u1")
        yield house, file


async def listed(program: Any) -> list[str]:
    return [one["topic"] for one in (await program.get(f"{V}/devices/unclaimed")).json()["items"]]


async def until_listed(program: Any, wanted: list[str]) -> None:
    async with asyncio.timeout(10):
        while await listed(program) != wanted:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("who", ["operator", "mender"])
async def test_a_claim_is_a_line_in_the_site_file_and_counts_at_once(tmp_path: Path, who: str) -> None:
    """By the desk or by who mends devices; nothing else in the file changes, and the device is no stranger any more."""
    async with a_house(tmp_path) as (house, file), house.program(who) as program:
        await until_listed(program, [TOPIC])
        answer = await program.post(f"{V}/devices/claims", json=CLAIM)
        assert answer.status_code == 201, answer.text
        made = answer.json()
        assert (made["home"], made["kind"], made["room"]) == ("h0317", "smoke", "kitchen")
        text = file.read_text(encoding="utf-8")
        assert TOPIC in text.splitlines()[made["line"] - 1]
        assert len(text.splitlines()) == len(SITE.splitlines()) + 1
        await until_listed(program, [])
        devices = (await program.get(f"{V}/devices")).json()["items"]
        assert made["device"] in {d["id"] for d in devices}
        site: Site = house.state.picture.registry.site
        message = Message(TOPIC, b'{"smoke":true}', NOON + timedelta(minutes=1))
        [report] = Normalizer(Registry(site)).normalize(message)
        assert isinstance(report, Report)
        assert (report.home, report.device, report.values) == ("h0317", made["device"], {"smoke": True})


async def test_a_second_claim_of_the_same_is_a_conflict(tmp_path: Path) -> None:
    """The slower of two is told whose it is."""
    async with a_house(tmp_path) as (house, file), house.program("operator") as program:
        first, second = await asyncio.gather(
            *(program.post(f"{V}/devices/claims", json=CLAIM) for _ in range(2))
        )
        codes = sorted(((first.status_code, first), (second.status_code, second)), key=lambda one: one[0])
        assert [code for code, _ in codes] == [201, 409]
        assert codes[1][1].json()["reason"] == "already_claimed"
        assert codes[0][1].json()["device"] in codes[1][1].json()["detail"]
        assert file.read_text(encoding="utf-8").count(TOPIC) == 1


@pytest.mark.parametrize(
    ("change", "status", "reason"),
    [
        ({"home": "nobody"}, 422, "unknown_home"),
        ({"kind": "toaster"}, 422, "invalid"),
        ({"resident": "nobody"}, 422, "refused"),
        ({"id": "sos-0317"}, 422, "refused"),
        ({"topic": "zigbee2mqtt/+/x"}, 422, "refused"),
        ({"topic": ""}, 422, "invalid"),
    ],
)
async def test_what_cannot_be_claimed_changes_nothing(
    tmp_path: Path, change: dict[str, str], status: int, reason: str
) -> None:
    """Each with its reason; the file stays as it was, byte for byte."""
    async with a_house(tmp_path) as (house, file), house.program("operator") as program:
        answer = await program.post(f"{V}/devices/claims", json={**CLAIM, **change})
        assert (answer.status_code, answer.json()["reason"]) == (status, reason), answer.text
        assert file.read_text(encoding="utf-8") == SITE
        assert len(read_site(SITE).homes) == len(house.state.picture.registry.homes)


async def test_a_faulty_file_is_named_with_its_line(tmp_path: Path) -> None:
    """Somebody is in the middle of editing it."""
    async with a_house(tmp_path) as (house, file), house.program("operator") as program:
        file.write_text(SITE + "nonsense: {\n", encoding="utf-8")
        answer = await program.post(f"{V}/devices/claims", json=CLAIM)
        assert answer.status_code == 422
        assert "site.yaml: line" in answer.json()["detail"]


async def test_who_may_not_and_where_there_is_no_file(tmp_path: Path) -> None:
    """Families, responders and auditors may not; without a site file in the settings it is said."""
    async with a_house(tmp_path) as (house, _):
        for name in ("wu", "he", "auditor", "drifter"):
            async with house.program(name) as program:
                assert (await program.post(f"{V}/devices/claims", json=CLAIM)).status_code == 403
        house.state.claim = None
        async with house.program("operator") as program:
            answer = await program.post(f"{V}/devices/claims", json=CLAIM)
            assert (answer.status_code, answer.json()["reason"]) == (503, "unavailable")


async def test_a_claim_while_the_stream_is_away_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is in the file and could not be loaded: the answer says so, and the same again later finds it there."""
    async with a_house(tmp_path) as (house, file), house.program("operator") as program:

        async def away(*_: object, **__: object) -> None:
            raise Temporary("the stream is away")

        with monkeypatch.context() as patched:
            patched.setattr("anxin.wiring.load_site", away)
            answer = await program.post(f"{V}/devices/claims", json=CLAIM)
            assert answer.status_code == 503
        text = file.read_text(encoding="utf-8")
        assert TOPIC in text
        again = await program.post(f"{V}/devices/claims", json=CLAIM)
        assert again.status_code == 201
        assert TOPIC in text.splitlines()[again.json()["line"] - 1]
        assert file.read_text(encoding="utf-8") == text
        await until_listed(program, [])
