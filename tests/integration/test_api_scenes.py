"""Photographs of a scene: whose, for whom, of what size, with nothing beside the picture, and gone when they must be."""

import asyncio
import io
import json

import msgspec
import pytest
import structlog
from PIL import Image

from care.ages import Ages
from care.site import Registry
from care.sitefile import read_site
from care.stream import REGISTRY
from dashboard_api.photos import NoPicture
from dashboard_api.scenes import SIDE, decoded
from tests.integration.test_api_house import CLOSING, SITE, House, V, smoke
from tests.integration.test_api_photos import agreeing

AGREEING = agreeing()
SECRET = b"GPS 29.9532 121.7104 taken by 13800000921"


def jpeg(width=640, height=480, *, colour=(120, 130, 140), turned=1, quality=85):
    """A JPEG as a camera writes it: with EXIF, a comment and something behind its end."""
    image = Image.new("RGB", (width, height), colour)
    image.paste(
        (200, 40, 40), (0, 0, width // 4, height // 4)
    )  # the corner by which one sees how it is turned
    exif = Image.Exif()
    exif[0x0112] = turned
    exif[0x010F] = "13800000921"
    exif.get_ifd(0x8825)[1] = "N"
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality, exif=exif, comment=SECRET)
    return out.getvalue() + SECRET


@pytest.fixture
def house(tmp_path):
    return House(site=AGREEING, photos=tmp_path / "photos")


async def told(client, alert, command, **body):
    """Somebody does something about a case, as they see it."""
    version = (await client.get(f"{V}/alerts/{alert}")).json()["version"]
    answer = await client.post(f"{V}/alerts/{alert}/{command}", json={"version": version, **body})
    assert answer.status_code == 200, answer.text


async def going(house, *, until="accept"):
    """A smoke alarm to which s07 goes; gives its id."""
    alert = await house.raised(smoke())
    async with house.program("operator") as desk:
        await told(desk, alert, "dispatch", responders=["s07"])
    async with house.program("responder") as phone:
        for step in ("accept", "depart", "arrive"):
            await told(phone, alert, step)
            if step == until:
                break
    await house.settled()
    return alert


def of(alert, photo=""):
    return f"{V}/alerts/{alert}/photos" + (f"/{photo}" if photo else "")


JPEG = {"content-type": "image/jpeg"}


def ledger(tmp_path):
    file = tmp_path / "photos" / "deleted.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def test_nothing_but_the_picture_is_left():
    """Place, telephone, comment, whatever hangs behind the end: gone; and the picture stands upright and is small."""
    kept = decoded(jpeg(2400, 1200, turned=6))
    assert b"GPS" not in kept
    assert b"13800000921" not in kept
    assert b"Exif" not in kept
    with Image.open(io.BytesIO(kept)) as image:
        assert dict(image.getexif()) == {}
        assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
        assert image.size == (SIDE // 2, SIDE)
        red, _green, blue = image.getpixel((SIDE // 2 - 10, 10))  # turned by 90°: top left is top right now
        assert red > 180 > 80 > blue


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"no picture",
        b"<svg onload=alert(1)>",
        b"\xff\xd8\xff",
        jpeg()[:400],
        jpeg()[:-3000],
        b"GIF89a" + jpeg(),
    ],
    ids=["empty", "words", "svg", "head only", "cut in the head", "cut in the picture", "another kind"],
)
def test_what_is_no_whole_jpeg_is_refused(bad):
    """By decoding it, not by looking at its first bytes."""
    with pytest.raises(NoPicture):
        decoded(bad)


def test_a_picture_of_another_kind_and_one_too_large_to_decode_are_refused():
    """A PNG is not asked for; a bomb is refused by its head, before anything is decoded."""
    png = io.BytesIO()
    Image.new("RGB", (10, 10)).save(png, "PNG")
    with pytest.raises(NoPicture):
        decoded(png.getvalue())
    head = bytearray(jpeg(64, 64))
    at = head.index(b"\xff\xc0")
    head[at + 5 : at + 9] = b"\x17\x00\x17\x00"  # says that it is 5888 by 5888
    with pytest.raises(NoPicture, match="too large"):
        decoded(bytes(head))


async def test_whoever_goes_sends_one_and_the_desk_sees_it_with_who_and_when(house, tmp_path):
    """It stands in the case for the desk and for whoever goes; for the doctor, the family and a passer-by it does not."""
    with structlog.testing.capture_logs() as logs:
        async with house, house.program("responder") as phone, house.program("operator") as desk:
            alert = await going(house)
            sent = await phone.post(
                of(alert), content=jpeg(), headers=JPEG, params={"taken_at": "2026-05-23T04:06:00Z"}
            )
            assert sent.status_code == 200, sent.text
            photo = sent.json()
            assert (photo["by_name"], photo["at"]) == ("林国平", "2026-05-23T04:06:00.000Z")
            await house.settled()
            for who in (desk, phone):
                seen = (await who.get(f"{V}/alerts/{alert}")).json()
                assert (seen["photos"], seen["photos_agreed"]) == ([photo], True)
                shown = await who.get(of(alert, photo["id"]))
                assert (shown.status_code, shown.headers["content-type"]) == (200, "image/jpeg")
                assert shown.headers["cache-control"] == "no-store"
                assert SECRET not in shown.content
            notes = [
                e for e in (await desk.get(f"{V}/alerts/{alert}/events")).json()["items"] if e.get("note")
            ]
            assert [(e["by"], e["note"]) for e in notes] == [("s07", "现场照片 1 张，拍于 12:06")]
            # again, because the answer was lost: still one
            again = await phone.post(of(alert), content=jpeg(), headers=JPEG)
            assert again.json()["id"] == photo["id"]
            await house.settled()
            assert len((await desk.get(f"{V}/alerts/{alert}")).json()["photos"]) == 1
            for name, status in (
                ("doctor", 403), ("he", 404), ("family", 403), ("admin", 403), ("auditor", 403), ("mender", 403),
            ):  # fmt: skip
                async with house.program(name) as other:
                    assert (await other.get(of(alert, photo["id"]))).status_code == status, name
            async with house.program("family") as family:
                assert "photos" not in (await family.get(f"{V}/alerts/{alert}")).json()
    looks = [(line["by"], line["photo"]) for line in logs if line["event"] == "scene_photo_read"]
    assert looks == [("s01", photo["id"]), ("s07", photo["id"])]
    files = sorted(p.name for p in (tmp_path / "photos" / "cases" / alert).iterdir())
    assert files == [f"{photo['id']}.jpg", f"{photo['id']}.json"]


async def test_who_does_not_go_sends_none_and_neither_where_somebody_did_not_agree(house):
    """Offered is not accepted; the desk has no camera; silence is no agreement; too much is too much."""
    async with house, house.program("responder") as phone, house.program("operator") as desk:
        alert = await house.raised(smoke())
        await told(desk, alert, "dispatch", responders=["s07"])
        await house.settled()
        assert (await phone.post(of(alert), content=jpeg(), headers=JPEG)).json()["reason"] == "forbidden"
        assert (await desk.post(of(alert), content=jpeg(), headers=JPEG)).json()["reason"] == "forbidden"
        await told(phone, alert, "accept")
        bad = await phone.post(of(alert), content=b"<svg>", headers=JPEG)
        assert bad.status_code == 422
        assert bad.json()["detail"] == "photo: this is no whole JPEG picture; take it again and send that"
        assert (await phone.post(of(alert), content=bytes(1_000_001), headers=JPEG)).status_code == 413
        assert (await phone.post(of("nothing"), content=jpeg(), headers=JPEG)).status_code == 404
        for n in range(12):
            sent = await phone.post(of(alert), content=jpeg(32, 32, colour=(n, n, n)), headers=JPEG)
            assert sent.status_code == 200
        many = await phone.post(of(alert), content=jpeg(32, 32, colour=(99, 0, 0)), headers=JPEG)
        assert (many.status_code, many.json()["reason"]) == (409, "too_much")


async def test_without_agreement_none_is_taken(tmp_path):
    """The case says so beforehand, and the service does not take one all the same."""
    async with House(photos=tmp_path / "photos") as house, house.program("responder") as phone:
        alert = await going(house)
        assert (await phone.get(f"{V}/alerts/{alert}")).json()["photos_agreed"] is False
        refused = await phone.post(of(alert), content=jpeg(), headers=JPEG)
        assert (refused.status_code, refused.json()["reason"]) == (403, "no_consent")
    assert not (tmp_path / "photos" / "cases").exists()


async def test_one_that_waited_for_a_network_is_taken_until_a_day_after_the_end(house):
    """Whoever was there sees none of it any more once the case is closed; what they took is not lost."""
    async with house, house.program("responder") as phone, house.program("operator") as desk:
        alert = await going(house, until="arrive")
        first = (await phone.post(of(alert), content=jpeg(), headers=JPEG)).json()
        await told(desk, alert, "close", **CLOSING)
        await house.settled()
        assert (await phone.get(of(alert, first["id"]))).status_code in (403, 404)
        house.clock.advance(Ages().readings / 60)  # half a day
        late = await phone.post(of(alert), content=jpeg(colour=(1, 2, 3)), headers=JPEG)
        assert late.status_code == 200, late.text
        await house.settled()
        assert len((await desk.get(f"{V}/alerts/{alert}")).json()["photos"]) == 2
        house.clock.advance(Ages().readings / 30)
        too_late = await phone.post(of(alert), content=jpeg(colour=(3, 2, 1)), headers=JPEG)
        assert (too_late.status_code, too_late.json()["reason"]) == (409, "not_open")


async def test_a_deleted_one_is_gone_and_the_line_of_it_stays(house, tmp_path):
    """By who took it or by the desk: no file is left; who, when and why stand in the ledger and in the case."""
    async with house, house.program("responder") as phone, house.program("operator") as desk:
        alert = await going(house)
        ids = [
            (await phone.post(of(alert), content=jpeg(colour=(n * 80, 9, 9)), headers=JPEG)).json()["id"]
            for n in (1, 2)
        ]
        assert (await phone.delete(of(alert, ids[0]))).status_code == 204
        assert (await desk.delete(of(alert, ids[1]))).status_code == 204
        assert (await desk.delete(of(alert, ids[1]))).status_code == 404
        await house.settled()
        seen = (await desk.get(f"{V}/alerts/{alert}")).json()
        assert seen["photos"] == []
        notes = [
            e["note"] for e in (await desk.get(f"{V}/alerts/{alert}/events")).json()["items"] if e.get("note")
        ]
        assert notes.count("现场照片 1 张已删除") == 2
    assert list((tmp_path / "photos" / "cases").iterdir()) == []
    assert [(line["photo"], line["by"], line["why"]) for line in ledger(tmp_path)] == [
        (ids[0], "s07", "asked"),
        (ids[1], "s01", "asked"),
    ]


async def gone(folder, seconds=20):
    """Wait until there is no picture left below a folder."""
    async with asyncio.timeout(seconds):
        while [*folder.rglob("*.jpg"), *folder.rglob(".*.new")]:
            await asyncio.sleep(0.02)


async def test_a_withdrawn_agreement_deletes_every_picture_for_good(house, tmp_path, monkeypatch):
    """Of the resident and of the scene, also of a case long closed; the line of it stays, in the ledger and in the case."""
    monkeypatch.setattr("dashboard_api.scenes.LOOK_SECONDS", 0.02)
    folder = tmp_path / "photos"
    async with house, house.program("responder") as phone, house.program("operator") as desk:
        alert = await going(house, until="arrive")
        photo = (await phone.post(of(alert), content=jpeg(), headers=JPEG)).json()["id"]
        await desk.put(f"{V}/residents/r0317/photo", content=decoded(jpeg(64, 64)), headers=JPEG)
        await told(desk, alert, "close", **CLOSING)
        await house.settled()
        await asyncio.sleep(0.2)
        assert len(list(folder.rglob("*.jpg"))) == 2, "nothing goes while they agree"
        registry = Registry(read_site(SITE))
        await house.stream.put(REGISTRY, "site", msgspec.json.encode(registry.site))
        await gone(folder)
        await house.settled()
        assert (await desk.get(of(alert, photo))).status_code in (403, 404)
        events = (await desk.get(f"{V}/alerts/{alert}/events")).json()["items"]
        assert [(e["by"], e["note"]) for e in events if "收回" in (e.get("note") or "")] == [
            ("anxin", "老人收回了对照片的同意，现场照片 1 张已删除")
        ]
        # agreeing again brings nothing back
        await house.stream.put(REGISTRY, "site", msgspec.json.encode(Registry(read_site(AGREEING)).site))
        await house.settled()
        assert (await desk.get(f"{V}/residents/r0317")).json()["photo"] == "none"
    assert sorted((line["kind"], line["of"], line["by"], line["why"]) for line in ledger(tmp_path)) == [
        ("resident", "r0317", "anxin", "withdrawn"),
        ("scene", alert, "anxin", "withdrawn"),
    ]
    assert all(len(line["digest"]) == 64 for line in ledger(tmp_path))


async def test_what_was_withdrawn_while_the_service_was_down_is_deleted_when_it_is_up(
    house, tmp_path, monkeypatch
):
    """The files are looked at against who agrees now, not only when that changes."""
    monkeypatch.setattr("dashboard_api.scenes.LOOK_SECONDS", 0.02)
    folder = tmp_path / "photos"
    async with house, house.program("responder") as phone:
        alert = await going(house)
        await phone.post(of(alert), content=jpeg(), headers=JPEG)
    (folder / "r0317.jpg").write_bytes(decoded(jpeg(64, 64)))
    (folder / "r9999.jpg").write_bytes(decoded(jpeg(64, 64)))
    after = House(photos=folder)
    after.stream = house.stream
    async with House(photos=folder):
        async with asyncio.timeout(20):
            while {p.name for p in folder.rglob("*.jpg")} != {"r9999.jpg"}:
                await asyncio.sleep(0.02)
    assert {line["of"] for line in ledger(tmp_path)} == {"r0317", alert}


async def test_photographs_go_with_their_case(tmp_path, monkeypatch):
    """Three years after the end as a rule; those of a case that is open or ended later stay."""
    monkeypatch.setattr("dashboard_api.scenes.LOOK_SECONDS", 0.02)
    folder = tmp_path / "photos"
    async with House(site=AGREEING, photos=folder) as house:
        async with house.program("responder") as phone, house.program("operator") as desk:
            alert = await going(house, until="arrive")
            await phone.post(of(alert), content=jpeg(), headers=JPEG)
            await house.settled()
            house.clock.advance(Ages().cases * 1.01)
            await asyncio.sleep(0.3)
            assert len(list(folder.rglob("*.jpg"))) == 1, "an open case keeps its photographs"
        async with house.program("operator") as desk:
            await told(desk, alert, "close", **CLOSING)
            await house.settled()
            house.clock.advance(Ages().cases * 0.9)
            await asyncio.sleep(0.3)
            assert len(list(folder.rglob("*.jpg"))) == 1, "so does one that ended less than three years ago"
        house.clock.advance(Ages().cases * 0.2)
        await gone(folder)
    assert [(line["of"], line["why"]) for line in ledger(tmp_path)] == [(alert, "retention")]


async def test_what_is_kept_is_known_after_a_restart(tmp_path):
    """Who took it and when are kept beside the picture; half of one, from a crash between the two, is none."""
    folder = tmp_path / "photos"
    async with House(site=AGREEING, photos=folder) as house, house.program("responder") as phone:
        alert = await going(house)
        photo = (await phone.post(of(alert), content=jpeg(), headers=JPEG)).json()
        (folder / "cases" / alert / "half.jpg").write_bytes(b"x")
        (folder / "cases" / alert / "broken.json").write_bytes(b"{")
        stream = house.stream
    again = House(site=AGREEING, photos=folder)
    scenes = again.state.photos_of(alert, "h0317")
    assert [(one["id"], one["at"]) for one in scenes["photos"]] == [(photo["id"], photo["at"])]
    assert stream is not None
