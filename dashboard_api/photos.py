"""What a resident looks like: one JPEG each in a folder, for those to whom they agreed to show it.

`Photos` keeps them as `RESIDENT.jpg`: put there by hand, or sent by the desk. `plain` leaves out of a JPEG what a camera
writes beside the picture (place, time, device, a thumbnail); nothing else of it is read. `routes` are the ways in. When
a resident withdraws their agreement the file is deleted (`scenes.look_after`), and the `Ledger` keeps a line of it; the same
`GRACE` after the site file has ceased to name them (`unnamed`), for a file may have been emptied by mistake.
A picture never comes into a log, a topic, the stream or a message; that one was looked at does, like every look.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Collection
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response
from structlog import get_logger

from care.ids import iso
from care.site import Resident
from dashboard_api import access
from dashboard_api.asking import signed_in
from dashboard_api.house import House
from dashboard_api.people import Who
from dashboard_api.problems import Problem, Why

log = get_logger("api")

V = access.V
MOST_BYTES = 1_000_000
"""A file of the folder that is larger is not shown."""
GRACE = timedelta(days=30)
"""How long the picture of somebody whom the site file no longer names is kept: long enough to notice a wrong file."""
_KEEP = frozenset({0xE0, 0xEE})
"""APP0 (JFIF) and APP14 (how colours are meant); every other APPn, and comments, say who, where and when."""
_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})
"""Markers without a length."""


class NoPicture(ValueError):
    """It is no JPEG, or it is broken. The message is for a person."""


def plain(data: bytes) -> bytes:
    """A JPEG without what a camera writes beside the picture. Raises NoPicture."""
    if data[:2] != b"\xff\xd8":
        raise NoPicture("this is no JPEG picture; send one that is")
    out = bytearray(data[:2])
    at = 2
    while True:
        if at + 4 > len(data) or data[at] != 0xFF:
            raise NoPicture("this JPEG picture is broken; save it again and send that")
        marker = data[at + 1]
        if marker == 0xFF:  # filling
            at += 1
            continue
        if marker in _ALONE:
            at += 2
            continue
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if end > len(data) or end < at + 4:
            raise NoPicture("this JPEG picture is broken; save it again and send that")
        if marker == 0xDA:  # the picture itself, to its end and not beyond
            last = data.rfind(b"\xff\xd9")
            if last < end:
                raise NoPicture("this JPEG picture is cut off; send it again")
            return bytes(out + data[at : last + 2])
        told = 0xE0 <= marker <= 0xEF or marker == 0xFE
        if not told or marker in _KEEP:
            out += data[at:end]
        at = end


def written(file: Path, data: bytes) -> None:
    """Write a file whole or not at all, for the service alone. Raises OSError."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=".", suffix=".new")
    try:
        with os.fdopen(handle, "wb") as opened:
            opened.write(data)
            opened.flush()
            os.fsync(opened.fileno())
        Path(name).replace(file)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


class Ledger:
    """`deleted.jsonl` beside the photographs: one line for each that was deleted. It stays when they are gone.

    A line says when, whose or of which case, who took it, who deleted it, why (`asked`, `withdrawn`, `left`, `retention`), and the
    file's SHA-256, by which a copy that turns up elsewhere can be told. No name and nothing of the picture.
    """

    def __init__(self, folder: Path | None) -> None:
        self._file = folder / "deleted.jsonl" if folder is not None else None
        self._told: set[tuple[tuple[str, str], ...]] = set()

    @staticmethod
    def digest(data: bytes) -> str:
        """The name of a file's content."""
        return hashlib.sha256(data).hexdigest()

    def deleted(self, now: datetime, **line: str) -> None:
        """Add a line, durable when this returns; one that is said again because the deleting failed is there already.

        Raises OSError.
        """
        same = tuple(sorted(line.items()))
        if self._file is None or same in self._told:
            return
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._file.open("a", encoding="utf-8") as opened:
            opened.write(json.dumps({"at": iso(now), **line}, ensure_ascii=False) + "\n")
            opened.flush()
            os.fsync(opened.fileno())
        self._told.add(same)


class Photos:
    """The folder. Without one there are no pictures."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._ledger = Ledger(folder)
        self.unnamed_since = self._read_unnamed()
        """Residents of whom there is a picture and whom the site file does not name, and since when."""

    def _read_unnamed(self) -> dict[str, datetime]:
        """From `unnamed.json`; one that cannot be read begins anew: late is better than too early."""
        try:
            kept = json.loads((self._folder / "unnamed.json").read_text()) if self._folder is not None else {}
            return {str(name): datetime.fromisoformat(since) for name, since in kept.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, AttributeError) as error:
            log.warning("photos_unnamed_unreadable", error=type(error).__name__)
            return {}

    def unnamed(self, named: Collection[str], now: datetime) -> list[str]:
        """Keep since when somebody is not named any more; gives those for whom that is `GRACE` ago. Raises OSError.

        Who is named again, or of whom there is no picture, is not counted any more.
        """
        left = [name for name in self.names() if name not in named]
        since = {name: self.unnamed_since.get(name, now) for name in left}
        if since != self.unnamed_since and self._folder is not None:
            told = json.dumps({name: iso(at) for name, at in since.items()})
            written(self._folder / "unnamed.json", told.encode())
            self.unnamed_since = since
        return [name for name, at in since.items() if now - at >= GRACE]

    def names(self) -> list[str]:
        """Residents of whom there is one."""
        if self._folder is None or not self._folder.is_dir():
            return []
        return sorted(file.stem for file in self._folder.glob("*.jpg") if not file.name.startswith("."))

    def _file(self, resident: str) -> Path | None:
        return self._folder / f"{resident}.jpg" if self._folder is not None else None

    def has(self, resident: str) -> bool:
        """Whether there is one."""
        file = self._file(resident)
        return file is not None and file.is_file()

    def read(self, resident: str) -> bytes | None:
        """The picture; None when there is none, or none that can be shown."""
        file = self._file(resident)
        if file is None:
            return None
        try:
            with file.open("rb") as opened:
                data = opened.read(MOST_BYTES + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            log.warning("photo_unreadable", resident=resident, error=error.strerror)
            return None
        if len(data) > MOST_BYTES:
            log.warning("photo_too_large", resident=resident, most_bytes=MOST_BYTES)
            return None
        try:
            return plain(data)
        except NoPicture as error:
            log.warning("photo_unreadable", resident=resident, error=str(error))
            return None

    def put(self, resident: str, data: bytes) -> None:
        """Keep one in place of the one before. Raises NoPicture, and OSError when the folder cannot be written."""
        file = self._file(resident)
        if file is None:
            raise OSError("there is no folder for photographs")
        written(file, plain(data))

    def forget(self, resident: str, *, by: str, why: str, now: datetime) -> bool:
        """Delete one for good; whether there was one. The line of who, when and why stays. Raises OSError."""
        file = self._file(resident)
        if file is None or not file.exists():
            return False
        # The line first: better said twice than deleted unsaid.
        digest = Ledger.digest(file.read_bytes())
        self._ledger.deleted(now, kind="resident", of=resident, digest=digest, by=by, why=why)
        file.unlink(missing_ok=True)
        log.info("photo_deleted", resident=resident, by=by, why=why)
        return True


def standing(photos: Photos, who: Who, resident: Resident) -> str:
    """`here`, `none`, `no_consent` (the resident did not agree that this role sees one) or `not_yours` (no role of theirs does)."""
    if who.role not in access.PHOTO_READERS:
        return "not_yours"
    if not access.may_see_photo(who.role, resident):
        return "no_consent"
    return "here" if photos.has(resident.id) else "none"


def routes(house: House, photos: Photos) -> APIRouter:
    """Look at one, send one, forget one."""
    router = APIRouter()

    def agreed(name: str, who: Who) -> Resident:
        found = house.picture.registry.residents.get(name)
        if found is None:
            raise Problem(404, Why.unknown_resident, "没有这位老人")
        if not access.may_see_photo(who.role, found[1]):
            raise Problem(403, Why.no_consent, "老人没有同意使用照片")
        return found[1]

    @router.get(
        f"{V}/residents/{{resident}}/photo",
        response_class=Response,
        responses={200: {"content": {"image/jpeg": {}}}},
        tags=["residents"],
    )
    def photo(resident: str, who: Annotated[Who, Depends(signed_in)]) -> Response:
        """Their photograph, when there is one and they agreed that you see it."""
        agreed(resident, who)
        data = photos.read(resident)
        if data is None:
            raise Problem(404, Why.not_found, "没有照片")
        log.info("photo_read", by=who.by, role=who.role.value, resident=resident)
        return Response(data, media_type="image/jpeg")

    @router.put(
        f"{V}/residents/{{resident}}/photo",
        status_code=204,
        tags=["residents"],
        openapi_extra={"requestBody": {"required": True, "content": {"image/jpeg": {}}}},
    )
    async def put(resident: str, request: Request, who: Annotated[Who, Depends(signed_in)]) -> None:
        """Keep a photograph: a JPEG of at most 64 KiB. What a camera writes beside the picture is left out."""
        agreed(resident, who)
        data = await request.body()
        try:
            await asyncio.to_thread(photos.put, resident, data)
        except NoPicture as error:
            raise Problem(422, Why.invalid, f"photo: {error}", fields=["photo"]) from None
        except OSError as error:
            log.warning("photo_not_kept", resident=resident, error=error.strerror or str(error))
            raise Problem(503, Why.failed, "照片没有存下来，请管理员检查照片文件夹") from None
        log.info("photo_kept", by=who.by, role=who.role.value, resident=resident, bytes=len(data))

    @router.delete(f"{V}/residents/{{resident}}/photo", status_code=204, tags=["residents"])
    def remove(resident: str, who: Annotated[Who, Depends(signed_in)]) -> None:
        """Forget their photograph, whether they agreed to it or not."""
        if resident not in house.picture.registry.residents:
            raise Problem(404, Why.unknown_resident, "没有这位老人")
        try:
            photos.forget(resident, by=who.by, why="asked", now=house.clock.now())
        except OSError as error:
            log.warning("photo_not_deleted", resident=resident, error=error.strerror or str(error))
            raise Problem(503, Why.failed, "照片没有删除，请管理员检查照片文件夹") from None

    return router
