"""Styles and scripts, all of them ours or vendored in the package: read once, kept, and cached by the browser."""

import hashlib
from functools import cache
from importlib import resources
from typing import NamedTuple

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

PATH = "/dashboard/static/{name:path}"
_MEDIA_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
# The address changes with the content.
_CACHED = "public, max-age=31536000, immutable"


class _File(NamedTuple):
    content: bytes
    media_type: str
    digest: str


@cache
def _files() -> dict[str, _File]:
    folder = resources.files(__package__) / "static"
    found = {}
    for within in (folder, folder / "vendor"):
        for entry in within.iterdir():
            ending = "." + entry.name.rpartition(".")[2]
            if entry.is_file() and ending in _MEDIA_TYPES:
                content = entry.read_bytes()
                name = entry.name if within is folder else f"vendor/{entry.name}"
                found[name] = _File(content, _MEDIA_TYPES[ending], hashlib.sha256(content).hexdigest()[:16])
    return found


def address(name: str) -> str:
    """Where the browser gets this file, as it is now."""
    return f"/dashboard/static/{name}?v={_files()[name].digest}"


async def served(request: Request) -> Response:
    """One of the files. Raises HTTPException 404."""
    file = _files().get(request.path_params["name"])
    if file is None:
        raise HTTPException(404)
    headers = {"Content-Type": file.media_type, "Cache-Control": _CACHED, "ETag": f'"{file.digest}"'}
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    return Response(file.content, headers=headers)
