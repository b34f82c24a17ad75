"""Serves the document and its pages: each made when it is first asked for, kept as bytes, and cached by whoever asks."""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from functools import cached_property, partial
from html import escape
from typing import Any

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


class Page:
    """A page, made when somebody first asks for it: there are hundreds, and a start would wait for all of them."""

    def __init__(self, media_type: str, text: Callable[[], str], headers: Mapping[str, str] | None = None) -> None:
        self._media_type = media_type
        self._text = text
        self._headers = headers or {}

    @cached_property
    def content(self) -> bytes:
        return self._text().encode()

    @cached_property
    def headers(self) -> dict[str, str]:
        return {
            "ETag": f'"{hashlib.sha256(self.content).hexdigest()[:32]}"',
            "Cache-Control": f"public, max-age={MOST_AGE_SECONDS}",
            **self._headers,
        }

    def answer(self, request: Request) -> Response:
        """The page; 304 to a client that has it already (RFC 9110)."""
        known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
        if known & {self.headers["ETag"], "*"}:
            return Response(status_code=304, headers=self.headers)
        return Response(self.content, headers={**self.headers, "Content-Type": self._media_type})


def routes(document: dict[str, Any]) -> list[Route]:
    """A route for each page, and for the document itself."""
    return [Route(path, page.answer) for path, page in pages(document).items()]


def pages(document: dict[str, Any]) -> dict[str, Page]:
    """The document, its pages as Markdown and as HTML, and the indexes of them, by path."""
    texts = markdown.pages(document)
    schemas, info = document["components"]["schemas"], document["info"]
    told = asyncapi.document(schemas, title=info["title"], version=info["version"])
    found = {
        "/openapi.json": Page("application/json", partial(_json, document)),
        "/asyncapi.json": Page("application/json", partial(_json, told)),
        markdown.LLMS: Page("text/plain; charset=utf-8", partial(markdown.llms, document)),
        markdown.LLMS_FULL: Page("text/plain; charset=utf-8", partial("\n".join, texts.values())),
    }
    for name, schema in event_files.files(schemas).items():
        found[f"/events/schemas/{name}"] = Page("application/schema+json", partial(_json, schema))
    for path, text in texts.items():
        found[path + markdown.MARKDOWN] = Page("text/markdown; charset=utf-8", partial(str, text))
        found[path] = Page("text/html; charset=utf-8", partial(_html, path, text), {"Content-Security-Policy": _POLICY})
    return found


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False)


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
    from markdown_it import MarkdownIt  # noqa: PLC0415  # sixty modules, which wait for the first page too

    rendered: str = MarkdownIt("commonmark").enable("table").render(text)
    return re.sub(rf'href="(/docs[\w/]*){re.escape(markdown.MARKDOWN)}"', r'href="\1"', rendered)
