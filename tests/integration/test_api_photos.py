"""What a resident looks like: for whom they agreed to it, without what a camera writes beside, and never in a log."""

import asyncio
import json
import struct
from datetime import datetime, timedelta

import msgspec
import pytest
import structlog

from care.messages import encode
from care.stream import REGISTRY
from dashboard_api.photos import GRACE, NoPicture, plain
from tests.integration.test_api_house import SITE, House, V
from tests.integration.test_api_repairs import until

PHOTO = f"{V}/residents/r0317/photo"
NO_CONSENT = f"{V}/residents/r0420/photo"


def segment(marker, body):
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


HEAD = b"\xff\xd8"
JFIF = segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")
EXIF = segment(0xE1, b"Exif\0\0GPS 29.9532 121.7104")
NOTE = segment(0xFE, b"taken by 13800000921")
TABLE = segment(0xDB, bytes(65))
SCAN = segment(0xDA, b"\1\1\0\0\x3f\0") + b"the picture itself \xff\x00" + b"\xff\xd9"
PICTURE = HEAD + JFIF + EXIF + TABLE + NOTE + SCAN + b"and what was hidden behind it"
PLAIN = HEAD + JFIF + TABLE + SCAN


def agreeing(site=SITE):
    """r0317 lets the centre see a photograph; the doctor not."""
    wanted = site.replace("family: [status]}}", "family: [status], photo: [centre]}, doctor: s10}")
    assert wanted != site
    return wanted


@pytest.fixture
def house(tmp_path, monkeypatch):
    monkeypatch.setattr("tests.integration.test_api_house.SITE", agreeing())
    return House(photos=tmp_path / "photos")


def test_what_a_camera_writes_beside_the_picture_is_left_out():
    """Place, time, device, comments and whatever hangs behind the end; the picture stays as it is."""
    assert plain(PICTURE) == PLAIN
    assert plain(PLAIN) == PLAIN


@pytest.mark.parametrize("cut", [*range(len(PLAIN)), 10_000])
def test_what_is_no_whole_picture_is_refused_and_nothing_else_happens(cut):
    """At every byte at which one may be cut off."""
    broken = PLAIN[:cut] if cut < len(PLAIN) else b"GIF89a" + PLAIN
    with pytest.raises(NoPicture):
        plain(broken)


async def test_a_photograph_is_kept_shown_and_forgotten(house, tmp_path):
    """The desk sends it and sees it; nobody else does: not the doctor who was not named, not whoever keeps the books."""
    with structlog.testing.capture_logs() as logs:
        async with house, house.program("operator") as desk, house.program("doctor") as doctor:
            assert (await desk.get(f"{V}/residents/r0317")).json()["photo"] == "none"
            assert (await desk.get(PHOTO)).status_code == 404
            sent = await desk.put(PHOTO, content=PICTURE, headers={"content-type": "image/jpeg"})
            assert sent.status_code == 204
            assert (await desk.get(f"{V}/residents/r0317")).json()["photo"] == "here"
            shown = await desk.get(PHOTO)
            assert (shown.content, shown.headers["content-type"]) == (PLAIN, "image/jpeg")
            assert shown.headers["cache-control"] == "no-store"
            refused = await doctor.get(PHOTO)
            assert (refused.status_code, refused.json()["reason"]) == (403, "no_consent")
            assert (await doctor.get(f"{V}/residents/r0317")).json()["photo"] == "no_consent"
            assert (await doctor.put(PHOTO, content=PICTURE)).status_code == 403
            async with house.program("admin") as admin:
                assert (await admin.get(PHOTO)).json()["reason"] == "forbidden"
                assert (await admin.get(f"{V}/residents/r0317")).json()["photo"] == "not_yours"
            assert (await desk.delete(PHOTO)).status_code == 204
            assert (await desk.get(PHOTO)).status_code == 404
    assert [file.name for file in (tmp_path / "photos").iterdir()] == ["deleted.jsonl"]
    looks = [line for line in logs if line["event"] == "photo_read"]
    assert [(line["resident"], line["role"]) for line in looks] == [("r0317", "operator")]
    assert "picture itself" not in str(logs)


async def test_without_agreement_there_is_no_photograph_whatever_lies_in_the_folder(house, tmp_path):
    """Silence is no agreement: neither taken nor shown. Forgetting is always allowed."""
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "r0420.jpg").write_bytes(PICTURE)
    async with house, house.program("operator") as desk:
        assert (await desk.get(f"{V}/residents/r0420")).json()["photo"] == "no_consent"
        assert (await desk.get(NO_CONSENT)).json()["reason"] == "no_consent"
        assert (await desk.put(NO_CONSENT, content=PICTURE)).json()["reason"] == "no_consent"
        assert (await desk.delete(NO_CONSENT)).status_code == 204
        assert not (folder / "r0420.jpg").exists()
        assert (await desk.get(f"{V}/residents/nobody/photo")).status_code == 404


async def test_one_that_was_put_into_the_folder_by_hand_is_shown_plain(house, tmp_path):
    """And one that is no picture, or too large to be one, is none."""
    folder = tmp_path / "photos"
    folder.mkdir()
    async with house, house.program("operator") as desk:
        (folder / "r0317.jpg").write_bytes(PICTURE)
        assert (await desk.get(PHOTO)).content == PLAIN
        for bad in (b"no picture", HEAD + bytes(1_000_001)):
            (folder / "r0317.jpg").write_bytes(bad)
            assert (await desk.get(PHOTO)).status_code == 404


async def test_what_is_no_picture_is_refused_in_one_sentence(house):
    """What, where, and what to do; the photograph before it stays."""
    async with house, house.program("operator") as desk:
        assert (await desk.put(PHOTO, content=PICTURE)).status_code == 204
        answer = await desk.put(PHOTO, content=b"<svg onload=alert(1)>")
        assert answer.status_code == 422
        assert answer.json()["detail"] == "photo: this is no JPEG picture; send one that is"
        assert (await desk.put(PHOTO, content=PICTURE + bytes(70_000))).status_code == 413
        assert (await desk.get(PHOTO)).content == PLAIN


async def test_without_a_folder_nothing_is_kept_and_it_is_said():
    """A service that was given none."""
    async with House() as house, house.program("operator") as desk:
        assert (await desk.get(f"{V}/residents/r0317")).json()["photo"] == "no_consent"


async def test_the_card_names_the_doctor_and_the_next_visit(house):
    """Who looks after them, and when somebody comes; without a plan there is no date."""
    async with house, house.program("operator") as desk:
        card = (await desk.get(f"{V}/residents/r0317")).json()
        assert card["doctor"] == {"id": "s10", "name": "王医生", "phone": ""}
        assert card["visit"] is None
        assert (await desk.get(f"{V}/residents/r0420")).json()["doctor"] is None


async def test_the_card_tells_an_overdue_visit_and_the_last_one(house, monkeypatch):
    """A week after a visit to somebody of the first tier the next is due, and a day later late."""
    planned = agreeing().replace("policy: {", "policy: {visits: {from: 2026-05-01}, ")
    monkeypatch.setattr("tests.integration.test_api_house.SITE", planned)
    async with House() as planned_house, planned_house.program("operator") as desk:
        card = (await desk.get(f"{V}/residents/r0317")).json()
        assert card["visit"] == {
            "due": "2026-05-08", "overdue": True, "last_at": None, "last_how": None, "last_by": None
        }  # fmt: skip
        await desk.post(f"{V}/residents/r0317/visits", json={"how": "phone"})
        await planned_house.settled()
        card = (await desk.get(f"{V}/residents/r0317")).json()
        assert (card["visit"]["due"], card["visit"]["overdue"]) == ("2026-05-30", False)
        assert (card["visit"]["last_how"], card["visit"]["last_by"]) == ("phone", "陈敏芝")


async def test_a_photograph_outlives_a_wrong_site_file_and_not_a_resident_who_left(
    house, tmp_path, monkeypatch
):
    """30 days from when they were missed, over a restart; said meanwhile; named again, the days begin anew."""
    monkeypatch.setattr("dashboard_api.scenes.LOOK_SECONDS", 0.02)
    folder = tmp_path / "photos"
    folder.mkdir(exist_ok=True)
    picture = folder / "r0317.jpg"
    picture.write_bytes(PLAIN)

    async def serve(there: bool) -> None:
        site = house.registry.site
        homes = [h for h in site.homes if there or h.id != "h0317"]
        await house.stream.put(REGISTRY, "site", encode(msgspec.structs.replace(site, homes=homes)))
        await until(lambda: ("r0317" in house.state.picture.registry.residents) is there)

    def missed() -> bool:
        kept = folder / "unnamed.json"
        return kept.exists() and "r0317" in kept.read_text()

    async with house, house.program("operator") as desk:
        await serve(False)
        await until(missed)
        began = house.clock.now()
        (leaving,) = (await desk.get(f"{V}/residents")).json()["photos_leaving"]
        on = (began + GRACE).astimezone(house.state.picture.registry.zone).date()
        assert leaving == {"resident": "r0317", "on": str(on)}
        house.clock.advance(GRACE - timedelta(hours=2))
        await serve(True)
        await until(lambda: not missed())
        async with house.program("operator") as later:  # whose sign-in is not a month old
            assert (await later.get(f"{V}/residents")).json()["photos_leaving"] == []
        house.clock.advance(timedelta(hours=3))
        await serve(False)
        await until(missed)
        assert picture.exists(), "named in between: the days begin anew"
    since = datetime.fromisoformat(json.loads((folder / "unnamed.json").read_text())["r0317"])
    after = House(photos=folder, now=since + GRACE - timedelta(minutes=1))
    after.registry = house.state.picture.registry
    async with after:
        await asyncio.sleep(0.3)
        assert picture.exists()
        after.clock.advance(timedelta(hours=1))
        await until(lambda: not picture.exists())
    line = json.loads((folder / "deleted.jsonl").read_text())
    assert (line["of"], line["by"], line["why"]) == ("r0317", "anxin", "left")
