"""The web app's files, as Vite built them into `dashboard_api/static`; a plain sentence when they are not there.

Every address without a file (/, /wall, /desk, /login …) gets index.html: the app reads the address itself. Files
under /assets carry a hash of their content in the name and may be kept for ever; index.html is asked for each time.
"""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
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


def pages(static: Path) -> APIRouter:
    """The routes of the web app."""
    router = APIRouter(include_in_schema=False)
    root = static.resolve()

    def serve(path: str) -> Response:
        target = (root / path).resolve()
        if path and target.is_relative_to(root) and target.is_file():
            media = _TYPES.get(target.suffix.lower())
            if media is None:
                raise Problem(404, Why.not_found)
            forever = path.startswith("assets/")
            keep = "public, max-age=31536000, immutable" if forever else "no-cache"
            return FileResponse(target, media_type=media, headers={"Cache-Control": keep})
        last = path.rsplit("/", 1)[-1]
        if path.startswith("assets/") or Path(last).suffix in _TYPES:
            raise Problem(404, Why.not_found)
        index = root / "index.html"
        if not index.is_file():
            return HTMLResponse(NOT_BUILT, headers={"Cache-Control": "no-cache"})
        return FileResponse(
            index, media_type="text/html; charset=utf-8", headers={"Cache-Control": "no-cache"}
        )

    @router.api_route("/", methods=["GET", "HEAD"])
    def front() -> Response:
        return serve("")

    @router.api_route("/{page}", methods=["GET", "HEAD"])
    def page_of(page: str) -> Response:
        return serve(page)

    @router.api_route("/{page}/{rest}", methods=["GET", "HEAD"])
    def page_below(page: str, rest: str) -> Response:
        return serve(f"{page}/{rest}")

    @router.api_route("/{page}/{rest}/{more}", methods=["GET", "HEAD"])
    def page_far_below(page: str, rest: str, more: str) -> Response:
        return serve(f"{page}/{rest}/{more}")

    return router
