"""Photographs of a scene, by whoever went there: taken on the phone, kept with the case, gone when they have to be.

`decoded` really decodes what was sent and draws it anew, so that nothing but the picture is kept (no place, no device, no
thumbnail) and nothing that is no picture. `Scenes` keeps them in a folder for each case, each with a line of who and when.
`routes` are the ways in; `look_after` deletes for good what nobody may keep any longer: the residents withdrew their
agreement, or the case itself is no longer kept. Whoever lives there agreed to photographs for the centre
(`consent: {photo: [centre]}`), all of them; silence is no agreement, and a danger is no reason to take pictures.
A picture never comes into a log, a topic, the stream or a message; that there is one stands in the case.
"""

from __future__ import annotations

import asyncio
import io
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response
from structlog import get_logger

from alerts.orders import NotAllowed, Order
from alerts.proposing import SERVICE
from care.errors import Temporary
from care.ids import content_id, iso
from care.site import Registry
from care.words import Command
from dashboard_api import access, shapes
from dashboard_api.asking import moment, signed_in
from dashboard_api.house import House
from dashboard_api.people import Who
from dashboard_api.photos import Ledger, NoPicture, Photos, written
from dashboard_api.picture import Case
from dashboard_api.problems import Problem, Why
from dashboard_api.redact import Json

log = get_logger("api")

V = access.V
SIDE = 1600
"""Pixels of the longer side as it is kept: a label on a boiler can be read, a face in the background not much."""
MOST_SIDE = 6000
MOST_PIXELS = 16_000_000
"""Of what is decoded at all: 48 MB of memory at most, and twice that while it is turned."""
QUALITY = 82
MOST = 12
"""Photographs of one case."""
LATE = timedelta(hours=24)
"""How long after its end a case still takes a photograph that waited on a phone for a network (domain P-03)."""
LOOK_SECONDS = 1.0
OLD_EVERY = timedelta(hours=1)


def decoded(data: bytes) -> bytes:
    """The picture of a JPEG, drawn anew and not larger than `SIDE`, and nothing else of it. Raises NoPicture."""
    from PIL import Image, ImageOps  # noqa: PLC0415 - 5 MB of code that only a picture needs

    try:
        with Image.open(io.BytesIO(data), formats=["JPEG"]) as image:
            width, height = image.size
            if width > MOST_SIDE or height > MOST_SIDE or width * height > MOST_PIXELS:
                raise NoPicture(
                    f"this picture is too large ({width} by {height}); make it smaller and send that"
                )
            image.draft("RGB", (SIDE, SIDE))  # decodes at a half, a quarter …, never below what is kept
            image.load()
            upright = ImageOps.exif_transpose(image).convert("RGB")
            upright.thumbnail((SIDE, SIDE))
            out = io.BytesIO()
            # From the bare pixels: whatever the file said besides stays behind.
            Image.frombytes("RGB", upright.size, upright.tobytes()).save(
                out, "JPEG", quality=QUALITY, optimize=True
            )
    except NoPicture:
        raise
    except (
        Exception
    ) as error:  # a decoder of foreign bytes may raise anything; that it is refused is all we know
        raise NoPicture("this is no whole JPEG picture; take it again and send that") from error
    return out.getvalue()


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """One photograph, without the picture."""

    id: str
    alert: str
    home: str
    by: str
    """Who took it: a member of staff."""
    at: datetime
    """When it was taken, as the phone says, by the service's clock."""
    received_at: datetime
    size: int
    digest: str
    """SHA-256 of the file."""


class Scenes:
    """The folder `cases` among the photographs. Without one there are none."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder / "cases" if folder is not None else None
        self.ledger = Ledger(folder)
        self._known: dict[str, dict[str, Scene]] = {}
        self._read()

    @property
    def kept(self) -> bool:
        """Whether there is a folder to keep any in."""
        return self._folder is not None

    def _read(self) -> None:
        if self._folder is None or not self._folder.is_dir():
            return
        for file in sorted(self._folder.glob("*/*.json")):
            try:
                scene = msgspec.json.decode(file.read_bytes(), type=Scene)
            except (OSError, msgspec.MsgspecError):
                log.warning("scene_unreadable", file=file.name)
                continue
            self._known.setdefault(scene.alert, {})[scene.id] = scene

    def of(self, alert: str) -> list[Scene]:
        """Those of a case, in the order in which they were taken."""
        return sorted(self._known.get(alert, {}).values(), key=lambda one: (one.at, one.id))

    def all(self) -> list[Scene]:
        """Every one."""
        return [one for known in list(self._known.values()) for one in list(known.values())]

    def get(self, alert: str, photo: str) -> Scene | None:
        """One of a case."""
        return self._known.get(alert, {}).get(photo)

    def _file(self, scene: Scene, kind: str) -> Path:
        assert self._folder is not None
        return self._folder / scene.alert / f"{scene.id}.{kind}"

    def read(self, scene: Scene) -> bytes | None:
        """The picture; None when its file is gone."""
        try:
            return self._file(scene, "jpg").read_bytes()
        except FileNotFoundError:
            return None

    def put(self, scene: Scene, picture: bytes) -> None:
        """Keep one: the picture first, then the line that says that it is there. Raises OSError."""
        if self._folder is None:
            raise OSError("there is no folder for photographs")
        written(self._file(scene, "jpg"), picture)
        written(self._file(scene, "json"), msgspec.json.encode(scene))
        self._known.setdefault(scene.alert, {})[scene.id] = scene

    def remove(self, scene: Scene, *, by: str, why: str, now: datetime) -> None:
        """Delete one for good; the line of who, when and why stays. Raises OSError, and then it is tried again."""
        # The line first: better said twice than deleted unsaid.
        self.ledger.deleted(
            now,
            kind="scene",
            of=scene.alert,
            photo=scene.id,
            digest=scene.digest,
            taken_by=scene.by,
            by=by,
            why=why,
        )
        for kind in ("jpg", "json"):
            self._file(scene, kind).unlink(missing_ok=True)
        self._known.get(scene.alert, {}).pop(scene.id, None)
        if not self._known.get(scene.alert):
            self._known.pop(scene.alert, None)
            folder = self._file(scene, "jpg").parent
            if not any(folder.iterdir()):
                folder.rmdir()
        log.info("scene_photo_deleted", alert=scene.alert, photo=scene.id, by=by, why=why)


def agreed(registry: Registry, home: str) -> bool:
    """Whether everybody who lives there agreed to photographs for the centre; a home without a resident did not."""
    known = registry.homes.get(home)
    return known is not None and access.may_photograph(known.residents)


def listed(scenes: Scenes, house: House, alert: str) -> list[Json]:
    """The photographs of a case as its JSON names them."""
    return [
        {"id": one.id, "by": one.by, "by_name": house.name_of(one.by), "at": iso(one.at)}
        for one in scenes.of(alert)
    ]


def fields(scenes: Scenes, house: House, alert: str, home: str) -> Json:
    """What a case's JSON says about photographs."""
    return {
        "photos": listed(scenes, house, alert),
        "photos_agreed": scenes.kept and agreed(house.picture.registry, home),
    }


def routes(house: House, scenes: Scenes) -> APIRouter:
    """Send one, look at one, delete one."""
    router = APIRouter()

    async def case_of(alert: str, who: Who) -> Case:
        """A case whose photographs somebody may see; one that is none of theirs does not exist for them."""
        view = access.view_of(who.role) or "none"
        case = await house.find(alert)
        if case is None or house.alert_for(case, house.viewer(who.user, view)) is None:
            raise Problem(404, Why.unknown_alert, "没有这个告警")
        return case

    def going(case: Case, who: Who) -> bool:
        own = case.alert.responder(who.user.staff or "")
        return own is not None and own.state in ("accepted", "departed", "arrived")

    def may_see(case: Case, who: Who) -> None:
        home = house.picture.registry.homes.get(case.alert.home)
        residents = home.residents if home is not None else []
        if who.role in access.STAFF:
            if not (going(case, who) and case.alert.open):
                raise Problem(403, Why.forbidden, "任务进行中才能查看现场照片")
            allowed = access.may_photograph(residents)
        else:
            allowed = bool(residents) and all(access.may_see_photo(who.role, one) for one in residents)
        if not allowed:
            raise Problem(403, Why.no_consent, "老人没有同意使用照片")

    def one_of(case: Case, photo: str) -> Scene:
        scene = scenes.get(case.alert.id, photo)
        if scene is None:
            raise Problem(404, Why.not_found, "没有这张照片")
        return scene

    async def noted(case: Case, order: Order) -> None:
        """Into the case's own log, which tells every screen; the photograph stands whether or not that goes."""
        try:
            await house.carry_out(case, order)
        except (NotAllowed, Temporary) as error:
            log.warning("scene_photo_not_noted", alert=case.alert.id, error=type(error).__name__)
            house.announce(case)

    @router.post(
        f"{V}/alerts/{{alert}}/photos",
        response_model=shapes.ScenePhoto,
        response_model_exclude_unset=True,
        responses={409: {"model": shapes.ProblemBody}, 413: {"model": shapes.ProblemBody}},
        tags=["alerts"],
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}},
            }
        },
    )
    async def send(
        alert: str,
        request: Request,
        who: Annotated[Who, Depends(signed_in)],
        taken_at: Annotated[str | None, Query(max_length=40, description="RFC 3339; default: now")] = None,
    ) -> Json:
        """A photograph of the scene: a JPEG of at most 1 MB, by whoever accepted to go. The same one sent again is one.

        It is drawn anew (at most 1600 pixels a side): what a camera writes beside the picture is not kept.
        """
        case = await case_of(alert, who)
        at = moment("taken_at", taken_at)
        if not going(case, who):
            raise Problem(403, Why.forbidden, "接受任务后才能上传现场照片")
        now = house.clock.now()
        if case.alert.closed_at is not None and now - case.alert.closed_at > LATE:
            raise Problem(409, Why.not_open, "结案已超过 24 小时，不再收照片")
        if not agreed(house.picture.registry, case.alert.home):
            raise Problem(403, Why.no_consent, "老人没有同意拍照")
        taken = now if at is None or not now - LATE <= at <= now else at
        by = who.user.staff or who.by
        data = await request.body()
        name = content_id("scene", case.alert.id, by, data)
        known = scenes.get(case.alert.id, name)
        if known is None:
            if len(scenes.of(case.alert.id)) >= MOST:
                raise Problem(409, Why.too_much, f"一条告警最多 {MOST} 张照片，请先删掉不要的")
            known = await _kept(scenes, case, name, data, by=by, at=taken, now=now)
            zone = house.picture.registry.zone
            words = f"现场照片 1 张，拍于 {taken.astimezone(zone):%H:%M}"
            await noted(case, Order(command=Command.note, actor=who.by, key=f"scene:{name}", note=words))
        return next(one for one in listed(scenes, house, case.alert.id) if one["id"] == known.id)

    @router.get(
        f"{V}/alerts/{{alert}}/photos/{{photo}}",
        response_class=Response,
        responses={200: {"content": {"image/jpeg": {}}}},
        tags=["alerts"],
    )
    async def look(alert: str, photo: str, who: Annotated[Who, Depends(signed_in)]) -> Response:
        """One photograph of a case, for those who may see the case and for whom the residents agreed."""
        case = await case_of(alert, who)
        may_see(case, who)
        scene = one_of(case, photo)
        data = await asyncio.to_thread(scenes.read, scene)
        if data is None:
            raise Problem(404, Why.not_found, "没有这张照片")
        log.info("scene_photo_read", by=who.by, role=who.role.value, alert=case.alert.id, photo=scene.id)
        return Response(data, media_type="image/jpeg")

    @router.delete(f"{V}/alerts/{{alert}}/photos/{{photo}}", status_code=204, tags=["alerts"])
    async def remove(alert: str, photo: str, who: Annotated[Who, Depends(signed_in)]) -> None:
        """Delete one for good: the desk any, whoever took it their own while they are on the case."""
        case = await case_of(alert, who)
        scene = one_of(case, photo)
        if who.role in access.STAFF and not (
            scene.by == who.user.staff and going(case, who) and case.alert.open
        ):
            raise Problem(403, Why.forbidden, "只能删除自己拍的照片")
        await _gone(house, scenes, scene, by=who.by, why="asked")

    return router


async def _kept(
    scenes: Scenes, case: Case, name: str, data: bytes, *, by: str, at: datetime, now: datetime
) -> Scene:
    try:
        picture = await asyncio.to_thread(decoded, data)
    except NoPicture as error:
        raise Problem(422, Why.invalid, f"photo: {error}", fields=["photo"]) from None
    scene = Scene(
        id=name, alert=case.alert.id, home=case.alert.home, by=by, at=at, received_at=now, size=len(picture),
        digest=Ledger.digest(picture),
    )  # fmt: skip
    try:
        await asyncio.to_thread(scenes.put, scene, picture)
    except OSError as error:
        log.warning("scene_photo_not_kept", alert=case.alert.id, error=error.strerror or str(error))
        raise Problem(503, Why.failed, "照片没有存下来，请管理员检查照片文件夹") from None
    log.info("scene_photo_kept", by=by, alert=case.alert.id, photo=name, bytes=len(picture))
    return scene


_WHY = {"asked": "现场照片 1 张已删除", "withdrawn": "老人收回了对照片的同意，现场照片 1 张已删除"}
"""What the case's log says; of photographs that go with the case nothing more is said in it."""


async def _gone(house: House, scenes: Scenes, scene: Scene, *, by: str, why: str) -> None:
    """Delete one and write that into the case."""
    try:
        await asyncio.to_thread(scenes.remove, scene, by=by, why=why, now=house.clock.now())
    except OSError as error:
        log.warning("scene_photo_not_deleted", photo=scene.id, error=error.strerror or str(error))
        raise Problem(503, Why.failed, "照片没有删除，请管理员检查照片文件夹") from None
    if why not in _WHY:
        return
    try:
        case = await house.find(scene.alert) or await house.read_case(scene.home, scene.alert)
        if case is not None:
            order = Order(command=Command.note, actor=by, key=f"scene-gone:{scene.id}", note=_WHY[why])
            await house.carry_out(case, order)
    except (NotAllowed, Temporary) as error:
        log.warning("scene_photo_not_noted", alert=scene.alert, error=type(error).__name__)


async def withdrawn(house: House, photos: Photos, scenes: Scenes) -> None:
    """Delete for good what the residents no longer agree to: their own photographs and those of their home.

    Whom the site file no longer names is not among them: a wrong file must not delete anything (`left`).
    """
    registry = house.picture.registry
    for name in await asyncio.to_thread(photos.names):
        found = registry.residents.get(name)
        if found is not None and not (found[1].consent or {}).get("photo"):
            photos.forget(name, by=SERVICE, why="withdrawn", now=house.clock.now())
    for scene in scenes.all():
        if scene.home in registry.homes and not agreed(registry, scene.home):
            await _gone(house, scenes, scene, by=SERVICE, why="withdrawn")


async def left(house: House, photos: Photos) -> None:
    """Delete the pictures of residents whom the site file has not named for `GRACE`."""
    now = house.clock.now()
    try:
        for name in await asyncio.to_thread(photos.unnamed, house.picture.registry.residents, now):
            await asyncio.to_thread(photos.forget, name, by=SERVICE, why="left", now=now)
    except OSError as error:  # again within the hour
        log.warning("photo_not_deleted", error=error.strerror or str(error))


async def outlived(house: House, scenes: Scenes) -> None:
    """Delete the photographs of cases that ended so long ago that the cases themselves are no longer kept."""
    now = house.clock.now()
    before = now - house.kept.cases
    for scene in scenes.all():
        if scene.received_at >= before:
            continue
        case = await house.find(scene.alert) or await house.read_case(scene.home, scene.alert)
        if case is None or (case.alert.closed_at is not None and case.alert.closed_at < before):
            await _gone(house, scenes, scene, by=SERVICE, why="retention")


async def look_after(house: House, photos: Photos, scenes: Scenes) -> None:
    """Both, for ever: within a second of a change of who agreed, and every hour for what is too old."""
    seen: Registry | None = None
    looked_at: datetime | None = None
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        if not (scenes.kept and house.registered.is_set() and house.caught_up.is_set()):
            continue
        now, registry = house.clock.now(), house.picture.registry
        if registry is not seen:
            await withdrawn(house, photos, scenes)
            await left(house, photos)
            seen = registry
        if looked_at is None or now - looked_at >= OLD_EVERY:
            await left(house, photos)
            await outlived(house, scenes)
            looked_at = now
