"""Files of pages, as browsers need them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

OWN_FILES: Final = Path(__file__).parent / "static"
"""The folder of what the server brings along: the browser client."""

BROWSER_CLIENT: Final = "realtime.js"

# The system's table of types may lack these or map them to something that browsers refuse.
_TYPES: Final = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".json": "application/json",
    ".map": "application/json",
    ".mjs": "text/javascript",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}
# Files have no version in their names: a browser asks each time, and is mostly answered 304.
_HEADERS: Final = {"cache-control": "no-cache", "x-content-type-options": "nosniff"}


class PageFiles(StaticFiles):
    """The files of a folder such as the app's `web/`, with `index.html` for each folder in it."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory=directory, html=True, check_dir=False)

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        """Return a file, or 304 if the browser has it."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        if isinstance(response, FileResponse):
            extension = os.path.splitext(full_path)[1].lower()
            response = FileResponse(
                full_path,
                status_code,
                media_type=_TYPES.get(extension),
                stat_result=stat_result,
            )
        response.headers.update(_HEADERS)
        return response
