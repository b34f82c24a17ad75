"""Serves the document and its pages: made once, kept as bytes, and cached by whoever asks."""

import base64
import hashlib
import json
import re
from html import escape
from typing import Any, NamedTuple

from markdown_it import MarkdownIt
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hardware_orders.api.document import asyncapi, event_files, markdown

# A new version of the service is read about at most this much later.
MOST_AGE_SECONDS = 300

_STYLE = """
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; font: 16px/1.5 system-ui, sans-serif; color: #1b1f24; }
h1, h2, h3 { line-height: 1.2; margin-top: 2rem; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { border: 1px solid #d0d7de; padding: .3rem .6rem; text-align: left; vertical-align: top; }
code { font: 14px/1.4 ui-monospace, monospace; overflow-wrap: anywhere; }
/* A narrow screen scrolls a table sideways: names are not broken, and what explains them has room. */
td code { overflow-wrap: break-word; }
td:last-child { min-width: 14rem; }
pre { background: #f6f8fa; padding: .8rem; overflow-x: auto; }
@media (prefers-color-scheme: dark) {
  body { color: #d8dee4; background: #16191d; }
  pre { background: #22272e; } th, td { border-color: #444c56; } a { color: #6cb6ff; }
}
"""
_STYLE_DIGEST = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = f"default-src 'none'; style-src 'sha256-{_STYLE_DIGEST}'; frame-ancestors 'none'; base-uri 'none'"


class Page(NamedTuple):
    """A page as it is sent."""

    content: bytes
    media_type: str
    headers: dict[str, str]

    def answer(self, request: Request) -> Response:
        """The page; 304 to a client that has it already (RFC 9110)."""
        known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
        if known & {self.headers["ETag"], "*"}:
            return Response(status_code=304, headers=self.headers)
        return Response(self.content, headers={**self.headers, "Content-Type": self.media_type})


def routes(document: dict[str, Any]) -> list[Route]:
    """A route for each page, and for the document itself."""
    return [Route(path, page.answer) for path, page in pages(document).items()]


def pages(document: dict[str, Any]) -> dict[str, Page]:
    """The document, its pages as Markdown and as HTML, and the indexes of them, by path."""
    texts = markdown.pages(document)
    found = {
        "/openapi.json": _page(json.dumps(document, ensure_ascii=False), "application/json"),
        markdown.LLMS: _page(markdown.llms(document), "text/plain; charset=utf-8"),
        markdown.LLMS_FULL: _page("\n".join(texts.values()), "text/plain; charset=utf-8"),
    }
    schemas, info = document["components"]["schemas"], document["info"]
    told = asyncapi.document(schemas, title=info["title"], version=info["version"])
    found["/asyncapi.json"] = _page(json.dumps(told, ensure_ascii=False), "application/json")
    for name, schema in event_files.files(schemas).items():
        found[f"/events/schemas/{name}"] = _page(json.dumps(schema, ensure_ascii=False), "application/schema+json")
    for path, text in texts.items():
        found[path + markdown.MARKDOWN] = _page(text, "text/markdown; charset=utf-8")
        found[path] = _page(_html(path, text), "text/html; charset=utf-8", {"Content-Security-Policy": _POLICY})
    return found


def _page(text: str, media_type: str, headers: dict[str, str] | None = None) -> Page:
    content = text.encode()
    said = {
        "ETag": f'"{hashlib.sha256(content).hexdigest()[:32]}"',
        "Cache-Control": f"public, max-age={MOST_AGE_SECONDS}",
    }
    return Page(content, media_type, {**said, **(headers or {})})


def _html(path: str, text: str) -> str:
    """The page for a browser; its links lead to pages for browsers, and from each a way back to the index."""
    title = escape(text.partition("\n")[0].removeprefix("# "))
    body = _render(text)
    way_back = "" if path == markdown.INDEX else f'<nav><a href="{markdown.INDEX}">Hardware Orders</a></nav>\n'
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width">'
        f"<style>{_STYLE}</style></head>\n<body><main>\n{way_back}{body}</main></body></html>\n"
    )


def _render(text: str) -> str:
    rendered: str = MarkdownIt("commonmark").enable("table").render(text)
    return re.sub(rf'href="(/docs[\w/]*){re.escape(markdown.MARKDOWN)}"', r'href="\1"', rendered)
