"""Makes a span of every request, around the application only while there is a collector (hardware_orders.tracing)."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hardware_orders import trace_context, tracing


class RequestSpans:
    """ASGI middleware. The span takes its caller's place in `traceparent`, which is all that the others know of it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        parent = trace_context.of_headers(scope["headers"])
        asked = {"http__request__method": scope["method"], "url__path": scope["path"]}
        with tracing.span("request", parent, **asked) as span:

            async def send_noted(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.note(http__response__status_code=message["status"])
                await send(message)

            own = span.trace.as_members() if span.trace else {}
            others = [field for field in scope["headers"] if field[0] not in (b"traceparent", b"tracestate")]
            # In this very scope: what is kept in it is read by those around.
            scope["headers"] = [*others, *((name.encode(), value.encode()) for name, value in own.items())]
            await self._app(scope, receive, send_noted)
