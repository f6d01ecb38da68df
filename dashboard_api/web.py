"""The web app's files, as Vite built them into `dashboard_api/static`; a plain sentence when they are not there.

Every address without a file (/, /wall, /desk, /login …) gets index.html: the app reads the address itself. Files
under /assets carry a hash of their content in the name and may be kept for ever; index.html is asked for each time. With
index.html goes, as `Link` headers, what the page of this address will need: the browser fetches it beside the first script
instead of finding it file by file after it. Text is sent compressed to whoever takes it.
"""

from __future__ import annotations

import gzip
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import FileResponse, HTMLResponse, Response

from dashboard_api.problems import Problem, Why

BUILT = Path(__file__).parent / "static"

NOT_BUILT = """<!doctype html>
<html lang="zh-CN"><head><meta charset="utf-8"><title>安心</title></head>
<body><main><h1>安心</h1>
<p>服务在运行，但网页尚未构建。请在项目目录运行 <code>make web</code>，然后刷新本页。</p>
<p lang="en">The service is running, but the web app has not been built. Run <code>make web</code> and reload.</p>
</main></body></html>
"""

_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
    ".webmanifest": "application/manifest+json",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
}
"""Not the machine's own list of types: with `nosniff` a wrong one is a blank screen."""


_COMPRESSED = frozenset({".js", ".css", ".svg"})
_COMPRESSIONS = 200
"""Files whose compressed form is kept in memory: more than a build has, some 5 kB each."""

_NEEDS = {
    "desk": ["src/desk/DeskPage.vue"],
    "wall": ["src/wall/WallPage.vue"],
    "go": ["src/go/GoPage.vue"],
    "family": ["src/family/FamilyPage.vue"],
    "residents": ["src/office/OfficeLayout.vue", "src/residents/ResidentsPage.vue"],
    "devices": ["src/office/OfficeLayout.vue", "src/devices/DevicesPage.vue"],
    "duty": ["src/office/OfficeLayout.vue", "src/duty/DutyPage.vue"],
    "kpi": ["src/office/OfficeLayout.vue", "src/kpi/KpiPage.vue"],
    "sim": ["src/office/OfficeLayout.vue", "src/sim/SimPage.vue"],
}
"""First word of an address: the parts of the app that stand there (web/src/router.ts)."""


@lru_cache(maxsize=_COMPRESSIONS)
def _compressed(path: Path, _changed_ns: int) -> bytes:
    return gzip.compress(path.read_bytes(), 9, mtime=0)


def needs(manifest: dict[str, Any], parts: list[str]) -> list[str]:
    """`Link` values for everything these parts of the app load beyond what index.html names itself."""

    def closure(names: list[str], seen: dict[str, None]) -> dict[str, None]:
        for name in names:
            if name not in seen and name in manifest:
                seen[name] = None
                closure(manifest[name].get("imports", []), seen)
        return seen

    there = closure(["index.html"], {})
    wanted = [manifest[name] for name in closure(parts, {}) if name not in there]
    styles = dict.fromkeys(css for one in wanted for css in one.get("css", []))
    return [
        *(f"</{css}>; rel=preload; as=style" for css in styles),
        *(f"</{one['file']}>; rel=modulepreload" for one in wanted),
    ]


@lru_cache(maxsize=64)
def _links(manifest: Path, _changed_ns: int, word: str) -> str:
    return ", ".join(needs(json.loads(manifest.read_bytes()), _NEEDS[word]))


SIMULATED = b"<html data-simulated "
"""How a page begins where a simulator feeds the service: the frame hangs on it (web/src/tokens.css), script or no script."""


@lru_cache(maxsize=4)
def _simulated(page: Path, _changed_ns: int) -> bytes:
    return page.read_bytes().replace(b"<html ", SIMULATED, 1)


def pages(static: Path, *, simulated: bool = False) -> APIRouter:
    """The routes of the web app. `simulated`: every page says that nothing on it is real."""
    router = APIRouter(include_in_schema=False)
    root = static.resolve()

    def links(word: str) -> dict[str, str]:
        """The header for the page of an address; none when the build has no list of its files."""
        manifest = root / ".vite" / "manifest.json"
        if word not in _NEEDS or not manifest.is_file():
            return {}
        found = _links(manifest, manifest.stat().st_mtime_ns, word)
        return {"Link": found} if found else {}

    def serve(path: str, request: Request) -> Response:
        target = (root / path).resolve()
        if path and target.is_relative_to(root) and target.is_file():
            media = _TYPES.get(target.suffix.lower())
            if media is None:
                raise Problem(404, Why.not_found)
            forever = path.startswith("assets/")
            keep = "public, max-age=31536000, immutable" if forever else "no-cache"
            headers = {"Cache-Control": keep}
            if target.suffix.lower() in _COMPRESSED:
                headers["Vary"] = "Accept-Encoding"
                if "gzip" in request.headers.get("accept-encoding", "") and request.method == "GET":
                    body = _compressed(target, target.stat().st_mtime_ns)
                    return Response(body, media_type=media, headers={**headers, "Content-Encoding": "gzip"})
            return FileResponse(target, media_type=media, headers=headers)
        last = path.rsplit("/", 1)[-1]
        if path.startswith("assets/") or Path(last).suffix in _TYPES:
            raise Problem(404, Why.not_found)
        index = root / "index.html"
        if not index.is_file():
            return HTMLResponse(NOT_BUILT, headers={"Cache-Control": "no-cache"})
        headers = {"Cache-Control": "no-cache", **links(path.partition("/")[0])}
        if simulated:
            page = _simulated(index, index.stat().st_mtime_ns)
            return HTMLResponse(page, headers=headers)
        return FileResponse(index, media_type="text/html; charset=utf-8", headers=headers)

    @router.api_route("/", methods=["GET", "HEAD"])
    def front(request: Request) -> Response:
        return serve("", request)

    @router.api_route("/{page}", methods=["GET", "HEAD"])
    def page_of(page: str, request: Request) -> Response:
        return serve(page, request)

    @router.api_route("/{page}/{rest}", methods=["GET", "HEAD"])
    def page_below(page: str, rest: str, request: Request) -> Response:
        return serve(f"{page}/{rest}", request)

    @router.api_route("/{page}/{rest}/{more}", methods=["GET", "HEAD"])
    def page_far_below(page: str, rest: str, more: str, request: Request) -> Response:
        return serve(f"{page}/{rest}/{more}", request)

    return router
