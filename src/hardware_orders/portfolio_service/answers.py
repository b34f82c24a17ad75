"""What the service answers when it behaves: portfolios with their ETag, 304, and problems (RFC 9457)."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from hardware_orders.portfolio.portfolio import Portfolio

MEDIA_TYPE = "application/json"
PROBLEM_MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer before it is sent, and so before it may be spoilt. `portfolios`: what its body was made of."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    portfolios: tuple[dict[str, Any], ...] = ()

    def response(self) -> Response:
        return Response(self.body, self.status, self.headers)


def problem(status: int, detail: str, **headers: str) -> Answer:
    """`detail` is one sentence with the remedy; underscores in the names of headers stand for hyphens."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, json.dumps(body).encode(), {"Content-Type": PROBLEM_MEDIA_TYPE, **named})


def found(portfolios: Iterable[Portfolio], max_age: int) -> Answer:
    """200 with the portfolios as the file has them."""
    shown = [portfolio.model_dump(by_alias=True, exclude_unset=True) for portfolio in portfolios]
    return of_members(shown, max_age)


def of_members(portfolios: Iterable[dict[str, Any]], max_age: int) -> Answer:
    """200 with these, which need not be portfolios that anybody can use."""
    shown = tuple(portfolios)
    body = json.dumps({"portfolios": shown}, ensure_ascii=False).encode()
    headers = {
        "Content-Type": MEDIA_TYPE,
        "ETag": f'"{hashlib.sha256(body).hexdigest()[:32]}"',
        "Cache-Control": f"private, max-age={max_age}",
    }
    return Answer(200, body, headers, shown)


def unchanged(answer: Answer) -> Answer:
    """304 in place of the answer: the caller has it already."""
    return Answer(304, headers={name: answer.headers[name] for name in ("ETag", "Cache-Control")})


def has(if_none_match: str | None, answer: Answer) -> bool:
    """True when the caller's If-None-Match (RFC 9110, 13.1.2) names this answer. ETags here hold no commas."""
    tags = [tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")]
    return "ETag" in answer.headers and ("*" in tags or answer.headers["ETag"] in tags)
