"""Requests as the routes get them, made of headers alone."""

from starlette.requests import Request

from hardware_orders.api.application import Application


def a_request(*headers: tuple[str, str], method: str = "POST", path: str = "/orders/hardware") -> Request:
    encoded = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    return Request({"type": "http", "method": method, "path": path, "query_string": b"", "headers": encoded})


def with_body(*chunks: bytes, content_type: str | None = "application/json") -> Request:
    messages = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    messages.append({"type": "http.request", "body": b"", "more_body": False})
    headers = [] if content_type is None else [(b"content-type", content_type.encode("latin-1"))]

    async def receive() -> dict[str, object]:
        return messages.pop(0)

    scope = {"type": "http", "method": "POST", "path": "/orders/hardware", "query_string": b"", "headers": headers}
    return Request({**scope, "app": Application([])}, receive)
